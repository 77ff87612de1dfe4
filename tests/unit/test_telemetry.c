/* link: -Wl,--wrap=worker_counters,--wrap=worker_latencies,--wrap=worker_passes,--wrap=worker_listener_queue,--wrap=redis_store_status,--wrap=logger_lost,--wrap=worker_cache */
#include "unit.h"

#include <string.h>

#include "store/redis_users.h"
#include "worker/service_state.h"
#include "worker/telemetry.h"

static struct service s;
static struct conf conf;
static struct metrics_snapshot out;
static struct counters counters[2];
static struct worker_latencies latencies[2];
static struct redis_users_counters caches[2];

/* Two workers, known by these addresses. */
static char places[2];

static unsigned number_of(const struct worker *w)
{
	return (unsigned)((const char *)(const void *)w - places);
}

#define WRAPPED(type, name, ...)         \
	type __wrap_##name(__VA_ARGS__); \
	type __wrap_##name(__VA_ARGS__)

WRAPPED(const struct counters *, worker_counters, const struct worker *w)
{
	return &counters[number_of(w)];
}

WRAPPED(const struct worker_latencies *, worker_latencies,
	const struct worker *w)
{
	return &latencies[number_of(w)];
}

WRAPPED(uint64_t, worker_passes, const struct worker *w)
{
	return 10 + number_of(w);
}

WRAPPED(void, worker_listener_queue, const struct worker *w, uint16_t index,
	uint32_t *waiting_bytes, uint32_t *room_bytes)
{
	*waiting_bytes = index == 3 && number_of(w) == 0 ? 77 : 1;
	*room_bytes = 100 + index;
}

WRAPPED(const struct redis_users_counters *, worker_cache,
	const struct worker *w)
{
	return &caches[number_of(w)];
}

WRAPPED(void, redis_store_status, struct redis_store *store,
	struct redis_status *status)
{
	ck_assert_ptr_eq(store, s.redis);
	*status = (struct redis_status){
		.state = REDIS_UP,
		.mode = REDIS_MODE_KEYSPACE,
		.connects = 1,
		.questions = 2,
		.questions_full = 3,
		.queries = 4,
		.unavailable = 5,
		.answers_dropped = 6,
		.changes = 7,
		.unusable = 8,
	};
}

WRAPPED(uint64_t, logger_lost, const struct logger *l)
{
	ck_assert_ptr_eq(l, s.log);
	return 9;
}

static void set_up(void)
{
	memset(&s, 0, sizeof(s));
	s.force.conf = &conf;
	for (unsigned i = 0; i < 2; i++)
		s.workers[i] = (struct worker *)(void *)&places[i];
	s.workers_made = 2;
	s.force.turn.realm_count = 2;
	memcpy(s.force.turn.realms[1].name, "second", sizeof("second"));
	s.force.turn.realms[1].allocations_max = 50;
	s.force.turn.limits.allocations = 1000;
	s.shared.realms[1] = 5;
	s.shared.ports.min = 50000;
	s.shared.ports.max = 50099;
	s.shared.ports.used = 6;
	s.shared.ports.reserved = 7;
	s.listeners.places[3].state = LISTENER_SERVING;
	s.listeners.places[3].listener.local = addr_ipv4(1, 3478);
	s.listeners.places[4].state = LISTENER_GONE;
}

START_TEST(all_is_gathered)
{
	telemetry_measure(&s, &out);
	ck_assert_ptr_nonnull(out.version);
	ck_assert(!out.coturn_names && !out.draining);
	ck_assert_uint_eq(out.restart_pending, 0);
	ck_assert_uint_eq(out.worker_count, 2);
	ck_assert_ptr_eq(out.workers[1].counters, &counters[1]);
	ck_assert_ptr_eq(out.workers[1].pass, &latencies[1].pass);
	ck_assert_ptr_eq(out.workers[1].authentication,
			 &latencies[1].authentication);
	ck_assert_uint_eq(out.workers[1].passes, 11);
	ck_assert_uint_eq(out.realm_count, 2);
	ck_assert_str_eq(out.realms[1].name, "second");
	ck_assert_uint_eq(out.realms[1].allocations, 5);
	ck_assert_uint_eq(out.realms[1].allocations_max, 50);
	ck_assert_uint_eq(out.allocations_max, 1000);
	ck_assert_uint_eq(out.ports, 100);
	ck_assert_uint_eq(out.ports_used, 6);
	ck_assert_uint_eq(out.ports_reserved, 7);
	ck_assert_uint_eq(out.log_lost, 9);
	ck_assert_uint_gt(out.process.resident_bytes, 0);
}
END_TEST

START_TEST(what_an_operator_does_is_told)
{
	conf.control.coturn_names = true;
	s.drain.on = true;
	s.force.pending.count = 3;
	telemetry_measure(&s, &out);
	ck_assert(out.coturn_names && out.draining);
	ck_assert_uint_eq(out.restart_pending, 3);
	conf.control.coturn_names = false;
}
END_TEST

START_TEST(a_listeners_fullest_socket_counts)
{
	telemetry_measure(&s, &out);
	ck_assert_uint_eq(out.listener_count, 1);
	ck_assert_str_eq(out.listeners[0].transport, "udp");
	ck_assert_uint_eq(out.listeners[0].local.port, 3478);
	ck_assert_uint_eq(out.listeners[0].waiting_bytes, 77);
	ck_assert_uint_eq(out.listeners[0].room_bytes, 103);
}
END_TEST

START_TEST(redis_is_there_or_not)
{
	telemetry_measure(&s, &out);
	ck_assert(!out.redis.configured);
	s.redis = (struct redis_store *)(void *)&places[0];
	caches[0].hits = 1;
	caches[1].hits = 2;
	caches[1].stale = 4;
	caches[0].misses = 5;
	telemetry_measure(&s, &out);
	ck_assert(out.redis.configured && out.redis.up);
	ck_assert_str_eq(out.redis.mode, "keyspace");
	ck_assert_uint_eq(out.redis.connects, 1);
	ck_assert_uint_eq(out.redis.questions, 2);
	ck_assert_uint_eq(out.redis.questions_full, 3);
	ck_assert_uint_eq(out.redis.queries, 4);
	ck_assert_uint_eq(out.redis.unavailable, 5);
	ck_assert_uint_eq(out.redis.answers_dropped, 6);
	ck_assert_uint_eq(out.redis.changes, 7);
	ck_assert_uint_eq(out.redis.unusable, 8);
	ck_assert_uint_eq(out.redis.cache_hits, 3);
	ck_assert_uint_eq(out.redis.cache_stale, 4);
	ck_assert_uint_eq(out.redis.cache_misses, 5);
}
END_TEST

/* The clocks move against each other; when it started does not. */
START_TEST(the_start_stays_the_same)
{
	uint64_t start_ns;

	telemetry_measure(&s, &out);
	start_ns = out.process.start_time_ns;
	ck_assert_uint_gt(start_ns, 0);
	for (unsigned i = 0; i < 100; i++) {
		telemetry_measure(&s, &out);
		ck_assert_uint_eq(out.process.start_time_ns, start_ns);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *suite = suite_create("telemetry");
	TCase *t = tcase_create("telemetry");

	tcase_add_checked_fixture(t, set_up, NULL);
	tcase_add_test(t, all_is_gathered);
	tcase_add_test(t, what_an_operator_does_is_told);
	tcase_add_test(t, a_listeners_fullest_socket_counts);
	tcase_add_test(t, redis_is_there_or_not);
	tcase_add_test(t, the_start_stays_the_same);
	suite_add_tcase(suite, t);
	return suite;
}

UNIT_MAIN(suite)
