#include "unit.h"

#include <pthread.h>

#include "turn/bucket.h"

#define NOW_MS UINT64_C(1234567)

static const struct bucket_rate slow = { 1000, 5000 };
static uint64_t used;
static _Atomic uint64_t shared;

static void set_up(void)
{
	used = 0;
	atomic_store(&shared, 0);
}

static bool take(uint64_t now_ms, uint64_t n)
{
	return bucket_take(&used, &slow, now_ms, n);
}

static uint64_t draw(uint64_t now_ms, uint64_t at_least, uint64_t at_most)
{
	return bucket_draw(&shared, &slow, now_ms, at_least, at_most);
}

/* Also at the very beginning of time. */
START_TEST(zeroed_it_is_full)
{
	ck_assert(!take(0, 5001));
	ck_assert(take(0, 5000));
	ck_assert(!take(0, 1));
	used = 0;
	ck_assert(!take(NOW_MS, 5001));
	ck_assert(take(NOW_MS, 5000));
	ck_assert(!take(NOW_MS, 1));
}
END_TEST

START_TEST(what_does_not_fit_takes_nothing)
{
	ck_assert(take(NOW_MS, 4000));
	ck_assert(!take(NOW_MS, 1001));
	ck_assert(take(NOW_MS, 1000));
}
END_TEST

/* A millisecond brings one of 1,000 a second, no sooner and no later. */
START_TEST(it_fills_at_its_rate)
{
	ck_assert(take(NOW_MS, 5000));
	for (uint64_t ms = 1; ms <= 100; ms++) {
		ck_assert(take(NOW_MS + ms, 1));
		ck_assert(!take(NOW_MS + ms, 1));
	}
}
END_TEST

START_TEST(it_holds_no_more_than_its_burst)
{
	ck_assert(take(NOW_MS, 5000));
	ck_assert(!take(NOW_MS + 3600000, 5001));
	ck_assert(take(NOW_MS + 3600000, 5000));
	ck_assert(!take(NOW_MS + 3600000, 1));
}
END_TEST

/* Slower than its clock: 3 a second, one in 333 or 334 ms; none is lost. */
START_TEST(nothing_is_rounded_away)
{
	static const struct bucket_rate three = { 3, 1 };
	unsigned taken = 0;

	for (uint64_t ms = 0; ms < 100000; ms++)
		taken += bucket_take(&used, &three, NOW_MS + ms, 1);
	ck_assert_uint_ge(taken, 300);
	ck_assert_uint_le(taken, 301);
}
END_TEST

START_TEST(without_a_rate_it_is_never_filled_again)
{
	static const struct bucket_rate once = { 0, 2 };

	ck_assert(bucket_take(&used, &once, NOW_MS, 2));
	ck_assert(!bucket_take(&used, &once, NOW_MS + 86400000, 1));
}
END_TEST

/* 100 Gbit/s after 40 years, where a product of the two would overflow. */
START_TEST(the_largest_rate_does_not_overflow)
{
	static const struct bucket_rate most = {
		BUCKET_RATE_MAX, BUCKET_RATE_MAX * BUCKET_BURST_MAX_S
	};
	const uint64_t late_ms = UINT64_C(40) * 365 * 86400 * 1000 + 1;

	ck_assert(bucket_take(&used, &most, late_ms, most.burst));
	ck_assert(!bucket_take(&used, &most, late_ms, 1));
	ck_assert(bucket_take(&used, &most, late_ms + 1, most.per_s / 1000));
	ck_assert(!bucket_take(&used, &most, late_ms + 1, 1));
	ck_assert_uint_eq(bucket_draw(&shared, &most, late_ms, 1, most.burst),
			  most.burst);
	ck_assert_uint_eq(bucket_draw(&shared, &most, late_ms, 1, 1), 0);
}
END_TEST

/*
 * A position of a faster rate: not waited for until the slower one is there,
 * and no new burst either.
 */
START_TEST(a_lowered_rate_begins_with_an_empty_bucket)
{
	static const struct bucket_rate fast = { 1000000, 10000 };

	ck_assert(bucket_take(&used, &fast, NOW_MS, 10000));
	ck_assert(!take(NOW_MS, 1));
	ck_assert(take(NOW_MS + 10, 10));
	ck_assert(!take(NOW_MS + 10, 1));
	ck_assert_uint_eq(bucket_draw(&shared, &fast, NOW_MS, 10000, 10000),
			  10000);
	ck_assert_uint_eq(draw(NOW_MS, 1, 1), 0);
	ck_assert_uint_eq(draw(NOW_MS + 10, 1, 100), 10);
}
END_TEST

/* A raised rate is one more burst, and then the rate. */
START_TEST(a_raised_rate_begins_with_a_full_bucket)
{
	static const struct bucket_rate fast = { 1000000, 10000 };

	ck_assert(take(NOW_MS, 5000));
	ck_assert(bucket_take(&used, &fast, NOW_MS, 10000));
	ck_assert(!bucket_take(&used, &fast, NOW_MS, 1));
}
END_TEST

START_TEST(a_draw_is_all_there_is_within_its_bounds)
{
	ck_assert_uint_eq(draw(NOW_MS, 1, 3000), 3000);
	ck_assert_uint_eq(draw(NOW_MS, 2001, 3000), 0);
	ck_assert_uint_eq(draw(NOW_MS, 1500, 3000), 2000);
	ck_assert_uint_eq(draw(NOW_MS, 1, 3000), 0);
	ck_assert_uint_eq(draw(NOW_MS + 7, 1, 3000), 7);
}
END_TEST

/* Who read its clock earlier finds nothing, and spoils nothing. */
START_TEST(a_clock_that_is_behind)
{
	ck_assert_uint_eq(draw(NOW_MS + 500, 5000, 5000), 5000);
	ck_assert_uint_eq(draw(NOW_MS, 1, 5000), 0);
	ck_assert_uint_eq(draw(NOW_MS + 500, 1, 5000), 0);
	ck_assert_uint_eq(draw(NOW_MS + 600, 1, 5000), 100);
	used = atomic_load(&shared);
	ck_assert(!take(NOW_MS, 1));
	ck_assert(!take(NOW_MS + 600, 1));
}
END_TEST

/* As a leaky bucket sees it: what has run in less what has leaked out. */
static void keeps_within(const struct bucket_rate *rate, uint64_t *state,
			 unsigned steps)
{
	double level = 0, refused_above;
	uint64_t at_ms = NOW_MS;

	used = 0;
	for (unsigned i = 0; i < steps; i++) {
		uint64_t gap_ms = unit_random(state) % 40;
		uint64_t n = 1 + unit_random(state) % 2000;

		if (unit_random(state) % 50 == 0)
			gap_ms = unit_random(state) % 20000;
		at_ms += gap_ms;
		level -= (double)rate->per_s * (double)gap_ms / 1000;
		if (level < 0)
			level = 0;
		refused_above = (double)rate->burst - (double)n;
		if (bucket_take(&used, rate, at_ms, n)) {
			level += (double)n;
			ck_assert(level <= (double)rate->burst + 1);
		} else {
			ck_assert(level > refused_above - 1);
		}
	}
}

/* Never more than rate and burst allow, and never refused below that. */
START_TEST(the_bound_holds_whatever_comes)
{
	uint64_t state = 1;

	for (unsigned i = 0; i < 200; i++) {
		struct bucket_rate rate = {
			.per_s = unit_random(&state) % 200000,
			.burst = 2000 + unit_random(&state) % 100000,
		};

		keeps_within(&rate, &state, 2000);
	}
}
END_TEST

static _Atomic uint64_t drawn, ticks;

static const struct bucket_rate fast = { 1000000, 5000 };

/*
 * The clock goes on while a thread is held up; all of it takes less than the
 * second that clocks may differ by.
 */
static void *draw_all(void *arg)
{
	uint64_t state = (uint64_t)(uintptr_t)arg, ms;

	while ((ms = atomic_fetch_add(&ticks, 1) / 100) <= 900) {
		uint64_t least = 1 + unit_random(&state) % 100;

		atomic_fetch_add(&drawn,
				 bucket_draw(&shared, &fast, NOW_MS + ms, least,
					     least + 50));
	}
	return NULL;
}

/* Four threads at once take what one could. */
START_TEST(threads_together_keep_to_the_rate)
{
	pthread_t threads[4];

	atomic_store(&drawn, 0);
	atomic_store(&ticks, 0);
	for (uintptr_t i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, draw_all,
						(void *)(i + 1)),
				 0);
	for (unsigned i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_le(atomic_load(&drawn), 5000 + 900000);
	ck_assert_uint_ge(atomic_load(&drawn), 900000);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("bucket");
	TCase *t = tcase_create("bucket");

	tcase_add_checked_fixture(t, set_up, NULL);
	tcase_add_test(t, zeroed_it_is_full);
	tcase_add_test(t, what_does_not_fit_takes_nothing);
	tcase_add_test(t, it_fills_at_its_rate);
	tcase_add_test(t, it_holds_no_more_than_its_burst);
	tcase_add_test(t, nothing_is_rounded_away);
	tcase_add_test(t, without_a_rate_it_is_never_filled_again);
	tcase_add_test(t, the_largest_rate_does_not_overflow);
	tcase_add_test(t, a_lowered_rate_begins_with_an_empty_bucket);
	tcase_add_test(t, a_raised_rate_begins_with_a_full_bucket);
	tcase_add_test(t, a_draw_is_all_there_is_within_its_bounds);
	tcase_add_test(t, a_clock_that_is_behind);
	tcase_add_test(t, the_bound_holds_whatever_comes);
	tcase_add_test(t, threads_together_keep_to_the_rate);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
