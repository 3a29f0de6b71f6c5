// SPDX-License-Identifier: GPL-2.0
/*
 * Network namespaces: the per-netns state, net.tsor.enabled, and switching on and off. Never
 * touches a socket: adopt.c and handshake.c do.
 *
 * The state of a netns exists from tsor_netns_init() on, so that those above may read it;
 * namespaces can be switched on only between tsor_netns_start() and tsor_netns_stop(), when
 * all that they need is there.
 *
 * Namespaces come and go by themselves while they are written to by sysctl and netlink. Who
 * writes by sysctl is waited for when the entry is removed, before the state is freed; who
 * writes by netlink has a reference on the netns.
 *
 * Lock order: pernet_ops_rwsem, then tsor_net.lock, then whatever adopt.c and handshake.c take
 * (pernet_ops_rwsem they must not: tsor_netns_stop() and the end of a netns hold it).
 */
#include <linux/capability.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <linux/sysctl.h>

#include "adopt.h"
#include "compat.h"
#include "handshake.h"
#include "netns.h"
#include "stats.h"

unsigned int tsor_net_id;

/* false: nothing may be switched on; written with no tsor_net.lock held, see tsor_netns_stop() */
static bool started;

/* counts namespaces made and gone: has the list changed under a dump? */
static atomic_t generation = ATOMIC_INIT(1);

static int tsor_netns_enabled_sysctl(TSOR_CTL_CONST struct ctl_table *table, int write,
				     void *buffer, size_t *lenp, loff_t *ppos)
{
	struct tsor_net *tn = container_of(table->data, struct tsor_net, enabled);
	int value = READ_ONCE(tn->enabled);
	struct ctl_table copy = {
		.procname = table->procname,
		.data = &value,
		.maxlen = sizeof(value),
		.mode = table->mode,
		.extra1 = SYSCTL_ZERO,
		.extra2 = SYSCTL_ONE,
	};
	int err;

	/* the file's mode alone would let root of a pod write that has no capabilities */
	if (write && !ns_capable(tn->net->user_ns, CAP_NET_ADMIN))
		return -EPERM;
	err = proc_dointvec_minmax(&copy, write, buffer, lenp, ppos);
	if (err || !write)
		return err;
	return tsor_netns_enable(tn->net, value);
}

static const struct ctl_table tsor_netns_table[] = {
	{
		.procname = "enabled",
		.maxlen = sizeof(int),
		.mode = 0644,
		.proc_handler = tsor_netns_enabled_sysctl,
	},
};

#define TSOR_NETNS_SYSCTLS	ARRAY_SIZE(tsor_netns_table)

static int tsor_netns_switch_on(struct tsor_net *tn)
{
	int err;

	err = tsor_handshake_netns_enable(tn->net);
	if (err)
		return err;
	WRITE_ONCE(tn->enabled, 1);
	/* listeners from before; later ones are seen when they begin to listen */
	tsor_adopt_listeners(tn->net);
	return 0;
}

static void tsor_netns_switch_off(struct tsor_net *tn)
{
	WRITE_ONCE(tn->enabled, 0);
	tsor_adopt_release_listeners(tn->net);
	tsor_handshake_netns_disable(tn->net);
}

/**
 * tsor_netns_enable - switch a namespace on or off
 * @net: the namespace; the caller keeps it alive
 * @on: what it shall be
 *
 * Process context, takes tsor_net.lock. On: new connections are adopted, and the listeners
 * that there are. Off: nothing more is adopted; channels that live stay so until they end.
 *
 * Return: 0, also when nothing changes; -EAGAIN while the module is loaded or unloaded; what
 * tsor_handshake_netns_enable() returns.
 */
int tsor_netns_enable(struct net *net, bool on)
{
	struct tsor_net *tn = tsor_net(net);
	int err = 0;

	mutex_lock(&tn->lock);
	if (on == !!tn->enabled)
		goto unlock;
	if (!on)
		tsor_netns_switch_off(tn);
	else if (READ_ONCE(started))
		err = tsor_netns_switch_on(tn);
	else
		err = -EAGAIN;
unlock:
	mutex_unlock(&tn->lock);
	return err;
}

/**
 * tsor_netns_generation - differs from an earlier value if namespaces came or went since
 *
 * Any context. Never 0.
 */
unsigned int tsor_netns_generation(void)
{
	return atomic_read(&generation) ?: 1;
}

static int __net_init tsor_netns_net_init(struct net *net)
{
	struct tsor_net *tn = tsor_net(net);
	int err;

	tn->net = net;
	mutex_init(&tn->lock);

	/* an empty entry at the end: needed before 6.6 */
	tn->table = kcalloc(TSOR_NETNS_SYSCTLS + 1, sizeof(*tn->table), GFP_KERNEL_ACCOUNT);
	if (!tn->table)
		return -ENOMEM;
	memcpy(tn->table, tsor_netns_table, sizeof(tsor_netns_table));
	tn->table[0].data = &tn->enabled;

	err = tsor_stats_net_init(net);
	if (err)
		goto free_table;

	tn->hdr = register_net_sysctl_sz(net, "net/tsor", tn->table, TSOR_NETNS_SYSCTLS);
	if (!tn->hdr) {
		err = -ENOMEM;
		goto exit_stats;
	}
	atomic_inc(&generation);
	return 0;

exit_stats:
	tsor_stats_net_exit(net);
free_table:
	kfree(tn->table);
	return err;
}

static void __net_exit tsor_netns_net_exit(struct net *net)
{
	struct tsor_net *tn = tsor_net(net);

	atomic_inc(&generation);
	/* waits for writers in progress */
	unregister_net_sysctl_table(tn->hdr);
	tsor_netns_enable(net, false);
	tsor_stats_net_exit(net);
	kfree(tn->table);
}

static struct pernet_operations tsor_netns_ops = {
	.init = tsor_netns_net_init,
	.exit = tsor_netns_net_exit,
	.id = &tsor_net_id,
	.size = sizeof(struct tsor_net),
};

/**
 * tsor_netns_start - namespaces may be switched on
 *
 * The last step of loading.
 */
void tsor_netns_start(void)
{
	WRITE_ONCE(started, true);
}

/**
 * tsor_netns_stop - switch all namespaces off, for good
 *
 * The first step of unloading. Process context.
 */
void tsor_netns_stop(void)
{
	struct net *net;

	/* who has missed this holds the lock of its netns, which the loop takes */
	WRITE_ONCE(started, false);
	/* for writing: a netns on its way out is off the list, but not yet switched off */
	down_write(&pernet_ops_rwsem);
	for_each_net(net)
		tsor_netns_enable(net, false);
	up_write(&pernet_ops_rwsem);
}

/**
 * tsor_netns_init - make the state of all namespaces, those to come too
 *
 * Return: 0 or negative errno.
 */
int tsor_netns_init(void)
{
	return register_pernet_subsys(&tsor_netns_ops);
}

/**
 * tsor_netns_exit - and remove it
 *
 * Nothing may use it any more.
 */
void tsor_netns_exit(void)
{
	unregister_pernet_subsys(&tsor_netns_ops);
}
