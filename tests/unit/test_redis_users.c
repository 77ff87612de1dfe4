/* link: -Wl,--wrap=redis_store_ask,--wrap=redis_store_state */
#include "unit.h"

#include <string.h>

#include "store/redis_users.h"

/* --- the thread that asks Redis, in its place ------------------------------- */

static struct redis_question asked; /* the last one */
static unsigned asked_count;
static bool full;
static enum redis_state state;
static int the_store;

bool __wrap_redis_store_ask(struct redis_store *store, uint16_t reader,
			    const struct redis_question *question);
enum redis_state __wrap_redis_store_state(const struct redis_store *store);

bool __wrap_redis_store_ask(struct redis_store *store, uint16_t reader,
			    const struct redis_question *question)
{
	ck_assert_ptr_eq(store, &the_store);
	ck_assert_uint_eq(reader, 3);
	if (full)
		return false;
	asked = *question;
	asked_count++;
	return true;
}

enum redis_state __wrap_redis_store_state(const struct redis_store *store)
{
	ck_assert_ptr_eq(store, &the_store);
	return state;
}

/* ---------------------------------------------------------------------------- */

static const struct hash_key key = { 1, 2 };
static struct redis_users users;
static struct now now;
static struct store_answer answer;

static void make(void)
{
	memset(&users, 0, sizeof(users));
	ck_assert_int_eq(redis_cache_init(&users.cache, 100, &key), 0);
	users.times = (struct redis_cache_times){ 60, 5, 3600 };
	users.store = (struct redis_store *)(void *)&the_store;
	users.reader = 3;
	now = (struct now){ .mono_ms = 5000, .wall_s = 1735689600 };
	state = REDIS_UP;
	full = false;
	asked_count = 0;
}

static void drop(void)
{
	redis_cache_fini(&users.cache);
}

static bool look_as(struct bytes name, bool by_hash, bool recheck)
{
	const struct store_query query = {
		.realm = 2,
		.by_hash = by_hash,
		.recheck = recheck,
		.name = name,
		.now = &now,
		.ticket = { 7, 8 },
	};

	memset(&answer, 0x55, sizeof(answer));
	answer.user.key_count = 1;
	return redis_users_source.lookup(&users, &query, &answer);
}

static bool look(const char *name)
{
	return look_as(bytes_str(name), false, false);
}

/* The answer that Redis gives, and what it is taken for. */
static enum turn_lookup answered(const char *name, enum turn_lookup result,
				 bool recheck)
{
	struct redis_event event = {
		.kind = REDIS_EVENT_ANSWER,
		.realm = 2,
		.name_bytes = (uint16_t)strlen(name),
		.answer = {
			.result = result,
			.recheck = recheck,
			.md5 = { .len = CRYPTO_MD5_BYTES, .bytes = { 9 } },
		},
	};

	memcpy(event.name, name, event.name_bytes);
	memset(&answer, 0x55, sizeof(answer));
	answer.user.key_count = 1;
	redis_users_answered(&users, &now, &event, &answer);
	return answer.result;
}

static void expect_now(const char *name, enum turn_lookup result)
{
	ck_assert(look(name));
	ck_assert_int_eq(answer.result, result);
	if (result == TURN_LOOKUP_FOUND)
		ck_assert_uint_eq(answer.user.keys[0].md5.bytes[0], 9);
	if (result == TURN_LOOKUP_UNAVAILABLE)
		ck_assert_uint_eq(answer.user.key_count, 0);
}

static void expect_later(const char *name)
{
	unsigned before = asked_count;

	ck_assert(!look(name));
	ck_assert_uint_eq(answer.user.key_count, 0);
	ck_assert_uint_eq(asked_count, before + 1);
	ck_assert_uint_eq(asked.ticket.index, 7);
	ck_assert_uint_eq(asked.ticket.generation, 8);
	ck_assert_uint_eq(asked.realm, 2);
	ck_assert(!asked.recheck);
	ck_assert(bytes_equal(bytes_of(asked.name, asked.name_bytes),
			      bytes_str(name)));
}

static void expect_counted(uint64_t hits, uint64_t stale, uint64_t misses)
{
	ck_assert_uint_eq(counter_get(&users.counters.hits), hits);
	ck_assert_uint_eq(counter_get(&users.counters.stale), stale);
	ck_assert_uint_eq(counter_get(&users.counters.misses), misses);
}

START_TEST(redis_is_asked_once_and_then_the_cache)
{
	expect_later("alice");
	ck_assert_int_eq(answered("alice", TURN_LOOKUP_FOUND, false),
			 TURN_LOOKUP_FOUND);
	ck_assert_uint_eq(answer.user.keys[0].md5.bytes[0], 9);
	expect_now("alice", TURN_LOOKUP_FOUND);
	now.mono_ms += 60000;
	expect_later("alice");
	ck_assert_uint_eq(asked_count, 2);
	expect_counted(1, 0, 2);
}
END_TEST

START_TEST(who_is_unknown_is_so_for_a_little_while)
{
	expect_later("mallory");
	ck_assert_int_eq(answered("mallory", TURN_LOOKUP_UNKNOWN, false),
			 TURN_LOOKUP_UNKNOWN);
	expect_now("mallory", TURN_LOOKUP_UNKNOWN);
	now.mono_ms += 5000;
	expect_later("mallory");
}
END_TEST

/* The wall clock steps by hours; the cache keeps its own time. */
START_TEST(a_step_of_the_clock_changes_nothing)
{
	expect_later("alice");
	answered("alice", TURN_LOOKUP_FOUND, false);
	now.wall_s += 7200;
	expect_now("alice", TURN_LOOKUP_FOUND);
	now.wall_s -= 14400;
	expect_now("alice", TURN_LOOKUP_FOUND);
}
END_TEST

START_TEST(known_users_are_served_while_redis_is_away)
{
	expect_later("alice");
	answered("alice", TURN_LOOKUP_FOUND, false);
	now.mono_ms += 3000000;
	state = REDIS_DOWN;
	expect_now("alice", TURN_LOOKUP_FOUND);
	state = REDIS_CONNECTING;
	expect_now("alice", TURN_LOOKUP_FOUND);
	expect_counted(0, 2, 1);
	/* Nobody knows yet that it is away: it cannot answer. */
	state = REDIS_UP;
	expect_later("alice");
	ck_assert_int_eq(answered("alice", TURN_LOOKUP_UNAVAILABLE, false),
			 TURN_LOOKUP_FOUND);
	ck_assert_uint_eq(answer.user.keys[0].md5.bytes[0], 9);
	/* The window is over. */
	now.mono_ms += 600000;
	state = REDIS_DOWN;
	expect_later("alice");
	ck_assert_int_eq(answered("alice", TURN_LOOKUP_UNAVAILABLE, false),
			 TURN_LOOKUP_UNAVAILABLE);
	ck_assert_uint_eq(answer.user.key_count, 0);
}
END_TEST

START_TEST(others_get_an_honest_error)
{
	state = REDIS_DOWN;
	expect_later("carol");
	ck_assert_int_eq(answered("carol", TURN_LOOKUP_UNAVAILABLE, false),
			 TURN_LOOKUP_UNAVAILABLE);
	ck_assert_uint_eq(answer.user.key_count, 0);
	/* That is not remembered. */
	expect_later("carol");
}
END_TEST

START_TEST(too_many_questions)
{
	full = true;
	expect_now("alice", TURN_LOOKUP_UNAVAILABLE);
	full = false;
	expect_later("alice");
	answered("alice", TURN_LOOKUP_FOUND, false);
	full = true;
	now.mono_ms += 60000;
	expect_now("alice", TURN_LOOKUP_FOUND);
	ck_assert(look_as(bytes_str("alice"), false, true));
	ck_assert_int_eq(answer.result, TURN_LOOKUP_UNAVAILABLE);
}
END_TEST

START_TEST(a_recheck_passes_by_the_cache)
{
	expect_later("alice");
	answered("alice", TURN_LOOKUP_FOUND, false);
	ck_assert(!look_as(bytes_str("alice"), false, true));
	ck_assert(asked.recheck);
	expect_counted(0, 0, 1);
	/* Nobody can say: what is cached must not be taken for news. */
	ck_assert_int_eq(answered("alice", TURN_LOOKUP_UNAVAILABLE, true),
			 TURN_LOOKUP_UNAVAILABLE);
	ck_assert_int_eq(answered("alice", TURN_LOOKUP_UNKNOWN, true),
			 TURN_LOOKUP_UNKNOWN);
	expect_now("alice", TURN_LOOKUP_UNKNOWN);
	ck_assert_int_eq(answered("alice", TURN_LOOKUP_FOUND, true),
			 TURN_LOOKUP_FOUND);
	expect_now("alice", TURN_LOOKUP_FOUND);
}
END_TEST

/* Names that nobody can have are not asked for; any other is, as it is. */
START_TEST(odd_names)
{
	static const char longest[STUN_USERNAME_MAX_BYTES + 1];
	const struct bytes none[] = {
		bytes_of("", 0),
		bytes_of(longest, sizeof(longest)),
		bytes_of("\xff", 1),
		bytes_of("alice\xc3", 6),
	};
	const struct bytes some[] = {
		bytes_of("a\0b", 3),
		bytes_of("a\r\nb", 4),
		bytes_of("%s%n", 4),
		bytes_of("*", 1),
		bytes_of(longest, sizeof(longest) - 1),
	};

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		ck_assert(look_as(none[i], false, false));
		ck_assert_int_eq(answer.result, TURN_LOOKUP_UNKNOWN);
	}
	ck_assert_uint_eq(asked_count, 0);
	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
		ck_assert(!look_as(some[i], false, false));
		ck_assert(bytes_equal(bytes_of(asked.name, asked.name_bytes),
				      some[i]));
	}
}
END_TEST

START_TEST(what_cannot_be_asked_is_unknown)
{
	ck_assert(look_as(bytes_of("12345678901234567890123456789012", 32),
			  true, false));
	ck_assert_int_eq(answer.result, TURN_LOOKUP_UNKNOWN);
	users.store = NULL;
	expect_now("alice", TURN_LOOKUP_UNKNOWN);
	ck_assert_uint_eq(asked_count, 0);
}
END_TEST

static Suite *redis_users_suite(void)
{
	Suite *s = suite_create("redis_users");
	TCase *c = tcase_create("users");

	tcase_add_checked_fixture(c, make, drop);
	tcase_add_test(c, redis_is_asked_once_and_then_the_cache);
	tcase_add_test(c, who_is_unknown_is_so_for_a_little_while);
	tcase_add_test(c, a_step_of_the_clock_changes_nothing);
	tcase_add_test(c, known_users_are_served_while_redis_is_away);
	tcase_add_test(c, others_get_an_honest_error);
	tcase_add_test(c, too_many_questions);
	tcase_add_test(c, a_recheck_passes_by_the_cache);
	tcase_add_test(c, odd_names);
	tcase_add_test(c, what_cannot_be_asked_is_unknown);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(redis_users_suite)
