#include "unit.h"

#include <string.h>

#include "worker/tester.h"

static struct crypto *crypto;
static struct random randomness;

static void set_up(void)
{
	static const uint8_t seed[RANDOM_SEED_BYTES] = { 9 };

	crypto = crypto_new();
	random_init(&randomness, crypto, seed);
}

static void tear_down(void)
{
	crypto_free(crypto);
}

START_TEST(each_is_another_one_of_its_realm)
{
	struct tester a, b;

	ck_assert_int_eq(tester_mint(&a, crypto, &randomness, 1, "r"), 0);
	ck_assert_int_eq(tester_mint(&b, crypto, &randomness, 1, "r"), 0);
	ck_assert_str_ne(a.name, b.name);
	ck_assert_str_ne(a.password, b.password);
	ck_assert_uint_eq(strlen(a.password), 32);
	ck_assert(!strncmp(a.name, "self-test-", 10));
	ck_assert_uint_eq(static_users_count(a.users), 1);
	ck_assert(static_users_has(a.users, 1, a.name));
	ck_assert(!static_users_has(a.users, 0, a.name));
	ck_assert(!static_users_has(a.users, 1, b.name));
	tester_fini(&a);
	tester_fini(&b);
	ck_assert_str_eq(a.password, "");
	ck_assert_ptr_null(a.users);
	tester_fini(&a);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("tester");
	TCase *t = tcase_create("tester");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, each_is_another_one_of_its_realm);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
