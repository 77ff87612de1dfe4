/* link: -Wl,--wrap=mmap */
#include "unit.h"

#include <errno.h>
#include <netinet/ip.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/udp.h"
#include "net/udp_in.h"
#include "net_fixture.h"

#define BUFFER_BYTES (4 << 20)

static bool mmap_fails;

void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);

void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off)
{
	if (mmap_fails) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	return __real_mmap(at, len, prot, flags, fd, off);
}

static struct udp_in in;
static struct addr to;
static int fd, from;
static uint8_t data[DATAGRAM_MAX_BYTES];

static void setup(void)
{
	struct addr any = addr_ipv4(LOOPBACK, 0);

	fd = udp_open_relay(&any, BUFFER_BYTES);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(udp_local(fd, &to), 0);
	from = net_socket(LOOPBACK);
	ck_assert_int_eq(udp_in_init(&in), 0);
}

static void teardown(void)
{
	udp_in_fini(&in);
	close(fd);
	close(from);
}

static int read_most(unsigned most)
{
	return udp_in_read(&in, fd, most);
}

/* The message consists of datagrams of these lengths, out of `expected`. */
static void check_message(unsigned index, const uint8_t *expected,
			  const size_t *lens, size_t count)
{
	struct addr sender = net_local(from);
	struct udp_in_message m;
	struct bytes view;

	udp_in_open(&in, index, &m);
	ck_assert(addr_equal(&m.source, &sender));
	for (size_t i = 0; i < count; i++) {
		ck_assert(udp_in_next(&m, &view));
		ck_assert_uint_eq(view.len, lens[i]);
		ck_assert(!memcmp(view.data, expected, lens[i]));
		expected += lens[i];
	}
	ck_assert(!udp_in_next(&m, &view));
	ck_assert(!udp_in_next(&m, &view));
}

static void check_one(unsigned index, const uint8_t *expected, size_t len)
{
	check_message(index, expected, &len, 1);
}

START_TEST(nothing_waits)
{
	ck_assert_int_eq(read_most(8), 0);
	ck_assert_uint_eq(in.used, 0);
	ck_assert_uint_eq(udp_in_room(&in), UDP_IN_MESSAGES);
}
END_TEST

START_TEST(in_order_and_as_many_as_asked)
{
	for (uint8_t i = 0; i < 5; i++)
		net_send(from, &to, &i, 1);
	ck_assert_int_eq(read_most(3), 3);
	ck_assert_uint_eq(udp_in_room(&in), UDP_IN_MESSAGES - 3);
	/* Fewer than asked for: the socket is empty. */
	ck_assert_int_eq(read_most(3), 2);
	ck_assert_uint_eq(in.used, 5);
	for (uint8_t i = 0; i < 5; i++)
		check_one(i, &i, 1);
}
END_TEST

START_TEST(never_more_than_there_is_room_for)
{
	for (unsigned i = 0; i < UDP_IN_MESSAGES + 3; i++)
		net_send(from, &to, &i, sizeof(i));
	ck_assert_int_eq(read_most(UDP_IN_MESSAGES - 1), UDP_IN_MESSAGES - 1);
	ck_assert_int_eq(read_most(UDP_IN_MESSAGES), 1);
	ck_assert_uint_eq(udp_in_room(&in), 0);
	for (unsigned i = 0; i < UDP_IN_MESSAGES; i++)
		check_one(i, (const uint8_t *)&i, sizeof(i));
	udp_in_clear(&in);
	ck_assert_int_eq(read_most(UDP_IN_MESSAGES), 3);
}
END_TEST

/* Also a source address and control data are there each time anew. */
START_TEST(used_again_and_again)
{
	for (unsigned round = 0; round < 3; round++) {
		int tos = (int)round * 4 + 1;
		struct udp_in_message m;

		ck_assert_int_eq(
			setsockopt(from, IPPROTO_IP, IP_TOS, &tos, sizeof(tos)),
			0);
		for (uint8_t i = 0; i < 7; i++)
			net_send(from, &to, &i, 1);
		ck_assert_int_eq(read_most(UDP_IN_MESSAGES), 7);
		for (uint8_t i = 0; i < 7; i++) {
			check_one(i, &i, 1);
			udp_in_open(&in, i, &m);
			ck_assert_int_eq(m.tos, tos);
		}
		udp_in_clear(&in);
		ck_assert_uint_eq(in.used, 0);
	}
}
END_TEST

START_TEST(an_empty_datagram_is_one)
{
	net_send(from, &to, NULL, 0);
	net_send(from, &to, "x", 1);
	ck_assert_int_eq(read_most(8), 2);
	check_one(0, (const uint8_t *)"", 0);
	check_one(1, (const uint8_t *)"x", 1);
}
END_TEST

/* Around the sizes at which a message takes more than its head. */
START_TEST(any_size_is_whole)
{
	static const size_t sizes[] = { 1472, 1599, 1600,  1601,
					3199, 9000, 65506, 65507 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		net_fill(data, sizes[i], i);
		net_send(from, &to, data, sizes[i]);
		ck_assert_int_eq(read_most(8), 1);
		check_one(0, data, sizes[i]);
		/* Looked at once more, it is the same. */
		check_one(0, data, sizes[i]);
		udp_in_clear(&in);
	}
}
END_TEST

START_TEST(coalesced_datagrams_come_apart)
{
	static const size_t whole[] = { 500, 500, 500, 500, 500 };
	static const size_t ragged[] = { 700, 700, 700, 1 };
	static const size_t pair[] = { 1500, 900 };

	net_fill(data, 2500, 1);
	net_send_segments(from, &to, data, 2500, 500);
	ck_assert_int_eq(read_most(8), 1);
	check_message(0, data, whole, 5);
	net_send_segments(from, &to, data, 2101, 700);
	ck_assert_int_eq(read_most(8), 1);
	check_message(1, data, ragged, 4);
	/* The head ends inside the second. */
	net_send_segments(from, &to, data, 2400, 1500);
	ck_assert_int_eq(read_most(8), 1);
	check_message(2, data, pair, 2);
}
END_TEST

START_TEST(the_largest_coalesced_message)
{
	size_t lens[64];

	for (unsigned i = 0; i < 64; i++)
		lens[i] = 1023;
	net_fill(data, sizeof(data), 2);
	net_send_segments(from, &to, data, 64 * 1023ul, 1023);
	ck_assert_int_eq(read_most(8), 1);
	check_message(0, data, lens, 64);
}
END_TEST

START_TEST(several_sockets_share_a_batch)
{
	struct addr any = addr_ipv4(LOOPBACK, 0), other_to;
	int other = udp_open_relay(&any, BUFFER_BYTES);

	ck_assert_int_eq(udp_local(other, &other_to), 0);
	net_send(from, &to, "one", 3);
	net_send(from, &other_to, "two", 3);
	ck_assert_int_eq(read_most(8), 1);
	ck_assert_int_eq(udp_in_read(&in, other, 8), 1);
	net_send(from, &to, "three", 5);
	ck_assert_int_eq(read_most(8), 1);
	check_one(0, (const uint8_t *)"one", 3);
	check_one(1, (const uint8_t *)"two", 3);
	check_one(2, (const uint8_t *)"three", 5);
	close(other);
}
END_TEST

/* A connected socket is told of ICMP errors; ours are not, but may be. */
START_TEST(an_error_is_told_once)
{
	struct addr gone = net_local(from);
	struct sockaddr_in sa = net_sockaddr(&gone);

	close(from);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	ck_assert_int_eq(send(fd, "?", 1, 0), 1);
	ck_assert_int_eq(read_most(8), -ECONNREFUSED);
	ck_assert_int_eq(read_most(8), 0);
	ck_assert_uint_eq(in.used, 0);
	from = net_socket(LOOPBACK);
}
END_TEST

START_TEST(a_closed_descriptor)
{
	ck_assert_int_eq(udp_in_read(&in, -1, 8), -EBADF);
}
END_TEST

START_TEST(no_memory)
{
	struct udp_in other;

	mmap_fails = true;
	ck_assert_int_eq(udp_in_init(&other), -ENOMEM);
	mmap_fails = false;
	udp_in_fini(&other);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("udp_in");
	TCase *c = tcase_create("udp_in");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, nothing_waits);
	tcase_add_test(c, in_order_and_as_many_as_asked);
	tcase_add_test(c, never_more_than_there_is_room_for);
	tcase_add_test(c, used_again_and_again);
	tcase_add_test(c, an_empty_datagram_is_one);
	tcase_add_test(c, any_size_is_whole);
	tcase_add_test(c, coalesced_datagrams_come_apart);
	tcase_add_test(c, the_largest_coalesced_message);
	tcase_add_test(c, several_sockets_share_a_batch);
	tcase_add_test(c, an_error_is_told_once);
	tcase_add_test(c, a_closed_descriptor);
	tcase_add_test(c, no_memory);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
