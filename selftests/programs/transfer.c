// SPDX-License-Identifier: GPL-2.0
/*
 * Data in both directions of a connection at once, every byte checked against its offset.
 *
 *   transfer serve ADDR PORT              serve; a process for each connection
 *   transfer run [-b BYTES] [-l SECONDS] ADDR PORT CASE...
 *
 * A CASE is a list of settings, as send=writev,recv=msg,wait=epoll,c.rcvbuf=4096. With c. or
 * s. in front a setting is for the client or the server only. "random:N" draws all of them
 * from the seed N. The settings:
 *
 *   send=   write, writev, msg (sendmsg with random flags), splice, sendfile
 *   recv=   read, readv, msg (recvmsg that peeks, waits for all or does not wait), splice
 *   wait=   none (blocking calls), poll, select, epoll, edge (epoll, edge-triggered)
 *   sndbuf= rcvbuf= sndtimeo= rcvtimeo= (ms)   socket options
 *   nodelay= cork=                             likewise; cork: set and cleared while sending
 *   chunk=  largest size of one call; sizes are random
 *   pause=  of the reader: sleep up to so many microseconds before one in four calls
 *
 * The client's first bytes are the server's settings. Both ends have a thread that sends and
 * one that receives. The client ends its stream with shutdown(); the server ends its own
 * with eight bytes more, which say what it received, and closes. So the end of each stream
 * is checked, and that data still moves in one direction when the other is over.
 *
 * One line for each case; exit status 1 if any failed. A case that does not end in time is
 * reported with all that can be known of it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "net.h"
#include "pattern.h"

#define MAGIC	0x74736f72u
#define MAX_CHUNK 262144
#define VERDICT	8	/* bytes at the end of the server's stream */

static const char * const sends[] = { "write", "writev", "msg", "splice", "sendfile" };
static const char * const recvs[] = { "read", "readv", "msg", "splice" };
static const char * const waits[] = { "none", "poll", "select", "epoll", "edge" };

enum { SEND_WRITE, SEND_WRITEV, SEND_MSG, SEND_SPLICE, SEND_SENDFILE };
enum { RECV_READ, RECV_READV, RECV_MSG, RECV_SPLICE };
enum { WAIT_NONE, WAIT_POLL, WAIT_SELECT, WAIT_EPOLL, WAIT_EDGE };

/* what one end does */
struct plan {
	__u32 send, recv, wait;
	__u32 sndbuf, rcvbuf, sndtimeo, rcvtimeo;
	__u32 nodelay, cork;
	__u32 chunk, pause;
	__u32 limit;		/* seconds */
	__u64 seed;		/* of the stream that it sends */
	__u64 bytes;		/* length of that stream */
};

struct hello {
	__u32 magic;
	__u32 size;
	struct plan server;
	struct plan client;
};

/* one direction at one end */
struct half {
	int fd;
	const struct plan *plan;
	__u64 seed;
	__u64 bytes;		/* expected or to be sent */
	__u64 offset;	/* done */
	__u64 random;
	__u64 calls, waited;
	int epoll;
	int pipe[2];
	int file;
	bool is_client;
	bool writes;
	char failure[160];
	unsigned char *buf;
};

#define fail(h, ...) ({ snprintf((h)->failure, sizeof((h)->failure), __VA_ARGS__); -1; })

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* -- waiting ------------------------------------------------------------------------------ */

static int half_init(struct half *h, int fd, const struct plan *p, bool writes)
{
	struct epoll_event ev = { .events = writes ? EPOLLOUT : EPOLLIN | EPOLLRDHUP };

	h->fd = fd;
	h->plan = p;
	h->writes = writes;
	h->epoll = -1;
	h->pipe[0] = -1;
	h->pipe[1] = -1;
	h->file = -1;
	h->buf = malloc(MAX_CHUNK);
	if (!h->buf)
		return fail(h, "no memory");
	if (p->wait == WAIT_EPOLL || p->wait == WAIT_EDGE) {
		h->epoll = epoll_create1(EPOLL_CLOEXEC);
		if (p->wait == WAIT_EDGE)
			ev.events |= EPOLLET;
		if (h->epoll < 0 || epoll_ctl(h->epoll, EPOLL_CTL_ADD, fd, &ev))
			return fail(h, "epoll: %s", strerror(errno));
	}
	if ((writes ? p->send == SEND_SPLICE : p->recv == RECV_SPLICE) && pipe(h->pipe))
		return fail(h, "pipe: %s", strerror(errno));
	return 0;
}

static void half_free(struct half *h)
{
	if (h->epoll >= 0)
		close(h->epoll);
	if (h->pipe[0] >= 0) {
		close(h->pipe[0]);
		close(h->pipe[1]);
	}
	if (h->file >= 0)
		close(h->file);
	free(h->buf);
}

/* a call said EAGAIN */
static int half_wait(struct half *h)
{
	struct pollfd p = { .fd = h->fd, .events = h->writes ? POLLOUT : POLLIN };
	struct epoll_event ev;
	fd_set set;
	int n;

	h->waited++;
	switch (h->plan->wait) {
	case WAIT_NONE:	/* by SO_RCVTIMEO, SO_SNDTIMEO or MSG_DONTWAIT */
	case WAIT_POLL:
		n = poll(&p, 1, -1);
		break;
	case WAIT_SELECT:
		FD_ZERO(&set);
		FD_SET(h->fd, &set);
		n = select(h->fd + 1, h->writes ? NULL : &set, h->writes ? &set : NULL, NULL,
			   NULL);
		break;
	default:
		n = epoll_wait(h->epoll, &ev, 1, -1);
	}
	if (n < 0 && errno != EINTR)
		return fail(h, "waiting: %s", strerror(errno));
	return 0;
}

/* cut @len into up to four pieces */
static int cut(struct half *h, size_t len, struct iovec *iov)
{
	int i = 0;
	size_t at = 0;

	while (at < len) {
		size_t n = i == 3 ? len - at : 1 + draw_below(&h->random, len - at);

		iov[i].iov_base = h->buf + at;
		iov[i++].iov_len = n;
		at += n;
	}
	return i;
}

static size_t pick(struct half *h)
{
	__u64 most = h->plan->chunk;

	switch (draw_below(&h->random, 4)) {
	case 0:	/* small ones */
		most = most < 100 ? most : 100;
		break;
	case 1:
		most = most < 5000 ? most : 5000;
		break;
	}
	return 1 + draw_below(&h->random, most);
}

/* -- sending ------------------------------------------------------------------------------ */

static ssize_t send_msg(struct half *h, size_t len)
{
	struct iovec iov[4];
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = cut(h, len, iov) };
	int flags = 0;

	if (draw_below(&h->random, 2))
		flags |= MSG_NOSIGNAL;
	if (!draw_below(&h->random, 3))
		flags |= MSG_DONTWAIT;
	if (!draw_below(&h->random, 3))
		flags |= MSG_MORE;
	return sendmsg(h->fd, &msg, flags);
}

/* all that is put into the pipe goes out before the next call fills it */
static ssize_t send_splice(struct half *h, size_t len)
{
	size_t done = 0;
	ssize_t n;

	n = write(h->pipe[1], h->buf, len < 65536 ? len : 65536);
	if (n < 0)
		return fail(h, "write to pipe: %s", strerror(errno));
	len = n;
	while (done < len) {
		n = splice(h->pipe[0], NULL, h->fd, NULL, len - done,
			   draw_below(&h->random, 2) ? SPLICE_F_MORE : 0);
		if (n > 0) {
			done += n;
			continue;
		}
		if (n == 0)
			return fail(h, "splice to the socket returned 0");
		if (errno != EAGAIN && errno != EINTR)
			return -1;
		if (errno == EAGAIN && half_wait(h))
			return -1;
	}
	return done;
}

static ssize_t send_file(struct half *h, size_t len)
{
	off_t at = h->offset;

	if (h->file < 0) {
		__u64 i;

		h->file = memfd_create("stream", MFD_CLOEXEC);
		if (h->file < 0)
			return fail(h, "memfd_create: %s", strerror(errno));
		for (i = 0; i < h->bytes; i += MAX_CHUNK) {
			pattern_fill(h->seed, i, h->buf, MAX_CHUNK);
			if (pwrite(h->file, h->buf, MAX_CHUNK, i) != MAX_CHUNK)
				return fail(h, "pwrite: %s", strerror(errno));
		}
	}
	return sendfile(h->fd, h->file, &at, len);
}

static void *send_half(void *arg)
{
	struct half *h = arg;
	struct iovec iov[4];
	size_t len = 0;
	int on = 0, n;

	while (h->offset < h->bytes) {
		ssize_t sent;

		if (!len) {
			len = pick(h);
			if (len > h->bytes - h->offset)
				len = h->bytes - h->offset;
		}
		if (h->plan->cork && !draw_below(&h->random, 4)) {
			on = !on;
			setsockopt(h->fd, IPPROTO_TCP, TCP_CORK, &on, sizeof(on));
		}
		if (h->plan->send != SEND_SENDFILE)
			pattern_fill(h->seed, h->offset, h->buf, len);
		h->calls++;
		switch (h->plan->send) {
		case SEND_WRITE:
			sent = write(h->fd, h->buf, len);
			break;
		case SEND_WRITEV:
			n = cut(h, len, iov);
			sent = writev(h->fd, iov, n);
			break;
		case SEND_MSG:
			sent = send_msg(h, len);
			break;
		case SEND_SPLICE:
			sent = send_splice(h, len);
			break;
		default:
			sent = send_file(h, len);
		}
		if (h->failure[0])
			return h;
		if (sent < 0) {
			if (errno == EINTR)
				continue;
			if (errno == EAGAIN) {
				if (half_wait(h))
					return h;
				continue;
			}
			fail(h, "sending %zu: %s", len, strerror(errno));
			return h;
		}
		if (sent == 0 || (size_t)sent > len) {
			fail(h, "sending %zu returned %zd", len, sent);
			return h;
		}
		h->offset += sent;
		/* as most programs do: the rest of a short write, then something new */
		len = draw_below(&h->random, 2) ? len - sent : 0;
	}
	if (h->is_client && shutdown(h->fd, SHUT_WR)) {
		fail(h, "shutdown: %s", strerror(errno));
		return h;
	}
	return NULL;
}

/* -- receiving ---------------------------------------------------------------------------- */

static ssize_t recv_msg(struct half *h, size_t len)
{
	struct iovec iov[4];
	struct msghdr msg = { .msg_iov = iov };
	size_t good;
	ssize_t n;
	int flags = 0;

	if (!draw_below(&h->random, 3))
		flags |= MSG_DONTWAIT;
	else if (draw_below(&h->random, 2))
		flags |= MSG_WAITALL;
	if (draw_below(&h->random, 2)) {
		n = recv(h->fd, h->buf, len, MSG_PEEK | (flags & MSG_DONTWAIT));
		if (n <= 0)
			return n;
		good = pattern_check(h->seed, h->offset, h->buf, n);
		if ((ssize_t)good < n && h->offset + good < h->bytes)
			return fail(h, "peeked at offset %llu, wrong from %zu of %zd on",
				    h->offset, good, n);
		memset(h->buf, 0, n);
	}
	msg.msg_iovlen = cut(h, len, iov);
	n = recvmsg(h->fd, &msg, flags);
	if (n >= 0 && msg.msg_flags & ~(flags & MSG_DONTWAIT))
		return fail(h, "recvmsg: msg_flags %#x", msg.msg_flags);
	return n;
}

static ssize_t recv_splice(struct half *h, size_t len)
{
	size_t done;
	ssize_t n, got;

	n = splice(h->fd, NULL, h->pipe[1], NULL, len < 65536 ? len : 65536,
		   h->plan->wait ? SPLICE_F_NONBLOCK : 0);
	if (n <= 0)
		return n;
	for (done = 0; done < (size_t)n; done += got) {
		got = read(h->pipe[0], h->buf + done, n - done);
		if (got <= 0)
			return fail(h, "read from pipe: %s", got ? strerror(errno) : "end");
	}
	return n;
}

static ssize_t recv_once(struct half *h, size_t len)
{
	struct iovec iov[4];
	int n;

	switch (h->plan->recv) {
	case RECV_READ:
		return read(h->fd, h->buf, len);
	case RECV_READV:
		n = cut(h, len, iov);
		return readv(h->fd, iov, n);
	case RECV_MSG:
		return recv_msg(h, len);
	}
	return recv_splice(h, len);
}

static void *recv_half(void *arg)
{
	struct half *h = arg;
	__u64 verdict;
	size_t good;
	ssize_t n;

	for (;;) {
		size_t len = pick(h);

		if (h->plan->pause && !draw_below(&h->random, 4))
			usleep(draw_below(&h->random, h->plan->pause));
		h->calls++;
		n = recv_once(h, len);
		if (h->failure[0])
			return h;
		if (n < 0) {
			if (errno == EINTR)
				continue;
			if (errno == EAGAIN) {
				if (half_wait(h))
					return h;
				continue;
			}
			fail(h, "receiving: %s", strerror(errno));
			return h;
		}
		if (n == 0)
			break;
		if ((size_t)n > len) {
			fail(h, "receiving %zu returned %zd", len, n);
			return h;
		}
		good = pattern_check(h->seed, h->offset, h->buf, n);
		if (good < (size_t)n) {
			fail(h, "wrong byte at offset %llu, %zu of %zd received: 0x%02x",
			     h->offset + good, good, n, h->buf[good]);
			return h;
		}
		h->offset += n;
	}
	/* the verdict goes on in the same pattern if it is good */
	verdict = h->is_client ? VERDICT : 0;
	if (h->offset != h->bytes + verdict) {
		fail(h, "end of stream at offset %llu, not %llu", h->offset,
		     h->bytes + verdict);
		return h;
	}
	return NULL;
}

/* -- one connection ----------------------------------------------------------------------- */

static void buffers(int fd, const struct plan *p)
{
	if (p->sndbuf)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &p->sndbuf, sizeof(p->sndbuf));
	if (p->rcvbuf)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &p->rcvbuf, sizeof(p->rcvbuf));
}

/* once connected: connect() honours SO_SNDTIMEO */
static void options(int fd, const struct plan *p)
{
	struct timeval snd = { .tv_usec = p->sndtimeo * 1000 };
	struct timeval rcv = { .tv_usec = p->rcvtimeo * 1000 };
	int one = 1;

	if (p->sndtimeo)
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &snd, sizeof(snd));
	if (p->rcvtimeo)
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &rcv, sizeof(rcv));
	if (p->nodelay)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static void report(const char *who, const struct half *h, bool late)
{
	struct pollfd p = { .fd = h->fd, .events = POLLIN | POLLOUT | POLLRDHUP };
	int in = -1, out = -1;

	ioctl(h->fd, SIOCINQ, &in);
	ioctl(h->fd, SIOCOUTQ, &out);
	poll(&p, 1, 0);
	fprintf(stderr, "# %s %s: %s; %llu of %llu bytes, %llu calls, %llu waits; ", who,
		h->writes ? "sending" : "receiving",
		h->failure[0] ? h->failure : late ? "not over" : "well",
		h->offset, h->bytes, h->calls, h->waited);
	fprintf(stderr, "poll %#x, inq %d, outq %d\n", p.revents, in, out);
}

static int join(pthread_t thread, double end, bool *late)
{
	double left = end - now();
	struct timespec t;
	void *failed;

	if (left < 0.01)
		left = 0.01;
	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += (time_t)left;
	t.tv_nsec += (left - (time_t)left) * 1e9;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	if (pthread_timedjoin_np(thread, &failed, &t)) {
		*late = true;
		return -1;
	}
	return failed ? -1 : 0;
}

/* 0, or -1 with everything said on stderr; ends the process if a thread is stuck */
static int converse(int fd, const struct plan *mine, const struct plan *other, bool is_client)
{
	struct half out = { .is_client = is_client }, in = { .is_client = is_client };
	const char *who = is_client ? "client" : "server";
	unsigned char verdict[VERDICT];
	double end = now() + mine->limit;
	bool late = false;
	pthread_t ts, tr;
	int bad;

	out.seed = mine->seed;
	out.bytes = mine->bytes;
	out.random = mine->seed ^ (is_client ? 1 : 2) << 20;
	in.seed = other->seed;
	in.bytes = other->bytes;
	in.random = out.random ^ 1ull << 50;
	bad = half_init(&out, fd, mine, true) | half_init(&in, fd, mine, false);
	if (!bad) {
		pthread_create(&ts, NULL, send_half, &out);
		pthread_create(&tr, NULL, recv_half, &in);
		bad = join(ts, end, &late);
		/* one that failed would leave the other end waiting */
		if (out.failure[0])
			shutdown(fd, SHUT_RDWR);
		bad |= join(tr, end, &late);
	}
	if (bad) {
		report(who, &out, late);
		report(who, &in, late);
		if (late)
			_exit(1);
	}
	if (!is_client) {
		pattern_fill(mine->seed, mine->bytes, verdict, VERDICT);
		if (bad)
			memset(verdict, 0, VERDICT);
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
		if (send(fd, verdict, VERDICT, MSG_NOSIGNAL) != VERDICT && !bad) {
			warn("server: sending the verdict");
			bad = -1;
		}
	}
	half_free(&out);
	half_free(&in);
	return bad;
}

/* -- cases -------------------------------------------------------------------------------- */

static const struct setting {
	const char *name;
	size_t offset;
	const char * const *values;
	int nr;
} settings[] = {
#define NAMES(name, nr) { #name, offsetof(struct plan, name), name##s, nr }
#define NUMBER(name) { #name, offsetof(struct plan, name), NULL, 0 }
	NAMES(send, 5), NAMES(recv, 4), NAMES(wait, 5),
	NUMBER(sndbuf), NUMBER(rcvbuf), NUMBER(sndtimeo), NUMBER(rcvtimeo),
	NUMBER(nodelay), NUMBER(cork), NUMBER(chunk), NUMBER(pause),
};

static void set(struct plan *p, const char *name, const char *value)
{
	size_t i;
	int v;

	for (i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
		const struct setting *s = &settings[i];
		__u32 *to = (void *)((char *)p + s->offset);

		if (strcmp(name, s->name))
			continue;
		if (!s->values) {
			*to = atoi(value);
			return;
		}
		for (v = 0; v < s->nr; v++) {
			if (!strcmp(value, s->values[v])) {
				*to = v;
				return;
			}
		}
	}
	errx(2, "no setting %s=%s", name, value);
}

static void draw_plan(struct plan *p, __u64 *r)
{
	static const __u32 bufs[] = { 0, 0, 0, 2304, 4608, 20000, 100000 };
	static const __u32 chunks[] = { 1500, 20000, 65536, 65536, MAX_CHUNK };

	p->send = draw_below(r, 5);
	p->recv = draw_below(r, 4);
	p->wait = draw_below(r, 5);
	p->sndbuf = bufs[draw_below(r, 7)];
	p->rcvbuf = bufs[draw_below(r, 7)];
	p->sndtimeo = draw_below(r, 4) ? 0 : 20;
	p->rcvtimeo = draw_below(r, 4) ? 0 : 20;
	p->nodelay = draw_below(r, 2);
	p->cork = !draw_below(r, 4);
	p->chunk = chunks[draw_below(r, 5)];
	p->pause = draw_below(r, 3) ? 0 : 4000;
}

static void print_plan(const char *who, const struct plan *p)
{
	size_t i;

	for (i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
		const struct setting *s = &settings[i];
		__u32 v = *(const __u32 *)((const char *)p + s->offset);

		if (s->values)
			printf(" %s%s=%s", who, s->name, s->values[v]);
		else if (v)
			printf(" %s%s=%u", who, s->name, v);
	}
}

static void parse(const char *text, struct plan *client, struct plan *server)
{
	char *copy, *word, *next, *value;
	__u64 r;

	if (!strncmp(text, "random:", 7)) {
		r = strtoull(text + 7, NULL, 0) << 32;
		draw_plan(client, &r);
		draw_plan(server, &r);
		return;
	}
	copy = strdup(text);
	for (word = strtok_r(copy, ",", &next); word; word = strtok_r(NULL, ",", &next)) {
		value = strchr(word, '=');
		if (!value)
			errx(2, "%s: no setting", word);
		*value++ = 0;
		if (strncmp(word, "s.", 2))
			set(client, strncmp(word, "c.", 2) ? word : word + 2, value);
		if (strncmp(word, "c.", 2))
			set(server, strncmp(word, "s.", 2) ? word : word + 2, value);
	}
	free(copy);
}

static int run_case(const char *addr, int port, const char *text, struct hello *hello)
{
	struct sockaddr_storage ss;
	socklen_t len = net_address(addr, port, &ss);
	double start = now();
	int fd, bad;

	fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		err(1, "socket");
	buffers(fd, &hello->client);
	if (connect(fd, (struct sockaddr *)&ss, len)) {
		printf("not ok - %s: connect: %s\n", text, strerror(errno));
		close(fd);
		return -1;
	}
	if (send(fd, hello, sizeof(*hello), MSG_NOSIGNAL) != sizeof(*hello)) {
		printf("not ok - %s: hello: %s\n", text, strerror(errno));
		close(fd);
		return -1;
	}
	options(fd, &hello->client);
	if (hello->client.wait)
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	bad = converse(fd, &hello->client, &hello->server, true);
	close(fd);
	printf("%sok - %s: %llu bytes there, %llu back, %.2f s\n", bad ? "not " : "", text,
	       hello->client.bytes, hello->server.bytes,
	       now() - start);
	if (!strncmp(text, "random:", 7)) {
		printf("#");
		print_plan("c.", &hello->client);
		print_plan("s.", &hello->server);
		printf("\n");
	}
	fflush(stdout);
	return bad;
}

static int run(int argc, char **argv)
{
	__u64 bytes = 1 << 20;
	int limit = 30, opt, i, failed = 0;

	while ((opt = getopt(argc, argv, "b:l:")) != -1) {
		if (opt == 'b')
			bytes = strtoull(optarg, NULL, 0);
		else if (opt == 'l')
			limit = atoi(optarg);
		else
			return 2;
	}
	if (argc - optind < 3)
		errx(2, "there must be an address, a port and cases");
	for (i = optind + 2; i < argc; i++) {
		struct hello h = { .magic = MAGIC, .size = sizeof(h) };
		__u64 r = 0;
		const char *c;

		for (c = argv[i]; *c; c++)
			r = r * 31 + (unsigned char)*c;
		r = pattern_word(r, 0);
		h.client.chunk = 65536;
		h.server.chunk = 65536;
		parse(argv[i], &h.client, &h.server);
		h.client.limit = limit;
		h.server.limit = limit;
		h.client.seed = draw(&r);
		h.server.seed = draw(&r);
		h.client.bytes = bytes / 2 + draw_below(&r, bytes);
		h.server.bytes = bytes / 2 + draw_below(&r, bytes);
		if (h.client.chunk < 1 || h.client.chunk > MAX_CHUNK ||
		    h.server.chunk < 1 || h.server.chunk > MAX_CHUNK)
			errx(2, "%s: chunk", argv[i]);
		/* when stuck, converse() ends the process: the next case is another's */
		switch (fork()) {
		case -1:
			err(1, "fork");
		case 0:
			failed = run_case(argv[optind], net_port(argv[optind + 1]), argv[i], &h);
			exit(failed ? 1 : 0);
		}
		if (wait(&opt) < 0 || opt) {
			failed = 1;
			if (WIFSIGNALED(opt))
				printf("not ok - %s: signal %d\n", argv[i], WTERMSIG(opt));
			else if (WEXITSTATUS(opt) == 1)
				printf("# %s failed\n", argv[i]);
		}
		fflush(stdout);
	}
	return failed;
}

static int serve_one(int fd)
{
	struct hello h;

	if (recv(fd, &h, sizeof(h), MSG_WAITALL) != sizeof(h) || h.magic != MAGIC ||
	    h.size != sizeof(h))
		errx(1, "server: no hello");
	buffers(fd, &h.server);
	options(fd, &h.server);
	if (h.server.wait)
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	return converse(fd, &h.server, &h.client, false) ? 1 : 0;
}

static int serve(const char *addr, const char *port)
{
	int fd, l = net_listen(addr, net_port(port), 100);

	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		fd = accept4(l, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0) {
			if (errno == EINTR || errno == ECONNABORTED)
				continue;
			err(1, "accept");
		}
		switch (fork()) {
		case -1:
			err(1, "fork");
		case 0:
			close(l);
			exit(serve_one(fd));
		}
		close(fd);
	}
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (argc == 4 && !strcmp(argv[1], "serve"))
		return serve(argv[2], argv[3]);
	if (argc > 1 && !strcmp(argv[1], "run"))
		return run(argc - 1, argv + 1);
	errx(2, "usage: transfer serve ADDR PORT | run [-b BYTES] [-l SECONDS] ADDR PORT CASE...");
}
