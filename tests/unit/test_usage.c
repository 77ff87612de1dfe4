/* link: -Wl,--wrap=worker_sessions,--wrap=calloc,--wrap=malloc,--wrap=mmap */
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "worker/usage.h"
#include "worker/worker.h"

#define HOUR_MS 3600000u
#define WORKERS 2
#define ALLOCATIONS 4000

static const struct hash_key key = { 1, 2 };
static struct usage *u;
static struct now now;
static struct usage_record records[USAGE_USERS_MAX + 1];

/* The allocation that fails, counted from 1. */
static unsigned fail_at, calls;

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);

void *__wrap_calloc(size_t n, size_t size)
{
	return ++calls == fail_at ? NULL : __real_calloc(n, size);
}

void *__wrap_malloc(size_t size)
{
	return ++calls == fail_at ? NULL : __real_malloc(size);
}

void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off)
{
	if (++calls != fail_at)
		return __real_mmap(at, len, prot, flags, fd, off);
	errno = ENOMEM;
	return MAP_FAILED;
}

/* What the workers' sessions are: all of the second one. */
static struct turn_session living[200];
static unsigned living_count;

unsigned __wrap_worker_sessions(struct worker *w, uint32_t *cursor,
				struct turn_session *out, unsigned max);

unsigned __wrap_worker_sessions(struct worker *w, uint32_t *cursor,
				struct turn_session *out, unsigned max)
{
	unsigned n = 0;

	if (w != (struct worker *)&living[1])
		return 0;
	while (n < max && *cursor < living_count)
		out[n++] = living[(*cursor)++];
	return n;
}

static void set_up(void)
{
	fail_at = 0;
	now = (struct now){ .mono_ms = 5000, .wall_s = 1800000000 };
	u = usage_new(WORKERS, ALLOCATIONS, &key, &now);
	ck_assert_ptr_nonnull(u);
	living_count = 0;
}

static void tear_down(void)
{
	usage_free(u);
}

static void pass(uint64_t ms)
{
	now.mono_ms += ms;
	now.wall_s += (int64_t)(ms / 1000);
}

static struct turn_session session(const char *name, uint32_t index)
{
	struct turn_session t = {
		.allocation = { index, 7 },
		.worker = 1,
		.source = TURN_SOURCE_CONFIG,
		.user_bytes = (uint16_t)strlen(name),
	};

	memcpy(t.user, name, strlen(name));
	return t;
}

static struct turn_session begin(const char *name, uint32_t index)
{
	struct turn_session t = session(name, index);

	usage_began(u, &now, &t);
	return t;
}

/* Packets of 100 bytes; to the client three times as many. */
static void relay(struct turn_session *t, uint64_t packets)
{
	t->to_peer_packets += packets;
	t->to_peer_bytes += 100 * packets;
	t->to_client_packets += 3 * packets;
	t->to_client_bytes += 300 * packets;
}

static void end(const struct turn_session *t)
{
	const struct counters_relayed all = {
		t->to_peer_packets,
		t->to_peer_bytes,
		t->to_client_packets,
		t->to_client_bytes,
	};

	usage_ended(u, &now, t->worker, t->allocation, &all);
}

static unsigned copy_all(void)
{
	uint32_t cursor = 0;
	unsigned n = 0;

	while (cursor != USAGE_END)
		n += usage_copy(u, &now, &cursor, records + n, 64);
	ck_assert_uint_eq(usage_copy(u, &now, &cursor, records, 64), 0);
	return n;
}

/* "user: begun living/peak packets", of each; the order is that of coming. */
static const char *told(void)
{
	static char text[1024];
	unsigned n = copy_all();
	size_t len = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < n; i++) {
		const struct usage_record *r = &records[i];
		uint64_t packets = r->relayed.to_peer_packets;

		ck_assert_uint_eq(r->relayed.to_peer_bytes, 100 * packets);
		ck_assert_uint_eq(r->relayed.to_client_packets, 3 * packets);
		ck_assert_uint_eq(r->relayed.to_client_bytes, 300 * packets);
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"%s%.*s: %u %u/%u %llu", i ? ", " : "",
					(int)r->account_bytes, r->account,
					r->sessions, r->living, r->peak,
					(unsigned long long)packets);
	}
	return text;
}

START_TEST(nobody_has_used_anything)
{
	ck_assert_str_eq(told(), "");
}
END_TEST

START_TEST(a_session_counts_when_it_begins_and_ends)
{
	struct turn_session a = begin("alice", 0);

	ck_assert_str_eq(told(), "alice: 1 1/1 0");
	relay(&a, 5);
	end(&a);
	ck_assert_str_eq(told(), "alice: 1 0/1 5");
	/* Not once more. */
	end(&a);
	usage_count(u, &now, &a);
	ck_assert_str_eq(told(), "alice: 1 0/1 5");
}
END_TEST

START_TEST(each_user_of_each_realm_for_itself)
{
	struct turn_session other = session("alice", 2);

	begin("alice", 0);
	begin("bob", 1);
	other.realm = 1;
	usage_began(u, &now, &other);
	ck_assert_str_eq(told(),
			 "alice: 1 1/1 0, bob: 1 1/1 0, alice: 1 1/1 0");
	ck_assert_uint_eq(records[0].realm, 0);
	ck_assert_uint_eq(records[2].realm, 1);
	ck_assert(!records[2].is_others);
}
END_TEST

/* A time-limited name begins with its time. */
START_TEST(the_account_is_the_user)
{
	struct turn_session one = session("1800000100:alice", 0);
	struct turn_session two = session("1800000200:alice", 1);

	one.account_at = two.account_at = 11;
	usage_began(u, &now, &one);
	usage_began(u, &now, &two);
	ck_assert_str_eq(told(), "alice: 2 2/2 0");
}
END_TEST

START_TEST(self_tests_do_not_count)
{
	struct turn_session t = session("test", 0);

	t.source = TURN_SOURCE_SELF_TEST;
	usage_began(u, &now, &t);
	relay(&t, 4);
	usage_count(u, &now, &t);
	end(&t);
	ck_assert_str_eq(told(), "");
}
END_TEST

START_TEST(the_peak_is_what_lived_at_a_time)
{
	struct turn_session a = begin("alice", 0), b = begin("alice", 1);

	end(&a);
	a = begin("alice", 2);
	end(&a);
	end(&b);
	ck_assert_str_eq(told(), "alice: 3 0/2 0");
}
END_TEST

START_TEST(living_sessions_are_counted_when_looked_at)
{
	struct turn_session a = begin("alice", 0);

	relay(&a, 5);
	usage_count(u, &now, &a);
	ck_assert_str_eq(told(), "alice: 1 1/1 5");
	usage_count(u, &now, &a);
	ck_assert_str_eq(told(), "alice: 1 1/1 5");
	relay(&a, 2);
	usage_count(u, &now, &a);
	relay(&a, 1);
	end(&a);
	ck_assert_str_eq(told(), "alice: 1 0/1 8");
}
END_TEST

/* Two who look at the same time may come in the wrong order. */
START_TEST(an_old_look_brings_nothing)
{
	struct turn_session a = begin("alice", 0), old = a;

	relay(&old, 1);
	a = old;
	relay(&a, 1);
	usage_count(u, &now, &a);
	usage_count(u, &now, &old);
	ck_assert_str_eq(told(), "alice: 1 1/1 2");
	/* Nor does one at who has ended, or at its successor. */
	end(&a);
	relay(&a, 9);
	usage_count(u, &now, &a);
	ck_assert_str_eq(told(), "alice: 1 0/1 2");
	a = session("bob", 0);
	a.allocation.generation = 8;
	usage_began(u, &now, &a);
	usage_count(u, &now, &old);
	ck_assert_str_eq(told(), "alice: 1 0/1 2, bob: 1 1/1 0");
}
END_TEST

START_TEST(all_living_ones_are_looked_at)
{
	struct worker *const workers[] = { (struct worker *)&living[0],
					   (struct worker *)&living[1] };

	for (living_count = 0; living_count < 150; living_count++) {
		living[living_count] = begin("alice", living_count);
		relay(&living[living_count], 2);
	}
	ck_assert_int_eq(usage_refresh(u, &now, workers, 2), 0);
	ck_assert_str_eq(told(), "alice: 150 150/150 300");
	calls = 0;
	fail_at = 1;
	ck_assert_int_eq(usage_refresh(u, &now, workers, 2), -ENOMEM);
}
END_TEST

/* --- hours ----------------------------------------------------------------- */

START_TEST(what_is_old_is_forgotten)
{
	struct turn_session a = begin("alice", 0);

	relay(&a, 5);
	end(&a);
	pass(HOUR_MS);
	a = begin("alice", 1);
	relay(&a, 7);
	end(&a);
	pass(22 * HOUR_MS);
	ck_assert_str_eq(told(), "alice: 2 0/1 12");
	pass(HOUR_MS);
	ck_assert_str_eq(told(), "alice: 1 0/1 7");
	pass(HOUR_MS - 1);
	ck_assert_str_eq(told(), "alice: 1 0/1 7");
	pass(1);
	ck_assert_str_eq(told(), "");
	/* And if nobody had looked meanwhile. */
	a = begin("alice", 1);
	ck_assert_str_eq(told(), "alice: 1 1/1 0");
}
END_TEST

START_TEST(each_hour_has_its_own)
{
	for (unsigned h = 0; h < 60; h++) {
		struct turn_session a = begin("alice", 0);

		relay(&a, 1);
		end(&a);
		pass(HOUR_MS);
	}
	/* The one in progress has had nothing. */
	ck_assert_str_eq(told(), "alice: 23 0/1 23");
}
END_TEST

/* Who stays counts as living in every hour, and as begun in its first. */
START_TEST(long_sessions_live_through_the_hours)
{
	struct turn_session a = begin("alice", 0), b = begin("alice", 1);

	relay(&a, 1);
	usage_count(u, &now, &a);
	pass(40 * HOUR_MS);
	ck_assert_str_eq(told(), "alice: 0 2/2 0");
	relay(&a, 1);
	usage_count(u, &now, &a);
	end(&b);
	ck_assert_str_eq(told(), "alice: 0 1/2 1");
	pass(HOUR_MS);
	usage_count(u, &now, &a);
	pass(22 * HOUR_MS);
	ck_assert_str_eq(told(), "alice: 0 1/2 1");
	pass(HOUR_MS);
	ck_assert_str_eq(told(), "alice: 0 1/1 0");
	end(&a);
	pass(24 * HOUR_MS);
	ck_assert_str_eq(told(), "");
}
END_TEST

/* Workers read the clock by batches: one may be behind another. */
START_TEST(a_worker_may_be_behind)
{
	struct turn_session a;

	pass(HOUR_MS);
	a = begin("alice", 0);
	now.mono_ms -= HOUR_MS + 1;
	relay(&a, 3);
	usage_count(u, &now, &a);
	begin("alice", 1);
	ck_assert_str_eq(told(), "alice: 2 2/2 3");
}
END_TEST

START_TEST(since_when)
{
	const int64_t began_s = now.wall_s;

	ck_assert_int_eq(usage_since_wall_s(u, &now), began_s);
	pass(24 * HOUR_MS - 1000);
	ck_assert_int_eq(usage_since_wall_s(u, &now), began_s);
	pass(1000);
	ck_assert_int_eq(usage_since_wall_s(u, &now), began_s + 3600);
	pass(HOUR_MS / 2);
	ck_assert_int_eq(usage_since_wall_s(u, &now), began_s + 3600);
	/* The wall clock was set. */
	now.wall_s += 1000;
	ck_assert_int_eq(usage_since_wall_s(u, &now), began_s + 4600);
}
END_TEST

/* --- bounds ---------------------------------------------------------------- */

static void begin_and_end(unsigned from, unsigned count)
{
	for (unsigned i = from; i < from + count; i++) {
		char name[16];
		struct turn_session t;

		snprintf(name, sizeof(name), "user%u", i);
		t = begin(name, i % ALLOCATIONS);
		relay(&t, 1);
		end(&t);
	}
}

START_TEST(who_finds_no_room_is_one_of_the_others)
{
	struct turn_session t;

	begin_and_end(0, USAGE_USERS_MAX);
	ck_assert_uint_eq(copy_all(), USAGE_USERS_MAX);
	begin_and_end(USAGE_USERS_MAX, 3);
	t = begin("one more", 0);
	ck_assert_uint_eq(copy_all(), USAGE_USERS_MAX + 1);
	ck_assert(records[USAGE_USERS_MAX].is_others);
	ck_assert_uint_eq(records[USAGE_USERS_MAX].account_bytes, 0);
	ck_assert_uint_eq(records[USAGE_USERS_MAX].sessions, 4);
	ck_assert_uint_eq(records[USAGE_USERS_MAX].living, 1);
	ck_assert_uint_eq(records[USAGE_USERS_MAX].relayed.to_peer_packets, 3);
	for (unsigned i = 0; i < USAGE_USERS_MAX; i++)
		ck_assert(!records[i].is_others);
	/* Who has a place keeps it. */
	begin_and_end(5, 1);
	ck_assert_uint_eq(copy_all(), USAGE_USERS_MAX + 1);
	end(&t);
}
END_TEST

START_TEST(places_are_free_again_after_a_day)
{
	struct turn_session t = begin("stays", 0);

	begin_and_end(1, USAGE_USERS_MAX - 1);
	begin_and_end(5000, 1);
	pass(24 * HOUR_MS);
	/* That they are asked for does not keep them. */
	ck_assert_str_eq(told(), "stays: 0 1/1 0");
	begin_and_end(6000, USAGE_USERS_MAX - 1);
	ck_assert_uint_eq(copy_all(), USAGE_USERS_MAX);
	begin_and_end(9000, 1);
	ck_assert_uint_eq(copy_all(), USAGE_USERS_MAX + 1);
	relay(&t, 4);
	end(&t);
	ck_assert_uint_eq(copy_all(), USAGE_USERS_MAX + 1);
}
END_TEST

START_TEST(a_name_of_any_length)
{
	struct turn_session t = session("", 0), longest = session("", 1);

	memset(longest.user, 'x', sizeof(longest.user));
	longest.user_bytes = sizeof(longest.user);
	usage_began(u, &now, &t);
	usage_began(u, &now, &longest);
	ck_assert_uint_eq(copy_all(), 2);
	ck_assert_uint_eq(records[0].account_bytes, 0);
	ck_assert_uint_eq(records[1].account_bytes, STUN_USERNAME_MAX_BYTES);
}
END_TEST

START_TEST(without_memory_there_is_none)
{
	unsigned needed;

	calls = 0;
	usage_free(usage_new(1, 10, &key, &now));
	needed = calls;
	ck_assert_uint_ge(needed, 4);
	for (unsigned n = 1; n <= needed; n++) {
		calls = 0;
		fail_at = n;
		ck_assert_ptr_null(usage_new(1, 10, &key, &now));
	}
	fail_at = 0;
	usage_free(NULL);
}
END_TEST

/* All workers at once, while somebody looks. */
static void *use(void *arg)
{
	const uint16_t worker = *(const uint16_t *)arg;
	const struct now then = { .mono_ms = 6000, .wall_s = 1800000001 };

	for (unsigned i = 0; i < 20000; i++) {
		struct turn_session t = session("alice", i % 10);
		const struct counters_relayed all = { 4, 400, 12, 1200 };

		t.worker = worker;
		t.allocation.generation = i + 1;
		usage_began(u, &then, &t);
		relay(&t, 2);
		usage_count(u, &then, &t);
		usage_ended(u, &then, worker, t.allocation, &all);
	}
	return NULL;
}

START_TEST(many_threads_count)
{
	static const uint16_t numbers[WORKERS] = { 0, 1 };
	pthread_t threads[WORKERS];

	for (unsigned i = 0; i < WORKERS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, use,
						(void *)&numbers[i]),
				 0);
	for (unsigned i = 0; i < 1000; i++)
		copy_all();
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(copy_all(), 1);
	ck_assert_uint_eq(records[0].sessions, 40000);
	ck_assert_uint_eq(records[0].living, 0);
	ck_assert_uint_eq(records[0].relayed.to_peer_packets, 160000);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("usage");
	TCase *t = tcase_create("usage");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, nobody_has_used_anything);
	tcase_add_test(t, a_session_counts_when_it_begins_and_ends);
	tcase_add_test(t, each_user_of_each_realm_for_itself);
	tcase_add_test(t, the_account_is_the_user);
	tcase_add_test(t, self_tests_do_not_count);
	tcase_add_test(t, the_peak_is_what_lived_at_a_time);
	tcase_add_test(t, living_sessions_are_counted_when_looked_at);
	tcase_add_test(t, an_old_look_brings_nothing);
	tcase_add_test(t, all_living_ones_are_looked_at);
	tcase_add_test(t, what_is_old_is_forgotten);
	tcase_add_test(t, each_hour_has_its_own);
	tcase_add_test(t, long_sessions_live_through_the_hours);
	tcase_add_test(t, a_worker_may_be_behind);
	tcase_add_test(t, since_when);
	tcase_add_test(t, who_finds_no_room_is_one_of_the_others);
	tcase_add_test(t, places_are_free_again_after_a_day);
	tcase_add_test(t, a_name_of_any_length);
	tcase_add_test(t, without_memory_there_is_none);
	tcase_add_test(t, many_threads_count);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
