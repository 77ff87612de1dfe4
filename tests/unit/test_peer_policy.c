/*
 * The reference implementation and the spellings come with the fuzz target,
 * which is driven here with a fixed seed.
 */
#include "unit.h"

#include "../fuzz/fuzz_peer_policy.c"

/* PEER_ADDRESSES=10000000 in the environment for a long run. */
#define ADDRESSES 1000000
#define FORMS 9 /* of spell(); 0 is IPv4 itself, 1 v4-mapped */

#define RELAY_IP 0x0a000004      /* 10.0.0.4 */
#define ADVERTISED_IP 0x14caffff /* 20.202.255.255 */
#define FORMER_IP 0x14ca0001
#define OWN_IP 0x0a000005
#define PUBLIC_OWN_IP 0x2d000001 /* 45.0.0.1 */
#define PUBLIC_IP 0x08080808

#define REALM 0
#define OTHER_REALM 1

static struct peer_policy policy;

static struct addr text_addr(const char *text, uint16_t port)
{
	struct addr a;

	ck_assert_msg(addr_parse(text, &a), "\"%s\" is no address", text);
	return addr_with_port(&a, port);
}

static struct peer_rule text_rule(const char *text)
{
	struct peer_rule rule;

	ck_assert_msg(peer_rule_parse(text, &rule), "\"%s\" is no rule", text);
	return rule;
}

static void allow(const char *text)
{
	struct peer_rule rule = text_rule(text);

	ck_assert(peer_policy_allow(&policy, &rule));
}

static void deny(const char *text)
{
	struct peer_rule rule = text_rule(text);

	ck_assert(peer_policy_deny(&policy, &rule));
}

static void acs(const char *text)
{
	policy.acs[policy.acs_count++] = text_rule(text);
}

/* A machine behind 1:1 NAT, as most clouds have it. */
static void setup(void)
{
	static const char *own[] = { "127.0.0.1",   "::1",      "10.0.0.4",
				     "10.0.0.5",    "45.0.0.1", "fe80::1",
				     "2a00:1450::1" };

	memset(&policy, 0, sizeof(policy));
	policy.generation = 1;
	for (size_t i = 0; i < COUNT(own); i++)
		policy.own_ips[policy.own_ip_count++] = text_addr(own[i], 0);
	policy.own_sockets[0] = addr_ipv4(RELAY_IP, 3478);
	policy.own_sockets[1] = addr_ipv4(ADVERTISED_IP, 3478);
	policy.own_sockets[2] = text_addr("127.0.0.1", 9641);
	policy.own_sockets[3] = addr_ipv4(OWN_IP, 50001);
	policy.own_sockets[4] = text_addr("2a00:1450::1", 3478);
	policy.own_socket_count = 5;
	policy.relay_ips[0] = addr_ipv4(RELAY_IP, 0);
	policy.relay_ips[1] = addr_ipv4(ADVERTISED_IP, 0);
	policy.relay_ips[2] = addr_ipv4(FORMER_IP, 0);
	policy.relay_ip_count = 3;
	policy.relay_port_min = 49152;
	policy.relay_port_max = 65535;
}

static void must_judge(struct addr peer, enum peer_verdict expected)
{
	char text[ADDR_TEXT_BYTES];
	enum peer_verdict got = peer_policy_judge(&policy, REALM, &peer);

	ck_assert_msg(got == expected, "%s: %s, expected %s",
		      addr_print(&peer, text), verdict_names[got],
		      verdict_names[expected]);
}

static void must_judge_ip(struct addr peer, enum peer_verdict expected)
{
	char text[ADDR_TEXT_BYTES];
	enum peer_verdict got = peer_policy_judge_ip(&policy, REALM, &peer);

	ck_assert_msg(got == expected, "%s as an IP address: %s, expected %s",
		      addr_print(&peer, text), verdict_names[got],
		      verdict_names[expected]);
}

static void text_must_be(const char *text, enum peer_verdict expected)
{
	must_judge_ip(text_addr(text, 0), expected);
	must_judge(text_addr(text, 5000), expected);
}

/* --- special-purpose addresses -------------------------------------------- */

static const char *const special[] = {
	"0.0.0.0",
	"0.0.0.1",
	"0.255.255.255",
	"10.0.0.0",
	"10.255.255.255",
	"100.64.0.0",
	"100.100.100.200",
	"100.127.255.255",
	"127.0.0.1",
	"127.255.255.255",
	"168.63.129.16",
	"169.254.0.0",
	"169.254.169.254",
	"169.254.255.255",
	"172.16.0.0",
	"172.31.255.255",
	"192.0.0.0",
	"192.0.0.192",
	"192.0.2.1",
	"192.31.196.1",
	"192.52.193.1",
	"192.88.99.1",
	"192.168.0.0",
	"192.168.255.255",
	"192.175.48.1",
	"198.18.0.0",
	"198.19.255.255",
	"198.51.100.1",
	"203.0.113.1",
	"224.0.0.1",
	"239.255.255.255",
	"240.0.0.0",
	"255.255.255.255",
	"::",
	"::1",
	"::2",
	"::8.8.8.8",
	"::ffff:8.8.8.8",
	"::ffff:127.0.0.1",
	"::ffff:0:127.0.0.1",
	"64:ff9b::8.8.8.8",
	"64:ff9b::10.0.0.1",
	"64:ff9b:1::1",
	"100::1",
	"100:0:0:1::1",
	"1fff:ffff::1",
	"2001::1",
	"2001:0:4136:e378:8000:63bf:3fff:fdd2",
	"2001:2::1",
	"2001:10::1",
	"2001:20::1",
	"2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
	"2001:db8::1",
	"2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
	"2002::1",
	"2002:808:808::1",
	"2002:7f00:1::1",
	"2620:4f:8000::1",
	"2a00:1450::5efe:10.0.0.1",
	"2a00:1450::200:5efe:127.0.0.1",
	"3fff::1",
	"3fff:fff:ffff::1",
	"4000::1",
	"5f00::1",
	"fc00::1",
	"fd00:ec2::254",
	"fe80::1",
	"fec0::1",
	"ff02::1",
	"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
};

static const char *const public[] = {
	"1.0.0.0",
	"1.1.1.1",
	"8.8.8.8",
	"9.255.255.255",
	"11.0.0.0",
	"20.202.255.254",
	"100.63.255.255",
	"100.128.0.0",
	"126.255.255.255",
	"128.0.0.0",
	"168.63.129.15",
	"168.63.129.17",
	"169.253.255.255",
	"169.255.0.0",
	"172.15.255.255",
	"172.32.0.0",
	"192.0.1.0",
	"192.0.3.0",
	"192.31.195.255",
	"192.31.197.0",
	"192.167.255.255",
	"192.169.0.0",
	"198.17.255.255",
	"198.20.0.0",
	"203.0.112.255",
	"203.0.114.0",
	"223.255.255.255",
	"2000::1",
	"2001:200::",
	"2001:4860:4860::8888",
	"2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
	"2001:db9::",
	"2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	"2003::1",
	"2620:4f:7fff::1",
	"2620:4f:8001::1",
	"2a00:1450::5efe:8.8.8.8",
	"2a00:1450::200:5efe:8.8.8.8",
	"2a00:1450::300:5efe:10.0.0.1",
	"3ffe:ffff::1",
	"3fff:1000::1",
};

START_TEST(special_purpose_is_refused)
{
	struct addr a = text_addr(special[_i], 0);

	ck_assert_msg(peer_is_special_purpose(&a), "%s", special[_i]);
	text_must_be(special[_i], strcmp(special[_i], "10.0.0.4")
					  ? PEER_DENIED
					  : PEER_HAIRPIN);
}
END_TEST

START_TEST(public_is_reached)
{
	struct addr a = text_addr(public[_i], 0);

	ck_assert_msg(!peer_is_special_purpose(&a), "%s", public[_i]);
	text_must_be(public[_i], PEER_ALLOWED);
}
END_TEST

/* Each special IPv4 address in each spelling, allowed(x) == allowed(IPv4). */
START_TEST(no_spelling_of_a_special_address)
{
	for (size_t i = 0; i < COUNT(special); i++) {
		struct addr a = text_addr(special[i], 0);

		if (a.family != ADDR_IPV4)
			continue;
		for (unsigned int form = 0; form < FORMS; form++) {
			struct addr b = spell(value_of(&a), form, i, 5000);

			ck_assert(peer_is_special_purpose(&b));
			must_judge(b, PEER_DENIED);
			must_judge_ip(b, PEER_DENIED);
		}
	}
}
END_TEST

/* All of a /16 at each range's edge in each spelling; the classic mistakes
 * were at single addresses and single forms. */
START_TEST(spellings_exhaustively)
{
	static const uint32_t upper[] = { 0x00000000, 0x0a000000, 0x7f000000,
					  0xa83f0000, 0xa9fe0000, 0xc0000000,
					  0xc6330000, 0xffff0000, 0x08080000 };

	for (uint32_t low = 0; low <= 0xffff; low++) {
		uint32_t ip = upper[_i] | low;
		struct addr ipv4 = addr_ipv4(ip, 5000);
		bool opened = peer_policy_judge(&policy, REALM, &ipv4) !=
			      PEER_DENIED;

		for (unsigned int form = 1; form < FORMS; form++) {
			struct addr a = spell(ip, form, low, 5000);

			if (peer_policy_judge(&policy, REALM, &a) ==
			    PEER_DENIED)
				continue;
			/* Only ISATAP forms are public by themselves. */
			ck_assert_msg(opened && form >= 7, "0x%08x, form %u",
				      ip, form);
		}
	}
}
END_TEST

START_TEST(no_family_is_refused)
{
	struct addr none = { .port = 5000 };

	ck_assert(peer_is_special_purpose(&none));
	must_judge(none, PEER_DENIED);
	must_judge_ip(none, PEER_DENIED);
	policy.self_test_peer.port = 5000; /* none, whatever its port */
	must_judge(none, PEER_DENIED);
	must_judge_ip(none, PEER_DENIED);
	allow("0.0.0.0/0");
	allow("::/0");
	must_judge(none, PEER_DENIED);
}
END_TEST

START_TEST(port_0_is_refused)
{
	must_judge(addr_ipv4(PUBLIC_IP, 0), PEER_DENIED);
	must_judge(addr_ipv4(PUBLIC_IP, 1), PEER_ALLOWED);
	must_judge_ip(addr_ipv4(PUBLIC_IP, 0), PEER_ALLOWED);
	policy.relay_port_min = 0;
	must_judge(addr_ipv4(RELAY_IP, 0), PEER_DENIED);
	allow("0.0.0.0/0");
	must_judge(addr_ipv4(PUBLIC_IP, 0), PEER_DENIED);
}
END_TEST

/* --- the operator's rules ------------------------------------------------- */

START_TEST(deny_rules)
{
	deny("8.8.0.0/16");
	deny("2a00::/16");
	deny("9.9.9.9");
	text_must_be("8.7.255.255", PEER_ALLOWED);
	text_must_be("8.8.0.0", PEER_DENIED);
	text_must_be("8.8.255.255", PEER_DENIED);
	text_must_be("8.9.0.0", PEER_ALLOWED);
	text_must_be("9.9.9.8", PEER_ALLOWED);
	text_must_be("9.9.9.9", PEER_DENIED);
	text_must_be("2a00::1", PEER_DENIED);
	text_must_be("2a01::1", PEER_ALLOWED);
	/* A denied IPv4 address is denied in forms that are public, too. */
	text_must_be("2a01::5efe:8.8.1.1", PEER_DENIED);
	text_must_be("2a01::5efe:8.9.1.1", PEER_ALLOWED);
}
END_TEST

START_TEST(deny_everything)
{
	deny("0.0.0.0/0");
	text_must_be("8.8.8.8", PEER_DENIED);
	text_must_be("2a01::1", PEER_ALLOWED);
	text_must_be("2a01::5efe:8.8.8.8", PEER_DENIED);
	/* ::/0 is about IPv6, not about the IPv4 that it could spell. */
	policy.deny_count = 0;
	deny("::/0");
	text_must_be("8.8.8.8", PEER_ALLOWED);
	text_must_be("2a01::1", PEER_DENIED);
	/* The hairpin is no matter of the lists. */
	must_judge(addr_ipv4(RELAY_IP, 50000), PEER_HAIRPIN);
}
END_TEST

START_TEST(allow_beats_deny)
{
	deny("8.0.0.0/8");
	allow("8.8.0.0/16");
	allow("192.168.1.0/24");
	allow("fd00::/8");
	allow("10.0.0.5");
	text_must_be("8.8.8.8", PEER_ALLOWED);
	text_must_be("8.9.8.8", PEER_DENIED);
	text_must_be("192.168.1.7", PEER_ALLOWED);
	text_must_be("192.168.2.7", PEER_DENIED);
	text_must_be("fd12::1", PEER_ALLOWED);
	text_must_be("fc12::1", PEER_DENIED);
	text_must_be("10.0.0.5", PEER_ALLOWED);
	text_must_be("10.0.0.6", PEER_DENIED);
}
END_TEST

/* A rule for the IPv4 address opens its v4-mapped form and no other. */
START_TEST(allowing_ipv4_opens_one_form)
{
	for (unsigned int form = 0; form < FORMS; form++)
		must_judge_ip(spell(0xc0a80107, form, 3, 0), PEER_DENIED);
	allow("192.168.1.0/24");
	must_judge_ip(spell(0xc0a80107, 0, 3, 0), PEER_ALLOWED);
	must_judge_ip(spell(0xc0a80107, 1, 3, 0), PEER_ALLOWED);
	for (unsigned int form = 2; form < FORMS; form++)
		must_judge_ip(spell(0xc0a80107, form, 3, 0), PEER_DENIED);
	must_judge_ip(spell(0xc0a80207, 1, 3, 0), PEER_DENIED);
}
END_TEST

/* A rule for the form opens the way, not what lies behind it. */
START_TEST(allowing_a_form_opens_no_ipv4)
{
	allow("::/0");
	for (unsigned int form = 1; form < FORMS; form++) {
		must_judge_ip(spell(PUBLIC_IP, form, 3, 0), PEER_ALLOWED);
		must_judge_ip(spell(0x7f000001, form, 3, 0), PEER_DENIED);
		must_judge_ip(spell(0xa9fea9fe, form, 3, 0), PEER_DENIED);
		must_judge_ip(spell(0, form, 3, 0),
			      form == 2 ? PEER_ALLOWED : PEER_DENIED);
	}
	deny("8.8.8.8");
	for (unsigned int form = 1; form < FORMS; form++)
		must_judge_ip(spell(PUBLIC_IP, form, 3, 0), PEER_DENIED);
	/* Both allowed: a network with a NAT64 of its own. */
	allow("8.8.8.8");
	allow("169.254.0.0/16");
	for (unsigned int form = 1; form < FORMS; form++) {
		must_judge_ip(spell(PUBLIC_IP, form, 3, 0), PEER_ALLOWED);
		must_judge_ip(spell(0xa9fea9fe, form, 3, 0), PEER_ALLOWED);
	}
}
END_TEST

/* --- our own addresses ---------------------------------------------------- */

START_TEST(own_interfaces_are_refused)
{
	text_must_be("45.0.0.1", PEER_DENIED);
	text_must_be("45.0.0.2", PEER_ALLOWED);
	text_must_be("2a00:1450::1", PEER_DENIED);
	text_must_be("2a00:1450::2", PEER_ALLOWED);
	/* Forms lead home whatever the rules open, but the mapped one. */
	for (unsigned int form = 0; form < FORMS; form++)
		must_judge_ip(spell(PUBLIC_OWN_IP, form, 3, 0), PEER_DENIED);
	allow("::/0");
	allow("45.0.0.1");
	for (unsigned int form = 0; form < FORMS; form++)
		must_judge_ip(spell(PUBLIC_OWN_IP, form, 3, 0),
			      form < 2 ? PEER_ALLOWED : PEER_DENIED);
}
END_TEST

START_TEST(relay_addresses)
{
	const uint32_t ips[] = { RELAY_IP, ADVERTISED_IP, FORMER_IP };

	for (size_t i = 0; i < COUNT(ips); i++) {
		for (unsigned int form = 0; form < 2; form++) {
			must_judge_ip(spell(ips[i], form, 0, 0), PEER_HAIRPIN);
			must_judge_ip(spell(ips[i], form, 0, 22), PEER_HAIRPIN);
			must_judge(spell(ips[i], form, 0, 49151), PEER_DENIED);
			must_judge(spell(ips[i], form, 0, 49152), PEER_HAIRPIN);
			must_judge(spell(ips[i], form, 0, 65535), PEER_HAIRPIN);
			must_judge(spell(ips[i], form, 0, 22), PEER_DENIED);
			must_judge(spell(ips[i], form, 0, 0), PEER_DENIED);
		}
		for (unsigned int form = 2; form < FORMS; form++) {
			must_judge_ip(spell(ips[i], form, 0, 0), PEER_DENIED);
			must_judge(spell(ips[i], form, 0, 50000), PEER_DENIED);
		}
	}
	policy.relay_port_max = 60000;
	must_judge(addr_ipv4(RELAY_IP, 60000), PEER_HAIRPIN);
	must_judge(addr_ipv4(RELAY_IP, 60001), PEER_DENIED);
}
END_TEST

/* A port outside of the range is open only if the bound address is. */
START_TEST(relay_address_by_rule)
{
	const uint32_t ips[] = { RELAY_IP, ADVERTISED_IP, FORMER_IP };

	allow("20.202.0.0/16");
	for (size_t i = 0; i < COUNT(ips); i++)
		must_judge(addr_ipv4(ips[i], 5000), PEER_DENIED);
	allow("10.0.0.4");
	for (size_t i = 0; i < COUNT(ips); i++) {
		for (unsigned int form = 0; form < 2; form++) {
			must_judge(spell(ips[i], form, 0, 5000), PEER_ALLOWED);
			must_judge(spell(ips[i], form, 0, 3478), PEER_DENIED);
			must_judge(spell(ips[i], form, 0, 50000), PEER_HAIRPIN);
		}
	}
	allow("::/0");
	for (unsigned int form = 2; form < FORMS; form++)
		must_judge(spell(ADVERTISED_IP, form, 0, 5000), PEER_DENIED);
}
END_TEST

/* peers.allow = everything: listeners, control and metrics stay shut. */
START_TEST(own_sockets_are_never_reached)
{
	allow("0.0.0.0/0");
	allow("::/0");
	policy.self_test_peer = text_addr("127.0.0.1", 9641);
	for (unsigned int form = 0; form < FORMS; form++) {
		must_judge(spell(RELAY_IP, form, 9, 3478), PEER_DENIED);
		must_judge(spell(ADVERTISED_IP, form, 9, 3478), PEER_DENIED);
		must_judge(spell(FORMER_IP, form, 9, 3478), PEER_DENIED);
		must_judge(spell(0x7f000001, form, 9, 9641), PEER_DENIED);
		must_judge(spell(OWN_IP, form, 9, 50001), PEER_DENIED);
	}
	must_judge(text_addr("2a00:1450::1", 3478), PEER_DENIED);
	must_judge(text_addr("2a00:1450::1", 3479), PEER_ALLOWED);
	must_judge(text_addr("127.0.0.1", 9642), PEER_ALLOWED);
	must_judge(addr_ipv4(OWN_IP, 50000), PEER_ALLOWED);
	must_judge(addr_ipv4(OWN_IP, 3478), PEER_ALLOWED);
	must_judge(text_addr("::ffff:127.0.0.1", 9642), PEER_ALLOWED);
}
END_TEST

static bool is_own(struct addr a)
{
	return peer_policy_is_own_socket(&policy, &a);
}

/* As a source: where a packet came from, not what an address may lead to. */
START_TEST(own_sockets_are_known_in_their_forms)
{
	ck_assert(is_own(addr_ipv4(RELAY_IP, 3478)));
	ck_assert(is_own(addr_ipv4(ADVERTISED_IP, 3478)));
	ck_assert(is_own(addr_ipv4(FORMER_IP, 3478)));
	ck_assert(is_own(addr_ipv4(OWN_IP, 50001)));
	ck_assert(is_own(text_addr("2a00:1450::1", 3478)));
	ck_assert(is_own(text_addr("::ffff:127.0.0.1", 9641)));
	ck_assert(is_own(text_addr("::ffff:10.0.0.4", 3478)));
	ck_assert(is_own(text_addr("::ffff:20.202.255.255", 3478)));
	ck_assert(!is_own(text_addr("64:ff9b::127.0.0.1", 9641)));
	ck_assert(!is_own(addr_ipv4(RELAY_IP, 3479)));
	ck_assert(!is_own(addr_ipv4(OWN_IP, 3478)));
	ck_assert(!is_own(addr_ipv4(0x08080808, 3478)));
	policy.own_socket_count = 0;
	ck_assert(!is_own(addr_ipv4(RELAY_IP, 3478)));
}
END_TEST

START_TEST(self_test_peer)
{
	must_judge(addr_ipv4(OWN_IP, 40000), PEER_DENIED);
	policy.self_test_peer = addr_ipv4(OWN_IP, 40000);
	must_judge_ip(addr_ipv4(OWN_IP, 0), PEER_ALLOWED);
	must_judge(addr_ipv4(OWN_IP, 40000), PEER_ALLOWED);
	/* One port, one address, one form. */
	must_judge(addr_ipv4(OWN_IP, 40001), PEER_DENIED);
	must_judge(addr_ipv4(OWN_IP, 22), PEER_DENIED);
	must_judge(addr_ipv4(OWN_IP + 1, 40000), PEER_DENIED);
	must_judge_ip(addr_ipv4(OWN_IP + 1, 0), PEER_DENIED);
	for (unsigned int form = 1; form < FORMS; form++) {
		must_judge(spell(OWN_IP, form, 9, 40000), PEER_DENIED);
		must_judge_ip(spell(OWN_IP, form, 9, 0), PEER_DENIED);
	}

	/* It beats the operator's list, not our own sockets. */
	deny("10.0.0.5");
	must_judge(addr_ipv4(OWN_IP, 40000), PEER_ALLOWED);
	policy.self_test_peer = addr_ipv4(OWN_IP, 50001);
	must_judge(addr_ipv4(OWN_IP, 50001), PEER_DENIED);

	/* On the relay address: by each of its forms, outside the range. */
	policy.self_test_peer = addr_ipv4(RELAY_IP, 40000);
	must_judge(addr_ipv4(RELAY_IP, 40000), PEER_ALLOWED);
	must_judge(addr_ipv4(ADVERTISED_IP, 40000), PEER_ALLOWED);
	must_judge(addr_ipv4(RELAY_IP, 40001), PEER_DENIED);
	policy.self_test_peer = addr_ipv4(RELAY_IP, 50000);
	must_judge(addr_ipv4(RELAY_IP, 50000), PEER_HAIRPIN);
}
END_TEST

START_TEST(canonical_form)
{
	const struct {
		const char *named;
		const char *expected;
	} table[] = {
		{ "10.0.0.4", "10.0.0.4" },
		{ "20.202.255.255", "10.0.0.4" },
		{ "20.202.0.1", "10.0.0.4" },
		{ "::ffff:10.0.0.4", "10.0.0.4" },
		{ "::ffff:20.202.255.255", "10.0.0.4" },
		{ "20.202.0.2", "20.202.0.2" },
		{ "10.0.0.5", "10.0.0.5" },
		{ "::ffff:10.0.0.5", "::ffff:10.0.0.5" },
		{ "64:ff9b::10.0.0.4", "64:ff9b::10.0.0.4" },
		{ "2a00:1450::1", "2a00:1450::1" },
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		struct addr named = text_addr(table[i].named, 50000);
		struct addr expected = text_addr(table[i].expected, 50000);
		struct addr one = peer_policy_canonical(&policy, &named);

		ck_assert_msg(addr_equal(&one, &expected), "%s",
			      table[i].named);
	}
}
END_TEST

/* Relay addresses of both families keep to theirs. */
START_TEST(canonical_form_of_two_families)
{
	struct addr bound6 = text_addr("2a00:1450::6", 0);
	struct addr told6 = text_addr("2a00:1450::7", 777);
	struct addr told4 = addr_ipv4(FORMER_IP, 777);
	struct addr one;

	policy.relay_ips[1] = bound6;
	policy.relay_ips[3] = addr_with_port(&told6, 0);
	policy.relay_ip_count = 4;
	one = peer_policy_canonical(&policy, &told6);
	ck_assert(addr_same_ip(&one, &bound6));
	ck_assert_uint_eq(one.port, 777);
	one = peer_policy_canonical(&policy, &told4);
	ck_assert_uint_eq(addr_ipv4_value(&one), RELAY_IP);
	must_judge(told6, PEER_DENIED);
	must_judge(addr_with_port(&told6, 50000), PEER_HAIRPIN);
	must_judge_ip(told6, PEER_HAIRPIN);
}
END_TEST

/* One that is advertised no more leaves its place, and nobody is moved. */
START_TEST(places_of_relay_addresses)
{
	struct addr advertised = addr_ipv4(ADVERTISED_IP, 50000);
	struct addr former = addr_ipv4(FORMER_IP, 0);
	struct addr bound = addr_ipv4(RELAY_IP, 0);
	struct addr none = { .family = ADDR_NONE };

	ck_assert_uint_eq(peer_policy_relay_index(&policy, &bound), 0);
	ck_assert_uint_eq(peer_policy_relay_index(&policy, &advertised), 1);
	ck_assert_uint_eq(peer_policy_relay_index(&policy, &former), 2);
	policy.relay_ips[1] = none;
	ck_assert_uint_eq(peer_policy_relay_index(&policy, &advertised), 0);
	ck_assert_uint_eq(peer_policy_relay_index(&policy, &former), 2);
	ck_assert_uint_eq(peer_policy_relay_index(&policy, &none), 0);
	must_judge(advertised, PEER_ALLOWED);
	must_judge(addr_with_port(&former, 50000), PEER_HAIRPIN);
	must_judge_ip(none, PEER_DENIED);
}
END_TEST

/* Lists filled to their ends. */
START_TEST(full_lists)
{
	memset(&policy, 0, sizeof(policy));
	policy.own_ip_count = policy.own_socket_count = PEER_POLICY_OWN_MAX;
	policy.relay_ip_count = PEER_POLICY_RELAY_IPS_MAX;
	policy.relay_port_min = 50000;
	policy.relay_port_max = 60000;
	for (uint32_t i = 0; i < PEER_POLICY_RULES_MAX; i++) {
		struct peer_rule rule = text_rule("0.0.0.0/0");

		rule.first = rule.last = addr_ipv4(0x0a000000 | i, 0);
		ck_assert(peer_policy_allow(&policy, &rule));
		rule.first = rule.last = addr_ipv4(0x08080800 | i, 0);
		ck_assert(peer_policy_deny(&policy, &rule));
	}
	for (uint32_t i = 0; i < PEER_POLICY_OWN_MAX; i++) {
		policy.own_ips[i] = addr_ipv4(0x08090a00 | i, 0);
		policy.own_sockets[i] = addr_ipv4(0x0a000000 | i, 3478);
	}
	for (uint32_t i = 0; i < PEER_POLICY_RELAY_IPS_MAX; i++)
		policy.relay_ips[i] = addr_ipv4(0x080a0a00 | i, 0);

	text_must_be("10.0.1.255", PEER_ALLOWED);
	text_must_be("8.8.9.255", PEER_DENIED);
	text_must_be("8.9.10.255", PEER_DENIED);
	must_judge(text_addr("10.0.0.255", 3478), PEER_DENIED);
	must_judge(text_addr("8.10.10.7", 50000), PEER_HAIRPIN);
	text_must_be("8.10.10.8", PEER_ALLOWED);

	/* No more, and nothing is written beside them. */
	struct peer_rule one_more = text_rule("8.10.10.8");

	ck_assert(!peer_policy_allow(&policy, &one_more));
	ck_assert(!peer_policy_deny(&policy, &one_more));
	text_must_be("8.10.10.8", PEER_ALLOWED);
}
END_TEST

/* --- ports and ranges ------------------------------------------------------- */

static void port_must_be(const char *ip, uint16_t port,
			 enum peer_verdict expected)
{
	must_judge(text_addr(ip, port), expected);
}

START_TEST(ports_that_are_denied)
{
	deny("8.8.0.0/16 ports 3478-3481");
	deny("9.9.9.1-9.9.9.9 port 53");
	port_must_be("8.8.8.8", 3477, PEER_ALLOWED);
	port_must_be("8.8.8.8", 3478, PEER_DENIED);
	port_must_be("8.8.8.8", 3481, PEER_DENIED);
	port_must_be("8.8.8.8", 3482, PEER_ALLOWED);
	port_must_be("9.9.9.9", 53, PEER_DENIED);
	port_must_be("9.9.9.9", 54, PEER_ALLOWED);
	port_must_be("9.9.9.10", 53, PEER_ALLOWED);
	/* A permission has no port: it is for the others. */
	must_judge_ip(text_addr("8.8.8.8", 3478), PEER_ALLOWED);
	deny("8.8.0.0/16 ports 1-65535");
	must_judge_ip(text_addr("8.8.8.8", 0), PEER_DENIED);
}
END_TEST

START_TEST(ports_that_are_allowed)
{
	allow("10.1.1.1 port 443");
	deny("8.8.8.8");
	allow("8.8.8.8 ports 1000-2000");
	must_judge_ip(text_addr("10.1.1.1", 0), PEER_ALLOWED);
	port_must_be("10.1.1.1", 443, PEER_ALLOWED);
	port_must_be("10.1.1.1", 442, PEER_DENIED);
	must_judge_ip(text_addr("8.8.8.8", 0), PEER_ALLOWED);
	port_must_be("8.8.8.8", 999, PEER_DENIED);
	port_must_be("8.8.8.8", 1000, PEER_ALLOWED);
	port_must_be("8.8.8.8", 2001, PEER_DENIED);
	/* The mapped form is as good. */
	port_must_be("::ffff:10.1.1.1", 443, PEER_ALLOWED);
	port_must_be("::ffff:10.1.1.1", 442, PEER_DENIED);
	/* On a relay address outside of the range. */
	allow("10.0.0.4 port 5000");
	port_must_be("20.202.255.255", 5000, PEER_ALLOWED);
	port_must_be("20.202.255.255", 5001, PEER_DENIED);
}
END_TEST

static bool port_matters(const char *text)
{
	struct addr a = text_addr(text, 0);

	return peer_policy_port_matters(&policy, REALM, &a);
}

START_TEST(where_the_port_matters)
{
	ck_assert(!port_matters("8.8.8.8"));
	ck_assert(!port_matters("2a01::1"));
	ck_assert(port_matters("10.0.0.4")); /* relay */
	ck_assert(port_matters("10.0.0.5")); /* own socket */
	ck_assert(!port_matters("45.0.0.1"));
	deny("8.8.0.0/16 port 1");
	allow("9.9.9.9 port 1");
	acs("7.7.7.7 port 1");
	ck_assert(port_matters("8.8.8.8"));
	ck_assert(port_matters("9.9.9.9"));
	ck_assert(port_matters("7.7.7.7"));
	ck_assert(port_matters("2a01::5efe:9.9.9.9"));
	ck_assert(!port_matters("9.9.9.8"));
	policy.allow[0].realms = 1 << OTHER_REALM;
	ck_assert(!port_matters("9.9.9.9"));
	policy.self_test_peer = text_addr("9.9.9.8", 7);
	ck_assert(port_matters("9.9.9.8"));
}
END_TEST

/* --- realms and presets ----------------------------------------------------- */

START_TEST(rules_are_for_the_realms_they_name)
{
	struct addr denied = text_addr("8.8.8.8", 5000);
	struct addr allowed = text_addr("10.1.1.1", 5000);

	deny("8.8.8.8");
	allow("10.1.1.1");
	policy.deny[0].realms = 1 << OTHER_REALM;
	policy.allow[0].realms = 1 << OTHER_REALM;
	text_must_be("8.8.8.8", PEER_ALLOWED);
	text_must_be("10.1.1.1", PEER_DENIED);
	ck_assert_int_eq(peer_policy_judge(&policy, OTHER_REALM, &denied),
			 PEER_DENIED);
	ck_assert_int_eq(peer_policy_judge(&policy, OTHER_REALM, &allowed),
			 PEER_ALLOWED);
	/* The last realm there can be. */
	policy.deny[0].realms = 1 << 15;
	ck_assert_int_eq(peer_policy_judge_ip(&policy, 15, &denied),
			 PEER_DENIED);
	ck_assert_int_eq(peer_policy_judge_ip(&policy, 14, &denied),
			 PEER_ALLOWED);
}
END_TEST

static void preset(enum peer_preset p)
{
	policy.realms[REALM].preset = (uint8_t)p;
}

START_TEST(preset_acs_admits_its_ranges_alone)
{
	struct addr other = text_addr("8.8.8.8", 5000);

	acs("20.202.0.0/16");
	acs("52.238.114.160");
	acs("2603:1063::/38");
	preset(PEER_PRESET_ACS);
	text_must_be("20.202.1.1", PEER_ALLOWED);
	text_must_be("20.203.1.1", PEER_DENIED);
	text_must_be("52.238.114.160", PEER_ALLOWED);
	text_must_be("52.238.114.161", PEER_DENIED);
	text_must_be("8.8.8.8", PEER_DENIED);
	text_must_be("2603:1063::1", PEER_ALLOWED);
	text_must_be("2a01::1", PEER_DENIED);
	/* Each other at least, by either address. */
	must_judge(addr_ipv4(RELAY_IP, 50000), PEER_HAIRPIN);
	must_judge(addr_ipv4(ADVERTISED_IP, 50000), PEER_HAIRPIN);
	must_judge_ip(addr_ipv4(ADVERTISED_IP, 0), PEER_HAIRPIN);
	/* Another realm has its own preset. */
	ck_assert_int_eq(peer_policy_judge(&policy, OTHER_REALM, &other),
			 PEER_ALLOWED);
	/* The operator's lists come on top. */
	deny("20.202.9.0/24");
	allow("8.8.8.8");
	text_must_be("20.202.9.9", PEER_DENIED);
	text_must_be("8.8.8.8", PEER_ALLOWED);
}
END_TEST

/* A list with a mistake in it opens nothing special. */
START_TEST(preset_acs_opens_nothing_special)
{
	acs("0.0.0.0/0");
	acs("::/0");
	preset(PEER_PRESET_ACS);
	for (size_t i = 0; i < COUNT(special); i++) {
		if (strcmp(special[i], "10.0.0.4") != 0)
			text_must_be(special[i], PEER_DENIED);
	}
	text_must_be("45.0.0.1", PEER_DENIED); /* ours */
	text_must_be("8.8.8.8", PEER_ALLOWED);
	/* For some ports only. */
	policy.acs_count = 0;
	acs("8.8.8.0/24 ports 3478-3481");
	must_judge_ip(text_addr("8.8.8.8", 0), PEER_ALLOWED);
	port_must_be("8.8.8.8", 3478, PEER_ALLOWED);
	port_must_be("8.8.8.8", 3482, PEER_DENIED);
}
END_TEST

START_TEST(preset_lan_opens_private_addresses)
{
	static const char *const opened[] = {
		"10.0.0.0",       "10.255.255.255", "172.16.0.0",
		"172.31.255.255", "192.168.0.0",    "192.168.255.255",
		"fc00::1",        "fd12::1",        "fdff:ffff::1",
		"8.8.8.8",        "2a01::1",
	};
	static const char *const closed[] = {
		"127.0.0.1",
		"169.254.169.254",
		"168.63.129.16",
		"100.64.0.1",
		"0.0.0.0",
		"224.0.0.1",
		"255.255.255.255",
		"198.18.0.1",
		"192.0.0.192",
		"192.0.2.1",
		"::1",
		"fe80::1",
		"ff02::1",
		"fec0::1",
		"fd00:ec2::254",
		"fd20:ce::254",
		"::ffff:192.168.1.1",
		"64:ff9b::c0a8:101",
		"2002:c0a8:101::",
		"2a00:1450::5efe:10.1.1.1",
		"fd12::5efe:127.0.0.1",
	};

	preset(PEER_PRESET_LAN);
	for (size_t i = 0; i < COUNT(opened); i++)
		text_must_be(opened[i], PEER_ALLOWED);
	for (size_t i = 0; i < COUNT(closed); i++)
		text_must_be(closed[i], PEER_DENIED);
	/* Our own private addresses are not opened by it. */
	must_judge_ip(addr_ipv4(OWN_IP, 0), PEER_DENIED);
	must_judge(addr_ipv4(RELAY_IP, 22), PEER_DENIED);
	must_judge(addr_ipv4(RELAY_IP, 50000), PEER_HAIRPIN);
	text_must_be("fd12::5efe:10.1.1.1", PEER_ALLOWED);
	deny("192.168.0.0/16");
	text_must_be("192.168.1.1", PEER_DENIED);
}
END_TEST

START_TEST(dry_run)
{
	struct addr other = text_addr("8.8.8.8", 5000);

	policy.realms[REALM].dry_run = true;
	deny("8.8.0.0/16");
	deny("10.0.0.0/8");
	deny("9.9.9.9 port 53");
	text_must_be("8.8.8.8", PEER_DRY);
	text_must_be("8.9.8.8", PEER_ALLOWED);
	port_must_be("9.9.9.9", 53, PEER_DRY);
	port_must_be("9.9.9.9", 54, PEER_ALLOWED);
	text_must_be("2a01::5efe:8.8.8.8", PEER_DRY);
	ck_assert_int_eq(peer_policy_judge(&policy, OTHER_REALM, &other),
			 PEER_DENIED);
	/* What is closed besides stays so, and the hairpin is no matter. */
	for (size_t i = 0; i < COUNT(special); i++) {
		if (strcmp(special[i], "10.0.0.4") != 0)
			text_must_be(special[i], PEER_DENIED);
	}
	text_must_be("45.0.0.1", PEER_DENIED);
	must_judge(addr_ipv4(RELAY_IP, 3478), PEER_DENIED);
	must_judge(addr_ipv4(RELAY_IP, 50000), PEER_HAIRPIN);
	allow("8.8.8.8");
	text_must_be("8.8.8.8", PEER_ALLOWED);
	/* The preset is on the dry run, too. */
	policy.deny_count = 0;
	preset(PEER_PRESET_ACS);
	acs("20.202.0.0/16");
	text_must_be("8.9.8.8", PEER_DRY);
	text_must_be("20.202.0.2", PEER_ALLOWED);
	text_must_be("127.0.0.1", PEER_DENIED);
	/* A form on the dry run leads where it may not for good. */
	preset(PEER_PRESET_LAN);
	deny("fd00::/8");
	text_must_be("fd12::5efe:10.1.1.1", PEER_DRY);
	text_must_be("fd12::5efe:127.0.0.9", PEER_DENIED);
}
END_TEST

/* --- in plain words --------------------------------------------------------- */

static void must_say(const char *ip, uint16_t port, const char *expected)
{
	struct addr a = text_addr(ip, port);
	char text[PEER_EXPLAIN_BYTES];

	ck_assert_str_eq(
		port ? peer_policy_explain(&policy, REALM, &a, text)
		     : peer_policy_explain_ip(&policy, REALM, &a, text),
		expected);
}

START_TEST(explanations)
{
	static const struct {
		const char *ip;
		const char *what;
	} table[] = {
		{ "0.0.0.1", "this network" },
		{ "10.1.1.1", "private (RFC 1918)" },
		{ "172.16.0.1", "private (RFC 1918)" },
		{ "192.168.0.1", "private (RFC 1918)" },
		{ "100.64.0.1", "carrier-grade NAT" },
		{ "127.0.0.1", "loopback" },
		{ "169.254.169.254", "link-local" },
		{ "168.63.129.16", "cloud platform address" },
		{ "192.0.2.1", "documentation" },
		{ "224.0.0.1", "multicast" },
		{ "255.255.255.255", "reserved" },
		{ "::1", "loopback" },
		{ "::", "not public" },
		{ "fe80::1", "link-local" },
		{ "fc00::1", "private (RFC 4193)" },
		{ "fd00:ec2::254", "cloud platform address" },
		{ "ff02::1", "multicast" },
		{ "2002:808:808::", "6to4" },
		{ "::ffff:8.8.8.8", "not public" },
		{ "::ffff:10.1.1.1", "private (RFC 1918)" },
		{ "64:ff9b::7f00:1", "loopback" },
		{ "2a00::5efe:127.0.0.1", "loopback" },
		{ "45.0.0.1", "own address" },
		{ "2a00::5efe:45.0.0.1", "own address" },
		{ "20.202.255.255", "relay address" },
		{ "8.8.8.8", "preset public" },
	};
	struct addr none = { .family = ADDR_NONE };
	char text[PEER_EXPLAIN_BYTES];

	for (size_t i = 0; i < COUNT(table); i++)
		must_say(table[i].ip, 0, table[i].what);
	ck_assert_str_eq(peer_policy_explain_ip(&policy, REALM, &none, text),
			 "no address");
	ck_assert_str_eq(peer_policy_explain(&policy, REALM, &none, text),
			 "port 0");
}
END_TEST

START_TEST(explanations_of_rules)
{
	deny("203.0.112.0/24");
	deny("8.8.8.8 ports 3478-3481");
	allow("10.1.1.1 port 443");
	must_say("203.0.112.7", 0, "deny 203.0.112.0/24");
	must_say("203.0.112.7", 5000, "deny 203.0.112.0/24");
	must_say("8.8.8.8", 3478, "deny 8.8.8.8 ports 3478-3481");
	must_say("8.8.8.8", 0, "preset public");
	must_say("10.1.1.1", 443, "allow 10.1.1.1 port 443");
	must_say("10.1.1.1", 442, "private (RFC 1918)");
	must_say("::ffff:10.1.1.1", 443, "allow 10.1.1.1 port 443");
	must_say("10.0.0.4", 3478, "own socket");
	must_say("10.0.0.4", 22, "own address");
	must_say("10.0.0.4", 50000, "relay address");
	must_say("10.0.0.5", 50001, "own socket");
	preset(PEER_PRESET_LAN);
	must_say("192.168.1.1", 0, "preset lan");
	preset(PEER_PRESET_ACS);
	must_say("8.9.8.8", 0, "preset acs");
	policy.realms[REALM].dry_run = true;
	must_say("8.9.8.8", 7, "preset acs");
	policy.self_test_peer = text_addr("8.9.8.8", 7);
	must_say("8.9.8.8", 7, "self-test");
	must_say("8.9.8.8", 0, "self-test");
}
END_TEST

/* --- against the reference ------------------------------------------------ */

START_TEST(agrees_with_the_reference)
{
	const char *wish = getenv("PEER_ADDRESSES");
	uint64_t wanted = wish ? strtoull(wish, NULL, 10) : ADDRESSES;
	uint64_t state = 20260101;
	uint8_t input[4096];

	/* The target prints what differs, and aborts. */
	while (addresses_judged < wanted) {
		for (size_t i = 0; i < sizeof(input); i += 8) {
			uint64_t random = unit_random(&state);

			memcpy(input + i, &random, 8);
		}
		LLVMFuzzerTestOneInput(input, sizeof(input));
	}
	printf("%llu addresses: %llu denied, %llu allowed, %llu hairpin, "
	       "%llu dry\n",
	       (unsigned long long)addresses_judged,
	       (unsigned long long)addresses_by_verdict[PEER_DENIED],
	       (unsigned long long)addresses_by_verdict[PEER_ALLOWED],
	       (unsigned long long)addresses_by_verdict[PEER_HAIRPIN],
	       (unsigned long long)addresses_by_verdict[PEER_DRY]);
	for (int i = 0; i < 4; i++)
		ck_assert_uint_gt(addresses_by_verdict[i], wanted / 500);
}
END_TEST

static Suite *peer_policy_suite(void)
{
	Suite *s = suite_create("peer_policy");
	TCase *special_purpose = tcase_create("special_purpose");
	TCase *rules = tcase_create("rules");
	TCase *own = tcase_create("own");
	TCase *realms = tcase_create("realms");
	TCase *words = tcase_create("words");
	TCase *long_run = tcase_create("reference");

	tcase_add_checked_fixture(special_purpose, setup, NULL);
	tcase_set_timeout(special_purpose, 60);
	tcase_add_loop_test(special_purpose, special_purpose_is_refused, 0,
			    (int)COUNT(special));
	tcase_add_loop_test(special_purpose, public_is_reached, 0,
			    (int)COUNT(public));
	tcase_add_test(special_purpose, no_spelling_of_a_special_address);
	tcase_add_loop_test(special_purpose, spellings_exhaustively, 0, 9);
	tcase_add_test(special_purpose, no_family_is_refused);
	tcase_add_test(special_purpose, port_0_is_refused);
	suite_add_tcase(s, special_purpose);

	tcase_add_checked_fixture(rules, setup, NULL);
	tcase_set_timeout(rules, 60);
	tcase_add_test(rules, deny_rules);
	tcase_add_test(rules, deny_everything);
	tcase_add_test(rules, allow_beats_deny);
	tcase_add_test(rules, allowing_ipv4_opens_one_form);
	tcase_add_test(rules, allowing_a_form_opens_no_ipv4);
	suite_add_tcase(s, rules);

	tcase_add_checked_fixture(own, setup, NULL);
	tcase_set_timeout(own, 60);
	tcase_add_test(own, own_interfaces_are_refused);
	tcase_add_test(own, relay_addresses);
	tcase_add_test(own, relay_address_by_rule);
	tcase_add_test(own, own_sockets_are_never_reached);
	tcase_add_test(own, own_sockets_are_known_in_their_forms);
	tcase_add_test(own, self_test_peer);
	tcase_add_test(own, canonical_form);
	tcase_add_test(own, canonical_form_of_two_families);
	tcase_add_test(own, places_of_relay_addresses);
	tcase_add_test(own, full_lists);
	suite_add_tcase(s, own);

	tcase_add_checked_fixture(realms, setup, NULL);
	tcase_add_test(realms, ports_that_are_denied);
	tcase_add_test(realms, ports_that_are_allowed);
	tcase_add_test(realms, where_the_port_matters);
	tcase_add_test(realms, rules_are_for_the_realms_they_name);
	tcase_add_test(realms, preset_acs_admits_its_ranges_alone);
	tcase_add_test(realms, preset_acs_opens_nothing_special);
	tcase_add_test(realms, preset_lan_opens_private_addresses);
	tcase_add_test(realms, dry_run);
	suite_add_tcase(s, realms);

	tcase_add_checked_fixture(words, setup, NULL);
	tcase_add_test(words, explanations);
	tcase_add_test(words, explanations_of_rules);
	suite_add_tcase(s, words);

	tcase_set_timeout(long_run, 600);
	tcase_add_test(long_run, agrees_with_the_reference);
	suite_add_tcase(s, long_run);
	return s;
}

UNIT_MAIN(peer_policy_suite)
