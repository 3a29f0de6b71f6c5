/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Everything in which the kernels that we build for differ. The newest kernel's form is the
 * one that the code uses; what is here makes older kernels look like it.
 */
#ifndef TSOR_COMPAT_H
#define TSOR_COMPAT_H

#include <linux/version.h>

/* ---- sysctl ---- */

/* 6.6: the size is told; before, an empty entry ends the table */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#define register_net_sysctl_sz(net, path, table, size)	register_net_sysctl(net, path, table)
#endif

/* 6.11: handlers get a const table */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 11, 0)
#define TSOR_CTL_CONST
#else
#define TSOR_CTL_CONST	const
#endif

/* ---- generic netlink ---- */

/* 6.7: the request's attributes have moved; a macro, or every file would need genetlink.h */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
#define tsor_genl_dump_attrs(cb)	(genl_dumpit_info(cb)->attrs)
#else
#define tsor_genl_dump_attrs(cb)	(genl_info_dump(cb)->attrs)
#endif

#endif
