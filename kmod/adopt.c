// SPDX-License-Identifier: GPL-2.0
/*
 * Which sockets become ours, and when they cease to be: a probe on the tracepoint
 * inet_sock_set_state, which TCP passes under the socket's lock at every change of state (just
 * before the new state is stored).
 *
 *	CLOSE -> SYN_SENT	a client: bound now, so that the SYN can name its channel
 *	SYN_SENT -> ESTABLISHED	what has the SYN-ACK said? A channel, or plain
 *	SYN_SENT -> SYN_RECV	simultaneous open: plain
 *	CLOSE -> LISTEN		a listener: SYNs are saved, so that a child can see its own
 *	SYN_RECV -> ESTABLISHED	a child: what have SYN and ACK said? Bound now, or stock as it is
 *	any -> CLOSE		the connection or the listener has ended
 *
 * The probe is atomic (preemption off), and may run in softirq. A child is bound only here and
 * not when TCP clones it from its listener: this comes right after in the same softirq, under
 * the same lock, and losers of a race of two clones never get here. So a listener keeps its
 * stock sk_prot, which its children would inherit, and not just while the module is there
 * (sk_prot_creator).
 */
#include <linux/module.h>
#include <linux/tracepoint.h>
#include <net/inet_hashtables.h>
#include <net/tcp.h>

#include "adopt.h"
#include "channel.h"
#include "compat.h"
#include "handshake.h"
#include "netns.h"
#include "sock.h"
#include "stats.h"
#include "trace.h"

static struct tracepoint *tsor_state_tracepoint;

static bool tsor_adopt_loopback(const struct sock *sk)
{
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6 && !ipv6_addr_v4mapped(&sk->sk_v6_daddr))
		return ipv6_addr_loopback(&sk->sk_v6_daddr);
#endif
	return ipv4_is_loopback(sk->sk_daddr);
}

static void tsor_adopt_client(struct sock *sk)
{
	const struct tcp_sock *tp = tcp_sk(sk);
	const struct tsor_family *family;
	struct tsor_channel *ch = tsor_channel_of(sk);

	/* of a connection that this socket had before */
	if (ch)
		tsor_sock_unbind(ch);
	if (!tsor_net_enabled(sock_net(sk)) || sk->sk_kern_sock || !sk->sk_socket ||
	    inet_csk(sk)->icsk_ulp_ops || tsor_adopt_loopback(sk))
		return;
	if (tp->fastopen_req || tp->fastopen_connect || tp->repair ||
	    inet_csk(sk)->icsk_accept_queue.rskq_defer_accept) {
		trace_tsor_adopt(sk, "not: fast open, repair or deferred accept");
		return;
	}
	family = tsor_family_stock(sk);
	if (!family) {
		trace_tsor_adopt(sk, "not: other operations");
		return;
	}
	ch = tsor_channel_new(sk, false, GFP_ATOMIC);
	if (!ch)
		return;
	if (tsor_channel_hash(ch, 0)) {
		tsor_channel_put(ch);
		return;
	}
	tsor_sock_bind(ch, family);
	tsor_stat_inc(TSOR_STAT_ADOPTED_CLIENT);
	trace_tsor_adopt(sk, "client");
}

static void tsor_adopt_answered(struct sock *sk)
{
	struct tsor_channel *ch = tsor_channel_of(sk);
	enum tsor_reason why;
	struct tsor_meet meet;

	if (!ch || ch->role != TSOR_NONE)
		return;
	why = tsor_handshake_client(ch, &meet);
	if (why)
		tsor_channel_plain(ch, why);
	else
		tsor_channel_confirm(ch, meet.link, meet.node_id, meet.theirs, 0);
}

/* a child that stays plain never was ours; it is counted all the same */
static void tsor_adopt_child_plain(struct sock *sk, enum tsor_reason why)
{
	atomic64_inc(&tsor_net(sock_net(sk))->plain[why]);
	tsor_stat_inc(TSOR_STAT_PLAIN);
	trace_tsor_adopt(sk, tsor_reason_name(why));
}

static void tsor_adopt_child(struct sock *sk)
{
	const struct tsor_family *family = tsor_family_stock(sk);
	bool enabled = tsor_net_enabled(sock_net(sk));
	struct tsor_channel *ch = NULL;
	enum tsor_reason why;
	struct tsor_meet meet;

	/* a saved SYN: our answer may have promised a channel, even if we are switched off now */
	if (sk->sk_kern_sock || (!enabled && !tcp_sk(sk)->saved_syn))
		return;
	why = tsor_handshake_child(sk, &meet);
	if (!why) {
		if (!enabled)
			why = TSOR_WHY_DISABLED;
		else if (!family || inet_csk(sk)->icsk_ulp_ops)
			why = TSOR_WHY_OPTION;
		else
			ch = tsor_channel_new(sk, true, GFP_ATOMIC);
		if (!ch) {
			why = why ?: TSOR_WHY_NO_MEMORY;
			tsor_park_refuse(meet.link, meet.mine);
			tsor_link_put(meet.link);
		}
	}
	if (why) {
		tsor_adopt_child_plain(sk, why);
		return;
	}
	tsor_sock_bind(ch, family);
	trace_tsor_adopt(sk, "child");
	tsor_channel_confirm(ch, meet.link, meet.node_id, meet.theirs, meet.mine);
}

/* false if it stays as it is */
static bool tsor_adopt_listener(struct sock *sk)
{
	if (!tsor_net_enabled(sock_net(sk)) || sk->sk_kern_sock || inet_csk(sk)->icsk_ulp_ops ||
	    !tsor_listener_bind(sk))
		return false;
	tsor_stat_inc(TSOR_STAT_ADOPTED_LISTENER);
	trace_tsor_adopt(sk, "listener");
	return true;
}

static bool tsor_adopt_release_listener(struct sock *sk)
{
	if (!tsor_listener_unbind(sk))
		return false;
	trace_tsor_adopt(sk, "listener released");
	return true;
}

static void tsor_adopt_closed(struct sock *sk, int old)
{
	struct tsor_channel *ch = tsor_channel_of(sk);

	if (!ch)
		return;
	/* TCP did not know of the peer's FIN, which makes a reset a broken pipe */
	if (ch->rx.fin && old == TCP_ESTABLISHED && sk->sk_err == ECONNRESET &&
	    tsor_channel_live(ch))
		WRITE_ONCE(sk->sk_err, EPIPE);
	if (ch->role == TSOR_NONE) {
		tsor_channel_die(ch);
		tsor_sock_unbind(ch);
		return;
	}
	tsor_channel_die(ch);
}

static void tsor_adopt_state(void *data, const struct sock *csk, const int old, const int new)
{
	struct sock *sk = (struct sock *)csk;
	struct tsor_channel *ch;

	if (sk->sk_protocol != IPPROTO_TCP)
		return;
	/* from 7.0 on tracepoints are not under RCU */
	rcu_read_lock();
	switch (new) {
	case TCP_SYN_SENT:
		if (old == TCP_CLOSE)
			tsor_adopt_client(sk);
		break;
	case TCP_SYN_RECV:
		ch = old == TCP_SYN_SENT ? tsor_channel_of(sk) : NULL;
		if (ch)
			tsor_channel_plain(ch, TSOR_WHY_SIMULTANEOUS);
		break;
	case TCP_ESTABLISHED:
		if (old == TCP_SYN_SENT)
			tsor_adopt_answered(sk);
		if (old == TCP_SYN_RECV && !sk->sk_socket)
			tsor_adopt_child(sk);
		if (old == TCP_SYN_RECV)
			tsor_handshake_forget_syn(sk);
		break;
	case TCP_LISTEN:
		tsor_adopt_listener(sk);
		break;
	case TCP_CLOSE:
		if (old == TCP_LISTEN)
			tsor_adopt_release_listener(sk);
		else
			tsor_adopt_closed(sk, old);
		break;
	}
	rcu_read_unlock();
}

/*
 * do @what to all listeners of a namespace, each locked; a bucket at a time. How many it
 * changed; while it does, a bucket's list may shrink and some of it be passed over.
 */
static unsigned int tsor_adopt_pass(struct net *net, bool (*what)(struct sock *sk))
{
	struct inet_hashinfo *hashinfo = net->ipv4.tcp_death_row.hashinfo;
	unsigned int i, n, changed = 0;
	struct sock *batch[16];

	for (i = 0; i <= hashinfo->lhash2_mask; i++) {
		struct inet_listen_hashbucket *bucket = &hashinfo->lhash2[i];
		unsigned int skip = 0;

		do {
			struct hlist_nulls_node *node;
			unsigned int at = 0;
			struct sock *sk;

			n = 0;
			spin_lock(&bucket->lock);
			sk_nulls_for_each(sk, node, &bucket->nulls_head) {
				if (at++ < skip || !net_eq(sock_net(sk), net))
					continue;
				if (n == ARRAY_SIZE(batch))
					break;
				if (refcount_inc_not_zero(&sk->sk_refcnt))
					batch[n++] = sk;
			}
			spin_unlock(&bucket->lock);
			skip += n;
			for (at = 0; at < n; at++) {
				sk = batch[at];
				lock_sock(sk);
				if (sk->sk_state == TCP_LISTEN)
					changed += what(sk);
				release_sock(sk);
				sock_put(sk);
			}
			cond_resched();
		} while (n == ARRAY_SIZE(batch));
	}
	return changed;
}

/**
 * tsor_adopt_listeners - adopt those that listen already
 * @net: namespace, switched on
 *
 * Process context.
 */
void tsor_adopt_listeners(struct net *net)
{
	while (tsor_adopt_pass(net, tsor_adopt_listener))
		;
}

/**
 * tsor_adopt_release_listeners - give listeners their own operations back
 * @net: namespace, switched off
 *
 * Process context.
 */
void tsor_adopt_release_listeners(struct net *net)
{
	while (tsor_adopt_pass(net, tsor_adopt_release_listener))
		;
}

static void tsor_adopt_find_tracepoint(struct tracepoint *tp, void *priv)
{
	if (!strcmp(tp->name, "inet_sock_set_state"))
		tsor_state_tracepoint = tp;
}

static const struct tsor_channel_ops tsor_adopt_channel_ops = {
	.unbind = tsor_sock_unbind,
	.work = tsor_close_work,
};

/** tsor_adopt_init - begin to watch sockets; 0 or negative errno */
int tsor_adopt_init(void)
{
	int err;

	tsor_channel_set_ops(&tsor_adopt_channel_ops);
	err = tsor_sock_init();
	if (err)
		return err;
	for_each_kernel_tracepoint(tsor_adopt_find_tracepoint, NULL);
	if (!tsor_state_tracepoint) {
		pr_err("this kernel has no tracepoint inet_sock_set_state\n");
		return -EOPNOTSUPP;
	}
	return tracepoint_probe_register(tsor_state_tracepoint, tsor_adopt_state, NULL);
}

/** tsor_adopt_exit - no namespace is switched on and no socket is ours any more */
void tsor_adopt_exit(void)
{
	tracepoint_probe_unregister(tsor_state_tracepoint, tsor_adopt_state, NULL);
	tracepoint_synchronize_unregister();
	tsor_sock_exit();
}
