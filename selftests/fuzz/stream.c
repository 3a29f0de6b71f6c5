// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer target: kmod/stream.c driven by a hostile peer. The bytes are the peer's
 * messages and the program's calls; whatever they say, the invariants hold.
 */
#include <stdlib.h>

#include "../../kmod/stream.h"

#define MUST(cond) do { if (!(cond)) abort(); } while (0)

struct input {
	const u8 *p;
	size_t left;
};

static u64 take(struct input *in, unsigned int bytes)
{
	u64 v = 0;

	while (bytes-- && in->left) {
		v = v << 8 | *in->p++;
		in->left--;
	}
	return v;
}

static void tx_holds(const struct tsor_tx *tx)
{
	MUST(tx->una <= tx->nxt || tx->una <= tx->tcp_end);
	MUST(tx->nxt <= tx->end + tx->fin);
	MUST(tsor_tx_room(tx) <= tx->end - (tx->nxt < tx->end ? tx->nxt : tx->end));
}

static void rx_holds(const struct tsor_rx *rx, u32 limit)
{
	MUST(rx->read + rx->fin <= rx->nxt);
	MUST(rx->nxt - rx->fin <= rx->edge);
	MUST(tsor_rx_readable(rx) <= limit);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	struct input in = { data, len };
	const u32 limit = 1 + (u32)take(&in, 2);
	struct tsor_tx tx;
	struct tsor_rx rx;
	u16 epoch = 0;

	tsor_tx_init(&tx, (u32)take(&in, 2));
	tsor_rx_init(&rx, limit);
	while (in.left) {
		u64 a, b, before = tx.una;
		bool fin;
		u32 n;

		switch (take(&in, 1) % 8) {
		case 0:
			if (!tx.fin)
				tx.end += take(&in, 2);
			break;
		case 1:
			tx.fin = true;
			break;
		case 2:
			n = tsor_tx_room(&tx);
			if (n > take(&in, 2))
				n /= 2;
			fin = tx.fin && tx.nxt + n == tx.end;
			if (n || fin)
				tsor_tx_sent(&tx, n, fin, take(&in, 1) & 1);
			break;
		case 3:
			a = take(&in, 8) & TSOR_OFFSET_MAX;
			if (!tsor_tx_ack(&tx, a, take(&in, 4) & TSOR_WINDOW_MAX))
				MUST(tx.una == before);
			break;
		case 4:
			a = take(&in, 8) & TSOR_OFFSET_MAX;
			if (tsor_tx_resume(&tx, a, take(&in, 4) & TSOR_WINDOW_MAX))
				MUST(tx.nxt >= tx.tcp_end);
			epoch += epoch < 0xffff;
			break;
		case 5:
			a = rx.nxt + (signed char)take(&in, 1);
			n = (u32)take(&in, 3) % TSOR_MSG_MAX;
			b = epoch + (signed char)take(&in, 1);
			fin = take(&in, 1) & 1;
			if (tsor_rx_check(&rx, epoch, (u16)b, a & TSOR_OFFSET_MAX, n) ==
			    TSOR_RX_ACCEPT)
				tsor_rx_accept(&rx, n, fin);
			break;
		case 6:
			if (tsor_rx_readable(&rx))
				tsor_rx_read(&rx, take(&in, 2) % (tsor_rx_readable(&rx) + 1));
			break;
		case 7:
			n = limit - (u32)tsor_rx_readable(&rx);
			tsor_rx_announce(&rx, n);
			break;
		}
		MUST(tx.una >= before);
		tx_holds(&tx);
		rx_holds(&rx, limit);
	}
	return 0;
}
