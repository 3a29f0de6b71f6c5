// SPDX-License-Identifier: GPL-2.0
/*
 * Counters: the node's, per CPU, and /proc/net/tsor_stat, one "name value" a line. A netns
 * shows its own counts (netns_*); the initial one the node's before them.
 */
#include <linux/cpumask.h>
#include <linux/ctype.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/stringify.h>
#include <net/net_namespace.h>

#include "netns.h"
#include "stats.h"

struct tsor_stats __percpu *tsor_stats;

static const char * const tsor_stat_names[] = {
#define COUNTER(id) __stringify(id),
#include "counters.h"
#undef COUNTER
};

/* tsor_stat_wire() counts by position */
static_assert(TSOR_STAT_WIRE_RESERVED - TSOR_STAT_WIRE_SHORT ==
	      TSOR_WIRE_RESERVED - TSOR_WIRE_SHORT);

/**
 * tsor_stat_sum - value of a counter of the node
 * @stat: which
 *
 * Any context. Not exact while it is counted up elsewhere.
 */
u64 tsor_stat_sum(enum tsor_stat stat)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(tsor_stats, cpu)->n[stat]);
	return sum;
}

/* the counts of a netns stand behind the node's: enabled, live, then plain by reason */
#define TSOR_STAT_NETNS_NR	(2 + TSOR_WHY_NR - (TSOR_WHY_NONE + 1))

/**
 * tsor_stat_item - the counters that a namespace shows, one by one
 * @net: the namespace: its own, and the node's before them in the initial one
 * @index: which, from 0
 * @item: where to put it
 *
 * Any context that keeps @net alive.
 *
 * Return: true, or false if @index is behind the last.
 */
bool tsor_stat_item(const struct net *net, unsigned int index, struct tsor_stat_item *item)
{
	struct tsor_net *tn = tsor_net(net);
	unsigned int reason;
	char *c;

	if (net_eq(net, &init_net)) {
		if (index < TSOR_STAT_NR) {
			strscpy(item->name, tsor_stat_names[index], sizeof(item->name));
			for (c = item->name; *c; c++)
				*c = tolower(*c);
			item->value = tsor_stat_sum(index);
			return true;
		}
		index -= TSOR_STAT_NR;
	}
	if (index >= TSOR_STAT_NETNS_NR)
		return false;
	switch (index) {
	case 0:
		strscpy(item->name, "netns_enabled", sizeof(item->name));
		item->value = READ_ONCE(tn->enabled);
		break;
	case 1:
		strscpy(item->name, "netns_live", sizeof(item->name));
		item->value = atomic_read(&tn->live);
		break;
	default:
		reason = index - 2 + TSOR_WHY_NONE + 1;
		snprintf(item->name, sizeof(item->name), "netns_plain_%s",
			 tsor_reason_name(reason));
		item->value = atomic64_read(&tn->plain[reason]);
	}
	return true;
}

static int tsor_stat_show(struct seq_file *seq, void *v)
{
	struct net *net = seq_file_single_net(seq);
	struct tsor_stat_item item;
	unsigned int i;

	for (i = 0; tsor_stat_item(net, i, &item); i++)
		seq_printf(seq, "%s %llu\n", item.name, item.value);
	return 0;
}

/**
 * tsor_stats_net_init - make /proc/net/tsor_stat in a namespace
 * @net: the namespace, its tsor_net() in place
 *
 * Return: 0 or -ENOMEM.
 */
int tsor_stats_net_init(struct net *net)
{
	if (!proc_create_net_single("tsor_stat", 0444, net->proc_net, tsor_stat_show, NULL))
		return -ENOMEM;
	return 0;
}

/**
 * tsor_stats_net_exit - and remove it
 * @net: the namespace
 */
void tsor_stats_net_exit(struct net *net)
{
	remove_proc_entry("tsor_stat", net->proc_net);
}

/**
 * tsor_stats_init - make the node's counters, all 0
 *
 * Return: 0 or -ENOMEM.
 */
int tsor_stats_init(void)
{
	tsor_stats = alloc_percpu(struct tsor_stats);
	return tsor_stats ? 0 : -ENOMEM;
}

/**
 * tsor_stats_exit - and free them
 *
 * Nothing counts any more.
 */
void tsor_stats_exit(void)
{
	free_percpu(tsor_stats);
}
