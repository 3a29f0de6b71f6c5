// SPDX-License-Identifier: GPL-2.0
/* tsorctl link: links that are up, and the event of one that comes up or goes down. */
#include <stdio.h>
#include <string.h>

#include "tsorctl.h"

struct wanted {
	bool any;
	bool found;
	struct in6_addr addr;
	u8 prefix;
};

static bool print_name(const struct answer *a)
{
	char text[ADDR_TEXT_LEN], id[17];
	struct in6_addr addr;

	if (!attr_addr(a->attrs[TSOR_A_LINK_ADDR], &addr))
		return false;
	snprintf(id, sizeof(id), "%016llx", attr_u64(a->attrs[TSOR_A_LINK_NODE_ID]));
	out_string("address", "%s", addr_text(&addr, text));
	out_string("node", " node %s", id);
	return true;
}

static void link_print(const struct answer *a, void *data)
{
	struct wanted *wanted = data;
	struct in6_addr addr;
	u64 ms;

	if (a->cmd != TSOR_CMD_LINK_GET || !attr_addr(a->attrs[TSOR_A_LINK_ADDR], &addr))
		return;
	if (!wanted->any && !addr_in(&addr, &wanted->addr, wanted->prefix))
		return;
	wanted->found = true;

	out_object_begin(NULL);
	print_name(a);
	out_string("device", " dev %s", attr_string(a->attrs[TSOR_A_LINK_DEVICE]));
	out_number("port", "/%llu", attr_u32(a->attrs[TSOR_A_LINK_PORT]));
	out_number("qpn", " qpn %llu", attr_u32(a->attrs[TSOR_A_LINK_QPN]));
	ms = attr_u64(a->attrs[TSOR_A_LINK_UP_MS]);
	out_number("up_ms", NULL, ms);
	out_text(" up %llu.%03llus\n", ms / 1000, ms % 1000);
	out_number("tx_msgs", "    tx %llu messages", attr_u64(a->attrs[TSOR_A_LINK_TX_MSGS]));
	out_number("tx_bytes", " %llu bytes", attr_u64(a->attrs[TSOR_A_LINK_TX_BYTES]));
	out_number("rx_msgs", " rx %llu messages", attr_u64(a->attrs[TSOR_A_LINK_RX_MSGS]));
	out_number("rx_bytes", " %llu bytes\n", attr_u64(a->attrs[TSOR_A_LINK_RX_BYTES]));
	out_number("max_msg", "    max-msg %llu", attr_u32(a->attrs[TSOR_A_LINK_MAX_MSG]));
	out_number("credits", " credits %llu", attr_u32(a->attrs[TSOR_A_LINK_CREDITS]));
	out_number("inflight", " inflight %llu\n", attr_u32(a->attrs[TSOR_A_LINK_INFLIGHT]));
	out_object_end();
}

/* members of an event, for monitor.c */
void link_event_print(const struct answer *a)
{
	bool up = attr_u32(a->attrs[TSOR_A_LINK_UP]);
	int error;

	if (!print_name(a))
		return;
	out_bool("up", up);
	out_text(up ? " up" : " down");
	if (a->attrs[TSOR_A_LINK_ERROR]) {
		error = -(int)attr_u32(a->attrs[TSOR_A_LINK_ERROR]);
		out_string("error", " error \"%s\"", strerror(error));
		out_signed("errno", NULL, error);
	}
	out_text("\n");
}

static void link_show(int argc, char **argv)
{
	struct wanted wanted = { .any = !argc };
	struct nlmsghdr *nlh;

	if (argc > 1)
		usage("link show takes at most one ADDRESS[/PREFIX]");
	if (argc && !addr_parse(argv[0], &wanted.addr, &wanted.prefix))
		fail("bad address \"%s\": must be ADDRESS[/PREFIX]", argv[0]);
	nlh = genl_request(TSOR_CMD_LINK_GET, true);
	out_list_begin(NULL);
	genl_talk(nlh, NULL, link_print, &wanted);
	out_list_end();
	if (!wanted.any && !wanted.found)
		fail("%s: no link is up to it; \"tsorctl peer show\" may say why", argv[0]);
}

void link_main(int argc, char **argv)
{
	static const struct command commands[] = {
		{ "show", link_show },
		{ "list", link_show },
		{ "lst", link_show },
	};

	run_command(commands, ARRAY_SIZE(commands), "link", argc, argv);
}
