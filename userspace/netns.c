// SPDX-License-Identifier: GPL-2.0
/*
 * tsorctl netns: namespaces switched on and off. A namespace is given by its name in /run/netns
 * (tried first, as ip does), the number of a process in it, or a path.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "tsorctl.h"

#define NAMED	"/run/netns"

/* the file of a namespace, opened; of a process too */
static int netns_open(const char *arg)
{
	char path[PATH_MAX];
	struct statfs fs;
	bool number;
	int fd;

	number = *arg && strspn(arg, "0123456789") == strlen(arg);
	if (strchr(arg, '/')) {
		fd = open(arg, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			fail("cannot open network namespace %s: %s", arg, strerror(errno));
	} else {
		if (!*arg || !strcmp(arg, ".") || !strcmp(arg, "..") ||
		    snprintf(path, sizeof(path), NAMED "/%s", arg) >= (int)sizeof(path))
			fail("bad name of a network namespace \"%s\"", arg);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 && errno == ENOENT && number) {
			snprintf(path, sizeof(path), "/proc/%s/ns/net", arg);
			fd = open(path, O_RDONLY | O_CLOEXEC);
			if (fd < 0 && (errno == ENOENT || errno == ESRCH))
				fail("no process %s", arg);
			if (fd < 0)
				fail("cannot look at the network namespace of process %s: %s", arg,
				     strerror(errno));
		}
		if (fd < 0 && errno == ENOENT)
			fail("no network namespace \"%s\": must be a name in " NAMED
			     ", a pid or a path", arg);
		if (fd < 0)
			fail("cannot open network namespace %s: %s", arg, strerror(errno));
	}
	if (fstatfs(fd, &fs) < 0 || fs.f_type != NSFS_MAGIC)
		fail("%s is not a network namespace", arg);
	return fd;
}

/* go there, as "ip -n" does */
void netns_enter(const char *arg)
{
	int fd = netns_open(arg);

	if (setns(fd, CLONE_NEWNET) < 0) {
		if (errno == EINVAL)
			fail("%s is not a network namespace", arg);
		if (errno == EPERM)
			fail("entering network namespace %s needs CAP_SYS_ADMIN: run it as root",
			     arg);
		fail("cannot enter network namespace %s: %s", arg, strerror(errno));
	}
	close(fd);
}

/* the number by which the kernel shows it */
u64 netns_inum(const char *arg)
{
	int fd = netns_open(arg);
	struct stat st;

	if (fstat(fd, &st) < 0)
		fail("cannot look at network namespace %s: %s", arg, strerror(errno));
	close(fd);
	return st.st_ino;
}

/* ---- names of a number ---- */

struct known {
	u64 inum;
	char name[NAME_MAX + 1];
	bool process;
};

static struct known *known;
static size_t nr_known;
static bool scanned;

static void know(u64 inum, const char *name, bool process)
{
	struct known *more;
	size_t i;

	for (i = 0; process && i < nr_known; i++)
		if (known[i].inum == inum)
			return;
	more = realloc(known, (nr_known + 1) * sizeof(*known));
	if (!more)
		fail("out of memory");
	known = more;
	known[nr_known].inum = inum;
	known[nr_known].process = process;
	snprintf(known[nr_known].name, sizeof(known[nr_known].name), "%s", name);
	nr_known++;
}

/* what /run/netns and /proc can tell; namespaces that only an open socket keeps have no name */
static void scan(void)
{
	char path[PATH_MAX];
	struct dirent *entry;
	struct statfs fs;
	struct stat st;
	DIR *dir;

	scanned = true;
	dir = opendir(NAMED);
	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), NAMED "/%s", entry->d_name);
		if (!statfs(path, &fs) && fs.f_type == NSFS_MAGIC && !stat(path, &st))
			know(st.st_ino, entry->d_name, false);
	}
	if (dir)
		closedir(dir);
	dir = opendir("/proc");
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%s/ns/net", entry->d_name);
		if (!stat(path, &st))
			know(st.st_ino, entry->d_name, true);
	}
	if (dir)
		closedir(dir);
}

static void forget(void)
{
	free(known);
}

/* its names, or else a process in it */
void netns_print_names(u64 inum)
{
	size_t i, n = 0;

	if (!scanned) {
		atexit(forget);
		scan();
	}
	out_list_begin("names");
	for (i = 0; i < nr_known; i++) {
		if (known[i].inum == inum && !known[i].process) {
			out_string(NULL, " name %s", known[i].name);
			n++;
		}
	}
	out_list_end();
	for (i = 0; i < nr_known; i++) {
		if (known[i].inum == inum && known[i].process)
			out_number("pid", n ? NULL : " pid %llu",
				   strtoull(known[i].name, NULL, 10));
	}
}

/* ---- commands ---- */

static void netns_print(const struct answer *a, void *data)
{
	const struct nlattr *plain[ATTR_MAX + 1];
	const struct nlattr *pos;
	u64 total = 0, count;
	u64 counts[TSOR_REASON_NR] = {};
	unsigned int i;

	(void)data;
	if (a->cmd != TSOR_CMD_NETNS_GET)
		return;
	out_object_begin(NULL);
	out_number("netns", "%llu", attr_u64(a->attrs[TSOR_A_NETNS_INUM]));
	netns_print_names(attr_u64(a->attrs[TSOR_A_NETNS_INUM]));
	out_bool("enabled", attr_u32(a->attrs[TSOR_A_NETNS_ENABLED]));
	out_text(attr_u32(a->attrs[TSOR_A_NETNS_ENABLED]) ? " enabled" : " disabled");
	out_number("live", " live %llu", attr_u32(a->attrs[TSOR_A_NETNS_LIVE]));
	for (pos = answer_next(a, NULL, TSOR_A_NETNS_PLAIN); pos;
	     pos = answer_next(a, pos, TSOR_A_NETNS_PLAIN)) {
		attr_nested(pos, plain);
		i = attr_u32(plain[TSOR_A_PLAIN_REASON]);
		count = attr_u64(plain[TSOR_A_PLAIN_COUNT]);
		total += count;
		if (i < TSOR_REASON_NR)
			counts[i] = count;
	}
	out_number("plain", " plain %llu", total);
	out_object_begin("reasons");
	for (i = 0; i < TSOR_REASON_NR; i++) {
		if (!counts[i])
			continue;
		out_text(" %s", name_reason(i));
		out_number(name_reason(i), " %llu", counts[i]);
	}
	out_object_end();
	out_text("\n");
	out_object_end();
}

static void netns_show(int argc, char **argv)
{
	struct nlmsghdr *nlh;

	if (argc > 1)
		usage("netns show takes at most one NETNS");
	nlh = genl_request(TSOR_CMD_NETNS_GET, !argc);
	if (argc)
		mnl_attr_put_u32(nlh, TSOR_A_NETNS_FD, netns_open(argv[0]));
	out_list_begin(NULL);
	genl_talk(nlh, argc ? argv[0] : NULL, netns_print, NULL);
	out_list_end();
}

static void netns_set(const char *arg, bool on)
{
	struct nlmsghdr *nlh = genl_request(TSOR_CMD_NETNS_SET, false);
	int fd = -1;

	if (arg) {
		fd = netns_open(arg);
		mnl_attr_put_u32(nlh, TSOR_A_NETNS_FD, fd);
	}
	mnl_attr_put_u32(nlh, TSOR_A_NETNS_ENABLED, on);
	genl_talk(nlh, arg, NULL, NULL);
	if (fd >= 0)
		close(fd);
}

static void netns_set_all(int argc, char **argv, bool on)
{
	int i;

	if (!argc)
		netns_set(NULL, on);
	for (i = 0; i < argc; i++)
		netns_set(argv[i], on);
}

static void netns_enable(int argc, char **argv)
{
	netns_set_all(argc, argv, true);
}

static void netns_disable(int argc, char **argv)
{
	netns_set_all(argc, argv, false);
}

void netns_main(int argc, char **argv)
{
	static const struct command commands[] = {
		{ "enable", netns_enable },
		{ "disable", netns_disable },
		{ "show", netns_show },
		{ "list", netns_show },
		{ "lst", netns_show },
	};

	run_command(commands, ARRAY_SIZE(commands), "netns", argc, argv);
}
