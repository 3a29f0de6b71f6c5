/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Endless streams of pseudo-random bytes in which each byte follows from the seed and its
 * offset alone: who receives some of it can check every byte without the sender's help.
 */
#ifndef PATTERN_H
#define PATTERN_H

#include <stddef.h>
#include <linux/types.h>
#include <string.h>

static inline __u64 pattern_word(__u64 seed, __u64 n)
{
	__u64 x = seed + (n + 1) * 0x9e3779b97f4a7c15ull;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

static inline void pattern_fill(__u64 seed, __u64 offset, void *to, size_t len)
{
	unsigned char *p = to;

	while (len) {
		__u64 w = pattern_word(seed, offset / 8);
		size_t skip = offset % 8, n = 8 - skip < len ? 8 - skip : len;

		memcpy(p, (unsigned char *)&w + skip, n);
		p += n;
		offset += n;
		len -= n;
	}
}

/* how many bytes of @from are right; @len if all */
static inline size_t pattern_check(__u64 seed, __u64 offset, const void *from, size_t len)
{
	const unsigned char *p = from;
	size_t done = 0;

	while (done < len) {
		__u64 w = pattern_word(seed, (offset + done) / 8);
		unsigned char *q = (unsigned char *)&w + (offset + done) % 8;
		size_t i, n = 8 - (offset + done) % 8;

		if (n > len - done)
			n = len - done;
		if (memcmp(p + done, q, n)) {
			for (i = 0; p[done + i] == q[i]; i++)
				;
			return done + i;
		}
		done += n;
	}
	return len;
}

/* a generator for everything else that is to be random and repeatable */
static inline __u64 draw(__u64 *state)
{
	*state += 1;
	return pattern_word(*state, 0);
}

static inline __u64 draw_below(__u64 *state, __u64 n)
{
	return n ? draw(state) % n : 0;
}

#endif
