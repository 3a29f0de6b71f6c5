/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Offsets and windows of one connection: which bytes were sent, acknowledged, received and
 * read, and where each direction stands when the carrier changes. Pure arithmetic: no
 * allocation, no locks (the caller holds what guards the structure), any context. The rules
 * carry the numbers of Documentation/design.rst, "TCP as a carrier".
 */
#ifndef TSOR_STREAM_H
#define TSOR_STREAM_H

#include "pure.h"
#include "wire.h"

/**
 * struct tsor_tx - the outbound direction
 * @una: oldest offset that the peer's software has not acknowledged
 * @nxt: next offset to be given to the carrier
 * @end: end of what the program has written; @nxt <= @end
 * @tcp_end: end of what this end has itself put on TCP
 * @edge: first offset beyond the peer's window
 * @fin: the program has shut the direction down; the FIN's offset is @end
 */
struct tsor_tx {
	u64 una;
	u64 nxt;
	u64 end;
	u64 tcp_end;
	u64 edge;
	bool fin;
};

/**
 * struct tsor_rx - the inbound direction
 * @nxt: next offset expected; all below it is here
 * @read: all below it has been read by the program
 * @edge: first offset beyond the window announced
 * @fin: the FIN has been received; @nxt is one behind it
 */
struct tsor_rx {
	u64 nxt;
	u64 read;
	u64 edge;
	bool fin;
};

/**
 * enum tsor_rx_verdict - what to do with payload from the peer
 * @TSOR_RX_ACCEPT: next in order, within the window
 * @TSOR_RX_OLD: of an epoch that has ended: drop
 * @TSOR_RX_HOLD: this epoch, in the window, ahead of what is in order
 * @TSOR_RX_BAD_OFFSET: behind what is in order, or behind the FIN
 * @TSOR_RX_BAD_WINDOW: beyond the window that was announced
 * @TSOR_RX_BAD_EPOCH: an epoch that cannot have begun
 */
enum tsor_rx_verdict {
	TSOR_RX_ACCEPT,
	TSOR_RX_OLD,
	TSOR_RX_HOLD,
	TSOR_RX_BAD_OFFSET,
	TSOR_RX_BAD_WINDOW,
	TSOR_RX_BAD_EPOCH,
};

void tsor_tx_init(struct tsor_tx *tx, u32 window);
u64 tsor_tx_goal(const struct tsor_tx *tx);
u64 tsor_tx_queued(const struct tsor_tx *tx);
u32 tsor_tx_room(const struct tsor_tx *tx);
bool tsor_tx_fin_due(const struct tsor_tx *tx);
bool tsor_tx_complete(const struct tsor_tx *tx);
void tsor_tx_sent(struct tsor_tx *tx, u32 bytes, bool fin, bool by_tcp);
bool tsor_tx_ack(struct tsor_tx *tx, u64 ack, u32 window);
bool tsor_tx_resume(struct tsor_tx *tx, u64 count, u32 window);

void tsor_rx_init(struct tsor_rx *rx, u32 window);
enum tsor_rx_verdict tsor_rx_check(const struct tsor_rx *rx, u16 my_epoch, u16 epoch,
				   u64 offset, u32 bytes);
void tsor_rx_accept(struct tsor_rx *rx, u32 bytes, bool fin);
u64 tsor_rx_readable(const struct tsor_rx *rx);
void tsor_rx_read(struct tsor_rx *rx, u64 bytes);
u32 tsor_rx_window(const struct tsor_rx *rx, u32 space);
bool tsor_rx_update_due(const struct tsor_rx *rx, u32 space, u32 limit);
u32 tsor_rx_announce(struct tsor_rx *rx, u32 space);

#endif
