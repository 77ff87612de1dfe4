/*
 * SipHash-1-3, the keyed hash of every table that strangers can fill.
 *
 * Keyed per start, so that nobody outside can aim at one bucket. It is a
 * table hash, not a signature: nonces and tokens use HMAC (base/crypto.h).
 */
#ifndef TURNPIKE_BASE_HASH_H
#define TURNPIKE_BASE_HASH_H

#include "base/bytes.h"

struct hash_key {
	uint64_t k0;
	uint64_t k1;
};

/* The 64-bit hash of `data` under `key`. */
uint64_t hash_bytes(const struct hash_key *key, struct bytes data);

#endif
