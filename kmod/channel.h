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
#include <net/inet_connection_sock.h>
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

/* tsor_channel.deferred: what is due as soon as no program owns the socket */
#define TSOR_DEFER_DATA		BIT(0)	/* take in @backlog */
#define TSOR_DEFER_FIN		BIT(1)	/* the stream ended behind @backlog */
#define TSOR_DEFER_ACKED	BIT(2)	/* act on @held */
#define TSOR_DEFER_RST		BIT(3)	/* the peer has reset */
#define TSOR_DEFER_REFUSE	BIT(4)	/* the peer does not know the token */
#define TSOR_DEFER_HEAR		BIT(5)	/* the peer's software was heard */
#define TSOR_DEFER_PUSH		BIT(6)	/* the link has room */
#define TSOR_DEFER_TIMER	BIT(7)	/* the timer has fired */
#define TSOR_DEFER_ACKNOW	BIT(8)	/* the peer waits for an acknowledgment */
#define TSOR_DEFER_BAD		BIT(9)	/* the peer has broken the protocol */

/**
 * struct tsor_held - what messages have said while the socket was owned
 * @ack: largest acknowledgment
 * @edge: largest end of the window
 */
struct tsor_held {
	u64 ack;
	u64 edge;
};

/**
 * struct tsor_channel - one end of one connection
 * @node: in the table of channels, by @token
 * @token: this end's name at the peer
 * @peer_token: the peer's end's name there
 * @peer_node: the peer's node id
 * @ref: holders: the socket's icsk_ulp_data, timer, work, a wait at the link, calls under way
 * @rcu: the table is read under RCU
 * @sk: the socket; the channel holds a reference on it until it is freed
 * @link: carrier, referenced; set once, when the handshake is over
 * @role: see enum tsor_role; only tsor_channel_set_role() writes it
 * @reason: why it is plain
 * @server: this is the accepting end
 * @heard: something came from the peer's software (a message, an accept, a record)
 * @confirmed: client: a packet with the confirm has been sent; written without the lock
 * @raw: going plain: what was written is still to be put on TCP from offset 0
 * @flushing: what was written is being put on TCP just now
 * @passive: the peer's FIN was there before ours was sent
 * @recorded: the last record has been put on TCP, and TCP's FIN asked for
 * @closing: the program has closed the socket; the work ends it
 * @aborted: a RST has been sent; waits for the peer's answer on TCP
 * @rcv_shut: the program has shut the inbound direction down
 * @hashed: in the table
 * @bound: sk_prot, ops and callbacks of the socket are ours
 * @more: hold back what does not fill a message: the last write said MSG_MORE
 * @want_ack: an acknowledgment is due when the link has room
 * @retry: the link was out of memory: push again by the timer
 * @waiting: @txq waits at the link and holds a reference
 * @abort_err: errno with which the work shall abort the socket; 0: none
 * @epoch: number of changes of carrier so far
 * @deferred: TSOR_DEFER_*
 * @close_by: jiffies by which a closed channel must be complete, or have made progress
 * @passive_by: jiffies at which the passive end waits no more for the other's FIN; 0: not yet
 * @mark_by: jiffies by which the rest of a record's mark must have come; 0: it is not awaited
 * @warm_by: jiffies at which TCP is to send something, so that firewalls do not forget it
 * @tx: outbound offsets
 * @rx: inbound offsets
 * @unsent: written, not given to the carrier
 * @retained: given to the link, not acknowledged by the peer's software
 * @rxq: received in order, not read; the first may be read in part
 * @rx_off: bytes of the first of @rxq that were read
 * @rx_grow: offset at which the receive buffer may grow again
 * @rx_since: jiffies of the last look at it
 * @backlog: payload in order behind @rxq that arrived while the socket was owned; guarded by
 *	its own lock, since an owner may end the channel while softirq puts something in
 * @backlog_open: something may be put in; under @backlog's lock
 * @held: acknowledgment and window that arrived meanwhile
 * @backlog_bytes: payload in @backlog
 * @tx_mem: truesize of @unsent and @retained, charged to the socket
 * @rx_mem: truesize of @rxq, as far as it could be charged to the socket
 * @acked: rx.nxt as last told to the peer
 * @asked: tx.nxt when an acknowledgment was last asked for
 * @txq: place in the link's round robin
 * @timer: delayed acknowledgment, repeated confirm, cork, retry after a failed allocation
 * @work: what needs a process: aborting, ending, going plain
 * @tx_bytes: payload given to the link
 * @rx_bytes: payload taken from the link
 * @syn_lock: guards @synack, @isn, @synack_err and @got_synack, which a netfilter hook writes
 * @isn: sequence number of the SYN-ACK that carried @synack
 * @synack: its option
 * @synack_err: what was wrong with it
 * @got_synack: there was one
 * @family: tables that @sk had (adopt.c)
 * @lite: socket that stands in for the one that was closed (close.c)
 * @flushed: bytes of the first of @retained that have gone onto TCP, going plain
 * @data_ready: the socket's own sk_data_ready
 * @write_space: its own sk_write_space
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
	bool confirmed;
	bool raw;
	bool flushing;
	bool passive;
	bool recorded;
	bool closing;
	bool aborted;
	bool rcv_shut;
	bool hashed;
	bool bound;
	bool more;
	bool want_ack;
	bool retry;
	bool waiting;
	int abort_err;
	u16 epoch;
	unsigned int deferred;
	unsigned long close_by;
	unsigned long passive_by;
	unsigned long mark_by;
	unsigned long warm_by;
	struct tsor_tx tx;
	struct tsor_rx rx;
	struct sk_buff_head unsent;
	struct sk_buff_head retained;
	struct sk_buff_head rxq;
	u32 rx_off;
	u64 rx_grow;
	unsigned long rx_since;
	struct sk_buff_head backlog;
	bool backlog_open;
	struct tsor_held held;
	u32 backlog_bytes;
	u32 tx_mem;
	u32 rx_mem;
	u64 acked;
	u64 asked;
	struct tsor_txq txq;
	struct timer_list timer;
	struct work_struct work;
	u64 tx_bytes;
	u64 rx_bytes;
	spinlock_t syn_lock;	/* of the four below */
	u32 isn;
	struct tsor_opt synack;
	u8 synack_err;
	bool got_synack;
	const struct tsor_family *family;
	struct socket *lite;
	u32 flushed;
	void (*data_ready)(struct sock *sk);
	void (*write_space)(struct sock *sk);
	struct tsor_rec_state rec;
};

/* room that each end has for the other before it has said so; part of the protocol */
#define TSOR_WINDOW_INIT	65536

#define TSOR_DELACK		msecs_to_jiffies(20)	/* longest that an acknowledgment waits */
#define TSOR_CONFIRM_AGAIN	msecs_to_jiffies(200)	/* until the server is heard */
#define TSOR_CORK		msecs_to_jiffies(200)	/* as TCP_CORK, tcp(7) */
#define TSOR_RETRY		msecs_to_jiffies(10)	/* after a failed allocation */
#define TSOR_CLOSE_TIME		(60 * HZ)	/* as tcp_fin_timeout, tcp(7) */
#define TSOR_MARK_TIME		(5 * HZ)	/* for the rest of a mark: some retransmissions */
#define TSOR_WARM_TIME		(600 * HZ)	/* less than a firewall keeps an idle connection */

/* a server's tokens have it, a client's not: only for a server can data come too early */
#define TSOR_TOKEN_SERVER	BIT(31)

/* in skb->cb of the transmit queues */
struct tsor_tx_cb {
	u64 offset;
};

/* in skb->cb of rxq: how much of its truesize was charged? */
struct tsor_rx_cb {
	u32 charged;
};

#define tsor_tx_cb(skb) ((struct tsor_tx_cb *)(skb)->cb)
#define tsor_rx_cb(skb) ((struct tsor_rx_cb *)(skb)->cb)

/**
 * struct tsor_channel_ops - what a channel asks of the socket above it
 * @unbind: give the socket its stock operations back, for good. Socket's lock.
 * @work: something needs a process: ch->abort_err, ch->raw, ch->closing or completion.
 *	Process context, no lock.
 */
struct tsor_channel_ops {
	void (*unbind)(struct tsor_channel *ch);
	void (*work)(struct tsor_channel *ch);
};

/**
 * typedef tsor_channel_event_fn - a channel's role has changed
 *
 * Socket's lock, perhaps softirq.
 */
typedef void (*tsor_channel_event_fn)(struct tsor_channel *ch);

/* channel.c: life and table */
int tsor_channel_init(void);
void tsor_channel_exit(void);
void tsor_channel_set_ops(const struct tsor_channel_ops *ops);
void tsor_channel_set_event(tsor_channel_event_fn event);
struct tsor_channel *tsor_channel_new(struct sock *sk, bool server, gfp_t gfp);
int tsor_channel_hash(struct tsor_channel *ch, u32 token);
struct tsor_channel *tsor_channel_lookup(u32 token);
void tsor_channel_get(struct tsor_channel *ch);
void tsor_channel_put(struct tsor_channel *ch);
void tsor_channel_confirm(struct tsor_channel *ch, struct tsor_link *link, u64 peer_node,
			  u32 peer_token, u32 token);
void tsor_channel_set_role(struct tsor_channel *ch, enum tsor_role role,
			   enum tsor_reason reason);
void tsor_channel_plain(struct tsor_channel *ch, enum tsor_reason reason);
void tsor_channel_hear(struct tsor_channel *ch);
void tsor_channel_die(struct tsor_channel *ch);
void tsor_channel_abort(struct tsor_channel *ch, int err, bool tell);
void tsor_channel_queue_work(struct tsor_channel *ch);
void tsor_channel_arm(struct tsor_channel *ch, unsigned long delay);
void tsor_channel_purge_tx(struct tsor_channel *ch);
void tsor_channel_purge_rx(struct tsor_channel *ch);
bool tsor_channel_complete(const struct tsor_channel *ch);
void tsor_channel_info(struct tsor_channel *ch, struct tsor_channel_info *info);

extern struct tcp_ulp_ops tsor_ulp;

/**
 * tsor_channel_of - the channel of a socket
 * @sk: full socket; locked, or under RCU
 *
 * Return: NULL if it has none.
 */
static inline struct tsor_channel *tsor_channel_of(const struct sock *sk)
{
	const struct inet_connection_sock *icsk = inet_csk(sk);

	if (READ_ONCE(icsk->icsk_ulp_ops) != &tsor_ulp)
		return NULL;
	return rcu_dereference_check(icsk->icsk_ulp_data, lockdep_sock_is_held(sk));
}

static inline bool tsor_channel_live(const struct tsor_channel *ch)
{
	return ch->role == TSOR_UND || ch->role == TSOR_CH;
}

/* transmit.c: from the socket to the carrier */
int tsor_tx_append(struct tsor_channel *ch, struct iov_iter *from, size_t len);
void tsor_tx_push(struct tsor_channel *ch);
void tsor_tx_turn(struct tsor_link *link, struct tsor_txq *txq, u32 budget);
void tsor_tx_acked(struct tsor_channel *ch);
void tsor_tx_send_ack(struct tsor_channel *ch);
int tsor_tx_send_rst(struct tsor_channel *ch);
bool tsor_tx_full(const struct tsor_channel *ch);
bool tsor_tx_writable(const struct tsor_channel *ch, bool wake);

/* receive.c: from the carrier to the socket */
void tsor_rx_receive(struct tsor_link *link, const struct tsor_msg *m, struct sk_buff *skb);
void tsor_rx_message(struct tsor_channel *ch, const struct tsor_msg *m, struct sk_buff *skb);
void tsor_rx_deferred(struct tsor_channel *ch);
void tsor_rx_charge_queue(struct tsor_channel *ch);
int tsor_rx_copy(struct tsor_channel *ch, struct msghdr *msg, size_t len, u32 skip);
void tsor_rx_consume(struct tsor_channel *ch, u32 bytes);
void tsor_rx_update(struct tsor_channel *ch);
bool tsor_rx_ready(const struct tsor_channel *ch);
u32 tsor_rx_space(const struct tsor_channel *ch);

/* park.c: data for a token whose child does not exist yet */
int tsor_park_init(void);
void tsor_park_exit(void);
bool tsor_park(struct tsor_link *link, const struct tsor_msg *m, struct sk_buff *skb);
void tsor_park_take(struct tsor_channel *ch);
void tsor_park_refuse(struct tsor_link *link, u32 token);
void tsor_park_tombstone(struct tsor_link *link, u32 token);
void tsor_park_forget(struct tsor_link *link);

/* record.c: TCP as a carrier */
void tsor_record_data_ready(struct sock *sk);
void tsor_record_timer(struct tsor_channel *ch);
int tsor_record_send(struct sock *sk, struct msghdr *msg, size_t len);
int tsor_record_last(struct tsor_channel *ch);

struct rhashtable_iter;
void tsor_channel_walk_start(struct rhashtable_iter *iter);
int tsor_channel_walk_next(struct rhashtable_iter *iter, struct tsor_channel_info *info);
void tsor_channel_walk_stop(struct rhashtable_iter *iter);
const char *tsor_role_name(enum tsor_role role);
const char *tsor_reason_name(enum tsor_reason reason);

#endif
