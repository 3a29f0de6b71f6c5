// SPDX-License-Identifier: GPL-2.0
/*
 * The generic netlink family "tsor". Requests run in the process context of whoever asks, many
 * at a time (parallel_ops): all state is in the rooms below, which lock it themselves.
 *
 * Who may do what: settings of the node need CAP_NET_ADMIN in the initial user namespace and
 * the initial netns; switching a netns, and looking at one that is not the caller's own,
 * CAP_NET_ADMIN in the user namespace that owns it. The checks stand in the operations, not in
 * their flags, so that a refusal can say what is missing.
 *
 * Dumps go on where they stopped: peers by the cursor of peer.c, connections by a walk over
 * the hash table that stays attached to it between messages (one that is resized under it starts
 * again, so that a connection may be shown twice, but none that stays is left out), namespaces
 * by their place in the list, with NLM_F_DUMP_INTR if the list has changed.
 *
 * Events are told by the rooms below in any context. They hold the RCU read lock, which
 * tsor_netlink_exit() waits for before the family goes.
 */
#include <linux/capability.h>
#include <linux/rhashtable.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <net/genetlink.h>
#include <net/ipv6.h>

#include "channel.h"
#include "compat.h"
#include "netlink.h"
#include "netns.h"
#include "node.h"
#include "peer.h"
#include "stats.h"
#include "tsor.h"

/* the numbers of our own enums are passed on as they are */
static_assert((int)TSOR_PEER_STATE_IDLE == (int)TSOR_PEER_IDLE);
static_assert((int)TSOR_PEER_STATE_CONNECTING == (int)TSOR_PEER_CONNECTING);
static_assert((int)TSOR_PEER_STATE_UP == (int)TSOR_PEER_UP);
static_assert((int)TSOR_PEER_STATE_WAITING == (int)TSOR_PEER_WAITING);
static_assert((int)TSOR_ROLE_NONE == (int)TSOR_NONE);
static_assert((int)TSOR_ROLE_UNDECIDED == (int)TSOR_UND);
static_assert((int)TSOR_ROLE_CHANNEL == (int)TSOR_CH);
static_assert((int)TSOR_ROLE_PLAIN == (int)TSOR_PLAIN);
static_assert((int)TSOR_ROLE_DEAD == (int)TSOR_DEAD);
static_assert((int)TSOR_REASON_NONE == (int)TSOR_WHY_NONE);
static_assert((int)TSOR_REASON_NO_OPTION == (int)TSOR_WHY_NO_OPTION);
static_assert((int)TSOR_REASON_BAD_OPTION == (int)TSOR_WHY_BAD_OPTION);
static_assert((int)TSOR_REASON_ECHO == (int)TSOR_WHY_ECHO);
static_assert((int)TSOR_REASON_NO_LINK == (int)TSOR_WHY_NO_LINK);
static_assert((int)TSOR_REASON_NOT_CONFIRMED == (int)TSOR_WHY_NOT_CONFIRMED);
static_assert((int)TSOR_REASON_REFUSED == (int)TSOR_WHY_REFUSED);
static_assert((int)TSOR_REASON_RAW == (int)TSOR_WHY_RAW);
static_assert((int)TSOR_REASON_PROBES == (int)TSOR_WHY_PROBES);
static_assert((int)TSOR_REASON_FASTOPEN == (int)TSOR_WHY_FASTOPEN);
static_assert((int)TSOR_REASON_SIMULTANEOUS == (int)TSOR_WHY_SIMULTANEOUS);
static_assert((int)TSOR_REASON_OPTION == (int)TSOR_WHY_OPTION);
static_assert((int)TSOR_REASON_NO_MEMORY == (int)TSOR_WHY_NO_MEMORY);
static_assert((int)TSOR_REASON_DISABLED == (int)TSOR_WHY_DISABLED);
static_assert((int)TSOR_REASON_NR == (int)TSOR_WHY_NR);

static struct genl_family tsor_family;

/* events are told only while this is set; read under RCU */
static bool telling;

static const struct genl_multicast_group tsor_groups[] = {
	{ .name = TSOR_MCGRP_EVENTS, .flags = GENL_MCAST_CAP_NET_ADMIN },
};

static const struct nla_policy tsor_peer_policy[TSOR_A_PEER_PREFIX + 1] = {
	[TSOR_A_PEER_ADDR] = NLA_POLICY_EXACT_LEN(sizeof(struct in6_addr)),
	[TSOR_A_PEER_PREFIX] = NLA_POLICY_MAX(NLA_U32, 128),
};

static const struct nla_policy tsor_key_policy[TSOR_A_KEY_DATA + 1] = {
	[TSOR_A_KEY_DATA] = NLA_POLICY_RANGE(NLA_BINARY, 1, TSOR_KEY_MAX),
};

static const struct nla_policy tsor_conn_policy[TSOR_A_CONN_NETNS + 1] = {
	[TSOR_A_CONN_NETNS] = { .type = NLA_U64 },
};

static const struct nla_policy tsor_netns_get_policy[TSOR_A_NETNS_FD + 1] = {
	[TSOR_A_NETNS_PID] = NLA_POLICY_MIN(NLA_U32, 1),
	[TSOR_A_NETNS_FD] = { .type = NLA_U32 },
};

static const struct nla_policy tsor_netns_set_policy[TSOR_A_NETNS_ENABLED + 1] = {
	[TSOR_A_NETNS_PID] = NLA_POLICY_MIN(NLA_U32, 1),
	[TSOR_A_NETNS_FD] = { .type = NLA_U32 },
	[TSOR_A_NETNS_ENABLED] = NLA_POLICY_MAX(NLA_U32, 1),
};

static int tsor_need_init_net(struct net *net, struct netlink_ext_ack *extack)
{
	if (net_eq(net, &init_net))
		return 0;
	NL_SET_ERR_MSG(extack, "peers and links are seen in the initial network namespace only");
	return -EOPNOTSUPP;
}

/* ---- peers ---- */

/* are all bits behind the first @prefix 0? */
static bool tsor_prefix_fits(const struct in6_addr *addr, u8 prefix)
{
	struct in6_addr masked;

	ipv6_addr_prefix(&masked, addr, prefix);
	return ipv6_addr_equal(&masked, addr);
}

static int tsor_need_admin(struct sk_buff *skb, struct genl_info *info)
{
	int err;

	err = tsor_need_init_net(genl_info_net(info), info->extack);
	if (err)
		return err;
	if (netlink_capable(skb, CAP_NET_ADMIN))
		return 0;
	GENL_SET_ERR_MSG(info, "settings of the node need CAP_NET_ADMIN on it");
	return -EPERM;
}

static int tsor_peer_request(struct sk_buff *skb, struct genl_info *info,
			     struct in6_addr *addr, u8 *prefix)
{
	struct netlink_ext_ack *extack = info->extack;
	struct nlattr *attr = info->attrs[TSOR_A_PEER_ADDR];
	bool mapped;
	int err;

	err = tsor_need_admin(skb, info);
	if (err)
		return err;
	if (!attr) {
		NL_SET_ERR_MSG(extack, "address missing");
		return -EINVAL;
	}
	*addr = nla_get_in6_addr(attr);
	*prefix = 128;
	if (info->attrs[TSOR_A_PEER_PREFIX])
		*prefix = nla_get_u32(info->attrs[TSOR_A_PEER_PREFIX]);

	mapped = ipv6_addr_v4mapped(addr);
	if (mapped && *prefix < 96) {
		NL_SET_ERR_MSG_ATTR(extack, info->attrs[TSOR_A_PEER_PREFIX],
				    "an IPv4 prefix must be 96 to 128 in its mapped form");
		return -EINVAL;
	}
	if (!tsor_prefix_fits(addr, *prefix)) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "address has bits set behind its prefix");
		return -EINVAL;
	}
	if (*prefix < 128)
		return 0;

	/* a node */
	if (ipv6_addr_any(addr) || ipv6_addr_loopback(addr) ||
	    (mapped && (ipv4_is_zeronet(addr->s6_addr32[3]) ||
			ipv4_is_loopback(addr->s6_addr32[3])))) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "not the address of another node");
		return -EINVAL;
	}
	if (ipv6_addr_is_multicast(addr) ||
	    (mapped && (ipv4_is_multicast(addr->s6_addr32[3]) ||
			ipv4_is_lbcast(addr->s6_addr32[3])))) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "a multicast or broadcast address is no node's");
		return -EINVAL;
	}
	if (ipv6_addr_type(addr) & IPV6_ADDR_LINKLOCAL) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "a link-local address says nothing without its interface");
		return -EINVAL;
	}
	return 0;
}

static int tsor_peer_add_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct in6_addr addr;
	u8 prefix;
	int err;

	err = tsor_peer_request(skb, info, &addr, &prefix);
	if (err)
		return err;
	err = tsor_peer_add(&addr, prefix);
	switch (err) {
	case 0:
		break;
	case -EEXIST:
		GENL_SET_ERR_MSG(info, "this peer or range is configured already");
		break;
	case -ENOMEM:
		GENL_SET_ERR_MSG(info, "out of memory");
		break;
	case -ENOSPC:
		GENL_SET_ERR_MSG(info, "too many peers");
		break;
	default:
		GENL_SET_ERR_MSG(info, "the peer could not be added");
		break;
	}
	return err;
}

static int tsor_peer_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct in6_addr addr;
	u8 prefix;
	int err;

	err = tsor_peer_request(skb, info, &addr, &prefix);
	if (err)
		return err;
	err = tsor_peer_del(&addr, prefix);
	if (err == -ENOENT)
		GENL_SET_ERR_MSG(info, "no such peer or range is configured");
	else if (err)
		GENL_SET_ERR_MSG(info, "the peer could not be removed");
	return err;
}

static int tsor_key_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *attr = info->attrs[TSOR_A_KEY_DATA];
	int err;

	err = tsor_need_admin(skb, info);
	if (err)
		return err;
	err = attr ? tsor_peer_set_key(nla_data(attr), nla_len(attr)) : tsor_peer_set_key(NULL, 0);
	if (err)
		GENL_SET_ERR_MSG(info, "the key could not be set");
	return err;
}

static int tsor_peer_fill(struct sk_buff *skb, const struct tsor_peer_info *peer)
{
	if (nla_put_in6_addr(skb, TSOR_A_PEER_ADDR, &peer->addr) ||
	    nla_put_u32(skb, TSOR_A_PEER_PREFIX, peer->prefix) ||
	    nla_put_u32(skb, TSOR_A_PEER_STATE, peer->state) ||
	    nla_put_u32(skb, TSOR_A_PEER_ATTEMPTS, peer->attempts))
		return -EMSGSIZE;
	if (peer->range && nla_put_flag(skb, TSOR_A_PEER_RANGE))
		return -EMSGSIZE;
	if (!peer->configured && nla_put_flag(skb, TSOR_A_PEER_GUEST))
		return -EMSGSIZE;
	if (peer->node_id &&
	    nla_put_u64_64bit(skb, TSOR_A_PEER_NODE_ID, peer->node_id, TSOR_A_PEER_PAD))
		return -EMSGSIZE;
	if (peer->last_error && nla_put_s32(skb, TSOR_A_PEER_ERROR, peer->last_error))
		return -EMSGSIZE;
	return 0;
}

static int tsor_link_fill(struct sk_buff *skb, const struct tsor_peer_info *peer)
{
	if (nla_put_in6_addr(skb, TSOR_A_LINK_ADDR, &peer->addr) ||
	    nla_put_u64_64bit(skb, TSOR_A_LINK_NODE_ID, peer->node_id, TSOR_A_LINK_PAD) ||
	    nla_put_u32(skb, TSOR_A_LINK_UP, 1) ||
	    nla_put_string(skb, TSOR_A_LINK_DEVICE, peer->device) ||
	    nla_put_u32(skb, TSOR_A_LINK_PORT, peer->port) ||
	    nla_put_u32(skb, TSOR_A_LINK_QPN, peer->qp_num) ||
	    nla_put_u32(skb, TSOR_A_LINK_MAX_MSG, peer->max_msg) ||
	    nla_put_u32(skb, TSOR_A_LINK_CREDITS, peer->credits) ||
	    nla_put_u32(skb, TSOR_A_LINK_INFLIGHT, peer->inflight) ||
	    nla_put_u64_64bit(skb, TSOR_A_LINK_TX_MSGS, peer->tx_msgs, TSOR_A_LINK_PAD) ||
	    nla_put_u64_64bit(skb, TSOR_A_LINK_TX_BYTES, peer->tx_bytes, TSOR_A_LINK_PAD) ||
	    nla_put_u64_64bit(skb, TSOR_A_LINK_RX_MSGS, peer->rx_msgs, TSOR_A_LINK_PAD) ||
	    nla_put_u64_64bit(skb, TSOR_A_LINK_RX_BYTES, peer->rx_bytes, TSOR_A_LINK_PAD) ||
	    nla_put_u64_64bit(skb, TSOR_A_LINK_UP_MS, peer->up_for_ms, TSOR_A_LINK_PAD))
		return -EMSGSIZE;
	return 0;
}

/* peers, or those whose link is up; cb->args[0] is the cursor of the next */
static int tsor_peer_dump(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd)
{
	unsigned int cursor = cb->args[0];
	struct tsor_peer_info peer;
	void *hdr;
	int err;

	err = tsor_need_init_net(sock_net(cb->skb->sk), cb->extack);
	if (err)
		return err;
	while (!tsor_peer_info_next(&cursor, &peer)) {
		if (cmd == TSOR_CMD_PEER_GET || peer.state == TSOR_PEER_UP) {
			hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
					  &tsor_family, NLM_F_MULTI, cmd);
			if (!hdr)
				break;
			err = cmd == TSOR_CMD_PEER_GET ? tsor_peer_fill(skb, &peer) :
							 tsor_link_fill(skb, &peer);
			if (err) {
				genlmsg_cancel(skb, hdr);
				break;
			}
			genlmsg_end(skb, hdr);
		}
		cb->args[0] = cursor;
	}
	return skb->len;
}

static int tsor_peer_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return tsor_peer_dump(skb, cb, TSOR_CMD_PEER_GET);
}

static int tsor_link_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return tsor_peer_dump(skb, cb, TSOR_CMD_LINK_GET);
}

/* ---- connections ---- */

/**
 * struct tsor_conn_dump - a dump of connections between its messages
 * @iter: place in the table
 * @info: the connection that did not fit into the last message
 * @pending: there is one
 * @all: of all namespaces
 * @admin: tokens may be shown
 * @inum: only those of this netns; 0 for any
 */
struct tsor_conn_dump {
	struct rhashtable_iter iter;
	struct tsor_channel_info info;
	bool pending;
	bool all;
	bool admin;
	u64 inum;
};

static int tsor_conn_fill(struct sk_buff *skb, const struct tsor_channel_info *info, bool tokens)
{
	bool live = info->role == TSOR_UND || info->role == TSOR_CH;

	if (nla_put_u64_64bit(skb, TSOR_A_CONN_NETNS, info->netns_inum, TSOR_A_CONN_PAD) ||
	    nla_put_u32(skb, TSOR_A_CONN_FAMILY, info->family) ||
	    nla_put_in6_addr(skb, TSOR_A_CONN_SADDR, &info->saddr) ||
	    nla_put_in6_addr(skb, TSOR_A_CONN_DADDR, &info->daddr) ||
	    nla_put_u16(skb, TSOR_A_CONN_SPORT, ntohs(info->sport)) ||
	    nla_put_u16(skb, TSOR_A_CONN_DPORT, ntohs(info->dport)) ||
	    nla_put_u32(skb, TSOR_A_CONN_ROLE, info->role) ||
	    nla_put_u32(skb, TSOR_A_CONN_CARRIER, live ? TSOR_CARRIER_LINK : TSOR_CARRIER_TCP) ||
	    nla_put_u32(skb, TSOR_A_CONN_EPOCH, info->epoch) ||
	    nla_put_u32(skb, TSOR_A_CONN_TCP_STATE, info->tcp_state) ||
	    nla_put_u64_64bit(skb, TSOR_A_CONN_TX_BYTES, info->tx_bytes, TSOR_A_CONN_PAD) ||
	    nla_put_u64_64bit(skb, TSOR_A_CONN_RX_BYTES, info->rx_bytes, TSOR_A_CONN_PAD) ||
	    nla_put_u32(skb, TSOR_A_CONN_TXQ, info->txq_bytes) ||
	    nla_put_u32(skb, TSOR_A_CONN_RXQ, info->rxq_bytes))
		return -EMSGSIZE;
	if (info->node_id &&
	    nla_put_u64_64bit(skb, TSOR_A_CONN_NODE_ID, info->node_id, TSOR_A_CONN_PAD))
		return -EMSGSIZE;
	if (info->reason != TSOR_WHY_NONE && nla_put_u32(skb, TSOR_A_CONN_REASON, info->reason))
		return -EMSGSIZE;
	if (info->server && nla_put_flag(skb, TSOR_A_CONN_SERVER))
		return -EMSGSIZE;
	if (info->ino && nla_put_u64_64bit(skb, TSOR_A_CONN_INODE, info->ino, TSOR_A_CONN_PAD))
		return -EMSGSIZE;
	if (tokens && (nla_put_u32(skb, TSOR_A_CONN_TOKEN, info->token) ||
		       nla_put_u32(skb, TSOR_A_CONN_PEER_TOKEN, info->peer_token)))
		return -EMSGSIZE;
	return 0;
}

static int tsor_conn_get_start(struct netlink_callback *cb)
{
	struct nlattr **attrs = tsor_genl_dump_attrs(cb);
	struct net *net = sock_net(cb->skb->sk);
	struct tsor_conn_dump *dump;

	dump = kzalloc(sizeof(*dump), GFP_KERNEL);
	if (!dump) {
		NL_SET_ERR_MSG(cb->extack, "out of memory");
		return -ENOMEM;
	}
	dump->admin = netlink_capable(cb->skb, CAP_NET_ADMIN);
	dump->all = dump->admin && net_eq(net, &init_net);
	if (attrs && attrs[TSOR_A_CONN_NETNS])
		dump->inum = nla_get_u64(attrs[TSOR_A_CONN_NETNS]);
	tsor_channel_walk_start(&dump->iter);
	cb->args[0] = (long)dump;
	return 0;
}

static int tsor_conn_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct tsor_conn_dump *dump = (struct tsor_conn_dump *)cb->args[0];
	struct net *net = sock_net(cb->skb->sk);
	void *hdr;

	/* paused between messages, which leaves it attached to the table */
	rhashtable_walk_start(&dump->iter);
	while (dump->pending || tsor_channel_walk_next(&dump->iter, &dump->info)) {
		dump->pending = false;
		if (!dump->all && dump->info.net != net)
			continue;
		if (dump->inum && dump->info.netns_inum != dump->inum)
			continue;
		hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
				  &tsor_family, NLM_F_MULTI, TSOR_CMD_CONN_GET);
		if (!hdr || tsor_conn_fill(skb, &dump->info, dump->admin)) {
			genlmsg_cancel(skb, hdr);
			dump->pending = true;
			break;
		}
		genlmsg_end(skb, hdr);
	}
	rhashtable_walk_stop(&dump->iter);
	return skb->len;
}

static int tsor_conn_get_done(struct netlink_callback *cb)
{
	struct tsor_conn_dump *dump = (struct tsor_conn_dump *)cb->args[0];

	tsor_channel_walk_stop(&dump->iter);
	kfree(dump);
	return 0;
}

/* ---- namespaces ---- */

/* the netns that a request is about, referenced; the caller's own if it names none */
static struct net *tsor_netns_request(struct genl_info *info)
{
	struct nlattr *pid = info->attrs[TSOR_A_NETNS_PID];
	struct nlattr *fd = info->attrs[TSOR_A_NETNS_FD];
	struct net *net;

	if (pid && fd) {
		GENL_SET_ERR_MSG(info, "a process or a file descriptor, not both");
		return ERR_PTR(-EINVAL);
	}
	if (pid) {
		net = get_net_ns_by_pid(nla_get_u32(pid));
		if (IS_ERR(net))
			NL_SET_ERR_MSG_ATTR(info->extack, pid, "no such process");
		return net;
	}
	if (fd) {
		net = get_net_ns_by_fd(nla_get_u32(fd));
		if (IS_ERR(net))
			NL_SET_ERR_MSG_ATTR(info->extack, fd, "not a network namespace");
		return net;
	}
	return get_net(genl_info_net(info));
}

static int tsor_netns_fill(struct sk_buff *skb, struct net *net)
{
	struct tsor_net *tn = tsor_net(net);
	struct nlattr *nest;
	unsigned int i;
	u64 count;

	if (nla_put_u64_64bit(skb, TSOR_A_NETNS_INUM, net->ns.inum, TSOR_A_NETNS_PAD) ||
	    nla_put_u32(skb, TSOR_A_NETNS_ENABLED, READ_ONCE(tn->enabled)) ||
	    nla_put_u32(skb, TSOR_A_NETNS_LIVE, atomic_read(&tn->live)))
		return -EMSGSIZE;
	for (i = TSOR_WHY_NONE + 1; i < TSOR_WHY_NR; i++) {
		count = atomic64_read(&tn->plain[i]);
		if (!count)
			continue;
		nest = nla_nest_start(skb, TSOR_A_NETNS_PLAIN);
		if (!nest)
			return -EMSGSIZE;
		if (nla_put_u32(skb, TSOR_A_PLAIN_REASON, i) ||
		    nla_put_u64_64bit(skb, TSOR_A_PLAIN_COUNT, count, TSOR_A_PLAIN_PAD))
			return -EMSGSIZE;
		nla_nest_end(skb, nest);
	}
	return 0;
}

static int tsor_netns_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sk_buff *msg;
	struct net *net;
	void *hdr;
	int err;

	net = tsor_netns_request(info);
	if (IS_ERR(net))
		return PTR_ERR(net);
	if (!net_eq(net, genl_info_net(info)) &&
	    !netlink_ns_capable(skb, net->user_ns, CAP_NET_ADMIN)) {
		GENL_SET_ERR_MSG(info,
				 "showing another netns needs CAP_NET_ADMIN in its user namespace");
		err = -EPERM;
		goto put_net;
	}
	msg = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	if (!msg) {
		GENL_SET_ERR_MSG(info, "out of memory");
		err = -ENOMEM;
		goto put_net;
	}
	hdr = genlmsg_put_reply(msg, info, &tsor_family, 0, TSOR_CMD_NETNS_GET);
	if (!hdr || tsor_netns_fill(msg, net)) {
		GENL_SET_ERR_MSG(info, "answer too long");
		nlmsg_free(msg);
		err = -EMSGSIZE;
		goto put_net;
	}
	genlmsg_end(msg, hdr);
	err = genlmsg_reply(msg, info);
put_net:
	put_net(net);
	return err;
}

/* cb->args[0] is how many of the list have been seen */
static int tsor_netns_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct nlattr **attrs = tsor_genl_dump_attrs(cb);
	struct net *own = sock_net(cb->skb->sk);
	struct net *net;
	long place = 0;
	void *hdr;

	/* not in a start of its own, whose words 6.1 would not pass on */
	if (attrs && (attrs[TSOR_A_NETNS_PID] || attrs[TSOR_A_NETNS_FD])) {
		NL_SET_ERR_MSG(cb->extack, "a dump shows all network namespaces, not one");
		return -EINVAL;
	}
	down_read(&net_rwsem);
	cb->seq = tsor_netns_generation();
	for_each_net(net) {
		if (place++ < cb->args[0])
			continue;
		if (net_eq(net, own) ||
		    netlink_ns_capable(cb->skb, net->user_ns, CAP_NET_ADMIN)) {
			hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
					  &tsor_family, NLM_F_MULTI, TSOR_CMD_NETNS_GET);
			if (!hdr)
				break;
			genl_dump_check_consistent(cb, hdr);
			if (tsor_netns_fill(skb, net)) {
				genlmsg_cancel(skb, hdr);
				break;
			}
			genlmsg_end(skb, hdr);
		}
		cb->args[0] = place;
	}
	up_read(&net_rwsem);
	return skb->len;
}

static int tsor_netns_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct net *net;
	int err;

	if (!info->attrs[TSOR_A_NETNS_ENABLED]) {
		GENL_SET_ERR_MSG(info, "on or off is missing");
		return -EINVAL;
	}
	net = tsor_netns_request(info);
	if (IS_ERR(net))
		return PTR_ERR(net);
	if (!netlink_ns_capable(skb, net->user_ns, CAP_NET_ADMIN)) {
		GENL_SET_ERR_MSG(info,
				 "switching a netns needs CAP_NET_ADMIN in its user namespace");
		err = -EPERM;
		goto put_net;
	}
	err = tsor_netns_enable(net, nla_get_u32(info->attrs[TSOR_A_NETNS_ENABLED]));
	if (err == -EAGAIN)
		GENL_SET_ERR_MSG(info, "the module is being loaded or unloaded; try again");
	else if (err == -ENOMEM)
		GENL_SET_ERR_MSG(info, "out of memory");
	else if (err)
		GENL_SET_ERR_MSG(info, "the hooks for the handshake could not be set");
put_net:
	put_net(net);
	return err;
}

/* ---- counters ---- */

/* cb->args[0] is the next counter; each message takes as many as fit */
static int tsor_stats_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct net *net = sock_net(cb->skb->sk);
	struct tsor_stat_item item;
	long first = cb->args[0];
	struct nlattr *nest;
	void *hdr;

	if (!tsor_stat_item(net, first, &item))
		return 0;
	hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			  &tsor_family, NLM_F_MULTI, TSOR_CMD_STATS_GET);
	if (!hdr)
		return -EMSGSIZE;
	if (!first && net_eq(net, &init_net) &&
	    nla_put_u64_64bit(skb, TSOR_A_STATS_NODE_ID, tsor_node_id(), TSOR_A_STATS_PAD))
		goto cancel;
	do {
		nest = nla_nest_start(skb, TSOR_A_STATS_COUNTER);
		if (!nest)
			break;
		if (nla_put_string(skb, TSOR_A_COUNTER_NAME, item.name) ||
		    nla_put_u64_64bit(skb, TSOR_A_COUNTER_VALUE, item.value,
				      TSOR_A_COUNTER_PAD)) {
			nla_nest_cancel(skb, nest);
			break;
		}
		nla_nest_end(skb, nest);
	} while (tsor_stat_item(net, ++cb->args[0], &item));
	if (cb->args[0] == first)
		goto cancel;
	genlmsg_end(skb, hdr);
	return skb->len;

cancel:
	genlmsg_cancel(skb, hdr);
	return -EMSGSIZE;
}

/* ---- events ---- */

static void tsor_link_event(u64 node_id, const struct in6_addr *addr, bool up, int error)
{
	struct sk_buff *msg;
	void *hdr;

	rcu_read_lock();
	if (!READ_ONCE(telling) || !genl_has_listeners(&tsor_family, &init_net, 0))
		goto unlock;
	msg = genlmsg_new(NLMSG_GOODSIZE, GFP_ATOMIC);
	if (!msg)
		goto unlock;
	hdr = genlmsg_put(msg, 0, 0, &tsor_family, 0, TSOR_CMD_LINK_EVENT);
	if (!hdr ||
	    nla_put_in6_addr(msg, TSOR_A_LINK_ADDR, addr) ||
	    nla_put_u64_64bit(msg, TSOR_A_LINK_NODE_ID, node_id, TSOR_A_LINK_PAD) ||
	    nla_put_u32(msg, TSOR_A_LINK_UP, up) ||
	    (error && nla_put_s32(msg, TSOR_A_LINK_ERROR, error))) {
		nlmsg_free(msg);
		goto unlock;
	}
	genlmsg_end(msg, hdr);
	genlmsg_multicast_netns(&tsor_family, &init_net, msg, 0, 0, GFP_ATOMIC);
unlock:
	rcu_read_unlock();
}

static void tsor_conn_tell(struct net *net, const struct tsor_channel_info *info)
{
	struct sk_buff *msg;
	void *hdr;

	if (!genl_has_listeners(&tsor_family, net, 0))
		return;
	msg = genlmsg_new(NLMSG_GOODSIZE, GFP_ATOMIC);
	if (!msg)
		return;
	hdr = genlmsg_put(msg, 0, 0, &tsor_family, 0, TSOR_CMD_CONN_EVENT);
	/* without tokens: who knows them can write into the connection */
	if (!hdr || tsor_conn_fill(msg, info, false)) {
		nlmsg_free(msg);
		return;
	}
	genlmsg_end(msg, hdr);
	genlmsg_multicast_netns(&tsor_family, net, msg, 0, 0, GFP_ATOMIC);
}

static void tsor_conn_event(struct tsor_channel *ch)
{
	struct net *net = sock_net(ch->sk);
	struct tsor_channel_info info;

	rcu_read_lock();
	/* nearly always nobody listens */
	if (!READ_ONCE(telling) ||
	    (!genl_has_listeners(&tsor_family, net, 0) &&
	     !genl_has_listeners(&tsor_family, &init_net, 0)))
		goto unlock;
	tsor_channel_info(ch, &info);
	tsor_conn_tell(net, &info);
	if (!net_eq(net, &init_net))
		tsor_conn_tell(&init_net, &info);
unlock:
	rcu_read_unlock();
}

/* ---- family ---- */

static const struct genl_ops tsor_ops[] = {
	{
		.cmd = TSOR_CMD_PEER_ADD,
		.doit = tsor_peer_add_doit,
		.policy = tsor_peer_policy,
		.maxattr = ARRAY_SIZE(tsor_peer_policy) - 1,
	},
	{
		.cmd = TSOR_CMD_PEER_DEL,
		.doit = tsor_peer_del_doit,
		.policy = tsor_peer_policy,
		.maxattr = ARRAY_SIZE(tsor_peer_policy) - 1,
	},
	{
		.cmd = TSOR_CMD_KEY_SET,
		.doit = tsor_key_set_doit,
		.policy = tsor_key_policy,
		.maxattr = ARRAY_SIZE(tsor_key_policy) - 1,
	},
	{
		.cmd = TSOR_CMD_PEER_GET,
		.dumpit = tsor_peer_get_dumpit,
	},
	{
		.cmd = TSOR_CMD_LINK_GET,
		.dumpit = tsor_link_get_dumpit,
	},
	{
		.cmd = TSOR_CMD_CONN_GET,
		.start = tsor_conn_get_start,
		.dumpit = tsor_conn_get_dumpit,
		.done = tsor_conn_get_done,
		.policy = tsor_conn_policy,
		.maxattr = ARRAY_SIZE(tsor_conn_policy) - 1,
	},
	{
		.cmd = TSOR_CMD_NETNS_GET,
		.doit = tsor_netns_get_doit,
		.dumpit = tsor_netns_get_dumpit,
		.policy = tsor_netns_get_policy,
		.maxattr = ARRAY_SIZE(tsor_netns_get_policy) - 1,
	},
	{
		.cmd = TSOR_CMD_NETNS_SET,
		.doit = tsor_netns_set_doit,
		.policy = tsor_netns_set_policy,
		.maxattr = ARRAY_SIZE(tsor_netns_set_policy) - 1,
	},
	{
		.cmd = TSOR_CMD_STATS_GET,
		.dumpit = tsor_stats_get_dumpit,
	},
};

static struct genl_family tsor_family __ro_after_init = {
	.name = TSOR_FAMILY_NAME,
	.version = TSOR_FAMILY_VERSION,
	.netnsok = true,
	.parallel_ops = true,
	.ops = tsor_ops,
	.n_ops = ARRAY_SIZE(tsor_ops),
	.mcgrps = tsor_groups,
	.n_mcgrps = ARRAY_SIZE(tsor_groups),
	.module = THIS_MODULE,
};

/**
 * tsor_netlink_init - answer requests and tell of events from now on
 *
 * Process context; all rooms below must be there.
 *
 * Return: 0 or negative errno.
 */
int tsor_netlink_init(void)
{
	int err;

	err = genl_register_family(&tsor_family);
	if (err)
		return err;
	WRITE_ONCE(telling, true);
	tsor_channel_set_event(tsor_conn_event);
	tsor_peer_set_event(tsor_link_event);
	return 0;
}

/**
 * tsor_netlink_exit - no more
 *
 * Process context. When it returns, no request and no event is under way.
 */
void tsor_netlink_exit(void)
{
	tsor_channel_set_event(NULL);
	tsor_peer_set_event(NULL);
	WRITE_ONCE(telling, false);
	/* events under way use the numbers of the family's group */
	synchronize_rcu();
	genl_unregister_family(&tsor_family);
}
