#include "unit.h"

#include <string.h>

#include "turn/drop.h"

/* The names are labels of metrics: [a-z_], each once. */
START_TEST(every_reason_has_its_own_label)
{
	for (unsigned i = 0; i < DROP_REASON_COUNT; i++) {
		const char *name = drop_reason_name((enum drop_reason)i);

		ck_assert_ptr_nonnull(name);
		ck_assert_uint_gt(strlen(name), 0);
		ck_assert_uint_eq(strspn(name, "abcdefghijklmnopqrstuvwxyz_"),
				  strlen(name));
		for (unsigned j = 0; j < i; j++)
			ck_assert_str_ne(name,
					 drop_reason_name((enum drop_reason)j));
	}
}
END_TEST

/* Those that operators and other tests know by name. */
START_TEST(labels_stay_as_they_are)
{
	ck_assert_str_eq(drop_reason_name(DROP_NOT_STUN), "not_stun");
	ck_assert_str_eq(drop_reason_name(DROP_NO_PERMISSION), "no_permission");
	ck_assert_str_eq(drop_reason_name(DROP_PEER_DENIED), "peer_denied");
	ck_assert_str_eq(drop_reason_name(DROP_SEND_ERROR), "send_error");
}
END_TEST

static void name_of_none(void *arg)
{
	(void)arg;
	(void)drop_reason_name(DROP_REASON_COUNT);
}

START_TEST(no_reason_has_no_name)
{
	ck_assert(unit_aborts(name_of_none, NULL));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("drop");
	TCase *t = tcase_create("drop");

	tcase_add_test(t, every_reason_has_its_own_label);
	tcase_add_test(t, labels_stay_as_they_are);
	tcase_add_test(t, no_reason_has_no_name);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
