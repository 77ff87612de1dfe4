#include "turn/nonce.h"

#include <assert.h>

#include "base/wire.h"

#define COOKIE "obMatJos2" /* RFC 8489 section 9.2 */
#define COOKIE_CHARS 9
#define PREFIX_CHARS (COOKIE_CHARS + 4) /* the feature bits in base64 */
#define BODY_CHARS (NONCE_CHARS - PREFIX_CHARS)

/*
 * Time and tag are 26 + 64 = 90 bits: 15 characters use all of their bits, so
 * that a nonce has one spelling only.
 */
#define TIME_BITS 26
#define TIME_MASK ((1U << TIME_BITS) - 1) /* seconds wrap after 776 days */
#define TAG_BYTES 8
#define FUTURE_MAX_S 5

_Static_assert(BODY_CHARS * 6 == TIME_BITS + TAG_BYTES * 8, "no spare bits");

/* What the second part of a nonce says. */
struct body {
	uint32_t time; /* seconds since 1970, TIME_BITS of them */
	uint8_t tag[TAG_BYTES];
};

/* RFC 4648 section 4. */
static const char alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void put_24_bits(char out[4], uint32_t bits)
{
	for (unsigned int i = 0; i < 4; i++)
		out[i] = alphabet[bits >> (18 - 6 * i) & 63];
}

static bool get_6_bits(uint8_t c, uint32_t *bits)
{
	const char *at = memchr(alphabet, c, 64);

	if (!at)
		return false;
	*bits = (uint32_t)(at - alphabet);
	return true;
}

static bool get_24_bits(const uint8_t in[4], uint32_t *out)
{
	uint32_t bits = 0;

	for (unsigned int i = 0; i < 4; i++) {
		uint32_t six;

		if (!get_6_bits(in[i], &six))
			return false;
		bits = bits << 6 | six;
	}
	*out = bits;
	return true;
}

/* 90 bits and 6 zero bits make 16 characters, of which 15 are written. */
static void put_body(char out[BODY_CHARS], const struct body *body)
{
	uint64_t tag = wire_get_u64(body->tag);
	char chars[BODY_CHARS + 1];
	uint8_t bits[12];

	wire_put_u32(bits, body->time << 6 | (uint32_t)(tag >> 58));
	wire_put_u64(bits + 4, tag << 6);
	for (unsigned int i = 0; i < 4; i++) {
		uint32_t three = (uint32_t)bits[3 * i] << 16 |
				 (uint32_t)bits[3 * i + 1] << 8 |
				 (uint32_t)bits[3 * i + 2];

		put_24_bits(chars + 4 * i, three);
	}
	memcpy(out, chars, BODY_CHARS);
}

static bool get_body(const uint8_t in[BODY_CHARS], struct body *body)
{
	uint8_t chars[BODY_CHARS + 1];
	uint8_t bits[12];
	uint32_t high;

	memcpy(chars, in, BODY_CHARS);
	chars[BODY_CHARS] = 'A'; /* the 6 zero bits */
	for (unsigned int i = 0; i < 4; i++) {
		uint32_t three;

		if (!get_24_bits(chars + 4 * i, &three))
			return false;
		bits[3 * i] = (uint8_t)(three >> 16);
		bits[3 * i + 1] = (uint8_t)(three >> 8);
		bits[3 * i + 2] = (uint8_t)three;
	}
	high = wire_get_u32(bits);
	body->time = high >> 6;
	wire_put_u64(body->tag,
		     (uint64_t)high << 58 | wire_get_u64(bits + 4) >> 6);
	return true;
}

/*
 * The realm comes last, as the only part whose length varies: different
 * inputs never concatenate to the same bytes.
 */
static void make_tag(const struct secret *key, struct crypto *crypto,
		     struct bytes prefix, uint32_t time,
		     const struct addr *client, struct bytes realm,
		     uint8_t tag[TAG_BYTES])
{
	uint8_t digest[CRYPTO_SHA256_BYTES];
	uint8_t fixed[4 + 1 + 2 + 16] = { 0 };
	struct bytes parts[3] = {
		prefix,
		bytes_of(fixed, sizeof(fixed)),
		realm,
	};

	assert(key->len > 0);

	wire_put_u32(fixed, time);
	fixed[4] = client->family;
	wire_put_u16(fixed + 5, client->port);
	memcpy(fixed + 7, client->ip, 16);
	crypto_hmac_sha256(crypto, secret_bytes(key), parts, 3, digest);
	memcpy(tag, digest, TAG_BYTES);
}

static uint32_t time_bits(int64_t wall_s)
{
	return (uint32_t)((uint64_t)wall_s & TIME_MASK);
}

void nonce_make(const struct nonce_keys *keys, struct crypto *crypto,
		uint32_t features, const struct addr *client,
		struct bytes realm, int64_t wall_s, char out[NONCE_CHARS])
{
	struct body body = { .time = time_bits(wall_s) };

	assert(features <= 0xffffff);

	memcpy(out, COOKIE, COOKIE_CHARS);
	put_24_bits(out + COOKIE_CHARS, features);
	make_tag(&keys->current, crypto, bytes_of(out, PREFIX_CHARS), body.time,
		 client, realm, body.tag);
	put_body(out + PREFIX_CHARS, &body);
}

static bool is_made_with(const struct secret *key, struct crypto *crypto,
			 struct bytes nonce, const struct body *body,
			 const struct addr *client, struct bytes realm)
{
	uint8_t tag[TAG_BYTES];

	make_tag(key, crypto, bytes_of(nonce.data, PREFIX_CHARS), body->time,
		 client, realm, tag);
	return crypto_equal(tag, body->tag, TAG_BYTES);
}

static bool is_ours(const struct nonce_keys *keys, struct crypto *crypto,
		    struct bytes nonce, const struct body *body,
		    const struct addr *client, struct bytes realm)
{
	if (is_made_with(&keys->current, crypto, nonce, body, client, realm))
		return true;
	return keys->previous.len > 0 &&
	       is_made_with(&keys->previous, crypto, nonce, body, client,
			    realm);
}

/* Ages are taken modulo 2^26 s: the last few before 0 are the near future. */
static bool is_fresh(const struct nonce_keys *keys, uint32_t time,
		     int64_t wall_s)
{
	uint32_t age_s = (time_bits(wall_s) - time) & TIME_MASK;

	return age_s < keys->lifetime_s || age_s > TIME_MASK - FUTURE_MAX_S;
}

enum nonce_state nonce_check(const struct nonce_keys *keys,
			     struct crypto *crypto, struct bytes nonce,
			     const struct addr *client, struct bytes realm,
			     int64_t wall_s)
{
	struct body body;

	if (nonce.len != NONCE_CHARS ||
	    memcmp(nonce.data, COOKIE, COOKIE_CHARS) ||
	    !get_body(nonce.data + PREFIX_CHARS, &body))
		return NONCE_FOREIGN;
	if (!is_ours(keys, crypto, nonce, &body, client, realm))
		return NONCE_FOREIGN;
	return is_fresh(keys, body.time, wall_s) ? NONCE_FRESH : NONCE_STALE;
}

uint32_t nonce_features(struct bytes nonce)
{
	uint32_t features;

	if (nonce.len < PREFIX_CHARS ||
	    memcmp(nonce.data, COOKIE, COOKIE_CHARS) ||
	    !get_24_bits(nonce.data + COOKIE_CHARS, &features))
		return 0;
	return features;
}
