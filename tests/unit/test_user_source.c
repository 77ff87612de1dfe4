#include "unit.h"

#include "turn/user_source.h"

START_TEST(each_source_has_its_name)
{
	ck_assert_str_eq(turn_source_name(TURN_SOURCE_CONFIG), "config");
	ck_assert_str_eq(turn_source_name(TURN_SOURCE_FILE), "file");
	ck_assert_str_eq(turn_source_name(TURN_SOURCE_TIME_LIMITED),
			 "time-limited");
	ck_assert_str_eq(turn_source_name(TURN_SOURCE_REDIS), "redis");
	ck_assert_str_eq(turn_source_name(TURN_SOURCE_SELF_TEST), "self-test");
	ck_assert_int_eq(TURN_SOURCE_COUNT, 5);
}
END_TEST

static void name_of_none(void *arg)
{
	(void)arg;
	(void)turn_source_name(TURN_SOURCE_COUNT);
}

START_TEST(no_source_has_no_name)
{
	ck_assert(unit_aborts(name_of_none, NULL));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("user_source");
	TCase *t = tcase_create("user_source");

	tcase_add_test(t, each_source_has_its_name);
	tcase_add_test(t, no_source_has_no_name);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
