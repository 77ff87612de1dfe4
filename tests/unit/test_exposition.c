/* link: -Wl,--wrap=evbuffer_add */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "ctl/exposition.h"

static struct exposition x;
static int until_failure; /* of evbuffer_add(); 0: never */

int __real_evbuffer_add(struct evbuffer *b, const void *data, size_t len);
int __wrap_evbuffer_add(struct evbuffer *b, const void *data, size_t len);
int __wrap_evbuffer_add(struct evbuffer *b, const void *data, size_t len)
{
	if (until_failure == 1)
		return -1;
	if (until_failure > 0)
		until_failure--;
	return __real_evbuffer_add(b, data, len);
}

static void set_up(void)
{
	x = (struct exposition){ .out = evbuffer_new() };
	ck_assert_ptr_nonnull(x.out);
	until_failure = 0;
}

static void tear_down(void)
{
	evbuffer_free(x.out);
}

/* What was written since the last time. */
static const char *written(void)
{
	static char text[8192];
	size_t len = evbuffer_get_length(x.out);

	ck_assert_uint_lt(len, sizeof(text));
	ck_assert_int_eq(evbuffer_remove(x.out, text, sizeof(text)), (int)len);
	text[len] = '\0';
	return text;
}

START_TEST(a_counter)
{
	const struct label labels[] = { { "a", "1" }, { "b", "two" } };

	exposition_family(&x, EXPOSITION_COUNTER, "x_bytes", "Some.");
	exposition_add(&x, UINT64_MAX, 2, labels);
	exposition_add(&x, 0, 0, NULL);
	ck_assert_str_eq(written(), "# HELP x_bytes_total Some.\n"
				    "# TYPE x_bytes_total counter\n"
				    "x_bytes_total{a=\"1\",b=\"two\"} "
				    "18446744073709551615\n"
				    "x_bytes_total 0\n");
	x.openmetrics = true;
	exposition_family(&x, EXPOSITION_COUNTER, "x_bytes", "Some.");
	exposition_add(&x, 1, 1, labels);
	ck_assert_str_eq(written(), "# HELP x_bytes Some.\n"
				    "# TYPE x_bytes counter\n"
				    "# UNIT x_bytes bytes\n"
				    "x_bytes_total{a=\"1\"} 1\n");
}
END_TEST

START_TEST(a_counter_of_somebody_elses_name)
{
	exposition_family(&x, EXPOSITION_BARE_COUNTER, "x", "Some.");
	exposition_add(&x, 5, 0, NULL);
	ck_assert_str_eq(written(), "# HELP x Some.\n# TYPE x counter\nx 5\n");
}
END_TEST

START_TEST(a_gauge)
{
	exposition_family(&x, EXPOSITION_GAUGE, "x", "Some.");
	exposition_add(&x, 5, 0, NULL);
	ck_assert_str_eq(written(), "# HELP x Some.\n# TYPE x gauge\nx 5\n");
	x.openmetrics = true;
	exposition_family(&x, EXPOSITION_GAUGE, "x", "Some.");
	ck_assert_str_eq(written(), "# HELP x Some.\n# TYPE x gauge\n");
}
END_TEST

START_TEST(an_info)
{
	const struct label label = { "version", "1" };

	exposition_family(&x, EXPOSITION_INFO, "x", "Some.");
	exposition_add(&x, 1, 1, &label);
	ck_assert_str_eq(written(), "# HELP x_info Some.\n"
				    "# TYPE x_info gauge\n"
				    "x_info{version=\"1\"} 1\n");
	x.openmetrics = true;
	exposition_family(&x, EXPOSITION_INFO, "x", "Some.");
	exposition_add(&x, 1, 1, &label);
	ck_assert_str_eq(written(), "# HELP x Some.\n# TYPE x info\n"
				    "x_info{version=\"1\"} 1\n");
}
END_TEST

START_TEST(a_time_is_told_to_the_nanosecond)
{
	exposition_family(&x, EXPOSITION_GAUGE, "x_seconds", "Some.");
	exposition_add_ns(&x, UINT64_C(1700000000000000001));
	exposition_add_ns(&x, 5);
	ck_assert_ptr_nonnull(strstr(written(),
				     "\nx_seconds 1700000000.000000001\n"
				     "x_seconds 0.000000005\n"));
}
END_TEST

START_TEST(a_histogram_is_cumulated)
{
	uint64_t buckets[HISTOGRAM_BOUNDS + 1] = { 1, 2 };
	const char *text;

	buckets[HISTOGRAM_BOUNDS] = 4;
	exposition_family(&x, EXPOSITION_HISTOGRAM, "x_seconds", "Some.");
	exposition_add_histogram(&x, buckets, 1500000000);
	text = written();
	ck_assert_ptr_nonnull(strstr(text,
				     "# TYPE x_seconds histogram\n"
				     "x_seconds_bucket{le=\"2.5e-05\"} 1\n"
				     "x_seconds_bucket{le=\"5e-05\"} 3\n"
				     "x_seconds_bucket{le=\"0.0001\"} 3\n"));
	ck_assert_ptr_nonnull(strstr(text, "{le=\"10.0\"} 3\n"
					   "x_seconds_bucket{le=\"+Inf\"} 7\n"
					   "x_seconds_sum 1.500000000\n"
					   "x_seconds_count 7\n"));
}
END_TEST

/* The labels say what the bounds are. */
START_TEST(each_bound_has_its_label)
{
	const uint64_t buckets[HISTOGRAM_BOUNDS + 1] = { 0 };
	const char *at;

	exposition_family(&x, EXPOSITION_HISTOGRAM, "x_seconds", "Some.");
	exposition_add_histogram(&x, buckets, 0);
	at = written();
	for (unsigned i = 0; i < HISTOGRAM_BOUNDS; i++) {
		at = strstr(at, "le=\"") + 4;
		ck_assert_double_eq_tol(strtod(at, NULL),
					(double)histogram_bounds_ns[i] / 1e9,
					1e-12);
	}
}
END_TEST

/* Realms may be called anything. */
START_TEST(a_label_may_be_any_text)
{
	const struct label label = { "realm", "a\\b\"c\nd\te\xc3\xa9\\" };
	const struct label empty = { "realm", "" };

	exposition_family(&x, EXPOSITION_GAUGE, "x", "Some.");
	written();
	exposition_add(&x, 1, 1, &label);
	ck_assert_str_eq(written(), "x{realm=\"a\\\\b\\\"c\\nd\te\xc3\xa9\\\\"
				    "\"} 1\n");
	exposition_add(&x, 1, 1, &empty);
	ck_assert_str_eq(written(), "x{realm=\"\"} 1\n");
}
END_TEST

START_TEST(the_end)
{
	ck_assert_int_eq(exposition_end(&x), 0);
	ck_assert_str_eq(written(), "");
	x.openmetrics = true;
	ck_assert_int_eq(exposition_end(&x), 0);
	ck_assert_str_eq(written(), "# EOF\n");
}
END_TEST

START_TEST(memory_that_is_short_is_told_at_the_end)
{
	until_failure = 9;
	exposition_family(&x, EXPOSITION_GAUGE, "x", "Some.");
	exposition_add(&x, 1, 0, NULL);
	until_failure = 0;
	ck_assert_int_eq(exposition_end(&x), -ENOMEM);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("exposition");
	TCase *t = tcase_create("exposition");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_counter);
	tcase_add_test(t, a_counter_of_somebody_elses_name);
	tcase_add_test(t, a_gauge);
	tcase_add_test(t, an_info);
	tcase_add_test(t, a_time_is_told_to_the_nanosecond);
	tcase_add_test(t, a_histogram_is_cumulated);
	tcase_add_test(t, each_bound_has_its_label);
	tcase_add_test(t, a_label_may_be_any_text);
	tcase_add_test(t, the_end);
	tcase_add_test(t, memory_that_is_short_is_told_at_the_end);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
