/*
 * The cryptography that STUN needs, over OpenSSL, and the type of secrets.
 *
 * One `struct crypto` holds contexts that are made once, so that computing a
 * digest later looks nothing up and has no failure to report. (OpenSSL 3.0
 * still takes some 100 bytes of heap for each digest; if it is refused them,
 * that is an assertion.) It belongs to one thread. Nothing here reads entropy:
 * random bytes come from base/random.h.
 */
#ifndef TURNPIKE_BASE_CRYPTO_H
#define TURNPIKE_BASE_CRYPTO_H

#include "base/bytes.h"

#define CRYPTO_MD5_BYTES 16
#define CRYPTO_SHA1_BYTES 20
#define CRYPTO_SHA256_BYTES 32
#define SECRET_MAX_BYTES 64

/*
 * A key or password digest. The only type that holds key material outside
 * the configuration; wiped with secret_wipe() when its owner is done with it.
 */
struct secret {
	uint8_t len; /* 0: none */
	uint8_t bytes[SECRET_MAX_BYTES];
};

struct crypto;

/* A new set of contexts, or NULL if OpenSSL lacks an algorithm or memory. */
struct crypto *crypto_new(void);

/* Frees what crypto_new() made; NULL is allowed. */
void crypto_free(struct crypto *c);

/*
 * The digest of the concatenation of `count` parts. `out` holds the digest's
 * size as named in the constants above.
 */
void crypto_md5(struct crypto *c, const struct bytes *parts, size_t count,
		uint8_t out[CRYPTO_MD5_BYTES]);
void crypto_sha256(struct crypto *c, const struct bytes *parts, size_t count,
		   uint8_t out[CRYPTO_SHA256_BYTES]);

/*
 * The HMAC (RFC 2104) under `key` of the concatenation of `count` parts. An
 * empty key is allowed.
 */
void crypto_hmac_sha1(struct crypto *c, struct bytes key,
		      const struct bytes *parts, size_t count,
		      uint8_t out[CRYPTO_SHA1_BYTES]);
void crypto_hmac_sha256(struct crypto *c, struct bytes key,
			const struct bytes *parts, size_t count,
			uint8_t out[CRYPTO_SHA256_BYTES]);

/* Whether `len` bytes are equal, in a time that depends on `len` alone. */
bool crypto_equal(const void *a, const void *b, size_t len);

/* Overwrites memory with zeros in a way the compiler keeps. */
void crypto_wipe(void *data, size_t len);

/* A view of the secret's bytes. */
struct bytes secret_bytes(const struct secret *s);

/* Overwrites a secret and makes it empty. */
void secret_wipe(struct secret *s);

#endif
