/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A link: the RC QP to one peer node, shared by all channels to it. Owns QPs, CQs, SRQs,
 * posted buffers, message credits, the in-flight cap and the round robin above it. Knows
 * nothing of sockets: what arrives goes up through struct tsor_link_ops.
 */
#ifndef TSOR_LINK_H
#define TSOR_LINK_H

#include <linux/list.h>
#include <linux/skbuff.h>

#include "wire.h"

struct tsor_link;

/**
 * struct tsor_txq - what a sender is to the round robin of a link
 * @wait: entry in the link's list of senders that wait for room; link's lock
 * @deficit: bytes that it may send in its next turn; link's lock
 *
 * Embedded in the channel, which holds a reference on itself while the txq waits.
 */
struct tsor_txq {
	struct list_head wait;
	u32 deficit;
};

/**
 * struct tsor_link_ops - what a link tells those above
 * @receive: a message for a channel (type < TSOR_MSG_PROOF), valid by tsor_msg_decode(). @skb
 *	has its payload (linear, or page frags; truesize right) and is the callee's; NULL
 *	without payload. Softirq; messages of one link one after the other, in order.
 * @writable: it is @txq's turn: it has been taken off the list and may send about @budget
 *	bytes by tsor_link_send(), and queue itself again by tsor_link_wait(). BH disabled, no lock
 *	of the link held. The reference that was held for the wait is the callee's to drop.
 * @down: the link has died. No message of it is handed up any more, tsor_link_send() fails with
 *	-ENOTCONN, waiting txqs are handed to @writable once more. Called once, in process context,
 *	before a successor to the same peer is made (rule 7).
 */
struct tsor_link_ops {
	void (*receive)(struct tsor_link *link, const struct tsor_msg *m, struct sk_buff *skb);
	void (*writable)(struct tsor_link *link, struct tsor_txq *txq, u32 budget);
	void (*down)(struct tsor_link *link);
};

/**
 * struct tsor_link_limits - settled for a link at its birth
 * @payload: largest payload of one message, bytes
 * @frags: most pieces (linear head and page frags) that one skb may have
 */
struct tsor_link_limits {
	u32 payload;
	u32 frags;
};

struct rdma_cm_id;

/**
 * struct tsor_link_owner_ops - what a link tells cm.c, which made it
 * @up: the QP is established both ways and the peer has proved itself: tsor_link_find() finds it
 *	from now on. Process context.
 * @leave: the link has no use for @id any more; its QP is destroyed. No event of it may come
 *	when this returns. NULL: rdma_destroy_id().
 * @gone: it was down or never up, &tsor_link_ops.down has returned, QP and cm_id are destroyed.
 *	Process context, called once for each link that tsor_link_create() returned; the last use
 *	of @owner.
 */
struct tsor_link_owner_ops {
	void (*up)(struct tsor_link *link, void *owner);
	void (*leave)(struct rdma_cm_id *id);
	void (*gone)(struct tsor_link *link, void *owner, int err);
};

/* for cm.c: making and ending links */
int tsor_link_init(void);
void tsor_link_exit(void);
struct tsor_link *tsor_link_create(struct rdma_cm_id *id, const struct tsor_link_owner_ops *ops,
				   void *owner);
void tsor_link_describe(const struct tsor_link *link, struct tsor_hello *mine);
int tsor_link_expect(struct tsor_link *link, const struct tsor_hello *theirs, const u8 *proof);
void tsor_link_established(struct tsor_link *link, const u8 *proof);
void tsor_link_fail(struct tsor_link *link, int err);
bool tsor_link_port_is_down(const struct rdma_cm_id *id);

/**
 * struct tsor_link_info - a copy of what can be shown of a link
 */
struct tsor_link_info {
	char device[64];
	u8 port;
	u32 qp_num;
	u32 max_msg;
	u32 credits;		/* to send, now */
	u32 inflight;		/* bytes posted and not completed */
	u64 tx_msgs, tx_bytes, rx_msgs, rx_bytes;
	u64 up_for_ms;
};

void tsor_link_info(struct tsor_link *link, struct tsor_link_info *info);

/* for those above */
void tsor_link_set_ops(const struct tsor_link_ops *ops);
struct tsor_link *tsor_link_find(u64 node_id);
void tsor_link_get(struct tsor_link *link);
void tsor_link_put(struct tsor_link *link);
bool tsor_link_is_up(const struct tsor_link *link);
u64 tsor_link_node_id(const struct tsor_link *link);
const struct tsor_link_limits *tsor_link_limits(const struct tsor_link *link);
int tsor_link_send(struct tsor_link *link, struct tsor_msg *m, struct sk_buff *skb);
int tsor_link_send_control(struct tsor_link *link, struct tsor_msg *m);
void tsor_link_wait(struct tsor_link *link, struct tsor_txq *txq);
bool tsor_link_unwait(struct tsor_link *link, struct tsor_txq *txq);

#endif
