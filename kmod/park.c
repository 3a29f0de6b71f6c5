// SPDX-License-Identifier: GPL-2.0
/*
 * Data that came by a link before the child that it is for: the client may send as soon as the
 * handshake is over for it, and its last ACK can be slower, or lost. Parked data has not been
 * acknowledged; if no child claims it within TSOR_PARK_TIME it is answered REFUSE, and the
 * client goes plain. A tombstone then stands for its token: what follows is refused too, and a
 * child that is born after all is plain, as its client will be.
 *
 * Bounded for each link, since any peer can send to tokens that nobody will claim.
 *
 * The race of a message with the birth of its child: who parks looks into the table of
 * channels once more under the lock, and a child stands in the table before it takes what is
 * parked. So either the child finds the message, or the message the child.
 */
#include <linux/hashtable.h>
#include <linux/slab.h>

#include "channel.h"
#include "compat.h"
#include "stats.h"

#define TSOR_PARK_TIME	(3 * HZ)	/* more than the SYN-ACK's first timeout, RFC 6298 */
#define TSOR_PARK_MSGS	256		/* for each link */
#define TSOR_PARK_BYTES	(1024 * 1024)	/* truesize, likewise */
#define TSOR_PARK_TOMBS	1024		/* likewise */

/**
 * struct tsor_room - what one link has parked
 * @node: in tsor_rooms
 * @link: referenced
 * @msgs: how many
 * @tombs: how many tombstones
 * @bytes: truesize of the messages
 */
struct tsor_room {
	struct hlist_node node;
	struct tsor_link *link;
	u32 msgs;
	u32 tombs;
	u32 bytes;
};

/**
 * struct tsor_parked - a message that waits
 * @node: in tsor_tokens
 * @age: in tsor_ages, oldest first
 * @room: whose it is
 * @m: header
 * @skb: payload or NULL
 * @bytes: its truesize
 * @until: jiffies
 * @tomb: no message, but a tombstone: what comes for the token is refused
 */
struct tsor_parked {
	struct hlist_node node;
	struct list_head age;
	struct tsor_room *room;
	struct tsor_msg m;
	struct sk_buff *skb;
	u32 bytes;
	unsigned long until;
	bool tomb;
};

/* guards all below; under the socket's lock, above those of a link */
static DEFINE_SPINLOCK(tsor_park_lock);
static DEFINE_HASHTABLE(tsor_rooms, 6);
static DEFINE_HASHTABLE(tsor_tokens, 8);
static LIST_HEAD(tsor_ages);
static struct timer_list tsor_park_timer;

static struct tsor_room *tsor_room_find(struct tsor_link *link)
{
	struct tsor_room *room;

	hash_for_each_possible(tsor_rooms, room, node, (unsigned long)link) {
		if (room->link == link)
			return room;
	}
	return NULL;
}

static struct tsor_room *tsor_room_new(struct tsor_link *link)
{
	struct tsor_room *room = kzalloc(sizeof(*room), GFP_ATOMIC);

	if (!room)
		return NULL;
	tsor_link_get(link);
	room->link = link;
	hash_add(tsor_rooms, &room->node, (unsigned long)link);
	return room;
}

/* take a message out; it goes on counting for its room until it is freed */
static void tsor_parked_remove(struct tsor_parked *p)
{
	hash_del(&p->node);
	list_del(&p->age);
}

/* lock held */
static void tsor_room_leave(struct tsor_room *room)
{
	if (room->msgs || room->tombs)
		return;
	hash_del(&room->node);
	tsor_link_put(room->link);
	kfree(room);
}

/* lock held; @p has been taken out, and @skb's @bytes with it */
static void tsor_parked_free(struct tsor_parked *p)
{
	struct tsor_room *room = p->room;

	if (p->tomb)
		room->tombs--;
	else
		room->msgs--;
	room->bytes -= p->bytes;
	tsor_room_leave(room);
	kfree(p);
}

/* lock held; give up what is on @list (by @age, taken out already): answer it or not, free it */
static void tsor_parked_give_up(struct list_head *list, bool answer)
{
	struct tsor_parked *p, *next;

	list_for_each_entry_safe(p, next, list, age) {
		struct tsor_msg refuse = {
			.type = TSOR_MSG_REFUSE,
			.dst = p->m.src,
			.src = p->m.dst,
		};

		if (p->tomb) {
			tsor_parked_free(p);
			continue;
		}
		tsor_stat_inc(TSOR_STAT_PARK_GIVEN_UP);
		if (answer && !tsor_link_send_control(p->room->link, &refuse))
			tsor_stat_inc(TSOR_STAT_REFUSE_SENT);
		kfree_skb(p->skb);
		tsor_parked_free(p);
	}
	INIT_LIST_HEAD(list);
}

/* lock held; move all for @token that came by @link to @list, oldest first */
static void tsor_parked_collect(struct tsor_link *link, u32 token, struct list_head *list)
{
	struct tsor_parked *p;
	struct hlist_node *next;

	/* a bucket has the newest first */
	hash_for_each_possible_safe(tsor_tokens, p, next, node, token) {
		if (p->m.dst != token || p->room->link != link)
			continue;
		tsor_parked_remove(p);
		list_add(&p->age, list);
	}
}

/* lock held; NULL if there is no room */
static struct tsor_parked *tsor_parked_new(struct tsor_link *link, u32 token, u32 bytes, bool tomb)
{
	struct tsor_room *room = tsor_room_find(link);
	struct tsor_parked *p = NULL;
	bool fits;

	if (!room && tsor_link_is_up(link))
		room = tsor_room_new(link);
	if (!room)
		return NULL;
	if (tomb)
		fits = room->tombs < TSOR_PARK_TOMBS;
	else
		fits = room->msgs < TSOR_PARK_MSGS && room->bytes + bytes <= TSOR_PARK_BYTES;
	if (fits)
		p = kzalloc(sizeof(*p), GFP_ATOMIC);
	if (!p) {
		tsor_room_leave(room);
		return NULL;
	}
	p->m.dst = token;
	p->bytes = bytes;
	p->tomb = tomb;
	p->room = room;
	p->until = jiffies + TSOR_PARK_TIME;
	if (tomb)
		room->tombs++;
	else
		room->msgs++;
	room->bytes += bytes;
	if (list_empty(&tsor_ages))
		mod_timer(&tsor_park_timer, p->until);
	list_add_tail(&p->age, &tsor_ages);
	hash_add(tsor_tokens, &p->node, token);
	return p;
}

static void tsor_park_expire(struct timer_list *t)
{
	struct tsor_parked *p;
	LIST_HEAD(list);

	spin_lock(&tsor_park_lock);
	while ((p = list_first_entry_or_null(&tsor_ages, struct tsor_parked, age))) {
		struct tsor_link *link = p->room->link;
		u32 token = p->m.dst;
		bool tomb;

		if (time_before(jiffies, p->until)) {
			mod_timer(&tsor_park_timer, p->until);
			break;
		}
		/* and those behind it, or a later one would be taken without it */
		tomb = !p->tomb;
		tsor_link_get(link);
		tsor_parked_collect(link, token, &list);
		tsor_parked_give_up(&list, true);
		if (tomb)
			tsor_parked_new(link, token, 0, true);
		tsor_link_put(link);
	}
	spin_unlock(&tsor_park_lock);
}

/* lock held */
static bool tsor_parked_tomb(struct tsor_link *link, u32 token)
{
	struct tsor_parked *p;

	hash_for_each_possible(tsor_tokens, p, node, token) {
		if (p->tomb && p->m.dst == token && p->room->link == link)
			return true;
	}
	return false;
}

/**
 * tsor_park - keep a message until its child is born
 * @link: by which it came
 * @m: header, of a DATA message
 * @skb: payload or NULL
 *
 * Softirq. Return: true if it was taken; false if its channel is there now, or there is no room:
 * then what was parked for the same token is given up too, since the client will go plain.
 */
bool tsor_park(struct tsor_link *link, const struct tsor_msg *m, struct sk_buff *skb)
{
	struct tsor_channel *ch;
	struct tsor_parked *p;
	LIST_HEAD(list);

	spin_lock_bh(&tsor_park_lock);
	ch = tsor_channel_lookup(m->dst);
	if (ch) {
		tsor_channel_put(ch);
		goto no;
	}
	if (tsor_parked_tomb(link, m->dst))
		goto no;
	p = tsor_parked_new(link, m->dst, skb ? skb->truesize : 0, false);
	if (!p) {
		tsor_parked_collect(link, m->dst, &list);
		tsor_parked_give_up(&list, false);
		tsor_parked_new(link, m->dst, 0, true);
		goto no;
	}
	p->m = *m;
	p->skb = skb;
	spin_unlock_bh(&tsor_park_lock);
	tsor_stat_inc(TSOR_STAT_PARKED);
	return true;

no:
	spin_unlock_bh(&tsor_park_lock);
	return false;
}

/**
 * tsor_park_take - a child is born: let what was parked for it take effect
 * @ch: its channel, confirmed and in the table; socket's lock, not owned by a program
 *
 * If something was refused meanwhile, the child is plain, and so will be its client.
 */
void tsor_park_take(struct tsor_channel *ch)
{
	struct tsor_parked *p, *next;
	LIST_HEAD(list);
	bool tomb = false;

	spin_lock_bh(&tsor_park_lock);
	tsor_parked_collect(ch->link, ch->token, &list);
	spin_unlock_bh(&tsor_park_lock);
	list_for_each_entry_safe(p, next, &list, age) {
		if (p->tomb) {
			tomb = true;
		} else if (p->m.src == ch->peer_token && tsor_channel_live(ch)) {
			tsor_rx_message(ch, &p->m, p->skb);
		} else {
			tsor_stat_inc(TSOR_STAT_RX_FOREIGN_TOKEN);
			kfree_skb(p->skb);
		}
		spin_lock_bh(&tsor_park_lock);
		tsor_parked_free(p);
		spin_unlock_bh(&tsor_park_lock);
	}
	if (tomb)
		tsor_channel_plain(ch, TSOR_WHY_REFUSED);
}

/**
 * tsor_park_refuse - a child was born plain: answer what was parked for it, and what follows
 * @link: to its peer
 * @token: that it would have had
 *
 * Softirq.
 */
void tsor_park_refuse(struct tsor_link *link, u32 token)
{
	LIST_HEAD(list);

	spin_lock_bh(&tsor_park_lock);
	tsor_parked_collect(link, token, &list);
	tsor_parked_give_up(&list, true);
	tsor_parked_new(link, token, 0, true);
	spin_unlock_bh(&tsor_park_lock);
}

/**
 * tsor_park_tombstone - what comes for a token is refused for some time
 * @link: to its peer
 * @token: of a server's channel that is dead
 *
 * Any context.
 */
void tsor_park_tombstone(struct tsor_link *link, u32 token)
{
	struct tsor_room *room;

	spin_lock_bh(&tsor_park_lock);
	/* half of them are for what was refused, which a client relies on */
	room = tsor_room_find(link);
	if (!room || room->tombs < TSOR_PARK_TOMBS / 2)
		tsor_parked_new(link, token, 0, true);
	spin_unlock_bh(&tsor_park_lock);
}

/**
 * tsor_park_forget - a link has died: so have its messages
 * @link: not up any more
 *
 * Process context.
 */
void tsor_park_forget(struct tsor_link *link)
{
	struct tsor_parked *p, *next;
	LIST_HEAD(list);

	spin_lock_bh(&tsor_park_lock);
	list_for_each_entry_safe(p, next, &tsor_ages, age) {
		if (p->room->link != link)
			continue;
		tsor_parked_remove(p);
		list_add_tail(&p->age, &list);
	}
	tsor_parked_give_up(&list, false);
	spin_unlock_bh(&tsor_park_lock);
}

/** tsor_park_init - nothing is parked */
int tsor_park_init(void)
{
	timer_setup(&tsor_park_timer, tsor_park_expire, 0);
	return 0;
}

/** tsor_park_exit - all links are gone */
void tsor_park_exit(void)
{
	LIST_HEAD(list);

	tsor_timer_shutdown(&tsor_park_timer);
	list_splice_init(&tsor_ages, &list);
	tsor_parked_give_up(&list, false);
}
