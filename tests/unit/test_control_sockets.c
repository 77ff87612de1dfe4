#include "unit.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "worker/control_sockets.h"

static const struct kept_owner ours = { (uid_t)-1, (gid_t)-1 };

static char top[] = "/tmp/turnpike-test-XXXXXX";
static char dir[64], path[96];

static void make_folder(void)
{
	memcpy(top + sizeof(top) - 7, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(top));
	snprintf(dir, sizeof(dir), "%s/run", top);
	snprintf(path, sizeof(path), "%s/control.sock", dir);
	umask(077);
}

static void remove_folder(void)
{
	unlink(path);
	rmdir(dir);
	ck_assert_int_eq(rmdir(top), 0);
}

static bool connects(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	bool ok;

	memcpy(sa.sun_path, path, strlen(path) + 1);
	ok = connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0;
	close(fd);
	return ok;
}

START_TEST(a_socket_and_its_directory)
{
	struct stat st;
	int fd = control_sockets_open_unix(path, ours);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(stat(dir, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0755);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert(S_ISSOCK(st.st_mode));
	ck_assert_uint_eq(st.st_mode & 07777, 0660);
	ck_assert(connects());
	close(fd);
	control_sockets_remove(path);
	ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

START_TEST(only_a_dead_one_is_replaced)
{
	int fd = control_sockets_open_unix(path, ours), again;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(control_sockets_open_unix(path, ours), -EADDRINUSE);
	/* Nor removed, if another one has it by now. */
	control_sockets_remove(path);
	ck_assert(connects());
	close(fd);
	ck_assert(!connects());
	again = control_sockets_open_unix(path, ours);
	ck_assert_int_ge(again, 0);
	ck_assert(connects());
	close(again);
}
END_TEST

START_TEST(what_stands_in_the_way)
{
	char deep[128], too_long[200];

	ck_assert_int_eq(mkdir(dir, 0700), 0);
	fclose(fopen(path, "w"));
	ck_assert_int_eq(control_sockets_open_unix(path, ours), -EEXIST);
	control_sockets_remove(path);
	ck_assert_int_eq(access(path, F_OK), 0);
	snprintf(deep, sizeof(deep), "%s/a/b/c", dir);
	ck_assert_int_eq(control_sockets_open_unix(deep, ours), -ENOENT);
	memset(too_long, 'a', sizeof(too_long));
	too_long[0] = '/';
	too_long[sizeof(too_long) - 1] = '\0';
	ck_assert_int_eq(control_sockets_open_unix(too_long, ours),
			 -ENAMETOOLONG);
}
END_TEST

START_TEST(tcp)
{
	struct addr a = addr_ipv4(0x7f000001, 0);
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	int fd = control_sockets_open_tcp(&a);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	a = addr_with_port(&a, ntohs(((struct sockaddr_in *)&sa)->sin_port));
	ck_assert_int_eq(control_sockets_open_tcp(&a), -EADDRINUSE);
	close(fd);
	a = addr_ipv4(0xc0000201, 80);
	ck_assert_int_eq(control_sockets_open_tcp(&a), -EADDRNOTAVAIL);
}
END_TEST

static Suite *control_sockets_suite(void)
{
	Suite *s = suite_create("control_sockets");
	TCase *t = tcase_create("control_sockets");

	tcase_add_checked_fixture(t, make_folder, remove_folder);
	tcase_add_test(t, a_socket_and_its_directory);
	tcase_add_test(t, only_a_dead_one_is_replaced);
	tcase_add_test(t, what_stands_in_the_way);
	tcase_add_test(t, tcp);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(control_sockets_suite)
