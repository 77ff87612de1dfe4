#include "unit.h"

#include <pthread.h>
#include <stdlib.h>

#include "worker/refusals.h"

#define THREADS 4
#define EACH 3000

static struct refusals *refusals;
static struct refusal out[REFUSALS_MAX + 1];

static void set_up(void)
{
	refusals = refusals_new();
	ck_assert_ptr_nonnull(refusals);
}

static void tear_down(void)
{
	refusals_free(refusals);
}

static void put(uint32_t n)
{
	struct refusal f = { .cause = REFUSAL_USER_QUOTA, .limit = n };

	refusals_put(refusals, &f);
}

START_TEST(none_yet)
{
	uint64_t total = 1;

	ck_assert_uint_eq(refusals_copy(refusals, out, 10, &total), 0);
	ck_assert_uint_eq(total, 0);
}
END_TEST

START_TEST(the_latest_comes_first)
{
	for (uint32_t n = 1; n <= 5; n++)
		put(n);
	ck_assert_uint_eq(refusals_copy(refusals, out, 10, NULL), 5);
	ck_assert_uint_eq(out[0].limit, 5);
	ck_assert_uint_eq(out[4].limit, 1);
	ck_assert_uint_eq(refusals_copy(refusals, out, 2, NULL), 2);
	ck_assert_uint_eq(out[1].limit, 4);
}
END_TEST

START_TEST(the_oldest_goes_first)
{
	uint64_t total;

	for (uint32_t n = 1; n <= REFUSALS_MAX + 7; n++)
		put(n);
	ck_assert_uint_eq(
		refusals_copy(refusals, out, REFUSALS_MAX + 1, &total),
		REFUSALS_MAX);
	ck_assert_uint_eq(total, REFUSALS_MAX + 7);
	ck_assert_uint_eq(out[0].limit, REFUSALS_MAX + 7);
	ck_assert_uint_eq(out[REFUSALS_MAX - 1].limit, 8);
}
END_TEST

static void *put_many(void *arg)
{
	(void)arg;
	for (uint32_t n = 0; n < EACH; n++)
		put(n);
	return NULL;
}

START_TEST(threads_lose_none)
{
	pthread_t threads[THREADS];
	uint64_t total;

	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(
			pthread_create(&threads[i], NULL, put_many, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	refusals_copy(refusals, out, 1, &total);
	ck_assert_uint_eq(total, THREADS * EACH);
}
END_TEST

START_TEST(nothing_may_be_freed)
{
	refusals_free(NULL);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("refusals");
	TCase *t = tcase_create("refusals");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, none_yet);
	tcase_add_test(t, the_latest_comes_first);
	tcase_add_test(t, the_oldest_goes_first);
	tcase_add_test(t, threads_lose_none);
	tcase_add_test(t, nothing_may_be_freed);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
