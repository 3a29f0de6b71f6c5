// SPDX-License-Identifier: GPL-2.0
/*
 * A link's life: made on a cm_id, established, proven, up, failed, gone.
 *
 * Who runs what
 *
 *	tsor_link_create, _expect, _established		process, from cm.c's events
 *	tsor_link_fail					anywhere: moves the state, queues work
 *	up_work						process: registers, owner's up, opens
 *	down_work					process: all of the teardown
 *	beat						process: heartbeats, deadline
 *	completions (recv_done, send_done)		softirq (irq_poll), at the end process
 *	QP and SRQ events				any, perhaps with interrupts off
 *
 * Completions come by IB_POLL_SOFTIRQ; what calls the CQ's event only raises the softirq:
 *
 *	device			calls the CQ's event in		calls QP events in
 *	rxe, 6.1		tasklet				tasklet, process
 *	rxe, 6.4 and later	kworker, interrupts off		kworker, interrupts off
 *	siw			kthread, softirq		softirq, process
 *	mlx5, irdma, bnxt_re	hard interrupt or tasklet	hard interrupt or kworker
 *
 * and irq_poll runs a CQ on one CPU at a time. Nothing here depends on that: order is kept
 * by link_rx.c and by tx_lock.
 *
 * Failure
 *
 * The first tsor_link_fail() wins. From then on nothing is sent; down_work closes the receive
 * gate, waits until nobody hands a message up, and tells those above by down(). Only then is
 * the link struck from the table and @downed completed, and only after that can a successor to
 * the same peer, which waits for it in its up_work, come up (rule 7). Then the QP goes to ERR,
 * as a courtesy with a DREQ. The end of an SRQ's WRs is waited for, but not for long: rxe of
 * 6.1 never tells (see link_rx.c for what that costs). The SQ is drained, and the QP, the CQ,
 * the receive buffers, the id go, in this order. The owner's gone() is last. Neither wait is
 * without limit: a peer that overruns the CQ (or a device that has died) can take the completion
 * that would end it, and what has not completed is let go once the QP is destroyed.
 *
 * up_work and down_work of a link do not overlap: down_work waits for the other. That in turn
 * may wait for the predecessor's down_work. With one workqueue for both, a few hundred peers
 * that come back at once would fill it with those who wait, and lock it. So down_work has one of
 * its own, where a work item waits, through somebody's up_work, only for those queued before
 * it: who has failed himself waits for nobody. The workqueues have no rescuer, as the core
 * flushes works of queues without one while it destroys an id.
 *
 * A node's link to itself (a setting for tests) has both its ends here. Only the active one is
 * registered; the passive one is up, but nobody finds it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/hashtable.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <rdma/ib_cache.h>
#include <rdma/ib_user_ioctl_verbs.h>

#include "link_qp.h"
#include "node.h"
#include "stats.h"
#include "trace.h"

/*
 * 4.096 us << 15 = 134 ms; with 6 retries about 1 s. Not with rxe, which should not resend where
 * it can be helped: if an acknowledgment comes while it resends the first half of the same message,
 * req_retry() loses count of its PSNs, and the receiver gets messages twice (6.1, 6.12). So only
 * what is really lost is sent again, and heartbeats find a dead peer.
 */
#define ACK_TIMEOUT	15
#define ACK_TIMEOUT_RXE	18	/* 1.07 s */
#define RNR_TIMER	12	/* 0.64 ms; a receiver that is not ready is a bug or an attack */
#define LAST_WQE_WAIT	msecs_to_jiffies(200)
#define DRAIN_WAIT	msecs_to_jiffies(2000)

unsigned int tsor_heartbeat_ms = 500;
module_param_named(heartbeat_ms, tsor_heartbeat_ms, uint, 0644);
MODULE_PARM_DESC(heartbeat_ms, "Something is sent on a link at least so often (20 to 60000)");

unsigned int tsor_deadline_ms = 1500;
module_param_named(deadline_ms, tsor_deadline_ms, uint, 0644);
MODULE_PARM_DESC(deadline_ms,
		 "A link on which nothing arrived for so long is dead (twice heartbeat_ms to 600000)");

unsigned int tsor_inflight_cap = 256 * 1024;
module_param_named(inflight_cap, tsor_inflight_cap, uint, 0644);
MODULE_PARM_DESC(inflight_cap,
		 "Bytes posted and not completed before senders take turns (32768 to 67108864)");

struct workqueue_struct *tsor_link_wq;
static struct workqueue_struct *down_wq;
const struct tsor_link_ops *tsor_link_above;

/* guards writes to the table; found under RCU */
static DEFINE_MUTEX(links_lock);
static DEFINE_HASHTABLE(links, 6);

/* links that are not gone; for unloading */
static atomic_t alive;
static DECLARE_WAIT_QUEUE_HEAD(alive_wait);

static unsigned int beat_ms(void)
{
	return clamp(READ_ONCE(tsor_heartbeat_ms), 20u, 60000u);
}

static unsigned int deadline_ms(void)
{
	return clamp(READ_ONCE(tsor_deadline_ms), 2 * beat_ms(), 600000u);
}

static const char *state_name(enum tsor_link_state state)
{
	switch (state) {
	case TSOR_LINK_NEW:
		return "link-new";
	case TSOR_LINK_UP:
		return "link-up";
	case TSOR_LINK_FAILED:
		return "link-failed";
	case TSOR_LINK_GONE:
		return "link-gone";
	}
	return "?";
}

/* the one place where a link's state changes; false if it is as far already. Any context. */
static bool link_move(struct tsor_link *link, enum tsor_link_state to, int err)
{
	int state = READ_ONCE(link->state);
	int old;

	while (state < to) {
		/* a dead link does not come up, and one never up can still fail */
		old = cmpxchg(&link->state, state, to);
		if (old == state) {
			if (to == TSOR_LINK_FAILED)
				WRITE_ONCE(link->err, err);
			trace_tsor_link_state(link->node_id, state_name(to), err);
			return true;
		}
		state = old;
	}
	return false;
}

/**
 * tsor_link_get - hold a link
 * @link: the link, held by the caller or under RCU and known to be alive
 *
 * Any context.
 */
void tsor_link_get(struct tsor_link *link)
{
	refcount_inc(&link->ref);
}

/**
 * tsor_link_put - let a link go
 * @link: the link
 *
 * Any context. The memory is freed after a grace period.
 */
void tsor_link_put(struct tsor_link *link)
{
	if (refcount_dec_and_test(&link->ref))
		kfree_rcu(link, rcu);
}

/**
 * tsor_link_fail - end a link
 * @link: the link, created
 * @err: why, a negative errno; the first one counts
 *
 * Any context, any lock held. Returns at once; nothing is sent afterwards, the rest follows in
 * a work item, up to &tsor_link_owner_ops.gone.
 */
void tsor_link_fail(struct tsor_link *link, int err)
{
	if (link_move(link, TSOR_LINK_FAILED, err))
		queue_work(down_wq, &link->down_work);
}

/* both conditions may become true at once, in two contexts: the second call is harmless */
static void link_maybe_up(struct tsor_link *link)
{
	if (!test_bit(TSOR_LINK_F_ESTABLISHED, &link->flags) ||
	    !test_bit(TSOR_LINK_F_PROVEN, &link->flags))
		return;
	if (test_bit(TSOR_LINK_F_PASSIVE, &link->flags))
		tsor_link_tx_open(link, NULL);
	/* after a failure it finds nothing to do; the teardown waits for it */
	queue_work(tsor_link_wq, &link->up_work);
}

/**
 * tsor_link_proven - the peer has sent the right proof
 * @link: the link
 *
 * BH disabled.
 */
void tsor_link_proven(struct tsor_link *link)
{
	set_bit(TSOR_LINK_F_PROVEN, &link->flags);
	/* with the one in tsor_link_established(): one of the two sees both bits */
	smp_mb__after_atomic();
	link_maybe_up(link);
}

static void link_up_work(struct work_struct *work)
{
	struct tsor_link *link = container_of(work, struct tsor_link, up_work);
	bool self = link->node_id == tsor_node_id() &&
		    test_bit(TSOR_LINK_F_PASSIVE, &link->flags);
	struct tsor_link *other;

again:
	if (READ_ONCE(link->state) != TSOR_LINK_NEW)
		return;
	mutex_lock(&links_lock);
	if (!self) {
		hash_for_each_possible(links, other, hash, link->node_id) {
			if (other->node_id != link->node_id)
				continue;
			tsor_link_get(other);
			mutex_unlock(&links_lock);
			tsor_link_fail(other, -EALREADY);
			/* otherwise our down_work is behind the other's, and may wait for us */
			if (!tsor_link_failed(link))
				wait_for_completion(&other->downed);
			tsor_link_put(other);
			goto again;
		}
		hash_add_rcu(links, &link->hash, link->node_id);
	}
	link->up_at = jiffies;
	mutex_unlock(&links_lock);

	/* if it has failed meanwhile, the teardown strikes it; nobody could find it */
	if (!link_move(link, TSOR_LINK_UP, 0))
		return;
	link->was_up = true;
	tsor_stat_inc(TSOR_STAT_LINK_UP);
	link->ops->up(link, link->owner);
	tsor_link_rx_open(link);
}

/**
 * tsor_link_port_is_down - is a message of the connection manager better not sent?
 * @id: an id that has a device
 *
 * A message that the stack below cannot send stops rxe's QP 1 for good: no connection can be
 * made or ended on that device until it is deleted.
 *
 * Any context.
 */
bool tsor_link_port_is_down(const struct rdma_cm_id *id)
{
	enum ib_port_state state;

	return rdma_protocol_roce(id->device, id->port_num) &&
	       !ib_get_cached_port_state(id->device, id->port_num, &state) &&
	       state != IB_PORT_ACTIVE;
}

static void drain_done(struct ib_cq *cq, struct ib_wc *wc)
{
	struct tsor_link *link = container_of(wc->wr_cqe, struct tsor_link, drain);

	complete(&link->drained);
}

/* as ib_drain_sq(), but not for ever; the QP is in ERR and nobody else posts */
static void link_drain(struct tsor_link *link)
{
	struct ib_rdma_wr wr = {
		.wr = { .wr_cqe = &link->drain, .opcode = IB_WR_RDMA_WRITE },
	};

	if (!ib_post_send(link->qp, &wr.wr, NULL))
		wait_for_completion_timeout(&link->drained, DRAIN_WAIT);
}

/* the QP takes nothing any more; its WRs complete, or never will */
static void link_stop_qp(struct tsor_link *link)
{
	struct ib_qp_attr attr = { .qp_state = IB_QPS_ERR };

	/* moves the QP to ERR if there is a connection */
	if (test_bit(TSOR_LINK_F_ESTABLISHED, &link->flags) &&
	    !tsor_link_port_is_down(link->id))
		rdma_disconnect(link->id);
	if (ib_modify_qp(link->qp, &attr, IB_QP_STATE))
		return;
	if (link->rq->srq)
		wait_for_completion_timeout(&link->last_wqe, LAST_WQE_WAIT);
	if (test_bit(TSOR_LINK_F_USED, &link->flags))
		link_drain(link);
}

static void link_down_work(struct work_struct *work)
{
	struct tsor_link *link = container_of(work, struct tsor_link, down_work);

	cancel_work_sync(&link->up_work);
	tsor_link_rx_close(link);
	if (link->was_up) {
		tsor_stat_inc(TSOR_STAT_LINK_DOWN);
		tsor_link_above->down(link);
	}
	mutex_lock(&links_lock);
	if (!hlist_unhashed(&link->hash))
		hash_del_rcu(&link->hash);
	mutex_unlock(&links_lock);
	complete_all(&link->downed);
	tsor_link_tx_close(link);
	tsor_link_tx_dismiss(link);

	link_stop_qp(link);
	rdma_destroy_qp(link->id);
	/* of a QP that is gone: see link_rx.c */
	ib_process_cq_direct(link->cq, -1);
	ib_free_cq(link->cq);
	tsor_link_tx_exit(link);
	tsor_rq_leave(link->rq, link);
	if (link->ops->leave)
		link->ops->leave(link->id);
	else
		rdma_destroy_id(link->id);
	/* the id's last event may have queued these; there will be none any more */
	cancel_work_sync(&link->up_work);
	cancel_delayed_work_sync(&link->beat);

	link_move(link, TSOR_LINK_GONE, link->err);
	link->ops->gone(link, link->owner, link->err);
	tsor_link_put(link);
	if (atomic_dec_and_test(&alive))
		wake_up_all(&alive_wait);
}

/* any context, interrupts perhaps off */
static void link_event(struct ib_event *event, void *context)
{
	struct tsor_link *link = context;

	switch (event->event) {
	case IB_EVENT_COMM_EST:
		rdma_notify(link->id, IB_EVENT_COMM_EST);
		break;
	case IB_EVENT_SQ_DRAINED:
	case IB_EVENT_PATH_MIG:
		break;
	case IB_EVENT_QP_LAST_WQE_REACHED:
		complete(&link->last_wqe);
		/* the QP is in ERR, perhaps not by us */
		tsor_link_fail(link, -ECONNRESET);
		break;
	default:
		tsor_link_fail(link, -EIO);
	}
}

static void link_beat_work(struct work_struct *work)
{
	struct tsor_link *link = container_of(work, struct tsor_link, beat.work);
	unsigned long beat = msecs_to_jiffies(beat_ms());
	unsigned long deadline = msecs_to_jiffies(deadline_ms());
	unsigned long quiet, next = beat;
	bool idle;

	if (tsor_link_failed(link))
		return;
	quiet = jiffies - READ_ONCE(link->rx_last);
	/* while we lack memory for what it has sent, it may have no credit left to speak */
	if (quiet >= deadline && !tsor_link_rx_stuck(link)) {
		tsor_link_fail(link, -ETIMEDOUT);
		return;
	}
	/* a tick of tolerance, so that two nodes' beats do not ask each other for echoes */
	idle = quiet > beat + beat / 4;
	if (idle || jiffies - READ_ONCE(link->tx_last) >= beat / 2)
		tsor_link_tx_beat(link, idle);
	if (quiet < deadline)
		next = min(next, deadline - quiet);
	queue_delayed_work(tsor_link_wq, &link->beat, next);
}

/* largest inline size that the device grants, of those worth trying */
static int link_create_qp(struct tsor_link *link)
{
	static const u32 inlines[] = { TSOR_HEAD_LEN, 128, 64, 0 };
	struct ib_qp_init_attr attr;
	unsigned int i;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(inlines); i++) {
		attr = (struct ib_qp_init_attr) {
			.event_handler = link_event,
			.qp_context = link,
			.send_cq = link->cq,
			.recv_cq = link->cq,
			.srq = link->rq->srq,
			.cap.max_send_wr = TSOR_SQ_SLOTS + TSOR_SQ_DRAIN,
			.cap.max_send_sge = min_t(u32, TSOR_SEND_SGES,
						  link->ib->attrs.max_send_sge),
			.cap.max_recv_wr = link->rq->srq ? 0 : TSOR_LINK_CREDITS,
			.cap.max_recv_sge = link->rq->srq ? 0 : 2,
			.cap.max_inline_data = inlines[i],
			.sq_sig_type = IB_SIGNAL_REQ_WR,
			.qp_type = IB_QPT_RC,
		};
		err = rdma_create_qp(link->id, link->pd, &attr);
		if (!err)
			break;
	}
	if (err)
		return err;
	link->qp = link->id->qp;
	link->qp_num = link->qp->qp_num;
	/* granted may be more than asked for, and then less than it seems */
	link->inline_max = min(inlines[i], attr.cap.max_inline_data);
	/* one is for the header */
	link->limits.frags = min_t(u32, TSOR_SEND_SGES, link->ib->attrs.max_send_sge) - 1;
	return 0;
}

/**
 * tsor_link_create - make a link of a cm_id
 * @id: an id that has a device: its route is resolved, or it came with a REQ
 * @ops: what its maker wants to know; static
 * @owner: passed to @ops
 *
 * Process context; not from a work item that @ops.gone waits for. The link destroys @id in the
 * end. The caller must not use the id's QP, and stops using @id when gone() is called.
 *
 * Return: the link, which lives at least until gone() has returned, or an ERR_PTR, with @id as
 * it was.
 */
struct tsor_link *tsor_link_create(struct rdma_cm_id *id, const struct tsor_link_owner_ops *ops,
				   void *owner)
{
	struct tsor_link *link;
	int err;

	err = rdma_set_ack_timeout(id, id->device->ops.driver_id == RDMA_DRIVER_RXE ?
				   ACK_TIMEOUT_RXE : ACK_TIMEOUT);
	if (!err)
		err = rdma_set_min_rnr_timer(id, RNR_TIMER);
	if (err)
		return ERR_PTR(err);

	link = kzalloc(sizeof(*link), GFP_KERNEL);
	if (!link)
		return ERR_PTR(-ENOMEM);
	refcount_set(&link->ref, 1);
	/* it cannot fail yet: nobody but us would free it */
	link->state = TSOR_LINK_GONE;
	link->id = id;
	link->ib = id->device;
	link->port = id->port_num;
	strscpy(link->name, id->device->name, sizeof(link->name));
	link->ops = ops;
	link->owner = owner;
	link->mine = TSOR_LINK_CREDITS;
	atomic_set(&link->granted, link->mine);
	INIT_WORK(&link->up_work, link_up_work);
	INIT_WORK(&link->down_work, link_down_work);
	INIT_DELAYED_WORK(&link->beat, link_beat_work);
	init_completion(&link->downed);
	init_completion(&link->last_wqe);
	init_completion(&link->drained);
	link->drain.done = drain_done;
	init_waitqueue_head(&link->idle);
	tsor_link_rx_init(link);

	link->rq = tsor_rq_join(id, &link->pd);
	if (IS_ERR(link->rq)) {
		err = PTR_ERR(link->rq);
		goto free;
	}
	err = tsor_link_tx_init(link);
	if (err)
		goto leave;
	/* twice what the peer may send: it cannot overrun the CQ unless it cheats */
	link->cq = ib_alloc_cq(link->ib, link,
			       TSOR_SQ_SLOTS + TSOR_SQ_DRAIN + 2 * TSOR_LINK_CREDITS,
			       tsor_rq_vector(link->rq), IB_POLL_SOFTIRQ);
	if (IS_ERR(link->cq)) {
		err = PTR_ERR(link->cq);
		goto exit_tx;
	}
	err = link_create_qp(link);
	if (err)
		goto free_cq;
	err = tsor_rq_attach(link);
	if (err)
		goto destroy_qp;

	atomic_inc(&alive);
	WRITE_ONCE(link->state, TSOR_LINK_NEW);
	trace_tsor_link_state(0, state_name(TSOR_LINK_NEW), 0);
	return link;

destroy_qp:
	rdma_destroy_qp(id);
	ib_process_cq_direct(link->cq, -1);
free_cq:
	ib_free_cq(link->cq);
exit_tx:
	tsor_link_tx_exit(link);
leave:
	tsor_rq_leave(link->rq, link);
free:
	tsor_link_put(link);
	return ERR_PTR(err);
}

/**
 * tsor_link_describe - what our hello says of the link
 * @link: the link
 * @mine: @max_msg and @credits are filled in
 */
void tsor_link_describe(const struct tsor_link *link, struct tsor_hello *mine)
{
	mine->max_msg = TSOR_BUF_LEN;
	mine->credits = link->mine;
}

/* bytes that one packet carries */
static u32 link_mtu(const struct tsor_link *link)
{
	struct ib_port_attr attr;

	if (link->id->route.path_rec)
		return ib_mtu_enum_to_int(link->id->route.path_rec->mtu);
	if (!ib_query_port(link->ib, link->port, &attr))
		return ib_mtu_enum_to_int(attr.active_mtu);
	return 1024;
}

/**
 * tsor_link_expect - the peer's hello is here
 * @link: the link
 * @theirs: it; checked by tsor_req_decode() or tsor_rep_decode()
 * @proof: passive side: what the peer's first message must have, TSOR_PROOF_LEN bytes; active
 *	side: NULL
 *
 * Process context; once, before rdma_accept() or tsor_link_established(). Settles the limits.
 * 0 or a negative errno.
 */
int tsor_link_expect(struct tsor_link *link, const struct tsor_hello *theirs, const u8 *proof)
{
	u32 max = min(theirs->max_msg, TSOR_BUF_LEN);
	int mtu = link_mtu(link);

	/* whole packets: 32 KiB and a header would be nine where eight do */
	if (mtu > 0 && max > (u32)mtu)
		max -= max % mtu;
	link->limits.payload = max - TSOR_MSG_HDR_LEN;
	link->node_id = theirs->node_id;
	link->theirs = theirs->credits;
	link->credits = theirs->credits;
	if (proof) {
		memcpy(link->proof, proof, TSOR_PROOF_LEN);
		set_bit(TSOR_LINK_F_PASSIVE, &link->flags);
	} else {
		set_bit(TSOR_LINK_F_PROVEN, &link->flags);
	}
	return 0;
}

/**
 * tsor_link_established - the connection manager says so
 * @link: the link, tsor_link_expect() called
 * @proof: active side: TSOR_PROOF_LEN bytes for the first message; passive side: NULL
 *
 * Process context; once. The link is up soon, on the passive side when the peer's proof is
 * here, and &tsor_link_owner_ops.up is called; or it fails.
 */
void tsor_link_established(struct tsor_link *link, const u8 *proof)
{
	WRITE_ONCE(link->rx_last, jiffies);
	if (!test_bit(TSOR_LINK_F_PASSIVE, &link->flags))
		tsor_link_tx_open(link, proof);
	set_bit(TSOR_LINK_F_ESTABLISHED, &link->flags);
	/* with the one in tsor_link_proven(): one of the two sees both bits */
	smp_mb__after_atomic();
	link_maybe_up(link);
	/* the teardown cancels it, when the id's events are over */
	if (!tsor_link_failed(link))
		queue_delayed_work(tsor_link_wq, &link->beat, msecs_to_jiffies(beat_ms()));
}

/**
 * tsor_link_info - what can be shown of a link
 * @link: the link
 * @info: filled in
 *
 * Any context but hard interrupts; also of a link that is gone.
 */
void tsor_link_info(struct tsor_link *link, struct tsor_link_info *info)
{
	memset(info, 0, sizeof(*info));
	strscpy(info->device, link->name, sizeof(info->device));
	info->port = link->port;
	info->qp_num = link->qp_num;
	info->max_msg = link->limits.payload + TSOR_MSG_HDR_LEN;
	spin_lock_bh(&link->tx_lock);
	info->credits = link->credits;
	info->inflight = link->inflight;
	info->tx_msgs = link->tx_msgs;
	info->tx_bytes = link->tx_bytes;
	spin_unlock_bh(&link->tx_lock);
	/* not exact while messages arrive */
	info->rx_msgs = READ_ONCE(link->rx_msgs);
	info->rx_bytes = READ_ONCE(link->rx_bytes);
	if (tsor_link_is_up(link))
		info->up_for_ms = jiffies_to_msecs(jiffies - link->up_at);
}

/**
 * tsor_link_set_ops - who is told of messages, turns and deaths
 * @ops: static; before the first link is made
 */
void tsor_link_set_ops(const struct tsor_link_ops *ops)
{
	WRITE_ONCE(tsor_link_above, ops);
}

/**
 * tsor_link_find - the link that is up to a node
 * @node_id: the node
 *
 * Any context but hard interrupts. Referenced, or NULL.
 */
struct tsor_link *tsor_link_find(u64 node_id)
{
	struct tsor_link *link;

	rcu_read_lock();
	hash_for_each_possible_rcu(links, link, hash, node_id) {
		if (link->node_id == node_id && tsor_link_is_up(link) &&
		    refcount_inc_not_zero(&link->ref)) {
			rcu_read_unlock();
			return link;
		}
	}
	rcu_read_unlock();
	return NULL;
}

/**
 * tsor_link_is_up - does the link carry channels?
 * @link: the link
 *
 * Any context; may have changed on return.
 */
bool tsor_link_is_up(const struct tsor_link *link)
{
	return READ_ONCE(link->state) == TSOR_LINK_UP;
}

/**
 * tsor_link_node_id - whom the link is to
 * @link: the link, up or once up
 */
u64 tsor_link_node_id(const struct tsor_link *link)
{
	return link->node_id;
}

/**
 * tsor_link_limits - what a message of this link may be
 * @link: the link, up or once up
 *
 * Does not change.
 */
const struct tsor_link_limits *tsor_link_limits(const struct tsor_link *link)
{
	return &link->limits;
}

/** tsor_link_init - 0 or a negative errno; tsor_link_set_ops() is called before the first link */
int tsor_link_init(void)
{
	int err = tsor_mem_init();

	if (err)
		return err;
	tsor_link_wq = alloc_workqueue("tsor_link", WQ_UNBOUND | WQ_HIGHPRI, 0);
	down_wq = alloc_workqueue("tsor_link_down", WQ_UNBOUND | WQ_HIGHPRI, 0);
	if (tsor_link_wq && down_wq)
		return 0;
	if (tsor_link_wq)
		destroy_workqueue(tsor_link_wq);
	if (down_wq)
		destroy_workqueue(down_wq);
	tsor_mem_exit();
	return -ENOMEM;
}

/**
 * tsor_link_exit - wait until all links are gone
 *
 * All have been failed by their makers, and those above hold none.
 */
void tsor_link_exit(void)
{
	wait_event(alive_wait, !atomic_read(&alive));
	destroy_workqueue(down_wq);
	destroy_workqueue(tsor_link_wq);
	tsor_mem_exit();
}
