#include "model.h"

#include <string.h>

const struct sim_user sim_users[SIM_USERS] = {
	{ "alice", "secret", 0, true },    { "bob", "hunter2", 0, true },
	{ "carol", "c4r0l", 0, true },     { "dave", "d%s%n", 0, false },
	{ "alice", "elsewhere", 1, true }, { "erin", "\xc3\xa9rin", 1, true },
};

const char *model_realm_name(uint8_t realm)
{
	return realm ? SIM_OTHER_REALM : SIM_BASE_REALM;
}

size_t model_key(struct world *w, const struct sim_user *user,
		 const char *password, bool sha256, uint8_t key[32])
{
	struct bytes parts[] = { bytes_str(user->name), bytes_str(":"),
				 bytes_str(model_realm_name(user->realm)),
				 bytes_str(":"), bytes_str(password) };

	if (sha256) {
		crypto_sha256(w->crypto, parts, 5, key);
		return 32;
	}
	crypto_md5(w->crypto, parts, 5, key);
	return 16;
}

/* --- finding ---------------------------------------------------------------- */

struct model_allocation *
model_by_client(struct world *w, const struct addr *client, uint16_t listener)
{
	for (unsigned i = 0; i < SIM_ALLOCATIONS_MAX; i++) {
		struct model_allocation *a = &w->model.allocations[i];

		if (a->in_use && a->listener == listener &&
		    addr_equal(&a->client, client))
			return a;
	}
	return NULL;
}

struct model_allocation *model_by_port(struct world *w, uint16_t port)
{
	for (unsigned i = 0; i < SIM_ALLOCATIONS_MAX; i++) {
		struct model_allocation *a = &w->model.allocations[i];

		if (a->in_use && a->port == port)
			return a;
	}
	return NULL;
}

struct model_allocation *model_by_ref(struct world *w, uint16_t worker,
				      struct ref ref)
{
	for (unsigned i = 0; i < SIM_ALLOCATIONS_MAX; i++) {
		struct model_allocation *a = &w->model.allocations[i];

		if (a->in_use && a->worker == worker &&
		    a->ref.index == ref.index &&
		    a->ref.generation == ref.generation)
			return a;
	}
	return NULL;
}

bool model_is_alive(const struct world *w, const struct model_allocation *a)
{
	return a && !a->opening && a->expires_ms > w->now.mono_ms;
}

const struct addr sim_advertised[SIM_ADVERTISED] = {
	{ .family = ADDR_IPV4, .ip = { 20, 202, 255, 255 } },
	{ .family = ADDR_IPV4, .ip = { 20, 202, 255, 254 } },
	{ .family = ADDR_IPV4, .ip = { 4, 4, 4, 4 } },
};

/* --- the rules of the simulated world ---------------------------------------- */

/* As bound, or as advertised now or before: nobody forgets here. */
static bool is_relay_ip(const struct world *w, const struct addr *a)
{
	if (addr_same_ip(a, &w->config.relay))
		return true;
	for (unsigned i = 0; i < SIM_ADVERTISED; i++)
		if (addr_same_ip(a, &sim_advertised[i]))
			return true;
	return false;
}

struct addr model_canonical(const struct world *w, const struct addr *a)
{
	return is_relay_ip(w, a) ? addr_with_port(&w->config.relay, a->port)
				 : *a;
}

/* Whether the rule is about the address, and is no dry run. */
static bool is_denied(const struct world *w, const struct addr *a)
{
	const struct addr *denied = &w->model.denied;

	return denied->family && memcmp(denied->ip, a->ip, 3) == 0 &&
	       !w->model.is_dry_run;
}

/* Public peers live in 8.8.0.0/16; one /24 of it may be denied by rule. */
bool model_ip_allowed(const struct world *w, const struct addr *a)
{
	if (a->family != ADDR_IPV4)
		return false;
	if (is_relay_ip(w, a))
		return true;
	if (is_denied(w, a) && !w->model.denied_ports)
		return false;
	return a->ip[0] == 8 && a->ip[1] == 8;
}

bool model_in_range(const struct world *w, uint16_t port)
{
	return port >= w->config.peers.relay_port_min &&
	       port <= w->config.peers.relay_port_max;
}

enum peer_verdict model_judge(const struct world *w, const struct addr *a)
{
	if (!a->port || !model_ip_allowed(w, a))
		return PEER_DENIED;
	if (is_relay_ip(w, a))
		return model_in_range(w, a->port) ? PEER_HAIRPIN : PEER_DENIED;
	if (is_denied(w, a) && a->port >= w->model.denied_ports)
		return PEER_DENIED;
	return PEER_ALLOWED;
}

/* --- permissions and channels -------------------------------------------------- */

struct model_permission *model_find_permission(struct model_allocation *a,
					       const struct addr *canonical_ip)
{
	for (unsigned i = 0; i < SIM_PERMISSIONS; i++)
		if (a->permissions[i].in_use &&
		    addr_same_ip(&a->permissions[i].ip, canonical_ip))
			return &a->permissions[i];
	return NULL;
}

struct model_channel *model_find_number(struct model_allocation *a,
					uint16_t number)
{
	for (unsigned i = 0; i < SIM_CHANNELS; i++)
		if (a->channels[i].in_use && a->channels[i].number == number)
			return &a->channels[i];
	return NULL;
}

struct model_channel *model_find_channel_to(struct model_allocation *a,
					    const struct addr *peer)
{
	for (unsigned i = 0; i < SIM_CHANNELS; i++)
		if (a->channels[i].in_use &&
		    addr_equal(&a->channels[i].peer, peer))
			return &a->channels[i];
	return NULL;
}

static bool carries_channel(const struct model_allocation *a,
			    const struct addr *ip)
{
	for (unsigned i = 0; i < SIM_CHANNELS; i++)
		if (a->channels[i].in_use &&
		    addr_same_ip(&a->channels[i].peer, ip))
			return true;
	return false;
}

/* Forgets what has expired, as far as it no longer counts. */
void model_sweep(struct world *w, struct model_allocation *a)
{
	for (unsigned i = 0; i < SIM_CHANNELS; i++) {
		struct model_channel *c = &a->channels[i];

		if (c->in_use && c->expires_ms <= w->now.mono_ms) {
			c->in_use = false;
			sim_count(w, SIM_CHANNEL_LAPSED);
		}
	}
	for (unsigned i = 0; i < SIM_PERMISSIONS; i++) {
		struct model_permission *p = &a->permissions[i];

		if (p->in_use && p->expires_ms <= w->now.mono_ms &&
		    !carries_channel(a, &p->ip)) {
			p->in_use = false;
			sim_count(w, SIM_PERMISSION_LAPSED);
		}
	}
}

bool model_permitted(const struct world *w, struct model_allocation *a,
		     const struct addr *peer)
{
	const struct model_permission *p = model_find_permission(a, peer);

	return p && p->expires_ms > w->now.mono_ms && model_ip_allowed(w, peer);
}

void model_install_permission(struct world *w, struct model_allocation *a,
			      const struct addr *named)
{
	struct addr ip = model_canonical(w, named);
	struct model_permission *p;

	ip.port = 0;
	p = model_find_permission(a, &ip);
	for (unsigned i = 0; !p && i < SIM_PERMISSIONS; i++)
		if (!a->permissions[i].in_use)
			p = &a->permissions[i];
	if (!p)
		sim_fail(w, "a permission beyond the limit");
	if (!p->in_use)
		*p = (struct model_permission){ .in_use = true, .ip = ip };
	if (!addr_same_ip(named, &ip))
		p->named = addr_with_port(named, 0);
	p->expires_ms = w->now.mono_ms + 300000;
	sim_count(w, SIM_PERMITTED);
}

/* --- capacity ---------------------------------------------------------------- */

static bool same_user(const struct model_allocation *a, uint8_t user)
{
	return a->user == user;
}

/* Charges now; `late` also counts reservations that may not be swept yet. */
unsigned model_charges(const struct world *w, int user, bool late)
{
	unsigned n = 0;

	for (unsigned i = 0; i < SIM_ALLOCATIONS_MAX; i++) {
		const struct model_allocation *a = &w->model.allocations[i];

		if (a->in_use && (user < 0 || same_user(a, (uint8_t)user)))
			n += 1 + (a->opening && a->pair);
	}
	for (unsigned i = 0; i < SIM_RESERVATIONS_MAX; i++) {
		const struct model_reservation *v = &w->model.reservations[i];

		if (v->in_use && (user < 0 || v->user == user) &&
		    (late || v->expires_ms > w->now.mono_ms))
			n++;
	}
	return n;
}

unsigned model_of_source(const struct world *w, const struct addr *ip)
{
	unsigned n = 0;

	for (unsigned i = 0; i < SIM_ALLOCATIONS_MAX; i++) {
		const struct model_allocation *a = &w->model.allocations[i];

		n += a->in_use && a->is_source_charged &&
		     addr_same_ip(&a->client, ip);
	}
	return n;
}

unsigned model_of_realm(const struct world *w, uint16_t realm)
{
	unsigned n = 0;

	for (unsigned i = 0; i < SIM_ALLOCATIONS_MAX; i++)
		n += w->model.allocations[i].in_use &&
		     w->model.allocations[i].listener == realm;
	return n;
}

uint32_t model_source_max(const struct world *w)
{
	const struct turn_limits *limits = &w->config.limits;

	return w->source == TURN_SOURCE_REDIS
		       ? limits->dynamic_allocations_per_source
		       : limits->allocations_per_source;
}

bool model_port_is_taken(struct world *w, uint16_t port, bool late)
{
	for (unsigned i = 0; i < SIM_ALLOCATIONS_MAX; i++) {
		const struct model_allocation *a = &w->model.allocations[i];

		if (a->in_use && (a->port == port || (a->opening && a->pair &&
						      a->port + 1 == port)))
			return true;
	}
	for (unsigned i = 0; i < SIM_RESERVATIONS_MAX; i++) {
		const struct model_reservation *v = &w->model.reservations[i];

		if (v->in_use && v->port == port &&
		    (late || v->expires_ms > w->now.mono_ms))
			return true;
	}
	return false;
}

bool model_port_is_left(struct world *w, int even, bool late)
{
	unsigned min = w->config.peers.relay_port_min;
	unsigned max = w->config.peers.relay_port_max;

	for (unsigned p = min; p <= max; p++) {
		if (even >= 0 && p % 2)
			continue;
		if (model_port_is_taken(w, (uint16_t)p, late))
			continue;
		if (even == 1 &&
		    (p + 1 > max ||
		     model_port_is_taken(w, (uint16_t)(p + 1), late)))
			continue;
		return true;
	}
	return false;
}

struct model_reservation *model_find_token(struct world *w,
					   const uint8_t token[8])
{
	for (unsigned i = 0; i < SIM_RESERVATIONS_MAX; i++) {
		struct model_reservation *v = &w->model.reservations[i];

		if (v->in_use && memcmp(v->token, token, 8) == 0)
			return v;
	}
	return NULL;
}
