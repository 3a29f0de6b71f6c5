// SPDX-License-Identifier: GPL-2.0
/* tsorctl key: the pre-shared key. It is read from a file, since arguments are for all to see. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tsorctl.h"

static void key_send(const void *key, size_t len)
{
	struct nlmsghdr *nlh = genl_request(TSOR_CMD_KEY_SET, false);

	if (len)
		mnl_attr_put(nlh, TSOR_A_KEY_DATA, len, key);
	genl_talk(nlh, NULL, NULL, NULL);
}

static void key_set(int argc, char **argv)
{
	char key[TSOR_KEY_MAX + 1];
	FILE *file = stdin;
	size_t len;

	if (argc != 1)
		usage("key set takes one FILE, or - for standard input");
	if (strcmp(argv[0], "-"))
		file = fopen(argv[0], "re");
	if (!file)
		fail("cannot open the key %s: %s", argv[0], strerror(errno));
	len = fread(key, 1, sizeof(key), file);
	if (ferror(file))
		fail("cannot read the key %s: %s", argv[0], strerror(errno));
	if (file != stdin)
		fclose(file);
	if (!len)
		fail("the key %s is empty: \"tsorctl key clear\" is for none", argv[0]);
	if (len > TSOR_KEY_MAX)
		fail("the key %s is longer than %d bytes", argv[0], TSOR_KEY_MAX);
	key_send(key, len);
	explicit_bzero(key, sizeof(key));
}

static void key_clear(int argc, char **argv)
{
	(void)argv;
	if (argc)
		usage("key clear takes nothing more");
	key_send(NULL, 0);
}

void key_main(int argc, char **argv)
{
	static const struct command commands[] = {
		{ "set", key_set },
		{ "clear", key_clear },
	};

	if (!argc)
		usage("key takes set or clear");
	run_command(commands, ARRAY_SIZE(commands), "key", argc, argv);
}
