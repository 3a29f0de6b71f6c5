// SPDX-License-Identifier: GPL-2.0
/*
 * From the carrier to the program: messages of a link are checked against their channel, and
 * payload is queued in order until the program reads it.
 *
 * Two ways lead in. If no program owns the socket, a message takes effect at once. Otherwise
 * its payload goes to @backlog and the rest is noted in @deferred and @held, and
 * tsor_rx_deferred() lets it take effect when the owner leaves. The queue that a program reads
 * is so never touched under its hands. What a peer can make us hold is bounded by the window
 * either way, since a message is checked when it comes, and small ones are merged.
 */
#include <net/tcp.h>

#include "channel.h"
#include "compat.h"
#include "stats.h"

/* payload up to this is merged with its neighbours */
#define TSOR_RX_SMALL	1024
/* linear room of what it is merged into */
#define TSOR_RX_COLLECT	SKB_MAX_HEAD(0)

/* how long the passive end waits for the other's last record and FIN before it sends its own */
#define TSOR_PASSIVE	msecs_to_jiffies(2000)

static u32 tsor_rx_limit(const struct tsor_channel *ch)
{
	u32 limit = READ_ONCE(ch->sk->sk_rcvbuf) / 2;

	if (tcp_under_memory_pressure(ch->sk))
		limit /= 4;
	return limit;
}

/**
 * tsor_rx_space - bytes that may still come, beyond what is queued
 * @ch: channel; socket's lock
 *
 * Half of SO_RCVBUF is for payload, as with TCP; memory of what is queued counts too.
 */
u32 tsor_rx_space(const struct tsor_channel *ch)
{
	u64 queued = tsor_rx_readable(&ch->rx) + READ_ONCE(ch->backlog_bytes);
	u32 limit = tsor_rx_limit(ch);

	if (queued >= limit || ch->rx_mem / 4 >= limit)
		return 0;
	return limit - queued;
}

/**
 * tsor_rx_ready - is there what poll() calls readable?
 * @ch: channel; any context
 *
 * SO_RCVLOWAT holds back less, but not when the window leaves no room for more.
 */
bool tsor_rx_ready(const struct tsor_channel *ch)
{
	u64 readable = READ_ONCE(ch->rx.nxt) - READ_ONCE(ch->rx.read) - READ_ONCE(ch->rx.fin);
	u32 target = sock_rcvlowat(ch->sk, 0, INT_MAX);

	if (READ_ONCE(ch->rx.fin))
		return true;
	return readable >= target || (readable && READ_ONCE(ch->rx.nxt) == READ_ONCE(ch->rx.edge));
}

static void tsor_rx_charge(struct tsor_channel *ch, struct sk_buff *skb)
{
	u32 size = skb->truesize;

	tsor_rx_cb(skb)->charged = 0;
	/*
	 * accept() sets the memcg, and charges it for what TCP knows of; before, a child's early
	 * data, of a window at most, is nobody's
	 */
	if (!ch->sk->sk_socket)
		return;
	/* announced, so it must be kept even if it cannot be charged; the window bounds it */
	if (!sk_rmem_schedule(ch->sk, skb, size)) {
		tsor_stat_inc(TSOR_STAT_NO_MEMORY);
		return;
	}
	sk_mem_charge(ch->sk, size);
	tsor_rx_cb(skb)->charged = size;
	ch->rx_mem += size;
}

/**
 * tsor_rx_charge_queue - charge what came before there was anyone to charge
 * @ch: of a socket that has just been accepted; socket's lock
 */
void tsor_rx_charge_queue(struct tsor_channel *ch)
{
	struct sk_buff *skb;

	skb_queue_walk(&ch->rxq, skb) {
		if (!tsor_rx_cb(skb)->charged)
			tsor_rx_charge(ch, skb);
	}
}

static void tsor_rx_uncharge(struct tsor_channel *ch, struct sk_buff *skb)
{
	u32 size = tsor_rx_cb(skb)->charged;

	if (!size)
		return;
	tsor_rx_cb(skb)->charged = 0;
	ch->rx_mem -= size;
	sk_mem_uncharge(ch->sk, size);
}

/* copy @skb to the end of @tail, which has the room; frees @skb */
static void tsor_rx_merge(struct sk_buff *tail, struct sk_buff *skb)
{
	u32 len = skb->len;

	skb_copy_bits(skb, 0, skb_put(tail, len), len);
	consume_skb(skb);
}

/*
 * Put payload at the end of a queue. A stream of tiny messages would cost hundreds of times
 * its bytes: two small neighbours move to one buffer, which the next ones fill up. Those in
 * @rxq are charged, those in @backlog not yet.
 */
static void tsor_rx_enqueue(struct tsor_channel *ch, struct sk_buff_head *queue,
			    struct sk_buff *skb)
{
	bool charge = queue == &ch->rxq;
	struct sk_buff *tail = skb_peek_tail(queue);
	struct sk_buff *both;

	skb_orphan(skb);
	if (tail && skb->len <= TSOR_RX_SMALL && !skb_is_nonlinear(tail) && !skb_cloned(tail)) {
		if (skb_tailroom(tail) >= skb->len) {
			tsor_rx_merge(tail, skb);
			return;
		}
		both = tail->len <= TSOR_RX_SMALL ? alloc_skb(TSOR_RX_COLLECT, GFP_ATOMIC) : NULL;
		if (both) {
			__skb_unlink(tail, queue);
			if (charge)
				tsor_rx_uncharge(ch, tail);
			tsor_rx_merge(both, tail);
			tsor_rx_merge(both, skb);
			skb = both;
		}
	}
	tsor_rx_cb(skb)->charged = 0;
	if (charge)
		tsor_rx_charge(ch, skb);
	__skb_queue_tail(queue, skb);
}

static void tsor_rx_complete(struct tsor_channel *ch)
{
	if (!tsor_channel_complete(ch) || ch->recorded)
		return;
	if (!ch->passive) {
		tsor_channel_queue_work(ch);
		return;
	}
	if (!ch->passive_by)
		ch->passive_by = (jiffies + TSOR_PASSIVE) | 1;
	tsor_channel_arm(ch, TSOR_PASSIVE);
}

/* @bytes have been put into @rxq, and perhaps the FIN has come */
static void tsor_rx_arrived(struct tsor_channel *ch, u32 bytes, bool fin, bool acknow)
{
	struct sock *sk = ch->sk;

	tsor_rx_accept(&ch->rx, bytes, fin);
	WRITE_ONCE(ch->rx_bytes, ch->rx_bytes + bytes);
	if (fin || acknow || ch->rx.nxt - ch->acked >= tsor_rx_limit(ch) / 4)
		tsor_tx_send_ack(ch);
	else
		tsor_channel_arm(ch, TSOR_DELACK);
	if (fin) {
		sk->sk_state_change(sk);
		sk_wake_async(sk, SOCK_WAKE_WAITD,
			      sk->sk_shutdown & SEND_SHUTDOWN ? POLL_HUP : POLL_IN);
	}
	if (tsor_rx_ready(ch))
		ch->data_ready(sk);
	if (fin)
		tsor_rx_complete(ch);
}

static void tsor_rx_ack(struct tsor_channel *ch, u64 ack, u32 window)
{
	u64 una = ch->tx.una, edge = ch->tx.edge;

	if (!tsor_tx_ack(&ch->tx, ack, window)) {
		tsor_stat_inc(TSOR_STAT_RX_BAD_ACK);
		tsor_channel_abort(ch, ECONNRESET, true);
		return;
	}
	if (ch->tx.una == una && ch->tx.edge == edge)
		return;
	tsor_tx_acked(ch);
	if (ch->closing && ch->tx.una != una)
		ch->close_by = jiffies + TSOR_CLOSE_TIME;
	if (ch->tx.una == una || !ch->tx.fin)
		return;
	/* someone may linger in close() */
	if (tsor_tx_complete(&ch->tx))
		ch->sk->sk_state_change(ch->sk);
	tsor_rx_complete(ch);
}

static void tsor_rx_rst(struct tsor_channel *ch)
{
	if (!tsor_channel_complete(ch))
		tsor_channel_abort(ch, ch->rx.fin ? EPIPE : ECONNRESET, false);
}

static void tsor_rx_refused(struct tsor_channel *ch)
{
	if (tsor_channel_complete(ch))
		return;
	if (ch->heard)
		tsor_channel_abort(ch, ECONNRESET, false);
	else
		tsor_channel_plain(ch, TSOR_WHY_REFUSED);
}

static void tsor_rx_refuse(struct tsor_link *link, const struct tsor_msg *m)
{
	struct tsor_msg refuse = {
		.type = TSOR_MSG_REFUSE,
		.dst = m->src,
		.src = m->dst,
	};

	/* neither is ever answered */
	if (m->type == TSOR_MSG_REFUSE || m->type == TSOR_MSG_RST)
		return;
	if (!tsor_link_send_control(link, &refuse))
		tsor_stat_inc(TSOR_STAT_REFUSE_SENT);
}

/* may this payload be taken? If not, it has been counted. */
static bool tsor_rx_judge(struct tsor_channel *ch, const struct tsor_msg *m, bool owned)
{
	struct tsor_rx rx = ch->rx;

	if (owned) {
		rx.nxt += ch->backlog_bytes;
		rx.fin |= !!(ch->deferred & TSOR_DEFER_FIN);
	}
	switch (tsor_rx_check(&rx, ch->epoch, m->epoch, m->offset, m->length)) {
	case TSOR_RX_ACCEPT:
		return true;
	case TSOR_RX_OLD:
		tsor_stat_inc(TSOR_STAT_RX_OLD_EPOCH);
		return false;
	case TSOR_RX_BAD_WINDOW:
		tsor_stat_inc(TSOR_STAT_RX_BAD_WINDOW);
		break;
	case TSOR_RX_BAD_EPOCH:
		tsor_stat_inc(TSOR_STAT_RX_BAD_EPOCH);
		break;
	case TSOR_RX_HOLD:
		tsor_stat_inc(TSOR_STAT_RX_BAD_OFFSET);
		/* what came before it was refused, when there was no child yet: so is this */
		if (ch->server && !rx.nxt) {
			tsor_rx_refuse(ch->link, m);
			return false;
		}
		/* else nothing overtakes on a link while it is the only carrier */
		goto bad;
	case TSOR_RX_BAD_OFFSET:
		tsor_stat_inc(TSOR_STAT_RX_BAD_OFFSET);
		break;
	}
bad:
	if (owned)
		ch->deferred |= TSOR_DEFER_BAD;
	else
		tsor_channel_abort(ch, ECONNRESET, true);
	return false;
}

/* as tsor_rx_message(), while a program owns the socket */
static void tsor_rx_defer(struct tsor_channel *ch, const struct tsor_msg *m, struct sk_buff *skb)
{
	if (m->type == TSOR_MSG_REFUSE) {
		ch->deferred |= TSOR_DEFER_REFUSE;
		return;
	}
	ch->deferred |= TSOR_DEFER_HEAR;
	if (m->type == TSOR_MSG_RST) {
		ch->deferred |= TSOR_DEFER_RST;
		return;
	}
	if (m->epoch == ch->epoch) {
		if (!(ch->deferred & TSOR_DEFER_ACKED))
			ch->held = (struct tsor_held){};
		ch->held.ack = max(ch->held.ack, m->ack);
		ch->held.edge = max(ch->held.edge, m->ack + m->window);
		ch->deferred |= TSOR_DEFER_ACKED;
	}
	if (m->type != TSOR_MSG_DATA || !tsor_rx_judge(ch, m, true)) {
		kfree_skb(skb);
		return;
	}
	ch->deferred |= TSOR_DEFER_DATA;
	if (m->flags & TSOR_MSG_F_FIN)
		ch->deferred |= TSOR_DEFER_FIN;
	if (m->flags & TSOR_MSG_F_ACKNOW)
		ch->deferred |= TSOR_DEFER_ACKNOW;
	if (!skb)
		return;
	spin_lock(&ch->backlog.lock);
	if (ch->backlog_open) {
		WRITE_ONCE(ch->backlog_bytes, ch->backlog_bytes + m->length);
		tsor_rx_enqueue(ch, &ch->backlog, skb);
		skb = NULL;
	}
	spin_unlock(&ch->backlog.lock);
	kfree_skb(skb);
}

/* shut down both ways, or closed: TCP answers payload with a reset, RFC 1122 section 4.2.2.13 */
static bool tsor_rx_unwanted(const struct tsor_channel *ch)
{
	return ch->rcv_shut && ch->tx.fin;
}

/**
 * tsor_rx_message - let a message for a channel take effect
 * @ch: channel, to which message and link belong; socket's lock, not owned by a program
 * @m: header
 * @skb: payload or NULL; consumed
 */
void tsor_rx_message(struct tsor_channel *ch, const struct tsor_msg *m, struct sk_buff *skb)
{
	if (m->type == TSOR_MSG_REFUSE) {
		tsor_rx_refused(ch);
		return;
	}
	tsor_channel_hear(ch);
	if (m->type == TSOR_MSG_RST) {
		tsor_rx_rst(ch);
		return;
	}
	if (m->epoch == ch->epoch)
		tsor_rx_ack(ch, m->ack, m->window);
	if (m->type != TSOR_MSG_DATA || !tsor_channel_live(ch) || ch->abort_err ||
	    !tsor_rx_judge(ch, m, false)) {
		kfree_skb(skb);
		return;
	}
	if (skb && tsor_rx_unwanted(ch)) {
		kfree_skb(skb);
		tsor_channel_abort(ch, ECONNRESET, true);
		return;
	}
	if (skb)
		tsor_rx_enqueue(ch, &ch->rxq, skb);
	tsor_rx_arrived(ch, m->length, m->flags & TSOR_MSG_F_FIN, m->flags & TSOR_MSG_F_ACKNOW);
}

/**
 * tsor_rx_receive - a message has come by a link
 * @link: the link
 * @m: header, well-formed
 * @skb: payload or NULL; consumed
 *
 * Softirq, no lock held.
 */
void tsor_rx_receive(struct tsor_link *link, const struct tsor_msg *m, struct sk_buff *skb)
{
	struct tsor_channel *ch;
	struct sock *sk;

	if (m->type == TSOR_MSG_REFUSE)
		tsor_stat_inc(TSOR_STAT_REFUSE_GOT);
	else if (m->type == TSOR_MSG_RST)
		tsor_stat_inc(TSOR_STAT_RST_GOT);
	ch = tsor_channel_lookup(m->dst);
	if (!ch && m->type == TSOR_MSG_DATA && m->dst & TSOR_TOKEN_SERVER) {
		if (tsor_park(link, m, skb))
			return;
		/* no room, or it has just been made */
		ch = tsor_channel_lookup(m->dst);
	}
	if (!ch) {
		tsor_stat_inc(TSOR_STAT_RX_UNKNOWN_TOKEN);
		goto refuse;
	}
	if (ch->link != link || ch->peer_token != m->src) {
		tsor_stat_inc(TSOR_STAT_RX_FOREIGN_TOKEN);
		goto put;
	}

	sk = ch->sk;
	bh_lock_sock(sk);
	if (!tsor_channel_live(ch)) {
		bh_unlock_sock(sk);
		goto put;
	}
	if (ch->abort_err)
		kfree_skb(skb);
	else if (sock_owned_by_user(sk))
		tsor_rx_defer(ch, m, skb);
	else
		tsor_rx_message(ch, m, skb);
	bh_unlock_sock(sk);
	tsor_channel_put(ch);
	return;

put:
	tsor_channel_put(ch);
refuse:
	tsor_rx_refuse(link, m);
	kfree_skb(skb);
}

static void tsor_rx_take_backlog(struct tsor_channel *ch, bool fin, bool acknow)
{
	u32 bytes = ch->backlog_bytes;
	struct sk_buff *skb;

	if (bytes && tsor_rx_unwanted(ch)) {
		tsor_channel_purge_rx(ch);
		tsor_channel_abort(ch, ECONNRESET, true);
		return;
	}
	while ((skb = __skb_dequeue(&ch->backlog)))
		tsor_rx_enqueue(ch, &ch->rxq, skb);
	WRITE_ONCE(ch->backlog_bytes, 0);
	tsor_rx_arrived(ch, bytes, fin, acknow);
}

static void tsor_rx_timer(struct tsor_channel *ch)
{
	if (ch->acked < ch->rx.nxt || (ch->want_ack && !ch->waiting))
		tsor_tx_send_ack(ch);
	if (ch->retry || ch->more) {
		ch->retry = false;
		ch->more = false;
		tsor_tx_push(ch);
	}
	if (ch->role == TSOR_UND && !ch->heard && ch->tx.nxt) {
		/* the ACK with our confirm may have been lost: the server has no child then */
		tsor_send_ack(ch->sk);
		tsor_channel_arm(ch, TSOR_CONFIRM_AGAIN);
	}
	if (tsor_channel_complete(ch) && !ch->recorded) {
		if (ch->passive && time_before(jiffies, ch->passive_by))
			tsor_channel_arm(ch, ch->passive_by - jiffies);
		else
			tsor_channel_queue_work(ch);
	}
	if (ch->mark_by)
		tsor_record_timer(ch);
	if (!tsor_channel_live(ch) || ch->abort_err)
		return;
	/* a writer got no memory, and no acknowledgment will wake it */
	if (ch->sk->sk_socket && test_bit(SOCK_NOSPACE, &ch->sk->sk_socket->flags) &&
	    tsor_tx_writable(ch, true))
		ch->sk->sk_write_space(ch->sk);
	if (time_after_eq(jiffies, ch->warm_by)) {
		tsor_send_ack(ch->sk);
		ch->warm_by = jiffies + TSOR_WARM_TIME;
	}
	tsor_channel_arm(ch, ch->warm_by - jiffies);
}

/**
 * tsor_rx_deferred - let what was deferred take effect
 * @ch: channel; socket's spinlock, the owner is leaving or there is none
 */
void tsor_rx_deferred(struct tsor_channel *ch)
{
	unsigned int due = ch->deferred;

	ch->deferred = 0;
	if (!tsor_channel_live(ch) || ch->abort_err)
		return;
	if (due & TSOR_DEFER_HEAR)
		tsor_channel_hear(ch);
	if (due & TSOR_DEFER_ACKED)
		tsor_rx_ack(ch, ch->held.ack, ch->held.edge - ch->held.ack);
	if (due & TSOR_DEFER_DATA && tsor_channel_live(ch) && !ch->abort_err)
		tsor_rx_take_backlog(ch, due & TSOR_DEFER_FIN, due & TSOR_DEFER_ACKNOW);
	if (due & TSOR_DEFER_BAD)
		tsor_channel_abort(ch, ECONNRESET, true);
	if (due & TSOR_DEFER_RST)
		tsor_rx_rst(ch);
	if (due & TSOR_DEFER_REFUSE)
		tsor_rx_refused(ch);
	if (!tsor_channel_live(ch) || ch->abort_err)
		return;
	if (due & TSOR_DEFER_PUSH) {
		if (ch->want_ack)
			tsor_tx_send_ack(ch);
		tsor_tx_push(ch);
	}
	if (due & TSOR_DEFER_TIMER)
		tsor_rx_timer(ch);
}

/**
 * tsor_rx_copy - copy what can be read
 * @ch: channel; socket's lock
 * @msg: where to; NULL: nowhere, it is thrown away
 * @len: bytes at most
 * @skip: bytes to leave out before
 *
 * Nothing is taken off the queue: tsor_rx_consume() does that.
 *
 * Return: bytes copied, or -EFAULT if none could be.
 */
int tsor_rx_copy(struct tsor_channel *ch, struct msghdr *msg, size_t len, u32 skip)
{
	u32 off = ch->rx_off + skip;
	struct sk_buff *skb;
	int copied = 0;

	skb_queue_walk(&ch->rxq, skb) {
		u32 n;

		if (off >= skb->len) {
			off -= skb->len;
			continue;
		}
		n = min_t(size_t, skb->len - off, len - copied);
		if (msg && skb_copy_datagram_msg(skb, off, msg, n))
			return copied ?: -EFAULT;
		copied += n;
		off = 0;
		if (copied == len)
			break;
	}
	return copied;
}

/* the program keeps up with a full window in a tenth of a second: let it have more */
static void tsor_rx_grow(struct tsor_channel *ch)
{
	struct sock *sk = ch->sk;
	int most = READ_ONCE(sock_net(sk)->ipv4.sysctl_tcp_rmem[2]);

	if (ch->rx.read < ch->rx_grow)
		return;
	if (time_before(jiffies, ch->rx_since + HZ / 10) && sk->sk_rcvbuf < most &&
	    !(sk->sk_userlocks & SOCK_RCVBUF_LOCK) && !tcp_under_memory_pressure(sk))
		WRITE_ONCE(sk->sk_rcvbuf, min(2 * sk->sk_rcvbuf, most));
	ch->rx_grow = ch->rx.read + tsor_rx_limit(ch);
	ch->rx_since = jiffies;
}

/**
 * tsor_rx_consume - the program has read
 * @ch: channel; socket's lock
 * @bytes: how many, no more than are readable
 */
void tsor_rx_consume(struct tsor_channel *ch, u32 bytes)
{
	struct sk_buff *skb;
	u32 left = bytes;

	while (left && (skb = skb_peek(&ch->rxq))) {
		u32 n = skb->len - ch->rx_off;

		if (left < n) {
			ch->rx_off += left;
			break;
		}
		left -= n;
		ch->rx_off = 0;
		__skb_unlink(skb, &ch->rxq);
		tsor_rx_uncharge(ch, skb);
		consume_skb(skb);
	}
	WRITE_ONCE(ch->rx.read, ch->rx.read + bytes);
	tsor_rx_grow(ch);
	tsor_rx_update(ch);
}

/**
 * tsor_rx_update - tell the peer of more room if that is worth a message
 * @ch: channel; socket's lock
 */
void tsor_rx_update(struct tsor_channel *ch)
{
	if (tsor_channel_live(ch) && !ch->abort_err &&
	    tsor_rx_update_due(&ch->rx, tsor_rx_space(ch), tsor_rx_limit(ch)))
		tsor_tx_send_ack(ch);
}
