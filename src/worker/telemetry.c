#include "worker/telemetry.h"

#include <string.h>

#include "config.h"
#include "store/redis_users.h"
#include "worker/process.h"
#include "worker/service_state.h"

static void measure_worker(const struct worker *w, struct metrics_worker *out)
{
	const struct worker_latencies *l = worker_latencies(w);

	*out = (struct metrics_worker){
		.counters = worker_counters(w),
		.passes = worker_passes(w),
		.pass = &l->pass,
		.authentication = &l->authentication,
	};
}

static void measure_realms(const struct service *s,
			   struct metrics_snapshot *out)
{
	const struct turn_config *turn = &s->force.turn;

	out->realm_count = turn->realm_count;
	for (uint8_t i = 0; i < turn->realm_count; i++)
		out->realms[i] = (struct metrics_realm){
			.name = turn->realms[i].name,
			.allocations = atomic_load(&s->shared.realms[i]),
			.allocations_max = turn->realms[i].allocations_max,
		};
}

/* The fullest of its sockets: each worker has one. */
static void measure_listener(const struct service *s, uint16_t index,
			     struct metrics_listener *out)
{
	for (uint16_t i = 0; i < s->workers_made; i++) {
		uint32_t waiting_bytes, room_bytes;

		worker_listener_queue(s->workers[i], index, &waiting_bytes,
				      &room_bytes);
		if (room_bytes > out->room_bytes)
			out->room_bytes = room_bytes;
		if (waiting_bytes > out->waiting_bytes)
			out->waiting_bytes = waiting_bytes;
	}
}

static void measure_listeners(const struct service *s,
			      struct metrics_snapshot *out)
{
	for (uint16_t i = 0; i < TURN_LISTENERS_MAX; i++) {
		const struct listener_place *p = &s->listeners.places[i];
		struct metrics_listener *l;

		if (p->state != LISTENER_SERVING)
			continue;
		l = &out->listeners[out->listener_count++];
		*l = (struct metrics_listener){ .transport = "udp",
						.local = p->listener.local };
		measure_listener(s, i, l);
	}
}

static void measure_redis(struct service *s, struct metrics_redis *out)
{
	struct redis_status r;

	if (!s->redis)
		return;
	redis_store_status(s->redis, &r);
	*out = (struct metrics_redis){
		.configured = true,
		.up = r.state == REDIS_UP,
		.mode = redis_mode_name(r.mode),
		.connects = r.connects,
		.questions = r.questions,
		.questions_full = r.questions_full,
		.queries = r.queries,
		.unavailable = r.unavailable,
		.answers_dropped = r.answers_dropped,
		.changes = r.changes,
		.unusable = r.unusable,
	};
	for (uint16_t i = 0; i < s->workers_made; i++) {
		const struct redis_users_counters *c =
			worker_cache(s->workers[i]);

		out->cache_hits += counter_get(&c->hits);
		out->cache_stale += counter_get(&c->stale);
		out->cache_misses += counter_get(&c->misses);
	}
}

/* Told the same each time, however the clock is set meanwhile. */
static void measure_process(struct service *s, struct metrics_process *out)
{
	process_measure(out);
	if (!s->process_start_ns)
		s->process_start_ns = out->start_time_ns;
	out->start_time_ns = s->process_start_ns;
}

void telemetry_measure(struct service *s, struct metrics_snapshot *out)
{
	const struct ports *ports = &s->shared.ports;

	memset(out, 0, sizeof(*out));
	out->version = PACKAGE_VERSION;
	out->coturn_names = s->force.conf->control.coturn_names;
	out->draining = s->drain.on;
	out->restart_pending = s->force.pending.count;
	out->worker_count = s->workers_made;
	for (uint16_t i = 0; i < s->workers_made; i++)
		measure_worker(s->workers[i], &out->workers[i]);
	measure_realms(s, out);
	measure_listeners(s, out);
	out->allocations_max = s->force.turn.limits.allocations;
	out->ports = (uint32_t)(ports->max - ports->min + 1);
	out->ports_used = atomic_load(&ports->used);
	out->ports_reserved = atomic_load(&ports->reserved);
	out->log_lost = logger_lost(s->log);
	measure_redis(s, &out->redis);
	measure_process(s, &out->process);
}
