#include "worker/listeners.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "net/udp.h"

static void want_those(struct listeners *l, const struct conf *conf)
{
	l->wanted_count = conf->listener_count;
	memcpy(l->wanted, conf->listeners, sizeof(l->wanted));
}

void listeners_init(struct listeners *l, const struct conf *conf)
{
	assert(conf->turn.worker_count <= LISTENERS_WORKERS_MAX);
	memset(l, 0, sizeof(*l));
	l->workers = conf->turn.worker_count;
	l->buffer_bytes = conf->listener_buffer_bytes;
	want_those(l, conf);
}

static void close_group(const struct listeners *l, struct listener_place *p)
{
	for (uint16_t i = 0; i < l->workers; i++)
		close(p->fds[i]);
}

static void set_free(struct listeners *l, struct listener_place *p)
{
	p->state = LISTENER_FREE;
	p->freed = ++l->freed;
}

static void close_all(struct listeners *l, enum listener_state state)
{
	for (unsigned i = 0; i < TURN_LISTENERS_MAX; i++) {
		if (l->places[i].state != state)
			continue;
		close_group(l, &l->places[i]);
		set_free(l, &l->places[i]);
	}
}

void listeners_fini(struct listeners *l)
{
	close_all(l, LISTENER_PREPARED);
	close_all(l, LISTENER_OPEN);
}

static bool is_used(const struct listener_place *p)
{
	return p->state == LISTENER_OPEN || p->state == LISTENER_SERVING;
}

static bool lingers(const struct listener_place *p)
{
	return is_used(p) && p->listener.lingers;
}

static struct listener_place *find(struct listeners *l,
				   const struct addr *local)
{
	for (unsigned i = 0; i < TURN_LISTENERS_MAX; i++)
		if (l->places[i].state != LISTENER_FREE &&
		    addr_equal(&l->places[i].listener.local, local))
			return &l->places[i];
	return NULL;
}

/*
 * Allocations name their listener by its place and may outlive it: an address
 * that comes back gets its old place, and another one's only when nothing
 * else is left, longest free first.
 */
static struct listener_place *find_free(struct listeners *l,
					const struct addr *local)
{
	struct listener_place *best = NULL;

	for (unsigned i = 0; i < TURN_LISTENERS_MAX; i++) {
		struct listener_place *p = &l->places[i];

		if (p->state != LISTENER_FREE)
			continue;
		if (p->freed && addr_equal(&p->listener.local, local))
			return p;
		if (!best || p->freed < best->freed)
			best = p;
	}
	return best;
}

static int open_at(struct listeners *l, const struct addr *local, uint8_t realm,
		   enum listener_state state)
{
	struct listener_place *p = find_free(l, local);
	int error;

	if (!p)
		return -ENOSPC;
	error = udp_open_listeners(local, l->workers, l->buffer_bytes, p->fds);
	if (error)
		return error;
	p->state = state;
	p->changed = false;
	p->wanted = true;
	p->wanted_realm = realm;
	p->listener = (struct turn_listener){
		.in_use = true,
		.local = *local,
		.realm = realm,
	};
	return 0;
}

/* Makes sure that there is a listener at that address, opened as `state`. */
static void want(struct listeners *l, const struct addr *local,
		 const struct conf_listener *c, enum listener_state state,
		 struct listeners_failure *failure)
{
	struct listener_place *p = find(l, local);
	int error;

	if (p) {
		p->wanted = true;
		p->wanted_realm = c->realm;
		return;
	}
	error = open_at(l, local, c->realm, state);
	if (error && !failure->error)
		*failure = (struct listeners_failure){
			.address = *local,
			.line = c->line,
			.error = error,
		};
}

static void want_each(struct listeners *l, const struct conf_listener *c,
		      const struct ifaddr_list *machine,
		      enum listener_state state,
		      struct listeners_failure *failure)
{
	if (!addr_is_unspecified(&c->address)) {
		want(l, &c->address, c, state, failure);
		return;
	}
	for (unsigned i = 0; i < machine->count; i++) {
		struct addr local =
			addr_with_port(&machine->items[i].ip, c->address.port);

		if (local.family == ADDR_IPV4)
			want(l, &local, c, state, failure);
	}
}

/* Opens what is not there, and marks what is wanted. */
static void want_all(struct listeners *l, const struct conf_listener *wanted,
		     size_t count, const struct ifaddr_list *machine,
		     enum listener_state state,
		     struct listeners_failure *failure)
{
	*failure = (struct listeners_failure){ .error = 0 };
	for (unsigned i = 0; i < TURN_LISTENERS_MAX; i++)
		l->places[i].wanted = false;
	for (size_t i = 0; i < count; i++)
		want_each(l, &wanted[i], machine, state, failure);
}

/* It goes on in that realm, for everybody, whether or not it lingered. */
static void serve(struct listener_place *p, uint8_t realm)
{
	p->changed |= p->listener.lingers || p->listener.realm != realm;
	p->listener.lingers = false;
	p->listener.realm = realm;
}

static void linger(struct listener_place *p)
{
	p->changed |= !p->listener.lingers;
	p->listener.lingers = true;
}

static bool is_to_be_handed_over(const struct listener_place *p)
{
	return p->state == LISTENER_OPEN || p->state == LISTENER_GONE ||
	       (p->state == LISTENER_SERVING && p->changed);
}

static bool is_any_to_be_handed_over(const struct listeners *l)
{
	for (unsigned i = 0; i < TURN_LISTENERS_MAX; i++)
		if (is_to_be_handed_over(&l->places[i]))
			return true;
	return false;
}

bool listeners_follow(struct listeners *l, const struct ifaddr_list *machine,
		      struct listeners_failure *failure)
{
	want_all(l, l->wanted, l->wanted_count, machine, LISTENER_OPEN,
		 failure);
	for (unsigned i = 0; i < TURN_LISTENERS_MAX; i++) {
		struct listener_place *p = &l->places[i];

		if (p->state == LISTENER_GONE && p->wanted)
			p->state = LISTENER_SERVING;
		/* What lingers is not for its address's sake. */
		if (p->state == LISTENER_SERVING && !p->wanted && !lingers(p))
			p->state = LISTENER_GONE;
		if (is_used(p) && p->wanted)
			serve(p, p->wanted_realm);
	}
	return is_any_to_be_handed_over(l);
}

bool listeners_prepare(struct listeners *l, const struct conf *conf,
		       const struct ifaddr_list *machine,
		       struct listeners_failure *failure)
{
	want_all(l, conf->listeners, conf->listener_count, machine,
		 LISTENER_PREPARED, failure);
	if (failure->error)
		listeners_abandon(l);
	return !failure->error;
}

void listeners_abandon(struct listeners *l)
{
	close_all(l, LISTENER_PREPARED);
}

void listeners_commit(struct listeners *l, const struct conf *conf)
{
	want_those(l, conf);
	for (unsigned i = 0; i < TURN_LISTENERS_MAX; i++) {
		struct listener_place *p = &l->places[i];

		if (p->state == LISTENER_PREPARED)
			p->state = LISTENER_OPEN;
		if (is_used(p) && p->wanted)
			serve(p, p->wanted_realm);
		else if (is_used(p))
			linger(p);
	}
}

static void give(struct listeners *l, uint16_t index, struct worker **workers)
{
	struct listener_place *p = &l->places[index];

	for (uint16_t i = 0; i < l->workers; i++)
		worker_set_listener(workers[i], index, &p->listener, p->fds[i]);
	p->state = LISTENER_SERVING;
}

static void change(struct listeners *l, uint16_t index, struct worker **workers)
{
	for (uint16_t i = 0; i < l->workers; i++)
		worker_change_listener(workers[i], index,
				       &l->places[index].listener);
}

static void take(struct listeners *l, uint16_t index, struct worker **workers)
{
	static const struct turn_listener none;

	for (uint16_t i = 0; i < l->workers; i++)
		worker_set_listener(workers[i], index, &none, -1);
	set_free(l, &l->places[index]);
}

void listeners_hand_over(struct listeners *l, struct worker **workers)
{
	for (uint16_t i = 0; i < TURN_LISTENERS_MAX; i++) {
		struct listener_place *p = &l->places[i];

		if (p->state == LISTENER_OPEN)
			give(l, i, workers);
		else if (p->state == LISTENER_GONE)
			take(l, i, workers);
		else if (p->state == LISTENER_SERVING && p->changed)
			change(l, i, workers);
		p->changed = false;
	}
}

static bool is_held(const struct listeners *l, uint16_t index,
		    struct worker *const *workers)
{
	for (uint16_t i = 0; i < l->workers; i++)
		if (holdings_get(
			    &worker_holdings(workers[i])->listeners[index]))
			return true;
	return false;
}

bool listeners_let_go(struct listeners *l, struct worker *const *workers)
{
	for (uint16_t i = 0; i < TURN_LISTENERS_MAX; i++)
		if (lingers(&l->places[i]) && !is_held(l, i, workers))
			l->places[i].state = LISTENER_GONE;
	return is_any_to_be_handed_over(l);
}

unsigned listeners_lingering(const struct listeners *l)
{
	unsigned count = 0;

	for (unsigned i = 0; i < TURN_LISTENERS_MAX; i++)
		count += lingers(&l->places[i]);
	return count;
}

static bool add_own_ip(struct peer_policy *p, const struct addr *ip)
{
	for (uint16_t i = 0; i < p->own_ip_count; i++)
		if (addr_same_ip(&p->own_ips[i], ip))
			return true;
	if (p->own_ip_count == PEER_POLICY_OWN_MAX)
		return false;
	p->own_ips[p->own_ip_count++] = addr_with_port(ip, 0);
	return true;
}

/* Those of one family, so that those which can be reached come first. */
static bool add_own_ips(struct peer_policy *p,
			const struct ifaddr_list *machine,
			enum addr_family family)
{
	bool room = true;

	for (unsigned i = 0; i < machine->count; i++)
		if (machine->items[i].ip.family == family)
			room &= add_own_ip(p, &machine->items[i].ip);
	return room;
}

bool listeners_policy(const struct listeners *l,
		      const struct ifaddr_list *machine, struct peer_policy *p)
{
	bool room;

	_Static_assert(TURN_LISTENERS_MAX <= PEER_POLICY_OWN_MAX,
		       "a policy holds all listeners");
	p->own_ip_count = 0;
	room = add_own_ips(p, machine, ADDR_IPV4);
	room &= add_own_ips(p, machine, ADDR_IPV6);

	/* The policy itself knows the advertised form of the relay address. */
	p->own_socket_count = 0;
	for (unsigned i = 0; i < TURN_LISTENERS_MAX; i++)
		if (is_used(&l->places[i]))
			p->own_sockets[p->own_socket_count++] =
				l->places[i].listener.local;
	return room && !machine->full;
}

unsigned listeners_count(const struct listeners *l)
{
	unsigned count = 0;

	for (unsigned i = 0; i < TURN_LISTENERS_MAX; i++)
		count += is_used(&l->places[i]) && !lingers(&l->places[i]);
	return count;
}

const struct turn_listener *listeners_at(const struct listeners *l,
					 const struct addr *ip)
{
	const struct turn_listener *first = NULL;

	for (unsigned i = 0; i < TURN_LISTENERS_MAX; i++) {
		const struct turn_listener *t = &l->places[i].listener;

		if (!is_used(&l->places[i]) || t->lingers)
			continue;
		if (addr_same_ip(&t->local, ip))
			return t;
		if (!first)
			first = t;
	}
	return first;
}
