#include "unit.h"

#include <string.h>

#include "turnpikectl/coturn_conf.h"

static struct coturn_conf conf;

static void parse(const char *text)
{
	coturn_conf_fini(&conf);
	ck_assert_int_eq(coturn_conf_parse(&conf, bytes_str(text)),
			 COTURN_CONF_OK);
}

static void expect(size_t at, unsigned number, const char *key,
		   const char *value)
{
	ck_assert_uint_lt(at, conf.count);
	ck_assert_uint_eq(conf.lines[at].number, number);
	ck_assert_str_eq(conf.lines[at].key, key);
	ck_assert_str_eq(conf.lines[at].value, value);
}

START_TEST(lines_have_a_key_and_may_have_a_value)
{
	parse("realm=example.org\n"
	      "lt-cred-mech\n"
	      "user=a:b=c\n");
	ck_assert_uint_eq(conf.count, 3);
	expect(0, 1, "realm", "example.org");
	expect(1, 2, "lt-cred-mech", "");
	expect(2, 3, "user", "a:b=c");
}
END_TEST

START_TEST(comments_and_empty_lines_are_left_out)
{
	parse("\n# realm=a\n   \t\n  # b\nrealm=c # no comment");
	ck_assert_uint_eq(conf.count, 1);
	expect(0, 5, "realm", "c # no comment");
}
END_TEST

START_TEST(spaces_tabs_and_carriage_returns_are_taken_off)
{
	parse("  realm \t = \t example.org  \r\nuser a:b\t\r\nflag = \n");
	expect(0, 1, "realm", "example.org");
	expect(1, 2, "user", "a:b");
	expect(2, 3, "flag", "");
}
END_TEST

START_TEST(quotes_around_a_value_are_taken_off)
{
	parse("a=\"b c\"\nb=\"open\nc=close\"\nd=\"\"\ne=\"\n");
	expect(0, 1, "a", "b c");
	expect(1, 2, "b", "open");
	expect(2, 3, "c", "close\"");
	expect(3, 4, "d", "");
	expect(4, 5, "e", "");
}
END_TEST

START_TEST(separators_alone_are_a_key_to_be_named)
{
	parse("=\n==x\n");
	expect(0, 1, "=", "");
	expect(1, 2, "==x", "");
}
END_TEST

START_TEST(nothing_is_a_configuration)
{
	parse("");
	ck_assert_uint_eq(conf.count, 0);
	coturn_conf_fini(&conf);
	ck_assert_int_eq(coturn_conf_parse(&conf, bytes_of(NULL, 0)),
			 COTURN_CONF_OK);
	ck_assert_uint_eq(conf.count, 0);
}
END_TEST

START_TEST(a_nul_is_refused)
{
	ck_assert_int_eq(coturn_conf_parse(&conf, bytes_of("a\0b", 3)),
			 COTURN_CONF_NUL);
	coturn_conf_fini(&conf);
}
END_TEST

START_TEST(too_many_lines_are_refused)
{
	static char text[2 * (COTURN_LINES_MAX + 1) + 1];

	for (size_t i = 0; i <= COTURN_LINES_MAX; i++)
		memcpy(text + 2 * i, "a\n", 2);
	ck_assert_int_eq(coturn_conf_parse(&conf, bytes_str(text)),
			 COTURN_CONF_TOO_MANY);
	coturn_conf_fini(&conf);
	ck_assert_int_eq(
		coturn_conf_parse(&conf, bytes_of(text, 2 * COTURN_LINES_MAX)),
		COTURN_CONF_OK);
	ck_assert_uint_eq(conf.count, COTURN_LINES_MAX);
}
END_TEST

START_TEST(a_key_is_shown_without_what_may_be_a_secret)
{
	char out[COTURN_KEY_BYTES];

	parse("realm=x\n"
	      "static-auth-secret:north\n"
	      "\033[2J\n"
	      "a-key-that-is-longer-than-any-key-of-coturn-ever-was\n");
	ck_assert_str_eq(coturn_conf_key(&conf.lines[0], out), "realm");
	ck_assert_str_eq(coturn_conf_key(&conf.lines[1], out),
			 "static-auth-secret~");
	ck_assert_str_eq(coturn_conf_key(&conf.lines[2], out), "~");
	ck_assert_str_eq(coturn_conf_key(&conf.lines[3], out),
			 "a-key-that-is-longer-than-any-key-~");
}
END_TEST

START_TEST(flags_are_read_as_coturn_reads_them)
{
	static const char *const on[] = {
		"", "1", "yes", "Y", "t", "on", "True"
	};
	static const char *const off[] = {
		"0", "no", "off", "OFF", "false", "F"
	};
	static const char *const wrong[] = { "x", "o", "ox", "-", "2" };
	bool out;

	for (size_t i = 0; i < sizeof(on) / sizeof(on[0]); i++) {
		out = false;
		ck_assert_msg(coturn_conf_flag(on[i], &out) && out, "%s",
			      on[i]);
	}
	for (size_t i = 0; i < sizeof(off) / sizeof(off[0]); i++) {
		out = true;
		ck_assert_msg(coturn_conf_flag(off[i], &out) && !out, "%s",
			      off[i]);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_msg(!coturn_conf_flag(wrong[i], &out), "%s",
			      wrong[i]);
}
END_TEST

static void teardown(void)
{
	coturn_conf_fini(&conf);
}

static Suite *suite(void)
{
	Suite *s = suite_create("coturn_conf");
	TCase *t = tcase_create("lines");

	tcase_add_checked_fixture(t, NULL, teardown);
	tcase_add_test(t, lines_have_a_key_and_may_have_a_value);
	tcase_add_test(t, comments_and_empty_lines_are_left_out);
	tcase_add_test(t, spaces_tabs_and_carriage_returns_are_taken_off);
	tcase_add_test(t, quotes_around_a_value_are_taken_off);
	tcase_add_test(t, separators_alone_are_a_key_to_be_named);
	tcase_add_test(t, nothing_is_a_configuration);
	tcase_add_test(t, a_nul_is_refused);
	tcase_add_test(t, too_many_lines_are_refused);
	tcase_add_test(t, a_key_is_shown_without_what_may_be_a_secret);
	tcase_add_test(t, flags_are_read_as_coturn_reads_them);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
