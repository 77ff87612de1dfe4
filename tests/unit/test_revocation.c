#include "core_fixture.h"

static struct core c;
static struct addr client;
static struct turn_user says; /* what the sources say now */

static void set_up(void)
{
	core_setup(&c);
	c.user.revocable = true;
	client = core_client(1, 5000);
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	memset(&says, 0, sizeof(says));
	says.key_count = 1;
	stun_long_term_key(c.crypto, STUN_ALGORITHM_MD5,
			   bytes_str(core_alice.name), bytes_str(CORE_REALM),
			   bytes_str(core_alice.password), &says.keys[0].md5);
}

static void tear_down(void)
{
	core_teardown(&c);
}

/* Hands the answer in; returns how many allocations it ended. */
static unsigned recheck_in(uint8_t realm, const char *name,
			   enum turn_lookup result)
{
	unsigned ended = 0;

	for (;;) {
		actions_clear(&c.out);
		if (!turn_recheck(c.server, &c.now, realm, bytes_str(name),
				  result, &says, &c.out))
			break;
		ended++;
		ck_assert_int_eq(c.out.items[c.out.count - 1].kind,
				 ACTION_CLOSE_RELAY);
		ck_assert_int_eq(c.out.items[0].kind, ACTION_LOG);
		c.log = *c.out.items[0].as.log;
	}
	ck_assert_uint_eq(c.out.count, 0);
	return ended;
}

static unsigned recheck(enum turn_lookup result)
{
	return recheck_in(0, "alice", result);
}

static uint64_t living(void)
{
	return counter_get(&turn_counters(c.server)->allocations);
}

START_TEST(who_is_still_admitted_goes_on)
{
	ck_assert_uint_eq(recheck(TURN_LOOKUP_FOUND), 0);
	ck_assert_uint_eq(living(), 1);
}
END_TEST

/* A source that does not answer has said nothing. */
START_TEST(silence_ends_nothing)
{
	struct addr other = core_client(2, 5000);

	c.user.source = TURN_SOURCE_REDIS;
	ck_assert_uint_eq(core_allocate_as(&c, &other, 2, &core_bob), 0);
	ck_assert_uint_eq(recheck_in(0, "bob", TURN_LOOKUP_UNAVAILABLE), 0);
	ck_assert_uint_eq(living(), 2);
}
END_TEST

/* Whom a list had admitted and has no more is not waited for: lists are there,
 * whoever else is away. */
START_TEST(who_was_listed_is_gone_whoever_is_away)
{
	ck_assert_uint_eq(recheck(TURN_LOOKUP_UNAVAILABLE), 1);
	ck_assert_str_eq(core_log_field(&c, "reason"),
			 "no source knows the user any more");
}
END_TEST

START_TEST(a_deleted_user_is_gone_at_once)
{
	ck_assert_uint_eq(recheck(TURN_LOOKUP_UNKNOWN), 1);
	ck_assert_uint_eq(living(), 0);
	ck_assert_str_eq(c.log.message, "session ended");
	ck_assert_str_eq(core_log_field(&c, "cause"), "revoked");
	ck_assert_str_eq(core_log_field(&c, "reason"),
			 "no source knows the user any more");
	core_expect_empty(&c);
	/* No data, no refresh. */
	ck_assert_uint_eq(core_refresh(&c, &client, 2, 600), 437);
}
END_TEST

START_TEST(a_disabled_user_is_gone_at_once)
{
	says.disabled = true;
	ck_assert_uint_eq(recheck(TURN_LOOKUP_FOUND), 1);
	ck_assert_str_eq(core_log_field(&c, "reason"), "the user is disabled");
}
END_TEST

START_TEST(another_password_ends_what_the_old_one_began)
{
	says.keys[0].md5.bytes[0] ^= 1;
	ck_assert_uint_eq(recheck(TURN_LOOKUP_FOUND), 1);
	ck_assert_str_eq(core_log_field(&c, "reason"),
			 "the password or secret is not valid any more");
}
END_TEST

/* While secrets are rotated any of them will do. */
START_TEST(any_key_that_is_still_valid_will_do)
{
	says.keys[2] = says.keys[0];
	says.keys[0].md5.bytes[0] ^= 1;
	says.keys[1].md5.len = 0;
	says.key_count = 3;
	ck_assert_uint_eq(recheck(TURN_LOOKUP_FOUND), 0);
	says.key_count = 2;
	ck_assert_uint_eq(recheck(TURN_LOOKUP_FOUND), 1);
}
END_TEST

/* The key is compared in the form that the session was begun with. */
START_TEST(sessions_by_sha256_keep_to_that_key)
{
	struct addr other = core_client(2, 5000);

	stun_long_term_key(c.crypto, STUN_ALGORITHM_SHA256,
			   bytes_str(core_alice.name), bytes_str(CORE_REALM),
			   bytes_str(core_alice.password),
			   &says.keys[0].sha256);
	ck_assert_uint_eq(core_allocate_as(&c, &other, 2, &core_alice_sha256),
			  0);
	ck_assert_uint_eq(recheck(TURN_LOOKUP_FOUND), 0);
	says.keys[0].sha256.bytes[31] ^= 1;
	ck_assert_uint_eq(recheck(TURN_LOOKUP_FOUND), 1);
	ck_assert_uint_eq(living(), 1);
}
END_TEST

/* Others of the realm, and of that name elsewhere, are not meant. */
START_TEST(it_is_that_user_and_nobody_else)
{
	struct addr other = core_client(2, 5000);

	ck_assert_uint_eq(core_allocate_as(&c, &other, 2, &core_bob), 0);
	ck_assert_uint_eq(recheck_in(1, "alice", TURN_LOOKUP_UNKNOWN), 0);
	ck_assert_uint_eq(recheck_in(0, "ali", TURN_LOOKUP_UNKNOWN), 0);
	ck_assert_uint_eq(living(), 2);
	ck_assert_uint_eq(recheck_in(0, "bob", TURN_LOOKUP_UNKNOWN), 1);
	ck_assert_uint_eq(living(), 1);
}
END_TEST

/* All of them, whichever was ended by other means before. */
START_TEST(all_sessions_of_the_user_end)
{
	for (uint8_t i = 2; i <= 6; i++) {
		struct addr more = core_client(i, 5000);

		ck_assert_uint_eq(core_allocate(&c, &more, i), 0);
	}
	client = core_client(3, 5000);
	ck_assert_uint_eq(core_refresh(&c, &client, 10, 0), 0);
	client = core_client(6, 5000);
	ck_assert_uint_eq(core_refresh(&c, &client, 11, 0), 0);
	ck_assert_uint_eq(recheck(TURN_LOOKUP_UNKNOWN), 4);
	core_expect_empty(&c);
}
END_TEST

/* Time-limited sessions live on unless the source says otherwise. */
START_TEST(what_is_not_revocable_stays)
{
	struct addr other = core_client(2, 5000);

	c.user.revocable = false;
	ck_assert_uint_eq(core_allocate(&c, &other, 2), 0);
	ck_assert_uint_eq(recheck(TURN_LOOKUP_UNKNOWN), 1);
	ck_assert_uint_eq(living(), 1);
	ck_assert_uint_eq(core_refresh(&c, &other, 3, 600), 0);
}
END_TEST

/* A source that has become one whose word ends sessions ends the old ones. */
START_TEST(what_has_become_revocable_ends)
{
	struct addr other = core_client(2, 5000);

	c.user.revocable = false;
	ck_assert_uint_eq(core_allocate_as(&c, &other, 2, &core_bob), 0);
	says.disabled = true;
	ck_assert_uint_eq(recheck_in(0, "bob", TURN_LOOKUP_FOUND), 0);
	says.revocable = true;
	ck_assert_uint_eq(recheck_in(0, "bob", TURN_LOOKUP_FOUND), 1);
}
END_TEST

/* While its socket is being opened it ends without a word. */
START_TEST(what_is_being_opened_ends_too)
{
	struct addr other = core_client(2, 5000);

	c.hold_relays = true;
	core_allocate(&c, &other, 2);
	ck_assert_uint_eq(c.relays_asked, 2);
	actions_clear(&c.out);
	for (int i = 0; i < 2; i++)
		ck_assert(turn_recheck(c.server, &c.now, 0, bytes_str("alice"),
				       TURN_LOOKUP_UNKNOWN, &says, &c.out));
	ck_assert(!turn_recheck(c.server, &c.now, 0, bytes_str("alice"),
				TURN_LOOKUP_UNKNOWN, &says, &c.out));
	core_expect_empty(&c);
	core_answer_relay(&c, c.last_relay, 0);
	ck_assert_uint_eq(c.relays_closed, 1);
}
END_TEST

/* Each user with sessions is named once. */
START_TEST(users_are_named_one_by_one)
{
	struct addr other = core_client(2, 5000);
	uint32_t cursor = 0;
	struct bytes name;
	uint8_t realm;

	ck_assert_uint_eq(core_allocate(&c, &other, 2), 0);
	other.port++;
	ck_assert_uint_eq(core_allocate_as(&c, &other, 3, &core_bob), 0);
	ck_assert(turn_next_user(c.server, &cursor, &realm, &name));
	ck_assert_uint_eq(realm, 0);
	ck_assert(bytes_equal(name, bytes_str("alice")));
	ck_assert(turn_next_user(c.server, &cursor, &realm, &name));
	ck_assert(bytes_equal(name, bytes_str("bob")));
	ck_assert(!turn_next_user(c.server, &cursor, &realm, &name));
	ck_assert(turn_has_user(c.server, 0, bytes_str("bob")));
	ck_assert(!turn_has_user(c.server, 1, bytes_str("bob")));
	ck_assert(!turn_has_user(c.server, 0, bytes_str("carol")));
	/* Whose last session has ended is not named. */
	ck_assert_uint_eq(recheck(TURN_LOOKUP_UNKNOWN), 2);
	cursor = 0;
	ck_assert(turn_next_user(c.server, &cursor, &realm, &name));
	ck_assert(bytes_equal(name, bytes_str("bob")));
	ck_assert(!turn_next_user(c.server, &cursor, &realm, &name));
}
END_TEST

/* --- disabled, and credentials that end ---------------------------------- */

static uint16_t allocate_again(void)
{
	client.port++;
	return core_allocate(&c, &client, 9);
}

START_TEST(a_disabled_user_is_not_let_in)
{
	c.user.disabled = true;
	ck_assert_uint_eq(allocate_again(), 401);
	ck_assert_int_eq(c.refusal.cause, REFUSAL_DISABLED);
	ck_assert_str_eq(core_log_field(&c, "reason"), "disabled");
}
END_TEST

START_TEST(an_expired_credential_is_refused_and_says_since_when)
{
	c.user.expires_wall_s = c.now.wall_s + 1;
	ck_assert_uint_eq(allocate_again(), 0);
	c.user.expires_wall_s = c.now.wall_s;
	ck_assert_uint_eq(allocate_again(), 401);
	ck_assert_int_eq(c.refusal.cause, REFUSAL_EXPIRED);
	ck_assert_int_eq(c.refusal.expired_wall_s, c.now.wall_s);
}
END_TEST

/* ACS clients cannot renew credentials in a call. */
START_TEST(running_sessions_outlive_their_credential)
{
	c.user.expires_wall_s = c.now.wall_s + 10;
	ck_assert_uint_eq(allocate_again(), 0);
	core_wait(&c, 20000);
	ck_assert_uint_eq(core_refresh(&c, &client, 10, 600), 0);
	ck_assert_uint_eq(core_reply_u32(&c, STUN_ATTR_LIFETIME), 600);
}
END_TEST

START_TEST(sessions_end_with_their_credential_where_that_is_wanted)
{
	c.user.expires_wall_s = c.now.wall_s + 700;
	c.user.expiry_ends = true;
	ck_assert_uint_eq(allocate_again(), 0);
	ck_assert_uint_eq(core_reply_u32(&c, STUN_ATTR_LIFETIME), 600);
	core_wait(&c, 200000);
	ck_assert_uint_eq(core_refresh(&c, &client, 10, 600), 0);
	ck_assert_uint_eq(core_reply_u32(&c, STUN_ATTR_LIFETIME), 500);
	core_wait(&c, 499900);
	ck_assert_uint_eq(core_refresh(&c, &client, 11, 600), 0);
	ck_assert_uint_eq(core_reply_u32(&c, STUN_ATTR_LIFETIME), 0);
	core_wait(&c, 1000);
	ck_assert_str_eq(core_log_field(&c, "cause"), "credential-expired");
	ck_assert_uint_eq(core_refresh(&c, &client, 12, 600), 401);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("revocation");
	TCase *t = tcase_create("revocation");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, who_is_still_admitted_goes_on);
	tcase_add_test(t, silence_ends_nothing);
	tcase_add_test(t, who_was_listed_is_gone_whoever_is_away);
	tcase_add_test(t, a_deleted_user_is_gone_at_once);
	tcase_add_test(t, a_disabled_user_is_gone_at_once);
	tcase_add_test(t, another_password_ends_what_the_old_one_began);
	tcase_add_test(t, any_key_that_is_still_valid_will_do);
	tcase_add_test(t, sessions_by_sha256_keep_to_that_key);
	tcase_add_test(t, it_is_that_user_and_nobody_else);
	tcase_add_test(t, all_sessions_of_the_user_end);
	tcase_add_test(t, what_is_not_revocable_stays);
	tcase_add_test(t, what_has_become_revocable_ends);
	tcase_add_test(t, what_is_being_opened_ends_too);
	tcase_add_test(t, users_are_named_one_by_one);
	tcase_add_test(t, a_disabled_user_is_not_let_in);
	tcase_add_test(t, an_expired_credential_is_refused_and_says_since_when);
	tcase_add_test(t, running_sessions_outlive_their_credential);
	tcase_add_test(t,
		       sessions_end_with_their_credential_where_that_is_wanted);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
