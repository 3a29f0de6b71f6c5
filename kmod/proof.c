// SPDX-License-Identifier: GPL-2.0
/*
 * The pre-shared key, and what proves that one has it: an HMAC over both hellos of a connection,
 * so that a proof is good for one connection and one side of it. There is always a key; if none
 * was set, an empty one.
 *
 * All of it runs in process context, under a mutex of its own, below which nothing is taken.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <crypto/hash.h>
#include <linux/mutex.h>
#include <linux/printk.h>

#include "proof.h"

static DEFINE_MUTEX(key_lock);			/* key_tfm, its key and its use */
static struct crypto_shash *key_tfm;

/**
 * tsor_proof_set_key - set the pre-shared key of this node
 * @key: the key
 * @len: its bytes; 0 for none
 *
 * Counts for links made from now on. Process context.
 *
 * Return: 0 or a negative errno.
 */
int tsor_proof_set_key(const u8 *key, size_t len)
{
	/* HMAC pads a short key with zeros: this is the empty key, in a form that FIPS allows */
	static const u8 none[64];
	int err;

	if (len > 256)
		return -EINVAL;
	mutex_lock(&key_lock);
	if (len)
		err = crypto_shash_setkey(key_tfm, key, len);
	else
		err = crypto_shash_setkey(key_tfm, none, sizeof(none));
	mutex_unlock(&key_lock);
	return err;
}

/**
 * tsor_proof_make - the proof of one side of a connection
 * @req: private data of its REQ, TSOR_REQ_LEN bytes
 * @rep: and of its REP, as many
 * @side: TSOR_PROOF_PASSIVE or TSOR_PROOF_ACTIVE
 * @out: the proof
 *
 * Process context.
 *
 * Return: 0 or a negative errno.
 */
int tsor_proof_make(const u8 *req, const u8 *rep, u8 side, u8 out[TSOR_PROOF_LEN])
{
	int err;

	mutex_lock(&key_lock);
	{
		SHASH_DESC_ON_STACK(desc, key_tfm);

		desc->tfm = key_tfm;
		err = crypto_shash_init(desc);
		if (!err)
			err = crypto_shash_update(desc, req, TSOR_REQ_LEN);
		if (!err)
			err = crypto_shash_update(desc, rep, TSOR_REQ_LEN);
		if (!err)
			err = crypto_shash_finup(desc, &side, sizeof(side), out);
		shash_desc_zero(desc);
	}
	mutex_unlock(&key_lock);
	return err;
}

/**
 * tsor_proof_init - there is no key yet
 *
 * Process context.
 *
 * Return: 0 or a negative errno.
 */
int tsor_proof_init(void)
{
	int err;

	key_tfm = crypto_alloc_shash("hmac(sha256)", 0, 0);
	if (IS_ERR(key_tfm)) {
		pr_err("no hmac(sha256): error %ld\n", PTR_ERR(key_tfm));
		return PTR_ERR(key_tfm);
	}
	err = tsor_proof_set_key(NULL, 0);
	if (err)
		crypto_free_shash(key_tfm);
	return err;
}

/** tsor_proof_exit - forget the key; nothing is proved any more */
void tsor_proof_exit(void)
{
	crypto_free_shash(key_tfm);
}
