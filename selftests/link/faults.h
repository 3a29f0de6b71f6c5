/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory that is not there, mappings that cannot be had and a device that sends nothing inline,
 * as the parameters of stress.c say. Included before the source that it is for, after what that
 * includes.
 */
#ifndef STRESS_FAULTS_H
#define STRESS_FAULTS_H

#include <linux/gfp.h>
#include <linux/random.h>
#include <linux/skbuff.h>
#include <rdma/ib_verbs.h>
#include <rdma/rdma_cm.h>

extern unsigned int stress_fault;
extern bool stress_inline;

/* one time in stress_fault */
static inline bool fault_now(void)
{
	unsigned int n = READ_ONCE(stress_fault);

	return n && get_random_u32() % n == 0;
}

static inline struct page *fault_alloc_pages_node(int nid, gfp_t gfp, unsigned int order)
{
	return fault_now() ? NULL : alloc_pages_node(nid, gfp, order);
}

static inline struct sk_buff *fault_alloc_skb(unsigned int size, gfp_t gfp)
{
	return fault_now() ? NULL : alloc_skb(size, gfp);
}

static inline int fault_mapping_error(struct ib_device *dev, u64 addr)
{
	return fault_now() ? -ENOMEM : ib_dma_mapping_error(dev, addr);
}

static inline int fault_create_qp(struct rdma_cm_id *id, struct ib_pd *pd,
				  struct ib_qp_init_attr *attr)
{
	if (attr->cap.max_inline_data && !stress_inline)
		return -EINVAL;
	return rdma_create_qp(id, pd, attr);
}

#undef alloc_pages_node
#define alloc_pages_node	fault_alloc_pages_node
#define alloc_skb		fault_alloc_skb
#define rdma_create_qp		fault_create_qp

#endif
