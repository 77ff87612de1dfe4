#include "stun/message.h"

#include "base/wire.h"
#include "stun/integrity.h"

enum stun_kind stun_kind_of(struct bytes datagram)
{
	if (datagram.len == 0)
		return STUN_KIND_OTHER;
	if (datagram.data[0] <= 3)
		return STUN_KIND_MESSAGE;
	if (datagram.data[0] >= 64 && datagram.data[0] <= 79)
		return STUN_KIND_CHANNEL_DATA;
	return STUN_KIND_OTHER;
}

/* RFC 8489 section 5: the class bits C1 and C0 lie among the method's. */
static void split_type(uint16_t type, struct stun_message *out)
{
	out->class = (enum stun_class)((type >> 7 & 2) | (type >> 4 & 1));
	out->method = (uint16_t)((type & 0x000F) | (type >> 1 & 0x0070) |
				 (type >> 2 & 0x0F80));
}

static bool parse_header(struct bytes datagram, struct stun_message *out)
{
	const uint8_t *p = datagram.data;

	if (datagram.len < STUN_HEADER_BYTES ||
	    datagram.len > STUN_MESSAGE_MAX_BYTES)
		return false;
	if ((p[0] & 0xC0) != 0 || wire_get_u32(p + 4) != STUN_MAGIC_COOKIE)
		return false;
	if (datagram.len % 4 != 0 ||
	    wire_get_u16(p + 2) != datagram.len - STUN_HEADER_BYTES)
		return false;

	out->raw = datagram;
	split_type(wire_get_u16(p), out);
	out->transaction_id = p + 8;
	out->attr_count = 0;
	out->unknown_count = 0;
	out->integrity_at = 0;
	out->integrity_sha256_at = 0;
	out->has_fingerprint = false;
	return true;
}

static void note_unknown(struct stun_message *m, uint16_t type)
{
	if (!stun_attr_required(type) || stun_attr_info(type))
		return;
	for (uint16_t i = 0; i < m->unknown_count; i++) {
		if (m->unknown[i] == type)
			return;
	}
	if (m->unknown_count < STUN_UNKNOWN_MAX)
		m->unknown[m->unknown_count++] = type;
}

/* Whether the FINGERPRINT at offset `at` ends the message and is right. */
static bool fingerprint_holds(const struct stun_message *m, size_t at,
			      struct bytes value)
{
	if (value.len != 4 ||
	    at + STUN_ATTR_HEADER_BYTES + value.len != m->raw.len)
		return false;
	return wire_get_u32(value.data) ==
	       stun_fingerprint(bytes_of(m->raw.data, at));
}

/*
 * Keeps an attribute that starts at offset `at`, or passes over it if it
 * follows an integrity attribute: what follows MESSAGE-INTEGRITY counts only
 * if it is MESSAGE-INTEGRITY-SHA256, and after that nothing does (RFC 8489
 * sections 14.5 and 14.6). Returns false if there is no room.
 */
static bool keep(struct stun_message *m, size_t at, uint16_t type,
		 struct bytes value)
{
	if (m->integrity_sha256_at)
		return true;
	if (type == STUN_ATTR_MESSAGE_INTEGRITY_SHA256) {
		m->integrity_sha256_at = (uint16_t)at;
		return true;
	}
	if (m->integrity_at)
		return true;
	if (type == STUN_ATTR_MESSAGE_INTEGRITY) {
		m->integrity_at = (uint16_t)at;
		return true;
	}
	if (m->attr_count == STUN_ATTRS_MAX)
		return false;
	m->attrs[m->attr_count].type = type;
	m->attrs[m->attr_count].value = value;
	m->attr_count++;
	note_unknown(m, type);
	return true;
}

enum stun_parse_result stun_parse(struct bytes datagram,
				  struct stun_message *out)
{
	struct wire_reader r;

	if (!parse_header(datagram, out))
		return STUN_NOT_STUN;
	wire_reader_init(&r, datagram);
	wire_skip(&r, STUN_HEADER_BYTES);
	while (wire_left(&r) > 0) {
		size_t at = datagram.len - wire_left(&r);
		uint16_t type = wire_read_u16(&r);
		uint16_t len = wire_read_u16(&r);
		struct bytes value = wire_read_bytes(&r, len);

		wire_skip(&r, -(size_t)len & 3);
		if (r.failed)
			return STUN_MALFORMED;
		if (type == STUN_ATTR_FINGERPRINT) {
			if (!fingerprint_holds(out, at, value))
				return STUN_BAD_FINGERPRINT;
			out->has_fingerprint = true;
		} else if (!keep(out, at, type, value)) {
			return STUN_MALFORMED;
		}
	}
	return STUN_OK;
}

/* The first attribute of `type` from attrs[i] on. */
static const struct stun_attr *find_from(const struct stun_message *m, size_t i,
					 uint16_t type)
{
	for (; i < m->attr_count; i++) {
		if (m->attrs[i].type == type)
			return &m->attrs[i];
	}
	return NULL;
}

const struct stun_attr *stun_find(const struct stun_message *m, uint16_t type)
{
	return find_from(m, 0, type);
}

const struct stun_attr *stun_find_next(const struct stun_message *m,
				       const struct stun_attr *attr)
{
	return find_from(m, (size_t)(attr - m->attrs) + 1, attr->type);
}

bool stun_attr_well_sized(const struct stun_attr *attr)
{
	const struct stun_attr_info *info = stun_attr_info(attr->type);

	return !info || (attr->value.len >= info->min_bytes &&
			 attr->value.len <= info->max_bytes);
}

bool stun_get_u32(const struct stun_attr *attr, uint32_t *out)
{
	if (attr->value.len != 4)
		return false;
	*out = wire_get_u32(attr->value.data);
	return true;
}

bool stun_get_u8(const struct stun_attr *attr, uint8_t *out)
{
	size_t bytes = attr->type == STUN_ATTR_EVEN_PORT ? 1 : 4;

	if (attr->value.len != bytes)
		return false;
	*out = attr->value.data[0];
	return true;
}

/* XORs `len` bytes with the mask of RFC 8489 14.2: cookie, transaction id. */
static void unmask(uint8_t *bytes, size_t len, const struct stun_message *m)
{
	const uint8_t *mask = m->raw.data + 4;

	for (size_t i = 0; i < len; i++)
		bytes[i] ^= mask[i];
}

bool stun_get_addr(const struct stun_attr *attr, struct addr *out)
{
	const uint8_t *p = attr->value.data;
	struct addr a = { .family = ADDR_NONE };

	if (attr->value.len != 8 && attr->value.len != 20)
		return false;
	if (p[1] != (attr->value.len == 8 ? ADDR_IPV4 : ADDR_IPV6))
		return false;
	a.family = p[1];
	a.port = wire_get_u16(p + 2);
	memcpy(a.ip, p + 4, attr->value.len - 4);
	*out = a;
	return true;
}

bool stun_get_xor_addr(const struct stun_message *m,
		       const struct stun_attr *attr, struct addr *out)
{
	if (!stun_get_addr(attr, out))
		return false;
	out->port ^= STUN_MAGIC_COOKIE >> 16;
	unmask(out->ip, addr_ip_bytes(out), m);
	return true;
}

bool stun_get_error(const struct stun_attr *attr, uint16_t *out)
{
	uint8_t hundreds, rest;

	if (attr->value.len < 4)
		return false;
	/* The bits before the class are reserved: receivers ignore them. */
	hundreds = attr->value.data[2] & 7;
	rest = attr->value.data[3];
	if (hundreds < 3 || hundreds > 6 || rest > 99)
		return false;
	*out = (uint16_t)(hundreds * 100 + rest);
	return true;
}

bool stun_get_algorithm(const struct stun_attr *attr, size_t *at, uint16_t *out)
{
	struct wire_reader r;
	uint16_t algorithm, parameter_bytes;

	wire_reader_init(&r, attr->value);
	wire_skip(&r, *at);
	algorithm = wire_read_u16(&r);
	parameter_bytes = wire_read_u16(&r);
	wire_skip(&r, ((size_t)parameter_bytes + 3) & ~(size_t)3);
	if (r.failed)
		return false;
	*at = attr->value.len - wire_left(&r);
	*out = algorithm;
	return true;
}
