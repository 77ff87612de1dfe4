#include "wire.h"

#include <string.h>

static void put(uint8_t *p, uint32_t value, unsigned bytes)
{
	while (bytes--)
		*p++ = (uint8_t)(value >> (8 * bytes));
}

static uint32_t get(const uint8_t *p, unsigned bytes)
{
	uint32_t value = 0;

	while (bytes--)
		value = value << 8 | *p++;
	return value;
}

static void set_length(struct wire_out *w, size_t len)
{
	put(w->bytes + 2, (uint32_t)(len - 20), 2);
}

void wire_start(struct wire_out *w, unsigned type, const uint8_t id[12])
{
	put(w->bytes, type, 2);
	put(w->bytes + 4, 0x2112A442, 4);
	memcpy(w->bytes + 8, id, 12);
	w->len = 20;
	set_length(w, w->len);
}

void wire_attr(struct wire_out *w, unsigned type, const void *value, size_t len)
{
	uint8_t *p = w->bytes + w->len;

	put(p, type, 2);
	put(p + 2, (uint32_t)len, 2);
	if (len)
		memcpy(p + 4, value, len);
	w->len += 4 + len;
	for (; w->len % 4; w->len++)
		w->bytes[w->len] = 0;
	set_length(w, w->len);
}

void wire_u32(struct wire_out *w, unsigned type, uint32_t value)
{
	uint8_t v[4];

	put(v, value, 4);
	wire_attr(w, type, v, 4);
}

void wire_xor_addr(struct wire_out *w, unsigned type, const struct addr *a)
{
	size_t ip = a->family == ADDR_IPV4 ? 4 : 16;
	uint8_t v[20] = { 0, a->family };

	put(v + 2, a->port ^ 0x2112u, 2);
	for (size_t i = 0; i < ip; i++)
		v[4 + i] = a->ip[i] ^ w->bytes[4 + i];
	wire_attr(w, type, v, 4 + ip);
}

static size_t digest(const uint8_t *m, size_t len, struct crypto *c,
		     const uint8_t *key, size_t key_bytes, bool sha256,
		     uint8_t out[32])
{
	size_t size = sha256 ? 32 : 20;
	uint8_t head[20];
	struct bytes parts[2] = { bytes_of(head, 20),
				  bytes_of(m + 20, len - 20) };

	memcpy(head, m, 20);
	put(head + 2, (uint32_t)(len - 20 + 4 + size), 2);
	if (sha256)
		crypto_hmac_sha256(c, bytes_of(key, key_bytes), parts, 2, out);
	else
		crypto_hmac_sha1(c, bytes_of(key, key_bytes), parts, 2, out);
	return size;
}

void wire_sign(struct wire_out *w, struct crypto *c, const uint8_t *key,
	       size_t key_bytes, bool sha256)
{
	uint8_t mac[32];
	size_t size = digest(w->bytes, w->len, c, key, key_bytes, sha256, mac);

	wire_attr(w, sha256 ? 0x001C : 0x0008, mac, size);
}

/* CRC-32 bit by bit, as ITU V.42 defines it. */
static uint32_t crc32(const uint8_t *p, size_t len)
{
	uint32_t crc = 0xffffffff;

	while (len--) {
		crc ^= *p++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

void wire_fingerprint(struct wire_out *w)
{
	uint32_t crc;

	set_length(w, w->len + 8);
	crc = crc32(w->bytes, w->len) ^ 0x5354554e;
	wire_u32(w, 0x8028, crc);
}

const uint8_t *wire_find(const uint8_t *m, size_t len, unsigned type,
			 size_t *attr_len)
{
	size_t at = 20;

	while (at + 4 <= len) {
		size_t n = get(m + at + 2, 2);

		if (get(m + at, 2) == type && at + 4 + n <= len) {
			*attr_len = n;
			return m + at + 4;
		}
		at += 4 + (n + 3) / 4 * 4;
	}
	return NULL;
}

unsigned wire_depth(const uint8_t *m, size_t len)
{
	unsigned depth = 0;
	size_t inner;

	while (len >= 4 && m[0] >= 0x40 && m[0] <= 0x4f) {
		inner = (size_t)m[2] << 8 | m[3];
		if (inner > len - 4)
			break;
		depth++;
		m += 4;
		len = inner;
	}
	return depth;
}

struct addr wire_get_xor_addr(const uint8_t *m, size_t len, unsigned type)
{
	struct addr a = { .family = ADDR_NONE };
	size_t n;
	const uint8_t *v = wire_find(m, len, type, &n);

	if (!v || n != 8 || v[0] != 0 || v[1] != 1)
		return a;
	return addr_ipv4(get(v + 4, 4) ^ 0x2112A442,
			 (uint16_t)(get(v + 2, 2) ^ 0x2112));
}

unsigned wire_error(const uint8_t *m, size_t len)
{
	size_t n;
	const uint8_t *v = wire_find(m, len, 0x0009, &n);

	return v && n >= 4 ? v[2] * 100u + v[3] : 0;
}

bool wire_signed_by(const uint8_t *m, size_t len, struct crypto *c,
		    const uint8_t *key, size_t key_bytes, bool sha256)
{
	uint8_t mac[32];
	size_t n, size, before;
	const uint8_t *v = wire_find(m, len, sha256 ? 0x001C : 0x0008, &n);

	if (!v)
		return false;
	before = (size_t)(v - 4 - m);
	size = digest(m, before, c, key, key_bytes, sha256, mac);
	return n == size && memcmp(v, mac, size) == 0;
}
