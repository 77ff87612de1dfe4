#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "discovery/advertised.h"

#define HEAD "turnpike-advertised 1\n"
#define ADDRESS "address 20.202.255.255\n"
#define SOURCE "source azure-metadata\n"
#define TIME "time 2026-11-25T21:00:00Z\n"
#define GOOD HEAD ADDRESS SOURCE TIME
#define FOUND_S 1795640400
#define X10 "xxxxxxxxxx"
#define X60 X10 X10 X10 X10 X10 X10

static char folder[] = "/tmp/turnpike-advertised-XXXXXX";
static char path[64];

static void make(void)
{
	memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/advertised", folder);
}

static void drop(void)
{
	unlink(path);
	rmdir(folder);
}

static void put(const char *text)
{
	FILE *to = fopen(path, "w");

	ck_assert_ptr_nonnull(to);
	fputs(text, to);
	fclose(to);
}

static struct advertised one(void)
{
	struct advertised a = {
		.address = addr_ipv4(0x14caffff, 0),
		.found_s = FOUND_S,
		.source = "azure-metadata",
	};

	return a;
}

static void expect_one(const struct advertised *a)
{
	struct addr wanted = addr_ipv4(0x14caffff, 0);

	ck_assert(addr_equal(&a->address, &wanted));
	ck_assert_int_eq(a->found_s, FOUND_S);
	ck_assert_str_eq(a->source, "azure-metadata");
}

START_TEST(what_is_printed_is_read)
{
	char text[ADVERTISED_FILE_BYTES];
	struct advertised a = one(), again;
	size_t len = advertised_print(&a, text);

	ck_assert_str_eq(text, GOOD);
	ck_assert_uint_eq(len, strlen(text));
	ck_assert_int_eq(advertised_parse(bytes_of(text, len), &again),
			 ADVERTISED_OK);
	expect_one(&again);
}
END_TEST

START_TEST(the_longest_fits)
{
	char text[ADVERTISED_FILE_BYTES];
	struct advertised a = one(), again;

	a.address = addr_ipv4(0xc8c8c8c8, 0);
	memset(a.source, 'x', sizeof(a.source) - 1);
	ck_assert_int_eq(
		advertised_parse(bytes_of(text, advertised_print(&a, text)),
				 &again),
		ADVERTISED_OK);
	ck_assert_str_eq(again.source, a.source);
}
END_TEST

static const struct {
	const char *text;
	enum advertised_result result;
} wrong[] = {
	{ "", ADVERTISED_MALFORMED },
	{ "\n", ADVERTISED_MALFORMED },
	{ "20.202.255.255\n", ADVERTISED_MALFORMED },
	{ "turnpike-advertised 2\n" ADDRESS SOURCE TIME, ADVERTISED_MALFORMED },
	{ "turnpike-advertised\n" ADDRESS SOURCE TIME, ADVERTISED_MALFORMED },
	{ HEAD SOURCE ADDRESS TIME, ADVERTISED_MALFORMED },
	{ HEAD ADDRESS SOURCE, ADVERTISED_MALFORMED },
	{ HEAD ADDRESS TIME, ADVERTISED_MALFORMED },
	{ GOOD "\n", ADVERTISED_MALFORMED },
	{ GOOD GOOD, ADVERTISED_MALFORMED },
	{ " " GOOD, ADVERTISED_MALFORMED },
	{ HEAD ADDRESS SOURCE "time 2026-11-25T21:00:00Z",
	  ADVERTISED_MALFORMED },
	{ HEAD "address 20.202.255.255 \n" SOURCE TIME, ADVERTISED_MALFORMED },
	{ HEAD "address  20.202.255.255\n" SOURCE TIME, ADVERTISED_MALFORMED },
	{ HEAD "address 20.202.255.256\n" SOURCE TIME, ADVERTISED_MALFORMED },
	{ HEAD "address 020.202.255.255\n" SOURCE TIME, ADVERTISED_MALFORMED },
	{ HEAD "address \n" SOURCE TIME, ADVERTISED_MALFORMED },
	{ HEAD ADDRESS "source \n" TIME, ADVERTISED_MALFORMED },
	{ HEAD ADDRESS "source a b\n" TIME, ADVERTISED_MALFORMED },
	{ HEAD ADDRESS "source a\033[2J\n" TIME, ADVERTISED_MALFORMED },
	{ HEAD ADDRESS "source " X60 "xxxx\n" TIME, ADVERTISED_MALFORMED },
	{ HEAD ADDRESS SOURCE "time yesterday\n", ADVERTISED_MALFORMED },
	{ HEAD ADDRESS SOURCE "time 2026-11-25T21:00:00Z x\n",
	  ADVERTISED_MALFORMED },
	{ HEAD ADDRESS SOURCE "time 2026-02-31T21:00:00Z\n",
	  ADVERTISED_MALFORMED },
	{ HEAD ADDRESS SOURCE "time 1970-01-01T00:00:00Z\n",
	  ADVERTISED_MALFORMED },
	{ GOOD X60 X60 X60 X60, ADVERTISED_MALFORMED },
	{ HEAD "address 10.0.0.4\n" SOURCE TIME, ADVERTISED_NOT_PUBLIC },
	{ HEAD "address 0.0.0.0\n" SOURCE TIME, ADVERTISED_NOT_PUBLIC },
	{ HEAD "address 127.0.0.1\n" SOURCE TIME, ADVERTISED_NOT_PUBLIC },
	{ HEAD "address 168.63.129.16\n" SOURCE TIME, ADVERTISED_NOT_PUBLIC },
	{ HEAD "address 2001:4860:4860::8888\n" SOURCE TIME,
	  ADVERTISED_NOT_PUBLIC },
};

START_TEST(anything_else_is_refused)
{
	struct advertised a = one();

	ck_assert_int_eq(advertised_parse(bytes_str(wrong[_i].text), &a),
			 wrong[_i].result);
	expect_one(&a);
}
END_TEST

START_TEST(a_nul_is_refused)
{
	char text[] = GOOD;
	struct advertised a;

	text[sizeof(text) - 1] = '\n';
	text[sizeof(HEAD) + 4] = '\0';
	ck_assert_int_eq(advertised_parse(bytes_of(text, sizeof(text) - 1), &a),
			 ADVERTISED_MALFORMED);
}
END_TEST

START_TEST(what_is_written_is_read)
{
	struct advertised a = one(), again;
	struct stat st;

	umask(077);
	ck_assert_int_eq(advertised_write(path, &a), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0644);
	ck_assert_int_eq(advertised_read(path, &again), ADVERTISED_OK);
	expect_one(&again);

	/* Again, over the old one. */
	a.address = addr_ipv4(0x14ca0001, 0);
	ck_assert_int_eq(advertised_write(path, &a), 0);
	ck_assert_int_eq(advertised_read(path, &again), ADVERTISED_OK);
	ck_assert(addr_equal(&again.address, &a.address));
}
END_TEST

START_TEST(what_lies_beside_it_is_not_written_through)
{
	struct advertised a = one();
	char beside[80], elsewhere[80];
	struct stat st;

	snprintf(beside, sizeof(beside), "%s.new", path);
	snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", folder);
	ck_assert_int_eq(symlink(elsewhere, beside), 0);
	ck_assert_int_eq(advertised_write(path, &a), 0);
	ck_assert_int_ne(lstat(elsewhere, &st), 0);
	ck_assert_int_ne(lstat(beside, &st), 0);
}
END_TEST

START_TEST(a_write_that_fails_leaves_the_old_one)
{
	struct advertised a = one(), again;
	char nowhere[80], beside[88], long_path[ADVERTISED_PATH_BYTES + 8];

	ck_assert_int_eq(advertised_write(path, &a), 0);
	snprintf(nowhere, sizeof(nowhere), "%s/no/file", folder);
	ck_assert_int_eq(advertised_write(nowhere, &a), -ENOENT);

	/* A directory in its place cannot be replaced, beside it not removed. */
	snprintf(nowhere, sizeof(nowhere), "%s/dir", folder);
	snprintf(beside, sizeof(beside), "%s.new", nowhere);
	ck_assert_int_eq(mkdir(nowhere, 0700), 0);
	ck_assert_int_eq(advertised_write(nowhere, &a), -EISDIR);
	ck_assert_int_ne(access(beside, F_OK), 0);
	ck_assert_int_eq(mkdir(beside, 0700), 0);
	ck_assert_int_eq(advertised_write(nowhere, &a), -EISDIR);
	rmdir(beside);
	rmdir(nowhere);

	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	ck_assert_int_eq(advertised_write(long_path, &a), -ENAMETOOLONG);
	ck_assert_int_eq(advertised_read(path, &again), ADVERTISED_OK);
	expect_one(&again);
}
END_TEST

START_TEST(it_need_not_be_there)
{
	struct advertised a;
	char below[80];

	ck_assert_int_eq(advertised_read(path, &a), ADVERTISED_ABSENT);
	put(GOOD);
	snprintf(below, sizeof(below), "%s/file", path);
	ck_assert_int_eq(advertised_read(below, &a), ADVERTISED_ABSENT);
}
END_TEST

START_TEST(other_kinds_of_files_are_not_read)
{
	struct advertised a;

	ck_assert_int_eq(advertised_read(folder, &a), ADVERTISED_UNREADABLE);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(advertised_read(path, &a), ADVERTISED_UNREADABLE);
	unlink(path);
	ck_assert_int_eq(symlink(path, path), 0);
	ck_assert_int_eq(advertised_read(path, &a), ADVERTISED_UNREADABLE);
}
END_TEST

START_TEST(a_long_file_is_refused)
{
	struct advertised a;

	put(GOOD GOOD GOOD GOOD GOOD GOOD GOOD);
	ck_assert_int_eq(advertised_read(path, &a), ADVERTISED_MALFORMED);
}
END_TEST

START_TEST(the_path_is_in_the_first_directory)
{
	char out[ADVERTISED_PATH_BYTES], long_path[ADVERTISED_PATH_BYTES];

	ck_assert_str_eq(advertised_path("/run/a:/run/b", out),
			 "/run/a/advertised");
	ck_assert_str_eq(advertised_path(NULL, out),
			 "/run/turnpike/advertised");
	ck_assert_str_eq(advertised_path("", out), "/run/turnpike/advertised");
	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[0] = '/';
	long_path[sizeof(long_path) - 1] = '\0';
	ck_assert_str_eq(advertised_path(long_path, out), "/");
}
END_TEST

START_TEST(each_result_is_explained)
{
	for (int i = 0; i <= ADVERTISED_NOT_PUBLIC; i++)
		for (int j = 0; j < i; j++)
			ck_assert_str_ne(
				advertised_explain((enum advertised_result)i),
				advertised_explain((enum advertised_result)j));
}
END_TEST

static Suite *advertised_suite(void)
{
	Suite *s = suite_create("advertised");
	TCase *text = tcase_create("text"), *file = tcase_create("file");

	tcase_add_test(text, what_is_printed_is_read);
	tcase_add_test(text, the_longest_fits);
	tcase_add_loop_test(text, anything_else_is_refused, 0,
			    sizeof(wrong) / sizeof(wrong[0]));
	tcase_add_test(text, a_nul_is_refused);
	tcase_add_test(text, the_path_is_in_the_first_directory);
	tcase_add_test(text, each_result_is_explained);
	suite_add_tcase(s, text);

	tcase_add_checked_fixture(file, make, drop);
	tcase_add_test(file, what_is_written_is_read);
	tcase_add_test(file, what_lies_beside_it_is_not_written_through);
	tcase_add_test(file, a_write_that_fails_leaves_the_old_one);
	tcase_add_test(file, it_need_not_be_there);
	tcase_add_test(file, other_kinds_of_files_are_not_read);
	tcase_add_test(file, a_long_file_is_refused);
	suite_add_tcase(s, file);
	return s;
}

UNIT_MAIN(advertised_suite)
