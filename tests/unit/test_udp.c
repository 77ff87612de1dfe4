/* link: -Wl,--wrap=bind,--wrap=setsockopt,--wrap=socket */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/udp.h"
#include "net_fixture.h"

#define BUFFER_BYTES 100000

int __real_bind(int fd, const struct sockaddr *a, socklen_t len);
int __wrap_bind(int fd, const struct sockaddr *a, socklen_t len);
int __real_setsockopt(int fd, int level, int name, const void *value,
		      socklen_t len);
int __wrap_setsockopt(int fd, int level, int name, const void *value,
		      socklen_t len);
int __real_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol);

/* While a group is opened: someone sends to it after each step. */
static int sender = -1;
/* The call that fails, counted from 1, of those three together. */
static unsigned fail_at, calls;
static int fail_errno;

static bool fails(void)
{
	if (++calls != fail_at)
		return false;
	errno = fail_errno;
	return true;
}

int __wrap_bind(int fd, const struct sockaddr *a, socklen_t len)
{
	struct addr to;
	int result;

	if (fails())
		return -1;
	result = __real_bind(fd, a, len);
	if (!result && sender >= 0) {
		to = net_local(fd);
		net_send(sender, &to, "early", 5);
	}
	return result;
}

int __wrap_setsockopt(int fd, int level, int name, const void *value,
		      socklen_t len)
{
	if (fails())
		return -1;
	return __real_setsockopt(fd, level, name, value, len);
}

int __wrap_socket(int domain, int type, int protocol)
{
	return fails() ? -1 : __real_socket(domain, type, protocol);
}

static int option(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	ck_assert_int_eq(getsockopt(fd, level, name, &value, &len), 0);
	return value;
}

static void check_options(int fd, bool in_group)
{
	ck_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
	ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	ck_assert_int_eq(option(fd, IPPROTO_IP, IP_RECVTOS), 1);
	ck_assert_int_eq(option(fd, IPPROTO_IP, IP_MTU_DISCOVER),
			 IP_PMTUDISC_OMIT);
	ck_assert_int_eq(option(fd, IPPROTO_UDP, UDP_GRO), 1);
	ck_assert_int_eq(option(fd, SOL_SOCKET, SO_REUSEADDR), 0);
	ck_assert_int_eq(option(fd, SOL_SOCKET, SO_REUSEPORT), in_group);
	ck_assert_int_eq(udp_buffer_granted(fd), BUFFER_BYTES);
}

START_TEST(relay_socket)
{
	struct addr a = addr_ipv4(LOOPBACK, 0), b;
	int fd = udp_open_relay(&a, BUFFER_BYTES);

	ck_assert_int_ge(fd, 0);
	check_options(fd, false);
	ck_assert_int_eq(udp_local(fd, &b), 0);
	ck_assert(addr_same_ip(&a, &b));
	ck_assert_uint_ne(b.port, 0);

	/* Nobody else gets that port; the next one is free. */
	ck_assert_int_eq(udp_open_relay(&b, BUFFER_BYTES), -EADDRINUSE);
	close(fd);
	fd = udp_open_relay(&b, BUFFER_BYTES);
	ck_assert_int_ge(fd, 0);
	close(fd);
}
END_TEST

START_TEST(refused_addresses)
{
	struct addr foreign = addr_ipv4(0xc0000201, 0);
	struct addr ipv6 = addr_ipv6((const uint8_t[16]){ [15] = 1 }, 0);
	unsigned before = net_count_fds();
	int fds[3];

	ck_assert_int_eq(udp_open_relay(&foreign, BUFFER_BYTES),
			 -EADDRNOTAVAIL);
	ck_assert_int_eq(udp_open_listeners(&foreign, 1, BUFFER_BYTES, fds),
			 -EADDRNOTAVAIL);
	ck_assert_int_eq(udp_open_listeners(&foreign, 3, BUFFER_BYTES, fds),
			 -EADDRNOTAVAIL);
	ck_assert_int_eq(udp_open_relay(&ipv6, BUFFER_BYTES), -EAFNOSUPPORT);
	ck_assert_uint_eq(net_count_fds(), before);
}
END_TEST

START_TEST(one_listener)
{
	struct addr a = addr_ipv4(LOOPBACK, 0), b;
	int fd, other;

	ck_assert_int_eq(udp_open_listeners(&a, 1, BUFFER_BYTES, &fd), 0);
	check_options(fd, false);
	ck_assert_int_eq(udp_local(fd, &b), 0);
	ck_assert_int_eq(udp_open_listeners(&b, 1, BUFFER_BYTES, &other),
			 -EADDRINUSE);
	close(fd);
}
END_TEST

START_TEST(group_of_listeners)
{
	struct addr a = addr_ipv4(LOOPBACK, 0), b, c;
	int fds[3], others[3];
	unsigned before = net_count_fds();

	ck_assert_int_eq(udp_open_listeners(&a, 3, BUFFER_BYTES, fds), 0);
	ck_assert_int_eq(udp_local(fds[0], &b), 0);
	for (unsigned i = 0; i < 3; i++) {
		check_options(fds[i], true);
		ck_assert_int_eq(udp_local(fds[i], &c), 0);
		ck_assert(addr_equal(&b, &c));
	}
	/* A second server cannot slip into the group. */
	ck_assert_int_eq(udp_open_listeners(&b, 3, BUFFER_BYTES, others),
			 -EADDRINUSE);
	ck_assert_int_eq(udp_open_listeners(&b, 1, BUFFER_BYTES, others),
			 -EADDRINUSE);
	ck_assert_uint_eq(net_count_fds(), before + 3);
	for (unsigned i = 0; i < 3; i++)
		close(fds[i]);
}
END_TEST

START_TEST(group_takes_nothing_early)
{
	struct addr a = addr_ipv4(LOOPBACK, 0), b;
	unsigned taken = 0;
	char word[8];
	int fds[3];

	sender = net_socket(LOOPBACK);
	ck_assert_int_eq(udp_open_listeners(&a, 3, BUFFER_BYTES, fds), 0);
	for (unsigned i = 0; i < 3; i++)
		ck_assert(net_is_empty(fds[i]));

	ck_assert_int_eq(udp_local(fds[0], &b), 0);
	net_send(sender, &b, "now", 3);
	for (unsigned i = 0; i < 3; i++) {
		if (!net_is_empty(fds[i]))
			taken += net_receive(fds[i], word, sizeof(word), NULL,
					     NULL) == 3;
		close(fds[i]);
	}
	ck_assert_uint_eq(taken, 1);
	close(sender);
	sender = -1;
}
END_TEST

/* Each call that can fail does, once; nothing stays open. */
static void check_each_failure(uint16_t count)
{
	struct addr a = addr_ipv4(LOOPBACK, 0);
	unsigned before = net_count_fds();
	unsigned needed, tolerated = 0;
	int fds[3];

	calls = fail_at = 0;
	ck_assert_int_eq(udp_open_listeners(&a, count, BUFFER_BYTES, fds), 0);
	needed = calls;
	for (uint16_t i = 0; i < count; i++)
		close(fds[i]);

	fail_errno = ENOBUFS;
	for (unsigned n = 1; n <= needed; n++) {
		int err;

		calls = 0;
		fail_at = n;
		err = udp_open_listeners(&a, count, BUFFER_BYTES, fds);
		if (!err) {
			tolerated++;
			for (uint16_t i = 0; i < count; i++)
				close(fds[i]);
		} else {
			ck_assert_int_eq(err, -ENOBUFS);
		}
		ck_assert_uint_eq(net_count_fds(), before);
	}
	/* The two forced buffer sizes, and UDP_GRO. */
	ck_assert_uint_eq(tolerated, 3 * count);
	fail_at = 0;
}

START_TEST(each_call_fails)
{
	check_each_failure(1);
	check_each_failure(3);
}
END_TEST

START_TEST(drops_are_told)
{
	struct addr a = addr_ipv4(LOOPBACK, 0), to;
	int fd = udp_open_relay(&a, 4096);
	int from = net_socket(LOOPBACK);
	uint8_t data[1000] = { 0 };
	struct udp_look look;
	unsigned taken = 0;

	ck_assert_int_eq(udp_local(fd, &to), 0);
	ck_assert_uint_eq(udp_drops(fd), 0);
	udp_look(fd, &look);
	ck_assert_uint_eq(look.waiting_bytes, 0);
	ck_assert_uint_gt(look.room_bytes, 0);
	for (unsigned i = 0; i < 100; i++)
		net_send(from, &to, data, sizeof(data));
	udp_look(fd, &look);
	ck_assert_uint_ge(look.waiting_bytes, sizeof(data));
	while (!net_is_empty(fd)) {
		net_receive(fd, data, sizeof(data), NULL, NULL);
		taken++;
	}
	ck_assert_uint_lt(taken, 100);
	ck_assert_uint_eq(udp_drops(fd), 100 - taken);
	close(fd);
	close(from);
	ck_assert_uint_eq(udp_drops(-1), 0);
	udp_look(-1, &look);
	ck_assert_uint_eq(look.drops | look.waiting_bytes | look.room_bytes, 0);
}
END_TEST

START_TEST(closed_descriptor)
{
	struct addr a;

	ck_assert_int_eq(udp_buffer_granted(-1), -EBADF);
	ck_assert_int_eq(udp_local(-1, &a), -EBADF);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("udp");
	TCase *c = tcase_create("udp");

	tcase_add_test(c, relay_socket);
	tcase_add_test(c, refused_addresses);
	tcase_add_test(c, one_listener);
	tcase_add_test(c, group_of_listeners);
	tcase_add_test(c, group_takes_nothing_early);
	tcase_add_test(c, each_call_fails);
	tcase_add_test(c, drops_are_told);
	tcase_add_test(c, closed_descriptor);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
