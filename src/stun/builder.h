/*
 * Building: a STUN message is written into memory that the caller owns.
 *
 * Every byte of the message is written, padding as zeros, so nothing that was
 * in the buffer before can leave with it. Errors are sticky: a message that
 * does not fit is reported once, by stun_finish(). The order of the calls is
 * the order on the wire: attributes, integrity, fingerprint.
 */
#ifndef TURNPIKE_STUN_BUILDER_H
#define TURNPIKE_STUN_BUILDER_H

#include "base/addr.h"
#include "base/crypto.h"
#include "base/wire.h"
#include "stun/attr.h"

struct stun_builder {
	struct wire_writer wire;
};

/* The wire's message type for a class and method, RFC 8489 section 5. */
uint16_t stun_type(enum stun_class class, uint16_t method);

/*
 * Starts a message in `buffer` of `size` bytes. `transaction_id` is copied.
 */
void stun_begin(struct stun_builder *b, void *buffer, size_t size,
		enum stun_class class, uint16_t method,
		const uint8_t transaction_id[STUN_TRANSACTION_ID_BYTES]);

/* Attributes with an opaque value, a number, or no value. */
void stun_add(struct stun_builder *b, uint16_t type, struct bytes value);
void stun_add_u32(struct stun_builder *b, uint16_t type, uint32_t value);
void stun_add_u64(struct stun_builder *b, uint16_t type, uint64_t value);
void stun_add_flag(struct stun_builder *b, uint16_t type);

/* One byte and three of zero: EVEN-PORT is a single byte and uses stun_add();
 * REQUESTED-TRANSPORT and the family attributes use this one. */
void stun_add_u8_rffu(struct stun_builder *b, uint16_t type, uint8_t value);

/* XOR-MAPPED-, XOR-PEER-, XOR-RELAYED-ADDRESS: RFC 8489 section 14.2. */
void stun_add_xor_addr(struct stun_builder *b, uint16_t type,
		       const struct addr *a);

/* MAPPED-ADDRESS, ALTERNATE-SERVER: RFC 8489 section 14.1. */
void stun_add_addr(struct stun_builder *b, uint16_t type, const struct addr *a);

/*
 * ERROR-CODE with an empty reason phrase (RFC 8489 section 14.8), and
 * ADDRESS-ERROR-CODE for one family (RFC 8656 section 18.12).
 */
void stun_add_error(struct stun_builder *b, uint16_t code);
void stun_add_address_error(struct stun_builder *b, enum addr_family family,
			    uint16_t code);

/* UNKNOWN-ATTRIBUTES: RFC 8489 section 14.13. */
void stun_add_unknown(struct stun_builder *b, const uint16_t *types,
		      size_t count);

/*
 * PASSWORD-ALGORITHMS (or PASSWORD-ALGORITHM with count 1), each without
 * parameters: RFC 8489 section 14.11 and 14.12.
 */
void stun_add_algorithms(struct stun_builder *b, uint16_t type,
			 const uint16_t *algorithms, size_t count);

/*
 * MESSAGE-INTEGRITY and MESSAGE-INTEGRITY-SHA256 (32 bytes) over all that was
 * added so far: RFC 8489 section 14.5, 14.6.
 */
void stun_add_integrity(struct stun_builder *b, struct crypto *crypto,
			struct bytes key);
void stun_add_integrity_sha256(struct stun_builder *b, struct crypto *crypto,
			       struct bytes key);

/* FINGERPRINT, which must come last: RFC 8489 section 14.7. */
void stun_add_fingerprint(struct stun_builder *b);

/*
 * Ends the message: sets the length. Returns its size in bytes, or 0 if it
 * did not fit into the buffer.
 */
size_t stun_finish(struct stun_builder *b);

#endif
