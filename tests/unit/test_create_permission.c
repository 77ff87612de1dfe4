#include "core_fixture.h"

static struct core c;
static struct core_request q;
static struct addr client;

static void set_up(void)
{
	core_setup(&c);
	client = core_client(1, 5000);
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	core_begin(&q, STUN_CREATE_PERMISSION, &client, 2);
}

static void tear_down(void)
{
	core_teardown(&c);
}

static void add(const struct addr *peer)
{
	stun_add_xor_addr(&q.builder, STUN_ATTR_XOR_PEER_ADDRESS, peer);
}

static void add_peer(uint8_t host)
{
	struct addr peer = core_peer(host, 1234);

	add(&peer);
}

static uint16_t ask(void)
{
	uint16_t code = core_ask(&c, &q, &core_alice);

	core_begin(&q, STUN_CREATE_PERMISSION, &client, 2);
	return code;
}

static unsigned installed(void)
{
	return c.server->flows.permissions.used;
}

static bool permitted(uint8_t host)
{
	struct addr peer = core_peer(host, 4321);

	core_from_peer(&c, c.last_relay, &peer, bytes_str("x"));
	return c.verdict.kind == VERDICT_TO_CLIENT;
}

/* --- RFC 8656 section 10.2 -------------------------------------------------------- */

START_TEST(one_peer_is_permitted)
{
	ck_assert(!permitted(1));
	add_peer(1);
	ck_assert_uint_eq(ask(), 0);
	ck_assert_str_eq(core_reply_attrs(&c), "MESSAGE-INTEGRITY");
	ck_assert(permitted(1));
	ck_assert(!permitted(2));
}
END_TEST

START_TEST(all_of_several_peers_are_permitted)
{
	for (uint8_t host = 1; host <= 8; host++)
		add_peer(host);
	ck_assert_uint_eq(ask(), 0);
	for (uint8_t host = 1; host <= 8; host++)
		ck_assert(permitted(host));
	ck_assert(!permitted(9));
}
END_TEST

START_TEST(the_same_peer_twice_is_one_permission)
{
	add_peer(1);
	add_peer(1);
	ck_assert_uint_eq(ask(), 0);
	add_peer(1);
	ck_assert_uint_eq(ask(), 0);
	ck_assert_uint_eq(installed(), 1);
}
END_TEST

/* "The port portion of each attribute is ignored", 0 as any other. */
START_TEST(ports_are_ignored)
{
	struct addr peer = core_peer(1, 0);

	add(&peer);
	ck_assert_uint_eq(ask(), 0);
	ck_assert(permitted(1));
}
END_TEST

START_TEST(without_a_peer_it_is_a_bad_request)
{
	ck_assert_uint_eq(ask(), 400);
	ck_assert_str_eq(core_reply_attrs(&c), "ERROR-CODE MESSAGE-INTEGRITY");
}
END_TEST

START_TEST(a_malformed_peer_is_a_bad_request)
{
	stun_add_u32(&q.builder, STUN_ATTR_XOR_PEER_ADDRESS, 1);
	ck_assert_uint_eq(ask(), 400);
	stun_add_u64(&q.builder, STUN_ATTR_XOR_PEER_ADDRESS,
		     UINT64_C(3) << 48); /* a family that is none */
	ck_assert_uint_eq(ask(), 400);
	stun_add_u64(&q.builder, STUN_ATTR_XOR_PEER_ADDRESS,
		     UINT64_C(2) << 48); /* IPv6 in 8 bytes */
	ck_assert_uint_eq(ask(), 400);
}
END_TEST

static const uint8_t ipv6[16] = { 0x26, 0x07, 0xf8, 0xb0, [15] = 1 };

START_TEST(an_ipv6_peer_is_443)
{
	struct addr peer = addr_ipv6(ipv6, 1);

	add(&peer);
	ck_assert_uint_eq(ask(), 443);
	ck_assert_str_eq(core_signature(&c, &core_alice), "MESSAGE-INTEGRITY");
}
END_TEST

/* However it spells something forbidden, or a relayed address of ours. */
START_TEST(an_ipv6_spelling_of_ipv4_is_443_too)
{
	uint8_t mapped[16] = { [10] = 0xff, 0xff, 127, 0, 0, 1 };
	struct addr peer = addr_ipv6(mapped, 1);

	add(&peer);
	ck_assert_uint_eq(ask(), 443);
	memcpy(mapped + 12, (uint8_t[]){ 10, 0, 0, 4 }, 4);
	peer = addr_ipv6(mapped, CORE_PORT_MIN);
	add(&peer);
	ck_assert_uint_eq(ask(), 443);
}
END_TEST

START_TEST(forbidden_peers_are_403)
{
	static const uint32_t ips[] = {
		0x7f000001, 0x00000000, 0x0a000001, 0xa9fea9fe, 0xa83f8110,
		0xe0000001, 0xffffffff, 0x64400001, 0xc0000201, 0xc6336401,
	};

	for (size_t i = 0; i < sizeof(ips) / sizeof(ips[0]); i++) {
		struct addr peer = addr_ipv4(ips[i], 80);

		add(&peer);
		ck_assert_uint_eq(ask(), 403);
	}
	ck_assert_str_eq(core_signature(&c, &core_alice), "MESSAGE-INTEGRITY");
	ck_assert_uint_eq(installed(), 0);
}
END_TEST

/* Decisions, "Own addresses": bound, advertised, whatever the port. */
START_TEST(our_relay_addresses_are_permitted)
{
	struct addr peer = addr_with_port(&c.config.relay, 80);

	add(&peer);
	ck_assert_uint_eq(ask(), 0);
	peer = c.config.relay_advertise;
	add(&peer);
	ck_assert_uint_eq(ask(), 0);
	/* They are one peer. */
	ck_assert_uint_eq(installed(), 1);
}
END_TEST

/* --- one bad peer refuses the whole request: 400 before 443 before 403 ------------- */

static void expect_refusal(uint16_t code)
{
	ck_assert_uint_eq(ask(), code);
	ck_assert_uint_eq(installed(), 0);
	ck_assert(!permitted(1));
}

START_TEST(one_bad_peer_refuses_all)
{
	struct addr loopback = addr_ipv4(0x7f000001, 1);
	struct addr other_family = addr_ipv6(ipv6, 1);

	add_peer(1);
	add(&loopback);
	expect_refusal(403);
	add(&loopback);
	add(&other_family);
	add_peer(1);
	expect_refusal(443);
	add(&loopback);
	add(&other_family);
	add_peer(1);
	stun_add_flag(&q.builder, STUN_ATTR_XOR_PEER_ADDRESS);
	expect_refusal(400);
}
END_TEST

START_TEST(a_refusal_comes_before_the_limit)
{
	struct addr loopback = addr_ipv4(0x7f000001, 1);

	for (uint8_t host = 1; host <= 9; host++)
		add_peer(host);
	add(&loopback);
	expect_refusal(403);
}
END_TEST

/* --- the limit: 508, nothing installed ------------------------------------------------ */

START_TEST(one_too_many_at_once_is_508)
{
	for (uint8_t host = 1; host <= 9; host++)
		add_peer(host);
	ck_assert_uint_eq(ask(), 508);
	ck_assert_str_eq(core_signature(&c, &core_alice), "MESSAGE-INTEGRITY");
	ck_assert_uint_eq(installed(), 0);
	for (uint8_t host = 1; host <= 9; host++)
		ck_assert(!permitted(host));
}
END_TEST

START_TEST(one_too_many_in_time_is_508)
{
	for (uint8_t host = 1; host <= 8; host++) {
		add_peer(host);
		ck_assert_uint_eq(ask(), 0);
	}
	add_peer(9);
	ck_assert_uint_eq(ask(), 508);
	add_peer(1);
	add_peer(9);
	ck_assert_uint_eq(ask(), 508);
	/* Known ones may still be refreshed, each counted once. */
	add_peer(8);
	add_peer(1);
	ck_assert_uint_eq(ask(), 0);
	ck_assert_uint_eq(installed(), 8);
}
END_TEST

START_TEST(the_same_new_peer_is_counted_once)
{
	for (uint8_t host = 1; host <= 7; host++)
		add_peer(host);
	ck_assert_uint_eq(ask(), 0);
	for (unsigned i = 0; i < 5; i++)
		add_peer(8);
	ck_assert_uint_eq(ask(), 0);
}
END_TEST

START_TEST(expired_ones_do_not_count)
{
	for (uint8_t host = 1; host <= 8; host++)
		add_peer(host);
	ck_assert_uint_eq(ask(), 0);
	core_pass(&c, 299999);
	add_peer(9);
	ck_assert_uint_eq(ask(), 508);
	core_pass(&c, 1); /* and no tick */
	for (uint8_t host = 11; host <= 18; host++)
		add_peer(host);
	ck_assert_uint_eq(ask(), 0);
	ck_assert_uint_eq(installed(), 8);
	ck_assert(!permitted(1));
	ck_assert(permitted(18));
}
END_TEST

/* A channel keeps its permission's record; an expired one no longer. */
START_TEST(expired_channels_keep_nothing)
{
	struct addr bound = core_peer(1, 6000);

	ck_assert_uint_eq(core_refresh(&c, &client, 2, 3600), 0);
	ck_assert_uint_eq(core_bind(&c, &client, 3, 0x4000, &bound), 0);
	core_pass(&c, 600000); /* and no tick */
	for (uint8_t host = 11; host <= 18; host++)
		add_peer(host);
	ck_assert_uint_eq(ask(), 0);
	ck_assert_uint_eq(installed(), 8);
}
END_TEST

/* "The permissions for one allocation are totally unrelated to" others. */
START_TEST(each_allocation_has_its_own)
{
	struct addr second = core_client(2, 5000);
	struct ref relay = c.last_relay;

	for (uint8_t host = 1; host <= 8; host++)
		add_peer(host);
	ck_assert_uint_eq(ask(), 0);
	ck_assert_uint_eq(core_allocate(&c, &second, 1), 0);
	ck_assert(!permitted(1));
	core_begin(&q, STUN_CREATE_PERMISSION, &second, 2);
	for (uint8_t host = 11; host <= 18; host++)
		add_peer(host);
	ck_assert_uint_eq(ask(), 0);
	ck_assert(permitted(11));
	c.last_relay = relay;
	ck_assert(permitted(1));
	ck_assert(!permitted(11));
}
END_TEST

/* As many as a message holds: 64 attributes, three of them credentials. */
START_TEST(a_request_may_name_61_peers)
{
	c.config.limits.permissions_per_allocation = 61;
	core_restart(&c);
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	for (uint8_t host = 1; host <= 61; host++)
		add_peer(host);
	ck_assert_uint_eq(ask(), 0);
	ck_assert_uint_eq(installed(), 61);
}
END_TEST

/* A repeated request leaves equal state apart from later expiry. */
START_TEST(a_repeated_request_refreshes)
{
	add_peer(1);
	core_sign(&c, &q, &core_alice);
	core_send(&c, &q);
	core_pass(&c, 200000);
	core_send(&c, &q);
	ck_assert_uint_eq(core_code(&c), 0);
	ck_assert_uint_eq(installed(), 1);
	core_pass(&c, 299999);
	ck_assert(permitted(1));
	core_pass(&c, 1);
	ck_assert(!permitted(1));
}
END_TEST

/* --- the log of peers: decisions, "Logs" ------------------------------------------ */

static void log_peers(void)
{
	c.config.log_peers = true;
	core_restart(&c);
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	c.logs = 0;
	core_begin(&q, STUN_CREATE_PERMISSION, &client, 2);
}

START_TEST(peers_are_not_logged_unless_asked_for)
{
	c.logs = 0;
	add_peer(1);
	ck_assert_uint_eq(ask(), 0);
	ck_assert_uint_eq(c.logs, 0);
}
END_TEST

START_TEST(each_new_peer_of_a_session_is_logged)
{
	log_peers();
	add_peer(1);
	add_peer(2);
	add_peer(1);
	ck_assert_uint_eq(ask(), 0);
	ck_assert_uint_eq(c.logs, 1);
	ck_assert_int_eq(c.log.level, LOG_LEVEL_INFO);
	ck_assert_str_eq(core_log_field(&c, "client"), "192.0.2.1:5000");
	ck_assert_str_eq(core_log_field(&c, "user"), "alice");
	ck_assert_str_eq(core_log_field(&c, "realm"), CORE_REALM);
	ck_assert_str_eq(core_log_field(&c, "peer"), "8.8.8.1,8.8.8.2");
	ck_assert_str_eq(core_log_field(&c, "count"), "2");
	/* Of known and new ones the new; of known ones nothing. */
	add_peer(2);
	add_peer(3);
	ck_assert_uint_eq(ask(), 0);
	ck_assert_uint_eq(c.logs, 2);
	ck_assert_str_eq(core_log_field(&c, "peer"), "8.8.8.3");
	ck_assert_str_eq(core_log_field(&c, "count"), "1");
	add_peer(1);
	ck_assert_uint_eq(ask(), 0);
	ck_assert_uint_eq(c.logs, 2);
}
END_TEST

START_TEST(refused_peers_are_no_new_peers)
{
	struct addr loopback = addr_ipv4(0x7f000001, 1);

	log_peers();
	add_peer(1);
	add(&loopback);
	ck_assert_uint_eq(ask(), 403);
	ck_assert_str_eq(c.log.message, "a peer is denied");
	for (uint8_t host = 1; host <= 9; host++)
		add_peer(host);
	ck_assert_uint_eq(ask(), 508);
	ck_assert_str_eq(c.log.message, "too many permissions");
	ck_assert_uint_eq(c.logs, 2);
}
END_TEST

/* The list is cut, the number is not. */
START_TEST(many_new_peers_are_one_line)
{
	const char *peers;

	c.config.limits.permissions_per_allocation = 60;
	log_peers();
	for (uint8_t host = 200; host < 250; host++)
		add_peer(host);
	ck_assert_uint_eq(ask(), 0);
	ck_assert_uint_eq(c.logs, 1);
	peers = core_log_field(&c, "peer");
	ck_assert_int_eq(strncmp(peers, "8.8.8.200,8.8.8.201,", 20), 0);
	ck_assert_uint_eq(strlen(peers), LOG_VALUE_MAX_BYTES);
	ck_assert_str_eq(core_log_field(&c, "count"), "50");
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("create_permission");
	TCase *t = tcase_create("create_permission");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, one_peer_is_permitted);
	tcase_add_test(t, all_of_several_peers_are_permitted);
	tcase_add_test(t, the_same_peer_twice_is_one_permission);
	tcase_add_test(t, ports_are_ignored);
	tcase_add_test(t, without_a_peer_it_is_a_bad_request);
	tcase_add_test(t, a_malformed_peer_is_a_bad_request);
	tcase_add_test(t, an_ipv6_peer_is_443);
	tcase_add_test(t, an_ipv6_spelling_of_ipv4_is_443_too);
	tcase_add_test(t, forbidden_peers_are_403);
	tcase_add_test(t, our_relay_addresses_are_permitted);
	tcase_add_test(t, one_bad_peer_refuses_all);
	tcase_add_test(t, a_refusal_comes_before_the_limit);
	tcase_add_test(t, one_too_many_at_once_is_508);
	tcase_add_test(t, one_too_many_in_time_is_508);
	tcase_add_test(t, the_same_new_peer_is_counted_once);
	tcase_add_test(t, expired_ones_do_not_count);
	tcase_add_test(t, expired_channels_keep_nothing);
	tcase_add_test(t, each_allocation_has_its_own);
	tcase_add_test(t, a_request_may_name_61_peers);
	tcase_add_test(t, a_repeated_request_refreshes);
	tcase_add_test(t, peers_are_not_logged_unless_asked_for);
	tcase_add_test(t, each_new_peer_of_a_session_is_logged);
	tcase_add_test(t, refused_peers_are_no_new_peers);
	tcase_add_test(t, many_new_peers_are_one_line);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
