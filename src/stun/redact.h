/*
 * Redaction: a STUN message as a stranger may see it.
 *
 * For captures that leave the operator's hands. What a client's dialect is
 * made of stays as it was: the method, the order of the attributes, their
 * types and lengths, and the values of all that is not listed here. What
 * names somebody or opens something does not.
 */
#ifndef TURNPIKE_STUN_REDACT_H
#define TURNPIKE_STUN_REDACT_H

#include "base/hash.h"

/*
 * Whether a datagram may be captured at all: it begins like a STUN message, by
 * RFC 8489 or an older form without the magic cookie, and is neither a Send
 * nor a Data indication. Those carry what people say to each other.
 */
bool stun_is_capturable(struct bytes datagram);

/*
 * Copies a capturable datagram to `out`, which has room for as many bytes.
 *
 *	zeroed   MESSAGE-INTEGRITY, MESSAGE-INTEGRITY-SHA256, NONCE, PASSWORD,
 *	         RESERVATION-TOKEN, ACCESS-TOKEN, MOBILITY-TICKET, DATA, and
 *	         the value of an attribute that is not there whole
 *	hashed   USERNAME and USERHASH, to hexadecimal digits of the same
 *	         length: equal ones stay equal under one key
 *	made new FINGERPRINT, where it was right
 *
 * `key` is to be random and forgotten with the capture.
 */
void stun_redact(struct bytes datagram, const struct hash_key *key,
		 uint8_t *out);

#endif
