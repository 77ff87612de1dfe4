/*
 * Which peers a client may reach: safe by default.
 *
 * Every special-purpose address is refused, in each spelling that IPv6 has
 * for it; the operator's deny list adds to that and the allow list opens,
 * except our own sockets. What holds besides the lists is a preset, one for
 * each realm. Addresses of our own are judged by address and port: a relayed
 * address of ours is reached inside the process (hairpin) and never through
 * the kernel, whatever the preset and the lists say.
 *
 * An IPv6 address that embeds an IPv4 address (see addr_embedded_ipv4) is
 * reached only if both are open, and never if the IPv4 address is ours. The
 * v4-mapped form alone is as good as the IPv4 address: a rule that allows the
 * one allows the other, and it names our relay addresses. Without such a rule
 * it is refused like all IPv6 outside 2000::/3.
 *
 * A realm may be on a dry run: what its deny rules or its preset would refuse
 * is let through, and said so (PEER_DRY). Special-purpose addresses, our own
 * ones and our sockets are never open by that.
 *
 * Pure and self-contained: a policy is a value, each worker has its own, and
 * `generation` changes with it so that records can tell when they were last
 * judged. `realm` is everywhere the index of a realm in struct turn_config.
 */
#ifndef TURNPIKE_TURN_PEER_POLICY_H
#define TURNPIKE_TURN_PEER_POLICY_H

#include "turn/peer_rule.h"

#define PEER_POLICY_REALMS_MAX 16
#define PEER_POLICY_RULES_MAX 512
#define PEER_POLICY_ACS_MAX 128
#define PEER_POLICY_OWN_MAX 256
#define PEER_POLICY_RELAY_IPS_MAX 8

/* What is open where no rule says otherwise. */
enum peer_preset {
	PEER_PRESET_PUBLIC, /* all that is not special-purpose */
	PEER_PRESET_ACS,    /* of that, what is in `acs` */
	PEER_PRESET_LAN,    /* and private addresses: RFC 1918, RFC 4193 */
};

/* What differs between realms besides the lists. */
struct peer_realm {
	uint8_t preset; /* enum peer_preset */
	bool dry_run;
};

struct peer_policy {
	uint32_t generation; /* never 0 once built */
	struct peer_realm realms[PEER_POLICY_REALMS_MAX];

	/* The operator's lists; allow beats every deny but our own sockets. */
	struct peer_rule allow[PEER_POLICY_RULES_MAX];
	struct peer_rule deny[PEER_POLICY_RULES_MAX];
	uint16_t allow_count;
	uint16_t deny_count;

	/* Where Azure Communication Services relay media: PEER_PRESET_ACS. */
	struct peer_rule acs[PEER_POLICY_ACS_MAX];
	uint16_t acs_count;

	/* This machine's interface addresses, port 0. */
	struct addr own_ips[PEER_POLICY_OWN_MAX];
	uint16_t own_ip_count;

	/* Addresses and ports where we listen, in each form a peer could
	 * name: listeners, control, metrics. Never reachable. */
	struct addr own_sockets[PEER_POLICY_OWN_MAX];
	uint16_t own_socket_count;

	/* Our relay addresses, port 0, none of IPv6 that embeds IPv4: the
	 * bound one first, then advertised ones. Records name them by their
	 * place: each keeps it, and one that is no more leaves ADDR_NONE. */
	struct addr relay_ips[PEER_POLICY_RELAY_IPS_MAX];
	uint16_t relay_ip_count;
	uint16_t relay_port_min;
	uint16_t relay_port_max;

	/* One exact address and port open besides all rules while a
	 * self-test runs; family ADDR_NONE otherwise. A port of the relay
	 * range on a relay address stays a hairpin. */
	struct addr self_test_peer;
};

/*
 * Adds a rule, for the realms that it names, to the end of a list. Returns
 * false if the list is full.
 */
bool peer_policy_allow(struct peer_policy *p, const struct peer_rule *rule);
bool peer_policy_deny(struct peer_policy *p, const struct peer_rule *rule);

enum peer_verdict {
	PEER_DENIED,
	PEER_ALLOWED, /* through the kernel */
	PEER_HAIRPIN, /* inside the process: one of our relayed addresses */
	PEER_DRY,     /* like PEER_ALLOWED, since the realm is on a dry run */
};

/*
 * Whether a permission for the IP address may be installed (the port of
 * `peer` is ignored): RFC 8656 section 10.2. PEER_HAIRPIN if it is one of our
 * relay addresses, in any form. A rule about some ports allows the permission
 * and does not deny it: packets are judged with their ports.
 */
enum peer_verdict peer_policy_judge_ip(const struct peer_policy *p,
				       uint8_t realm, const struct addr *peer);

/*
 * Whether a packet may go to this address and port: RFC 8656 section 11.2 and
 * 12.2. PEER_HAIRPIN for a relay address of ours with a port in the relay
 * range; with another port it is judged as the bound one. Port 0 is denied.
 */
enum peer_verdict peer_policy_judge(const struct peer_policy *p, uint8_t realm,
				    const struct addr *named);

/*
 * Whether the port can matter to peer_policy_judge(): if not, its answer for
 * every port but 0 is that of peer_policy_judge_ip(). `peer` is canonical.
 */
bool peer_policy_port_matters(const struct peer_policy *p, uint8_t realm,
			      const struct addr *peer);

/* Room for an explanation and its NUL. */
#define PEER_EXPLAIN_BYTES (PEER_RULE_TEXT_BYTES + 8)

/*
 * What decided in the judgement of the same name, in plain words: what the
 * address is ("loopback", "private (RFC 1918)", "own socket"), the rule
 * ("deny 203.0.113.0/24") or the preset ("preset acs"). Returns `out` or a
 * constant.
 */
const char *peer_policy_explain_ip(const struct peer_policy *p, uint8_t realm,
				   const struct addr *peer,
				   char out[PEER_EXPLAIN_BYTES]);
const char *peer_policy_explain(const struct peer_policy *p, uint8_t realm,
				const struct addr *named,
				char out[PEER_EXPLAIN_BYTES]);

/*
 * The place of a relay address of ours as it is written (the port does not
 * matter), or 0: the bound one's, and that of what is none of them.
 */
uint8_t peer_policy_relay_index(const struct peer_policy *p,
				const struct addr *ip);

/*
 * The one form in which our records keep a peer: a relay address of ours in
 * any form becomes the bound one, port unchanged; anything else stays.
 */
struct addr peer_policy_canonical(const struct peer_policy *p,
				  const struct addr *peer);

/*
 * Whether this is a socket of ours, in any form: the relay address as bound or
 * as advertised, and v4-mapped.
 */
bool peer_policy_is_own_socket(const struct peer_policy *p,
			       const struct addr *named);

/*
 * Whether the address is special-purpose: not a unicast address of the public
 * Internet, or one that clouds use for themselves (168.63.129.16). Covers the
 * IANA special-purpose registries (RFC 6890), multicast, broadcast, every
 * IPv6 form that embeds such an IPv4 address, and all IPv6 outside 2000::/3.
 * Fit as a reference for tests: depends on nothing but its argument.
 */
bool peer_is_special_purpose(const struct addr *peer);

#endif
