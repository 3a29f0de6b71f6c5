// SPDX-License-Identifier: GPL-2.0
/*
 * Two ends of TCP connections do socket calls in turn, as a scenario says, and what each
 * call returned is printed: the same scenarios over two transports must print the same.
 *
 *   duet serve CONTROL-ADDR CONTROL-PORT      end B
 *   duet run CONTROL-ADDR CONTROL-PORT A-ADDR B-ADDR FILE [SCENARIO...]
 *                                             end A, and the conductor of both
 *
 * The conductor tells end B what to do over a connection of its own, which is made in the
 * netns of process 1 whatever netns the programs run in. A scenario gets a fresh process at
 * each end and a port of its own, so that none sees what another one left.
 *
 * A scenario is a line "= NAME" and one line for each step; "#" starts a comment:
 *
 *   A COMMAND...     end A does it; the conductor waits until it is done, 10 s at most
 *   A& COMMAND...    in a second thread of A; "A join" is its result, or "blocked"
 *   Ac COMMAND...    in the child that "A fork" made
 *   settle [MS]      for what is in flight to arrive: at least MS (40), and at least as many
 *                    round trips between the ends on the same network, with sleeps on both
 *                    sides, as the longest exchange that a call starts; counted, since the
 *                    time that a busy machine needs for them is not known
 *   pair             A connects s to B's listener l, B accepts s; prints only errors
 *   observe A        all that can be asked of A's s: events, data, end, errors
 *
 * Commands; N, M are sockets named by a small letter:
 *
 *   socket N · listen N BACKLOG · connect N · accept M N · close N · dup M N
 *   send N LEN [FLAG...] · recv N LEN [FLAG...]     FLAG: dontwait peek waitall trunc more
 *                                                   nosignal oob
 *   fastopen N LEN   connect and send by Fast Open · md5 N     sign to and from the other end
 *   recvall N LEN    until LEN bytes, the end or an error
 *   push N LEN       send, and say only whether all, part or none was taken
 *   fill N           send until the socket takes no more
 *   drain N          receive until the end or an error: was it all that the other end sent?
 *   shutdown N rd|wr|rdwr · disconnect N · nonblock N 0|1
 *   opt N NAME VALUE · getopt N NAME                linger: "opt N linger SECONDS", -1: off
 *   revents N        what poll() says now
 *   until N EVENT... poll() until all of them are there; EVENT: in out pri rdhup hup err
 *   epoll E N EVENT... [et] · epwait E MS
 *   inq N LEN · outq N LEN     wait until FIONREAD/SIOCOUTQ says LEN; what it says
 *   peer N           getpeername()
 *   timed LOW HIGH COMMAND     in how many ms it must return
 *   fork · pass N (SCM_RIGHTS to the child) · kill · exit · nap
 *   signal           to the second thread, once it sleeps in a system call
 *
 * Every byte received is checked against its place in the stream.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "net.h"
#include "pattern.h"

#define BUF 0x100000
#define LINE 400
#define WORDS 12
#define PORT_BASE 20000
#define ROUND_TRIPS 16

#define say(out, ...) snprintf(out, LINE, __VA_ARGS__)

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void sleep_ms(int ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000l };

	while (nanosleep(&t, &t))
		;
}

/* -- words -------------------------------------------------------------------------------- */

struct word {
	const char *name;
	int value;
	int level;	/* of socket options */
};

static const struct word msg_flags[] = {
	{ "dontwait", MSG_DONTWAIT, 0 }, { "peek", MSG_PEEK, 0 }, { "waitall", MSG_WAITALL, 0 },
	{ "trunc", MSG_TRUNC, 0 }, { "more", MSG_MORE, 0 }, { "nosignal", MSG_NOSIGNAL, 0 },
	{ "oob", MSG_OOB, 0 }, {}
};

/* the values of EPOLL… are those of POLL… */
static const struct word events[] = {
	{ "in", POLLIN, 0 }, { "pri", POLLPRI, 0 }, { "out", POLLOUT, 0 },
	{ "err", POLLERR, 0 }, { "hup", POLLHUP, 0 }, { "rdhup", POLLRDHUP, 0 },
	{ "et", (int)EPOLLET, 0 }, {}
};

static const struct word hows[] = {
	{ "rd", SHUT_RD, 0 }, { "wr", SHUT_WR, 0 }, { "rdwr", SHUT_RDWR, 0 }, {}
};

static const struct word options[] = {
	{ "error", SO_ERROR, SOL_SOCKET }, { "sndbuf", SO_SNDBUF, SOL_SOCKET },
	{ "rcvbuf", SO_RCVBUF, SOL_SOCKET }, { "rcvlowat", SO_RCVLOWAT, SOL_SOCKET },
	{ "keepalive", SO_KEEPALIVE, SOL_SOCKET }, { "oobinline", SO_OOBINLINE, SOL_SOCKET },
	{ "acceptconn", SO_ACCEPTCONN, SOL_SOCKET }, { "reuseaddr", SO_REUSEADDR, SOL_SOCKET },
	{ "nodelay", TCP_NODELAY, IPPROTO_TCP }, { "cork", TCP_CORK, IPPROTO_TCP },
	{ "defer", TCP_DEFER_ACCEPT, IPPROTO_TCP }, { "fastopen", TCP_FASTOPEN, IPPROTO_TCP },
	{ "fastopen_connect", TCP_FASTOPEN_CONNECT, IPPROTO_TCP },
	{ "user_timeout", TCP_USER_TIMEOUT, IPPROTO_TCP },
	{ "quickack", TCP_QUICKACK, IPPROTO_TCP }, {}
};

static const struct word *word(const struct word *list, const char *name)
{
	for (; list->name; list++) {
		if (!strcmp(list->name, name))
			return list;
	}
	return NULL;
}

/* the sum of the words from argv[i] on, or -1 */
static long sum(const struct word *list, char **argv, int i)
{
	const struct word *w;
	unsigned int bits = 0;

	for (; argv[i]; i++) {
		w = word(list, argv[i]);
		if (!w)
			return -1;
		bits |= w->value;
	}
	return bits;
}

static void say_events(char *out, int bits)
{
	const struct word *w;

	*out = 0;
	for (w = events; w->name; w++) {
		if (bits & w->value) {
			strcat(out, *out ? "+" : "");
			strcat(out, w->name);
		}
	}
	if (!*out)
		say(out, "none");
}

/* -- one end ------------------------------------------------------------------------------ */

struct stream {
	__u64 tx, rx;
};

static struct {
	char name;				/* A or B */
	struct sockaddr_storage self, peer;
	socklen_t len;
	int fd[26];
	int index[26];				/* stream of each name; dup() shares it */
	struct stream *streams;			/* shared with the child */
	pthread_t thread;			/* of "&" */
	pid_t tid;				/* of its thread; atomic */
	bool running;
	char line[LINE];			/* its command, then its result */
	int child[2];				/* sockets to the child: lines, descriptors */
	pid_t pid;
} end;

static __thread bool sigpipe;
static __thread unsigned char *buf;

static void command(char *line, char *out);

static void on_sigpipe(int sig)
{
	(void)sig;
	sigpipe = true;
}

static void on_usr1(int sig)
{
	(void)sig;
}

static __u64 seed(bool mine)
{
	return (end.name == 'A') == mine ? 1 : 2;
}

static void say_result(char *out, long r)
{
	if (r < 0)
		say(out, "%s", strerrorname_np(errno));
	else
		say(out, "%ld", r);
}

static int slot(const char *name)
{
	return name && name[0] >= 'a' && name[0] <= 'z' && !name[1] ? name[0] - 'a' : -1;
}

static size_t length(const char *text)
{
	long len = atol(text);

	return len < 0 ? 0 : len > BUF ? BUF : len;
}

/* a new socket under a name, with a stream of its own */
static void put(int n, int fd)
{
	if (fd < 0)
		return;
	end.fd[n] = fd;
	end.index[n] = n;
	memset(&end.streams[n], 0, sizeof(struct stream));
}

static void do_send(int n, char **argv, char *out)
{
	struct stream *st = &end.streams[end.index[n]];
	int flags = sum(msg_flags, argv, 3);
	size_t len = length(argv[2]);
	ssize_t r;

	pattern_fill(seed(true), st->tx, buf, len);
	r = send(end.fd[n], buf, len, flags);
	say_result(out, r);
	if (r > 0)
		st->tx += r;
}

/* more than fits: how much was sent is not the same each time */
static void do_push(int n, char **argv, char *out)
{
	struct stream *st = &end.streams[end.index[n]];
	size_t len = length(argv[2]);
	ssize_t r;

	pattern_fill(seed(true), st->tx, buf, len);
	r = send(end.fd[n], buf, len, 0);
	if (r > 0)
		st->tx += r;
	say(out, "%s\t%llu", r < 0 ? strerrorname_np(errno) : r < (ssize_t)len ? "part" : "all",
	    st->tx);
}

/* how much was received, or -1; @out is written when there is something to be said */
static ssize_t take(int n, size_t len, int flags, char *out)
{
	struct stream *st = &end.streams[end.index[n]];
	ssize_t r = recv(end.fd[n], buf, len, flags);
	size_t good;

	*out = 0;
	if (r > 0 && !(flags & (MSG_TRUNC | MSG_OOB))) {
		good = pattern_check(seed(false), st->rx, buf, r);
		if (good < (size_t)r)
			say(out, "%zd, wrong from %zu on", r, good);
	}
	if (r > 0 && !(flags & (MSG_PEEK | MSG_OOB)))
		st->rx += r;
	return r;
}

static void do_recv(int n, char **argv, char *out)
{
	ssize_t r = take(n, length(argv[2]), sum(msg_flags, argv, 3), out);

	if (!*out)
		say_result(out, r);
}

static void do_recvall(int n, char **argv, char *out)
{
	size_t done = 0, len = length(argv[2]);
	ssize_t r = 1;

	while (done < len && r > 0) {
		r = take(n, len - done, 0, out);
		if (*out)
			return;
		if (r > 0)
			done += r;
	}
	if (r > 0)
		say(out, "%zu", done);
	else
		say(out, "%zu, then %s", done, r ? strerrorname_np(errno) : "end");
}

static void do_fill(int n, char **argv, char *out)
{
	struct stream *st = &end.streams[end.index[n]];
	int idle = 0;
	ssize_t r;

	(void)argv;
	while (idle < 3) {
		pattern_fill(seed(true), st->tx, buf, 16384);
		r = send(end.fd[n], buf, 16384, MSG_DONTWAIT);
		if (r < 0 && errno != EAGAIN)
			break;
		if (r < 0)
			sleep_ms(120);
		else
			st->tx += r;
		idle = r < 0 ? idle + 1 : 0;
	}
	say(out, "%s\t%llu", errno == EAGAIN ? "full" : strerrorname_np(errno),
	    st->tx);
}

static void do_drain(int n, char **argv, char *out)
{
	struct pollfd p = { .fd = end.fd[n], .events = POLLIN };
	struct stream *st = &end.streams[end.index[n]];
	ssize_t r;

	(void)argv;
	do {
		if (!poll(&p, 1, 3000)) {
			say(out, "stalls\t=%llu", st->rx);
			return;
		}
		r = take(n, 65536, MSG_DONTWAIT, out);
		if (*out)
			return;
	} while (r > 0);
	say(out, "%s\t=%llu", r ? strerrorname_np(errno) : "end", st->rx);
}

static void do_until(int n, char **argv, char *out)
{
	int want = sum(events, argv, 2);
	struct pollfd p = { .fd = end.fd[n] };
	double limit = now() + 3;

	p.events = POLLIN | POLLOUT | POLLPRI | POLLRDHUP;
	do {
		if (poll(&p, 1, 0) < 0) {
			say_result(out, -1);
			return;
		}
	} while ((p.revents & want) != want && now() < limit && (sleep_ms(2), true));
	if (p.revents & POLLNVAL)
		say(out, "EBADF");
	else
		say_events(out, p.revents);
}

static void do_queue(int n, unsigned long request, int want, char *out)
{
	double limit = now() + 3;
	int have;

	do {
		if (ioctl(end.fd[n], request, &have)) {
			say_result(out, -1);
			return;
		}
	} while (have != want && now() < limit && (sleep_ms(2), true));
	say(out, "%d", have);
}

static void do_inq(int n, char **argv, char *out)
{
	do_queue(n, FIONREAD, atoi(argv[2]), out);
}

static void do_outq(int n, char **argv, char *out)
{
	do_queue(n, SIOCOUTQ, atoi(argv[2]), out);
}

static void do_opt(int n, char **argv, char *out)
{
	const char *name = argv[2];
	int value = atoi(argv[3]);
	struct timeval tv = { value / 1000, value % 1000 * 1000 };
	struct linger linger = { value >= 0, value > 0 ? value : 0 };
	const struct word *w = word(options, name);
	int r;

	if (!strcmp(name, "linger"))
		r = setsockopt(end.fd[n], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	else if (!strcmp(name, "rcvtimeo") || !strcmp(name, "sndtimeo"))
		r = setsockopt(end.fd[n], SOL_SOCKET, *name == 'r' ? SO_RCVTIMEO : SO_SNDTIMEO,
			       &tv, sizeof(tv));
	else if (w)
		r = setsockopt(end.fd[n], w->level, w->value, &value, sizeof(value));
	else
		errx(2, "no option %s", name);
	say_result(out, r);
}

static void do_getopt(int n, char **argv, char *out)
{
	const struct word *w = word(options, argv[2]);
	socklen_t len = sizeof(int);
	int value = 0;

	if (!w)
		errx(2, "no option %s", argv[2]);
	if (getsockopt(end.fd[n], w->level, w->value, &value, &len))
		say_result(out, -1);
	else if (w->value == SO_ERROR && w->level == SOL_SOCKET)
		say(out, "%s", value ? strerrorname_np(value) : "0");
	else
		say(out, "%d", value);
}

static void do_accept(int m, char **argv, char *out)
{
	int fd, l = slot(argv[2]);
	struct pollfd p = { .fd = l < 0 ? -1 : end.fd[l], .events = POLLIN };

	if (!poll(&p, 1, 3000)) {
		say(out, "nobody");
		return;
	}
	fd = accept(p.fd, NULL, NULL);
	put(m, fd);
	say_result(out, fd < 0 ? -1 : 0);
}

static void do_listen(int n, char **argv, char *out)
{
	int one = 1, backlog = atoi(argv[2]), fd = socket(end.self.ss_family, SOCK_STREAM, 0);

	put(n, fd);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	say_result(out, bind(fd, (struct sockaddr *)&end.self, end.len) || listen(fd, backlog) ?
		   -1 : 0);
}

static void do_epoll(int e, char **argv, char *out)
{
	struct epoll_event ev = { .events = sum(events, argv, 3) };
	int n = slot(argv[2]);

	if (end.fd[e] < 0)
		put(e, epoll_create1(0));
	say_result(out, epoll_ctl(end.fd[e], EPOLL_CTL_ADD, n < 0 ? -1 : end.fd[n],
				  &ev));
}

static void do_epwait(int e, char **argv, char *out)
{
	struct epoll_event ev;
	int r = epoll_wait(end.fd[e], &ev, 1, atoi(argv[2]));

	if (r < 0)
		say_result(out, -1);
	else
		say_events(out, r ? ev.events : 0);
}

static void do_socket(int n, char **argv, char *out)
{
	(void)argv;
	put(n, socket(end.self.ss_family, SOCK_STREAM, 0));
	say(out, "0");
}

static void do_connect(int n, char **argv, char *out)
{
	(void)argv;
	say_result(out, connect(end.fd[n], (struct sockaddr *)&end.peer, end.len));
}

/* connect and send in one call */
static void do_fastopen(int n, char **argv, char *out)
{
	struct stream *st = &end.streams[end.index[n]];
	size_t len = length(argv[2]);
	ssize_t r;

	pattern_fill(seed(true), st->tx, buf, len);
	r = sendto(end.fd[n], buf, len, MSG_FASTOPEN, (struct sockaddr *)&end.peer, end.len);
	say_result(out, r);
	if (r > 0)
		st->tx += r;
}

/* a key for the other end's address: a SYN with a signature has no room for more */
static void do_md5(int n, char **argv, char *out)
{
	struct tcp_md5sig sig = { .tcpm_keylen = 4, .tcpm_key = "tsor" };

	(void)argv;
	memcpy(&sig.tcpm_addr, &end.peer, end.len);
	say_result(out, setsockopt(end.fd[n], IPPROTO_TCP, TCP_MD5SIG, &sig, sizeof(sig)));
}

static void do_disconnect(int n, char **argv, char *out)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	(void)argv;
	say_result(out, connect(end.fd[n], &none, sizeof(none)));
	memset(&end.streams[end.index[n]], 0, sizeof(struct stream));
}

static void do_dup(int n, char **argv, char *out)
{
	int m = slot(argv[2]);

	end.fd[n] = dup(m < 0 ? -1 : end.fd[m]);
	if (end.fd[n] >= 0)
		end.index[n] = end.index[m];
	say_result(out, end.fd[n] < 0 ? -1 : 0);
}

static void do_close(int n, char **argv, char *out)
{
	(void)argv;
	say_result(out, close(end.fd[n]));
}

static void do_peer(int n, char **argv, char *out)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	(void)argv;
	say_result(out, getpeername(end.fd[n], (struct sockaddr *)&ss, &len));
}

static void do_shutdown(int n, char **argv, char *out)
{
	const struct word *how = word(hows, argv[2]);

	say_result(out, shutdown(end.fd[n], how ? how->value : -1));
}

static void do_nonblock(int n, char **argv, char *out)
{
	say_result(out, fcntl(end.fd[n], F_SETFL, atoi(argv[2]) ? O_NONBLOCK : 0));
}

/* -- threads and children ----------------------------------------------------------------- */

static void *thread_main(void *arg)
{
	char out[LINE];

	__atomic_store_n(&end.tid, gettid(), __ATOMIC_RELEASE);
	command(end.line, out);
	say(end.line, "%s", out);
	return arg;
}

/* wait until the second thread sleeps and has not run for a while: it is in its call */
static bool thread_sleeps(void)
{
	char path[64], line[LINE], state;
	long switches, before = -1, n;
	int calm = 0, i;
	FILE *f;

	for (i = 0; i < 400 && calm < 10; i++, sleep_ms(10)) {
		snprintf(path, sizeof(path), "/proc/self/task/%d/status",
			 __atomic_load_n(&end.tid, __ATOMIC_ACQUIRE));
		f = fopen(path, "r");
		if (!f)
			continue;
		state = '?';
		switches = 0;
		while (fgets(line, sizeof(line), f)) {
			if (sscanf(line, "%*[a-z]voluntary_ctxt_switches: %ld", &n) == 1 ||
			    sscanf(line, "voluntary_ctxt_switches: %ld", &n) == 1)
				switches += n;
			if (!strncmp(line, "State:\t", 7))
				state = line[7];
		}
		fclose(f);
		calm = state == 'S' && switches == before ? calm + 1 : 0;
		before = switches;
	}
	return calm >= 10;
}

static void do_signal(char *out)
{
	if (!end.running || !thread_sleeps())
		say(out, "not asleep");
	else
		say_result(out, pthread_kill(end.thread, SIGUSR1));
}

static void do_join(char *out)
{
	struct timespec t;

	if (!end.running) {
		say(out, "not running");
		return;
	}
	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += 5;
	if (pthread_timedjoin_np(end.thread, NULL, &t)) {
		say(out, "blocked");
		return;
	}
	end.running = false;
	say(out, "%s", end.line);
}

static void serve_lines(int fd);

static void do_fork(char *out)
{
	int lines[2], fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, lines) || socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
		err(1, "socketpair");
	end.pid = fork();
	if (end.pid < 0)
		err(1, "fork");
	if (!end.pid) {
		close(lines[0]);
		close(fds[0]);
		end.child[1] = fds[1];
		serve_lines(lines[1]);
		_exit(0);
	}
	close(lines[1]);
	close(fds[1]);
	end.child[0] = lines[0];
	end.child[1] = fds[0];
	say(out, "0");
}

static void do_pass(int n, char **argv, char *out)
{
	char space[CMSG_SPACE(sizeof(int))] = {}, name = 'a' + n;
	struct iovec iov = { &name, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = space,
			      .msg_controllen = sizeof(space) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	(void)argv;
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &end.fd[n], sizeof(int));
	say_result(out, sendmsg(end.child[1], &msg, 0) == 1 ? 0 : -1);
}

/* in the child: take what the parent passed, under the same name */
static void do_take(char *out)
{
	char space[CMSG_SPACE(sizeof(int))] = {}, name;
	struct iovec iov = { &name, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = space,
			      .msg_controllen = sizeof(space) };
	int fd;

	if (recvmsg(end.child[1], &msg, 0) != 1 || !CMSG_FIRSTHDR(&msg)) {
		say(out, "nothing");
		return;
	}
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	/* the stream goes on: it was shared when we were forked */
	end.fd[name - 'a'] = fd;
	end.index[name - 'a'] = name - 'a';
	say(out, "0");
}

/* a line there, a line back; 0 if there is none in time */
static bool ask(int fd, const char *line, char *out, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t have = 0;
	ssize_t r;

	r = strlen(line);
	if (send(fd, line, r, MSG_NOSIGNAL) != r || send(fd, "\n", 1, MSG_NOSIGNAL) != 1) {
		say(out, "gone");
		return false;
	}
	while (have < LINE - 1) {
		if (poll(&p, 1, ms) < 1) {
			say(out, "hangs");
			return false;
		}
		r = recv(fd, out + have, LINE - 1 - have, 0);
		if (r <= 0) {
			say(out, "gone");
			return false;
		}
		have += r;
		if (out[have - 1] == '\n')
			break;
	}
	out[have - 1] = 0;
	return true;
}

/* -- commands ----------------------------------------------------------------------------- */

static void do_timed(char **argv, char *out)
{
	int low = atoi(argv[1]), high = atoi(argv[2]), i;
	char line[LINE] = "";
	double t = now();

	for (i = 3; argv[i]; i++) {
		strcat(line, argv[i]);
		strcat(line, " ");
	}
	command(line, out);
	t = (now() - t) * 1000;
	if (t < low || t > high)
		say(out + strlen(out), ", after %.0f ms", t);
}

/* what is done with N: n is its slot, argv[0] the command, and there are enough of argv */
static const struct {
	const char *name;
	int words;
	void (*act)(int n, char **argv, char *out);
} acts[] = {
	{ "socket", 2, do_socket }, { "listen", 3, do_listen }, { "connect", 2, do_connect },
	{ "disconnect", 2, do_disconnect }, { "fastopen", 3, do_fastopen }, { "md5", 2, do_md5 },
	{ "accept", 3, do_accept }, { "dup", 3, do_dup }, { "close", 2, do_close },
	{ "pass", 2, do_pass }, { "fill", 2, do_fill }, { "drain", 2, do_drain },
	{ "revents", 2, do_until }, { "until", 2, do_until }, { "peer", 2, do_peer },
	{ "send", 3, do_send }, { "recv", 3, do_recv }, { "push", 3, do_push },
	{ "recvall", 3, do_recvall }, { "shutdown", 3, do_shutdown },
	{ "nonblock", 3, do_nonblock }, { "opt", 4, do_opt }, { "getopt", 3, do_getopt },
	{ "epoll", 4, do_epoll }, { "epwait", 3, do_epwait }, { "inq", 3, do_inq },
	{ "outq", 3, do_outq },
};

static void dispatch(char **argv, int argc, char *out)
{
	const char *c = argv[0];
	int n = slot(argv[1]);
	size_t i;

	say(out, "what?");
	if (!strcmp(c, "timed") && argc > 3) {
		do_timed(argv, out);
	} else if (!strcmp(c, "join")) {
		do_join(out);
	} else if (!strcmp(c, "fork")) {
		do_fork(out);
	} else if (!strcmp(c, "take")) {
		do_take(out);
	} else if (!strcmp(c, "exit")) {
		_exit(0);
	} else if (!strcmp(c, "kill")) {
		raise(SIGKILL);
	} else if (!strcmp(c, "signal")) {
		do_signal(out);
	} else if (!strcmp(c, "nap")) {
		sleep_ms(1);
		say(out, "0");
	} else if (n >= 0) {
		for (i = 0; i < sizeof(acts) / sizeof(*acts); i++) {
			if (!strcmp(c, acts[i].name) && argc >= acts[i].words)
				acts[i].act(n, argv, out);
		}
	}
}

static void command(char *line, char *out)
{
	char *argv[WORDS + 1] = {}, *next, *w;
	int argc = 0;

	if (!buf)
		buf = malloc(BUF);
	for (w = strtok_r(line, " ", &next); w && argc < WORDS; w = strtok_r(NULL, " ", &next))
		argv[argc++] = w;
	sigpipe = false;
	if (argc)
		dispatch(argv, argc, out);
	else
		say(out, "nothing");
	if (sigpipe)
		strcat(out, " SIGPIPE");
}

/* one line in: the command; one line out: its result */
static void serve_lines(int fd)
{
	char line[LINE], out[LINE];
	FILE *in = fdopen(fd, "r");

	while (in && fgets(line, LINE, in)) {
		line[strcspn(line, "\n")] = 0;
		if (line[0] == '&') {
			if (end.running) {
				say(out, "busy");
			} else {
				say(end.line, "%s", line + 1);
				end.tid = 0;
				end.running = !pthread_create(&end.thread, NULL, thread_main, NULL);
				sleep_ms(5);
				say(out, "...");
			}
		} else if (line[0] == '>') {
			ask(end.child[0], line + 1, out, 8000);
		} else {
			command(line, out);
		}
		strcat(out, "\n");
		if (send(fd, out, strlen(out), MSG_NOSIGNAL) < 0)
			break;
	}
	if (end.pid > 0)
		kill(end.pid, SIGKILL);
}

/* the first line: which end this is, the addresses of itself and the other, the port */
static void end_main(int fd)
{
	char line[LINE], name, self[64], peer[64];
	struct sigaction pipe_action = { .sa_handler = on_sigpipe };
	struct sigaction usr1_action = { .sa_handler = on_usr1 };
	size_t have = 0;
	int port, i;

	alarm(60);	/* whatever happens */
	sigaction(SIGPIPE, &pipe_action, NULL);
	sigaction(SIGUSR1, &usr1_action, NULL);
	while (have < LINE - 1 && recv(fd, line + have, 1, 0) == 1 && line[have] != '\n')
		have++;
	line[have] = 0;
	if (sscanf(line, "%c %63s %63s %d", &name, self, peer, &port) != 4)
		_exit(1);
	end.name = name;
	end.len = net_address(self, port, &end.self);
	net_address(peer, port, &end.peer);
	for (i = 0; i < 26; i++)
		end.fd[i] = -1;
	end.streams = mmap(NULL, 26 * sizeof(struct stream), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (end.streams == MAP_FAILED)
		err(1, "mmap");
	if (send(fd, "0\n", 2, MSG_NOSIGNAL) == 2)
		serve_lines(fd);
	_exit(0);
}

/* -- conductor ---------------------------------------------------------------------------- */

static struct {
	int fd[2];		/* to A and B */
	pid_t a;
	const char *addr[2];
	struct sockaddr_storage control;
	socklen_t control_len;
	int own_netns, first_netns;
	char name[LINE];
	int number;
	bool over;		/* the rest of this scenario makes no sense */
	__u64 sent[2];		/* by each end, as its last fill or push said */
} show = { .fd = { -1, -1 } };

static void enter(int netns)
{
	if (show.first_netns != show.own_netns && setns(netns, CLONE_NEWNET))
		err(1, "setns");
}

static void netns_init(void)
{
	show.own_netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	show.first_netns = open("/proc/1/ns/net", O_RDONLY | O_CLOEXEC);
	if (show.first_netns < 0)	/* no privilege: an ordinary machine, one netns */
		show.first_netns = show.own_netns;
}

/* do the step and print its result if @print, or if it is not 0 */
static void step(const char *text, bool print)
{
	char line[LINE], out[LINE], *number;
	int e = text[0] == 'B';
	__u64 *sent;

	if (show.over)
		return;
	/* "A x" -> "x", "A& x" -> "&x", "Ac x" -> ">x" */
	if (text[1] == ' ')
		say(line, "%s", text + 2);
	else
		say(line, "%c%s", text[1] == 'c' ? '>' : '&', text + 3);
	if (!ask(show.fd[e], line, out, 10000))
		show.over = strcmp(out, "gone") || (strcmp(line, "exit") && strcmp(line, "kill"));
	number = strchr(out, '\t');
	if (number) {
		*number++ = 0;
		sent = &show.sent[*number == '=' ? !e : e];
		if (*number != '=')
			*sent = strtoull(number, NULL, 10);
		else
			strcat(out, strtoull(number + 1, NULL, 10) == *sent ? ", all" :
			       ", not all");
	}
	if (print || strcmp(out, "0")) {
		printf("%s: %s = %s\n", show.name, text, out);
		fflush(stdout);
	}
}

static void close_scenario(void)
{
	int status;

	if (show.fd[1] >= 0)
		close(show.fd[1]);
	if (show.fd[0] >= 0) {
		close(show.fd[0]);
		kill(show.a, SIGKILL);
		waitpid(show.a, &status, 0);
	}
	show.fd[0] = -1;
	show.fd[1] = -1;
}

static void open_scenario(const char *name)
{
	int pair[2], port = PORT_BASE + show.number++, one = 1, e;
	char line[LINE], out[LINE];

	close_scenario();
	say(show.name, "%s", name);
	show.over = false;
	memset(show.sent, 0, sizeof(show.sent));
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		err(1, "socketpair");
	fflush(stdout);
	show.a = fork();
	if (show.a < 0)
		err(1, "fork");
	if (!show.a) {
		close(pair[0]);
		end_main(pair[1]);
	}
	close(pair[1]);
	show.fd[0] = pair[0];
	enter(show.first_netns);
	show.fd[1] = socket(show.control.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	enter(show.own_netns);
	if (connect(show.fd[1], (struct sockaddr *)&show.control, show.control_len))
		err(1, "control connection");
	setsockopt(show.fd[1], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	for (e = 0; e < 2; e++) {
		say(line, "%c %s %s %d", 'A' + e, show.addr[e], show.addr[!e], port);
		if (!ask(show.fd[e], line, out, 10000))
			errx(1, "end %c %s", 'A' + e, out);
	}
}

static void settle(int ms)
{
	double until = now() + ms / 1e3;
	char out[LINE];
	int i;

	for (i = 0; i < ROUND_TRIPS || now() < until; i++) {
		if (show.over || !ask(show.fd[1], "nap", out, 10000))
			return sleep_ms(ms);
		sleep_ms(1);
	}
}

static void observe(char e)
{
	static const char * const steps[] = {
		"revents s", "recv s 5000 dontwait", "recv s 5000 dontwait", "send s 10",
		"settle", "revents s", "send s 10", "recv s 5000 dontwait", "getopt s error",
		"revents s",
	};
	char text[LINE];
	size_t i;

	for (i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		say(text, "%c %s", e, steps[i]);
		if (!strcmp(steps[i], "settle"))
			settle(40);
		else
			step(text, true);
	}
}

static void perform(char *line)
{
	if ((line[0] == 'A' || line[0] == 'B') && line[1]) {
		step(line, true);
	} else if (!strcmp(line, "pair")) {
		step("B listen l 10", false);
		step("A socket s", false);
		step("A connect s", false);
		step("B accept s l", false);
	} else if (!strncmp(line, "settle", 6)) {
		settle(line[6] ? atoi(line + 7) : 40);
	} else if (!strncmp(line, "observe ", 8)) {
		observe(line[8]);
	} else {
		errx(2, "%s: what is '%s'?", show.name, line);
	}
}

static int run(int argc, char **argv)
{
	bool wanted = false;
	char line[LINE], *p;
	FILE *f;
	int i;

	if (argc < 6)
		errx(2, "too few words: CONTROL-ADDR CONTROL-PORT A-ADDR B-ADDR FILE");
	netns_init();
	show.control_len = net_address(argv[1], net_port(argv[2]), &show.control);
	show.addr[0] = argv[3];
	show.addr[1] = argv[4];
	f = strcmp(argv[5], "-") ? fopen(argv[5], "r") : stdin;
	if (!f)
		err(1, "%s", argv[5]);
	while (fgets(line, LINE, f)) {
		line[strcspn(line, "#\n")] = 0;
		for (p = line + strlen(line); p > line && p[-1] == ' ';)
			*--p = 0;
		if (!*line)
			continue;
		if (*line == '=') {
			wanted = argc == 6;
			for (i = 6; i < argc; i++)
				wanted |= !strcmp(argv[i], line + 2);
			if (wanted)
				open_scenario(line + 2);
			else
				show.number++;
		} else if (wanted) {
			perform(line);
		}
	}
	close_scenario();
	return 0;
}

static int serve(char **argv)
{
	int l, fd, one = 1;

	netns_init();
	enter(show.first_netns);
	l = net_listen(argv[1], net_port(argv[2]), 10);
	enter(show.own_netns);
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		fd = accept4(l, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			continue;
		if (!fork()) {
			close(l);
			signal(SIGCHLD, SIG_DFL);
			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
			end_main(fd);
		}
		close(fd);
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "serve"))
		return serve(argv + 1);
	if (argc > 1 && !strcmp(argv[1], "run"))
		return run(argc - 1, argv + 1);
	errx(2, "usage: duet serve CONTROL-ADDR CONTROL-PORT | run CONTROL-ADDR CONTROL-PORT %s",
	     "A-ADDR B-ADDR FILE [SCENARIO...]");
}
