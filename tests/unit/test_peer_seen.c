/* link: -Wl,--wrap=mmap */
#include "unit.h"

#include <errno.h>
#include <sys/mman.h>

#include "turn/peer_seen.h"

#define NOW_MS UINT64_C(1000000)
#define LATELY_MS (1000 * (PEER_SEEN_S - 1))

void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);

static struct peer_seen seen;
static bool mmap_fails;

void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off)
{
	if (mmap_fails) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	return __real_mmap(at, len, prot, flags, fd, off);
}

static void set_up(void)
{
	ck_assert_int_eq(peer_seen_init(&seen, 1), 0);
}

static void tear_down(void)
{
	peer_seen_fini(&seen);
}

/* The i-th hash that falls into the first bucket. */
static uint64_t in_one_bucket(uint64_t i)
{
	return i << 32;
}

START_TEST(what_was_added_is_found)
{
	uint64_t state = 1;

	for (unsigned i = 0; i < 64; i++) {
		uint64_t hash = unit_random(&state);

		ck_assert(!peer_seen_find(&seen, hash, NOW_MS));
		peer_seen_add(&seen, hash, NOW_MS);
		ck_assert(peer_seen_find(&seen, hash, NOW_MS));
	}
}
END_TEST

/* Also the hash 0 at the time 0. */
START_TEST(a_free_place_is_no_peer)
{
	ck_assert(!peer_seen_find(&seen, 0, 0));
	peer_seen_add(&seen, 0, 0);
	ck_assert(peer_seen_find(&seen, 0, 0));
}
END_TEST

START_TEST(both_halves_of_the_hash_count)
{
	peer_seen_add(&seen, UINT64_C(5) << 32 | 7, NOW_MS);
	ck_assert(!peer_seen_find(&seen, UINT64_C(5) << 32 | 8, NOW_MS));
	ck_assert(!peer_seen_find(&seen, UINT64_C(6) << 32 | 7, NOW_MS));
	ck_assert(peer_seen_find(&seen, UINT64_C(5) << 32 | 7, NOW_MS));
}
END_TEST

START_TEST(a_peer_grows_old_unless_it_is_used)
{
	peer_seen_add(&seen, 1, NOW_MS);
	ck_assert(peer_seen_find(&seen, 1, NOW_MS + LATELY_MS));
	ck_assert(peer_seen_find(&seen, 1, NOW_MS + 2 * LATELY_MS));
	ck_assert(!peer_seen_find(&seen, 1, NOW_MS + 3 * LATELY_MS + 1000));
	/* Its own place is the one it takes again. */
	peer_seen_add(&seen, 1, NOW_MS + 3 * LATELY_MS + 1000);
	ck_assert(peer_seen_find(&seen, 1, NOW_MS + 4 * LATELY_MS + 1000));
	ck_assert_uint_eq(seen.entries[8 * 1 + 1], 0);
}
END_TEST

START_TEST(the_least_recently_used_makes_room)
{
	for (uint64_t i = 0; i < 8; i++)
		peer_seen_add(&seen, in_one_bucket(i), NOW_MS + 1000 * i);
	/* The oldest is used: now the second is. */
	ck_assert(peer_seen_find(&seen, in_one_bucket(0), NOW_MS + 9000));
	peer_seen_add(&seen, in_one_bucket(8), NOW_MS + 10000);
	for (uint64_t i = 0; i <= 8; i++)
		ck_assert_int_eq(
			peer_seen_find(&seen, in_one_bucket(i), NOW_MS + 11000),
			i != 1);
}
END_TEST

/* Sixteen of each allocation, and never less than a page. */
START_TEST(it_is_sized_by_the_allocations)
{
	struct peer_seen large;

	ck_assert_uint_eq(seen.mapped_bytes, 4096);
	ck_assert_int_eq(peer_seen_init(&large, 16000), 0);
	ck_assert_uint_ge(large.mapped_bytes, 16000 * 16 * 8);
	ck_assert_uint_le(large.mapped_bytes, 2 * 16000 * 16 * 8);
	for (uint64_t i = 0; i < 100000; i++)
		peer_seen_add(&large, i << 32 | i, NOW_MS);
	for (uint64_t i = 0; i < 100000; i++)
		ck_assert(peer_seen_find(&large, i << 32 | i, NOW_MS));
	peer_seen_fini(&large);
}
END_TEST

START_TEST(out_of_memory_holds_nothing)
{
	struct peer_seen p;

	mmap_fails = true;
	ck_assert_int_eq(peer_seen_init(&p, 4), -ENOMEM);
	mmap_fails = false;
	ck_assert_ptr_null(p.entries);
	peer_seen_fini(&p);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("peer_seen");
	TCase *t = tcase_create("peer_seen");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, what_was_added_is_found);
	tcase_add_test(t, a_free_place_is_no_peer);
	tcase_add_test(t, both_halves_of_the_hash_count);
	tcase_add_test(t, a_peer_grows_old_unless_it_is_used);
	tcase_add_test(t, the_least_recently_used_makes_room);
	tcase_add_test(t, it_is_sized_by_the_allocations);
	tcase_add_test(t, out_of_memory_holds_nothing);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
