/* link: -Wl,--wrap=aligned_alloc,--wrap=mmap */
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>

#include "store/redis_readers.h"

#define WORKERS 3

static unsigned fail_at, calls;

void *__real_aligned_alloc(size_t alignment, size_t bytes);
void *__wrap_aligned_alloc(size_t alignment, size_t bytes);
void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);

void *__wrap_aligned_alloc(size_t alignment, size_t bytes)
{
	return ++calls == fail_at ? NULL
				  : __real_aligned_alloc(alignment, bytes);
}

void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off)
{
	if (++calls == fail_at) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	return __real_mmap(at, len, prot, flags, fd, off);
}

static struct redis_readers *readers;
static _Atomic unsigned woken[WORKERS + 1];
static struct redis_event event;

static void on_wake(void *arg, uint16_t reader)
{
	ck_assert_ptr_eq(arg, &readers);
	woken[reader]++;
}

static const struct redis_store_hooks hooks = { .arg = &readers,
						.wake = on_wake };

static void setup(void)
{
	ck_assert_int_eq(redis_readers_new(&readers, WORKERS, 2, &hooks), 0);
	memset((void *)woken, 0, sizeof(woken));
}

static void teardown(void)
{
	redis_readers_free(readers);
}

static bool put_answer(uint16_t reader, uint32_t ticket)
{
	struct redis_answer answer = { .ticket = { ticket, 1 } };

	return redis_readers_answer(readers, reader, 1, bytes_str("alice"),
				    &answer);
}

static void check_next(uint16_t reader, enum redis_event_kind kind)
{
	ck_assert(redis_readers_next(readers, reader, &event));
	ck_assert_int_eq(event.kind, kind);
}

static void check_empty(uint16_t reader)
{
	ck_assert(!redis_readers_next(readers, reader, &event));
}

START_TEST(in_order_and_to_whom_it_is_for)
{
	struct redis_answer answer = { .ticket = { 5, 6 },
				       .recheck = true,
				       .md5 = { .len = 2, .bytes = { 1, 2 } } };

	ck_assert(redis_readers_answer(readers, 1, 1, bytes_str("alice"),
				       &answer));
	redis_readers_changed(readers, 0, bytes_of(NULL, 0));
	redis_readers_flush(readers);
	ck_assert(put_answer(1, 9));

	check_next(1, REDIS_EVENT_ANSWER);
	ck_assert_uint_eq(event.realm, 1);
	ck_assert(bytes_equal(bytes_of(event.name, event.name_bytes),
			      bytes_str("alice")));
	ck_assert(event.answer.recheck && event.answer.ticket.index == 5 &&
		  event.answer.ticket.generation == 6);
	ck_assert(event.answer.md5.len == 2 && event.answer.md5.bytes[1] == 2);
	check_next(1, REDIS_EVENT_CHANGED);
	ck_assert(event.realm == 0 && event.name_bytes == 0);
	check_next(1, REDIS_EVENT_FLUSH);
	check_next(1, REDIS_EVENT_ANSWER);
	ck_assert_uint_eq(event.answer.ticket.index, 9);
	check_empty(1);
	for (uint16_t i = 0; i < WORKERS; i += 2) {
		check_next(i, REDIS_EVENT_CHANGED);
		check_next(i, REDIS_EVENT_FLUSH);
		check_empty(i);
	}
	check_empty(WORKERS);
}
END_TEST

START_TEST(woken_once)
{
	redis_readers_wake(readers);
	ck_assert(put_answer(1, 1) && put_answer(1, 2));
	redis_readers_wake(readers);
	redis_readers_wake(readers);
	ck_assert(woken[0] == 0 && woken[1] == 1 && woken[2] == 0);
	redis_readers_flush(readers);
	redis_readers_wake(readers);
	ck_assert(woken[0] == 1 && woken[1] == 2 && woken[2] == 1);
	ck_assert_uint_eq(woken[WORKERS], 0);
}
END_TEST

/* A CHANGED that finds no room is a flush later; and nothing overtakes it. */
START_TEST(a_full_ring)
{
	for (uint32_t i = 0; i < REDIS_READER_EVENTS; i++)
		ck_assert(put_answer(0, i));
	ck_assert(!put_answer(0, 1));
	redis_readers_changed(readers, 0, bytes_str("bob"));
	redis_readers_changed(readers, 0, bytes_str("carol"));
	redis_readers_wake(readers);
	check_next(0, REDIS_EVENT_ANSWER);
	check_next(0, REDIS_EVENT_ANSWER);
	/* There is room for two: the flush, and then one answer. */
	ck_assert(put_answer(0, 77));
	ck_assert(!put_answer(0, 78));
	for (uint32_t i = 2; i < REDIS_READER_EVENTS; i++) {
		check_next(0, REDIS_EVENT_ANSWER);
		ck_assert_uint_eq(event.answer.ticket.index, i);
	}
	check_next(0, REDIS_EVENT_FLUSH);
	check_next(0, REDIS_EVENT_ANSWER);
	ck_assert_uint_eq(event.answer.ticket.index, 77);
	check_empty(0);
	/* The others heard of each. */
	check_next(1, REDIS_EVENT_CHANGED);
	check_next(1, REDIS_EVENT_CHANGED);
	check_empty(1);
}
END_TEST

START_TEST(a_waiting_flush_goes_in_at_the_end_of_a_pass)
{
	for (uint32_t i = 0; i < REDIS_READER_EVENTS; i++)
		ck_assert(put_answer(2, i));
	redis_readers_flush(readers);
	redis_readers_wake(readers);
	woken[2] = 0;
	check_next(2, REDIS_EVENT_ANSWER);
	redis_readers_wake(readers);
	ck_assert_uint_eq(woken[2], 1);
	while (redis_readers_next(readers, 2, &event) &&
	       event.kind == REDIS_EVENT_ANSWER)
		continue;
	ck_assert_int_eq(event.kind, REDIS_EVENT_FLUSH);
	check_empty(2);
}
END_TEST

START_TEST(states_replace_each_other)
{
	struct redis_secrets secrets = { .count = 1 };
	struct redis_realm options = { .max_bps = { true, 5 } };

	redis_readers_set_secrets(readers, 1, &secrets);
	secrets.count = 2;
	redis_readers_set_secrets(readers, 1, &secrets);
	secrets.count = 3;
	redis_readers_set_secrets(readers, 0, &secrets);
	redis_readers_set_options(readers, 1, &options);
	options.max_bps.value = 6;
	redis_readers_set_options(readers, 1, &options);
	redis_readers_wake(readers);
	for (uint16_t i = 0; i < WORKERS; i++) {
		ck_assert_uint_eq(woken[i], 1);
		check_next(i, REDIS_EVENT_SECRETS);
		ck_assert(event.realm == 0 && event.secrets.count == 3);
		check_next(i, REDIS_EVENT_SECRETS);
		ck_assert(event.realm == 1 && event.secrets.count == 2);
		check_empty(i);
	}
	ck_assert_uint_eq(woken[WORKERS], 1);
	check_next(WORKERS, REDIS_EVENT_REALM);
	ck_assert(event.realm == 1 && event.options.max_bps.value == 6);
	check_empty(WORKERS);
}
END_TEST

START_TEST(no_memory)
{
	struct redis_readers *other = NULL;

	for (unsigned i = 1; i <= 1 + WORKERS; i++) {
		calls = 0;
		fail_at = i;
		ck_assert_int_eq(redis_readers_new(&other, WORKERS, 1, &hooks),
				 -ENOMEM);
		fail_at = 0;
		ck_assert_ptr_null(other);
	}
	redis_readers_free(NULL);
	/* What nobody took is freed, too. */
	ck_assert(put_answer(0, 1));
}
END_TEST

#define ROUNDS 20000

/* One reader among several threads: all in order, or a flush in their place. */
static void *read_all(void *arg)
{
	uint32_t *last = arg;
	bool flushed = false;
	struct redis_event e;

	while (*last < ROUNDS) {
		if (!redis_readers_next(readers, 0, &e)) {
			sched_yield();
			continue;
		}
		if (e.kind == REDIS_EVENT_FLUSH)
			flushed = true;
		if (e.kind != REDIS_EVENT_ANSWER)
			continue;
		if (e.answer.ticket.index != *last + 1 && !flushed)
			return arg;
		*last = e.answer.ticket.index;
		flushed = false;
	}
	return NULL;
}

START_TEST(two_threads)
{
	struct redis_secrets secrets = { 0 };
	pthread_t thread;
	uint32_t last = 0;
	void *wrong;

	ck_assert_int_eq(pthread_create(&thread, NULL, read_all, &last), 0);
	for (uint32_t i = 1; i <= ROUNDS; i++) {
		while (!put_answer(0, i))
			sched_yield();
		if (i % 100 == 0) {
			secrets.count = (uint8_t)(i / 100 % 16);
			redis_readers_set_secrets(readers, 0, &secrets);
			redis_readers_flush(readers);
		}
		redis_readers_wake(readers);
	}
	pthread_join(thread, &wrong);
	ck_assert_ptr_null(wrong);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("redis_readers");
	TCase *c = tcase_create("redis_readers");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, in_order_and_to_whom_it_is_for);
	tcase_add_test(c, woken_once);
	tcase_add_test(c, a_full_ring);
	tcase_add_test(c, a_waiting_flush_goes_in_at_the_end_of_a_pass);
	tcase_add_test(c, states_replace_each_other);
	tcase_add_test(c, no_memory);
	tcase_add_test(c, two_threads);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
