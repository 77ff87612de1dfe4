#include "base/crypto.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

/*
 * HMAC is built here upon the digests because EVP_MAC_init() copies the key
 * into memory it allocates at each call, which can fail and takes longer than
 * the digest of a STUN message.
 */
#define HMAC_BLOCK_BYTES 64 /* of SHA-1 and SHA-256 alike */

struct crypto {
	EVP_MD_CTX *md5;
	EVP_MD_CTX *sha1;
	EVP_MD_CTX *sha256;
};

/* A context bound to one algorithm, so that a later restart only resets it. */
static EVP_MD_CTX *digest_new(const char *algorithm)
{
	EVP_MD *md = EVP_MD_fetch(NULL, algorithm, NULL);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (!md || !ctx || EVP_DigestInit_ex2(ctx, md, NULL) != 1) {
		EVP_MD_CTX_free(ctx);
		ctx = NULL;
	}
	EVP_MD_free(md); /* the context holds a reference of its own */
	return ctx;
}

struct crypto *crypto_new(void)
{
	struct crypto *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->md5 = digest_new("MD5");
	c->sha1 = digest_new("SHA1");
	c->sha256 = digest_new("SHA256");
	if (!c->md5 || !c->sha1 || !c->sha256) {
		crypto_free(c);
		return NULL;
	}
	return c;
}

void crypto_free(struct crypto *c)
{
	if (!c)
		return;
	EVP_MD_CTX_free(c->md5);
	EVP_MD_CTX_free(c->sha1);
	EVP_MD_CTX_free(c->sha256);
	free(c);
}

static void digest_begin(EVP_MD_CTX *ctx)
{
	int ok = EVP_DigestInit_ex2(ctx, NULL, NULL);

	assert(ok == 1);
}

static void digest_add(EVP_MD_CTX *ctx, struct bytes part)
{
	int ok = EVP_DigestUpdate(ctx, part.data, part.len);

	assert(ok == 1);
}

static void digest_end(EVP_MD_CTX *ctx, uint8_t *out)
{
	int ok = EVP_DigestFinal_ex(ctx, out, NULL);

	assert(ok == 1);
}

static void digest(EVP_MD_CTX *ctx, const struct bytes *parts, size_t count,
		   uint8_t *out)
{
	digest_begin(ctx);
	for (size_t i = 0; i < count; i++)
		digest_add(ctx, parts[i]);
	digest_end(ctx, out);
}

void crypto_md5(struct crypto *c, const struct bytes *parts, size_t count,
		uint8_t out[CRYPTO_MD5_BYTES])
{
	digest(c->md5, parts, count, out);
}

void crypto_sha256(struct crypto *c, const struct bytes *parts, size_t count,
		   uint8_t out[CRYPTO_SHA256_BYTES])
{
	digest(c->sha256, parts, count, out);
}

/* Begins a digest with the key, each byte xored with `pad`. */
static void begin_padded(EVP_MD_CTX *ctx, const uint8_t block[HMAC_BLOCK_BYTES],
			 uint8_t pad)
{
	uint8_t padded[HMAC_BLOCK_BYTES];

	for (size_t i = 0; i < sizeof(padded); i++)
		padded[i] = block[i] ^ pad;
	digest_begin(ctx);
	digest_add(ctx, bytes_of(padded, sizeof(padded)));
	crypto_wipe(padded, sizeof(padded));
}

/* RFC 2104 section 2; `out` of `out_bytes`, the digest's size. */
static void hmac(EVP_MD_CTX *ctx, struct bytes key, const struct bytes *parts,
		 size_t count, uint8_t *out, size_t out_bytes)
{
	uint8_t block[HMAC_BLOCK_BYTES] = { 0 };

	if (key.len > sizeof(block))
		digest(ctx, &key, 1, block);
	else if (key.len > 0)
		memcpy(block, key.data, key.len);

	begin_padded(ctx, block, 0x36);
	for (size_t i = 0; i < count; i++)
		digest_add(ctx, parts[i]);
	digest_end(ctx, out);

	begin_padded(ctx, block, 0x5c);
	digest_add(ctx, bytes_of(out, out_bytes));
	digest_end(ctx, out);
	crypto_wipe(block, sizeof(block));
}

void crypto_hmac_sha1(struct crypto *c, struct bytes key,
		      const struct bytes *parts, size_t count,
		      uint8_t out[CRYPTO_SHA1_BYTES])
{
	hmac(c->sha1, key, parts, count, out, CRYPTO_SHA1_BYTES);
}

void crypto_hmac_sha256(struct crypto *c, struct bytes key,
			const struct bytes *parts, size_t count,
			uint8_t out[CRYPTO_SHA256_BYTES])
{
	hmac(c->sha256, key, parts, count, out, CRYPTO_SHA256_BYTES);
}

bool crypto_equal(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}

void crypto_wipe(void *data, size_t len)
{
	OPENSSL_cleanse(data, len);
}

struct bytes secret_bytes(const struct secret *s)
{
	return bytes_of(s->bytes, s->len);
}

void secret_wipe(struct secret *s)
{
	crypto_wipe(s, sizeof(*s));
}
