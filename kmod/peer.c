// SPDX-License-Identifier: GPL-2.0
/*
 * Peers: which nodes may connect, and the work that keeps one link up to each configured one.
 *
 * An entry is a configured peer, an allowed range, or a node that was accepted from a range and
 * is shown while it has a connection. An entry for an address has connections (cm.c): at most
 * one attempt of ours, a few that the other side began and has not proved yet, and one that is
 * up.
 *
 * When to try
 *
 * An attempt is made when the entry is new, its back-off has passed or a device has come, and
 * there is neither a link nor another attempt. The end of an attempt or of a link starts the
 * back-off: 100 ms, doubled up to 5 s, with jitter, and back to 100 ms once a link was up. If
 * the other side has begun a connection, the next attempt is put off once, until that must be
 * decided.
 *
 * Which connection stays
 *
 * - Simultaneous attempts: the one of the node with the larger id. That node refuses the other's
 *   REQ as crossed in the first second of its own attempt (later, its own REQ must have been
 *   lost) and, since the other's REQ may have been on its way, for as long after it is up as an
 *   attempt lasts. The node with the smaller id accepts, and ends its own attempt when the link
 *   is up.
 * - A node may have several addresses; only the REP or a REQ tells which node it is. So the
 *   attempts to one node meet once more when the REP has come (peer_proved()): one that leads to
 *   a node to which a link is up, or to which our proof has been sent already, ends there, and so
 *   does one of the smaller id if the other node has begun one too; the larger ends the other's.
 *   Of addresses known to lead to the same node only one is tried at a time. Hence, who sends a
 *   proof had no link to us when he did, and:
 * - A link that has been proved by its other side replaces what there was at that address or to
 *   that node. It is the peer rebooted, or he noticed before us that the old link is dead. A
 *   mere REQ, which anybody could send, ends nothing.
 * - An entry whose node is reached by the link of another entry is content with that, and tries
 *   again when that goes down.
 *
 * For one node id, link.c sees to it that those above have been told of the old link's death
 * before the new one is up; for a new id at an old address peer_up() does.
 *
 * Locks
 *
 * One mutex, peers_lock, for all that is here. It is taken below the handler mutex of an id (see
 * cm.c) and above cm.c's spinlock; nothing waits for a connection's end while holding it. An
 * entry is freed when its last connection is gone; while it has one, the connection's pointer to
 * it is good. What is deleted leaves the list at once and is waited for outside the lock.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include <net/ipv6.h>

#include "cm.h"
#include "link.h"
#include "node.h"
#include "peer.h"
#include "proof.h"

#define PEERS_MAX	1024	/* configured peers and ranges */
#define PEERS_GUEST_MAX	1024	/* nodes accepted from ranges */
#define HALF_OPEN_MAX	64	/* accepted and not yet proved: each costs a QP */
#define HALF_OPEN_GUEST	48	/* of these, before nodes that are merely in a range are refused */
#define HALF_OPEN_PEER	4	/* of one address */
#define PASSIVE_PEER	8	/* likewise, with those that are up or not gone yet */
#define BACKOFF_MIN_MS	100
#define BACKOFF_MAX_MS	5000
#define CROSSED_MS	500	/* the other side's attempt is under way: let it */
#define REQ_LOST	HZ	/* an attempt that got no answer for so long: its REQ was lost */
#define STALE_MAX	3	/* tries in a row without a pause, after "stale connection" */

/**
 * struct tsor_peer - a configured peer, an allowed range or an accepted node; all by peers_lock
 * @list: entry in peers, by @serial
 * @serial: order and cursor of dumps
 * @addr: address, or first of the range
 * @prefix: 128; shorter: a range, which has nothing of what follows
 * @configured: a link is kept to it
 * @dead: deleted: off the list, its last connections are ending
 * @node_id: of the last node met there, 0 if none
 * @conns: its connections, until they are gone
 * @active: one of them: the attempt of ours that is under way
 * @up: one of them: the link
 * @tried_at: when @active began, jiffies
 * @retry: the next attempt
 * @backoff_ms: pause after the next failure
 * @stale: attempts in a row that ended with -ESTALE
 * @yielded: the last attempt was put off
 * @attempts: since a link was up
 * @last_error: why the last attempt or link ended
 * @said_error: what was last said of it in the kernel log
 */
struct tsor_peer {
	struct list_head list;
	unsigned int serial;
	struct in6_addr addr;
	u8 prefix;
	bool configured;
	bool dead;
	u64 node_id;
	struct list_head conns;
	struct tsor_conn *active;
	struct tsor_conn *up;
	unsigned long tried_at;
	struct delayed_work retry;
	unsigned int backoff_ms;
	unsigned int stale;
	bool yielded;
	unsigned int attempts;
	int last_error;
	int said_error;
};

static DEFINE_MUTEX(peers_lock);
static LIST_HEAD(peers);
static unsigned int peers_serial;
static unsigned int peers_configured;
static unsigned int peers_guests;
static unsigned int half_open;
static bool peers_stopping = true;
static tsor_peer_event_fn peers_event;
static struct workqueue_struct *peers_wq;
static DECLARE_WAIT_QUEUE_HEAD(peers_wait);	/* a connection is gone */

/* ---- entries ---- */

static bool peer_is_range(const struct tsor_peer *peer)
{
	return peer->prefix < 128;
}

static struct tsor_peer *peer_find(const struct in6_addr *addr, u8 prefix)
{
	struct tsor_peer *peer;

	lockdep_assert_held(&peers_lock);
	list_for_each_entry(peer, &peers, list)
		if (peer->prefix == prefix && ipv6_addr_equal(&peer->addr, addr))
			return peer;
	return NULL;
}

/* does the configuration allow @addr? */
static bool peers_allow(const struct in6_addr *addr)
{
	bool mapped = ipv6_addr_v4mapped(addr);
	struct tsor_peer *peer;

	lockdep_assert_held(&peers_lock);
	list_for_each_entry(peer, &peers, list) {
		/* "::/0" is all of IPv6, and none of IPv4 */
		if (!peer->configured || ipv6_addr_v4mapped(&peer->addr) != mapped)
			continue;
		if (ipv6_prefix_equal(&peer->addr, addr, peer->prefix))
			return true;
	}
	return false;
}

static void peer_retry_work(struct work_struct *work);

static struct tsor_peer *peer_new(const struct in6_addr *addr, u8 prefix, bool configured)
{
	struct tsor_peer *peer = kzalloc(sizeof(*peer), GFP_KERNEL);

	lockdep_assert_held(&peers_lock);
	if (!peer)
		return NULL;
	peer->serial = ++peers_serial;
	peer->addr = *addr;
	peer->prefix = prefix;
	peer->configured = configured;
	peer->backoff_ms = BACKOFF_MIN_MS;
	INIT_LIST_HEAD(&peer->conns);
	INIT_DELAYED_WORK(&peer->retry, peer_retry_work);
	list_add_tail(&peer->list, &peers);
	if (configured)
		peers_configured++;
	else
		peers_guests++;
	return peer;
}

/* take @peer off the list; the caller waits for and frees what is on @dead */
static void peer_kill(struct tsor_peer *peer, struct list_head *dead, int err)
{
	struct tsor_conn *conn;

	lockdep_assert_held(&peers_lock);
	peer->dead = true;
	list_move_tail(&peer->list, dead);
	if (peer->configured)
		peers_configured--;
	else
		peers_guests--;
	list_for_each_entry(conn, &peer->conns, of_peer)
		tsor_conn_end(conn, err);
}

/* without peers_lock: wait until the connections of the peers on @dead are gone */
static void peers_reap(struct list_head *dead)
{
	struct tsor_peer *peer, *next;

	list_for_each_entry_safe(peer, next, dead, list) {
		cancel_delayed_work_sync(&peer->retry);
		wait_event(peers_wait, list_empty_careful(&peer->conns));
		/* who emptied the list has let go of the entry when it lets go of the lock */
		mutex_lock(&peers_lock);
		mutex_unlock(&peers_lock);
		kfree(peer);
	}
}

/* ---- what is told ---- */

static void peer_tell_up(struct tsor_peer *peer, struct tsor_conn *conn)
{
	conn->told = true;
	if (peers_event)
		peers_event(conn->node_id, &peer->addr, true, 0);
	pr_info_ratelimited("peer %pI6c: link up, node %016llx\n", &peer->addr, conn->node_id);
}

static void peer_tell_down(struct tsor_peer *peer, struct tsor_conn *conn, int err)
{
	if (!conn->told)
		return;
	conn->told = false;
	if (peers_event)
		peers_event(conn->node_id, &peer->addr, false, err);
	pr_info_ratelimited("peer %pI6c: link down, error %d\n", &peer->addr, err);
}

/* an attempt failed: say so if it is news */
static void peer_tell_failed(struct tsor_peer *peer, int err)
{
	if (err == peer->said_error)
		return;
	peer->said_error = err;
	pr_info_ratelimited("peer %pI6c: cannot connect, error %d; trying on\n", &peer->addr, err);
}

/* ---- when to try ---- */

static struct tsor_conn *peer_other_up(const struct tsor_peer *peer)
{
	struct tsor_peer *other;

	if (!peer->node_id || peer->node_id == tsor_node_id())
		return NULL;
	list_for_each_entry(other, &peers, list)
		if (other->up && other->up->node_id == peer->node_id)
			return other->up;
	return NULL;
}

static bool node_is_up(u64 node_id)
{
	struct tsor_link *link = tsor_link_find(node_id);

	if (!link)
		return false;
	tsor_link_put(link);
	return true;
}

/* is there a link to it, by this address or another? */
static bool peer_is_linked(const struct tsor_peer *peer)
{
	if (peer->up)
		return true;
	return peer->node_id && peer->node_id != tsor_node_id() && node_is_up(peer->node_id);
}

/* is there an attempt to its node by another address? */
static bool peer_is_tried(const struct tsor_peer *peer)
{
	struct tsor_peer *other;

	if (!peer->node_id || peer->node_id == tsor_node_id())
		return false;
	list_for_each_entry(other, &peers, list)
		if (other != peer && other->active && other->node_id == peer->node_id)
			return true;
	return false;
}

static bool peer_is_half_open(const struct tsor_peer *peer)
{
	struct tsor_conn *conn;

	list_for_each_entry(conn, &peer->conns, of_peer)
		if (conn->passive && !conn->was_up)
			return true;
	return false;
}

static unsigned int jitter(unsigned int ms)
{
	return ms - ms / 4 + get_random_u32() % (ms / 2 + 1);
}

/* try now, or soon if there are many */
static void peer_kick(struct tsor_peer *peer)
{
	lockdep_assert_held(&peers_lock);
	if (!peer->configured || peer_is_range(peer) || peer->dead || peer->active ||
	    peer_is_linked(peer))
		return;
	peer->backoff_ms = BACKOFF_MIN_MS;
	mod_delayed_work(peers_wq, &peer->retry,
			 msecs_to_jiffies(get_random_u32() % (peers_configured + 1)));
}

/* a connection ended: try again later, unless that is settled already */
static void peer_retry_later(struct tsor_peer *peer, int err)
{
	unsigned int ms = jitter(peer->backoff_ms);

	lockdep_assert_held(&peers_lock);
	if (!peer->configured || peer->dead || peer->active || peer_is_linked(peer))
		return;
	if (err == -ESTALE && peer->stale++ < STALE_MAX) {
		ms = 0;
	} else {
		peer->backoff_ms = min(2 * peer->backoff_ms, (unsigned int)BACKOFF_MAX_MS);
		if (err == -EALREADY)
			ms = max(ms, (unsigned int)CROSSED_MS);
	}
	/* what it was put off for has ended */
	if (peer->yielded)
		mod_delayed_work(peers_wq, &peer->retry, msecs_to_jiffies(ms));
	else
		queue_delayed_work(peers_wq, &peer->retry, msecs_to_jiffies(ms));
}

static void peer_retry_work(struct work_struct *work)
{
	struct tsor_peer *peer = container_of(work, struct tsor_peer, retry.work);
	struct tsor_conn *conn = NULL;

	mutex_lock(&peers_lock);
	if (peer->dead || peer->active || peer_is_linked(peer))
		goto unlock;
	if (peer_is_half_open(peer) && !peer->yielded) {
		peer->yielded = true;
		queue_delayed_work(peers_wq, &peer->retry, msecs_to_jiffies(TSOR_CM_TIMEOUT_MS));
		goto unlock;
	}
	if (peer_is_tried(peer)) {
		queue_delayed_work(peers_wq, &peer->retry,
				   msecs_to_jiffies(jitter(peer->backoff_ms)));
		goto unlock;
	}
	peer->yielded = false;
	peer->attempts++;
	conn = tsor_conn_new(&peer->addr);
	if (!conn) {
		peer->last_error = -ENOMEM;
		peer_retry_later(peer, -ENOMEM);
		goto unlock;
	}
	conn->peer = peer;
	list_add_tail(&conn->of_peer, &peer->conns);
	peer->active = conn;
	peer->tried_at = jiffies;
unlock:
	mutex_unlock(&peers_lock);
	if (conn)
		tsor_conn_connect(conn);
}

/* ---- what cm.c asks and tells ---- */

static bool peer_allowed(const struct in6_addr *addr)
{
	bool allowed;

	mutex_lock(&peers_lock);
	allowed = peers_allow(addr);
	mutex_unlock(&peers_lock);
	return allowed;
}

/*
 * Does an attempt of ours stand in the way of this REQ? Not for long: whoever lets the other
 * side's REQ arrive and does not answer ours has not got it.
 */
static bool peer_crossed(const struct tsor_conn *req)
{
	struct tsor_peer *peer;

	if (req->node_id >= tsor_node_id())
		return false;
	list_for_each_entry(peer, &peers, list) {
		if (peer->node_id != req->node_id && !ipv6_addr_equal(&peer->addr, &req->addr))
			continue;
		if (peer->active && time_before(jiffies, peer->tried_at + REQ_LOST))
			return true;
		if (peer->up && !peer->up->passive && peer->up->node_id == req->node_id &&
		    time_before(jiffies, peer->up->up_at + msecs_to_jiffies(TSOR_CM_TIMEOUT_MS)))
			return true;
	}
	return false;
}

static int peer_admit(struct tsor_conn *conn)
{
	struct tsor_conn *other;
	struct tsor_peer *peer;
	unsigned int n = 0, passive = 0;
	int why = 0;

	mutex_lock(&peers_lock);
	if (peers_stopping) {
		why = TSOR_REJECT_GOING;
		goto unlock;
	}
	if (!peers_allow(&conn->addr)) {
		why = TSOR_REJECT_NOT_ALLOWED;
		goto unlock;
	}
	if (peer_crossed(conn)) {
		why = TSOR_REJECT_CROSSED;
		goto unlock;
	}
	why = TSOR_REJECT_BUSY;
	peer = peer_find(&conn->addr, 128);
	/* who can send from any address of a range does not keep configured peers out */
	if (half_open >= (peer && peer->configured ? HALF_OPEN_MAX : HALF_OPEN_GUEST))
		goto unlock;
	if (!peer) {
		if (peers_guests >= PEERS_GUEST_MAX)
			goto unlock;
		peer = peer_new(&conn->addr, 128, false);
		if (!peer)
			goto unlock;
	}
	list_for_each_entry(other, &peer->conns, of_peer) {
		passive += other->passive;
		n += other->passive && !other->was_up;
	}
	/* links take longer to go than to come: who reconnects all the time must wait for that */
	if (n >= HALF_OPEN_PEER || passive >= PASSIVE_PEER)
		goto unlock;
	half_open++;
	conn->peer = peer;
	list_add_tail(&conn->of_peer, &peer->conns);
	why = 0;
unlock:
	mutex_unlock(&peers_lock);
	return why;
}

/*
 * An attempt of ours has found its node: may it go on and send our proof? This is where the
 * attempts by all addresses to one node meet.
 */
static int peer_proved(struct tsor_conn *conn, u64 theirs)
{
	u64 mine = tsor_node_id();
	struct tsor_conn *other;
	struct tsor_peer *peer;
	int err = 0;

	mutex_lock(&peers_lock);
	conn->node_id = theirs;
	conn->peer->node_id = theirs;
	if (theirs == mine)
		goto unlock;
	err = -EEXIST;
	if (node_is_up(theirs))
		goto unlock;
	list_for_each_entry(peer, &peers, list) {
		list_for_each_entry(other, &peer->conns, of_peer) {
			if (other == conn || other->node_id != theirs || other->was_up)
				continue;
			if (other->proved || (other->passive && theirs > mine))
				goto unlock;
		}
	}
	/* it may; what that node has begun, and not been refused for another address, may not */
	list_for_each_entry(peer, &peers, list)
		list_for_each_entry(other, &peer->conns, of_peer)
			if (other->passive && other->node_id == theirs && !other->was_up)
				tsor_conn_end(other, -EALREADY);
	conn->proved = true;
	err = 0;
unlock:
	mutex_unlock(&peers_lock);
	return err;
}

/*
 * Until this returns, the link hands nothing up. It waits here for the end of the one that was
 * at its address and leads to another node; of the same node, link.c has waited for it.
 */
static void peer_up(struct tsor_conn *conn)
{
	bool self = conn->node_id == tsor_node_id();
	struct tsor_peer *peer = conn->peer;
	struct tsor_conn *other;
	struct tsor_peer *p;

	mutex_lock(&peers_lock);
	conn->was_up = true;
	conn->up_at = jiffies;
	if (conn->passive)
		half_open--;
	if (peer->active == conn)
		peer->active = NULL;
	/* who is being replaced already does not replace its successor */
	if (peer->dead || !tsor_conn_is_up(conn))
		goto unlock;

	/* what it replaces at this address; the two ends of a link to ourselves stay */
	list_for_each_entry(other, &peer->conns, of_peer) {
		if (other == conn || (self && other->passive != conn->passive))
			continue;
		peer_tell_down(peer, other, -EALREADY);
		tsor_conn_end(other, -EALREADY);
		if (other->was_up && other->node_id != conn->node_id && !other->successor) {
			other->successor = conn;
			conn->awaited++;
		}
	}
	/* and, as link.c has seen to, to this node by another address */
	if (!self) {
		list_for_each_entry(p, &peers, list)
			if (p != peer && p->up && p->up->node_id == conn->node_id)
				peer_tell_down(p, p->up, -EALREADY);
	}

	peer->node_id = conn->node_id;
	peer->backoff_ms = BACKOFF_MIN_MS;
	peer->stale = 0;
	peer->yielded = false;
	peer->attempts = 0;
	peer->last_error = 0;
	peer->said_error = 0;
	if (self && peer->up && peer->up->passive != conn->passive)
		goto unlock;	/* the second end: one of them is shown */
	peer->up = conn;
	while (conn->awaited) {
		mutex_unlock(&peers_lock);
		wait_event(peers_wait, !READ_ONCE(conn->awaited));
		mutex_lock(&peers_lock);
	}
	if (!peer->dead)
		peer_tell_up(peer, conn);
unlock:
	mutex_unlock(&peers_lock);
}

static void peer_gone(struct tsor_conn *conn, int err)
{
	struct tsor_peer *peer = conn->peer, *guest = NULL, *p;
	struct tsor_conn *other;

	mutex_lock(&peers_lock);
	list_del_init(&conn->of_peer);
	if (conn->passive && !conn->was_up)
		half_open--;
	if (conn->successor)
		WRITE_ONCE(conn->successor->awaited, conn->successor->awaited - 1);
	peer_tell_down(peer, conn, err);

	if (peer->up == conn) {
		peer->up = NULL;
		peer->last_error = err;
		/* of a link to ourselves, the other end; of any other there is none */
		list_for_each_entry(other, &peer->conns, of_peer)
			if (other->was_up && other->node_id == conn->node_id)
				tsor_conn_end(other, err);
	}
	if (peer->active == conn) {
		peer->active = NULL;
		/* not worth a word: the other side's attempt goes on, or there is a link */
		if (err != -EALREADY && err != -EEXIST) {
			peer->last_error = err;
			if (!peer->dead)
				peer_tell_failed(peer, err);
		}
	}

	if (!peer->dead && !peer->configured && list_empty(&peer->conns)) {
		list_del(&peer->list);
		peers_guests--;
		guest = peer;
	} else {
		peer_retry_later(peer, err);
	}
	/* entries that were content with this link */
	if (conn->was_up && !peers_stopping) {
		list_for_each_entry(p, &peers, list)
			if (p != peer && p->node_id == conn->node_id)
				peer_kick(p);
	}
	mutex_unlock(&peers_lock);

	kfree(guest);
	wake_up_all(&peers_wait);
}

static void peer_retry_all(void)
{
	struct tsor_peer *peer;

	mutex_lock(&peers_lock);
	list_for_each_entry(peer, &peers, list)
		peer_kick(peer);
	mutex_unlock(&peers_lock);
}

static const struct tsor_cm_ops peer_cm_ops = {
	.allowed = peer_allowed,
	.admit = peer_admit,
	.proved = peer_proved,
	.up = peer_up,
	.gone = peer_gone,
	.retry = peer_retry_all,
};

/* ---- for those above ---- */

/**
 * tsor_peer_set_event - who is told when links come and go
 * @event: to be called, or NULL
 *
 * Process context. When it returns, the one before is not called any more.
 */
void tsor_peer_set_event(tsor_peer_event_fn event)
{
	mutex_lock(&peers_lock);
	peers_event = event;
	mutex_unlock(&peers_lock);
}

/**
 * tsor_peer_set_key - set the pre-shared key of this node
 * @key: the key
 * @len: its bytes, at most 256; 0 for none
 *
 * Process context. Links that are up stay up; those made from now on are proved by it.
 *
 * Return: 0 or a negative errno.
 */
int tsor_peer_set_key(const u8 *key, size_t len)
{
	return tsor_proof_set_key(key, len);
}

static bool peer_addr_is_good(const struct in6_addr *addr, u8 prefix)
{
	bool mapped = ipv6_addr_v4mapped(addr);
	struct in6_addr masked;

	if (prefix > 128 || (mapped && prefix < 96))
		return false;
	ipv6_addr_prefix(&masked, addr, prefix);
	if (!ipv6_addr_equal(&masked, addr))
		return false;
	if (prefix < 128)
		return true;
	if (mapped) {
		__be32 v4 = addr->s6_addr32[3];

		return !ipv4_is_zeronet(v4) && !ipv4_is_loopback(v4) && !ipv4_is_multicast(v4) &&
		       !ipv4_is_lbcast(v4);
	}
	/* link-local addresses need an interface to mean anything */
	return !ipv6_addr_any(addr) && !ipv6_addr_loopback(addr) && !ipv6_addr_is_multicast(addr) &&
	       !(ipv6_addr_type(addr) & IPV6_ADDR_LINKLOCAL);
}

/**
 * tsor_peer_add - keep a link to a node, or allow nodes to connect
 * @addr: address, IPv4 as v4-mapped; no bits set behind the prefix
 * @prefix: 128 for a peer to which a link is kept; shorter for a range of addresses from which
 *	connections are accepted (IPv4: 96 more than usual)
 *
 * Process context. Does not wait for the link.
 *
 * Return: 0, -EEXIST if it is there, -EINVAL if it cannot be a peer or range, -ENOSPC if there
 * are too many, -ENOMEM.
 */
int tsor_peer_add(const struct in6_addr *addr, u8 prefix)
{
	struct tsor_peer *peer;
	int err = 0;

	if (!peer_addr_is_good(addr, prefix))
		return -EINVAL;
	mutex_lock(&peers_lock);
	peer = peer_find(addr, prefix);
	if (peer && peer->configured)
		err = -EEXIST;
	else if (peers_stopping)
		err = -ESHUTDOWN;
	else if (peers_configured >= PEERS_MAX)
		err = -ENOSPC;
	if (err)
		goto unlock;
	if (peer) {
		/* accepted from a range before */
		peer->configured = true;
		peers_guests--;
		peers_configured++;
	} else {
		peer = peer_new(addr, prefix, true);
		if (!peer)
			err = -ENOMEM;
	}
	if (!err)
		peer_kick(peer);
unlock:
	mutex_unlock(&peers_lock);
	return err;
}

/**
 * tsor_peer_del - keep no link any more, or allow no more
 * @addr: as given to tsor_peer_add()
 * @prefix: as given to tsor_peer_add()
 *
 * Process context. Links to the peer, and those accepted from the range that nothing else
 * allows, are down and gone when it returns.
 *
 * Return: 0, or -ENOENT.
 */
int tsor_peer_del(const struct in6_addr *addr, u8 prefix)
{
	struct tsor_peer *peer, *p, *next;
	LIST_HEAD(dead);

	mutex_lock(&peers_lock);
	peer = peer_find(addr, prefix);
	if (!peer || !peer->configured) {
		mutex_unlock(&peers_lock);
		return -ENOENT;
	}
	peer_kill(peer, &dead, -ECONNABORTED);
	if (peer_is_range(peer)) {
		list_for_each_entry_safe(p, next, &peers, list)
			if (!p->configured && !peers_allow(&p->addr))
				peer_kill(p, &dead, -ECONNABORTED);
	}
	mutex_unlock(&peers_lock);
	peers_reap(&dead);
	return 0;
}

static u8 peer_state(const struct tsor_peer *peer)
{
	if (peer->active || (!peer->up && peer_is_half_open(peer)))
		return TSOR_PEER_CONNECTING;
	if (peer_is_range(peer) || (!peer->attempts && !peer->last_error))
		return TSOR_PEER_IDLE;
	return TSOR_PEER_WAITING;
}

/**
 * tsor_peer_info_next - walk over peers and ranges
 * @cursor: 0 to begin with; where to go on
 * @info: filled with a copy
 *
 * Process context. Shows configured peers and ranges, and nodes that were accepted from a
 * range (neither @configured nor @range). A peer that is reached by the link of another
 * address shows that link.
 *
 * Return: 0, or -ENOENT if there are no more.
 */
int tsor_peer_info_next(unsigned int *cursor, struct tsor_peer_info *info)
{
	struct tsor_link_info link;
	struct tsor_conn *conn;
	struct tsor_peer *peer;
	int err = -ENOENT;

	memset(info, 0, sizeof(*info));
	mutex_lock(&peers_lock);
	list_for_each_entry(peer, &peers, list) {
		if (peer->serial <= *cursor)
			continue;
		*cursor = peer->serial;
		info->addr = peer->addr;
		info->prefix = peer->prefix;
		info->range = peer_is_range(peer);
		info->configured = peer->configured;
		info->node_id = peer->node_id;
		info->attempts = peer->attempts;
		info->last_error = peer->last_error;
		info->state = peer_state(peer);
		conn = peer->up ? peer->up : peer_other_up(peer);
		if (conn && tsor_conn_info(conn, &link)) {
			info->state = TSOR_PEER_UP;
			strscpy(info->device, link.device, sizeof(info->device));
			info->port = link.port;
			info->qp_num = link.qp_num;
			info->max_msg = link.max_msg;
			info->credits = link.credits;
			info->inflight = link.inflight;
			info->tx_msgs = link.tx_msgs;
			info->tx_bytes = link.tx_bytes;
			info->rx_msgs = link.rx_msgs;
			info->rx_bytes = link.rx_bytes;
			info->up_for_ms = link.up_for_ms;
		}
		err = 0;
		break;
	}
	mutex_unlock(&peers_lock);
	return err;
}

/**
 * tsor_peer_init - links can be made
 *
 * Process context. No peers and no ranges: nobody may connect.
 *
 * Return: 0 or a negative errno.
 */
int tsor_peer_init(void)
{
	int err;

	peers_wq = alloc_workqueue("tsor_peer", WQ_UNBOUND, 0);
	if (!peers_wq)
		return -ENOMEM;
	err = tsor_link_init();
	if (err)
		goto destroy_wq;
	err = tsor_cm_init(&peer_cm_ops);
	if (err)
		goto exit_link;
	mutex_lock(&peers_lock);
	peers_stopping = false;
	mutex_unlock(&peers_lock);
	return 0;

exit_link:
	tsor_link_exit();
destroy_wq:
	destroy_workqueue(peers_wq);
	return err;
}

/**
 * tsor_peer_exit - take down all links and wait until they are gone
 *
 * Process context. Nobody adds or deletes peers any more.
 */
void tsor_peer_exit(void)
{
	struct tsor_peer *peer, *next;
	LIST_HEAD(dead);

	mutex_lock(&peers_lock);
	peers_stopping = true;
	list_for_each_entry_safe(peer, next, &peers, list)
		peer_kill(peer, &dead, -ESHUTDOWN);
	mutex_unlock(&peers_lock);
	peers_reap(&dead);
	/* what is left: listeners, and what they let in meanwhile (nothing) */
	tsor_cm_exit();
	tsor_link_exit();
	destroy_workqueue(peers_wq);
}
