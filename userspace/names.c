// SPDX-License-Identifier: GPL-2.0
/* Names of the numbers of uapi/tsor.h; those of reasons are the kernel's (tsor_reason_name()). */
#include <netinet/tcp.h>
#include <string.h>

#include "tsorctl.h"

static const char * const roles[] = {
	[TSOR_ROLE_NONE] = "none",
	[TSOR_ROLE_UNDECIDED] = "undecided",
	[TSOR_ROLE_CHANNEL] = "channel",
	[TSOR_ROLE_PLAIN] = "plain",
	[TSOR_ROLE_DEAD] = "dead",
};

static const char * const reasons[] = {
	[TSOR_REASON_NONE] = "none",
	[TSOR_REASON_NO_OPTION] = "no-option",
	[TSOR_REASON_BAD_OPTION] = "bad-option",
	[TSOR_REASON_ECHO] = "echo",
	[TSOR_REASON_NO_LINK] = "no-link",
	[TSOR_REASON_NOT_CONFIRMED] = "not-confirmed",
	[TSOR_REASON_REFUSED] = "refused",
	[TSOR_REASON_RAW] = "raw",
	[TSOR_REASON_PROBES] = "probes",
	[TSOR_REASON_FASTOPEN] = "fastopen",
	[TSOR_REASON_SIMULTANEOUS] = "simultaneous",
	[TSOR_REASON_OPTION] = "option",
	[TSOR_REASON_NO_MEMORY] = "no-memory",
	[TSOR_REASON_DISABLED] = "disabled",
};

static const char * const carriers[] = {
	[TSOR_CARRIER_TCP] = "tcp",
	[TSOR_CARRIER_LINK] = "link",
	[TSOR_CARRIER_LOCAL] = "local",
};

static const char * const peer_states[] = {
	[TSOR_PEER_STATE_IDLE] = "idle",
	[TSOR_PEER_STATE_CONNECTING] = "connecting",
	[TSOR_PEER_STATE_UP] = "up",
	[TSOR_PEER_STATE_WAITING] = "waiting",
};

static const char * const tcp_states[] = {
	[TCP_ESTABLISHED] = "established",
	[TCP_SYN_SENT] = "syn-sent",
	[TCP_SYN_RECV] = "syn-recv",
	[TCP_FIN_WAIT1] = "fin-wait-1",
	[TCP_FIN_WAIT2] = "fin-wait-2",
	[TCP_TIME_WAIT] = "time-wait",
	[TCP_CLOSE] = "close",
	[TCP_CLOSE_WAIT] = "close-wait",
	[TCP_LAST_ACK] = "last-ack",
	[TCP_LISTEN] = "listen",
	[TCP_CLOSING] = "closing",
};

static const char *name(const char * const *names, size_t n, u32 value)
{
	return value < n && names[value] ? names[value] : "unknown";
}

static bool value_of(const char * const *names, size_t n, const char *text, u32 *value)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (names[i] && !strcmp(names[i], text)) {
			*value = i;
			return true;
		}
	}
	return false;
}

const char *name_role(u32 value)
{
	return name(roles, ARRAY_SIZE(roles), value);
}

const char *name_reason(u32 value)
{
	return name(reasons, ARRAY_SIZE(reasons), value);
}

const char *name_carrier(u32 value)
{
	return name(carriers, ARRAY_SIZE(carriers), value);
}

const char *name_peer_state(u32 value)
{
	return name(peer_states, ARRAY_SIZE(peer_states), value);
}

const char *name_tcp_state(u32 value)
{
	return name(tcp_states, ARRAY_SIZE(tcp_states), value);
}

bool value_role(const char *text, u32 *value)
{
	return value_of(roles, ARRAY_SIZE(roles), text, value);
}

bool value_reason(const char *text, u32 *value)
{
	return value_of(reasons, ARRAY_SIZE(reasons), text, value);
}

bool value_carrier(const char *text, u32 *value)
{
	return value_of(carriers, ARRAY_SIZE(carriers), text, value);
}
