#include "unit.h"

#include <pthread.h>

#include "turn/log_gate.h"

#define NOW_MS UINT64_C(5000000)

static struct log_gate gate;
static uint32_t held;

static void set_up(void)
{
	static const struct hash_key key = { 3, 4 };

	log_gate_init(&gate, &key);
	held = 99;
}

static bool pass(const char *subject, uint64_t now_ms)
{
	return log_gate_pass(&gate, bytes_str(subject), now_ms, &held);
}

START_TEST(the_first_line_passes_even_at_time_0)
{
	ck_assert(pass("a", 0));
	ck_assert_uint_eq(held, 0);
}
END_TEST

START_TEST(one_line_an_interval)
{
	ck_assert(pass("a", NOW_MS));
	ck_assert(!pass("a", NOW_MS));
	ck_assert(!pass("a", NOW_MS + LOG_GATE_INTERVAL_MS - 1));
	ck_assert(pass("a", NOW_MS + LOG_GATE_INTERVAL_MS));
	ck_assert(!pass("a", NOW_MS + LOG_GATE_INTERVAL_MS + 1));
}
END_TEST

START_TEST(the_next_line_tells_how_many_were_held_back)
{
	ck_assert(pass("a", NOW_MS));
	for (unsigned i = 0; i < 7; i++)
		ck_assert(!pass("a", NOW_MS + i));
	ck_assert_uint_eq(held, 0); /* untouched by those held back */
	ck_assert(pass("a", NOW_MS + 2 * LOG_GATE_INTERVAL_MS));
	ck_assert_uint_eq(held, 7);
	ck_assert(pass("a", NOW_MS + 3 * LOG_GATE_INTERVAL_MS));
	ck_assert_uint_eq(held, 0);
}
END_TEST

START_TEST(subjects_do_not_silence_each_other)
{
	ck_assert(pass("a", NOW_MS));
	ck_assert(pass("b", NOW_MS));
	ck_assert(!pass("a", NOW_MS));
	ck_assert(!pass("b", NOW_MS));
}
END_TEST

/* However many subjects there are, at most one line a slot and interval. */
START_TEST(a_flood_of_subjects_is_bounded)
{
	unsigned passed = 0;

	for (uint32_t i = 0; i < 100 * LOG_GATE_SLOTS; i++)
		passed += log_gate_pass(&gate, bytes_of(&i, sizeof(i)), NOW_MS,
					&held);
	ck_assert_uint_le(passed, LOG_GATE_SLOTS);
	ck_assert_uint_gt(passed, LOG_GATE_SLOTS / 2);
}
END_TEST

#define THREADS 4
#define SUBJECTS 5000

/* One thread's share: it asks for each subject once. */
struct task {
	pthread_t thread;
	uint64_t now_ms;
	uint64_t passed;
	uint64_t held_before; /* as it was told */
};

static void *ask_for_all(void *arg)
{
	struct task *task = arg;

	for (uint32_t i = 0; i < SUBJECTS; i++) {
		uint32_t before;

		if (!log_gate_pass(&gate, bytes_of(&i, sizeof(i)), task->now_ms,
				   &before))
			continue;
		task->passed++;
		task->held_before += before;
	}
	return NULL;
}

/* "Of several threads that ask at the same time one passes", and each that
 * does not is counted. */
START_TEST(threads_pass_as_often_as_one_would)
{
	struct task alone = { .now_ms = NOW_MS }, tasks[THREADS];
	uint64_t passed = 0, counted;

	ask_for_all(&alone);
	counted = alone.passed + alone.held_before;
	for (unsigned i = 0; i < THREADS; i++) {
		tasks[i] = (struct task){ .now_ms = NOW_MS +
						    LOG_GATE_INTERVAL_MS };
		ck_assert_int_eq(pthread_create(&tasks[i].thread, NULL,
						ask_for_all, &tasks[i]),
				 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		ck_assert_int_eq(pthread_join(tasks[i].thread, NULL), 0);
		passed += tasks[i].passed;
		counted += tasks[i].passed + tasks[i].held_before;
	}
	ck_assert_uint_eq(passed, alone.passed);
	for (unsigned i = 0; i < LOG_GATE_SLOTS; i++)
		counted += atomic_load(&gate.slots[i].held);
	ck_assert_uint_eq(counted, (THREADS + 1) * SUBJECTS);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("log_gate");
	TCase *t = tcase_create("log_gate");

	tcase_add_checked_fixture(t, set_up, NULL);
	tcase_add_test(t, the_first_line_passes_even_at_time_0);
	tcase_add_test(t, one_line_an_interval);
	tcase_add_test(t, the_next_line_tells_how_many_were_held_back);
	tcase_add_test(t, subjects_do_not_silence_each_other);
	tcase_add_test(t, a_flood_of_subjects_is_bounded);
	tcase_add_test(t, threads_pass_as_often_as_one_would);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
