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

/* ---- timers ---- */

#include <linux/timer.h>

/* 6.2: timer_shutdown_sync(), timer_delete(); before, no timer re-arms itself at its end */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define tsor_timer_delete(t)	del_timer(t)
#define tsor_timer_shutdown(t)	del_timer_sync(t)
#else
#define tsor_timer_delete(t)	timer_delete(t)
#define tsor_timer_shutdown(t)	timer_shutdown_sync(t)
#endif

/* 6.16: a new name */
#ifdef timer_container_of
#define tsor_from_timer		timer_container_of
#else
#define tsor_from_timer		from_timer
#endif

/* ---- files ---- */

/* 6.13: references of a file have a type of their own. False if the file is being closed. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#define tsor_file_get(file)	atomic_long_inc_not_zero(&(file)->f_count)
#else
#define tsor_file_get(file)	file_ref_get(&(file)->f_ref)
#endif

/* ---- TCP ---- */

/* 6.12.y and 6.15: flags; the form cannot be told by the version, since it was backported */
#define tsor_send_ack(sk) do {							\
	void *send_ack = __tcp_send_ack;					\
	struct sock *to = (sk);							\
										\
	if (__builtin_types_compatible_p(typeof(__tcp_send_ack),		\
					 void (struct sock *, u32)))		\
		((void (*)(struct sock *, u32))send_ack)(to, tcp_sk(to)->rcv_nxt); \
	else									\
		((void (*)(struct sock *, u32, u16))send_ack)(to, tcp_sk(to)->rcv_nxt, 0); \
} while (0)

/* 6.18: TCP's hash tables are not named any more */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
#define tsor_lookup_established(net, ...)					\
	__inet_lookup_established(net, (net)->ipv4.tcp_death_row.hashinfo, __VA_ARGS__)
#define tsor_lookup6_established(net, ...)					\
	__inet6_lookup_established(net, (net)->ipv4.tcp_death_row.hashinfo, __VA_ARGS__)
#else
#define tsor_lookup_established		__inet_lookup_established
#define tsor_lookup6_established	__inet6_lookup_established
#endif

/* 6.5: ioctl() of a protocol gets a kernel pointer */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
#define TSOR_IOCTL_ARG		unsigned long
#define tsor_ioctl_put(arg, v)	put_user(v, (int __user *)(arg))
#else
#define TSOR_IOCTL_ARG		int *
#define tsor_ioctl_put(arg, v)	(*(arg) = (v), 0)
#endif

/* 7.1: recvmsg() of a protocol leaves the address's length in the message */
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 1, 0)
#define TSOR_RECVMSG_PARAMS	int flags, int *addr_len
#define TSOR_RECVMSG_ARGS	flags, addr_len
#else
#define TSOR_RECVMSG_PARAMS	int flags
#define TSOR_RECVMSG_ARGS	flags
#endif

/* 6.10: accept() has one argument for all */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
#define TSOR_ACCEPT_PARAMS	int flags, bool kern
#define TSOR_ACCEPT_ARGS	flags, kern
#else
#define TSOR_ACCEPT_PARAMS	struct proto_accept_arg *arg
#define TSOR_ACCEPT_ARGS	arg
#endif

/* 6.5: no sendpage; MSG_SPLICE_PAGES has taken its place */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
#define tsor_prot_no_sendpage(prot)	((prot)->sendpage = NULL)
#define tsor_ops_no_sendpage(ops)	((ops)->sendpage = sock_no_sendpage)
#else
#define tsor_prot_no_sendpage(prot)	((void)(prot))
#define tsor_ops_no_sendpage(ops)	((void)(ops))
#endif

/* 6.3: bvec_set_page() */
#define tsor_bvec_set_page(v, page, len, off)	\
	(*(v) = (struct bio_vec){ .bv_page = (page), .bv_len = (len), .bv_offset = (off) })

#endif
