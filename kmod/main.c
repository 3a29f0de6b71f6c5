// SPDX-License-Identifier: GPL-2.0
/* Loading and unloading: the rooms in the order of their dependencies, and backwards. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>

#include "adopt.h"
#include "channel.h"
#include "handshake.h"
#include "netlink.h"
#include "netns.h"
#include "node.h"
#include "peer.h"
#include "stats.h"
#include "version.h"

static int __init tsor_init(void)
{
	int err;

	if (IS_ENABLED(CONFIG_PREEMPT_RT)) {
		pr_err("not made for a kernel with PREEMPT_RT\n");
		return -EOPNOTSUPP;
	}
	tsor_node_init();

	err = tsor_stats_init();
	if (err)
		return err;
	err = tsor_netns_init();
	if (err)
		goto exit_stats;
	err = tsor_channel_init();
	if (err)
		goto exit_netns;
	err = tsor_handshake_init();
	if (err)
		goto exit_channel;
	err = tsor_adopt_init();
	if (err)
		goto exit_handshake;
	err = tsor_peer_init();
	if (err)
		goto exit_adopt;
	err = tsor_netlink_init();
	if (err)
		goto exit_peer;

	/* not before everything is there: from now on sockets are adopted */
	tsor_netns_start();
	pr_info("version " TSOR_VERSION ", node %016llx\n", tsor_node_id());
	return 0;

exit_peer:
	tsor_peer_exit();
exit_adopt:
	tsor_adopt_exit();
exit_handshake:
	tsor_handshake_exit();
exit_channel:
	tsor_channel_exit();
exit_netns:
	tsor_netns_exit();
exit_stats:
	tsor_stats_exit();
	return err;
}

static void __exit tsor_exit(void)
{
	tsor_netns_stop();
	tsor_netlink_exit();
	tsor_peer_exit();
	tsor_adopt_exit();
	tsor_handshake_exit();
	tsor_channel_exit();
	tsor_netns_exit();
	tsor_stats_exit();
}

module_init(tsor_init);
module_exit(tsor_exit);

MODULE_DESCRIPTION("TSoR: TCP sockets over RDMA");
MODULE_AUTHOR("The TSoR authors");
MODULE_LICENSE("GPL");
MODULE_VERSION(TSOR_VERSION);
