/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints, one at every decision: /sys/kernel/tracing/events/tsor. They may be called
 * from any context. Values of enums are shown by name.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM tsor

#if !defined(TSOR_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define TSOR_TRACE_H

#include <linux/in6.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <net/inet_sock.h>
#include <net/sock.h>

#include "channel.h"
#include "wire.h"

#ifndef TSOR_TRACE_ONCE
#define TSOR_TRACE_ONCE

/* both ends of @sk as what %pISpc prints */
static inline void tsor_trace_addr(const struct sock *sk, struct sockaddr_in6 *src,
				   struct sockaddr_in6 *dst)
{
	memset(src, 0, sizeof(*src));
	memset(dst, 0, sizeof(*dst));
	src->sin6_family = sk->sk_family;
	dst->sin6_family = sk->sk_family;
	/* the port stands at the same place in sockaddr_in */
	src->sin6_port = htons(sk->sk_num);
	dst->sin6_port = sk->sk_dport;
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6) {
		src->sin6_addr = sk->sk_v6_rcv_saddr;
		dst->sin6_addr = sk->sk_v6_daddr;
		return;
	}
#endif
	((struct sockaddr_in *)src)->sin_addr.s_addr = sk->sk_rcv_saddr;
	((struct sockaddr_in *)dst)->sin_addr.s_addr = sk->sk_daddr;
}

#define TSOR_TRACE_WIRE_ERRS(X)			\
	X(TSOR_WIRE_OK, "ok")			\
	X(TSOR_WIRE_SHORT, "short")		\
	X(TSOR_WIRE_LENGTH, "length")		\
	X(TSOR_WIRE_VERSION_UNKNOWN, "version")	\
	X(TSOR_WIRE_TYPE, "type")		\
	X(TSOR_WIRE_FLAGS, "flags")		\
	X(TSOR_WIRE_TOKEN, "token")		\
	X(TSOR_WIRE_OFFSET, "offset")		\
	X(TSOR_WIRE_WINDOW, "window")		\
	X(TSOR_WIRE_RESERVED, "reserved")

#define TSOR_TRACE_ROLES(X)			\
	X(TSOR_NONE, "none")			\
	X(TSOR_UND, "undecided")		\
	X(TSOR_CH, "channel")			\
	X(TSOR_PLAIN, "plain")			\
	X(TSOR_DEAD, "dead")

#define TSOR_TRACE_REASONS(X)			\
	X(TSOR_WHY_NONE, "none")		\
	X(TSOR_WHY_NO_OPTION, "no-option")	\
	X(TSOR_WHY_BAD_OPTION, "bad-option")	\
	X(TSOR_WHY_ECHO, "echo")		\
	X(TSOR_WHY_NO_LINK, "no-link")		\
	X(TSOR_WHY_NOT_CONFIRMED, "not-confirmed") \
	X(TSOR_WHY_REFUSED, "refused")		\
	X(TSOR_WHY_RAW, "raw")			\
	X(TSOR_WHY_PROBES, "probes")		\
	X(TSOR_WHY_FASTOPEN, "fastopen")	\
	X(TSOR_WHY_SIMULTANEOUS, "simultaneous") \
	X(TSOR_WHY_OPTION, "option")		\
	X(TSOR_WHY_NO_MEMORY, "no-memory")	\
	X(TSOR_WHY_DISABLED, "disabled")

#define TSOR_TRACE_OPTS(X)			\
	X(TSOR_OPT_SYN, "syn")			\
	X(TSOR_OPT_SYNACK, "synack")		\
	X(TSOR_OPT_CONFIRM, "confirm")		\
	X(TSOR_OPT_ACCEPT, "accept")

#define TSOR_TRACE_PAIR(value, name) { value, name },
#define tsor_show_wire_err(v) __print_symbolic(v, TSOR_TRACE_WIRE_ERRS(TSOR_TRACE_PAIR) { -1, "?" })
#define tsor_show_role(v) __print_symbolic(v, TSOR_TRACE_ROLES(TSOR_TRACE_PAIR) { -1, "?" })
#define tsor_show_reason(v) __print_symbolic(v, TSOR_TRACE_REASONS(TSOR_TRACE_PAIR) { -1, "?" })
#define tsor_show_opt(v) __print_symbolic(v, TSOR_TRACE_OPTS(TSOR_TRACE_PAIR) { -1, "?" })

#endif /* TSOR_TRACE_ONCE */

#define TSOR_TRACE_ENUM(value, name) TRACE_DEFINE_ENUM(value);
TSOR_TRACE_WIRE_ERRS(TSOR_TRACE_ENUM)
TSOR_TRACE_ROLES(TSOR_TRACE_ENUM)
TSOR_TRACE_REASONS(TSOR_TRACE_ENUM)
TSOR_TRACE_OPTS(TSOR_TRACE_ENUM)
#undef TSOR_TRACE_ENUM

/* @state: what the link or its connection manager is doing now; @error: 0 or negative errno */
TRACE_EVENT(tsor_link_state,
	TP_PROTO(u64 node_id, const char *state, int error),
	TP_ARGS(node_id, state, error),
	TP_STRUCT__entry(
		__field(u64, node_id)
		__array(char, state, 24)
		__field(int, error)
	),
	TP_fast_assign(
		__entry->node_id = node_id;
		strscpy(__entry->state, state, sizeof(__entry->state));
		__entry->error = error;
	),
	TP_printk("node=%016llx state=%s error=%d",
		  __entry->node_id, __entry->state, __entry->error)
);

/* a message of @node_id that a validator refused; @err: enum tsor_wire_err */
TRACE_EVENT(tsor_wire_error,
	TP_PROTO(u64 node_id, int err),
	TP_ARGS(node_id, err),
	TP_STRUCT__entry(
		__field(u64, node_id)
		__field(int, err)
	),
	TP_fast_assign(
		__entry->node_id = node_id;
		__entry->err = err;
	),
	TP_printk("node=%016llx err=%s", __entry->node_id, tsor_show_wire_err(__entry->err))
);

/* the one place where a channel's role changes */
TRACE_EVENT(tsor_channel_state,
	TP_PROTO(const struct sock *sk, u32 token, int old_role, int new_role, int reason),
	TP_ARGS(sk, token, old_role, new_role, reason),
	TP_STRUCT__entry(
		__field(const void *, sk)
		__array(u8, src, sizeof(struct sockaddr_in6))
		__array(u8, dst, sizeof(struct sockaddr_in6))
		__field(u32, token)
		__field(int, old_role)
		__field(int, new_role)
		__field(int, reason)
	),
	TP_fast_assign(
		__entry->sk = sk;
		tsor_trace_addr(sk, (struct sockaddr_in6 *)__entry->src,
				(struct sockaddr_in6 *)__entry->dst);
		__entry->token = token;
		__entry->old_role = old_role;
		__entry->new_role = new_role;
		__entry->reason = reason;
	),
	TP_printk("sk=%p src=%pISpc dst=%pISpc token=%08x %s -> %s reason=%s",
		  __entry->sk, __entry->src, __entry->dst, __entry->token,
		  tsor_show_role(__entry->old_role), tsor_show_role(__entry->new_role),
		  tsor_show_reason(__entry->reason))
);

/* a socket was taken over, given back or left alone; @what says which */
TRACE_EVENT(tsor_adopt,
	TP_PROTO(const struct sock *sk, const char *what),
	TP_ARGS(sk, what),
	TP_STRUCT__entry(
		__field(const void *, sk)
		__array(u8, src, sizeof(struct sockaddr_in6))
		__array(u8, dst, sizeof(struct sockaddr_in6))
		__array(char, what, 32)
	),
	TP_fast_assign(
		__entry->sk = sk;
		tsor_trace_addr(sk, (struct sockaddr_in6 *)__entry->src,
				(struct sockaddr_in6 *)__entry->dst);
		strscpy(__entry->what, what, sizeof(__entry->what));
	),
	TP_printk("sk=%p src=%pISpc dst=%pISpc %s",
		  __entry->sk, __entry->src, __entry->dst, __entry->what)
);

/*
 * the handshake's option; @dir: "tx" or "rx"; @type: enum tsor_opt_type or 0;
 * @err: 0, enum tsor_wire_err or negative errno; @sk may be NULL or a request
 */
TRACE_EVENT(tsor_option,
	TP_PROTO(const struct sock *sk, const char *dir, int type, int err),
	TP_ARGS(sk, dir, type, err),
	TP_STRUCT__entry(
		__field(const void *, sk)
		__array(u8, src, sizeof(struct sockaddr_in6))
		__array(u8, dst, sizeof(struct sockaddr_in6))
		__array(char, dir, 8)
		__field(int, type)
		__field(int, err)
	),
	TP_fast_assign(
		__entry->sk = sk;
		if (sk) {
			tsor_trace_addr(sk, (struct sockaddr_in6 *)__entry->src,
					(struct sockaddr_in6 *)__entry->dst);
		} else {
			memset(__entry->src, 0, sizeof(__entry->src));
			memset(__entry->dst, 0, sizeof(__entry->dst));
			((struct sockaddr *)__entry->src)->sa_family = AF_INET;
			((struct sockaddr *)__entry->dst)->sa_family = AF_INET;
		}
		strscpy(__entry->dir, dir, sizeof(__entry->dir));
		__entry->type = type;
		__entry->err = err;
	),
	TP_printk("sk=%p src=%pISpc dst=%pISpc %s %s err=%d",
		  __entry->sk, __entry->src, __entry->dst, __entry->dir,
		  tsor_show_opt(__entry->type), __entry->err)
);

#endif /* TSOR_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
