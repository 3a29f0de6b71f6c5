// SPDX-License-Identifier: GPL-2.0
/* tsorctl: shows and sets what the kernel module tsor knows. Options and objects. */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../kmod/version.h"
#include "tsorctl.h"

static const char help[] =
"Usage: tsorctl [ OPTIONS ] OBJECT { COMMAND | help }\n"
"       tsorctl peer add | del ADDRESS[/PREFIX]\n"
"       tsorctl peer [ show [ ADDRESS[/PREFIX] ] ]\n"
"       tsorctl key set FILE | clear\n"
"       tsorctl link [ show [ ADDRESS ] ]\n"
"       tsorctl conn [ show [ netns NETNS ] [ addr ADDRESS[/PREFIX] ] [ port PORT ]\n"
"                           [ carrier CARRIER ] [ state STATE ] [ reason REASON ] ]\n"
"       tsorctl netns enable | disable [ NETNS... ]\n"
"       tsorctl netns [ show [ NETNS ] ]\n"
"       tsorctl stats [ show ] [ all ] [ PATTERN... ]\n"
"       tsorctl monitor [ all | link | conn ]\n"
"OPTIONS := { -j[son] | -p[retty] | -n[etns] NETNS | -V[ersion] | -h[elp] }\n"
"NETNS := { NAME | PID | PATH }\n";

static void say(const char *fmt, va_list args)
{
	if (!out_json)
		fflush(stdout);
	fputs("tsorctl: ", stderr);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
}

/* say it and go on */
void warn(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(fmt, args);
	va_end(args);
}

/* something went wrong: say what and what to do, status 1 */
void fail(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(fmt, args);
	va_end(args);
	/* half of a JSON text is worse than none */
	if (out_json)
		_exit(STATUS_ERROR);
	exit(STATUS_ERROR);
}

/* not called the way it has to be: status 2 */
void usage(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(fmt, args);
	va_end(args);
	exit(STATUS_USAGE);
}

/* is @arg @word or an abbreviation of it? */
bool matches(const char *arg, const char *word)
{
	return *arg && !strncmp(arg, word, strlen(arg));
}

/* the first of @commands that the first argument abbreviates; "show" without arguments */
void run_command(const struct command *commands, size_t n, const char *object, int argc,
		 char **argv)
{
	const char *name = argc ? argv[0] : "show";
	size_t i;

	if (!strcmp(name, "help")) {
		fputs(help, stdout);
		return;
	}
	for (i = 0; i < n; i++) {
		if (!matches(name, commands[i].name))
			continue;
		if (argc) {
			argc--;
			argv++;
		}
		commands[i].run(argc, argv);
		return;
	}
	usage("no command \"%s\" for %s, try \"tsorctl help\"", name, object);
}

static const struct command objects[] = {
	{ "peer", peer_main },
	{ "key", key_main },
	{ "link", link_main },
	{ "conn", conn_main },
	{ "connection", conn_main },
	{ "netns", netns_main },
	{ "stats", stats_main },
	{ "statistics", stats_main },
	{ "monitor", monitor_main },
};

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "pretty", no_argument, NULL, 'p' },
		{ "netns", required_argument, NULL, 'n' },
		{ "Version", no_argument, NULL, 'V' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	const char *netns = NULL;
	size_t i;
	int c;

	opterr = 0;
	while ((c = getopt_long_only(argc, argv, "+:jpn:Vh", options, NULL)) != -1) {
		switch (c) {
		case 'j':
			out_json = true;
			break;
		case 'p':
			out_pretty = true;
			break;
		case 'n':
			netns = optarg;
			break;
		case 'V':
			puts("tsorctl " TSOR_VERSION);
			return 0;
		case 'h':
			fputs(help, stdout);
			return 0;
		case ':':
			usage("option %s needs a network namespace", argv[optind - 1]);
		default:
			usage("no option \"%s\", try \"tsorctl help\"", argv[optind - 1]);
		}
	}
	argc -= optind;
	argv += optind;
	if (!argc) {
		fputs(help, stderr);
		return STATUS_USAGE;
	}
	if (matches(argv[0], "help")) {
		fputs(help, stdout);
		return 0;
	}
	for (i = 0; i < ARRAY_SIZE(objects); i++)
		if (matches(argv[0], objects[i].name))
			break;
	if (i == ARRAY_SIZE(objects))
		usage("no object \"%s\", try \"tsorctl help\"", argv[0]);
	if (netns)
		netns_enter(netns);
	objects[i].run(argc - 1, argv + 1);
	if (fflush(stdout) || ferror(stdout))
		fail("cannot write the output");
	return 0;
}
