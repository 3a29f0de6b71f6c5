// SPDX-License-Identifier: GPL-2.0
/*
 * The end of a connection, as far as it needs a process:
 *
 * - Complete: both streams have ended and are acknowledged. The last record and TCP's own FIN
 *   go out (rule 3). The end that had the peer's FIN before it sent its own waits for that of
 *   TCP too, so that only one of them is left with TIME_WAIT, as with plain TCP.
 * - Closed by the program while data is on its way: the struct socket that close() is about to
 *   free is replaced by one of our own, so that TCP goes on as for a socket in use. (To TCP a
 *   socket without one is dead: it would destroy it under us, and not tell of data.) TCP's own
 *   close comes when all is done, at the latest after TSOR_CLOSE_TIME.
 * - Closed with unread data, or to be aborted: the RST goes by the link, in order behind the
 *   data; the peer answers by resetting its TCP connection, which ends ours. TCP's own RST from
 *   here would overtake data that the peer should still read.
 * - Going plain with data written: it goes onto TCP from offset 0.
 */
#include <linux/net.h>
#include <net/tcp.h>

#include "compat.h"
#include "netns.h"
#include "sock.h"
#include "stats.h"

#define TSOR_CLOSING_MAX	65536		/* a pod's sockets that end without a program */
#define TSOR_ABORT_TIME		(2 * HZ)	/* for the peer's answer to a RST */

/* ---- going plain: what was written goes by TCP ---- */

/* put one piece onto TCP; bytes taken or negative errno */
static int tsor_flush_frag(struct sock *sk, const skb_frag_t *frag, u32 off)
{
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL };
	struct bio_vec vec;
	int n;

	tsor_bvec_set_page(&vec, skb_frag_page(frag), skb_frag_size(frag) - off,
			   skb_frag_off(frag) + off);
	iov_iter_bvec(&msg.msg_iter, ITER_SOURCE, &vec, 1, vec.bv_len);
	n = tsor_record_send(sk, &msg, vec.bv_len);
	if (n > 0)
		tsor_stat_add(TSOR_STAT_TCP_TX_BYTES, n);
	return n;
}

/*
 * ch->flushed bytes of @skb, held by the caller, have gone; 0 when all have. TCP may take in its
 * backlog meanwhile, and with it the end of the connection: then ch->raw is no more.
 */
static int tsor_flush_skb(struct tsor_channel *ch, const struct sk_buff *skb)
{
	while (ch->raw && ch->flushed < skb->len) {
		u32 skip = ch->flushed;
		int i = 0, n;

		while (skip >= skb_frag_size(&skb_shinfo(skb)->frags[i]))
			skip -= skb_frag_size(&skb_shinfo(skb)->frags[i++]);
		n = tsor_flush_frag(ch->sk, &skb_shinfo(skb)->frags[i], skip);
		if (n <= 0)
			return n ?: -EAGAIN;
		ch->flushed += n;
	}
	return 0;
}

/* socket's lock; the channel is unbound when nothing is left */
static void tsor_flush(struct tsor_channel *ch)
{
	struct sock *sk = ch->sk;
	struct sk_buff *skb;
	int err = 0;

	skb_queue_splice_tail_init(&ch->unsent, &ch->retained);
	ch->flushing = true;
	while (!err && (skb = skb_peek(&ch->retained))) {
		skb_get(skb);
		err = tsor_flush_skb(ch, skb);
		if (!err && ch->raw) {
			ch->flushed = 0;
			ch->close_by = jiffies + TSOR_CLOSE_TIME;
			__skb_unlink(skb, &ch->retained);
			sk_mem_uncharge(sk, skb->truesize);
			WRITE_ONCE(ch->tx_mem, ch->tx_mem - skb->truesize);
			consume_skb(skb);
		}
		consume_skb(skb);
	}
	ch->flushing = false;
	if (!ch->raw)
		return;		/* the connection has ended */
	if (err == -EAGAIN) {
		/* sk_write_space calls again; but not if it is memory that TCP has not got */
		if (tcp_rtx_and_write_queues_empty(sk))
			tsor_channel_arm(ch, TSOR_RETRY);
		return;
	}
	if (err && sk->sk_state != TCP_CLOSE) {
		/* TCP takes no more: the program must not go on as if nothing were missing */
		ch->abort_err = -err;
		tsor_channel_queue_work(ch);
		return;
	}
	tsor_channel_purge_tx(ch);
	WRITE_ONCE(ch->raw, false);
	if (ch->tx.fin && !err)
		ch->family->base_prot->shutdown(sk, SEND_SHUTDOWN);
	if (ch->rcv_shut)
		sk->sk_shutdown |= RCV_SHUTDOWN;
	if (!ch->closing)
		tsor_sock_unbind(ch);
	/* writers that waited */
	sk->sk_state_change(sk);
	sk->sk_write_space(sk);
}

/* ---- the last record ---- */

/* socket's lock, complete channel */
static void tsor_finish(struct tsor_channel *ch)
{
	struct sock *sk = ch->sk;
	int err = 0;

	if (sk->sk_state == TCP_ESTABLISHED || sk->sk_state == TCP_CLOSE_WAIT) {
		err = tsor_record_last(ch);
		if (err == -EAGAIN) {
			tsor_channel_arm(ch, TSOR_RETRY);
			return;
		}
	}
	ch->recorded = true;
	if (!err) {
		ch->family->base_prot->shutdown(sk, SEND_SHUTDOWN);
	} else if (sk->sk_state != TCP_CLOSE) {
		ch->abort_err = -err;
		tsor_channel_queue_work(ch);
	}
}

/* ---- close() ---- */

/* may TCP's own close take over? */
static bool tsor_close_over(const struct tsor_channel *ch)
{
	int state = ch->sk->sk_state;

	if (state == TCP_CLOSE || time_after_eq(jiffies, ch->close_by))
		return true;
	if (!ch->bound || ch->role == TSOR_PLAIN)
		return !ch->raw;
	/* the peer's FIN has come, and with it all that it will ever send by TCP */
	return ch->recorded && (state == TCP_LAST_ACK || state == TCP_CLOSING);
}

static void tsor_close_end(struct tsor_channel *ch, bool reset)
{
	const struct proto *base = ch->family->base_prot;
	struct socket *lite = ch->lite;
	struct sock *sk = ch->sk;

	lock_sock(sk);
	if (reset) {
		sock_set_flag(sk, SOCK_LINGER);
		sk->sk_lingertime = 0;
	}
	ch->closing = false;
	ch->lite = NULL;
	tsor_channel_die(ch);
	tsor_channel_purge_rx(ch);
	tsor_sock_unbind(ch);
	release_sock(sk);
	atomic_dec(&tsor_net(sock_net(sk))->closing);

	base->close(sk, 0);
	lite->sk = NULL;
	sock_release(lite);
}

/**
 * tsor_close_work - do what needs a process
 * @ch: channel, held
 *
 * Work item, no lock held; of one channel never two at a time.
 */
void tsor_close_work(struct tsor_channel *ch)
{
	struct sock *sk = ch->sk;
	bool end = false, reset = false;

	if (READ_ONCE(ch->abort_err) && READ_ONCE(ch->role) != TSOR_DEAD)
		tcp_abort(sk, ch->abort_err);

	lock_sock(sk);
	if (ch->raw)
		tsor_flush(ch);
	else if (tsor_channel_live(ch) && tsor_channel_complete(ch) && !ch->recorded)
		tsor_finish(ch);
	if (ch->closing && ch->lite && tsor_close_over(ch)) {
		end = true;
		reset = sk->sk_state != TCP_CLOSE &&
			(ch->aborted || ch->raw || (tsor_channel_live(ch) && !ch->recorded));
	}
	release_sock(sk);
	if (end)
		tsor_close_end(ch, reset);
}

static bool tsor_lingered(struct tsor_channel *ch)
{
	return tsor_tx_complete(&ch->tx) || !tsor_channel_live(ch) || ch->sk->sk_err;
}

/* the program's socket goes, ours comes; socket's lock */
static int tsor_close_graft(struct tsor_channel *ch)
{
	struct sock *sk = ch->sk;
	atomic_t *closing = &tsor_net(sock_net(sk))->closing;
	kuid_t uid = sk->sk_uid;
	struct socket *lite;
	int err;

	if (atomic_inc_return(closing) > TSOR_CLOSING_MAX) {
		err = -ENOBUFS;
		goto dec;
	}
	err = sock_create_lite(sk->sk_family, SOCK_STREAM, IPPROTO_TCP, &lite);
	if (err)
		goto dec;
	sock_graft(sk, lite);
	sk->sk_uid = uid;
	ch->lite = lite;
	return 0;

dec:
	atomic_dec(closing);
	return err;
}

/*
 * Reset. With nothing of ours on its way TCP's own RST overtakes nothing, and frees the
 * connection's name at once; so it does if the link is dead. True if the link has taken ours.
 */
static bool tsor_close_reset(struct tsor_channel *ch)
{
	struct sock *sk = ch->sk;
	bool sent = tsor_tx_queued(&ch->tx) || (ch->tx.fin && !tsor_tx_complete(&ch->tx));

	sent = sent && !tsor_tx_send_rst(ch);
	tsor_channel_purge_tx(ch);
	tsor_channel_die(ch);
	if (!sent) {
		sock_set_flag(sk, SOCK_LINGER);
		sk->sk_lingertime = 0;
	}
	ch->aborted = sent;
	ch->close_by = jiffies + TSOR_ABORT_TIME;
	return sent;
}

/* socket's lock; live channel. True if something is left to do for which the socket is kept. */
static bool tsor_close_begin(struct tsor_channel *ch, long timeout)
{
	struct sock *sk = ch->sk;
	bool reset;

	/* take in what has come since, to know whether there is unread data */
	spin_lock_bh(&sk->sk_lock.slock);
	tsor_rx_deferred(ch);
	spin_unlock_bh(&sk->sk_lock.slock);

	reset = sock_flag(sk, SOCK_LINGER) && !sk->sk_lingertime;
	if (tsor_channel_live(ch) && !ch->abort_err &&
	    (reset || (tsor_rx_readable(&ch->rx) && !tsor_channel_complete(ch)))) {
		return tsor_close_reset(ch);
	}
	WRITE_ONCE(ch->rcv_shut, true);
	if (!ch->tx.fin) {
		WRITE_ONCE(ch->tx.fin, true);
		ch->more = false;
		tsor_tx_push(ch);
	}
	sk->sk_shutdown |= SEND_SHUTDOWN;
	while (timeout && tsor_channel_live(ch) && !tsor_lingered(ch) && !signal_pending(current))
		tsor_call_wait(sk, &timeout, tsor_lingered, ch);
	ch->close_by = jiffies + TSOR_CLOSE_TIME;
	return sk->sk_state != TCP_CLOSE;
}

/**
 * tsor_close - close() of a socket with a channel
 * @sk: socket
 * @timeout: SO_LINGER's, jiffies; 0: do not wait
 */
void tsor_close(struct sock *sk, long timeout)
{
	struct tsor_channel *ch;
	const struct proto *base;
	bool later = false;

	tsor_call_enter();
	lock_sock(sk);
	ch = tsor_channel_of(sk);
	if (!ch) {
		base = sk->sk_prot;
		goto close;
	}
	tsor_channel_get(ch);
	base = ch->family->base_prot;
	if (tsor_channel_live(ch) || ch->raw) {
		if (tsor_channel_live(ch)) {
			later = tsor_close_begin(ch, timeout);
		} else {
			ch->tx.fin = true;
			ch->close_by = jiffies + TSOR_CLOSE_TIME;
			later = sk->sk_state != TCP_CLOSE;
		}
		later = later && !tsor_close_graft(ch);
	}
	if (later) {
		ch->closing = true;
		if (time_after(ch->close_by, jiffies))
			tsor_channel_arm(ch, ch->close_by - jiffies);
		tsor_channel_queue_work(ch);
	} else {
		/* nothing is left to do, or nothing can be done but to tell the peer */
		bool unfinished = tsor_channel_live(ch) && !tsor_channel_complete(ch);

		if (unfinished && sk->sk_state != TCP_CLOSE)
			tsor_tx_send_rst(ch);
		if (unfinished || ch->aborted) {
			sock_set_flag(sk, SOCK_LINGER);
			sk->sk_lingertime = 0;
		}
		tsor_channel_die(ch);
		tsor_channel_purge_rx(ch);
		tsor_sock_unbind(ch);
	}
	tsor_channel_put(ch);
close:
	release_sock(sk);
	if (!later)
		base->close(sk, timeout);
	tsor_call_leave();
}
