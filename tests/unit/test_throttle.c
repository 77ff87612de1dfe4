/* link: -Wl,--wrap=mmap */
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>

#include "turn/throttle.h"

#define NOW_MS UINT64_C(9000000)

void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);

static const struct hash_key key = { 7, 8 };
static bool mmap_fails;
static struct throttle throttle;
static struct addr host;

void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off)
{
	if (!mmap_fails)
		return __real_mmap(at, len, prot, flags, fd, off);
	errno = ENOMEM;
	return MAP_FAILED;
}

static void set_up(void)
{
	ck_assert_int_eq(throttle_init(&throttle, &key), 0);
	host = addr_ipv4(0xc0000201, 5000);
}

static void tear_down(void)
{
	throttle_fini(&throttle);
}

static bool is_shut(const char *user, uint64_t now_ms)
{
	return throttle_is_shut(&throttle, &host, bytes_str(user), true,
				now_ms);
}

static void be_wrong(const char *user, uint64_t now_ms)
{
	throttle_failed(&throttle, &host, bytes_str(user), true, now_ms);
}

/* One wrong password for each of so many names; returns how many were let
 * through to be wrong. */
static unsigned guess_names(unsigned names, uint64_t now_ms)
{
	unsigned through = 0;
	char name[16];

	for (unsigned i = 0; i < names; i++) {
		snprintf(name, sizeof(name), "user-%u", i);
		if (is_shut(name, now_ms))
			continue;
		through++;
		be_wrong(name, now_ms);
	}
	return through;
}

static unsigned guess(const char *user, unsigned times, uint64_t now_ms)
{
	unsigned through = 0;

	for (unsigned i = 0; i < times; i++) {
		if (is_shut(user, now_ms))
			continue;
		through++;
		be_wrong(user, now_ms);
	}
	return through;
}

START_TEST(out_of_memory)
{
	struct throttle none = { .full_ms = NULL };

	mmap_fails = true;
	ck_assert_int_eq(throttle_init(&none, &key), -ENOMEM);
	mmap_fails = false;
	throttle_fini(&none);
}
END_TEST

START_TEST(a_name_can_be_wrong_ten_times_and_then_once_a_second)
{
	ck_assert_uint_eq(guess("alice", 1000, NOW_MS), 10);
	ck_assert_uint_eq(guess("alice", 1000, NOW_MS + 999), 0);
	for (unsigned s = 1; s < 100; s++)
		ck_assert_uint_eq(guess("alice", 10, NOW_MS + 1000 * s), 1);
	ck_assert_uint_eq(guess("alice", 1000, NOW_MS + 109000), 10);
}
END_TEST

START_TEST(a_source_can_be_wrong_100_times_and_then_ten_times_a_second)
{
	ck_assert_uint_eq(guess_names(1000, NOW_MS), 100);
	ck_assert(is_shut("somebody else", NOW_MS + 99));
	ck_assert_uint_eq(guess_names(1000, NOW_MS + 100), 1);
	for (unsigned s = 1; s < 20; s++)
		ck_assert_uint_eq(guess_names(1000, NOW_MS + 100 + 1000 * s),
				  10);
	ck_assert_uint_eq(guess_names(1000, NOW_MS + 60000), 100);
}
END_TEST

/* U1 of the abuse tests: in a day of trying, no more than the rate allows. */
START_TEST(a_hundred_thousand_guesses)
{
	unsigned through = 0;

	for (unsigned i = 0; i < 100000; i++)
		through += guess("alice", 1, NOW_MS + i);
	ck_assert_uint_eq(through, 10 + 99);
	host = addr_ipv4(0xc0000202, 5000);
	ck_assert(!is_shut("alice", NOW_MS + 100000));
}
END_TEST

START_TEST(others_are_not_concerned)
{
	struct addr other = addr_ipv4(0xc0000202, 5000);

	guess("alice", 10, NOW_MS);
	ck_assert(is_shut("alice", NOW_MS));
	ck_assert(!is_shut("bob", NOW_MS));
	ck_assert(!is_shut("", NOW_MS));
	/* The port makes no other source; the address does. */
	host.port = 1;
	ck_assert(is_shut("alice", NOW_MS));
	ck_assert(!throttle_is_shut(&throttle, &other, bytes_str("alice"), true,
				    NOW_MS));
}
END_TEST

/* What a spoofed source does counts by itself. */
START_TEST(who_has_proven_nothing_locks_nobody_out)
{
	for (unsigned i = 0; i < 1000; i++)
		throttle_failed(&throttle, &host, bytes_str("alice"), false,
				NOW_MS);
	ck_assert(!is_shut("alice", NOW_MS));
	ck_assert(throttle_is_shut(&throttle, &host, bytes_str("alice"), false,
				   NOW_MS));
	ck_assert(throttle_is_shut(&throttle, &host, bytes_str("bob"), false,
				   NOW_MS));
}
END_TEST

/* What was in hand when the bucket became empty is paid for, up to a burst. */
START_TEST(nobody_is_shut_out_for_longer_than_11_seconds)
{
	for (unsigned i = 0; i < 100000; i++)
		be_wrong("alice", NOW_MS);
	ck_assert(is_shut("alice", NOW_MS + 10999));
	ck_assert(!is_shut("alice", NOW_MS + 11000));
	ck_assert(!is_shut("bob", NOW_MS + 11000));
}
END_TEST

START_TEST(what_fails_in_hand_is_owed)
{
	for (unsigned i = 0; i < 14; i++)
		be_wrong("alice", NOW_MS);
	ck_assert(is_shut("alice", NOW_MS + 4999));
	ck_assert(!is_shut("alice", NOW_MS + 5000));
}
END_TEST

START_TEST(an_ipv6_source_is_its_64_bits)
{
	static const uint8_t a[16] = { 0x20, 1, 0xd, 0xb8, [15] = 1 };
	static const uint8_t b[16] = { 0x20, 1, 0xd, 0xb8, [8] = 1 };
	static const uint8_t c[16] = { 0x20, 1, 0xd, 0xb8, [7] = 1 };

	host = addr_ipv6(a, 1);
	guess("alice", 10, NOW_MS);
	host = addr_ipv6(b, 1);
	ck_assert(is_shut("alice", NOW_MS));
	host = addr_ipv6(c, 1);
	ck_assert(!is_shut("alice", NOW_MS));
}
END_TEST

/*
 * 100 guessers from 100 addresses, each at full rate with ten names, shut out
 * hardly anybody else: both places of a bucket must be shared for that.
 */
START_TEST(collisions_are_rare)
{
	unsigned shut = 0;
	char name[16];

	for (unsigned i = 0; i < 100; i++) {
		host = addr_ipv4(0x0b000000 + i, 1);
		for (unsigned j = 0; j < 10; j++) {
			snprintf(name, sizeof(name), "user-%u", j);
			guess(name, 10, NOW_MS);
		}
	}
	for (unsigned i = 0; i < 20000; i++) {
		host = addr_ipv4(0x0c000000 + i, 1);
		shut += is_shut("alice", NOW_MS);
	}
	/* (1100 / 16384) squared for a name, and again for the source. */
	ck_assert_uint_le(shut, 20000 / 50);
}
END_TEST

#define THREADS 4
#define TRIES 20000

struct task {
	pthread_t thread;
	unsigned through;
};

static void *guess_on(void *arg)
{
	struct task *task = arg;

	task->through = guess("alice", TRIES, NOW_MS);
	return NULL;
}

/* Each worker has at most one request in hand that the others do not know. */
START_TEST(workers_at_the_same_time_keep_it_together)
{
	struct task tasks[THREADS];
	unsigned through = 0;

	for (unsigned i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&tasks[i].thread, NULL,
						guess_on, &tasks[i]),
				 0);
	for (unsigned i = 0; i < THREADS; i++) {
		ck_assert_int_eq(pthread_join(tasks[i].thread, NULL), 0);
		through += tasks[i].through;
	}
	ck_assert_uint_ge(through, 10);
	ck_assert_uint_le(through, 10 + THREADS - 1);
	/* And no failure was lost to a race. */
	ck_assert(is_shut("alice", NOW_MS + 1000 * (through - 9) - 1));
	ck_assert(!is_shut("alice", NOW_MS + 1000 * (through - 9)));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("throttle");
	TCase *t = tcase_create("throttle");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, out_of_memory);
	tcase_add_test(t, a_name_can_be_wrong_ten_times_and_then_once_a_second);
	tcase_add_test(
		t, a_source_can_be_wrong_100_times_and_then_ten_times_a_second);
	tcase_add_test(t, a_hundred_thousand_guesses);
	tcase_add_test(t, others_are_not_concerned);
	tcase_add_test(t, who_has_proven_nothing_locks_nobody_out);
	tcase_add_test(t, nobody_is_shut_out_for_longer_than_11_seconds);
	tcase_add_test(t, what_fails_in_hand_is_owed);
	tcase_add_test(t, an_ipv6_source_is_its_64_bits);
	tcase_add_test(t, collisions_are_rare);
	tcase_add_test(t, workers_at_the_same_time_keep_it_together);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
