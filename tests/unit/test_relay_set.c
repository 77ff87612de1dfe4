/* link: -Wl,--wrap=mmap,--wrap=epoll_create1,--wrap=epoll_ctl */
#include "unit.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/relay_set.h"
#include "net/udp.h"
#include "net_fixture.h"

#define CAPACITY 1000
#define BUFFER_BYTES 65536

static int fail_errno; /* of the next call below; 0: it works */
static bool fail_mmap, fail_create, fail_ctl;

void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
int __real_epoll_create1(int flags);
int __wrap_epoll_create1(int flags);
int __real_epoll_ctl(int set, int what, int fd, struct epoll_event *event);
int __wrap_epoll_ctl(int set, int what, int fd, struct epoll_event *event);

static bool fails(bool *which)
{
	if (!*which)
		return false;
	*which = false;
	errno = fail_errno;
	return true;
}

void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off)
{
	if (fails(&fail_mmap))
		return MAP_FAILED;
	return __real_mmap(at, len, prot, flags, fd, off);
}

int __wrap_epoll_create1(int flags)
{
	return fails(&fail_create) ? -1 : __real_epoll_create1(flags);
}

int __wrap_epoll_ctl(int set, int what, int fd, struct epoll_event *event)
{
	return fails(&fail_ctl) ? -1 : __real_epoll_ctl(set, what, fd, event);
}

static struct relay_set set;
static int from;
static unsigned fds_before;

static void setup(void)
{
	struct addr local = addr_ipv4(LOOPBACK, 0);

	fds_before = net_count_fds();
	from = net_socket(LOOPBACK);
	ck_assert_int_eq(relay_set_init(&set, CAPACITY, &local, BUFFER_BYTES),
			 0);
}

static void teardown(void)
{
	relay_set_fini(&set);
	close(from);
	ck_assert_uint_eq(net_count_fds(), fds_before);
}

static struct ref ref_of(uint32_t index, uint32_t generation)
{
	return (struct ref){ .index = index, .generation = generation };
}

/* Opens at a port that the kernel chooses. */
static void open_one(struct ref ref)
{
	ck_assert_int_eq(relay_set_open(&set, ref, 0), 0);
	ck_assert_ptr_nonnull(relay_set_get(&set, ref));
}

static int fd_of(struct ref ref)
{
	return relay_socket_fd(relay_set_get(&set, ref));
}

static void send_to(struct ref ref)
{
	struct addr to;

	ck_assert_int_eq(udp_local(fd_of(ref), &to), 0);
	net_send(from, &to, "x", 1);
}

/* Exactly these are ready, in any order. */
static void check_ready(const struct ref *expected, unsigned count)
{
	struct ref ready[RELAY_SET_READY_MAX];
	unsigned n = relay_set_ready(&set, ready);

	ck_assert_uint_eq(n, count);
	for (unsigned i = 0; i < count; i++) {
		bool found = false;

		for (unsigned j = 0; j < n; j++)
			found |= ready[j].index == expected[i].index &&
				 ready[j].generation == expected[i].generation;
		ck_assert_msg(found, "%u is not ready", expected[i].index);
	}
}

START_TEST(nothing_is_open)
{
	check_ready(NULL, 0);
	ck_assert_ptr_null(relay_set_get(&set, ref_of(0, 1)));
	ck_assert_ptr_null(relay_set_get(&set, ref_of(CAPACITY, 1)));
	ck_assert_ptr_null(relay_set_get(&set, ref_of(UINT32_MAX, 1)));
	relay_set_close(&set, ref_of(3, 1));
	relay_set_again(&set, ref_of(3, 1));
	relay_set_look_drops(&set);
}
END_TEST

START_TEST(readiness_is_told_once)
{
	const struct ref refs[] = { ref_of(0, 7), ref_of(CAPACITY - 1, 1),
				    ref_of(5, UINT32_MAX) };
	char byte;

	for (unsigned i = 0; i < 3; i++)
		open_one(refs[i]);
	check_ready(NULL, 0);
	for (unsigned i = 0; i < 3; i++)
		send_to(refs[i]);
	check_ready(refs, 3);
	check_ready(NULL, 0);
	/* What comes later is told. */
	send_to(refs[1]);
	check_ready(&refs[1], 1);

	/* Unread, it is told again if asked for; read, it is not. */
	relay_set_again(&set, refs[0]);
	check_ready(&refs[0], 1);
	net_receive(fd_of(refs[0]), &byte, 1, NULL, NULL);
	relay_set_again(&set, refs[0]);
	check_ready(NULL, 0);
}
END_TEST

START_TEST(the_set_itself_is_readable)
{
	const struct ref ref = ref_of(1, 1);
	struct pollfd wait = { .fd = set.epoll_fd, .events = POLLIN };

	open_one(ref);
	ck_assert_int_eq(poll(&wait, 1, 0), 0);
	send_to(ref);
	ck_assert_int_eq(poll(&wait, 1, 0), 1);
	check_ready(&ref, 1);
	ck_assert_int_eq(poll(&wait, 1, 0), 0);
}
END_TEST

START_TEST(a_closed_socket_is_gone)
{
	const struct ref old = ref_of(4, 1), new = ref_of(4, 2);

	open_one(old);
	send_to(old);
	relay_set_close(&set, new); /* not that one */
	ck_assert_ptr_nonnull(relay_set_get(&set, old));
	relay_set_close(&set, old);
	ck_assert_ptr_null(relay_set_get(&set, old));
	check_ready(NULL, 0);

	open_one(new);
	ck_assert_ptr_null(relay_set_get(&set, old));
	relay_set_again(&set, old);
	relay_set_close(&set, old);
	send_to(new);
	check_ready(&new, 1);
	ck_assert_uint_eq(set.count, 1);
}
END_TEST

START_TEST(many_are_told_in_turns)
{
	enum { count = RELAY_SET_READY_MAX + 10 };
	struct ref ready[RELAY_SET_READY_MAX];
	bool seen[count] = { false };
	unsigned n, total = 0;

	for (uint32_t i = 0; i < count; i++) {
		open_one(ref_of(i, 1));
		send_to(ref_of(i, 1));
	}
	do {
		n = relay_set_ready(&set, ready);
		for (unsigned i = 0; i < n; i++)
			seen[ready[i].index] = true;
		total += n;
	} while (n == RELAY_SET_READY_MAX);
	ck_assert_uint_eq(total, count);
	for (unsigned i = 0; i < count; i++)
		ck_assert(seen[i]);
}
END_TEST

START_TEST(a_port_in_use)
{
	struct addr taken = net_local(from);
	unsigned before = net_count_fds();

	ck_assert_int_eq(relay_set_open(&set, ref_of(0, 1), taken.port),
			 -EADDRINUSE);
	ck_assert_ptr_null(relay_set_get(&set, ref_of(0, 1)));
	ck_assert_uint_eq(net_count_fds(), before);
	open_one(ref_of(0, 1));
}
END_TEST

START_TEST(out_of_descriptors_and_memory)
{
	struct rlimit before, none;
	unsigned open;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 3;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	ck_assert_int_eq(relay_set_open(&set, ref_of(0, 1), 0), -EMFILE);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);

	open = net_count_fds();
	fail_errno = ENOSPC;
	fail_ctl = true;
	ck_assert_int_eq(relay_set_open(&set, ref_of(0, 1), 0), -ENOSPC);
	ck_assert_uint_eq(net_count_fds(), open);
	ck_assert_ptr_null(relay_set_get(&set, ref_of(0, 1)));
	open_one(ref_of(0, 1));
}
END_TEST

START_TEST(a_set_that_cannot_be_made)
{
	struct addr local = addr_ipv4(LOOPBACK, 0);
	unsigned before = net_count_fds();
	struct relay_set other;

	fail_errno = EMFILE;
	fail_create = true;
	ck_assert_int_eq(relay_set_init(&other, 1, &local, BUFFER_BYTES),
			 -EMFILE);
	fail_errno = ENOMEM;
	fail_mmap = true;
	ck_assert_int_eq(relay_set_init(&other, 1, &local, BUFFER_BYTES),
			 -ENOMEM);
	ck_assert_uint_eq(net_count_fds(), before);
}
END_TEST

static void open_twice(void *arg)
{
	relay_set_open(&set, *(struct ref *)arg, 0);
}

START_TEST(an_allocation_has_one_socket)
{
	struct ref ref = ref_of(0, 1);

	open_one(ref);
	ck_assert(unit_aborts(open_twice, &ref));
	ref.index = CAPACITY;
	ck_assert(unit_aborts(open_twice, &ref));
}
END_TEST

/* Sends more than fits and returns how many were lost. */
static uint32_t overflow(struct ref ref)
{
	uint8_t data[1000] = { 0 };
	uint32_t lost = 0;
	struct addr to;

	ck_assert_int_eq(udp_local(fd_of(ref), &to), 0);
	for (unsigned i = 0; i < 500; i++)
		net_send(from, &to, data, sizeof(data));
	for (lost = 500; !net_is_empty(fd_of(ref)); lost--)
		net_receive(fd_of(ref), data, sizeof(data), NULL, NULL);
	ck_assert_uint_gt(lost, 0);
	return lost;
}

START_TEST(drops_are_counted)
{
	const struct ref a = ref_of(0, 1), b = ref_of(700, 1);
	uint64_t lost;

	open_one(a);
	open_one(b);
	lost = overflow(a) + overflow(b);
	for (unsigned i = 0; i < 3; i++)
		relay_set_look_drops(&set);
	ck_assert_uint_eq(set.drops, lost);
	/* Nothing is counted twice. */
	for (unsigned i = 0; i < 3; i++)
		relay_set_look_drops(&set);
	ck_assert_uint_eq(set.drops, lost);

	/* What nobody looked at is counted at the end. */
	lost += overflow(b);
	relay_set_close(&set, b);
	ck_assert_uint_eq(set.drops, lost);
	open_one(b);
	for (unsigned i = 0; i < 3; i++)
		relay_set_look_drops(&set);
	ck_assert_uint_eq(set.drops, lost);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("relay_set");
	TCase *c = tcase_create("relay_set");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, nothing_is_open);
	tcase_add_test(c, readiness_is_told_once);
	tcase_add_test(c, the_set_itself_is_readable);
	tcase_add_test(c, a_closed_socket_is_gone);
	tcase_add_test(c, many_are_told_in_turns);
	tcase_add_test(c, a_port_in_use);
	tcase_add_test(c, out_of_descriptors_and_memory);
	tcase_add_test(c, a_set_that_cannot_be_made);
	tcase_add_test(c, an_allocation_has_one_socket);
	tcase_add_test(c, drops_are_counted);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
