// SPDX-License-Identifier: GPL-2.0
/*
 * The calls of a socket with a channel. Each locks the socket, looks again whether the channel
 * is still there, and goes to TCP's own call if it is not: a socket may turn plain between two
 * looks. Waiting is ours, so that whatever happens to the channel can wake every sleeper; TCP's own
 * sendmsg and recvmsg are entered only on a socket that is plain.
 *
 * What a call returns, and in which order it looks at data, errors and shutdown, is what
 * tcp_sendmsg(), tcp_recvmsg() and tcp_poll() do.
 */
#include <linux/poll.h>
#include <linux/splice.h>
#include <net/inet_common.h>
#include <net/tcp.h>
#include <asm/ioctls.h>

#include "compat.h"
#include "sock.h"
#include "stats.h"

static int tsor_sendmsg(struct sock *sk, struct msghdr *msg, size_t len);

/* TCP's own calls for a socket whose table may have been changed meanwhile */
static const struct proto *tsor_base(const struct sock *sk)
{
	const struct proto *prot = READ_ONCE(sk->sk_prot);

	if (prot->sendmsg != tsor_sendmsg)
		return prot;
	return container_of(prot, struct tsor_family, prot)->base_prot;
}

/* the channel, if there is one; socket's lock, process context. The reference is the caller's. */
static struct tsor_channel *tsor_call_channel(struct sock *sk)
{
	struct tsor_channel *ch = tsor_channel_of(sk);
	const struct tsor_family *family;

	if (!ch)
		return NULL;
	tsor_channel_get(ch);
	family = ch->family;
	/* accepted by a call that began before the listener was adopted: see sock.c */
	if (ch->bound && sk->sk_socket && sk->sk_socket->ops == family->base_ops)
		WRITE_ONCE(sk->sk_socket->ops, &family->ops);
	/* or the other way round */
	if (ch->bound && sk->sk_socket && sk->sk_socket->ops == &family->listener_ops) {
		WRITE_ONCE(sk->sk_socket->ops, &family->ops);
		module_put(THIS_MODULE);
	}
	return ch;
}

/**
 * tsor_call_wait - sleep until something has changed
 * @sk: socket; locked by this process, unlocked while it sleeps
 * @timeo: jiffies left; updated
 * @done: what it waits for
 * @ch: its argument, held by the caller
 *
 * Return: true if @done() says so; also after a signal or a timeout it may.
 */
bool tsor_call_wait(struct sock *sk, long *timeo, bool (*done)(struct tsor_channel *ch),
		    struct tsor_channel *ch)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	int rc;

	add_wait_queue(sk_sleep(sk), &wait);
	sk_set_bit(SOCKWQ_ASYNC_WAITDATA, sk);
	rc = sk_wait_event(sk, timeo, done(ch), &wait);
	sk_clear_bit(SOCKWQ_ASYNC_WAITDATA, sk);
	remove_wait_queue(sk_sleep(sk), &wait);
	return rc > 0;
}

static bool tsor_flushed(struct tsor_channel *ch)
{
	return !READ_ONCE(ch->raw) || ch->sk->sk_err;
}

/*
 * Wait until a channel carries data or is gone. 0: it is @ch's socket's turn; 1: not ours any
 * more; else negative errno.
 */
static int tsor_send_ready(struct sock *sk, struct tsor_channel *ch, long *timeo)
{
	if (ch->role == TSOR_NONE) {
		int err = sk_stream_wait_connect(sk, timeo);

		if (err)
			return err;
	}
	/* what was written first goes first, whoever woke us */
	while (ch->raw && !sk->sk_err && *timeo && !signal_pending(current))
		tsor_call_wait(sk, timeo, tsor_flushed, ch);
	if (ch->raw) {
		if (sk->sk_err)
			return -EPIPE;
		if (*timeo)
			return sock_intr_errno(*timeo);
		set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
		return -EAGAIN;
	}
	if (!ch->bound)
		return 1;
	return 0;
}

static bool tsor_corked(const struct sock *sk)
{
	return tcp_sk(sk)->nonagle & TCP_NAGLE_CORK;
}

/* the loop of sendmsg; socket's lock. 1 in @gone: the rest is TCP's own call's */
static int tsor_send_locked(struct sock *sk, struct tsor_channel *ch, struct msghdr *msg,
			    size_t len, bool *gone)
{
	long timeo = sock_sndtimeo(sk, msg->msg_flags & MSG_DONTWAIT);
	size_t copied = 0;
	int err;

	if (msg->msg_flags & MSG_OOB)
		return -EOPNOTSUPP;
	do {
		err = tsor_send_ready(sk, ch, &timeo);
		if (err == 1) {
			/* cannot be in the middle: what is sent is not plain any more */
			*gone = !copied;
			err = -EPIPE;
			break;
		}
		if (err)
			break;
		err = -EPIPE;
		if (sk->sk_err || sk->sk_shutdown & SEND_SHUTDOWN || !tsor_channel_live(ch))
			break;
		err = 0;
		if (!ch->abort_err && copied < len) {
			err = tsor_tx_append(ch, &msg->msg_iter, len - copied);
			if (err > 0)
				copied += err;
			if (err == -EFAULT)
				break;
		}
		ch->more = copied == len && (msg->msg_flags & MSG_MORE || tsor_corked(sk));
		tsor_tx_push(ch);
		if (copied < len)
			err = sk_stream_wait_memory(sk, &timeo);
		else
			err = 0;
	} while (copied < len && !err);
	return copied ? copied : err;
}

static int tsor_sendmsg(struct sock *sk, struct msghdr *msg, size_t len)
{
	struct tsor_channel *ch;
	bool gone = true;
	int ret = 0;

	tsor_call_enter();
	lock_sock(sk);
	ch = tsor_call_channel(sk);
	if (ch) {
		gone = false;
		ret = tsor_send_locked(sk, ch, msg, len, &gone);
		if (ret < 0 && !gone)
			ret = sk_stream_error(sk, msg->msg_flags, ret);
		tsor_channel_put(ch);
	}
	release_sock(sk);
	if (gone) {
		bool pinned = tsor_call_pin();

		ret = tsor_base(sk)->sendmsg(sk, msg, len);
		tsor_call_unpin(pinned);
	}
	tsor_call_leave();
	return ret;
}

static bool tsor_connected(struct tsor_channel *ch)
{
	return READ_ONCE(ch->role) != TSOR_NONE;
}

static bool tsor_readable(struct tsor_channel *ch)
{
	struct sock *sk = ch->sk;

	return tsor_rx_readable(&ch->rx) || ch->rx.fin || sk->sk_err || ch->rcv_shut ||
	       !tsor_channel_live(ch);
}

/*
 * Has the inbound direction ended other than by the stream's own end? Of a live channel TCP's
 * FIN says nothing: if it has come too early, an error is on its way.
 */
static bool tsor_recv_shut(const struct sock *sk, const struct tsor_channel *ch)
{
	return ch->rcv_shut || (!tsor_channel_live(ch) && sk->sk_shutdown & RCV_SHUTDOWN);
}

/* the program is to be told: @inq bytes can still be read (TCP_INQ, tcp(7)) */
static void tsor_recv_inq(struct sock *sk, struct tsor_channel *ch, struct msghdr *msg)
{
	u64 readable = tsor_rx_readable(&ch->rx) + ch->backlog_bytes;
	int inq = min_t(u64, readable, INT_MAX);

	if (!inq && (ch->rx.fin || tsor_recv_shut(sk, ch)))
		inq = 1;
	if (tcp_sk(sk)->recvmsg_inq)
		put_cmsg(msg, SOL_TCP, TCP_CM_INQ, sizeof(inq), &inq);
	if (msg->msg_get_inq)
		msg->msg_inq = inq;
}

/* nothing more can be read now: 0 wait, 1 return what there is, or an errno */
static int tsor_recv_stop(struct sock *sk, struct tsor_channel *ch, bool copied, long timeo)
{
	bool shut = tsor_recv_shut(sk, ch);

	if (ch->rx.fin)
		return 1;
	if (copied)
		return sk->sk_err || shut || sk->sk_state == TCP_CLOSE || !timeo ||
		       signal_pending(current);
	if (sk->sk_err)
		return sock_error(sk);
	if (shut)
		return 1;
	if (sk->sk_state == TCP_CLOSE)
		return -ENOTCONN;
	if (!timeo)
		return -EAGAIN;
	if (signal_pending(current))
		return sock_intr_errno(timeo);
	return 0;
}

/* a peeker has seen what there is up to @seen, and waits for more */
static void tsor_peek_wait(struct sock *sk, struct tsor_channel *ch, long *timeo, u64 seen)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);

	add_wait_queue(sk_sleep(sk), &wait);
	sk_set_bit(SOCKWQ_ASYNC_WAITDATA, sk);
	sk_wait_event(sk, timeo, ch->rx.nxt != seen || ch->rx.fin || sk->sk_err || ch->rcv_shut ||
		      !tsor_channel_live(ch), &wait);
	sk_clear_bit(SOCKWQ_ASYNC_WAITDATA, sk);
	remove_wait_queue(sk_sleep(sk), &wait);
}

static int tsor_recv_locked(struct sock *sk, struct tsor_channel *ch, struct msghdr *msg,
			    size_t len, int flags, bool *gone)
{
	long timeo = sock_rcvtimeo(sk, flags & MSG_DONTWAIT);
	int target = sock_rcvlowat(sk, flags & MSG_WAITALL, len);
	struct msghdr *to = flags & MSG_TRUNC ? NULL : msg;
	u32 peeked = flags & MSG_PEEK ? max(sk_peek_offset(sk, flags), 0) : 0;
	size_t copied = 0;
	int n, err;

	if (flags & MSG_OOB)
		return -EINVAL;
	for (;;) {
		if (ch->role == TSOR_NONE || (!ch->bound && !copied) || ch->raw) {
			*gone = ch->role != TSOR_NONE || sk->sk_state != TCP_SYN_SENT;
			if (*gone)
				return 0;
			err = tsor_recv_stop(sk, ch, false, timeo);
			if (err)
				return err > 0 ? 0 : err;
			tsor_call_wait(sk, &timeo, tsor_connected, ch);
			continue;
		}
		n = tsor_rx_copy(ch, to, len - copied, peeked);
		if (n < 0)
			return copied ?: n;
		if (flags & MSG_PEEK)
			peeked += n;
		else if (n)
			tsor_rx_consume(ch, n);
		copied += n;
		if (copied == len && (len || tsor_rx_readable(&ch->rx)))
			break;
		/* what has come meanwhile is taken in when the lock is released */
		if (copied >= target && !READ_ONCE(ch->backlog_bytes))
			break;
		err = tsor_recv_stop(sk, ch, copied, timeo);
		if (err) {
			if (err < 0)
				return err;
			break;
		}
		if (flags & MSG_PEEK && copied >= target)
			break;
		if (copied >= target)
			timeo = 0;
		/* a peeker waits for more than it has seen */
		if (READ_ONCE(ch->backlog_bytes)) {
			release_sock(sk);
			lock_sock(sk);
		} else if (flags & MSG_PEEK) {
			tsor_peek_wait(sk, ch, &timeo, ch->rx.nxt);
		} else {
			tsor_call_wait(sk, &timeo, tsor_readable, ch);
		}
	}
	if (copied) {
		if (flags & MSG_PEEK)
			sk_peek_offset_fwd(sk, copied);
		else
			sk_peek_offset_bwd(sk, copied);
	}
	tsor_recv_inq(sk, ch, msg);
	return copied;
}

static int tsor_recvmsg(struct sock *sk, struct msghdr *msg, size_t len, TSOR_RECVMSG_PARAMS)
{
	struct tsor_channel *ch = NULL;
	bool gone = true;
	int ret = 0;

	tsor_call_enter();
	if (!(flags & MSG_ERRQUEUE)) {
		lock_sock(sk);
		ch = tsor_call_channel(sk);
		if (ch) {
			gone = false;
			ret = tsor_recv_locked(sk, ch, msg, len, flags, &gone);
			tsor_channel_put(ch);
		}
		release_sock(sk);
	}
	if (gone) {
		bool pinned = tsor_call_pin();

		ret = tsor_base(sk)->recvmsg(sk, msg, len, TSOR_RECVMSG_ARGS);
		tsor_call_unpin(pinned);
	}
	tsor_call_leave();
	return ret;
}

/* socket's lock */
static ssize_t tsor_splice_some(struct sock *sk, struct tsor_channel *ch,
				struct pipe_inode_info *pipe, size_t len, unsigned int flags)
{
	struct sk_buff *skb = skb_peek(&ch->rxq);
	int n;

	if (!skb)
		return 0;
	len = min_t(size_t, len, skb->len - ch->rx_off);
	n = skb_splice_bits(skb, sk, ch->rx_off, pipe, len, flags);
	if (n > 0)
		tsor_rx_consume(ch, n);
	return n;
}

static ssize_t tsor_splice_read(struct socket *sock, loff_t *ppos, struct pipe_inode_info *pipe,
				size_t len, unsigned int flags)
{
	struct sock *sk = sock->sk;
	bool nonblock = sock->file->f_flags & O_NONBLOCK || flags & SPLICE_F_NONBLOCK;
	struct tsor_channel *ch;
	size_t spliced = 0;
	ssize_t ret = 0;
	bool gone = true;
	long timeo;

	/* sockets cannot seek */
	if (*ppos)
		return -ESPIPE;
	tsor_call_enter();
	lock_sock(sk);
	timeo = sock_rcvtimeo(sk, nonblock);
	ch = tsor_call_channel(sk);
	while (ch) {
		gone = ch->role == TSOR_NONE || !ch->bound || ch->raw;
		if (gone)
			break;
		ret = tsor_splice_some(sk, ch, pipe, len - spliced, flags);
		if (ret < 0)
			break;
		spliced += ret;
		if (spliced == len)
			break;
		if (ret) {
			/* others shall have a turn, as in tcp_splice_read() */
			release_sock(sk);
			lock_sock(sk);
			continue;
		}
		if (spliced)
			break;
		ret = tsor_recv_stop(sk, ch, false, timeo);
		if (ret) {
			ret = min_t(ssize_t, ret, 0);
			break;
		}
		tsor_call_wait(sk, &timeo, tsor_readable, ch);
	}
	release_sock(sk);
	if (gone) {
		const struct proto_ops *ops = ch ? ch->family->base_ops : sock->ops;
		bool pinned = tsor_call_pin();

		ret = ops->splice_read(sock, ppos, pipe, len, flags);
		tsor_call_unpin(pinned);
	}
	if (ch)
		tsor_channel_put(ch);
	tsor_call_leave();
	return spliced ?: ret;
}

static __poll_t tsor_poll_channel(struct sock *sk, struct tsor_channel *ch)
{
	__poll_t mask = 0;
	u8 shut = READ_ONCE(sk->sk_shutdown);
	int state = inet_sk_state_load(sk);

	if (tsor_channel_live(ch))
		shut &= ~RCV_SHUTDOWN;	/* see tsor_recv_shut() */
	if (READ_ONCE(ch->rx.fin) || READ_ONCE(ch->rcv_shut))
		shut |= RCV_SHUTDOWN;
	if (READ_ONCE(ch->tx.fin))
		shut |= SEND_SHUTDOWN;
	if (shut == SHUTDOWN_MASK || state == TCP_CLOSE)
		mask |= EPOLLHUP;
	if (shut & RCV_SHUTDOWN)
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
	if (tsor_rx_ready(ch))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (shut & SEND_SHUTDOWN) {
		mask |= EPOLLOUT | EPOLLWRNORM;
	} else if (tsor_tx_writable(ch, true)) {
		mask |= EPOLLOUT | EPOLLWRNORM;
	} else {
		sk_set_bit(SOCKWQ_ASYNC_NOSPACE, sk);
		set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
		/* room may have come between the look and the note; pairs with wakers */
		smp_mb__after_atomic();
		if (tsor_tx_writable(ch, true))
			mask |= EPOLLOUT | EPOLLWRNORM;
	}
	/* pairs with smp_wmb() where TCP sets an error */
	smp_rmb();
	if (READ_ONCE(sk->sk_err) || !skb_queue_empty_lockless(&sk->sk_error_queue))
		mask |= EPOLLERR;
	return mask;
}

static __poll_t tsor_poll(struct file *file, struct socket *sock, struct poll_table_struct *wait)
{
	struct sock *sk = sock->sk;
	struct tsor_channel *ch;
	__poll_t mask = 0;
	bool ours;

	tsor_call_enter();
	rcu_read_lock();
	ch = tsor_channel_of(sk);
	ours = ch && READ_ONCE(ch->role) != TSOR_NONE && READ_ONCE(ch->role) != TSOR_PLAIN;
	rcu_read_unlock();
	if (ours) {
		sock_poll_wait(file, sock, wait);
		rcu_read_lock();
		ch = tsor_channel_of(sk);
		if (ch)
			mask = tsor_poll_channel(sk, ch);
		rcu_read_unlock();
	}
	if (!ours || !ch)
		mask = tcp_poll(file, sock, wait);
	tsor_call_leave();
	return mask;
}

static bool tsor_stream_memory_free(const struct sock *sk, int wake)
{
	struct tsor_channel *ch;
	bool ret;

	rcu_read_lock();
	ch = tsor_channel_of(sk);
	if (!ch || ch->raw || !tsor_channel_live(ch))
		ret = tcp_stream_memory_free(sk, wake);
	else
		ret = !ch->abort_err && tsor_tx_writable(ch, wake);
	rcu_read_unlock();
	return ret;
}

static bool tsor_sock_is_readable(struct sock *sk)
{
	struct tsor_channel *ch;
	bool ret;

	rcu_read_lock();
	ch = tsor_channel_of(sk);
	ret = ch && tsor_rx_ready(ch);
	rcu_read_unlock();
	return ret;
}

/* called with the socket's lock */
static void tsor_shutdown(struct sock *sk, int how)
{
	struct tsor_channel *ch = tsor_channel_of(sk);

	if (!ch || ch->role == TSOR_NONE || ch->role == TSOR_DEAD) {
		tsor_base(sk)->shutdown(sk, how);
		return;
	}
	if (how & RCV_SHUTDOWN) {
		/* kept by us: TCP would answer the peer's last record with a reset */
		WRITE_ONCE(ch->rcv_shut, true);
		sk->sk_shutdown &= ~RCV_SHUTDOWN;
	}
	if (!(how & SEND_SHUTDOWN) || ch->tx.fin)
		return;
	WRITE_ONCE(ch->tx.fin, true);
	ch->more = false;
	if (ch->raw)
		tsor_channel_queue_work(ch);
	else
		tsor_tx_push(ch);
}

/* called with the socket's lock */
static int tsor_disconnect(struct sock *sk, int flags)
{
	const struct proto *base = tsor_base(sk);
	struct tsor_channel *ch = tsor_channel_of(sk);

	if (ch) {
		tsor_channel_get(ch);
		if (tsor_channel_live(ch) && !tsor_channel_complete(ch))
			tsor_tx_send_rst(ch);
		tsor_channel_die(ch);
		tsor_channel_purge_rx(ch);
		tsor_sock_unbind(ch);
		tsor_channel_put(ch);
	}
	return base->disconnect(sk, flags);
}

static void tsor_release_cb(struct sock *sk)
{
	const struct proto *base = tsor_base(sk);
	struct tsor_channel *ch;

	rcu_read_lock();
	ch = tsor_channel_of(sk);
	if (ch && ch->deferred)
		tsor_rx_deferred(ch);
	rcu_read_unlock();
	base->release_cb(sk);
}

static int tsor_ioctl_value(struct sock *sk, int cmd, int *value)
{
	struct tsor_channel *ch;
	int ret = -ENOIOCTLCMD;

	lock_sock(sk);
	ch = tsor_channel_of(sk);
	if (!ch || ch->role == TSOR_NONE || ch->role == TSOR_PLAIN)
		goto release;
	switch (cmd) {
	case SIOCINQ:
		*value = tsor_rx_readable(&ch->rx);
		ret = 0;
		break;
	case SIOCOUTQ:
		*value = tsor_tx_goal(&ch->tx) - ch->tx.una;
		ret = 0;
		break;
	case SIOCOUTQNSD:
		*value = tsor_tx_goal(&ch->tx) - ch->tx.nxt;
		ret = 0;
		break;
	}
	if (!ret && ch->role == TSOR_DEAD && cmd != SIOCINQ)
		*value = 0;
release:
	release_sock(sk);
	return ret;
}

static int tsor_ioctl(struct sock *sk, int cmd, TSOR_IOCTL_ARG arg)
{
	int value, ret;

	tsor_call_enter();
	ret = tsor_ioctl_value(sk, cmd, &value);
	if (!ret)
		ret = tsor_ioctl_put(arg, value);
	else
		ret = tsor_base(sk)->ioctl(sk, cmd, arg);
	tsor_call_leave();
	return ret;
}

/* TCP_CORK and TCP_NODELAY let go what was held back */
static void tsor_uncork(struct sock *sk)
{
	struct tsor_channel *ch;

	lock_sock(sk);
	ch = tsor_channel_of(sk);
	if (ch && tsor_channel_live(ch) && !tsor_corked(sk)) {
		ch->more = false;
		tsor_tx_push(ch);
	}
	release_sock(sk);
}

/* a ULP of the program's own (TLS) reads and writes TCP itself: not beside a channel */
static int tsor_before_ulp(struct sock *sk)
{
	struct tsor_channel *ch;
	int err = 0;

	lock_sock(sk);
	ch = tsor_channel_of(sk);
	if (ch)
		err = ch->role == TSOR_DEAD ? -ENOTCONN : -ENOENT;
	release_sock(sk);
	return err;
}

/* IPV6_ADDRFORM, ipv6(7), has put IPv4's stock tables into the socket */
static void tsor_after_addrform(struct sock *sk)
{
	struct tsor_channel *ch;

	lock_sock(sk);
	ch = tsor_channel_of(sk);
	if (ch && ch->bound) {
		const struct tsor_family *family = tsor_family_stock(sk);

		if (family) {
			ch->family = family;
			WRITE_ONCE(sk->sk_prot, (struct proto *)&family->prot);
			WRITE_ONCE(sk->sk_socket->ops, &family->ops);
		}
	}
	release_sock(sk);
}

static int tsor_setsockopt(struct sock *sk, int level, int optname, sockptr_t optval,
			   unsigned int optlen)
{
	const struct proto *base = tsor_base(sk);
	int err = 0;

	tsor_call_enter();
	if (level == SOL_TCP && optname == TCP_ULP)
		err = tsor_before_ulp(sk);
	if (!err)
		err = base->setsockopt(sk, level, optname, optval, optlen);
	if (!err && level == SOL_TCP && (optname == TCP_CORK || optname == TCP_NODELAY))
		tsor_uncork(sk);
	if (!err && level == SOL_IPV6 && optname == IPV6_ADDRFORM)
		tsor_after_addrform(sk);
	tsor_call_leave();
	return err;
}

static void tsor_splice_eof(struct socket *sock)
{
	tsor_call_enter();
	tsor_uncork(sock->sk);
	tsor_call_leave();
}

/* socket's lock. TCP would look at its own queue alone. */
static int tsor_set_rcvlowat(struct sock *sk, int val)
{
	struct tsor_channel *ch = tsor_channel_of(sk);
	int err = tsor_family_of(sk)->base_ops->set_rcvlowat(sk, val);

	if (!err && ch && ch->role != TSOR_NONE && ch->role != TSOR_PLAIN && tsor_rx_ready(ch))
		ch->data_ready(sk);
	return err;
}

static int tsor_peek_len(struct socket *sock)
{
	int value;

	return tsor_ioctl_value(sock->sk, SIOCINQ, &value) ? tcp_inq(sock->sk) : value;
}

/**
 * tsor_calls_set - put the calls into the copies of a family's tables
 * @family: with copies made
 */
void tsor_calls_set(struct tsor_family *family)
{
	struct proto *prot = &family->prot;

	prot->close = tsor_close;
	prot->disconnect = tsor_disconnect;
	prot->shutdown = tsor_shutdown;
	prot->setsockopt = tsor_setsockopt;
	prot->sendmsg = tsor_sendmsg;
	prot->recvmsg = tsor_recvmsg;
	prot->ioctl = tsor_ioctl;
	prot->release_cb = tsor_release_cb;
	prot->stream_memory_free = tsor_stream_memory_free;
	prot->sock_is_readable = tsor_sock_is_readable;
	prot->splice_eof = tsor_splice_eof;
	prot->psock_update_sk_prot = NULL;
	tsor_prot_no_sendpage(prot);

	family->ops.poll = tsor_poll;
	family->ops.splice_read = tsor_splice_read;
	family->ops.peek_len = tsor_peek_len;
	family->ops.set_rcvlowat = tsor_set_rcvlowat;
	family->ops.mmap = sock_no_mmap;
	family->ops.read_sock = NULL;
	family->ops.read_skb = NULL;
	tsor_ops_no_sendpage(&family->ops);
}
