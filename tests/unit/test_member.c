#include "unit.h"

#include "turnpikectl/member.h"

static const char long_name[] =
	"a-name-that-is-longer-than-any-member-of-any-answer-that-turnpiked-"
	"gives";

static json_t *json;

static void setup(void)
{
	json = json_loads("{\"a\": {\"b\": {\"c\": 5}, \"t\": \"x\"},"
			  " \"n\": null, \"yes\": true, \"no\": false,"
			  " \"minus\": -1, \"real\": 1.5}",
			  0, NULL);
	ck_assert_ptr_nonnull(json);
}

static void teardown(void)
{
	json_decref(json);
}

START_TEST(members_are_found_by_path)
{
	ck_assert_uint_eq(member_number(json, "a.b.c"), 5);
	ck_assert_str_eq(member_text(json, "a.t"), "x");
	ck_assert(member_is_true(json, "yes"));
	ck_assert(member_is_there(json, "a.b"));
}
END_TEST

START_TEST(what_is_not_there_is_nothing)
{
	static const char *const paths[] = {
		"", ".", "x", "a.x", "a.t.x", "a.b.c.d", "n", "a..b", long_name,
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		ck_assert_uint_eq(member_number(json, paths[i]), 0);
		ck_assert_str_eq(member_text(json, paths[i]), "");
		ck_assert(!member_is_true(json, paths[i]));
		ck_assert(!member_is_there(json, paths[i]));
	}
	ck_assert_str_eq(member_text(NULL, "a"), "");
	ck_assert_uint_eq(member_number(json, "minus"), 0);
	ck_assert_uint_eq(member_number(json, "real"), 0);
	ck_assert_uint_eq(member_number(json, "a.t"), 0);
	ck_assert(!member_is_true(json, "no"));
	ck_assert(member_is_there(json, "no"));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("member");
	TCase *t = tcase_create("member");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, members_are_found_by_path);
	tcase_add_test(t, what_is_not_there_is_nothing);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
