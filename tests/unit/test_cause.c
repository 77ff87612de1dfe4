#include "unit.h"

#include <string.h>

#include "turn/cause.h"

START_TEST(each_cause_has_its_word)
{
	for (unsigned i = 0; i < TURN_CAUSE_COUNT; i++) {
		const char *name = turn_cause_name((enum turn_cause)i);

		ck_assert_ptr_nonnull(name);
		ck_assert_uint_gt(strlen(name), 0);
		ck_assert_uint_eq(strspn(name, "abcdefghijklmnopqrstuvwxyz-0"),
				  strlen(name));
	}
}
END_TEST

/* Those that operators and other tests know. */
START_TEST(words_stay_as_they_are)
{
	ck_assert_str_eq(turn_cause_name(TURN_CAUSE_REFRESH_0), "refresh-0");
	ck_assert_str_eq(turn_cause_name(TURN_CAUSE_EXPIRED), "expired");
	ck_assert_str_eq(turn_cause_name(TURN_CAUSE_USER_GONE), "revoked");
	ck_assert_str_eq(turn_cause_name(TURN_CAUSE_KEY_CHANGED), "revoked");
	ck_assert_str_eq(turn_cause_name(TURN_CAUSE_SHUTDOWN), "shutdown");
	ck_assert_str_eq(turn_cause_name(TURN_CAUSE_RELAY_LOST), "relay-lost");
	ck_assert_str_eq(turn_cause_name(TURN_CAUSE_KILLED), "killed");
	ck_assert_str_eq(turn_cause_name(TURN_CAUSE_DRAINED), "drained");
}
END_TEST

static void name_of_none(void *arg)
{
	(void)arg;
	(void)turn_cause_name(TURN_CAUSE_COUNT);
}

START_TEST(no_cause_has_no_word)
{
	ck_assert(unit_aborts(name_of_none, NULL));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("cause");
	TCase *t = tcase_create("cause");

	tcase_add_test(t, each_cause_has_its_word);
	tcase_add_test(t, words_stay_as_they_are);
	tcase_add_test(t, no_cause_has_no_word);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
