#include "worker/listeners.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "net/udp.h"

void listeners_init(struct listeners *l, const struct conf *conf)
{
	assert(conf->turn.worker_count <= LISTENERS_WORKERS_MAX);
	memset(l, 0, sizeof(*l));
	l->conf = conf;
}

static void close_group(const struct listeners *l, struct listener_place *p)
{
	for (uint16_t i = 0; i < l->conf->turn.worker_count; i++)
		close(p->fds[i]);
}

static void set_free(struct listeners *l, struct listener_place *p)
{
	p->state = LISTENER_FREE;
	p->freed = ++l->freed;
}

void listeners_fini(struct listeners *l)
{
	for (unsigned i = 0; i < TURN_LISTENERS_MAX; i++) {
		if (l->places[i].state != LISTENER_OPEN)
			continue;
		close_group(l, &l->places[i]);
		set_free(l, &l->places[i]);
	}
}

static bool is_used(const struct listener_place *p)
{
	return p->state == LISTENER_OPEN || p->state == LISTENER_SERVING;
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

static int open_at(struct listeners *l, const struct addr *local, uint8_t realm)
{
	struct listener_place *p = find_free(l, local);
	int error;

	if (!p)
		return -ENOSPC;
	error = udp_open_listeners(local, l->conf->turn.worker_count,
				   l->conf->listener_buffer_bytes, p->fds);
	if (error)
		return error;
	p->state = LISTENER_OPEN;
	p->listener = (struct turn_listener){
		.in_use = true,
		.local = *local,
		.realm = realm,
	};
	return 0;
}

/* Makes sure that there is a listener at that address, which is not gone. */
static void want(struct listeners *l, const struct addr *local, uint8_t realm,
		 struct listeners_failure *failure)
{
	struct listener_place *p = find(l, local);
	int error;

	if (p) {
		p->state = p->state == LISTENER_GONE ? LISTENER_SERVING
						     : p->state;
		return;
	}
	error = open_at(l, local, realm);
	if (error && !failure->error)
		*failure = (struct listeners_failure){
			.address = *local,
			.error = error,
		};
}

static void want_all(struct listeners *l, const struct conf_listener *c,
		     const struct ifaddr_list *machine,
		     struct listeners_failure *failure)
{
	if (!addr_is_unspecified(&c->address)) {
		want(l, &c->address, c->realm, failure);
		return;
	}
	for (unsigned i = 0; i < machine->count; i++) {
		struct addr local =
			addr_with_port(&machine->items[i].ip, c->address.port);

		if (local.family == ADDR_IPV4)
			want(l, &local, c->realm, failure);
	}
}

bool listeners_follow(struct listeners *l, const struct ifaddr_list *machine,
		      struct listeners_failure *failure)
{
	bool changed = false;

	*failure = (struct listeners_failure){ .error = 0 };
	/* All are gone but for those that are wanted again below. */
	for (unsigned i = 0; i < TURN_LISTENERS_MAX; i++)
		if (l->places[i].state == LISTENER_SERVING)
			l->places[i].state = LISTENER_GONE;
	for (size_t i = 0; i < l->conf->listener_count; i++)
		want_all(l, &l->conf->listeners[i], machine, failure);
	for (unsigned i = 0; i < TURN_LISTENERS_MAX; i++)
		changed |= l->places[i].state == LISTENER_OPEN ||
			   l->places[i].state == LISTENER_GONE;
	return changed;
}

static void give(struct listeners *l, uint16_t index, struct worker **workers)
{
	struct listener_place *p = &l->places[index];

	for (uint16_t i = 0; i < l->conf->turn.worker_count; i++)
		worker_set_listener(workers[i], index, &p->listener, p->fds[i]);
	p->state = LISTENER_SERVING;
}

static void take(struct listeners *l, uint16_t index, struct worker **workers)
{
	static const struct turn_listener none;

	for (uint16_t i = 0; i < l->conf->turn.worker_count; i++)
		worker_set_listener(workers[i], index, &none, -1);
	set_free(l, &l->places[index]);
}

void listeners_hand_over(struct listeners *l, struct worker **workers)
{
	for (uint16_t i = 0; i < TURN_LISTENERS_MAX; i++) {
		if (l->places[i].state == LISTENER_OPEN)
			give(l, i, workers);
		else if (l->places[i].state == LISTENER_GONE)
			take(l, i, workers);
	}
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
		count += is_used(&l->places[i]);
	return count;
}

const struct turn_listener *listeners_at(const struct listeners *l,
					 const struct addr *ip)
{
	const struct turn_listener *first = NULL;

	for (unsigned i = 0; i < TURN_LISTENERS_MAX; i++) {
		const struct turn_listener *t = &l->places[i].listener;

		if (!is_used(&l->places[i]))
			continue;
		if (addr_same_ip(&t->local, ip))
			return t;
		if (!first)
			first = t;
	}
	return first;
}
