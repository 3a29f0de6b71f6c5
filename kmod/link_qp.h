/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What link.c, link_rx.c and link_tx.c share: a link and the receive queue under it. Nobody
 * else includes this.
 *
 * Bounds. A link owns TSOR_LINK_CREDITS receive buffers of TSOR_BUF_LEN (2 MiB), TSOR_SQ_SLOTS
 * headers of TSOR_HEAD_LEN, TSOR_CONTROL_MAX control messages that wait, and references on skbs of
 * at most the in-flight cap, one message and one quantum. What a peer can make us hold is
 * what is posted; what was handed up is the channel's to charge.
 *
 * Locks: tx_lock and rx_lock of a link, lock of a receive queue; all taken with BH disabled, never
 * two at a time, and none held while calling up (receive, writable). devs_lock and links_lock
 * (mutexes, link_rx.c and link.c) are outside of them and not nested in each other.
 */
#ifndef TSOR_LINK_QP_H
#define TSOR_LINK_QP_H

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <rdma/ib_verbs.h>
#include <rdma/rdma_cm.h>

#include "link.h"
#include "mem.h"

#define TSOR_LINK_CREDITS	64	/* receive WRs for one peer */
#define TSOR_SRQ_MAX		1024	/* WRs of one SRQ: links that share it times the above */
#define TSOR_SRQ_DEATHS		32	/* links that die on an SRQ before it takes no new ones */

#define TSOR_SQ_SLOTS		160
#define TSOR_HEAD_PAGES		DIV_ROUND_UP(TSOR_SQ_SLOTS * TSOR_HEAD_LEN, PAGE_SIZE)
#define TSOR_SQ_CONTROL		16	/* of these, for what needs no data credit */
#define TSOR_SQ_DRAIN		2	/* WRs beyond, for the one that drains it */
#define TSOR_SEND_SGES		(1 + 1 + MAX_SKB_FRAGS)	/* header, linear part, frags */
#define TSOR_CHAIN_WRS		8	/* posted at once, the last one signalled */
#define TSOR_CHAIN_BYTES	65536u
#define TSOR_UNSIGNALLED	16	/* small sends between two signalled ones */

#define TSOR_QUANTUM		65536u	/* of the round robin */
#define TSOR_COST_MIN		1024u	/* a credit is worth something too */
#define TSOR_CREDITS_DATA	2	/* credits that data leaves alone */
#define TSOR_CREDITS_CONTROL	1	/* and control: the last one is for returning credits */
#define TSOR_CONTROL_MAX	256	/* control messages that may wait */

extern unsigned int tsor_heartbeat_ms;
extern unsigned int tsor_deadline_ms;
extern unsigned int tsor_inflight_cap;

/**
 * enum tsor_link_state - a link's life; only link_move() in link.c changes it, upwards
 * @TSOR_LINK_NEW: made, not known to be established or not proven
 * @TSOR_LINK_UP: found by tsor_link_find(), carries channels
 * @TSOR_LINK_FAILED: sends fail, teardown is queued or runs
 * @TSOR_LINK_GONE: QP and cm_id are destroyed
 */
enum tsor_link_state {
	TSOR_LINK_NEW,
	TSOR_LINK_UP,
	TSOR_LINK_FAILED,
	TSOR_LINK_GONE,
};

/**
 * enum tsor_link_gate - what becomes of messages that have arrived
 * @TSOR_GATE_HOLD: kept in order; only the proof is looked at
 * @TSOR_GATE_OPEN: handed up
 * @TSOR_GATE_CLOSED: dropped
 */
enum tsor_link_gate {
	TSOR_GATE_HOLD,
	TSOR_GATE_OPEN,
	TSOR_GATE_CLOSED,
};

/* bits of tsor_link.flags */
enum {
	TSOR_LINK_F_ESTABLISHED,	/* tsor_link_established() was called */
	TSOR_LINK_F_PROVEN,		/* the peer's proof was right, or stood in the REP */
	TSOR_LINK_F_PASSIVE,
	TSOR_LINK_F_USED,		/* something was posted to the SQ */
};

struct tsor_dev;

/**
 * struct tsor_rq - where receive buffers are posted: an SRQ, or the RQ of one QP
 * @dev: the device
 * @list: in @dev's list
 * @srq: shared by @links, or NULL
 * @qp: without @srq: the QP
 * @vector: completion vector of the links that use it
 * @max: WRs that it can hold
 * @links: how many use it; devs_lock
 * @deaths: how many have left it; devs_lock
 * @lock: guards the rest
 * @members: the links
 * @want: buffers that there should be: each link's credits, and one for each that has died
 *	(a QP that ends in the middle of a message may keep the WR for good)
 * @nr: buffers that there are: posted, queued at a link or starving
 * @bufs: all of these
 * @starving: buffers without a run
 * @stop: nothing may be posted any more
 * @refill: finds memory for @starving
 */
struct tsor_rq {
	struct tsor_dev *dev;
	struct list_head list;
	struct ib_srq *srq;
	struct ib_qp *qp;
	int vector;
	u32 max;
	u32 links;
	u32 deaths;
	spinlock_t lock; /* guards what follows, and the number of buffers */
	struct list_head members;
	u32 want;
	u32 nr;
	struct list_head bufs;
	struct list_head starving;
	bool stop;
	struct delayed_work refill;
};

/**
 * struct tsor_slot - a send WR
 * @cqe: its completion
 * @list: free, in a chain, or posted
 * @wr: the WR
 * @sge: header, then what is mapped of @skb
 * @head: TSOR_HEAD_LEN bytes for the header and a short payload
 * @head_dma: their mapping
 * @skb: referenced until the WR completes, or NULL
 * @bytes: payload
 * @posted: in the list of those posted; tx_lock
 */
struct tsor_slot {
	struct ib_cqe cqe;
	struct list_head list;
	struct ib_send_wr wr;
	struct ib_sge sge[TSOR_SEND_SGES];
	u8 *head;
	u64 head_dma;
	struct sk_buff *skb;
	u32 bytes;
	bool posted;
};

/**
 * struct tsor_link - a QP and what belongs to it
 * @ref: one for the link's life until gone, others
 * @rcu: found under RCU
 * @hash: in the table by @node_id
 * @id: the cm_id, ours
 * @ib: its device; not after the link has gone
 * @pd: likewise
 * @cq: completions of both queues
 * @qp: the QP
 * @rq: where its receive buffers are
 * @member: in @rq's list
 * @ops: its maker's
 * @owner: its maker's
 * @node_id: the peer's
 * @state: enum tsor_link_state
 * @err: why it failed
 * @flags: TSOR_LINK_F_*
 * @was_up: it was, so those above are told when it dies; up_work, then down_work
 * @proof: what the first message must have; passive side
 * @limits: settled by tsor_link_expect()
 * @mine: credits of our hello
 * @theirs: credits of the peer's
 * @up_work: register, tell, open
 * @down_work: teardown
 * @beat: heartbeat and deadline
 * @downed: no message of it is handed up any more, and those above know
 * @last_wqe: the QP will take no more WRs from the SRQ
 * @drain: completion of the last WR of the SQ
 * @drained: it has come
 * @idle: for !@rx_busy and !@nr_mapping, once closed
 * @rx_lock: guards @rx_gate, @rx_queue, @rx_busy
 * @rx_gate: enum tsor_link_gate
 * @rx_queue: buffers with messages, in order
 * @rx_busy: someone works on @rx_queue: nobody else may
 * @rx_first: the first message has been seen; whoever has @rx_busy
 * @rx_retry: after a failed allocation
 * @rx_last: jiffies of the last arrival
 * @granted: credits that the peer has
 * @starving: buffers of this link's messages that wait for memory
 * @owed: credits to be returned
 * @rx_msgs: messages handed up; whoever has @rx_busy
 * @rx_bytes: and their payload
 * @tx_lock: guards the rest
 * @tx_open: the QP can send, and may
 * @tx_dead: those above know that the link is dead
 * @nr_mapping: senders that have a slot and map their payload, without the lock
 * @credits: messages that may be sent
 * @free: slots
 * @nr_free: how many
 * @chain: to be posted together
 * @nr_chain: how many
 * @chain_bytes: their payload
 * @posted: slots whose WR has been posted, in that order
 * @unsignalled: WRs since the last signalled one
 * @must_signal: one of them holds an skb
 * @inflight: payload bytes in slots that are not free
 * @inline_max: bytes that a WR may carry itself
 * @waiters: txqs in their order
 * @turning: someone hands out turns: nobody else may
 * @turn: whose turn it is
 * @turn_cpu: where, or -1
 * @turn_budget: what it may send
 * @turn_sent: what it has sent
 * @slack: what may be sent by one that could not use its turn at once
 * @passed: small messages that have passed those who wait since the last turn
 * @turn_work: hands out turns where no completion does
 * @control: control messages that wait, a ring
 * @control_head: its first
 * @nr_control: how many
 * @echo_due: a HEARTBEAT is to be answered
 * @beat_due: a HEARTBEAT is to be sent
 * @beat_echo: and to be answered
 * @tx_last: jiffies of the last post
 * @tx_msgs: messages sent, without the link's own
 * @tx_bytes: and their payload
 * @slots: all slots
 * @heads: pages with their heads
 * @head_dma: their mappings
 * @nr_heads: how many pages
 * @name: device, for show
 * @port: likewise
 * @qp_num: likewise
 * @up_at: jiffies at which it came up
 */
struct tsor_link {
	refcount_t ref;
	struct rcu_head rcu;
	struct hlist_node hash;
	struct rdma_cm_id *id;
	struct ib_device *ib;
	struct ib_pd *pd;
	struct ib_cq *cq;
	struct ib_qp *qp;
	struct tsor_rq *rq;
	struct list_head member;
	const struct tsor_link_owner_ops *ops;
	void *owner;
	u64 node_id;
	int state;
	int err;
	unsigned long flags;
	bool was_up;
	u8 proof[TSOR_PROOF_LEN];
	struct tsor_link_limits limits;
	u16 mine;
	u16 theirs;
	struct work_struct up_work;
	struct work_struct down_work;
	struct delayed_work beat;
	struct completion downed;
	struct completion last_wqe;
	struct ib_cqe drain;
	struct completion drained;
	wait_queue_head_t idle;

	spinlock_t rx_lock; /* guards the queue of arrived messages */
	u8 rx_gate;
	bool rx_busy;
	bool rx_first;
	struct list_head rx_queue;
	struct delayed_work rx_retry;
	unsigned long rx_last;
	atomic_t granted;
	atomic_t starving;
	atomic_t owed;
	u64 rx_msgs;
	u64 rx_bytes;

	spinlock_t tx_lock ____cacheline_aligned_in_smp;
	bool tx_open;
	bool tx_dead;
	u32 nr_mapping;
	u32 credits;
	struct list_head free;
	u32 nr_free;
	struct list_head chain;
	u32 nr_chain;
	u32 chain_bytes;
	struct list_head posted;
	u32 unsignalled;
	bool must_signal;
	u32 inflight;
	u32 inline_max;
	struct list_head waiters;
	bool turning;
	struct tsor_txq *turn;
	int turn_cpu;
	u32 turn_budget;
	u32 turn_sent;
	u32 slack;
	u32 passed;
	struct work_struct turn_work;
	struct tsor_msg *control;
	u32 control_head;
	u32 nr_control;
	bool echo_due;
	bool beat_due;
	bool beat_echo;
	unsigned long tx_last;
	u64 tx_msgs;
	u64 tx_bytes;
	struct tsor_slot *slots;
	u8 *heads[TSOR_HEAD_PAGES];
	u64 head_dma[TSOR_HEAD_PAGES];
	u32 nr_heads;

	char name[IB_DEVICE_NAME_MAX];
	u8 port;
	u32 qp_num;
	unsigned long up_at;
};

static inline bool tsor_link_failed(const struct tsor_link *link)
{
	return READ_ONCE(link->state) >= TSOR_LINK_FAILED;
}

/* link.c */
extern struct workqueue_struct *tsor_link_wq;
extern const struct tsor_link_ops *tsor_link_above;
void tsor_link_proven(struct tsor_link *link);

/* link_rx.c */
struct tsor_rq *tsor_rq_join(struct rdma_cm_id *id, struct ib_pd **pd);
int tsor_rq_attach(struct tsor_link *link);
int tsor_rq_vector(const struct tsor_rq *rq);
void tsor_rq_leave(struct tsor_rq *rq, struct tsor_link *link);
void tsor_link_rx_init(struct tsor_link *link);
void tsor_link_rx_open(struct tsor_link *link);
bool tsor_link_rx_stuck(struct tsor_link *link);
void tsor_link_rx_close(struct tsor_link *link);

/* link_tx.c */
int tsor_link_tx_init(struct tsor_link *link);
void tsor_link_tx_exit(struct tsor_link *link);
void tsor_link_tx_open(struct tsor_link *link, const u8 *proof);
void tsor_link_tx_close(struct tsor_link *link);
void tsor_link_tx_dismiss(struct tsor_link *link);
void tsor_link_tx_turns(struct tsor_link *link);
bool tsor_link_tx_credit(struct tsor_link *link, u32 credits);
void tsor_link_tx_owed(struct tsor_link *link);
void tsor_link_tx_echo(struct tsor_link *link);
void tsor_link_tx_beat(struct tsor_link *link, bool echo);

#endif
