#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/source.h"

static struct report report;
static char folder[] = "/tmp/turnpike-test-XXXXXX";
static char path[64];

static void make_folder(void)
{
	memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/t.conf", folder);
	report_init(&report);
}

static void remove_folder(void)
{
	unlink(path);
	rmdir(folder);
}

static void write_file(const void *data, size_t len, mode_t mode)
{
	FILE *to = fopen(path, "w");

	ck_assert_ptr_nonnull(to);
	ck_assert_uint_eq(fwrite(data, 1, len, to), len);
	ck_assert_int_eq(fclose(to), 0);
	ck_assert_int_eq(chmod(path, mode), 0);
}

static void expect_refused(const char *where, const char *why)
{
	struct source s;

	report_init(&report);
	ck_assert(!source_read(&s, where, &report));
	ck_assert_ptr_null(s.text);
	ck_assert_uint_eq(report.count[REPORT_ERROR], 1);
	ck_assert_str_eq(report.messages[REPORT_ERROR][0].text, why);
	ck_assert_uint_eq(report.messages[REPORT_ERROR][0].line, 0);
}

START_TEST(a_file_is_read_whole)
{
	struct source s;

	write_file("realm = 1;", 10, 0640);
	ck_assert(source_read(&s, path, &report));
	ck_assert_str_eq(s.text, "realm = 1;\n");
	ck_assert_uint_eq(s.len, 11);
	ck_assert_uint_eq(s.mode, 0640);
	source_fini(&s);
	ck_assert_ptr_null(s.text);
	source_fini(&s);
}
END_TEST

START_TEST(an_empty_file_is_a_file)
{
	struct source s;

	write_file("", 0, 0600);
	ck_assert(source_read(&s, path, &report));
	ck_assert_str_eq(s.text, "\n");
	source_fini(&s);
}
END_TEST

START_TEST(what_is_no_file_is_refused)
{
	expect_refused(path, "cannot be opened: No such file or directory");
	expect_refused(folder, "is a directory; expected a regular file");
	expect_refused("/dev/null", "is not a file; expected a regular file");
	/* Nobody writes to it: the read would never return. */
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	expect_refused(path, "is not a file; expected a regular file");
}
END_TEST

START_TEST(the_size_is_bounded)
{
	char *data = calloc(1, SOURCE_MAX_BYTES + 1);
	struct source s;

	ck_assert_ptr_nonnull(data);
	memset(data, ' ', SOURCE_MAX_BYTES + 1);
	write_file(data, SOURCE_MAX_BYTES, 0600);
	ck_assert(source_read(&s, path, &report));
	ck_assert_uint_eq(s.len, SOURCE_MAX_BYTES + 1);
	source_fini(&s);
	write_file(data, SOURCE_MAX_BYTES + 1, 0600);
	expect_refused(path, "has 1048577 bytes; expected at most 1048576");
	ck_assert(!source_copy(&s, bytes_of(data, SOURCE_MAX_BYTES + 1),
			       &report));
	free(data);
}
END_TEST

#define NO_INCLUDE                                                            \
	"\"@\" outside a text; expected no @include: the configuration is a " \
	"single file"

/* Whether a text is passed on to libconfig, or what is wrong, and where. */
static const struct {
	const char *text;
	size_t len; /* 0: up to the NUL */
	unsigned line;
	const char *error; /* NULL: it is fine */
} texts[] = {
	{ "", 0, 0, NULL },
	{ "a = 1; # @include \"x\"\nb = \"@include\";", 0, 0, NULL },
	{ "// @\n/* @ \n @include \"x\" */ a = \"b\";", 0, 0, NULL },
	{ "a = \"/* # // \\\" \\\\\"; b = 1;", 0, 0, NULL },
	{ "a = \"\\x41\\x0a\\X0F\";", 0, 0, NULL },
	{ "a = \"\\\\x00\";", 0, 0, NULL }, /* a backslash, then x00 */
	{ "/**/ # x", 0, 0, NULL },
	{ "/* a **/ b = 1;", 0, 0, NULL },
	{ "@include \"x\"", 0, 1, NO_INCLUDE },
	{ "a = 1;\n\t @include \"x\"\n", 0, 2, NO_INCLUDE },
	{ "a = \"b\" @include", 0, 1, NO_INCLUDE },
	{ "/* x */@", 0, 1, NO_INCLUDE },
	{ "//*\n@\n*/", 0, 2, NO_INCLUDE }, /* no comment began there */
	{ "a = 1;\n/* b\n= 2;\n", 0, 2,
	  "a comment begins and never ends; expected */" },
	{ "a = 1;\nb = 2; /*/", 0, 2,
	  "a comment begins and never ends; expected */" },
	{ "a = \"x;\nb = \"y\";\n", 0, 1,
	  "a text does not end on its line; expected \"" },
	{ "\n\na = \"x", 0, 3, "a text does not end on its line; expected \"" },
	{ "a = \"x\\\";\n", 0, 1,
	  "a text does not end on its line; expected \"" },
	{ "\na = \"b\\x00c\";", 0, 2, "\"\\x00\" in a text; expected no NUL" },
	{ "a = \"b\\X00\";", 0, 1, "\"\\x00\" in a text; expected no NUL" },
	{ "a = 2147483647; b2147483648 = -1; c = 0x100000000;", 0, 0, NULL },
	{ "a*/*b@*/= 1;", 0, 0, NULL },
	{ "a = \"4294967296\"; # 4294967296", 0, 0, NULL },
	{ "a = 1;\nb = 2147483648;", 0, 2,
	  "2147483648; expected a number of at most 2147483647" },
	{ "a = -4294967297L;", 0, 1,
	  "4294967297; expected a number of at most 2147483647" },
	{ "a = 123456789012345678901;", 0, 1,
	  "12345678901234567890...; expected a number of at most "
	  "2147483647" },
	{ "a = 1;\n\0b = 2;", 14, 2, "a NUL byte; expected text" },
	{ "a = \"\0\";", 8, 1, "a NUL byte; expected text" },
	{ "# \0", 3, 1, "a NUL byte; expected text" },
};

START_TEST(texts_that_libconfig_would_misread)
{
	const char *text = texts[_i].text;
	size_t len = texts[_i].len ? texts[_i].len : strlen(text);
	const struct report_message *m = &report.messages[REPORT_ERROR][0];
	struct source s;

	ck_assert(source_copy(&s, bytes_of(text, len), &report));
	ck_assert_uint_eq(s.mode, 0600);
	if (!texts[_i].error) {
		ck_assert_msg(source_check(&s, &report), "%s: %s", text,
			      m->text);
	} else {
		ck_assert_msg(!source_check(&s, &report), "%s", text);
		ck_assert_uint_eq(report.count[REPORT_ERROR], 1);
		ck_assert_str_eq(m->text, texts[_i].error);
		ck_assert_uint_eq(m->line, texts[_i].line);
	}
	source_fini(&s);
}
END_TEST

START_TEST(each_place_is_told)
{
	struct source s;

	ck_assert(source_copy(&s, bytes_str("@\n@\n\"\n@"), &report));
	ck_assert(!source_check(&s, &report));
	ck_assert_uint_eq(report.count[REPORT_ERROR], 4);
	ck_assert_uint_eq(report.messages[REPORT_ERROR][3].line, 4);
	source_fini(&s);
}
END_TEST

static Suite *source_suite(void)
{
	Suite *s = suite_create("source");
	TCase *t = tcase_create("files");

	tcase_add_checked_fixture(t, make_folder, remove_folder);
	tcase_add_test(t, a_file_is_read_whole);
	tcase_add_test(t, an_empty_file_is_a_file);
	tcase_add_test(t, what_is_no_file_is_refused);
	tcase_add_test(t, the_size_is_bounded);
	tcase_add_loop_test(t, texts_that_libconfig_would_misread, 0,
			    sizeof(texts) / sizeof(texts[0]));
	tcase_add_test(t, each_place_is_told);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(source_suite)
