/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The few names that the pure parts (wire, stream) take from their surroundings, so that the
 * same source builds in the kernel and in user space (unit tests, fuzzers).
 * Owns nothing; never touches kernel state.
 */
#ifndef TSOR_PURE_H
#define TSOR_PURE_H

#ifdef __KERNEL__
#include <linux/types.h>
#include <linux/string.h>
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <asm/byteorder.h>
#else
#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define cpu_to_be16(x) htobe16(x)
#define cpu_to_be32(x) htobe32(x)
#define cpu_to_be64(x) htobe64(x)
#define be16_to_cpu(x) be16toh(x)
#define be32_to_cpu(x) be32toh(x)
#define be64_to_cpu(x) be64toh(x)
#define __packed __attribute__((packed))
#define READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))
#endif

#endif
