/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Node-wide counters, per CPU; shown in /proc/net/tsor_stat of the initial netns and by
 * "tsorctl stats". One line here is one counter.
 */
#ifndef TSOR_STATS_H
#define TSOR_STATS_H

#include <linux/percpu.h>

#include "wire.h"

struct net;

#define TSOR_STATS(X)								\
	X(ADOPTED_CLIENT, adopted_client)		/* connect() adopted */	\
	X(ADOPTED_LISTENER, adopted_listener)					\
	X(SYN_OPTION, syn_option)		/* option put on a SYN */	\
	X(SYNACK_OPTION, synack_option)						\
	X(CONFIRM_SENT, confirm_sent)						\
	X(CONFIRM_GOT, confirm_got)						\
	X(ACCEPT_SENT, accept_sent)						\
	X(ACCEPT_GOT, accept_got)						\
	X(OPTION_NO_ROOM, option_no_room)					\
	X(OPTION_BAD, option_bad)						\
	X(CHANNEL_CLIENT, channel_client)	/* confirmed, as client */	\
	X(CHANNEL_SERVER, channel_server)					\
	X(CHANNEL_CLOSED, channel_closed)	/* both directions complete */	\
	X(CHANNEL_RESET, channel_reset)						\
	X(PLAIN, plain)				/* sockets that went plain */	\
	X(LINK_TX_MSGS, link_tx_msgs)						\
	X(LINK_TX_BYTES, link_tx_bytes)		/* payload */			\
	X(LINK_RX_MSGS, link_rx_msgs)						\
	X(LINK_RX_BYTES, link_rx_bytes)						\
	X(LINK_RX_COPIED, link_rx_copied)	/* buffer reposted */		\
	X(LINK_RX_HANDED, link_rx_handed)	/* pages handed over */		\
	X(LINK_UP, link_up)							\
	X(LINK_DOWN, link_down)							\
	X(LINK_RNR, link_rnr)			/* a bug if not 0 */		\
	X(LINK_REJECTED, link_rejected)		/* REQs that we refused */	\
	X(LINK_NO_PROOF, link_no_proof)						\
	X(LINK_NO_CREDIT, link_no_credit)	/* peer sent beyond its grant */\
	X(LINK_TX_STALLED, link_tx_stalled)	/* a sender had to wait */	\
	X(TCP_TX_RECORDS, tcp_tx_records)					\
	X(TCP_RX_RECORDS, tcp_rx_records)					\
	X(TCP_TX_BYTES, tcp_tx_bytes)		/* payload of channels on TCP */\
	X(TCP_RX_BYTES, tcp_rx_bytes)						\
	X(REFUSE_SENT, refuse_sent)						\
	X(REFUSE_GOT, refuse_got)						\
	X(RST_SENT, rst_sent)							\
	X(RST_GOT, rst_got)							\
	X(PARKED, parked)			/* data before its child */	\
	X(PARK_GIVEN_UP, park_given_up)						\
	X(RX_UNKNOWN_TOKEN, rx_unknown_token)					\
	X(RX_FOREIGN_TOKEN, rx_foreign_token)					\
	X(RX_OLD_EPOCH, rx_old_epoch)						\
	X(RX_BAD_OFFSET, rx_bad_offset)						\
	X(RX_BAD_WINDOW, rx_bad_window)						\
	X(RX_BAD_EPOCH, rx_bad_epoch)						\
	X(RX_BAD_ACK, rx_bad_ack)						\
	X(NO_MEMORY, no_memory)							\
	X(WIRE_SHORT, wire_short)						\
	X(WIRE_LENGTH, wire_length)						\
	X(WIRE_VERSION, wire_version)						\
	X(WIRE_TYPE, wire_type)							\
	X(WIRE_FLAGS, wire_flags)						\
	X(WIRE_TOKEN, wire_token)						\
	X(WIRE_OFFSET, wire_offset)						\
	X(WIRE_WINDOW, wire_window)						\
	X(WIRE_RESERVED, wire_reserved)

enum tsor_stat {
#define X(id, name) TSOR_STAT_##id,
	TSOR_STATS(X)
#undef X
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
const char *tsor_stat_name(enum tsor_stat stat);

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
