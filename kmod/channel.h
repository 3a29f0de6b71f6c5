/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A channel: one end of one connection, between a socket and the carriers. Owns the queues
 * of both directions and the stream's state; everything in it is guarded by the socket's
 * lock (bh part in softirq; what arrives while a program holds it waits in @backlog until
 * release_cb). Never touches a QP.
 */
#ifndef TSOR_CHANNEL_H
#define TSOR_CHANNEL_H

#include <linux/refcount.h>
#include <linux/rhashtable-types.h>
#include <linux/skbuff.h>
#include <linux/timer.h>
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

/**
 * struct tsor_rec_state - where the decoder of inbound TCP payload stands
 * @marked: the mark has been seen: records (the model's ifm == 1)
 * @have: bytes of @buf that are filled
 * @buf: an incomplete record header with body
 */
struct tsor_rec_state {
	bool marked;
	u8 have;
	u8 buf[TSOR_REC_HDR_LEN + TSOR_REC_BODY_LEN];
};

/**
 * struct tsor_channel - one end of one connection
 * @node: in the table of channels, by @token
 * @token: this end's name at the peer
 * @peer_token: the peer's end's name there
 * @peer_node: the peer's node id
 * @ref: holders: the socket's icsk_ulp_data, the table, waits, work, timer, calls under way
 * @rcu: the table is read under RCU
 * @sk: the socket; the channel holds a reference on it until it is freed
 * @link: carrier, referenced; set once at confirmation
 * @role: see enum tsor_role; only tsor_channel_set_role() writes it
 * @reason: why it is plain
 * @server: this is the accepting end
 * @heard: something came from the peer's software (a message, an accept, a record)
 * @rec_sent: something was put on TCP as records: mark sent (the model's ofm == 1)
 * @raw: the outbound stream goes on as raw TCP (ofm == 2); unsent data is still ours
 * @fin_tcp: TCP's own FIN has been sent or asked for
 * @closing: the program has closed the socket; finish and free
 * @hashed: in the table
 * @bound: swapped into the socket (adopt.c)
 * @more: the last write said MSG_MORE: hold a message that is not full
 * @want_push: a push is due as soon as the socket is no longer owned by a program
 * @want_ack: likewise an acknowledgment
 * @fin_held: a FIN behind what is in @backlog
 * @rst_held: a RST arrived while the socket was owned
 * @ack_held: an acknowledgment arrived while the socket was owned
 * @refuse_held: a REFUSE likewise
 * @timer_on: @timer holds a reference
 * @work_on: @work holds a reference
 * @waiting: @txq waits at the link and holds a reference
 * @epoch: number of changes of carrier so far
 * @close_by: jiffies by which a closed channel must be complete
 * @tx: outbound offsets
 * @rx: inbound offsets
 * @unsent: written, not given to the carrier
 * @retained: given to the link, not acknowledged by the peer's software
 * @rxq: received in order, not read; the first may be read in part
 * @rx_off: bytes of the first of @rxq that were read
 * @backlog: messages that arrived while the socket was owned; cb has the header
 * @held: their latest acknowledgment, when it came without payload
 * @backlog_bytes: payload in @backlog
 * @tx_mem: truesize of @unsent and @retained, charged to the socket
 * @rx_mem: truesize of @rxq, charged to the socket
 * @acked: rx.nxt as last told to the peer
 * @txq: place in the link's round robin
 * @timer: delayed acknowledgment, repeated confirm, retry after a failed allocation
 * @work: what needs a process: end, raw flush
 * @tx_bytes: payload given to the link
 * @rx_bytes: payload taken from the link
 * @syn_lock: guards @synack and @isn, which the netfilter hook writes without the socket's lock
 * @isn: sequence number of the SYN-ACK that carried @synack
 * @synack: its option
 * @synack_err: what was wrong with it
 * @got_synack: there was one
 * @data_ready: the socket's own sk_data_ready
 * @rec: decoder of inbound TCP payload
 *
 * Lock: the socket's, unless it says otherwise.
 */
struct tsor_channel {
	struct rhash_head node;
	u32 token;
	u32 peer_token;
	u64 peer_node;
	refcount_t ref;
	struct rcu_head rcu;
	struct sock *sk;
	struct tsor_link *link;
	u8 role;
	u8 reason;
	bool server;
	bool heard;
	bool rec_sent;
	bool raw;
	bool fin_tcp;
	bool closing;
	bool hashed;
	bool bound;
	bool more;
	bool want_push;
	bool want_ack;
	bool fin_held;
	bool rst_held;
	bool ack_held;
	bool refuse_held;
	bool timer_on;
	bool work_on;
	bool waiting;
	u16 epoch;
	unsigned long close_by;
	struct tsor_tx tx;
	struct tsor_rx rx;
	struct sk_buff_head unsent;
	struct sk_buff_head retained;
	struct sk_buff_head rxq;
	u32 rx_off;
	struct sk_buff_head backlog;
	struct tsor_msg held;
	u32 backlog_bytes;
	u32 tx_mem;
	u32 rx_mem;
	u64 acked;
	struct tsor_txq txq;
	struct timer_list timer;
	struct work_struct work;
	u64 tx_bytes;
	u64 rx_bytes;
	spinlock_t syn_lock;
	u32 isn;
	struct tsor_opt synack;
	u8 synack_err;
	bool got_synack;
	void (*data_ready)(struct sock *sk);
	struct tsor_rec_state rec;
};

/* room that each end has for the other before it has said so; part of the protocol */
#define TSOR_WINDOW_INIT	65536

/* in skb->cb of the transmit queues */
struct tsor_tx_cb {
	u64 offset;
	bool fin;
};

/* in skb->cb of rxq: was its truesize charged? */
struct tsor_rx_cb {
	u32 charged;
};

#define tsor_tx_cb(skb) ((struct tsor_tx_cb *)(skb)->cb)
#define tsor_rx_cb(skb) ((struct tsor_rx_cb *)(skb)->cb)
#define tsor_msg_cb(skb) ((struct tsor_msg *)(skb)->cb)

/**
 * struct tsor_channel_ops - what a channel asks of the socket above it
 * @unbind: give the socket its stock operations back, for good. Socket's lock.
 * @finish: the work of a channel: end, raw flush. Process context, no lock.
 */
struct tsor_channel_ops {
	void (*unbind)(struct tsor_channel *ch);
	void (*finish)(struct tsor_channel *ch);
};

/**
 * typedef tsor_channel_event_fn - a channel's role has changed
 *
 * Socket's lock, perhaps softirq.
 */
typedef void (*tsor_channel_event_fn)(struct tsor_channel *ch);

/* channel.c: life and table */
void tsor_channel_set_event(tsor_channel_event_fn event);
int tsor_channel_init(const struct tsor_channel_ops *ops);
void tsor_channel_exit(void);
struct tsor_channel *tsor_channel_new(struct sock *sk, u32 token, gfp_t gfp);
struct tsor_channel *tsor_channel_lookup(u32 token);
bool tsor_channel_tryget(struct tsor_channel *ch);
void tsor_channel_get(struct tsor_channel *ch);
void tsor_channel_put(struct tsor_channel *ch);
int tsor_channel_confirm(struct tsor_channel *ch, struct tsor_link *link, u64 peer_node,
			 u32 peer_token, bool server);
void tsor_channel_set_role(struct tsor_channel *ch, enum tsor_role role,
			   enum tsor_reason reason);
void tsor_channel_plain(struct tsor_channel *ch, enum tsor_reason reason);
void tsor_channel_hear(struct tsor_channel *ch);
void tsor_channel_die(struct tsor_channel *ch);
void tsor_channel_abort(struct tsor_channel *ch, int err, bool tell);
void tsor_channel_queue_work(struct tsor_channel *ch);
void tsor_channel_arm(struct tsor_channel *ch, unsigned long delay);
void tsor_channel_purge(struct tsor_channel *ch);
bool tsor_channel_complete(const struct tsor_channel *ch);
void tsor_channel_info(struct tsor_channel *ch, struct tsor_channel_info *info);
u32 tsor_channel_rx_space(const struct tsor_channel *ch);

static inline bool tsor_channel_live(const struct tsor_channel *ch)
{
	return ch->role == TSOR_UND || ch->role == TSOR_CH;
}

/* transmit.c: from the socket to the carrier */
int tsor_tx_append(struct tsor_channel *ch, struct iov_iter *from, size_t len, gfp_t gfp);
void tsor_tx_push(struct tsor_channel *ch, bool whole);
void tsor_tx_turn(struct tsor_channel *ch, u32 budget);
void tsor_tx_acked(struct tsor_channel *ch);
void tsor_tx_send_ack(struct tsor_channel *ch);
void tsor_tx_send_rst(struct tsor_channel *ch);
bool tsor_tx_full(const struct tsor_channel *ch);

/* receive.c: from the carrier to the socket */
void tsor_rx_message(struct tsor_channel *ch, const struct tsor_msg *m, struct sk_buff *skb);
void tsor_rx_release_cb(struct tsor_channel *ch);
int tsor_rx_copy(struct tsor_channel *ch, struct msghdr *msg, size_t len, int flags);
void tsor_rx_consumed(struct tsor_channel *ch, u32 bytes);
void tsor_rx_update(struct tsor_channel *ch);

/* park.c: data for a token whose child does not exist yet */
int tsor_park_init(void);
void tsor_park_exit(void);
bool tsor_park(struct tsor_link *link, const struct tsor_msg *m, struct sk_buff *skb);
void tsor_park_take(struct tsor_channel *ch);
void tsor_park_forget(struct tsor_link *link);
void tsor_park_refuse(struct tsor_link *link, u32 dst, u32 src);

/* record.c: TCP as a carrier */
void tsor_record_data_ready(struct sock *sk);
int tsor_record_last(struct tsor_channel *ch);

/*
 * A walk over all channels. It may pause for as long as it likes: between the calls nothing is
 * held but a place in the table (rhashtable_walk_enter() and _exit() are in start and stop,
 * rhashtable_walk_start() and _stop() around each step). next gives 0 and a copy, or -ENOENT
 * behind the last. Process context.
 */
struct rhashtable_iter;
void tsor_channel_walk_start(struct rhashtable_iter *iter);
int tsor_channel_walk_next(struct rhashtable_iter *iter, struct tsor_channel_info *info);
void tsor_channel_walk_stop(struct rhashtable_iter *iter);
const char *tsor_role_name(enum tsor_role role);
const char *tsor_reason_name(enum tsor_reason reason);

#endif
