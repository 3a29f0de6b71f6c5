/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The generic netlink family "tsor" (uapi/tsor.h). Asks the rooms below, formats their
 * answers, checks privileges, tells of events; holds no state of its own.
 */
#ifndef TSOR_NETLINK_H
#define TSOR_NETLINK_H

int tsor_netlink_init(void);
void tsor_netlink_exit(void);

#endif
