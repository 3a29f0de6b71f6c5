/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the module keeps for each network namespace: the sysctls net.tsor.* and the counts
 * of connections by carrier and reason. netns.c calls adopt.c and handshake.c when a
 * namespace is switched on or off; those only read what is here.
 */
#ifndef TSOR_NETNS_H
#define TSOR_NETNS_H

#include <linux/atomic.h>
#include <linux/mutex.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "channel.h"

/**
 * struct tsor_net - per namespace
 * @net: the namespace
 * @enabled: 0 or 1, net.tsor.enabled; read anywhere with READ_ONCE
 * @lock: held while it is switched on or off
 * @live: channels that are not plain
 * @closing: sockets that were closed, and end by our work
 * @plain: connections that became plain, by reason, since the namespace was made
 * @hdr: sysctl table
 * @table: its entries
 */
struct tsor_net {
	struct net *net;
	int enabled;
	struct mutex lock;	/* switching on and off */
	atomic_t live;
	atomic_t closing;
	atomic64_t plain[TSOR_WHY_NR];
	struct ctl_table_header *hdr;
	struct ctl_table *table;
};

extern unsigned int tsor_net_id;

static inline struct tsor_net *tsor_net(const struct net *net)
{
	return net_generic(net, tsor_net_id);
}

static inline bool tsor_net_enabled(const struct net *net)
{
	return READ_ONCE(tsor_net(net)->enabled);
}

int tsor_netns_init(void);
void tsor_netns_exit(void);
void tsor_netns_start(void);
void tsor_netns_stop(void);
int tsor_netns_enable(struct net *net, bool on);
unsigned int tsor_netns_generation(void);

#endif
