#include "unit.h"

#include <string.h>

#include "turn/rates.h"

#define NOW_MS UINT64_C(1000000)
#define WORKERS 3
#define ALICE 1
#define BOB 2

/* Three workers of one process, and on each of them alice and bob. */
static struct shared_rates shared;
static struct rates workers[WORKERS];
static struct rates_user alice[WORKERS], bob[WORKERS];
static struct rates_allocation none;
static enum drop_reason reason;

static void set_up(void)
{
	ck_assert_int_eq(shared_rates_init(&shared, 4), 0);
	memset(alice, 0, sizeof(alice));
	memset(bob, 0, sizeof(bob));
	memset(&none, 0, sizeof(none));
	for (unsigned i = 0; i < WORKERS; i++) {
		rates_init(&workers[i], &shared);
		rates_join(&workers[i], &alice[i], ALICE, 70 + ALICE, 0);
		rates_join(&workers[i], &bob[i], BOB, 70 + BOB, 0);
	}
}

static void tear_down(void)
{
	shared_rates_fini(&shared);
}

/* In bytes a second, with a burst of a second. */
static void limit(uint64_t allocation, uint64_t user, uint64_t total)
{
	const struct rates_limits limits = { allocation, user, total, 1 };

	for (unsigned i = 0; i < WORKERS; i++)
		rates_set(&workers[i], &limits);
}

static bool take(unsigned worker, struct rates_user *user, uint64_t ms,
		 uint32_t bytes)
{
	return rates_take(&workers[worker], &none, &user[worker], RATE_TO_PEER,
			  NOW_MS + ms, bytes - RATES_HEADER_BYTES, &reason);
}

/* How much passes at that time, in datagrams of so many bytes. */
static uint64_t drain(unsigned worker, struct rates_user *user, uint64_t ms,
		      uint32_t bytes)
{
	uint64_t sum = 0;

	while (take(worker, user, ms, bytes))
		sum += bytes;
	return sum;
}

START_TEST(without_limits_everything_passes)
{
	ck_assert(!workers[0].in_use);
	limit(0, 0, 0);
	ck_assert(!workers[0].in_use);
	for (unsigned i = 0; i < 10000; i++)
		ck_assert(take(0, alice, 0, 65535));
	ck_assert_uint_eq(shared.total->used[RATE_TO_PEER], 0);
	ck_assert_uint_eq(shared.users[ALICE].used[RATE_TO_PEER], 0);
}
END_TEST

START_TEST(an_allocation_has_its_rate_each_way)
{
	struct rates_allocation a = { .per_s = 100000 };
	uint32_t payload = 1000 - RATES_HEADER_BYTES;

	limit(0, 0, 0);
	workers[0].limits.burst_s = 1;
	for (unsigned way = 0; way < RATE_WAYS; way++) {
		for (unsigned i = 0; i < 100; i++)
			ck_assert(rates_take(&workers[0], &a, &alice[0],
					     (enum rate_way)way, NOW_MS,
					     payload, &reason));
		ck_assert(!rates_take(&workers[0], &a, &alice[0],
				      (enum rate_way)way, NOW_MS, payload,
				      &reason));
		ck_assert_int_eq(reason, DROP_RATE_ALLOCATION);
		ck_assert(rates_take(&workers[0], &a, &alice[0],
				     (enum rate_way)way, NOW_MS + 10, payload,
				     &reason));
	}
}
END_TEST

/* However slow the rate, a datagram of any size passes at some time. */
START_TEST(the_largest_datagram_passes_at_the_slowest_rate)
{
	struct rates_allocation a = { .per_s = 1 };

	limit(0, 1, 1);
	ck_assert(rates_take(&workers[0], &a, &alice[0], RATE_TO_PEER, NOW_MS,
			     65507, &reason));
	ck_assert(!rates_take(&workers[0], &a, &alice[0], RATE_TO_PEER, NOW_MS,
			      0, &reason));
	ck_assert(!rates_take(&workers[0], &a, &alice[0], RATE_TO_PEER,
			      NOW_MS + 27999, 0, &reason));
	ck_assert(rates_take(&workers[0], &a, &alice[0], RATE_TO_PEER,
			     NOW_MS + 28000, 0, &reason));
}
END_TEST

START_TEST(users_do_not_share_their_limit)
{
	limit(0, 100000, 0);
	ck_assert_uint_eq(drain(0, alice, 0, 1000), 100000);
	ck_assert_int_eq(reason, DROP_RATE_USER);
	ck_assert_uint_eq(drain(0, bob, 0, 1000), 100000);
}
END_TEST

START_TEST(all_users_share_the_total)
{
	limit(0, 0, 100000);
	ck_assert_uint_eq(drain(0, alice, 0, 1000), 100000);
	ck_assert_int_eq(reason, DROP_RATE_TOTAL);
	ck_assert(!take(0, bob, 0, 28));
	ck_assert(!take(1, bob, 0, 28));
}
END_TEST

START_TEST(the_ways_do_not_share_a_limit)
{
	limit(0, 100000, 100000);
	ck_assert_uint_eq(drain(0, alice, 0, 1000), 100000);
	ck_assert(rates_take(&workers[0], &none, &alice[0], RATE_TO_CLIENT,
			     NOW_MS, 60000, &reason));
}
END_TEST

START_TEST(the_widest_limit_is_named)
{
	struct rates_allocation a = { .per_s = 1 };

	limit(0, 100000, 100000);
	while (rates_take(&workers[0], &none, &alice[0], RATE_TO_PEER, NOW_MS,
			  1000, &reason))
		;
	while (rates_take(&workers[0], &a, &alice[0], RATE_TO_PEER, NOW_MS, 0,
			  &reason))
		;
	ck_assert_int_eq(reason, DROP_RATE_TOTAL);
}
END_TEST

/* What does not fit one limit costs nothing of the others. */
START_TEST(what_is_refused_is_counted_nowhere)
{
	struct rates_allocation a = { .per_s = 1 };

	limit(0, 100000, 200000);
	ck_assert(rates_take(&workers[0], &a, &alice[0], RATE_TO_PEER, NOW_MS,
			     65000, &reason));
	for (unsigned i = 0; i < 1000; i++)
		ck_assert(!rates_take(&workers[0], &a, &alice[0], RATE_TO_PEER,
				      NOW_MS, 1000, &reason));
	ck_assert_int_eq(reason, DROP_RATE_ALLOCATION);
	ck_assert_uint_eq(drain(0, alice, 0, 100),
			  (100000 - 65028) / 100 * 100);
	ck_assert_int_eq(reason, DROP_RATE_USER);
	for (unsigned i = 0; i < 1000; i++)
		ck_assert(!take(0, alice, 0, 1000));
	ck_assert_uint_eq(drain(0, bob, 0, 100), 100000);
}
END_TEST

/* A worker holds 10 ms of the rate, or a datagram, and no more. */
START_TEST(a_worker_holds_a_slice)
{
	limit(0, 1000000, 2000000);
	ck_assert(take(0, alice, 0, 1000));
	ck_assert_uint_eq(alice[0].slices[RATE_TO_PEER], 9000);
	ck_assert_uint_eq(workers[0].total_slices[RATE_TO_PEER], 19000);
	ck_assert_uint_eq(shared.users[ALICE].used[RATE_TO_PEER],
			  NOW_MS * 1000 + 10000);
	for (unsigned i = 0; i < 9; i++)
		ck_assert(take(0, alice, 0, 1000));
	ck_assert_uint_eq(alice[0].slices[RATE_TO_PEER], 0);
	ck_assert_uint_eq(shared.users[ALICE].used[RATE_TO_PEER],
			  NOW_MS * 1000 + 10000);
	/* One larger than a slice is drawn for alone. */
	ck_assert(take(0, alice, 0, 30000));
	ck_assert_uint_eq(alice[0].slices[RATE_TO_PEER], 0);
}
END_TEST

START_TEST(an_own_rate_holds_on_every_worker)
{
	limit(0, 1000000, 0);
	ck_assert_uint_eq(rates_own(&workers[1], &alice[1]), 0);
	rates_join(&workers[0], &alice[0], ALICE, 70 + ALICE, 70000);
	ck_assert_uint_eq(rates_own(&workers[1], &alice[1]), 70000);
	ck_assert_uint_eq(drain(1, alice, 0, 1000), 70000);
	ck_assert_uint_eq(drain(0, alice, 0, 1000), 0);
	ck_assert_uint_eq(drain(0, bob, 0, 1000), 1000000);
}
END_TEST

/* Also where nobody else has a limit, and after a reload that sets none. */
START_TEST(an_own_rate_needs_no_other_limit)
{
	rates_join(&workers[0], &alice[0], ALICE, 70 + ALICE, 70000);
	limit(0, 0, 0);
	ck_assert_uint_eq(drain(0, alice, 0, 1000), 70000);
	for (unsigned i = 0; i < 1000; i++)
		ck_assert(take(0, bob, 0, 65535));
}
END_TEST

START_TEST(new_limits_hold_at_once)
{
	limit(0, 1000000, 0);
	ck_assert_uint_eq(drain(0, alice, 0, 1000), 1000000);
	limit(0, 100000, 0);
	ck_assert_uint_eq(drain(0, alice, 0, 1000), 0);
	ck_assert_uint_eq(drain(0, alice, 100, 1000), 10000);
	limit(0, 0, 0);
	for (unsigned i = 0; i < 100; i++)
		ck_assert(take(0, alice, 100, 65535));
}
END_TEST

/* What was left of a slice when its limit went is not owed. */
START_TEST(a_slice_survives_its_limit)
{
	limit(0, 1000000, 0);
	ck_assert(take(0, alice, 0, 28));
	limit(0, 0, 0);
	ck_assert(take(0, alice, 0, 65535));
	ck_assert_uint_eq(alice[0].slices[RATE_TO_PEER], 0);
}
END_TEST

static void set_burst(void *arg)
{
	const struct rates_limits limits = { .burst_s = *(uint32_t *)arg };

	rates_set(&workers[0], &limits);
}

START_TEST(a_burst_is_at_most_a_minute)
{
	uint32_t burst_s = BUCKET_BURST_MAX_S;

	ck_assert(!unit_aborts(set_burst, &burst_s));
	burst_s++;
	ck_assert(unit_aborts(set_burst, &burst_s));
}
END_TEST

/* --- the bounds of the decisions --------------------------------------------- */

struct flood {
	uint64_t per_s;
	unsigned senders; /* workers that alice sends on */
	uint64_t ms;
	uint64_t passed[30000]; /* bytes in each ms */
	uint64_t sum;
};

/* Each ms every sender offers as much as the whole rate brings, thrice. */
static void run_flood(struct flood *f, uint64_t *state)
{
	f->sum = 0;
	for (uint64_t ms = 0; ms < f->ms; ms++) {
		f->passed[ms] = 0;
		for (unsigned n = 0; n < f->senders; n++) {
			uint64_t offered = 0;

			while (offered < 3 * f->per_s / 1000 + 1) {
				uint32_t bytes =
					28 +
					(uint32_t)(unit_random(state) % 1400);
				unsigned w = (unsigned)(unit_random(state) %
							f->senders);

				offered += bytes;
				if (take(w, alice, ms, bytes))
					f->passed[ms] += bytes;
			}
		}
		f->sum += f->passed[ms];
	}
}

/* The most that passed in any stretch of so many ms. */
static uint64_t most_in(const struct flood *f, uint64_t stretch_ms)
{
	uint64_t sum = 0, most = 0;

	for (uint64_t ms = 0; ms < f->ms; ms++) {
		sum += f->passed[ms];
		if (ms >= stretch_ms)
			sum -= f->passed[ms - stretch_ms];
		if (sum > most)
			most = sum;
	}
	return most;
}

static uint64_t slice_of(uint64_t per_s)
{
	return per_s / 100 > 1428 ? per_s / 100 : 1428;
}

/*
 * "Over any 1 s the sum is at most rate + burst + one slice per worker, over
 * 10 s within 2 %; an active user on one worker gets at least 98 %".
 */
static void check_flood(bool total, uint64_t per_s, unsigned senders)
{
	static struct flood f;
	uint64_t state = per_s + senders;
	uint64_t burst = per_s > 65535 ? per_s : 65535;

	tear_down();
	set_up();
	limit(0, total ? 0 : per_s, total ? per_s : 0);
	f.per_s = per_s;
	f.senders = senders;
	f.ms = 20000;
	run_flood(&f, &state);
	ck_assert_uint_le(most_in(&f, 1000),
			  per_s + burst + senders * slice_of(per_s));
	/* The burst is over: what passes is the rate, however many send. */
	for (uint64_t ms = 0; ms < 10000; ms++)
		f.sum -= f.passed[ms];
	ck_assert_uint_le(f.sum, per_s * 10 + per_s * 10 / 50);
	ck_assert_uint_ge(f.sum, per_s * 10 - per_s * 10 / 50);
}

START_TEST(a_user_gets_its_rate_and_no_more)
{
	static const uint64_t rates[] = { 20000, 500000, 1234567, 12500000 };

	for (unsigned i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
		for (unsigned senders = 1; senders <= WORKERS; senders++)
			check_flood(false, rates[i], senders);
}
END_TEST

START_TEST(the_process_gets_its_rate_and_no_more)
{
	static const uint64_t rates[] = { 20000, 500000, 12500000 };

	for (unsigned i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
		for (unsigned senders = 1; senders <= WORKERS; senders++)
			check_flood(true, rates[i], senders);
}
END_TEST

/* The other workers' slices are all that one who comes alone may miss. */
START_TEST(slices_of_idle_workers_are_all_that_is_missed)
{
	uint64_t sum = 0;

	limit(0, 1000000, 0);
	for (unsigned w = 1; w < WORKERS; w++)
		ck_assert(take(w, alice, 0, 28));
	sum = drain(0, alice, 0, 100);
	ck_assert_uint_ge(sum, 1000000 - 2 * 10000 - 100);
	for (uint64_t ms = 1; ms <= 10000; ms++)
		sum += drain(0, alice, ms, 100);
	ck_assert_uint_ge(sum, 11000000 - 2 * 10000 - 100);
	ck_assert_uint_le(sum, 11000000);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("rates");
	TCase *t = tcase_create("rates");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, without_limits_everything_passes);
	tcase_add_test(t, an_allocation_has_its_rate_each_way);
	tcase_add_test(t, the_largest_datagram_passes_at_the_slowest_rate);
	tcase_add_test(t, users_do_not_share_their_limit);
	tcase_add_test(t, all_users_share_the_total);
	tcase_add_test(t, the_ways_do_not_share_a_limit);
	tcase_add_test(t, the_widest_limit_is_named);
	tcase_add_test(t, what_is_refused_is_counted_nowhere);
	tcase_add_test(t, a_worker_holds_a_slice);
	tcase_add_test(t, an_own_rate_holds_on_every_worker);
	tcase_add_test(t, an_own_rate_needs_no_other_limit);
	tcase_add_test(t, new_limits_hold_at_once);
	tcase_add_test(t, a_slice_survives_its_limit);
	tcase_add_test(t, a_burst_is_at_most_a_minute);
	tcase_add_test(t, a_user_gets_its_rate_and_no_more);
	tcase_add_test(t, the_process_gets_its_rate_and_no_more);
	tcase_add_test(t, slices_of_idle_workers_are_all_that_is_missed);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
