// SPDX-License-Identifier: GPL-2.0
/*
 * Stress of links: the module's own wire, mem, link, cm and peer, and above them, in place of
 * channels, flows that send known bytes as fast as they may and check those that come.
 *
 * A message's offset is its number in its flow, its bytes are a piece of a pattern that both
 * nodes know. Checked: bytes, numbers, that control messages (RST counts up, ACK never falls) are
 * neither lost nor overtake, that a successor carries nothing before the predecessor's down(),
 * that everybody who waited got a turn when a link died. Links are killed at random moments if
 * asked. Results: /sys/kernel/debug/tsor_link_stress. At unload, link.c warns of leaks.
 *
 * Contexts: a flow is sent on under its lock, by its turn or by the thread; receive() runs in
 * softirq, one message of a link at a time, and owns what is expected of the link.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/inet.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/seq_file.h>
#include <net/ipv6.h>

#include "link.h"
#include "cm.h"
#include "faults.h"
#include "mem.h"
#include "node.h"
#include "peer.h"
#include "stats.h"

#define FLOWS_MAX	256
#define PATTERN		131072u
#define PING		1000	/* tokens of what is not a flow */
#define PONG		1001

static char *peer = "";
module_param(peer, charp, 0444);
MODULE_PARM_DESC(peer, "Address of the other node: connect to it; empty: only listen");
static unsigned int flows = 16;
module_param(flows, uint, 0444);
static unsigned int size;
module_param(size, uint, 0644);
MODULE_PARM_DESC(size, "Payload of all messages; 0: a kind for each flow, in turn");
static unsigned int seed = 1;
module_param(seed, uint, 0444);
static unsigned int hold = 64;
module_param(hold, uint, 0644);
MODULE_PARM_DESC(hold, "Received messages that are kept for a while");
static unsigned int kill_ms;
module_param(kill_ms, uint, 0644);
MODULE_PARM_DESC(kill_ms, "Mean time between deaths of the link; 0: none");
unsigned int stress_fault;
module_param_named(fault, stress_fault, uint, 0644);
MODULE_PARM_DESC(fault, "One allocation or mapping in so many fails; 0: none");
bool stress_inline = true;
module_param_named(inlined, stress_inline, bool, 0444);
MODULE_PARM_DESC(inlined, "Let the device send short messages inline");
static bool run = true;
module_param(run, bool, 0644);
static bool slow;
module_param(slow, bool, 0644);
MODULE_PARM_DESC(slow, "Now and then take long over a message");

struct tsor_stats __percpu *tsor_stats;
static u8 *pattern;
static DEFINE_PER_CPU(u8 *, scratch);
static struct dentry *debug;
static struct task_struct *thread;
static struct sk_buff_head held;

static atomic64_t errors, pongs_lost, enomem, kills, ups, downs;
static u64 ping_n, ping_sum, ping_max;
static unsigned long ping_at;
static atomic_t ping_out;

struct flow {
	spinlock_t lock; /* guards the flow */
	struct tsor_txq txq;
	struct tsor_link *link;
	bool waiting;
	struct sk_buff *next;
	u64 number;
	u64 tx_bytes;
	u64 turns;
	u32 id;
	struct rnd_state rnd;
};

static struct flow *flow;

/* what receive() knows of a link that it hears; two when the node has a link to itself */
struct hearing {
	struct tsor_link *link;
	u64 expect[FLOWS_MAX];
	u64 ack_seen[FLOWS_MAX];
	u64 rst_seen[FLOWS_MAX];
	u64 rst_sent[FLOWS_MAX];
};

/* guards all of it */
static DEFINE_SPINLOCK(heard_lock);
static struct hearing *heard;
static u64 rx_bytes, rx_msgs, acks_got, rsts_got;

#define wrong(fmt, ...) do {						\
	atomic64_inc(&errors);						\
	pr_err_ratelimited("wrong: " fmt "\n", ##__VA_ARGS__);		\
} while (0)

static u32 start_of(u32 id, u64 number)
{
	return (number * 4099 + id * 37) % (PATTERN / 2);
}

static u32 pick_size(struct flow *f, u32 max)
{
	u32 r = prandom_u32_state(&f->rnd);

	if (READ_ONCE(size))
		return min(READ_ONCE(size), max);
	switch (f->id % 5) {
	case 0:
		return max;
	case 1:
		return 1 + r % max;
	case 2:
		return 1 + r % TSOR_HEAD_ROOM;
	case 3:
		return TSOR_HEAD_ROOM - 2 + r % 9000;
	default:
		return r % 4 ? 1 + r % 400 : max - r % 70;
	}
}

static struct sk_buff *make(struct flow *f)
{
	const struct tsor_link_limits *limits = tsor_link_limits(f->link);
	u32 len = pick_size(f, limits->payload), at = start_of(f->id, f->number);
	u32 front = min3(len, prandom_u32_state(&f->rnd) % 2000, len);
	int err;
	struct sk_buff *skb;

	if (f->id % 2)
		front = 0;
	skb = alloc_skb_with_frags(front, len - front, prandom_u32_state(&f->rnd) % 4, &err,
				   GFP_ATOMIC);
	if (!skb)
		return NULL;
	skb_put(skb, front);
	skb->data_len = len - front;
	skb->len = len;
	if (skb_store_bits(skb, 0, pattern + at, len) ||
	    skb_shinfo(skb)->nr_frags + !!front > limits->frags) {
		kfree_skb(skb);
		return NULL;
	}
	return skb;
}

static void flow_wait(struct flow *f)
{
	f->waiting = true;
	tsor_link_wait(f->link, &f->txq);
}

/* f->lock */
static void flow_send(struct flow *f, u32 budget)
{
	u32 sent = 0, n;

	for (n = 0; f->link && READ_ONCE(run) && n < 500; n++) {
		struct tsor_msg m = {
			.type = TSOR_MSG_DATA, .dst = f->id + 1, .src = f->id + 1,
			.offset = f->number,
		};
		int err;

		if (sent >= budget)
			break;
		if (!f->next)
			f->next = make(f);
		if (!f->next) {
			atomic64_inc(&enomem);
			return;
		}
		err = tsor_link_send(f->link, &m, f->next);
		switch (err) {
		case 0:
			sent += f->next->len;
			f->tx_bytes += f->next->len;
			f->number++;
			consume_skb(f->next);
			f->next = NULL;
			continue;
		case -EAGAIN:
			flow_wait(f);
			return;
		case -ENOMEM:
			atomic64_inc(&enomem);
			return;
		case -ENOTCONN:
			return;
		default:
			wrong("send %d", err);
			return;
		}
	}
	if (f->link && READ_ONCE(run))
		flow_wait(f);
}

static void writable(struct tsor_link *link, struct tsor_txq *txq, u32 budget)
{
	struct flow *f = container_of(txq, struct flow, txq);

	if (!softirq_count())
		wrong("turn with BH enabled");
	spin_lock(&f->lock);
	if (!f->waiting)
		wrong("turn of one who does not wait");
	f->waiting = false;
	f->turns++;
	if (f->link == link)
		flow_send(f, budget);
	spin_unlock(&f->lock);
}

static void flow_stop(struct flow *f)
{
	if (f->link)
		tsor_link_put(f->link);
	f->link = NULL;
	kfree_skb(f->next);
	f->next = NULL;
}

static void dead(struct tsor_link *link)
{
	u32 i;

	might_sleep();
	atomic64_inc(&downs);
	spin_lock_bh(&heard_lock);
	for (i = 0; i < 2; i++) {
		if (heard[i].link == link)
			memset(&heard[i], 0, sizeof(heard[i]));
	}
	spin_unlock_bh(&heard_lock);
	for (i = 0; i < flows; i++) {
		spin_lock_bh(&flow[i].lock);
		if (flow[i].link == link) {
			/* some do as a channel that closes, the others get their turn */
			if (i % 3 == 0 && flow[i].waiting && tsor_link_unwait(link, &flow[i].txq))
				flow[i].waiting = false;
			flow_stop(&flow[i]);
		}
		spin_unlock_bh(&flow[i].lock);
	}
	atomic_set(&ping_out, 0);
}

static void check_bytes(const struct tsor_msg *m, struct sk_buff *skb)
{
	u8 *buf = this_cpu_read(scratch);

	if (skb->len != m->length || skb->len > PATTERN / 2 ||
	    skb_copy_bits(skb, 0, buf, skb->len) ||
	    memcmp(buf, pattern + start_of(m->src - 1, m->offset), skb->len))
		wrong("bytes of %u/%llu", m->src, m->offset);
	if (skb->truesize < skb->len)
		wrong("truesize %u of %u", skb->truesize, skb->len);
}

static void keep(struct sk_buff *skb)
{
	skb_queue_tail(&held, skb);
	while (skb_queue_len(&held) > READ_ONCE(hold)) {
		skb = skb_dequeue(&held);
		kfree_skb(skb);
	}
}

static void answer(struct tsor_link *link, struct hearing *h, u32 id)
{
	struct tsor_msg m = { .dst = id + 1, .src = id + 1 };
	u32 r = get_random_u32();
	int err;

	if (r % 16 == 0) {
		m.type = TSOR_MSG_ACK;
		m.ack = h->expect[id];
		err = tsor_link_send_control(link, &m);
		if (err && err != -ENOTCONN)
			wrong("control %d", err);
	}
	if (r % 64 == 1) {
		m.type = TSOR_MSG_RST;
		m.offset = h->rst_sent[id] + 1;
		err = tsor_link_send_control(link, &m);
		if (!err)
			h->rst_sent[id]++;
		if (err && err != -ENOTCONN && err != -EAGAIN)
			wrong("control %d", err);
	}
}

static void ping_pong(struct tsor_link *link, const struct tsor_msg *m, struct sk_buff *skb)
{
	struct tsor_msg pong = { .type = TSOR_MSG_DATA, .dst = PONG, .src = PONG };
	u64 took;

	if (m->src == PING) {
		if (tsor_link_send(link, &pong, skb))
			atomic64_inc(&pongs_lost);
		return;
	}
	skb_copy_bits(skb, 0, &took, sizeof(took));
	took = ktime_get_ns() - took;
	ping_n++;
	ping_sum += took;
	ping_max = max(ping_max, took);
	atomic_set(&ping_out, 0);
}

/* heard_lock */
static struct hearing *hear(struct tsor_link *link)
{
	struct hearing *h = &heard[0];

	if (h->link == link)
		return h;
	if (heard[1].link == link)
		return &heard[1];
	if (h->link && (!tsor_self_link || heard[1].link))
		wrong("message of a successor too early");
	if (h->link)
		h = &heard[1];
	memset(h, 0, sizeof(*h));
	h->link = link;
	return h;
}

static void receive(struct tsor_link *link, const struct tsor_msg *m, struct sk_buff *skb)
{
	u32 id = m->src - 1;
	struct hearing *h;

	if (!softirq_count())
		wrong("message with BH enabled");
	if (!!skb != !!m->length)
		wrong("skb of %u bytes", m->length);
	if (m->src >= PING) {
		ping_pong(link, m, skb);
		kfree_skb(skb);
		return;
	}
	if (id >= FLOWS_MAX || m->dst != m->src) {
		wrong("token %u", m->src);
		kfree_skb(skb);
		return;
	}
	spin_lock(&heard_lock);
	h = hear(link);
	rx_msgs++;
	switch (m->type) {
	case TSOR_MSG_DATA:
		if (m->offset != h->expect[id])
			wrong("number %llu of %u, not %llu", m->offset, id, h->expect[id]);
		h->expect[id] = m->offset + 1;
		rx_bytes += m->length;
		if (skb)
			check_bytes(m, skb);
		answer(link, h, id);
		break;
	case TSOR_MSG_ACK:
		acks_got++;
		if (m->ack < h->ack_seen[id])
			wrong("ack %llu after %llu", m->ack, h->ack_seen[id]);
		h->ack_seen[id] = m->ack;
		break;
	case TSOR_MSG_RST:
		rsts_got++;
		if (m->offset != h->rst_seen[id] + 1)
			wrong("rst %llu after %llu", m->offset, h->rst_seen[id]);
		h->rst_seen[id] = m->offset;
		break;
	default:
		wrong("type %u", m->type);
	}
	spin_unlock(&heard_lock);
	if (READ_ONCE(slow) && get_random_u32() % 512 == 0)
		mdelay(5);
	if (skb)
		keep(skb);
}

static const struct tsor_link_ops ops = {
	.receive = receive,
	.writable = writable,
	.down = dead,
};

static u64 other;

static void event(u64 node_id, const struct in6_addr *addr, bool up, int error)
{
	if (up) {
		atomic64_inc(&ups);
		WRITE_ONCE(other, node_id);
		wake_up_process(thread);
	}
}

static void ping(struct tsor_link *link)
{
	struct tsor_msg m = { .type = TSOR_MSG_DATA, .dst = PING, .src = PING };
	u64 now = ktime_get_ns();
	struct sk_buff *skb;

	if (time_after(jiffies, ping_at + HZ))
		atomic_set(&ping_out, 0);
	if (atomic_cmpxchg(&ping_out, 0, 1))
		return;
	ping_at = jiffies;
	skb = alloc_skb(64, GFP_KERNEL);
	if (skb) {
		skb_put_data(skb, &now, sizeof(now));
		skb_put_zero(skb, 56);
		if (!tsor_link_send(link, &m, skb)) {
			consume_skb(skb);
			return;
		}
		kfree_skb(skb);
	}
	atomic_set(&ping_out, 0);
}

/* start flows on a link that came up, and those that lacked memory; kill */
static int work(void *unused)
{
	unsigned long kill_at = jiffies;
	u32 i;

	while (!kthread_should_stop()) {
		struct tsor_link *link = tsor_link_find(READ_ONCE(other));

		u32 kill = READ_ONCE(kill_ms);

		if (link && kill && time_after(jiffies, kill_at)) {
			tsor_link_fail(link, -ECANCELED);
			atomic64_inc(&kills);
		}
		if (kill && (!link || !tsor_link_is_up(link)))
			kill_at = jiffies + msecs_to_jiffies(1 + get_random_u32() % (2 * kill));
		for (i = 0; link && READ_ONCE(run) && i < flows; i++) {
			struct flow *f = &flow[i];

			spin_lock_bh(&f->lock);
			/* one that died while we looked is left alone by down() */
			if (!f->link && !f->waiting && tsor_link_is_up(link)) {
				tsor_link_get(link);
				f->link = link;
				f->number = 0;
			}
			if (f->link == link && !f->waiting)
				flow_send(f, 65536);
			spin_unlock_bh(&f->lock);
		}
		if (link) {
			ping(link);
			tsor_link_put(link);
		}
		/* flows whose link died between find and down */
		for (i = 0; i < flows; i++) {
			spin_lock_bh(&flow[i].lock);
			if (flow[i].link && !tsor_link_is_up(flow[i].link) && !flow[i].waiting)
				flow_stop(&flow[i]);
			spin_unlock_bh(&flow[i].lock);
		}
		schedule_timeout_interruptible(msecs_to_jiffies(10));
	}
	return 0;
}

static const char * const names[] = {
#define COUNTER(id) __stringify(id),
#include "counters.h"
#undef COUNTER
};

static int stress_show(struct seq_file *seq, void *v)
{
	u64 tx_min = U64_MAX, tx_max = 0, tx = 0, turns = 0;
	struct tsor_link *link = tsor_link_find(other);
	u32 i, waiting = 0;

	for (i = 0; i < flows; i++) {
		tx_min = min(tx_min, flow[i].tx_bytes);
		tx_max = max(tx_max, flow[i].tx_bytes);
		tx += flow[i].tx_bytes;
		turns += flow[i].turns;
		waiting += flow[i].waiting;
	}
	seq_printf(seq, "errors %lld\nups %lld\ndowns %lld\nkills %lld\n", atomic64_read(&errors),
		   atomic64_read(&ups), atomic64_read(&downs), atomic64_read(&kills));
	seq_printf(seq, "rx_msgs %llu\nrx_bytes %llu\ntx_bytes %llu\ntx_min %llu\ntx_max %llu\n",
		   rx_msgs, rx_bytes, tx, tx_min, tx_max);
	seq_printf(seq, "turns %llu\nwaiting %u\nenomem %lld\nacks %llu\nrsts %llu\n", turns,
		   waiting, atomic64_read(&enomem), acks_got, rsts_got);
	seq_printf(seq, "pings %llu\nping_us %llu\nping_max_us %llu\npongs_lost %lld\n", ping_n,
		   ping_n ? div64_u64(ping_sum, ping_n) / 1000 : 0, ping_max / 1000,
		   atomic64_read(&pongs_lost));
	seq_printf(seq, "pages %ld\n", tsor_mem_pages());
	if (link) {
		struct tsor_link_info info;

		tsor_link_info(link, &info);
		seq_printf(seq, "link %s/%u qp %u max_msg %u credits %u inflight %u up_ms %llu\n",
			   info.device, info.port, info.qp_num, info.max_msg, info.credits,
			   info.inflight, info.up_for_ms);
		tsor_link_put(link);
	}
	for (i = TSOR_STAT_LINK_TX_MSGS; i < TSOR_STAT_NR; i++) {
		u64 sum = 0;
		int cpu;

		for_each_possible_cpu(cpu)
			sum += per_cpu_ptr(tsor_stats, cpu)->n[i];
		if (sum)
			seq_printf(seq, "%s %llu\n", names[i], sum);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stress);

static void stress_free(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		kfree(per_cpu(scratch, cpu));
	kvfree(flow);
	kvfree(heard);
	kvfree(pattern);
	free_percpu(tsor_stats);
}

static int __init stress_init(void)
{
	struct in6_addr addr = {};
	struct rnd_state rnd;
	int err = -ENOMEM;
	__be32 v4;
	int cpu;
	u32 i;

	flows = clamp(flows, 1u, (unsigned int)FLOWS_MAX);
	skb_queue_head_init(&held);
	tsor_stats = alloc_percpu(struct tsor_stats);
	pattern = kvmalloc(PATTERN, GFP_KERNEL);
	flow = kvcalloc(flows, sizeof(*flow), GFP_KERNEL);
	heard = kvcalloc(2, sizeof(*heard), GFP_KERNEL);
	if (!tsor_stats || !pattern || !flow || !heard)
		goto free;
	for_each_possible_cpu(cpu) {
		per_cpu(scratch, cpu) = kmalloc(PATTERN / 2, GFP_KERNEL);
		if (!per_cpu(scratch, cpu))
			goto free;
	}
	prandom_seed_state(&rnd, 42);
	prandom_bytes_state(&rnd, pattern, PATTERN);
	for (i = 0; i < flows; i++) {
		spin_lock_init(&flow[i].lock);
		INIT_LIST_HEAD(&flow[i].txq.wait);
		flow[i].id = i;
		prandom_seed_state(&flow[i].rnd, seed * 1000 + i);
	}
	thread = kthread_create(work, NULL, "tsor_stress");
	if (IS_ERR(thread)) {
		err = PTR_ERR(thread);
		goto free;
	}
	get_task_struct(thread);

	tsor_node_init();
	tsor_link_set_ops(&ops);
	tsor_peer_set_event(event);
	err = tsor_peer_init();
	if (err)
		goto stop;
	wake_up_process(thread);
	if (in4_pton(*peer ? peer : "0.0.0.0", -1, (u8 *)&v4, -1, NULL))
		ipv6_addr_set_v4mapped(v4, &addr);
	else if (!in6_pton(peer, -1, addr.s6_addr, -1, NULL))
		pr_err("peer %s?\n", peer);
	err = tsor_peer_add(&addr, *peer ? 128 : 96);
	if (err)
		pr_err("peer_add %d\n", err);
	debug = debugfs_create_file("tsor_link_stress", 0444, NULL, NULL, &stress_fops);
	return 0;

stop:
	kthread_stop(thread);
	put_task_struct(thread);
free:
	stress_free();
	return err;
}

static void __exit stress_exit(void)
{
	u32 i;

	debugfs_remove(debug);
	run = false;
	kthread_stop(thread);
	put_task_struct(thread);
	tsor_peer_exit();
	skb_queue_purge(&held);
	for (i = 0; i < flows; i++) {
		if (flow[i].link)
			wrong("flow %u still has a link", i);
		if (flow[i].waiting)
			wrong("flow %u still waits", i);
		flow_stop(&flow[i]);
	}
	if (tsor_mem_pages())
		wrong("%ld pages", tsor_mem_pages());
	pr_info("done, %lld errors\n", atomic64_read(&errors));
	stress_free();
}

module_init(stress_init);
module_exit(stress_exit);
MODULE_DESCRIPTION("Stress of TSoR links");
MODULE_LICENSE("GPL");
