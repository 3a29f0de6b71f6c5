/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Node-wide counters (counters.h), per CPU; shown in /proc/net/tsor_stat of the initial netns
 * and by "tsorctl stats".
 */
#ifndef TSOR_STATS_H
#define TSOR_STATS_H

#include <linux/percpu.h>

#include "wire.h"

struct net;

enum tsor_stat {
#define COUNTER(id) TSOR_STAT_##id,
#include "counters.h"
#undef COUNTER
	TSOR_STAT_NR
};

struct tsor_stats {
	u64 n[TSOR_STAT_NR];
};

extern struct tsor_stats __percpu *tsor_stats;

static inline void tsor_stat_add(enum tsor_stat stat, u64 n)
{
	this_cpu_add(tsor_stats->n[stat], n);
}

static inline void tsor_stat_inc(enum tsor_stat stat)
{
	this_cpu_inc(tsor_stats->n[stat]);
}

/* count why a validator refused */
static inline void tsor_stat_wire(enum tsor_wire_err err)
{
	if (err > TSOR_WIRE_OK && err < TSOR_WIRE_NR)
		tsor_stat_inc(TSOR_STAT_WIRE_SHORT + err - TSOR_WIRE_SHORT);
}

u64 tsor_stat_sum(enum tsor_stat stat);

/**
 * struct tsor_stat_item - one counter as it is shown
 * @name: its name
 * @value: its value
 */
struct tsor_stat_item {
	char name[32];
	u64 value;
};

bool tsor_stat_item(const struct net *net, unsigned int index, struct tsor_stat_item *item);
int tsor_stats_net_init(struct net *net);
void tsor_stats_net_exit(struct net *net);
int tsor_stats_init(void);
void tsor_stats_exit(void);

#endif
