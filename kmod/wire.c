// SPDX-License-Identifier: GPL-2.0
/*
 * Encoders and validators of wire.h. Everything is big-endian and read with memcpy, since
 * options and records start at any address.
 */
#include "wire.h"

static void put16(u8 *p, u16 v)
{
	__be16 b = cpu_to_be16(v);

	memcpy(p, &b, sizeof(b));
}

static void put32(u8 *p, u32 v)
{
	__be32 b = cpu_to_be32(v);

	memcpy(p, &b, sizeof(b));
}

static void put64(u8 *p, u64 v)
{
	__be64 b = cpu_to_be64(v);

	memcpy(p, &b, sizeof(b));
}

static u16 get16(const u8 *p)
{
	__be16 b;

	memcpy(&b, p, sizeof(b));
	return be16_to_cpu(b);
}

static u32 get32(const u8 *p)
{
	__be32 b;

	memcpy(&b, p, sizeof(b));
	return be32_to_cpu(b);
}

static u64 get64(const u8 *p)
{
	__be64 b;

	memcpy(&b, p, sizeof(b));
	return be64_to_cpu(b);
}

static bool opt_is_hello(enum tsor_opt_type type)
{
	return type == TSOR_OPT_SYN || type == TSOR_OPT_SYNACK;
}

/**
 * tsor_opt_encode - write an option, padded by a NOP in front to a multiple of four
 * @opt: what to say
 * @out: at least TSOR_OPT_HELLO_ROOM bytes
 *
 * Return: bytes written.
 */
unsigned int tsor_opt_encode(const struct tsor_opt *opt, u8 *out)
{
	out[0] = 1; /* NOP, RFC 9293 section 3.2 */
	out[1] = TSOR_OPT_KIND;
	put32(out + 3, TSOR_OPT_EXID);
	out[7] = TSOR_WIRE_VERSION << 4 | opt->type;
	if (opt_is_hello(opt->type)) {
		out[2] = TSOR_OPT_HELLO_LEN;
		put64(out + 8, opt->node_id);
		put32(out + 16, opt->type == TSOR_OPT_SYN ? opt->client : opt->server);
		return TSOR_OPT_HELLO_ROOM;
	}
	out[2] = TSOR_OPT_TOKENS_LEN;
	put32(out + 8, opt->client);
	put32(out + 12, opt->server);
	return TSOR_OPT_TOKENS_ROOM;
}

/**
 * tsor_opt_find - find our option among a segment's
 * @opts: the options, from the 21st byte of the TCP header on
 * @len: their bytes
 * @at: where the option starts, if it is there
 *
 * Return: the option's length, 0 if there is none or the options do not parse.
 */
int tsor_opt_find(const u8 *opts, unsigned int len, unsigned int *at)
{
	unsigned int i = 0;

	while (i < len && opts[i] != 0) {
		unsigned int n;

		if (opts[i] == 1) {
			i++;
			continue;
		}
		if (len - i < 2)
			return 0;
		n = opts[i + 1];
		if (n < 2 || n > len - i)
			return 0;
		if (opts[i] == TSOR_OPT_KIND && n >= 6 && get32(opts + i + 2) == TSOR_OPT_EXID) {
			*at = i;
			return n;
		}
		i += n;
	}
	return 0;
}

/**
 * tsor_opt_decode - check and read an option that tsor_opt_find() found
 * @opt: first byte of the option
 * @len: its length as found
 * @out: filled if accepted
 *
 * Return: TSOR_WIRE_OK or why not.
 */
enum tsor_wire_err tsor_opt_decode(const u8 *opt, unsigned int len, struct tsor_opt *out)
{
	u8 type;

	if (len < 7)
		return TSOR_WIRE_SHORT;
	if (opt[6] >> 4 != TSOR_WIRE_VERSION)
		return TSOR_WIRE_VERSION_UNKNOWN;
	type = opt[6] & 0xf;
	memset(out, 0, sizeof(*out));
	switch (type) {
	case TSOR_OPT_SYN:
	case TSOR_OPT_SYNACK:
		if (len != TSOR_OPT_HELLO_LEN)
			return TSOR_WIRE_LENGTH;
		out->node_id = get64(opt + 7);
		if (type == TSOR_OPT_SYN)
			out->client = get32(opt + 15);
		else
			out->server = get32(opt + 15);
		if (!out->node_id || !(out->client | out->server))
			return TSOR_WIRE_TOKEN;
		break;
	case TSOR_OPT_CONFIRM:
	case TSOR_OPT_ACCEPT:
		if (len != TSOR_OPT_TOKENS_LEN)
			return TSOR_WIRE_LENGTH;
		out->client = get32(opt + 7);
		out->server = get32(opt + 11);
		if (!out->client || !out->server)
			return TSOR_WIRE_TOKEN;
		break;
	default:
		return TSOR_WIRE_TYPE;
	}
	out->type = type;
	return TSOR_WIRE_OK;
}

/* magic 0, version 4, reserved 5, features 6, node id 8, max_msg 16, credits 20, reserved 22,
 * nonce 24, reserved 40 to 55; in the REP the proof 56 to 87
 */
static void hello_encode(const struct tsor_hello *h, u8 *out)
{
	memset(out, 0, TSOR_REQ_LEN);
	put32(out, TSOR_MAGIC);
	out[4] = TSOR_WIRE_VERSION;
	put16(out + 6, h->features);
	put64(out + 8, h->node_id);
	put32(out + 16, h->max_msg);
	put16(out + 20, h->credits);
	memcpy(out + 24, h->nonce, TSOR_NONCE_LEN);
}

static enum tsor_wire_err hello_decode(const u8 *in, struct tsor_hello *h)
{
	memset(h, 0, sizeof(*h));
	if (get32(in) != TSOR_MAGIC)
		return TSOR_WIRE_TYPE;
	if (in[4] != TSOR_WIRE_VERSION)
		return TSOR_WIRE_VERSION_UNKNOWN;
	h->features = get16(in + 6);
	h->node_id = get64(in + 8);
	h->max_msg = get32(in + 16);
	h->credits = get16(in + 20);
	memcpy(h->nonce, in + 24, TSOR_NONCE_LEN);
	if (!h->node_id)
		return TSOR_WIRE_TOKEN;
	if (h->max_msg < TSOR_MSG_MIN || h->max_msg > TSOR_MSG_MAX)
		return TSOR_WIRE_LENGTH;
	if (h->credits < TSOR_CREDITS_MIN)
		return TSOR_WIRE_WINDOW;
	return TSOR_WIRE_OK;
}

/**
 * tsor_req_encode - write the private data of a REQ
 * @h: what to say
 * @out: where
 */
void tsor_req_encode(const struct tsor_hello *h, u8 out[TSOR_REQ_LEN])
{
	hello_encode(h, out);
}

/**
 * tsor_rep_encode - write the private data of a REP
 * @h: what to say, @h->proof included
 * @out: where
 */
void tsor_rep_encode(const struct tsor_hello *h, u8 out[TSOR_REP_LEN])
{
	hello_encode(h, out);
	memcpy(out + TSOR_REQ_LEN, h->proof, TSOR_PROOF_LEN);
}

/**
 * tsor_req_decode - check and read the private data of a REQ
 * @in: the bytes; transports may append padding
 * @len: how many
 * @h: filled if accepted
 *
 * Return: TSOR_WIRE_OK or why not.
 */
enum tsor_wire_err tsor_req_decode(const u8 *in, unsigned int len, struct tsor_hello *h)
{
	if (len < TSOR_REQ_LEN)
		return TSOR_WIRE_SHORT;
	return hello_decode(in, h);
}

/**
 * tsor_rep_decode - check and read the private data of a REP
 * @in: the bytes; transports may append padding
 * @len: how many
 * @h: filled if accepted
 *
 * Return: TSOR_WIRE_OK or why not.
 */
enum tsor_wire_err tsor_rep_decode(const u8 *in, unsigned int len, struct tsor_hello *h)
{
	enum tsor_wire_err err;

	if (len < TSOR_REP_LEN)
		return TSOR_WIRE_SHORT;
	err = hello_decode(in, h);
	if (!err)
		memcpy(h->proof, in + TSOR_REQ_LEN, TSOR_PROOF_LEN);
	return err;
}

/**
 * tsor_msg_encode - write the header of a link message
 * @m: what to say
 * @out: where
 */
void tsor_msg_encode(const struct tsor_msg *m, u8 out[TSOR_MSG_HDR_LEN])
{
	out[0] = m->type;
	out[1] = m->flags;
	put16(out + 2, m->epoch);
	put32(out + 4, m->length);
	put32(out + 8, m->dst);
	put32(out + 12, m->src);
	put64(out + 16, m->offset);
	put64(out + 24, m->ack);
	put32(out + 32, m->window);
	put16(out + 36, m->credits);
	put16(out + 38, 0);
}

/**
 * tsor_msg_decode - check and read the header of a link message
 * @in: the bytes that can be read in place; at least the header
 * @len: how many those are
 * @received: bytes of the whole message as the completion has it
 * @m: filled if accepted
 *
 * What depends on a channel (does it exist, is it this peer's, does the offset fit) is not
 * this function's: see stream.h and channel.c.
 *
 * Return: TSOR_WIRE_OK or why not.
 */
enum tsor_wire_err tsor_msg_decode(const u8 *in, unsigned int len, u32 received,
				   struct tsor_msg *m)
{
	bool channel = true;
	u8 flags = 0;

	if (len < TSOR_MSG_HDR_LEN || received < TSOR_MSG_HDR_LEN)
		return TSOR_WIRE_SHORT;
	m->type = in[0];
	m->flags = in[1];
	m->epoch = get16(in + 2);
	m->length = get32(in + 4);
	m->dst = get32(in + 8);
	m->src = get32(in + 12);
	m->offset = get64(in + 16);
	m->ack = get64(in + 24);
	m->window = get32(in + 32);
	m->credits = get16(in + 36);
	if (get16(in + 38))
		return TSOR_WIRE_RESERVED;
	if (m->length != received - TSOR_MSG_HDR_LEN)
		return TSOR_WIRE_LENGTH;

	switch (m->type) {
	case TSOR_MSG_DATA:
		flags = TSOR_MSG_F_FIN | TSOR_MSG_F_ACKNOW;
		if (!m->length && !(m->flags & TSOR_MSG_F_FIN))
			return TSOR_WIRE_LENGTH;
		break;
	case TSOR_MSG_ACK:
	case TSOR_MSG_RST:
	case TSOR_MSG_REFUSE:
		if (m->length)
			return TSOR_WIRE_LENGTH;
		break;
	case TSOR_MSG_PROOF:
		channel = false;
		if (m->length != TSOR_PROOF_LEN)
			return TSOR_WIRE_LENGTH;
		break;
	case TSOR_MSG_HEARTBEAT:
		channel = false;
		flags = TSOR_MSG_F_ECHO;
		if (m->length)
			return TSOR_WIRE_LENGTH;
		break;
	default:
		return TSOR_WIRE_TYPE;
	}
	if (m->flags & ~flags)
		return TSOR_WIRE_FLAGS;
	if (channel ? !m->dst || !m->src : m->dst | m->src)
		return TSOR_WIRE_TOKEN;
	/* room for the payload, its FIN and the window, so that no sum overflows */
	if (m->offset > TSOR_OFFSET_MAX - TSOR_MSG_MAX || m->ack > TSOR_OFFSET_MAX)
		return TSOR_WIRE_OFFSET;
	if (m->window > TSOR_WINDOW_MAX)
		return TSOR_WIRE_WINDOW;
	return TSOR_WIRE_OK;
}

static u64 mix(u64 x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ull;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

/**
 * tsor_mark - the 64 bits with which the records of a direction begin
 * @sender_token: token of the direction's sender
 * @receiver_token: token of its receiver
 *
 * Only has to be unlikely at the head of a stream that knows nothing of it: who can read the
 * handshake can forge it, and harms but his own connection. The first byte is never ASCII
 * text nor a TLS record, so that nearly every raw stream differs at once.
 */
u64 tsor_mark(u32 sender_token, u32 receiver_token)
{
	u64 both = (u64)sender_token << 32 | receiver_token;

	return mix(both + 0x9e3779b97f4a7c15ull) | 0xf8ull << 56;
}

/**
 * tsor_mark_encode - write a mark
 * @mark: from tsor_mark()
 * @out: where
 */
void tsor_mark_encode(u64 mark, u8 out[TSOR_MARK_LEN])
{
	put64(out, mark);
}

/**
 * tsor_rec_counts - does a record of this type carry a count and a window?
 * @type: record type
 */
bool tsor_rec_counts(u8 type)
{
	return type == TSOR_REC_FALLBACK || type == TSOR_REC_ACK || type == TSOR_REC_DETACH;
}

/**
 * tsor_rec_encode - write the header of a record, and the body if it counts
 * @r: what to say; @r->length matters for DATA only
 * @out: TSOR_REC_HDR_LEN + TSOR_REC_BODY_LEN bytes
 *
 * Return: bytes written.
 */
unsigned int tsor_rec_encode(const struct tsor_rec *r, u8 *out)
{
	bool counts = tsor_rec_counts(r->type);
	u32 length = 0;

	if (counts)
		length = TSOR_REC_BODY_LEN;
	else if (r->type == TSOR_REC_DATA)
		length = r->length;
	out[0] = r->type;
	out[1] = 0;
	put16(out + 2, r->epoch);
	put32(out + 4, length);
	if (!counts)
		return TSOR_REC_HDR_LEN;
	put64(out + 8, r->count);
	put32(out + 16, r->window);
	put32(out + 20, 0);
	return TSOR_REC_HDR_LEN + TSOR_REC_BODY_LEN;
}

/**
 * tsor_rec_decode - check and read the header of a record
 * @in: TSOR_REC_HDR_LEN bytes
 * @r: filled if accepted; count and window are 0 until the body is read
 *
 * Return: TSOR_WIRE_OK or why not.
 */
enum tsor_wire_err tsor_rec_decode(const u8 *in, struct tsor_rec *r)
{
	memset(r, 0, sizeof(*r));
	r->type = in[0];
	r->epoch = get16(in + 2);
	r->length = get32(in + 4);
	if (in[1])
		return TSOR_WIRE_RESERVED;
	switch (r->type) {
	case TSOR_REC_DATA:
		if (!r->length || r->length > TSOR_REC_DATA_MAX)
			return TSOR_WIRE_LENGTH;
		break;
	case TSOR_REC_FIN:
	case TSOR_REC_PROMOTE:
		if (r->length)
			return TSOR_WIRE_LENGTH;
		break;
	case TSOR_REC_FALLBACK:
	case TSOR_REC_ACK:
	case TSOR_REC_DETACH:
		if (r->length != TSOR_REC_BODY_LEN)
			return TSOR_WIRE_LENGTH;
		break;
	default:
		return TSOR_WIRE_TYPE;
	}
	return TSOR_WIRE_OK;
}

/**
 * tsor_rec_body_decode - check and read the body of a record that counts
 * @in: TSOR_REC_BODY_LEN bytes
 * @r: as tsor_rec_decode() left it; count and window are filled if accepted
 *
 * Return: TSOR_WIRE_OK or why not.
 */
enum tsor_wire_err tsor_rec_body_decode(const u8 *in, struct tsor_rec *r)
{
	u64 count = get64(in);
	u32 window = get32(in + 8);

	if (get32(in + 12))
		return TSOR_WIRE_RESERVED;
	if (count > TSOR_OFFSET_MAX)
		return TSOR_WIRE_OFFSET;
	if (window > TSOR_WINDOW_MAX)
		return TSOR_WIRE_WINDOW;
	r->count = count;
	r->window = window;
	return TSOR_WIRE_OK;
}
