/*
 * libFuzzer target: the peer rules against a second implementation.
 *
 * The input is a policy for two realms and as many addresses as its bytes
 * suffice for; many of them lie at the edge of a range or are an address of
 * the policy, in one of the spellings of IPv6. Every verdict must be that of
 * the reference below, which shares no code with src/: addresses are numbers
 * of 128 bits, what is public is a list of intervals (src/ lists what is not),
 * and an address gets the least of the opinions that there are about it.
 * tests/unit/test_peer_policy.c drives the same target.
 */
#include "base/addr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "turn/peer_policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* How much was judged, for the unit test. */
static uint64_t addresses_judged;
static uint64_t addresses_by_verdict[4];

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

/* The private ones without what clouds keep for themselves. */
static bool is_private(int family, number v)
{
	static const struct interval ipv4[] = {
		{ IP4(10, 0, 0, 0), IP4(10, 255, 255, 255) },
		{ IP4(172, 16, 0, 0), IP4(172, 31, 255, 255) },
		{ IP4(192, 168, 0, 0), IP4(192, 168, 255, 255) },
	};
	static const struct interval ipv6[] = {
		{ IP6(0xfc00000000000000), IP6_LAST(0xfd000ec1ffffffff) },
		{ IP6(0xfd000ec300000000), IP6_LAST(0xfd2000cdffffffff) },
		{ IP6(0xfd2000cf00000000), IP6_LAST(0xfdffffffffffffff) },
	};

	return family == ADDR_IPV4 ? is_within(v, ipv4, COUNT(ipv4))
				   : is_within(v, ipv6, COUNT(ipv6));
}

/* The ports of one address that some rules of a realm are about. */
struct ports {
	bool some; /* any at all */
	bool all;  /* by one rule alone */
	bool this; /* the one that is asked about */
};

static struct ports ports_of(const struct peer_rule *rules, size_t count,
			     int realm, int family, number v, int port)
{
	struct ports found = { 0 };

	for (size_t i = 0; i < count; i++) {
		const struct peer_rule *r = &rules[i];

		if (!(r->realms >> realm & 1) || r->first.family != family ||
		    v < value_of(&r->first) || v > value_of(&r->last))
			continue;
		found.some = true;
		found.all |= r->port_min < 2 && r->port_max == 65535;
		found.this |= r->port_min <= port && port <= r->port_max;
	}
	return found;
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

#define PORTS(p, list, realm, f, v, port) \
	ports_of((p)->list, (p)->list##_count, realm, f, v, port)
#define OWN(p, f, v) list_has((p)->own_ips, (p)->own_ip_count, f, v)
#define RELAY(p, f, v) list_has((p)->relay_ips, (p)->relay_ip_count, f, v)

/* What the rules think of an address, from bad to good. */
enum opinion {
	NEVER,
	BY_RULE_NOT, /* a dry run lets it through */
	YES,
};

static bool opened(const struct peer_policy *p, int realm, int family, number v,
		   int port)
{
	struct ports allow = PORTS(p, allow, realm, family, v, port);

	return port < 0 ? allow.some : allow.this;
}

/* Of the address alone, whatever it leads to. */
static enum opinion opinion_of(const struct peer_policy *p, int realm,
			       int family, number v, int port)
{
	enum peer_preset preset = (enum peer_preset)p->realms[realm].preset;
	struct ports deny = PORTS(p, deny, realm, family, v, port);
	struct ports acs = PORTS(p, acs, realm, family, v, port);
	bool known = is_public(family, v) ||
		     (preset == PEER_PRESET_LAN && is_private(family, v));

	if (opened(p, realm, family, v, port))
		return YES;
	if (!known || OWN(p, family, v))
		return NEVER;
	if ((port < 0 ? deny.all : deny.this) ||
	    (preset == PEER_PRESET_ACS && !(port < 0 ? acs.some : acs.this)))
		return BY_RULE_NOT;
	return YES;
}

/* By the rules alone: the least opinion of all that the address stands for. */
static enum opinion rules_admit(const struct peer_policy *p, int realm,
				int family, number v, int port)
{
	enum opinion own = opinion_of(p, realm, family, v, port), other;
	number ipv4;

	if (family == ADDR_IPV4 || !leads_to(v, &ipv4))
		return own;
	if (v >> 32 == 0xffff && opened(p, realm, ADDR_IPV4, ipv4, port))
		return YES;
	if (OWN(p, ADDR_IPV4, ipv4) || RELAY(p, ADDR_IPV4, ipv4))
		return NEVER;
	other = opinion_of(p, realm, ADDR_IPV4, ipv4, port);
	return own < other ? own : other;
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
static enum peer_verdict reference(const struct peer_policy *p, int realm,
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
		return opened(p, realm, a.family, a.v, port) ? PEER_ALLOWED
							     : PEER_DENIED;
	switch (rules_admit(p, realm, a.family, a.v, port)) {
	case NEVER:
		break;
	case BY_RULE_NOT:
		return p->realms[realm].dry_run ? PEER_DRY : PEER_DENIED;
	case YES:
		return PEER_ALLOWED;
	}
	return PEER_DENIED;
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
		v = (number)(free64 >> 23 & 1 ? 0xfd12 : 0x2a00) << 112 |
		    (free64 & 0xffffff) << 64 | (number)0x5efe << 32 | ipv4;
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

/* An end of a rule's addresses and an end of its ports. */
static struct addr corner_of(const struct peer_rule *rule, unsigned int which)
{
	struct addr a = which & 1 ? rule->first : rule->last;

	a.port = which & 2 ? rule->port_min : rule->port_max;
	return a;
}

/* An address that the policy names, near it, or one of its spellings. */
static struct addr take_known(struct source *s, const struct peer_policy *p,
			      uint16_t port)
{
	unsigned int pick = (unsigned int)take(s, 1);
	unsigned int form = (unsigned int)take(s, 1);
	unsigned int which = form >> 4 & 3;
	const struct addr known[] = {
		corner_of(&p->allow[0], which),
		corner_of(&p->allow[1], which),
		corner_of(&p->deny[0], which),
		corner_of(&p->deny[1], which),
		corner_of(&p->acs[0], which),
		corner_of(&p->acs[1], which),
		p->own_ips[0],
		p->own_ips[1],
		p->own_sockets[0],
		p->own_sockets[1],
		p->relay_ips[0],
		p->relay_ips[1],
		p->self_test_peer,
	};
	const struct addr *a = &known[(pick & 63) % COUNT(known)];
	/* Mostly itself; else one off, either way. */
	number delta = form >> 6 == 3 ? 2 : form >> 6 == 2 ? 0 : 1;
	number v = value_of(a) + delta - 1;

	/* Mostly a port of the relay range or the one that is named, or one
	 * beside it. */
	if (pick >> 6 == 1)
		port = (uint16_t)(a->port + port % 3 - 1);
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

/* Any port, one, or a few: mostly those near the address's own. */
static void take_rule_ports(struct source *s, uint16_t port,
			    struct peer_rule *rule)
{
	unsigned int pick = (unsigned int)take(s, 1);

	rule->port_min = pick & 1 ? 0 : port;
	rule->port_max = pick & 1 ? 65535 : pick & 2 ? port : port | 0x0fff;
	/* Mostly for both realms. */
	rule->realms = pick >> 4 == 1   ? 1
		       : pick >> 4 == 2 ? 2
					: PEER_RULE_ALL_REALMS;
}

static struct peer_rule take_rule(struct source *s)
{
	struct addr a = take_addr(s, NULL);
	int width = a.family == ADDR_IPV4 ? 32 : 128;
	unsigned int pick = (unsigned int)take(s, 1);
	/* Long prefixes more often than ones that match everything. */
	int bits = pick < 8 ? (int)pick * width / 8
			    : width - (int)(pick % (unsigned int)(width / 2));
	number all = width == 32 ? 0xffffffff : ~(number)0;
	number rest = bits == 0 ? all : ((number)1 << (width - bits)) - 1;
	number v = value_of(&a);
	/* A prefix, or from the address to where that prefix ends. */
	number low = pick & 0x80 ? v : v & ~rest;
	struct peer_rule rule = {
		.first = addr_of(a.family, low, 0),
		.last = addr_of(a.family, v | rest, 0),
	};

	take_rule_ports(s, a.port, &rule);
	return rule;
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
		p->realms[i].preset = (uint8_t)(take(s, 1) % 3);
		p->realms[i].dry_run = take(s, 1) % 3 == 0;
		p->allow[i] = take_rule(s);
		p->deny[i] = take_rule(s);
		p->acs[i] = take_rule(s);
	}
	p->allow_count = (uint16_t)(take(s, 1) % 3);
	p->deny_count = (uint16_t)(take(s, 1) % 3);
	p->acs_count = (uint16_t)(take(s, 1) % 3);
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
	[PEER_DRY] = "dry",
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

/* What is said must go with what is done. */
static void check_explanation(const struct addr *peer, const char *text,
			      enum peer_verdict verdict)
{
	if (strncmp(text, "allow ", 6) == 0 && verdict != PEER_ALLOWED)
		must_be(text, peer, verdict, PEER_ALLOWED);
	if (strncmp(text, "deny ", 5) == 0 && verdict != PEER_DRY)
		must_be(text, peer, verdict, PEER_DENIED);
	if (strcmp(text, "relay address") == 0)
		must_be(text, peer, verdict, PEER_HAIRPIN);
	if (strcmp(text, "own socket") == 0)
		must_be(text, peer, verdict, PEER_DENIED);
}

/* No spelling opens what the IPv4 address may not. */
static void check_inner(const struct peer_policy *p, uint8_t realm,
			const struct addr *peer, enum peer_verdict verdict)
{
	enum peer_verdict got;
	struct addr ipv4;
	number inner;

	if (peer->family != ADDR_IPV6 || !leads_to(value_of(peer), &inner) ||
	    addr_equal(&p->self_test_peer, peer) || verdict == PEER_DENIED)
		return;
	ipv4 = addr_of(ADDR_IPV4, inner, peer->port);
	got = peer_policy_judge(p, realm, &ipv4);
	/* What is denied to the form alone may be on a dry run. */
	if (verdict == PEER_DRY && got == PEER_ALLOWED)
		return;
	must_be("judge of the embedded address", &ipv4, got, verdict);
}

static void check_addr(const struct peer_policy *p, uint8_t realm,
		       const struct addr *peer)
{
	enum peer_verdict verdict = peer_policy_judge(p, realm, peer);
	enum peer_verdict by_ip = peer_policy_judge_ip(p, realm, peer);
	struct addr one = peer_policy_canonical(p, peer);
	char text[PEER_EXPLAIN_BYTES];

	addresses_judged++;
	addresses_by_verdict[verdict]++;
	must_be("special purpose", peer,
		peer_is_special_purpose(peer) ? PEER_DENIED : PEER_ALLOWED,
		is_public(peer->family, value_of(peer)) ? PEER_ALLOWED
							: PEER_DENIED);
	must_be("judge", peer, verdict, reference(p, realm, peer, peer->port));
	must_be("judge_ip", peer, by_ip, reference(p, realm, peer, -1));

	/* allowed(x) == allowed(canonical(x)) */
	must_be("judge of the canonical form", peer,
		peer_policy_judge(p, realm, &one), verdict);
	must_be("judge_ip of the canonical form", peer,
		peer_policy_judge_ip(p, realm, &one), by_ip);
	if (!addr_equal(&one, peer))
		must_be("canonical form", peer, by_ip, PEER_HAIRPIN);

	/* What a permission stands for. */
	if (by_ip == PEER_DENIED)
		must_be("judge without a permission", peer, verdict, by_ip);
	if (peer->port && !peer_policy_port_matters(p, realm, &one))
		must_be("judge where no port matters", peer, verdict, by_ip);
	check_inner(p, realm, peer, verdict);
	check_explanation(peer, peer_policy_explain(p, realm, peer, text),
			  verdict);
	check_explanation(peer, peer_policy_explain_ip(p, realm, peer, text),
			  by_ip);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct peer_policy policy;
	struct source s = { .at = data, .end = data + size };

	take_policy(&s, &policy);
	while (s.at < s.end) {
		uint8_t realm = (uint8_t)(take(&s, 1) & 1);
		struct addr peer = take_addr(&s, &policy);

		check_addr(&policy, realm, &peer);
	}
	return 0;
}
