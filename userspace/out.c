// SPDX-License-Identifier: GPL-2.0
/*
 * Output, as text or as JSON: what is said with a key is a member of the JSON object, and text
 * by the format that comes with it; what has no format is in JSON only, out_text() in text only.
 */
#include <stdarg.h>
#include <stdio.h>

#include "tsorctl.h"

bool out_json;
bool out_pretty;

static unsigned int depth;
static bool first = true;

static void newline(void)
{
	unsigned int i;

	if (!out_pretty)
		return;
	putchar('\n');
	for (i = 0; i < depth; i++)
		fputs("    ", stdout);
}

static void quoted(const char *s)
{
	putchar('"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			printf("\\%c", *s);
		else if ((unsigned char)*s < ' ' || *s == 0x7f)
			printf("\\u%04x", (unsigned char)*s);
		else
			putchar(*s);
	}
	putchar('"');
}

/* the comma before it, and the key */
static void member(const char *key)
{
	if (!first)
		putchar(',');
	first = false;
	if (depth)
		newline();
	if (key) {
		quoted(key);
		fputs(out_pretty ? ": " : ":", stdout);
	}
}

static void open_with(const char *key, char bracket)
{
	if (!out_json)
		return;
	member(key);
	putchar(bracket);
	depth++;
	first = true;
}

static void close_with(char bracket)
{
	if (!out_json)
		return;
	depth--;
	if (!first)
		newline();
	putchar(bracket);
	first = false;
	if (!depth) {
		putchar('\n');
		first = true;
	}
}

void out_list_begin(const char *key)
{
	open_with(key, '[');
}

void out_list_end(void)
{
	close_with(']');
}

void out_object_begin(const char *key)
{
	open_with(key, '{');
}

void out_object_end(void)
{
	close_with('}');
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

void out_string(const char *key, const char *fmt, const char *value)
{
	if (out_json) {
		member(key);
		quoted(value);
	} else if (fmt) {
		printf(fmt, value);
	}
}

/* @fmt takes a u64 (PRIu64) */
void out_number(const char *key, const char *fmt, u64 value)
{
	if (out_json) {
		member(key);
		printf("%llu", value);
	} else if (fmt) {
		printf(fmt, value);
	}
}

/* @fmt takes an long long (PRId64) */
void out_signed(const char *key, const char *fmt, long long value)
{
	if (out_json) {
		member(key);
		printf("%lld", value);
	} else if (fmt) {
		printf(fmt, value);
	}
}

#pragma GCC diagnostic pop

void out_bool(const char *key, bool value)
{
	if (!out_json)
		return;
	member(key);
	fputs(value ? "true" : "false", stdout);
}

void out_text(const char *fmt, ...)
{
	va_list args;

	if (out_json)
		return;
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
}
