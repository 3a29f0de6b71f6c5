// SPDX-License-Identifier: GPL-2.0
/*
 * Swapping the tables of a socket. A socket is bound (sk_prot, ops, callbacks and ULP are
 * ours) and unbound under its lock. A child has no struct socket yet when it is bound, and
 * an accept() that was under way when its listener was adopted gives it stock ops: the first
 * call of ours on it sets that right (tsor_calls in calls.c).
 *
 * A call reads the table and enters our function with nothing held, so at unload, when no
 * socket is bound any more, one may still be on its way in or out: tsor_sock_exit() waits for those
 * that count themselves in tsor_calls, and, by synchronize_rcu_tasks(), for those that do not
 * yet or no longer.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <net/inet_connection_sock.h>
#include <net/tcp.h>

#include "compat.h"
#include "sock.h"

static struct tsor_family tsor_families[2];

DEFINE_PER_CPU(long, tsor_calls);

/**
 * tsor_family_stock - the tables for a socket that is not ours
 * @sk: socket, locked
 *
 * Return: NULL if the socket has other than TCP's own tables (sockmap, TLS, MPTCP, ...), or is
 * in the hands of a user in the kernel (nfsd).
 */
const struct tsor_family *tsor_family_stock(const struct sock *sk)
{
	const struct tsor_family *f;

	for (f = tsor_families; f < tsor_families + ARRAY_SIZE(tsor_families); f++) {
		if (!f->base_prot || sk->sk_prot != f->base_prot)
			continue;
		if (sk->sk_data_ready != f->base_data_ready)
			return NULL;
		if (sk->sk_socket && sk->sk_socket->ops != f->base_ops)
			return NULL;
		return f;
	}
	return NULL;
}

/** tsor_family_of - the tables of a socket's address family, whatever it has now */
const struct tsor_family *tsor_family_of(const struct sock *sk)
{
	return &tsor_families[sk->sk_family == AF_INET6];
}

static void tsor_sock_write_space(struct sock *sk)
{
	struct tsor_channel *ch;

	rcu_read_lock();
	ch = tsor_channel_of(sk);
	if (ch && ch->raw && !ch->flushing)
		tsor_channel_queue_work(ch);
	if (ch)
		ch->write_space(sk);
	rcu_read_unlock();
}

/**
 * tsor_sock_bind - make a socket ours
 * @ch: its channel, whose first reference the socket takes over
 * @family: from tsor_family_stock()
 *
 * Socket's lock; any context.
 */
void tsor_sock_bind(struct tsor_channel *ch, const struct tsor_family *family)
{
	struct sock *sk = ch->sk;

	ch->family = family;
	rcu_assign_pointer(inet_csk(sk)->icsk_ulp_data, ch);
	inet_csk(sk)->icsk_ulp_ops = &tsor_ulp;
	write_lock_bh(&sk->sk_callback_lock);
	ch->data_ready = sk->sk_data_ready;
	ch->write_space = sk->sk_write_space;
	sk->sk_data_ready = tsor_record_data_ready;
	sk->sk_write_space = tsor_sock_write_space;
	write_unlock_bh(&sk->sk_callback_lock);
	WRITE_ONCE(sk->sk_prot, (struct proto *)&family->prot);
	if (sk->sk_socket)
		WRITE_ONCE(sk->sk_socket->ops, &family->ops);
	ch->bound = true;
}

/**
 * tsor_sock_unbind - give a socket its own operations back
 * @ch: its channel; it may be gone afterwards unless the caller holds it
 *
 * What was not read is lost. Socket's lock; any context.
 */
void tsor_sock_unbind(struct tsor_channel *ch)
{
	const struct tsor_family *family = ch->family;
	struct sock *sk = ch->sk;

	if (!ch->bound)
		return;
	ch->bound = false;
	tsor_channel_purge_rx(ch);
	WRITE_ONCE(sk->sk_prot, family->base_prot);
	if (sk->sk_socket && sk->sk_socket->ops == &family->ops)
		WRITE_ONCE(sk->sk_socket->ops, family->base_ops);
	write_lock_bh(&sk->sk_callback_lock);
	sk->sk_data_ready = ch->data_ready;
	sk->sk_write_space = ch->write_space;
	write_unlock_bh(&sk->sk_callback_lock);
	inet_csk(sk)->icsk_ulp_ops = NULL;
	RCU_INIT_POINTER(inet_csk(sk)->icsk_ulp_data, NULL);
	tsor_channel_put(ch);
}

/* what TCP's own tables of a family are can be seen on a socket of it */
static int tsor_family_init(struct tsor_family *f, int family)
{
	struct socket *sock;
	int err;

	err = sock_create_kern(&init_net, family, SOCK_STREAM, IPPROTO_TCP, &sock);
	if (err)
		return err;
	f->base_prot = sock->sk->sk_prot;
	f->base_ops = sock->ops;
	f->base_data_ready = sock->sk->sk_data_ready;
	sock_release(sock);
	f->prot = *f->base_prot;
	f->ops = *f->base_ops;
	f->listener_ops = *f->base_ops;
	tsor_calls_set(f);
	tsor_listener_set(f);
	return 0;
}

/** tsor_sock_init - copy the tables; 0 or negative errno */
int tsor_sock_init(void)
{
	int err;

	err = tsor_family_init(&tsor_families[0], AF_INET);
	if (err)
		return err;
	err = tsor_family_init(&tsor_families[1], AF_INET6);
	/* a kernel or a boot without IPv6 */
	return err == -EAFNOSUPPORT ? 0 : err;
}

/** tsor_sock_exit - no socket is ours any more: wait for calls that still are */
void tsor_sock_exit(void)
{
	long sum;
	int cpu;

	for (;;) {
		synchronize_rcu_tasks();
		sum = 0;
		for_each_possible_cpu(cpu)
			sum += *per_cpu_ptr(&tsor_calls, cpu);
		/* an accept() that read a listener's table has its reference before it calls */
		if (THIS_MODULE->state == MODULE_STATE_GOING)
			sum += module_refcount(THIS_MODULE) + 1;
		if (!sum)
			break;
		msleep(20);
	}
	synchronize_rcu_tasks();
	synchronize_rcu();
}
