/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Receive buffers: a head and one contiguous run, mapped for a device, and what becomes of
 * them: payload is copied out of small messages, the pages of large ones are handed over.
 * Owns the memory and its mappings. Never posts anything, and knows no links.
 */
#ifndef TSOR_MEM_H
#define TSOR_MEM_H

#include <linux/mm.h>
#include <linux/skbuff.h>
#include <rdma/ib_verbs.h>

#include "wire.h"

/* bytes of a message that the first SGE takes: the header and a short payload */
#define TSOR_HEAD_LEN	256u
#define TSOR_HEAD_ROOM	(TSOR_HEAD_LEN - TSOR_MSG_HDR_LEN)
/* and the second SGE: the rest; an order 3 allocation where pages have 4 KiB */
#define TSOR_RUN_LEN	32768u
#define TSOR_RUN_ORDER	get_order(TSOR_RUN_LEN)
#define TSOR_RUN_PAGES	DIV_ROUND_UP(TSOR_RUN_LEN, PAGE_SIZE)
/* largest message that a buffer takes */
#define TSOR_BUF_LEN	(TSOR_HEAD_LEN + TSOR_RUN_LEN)

struct tsor_link;

/**
 * struct tsor_buf - one receive buffer
 * @cqe: its receive WR
 * @all: in the list of all buffers of a receive queue
 * @queue: arrived and not yet handed up, or waiting for memory
 * @link: whose message it had, while it waits for memory; referenced
 * @head: TSOR_HEAD_LEN bytes
 * @head_dma: their mapping
 * @run: first page of the run, each with its own reference; NULL when it was handed over
 * @run_dma: mapping of the whole run
 * @len: bytes of the message in it
 */
struct tsor_buf {
	struct ib_cqe cqe;
	struct list_head all;
	struct list_head queue;
	struct tsor_link *link;
	u8 *head;
	u64 head_dma;
	struct page *run;
	u64 run_dma;
	u32 len;
};

int tsor_mem_init(void);
void tsor_mem_exit(void);
long tsor_mem_pages(void);
struct tsor_buf *tsor_buf_alloc(struct ib_device *dev, gfp_t gfp);
int tsor_buf_fill(struct ib_device *dev, struct tsor_buf *buf, gfp_t gfp);
void tsor_buf_free(struct ib_device *dev, struct tsor_buf *buf);
void tsor_buf_read(struct ib_device *dev, struct tsor_buf *buf);
void tsor_buf_ready(struct ib_device *dev, struct tsor_buf *buf);
struct sk_buff *tsor_buf_skb(struct ib_device *dev, struct tsor_buf *buf, bool *handed);

#endif
