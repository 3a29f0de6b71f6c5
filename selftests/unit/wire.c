// SPDX-License-Identifier: GPL-2.0
/* Unit tests of kmod/wire.c: what is written is read back, and each rule refuses. */
#include "../../kmod/wire.h"
#include "unit.h"

static const struct tsor_opt opts[] = {
	{ TSOR_OPT_SYN, 0x0123456789abcdefull, 0xdeadbeef, 0 },
	{ TSOR_OPT_SYNACK, 0xfedcba9876543210ull, 0, 0xcafebabe },
	{ TSOR_OPT_CONFIRM, 0, 1, 0xffffffff },
	{ TSOR_OPT_ACCEPT, 0, 0xffffffff, 1 },
};

static void option_round_trip(void)
{
	for (size_t i = 0; i < sizeof(opts) / sizeof(opts[0]); i++) {
		u8 buf[40] = { 2, 4, 5, 0xb4 };
		struct tsor_opt got;
		unsigned int at = 0, n = tsor_opt_encode(&opts[i], buf + 4);
		int len = tsor_opt_find(buf, 4 + n, &at);

		CHECK_EQ(n % 4, 0);
		CHECK_EQ(at, 5);
		CHECK_EQ(len, n - 1);
		CHECK_EQ(tsor_opt_decode(buf + at, len, &got), TSOR_WIRE_OK);
		CHECK_EQ(got.type, opts[i].type);
		CHECK_EQ(got.node_id, opts[i].node_id);
		CHECK_EQ(got.client, opts[i].client);
		CHECK_EQ(got.server, opts[i].server);
	}
}

static void option_fits_beside_linux_options(void)
{
	/* MSS, SACK permitted, timestamps, NOP, window scale: what a Linux SYN has */
	CHECK(4 + 2 + 10 + 1 + 3 + TSOR_OPT_HELLO_ROOM <= 40);
	/* timestamps and one SACK block */
	CHECK(12 + 12 + TSOR_OPT_TOKENS_ROOM <= 40);
}

static void option_find_survives_garbage(void)
{
	static const u8 zero_len[] = { 254, 0, 0x54, 0x53, 0x6f, 0x52 };
	static const u8 too_long[] = { 254, 40, 0x54, 0x53, 0x6f, 0x52, 0x11 };
	static const u8 after_end[] = { 0, 254, 7, 0x54, 0x53, 0x6f, 0x52, 0x11 };
	static const u8 other[] = { 254, 7, 0x54, 0x53, 0x6f, 0x53, 0x11 };
	static const u8 cut[] = { 1, 254 };
	unsigned int at;

	CHECK_EQ(tsor_opt_find(zero_len, sizeof(zero_len), &at), 0);
	CHECK_EQ(tsor_opt_find(too_long, sizeof(too_long), &at), 0);
	CHECK_EQ(tsor_opt_find(after_end, sizeof(after_end), &at), 0);
	CHECK_EQ(tsor_opt_find(other, sizeof(other), &at), 0);
	CHECK_EQ(tsor_opt_find(cut, sizeof(cut), &at), 0);
	CHECK_EQ(tsor_opt_find(cut, 0, &at), 0);
}

static void option_rules(void)
{
	struct tsor_opt got;
	u8 buf[TSOR_OPT_HELLO_ROOM], *opt = buf + 1;

	tsor_opt_encode(&opts[0], buf);
	opt[6] = (TSOR_WIRE_VERSION + 1) << 4 | TSOR_OPT_SYN;
	CHECK_EQ(tsor_opt_decode(opt, TSOR_OPT_HELLO_LEN, &got), TSOR_WIRE_VERSION_UNKNOWN);
	opt[6] = TSOR_WIRE_VERSION << 4 | 9;
	CHECK_EQ(tsor_opt_decode(opt, TSOR_OPT_HELLO_LEN, &got), TSOR_WIRE_TYPE);
	opt[6] = TSOR_WIRE_VERSION << 4 | TSOR_OPT_SYN;
	CHECK_EQ(tsor_opt_decode(opt, TSOR_OPT_HELLO_LEN - 1, &got), TSOR_WIRE_LENGTH);
	CHECK_EQ(tsor_opt_decode(opt, 6, &got), TSOR_WIRE_SHORT);
	opt[6] = TSOR_WIRE_VERSION << 4 | TSOR_OPT_CONFIRM;
	CHECK_EQ(tsor_opt_decode(opt, TSOR_OPT_HELLO_LEN, &got), TSOR_WIRE_LENGTH);
	opt[6] = TSOR_WIRE_VERSION << 4 | TSOR_OPT_SYN;
	memset(opt + 15, 0, 4);
	CHECK_EQ(tsor_opt_decode(opt, TSOR_OPT_HELLO_LEN, &got), TSOR_WIRE_TOKEN);
}

static void hello_round_trip_and_rules(void)
{
	struct tsor_hello h = { .node_id = 77, .features = 3, .max_msg = 33000, .credits = 200 };
	struct tsor_hello got;
	u8 buf[TSOR_REP_LEN];

	memset(h.nonce, 0xa5, sizeof(h.nonce));
	memset(h.proof, 0x5a, sizeof(h.proof));
	tsor_rep_encode(&h, buf);
	CHECK_EQ(tsor_rep_decode(buf, sizeof(buf), &got), TSOR_WIRE_OK);
	CHECK(!memcmp(&h.nonce, &got.nonce, sizeof(h.nonce)));
	CHECK(!memcmp(&h.proof, &got.proof, sizeof(h.proof)));
	CHECK_EQ(got.node_id, h.node_id);
	CHECK_EQ(got.max_msg, h.max_msg);
	CHECK_EQ(got.credits, h.credits);
	CHECK_EQ(got.features, h.features);
	CHECK_EQ(tsor_rep_decode(buf, sizeof(buf) - 1, &got), TSOR_WIRE_SHORT);
	CHECK_EQ(tsor_req_decode(buf, TSOR_REQ_LEN - 1, &got), TSOR_WIRE_SHORT);

	tsor_req_encode(&h, buf);
	CHECK_EQ(tsor_req_decode(buf, TSOR_REQ_LEN, &got), TSOR_WIRE_OK);
	buf[4]++;
	CHECK_EQ(tsor_req_decode(buf, TSOR_REQ_LEN, &got), TSOR_WIRE_VERSION_UNKNOWN);
	buf[0]++;
	CHECK_EQ(tsor_req_decode(buf, TSOR_REQ_LEN, &got), TSOR_WIRE_TYPE);
	h.max_msg = TSOR_MSG_MAX + 1;
	tsor_req_encode(&h, buf);
	CHECK_EQ(tsor_req_decode(buf, TSOR_REQ_LEN, &got), TSOR_WIRE_LENGTH);
	h.max_msg = TSOR_MSG_MIN;
	h.credits = TSOR_CREDITS_MIN - 1;
	tsor_req_encode(&h, buf);
	CHECK_EQ(tsor_req_decode(buf, TSOR_REQ_LEN, &got), TSOR_WIRE_WINDOW);
	h.credits = TSOR_CREDITS_MIN;
	h.node_id = 0;
	tsor_req_encode(&h, buf);
	CHECK_EQ(tsor_req_decode(buf, TSOR_REQ_LEN, &got), TSOR_WIRE_TOKEN);
}

static enum tsor_wire_err msg_try(const struct tsor_msg *m, u32 payload)
{
	u8 buf[TSOR_MSG_HDR_LEN];
	struct tsor_msg got;

	tsor_msg_encode(m, buf);
	return tsor_msg_decode(buf, sizeof(buf), TSOR_MSG_HDR_LEN + payload, &got);
}

static void message_round_trip(void)
{
	struct tsor_msg got, m = {
		.type = TSOR_MSG_DATA, .flags = TSOR_MSG_F_FIN, .epoch = 0x1234,
		.length = 32768, .dst = 0x89abcdef, .src = 0x01234567,
		.offset = 0x1122334455667788ull, .ack = 0x0102030405060708ull,
		.window = 1 << 20, .credits = 0xfedc,
	};
	u8 buf[TSOR_MSG_HDR_LEN];

	tsor_msg_encode(&m, buf);
	CHECK_EQ(tsor_msg_decode(buf, sizeof(buf), TSOR_MSG_HDR_LEN + 32768, &got),
		 TSOR_WIRE_OK);
	CHECK_EQ(got.type, m.type);
	CHECK_EQ(got.flags, m.flags);
	CHECK_EQ(got.epoch, m.epoch);
	CHECK_EQ(got.length, m.length);
	CHECK_EQ(got.dst, m.dst);
	CHECK_EQ(got.src, m.src);
	CHECK_EQ(got.offset, m.offset);
	CHECK_EQ(got.ack, m.ack);
	CHECK_EQ(got.window, m.window);
	CHECK_EQ(got.credits, m.credits);
	buf[38] = 1;
	CHECK_EQ(tsor_msg_decode(buf, sizeof(buf), TSOR_MSG_HDR_LEN + 32768, &got),
		 TSOR_WIRE_RESERVED);
	CHECK_EQ(tsor_msg_decode(buf, TSOR_MSG_HDR_LEN - 1, TSOR_MSG_HDR_LEN, &got),
		 TSOR_WIRE_SHORT);
}

static void message_rules(void)
{
	const struct tsor_msg data = { .type = TSOR_MSG_DATA, .length = 9, .dst = 1, .src = 2 };
	struct tsor_msg m = data;

	CHECK_EQ(msg_try(&m, 9), TSOR_WIRE_OK);
	CHECK_EQ(msg_try(&m, 8), TSOR_WIRE_LENGTH);
	CHECK_EQ(msg_try(&m, 10), TSOR_WIRE_LENGTH);
	m.length = 0;
	CHECK_EQ(msg_try(&m, 0), TSOR_WIRE_LENGTH);	/* neither payload nor FIN */
	m.flags = TSOR_MSG_F_FIN;
	CHECK_EQ(msg_try(&m, 0), TSOR_WIRE_OK);
	m.flags = TSOR_MSG_F_FIN | TSOR_MSG_F_ACKNOW;
	CHECK_EQ(msg_try(&m, 0), TSOR_WIRE_OK);
	m.flags = TSOR_MSG_F_ACKNOW;
	CHECK_EQ(msg_try(&m, 0), TSOR_WIRE_LENGTH);
	m.flags = TSOR_MSG_F_ECHO;
	m.length = 9;
	CHECK_EQ(msg_try(&m, 9), TSOR_WIRE_FLAGS);
	m = data;
	m.dst = 0;
	CHECK_EQ(msg_try(&m, 9), TSOR_WIRE_TOKEN);
	m = data;
	m.src = 0;
	CHECK_EQ(msg_try(&m, 9), TSOR_WIRE_TOKEN);
	m = data;
	m.offset = TSOR_OFFSET_MAX;
	CHECK_EQ(msg_try(&m, 9), TSOR_WIRE_OFFSET);
	m = data;
	m.ack = 1ull << 63;
	CHECK_EQ(msg_try(&m, 9), TSOR_WIRE_OFFSET);
	m = data;
	m.window = TSOR_WINDOW_MAX + 1;
	CHECK_EQ(msg_try(&m, 9), TSOR_WIRE_WINDOW);
	m = data;
	m.type = 5;
	CHECK_EQ(msg_try(&m, 9), TSOR_WIRE_TYPE);
	m.type = TSOR_MSG_RST;
	CHECK_EQ(msg_try(&m, 9), TSOR_WIRE_LENGTH);
	m = (struct tsor_msg){ .type = TSOR_MSG_HEARTBEAT, .flags = TSOR_MSG_F_ECHO };
	CHECK_EQ(msg_try(&m, 0), TSOR_WIRE_OK);
	m.dst = 1;
	CHECK_EQ(msg_try(&m, 0), TSOR_WIRE_TOKEN);
	m = (struct tsor_msg){ .type = TSOR_MSG_PROOF, .length = TSOR_PROOF_LEN };
	CHECK_EQ(msg_try(&m, TSOR_PROOF_LEN), TSOR_WIRE_OK);
	m.length = TSOR_PROOF_LEN - 1;
	CHECK_EQ(msg_try(&m, TSOR_PROOF_LEN - 1), TSOR_WIRE_LENGTH);
}

static void record_round_trip_and_rules(void)
{
	u8 buf[TSOR_REC_HDR_LEN + TSOR_REC_BODY_LEN];

	for (u8 type = TSOR_REC_DATA; type <= TSOR_REC_DETACH; type++) {
		struct tsor_rec got, r = { .type = type, .epoch = 515, .length = 99,
					   .count = 1ull << 40, .window = 4096 };
		unsigned int n = tsor_rec_encode(&r, buf);

		CHECK_EQ(tsor_rec_decode(buf, &got), TSOR_WIRE_OK);
		CHECK_EQ(got.type, type);
		CHECK_EQ(got.epoch, 515);
		CHECK_EQ(got.length, type == TSOR_REC_DATA ? 99 : n - TSOR_REC_HDR_LEN);
		if (!tsor_rec_counts(type))
			continue;
		CHECK_EQ(tsor_rec_body_decode(buf + TSOR_REC_HDR_LEN, &got), TSOR_WIRE_OK);
		CHECK_EQ(got.count, r.count);
		CHECK_EQ(got.window, r.window);
		buf[8] = 0x80;
		CHECK_EQ(tsor_rec_body_decode(buf + TSOR_REC_HDR_LEN, &got), TSOR_WIRE_OFFSET);
		buf[8] = 0;
		buf[16] = 0x80;
		CHECK_EQ(tsor_rec_body_decode(buf + TSOR_REC_HDR_LEN, &got), TSOR_WIRE_WINDOW);
		buf[23] = 1;
		CHECK_EQ(tsor_rec_body_decode(buf + TSOR_REC_HDR_LEN, &got), TSOR_WIRE_RESERVED);
	}
	for (int i = 0; i < 3; i++) {
		static const u8 bad[3][8] = {
			{ 9 }, { TSOR_REC_DATA }, { TSOR_REC_FIN, 0, 0, 0, 0, 0, 0, 1 },
		};
		static const enum tsor_wire_err why[3] = {
			TSOR_WIRE_TYPE, TSOR_WIRE_LENGTH, TSOR_WIRE_LENGTH,
		};
		struct tsor_rec got;

		CHECK_EQ(tsor_rec_decode(bad[i], &got), why[i]);
	}
}

static void mark_differs_by_direction_and_from_text(void)
{
	CHECK(tsor_mark(1, 2) != tsor_mark(2, 1));
	CHECK(tsor_mark(1, 2) != tsor_mark(1, 3));
	CHECK_EQ(tsor_mark(1, 2), tsor_mark(1, 2));
	for (u32 i = 0; i < 1000; i++) {
		u8 buf[TSOR_MARK_LEN];

		tsor_mark_encode(tsor_mark(i, ~i), buf);
		CHECK(buf[0] >= 0xf8);
	}
}

int main(void)
{
	RUN(option_round_trip);
	RUN(option_fits_beside_linux_options);
	RUN(option_find_survives_garbage);
	RUN(option_rules);
	RUN(hello_round_trip_and_rules);
	RUN(message_round_trip);
	RUN(message_rules);
	RUN(record_round_trip_and_rules);
	RUN(mark_differs_by_direction_and_from_text);
	return unit_end();
}
