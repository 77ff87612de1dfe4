/* link: -Wl,--wrap=redis_connection_send,--wrap=redis_link_leave,--wrap=redis_loop_now_ms,--wrap=calloc,--wrap=mmap,--wrap=getrandom */
#include "unit.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "store/redis_queries.h"
#include "store/redis_values.h"

/*
 * Queries without a connection: what would be sent is kept here, and answered
 * by the test.
 */
#define SENT_MAX 4096
#define TIMEOUT_MS 500

static struct sent {
	redis_handler handler;
	void *arg;
	uint32_t tag;
	struct redis_key key;
	char command[8];
	size_t count;
} sent[SENT_MAX];
static unsigned sent_count, answered, left, fail_at, calls;
static uint64_t now_ms;

static bool fails(void)
{
	errno = ENOMEM;
	return ++calls == fail_at;
}

void __wrap_redis_connection_send(struct redis_connection *c,
				  const struct bytes *arguments, size_t count,
				  redis_handler handler, void *arg,
				  uint32_t tag);
void __wrap_redis_link_leave(struct redis_link *l, const char *why);
uint64_t __wrap_redis_loop_now_ms(void);
void *__real_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
ssize_t __real_getrandom(void *out, size_t len, unsigned flags);
ssize_t __wrap_getrandom(void *out, size_t len, unsigned flags);

void __wrap_redis_connection_send(struct redis_connection *c,
				  const struct bytes *arguments, size_t count,
				  redis_handler handler, void *arg,
				  uint32_t tag)
{
	struct sent *s = &sent[sent_count++];

	(void)c;
	ck_assert_uint_lt(sent_count, SENT_MAX);
	*s = (struct sent){ handler, arg, tag, .count = count };
	memcpy(s->command, arguments[0].data, arguments[0].len);
	s->command[arguments[0].len] = '\0';
	memcpy(s->key.bytes, arguments[1].data, arguments[1].len);
	s->key.len = arguments[1].len;
}

uint64_t __wrap_redis_loop_now_ms(void)
{
	return now_ms;
}

void *__wrap_calloc(size_t count, size_t bytes)
{
	return fails() ? NULL : __real_calloc(count, bytes);
}

void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off)
{
	return fails() ? MAP_FAILED
		       : __real_mmap(at, len, prot, flags, fd, off);
}

ssize_t __wrap_getrandom(void *out, size_t len, unsigned flags)
{
	return fails() ? -1 : __real_getrandom(out, len, flags);
}

static const char *const realms[] = { "r", "s" };
static const struct redis_config config = { .timeout_ms = TIMEOUT_MS,
					    .realms = realms,
					    .realm_count = 2 };
static unsigned logged;
static struct redis_link *link_to;
static struct redis_loop loop;
static struct redis_readers *readers;
static struct redis_queries *queries;

void __wrap_redis_link_leave(struct redis_link *l, const char *why)
{
	ck_assert_ptr_eq(l, link_to);
	ck_assert_ptr_nonnull(why);
	left++;
	l->state = REDIS_CONNECTING;
	answered = sent_count;
	redis_queries_lost(queries);
}

static void on_wake(void *arg, uint16_t reader)
{
	(void)arg;
	(void)reader;
}

static void on_log(void *arg, const struct log_record *r)
{
	(void)arg;
	(void)r;
	logged++;
}

static const struct redis_store_hooks hooks = { .wake = on_wake,
						.log = on_log };

static void setup(void)
{
	sent_count = answered = left = logged = fail_at = 0;
	now_ms = 1000;
	loop = (struct redis_loop){ .config = &config, .hooks = &hooks };
	link_to = __real_calloc(1, sizeof(*link_to));
	link_to->state = REDIS_UP;
	ck_assert_int_eq(redis_readers_new(&readers, 2, 2, &hooks), 0);
	ck_assert_int_eq(redis_queries_new(&queries, &loop, link_to, readers),
			 0);
}

static void teardown(void)
{
	redis_queries_free(queries);
	redis_readers_free(readers);
	free(link_to);
}

static bool ask(uint16_t reader, uint32_t ticket, uint8_t realm,
		const char *name)
{
	struct redis_question q = { .ticket = { ticket, 1 },
				    .realm = realm,
				    .name_bytes = (uint16_t)strlen(name) };

	memcpy(q.name, name, q.name_bytes);
	return redis_queries_ask(queries, reader, &q);
}

/* Answers the oldest command that was sent. */
static void answer_with(redisReply *reply)
{
	const struct sent *s = &sent[answered++];

	ck_assert_uint_le(answered, sent_count);
	s->handler(s->arg, s->tag, reply);
}

static void answer_text(int type, const char *text)
{
	char copy[64];
	redisReply reply = { .type = type, .str = copy, .len = strlen(text) };

	snprintf(copy, sizeof(copy), "%s", text);
	answer_with(&reply);
}

static void answer_nothing(void)
{
	redisReply nil = { .type = REDIS_REPLY_NIL };
	redisReply *fields[REDIS_HASH_FIELDS] = { &nil, &nil, &nil, &nil,
						  &nil };
	redisReply hash = { .type = REDIS_REPLY_ARRAY,
			    .elements = REDIS_HASH_FIELDS,
			    .element = fields };

	answer_with(&hash);
}

static const char one_key[] = "00112233445566778899aabbccddeeff";
static const char other_key[] = "ff112233445566778899aabbccddeeff";

static void answer_key(const char *key)
{
	answer_text(REDIS_REPLY_STRING, key);
	answer_nothing();
}

static struct redis_event event;

static void check_answer(uint16_t reader, uint32_t ticket,
			 enum turn_lookup result)
{
	ck_assert(redis_readers_next(readers, reader, &event));
	ck_assert_int_eq(event.kind, REDIS_EVENT_ANSWER);
	ck_assert_uint_eq(event.answer.ticket.index, ticket);
	ck_assert_int_eq(event.answer.result, result);
}

static void check_none(uint16_t reader)
{
	ck_assert(!redis_readers_next(readers, reader, &event));
}

START_TEST(a_pair_for_each_user)
{
	ck_assert(ask(1, 7, 1, "alice"));
	ck_assert_uint_eq(sent_count, 2);
	ck_assert_str_eq(sent[0].command, "GET");
	ck_assert(bytes_equal(redis_key_bytes(&sent[0].key),
			      bytes_str("turn/realm/s/user/alice/key")));
	ck_assert_str_eq(sent[1].command, "HMGET");
	ck_assert_uint_eq(sent[1].count, 2 + REDIS_HASH_FIELDS);
	ck_assert(bytes_equal(redis_key_bytes(&sent[1].key),
			      bytes_str("turnpike/realm/s/user/alice")));
	check_none(1);
	answer_key(one_key);
	check_answer(1, 7, TURN_LOOKUP_FOUND);
	ck_assert_uint_eq(event.realm, 1);
	ck_assert_uint_eq(event.answer.md5.bytes[1], 0x11);
	check_none(0);
	/* The next is a query of its own. */
	ck_assert(ask(1, 8, 1, "alice"));
	ck_assert_uint_eq(sent_count, 4);
}
END_TEST

START_TEST(joined)
{
	for (uint32_t i = 0; i < 10; i++)
		ck_assert(ask(i % 2, i, 0, "alice"));
	ck_assert(ask(0, 99, 1, "alice"));
	ck_assert_uint_eq(sent_count, 4);
	answer_key(one_key);
	for (uint32_t i = 10; i-- > 0;)
		check_answer(i % 2, i, TURN_LOOKUP_FOUND);
	check_none(0);
	answer_text(REDIS_REPLY_NIL, "");
	answer_nothing();
	check_answer(0, 99, TURN_LOOKUP_UNKNOWN);
	ck_assert_uint_eq(redis_queries_counters(queries)->questions, 11);
	ck_assert_uint_eq(redis_queries_counters(queries)->queries, 2);
}
END_TEST

START_TEST(changed_meanwhile)
{
	ck_assert(ask(0, 1, 0, "alice"));
	redis_queries_changed(queries, 1, bytes_str("alice"));
	redis_queries_changed(queries, 0, bytes_str("bob"));
	redis_queries_changed(queries, 0, bytes_str("alice"));
	answer_key(one_key);
	check_none(0);
	ck_assert_uint_eq(sent_count, 4);
	redis_queries_changed_all(queries);
	answer_key(one_key);
	check_none(0);
	ck_assert_uint_eq(sent_count, 6);
	answer_key(other_key);
	check_answer(0, 1, TURN_LOOKUP_FOUND);
	ck_assert_uint_eq(event.answer.md5.bytes[0], 0xff);
	check_none(0);
}
END_TEST

/* One that never stops to change is answered, and called changed after it. */
START_TEST(always_changing)
{
	ck_assert(ask(0, 1, 0, "alice"));
	while (!redis_readers_next(readers, 0, &event)) {
		ck_assert_uint_lt(sent_count, 100);
		redis_queries_changed(queries, 0, bytes_str("alice"));
		answer_key(one_key);
	}
	ck_assert_int_eq(event.kind, REDIS_EVENT_ANSWER);
	ck_assert(redis_readers_next(readers, 0, &event));
	ck_assert_int_eq(event.kind, REDIS_EVENT_CHANGED);
	ck_assert(redis_readers_next(readers, 1, &event));
	ck_assert_int_eq(event.kind, REDIS_EVENT_CHANGED);
}
END_TEST

START_TEST(lost_and_found)
{
	ck_assert(ask(0, 1, 0, "alice"));
	link_to->state = REDIS_CONNECTING;
	redis_queries_lost(queries);
	ck_assert(ask(0, 2, 0, "bob"));
	ck_assert_uint_eq(sent_count, 2);
	answered = 2;
	link_to->state = REDIS_UP;
	redis_queries_up(queries);
	ck_assert_uint_eq(sent_count, 6);
	answer_key(one_key);
	answer_key(one_key);
	check_answer(0, 1, TURN_LOOKUP_FOUND);
	check_answer(0, 2, TURN_LOOKUP_FOUND);
}
END_TEST

START_TEST(without_a_server)
{
	ck_assert(ask(0, 1, 0, "alice"));
	link_to->state = REDIS_CONNECTING;
	redis_queries_lost(queries);
	redis_queries_fail(queries);
	check_answer(0, 1, TURN_LOOKUP_UNAVAILABLE);
	link_to->failures = 1;
	ck_assert(ask(0, 2, 0, "alice"));
	check_answer(0, 2, TURN_LOOKUP_UNAVAILABLE);
	link_to->state = REDIS_DOWN;
	ck_assert(ask(0, 3, 0, "alice"));
	check_answer(0, 3, TURN_LOOKUP_UNAVAILABLE);
	ck_assert_uint_eq(redis_queries_counters(queries)->unavailable, 3);
	ck_assert_uint_eq(sent_count, 2);
}
END_TEST

START_TEST(too_late)
{
	link_to->state = REDIS_CONNECTING;
	ck_assert(ask(0, 1, 0, "alice"));
	now_ms += TIMEOUT_MS / 2;
	ck_assert(ask(0, 2, 0, "bob"));
	redis_queries_tick(queries, now_ms + TIMEOUT_MS / 2 - 1);
	check_none(0);
	redis_queries_tick(queries, now_ms + TIMEOUT_MS / 2);
	check_answer(0, 1, TURN_LOOKUP_UNAVAILABLE);
	check_none(0);
	/* One that was sent waits for its connection. */
	link_to->state = REDIS_UP;
	redis_queries_up(queries);
	redis_queries_tick(queries, now_ms + 10 * TIMEOUT_MS);
	check_none(0);
}
END_TEST

START_TEST(no_data)
{
	ck_assert(ask(0, 1, 0, "alice"));
	answer_text(REDIS_REPLY_ERROR, "LOADING Redis is loading");
	ck_assert_uint_eq(left, 1);
	link_to->state = REDIS_UP;
	redis_queries_up(queries);
	answer_text(REDIS_REPLY_STRING, one_key);
	answer_text(REDIS_REPLY_ERROR, "MASTERDOWN Link with MASTER is down");
	ck_assert_uint_eq(left, 2);
	check_none(0);
}
END_TEST

START_TEST(refused_and_unusable)
{
	ck_assert(ask(0, 1, 0, "alice"));
	answer_text(REDIS_REPLY_STRING, "short");
	answer_nothing();
	check_answer(0, 1, TURN_LOOKUP_UNKNOWN);
	ck_assert_uint_eq(logged, 1);
	ck_assert(ask(0, 2, 0, "alice"));
	answer_text(REDIS_REPLY_STRING, one_key);
	answer_text(REDIS_REPLY_ERROR, "NOPERM no");
	check_answer(0, 2, TURN_LOOKUP_UNAVAILABLE);
	ck_assert_uint_eq(logged, 2);
	ck_assert(ask(0, 3, 0, "bob"));
	answer_text(REDIS_REPLY_ERROR, "NOPERM no");
	answer_nothing();
	check_answer(0, 3, TURN_LOOKUP_UNAVAILABLE);
	ck_assert_uint_eq(logged, 2);
	ck_assert_uint_eq(redis_queries_counters(queries)->unusable, 1);
}
END_TEST

START_TEST(full)
{
	char name[16];
	uint32_t i;

	for (i = 0; i < REDIS_QUERIES_MAX; i++) {
		snprintf(name, sizeof(name), "user-%u", i);
		ck_assert(ask(0, i, 0, name));
	}
	ck_assert(!ask(0, i, 0, "one-more"));
	/* For one that is asked for already there is room. */
	for (; i < REDIS_WAITERS_MAX; i++)
		ck_assert(ask(1, i, 0, "user-0"));
	ck_assert(!ask(1, i, 0, "user-0"));
	answer_key(one_key);
	ck_assert(ask(1, i, 0, "one-more"));
	/* The ring of the reader holds fewer answers than it asked for. */
	ck_assert_uint_eq(redis_queries_counters(queries)->answers_dropped,
			  REDIS_WAITERS_MAX - REDIS_QUERIES_MAX -
				  REDIS_READER_EVENTS);
}
END_TEST

START_TEST(no_memory)
{
	struct redis_queries *other = NULL;
	int error = -ENOMEM;

	for (unsigned i = 1; error; i++) {
		calls = 0;
		fail_at = i;
		error = redis_queries_new(&other, &loop, link_to, readers);
		fail_at = 0;
		ck_assert(error == 0 || error == -ENOMEM);
	}
	ck_assert_uint_ge(calls, 5);
	redis_queries_free(other);
	redis_queries_free(NULL);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("redis_queries");
	TCase *c = tcase_create("redis_queries");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, a_pair_for_each_user);
	tcase_add_test(c, joined);
	tcase_add_test(c, changed_meanwhile);
	tcase_add_test(c, always_changing);
	tcase_add_test(c, lost_and_found);
	tcase_add_test(c, without_a_server);
	tcase_add_test(c, too_late);
	tcase_add_test(c, no_data);
	tcase_add_test(c, refused_and_unusable);
	tcase_add_test(c, full);
	tcase_add_test(c, no_memory);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
