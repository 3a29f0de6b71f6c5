// SPDX-License-Identifier: GPL-2.0
/* tsorctl monitor: events as they come, one line (in JSON: one object) each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tsorctl.h"

struct wanted {
	bool link;
	bool conn;
};

static void print(const struct answer *a, void *data)
{
	const struct wanted *wanted = data;

	if (a->cmd == TSOR_CMD_LINK_EVENT && wanted->link) {
		out_object_begin(NULL);
		out_string("event", "[%s] ", "link");
		link_event_print(a);
		out_object_end();
	} else if (a->cmd == TSOR_CMD_CONN_EVENT && wanted->conn) {
		out_object_begin(NULL);
		out_string("event", "[%s] ", "conn");
		conn_print(a);
		out_object_end();
	}
	/* whoever reads it is gone */
	if (fflush(stdout))
		exit(STATUS_ERROR);
}

void monitor_main(int argc, char **argv)
{
	struct wanted wanted = { .link = !argc, .conn = !argc };

	for (; argc; argc--, argv++) {
		if (matches(argv[0], "help")) {
			static const struct command none[1];

			run_command(none, 0, "monitor", argc, argv);
			return;
		}
		if (matches(argv[0], "all")) {
			wanted.link = true;
			wanted.conn = true;
		} else if (matches(argv[0], "link")) {
			wanted.link = true;
		} else if (matches(argv[0], "conn")) {
			wanted.conn = true;
		} else {
			usage("monitor: no events \"%s\": all, link or conn", argv[0]);
		}
	}
	genl_listen(print, &wanted);
}
