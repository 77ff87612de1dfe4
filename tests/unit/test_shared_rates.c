/* link: -Wl,--wrap=mmap */
#include "unit.h"

#include <errno.h>
#include <sys/mman.h>

#include "turn/shared_rates.h"

void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);

static struct shared_rates rates;
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
	ck_assert_int_eq(shared_rates_init(&rates, 4), 0);
}

static void tear_down(void)
{
	shared_rates_fini(&rates);
}

START_TEST(each_slot_and_the_process_have_their_own_cache_line)
{
	ck_assert_uint_eq((uintptr_t)rates.total % 64, 0);
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_uint_eq((uintptr_t)&rates.users[i] % 64, 0);
		ck_assert_ptr_ne(&rates.users[i], rates.total);
	}
	ck_assert_uint_eq(sizeof(rates.users[0]) % 64, 0);
}
END_TEST

/* What one has used up it does not get back by leaving for a moment. */
START_TEST(a_user_that_returns_finds_its_bucket)
{
	shared_rates_claim(&rates, 2, 77, 0);
	atomic_store(&rates.users[2].used[RATE_TO_PEER], 1000);
	atomic_store(&rates.users[2].used[RATE_TO_CLIENT], 2000);
	shared_rates_claim(&rates, 2, 77, 0);
	ck_assert_uint_eq(rates.users[2].used[RATE_TO_PEER], 1000);
	ck_assert_uint_eq(rates.users[2].used[RATE_TO_CLIENT], 2000);
}
END_TEST

START_TEST(another_user_does_not_inherit_it)
{
	shared_rates_claim(&rates, 2, 77, 5);
	atomic_store(&rates.users[2].used[RATE_TO_PEER], 1000);
	atomic_store(&rates.users[2].used[RATE_TO_CLIENT], 2000);
	shared_rates_claim(&rates, 2, 78, 0);
	ck_assert_uint_eq(rates.users[2].used[RATE_TO_PEER], 0);
	ck_assert_uint_eq(rates.users[2].used[RATE_TO_CLIENT], 0);
	ck_assert_uint_eq(rates.users[2].own, 0);
	ck_assert_uint_eq(rates.users[1].owner, 0);
	ck_assert_uint_eq(rates.users[3].owner, 0);
}
END_TEST

START_TEST(the_own_rate_is_what_was_said_last)
{
	shared_rates_claim(&rates, 0, 77, 500);
	ck_assert_uint_eq(rates.users[0].own, 500);
	shared_rates_claim(&rates, 0, 77, 600);
	ck_assert_uint_eq(rates.users[0].own, 600);
	shared_rates_claim(&rates, 0, 77, 0);
	ck_assert_uint_eq(rates.users[0].own, 0);
}
END_TEST

START_TEST(out_of_memory_holds_nothing)
{
	struct shared_rates r;

	mmap_fails = true;
	ck_assert_int_eq(shared_rates_init(&r, 4), -ENOMEM);
	mmap_fails = false;
	ck_assert_ptr_null(r.total);
	shared_rates_fini(&r);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("shared_rates");
	TCase *t = tcase_create("shared_rates");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, each_slot_and_the_process_have_their_own_cache_line);
	tcase_add_test(t, a_user_that_returns_finds_its_bucket);
	tcase_add_test(t, another_user_does_not_inherit_it);
	tcase_add_test(t, the_own_rate_is_what_was_said_last);
	tcase_add_test(t, out_of_memory_holds_nothing);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
