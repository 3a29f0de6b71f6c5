/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which sockets are taken over and given back, and when: the probe on the tracepoint
 * inet_sock_set_state. What is swapped is sock.c's and listen.c's.
 */
#ifndef TSOR_ADOPT_H
#define TSOR_ADOPT_H

#include <net/sock.h>

int tsor_adopt_init(void);
void tsor_adopt_exit(void);
void tsor_adopt_listeners(struct net *net);
void tsor_adopt_release_listeners(struct net *net);

#endif
