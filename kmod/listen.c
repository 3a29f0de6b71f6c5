// SPDX-License-Identifier: GPL-2.0
/*
 * Adopted listeners: their table, and what is done by it. Accepted sockets get theirs; SYNs
 * are saved for our use and not shown to a program that has not asked for them. All else is
 * TCP's, sk_prot too, which children inherit.
 *
 * The table names the module as its owner, and whoever stores it in a struct socket has a
 * reference, which __sock_release() drops: accept() copies the listener's table into the new
 * socket, and sleeps before it calls by it.
 */
#include <linux/file.h>
#include <linux/module.h>
#include <net/tcp.h>

#include "compat.h"
#include "handshake.h"
#include "netns.h"
#include "sock.h"

/* the tables of an adopted listener, locked; NULL if it is not one */
static const struct tsor_family *tsor_listener_family(const struct sock *sk)
{
	const struct tsor_family *f = tsor_family_of(sk);

	return sk->sk_socket && sk->sk_socket->ops == &f->listener_ops ? f : NULL;
}

/*
 * A listener's table names its owner, whose reference __sock_release() drops: as it reads
 * the owner without a lock, the table is not swapped once the last reference on the file is
 * gone. NULL if it is.
 */
static struct file *tsor_listener_file(const struct sock *sk)
{
	struct file *file = sk->sk_socket ? sk->sk_socket->file : NULL;

	return file && tsor_file_get(file) ? file : NULL;
}

/**
 * tsor_listener_bind - make a listener ours
 * @sk: socket that listens, locked
 *
 * Return: false if it cannot be: other tables, a user in the kernel, it is being closed.
 */
bool tsor_listener_bind(struct sock *sk)
{
	const struct tsor_family *family = tsor_family_stock(sk);
	struct tcp_sock *tp = tcp_sk(sk);
	struct file *file;

	if (!family)
		return false;
	file = tsor_listener_file(sk);
	if (!file)
		return false;
	if (!try_module_get(THIS_MODULE)) {
		fput(file);
		return false;
	}
	WRITE_ONCE(sk->sk_socket->ops, &family->listener_ops);
	if (!tp->save_syn)
		tp->save_syn = TSOR_SAVE_SYN;
	fput(file);
	return true;
}

/**
 * tsor_listener_unbind - give a listener its own table back
 * @sk: socket, locked; perhaps no adopted listener
 *
 * Return: false if it is none, or is being closed: then it keeps the table, and the reference
 * that goes with it, until it is gone.
 */
bool tsor_listener_unbind(struct sock *sk)
{
	const struct tsor_family *family = tsor_listener_family(sk);
	struct tcp_sock *tp = tcp_sk(sk);
	struct file *file;

	if (!family)
		return false;
	if (tp->save_syn == TSOR_SAVE_SYN)
		tp->save_syn = 0;
	file = tsor_listener_file(sk);
	if (!file)
		return false;
	WRITE_ONCE(sk->sk_socket->ops, family->base_ops);
	module_put(THIS_MODULE);
	fput(file);
	return true;
}

/*
 * A socket that has just been accepted; @family: the listener's. It has the table that its
 * maker has read from the listener: ours, with a reference on the module, or, if the listener
 * was adopted meanwhile, TCP's. A maker in the kernel sets the table later, and his own
 * callbacks, which leave no room for a channel.
 */
static void tsor_accepted(struct socket *newsock, const struct tsor_family *family)
{
	const struct proto_ops *ops = family->base_ops;
	struct sock *sk = newsock->sk;
	struct tsor_channel *ch;
	bool ours;

	if (sk) {
		lock_sock(sk);
		ch = tsor_channel_of(sk);
		if (ch && ch->bound) {
			ops = &ch->family->ops;
			tsor_rx_charge_queue(ch);
			if (!newsock->ops)
				tsor_channel_abort(ch, ECONNABORTED, true);
		}
	}
	ours = newsock->ops == &family->listener_ops;
	if (newsock->ops)
		WRITE_ONCE(newsock->ops, ops);
	if (sk)
		release_sock(sk);
	if (ours)
		module_put(THIS_MODULE);
}

static int tsor_accept(struct socket *sock, struct socket *newsock, TSOR_ACCEPT_PARAMS)
{
	const struct tsor_family *family;
	struct sock *sk = sock->sk;
	bool pinned;
	int err;

	tsor_call_enter();
	family = tsor_family_of(sk);
	pinned = tsor_call_pin();
	err = family->base_ops->accept(sock, newsock, TSOR_ACCEPT_ARGS);
	tsor_call_unpin(pinned);
	tsor_accepted(newsock, family);
	/* it may have begun to listen just when its namespace was switched off */
	if (!tsor_net_enabled(sock_net(sk))) {
		lock_sock(sk);
		tsor_listener_unbind(sk);
		release_sock(sk);
	}
	tsor_call_leave();
	return err;
}

static int tsor_listener_setsockopt(struct socket *sock, int level, int optname, sockptr_t optval,
				    unsigned int optlen)
{
	struct sock *sk = sock->sk;
	int err;

	tsor_call_enter();
	err = sock_common_setsockopt(sock, level, optname, optval, optlen);
	if (!err && level == SOL_TCP && optname == TCP_SAVE_SYN) {
		lock_sock(sk);
		if (tsor_listener_family(sk) && !tcp_sk(sk)->save_syn)
			tcp_sk(sk)->save_syn = TSOR_SAVE_SYN;
		release_sock(sk);
	}
	tsor_call_leave();
	return err;
}

static int tsor_listener_getsockopt(struct socket *sock, int level, int optname,
				    char __user *optval, int __user *optlen)
{
	int err, zero = 0, len;

	tsor_call_enter();
	err = sock_common_getsockopt(sock, level, optname, optval, optlen);
	if (!err && level == SOL_TCP && optname == TCP_SAVE_SYN &&
	    tcp_sk(sock->sk)->save_syn == TSOR_SAVE_SYN) {
		err = -EFAULT;
		if (!get_user(len, optlen) &&
		    !copy_to_user(optval, &zero, min_t(unsigned int, len, sizeof(zero))))
			err = 0;
	}
	tsor_call_leave();
	return err;
}

/**
 * tsor_listener_set - put the calls of listeners into the copy of a family's table
 * @family: with copies made
 */
void tsor_listener_set(struct tsor_family *family)
{
	struct proto_ops *ops = &family->listener_ops;

	ops->owner = THIS_MODULE;
	ops->accept = tsor_accept;
	ops->setsockopt = tsor_listener_setsockopt;
	ops->getsockopt = tsor_listener_getsockopt;
}
