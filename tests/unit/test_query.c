#include "unit.h"

#include "ctl/query.h"

static struct query q;

static bool parse(const char *target)
{
	return query_parse(&q, bytes_str(target));
}

static void expect_segment(unsigned i, const char *text)
{
	ck_assert_uint_lt(i, q.segment_count);
	ck_assert_uint_eq(q.segments[i].len, strlen(text));
	ck_assert_str_eq((const char *)q.segments[i].data, text);
}

static void expect_parameter(unsigned i, const char *name, const char *value)
{
	ck_assert_uint_lt(i, q.parameter_count);
	ck_assert_str_eq((const char *)q.parameters[i].name.data, name);
	ck_assert_uint_eq(q.parameters[i].value.len, strlen(value));
	ck_assert_str_eq((const char *)q.parameters[i].value.data, value);
}

START_TEST(paths)
{
	ck_assert(parse("/"));
	ck_assert_uint_eq(q.segment_count, 0);
	ck_assert(parse("/v1/sessions"));
	ck_assert_uint_eq(q.segment_count, 2);
	expect_segment(0, "v1");
	expect_segment(1, "sessions");
	/* What is empty is a segment, which no route has. */
	ck_assert(parse("/v1/"));
	ck_assert_uint_eq(q.segment_count, 2);
	expect_segment(1, "");
	ck_assert(parse("//"));
	ck_assert_uint_eq(q.segment_count, 2);
	/* Nothing is climbed. */
	ck_assert(parse("/a/../b"));
	expect_segment(1, "..");
	ck_assert(parse("/a+b"));
	expect_segment(0, "a+b");
}
END_TEST

START_TEST(names_are_data)
{
	ck_assert(parse("/v1/users/al%20ice%2Fbob%c3%a9"));
	ck_assert_uint_eq(q.segment_count, 3);
	expect_segment(2, "al ice/bob\xc3\xa9");
	ck_assert(parse("/a%00b"));
	ck_assert_uint_eq(q.segments[0].len, 3);
	ck_assert_mem_eq(q.segments[0].data, "a\0b", 4);
	ck_assert(parse("/%ff"));
	expect_segment(0, "\xff");
}
END_TEST

START_TEST(parameters)
{
	ck_assert(parse("/v1/sessions?user=a+b%2Bc&realm=&x=1=2?"));
	ck_assert_uint_eq(q.parameter_count, 3);
	expect_parameter(0, "user", "a b+c");
	expect_parameter(1, "realm", "");
	expect_parameter(2, "x", "1=2?");
	ck_assert(parse("/?a=b"));
	ck_assert_uint_eq(q.segment_count, 0);
	expect_parameter(0, "a", "b");
}
END_TEST

START_TEST(what_is_not_well_formed)
{
	static const char *const targets[] = {
		"",       "*",        "v1",     "http://a/",
		"/%",     "/%4",      "/%4g",   "/%g4",
		"/a b",   "/a\tb",    "/\xc3",  "/a#b",
		"/a?",    "/a?b",     "/a?=b",  "/a?b=c&",
		"/a?b=%", "/a?b=c#d", "/a\x7f", "/1/2/3/4/5/6/7/8/9",
	};

	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
		ck_assert_msg(!parse(targets[i]), "%s", targets[i]);
}
END_TEST

START_TEST(limits)
{
	static char target[QUERY_TARGET_MAX_BYTES + 2];
	char many[128] = "/?a=1";

	memset(target, 'a', sizeof(target) - 1);
	target[0] = '/';
	ck_assert(!parse(target));
	target[QUERY_TARGET_MAX_BYTES] = '\0';
	ck_assert(parse(target));
	ck_assert_uint_eq(q.segments[0].len, QUERY_TARGET_MAX_BYTES - 1);

	for (int i = 1; i < QUERY_PARAMETERS_MAX; i++)
		memcpy(many + strlen(many), "&b=2", 5);
	ck_assert(parse(many));
	ck_assert_uint_eq(q.parameter_count, QUERY_PARAMETERS_MAX);
	memcpy(many + strlen(many), "&b=2", 5);
	ck_assert(!parse(many));
	ck_assert(parse("/1/2/3/4/5/6/7/8"));
}
END_TEST

static Suite *query_suite(void)
{
	Suite *s = suite_create("query");
	TCase *t = tcase_create("query");

	tcase_add_test(t, paths);
	tcase_add_test(t, names_are_data);
	tcase_add_test(t, parameters);
	tcase_add_test(t, what_is_not_well_formed);
	tcase_add_test(t, limits);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(query_suite)
