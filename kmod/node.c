// SPDX-License-Identifier: GPL-2.0
#include <linux/atomic.h>
#include <linux/random.h>

#include "node.h"

static atomic64_t node_id;

/**
 * tsor_node_id - this node's id, never 0
 *
 * Any context.
 */
u64 tsor_node_id(void)
{
	return atomic64_read(&node_id);
}

/**
 * tsor_node_set_addr - the RDMA address is known
 * @addr: IPv4 address of the first device; called once, before the first link
 */
void tsor_node_set_addr(__be32 addr)
{
	u64 id = atomic64_read(&node_id);

	atomic64_set(&node_id, (id & ~0xffffffffull) | be32_to_cpu(addr));
}

/** tsor_node_init - draw the id */
void tsor_node_init(void)
{
	u32 high;

	do {
		high = get_random_u32();
	} while (!high);
	atomic64_set(&node_id, (u64)high << 32);
}
