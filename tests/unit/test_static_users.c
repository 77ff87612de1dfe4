/* link: -Wl,--wrap=malloc,--wrap=calloc,--wrap=mmap,--wrap=hash_bytes,--wrap=crypto_equal */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "store/static_users.h"

/* The n-th allocation from now fails; 0: none does. */
static unsigned fail_at;

static bool fails_now(void)
{
	return fail_at > 0 && --fail_at == 0;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_mmap(void *at, size_t len, int prot, int flags, int fd,
		  off_t offset);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd,
		  off_t offset);

void *__wrap_malloc(size_t size)
{
	return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd,
		  off_t offset)
{
	return fails_now() ? MAP_FAILED
			   : __real_mmap(at, len, prot, flags, fd, offset);
}

/* The work that a lookup does. */
static struct {
	unsigned hashes;
	unsigned comparisons;
	size_t compared_bytes;
} work;

uint64_t __real_hash_bytes(const struct hash_key *k, struct bytes data);
uint64_t __wrap_hash_bytes(const struct hash_key *k, struct bytes data);
bool __real_crypto_equal(const void *a, const void *b, size_t len);
bool __wrap_crypto_equal(const void *a, const void *b, size_t len);

uint64_t __wrap_hash_bytes(const struct hash_key *k, struct bytes data)
{
	work.hashes++;
	return __real_hash_bytes(k, data);
}

bool __wrap_crypto_equal(const void *a, const void *b, size_t len)
{
	work.comparisons++;
	work.compared_bytes += len;
	return __real_crypto_equal(a, b, len);
}

static const struct hash_key key = { 3, 4 };
static struct static_users *set;

static void make(void)
{
	set = static_users_new(&key, TURN_SOURCE_FILE);
	ck_assert_ptr_nonnull(set);
}

static void drop(void)
{
	static_users_free(set);
}

/* Keys and a userhash that follow from a number. */
static struct turn_keys keys_of(unsigned n)
{
	struct turn_keys keys = {
		.md5 = { .len = CRYPTO_MD5_BYTES },
		.sha256 = { .len = CRYPTO_SHA256_BYTES },
	};

	memcpy(keys.md5.bytes, &n, sizeof(n));
	memcpy(keys.sha256.bytes, &n, sizeof(n));
	return keys;
}

static void userhash_of(unsigned n, uint8_t out[STUN_USERHASH_BYTES])
{
	memset(out, 0xaa, STUN_USERHASH_BYTES);
	memcpy(out, &n, sizeof(n));
}

/* The number of a user that is not to be served. */
#define DISABLED 13

static int add(uint8_t realm, const char *name, unsigned n)
{
	struct static_user user = {
		.name = name,
		.realm = realm,
		.disabled = n == DISABLED,
		.keys = keys_of(n),
		.grant.allocations_max = n,
	};

	userhash_of(n, user.userhash);
	return static_users_add(set, &user);
}

static bool look(uint8_t realm, bool by_hash, struct bytes name,
		 struct store_answer *answer)
{
	struct store_query query = {
		.realm = realm,
		.by_hash = by_hash,
		.name = name,
	};

	memset(answer, 0x55, sizeof(*answer));
	ck_assert(static_users_source.lookup(set, &query, answer));
	ck_assert(answer->result == TURN_LOOKUP_FOUND ||
		  answer->result == TURN_LOOKUP_UNKNOWN);
	return answer->result == TURN_LOOKUP_FOUND;
}

/* Finds nobody (0) or the user with that number, by name and by hash. */
static void expect(uint8_t realm, const char *name, unsigned n)
{
	struct store_answer answer;

	ck_assert_msg(look(realm, false, bytes_str(name), &answer) == (n > 0),
		      "%u %s", realm, name);
	if (n == 0)
		return;
	ck_assert_uint_eq(answer.user.grant.allocations_max, n);
	ck_assert_uint_eq(answer.user.key_count, 1);
	ck_assert_int_eq(answer.user.source, TURN_SOURCE_FILE);
	ck_assert(answer.user.disabled == (n == DISABLED));
	ck_assert_int_eq(answer.user.expires_wall_s, 0);
	ck_assert(!answer.user.expiry_ends);
	ck_assert_uint_eq(answer.user.account_at, 0);
	ck_assert_uint_eq(answer.user.keys[0].md5.len, CRYPTO_MD5_BYTES);
	ck_assert(bytes_equal(answer.name, bytes_str(name)));
}

static void expect_hash(uint8_t realm, unsigned n, const char *name)
{
	uint8_t userhash[STUN_USERHASH_BYTES];
	struct store_answer answer;

	userhash_of(n, userhash);
	ck_assert(look(realm, true, bytes_of(userhash, sizeof(userhash)),
		       &answer) == (name != NULL));
	if (!name)
		return;
	ck_assert(bytes_equal(answer.name, bytes_str(name)));
	ck_assert_uint_eq(answer.user.grant.allocations_max, n);
}

START_TEST(nobody_is_in_an_empty_set)
{
	ck_assert_uint_eq(static_users_count(set), 0);
	expect(0, "alice", 0);
	expect(0, "", 0);
	expect_hash(0, 1, NULL);
}
END_TEST

START_TEST(users_are_found_in_their_realm)
{
	ck_assert_int_eq(add(0, "alice", 1), 0);
	ck_assert_int_eq(add(0, "bob", 2), 0);
	ck_assert_int_eq(add(7, "alice", DISABLED), 0);
	ck_assert_uint_eq(static_users_count(set), 3);
	expect(0, "alice", 1);
	expect(0, "bob", 2);
	expect(7, "alice", DISABLED);
	expect(7, "bob", 0);
	expect(1, "alice", 0);
	expect(0, "Alice", 0);
	expect(0, "alic", 0);
	expect(0, "alicea", 0);
	expect_hash(0, 1, "alice");
	expect_hash(0, 2, "bob");
	expect_hash(7, DISABLED, "alice");
	expect_hash(7, 1, NULL);
	ck_assert(static_users_has(set, 7, "alice"));
	ck_assert(!static_users_has(set, 7, "bob"));
	ck_assert(!static_users_has(set, 1, "alice"));
	expect_hash(0, 3, NULL);
}
END_TEST

START_TEST(a_name_is_once_in_a_realm)
{
	ck_assert_int_eq(add(0, "alice", 1), 0);
	ck_assert_int_eq(add(0, "alice", 2), -EEXIST);
	ck_assert_uint_eq(static_users_count(set), 1);
	expect(0, "alice", 1);
	expect_hash(0, 2, NULL);
}
END_TEST

/* Names come from the wire: any bytes, any length. */
START_TEST(strange_names_are_nobodys)
{
	static const uint8_t zeros[STUN_USERNAME_MAX_BYTES + 100];
	struct store_answer answer;
	char longest[STUN_USERNAME_MAX_BYTES + 1];

	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	ck_assert_int_eq(add(0, longest, 1), 0);
	ck_assert_int_eq(add(0, "a", 2), 0);
	expect(0, longest, 1);
	for (size_t len = 0; len <= sizeof(zeros); len++) {
		ck_assert(!look(0, false, bytes_of(zeros, len), &answer));
		ck_assert(!look(0, true, bytes_of(zeros, len), &answer));
	}
	ck_assert(!look(0, false, bytes_of("a\0", 2), &answer));
	/* A name is no hash, nor the other way round. */
	ck_assert(!look(0, true, bytes_str("a"), &answer));
}
END_TEST

START_TEST(many_users_are_all_found)
{
	char name[16];

	for (unsigned n = 1; n <= 5000; n++) {
		snprintf(name, sizeof(name), "user%u", n);
		ck_assert_int_eq(add((uint8_t)(n % 3), name, n), 0);
	}
	ck_assert_uint_eq(static_users_count(set), 5000);
	for (unsigned n = 1; n <= 5000; n++) {
		snprintf(name, sizeof(name), "user%u", n);
		expect((uint8_t)(n % 3), name, n);
		expect((uint8_t)((n + 1) % 3), name, 0);
		expect_hash((uint8_t)(n % 3), n, name);
	}
}
END_TEST

/* Whoever is not there gets the same bytes copied, but they are not keys. */
START_TEST(nobody_has_no_keys)
{
	struct store_answer answer;

	ck_assert_int_eq(add(0, "alice", 1), 0);
	ck_assert(!look(0, false, bytes_str("mallory"), &answer));
	ck_assert_uint_eq(answer.user.keys[0].md5.len, 0);
	ck_assert_uint_eq(answer.user.keys[0].sha256.len, 0);
	ck_assert_uint_eq(answer.name.len, 0);
}
END_TEST

static void expect_work(bool by_hash, struct bytes name)
{
	struct store_answer answer;

	memset(&work, 0, sizeof(work));
	look(0, by_hash, name, &answer);
	ck_assert_uint_eq(work.hashes, 1);
	ck_assert_uint_eq(work.comparisons, 1);
	ck_assert_uint_eq(work.compared_bytes, name.len);
}

START_TEST(a_hit_and_a_miss_are_the_same_work)
{
	uint8_t userhash[STUN_USERHASH_BYTES];

	for (unsigned n = 1; n <= 100; n++) {
		char name[16];

		snprintf(name, sizeof(name), "user%u", n);
		ck_assert_int_eq(add(0, name, n), 0);
	}
	expect_work(false, bytes_str("user7"));
	expect_work(false, bytes_str("nobody"));
	expect_work(false, bytes_str(""));
	userhash_of(7, userhash);
	expect_work(true, bytes_of(userhash, sizeof(userhash)));
	userhash_of(700, userhash);
	expect_work(true, bytes_of(userhash, sizeof(userhash)));
}
END_TEST

START_TEST(a_set_without_memory)
{
	unsigned n = 1;

	for (;; n++) {
		struct static_users *s;

		fail_at = n;
		s = static_users_new(&key, TURN_SOURCE_FILE);
		if (s) {
			fail_at = 0;
			static_users_free(s);
			break;
		}
		ck_assert_uint_eq(fail_at, 0);
	}
	/* The set, its pool and two maps. */
	ck_assert_uint_eq(n, 5);
	static_users_free(NULL);
}
END_TEST

START_TEST(a_user_without_memory)
{
	fail_at = 1;
	ck_assert_int_eq(add(0, "alice", 1), -ENOMEM);
	ck_assert_uint_eq(static_users_count(set), 0);
	expect(0, "alice", 0);
	ck_assert_int_eq(add(0, "alice", 2), 0);
	expect(0, "alice", 2);
}
END_TEST

START_TEST(a_set_can_be_full)
{
	unsigned n = 1;
	char name[16];
	int error;

	do {
		snprintf(name, sizeof(name), "%u", n);
		error = add(0, name, n);
		n++;
	} while (!error);
	ck_assert_int_eq(error, -ENOMEM);
	ck_assert_uint_eq(static_users_count(set), 65536);
	expect(0, "65536", 65536);
	expect(0, name, 0);
}
END_TEST

static Suite *static_users_suite(void)
{
	Suite *s = suite_create("static_users");
	TCase *t = tcase_create("set");

	tcase_add_checked_fixture(t, make, drop);
	tcase_add_test(t, nobody_is_in_an_empty_set);
	tcase_add_test(t, users_are_found_in_their_realm);
	tcase_add_test(t, a_name_is_once_in_a_realm);
	tcase_add_test(t, strange_names_are_nobodys);
	tcase_add_test(t, many_users_are_all_found);
	tcase_add_test(t, nobody_has_no_keys);
	tcase_add_test(t, a_hit_and_a_miss_are_the_same_work);
	tcase_add_test(t, a_set_without_memory);
	tcase_add_test(t, a_user_without_memory);
	tcase_add_test(t, a_set_can_be_full);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(static_users_suite)
