// SPDX-License-Identifier: GPL-2.0
/*
 * The handshake rides on TCP's own: an option on the SYN says which node and channel connect,
 * one on the SYN-ACK which answer, and pure ACKs carry confirm (client) and accept (server)
 * until the other end has been heard.
 *
 *	LOCAL_OUT, first	puts the option on what TCP sends; ahead of NAT, so that the
 *				packet is still the socket's
 *	LOCAL_IN, last		notes what has come; behind NAT, for the same reason
 *
 * Nothing here decides. What was noted is asked for by adopt.c under the socket's lock, when
 * TCP, having made its own checks of the packet, moves the socket to ESTABLISHED: for a client
 * in its channel (with the sequence number of the SYN-ACK that it came with), for a child,
 * which is born from the very packet that LOCAL_IN sees right before on the same CPU, in a
 * per-CPU slot (with tuple and sequence number).
 *
 * The server keeps no state until then: its token is a keyed hash of the tuple and both
 * initial sequence numbers, and the SYN's option is in the copy that TCP saves (TCP_SAVE_SYN).
 *
 * Softirq, or process context, under RCU. A hook must not take a socket's lock on
 * the way out (it is held), and may on the way in.
 */
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <linux/random.h>
#include <linux/siphash.h>
#include <net/inet_hashtables.h>
#include <net/inet6_hashtables.h>
#include <net/ip6_checksum.h>
#include <net/tcp.h>

#include "compat.h"
#include "handshake.h"
#include "node.h"
#include "sock.h"
#include "stats.h"
#include "trace.h"

#define TSOR_OPTS_MAX	(60 - sizeof(struct tcphdr))
#define TSOR_OPT_MD5	19	/* RFC 2385 */
#define TSOR_OPT_AO	29	/* RFC 5925 */

/**
 * struct tsor_slot - the last confirm that a CPU has seen
 * @net: namespace; compared only
 * @opt: the option
 * @seq: sequence number of its packet
 * @sport: source port
 * @dport: destination port
 * @v6: which of the addresses are set
 * @saddr: source
 * @daddr: destination
 */
struct tsor_slot {
	const struct net *net;
	struct tsor_opt opt;
	u32 seq;
	__be16 sport, dport;
	bool v6;
	struct in6_addr saddr, daddr;
};

static DEFINE_PER_CPU(struct tsor_slot, tsor_slots);
static siphash_aligned_key_t tsor_token_key;

struct tsor_tuple {
	u64 net;
	struct in6_addr local, remote;
	u32 local_isn, remote_isn;
	__be16 remote_port;
	u16 local_port;
	u32 pad;
};

static u32 tsor_server_token(const struct tsor_tuple *tuple)
{
	return (u32)siphash(tuple, sizeof(*tuple), &tsor_token_key) | TSOR_TOKEN_SERVER;
}

static void tsor_tuple_addr(struct tsor_tuple *tuple, __be32 local, __be32 remote)
{
	ipv6_addr_set_v4mapped(local, &tuple->local);
	ipv6_addr_set_v4mapped(remote, &tuple->remote);
}

static u32 tsor_request_token(const struct request_sock *req)
{
	const struct inet_request_sock *ireq = inet_rsk(req);
	struct tsor_tuple tuple = {
		.net = sock_net(req_to_sk((struct request_sock *)req))->ns.inum,
		.local_isn = tcp_rsk(req)->snt_isn,
		.remote_isn = tcp_rsk(req)->rcv_isn,
		.local_port = ireq->ir_num,
		.remote_port = ireq->ir_rmt_port,
	};

#if IS_ENABLED(CONFIG_IPV6)
	if (ireq->ireq_family == AF_INET6) {
		tuple.local = ireq->ir_v6_loc_addr;
		tuple.remote = ireq->ir_v6_rmt_addr;
		return tsor_server_token(&tuple);
	}
#endif
	tsor_tuple_addr(&tuple, ireq->ir_loc_addr, ireq->ir_rmt_addr);
	return tsor_server_token(&tuple);
}

/* does @sk, an IPv6 socket or not, speak IPv6 on the wire? */
static bool tsor_sk_v6(const struct sock *sk)
{
#if IS_ENABLED(CONFIG_IPV6)
	return sk->sk_family == AF_INET6 && !ipv6_addr_v4mapped(&sk->sk_v6_daddr);
#else
	return false;
#endif
}

/* of a child that is just being established: nothing has been exchanged yet */
static u32 tsor_child_token(const struct sock *sk)
{
	const struct inet_sock *inet = inet_sk(sk);
	struct tsor_tuple tuple = {
		.net = sock_net(sk)->ns.inum,
		.local_isn = tcp_sk(sk)->snd_una - 1,
		.remote_isn = tcp_sk(sk)->rcv_nxt - 1,
		.local_port = inet->inet_num,
		.remote_port = inet->inet_dport,
	};

#if IS_ENABLED(CONFIG_IPV6)
	if (tsor_sk_v6(sk)) {
		tuple.local = sk->sk_v6_rcv_saddr;
		tuple.remote = sk->sk_v6_daddr;
		return tsor_server_token(&tuple);
	}
#endif
	tsor_tuple_addr(&tuple, inet->inet_rcv_saddr, inet->inet_daddr);
	return tsor_server_token(&tuple);
}

/* the option among @len bytes of a TCP header's options; 1 found, 0 not there, or a wire error */
static int tsor_option_read(const u8 *opts, unsigned int len, struct tsor_opt *opt)
{
	unsigned int at;
	int n = tsor_opt_find(opts, len, &at);
	enum tsor_wire_err err;

	if (!n)
		return 0;
	err = tsor_opt_decode(opts + at, n, opt);
	if (!err)
		return 1;
	tsor_stat_inc(TSOR_STAT_OPTION_BAD);
	tsor_stat_wire(err);
	return -(int)err;
}

/* ---- out ---- */

/* may the option be added to this packet? No payload, room for it, nothing that signs options */
static bool tsor_option_fits(const struct sk_buff *skb, unsigned int room)
{
	const struct tcphdr *th = tcp_hdr(skb);
	unsigned int hdr = skb_transport_offset(skb) + th->doff * 4;
	const u8 *opts = (const u8 *)(th + 1);
	unsigned int len = th->doff * 4 - sizeof(*th);
	unsigned int i, at;

	if (skb->len != hdr || skb_headlen(skb) < hdr || skb->ip_summed != CHECKSUM_PARTIAL)
		return false;
	if (len + room > TSOR_OPTS_MAX || tsor_opt_find(opts, len, &at))
		return false;
	for (i = 0; i < len && opts[i];) {
		if (opts[i] == TSOR_OPT_MD5 || opts[i] == TSOR_OPT_AO)
			return false;
		i += opts[i] == 1 || i + 1 == len ? 1 : max_t(u8, opts[i + 1], 2);
	}
	return true;
}

/**
 * tsor_option_put - put an option behind those of a packet that TCP sends
 * @skb: without payload
 * @opt: what to say
 *
 * Headers move to the left, so that what is behind them need not.
 *
 * Return: 0, -ENOSPC if there is no room, -ENOMEM.
 */
static int tsor_option_put(struct sk_buff *skb, const struct tsor_opt *opt)
{
	u8 option[TSOR_OPT_HELLO_ROOM];
	unsigned int room = tsor_opt_encode(opt, option);
	unsigned int l3 = skb_transport_offset(skb), hdr;
	struct tcphdr *th;

	if (!tsor_option_fits(skb, room)) {
		tsor_stat_inc(TSOR_STAT_OPTION_NO_ROOM);
		return -ENOSPC;
	}
	if (skb_cow_head(skb, room)) {
		tsor_stat_inc(TSOR_STAT_NO_MEMORY);
		return -ENOMEM;
	}
	hdr = l3 + tcp_hdrlen(skb);
	skb_push(skb, room);
	memmove(skb->data, skb->data + room, hdr);
	memcpy(skb->data + hdr, option, room);
	skb_reset_network_header(skb);
	skb_set_transport_header(skb, l3);
	skb->csum_start = skb_transport_header(skb) - skb->head;

	th = tcp_hdr(skb);
	th->doff += room / 4;
	if (ip_hdr(skb)->version == 4) {
		struct iphdr *iph = ip_hdr(skb);

		iph->tot_len = htons(skb->len);
		ip_send_check(iph);
		th->check = ~tcp_v4_check(skb->len - l3, iph->saddr, iph->daddr, 0);
	} else {
		struct ipv6hdr *ip6h = ipv6_hdr(skb);

		ip6h->payload_len = htons(skb->len - sizeof(*ip6h));
		th->check = ~tcp_v6_check(skb->len - l3, &ip6h->saddr, &ip6h->daddr, 0);
	}
	return 0;
}

static void tsor_out_syn(struct sock *sk, struct sk_buff *skb)
{
	struct tsor_channel *ch = tsor_channel_of(sk);
	struct tsor_opt opt = { .type = TSOR_OPT_SYN, .node_id = tsor_node_id() };
	int err;

	/* who drops our first two may drop them for their option */
	if (!ch || ch->role != TSOR_NONE || inet_csk(sk)->icsk_retransmits >= 2)
		return;
	opt.client = ch->token;
	err = tsor_option_put(skb, &opt);
	trace_tsor_option(sk, "tx", opt.type, err);
	if (!err)
		tsor_stat_inc(TSOR_STAT_SYN_OPTION);
}

/* the option of a SYN that TCP has saved */
static int tsor_saved_option(const struct saved_syn *saved, struct tsor_opt *opt)
{
	if (!saved || saved->tcp_hdrlen < sizeof(struct tcphdr))
		return 0;
	return tsor_option_read(saved->data + saved->mac_hdrlen + saved->network_hdrlen +
				sizeof(struct tcphdr),
				saved->tcp_hdrlen - sizeof(struct tcphdr), opt);
}

static void tsor_out_synack(struct request_sock *req, struct sk_buff *skb)
{
	const struct sock *listener = req->rsk_listener;
	struct tsor_opt syn, opt = { .type = TSOR_OPT_SYNACK, .node_id = tsor_node_id() };
	struct tsor_link *link;
	int err;

	/* its ACK may be dropped to wait for data, which we do not send by TCP */
	if (!listener || inet_csk(listener)->icsk_accept_queue.rskq_defer_accept)
		return;
	/* a user in the kernel has its own callbacks, and children that are plain */
	if (listener->sk_data_ready != tsor_family_of(listener)->base_data_ready)
		return;
	if (tsor_saved_option(req->saved_syn, &syn) != 1 || syn.type != TSOR_OPT_SYN)
		return;
	link = tsor_link_find(syn.node_id);
	if (!link)
		return;
	tsor_link_put(link);
	opt.server = tsor_request_token(req);
	err = tsor_option_put(skb, &opt);
	trace_tsor_option(req_to_sk(req), "tx", opt.type, err);
	if (!err)
		tsor_stat_inc(TSOR_STAT_SYNACK_OPTION);
}

static void tsor_out_ack(struct sock *sk, struct sk_buff *skb)
{
	struct tsor_channel *ch = tsor_channel_of(sk);
	struct tsor_opt opt = {};
	int err;

	if (!ch || READ_ONCE(ch->heard) || !tsor_channel_live(ch))
		return;
	if (skb->len != skb_transport_offset(skb) + tcp_hdrlen(skb))
		return;
	opt.type = ch->server ? TSOR_OPT_ACCEPT : TSOR_OPT_CONFIRM;
	opt.client = ch->server ? ch->peer_token : ch->token;
	opt.server = ch->server ? ch->token : ch->peer_token;
	err = tsor_option_put(skb, &opt);
	trace_tsor_option(sk, "tx", opt.type, err);
	if (err)
		return;
	tsor_stat_inc(ch->server ? TSOR_STAT_ACCEPT_SENT : TSOR_STAT_CONFIRM_SENT);
	WRITE_ONCE(ch->confirmed, true);
}

static unsigned int tsor_out(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	/* ip6_xmit() has the listener in state->sk for a SYN-ACK */
	struct sock *sk = skb->sk;
	const struct tcphdr *th;

	/* a request is TCP's, and has no more than sk_state to ask for */
	if (!sk || !skb_transport_header_was_set(skb) ||
	    (sk->sk_state != TCP_NEW_SYN_RECV &&
	     (!sk_fullsock(sk) || sk->sk_protocol != IPPROTO_TCP)))
		return NF_ACCEPT;
	if (skb_headlen(skb) < skb_transport_offset(skb) + sizeof(*th))
		return NF_ACCEPT;
	th = tcp_hdr(skb);
	if (th->rst || th->fin)
		return NF_ACCEPT;
	if (sk->sk_state == TCP_NEW_SYN_RECV) {
		if (th->syn && th->ack)
			tsor_out_synack(inet_reqsk(sk), skb);
	} else {
		if (!th->syn)
			tsor_out_ack(sk, skb);
		else if (!th->ack && sk->sk_state == TCP_SYN_SENT)
			tsor_out_syn(sk, skb);
	}
	return NF_ACCEPT;
}

/* ---- in ---- */

/* the socket that a packet is for, referenced */
static struct sock *tsor_in_sk(struct net *net, struct sk_buff *skb, const struct tcphdr *th,
			       bool v6)
{
#if IS_ENABLED(CONFIG_IPV6)
	if (v6) {
		const struct ipv6hdr *ip6h = ipv6_hdr(skb);

		return tsor_lookup6_established(net, &ip6h->saddr, th->source, &ip6h->daddr,
						ntohs(th->dest), inet6_iif(skb), 0);
	}
#endif
	return tsor_lookup_established(net, ip_hdr(skb)->saddr, th->source, ip_hdr(skb)->daddr,
				       ntohs(th->dest), inet_iif(skb), 0);
}

static void tsor_in_synack(struct sock *sk, const struct tcphdr *th, const struct tsor_opt *opt,
			   int err)
{
	struct tsor_channel *ch;

	rcu_read_lock();
	ch = tsor_channel_of(sk);
	if (ch && ch->role == TSOR_NONE && !ch->server) {
		spin_lock(&ch->syn_lock);
		ch->isn = ntohl(th->seq);
		ch->synack = *opt;
		ch->synack_err = err;
		ch->got_synack = true;
		spin_unlock(&ch->syn_lock);
	}
	rcu_read_unlock();
}

static void tsor_in_confirm(struct net *net, struct sk_buff *skb, const struct tcphdr *th,
			    const struct tsor_opt *opt, bool v6)
{
	struct tsor_slot *slot = this_cpu_ptr(&tsor_slots);

	slot->net = net;
	slot->opt = *opt;
	slot->seq = ntohl(th->seq);
	slot->sport = th->source;
	slot->dport = th->dest;
	slot->v6 = v6;
	if (v6) {
		slot->saddr = ipv6_hdr(skb)->saddr;
		slot->daddr = ipv6_hdr(skb)->daddr;
	} else {
		ipv6_addr_set_v4mapped(ip_hdr(skb)->saddr, &slot->saddr);
		ipv6_addr_set_v4mapped(ip_hdr(skb)->daddr, &slot->daddr);
	}
	tsor_stat_inc(TSOR_STAT_CONFIRM_GOT);
}

static void tsor_in_accept(struct sock *sk, const struct tsor_opt *opt)
{
	struct tsor_channel *ch;

	bh_lock_sock(sk);
	ch = tsor_channel_of(sk);
	if (ch && ch->role == TSOR_UND && opt->client == ch->token &&
	    opt->server == ch->peer_token) {
		tsor_stat_inc(TSOR_STAT_ACCEPT_GOT);
		if (sock_owned_by_user(sk))
			ch->deferred |= TSOR_DEFER_HEAR;
		else
			tsor_channel_hear(ch);
	}
	bh_unlock_sock(sk);
}

static void tsor_in_tcp(struct net *net, struct sk_buff *skb, unsigned int l3, bool v6)
{
	u8 buf[60];
	const struct tcphdr *th = skb_header_pointer(skb, l3, sizeof(*th), buf);
	struct tsor_opt opt = {};
	struct sock *sk;
	unsigned int len;
	const u8 *opts;
	int found;

	if (!th || th->doff * 4 <= sizeof(*th) || th->rst)
		return;
	len = th->doff * 4;
	th = skb_header_pointer(skb, l3, len, buf);
	if (!th)
		return;
	opts = (const u8 *)(th + 1);
	found = tsor_option_read(opts, len - sizeof(*th), &opt);
	if (!found)
		return;
	trace_tsor_option(skb->sk, "rx", opt.type, found < 0 ? -found : 0);

	if (th->syn && !th->ack)
		return;		/* in the copy that TCP saves */
	if (!th->syn && found == 1 && opt.type == TSOR_OPT_CONFIRM) {
		tsor_in_confirm(net, skb, th, &opt, v6);
		return;
	}
	if (!th->syn && (found != 1 || opt.type != TSOR_OPT_ACCEPT))
		return;
	sk = tsor_in_sk(net, skb, th, v6);
	if (!sk)
		return;
	if (sk_fullsock(sk)) {
		if (th->syn)
			tsor_in_synack(sk, th, &opt, found < 0 ? -found : 0);
		else
			tsor_in_accept(sk, &opt);
	}
	sock_gen_put(sk);
}

static unsigned int tsor_in4(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	if (ip_hdr(skb)->protocol != IPPROTO_TCP)
		return NF_ACCEPT;
	/* a packet that was in user space (NFQUEUE) goes on in a process */
	local_bh_disable();
	tsor_in_tcp(state->net, skb, ip_hdrlen(skb), false);
	local_bh_enable();
	return NF_ACCEPT;
}

#if IS_ENABLED(CONFIG_IPV6)
static unsigned int tsor_in6(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	u8 next = ipv6_hdr(skb)->nexthdr;
	__be16 frag;
	int l3 = sizeof(struct ipv6hdr);

	if (next != IPPROTO_TCP) {
		l3 = ipv6_skip_exthdr(skb, l3, &next, &frag);
		if (l3 < 0 || next != IPPROTO_TCP || frag)
			return NF_ACCEPT;
	}
	local_bh_disable();
	tsor_in_tcp(state->net, skb, l3, true);
	local_bh_enable();
	return NF_ACCEPT;
}
#endif

/* ---- what adopt.c asks ---- */

/**
 * tsor_handshake_client - what has the SYN-ACK settled?
 * @ch: client's channel; its socket is being established, locked
 * @meet: filled if the answer is TSOR_WHY_NONE
 *
 * Return: TSOR_WHY_NONE, or why the connection is plain.
 */
enum tsor_reason tsor_handshake_client(struct tsor_channel *ch, struct tsor_meet *meet)
{
	struct tsor_opt opt;
	bool got;
	u32 isn;
	int err;

	spin_lock_bh(&ch->syn_lock);
	got = ch->got_synack;
	isn = ch->isn;
	opt = ch->synack;
	err = ch->synack_err;
	spin_unlock_bh(&ch->syn_lock);

	/* the hook sees packets before TCP does: is this the one that TCP has taken? */
	if (!got || tcp_sk(ch->sk)->rcv_nxt != isn + 1)
		return TSOR_WHY_NO_OPTION;
	if (err)
		return TSOR_WHY_BAD_OPTION;
	if (opt.type == TSOR_OPT_SYN)
		return TSOR_WHY_ECHO;
	if (opt.type != TSOR_OPT_SYNACK)
		return TSOR_WHY_BAD_OPTION;
	meet->link = tsor_link_find(opt.node_id);
	if (!meet->link)
		return opt.node_id == tsor_node_id() ? TSOR_WHY_ECHO : TSOR_WHY_NO_LINK;
	meet->node_id = opt.node_id;
	meet->mine = ch->token;
	meet->theirs = opt.server;
	return TSOR_WHY_NONE;
}

static bool tsor_slot_is(const struct tsor_slot *slot, const struct sock *sk)
{
	const struct inet_sock *inet = inet_sk(sk);
	struct in6_addr local, remote;
	bool v6 = tsor_sk_v6(sk);

	if (slot->net != sock_net(sk) || slot->v6 != v6 || slot->sport != inet->inet_dport ||
	    slot->dport != inet->inet_sport || slot->seq != tcp_sk(sk)->rcv_nxt)
		return false;
#if IS_ENABLED(CONFIG_IPV6)
	if (v6)
		return ipv6_addr_equal(&slot->saddr, &sk->sk_v6_daddr) &&
		       ipv6_addr_equal(&slot->daddr, &sk->sk_v6_rcv_saddr);
#endif
	ipv6_addr_set_v4mapped(inet->inet_rcv_saddr, &local);
	ipv6_addr_set_v4mapped(inet->inet_daddr, &remote);
	return ipv6_addr_equal(&slot->saddr, &remote) && ipv6_addr_equal(&slot->daddr, &local);
}

/**
 * tsor_handshake_child - what has the handshake of a child settled?
 * @sk: child that is being established, locked; softirq
 * @meet: filled if the answer is TSOR_WHY_NONE
 *
 * If data may be on its way to a child that is plain, it is refused.
 *
 * Return: TSOR_WHY_NONE, or why the connection is plain.
 */
enum tsor_reason tsor_handshake_child(struct sock *sk, struct tsor_meet *meet)
{
	struct tsor_slot *slot = this_cpu_ptr(&tsor_slots);
	struct tsor_opt syn;
	bool confirmed;
	int found;

	if (tcp_sk(sk)->syn_fastopen_ch)
		return TSOR_WHY_FASTOPEN;
	found = tsor_saved_option(tcp_sk(sk)->saved_syn, &syn);
	if (!found)
		return TSOR_WHY_NO_OPTION;
	if (found < 0 || syn.type != TSOR_OPT_SYN)
		return TSOR_WHY_BAD_OPTION;
	meet->link = tsor_link_find(syn.node_id);
	if (!meet->link)
		return TSOR_WHY_NO_LINK;
	meet->node_id = syn.node_id;
	meet->mine = tsor_child_token(sk);
	meet->theirs = syn.client;
	confirmed = tsor_slot_is(slot, sk) && slot->opt.client == meet->theirs &&
		    slot->opt.server == meet->mine;
	slot->net = NULL;
	if (confirmed)
		return TSOR_WHY_NONE;
	tsor_park_refuse(meet->link, meet->mine);
	tsor_link_put(meet->link);
	return TSOR_WHY_NOT_CONFIRMED;
}

/**
 * tsor_handshake_forget_syn - drop a saved SYN that the program did not ask for
 * @sk: child that has been established, locked
 */
void tsor_handshake_forget_syn(struct sock *sk)
{
	struct tcp_sock *tp = tcp_sk(sk);

	if (tp->save_syn != TSOR_SAVE_SYN)
		return;
	tp->save_syn = 0;
	kfree(tp->saved_syn);
	tp->saved_syn = NULL;
}

static const struct nf_hook_ops tsor_hooks[] = {
	{
		.hook = tsor_out,
		.pf = NFPROTO_IPV4,
		.hooknum = NF_INET_LOCAL_OUT,
		.priority = NF_IP_PRI_FIRST,
	},
	{
		.hook = tsor_in4,
		.pf = NFPROTO_IPV4,
		.hooknum = NF_INET_LOCAL_IN,
		.priority = NF_IP_PRI_LAST,
	},
#if IS_ENABLED(CONFIG_IPV6)
	{
		.hook = tsor_out,
		.pf = NFPROTO_IPV6,
		.hooknum = NF_INET_LOCAL_OUT,
		.priority = NF_IP6_PRI_FIRST,
	},
	{
		.hook = tsor_in6,
		.pf = NFPROTO_IPV6,
		.hooknum = NF_INET_LOCAL_IN,
		.priority = NF_IP6_PRI_LAST,
	},
#endif
};

/**
 * tsor_handshake_netns_enable - begin to put options on a namespace's packets
 * @net: namespace, switched off; tsor_net.lock held
 *
 * Return: 0 or negative errno.
 */
int tsor_handshake_netns_enable(struct net *net)
{
	return nf_register_net_hooks(net, tsor_hooks, ARRAY_SIZE(tsor_hooks));
}

/**
 * tsor_handshake_netns_disable - and no more
 * @net: namespace, switched on; tsor_net.lock held
 */
void tsor_handshake_netns_disable(struct net *net)
{
	nf_unregister_net_hooks(net, tsor_hooks, ARRAY_SIZE(tsor_hooks));
}

/** tsor_handshake_init - draw the key of the server's tokens */
int tsor_handshake_init(void)
{
	get_random_bytes(&tsor_token_key, sizeof(tsor_token_key));
	return 0;
}

/** tsor_handshake_exit - all namespaces are switched off */
void tsor_handshake_exit(void)
{
}
