/*
 * libFuzzer target: the peer rules against a second implementation.
 *
 * The input is a policy and as many addresses as its bytes suffice for; many
 * of them lie at the edge of a range or are an address of the policy, in one
 * of the spellings of IPv6. Every verdict must be that of the reference below,
 * which shares no code with src/: addresses are numbers of 128 bits, what is
 * public is a list of intervals (src/ lists what is not), and rules are
 * intervals too. tests/unit/test_peer_policy.c drives the same target.
 */
#include "base/addr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "turn/peer_policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* How much was judged, for the unit test. */
static uint64_t addresses_judged;
static uint64_t addresses_by_verdict[3];

/* --- the reference -------------------------------------------------------- */

__extension__ typedef unsigned __int128 number;

struct interval {
	number low;
	number high;
};

#define IP4(a, b, c, d) ((number)(a) << 24 | (b) << 16 | (c) << 8 | (d))
#define IP6(upper) ((number)(upper) << 64)
#define IP6_LAST(upper) (IP6(upper) | UINT64_MAX)

/* Everything between two of these is special-purpose. */
static const struct interval public_ipv4[] = {
	{ IP4(1, 0, 0, 0), IP4(9, 255, 255, 255) },
	{ IP4(11, 0, 0, 0), IP4(100, 63, 255, 255) },
	{ IP4(100, 128, 0, 0), IP4(126, 255, 255, 255) },
	{ IP4(128, 0, 0, 0), IP4(168, 63, 129, 15) },
	{ IP4(168, 63, 129, 17), IP4(169, 253, 255, 255) },
	{ IP4(169, 255, 0, 0), IP4(172, 15, 255, 255) },
	{ IP4(172, 32, 0, 0), IP4(191, 255, 255, 255) },
	{ IP4(192, 0, 1, 0), IP4(192, 0, 1, 255) },
	{ IP4(192, 0, 3, 0), IP4(192, 31, 195, 255) },
	{ IP4(192, 31, 197, 0), IP4(192, 52, 192, 255) },
	{ IP4(192, 52, 194, 0), IP4(192, 88, 98, 255) },
	{ IP4(192, 88, 100, 0), IP4(192, 167, 255, 255) },
	{ IP4(192, 169, 0, 0), IP4(192, 175, 47, 255) },
	{ IP4(192, 175, 49, 0), IP4(198, 17, 255, 255) },
	{ IP4(198, 20, 0, 0), IP4(198, 51, 99, 255) },
	{ IP4(198, 51, 101, 0), IP4(203, 0, 112, 255) },
	{ IP4(203, 0, 114, 0), IP4(223, 255, 255, 255) },
};

static const struct interval public_ipv6[] = {
	{ IP6(0x2000000000000000), IP6_LAST(0x2000ffffffffffff) },
	{ IP6(0x2001020000000000), IP6_LAST(0x20010db7ffffffff) },
	{ IP6(0x20010db900000000), IP6_LAST(0x2001ffffffffffff) },
	{ IP6(0x2003000000000000), IP6_LAST(0x2620004f7fffffff) },
	{ IP6(0x2620004f80010000), IP6_LAST(0x3ffeffffffffffff) },
	{ IP6(0x3fff100000000000), IP6_LAST(0x3fffffffffffffff) },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static number value_of(const struct addr *a)
{
	size_t bytes = a->family == ADDR_IPV4 ? 4 : 16;
	number value = 0;

	for (size_t i = 0; i < bytes; i++)
		value = value << 8 | a->ip[i];
	return value;
}

static struct addr addr_of(int family, number value, uint16_t port)
{
	struct addr a = { .family = (uint8_t)family, .port = port };
	int bytes = family == ADDR_IPV4 ? 4 : 16;

	for (int i = bytes - 1; i >= 0; i--) {
		a.ip[i] = (uint8_t)value;
		value >>= 8;
	}
	return a;
}

static bool is_within(number value, const struct interval *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (value >= list[i].low && value <= list[i].high)
			return true;
	}
	return false;
}

static bool leads_to(number v, number *ipv4)
{
	number low32 = v & 0xffffffff;

	if (v >> 32 == 0xffff)
		*ipv4 = low32; /* v4-mapped */
	else if (v > 1 && v <= 0xffffffff)
		*ipv4 = low32; /* v4-compatible */
	else if (v >> 32 == (number)0x0064ff9b << 64)
		*ipv4 = low32; /* NAT64 */
	else if (v >> 112 == 0x2002)
		*ipv4 = v >> 80 & 0xffffffff; /* 6to4 */
	else if (v >> 96 == 0x20010000)
		*ipv4 = low32 ^ 0xffffffff; /* Teredo */
	else if (v >> 80 == 0x0064ff9b0001)
		*ipv4 = (v >> 64 & 0xffff) << 16 | (v >> 40 & 0xffff);
	else if ((v >> 32 & 0xffffffff) == 0x00005efe ||
		 (v >> 32 & 0xffffffff) == 0x02005efe)
		*ipv4 = low32; /* ISATAP */
	else
		return false;
	return true;
}

static bool is_public(int family, number v)
{
	number ipv4;

	if (family == ADDR_IPV4)
		return is_within(v, public_ipv4, COUNT(public_ipv4));
	return is_within(v, public_ipv6, COUNT(public_ipv6)) &&
	       (!leads_to(v, &ipv4) || is_public(ADDR_IPV4, ipv4));
}

static bool a_rule_has(const struct prefix *rules, size_t count, int family,
		       number v)
{
	for (size_t i = 0; i < count; i++) {
		int width = rules[i].base.family == ADDR_IPV4 ? 32 : 128;
		number low = value_of(&rules[i].base);
		number rest =
			rules[i].bits == 0
				? ~(number)0
				: ((number)1 << (width - rules[i].bits)) - 1;

		if (rules[i].base.family == family && v >= low &&
		    v - low <= rest)
			return true;
	}
	return false;
}

static bool list_has(const struct addr *list, size_t count, int family,
		     number v)
{
	for (size_t i = 0; i < count; i++) {
		if (list[i].family == family && value_of(&list[i]) == v)
			return true;
	}
	return false;
}

#define ALLOWS(p, f, v) a_rule_has((p)->allow, (p)->allow_count, f, v)
#define DENIES(p, f, v) a_rule_has((p)->deny, (p)->deny_count, f, v)
#define OWN(p, f, v) list_has((p)->own_ips, (p)->own_ip_count, f, v)
#define RELAY(p, f, v) list_has((p)->relay_ips, (p)->relay_ip_count, f, v)
/* By the rules alone: each of these must hold. */
static bool rules_admit(const struct peer_policy *p, int family, number v)
{
	bool opened = ALLOWS(p, family, v);
	bool barred = !is_public(family, v) || DENIES(p, family, v) ||
		      OWN(p, family, v);
	number ipv4;

	if (family == ADDR_IPV4 || !leads_to(v, &ipv4))
		return opened || !barred;
	if (v >> 32 == 0xffff && ALLOWS(p, ADDR_IPV4, ipv4))
		return true;
	return (opened || !barred) && !OWN(p, ADDR_IPV4, ipv4) &&
	       !RELAY(p, ADDR_IPV4, ipv4) && rules_admit(p, ADDR_IPV4, ipv4);
}

/* An address as the reference handles it. */
struct spot {
	int family;
	number v;
	int port; /* -1: the IP address alone is asked for */
};

static bool same_spot(struct spot a, struct spot b)
{
	return a.family == b.family && a.v == b.v && a.port == b.port;
}

/* A relay address becomes the first one of its family. */
static struct spot unify(const struct peer_policy *p, struct spot a,
			 bool *is_relay)
{
	struct spot b = a;

	if (a.family == ADDR_IPV6 && a.v >> 32 == 0xffff) {
		b.v &= 0xffffffff;
		b.family = ADDR_IPV4;
	}
	*is_relay = RELAY(p, b.family, b.v);
	if (!*is_relay)
		return a;
	for (size_t i = p->relay_ip_count; i-- > 0;) {
		if (p->relay_ips[i].family == b.family)
			b.v = value_of(&p->relay_ips[i]);
	}
	return b;
}

static struct spot spot_of(const struct peer_policy *p, const struct addr *a,
			   bool *is_relay)
{
	return unify(p,
		     (struct spot){
			     .family = a->family,
			     .v = value_of(a),
			     .port = a->port,
		     },
		     is_relay);
}

static bool we_listen(const struct peer_policy *p, struct spot a)
{
	bool is_relay;
	number ipv4;

	for (size_t i = 0; i < p->own_socket_count; i++) {
		if (same_spot(spot_of(p, &p->own_sockets[i], &is_relay), a))
			return true;
	}
	if (a.family != ADDR_IPV6 || !leads_to(a.v, &ipv4))
		return false;
	a.family = ADDR_IPV4;
	a.v = ipv4;
	return we_listen(p, unify(p, a, &is_relay));
}

static bool is_test_peer(const struct peer_policy *p, struct spot a)
{
	const struct addr *test = &p->self_test_peer;
	bool is_relay;

	if (a.port < 0)
		return a.family == test->family && a.v == value_of(test);
	return test->family != ADDR_NONE &&
	       same_spot(spot_of(p, test, &is_relay), a);
}

/* `port` -1: the IP address alone is asked for. */
static enum peer_verdict reference(const struct peer_policy *p,
				   const struct addr *peer, int port)
{
	bool is_relay;
	struct spot a = spot_of(p, peer, &is_relay);

	a.port = port;
	if (port == 0)
		return PEER_DENIED;
	if (is_relay && (port < 0 || (port >= p->relay_port_min &&
				      port <= p->relay_port_max)))
		return PEER_HAIRPIN;
	if (port > 0 && we_listen(p, a))
		return PEER_DENIED;
	if (is_test_peer(p, a))
		return PEER_ALLOWED;
	if (is_relay)
		return ALLOWS(p, a.family, a.v) ? PEER_ALLOWED : PEER_DENIED;
	return rules_admit(p, a.family, a.v) ? PEER_ALLOWED : PEER_DENIED;
}

/* --- inputs from bytes ---------------------------------------------------- */

struct source {
	const uint8_t *at;
	const uint8_t *end;
};

static number take(struct source *s, int bytes)
{
	number value = 0;

	for (int i = 0; i < bytes; i++)
		value = value << 8 | (s->at < s->end ? *s->at++ : 0);
	return value;
}

/* The IPv4 address in one of its spellings; `noise` fills what is free. */
static struct addr spell(number ipv4, unsigned int form, number noise,
			 uint16_t port)
{
	number free64 = noise & UINT64_MAX;
	number v = 0;

	switch (form % 9) {
	case 0:
		return addr_of(ADDR_IPV4, ipv4, port);
	case 1:
		v = (number)0xffff << 32 | ipv4;
		break;
	case 2:
		v = ipv4;
		break;
	case 3:
		v = (number)0x0064ff9b << 96 | ipv4;
		break;
	case 4:
		v = (number)0x2002 << 112 | ipv4 << 80 | free64;
		break;
	case 5:
		v = (number)0x20010000 << 96 | free64 << 32 |
		    (ipv4 ^ 0xffffffff);
		break;
	case 6:
		v = (number)0x0064ff9b0001 << 80 | ipv4 >> 16 << 64 |
		    (ipv4 & 0xffff) << 40 | (free64 & 0xffffff);
		break;
	case 7:
		v = (number)0x2a00 << 112 | (free64 & 0xffffff) << 64 |
		    (number)0x5efe << 32 | ipv4;
		break;
	default:
		v = (number)0x2003 << 112 | (free64 & 0xffffff) << 64 |
		    (number)0x02005efe << 32 | ipv4;
		break;
	}
	return addr_of(ADDR_IPV6, v, port);
}

/* An end of a public interval, one off, or one of its spellings. */
static struct addr take_edge(struct source *s, uint16_t port)
{
	unsigned int pick = (unsigned int)take(s, 1);
	unsigned int form = (unsigned int)take(s, 1);
	number delta = (form >> 4) % 3;
	const struct interval *i;
	number end;

	if (pick & 1) {
		i = &public_ipv6[(pick >> 2) % COUNT(public_ipv6)];
		end = (pick & 2 ? i->high : i->low) + delta - 1;
		return addr_of(ADDR_IPV6, end, port);
	}
	i = &public_ipv4[(pick >> 2) % COUNT(public_ipv4)];
	end = (pick & 2 ? i->high : i->low) + delta - 1;
	return spell(end & 0xffffffff, form & 15, take(s, 3), port);
}

/* An address that the policy names, near it, or one of its spellings. */
static struct addr take_known(struct source *s, const struct peer_policy *p,
			      uint16_t port)
{
	const struct addr *known[] = {
		&p->allow[0].base,  &p->allow[1].base,  &p->deny[0].base,
		&p->deny[1].base,   &p->own_ips[0],     &p->own_ips[1],
		&p->own_sockets[0], &p->own_sockets[1], &p->relay_ips[0],
		&p->relay_ips[1],   &p->self_test_peer,
	};
	unsigned int pick = (unsigned int)take(s, 1);
	unsigned int form = (unsigned int)take(s, 1);
	const struct addr *a = known[(pick & 63) % COUNT(known)];
	/* Mostly itself; else one off, either way. */
	number delta = form >> 6 == 3 ? 2 : form >> 6 == 2 ? 0 : 1;
	number v = value_of(a) + delta - 1;

	/* Mostly a port of the relay range or the one that is named. */
	if (pick >> 6 == 1)
		port = a->port;
	else if (pick >> 6 > 1)
		port = p->relay_port_min | (port & 0x0fff);
	if (a->family == ADDR_IPV4)
		return spell(v & 0xffffffff, form & 15, take(s, 3), port);
	return addr_of(ADDR_IPV6, v, port);
}

static struct addr take_addr(struct source *s, const struct peer_policy *p)
{
	unsigned int kind = (unsigned int)take(s, 1);
	uint16_t port = (uint16_t)take(s, 2);
	number ipv4;

	switch (kind & 7) {
	case 0:
		return addr_of(ADDR_IPV4, take(s, 4), port);
	case 1:
		return addr_of(ADDR_IPV6, take(s, 16), port);
	case 2:
		ipv4 = take(s, 4);
		return spell(ipv4, kind >> 4, take(s, 3), port);
	case 3:
	case 4:
		return take_edge(s, port);
	default:
		return p ? take_known(s, p, port) : take_edge(s, port);
	}
}

static struct prefix take_rule(struct source *s)
{
	struct addr a = take_addr(s, NULL);
	int width = a.family == ADDR_IPV4 ? 32 : 128;
	unsigned int pick = (unsigned int)take(s, 1);
	/* Long prefixes more often than ones that match everything. */
	int bits = pick < 8 ? (int)pick * width / 8
			    : width - (int)(pick % (unsigned int)(width / 2));
	number v = value_of(&a);

	v = bits == 0 ? 0 : v >> (width - bits) << (width - bits);
	return (struct prefix){
		.base = addr_of(a.family, v, 0),
		.bits = (uint8_t)bits,
	};
}

static uint16_t take_list(struct source *s, struct addr list[2], bool ports)
{
	for (int i = 0; i < 2; i++) {
		list[i] = take_addr(s, NULL);
		if (!ports)
			list[i].port = 0;
	}
	return (uint16_t)(take(s, 1) % 3);
}

/* A relay address is never given in IPv6 that embeds IPv4. */
static void unembed(struct addr *a)
{
	number ipv4;

	if (a->family == ADDR_IPV6 && leads_to(value_of(a), &ipv4))
		*a = addr_of(ADDR_IPV4, ipv4, 0);
}

static void take_policy(struct source *s, struct peer_policy *p)
{
	uint16_t port = (uint16_t)take(s, 2);

	p->generation = 1;
	for (int i = 0; i < 2; i++) {
		p->allow[i] = take_rule(s);
		p->deny[i] = take_rule(s);
	}
	p->allow_count = (uint16_t)(take(s, 1) % 3);
	p->deny_count = (uint16_t)(take(s, 1) % 3);
	p->own_ip_count = take_list(s, p->own_ips, false);
	p->own_socket_count = take_list(s, p->own_sockets, true);
	p->relay_ip_count = take_list(s, p->relay_ips, false);
	for (int i = 0; i < 2; i++)
		unembed(&p->relay_ips[i]);
	p->relay_port_min = port;
	p->relay_port_max = port | 0x0fff;
	p->self_test_peer = take_addr(s, NULL);
	if (take(s, 1) & 1)
		memset(&p->self_test_peer, 0, sizeof(p->self_test_peer));
}

/* --- what must hold ------------------------------------------------------- */

static const char *const verdict_names[] = {
	[PEER_DENIED] = "denied",
	[PEER_ALLOWED] = "allowed",
	[PEER_HAIRPIN] = "hairpin",
};

static void must_be(const char *what, const struct addr *peer,
		    enum peer_verdict got, enum peer_verdict expected)
{
	char text[ADDR_TEXT_BYTES];

	if (got == expected)
		return;
	fprintf(stderr, "%s of %s (port %u): %s, expected %s\n", what,
		addr_print(peer, text), peer->port, verdict_names[got],
		verdict_names[expected]);
	abort();
}

static void check_addr(const struct peer_policy *p, const struct addr *peer)
{
	enum peer_verdict verdict = peer_policy_judge(p, peer);
	enum peer_verdict by_ip = peer_policy_judge_ip(p, peer);
	struct addr one = peer_policy_canonical(p, peer);
	struct addr ipv4;
	number inner;

	addresses_judged++;
	addresses_by_verdict[verdict]++;
	must_be("special purpose", peer,
		peer_is_special_purpose(peer) ? PEER_DENIED : PEER_ALLOWED,
		is_public(peer->family, value_of(peer)) ? PEER_ALLOWED
							: PEER_DENIED);
	must_be("judge", peer, verdict, reference(p, peer, peer->port));
	must_be("judge_ip", peer, by_ip, reference(p, peer, -1));

	/* allowed(x) == allowed(canonical(x)) */
	must_be("judge of the canonical form", peer, peer_policy_judge(p, &one),
		verdict);
	must_be("judge_ip of the canonical form", peer,
		peer_policy_judge_ip(p, &one), by_ip);
	if (!addr_equal(&one, peer))
		must_be("canonical form", peer, by_ip, PEER_HAIRPIN);

	/* No spelling opens what the IPv4 address may not. */
	if (peer->family != ADDR_IPV6 || !leads_to(value_of(peer), &inner) ||
	    addr_equal(&p->self_test_peer, peer))
		return;
	ipv4 = addr_of(ADDR_IPV4, inner, peer->port);
	if (verdict != PEER_DENIED)
		must_be("judge of the embedded address", &ipv4,
			peer_policy_judge(p, &ipv4), verdict);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct peer_policy policy;
	struct source s = { .at = data, .end = data + size };

	take_policy(&s, &policy);
	while (s.at < s.end) {
		struct addr peer = take_addr(&s, &policy);

		check_addr(&policy, &peer);
	}
	return 0;
}
