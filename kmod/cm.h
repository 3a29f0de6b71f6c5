/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Connections by rdma_cm: listening, connecting, the exchange of hellos and proofs, events of
 * the connection manager and of devices. Owns an id until a link has been made of it. Who may
 * connect, which of two connections stays and when to try again is peer.c's, by tsor_cm_ops.
 */
#ifndef TSOR_CM_H
#define TSOR_CM_H

#include <linux/in6.h>
#include <linux/list.h>
#include <linux/workqueue.h>

#include "link.h"

#define TSOR_CM_PORT		4790
#define TSOR_CM_TIMEOUT_MS	4000	/* of a whole attempt, until the link is up */

struct ib_device;
struct rdma_cm_id;
struct tsor_peer;

/**
 * struct tsor_conn - an attempt to connect, and the link that came of it
 * @addr: the other node's address; IPv4 as v4-mapped. Constant
 * @passive: the other node's REQ began it. Constant
 * @node_id: the other node's id; constant if passive; active: 0 until @proved, which sets it
 * @id: cm's; NULL once it is the link's or the core's to destroy
 * @device: cm's lock; what @id is bound to
 * @port: cm's lock; its port
 * @link: cm's lock; the link, from its making until it is gone
 * @holds: cm's lock; who works on it now and must be done before its end begins
 * @ending: cm's lock; it is to end
 * @is_up: cm's lock; the link is up, the deadline no longer counts
 * @is_gone: cm's lock; the end has come, nothing more of it can be begun
 * @err: cm's lock; the first reason for its end
 * @all: cm's lock; entry in the list of all
 * @deadline: ends the attempt
 * @end: destroys an id that never became a link's
 * @req: private data of the REQ, which both proofs cover
 * @peer: peer.c's
 * @of_peer: peer.c's; entry in the list of @peer
 * @proved: peer.c's; active: the other side has proved itself, our proof is sent
 * @was_up: peer.c's; the link has been up
 * @up_at: peer.c's; since when, jiffies
 * @told: peer.c's; the event "up" was sent, and "down" was not
 * @successor: peer.c's; its link is to another node and waits for the end of this one's
 * @awaited: peer.c's; how many have this one as their successor
 */
struct tsor_conn {
	struct in6_addr addr;
	bool passive;
	u64 node_id;

	struct rdma_cm_id *id;
	struct ib_device *device;
	u32 port;
	struct tsor_link *link;
	unsigned int holds;
	bool ending;
	bool is_up;
	bool is_gone;
	int err;
	struct list_head all;
	struct delayed_work deadline;
	struct work_struct end;
	u8 req[TSOR_REQ_LEN];

	struct tsor_peer *peer;
	struct list_head of_peer;
	bool proved;
	bool was_up;
	unsigned long up_at;
	bool told;
	struct tsor_conn *successor;
	unsigned int awaited;
};

/**
 * struct tsor_cm_ops - what cm.c asks and tells peer.c
 * @allowed: may this address connect at all? Asked before anything is allocated.
 * @admit: a REQ that is in order. 0, and @conn is peer.c's to know until @gone; or why it is
 *	refused, enum tsor_reject, and peer.c has not heard of it.
 * @proved: the REP of an active @conn has proved itself to be @node_id's. 0, or the negative
 *	errno with which to end it.
 * @up: the link of @conn is up; it hands up messages when this returns. May wait for the end of
 *	other connections' links.
 * @gone: @conn is freed when this returns; @err says why it ended.
 * @retry: something changed (a device, an address) that makes it worth trying now.
 *
 * All in process context. @allowed, @admit and @proved with the handler mutex of the id held: they
 * must not wait for a connection's end.
 */
struct tsor_cm_ops {
	bool (*allowed)(const struct in6_addr *addr);
	int (*admit)(struct tsor_conn *conn);
	int (*proved)(struct tsor_conn *conn, u64 node_id);
	void (*up)(struct tsor_conn *conn);
	void (*gone)(struct tsor_conn *conn, int err);
	void (*retry)(void);
};

extern bool tsor_self_link;

struct tsor_conn *tsor_conn_new(const struct in6_addr *addr);
void tsor_conn_connect(struct tsor_conn *conn);
void tsor_conn_end(struct tsor_conn *conn, int err);
bool tsor_conn_is_up(struct tsor_conn *conn);
bool tsor_conn_info(struct tsor_conn *conn, struct tsor_link_info *info);
int tsor_cm_init(const struct tsor_cm_ops *ops);
void tsor_cm_exit(void);

#endif
