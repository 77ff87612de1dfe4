#include "unit.h"

#include <string.h>

#include "turnpikectl/term.h"

static void expect_escaped(const char *text, const char *escaped)
{
	char out[256];

	ck_assert_uint_eq(term_escape(bytes_str(text), out, sizeof(out)),
			  strlen(escaped));
	ck_assert_str_eq(out, escaped);
}

START_TEST(what_can_be_shown_stays)
{
	expect_escaped("", "");
	expect_escaped("alice@example.org", "alice@example.org");
	expect_escaped("am\xc3\xa9lie \xf0\x9f\x99\x82", /* a smile */
		       "am\xc3\xa9lie \xf0\x9f\x99\x82");
}
END_TEST

START_TEST(what_could_do_something_is_escaped)
{
	expect_escaped("\033[2J\007\r\n", "\\x1b[2J\\x07\\x0d\\x0a");
	expect_escaped("\x7f", "\\x7f");
	expect_escaped("a\\b", "a\\\\b");
	expect_escaped("\xc2\x9b", "\\u009b");          /* CSI */
	expect_escaped("\xe2\x80\xae", "\\u202e");      /* right to left */
	expect_escaped("\xe2\x80\x8b", "\\u200b");      /* no width */
	expect_escaped("\xef\xbb\xbf", "\\ufeff");      /* byte order mark */
	expect_escaped("\xf3\xa0\x81\x81", "\\ue0041"); /* tags */
	expect_escaped("\xff\xc3", "\\xff\\xc3");
}
END_TEST

START_TEST(what_does_not_fit_is_cut_between_characters)
{
	char out[8];

	ck_assert_uint_eq(term_escape(bytes_str("abcdefgh"), out, sizeof(out)),
			  7);
	ck_assert_str_eq(out, "abcdefg");
	ck_assert_uint_eq(term_escape(bytes_str("abcde\n"), out, sizeof(out)),
			  5);
	ck_assert_str_eq(out, "abcde");
	ck_assert_uint_eq(term_escape(bytes_str("a"), out, 1), 0);
	ck_assert_str_eq(out, "");
}
END_TEST

START_TEST(the_room_that_is_named_suffices)
{
	char out[TERM_ESCAPED_BYTES(4)];

	ck_assert_uint_eq(
		term_escape(bytes_str("\001\002\003\004"), out, sizeof(out)),
		16);
	ck_assert_uint_le(
		term_escape(bytes_str("\xf3\xa0\x81\x81"), out, sizeof(out)),
		sizeof(out) - 1);
}
END_TEST

START_TEST(a_text_is_printed_escaped)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	term_print("a\033b\xc3\xa9", to);
	fclose(to);
	ck_assert_str_eq(text, "a\\x1bb\xc3\xa9");
	free(text);
}
END_TEST

START_TEST(a_character_is_a_column)
{
	ck_assert_uint_eq(term_width(""), 0);
	ck_assert_uint_eq(term_width("abc"), 3);
	ck_assert_uint_eq(term_width("am\xc3\xa9lie"), 6);
}
END_TEST

START_TEST(files_get_no_styles)
{
	FILE *to = fopen("/dev/null", "w");

	setenv("TERM", "xterm", 1);
	ck_assert_str_eq(term_style(TERM_BOLD, to), "");
	fclose(to);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("term");
	TCase *t = tcase_create("text");

	tcase_add_test(t, what_can_be_shown_stays);
	tcase_add_test(t, what_could_do_something_is_escaped);
	tcase_add_test(t, what_does_not_fit_is_cut_between_characters);
	tcase_add_test(t, the_room_that_is_named_suffices);
	tcase_add_test(t, a_text_is_printed_escaped);
	tcase_add_test(t, a_character_is_a_column);
	tcase_add_test(t, files_get_no_styles);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
