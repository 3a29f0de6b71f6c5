/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Connections by rdma_cm: listening, connecting, the exchange of hellos and proofs, events of
 * the connection manager. Owns the ids until a link has been made of them. Who may connect,
 * and when to try again, is peer.c's.
 */
#ifndef TSOR_CM_H
#define TSOR_CM_H

#include <linux/in6.h>

#include "link.h"

#endif
