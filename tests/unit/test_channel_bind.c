#include "core_fixture.h"

static struct core c;
static struct core_request q;
static struct addr client, peer;

static void set_up(void)
{
	core_setup(&c);
	client = core_client(1, 5000);
	peer = core_peer(1, 6000);
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
}

static void tear_down(void)
{
	core_teardown(&c);
}

static uint16_t bind_to(uint16_t number, const struct addr *to)
{
	return core_bind(&c, &client, 2, number, to);
}

static bool works(uint16_t number)
{
	core_channel_data(&c, &client, number, "x");
	return c.verdict.kind == VERDICT_TO_PEER ||
	       c.verdict.kind == VERDICT_HAIRPIN;
}

static void begin(void)
{
	core_begin(&q, STUN_CHANNEL_BIND, &client, 2);
}

static void add_number(uint32_t value)
{
	stun_add_u32(&q.builder, STUN_ATTR_CHANNEL_NUMBER, value);
}

static void add_peer(const struct addr *a)
{
	stun_add_xor_addr(&q.builder, STUN_ATTR_XOR_PEER_ADDRESS, a);
}

static uint16_t ask(void)
{
	return core_ask(&c, &q, &core_alice);
}

static unsigned channels(void)
{
	return c.server->flows.channels.used;
}

static unsigned permissions(void)
{
	return c.server->flows.permissions.used;
}

/* --- RFC 8656 section 12.2 ----------------------------------------------------------- */

/* aioice and werift never send CreatePermission. */
START_TEST(a_binding_installs_the_permission_as_well)
{
	struct addr other_port = core_peer(1, 7000);

	ck_assert_uint_eq(bind_to(0x4000, &peer), 0);
	ck_assert_str_eq(core_reply_attrs(&c), "MESSAGE-INTEGRITY");
	ck_assert(works(0x4000));
	ck_assert(addr_equal(&c.verdict.to, &peer));
	ck_assert_str_eq(core_indicate(&c, &client, &other_port, "x"),
			 "to_peer");
	ck_assert_uint_eq(channels(), 1);
	ck_assert_uint_eq(permissions(), 1);
}
END_TEST

START_TEST(numbers_go_from_4000_to_4fff)
{
	static const uint16_t good[] = { 0x4000, 0x4001, 0x4fff };
	static const uint16_t bad[] = { 0x0000, 0x0001, 0x3fff, 0x5000,
					0x7fff, 0x8000, 0xffff };

	for (size_t i = 0; i < 3; i++) {
		peer.port++;
		ck_assert_uint_eq(bind_to(good[i], &peer), 0);
		ck_assert(works(good[i]));
	}
	for (size_t i = 0; i < 7; i++) {
		peer.port++;
		ck_assert_uint_eq(bind_to(bad[i], &peer), 400);
	}
	ck_assert_str_eq(core_signature(&c, &core_alice), "MESSAGE-INTEGRITY");
	ck_assert_uint_eq(channels(), 3);
}
END_TEST

/* RFC 8656 section 18.1: the two bytes after the number are ignored. */
START_TEST(reserved_bytes_are_ignored)
{
	begin();
	add_number(0x4000ffff);
	add_peer(&peer);
	ck_assert_uint_eq(ask(), 0);
	ck_assert(works(0x4000));
}
END_TEST

START_TEST(both_attributes_are_required)
{
	begin();
	ck_assert_uint_eq(ask(), 400);
	begin();
	add_number(0x40000000);
	ck_assert_uint_eq(ask(), 400);
	begin();
	add_peer(&peer);
	ck_assert_uint_eq(ask(), 400);
	ck_assert_uint_eq(channels() + permissions(), 0);
}
END_TEST

START_TEST(malformed_attributes_are_bad_requests)
{
	begin();
	stun_add(&q.builder, STUN_ATTR_CHANNEL_NUMBER, bytes_of("\x40\0", 2));
	add_peer(&peer);
	ck_assert_uint_eq(ask(), 400);
	begin();
	add_number(0x40000000);
	stun_add_u32(&q.builder, STUN_ATTR_XOR_PEER_ADDRESS, 1);
	ck_assert_uint_eq(ask(), 400);
	begin();
	add_number(0x40000000);
	stun_add_u64(&q.builder, STUN_ATTR_XOR_PEER_ADDRESS, 0);
	ck_assert_uint_eq(ask(), 400);
}
END_TEST

START_TEST(a_number_is_bound_to_one_peer)
{
	struct addr other = core_peer(1, 6001);

	ck_assert_uint_eq(bind_to(0x4000, &peer), 0);
	ck_assert_uint_eq(bind_to(0x4000, &other), 400);
	other = core_peer(2, 6000);
	ck_assert_uint_eq(bind_to(0x4000, &other), 400);
	ck_assert(works(0x4000));
	ck_assert(addr_equal(&c.verdict.to, &peer));
	ck_assert_uint_eq(permissions(), 1);
}
END_TEST

START_TEST(a_peer_is_bound_to_one_number)
{
	ck_assert_uint_eq(bind_to(0x4000, &peer), 0);
	ck_assert_uint_eq(bind_to(0x4001, &peer), 400);
	ck_assert(!works(0x4001));
	/* Each bound, but not to each other. */
	peer.port++;
	ck_assert_uint_eq(bind_to(0x4001, &peer), 0);
	ck_assert_uint_eq(bind_to(0x4000, &peer), 400);
}
END_TEST

START_TEST(another_port_is_another_peer)
{
	struct addr other = core_peer(1, 6001);

	ck_assert_uint_eq(bind_to(0x4000, &peer), 0);
	ck_assert_uint_eq(bind_to(0x4001, &other), 0);
	ck_assert_uint_eq(permissions(), 1);
	ck_assert(works(0x4001));
	ck_assert(addr_equal(&c.verdict.to, &other));
}
END_TEST

/* "the use of a channel number ... in one allocation has no impact" */
START_TEST(each_allocation_has_its_own)
{
	struct addr other = core_peer(2, 6000);

	ck_assert_uint_eq(bind_to(0x4000, &peer), 0);
	client = core_client(2, 5000);
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	ck_assert(!works(0x4000));
	ck_assert_uint_eq(bind_to(0x4000, &other), 0);
	ck_assert_uint_eq(bind_to(0x4001, &peer), 0);
	ck_assert(works(0x4000));
	ck_assert(addr_equal(&c.verdict.to, &other));
}
END_TEST

/* A repeated request leaves equal state apart from later expiry. */
START_TEST(a_repeated_binding_refreshes)
{
	ck_assert_uint_eq(core_refresh(&c, &client, 2, 3600), 0);
	ck_assert_uint_eq(bind_to(0x4000, &peer), 0);
	core_pass(&c, 299999);
	ck_assert_uint_eq(bind_to(0x4000, &peer), 0);
	ck_assert_uint_eq(channels(), 1);
	ck_assert_uint_eq(permissions(), 1);
	core_pass(&c, 299999);
	ck_assert(works(0x4000));
}
END_TEST

/* --- peers that may not be reached ---------------------------------------------------------- */

static const uint8_t ipv6[16] = { 0x26, 0x07, 0xf8, 0xb0, [15] = 1 };

START_TEST(an_ipv6_peer_is_443)
{
	uint8_t mapped[16] = { [10] = 0xff, 0xff, 127, 0, 0, 1 };
	struct addr other = addr_ipv6(ipv6, 1);

	ck_assert_uint_eq(bind_to(0x4000, &other), 443);
	other = addr_ipv6(mapped, 1);
	ck_assert_uint_eq(bind_to(0x4000, &other), 443);
	ck_assert_str_eq(core_signature(&c, &core_alice), "MESSAGE-INTEGRITY");
	/* The tests of number and binding come before. */
	other = addr_ipv6(ipv6, 1);
	ck_assert_uint_eq(bind_to(0x5000, &other), 400);
	ck_assert_uint_eq(bind_to(0x4000, &peer), 0);
	ck_assert_uint_eq(bind_to(0x4000, &other), 400);
}
END_TEST

START_TEST(forbidden_peers_are_403)
{
	struct addr denied[] = {
		addr_ipv4(0x7f000001, 80), addr_ipv4(0x0a000001, 80),
		addr_ipv4(0xa9fea9fe, 80), addr_ipv4(0xa83f8110, 53),
		addr_ipv4(0xe0000001, 80), c.config.listeners[0].local,
		core_peer(1, 0),
	};

	for (size_t i = 0; i < sizeof(denied) / sizeof(denied[0]); i++)
		ck_assert_uint_eq(bind_to(0x4000, &denied[i]), 403);
	ck_assert_str_eq(core_signature(&c, &core_alice), "MESSAGE-INTEGRITY");
	ck_assert_uint_eq(channels() + permissions(), 0);
}
END_TEST

/* Decisions, "Own addresses": only for ports inside relay.ports. */
START_TEST(our_relay_addresses_only_within_the_range)
{
	static const struct {
		uint16_t port, code;
	} table[] = { { CORE_PORT_MIN - 1, 403 },
		      { CORE_PORT_MAX + 1, 403 },
		      { 22, 403 },
		      { CORE_PORT_MIN, 0 },
		      { CORE_PORT_MAX, 0 } };

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		uint16_t number = (uint16_t)(0x4000 + i);
		struct addr to = addr_with_port(&c.config.relay, table[i].port);

		ck_assert_uint_eq(bind_to(number, &to), table[i].code);
		to = addr_with_port(&c.config.relay_advertise, table[i].port);
		/* In its other form it is the same peer. */
		ck_assert_uint_eq(bind_to(number, &to), table[i].code);
	}
	ck_assert_uint_eq(channels(), 2);
	ck_assert_uint_eq(permissions(), 1);
}
END_TEST

START_TEST(the_two_forms_of_a_relay_address_are_one_peer)
{
	struct addr bound = addr_with_port(&c.config.relay, CORE_PORT_MIN);
	struct addr told =
		addr_with_port(&c.config.relay_advertise, CORE_PORT_MIN);

	ck_assert_uint_eq(bind_to(0x4000, &bound), 0);
	ck_assert_uint_eq(bind_to(0x4001, &told), 400);
	ck_assert_uint_eq(bind_to(0x4000, &told), 0);
}
END_TEST

/* --- limits: 508, nothing installed ------------------------------------------------------------ */

static void bind_eight(void)
{
	for (uint16_t i = 0; i < 8; i++) {
		peer.port++;
		ck_assert_uint_eq(bind_to((uint16_t)(0x4000 + i), &peer), 0);
	}
}

START_TEST(one_channel_too_many_is_508)
{
	struct addr other = core_peer(9, 9);

	bind_eight();
	ck_assert_uint_eq(bind_to(0x4008, &other), 508);
	ck_assert_str_eq(core_signature(&c, &core_alice), "MESSAGE-INTEGRITY");
	ck_assert_uint_eq(channels(), 8);
	ck_assert_uint_eq(permissions(), 1);
	ck_assert_str_eq(core_indicate(&c, &client, &other, "x"),
			 "no_permission");
	/* One that exists may be refreshed. */
	ck_assert_uint_eq(bind_to(0x4007, &peer), 0);
}
END_TEST

START_TEST(one_permission_too_many_is_508)
{
	for (uint8_t host = 1; host <= 8; host++) {
		struct addr to = core_peer(host, 1);

		ck_assert_uint_eq(core_permit(&c, &client, 2, &to), 0);
	}
	peer = core_peer(9, 1);
	ck_assert_uint_eq(bind_to(0x4000, &peer), 508);
	ck_assert_uint_eq(channels(), 0);
	ck_assert_uint_eq(permissions(), 8);
	peer = core_peer(8, 1);
	ck_assert_uint_eq(bind_to(0x4000, &peer), 0);
}
END_TEST

START_TEST(refusals_come_before_the_limit)
{
	struct addr loopback = addr_ipv4(0x7f000001, 1);
	struct addr other_family = addr_ipv6(ipv6, 1);

	bind_eight();
	ck_assert_uint_eq(bind_to(0x5000, &loopback), 400);
	ck_assert_uint_eq(bind_to(0x4008, &other_family), 443);
	ck_assert_uint_eq(bind_to(0x4008, &loopback), 403);
}
END_TEST

/* --- expiry ------------------------------------------------------------------------------------- */

/* Section 12: once unbound, number and peer are free for others. */
START_TEST(what_has_expired_is_free_without_a_tick)
{
	struct addr other = core_peer(2, 6000);

	ck_assert_uint_eq(core_refresh(&c, &client, 2, 3600), 0);
	ck_assert_uint_eq(bind_to(0x4000, &peer), 0);
	core_pass(&c, 599999);
	ck_assert_uint_eq(bind_to(0x4000, &other), 400);
	ck_assert_uint_eq(bind_to(0x4001, &peer), 400);
	core_pass(&c, 1);
	ck_assert_uint_eq(bind_to(0x4000, &other), 0);
	ck_assert_uint_eq(bind_to(0x4001, &peer), 0);
	ck_assert_uint_eq(channels(), 2);
	ck_assert_uint_eq(permissions(), 2);
}
END_TEST

START_TEST(what_has_expired_does_not_count)
{
	struct addr other = core_peer(2, 6000);

	ck_assert_uint_eq(core_refresh(&c, &client, 2, 3600), 0);
	bind_eight();
	core_pass(&c, 600000);
	ck_assert_uint_eq(bind_to(0x4100, &other), 0);
	ck_assert_uint_eq(channels(), 1);
	ck_assert_uint_eq(permissions(), 1);
}
END_TEST

/* A refused request may meet things that have expired; their clock is kept. */
START_TEST(a_refusal_leaves_the_clock_right)
{
	struct addr other = core_peer(2, 6000);

	ck_assert_uint_eq(core_refresh(&c, &client, 2, 3600), 0);
	ck_assert_uint_eq(bind_to(0x4000, &peer), 0);
	core_pass(&c, 500000);
	ck_assert_uint_eq(core_permit(&c, &client, 2, &peer), 0);
	ck_assert_uint_eq(core_permit(&c, &client, 2, &other), 0);
	core_pass(&c, 100000);
	ck_assert_uint_eq(bind_to(0x5000, &peer), 400);
	ck_assert_uint_eq(channels(), 0);
	ck_assert_uint_eq(permissions(), 2);
	core_wait(&c, TIMER_TICK_MS);
	core_wait(&c, 200000 + TIMER_TICK_MS);
	ck_assert_uint_eq(permissions(), 0);
}
END_TEST

/* Decisions, "Logs": with its port, each once; not when it is refreshed. */
START_TEST(a_new_binding_is_logged_where_asked_for)
{
	ck_assert_uint_eq(bind_to(0x4000, &peer), 0);
	ck_assert_uint_eq(c.logs, 1); /* that the session began */
	c.config.log_peers = true;
	core_restart(&c);
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	c.logs = 0;
	ck_assert_uint_eq(bind_to(0x4000, &peer), 0);
	ck_assert_uint_eq(c.logs, 1);
	ck_assert_str_eq(core_log_field(&c, "peer"), "8.8.8.1:6000");
	ck_assert_str_eq(core_log_field(&c, "count"), "1");
	ck_assert_uint_eq(bind_to(0x4000, &peer), 0);
	ck_assert_uint_eq(bind_to(0x4001, &peer), 400);
	ck_assert_uint_eq(c.logs, 1);
}
END_TEST

/* "limits.peers": a new binding is a peer more, one that is refreshed none. */
START_TEST(one_new_peer_too_many_is_508)
{
	struct addr other = core_peer(2, 6000), third = core_peer(3, 6000);

	c.config.limits.peers = (struct bucket_rate){ 1, 2 };
	core_restart(&c);
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	ck_assert_uint_eq(bind_to(0x4000, &peer), 0);
	ck_assert_uint_eq(bind_to(0x4001, &other), 0);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_uint_eq(bind_to(0x4002, &third), 508);
		ck_assert_uint_eq(bind_to(0x4000, &peer), 0);
	}
	ck_assert_uint_eq(channels(), 2);
	ck_assert_uint_eq(permissions(), 2);
	core_pass(&c, 1000);
	ck_assert_uint_eq(bind_to(0x4002, &third), 0);
}
END_TEST

/* What a request is refused for anyway costs no peer. */
START_TEST(a_refused_binding_costs_no_peer)
{
	struct addr denied = addr_ipv4(0x7f000001, 6000);

	c.config.limits.peers = (struct bucket_rate){ 1, 1 };
	core_restart(&c);
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	ck_assert_uint_eq(bind_to(0x4000, &denied), 403);
	ck_assert_uint_eq(bind_to(0x5000, &peer), 400);
	ck_assert_uint_eq(bind_to(0x4000, &peer), 0);
}
END_TEST

/* A peer that indications were sent to is known already. */
START_TEST(a_peer_that_is_sent_to_is_no_new_one)
{
	struct addr other = core_peer(2, 6000);

	c.config.limits.peers = (struct bucket_rate){ 1, 1 };
	core_restart(&c);
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	ck_assert_uint_eq(core_permit(&c, &client, 2, &peer), 0);
	ck_assert_str_eq(core_indicate(&c, &client, &peer, "x"), "to_peer");
	ck_assert_uint_eq(bind_to(0x4000, &peer), 0);
	ck_assert_uint_eq(bind_to(0x4001, &other), 508);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("channel_bind");
	TCase *t = tcase_create("channel_bind");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_binding_installs_the_permission_as_well);
	tcase_add_test(t, numbers_go_from_4000_to_4fff);
	tcase_add_test(t, reserved_bytes_are_ignored);
	tcase_add_test(t, both_attributes_are_required);
	tcase_add_test(t, malformed_attributes_are_bad_requests);
	tcase_add_test(t, a_number_is_bound_to_one_peer);
	tcase_add_test(t, a_peer_is_bound_to_one_number);
	tcase_add_test(t, another_port_is_another_peer);
	tcase_add_test(t, each_allocation_has_its_own);
	tcase_add_test(t, a_repeated_binding_refreshes);
	tcase_add_test(t, an_ipv6_peer_is_443);
	tcase_add_test(t, forbidden_peers_are_403);
	tcase_add_test(t, our_relay_addresses_only_within_the_range);
	tcase_add_test(t, the_two_forms_of_a_relay_address_are_one_peer);
	tcase_add_test(t, one_channel_too_many_is_508);
	tcase_add_test(t, one_permission_too_many_is_508);
	tcase_add_test(t, refusals_come_before_the_limit);
	tcase_add_test(t, what_has_expired_is_free_without_a_tick);
	tcase_add_test(t, what_has_expired_does_not_count);
	tcase_add_test(t, a_refusal_leaves_the_clock_right);
	tcase_add_test(t, a_new_binding_is_logged_where_asked_for);
	tcase_add_test(t, one_new_peer_too_many_is_508);
	tcase_add_test(t, a_refused_binding_costs_no_peer);
	tcase_add_test(t, a_peer_that_is_sent_to_is_no_new_one);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
