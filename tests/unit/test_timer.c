#include "unit.h"

#include <stddef.h>
#include <string.h>

#include "base/timer.h"

#define START_MS 1000000
#define HOUR_MS (3600 * 1000)
#define REVOLUTION_MS (TIMER_TICK_MS * TIMER_SLOTS)
#define RECORDS 200

struct record {
	struct timer_link timer;
	struct timer_link other_timer;
};

static struct pool pool;
static struct timer_wheel wheel;

static void set_up(void)
{
	ck_assert_int_eq(
		pool_init(&pool, sizeof(struct record), RECORDS, false), 0);
	for (uint32_t i = 0; i < RECORDS; i++)
		pool_take(&pool);
	timer_wheel_init(&wheel, &pool, offsetof(struct record, timer),
			 START_MS);
}

static void tear_down(void)
{
	pool_fini(&pool);
}

START_TEST(nothing_armed_nothing_due)
{
	ck_assert_uint_eq(timer_next_ms(&wheel), UINT64_MAX);
	ck_assert_uint_eq(timer_pop(&wheel, START_MS), POOL_NONE);
	ck_assert_uint_eq(timer_pop(&wheel, START_MS + HOUR_MS), POOL_NONE);
	ck_assert_uint_eq(timer_pop(&wheel, UINT64_MAX), POOL_NONE);
}
END_TEST

/* From now to many revolutions ahead, on and around tick borders. */
static const uint64_t delays_ms[] = {
	1,
	TIMER_TICK_MS - 1,
	TIMER_TICK_MS,
	TIMER_TICK_MS + 1,
	5000,
	REVOLUTION_MS - TIMER_TICK_MS,
	REVOLUTION_MS - 1,
	REVOLUTION_MS,
	REVOLUTION_MS + 1,
	600 * 1000,
	24 * HOUR_MS,
};

START_TEST(fires_once_not_early_and_at_most_a_tick_late)
{
	uint64_t due_ms = START_MS + delays_ms[_i];
	uint64_t now_ms = START_MS;

	timer_arm(&wheel, 7, due_ms);
	while (timer_pop(&wheel, now_ms) == POOL_NONE) {
		ck_assert_uint_lt(now_ms, due_ms + TIMER_TICK_MS);
		now_ms++;
		/* Milliseconds near the border, ticks further away. */
		if (now_ms + 2 * TIMER_TICK_MS < due_ms)
			now_ms += TIMER_TICK_MS - 1;
	}
	ck_assert_uint_ge(now_ms, due_ms);
	ck_assert_uint_eq(timer_pop(&wheel, now_ms + HOUR_MS), POOL_NONE);
	ck_assert_uint_eq(wheel.count, 0);
}
END_TEST

START_TEST(fires_at_once_after_a_jump)
{
	timer_arm(&wheel, 7, START_MS + delays_ms[_i]);
	ck_assert_uint_eq(timer_pop(&wheel, START_MS + 48 * HOUR_MS), 7);
	ck_assert_uint_eq(timer_pop(&wheel, START_MS + 48 * HOUR_MS),
			  POOL_NONE);
}
END_TEST

/* next_ms leads from call to call to the right moment. */
START_TEST(next_ms_is_never_too_late)
{
	uint64_t due_ms = START_MS + delays_ms[_i];
	uint64_t now_ms = START_MS;

	timer_arm(&wheel, 7, due_ms);
	while (timer_pop(&wheel, now_ms) == POOL_NONE) {
		uint64_t next_ms = timer_next_ms(&wheel);

		ck_assert_uint_gt(next_ms, now_ms);
		ck_assert_uint_le(next_ms, due_ms + TIMER_TICK_MS);
		now_ms = next_ms;
	}
	ck_assert_uint_ge(now_ms, due_ms);
	ck_assert_uint_lt(now_ms, due_ms + TIMER_TICK_MS);
	ck_assert_uint_eq(timer_next_ms(&wheel), UINT64_MAX);
}
END_TEST

START_TEST(a_past_time_is_due_at_once)
{
	timer_pop(&wheel, START_MS + HOUR_MS);
	timer_arm(&wheel, 1, 1);
	timer_arm(&wheel, 2, START_MS);
	timer_arm(&wheel, 3, START_MS + HOUR_MS - TIMER_TICK_MS);
	ck_assert_uint_le(timer_next_ms(&wheel), START_MS + HOUR_MS);
	for (int i = 0; i < 3; i++)
		ck_assert_uint_ne(timer_pop(&wheel, START_MS + HOUR_MS),
				  POOL_NONE);
	ck_assert_uint_eq(timer_pop(&wheel, START_MS + HOUR_MS), POOL_NONE);
}
END_TEST

START_TEST(the_last_arming_counts)
{
	timer_arm(&wheel, 1, START_MS + 1000);
	timer_arm(&wheel, 1, START_MS + 5000);
	ck_assert_uint_eq(wheel.count, 1);
	ck_assert_uint_eq(timer_pop(&wheel, START_MS + 4999), POOL_NONE);
	timer_arm(&wheel, 1, START_MS + 4000); /* to the past */
	timer_arm(&wheel, 1, START_MS + 9000); /* and away from it */
	ck_assert_uint_eq(timer_pop(&wheel, START_MS + 8999), POOL_NONE);
	timer_arm(&wheel, 1, START_MS + 6000);
	ck_assert_uint_eq(timer_pop(&wheel, START_MS + 8999), 1);
	ck_assert_uint_eq(wheel.count, 0);
}
END_TEST

START_TEST(disarmed_does_not_fire)
{
	timer_disarm(&wheel, 1);
	timer_arm(&wheel, 1, START_MS + 1000);
	timer_disarm(&wheel, 1);
	timer_disarm(&wheel, 1);
	ck_assert_uint_eq(wheel.count, 0);
	ck_assert_uint_eq(timer_next_ms(&wheel), UINT64_MAX);
	ck_assert_uint_eq(timer_pop(&wheel, START_MS + HOUR_MS), POOL_NONE);
}
END_TEST

/* First, middle and last of a list, in a slot and among the due ones. */
START_TEST(disarmed_anywhere_in_a_list)
{
	uint64_t due_ms = _i < 3 ? START_MS + 1000 : START_MS - 1000;
	uint32_t gone = (uint32_t)_i % 3;
	uint32_t fired = 0;

	for (uint32_t i = 0; i < 3; i++)
		timer_arm(&wheel, i, due_ms);
	timer_disarm(&wheel, gone);
	for (uint32_t i; (i = timer_pop(&wheel, START_MS + 2000)) != POOL_NONE;)
		fired |= 1U << i;
	ck_assert_uint_eq(fired, 7 & ~(1U << gone));
	ck_assert_uint_eq(wheel.count, 0);
}
END_TEST

/* What the owner of a fired timer may do: re-arm it, disarm another. */
START_TEST(changed_while_popping)
{
	timer_arm(&wheel, 1, START_MS + 1000);
	timer_arm(&wheel, 2, START_MS + 1000);
	timer_arm(&wheel, 3, START_MS + 1000 + REVOLUTION_MS);
	ck_assert_uint_ne(timer_pop(&wheel, START_MS + 2000), POOL_NONE);
	timer_disarm(&wheel, 1);
	timer_disarm(&wheel, 2);
	timer_arm(&wheel, 1, START_MS + 1000);
	ck_assert_uint_eq(timer_pop(&wheel, START_MS + 2000), 1);
	timer_arm(&wheel, 1, START_MS + 3000);
	ck_assert_uint_eq(timer_pop(&wheel, START_MS + 2000), POOL_NONE);
	ck_assert_uint_eq(timer_pop(&wheel, START_MS + 4000), 1);
	ck_assert_uint_eq(timer_pop(&wheel, START_MS + 4000), POOL_NONE);
	ck_assert_uint_eq(wheel.count, 1);
}
END_TEST

START_TEST(time_that_goes_back_fires_nothing)
{
	timer_arm(&wheel, 1, START_MS + 1000);
	ck_assert_uint_eq(timer_pop(&wheel, START_MS - 5000), POOL_NONE);
	ck_assert_uint_eq(timer_pop(&wheel, 0), POOL_NONE);
	ck_assert_uint_eq(timer_pop(&wheel, START_MS + 2000), 1);

	/* What has become due stays so, once. */
	timer_arm(&wheel, 2, START_MS + 1000);
	ck_assert_uint_eq(timer_pop(&wheel, 0), 2);
	ck_assert_uint_eq(timer_pop(&wheel, 0), POOL_NONE);
	ck_assert_uint_eq(wheel.due, 0);
}
END_TEST

START_TEST(the_far_end_of_time)
{
	timer_arm(&wheel, 1, UINT64_MAX);
	ck_assert_uint_eq(timer_pop(&wheel, START_MS + HOUR_MS), POOL_NONE);
	ck_assert_uint_eq(timer_pop(&wheel, UINT64_MAX - TIMER_TICK_MS),
			  POOL_NONE);
	timer_disarm(&wheel, 1);
	ck_assert_uint_eq(wheel.count, 0);
}
END_TEST

START_TEST(two_wheels_share_records)
{
	struct timer_wheel other;

	timer_wheel_init(&other, &pool, offsetof(struct record, other_timer),
			 START_MS);
	timer_arm(&wheel, 1, START_MS + 1000);
	timer_arm(&other, 1, START_MS + 2000);
	timer_disarm(&wheel, 1);
	ck_assert_uint_eq(timer_pop(&wheel, START_MS + 5000), POOL_NONE);
	ck_assert_uint_eq(timer_pop(&other, START_MS + 5000), 1);
}
END_TEST

static void arm_at_zero(void *unused)
{
	(void)unused;
	timer_arm(&wheel, 0, 0);
}

START_TEST(zero_is_no_time)
{
	ck_assert(unit_aborts(arm_at_zero, NULL));
}
END_TEST

/* A pause between two pops: mostly short, at times hours. */
static uint64_t pause_ms(uint64_t dice)
{
	switch (dice % 50) {
	case 0:
		return dice / 50 % (5 * HOUR_MS);
	case 1:
		return dice / 50 % REVOLUTION_MS;
	default:
		return dice / 50 % 400;
	}
}

/* All that fires must have been due, and all long due must have fired. */
static void check_pops(uint64_t due_ms[RECORDS], uint64_t now_ms)
{
	uint64_t earliest = UINT64_MAX;
	uint32_t armed = 0;

	for (uint32_t i; (i = timer_pop(&wheel, now_ms)) != POOL_NONE;) {
		ck_assert_uint_ne(due_ms[i], 0);
		ck_assert_uint_le(due_ms[i], now_ms);
		due_ms[i] = 0;
	}
	for (uint32_t i = 0; i < RECORDS; i++) {
		if (due_ms[i] == 0)
			continue;
		armed++;
		if (due_ms[i] < earliest)
			earliest = due_ms[i];
	}
	ck_assert_uint_gt(earliest, now_ms - TIMER_TICK_MS);
	ck_assert_uint_eq(wheel.count, armed);
	if (armed > 0)
		ck_assert_uint_le(timer_next_ms(&wheel),
				  earliest + TIMER_TICK_MS);
}

START_TEST(behaves_as_a_simple_model)
{
	uint64_t due_ms[RECORDS] = { 0 };
	uint64_t now_ms = START_MS;
	uint64_t seed = 4;

	for (int step = 0; step < 20000; step++) {
		uint64_t dice = unit_random(&seed);
		uint32_t index = (uint32_t)(dice >> 32) % RECORDS;

		if (dice % 4 == 0) {
			timer_disarm(&wheel, index);
			due_ms[index] = 0;
		} else {
			due_ms[index] =
				now_ms - 5000 + unit_random(&seed) % 700000;
			timer_arm(&wheel, index, due_ms[index]);
		}
		if (dice / 4 % 3 == 0) {
			now_ms += pause_ms(unit_random(&seed));
			check_pops(due_ms, now_ms);
		}
	}
}
END_TEST

static Suite *timer_suite(void)
{
	Suite *s = suite_create("timer");
	TCase *use = tcase_create("use");
	TCase *model = tcase_create("model");
	int delays = sizeof(delays_ms) / sizeof(delays_ms[0]);

	tcase_add_checked_fixture(use, set_up, tear_down);
	tcase_add_test(use, nothing_armed_nothing_due);
	tcase_add_loop_test(use, fires_once_not_early_and_at_most_a_tick_late,
			    0, delays);
	tcase_add_loop_test(use, fires_at_once_after_a_jump, 0, delays);
	tcase_add_loop_test(use, next_ms_is_never_too_late, 0, delays);
	tcase_add_test(use, a_past_time_is_due_at_once);
	tcase_add_test(use, the_last_arming_counts);
	tcase_add_test(use, disarmed_does_not_fire);
	tcase_add_loop_test(use, disarmed_anywhere_in_a_list, 0, 6);
	tcase_add_test(use, changed_while_popping);
	tcase_add_test(use, time_that_goes_back_fires_nothing);
	tcase_add_test(use, the_far_end_of_time);
	tcase_add_test(use, two_wheels_share_records);
	tcase_add_test(use, zero_is_no_time);
	suite_add_tcase(s, use);

	tcase_add_checked_fixture(model, set_up, tear_down);
	tcase_add_test(model, behaves_as_a_simple_model);
	suite_add_tcase(s, model);
	return s;
}

UNIT_MAIN(timer_suite)
