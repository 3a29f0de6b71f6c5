// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer target: every validator of kmod/wire.c on arbitrary bytes. What is accepted must
 * survive a round trip through the encoder; what the encoder writes must be what was read.
 */
#include <stdlib.h>

#include "../../kmod/wire.h"

#define MUST(cond) do { if (!(cond)) abort(); } while (0)

static void fuzz_option(const u8 *in, unsigned int len)
{
	u8 again[TSOR_OPT_HELLO_ROOM];
	struct tsor_opt opt;
	unsigned int at;
	int n = tsor_opt_find(in, len, &at);

	if (!n)
		return;
	MUST(at < len && (unsigned int)n <= len - at);
	if (tsor_opt_decode(in + at, n, &opt))
		return;
	MUST(tsor_opt_encode(&opt, again) == (unsigned int)n + 1);
	MUST(!memcmp(again + 1, in + at, n));
}

static void fuzz_message(const u8 *in, unsigned int len)
{
	u8 again[TSOR_MSG_HDR_LEN];
	struct tsor_msg m;

	if (tsor_msg_decode(in, len, len, &m))
		return;
	MUST(m.length + TSOR_MSG_HDR_LEN == len);
	MUST(m.offset + m.length < TSOR_OFFSET_MAX && m.window <= TSOR_WINDOW_MAX);
	tsor_msg_encode(&m, again);
	MUST(!memcmp(again, in, TSOR_MSG_HDR_LEN));
}

static void fuzz_record(const u8 *in, unsigned int len)
{
	u8 again[TSOR_REC_HDR_LEN + TSOR_REC_BODY_LEN];
	struct tsor_rec r;
	unsigned int n = TSOR_REC_HDR_LEN;

	if (len < sizeof(again) || tsor_rec_decode(in, &r))
		return;
	if (tsor_rec_counts(r.type)) {
		if (tsor_rec_body_decode(in + n, &r))
			return;
		n += TSOR_REC_BODY_LEN;
	}
	MUST(tsor_rec_encode(&r, again) == n);
	MUST(!memcmp(again, in, n));
}

static void fuzz_hello(const u8 *in, unsigned int len)
{
	struct tsor_hello h;

	if (!tsor_req_decode(in, len, &h))
		MUST(h.node_id && h.max_msg <= TSOR_MSG_MAX && h.credits >= TSOR_CREDITS_MIN);
	if (!tsor_rep_decode(in, len, &h))
		MUST(h.node_id && h.max_msg >= TSOR_MSG_MIN);
}

int LLVMFuzzerTestOneInput(const u8 *in, size_t len)
{
	fuzz_option(in, len);
	fuzz_message(in, len);
	fuzz_record(in, len);
	fuzz_hello(in, len);
	return 0;
}
