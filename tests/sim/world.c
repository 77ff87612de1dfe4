#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define RELAY_IP 0x0a000004u
#define LISTENER_IP 0x0a000004u

enum event_kind {
	EVENT_FROM_CLIENT, /* a datagram reaches the server */
	EVENT_FROM_PEER,
	EVENT_TO_CLIENT, /* a datagram reaches a client */
	EVENT_HAIRPIN,   /* crosses from worker to worker */
	EVENT_LOOKUP,    /* the credential source answers */
	EVENT_RELAY,     /* a relay socket is open, or not */
	EVENT_TICK,
	EVENT_WAKE,   /* an actor does something, and again later */
	EVENT_ACT,    /* an actor does something once */
	EVENT_PAUSE,  /* the machine stops for a while */
	EVENT_RULES,  /* the operator changes the peer rules */
	EVENT_FLOOD,  /* many strangers at once */
	EVENT_ACCESS, /* a user goes away, or comes back */
	EVENT_LIMITS, /* the operator changes the quotas */
	EVENT_LOOK,   /* the operator looks at sessions, and ends one */
	EVENT_DRAIN,  /* the operator lets the server drain, or not any more */
};

struct event {
	uint64_t at_ms;
	uint64_t sequence;
	enum event_kind kind;
	uint16_t worker;
	unsigned number; /* actor, waiting lookup, error */
	struct ref ref;
	struct addr addr; /* the other end */
	uint16_t port;    /* relayed port, or listener */
	uint8_t tos;
	struct packet *packet;
	int64_t sent_wall_s; /* TO_CLIENT */
	uint8_t *data;
	size_t len;
};

/* --- chance ------------------------------------------------------------------- */

uint64_t sim_random(struct world *w)
{
	uint64_t z = w->rng += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

unsigned sim_below(struct world *w, unsigned n)
{
	return (unsigned)(sim_random(w) % n);
}

bool sim_chance(struct world *w, unsigned permille)
{
	return sim_below(w, 1000) < permille;
}

void sim_count(struct world *w, enum sim_event event)
{
	w->stats->events[event]++;
}

void sim_fail(const struct world *w, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "seed %llu, at %llu ms: ", (unsigned long long)w->seed,
		(unsigned long long)w->now.mono_ms);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr,
		"\nreplay: build/tests/sim/sim --from %llu --seeds 1 "
		"--verbose\n",
		(unsigned long long)w->seed);
	exit(1);
}

/* --- the queue of what is to happen --------------------------------------------- */

static bool before(const struct event *a, const struct event *b)
{
	if (a->at_ms != b->at_ms)
		return a->at_ms < b->at_ms;
	return a->sequence < b->sequence;
}

static void push(struct world *w, struct event e)
{
	unsigned i = w->heap_count++;

	if (w->heap_count > w->heap_size) {
		w->heap_size = w->heap_size ? 2 * w->heap_size : 1024;
		w->heap = realloc(w->heap, w->heap_size * sizeof(e));
		if (!w->heap)
			abort();
	}
	e.sequence = w->sequence++;
	for (; i && before(&e, &w->heap[(i - 1) / 2]); i = (i - 1) / 2)
		w->heap[i] = w->heap[(i - 1) / 2];
	w->heap[i] = e;
}

static struct event pop(struct world *w)
{
	struct event top = w->heap[0], last = w->heap[--w->heap_count];
	unsigned i = 0, child;

	while ((child = 2 * i + 1) < w->heap_count) {
		if (child + 1 < w->heap_count &&
		    before(&w->heap[child + 1], &w->heap[child]))
			child++;
		if (before(&last, &w->heap[child]))
			break;
		w->heap[i] = w->heap[child];
		i = child;
	}
	w->heap[i] = last;
	return top;
}

static void *copy(const void *data, size_t len)
{
	void *p = malloc(len ? len : 1);

	if (!p)
		abort();
	if (len)
		memcpy(p, data, len);
	return p;
}

/* --- the network ------------------------------------------------------------------ */

/* How long a datagram takes; now and then long enough to be overtaken. */
static uint64_t delay_ms(struct world *w)
{
	if (sim_chance(w, w->reordering)) {
		sim_count(w, SIM_REORDERED);
		return 1 + sim_below(w, 400);
	}
	return 1 + sim_below(w, 15);
}

/* How many copies of a datagram arrive: 0 if it is lost. */
static unsigned copies(struct world *w)
{
	if (sim_chance(w, w->loss)) {
		sim_count(w, SIM_LOST);
		return 0;
	}
	if (sim_chance(w, w->duplication)) {
		sim_count(w, SIM_DUPLICATED);
		return 2;
	}
	return 1;
}

uint16_t world_worker_of(const struct world *w, const struct addr *client)
{
	return (uint16_t)((addr_ipv4_value(client) * 31 + client->port) %
			  w->workers);
}

void world_send(struct world *w, const struct packet *p)
{
	for (unsigned n = copies(w); n; n--)
		push(w, (struct event){
				.at_ms = w->now.mono_ms + delay_ms(w),
				.kind = EVENT_FROM_CLIENT,
				.packet = copy(p, sizeof(*p) + p->len),
			});
}

void world_send_peer(struct world *w, const struct addr *peer, uint16_t port,
		     const uint8_t *data, size_t len)
{
	for (unsigned n = copies(w); n; n--)
		push(w, (struct event){
				.at_ms = w->now.mono_ms + delay_ms(w),
				.kind = EVENT_FROM_PEER,
				.addr = *peer,
				.port = port,
				.tos = (uint8_t)sim_below(w, 256),
				.data = copy(data, len),
				.len = len,
			});
}

void world_wake(struct world *w, unsigned actor, uint64_t after_ms)
{
	push(w, (struct event){
			.at_ms = w->now.mono_ms + after_ms,
			.kind = EVENT_WAKE,
			.number = actor,
		});
}

void world_wake_once(struct world *w, unsigned actor, uint64_t after_ms)
{
	push(w, (struct event){
			.at_ms = w->now.mono_ms + after_ms,
			.kind = EVENT_ACT,
			.number = actor,
		});
}

static void send_to_client(struct world *w, const struct addr *to,
			   uint16_t listener, struct bytes head,
			   struct bytes body, unsigned pad)
{
	size_t len = head.len + body.len + pad;

	for (unsigned n = copies(w); n; n--) {
		uint8_t *data = calloc(1, len + 1);

		if (!data)
			abort();
		if (head.len)
			memcpy(data, head.data, head.len);
		if (body.len)
			memcpy(data + head.len, body.data, body.len);
		push(w, (struct event){
				.at_ms = w->now.mono_ms + delay_ms(w),
				.kind = EVENT_TO_CLIENT,
				.addr = *to,
				.port = listener,
				.sent_wall_s = w->now.wall_s,
				.data = data,
				.len = len,
			});
	}
}

/* --- the executor: carrying out verdicts and actions ------------------------------- */

static void schedule_tick(struct world *w, uint16_t worker)
{
	uint64_t next = turn_next_ms(w->servers[worker]);

	if (next == UINT64_MAX)
		return;
	if (next < w->now.mono_ms)
		next = w->now.mono_ms;
	next += sim_below(w, 50);
	if (next >= w->tick_at_ms[worker])
		return;
	w->tick_at_ms[worker] = next;
	push(w, (struct event){
			.at_ms = next,
			.kind = EVENT_TICK,
			.worker = worker,
		});
}

/* A session hears a peer, or another session of ours. */
static void deliver(struct world *w, uint16_t worker, struct ref allocation,
		    const struct addr *source, const uint8_t *data, size_t len,
		    uint8_t tos, bool hairpin)
{
	struct datagram in = {
		.data = bytes_of(data, len),
		.source = *source,
		.tos = tos,
	};
	struct verdict v;

	memset(&v, 0xa5, sizeof(v));
	if (hairpin)
		turn_from_hairpin(w->servers[worker], &w->now, allocation, &in,
				  &v);
	else
		turn_from_peer(w->servers[worker], &w->now, allocation, &in,
			       &v);
	model_from_peer(w, worker, allocation, source, data, len, tos, &v);
	if (v.kind == VERDICT_TO_CLIENT)
		send_to_client(w, &v.to, v.listener,
			       bytes_of(v.prepend, v.prepend_bytes),
			       bytes_of(data + v.skip_bytes, v.payload_bytes),
			       v.pad_bytes);
}

static void hairpin(struct world *w, uint16_t worker, const struct packet *p,
		    const struct verdict *v)
{
	const uint8_t *payload = p->bytes + v->skip_bytes;

	if (v->worker == worker) {
		deliver(w, worker, v->allocation, &v->from, payload,
			v->payload_bytes, v->tos, true);
		return;
	}
	push(w, (struct event){
			.at_ms = w->now.mono_ms + sim_below(w, 3),
			.kind = EVENT_HAIRPIN,
			.worker = v->worker,
			.ref = v->allocation,
			.addr = v->from,
			.tos = v->tos,
			.data = copy(payload, v->payload_bytes),
			.len = v->payload_bytes,
		});
}

static void carry_out(struct world *w, uint16_t worker,
		      const struct actions *out);

/* `once`: and comes back, and that is all. */
static void push_access(struct world *w, unsigned user, bool once,
			uint64_t after_ms)
{
	push(w, (struct event){
			.at_ms = w->now.mono_ms + after_ms,
			.kind = EVENT_ACCESS,
			.number = user,
			.port = once,
		});
}

static void relay_answer(struct world *w, uint16_t worker, struct ref ref,
			 int error)
{
	struct actions *out = calloc(1, sizeof(*out));

	if (!out)
		abort();
	turn_relay_opened(w->servers[worker], &w->now, ref, error, out);
	model_relay(w, worker, ref, error, out);
	carry_out(w, worker, out);
	free(out);
}

static void open_relay(struct world *w, uint16_t worker, struct ref ref)
{
	static const int errors[] = { -EADDRINUSE, -EADDRINUSE, -EADDRINUSE,
				      -EMFILE, -ENOMEM };
	int error = 0;

	if (sim_chance(w, w->failed_relays))
		error = errors[sim_below(w, 5)];
	if (!sim_chance(w, w->late_relays)) {
		relay_answer(w, worker, ref, error);
		return;
	}
	sim_count(w, SIM_RELAY_LATE);
	/* Somebody may lose its right just now. */
	if (w->is_restless && sim_chance(w, 20))
		push_access(w, model_by_ref(w, worker, ref)->user, true,
			    sim_below(w, 500));
	push(w, (struct event){
			.at_ms = w->now.mono_ms + sim_below(w, 2000),
			.kind = EVENT_RELAY,
			.worker = worker,
			.ref = ref,
			.number = (unsigned)-error,
		});
}

/* What the source knows; the name is the sender's or, by hash, the user's. */
static enum turn_lookup find_keys(struct world *w, const struct intent *q,
				  struct turn_user *found, struct bytes *name)
{
	memset(found, 0, sizeof(*found));
	*name = bytes_str(sim_users[q->user].name);
	if (q->credentials == CREDENTIALS_UNKNOWN_USER)
		return TURN_LOOKUP_UNKNOWN;
	return access_find(w, q->user, found);
}

static void lookup_answer(struct world *w, struct waiting *x)
{
	struct actions *out = calloc(1, sizeof(*out));
	enum turn_lookup result;
	struct turn_user found;
	struct bytes name;
	struct packet *p = x->packet;

	if (!out)
		abort();
	x->in_use = false;
	result = find_keys(w, &p->intent, &found, &name);
	if (sim_chance(w, w->failed_lookups)) {
		result = TURN_LOOKUP_UNAVAILABLE;
		sim_count(w, SIM_LOOKUP_UNAVAILABLE);
	}
	turn_key_ready(w->servers[x->worker], &w->now, x->ticket, result,
		       &found, name, out);
	model_message(w, x->worker, p, true, result, out);
	carry_out(w, x->worker, out);
	free(p);
	free(out);
}

static void look_up(struct world *w, struct ref ticket, uint16_t worker)
{
	struct waiting *x = NULL;

	for (unsigned i = 0; i < SIM_WAITING_MAX && !x; i++)
		if (w->model.waiting[i].in_use &&
		    w->model.waiting[i].worker == worker &&
		    w->model.waiting[i].ticket.index == ticket.index)
			x = &w->model.waiting[i];
	if (!x)
		sim_fail(w, "a lookup that the oracle does not know");
	if (sim_chance(w, w->lost_lookups))
		return;
	if (!sim_chance(w, w->late_lookups)) {
		lookup_answer(w, x);
		return;
	}
	sim_count(w, SIM_LOOKUP_LATE);
	push(w, (struct event){
			.at_ms = w->now.mono_ms + sim_below(w, 3000),
			.kind = EVENT_LOOKUP,
			.worker = worker,
			.ref = ticket,
			.number = (unsigned)(x - w->model.waiting),
		});
}

static void carry_out(struct world *w, uint16_t worker,
		      const struct actions *out)
{
	for (unsigned i = 0; i < out->count; i++) {
		const struct action *a = &out->items[i];

		switch (a->kind) {
		case ACTION_REPLY:
			send_to_client(w, &a->as.reply.to, a->as.reply.listener,
				       a->as.reply.message, bytes_of(NULL, 0),
				       0);
			break;
		case ACTION_LOOKUP_KEY:
			look_up(w, a->as.lookup.ticket, worker);
			break;
		case ACTION_OPEN_RELAY:
			open_relay(w, worker, a->as.open_relay.allocation);
			break;
		case ACTION_CLOSE_RELAY:
		case ACTION_SESSION_BEGAN:
		case ACTION_SESSION_ENDED:
		case ACTION_LOG:
		case ACTION_REFUSED:
			break;
		}
	}
	schedule_tick(w, worker);
}

/* --- what happens ------------------------------------------------------------------ */

static void from_client(struct world *w, const struct packet *p)
{
	uint16_t worker = world_worker_of(w, &p->from);
	struct datagram in = {
		.data = bytes_of(p->bytes, p->len),
		.source = p->from,
		.listener = p->listener,
		.tos = p->tos,
	};
	struct actions *out;
	struct verdict v;

	memset(&v, 0xa5, sizeof(v));
	turn_from_client(w->servers[worker], &w->now, &in, &v);
	model_from_client(w, worker, p, &v);
	if (v.kind == VERDICT_HAIRPIN)
		hairpin(w, worker, p, &v);
	if (v.kind != VERDICT_CONTROL)
		return;
	out = calloc(1, sizeof(*out));
	if (!out)
		abort();
	turn_message(w->servers[worker], &w->now, &in, out);
	model_message(w, worker, p, false, TURN_LOOKUP_UNKNOWN, out);
	carry_out(w, worker, out);
	free(out);
}

static void from_peer(struct world *w, const struct event *e)
{
	const struct model_allocation *a = model_by_port(w, e->port);

	/* Without an allocation nobody's socket is there to receive it. */
	if (a && !a->opening)
		deliver(w, a->worker, a->ref, &e->addr, e->data, e->len, e->tos,
			false);
}

static void tick(struct world *w, uint16_t worker)
{
	struct actions *out = calloc(1, sizeof(*out));

	if (!out)
		abort();
	w->tick_at_ms[worker] = UINT64_MAX;
	while (turn_tick(w->servers[worker], &w->now, out)) {
		model_tick(w, worker, out);
		carry_out(w, worker, out);
		actions_clear(out);
	}
	model_ticked(w, worker);
	schedule_tick(w, worker);
	free(out);
}

static void set_clock(struct world *w, uint64_t mono_ms)
{
	w->now.mono_ms = mono_ms;
	w->now.wall_s = 1700000000 + (int64_t)(mono_ms / 1000);
}

/* Nobody runs for ten seconds; what arrived meanwhile is read after. */
static void pause_clock(struct world *w)
{
	set_clock(w, w->now.mono_ms + 10000);
	sim_count(w, SIM_CLOCK_PAUSED);
}

/* A /24 of the public peers: at all ports or some, or on a dry run. */
static void deny_some(struct world *w)
{
	uint32_t ip = 0x08080000u | sim_below(w, 4) << 8;
	struct model *m = &w->model;

	m->denied = addr_ipv4(ip, 0);
	m->denied_ports = sim_chance(w, 500) ? 0 : 6000 + sim_below(w, 3);
	m->is_dry_run = sim_chance(w, 300);
	w->config.peers.deny[0] = (struct peer_rule){
		.first = addr_ipv4(ip, 0),
		.last = addr_ipv4(ip | 0xff, 0),
		.port_min = (uint16_t)m->denied_ports,
		.port_max = UINT16_MAX,
		.realms = PEER_RULE_ALL_REALMS,
	};
	for (unsigned i = 0; i < 2; i++)
		w->config.peers.realms[i].dry_run = m->is_dry_run;
}

static void change_rules(struct world *w)
{
	struct peer_policy *p = &w->config.peers;

	p->generation++;
	if (p->deny_count) {
		p->deny_count = 0;
		w->model.denied.family = ADDR_NONE;
	} else {
		deny_some(w);
		p->deny_count = 1;
	}
	for (uint16_t i = 0; i < w->workers; i++)
		turn_set_peers(w->servers[i], p);
	sim_count(w, SIM_RULES_CHANGED);
}

/* Quotas of users, addresses and realms. */
static void draw_quotas(struct world *w)
{
	struct turn_limits *l = &w->config.limits;
	uint32_t per_user = sim_chance(w, 300) ? 2 + sim_below(w, 20) : 0;
	uint32_t per_source = sim_chance(w, 200) ? 1 + sim_below(w, 10) : 0;

	/* Only one of the two kinds of users is there; the other's do not
	 * matter. */
	l->allocations_per_user = per_user;
	l->allocations_per_source = per_source;
	l->dynamic_allocations_per_user = 1 + sim_below(w, 3);
	l->dynamic_allocations_per_source = 1 + sim_below(w, 3);
	if (w->source == TURN_SOURCE_REDIS) {
		l->allocations_per_user = l->dynamic_allocations_per_user;
		l->allocations_per_source = l->dynamic_allocations_per_source;
		l->dynamic_allocations_per_user = per_user;
		l->dynamic_allocations_per_source = per_source;
	}
	for (unsigned i = 0; i < 2; i++) {
		struct turn_realm *realm = &w->config.realms[i];

		realm->allocations_max =
			sim_chance(w, 150) ? 1 + sim_below(w, 20) : 0;
		realm->allocations_per_user =
			sim_chance(w, 150) ? 1 + sim_below(w, 10) : 0;
	}
}

static void change_limits(struct world *w)
{
	bool whole = sim_chance(w, 500);

	draw_quotas(w);
	for (uint16_t i = 0; i < w->workers; i++) {
		struct turn_server *s = w->servers[i];

		if (whole) {
			turn_reconfigure(s, &w->config);
			continue;
		}
		turn_set_limits(s, &w->config.limits);
		for (uint8_t j = 0; j < 2; j++)
			turn_set_realm(s, j, &w->config.realms[j]);
	}
	sim_count(w, SIM_LIMITS_CHANGED);
}

/* Nobody stays away for ever. */
static void change_access(struct world *w, const struct event *e)
{
	bool went = access_change(w, (uint8_t)e->number), once = e->port;

	if (went || !once)
		push_access(w, e->number, once,
			    1000 + sim_below(w, went ? 200000 : 1500000));
	for (uint16_t i = 0; i < w->workers; i++)
		schedule_tick(w, i);
}

static void happen(struct world *w, struct event *e)
{
	/* After a pause things happen late, never in the past. */
	if (e->at_ms > w->now.mono_ms)
		set_clock(w, e->at_ms);
	w->stats->steps++;
	switch (e->kind) {
	case EVENT_FROM_CLIENT:
		from_client(w, e->packet);
		break;
	case EVENT_FROM_PEER:
		from_peer(w, e);
		break;
	case EVENT_TO_CLIENT:
		actors_receive(w, &e->addr, e->port, e->sent_wall_s, e->data,
			       e->len);
		break;
	case EVENT_HAIRPIN:
		deliver(w, e->worker, e->ref, &e->addr, e->data, e->len, e->tos,
			true);
		break;
	case EVENT_LOOKUP:
		if (w->model.waiting[e->number].in_use &&
		    w->model.waiting[e->number].ticket.generation ==
			    e->ref.generation)
			lookup_answer(w, &w->model.waiting[e->number]);
		break;
	case EVENT_RELAY:
		relay_answer(w, e->worker, e->ref, -(int)e->number);
		break;
	case EVENT_TICK:
		if (w->tick_at_ms[e->worker] == e->at_ms)
			tick(w, e->worker);
		break;
	case EVENT_WAKE:
		actor_wake(w, e->number);
		break;
	case EVENT_ACT:
		actor_act(w, e->number);
		break;
	case EVENT_PAUSE:
		pause_clock(w);
		break;
	case EVENT_RULES:
		change_rules(w);
		break;
	case EVENT_FLOOD:
		actors_flood(w);
		break;
	case EVENT_ACCESS:
		change_access(w, e);
		break;
	case EVENT_LIMITS:
		change_limits(w);
		break;
	case EVENT_DRAIN:
		operator_drain(w);
		if (w->config.draining)
			push(w, (struct event){
					.at_ms = w->now.mono_ms +
						 sim_below(w, 300000),
					.kind = EVENT_DRAIN,
				});
		break;
	case EVENT_LOOK:
		operator_look(w);
		/* Where alternates are, one of them is the address of now. */
		if (!w->config.draining && sim_chance(w, 500))
			operator_advertise(w);
		for (uint16_t i = 0; i < w->workers; i++)
			schedule_tick(w, i);
		break;
	}
	if (w->stats->steps % 16 == 0)
		model_conserved(w);
	free(e->packet);
	free(e->data);
}

/* --- a seed's life -------------------------------------------------------------------- */

static void draw_weather(struct world *w)
{
	static const unsigned bad[] = { 0, 0, 20, 100, 300 };

	w->workers = (uint16_t)(1 + sim_below(w, SIM_WORKERS_MAX));
	w->loss = bad[sim_below(w, 5)];
	w->duplication = bad[sim_below(w, 5)];
	w->reordering = bad[sim_below(w, 5)];
	w->late_lookups = bad[sim_below(w, 5)] * 2;
	w->failed_lookups = bad[sim_below(w, 4)];
	w->lost_lookups = bad[sim_below(w, 4)] / 4;
	w->late_relays = bad[sim_below(w, 5)];
	w->failed_relays = bad[sim_below(w, 5)] * 2;
	w->pausing = sim_chance(w, 300);
	w->flooded = sim_chance(w, 100);
	w->end_ms = w->now.mono_ms + 1000 * (900 + sim_below(w, 3000));
}

static uint64_t draw_rate(struct world *w, uint64_t from)
{
	return sim_chance(w, 500) ? from + sim_below(w, (unsigned)from) : 0;
}

static void configure_limits(struct world *w)
{
	struct turn_limits *limits = &w->config.limits;

	if (sim_chance(w, 200))
		limits->peers = (struct bucket_rate){ sim_below(w, 2),
						      3 + sim_below(w, 10) };
	if (!sim_chance(w, 200))
		return;
	w->is_limited = true;
	w->rushes_left = 6;
	limits->rates.allocation = draw_rate(w, 40000);
	limits->rates.user = draw_rate(w, 60000);
	limits->rates.total = draw_rate(w, 80000);
	limits->rates.burst_s = 1 + sim_below(w, 2);
	for (unsigned i = 0; i < SIM_USERS; i++)
		if (sim_chance(w, 300))
			w->own_rates[i] = draw_rate(w, 60000);
}

/*
 * Users who share a place in the quota may have a new burst when they return,
 * which the oracle does not know of: then there are no rates.
 */
static void separate_users(struct world *w)
{
	uint32_t homes[SIM_USERS], mask = quota_slots(&w->shared.quota) - 1;

	for (unsigned i = 0; i < SIM_USERS; i++) {
		const struct sim_user *u = &sim_users[i];

		homes[i] = (uint32_t)quota_user(
				   &w->shared.quota,
				   bytes_str(w->config.realms[u->realm].name),
				   bytes_str(u->name)) &
			   mask;
		for (unsigned j = 0; j < i; j++) {
			if (homes[i] != homes[j])
				continue;
			w->config.limits.rates.user = 0;
			memset(w->own_rates, 0, sizeof(w->own_rates));
		}
	}
}

static void configure(struct world *w)
{
	struct turn_config *f = &w->config;
	struct peer_policy *p = &f->peers;

	memcpy(f->realms[0].name, SIM_BASE_REALM, sizeof(SIM_BASE_REALM));
	memcpy(f->realms[1].name, SIM_OTHER_REALM, sizeof(SIM_OTHER_REALM));
	f->realm_count = 2;
	f->realms[1].offer_sha256 = true;
	f->realms[1].offer_userhash = true;
	for (uint8_t i = 0; i < 2; i++)
		f->listeners[i] = (struct turn_listener){
			.in_use = true,
			.local = addr_ipv4(LISTENER_IP, (uint16_t)(3478 + i)),
			.realm = i,
		};
	f->relay = addr_ipv4(RELAY_IP, 0);
	f->relay_advertise = sim_advertised[0];
	f->limits.allocations = sim_chance(w, 300) ? 10 : 400;
	draw_quotas(w);
	f->limits.permissions_per_allocation = SIM_PERMISSIONS;
	f->limits.channels_per_allocation = SIM_CHANNELS;
	configure_limits(w);
	f->nonce.current.len = NONCE_KEY_BYTES;
	f->nonce.lifetime_s = 60 + sim_below(w, 600);
	f->lookups_are_async = sim_chance(w, 500);
	f->worker_count = (uint8_t)w->workers;
	p->generation = 1;
	p->relay_ips[0] = f->relay;
	memcpy(&p->relay_ips[1], sim_advertised, sizeof(sim_advertised));
	p->relay_ip_count = 1 + SIM_ADVERTISED;
	p->relay_port_min = 49152;
	p->relay_port_max =
		(uint16_t)(49152 +
			   (sim_chance(w, 300) ? 7 + sim_below(w, 20) : 400));
	p->own_ips[0] = f->relay;
	p->own_ip_count = 1;
	p->own_sockets[0] = f->listeners[0].local;
	p->own_sockets[1] = f->listeners[1].local;
	p->own_socket_count = 2;
}

static void start(struct world *w)
{
	struct hash_key key = { w->seed, ~w->seed };
	uint8_t seed[RANDOM_SEED_BYTES] = { 0 };
	uint64_t start_flood;

	w->crypto = crypto_new();
	draw_weather(w);
	access_draw(w);
	configure(w);
	if (!w->crypto || turn_shared_init(&w->shared, &w->config, &key))
		abort();
	separate_users(w);
	for (uint16_t i = 0; i < w->workers; i++) {
		memcpy(seed, &w->seed, sizeof(w->seed));
		seed[31] = (uint8_t)i;
		w->tick_at_ms[i] = UINT64_MAX;
		if (turn_server_new(&w->servers[i], &w->config, &w->shared, i,
				    seed, &w->now))
			abort();
	}
	actors_init(w);
	for (unsigned i = 0; i < 4; i++)
		push(w,
		     (struct event){
			     .at_ms = w->now.mono_ms + sim_random(w) % 1800000,
			     .kind = EVENT_RULES,
		     });
	/* Bursts that follow each other within the budget's 10 s, or not. */
	start_flood = 60000 + sim_random(w) % 600000;
	for (unsigned i = 0; w->flooded && i < 5; i++) {
		push(w, (struct event){
				.at_ms = w->now.mono_ms + start_flood,
				.kind = EVENT_FLOOD,
			});
		start_flood += 1 + sim_below(w, 6000);
	}
	for (unsigned i = 0; w->is_restless && i < SIM_USERS; i++)
		push_access(w, i, false, sim_random(w) % 1800000);
	for (unsigned i = 0; w->is_restless && i < 3; i++)
		push(w,
		     (struct event){
			     .at_ms = w->now.mono_ms + sim_random(w) % 1800000,
			     .kind = EVENT_LIMITS,
		     });
	for (unsigned i = 0; w->is_restless && i < 5; i++)
		push(w,
		     (struct event){
			     .at_ms = w->now.mono_ms + sim_random(w) % 1800000,
			     .kind = EVENT_LOOK,
		     });
	if (w->is_restless)
		push(w,
		     (struct event){
			     .at_ms = w->now.mono_ms + sim_random(w) % 1800000,
			     .kind = EVENT_DRAIN,
		     });
	for (unsigned i = 0; w->pausing && i < 10; i++)
		push(w,
		     (struct event){
			     .at_ms = w->now.mono_ms + sim_random(w) % 1800000,
			     .kind = EVENT_PAUSE,
		     });
}

/* Ends the way a daemon does: every session ends, nothing is left. */
static void shut_down(struct world *w)
{
	struct actions *out = calloc(1, sizeof(*out));

	if (!out)
		abort();
	for (uint16_t i = 0; i < w->workers; i++) {
		while (turn_end_next(w->servers[i], &w->now,
				     TURN_CAUSE_SHUTDOWN, out)) {
			sim_count(w, SIM_SHUTDOWN_ENDED);
			actions_clear(out);
		}
		turn_server_free(w->servers[i]);
	}
	if (ports_free(&w->shared.ports) !=
		    w->config.peers.relay_port_max -
			    w->config.peers.relay_port_min + 1u ||
	    atomic_load(&w->shared.quota.total) ||
	    atomic_load(&w->shared.sources.total) ||
	    atomic_load(&w->shared.realms[0]) ||
	    atomic_load(&w->shared.realms[1]))
		sim_fail(w, "ports or charges are left after the end");
	turn_shared_fini(&w->shared);
	free(out);
}

static void collect_drops(struct world *w)
{
	for (uint16_t i = 0; i < w->workers; i++) {
		const struct counters *c = turn_counters(w->servers[i]);

		model_dropped(w, i);
		for (unsigned r = 0; r < DROP_REASON_COUNT; r++)
			w->stats->drops[r] += counter_get(&c->dropped[r]);
	}
}

void world_run(uint64_t seed, struct sim_stats *stats, bool verbose)
{
	struct world *w = calloc(1, sizeof(*w));

	if (!w)
		abort();
	w->seed = seed;
	w->rng = seed * 0x2545f4914f6cdd1du + 1;
	w->verbose = verbose;
	w->stats = stats;
	w->model.world = w;
	set_clock(w, 5000);
	start(w);
	while (w->heap_count && w->now.mono_ms < w->end_ms) {
		struct event e = pop(w);

		happen(w, &e);
	}
	stats->simulated_ms += w->now.mono_ms;
	collect_drops(w);
	shut_down(w);
	while (w->heap_count) {
		struct event e = pop(w);

		free(e.packet);
		free(e.data);
	}
	for (unsigned i = 0; i < SIM_WAITING_MAX; i++)
		if (w->model.waiting[i].in_use)
			free(w->model.waiting[i].packet);
	actors_free(w);
	crypto_free(w->crypto);
	free(w->heap);
	free(w);
}
