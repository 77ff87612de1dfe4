#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/nonce_key.h"
#include "turn/nonce.h"

static struct report report;
static char top[] = "/tmp/turnpike-test-XXXXXX";
static char dir[64], path[96], new_path[96];

static void make_folder(void)
{
	memcpy(top + sizeof(top) - 7, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(top));
	snprintf(dir, sizeof(dir), "%s/state", top);
	snprintf(path, sizeof(path), "%s/nonce.key", dir);
	snprintf(new_path, sizeof(new_path), "%s/nonce.key.new", dir);
	report_init(&report);
}

static void remove_folder(void)
{
	unlink(path);
	rmdir(path);
	unlink(new_path);
	rmdir(dir);
	unlink(dir);
	rmdir(top);
}

static bool load(struct secret *key)
{
	report_init(&report);
	return nonce_key_load(dir, (uid_t)-1, (gid_t)-1, key, &report);
}

static void write_file(const char *where, const char *text, mode_t mode)
{
	FILE *to = fopen(where, "w");

	ck_assert_ptr_nonnull(to);
	fputs(text, to);
	fclose(to);
	ck_assert_int_eq(chmod(where, mode), 0);
}

static void expect_refused(const char *format)
{
	struct secret key;
	char expected[512];

	ck_assert(!load(&key));
	ck_assert_uint_eq(key.len, 0);
	ck_assert_uint_eq(report.count[REPORT_ERROR], 1);
	snprintf(expected, sizeof(expected), "%s%s", path, format);
	ck_assert_str_eq(report.messages[REPORT_ERROR][0].text, expected);
}

START_TEST(a_key_is_made_and_kept)
{
	struct secret key, again;
	struct stat st;

	ck_assert(load(&key));
	ck_assert_uint_eq(key.len, NONCE_KEY_BYTES);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(st.st_size, 65);
	ck_assert_int_eq(stat(dir, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	ck_assert_int_ne(access(new_path, F_OK), 0);

	ck_assert(load(&again));
	ck_assert_mem_eq(key.bytes, again.bytes, NONCE_KEY_BYTES);
	/* Another one is another one. */
	ck_assert_int_eq(unlink(path), 0);
	ck_assert(load(&again));
	ck_assert_mem_ne(key.bytes, again.bytes, NONCE_KEY_BYTES);
}
END_TEST

#define KEY_BUT_2 \
	"112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define KEY "00" KEY_BUT_2

START_TEST(an_existing_key_is_taken)
{
	struct secret key;

	ck_assert_int_eq(mkdir(dir, 0700), 0);
	write_file(path, KEY "\n", 0600);
	ck_assert(load(&key));
	ck_assert_uint_eq(key.bytes[0], 0x00);
	ck_assert_uint_eq(key.bytes[31], 0xff);
	write_file(path, KEY "\n", 0400);
	ck_assert(load(&key));
}
END_TEST

/* A start that a crash cut short left the new file: it is in nobody's way. */
START_TEST(what_a_crash_left_is_replaced)
{
	struct secret key;

	ck_assert_int_eq(mkdir(dir, 0700), 0);
	write_file(new_path, "0011", 0600);
	ck_assert(load(&key));
	ck_assert_int_ne(access(new_path, F_OK), 0);
	ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

#define SOMETHING_ELSE                                                       \
	" holds something else; expected 64 hexadecimal digits: remove it, " \
	"and another key is made"
#define NOT_PRIVATE                                                      \
	" is not a file that its owner alone can read; expected one of " \
	"mode 0600: remove it, and another key is made"
#define REMEDY                                                      \
	"; expected a directory that the server may write to, see " \
	"state_dir, or nonce.key in the configuration"

START_TEST(anything_else_is_refused_and_left_alone)
{
	static const char *const bad[] = {
		"",
		"\n",
		KEY,
		KEY "0\n",
		KEY "\n\n",
		KEY " ",
		"0x" KEY_BUT_2 "\n",
	};

	ck_assert_int_eq(mkdir(dir, 0700), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct stat st;

		write_file(path, bad[i], 0600);
		expect_refused(SOMETHING_ELSE);
		ck_assert_int_eq(stat(path, &st), 0);
		ck_assert_int_eq(st.st_size, (off_t)strlen(bad[i]));
	}
	write_file(path, KEY "\n", 0640);
	expect_refused(NOT_PRIVATE);
	write_file(path, KEY "\n", 0604);
	expect_refused(NOT_PRIVATE);
	unlink(path);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	expect_refused(NOT_PRIVATE);
	rmdir(path);
	ck_assert_int_eq(symlink("/etc/hostname", path), 0);
	expect_refused(
		" cannot be opened: Too many levels of symbolic links" REMEDY);
}
END_TEST

START_TEST(a_directory_that_cannot_be)
{
	write_file(dir, "", 0600);
	expect_refused(" has no directory: Not a directory" REMEDY);
	unlink(dir);
	rmdir(top);
	expect_refused(" has no directory: No such file or directory" REMEDY);
	ck_assert_int_eq(mkdir(top, 0700), 0);
}
END_TEST

static Suite *nonce_key_suite(void)
{
	Suite *s = suite_create("nonce_key");
	TCase *t = tcase_create("file");

	tcase_add_checked_fixture(t, make_folder, remove_folder);
	tcase_add_test(t, a_key_is_made_and_kept);
	tcase_add_test(t, an_existing_key_is_taken);
	tcase_add_test(t, what_a_crash_left_is_replaced);
	tcase_add_test(t, anything_else_is_refused_and_left_alone);
	tcase_add_test(t, a_directory_that_cannot_be);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(nonce_key_suite)
