#include "unit.h"

#include "base/histogram.h"

static struct histogram h;

START_TEST(each_bound_is_in_its_bucket)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < HISTOGRAM_BOUNDS; i++) {
		histogram_add(&h, histogram_bounds_ns[i]);
		sum += histogram_bounds_ns[i];
		ck_assert_uint_eq(counter_get(&h.buckets[i]), 1);
		histogram_add(&h, histogram_bounds_ns[i] + 1);
		sum += histogram_bounds_ns[i] + 1;
		ck_assert_uint_eq(counter_get(&h.buckets[i + 1]), 1);
		ck_assert_uint_eq(histogram_count(&h), 2);
		ck_assert_uint_eq(counter_get(&h.sum_ns), sum);
		h = (struct histogram){ .sum_ns = sum };
	}
}
END_TEST

START_TEST(nothing_and_for_ever_have_a_bucket)
{
	histogram_add(&h, 0);
	histogram_add(&h, UINT64_MAX);
	ck_assert_uint_eq(counter_get(&h.buckets[0]), 1);
	ck_assert_uint_eq(counter_get(&h.buckets[HISTOGRAM_BOUNDS]), 1);
}
END_TEST

START_TEST(bounds_rise)
{
	for (unsigned i = 1; i < HISTOGRAM_BOUNDS; i++)
		ck_assert_uint_gt(histogram_bounds_ns[i],
				  histogram_bounds_ns[i - 1]);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("histogram");
	TCase *t = tcase_create("histogram");

	tcase_add_test(t, each_bound_is_in_its_bucket);
	tcase_add_test(t, nothing_and_for_ever_have_a_bucket);
	tcase_add_test(t, bounds_rise);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
