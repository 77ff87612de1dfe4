/* link: -Wl,--wrap=socket */
#include "unit.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "worker/notify.h"

static bool no_socket;

int __real_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol);

int __wrap_socket(int domain, int type, int protocol)
{
	if (no_socket) {
		errno = EMFILE;
		return -1;
	}
	return __real_socket(domain, type, protocol);
}

/* A service manager at an abstract address that the kernel chooses. */
static int manager;

static void set_up(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(sa);
	char name[sizeof(sa.sun_path) + 1];

	no_socket = false;
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	ck_assert_int_ge(manager, 0);
	/* The family alone asks for a name. */
	ck_assert_int_eq(
		bind(manager, (struct sockaddr *)&sa, sizeof(sa.sun_family)),
		0);
	ck_assert_int_eq(getsockname(manager, (struct sockaddr *)&sa, &len), 0);
	len -= (socklen_t)offsetof(struct sockaddr_un, sun_path);
	memcpy(name, sa.sun_path, len);
	name[0] = '@';
	name[len] = '\0';
	setenv("NOTIFY_SOCKET", name, 1);
}

static void tear_down(void)
{
	close(manager);
	unsetenv("NOTIFY_SOCKET");
}

/* What the manager reads next, or "" if there is nothing. */
static const char *next(void)
{
	static char text[1024];
	ssize_t got = recv(manager, text, sizeof(text) - 1, 0);

	text[got > 0 ? got : 0] = '\0';
	return text;
}

START_TEST(it_is_told)
{
	ck_assert(notify_send("READY=1\nSTATUS=%u listeners", 3u));
	ck_assert_str_eq(next(), "READY=1\nSTATUS=3 listeners");
	ck_assert_str_eq(next(), "");
}
END_TEST

START_TEST(a_path_is_an_address_too)
{
	char folder[] = "/tmp/turnpike-notify-XXXXXX";
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/s", folder);
	close(manager);
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(bind(manager, (struct sockaddr *)&sa, sizeof(sa)), 0);
	setenv("NOTIFY_SOCKET", sa.sun_path, 1);
	ck_assert(notify_send("STOPPING=1"));
	ck_assert_str_eq(next(), "STOPPING=1");
	unlink(sa.sun_path);
	/* Nobody is there any more. */
	ck_assert(!notify_send("STOPPING=1"));
	rmdir(folder);
}
END_TEST

/* Not once is there a wait; the test itself would not end. */
START_TEST(one_that_does_not_read_is_not_waited_for)
{
	unsigned taken = 0, read = 0;

	while (taken < 100000 && notify_send("STATUS=%u", taken))
		taken++;
	ck_assert_uint_gt(taken, 0);
	ck_assert_uint_lt(taken, 100000);
	while (*next())
		read++;
	ck_assert_uint_eq(read, taken);
	ck_assert(notify_send("STATUS=again"));
}
END_TEST

START_TEST(without_one_nobody_is_told)
{
	unsetenv("NOTIFY_SOCKET");
	ck_assert(notify_send("READY=1"));
	ck_assert_str_eq(next(), "");
}
END_TEST

START_TEST(what_cannot_be_sent)
{
	char large[2000];

	no_socket = true;
	ck_assert(!notify_send("READY=1"));
	no_socket = false;
	memset(large, 'x', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	ck_assert(notify_send("%s", large));
	ck_assert_uint_eq(strlen(next()), 511);

	setenv("NOTIFY_SOCKET", "vsock:2:3", 1);
	ck_assert(!notify_send("READY=1"));
	setenv("NOTIFY_SOCKET", "@", 1);
	ck_assert(!notify_send("READY=1"));
	large[0] = '/';
	setenv("NOTIFY_SOCKET", large, 1);
	ck_assert(!notify_send("READY=1"));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("notify");
	TCase *t = tcase_create("notify");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, it_is_told);
	tcase_add_test(t, a_path_is_an_address_too);
	tcase_add_test(t, one_that_does_not_read_is_not_waited_for);
	tcase_add_test(t, without_one_nobody_is_told);
	tcase_add_test(t, what_cannot_be_sent);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
