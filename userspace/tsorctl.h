/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of tsorctl offer each other. */
#ifndef TSORCTL_H
#define TSORCTL_H

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../uapi/tsor.h"

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef unsigned long long u64;	/* so that %llu prints it */

#define __printf(fmt, args) __attribute__((__format__(__printf__, fmt, args)))
#define __aligned(n) __attribute__((__aligned__(n)))
#define ARRAY_SIZE(x) (sizeof(x) / sizeof((x)[0]))

/* exit statuses */
#define STATUS_ERROR	1
#define STATUS_USAGE	2

/* tsorctl.c: what went wrong, on one line, and the end */
_Noreturn void fail(const char *fmt, ...) __printf(1, 2);
void warn(const char *fmt, ...) __printf(1, 2);
_Noreturn void usage(const char *fmt, ...) __printf(1, 2);
bool matches(const char *arg, const char *word);

struct command {
	const char *name;
	void (*run)(int argc, char **argv);
};

void run_command(const struct command *commands, size_t n, const char *object, int argc,
		 char **argv);

/* out.c: the same calls print text or JSON */
extern bool out_json;
extern bool out_pretty;
void out_list_begin(const char *key);
void out_list_end(void);
void out_object_begin(const char *key);
void out_object_end(void);
void out_string(const char *key, const char *fmt, const char *value);
void out_number(const char *key, const char *fmt, u64 value);
void out_signed(const char *key, const char *fmt, long long value);
void out_bool(const char *key, bool value);
void out_text(const char *fmt, ...) __printf(1, 2);

/* addr.c: addresses; IPv4 travels as v4-mapped IPv6 */
#define ADDR_TEXT_LEN	64
bool addr_parse(const char *text, struct in6_addr *addr, u8 *prefix);
const char *addr_text(const struct in6_addr *addr, char *buf);
const char *addr_prefix_text(const struct in6_addr *addr, u8 prefix, char *buf);
const char *addr_port_text(const struct in6_addr *addr, u16 port, char *buf);
bool addr_in(const struct in6_addr *addr, const struct in6_addr *net, u8 prefix);

/* names.c: names of numbers, and back */
const char *name_role(u32 value);
const char *name_reason(u32 value);
const char *name_carrier(u32 value);
const char *name_peer_state(u32 value);
const char *name_tcp_state(u32 value);
bool value_role(const char *name, u32 *value);
bool value_reason(const char *name, u32 *value);
bool value_carrier(const char *name, u32 *value);

/* genl.c: talking to the module */
#define ATTR_MAX	31	/* more than any set of attributes has */

/* a message of the kernel; of attributes that stand more than once, @attrs has the last */
struct answer {
	u8 cmd;
	const struct nlmsghdr *nlh;
	const struct nlattr *attrs[ATTR_MAX + 1];
};

typedef void (*genl_fn)(const struct answer *a, void *data);

const struct nlattr *answer_next(const struct answer *a, const struct nlattr *pos, u16 type);
struct nlmsghdr *genl_request(u8 cmd, bool dump);
void genl_talk(struct nlmsghdr *nlh, const char *what, genl_fn fn, void *data);
_Noreturn void genl_listen(genl_fn fn, void *data);

void attr_nested(const struct nlattr *nest, const struct nlattr **attrs);
u16 attr_u16(const struct nlattr *attr);
u32 attr_u32(const struct nlattr *attr);
u64 attr_u64(const struct nlattr *attr);
const char *attr_string(const struct nlattr *attr);
bool attr_addr(const struct nlattr *attr, struct in6_addr *addr);

/* the objects */
void peer_main(int argc, char **argv);
void link_main(int argc, char **argv);
void link_event_print(const struct answer *a);
void conn_main(int argc, char **argv);
void conn_print(const struct answer *a);
void netns_main(int argc, char **argv);
void netns_enter(const char *arg);
u64 netns_inum(const char *arg);
void netns_print_names(u64 inum);
void key_main(int argc, char **argv);
void stats_main(int argc, char **argv);
void monitor_main(int argc, char **argv);

#endif
