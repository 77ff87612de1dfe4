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
	ck_assert_uint_eq(core_bind(&c, &client, 3, 0x4000, &peer), 0);
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
	return core_channel_data(&c, &client, 0x4000, "x");
}

/* The permission lasts half as long: keep it living. */
static void permit_at(uint64_t ms)
{
	core_wait(&c, ms);
	ck_assert_uint_eq(core_permit(&c, &client, 4, &peer), 0);
}

/* RFC 8656 section 12: "lasts for 10 minutes unless refreshed". */
START_TEST(it_lasts_600_seconds_to_the_millisecond)
{
	permit_at(299000);
	permit_at(299000);
	core_pass(&c, 1999);
	ck_assert_str_eq(out(), "to_peer");
	ck_assert_str_eq(in(), "to_client");
	ck_assert_uint_eq(c.verdict.prepend_bytes, 4);
	core_pass(&c, 1);
	ck_assert_str_eq(out(), "no_channel");
	/* The permission lives: the peer is heard by Data indication. */
	ck_assert_str_eq(in(), "to_client");
	ck_assert_uint_eq(c.verdict.prepend_bytes, 36);
	ck_assert_uint_eq(c.server->flows.channels.used, 1);
	core_wait(&c, TIMER_TICK_MS);
	ck_assert_uint_eq(c.server->flows.channels.used, 0);
	ck_assert_str_eq(out(), "no_channel");
	ck_assert_str_eq(in(), "to_client");
	ck_assert_uint_eq(c.verdict.prepend_bytes, 36);
}
END_TEST

/* Section 12.6: "MUST NOT refresh either the channel binding or". */
START_TEST(traffic_does_not_refresh_it)
{
	for (unsigned i = 0; i < 599; i++) {
		core_wait(&c, 1000);
		if (i % 200 == 199)
			permit_at(0);
		ck_assert_str_eq(out(), "to_peer");
		ck_assert_str_eq(in(), "to_client");
	}
	core_pass(&c, 1000);
	ck_assert_str_eq(out(), "no_channel");
}
END_TEST

/* Nor CreatePermission, nor Refresh. */
START_TEST(only_channel_bind_refreshes_it)
{
	permit_at(250000);
	permit_at(250000);
	ck_assert_uint_eq(core_refresh(&c, &client, 5, 3600), 0);
	core_pass(&c, 100000);
	ck_assert_str_eq(out(), "no_channel");
	ck_assert_uint_eq(core_bind(&c, &client, 6, 0x4000, &peer), 0);
	permit_at(299000);
	ck_assert_uint_eq(core_bind(&c, &client, 7, 0x4000, &peer), 0);
	permit_at(299000);
	permit_at(299000);
	core_pass(&c, 1999);
	ck_assert_str_eq(out(), "to_peer");
	core_pass(&c, 1);
	ck_assert_str_eq(out(), "no_channel");
}
END_TEST

START_TEST(unbound_it_can_be_bound_to_another_peer)
{
	core_wait(&c, 900000);
	peer = core_peer(2, 7000);
	ck_assert_uint_eq(core_bind(&c, &client, 4, 0x4000, &peer), 0);
	ck_assert_str_eq(out(), "to_peer");
	ck_assert(addr_equal(&c.verdict.to, &peer));
}
END_TEST

START_TEST(all_go_with_their_allocation)
{
	ck_assert_uint_eq(core_refresh(&c, &client, 4, 0), 0);
	ck_assert_uint_eq(c.server->flows.channels.used, 0);
	ck_assert_uint_eq(core_allocate(&c, &client, 5), 0);
	ck_assert_str_eq(out(), "no_channel");
}
END_TEST

/* The whole range can be bound, if the limit lets it. */
START_TEST(there_are_4096_numbers)
{
	c.config.limits.channels_per_allocation = 4096;
	c.config.limits.allocations = 1;
	core_restart(&c);
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	for (uint16_t i = 0; i < 4096; i++) {
		peer.port = (uint16_t)(10000 + i);
		ck_assert_uint_eq(core_bind(&c, &client, i,
					    (uint16_t)(0x4000 + i), &peer),
				  0);
	}
	for (uint16_t i = 0; i < 4096; i += 5) {
		ck_assert_str_eq(core_channel_data(&c, &client,
						   (uint16_t)(0x4000 + i), "x"),
				 "to_peer");
		ck_assert_uint_eq(c.verdict.to.port, 10000 + i);
	}
}
END_TEST

/* --- by itself -------------------------------------------------------------------- */

static struct flow_table table;
static struct counters counters;
static struct peer_policy rules;
static uint32_t owner, permission;

/* One allocation with one permission and room for two channels. */
static void set_up_table(void)
{
	static const struct hash_key key = { 15, 16 };
	struct allocation *a;

	rules.generation = 7;
	rules.relay_ips[0] = addr_ipv4(0x0a000004, 0);
	rules.relay_ip_count = 1;
	ck_assert_int_eq(
		flow_init(&table, 1, 2, 2, &key, &counters, NULL, &rules), 0);
	owner = pool_take(&table.allocations);
	a = pool_at(&table.allocations, owner);
	a->first_permission = POOL_NONE;
	a->first_channel = POOL_NONE;
	peer = core_peer(1, 6000);
	permission = permission_install(&table, owner, &peer, 1);
}

static void tear_down_table(void)
{
	flow_fini(&table);
}

static bool bind_port(uint16_t number, uint16_t port, uint64_t now_ms)
{
	struct addr to = addr_with_port(&peer, port);

	return channel_bind(&table, owner, number, &to, permission, now_ms);
}

static unsigned depending(void)
{
	const struct permission *p = pool_at(&table.permissions, permission);

	return p->channels;
}

START_TEST(it_keeps_its_permission_and_counts_on_it)
{
	const struct channel *record;

	ck_assert(bind_port(0x4000, 1, 1000));
	ck_assert(bind_port(0x4001, 2, 1000));
	ck_assert_uint_eq(depending(), 2);
	ck_assert(bind_port(0x4001, 2, 2000)); /* no third */
	ck_assert_uint_eq(depending(), 2);
	record = pool_at(&table.channels,
			 flow_find_channel(&table, owner, 0x4001));
	ck_assert_uint_eq(record->expires_ms, 602000);
	ck_assert_uint_eq(record->rules, 7);
	ck_assert_uint_eq(record->verdict, PEER_ALLOWED);
	channel_remove_expired(&table, owner, 601000);
	ck_assert_uint_eq(depending(), 1);
	channel_remove_all(&table, owner);
	ck_assert_uint_eq(depending(), 0);
}
END_TEST

START_TEST(a_full_pool_binds_none)
{
	ck_assert(bind_port(0x4000, 1, 1));
	ck_assert(bind_port(0x4001, 2, 1));
	ck_assert(!bind_port(0x4002, 3, 1));
	ck_assert_uint_eq(depending(), 2);
	channel_remove_all(&table, owner);
	ck_assert_uint_eq(table.channels.used, 0);
	ck_assert_uint_eq(table.by_number.count, 0);
	ck_assert_uint_eq(table.by_peer.count, 0);
	ck_assert(bind_port(0x4002, 3, 1));
}
END_TEST

START_TEST(it_is_found_by_number_and_by_peer)
{
	struct addr to = addr_with_port(&peer, 1);
	uint32_t i;

	ck_assert(bind_port(0x4000, 1, 1));
	i = flow_find_channel(&table, owner, 0x4000);
	ck_assert_uint_ne(i, POOL_NONE);
	ck_assert_uint_eq(flow_find_channel_to(&table, owner, &to), i);
	ck_assert_uint_eq(flow_find_channel(&table, owner, 0x4001), POOL_NONE);
	ck_assert_uint_eq(flow_find_channel_to(&table, owner, &peer),
			  POOL_NONE);
	ck_assert_uint_eq(flow_find_channel(&table, owner + 1, 0x4000),
			  POOL_NONE);
}
END_TEST

START_TEST(expired_ones_leave_the_list_wherever_they_are)
{
	ck_assert(bind_port(0x4000, 1, 1));
	ck_assert(bind_port(0x4001, 2, 2));
	channel_remove_expired(&table, owner, 600001);
	ck_assert_uint_eq(flow_find_channel(&table, owner, 0x4000), POOL_NONE);
	ck_assert_uint_ne(flow_find_channel(&table, owner, 0x4001), POOL_NONE);
	ck_assert(bind_port(0x4000, 1, 700000));
	channel_remove_expired(&table, owner, 700000);
	ck_assert_uint_ne(flow_find_channel(&table, owner, 0x4000), POOL_NONE);
	ck_assert_uint_eq(flow_find_channel(&table, owner, 0x4001), POOL_NONE);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("channel");
	TCase *t = tcase_create("channel");
	TCase *alone = tcase_create("alone");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, it_lasts_600_seconds_to_the_millisecond);
	tcase_add_test(t, traffic_does_not_refresh_it);
	tcase_add_test(t, only_channel_bind_refreshes_it);
	tcase_add_test(t, unbound_it_can_be_bound_to_another_peer);
	tcase_add_test(t, all_go_with_their_allocation);
	tcase_add_test(t, there_are_4096_numbers);
	suite_add_tcase(s, t);
	tcase_add_checked_fixture(alone, set_up_table, tear_down_table);
	tcase_add_test(alone, it_keeps_its_permission_and_counts_on_it);
	tcase_add_test(alone, a_full_pool_binds_none);
	tcase_add_test(alone, it_is_found_by_number_and_by_peer);
	tcase_add_test(alone, expired_ones_leave_the_list_wherever_they_are);
	suite_add_tcase(s, alone);
	return s;
}

UNIT_MAIN(suite)
