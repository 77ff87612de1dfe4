#include "turn/peer_policy.h"

#include "base/wire.h"

/*
 * Which IPv6 spellings of an IPv4 address mean what:
 *
 * The v4-mapped form (::ffff:0:0/96) is the IPv4 address itself: what is sent
 * to it leaves as IPv4. The others lead to the IPv4 address by way of a
 * translator or tunnel. No form reaches what the IPv4 address may not, and no
 * form but the mapped one profits from a rule that opens the IPv4 address.
 */
struct spelling {
	bool embeds; /* it is IPv6 with an IPv4 address inside */
	bool mapped;
	struct addr ipv4; /* port of the original */
};

struct ipv4_range {
	uint32_t base;
	uint32_t bits;
};

/* By address; RFC 6890 and its registry unless something else is named. */
static const struct ipv4_range special_ipv4[] = {
	{ 0x00000000, 8 },  /* this network, RFC 791 */
	{ 0x0a000000, 8 },  /* private, RFC 1918 */
	{ 0x64400000, 10 }, /* carrier-grade NAT, RFC 6598 */
	{ 0x7f000000, 8 },  /* loopback, RFC 1122 */
	{ 0xa83f8110, 32 }, /* 168.63.129.16, Azure's platform */
	{ 0xa9fe0000, 16 }, /* link-local, RFC 3927; metadata services */
	{ 0xac100000, 12 }, /* private */
	{ 0xc0000000, 24 }, /* IETF protocol assignments */
	{ 0xc0000200, 24 }, /* documentation, RFC 5737 */
	{ 0xc01fc400, 24 }, /* AS112, RFC 7535 */
	{ 0xc034c100, 24 }, /* AMT, RFC 7450 */
	{ 0xc0586300, 24 }, /* 6to4 relays, RFC 7526 */
	{ 0xc0a80000, 16 }, /* private */
	{ 0xc0af3000, 24 }, /* AS112, RFC 7534 */
	{ 0xc6120000, 15 }, /* benchmarking, RFC 2544 */
	{ 0xc6336400, 24 }, /* documentation */
	{ 0xcb007100, 24 }, /* documentation */
	{ 0xe0000000, 4 },  /* multicast, RFC 5771 */
	{ 0xf0000000, 4 },  /* reserved, RFC 1112; broadcast, RFC 919 */
};

struct ipv6_range {
	uint64_t base; /* the upper half; no range is narrower */
	uint32_t bits;
};

/* Within 2000::/3, outside of which everything is special. RFC 8656 section
 * 21.4 demands the refusal of Teredo and 6to4. */
static const struct ipv6_range special_ipv6[] = {
	{ 0x2001000000000000, 23 }, /* IETF protocols, Teredo, ORCHID */
	{ 0x20010db800000000, 32 }, /* documentation, RFC 3849 */
	{ 0x2002000000000000, 16 }, /* 6to4, RFC 3056 */
	{ 0x2620004f80000000, 48 }, /* AS112, RFC 7534 */
	{ 0x3fff000000000000, 20 }, /* documentation, RFC 9637 */
};

static bool is_special_ipv4(uint32_t ip)
{
	size_t count = sizeof(special_ipv4) / sizeof(special_ipv4[0]);

	for (size_t i = 0; i < count; i++) {
		const struct ipv4_range *r = &special_ipv4[i];

		if ((ip ^ r->base) >> (32 - r->bits) == 0)
			return true;
	}
	return false;
}

static bool is_special_ipv6(const uint8_t ip[16])
{
	size_t count = sizeof(special_ipv6) / sizeof(special_ipv6[0]);
	uint64_t upper = wire_get_u64(ip);

	if (upper >> 61 != 1)
		return true;
	for (size_t i = 0; i < count; i++) {
		const struct ipv6_range *r = &special_ipv6[i];

		if ((upper ^ r->base) >> (64 - r->bits) == 0)
			return true;
	}
	return false;
}

bool peer_is_special_purpose(const struct addr *peer)
{
	struct addr ipv4;

	if (peer->family == ADDR_IPV4)
		return is_special_ipv4(addr_ipv4_value(peer));
	if (peer->family != ADDR_IPV6)
		return true;
	if (is_special_ipv6(peer->ip))
		return true;
	return addr_embedded_ipv4(peer, &ipv4) &&
	       is_special_ipv4(addr_ipv4_value(&ipv4));
}

static bool is_mapped(const struct addr *a)
{
	return wire_get_u64(a->ip) == 0 && wire_get_u32(a->ip + 8) == 0xffff;
}

static struct spelling spelling_of(const struct addr *peer)
{
	struct spelling s = { 0 };

	s.embeds = addr_embedded_ipv4(peer, &s.ipv4);
	s.mapped = s.embeds && is_mapped(peer);
	return s;
}

static bool is_in_rules(const struct prefix *rules, uint16_t count,
			const struct addr *peer)
{
	for (uint16_t i = 0; i < count; i++) {
		if (prefix_contains(&rules[i], peer))
			return true;
	}
	return false;
}

static bool is_allowed_by_rule(const struct peer_policy *p,
			       const struct addr *peer)
{
	return is_in_rules(p->allow, p->allow_count, peer);
}

static bool is_own_ip(const struct peer_policy *p, const struct addr *peer)
{
	for (uint16_t i = 0; i < p->own_ip_count; i++) {
		if (addr_same_ip(&p->own_ips[i], peer))
			return true;
	}
	return false;
}

static bool is_relay_ip(const struct peer_policy *p, const struct addr *peer)
{
	for (uint16_t i = 0; i < p->relay_ip_count; i++) {
		if (addr_same_ip(&p->relay_ips[i], peer))
			return true;
	}
	return false;
}

/* Denied unless a rule allows it: judged as written. */
static bool is_denied_by_default(const struct peer_policy *p,
				 const struct addr *peer)
{
	return is_in_rules(p->deny, p->deny_count, peer) ||
	       peer_is_special_purpose(peer) || is_own_ip(p, peer);
}

/* The rules for what is neither a relay address nor the self-test's peer. */
static bool is_allowed(const struct peer_policy *p, const struct addr *peer,
		       const struct spelling *s)
{
	if (s->mapped && is_allowed_by_rule(p, &s->ipv4))
		return true;
	if (!is_allowed_by_rule(p, peer) && is_denied_by_default(p, peer))
		return false;
	if (!s->embeds)
		return true;

	/* The form may be reached; so must what it leads to. */
	if (is_own_ip(p, &s->ipv4) || is_relay_ip(p, &s->ipv4))
		return false;
	return is_allowed_by_rule(p, &s->ipv4) ||
	       !is_denied_by_default(p, &s->ipv4);
}

static enum peer_verdict verdict_of(bool allowed)
{
	return allowed ? PEER_ALLOWED : PEER_DENIED;
}

/* Whether the peer is a relay address of ours, by itself or v4-mapped. */
static bool is_relay(const struct peer_policy *p, const struct addr *peer,
		     const struct spelling *s)
{
	return is_relay_ip(p, s->mapped ? &s->ipv4 : peer);
}

struct addr peer_policy_canonical(const struct peer_policy *p,
				  const struct addr *peer)
{
	struct spelling s = spelling_of(peer);
	const struct addr *relay = p->relay_ips;

	if (!is_relay(p, peer, &s))
		return *peer;
	while (relay->family != (s.mapped ? ADDR_IPV4 : peer->family))
		relay++;
	return addr_with_port(relay, peer->port);
}

enum peer_verdict peer_policy_judge_ip(const struct peer_policy *p,
				       const struct addr *peer)
{
	struct spelling s = spelling_of(peer);

	if (is_relay(p, peer, &s))
		return PEER_HAIRPIN;
	if (peer->family != ADDR_NONE && addr_same_ip(&p->self_test_peer, peer))
		return PEER_ALLOWED;
	return verdict_of(is_allowed(p, peer, &s));
}

/* Whether a socket of ours is at this address, which is canonical. */
static bool is_own_socket(const struct peer_policy *p, const struct addr *peer)
{
	for (uint16_t i = 0; i < p->own_socket_count; i++) {
		struct addr own = p->own_sockets[i];

		if (own.port != peer->port)
			continue;
		own = peer_policy_canonical(p, &own);
		if (addr_equal(&own, peer))
			return true;
	}
	return false;
}

static bool is_self_test_peer(const struct peer_policy *p,
			      const struct addr *peer)
{
	struct addr only = peer_policy_canonical(p, &p->self_test_peer);

	return only.family != ADDR_NONE && addr_equal(&only, peer);
}

/* A relay address of ours with any port; `peer` is canonical. */
static enum peer_verdict judge_relay(const struct peer_policy *p,
				     const struct addr *peer)
{
	if (peer->port >= p->relay_port_min && peer->port <= p->relay_port_max)
		return PEER_HAIRPIN;
	if (is_own_socket(p, peer))
		return PEER_DENIED;
	return verdict_of(is_self_test_peer(p, peer) ||
			  is_allowed_by_rule(p, peer));
}

/*
 * The canonical form is judged, whatever form was named: records keep that
 * one, and that is where a packet would go.
 */
enum peer_verdict peer_policy_judge(const struct peer_policy *p,
				    const struct addr *named)
{
	struct addr peer = peer_policy_canonical(p, named);
	struct spelling s = spelling_of(&peer);
	struct addr leads_to = peer;

	if (peer.port == 0)
		return PEER_DENIED;
	if (is_relay(p, &peer, &s))
		return judge_relay(p, &peer);

	if (s.embeds)
		leads_to = peer_policy_canonical(p, &s.ipv4);
	if (is_own_socket(p, &peer) || is_own_socket(p, &leads_to))
		return PEER_DENIED;
	if (is_self_test_peer(p, &peer))
		return PEER_ALLOWED;
	return verdict_of(is_allowed(p, &peer, &s));
}
