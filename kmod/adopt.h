/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Taking sockets over and giving them back: the probe on the tracepoint inet_sock_set_state,
 * the copies of sk_prot and proto_ops, the ULP. Owns what is swapped into a socket; the
 * calls themselves are in sock.c.
 */
#ifndef TSOR_ADOPT_H
#define TSOR_ADOPT_H

#include <net/sock.h>

int tsor_adopt_init(void);
void tsor_adopt_exit(void);
void tsor_adopt_listeners(struct net *net);
void tsor_adopt_release_listeners(struct net *net);

#endif
