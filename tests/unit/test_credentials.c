/* link: -Wl,--wrap=calloc,--wrap=mmap,--wrap=hash_bytes,--wrap=crypto_hmac_sha1,--wrap=crypto_hmac_sha256,--wrap=crypto_md5,--wrap=crypto_sha256,--wrap=crypto_equal */
#include "unit.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "store/credentials.h"
#include "store/redis_store.h"
#include "store/redis_users.h"

/* --- memory ----------------------------------------------------------------- */

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

/* --- counting the work ------------------------------------------------------- */

struct work {
	size_t hashes, hmac_sha1, hmac_sha256, md5, sha256, equal;
	size_t bytes; /* that all of them were given */
};

static struct work done;

#define COUNTED(name, ...)               \
	void __real_##name(__VA_ARGS__); \
	void __wrap_##name(__VA_ARGS__); \
	void __wrap_##name(__VA_ARGS__)

static void count_bytes(const struct bytes *parts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		done.bytes += parts[i].len;
}

COUNTED(crypto_md5, struct crypto *c, const struct bytes *parts, size_t count,
	uint8_t *out)
{
	done.md5++;
	count_bytes(parts, count);
	__real_crypto_md5(c, parts, count, out);
}

COUNTED(crypto_sha256, struct crypto *c, const struct bytes *parts,
	size_t count, uint8_t *out)
{
	done.sha256++;
	count_bytes(parts, count);
	__real_crypto_sha256(c, parts, count, out);
}

COUNTED(crypto_hmac_sha1, struct crypto *c, struct bytes key,
	const struct bytes *parts, size_t count, uint8_t *out)
{
	done.hmac_sha1++;
	count_bytes(parts, count);
	__real_crypto_hmac_sha1(c, key, parts, count, out);
}

COUNTED(crypto_hmac_sha256, struct crypto *c, struct bytes key,
	const struct bytes *parts, size_t count, uint8_t *out)
{
	done.hmac_sha256++;
	count_bytes(parts, count);
	__real_crypto_hmac_sha256(c, key, parts, count, out);
}

uint64_t __real_hash_bytes(const struct hash_key *k, struct bytes data);
uint64_t __wrap_hash_bytes(const struct hash_key *k, struct bytes data);
bool __real_crypto_equal(const void *a, const void *b, size_t len);
bool __wrap_crypto_equal(const void *a, const void *b, size_t len);

uint64_t __wrap_hash_bytes(const struct hash_key *k, struct bytes data)
{
	done.hashes++;
	done.bytes += data.len;
	return __real_hash_bytes(k, data);
}

bool __wrap_crypto_equal(const void *a, const void *b, size_t len)
{
	done.equal++;
	done.bytes += len;
	return __real_crypto_equal(a, b, len);
}

/* --- the thread that asks Redis, in its place --------------------------------- */

static struct redis_question asked; /* the last one */
static unsigned asked_count;
static enum redis_state state;
static struct redis_event told[8];
static unsigned told_count, told_next;
static int the_store;

bool redis_store_ask(struct redis_store *store, uint16_t reader,
		     const struct redis_question *question)
{
	ck_assert_ptr_eq(store, &the_store);
	ck_assert_uint_eq(reader, 1);
	asked = *question;
	asked_count++;
	return true;
}

bool redis_store_next(struct redis_store *store, uint16_t reader,
		      struct redis_event *out)
{
	ck_assert_ptr_eq(store, &the_store);
	ck_assert_uint_eq(reader, 1);
	if (told_next == told_count)
		return false;
	*out = told[told_next++];
	return true;
}

enum redis_state redis_store_state(const struct redis_store *store)
{
	ck_assert_ptr_eq(store, &the_store);
	return state;
}

/* The next event that Redis tells of. */
static struct redis_event *tell(enum redis_event_kind kind, const char *name)
{
	struct redis_event *e;

	if (told_next == told_count)
		told_next = told_count = 0;
	e = &told[told_count++];
	memset(e, 0, sizeof(*e));
	e->kind = kind;
	e->name_bytes = (uint16_t)strlen(name);
	memcpy(e->name, name, e->name_bytes);
	return e;
}

static void tell_answer(const char *name, enum turn_lookup result,
			uint8_t key_byte)
{
	struct redis_answer *a = &tell(REDIS_EVENT_ANSWER, name)->answer;

	a->ticket = (struct ref){ 7, 8 };
	a->result = result;
	a->md5.len = CRYPTO_MD5_BYTES;
	a->md5.bytes[0] = key_byte;
}

static void tell_secrets(const char *first, const char *second)
{
	struct redis_secrets *s = &tell(REDIS_EVENT_SECRETS, "")->secrets;
	const char *texts[] = { first, second };

	for (unsigned i = 0; i < 2 && texts[i]; i++) {
		struct redis_secret *item = &s->items[s->count++];

		item->len = (uint8_t)strlen(texts[i]);
		memcpy(item->bytes, texts[i], item->len);
	}
}

/* -------------------------------------------------------------------------------- */

#define LIMITED "1735689600:alice"

static const struct hash_key key = { 1, 2 };
static const struct turn_realm realms[2] = {
	{ .name = "example.org" },
	{ .name = "example.net" },
};
static struct secrets secrets;
static struct credentials_config config;
static struct credentials *c;
static struct now now;
static struct store_answer answer;
static struct credentials_event event;

static struct static_users *new_set(enum turn_source source)
{
	struct static_users *set = static_users_new(&key, source);

	ck_assert_ptr_nonnull(set);
	return set;
}

static void add_user(struct static_users *set, const char *name,
		     uint8_t key_byte)
{
	struct static_user user = {
		.name = name,
		.keys.md5 = { .len = 16, .bytes = { key_byte } },
	};

	memset(user.userhash, key_byte, sizeof(user.userhash));
	ck_assert_int_eq(static_users_add(set, &user), 0);
}

static void add_secret(const char *text, bool sha256)
{
	struct shared_secret *s = &secrets.items[secrets.count++];

	s->realm = SECRETS_EVERY_REALM;
	s->sha256 = sha256;
	s->len = (uint16_t)strlen(text);
	memcpy(s->bytes, text, s->len);
}

static void make(void)
{
	secrets = (struct secrets){ .separator = ':' };
	add_secret("north", false);
	config = (struct credentials_config){
		.realms = realms,
		.realm_count = 2,
		.self_test = new_set(TURN_SOURCE_SELF_TEST),
		.users = new_set(TURN_SOURCE_CONFIG),
		.file_users = new_set(TURN_SOURCE_FILE),
		.secrets = &secrets,
		.redis = (struct redis_store *)(void *)&the_store,
		.ttl_s = 60,
		.negative_ttl_s = 5,
		.stale_s = 3600,
	};
	add_user(config.self_test, "self-test-1", 1);
	add_user(config.users, "alice", 2);
	add_user(config.users, "both1", 3);
	add_user(config.file_users, "both1", 4);
	add_user(config.file_users, "carol", 5);
	now = (struct now){ .mono_ms = 5000, .wall_s = 1735689000 };
	state = REDIS_UP;
	told_count = told_next = asked_count = 0;
	ck_assert_int_eq(credentials_new(&c, &config, 1, 100, &key), 0);
}

static void drop(void)
{
	credentials_free(c);
	static_users_free(config.self_test);
	static_users_free(config.users);
	static_users_free(config.file_users);
}

static bool look_as(uint8_t realm, struct bytes name, bool by_hash,
		    bool recheck)
{
	const struct store_query query = {
		.realm = realm,
		.by_hash = by_hash,
		.recheck = recheck,
		.name = name,
		.now = &now,
		.ticket = { 7, 8 },
	};

	memset(&answer, 0x55, sizeof(answer));
	return credentials_look_up(c, &query, &answer);
}

static bool look(const char *name)
{
	return look_as(0, bytes_str(name), false, false);
}

static void expect(const char *name, enum turn_source source, uint8_t key_byte)
{
	ck_assert_msg(look(name), "%s", name);
	ck_assert_int_eq(answer.result, TURN_LOOKUP_FOUND);
	ck_assert_int_eq(answer.user.source, source);
	ck_assert_uint_eq(answer.user.key_count, 1);
	if (key_byte)
		ck_assert_uint_eq(answer.user.keys[0].md5.bytes[0], key_byte);
}

static void expect_result(const char *name, enum turn_lookup result)
{
	ck_assert_msg(look(name), "%s", name);
	ck_assert_int_eq(answer.result, result);
}

static bool next(void)
{
	memset(&event, 0x55, sizeof(event));
	return credentials_next(c, &now, &event);
}

static void expect_event(enum credentials_event_kind kind, const char *name)
{
	ck_assert(next());
	ck_assert_int_eq(event.kind, kind);
	if (kind == CREDENTIALS_ALL_CHANGED)
		return;
	ck_assert_uint_eq(event.realm, 0);
	ck_assert(bytes_equal(event.name, bytes_str(name)));
}

START_TEST(the_first_source_that_knows_decides)
{
	expect("self-test-1", TURN_SOURCE_SELF_TEST, 1);
	expect("alice", TURN_SOURCE_CONFIG, 2);
	expect("both1", TURN_SOURCE_CONFIG, 3);
	expect("carol", TURN_SOURCE_FILE, 5);
	expect(LIMITED, TURN_SOURCE_TIME_LIMITED, 0);
	ck_assert_uint_eq(asked_count, 0);
	ck_assert(!look("dave"));
	ck_assert_uint_eq(asked_count, 1);
}
END_TEST

/* A listed name may look like a time-limited one. */
START_TEST(a_listed_user_comes_before_a_secret)
{
	add_user(config.file_users, LIMITED, 6);
	expect(LIMITED, TURN_SOURCE_FILE, 6);
}
END_TEST

START_TEST(users_are_found_by_hash)
{
	uint8_t hash[STUN_USERHASH_BYTES];

	memset(hash, 5, sizeof(hash));
	ck_assert(look_as(0, bytes_of(hash, sizeof(hash)), true, false));
	ck_assert_int_eq(answer.result, TURN_LOOKUP_FOUND);
	ck_assert(bytes_equal(answer.name, bytes_str("carol")));
	memset(hash, '1', sizeof(hash));
	ck_assert(look_as(0, bytes_of(hash, sizeof(hash)), true, false));
	ck_assert_int_eq(answer.result, TURN_LOOKUP_UNKNOWN);
	ck_assert_uint_eq(asked_count, 0);
}
END_TEST

START_TEST(without_sources_nobody_is_known)
{
	const struct credentials_config none = {
		.realms = realms,
		.realm_count = 2,
	};

	credentials_configure(c, &none);
	expect_result("alice", TURN_LOOKUP_UNKNOWN);
	expect_result(LIMITED, TURN_LOOKUP_UNKNOWN);
	ck_assert_uint_eq(answer.user.key_count, 0);
	ck_assert(!next());
}
END_TEST

START_TEST(an_answer_comes_later_and_is_kept)
{
	ck_assert(!look("dave"));
	ck_assert(!next());
	tell_answer("dave", TURN_LOOKUP_FOUND, 9);
	expect_event(CREDENTIALS_ANSWER, "dave");
	ck_assert_uint_eq(event.ticket.index, 7);
	ck_assert_uint_eq(event.ticket.generation, 8);
	ck_assert_int_eq(event.answer.result, TURN_LOOKUP_FOUND);
	ck_assert_int_eq(event.answer.user.source, TURN_SOURCE_REDIS);
	ck_assert_uint_eq(event.answer.user.keys[0].md5.bytes[0], 9);
	ck_assert(!next());
	expect("dave", TURN_SOURCE_REDIS, 9);
	now.mono_ms += 60000;
	ck_assert(!look("dave"));
	state = REDIS_DOWN;
	expect("dave", TURN_SOURCE_REDIS, 9);
	ck_assert_uint_eq(counter_get(&credentials_cache(c)->hits), 1);
	ck_assert_uint_eq(counter_get(&credentials_cache(c)->stale), 1);
	ck_assert_uint_eq(counter_get(&credentials_cache(c)->misses), 2);
}
END_TEST

START_TEST(an_answer_may_be_no)
{
	tell_answer("dave", TURN_LOOKUP_UNKNOWN, 0);
	expect_event(CREDENTIALS_ANSWER, "dave");
	ck_assert_int_eq(event.answer.result, TURN_LOOKUP_UNKNOWN);
	tell_answer("erin", TURN_LOOKUP_UNAVAILABLE, 0);
	expect_event(CREDENTIALS_ANSWER, "erin");
	ck_assert_int_eq(event.answer.result, TURN_LOOKUP_UNAVAILABLE);
	ck_assert_uint_eq(event.answer.user.key_count, 0);
	expect_result("dave", TURN_LOOKUP_UNKNOWN);
}
END_TEST

START_TEST(a_recheck_asks_all_sources_anew)
{
	ck_assert(look_as(0, bytes_str("alice"), false, true));
	ck_assert_int_eq(answer.user.source, TURN_SOURCE_CONFIG);
	tell_answer("dave", TURN_LOOKUP_FOUND, 9);
	ck_assert(next());
	ck_assert(!look_as(0, bytes_str("dave"), false, true));
	ck_assert(asked.recheck);
	tell_answer("dave", TURN_LOOKUP_UNKNOWN, 0);
	told[told_next].answer.recheck = true;
	expect_event(CREDENTIALS_RECHECK, "dave");
	ck_assert_int_eq(event.answer.result, TURN_LOOKUP_UNKNOWN);
	ck_assert_uint_eq(event.ticket.index, 7);
	expect_result("dave", TURN_LOOKUP_UNKNOWN);
}
END_TEST

START_TEST(changes_are_passed_on)
{
	tell_answer("dave", TURN_LOOKUP_FOUND, 9);
	tell_answer("erin", TURN_LOOKUP_FOUND, 10);
	tell(REDIS_EVENT_CHANGED, "dave");
	tell(REDIS_EVENT_REALM, "");
	tell(REDIS_EVENT_FLUSH, "");
	expect_event(CREDENTIALS_ANSWER, "dave");
	expect_event(CREDENTIALS_ANSWER, "erin");
	expect_event(CREDENTIALS_CHANGED, "dave");
	expect_event(CREDENTIALS_ALL_CHANGED, NULL);
	ck_assert(!next());
	/* Both are to be asked for; the one is gone, the other a reserve. */
	ck_assert(!look("dave"));
	ck_assert(!look("erin"));
	state = REDIS_DOWN;
	ck_assert(!look("dave"));
	expect("erin", TURN_SOURCE_REDIS, 10);
}
END_TEST

START_TEST(secrets_of_redis_are_tried_too)
{
	struct turn_keys near, far;

	secrets.count = 0;
	tell_secrets("north", NULL);
	ck_assert(!next());
	expect(LIMITED, TURN_SOURCE_TIME_LIMITED, 0);
	far = answer.user.keys[0];
	add_secret("north", false);
	add_secret("south", true);
	tell_secrets(NULL, NULL);
	expect_event(CREDENTIALS_ALL_CHANGED, NULL);
	ck_assert(look(LIMITED));
	ck_assert_uint_eq(answer.user.key_count, 2);
	near = answer.user.keys[0];
	ck_assert_mem_eq(&near, &far, sizeof(near));
	tell_secrets("west", NULL);
	ck_assert(!next());
	ck_assert(look(LIMITED));
	ck_assert_uint_eq(answer.user.key_count, 3);
	ck_assert_mem_eq(&near, &answer.user.keys[0], sizeof(near));
	/* Each realm has its own set. */
	ck_assert(look_as(1, bytes_str(LIMITED), false, false));
	ck_assert_uint_eq(answer.user.key_count, 2);
}
END_TEST

START_TEST(only_a_secret_that_goes_is_news)
{
	tell_secrets("east", NULL);
	ck_assert(!next());
	tell_secrets("east", "west");
	ck_assert(!next());
	tell_secrets("east", "west");
	ck_assert(!next());
	tell_secrets("west", "xyzzy");
	expect_event(CREDENTIALS_ALL_CHANGED, NULL);
	tell_secrets(NULL, NULL);
	expect_event(CREDENTIALS_ALL_CHANGED, NULL);
	tell_secrets(NULL, NULL);
	ck_assert(!next());
}
END_TEST

/* Until Redis has told of its secrets, nobody can say who that is. */
START_TEST(no_secrets_yet_is_not_unknown)
{
	secrets.count = 0;
	ck_assert(!look(LIMITED));
	tell_answer(LIMITED, TURN_LOOKUP_UNKNOWN, 0);
	expect_event(CREDENTIALS_ANSWER, LIMITED);
	ck_assert_int_eq(event.answer.result, TURN_LOOKUP_UNAVAILABLE);
	expect_result(LIMITED, TURN_LOOKUP_UNAVAILABLE);
	tell_secrets(NULL, NULL);
	ck_assert(!next());
	expect_result(LIMITED, TURN_LOOKUP_UNKNOWN);
	tell_answer("dave", TURN_LOOKUP_UNKNOWN, 0);
	expect_event(CREDENTIALS_ANSWER, "dave");
	ck_assert_int_eq(event.answer.result, TURN_LOOKUP_UNKNOWN);
}
END_TEST

START_TEST(a_reload_replaces_the_lists)
{
	struct static_users *others = new_set(TURN_SOURCE_CONFIG);
	struct credentials_config other = config;

	add_user(others, "frank", 11);
	other.users = others;
	other.ttl_s = 10;
	tell_answer("dave", TURN_LOOKUP_FOUND, 9);
	ck_assert(next());
	tell_secrets("east", NULL);
	ck_assert(!next());
	credentials_configure(c, &other);
	expect("frank", TURN_SOURCE_CONFIG, 11);
	ck_assert(!look("alice"));
	expect("dave", TURN_SOURCE_REDIS, 9);
	ck_assert(look(LIMITED));
	ck_assert_uint_eq(answer.user.key_count, 2);
	now.mono_ms += 10000;
	ck_assert(!look("dave"));
	credentials_configure(c, &config);
	static_users_free(others);
}
END_TEST

/* Other numbers for the realms, or another Redis: nothing of it is true. */
START_TEST(a_cache_of_other_realms_is_of_no_use)
{
	static const struct turn_realm swapped[2] = {
		{ .name = "example.net" },
		{ .name = "example.org" },
	};
	struct credentials_config other = config;

	for (int i = 0; i < 3; i++) {
		tell_answer("dave", TURN_LOOKUP_FOUND, 9);
		ck_assert(next());
		tell_secrets("east", NULL);
		ck_assert(!next());
		other = config;
		if (i == 0)
			other.realms = swapped;
		else if (i == 1)
			other.realm_count = 1;
		else
			other.redis = NULL;
		credentials_configure(c, &other);
		if (i == 2)
			expect_result("dave", TURN_LOOKUP_UNKNOWN);
		else
			ck_assert(!look("dave"));
		ck_assert(look(LIMITED));
		ck_assert_uint_eq(answer.user.key_count, 1);
		credentials_configure(c, &config);
	}
}
END_TEST

static struct work work_of(const char *name)
{
	done = (struct work){ 0 };
	look(name);
	return done;
}

static void expect_same_work(const char *one, const char *other)
{
	struct work a = work_of(one), b = work_of(other);

	ck_assert_msg(!memcmp(&a, &b, sizeof(a)), "%s and %s", one, other);
	ck_assert_uint_gt(a.hashes, 0);
}

/* Names of one length, so that the bytes are as many. */
START_TEST(the_work_tells_nothing)
{
	config.redis = NULL;
	credentials_configure(c, &config);
	expect_same_work("alice", "nobod");
	expect_same_work("carol", "nobod");
	expect_same_work("both1", "nobod");
	expect_same_work("self-test-1", "self-test-2");
	/* Whether it is listed, expired, or made by the convention alone. */
	add_secret("south", true);
	add_user(config.users, LIMITED, 6);
	expect_same_work(LIMITED, "1735689600:nobod");
	expect_same_work(LIMITED, "1000000000:alice");
	ck_assert_uint_eq(work_of(LIMITED).hmac_sha1, 1);
	ck_assert_uint_eq(work_of(LIMITED).hmac_sha256, 1);
	ck_assert_uint_eq(work_of(LIMITED).md5, 2);
	ck_assert_uint_eq(work_of("alice").md5, 0);
}
END_TEST

START_TEST(the_work_of_the_cache_tells_nothing)
{
	tell_answer("dave1", TURN_LOOKUP_FOUND, 9);
	tell_answer("nobod", TURN_LOOKUP_UNKNOWN, 0);
	ck_assert(next() && next());
	expect_same_work("dave1", "nobod");
	expect_same_work("dave1", "erin1");
}
END_TEST

START_TEST(without_memory_there_are_none)
{
	struct credentials *none;
	unsigned n = 0;
	int error;

	do {
		fail_at = ++n;
		error = credentials_new(&none, &config, 1, 0, &key);
		if (error) {
			ck_assert_int_eq(error, -ENOMEM);
			ck_assert_ptr_null(none);
		}
	} while (error);
	fail_at = 0;
	ck_assert_uint_ge(n, 5);
	credentials_free(none);
	credentials_free(NULL);
}
END_TEST

static Suite *credentials_suite(void)
{
	Suite *s = suite_create("credentials");
	TCase *t = tcase_create("chain");

	tcase_add_checked_fixture(t, make, drop);
	tcase_add_test(t, the_first_source_that_knows_decides);
	tcase_add_test(t, a_listed_user_comes_before_a_secret);
	tcase_add_test(t, users_are_found_by_hash);
	tcase_add_test(t, without_sources_nobody_is_known);
	tcase_add_test(t, an_answer_comes_later_and_is_kept);
	tcase_add_test(t, an_answer_may_be_no);
	tcase_add_test(t, a_recheck_asks_all_sources_anew);
	tcase_add_test(t, changes_are_passed_on);
	tcase_add_test(t, secrets_of_redis_are_tried_too);
	tcase_add_test(t, only_a_secret_that_goes_is_news);
	tcase_add_test(t, no_secrets_yet_is_not_unknown);
	tcase_add_test(t, a_reload_replaces_the_lists);
	tcase_add_test(t, a_cache_of_other_realms_is_of_no_use);
	tcase_add_test(t, the_work_tells_nothing);
	tcase_add_test(t, the_work_of_the_cache_tells_nothing);
	tcase_add_test(t, without_memory_there_are_none);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(credentials_suite)
