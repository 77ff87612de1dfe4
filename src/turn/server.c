#include "turn/server.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "stun/builder.h"
#include "turn/allocation.h"
#include "turn/auth.h"
#include "turn/dry_run.h"
#include "turn/method.h"
#include "turn/refuse.h"
#include "turn/reply.h"
#include "turn/revocation.h"

/* Makes everything that depends on the seed. */
static void make_random(struct turn_server *s,
			const uint8_t seed[RANDOM_SEED_BYTES],
			struct hash_key *key)
{
	random_init(&s->random, s->crypto, seed);
	random_bytes(&s->random, key, sizeof(*key));
	s->unknown_key.len = CRYPTO_SHA256_BYTES;
	random_bytes(&s->random, s->unknown_key.bytes, s->unknown_key.len);
}

/* The data path's part of the limits. */
static void use_limits(struct turn_server *s)
{
	rates_set(&s->flows.rates, &s->config.limits.rates);
	s->flows.new_peers = s->config.limits.peers;
}

int turn_server_new(struct turn_server **out, const struct turn_config *config,
		    struct turn_shared *shared, uint16_t worker,
		    const uint8_t seed[RANDOM_SEED_BYTES],
		    const struct now *now)
{
	const struct turn_limits *limits = &config->limits;
	struct turn_server *s = calloc(1, sizeof(*s));
	struct hash_key key;

	if (!s)
		return -ENOMEM;
	s->config = *config;
	s->shared = shared;
	s->worker = worker;
	s->crypto = crypto_new();
	if (!s->crypto)
		goto fail;
	make_random(s, seed, &key);
	if (flow_init(&s->flows, limits->allocations,
		      limits->permissions_per_allocation,
		      limits->channels_per_allocation, &key, &s->counters,
		      &shared->ports, &s->config.peers) ||
	    pool_init(&s->keys, sizeof(struct secret), limits->allocations,
		      true) ||
	    users_init(&s->users, limits->allocations, &key) ||
	    pendings_init(&s->pendings, &key, now->mono_ms) ||
	    pool_init(&s->reservations, sizeof(struct reservation),
		      PORTS_RESERVATIONS_MAX, false))
		goto fail;
	rates_init(&s->flows.rates, &shared->rates);
	s->flows.users = &s->users;
	use_limits(s);
	timer_wheel_init(&s->expiries, &s->flows.allocations,
			 offsetof(struct allocation, timer), now->mono_ms);
	timer_wheel_init(&s->reservation_expiries, &s->reservations,
			 offsetof(struct reservation, timer), now->mono_ms);
	*out = s;
	return 0;
fail:
	turn_server_free(s);
	return -ENOMEM;
}

void turn_server_free(struct turn_server *s)
{
	uint32_t i;

	if (!s)
		return;
	for (i = 0; i < s->flows.allocations.touched; i++)
		if (pool_is_taken(&s->flows.allocations, i))
			allocation_release(s, i);
	for (i = 0; i < s->reservations.touched; i++) {
		const struct reservation *v;

		if (!pool_is_taken(&s->reservations, i))
			continue;
		v = pool_at(&s->reservations, i);
		if (ports_expire(&s->shared->ports, v->token))
			quota_give(&s->shared->quota, v->quota_user);
	}
	pool_fini(&s->reservations);
	pendings_fini(&s->pendings);
	users_fini(&s->users);
	pool_fini(&s->keys);
	flow_fini(&s->flows);
	crypto_free(s->crypto);
	crypto_wipe(s, sizeof(*s));
	free(s);
}

struct counters *turn_counters(struct turn_server *s)
{
	return &s->counters;
}

const struct holdings *turn_holdings(const struct turn_server *s)
{
	return &s->holdings;
}

void turn_from_client(struct turn_server *s, const struct now *now,
		      const struct datagram *in, struct verdict *out)
{
	flow_from_client(&s->flows, now, in, out);
}

void turn_from_peer(struct turn_server *s, const struct now *now,
		    struct ref allocation, const struct datagram *in,
		    struct verdict *out)
{
	flow_from_peer(&s->flows, now, allocation, in, out);
}

void turn_from_hairpin(struct turn_server *s, const struct now *now,
		       struct ref allocation, const struct datagram *in,
		       struct verdict *out)
{
	flow_from_peer(&s->flows, now, allocation, in, out);
}

static void drop(struct turn_server *s, enum drop_reason reason)
{
	counter_add(&s->counters.dropped[reason], 1);
}

/* Unspecified, multicast, broadcast: no host's address. */
static bool is_nobodys(const struct addr *a)
{
	uint32_t ip;

	if (addr_is_unspecified(a))
		return true;
	if (a->family != ADDR_IPV4)
		return a->ip[0] == 0xff;
	ip = addr_ipv4_value(a);
	return ip >> 28 == 0xe || ip == 0xffffffff;
}

/*
 * Sources that nobody can have who wants an answer: port 0, multicast,
 * broadcast, whatever leads to them, and our own sockets in any form, which
 * would answer us for ever. The broadcast address of a subnet is the kernel's
 * to know: it neither lets it in as a source nor out without SO_BROADCAST.
 */
static bool is_bad_source(const struct turn_server *s, const struct addr *a)
{
	struct addr ipv4;

	return a->port == 0 || is_nobodys(a) ||
	       (addr_embedded_ipv4(a, &ipv4) && is_nobodys(&ipv4)) ||
	       peer_policy_is_own_socket(&s->config.peers, a);
}

static const struct turn_listener *listener_of(const struct request *r)
{
	return &r->server->config.listeners[r->in->listener];
}

/*
 * The allocation of the 5-tuple, whose realm goes before the listener's: that
 * may be another one by now. One past its time is as good as ended, timer or
 * not.
 */
static void find_allocation(struct request *r)
{
	struct turn_server *s = r->server;

	r->realm = listener_of(r)->realm;
	r->allocation =
		flow_find_client(&s->flows, &r->in->source, r->in->listener);
	if (r->allocation == POOL_NONE)
		return;
	if (allocation_end_expired(s, r->now, r->allocation, r->out))
		r->allocation = POOL_NONE;
	else
		r->realm = ((const struct allocation *)pool_at(
				    &s->flows.allocations, r->allocation))
				   ->realm;
}

/*
 * A listener that lingers has nothing for those without an allocation, but to
 * tell them so: the answer to a Refresh of 0 may have been lost.
 */
static bool is_served(const struct request *r, const struct method *method)
{
	return !listener_of(r)->lingers || r->allocation != POOL_NONE ||
	       method->needs_allocation;
}

/* Reads the request and finds its allocation; false if it is dropped. */
static bool request_init(struct request *r, struct turn_server *s,
			 const struct now *now, const struct datagram *in,
			 struct actions *out)
{
	enum stun_parse_result parsed;

	r->server = s;
	r->now = now;
	r->in = in;
	r->out = out;
	r->algorithm = STUN_ALGORITHM_NONE;
	r->name = bytes_of(NULL, 0);
	r->user = NULL;
	r->key.len = 0;
	parsed = stun_parse(in->data, &r->message);
	if (parsed != STUN_OK) {
		drop(s, parsed == STUN_NOT_STUN          ? DROP_NOT_STUN
			: parsed == STUN_BAD_FINGERPRINT ? DROP_FINGERPRINT
							 : DROP_MALFORMED);
		return false;
	}
	if (in->listener >= TURN_LISTENERS_MAX ||
	    !s->config.listeners[in->listener].in_use) {
		drop(s, DROP_NO_LISTENER);
		return false;
	}
	find_allocation(r);
	r->to = (struct reply_to){
		.client = in->source,
		.listener = in->listener,
		.method = r->message.method,
		.transaction_id = r->message.transaction_id,
		.fingerprint = r->message.has_fingerprint,
		.unproven = true,
		.now = now,
	};
	return true;
}

/*
 * Whether the allocation was made by the user who sends this, whose realm is
 * the allocation's: find_allocation().
 */
static bool is_owner(const struct request *r)
{
	const struct turn_server *s = r->server;
	const struct allocation *a =
		pool_at(&s->flows.allocations, r->allocation);

	return bytes_equal(users_name(&s->users, a->user), r->name);
}

/* The checks between authentication and the method: 420, 437, 441. */
static void dispatch(struct request *r, const struct method *method)
{
	struct turn_server *s = r->server;

	if (r->message.unknown_count) {
		reply_unknown(r);
		return;
	}
	if (method->needs_allocation) {
		const struct allocation *a = NULL;

		if (r->allocation != POOL_NONE)
			a = pool_at(&s->flows.allocations, r->allocation);
		if (!a || a->state != ALLOCATION_LIVE) {
			reply_error(s, r->out, &r->to,
				    STUN_ALLOCATION_MISMATCH);
			return;
		}
		if (!is_owner(r)) {
			reply_error(s, r->out, &r->to, STUN_WRONG_CREDENTIALS);
			return;
		}
	}
	method->handle(r);
}

/*
 * Answers that the user cannot be looked up now. Where sources are asked over
 * a network the sender has proved before that it receives at its address.
 */
static void fail_lookup(struct request *r, enum refusal_cause cause)
{
	counters_auth(&r->server->counters, COUNTERS_SOURCE_UNKNOWN,
		      COUNTERS_AUTH_UNAVAILABLE);
	if (r->server->config.lookups_are_async)
		refuse(r, cause, STUN_SERVER_ERROR, 0);
	reply_error(r->server, r->out, &r->to, STUN_SERVER_ERROR);
}

/* Keeps the request and asks for its user's keys. */
static void look_up(struct request *r)
{
	struct turn_server *s = r->server;
	struct action_lookup query = auth_query(r);
	uint32_t i;

	switch (pendings_add(&s->pendings, r->now->mono_ms, r->in, &i)) {
	case PENDING_JOINED:
		return;
	case PENDING_REFUSED:
		drop(s, DROP_PENDING_FULL);
		fail_lookup(r, REFUSAL_WAITING);
		return;
	case PENDING_ADDED:
		break;
	}
	counter_add(&s->counters.lookups, 1);
	query.ticket = pool_ref(&s->pendings.pool, i);
	assert(r->out->count < ACTIONS_MAX);
	r->out->items[r->out->count++] = (struct action){
		.kind = ACTION_LOOKUP_KEY,
		.as.lookup = query,
	};
}

void turn_message(struct turn_server *s, const struct now *now,
		  const struct datagram *in, struct actions *out)
{
	const struct method *method;
	struct request r;

	if (is_bad_source(s, &in->source)) {
		drop(s, DROP_BAD_SOURCE);
		return;
	}
	if (!request_init(&r, s, now, in, out))
		return;
	method = method_find(r.message.method);
	if (r.message.class != STUN_REQUEST || !method) {
		/* A Binding indication keeps a NAT open and is no mistake. */
		if (r.message.class != STUN_INDICATION ||
		    r.message.method != STUN_BINDING)
			drop(s, DROP_UNEXPECTED);
		return;
	}
	if (!is_served(&r, method)) {
		drop(s, DROP_NO_LISTENER);
		return;
	}
	counter_add(&s->counters.requests[counters_method(r.message.method)],
		    1);
	reply_budget_received(&s->shared->reply_budget, &in->source,
			      in->data.len);
	if (!method->authenticated) {
		dispatch(&r, method);
		return;
	}
	if (!auth_before_key(&r))
		return;
	if (!auth_allocation_has_key(&r)) {
		if (auth_may_ask(&r))
			look_up(&r);
		return;
	}
	if (auth_with_allocation(&r))
		dispatch(&r, method);
	secret_wipe(&r.key);
}

void turn_key_ready(struct turn_server *s, const struct now *now,
		    struct ref ticket, enum turn_lookup result,
		    const struct turn_user *user, struct bytes name,
		    struct actions *out)
{
	const struct method *method;
	struct action_lookup query;
	struct datagram in;
	struct request r;
	bool whole;

	if (!pool_get(&s->pendings.pool, ticket))
		return;
	in = pendings_datagram(&s->pendings, ticket.index);
	/*
	 * The request is judged anew: while it waited its allocation may have
	 * come or gone, its nonce grown old, its listener been closed.
	 */
	if (!request_init(&r, s, now, &in, out))
		goto out;
	method = method_find(r.message.method);
	if (!is_served(&r, method)) {
		drop(s, DROP_NO_LISTENER);
		goto out;
	}
	if (result == TURN_LOOKUP_UNAVAILABLE) {
		fail_lookup(&r, REFUSAL_NO_ANSWER);
		goto out;
	}
	whole = auth_before_key(&r);
	if (!whole)
		goto out;
	query = auth_query(&r);
	if (auth_with_key(&r, result == TURN_LOOKUP_FOUND ? user : NULL,
			  query.by_hash ? name : query.name))
		dispatch(&r, method);
	secret_wipe(&r.key);
out:
	pendings_remove(&s->pendings, ticket.index);
}

void turn_relay_opened(struct turn_server *s, const struct now *now,
		       struct ref allocation, int error, struct actions *out)
{
	struct allocation *a = pool_get(&s->flows.allocations, allocation);

	/* Past its time it is as good as ended, timer or not. */
	if (a && a->state == ALLOCATION_OPENING &&
	    allocation_end_expired(s, now, allocation.index, out))
		a = NULL;
	if (a && a->state == ALLOCATION_OPENING) {
		if (error)
			allocation_not_opened(s, now, allocation.index, error,
					      out);
		else
			allocation_opened(s, now, allocation.index, out);
		return;
	}
	if (error)
		return;
	out->items[out->count++] = (struct action){
		.kind = ACTION_CLOSE_RELAY,
		.as.close_relay = allocation,
	};
}

static bool expire_reservation(struct turn_server *s, const struct now *now)
{
	uint32_t i = timer_pop(&s->reservation_expiries, now->mono_ms);
	struct reservation *v;

	if (i == POOL_NONE)
		return false;
	v = pool_at(&s->reservations, i);
	if (ports_expire(&s->shared->ports, v->token))
		quota_give(&s->shared->quota, v->quota_user);
	pool_give(&s->reservations, i);
	return true;
}

bool turn_tick(struct turn_server *s, const struct now *now,
	       struct actions *out)
{
	uint32_t i = timer_pop(&s->expiries, now->mono_ms);

	if (i != POOL_NONE) {
		allocation_due(s, now, i, out);
		return true;
	}
	i = timer_pop(&s->pendings.timers, now->mono_ms);
	if (i != POOL_NONE) {
		turn_key_ready(s, now, pool_ref(&s->pendings.pool, i),
			       TURN_LOOKUP_UNAVAILABLE, NULL, bytes_of(NULL, 0),
			       out);
		return true;
	}
	return expire_reservation(s, now) || dry_run_noted(s, now, out) ||
	       allocation_log_limit(s, now, out);
}

uint64_t turn_next_ms(const struct turn_server *s)
{
	uint64_t next = timer_next_ms(&s->expiries);
	uint64_t other = timer_next_ms(&s->pendings.timers);

	if (other < next)
		next = other;
	if (s->flows.dry.is_set)
		return 1; /* long ago */
	if (s->flows.notice_count && s->flows.notices[0].since_ms < next)
		next = s->flows.notices[0].since_ms;
	other = timer_next_ms(&s->reservation_expiries);
	return other < next ? other : next;
}

bool turn_end_next(struct turn_server *s, const struct now *now,
		   enum turn_cause cause, struct actions *out)
{
	const struct pool *p = &s->flows.allocations;

	/* Goes on where the last call stopped, and once around. */
	for (uint32_t n = 0; n < p->touched; n++) {
		uint32_t i = s->end_at++ % p->touched;

		if (!pool_is_taken(p, i))
			continue;
		allocation_end(s, now, i, cause, out);
		return true;
	}
	return false;
}

bool turn_next_user(const struct turn_server *s, uint32_t *cursor,
		    uint8_t *realm, struct bytes *name)
{
	const struct pool *p = &s->users.pool;

	while (*cursor < p->touched && !pool_is_taken(p, *cursor))
		(*cursor)++;
	if (*cursor >= p->touched)
		return false;
	*realm = ((const struct user *)pool_at(p, *cursor))->realm;
	*name = users_name(&s->users, *cursor);
	(*cursor)++;
	return true;
}

bool turn_has_user(const struct turn_server *s, uint8_t realm,
		   struct bytes name)
{
	return users_find(&s->users, realm, name) != POOL_NONE;
}

bool turn_recheck(struct turn_server *s, const struct now *now, uint8_t realm,
		  struct bytes name, enum turn_lookup result,
		  const struct turn_user *user, struct actions *out)
{
	return revocation_recheck(s, now, realm, name, result, user, out);
}

void turn_relay_lost(struct turn_server *s, const struct now *now,
		     struct ref allocation, struct actions *out)
{
	if (pool_get(&s->flows.allocations, allocation))
		allocation_end(s, now, allocation.index, TURN_CAUSE_RELAY_LOST,
			       out);
}

void turn_set_listener(struct turn_server *s, uint16_t index,
		       const struct turn_listener *listener)
{
	assert(index < TURN_LISTENERS_MAX);
	s->config.listeners[index] = *listener;
}

/* As many of each allocation as the pool was made for, or fewer. */
static uint16_t at_most(uint16_t wanted, const struct pool *p,
			uint32_t allocations)
{
	uint32_t each = p->capacity / allocations;

	return wanted < each ? wanted : (uint16_t)each;
}

void turn_set_limits(struct turn_server *s, const struct turn_limits *limits)
{
	struct turn_limits *own = &s->config.limits;
	uint32_t allocations = s->flows.allocations.capacity;

	*own = *limits;
	if (own->allocations > allocations)
		own->allocations = allocations;
	own->permissions_per_allocation =
		at_most(limits->permissions_per_allocation,
			&s->flows.permissions, allocations);
	own->channels_per_allocation = at_most(limits->channels_per_allocation,
					       &s->flows.channels, allocations);
	quota_set_total(&s->shared->quota, own->allocations);
	use_limits(s);
}

void turn_set_realm(struct turn_server *s, uint8_t index,
		    const struct turn_realm *realm)
{
	assert(index < s->config.realm_count);
	s->config.realms[index] = *realm;
}

void turn_set_peers(struct turn_server *s, const struct peer_policy *peers)
{
	s->config.peers = *peers;
}

void turn_reconfigure(struct turn_server *s, const struct turn_config *config)
{
	assert(config->realm_count == s->config.realm_count);
	turn_set_limits(s, &config->limits);
	for (uint8_t i = 0; i < config->realm_count; i++)
		turn_set_realm(s, i, &config->realms[i]);
	s->config.nonce = config->nonce;
	s->config.log_peers = config->log_peers;
	s->config.relay_advertise = config->relay_advertise;
	s->config.draining = config->draining;
	memcpy(s->config.alternates, config->alternates,
	       sizeof(s->config.alternates));
	s->config.alternate_count = config->alternate_count;
	turn_set_peers(s, &config->peers);
}
