/* link: -Wl,--wrap=mmap */
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>

#include "base/ring.h"

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

struct cell {
	uint32_t producer;
	uint32_t number;
	uint8_t payload[100];
};

static struct ring ring;

static bool push(uint32_t producer, uint32_t number)
{
	uint32_t ticket;
	struct cell *cell = ring_claim(&ring, &ticket);

	if (!cell)
		return false;
	cell->producer = producer;
	cell->number = number;
	memset(cell->payload, (uint8_t)number, sizeof(cell->payload));
	ring_publish(&ring, ticket);
	return true;
}

/* The oldest cell's number; UINT32_MAX if there is none. */
static uint32_t pop(void)
{
	struct cell *cell = ring_peek(&ring);
	uint32_t number;

	if (!cell)
		return UINT32_MAX;
	number = cell->number;
	ring_release(&ring);
	return number;
}

START_TEST(first_in_first_out_and_full)
{
	ck_assert_int_eq(ring_init(&ring, 4, sizeof(struct cell)), 0);
	ck_assert_uint_eq(pop(), UINT32_MAX);
	for (uint32_t lap = 0; lap < 3; lap++) {
		for (uint32_t i = 0; i < 4; i++)
			ck_assert(push(0, lap * 4 + i));
		ck_assert(!push(0, 99));
		ck_assert(!push(0, 99));
		for (uint32_t i = 0; i < 4; i++)
			ck_assert_uint_eq(pop(), lap * 4 + i);
		ck_assert_uint_eq(pop(), UINT32_MAX);
	}
	ring_fini(&ring);
}
END_TEST

START_TEST(one_released_one_free)
{
	ck_assert_int_eq(ring_init(&ring, 2, sizeof(struct cell)), 0);
	ck_assert(push(0, 0));
	ck_assert(push(0, 1));
	for (uint32_t i = 0; i < 100; i++) {
		ck_assert(!push(0, 99));
		/* A peeked cell is not free yet, and is peeked again. */
		ck_assert_ptr_nonnull(ring_peek(&ring));
		ck_assert(!push(0, 99));
		ck_assert_uint_eq(pop(), i);
		ck_assert(push(0, i + 2));
	}
	ring_fini(&ring);
}
END_TEST

START_TEST(a_claimed_cell_holds_up_those_behind)
{
	uint32_t first;
	uint32_t second;
	struct cell *cell;

	ck_assert_int_eq(ring_init(&ring, 4, sizeof(struct cell)), 0);
	cell = ring_claim(&ring, &first);
	cell->number = 1;
	cell = ring_claim(&ring, &second);
	cell->number = 2;
	ring_publish(&ring, second);
	ck_assert_ptr_null(ring_peek(&ring));
	ring_publish(&ring, first);
	ck_assert_uint_eq(pop(), 1);
	ck_assert_uint_eq(pop(), 2);
	ring_fini(&ring);
}
END_TEST

/* Positions are 32-bit numbers and go round. */
START_TEST(positions_wrap)
{
	uint32_t start = UINT32_MAX - 10;

	ck_assert_int_eq(ring_init(&ring, 4, sizeof(struct cell)), 0);
	ring.head = start;
	atomic_store(&ring.tail, start);
	for (uint32_t p = start; p != start + 4; p++)
		atomic_store(&ring.turns[p & 3], p & ~3U);
	for (uint32_t i = 0; i < 100; i++) {
		for (uint32_t k = 0; k < 1 + i % 4; k++)
			ck_assert(push(0, i + k));
		ck_assert(i % 4 != 3 || !push(0, 99));
		for (uint32_t k = 0; k < 1 + i % 4; k++)
			ck_assert_uint_eq(pop(), i + k);
		ck_assert_uint_eq(pop(), UINT32_MAX);
	}
	ck_assert_uint_lt(ring.head, start);
	ring_fini(&ring);
}
END_TEST

START_TEST(cells_are_apart_and_aligned)
{
	uint32_t ticket;
	uint8_t *before = NULL;

	ck_assert_int_eq(ring_init(&ring, 8, 65), 0);
	for (int i = 0; i < 8; i++) {
		uint8_t *cell = ring_claim(&ring, &ticket);

		ck_assert_uint_eq((uintptr_t)cell % 64, 0);
		ck_assert(!before || cell - before >= 65);
		memset(cell, 0xff, 65);
		before = cell;
	}
	ck_assert_uint_eq(atomic_load(&ring.turns[7]), 0);
	ring_fini(&ring);
}
END_TEST

START_TEST(memory)
{
	struct ring r = { 0 };

	ring_fini(&r);
	mmap_fails = true;
	ck_assert_int_eq(ring_init(&r, 2, 1), -ENOMEM);
	mmap_fails = false;
	ring_fini(&r);
	ck_assert_int_eq(ring_init(&r, 2, SIZE_MAX), -ENOMEM);
	ck_assert_int_eq(ring_init(&r, 2, SIZE_MAX / 2), -ENOMEM);
	ck_assert_int_eq(ring_init(&r, 2, SIZE_MAX / 2 - 64), -ENOMEM);
	ck_assert_int_eq(ring_init(&r, 2, 1), 0);
	ring_fini(&r);
	ck_assert_ptr_null(r.turns);
	ring_fini(&r);
}
END_TEST

static void init_with(void *cells)
{
	struct ring r;

	ring_init(&r, *(uint32_t *)cells, 8);
}

START_TEST(not_a_power_of_two_is_an_assertion)
{
	ck_assert(unit_aborts(init_with, &(uint32_t){ 0 }));
	ck_assert(unit_aborts(init_with, &(uint32_t){ 1 }));
	ck_assert(unit_aborts(init_with, &(uint32_t){ 3 }));
	ck_assert(unit_aborts(init_with, &(uint32_t){ 12 }));
	ck_assert(!unit_aborts(init_with, &(uint32_t){ 16 }));
}
END_TEST

#define PRODUCERS 4
#define PUSHES 20000

static void *produce(void *arg)
{
	uint32_t producer = *(uint32_t *)arg;

	for (uint32_t i = 0; i < PUSHES; i++) {
		while (!push(producer, i))
			sched_yield();
	}
	return NULL;
}

/* Nothing is lost, doubled, torn, or out of its producer's order. */
START_TEST(many_threads_push)
{
	pthread_t threads[PRODUCERS];
	uint32_t ids[PRODUCERS];
	uint32_t next[PRODUCERS] = { 0 };

	/* Small, so that it is often full, empty and contended. */
	ck_assert_int_eq(ring_init(&ring, _i ? 64 : 2, sizeof(struct cell)), 0);
	for (uint32_t i = 0; i < PRODUCERS; i++) {
		ids[i] = i;
		ck_assert_int_eq(
			pthread_create(&threads[i], NULL, produce, &ids[i]), 0);
	}
	for (uint32_t popped = 0; popped < PRODUCERS * PUSHES;) {
		const struct cell *cell = ring_peek(&ring);

		if (!cell) {
			sched_yield();
			continue;
		}
		if (cell->producer >= PRODUCERS ||
		    cell->number != next[cell->producer] ||
		    cell->payload[0] != (uint8_t)cell->number ||
		    cell->payload[99] != (uint8_t)cell->number)
			ck_abort_msg("cell %u: producer %u, number %u", popped,
				     cell->producer, cell->number);
		next[cell->producer]++;
		ring_release(&ring);
		popped++;
	}
	for (uint32_t i = 0; i < PRODUCERS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_ptr_null(ring_peek(&ring));
	ring_fini(&ring);
}
END_TEST

static Suite *ring_suite(void)
{
	Suite *s = suite_create("ring");
	TCase *alone = tcase_create("alone");
	TCase *threads = tcase_create("threads");

	tcase_add_test(alone, first_in_first_out_and_full);
	tcase_add_test(alone, one_released_one_free);
	tcase_add_test(alone, a_claimed_cell_holds_up_those_behind);
	tcase_add_test(alone, positions_wrap);
	tcase_add_test(alone, cells_are_apart_and_aligned);
	tcase_add_test(alone, memory);
	tcase_add_test(alone, not_a_power_of_two_is_an_assertion);
	suite_add_tcase(s, alone);

	tcase_set_timeout(threads, 60);
	tcase_add_loop_test(threads, many_threads_push, 0, 2);
	suite_add_tcase(s, threads);
	return s;
}

UNIT_MAIN(ring_suite)
