// SPDX-License-Identifier: GPL-2.0
/*
 * A peer that does not keep to the rules, in user space, against a node with the module.
 *
 *	hostile ADDRESS WAY		connect, misbehave in this way, wait for the end
 *	hostile ADDRESS flood N		N connections at once that send no proof
 *
 * Prints "refused WHY" (the byte of the REJ, or - without one), "up" when the node has
 * accepted, "ended" when it has ended the connection, "alive" if it has not after 20 seconds.
 * Ways: those of struct way below.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <endian.h>
#include <err.h>
#include <errno.h>
#include <linux/if_alg.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rdma/rdma_cma.h>
#include <rdma/rdma_verbs.h>

#define PORT		"4790"
#define MAGIC		0x54536f52
#define REQ_LEN		56
#define REP_LEN		88
#define PROOF_LEN	32
#define HDR_LEN		40
#define BUF_LEN		33024
#define RECVS		64
#define SENDS		200

enum { DATA = 1, ACK, RST, REFUSE, PROOF = 16, HEARTBEAT };

static struct way {
	const char *name;
	/* of the REQ */
	int bad_magic, bad_version, zero_id, tiny_msg, few_credits, short_req;
	/* of the proof */
	int no_proof, wrong_proof, early;
	/* and then COUNT messages of TYPE with LENGTH in the header and SENT bytes behind it */
	int type, count;
	uint32_t length, sent;
	uint8_t flags;
	uint32_t dst, src;
	uint64_t offset, ack;
	uint32_t window;
	uint16_t credits, reserved;
	/* bytes in all; no header at all */
	int raw;
	/* receive WRs that are there, of those told */
	int no_recvs;
} ways[] = {
	{ "magic", .bad_magic = 1 },
	{ "version", .bad_version = 1 },
	{ "zero-id", .zero_id = 1 },
	{ "tiny-messages", .tiny_msg = 1 },
	{ "few-credits", .few_credits = 1 },
	{ "no-private-data", .short_req = 1 },
	{ "no-proof", .no_proof = 1 },
	{ "wrong-proof", .wrong_proof = 1 },
	{ "data-before-proof", .no_proof = 1, .type = DATA, .count = 3, .length = 100, .sent = 100,
	  .dst = 1, .src = 1 },
	{ .name = "good" },
	{ "second-proof", .type = PROOF, .count = 1, .length = 32, .sent = 32 },
	{ "type", .type = 99, .count = 1 },
	{ "type-0", .type = 0, .count = 1 },
	{ "flags", .type = ACK, .flags = 0xff, .count = 1, .dst = 1, .src = 1 },
	{ "nothing", .raw = -1, .count = 1 },
	{ "short", .raw = 39, .count = 1 },
	{ "garbage", .raw = 30000, .count = 1 },
	{ "more-than-told", .type = DATA, .count = 1, .length = 10, .sent = 20000, .dst = 1,
	  .src = 1 },
	{ "less-than-told", .type = DATA, .count = 1, .length = 20000, .sent = 10, .dst = 1,
	  .src = 1 },
	{ "huge-length", .type = DATA, .count = 1, .length = 0xffffffd8, .sent = 0, .dst = 1,
	  .src = 1 },
	{ "too-long", .type = DATA, .count = 1, .length = 60000, .sent = 60000, .dst = 1,
	  .src = 1 },
	{ "empty-data", .type = DATA, .count = 1, .dst = 1, .src = 1 },
	{ "no-token", .type = DATA, .count = 1, .length = 8, .sent = 8 },
	{ "offset", .type = DATA, .count = 1, .length = 8, .sent = 8, .dst = 1, .src = 1,
	  .offset = ~0ull },
	{ "window", .type = ACK, .count = 1, .dst = 1, .src = 1, .window = ~0u },
	{ "reserved", .type = ACK, .count = 1, .dst = 1, .src = 1, .reserved = 7 },
	{ "credits", .type = HEARTBEAT, .count = 1, .credits = 0xffff },
	/* the node can tell of new credits until it has used up ours */
	{ "beyond-credits", .type = HEARTBEAT, .count = 8000 },
	/* more answers than may wait */
	{ "flood", .type = DATA, .count = 2000, .length = 8000, .sent = 8000, .dst = 12345,
	  .src = 678 },
	/* these are no reason to end a link */
	{ "unknown-tokens", .type = DATA, .count = 60, .length = 500, .sent = 500, .dst = 12345,
	  .src = 678 },
	{ "unknown-resets", .type = RST, .count = 60, .dst = 12345, .src = 678 },
	{ "unknown-refusals", .type = REFUSE, .count = 60, .dst = 12345, .src = 678 },
	{ "echoes", .type = HEARTBEAT, .flags = 2, .count = 60 },
	/* the node answers, and nobody listens */
	{ "deaf", .type = DATA, .count = 60, .length = 500, .sent = 500, .dst = 12345, .src = 678,
	  .no_recvs = 1 },
};

static uint8_t req[REQ_LEN], rep[REP_LEN];
static uint8_t *sends, *recvs;
static struct ibv_mr *send_mr, *recv_mr;

static void put16(uint8_t *p, uint16_t v) { v = htobe16(v); memcpy(p, &v, 2); }
static void put32(uint8_t *p, uint32_t v) { v = htobe32(v); memcpy(p, &v, 4); }
static void put64(uint8_t *p, uint64_t v) { v = htobe64(v); memcpy(p, &v, 8); }

/* HMAC-SHA256 of the empty key, by the kernel */
static void proof(uint8_t out[PROOF_LEN])
{
	struct sockaddr_alg sa = { .salg_family = AF_ALG, .salg_type = "hash",
				   .salg_name = "hmac(sha256)" };
	uint8_t key[64] = {}, in[2 * REQ_LEN + 1];
	int tfm = socket(AF_ALG, SOCK_SEQPACKET, 0), op;

	if (tfm < 0 || bind(tfm, (struct sockaddr *)&sa, sizeof(sa)) ||
	    setsockopt(tfm, SOL_ALG, ALG_SET_KEY, key, sizeof(key)))
		err(2, "AF_ALG");
	op = accept(tfm, NULL, 0);
	memcpy(in, req, REQ_LEN);
	memcpy(in + REQ_LEN, rep, REQ_LEN);
	in[2 * REQ_LEN] = 2;
	if (op < 0 || write(op, in, sizeof(in)) != sizeof(in) ||
	    read(op, out, PROOF_LEN) != PROOF_LEN)
		err(2, "AF_ALG");
	close(op);
	close(tfm);
}

static void make_req(const struct way *w)
{
	memset(req, 0, sizeof(req));
	put32(req, w->bad_magic ? 0x12345678 : MAGIC);
	req[4] = w->bad_version ? 9 : 1;
	if (!w->zero_id && getrandom(req + 8, 8, 0) != 8)
		err(2, "getrandom");
	put32(req + 16, w->tiny_msg ? 100 : BUF_LEN);
	put16(req + 20, w->few_credits ? 1 : RECVS);
	if (getrandom(req + 24, 16, 0) != 16)
		err(2, "getrandom");
}

/* an id whose QP has receives, connecting or connected; NULL if it was refused */
static struct rdma_cm_id *begin(const char *address, const struct way *w)
{
	struct ibv_qp_init_attr attr = {
		.cap = { .max_send_wr = SENDS, .max_recv_wr = RECVS, .max_send_sge = 1,
			 .max_recv_sge = 1 },
		.sq_sig_all = 1,
		.qp_type = IBV_QPT_RC,
	};
	struct rdma_addrinfo hints = { .ai_port_space = RDMA_PS_TCP }, *info;
	struct rdma_conn_param param = {
		.private_data = req, .private_data_len = w->short_req ? 0 : REQ_LEN,
		.retry_count = 6, .rnr_retry_count = 6,
	};
	struct rdma_cm_id *id;
	int i;

	if (rdma_getaddrinfo(address, PORT, &hints, &info))
		err(2, "rdma_getaddrinfo");
	if (rdma_create_ep(&id, info, NULL, &attr))
		err(2, "rdma_create_ep");
	rdma_freeaddrinfo(info);
	if (!sends) {
		sends = calloc(1, 65536);
		recvs = calloc(RECVS, BUF_LEN);
	}
	send_mr = rdma_reg_msgs(id, sends, 65536);
	recv_mr = rdma_reg_msgs(id, recvs, RECVS * BUF_LEN);
	if (!send_mr || !recv_mr)
		err(2, "rdma_reg_msgs");
	for (i = 0; i < RECVS && !w->no_recvs; i++)
		if (rdma_post_recv(id, NULL, recvs + i * BUF_LEN, BUF_LEN, recv_mr))
			err(2, "rdma_post_recv");
	make_req(w);
	if (!rdma_connect(id, &param)) {
		if (id->event->param.conn.private_data_len < REP_LEN)
			errx(2, "short REP");
		memcpy(rep, id->event->param.conn.private_data, REP_LEN);
		printf("up\n");
		return id;
	}
	if (id->event && id->event->event == RDMA_CM_EVENT_REJECTED &&
	    id->event->param.conn.private_data_len)
		printf("refused %d\n", *(const uint8_t *)id->event->param.conn.private_data);
	else
		printf("refused -\n");
	rdma_destroy_ep(id);
	return NULL;
}

/* false: the node has ended it meanwhile */
static int send_bytes(struct rdma_cm_id *id, uint32_t len)
{
	static int posted;
	struct ibv_wc wc = {};

	/* no more than one completion has to be waited for */
	if (posted == SENDS) {
		if (rdma_get_send_comp(id, &wc) < 0 || wc.status != IBV_WC_SUCCESS)
			return 0;
		posted--;
	}
	posted++;
	return !rdma_post_send(id, NULL, sends, len, send_mr, 0);
}

static void send_proof(struct rdma_cm_id *id, const struct way *w)
{
	static uint8_t msg[HDR_LEN + PROOF_LEN];
	struct ibv_wc wc;

	msg[0] = PROOF;
	put32(msg + 4, PROOF_LEN);
	proof(msg + HDR_LEN);
	if (w->wrong_proof)
		msg[HDR_LEN] ^= 1;
	memcpy(sends, msg, sizeof(msg));
	/* the buffer is used again */
	if (rdma_post_send(id, NULL, sends, sizeof(msg), send_mr, 0) ||
	    rdma_get_send_comp(id, &wc) < 0)
		warn("proof");
}

static void send_messages(struct rdma_cm_id *id, const struct way *w)
{
	int i;

	memset(sends, 0x5a, 65536);
	if (!w->raw) {
		memset(sends, 0, HDR_LEN);
		sends[0] = w->type;
		sends[1] = w->flags;
		put32(sends + 4, w->length);
		put32(sends + 8, w->dst);
		put32(sends + 12, w->src);
		put64(sends + 16, w->offset);
		put64(sends + 24, w->ack);
		put32(sends + 32, w->window);
		put16(sends + 36, w->credits);
		put16(sends + 38, w->reserved);
	}
	for (i = 0; i < w->count; i++)
		if (!send_bytes(id, w->raw < 0 ? 0 : w->raw ? (uint32_t)w->raw : HDR_LEN + w->sent))
			break;
}

/* until the node ends it; false after @ms */
static int wait_end(struct rdma_cm_id *id, int ms)
{
	struct pollfd pfd = { .fd = id->channel->fd, .events = POLLIN };
	struct rdma_cm_event *ev;

	while (poll(&pfd, 1, ms) > 0) {
		enum rdma_cm_event_type type;

		if (rdma_get_cm_event(id->channel, &ev))
			err(2, "rdma_get_cm_event");
		type = ev->event;
		rdma_ack_cm_event(ev);
		if (type == RDMA_CM_EVENT_DISCONNECTED)
			return 1;
	}
	return 0;
}

static int flood(const char *address, int n)
{
	static const struct way w = { .name = "flood", .no_proof = 1 };
	struct rdma_cm_id **ids = calloc(n, sizeof(*ids));
	int i, up = 0;

	for (i = 0; i < n; i++) {
		ids[i] = begin(address, &w);
		up += !!ids[i];
	}
	/* whatever is held: the node must get rid of it by itself */
	sleep(6);
	printf("%d of %d were up\n", up, n);
	return 0;
}

int main(int argc, char **argv)
{
	const struct way *w;
	struct rdma_cm_id *id;
	size_t i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 4 && !strcmp(argv[2], "flood"))
		return flood(argv[1], atoi(argv[3]));
	if (argc == 2 && !strcmp(argv[1], "--list")) {
		for (i = 0; i < sizeof(ways) / sizeof(*ways); i++)
			printf("%s\n", ways[i].name);
		return 0;
	}
	for (w = NULL, i = 0; argc == 3 && i < sizeof(ways) / sizeof(*ways); i++)
		if (!strcmp(ways[i].name, argv[2]))
			w = &ways[i];
	if (!w)
		errx(2, "usage: hostile ADDRESS WAY | hostile ADDRESS flood N | hostile --list");

	id = begin(argv[1], w);
	if (!id)
		return 0;
	if (!w->no_proof)
		send_proof(id, w);
	if (w->count)
		send_messages(id, w);
	printf("%s\n", wait_end(id, 20000) ? "ended" : "alive");
	rdma_disconnect(id);
	rdma_destroy_ep(id);
	return 0;
}
