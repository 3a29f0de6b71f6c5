// SPDX-License-Identifier: GPL-2.0
/*
 * From the program to the carrier: what was written is cut into messages, given to the link as
 * its window, credits and turn allow, and kept until the peer's software has acknowledged it.
 *
 * An skb here has no linear data, only pieces of the task's page frag, and is one message. The
 * link takes its own reference for as long as the device may read it; ours goes with the
 * acknowledgment. So memory is free when both have happened, and not before.
 *
 * Charged: truesize, to the socket (and so tcp_mem and the memcg), but never sk_wmem_queued,
 * which would keep TCP from sending its own control packets.
 */
#include <net/tcp.h>

#include "channel.h"
#include "compat.h"
#include "stats.h"

/* smallest piece worth cutting from a message when the window is short */
#define TSOR_TX_PIECE	16384

/**
 * tsor_tx_full - may the program write no more for now?
 * @ch: channel
 *
 * SO_SNDBUF bounds the bytes that are not acknowledged; twice that, their memory.
 */
bool tsor_tx_full(const struct tsor_channel *ch)
{
	u32 limit = READ_ONCE(ch->sk->sk_sndbuf);

	return tsor_tx_queued(&ch->tx) >= limit || READ_ONCE(ch->tx_mem) / 2 >= limit;
}

/**
 * tsor_tx_writable - what poll() says
 * @ch: channel; any context
 * @wake: a sleeper is to be woken: only if a third of the buffer is free
 */
bool tsor_tx_writable(const struct tsor_channel *ch, bool wake)
{
	u32 limit = READ_ONCE(ch->sk->sk_sndbuf);

	if (ch->raw)
		return false;
	if (wake && (tsor_tx_queued(&ch->tx) >= limit - limit / 3 ||
		     READ_ONCE(ch->tx_mem) / 2 >= limit - limit / 3))
		return false;
	return !tsor_tx_full(ch);
}

static bool tsor_tx_charge(struct tsor_channel *ch, u32 size)
{
	struct sock *sk = ch->sk;
	int sndbuf = READ_ONCE(sk->sk_sndbuf);

	bool ok = sk_wmem_schedule(sk, size);

	if (READ_ONCE(sk->sk_sndbuf) != sndbuf) {
		/*
		 * At a limit it was cut to sk_wmem_queued, where ours does not stand, and
		 * this piece let through as if it were the first. Only the first is: the
		 * acknowledgment of others will wake the writer.
		 */
		WRITE_ONCE(sk->sk_sndbuf, sndbuf);
		ok = ok && !ch->tx_mem;
	}
	if (!ok) {
		sk_mem_reclaim(sk);
		return false;
	}
	sk_mem_charge(sk, size);
	ch->tx_mem += size;
	return true;
}

static void tsor_tx_uncharge(struct tsor_channel *ch, u32 size)
{
	WRITE_ONCE(ch->tx_mem, ch->tx_mem - size);
	sk_mem_uncharge(ch->sk, size);
}

/* a new message at the end of @unsent; NULL without memory */
static struct sk_buff *tsor_tx_skb(struct tsor_channel *ch)
{
	struct sk_buff *skb = alloc_skb(0, ch->sk->sk_allocation);

	if (!skb)
		return NULL;
	if (!tsor_tx_charge(ch, skb->truesize)) {
		__kfree_skb(skb);
		return NULL;
	}
	tsor_tx_cb(skb)->offset = ch->tx.end;
	__skb_queue_tail(&ch->unsent, skb);
	return skb;
}

/* the last of @unsent with a piece of @pfrag to fill, or a new one */
static struct sk_buff *tsor_tx_room_skb(struct tsor_channel *ch, struct page_frag *pfrag)
{
	const struct tsor_link_limits *limits = tsor_link_limits(ch->link);
	struct sk_buff *skb = skb_peek_tail(&ch->unsent);
	u32 frags = min_t(u32, limits->frags, MAX_SKB_FRAGS);
	int i;

	if (!skb || skb->len >= limits->payload)
		return tsor_tx_skb(ch);
	i = skb_shinfo(skb)->nr_frags;
	if (i >= frags && !skb_can_coalesce(skb, i, pfrag->page, pfrag->offset))
		return tsor_tx_skb(ch);
	return skb;
}

/**
 * tsor_tx_append - take what the program writes
 * @ch: live channel; socket's lock, owned by a process
 * @from: bytes
 * @len: how many at most
 *
 * Return: bytes taken, up to where the buffer is full; -EFAULT or -ENOMEM if none could be.
 */
int tsor_tx_append(struct tsor_channel *ch, struct iov_iter *from, size_t len)
{
	const struct tsor_link_limits *limits = tsor_link_limits(ch->link);
	struct page_frag *pfrag = sk_page_frag(ch->sk);
	int copied = 0, err = 0;

	while (copied < len && !tsor_tx_full(ch)) {
		struct sk_buff *skb;
		size_t n;
		int i;

		err = -ENOMEM;
		if (!sk_page_frag_refill(ch->sk, pfrag))
			break;
		skb = tsor_tx_room_skb(ch, pfrag);
		if (!skb)
			break;
		n = min_t(size_t, len - copied, pfrag->size - pfrag->offset);
		n = min_t(size_t, n, limits->payload - skb->len);
		if (tsor_tx_charge(ch, n)) {
			size_t got = copy_page_from_iter(pfrag->page, pfrag->offset, n, from);

			if (got < n)
				tsor_tx_uncharge(ch, n - got);
			err = got ? 0 : -EFAULT;
			n = got;
		} else {
			n = 0;
		}
		if (!n) {
			if (!skb->len) {
				__skb_unlink(skb, &ch->unsent);
				tsor_tx_uncharge(ch, skb->truesize);
				__kfree_skb(skb);
			}
			break;
		}
		i = skb_shinfo(skb)->nr_frags;
		if (skb_can_coalesce(skb, i, pfrag->page, pfrag->offset)) {
			skb_frag_size_add(&skb_shinfo(skb)->frags[i - 1], n);
		} else {
			get_page(pfrag->page);
			skb_fill_page_desc(skb, i, pfrag->page, pfrag->offset, n);
		}
		pfrag->offset += n;
		skb->len += n;
		skb->data_len += n;
		skb->truesize += n;
		WRITE_ONCE(ch->tx.end, ch->tx.end + n);
		copied += n;
	}
	/* if nothing is on its way, no acknowledgment will wake the writer */
	if (!copied && err == -ENOMEM)
		tsor_channel_arm(ch, TSOR_RETRY);
	return copied ?: err;
}

/* cut the first of @unsent to @len bytes; the rest stays behind it as a message of its own */
static bool tsor_tx_cut(struct tsor_channel *ch, struct sk_buff *skb, u32 len)
{
	u32 before = skb->truesize;
	struct sk_buff *rest;

	rest = alloc_skb(0, GFP_ATOMIC);
	if (!rest)
		return false;
	/* neither a program's nor a peer's doing: small, and bounded by the messages */
	if (!tsor_tx_charge(ch, rest->truesize)) {
		__kfree_skb(rest);
		return false;
	}
	rest->truesize += skb->len - len;
	skb_split(skb, rest, len);
	skb->truesize = before - rest->len;
	tsor_tx_cb(rest)->offset = tsor_tx_cb(skb)->offset + len;
	__skb_queue_after(&ch->unsent, skb, rest);
	return true;
}

/*
 * What is told with every message about the other direction. The window counts as announced
 * from here on, whether the message will go or not: the peer's answer may be here before
 * tsor_link_send() returns.
 */
static void tsor_tx_fill(struct tsor_channel *ch, struct tsor_msg *m)
{
	m->epoch = ch->epoch;
	m->dst = ch->peer_token;
	m->src = ch->token;
	m->ack = ch->rx.nxt;
	m->window = tsor_rx_announce(&ch->rx, tsor_rx_space(ch));
}

static void tsor_tx_told(struct tsor_channel *ch, const struct tsor_msg *m)
{
	ch->acked = m->ack;
	ch->want_ack = false;
}

static void tsor_tx_wait(struct tsor_channel *ch)
{
	ch->waiting = true;
	tsor_channel_get(ch);
	tsor_link_wait(ch->link, &ch->txq);
}

/* @err from the link: have what could not be sent tried again when that makes sense */
static void tsor_tx_later(struct tsor_channel *ch, int err)
{
	switch (err) {
	case -EAGAIN:
		tsor_tx_wait(ch);
		break;
	case -ENOMEM:
		ch->retry = true;
		tsor_channel_arm(ch, TSOR_RETRY);
		break;
	default:
		/* dead: tsor_channel_link_down() is under way */
		break;
	}
}

/* is an acknowledgment to be asked for with a message that ends at @nxt? */
static bool tsor_tx_ask(const struct tsor_channel *ch, u64 nxt)
{
	if (!tsor_tx_full(ch))
		return false;
	return ch->asked <= ch->tx.una || nxt - ch->asked >= ch->sk->sk_sndbuf / 4;
}

/* one message; 0 if it went, 1 if there is none to send now, or what the link said */
static int tsor_tx_one(struct tsor_channel *ch, u32 *sent)
{
	struct tsor_msg m = { .type = TSOR_MSG_DATA, .offset = ch->tx.nxt };
	struct sk_buff *skb = skb_peek(&ch->unsent);
	u32 room = tsor_tx_room(&ch->tx);
	bool fin;
	int err;

	if (skb) {
		if (!room)
			return 1;
		if (skb->len > room) {
			/* RFC 9293 section 3.8.6.2.1: no silly window */
			if (room < TSOR_TX_PIECE && ch->tx.nxt != ch->tx.una)
				return 1;
			if (!tsor_tx_cut(ch, skb, room))
				return -ENOMEM;
		}
		if (ch->more && skb_queue_is_last(&ch->unsent, skb) && !ch->tx.fin &&
		    skb->len < tsor_link_limits(ch->link)->payload)
			return 1;
		m.length = skb->len;
	} else if (!tsor_tx_fin_due(&ch->tx)) {
		return 1;
	}
	fin = ch->tx.fin && ch->tx.nxt + m.length == ch->tx.end;
	if (fin)
		m.flags |= TSOR_MSG_F_FIN;
	if (tsor_tx_ask(ch, ch->tx.nxt + m.length))
		m.flags |= TSOR_MSG_F_ACKNOW;
	tsor_tx_fill(ch, &m);
	err = tsor_link_send(ch->link, &m, skb);
	if (err)
		return err;

	if (skb) {
		__skb_unlink(skb, &ch->unsent);
		__skb_queue_tail(&ch->retained, skb);
	}
	tsor_tx_sent(&ch->tx, m.length, fin, false);
	if (m.flags & TSOR_MSG_F_ACKNOW)
		ch->asked = ch->tx.nxt;
	if (fin)
		ch->passive = ch->rx.fin;
	WRITE_ONCE(ch->tx_bytes, ch->tx_bytes + m.length);
	tsor_tx_told(ch, &m);
	*sent += m.length + TSOR_MSG_HDR_LEN;
	return 0;
}

static void tsor_tx_push_budget(struct tsor_channel *ch, u32 budget)
{
	u32 sent = 0;
	int err;

	if (!tsor_channel_live(ch) || ch->abort_err || ch->waiting)
		return;
	do {
		err = tsor_tx_one(ch, &sent);
	} while (!err && sent < budget);
	if (sent && ch->role == TSOR_UND && !READ_ONCE(ch->confirmed)) {
		/* the handshake's last ACK was held back for our data: it must not wait */
		tsor_send_ack(ch->sk);
	}
	if (sent && ch->role == TSOR_UND)
		tsor_channel_arm(ch, TSOR_CONFIRM_AGAIN);
	if (!err)
		tsor_tx_wait(ch);
	else if (err < 0)
		tsor_tx_later(ch, err);
	else if (ch->more && !skb_queue_empty(&ch->unsent))
		tsor_channel_arm(ch, TSOR_CORK);
}

/**
 * tsor_tx_push - send what may be sent
 * @ch: channel; socket's lock
 */
void tsor_tx_push(struct tsor_channel *ch)
{
	tsor_tx_push_budget(ch, U32_MAX);
}

/**
 * tsor_tx_turn - it is the channel's turn at the link
 * @link: the link
 * @txq: the channel's place; the reference that waited with it is dropped
 * @budget: bytes it may send before it queues again
 *
 * BH disabled, no lock held.
 */
void tsor_tx_turn(struct tsor_link *link, struct tsor_txq *txq, u32 budget)
{
	struct tsor_channel *ch = container_of(txq, struct tsor_channel, txq);
	struct sock *sk = ch->sk;

	bh_lock_sock(sk);
	ch->waiting = false;
	if (sock_owned_by_user(sk)) {
		ch->deferred |= TSOR_DEFER_PUSH;
	} else if (tsor_channel_live(ch)) {
		if (ch->want_ack)
			tsor_tx_send_ack(ch);
		tsor_tx_push_budget(ch, budget);
	}
	bh_unlock_sock(sk);
	tsor_channel_put(ch);
}

/**
 * tsor_tx_acked - act on an advanced acknowledgment or window
 * @ch: channel; socket's lock
 *
 * Frees what was acknowledged, sends what the window now allows, wakes writers.
 */
void tsor_tx_acked(struct tsor_channel *ch)
{
	struct sock *sk = ch->sk;
	struct sk_buff *skb;

	while ((skb = skb_peek(&ch->retained)) &&
	       tsor_tx_cb(skb)->offset + skb->len <= ch->tx.una) {
		__skb_unlink(skb, &ch->retained);
		tsor_tx_uncharge(ch, skb->truesize);
		kfree_skb(skb);
	}
	tsor_tx_push(ch);

	if (!sk->sk_socket || !test_bit(SOCK_NOSPACE, &sk->sk_socket->flags))
		return;
	/* the carrier waits for the program, not for the peer: a larger buffer will help */
	if (skb_queue_empty(&ch->unsent) && !(sk->sk_userlocks & SOCK_SNDBUF_LOCK)) {
		int most = READ_ONCE(sock_net(sk)->ipv4.sysctl_tcp_wmem[2]);

		if (sk->sk_sndbuf < most && !tcp_under_memory_pressure(sk))
			WRITE_ONCE(sk->sk_sndbuf, min(2 * sk->sk_sndbuf, most));
	}
	if (tsor_tx_writable(ch, true))
		sk->sk_write_space(sk);
}

/**
 * tsor_tx_send_ack - tell the peer what has been received and how much more may come
 * @ch: channel; socket's lock
 */
void tsor_tx_send_ack(struct tsor_channel *ch)
{
	struct tsor_msg m = { .type = TSOR_MSG_ACK };
	int err;

	if (!tsor_channel_live(ch))
		return;
	tsor_tx_fill(ch, &m);
	err = tsor_link_send(ch->link, &m, NULL);
	if (!err) {
		tsor_tx_told(ch, &m);
		return;
	}
	ch->want_ack = true;
	if (!ch->waiting)
		tsor_tx_later(ch, err);
}

/**
 * tsor_tx_send_rst - tell the peer that the connection is aborted
 * @ch: channel; socket's lock
 *
 * Return: 0, or what the link said.
 */
int tsor_tx_send_rst(struct tsor_channel *ch)
{
	struct tsor_msg m = { .type = TSOR_MSG_RST, .offset = ch->tx.nxt };
	int err;

	tsor_tx_fill(ch, &m);
	err = tsor_link_send_control(ch->link, &m);
	if (!err)
		tsor_stat_inc(TSOR_STAT_RST_SENT);
	return err;
}
