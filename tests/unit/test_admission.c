#include "core_fixture.h"

static struct core c;
static struct core_request q;
static struct addr client;

static void set_up(void)
{
	core_init(&c);
	c.config.limits.allocations = 6;
	core_start(&c);
	client = core_client(1, 5000);
}

static void tear_down(void)
{
	core_teardown(&c);
}

/* One more allocation from the client's address, of alice unless said. */
static uint16_t allocate_as(const struct core_user *user)
{
	client.port++;
	return core_allocate_as(&c, &client, 1, user);
}

static uint16_t allocate(void)
{
	return allocate_as(&core_alice);
}

static struct turn_limits *limits(void)
{
	return &c.config.limits;
}

static void expect_refusal(enum refusal_cause cause, uint16_t code,
			   uint32_t limit)
{
	ck_assert_int_eq(c.refusal.cause, cause);
	ck_assert_uint_eq(c.refusal.code, code);
	ck_assert_uint_eq(c.refusal.limit, limit);
	ck_assert_uint_eq(c.refusal.wall_s, c.now.wall_s);
	ck_assert(addr_equal(&c.refusal.client, &client));
	ck_assert_uint_eq(c.refusal.user_bytes, strlen("alice"));
	ck_assert_int_eq(memcmp(c.refusal.user, "alice", 5), 0);
}

START_TEST(listed_users_have_no_limit_by_default)
{
	limits()->dynamic_allocations_per_user = 1;
	limits()->dynamic_allocations_per_source = 1;
	core_restart(&c);
	for (int i = 0; i < 6; i++)
		ck_assert_uint_eq(allocate(), 0);
	ck_assert_uint_eq(allocate(), 508);
	expect_refusal(REFUSAL_TOTAL, 508, 6);
}
END_TEST

/* Users that secrets or Redis know have limits of their own kind. */
START_TEST(dynamic_users_have_the_dynamic_limits)
{
	static const enum turn_source sources[] = { TURN_SOURCE_TIME_LIMITED,
						    TURN_SOURCE_REDIS };

	for (int i = 0; i < 2; i++) {
		limits()->dynamic_allocations_per_user = 2;
		core_restart(&c);
		c.user.source = sources[i];
		ck_assert_uint_eq(allocate(), 0);
		ck_assert_uint_eq(allocate(), 0);
		ck_assert_uint_eq(allocate(), 486);
		expect_refusal(REFUSAL_USER_QUOTA, 486, 2);
		ck_assert_uint_eq(allocate_as(&core_bob), 0);
	}
}
END_TEST

START_TEST(the_realms_limit_beats_the_configurations)
{
	limits()->allocations_per_user = 1;
	c.config.realms[0].allocations_per_user = 2;
	core_restart(&c);
	ck_assert_uint_eq(allocate(), 0);
	ck_assert_uint_eq(allocate(), 0);
	ck_assert_uint_eq(allocate(), 486);
	expect_refusal(REFUSAL_USER_QUOTA, 486, 2);
}
END_TEST

START_TEST(the_users_own_limit_beats_the_realms)
{
	c.config.realms[0].allocations_per_user = 1;
	core_restart(&c);
	c.user.grant.allocations_max = 3;
	for (int i = 0; i < 3; i++)
		ck_assert_uint_eq(allocate(), 0);
	ck_assert_uint_eq(allocate(), 486);
	expect_refusal(REFUSAL_USER_QUOTA, 486, 3);
}
END_TEST

/* An address is counted over all its users and ports. */
START_TEST(an_address_has_its_limit)
{
	limits()->allocations_per_source = 2;
	core_restart(&c);
	ck_assert_uint_eq(allocate(), 0);
	ck_assert_uint_eq(allocate_as(&core_bob), 0);
	ck_assert_uint_eq(allocate(), 486);
	expect_refusal(REFUSAL_SOURCE_QUOTA, 486, 2);
	/* Nothing stays charged for what was refused. */
	ck_assert_uint_eq(atomic_load(&c.shared->quota.total), 2);
	client = core_client(2, 5000);
	ck_assert_uint_eq(allocate(), 0);
	ck_assert_uint_eq(core_refresh(&c, &client, 2, 0), 0);
	client = core_client(1, 5001);
	ck_assert_uint_eq(core_refresh(&c, &client, 3, 0), 0);
	client.port = 5010;
	ck_assert_uint_eq(allocate(), 0);
}
END_TEST

/* Redis: total-quota of a realm; the other realm is not counted. */
START_TEST(a_realm_has_its_limit)
{
	c.config.realms[0].allocations_max = 1;
	core_restart(&c);
	client.port++;
	core_begin_allocate(&q, &client, 1);
	q.listener = 1;
	ck_assert_uint_eq(core_ask(&c, &q, &core_alice_elsewhere), 0);
	ck_assert_uint_eq(allocate(), 0);
	ck_assert_uint_eq(allocate(), 508);
	expect_refusal(REFUSAL_REALM_QUOTA, 508, 1);
	client.port--;
	ck_assert_uint_eq(core_refresh(&c, &client, 2, 0), 0);
	ck_assert_uint_eq(allocate(), 0);
}
END_TEST

/* The time in front of a time-limited name is not the user's. */
START_TEST(credentials_of_one_account_share_its_limit)
{
	limits()->allocations_per_user = 1;
	core_restart(&c);
	c.user.account_at = 2; /* alice and bob: "ice", "b" */
	ck_assert_uint_eq(allocate(), 0);
	ck_assert_uint_eq(allocate_as(&core_bob), 0);
	c.user.account_at = 0;
	ck_assert_uint_eq(allocate(), 0);
	c.user.account_at = 5;
	ck_assert_uint_eq(allocate(), 0);
	ck_assert_uint_eq(allocate(), 486);
}
END_TEST

/* A pair is two of the user's while it is reserved; then a token's charge
 * changes hands. */
START_TEST(a_pair_is_charged_twice_and_once)
{
	limits()->allocations_per_user = 2;
	limits()->allocations_per_source = 1;
	core_restart(&c);
	client.port++;
	core_begin_allocate(&q, &client, 1);
	stun_add(&q.builder, STUN_ATTR_EVEN_PORT, bytes_of("\x80", 1));
	ck_assert_uint_eq(core_ask(&c, &q, &core_alice), 0);
	ck_assert_uint_eq(atomic_load(&c.shared->quota.total), 2);
	ck_assert_uint_eq(allocate(), 486);
	expect_refusal(REFUSAL_USER_QUOTA, 486, 2);
}
END_TEST

/* A token that is not good brings no charge: then the total limit is what is
 * in the way, not the address's. */
START_TEST(a_bad_token_finds_the_process_full)
{
	limits()->allocations_per_source = 100;
	core_restart(&c);
	for (int i = 0; i < 6; i++)
		ck_assert_uint_eq(allocate(), 0);
	client.port++;
	core_begin_allocate(&q, &client, 1);
	stun_add(&q.builder, STUN_ATTR_RESERVATION_TOKEN,
		 bytes_of("no token", 8));
	ck_assert_uint_eq(core_ask(&c, &q, &core_alice), 508);
	expect_refusal(REFUSAL_TOTAL, 508, 6);
}
END_TEST

/* The realm's limit comes last: what was charged before is returned. */
START_TEST(a_full_realm_leaves_no_charge)
{
	limits()->allocations_per_source = 100;
	c.config.realms[0].allocations_max = 1;
	core_restart(&c);
	ck_assert_uint_eq(allocate(), 0);
	ck_assert_uint_eq(allocate(), 508);
	expect_refusal(REFUSAL_REALM_QUOTA, 508, 1);
	ck_assert_uint_eq(atomic_load(&c.shared->quota.total), 1);
	ck_assert_uint_eq(atomic_load(&c.shared->sources.total), 1);
	ck_assert_uint_eq(atomic_load(&c.shared->realms[0]), 1);
}
END_TEST

/* Lowered limits apply to what is allocated from then on. */
START_TEST(new_limits_apply_to_new_allocations)
{
	struct turn_limits changed = *limits();

	ck_assert_uint_eq(allocate(), 0);
	ck_assert_uint_eq(allocate(), 0);
	changed.allocations_per_user = 1;
	changed.permissions_per_allocation = 99;
	turn_set_limits(c.server, &changed);
	ck_assert_uint_eq(allocate(), 486);
	/* What sizes pools is as it was. */
	ck_assert_uint_eq(c.server->config.limits.permissions_per_allocation,
			  c.config.limits.permissions_per_allocation);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("admission");
	TCase *t = tcase_create("admission");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, listed_users_have_no_limit_by_default);
	tcase_add_test(t, dynamic_users_have_the_dynamic_limits);
	tcase_add_test(t, the_realms_limit_beats_the_configurations);
	tcase_add_test(t, the_users_own_limit_beats_the_realms);
	tcase_add_test(t, an_address_has_its_limit);
	tcase_add_test(t, a_realm_has_its_limit);
	tcase_add_test(t, credentials_of_one_account_share_its_limit);
	tcase_add_test(t, a_pair_is_charged_twice_and_once);
	tcase_add_test(t, a_bad_token_finds_the_process_full);
	tcase_add_test(t, a_full_realm_leaves_no_charge);
	tcase_add_test(t, new_limits_apply_to_new_allocations);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
