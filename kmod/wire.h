/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every format that leaves a node: the TCP option of the handshake, the private data of the
 * RDMA connection manager, the messages of a link and the records on TCP; one encoder and one
 * validator for each. Pure functions: no allocation, no locks, any context. The text for
 * people is Documentation/wire.rst; both change in one commit.
 */
#ifndef TSOR_WIRE_H
#define TSOR_WIRE_H

#include "pure.h"

#define TSOR_WIRE_VERSION	1
#define TSOR_MAGIC		0x54536f52u	/* "TSoR" */

/**
 * enum tsor_wire_err - why a validator refused its input
 * @TSOR_WIRE_OK: accepted
 * @TSOR_WIRE_SHORT: fewer bytes than the format has
 * @TSOR_WIRE_LENGTH: a length field disagrees with the bytes received or a limit
 * @TSOR_WIRE_VERSION_UNKNOWN: another version of the protocol
 * @TSOR_WIRE_TYPE: unknown type
 * @TSOR_WIRE_FLAGS: unknown flag, or one that the type does not have
 * @TSOR_WIRE_TOKEN: a token is 0 where one must stand, or stands where 0 must
 * @TSOR_WIRE_OFFSET: an offset or count beyond what 63 bits hold
 * @TSOR_WIRE_WINDOW: a window larger than TSOR_WINDOW_MAX
 * @TSOR_WIRE_RESERVED: a reserved field is not 0
 * @TSOR_WIRE_NR: number of values; each is a counter of ``/proc/net/tsor_stat``
 */
enum tsor_wire_err {
	TSOR_WIRE_OK,
	TSOR_WIRE_SHORT,
	TSOR_WIRE_LENGTH,
	TSOR_WIRE_VERSION_UNKNOWN,
	TSOR_WIRE_TYPE,
	TSOR_WIRE_FLAGS,
	TSOR_WIRE_TOKEN,
	TSOR_WIRE_OFFSET,
	TSOR_WIRE_WINDOW,
	TSOR_WIRE_RESERVED,
	TSOR_WIRE_NR
};

#define TSOR_WINDOW_MAX		(1u << 30)	/* bytes; as TCP's, RFC 7323 section 2.3 */
#define TSOR_OFFSET_MAX		((1ull << 63) - 1)

/* ---- the option of the handshake (RFC 6994: experimental kind, 32-bit ExID) ---- */

#define TSOR_OPT_KIND		254
#define TSOR_OPT_EXID		TSOR_MAGIC

enum tsor_opt_type {
	TSOR_OPT_SYN = 1,
	TSOR_OPT_SYNACK,
	TSOR_OPT_CONFIRM,
	TSOR_OPT_ACCEPT,
};

#define TSOR_OPT_HELLO_LEN	19	/* SYN, SYN-ACK */
#define TSOR_OPT_HELLO_ROOM	20	/* with its NOP in front */
#define TSOR_OPT_TOKENS_LEN	15	/* confirm, accept */
#define TSOR_OPT_TOKENS_ROOM	16

/**
 * struct tsor_opt - the option, decoded
 * @type: which of the four
 * @node_id: sender's node id (SYN, SYN-ACK; otherwise 0)
 * @client: client's token (all but SYN-ACK; otherwise 0)
 * @server: server's token (all but SYN; otherwise 0)
 */
struct tsor_opt {
	enum tsor_opt_type type;
	u64 node_id;
	u32 client;
	u32 server;
};

unsigned int tsor_opt_encode(const struct tsor_opt *opt, u8 *out);
int tsor_opt_find(const u8 *opts, unsigned int len, unsigned int *at);
enum tsor_wire_err tsor_opt_decode(const u8 *opt, unsigned int len, struct tsor_opt *out);

/* ---- private data of the connection manager ---- */

#define TSOR_NONCE_LEN		16
#define TSOR_PROOF_LEN		32	/* HMAC-SHA256 */

#define TSOR_FEATURES		0	/* none defined yet; unknown bits of the peer are ignored */

/**
 * struct tsor_hello - what each side says of itself when a link is made
 * @node_id: sender's node id
 * @features: optional abilities; a feature is used if both sides have it
 * @max_msg: largest message it can receive, header included, bytes
 * @credits: receive WRs posted for this QP, so messages that may be sent at once
 * @nonce: fresh random bytes
 * @proof: passive side's HMAC; only in the REP
 */
struct tsor_hello {
	u64 node_id;
	u16 features;
	u32 max_msg;
	u16 credits;
	u8 nonce[TSOR_NONCE_LEN];
	u8 proof[TSOR_PROOF_LEN];
};

#define TSOR_REQ_LEN		56	/* all that rdma_cm leaves of a REQ's private data */
#define TSOR_REP_LEN		(TSOR_REQ_LEN + TSOR_PROOF_LEN)
#define TSOR_CREDITS_MIN	8
#define TSOR_MSG_MIN		4096	/* smallest max_msg that a node may announce */
#define TSOR_MSG_MAX		(256u * 1024)

void tsor_req_encode(const struct tsor_hello *h, u8 out[TSOR_REQ_LEN]);
void tsor_rep_encode(const struct tsor_hello *h, u8 out[TSOR_REP_LEN]);
enum tsor_wire_err tsor_req_decode(const u8 *in, unsigned int len, struct tsor_hello *h);
enum tsor_wire_err tsor_rep_decode(const u8 *in, unsigned int len, struct tsor_hello *h);

/**
 * enum tsor_reject - the one byte of a REJ's private data: why a link was refused
 * @TSOR_REJECT_NOT_ALLOWED: the address is neither a configured peer nor in an allowed range
 * @TSOR_REJECT_VERSION: the REQ has another version or does not parse
 * @TSOR_REJECT_SELF: the REQ names the receiver's own node id
 * @TSOR_REJECT_CROSSED: simultaneous connect; the other direction's REQ won
 * @TSOR_REJECT_BUSY: out of memory or over a limit; try later
 * @TSOR_REJECT_GOING: the module is being unloaded or the device removed
 */
enum tsor_reject {
	TSOR_REJECT_NOT_ALLOWED = 1,
	TSOR_REJECT_VERSION,
	TSOR_REJECT_SELF,
	TSOR_REJECT_CROSSED,
	TSOR_REJECT_BUSY,
	TSOR_REJECT_GOING,
};

/* ---- messages of a link ---- */

#define TSOR_MSG_HDR_LEN	40

/**
 * enum tsor_msg_type - types of link messages
 * @TSOR_MSG_DATA: payload, FIN or both; carries ack and window
 * @TSOR_MSG_ACK: ack and window only
 * @TSOR_MSG_RST: the sender aborted the connection
 * @TSOR_MSG_REFUSE: the token is of a plain or unknown socket; never answered
 * @TSOR_MSG_PROOF: active side's HMAC; first message of a link, for no channel
 * @TSOR_MSG_HEARTBEAT: nothing but credits; answered if it has TSOR_MSG_F_ECHO
 */
enum tsor_msg_type {
	TSOR_MSG_DATA = 1,
	TSOR_MSG_ACK,
	TSOR_MSG_RST,
	TSOR_MSG_REFUSE,
	TSOR_MSG_PROOF = 16,
	TSOR_MSG_HEARTBEAT,
};

#define TSOR_MSG_F_FIN		0x01	/* DATA: the stream ends behind this payload */
#define TSOR_MSG_F_ECHO		0x02	/* HEARTBEAT: answer at once */
#define TSOR_MSG_F_ACKNOW	0x04	/* DATA: the sender's buffer is full: acknowledge at once */

/**
 * struct tsor_msg - header of a link message, decoded
 * @type: see enum tsor_msg_type
 * @flags: TSOR_MSG_F_*
 * @epoch: epoch of the stream in the sender's eyes
 * @length: payload bytes behind the header
 * @dst: token of the channel at the receiver; 0 for the link itself
 * @src: token of the channel at the sender; 0 for the link itself
 * @offset: stream offset of the first payload byte (DATA); end of what was sent (RST)
 * @ack: all stream bytes below this have been received by the sender's software
 * @window: bytes from @ack on that the sender has room for
 * @credits: receive WRs posted since the last message on this QP
 */
struct tsor_msg {
	u8 type;
	u8 flags;
	u16 epoch;
	u32 length;
	u32 dst;
	u32 src;
	u64 offset;
	u64 ack;
	u32 window;
	u16 credits;
};

void tsor_msg_encode(const struct tsor_msg *m, u8 out[TSOR_MSG_HDR_LEN]);
enum tsor_wire_err tsor_msg_decode(const u8 *in, unsigned int len, u32 received,
				   struct tsor_msg *m);

/* ---- records on TCP ---- */

#define TSOR_MARK_LEN		8
#define TSOR_REC_HDR_LEN	8
#define TSOR_REC_BODY_LEN	16
#define TSOR_REC_DATA_MAX	(1u << 20)

/**
 * enum tsor_rec_type - types of records; the names are the model's
 * @TSOR_REC_DATA: @length bytes of the stream follow
 * @TSOR_REC_FIN: the stream ends here
 * @TSOR_REC_PROMOTE: this direction leaves TCP here
 * @TSOR_REC_FALLBACK: the epoch ended; count and window of what the sender has received
 * @TSOR_REC_ACK: count and window
 * @TSOR_REC_DETACH: behind this record the direction is raw; count as in FALLBACK
 */
enum tsor_rec_type {
	TSOR_REC_DATA = 1,
	TSOR_REC_FIN,
	TSOR_REC_PROMOTE,
	TSOR_REC_FALLBACK,
	TSOR_REC_ACK,
	TSOR_REC_DETACH,
};

/**
 * struct tsor_rec - header and body of a record, decoded
 * @type: see enum tsor_rec_type
 * @epoch: epoch in the sender's eyes
 * @length: bytes that follow the header: payload of DATA, the body of those that count, or 0
 * @count: stream bytes received by the sender (FALLBACK, ACK, DETACH)
 * @window: bytes from @count on that the sender has room for (FALLBACK, ACK)
 */
struct tsor_rec {
	u8 type;
	u16 epoch;
	u32 length;
	u64 count;
	u32 window;
};

u64 tsor_mark(u32 sender_token, u32 receiver_token);
void tsor_mark_encode(u64 mark, u8 out[TSOR_MARK_LEN]);
bool tsor_rec_counts(u8 type);
unsigned int tsor_rec_encode(const struct tsor_rec *r, u8 *out);
enum tsor_wire_err tsor_rec_decode(const u8 *in, struct tsor_rec *r);
enum tsor_wire_err tsor_rec_body_decode(const u8 *in, struct tsor_rec *r);

#endif
