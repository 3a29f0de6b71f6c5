/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The handshake's option: the netfilter hooks of a namespace that put it on packets and look
 * for it, and what they found, for adopt.c to decide on when a socket is established. Never
 * takes a socket over.
 */
#ifndef TSOR_HANDSHAKE_H
#define TSOR_HANDSHAKE_H

#include <net/net_namespace.h>

#include "channel.h"

/*
 * tcp_sock.save_syn of a listener that saves SYNs for us only. The program can set 1 or 2; TCP
 * itself takes every other value than 0 and 2 as 1.
 */
#define TSOR_SAVE_SYN	3

/**
 * struct tsor_meet - what the handshake of a connection has settled
 * @link: to the peer, up and referenced
 * @node_id: the peer's
 * @mine: token of this end; 0 for a client, which has it already
 * @theirs: token of the other end
 */
struct tsor_meet {
	struct tsor_link *link;
	u64 node_id;
	u32 mine;
	u32 theirs;
};

enum tsor_reason tsor_handshake_client(struct tsor_channel *ch, struct tsor_meet *meet);
enum tsor_reason tsor_handshake_child(struct sock *sk, struct tsor_meet *meet);
void tsor_handshake_forget_syn(struct sock *sk);
int tsor_handshake_init(void);
void tsor_handshake_exit(void);
int tsor_handshake_netns_enable(struct net *net);
void tsor_handshake_netns_disable(struct net *net);

#endif
