// SPDX-License-Identifier: GPL-2.0
/* tsorctl stats: the node's counters in the initial netns, those of the netns in any. */
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "tsorctl.h"

struct wanted {
	bool zero;
	int n;
	char **patterns;
	bool *found;
};

static bool is_wanted(const struct wanted *wanted, const char *name)
{
	bool found = !wanted->n;
	int i;

	for (i = 0; i < wanted->n; i++) {
		if (!fnmatch(wanted->patterns[i], name, 0)) {
			wanted->found[i] = true;
			found = true;
		}
	}
	return found;
}

static void stats_print(const struct answer *a, void *data)
{
	const struct nlattr *counter[ATTR_MAX + 1];
	const struct wanted *wanted = data;
	const struct nlattr *pos;
	const char *name;
	u64 value;
	char id[17];

	if (a->cmd != TSOR_CMD_STATS_GET)
		return;
	if (a->attrs[TSOR_A_STATS_NODE_ID] && !wanted->n) {
		snprintf(id, sizeof(id), "%016llx", attr_u64(a->attrs[TSOR_A_STATS_NODE_ID]));
		out_text("%-32s", "node");
		out_string("node", "%s\n", id);
	}
	for (pos = answer_next(a, NULL, TSOR_A_STATS_COUNTER); pos;
	     pos = answer_next(a, pos, TSOR_A_STATS_COUNTER)) {
		attr_nested(pos, counter);
		name = attr_string(counter[TSOR_A_COUNTER_NAME]);
		value = attr_u64(counter[TSOR_A_COUNTER_VALUE]);
		if (!is_wanted(wanted, name))
			continue;
		/* a program wants to find what it looks for, 0 or not */
		if (!value && !wanted->zero && !wanted->n && !out_json)
			continue;
		out_text("%-32s", name);
		out_number(name, "%llu\n", value);
	}
}

static void stats_show(int argc, char **argv)
{
	bool found[64] = {};
	struct wanted wanted = { .found = found };
	int i;

	if (argc && !strcmp(argv[0], "all")) {
		wanted.zero = true;
		argc--;
		argv++;
	}
	if (argc > (int)ARRAY_SIZE(found))
		usage("stats: at most %zu patterns", ARRAY_SIZE(found));
	wanted.n = argc;
	wanted.patterns = argv;
	out_object_begin(NULL);
	genl_talk(genl_request(TSOR_CMD_STATS_GET, true), NULL, stats_print, &wanted);
	out_object_end();
	for (i = 0; i < argc; i++)
		if (!found[i])
			fail("no counter \"%s\": \"tsorctl stats all\" shows their names", argv[i]);
}

void stats_main(int argc, char **argv)
{
	if (argc && !strcmp(argv[0], "help")) {
		static const struct command none[1];

		run_command(none, 0, "stats", argc, argv);
		return;
	}
	/* the command may be left out, what comes first is a pattern otherwise */
	if (argc && (!strcmp(argv[0], "show") || !strcmp(argv[0], "list"))) {
		argc--;
		argv++;
	}
	stats_show(argc, argv);
}
