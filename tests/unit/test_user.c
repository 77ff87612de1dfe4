/* link: -Wl,--wrap=mmap */
#include "unit.h"

#include <errno.h>
#include <sys/mman.h>

#include "turn/user.h"

void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);

static const struct hash_key key = { 5, 6 };
static struct users users;
static int mmaps_until_failure = -1; /* -1: none fails */

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

static void set_up(void)
{
	ck_assert_int_eq(users_init(&users, 4, &key), 0);
}

static void tear_down(void)
{
	users_fini(&users);
}

static uint32_t join(uint8_t realm, const char *name)
{
	return users_join(&users, realm, bytes_str(name));
}

START_TEST(allocations_of_a_user_share_one_record)
{
	uint32_t alice = join(0, "alice");

	ck_assert_uint_eq(join(0, "alice"), alice);
	ck_assert_uint_ne(join(0, "bob"), alice);
	ck_assert_uint_eq(users.pool.used, 2);
	ck_assert(bytes_equal(users_name(&users, alice), bytes_str("alice")));
}
END_TEST

START_TEST(the_same_name_in_another_realm_is_another_user)
{
	uint32_t here = join(0, "alice"), there = join(1, "alice");

	ck_assert_uint_ne(here, there);
	ck_assert_uint_eq(join(0, "alice"), here);
	ck_assert_uint_eq(join(1, "alice"), there);
}
END_TEST

/* Also if their hashes should be the same: the record is what is compared. */
START_TEST(a_realm_is_compared_not_only_hashed)
{
	uint32_t alice = join(0, "alice");
	struct user *user = pool_at(&users.pool, alice);

	user->realm = 1; /* now in the bucket of realm 0 */
	ck_assert_uint_ne(join(0, "alice"), alice);
}
END_TEST

START_TEST(the_last_allocation_takes_the_record_with_it)
{
	uint32_t alice = join(0, "alice");

	join(0, "alice");
	users_leave(&users, alice);
	ck_assert_uint_eq(users.pool.used, 1);
	users_leave(&users, alice);
	ck_assert_uint_eq(users.pool.used, 0);
	/* Gone from the index too: this is somebody else's record now. */
	ck_assert_uint_eq(join(0, "bob"), alice);
	ck_assert(bytes_equal(users_name(&users, alice), bytes_str("bob")));
	ck_assert_uint_ne(join(0, "alice"), alice);
}
END_TEST

/* RFC 8489 section 14.3: up to 508 bytes, of whatever content. */
START_TEST(names_are_bytes_of_any_length)
{
	static const uint8_t longest[STUN_USERNAME_MAX_BYTES];
	struct bytes name = bytes_of(longest, sizeof(longest));
	uint32_t i;

	i = users_join(&users, 0, name);
	ck_assert(bytes_equal(users_name(&users, i), name));
	name.len--;
	ck_assert_uint_ne(users_join(&users, 0, name), i);
	name.len = 0;
	ck_assert_uint_eq(users_name(&users, users_join(&users, 0, name)).len,
			  0);
}
END_TEST

static void join_too_long(void *arg)
{
	static const uint8_t name[STUN_USERNAME_MAX_BYTES + 1];

	(void)arg;
	users_join(&users, 0, bytes_of(name, sizeof(name)));
}

static void join_one_too_many(void *arg)
{
	(void)arg;
	join(0, "1");
	join(0, "2");
	join(0, "3");
	join(0, "4");
	join(0, "5");
}

START_TEST(what_cannot_be_is_asserted)
{
	ck_assert(unit_aborts(join_too_long, NULL));
	ck_assert(unit_aborts(join_one_too_many, NULL));
}
END_TEST

START_TEST(out_of_memory_holds_nothing)
{
	struct users u;

	for (int n = 0; n < 2; n++) {
		mmaps_until_failure = n;
		ck_assert_int_eq(users_init(&u, 4, &key), -ENOMEM);
		ck_assert_ptr_null(u.pool.base);
		ck_assert_ptr_null(u.by_name.heads);
	}
	mmaps_until_failure = 2;
	ck_assert_int_eq(users_init(&u, 4, &key), 0);
	mmaps_until_failure = -1;
	users_fini(&u);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("user");
	TCase *t = tcase_create("user");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, allocations_of_a_user_share_one_record);
	tcase_add_test(t, the_same_name_in_another_realm_is_another_user);
	tcase_add_test(t, a_realm_is_compared_not_only_hashed);
	tcase_add_test(t, the_last_allocation_takes_the_record_with_it);
	tcase_add_test(t, names_are_bytes_of_any_length);
	tcase_add_test(t, what_cannot_be_is_asserted);
	tcase_add_test(t, out_of_memory_holds_nothing);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
