// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of receive buffers.
 *
 * A buffer is mapped once and used for many messages; between them the CPU and the device pass
 * it to each other by sync. A message whose payload fits into a head and one page is copied:
 * the copy is cheaper than new pages and a new mapping, and a small message must not pin a
 * run. Of a larger one the pages themselves go up, each a frag of the skb with its own
 * reference (a run is split at birth), and the buffer needs a new run before it can be posted
 * again. Pages of a run that the message did not reach are kept for the copies, a few per CPU;
 * the rest goes back to the page allocator, which puts runs together again.
 *
 * Contexts: buffers are made in process context, used in softirq. A buffer belongs to one
 * user at a time (posted, queued at a link, waiting for memory), so nothing here is locked; the
 * pages kept per CPU are touched with BH disabled only.
 *
 * Every page that is allocated here and not yet handed up is counted; the count is 0 when the
 * module goes.
 */
#include <linux/local_lock.h>
#include <linux/percpu.h>
#include <linux/slab.h>

#include "mem.h"

#define SPARES	16

/* pages for copies; the lock says "BH disabled, this CPU", on PREEMPT_RT too */
struct spares {
	local_lock_t lock;
	unsigned int n;
	struct page *page[SPARES];
};

static DEFINE_PER_CPU(struct spares, spares) = {
	.lock = INIT_LOCAL_LOCK(lock),
};

static atomic_long_t pages;
static atomic_long_t bufs;

/* a page that is not needed any more, BH disabled */
static void page_recycle(struct page *page)
{
	struct spares *s;

	/* someone may still look at it: an skb that was freed late, or a speculative reference */
	if (page_ref_count(page) == 1) {
		local_lock(&spares.lock);
		s = this_cpu_ptr(&spares);
		if (s->n < SPARES) {
			s->page[s->n++] = page;
			page = NULL;
		}
		local_unlock(&spares.lock);
		if (!page)
			return;
	}
	atomic_long_dec(&pages);
	put_page(page);
}

/* a page to copy to, counted; BH disabled */
static struct page *page_get_spare(void)
{
	struct page *page = NULL;
	struct spares *s;

	local_lock(&spares.lock);
	s = this_cpu_ptr(&spares);
	if (s->n)
		page = s->page[--s->n];
	local_unlock(&spares.lock);
	if (page)
		return page;
	page = alloc_page(GFP_ATOMIC | __GFP_NOWARN);
	if (page)
		atomic_long_inc(&pages);
	return page;
}

/**
 * tsor_buf_fill - give a buffer a new run, if it has none
 * @dev: device that it is mapped for
 * @buf: buffer
 * @gfp: GFP_KERNEL or GFP_ATOMIC
 *
 * Any context that @gfp allows. 0 or -ENOMEM.
 */
int tsor_buf_fill(struct ib_device *dev, struct tsor_buf *buf, gfp_t gfp)
{
	struct page *run;
	u64 dma;

	if (buf->run)
		return 0;
	run = alloc_pages_node(ibdev_to_node(dev), gfp | __GFP_NOWARN, TSOR_RUN_ORDER);
	if (!run)
		return -ENOMEM;
	dma = ib_dma_map_page(dev, run, 0, TSOR_RUN_LEN, DMA_FROM_DEVICE);
	if (ib_dma_mapping_error(dev, dma)) {
		__free_pages(run, TSOR_RUN_ORDER);
		return -ENOMEM;
	}
	split_page(run, TSOR_RUN_ORDER);
	atomic_long_add(TSOR_RUN_PAGES, &pages);
	buf->run = run;
	buf->run_dma = dma;
	return 0;
}

static void run_free(struct ib_device *dev, struct tsor_buf *buf)
{
	unsigned int i;

	if (!buf->run)
		return;
	ib_dma_unmap_page(dev, buf->run_dma, TSOR_RUN_LEN, DMA_FROM_DEVICE);
	for (i = 0; i < TSOR_RUN_PAGES; i++)
		put_page(buf->run + i);
	atomic_long_sub(TSOR_RUN_PAGES, &pages);
	buf->run = NULL;
}

/**
 * tsor_buf_alloc - make a buffer
 * @dev: device to map it for
 * @gfp: GFP_KERNEL or GFP_ATOMIC
 *
 * NULL without memory.
 */
struct tsor_buf *tsor_buf_alloc(struct ib_device *dev, gfp_t gfp)
{
	struct tsor_buf *buf = kzalloc(sizeof(*buf), gfp);

	if (!buf)
		return NULL;
	buf->head = kmalloc(TSOR_HEAD_LEN, gfp);
	if (!buf->head)
		goto free_buf;
	buf->head_dma = ib_dma_map_single(dev, buf->head, TSOR_HEAD_LEN, DMA_FROM_DEVICE);
	if (ib_dma_mapping_error(dev, buf->head_dma))
		goto free_head;
	if (tsor_buf_fill(dev, buf, gfp))
		goto unmap;
	atomic_long_inc(&bufs);
	return buf;

unmap:
	ib_dma_unmap_single(dev, buf->head_dma, TSOR_HEAD_LEN, DMA_FROM_DEVICE);
free_head:
	kfree(buf->head);
free_buf:
	kfree(buf);
	return NULL;
}

/**
 * tsor_buf_free - free a buffer
 * @dev: device that it is mapped for
 * @buf: buffer, not posted
 *
 * Any context.
 */
void tsor_buf_free(struct ib_device *dev, struct tsor_buf *buf)
{
	run_free(dev, buf);
	ib_dma_unmap_single(dev, buf->head_dma, TSOR_HEAD_LEN, DMA_FROM_DEVICE);
	kfree(buf->head);
	kfree(buf);
	atomic_long_dec(&bufs);
}

/* bytes of the message in the run */
static u32 run_bytes(const struct tsor_buf *buf)
{
	return buf->len > TSOR_HEAD_LEN ? buf->len - TSOR_HEAD_LEN : 0;
}

/**
 * tsor_buf_read - a message has arrived: the CPU may read the head
 * @dev: device that it is mapped for
 * @buf: buffer, @len set
 */
void tsor_buf_read(struct ib_device *dev, struct tsor_buf *buf)
{
	ib_dma_sync_single_for_cpu(dev, buf->head_dma, min(buf->len, TSOR_HEAD_LEN),
				   DMA_FROM_DEVICE);
}

/**
 * tsor_buf_ready - give the memory back to the device, before the buffer is posted
 * @dev: device that it is mapped for
 * @buf: buffer, with a run
 */
void tsor_buf_ready(struct ib_device *dev, struct tsor_buf *buf)
{
	ib_dma_sync_single_for_device(dev, buf->head_dma, TSOR_HEAD_LEN, DMA_FROM_DEVICE);
	if (run_bytes(buf))
		ib_dma_sync_single_for_device(dev, buf->run_dma, run_bytes(buf), DMA_FROM_DEVICE);
	buf->len = 0;
}

/* the pages that the message reached become frags of @skb, the others spares */
static void hand_over(struct ib_device *dev, struct tsor_buf *buf, struct sk_buff *skb)
{
	u32 rest = run_bytes(buf);
	unsigned int i;

	ib_dma_unmap_page(dev, buf->run_dma, TSOR_RUN_LEN, DMA_FROM_DEVICE);
	for (i = 0; i < TSOR_RUN_PAGES; i++) {
		u32 bytes = min_t(u32, rest, PAGE_SIZE);

		if (!bytes) {
			page_recycle(buf->run + i);
			continue;
		}
		skb_add_rx_frag(skb, i, buf->run + i, 0, bytes, PAGE_SIZE);
		atomic_long_dec(&pages);
		rest -= bytes;
	}
	/* nothing of it is mapped any more: nothing to sync when the buffer is posted again */
	buf->run = NULL;
	buf->len = min(buf->len, TSOR_HEAD_LEN);
}

/**
 * tsor_buf_skb - an skb with the payload of the message
 * @dev: device that it is mapped for
 * @buf: buffer with a message that has payload; tsor_buf_read() was called
 * @handed: whether the pages went with it, so that @buf needs a new run
 *
 * BH disabled. An skb has at most TSOR_RUN_PAGES frags and TSOR_HEAD_ROOM bytes in front (or
 * up to a page's in one piece, without frags). NULL without memory; nothing has changed then.
 */
struct sk_buff *tsor_buf_skb(struct ib_device *dev, struct tsor_buf *buf, bool *handed)
{
	u32 front = min(buf->len, TSOR_HEAD_LEN) - TSOR_MSG_HDR_LEN;
	u32 rest = run_bytes(buf);
	struct page *page = NULL;
	struct sk_buff *skb;
	bool linear;

	*handed = rest > PAGE_SIZE;
	/* a page of its own for less than a quarter of a page would not be worth it */
	linear = rest <= PAGE_SIZE / 4;

	skb = alloc_skb(linear ? front + rest : front, GFP_ATOMIC | __GFP_NOWARN);
	if (!skb)
		return NULL;
	skb_put_data(skb, buf->head + TSOR_MSG_HDR_LEN, front);
	if (*handed) {
		hand_over(dev, buf, skb);
		return skb;
	}
	if (!rest)
		return skb;
	if (!linear) {
		page = page_get_spare();
		if (!page) {
			kfree_skb(skb);
			return NULL;
		}
	}
	ib_dma_sync_single_for_cpu(dev, buf->run_dma, rest, DMA_FROM_DEVICE);
	if (linear) {
		skb_put_data(skb, page_address(buf->run), rest);
	} else {
		memcpy(page_address(page), page_address(buf->run), rest);
		skb_add_rx_frag(skb, 0, page, 0, rest, PAGE_SIZE);
		atomic_long_dec(&pages);
	}
	return skb;
}

/**
 * tsor_mem_pages - pages and buffers that were allocated and not handed up or freed
 *
 * For tests, and for the check at unload.
 */
long tsor_mem_pages(void)
{
	return atomic_long_read(&pages) + atomic_long_read(&bufs);
}

/** tsor_mem_init - nothing is allocated yet */
int tsor_mem_init(void)
{
	return 0;
}

/** tsor_mem_exit - all links are gone: free what was kept, and see that nothing is missing */
void tsor_mem_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct spares *s = per_cpu_ptr(&spares, cpu);

		while (s->n) {
			put_page(s->page[--s->n]);
			atomic_long_dec(&pages);
		}
	}
	WARN_ON_ONCE(tsor_mem_pages());
}
