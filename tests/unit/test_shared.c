/* link: -Wl,--wrap=mmap,--wrap=calloc */
#include "unit.h"

#include <errno.h>
#include <sys/mman.h>

#include "turn/shared.h"

void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

static const struct hash_key key = { 9, 10 };
static struct turn_config config;
static int mmaps_until_failure = -1; /* -1: none fails */
static bool calloc_fails;

void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off)
{
	if (mmaps_until_failure == 0) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	if (mmaps_until_failure > 0)
		mmaps_until_failure--;
	return __real_mmap(at, len, prot, flags, fd, off);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return calloc_fails ? NULL : __real_calloc(count, size);
}

static void set_up(void)
{
	config.peers.relay_port_min = 49152;
	config.peers.relay_port_max = 49251;
	config.limits.allocations = 2;
}

/* Ports and charges are as many as the configuration says. */
START_TEST(sized_by_the_configuration)
{
	struct turn_shared shared;
	struct quota *q = &shared.quota;

	ck_assert_int_eq(turn_shared_init(&shared, &config, &key), 0);
	ck_assert_uint_eq(ports_free(&shared.ports), 100);
	ck_assert_int_eq(quota_take(q, 1, 0), QUOTA_OK);
	ck_assert_int_eq(quota_take(q, 2, 0), QUOTA_OK);
	ck_assert_int_eq(quota_take(q, 3, 0), QUOTA_TOTAL_FULL);
	turn_shared_fini(&shared);
}
END_TEST

/* A bucket of bandwidth beside each counter of the quota. */
START_TEST(each_user_has_room_for_its_bandwidth)
{
	struct turn_shared shared;

	ck_assert_int_eq(turn_shared_init(&shared, &config, &key), 0);
	shared_rates_claim(&shared.rates, quota_slots(&shared.quota) - 1, 5, 6);
	ck_assert_uint_eq(
		shared.rates.users[quota_slots(&shared.quota) - 1].own, 6);
	turn_shared_fini(&shared);
}
END_TEST

/* A user is hashed under the key of this start. */
START_TEST(users_are_known_by_this_starts_key)
{
	static const struct hash_key other = { 11, 12 };
	struct turn_shared a, b;
	struct bytes realm = bytes_str("r"), name = bytes_str("n");

	ck_assert_int_eq(turn_shared_init(&a, &config, &key), 0);
	ck_assert_int_eq(turn_shared_init(&b, &config, &other), 0);
	ck_assert_uint_ne(quota_user(&a.quota, realm, name),
			  quota_user(&b.quota, realm, name));
	turn_shared_fini(&a);
	turn_shared_fini(&b);
}
END_TEST

/* What was made before the failure is released again: see ASan. */
START_TEST(out_of_memory_holds_nothing)
{
	struct turn_shared shared;

	calloc_fails = true;
	ck_assert_int_eq(turn_shared_init(&shared, &config, &key), -ENOMEM);
	calloc_fails = false;
	for (int i = 0; i < 4; i++) {
		mmaps_until_failure = i;
		ck_assert_int_eq(turn_shared_init(&shared, &config, &key),
				 -ENOMEM);
		mmaps_until_failure = -1;
		ck_assert_ptr_null(shared.ports.entries);
		ck_assert_ptr_null(shared.quota.slots);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("shared");
	TCase *t = tcase_create("shared");

	tcase_add_checked_fixture(t, set_up, NULL);
	tcase_add_test(t, sized_by_the_configuration);
	tcase_add_test(t, each_user_has_room_for_its_bandwidth);
	tcase_add_test(t, users_are_known_by_this_starts_key);
	tcase_add_test(t, out_of_memory_holds_nothing);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
