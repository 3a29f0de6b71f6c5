// SPDX-License-Identifier: GPL-2.0
/*
 * One TCP connection made by hand, with TCP options of one's choice.
 *
 *   rawtcp connect SRC DST PORT SYN-OPTION ACK-OPTION    says "hello", expects it back
 *   rawtcp answer SRC PORT SYNACK-OPTION                 takes one connection, echoes
 *
 * An option is given in hex, as on the wire, or as "-" for none. In ACK-OPTION "SSSSSSSS"
 * stands for the token that the other end's option has named; SYNACK-OPTION "echo" sends
 * back the option of the SYN. Prints what the other end's packets have of experimental
 * options, whether the echo came, and how the connection ended.
 *
 * The netns' own TCP must be kept from answering: drop its RSTs.
 */
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#include "net.h"

#define EXPERIMENTAL 254
#define TOKEN_AT 15	/* in our option of a SYN or SYN-ACK */

static struct {
	int fd;
	struct sockaddr_in self, peer;
	unsigned int seq, ack;
} conn;

struct packet {
	struct tcphdr tcp;
	unsigned char option[40];	/* experimental, as it was */
	int option_len;
	unsigned char data[2000];
	int len;
};

static unsigned int sum16(const void *data, int len, unsigned int sum)
{
	const unsigned char *p = data;
	int i;

	for (i = 0; i < len; i++)
		sum += i & 1 ? p[i] : p[i] << 8;
	return sum;
}

/* @options: len bytes, len a multiple of 4 */
static void transmit(int flags, const unsigned char *options, int len, const char *data, int size)
{
	unsigned char buf[1500] = {};
	struct tcphdr *t = (void *)buf;
	unsigned int sum;
	int total = sizeof(*t) + len + size;

	t->source = conn.self.sin_port;
	t->dest = conn.peer.sin_port;
	t->seq = htonl(conn.seq);
	t->ack_seq = htonl(flags & TH_ACK ? conn.ack : 0);
	t->doff = (sizeof(*t) + len) / 4;
	t->th_flags = flags;
	t->window = htons(20000);
	memcpy(t + 1, options, len);
	memcpy((unsigned char *)(t + 1) + len, data, size);
	sum = sum16(&conn.self.sin_addr, 4, 0);
	sum = sum16(&conn.peer.sin_addr, 4, sum);
	sum = sum16(buf, total, sum + IPPROTO_TCP + total);
	sum = (sum & 0xffff) + (sum >> 16);
	t->check = htons(~(sum + (sum >> 16)) & 0xffff);
	if (sendto(conn.fd, buf, total, 0, (struct sockaddr *)&conn.peer, sizeof(conn.peer)) < 0)
		err(1, "sendto");
	conn.seq += size + !!(flags & (TH_SYN | TH_FIN));
}

static void plain(int flags, const char *data, int size)
{
	transmit(flags, NULL, 0, data, size);
}

static void find_option(const unsigned char *o, int len, struct packet *p)
{
	int i = 0;

	while (i < len && o[i] != TCPOPT_EOL) {
		int size = o[i] == TCPOPT_NOP || i + 1 == len ? 1 : o[i + 1];

		if (size < 1 || i + size > len)
			return;
		if (o[i] == EXPERIMENTAL) {
			memcpy(p->option, o + i, size);
			p->option_len = size;
		}
		i += size;
	}
}

/* the next packet of this connection, or any to our port while there is none */
static bool receive(struct packet *p, int ms)
{
	struct pollfd pfd = { .fd = conn.fd, .events = POLLIN };
	unsigned char buf[4000];
	struct iphdr *ip = (void *)buf;
	struct tcphdr *t;
	int len, head;

	while (poll(&pfd, 1, ms) == 1) {
		len = recv(conn.fd, buf, sizeof(buf), 0);
		head = ip->ihl * 4;
		t = (void *)(buf + head);
		if (len < head + (int)sizeof(*t) || t->dest != conn.self.sin_port)
			continue;
		if (conn.peer.sin_port && (t->source != conn.peer.sin_port ||
					   ip->saddr != conn.peer.sin_addr.s_addr))
			continue;
		if (!conn.peer.sin_port) {
			conn.peer.sin_addr.s_addr = ip->saddr;
			conn.peer.sin_port = t->source;
		}
		memset(p, 0, sizeof(*p));
		p->tcp = *t;
		head += t->doff * 4;
		p->len = len > head ? len - head : 0;
		if (p->len > (int)sizeof(p->data))
			errx(1, "a packet of %d bytes", p->len);
		memcpy(p->data, buf + head, p->len);
		find_option((unsigned char *)(t + 1), t->doff * 4 - sizeof(*t), p);
		return true;
	}
	return false;
}

static void print_option(const char *what, const struct packet *p)
{
	int i;

	printf("%s option ", what);
	for (i = 0; i < p->option_len; i++)
		printf("%02x", p->option[i]);
	printf("%s\n", p->option_len ? "" : "none");
}

/* MSS and, if there is one, the option in front of NOPs */
static int build(const char *hex, const struct packet *other, bool syn, unsigned char *o)
{
	int n = 0;

	if (syn) {
		memcpy(o, "\x02\x04\x05\x00", 4);
		n = 4;
	}
	if (!strcmp(hex, "echo")) {
		memcpy(o + n, other->option, other->option_len);
		n += other->option_len;
	} else if (strcmp(hex, "-")) {
		for (; hex[0] && hex[1] && n < 40; hex += 2) {
			if (!strncmp(hex, "SSSSSSSS", 8)) {
				memcpy(o + n, other->option + TOKEN_AT, 4);
				n += 4;
				hex += 6;
			} else if (sscanf(hex, "%2hhx", &o[n++]) != 1) {
				errx(2, "%s: not hex", hex);
			}
		}
	}
	while (n % 4)
		o[n++] = TCPOPT_NOP;
	return n;
}

/* after the handshake: until FIN, RST or silence; true if there was a FIN */
static bool finish(bool fin_sent)
{
	struct packet p;

	while (receive(&p, 3000)) {
		if (p.tcp.rst) {
			printf("ended by RST\n");
			return false;
		}
		if (ntohl(p.tcp.seq) != conn.ack)
			continue;
		conn.ack += p.len + p.tcp.fin;
		if (p.len || p.tcp.fin)
			plain(TH_ACK, NULL, 0);
		if (p.tcp.fin) {
			if (!fin_sent)
				plain(TH_FIN | TH_ACK, NULL, 0);
			printf("ended by FIN\n");
			return true;
		}
	}
	printf("not ended\n");
	return false;
}

static int do_connect(const char *dst, const char *port, const char *syn, const char *ack)
{
	unsigned char o[44];
	struct packet p, answer = {};
	bool echo = false;
	int i, n;

	getrandom(&conn.seq, sizeof(conn.seq), 0);
	conn.self.sin_port = htons(6100 + conn.seq % 1000);
	conn.peer.sin_port = htons(net_port(port));
	if (inet_pton(AF_INET, dst, &conn.peer.sin_addr) != 1)
		errx(2, "%s: no address", dst);
	n = build(syn, &answer, true, o);
	for (i = 0; i < 3; i++) {
		transmit(TH_SYN, o, n, NULL, 0);
		if (receive(&answer, 1000))
			break;
		conn.seq--;
	}
	if (i == 3 || !answer.tcp.syn || !answer.tcp.ack) {
		printf("no SYN-ACK%s\n", answer.tcp.rst ? " but RST" : "");
		return 1;
	}
	print_option("SYN-ACK", &answer);
	conn.ack = ntohl(answer.tcp.seq) + 1;
	n = build(ack, &answer, false, o);
	transmit(TH_ACK, o, n, NULL, 0);
	usleep(100000);
	plain(TH_ACK | TH_PUSH, "hello\n", 6);
	while (!echo && receive(&p, 3000)) {
		if (p.tcp.rst || p.tcp.fin)
			break;
		if (p.option_len)
			print_option("ACK", &p);
		if (!p.len || ntohl(p.tcp.seq) != conn.ack)
			continue;
		conn.ack += p.len;
		plain(TH_ACK, NULL, 0);
		echo = p.len == 6 && !memcmp(p.data, "hello\n", 6);
		if (!echo)
			break;
	}
	printf("echo %s\n", echo ? "well" : "missing");
	plain(TH_FIN | TH_ACK, NULL, 0);
	return finish(true) && echo ? 0 : 1;
}

static int do_answer(const char *port, const char *synack)
{
	unsigned char o[44];
	struct packet p, syn;
	int n;

	conn.self.sin_port = htons(net_port(port));
	do {
		if (!receive(&syn, 20000))
			errx(1, "nobody came");
	} while (!syn.tcp.syn);
	print_option("SYN", &syn);
	getrandom(&conn.seq, sizeof(conn.seq), 0);
	conn.ack = ntohl(syn.tcp.seq) + 1;
	n = build(synack, &syn, true, o);
	transmit(TH_SYN | TH_ACK, o, n, NULL, 0);
	while (receive(&p, 10000)) {
		if (p.tcp.rst) {
			printf("ended by RST\n");
			return 1;
		}
		if (p.option_len)
			print_option(p.len ? "data" : "ACK", &p);
		if (ntohl(p.tcp.seq) != conn.ack) {
			/* a keep-alive probe, or sent again */
			plain(TH_ACK, NULL, 0);
			continue;
		}
		conn.ack += p.len;
		if (p.len)
			plain(TH_ACK | TH_PUSH, (char *)p.data, p.len);
		if (p.tcp.fin) {
			conn.ack++;
			plain(TH_FIN | TH_ACK, NULL, 0);
			printf("ended by FIN\n");
			return 0;
		}
	}
	printf("not ended\n");
	return 1;
}

static const char usage[] =
	"usage: rawtcp connect SRC DST PORT OPTION OPTION | answer SRC PORT OPTION";

int main(int argc, char **argv)
{
	if (argc < 5)
		errx(2, "%s", usage);
	setvbuf(stdout, NULL, _IOLBF, 0);
	conn.fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_TCP);
	if (conn.fd < 0)
		err(1, "raw socket");
	conn.self.sin_family = AF_INET;
	conn.peer.sin_family = AF_INET;
	if (inet_pton(AF_INET, argv[2], &conn.self.sin_addr) != 1)
		errx(2, "%s: no address", argv[2]);
	if (bind(conn.fd, (struct sockaddr *)&conn.self, sizeof(conn.self)))
		err(1, "bind");
	if (argc == 7 && !strcmp(argv[1], "connect"))
		return do_connect(argv[3], argv[4], argv[5], argv[6]);
	if (argc == 5 && !strcmp(argv[1], "answer"))
		return do_answer(argv[3], argv[4]);
	errx(2, "%s", usage);
}
