/* link: -Wl,--wrap=recvfrom,--wrap=recv,--wrap=socket,--wrap=bind,--wrap=send */
#include "unit.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/ifaddr.h"
#include "net_fixture.h"

/* --- messages as the kernel writes them ------------------------------------ */

struct message {
	size_t len;
	uint8_t bytes[4096];
};

static void put(struct message *m, const void *data, size_t len)
{
	memcpy(m->bytes + m->len, data, len);
	m->len += len;
	while (m->len % 4)
		m->bytes[m->len++] = 0;
}

static size_t begin(struct message *m, uint16_t type, uint16_t flags)
{
	struct nlmsghdr h = { .nlmsg_type = type, .nlmsg_flags = flags };
	size_t at = m->len;

	put(m, &h, sizeof(h));
	return at;
}

static void end(struct message *m, size_t at)
{
	uint32_t len = (uint32_t)(m->len - at);

	memcpy(m->bytes + at, &len, sizeof(len));
}

static void put_attr(struct message *m, uint16_t type, const void *data,
		     uint16_t len)
{
	struct rtattr a = { .rta_len = (uint16_t)(sizeof(a) + len),
			    .rta_type = type };

	put(m, &a, sizeof(a));
	put(m, data, len);
}

static size_t begin_addr(struct message *m, uint8_t family, uint32_t ifindex)
{
	struct ifaddrmsg head = { .ifa_family = family, .ifa_index = ifindex };
	size_t at = begin(m, RTM_NEWADDR, NLM_F_MULTI);

	put(m, &head, sizeof(head));
	return at;
}

/* An address on an Ethernet interface: the same twice. */
static void put_ipv4(struct message *m, uint32_t ifindex, uint8_t last)
{
	const uint8_t ip[4] = { 192, 0, 2, last };
	size_t at = begin_addr(m, AF_INET, ifindex);

	put_attr(m, IFA_ADDRESS, ip, sizeof(ip));
	put_attr(m, IFA_LOCAL, ip, sizeof(ip));
	put_attr(m, IFA_LABEL, "eth0", 5);
	end(m, at);
}

static void put_done(struct message *m)
{
	const int zero = 0;
	size_t at = begin(m, NLMSG_DONE, NLM_F_MULTI);

	put(m, &zero, sizeof(zero));
	end(m, at);
}

/* --- the parser ------------------------------------------------------------ */

static struct ifaddr_list list;
static struct message m;

static void setup(void)
{
	memset(&list, 0, sizeof(list));
	memset(&m, 0, sizeof(m));
}

static enum ifaddr_parse parse(void)
{
	return ifaddr_parse(&list, bytes_of(m.bytes, m.len));
}

static void check_ipv4(unsigned index, uint32_t ifindex, uint8_t last)
{
	struct addr a = addr_ipv4(0xc0000200u | last, 0);

	ck_assert(addr_equal(&list.items[index].ip, &a));
	ck_assert_uint_eq(list.items[index].ifindex, ifindex);
}

START_TEST(several_addresses)
{
	static const uint8_t ipv6[16] = { 0xfe, 0x80, [15] = 9 };
	struct addr a = addr_ipv6(ipv6, 0);
	size_t at;

	put_ipv4(&m, 2, 1);
	put_ipv4(&m, 2, 2);
	put_ipv4(&m, 3, 3);
	at = begin_addr(&m, AF_INET6, 3);
	put_attr(&m, IFA_ADDRESS, ipv6, sizeof(ipv6));
	end(&m, at);
	ck_assert_int_eq(parse(), IFADDR_MORE);
	ck_assert_uint_eq(list.count, 4);
	check_ipv4(0, 2, 1);
	check_ipv4(1, 2, 2);
	check_ipv4(2, 3, 3);
	ck_assert(addr_equal(&list.items[3].ip, &a));
	ck_assert(!list.full);
}
END_TEST

/* Ours is IFA_LOCAL, whichever comes first; the other end is not us. */
START_TEST(point_to_point)
{
	static const uint8_t ours[4] = { 192, 0, 2, 1 };
	static const uint8_t theirs[4] = { 192, 0, 2, 99 };

	for (int order = 0; order < 2; order++) {
		size_t at;

		setup();
		at = begin_addr(&m, AF_INET, 4);
		put_attr(&m, order ? IFA_LOCAL : IFA_ADDRESS,
			 order ? ours : theirs, 4);
		put_attr(&m, order ? IFA_ADDRESS : IFA_LOCAL,
			 order ? theirs : ours, 4);
		end(&m, at);
		ck_assert_int_eq(parse(), IFADDR_MORE);
		ck_assert_uint_eq(list.count, 1);
		check_ipv4(0, 4, 1);
	}
}
END_TEST

START_TEST(what_is_passed_over)
{
	static const uint8_t ip[16] = { 192, 0, 2, 1 };
	size_t at;

	/* Another family, a length that is not the family's, no address. */
	at = begin_addr(&m, AF_BRIDGE, 1);
	put_attr(&m, IFA_LOCAL, ip, 4);
	end(&m, at);
	at = begin_addr(&m, AF_INET, 1);
	put_attr(&m, IFA_LOCAL, ip, 16);
	end(&m, at);
	at = begin_addr(&m, AF_INET6, 1);
	put_attr(&m, IFA_ADDRESS, ip, 4);
	end(&m, at);
	at = begin_addr(&m, AF_INET, 1);
	put_attr(&m, IFA_BROADCAST, ip, 4);
	end(&m, at);
	/* Another message, and one that is too short for its kind. */
	at = begin(&m, RTM_NEWLINK, 0);
	put(&m, ip, sizeof(ip));
	end(&m, at);
	at = begin(&m, RTM_NEWADDR, 0);
	end(&m, at);
	put_ipv4(&m, 1, 7);
	ck_assert_int_eq(parse(), IFADDR_MORE);
	ck_assert_uint_eq(list.count, 1);
	check_ipv4(0, 1, 7);
}
END_TEST

START_TEST(the_end)
{
	put_ipv4(&m, 1, 1);
	put_done(&m);
	put_ipv4(&m, 1, 2);
	ck_assert_int_eq(parse(), IFADDR_DONE);
	ck_assert_uint_eq(list.count, 1);
}
END_TEST

START_TEST(an_error_or_an_interrupted_dump)
{
	const int zero = 0;
	size_t at = begin(&m, NLMSG_ERROR, 0);

	put(&m, &zero, sizeof(zero));
	end(&m, at);
	ck_assert_int_eq(parse(), IFADDR_BROKEN);
	setup();
	at = begin(&m, NLMSG_DONE, NLM_F_DUMP_INTR);
	end(&m, at);
	ck_assert_int_eq(parse(), IFADDR_BROKEN);
}
END_TEST

START_TEST(more_than_fit)
{
	for (unsigned i = 0; i < IFADDR_MAX + 1; i++) {
		memset(&m, 0, sizeof(m));
		put_ipv4(&m, i, 1);
		ck_assert_int_eq(parse(), IFADDR_MORE);
		ck_assert(list.full == (i == IFADDR_MAX));
	}
	ck_assert_uint_eq(list.count, IFADDR_MAX);
}
END_TEST

/* Any bytes: cut anywhere, or with any byte changed, in a block of just that
 * size, so that a sanitizer sees each byte too far. */
START_TEST(broken_bytes)
{
	uint8_t *copy;

	put_ipv4(&m, 1, 1);
	put_ipv4(&m, 2, 2);
	put_done(&m);
	for (size_t len = 0; len <= m.len; len++) {
		copy = malloc(len ? len : 1);
		ck_assert_ptr_nonnull(copy);
		memcpy(copy, m.bytes, len);
		ifaddr_parse(&list, bytes_of(copy, len));
		free(copy);
	}
	copy = malloc(m.len);
	ck_assert_ptr_nonnull(copy);
	for (size_t at = 0; at < m.len; at++) {
		static const uint8_t values[] = { 0, 1, 3, 0x7f, 0xff };

		for (size_t v = 0; v < sizeof(values); v++) {
			memcpy(copy, m.bytes, m.len);
			copy[at] = values[v];
			ifaddr_parse(&list, bytes_of(copy, m.len));
		}
	}
	free(copy);
}
END_TEST

/* --- the monitor ----------------------------------------------------------- */

ssize_t __real_recvfrom(int fd, void *out, size_t size, int flags,
			struct sockaddr *from, socklen_t *from_len);
ssize_t __wrap_recvfrom(int fd, void *out, size_t size, int flags,
			struct sockaddr *from, socklen_t *from_len);
ssize_t __real_recv(int fd, void *out, size_t size, int flags);
ssize_t __wrap_recv(int fd, void *out, size_t size, int flags);
int __real_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol);
int __real_bind(int fd, const struct sockaddr *a, socklen_t len);
int __wrap_bind(int fd, const struct sockaddr *a, socklen_t len);
ssize_t __real_send(int fd, const void *data, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *data, size_t len, int flags);

/* What the kernel says instead of the truth; NULL: the truth. */
struct answer {
	int err;
	uint32_t from; /* not 0: not the kernel */
	const struct message *message;
};
static const struct answer *answers;
/* Errors that the monitor's socket reports, ended by 0. */
static const int *notices;
/* The call that fails, counted from 1. */
static unsigned fail_at, calls;

static bool fails(void)
{
	if (++calls != fail_at)
		return false;
	errno = EMFILE;
	return true;
}

ssize_t __wrap_recvfrom(int fd, void *out, size_t size, int flags,
			struct sockaddr *from, socklen_t *from_len)
{
	struct sockaddr_nl sender = { .nl_family = AF_NETLINK };

	if (!answers)
		return __real_recvfrom(fd, out, size, flags, from, from_len);
	if (answers->err) {
		errno = answers++->err;
		return -1;
	}
	sender.nl_pid = answers->from;
	memcpy(from, &sender, sizeof(sender));
	*from_len = sizeof(sender);
	ck_assert_uint_le(answers->message->len, size);
	memcpy(out, answers->message->bytes, answers->message->len);
	return (ssize_t)answers++->message->len;
}

ssize_t __wrap_recv(int fd, void *out, size_t size, int flags)
{
	if (!notices || !*notices)
		return __real_recv(fd, out, size, flags);
	errno = *notices++;
	return -1;
}

int __wrap_socket(int domain, int type, int protocol)
{
	return fails() ? -1 : __real_socket(domain, type, protocol);
}

int __wrap_bind(int fd, const struct sockaddr *a, socklen_t len)
{
	return fails() ? -1 : __real_bind(fd, a, len);
}

ssize_t __wrap_send(int fd, const void *data, size_t len, int flags)
{
	return fails() ? -1 : __real_send(fd, data, len, flags);
}

START_TEST(this_machine)
{
	struct addr loopback = addr_ipv4(LOOPBACK, 0);
	unsigned before = net_count_fds();
	struct ifaddr_monitor monitor;
	bool found = false;

	ck_assert_int_eq(ifaddr_open(&monitor), 0);
	for (unsigned i = 0; i < monitor.list.count; i++)
		found |= addr_equal(&monitor.list.items[i].ip, &loopback);
	ck_assert(found);
	ck_assert_int_eq(ifaddr_update(&monitor), 0);
	ifaddr_close(&monitor);
	ck_assert_uint_eq(net_count_fds(), before);
}
END_TEST

START_TEST(changes)
{
	static struct message one, two, done;
	static const struct answer first[] = { { .message = &one },
					       { .message = &done } };
	/* Interrupted by a signal; another process; a dump that broke off. */
	static const struct answer second[] = {
		{ .err = EINTR },     { .from = 4711, .message = &one },
		{ .message = &two },  { .message = &one },
		{ .message = &done },
	};
	static const int lost[] = { ENOBUFS, EINTR, 0 };
	struct ifaddr_monitor monitor;
	size_t at;

	put_ipv4(&one, 1, 1);
	put_done(&done);
	answers = first;
	ck_assert_int_eq(ifaddr_open(&monitor), 0);
	ck_assert_uint_eq(monitor.list.count, 1);

	answers = first;
	ck_assert_int_eq(ifaddr_update(&monitor), 0);

	put_ipv4(&two, 1, 9);
	at = begin(&two, NLMSG_DONE, NLM_F_DUMP_INTR);
	end(&two, at);
	put_ipv4(&one, 1, 2);
	answers = second;
	notices = lost;
	ck_assert_int_eq(ifaddr_update(&monitor), 1);
	ck_assert_uint_eq(monitor.list.count, 2);
	list = monitor.list;
	check_ipv4(0, 1, 1);
	check_ipv4(1, 1, 2);
	ifaddr_close(&monitor);
}
END_TEST

START_TEST(failures)
{
	static struct message done;
	static const struct answer good[] = { { .message = &done } };
	static const struct answer bad[] = { { .err = ENOMEM } };
	static const int broken[] = { EBADF, 0 };
	struct ifaddr_monitor monitor;
	unsigned before = net_count_fds();

	put_done(&done);
	for (fail_at = 1; fail_at <= 5; fail_at++) {
		calls = 0;
		answers = good;
		ck_assert_int_eq(ifaddr_open(&monitor), -EMFILE);
		ck_assert_uint_eq(net_count_fds(), before);
	}
	fail_at = 0;
	answers = bad;
	ck_assert_int_eq(ifaddr_open(&monitor), -ENOMEM);
	ck_assert_uint_eq(net_count_fds(), before);

	answers = good;
	ck_assert_int_eq(ifaddr_open(&monitor), 0);
	answers = bad;
	ck_assert_int_eq(ifaddr_update(&monitor), -ENOMEM);
	notices = broken;
	ck_assert_int_eq(ifaddr_update(&monitor), -EBADF);
	ifaddr_close(&monitor);
}
END_TEST

/* A dump that never comes to an end of its own is given up. */
START_TEST(always_interrupted)
{
	static struct message broken;
	struct answer many[100];
	struct ifaddr_monitor monitor;
	size_t at = begin(&broken, NLMSG_DONE, NLM_F_DUMP_INTR);

	end(&broken, at);
	for (unsigned i = 0; i < 100; i++)
		many[i] = (struct answer){ .message = &broken };
	answers = many;
	ck_assert_int_eq(ifaddr_open(&monitor), -EAGAIN);
	ck_assert(answers < many + 100);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("ifaddr");
	TCase *parser = tcase_create("parser");
	TCase *monitor = tcase_create("monitor");

	tcase_add_checked_fixture(parser, setup, NULL);
	tcase_add_test(parser, several_addresses);
	tcase_add_test(parser, point_to_point);
	tcase_add_test(parser, what_is_passed_over);
	tcase_add_test(parser, the_end);
	tcase_add_test(parser, an_error_or_an_interrupted_dump);
	tcase_add_test(parser, more_than_fit);
	tcase_add_test(parser, broken_bytes);
	suite_add_tcase(s, parser);
	tcase_add_test(monitor, this_machine);
	tcase_add_test(monitor, changes);
	tcase_add_test(monitor, failures);
	tcase_add_test(monitor, always_interrupted);
	suite_add_tcase(s, monitor);
	return s;
}

UNIT_MAIN(suite)
