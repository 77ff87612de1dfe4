/*
 * libFuzzer target: any bytes through the STUN parser.
 *
 * Besides never reading past the datagram, the parser must keep the promises
 * of stun/message.h: every view lies inside the datagram, attributes after an
 * integrity attribute do not count, and a message built again from what was
 * parsed is parsed to the same. Each is asserted here.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/wire.h"
#include "stun/builder.h"
#include "stun/channel_data.h"
#include "stun/integrity.h"
#include "stun/message.h"
#include "stun/redact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct crypto *crypto;
static struct stun_message first, second;
static uint8_t buffer[0x10000];

static bool inside(struct bytes outer, struct bytes inner)
{
	if (inner.len == 0)
		return true;
	return inner.data >= outer.data && inner.len <= outer.len &&
	       (size_t)(inner.data - outer.data) <= outer.len - inner.len;
}

static void check_offset(const struct stun_message *m, uint16_t at,
			 uint16_t type)
{
	if (at == 0)
		return;
	assert(at >= STUN_HEADER_BYTES && at % 4 == 0);
	assert((size_t)at + STUN_ATTR_HEADER_BYTES <= m->raw.len);
	assert(wire_get_u16(m->raw.data + at) == type);
}

/* What holds of every message that was parsed. */
static void check_message(const struct stun_message *m)
{
	size_t end = m->raw.len;

	assert(m->raw.len >= STUN_HEADER_BYTES && m->raw.len % 4 == 0);
	assert(m->method <= 0xFFF && (unsigned int)m->class <= 3);
	assert(m->attr_count <= STUN_ATTRS_MAX);
	assert(m->unknown_count <= STUN_UNKNOWN_MAX);
	check_offset(m, m->integrity_at, STUN_ATTR_MESSAGE_INTEGRITY);
	check_offset(m, m->integrity_sha256_at,
		     STUN_ATTR_MESSAGE_INTEGRITY_SHA256);
	if (m->integrity_sha256_at)
		end = m->integrity_sha256_at;
	if (m->integrity_at) {
		assert(m->integrity_at < end);
		end = m->integrity_at;
	}
	for (size_t i = 0; i < m->attr_count; i++) {
		assert(inside(bytes_of(m->raw.data, end), m->attrs[i].value));
		assert(m->attrs[i].type != STUN_ATTR_MESSAGE_INTEGRITY);
		assert(m->attrs[i].type != STUN_ATTR_MESSAGE_INTEGRITY_SHA256);
		assert(m->attrs[i].type != STUN_ATTR_FINGERPRINT);
	}
	for (size_t i = 0; i < m->unknown_count; i++) {
		assert(stun_attr_required(m->unknown[i]));
		assert(!stun_attr_info(m->unknown[i]));
		assert(stun_find(m, m->unknown[i]));
		for (size_t j = 0; j < i; j++)
			assert(m->unknown[j] != m->unknown[i]);
	}
}

/* Every way to read an attribute; the sanitizers watch. */
static void read_values(const struct stun_message *m)
{
	for (size_t i = 0; i < m->attr_count; i++) {
		const struct stun_attr *a = &m->attrs[i];
		struct addr addr;
		uint32_t number;
		uint16_t word = 0;
		uint8_t byte;
		size_t at = 0, before = 0;

		stun_attr_well_sized(a);
		stun_get_u8(a, &byte);
		stun_get_u32(a, &number);
		if (stun_get_addr(a, &addr))
			assert(addr_ip_bytes(&addr) > 0);
		assert(stun_get_xor_addr(m, a, &addr) ==
		       stun_get_addr(a, &addr));
		if (stun_get_error(a, &word))
			assert(word >= 300 && word <= 699);
		while (stun_get_algorithm(a, &at, &word)) {
			assert(at > before && at <= a->value.len);
			before = at;
		}
		assert(stun_find(m, a->type) <= a);
	}
}

static bool same_attrs(const struct stun_message *a,
		       const struct stun_message *b)
{
	if (a->attr_count != b->attr_count ||
	    a->unknown_count != b->unknown_count ||
	    memcmp(a->unknown, b->unknown,
		   a->unknown_count * sizeof(a->unknown[0])) != 0)
		return false;
	for (size_t i = 0; i < a->attr_count; i++) {
		if (a->attrs[i].type != b->attrs[i].type ||
		    !bytes_equal(a->attrs[i].value, b->attrs[i].value))
			return false;
	}
	return true;
}

/* Redacted, it is a message of the same attributes without its secrets. */
static void redact(struct bytes datagram, enum stun_parse_result result)
{
	static const struct hash_key key = { 1, 2 };

	if (!stun_is_capturable(datagram))
		return;
	stun_redact(datagram, &key, buffer);
	assert(stun_parse(bytes_of(buffer, datagram.len), &second) == result);
	if (result != STUN_OK)
		return;
	assert(first.attr_count == second.attr_count);
	for (size_t i = 0; i < first.attr_count; i++) {
		const struct stun_attr *a = &first.attrs[i];
		const struct stun_attr *b = &second.attrs[i];

		assert(a->type == b->type && a->value.len == b->value.len);
		for (size_t j = 0;
		     a->type == STUN_ATTR_NONCE && j < b->value.len; j++)
			assert(b->value.data[j] == 0);
	}
}

/* Built again with valid integrity, it is parsed alike, and the keys fit. */
static void rebuild(const struct stun_message *m)
{
	struct bytes key = bytes_str("key");
	struct stun_builder b;
	size_t size;

	stun_begin(&b, buffer, sizeof(buffer), m->class, m->method,
		   m->transaction_id);
	for (size_t i = 0; i < m->attr_count; i++)
		stun_add(&b, m->attrs[i].type, m->attrs[i].value);
	if (m->integrity_at)
		stun_add_integrity(&b, crypto, key);
	if (m->integrity_sha256_at)
		stun_add_integrity_sha256(&b, crypto, key);
	if (m->has_fingerprint)
		stun_add_fingerprint(&b);
	size = stun_finish(&b);
	if (size == 0) {
		/* full-size integrity may be longer than what was there */
		assert(m->raw.len + 56 > STUN_MESSAGE_MAX_BYTES);
		return;
	}
	assert(stun_parse(bytes_of(buffer, size), &second) == STUN_OK);
	check_message(&second);
	assert(second.class == m->class && second.method == m->method);
	assert(memcmp(second.transaction_id, m->transaction_id,
		      STUN_TRANSACTION_ID_BYTES) == 0);
	assert(same_attrs(m, &second));
	assert(!m->integrity_at == !second.integrity_at);
	assert(!m->integrity_sha256_at == !second.integrity_sha256_at);
	assert(second.has_fingerprint == m->has_fingerprint);
	assert(stun_check_integrity(&second, crypto, key) ==
	       (m->integrity_at || m->integrity_sha256_at));
}

/* A message with integrity says the same whatever is appended to it. */
static void append(const struct stun_message *m)
{
	static const uint8_t tail[] = { 0x00, 0x0D, 0x00, 0x04, 0, 0,
					0,    0,    0x40, 0x00, 0, 0 };
	size_t size = m->raw.len + sizeof(tail);
	bool holds;

	if (m->has_fingerprint || size > STUN_MESSAGE_MAX_BYTES)
		return;
	if (!m->integrity_at && !m->integrity_sha256_at)
		return;
	memcpy(buffer, m->raw.data, m->raw.len);
	memcpy(buffer + m->raw.len, tail, sizeof(tail));
	wire_put_u16(buffer + 2, (uint16_t)(size - STUN_HEADER_BYTES));
	assert(stun_parse(bytes_of(buffer, size), &second) == STUN_OK);
	assert(same_attrs(m, &second));
	assert(second.integrity_at == m->integrity_at);
	assert(second.integrity_sha256_at == m->integrity_sha256_at);
	holds = stun_check_integrity(m, crypto, bytes_str("key"));
	assert(stun_check_integrity(&second, crypto, bytes_str("key")) ==
	       holds);
}

static void channel_data(struct bytes datagram)
{
	uint16_t number, payload_bytes;
	uint8_t header[CHANNEL_DATA_HEADER_BYTES];

	if (!channel_data_parse(datagram, &number, &payload_bytes))
		return;
	assert(stun_kind_of(datagram) == STUN_KIND_CHANNEL_DATA);
	assert((size_t)payload_bytes + sizeof(header) <= datagram.len);
	channel_data_header(header, number, payload_bytes);
	assert(memcmp(header, datagram.data, sizeof(header)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes datagram = bytes_of(data, size);
	enum stun_parse_result result;

	if (!crypto) {
		crypto = crypto_new();
		assert(crypto);
	}
	channel_data(datagram);
	result = stun_parse(datagram, &first);
	redact(datagram, result);
	if (result != STUN_OK)
		return 0;
	assert(first.raw.data == data && first.raw.len == size);
	check_message(&first);
	read_values(&first);
	rebuild(&first);
	append(&first);
	return 0;
}
