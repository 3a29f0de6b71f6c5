// SPDX-License-Identifier: GPL-2.0
/*
 * Receiving: where buffers are posted, and how a message gets from a completion to those above.
 *
 * A message's way. The completion puts its buffer on the link's queue, and whoever finds nobody
 * at work there (@rx_busy) works the queue off: decode, account credits, build an skb, hand it
 * up, post the buffer again. So messages go up one at a time and in order whatever the contexts
 * are, and no lock is held meanwhile. Where memory for an skb is missing, the message stays at
 * the head of the queue and a work item tries again: nothing is ever dropped, and what waits
 * is bounded, since its credits are not returned. The same queue holds what arrives before
 * the link is up; only the first message, the proof, is looked at before.
 *
 * Credits. What the peer may send is what has been posted for it. A buffer that comes back is
 * posted again and then owed; what is owed goes with the next message, or by a HEARTBEAT of
 * its own when it is half of the window. A buffer that cannot be posted for want of memory is
 * not owed until a work item has found some.
 *
 * Shared queues. One SRQ for some links of a completion vector; sum of grants <= buffers posted,
 * since every link that joins brings its own. A link that dies may leave a WR behind that the
 * device has taken and will never complete (6.12's rxe in the middle of a message), and there
 * is no telling. So each death adds one buffer, and an SRQ that has seen TSOR_SRQ_DEATHS takes no
 * new links. All buffers, posted or not, are in one list, and are freed from there when the last
 * link has left and the SRQ is destroyed. Without SRQs (irdma, erdma, mana) the same
 * structure stands before the RQ of one QP.
 *
 * The CQ is a link's own. A software device (rxe, siw) leaves the completions of a QP in the CQ
 * when the QP is destroyed, and their wc->qp then points to freed memory; so the link is
 * found by the CQ, and the CQ is emptied after the QP is gone. It also confines a CQ overrun
 * by a peer that ignores its credits to this peer's link.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <crypto/algapi.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "link_qp.h"
#include "stats.h"
#include "trace.h"

static bool tsor_shared_rq = true;
module_param_named(shared_rq, tsor_shared_rq, bool, 0644);
MODULE_PARM_DESC(shared_rq, "Links on a device share receive queues (SRQ) where the device can");

#define REFILL_DELAY	msecs_to_jiffies(20)
#define RETRY_DELAY	1
#define RUN_MAX		256	/* messages worked off in one go */

/**
 * struct tsor_dev - what links on one device share
 * @list: in the list of devices
 * @ib: the device
 * @pd: protection domain
 * @rqs: shared receive queues
 * @links: how many links use it
 * @vector: completion vector of the last queue made
 */
struct tsor_dev {
	struct list_head list;
	struct ib_device *ib;
	struct ib_pd *pd;
	struct list_head rqs;
	u32 links;
	int vector;
};

/* guards the list of devices, and of each its queues and who uses them */
static DEFINE_MUTEX(devs_lock);
static LIST_HEAD(devs);

static void recv_done(struct ib_cq *cq, struct ib_wc *wc);

/* ---- buffers and where they are posted ---- */

static int rq_post(struct tsor_rq *rq, struct tsor_buf *buf)
{
	struct ib_sge sge[2] = {
		{ .addr = buf->head_dma, .length = TSOR_HEAD_LEN },
		{ .addr = buf->run_dma, .length = TSOR_RUN_LEN },
	};
	struct ib_recv_wr wr = {
		.wr_cqe = &buf->cqe,
		.sg_list = sge,
		.num_sge = ARRAY_SIZE(sge),
	};

	sge[0].lkey = rq->dev->pd->local_dma_lkey;
	sge[1].lkey = rq->dev->pd->local_dma_lkey;
	buf->cqe.done = recv_done;
	tsor_buf_ready(rq->dev->ib, buf);
	return rq->srq ? ib_post_srq_recv(rq->srq, &wr, NULL) : ib_post_recv(rq->qp, &wr, NULL);
}

/* no WR can be had any more: the links that depend on it cannot go on */
static void rq_fail(struct tsor_rq *rq, int err)
{
	struct tsor_link *link;
	unsigned long flags;

	spin_lock_irqsave(&rq->lock, flags);
	list_for_each_entry(link, &rq->members, member)
		tsor_link_fail(link, err);
	spin_unlock_irqrestore(&rq->lock, flags);
}

static void srq_event(struct ib_event *event, void *context)
{
	if (event->event == IB_EVENT_SRQ_ERR)
		rq_fail(context, -EIO);
}

/* a buffer that there need not be */
static bool rq_surplus(struct tsor_rq *rq, struct tsor_buf *buf)
{
	unsigned long flags;
	bool surplus;

	if (likely(READ_ONCE(rq->nr) <= READ_ONCE(rq->want)))
		return false;
	spin_lock_irqsave(&rq->lock, flags);
	surplus = rq->nr > rq->want;
	if (surplus) {
		list_del(&buf->all);
		WRITE_ONCE(rq->nr, rq->nr - 1);
	}
	spin_unlock_irqrestore(&rq->lock, flags);
	if (surplus)
		tsor_buf_free(rq->dev->ib, buf);
	return surplus;
}

/* post a buffer with a run, or let it go if there are enough */
static void rq_put(struct tsor_rq *rq, struct tsor_buf *buf)
{
	if (READ_ONCE(rq->stop) || rq_surplus(rq, buf))
		return;
	if (rq_post(rq, buf))
		rq_fail(rq, -EIO);
}

/* a buffer that @link has done with; BH disabled */
static void rq_give_back(struct tsor_link *link, struct tsor_buf *buf)
{
	struct tsor_rq *rq = link->rq;
	unsigned long flags;

	if (likely(!tsor_buf_fill(rq->dev->ib, buf, GFP_ATOMIC))) {
		rq_put(rq, buf);
		atomic_inc(&link->owed);
		return;
	}
	tsor_stat_inc(TSOR_STAT_NO_MEMORY);
	pr_warn_once("no memory for receive buffers; links go on with fewer\n");
	tsor_link_get(link);
	buf->link = link;
	atomic_inc(&link->starving);
	spin_lock_irqsave(&rq->lock, flags);
	list_add_tail(&buf->queue, &rq->starving);
	/* under the lock: @stop is set under it before the work is cancelled */
	if (!rq->stop)
		queue_delayed_work(tsor_link_wq, &rq->refill, REFILL_DELAY);
	spin_unlock_irqrestore(&rq->lock, flags);
}

static void rq_refill_work(struct work_struct *work)
{
	struct tsor_rq *rq = container_of(work, struct tsor_rq, refill.work);

	for (;;) {
		struct tsor_link *link;
		struct tsor_buf *buf;

		spin_lock_irq(&rq->lock);
		buf = rq->stop ? NULL :
		      list_first_entry_or_null(&rq->starving, struct tsor_buf, queue);
		if (buf)
			list_del(&buf->queue);
		spin_unlock_irq(&rq->lock);
		if (!buf)
			return;

		if (tsor_buf_fill(rq->dev->ib, buf, GFP_KERNEL)) {
			spin_lock_irq(&rq->lock);
			list_add(&buf->queue, &rq->starving);
			if (!rq->stop)
				queue_delayed_work(tsor_link_wq, &rq->refill, REFILL_DELAY);
			spin_unlock_irq(&rq->lock);
			return;
		}
		link = buf->link;
		buf->link = NULL;
		rq_put(rq, buf);
		/* the peer may have been silent because it had no credit: now it may speak */
		WRITE_ONCE(link->rx_last, jiffies);
		atomic_dec(&link->starving);
		atomic_inc(&link->owed);
		tsor_link_tx_owed(link);
		tsor_link_put(link);
	}
}

/* bring the number of buffers up to what is wanted; those are posted */
static int rq_grow(struct tsor_rq *rq)
{
	while (READ_ONCE(rq->nr) < rq->want) {
		struct tsor_buf *buf = tsor_buf_alloc(rq->dev->ib, GFP_KERNEL);
		int err;

		if (!buf)
			return -ENOMEM;
		spin_lock_irq(&rq->lock);
		list_add_tail(&buf->all, &rq->bufs);
		WRITE_ONCE(rq->nr, rq->nr + 1);
		spin_unlock_irq(&rq->lock);
		err = rq_post(rq, buf);
		if (err)
			return err;
	}
	return 0;
}

static struct tsor_rq *rq_alloc(struct tsor_dev *dev)
{
	struct tsor_rq *rq = kzalloc(sizeof(*rq), GFP_KERNEL);

	if (!rq)
		return NULL;
	rq->dev = dev;
	spin_lock_init(&rq->lock);
	INIT_LIST_HEAD(&rq->list);
	INIT_LIST_HEAD(&rq->members);
	INIT_LIST_HEAD(&rq->bufs);
	INIT_LIST_HEAD(&rq->starving);
	INIT_DELAYED_WORK(&rq->refill, rq_refill_work);
	rq->vector = dev->vector;
	dev->vector = (dev->vector + 1) % max(1, dev->ib->num_comp_vectors);
	return rq;
}

/* nothing is posted any more */
static void rq_stop(struct tsor_rq *rq)
{
	spin_lock_irq(&rq->lock);
	WRITE_ONCE(rq->stop, true);
	spin_unlock_irq(&rq->lock);
	cancel_delayed_work_sync(&rq->refill);
}

/* nothing completes into @rq any more */
static void rq_free(struct tsor_rq *rq)
{
	struct tsor_buf *buf, *next;

	rq_stop(rq);
	list_del(&rq->list);
	if (rq->srq)
		ib_destroy_srq(rq->srq);
	list_for_each_entry_safe(buf, next, &rq->bufs, all) {
		if (buf->link)
			tsor_link_put(buf->link);
		tsor_buf_free(rq->dev->ib, buf);
	}
	kfree(rq);
}

static struct tsor_rq *rq_make_shared(struct tsor_dev *dev)
{
	struct ib_srq_init_attr attr = {
		.event_handler = srq_event,
		.srq_type = IB_SRQT_BASIC,
		.attr.max_wr = min_t(u32, TSOR_SRQ_MAX, dev->ib->attrs.max_srq_wr),
		.attr.max_sge = 2,
	};
	struct tsor_rq *rq = rq_alloc(dev);

	if (!rq)
		return NULL;
	attr.srq_context = rq;
	rq->max = attr.attr.max_wr;
	rq->srq = ib_create_srq(dev->pd, &attr);
	if (IS_ERR(rq->srq)) {
		rq->srq = NULL;
		rq_free(rq);
		return NULL;
	}
	list_add(&rq->list, &dev->rqs);
	return rq;
}

/* the shared queue with the fewest links and room for one more, or a new one; or NULL */
static struct tsor_rq *rq_pick(struct tsor_dev *dev)
{
	u32 vectors = min_t(u32, max(1, dev->ib->num_comp_vectors), num_online_cpus());
	struct tsor_rq *rq, *best = NULL;
	u32 usable = 0;

	if (!READ_ONCE(tsor_shared_rq) || !dev->ib->attrs.max_srq ||
	    dev->ib->attrs.max_srq_wr < TSOR_LINK_CREDITS || dev->ib->attrs.max_srq_sge < 2)
		return NULL;
	list_for_each_entry(rq, &dev->rqs, list) {
		if (rq->deaths >= TSOR_SRQ_DEATHS || rq->want + TSOR_LINK_CREDITS > rq->max)
			continue;
		usable++;
		if (!best || rq->links < best->links)
			best = rq;
	}
	if (!best || (best->links && usable < vectors)) {
		rq = rq_make_shared(dev);
		if (rq)
			best = rq;
	}
	return best;
}

static struct tsor_dev *rdev_get(struct ib_device *ib)
{
	struct tsor_dev *dev;

	list_for_each_entry(dev, &devs, list) {
		if (dev->ib == ib)
			return dev;
	}
	dev = kzalloc(sizeof(*dev), GFP_KERNEL);
	if (!dev)
		return ERR_PTR(-ENOMEM);
	dev->ib = ib;
	INIT_LIST_HEAD(&dev->rqs);
	dev->pd = ib_alloc_pd(ib, 0);
	if (IS_ERR(dev->pd)) {
		long err = PTR_ERR(dev->pd);

		kfree(dev);
		return ERR_PTR(err);
	}
	list_add(&dev->list, &devs);
	return dev;
}

static void rdev_put(struct tsor_dev *dev)
{
	if (dev->links)
		return;
	list_del(&dev->list);
	ib_dealloc_pd(dev->pd);
	kfree(dev);
}

/**
 * tsor_rq_join - find or make a receive queue for one more link
 * @id: the link's id, for its device
 * @pd: the device's protection domain
 *
 * Process context. The device's attributes are checked here. An ERR_PTR on failure; otherwise
 * tsor_rq_leave() is due.
 */
struct tsor_rq *tsor_rq_join(struct rdma_cm_id *id, struct ib_pd **pd)
{
	struct ib_device *ib = id->device;
	struct tsor_dev *dev;
	struct tsor_rq *rq;
	int err = -ENOMEM;

	if (ib->attrs.max_recv_sge < 2 || ib->attrs.max_send_sge < 3 ||
	    ib->attrs.max_qp_wr < TSOR_SQ_SLOTS + TSOR_SQ_DRAIN)
		return ERR_PTR(-EOPNOTSUPP);

	mutex_lock(&devs_lock);
	dev = rdev_get(ib);
	if (IS_ERR(dev)) {
		mutex_unlock(&devs_lock);
		return ERR_CAST(dev);
	}
	dev->links++;
	rq = rq_pick(dev);
	if (!rq) {
		rq = rq_alloc(dev);
		if (!rq)
			goto put;
		rq->max = TSOR_LINK_CREDITS;
	}
	rq->links++;
	spin_lock_irq(&rq->lock);
	WRITE_ONCE(rq->want, rq->want + TSOR_LINK_CREDITS);
	spin_unlock_irq(&rq->lock);
	if (rq->srq) {
		err = rq_grow(rq);
		if (err)
			goto leave;
	}
	*pd = dev->pd;
	mutex_unlock(&devs_lock);
	return rq;

leave:
	spin_lock_irq(&rq->lock);
	WRITE_ONCE(rq->want, rq->want - TSOR_LINK_CREDITS);
	spin_unlock_irq(&rq->lock);
	if (!--rq->links)
		rq_free(rq);
put:
	dev->links--;
	rdev_put(dev);
	mutex_unlock(&devs_lock);
	return ERR_PTR(err);
}

/**
 * tsor_rq_attach - the link has a QP: from now on it depends on its receive queue
 * @link: the link
 *
 * Process context. A queue of its own is filled now. 0 or a negative errno.
 */
int tsor_rq_attach(struct tsor_link *link)
{
	struct tsor_rq *rq = link->rq;
	int err = 0;

	if (!rq->srq) {
		rq->qp = link->qp;
		err = rq_grow(rq);
	}
	spin_lock_irq(&rq->lock);
	list_add_tail(&link->member, &rq->members);
	spin_unlock_irq(&rq->lock);
	return err;
}

/**
 * tsor_rq_vector - completion vector for the CQs of those who use a queue
 * @rq: the queue
 */
int tsor_rq_vector(const struct tsor_rq *rq)
{
	return rq->vector;
}

/**
 * tsor_rq_leave - the link's QP is destroyed and its CQ empty
 * @rq: the queue
 * @link: the link; if it has never had a QP, nothing of the queue was used
 *
 * Process context. Frees the queue, and all on the device, with the last link.
 */
void tsor_rq_leave(struct tsor_rq *rq, struct tsor_link *link)
{
	struct tsor_dev *dev = rq->dev;

	mutex_lock(&devs_lock);
	spin_lock_irq(&rq->lock);
	WRITE_ONCE(rq->want, rq->want - TSOR_LINK_CREDITS);
	if (!list_empty(&link->member)) {
		list_del_init(&link->member);
		WRITE_ONCE(rq->want, rq->want + 1);
		rq->deaths++;
	}
	spin_unlock_irq(&rq->lock);
	if (!--rq->links)
		rq_free(rq);
	dev->links--;
	rdev_put(dev);
	mutex_unlock(&devs_lock);
}

/* ---- messages ---- */

static void rx_refuse(struct tsor_link *link, enum tsor_wire_err why)
{
	tsor_stat_wire(why);
	trace_tsor_wire_error(link->node_id, why);
	tsor_link_fail(link, -EPROTO);
}

/* the first message of a passive side */
static void rx_proof(struct tsor_link *link, const struct tsor_buf *buf, const struct tsor_msg *m)
{
	if (m->type != TSOR_MSG_PROOF ||
	    crypto_memneq(buf->head + TSOR_MSG_HDR_LEN, link->proof, TSOR_PROOF_LEN)) {
		tsor_stat_inc(TSOR_STAT_LINK_NO_PROOF);
		tsor_link_fail(link, -EKEYREJECTED);
		return;
	}
	tsor_link_proven(link);
}

/* hand one message up; -ENOMEM: try again later, nothing has changed. BH disabled. */
static int rx_message(struct tsor_link *link, struct tsor_buf *buf)
{
	const struct tsor_link_ops *above = READ_ONCE(tsor_link_above);
	struct sk_buff *skb = NULL;
	enum tsor_wire_err wire;
	bool handed = false;
	struct tsor_msg m;

	tsor_buf_read(link->ib, buf);
	wire = tsor_msg_decode(buf->head, TSOR_HEAD_LEN, buf->len, &m);
	if (wire) {
		rx_refuse(link, wire);
		goto done;
	}
	if (m.type < TSOR_MSG_PROOF && m.length) {
		skb = tsor_buf_skb(link->ib, buf, &handed);
		if (!skb)
			return -ENOMEM;
	}
	if (m.credits && !tsor_link_tx_credit(link, m.credits)) {
		/* more than it has ever told that it posts */
		rx_refuse(link, TSOR_WIRE_WINDOW);
		goto done;
	}
	if (!link->rx_first) {
		link->rx_first = true;
		if (test_bit(TSOR_LINK_F_PASSIVE, &link->flags)) {
			rx_proof(link, buf, &m);
			goto done;
		}
	}
	switch (m.type) {
	case TSOR_MSG_PROOF:
		rx_refuse(link, TSOR_WIRE_TYPE);
		break;
	case TSOR_MSG_HEARTBEAT:
		if (m.flags & TSOR_MSG_F_ECHO)
			tsor_link_tx_echo(link);
		break;
	default:
		link->rx_msgs++;
		link->rx_bytes += m.length;
		tsor_stat_inc(TSOR_STAT_LINK_RX_MSGS);
		if (m.length) {
			tsor_stat_add(TSOR_STAT_LINK_RX_BYTES, m.length);
			tsor_stat_inc(handed ? TSOR_STAT_LINK_RX_HANDED : TSOR_STAT_LINK_RX_COPIED);
		}
		if (above) {
			above->receive(link, &m, skb);
			skb = NULL;
		}
	}
done:
	kfree_skb(skb);
	rq_give_back(link, buf);
	return 0;
}

/* may the head of the queue be looked at? rx_lock */
static bool rx_may(const struct tsor_link *link)
{
	if (tsor_link_failed(link))
		return false;
	if (link->rx_gate == TSOR_GATE_HOLD)
		return test_bit(TSOR_LINK_F_PASSIVE, &link->flags) && !link->rx_first;
	return link->rx_gate == TSOR_GATE_OPEN;
}

/* work off what has arrived; BH disabled */
static void rx_run(struct tsor_link *link)
{
	unsigned int n = 0;

	spin_lock(&link->rx_lock);
	if (link->rx_busy) {
		spin_unlock(&link->rx_lock);
		return;
	}
	link->rx_busy = true;
	while (!list_empty(&link->rx_queue) && rx_may(link)) {
		struct tsor_buf *buf = list_first_entry(&link->rx_queue, struct tsor_buf, queue);
		int err;

		list_del(&buf->queue);
		spin_unlock(&link->rx_lock);
		err = rx_message(link, buf);
		n++;
		spin_lock(&link->rx_lock);
		if (err) {
			tsor_stat_inc(TSOR_STAT_NO_MEMORY);
			list_add(&buf->queue, &link->rx_queue);
			if (link->rx_gate != TSOR_GATE_CLOSED)
				queue_delayed_work(tsor_link_wq, &link->rx_retry, RETRY_DELAY);
			break;
		}
		/* a peer that floods must not keep us here: BH is disabled */
		if (n == RUN_MAX && link->rx_gate != TSOR_GATE_CLOSED) {
			queue_delayed_work(tsor_link_wq, &link->rx_retry, 0);
			break;
		}
	}
	link->rx_busy = false;
	if (link->rx_gate == TSOR_GATE_CLOSED)
		wake_up(&link->idle);
	spin_unlock(&link->rx_lock);

	/* credits may have come, and are owed */
	if (n) {
		tsor_link_tx_owed(link);
		tsor_link_tx_turns(link);
	}
}

static void rx_retry_work(struct work_struct *work)
{
	struct tsor_link *link = container_of(work, struct tsor_link, rx_retry.work);

	/* as in rq_refill_work() */
	WRITE_ONCE(link->rx_last, jiffies);
	local_bh_disable();
	rx_run(link);
	local_bh_enable();
}

/* softirq, see the table in link.c; or process context when the CQ is emptied at the end */
static void recv_done(struct ib_cq *cq, struct ib_wc *wc)
{
	struct tsor_buf *buf = container_of(wc->wr_cqe, struct tsor_buf, cqe);
	struct tsor_link *link = cq->cq_context;
	bool queued = false;

	local_bh_disable();
	if (unlikely(wc->status != IB_WC_SUCCESS)) {
		buf->len = 0;
		if (wc->status != IB_WC_WR_FLUSH_ERR)
			tsor_link_fail(link, -EIO);
		goto put;
	}
	buf->len = min_t(u32, wc->byte_len, TSOR_BUF_LEN);
	WRITE_ONCE(link->rx_last, jiffies);
	if (atomic_dec_if_positive(&link->granted) < 0) {
		tsor_stat_inc(TSOR_STAT_LINK_NO_CREDIT);
		tsor_link_fail(link, -EPROTO);
		goto put;
	}
	spin_lock(&link->rx_lock);
	queued = link->rx_gate != TSOR_GATE_CLOSED;
	if (queued)
		list_add_tail(&buf->queue, &link->rx_queue);
	spin_unlock(&link->rx_lock);
	if (queued)
		rx_run(link);
put:
	/* the RQ of a QP that has failed is filled no more: its buffers stay in the list */
	if (!queued && link->rq->srq)
		rq_put(link->rq, buf);
	local_bh_enable();
}

/**
 * tsor_link_rx_init - a new link has received nothing
 * @link: the link
 */
void tsor_link_rx_init(struct tsor_link *link)
{
	spin_lock_init(&link->rx_lock);
	INIT_LIST_HEAD(&link->rx_queue);
	INIT_LIST_HEAD(&link->member);
	INIT_DELAYED_WORK(&link->rx_retry, rx_retry_work);
	link->rx_last = jiffies;
}

/**
 * tsor_link_rx_open - the link is up: hand up what has come and what comes
 * @link: the link
 *
 * Process context.
 */
void tsor_link_rx_open(struct tsor_link *link)
{
	spin_lock_bh(&link->rx_lock);
	if (link->rx_gate == TSOR_GATE_HOLD)
		link->rx_gate = TSOR_GATE_OPEN;
	spin_unlock_bh(&link->rx_lock);
	local_bh_disable();
	rx_run(link);
	local_bh_enable();
}

/**
 * tsor_link_rx_stuck - do messages of the peer wait for our memory?
 * @link: the link
 */
bool tsor_link_rx_stuck(struct tsor_link *link)
{
	return atomic_read(&link->starving) || !list_empty_careful(&link->rx_queue);
}

/**
 * tsor_link_rx_close - hand nothing up any more
 * @link: the link, failed
 *
 * Process context. On return no message is being handed up, nor will be. What had arrived is
 * dropped.
 */
void tsor_link_rx_close(struct tsor_link *link)
{
	struct tsor_buf *buf, *next;
	LIST_HEAD(left);

	spin_lock_bh(&link->rx_lock);
	link->rx_gate = TSOR_GATE_CLOSED;
	spin_unlock_bh(&link->rx_lock);
	wait_event(link->idle, !READ_ONCE(link->rx_busy));
	cancel_delayed_work_sync(&link->rx_retry);
	if (!link->rq->srq)
		rq_stop(link->rq);

	spin_lock_bh(&link->rx_lock);
	list_splice_init(&link->rx_queue, &left);
	spin_unlock_bh(&link->rx_lock);
	if (!link->rq->srq)
		return;
	list_for_each_entry_safe(buf, next, &left, queue)
		rq_put(link->rq, buf);
}
