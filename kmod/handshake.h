/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The handshake's option: the netfilter hooks of a namespace that put it on packets and take
 * it off, and what they found, for adopt.c to decide on when a socket is established.
 */
#ifndef TSOR_HANDSHAKE_H
#define TSOR_HANDSHAKE_H

#include <net/net_namespace.h>

int tsor_handshake_init(void);
void tsor_handshake_exit(void);
int tsor_handshake_netns_enable(struct net *net);
void tsor_handshake_netns_disable(struct net *net);

#endif
