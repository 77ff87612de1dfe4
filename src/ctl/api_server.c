/*
 * GET /v1/server: one look at the whole server.
 */
#include <stdlib.h>
#include <unistd.h>

#include "ctl/api.h"
#include "ctl/values.h"

static json_t *realms_of(const struct control_server *s)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < s->realm_count; i++) {
		const struct control_realm *r = &s->realms[i];

		json_array_append_new(
			list, json_pack("{s:s, s:i, s:o}", "name", r->name,
					"allocations", (int)r->allocations,
					"allocations_max",
					value_limit(r->allocations_max)));
	}
	return list;
}

static json_t *listeners_of(const struct control_server *s)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < s->listener_count; i++) {
		const struct turn_listener *l = &s->listeners[i];
		struct addr ip = addr_with_port(&l->local, 0);

		json_array_append_new(
			list, json_pack("{s:s, s:o, s:i, s:s}", "transport",
					"udp", "address", value_addr(&ip),
					"port", (int)l->local.port, "realm",
					s->realms[l->realm].name));
	}
	return list;
}

static json_t *relay_of(const struct control_server *s)
{
	return json_pack("{s:o, s:o, s:s, s:i, s:i, s:i, s:i}", "address",
			 value_addr(&s->relay), "advertise",
			 value_addr(&s->advertise), "advertise_source",
			 s->advertise_source, "first_port", (int)s->first_port,
			 "last_port", (int)s->last_port, "ports_used",
			 (int)s->ports_used, "ports",
			 s->last_port - s->first_port + 1);
}

static json_t *traffic_of(const struct control_server *s)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
			 "to_peer_packets", value_number(s->to_peer_packets),
			 "to_peer_bytes", value_number(s->to_peer_bytes),
			 "to_client_packets",
			 value_number(s->to_client_packets), "to_client_bytes",
			 value_number(s->to_client_bytes), "hairpin_packets",
			 value_number(s->hairpin_packets), "dropped",
			 value_number(s->dropped), "kernel_drops",
			 value_number(s->kernel_drops));
}

static json_t *redis_of(const struct control_redis *r)
{
	if (!r->state)
		return json_null();
	return json_pack("{s:s, s:s, s:s, s:o}", "state", r->state, "mode",
			 r->mode, "endpoint", r->endpoint, "since",
			 value_time(r->since_wall_s));
}

static json_t *drain_of(const struct control_drain *d)
{
	if (!d->on)
		return json_null();
	return json_pack("{s:o, s:o}", "since", value_time(d->since_wall_s),
			 "deadline", value_time_or_null(d->deadline_wall_s));
}

static json_t *server_of(const struct control_server *s,
			 const struct control_drain *d, const char *not_ready)
{
	return json_pack(
		"{s:s, s:o, s:o, s:i, s:s, s:b, s:s?, s:o, s:o, s:o,"
		" s:{s:o, s:o, s:o}, s:i, s:{s:i, s:i}, s:i, s:o, s:o, s:o,"
		" s:o}",
		"version", s->version, "started", value_time(s->started_wall_s),
		"uptime_s", value_number(s->uptime_s), "pid", (int)getpid(),
		"state", d->on ? "draining" : "serving", "ready", !not_ready,
		"not_ready", not_ready, "realms", realms_of(s), "listeners",
		listeners_of(s), "relay", relay_of(s), "allocations", "living",
		value_number(s->allocations), "max",
		value_number(s->allocations_max), "begun",
		value_number(s->allocations_begun), "workers", (int)s->workers,
		"users", "config", (int)s->users_config, "file",
		(int)s->users_file, "secrets", (int)s->secrets, "traffic",
		traffic_of(s), "redis", redis_of(&s->redis), "restart_pending",
		value_pending(&s->pending), "drain", drain_of(d));
}

static void show(const struct request *q, struct answer *a)
{
	struct control_server *s = calloc(1, sizeof(*s));
	struct control_drain drain;

	if (!s)
		return;
	q->hooks->look(q->hooks->arg, s);
	q->hooks->drain(q->hooks->arg, &drain);
	answer_json(a, 200,
		    server_of(s, &drain, q->hooks->not_ready(q->hooks->arg)));
	free(s);
}

const struct route api_server = {
	.method = ROUTE_GET,
	.path = "/v1/server",
	.handle = show,
};
