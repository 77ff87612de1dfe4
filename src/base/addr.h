/*
 * Transport addresses: the one canonical type.
 *
 * An address here has one spelling only: unused bytes are zero and there is
 * no padding, so two addresses are the same exactly if their bytes are, and
 * an address can be hashed or compared as memory. An IPv6 spelling of an IPv4
 * address is not silently rewritten (a client that names one must be refused
 * for its family first), but addr_embedded_ipv4() tells which IPv4 address it
 * leads to. Conversion to socket structures lives in net/.
 */
#ifndef TURNPIKE_BASE_ADDR_H
#define TURNPIKE_BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The values are those of STUN's address family field, RFC 8489 14.1. */
enum addr_family {
	ADDR_NONE = 0,
	ADDR_IPV4 = 1,
	ADDR_IPV6 = 2,
};

struct addr {
	uint8_t family; /* enum addr_family */
	uint8_t zero;
	uint16_t port;  /* host order; 0 where only the IP address matters */
	uint8_t ip[16]; /* network order; IPv4 uses the first 4 bytes */
};

_Static_assert(sizeof(struct addr) == 20, "an address has no padding");

/* An address range: every address whose first `bits` bits are those of `base`.
 * Bits of `base` after the prefix are zero. */
struct prefix {
	struct addr base; /* port 0 */
	uint8_t bits;     /* 0..32 for IPv4, 0..128 for IPv6 */
};

/* Room for the longest text of an address: "[v6]:65535" and its NUL. */
#define ADDR_TEXT_BYTES 56

/* The IPv4 address `ip` (host order, 0x7f000001 is 127.0.0.1) and port. */
struct addr addr_ipv4(uint32_t ip, uint16_t port);

/* The IPv6 address with these 16 bytes, and port. */
struct addr addr_ipv6(const uint8_t ip[16], uint16_t port);

/* The IPv4 address in host order; `a` must be of family ADDR_IPV4. */
uint32_t addr_ipv4_value(const struct addr *a);

/* 4 for IPv4, 16 for IPv6, 0 for none. */
size_t addr_ip_bytes(const struct addr *a);

/* The same IP address with another port. */
struct addr addr_with_port(const struct addr *a, uint16_t port);

/* Whether family, IP address and port are the same. */
bool addr_equal(const struct addr *a, const struct addr *b);

/* Whether family and IP address are the same, whatever the ports. */
bool addr_same_ip(const struct addr *a, const struct addr *b);

/* Whether the IP address is 0.0.0.0 or ::. */
bool addr_is_unspecified(const struct addr *a);

/*
 * Reads an IP address without a port: dotted IPv4 (four decimal numbers
 * without leading zeros) or any RFC 4291 text of IPv6, no zone, no brackets.
 * On success `out` has port 0. Returns false, `out` untouched, if the text is
 * anything else.
 */
bool addr_parse(const char *text, struct addr *out);

/*
 * Writes "192.0.2.1:3478" or "[2001:db8::1]:3478" (RFC 5952), without port
 * and brackets if the port is 0, NUL-terminated; "none" for ADDR_NONE. Returns
 * `text`.
 */
const char *addr_print(const struct addr *a, char text[ADDR_TEXT_BYTES]);

/*
 * The IPv4 address that an IPv6 address stands for or leads to: v4-mapped
 * (::ffff:0:0/96), v4-compatible (::/96), 6to4 (2002::/16), Teredo
 * (2001::/32, the client's obfuscated address), NAT64 (64:ff9b::/96 and, as
 * RFC 6052 lays out for /48, 64:ff9b:1::/48) and ISATAP (interface identifier
 * 0:5efe or 200:5efe). `out` has the port of `a`. Returns false, `out`
 * untouched, if `a` is not IPv6 or embeds none (:: and ::1 do not).
 */
bool addr_embedded_ipv4(const struct addr *a, struct addr *out);

/*
 * Reads "192.0.2.0/24", "2001:db8::/32" or a single address (then all bits
 * count). Bits set after the prefix are refused, as a likely mistake. Returns
 * false, `out` untouched, if the text is anything else.
 */
bool prefix_parse(const char *text, struct prefix *out);

/* Whether the IP address of `a` lies in the range; families never mix. */
bool prefix_contains(const struct prefix *p, const struct addr *a);

#endif
