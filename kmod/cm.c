// SPDX-License-Identifier: GPL-2.0
/*
 * Connections by rdma_cm.
 *
 * What happens
 *
 * Active: tsor_conn_new(), tsor_conn_connect(), then by events ADDR_RESOLVED, ROUTE_RESOLVED (a
 * link is made, the REQ with our hello goes out), ESTABLISHED (the REP with the other hello and
 * its proof is here; the RTU is already sent, by rdma_cm). The link sends our proof as its first
 * message, and is up. Passive: CONNECT_REQUEST (checks in the order of their price, a link is
 * made, the REP goes out), ESTABLISHED, and the link is up when the proof has come. One timer
 * bounds all of that; the CM's own would take minutes.
 *
 * Who owns an id, and what ends it
 *
 * An id is this file's until tsor_link_create() has returned a link; from then on the link
 * destroys it, after its QP, in its own time, and tells so by "gone". A connection ends by
 * tsor_conn_end(), called by whoever has a reason: an event, the deadline, peer.c, a device's
 * removal. The first reason counts. With a link it passes the reason to tsor_link_fail(), which
 * may be called anywhere; without one it queues @end, which destroys the id. Both roads end in
 * conn_gone(), once, which tells peer.c and frees the connection.
 *
 * What may race, and why it does not
 *
 * - Events of one id are serial: rdma_cm holds the id's handler mutex. rdma_destroy_id() takes
 *   that mutex, so it is called without any lock of ours, from work, never from an event, and
 *   once it has returned no event runs or will. Hence the connection, the id's context, is freed
 *   after it. Events never return non-zero for an id that we or a link own: a non-zero return
 *   destroys the id. The one exception is a refused REQ, whose id is still the core's.
 * - An event makes a link while someone else ends the connection. An event, and
 *   tsor_conn_connect(), hold the connection while they run (@holds); tsor_conn_end() then only
 *   leaves its reason, and the last hold to be dropped acts on it and sees the link, if one was
 *   made meanwhile. A connection that is ending cannot be held: later events are ignored.
 * - A device or its port goes: see cm_dev.c.
 * - Unloading. @stopping, set under the same lock, refuses new connections; then the listeners
 *   are destroyed (no CONNECT_REQUEST runs any more), then all connections are ended and waited
 *   for.
 *
 * Lock order: handler mutex of an id, peer.c's mutex, conns_lock, cm_dev.c's lock (spinlocks).
 * proof.c's mutex is taken below the handler mutex and nothing below it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <crypto/algapi.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include <net/ipv6.h>
#include <rdma/ib_addr.h>
#include <rdma/ib_cm.h>
#include <rdma/ib_verbs.h>
#include <rdma/rdma_cm.h>

#include "cm.h"
#include "cm_dev.h"
#include "node.h"
#include "proof.h"
#include "stats.h"
#include "trace.h"

/* as link.c's: 4.096 us * 2^15 = 134 ms, seven tries; no default may stay, it may be minutes */
#define CM_ACK_TIMEOUT		15
#define CM_RETRY_COUNT		6	/* 7 is "for ever" on some devices */
#define CM_RNR_RETRY_COUNT	6	/* credits make RNR a bug; it need not be fatal at once */
#define CM_BACKLOG		64

bool tsor_self_link;
module_param_named(self_link, tsor_self_link, bool, 0444);
MODULE_PARM_DESC(self_link, "For tests: let this node hold a link to itself");

static const struct tsor_cm_ops *cm_ops;
struct workqueue_struct *tsor_cm_wq;
static struct rdma_cm_id *cm_listen[2];		/* IPv4, IPv6 */

/* conns, stopping; see also struct tsor_conn */
static DEFINE_SPINLOCK(conns_lock);
static LIST_HEAD(conns);
static bool stopping = true;
static DECLARE_WAIT_QUEUE_HEAD(conns_wait);	/* a connection is gone, or may go */

/* ---- a connection's life ---- */

static void conn_gone(struct tsor_conn *conn, int err)
{
	spin_lock(&conns_lock);
	conn->is_gone = true;
	conn->ending = true;
	conn->link = NULL;
	spin_unlock(&conns_lock);
	cancel_delayed_work_sync(&conn->deadline);
	/* tsor_conn_connect() may have been outrun by all that came of it */
	wait_event(conns_wait, !READ_ONCE(conn->holds));

	trace_tsor_link_state(conn->node_id, "gone", err);
	cm_ops->gone(conn, err);

	/* last: who waits for it may go on to free what @gone uses */
	spin_lock(&conns_lock);
	list_del(&conn->all);
	spin_unlock(&conns_lock);
	kfree(conn);
	wake_up_all(&conns_wait);
}

static void conn_end_work(struct work_struct *work)
{
	struct tsor_conn *conn = container_of(work, struct tsor_conn, end);

	/* no message has gone out by it, and none has to say goodbye: not for tsor_cm_leave() */
	if (conn->id)
		rdma_destroy_id(conn->id);
	conn_gone(conn, conn->err);
}

static void conn_deadline_work(struct work_struct *work)
{
	struct tsor_conn *conn = container_of(work, struct tsor_conn, deadline.work);
	bool is_up;

	spin_lock(&conns_lock);
	is_up = conn->is_up;
	spin_unlock(&conns_lock);
	if (!is_up)
		tsor_conn_end(conn, -ETIMEDOUT);
}

/* nobody holds @conn and it is to end: the one place that decides how; conns_lock held */
static void conn_end_begin(struct tsor_conn *conn)
{
	lockdep_assert_held(&conns_lock);
	if (conn->link)
		tsor_link_fail(conn->link, conn->err);
	else
		queue_work(tsor_cm_wq, &conn->end);
}

/**
 * tsor_conn_end - end a connection, whatever its state
 * @conn: the connection, not yet gone
 * @err: why, a negative errno; the first reason counts
 *
 * Process context; does not sleep. Returns at once; &tsor_cm_ops.gone is called later.
 */
void tsor_conn_end(struct tsor_conn *conn, int err)
{
	spin_lock(&conns_lock);
	if (!conn->ending) {
		conn->ending = true;
		conn->err = err;
		trace_tsor_link_state(conn->node_id, "ending", err);
		if (!conn->holds)
			conn_end_begin(conn);
	}
	spin_unlock(&conns_lock);
}

/* work on @conn; false if it ends */
static bool conn_hold(struct tsor_conn *conn)
{
	bool held;

	spin_lock(&conns_lock);
	held = !conn->ending;
	conn->holds += held;
	spin_unlock(&conns_lock);
	return held;
}

static void conn_release(struct tsor_conn *conn)
{
	bool gone;

	spin_lock(&conns_lock);
	gone = conn->is_gone;
	WRITE_ONCE(conn->holds, conn->holds - 1);
	if (!conn->holds && conn->ending && !gone)
		conn_end_begin(conn);
	spin_unlock(&conns_lock);
	if (gone)
		wake_up_all(&conns_wait);
}

/* a new connection, held once */
static struct tsor_conn *conn_alloc(const struct in6_addr *addr, bool passive)
{
	struct tsor_conn *conn = kzalloc(sizeof(*conn), GFP_KERNEL);

	if (!conn)
		return NULL;
	conn->addr = *addr;
	conn->passive = passive;
	conn->holds = 1;
	INIT_DELAYED_WORK(&conn->deadline, conn_deadline_work);
	INIT_WORK(&conn->end, conn_end_work);
	INIT_LIST_HEAD(&conn->of_peer);

	spin_lock(&conns_lock);
	if (stopping) {
		spin_unlock(&conns_lock);
		kfree(conn);
		return NULL;
	}
	list_add_tail(&conn->all, &conns);
	spin_unlock(&conns_lock);
	return conn;
}

/* @conn never came to peer.c's knowledge and has no deadline running */
static void conn_forget(struct tsor_conn *conn)
{
	spin_lock(&conns_lock);
	list_del(&conn->all);
	spin_unlock(&conns_lock);
	kfree(conn);
	wake_up_all(&conns_wait);
}

/* @id has a device now; false if that one is going away */
static bool conn_bind(struct tsor_conn *conn, struct rdma_cm_id *id)
{
	bool known;

	spin_lock(&conns_lock);
	known = tsor_cm_dev_is_known(id->device);
	if (known) {
		conn->device = id->device;
		conn->port = id->port_num;
	}
	spin_unlock(&conns_lock);
	return known;
}

static void conn_link_up(struct tsor_link *link, void *owner)
{
	struct tsor_conn *conn = owner;

	spin_lock(&conns_lock);
	conn->is_up = true;
	spin_unlock(&conns_lock);
	cancel_delayed_work(&conn->deadline);
	trace_tsor_link_state(conn->node_id, "up", 0);
	cm_ops->up(conn);
}

static void conn_link_gone(struct tsor_link *link, void *owner, int err)
{
	conn_gone(owner, err);
}

static const struct tsor_link_owner_ops conn_link_ops = {
	.up = conn_link_up,
	.leave = tsor_cm_leave,
	.gone = conn_link_gone,
};

/* make the link of a connection that the caller holds: @id is the link's from then on */
static int conn_make_link(struct tsor_conn *conn, struct rdma_cm_id *id)
{
	struct tsor_link *link = tsor_link_create(id, &conn_link_ops, conn);

	if (IS_ERR(link))
		return PTR_ERR(link);
	spin_lock(&conns_lock);
	conn->link = link;
	conn->id = NULL;
	spin_unlock(&conns_lock);
	return 0;
}

static void conn_hello(struct tsor_conn *conn, struct tsor_hello *mine)
{
	memset(mine, 0, sizeof(*mine));
	tsor_link_describe(conn->link, mine);
	mine->node_id = tsor_node_id();
	mine->features = TSOR_FEATURES;
	get_random_bytes(mine->nonce, sizeof(mine->nonce));
}

static void conn_param(struct rdma_conn_param *param, const struct rdma_cm_id *id,
		       const void *private_data, u8 len)
{
	memset(param, 0, sizeof(*param));
	param->private_data = private_data;
	param->private_data_len = len;
	param->retry_count = CM_RETRY_COUNT;
	param->rnr_retry_count = CM_RNR_RETRY_COUNT;
	/* nobody reads from anybody's memory; but iWARP may begin with an RDMA read of 0 bytes */
	if (rdma_protocol_iwarp(id->device, id->port_num)) {
		param->responder_resources = 1;
		param->initiator_depth = 1;
	}
}

/**
 * tsor_conn_new - a connection to be made
 * @addr: to which address; IPv4 as v4-mapped
 *
 * Process context. tsor_conn_connect() must follow, even if it has been ended meanwhile.
 *
 * Return: the connection, or NULL: no memory, or the module is being unloaded.
 */
struct tsor_conn *tsor_conn_new(const struct in6_addr *addr)
{
	return conn_alloc(addr, false);
}

static int conn_resolve(struct tsor_conn *conn);

/**
 * tsor_conn_connect - begin to connect
 * @conn: from tsor_conn_new()
 *
 * Process context. Whatever happens, &tsor_cm_ops.gone will tell, unless it is up.
 */
void tsor_conn_connect(struct tsor_conn *conn)
{
	int err;

	trace_tsor_link_state(0, "connecting", 0);
	queue_delayed_work(tsor_cm_wq, &conn->deadline, msecs_to_jiffies(TSOR_CM_TIMEOUT_MS));
	err = conn_resolve(conn);
	if (err)
		tsor_conn_end(conn, err);
	conn_release(conn);
}

/**
 * tsor_conn_is_up - is the link of a connection up, and nobody about to end it?
 * @conn: the connection, not yet gone
 *
 * Process context; does not sleep. May have changed on return.
 */
bool tsor_conn_is_up(struct tsor_conn *conn)
{
	bool is_up;

	spin_lock(&conns_lock);
	is_up = !conn->ending && conn->link && tsor_link_is_up(conn->link);
	spin_unlock(&conns_lock);
	return is_up;
}

/**
 * tsor_conn_info - what can be shown of a connection's link
 * @conn: the connection, not yet gone
 * @info: filled
 *
 * Process context.
 *
 * Return: false if it has no link.
 */
bool tsor_conn_info(struct tsor_conn *conn, struct tsor_link_info *info)
{
	struct tsor_link *link;

	spin_lock(&conns_lock);
	link = conn->link;
	if (link)
		tsor_link_get(link);
	spin_unlock(&conns_lock);
	if (!link)
		return false;
	tsor_link_info(link, info);
	tsor_link_put(link);
	return true;
}

/* ---- events: active ---- */

static void conn_req(struct tsor_conn *conn, struct rdma_cm_id *id)
{
	struct rdma_conn_param param;
	struct tsor_hello mine;
	int err;

	err = conn_make_link(conn, id);
	if (err)
		goto end;
	conn_hello(conn, &mine);
	tsor_req_encode(&mine, conn->req);
	conn_param(&param, id, conn->req, sizeof(conn->req));
	err = rdma_connect_locked(id, &param);
	if (err)
		goto end;
	trace_tsor_link_state(0, "req-sent", 0);
	return;
end:
	tsor_conn_end(conn, err);
}

/* the REP is here; rdma_cm has taken the QP to RTS and answered */
static void conn_rep(struct tsor_conn *conn, const struct rdma_conn_param *param)
{
	struct tsor_hello theirs = {};
	u8 proof[TSOR_PROOF_LEN];
	enum tsor_wire_err wire;
	int err;

	wire = tsor_rep_decode(param->private_data, param->private_data_len, &theirs);
	if (wire) {
		tsor_stat_wire(wire);
		trace_tsor_wire_error(0, wire);
		err = wire == TSOR_WIRE_VERSION_UNKNOWN ? -EPROTONOSUPPORT : -EPROTO;
		goto end;
	}
	err = tsor_proof_make(conn->req, param->private_data, TSOR_PROOF_PASSIVE, proof);
	if (err)
		goto end;
	if (crypto_memneq(proof, theirs.proof, sizeof(proof))) {
		tsor_stat_inc(TSOR_STAT_LINK_NO_PROOF);
		err = -EKEYREJECTED;
		goto end;
	}
	if (theirs.node_id == tsor_node_id() && !tsor_self_link) {
		err = -ELOOP;
		goto end;
	}
	err = tsor_proof_make(conn->req, param->private_data, TSOR_PROOF_ACTIVE, proof);
	if (err)
		goto end;
	err = cm_ops->proved(conn, theirs.node_id);
	if (err)
		goto end;
	err = tsor_link_expect(conn->link, &theirs, NULL);
	if (err)
		goto end;
	trace_tsor_link_state(conn->node_id, "established", 0);
	tsor_link_established(conn->link, proof);
	return;
end:
	trace_tsor_link_state(theirs.node_id, "bad-rep", err);
	tsor_conn_end(conn, err);
}

/* why the other side refused */
static int cm_reject_errno(struct rdma_cm_id *id, struct rdma_cm_event *ev)
{
	const u8 *why;
	u8 len;

	why = rdma_consumer_reject_data(id, ev, &len);
	if (why && len) {
		switch (*why) {
		case TSOR_REJECT_NOT_ALLOWED:
			return -EACCES;
		case TSOR_REJECT_VERSION:
			return -EPROTONOSUPPORT;
		case TSOR_REJECT_SELF:
			return -ELOOP;
		case TSOR_REJECT_CROSSED:
			return -EALREADY;
		case TSOR_REJECT_BUSY:
			return -EBUSY;
		case TSOR_REJECT_GOING:
			return -ESHUTDOWN;
		}
	}
	/* the other node holds our id or QP for one of a connection of long ago */
	if (rdma_ib_or_roce(id->device, id->port_num) && ev->status == IB_CM_REJ_STALE_CONN)
		return -ESTALE;
	return -ECONNREFUSED;
}

/* ---- events: passive ---- */

static void cm_in6(const struct sockaddr_storage *ss, struct in6_addr *addr)
{
	if (ss->ss_family == AF_INET6)
		*addr = ((const struct sockaddr_in6 *)ss)->sin6_addr;
	else
		ipv6_addr_set_v4mapped(((const struct sockaddr_in *)ss)->sin_addr.s_addr, addr);
}

/*
 * The address that a REQ came from stands in its private data. What we send goes to the GID of
 * its path; on RoCE one follows from the other, and who names two different ones claims an
 * address that is not his.
 */
static bool cm_from(struct rdma_cm_id *id, struct in6_addr *addr)
{
	struct sockaddr_storage *ss = &id->route.addr.dst_addr;
	union ib_gid gid;

	if (ss->ss_family != AF_INET && ss->ss_family != AF_INET6)
		return false;
	cm_in6(ss, addr);
	if (!rdma_protocol_roce(id->device, id->port_num))
		return true;
	rdma_ip2gid((struct sockaddr *)ss, &gid);
	return !memcmp(&gid, &id->route.path_rec[0].dgid, sizeof(gid));
}

/* answer the REQ of a connection that the caller holds; its link is made */
static int conn_reply(struct tsor_conn *conn, struct rdma_cm_id *id,
		      const struct tsor_hello *theirs)
{
	u8 rep[TSOR_REP_LEN], proof[TSOR_PROOF_LEN];
	struct rdma_conn_param param;
	struct tsor_hello mine;
	int err;

	conn_hello(conn, &mine);
	/* the proofs cover the hello as it is sent */
	tsor_req_encode(&mine, rep);
	err = tsor_proof_make(conn->req, rep, TSOR_PROOF_PASSIVE, mine.proof);
	if (!err)
		err = tsor_proof_make(conn->req, rep, TSOR_PROOF_ACTIVE, proof);
	if (!err)
		err = tsor_link_expect(conn->link, theirs, proof);
	if (err)
		return err;
	tsor_rep_encode(&mine, rep);
	conn_param(&param, id, rep, sizeof(rep));
	return rdma_accept(id, &param);
}

/*
 * A REQ. 0: it is accepted, or what came of it ends by itself and the id with it; otherwise it
 * is refused, and the id is still the core's.
 */
static enum tsor_reject cm_req(struct rdma_cm_id *id, const struct rdma_conn_param *param,
			       u64 *node_id)
{
	struct tsor_hello theirs;
	enum tsor_wire_err wire;
	struct tsor_conn *conn;
	struct in6_addr from;
	int why, err;

	if (!cm_from(id, &from) || !cm_ops->allowed(&from))
		return TSOR_REJECT_NOT_ALLOWED;
	wire = tsor_req_decode(param->private_data, param->private_data_len, &theirs);
	if (wire) {
		tsor_stat_wire(wire);
		trace_tsor_wire_error(0, wire);
		return TSOR_REJECT_VERSION;
	}
	*node_id = theirs.node_id;
	if (theirs.node_id == tsor_node_id() && !tsor_self_link)
		return TSOR_REJECT_SELF;
	if (READ_ONCE(stopping))
		return TSOR_REJECT_GOING;

	conn = conn_alloc(&from, true);
	if (!conn)
		return TSOR_REJECT_BUSY;
	conn->node_id = theirs.node_id;
	memcpy(conn->req, param->private_data, sizeof(conn->req));
	why = conn_bind(conn, id) ? cm_ops->admit(conn) : TSOR_REJECT_GOING;
	if (why) {
		conn_forget(conn);
		return why;
	}

	id->context = conn;
	queue_delayed_work(tsor_cm_wq, &conn->deadline, msecs_to_jiffies(TSOR_CM_TIMEOUT_MS));
	trace_tsor_link_state(conn->node_id, "req-got", 0);
	err = conn_make_link(conn, id);
	if (err) {
		/* @conn->id is not set: its end leaves the id to the core */
		tsor_conn_end(conn, err);
		conn_release(conn);
		return TSOR_REJECT_BUSY;
	}
	err = conn_reply(conn, id, &theirs);
	if (err)
		tsor_conn_end(conn, err);
	conn_release(conn);
	return 0;
}

static int cm_connect_request(struct rdma_cm_id *id, const struct rdma_conn_param *param)
{
	u64 node_id = 0;
	u8 why = cm_req(id, param, &node_id);

	if (!why)
		return 0;
	tsor_stat_inc(TSOR_STAT_LINK_REJECTED);
	trace_tsor_link_state(node_id, "refused", why);
	rdma_reject(id, &why, sizeof(why), IB_CM_REJ_CONSUMER_DEFINED);
	return -ECONNREFUSED;
}

/* ---- events: all ---- */

/* Process context, the handler mutex of @id held. */
static int cm_event(struct rdma_cm_id *id, struct rdma_cm_event *ev)
{
	int err = ev->status < 0 ? ev->status : -EIO;
	struct tsor_conn *conn = id->context;

	if (ev->event == RDMA_CM_EVENT_CONNECT_REQUEST)
		return cm_connect_request(id, &ev->param.conn);
	/* a listener's device goes: rdma_cm sees to it, and a new device is listened on */
	if (!conn || !conn_hold(conn))
		return 0;

	switch (ev->event) {
	case RDMA_CM_EVENT_ADDR_RESOLVED:
		err = conn_bind(conn, id) ? 0 : -ENODEV;
		/* nothing would come of it but one more id that cannot say goodbye */
		if (!err && tsor_link_port_is_down(id))
			err = -ENETDOWN;
		if (!err)
			err = rdma_resolve_route(id, TSOR_CM_TIMEOUT_MS);
		break;
	case RDMA_CM_EVENT_ROUTE_RESOLVED:
		conn_req(conn, id);
		err = 0;
		break;
	case RDMA_CM_EVENT_ESTABLISHED:
		if (conn->passive) {
			trace_tsor_link_state(conn->node_id, "established", 0);
			tsor_link_established(conn->link, NULL);
		} else {
			conn_rep(conn, &ev->param.conn);
		}
		err = 0;
		break;
	case RDMA_CM_EVENT_REJECTED:
		err = cm_reject_errno(id, ev);
		break;
	case RDMA_CM_EVENT_DISCONNECTED:
		err = -ECONNRESET;
		break;
	case RDMA_CM_EVENT_ADDR_CHANGE:
		err = -ENETRESET;
		break;
	case RDMA_CM_EVENT_UNREACHABLE:
		if (ev->status >= 0)
			err = -EHOSTUNREACH;
		break;
	case RDMA_CM_EVENT_DEVICE_REMOVAL:
		err = -ENODEV;
		break;
	case RDMA_CM_EVENT_TIMEWAIT_EXIT:	/* of a link that should be gone */
	default:				/* ADDR_ERROR, ROUTE_ERROR, CONNECT_ERROR */
		break;
	}
	if (err)
		tsor_conn_end(conn, err);
	conn_release(conn);
	return 0;
}

static int conn_resolve(struct tsor_conn *conn)
{
	struct sockaddr_storage dst = {};
	struct rdma_cm_id *id;
	int err;

	if (ipv6_addr_v4mapped(&conn->addr)) {
		struct sockaddr_in *sin = (struct sockaddr_in *)&dst;

		sin->sin_family = AF_INET;
		sin->sin_addr.s_addr = conn->addr.s6_addr32[3];
		sin->sin_port = htons(TSOR_CM_PORT);
	} else {
		struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)&dst;

		sin6->sin6_family = AF_INET6;
		sin6->sin6_addr = conn->addr;
		sin6->sin6_port = htons(TSOR_CM_PORT);
	}
	id = rdma_create_id(&init_net, cm_event, conn, RDMA_PS_TCP, IB_QPT_RC);
	if (IS_ERR(id))
		return PTR_ERR(id);
	conn->id = id;
	/* the link sets it too, but the REQ's path has it from the route */
	err = rdma_set_ack_timeout(id, CM_ACK_TIMEOUT);
	if (!err)
		err = rdma_resolve_addr(id, NULL, (struct sockaddr *)&dst, TSOR_CM_TIMEOUT_MS);
	return err;
}

/* ---- what is bound to a device ---- */

/**
 * tsor_cm_end_on - end what is bound to a device
 * @device: the device
 * @port: its port, or 0 for all
 * @err: why
 *
 * Process context; does not sleep.
 */
void tsor_cm_end_on(const struct ib_device *device, u32 port, int err)
{
	struct tsor_conn *conn;

	spin_lock(&conns_lock);
	list_for_each_entry(conn, &conns, all) {
		if (conn->device != device || (port && conn->port != port) || conn->ending)
			continue;
		conn->ending = true;
		conn->err = err;
		if (!conn->holds)
			conn_end_begin(conn);
	}
	spin_unlock(&conns_lock);
}

/* nothing is bound to @device; NULL: no connection is left */
static bool cm_none_on(const struct ib_device *device)
{
	struct tsor_conn *conn;
	bool none = true;

	spin_lock(&conns_lock);
	list_for_each_entry(conn, &conns, all) {
		if (!device || conn->device == device) {
			none = false;
			break;
		}
	}
	spin_unlock(&conns_lock);
	return none;
}

/**
 * tsor_cm_wait_none - wait until nothing is bound to a device
 * @device: the device, no longer known, so that nothing is bound any more; NULL: until no
 *	connection is left
 *
 * Process context.
 */
void tsor_cm_wait_none(const struct ib_device *device)
{
	wait_event(conns_wait, cm_none_on(device));
}

/* ---- beginning and end ---- */

static struct rdma_cm_id *cm_listen_on(const struct sockaddr *any)
{
	struct rdma_cm_id *id;
	int err;

	id = rdma_create_id(&init_net, cm_event, NULL, RDMA_PS_TCP, IB_QPT_RC);
	if (IS_ERR(id))
		return id;
	/* or IPv6 would claim IPv4's port too */
	err = rdma_set_afonly(id, 1);
	if (!err)
		err = rdma_bind_addr(id, (struct sockaddr *)any);
	if (!err)
		err = rdma_listen(id, CM_BACKLOG);
	if (err) {
		rdma_destroy_id(id);
		return ERR_PTR(err);
	}
	return id;
}

static int cm_listen_start(void)
{
	struct sockaddr_in6 any6 = {
		.sin6_family = AF_INET6, .sin6_port = htons(TSOR_CM_PORT),
	};
	struct sockaddr_in any = {
		.sin_family = AF_INET, .sin_port = htons(TSOR_CM_PORT),
	};
	struct rdma_cm_id *id;

	id = cm_listen_on((struct sockaddr *)&any);
	if (IS_ERR(id))
		goto err;
	cm_listen[0] = id;
	if (IS_ENABLED(CONFIG_IPV6)) {
		id = cm_listen_on((struct sockaddr *)&any6);
		if (IS_ERR(id))
			goto err;
		cm_listen[1] = id;
	}
	return 0;
err:
	pr_err("cannot listen on RDMA port %d: error %ld\n", TSOR_CM_PORT, PTR_ERR(id));
	return PTR_ERR(id);
}

static void cm_listen_stop(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cm_listen); i++) {
		if (cm_listen[i])
			rdma_destroy_id(cm_listen[i]);
		cm_listen[i] = NULL;
	}
}

/**
 * tsor_cm_init - listen, and learn of devices
 * @ops: peer.c's; called from now on
 *
 * Process context. Sets the address in the node id.
 *
 * Return: 0 or a negative errno.
 */
int tsor_cm_init(const struct tsor_cm_ops *ops)
{
	int err;

	cm_ops = ops;
	err = tsor_proof_init();
	if (err)
		return err;

	/* not WQ_MEM_RECLAIM: rdma_destroy_id() waits for work of queues that are not */
	tsor_cm_wq = alloc_workqueue("tsor_cm", WQ_UNBOUND, 0);
	if (!tsor_cm_wq) {
		err = -ENOMEM;
		goto exit_proof;
	}
	tsor_cm_dev_node_addr();
	stopping = false;
	err = tsor_cm_dev_init(ops->retry);
	if (err)
		goto destroy_wq;
	err = cm_listen_start();
	if (err) {
		tsor_cm_exit();
		return err;
	}
	return 0;

destroy_wq:
	destroy_workqueue(tsor_cm_wq);
exit_proof:
	tsor_proof_exit();
	return err;
}

/**
 * tsor_cm_exit - end everything and wait for it
 *
 * Process context. When it returns nothing of @ops is called any more.
 */
void tsor_cm_exit(void)
{
	struct tsor_conn *conn;

	spin_lock(&conns_lock);
	stopping = true;
	spin_unlock(&conns_lock);
	cm_listen_stop();

	spin_lock(&conns_lock);
	list_for_each_entry(conn, &conns, all) {
		if (conn->ending)
			continue;
		conn->ending = true;
		conn->err = -ESHUTDOWN;
		if (!conn->holds)
			conn_end_begin(conn);
	}
	spin_unlock(&conns_lock);
	tsor_cm_wait_none(NULL);

	tsor_cm_dev_exit();
	destroy_workqueue(tsor_cm_wq);
	tsor_proof_exit();
}
