#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "turn/session.h"

#define BATCH 8

static unsigned count_living(const struct world *w, uint16_t worker)
{
	unsigned n = 0;

	for (unsigned i = 0; i < SIM_ALLOCATIONS_MAX; i++) {
		const struct model_allocation *a = &w->model.allocations[i];

		n += a->in_use && !a->opening && a->worker == worker;
	}
	return n;
}

/* The oracle's record of a session that was listed, which must be right. */
static const struct model_allocation *check(struct world *w, uint16_t worker,
					    const struct turn_session *t)
{
	const struct model_allocation *a =
		model_by_ref(w, worker, t->allocation);
	const struct sim_user *u;
	int64_t left_s;

	if (!a || a->opening || t->worker != worker)
		sim_fail(w, "a session is listed that is none");
	u = &sim_users[a->user];
	if (!addr_equal(&t->client, &a->client) || t->listener != a->listener ||
	    t->relayed.port != a->port || t->advertised.port != a->port ||
	    !addr_same_ip(&t->advertised, &a->told) || t->realm != u->realm ||
	    t->source != w->source ||
	    !bytes_equal(bytes_of(t->user, t->user_bytes), bytes_str(u->name)))
		sim_fail(w, "a session is listed as somebody else's");
	if (!addr_same_ip(&a->told, &w->config.relay_advertise))
		sim_count(w, SIM_TOLD_BEFORE);
	left_s = t->expires_wall_s - w->now.wall_s;
	if (llabs(1000 * left_s -
		  ((int64_t)a->expires_ms - (int64_t)w->now.mono_ms)) > 2000)
		sim_fail(w, "a session is listed with another end");
	return a;
}

/* Walks through all sessions of a worker; `*last` is any of them. */
static unsigned look_at_all(struct world *w, uint16_t worker,
			    struct turn_session *last)
{
	struct turn_session *batch = calloc(BATCH, sizeof(*batch));
	unsigned total = 0, picked = sim_below(w, SIM_ALLOCATIONS_MAX);
	uint32_t cursor = 0;

	if (!batch)
		abort();
	while (cursor != TURN_SESSIONS_END) {
		unsigned n = turn_list_sessions(w->servers[worker], &cursor,
						batch, 1 + sim_below(w, BATCH));

		for (unsigned i = 0; i < n; i++) {
			check(w, worker, &batch[i]);
			if (total++ <= picked)
				*last = batch[i];
		}
	}
	free(batch);
	return total;
}

static void end_session(struct world *w, uint16_t worker,
			const struct turn_session *t)
{
	struct turn_server *s = w->servers[worker];
	struct model_allocation *a = model_by_ref(w, worker, t->allocation);
	struct actions *out = calloc(1, sizeof(*out));
	struct turn_session again;

	if (!out)
		abort();
	if (!turn_end_session(s, &w->now, t->allocation, TURN_CAUSE_KILLED,
			      out))
		sim_fail(w, "a session that lives cannot be ended");
	if (out->count != 3 || out->items[0].kind != ACTION_LOG ||
	    out->items[1].kind != ACTION_SESSION_ENDED ||
	    out->items[1].as.ended.traffic.to_peer_bytes < t->to_peer_bytes ||
	    out->items[2].kind != ACTION_CLOSE_RELAY ||
	    out->items[2].as.close_relay.index != a->ref.index ||
	    out->items[2].as.close_relay.generation != a->ref.generation)
		sim_fail(w, "another session is ended");
	a->in_use = false;
	actions_clear(out);
	if (turn_find_session(s, t->allocation, &again) ||
	    turn_end_session(s, &w->now, t->allocation, TURN_CAUSE_KILLED, out))
		sim_fail(w, "a session that was ended is there");
	sim_count(w, SIM_KILLED);
	free(out);
}

void operator_look(struct world *w)
{
	uint16_t worker = (uint16_t)sim_below(w, w->workers);
	struct turn_session *t = calloc(1, sizeof(*t));
	unsigned n;

	if (!t)
		abort();
	n = look_at_all(w, worker, t);
	if (n != count_living(w, worker))
		sim_fail(w, "%u sessions are listed of %u", n,
			 count_living(w, worker));
	if (n)
		end_session(w, worker, t);
	free(t);
}

/* Of which the first is the server itself, and the last of another family. */
static void draw_alternates(struct world *w)
{
	static const uint8_t v6[16] = { 0x20, 1, 0x0d, 0xb8, [15] = 1 };
	struct turn_config *c = &w->config;

	c->alternate_count = (uint8_t)sim_below(w, 5);
	c->alternates[0] =
		addr_with_port(&c->relay_advertise, c->listeners[0].local.port);
	c->alternates[1] = addr_ipv4(0x14caff01u, 3478);
	c->alternates[2] = addr_ipv4(0x14caff02u, 3479);
	c->alternates[3] = addr_ipv6(v6, 3478);
}

void operator_drain(struct world *w)
{
	w->config.draining = !w->config.draining;
	if (w->config.draining)
		draw_alternates(w);
	for (uint16_t i = 0; i < w->workers; i++)
		turn_reconfigure(w->servers[i], &w->config);
	sim_count(w, w->config.draining ? SIM_DRAIN_BEGUN : SIM_DRAIN_ENDED);
}

void operator_advertise(struct world *w)
{
	w->config.relay_advertise =
		sim_advertised[sim_below(w, SIM_ADVERTISED)];
	for (uint16_t i = 0; i < w->workers; i++)
		turn_reconfigure(w->servers[i], &w->config);
	sim_count(w, SIM_ANOTHER_ADVERTISED);
}
