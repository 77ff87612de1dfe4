#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "turn/bucket.h"
#include "worker/realm_overrides.h"

static struct realm_overrides overrides;
static struct realm_overrides_report report;
static struct redis_realm told;
static struct turn_config config;

static void set_up(void)
{
	memset(&overrides, 0, sizeof(overrides));
	memset(&told, 0, sizeof(told));
	memset(&config, 0, sizeof(config));
	config.realm_count = 2;
	config.peers.generation = 7;
}

static void list(struct redis_peers *peers, const char *text)
{
	snprintf(peers->items[peers->count++], REDIS_PEER_BYTES, "%s", text);
}

/* Fills the deny list but for some room. */
static void fill(unsigned room)
{
	struct peer_rule rule;

	ck_assert(peer_rule_parse("198.51.100.1", &rule));
	while (config.peers.deny_count < PEER_POLICY_RULES_MAX - room)
		ck_assert(peer_policy_deny(&config.peers, &rule));
}

static void apply(void)
{
	realm_overrides_apply(&overrides, &config, &report);
}

static enum peer_verdict judge(uint8_t realm, const char *text)
{
	struct addr a;

	ck_assert(addr_parse(text, &a));
	a = addr_with_port(&a, 4000);
	return peer_policy_judge(&config.peers, realm, &a);
}

START_TEST(nothing_told_changes_nothing)
{
	config.realms[0].allocation_rate = 5;
	apply();
	ck_assert_uint_eq(config.realms[0].allocation_rate, 5);
	ck_assert_uint_eq(config.realms[0].allocations_max, 0);
	ck_assert_uint_eq(config.realms[0].allocations_per_user, 0);
	ck_assert_uint_eq(config.peers.allow_count, 0);
	ck_assert_uint_eq(config.peers.deny_count, 0);
	ck_assert_uint_eq(report.bad_rules, 0);
	ck_assert(!report.cut);
}
END_TEST

START_TEST(numbers_are_of_their_realm)
{
	told.max_bps = (struct redis_number){ true, 1000 };
	told.total_quota = (struct redis_number){ true, 3 };
	told.user_quota = (struct redis_number){ true, 2 };
	realm_overrides_take(&overrides, 1, &told);
	apply();
	ck_assert_uint_eq(config.realms[1].allocation_rate, 1000);
	ck_assert_uint_eq(config.realms[1].allocations_max, 3);
	ck_assert_uint_eq(config.realms[1].allocations_per_user, 2);
	ck_assert_uint_eq(config.realms[0].allocation_rate, 0);
	ck_assert_uint_eq(config.realms[0].allocations_max, 0);
	/* What was told before does not count. */
	memset(&told, 0, sizeof(told));
	realm_overrides_take(&overrides, 1, &told);
	apply();
	ck_assert_uint_eq(config.realms[1].allocations_max, 0);
}
END_TEST

START_TEST(numbers_that_are_too_large_are_the_largest)
{
	told.max_bps = (struct redis_number){ true, UINT64_MAX };
	told.total_quota = (struct redis_number){ true, UINT64_MAX };
	told.user_quota = (struct redis_number){ true, 1ULL << 32 };
	realm_overrides_take(&overrides, 0, &told);
	apply();
	ck_assert_uint_eq(config.realms[0].allocation_rate, BUCKET_RATE_MAX);
	ck_assert_uint_eq(config.realms[0].allocations_max, UINT32_MAX);
	ck_assert_uint_eq(config.realms[0].allocations_per_user, UINT32_MAX);
}
END_TEST

START_TEST(peers_are_of_their_realm)
{
	list(&told.allowed_peers, "10.0.0.1");
	list(&told.denied_peers, "8.8.8.8-8.8.8.9");
	realm_overrides_take(&overrides, 1, &told);
	apply();
	ck_assert_int_eq(judge(1, "10.0.0.1"), PEER_ALLOWED);
	ck_assert_int_eq(judge(0, "10.0.0.1"), PEER_DENIED);
	ck_assert_int_eq(judge(1, "8.8.8.9"), PEER_DENIED);
	ck_assert_int_eq(judge(0, "8.8.8.9"), PEER_ALLOWED);
	ck_assert_uint_eq(report.bad_rules, 0);
	ck_assert(!report.cut);
	ck_assert_uint_eq(config.peers.generation, 7);
}
END_TEST

START_TEST(what_is_no_rule_is_left_out)
{
	list(&told.allowed_peers, "everybody");
	list(&told.denied_peers, "");
	list(&told.denied_peers, "8.8.8.8");
	realm_overrides_take(&overrides, 0, &told);
	apply();
	ck_assert_uint_eq(report.bad_rules, 2);
	ck_assert(!report.cut);
	ck_assert_int_eq(judge(0, "8.8.8.8"), PEER_DENIED);
	ck_assert_int_eq(judge(0, "8.8.4.4"), PEER_ALLOWED);
}
END_TEST

START_TEST(allowed_peers_that_were_cut_open_no_more)
{
	list(&told.allowed_peers, "10.0.0.1");
	told.allowed_peers.cut = true;
	realm_overrides_take(&overrides, 0, &told);
	apply();
	ck_assert(report.cut);
	ck_assert(!report.closed);
	ck_assert_int_eq(judge(0, "10.0.0.1"), PEER_ALLOWED);
	ck_assert_int_eq(judge(0, "8.8.8.8"), PEER_ALLOWED);
}
END_TEST

START_TEST(denied_peers_that_were_cut_close_the_realm)
{
	list(&told.allowed_peers, "9.9.9.9");
	told.denied_peers.cut = true;
	realm_overrides_take(&overrides, 1, &told);
	apply();
	ck_assert(report.cut && report.closed);
	ck_assert_int_eq(judge(1, "8.8.8.8"), PEER_DENIED);
	ck_assert_int_eq(judge(1, "9.9.9.9"), PEER_ALLOWED);
	ck_assert_int_eq(judge(0, "8.8.8.8"), PEER_ALLOWED);
}
END_TEST

/* Denied peers for which there is no room are missing, too. */
START_TEST(without_room_all_is_denied)
{
	unsigned room = (unsigned)_i;

	fill(room);
	list(&told.denied_peers, "8.8.8.8");
	list(&told.denied_peers, "8.8.8.9");
	list(&told.denied_peers, "2606:4700::1");
	told.denied_peers.cut = room == 3;
	realm_overrides_take(&overrides, 0, &told);
	realm_overrides_take(&overrides, 1, &told);
	apply();
	ck_assert(report.closed);
	ck_assert_uint_eq(config.peers.deny_count, PEER_POLICY_RULES_MAX);
	for (uint8_t realm = 0; realm < 2; realm++) {
		ck_assert_int_eq(judge(realm, "8.8.8.8"), PEER_DENIED);
		ck_assert_int_eq(judge(realm, "1.1.1.1"), PEER_DENIED);
		ck_assert_int_eq(judge(realm, "2606:4700::2"), PEER_DENIED);
	}
}
END_TEST

/* What makes room may have been another realm's. */
START_TEST(where_rules_make_room_every_realm_is_closed)
{
	fill(0);
	told.denied_peers.cut = true;
	realm_overrides_take(&overrides, 0, &told);
	apply();
	ck_assert_int_eq(judge(0, "1.1.1.1"), PEER_DENIED);
	ck_assert_int_eq(judge(1, "1.1.1.1"), PEER_DENIED);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("realm_overrides");
	TCase *t = tcase_create("realm_overrides");

	tcase_add_checked_fixture(t, set_up, NULL);
	tcase_add_test(t, nothing_told_changes_nothing);
	tcase_add_test(t, numbers_are_of_their_realm);
	tcase_add_test(t, numbers_that_are_too_large_are_the_largest);
	tcase_add_test(t, peers_are_of_their_realm);
	tcase_add_test(t, what_is_no_rule_is_left_out);
	tcase_add_test(t, allowed_peers_that_were_cut_open_no_more);
	tcase_add_test(t, denied_peers_that_were_cut_close_the_realm);
	tcase_add_loop_test(t, without_room_all_is_denied, 0, 4);
	tcase_add_test(t, where_rules_make_room_every_realm_is_closed);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
