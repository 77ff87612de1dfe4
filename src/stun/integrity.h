/*
 * Integrity and identity: the checks that need a key, and how keys are made.
 *
 * Comparisons take the same time whether they hold or not.
 */
#ifndef TURNPIKE_STUN_INTEGRITY_H
#define TURNPIKE_STUN_INTEGRITY_H

#include "base/crypto.h"
#include "stun/message.h"

/*
 * Whether the message's MESSAGE-INTEGRITY-SHA256, or where that is absent its
 * MESSAGE-INTEGRITY, is the one that `key` gives (RFC 8489 section 9.2.4,
 * 14.5, 14.6). A SHA-256 value must be the full 32 bytes: TURN allows no
 * truncation. False if neither attribute is present.
 */
bool stun_check_integrity(const struct stun_message *m, struct crypto *crypto,
			  struct bytes key);

/*
 * The long-term key of RFC 8489 section 9.2.2: MD5 or SHA-256 over
 * name ":" realm ":" password, all prepared already. `algorithm` is
 * STUN_ALGORITHM_MD5 or STUN_ALGORITHM_SHA256.
 */
void stun_long_term_key(struct crypto *crypto, enum stun_algorithm algorithm,
			struct bytes name, struct bytes realm,
			struct bytes password, struct secret *out);

/* USERHASH: SHA-256 over name ":" realm, RFC 8489 section 14.4. */
void stun_userhash(struct crypto *crypto, struct bytes name, struct bytes realm,
		   uint8_t out[STUN_USERHASH_BYTES]);

/* The value that FINGERPRINT has over these bytes, RFC 8489 section 14.7. */
uint32_t stun_fingerprint(struct bytes message);

#endif
