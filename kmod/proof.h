/* SPDX-License-Identifier: GPL-2.0 */
/* The pre-shared key of this node, and the proofs that both sides of a connection have it. */
#ifndef TSOR_PROOF_H
#define TSOR_PROOF_H

#include <linux/types.h>

#include "wire.h"

/* what the bytes that are proved end in, so that neither proof can be reflected */
#define TSOR_PROOF_PASSIVE	1
#define TSOR_PROOF_ACTIVE	2

int tsor_proof_set_key(const u8 *key, size_t len);
int tsor_proof_make(const u8 *req, const u8 *rep, u8 side, u8 out[TSOR_PROOF_LEN]);
int tsor_proof_init(void);
void tsor_proof_exit(void);

#endif
