#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "conf/report.h"

static struct report report;

static char *printed(enum report_kind kind, const char *name, const char *word)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	ck_assert_ptr_nonnull(to);
	report_print(&report, kind, name, word, to);
	fclose(to);
	return text;
}

static void expect_print(enum report_kind kind, const char *name,
			 const char *word, const char *expected)
{
	char *text = printed(kind, name, word);

	ck_assert_str_eq(text, expected);
	free(text);
}

START_TEST(only_errors_spoil_it)
{
	report_init(&report);
	ck_assert(report_is_clean(&report));
	report_warning(&report, 1, "a warning");
	report_note(&report, 2, "a note");
	ck_assert(report_is_clean(&report));
	report_error(&report, 3, "an error in %d", 7);
	ck_assert(!report_is_clean(&report));
	expect_print(REPORT_ERROR, "a.conf", "", "a.conf:3: an error in 7\n");
	expect_print(REPORT_WARNING, "a.conf",
		     "warning: ", "a.conf:1: warning: a warning\n");
	expect_print(REPORT_NOTE, NULL, "# ", "# a note\n");
}
END_TEST

START_TEST(messages_are_sorted_by_line_and_keep_their_order)
{
	static const struct {
		unsigned line;
		const char *text;
	} in[] = { { 0, "a" }, { 9, "b" }, { 2, "c" }, { 9, "d" },
		   { 0, "e" }, { 1, "f" }, { 2, "g" } };

	report_init(&report);
	for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++)
		report_error(&report, in[i].line, "%s", in[i].text);
	report_sort(&report);
	expect_print(REPORT_ERROR, "x", "",
		     "x:1: f\nx:2: c\nx:2: g\nx:9: b\nx:9: d\nx: a\nx: e\n");
}
END_TEST

START_TEST(another_file_has_its_own_name)
{
	report_init(&report);
	report_enter(&report, "/b");
	report_error(&report, 1, "first");
	report_leave(&report);
	report_error(&report, 2, "second");
	report_error(&report, 0, "third");
	report_enter(&report, "/b");
	report_error(&report, 0, "fourth");
	report_leave(&report);
	report_sort(&report);
	expect_print(REPORT_ERROR, "a", "",
		     "a:2: second\na: third\n/b:1: first\n/b: fourth\n");
	expect_print(REPORT_ERROR, NULL, "", "second\nthird\nfirst\nfourth\n");
}
END_TEST

START_TEST(what_is_too_much_is_counted)
{
	char *text;

	report_init(&report);
	for (unsigned i = 1; i <= REPORT_MESSAGES_MAX + 5; i++)
		report_error(&report, i, "wrong");
	ck_assert_uint_eq(report.count[REPORT_ERROR], REPORT_MESSAGES_MAX + 5);
	report_sort(&report);
	text = printed(REPORT_ERROR, "x", "");
	ck_assert_ptr_nonnull(strstr(text, "x:20: wrong\nx: and 5 more\n"));
	ck_assert_ptr_null(strstr(text, "x:21:"));
	free(text);
}
END_TEST

START_TEST(long_messages_are_cut)
{
	char text[2 * REPORT_MESSAGE_BYTES];

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	report_init(&report);
	report_error(&report, 1, "%s", text);
	ck_assert_uint_eq(strlen(report.messages[REPORT_ERROR][0].text),
			  REPORT_MESSAGE_BYTES - 1);
}
END_TEST

START_TEST(quotes_are_escaped_and_cut)
{
	static const struct {
		const char *in;
		const char *out;
	} cases[] = {
		{ "", "\"\"" },
		{ "four", "\"four\"" },
		{ "a\"b\\c", "\"a\\\"b\\\\c\"" },
		{ "\x1b[31m\n", "\"\\x1b[31m\\n\"" },
		{ "\xff", "\"\\xff\"" },
		{ "\xe2\x80\xae", "\"\\u202e\"" },
		{ "\xc3\xa4", "\"\xc3\xa4\"" },
	};
	char out[REPORT_QUOTE_BYTES], text[400];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_str_eq(report_quote(bytes_str(cases[i].in), out),
				 cases[i].out);

	/* The longest that each byte can become. */
	memset(text, 1, sizeof(text));
	report_quote(bytes_of(text, sizeof(text)), out);
	ck_assert_uint_eq(strlen(out), 1 + 80 * 4 + 4);
	ck_assert_str_eq(out + strlen(out) - 8, "\\x01\"...");
	for (size_t i = 0; i + 3 <= sizeof(text); i += 3)
		memcpy(text + i, "\xe2\x80\xae", 3);
	report_quote(bytes_of(text, sizeof(text)), out);
	ck_assert_uint_lt(strlen(out), sizeof(out));
}
END_TEST

static Suite *report_suite(void)
{
	Suite *s = suite_create("report");
	TCase *t = tcase_create("messages");

	tcase_add_test(t, only_errors_spoil_it);
	tcase_add_test(t, messages_are_sorted_by_line_and_keep_their_order);
	tcase_add_test(t, another_file_has_its_own_name);
	tcase_add_test(t, what_is_too_much_is_counted);
	tcase_add_test(t, long_messages_are_cut);
	tcase_add_test(t, quotes_are_escaped_and_cut);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(report_suite)
