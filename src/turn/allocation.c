#include "turn/allocation.h"

#include <assert.h>
#include <errno.h>

#include "turn/admission.h"
#include "turn/channel.h"
#include "turn/permission.h"
#include "turn/refuse.h"
#include "turn/reply.h"

/* Why access was revoked, where that is the cause; else NULL. */
static const char *why_revoked(enum turn_cause cause)
{
	if (cause == TURN_CAUSE_USER_GONE)
		return "no source knows the user any more";
	if (cause == TURN_CAUSE_USER_DISABLED)
		return "the user is disabled";
	if (cause == TURN_CAUSE_KEY_CHANGED)
		return "the password or secret is not valid any more";
	return NULL;
}

static struct allocation *at(const struct turn_server *s, uint32_t index)
{
	return pool_at(&s->flows.allocations, index);
}

/* How many ports of the user's quota a wish is charged as. */
static unsigned ports_of(enum ports_want want)
{
	return want == PORTS_EVEN_PAIR ? 2 : 1;
}

/* Takes the port or ports and the charges, or says which error it is. */
static uint16_t take_port(struct request *r,
			  const struct allocation_request *want,
			  struct charges *charges, uint16_t *port)
{
	struct turn_server *s = r->server;
	struct ports *ports = &s->shared->ports;
	/* The user's charge for a reserved port came with the reservation. */
	unsigned count = want->from_token ? 0 : ports_of(want->want);
	uint16_t code = admission_charge(r, count, charges);

	if (code)
		return code;
	if (want->from_token ? ports_redeem(ports, want->token, charges->user,
					    r->now->mono_ms, port)
			     : ports_take(ports, &s->random, want->want, port))
		return 0;
	admission_return(s, charges, r->realm, count);
	if (want->from_token)
		return STUN_INSUFFICIENT_CAPACITY;
	return refuse(r, REFUSAL_PORTS, STUN_INSUFFICIENT_CAPACITY, 0);
}

static void give_port(struct turn_server *s, const struct allocation *a)
{
	ports_give(&s->shared->ports, a->relay_port);
	/* Until the socket is open the pair is one thing. */
	if (a->want == PORTS_EVEN_PAIR && a->state == ALLOCATION_OPENING)
		ports_give(&s->shared->ports, (uint16_t)(a->relay_port + 1));
}

/* When the session ends with the credential that it was begun with. */
static uint64_t credential_end_ms(const struct request *r)
{
	int64_t left_s = r->user->expires_wall_s - r->now->wall_s;

	if (!r->user->expiry_ends || !r->user->expires_wall_s)
		return UINT64_MAX;
	/* An expired one is not let in. */
	assert(left_s > 0);
	return r->now->mono_ms + 1000 * (uint64_t)left_s;
}

static void set_expiry(struct allocation *a, const struct now *now,
		       uint32_t lifetime_s)
{
	a->expires_ms = now->mono_ms + 1000 * (uint64_t)lifetime_s;
	if (a->expires_ms > a->ends_ms)
		a->expires_ms = a->ends_ms;
}

/* Whole seconds until expiry. */
static uint32_t seconds_left(const struct allocation *a, const struct now *now)
{
	return (uint32_t)((a->expires_ms - now->mono_ms) / 1000);
}

/* Why it ended that had its time. */
static enum turn_cause cause_of_expiry(const struct allocation *a)
{
	return a->expires_ms == a->ends_ms ? TURN_CAUSE_CREDENTIAL_EXPIRED
					   : TURN_CAUSE_EXPIRED;
}

static void join_user(struct turn_server *s, uint32_t index, struct bytes name)
{
	struct allocation *a = at(s, index);
	struct user *user;

	a->user = users_join(&s->users, a->realm, name);
	user = pool_at(&s->users.pool, a->user);
	a->user_prev = POOL_NONE;
	a->user_next = user->first_allocation;
	if (a->user_next != POOL_NONE)
		at(s, a->user_next)->user_prev = index;
	user->first_allocation = index;
}

static void leave_user(struct turn_server *s, const struct allocation *a)
{
	struct user *user = pool_at(&s->users.pool, a->user);

	if (a->user_prev != POOL_NONE)
		at(s, a->user_prev)->user_next = a->user_next;
	else
		user->first_allocation = a->user_next;
	if (a->user_next != POOL_NONE)
		at(s, a->user_next)->user_prev = a->user_prev;
	users_leave(&s->users, a->user);
}

static void ask_for_socket(struct turn_server *s, uint32_t index,
			   struct actions *out)
{
	assert(out->count < ACTIONS_MAX);
	out->items[out->count++] = (struct action){
		.kind = ACTION_OPEN_RELAY,
		.as.open_relay = {
			.allocation = pool_ref(&s->flows.allocations, index),
			.port = at(s, index)->relay_port,
		},
	};
}

static uint64_t allocation_rate(const struct turn_server *s, uint8_t realm)
{
	uint64_t own = s->config.realms[realm].allocation_rate;

	return own ? own : s->config.limits.rates.allocation;
}

/* Its user's bandwidth is shared by the user's sessions on all workers. */
static void join_rates(struct request *r, const struct allocation *a)
{
	struct turn_server *s = r->server;
	struct user *user = pool_at(&s->users.pool, a->user);

	rates_join(&s->flows.rates, &user->rates,
		   quota_slot(&s->shared->quota, a->charges.user),
		   a->charges.user, r->user->grant.rate_bytes_per_s);
}

static void hold(struct turn_server *s, const struct allocation *a, int more)
{
	holdings_add(&s->holdings.listeners[a->listener], more);
	holdings_add(&s->holdings.relay_ips[a->told], more);
}

uint16_t allocation_begin(struct request *r,
			  const struct allocation_request *want)
{
	struct turn_server *s = r->server;
	struct flow_table *t = &s->flows;
	struct charges charges;
	uint16_t port, code = take_port(r, want, &charges, &port);
	struct allocation *a;
	uint32_t i;

	if (code)
		return code;
	i = pool_take(&t->allocations);
	/* The pool has room for every charge that the quota grants. */
	assert(i != POOL_NONE);
	a = at(s, i);
	a->client = r->in->source;
	a->listener = r->in->listener;
	a->relay_port = port;
	a->state = ALLOCATION_OPENING;
	a->realm = r->realm;
	a->first_permission = POOL_NONE;
	a->first_channel = POOL_NONE;
	a->packets_max = r->user->grant.packets_max;
	a->rates.per_s = allocation_rate(s, r->realm);
	a->limited = a->packets_max || a->rates.per_s;
	a->began_ms = r->now->mono_ms;
	a->began_wall_s = r->now->wall_s;
	a->account_at = r->user->account_at;
	a->charges = charges;
	a->revocable = r->user->revocable;
	a->source = (uint8_t)r->user->source;
	a->ends_ms = credential_end_ms(r);
	a->told = peer_policy_relay_index(&s->config.peers,
					  &s->config.relay_advertise);
	hold(s, a, 1);
	join_user(s, i, r->name);
	join_rates(r, a);
	a->key = pool_take(&s->keys);
	assert(a->key != POOL_NONE);
	*(struct secret *)pool_at(&s->keys, a->key) = r->key;
	a->lifetime_s = want->lifetime_s;
	memcpy(a->transaction_id, r->to.transaction_id,
	       sizeof(a->transaction_id));
	a->want = (uint8_t)want->want;
	a->ports_tried = 1;
	a->from_token = want->from_token;
	a->told_ipv6_error = want->told_ipv6_error;
	a->sign_sha256 = r->to.sign_sha256;
	a->fingerprint = r->to.fingerprint;
	set_expiry(a, r->now, want->lifetime_s);
	map_add(&t->by_client, i, flow_hash_client(t, &a->client, a->listener));
	timer_arm(&s->expiries, i, a->expires_ms);
	ask_for_socket(s, i, r->out);
	return 0;
}

static struct reply_to reply_to_of(const struct turn_server *s,
				   const struct allocation *a)
{
	return (struct reply_to){
		.client = a->client,
		.listener = a->listener,
		.method = STUN_ALLOCATE,
		.transaction_id = a->transaction_id,
		.key = pool_at(&s->keys, a->key),
		.sign_sha256 = a->sign_sha256,
		.fingerprint = a->fingerprint,
	};
}

/* Port N + 1 becomes a reservation with its own clock and charge. */
static bool reserve_next(struct turn_server *s, const struct now *now,
			 struct allocation *a)
{
	uint32_t i = pool_take(&s->reservations);
	struct reservation *v;

	if (i == POOL_NONE)
		return false;
	v = pool_at(&s->reservations, i);
	if (!ports_reserve(&s->shared->ports, (uint16_t)(a->relay_port + 1),
			   &s->random, a->charges.user, now->mono_ms,
			   v->token)) {
		pool_give(&s->reservations, i);
		return false;
	}
	v->quota_user = a->charges.user;
	memcpy(a->token, v->token, sizeof(a->token));
	a->has_token = true;
	timer_arm(&s->reservation_expiries, i,
		  now->mono_ms + PORTS_RESERVATION_MS);
	return true;
}

struct addr allocation_told(const struct turn_server *s,
			    const struct allocation *a)
{
	return addr_with_port(&s->config.peers.relay_ips[a->told],
			      a->relay_port);
}

/* A record of the session: who it is, and under which address. */
static struct log_record *log_session(struct turn_server *s,
				      const struct now *now,
				      const struct allocation *a,
				      const char *message, struct actions *out)
{
	struct log_record *log =
		actions_log(out, LOG_LEVEL_INFO, message, now->wall_s);
	struct addr relayed = allocation_told(s, a);

	log_addr(log, "client", &a->client);
	log_bytes(log, "user", users_name(&s->users, a->user));
	log_text(log, "realm", s->config.realms[a->realm].name);
	log_addr(log, "relayed", &relayed);
	return log;
}

static void log_ended(struct turn_server *s, const struct now *now,
		      const struct allocation *a, enum turn_cause cause,
		      struct actions *out)
{
	struct log_record *log = log_session(s, now, a, "session ended", out);

	log_number(log, "duration_s", (now->mono_ms - a->began_ms) / 1000);
	log_number(log, "to_peer_packets", a->to_peer_packets);
	log_number(log, "to_peer_bytes", a->to_peer_bytes);
	log_number(log, "to_client_packets", a->to_client_packets);
	log_number(log, "to_client_bytes", a->to_client_bytes);
	log_text(log, "cause", turn_cause_name(cause));
	if (why_revoked(cause))
		log_text(log, "reason", why_revoked(cause));
}

void allocation_log_peers(struct turn_server *s, const struct now *now,
			  uint32_t index, const struct addr *peers,
			  unsigned count, struct actions *out)
{
	char text[LOG_VALUE_MAX_BYTES + ADDR_TEXT_BYTES];
	struct log_record *log;
	size_t len = 0;

	if (!s->config.log_peers || !count)
		return;
	/* Cut at what a log value holds; `count` says how many there are. */
	for (unsigned i = 0; i < count && len < LOG_VALUE_MAX_BYTES; i++) {
		if (i)
			text[len++] = ',';
		addr_print(&peers[i], text + len);
		len += strlen(text + len);
	}
	log = log_session(s, now, at(s, index), "session has a new peer", out);
	log_bytes(log, "peer", bytes_of(text, len));
	log_number(log, "count", count);
}

/* What to raise; a user may have its own rate. */
static const char *limit_option(const struct turn_server *s,
				const struct allocation *a,
				enum drop_reason reason)
{
	const struct user *user = pool_at(&s->users.pool, a->user);

	switch (reason) {
	case DROP_PEER_LIMIT:
		return "limits.peers, limits.new_peers_per_second";
	case DROP_RATE_ALLOCATION:
		return "limits.allocation_rate";
	case DROP_RATE_USER:
		return rates_own(&s->flows.rates, &user->rates)
			       ? "the user's own rate"
			       : "limits.user_rate";
	default:
		return "limits.total_rate";
	}
}

/* Whom a line about the limit is for: a user, or everybody. */
static bool limit_is_untold(struct turn_server *s, const struct now *now,
			    const struct allocation *a, enum drop_reason reason,
			    uint32_t *held)
{
	const uint64_t subject[] = {
		reason,
		reason == DROP_RATE_TOTAL ? 0 : a->charges.user,
	};

	return log_gate_pass(&s->shared->gate,
			     bytes_of(subject, sizeof(subject)), now->mono_ms,
			     held);
}

bool allocation_log_limit(struct turn_server *s, const struct now *now,
			  struct actions *out)
{
	struct flow_notice notice;
	const struct allocation *a;
	struct log_record *log;
	uint32_t held;

	if (!flow_next_notice(&s->flows, &notice))
		return false;
	a = pool_get(&s->flows.allocations, notice.allocation);
	if (!a || !limit_is_untold(s, now, a, notice.reason, &held))
		return true;
	log = log_session(s, now, a, "a limit of the data path is reached",
			  out);
	log->level = LOG_LEVEL_WARNING;
	log_text(log, "limit", drop_reason_name(notice.reason));
	log_text(log, "option", limit_option(s, a, notice.reason));
	if (held)
		log_number(log, "held_back", held);
	return true;
}

void allocation_opened(struct turn_server *s, const struct now *now,
		       uint32_t index, struct actions *out)
{
	struct allocation *a = at(s, index);
	struct ports_owner owner = {
		.worker = s->worker,
		.allocation = pool_ref(&s->flows.allocations, index),
	};

	if (a->want == PORTS_EVEN_PAIR && !reserve_next(s, now, a)) {
		out->items[out->count++] = (struct action){
			.kind = ACTION_CLOSE_RELAY,
			.as.close_relay = owner.allocation,
		};
		allocation_not_opened(s, now, index, -ENOSPC, out);
		return;
	}
	a->state = ALLOCATION_LIVE;
	ports_publish(&s->shared->ports, a->relay_port, &owner);
	counter_add(&s->counters.allocations_begun, 1);
	counter_add(&s->counters.allocations, 1);
	allocation_reply(s, now, index, out);
	log_session(s, now, a, "session began", out);
	out->items[out->count++] = (struct action){
		.kind = ACTION_SESSION_BEGAN,
		.as.began = owner.allocation,
	};
}

/* Whether another port may do what this one did not. */
static bool port_was_to_blame(int error)
{
	return error == -EADDRINUSE || error == -EACCES ||
	       error == -EADDRNOTAVAIL;
}

static enum refusal_cause cause_of_error(int error)
{
	if (error == -EMFILE || error == -ENFILE)
		return REFUSAL_DESCRIPTORS;
	return port_was_to_blame(error) ? REFUSAL_NO_PORT : REFUSAL_NO_SOCKET;
}

void allocation_not_opened(struct turn_server *s, const struct now *now,
			   uint32_t index, int error, struct actions *out)
{
	struct allocation *a = at(s, index);
	struct reply_to to = reply_to_of(s, a);
	struct refusal refusal;
	uint16_t next;

	/*
	 * The next port is taken before this one is given back, so that the
	 * same one is not tried twice in a row.
	 */
	if (port_was_to_blame(error) && !a->from_token &&
	    a->ports_tried < CORE_PORT_TRIES_MAX &&
	    ports_take(&s->shared->ports, &s->random, (enum ports_want)a->want,
		       &next)) {
		give_port(s, a);
		a->relay_port = next;
		a->ports_tried++;
		ask_for_socket(s, index, out);
		return;
	}
	refusal = refuse_allocation(s, now, a, cause_of_error(error),
				    STUN_INSUFFICIENT_CAPACITY);
	refuse_put(s, now, &refusal, out);
	reply_error(s, out, &to, STUN_INSUFFICIENT_CAPACITY);
	allocation_release(s, index);
}

void allocation_reply(struct turn_server *s, const struct now *now,
		      uint32_t index, struct actions *out)
{
	const struct allocation *a = at(s, index);
	struct reply_to to = reply_to_of(s, a);
	struct addr relayed = allocation_told(s, a);
	uint32_t left_s = seconds_left(a, now);
	struct reply r;

	reply_begin(&r, s, out, &to, STUN_SUCCESS);
	stun_add_xor_addr(&r.builder, STUN_ATTR_XOR_RELAYED_ADDRESS, &relayed);
	stun_add_u32(&r.builder, STUN_ATTR_LIFETIME,
		     left_s < a->lifetime_s ? left_s : a->lifetime_s);
	if (a->told_ipv6_error)
		stun_add_address_error(&r.builder, ADDR_IPV6,
				       STUN_ADDRESS_FAMILY_UNSUPPORTED);
	if (a->has_token)
		stun_add(&r.builder, STUN_ATTR_RESERVATION_TOKEN,
			 bytes_of(a->token, sizeof(a->token)));
	stun_add_xor_addr(&r.builder, STUN_ATTR_XOR_MAPPED_ADDRESS, &a->client);
	reply_send(&r);
}

uint32_t allocation_refresh(struct turn_server *s, const struct now *now,
			    uint32_t index, uint32_t lifetime_s)
{
	struct allocation *a = at(s, index);

	set_expiry(a, now, lifetime_s);
	allocation_rearm(s, index);
	return seconds_left(a, now);
}

void allocation_rearm(struct turn_server *s, uint32_t index)
{
	const struct allocation *a = at(s, index);
	uint64_t due_ms = a->expires_ms;
	uint32_t i;

	for (i = a->first_permission; i != POOL_NONE;) {
		const struct permission *p = pool_at(&s->flows.permissions, i);

		/* One that carries channels goes with the last of them. */
		if (!p->channels && p->expires_ms < due_ms)
			due_ms = p->expires_ms;
		i = p->next;
	}
	for (i = a->first_channel; i != POOL_NONE;) {
		const struct channel *c = pool_at(&s->flows.channels, i);

		if (c->expires_ms < due_ms)
			due_ms = c->expires_ms;
		i = c->next;
	}
	timer_arm(&s->expiries, index, due_ms);
}

void allocation_due(struct turn_server *s, const struct now *now,
		    uint32_t index, struct actions *out)
{
	if (allocation_end_expired(s, now, index, out))
		return;
	channel_remove_expired(&s->flows, index, now->mono_ms);
	permission_remove_expired(&s->flows, index, now->mono_ms);
	allocation_rearm(s, index);
}

bool allocation_end_expired(struct turn_server *s, const struct now *now,
			    uint32_t index, struct actions *out)
{
	const struct allocation *a = at(s, index);

	if (a->expires_ms > now->mono_ms)
		return false;
	allocation_end(s, now, index, cause_of_expiry(a), out);
	return true;
}

void allocation_release(struct turn_server *s, uint32_t index)
{
	struct flow_table *t = &s->flows;
	struct allocation *a = at(s, index);
	bool pair = a->want == PORTS_EVEN_PAIR &&
		    a->state == ALLOCATION_OPENING;

	channel_remove_all(t, index);
	permission_remove_all(t, index);
	if (a->state == ALLOCATION_LIVE) {
		ports_unpublish(&s->shared->ports, a->relay_port);
		counter_add(&s->counters.allocations, UINT64_MAX);
	}
	give_port(s, a);
	hold(s, a, -1);
	admission_return(s, &a->charges, a->realm, pair ? 2 : 1);
	leave_user(s, a);
	pool_give(&s->keys, a->key);
	timer_disarm(&s->expiries, index);
	map_remove(&t->by_client, index);
	if (t->last_client == index)
		t->last_client = POOL_NONE;
	pool_give(&t->allocations, index);
}

static void tell_ended(const struct turn_server *s, uint32_t index,
		       struct actions *out)
{
	const struct allocation *a = at(s, index);

	out->items[out->count++] = (struct action){
		.kind = ACTION_SESSION_ENDED,
		.as.ended = {
			.allocation = pool_ref(&s->flows.allocations, index),
			.traffic = {
				.to_peer_packets = a->to_peer_packets,
				.to_peer_bytes = a->to_peer_bytes,
				.to_client_packets = a->to_client_packets,
				.to_client_bytes = a->to_client_bytes,
			},
		},
	};
}

void allocation_end(struct turn_server *s, const struct now *now,
		    uint32_t index, enum turn_cause cause, struct actions *out)
{
	const struct allocation *a = at(s, index);

	if (a->state == ALLOCATION_LIVE) {
		counter_add(&s->counters.allocations_ended[cause], 1);
		log_ended(s, now, a, cause, out);
		tell_ended(s, index, out);
		out->items[out->count++] = (struct action){
			.kind = ACTION_CLOSE_RELAY,
			.as.close_relay =
				pool_ref(&s->flows.allocations, index),
		};
	}
	allocation_release(s, index);
}
