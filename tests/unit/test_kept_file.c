/* link: -Wl,--wrap=fsync -Wl,--wrap=renameat -Wl,--wrap=write */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "conf/kept_file.h"

static const struct kept_owner ours = { (uid_t)-1, (gid_t)-1 };

static char dir[] = "/tmp/turnpike-test-XXXXXX";
static char path[64];
static int dir_fd;

/* The process ends before the n-th step; or the step fails. */
static int steps_left = -1;
static bool steps_fail;

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_renameat(int a, const char *from, int b, const char *to);
int __wrap_renameat(int a, const char *from, int b, const char *to);
ssize_t __real_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len);

static bool step(void)
{
	if (steps_left < 0 || steps_left-- > 0)
		return true;
	if (!steps_fail)
		_exit(9);
	steps_left = -1;
	errno = EIO;
	return false;
}

int __wrap_fsync(int fd)
{
	return step() ? __real_fsync(fd) : -1;
}

int __wrap_renameat(int a, const char *from, int b, const char *to)
{
	return step() ? __real_renameat(a, from, b, to) : -1;
}

/* Writes a part only, as it may. */
ssize_t __wrap_write(int fd, const void *data, size_t len)
{
	if (len > 2 && fd > 2)
		len = 2;
	return fd <= 2 || step() ? __real_write(fd, data, len) : -1;
}

static void make_folder(void)
{
	memcpy(dir + sizeof(dir) - 7, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/file", dir);
	dir_fd = kept_file_open_dir(dir, ours);
	ck_assert_int_ge(dir_fd, 0);
}

static void remove_folder(void)
{
	char new_path[96];

	snprintf(new_path, sizeof(new_path), "%s.new", path);
	close(dir_fd);
	unlink(path);
	unlink(new_path);
	ck_assert_int_eq(rmdir(dir), 0);
}

static int write_text(const char *text)
{
	return kept_file_write(dir_fd, "file", bytes_str(text), 0640, ours);
}

static bool holds(const char *text)
{
	char found[64] = "";
	int fd = open(path, O_RDONLY);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_ge(kept_file_read(fd, found, sizeof(found) - 1), 0);
	close(fd);
	return !strcmp(found, text);
}

START_TEST(a_file_is_replaced)
{
	struct stat st;

	umask(077);
	ck_assert_int_eq(write_text("old"), 0);
	ck_assert_int_eq(write_text("a new one"), 0);
	ck_assert(holds("a new one"));
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
}
END_TEST

START_TEST(a_directory_is_made)
{
	char sub[64], deeper[64];
	struct stat st;
	int fd;

	snprintf(sub, sizeof(sub), "%s/a", dir);
	snprintf(deeper, sizeof(deeper), "%s/a/b/c", dir);
	ck_assert_int_eq(kept_file_open_dir(deeper, ours), -ENOENT);
	fd = kept_file_open_dir(sub, ours);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	close(fd);
	ck_assert_int_eq(rmdir(sub), 0);
	ck_assert_int_eq(kept_file_open_dir("/dev/null", ours), -ENOTDIR);
}
END_TEST

START_TEST(an_end_at_any_step_leaves_one_or_the_other)
{
	bool was_old = false, was_new = false;

	for (int n = 0;; n++) {
		pid_t child;
		int status;

		ck_assert_int_eq(write_text("old"), 0);
		child = fork();
		ck_assert_int_ge(child, 0);
		if (child == 0) {
			steps_left = n;
			_exit(write_text("a new one") ? 1 : 0);
		}
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		was_old |= holds("old");
		was_new |= holds("a new one");
		ck_assert(holds("old") || holds("a new one"));
		if (WEXITSTATUS(status) == 0)
			break;
		ck_assert_int_eq(WEXITSTATUS(status), 9);
	}
	ck_assert(was_old && was_new);
	ck_assert(holds("a new one"));
}
END_TEST

START_TEST(a_step_that_fails)
{
	char new_path[96];

	snprintf(new_path, sizeof(new_path), "%s.new", path);
	steps_fail = true;
	ck_assert_int_eq(write_text("old"), 0);
	for (int n = 0; n < 4; n++) {
		steps_left = n;
		ck_assert_int_eq(write_text("new"), -EIO);
		ck_assert(holds("old"));
		ck_assert_int_ne(access(new_path, F_OK), 0);
	}
	/* The last one: the directory's. It stands, but may not last. */
	steps_left = 4;
	ck_assert_int_eq(write_text("new"), -EIO);
	ck_assert(holds("new"));
	steps_left = -1;
}
END_TEST

START_TEST(names_too_long)
{
	char name[KEPT_FILE_NAME_MAX_BYTES + 1];

	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	ck_assert_int_eq(
		kept_file_write(dir_fd, name, bytes_str("x"), 0600, ours),
		-ENAMETOOLONG);
	ck_assert_int_eq(
		kept_file_write(dir_fd, "no/file", bytes_str("x"), 0600, ours),
		-ENOENT);
}
END_TEST

static Suite *kept_file_suite(void)
{
	Suite *s = suite_create("kept_file");
	TCase *t = tcase_create("kept_file");

	tcase_add_checked_fixture(t, make_folder, remove_folder);
	tcase_add_test(t, a_file_is_replaced);
	tcase_add_test(t, a_directory_is_made);
	tcase_add_test(t, an_end_at_any_step_leaves_one_or_the_other);
	tcase_add_test(t, a_step_that_fails);
	tcase_add_test(t, names_too_long);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(kept_file_suite)
