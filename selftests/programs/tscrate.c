// SPDX-License-Identifier: GPL-2.0
/*
 * Prints the rate of this machine's time stamp counter in kHz. An emulated guest has the same
 * counter; left to itself it measures the rate at boot, and where the host is busy it may be
 * wrong by a factor of ten.
 */
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

static unsigned long long ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* both clocks as close together as can be had */
static void both(unsigned long long *tsc, unsigned long long *time)
{
	unsigned long long best = ~0ull, before, after, now;
	int i;

	for (i = 0; i < 100; i++) {
		before = __rdtsc();
		now = ns();
		after = __rdtsc();
		if (after - before < best) {
			best = after - before;
			*tsc = before + best / 2;
			*time = now;
		}
	}
}

int main(void)
{
	unsigned long long tsc[2], time[2];
	struct timespec pause = { .tv_nsec = 200000000 };

	both(&tsc[0], &time[0]);
	nanosleep(&pause, NULL);
	both(&tsc[1], &time[1]);
	printf("%llu\n", (tsc[1] - tsc[0]) * 1000000 / (time[1] - time[0]));
	return 0;
}
