/*
 * Which peers a client may reach: safe by default.
 *
 * Every special-purpose address is refused, in each spelling that IPv6 has
 * for it; the operator's deny list adds to that and the allow list opens,
 * except our own sockets. Addresses of our own are judged by address and
 * port: a relayed address of ours is reached inside the process (hairpin)
 * and never through the kernel.
 *
 * An IPv6 address that embeds an IPv4 address (see addr_embedded_ipv4) is
 * reached only if both are open, and never if the IPv4 address is ours. The
 * v4-mapped form alone is as good as the IPv4 address: a rule that allows the
 * one allows the other, and it names our relay addresses. Without such a rule
 * it is refused like all IPv6 outside 2000::/3.
 *
 * Pure and self-contained: a policy is a value, each worker has its own, and
 * `generation` changes with it so that records can tell when they were last
 * judged.
 */
#ifndef TURNPIKE_TURN_PEER_POLICY_H
#define TURNPIKE_TURN_PEER_POLICY_H

#include "base/addr.h"

#define PEER_POLICY_RULES_MAX 256
#define PEER_POLICY_OWN_MAX 256
#define PEER_POLICY_RELAY_IPS_MAX 8

struct peer_policy {
	uint32_t generation; /* never 0 once built */

	/* The operator's lists; allow beats every deny but our own sockets. */
	struct prefix allow[PEER_POLICY_RULES_MAX];
	struct prefix deny[PEER_POLICY_RULES_MAX];
	uint16_t allow_count;
	uint16_t deny_count;

	/* This machine's interface addresses, port 0. */
	struct addr own_ips[PEER_POLICY_OWN_MAX];
	uint16_t own_ip_count;

	/* Addresses and ports where we listen, in each form a peer could
	 * name: listeners, control, metrics. Never reachable. */
	struct addr own_sockets[PEER_POLICY_OWN_MAX];
	uint16_t own_socket_count;

	/* Our relay addresses, port 0, none of IPv6 that embeds IPv4: the
	 * bound one first, then advertised ones, the current first. */
	struct addr relay_ips[PEER_POLICY_RELAY_IPS_MAX];
	uint16_t relay_ip_count;
	uint16_t relay_port_min;
	uint16_t relay_port_max;

	/* One exact address and port open besides all rules while a
	 * self-test runs; family ADDR_NONE otherwise. A port of the relay
	 * range on a relay address stays a hairpin. */
	struct addr self_test_peer;
};

enum peer_verdict {
	PEER_DENIED,
	PEER_ALLOWED, /* through the kernel */
	PEER_HAIRPIN, /* inside the process: one of our relayed addresses */
};

/*
 * Whether a permission for the IP address may be installed (the port of
 * `peer` is ignored): RFC 8656 section 10.2. PEER_HAIRPIN if it is one of our
 * relay addresses, in any form.
 */
enum peer_verdict peer_policy_judge_ip(const struct peer_policy *p,
				       const struct addr *peer);

/*
 * Whether a packet may go to this address and port: RFC 8656 section 11.2 and
 * 12.2. PEER_HAIRPIN for a relay address of ours with a port in the relay
 * range; with another port it is judged as the bound one. Port 0 is denied.
 */
enum peer_verdict peer_policy_judge(const struct peer_policy *p,
				    const struct addr *named);

/*
 * The one form in which our records keep a peer: a relay address of ours in
 * any form becomes the bound one, port unchanged; anything else stays.
 */
struct addr peer_policy_canonical(const struct peer_policy *p,
				  const struct addr *peer);

/*
 * Whether the address is special-purpose: not a unicast address of the public
 * Internet, or one that clouds use for themselves (168.63.129.16). Covers the
 * IANA special-purpose registries (RFC 6890), multicast, broadcast, every
 * IPv6 form that embeds such an IPv4 address, and all IPv6 outside 2000::/3.
 * Fit as a reference for tests: depends on nothing but its argument.
 */
bool peer_is_special_purpose(const struct addr *peer);

#endif
