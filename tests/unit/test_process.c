#include "unit.h"

#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "worker/process.h"

static struct metrics_process before, after;

START_TEST(it_started_lately_and_is_of_some_size)
{
	process_measure(&before);
	ck_assert_uint_gt(before.start_time_ns / 1000000000,
			  (uint64_t)time(NULL) - 3600);
	ck_assert_uint_le(before.start_time_ns / 1000000000,
			  (uint64_t)time(NULL));
	ck_assert_uint_gt(before.resident_bytes, 100000);
	ck_assert_uint_gt(before.virtual_bytes, before.resident_bytes);
}
END_TEST

/* Even one that looks like the end of it. */
START_TEST(its_name_may_be_anything)
{
	process_measure(&before);
	ck_assert_int_eq(prctl(PR_SET_NAME, "a) R 1 (b", 0, 0, 0), 0);
	process_measure(&after);
	/* But for the time between two looks at two clocks. */
	ck_assert_int_lt(llabs((long long)after.start_time_ns -
			       (long long)before.start_time_ns),
			 1000000000);
	ck_assert_uint_gt(after.resident_bytes, 100000);
}
END_TEST

START_TEST(work_costs_time)
{
	process_measure(&before);
	do
		process_measure(&after);
	while (after.cpu_ns - before.cpu_ns < 2000000);
	ck_assert_uint_gt(after.cpu_ns, before.cpu_ns);
}
END_TEST

/* Before Linux 6.2 the kernel does not tell. */
START_TEST(descriptors_are_counted)
{
	const struct rlimit limit = { 100, 100 };
	int fds[5];

	process_measure(&before);
	for (unsigned i = 0; i < 5; i++)
		fds[i] = open("/dev/null", O_RDONLY);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	process_measure(&after);
	if (before.open_fds)
		ck_assert_uint_eq(after.open_fds, before.open_fds + 5);
	ck_assert_uint_eq(after.max_fds, 100);
	for (unsigned i = 0; i < 5; i++)
		close(fds[i]);
}
END_TEST

START_TEST(what_cannot_be_read_is_0)
{
	const struct rlimit none = { 0, 100 }, some = { 100, 100 };

	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	memset(&after, 0xff, sizeof(after));
	process_measure(&after);
	/* What looks for leaks at the end reads files, too. */
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &some), 0);
	ck_assert_uint_eq(after.start_time_ns, 0);
	ck_assert_uint_eq(after.resident_bytes, 0);
	ck_assert_uint_eq(after.virtual_bytes, 0);
	ck_assert_uint_gt(after.cpu_ns, 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("process");
	TCase *t = tcase_create("process");

	tcase_add_test(t, it_started_lately_and_is_of_some_size);
	tcase_add_test(t, its_name_may_be_anything);
	tcase_add_test(t, work_costs_time);
	tcase_add_test(t, descriptors_are_counted);
	tcase_add_test(t, what_cannot_be_read_is_0);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
