/* SPDX-License-Identifier: GPL-2.0 */
/* What the unit tests of the pure parts share: a case, a check that names its place, TAP. */
#ifndef TSOR_UNIT_H
#define TSOR_UNIT_H

#include <stdio.h>
#include <stdlib.h>

static int unit_cases, unit_bad, unit_failed;

#define CHECK(cond)								\
	do {									\
		if (!(cond)) {							\
			printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond);	\
			unit_bad++;						\
		}								\
	} while (0)

#define CHECK_EQ(a, b)								\
	do {									\
		unsigned long long unit_a = (a), unit_b = (b);			\
		if (unit_a != unit_b) {						\
			printf("# %s:%d: %s is %llu, not %s = %llu\n", __FILE__,\
			       __LINE__, #a, unit_a, #b, unit_b);		\
			unit_bad++;						\
		}								\
	} while (0)

static void unit_run(const char *name, void (*test)(void))
{
	unit_bad = 0;
	test();
	unit_failed += !!unit_bad;
	printf("%sok %d - %s\n", unit_bad ? "not " : "", ++unit_cases, name);
}

#define RUN(test) unit_run(#test, test)

static int unit_end(void)
{
	printf("1..%d\n", unit_cases);
	return !!unit_failed;
}

#endif
