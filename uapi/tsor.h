/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The generic netlink family "tsor": what user space can ask of the module, and set.
 * Documentation/tsor.yaml says the same in the form of Documentation/netlink/specs; both
 * change in one commit. Numbers are never reused; unknown attributes are refused.
 *
 * Addresses are 16 bytes in network order, IPv4 as v4-mapped IPv6 (::ffff:a.b.c.d); a prefix
 * counts the bits of that form, so 10.0.0.0/8 is 104. Node ids are those of kmod/wire.h.
 */
#ifndef _UAPI_TSOR_H
#define _UAPI_TSOR_H

#define TSOR_FAMILY_NAME	"tsor"
#define TSOR_FAMILY_VERSION	1

#define TSOR_MCGRP_EVENTS	"events"

/**
 * enum tsor_cmd - commands of the family
 * @TSOR_CMD_PEER_ADD: allow a node (prefix 128) and keep a link to it, or allow a range; node-wide
 * @TSOR_CMD_PEER_DEL: forget it again; its link goes down
 * @TSOR_CMD_PEER_GET: dump peers and ranges; initial netns only
 * @TSOR_CMD_LINK_GET: dump links that are up; initial netns only
 * @TSOR_CMD_CONN_GET: dump connections of the caller's netns; of all of them for CAP_NET_ADMIN in
 *	the initial netns and user namespace
 * @TSOR_CMD_NETNS_GET: one netns (do), or all that the caller may see (dump)
 * @TSOR_CMD_NETNS_SET: switch a netns on or off
 * @TSOR_CMD_STATS_GET: counters: the node's in the initial netns, the netns's in any
 * @TSOR_CMD_LINK_EVENT: notification: a link came up or went down; initial netns only
 * @TSOR_CMD_CONN_EVENT: notification: a connection changed its role; in its netns and the initial
 * @TSOR_CMD_KEY_SET: set or clear the pre-shared key of the node; for links made from now on
 *
 * What changes the node (PEER_ADD, PEER_DEL, KEY_SET) needs CAP_NET_ADMIN in the initial user
 * namespace, and the initial netns. NETNS_SET, and NETNS_GET of a netns that is not the caller's,
 * need CAP_NET_ADMIN in the user namespace that owns it.
 *
 * The group %TSOR_MCGRP_EVENTS needs CAP_NET_ADMIN in the user namespace that owns the netns.
 */
enum tsor_cmd {
	TSOR_CMD_PEER_ADD = 1,
	TSOR_CMD_PEER_DEL,
	TSOR_CMD_PEER_GET,
	TSOR_CMD_LINK_GET,
	TSOR_CMD_CONN_GET,
	TSOR_CMD_NETNS_GET,
	TSOR_CMD_NETNS_SET,
	TSOR_CMD_STATS_GET,
	TSOR_CMD_LINK_EVENT,
	TSOR_CMD_CONN_EVENT,
	TSOR_CMD_KEY_SET,

	__TSOR_CMD_MAX,
	TSOR_CMD_MAX = (__TSOR_CMD_MAX - 1)
};

/**
 * enum tsor_a_peer - attributes of a peer
 * @TSOR_A_PEER_PAD: alignment
 * @TSOR_A_PEER_ADDR: binary, 16 bytes: its RDMA address
 * @TSOR_A_PEER_PREFIX: u32, 0 to 128; 128 (a single node) if absent
 * @TSOR_A_PEER_STATE: u32, &enum tsor_peer_state_id
 * @TSOR_A_PEER_RANGE: flag: an allowed range, no link is made to it from here
 * @TSOR_A_PEER_NODE_ID: u64; absent until a link was up
 * @TSOR_A_PEER_ATTEMPTS: u32, attempts to connect since the last success
 * @TSOR_A_PEER_ERROR: s32, negative errno of the last attempt; absent if there was none
 * @TSOR_A_PEER_GUEST: flag: not configured, accepted from a range, there while it is connected
 */
enum tsor_a_peer {
	TSOR_A_PEER_PAD = 1,
	TSOR_A_PEER_ADDR,
	TSOR_A_PEER_PREFIX,
	TSOR_A_PEER_STATE,
	TSOR_A_PEER_RANGE,
	TSOR_A_PEER_NODE_ID,
	TSOR_A_PEER_ATTEMPTS,
	TSOR_A_PEER_ERROR,
	TSOR_A_PEER_GUEST,

	__TSOR_A_PEER_MAX,
	TSOR_A_PEER_MAX = (__TSOR_A_PEER_MAX - 1)
};

/**
 * enum tsor_peer_state_id - values of %TSOR_A_PEER_STATE
 * @TSOR_PEER_STATE_IDLE: a range, or not tried yet
 * @TSOR_PEER_STATE_CONNECTING: being connected
 * @TSOR_PEER_STATE_UP: link up
 * @TSOR_PEER_STATE_WAITING: for its back-off to pass
 */
enum tsor_peer_state_id {
	TSOR_PEER_STATE_IDLE,
	TSOR_PEER_STATE_CONNECTING,
	TSOR_PEER_STATE_UP,
	TSOR_PEER_STATE_WAITING,
};

/**
 * enum tsor_a_key - attributes of %TSOR_CMD_KEY_SET
 * @TSOR_A_KEY_PAD: alignment
 * @TSOR_A_KEY_DATA: binary, 1 to %TSOR_KEY_MAX bytes; none: no key
 */
enum tsor_a_key {
	TSOR_A_KEY_PAD = 1,
	TSOR_A_KEY_DATA,

	__TSOR_A_KEY_MAX,
	TSOR_A_KEY_MAX = (__TSOR_A_KEY_MAX - 1)
};

#define TSOR_KEY_MAX	256

/**
 * enum tsor_a_link - attributes of a link
 * @TSOR_A_LINK_PAD: alignment
 * @TSOR_A_LINK_ADDR: binary, 16 bytes: the peer's RDMA address
 * @TSOR_A_LINK_NODE_ID: u64, the peer's
 * @TSOR_A_LINK_UP: u32, 1 or 0
 * @TSOR_A_LINK_ERROR: s32, negative errno: why it went down; only in events
 * @TSOR_A_LINK_DEVICE: string: RDMA device
 * @TSOR_A_LINK_PORT: u32, port of the device
 * @TSOR_A_LINK_QPN: u32, number of the QP
 * @TSOR_A_LINK_MAX_MSG: u32, bytes: largest message that may be sent
 * @TSOR_A_LINK_CREDITS: u32, messages that may be sent now
 * @TSOR_A_LINK_INFLIGHT: u32, bytes posted and not completed
 * @TSOR_A_LINK_TX_MSGS: u64
 * @TSOR_A_LINK_TX_BYTES: u64, payload
 * @TSOR_A_LINK_RX_MSGS: u64
 * @TSOR_A_LINK_RX_BYTES: u64, payload
 * @TSOR_A_LINK_UP_MS: u64, ms since it came up
 */
enum tsor_a_link {
	TSOR_A_LINK_PAD = 1,
	TSOR_A_LINK_ADDR,
	TSOR_A_LINK_NODE_ID,
	TSOR_A_LINK_UP,
	TSOR_A_LINK_ERROR,
	TSOR_A_LINK_DEVICE,
	TSOR_A_LINK_PORT,
	TSOR_A_LINK_QPN,
	TSOR_A_LINK_MAX_MSG,
	TSOR_A_LINK_CREDITS,
	TSOR_A_LINK_INFLIGHT,
	TSOR_A_LINK_TX_MSGS,
	TSOR_A_LINK_TX_BYTES,
	TSOR_A_LINK_RX_MSGS,
	TSOR_A_LINK_RX_BYTES,
	TSOR_A_LINK_UP_MS,

	__TSOR_A_LINK_MAX,
	TSOR_A_LINK_MAX = (__TSOR_A_LINK_MAX - 1)
};

/**
 * enum tsor_a_conn - attributes of a connection; its local end is the one on this node
 * @TSOR_A_CONN_PAD: alignment
 * @TSOR_A_CONN_NETNS: u64, inode number of its netns (as in /proc/PID/ns/net); in the request for
 *	a dump: only those of this one
 * @TSOR_A_CONN_FAMILY: u32, AF_INET or AF_INET6: of the socket
 * @TSOR_A_CONN_SADDR: binary, 16 bytes: local address
 * @TSOR_A_CONN_DADDR: binary, 16 bytes: remote address, as the socket sees it
 * @TSOR_A_CONN_SPORT: u16, local port, host order
 * @TSOR_A_CONN_DPORT: u16, remote port, host order
 * @TSOR_A_CONN_NODE_ID: u64, the peer's; absent if not known
 * @TSOR_A_CONN_ROLE: u32, &enum tsor_conn_role
 * @TSOR_A_CONN_REASON: u32, &enum tsor_conn_reason; absent if there is none
 * @TSOR_A_CONN_CARRIER: u32, &enum tsor_conn_carrier
 * @TSOR_A_CONN_SERVER: flag: this end accepted the connection
 * @TSOR_A_CONN_EPOCH: u32
 * @TSOR_A_CONN_TCP_STATE: u32, state of the TCP connection beneath, as in <netinet/tcp.h>
 * @TSOR_A_CONN_TX_BYTES: u64, payload given to the link
 * @TSOR_A_CONN_RX_BYTES: u64, payload taken from the link
 * @TSOR_A_CONN_TXQ: u32, bytes queued to be sent or not yet acknowledged
 * @TSOR_A_CONN_RXQ: u32, bytes received that the program has not read
 * @TSOR_A_CONN_INODE: u64, of the socket, as in /proc/net/tcp; absent if it has none
 * @TSOR_A_CONN_TOKEN: u32, this end's; only for CAP_NET_ADMIN
 * @TSOR_A_CONN_PEER_TOKEN: u32, the other end's; only for CAP_NET_ADMIN
 */
enum tsor_a_conn {
	TSOR_A_CONN_PAD = 1,
	TSOR_A_CONN_NETNS,
	TSOR_A_CONN_FAMILY,
	TSOR_A_CONN_SADDR,
	TSOR_A_CONN_DADDR,
	TSOR_A_CONN_SPORT,
	TSOR_A_CONN_DPORT,
	TSOR_A_CONN_NODE_ID,
	TSOR_A_CONN_ROLE,
	TSOR_A_CONN_REASON,
	TSOR_A_CONN_CARRIER,
	TSOR_A_CONN_SERVER,
	TSOR_A_CONN_EPOCH,
	TSOR_A_CONN_TCP_STATE,
	TSOR_A_CONN_TX_BYTES,
	TSOR_A_CONN_RX_BYTES,
	TSOR_A_CONN_TXQ,
	TSOR_A_CONN_RXQ,
	TSOR_A_CONN_INODE,
	TSOR_A_CONN_TOKEN,
	TSOR_A_CONN_PEER_TOKEN,

	__TSOR_A_CONN_MAX,
	TSOR_A_CONN_MAX = (__TSOR_A_CONN_MAX - 1)
};

/**
 * enum tsor_conn_role - values of %TSOR_A_CONN_ROLE
 * @TSOR_ROLE_NONE: handshake not over, or a listener
 * @TSOR_ROLE_UNDECIDED: client that has not heard the server yet
 * @TSOR_ROLE_CHANNEL: both ends are known to be channels
 * @TSOR_ROLE_PLAIN: regular TCP
 * @TSOR_ROLE_DEAD: ended by a reset or an error
 */
enum tsor_conn_role {
	TSOR_ROLE_NONE,
	TSOR_ROLE_UNDECIDED,
	TSOR_ROLE_CHANNEL,
	TSOR_ROLE_PLAIN,
	TSOR_ROLE_DEAD,
};

/**
 * enum tsor_conn_reason - values of %TSOR_A_CONN_REASON: why a connection is on TCP
 * @TSOR_REASON_NONE: it is not, or only for now
 * @TSOR_REASON_NO_OPTION: the other end's packet had no option
 * @TSOR_REASON_BAD_OPTION: the option's version, length or token was wrong
 * @TSOR_REASON_ECHO: the answer named this node itself
 * @TSOR_REASON_NO_LINK: no link was up to the node that the option named
 * @TSOR_REASON_NOT_CONFIRMED: server: the handshake's last ACK had no valid confirm
 * @TSOR_REASON_REFUSED: client: the server's node does not know the token
 * @TSOR_REASON_RAW: the other end sent regular TCP payload
 * @TSOR_REASON_PROBES: client: the server did not accept in time
 * @TSOR_REASON_FASTOPEN: TCP Fast Open
 * @TSOR_REASON_SIMULTANEOUS: simultaneous open
 * @TSOR_REASON_OPTION: a socket option that only TCP has
 * @TSOR_REASON_NO_MEMORY: out of memory
 * @TSOR_REASON_DISABLED: the netns was switched off
 * @TSOR_REASON_NR: number of values
 */
enum tsor_conn_reason {
	TSOR_REASON_NONE,
	TSOR_REASON_NO_OPTION,
	TSOR_REASON_BAD_OPTION,
	TSOR_REASON_ECHO,
	TSOR_REASON_NO_LINK,
	TSOR_REASON_NOT_CONFIRMED,
	TSOR_REASON_REFUSED,
	TSOR_REASON_RAW,
	TSOR_REASON_PROBES,
	TSOR_REASON_FASTOPEN,
	TSOR_REASON_SIMULTANEOUS,
	TSOR_REASON_OPTION,
	TSOR_REASON_NO_MEMORY,
	TSOR_REASON_DISABLED,
	TSOR_REASON_NR
};

/**
 * enum tsor_conn_carrier - values of %TSOR_A_CONN_CARRIER
 * @TSOR_CARRIER_TCP: TCP
 * @TSOR_CARRIER_LINK: RDMA
 * @TSOR_CARRIER_LOCAL: memory of this node
 */
enum tsor_conn_carrier {
	TSOR_CARRIER_TCP,
	TSOR_CARRIER_LINK,
	TSOR_CARRIER_LOCAL,
};

/**
 * enum tsor_a_netns - attributes of a network namespace
 * @TSOR_A_NETNS_PAD: alignment
 * @TSOR_A_NETNS_PID: u32, request: the netns of this process
 * @TSOR_A_NETNS_FD: u32, request: the netns that this file descriptor of the caller is of
 * @TSOR_A_NETNS_ENABLED: u32, 0 or 1
 * @TSOR_A_NETNS_INUM: u64, its inode number
 * @TSOR_A_NETNS_LIVE: u32, connections that are not plain
 * @TSOR_A_NETNS_PLAIN: nest of &enum tsor_a_plain, repeated: plain connections by reason
 *
 * A request with neither PID nor FD is about the caller's netns.
 */
enum tsor_a_netns {
	TSOR_A_NETNS_PAD = 1,
	TSOR_A_NETNS_PID,
	TSOR_A_NETNS_FD,
	TSOR_A_NETNS_ENABLED,
	TSOR_A_NETNS_INUM,
	TSOR_A_NETNS_LIVE,
	TSOR_A_NETNS_PLAIN,

	__TSOR_A_NETNS_MAX,
	TSOR_A_NETNS_MAX = (__TSOR_A_NETNS_MAX - 1)
};

/**
 * enum tsor_a_plain - attributes of a count of plain connections
 * @TSOR_A_PLAIN_PAD: alignment
 * @TSOR_A_PLAIN_REASON: u32, &enum tsor_conn_reason
 * @TSOR_A_PLAIN_COUNT: u64, since the netns was made or the module loaded
 */
enum tsor_a_plain {
	TSOR_A_PLAIN_PAD = 1,
	TSOR_A_PLAIN_REASON,
	TSOR_A_PLAIN_COUNT,

	__TSOR_A_PLAIN_MAX,
	TSOR_A_PLAIN_MAX = (__TSOR_A_PLAIN_MAX - 1)
};

/**
 * enum tsor_a_stats - attributes of the answer to %TSOR_CMD_STATS_GET
 * @TSOR_A_STATS_PAD: alignment
 * @TSOR_A_STATS_NODE_ID: u64, this node's id; only in the initial netns
 * @TSOR_A_STATS_COUNTER: nest of &enum tsor_a_counter, repeated
 */
enum tsor_a_stats {
	TSOR_A_STATS_PAD = 1,
	TSOR_A_STATS_NODE_ID,
	TSOR_A_STATS_COUNTER,

	__TSOR_A_STATS_MAX,
	TSOR_A_STATS_MAX = (__TSOR_A_STATS_MAX - 1)
};

/**
 * enum tsor_a_counter - attributes of a counter
 * @TSOR_A_COUNTER_PAD: alignment
 * @TSOR_A_COUNTER_NAME: string, as in /proc/net/tsor_stat
 * @TSOR_A_COUNTER_VALUE: u64
 */
enum tsor_a_counter {
	TSOR_A_COUNTER_PAD = 1,
	TSOR_A_COUNTER_NAME,
	TSOR_A_COUNTER_VALUE,

	__TSOR_A_COUNTER_MAX,
	TSOR_A_COUNTER_MAX = (__TSOR_A_COUNTER_MAX - 1)
};

#endif /* _UAPI_TSOR_H */
