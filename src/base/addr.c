#include "base/addr.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/wire.h"

struct addr addr_ipv4(uint32_t ip, uint16_t port)
{
	struct addr a = { .family = ADDR_IPV4, .port = port };

	wire_put_u32(a.ip, ip);
	return a;
}

struct addr addr_ipv6(const uint8_t ip[16], uint16_t port)
{
	struct addr a = { .family = ADDR_IPV6, .port = port };

	memcpy(a.ip, ip, 16);
	return a;
}

uint32_t addr_ipv4_value(const struct addr *a)
{
	assert(a->family == ADDR_IPV4);
	return wire_get_u32(a->ip);
}

size_t addr_ip_bytes(const struct addr *a)
{
	switch (a->family) {
	case ADDR_IPV4:
		return 4;
	case ADDR_IPV6:
		return 16;
	default:
		return 0;
	}
}

struct addr addr_with_port(const struct addr *a, uint16_t port)
{
	struct addr with_port = *a;

	with_port.port = port;
	return with_port;
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	return !memcmp(a, b, sizeof(*a));
}

bool addr_same_ip(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && !memcmp(a->ip, b->ip, sizeof(a->ip));
}

bool addr_is_unspecified(const struct addr *a)
{
	static const uint8_t zeros[16];

	return a->family != ADDR_NONE && !memcmp(a->ip, zeros, sizeof(zeros));
}

bool addr_parse(const char *text, struct addr *out)
{
	uint8_t ip[16];

	if (inet_pton(AF_INET, text, ip) == 1) {
		*out = addr_ipv4(wire_get_u32(ip), 0);
		return true;
	}
	if (inet_pton(AF_INET6, text, ip) == 1) {
		*out = addr_ipv6(ip, 0);
		return true;
	}
	return false;
}

const char *addr_print(const struct addr *a, char text[ADDR_TEXT_BYTES])
{
	char ip[INET6_ADDRSTRLEN] = "none";

	if (a->family == ADDR_IPV4)
		inet_ntop(AF_INET, a->ip, ip, sizeof(ip));
	else if (a->family == ADDR_IPV6)
		inet_ntop(AF_INET6, a->ip, ip, sizeof(ip));

	if (a->port == 0)
		snprintf(text, ADDR_TEXT_BYTES, "%s", ip);
	else if (a->family == ADDR_IPV6)
		snprintf(text, ADDR_TEXT_BYTES, "[%s]:%u", ip, a->port);
	else
		snprintf(text, ADDR_TEXT_BYTES, "%s:%u", ip, a->port);
	return text;
}

/* RFC 4291 2.5.5.1; :: and ::1 are addresses of their own. */
static bool is_ipv4_compatible(const uint8_t ip[16])
{
	static const uint8_t zeros[12];

	return !memcmp(ip, zeros, 12) && wire_get_u32(ip + 12) > 1;
}

/* RFC 4291 2.5.5.2. */
static bool is_ipv4_mapped(const uint8_t ip[16])
{
	return wire_get_u64(ip) == 0 && wire_get_u32(ip + 8) == 0xffff;
}

/* RFC 6052 2.1. */
static bool is_nat64(const uint8_t ip[16])
{
	return wire_get_u64(ip) == 0x0064ff9b00000000 &&
	       wire_get_u32(ip + 8) == 0;
}

/* RFC 8215. */
static bool is_local_nat64(const uint8_t ip[16])
{
	return wire_get_u32(ip) == 0x0064ff9b && wire_get_u16(ip + 4) == 1;
}

/* RFC 5214 6.1: the u bit of the identifier may be 0 or 1. */
static bool is_isatap(const uint8_t ip[16])
{
	return (wire_get_u32(ip + 8) & ~0x02000000U) == 0x00005efe;
}

bool addr_embedded_ipv4(const struct addr *a, struct addr *out)
{
	const uint8_t *ip = a->ip;
	uint32_t ipv4;

	if (a->family != ADDR_IPV6)
		return false;

	if (is_ipv4_mapped(ip) || is_ipv4_compatible(ip) || is_nat64(ip))
		ipv4 = wire_get_u32(ip + 12);
	else if (wire_get_u16(ip) == 0x2002) /* 6to4, RFC 3056 2 */
		ipv4 = wire_get_u32(ip + 2);
	else if (wire_get_u32(ip) == 0x20010000) /* Teredo, RFC 4380 4 */
		ipv4 = ~wire_get_u32(ip + 12);
	else if (is_local_nat64(ip)) /* byte 8 is left out, RFC 6052 2.2 */
		ipv4 = (uint32_t)wire_get_u16(ip + 6) << 16 |
		       wire_get_u16(ip + 9);
	else if (is_isatap(ip))
		ipv4 = wire_get_u32(ip + 12);
	else
		return false;

	*out = addr_ipv4(ipv4, a->port);
	return true;
}

/* Whether the first `bits` bits of two addresses are the same. */
static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned int bits)
{
	unsigned int whole = bits / 8;
	unsigned int rest = bits % 8;

	if (memcmp(a, b, whole))
		return false;
	return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

/* Whether all bits after the first `bits` are zero. */
static bool rest_is_zero(const struct addr *a, unsigned int bits)
{
	unsigned int total = (unsigned int)addr_ip_bytes(a) * 8;

	for (unsigned int i = bits; i < total; i++) {
		if (a->ip[i / 8] & (0x80 >> i % 8))
			return false;
	}
	return true;
}

/* A decimal number up to `max` without sign, space or leading zero. */
static bool parse_bits(const char *text, unsigned int max, unsigned int *out)
{
	unsigned int value = 0;

	if (text[0] == '\0' || (text[0] == '0' && text[1] != '\0'))
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		value = value * 10 + (unsigned int)(*text - '0');
		if (value > max)
			return false;
	}
	*out = value;
	return true;
}

bool prefix_parse(const char *text, struct prefix *out)
{
	const char *slash = strchr(text, '/');
	char ip[INET6_ADDRSTRLEN];
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	unsigned int bits;
	struct addr base;

	if (len >= sizeof(ip))
		return false;
	memcpy(ip, text, len);
	ip[len] = '\0';
	if (!addr_parse(ip, &base))
		return false;

	bits = (unsigned int)addr_ip_bytes(&base) * 8;
	if (slash && !parse_bits(slash + 1, bits, &bits))
		return false;
	if (!rest_is_zero(&base, bits))
		return false;
	*out = (struct prefix){ .base = base, .bits = (uint8_t)bits };
	return true;
}

bool prefix_contains(const struct prefix *p, const struct addr *a)
{
	return p->base.family == a->family &&
	       same_bits(p->base.ip, a->ip, p->bits);
}
