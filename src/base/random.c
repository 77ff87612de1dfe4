#include "base/random.h"

#include <assert.h>
#include <string.h>

#include "base/wire.h"

/* The last byte that is hashed tells output from the next key. */
enum purpose { OUTPUT = 0, NEXT_KEY = 1 };

static void derive(struct random *r, enum purpose purpose,
		   uint8_t out[CRYPTO_SHA256_BYTES])
{
	uint8_t suffix[9];
	struct bytes parts[2] = {
		bytes_of(r->key, sizeof(r->key)),
		bytes_of(suffix, sizeof(suffix)),
	};

	wire_put_u64(suffix, r->counter);
	suffix[8] = (uint8_t)purpose;
	crypto_sha256(r->crypto, parts, 2, out);
}

static void next_block(struct random *r)
{
	derive(r, OUTPUT, r->block);
	derive(r, NEXT_KEY, r->key);
	r->counter++;
	r->left = sizeof(r->block);
}

void random_init(struct random *r, struct crypto *crypto,
		 const uint8_t seed[RANDOM_SEED_BYTES])
{
	memset(r, 0, sizeof(*r));
	r->crypto = crypto;
	memcpy(r->key, seed, RANDOM_SEED_BYTES);
}

void random_bytes(struct random *r, void *out, size_t len)
{
	uint8_t *at = out;

	while (len > 0) {
		uint8_t *from;
		size_t n;

		if (r->left == 0)
			next_block(r);
		n = len < r->left ? len : r->left;
		from = r->block + sizeof(r->block) - r->left;
		memcpy(at, from, n);
		crypto_wipe(from, n);
		r->left = (uint8_t)(r->left - n);
		at += n;
		len -= n;
	}
}

uint64_t random_u64(struct random *r)
{
	uint8_t bytes[8];

	random_bytes(r, bytes, sizeof(bytes));
	return wire_get_u64(bytes);
}

uint32_t random_below(struct random *r, uint32_t bound)
{
	uint8_t bytes[4];
	uint32_t uneven;
	uint32_t value;

	assert(bound > 0);

	/*
	 * 2^32 is rarely a multiple of `bound`: so many of the lowest values
	 * would make some results likelier than others.
	 */
	uneven = -bound % bound;
	do {
		random_bytes(r, bytes, sizeof(bytes));
		value = wire_get_u32(bytes);
	} while (value < uneven);
	return value % bound;
}
