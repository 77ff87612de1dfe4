#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "limits.h"
#include "model.h"
#include "wire.h"

static void end_allocation(struct world *w, uint16_t worker, struct ref ref)
{
	struct model_allocation *a = model_by_ref(w, worker, ref);

	if (!a)
		sim_fail(w, "a socket is closed that was not open");
	a->in_use = false;
}

/* A 300 names one of the other servers, as it was configured. */
static void check_alternate(struct world *w, const uint8_t *m, size_t len)
{
	const struct turn_config *c = &w->config;
	size_t n;
	const uint8_t *v = wire_find(m, len, 0x8023, &n);
	struct addr a;

	if (!v || n != 8 || v[0] != 0 || v[1] != 1)
		sim_fail(w, "300 without an alternate of the family");
	a = addr_ipv4((uint32_t)v[4] << 24 | (uint32_t)v[5] << 16 |
			      (uint32_t)v[6] << 8 | v[7],
		      (uint16_t)(v[2] << 8 | v[3]));
	if (!addr_equal(&a, &c->alternates[1]) &&
	    !(c->alternate_count > 2 && addr_equal(&a, &c->alternates[2])))
		sim_fail(w, "300 to a server that is none of the others");
	sim_count(w, SIM_REDIRECTED);
}

/* The reply must be the answer to that request, protected as it should be. */
static void check_envelope(struct world *w, const struct packet *p,
			   const struct action_reply *r, unsigned code)
{
	const struct intent *q = &p->intent;
	const uint8_t *m = r->message.data;
	size_t len = r->message.len, n;
	unsigned type = (unsigned)m[0] << 8 | m[1];
	unsigned expected_type = (q->method & 0xfu) |
				 (code ? 0x0110u : 0x0100u);
	bool is_signed, must_sign;
	uint8_t key[32];
	size_t key_bytes;

	if (!addr_equal(&r->to, &p->from) || r->listener != p->listener)
		sim_fail(w, "an answer to somebody else");
	if (type != expected_type || memcmp(m + 8, p->id, 12) != 0)
		sim_fail(w, "answer of type %04x to a request of method %x",
			 type, q->method);
	if ((wire_find(m, len, 0x8028, &n) != NULL) != q->fingerprint)
		sim_fail(w, "fingerprint in the answer, or lacking");
	must_sign = q->method != STUN_BINDING && code != 401 && code != 438 &&
		    code != 500 &&
		    !(code == 400 && (q->credentials == CREDENTIALS_NO_NONCE ||
				      q->credentials == CREDENTIALS_BID_DOWN));
	is_signed = wire_find(m, len, 0x0008, &n) ||
		    wire_find(m, len, 0x001C, &n);
	if (must_sign != is_signed)
		sim_fail(w, "code %u %s integrity", code,
			 is_signed ? "with" : "without");
	if (must_sign) {
		const struct sim_user *u = &sim_users[q->user];

		key_bytes = model_key(w, u, u->password, q->sha256, key);
		if (!wire_signed_by(m, len, w->crypto, key, key_bytes,
				    q->sha256))
			sim_fail(w, "code %u: wrong integrity", code);
	}
	if (code == 401 || code == 438) {
		size_t realm = strlen(model_realm_name((uint8_t)p->listener));
		bool offers = w->config.realms[p->listener].offer_sha256;

		if (!wire_find(m, len, 0x0014, &n) || n != realm ||
		    !wire_find(m, len, 0x0015, &n) || n > 28 ||
		    !wire_find(m, len, 0x8002, &n) != !offers)
			sim_fail(w, "code %u without a whole challenge", code);
		if (!offers && len > 76 + (realm + 3) / 4 * 4)
			sim_fail(w, "a challenge of %zu bytes", len);
	}
	if (code == 300)
		check_alternate(w, m, len);
	w->stats->codes[code ? code - 300 : 0] += code != 0;
	if (w->verbose)
		fprintf(stderr, "%10llu   answer %u to method %x\n",
			(unsigned long long)w->now.mono_ms, code, q->method);
}

static void check_allocated(struct world *w, struct model_allocation *a,
			    const struct action_reply *r)
{
	const uint8_t *m = r->message.data, *v;
	size_t len = r->message.len, n;
	struct addr relayed = wire_get_xor_addr(m, len, 0x0016);
	struct addr mapped = wire_get_xor_addr(m, len, 0x0020);
	struct addr expected = addr_with_port(&a->told, a->port);
	uint64_t left_s = (a->expires_ms - w->now.mono_ms) / 1000, told;

	if (!addr_equal(&relayed, &expected))
		sim_fail(w, "relayed address of another allocation");
	if (!addr_equal(&mapped, &a->client))
		sim_fail(w, "wrong mapped address");
	v = wire_find(m, len, 0x000D, &n);
	if (!v || n != 4)
		sim_fail(w, "success without LIFETIME");
	told = (uint64_t)v[0] << 24 | (uint64_t)v[1] << 16 |
	       (uint64_t)v[2] << 8 | v[3];
	if (told > a->lifetime_s || told > left_s)
		sim_fail(w, "LIFETIME %llu of %llu, %llu left",
			 (unsigned long long)told,
			 (unsigned long long)a->lifetime_s,
			 (unsigned long long)left_s);
	v = wire_find(m, len, 0x0022, &n);
	if ((v != NULL) != a->pair || (v && n != 8))
		sim_fail(w, "RESERVATION-TOKEN given or not given");
	if (v && a->replied && memcmp(v, a->token, 8) != 0)
		sim_fail(w, "another token in a retransmission");
	if (v)
		memcpy(a->token, v, 8);
	if (!wire_find(m, len, 0x8001, &n) != (a->intent.additional != 2))
		sim_fail(w, "ADDRESS-ERROR-CODE");
	a->replied = true;
}

static struct model_allocation *new_allocation(struct world *w)
{
	for (unsigned i = 0; i < SIM_ALLOCATIONS_MAX; i++)
		if (!w->model.allocations[i].in_use)
			return &w->model.allocations[i];
	sim_fail(w, "more allocations than the model holds");
}

static uint64_t granted_s(const struct intent *q)
{
	if (q->lifetime <= 600)
		return 600;
	return q->lifetime > 3600 ? 3600 : (uint64_t)q->lifetime;
}

/* No session outlives the credential that it was begun with, if that is so. */
static void set_expiry(const struct world *w, struct model_allocation *a,
		       uint64_t lifetime_s)
{
	a->expires_ms = w->now.mono_ms + 1000 * lifetime_s;
	if (a->expires_ms > a->ends_ms)
		a->expires_ms = a->ends_ms;
}

static void check_port(struct world *w, uint16_t port, int even)
{
	if (!model_in_range(w, port) || (even >= 0 && port % 2))
		sim_fail(w, "port %u was not asked for", port);
	if (model_port_is_taken(w, port, false) ||
	    (even == 1 && model_port_is_taken(w, (uint16_t)(port + 1), false)))
		sim_fail(w, "port %u is given twice", port);
}

static void begin_allocation(struct world *w, uint16_t worker,
			     const struct packet *p,
			     const struct action_open_relay *open)
{
	const struct intent *q = &p->intent;
	struct model_allocation *a;

	if (q->has_token) {
		struct model_reservation *v = model_find_token(w, q->token);

		if (!v || v->port != open->port)
			sim_fail(w, "a token gave another port");
		v->in_use = false;
		sim_count(w, SIM_TOKEN_REDEEMED);
		if (v->worker != worker)
			sim_count(w, SIM_TOKEN_REDEEMED_ELSEWHERE);
	} else {
		check_port(w, open->port, q->even);
	}
	a = new_allocation(w);
	*a = (struct model_allocation){
		.in_use = true,
		.opening = true,
		.worker = worker,
		.ref = open->allocation,
		.client = p->from,
		.listener = p->listener,
		.user = q->user,
		.port = open->port,
		.told = w->config.relay_advertise,
		.pair = q->even == 1,
		.lifetime_s = granted_s(q),
		.ends_ms = access_ends_ms(w),
		.is_source_charged = model_source_max(w) != 0,
		.sha256 = q->sha256,
		.intent = *q,
		.tries = 1,
	};
	memcpy(a->id, p->id, 12);
	set_expiry(w, a, granted_s(q));
	limits_begin(w, a);
	if (q->sha256)
		sim_count(w, SIM_SHA256);
	if (q->by_hash)
		sim_count(w, SIM_USERHASH);
}

/* A success response changes the model as the request meant. */
static void succeed(struct world *w, uint16_t worker, const struct packet *p,
		    const struct action_reply *r)
{
	const struct intent *q = &p->intent;
	struct model_allocation *a = model_by_client(w, &p->from, p->listener);
	struct model_channel *c;
	struct addr peer;
	size_t n;

	(void)worker;
	switch (q->method) {
	case STUN_BINDING:
		peer = wire_get_xor_addr(r->message.data, r->message.len,
					 0x0020);
		if (!addr_equal(&peer, &p->from))
			sim_fail(w, "wrong mapped address");
		return;
	case STUN_ALLOCATE:
		check_allocated(w, a, r);
		sim_count(w, SIM_RETRANSMITTED_ALLOCATE);
		return;
	case STUN_REFRESH:
		if (!wire_find(r->message.data, r->message.len, 0x000D, &n))
			sim_fail(w, "Refresh success without LIFETIME");
		/* Refresh 0 was followed by the end of the allocation. */
		if (q->lifetime == 0) {
			if (a)
				sim_fail(w, "alive after Refresh 0");
			sim_count(w, SIM_DELETED);
			return;
		}
		set_expiry(w, a, granted_s(q));
		sim_count(w, SIM_REFRESHED);
		if (w->config.draining)
			sim_count(w, SIM_REFRESHED_IN_A_DRAIN);
		return;
	case STUN_CREATE_PERMISSION:
		for (unsigned i = 0; i < q->peer_count; i++)
			model_install_permission(w, a, &q->peers[i]);
		return;
	case STUN_CHANNEL_BIND:
		peer = model_canonical(w, &q->peers[0]);
		model_install_permission(w, a, &q->peers[0]);
		c = model_find_number(a, q->number);
		for (unsigned i = 0; !c && i < SIM_CHANNELS; i++)
			if (!a->channels[i].in_use)
				c = &a->channels[i];
		if (!c)
			sim_fail(w, "a channel beyond the limit");
		if (!c->in_use)
			limits_bound(w, a, &peer);
		*c = (struct model_channel){
			.in_use = true,
			.number = q->number,
			.peer = peer,
			.expires_ms = w->now.mono_ms + 600000,
		};
		sim_count(w, SIM_BOUND);
		return;
	default:
		sim_fail(w, "success for method %x", q->method);
	}
}

static void add_waiting(struct world *w, uint16_t worker,
			const struct packet *p, struct ref ticket)
{
	for (unsigned i = 0; i < SIM_WAITING_MAX; i++) {
		struct waiting *x = &w->model.waiting[i];
		size_t size = sizeof(*p) + p->len;

		if (x->in_use)
			continue;
		*x = (struct waiting){ true, worker, ticket, w->now.mono_ms,
				       malloc(size) };
		if (!x->packet)
			abort();
		memcpy(x->packet, p, size);
		return;
	}
	sim_fail(w, "more lookups wait than the pools hold");
}

/* An answer is expected; the budget may not allow it. */
static void expect_budget(struct world *w, uint16_t worker,
			  const struct packet *p, bool looked_up,
			  struct expectation *e)
{
	if (e->first < 0 || !model_is_unproven(w, p, looked_up, e->first) ||
	    model_may_answer(w, &p->from, model_answer_bytes(w, p, e->first)))
		return;
	e->first = e->second = e->third = EXPECT_NOTHING;
	e->stale = false;
	w->model.refused[worker]++;
	sim_count(w, SIM_ANSWER_REFUSED);
}

static void check_budget(struct world *w, const struct packet *p,
			 bool looked_up, const struct action_reply *reply,
			 int code)
{
	size_t len = reply->message.len;

	if (!model_is_unproven(w, p, looked_up, code))
		return;
	if (len != model_answer_bytes(w, p, code))
		sim_fail(w, "code %d in %zu bytes", code, len);
	model_answered(w, &p->from, len);
}

/*
 * The operator is told of each refusal that says something of the client, and
 * of none that was not answered so.
 */
static void check_refusal(struct world *w, const struct packet *p, int outcome,
			  int refused)
{
	bool must = outcome == 300 || outcome == 403 || outcome == 486 ||
		    (outcome == 500 && w->config.lookups_are_async) ||
		    (outcome == 508 && !p->intent.has_token);

	if (refused ? refused != outcome : must)
		sim_fail(w, "answer %d to method %x is remembered as %d",
			 outcome, p->intent.method, refused);
}

void model_message(struct world *w, uint16_t worker, const struct packet *p,
		   bool looked_up, enum turn_lookup result,
		   const struct actions *out)
{
	const struct action_reply *reply = NULL;
	const struct action *last = NULL;
	struct model_allocation *a;
	struct expectation e;
	int outcome = EXPECT_NOTHING, refused = 0;
	bool is_delete;

	/* Its allocation may have ended just before: then it is gone. */
	a = model_by_client(w, &p->from, p->listener);
	is_delete = p->intent.method == STUN_REFRESH && p->intent.lifetime == 0;
	for (unsigned i = 0; i < out->count; i++) {
		const struct action *x = &out->items[i];

		if (x->kind != ACTION_CLOSE_RELAY)
			continue;
		if (!a || a->worker != worker ||
		    a->ref.index != x->as.close_relay.index)
			sim_fail(w, "a request ended another's allocation");
		if (a->expires_ms <= w->now.mono_ms) {
			end_allocation(w, worker, x->as.close_relay);
			sim_count(w, SIM_EXPIRED_BEFORE_TICK);
		}
	}
	if (p->intent.is_request && !looked_up)
		model_received(w, &p->from, p->len);
	e = model_expect(w, worker, p, looked_up, result);
	if (e.failed)
		model_failed(w, p);
	expect_budget(w, worker, p, looked_up, &e);
	for (unsigned i = 0; i < out->count; i++) {
		const struct action *x = &out->items[i];

		switch (x->kind) {
		case ACTION_REPLY:
			if (reply)
				sim_fail(w, "two answers to one request");
			reply = &x->as.reply;
			outcome = (int)wire_error(reply->message.data,
						  reply->message.len);
			break;
		case ACTION_LOOKUP_KEY:
			last = x;
			outcome = EXPECT_LOOKUP;
			break;
		case ACTION_OPEN_RELAY:
			last = x;
			outcome = EXPECT_SUCCESS;
			break;
		case ACTION_CLOSE_RELAY:
			a = model_by_client(w, &p->from, p->listener);
			if (!a)
				break;
			if (!is_delete || !model_meets(&e, EXPECT_SUCCESS))
				sim_fail(w, "a request ended its allocation");
			end_allocation(w, worker, x->as.close_relay);
			break;
		case ACTION_SESSION_BEGAN:
		case ACTION_SESSION_ENDED:
		case ACTION_LOG:
			break;
		case ACTION_REFUSED:
			refused = (int)x->as.refused->code;
			break;
		}
	}
	check_refusal(w, p, outcome, refused);
	if (!model_meets(&e, outcome))
		sim_fail(w, "method %x, credentials %d: %d, expected %d or %d",
			 p->intent.method, p->intent.credentials, outcome,
			 e.first, e.second);
	if (reply) {
		check_envelope(w, p, reply, (unsigned)outcome);
		check_budget(w, p, looked_up, reply, outcome);
		if (w->model.refused[worker] && outcome == EXPECT_SUCCESS &&
		    p->intent.method != STUN_BINDING)
			sim_count(w, SIM_ANSWERED_IN_A_FLOOD);
		if (outcome == EXPECT_SUCCESS)
			succeed(w, worker, p, reply);
		if (p->intent.has_token && outcome == 508)
			sim_count(w, SIM_TOKEN_REFUSED);
	} else if (last && last->kind == ACTION_LOOKUP_KEY) {
		add_waiting(w, worker, p, last->as.lookup.ticket);
	} else if (last) {
		begin_allocation(w, worker, p, &last->as.open_relay);
	}
}

/* The Allocate request that made it, as a packet to check answers with. */
static struct packet *request_of(const struct model_allocation *a)
{
	struct packet *p = calloc(1, sizeof(*p));

	if (!p)
		abort();
	p->from = a->client;
	p->listener = a->listener;
	p->intent = a->intent;
	memcpy(p->id, a->id, 12);
	return p;
}

static void allocation_opens(struct world *w, struct model_allocation *a,
			     const struct actions *out)
{
	struct packet *p = request_of(a);

	if (out->count < 1 || out->items[0].kind != ACTION_REPLY)
		sim_fail(w, "a socket is open and nobody is told");
	a->opening = false;
	check_envelope(w, p, &out->items[0].as.reply, 0);
	check_allocated(w, a, &out->items[0].as.reply);
	sim_count(w, SIM_ALLOCATED);
	if (w->was_away[a->user])
		sim_count(w, SIM_ADMITTED_AGAIN);
	if (a->intent.additional == 2)
		sim_count(w, SIM_IPV6_PARTIAL);
	free(p);
	if (!a->pair)
		return;
	for (unsigned i = 0; i < SIM_RESERVATIONS_MAX; i++) {
		struct model_reservation *v = &w->model.reservations[i];

		if (v->in_use)
			continue;
		*v = (struct model_reservation){
			.in_use = true,
			.port = (uint16_t)(a->port + 1),
			.user = a->user,
			.worker = a->worker,
			.expires_ms = w->now.mono_ms + 30000,
		};
		memcpy(v->token, a->token, 8);
		sim_count(w, SIM_TOKEN_GIVEN);
		return;
	}
}

/* Its session was revoked meanwhile. */
static void opened_for_nobody(const struct world *w, struct ref ref, int error,
			      const struct actions *out)
{
	const struct action *x = &out->items[0];

	if (out->count != (error == 0) ||
	    (!error && (x->kind != ACTION_CLOSE_RELAY ||
			x->as.close_relay.index != ref.index ||
			x->as.close_relay.generation != ref.generation)))
		sim_fail(w, "a socket that nobody wants is not closed");
}

void model_relay(struct world *w, uint16_t worker, struct ref ref, int error,
		 const struct actions *out)
{
	struct model_allocation *a = model_by_ref(w, worker, ref);
	const struct action *x = NULL;
	struct packet *p;

	if (!a) {
		opened_for_nobody(w, ref, error, out);
		return;
	}
	if (!a->opening)
		sim_fail(w, "a socket was opened twice");
	if (!error) {
		allocation_opens(w, a, out);
		return;
	}
	for (unsigned i = 0; i < out->count; i++)
		if (out->items[i].kind == ACTION_REPLY ||
		    out->items[i].kind == ACTION_OPEN_RELAY)
			x = &out->items[i];
	if (!x)
		sim_fail(w, "a socket failed and nobody is told");
	if (x->kind == ACTION_OPEN_RELAY) {
		uint16_t before = a->port;

		if (error != -EADDRINUSE || a->tries >= 16 ||
		    a->intent.has_token)
			sim_fail(w, "another port is tried after %d", error);
		/* Still held while the next was chosen. */
		check_port(w, x->as.open_relay.port, a->intent.even);
		a->port = x->as.open_relay.port;
		a->tries++;
		if (a->port == before)
			sim_fail(w, "the same port is tried again");
		sim_count(w, SIM_RELAY_RETRIED);
		return;
	}
	p = request_of(a);
	a->in_use = false;
	if (error == -EADDRINUSE && a->tries < 16 && !a->intent.has_token &&
	    model_port_is_left(w, a->intent.even, true)) {
		/* The port that failed is free again; was there another? */
		a->in_use = true;
		if (model_port_is_left(w, a->intent.even, true))
			sim_fail(w, "gave up with ports left");
		a->in_use = false;
	}
	if (x->kind != ACTION_REPLY ||
	    wire_error(x->as.reply.message.data, x->as.reply.message.len) !=
		    508)
		sim_fail(w, "a failed socket is not answered 508");
	check_envelope(w, p, &x->as.reply, 508);
	sim_count(w, SIM_RELAY_FAILED);
	free(p);
}

/* A lookup was given up, and the answer was beyond the budget. */
static void give_up_silently(struct world *w, uint16_t worker)
{
	struct waiting *oldest = NULL;

	for (unsigned i = 0; i < SIM_WAITING_MAX; i++) {
		struct waiting *x = &w->model.waiting[i];

		if (x->in_use && x->worker == worker &&
		    (!oldest || x->since_ms < oldest->since_ms))
			oldest = x;
	}
	if (!oldest || oldest->since_ms + 10000 > w->now.mono_ms ||
	    model_may_answer(w, &oldest->packet->from,
			     model_answer_bytes(w, oldest->packet, 500)))
		sim_fail(w, "an answer is held back for no reason");
	oldest->in_use = false;
	free(oldest->packet);
	w->model.refused[worker]++;
}

static uint64_t count_refused(const struct world *w, uint16_t worker)
{
	const struct counters *c = turn_counters(w->servers[worker]);

	return counter_get(&c->dropped[DROP_REPLY_BUDGET]);
}

void model_dropped(struct world *w, uint16_t worker)
{
	const struct counters *c = turn_counters(w->servers[worker]);
	uint64_t throttled = counter_get(&c->dropped[DROP_THROTTLED]);

	if (throttled != w->model.throttled[worker])
		sim_fail(w, "%llu requests were throttled, not %llu",
			 (unsigned long long)throttled,
			 (unsigned long long)w->model.throttled[worker]);
	if (count_refused(w, worker) != w->model.refused[worker])
		sim_fail(w, "%llu answers were held back, not %llu",
			 (unsigned long long)count_refused(w, worker),
			 (unsigned long long)w->model.refused[worker]);
}

void model_tick(struct world *w, uint16_t worker, const struct actions *out)
{
	if (count_refused(w, worker) > w->model.refused[worker])
		give_up_silently(w, worker);
	for (unsigned i = 0; i < out->count; i++) {
		const struct action *x = &out->items[i];

		if (x->kind == ACTION_CLOSE_RELAY) {
			const struct model_allocation *a =
				model_by_ref(w, worker, x->as.close_relay);

			if (!a || a->expires_ms > w->now.mono_ms)
				sim_fail(w, "an allocation expired early");
			if (a->expires_ms == a->ends_ms)
				sim_count(w, SIM_CREDENTIAL_ENDED);
			end_allocation(w, worker, x->as.close_relay);
			sim_count(w, SIM_EXPIRED);
			continue;
		}
		if (x->kind == ACTION_LOG &&
		    !strcmp(x->as.log->message,
			    "a limit of the data path is reached"))
			sim_count(w, SIM_LIMIT_LOGGED);
		if (x->kind != ACTION_REPLY)
			continue;
		/* Only a lookup that nobody answered ends in an answer. */
		for (unsigned j = 0; j < SIM_WAITING_MAX; j++) {
			struct waiting *q = &w->model.waiting[j];

			if (!q->in_use || q->worker != worker ||
			    memcmp(q->packet->id, x->as.reply.message.data + 8,
				   12) != 0 ||
			    !addr_equal(&q->packet->from, &x->as.reply.to))
				continue;
			if (q->since_ms + 10000 > w->now.mono_ms)
				sim_fail(w, "a lookup was given up early");
			check_envelope(w, q->packet, &x->as.reply, 500);
			check_budget(w, q->packet, true, &x->as.reply, 500);
			sim_count(w, SIM_LOOKUP_TIMED_OUT);
			q->in_use = false;
			free(q->packet);
			break;
		}
	}
}

/* Whether the sources' answer leaves the user's sessions as they are. */
static bool is_admitted(const struct world *w, uint8_t user,
			enum turn_lookup result)
{
	if (!w->is_revocable)
		return true;
	/* Who was on a list is gone, whoever does not answer. */
	if (result == TURN_LOOKUP_UNAVAILABLE)
		return w->source == TURN_SOURCE_REDIS;
	return w->access[user] == ACCESS_GRANTED;
}

/* The first of the user's sessions there; if so, only while it is opened. */
static struct model_allocation *first_of(struct world *w, uint16_t worker,
					 uint8_t user, bool opening)
{
	for (unsigned i = 0; i < SIM_ALLOCATIONS_MAX; i++) {
		struct model_allocation *a = &w->model.allocations[i];

		if (a->in_use && a->worker == worker && a->user == user &&
		    (a->opening || !opening))
			return a;
	}
	return NULL;
}

/* One that is being opened ends without a word; which one does not matter. */
static void end_revoked(struct world *w, uint16_t worker, uint8_t user,
			const struct actions *out)
{
	struct model_allocation *a = NULL;

	for (unsigned i = 0; i < out->count; i++) {
		const struct action *x = &out->items[i];

		if (x->kind == ACTION_LOG || x->kind == ACTION_SESSION_ENDED)
			continue;
		if (x->kind != ACTION_CLOSE_RELAY || a)
			sim_fail(w, "more than one session's end");
		a = model_by_ref(w, worker, x->as.close_relay);
		if (!a || a->opening || a->user != user)
			sim_fail(w, "somebody else's session is revoked");
	}
	if (!a) {
		a = first_of(w, worker, user, true);
		if (!a)
			sim_fail(w, "nothing was revoked");
		sim_count(w, SIM_REVOKED_OPENING);
	}
	a->in_use = false;
	sim_count(w, SIM_REVOKED);
}

void model_recheck(struct world *w, uint16_t worker, uint8_t user,
		   enum turn_lookup result, bool ended,
		   const struct actions *out)
{
	const struct model_allocation *left = first_of(w, worker, user, false);
	const struct sim_user *u = &sim_users[user];

	if (ended) {
		if (is_admitted(w, user, result))
			sim_fail(w, "who is admitted is revoked");
		end_revoked(w, worker, user, out);
		return;
	}
	if (left && !is_admitted(w, user, result))
		sim_fail(w, "who is not admitted goes on");
	if (turn_has_user(w->servers[worker], u->realm, bytes_str(u->name)) !=
	    (left != NULL))
		sim_fail(w, "a user is there without a session, or not");
	if (left)
		sim_count(w, SIM_RECHECK_ENDED_NOTHING);
}

void model_ticked(struct world *w, uint16_t worker)
{
	for (unsigned i = 0; i < SIM_ALLOCATIONS_MAX; i++) {
		const struct model_allocation *a = &w->model.allocations[i];

		if (a->in_use && a->worker == worker &&
		    a->expires_ms + 128 <= w->now.mono_ms)
			sim_fail(w, "an allocation outlives its time by %llu",
				 (unsigned long long)(w->now.mono_ms -
						      a->expires_ms));
	}
}

void model_conserved(struct world *w)
{
	const struct ports *p = &w->shared.ports;
	unsigned used = atomic_load(&p->used);
	unsigned reserved = atomic_load(&p->reserved);
	unsigned total = atomic_load(&w->shared.quota.total);
	unsigned range = w->config.peers.relay_port_max -
			 w->config.peers.relay_port_min + 1u;
	unsigned expected = 0, live = 0, old = 0;

	for (unsigned i = 0; i < SIM_ALLOCATIONS_MAX; i++) {
		const struct model_allocation *a = &w->model.allocations[i];

		if (a->in_use)
			expected += 1 + (a->opening && a->pair);
	}
	for (unsigned i = 0; i < SIM_RESERVATIONS_MAX; i++) {
		struct model_reservation *v = &w->model.reservations[i];

		if (!v->in_use)
			continue;
		if (v->expires_ms > w->now.mono_ms)
			live++;
		else if (v->expires_ms + 30000 > w->now.mono_ms)
			old++;
		else
			v->in_use = false;
	}
	if (used != expected)
		sim_fail(w, "%u ports are used, %u should be", used, expected);
	if (reserved < live || reserved > live + old)
		sim_fail(w, "%u ports are reserved, %u to %u should be",
			 reserved, live, live + old);
	for (uint8_t i = 0; i < 2; i++)
		if (atomic_load(&w->shared.realms[i]) != model_of_realm(w, i))
			sim_fail(w, "a realm is charged wrongly");
	if (total != used + reserved)
		sim_fail(w, "%u charges for %u ports", total, used + reserved);
	if (ports_free(p) + used + reserved != range)
		sim_fail(w, "free + used + reserved is not the range");
}
