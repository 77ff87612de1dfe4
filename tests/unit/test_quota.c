/* link: -Wl,--wrap=mmap */
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "turn/quota.h"

#define WINDOW 32 /* of quota.c: slots where a user can be */
#define THREADS 4

static bool mmap_fails;

void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);

void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off)
{
	if (mmap_fails) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	return __real_mmap(at, len, prot, flags, fd, off);
}

static const struct hash_key key = { 0x0123456789abcdef, 0xfedcba9876543210 };
static struct quota q;

static void open_quota(uint32_t total_max)
{
	ck_assert_int_eq(quota_init(&q, total_max, &key), 0);
}

static void teardown(void)
{
	quota_fini(&q);
}

/* Different users that share a window: their low 32 bits are the same. */
static uint64_t neighbour(uint32_t n)
{
	return (uint64_t)(n + 1) << 32 | 5;
}

static uint32_t slots_in_use(void)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i <= q.mask; i++)
		count += atomic_load(&q.slots[i]) != 0;
	return count;
}

static void must_be_empty(void)
{
	ck_assert_uint_eq(atomic_load(&q.total), 0);
	ck_assert_uint_eq(slots_in_use(), 0);
}

/* (Check's own assertions report each success to the parent process, which is
 * slow where there are many.) */
static void take(uint64_t user, uint32_t user_max, enum quota_result expected)
{
	enum quota_result result = quota_take(&q, user, user_max);

	if (result != expected)
		ck_abort_msg("result %d, expected %d", result, expected);
}

/* Arrays beside the counters have a place for each user that is charged. */
START_TEST(a_charged_user_keeps_its_slot)
{
	uint32_t slot, other;

	open_quota(8);
	ck_assert_uint_eq(quota_slots(&q), q.mask + 1);
	take(neighbour(0), 0, QUOTA_OK);
	take(neighbour(1), 0, QUOTA_OK);
	slot = quota_slot(&q, neighbour(0));
	other = quota_slot(&q, neighbour(1));
	ck_assert_uint_ne(slot, other);
	ck_assert_uint_lt(slot, quota_slots(&q));
	ck_assert_uint_lt(other, quota_slots(&q));
	take(neighbour(1), 0, QUOTA_OK);
	quota_give(&q, neighbour(0));
	quota_give(&q, neighbour(1));
	ck_assert_uint_eq(quota_slot(&q, neighbour(1)), other);
	/* Who was alone and comes back has the same one. */
	take(neighbour(0), 0, QUOTA_OK);
	ck_assert_uint_eq(quota_slot(&q, neighbour(0)), slot);
}
END_TEST

/* What is charged stays; nothing more until there is less. */
START_TEST(the_total_limit_can_change)
{
	open_quota(4);
	for (uint32_t i = 0; i < 3; i++)
		take(neighbour(i), 0, QUOTA_OK);
	quota_set_total(&q, 2);
	take(neighbour(3), 0, QUOTA_TOTAL_FULL);
	quota_give(&q, neighbour(0));
	take(neighbour(3), 0, QUOTA_TOTAL_FULL);
	quota_give(&q, neighbour(1));
	take(neighbour(3), 0, QUOTA_OK);
	quota_set_total(&q, 4);
	take(neighbour(4), 0, QUOTA_OK);
}
END_TEST

static void set_more_than_there_is_room_for(void *arg)
{
	quota_set_total(&q, *(uint32_t *)arg);
}

START_TEST(the_total_limit_has_a_limit)
{
	uint32_t none = 0, more = 5;

	open_quota(4);
	ck_assert(unit_aborts(set_more_than_there_is_room_for, &none));
	ck_assert(unit_aborts(set_more_than_there_is_room_for, &more));
}
END_TEST

static void ask_slot(void *arg)
{
	quota_slot(&q, *(uint64_t *)arg);
}

START_TEST(without_a_charge_there_is_no_slot)
{
	uint64_t user = 7;

	open_quota(8);
	ck_assert(unit_aborts(ask_slot, &user));
}
END_TEST

START_TEST(total_limit)
{
	open_quota(3);
	for (uint64_t user = 1; user <= 3; user++)
		take(user, 0, QUOTA_OK);
	take(1, 0, QUOTA_TOTAL_FULL);
	take(4, 1, QUOTA_TOTAL_FULL);
	ck_assert_uint_eq(quota_of(&q, 1), 1);
	ck_assert_uint_eq(quota_of(&q, 4), 0);
	ck_assert_uint_eq(slots_in_use(), 3);

	quota_give(&q, 2);
	take(4, 1, QUOTA_OK);
	quota_give(&q, 1);
	quota_give(&q, 3);
	quota_give(&q, 4);
	must_be_empty();
}
END_TEST

START_TEST(user_limit)
{
	open_quota(100);
	take(7, 2, QUOTA_OK);
	take(7, 2, QUOTA_OK);
	take(7, 2, QUOTA_USER_FULL);
	ck_assert_uint_eq(quota_of(&q, 7), 2);
	/* Nothing of the refused one stays. */
	ck_assert_uint_eq(atomic_load(&q.total), 2);

	/* A limit holds for who has one; a lowered one refuses more. */
	take(8, 2, QUOTA_OK);
	take(7, 0, QUOTA_OK);
	take(7, 4, QUOTA_OK);
	take(7, 1, QUOTA_USER_FULL);
	ck_assert_uint_eq(quota_of(&q, 7), 4);

	for (int i = 0; i < 4; i++)
		quota_give(&q, 7);
	ck_assert_uint_eq(quota_of(&q, 7), 0);
	take(7, 1, QUOTA_OK);
	take(7, 1, QUOTA_USER_FULL);
	quota_give(&q, 7);
	quota_give(&q, 8);
	must_be_empty();
}
END_TEST

START_TEST(total_before_user)
{
	open_quota(1);
	take(7, 1, QUOTA_OK);
	take(7, 1, QUOTA_TOTAL_FULL);
	quota_give(&q, 7);
}
END_TEST

/* The count has 16 bits; what does not fit is refused, not wrapped. */
START_TEST(count_does_not_overflow)
{
	open_quota(65535 * 2);
	for (uint32_t i = 0; i < 65535; i++)
		take(1, 0, QUOTA_OK);
	take(1, 0, QUOTA_USER_FULL);
	take(1, 100000, QUOTA_USER_FULL);
	ck_assert_uint_eq(quota_of(&q, 1), 65535);
	take(2, 0, QUOTA_OK);
	for (uint32_t i = 0; i < 65535; i++)
		quota_give(&q, 1);
	quota_give(&q, 2);
	must_be_empty();
}
END_TEST

START_TEST(greatest_identity)
{
	const uint64_t user = (UINT64_C(1) << 48) - 1;

	open_quota(10);
	take(user, 1, QUOTA_OK);
	take(user, 1, QUOTA_USER_FULL);
	ck_assert_uint_eq(quota_of(&q, user), 1);
	quota_give(&q, user);
	must_be_empty();
}
END_TEST

START_TEST(full_window)
{
	open_quota(1000);
	for (uint32_t i = 0; i < WINDOW; i++)
		take(neighbour(i), 1, QUOTA_OK);
	take(neighbour(WINDOW), 1, QUOTA_TOTAL_FULL);
	ck_assert_uint_eq(atomic_load(&q.total), WINDOW);
	/* Those that are in can go on; another window has room. */
	take(neighbour(3), 2, QUOTA_OK);
	take(neighbour(0) + WINDOW, 1, QUOTA_OK);

	quota_give(&q, neighbour(9));
	take(neighbour(WINDOW), 1, QUOTA_OK);
	for (uint32_t i = 0; i <= WINDOW; i++) {
		if (i != 9)
			quota_give(&q, neighbour(i));
	}
	quota_give(&q, neighbour(3));
	quota_give(&q, neighbour(0) + WINDOW);
	must_be_empty();
}
END_TEST

/* A slot that became free before a user's does not hide the user. */
START_TEST(holes)
{
	open_quota(1000);
	for (uint32_t i = 0; i < 8; i++)
		take(neighbour(i), 0, QUOTA_OK);
	for (uint32_t i = 0; i < 7; i++)
		quota_give(&q, neighbour(i));
	ck_assert_uint_eq(quota_of(&q, neighbour(7)), 1);
	take(neighbour(7), 2, QUOTA_OK);
	take(neighbour(7), 2, QUOTA_USER_FULL);
	ck_assert_uint_eq(slots_in_use(), 1);
	quota_give(&q, neighbour(7));
	quota_give(&q, neighbour(7));
	must_be_empty();
}
END_TEST

/* The window of the last slots goes on at the first. */
START_TEST(window_wraps)
{
	open_quota(1);
	q.total_max = WINDOW;
	for (uint64_t i = 0; i < WINDOW; i++)
		take((i + 1) << 32 | q.mask, 1, QUOTA_OK);
	ck_assert_uint_eq(slots_in_use(), WINDOW);
	for (uint64_t i = 0; i < WINDOW; i++)
		quota_give(&q, (i + 1) << 32 | q.mask);
	must_be_empty();
}
END_TEST

/* As many users as there may be charges all find room. */
START_TEST(everybody_different)
{
	const uint32_t count = 16000;
	uint64_t state = 1;
	uint64_t *users = malloc(count * sizeof(*users));

	open_quota(count);
	ck_assert_uint_ge(q.mask + 1, 4 * count);
	for (uint32_t i = 0; i < count; i++) {
		users[i] = unit_random(&state) >> 16 | 1;
		take(users[i], 1, QUOTA_OK);
	}
	take(1, 0, QUOTA_TOTAL_FULL);
	for (uint32_t i = 0; i < count; i++)
		quota_give(&q, users[i]);
	must_be_empty();
	free(users);
}
END_TEST

START_TEST(behaves_as_a_simple_model)
{
	uint32_t counts[40] = { 0 };
	uint32_t total = 0;
	uint64_t state = (uint64_t)_i;

	open_quota(60);
	for (int step = 0; step < 20000; step++) {
		uint32_t n = (uint32_t)(unit_random(&state) % 40);
		uint32_t user_max = (uint32_t)(unit_random(&state) % 4);

		if (unit_random(&state) % 2 && counts[n] > 0) {
			quota_give(&q, neighbour(n % 20) + n);
			counts[n]--;
			total--;
		} else if (total == 60) {
			take(neighbour(n % 20) + n, user_max, QUOTA_TOTAL_FULL);
		} else if (user_max > 0 && counts[n] >= user_max) {
			take(neighbour(n % 20) + n, user_max, QUOTA_USER_FULL);
		} else {
			take(neighbour(n % 20) + n, user_max, QUOTA_OK);
			counts[n]++;
			total++;
		}
		if (quota_of(&q, neighbour(n % 20) + n) != counts[n] ||
		    atomic_load(&q.total) != total)
			ck_abort_msg("wrong after step %d", step);
	}
}
END_TEST

START_TEST(identities)
{
	const struct hash_key other_key = { key.k0, key.k1 + 1 };
	const char *pairs[][2] = {
		{ "r", "alice" }, { "r", "bob" },   { "s", "alice" },
		{ "", "ralice" }, { "ra", "lice" }, { "ralice", "" },
		{ "alice", "r" }, { "", "" },       { "r", "alic" },
	};
	const size_t count = sizeof(pairs) / sizeof(pairs[0]);
	struct quota other;

	open_quota(1);
	ck_assert_int_eq(quota_init(&other, 1, &other_key), 0);
	for (size_t i = 0; i < count; i++) {
		struct bytes realm = bytes_str(pairs[i][0]);
		struct bytes name = bytes_str(pairs[i][1]);
		uint64_t user = quota_user(&q, realm, name);

		ck_assert_uint_gt(user, 0);
		ck_assert_uint_lt(user, UINT64_C(1) << 48);
		ck_assert_uint_eq(quota_user(&q, realm, name), user);
		ck_assert_uint_ne(quota_user(&other, realm, name), user);
		for (size_t j = 0; j < i; j++)
			ck_assert_uint_ne(quota_user(&q, bytes_str(pairs[j][0]),
						     bytes_str(pairs[j][1])),
					  user);
	}
	quota_fini(&other);
}
END_TEST

START_TEST(no_memory)
{
	mmap_fails = true;
	ck_assert_int_eq(quota_init(&q, 16, &key), -ENOMEM);
	mmap_fails = false;
	ck_assert_ptr_null(q.slots);
	quota_fini(&q);
	quota_fini(&q);
}
END_TEST

START_TEST(greatest_table)
{
	open_quota(65535 * 16);
	ck_assert_uint_eq(q.mask, (1U << 22) - 1);
	take(q.mask, 1, QUOTA_OK);
	quota_give(&q, q.mask);
}
END_TEST

static void give_user_1(void *arg)
{
	(void)arg;
	quota_give(&q, 1);
}

static void take_user(void *user)
{
	quota_take(&q, *(const uint64_t *)user, 0);
}

static void init_with(void *total_max)
{
	struct quota other;

	quota_init(&other, *(const uint32_t *)total_max, &key);
}

START_TEST(misuse_is_an_assertion)
{
	uint64_t users[] = { 0, UINT64_C(1) << 48, 1 };
	uint32_t totals[] = { 0, 65535 * 16 + 1, 1 };

	open_quota(4);
	ck_assert(unit_aborts(give_user_1, NULL));
	take(2, 0, QUOTA_OK);
	ck_assert(unit_aborts(give_user_1, NULL));
	take(1, 0, QUOTA_OK);
	ck_assert(!unit_aborts(give_user_1, NULL));
	atomic_store(&q.total, 0);
	ck_assert(unit_aborts(give_user_1, NULL));
	for (int i = 0; i < 3; i++) {
		ck_assert(unit_aborts(take_user, &users[i]) == (i < 2));
		ck_assert(unit_aborts(init_with, &totals[i]) == (i < 2));
	}
}
END_TEST

/* --- several workers ------------------------------------------------------ */

#define USERS 6
#define ROUNDS 40
#define STEPS 4000

struct crowd {
	uint32_t user_max;
	uint32_t total_max;
	pthread_barrier_t barrier;
	/* Charges that are surely held: counted after they were taken and
	 * until they are returned. */
	_Atomic uint32_t held[USERS];
	_Atomic uint32_t held_total;
	_Atomic uint32_t over_user;
	_Atomic uint32_t over_total;
	_Atomic uint32_t wrong_at_rest;
	_Atomic uint32_t results[3];
};

struct member {
	struct crowd *crowd;
	uint64_t state;
	uint32_t mine[USERS];
};

static void member_take(struct member *m, uint32_t n)
{
	struct crowd *c = m->crowd;
	enum quota_result result = quota_take(&q, neighbour(n), c->user_max);

	atomic_fetch_add(&c->results[result], 1);
	if (result != QUOTA_OK)
		return;
	m->mine[n]++;
	if (atomic_fetch_add(&c->held[n], 1) >= c->user_max)
		atomic_fetch_add(&c->over_user, 1);
	if (atomic_fetch_add(&c->held_total, 1) >= c->total_max)
		atomic_fetch_add(&c->over_total, 1);
}

static void member_give(struct member *m, uint32_t n)
{
	if (m->mine[n] == 0)
		return;
	m->mine[n]--;
	atomic_fetch_sub(&m->crowd->held[n], 1);
	atomic_fetch_sub(&m->crowd->held_total, 1);
	quota_give(&q, neighbour(n));
}

/* While all wait: each user has one slot, with what the threads hold. */
static void check_at_rest(struct crowd *c)
{
	uint32_t users = 0;
	bool wrong = atomic_load(&q.total) != atomic_load(&c->held_total);

	for (uint32_t n = 0; n < USERS; n++) {
		uint32_t held = atomic_load(&c->held[n]);

		users += held > 0;
		wrong = wrong || quota_of(&q, neighbour(n)) != held;
	}
	if (wrong || slots_in_use() != users)
		atomic_fetch_add(&c->wrong_at_rest, 1);
}

static void *member_run(void *arg)
{
	struct member *m = arg;

	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < STEPS; i++) {
			uint64_t random = unit_random(&m->state);
			uint32_t n = (uint32_t)(random >> 8) % USERS;

			if (random & 1)
				member_take(m, n);
			else
				member_give(m, n);
		}
		if (pthread_barrier_wait(&m->crowd->barrier) ==
		    PTHREAD_BARRIER_SERIAL_THREAD)
			check_at_rest(m->crowd);
		pthread_barrier_wait(&m->crowd->barrier);
	}
	for (uint32_t n = 0; n < USERS; n++) {
		while (m->mine[n] > 0)
			member_give(m, n);
	}
	return NULL;
}

static void run_crowd(struct crowd *c)
{
	struct member members[THREADS] = { 0 };
	pthread_t threads[THREADS];

	open_quota(c->total_max);
	pthread_barrier_init(&c->barrier, NULL, THREADS);
	for (int i = 0; i < THREADS; i++) {
		members[i].crowd = c;
		members[i].state = (uint64_t)i;
		ck_assert_int_eq(pthread_create(&threads[i], NULL, member_run,
						&members[i]),
				 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&c->barrier);

	ck_assert_uint_eq(c->over_user, 0);
	ck_assert_uint_eq(c->over_total, 0);
	ck_assert_uint_eq(c->wrong_at_rest, 0);
	for (int i = 0; i < 3; i++)
		ck_assert_uint_gt(c->results[i], 0);
	must_be_empty();
}

/* A limit of 1: slots come and go all the time, the claim rule decides. */
START_TEST(threads_with_one_charge_each)
{
	struct crowd c = { .user_max = 1, .total_max = USERS - 2 };

	run_crowd(&c);
}
END_TEST

START_TEST(threads_with_some_charges)
{
	struct crowd c = { .user_max = 3, .total_max = 3 * USERS - 5 };

	run_crowd(&c);
}
END_TEST

/*
 * Nothing but claims: whoever has the user's one charge returns it at once, so
 * that slots are claimed and become free as often as can be. Two users, so
 * that the lower slot is now this one's and now that one's.
 */
#define CLAIMS 300000

struct claimer {
	_Atomic uint32_t *holders; /* of each user's only charge */
	_Atomic uint32_t *failures;
	uint32_t user;
};

static void *claimer_run(void *arg)
{
	struct claimer *c = arg;

	for (int i = 0; i < CLAIMS; i++) {
		uint32_t n = (c->user + (uint32_t)i / 64) % 2;

		if (quota_take(&q, neighbour(n), 1) != QUOTA_OK)
			continue;
		if (atomic_fetch_add(&c->holders[n], 1) != 0)
			atomic_fetch_add(c->failures, 1);
		atomic_fetch_sub(&c->holders[n], 1);
		quota_give(&q, neighbour(n));
	}
	return NULL;
}

START_TEST(threads_that_only_claim)
{
	_Atomic uint32_t holders[2] = { 0 };
	_Atomic uint32_t failures = 0;
	struct claimer claimers[THREADS];
	pthread_t threads[THREADS];

	open_quota(1000);
	for (uint32_t i = 0; i < THREADS; i++) {
		claimers[i] = (struct claimer){ holders, &failures, i };
		ck_assert_int_eq(pthread_create(&threads[i], NULL, claimer_run,
						&claimers[i]),
				 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(failures, 0);
	must_be_empty();
}
END_TEST

static Suite *quota_suite(void)
{
	Suite *s = suite_create("quota");
	TCase *limits = tcase_create("limits");
	TCase *table = tcase_create("table");
	TCase *threads = tcase_create("threads");

	tcase_add_checked_fixture(limits, NULL, teardown);
	tcase_set_timeout(limits, 60);
	tcase_add_test(limits, a_charged_user_keeps_its_slot);
	tcase_add_test(limits, without_a_charge_there_is_no_slot);
	tcase_add_test(limits, the_total_limit_can_change);
	tcase_add_test(limits, the_total_limit_has_a_limit);
	tcase_add_test(limits, total_limit);
	tcase_add_test(limits, user_limit);
	tcase_add_test(limits, total_before_user);
	tcase_add_test(limits, count_does_not_overflow);
	tcase_add_test(limits, greatest_identity);
	tcase_add_test(limits, misuse_is_an_assertion);
	suite_add_tcase(s, limits);

	tcase_add_checked_fixture(table, NULL, teardown);
	tcase_set_timeout(table, 60);
	tcase_add_test(table, full_window);
	tcase_add_test(table, holes);
	tcase_add_test(table, window_wraps);
	tcase_add_test(table, everybody_different);
	tcase_add_loop_test(table, behaves_as_a_simple_model, 1, 4);
	tcase_add_test(table, identities);
	tcase_add_test(table, no_memory);
	tcase_add_test(table, greatest_table);
	suite_add_tcase(s, table);

	tcase_add_checked_fixture(threads, NULL, teardown);
	tcase_set_timeout(threads, 120);
	tcase_add_test(threads, threads_with_one_charge_each);
	tcase_add_test(threads, threads_with_some_charges);
	tcase_add_test(threads, threads_that_only_claim);
	suite_add_tcase(s, threads);
	return s;
}

UNIT_MAIN(quota_suite)
