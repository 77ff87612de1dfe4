#include "unit.h"

#include "ctl/fields.h"

enum { NAME, COUNT, ON };

static const struct field table[] = {
	{ "name", FIELD_TEXT, .required = true, .min = 1, .max = 8 },
	{ "count", FIELD_NUMBER, .min = 1, .max = 100 },
	{ .name = "on", .kind = FIELD_SWITCH },
	{ .name = NULL },
};

static struct field_value values[FIELDS_MAX];
static char why[FIELDS_WHY_BYTES];

static bool from_query(const char *target)
{
	struct query q;

	ck_assert(query_parse(&q, bytes_str(target)));
	return fields_from_query(table, &q, values, why);
}

static json_t *object;

static bool from_json(const char *text)
{
	json_decref(object);
	object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	ck_assert_msg(object != NULL, "%s", text);
	return fields_from_json(table, object, values, why);
}

static void drop_object(void)
{
	json_decref(object);
	object = NULL;
}

START_TEST(parameters_are_typed)
{
	ck_assert(from_query("/?name=al+ice&count=007&on=true"));
	ck_assert(values[NAME].is_set && values[COUNT].is_set);
	ck_assert_uint_eq(values[COUNT].number, 7);
	ck_assert_int_eq(values[ON].number, 1);
}
END_TEST

START_TEST(parameters_are_refused)
{
	static const struct {
		const char *target;
		const char *why;
	} cases[] = {
		{ "/", "name is missing" },
		{ "/?name=", "name's length in bytes is 0; expected 1 to 8" },
		{ "/?name=123456789",
		  "name's length in bytes is 9; expected 1 to 8" },
		{ "/?name=a&name=b", "name is there twice" },
		{ "/?name=a&nam%0ae=b", "nam?e is not known here" },
		{ "/?name=a&count=", "count is not a whole number" },
		{ "/?name=a&count=-1", "count is not a whole number" },
		{ "/?name=a&count=1.5", "count is not a whole number" },
		{ "/?name=a&count=9999999999999999999",
		  "count is not a whole number" },
		{ "/?name=a&count=101", "count is 101; expected 1 to 100" },
		{ "/?name=a&count=0", "count is 0; expected 1 to 100" },
		{ "/?name=a&on=1", "on is not true or false" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_msg(!from_query(cases[i].target), "%s",
			      cases[i].target);
		ck_assert_str_eq(why, cases[i].why);
	}
}
END_TEST

START_TEST(members_are_typed)
{
	ck_assert(from_json("{\"on\":false,\"count\":100,\"name\":\"a\"}"));
	ck_assert_uint_eq(values[NAME].text.len, 1);
	ck_assert_int_eq(values[COUNT].number, 100);
	ck_assert(values[ON].is_set);
	ck_assert_int_eq(values[ON].number, 0);
	ck_assert(from_json("{\"name\":\"a\"}"));
	ck_assert(!values[ON].is_set && !values[COUNT].is_set);
	drop_object();
}
END_TEST

START_TEST(members_are_refused)
{
	static const struct {
		const char *text;
		const char *why;
	} cases[] = {
		{ "{}", "name is missing" },
		{ "{\"name\":1}", "name is not a text" },
		{ "{\"name\":null}", "name is not a text" },
		{ "{\"name\":[\"a\"]}", "name is not a text" },
		{ "{\"name\":\"\"}",
		  "name's length in bytes is 0; expected 1 to 8" },
		{ "{\"name\":\"a\",\"count\":1.0}",
		  "count is not a whole number" },
		{ "{\"name\":\"a\",\"count\":\"1\"}",
		  "count is not a whole number" },
		{ "{\"name\":\"a\",\"count\":-5}",
		  "count is -5; expected 1 to 100" },
		{ "{\"name\":\"a\",\"on\":0}", "on is not true or false" },
		{ "{\"name\":\"a\",\"Name\":\"a\"}", "Name is not known here" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_msg(!from_json(cases[i].text), "%s", cases[i].text);
		ck_assert_str_eq(why, cases[i].why);
	}
	drop_object();
}
END_TEST

START_TEST(an_empty_table)
{
	struct query q;

	ck_assert(query_parse(&q, bytes_str("/")));
	ck_assert(fields_from_query(NULL, &q, values, why));
	ck_assert(query_parse(&q, bytes_str("/?a=b")));
	ck_assert(!fields_from_query(NULL, &q, values, why));
	object = json_object();
	ck_assert(fields_from_json(NULL, object, values, why));
	drop_object();
}
END_TEST

static Suite *fields_suite(void)
{
	Suite *s = suite_create("fields");
	TCase *t = tcase_create("fields");

	tcase_add_test(t, parameters_are_typed);
	tcase_add_test(t, parameters_are_refused);
	tcase_add_test(t, members_are_typed);
	tcase_add_test(t, members_are_refused);
	tcase_add_test(t, an_empty_table);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(fields_suite)
