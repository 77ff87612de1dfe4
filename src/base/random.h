/*
 * Unpredictable numbers from a seed: a generator, not a source of entropy.
 *
 * The stream is SHA-256 over key and counter, and the key is replaced by each
 * block, so that earlier output cannot be recomputed from the state. With a
 * seed from the system's entropy it is fit for ports, tokens and transaction
 * ids; with a fixed seed it makes a run repeatable bit for bit.
 */
#ifndef TURNPIKE_BASE_RANDOM_H
#define TURNPIKE_BASE_RANDOM_H

#include "base/crypto.h"

#define RANDOM_SEED_BYTES 32

struct random {
	struct crypto *crypto; /* borrowed */
	uint64_t counter;
	uint8_t key[CRYPTO_SHA256_BYTES];
	uint8_t block[CRYPTO_SHA256_BYTES];
	uint8_t left; /* unused bytes at the end of the block */
};

/* Starts a stream. `crypto` must outlive it. */
void random_init(struct random *r, struct crypto *crypto,
		 const uint8_t seed[RANDOM_SEED_BYTES]);

/* The next `len` bytes of the stream. */
void random_bytes(struct random *r, void *out, size_t len);

/* The next number, of 64 bits, or evenly spread in 0..bound-1 (bound > 0). */
uint64_t random_u64(struct random *r);
uint32_t random_below(struct random *r, uint32_t bound);

#endif
