#include "unit.h"

#include <string.h>
#include <sys/stat.h>

#include "conf/secret_file.h"

static char folder[] = "/tmp/turnpike-secret-file-XXXXXX";
static char path[64];
static struct report report;
static char out[8];

static void make(void)
{
	memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/secret", folder);
}

static void drop(void)
{
	unlink(path);
	rmdir(folder);
}

static void put(const char *text, size_t len, mode_t mode)
{
	FILE *to = fopen(path, "w");

	ck_assert_ptr_nonnull(to);
	ck_assert_uint_eq(fwrite(text, 1, len, to), len);
	fclose(to);
	chmod(path, mode);
}

static size_t get(const char *from)
{
	report_init(&report);
	memset(out, '#', sizeof(out));
	return secret_file_read(from, "x.file", 7, out, sizeof(out), &report);
}

static void expect_error(const char *from, const char *found)
{
	char text[256];

	ck_assert_uint_eq(get(from), 0);
	ck_assert_uint_eq(report.count[REPORT_ERROR], 1);
	ck_assert_uint_eq(report.messages[REPORT_ERROR][0].line, 7);
	snprintf(text, sizeof(text),
		 "x.file \"%s\" %s; expected a file that holds the secret "
		 "alone",
		 from, found);
	ck_assert_str_eq(report.messages[REPORT_ERROR][0].text, text);
	for (size_t i = 0; i < sizeof(out); i++)
		ck_assert(out[i] == '\0' || out[i] == '#');
}

static const struct {
	const char *file;
	const char *secret; /* NULL: none */
} texts[] = {
	{ "north", "north" },       { "north\n", "north" },
	{ "north\r\n", "north" },   { "no\nrth", "no\nrth" },
	{ "north\n\n", "north\n" }, { " x ", " x " },
	{ "1234567", "1234567" },   { "1234567\n", "1234567" },
	{ "123456\r", "123456\r" },
};

START_TEST(what_is_in_the_file_but_its_end)
{
	put(texts[_i].file, strlen(texts[_i].file), 0640);
	ck_assert_uint_eq(get(path), strlen(texts[_i].secret));
	ck_assert_str_eq(out, texts[_i].secret);
	ck_assert(report_is_clean(&report));
	ck_assert_uint_eq(report.count[REPORT_WARNING], 0);
}
END_TEST

START_TEST(what_is_no_secret)
{
	put("", 0, 0640);
	expect_error(path, "is empty");
	put("\n", 1, 0640);
	expect_error(path, "is empty");
	put("12345678", 8, 0640);
	expect_error(path, "holds too much");
	put("12345678\n", 9, 0640);
	expect_error(path, "holds too much");
	put("1\0002", 3, 0640);
	expect_error(path, "holds a NUL");
}
END_TEST

START_TEST(what_is_no_file)
{
	expect_error(path, "cannot be opened: No such file or directory");
	expect_error(folder, "is not a regular file");
	expect_error("secret", "does not begin with /");
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	expect_error(path, "is not a regular file");
}
END_TEST

START_TEST(what_all_can_read_is_warned_of)
{
	put("north", 5, 0644);
	ck_assert_uint_eq(get(path), 5);
	ck_assert_uint_eq(report.count[REPORT_WARNING], 1);
	ck_assert_ptr_null(
		strstr(report.messages[REPORT_WARNING][0].text, "north"));
}
END_TEST

static Suite *secret_file_suite(void)
{
	Suite *s = suite_create("secret_file");
	TCase *t = tcase_create("file");

	tcase_add_checked_fixture(t, make, drop);
	tcase_add_loop_test(t, what_is_in_the_file_but_its_end, 0,
			    sizeof(texts) / sizeof(texts[0]));
	tcase_add_test(t, what_is_no_secret);
	tcase_add_test(t, what_is_no_file);
	tcase_add_test(t, what_all_can_read_is_warned_of);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(secret_file_suite)
