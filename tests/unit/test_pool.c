/* link: -Wl,--wrap=mmap -Wl,--wrap=madvise */
#include "unit.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/pool.h"

static bool mmap_fails;
static bool madvise_fails;
static int last_advice;

void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
int __real_madvise(void *at, size_t len, int advice);
int __wrap_madvise(void *at, size_t len, int advice);

void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off)
{
	if (mmap_fails) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	return __real_mmap(at, len, prot, flags, fd, off);
}

int __wrap_madvise(void *at, size_t len, int advice)
{
	last_advice = advice;
	if (madvise_fails) {
		errno = EINVAL;
		return -1;
	}
	return __real_madvise(at, len, advice);
}

struct record {
	uint64_t stamp;
	uint8_t more[21]; /* an odd size on purpose */
};

static struct pool pool_of(uint32_t capacity, bool secret)
{
	struct pool p;

	ck_assert_int_eq(pool_init(&p, sizeof(struct record), capacity, secret),
			 0);
	return p;
}

static bool all_zero(const void *data, size_t len)
{
	const uint8_t *byte = data;

	for (size_t i = 0; i < len; i++) {
		if (byte[i])
			return false;
	}
	return true;
}

START_TEST(lowest_index_first_then_last_given_back)
{
	struct pool p = pool_of(4, false);

	for (uint32_t i = 0; i < 4; i++)
		ck_assert_uint_eq(pool_take(&p), i);
	ck_assert_uint_eq(pool_take(&p), POOL_NONE);
	ck_assert_uint_eq(p.used, 4);
	pool_give(&p, 1);
	pool_give(&p, 3);
	ck_assert_uint_eq(p.used, 2);
	ck_assert_uint_eq(pool_take(&p), 3);
	ck_assert_uint_eq(pool_take(&p), 1);
	ck_assert_uint_eq(pool_take(&p), POOL_NONE);
	pool_fini(&p);
}
END_TEST

START_TEST(records_are_apart_aligned_and_zeroed)
{
	struct pool p = pool_of(3, false);

	for (uint32_t round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < 3; i++) {
			struct record *r = pool_at(&p, pool_take(&p));

			ck_assert_uint_eq((uintptr_t)r % 8, 0);
			ck_assert(all_zero(r, sizeof(*r)));
			memset(r, 0xff, sizeof(*r));
		}
		for (uint32_t i = 0; i < 3; i++)
			pool_give(&p, i);
	}
	pool_fini(&p);
}
END_TEST

START_TEST(odd_sizes_do_not_overlap)
{
	struct pool p;

	for (size_t bytes = 1; bytes < 40; bytes++) {
		ck_assert_int_eq(pool_init(&p, bytes, 3, false), 0);
		for (uint32_t i = 0; i < 3; i++)
			pool_take(&p);
		for (uint32_t i = 0; i < 3; i++)
			memset(pool_at(&p, i), 0xff, bytes);
		for (uint32_t i = 0; i < 3; i++)
			ck_assert(pool_is_taken(&p, i));
		pool_fini(&p);
	}
}
END_TEST

START_TEST(taken_or_not)
{
	struct pool p = pool_of(3, false);

	ck_assert(!pool_is_taken(&p, 0));
	pool_take(&p);
	pool_take(&p);
	ck_assert(pool_is_taken(&p, 0));
	ck_assert(pool_is_taken(&p, 1));
	ck_assert(!pool_is_taken(&p, 2));
	ck_assert(!pool_is_taken(&p, 3));
	ck_assert(!pool_is_taken(&p, POOL_NONE));
	pool_give(&p, 0);
	ck_assert(!pool_is_taken(&p, 0));
	pool_give(&p, 1); /* its free list now leads to record 0 */
	ck_assert(!pool_is_taken(&p, 1));
	pool_fini(&p);
}
END_TEST

START_TEST(references_end_with_their_record)
{
	struct pool p = pool_of(2, false);
	uint32_t index = pool_take(&p);
	struct ref ref = pool_ref(&p, index);
	struct ref later;

	ck_assert_ptr_eq(pool_get(&p, ref), pool_at(&p, index));
	pool_give(&p, index);
	ck_assert_ptr_null(pool_get(&p, ref));
	ck_assert_uint_eq(pool_take(&p), index);
	ck_assert_ptr_null(pool_get(&p, ref));
	later = pool_ref(&p, index);
	ck_assert_uint_eq(later.index, index);
	ck_assert_ptr_nonnull(pool_get(&p, later));

	ck_assert_ptr_null(pool_get(&p, (struct ref){ .index = 1 }));
	ck_assert_ptr_null(pool_get(&p, (struct ref){ .index = POOL_NONE }));
	pool_fini(&p);
}
END_TEST

/* A zeroed reference must never resolve, not even after 2^32 rounds. */
START_TEST(generation_skips_zero)
{
	struct pool p = pool_of(1, false);
	uint32_t index = pool_take(&p);

	ck_assert_ptr_null(pool_get(&p, (struct ref){ 0 }));
	pool_slot(&p, index)->generation = UINT32_MAX;
	pool_give(&p, index);
	pool_take(&p);
	ck_assert_uint_ne(pool_ref(&p, index).generation, 0);
	ck_assert_ptr_null(pool_get(&p, (struct ref){ 0 }));
	pool_fini(&p);
}
END_TEST

static void give_first(void *p)
{
	pool_give(p, 0);
}

static void look_at_first(void *p)
{
	pool_at(p, 0);
}

static void refer_to_first(void *p)
{
	pool_ref(p, 0);
}

START_TEST(misuse_is_an_assertion)
{
	struct pool p = pool_of(2, false);

	ck_assert(unit_aborts(give_first, &p));
	pool_take(&p);
	ck_assert(!unit_aborts(give_first, &p));
	ck_assert(!unit_aborts(look_at_first, &p));
	pool_give(&p, 0);
	ck_assert(unit_aborts(give_first, &p));
	ck_assert(unit_aborts(look_at_first, &p));
	ck_assert(unit_aborts(refer_to_first, &p));
	pool_fini(&p);
}
END_TEST

START_TEST(secrets_are_wiped_when_given_back)
{
	struct pool p = pool_of(2, true);
	struct record *r = pool_at(&p, pool_take(&p));

	memset(r, 0x5a, sizeof(*r));
	pool_give(&p, 0);
	/* A look behind the contract: the page is still there. */
	ck_assert(all_zero(r, sizeof(*r)));
	ck_assert_int_eq(last_advice, MADV_DONTDUMP);
	pool_take(&p);
	pool_fini(&p);
}
END_TEST

static size_t resident_pages(const struct pool *p)
{
	size_t pages = (p->mapped_bytes + 4095) / 4096;
	unsigned char *resident = calloc(pages, 1);
	size_t count = 0;

	ck_assert_ptr_nonnull(resident);
	ck_assert_int_eq(mincore(p->base, p->mapped_bytes, resident), 0);
	for (size_t i = 0; i < pages; i++)
		count += resident[i] & 1;
	free(resident);
	return count;
}

START_TEST(unused_records_cost_no_pages)
{
	struct pool p;

	if (sysconf(_SC_PAGESIZE) != 4096)
		return;
	/* One record and its slot are a quarter of a page. */
	ck_assert_int_eq(
		pool_init(&p, 1024 - sizeof(struct pool_slot), 100000, false),
		0);
	ck_assert_uint_eq(resident_pages(&p), 0);
	for (int i = 0; i < 4; i++)
		pool_take(&p);
	ck_assert_uint_eq(resident_pages(&p), 1);
	pool_give(&p, 2);
	pool_take(&p);
	ck_assert_uint_eq(resident_pages(&p), 1);
	pool_take(&p);
	ck_assert_uint_eq(resident_pages(&p), 2);
	/* Asking is not taking. */
	ck_assert(!pool_is_taken(&p, 90000));
	ck_assert_ptr_null(pool_get(&p, (struct ref){ 90000, 1 }));
	ck_assert_uint_eq(resident_pages(&p), 2);
	pool_fini(&p);
}
END_TEST

START_TEST(no_capacity_is_always_full)
{
	struct pool p = pool_of(0, false);

	ck_assert_uint_eq(pool_take(&p), POOL_NONE);
	pool_fini(&p);
}
END_TEST

START_TEST(fini_twice_and_of_nothing)
{
	struct pool p = { 0 };

	pool_fini(&p);
	p = pool_of(1, true);
	pool_take(&p);
	pool_fini(&p);
	ck_assert_ptr_null(p.base);
	pool_fini(&p);
}
END_TEST

START_TEST(no_address_space)
{
	struct pool p;

	mmap_fails = true;
	ck_assert_int_eq(pool_init(&p, 8, 8, false), -ENOMEM);
	pool_fini(&p);
	mmap_fails = false;
	madvise_fails = true;
	ck_assert_int_eq(pool_init(&p, 8, 8, true), -ENOMEM);
	ck_assert_ptr_null(p.base);
	pool_fini(&p);
	/* A pool without secrets asks for no such thing. */
	ck_assert_int_eq(pool_init(&p, 8, 8, false), 0);
	pool_fini(&p);
	madvise_fails = false;
}
END_TEST

START_TEST(sizes_that_overflow)
{
	struct pool p;

	ck_assert_int_eq(pool_init(&p, SIZE_MAX, 1, false), -ENOMEM);
	ck_assert_int_eq(pool_init(&p, SIZE_MAX - 7, 1, false), -ENOMEM);
	ck_assert_int_eq(pool_init(&p, SIZE_MAX / 2, 4, false), -ENOMEM);
	ck_assert_int_eq(pool_init(&p, SIZE_MAX / 8, 4, false), -ENOMEM);
}
END_TEST

#define MODEL_RECORDS 100

/* What the pool should hold, kept the simplest way. */
struct model {
	struct pool pool;
	bool taken[MODEL_RECORDS];
	uint64_t stamp[MODEL_RECORDS];
	struct ref ref[MODEL_RECORDS];
	struct ref stale[MODEL_RECORDS];
	uint32_t used;
};

static void model_take(struct model *m, uint64_t stamp)
{
	uint32_t index = pool_take(&m->pool);
	struct record *r;

	if (m->used == MODEL_RECORDS) {
		ck_assert_uint_eq(index, POOL_NONE);
		return;
	}
	ck_assert_uint_lt(index, MODEL_RECORDS);
	ck_assert(!m->taken[index]);
	r = pool_at(&m->pool, index);
	ck_assert(all_zero(r, sizeof(*r)));
	memset(r->more, 0xff, sizeof(r->more));
	r->stamp = stamp;
	m->taken[index] = true;
	m->stamp[index] = stamp;
	m->ref[index] = pool_ref(&m->pool, index);
	m->used++;
}

static void model_give(struct model *m, uint32_t index)
{
	if (!m->taken[index])
		return;
	pool_give(&m->pool, index);
	m->taken[index] = false;
	m->stale[index] = m->ref[index];
	m->used--;
}

static void model_check(const struct model *m)
{
	ck_assert_uint_eq(m->pool.used, m->used);
	for (uint32_t i = 0; i < MODEL_RECORDS; i++) {
		const struct record *r = pool_get(&m->pool, m->ref[i]);

		ck_assert(pool_is_taken(&m->pool, i) == m->taken[i]);
		ck_assert(!pool_get(&m->pool, m->stale[i]));
		ck_assert(!!r == m->taken[i]);
		if (r)
			ck_assert_uint_eq(r->stamp, m->stamp[i]);
	}
}

START_TEST(behaves_as_a_simple_model)
{
	struct model m = { .used = 0 };
	uint64_t seed = 1;

	m.pool = pool_of(MODEL_RECORDS, _i == 1);
	for (int step = 0; step < 20000; step++) {
		uint64_t dice = unit_random(&seed);

		/* Long rises and falls: full and empty both happen. */
		if (dice % 100 < (step / 500 % 2 ? 40U : 70U))
			model_take(&m, dice);
		else
			model_give(&m, (uint32_t)(dice >> 32) % MODEL_RECORDS);
		if (step % 50 == 0)
			model_check(&m);
	}
	pool_fini(&m.pool);
}
END_TEST

static Suite *pool_suite(void)
{
	Suite *s = suite_create("pool");
	TCase *use = tcase_create("use");
	TCase *memory = tcase_create("memory");
	TCase *model = tcase_create("model");

	tcase_add_test(use, lowest_index_first_then_last_given_back);
	tcase_add_test(use, records_are_apart_aligned_and_zeroed);
	tcase_add_test(use, odd_sizes_do_not_overlap);
	tcase_add_test(use, taken_or_not);
	tcase_add_test(use, references_end_with_their_record);
	tcase_add_test(use, generation_skips_zero);
	tcase_add_test(use, misuse_is_an_assertion);
	suite_add_tcase(s, use);

	tcase_add_test(memory, secrets_are_wiped_when_given_back);
	tcase_add_test(memory, unused_records_cost_no_pages);
	tcase_add_test(memory, no_capacity_is_always_full);
	tcase_add_test(memory, fini_twice_and_of_nothing);
	tcase_add_test(memory, no_address_space);
	tcase_add_test(memory, sizes_that_overflow);
	suite_add_tcase(s, memory);

	tcase_add_loop_test(model, behaves_as_a_simple_model, 0, 2);
	suite_add_tcase(s, model);
	return s;
}

UNIT_MAIN(pool_suite)
