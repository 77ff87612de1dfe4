#include "unit.h"

#include "turn/refusal.h"

static char text[REFUSAL_TEXT_BYTES];

static const char *print(struct refusal f)
{
	return refusal_print(&f, text);
}

START_TEST(every_cause_has_its_words)
{
	for (int i = 0; i < REFUSAL_CAUSE_COUNT; i++) {
		const struct refusal_words *words =
			refusal_words((enum refusal_cause)i);

		ck_assert_uint_gt(strlen(words->label), 0);
		ck_assert_uint_gt(strlen(words->message), 0);
		print((struct refusal){ .cause = (uint8_t)i });
		ck_assert_int_eq(
			strncmp(text, words->label, strlen(words->label)), 0);
		for (int j = 0; j < i; j++)
			ck_assert_str_ne(
				words->label,
				refusal_words((enum refusal_cause)j)->label);
	}
}
END_TEST

START_TEST(authentication_is_what_a_ban_may_follow)
{
	ck_assert(refusal_is_authentication(REFUSAL_WRONG_PASSWORD));
	ck_assert(refusal_is_authentication(REFUSAL_EXPIRED));
	ck_assert(!refusal_is_authentication(REFUSAL_NO_ANSWER));
	ck_assert(!refusal_is_authentication(REFUSAL_USER_QUOTA));
	ck_assert(!refusal_is_authentication(REFUSAL_PEER));
}
END_TEST

START_TEST(causes_in_plain_words)
{
	ck_assert_str_eq(
		print((struct refusal){ .cause = REFUSAL_WRONG_PASSWORD }),
		"wrong password");
	ck_assert_str_eq(print((struct refusal){ .cause = REFUSAL_USER_QUOTA,
						 .limit = 10 }),
			 "user quota, 10 of 10");
	ck_assert_str_eq(
		print((struct refusal){ .cause = REFUSAL_EXPIRED,
					.expired_wall_s = 1795626000 }),
		"expired at 2026-11-25T17:00:00Z");
	ck_assert_str_eq(
		print((struct refusal){ .cause = REFUSAL_PEER,
					.peer = addr_ipv4(0x0a000005, 0),
					.rule = "private" }),
		"peer denied 10.0.0.5: private");
}
END_TEST

/* A clock may say anything, and a rule be as long as there is room. */
START_TEST(extremes_are_printed)
{
	struct refusal f = { .cause = REFUSAL_EXPIRED,
			     .expired_wall_s = INT64_MAX };

	ck_assert_str_eq(print(f), "expired at 9223372036854775807");
	f.cause = REFUSAL_PEER;
	memset(f.rule, 'x', sizeof(f.rule));
	print(f);
	ck_assert_uint_eq(strlen(text), strlen("peer denied none: ") +
						REFUSAL_RULE_BYTES - 1);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("refusal");
	TCase *t = tcase_create("refusal");

	tcase_add_test(t, every_cause_has_its_words);
	tcase_add_test(t, authentication_is_what_a_ban_may_follow);
	tcase_add_test(t, causes_in_plain_words);
	tcase_add_test(t, extremes_are_printed);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
