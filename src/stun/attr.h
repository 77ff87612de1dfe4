/*
 * STUN's registry: methods, classes, attributes, error codes.
 *
 * Every number that a RFC assigns is here once, with its name; one table says
 * which lengths an attribute may have. An attribute that is not in the table
 * is unknown: comprehension-required if its type is below 0x8000.
 */
#ifndef TURNPIKE_STUN_ATTR_H
#define TURNPIKE_STUN_ATTR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STUN_HEADER_BYTES 20
#define STUN_MAGIC_COOKIE 0x2112A442u
#define STUN_TRANSACTION_ID_BYTES 12
#define STUN_ATTR_HEADER_BYTES 4
/*
 * The longest message here, header included: as long as the largest datagram
 * could be. (The length field alone would allow 20 bytes more.)
 */
#define STUN_MESSAGE_MAX_BYTES 0xFFFC

/* RFC 8489 section 5; the two bits C1 C0 as a number. */
enum stun_class {
	STUN_REQUEST = 0,
	STUN_INDICATION = 1,
	STUN_SUCCESS = 2,
	STUN_ERROR = 3,
};

/* RFC 8489 section 18.2, RFC 8656 section 17. */
enum stun_method {
	STUN_BINDING = 0x001,
	STUN_ALLOCATE = 0x003,
	STUN_REFRESH = 0x004,
	STUN_SEND = 0x006,
	STUN_DATA = 0x007,
	STUN_CREATE_PERMISSION = 0x008,
	STUN_CHANNEL_BIND = 0x009,
};

/* RFC 8489 section 18.3, RFC 8656 section 18: type numbers on the wire. */
enum stun_attr_type {
	STUN_ATTR_MAPPED_ADDRESS = 0x0001,
	STUN_ATTR_USERNAME = 0x0006,
	STUN_ATTR_MESSAGE_INTEGRITY = 0x0008,
	STUN_ATTR_ERROR_CODE = 0x0009,
	STUN_ATTR_UNKNOWN_ATTRIBUTES = 0x000A,
	STUN_ATTR_CHANNEL_NUMBER = 0x000C,
	STUN_ATTR_LIFETIME = 0x000D,
	STUN_ATTR_XOR_PEER_ADDRESS = 0x0012,
	STUN_ATTR_DATA = 0x0013,
	STUN_ATTR_REALM = 0x0014,
	STUN_ATTR_NONCE = 0x0015,
	STUN_ATTR_XOR_RELAYED_ADDRESS = 0x0016,
	STUN_ATTR_REQUESTED_ADDRESS_FAMILY = 0x0017,
	STUN_ATTR_EVEN_PORT = 0x0018,
	STUN_ATTR_REQUESTED_TRANSPORT = 0x0019,
	STUN_ATTR_DONT_FRAGMENT = 0x001A,
	STUN_ATTR_MESSAGE_INTEGRITY_SHA256 = 0x001C,
	STUN_ATTR_PASSWORD_ALGORITHM = 0x001D,
	STUN_ATTR_USERHASH = 0x001E,
	STUN_ATTR_XOR_MAPPED_ADDRESS = 0x0020,
	STUN_ATTR_RESERVATION_TOKEN = 0x0022,
	STUN_ATTR_ADDITIONAL_ADDRESS_FAMILY = 0x8000,
	STUN_ATTR_ADDRESS_ERROR_CODE = 0x8001,
	STUN_ATTR_PASSWORD_ALGORITHMS = 0x8002,
	STUN_ATTR_ALTERNATE_DOMAIN = 0x8003,
	STUN_ATTR_ICMP = 0x8004,
	STUN_ATTR_SOFTWARE = 0x8022,
	STUN_ATTR_ALTERNATE_SERVER = 0x8023,
	STUN_ATTR_FINGERPRINT = 0x8028,
};

/* RFC 8489 section 14.8, RFC 8656 section 19. */
enum stun_error {
	STUN_TRY_ALTERNATE = 300,
	STUN_BAD_REQUEST = 400,
	STUN_UNAUTHENTICATED = 401,
	STUN_FORBIDDEN = 403,
	STUN_UNKNOWN_ATTRIBUTE = 420,
	STUN_ALLOCATION_MISMATCH = 437,
	STUN_STALE_NONCE = 438,
	STUN_ADDRESS_FAMILY_UNSUPPORTED = 440,
	STUN_WRONG_CREDENTIALS = 441,
	STUN_UNSUPPORTED_TRANSPORT = 442,
	STUN_PEER_FAMILY_MISMATCH = 443,
	STUN_ALLOCATION_QUOTA = 486,
	STUN_SERVER_ERROR = 500,
	STUN_INSUFFICIENT_CAPACITY = 508,
};

/* RFC 8489 section 18.5: password algorithms. */
enum stun_algorithm {
	STUN_ALGORITHM_NONE = 0x0000,
	STUN_ALGORITHM_MD5 = 0x0001,
	STUN_ALGORITHM_SHA256 = 0x0002,
};

/* RFC 8656 section 18.7: REQUESTED-TRANSPORT is an IP protocol number. */
#define STUN_TRANSPORT_UDP 17

/* RFC 8489 section 14.3 and 14.9: the most bytes USERNAME and REALM hold. */
#define STUN_USERNAME_MAX_BYTES 508
#define STUN_REALM_MAX_BYTES 763
#define STUN_USERHASH_BYTES 32

struct stun_attr_info {
	uint16_t type;
	uint16_t min_bytes;
	uint16_t max_bytes;
	const char *name; /* as the RFCs spell it */
};

/* What is known of an attribute type, or NULL if nothing is. */
const struct stun_attr_info *stun_attr_info(uint16_t type);

/* "Allocate", "Refresh"...; "unknown" for a method not listed above. */
const char *stun_method_name(uint16_t method);

/* The error's name as its RFC gives it, for logs; "" if not listed above. */
const char *stun_error_name(uint16_t code);

/* Whether a receiver that does not know `type` must refuse the message. */
static inline bool stun_attr_required(uint16_t type)
{
	return type < 0x8000;
}

#endif
