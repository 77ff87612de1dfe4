#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conf/options.h"
#include "config.h"
#include "worker/operator_hooks.h"
#include "worker/service_state.h"
#include "worker/telemetry.h"

/* So many records are copied at a time. */
#define USAGE_AT_ONCE 64

uint64_t operator_clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

const char *operator_not_ready(void *arg)
{
	const struct service *s = arg;

	if (s->drain.on)
		return "the server drains";
	if (s->conf->relay_is_makeshift)
		return "there is no address to relay through but loopback";
	return NULL;
}

static void look_at_realms(const struct service *s, struct control_server *out)
{
	const struct turn_config *turn = &s->force.turn;

	out->realm_count = turn->realm_count;
	for (uint8_t i = 0; i < turn->realm_count; i++)
		out->realms[i] = (struct control_realm){
			.name = turn->realms[i].name,
			.allocations = atomic_load(&s->shared.realms[i]),
			.allocations_max = turn->realms[i].allocations_max,
		};
}

static void look_at_listeners(const struct service *s,
			      struct control_server *out)
{
	for (unsigned i = 0; i < TURN_LISTENERS_MAX; i++) {
		const struct listener_place *p = &s->listeners.places[i];

		if (p->state == LISTENER_OPEN || p->state == LISTENER_SERVING)
			out->listeners[out->listener_count++] = p->listener;
	}
}

static void look_at_relay(const struct service *s, struct control_server *out)
{
	const struct turn_config *turn = &s->force.turn;

	out->relay = turn->relay;
	out->advertise = turn->relay_advertise;
	out->advertise_source = s->advertise.source;
	out->first_port = turn->peers.relay_port_min;
	out->last_port = turn->peers.relay_port_max;
	out->ports_used = atomic_load(&s->shared.ports.used) +
			  atomic_load(&s->shared.ports.reserved);
}

static void add_counters(const struct counters *c, struct control_server *out)
{
	struct counters_relayed sum = { 0 };

	counters_add_realms(c, &sum);
	out->to_peer_packets += sum.to_peer_packets;
	out->to_peer_bytes += sum.to_peer_bytes;
	out->to_client_packets += sum.to_client_packets;
	out->to_client_bytes += sum.to_client_bytes;
	out->hairpin_packets += counter_get(&c->hairpin_packets);
	out->allocations += counter_get(&c->allocations);
	out->allocations_begun += counter_get(&c->allocations_begun);
	out->kernel_drops += counter_get(&c->kernel_drops);
	for (unsigned i = 0; i < DROP_REASON_COUNT; i++)
		out->dropped += counter_get(&c->dropped[i]);
}

static void look_at_redis(struct service *s, struct control_server *out)
{
	struct redis_status *r = &s->operator_state.redis;

	if (!s->redis)
		return;
	redis_store_status(s->redis, r);
	out->redis = (struct control_redis){
		.state = redis_state_name(r->state),
		.mode = redis_mode_name(r->mode),
		.endpoint = r->endpoint,
		.since_wall_s = r->since_wall_s,
	};
}

void operator_look(void *arg, struct control_server *out)
{
	struct service *s = arg;
	const struct in_force *f = &s->force;

	*out = (struct control_server){
		.version = PACKAGE_VERSION,
		.started_wall_s = s->operator_state.started_wall_s,
		.uptime_s =
			(operator_clock_ms() - s->operator_state.started_ms) /
			1000,
		.allocations_max = f->turn.limits.allocations,
		.workers = s->workers_made,
		.users_config = static_users_count(f->conf->users),
		.users_file = static_users_count(f->credentials.file_users),
		.secrets = f->conf->secrets.count,
	};
	look_at_realms(s, out);
	look_at_listeners(s, out);
	look_at_relay(s, out);
	look_at_redis(s, out);
	operator_name_pending(&f->pending, &out->pending);
	for (uint16_t i = 0; i < s->workers_made; i++)
		add_counters(worker_counters(s->workers[i]), out);
}

void operator_name_pending(const struct restart_pending *pending,
			   struct control_pending *out)
{
	char path[OPTION_TEXT_BYTES];

	_Static_assert(RESTART_PENDING_MAX <= CONTROL_PENDING_MAX,
		       "all have a place");
	out->count = pending->count;
	for (unsigned i = 0; i < pending->count; i++)
		snprintf(
			out->options[i], sizeof(out->options[i]), "%.*s",
			CONTROL_OPTION_BYTES - 1,
			option_path((enum option_id)pending->options[i], path));
}

const char *operator_realm_name(void *arg, uint8_t realm)
{
	const struct service *s = arg;

	return s->force.turn.realms[realm].name;
}

unsigned operator_refusals(void *arg, struct refusal *out, unsigned max,
			   uint64_t *total)
{
	const struct service *s = arg;

	return refusals_copy(s->refusals, out, max, total);
}

static void tell_usage(const struct usage_record *r, control_visit_usage *visit,
		       void *visitor)
{
	const struct control_usage u = {
		.is_others = r->is_others,
		.realm = r->realm,
		.user = bytes_of(r->account, r->account_bytes),
		.living = r->living,
		.sessions = r->sessions,
		.peak = r->peak,
		.relayed = r->relayed,
	};

	visit(visitor, &u);
}

int64_t operator_usage(void *arg, control_visit_usage *visit, void *visitor)
{
	struct service *s = arg;
	const struct now now = {
		.mono_ms = operator_clock_ms(),
		.wall_s = (int64_t)time(NULL),
	};
	struct usage_record *some = calloc(USAGE_AT_ONCE, sizeof(*some));
	uint32_t cursor = 0;

	if (!some ||
	    usage_refresh(s->usage, &now, s->workers, s->workers_made)) {
		free(some);
		return -1;
	}
	while (cursor != USAGE_END) {
		unsigned count = usage_copy(s->usage, &now, &cursor, some,
					    USAGE_AT_ONCE);

		for (unsigned i = 0; i < count; i++)
			tell_usage(&some[i], visit, visitor);
	}
	free(some);
	return usage_since_wall_s(s->usage, &now);
}

void operator_drain(void *arg, struct control_drain *out)
{
	const struct service *s = arg;
	struct drain_status d;

	drain_look(s, &d);
	*out = (struct control_drain){
		.on = d.on,
		.since_wall_s = d.since_wall_s,
		.deadline_wall_s = d.deadline_wall_s,
		.allocations = service_allocations(s),
	};
}

void operator_measure(void *arg, struct metrics_snapshot *out)
{
	telemetry_measure(arg, out);
}
