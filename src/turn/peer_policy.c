#include "turn/peer_policy.h"

#include <assert.h>
#include <stdio.h>

#include "base/wire.h"

/* In place of a port: that of a permission, which has none. */
#define ANY_PORT (-1)

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
	const char *name;
};

static const char private_ipv4[] = "private (RFC 1918)";
static const char private_ipv6[] = "private (RFC 4193)";
static const char platform[] = "cloud platform address";

/* By address; RFC 6890 and its registry unless something else is named. */
static const struct ipv4_range special_ipv4[] = {
	{ 0x00000000, 8, "this network" }, /* RFC 791 */
	{ 0x0a000000, 8, private_ipv4 },
	{ 0x64400000, 10, "carrier-grade NAT" }, /* RFC 6598 */
	{ 0x7f000000, 8, "loopback" },           /* RFC 1122 */
	{ 0xa83f8110, 32, platform },            /* Azure's */
	{ 0xa9fe0000, 16, "link-local" },        /* RFC 3927; metadata */
	{ 0xac100000, 12, private_ipv4 },
	{ 0xc0000000, 24, "IETF protocols" },
	{ 0xc0000200, 24, "documentation" }, /* RFC 5737 */
	{ 0xc01fc400, 24, "AS112" },         /* RFC 7535 */
	{ 0xc034c100, 24, "AMT" },           /* RFC 7450 */
	{ 0xc0586300, 24, "6to4 relays" },   /* RFC 7526 */
	{ 0xc0a80000, 16, private_ipv4 },
	{ 0xc0af3000, 24, "AS112" },        /* RFC 7534 */
	{ 0xc6120000, 15, "benchmarking" }, /* RFC 2544 */
	{ 0xc6336400, 24, "documentation" },
	{ 0xcb007100, 24, "documentation" },
	{ 0xe0000000, 4, "multicast" }, /* RFC 5771 */
	{ 0xf0000000, 4, "reserved" },  /* RFC 1112; broadcast, RFC 919 */
};

struct ipv6_range {
	uint64_t base; /* the upper half; no range is narrower */
	uint32_t bits;
	const char *name;
};

/* The first that matches. All outside of 2000::/3 is special, named or not.
 * RFC 8656 section 21.4 demands the refusal of Teredo and 6to4. */
static const struct ipv6_range special_ipv6[] = {
	{ 0x2001000000000000, 23, "IETF protocols" }, /* Teredo, ORCHID */
	{ 0x20010db800000000, 32, "documentation" },  /* RFC 3849 */
	{ 0x2002000000000000, 16, "6to4" },           /* RFC 3056 */
	{ 0x2620004f80000000, 48, "AS112" },          /* RFC 7534 */
	{ 0x3fff000000000000, 20, "documentation" },  /* RFC 9637 */
	{ 0xfd000ec200000000, 32, platform },         /* Amazon's */
	{ 0xfd2000ce00000000, 32, platform },         /* Google's */
	{ 0xfc00000000000000, 7, private_ipv6 },
	{ 0xfe80000000000000, 10, "link-local" },
	{ 0xff00000000000000, 8, "multicast" },
};

static const char *special_ipv4_name(uint32_t ip)
{
	size_t count = sizeof(special_ipv4) / sizeof(special_ipv4[0]);

	for (size_t i = 0; i < count; i++) {
		const struct ipv4_range *r = &special_ipv4[i];

		if ((ip ^ r->base) >> (32 - r->bits) == 0)
			return r->name;
	}
	return NULL;
}

static const char *special_ipv6_name(const uint8_t ip[16])
{
	size_t count = sizeof(special_ipv6) / sizeof(special_ipv6[0]);
	uint64_t upper = wire_get_u64(ip);

	for (size_t i = 0; i < count; i++) {
		const struct ipv6_range *r = &special_ipv6[i];

		if ((upper ^ r->base) >> (64 - r->bits) == 0)
			return r->name;
	}
	if (upper == 0 && wire_get_u64(ip + 8) == 1)
		return "loopback";
	return upper >> 61 != 1 ? "not public" : NULL;
}

/*
 * What is special about the address, or NULL. A form that is not public
 * itself is better known by what it leads to.
 */
static const char *special_name(const struct addr *peer)
{
	const char *own, *inner = NULL;
	struct addr ipv4;

	if (peer->family == ADDR_IPV4)
		return special_ipv4_name(addr_ipv4_value(peer));
	if (peer->family != ADDR_IPV6)
		return "no address";
	own = special_ipv6_name(peer->ip);
	if (addr_embedded_ipv4(peer, &ipv4))
		inner = special_ipv4_name(addr_ipv4_value(&ipv4));
	return inner ? inner : own;
}

/* By itself: an IPv6 form of a private IPv4 address is not. */
static bool is_private(const struct addr *peer)
{
	if (peer->family == ADDR_IPV4)
		return special_ipv4_name(addr_ipv4_value(peer)) == private_ipv4;
	return peer->family == ADDR_IPV6 &&
	       special_ipv6_name(peer->ip) == private_ipv6;
}

bool peer_is_special_purpose(const struct addr *peer)
{
	return special_name(peer) != NULL;
}

bool peer_policy_allow(struct peer_policy *p, const struct peer_rule *rule)
{
	if (p->allow_count == PEER_POLICY_RULES_MAX)
		return false;
	p->allow[p->allow_count++] = *rule;
	return true;
}

bool peer_policy_deny(struct peer_policy *p, const struct peer_rule *rule)
{
	if (p->deny_count == PEER_POLICY_RULES_MAX)
		return false;
	p->deny[p->deny_count++] = *rule;
	return true;
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

/* Who asks, and about which port. */
struct question {
	const struct peer_policy *p;
	const struct peer_realm *realm;
	uint16_t realm_bit;
	int32_t port; /* or ANY_PORT */
};

static struct question question_of(const struct peer_policy *p, uint8_t realm,
				   int32_t port)
{
	assert(realm < PEER_POLICY_REALMS_MAX);
	return (struct question){
		.p = p,
		.realm = &p->realms[realm],
		.realm_bit = (uint16_t)(1 << realm),
		.port = port,
	};
}

/* What decided, and how. */
struct judgement {
	enum peer_verdict verdict;
	const char *what;             /* in words, or NULL: */
	const char *list;             /* the list */
	const struct peer_rule *rule; /* and the rule in it */
};

static struct judgement say(enum peer_verdict verdict, const char *what)
{
	return (struct judgement){ .verdict = verdict, .what = what };
}

static struct judgement say_rule(enum peer_verdict verdict, const char *list,
				 const struct peer_rule *rule)
{
	return (struct judgement){
		.verdict = verdict,
		.list = list,
		.rule = rule,
	};
}

static bool is_about(const struct question *q, const struct peer_rule *rule,
		     const struct addr *peer)
{
	return (rule->realms & q->realm_bit) && peer_rule_has_ip(rule, peer);
}

static bool has_port(const struct peer_rule *rule, int32_t port)
{
	return port >= rule->port_min && port <= rule->port_max;
}

/* The first rule that opens the address: for a permission, at some port. */
static const struct peer_rule *find_opening(const struct question *q,
					    const struct peer_rule *rules,
					    uint16_t count,
					    const struct addr *peer)
{
	for (uint16_t i = 0; i < count; i++) {
		if (is_about(q, &rules[i], peer) &&
		    (q->port == ANY_PORT || has_port(&rules[i], q->port)))
			return &rules[i];
	}
	return NULL;
}

/* The first rule that closes the address: for a permission, at all ports. */
static const struct peer_rule *find_closing(const struct question *q,
					    const struct addr *peer)
{
	for (uint16_t i = 0; i < q->p->deny_count; i++) {
		const struct peer_rule *rule = &q->p->deny[i];

		if (is_about(q, rule, peer) &&
		    (q->port == ANY_PORT ? peer_rule_is_any_port(rule)
					 : has_port(rule, q->port)))
			return rule;
	}
	return NULL;
}

static const struct peer_rule *find_allowing(const struct question *q,
					     const struct addr *peer)
{
	return find_opening(q, q->p->allow, q->p->allow_count, peer);
}

static bool is_own_ip(const struct peer_policy *p, const struct addr *peer)
{
	for (uint16_t i = 0; i < p->own_ip_count; i++) {
		if (addr_same_ip(&p->own_ips[i], peer))
			return true;
	}
	return false;
}

uint8_t peer_policy_relay_index(const struct peer_policy *p,
				const struct addr *ip)
{
	for (uint16_t i = 1; i < p->relay_ip_count; i++) {
		if (ip->family && addr_same_ip(&p->relay_ips[i], ip))
			return (uint8_t)i;
	}
	return 0;
}

static bool is_relay_ip(const struct peer_policy *p, const struct addr *peer)
{
	return peer_policy_relay_index(p, peer) ||
	       (p->relay_ip_count && addr_same_ip(&p->relay_ips[0], peer));
}

/* What a dry run lets through: refused by a deny rule or the preset. */
static enum peer_verdict soft_denial(const struct question *q)
{
	return q->realm->dry_run ? PEER_DRY : PEER_DENIED;
}

static struct judgement judge_by_preset(const struct question *q,
					const struct addr *peer)
{
	const struct peer_policy *p = q->p;
	const struct peer_rule *rule;

	switch ((enum peer_preset)q->realm->preset) {
	case PEER_PRESET_ACS:
		rule = find_opening(q, p->acs, p->acs_count, peer);
		return say(rule ? PEER_ALLOWED : soft_denial(q), "preset acs");
	case PEER_PRESET_LAN:
		return say(PEER_ALLOWED, "preset lan");
	case PEER_PRESET_PUBLIC:
		break;
	}
	return say(PEER_ALLOWED, "preset public");
}

/*
 * The address as written, whatever it leads to. What is refused for good
 * comes before what a dry run lets through.
 */
static struct judgement judge_as_written(const struct question *q,
					 const struct addr *peer)
{
	const struct peer_rule *rule = find_allowing(q, peer);
	const char *special;

	if (rule)
		return say_rule(PEER_ALLOWED, "allow", rule);
	special = special_name(peer);
	if (special &&
	    !(q->realm->preset == PEER_PRESET_LAN && is_private(peer)))
		return say(PEER_DENIED, special);
	if (is_own_ip(q->p, peer))
		return say(PEER_DENIED, "own address");
	rule = find_closing(q, peer);
	if (rule)
		return say_rule(soft_denial(q), "deny", rule);
	return judge_by_preset(q, peer);
}

/* The rules for what is neither a relay address nor the self-test's peer. */
static struct judgement judge_by_rules(const struct question *q,
				       const struct addr *peer,
				       const struct spelling *s)
{
	const struct peer_rule *rule = s->mapped ? find_allowing(q, &s->ipv4)
						 : NULL;
	struct judgement form, inner;

	if (rule)
		return say_rule(PEER_ALLOWED, "allow", rule);
	form = judge_as_written(q, peer);
	if (form.verdict == PEER_DENIED || !s->embeds)
		return form;

	/* The form may be reached; so must what it leads to. */
	if (is_own_ip(q->p, &s->ipv4) || is_relay_ip(q->p, &s->ipv4))
		return say(PEER_DENIED, "own address");
	inner = judge_as_written(q, &s->ipv4);
	if (form.verdict == PEER_DRY && inner.verdict != PEER_DENIED)
		return form;
	return inner;
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

static struct judgement judge_ip(const struct peer_policy *p, uint8_t realm,
				 const struct addr *peer)
{
	struct question q = question_of(p, realm, ANY_PORT);
	struct spelling s = spelling_of(peer);

	if (is_relay(p, peer, &s))
		return say(PEER_HAIRPIN, "relay address");
	if (peer->family != ADDR_NONE && addr_same_ip(&p->self_test_peer, peer))
		return say(PEER_ALLOWED, "self-test");
	return judge_by_rules(&q, peer, &s);
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

bool peer_policy_is_own_socket(const struct peer_policy *p,
			       const struct addr *named)
{
	struct spelling s = spelling_of(named);
	struct addr a = peer_policy_canonical(p, s.mapped ? &s.ipv4 : named);

	return is_own_socket(p, &a);
}

static bool is_self_test_peer(const struct peer_policy *p,
			      const struct addr *peer)
{
	struct addr only = peer_policy_canonical(p, &p->self_test_peer);

	return only.family != ADDR_NONE && addr_equal(&only, peer);
}

/* A relay address of ours with any port; `peer` is canonical. */
static struct judgement judge_relay(const struct question *q,
				    const struct addr *peer)
{
	const struct peer_policy *p = q->p;
	const struct peer_rule *rule;

	if (peer->port >= p->relay_port_min && peer->port <= p->relay_port_max)
		return say(PEER_HAIRPIN, "relay address");
	if (is_own_socket(p, peer))
		return say(PEER_DENIED, "own socket");
	if (is_self_test_peer(p, peer))
		return say(PEER_ALLOWED, "self-test");
	rule = find_allowing(q, peer);
	return rule ? say_rule(PEER_ALLOWED, "allow", rule)
		    : say(PEER_DENIED, "own address");
}

/*
 * The canonical form is judged, whatever form was named: records keep that
 * one, and that is where a packet would go.
 */
static struct judgement judge(const struct peer_policy *p, uint8_t realm,
			      const struct addr *named)
{
	struct addr peer = peer_policy_canonical(p, named);
	struct question q = question_of(p, realm, peer.port);
	struct spelling s = spelling_of(&peer);
	struct addr leads_to = peer;

	if (peer.port == 0)
		return say(PEER_DENIED, "port 0");
	if (is_relay(p, &peer, &s))
		return judge_relay(&q, &peer);

	if (s.embeds)
		leads_to = peer_policy_canonical(p, &s.ipv4);
	if (is_own_socket(p, &peer) || is_own_socket(p, &leads_to))
		return say(PEER_DENIED, "own socket");
	if (is_self_test_peer(p, &peer))
		return say(PEER_ALLOWED, "self-test");
	return judge_by_rules(&q, &peer, &s);
}

enum peer_verdict peer_policy_judge_ip(const struct peer_policy *p,
				       uint8_t realm, const struct addr *peer)
{
	return judge_ip(p, realm, peer).verdict;
}

enum peer_verdict peer_policy_judge(const struct peer_policy *p, uint8_t realm,
				    const struct addr *named)
{
	return judge(p, realm, named).verdict;
}

static const char *explain(const struct judgement *j,
			   char out[PEER_EXPLAIN_BYTES])
{
	char rule[PEER_RULE_TEXT_BYTES];

	if (j->what)
		return j->what;
	snprintf(out, PEER_EXPLAIN_BYTES, "%s %s", j->list,
		 peer_rule_print(j->rule, rule));
	return out;
}

const char *peer_policy_explain_ip(const struct peer_policy *p, uint8_t realm,
				   const struct addr *peer,
				   char out[PEER_EXPLAIN_BYTES])
{
	struct judgement j = judge_ip(p, realm, peer);

	return explain(&j, out);
}

const char *peer_policy_explain(const struct peer_policy *p, uint8_t realm,
				const struct addr *named,
				char out[PEER_EXPLAIN_BYTES])
{
	struct judgement j = judge(p, realm, named);

	return explain(&j, out);
}

/* Whether a rule is about the address, but about some ports only. */
static bool port_rule_names(const struct question *q,
			    const struct peer_rule *rules, uint16_t count,
			    const struct addr *peer)
{
	for (uint16_t i = 0; i < count; i++) {
		if (!peer_rule_is_any_port(&rules[i]) &&
		    is_about(q, &rules[i], peer))
			return true;
	}
	return false;
}

/* Whether anything in the policy is about some ports of the address. */
static bool is_named_with_port(const struct question *q,
			       const struct addr *peer)
{
	const struct peer_policy *p = q->p;

	for (uint16_t i = 0; i < p->own_socket_count; i++) {
		if (addr_same_ip(&p->own_sockets[i], peer))
			return true;
	}
	return is_relay_ip(p, peer) || addr_same_ip(&p->self_test_peer, peer) ||
	       port_rule_names(q, p->allow, p->allow_count, peer) ||
	       port_rule_names(q, p->deny, p->deny_count, peer) ||
	       port_rule_names(q, p->acs, p->acs_count, peer);
}

bool peer_policy_port_matters(const struct peer_policy *p, uint8_t realm,
			      const struct addr *peer)
{
	struct question q = question_of(p, realm, ANY_PORT);
	struct spelling s = spelling_of(peer);

	return is_named_with_port(&q, peer) ||
	       (s.embeds && is_named_with_port(&q, &s.ipv4));
}
