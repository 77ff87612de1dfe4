/*
 * Stateless nonces: a nonce proves by itself when and for whom it was made.
 *
 * 28 characters: the nonce cookie and security feature bits of RFC 8489
 * section 9.2 and 18.1 (13 characters), then 26 bits of wall-clock seconds
 * and 64 bits of HMAC-SHA256 over cookie, bits, time, client address and port,
 * and realm, in base64 (15 characters). The password algorithms that were
 * listed follow from the bits, so the tag covers them too. Nothing is stored:
 * a flood of requests costs no memory, and servers that share a key accept
 * each other's nonces. The seconds wrap after 776 days, so a key should not
 * live that long.
 */
#ifndef TURNPIKE_TURN_NONCE_H
#define TURNPIKE_TURN_NONCE_H

#include "base/addr.h"
#include "base/crypto.h"

#define NONCE_CHARS 28
#define NONCE_KEY_BYTES 32
#define NONCE_LIFETIME_MAX_S 3600

/* RFC 8489 section 18.1: security features, bit 0 is the most significant. */
#define NONCE_PASSWORD_ALGORITHMS 0x800000u
#define NONCE_USERNAME_ANONYMITY 0x400000u

struct nonce_keys {
	struct secret current;
	struct secret previous; /* empty: none */
	uint32_t lifetime_s;    /* 1..NONCE_LIFETIME_MAX_S */
};

enum nonce_state {
	NONCE_FRESH,   /* ours, for this client and realm, in its lifetime */
	NONCE_STALE,   /* ours, but past its lifetime (or from the future) */
	NONCE_FOREIGN, /* not ours, or for another client or realm */
};

/* Writes NONCE_CHARS characters, not NUL-terminated, to `out`. */
void nonce_make(const struct nonce_keys *keys, struct crypto *crypto,
		uint32_t features, const struct addr *client,
		struct bytes realm, int64_t wall_s, char out[NONCE_CHARS]);

/*
 * Judges a nonce from the wire, of any length and content, against the
 * current and the previous key. Up to 5 s from the future are accepted, for
 * fleets whose clocks differ. The feature bits are read by nonce_features()
 * and can be trusted only if the answer is not NONCE_FOREIGN.
 */
enum nonce_state nonce_check(const struct nonce_keys *keys,
			     struct crypto *crypto, struct bytes nonce,
			     const struct addr *client, struct bytes realm,
			     int64_t wall_s);

/*
 * The feature bits of a nonce that starts with the cookie, whoever made it
 * (RFC 8489 section 9.2.4 judges by what the client sent); 0 otherwise.
 */
uint32_t nonce_features(struct bytes nonce);

#endif
