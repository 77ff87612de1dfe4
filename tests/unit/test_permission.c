#include "core_fixture.h"
#include "turn/channel.h"
#include "turn/permission.h"

static struct core c;
static struct addr client, peer;

static void set_up(void)
{
	core_setup(&c);
	client = core_client(1, 5000);
	peer = core_peer(1, 6000);
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	ck_assert_uint_eq(core_refresh(&c, &client, 2, 3600), 0);
}

static void tear_down(void)
{
	core_teardown(&c);
}

static const char *in(void)
{
	return core_from_peer(&c, c.last_relay, &peer, bytes_str("x"));
}

static const char *out(void)
{
	return core_indicate(&c, &client, &peer, "x");
}

static unsigned installed(void)
{
	return c.server->flows.permissions.used;
}

/* RFC 8656 section 9: "MUST be 300 seconds", both directions. */
START_TEST(it_lasts_300_seconds_to_the_millisecond)
{
	ck_assert_uint_eq(core_permit(&c, &client, 2, &peer), 0);
	core_pass(&c, 299999);
	ck_assert_str_eq(out(), "to_peer");
	ck_assert_str_eq(in(), "to_client");
	core_pass(&c, 1);
	ck_assert_str_eq(out(), "no_permission");
	ck_assert_str_eq(in(), "no_permission");
	ck_assert_uint_eq(installed(), 1); /* no tick has come yet */
	core_wait(&c, TIMER_TICK_MS);
	ck_assert_uint_eq(installed(), 0);
	ck_assert_str_eq(out(), "no_permission");
	ck_assert_str_eq(in(), "no_permission");
}
END_TEST

/* "only addresses are compared and port numbers are not considered" */
START_TEST(it_holds_for_every_port_of_the_address)
{
	ck_assert_uint_eq(core_permit(&c, &client, 2, &peer), 0);
	peer.port = 1;
	ck_assert_str_eq(in(), "to_client");
	ck_assert_str_eq(out(), "to_peer");
	peer.port = 65535;
	ck_assert_str_eq(in(), "to_client");
	ck_assert_str_eq(out(), "to_peer");
	peer = core_peer(2, 6000);
	ck_assert_str_eq(in(), "no_permission");
	ck_assert_str_eq(out(), "no_permission");
}
END_TEST

/* Section 11.2: "a Send indication never causes the server to refresh". */
START_TEST(traffic_does_not_refresh_it)
{
	ck_assert_uint_eq(core_permit(&c, &client, 2, &peer), 0);
	for (unsigned i = 0; i < 299; i++) {
		core_wait(&c, 1000);
		ck_assert_str_eq(out(), "to_peer");
		ck_assert_str_eq(in(), "to_client");
	}
	core_pass(&c, 1000);
	ck_assert_str_eq(out(), "no_permission");
	ck_assert_str_eq(in(), "no_permission");
}
END_TEST

/* Nor does a Refresh of the allocation. */
START_TEST(a_refresh_does_not_refresh_it)
{
	ck_assert_uint_eq(core_permit(&c, &client, 2, &peer), 0);
	core_pass(&c, 200000);
	ck_assert_uint_eq(core_refresh(&c, &client, 3, 3600), 0);
	core_pass(&c, 100000);
	ck_assert_str_eq(in(), "no_permission");
}
END_TEST

/* Section 9: the two requests "may be freely intermixed". */
START_TEST(either_request_refreshes_it)
{
	ck_assert_uint_eq(core_permit(&c, &client, 2, &peer), 0);
	core_pass(&c, 299999);
	ck_assert_uint_eq(core_bind(&c, &client, 3, 0x4000, &peer), 0);
	core_pass(&c, 299999);
	ck_assert_str_eq(in(), "to_client");
	ck_assert_uint_eq(core_permit(&c, &client, 4, &peer), 0);
	core_pass(&c, 299999);
	ck_assert_str_eq(in(), "to_client");
	core_pass(&c, 1);
	ck_assert_str_eq(in(), "no_permission");
	ck_assert_uint_eq(installed(), 1);
}
END_TEST

/* --- it lapses under a living channel ----------------------------------------------- */

START_TEST(lapsed_it_stops_its_channel_both_ways)
{
	struct addr other = core_peer(2, 6000);

	/* Another peer's permission, younger or older, does not help. */
	ck_assert_uint_eq(core_permit(&c, &client, 2, &other), 0);
	ck_assert_uint_eq(core_bind(&c, &client, 2, 0x4000, &peer), 0);
	core_wait(&c, 299999);
	ck_assert_uint_eq(core_permit(&c, &client, 2, &other), 0);
	ck_assert_str_eq(core_channel_data(&c, &client, 0x4000, "x"),
			 "to_peer");
	ck_assert_str_eq(in(), "to_client");
	core_pass(&c, 1);
	ck_assert_str_eq(core_channel_data(&c, &client, 0x4000, "x"),
			 "no_permission");
	ck_assert_str_eq(in(), "no_permission");
	ck_assert_str_eq(out(), "no_permission");
	/* A tick does not change that, and the channel goes on. */
	core_wait(&c, 1000);
	ck_assert_str_eq(core_channel_data(&c, &client, 0x4000, "x"),
			 "no_permission");
	ck_assert_uint_eq(c.server->flows.channels.used, 1);
}
END_TEST

START_TEST(installed_again_it_wakes_its_channel)
{
	ck_assert_uint_eq(core_bind(&c, &client, 2, 0x4000, &peer), 0);
	core_wait(&c, 400000);
	ck_assert_uint_eq(core_permit(&c, &client, 3, &peer), 0);
	ck_assert_str_eq(core_channel_data(&c, &client, 0x4000, "x"),
			 "to_peer");
	ck_assert_str_eq(in(), "to_client");
	ck_assert_uint_eq(c.verdict.prepend_bytes, 4);
	/* It outlives the channel now: what comes is a Data indication. */
	core_wait(&c, 200000 + TIMER_TICK_MS);
	ck_assert_str_eq(core_channel_data(&c, &client, 0x4000, "x"),
			 "no_channel");
	ck_assert_str_eq(in(), "to_client");
	ck_assert_uint_eq(c.verdict.prepend_bytes, 36);
	core_wait(&c, 100000);
	ck_assert_str_eq(in(), "no_permission");
	ck_assert_uint_eq(installed(), 0);
}
END_TEST

START_TEST(lapsed_it_goes_with_the_last_of_its_channels)
{
	struct addr other = core_peer(1, 6001);

	ck_assert_uint_eq(core_bind(&c, &client, 2, 0x4000, &peer), 0);
	core_wait(&c, 100000);
	ck_assert_uint_eq(core_bind(&c, &client, 2, 0x4001, &other), 0);
	core_wait(&c, 500000 + TIMER_TICK_MS);
	ck_assert_uint_eq(c.server->flows.channels.used, 1);
	ck_assert_uint_eq(installed(), 1);
	core_wait(&c, 100000);
	ck_assert_uint_eq(c.server->flows.channels.used, 0);
	ck_assert_uint_eq(installed(), 0);
}
END_TEST

/* Each of several at its own time, none early. */
START_TEST(ticks_remove_what_is_due_and_no_more)
{
	for (uint8_t host = 1; host <= 8; host++) {
		struct addr to = core_peer(host, 1);

		ck_assert_uint_eq(core_permit(&c, &client, 2, &to), 0);
		core_wait(&c, 10000);
	}
	core_wait(&c, 220000 - 1);
	ck_assert_uint_eq(installed(), 8);
	for (unsigned left = 7; left < 8; left--) {
		core_wait(&c, 1 + TIMER_TICK_MS);
		ck_assert_uint_eq(installed(), left);
		core_wait(&c, 10000 - TIMER_TICK_MS - 1);
		ck_assert_uint_eq(installed(), left);
	}
}
END_TEST

START_TEST(all_go_with_their_allocation)
{
	ck_assert_uint_eq(core_permit(&c, &client, 2, &peer), 0);
	peer = core_peer(2, 6000);
	ck_assert_uint_eq(core_bind(&c, &client, 2, 0x4000, &peer), 0);
	ck_assert_uint_eq(core_refresh(&c, &client, 3, 0), 0);
	ck_assert_uint_eq(installed(), 0);
	ck_assert_uint_eq(counter_get(&turn_counters(c.server)->permissions),
			  0);
	/* A new one on the same 5-tuple begins without. */
	ck_assert_uint_eq(core_allocate(&c, &client, 4), 0);
	ck_assert_str_eq(in(), "no_permission");
}
END_TEST

/* --- by itself ---------------------------------------------------------------------------- */

static struct flow_table table;
static struct counters counters;
static struct peer_policy rules;
static uint32_t owner;

/* One allocation with room for two permissions and two channels. */
static void set_up_table(void)
{
	static const struct hash_key key = { 13, 14 };
	struct allocation *a;

	rules.generation = 7;
	rules.relay_ips[0] = addr_ipv4(0x0a000004, 0);
	rules.relay_ips[1] = addr_ipv4(0x14caffff, 0);
	rules.relay_ip_count = 2;
	ck_assert_int_eq(
		flow_init(&table, 1, 2, 2, &key, &counters, NULL, &rules), 0);
	owner = pool_take(&table.allocations);
	a = pool_at(&table.allocations, owner);
	a->first_permission = POOL_NONE;
	a->first_channel = POOL_NONE;
	peer = core_peer(1, 6000);
}

static void tear_down_table(void)
{
	flow_fini(&table);
}

static const struct permission *permission(uint32_t index)
{
	return pool_at(&table.permissions, index);
}

START_TEST(installing_twice_gives_the_same_record)
{
	uint32_t i = permission_install(&table, owner, &peer, 1000);

	ck_assert_uint_eq(permission(i)->expires_ms, 301000);
	/* The first packet has it judged. */
	ck_assert_uint_eq(permission(i)->rules, 0);
	ck_assert_uint_eq(permission(i)->ip.port, 0);
	peer.port++;
	ck_assert_uint_eq(permission_install(&table, owner, &peer, 2000), i);
	ck_assert_uint_eq(permission(i)->expires_ms, 302000);
	ck_assert_uint_eq(counter_get(&counters.permissions), 1);
	permission_remove_all(&table, owner);
	ck_assert_uint_eq(counter_get(&counters.permissions), 0);
}
END_TEST

/* Decisions: what the client named is shown, the advertised one if both. */
START_TEST(it_remembers_that_the_advertised_form_was_named)
{
	uint32_t i = permission_install(&table, owner, &rules.relay_ips[0], 1);

	ck_assert_uint_eq(permission(i)->named, 0);
	ck_assert_uint_eq(
		permission_install(&table, owner, &rules.relay_ips[1], 1), i);
	ck_assert_uint_eq(permission(i)->named, 1);
	ck_assert(addr_equal(&permission(i)->ip, &rules.relay_ips[0]));
	permission_install(&table, owner, &rules.relay_ips[0], 1);
	ck_assert_uint_eq(permission(i)->named, 1);
}
END_TEST

START_TEST(a_full_pool_gives_none)
{
	struct addr second = core_peer(2, 0), third = core_peer(3, 0);
	uint32_t i = permission_install(&table, owner, &peer, 1);

	ck_assert_uint_ne(permission_install(&table, owner, &second, 1),
			  POOL_NONE);
	ck_assert_uint_eq(permission_install(&table, owner, &third, 1),
			  POOL_NONE);
	ck_assert_uint_eq(permission_install(&table, owner, &peer, 1), i);
	permission_remove_all(&table, owner);
	ck_assert_uint_eq(table.permissions.used, 0);
	ck_assert_uint_eq(table.by_ip.count, 0);
}
END_TEST

START_TEST(expired_ones_leave_the_list_wherever_they_are)
{
	struct addr second = core_peer(2, 0);
	uint32_t i;

	permission_install(&table, owner, &peer, 1);
	permission_install(&table, owner, &second, 2);
	permission_remove_expired(&table, owner, 300001);
	ck_assert_uint_eq(flow_find_permission(&table, owner, &peer),
			  POOL_NONE);
	i = flow_find_permission(&table, owner, &second);
	ck_assert_uint_ne(i, POOL_NONE);
	permission_install(&table, owner, &peer, 400000);
	permission_remove_expired(&table, owner, 400000);
	ck_assert_uint_eq(flow_find_permission(&table, owner, &second),
			  POOL_NONE);
	ck_assert_uint_ne(flow_find_permission(&table, owner, &peer),
			  POOL_NONE);
}
END_TEST

static void remove_under_channel(void *arg)
{
	uint32_t i = permission_install(&table, owner, &peer, 1);

	(void)arg;
	channel_bind(&table, owner, 0x4000, &peer, i, 1);
	permission_remove_all(&table, owner);
}

START_TEST(none_is_taken_from_under_a_channel)
{
	ck_assert(unit_aborts(remove_under_channel, NULL));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("permission");
	TCase *t = tcase_create("permission");
	TCase *alone = tcase_create("alone");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, it_lasts_300_seconds_to_the_millisecond);
	tcase_add_test(t, it_holds_for_every_port_of_the_address);
	tcase_add_test(t, traffic_does_not_refresh_it);
	tcase_add_test(t, a_refresh_does_not_refresh_it);
	tcase_add_test(t, either_request_refreshes_it);
	tcase_add_test(t, lapsed_it_stops_its_channel_both_ways);
	tcase_add_test(t, installed_again_it_wakes_its_channel);
	tcase_add_test(t, lapsed_it_goes_with_the_last_of_its_channels);
	tcase_add_test(t, ticks_remove_what_is_due_and_no_more);
	tcase_add_test(t, all_go_with_their_allocation);
	suite_add_tcase(s, t);
	tcase_add_checked_fixture(alone, set_up_table, tear_down_table);
	tcase_add_test(alone, installing_twice_gives_the_same_record);
	tcase_add_test(alone, it_remembers_that_the_advertised_form_was_named);
	tcase_add_test(alone, a_full_pool_gives_none);
	tcase_add_test(alone, expired_ones_leave_the_list_wherever_they_are);
	tcase_add_test(alone, none_is_taken_from_under_a_channel);
	suite_add_tcase(s, alone);
	return s;
}

UNIT_MAIN(suite)
