/* SPDX-License-Identifier: GPL-2.0 */
/* Addresses and listening sockets from words of a command line. Ends the program on errors. */
#ifndef NET_H
#define NET_H

#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static inline socklen_t net_address(const char *text, int port, struct sockaddr_storage *ss)
{
	struct sockaddr_in6 *a6 = (void *)ss;
	struct sockaddr_in *a4 = (void *)ss;

	memset(ss, 0, sizeof(*ss));
	if (inet_pton(AF_INET, text, &a4->sin_addr) == 1) {
		a4->sin_family = AF_INET;
		a4->sin_port = htons(port);
		return sizeof(*a4);
	}
	if (inet_pton(AF_INET6, text, &a6->sin6_addr) != 1)
		errx(2, "%s: no address", text);
	a6->sin6_family = AF_INET6;
	a6->sin6_port = htons(port);
	return sizeof(*a6);
}

/* "::" listens for IPv4 too */
static inline int net_listen(const char *addr, int port, int backlog)
{
	struct sockaddr_storage ss;
	socklen_t len = net_address(addr, port, &ss);
	int one = 1, fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		err(1, "socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&ss, len))
		err(1, "bind %s port %d", addr, port);
	if (listen(fd, backlog))
		err(1, "listen");
	return fd;
}

static inline int net_port(const char *text)
{
	int port = atoi(text);

	if (port < 1 || port > 65535)
		errx(2, "%s: no port", text);
	return port;
}

#endif
