#include "stun/redact.h"

#include <assert.h>

#include "base/wire.h"
#include "stun/integrity.h"

/* Older forms of STUN and extensions that are not served here. */
#define PASSWORD 0x0007
#define ACCESS_TOKEN 0x001B
#define MOBILITY_TICKET 0x8030

static uint16_t method_of(struct bytes datagram)
{
	uint16_t type = wire_get_u16(datagram.data);

	/* RFC 8489 section 5: the class's two bits stand between the others. */
	return (uint16_t)((type & 0x000F) | (type & 0x00E0) >> 1 |
			  (type & 0x3E00) >> 2);
}

bool stun_is_capturable(struct bytes datagram)
{
	uint16_t method;

	if (datagram.len < STUN_HEADER_BYTES || datagram.data[0] > 3)
		return false;
	method = method_of(datagram);
	return method != STUN_SEND && method != STUN_DATA;
}

/*
 * REALM is not here: clients are told it by name. Before RFC 5389 its number
 * and NONCE's were the other way round, so there both are.
 */
static bool opens_something(uint16_t type, bool has_cookie)
{
	switch (type) {
	case PASSWORD:
	case STUN_ATTR_MESSAGE_INTEGRITY:
	case STUN_ATTR_MESSAGE_INTEGRITY_SHA256:
	case STUN_ATTR_DATA:
	case STUN_ATTR_NONCE:
	case STUN_ATTR_RESERVATION_TOKEN:
	case ACCESS_TOKEN:
	case MOBILITY_TICKET:
		return true;
	case STUN_ATTR_REALM:
		return !has_cookie;
	default:
		return false;
	}
}

static bool names_somebody(uint16_t type)
{
	return type == STUN_ATTR_USERNAME || type == STUN_ATTR_USERHASH;
}

static void put_hash(const struct hash_key *key, struct bytes value,
		     uint8_t *out)
{
	struct hash_key round = *key;
	uint64_t digits = 0;

	for (size_t i = 0; i < value.len; i++) {
		if (i % 16 == 0) {
			digits = hash_bytes(&round, value);
			round.k1++;
		}
		out[i] = (uint8_t) "0123456789abcdef"[digits & 0xF];
		digits >>= 4;
	}
}

/* The value of one attribute; its header and padding are there already. */
static void put_value(uint16_t type, struct bytes value, bool has_cookie,
		      const struct hash_key *key, uint8_t *out)
{
	if (names_somebody(type))
		put_hash(key, value, out);
	else if (!opens_something(type, has_cookie) && value.len > 0)
		memcpy(out, value.data, value.len);
}

static bool is_fingerprint(struct bytes datagram, size_t at)
{
	return at + 8 == datagram.len &&
	       wire_get_u16(datagram.data + at) == STUN_ATTR_FINGERPRINT &&
	       wire_get_u16(datagram.data + at + 2) == 4;
}

static bool fingerprint_is_right(struct bytes datagram, size_t at)
{
	return wire_get_u32(datagram.data + at + 4) ==
	       stun_fingerprint(bytes_of(datagram.data, at));
}

void stun_redact(struct bytes datagram, const struct hash_key *key,
		 uint8_t *out)
{
	bool has_cookie;
	size_t at = STUN_HEADER_BYTES;

	assert(datagram.len >= STUN_HEADER_BYTES);

	has_cookie = wire_get_u32(datagram.data + 4) == STUN_MAGIC_COOKIE;
	memset(out, 0, datagram.len);
	memcpy(out, datagram.data, STUN_HEADER_BYTES);
	while (datagram.len - at >= STUN_ATTR_HEADER_BYTES) {
		const uint8_t *header = datagram.data + at;
		uint16_t type = wire_get_u16(header);
		size_t len = wire_get_u16(header + 2);
		size_t padded = (len + 3) & ~(size_t)3;

		memcpy(out + at, header, STUN_ATTR_HEADER_BYTES);
		if (datagram.len - at - STUN_ATTR_HEADER_BYTES < padded)
			break;
		put_value(type, bytes_of(header + STUN_ATTR_HEADER_BYTES, len),
			  has_cookie, key, out + at + STUN_ATTR_HEADER_BYTES);
		if (is_fingerprint(datagram, at) &&
		    fingerprint_is_right(datagram, at))
			wire_put_u32(out + at + 4,
				     stun_fingerprint(bytes_of(out, at)));
		at += STUN_ATTR_HEADER_BYTES + padded;
	}
}
