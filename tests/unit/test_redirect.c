#include "core_fixture.h"

static struct core c;
static struct addr client;

/* Servers of the same fleet; the first is this one. */
static const char *const fleet[] = { "198.51.100.1", "198.51.100.2",
				     "198.51.100.3", "2001:db8::4" };

static void drain(bool on, unsigned alternates)
{
	c.config.draining = on;
	c.config.alternate_count = 0;
	for (unsigned i = 0; i < alternates; i++) {
		struct addr *a =
			&c.config.alternates[c.config.alternate_count++];

		ck_assert(addr_parse(fleet[i], a));
		a->port = 3478;
	}
	turn_reconfigure(c.server, &c.config);
}

static void set_up(void)
{
	core_setup(&c);
	client = core_client(1, 5000);
}

static void tear_down(void)
{
	core_teardown(&c);
}

/* Whom the last answer names. */
static const char *alternate(void)
{
	static char text[ADDR_TEXT_BYTES];
	const struct stun_attr *attr =
		stun_find(&c.reply, STUN_ATTR_ALTERNATE_SERVER);
	struct addr a;

	ck_assert_ptr_nonnull(attr);
	ck_assert(stun_get_addr(attr, &a));
	return addr_print(&a, text);
}

START_TEST(who_comes_anew_is_sent_elsewhere)
{
	drain(true, 2);
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 300);
	ck_assert_str_eq(alternate(), "198.51.100.2:3478");
	ck_assert_str_eq(core_reply_attrs(&c),
			 "ERROR-CODE ALTERNATE-SERVER MESSAGE-INTEGRITY");
	ck_assert_str_eq(core_signature(&c, &core_alice), "MESSAGE-INTEGRITY");
	core_expect_empty(&c);
	ck_assert_uint_eq(c.relays_asked, 0);
}
END_TEST

START_TEST(the_answer_is_protected_as_the_request_was)
{
	drain(true, 2);
	ck_assert_uint_eq(core_allocate_as(&c, &client, 1, &core_alice_sha256),
			  300);
	ck_assert_str_eq(core_signature(&c, &core_alice_sha256),
			 "MESSAGE-INTEGRITY-SHA256");
}
END_TEST

/* Who has not shown who it is learns of no other server. */
START_TEST(strangers_are_asked_who_they_are_first)
{
	struct core_request q;

	drain(true, 3);
	core_begin_allocate(&q, &client, 1);
	ck_assert_uint_eq(core_send(&c, &q), 1);
	ck_assert_uint_eq(core_code(&c), 401);
	ck_assert(!core_replied_with(&c, STUN_ATTR_ALTERNATE_SERVER));
	ck_assert_uint_eq(core_allocate_as(&c, &client, 2, &core_liar), 401);
	ck_assert_uint_eq(core_allocate_as(&c, &client, 3, &core_nobody), 401);
	ck_assert(!core_replied_with(&c, STUN_ATTR_ALTERNATE_SERVER));
}
END_TEST

/* What is wrong with a request would be wrong elsewhere, too. */
START_TEST(a_request_that_is_not_in_order_is_told_so)
{
	struct core_request q;

	drain(true, 2);
	core_begin(&q, STUN_ALLOCATE, &client, 1);
	ck_assert_uint_eq(core_ask(&c, &q, &core_alice), 400);
	core_begin(&q, STUN_ALLOCATE, &client, 2);
	stun_add_u8_rffu(&q.builder, STUN_ATTR_REQUESTED_TRANSPORT, 6);
	ck_assert_uint_eq(core_ask(&c, &q, &core_alice), 442);
}
END_TEST

START_TEST(without_an_alternate_it_is_508)
{
	drain(true, 0);
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 508);
	ck_assert_str_eq(core_reply_attrs(&c), "ERROR-CODE MESSAGE-INTEGRITY");
	ck_assert_int_eq(c.refusal.cause, REFUSAL_DRAINING);
	ck_assert_uint_eq(c.refusal.code, 508);
	core_expect_empty(&c);
}
END_TEST

START_TEST(never_to_itself)
{
	drain(true, 1);
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 508);
	/* Nor in the form that the world knows. */
	c.config.peers.own_sockets[0] = addr_with_port(&c.config.relay, 3478);
	c.config.alternates[0] =
		addr_with_port(&c.config.relay_advertise, 3478);
	turn_reconfigure(c.server, &c.config);
	ck_assert_uint_eq(core_allocate(&c, &client, 2), 508);
	/* Another port there is somebody else. */
	c.config.alternates[0].port = 3499;
	turn_reconfigure(c.server, &c.config);
	ck_assert_uint_eq(core_allocate(&c, &client, 3), 300);
	ck_assert_str_eq(alternate(), "20.202.255.255:3499");
}
END_TEST

/* The client's family, and each of them its share. */
START_TEST(any_of_those_that_fit)
{
	unsigned second = 0, third = 0;

	drain(true, 4);
	for (uint32_t i = 0; i < 200; i++) {
		ck_assert_uint_eq(core_allocate(&c, &client, i), 300);
		if (!strcmp(alternate(), "198.51.100.2:3478"))
			second++;
		else if (!strcmp(alternate(), "198.51.100.3:3478"))
			third++;
	}
	ck_assert_uint_eq(second + third, 200);
	ck_assert_uint_gt(second, 60);
	ck_assert_uint_gt(third, 60);
}
END_TEST

START_TEST(a_retransmission_is_told_the_same)
{
	char first[ADDR_TEXT_BYTES];

	drain(true, 4);
	for (uint32_t i = 0; i < 20; i++) {
		ck_assert_uint_eq(core_allocate(&c, &client, i), 300);
		snprintf(first, sizeof(first), "%s", alternate());
		ck_assert_uint_eq(core_allocate(&c, &client, i), 300);
		ck_assert_str_eq(alternate(), first);
	}
}
END_TEST

START_TEST(who_is_there_stays)
{
	struct addr peer = core_peer(1, 9000), other = core_client(2, 5000);

	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	drain(true, 2);
	/* Its answer may have been lost. */
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	ck_assert_uint_eq(core_allocate(&c, &client, 2), 437);
	ck_assert_uint_eq(core_permit(&c, &client, 3, &peer), 0);
	ck_assert_uint_eq(core_bind(&c, &client, 4, 0x4001, &peer), 0);
	ck_assert_str_eq(core_channel_data(&c, &client, 0x4001, "data"),
			 "to_peer");
	ck_assert_str_eq(
		core_from_peer(&c, c.last_relay, &peer, bytes_str("data")),
		"to_client");
	ck_assert_uint_eq(core_refresh(&c, &client, 5, 600), 0);
	/* Who gives it up gets no other one here. */
	ck_assert_uint_eq(core_refresh(&c, &client, 6, 0), 0);
	ck_assert_uint_eq(core_allocate(&c, &client, 7), 300);
	ck_assert_uint_eq(core_allocate(&c, &other, 8), 300);
}
END_TEST

/* Whose socket is being opened when it begins is served. */
START_TEST(who_was_let_in_is_in)
{
	c.hold_relays = true;
	core_allocate(&c, &client, 1);
	drain(true, 2);
	core_answer_relay(&c, c.last_relay, 0);
	ck_assert_uint_eq(core_code(&c), 0);
	ck_assert_uint_eq(core_refresh(&c, &client, 2, 600), 0);
}
END_TEST

/* Who waits for its keys meanwhile is not in yet. */
START_TEST(who_waits_is_judged_when_the_answer_is_there)
{
	c.hold_lookups = true;
	core_allocate(&c, &client, 1);
	ck_assert_uint_eq(c.lookups_asked, 1);
	drain(true, 2);
	core_answer_lookup(&c, c.last_ticket);
	ck_assert_uint_eq(core_code(&c), 300);
}
END_TEST

START_TEST(afterwards_it_is_as_before)
{
	drain(true, 2);
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 300);
	drain(false, 2);
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
}
END_TEST

START_TEST(the_operator_is_told)
{
	drain(true, 2);
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 300);
	ck_assert_uint_eq(c.refusals, 1);
	ck_assert_int_eq(c.refusal.cause, REFUSAL_DRAINING);
	ck_assert_uint_eq(c.refusal.code, 300);
	ck_assert_str_eq(core_log_field(&c, "reason"), "draining");
	ck_assert_str_eq(core_log_field(&c, "user"), "alice");
	ck_assert_int_eq(c.log.level, LOG_LEVEL_INFO);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("redirect");
	TCase *t = tcase_create("redirect");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, who_comes_anew_is_sent_elsewhere);
	tcase_add_test(t, the_answer_is_protected_as_the_request_was);
	tcase_add_test(t, strangers_are_asked_who_they_are_first);
	tcase_add_test(t, a_request_that_is_not_in_order_is_told_so);
	tcase_add_test(t, without_an_alternate_it_is_508);
	tcase_add_test(t, never_to_itself);
	tcase_add_test(t, any_of_those_that_fit);
	tcase_add_test(t, a_retransmission_is_told_the_same);
	tcase_add_test(t, who_is_there_stays);
	tcase_add_test(t, who_was_let_in_is_in);
	tcase_add_test(t, who_waits_is_judged_when_the_answer_is_there);
	tcase_add_test(t, afterwards_it_is_as_before);
	tcase_add_test(t, the_operator_is_told);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
