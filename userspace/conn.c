// SPDX-License-Identifier: GPL-2.0
/* tsorctl conn: connections, which carrier they are on and why. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tsorctl.h"

struct filter {
	u64 inum;
	bool has_addr, has_port, has_carrier, has_role, has_reason;
	struct in6_addr addr;
	u8 prefix;
	u16 port;
	u32 carrier, role, reason;
};

/* members of a connection, for show and for monitor.c */
void conn_print(const struct answer *a)
{
	bool server = a->attrs[TSOR_A_CONN_SERVER];
	struct in6_addr saddr = {}, daddr = {};
	char local[ADDR_TEXT_LEN], remote[ADDR_TEXT_LEN];
	char id[17];

	attr_addr(a->attrs[TSOR_A_CONN_SADDR], &saddr);
	attr_addr(a->attrs[TSOR_A_CONN_DADDR], &daddr);
	addr_port_text(&saddr, attr_u16(a->attrs[TSOR_A_CONN_SPORT]), local);
	addr_port_text(&daddr, attr_u16(a->attrs[TSOR_A_CONN_DPORT]), remote);
	/* the arrow points from who connected to who accepted */
	out_text("%s %s %s", local, server ? "<-" : "->", remote);
	out_string("local_address", NULL, addr_text(&saddr, local));
	out_number("local_port", NULL, attr_u16(a->attrs[TSOR_A_CONN_SPORT]));
	out_string("remote_address", NULL, addr_text(&daddr, remote));
	out_number("remote_port", NULL, attr_u16(a->attrs[TSOR_A_CONN_DPORT]));
	out_string("family", NULL,
		   attr_u32(a->attrs[TSOR_A_CONN_FAMILY]) == AF_INET6 ? "inet6" : "inet");
	out_bool("server", server);
	out_string("carrier", " carrier %s", name_carrier(attr_u32(a->attrs[TSOR_A_CONN_CARRIER])));
	out_string("state", " state %s", name_role(attr_u32(a->attrs[TSOR_A_CONN_ROLE])));
	if (a->attrs[TSOR_A_CONN_REASON])
		out_string("reason", " reason %s",
			   name_reason(attr_u32(a->attrs[TSOR_A_CONN_REASON])));
	out_string("tcp_state", " tcp %s",
		   name_tcp_state(attr_u32(a->attrs[TSOR_A_CONN_TCP_STATE])));
	out_number("tx_bytes", " tx %llu", attr_u64(a->attrs[TSOR_A_CONN_TX_BYTES]));
	out_number("rx_bytes", " rx %llu", attr_u64(a->attrs[TSOR_A_CONN_RX_BYTES]));
	out_number("tx_queue", attr_u32(a->attrs[TSOR_A_CONN_TXQ]) ? " txq %llu" : NULL,
		   attr_u32(a->attrs[TSOR_A_CONN_TXQ]));
	out_number("rx_queue", attr_u32(a->attrs[TSOR_A_CONN_RXQ]) ? " rxq %llu" : NULL,
		   attr_u32(a->attrs[TSOR_A_CONN_RXQ]));
	out_number("epoch", attr_u32(a->attrs[TSOR_A_CONN_EPOCH]) ? " epoch %llu" : NULL,
		   attr_u32(a->attrs[TSOR_A_CONN_EPOCH]));
	if (a->attrs[TSOR_A_CONN_NODE_ID]) {
		snprintf(id, sizeof(id), "%016llx", attr_u64(a->attrs[TSOR_A_CONN_NODE_ID]));
		out_string("node", " node %s", id);
	}
	out_number("netns", " netns %llu", attr_u64(a->attrs[TSOR_A_CONN_NETNS]));
	if (a->attrs[TSOR_A_CONN_INODE])
		out_number("inode", " ino %llu", attr_u64(a->attrs[TSOR_A_CONN_INODE]));
	if (a->attrs[TSOR_A_CONN_TOKEN]) {
		snprintf(id, sizeof(id), "%08x", attr_u32(a->attrs[TSOR_A_CONN_TOKEN]));
		out_string("token", NULL, id);
		snprintf(id, sizeof(id), "%08x", attr_u32(a->attrs[TSOR_A_CONN_PEER_TOKEN]));
		out_string("peer_token", NULL, id);
	}
	out_text("\n");
}

static bool wanted(const struct answer *a, const struct filter *f)
{
	struct in6_addr saddr, daddr;

	if (f->has_carrier && attr_u32(a->attrs[TSOR_A_CONN_CARRIER]) != f->carrier)
		return false;
	if (f->has_role && attr_u32(a->attrs[TSOR_A_CONN_ROLE]) != f->role)
		return false;
	if (f->has_reason && attr_u32(a->attrs[TSOR_A_CONN_REASON]) != f->reason)
		return false;
	if (f->has_port && attr_u16(a->attrs[TSOR_A_CONN_SPORT]) != f->port &&
	    attr_u16(a->attrs[TSOR_A_CONN_DPORT]) != f->port)
		return false;
	if (!attr_addr(a->attrs[TSOR_A_CONN_SADDR], &saddr) ||
	    !attr_addr(a->attrs[TSOR_A_CONN_DADDR], &daddr))
		return false;
	return !f->has_addr || addr_in(&saddr, &f->addr, f->prefix) ||
	       addr_in(&daddr, &f->addr, f->prefix);
}

static void conn_show_one(const struct answer *a, void *data)
{
	if (a->cmd != TSOR_CMD_CONN_GET || !wanted(a, data))
		return;
	out_object_begin(NULL);
	conn_print(a);
	out_object_end();
}

static u16 parse_port(const char *text)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || n > 65535)
		fail("bad port \"%s\": must be a number up to 65535", text);
	return n;
}

static void conn_show(int argc, char **argv)
{
	struct filter f = {};
	struct nlmsghdr *nlh;

	for (; argc; argc -= 2, argv += 2) {
		if (argc < 2)
			usage("conn show: \"%s\" needs a value", argv[0]);
		if (matches(argv[0], "netns")) {
			f.inum = netns_inum(argv[1]);
		} else if (matches(argv[0], "address")) {
			f.has_addr = true;
			if (!addr_parse(argv[1], &f.addr, &f.prefix))
				fail("bad address \"%s\": must be ADDRESS[/PREFIX]", argv[1]);
		} else if (matches(argv[0], "port")) {
			f.has_port = true;
			f.port = parse_port(argv[1]);
		} else if (matches(argv[0], "carrier")) {
			f.has_carrier = true;
			if (!value_carrier(argv[1], &f.carrier))
				usage("no carrier \"%s\": tcp, link or local", argv[1]);
		} else if (matches(argv[0], "state")) {
			f.has_role = true;
			if (!value_role(argv[1], &f.role))
				usage("no state \"%s\": none, undecided, channel, plain or dead",
				      argv[1]);
		} else if (matches(argv[0], "reason")) {
			f.has_reason = true;
			if (!value_reason(argv[1], &f.reason))
				usage("no reason \"%s\", see tsorctl(8)", argv[1]);
		} else {
			usage("conn show: no filter \"%s\", try \"tsorctl help\"", argv[0]);
		}
	}
	nlh = genl_request(TSOR_CMD_CONN_GET, true);
	if (f.inum)
		mnl_attr_put_u64(nlh, TSOR_A_CONN_NETNS, f.inum);
	out_list_begin(NULL);
	genl_talk(nlh, NULL, conn_show_one, &f);
	out_list_end();
}

void conn_main(int argc, char **argv)
{
	static const struct command commands[] = {
		{ "show", conn_show },
		{ "list", conn_show },
		{ "lst", conn_show },
	};

	run_command(commands, ARRAY_SIZE(commands), "conn", argc, argv);
}
