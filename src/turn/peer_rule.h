/*
 * One rule about peers: which addresses, which ports, for which realms.
 *
 * Written "192.0.2.1", "192.0.2.0/24" or "192.0.2.1-192.0.2.9" (coturn's
 * form), IPv6 likewise, and after it where only some ports are meant
 * " port 443" or " ports 3478-3481". What a rule does is the list's matter in
 * which it stands; see peer_policy.h.
 */
#ifndef TURNPIKE_TURN_PEER_RULE_H
#define TURNPIKE_TURN_PEER_RULE_H

#include "base/addr.h"
#include "base/wire.h"

#define PEER_RULE_ALL_REALMS 0xffff

struct peer_rule {
	struct addr first; /* both inclusive, of one family, port 0 */
	struct addr last;
	uint16_t port_min; /* inclusive; 0 to 65535: any port */
	uint16_t port_max;
	uint16_t realms; /* a bit for each realm that it is for */
};

/* Room for the longest text of a rule and its NUL. */
#define PEER_RULE_TEXT_BYTES (2 * ADDR_TEXT_BYTES + 24)

/*
 * Reads a rule for all realms. Addresses and ports must be in order; a prefix
 * with bits set after its length is refused, as a likely mistake, and so is
 * port 0. Returns false, `out` untouched, if the text is anything else.
 */
bool peer_rule_parse(const char *text, struct peer_rule *out);

/*
 * Writes the rule as peer_rule_parse() reads it, the range as a prefix where
 * it is one and a single address without a length. Returns `text`.
 */
const char *peer_rule_print(const struct peer_rule *rule,
			    char text[PEER_RULE_TEXT_BYTES]);

/*
 * Whether the IP address of `a` lies in the range; families never mix. Long
 * lists are gone through with it, so it is one comparison for most rules.
 */
static inline bool peer_rule_has_ip(const struct peer_rule *rule,
				    const struct addr *a)
{
	/* In the upper half an IPv4 address stands alone. */
	uint64_t upper = wire_get_u64(a->ip);
	uint64_t first = wire_get_u64(rule->first.ip);
	uint64_t last = wire_get_u64(rule->last.ip);

	if (upper < first || upper > last || rule->first.family != a->family)
		return false;
	return (upper > first ||
		wire_get_u64(a->ip + 8) >= wire_get_u64(rule->first.ip + 8)) &&
	       (upper < last ||
		wire_get_u64(a->ip + 8) <= wire_get_u64(rule->last.ip + 8));
}

/* Whether the rule is about all ports that a packet can go to. */
bool peer_rule_is_any_port(const struct peer_rule *rule);

#endif
