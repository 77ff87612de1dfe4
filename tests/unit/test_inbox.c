/* link: -Wl,--wrap=mmap,--wrap=eventfd,--wrap=write */
#include "unit.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "net_fixture.h"
#include "worker/inbox.h"

static bool mmap_fails, eventfd_fails;
static _Atomic unsigned writes;

void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
int __real_eventfd(unsigned value, int flags);
int __wrap_eventfd(unsigned value, int flags);
ssize_t __real_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len);

void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off)
{
	if (mmap_fails) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	return __real_mmap(at, len, prot, flags, fd, off);
}

int __wrap_eventfd(unsigned value, int flags)
{
	if (eventfd_fails) {
		errno = EMFILE;
		return -1;
	}
	return __real_eventfd(value, flags);
}

ssize_t __wrap_write(int fd, const void *data, size_t len)
{
	writes++;
	return __real_write(fd, data, len);
}

static struct inbox box;
static uint8_t data[DATAGRAM_MAX_BYTES];

static void setup(void)
{
	memset(&box, 0, sizeof(box));
	ck_assert_int_eq(inbox_init(&box), 0);
	writes = 0;
}

static void teardown(void)
{
	inbox_fini(&box);
}

static bool put(uint32_t index, size_t len)
{
	struct addr from = addr_ipv4(LOOPBACK, (uint16_t)index);
	struct ref ref = { .index = index, .generation = 5 };

	return inbox_put(&box, ref, &from, (uint8_t)index, bytes_of(data, len));
}

static void check(uint32_t ahead, uint32_t index, size_t len)
{
	struct addr from = addr_ipv4(LOOPBACK, (uint16_t)index);
	const struct inbox_datagram *d = inbox_peek(&box, ahead);

	ck_assert_ptr_nonnull(d);
	ck_assert_uint_eq(d->allocation.index, index);
	ck_assert_uint_eq(d->allocation.generation, 5);
	ck_assert(addr_equal(&d->from, &from));
	ck_assert_uint_eq(d->tos, index & 0xff);
	ck_assert_uint_eq(d->bytes, len);
	ck_assert(!memcmp(d->data, data, len));
}

START_TEST(in_and_out)
{
	net_fill(data, sizeof(data), 1);
	ck_assert_ptr_null(inbox_peek(&box, 0));
	ck_assert(put(1, 0));
	ck_assert(put(2, 100));
	ck_assert(put(300, DATAGRAM_MAX_BYTES));
	check(0, 1, 0);
	check(1, 2, 100);
	check(2, 300, DATAGRAM_MAX_BYTES);
	ck_assert_ptr_null(inbox_peek(&box, 3));
	inbox_release(&box);
	check(0, 2, 100);
	inbox_release(&box);
	inbox_release(&box);
	ck_assert_ptr_null(inbox_peek(&box, 0));
}
END_TEST

START_TEST(a_full_inbox_refuses)
{
	for (uint32_t i = 0; i < INBOX_DATAGRAMS; i++)
		ck_assert(put(i, 8));
	ck_assert(!put(1, 8));
	ck_assert_ptr_null(inbox_peek(&box, INBOX_DATAGRAMS));
	inbox_release(&box);
	ck_assert(put(9, 8));
	ck_assert(!put(1, 8));
	check(INBOX_DATAGRAMS - 1, 9, 8);
}
END_TEST

START_TEST(too_long)
{
	struct addr from = addr_ipv4(LOOPBACK, 1);

	ck_assert(!inbox_put(&box, (struct ref){ 1, 1 }, &from, 0,
			     bytes_of(data, DATAGRAM_MAX_BYTES + 1)));
	ck_assert_ptr_null(inbox_peek(&box, 0));
}
END_TEST

START_TEST(one_call_wakes_until_the_owner_looks)
{
	struct pollfd wait = { .fd = box.event_fd, .events = POLLIN };

	ck_assert_int_eq(poll(&wait, 1, 0), 0);
	inbox_wake(&box);
	inbox_wake(&box);
	ck_assert_uint_eq(writes, 1);
	ck_assert_int_eq(poll(&wait, 1, 0), 1);
	inbox_awake(&box);
	inbox_wake(&box);
	ck_assert_uint_eq(writes, 2);
}
END_TEST

START_TEST(no_memory_or_descriptors)
{
	unsigned before = net_count_fds();
	struct inbox other = { 0 };

	mmap_fails = true;
	ck_assert_int_eq(inbox_init(&other), -ENOMEM);
	mmap_fails = false;
	inbox_fini(&other);
	eventfd_fails = true;
	ck_assert_int_eq(inbox_init(&other), -EMFILE);
	eventfd_fails = false;
	inbox_fini(&other);
	ck_assert_uint_eq(net_count_fds(), before);
}
END_TEST

#define PRODUCERS 3
#define EACH 20000

/* Puts EACH datagrams in, numbered, and wakes as an executor does. */
static void *produce(void *arg)
{
	uint32_t number = *(uint32_t *)arg;
	struct addr from = addr_ipv4(LOOPBACK, 1);

	for (uint32_t i = 0; i < EACH; i++) {
		/* A batch ends, and wakes, whether all went in or not. */
		while (!inbox_put(&box, (struct ref){ number, i + 1 }, &from, 0,
				  bytes_of(&i, sizeof(i)))) {
			inbox_wake(&box);
			sched_yield();
		}
		if (i % 7 == 0 || i == EACH - 1)
			inbox_wake(&box);
	}
	return NULL;
}

/* Several threads at a time: nothing is lost, and nobody sleeps through it. */
START_TEST(several_threads)
{
	struct pollfd wait = { .fd = box.event_fd, .events = POLLIN };
	uint32_t numbers[PRODUCERS], next[PRODUCERS] = { 0 };
	pthread_t producers[PRODUCERS];
	const struct inbox_datagram *d;
	uint64_t drain;
	unsigned total = 0;

	for (uint32_t i = 0; i < PRODUCERS; i++) {
		numbers[i] = i;
		ck_assert_int_eq(pthread_create(&producers[i], NULL, produce,
						&numbers[i]),
				 0);
	}
	while (total < PRODUCERS * EACH) {
		uint32_t taken = 0;

		ck_assert_int_eq(poll(&wait, 1, 20000), 1);
		ck_assert_int_eq(read(box.event_fd, &drain, sizeof(drain)),
				 (ssize_t)sizeof(drain));
		inbox_awake(&box);
		for (; (d = inbox_peek(&box, taken)); taken++) {
			uint32_t who = d->allocation.index;

			ck_assert_uint_eq(d->allocation.generation,
					  ++next[who]);
			ck_assert_uint_eq(d->bytes, sizeof(uint32_t));
		}
		total += taken;
		while (taken-- > 0)
			inbox_release(&box);
	}
	for (unsigned i = 0; i < PRODUCERS; i++)
		pthread_join(producers[i], NULL);
	ck_assert_ptr_null(inbox_peek(&box, 0));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("inbox");
	TCase *c = tcase_create("inbox");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, in_and_out);
	tcase_add_test(c, a_full_inbox_refuses);
	tcase_add_test(c, too_long);
	tcase_add_test(c, one_call_wakes_until_the_owner_looks);
	tcase_add_test(c, no_memory_or_descriptors);
	tcase_add_test(c, several_threads);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
