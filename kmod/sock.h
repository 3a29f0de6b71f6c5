/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The calls of a socket that is ours: copies of its protocol's tables with some entries of our
 * own, and putting them in and taking them out. Which sockets get them is adopt.c's.
 */
#ifndef TSOR_SOCK_H
#define TSOR_SOCK_H

#include <linux/module.h>
#include <linux/net.h>
#include <net/sock.h>

#include "channel.h"

/**
 * struct tsor_family - the tables of an address family
 * @base_prot: TCP's own
 * @base_ops: likewise
 * @base_data_ready: of a socket whose owner is a program; the kernel's users have their own
 * @prot: of a socket with a channel
 * @ops: of a socket with a channel
 * @listener_ops: of an adopted listener, which has stock sk_prot
 *
 * Written at load only. A copy is a copy of pointers: accounting, caches and hash tables are
 * those of the original.
 */
struct tsor_family {
	struct proto *base_prot;
	const struct proto_ops *base_ops;
	void (*base_data_ready)(struct sock *sk);
	struct proto prot;
	struct proto_ops ops;
	struct proto_ops listener_ops;
};

/* none if @sk is not a stock TCP socket of ours to take */
const struct tsor_family *tsor_family_stock(const struct sock *sk);
const struct tsor_family *tsor_family_of(const struct sock *sk);
void tsor_sock_bind(struct tsor_channel *ch, const struct tsor_family *family);
void tsor_sock_unbind(struct tsor_channel *ch);
int tsor_sock_init(void);
void tsor_sock_exit(void);

/* around every call of ours, so that unloading can wait for those under way */
DECLARE_PER_CPU(long, tsor_calls);

static inline void tsor_call_enter(void)
{
	this_cpu_inc(tsor_calls);
}

static inline void tsor_call_leave(void)
{
	this_cpu_dec(tsor_calls);
}

/*
 * around a call of TCP's own that may sleep for long: unloading is refused meanwhile. The
 * result is for tsor_call_unpin(); false if the module is going already.
 */
static inline bool tsor_call_pin(void)
{
	return try_module_get(THIS_MODULE);
}

static inline void tsor_call_unpin(bool pinned)
{
	if (pinned)
		module_put(THIS_MODULE);
}

/* calls.c: the calls */
void tsor_calls_set(struct tsor_family *family);
bool tsor_call_wait(struct sock *sk, long *timeo, bool (*done)(struct tsor_channel *ch),
		    struct tsor_channel *ch);

/* listen.c: adopted listeners */
void tsor_listener_set(struct tsor_family *family);
bool tsor_listener_bind(struct sock *sk);
bool tsor_listener_unbind(struct sock *sk);

/* close.c: the end of a connection */
void tsor_close(struct sock *sk, long timeout);
void tsor_close_work(struct tsor_channel *ch);

#endif
