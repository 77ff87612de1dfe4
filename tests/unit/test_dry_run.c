#include "core_fixture.h"

#include "turn/dry_run.h"

/* alice at `client`; both realms are on a dry run of a rule about `peer`. */
static struct core c;
static struct addr client, peer, other;

static void deny(const char *text)
{
	struct peer_policy *p = &c.config.peers;
	struct peer_rule rule;

	ck_assert(peer_rule_parse(text, &rule));
	ck_assert(peer_policy_deny(p, &rule));
}

static void set_rules(void)
{
	c.config.peers.generation++;
	turn_set_peers(c.server, &c.config.peers);
}

static void set_up(void)
{
	core_setup(&c);
	client = core_client(1, 5000);
	peer = core_peer(1, 6000);
	other = core_peer(2, 6000);
	deny("8.8.8.1");
	c.config.peers.realms[0].dry_run = true;
	set_rules();
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	c.logs = 0;
}

static void tear_down(void)
{
	core_teardown(&c);
}

static uint64_t requests(void)
{
	return counter_get(&turn_counters(c.server)->dry_run_requests);
}

static uint64_t packets(void)
{
	return counter_get(&turn_counters(c.server)->dry_run_packets);
}

START_TEST(what_a_rule_would_refuse_is_let_through_and_told)
{
	ck_assert_uint_eq(core_permit(&c, &client, 2, &peer), 0);
	ck_assert_uint_eq(requests(), 1);
	ck_assert_uint_eq(c.logs, 1);
	ck_assert_int_eq(c.log.level, LOG_LEVEL_NOTICE);
	ck_assert_str_eq(c.log.message, "dry run: peer would be refused");
	ck_assert_str_eq(core_log_field(&c, "peer"), "8.8.8.1");
	ck_assert_str_eq(core_log_field(&c, "rule"), "deny 8.8.8.1");
	ck_assert_str_eq(core_log_field(&c, "client"), "192.0.2.1:5000");
	ck_assert_str_eq(core_log_field(&c, "user"), "alice");
	ck_assert_str_eq(core_log_field(&c, "realm"), CORE_REALM);
	ck_assert_str_eq(core_log_field(&c, "held_back"), "(none)");
	ck_assert_str_eq(core_indicate(&c, &client, &peer, "x"), "to_peer");
	ck_assert_str_eq(
		core_from_peer(&c, c.last_relay, &peer, bytes_str("x")),
		"to_client");
	ck_assert_uint_eq(packets(), 1);
}
END_TEST

START_TEST(other_peers_are_not_told)
{
	ck_assert_uint_eq(core_permit(&c, &client, 2, &other), 0);
	ck_assert_uint_eq(core_bind(&c, &client, 3, 0x4000, &other), 0);
	core_indicate(&c, &client, &other, "x");
	core_channel_data(&c, &client, 0x4000, "x");
	core_wait(&c, 0);
	ck_assert_uint_eq(c.logs, 0);
	ck_assert_uint_eq(requests() + packets(), 0);
}
END_TEST

START_TEST(one_line_a_user_rule_and_interval)
{
	struct addr second = core_client(2, 5000);

	core_permit(&c, &client, 2, &peer);
	core_bind(&c, &client, 3, 0x4000, &peer);
	core_channel_data(&c, &client, 0x4000, "x");
	core_wait(&c, 0);
	ck_assert_uint_eq(c.logs, 1);
	ck_assert_uint_eq(requests(), 2);
	/* Another session of the same user. */
	ck_assert_uint_eq(core_allocate(&c, &second, 4), 0);
	c.logs = 0;
	core_permit(&c, &second, 5, &peer);
	ck_assert_uint_eq(c.logs, 0);
	core_pass(&c, LOG_GATE_INTERVAL_MS);
	core_permit(&c, &second, 6, &peer);
	ck_assert_uint_eq(c.logs, 1);
	ck_assert_str_eq(core_log_field(&c, "held_back"), "3");
	/* Another rule. */
	deny("8.8.8.2 port 6000");
	set_rules();
	core_bind(&c, &second, 7, 0x4000, &other);
	ck_assert_uint_eq(c.logs, 2);
	ck_assert_str_eq(core_log_field(&c, "peer"), "8.8.8.2:6000");
	ck_assert_str_eq(core_log_field(&c, "rule"), "deny 8.8.8.2 port 6000");
}
END_TEST

START_TEST(another_user_has_a_line_of_his_own)
{
	struct addr second = core_client(2, 5000);
	struct core_request q;

	core_permit(&c, &client, 2, &peer);
	ck_assert_uint_eq(core_allocate_as(&c, &second, 3, &core_bob), 0);
	c.logs = 0;
	core_begin(&q, STUN_CREATE_PERMISSION, &second, 4);
	stun_add_xor_addr(&q.builder, STUN_ATTR_XOR_PEER_ADDRESS, &peer);
	ck_assert_uint_eq(core_ask(&c, &q, &core_bob), 0);
	ck_assert_uint_eq(c.logs, 1);
	ck_assert_str_eq(core_log_field(&c, "user"), "bob");
}
END_TEST

/* Port rules let the permission pass: the packet alone would be refused. */
START_TEST(a_packet_is_told_with_the_next_tick)
{
	c.config.peers.deny_count = 0;
	deny("8.8.8.1 ports 6000-6001");
	set_rules();
	ck_assert_uint_eq(core_permit(&c, &client, 2, &peer), 0);
	ck_assert_uint_eq(c.logs, 0);
	ck_assert_str_eq(core_indicate(&c, &client, &peer, "x"), "to_peer");
	ck_assert_str_eq(core_indicate(&c, &client, &peer, "x"), "to_peer");
	ck_assert_uint_eq(packets(), 2);
	ck_assert_uint_eq(c.logs, 0);
	ck_assert_uint_le(turn_next_ms(c.server), c.now.mono_ms);
	core_wait(&c, 0);
	ck_assert_uint_gt(turn_next_ms(c.server), c.now.mono_ms);
	ck_assert_uint_eq(c.logs, 1);
	ck_assert_str_eq(core_log_field(&c, "peer"), "8.8.8.1:6000");
	ck_assert_str_eq(core_log_field(&c, "rule"),
			 "deny 8.8.8.1 ports 6000-6001");
}
END_TEST

/* A running flow falls under a new rule. */
START_TEST(a_flow_under_new_rules_is_told)
{
	core_bind(&c, &client, 2, 0x4000, &other);
	deny("8.8.8.2");
	set_rules();
	ck_assert_str_eq(core_channel_data(&c, &client, 0x4000, "x"),
			 "to_peer");
	core_wait(&c, 0);
	ck_assert_uint_eq(c.logs, 1);
	ck_assert_str_eq(core_log_field(&c, "rule"), "deny 8.8.8.2");
	/* The dry run over, it stops. */
	c.config.peers.realms[0].dry_run = false;
	set_rules();
	ck_assert_str_eq(core_channel_data(&c, &client, 0x4000, "x"),
			 "no_permission");
}
END_TEST

START_TEST(a_note_about_what_is_gone_is_dropped)
{
	core_permit(&c, &client, 2, &peer);
	c.logs = 0;
	core_indicate(&c, &client, &peer, "x");
	ck_assert_uint_eq(core_refresh(&c, &client, 3, 0), 0);
	core_pass(&c, LOG_GATE_INTERVAL_MS);
	c.logs = 0;
	core_wait(&c, 0);
	ck_assert_uint_eq(c.logs, 0);
	ck_assert_uint_eq(turn_next_ms(c.server), UINT64_MAX);

	/* Or what other rules allow by now. */
	ck_assert_uint_eq(core_allocate(&c, &client, 4), 0);
	core_permit(&c, &client, 5, &peer);
	core_indicate(&c, &client, &peer, "x");
	c.config.peers.deny_count = 0;
	set_rules();
	core_pass(&c, LOG_GATE_INTERVAL_MS);
	c.logs = 0;
	core_wait(&c, 0);
	ck_assert_uint_eq(c.logs, 0);
}
END_TEST

START_TEST(what_is_not_a_rule_is_never_let_through)
{
	struct addr loopback = addr_ipv4(0x7f000001, 6000);
	struct addr listener = c.config.listeners[0].local;

	ck_assert_uint_eq(core_permit(&c, &client, 2, &loopback), 403);
	ck_assert_uint_eq(core_bind(&c, &client, 3, 0x4000, &listener), 403);
	ck_assert_str_eq(c.log.message, "a peer is denied");
	ck_assert_uint_eq(requests(), 0);
}
END_TEST

/* A request that fails for another reason tells nothing. */
START_TEST(a_refused_request_is_not_told)
{
	struct addr loopback = addr_ipv4(0x7f000001, 0);
	struct core_request q;

	core_begin(&q, STUN_CREATE_PERMISSION, &client, 2);
	stun_add_xor_addr(&q.builder, STUN_ATTR_XOR_PEER_ADDRESS, &peer);
	stun_add_xor_addr(&q.builder, STUN_ATTR_XOR_PEER_ADDRESS, &loopback);
	ck_assert_uint_eq(core_ask(&c, &q, &core_alice), 403);
	ck_assert_str_eq(c.log.message, "a peer is denied");
	ck_assert_uint_eq(requests(), 0);
}
END_TEST

/* Only the realm that is on a dry run. */
START_TEST(the_other_realm_refuses)
{
	struct addr second = core_client(2, 5000);
	struct core_request q;

	core_begin_allocate(&q, &second, 2);
	q.listener = 1;
	ck_assert_uint_eq(core_ask(&c, &q, &core_alice_elsewhere), 0);
	core_begin(&q, STUN_CREATE_PERMISSION, &second, 3);
	q.listener = 1;
	stun_add_xor_addr(&q.builder, STUN_ATTR_XOR_PEER_ADDRESS, &peer);
	ck_assert_uint_eq(core_ask(&c, &q, &core_alice_elsewhere), 403);
	ck_assert_uint_eq(core_permit(&c, &client, 4, &peer), 0);
}
END_TEST

static Suite *dry_run_suite(void)
{
	Suite *s = suite_create("dry_run");
	TCase *t = tcase_create("dry_run");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, what_a_rule_would_refuse_is_let_through_and_told);
	tcase_add_test(t, other_peers_are_not_told);
	tcase_add_test(t, one_line_a_user_rule_and_interval);
	tcase_add_test(t, another_user_has_a_line_of_his_own);
	tcase_add_test(t, a_packet_is_told_with_the_next_tick);
	tcase_add_test(t, a_flow_under_new_rules_is_told);
	tcase_add_test(t, a_note_about_what_is_gone_is_dropped);
	tcase_add_test(t, what_is_not_a_rule_is_never_let_through);
	tcase_add_test(t, a_refused_request_is_not_told);
	tcase_add_test(t, the_other_realm_refuses);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(dry_run_suite)
