/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Other nodes as this one knows them: configured peers and allowed ranges, the decision who
 * may connect, and the work that keeps a link up to each configured peer (back-off,
 * succession). Sits above link.c and cm.c.
 */
#ifndef TSOR_PEER_H
#define TSOR_PEER_H

#include <linux/in6.h>
#include <linux/types.h>

/**
 * struct tsor_peer_info - a copy of what can be shown of a peer and its link
 */
struct tsor_peer_info {
	struct in6_addr addr;	/* IPv4 as v4-mapped */
	u8 prefix;		/* 128 (or 32 of IPv4 as 128) for a peer; shorter for a range */
	bool range;
	bool configured;	/* false: accepted from a range, shown while it is connected */
	u8 state;		/* enum tsor_peer_state */
	u64 node_id;		/* 0 until a link was up */
	char device[64];	/* RDMA device of the link */
	u8 port;
	u32 qp_num;
	u32 max_msg;
	u32 credits;		/* to send, now */
	u32 inflight;		/* bytes posted and not completed */
	u64 tx_msgs, tx_bytes, rx_msgs, rx_bytes;
	u64 up_for_ms;
	u32 attempts;		/* since the last success */
	int last_error;		/* negative errno, 0 if none */
};

enum tsor_peer_state {
	TSOR_PEER_IDLE,		/* a range; or connecting not tried yet */
	TSOR_PEER_CONNECTING,
	TSOR_PEER_UP,
	TSOR_PEER_WAITING,	/* for its back-off to pass */
};

/**
 * typedef tsor_peer_event_fn - a link came up or went down
 *
 * Process context, under a lock of peer.c: it must not sleep nor call back. @error: 0 or the
 * negative errno for which it went down. A node's "down" is told before its next "up".
 */
typedef void (*tsor_peer_event_fn)(u64 node_id, const struct in6_addr *addr, bool up, int error);

void tsor_peer_set_event(tsor_peer_event_fn event);
int tsor_peer_add(const struct in6_addr *addr, u8 prefix);
int tsor_peer_del(const struct in6_addr *addr, u8 prefix);
/* @cursor begins at 0; 0 and a copy, or -ENOENT behind the last */
int tsor_peer_info_next(unsigned int *cursor, struct tsor_peer_info *info);
int tsor_peer_set_key(const u8 *key, size_t len);
int tsor_peer_init(void);
void tsor_peer_exit(void);

#endif
