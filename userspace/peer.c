// SPDX-License-Identifier: GPL-2.0
/* tsorctl peer: the nodes that links are made to, and the ranges that may make them to us. */
#include <stdio.h>
#include <string.h>

#include "tsorctl.h"

struct wanted {
	bool any;
	bool found;
	struct in6_addr addr;
	u8 prefix;
};

static void parse(const char *text, struct in6_addr *addr, u8 *prefix)
{
	if (!addr_parse(text, addr, prefix))
		fail("bad address \"%s\": must be ADDRESS of a node or ADDRESS/PREFIX of a range",
		     text);
}

static void peer_change(u8 cmd, int argc, char **argv)
{
	struct in6_addr addr;
	struct nlmsghdr *nlh;
	u8 prefix;

	if (argc != 1)
		usage("peer %s takes one ADDRESS[/PREFIX]",
		      cmd == TSOR_CMD_PEER_ADD ? "add" : "del");
	parse(argv[0], &addr, &prefix);
	nlh = genl_request(cmd, false);
	mnl_attr_put(nlh, TSOR_A_PEER_ADDR, sizeof(addr), &addr);
	mnl_attr_put_u32(nlh, TSOR_A_PEER_PREFIX, prefix);
	genl_talk(nlh, argv[0], NULL, NULL);
}

static void peer_add(int argc, char **argv)
{
	peer_change(TSOR_CMD_PEER_ADD, argc, argv);
}

static void peer_del(int argc, char **argv)
{
	peer_change(TSOR_CMD_PEER_DEL, argc, argv);
}

static void peer_print(const struct answer *a, void *data)
{
	u32 prefix = attr_u32(a->attrs[TSOR_A_PEER_PREFIX]);
	struct wanted *wanted = data;
	char text[ADDR_TEXT_LEN], id[17];
	struct in6_addr addr;

	if (a->cmd != TSOR_CMD_PEER_GET || prefix > 128 ||
	    !attr_addr(a->attrs[TSOR_A_PEER_ADDR], &addr))
		return;
	if (!wanted->any && (prefix != wanted->prefix || !addr_in(&addr, &wanted->addr, prefix)))
		return;
	wanted->found = true;

	out_object_begin(NULL);
	out_string("address", "%s", addr_prefix_text(&addr, prefix, text));
	out_bool("range", a->attrs[TSOR_A_PEER_RANGE]);
	if (a->attrs[TSOR_A_PEER_RANGE]) {
		out_text(" range");
	} else {
		out_bool("configured", !a->attrs[TSOR_A_PEER_GUEST]);
		if (a->attrs[TSOR_A_PEER_GUEST])
			out_text(" guest");
		out_string("state", " state %s",
			   name_peer_state(attr_u32(a->attrs[TSOR_A_PEER_STATE])));
		if (a->attrs[TSOR_A_PEER_NODE_ID]) {
			snprintf(id, sizeof(id), "%016llx",
				 attr_u64(a->attrs[TSOR_A_PEER_NODE_ID]));
			out_string("node", " node %s", id);
		}
		out_number("attempts", attr_u32(a->attrs[TSOR_A_PEER_ATTEMPTS]) ?
			   " attempts %llu" : NULL, attr_u32(a->attrs[TSOR_A_PEER_ATTEMPTS]));
		if (a->attrs[TSOR_A_PEER_ERROR]) {
			int error = -(int)attr_u32(a->attrs[TSOR_A_PEER_ERROR]);

			out_string("error", " error \"%s\"", strerror(error));
			out_signed("errno", NULL, error);
		}
	}
	out_text("\n");
	out_object_end();
}

static void peer_show(int argc, char **argv)
{
	struct wanted wanted = { .any = !argc };
	struct nlmsghdr *nlh;

	if (argc > 1)
		usage("peer show takes at most one ADDRESS[/PREFIX]");
	if (argc)
		parse(argv[0], &wanted.addr, &wanted.prefix);
	nlh = genl_request(TSOR_CMD_PEER_GET, true);
	out_list_begin(NULL);
	genl_talk(nlh, NULL, peer_print, &wanted);
	out_list_end();
	if (!wanted.any && !wanted.found)
		fail("%s: no such peer or range is configured", argv[0]);
}

void peer_main(int argc, char **argv)
{
	static const struct command commands[] = {
		{ "add", peer_add },
		{ "delete", peer_del },
		{ "remove", peer_del },
		{ "show", peer_show },
		{ "list", peer_show },
		{ "lst", peer_show },
	};

	run_command(commands, ARRAY_SIZE(commands), "peer", argc, argv);
}
