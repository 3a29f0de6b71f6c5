// SPDX-License-Identifier: GPL-2.0
/*
 * Channels: their table, their life, their roles.
 *
 * Locks. Everything in a channel is guarded by its socket's lock. A program's call owns it;
 * what runs in softirq (messages and turns of a link, the timer, the netfilter hooks) takes its
 * spinlock part, and if a program owns the socket leaves a note in @deferred, which
 * release_cb acts on. The order: socket's lock, then park's lock, then locks of the link. A
 * link calls up with none of its locks held.
 *
 * Life. A channel is made when its socket is adopted, holds the socket and the module, and is
 * freed after an RCU grace period when nobody holds it any more. It stands in the table,
 * which links read under RCU, from then until it is dead or plain.
 *
 * Death of a link. It is not up any more before its down() is called; tsor_channel_confirm()
 * first puts the channel where down() finds it, then asks whether the link is up. So either
 * of them sees the other, and no channel is left with a dead link.
 */
#include <linux/module.h>
#include <linux/random.h>
#include <linux/rhashtable.h>
#include <net/inet_sock.h>
#include <net/tcp.h>

#include "channel.h"
#include "compat.h"
#include "netns.h"
#include "stats.h"
#include "trace.h"

static const struct rhashtable_params tsor_channel_params = {
	.key_len = sizeof(u32),
	.key_offset = offsetof(struct tsor_channel, token),
	.head_offset = offsetof(struct tsor_channel, node),
	.automatic_shrinking = true,
};

static struct rhashtable tsor_channels;
static struct workqueue_struct *tsor_channel_wq;
static const struct tsor_channel_ops *tsor_ops;
static tsor_channel_event_fn tsor_channel_event;

static const char * const tsor_role_names[] = {
	[TSOR_NONE] = "none",
	[TSOR_UND] = "undecided",
	[TSOR_CH] = "channel",
	[TSOR_PLAIN] = "plain",
	[TSOR_DEAD] = "dead",
};

static const char * const tsor_reason_names[TSOR_WHY_NR] = {
	[TSOR_WHY_NONE] = "none",
	[TSOR_WHY_NO_OPTION] = "no-option",
	[TSOR_WHY_BAD_OPTION] = "bad-option",
	[TSOR_WHY_ECHO] = "echo",
	[TSOR_WHY_NO_LINK] = "no-link",
	[TSOR_WHY_NOT_CONFIRMED] = "not-confirmed",
	[TSOR_WHY_REFUSED] = "refused",
	[TSOR_WHY_RAW] = "raw",
	[TSOR_WHY_PROBES] = "probes",
	[TSOR_WHY_FASTOPEN] = "fastopen",
	[TSOR_WHY_SIMULTANEOUS] = "simultaneous",
	[TSOR_WHY_OPTION] = "option",
	[TSOR_WHY_NO_MEMORY] = "no-memory",
	[TSOR_WHY_DISABLED] = "disabled",
};

/** tsor_role_name - as it is shown to people */
const char *tsor_role_name(enum tsor_role role)
{
	return role < ARRAY_SIZE(tsor_role_names) ? tsor_role_names[role] : "?";
}

/** tsor_reason_name - as it is shown to people */
const char *tsor_reason_name(enum tsor_reason reason)
{
	return reason < TSOR_WHY_NR ? tsor_reason_names[reason] : "?";
}

/**
 * tsor_channel_set_ops - who is told when a channel needs its socket handled
 * @ops: adopt.c's and close.c's; set before the first channel is made
 */
void tsor_channel_set_ops(const struct tsor_channel_ops *ops)
{
	tsor_ops = ops;
}

/**
 * tsor_channel_set_event - who is told of changes of role
 * @event: may be NULL
 */
void tsor_channel_set_event(tsor_channel_event_fn event)
{
	WRITE_ONCE(tsor_channel_event, event);
}

static void tsor_channel_timer(struct timer_list *t)
{
	struct tsor_channel *ch = tsor_from_timer(ch, t, timer);
	struct sock *sk = ch->sk;

	bh_lock_sock(sk);
	ch->deferred |= TSOR_DEFER_TIMER;
	if (!sock_owned_by_user(sk))
		tsor_rx_deferred(ch);
	if (ch->closing || ch->raw) {
		tsor_channel_queue_work(ch);
		if (ch->closing && ch->role != TSOR_DEAD && time_before(jiffies, ch->close_by))
			tsor_channel_arm(ch, ch->close_by - jiffies);
	}
	bh_unlock_sock(sk);
	tsor_channel_put(ch);
}

static void tsor_channel_work(struct work_struct *work)
{
	struct tsor_channel *ch = container_of(work, struct tsor_channel, work);

	tsor_ops->work(ch);
	tsor_channel_put(ch);
}

/**
 * tsor_channel_new - make the channel of a socket
 * @sk: socket; locked, its icsk_ulp_data takes the reference that is returned
 * @server: it is the accepting end
 * @gfp: how to allocate
 *
 * Return: the channel in role NONE, not in the table; NULL without memory or if the module is
 * being unloaded.
 */
struct tsor_channel *tsor_channel_new(struct sock *sk, bool server, gfp_t gfp)
{
	struct tsor_channel *ch;

	if (!try_module_get(THIS_MODULE))
		return NULL;
	ch = kzalloc(sizeof(*ch), gfp);
	if (!ch) {
		tsor_stat_inc(TSOR_STAT_NO_MEMORY);
		module_put(THIS_MODULE);
		return NULL;
	}
	refcount_set(&ch->ref, 1);
	ch->sk = sk;
	sock_hold(sk);
	ch->server = server;
	tsor_tx_init(&ch->tx, TSOR_WINDOW_INIT);
	tsor_rx_init(&ch->rx, TSOR_WINDOW_INIT);
	ch->rx_grow = TSOR_WINDOW_INIT;
	__skb_queue_head_init(&ch->unsent);
	__skb_queue_head_init(&ch->retained);
	__skb_queue_head_init(&ch->rxq);
	skb_queue_head_init(&ch->backlog);
	ch->backlog_open = true;
	INIT_LIST_HEAD(&ch->txq.wait);
	timer_setup(&ch->timer, tsor_channel_timer, 0);
	INIT_WORK(&ch->work, tsor_channel_work);
	spin_lock_init(&ch->syn_lock);
	return ch;
}

/**
 * tsor_channel_hash - put a channel into the table
 * @ch: channel
 * @token: its name; 0: draw one
 *
 * Socket's lock. Return: 0, or -EEXIST and others of rhashtable.
 */
int tsor_channel_hash(struct tsor_channel *ch, u32 token)
{
	int err, tries = token ? 1 : 8;

	do {
		ch->token = token;
		while (!ch->token)
			ch->token = get_random_u32() & ~TSOR_TOKEN_SERVER;
		err = rhashtable_lookup_insert_fast(&tsor_channels, &ch->node, tsor_channel_params);
	} while (err == -EEXIST && --tries);
	ch->hashed = !err;
	return err;
}

static void tsor_channel_unhash(struct tsor_channel *ch)
{
	if (!ch->hashed)
		return;
	rhashtable_remove_fast(&tsor_channels, &ch->node, tsor_channel_params);
	ch->hashed = false;
}

/**
 * tsor_channel_lookup - find a channel by its token
 * @token: as in a message
 *
 * Return: it, referenced; NULL if there is none.
 */
struct tsor_channel *tsor_channel_lookup(u32 token)
{
	struct tsor_channel *ch;

	rcu_read_lock();
	ch = rhashtable_lookup(&tsor_channels, &token, tsor_channel_params);
	if (ch && !refcount_inc_not_zero(&ch->ref))
		ch = NULL;
	rcu_read_unlock();
	return ch;
}

/** tsor_channel_get - one more holder */
void tsor_channel_get(struct tsor_channel *ch)
{
	refcount_inc(&ch->ref);
}

static void tsor_channel_free(struct rcu_head *rcu)
{
	struct tsor_channel *ch = container_of(rcu, struct tsor_channel, rcu);

	if (ch->link)
		tsor_link_put(ch->link);
	sock_put(ch->sk);
	kfree(ch);
	module_put(THIS_MODULE);
}

/**
 * tsor_channel_put - one holder less
 * @ch: channel; its queues were purged when it left its socket
 *
 * Any context, any locks.
 */
void tsor_channel_put(struct tsor_channel *ch)
{
	if (refcount_dec_and_test(&ch->ref))
		call_rcu(&ch->rcu, tsor_channel_free);
}

/**
 * tsor_channel_set_role - the one place where a role changes
 * @ch: channel; socket's lock
 * @role: the new one
 * @reason: why, if it is PLAIN
 */
void tsor_channel_set_role(struct tsor_channel *ch, enum tsor_role role, enum tsor_reason reason)
{
	struct tsor_net *tn = tsor_net(sock_net(ch->sk));
	tsor_channel_event_fn event = READ_ONCE(tsor_channel_event);
	bool was = tsor_channel_live(ch);
	u8 old = ch->role;

	if (old == role)
		return;
	WRITE_ONCE(ch->role, role);
	ch->reason = reason;
	trace_tsor_channel_state(ch->sk, ch->token, old, role, reason);
	if (!was && tsor_channel_live(ch)) {
		atomic_inc(&tn->live);
		tsor_stat_inc(ch->server ? TSOR_STAT_CHANNEL_SERVER : TSOR_STAT_CHANNEL_CLIENT);
	} else if (was && !tsor_channel_live(ch)) {
		atomic_dec(&tn->live);
	}
	if (role == TSOR_PLAIN) {
		atomic64_inc(&tn->plain[reason]);
		tsor_stat_inc(TSOR_STAT_PLAIN);
	}
	if (event)
		event(ch);
}

/**
 * tsor_channel_confirm - the handshake is over: the connection is a channel's
 * @ch: bound, in role NONE; socket's lock, not owned by a program unless it is a client's
 * @link: to the peer; the reference becomes the channel's
 * @peer_node: as its option said
 * @peer_token: as its option said
 * @token: a child's own, under which it is put into the table now; 0 for a client
 *
 * The client is undecided until it hears the server, the server is a channel. If the link has
 * died meanwhile, the connection is plain.
 */
void tsor_channel_confirm(struct tsor_channel *ch, struct tsor_link *link, u64 peer_node,
			  u32 peer_token, u32 token)
{
	ch->link = link;
	ch->peer_node = peer_node;
	ch->peer_token = peer_token;
	/* a message may come as soon as it is in the table, and waits for the socket's lock */
	if (token && tsor_channel_hash(ch, token)) {
		tsor_park_refuse(link, token);
		tsor_channel_plain(ch, TSOR_WHY_NO_MEMORY);
		return;
	}
	tsor_channel_set_role(ch, ch->server ? TSOR_CH : TSOR_UND, TSOR_WHY_NONE);
	/* pairs with tsor_channel_link_down(): see the essay above */
	smp_mb();
	if (!tsor_link_is_up(link))
		tsor_channel_plain(ch, TSOR_WHY_NO_LINK);
	else if (token)
		tsor_park_take(ch);
	if (tsor_channel_live(ch)) {
		ch->warm_by = jiffies + TSOR_WARM_TIME;
		tsor_channel_arm(ch, TSOR_WARM_TIME);
	}
}

/**
 * tsor_channel_hear - the peer's software has been heard: both ends are channels
 * @ch: channel; socket's lock
 */
void tsor_channel_hear(struct tsor_channel *ch)
{
	WRITE_ONCE(ch->heard, true);
	if (ch->role == TSOR_UND)
		tsor_channel_set_role(ch, TSOR_CH, TSOR_WHY_NONE);
}

static void tsor_channel_stop(struct tsor_channel *ch)
{
	tsor_channel_unhash(ch);
	spin_lock_bh(&ch->backlog.lock);
	ch->backlog_open = false;
	spin_unlock_bh(&ch->backlog.lock);
	if (ch->waiting && tsor_link_unwait(ch->link, &ch->txq)) {
		ch->waiting = false;
		tsor_channel_put(ch);
	}
	if (tsor_timer_delete(&ch->timer))
		tsor_channel_put(ch);
}

/**
 * tsor_channel_plain - the connection goes on as regular TCP, for good
 * @ch: nothing of it has been read by the peer's program nor by ours; socket's lock
 * @reason: why
 *
 * What the program has written already goes onto TCP from offset 0 by the work; only then has
 * the socket its stock operations back.
 */
void tsor_channel_plain(struct tsor_channel *ch, enum tsor_reason reason)
{
	if (ch->role == TSOR_PLAIN || ch->role == TSOR_DEAD)
		return;
	tsor_channel_stop(ch);
	if (ch->closing)
		tsor_channel_arm(ch, max_t(long, ch->close_by - jiffies, 0));
	tsor_channel_set_role(ch, TSOR_PLAIN, reason);
	ch->deferred = 0;
	tsor_channel_purge_rx(ch);
	if (ch->tx.end || ch->tx.fin || ch->closing) {
		ch->raw = true;
		tsor_channel_queue_work(ch);
		return;
	}
	tsor_ops->unbind(ch);
}

/**
 * tsor_channel_die - the connection has ended
 * @ch: channel; socket's lock
 *
 * What was received can still be read.
 */
void tsor_channel_die(struct tsor_channel *ch)
{
	if (ch->closing)
		tsor_channel_queue_work(ch);
	if (ch->role == TSOR_DEAD)
		return;
	if (tsor_channel_live(ch))
		tsor_stat_inc(tsor_channel_complete(ch) ? TSOR_STAT_CHANNEL_CLOSED :
			      TSOR_STAT_CHANNEL_RESET);
	/* what is still on its way to it does not come too early, but too late */
	if (tsor_channel_live(ch) && ch->server && !tsor_channel_complete(ch))
		tsor_park_tombstone(ch->link, ch->token);
	tsor_channel_stop(ch);
	tsor_channel_set_role(ch, TSOR_DEAD, ch->reason);
	ch->raw = false;
	tsor_channel_purge_tx(ch);
}

/* TCP destroys the socket */
static void tsor_channel_release(struct sock *sk)
{
	struct tsor_channel *ch = tsor_channel_of(sk);

	if (!ch)
		return;
	tsor_channel_get(ch);
	tsor_channel_die(ch);
	tsor_channel_purge_rx(ch);
	tsor_ops->unbind(ch);
	/* tcp_cleanup_ulp() still reads it */
	inet_csk(sk)->icsk_ulp_ops = &tsor_ulp;
	tsor_channel_put(ch);
}

/*
 * Not registered: no program can ask for it. The module is held by the channel, which outlives
 * the socket's use of it.
 */
struct tcp_ulp_ops tsor_ulp = {
	.name = "tsor",
	.release = tsor_channel_release,
};

/**
 * tsor_channel_abort - end the connection with an error
 * @ch: channel; socket's lock
 * @err: positive errno for the program
 * @tell: send the peer a RST by the link
 *
 * The socket itself is reset by the work, since that needs a process; but a child that was not
 * accepted yet must not be owned by one (inet_csk_listen_stop() would warn), and ends here.
 */
void tsor_channel_abort(struct tsor_channel *ch, int err, bool tell)
{
	struct sock *sk = ch->sk;

	if (!tsor_channel_live(ch) || ch->abort_err)
		return;
	if (sk->sk_state == TCP_SYN_RECV) {
		/* TCP is about to store ESTABLISHED, and would undo the end */
		ch->deferred |= tell ? TSOR_DEFER_BAD : TSOR_DEFER_RST;
		tsor_channel_arm(ch, 0);
		return;
	}
	if (tell)
		tsor_tx_send_rst(ch);
	ch->abort_err = err;
	tsor_channel_purge_tx(ch);
	if (sk->sk_socket) {
		tsor_channel_queue_work(ch);
		return;
	}
	WRITE_ONCE(sk->sk_err, err);
	local_bh_disable();
	tcp_done(sk);
	local_bh_enable();
}

/**
 * tsor_channel_queue_work - have tsor_channel_ops.work called
 * @ch: channel
 *
 * Any context.
 */
void tsor_channel_queue_work(struct tsor_channel *ch)
{
	tsor_channel_get(ch);
	if (!queue_work(tsor_channel_wq, &ch->work))
		tsor_channel_put(ch);
}

/**
 * tsor_channel_arm - have the timer fire
 * @ch: channel; socket's lock
 * @delay: in this many jiffies, or earlier if it was armed so
 */
void tsor_channel_arm(struct tsor_channel *ch, unsigned long delay)
{
	unsigned long when = jiffies + delay;

	if (timer_pending(&ch->timer) && time_before_eq(ch->timer.expires, when))
		return;
	tsor_channel_get(ch);
	if (mod_timer(&ch->timer, when))
		tsor_channel_put(ch);
}

/** tsor_channel_purge_tx - forget what was to be sent; socket's lock */
void tsor_channel_purge_tx(struct tsor_channel *ch)
{
	__skb_queue_purge(&ch->unsent);
	__skb_queue_purge(&ch->retained);
	if (ch->tx_mem)
		sk_mem_uncharge(ch->sk, ch->tx_mem);
	ch->tx_mem = 0;
}

/** tsor_channel_purge_rx - forget what was received; socket's lock */
void tsor_channel_purge_rx(struct tsor_channel *ch)
{
	spin_lock_bh(&ch->backlog.lock);
	__skb_queue_purge(&ch->backlog);
	WRITE_ONCE(ch->backlog_bytes, 0);
	spin_unlock_bh(&ch->backlog.lock);
	__skb_queue_purge(&ch->rxq);
	if (ch->rx_mem)
		sk_mem_uncharge(ch->sk, ch->rx_mem);
	ch->rx_mem = 0;
	ch->rx_off = 0;
	ch->rx.read = ch->rx.nxt - ch->rx.fin;
}

/** tsor_channel_complete - have both directions, FINs included, arrived? Socket's lock. */
bool tsor_channel_complete(const struct tsor_channel *ch)
{
	return ch->rx.fin && tsor_tx_complete(&ch->tx);
}

/**
 * tsor_channel_info - copy what can be shown
 * @ch: channel
 * @info: to fill
 *
 * Any context, without the socket's lock: numbers may be of different moments.
 */
void tsor_channel_info(struct tsor_channel *ch, struct tsor_channel_info *info)
{
	const struct sock *sk = ch->sk;
	const struct inet_sock *inet = inet_sk(sk);

	memset(info, 0, sizeof(*info));
	info->net = sock_net(sk);
	info->netns_inum = sock_net(sk)->ns.inum;
	info->node_id = ch->peer_node;
	info->tx_bytes = READ_ONCE(ch->tx_bytes);
	info->rx_bytes = READ_ONCE(ch->rx_bytes);
	info->ino = sock_i_ino((struct sock *)sk);
	info->token = ch->token;
	info->peer_token = ch->peer_token;
	info->txq_bytes = tsor_tx_queued(&ch->tx);
	info->rxq_bytes = tsor_rx_readable(&ch->rx);
	info->epoch = ch->epoch;
	info->role = READ_ONCE(ch->role);
	info->reason = ch->reason;
	info->tcp_state = inet_sk_state_load(sk);
	info->server = ch->server;
	info->family = sk->sk_family;
	info->sport = inet->inet_sport;
	info->dport = inet->inet_dport;
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6) {
		info->saddr = sk->sk_v6_rcv_saddr;
		info->daddr = sk->sk_v6_daddr;
		return;
	}
#endif
	ipv6_addr_set_v4mapped(inet->inet_saddr, &info->saddr);
	ipv6_addr_set_v4mapped(inet->inet_daddr, &info->daddr);
}

/**
 * tsor_channel_walk_start - look at all channels
 * @iter: where the walk stands
 *
 * Process context, until tsor_channel_walk_stop(). While the table is resized a channel may be
 * seen twice.
 */
void tsor_channel_walk_start(struct rhashtable_iter *iter)
{
	rhashtable_walk_enter(&tsor_channels, iter);
}

/**
 * tsor_channel_walk_next - the next channel
 * @iter: from tsor_channel_walk_start()
 * @info: filled
 *
 * Between rhashtable_walk_start() and rhashtable_walk_stop(): a walk may pause.
 *
 * Return: 1 if there was one, 0 at the end.
 */
int tsor_channel_walk_next(struct rhashtable_iter *iter, struct tsor_channel_info *info)
{
	struct tsor_channel *ch;

	do {
		ch = rhashtable_walk_next(iter);
	} while (IS_ERR(ch));
	if (!ch)
		return 0;
	tsor_channel_info(ch, info);
	return 1;
}

/** tsor_channel_walk_stop - the walk is over */
void tsor_channel_walk_stop(struct rhashtable_iter *iter)
{
	rhashtable_walk_exit(iter);
}

/*
 * One pass over the table. False if some may have been missed: it was resized meanwhile, or one
 * was ended, after which the walk may pass over its neighbour.
 */
static bool tsor_channel_link_down_pass(struct tsor_link *link)
{
	struct rhashtable_iter iter;
	struct tsor_channel *ch;
	bool whole = true;

	rhashtable_walk_enter(&tsor_channels, &iter);
	rhashtable_walk_start(&iter);
	while ((ch = rhashtable_walk_next(&iter))) {
		if (IS_ERR(ch)) {
			whole = false;
			continue;
		}
		if (READ_ONCE(ch->link) != link || !refcount_inc_not_zero(&ch->ref))
			continue;
		rhashtable_walk_stop(&iter);

		local_bh_disable();
		bh_lock_sock(ch->sk);
		/* what is complete needs the link no more */
		if (tsor_channel_live(ch) && !tsor_channel_complete(ch) && !ch->abort_err &&
		    !(ch->deferred & TSOR_DEFER_RST)) {
			whole = false;
			if (sock_owned_by_user(ch->sk))
				ch->deferred |= TSOR_DEFER_RST;
			else
				tsor_channel_abort(ch, ch->rx.fin ? EPIPE : ECONNRESET, false);
		}
		bh_unlock_sock(ch->sk);
		local_bh_enable();
		tsor_channel_put(ch);

		cond_resched();
		rhashtable_walk_start(&iter);
	}
	rhashtable_walk_stop(&iter);
	rhashtable_walk_exit(&iter);
	return whole;
}

static void tsor_channel_link_down(struct tsor_link *link)
{
	/* pairs with tsor_channel_confirm() */
	smp_mb();
	tsor_park_forget(link);
	while (!tsor_channel_link_down_pass(link))
		cond_resched();
}

static const struct tsor_link_ops tsor_channel_link_ops = {
	.receive = tsor_rx_receive,
	.writable = tsor_tx_turn,
	.down = tsor_channel_link_down,
};

/** tsor_channel_init - ready for channels; 0 or negative errno */
int tsor_channel_init(void)
{
	int err;

	err = rhashtable_init(&tsor_channels, &tsor_channel_params);
	if (err)
		return err;
	err = -ENOMEM;
	tsor_channel_wq = alloc_workqueue("tsor_channel", WQ_UNBOUND, 0);
	if (!tsor_channel_wq)
		goto destroy_table;
	err = tsor_park_init();
	if (err)
		goto destroy_wq;
	tsor_link_set_ops(&tsor_channel_link_ops);
	return 0;

destroy_wq:
	destroy_workqueue(tsor_channel_wq);
destroy_table:
	rhashtable_destroy(&tsor_channels);
	return err;
}

/**
 * tsor_channel_exit - there are no channels nor links any more
 *
 * Each channel held the module, so at unload none is left but in the hands of RCU.
 */
void tsor_channel_exit(void)
{
	tsor_park_exit();
	destroy_workqueue(tsor_channel_wq);
	rcu_barrier();
	rhashtable_destroy(&tsor_channels);
}
