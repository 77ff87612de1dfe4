#include "stun/attr.h"

/*
 * Attribute types come in two dense runs, so each run is an array indexed by
 * the type's low bits: looking a type up is one load. A gap has no name.
 */
#define OPTIONAL_BASE 0x8000

/* UNKNOWN-ATTRIBUTES, DATA and the algorithm lists end where messages do. */
#define ANY_BYTES UINT16_MAX

/* RFC 8489 sections 14.1 and 14.2: 4 bytes, then an IPv4 or IPv6 address. */
#define ADDR_MIN_BYTES 8
#define ADDR_MAX_BYTES 20

/* RFC 8489 sections 14.8 to 14.10 and 14.14: texts as long as 763 bytes. */
#define TEXT_MAX_BYTES 763

#define INFO(suffix, text, min, max)                            \
	{                                                       \
		.type = STUN_ATTR_##suffix, .min_bytes = (min), \
		.max_bytes = (max), .name = (text),             \
	}
#define REQUIRED(suffix, text, min, max) \
	[STUN_ATTR_##suffix] = INFO(suffix, text, min, max)
#define OPTIONAL(suffix, text, min, max) \
	[STUN_ATTR_##suffix - OPTIONAL_BASE] = INFO(suffix, text, min, max)

static const struct stun_attr_info required[] = {
	REQUIRED(MAPPED_ADDRESS, "MAPPED-ADDRESS", ADDR_MIN_BYTES,
		 ADDR_MAX_BYTES),
	REQUIRED(USERNAME, "USERNAME", 0, STUN_USERNAME_MAX_BYTES),
	REQUIRED(MESSAGE_INTEGRITY, "MESSAGE-INTEGRITY", 20, 20),
	REQUIRED(ERROR_CODE, "ERROR-CODE", 4, 4 + TEXT_MAX_BYTES),
	REQUIRED(UNKNOWN_ATTRIBUTES, "UNKNOWN-ATTRIBUTES", 0, ANY_BYTES),
	REQUIRED(CHANNEL_NUMBER, "CHANNEL-NUMBER", 4, 4),
	REQUIRED(LIFETIME, "LIFETIME", 4, 4),
	REQUIRED(XOR_PEER_ADDRESS, "XOR-PEER-ADDRESS", ADDR_MIN_BYTES,
		 ADDR_MAX_BYTES),
	REQUIRED(DATA, "DATA", 0, ANY_BYTES),
	REQUIRED(REALM, "REALM", 0, STUN_REALM_MAX_BYTES),
	REQUIRED(NONCE, "NONCE", 0, TEXT_MAX_BYTES),
	REQUIRED(XOR_RELAYED_ADDRESS, "XOR-RELAYED-ADDRESS", ADDR_MIN_BYTES,
		 ADDR_MAX_BYTES),
	REQUIRED(REQUESTED_ADDRESS_FAMILY, "REQUESTED-ADDRESS-FAMILY", 4, 4),
	REQUIRED(EVEN_PORT, "EVEN-PORT", 1, 1),
	REQUIRED(REQUESTED_TRANSPORT, "REQUESTED-TRANSPORT", 4, 4),
	REQUIRED(DONT_FRAGMENT, "DONT-FRAGMENT", 0, 0),
	REQUIRED(MESSAGE_INTEGRITY_SHA256, "MESSAGE-INTEGRITY-SHA256", 16, 32),
	REQUIRED(PASSWORD_ALGORITHM, "PASSWORD-ALGORITHM", 4, ANY_BYTES),
	REQUIRED(USERHASH, "USERHASH", STUN_USERHASH_BYTES,
		 STUN_USERHASH_BYTES),
	REQUIRED(XOR_MAPPED_ADDRESS, "XOR-MAPPED-ADDRESS", ADDR_MIN_BYTES,
		 ADDR_MAX_BYTES),
	REQUIRED(RESERVATION_TOKEN, "RESERVATION-TOKEN", 8, 8),
};

static const struct stun_attr_info optional[] = {
	OPTIONAL(ADDITIONAL_ADDRESS_FAMILY, "ADDITIONAL-ADDRESS-FAMILY", 4, 4),
	OPTIONAL(ADDRESS_ERROR_CODE, "ADDRESS-ERROR-CODE", 4,
		 4 + TEXT_MAX_BYTES),
	OPTIONAL(PASSWORD_ALGORITHMS, "PASSWORD-ALGORITHMS", 4, ANY_BYTES),
	OPTIONAL(ALTERNATE_DOMAIN, "ALTERNATE-DOMAIN", 1, 255),
	OPTIONAL(ICMP, "ICMP", 8, 8),
	OPTIONAL(SOFTWARE, "SOFTWARE", 0, TEXT_MAX_BYTES),
	OPTIONAL(ALTERNATE_SERVER, "ALTERNATE-SERVER", ADDR_MIN_BYTES,
		 ADDR_MAX_BYTES),
	OPTIONAL(FINGERPRINT, "FINGERPRINT", 4, 4),
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct stun_attr_info *entry(const struct stun_attr_info *table,
					  size_t count, size_t at)
{
	return at < count && table[at].name ? &table[at] : NULL;
}

const struct stun_attr_info *stun_attr_info(uint16_t type)
{
	if (stun_attr_required(type))
		return entry(required, COUNT(required), type);
	return entry(optional, COUNT(optional), (size_t)(type - OPTIONAL_BASE));
}

const char *stun_method_name(uint16_t method)
{
	switch (method) {
	case STUN_BINDING:
		return "Binding";
	case STUN_ALLOCATE:
		return "Allocate";
	case STUN_REFRESH:
		return "Refresh";
	case STUN_SEND:
		return "Send";
	case STUN_DATA:
		return "Data";
	case STUN_CREATE_PERMISSION:
		return "CreatePermission";
	case STUN_CHANNEL_BIND:
		return "ChannelBind";
	default:
		return "unknown";
	}
}

const char *stun_error_name(uint16_t code)
{
	switch (code) {
	case STUN_TRY_ALTERNATE:
		return "Try Alternate";
	case STUN_BAD_REQUEST:
		return "Bad Request";
	case STUN_UNAUTHENTICATED:
		return "Unauthenticated";
	case STUN_FORBIDDEN:
		return "Forbidden";
	case STUN_UNKNOWN_ATTRIBUTE:
		return "Unknown Attribute";
	case STUN_ALLOCATION_MISMATCH:
		return "Allocation Mismatch";
	case STUN_STALE_NONCE:
		return "Stale Nonce";
	case STUN_ADDRESS_FAMILY_UNSUPPORTED:
		return "Address Family not Supported";
	case STUN_WRONG_CREDENTIALS:
		return "Wrong Credentials";
	case STUN_UNSUPPORTED_TRANSPORT:
		return "Unsupported Transport Protocol";
	case STUN_PEER_FAMILY_MISMATCH:
		return "Peer Address Family Mismatch";
	case STUN_ALLOCATION_QUOTA:
		return "Allocation Quota Reached";
	case STUN_SERVER_ERROR:
		return "Server Error";
	case STUN_INSUFFICIENT_CAPACITY:
		return "Insufficient Capacity";
	default:
		return "";
	}
}
