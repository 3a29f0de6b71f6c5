// SPDX-License-Identifier: GPL-2.0
/*
 * Generic netlink: the family's number, requests with the kernel's own words on a refusal, and
 * events. Opened when it is first needed, in the netns that the process is in then.
 */
#include <errno.h>
#include <linux/genetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tsorctl.h"

static struct mnl_socket *sock;
static unsigned int seq;
static u16 family;
static u32 group;

static char request[1024];
static char answer[65536] __aligned(8);

static void attr_parse(const struct nlattr *first, const char *end, const struct nlattr **attrs)
{
	const struct nlattr *attr;

	memset(attrs, 0, sizeof(*attrs) * (ATTR_MAX + 1));
	for (attr = first; mnl_attr_ok(attr, end - (const char *)attr);
	     attr = mnl_attr_next(attr))
		if (mnl_attr_get_type(attr) <= ATTR_MAX)
			attrs[mnl_attr_get_type(attr)] = attr;
}

/* the attribute of @type behind @pos, which is one of them or NULL for the first; NULL if none */
const struct nlattr *answer_next(const struct answer *a, const struct nlattr *pos, u16 type)
{
	const char *end = mnl_nlmsg_get_payload_tail(a->nlh);

	pos = pos ? mnl_attr_next(pos) : mnl_nlmsg_get_payload_offset(a->nlh, GENL_HDRLEN);
	while (mnl_attr_ok(pos, end - (const char *)pos)) {
		if (mnl_attr_get_type(pos) == type)
			return pos;
		pos = mnl_attr_next(pos);
	}
	return NULL;
}

static void hand(const struct nlmsghdr *nlh, genl_fn fn, void *data)
{
	struct answer a = { .nlh = nlh };

	if (!fn || mnl_nlmsg_get_payload_len(nlh) < GENL_HDRLEN)
		return;
	a.cmd = ((struct genlmsghdr *)mnl_nlmsg_get_payload(nlh))->cmd;
	attr_parse(mnl_nlmsg_get_payload_offset(nlh, GENL_HDRLEN),
		   mnl_nlmsg_get_payload_tail(nlh), a.attrs);
	fn(&a, data);
}

/* @attrs has room for ATTR_MAX + 1 */
void attr_nested(const struct nlattr *nest, const struct nlattr **attrs)
{
	const char *payload = mnl_attr_get_payload(nest);

	attr_parse((const struct nlattr *)payload, payload + mnl_attr_get_payload_len(nest), attrs);
}

u16 attr_u16(const struct nlattr *attr)
{
	return attr && mnl_attr_get_payload_len(attr) == 2 ? mnl_attr_get_u16(attr) : 0;
}

u32 attr_u32(const struct nlattr *attr)
{
	return attr && mnl_attr_get_payload_len(attr) == 4 ? mnl_attr_get_u32(attr) : 0;
}

u64 attr_u64(const struct nlattr *attr)
{
	return attr && mnl_attr_get_payload_len(attr) == 8 ? mnl_attr_get_u64(attr) : 0;
}

const char *attr_string(const struct nlattr *attr)
{
	return attr && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0 ?
	       mnl_attr_get_str(attr) : "";
}

bool attr_addr(const struct nlattr *attr, struct in6_addr *addr)
{
	if (!attr || mnl_attr_get_payload_len(attr) != sizeof(*addr))
		return false;
	memcpy(addr, mnl_attr_get_payload(attr), sizeof(*addr));
	return true;
}

static struct nlmsghdr *message(u16 type, u16 flags, u8 cmd, u8 version)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(request);
	struct genlmsghdr *genl;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = ++seq;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = version;
	return nlh;
}

/* the kernel's words behind an error of @code, whose own part ends @offset bytes into @nlh */
static const char *extack(const struct nlmsghdr *nlh, size_t offset, int code)
{
	const struct nlattr *attrs[ATTR_MAX + 1];
	const char *text = "";

	if ((nlh->nlmsg_flags & NLM_F_ACK_TLVS) && mnl_nlmsg_get_payload_len(nlh) >= offset) {
		attr_parse(mnl_nlmsg_get_payload_offset(nlh, offset),
			   mnl_nlmsg_get_payload_tail(nlh), attrs);
		text = attr_string(attrs[NLMSGERR_ATTR_MSG]);
	}
	return *text ? text : strerror(code);
}

/* send @nlh and hand what comes to @fn; 0 or the errno of the kernel, its words in @words */
static int talk(struct nlmsghdr *nlh, genl_fn fn, void *data, const char **words)
{
	unsigned int portid = mnl_socket_get_portid(sock);
	bool interrupted = false;
	size_t offset;
	ssize_t got;
	int left, code;

	if (mnl_socket_sendto(sock, nlh, nlh->nlmsg_len) < 0)
		fail("cannot send to the kernel: %s", strerror(errno));
	for (;;) {
		got = mnl_socket_recvfrom(sock, answer, sizeof(answer));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			fail("cannot receive from the kernel: %s", strerror(errno));
		left = got;
		for (nlh = (struct nlmsghdr *)answer; mnl_nlmsg_ok(nlh, left);
		     nlh = mnl_nlmsg_next(nlh, &left)) {
			if (nlh->nlmsg_seq != seq || nlh->nlmsg_pid != portid)
				continue;
			if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
				interrupted = true;
			switch (nlh->nlmsg_type) {
			case NLMSG_NOOP:
				break;
			case NLMSG_ERROR:
			case NLMSG_DONE:
				if (mnl_nlmsg_get_payload_len(nlh) < sizeof(code))
					fail("the kernel's answer is too short");
				memcpy(&code, mnl_nlmsg_get_payload(nlh), sizeof(code));
				/* with NETLINK_CAP_ACK only the request's header comes back */
				offset = nlh->nlmsg_type == NLMSG_DONE ? sizeof(code) :
					 sizeof(struct nlmsgerr);
				if (code)
					*words = extack(nlh, offset, -code);
				else if (interrupted)
					warn("the list changed meanwhile and may lack something");
				return -code;
			default:
				hand(nlh, fn, data);
				break;
			}
		}
	}
}

static void family_got(const struct answer *a, void *data)
{
	const struct nlattr *one[ATTR_MAX + 1];
	const struct nlattr *pos;

	(void)data;
	family = attr_u16(a->attrs[CTRL_ATTR_FAMILY_ID]);
	if (!a->attrs[CTRL_ATTR_MCAST_GROUPS])
		return;
	mnl_attr_for_each_nested(pos, a->attrs[CTRL_ATTR_MCAST_GROUPS]) {
		attr_nested(pos, one);
		if (!strcmp(attr_string(one[CTRL_ATTR_MCAST_GRP_NAME]), TSOR_MCGRP_EVENTS))
			group = attr_u32(one[CTRL_ATTR_MCAST_GRP_ID]);
	}
}

static void genl_close(void)
{
	mnl_socket_close(sock);
}

static void genl_open(void)
{
	struct nlmsghdr *nlh;
	const char *words;
	int on = 1, code;

	if (sock)
		return;
	sock = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!sock || mnl_socket_bind(sock, 0, MNL_SOCKET_AUTOPID) < 0)
		fail("cannot open a netlink socket: %s", strerror(errno));
	atexit(genl_close);
	/* a kernel without these says less, but works */
	mnl_socket_setsockopt(sock, NETLINK_EXT_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(sock, NETLINK_CAP_ACK, &on, sizeof(on));

	nlh = message(GENL_ID_CTRL, NLM_F_ACK, CTRL_CMD_GETFAMILY, 1);
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, TSOR_FAMILY_NAME);
	code = talk(nlh, family_got, NULL, &words);
	if (code == ENOENT)
		fail("tsor module is not loaded: modprobe tsor");
	if (code)
		fail("cannot find the module tsor: %s", words);
	if (!family)
		fail("the kernel's answer has no number of the family " TSOR_FAMILY_NAME);
}

/* a request, to be filled; there is one at a time */
struct nlmsghdr *genl_request(u8 cmd, bool dump)
{
	genl_open();
	return message(family, dump ? NLM_F_DUMP : NLM_F_ACK, cmd, TSOR_FAMILY_VERSION);
}

/* send it, hand each answer to @fn; if the kernel refuses, that is the end; @what it was about */
void genl_talk(struct nlmsghdr *nlh, const char *what, genl_fn fn, void *data)
{
	const char *words;

	if (!talk(nlh, fn, data, &words))
		return;
	if (what)
		fail("%s: %s", what, words);
	fail("%s", words);
}

/* hand events to @fn, for ever */
void genl_listen(genl_fn fn, void *data)
{
	const struct nlmsghdr *nlh;
	ssize_t got;
	int left;

	genl_open();
	if (mnl_socket_setsockopt(sock, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0) {
		if (errno == EPERM)
			fail("monitor needs CAP_NET_ADMIN: run it as root");
		fail("cannot listen to events: %s", strerror(errno));
	}
	for (;;) {
		got = mnl_socket_recvfrom(sock, answer, sizeof(answer));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == ENOBUFS) {
			warn("events came too fast, some are lost");
			continue;
		}
		if (got < 0)
			fail("cannot receive from the kernel: %s", strerror(errno));
		left = got;
		for (nlh = (struct nlmsghdr *)answer; mnl_nlmsg_ok(nlh, left);
		     nlh = mnl_nlmsg_next(nlh, &left)) {
			if (nlh->nlmsg_type == family)
				hand(nlh, fn, data);
		}
	}
}
