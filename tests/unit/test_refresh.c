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
	core_begin(&q, STUN_REFRESH, &client, 2);
}

static void tear_down(void)
{
	core_teardown(&c);
}

static uint16_t ask(void)
{
	uint16_t code = core_ask(&c, &q, &core_alice);

	core_begin(&q, STUN_REFRESH, &client, 2);
	return code;
}

/* --- the desired lifetime: RFC 8656 section 8.2 -------------------------------- */

START_TEST(the_lifetime_is_told_and_nothing_else)
{
	ck_assert_uint_eq(ask(), 0);
	ck_assert_str_eq(core_reply_attrs(&c), "LIFETIME MESSAGE-INTEGRITY");
	ck_assert_uint_eq(core_reply_u32(&c, STUN_ATTR_LIFETIME), 600);
	ck_assert_str_eq(core_signature(&c, &core_alice), "MESSAGE-INTEGRITY");
}
END_TEST

START_TEST(lifetimes_lie_between_default_and_maximum)
{
	static const struct {
		uint32_t asked, given;
	} table[] = { { 1, 600 },     { 600, 600 },   { 601, 601 },
		      { 3600, 3600 }, { 3601, 3600 }, { UINT32_MAX, 3600 } };

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		ck_assert_uint_eq(core_refresh(&c, &client, 2, table[i].asked),
				  0);
		ck_assert_uint_eq(core_reply_u32(&c, STUN_ATTR_LIFETIME),
				  table[i].given);
	}
}
END_TEST

/* What is told is what happens, to the millisecond. */
static void expect_end_after(uint64_t ms)
{
	core_pass(&c, ms - 1);
	core_indicate(&c, &client, &peer, "alive");
	ck_assert_int_eq(c.verdict.drop, DROP_NO_PERMISSION);
	core_pass(&c, 1);
	ck_assert_str_eq(core_indicate(&c, &client, &peer, "gone"),
			 "no_allocation");
	ck_assert_uint_eq(core_refresh(&c, &client, 9, 600), 437);
}

START_TEST(a_refresh_counts_from_now)
{
	core_pass(&c, 599999);
	ck_assert_uint_eq(ask(), 0);
	expect_end_after(600000);
}
END_TEST

START_TEST(a_refresh_for_an_hour_lasts_an_hour)
{
	ck_assert_uint_eq(core_refresh(&c, &client, 2, 3600), 0);
	expect_end_after(3600000);
}
END_TEST

START_TEST(a_refresh_may_shorten)
{
	ck_assert_uint_eq(core_refresh(&c, &client, 2, 3600), 0);
	ck_assert_uint_eq(core_refresh(&c, &client, 3, 600), 0);
	expect_end_after(600000);
}
END_TEST

/* Repeated, it leaves the same state but for the later expiry. */
START_TEST(a_repeated_refresh_only_moves_the_expiry)
{
	core_sign(&c, &q, &core_alice);
	core_send(&c, &q);
	core_pass(&c, 1000);
	core_send(&c, &q);
	ck_assert_uint_eq(core_code(&c), 0);
	ck_assert_uint_eq(core_reply_u32(&c, STUN_ATTR_LIFETIME), 600);
	ck_assert_uint_eq(c.relays_asked, 1);
	ck_assert_uint_eq(atomic_load(&c.shared->quota.total), 1);
	expect_end_after(600000);
}
END_TEST

/* --- deletion -------------------------------------------------------------------- */

START_TEST(lifetime_0_deletes_at_once)
{
	ck_assert_uint_eq(core_bind(&c, &client, 2, 0x4000, &peer), 0);
	ck_assert_uint_eq(core_refresh(&c, &client, 3, 0), 0);
	ck_assert_uint_eq(core_reply_u32(&c, STUN_ATTR_LIFETIME), 0);
	ck_assert_str_eq(core_signature(&c, &core_alice), "MESSAGE-INTEGRITY");
	ck_assert_uint_eq(c.relays_closed, 1);
	ck_assert_uint_eq(c.last_closed.index, c.last_relay.index);
	ck_assert_uint_eq(c.last_closed.generation, c.last_relay.generation);
	core_expect_empty(&c);
	ck_assert_str_eq(core_channel_data(&c, &client, 0x4000, "x"),
			 "no_allocation");
	ck_assert_str_eq(
		core_from_peer(&c, c.last_relay, &peer, bytes_str("x")),
		"no_allocation");
	ck_assert_uint_eq(core_bind(&c, &client, 4, 0x4000, &peer), 437);
}
END_TEST

/* "the client will treat this as equivalent to a success response" */
/* Whoever is told that the port is free may have it at once, from another
 * worker: the socket is closed before the answer leaves. */
START_TEST(the_port_is_free_before_that_is_told)
{
	int closed = -1, replied = -1;

	ck_assert_uint_eq(core_refresh(&c, &client, 2, 0), 0);
	for (unsigned i = 0; i < c.out.count; i++) {
		if (c.out.items[i].kind == ACTION_CLOSE_RELAY)
			closed = (int)i;
		if (c.out.items[i].kind == ACTION_REPLY)
			replied = (int)i;
	}
	ck_assert_int_ge(closed, 0);
	ck_assert_int_lt(closed, replied);
}
END_TEST

START_TEST(a_repeated_deletion_is_a_mismatch)
{
	ck_assert_uint_eq(core_refresh(&c, &client, 2, 0), 0);
	ck_assert_uint_eq(core_refresh(&c, &client, 2, 0), 437);
	ck_assert_uint_eq(core_refresh(&c, &client, 3, 600), 437);
	ck_assert_uint_eq(c.relays_closed, 1);
}
END_TEST

START_TEST(an_expired_allocation_cannot_be_refreshed)
{
	core_pass(&c, 600000); /* and no tick */
	ck_assert_uint_eq(ask(), 437);
	ck_assert_uint_eq(c.relays_closed, 1);
	ck_assert_str_eq(core_log_field(&c, "cause"), "expired");
	core_expect_empty(&c);
}
END_TEST

/* --- what is refused ---------------------------------------------------------------- */

START_TEST(its_own_family_may_be_named)
{
	stun_add_u8_rffu(&q.builder, STUN_ATTR_REQUESTED_ADDRESS_FAMILY,
			 ADDR_IPV4);
	ck_assert_uint_eq(ask(), 0);
}
END_TEST

/* "MUST reply with a 443 (Peer Address Family Mismatch)"; nothing changes. */
START_TEST(another_family_is_443)
{
	static const uint8_t families[] = { ADDR_IPV6, 3, 0xff };

	core_pass(&c, 1000);
	for (size_t i = 0; i < sizeof(families); i++) {
		stun_add_u8_rffu(&q.builder, STUN_ATTR_REQUESTED_ADDRESS_FAMILY,
				 families[i]);
		stun_add_u32(&q.builder, STUN_ATTR_LIFETIME, 0);
		ck_assert_uint_eq(ask(), 443);
		ck_assert_str_eq(core_reply_attrs(&c),
				 "ERROR-CODE MESSAGE-INTEGRITY");
	}
	expect_end_after(599000);
}
END_TEST

START_TEST(malformed_attributes_are_bad_requests)
{
	stun_add_u64(&q.builder, STUN_ATTR_LIFETIME, 0);
	ck_assert_uint_eq(ask(), 400);
	stun_add_flag(&q.builder, STUN_ATTR_LIFETIME);
	ck_assert_uint_eq(ask(), 400);
	stun_add_flag(&q.builder, STUN_ATTR_REQUESTED_ADDRESS_FAMILY);
	ck_assert_uint_eq(ask(), 400);
	stun_add_u8_rffu(&q.builder, STUN_ATTR_REQUESTED_ADDRESS_FAMILY, 0);
	ck_assert_uint_eq(ask(), 400);
	ck_assert_uint_eq(c.relays_closed, 0);
	expect_end_after(600000);
}
END_TEST

/* RFC 8656 section 5: all requests use the name that made the allocation. */
START_TEST(another_user_is_441)
{
	stun_add_u32(&q.builder, STUN_ATTR_LIFETIME, 0);
	ck_assert_uint_eq(core_ask(&c, &q, &core_bob), 441);
	ck_assert_str_eq(core_signature(&c, &core_bob), "MESSAGE-INTEGRITY");
	ck_assert_uint_eq(c.relays_closed, 0);
}
END_TEST

START_TEST(another_5_tuple_is_437)
{
	client.port++;
	ck_assert_uint_eq(core_refresh(&c, &client, 2, 0), 437);
	ck_assert_str_eq(core_reply_attrs(&c), "ERROR-CODE MESSAGE-INTEGRITY");
	ck_assert_uint_eq(c.relays_closed, 0);
}
END_TEST

/* It is not there before its socket is. */
START_TEST(while_opening_there_is_nothing_to_refresh)
{
	c.hold_relays = true;
	client.port++;
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 1);
	ck_assert_uint_eq(core_refresh(&c, &client, 2, 0), 437);
	core_answer_relay(&c, c.last_relay, 0);
	ck_assert_uint_eq(core_code(&c), 0);
	ck_assert_uint_eq(core_refresh(&c, &client, 3, 0), 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("refresh");
	TCase *t = tcase_create("refresh");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, the_lifetime_is_told_and_nothing_else);
	tcase_add_test(t, lifetimes_lie_between_default_and_maximum);
	tcase_add_test(t, a_refresh_counts_from_now);
	tcase_add_test(t, a_refresh_for_an_hour_lasts_an_hour);
	tcase_add_test(t, a_refresh_may_shorten);
	tcase_add_test(t, a_repeated_refresh_only_moves_the_expiry);
	tcase_add_test(t, lifetime_0_deletes_at_once);
	tcase_add_test(t, the_port_is_free_before_that_is_told);
	tcase_add_test(t, a_repeated_deletion_is_a_mismatch);
	tcase_add_test(t, an_expired_allocation_cannot_be_refreshed);
	tcase_add_test(t, its_own_family_may_be_named);
	tcase_add_test(t, another_family_is_443);
	tcase_add_test(t, malformed_attributes_are_bad_requests);
	tcase_add_test(t, another_user_is_441);
	tcase_add_test(t, another_5_tuple_is_437);
	tcase_add_test(t, while_opening_there_is_nothing_to_refresh);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
