// SPDX-License-Identifier: GPL-2.0
/* Addresses: 16 bytes with IPv4 v4-mapped, and prefixes that count the bits of that form. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tsorctl.h"

#define V4_BITS	96	/* of a v4-mapped address before the IPv4 one */

/* ADDRESS[/PREFIX]; 128 without a prefix */
bool addr_parse(const char *text, struct in6_addr *addr, u8 *prefix)
{
	char copy[ADDR_TEXT_LEN], *slash, *end;
	struct in_addr v4;
	unsigned long n;
	bool is_v4;

	if (snprintf(copy, sizeof(copy), "%s", text) >= (int)sizeof(copy))
		return false;
	slash = strchr(copy, '/');
	if (slash)
		*slash++ = 0;

	is_v4 = inet_pton(AF_INET, copy, &v4) == 1;
	if (is_v4) {
		memset(addr, 0, sizeof(*addr));
		addr->s6_addr[10] = 0xff;
		addr->s6_addr[11] = 0xff;
		memcpy(&addr->s6_addr[12], &v4, sizeof(v4));
	} else if (inet_pton(AF_INET6, copy, addr) != 1) {
		return false;
	}
	*prefix = 128;
	if (!slash)
		return true;
	if (*slash < '0' || *slash > '9')
		return false;
	errno = 0;
	n = strtoul(slash, &end, 10);
	if (errno || *end || n > (is_v4 ? 32 : 128))
		return false;
	*prefix = is_v4 ? V4_BITS + n : n;
	return true;
}

const char *addr_text(const struct in6_addr *addr, char *buf)
{
	const char *text;

	if (IN6_IS_ADDR_V4MAPPED(addr))
		text = inet_ntop(AF_INET, &addr->s6_addr[12], buf, ADDR_TEXT_LEN);
	else
		text = inet_ntop(AF_INET6, addr, buf, ADDR_TEXT_LEN);
	return text ? text : "?";
}

const char *addr_prefix_text(const struct in6_addr *addr, u8 prefix, char *buf)
{
	char text[ADDR_TEXT_LEN];

	addr_text(addr, text);
	if (prefix == 128)
		snprintf(buf, ADDR_TEXT_LEN, "%.46s", text);
	else if (IN6_IS_ADDR_V4MAPPED(addr) && prefix >= V4_BITS)
		snprintf(buf, ADDR_TEXT_LEN, "%.46s/%d", text, prefix - V4_BITS);
	else
		snprintf(buf, ADDR_TEXT_LEN, "%.46s/%d", text, prefix);
	return buf;
}

const char *addr_port_text(const struct in6_addr *addr, u16 port, char *buf)
{
	char text[ADDR_TEXT_LEN];

	addr_text(addr, text);
	if (IN6_IS_ADDR_V4MAPPED(addr))
		snprintf(buf, ADDR_TEXT_LEN, "%.46s:%u", text, port);
	else
		snprintf(buf, ADDR_TEXT_LEN, "[%.46s]:%u", text, port);
	return buf;
}

/* do the first @prefix bits agree? */
bool addr_in(const struct in6_addr *addr, const struct in6_addr *net, u8 prefix)
{
	unsigned int bytes = prefix / 8, bits = prefix % 8;
	u8 mask = 0xff << (8 - bits);

	if (memcmp(addr, net, bytes))
		return false;
	return !bits || !((addr->s6_addr[bytes] ^ net->s6_addr[bytes]) & mask);
}
