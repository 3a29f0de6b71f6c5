// SPDX-License-Identifier: GPL-2.0
/*
 * Many connections at once, one thread and one epoll at each end, every byte checked.
 *
 *   many serve ADDR PORT
 *   many run [-l SECONDS] ADDR PORT CONNECTIONS BYTES
 *
 * The client opens all connections, and sends nothing before the last one is established.
 * Each then sends a number (seed and length), streams BYTES both ways at once, and half-closes
 * after its last byte; the server closes after its own last byte and the client's end. The
 * client's epoll is level-triggered, the server's edge-triggered.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "net.h"
#include "pattern.h"

#define CHUNK 16384

struct hello {
	__u64 seed;
	__u64 bytes;
};

struct conn {
	int fd;
	bool up;
	bool in_over;
	bool out_over;
	struct hello hello;
	size_t hello_done;	/* bytes of it sent or received */
	__u64 in, out;
};

static unsigned char buf[CHUNK];
static bool is_client;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static int complain(const struct conn *c, const char *what)
{
	fprintf(stderr, "# %s: connection %llu: %s; %zu of hello, %llu in, %llu out: %s\n",
		is_client ? "client" : "server", c->hello.seed, what,
		c->hello_done, c->in, c->out,
		strerror(errno));
	return -1;
}

static __u64 seed_in(const struct conn *c)
{
	return c->hello.seed * 2 + is_client;
}

static __u64 seed_out(const struct conn *c)
{
	return c->hello.seed * 2 + !is_client;
}

/* 1: not now, 0: go on, -1: failed */
static int again(const struct conn *c, const char *what)
{
	if (errno == EAGAIN)
		return 1;
	if (errno == EINTR)
		return 0;
	return complain(c, what);
}

static int receive(struct conn *c)
{
	ssize_t n;
	int got;

	if (!is_client && c->hello_done < sizeof(c->hello)) {
		n = read(c->fd, (char *)&c->hello + c->hello_done,
			 sizeof(c->hello) - c->hello_done);
		if (n < 0)
			return again(c, "hello");
		if (n == 0)
			return complain(c, "end in hello");
		c->hello_done += n;
		return 0;
	}
	n = read(c->fd, buf, CHUNK);
	if (n < 0)
		return again(c, "read");
	if (n == 0) {
		if (c->in != c->hello.bytes)
			return complain(c, "end before its time");
		c->in_over = true;
		return 1;
	}
	got = pattern_check(seed_in(c), c->in, buf, n);
	if (got < n) {
		c->in += got;
		return complain(c, "wrong byte");
	}
	c->in += n;
	return 0;
}

static int transmit(struct conn *c)
{
	__u64 left = c->hello.bytes - c->out;
	size_t len = left < CHUNK ? left : CHUNK;
	ssize_t n;

	if (c->hello_done < sizeof(c->hello)) {
		if (!is_client)
			return 1;
		n = write(c->fd, (char *)&c->hello + c->hello_done,
			  sizeof(c->hello) - c->hello_done);
		if (n < 0)
			return again(c, "hello");
		c->hello_done += n;
		return 0;
	}
	if (!left) {
		if (is_client && shutdown(c->fd, SHUT_WR))
			return complain(c, "shutdown");
		c->out_over = true;
		return 1;
	}
	pattern_fill(seed_out(c), c->out, buf, len);
	n = write(c->fd, buf, len);
	if (n < 0)
		return again(c, "write");
	c->out += n;
	return 0;
}

/* all that can be done now; 1 when the connection is over, -1 if it failed */
static int advance(struct conn *c)
{
	int r = 0;

	while (!c->in_over && !r)
		r = receive(c);
	if (r < 0)
		return -1;
	for (r = 0; !c->out_over && !r;)
		r = transmit(c);
	if (r < 0)
		return -1;
	return c->in_over && c->out_over;
}

static void watch(int ep, struct conn *c, int op, __u32 events)
{
	struct epoll_event ev = { .events = events, .data.ptr = c };

	if (epoll_ctl(ep, op, c->fd, &ev))
		err(1, "epoll_ctl");
}

/* -- server ------------------------------------------------------------------------------- */

static void accept_all(int ep, int l)
{
	struct conn *c;
	int fd;

	for (;;) {
		fd = accept4(l, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		c = calloc(1, sizeof(*c));
		if (!c)
			errx(1, "no memory");
		c->fd = fd;
		watch(ep, c, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
	}
}

static int serve(const char *addr, const char *port)
{
	struct epoll_event ev[64] = { { .events = EPOLLIN } };
	int l = net_listen(addr, net_port(port), 4096);
	int i, n, ep = epoll_create1(EPOLL_CLOEXEC);

	fcntl(l, F_SETFL, O_NONBLOCK);
	if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, l, ev))
		err(1, "epoll");
	for (;;) {
		n = epoll_wait(ep, ev, 64, -1);
		for (i = 0; i < n; i++) {
			struct conn *c = ev[i].data.ptr;

			if (!c) {
				accept_all(ep, l);
			} else if (advance(c)) {
				close(c->fd);
				free(c);
			}
		}
	}
}

/* -- client ------------------------------------------------------------------------------- */

static void open_one(int ep, struct conn *c, const struct sockaddr_storage *ss, socklen_t len)
{
	c->fd = socket(ss->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		err(1, "socket");
	if (connect(c->fd, (const struct sockaddr *)ss, len) && errno != EINPROGRESS)
		err(1, "connect");
	watch(ep, c, EPOLL_CTL_ADD, EPOLLOUT);
}

static int connected(struct conn *c)
{
	socklen_t len = sizeof(errno);
	int e;

	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &e, &len) || e) {
		errno = e;
		return complain(c, "connect");
	}
	c->up = true;
	return 0;
}

static int run(const char *addr, int port, int nr, __u64 bytes, int limit)
{
	int ep = epoll_create1(EPOLL_CLOEXEC), opened = 0, up = 0, over = 0, failed = 0, i, n, r;
	struct conn *conns = calloc(nr, sizeof(*conns));
	double start = now(), all_up = 0;
	struct epoll_event ev[64];
	struct sockaddr_storage ss;
	socklen_t len = net_address(addr, port, &ss);

	if (ep < 0 || !conns)
		err(1, "epoll");
	while (over + failed < nr) {
		/* 100 at a time on their way: what overflows the SYN queue costs seconds */
		while (opened < nr && opened - up < 100) {
			struct conn *c = &conns[opened++];

			c->hello.seed = opened;
			c->hello.bytes = bytes / 2 + pattern_word(opened, 0) % (bytes + 1);
			open_one(ep, c, &ss, len);
		}
		n = epoll_wait(ep, ev, 64, 1000);
		if (now() - start > limit)
			break;
		for (i = 0; i < n; i++) {
			struct conn *c = ev[i].data.ptr;

			if (!c->up) {
				r = connected(c);
				up++;
				/* silent until all are up */
				watch(ep, c, EPOLL_CTL_MOD, 0);
			} else {
				r = advance(c);
				if (!r)
					watch(ep, c, EPOLL_CTL_MOD,
					      EPOLLIN | (c->out_over ? 0 : EPOLLOUT));
			}
			if (!r)
				continue;
			close(c->fd);
			c->fd = -1;
			if (r < 0)
				failed++;
			else
				over++;
		}
		if (up == nr && !all_up) {
			all_up = now();
			for (i = 0; i < nr; i++) {
				if (conns[i].fd >= 0)
					watch(ep, &conns[i], EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
			}
		}
	}
	if (over + failed < nr) {
		errno = ETIME;
		for (i = 0, n = 0; i < opened && n < 10; i++) {
			if (conns[i].fd >= 0) {
				complain(&conns[i], "not over");
				n++;
			}
		}
	}
	printf("%d of %d connections well, %d failed, %d not over; up in %.2f s, over in %.2f s\n",
	       over, nr, failed, nr - over - failed, all_up ? all_up - start : -1.0,
	       now() - start);
	return over == nr ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct rlimit files = { 20000, 20000 };
	int limit = 60, opt;

	signal(SIGPIPE, SIG_IGN);
	setrlimit(RLIMIT_NOFILE, &files);
	if (argc == 4 && !strcmp(argv[1], "serve"))
		return serve(argv[2], argv[3]);
	if (argc > 1 && !strcmp(argv[1], "run")) {
		argv++;
		argc--;
		while ((opt = getopt(argc, argv, "l:")) == 'l')
			limit = atoi(optarg);
		is_client = true;
		if (argc - optind == 4 && atoi(argv[optind + 2]) > 0)
			return run(argv[optind], net_port(argv[optind + 1]),
				   atoi(argv[optind + 2]), strtoull(argv[optind + 3], NULL, 0),
				   limit);
	}
	errx(2, "usage: many serve ADDR PORT | run [-l SECONDS] ADDR PORT CONNECTIONS BYTES");
}
