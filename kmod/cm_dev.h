/* SPDX-License-Identifier: GPL-2.0 */
/* What cm.c and cm_dev.c share. Nobody else includes this. */
#ifndef TSOR_CM_DEV_H
#define TSOR_CM_DEV_H

#include <linux/types.h>

struct ib_device;
struct rdma_cm_id;
struct workqueue_struct;

/* cm.c */
extern struct workqueue_struct *tsor_cm_wq;
void tsor_cm_end_on(const struct ib_device *device, u32 port, int err);
void tsor_cm_wait_none(const struct ib_device *device);

/* cm_dev.c */
bool tsor_cm_dev_is_known(const struct ib_device *device);
void tsor_cm_leave(struct rdma_cm_id *id);
void tsor_cm_dev_node_addr(void);
int tsor_cm_dev_init(void (*retry)(void));
void tsor_cm_dev_exit(void);

#endif
