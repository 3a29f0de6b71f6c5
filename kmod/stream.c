// SPDX-License-Identifier: GPL-2.0
/* Arithmetic of stream.h. */
#include "stream.h"

/**
 * tsor_tx_init - a direction of which nothing has been sent
 * @tx: to set
 * @window: bytes that the peer has room for before it says more
 */
void tsor_tx_init(struct tsor_tx *tx, u32 window)
{
	memset(tx, 0, sizeof(*tx));
	tx->edge = window;
}

/**
 * tsor_tx_goal - the offset at which everything written so far, FIN included, has been sent
 * @tx: direction
 */
u64 tsor_tx_goal(const struct tsor_tx *tx)
{
	return tx->end + tx->fin;
}

/**
 * tsor_tx_queued - bytes of payload that are written and not acknowledged
 * @tx: direction; may be looked at without its lock
 */
u64 tsor_tx_queued(const struct tsor_tx *tx)
{
	u64 una = READ_ONCE(tx->una);
	u64 end = READ_ONCE(tx->end);

	/* an acknowledged FIN stands behind the end */
	return una < end ? end - una : 0;
}

/**
 * tsor_tx_room - bytes that may be given to the carrier now
 * @tx: direction
 *
 * The peer's window and what the program has written bound it.
 */
u32 tsor_tx_room(const struct tsor_tx *tx)
{
	u64 stop = tx->end < tx->edge ? tx->end : tx->edge;

	if (tx->nxt >= stop)
		return 0;
	stop -= tx->nxt;
	return stop > TSOR_WINDOW_MAX ? TSOR_WINDOW_MAX : (u32)stop;
}

/**
 * tsor_tx_fin_due - has all payload been sent and the FIN not? (The FIN needs no window.)
 * @tx: direction
 */
bool tsor_tx_fin_due(const struct tsor_tx *tx)
{
	return tx->fin && tx->nxt == tx->end;
}

/**
 * tsor_tx_complete - has the peer acknowledged everything and the FIN?
 * @tx: direction
 */
bool tsor_tx_complete(const struct tsor_tx *tx)
{
	return tx->fin && tx->una == tx->end + 1;
}

/**
 * tsor_tx_sent - a carrier has taken bytes
 * @tx: direction
 * @bytes: how many, at most what tsor_tx_room() said
 * @fin: and the FIN behind them
 * @by_tcp: the carrier was TCP, which delivers by itself: nothing need be kept
 */
void tsor_tx_sent(struct tsor_tx *tx, u32 bytes, bool fin, bool by_tcp)
{
	tx->nxt += (u64)bytes + fin;
	if (by_tcp) {
		tx->tcp_end = tx->nxt;
		tx->una = tx->nxt;
	}
}

/**
 * tsor_tx_ack - the peer has acknowledged
 * @tx: direction
 * @ack: all below has been received; older news than the last is no error
 * @window: room behind it; the edge never moves back
 *
 * Return: false if @ack is of bytes that were never sent: the message is bad, nothing changed.
 */
bool tsor_tx_ack(struct tsor_tx *tx, u64 ack, u32 window)
{
	if (ack > tx->nxt)
		return false;
	if (ack > tx->una)
		tx->una = ack;
	if (ack + window > tx->edge)
		tx->edge = ack + window;
	return true;
}

/**
 * tsor_tx_resume - go on by TCP after an exchange of FALLBACK, or a DETACH (rule 1)
 * @tx: direction
 * @count: what the peer says it has received
 * @window: room behind it (rule 6)
 *
 * Resumes from the larger of @count and the end of what this end has itself put on TCP:
 * that much will arrive although the peer may not have read it yet.
 *
 * Return: false if the peer counts bytes that were never sent, or fewer than it has
 * acknowledged with none of them on TCP: the stream cannot be completed.
 */
bool tsor_tx_resume(struct tsor_tx *tx, u64 count, u32 window)
{
	u64 from = count > tx->tcp_end ? count : tx->tcp_end;

	if (count > tx->nxt || from < tx->una)
		return false;
	tx->nxt = from;
	if (count > tx->una)
		tx->una = count;
	if (count + window > tx->edge)
		tx->edge = count + window;
	return true;
}

/**
 * tsor_rx_init - a direction of which nothing has been received
 * @rx: to set
 * @window: room announced by the handshake
 */
void tsor_rx_init(struct tsor_rx *rx, u32 window)
{
	memset(rx, 0, sizeof(*rx));
	rx->edge = window;
}

/**
 * tsor_rx_check - judge payload from a link before anything is touched
 * @rx: direction
 * @my_epoch: the channel's epoch
 * @epoch: the message's
 * @offset: of its first byte
 * @bytes: of payload, at most TSOR_MSG_MAX
 *
 * Return: what to do with it; the BAD ones end the channel.
 */
enum tsor_rx_verdict tsor_rx_check(const struct tsor_rx *rx, u16 my_epoch, u16 epoch,
				   u64 offset, u32 bytes)
{
	if (epoch < my_epoch)
		return TSOR_RX_OLD;
	if (epoch > my_epoch)
		return TSOR_RX_BAD_EPOCH;
	if (rx->fin || offset < rx->nxt)
		return TSOR_RX_BAD_OFFSET;
	if (bytes && offset + bytes > rx->edge)
		return TSOR_RX_BAD_WINDOW;
	if (offset > rx->nxt)
		return offset > rx->edge ? TSOR_RX_BAD_WINDOW : TSOR_RX_HOLD;
	return TSOR_RX_ACCEPT;
}

/**
 * tsor_rx_accept - payload that was found next in order has been taken
 * @rx: direction
 * @bytes: of payload
 * @fin: and the FIN
 */
void tsor_rx_accept(struct tsor_rx *rx, u32 bytes, bool fin)
{
	rx->nxt += (u64)bytes + fin;
	rx->fin |= fin;
}

/**
 * tsor_rx_readable - bytes that the program can read now
 * @rx: direction
 */
u64 tsor_rx_readable(const struct tsor_rx *rx)
{
	return rx->nxt - rx->fin - rx->read;
}

/**
 * tsor_rx_read - the program has read
 * @rx: direction
 * @bytes: how many, at most tsor_rx_readable()
 */
void tsor_rx_read(struct tsor_rx *rx, u64 bytes)
{
	rx->read += bytes;
}

/**
 * tsor_rx_window - the window to put into a message, counted from @rx->nxt
 * @rx: direction
 * @space: bytes that could be taken in addition to what is queued
 *
 * What was announced is never taken back (RFC 9293 section 3.8.6).
 */
u32 tsor_rx_window(const struct tsor_rx *rx, u32 space)
{
	u64 edge = rx->nxt + space;

	if (rx->edge > edge)
		edge = rx->edge;
	if (edge <= rx->nxt)
		return 0;
	edge -= rx->nxt;
	return edge > TSOR_WINDOW_MAX ? TSOR_WINDOW_MAX : (u32)edge;
}

/**
 * tsor_rx_update_due - is the window worth a message of its own?
 * @rx: direction
 * @space: bytes that could be taken
 * @limit: of the receive queue
 *
 * Lazily: only when it opens by a quarter of the limit, or by all that the limit leaves.
 */
bool tsor_rx_update_due(const struct tsor_rx *rx, u32 space, u32 limit)
{
	u64 edge = rx->nxt + space;
	u32 step = limit / 4;

	if (rx->fin || edge <= rx->edge)
		return false;
	return edge - rx->edge >= (step ? step : 1);
}

/**
 * tsor_rx_announce - as tsor_rx_window(), and it is being sent
 * @rx: direction
 * @space: bytes that could be taken
 *
 * Return: the window.
 */
u32 tsor_rx_announce(struct tsor_rx *rx, u32 space)
{
	u32 window = tsor_rx_window(rx, space);

	if (rx->nxt + window > rx->edge)
		rx->edge = rx->nxt + window;
	return window;
}
