// SPDX-License-Identifier: GPL-2.0
/*
 * TCP as a carrier: what stands on the TCP connection beneath a channel. Each direction's own
 * first payload settles its format (design.rst, rule 2): a mark means records, anything else a
 * peer that is plain.
 *
 * Inbound payload is drained as soon as it comes (rule 6), in the socket's sk_data_ready, which
 * TCP calls under the socket's lock. A client or server that has not settled the format looks
 * at the queue without taking from it, so that a plain socket finds its bytes untouched.
 *
 * While a link is the only carrier for a stream, the records in use are the ACK with which each
 * end precedes its FIN (rule 3).
 */
#include <net/tcp.h>

#include "channel.h"
#include "compat.h"
#include "stats.h"
#include "trace.h"

/* copy up to @len bytes of unread TCP payload without taking them; how many there were */
static unsigned int tsor_record_peek(struct sock *sk, u8 *buf, unsigned int len)
{
	u32 seq = tcp_sk(sk)->copied_seq;
	unsigned int have = 0;
	struct sk_buff *skb;

	skb_queue_walk(&sk->sk_receive_queue, skb) {
		u32 off = seq - TCP_SKB_CB(skb)->seq;
		unsigned int n;

		if (TCP_SKB_CB(skb)->tcp_flags & TCPHDR_SYN)
			off--;
		if (off >= skb->len)
			continue;
		n = min(len - have, skb->len - off);
		if (skb_copy_bits(skb, off, buf + have, n))
			break;
		have += n;
		seq += n;
		if (have == len)
			break;
	}
	return have;
}

/* the peer is plain: so are we, if nothing has gone by the link that it did not get by TCP */
static void tsor_record_peer_is_raw(struct tsor_channel *ch)
{
	if (!ch->rx.nxt && !ch->backlog_bytes && !ch->tx.una)
		tsor_channel_plain(ch, TSOR_WHY_RAW);
	else
		tsor_channel_abort(ch, ECONNRESET, true);
}

static void tsor_record_take(struct tsor_channel *ch, const struct tsor_rec *r)
{
	tsor_stat_inc(TSOR_STAT_TCP_RX_RECORDS);
	tsor_channel_hear(ch);
	switch (r->type) {
	case TSOR_REC_ACK:
		if (r->epoch != ch->epoch)
			break;
		if (tsor_tx_ack(&ch->tx, r->count, r->window))
			tsor_tx_acked(ch);
		else
			tsor_channel_abort(ch, ECONNRESET, true);
		break;
	default:
		/* of a stream that changes carrier: not before both ends have that ability */
		tsor_stat_inc(TSOR_STAT_WIRE_TYPE);
		tsor_channel_abort(ch, ECONNRESET, true);
		break;
	}
}

/* take bytes into the decoder; how many it wanted */
static unsigned int tsor_record_feed(struct tsor_channel *ch, const u8 *in, unsigned int len)
{
	struct tsor_rec_state *rec = &ch->rec;
	unsigned int want, n, used = 0;
	enum tsor_wire_err err;
	struct tsor_rec r;

	while (used < len && tsor_channel_live(ch) && !ch->abort_err) {
		if (!rec->marked)
			want = TSOR_MARK_LEN;
		else if (rec->have < TSOR_REC_HDR_LEN)
			want = TSOR_REC_HDR_LEN;
		else
			want = TSOR_REC_HDR_LEN + TSOR_REC_BODY_LEN;
		n = min(want - rec->have, len - used);
		memcpy(rec->buf + rec->have, in + used, n);
		rec->have += n;
		used += n;
		if (rec->have < want)
			break;
		if (!rec->marked) {
			/* looked at before it was taken */
			rec->marked = true;
			rec->have = 0;
			continue;
		}
		err = tsor_rec_decode(rec->buf, &r);
		if (!err && r.length && want == TSOR_REC_HDR_LEN && tsor_rec_counts(r.type))
			continue;
		if (!err && tsor_rec_counts(r.type))
			err = tsor_rec_body_decode(rec->buf + TSOR_REC_HDR_LEN, &r);
		rec->have = 0;
		if (err) {
			tsor_stat_wire(err);
			trace_tsor_wire_error(ch->peer_node, err);
			tsor_channel_abort(ch, ECONNRESET, true);
			break;
		}
		tsor_record_take(ch, &r);
	}
	return len;
}

static int tsor_record_actor(read_descriptor_t *desc, struct sk_buff *skb, unsigned int offset,
			     size_t len)
{
	struct tsor_channel *ch = desc->arg.data;
	size_t left = len;
	u8 buf[64];

	while (left) {
		unsigned int n = min(left, sizeof(buf));

		if (skb_copy_bits(skb, offset, buf, n))
			break;
		tsor_record_feed(ch, buf, n);
		offset += n;
		left -= n;
	}
	return len - left;
}

/* is what stands first on TCP ours? 1 yes, 0 no, -EAGAIN: too little to say */
static int tsor_record_is_marked(struct tsor_channel *ch)
{
	u8 mark[TSOR_MARK_LEN], head[TSOR_MARK_LEN];
	unsigned int have = tsor_record_peek(ch->sk, head, sizeof(head));

	if (!have)
		return -EAGAIN;
	tsor_mark_encode(tsor_mark(ch->peer_token, ch->token), mark);
	if (memcmp(head, mark, have))
		return 0;
	return have == TSOR_MARK_LEN ? 1 : -EAGAIN;
}

static void tsor_record_drain(struct tsor_channel *ch)
{
	read_descriptor_t desc = { .arg.data = ch, .count = 1 };
	struct sock *sk = ch->sk;
	int marked = 1;

	if (!ch->rec.marked) {
		marked = tsor_record_is_marked(ch);
		if (!marked) {
			tsor_record_peer_is_raw(ch);
			return;
		}
	}
	if (marked == 1) {
		ch->mark_by = 0;
		tcp_read_sock(sk, &desc, tsor_record_actor);
	} else if (!ch->mark_by && tcp_inq(sk)) {
		ch->mark_by = (jiffies + TSOR_MARK_TIME) | 1;
		tsor_channel_arm(ch, TSOR_MARK_TIME);
	}

	if (!sock_flag(sk, SOCK_DONE) || !tsor_channel_live(ch) || ch->abort_err)
		return;
	/* TCP's FIN has come */
	if (marked == -EAGAIN && !ch->rx.fin)
		tsor_record_peer_is_raw(ch);
	else if (!ch->rx.fin || !tsor_tx_complete(&ch->tx))
		tsor_channel_abort(ch, ECONNRESET, true);
	else
		tsor_channel_queue_work(ch);
}

/**
 * tsor_record_timer - part of a mark is there; is there to be more?
 * @ch: live channel; socket's lock
 *
 * Some bytes of a plain peer may look like the beginning of our mark.
 */
void tsor_record_timer(struct tsor_channel *ch)
{
	if (time_before(jiffies, ch->mark_by)) {
		tsor_channel_arm(ch, ch->mark_by - jiffies);
		return;
	}
	ch->mark_by = 0;
	/* who was heard has the module, and will send the rest */
	if (ch->heard)
		return;
	tsor_record_peer_is_raw(ch);
	if (ch->role == TSOR_PLAIN)
		ch->sk->sk_data_ready(ch->sk);
}

/**
 * tsor_record_send - write to TCP itself
 * @sk: socket with a channel; locked by a process
 * @msg: with MSG_DONTWAIT
 * @len: bytes
 *
 * The program's shutdown is of the stream, and an error that an ICMP message has left for the
 * program (IP_RECVERR, ip(7)) is not of the connection: both are set aside meanwhile.
 *
 * Return: bytes taken or negative errno; other than -EAGAIN, the connection has ended.
 */
int tsor_record_send(struct sock *sk, struct msghdr *msg, size_t len)
{
	u8 shut = sk->sk_shutdown;
	int err = 0, n;

	if (sk->sk_state != TCP_CLOSE)
		err = xchg(&sk->sk_err, 0);
	sk->sk_shutdown &= ~SEND_SHUTDOWN;
	n = tcp_sendmsg_locked(sk, msg, len);
	sk->sk_shutdown |= shut;
	if (err && !sk->sk_err)
		WRITE_ONCE(sk->sk_err, err);
	return n;
}

/**
 * tsor_record_data_ready - sk_data_ready of an adopted socket
 * @sk: socket; its lock is held
 *
 * TCP has queued payload or a FIN. If the socket turns plain by it, its reader is woken as
 * usual.
 */
void tsor_record_data_ready(struct sock *sk)
{
	struct tsor_channel *ch = tsor_channel_of(sk);
	void (*data_ready)(struct sock *sk);

	if (!ch)
		return;
	data_ready = ch->data_ready;
	if (tsor_channel_live(ch)) {
		if (ch->abort_err)
			return;
		tsor_channel_get(ch);
		tsor_record_drain(ch);
		if (ch->role == TSOR_PLAIN || ch->role == TSOR_DEAD)
			data_ready(sk);
		tsor_channel_put(ch);
		return;
	}
	data_ready(sk);
}

/**
 * tsor_record_last - put the last record on TCP
 * @ch: complete channel; socket's lock, process context
 *
 * The caller sends TCP's FIN behind it. The FIN of a complete stream is always preceded by a
 * record, so that the peer cannot take it for a plain socket's.
 *
 * Return: 0; -EAGAIN if TCP has no room; another negative errno if the connection has ended.
 */
int tsor_record_last(struct tsor_channel *ch)
{
	u8 buf[TSOR_MARK_LEN + TSOR_REC_HDR_LEN + TSOR_REC_BODY_LEN];
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE };
	struct kvec vec = { .iov_base = buf, .iov_len = sizeof(buf) };
	struct sock *sk = ch->sk;
	struct tsor_rec r = {
		.type = TSOR_REC_ACK,
		.epoch = ch->epoch,
		.count = ch->rx.nxt,
	};
	int n;

	/* one segment or nothing: the record must not be cut off by its own failure */
	if (sk_stream_wspace(sk) < (int)SKB_TRUESIZE(sizeof(buf)))
		return -EAGAIN;
	tsor_mark_encode(tsor_mark(ch->token, ch->peer_token), buf);
	tsor_rec_encode(&r, buf + TSOR_MARK_LEN);
	iov_iter_kvec(&msg.msg_iter, ITER_SOURCE, &vec, 1, sizeof(buf));
	n = tsor_record_send(sk, &msg, sizeof(buf));
	if (n < 0)
		return n;
	if (n < sizeof(buf))
		return -EPIPE;
	tsor_stat_inc(TSOR_STAT_TCP_TX_RECORDS);
	return 0;
}
