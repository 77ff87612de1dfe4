/* link: -Wl,--wrap=mmap */
#include "unit.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include "base/map.h"

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

struct record {
	uint64_t key;
	struct map_link link;
	struct map_link other_link;
};

static struct pool pool;
static struct map map;

static void set_up(uint32_t capacity)
{
	ck_assert_int_eq(
		pool_init(&pool, sizeof(struct record), capacity, false), 0);
	ck_assert_int_eq(map_init(&map, &pool, offsetof(struct record, link)),
			 0);
}

static void tear_down(void)
{
	map_fini(&map);
	pool_fini(&pool);
}

static uint32_t add(uint64_t key, uint32_t hash)
{
	uint32_t index = pool_take(&pool);
	struct record *r = pool_at(&pool, index);

	r->key = key;
	map_add(&map, index, hash);
	return index;
}

static uint32_t find(uint64_t key, uint32_t hash)
{
	for (uint32_t i = map_first(&map, hash); i != POOL_NONE;
	     i = map_next(&map, i)) {
		const struct record *r = pool_at(&pool, i);

		if (r->key == key)
			return i;
	}
	return POOL_NONE;
}

START_TEST(empty_finds_nothing)
{
	set_up(10);
	ck_assert_uint_eq(map_first(&map, 0), POOL_NONE);
	ck_assert_uint_eq(map_first(&map, UINT32_MAX), POOL_NONE);
	tear_down();
}
END_TEST

START_TEST(adds_finds_and_removes)
{
	uint32_t a;
	uint32_t b;

	set_up(10);
	a = add(1, 0x1111);
	b = add(2, 0x2222);
	ck_assert_uint_eq(map.count, 2);
	ck_assert_uint_eq(find(1, 0x1111), a);
	ck_assert_uint_eq(find(2, 0x2222), b);
	ck_assert_uint_eq(find(1, 0x2222), POOL_NONE);
	map_remove(&map, a);
	ck_assert_uint_eq(find(1, 0x1111), POOL_NONE);
	ck_assert_uint_eq(find(2, 0x2222), b);
	map_remove(&map, b);
	ck_assert_uint_eq(find(2, 0x2222), POOL_NONE);
	ck_assert_uint_eq(map.count, 0);
	tear_down();
}
END_TEST

/* One bucket or many, only the very same hash is returned. */
START_TEST(same_hash_is_chained_and_others_passed_over)
{
	uint32_t seen = 0;

	set_up(64);
	for (uint64_t i = 0; i < 30; i++)
		add(i, (uint32_t)(i % 3) << 28 | 5); /* the same low bits */
	for (uint32_t i = map_first(&map, 1U << 28 | 5); i != POOL_NONE;
	     i = map_next(&map, i)) {
		const struct record *r = pool_at(&pool, i);

		ck_assert_uint_eq(r->key % 3, 1);
		seen++;
	}
	ck_assert_uint_eq(seen, 10);
	ck_assert_uint_eq(map_first(&map, 5 | 1U << 16), POOL_NONE);
	tear_down();
}
END_TEST

START_TEST(removes_first_middle_and_last_of_a_chain)
{
	uint32_t index[3];

	for (int gone = 0; gone < 3; gone++) {
		set_up(3);
		for (uint64_t i = 0; i < 3; i++)
			index[i] = add(i, 7);
		map_remove(&map, index[gone]);
		for (int i = 0; i < 3; i++)
			ck_assert_uint_eq(find((uint64_t)i, 7),
					  i == gone ? POOL_NONE : index[i]);
		tear_down();
	}
}
END_TEST

static void remove_first(void *unused)
{
	(void)unused;
	map_remove(&map, 0);
}

START_TEST(removing_twice_is_an_assertion)
{
	set_up(3);
	add(1, 7);
	map_remove(&map, 0);
	ck_assert(unit_aborts(remove_first, NULL));
	tear_down();
}
END_TEST

static void add_once_more(void *unused)
{
	(void)unused;
	map_add(&map, 0, 8);
}

START_TEST(more_than_the_pool_holds_is_an_assertion)
{
	set_up(3);
	for (uint64_t i = 0; i < 3; i++)
		add(i, 7);
	ck_assert(unit_aborts(add_once_more, NULL));
	tear_down();
}
END_TEST

/* Each record sits in the bucket that its hash names. */
static uint32_t longest_chain(void)
{
	uint32_t longest = 0;
	uint32_t total = 0;

	for (uint32_t b = 0; b < map.buckets; b++) {
		uint32_t length = 0;

		for (uint32_t i = map.heads[b]; i != 0;
		     i = map_link(&map, i - 1)->next) {
			uint32_t hash = map_link(&map, i - 1)->hash;

			ck_assert_uint_eq(map_bucket(&map, hash), b);
			length++;
		}
		total += length;
		if (length > longest)
			longest = length;
	}
	ck_assert_uint_eq(total, map.count);
	return longest;
}

START_TEST(grows_with_its_records)
{
	uint64_t seed = 2;

	set_up(1000);
	for (uint32_t i = 1; i <= 1000; i++) {
		add(i, (uint32_t)unit_random(&seed));
		ck_assert_uint_eq(map.buckets, i);
		if (i % 50 == 0)
			ck_assert_uint_le(longest_chain(), 12);
	}
	ck_assert_uint_eq(pool_take(&pool), POOL_NONE);
	tear_down();
}
END_TEST

/* Two maps over the same records, and more records than one map's buckets. */
START_TEST(two_maps_share_records)
{
	struct map other;

	set_up(5);
	ck_assert_int_eq(
		map_init(&other, &pool, offsetof(struct record, other_link)),
		0);
	for (uint32_t i = 0; i < 5; i++) {
		add(i, i);
		map_add(&other, i, 100 + i);
	}
	map_remove(&map, 3);
	ck_assert_uint_eq(map_first(&map, 3), POOL_NONE);
	ck_assert_uint_eq(map_first(&other, 103), 3);
	ck_assert_uint_eq(map_first(&other, 3), POOL_NONE);
	map_fini(&other);
	tear_down();
}
END_TEST

START_TEST(memory)
{
	struct map m = { 0 };

	map_fini(&m);
	set_up(3);
	mmap_fails = true;
	ck_assert_int_eq(map_init(&m, &pool, offsetof(struct record, link)),
			 -ENOMEM);
	mmap_fails = false;
	map_fini(&m);
	map_fini(&map);
	ck_assert_ptr_null(map.heads);
	tear_down();
}
END_TEST

START_TEST(smallest_pools)
{
	for (uint32_t capacity = 0; capacity < 4; capacity++) {
		set_up(capacity);
		for (uint32_t i = 0; i < capacity; i++)
			add(i, 0xffffffff - i);
		for (uint32_t i = 0; i < capacity; i++)
			ck_assert_uint_eq(find(i, 0xffffffff - i), i);
		tear_down();
	}
}
END_TEST

#define MODEL_RECORDS 300
#define MODEL_KEYS 600

/* Few hashes, so that many keys share one. */
static uint32_t hash_of(uint64_t key)
{
	return (uint32_t)(key % 97) * 0x9e3779b9;
}

START_TEST(behaves_as_a_simple_model)
{
	uint32_t where[MODEL_KEYS]; /* of each key; POOL_NONE: absent */
	uint64_t seed = 3;

	memset(where, 0xff, sizeof(where));
	set_up(MODEL_RECORDS);
	for (int step = 0; step < 20000; step++) {
		uint64_t dice = unit_random(&seed);
		uint64_t key = dice % MODEL_KEYS;
		bool more = (dice >> 32) % 100 < (step / 2000 % 2 ? 25 : 80);

		ck_assert_uint_eq(find(key, hash_of(key)), where[key]);
		if (more && where[key] == POOL_NONE &&
		    pool.used < MODEL_RECORDS) {
			where[key] = add(key, hash_of(key));
		} else if (!more && where[key] != POOL_NONE) {
			map_remove(&map, where[key]);
			pool_give(&pool, where[key]);
			where[key] = POOL_NONE;
		}
		ck_assert_uint_eq(map.count, pool.used);
		if (step % 100 == 0)
			longest_chain();
	}
	for (uint64_t key = 0; key < MODEL_KEYS; key++)
		ck_assert_uint_eq(find(key, hash_of(key)), where[key]);
	tear_down();
}
END_TEST

static Suite *map_suite(void)
{
	Suite *s = suite_create("map");
	TCase *use = tcase_create("use");
	TCase *model = tcase_create("model");

	tcase_add_test(use, empty_finds_nothing);
	tcase_add_test(use, adds_finds_and_removes);
	tcase_add_test(use, same_hash_is_chained_and_others_passed_over);
	tcase_add_test(use, removes_first_middle_and_last_of_a_chain);
	tcase_add_test(use, removing_twice_is_an_assertion);
	tcase_add_test(use, more_than_the_pool_holds_is_an_assertion);
	tcase_add_test(use, grows_with_its_records);
	tcase_add_test(use, two_maps_share_records);
	tcase_add_test(use, memory);
	tcase_add_test(use, smallest_pools);
	suite_add_tcase(s, use);

	tcase_add_test(model, behaves_as_a_simple_model);
	suite_add_tcase(s, model);
	return s;
}

UNIT_MAIN(map_suite)
