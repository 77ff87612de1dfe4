#include "stun/builder.h"

#include <assert.h>

#include "stun/integrity.h"

uint16_t stun_type(enum stun_class class, uint16_t method)
{
	uint32_t m = method, c = (uint32_t) class;

	assert(m <= 0x0FFF && c <= 3);
	return (uint16_t)((m & 0x000F) | (m & 0x0070) << 1 | (m & 0x0F80) << 2 |
			  (c & 1) << 4 | (c & 2) << 7);
}

void stun_begin(struct stun_builder *b, void *buffer, size_t size,
		enum stun_class class, uint16_t method,
		const uint8_t transaction_id[STUN_TRANSACTION_ID_BYTES])
{
	wire_writer_init(&b->wire, buffer, size);
	wire_write_u16(&b->wire, stun_type(class, method));
	wire_write_u16(&b->wire, 0);
	wire_write_u32(&b->wire, STUN_MAGIC_COOKIE);
	wire_write_bytes(&b->wire,
			 bytes_of(transaction_id, STUN_TRANSACTION_ID_BYTES));
}

/* Sets the header's length for a message that ends `more` bytes from here. */
static void set_length(struct stun_builder *b, size_t more)
{
	size_t len = wire_written(&b->wire) + more - STUN_HEADER_BYTES;

	wire_put_u16(b->wire.start + 2, (uint16_t)len);
}

/* All that was written, the header's length set as set_length() has it. */
static struct bytes covered(struct stun_builder *b, size_t more)
{
	set_length(b, more);
	return bytes_of(b->wire.start, wire_written(&b->wire));
}

static size_t pad(size_t len)
{
	return -len & 3;
}

/* The header of an attribute with a value of `len` bytes. */
static void add_header(struct stun_builder *b, uint16_t type, size_t len)
{
	size_t at = wire_written(&b->wire);

	/* In this order the sum cannot overflow. */
	if (len > STUN_MESSAGE_MAX_BYTES ||
	    at + STUN_ATTR_HEADER_BYTES + len + pad(len) >
		    STUN_MESSAGE_MAX_BYTES)
		b->wire.failed = true;
	wire_write_u16(&b->wire, type);
	wire_write_u16(&b->wire, (uint16_t)len);
}

void stun_add(struct stun_builder *b, uint16_t type, struct bytes value)
{
	add_header(b, type, value.len);
	wire_write_bytes(&b->wire, value);
	wire_write_zeros(&b->wire, pad(value.len));
}

void stun_add_u32(struct stun_builder *b, uint16_t type, uint32_t value)
{
	add_header(b, type, sizeof(value));
	wire_write_u32(&b->wire, value);
}

void stun_add_u64(struct stun_builder *b, uint16_t type, uint64_t value)
{
	add_header(b, type, sizeof(value));
	wire_write_u64(&b->wire, value);
}

void stun_add_flag(struct stun_builder *b, uint16_t type)
{
	add_header(b, type, 0);
}

void stun_add_u8_rffu(struct stun_builder *b, uint16_t type, uint8_t value)
{
	stun_add_u32(b, type, (uint32_t)value << 24);
}

/* Adds an address; its port and IP address XORed with `mask` of 16 bytes. */
static void add_masked(struct stun_builder *b, uint16_t type,
		       const struct addr *a, const uint8_t *mask)
{
	size_t ip_bytes = addr_ip_bytes(a);

	assert(ip_bytes > 0);
	add_header(b, type, 4 + ip_bytes);
	wire_write_u8(&b->wire, 0);
	wire_write_u8(&b->wire, a->family);
	wire_write_u16(&b->wire, a->port ^ wire_get_u16(mask));
	for (size_t i = 0; i < ip_bytes; i++)
		wire_write_u8(&b->wire, a->ip[i] ^ mask[i]);
}

void stun_add_xor_addr(struct stun_builder *b, uint16_t type,
		       const struct addr *a)
{
	/* The cookie and transaction id are there unless begin failed. */
	if (!b->wire.failed)
		add_masked(b, type, a, b->wire.start + 4);
}

void stun_add_addr(struct stun_builder *b, uint16_t type, const struct addr *a)
{
	static const uint8_t no_mask[16];

	add_masked(b, type, a, no_mask);
}

/* Class and number of an error code, as both error attributes lay it out. */
static uint32_t error_value(uint16_t code)
{
	assert(code >= 300 && code <= 699);
	return (uint32_t)(code / 100) << 8 | code % 100u;
}

void stun_add_error(struct stun_builder *b, uint16_t code)
{
	stun_add_u32(b, STUN_ATTR_ERROR_CODE, error_value(code));
}

void stun_add_address_error(struct stun_builder *b, enum addr_family family,
			    uint16_t code)
{
	stun_add_u32(b, STUN_ATTR_ADDRESS_ERROR_CODE,
		     (uint32_t)family << 24 | error_value(code));
}

void stun_add_unknown(struct stun_builder *b, const uint16_t *types,
		      size_t count)
{
	add_header(b, STUN_ATTR_UNKNOWN_ATTRIBUTES, 2 * count);
	for (size_t i = 0; i < count; i++)
		wire_write_u16(&b->wire, types[i]);
	wire_write_zeros(&b->wire, pad(2 * count));
}

void stun_add_algorithms(struct stun_builder *b, uint16_t type,
			 const uint16_t *algorithms, size_t count)
{
	add_header(b, type, 4 * count);
	for (size_t i = 0; i < count; i++) {
		wire_write_u16(&b->wire, algorithms[i]);
		wire_write_u16(&b->wire, 0);
	}
}

void stun_add_integrity(struct stun_builder *b, struct crypto *crypto,
			struct bytes key)
{
	uint8_t hmac[CRYPTO_SHA1_BYTES];
	struct bytes text;

	if (b->wire.failed)
		return;
	text = covered(b, STUN_ATTR_HEADER_BYTES + sizeof(hmac));
	crypto_hmac_sha1(crypto, key, &text, 1, hmac);
	stun_add(b, STUN_ATTR_MESSAGE_INTEGRITY, bytes_of(hmac, sizeof(hmac)));
}

void stun_add_integrity_sha256(struct stun_builder *b, struct crypto *crypto,
			       struct bytes key)
{
	uint8_t hmac[CRYPTO_SHA256_BYTES];
	struct bytes text;

	if (b->wire.failed)
		return;
	text = covered(b, STUN_ATTR_HEADER_BYTES + sizeof(hmac));
	crypto_hmac_sha256(crypto, key, &text, 1, hmac);
	stun_add(b, STUN_ATTR_MESSAGE_INTEGRITY_SHA256,
		 bytes_of(hmac, sizeof(hmac)));
}

void stun_add_fingerprint(struct stun_builder *b)
{
	struct bytes text;

	if (b->wire.failed)
		return;
	text = covered(b, STUN_ATTR_HEADER_BYTES + 4);
	stun_add_u32(b, STUN_ATTR_FINGERPRINT, stun_fingerprint(text));
}

size_t stun_finish(struct stun_builder *b)
{
	if (b->wire.failed)
		return 0;
	set_length(b, 0);
	return wire_written(&b->wire);
}
