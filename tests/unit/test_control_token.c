#include "unit.h"

#include <string.h>
#include <sys/stat.h>

#include "conf/control_token.h"

static const struct kept_owner ours = { (uid_t)-1, (gid_t)-1 };

static char top[] = "/tmp/turnpike-test-XXXXXX";
static char state[64], path[96];
static struct conf conf;
static struct report report;
static char token[ACCESS_TOKEN_MAX_BYTES + 1];

static void make_folder(void)
{
	memcpy(top + sizeof(top) - 7, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(top));
	snprintf(state, sizeof(state), "%s/state", top);
	snprintf(path, sizeof(path), "%s/control-token", state);
	conf.state_dir = state;
	conf.control.token_file = path;
	conf.control.token_is_kept = true;
}

static void remove_folder(void)
{
	unlink(path);
	rmdir(path);
	rmdir(state);
	unlink(state);
	rmdir(top);
}

static bool load(void)
{
	report_init(&report);
	memset(token, 0, sizeof(token));
	return control_token_load(&conf, ours, token, &report);
}

static void write_file(const char *text, mode_t mode)
{
	FILE *to;

	mkdir(state, 0700);
	to = fopen(path, "w");
	ck_assert_ptr_nonnull(to);
	fputs(text, to);
	fclose(to);
	ck_assert_int_eq(chmod(path, mode), 0);
}

static void expect_refused(const char *what)
{
	ck_assert(!load());
	ck_assert_str_eq(token, "");
	ck_assert_uint_eq(report.count[REPORT_ERROR], 1);
	ck_assert_msg(strstr(report.messages[REPORT_ERROR][0].text, what) !=
			      NULL,
		      "%s", report.messages[REPORT_ERROR][0].text);
}

START_TEST(a_token_is_made_and_kept)
{
	char first[sizeof(token)];
	struct stat st;

	ck_assert(load());
	ck_assert_uint_eq(strlen(token), 64);
	ck_assert(access_is_token(token));
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
	ck_assert_int_eq(st.st_size, 65);
	memcpy(first, token, sizeof(first));
	ck_assert(load());
	ck_assert_str_eq(token, first);
	unlink(path);
	ck_assert(load());
	ck_assert_str_ne(token, first);
}
END_TEST

START_TEST(one_of_the_operators)
{
	conf.control.token_is_kept = false;
	expect_refused("cannot be opened");
	write_file("a-token-of-my-own", 0640);
	ck_assert(load());
	ck_assert_str_eq(token, "a-token-of-my-own");
	write_file("a-token-of-my-own\nwith a remark\n", 0400);
	ck_assert(load());
	ck_assert_str_eq(token, "a-token-of-my-own");
}
END_TEST

START_TEST(what_is_refused)
{
	write_file("a-token-of-my-own\n", 0644);
	expect_refused("expected a file of mode 0640");
	write_file("too short\n", 0600);
	expect_refused("holds no token");
	write_file("", 0600);
	expect_refused("holds no token");
	unlink(path);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	expect_refused("expected a file of mode 0640");
	rmdir(path);
	ck_assert_int_eq(symlink("/dev/null", path), 0);
	expect_refused("cannot be opened");
	unlink(path);
	rmdir(state);
	write_file("", 0600);
	unlink(path);
	rmdir(state);
	/* No directory can be made where a file stands. */
	fclose(fopen(state, "w"));
	conf.control.token_file = "/nowhere/control-token";
	expect_refused("has no directory");
}
END_TEST

static Suite *control_token_suite(void)
{
	Suite *s = suite_create("control_token");
	TCase *t = tcase_create("control_token");

	tcase_add_checked_fixture(t, make_folder, remove_folder);
	tcase_add_test(t, a_token_is_made_and_kept);
	tcase_add_test(t, one_of_the_operators);
	tcase_add_test(t, what_is_refused);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(control_token_suite)
