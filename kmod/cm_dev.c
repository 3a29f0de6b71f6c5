// SPDX-License-Identifier: GPL-2.0
/*
 * Devices that connections may be bound to, and what becomes of ids when a device or its port
 * goes.
 *
 * - A device goes. ib_client.remove of clients is called in the reverse order of their
 *   registration, ours before rdma_cm's: the device is struck from our list, all connections
 *   bound to it are ended and waited for. A connection asks whether a device is known, and binds
 *   to it, under conns_lock, and what is bound is looked for under conns_lock after the device was
 *   struck, so none is missed; one that comes too late finds the device unknown and ends, and
 *   rdma_cm's remove waits for its id. Nobody waits for a removal in turn.
 * - A port goes down. What is bound to it ends, but an id that is destroyed says goodbye to the
 *   other side, and rxe's QP 1 does not survive a message that the stack below cannot send. So
 *   tsor_cm_leave() keeps such ids, without a connection, until the port is up again, the device
 *   goes or the module is unloaded.
 *
 * Locks: devs_lock, a spinlock, is taken below cm.c's conns_lock; nothing is taken below it.
 */
#include <linux/inetdevice.h>
#include <linux/slab.h>
#include <rdma/ib_verbs.h>
#include <rdma/rdma_cm.h>

#include "cm.h"
#include "cm_dev.h"
#include "node.h"

#define CM_ADDRS_MAX		64	/* addresses of this node that are looked at */

/**
 * struct cm_dev - a device that we know
 * @list: entry in devs; devs_lock
 * @device: the device
 * @events: its asynchronous events
 */
struct cm_dev {
	struct list_head list;
	struct ib_device *device;
	struct ib_event_handler events;
};

/**
 * struct cm_left - an id that is kept until its port is up
 * @list: entry in left; devs_lock
 * @id: the id; its context is NULL
 */
struct cm_left {
	struct list_head list;
	struct rdma_cm_id *id;
};

static void (*cm_retry)(void);

static DEFINE_SPINLOCK(devs_lock);	/* devs, left */
static LIST_HEAD(devs);
static LIST_HEAD(left);

static bool dev_is_known(const struct ib_device *device)
{
	struct cm_dev *dev;

	lockdep_assert_held(&devs_lock);
	list_for_each_entry(dev, &devs, list)
		if (dev->device == device)
			return true;
	return false;
}

/**
 * tsor_cm_dev_is_known - may a connection be bound to a device?
 * @device: the device
 *
 * Process context; does not sleep.
 */
bool tsor_cm_dev_is_known(const struct ib_device *device)
{
	bool known;

	spin_lock(&devs_lock);
	known = dev_is_known(device);
	spin_unlock(&devs_lock);
	return known;
}

/* ---- ids that are done with ---- */

/* destroy what is left on @device, or wherever the port is up (NULL) */
static void cm_left_destroy(const struct ib_device *device)
{
	struct cm_left *l, *next;
	LIST_HEAD(now);

	spin_lock(&devs_lock);
	list_for_each_entry_safe(l, next, &left, list)
		if (device ? l->id->device == device : !tsor_link_port_is_down(l->id))
			list_move(&l->list, &now);
	spin_unlock(&devs_lock);
	list_for_each_entry_safe(l, next, &now, list) {
		rdma_destroy_id(l->id);
		kfree(l);
	}
}

static void cm_left_work(struct work_struct *work)
{
	cm_left_destroy(NULL);
}

static DECLARE_WORK(left_work, cm_left_work);

/**
 * tsor_cm_leave - destroy an id, now or when its port is up
 * @id: the id, without a QP; what it is bound to is not gone yet
 *
 * Process context. No event of it comes when this returns.
 */
void tsor_cm_leave(struct rdma_cm_id *id)
{
	struct cm_left *l = NULL;

	if (id->device && tsor_link_port_is_down(id))
		l = kmalloc(sizeof(*l), GFP_KERNEL);
	if (!l)
		goto destroy;
	rdma_lock_handler(id);
	id->context = NULL;
	rdma_unlock_handler(id);
	l->id = id;
	spin_lock(&devs_lock);
	if (!dev_is_known(id->device)) {
		spin_unlock(&devs_lock);
		goto destroy;
	}
	list_add(&l->list, &left);
	spin_unlock(&devs_lock);
	/* it may have come up since, and nobody has seen this one */
	queue_work(tsor_cm_wq, &left_work);
	return;
destroy:
	kfree(l);
	rdma_destroy_id(id);
}

/* ---- devices ---- */

/* Process context (ib_wq); the device's event_handler_rwsem is held: do not wait. */
static void cm_dev_event(struct ib_event_handler *events, struct ib_event *ev)
{
	switch (ev->event) {
	case IB_EVENT_PORT_ERR:
		tsor_cm_end_on(ev->device, ev->element.port_num, -ENETDOWN);
		break;
	case IB_EVENT_DEVICE_FATAL:
		tsor_cm_end_on(ev->device, 0, -EIO);
		break;
	case IB_EVENT_PORT_ACTIVE:
	case IB_EVENT_GID_CHANGE:
		queue_work(tsor_cm_wq, &left_work);
		cm_retry();
		break;
	default:
		break;
	}
}

static struct ib_client cm_client;

static int cm_dev_add(struct ib_device *device)
{
	struct cm_dev *dev;

	if (!rdma_dev_access_netns(device, &init_net))
		return -EOPNOTSUPP;
	dev = kzalloc(sizeof(*dev), GFP_KERNEL);
	if (!dev)
		return -ENOMEM;
	dev->device = device;
	ib_set_client_data(device, &cm_client, dev);
	spin_lock(&devs_lock);
	list_add_tail(&dev->list, &devs);
	spin_unlock(&devs_lock);
	INIT_IB_EVENT_HANDLER(&dev->events, device, cm_dev_event);
	ib_register_event_handler(&dev->events);
	cm_retry();
	return 0;
}

static void cm_dev_remove(struct ib_device *device, void *data)
{
	struct cm_dev *dev = data;

	if (!dev)
		return;
	ib_unregister_event_handler(&dev->events);
	spin_lock(&devs_lock);
	list_del(&dev->list);
	spin_unlock(&devs_lock);
	tsor_cm_end_on(device, 0, -ENODEV);
	tsor_cm_wait_none(device);
	cm_left_destroy(device);
	/* which may have some of them in hand */
	flush_work(&left_work);
	kfree(dev);
}

static struct ib_client cm_client = {
	.name = "tsor",
	.add = cm_dev_add,
	.remove = cm_dev_remove,
};

/* an id that is only asked has none */
static int no_event(struct rdma_cm_id *id, struct rdma_cm_event *ev)
{
	return 0;
}

/**
 * tsor_cm_dev_node_addr - put the address of an RDMA device into the node id
 *
 * The node id has the address of an RDMA device in it, if there is one when the module is
 * loaded. Later would be too late: the id may have been told by then, and must not change.
 * Asking rdma_cm about each address of the node works for every kind of device.
 *
 * Process context.
 */
void tsor_cm_dev_node_addr(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	unsigned int i, n = 0;
	struct net_device *ndev;
	__be32 *addrs;

	addrs = kmalloc_array(CM_ADDRS_MAX, sizeof(*addrs), GFP_KERNEL);
	if (!addrs)
		return;
	rcu_read_lock();
	for_each_netdev_rcu(&init_net, ndev) {
		struct in_device *in_dev = __in_dev_get_rcu(ndev);
		const struct in_ifaddr *ifa;

		if (!in_dev || ndev->flags & IFF_LOOPBACK || !(ndev->flags & IFF_UP))
			continue;
		in_dev_for_each_ifa_rcu(ifa, in_dev) {
			if (n < CM_ADDRS_MAX)
				addrs[n++] = ifa->ifa_local;
		}
	}
	rcu_read_unlock();

	for (i = 0; i < n; i++) {
		struct rdma_cm_id *id = rdma_create_id(&init_net, no_event, NULL, RDMA_PS_TCP,
						       IB_QPT_RC);
		bool found;

		if (IS_ERR(id))
			break;
		sin.sin_addr.s_addr = addrs[i];
		found = !rdma_bind_addr(id, (struct sockaddr *)&sin) && id->device;
		rdma_destroy_id(id);
		if (found) {
			tsor_node_set_addr(addrs[i]);
			break;
		}
	}
	kfree(addrs);
}

/**
 * tsor_cm_dev_init - learn of devices
 * @retry: called when a device or an address makes it worth trying to connect
 *
 * Process context.
 *
 * Return: 0 or a negative errno.
 */
int tsor_cm_dev_init(void (*retry)(void))
{
	cm_retry = retry;
	return ib_register_client(&cm_client);
}

/** tsor_cm_dev_exit - no connection is left: forget the devices, and what is left on them */
void tsor_cm_dev_exit(void)
{
	ib_unregister_client(&cm_client);
}
