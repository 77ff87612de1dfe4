/* link: -Wl,--wrap=calloc,--wrap=mmap,--wrap=hash_bytes,--wrap=crypto_equal */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "store/redis_cache.h"

/* The n-th allocation from now fails; 0: none does. */
static unsigned fail_at;

static bool fails_now(void)
{
	return fail_at > 0 && --fail_at == 0;
}

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_mmap(void *at, size_t len, int prot, int flags, int fd,
		  off_t offset);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd,
		  off_t offset);

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
struct work {
	size_t hashes, comparisons, compared_bytes;
};

static struct work work;
static bool same_hash; /* every name has one */

uint64_t __real_hash_bytes(const struct hash_key *k, struct bytes data);
uint64_t __wrap_hash_bytes(const struct hash_key *k, struct bytes data);
bool __real_crypto_equal(const void *a, const void *b, size_t len);
bool __wrap_crypto_equal(const void *a, const void *b, size_t len);

uint64_t __wrap_hash_bytes(const struct hash_key *k, struct bytes data)
{
	work.hashes++;
	return same_hash ? 7 : __real_hash_bytes(k, data);
}

bool __wrap_crypto_equal(const void *a, const void *b, size_t len)
{
	work.comparisons++;
	work.compared_bytes += len;
	return __real_crypto_equal(a, b, len);
}

#define ENTRIES 80
#define UNKNOWN_MAX 10

static const struct hash_key key = { 3, 4 };
static const struct redis_cache_times times = {
	.ttl_s = 60,
	.negative_ttl_s = 5,
	.stale_s = 3600,
};
static struct redis_cache cache;
static uint64_t now_ms;

static void make(void)
{
	ck_assert_int_eq(redis_cache_init(&cache, ENTRIES, &key), 0);
	now_ms = 1000000;
}

static void drop(void)
{
	redis_cache_fini(&cache);
}

static struct redis_answer found(unsigned n)
{
	struct redis_answer said = {
		.result = TURN_LOOKUP_FOUND,
		.md5.len = CRYPTO_MD5_BYTES,
		.sha256.len = CRYPTO_SHA256_BYTES,
		.allocations_max = n,
		.rate_bytes = 1000 + n,
	};

	memset(said.md5.bytes, (int)n, CRYPTO_MD5_BYTES);
	memset(said.sha256.bytes, (int)n + 1, CRYPTO_SHA256_BYTES);
	return said;
}

static void put(const char *name, const struct redis_answer *said)
{
	struct store_answer answer;

	redis_cache_put(&cache, now_ms, 0, bytes_str(name), said, &answer);
	ck_assert_int_eq(answer.result, said->result);
	if (said->result == TURN_LOOKUP_FOUND)
		ck_assert_uint_eq(answer.user.grant.allocations_max,
				  said->allocations_max);
}

static void put_user(const char *name, unsigned n)
{
	const struct redis_answer said = found(n);

	put(name, &said);
}

static void put_unknown(const char *name)
{
	const struct redis_answer said = { .result = TURN_LOOKUP_UNKNOWN };

	put(name, &said);
}

static enum redis_cache_use find_in(uint8_t realm, const char *name,
				    struct store_answer *answer)
{
	memset(answer, 0x55, sizeof(*answer));
	return redis_cache_find(&cache, now_ms, &times, realm, bytes_str(name),
				answer);
}

static enum redis_cache_use find(const char *name)
{
	struct store_answer answer;

	return find_in(0, name, &answer);
}

/* Finds the user with that number. */
static void expect_user(const char *name, unsigned n, enum redis_cache_use use)
{
	const struct redis_answer said = found(n);
	struct store_answer a;

	ck_assert_int_eq(find_in(0, name, &a), use);
	ck_assert_int_eq(a.result, TURN_LOOKUP_FOUND);
	ck_assert(bytes_equal(a.name, bytes_str(name)));
	ck_assert_int_eq(a.user.source, TURN_SOURCE_REDIS);
	ck_assert(!a.user.disabled && !a.user.expiry_ends);
	ck_assert_int_eq(a.user.revocable, 1);
	ck_assert_int_eq(a.user.expires_wall_s, 0);
	ck_assert_uint_eq(a.user.account_at, 0);
	ck_assert_uint_eq(a.user.grant.allocations_max, n);
	ck_assert_uint_eq(a.user.grant.rate_bytes_per_s, 1000 + n);
	ck_assert_uint_eq(a.user.grant.packets_max, 0);
	ck_assert_uint_eq(a.user.key_count, 1);
	ck_assert(bytes_equal(secret_bytes(&a.user.keys[0].md5),
			      secret_bytes(&said.md5)));
	ck_assert(bytes_equal(secret_bytes(&a.user.keys[0].sha256),
			      secret_bytes(&said.sha256)));
}

START_TEST(an_empty_cache_knows_nothing)
{
	ck_assert_int_eq(find("alice"), REDIS_CACHE_NONE);
	redis_cache_remove(&cache, 0, bytes_str("alice"));
	redis_cache_clear(&cache);
	redis_cache_age(&cache);
	ck_assert_int_eq(find("alice"), REDIS_CACHE_NONE);
}
END_TEST

START_TEST(a_user_is_fresh_then_stale_then_none)
{
	put_user("alice", 1);
	expect_user("alice", 1, REDIS_CACHE_FRESH);
	now_ms += 59999;
	expect_user("alice", 1, REDIS_CACHE_FRESH);
	now_ms += 1;
	expect_user("alice", 1, REDIS_CACHE_STALE);
	now_ms += 3600000 - 60001;
	expect_user("alice", 1, REDIS_CACHE_STALE);
	now_ms += 1;
	ck_assert_int_eq(find("alice"), REDIS_CACHE_NONE);
	put_user("alice", 2);
	expect_user("alice", 2, REDIS_CACHE_FRESH);
	ck_assert_uint_eq(cache.pool.used, 1);
}
END_TEST

START_TEST(an_unknown_name_is_never_stale)
{
	struct store_answer a;

	put_unknown("mallory");
	ck_assert_int_eq(find_in(0, "mallory", &a), REDIS_CACHE_FRESH);
	ck_assert_int_eq(a.result, TURN_LOOKUP_UNKNOWN);
	now_ms += 4999;
	ck_assert_int_eq(find("mallory"), REDIS_CACHE_FRESH);
	now_ms += 1;
	ck_assert_int_eq(find("mallory"), REDIS_CACHE_NONE);
}
END_TEST

START_TEST(all_that_was_said_is_kept)
{
	struct redis_answer said = found(3);
	struct store_answer a;

	said.disabled = true;
	said.md5.len = 0;
	put("bob", &said);
	ck_assert_int_eq(find_in(0, "bob", &a), REDIS_CACHE_FRESH);
	ck_assert(a.user.disabled);
	ck_assert_uint_eq(a.user.keys[0].md5.len, 0);
	ck_assert_uint_eq(a.user.keys[0].sha256.len, CRYPTO_SHA256_BYTES);
}
END_TEST

/* Deleted and made again: what was said last holds. */
START_TEST(a_user_comes_and_goes)
{
	struct store_answer a;

	put_user("alice", 1);
	put_unknown("alice");
	ck_assert_int_eq(find_in(0, "alice", &a), REDIS_CACHE_FRESH);
	ck_assert_int_eq(a.result, TURN_LOOKUP_UNKNOWN);
	ck_assert_uint_eq(a.user.keys[0].md5.len, 0);
	put_user("alice", 2);
	expect_user("alice", 2, REDIS_CACHE_FRESH);
	redis_cache_remove(&cache, 0, bytes_str("alice"));
	ck_assert_int_eq(find("alice"), REDIS_CACHE_NONE);
	ck_assert_uint_eq(cache.pool.used, 0);
}
END_TEST

START_TEST(names_are_bytes_in_a_realm)
{
	const struct redis_answer said = found(1);
	struct store_answer a;
	uint8_t longest[STUN_USERNAME_MAX_BYTES];
	struct bytes odd[] = {
		bytes_of("\0", 1),      bytes_of("a\0b", 3),
		bytes_of("a\r\nb", 4),  bytes_of("%s%n*", 5),
		bytes_of(longest, 508), bytes_of("\xff\xfe", 2),
	};

	memset(longest, 'x', sizeof(longest));
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		redis_cache_put(&cache, now_ms, 1, odd[i], &said, &a);
		ck_assert_int_eq(
			redis_cache_find(&cache, now_ms, &times, 1, odd[i], &a),
			REDIS_CACHE_FRESH);
		ck_assert_int_eq(
			redis_cache_find(&cache, now_ms, &times, 0, odd[i], &a),
			REDIS_CACHE_NONE);
		odd[i].len--;
		if (odd[i].len > 0)
			ck_assert_int_eq(redis_cache_find(&cache, now_ms,
							  &times, 1, odd[i],
							  &a),
					 REDIS_CACHE_NONE);
	}
}
END_TEST

/* Not lost: they are the reserve. */
START_TEST(what_has_aged_is_a_reserve)
{
	put_user("alice", 1);
	put_unknown("mallory");
	redis_cache_age(&cache);
	expect_user("alice", 1, REDIS_CACHE_STALE);
	ck_assert_int_eq(find("mallory"), REDIS_CACHE_NONE);
	put_user("alice", 2);
	expect_user("alice", 2, REDIS_CACHE_FRESH);
	now_ms += 3600000;
	ck_assert_int_eq(find("alice"), REDIS_CACHE_NONE);
}
END_TEST

START_TEST(clear_forgets_all)
{
	put_user("alice", 1);
	put_unknown("mallory");
	redis_cache_clear(&cache);
	ck_assert_int_eq(find("alice"), REDIS_CACHE_NONE);
	ck_assert_int_eq(find("mallory"), REDIS_CACHE_NONE);
	ck_assert_uint_eq(cache.pool.used, 0);
	ck_assert_uint_eq(cache.by_name.count, 0);
}
END_TEST

static void put_number(const char *prefix, unsigned n, bool exists)
{
	char name[32];

	snprintf(name, sizeof(name), "%s-%u", prefix, n);
	if (exists)
		put_user(name, n % 100);
	else
		put_unknown(name);
}

static bool has_number(const char *prefix, unsigned n)
{
	char name[32];

	snprintf(name, sizeof(name), "%s-%u", prefix, n);
	return find(name) == REDIS_CACHE_FRESH;
}

/* However many there are in Redis. */
START_TEST(the_cache_is_bounded)
{
	for (unsigned i = 0; i < 100000; i++)
		put_number("user", i, true);
	ck_assert_uint_eq(cache.pool.used, ENTRIES + UNKNOWN_MAX);
	ck_assert_uint_eq(cache.by_name.count, cache.pool.used);
	ck_assert(has_number("user", 99999));
	ck_assert(!has_number("user", 0));
}
END_TEST

START_TEST(who_is_in_use_stays)
{
	put_user("alice", 1);
	for (unsigned i = 0; i < 1000; i++) {
		put_number("user", i, true);
		if (i % 50 == 0)
			expect_user("alice", 1, REDIS_CACHE_FRESH);
	}
	expect_user("alice", 1, REDIS_CACHE_FRESH);
	ck_assert(!has_number("user", 0));
}
END_TEST

START_TEST(unknown_names_push_no_user_out)
{
	for (unsigned i = 0; i < ENTRIES; i++)
		put_number("user", i, true);
	for (unsigned i = 0; i < 10000; i++)
		put_number("nobody", i, false);
	ck_assert_uint_eq(cache.pool.used, ENTRIES + UNKNOWN_MAX);
	for (unsigned i = 0; i < ENTRIES; i++)
		ck_assert(has_number("user", i));
	for (unsigned i = 0; i < UNKNOWN_MAX; i++)
		ck_assert(has_number("nobody", 9999 - i));
	ck_assert(!has_number("nobody", 9999 - UNKNOWN_MAX));
}
END_TEST

START_TEST(one_entry_is_enough_to_work)
{
	redis_cache_fini(&cache);
	ck_assert_int_eq(redis_cache_init(&cache, 1, &key), 0);
	for (unsigned i = 0; i < 100; i++) {
		put_number("user", i, true);
		ck_assert(has_number("user", i));
		put_number("nobody", i, false);
		ck_assert(has_number("nobody", i));
		ck_assert_uint_le(cache.pool.used, 2);
	}
}
END_TEST

/* Names of one hash find themselves or nobody, never another. */
START_TEST(a_collision_finds_nobody_else)
{
	struct store_answer a;

	same_hash = true;
	put_user("alice", 1);
	put_user("bobby", 2);
	for (int i = 0; i < 2; i++) {
		const char *name = i ? "alice" : "bobby";

		if (find_in(0, name, &a) != REDIS_CACHE_NONE)
			ck_assert_uint_eq(a.user.grant.allocations_max,
					  i ? 1 : 2);
	}
	ck_assert_int_eq(find("carol"), REDIS_CACHE_NONE);
	same_hash = false;
}
END_TEST

static struct work work_of(const char *name)
{
	work = (struct work){ 0 };
	find(name);
	return work;
}

START_TEST(the_work_is_the_same_for_all)
{
	struct work known, other;

	put_user("alice", 1);
	put_unknown("nobod");
	known = work_of("alice");
	ck_assert_uint_eq(known.hashes, 1);
	ck_assert_uint_eq(known.comparisons, 1);
	ck_assert_uint_eq(known.compared_bytes, 5);
	other = work_of("nobod");
	ck_assert_mem_eq(&known, &other, sizeof(known));
	other = work_of("carol");
	ck_assert_mem_eq(&known, &other, sizeof(known));
}
END_TEST

START_TEST(without_memory_there_is_no_cache)
{
	for (unsigned n = 1; n <= 3; n++) {
		struct redis_cache none;

		fail_at = n;
		ck_assert_int_eq(redis_cache_init(&none, 10, &key), -ENOMEM);
		ck_assert_uint_eq(fail_at, 0);
		redis_cache_fini(&none);
	}
}
END_TEST

static Suite *redis_cache_suite(void)
{
	Suite *s = suite_create("redis_cache");
	TCase *c = tcase_create("cache");

	tcase_add_checked_fixture(c, make, drop);
	tcase_add_test(c, an_empty_cache_knows_nothing);
	tcase_add_test(c, a_user_is_fresh_then_stale_then_none);
	tcase_add_test(c, an_unknown_name_is_never_stale);
	tcase_add_test(c, all_that_was_said_is_kept);
	tcase_add_test(c, a_user_comes_and_goes);
	tcase_add_test(c, names_are_bytes_in_a_realm);
	tcase_add_test(c, what_has_aged_is_a_reserve);
	tcase_add_test(c, clear_forgets_all);
	tcase_add_test(c, the_cache_is_bounded);
	tcase_add_test(c, who_is_in_use_stays);
	tcase_add_test(c, unknown_names_push_no_user_out);
	tcase_add_test(c, one_entry_is_enough_to_work);
	tcase_add_test(c, a_collision_finds_nobody_else);
	tcase_add_test(c, the_work_is_the_same_for_all);
	tcase_add_test(c, without_memory_there_is_no_cache);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(redis_cache_suite)
