// SPDX-License-Identifier: GPL-2.0
/* Unit tests of kmod/stream.c, and a random walk of two ends over a lossy carrier. */
#include "../../kmod/stream.h"
#include "unit.h"

static void window_bounds_what_is_sent(void)
{
	struct tsor_tx tx;

	tsor_tx_init(&tx, 10);
	CHECK_EQ(tsor_tx_room(&tx), 0);
	tx.end = 25;
	CHECK_EQ(tsor_tx_room(&tx), 10);
	tsor_tx_sent(&tx, 10, false, false);
	CHECK_EQ(tsor_tx_room(&tx), 0);
	CHECK(tsor_tx_ack(&tx, 4, 10));
	CHECK_EQ(tsor_tx_room(&tx), 4);
	CHECK(tsor_tx_ack(&tx, 3, 2));		/* old news: neither moves back */
	CHECK_EQ(tx.una, 4);
	CHECK_EQ(tsor_tx_room(&tx), 4);
	CHECK(!tsor_tx_ack(&tx, 11, 0));	/* never sent */
	CHECK_EQ(tx.una, 4);
}

static void fin_takes_an_offset_and_no_window(void)
{
	struct tsor_tx tx;

	tsor_tx_init(&tx, 5);
	tx.end = 5;
	tsor_tx_sent(&tx, 5, false, false);
	tx.fin = true;
	CHECK(tsor_tx_fin_due(&tx));
	tsor_tx_sent(&tx, 0, true, false);
	CHECK(!tsor_tx_fin_due(&tx));
	CHECK(tsor_tx_ack(&tx, 5, 0));
	CHECK(!tsor_tx_complete(&tx));
	CHECK(tsor_tx_ack(&tx, 6, 0));
	CHECK_EQ(tsor_tx_queued(&tx), 0);	/* not -1: the FIN's offset is behind the end */
	CHECK(tsor_tx_complete(&tx));
}

static void resume_is_the_larger_of_told_and_own(void)
{
	struct tsor_tx tx;

	tsor_tx_init(&tx, 100);
	tx.end = 50;
	tsor_tx_sent(&tx, 20, false, true);	/* on TCP: the peer may not have read it yet */
	tsor_tx_sent(&tx, 20, false, false);
	CHECK(tsor_tx_resume(&tx, 10, 100));
	CHECK_EQ(tx.nxt, 20);
	tsor_tx_sent(&tx, 20, false, false);
	CHECK(tsor_tx_resume(&tx, 30, 100));
	CHECK_EQ(tx.nxt, 30);
	CHECK_EQ(tx.una, 30);
	CHECK(!tsor_tx_resume(&tx, 31, 100));	/* counts what was never sent */
	tsor_tx_sent(&tx, 10, false, false);
	CHECK(tsor_tx_ack(&tx, 40, 100));
	CHECK(!tsor_tx_resume(&tx, 35, 100));	/* takes back what it acknowledged */
}

static void receiver_judges(void)
{
	struct tsor_rx rx;

	tsor_rx_init(&rx, 100);
	CHECK_EQ(tsor_rx_check(&rx, 1, 1, 0, 100), TSOR_RX_ACCEPT);
	CHECK_EQ(tsor_rx_check(&rx, 1, 1, 0, 101), TSOR_RX_BAD_WINDOW);
	CHECK_EQ(tsor_rx_check(&rx, 1, 0, 0, 1), TSOR_RX_OLD);
	CHECK_EQ(tsor_rx_check(&rx, 1, 2, 0, 1), TSOR_RX_BAD_EPOCH);
	CHECK_EQ(tsor_rx_check(&rx, 1, 1, 50, 50), TSOR_RX_HOLD);
	CHECK_EQ(tsor_rx_check(&rx, 1, 1, 101, 0), TSOR_RX_BAD_WINDOW);
	tsor_rx_accept(&rx, 100, false);
	CHECK_EQ(tsor_rx_check(&rx, 1, 1, 99, 1), TSOR_RX_BAD_OFFSET);
	CHECK_EQ(tsor_rx_check(&rx, 1, 1, 100, 0), TSOR_RX_ACCEPT);	/* FIN: no window */
	tsor_rx_accept(&rx, 0, true);
	CHECK_EQ(tsor_rx_check(&rx, 1, 1, 101, 1), TSOR_RX_BAD_OFFSET);
	CHECK_EQ(tsor_rx_readable(&rx), 100);
	tsor_rx_read(&rx, 100);
	CHECK_EQ(tsor_rx_readable(&rx), 0);
}

static void window_is_announced_lazily_and_kept(void)
{
	struct tsor_rx rx;

	tsor_rx_init(&rx, 100);
	tsor_rx_accept(&rx, 60, false);
	CHECK_EQ(tsor_rx_window(&rx, 40), 40);
	CHECK_EQ(tsor_rx_window(&rx, 10), 40);	/* not taken back */
	CHECK(!tsor_rx_update_due(&rx, 64, 100));
	CHECK(tsor_rx_update_due(&rx, 65, 100));
	CHECK_EQ(tsor_rx_announce(&rx, 65), 65);
	CHECK_EQ(rx.edge, 125);
	CHECK(!tsor_rx_update_due(&rx, 65, 100));
	CHECK_EQ(tsor_rx_window(&rx, ~0u), TSOR_WINDOW_MAX);
}

/*
 * One direction: a sender and a receiver with a queue of @cap bytes; messages in flight may
 * be lost all at once (the link dies), then both ends resume as after FALLBACK. Invariants:
 * the receiver takes each offset exactly once and in order, never holds more than @cap, and
 * everything arrives.
 */
static void walk(unsigned int seed)
{
	enum { DEPTH = 8 };
	struct { u64 off; u32 len; bool fin; } fly[DEPTH];
	unsigned int head = 0, n = 0, steps = 0, losses = 0;
	const u64 total = 500 + seed % 300;
	const u32 cap = 1 + seed % 97;
	u16 epoch = 0;
	struct tsor_tx tx;
	struct tsor_rx rx;

	srand(seed);
	tsor_tx_init(&tx, cap);
	tsor_rx_init(&rx, cap);
	while (!tsor_tx_complete(&tx) && ++steps < 200000) {
		u32 room, len;

		switch (rand() % 6) {
		case 0:
			if (tx.end < total)
				tx.end += 1 + rand() % (total - tx.end);
			else
				tx.fin = true;
			break;
		case 1:
			room = tsor_tx_room(&tx);
			if (n == DEPTH || (!room && !tsor_tx_fin_due(&tx)))
				break;
			len = room ? 1 + rand() % room : 0;
			fly[(head + n) % DEPTH].off = tx.nxt;
			fly[(head + n) % DEPTH].len = len;
			fly[(head + n) % DEPTH].fin = tx.fin && tx.nxt + len == tx.end;
			tsor_tx_sent(&tx, len, fly[(head + n) % DEPTH].fin, false);
			n++;
			break;
		case 2:
			if (!n)
				break;
			CHECK_EQ(tsor_rx_check(&rx, epoch, epoch, fly[head].off, fly[head].len),
				 TSOR_RX_ACCEPT);
			tsor_rx_accept(&rx, fly[head].len, fly[head].fin);
			head = (head + 1) % DEPTH;
			n--;
			CHECK(tsor_rx_readable(&rx) <= cap);
			break;
		case 3:
			if (tsor_rx_readable(&rx))
				tsor_rx_read(&rx, 1 + rand() % tsor_rx_readable(&rx));
			break;
		case 4:
			room = cap - (u32)tsor_rx_readable(&rx);
			if (rand() % 2 || tsor_rx_update_due(&rx, room, cap))
				CHECK(tsor_tx_ack(&tx, rx.nxt, tsor_rx_announce(&rx, room)));
			break;
		case 5:
			if (losses == 20 || rand() % 8)
				break;
			losses++;
			n = 0;
			epoch++;
			room = cap - (u32)tsor_rx_readable(&rx);
			CHECK(tsor_tx_resume(&tx, rx.nxt, tsor_rx_announce(&rx, room)));
			break;
		}
	}
	CHECK(tsor_tx_complete(&tx));
	CHECK(rx.fin);
	CHECK_EQ(rx.nxt, total + 1);
}

static void two_ends_over_a_lossy_carrier(void)
{
	for (unsigned int seed = 1; seed <= 500; seed++)
		walk(seed);
}

int main(void)
{
	RUN(window_bounds_what_is_sent);
	RUN(fin_takes_an_offset_and_no_window);
	RUN(resume_is_the_larger_of_told_and_own);
	RUN(receiver_judges);
	RUN(window_is_announced_lazily_and_kept);
	RUN(two_ends_over_a_lossy_carrier);
	return unit_end();
}
