/* SPDX-License-Identifier: GPL-2.0 */
/* This node: its 64-bit id, drawn at load (32 random bits, then its RDMA IPv4 address or 0). */
#ifndef TSOR_NODE_H
#define TSOR_NODE_H

#include <linux/types.h>

/* 0 bits of address until the first device is there; the upper half never changes */
u64 tsor_node_id(void);
void tsor_node_set_addr(__be32 addr);
void tsor_node_init(void);

#endif
