// SPDX-License-Identifier: GPL-2.0
/*
 * Sending: slots, credits, the cap on what is in flight, and turns.
 *
 * A send takes a slot and a credit under tx_lock, maps its payload without it, and is posted
 * under it again; a short payload is copied behind the header instead, and travels inline where
 * the device can. A send outside a turn is posted at once. In a turn, sends are chained, up to
 * TSOR_CHAIN_WRS or TSOR_CHAIN_BYTES, and one doorbell rings for all; whoever posts something else
 * meanwhile posts the chain first, so that the order of the SQ is that of the calls.
 *
 * Completions. The last WR of a chain is signalled if any WR since the last signalled one
 * holds an skb: every skb is let go without a further send. Small ones hold none, so up to
 * TSOR_UNSIGNALLED of them may lie in the SQ without a completion to come; they cost slots, of
 * which there are ten times as many. A completion is for all slots posted before, too.
 *
 * Who may send. Below the cap of bytes posted and not completed anybody may, unless others
 * wait. Above it, or if others wait, a sender joins the list and gets turns by deficit round
 * robin: its quantum, plus what it could not use of the last for want of room. Small messages
 * may pass those who wait, PASS_MAX of them between two turns, within an eighth of the cap and
 * by credits that others must leave, so that a ping does not queue behind bulk. A turn that is
 * not used at once (the socket was owned by its program) leaves a quantum of slack, which lets
 * one late sender above the cap.
 *
 * Turns are handed out by whoever finds that there is room (completions, credits, a work
 * item), by one context at a time (@turning), with BH disabled and no lock held while the
 * sender is called; what it sends meanwhile on this CPU is its turn's. Whoever finds @turning
 * set may leave: the other looks at everything again under tx_lock before it clears it.
 *
 * Credits. Data leaves TSOR_CREDITS_DATA, control messages and heartbeats TSOR_CREDITS_CONTROL, and
 * the last one is for a HEARTBEAT that returns at least half of the peer's window. So both sides
 * can always give back: a side that has no credit left has sent all of them, and when these
 * have been worked off, the other side owes it more than half and has one kept to say so. Control
 * messages that find no credit or slot wait in a ring; data does not pass them.
 */
#include <linux/slab.h>

#include "link_qp.h"
#include "stats.h"

#define HEADS_PER_PAGE	(PAGE_SIZE / TSOR_HEAD_LEN)
#define TURNS_MAX	256	/* in one go */
#define PASS_MAX	8	/* small messages that pass those who wait, between two turns */

static void send_done(struct ib_cq *cq, struct ib_wc *wc);

/* ---- slots ---- */

static void slot_unmap(struct tsor_link *link, struct tsor_slot *slot)
{
	int i;

	/* the first is the header's; a linear part and a frag are unmapped alike */
	for (i = 1; i < slot->wr.num_sge; i++)
		ib_dma_unmap_page(link->ib, slot->sge[i].addr, slot->sge[i].length, DMA_TO_DEVICE);
	slot->wr.num_sge = 1;
}

static bool slot_add(struct tsor_link *link, struct tsor_slot *slot, struct page *page,
		     unsigned int offset, unsigned int len)
{
	u64 addr = ib_dma_map_page(link->ib, page, offset, len, DMA_TO_DEVICE);

	if (ib_dma_mapping_error(link->ib, addr))
		return false;
	slot->sge[slot->wr.num_sge++] = (struct ib_sge){
		.addr = addr, .length = len, .lkey = link->pd->local_dma_lkey,
	};
	return true;
}

/* map all of @skb behind the header; on failure nothing is mapped */
static int slot_map(struct tsor_link *link, struct tsor_slot *slot, struct sk_buff *skb)
{
	unsigned int front = skb_headlen(skb);
	int i;

	if (front && !slot_add(link, slot, virt_to_page(skb->data), offset_in_page(skb->data),
			       front))
		goto undo;
	for (i = 0; i < skb_shinfo(skb)->nr_frags; i++) {
		const skb_frag_t *frag = &skb_shinfo(skb)->frags[i];

		if (!slot_add(link, slot, skb_frag_page(frag), skb_frag_off(frag),
			      skb_frag_size(frag)))
			goto undo;
	}
	slot->skb = skb_get(skb);
	return 0;

undo:
	slot_unmap(link, slot);
	return -ENOMEM;
}

/* a slot, a credit, and the bytes that will be in flight; tx_lock */
static struct tsor_slot *slot_take(struct tsor_link *link, u32 bytes)
{
	struct tsor_slot *slot = list_first_entry(&link->free, struct tsor_slot, list);

	list_del(&slot->list);
	link->nr_free--;
	link->credits--;
	link->inflight += bytes;
	slot->bytes = bytes;
	slot->wr.num_sge = 1;
	return slot;
}

/* tx_lock */
static void slot_put(struct tsor_link *link, struct tsor_slot *slot)
{
	link->inflight -= slot->bytes;
	link->nr_free++;
	/* the one used last is the one in the cache */
	list_add(&slot->list, &link->free);
}

/* ---- posting ---- */

/* tx_lock */
static void tx_count(struct tsor_link *link, u32 bytes)
{
	link->tx_msgs++;
	link->tx_bytes += bytes;
	tsor_stat_inc(TSOR_STAT_LINK_TX_MSGS);
	if (bytes)
		tsor_stat_add(TSOR_STAT_LINK_TX_BYTES, bytes);
}

/* post the chain; tx_lock */
static void tx_flush(struct tsor_link *link)
{
	struct tsor_slot *first, *last, *slot;
	int err;

	if (!link->nr_chain)
		return;
	first = list_first_entry(&link->chain, struct tsor_slot, list);
	last = list_last_entry(&link->chain, struct tsor_slot, list);
	last->wr.next = NULL;
	if (link->must_signal || link->unsignalled >= TSOR_UNSIGNALLED) {
		last->wr.send_flags |= IB_SEND_SIGNALED;
		link->must_signal = false;
		link->unsignalled = 0;
	}
	list_for_each_entry(slot, &link->chain, list)
		slot->posted = true;
	list_splice_tail_init(&link->chain, &link->posted);
	link->nr_chain = 0;
	link->chain_bytes = 0;
	link->tx_last = jiffies;
	set_bit(TSOR_LINK_F_USED, &link->flags);

	/* what could not be posted is freed with the link */
	err = ib_post_send(link->qp, &first->wr, NULL);
	if (unlikely(err))
		tsor_link_fail(link, -EIO);
}

static bool tx_in_turn(const struct tsor_link *link)
{
	return link->turn_cpu == smp_processor_id();
}

/* the header goes on, and the slot into the chain; tx_lock */
static void tx_post(struct tsor_link *link, struct tsor_slot *slot, struct tsor_msg *m)
{
	u32 front = slot->wr.num_sge == 1 ? slot->bytes : 0;
	int owed = atomic_read(&link->owed);

	/* counted before the peer can know of it */
	atomic_sub(owed, &link->owed);
	atomic_add(owed, &link->granted);
	m->credits = owed;
	tsor_msg_encode(m, slot->head);

	slot->sge[0].length = TSOR_MSG_HDR_LEN + front;
	slot->wr.send_flags = 0;
	if (slot->wr.num_sge == 1 && slot->sge[0].length <= link->inline_max) {
		slot->sge[0].addr = (uintptr_t)slot->head;
		slot->wr.send_flags = IB_SEND_INLINE;
	} else {
		slot->sge[0].addr = slot->head_dma;
		ib_dma_sync_single_for_device(link->ib, slot->head_dma, slot->sge[0].length,
					      DMA_TO_DEVICE);
	}

	if (link->nr_chain)
		list_last_entry(&link->chain, struct tsor_slot, list)->wr.next = &slot->wr;
	list_add_tail(&slot->list, &link->chain);
	link->nr_chain++;
	link->chain_bytes += slot->bytes;
	link->unsignalled++;
	if (slot->skb)
		link->must_signal = true;
	if (!tx_in_turn(link) || link->nr_chain >= TSOR_CHAIN_WRS ||
	    link->chain_bytes >= TSOR_CHAIN_BYTES)
		tx_flush(link);
}

/* a message without payload, if there are a slot and more than @keep credits; tx_lock */
static bool tx_bare(struct tsor_link *link, struct tsor_msg *m, u32 keep)
{
	if (link->credits <= keep || !link->nr_free)
		return false;
	tx_post(link, slot_take(link, 0), m);
	return true;
}

/* what control has to say, in the order of need; tx_lock */
static void tx_pump(struct tsor_link *link)
{
	struct tsor_msg beat = { .type = TSOR_MSG_HEARTBEAT };

	if (!link->tx_open)
		return;
	while (link->nr_control) {
		if (!tx_bare(link, &link->control[link->control_head], TSOR_CREDITS_CONTROL))
			break;
		link->control_head = (link->control_head + 1) % TSOR_CONTROL_MAX;
		link->nr_control--;
		tx_count(link, 0);
	}
	if (link->echo_due && tx_bare(link, &beat, TSOR_CREDITS_CONTROL)) {
		link->echo_due = false;
		link->beat_due = false;
	}
	if (link->beat_due) {
		beat.flags = link->beat_echo ? TSOR_MSG_F_ECHO : 0;
		if (tx_bare(link, &beat, TSOR_CREDITS_CONTROL))
			link->beat_due = false;
		beat.flags = 0;
	}
	if (atomic_read(&link->owed) >= link->mine / 2)
		tx_bare(link, &beat, 0);
}

/* ---- turns ---- */

/* is there what a message needs, and @keep credits more? tx_lock */
static bool tx_means(const struct tsor_link *link, u32 keep)
{
	return !link->nr_control && link->credits > TSOR_CREDITS_DATA + keep &&
	       link->nr_free > TSOR_SQ_CONTROL;
}

/* may anybody send data? Some credits are for those who pass. tx_lock */
static bool tx_room(const struct tsor_link *link)
{
	return tx_means(link, link->theirs / 8);
}

static u32 tx_cap(void)
{
	return clamp(READ_ONCE(tsor_inflight_cap), 32768u, 1u << 26);
}

static bool tx_below_cap(const struct tsor_link *link)
{
	return link->inflight < tx_cap();
}

/* may this sender send this now? tx_lock */
static int tx_admit(struct tsor_link *link, u32 bytes)
{
	u32 cost = max(bytes, TSOR_COST_MIN);

	if (!link->tx_open || tsor_link_failed(link))
		return -ENOTCONN;
	if (tx_in_turn(link)) {
		if (link->turn_sent >= link->turn_budget || !tx_room(link) || !tx_below_cap(link))
			return -EAGAIN;
		link->turn_sent += cost;
		return 0;
	}
	if (tx_room(link)) {
		if (list_empty(&link->waiters) && tx_below_cap(link))
			return 0;
		if (link->slack >= cost) {
			link->slack -= cost;
			return 0;
		}
	}
	if (bytes <= TSOR_HEAD_ROOM && tx_means(link, 0) && link->passed < PASS_MAX &&
	    link->inflight < tx_cap() / 8 * 9) {
		link->passed++;
		return 0;
	}
	return -EAGAIN;
}

/* hand out turns from work; tx_lock */
static void tx_kick(struct tsor_link *link)
{
	tsor_link_get(link);
	if (!queue_work(tsor_link_wq, &link->turn_work))
		tsor_link_put(link);
}

/**
 * tsor_link_tx_turns - hand out turns while there is room
 * @link: the link
 *
 * Softirq, or BH enabled; no lock of a link or socket held. Of a link that is dead and has been
 * reported so, everybody who waits gets a turn, to learn that.
 */
void tsor_link_tx_turns(struct tsor_link *link)
{
	const struct tsor_link_ops *above = READ_ONCE(tsor_link_above);
	unsigned int n;

	local_bh_disable();
	spin_lock(&link->tx_lock);
	if (link->turning)
		goto unlock;
	link->turning = true;
	for (n = 0; ; n++) {
		struct tsor_txq *txq;
		u32 budget;

		tx_pump(link);
		if (list_empty(&link->waiters))
			break;
		if (!link->tx_dead &&
		    (tsor_link_failed(link) || !tx_room(link) || !tx_below_cap(link)))
			break;
		if (n == TURNS_MAX) {
			tx_kick(link);
			break;
		}
		txq = list_first_entry(&link->waiters, struct tsor_txq, wait);
		list_del_init(&txq->wait);
		budget = txq->deficit + TSOR_QUANTUM;
		link->turn = txq;
		link->turn_cpu = smp_processor_id();
		link->turn_budget = budget;
		link->turn_sent = 0;
		link->passed = 0;
		spin_unlock(&link->tx_lock);

		/* not touched any more: its owner may be gone when this returns */
		above->writable(link, txq, budget);

		spin_lock(&link->tx_lock);
		tx_flush(link);
		/* neither used nor taken up again: perhaps it will be used a little later */
		if (!link->turn_sent && link->turn)
			link->slack = TSOR_QUANTUM;
		link->turn = NULL;
		link->turn_cpu = -1;
	}
	link->turning = false;
unlock:
	spin_unlock(&link->tx_lock);
	local_bh_enable();
}

static void turn_work(struct work_struct *work)
{
	struct tsor_link *link = container_of(work, struct tsor_link, turn_work);

	tsor_link_tx_turns(link);
	tsor_link_put(link);
}

/**
 * tsor_link_wait - wait for a turn to send
 * @link: the link
 * @txq: the sender, not waiting; its owner holds a reference for the wait
 *
 * Up to softirq, the socket's lock held. The turn comes by &tsor_link_ops.writable, from another
 * context or later; on a dead link too.
 */
void tsor_link_wait(struct tsor_link *link, struct tsor_txq *txq)
{
	spin_lock_bh(&link->tx_lock);
	txq->deficit = 0;
	if (tx_in_turn(link) && link->turn == txq) {
		if (link->turn_budget > link->turn_sent)
			txq->deficit = min(link->turn_budget - link->turn_sent, TSOR_QUANTUM);
		link->turn = NULL;
	}
	list_add_tail(&txq->wait, &link->waiters);
	tsor_stat_inc(TSOR_STAT_LINK_TX_STALLED);
	/* room may have come since the send failed; who hands out turns looks again by himself */
	if (!link->turning && (link->tx_dead || (tx_room(link) && tx_below_cap(link))))
		tx_kick(link);
	spin_unlock_bh(&link->tx_lock);
}

/**
 * tsor_link_unwait - wait no longer
 * @link: the link
 * @txq: the sender
 *
 * Up to softirq. True if it was waiting: the reference is the caller's again. False: its
 * turn has come or comes right now, and &tsor_link_ops.writable drops the reference.
 */
bool tsor_link_unwait(struct tsor_link *link, struct tsor_txq *txq)
{
	bool waited;

	spin_lock_bh(&link->tx_lock);
	waited = !list_empty(&txq->wait);
	list_del_init(&txq->wait);
	spin_unlock_bh(&link->tx_lock);
	return waited;
}

/* ---- sending ---- */

/* payload that is too long to be copied */
static int tx_send_mapped(struct tsor_link *link, struct tsor_msg *m, struct sk_buff *skb)
{
	struct tsor_slot *slot;
	int err;

	if (skb_has_frag_list(skb) ||
	    skb_shinfo(skb)->nr_frags + !!skb_headlen(skb) > link->limits.frags)
		return -EMSGSIZE;

	spin_lock_bh(&link->tx_lock);
	err = tx_admit(link, skb->len);
	if (err) {
		spin_unlock_bh(&link->tx_lock);
		return err;
	}
	slot = slot_take(link, skb->len);
	link->nr_mapping++;
	spin_unlock_bh(&link->tx_lock);

	err = slot_map(link, slot, skb);

	spin_lock_bh(&link->tx_lock);
	link->nr_mapping--;
	if (!err && !link->tx_open) {
		slot_unmap(link, slot);
		slot->skb = NULL;
		/* the caller has another */
		consume_skb(skb);
		err = -ENOTCONN;
	}
	if (err) {
		link->credits++;
		slot_put(link, slot);
		if (!link->tx_open)
			wake_up(&link->idle);
		/* somebody may wait for no more than what this has had for a moment */
		else if (!list_empty(&link->waiters) && !link->turning)
			tx_kick(link);
	} else {
		tx_count(link, skb->len);
		tx_post(link, slot, m);
	}
	spin_unlock_bh(&link->tx_lock);
	return err;
}

/* payload that goes with the header, or none */
static int tx_send_copied(struct tsor_link *link, struct tsor_msg *m, struct sk_buff *skb)
{
	struct tsor_slot *slot;
	int err;

	spin_lock_bh(&link->tx_lock);
	err = tx_admit(link, m->length);
	if (!err) {
		slot = slot_take(link, m->length);
		if (skb && skb_copy_bits(skb, 0, slot->head + TSOR_MSG_HDR_LEN, m->length)) {
			link->credits++;
			slot_put(link, slot);
			err = -EINVAL;
		} else {
			tx_count(link, m->length);
			tx_post(link, slot, m);
		}
	}
	spin_unlock_bh(&link->tx_lock);
	return err;
}

/**
 * tsor_link_send - send a message of a channel
 * @link: the link
 * @m: its header; length and credits are filled in
 * @skb: its payload, at most tsor_link_limits() of it, not to be changed any more; or NULL
 *
 * Up to softirq, the socket's lock held. Takes a reference of its own on @skb where it needs it
 * beyond the call; the caller keeps his. The payload may be let go when the peer's software
 * has acknowledged it: what the device still reads stays referenced.
 *
 * 0: behind everything sent before. -EAGAIN: no credit, room or turn: tsor_link_wait(), or if
 * in its turn, likewise. -ENOTCONN: dead, or not up yet. -ENOMEM: could not be mapped, try
 * later. -EMSGSIZE: too long or in too many pieces.
 */
int tsor_link_send(struct tsor_link *link, struct tsor_msg *m, struct sk_buff *skb)
{
	m->length = skb ? skb->len : 0;
	if (m->length > link->limits.payload)
		return -EMSGSIZE;
	if (m->length > TSOR_HEAD_ROOM)
		return tx_send_mapped(link, m, skb);
	return tx_send_copied(link, m, skb);
}

/* let a control message wait; false if too many do. tx_lock */
static bool control_add(struct tsor_link *link, const struct tsor_msg *m)
{
	u32 i;

	/* the latest of a channel's acknowledgments, or refusals, says all that those before did */
	for (i = 0; i < link->nr_control && m->type != TSOR_MSG_RST; i++) {
		struct tsor_msg *old;

		old = &link->control[(link->control_head + i) % TSOR_CONTROL_MAX];
		if (old->type == m->type && old->dst == m->dst && old->src == m->src) {
			*old = *m;
			return true;
		}
	}
	if (link->nr_control == TSOR_CONTROL_MAX)
		return false;
	i = (link->control_head + link->nr_control++) % TSOR_CONTROL_MAX;
	link->control[i] = *m;
	return true;
}

/**
 * tsor_link_send_control - send a message without payload, whatever the caps say
 * @link: the link
 * @m: its header (ACK, RST, REFUSE); length and credits are filled in
 *
 * Up to softirq. Goes behind what tsor_link_send() has accepted. Where even the credits kept for
 * control are used up it waits in a queue of the link, and data waits behind it.
 *
 * 0: sent, or will be as long as the link lives. -ENOTCONN: dead, or not up yet. -EAGAIN: many
 * wait, and this is a RST, for which there is TCP's. -ENOBUFS: too many wait; the link has failed.
 */
int tsor_link_send_control(struct tsor_link *link, struct tsor_msg *m)
{
	int err = 0;

	m->length = 0;
	spin_lock_bh(&link->tx_lock);
	if (!link->tx_open || tsor_link_failed(link))
		err = -ENOTCONN;
	else if (!link->nr_control && tx_bare(link, m, TSOR_CREDITS_CONTROL))
		tx_count(link, 0);
	else if (m->type == TSOR_MSG_RST && link->nr_control >= TSOR_CONTROL_MAX / 2)
		err = -EAGAIN;
	else if (!control_add(link, m))
		err = -ENOBUFS;
	spin_unlock_bh(&link->tx_lock);
	if (err == -ENOBUFS)
		tsor_link_fail(link, err);
	return err;
}

/**
 * tsor_link_tx_credit - the peer has posted receive WRs
 * @link: the link
 * @credits: how many
 *
 * BH disabled. False if these are more than it has.
 */
bool tsor_link_tx_credit(struct tsor_link *link, u32 credits)
{
	bool good;

	spin_lock(&link->tx_lock);
	good = link->credits + credits <= link->theirs;
	if (good)
		link->credits += credits;
	spin_unlock(&link->tx_lock);
	return good;
}

/**
 * tsor_link_tx_owed - buffers were posted again: tell the peer if these are many
 * @link: the link
 *
 * Any context but hard interrupts.
 */
void tsor_link_tx_owed(struct tsor_link *link)
{
	if (atomic_read(&link->owed) < link->mine / 2)
		return;
	spin_lock_bh(&link->tx_lock);
	tx_pump(link);
	spin_unlock_bh(&link->tx_lock);
}

/**
 * tsor_link_tx_echo - answer a HEARTBEAT
 * @link: the link
 *
 * BH disabled.
 */
void tsor_link_tx_echo(struct tsor_link *link)
{
	spin_lock(&link->tx_lock);
	link->echo_due = true;
	tx_pump(link);
	spin_unlock(&link->tx_lock);
}

/**
 * tsor_link_tx_beat - send a HEARTBEAT
 * @link: the link
 * @echo: it is to be answered
 *
 * Process context.
 */
void tsor_link_tx_beat(struct tsor_link *link, bool echo)
{
	spin_lock_bh(&link->tx_lock);
	link->beat_due = true;
	link->beat_echo = echo;
	tx_pump(link);
	spin_unlock_bh(&link->tx_lock);
}

/* ---- completions ---- */

static int send_errno(enum ib_wc_status status)
{
	switch (status) {
	case IB_WC_RETRY_EXC_ERR:
		return -ETIMEDOUT;
	case IB_WC_RNR_RETRY_EXC_ERR:
		tsor_stat_inc(TSOR_STAT_LINK_RNR);
		return -EIO;
	case IB_WC_WR_FLUSH_ERR:
		/* what comes first is a reason only where the peer made the QP fail */
		return -ECONNRESET;
	default:
		return -EIO;
	}
}

/* of @slot and, unsignalled, all before it; softirq, or process context at the end */
static void send_done(struct ib_cq *cq, struct ib_wc *wc)
{
	struct tsor_slot *slot = container_of(wc->wr_cqe, struct tsor_slot, cqe);
	struct tsor_link *link = cq->cq_context;
	LIST_HEAD(done);

	if (unlikely(wc->status != IB_WC_SUCCESS))
		tsor_link_fail(link, send_errno(wc->status));

	spin_lock_bh(&link->tx_lock);
	/* one that comes twice (a QP that fails while it completes) is for nothing any more */
	if (slot->posted)
		list_cut_position(&done, &link->posted, &slot->list);
	list_for_each_entry(slot, &done, list)
		slot->posted = false;
	spin_unlock_bh(&link->tx_lock);

	list_for_each_entry(slot, &done, list) {
		slot_unmap(link, slot);
		consume_skb(slot->skb);
		slot->skb = NULL;
	}

	spin_lock_bh(&link->tx_lock);
	while (!list_empty(&done)) {
		slot = list_first_entry(&done, struct tsor_slot, list);
		list_del(&slot->list);
		slot_put(link, slot);
	}
	spin_unlock_bh(&link->tx_lock);
	tsor_link_tx_turns(link);
}

/* ---- life ---- */

static void tx_free(struct tsor_link *link)
{
	u32 i;

	for (i = 0; i < link->nr_heads; i++) {
		ib_dma_unmap_single(link->ib, link->head_dma[i], PAGE_SIZE, DMA_TO_DEVICE);
		free_page((unsigned long)link->heads[i]);
	}
	link->nr_heads = 0;
	kvfree(link->slots);
	link->slots = NULL;
	kvfree(link->control);
	link->control = NULL;
}

/**
 * tsor_link_tx_init - slots of a new link
 * @link: the link
 *
 * Process context. 0 or -ENOMEM.
 */
int tsor_link_tx_init(struct tsor_link *link)
{
	u32 i;

	spin_lock_init(&link->tx_lock);
	INIT_LIST_HEAD(&link->free);
	INIT_LIST_HEAD(&link->chain);
	INIT_LIST_HEAD(&link->posted);
	INIT_LIST_HEAD(&link->waiters);
	INIT_WORK(&link->turn_work, turn_work);
	link->turn_cpu = -1;

	link->slots = kvcalloc(TSOR_SQ_SLOTS, sizeof(*link->slots), GFP_KERNEL);
	link->control = kvcalloc(TSOR_CONTROL_MAX, sizeof(*link->control), GFP_KERNEL);
	if (!link->slots || !link->control)
		goto free;
	for (i = 0; i < TSOR_SQ_SLOTS; i++) {
		struct tsor_slot *slot = &link->slots[i];
		u32 at = i % HEADS_PER_PAGE * TSOR_HEAD_LEN;

		if (!at) {
			u8 *head = (u8 *)get_zeroed_page(GFP_KERNEL);
			u64 dma;

			if (!head)
				goto free;
			dma = ib_dma_map_single(link->ib, head, PAGE_SIZE, DMA_TO_DEVICE);
			if (ib_dma_mapping_error(link->ib, dma)) {
				free_page((unsigned long)head);
				goto free;
			}
			link->heads[link->nr_heads] = head;
			link->head_dma[link->nr_heads++] = dma;
		}
		slot->head = link->heads[link->nr_heads - 1] + at;
		slot->head_dma = link->head_dma[link->nr_heads - 1] + at;
		slot->cqe.done = send_done;
		slot->sge[0].lkey = link->pd->local_dma_lkey;
		slot->wr.wr_cqe = &slot->cqe;
		slot->wr.sg_list = slot->sge;
		slot->wr.opcode = IB_WR_SEND;
		list_add_tail(&slot->list, &link->free);
		link->nr_free++;
	}
	return 0;

free:
	tx_free(link);
	return -ENOMEM;
}

/**
 * tsor_link_tx_open - the QP can send
 * @link: the link
 * @proof: on the active side, what its first message has
 *
 * Process context or BH disabled.
 */
void tsor_link_tx_open(struct tsor_link *link, const u8 *proof)
{
	struct tsor_msg m = { .type = TSOR_MSG_PROOF, .length = TSOR_PROOF_LEN };

	spin_lock_bh(&link->tx_lock);
	if (!tsor_link_failed(link) && !link->tx_open) {
		link->tx_open = true;
		if (proof) {
			struct tsor_slot *slot = slot_take(link, TSOR_PROOF_LEN);

			memcpy(slot->head + TSOR_MSG_HDR_LEN, proof, TSOR_PROOF_LEN);
			tx_post(link, slot, &m);
		}
		tx_pump(link);
	}
	spin_unlock_bh(&link->tx_lock);
}

/**
 * tsor_link_tx_close - post nothing any more
 * @link: the link, failed
 *
 * Process context. On return nobody posts or maps anything, nor will.
 */
void tsor_link_tx_close(struct tsor_link *link)
{
	spin_lock_bh(&link->tx_lock);
	/* a chain of a turn that is not over */
	tx_flush(link);
	link->tx_open = false;
	spin_unlock_bh(&link->tx_lock);
	wait_event(link->idle, !READ_ONCE(link->nr_mapping));
}

/**
 * tsor_link_tx_dismiss - those above know that the link is dead: let everybody go who waits
 * @link: the link
 *
 * Process context.
 */
void tsor_link_tx_dismiss(struct tsor_link *link)
{
	spin_lock_bh(&link->tx_lock);
	link->tx_dead = true;
	spin_unlock_bh(&link->tx_lock);
	tsor_link_tx_turns(link);
}

/**
 * tsor_link_tx_exit - the QP is destroyed and the CQ empty: let go what has not completed
 * @link: the link
 *
 * Process context.
 */
void tsor_link_tx_exit(struct tsor_link *link)
{
	struct tsor_slot *slot;

	list_for_each_entry(slot, &link->posted, list) {
		slot_unmap(link, slot);
		kfree_skb(slot->skb);
		slot->skb = NULL;
	}
	spin_lock_bh(&link->tx_lock);
	INIT_LIST_HEAD(&link->posted);
	INIT_LIST_HEAD(&link->free);
	link->nr_free = 0;
	link->nr_control = 0;
	spin_unlock_bh(&link->tx_lock);
	tx_free(link);
}
