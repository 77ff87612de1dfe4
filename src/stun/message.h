/*
 * Parsing: a datagram becomes a view of a well-formed STUN message, or not.
 *
 * Nothing is copied: the message and every attribute are views of the
 * datagram. Only attributes that count are kept: those after a
 * MESSAGE-INTEGRITY or MESSAGE-INTEGRITY-SHA256 are ignored, save the other
 * integrity attribute and FINGERPRINT (RFC 8489 section 14.5 to 14.7), so no
 * caller can act on bytes that no key covers. This module judges form alone;
 * keys are checked by stun/integrity.h.
 */
#ifndef TURNPIKE_STUN_MESSAGE_H
#define TURNPIKE_STUN_MESSAGE_H

#include "base/addr.h"
#include "base/bytes.h"
#include "stun/attr.h"

/* Attributes kept of one message; a message with more is malformed. */
#define STUN_ATTRS_MAX 64
/* Unknown comprehension-required types reported; the rest is not listed. */
#define STUN_UNKNOWN_MAX 16

/* Why bytes are not a STUN message. Also the label of the drop counter. */
enum stun_parse_result {
	STUN_OK = 0,
	STUN_NOT_STUN,        /* first bits, cookie or length say otherwise */
	STUN_MALFORMED,       /* attribute runs past the end, bad length */
	STUN_BAD_FINGERPRINT, /* FINGERPRINT present and wrong, or not last */
};

struct stun_attr {
	uint16_t type;
	struct bytes value; /* without padding */
};

struct stun_message {
	struct bytes raw; /* header and all attributes */
	enum stun_class class;
	uint16_t method; /* an enum stun_method, or a number not listed there */
	const uint8_t *transaction_id; /* STUN_TRANSACTION_ID_BYTES */
	uint16_t attr_count;
	uint16_t unknown_count; /* comprehension-required and not known */
	struct stun_attr attrs[STUN_ATTRS_MAX]; /* in the order received */
	uint16_t unknown[STUN_UNKNOWN_MAX];     /* each type once */
	/*
	 * Where the integrity attributes start, from the first byte of the
	 * message; 0 where absent. Neither is among attrs[].
	 */
	uint16_t integrity_at;
	uint16_t integrity_sha256_at;
	bool has_fingerprint; /* present and right */
};

/* What a datagram's first byte says it is, RFC 7983 and RFC 8656 12. */
enum stun_kind { STUN_KIND_MESSAGE, STUN_KIND_CHANNEL_DATA, STUN_KIND_OTHER };

/* Judged by the first byte alone: 0..3, 64..79, anything else or nothing. */
enum stun_kind stun_kind_of(struct bytes datagram);

/*
 * Parses a datagram that must be exactly one message (RFC 8489 section 5, 6.3
 * and 14): the first two bits zero, the magic cookie right, the length a
 * multiple of four and equal to what follows, each attribute within it. A
 * known attribute whose length the registry does not allow makes the message
 * STUN_MALFORMED only if it could not be represented at all; otherwise it is
 * kept and the method's check refuses it (400). FINGERPRINT, where present,
 * is verified. On STUN_OK `out` borrows from `datagram`.
 */
enum stun_parse_result stun_parse(struct bytes datagram,
				  struct stun_message *out);

/*
 * The first attribute of that type (RFC 8489 section 14: of several, only the
 * first counts unless its RFC says otherwise), or NULL.
 */
const struct stun_attr *stun_find(const struct stun_message *m, uint16_t type);

/* The next attribute of the same type after `attr`, or NULL. */
const struct stun_attr *stun_find_next(const struct stun_message *m,
				       const struct stun_attr *attr);

/* Whether the attribute's length is one that the registry allows. */
bool stun_attr_well_sized(const struct stun_attr *attr);

/*
 * Values of attributes. Each returns false, `out` untouched, if the length or
 * content is not what the attribute's RFC section says. An address whose
 * family is neither IPv4 nor IPv6 is refused.
 */
bool stun_get_u32(const struct stun_attr *attr, uint32_t *out);
bool stun_get_u8(const struct stun_attr *attr, uint8_t *out);
/* XOR-MAPPED-, XOR-PEER-, XOR-RELAYED-ADDRESS: RFC 8489 section 14.2. */
bool stun_get_xor_addr(const struct stun_message *m,
		       const struct stun_attr *attr, struct addr *out);
/* MAPPED-ADDRESS, ALTERNATE-SERVER: RFC 8489 section 14.1, 14.15. */
bool stun_get_addr(const struct stun_attr *attr, struct addr *out);
/* ERROR-CODE: RFC 8489 section 14.8; the code, 300..699. */
bool stun_get_error(const struct stun_attr *attr, uint16_t *out);
/*
 * PASSWORD-ALGORITHM and the entries of PASSWORD-ALGORITHMS: RFC 8489 section
 * 14.11, 14.12. The algorithm number at byte offset *at, which moves to the
 * next entry; false at the end or if malformed.
 */
bool stun_get_algorithm(const struct stun_attr *attr, size_t *at,
			uint16_t *out);

#endif
