/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A channel: one end of one connection, between a socket and the carriers. Owns the queues
 * of both directions and the stream's state; everything in it is guarded by the socket's
 * lock (bh part in softirq; what arrives while a program holds it waits in @backlog until
 * release_cb). Never touches a QP.
 */
#ifndef TSOR_CHANNEL_H
#define TSOR_CHANNEL_H

#include <linux/rhashtable-types.h>
#include <linux/skbuff.h>
#include <linux/workqueue.h>
#include <net/sock.h>

#include "link.h"
#include "stream.h"

/**
 * enum tsor_role - the states of the model (selftests/model/tsor.pml)
 * @TSOR_NONE: adopted, handshake not over; or a listener
 * @TSOR_UND: client that sent its confirm and has not heard the server
 * @TSOR_CH: both ends are known to be channels
 * @TSOR_PLAIN: never or no longer ours
 * @TSOR_DEAD: ended by a reset or an error
 */
enum tsor_role {
	TSOR_NONE,
	TSOR_UND,
	TSOR_CH,
	TSOR_PLAIN,
	TSOR_DEAD,
};

/* Why a connection is on TCP; names in tsor_reason_name(), text in admin.rst. */
enum tsor_reason {
	TSOR_WHY_NONE,
	TSOR_WHY_NO_OPTION,	/* the peer's packet had no option */
	TSOR_WHY_BAD_OPTION,	/* version, length, token */
	TSOR_WHY_ECHO,		/* the answer names our own node */
	TSOR_WHY_NO_LINK,	/* no link up to the node that the option names */
	TSOR_WHY_NOT_CONFIRMED,	/* server: the third ACK had no valid confirm */
	TSOR_WHY_REFUSED,	/* client: REFUSE on the link */
	TSOR_WHY_RAW,		/* the peer's first payload on TCP had no mark */
	TSOR_WHY_PROBES,	/* three probes answered without accept */
	TSOR_WHY_FASTOPEN,
	TSOR_WHY_SIMULTANEOUS,
	TSOR_WHY_OPTION,	/* a socket option that only TCP has */
	TSOR_WHY_NO_MEMORY,
	TSOR_WHY_DISABLED,
	TSOR_WHY_NR
};

/**
 * struct tsor_channel_info - a copy of what can be shown of a channel
 */
struct tsor_channel_info {
	struct net *net;	/* not a reference: compare only */
	u64 netns_inum;
	u64 node_id;		/* the peer's */
	u64 tx_bytes;		/* payload given to the link */
	u64 rx_bytes;		/* payload taken from the link */
	u64 ino;		/* of the socket, as in /proc/net/tcp; 0 if none */
	u32 token;
	u32 peer_token;
	u32 txq_bytes;
	u32 rxq_bytes;
	u16 epoch;
	u8 role;		/* enum tsor_role */
	u8 reason;		/* enum tsor_reason */
	u8 tcp_state;
	bool server;
	u16 family;
	__be16 sport, dport;
	struct in6_addr saddr, daddr;	/* IPv4 as v4-mapped */
};

struct rhashtable_iter;
void tsor_channel_walk_start(struct rhashtable_iter *iter);
int tsor_channel_walk_next(struct rhashtable_iter *iter, struct tsor_channel_info *info);
void tsor_channel_walk_stop(struct rhashtable_iter *iter);
const char *tsor_role_name(enum tsor_role role);
const char *tsor_reason_name(enum tsor_reason reason);

#endif
