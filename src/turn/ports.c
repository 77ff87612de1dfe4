#include "turn/ports.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/wire.h"

/*
 * An entry is one word: state (2 bits), worker (8), index (22), generation
 * (32). Only the states differ while nobody is published.
 */
enum state {
	FREE = 0,
	TAKEN = 1, /* used, nobody published */
	LIVE = 2,  /* used, by the owner that the entry names */
	RESERVED = 3,
};

#define STATE_SHIFT 62
#define WORKER_SHIFT 54
#define WORKER_MAX 255
#define INDEX_SHIFT 32
#define INDEX_MAX ((1U << 22) - 1)

#define ENTRY(state) ((uint64_t)(state) << STATE_SHIFT)

/*
 * Tokens: the low bits name the slot, the others are random. A slot's other
 * members are written only by who made its token BUSY, and read with the
 * token compared before and after, so that a slot that was refilled meanwhile
 * is noticed.
 */
#define PORTS_TOKEN_BUSY UINT64_MAX
#define SLOT_MASK (PORTS_RESERVATIONS_MAX - 1)

_Static_assert((PORTS_RESERVATIONS_MAX & SLOT_MASK) == 0, "a power of two");

/* Probes at random before the range is searched in order. */
#define PROBES 16

/* Ports to choose from: first, first + step, ... */
struct choice {
	uint32_t first;
	uint32_t step;
	uint32_t count;
};

static _Atomic uint64_t *entry_of(const struct ports *p, uint32_t port)
{
	assert(port >= p->min && port <= p->max);
	return &p->entries[port - p->min];
}

static enum state state_of(uint64_t word)
{
	return (enum state)(word >> STATE_SHIFT);
}

static uint32_t range_of(const struct ports *p)
{
	return (uint32_t)p->max - p->min + 1;
}

int ports_init(struct ports *p, uint16_t min, uint16_t max)
{
	assert(min >= 1024 && min <= max);

	memset(p, 0, sizeof(*p));
	p->min = min;
	p->max = max;
	p->entries = calloc(range_of(p), sizeof(*p->entries));
	return p->entries ? 0 : -ENOMEM;
}

void ports_fini(struct ports *p)
{
	free(p->entries);
	memset(p, 0, sizeof(*p));
}

static struct choice choice_of(const struct ports *p, enum ports_want want)
{
	uint32_t last = want == PORTS_EVEN_PAIR ? p->max - 1U : p->max;
	struct choice c = { .first = p->min, .step = 1 };

	if (want != PORTS_ANY) {
		c.first += c.first & 1;
		c.step = 2;
	}
	if (last >= c.first)
		c.count = (last - c.first) / c.step + 1;
	return c;
}

/* Changes an entry from one state to another unless it is in a third. */
static bool change(const struct ports *p, uint32_t port, enum state from,
		   enum state to)
{
	uint64_t expected = ENTRY(from);

	return atomic_compare_exchange_strong(entry_of(p, port), &expected,
					      ENTRY(to));
}

/* The same where nobody else may have changed the entry. */
static void must_change(const struct ports *p, uint32_t port, enum state from,
			enum state to)
{
	bool changed = change(p, port, from, to);

	assert(changed);
}

/* Both ports or neither. */
static bool take_pair(struct ports *p, uint32_t port)
{
	if (!change(p, port, FREE, TAKEN))
		return false;
	if (!change(p, port + 1, FREE, TAKEN)) {
		must_change(p, port, TAKEN, FREE);
		return false;
	}
	atomic_fetch_add(&p->used, 2);
	return true;
}

static bool take_one(struct ports *p, uint32_t port)
{
	if (!change(p, port, FREE, TAKEN))
		return false;
	atomic_fetch_add(&p->used, 1);
	return true;
}

static bool try_take(struct ports *p, const struct choice *c, uint32_t i,
		     enum ports_want want, uint16_t *out)
{
	uint32_t port = c->first + i * c->step;
	bool taken = want == PORTS_EVEN_PAIR ? take_pair(p, port)
					     : take_one(p, port);

	if (taken)
		*out = (uint16_t)port;
	return taken;
}

bool ports_take(struct ports *p, struct random *random, enum ports_want want,
		uint16_t *port)
{
	struct choice c = choice_of(p, want);
	uint32_t start;

	if (c.count == 0)
		return false;
	for (unsigned int i = 0; i < PROBES; i++) {
		if (try_take(p, &c, random_below(random, c.count), want, port))
			return true;
	}

	start = random_below(random, c.count);
	for (uint32_t i = 0; i < c.count; i++) {
		if (try_take(p, &c, (start + i) % c.count, want, port))
			return true;
	}
	return false;
}

void ports_give(struct ports *p, uint16_t port)
{
	_Atomic uint64_t *entry = entry_of(p, port);
	uint64_t word = atomic_load(entry);
	bool given;

	assert(state_of(word) == TAKEN || state_of(word) == LIVE);
	/* Counted first: who takes the port next counts it once more. */
	atomic_fetch_sub(&p->used, 1);
	given = atomic_compare_exchange_strong(entry, &word, ENTRY(FREE));
	assert(given);
}

void ports_publish(struct ports *p, uint16_t port,
		   const struct ports_owner *owner)
{
	_Atomic uint64_t *entry = entry_of(p, port);

	assert(owner->worker <= WORKER_MAX);
	assert(owner->allocation.index <= INDEX_MAX);
	assert(state_of(atomic_load(entry)) == TAKEN);
	atomic_store(entry,
		     ENTRY(LIVE) | (uint64_t)owner->worker << WORKER_SHIFT |
			     (uint64_t)owner->allocation.index << INDEX_SHIFT |
			     owner->allocation.generation);
}

void ports_unpublish(struct ports *p, uint16_t port)
{
	_Atomic uint64_t *entry = entry_of(p, port);

	assert(state_of(atomic_load(entry)) == LIVE);
	atomic_store(entry, ENTRY(TAKEN));
}

bool ports_find(const struct ports *p, uint16_t port, struct ports_owner *owner)
{
	uint64_t word;

	if (port < p->min || port > p->max)
		return false;
	word = atomic_load_explicit(&p->entries[port - p->min],
				    memory_order_relaxed);
	if (state_of(word) != LIVE)
		return false;
	owner->worker = word >> WORKER_SHIFT & WORKER_MAX;
	owner->allocation.index = word >> INDEX_SHIFT & INDEX_MAX;
	owner->allocation.generation = (uint32_t)word;
	return true;
}

/* A free slot, now BUSY and the caller's, or NULL. */
static struct ports_reservation *claim_slot(struct ports *p, uint32_t start)
{
	for (uint32_t i = 0; i < PORTS_RESERVATIONS_MAX; i++) {
		struct ports_reservation *r =
			&p->reservations[(start + i) & SLOT_MASK];
		uint64_t expected = 0;

		if (atomic_compare_exchange_strong(&r->token, &expected,
						   PORTS_TOKEN_BUSY))
			return r;
	}
	return NULL;
}

static uint64_t make_token(struct random *random, uint64_t slot)
{
	uint64_t token;

	do {
		token = (random_u64(random) & ~(uint64_t)SLOT_MASK) | slot;
	} while (token == 0 || token == PORTS_TOKEN_BUSY);
	return token;
}

bool ports_reserve(struct ports *p, uint16_t port, struct random *random,
		   uint64_t user, uint64_t now_ms,
		   uint8_t token[PORTS_TOKEN_BYTES])
{
	struct ports_reservation *r =
		claim_slot(p, random_below(random, PORTS_RESERVATIONS_MAX));
	uint64_t value;

	if (!r)
		return false;
	must_change(p, port, TAKEN, RESERVED);
	atomic_fetch_sub(&p->used, 1);
	atomic_fetch_add(&p->reserved, 1);

	value = make_token(random, (uint64_t)(r - p->reservations));
	atomic_store(&r->port, port);
	atomic_store(&r->user, user);
	atomic_store(&r->expires_ms, now_ms + PORTS_RESERVATION_MS);
	atomic_store(&r->token, value);
	wire_put_u64(token, value);
	return true;
}

/* The slot that a token names, or NULL: a client may send anything, also what
 * marks a slot that has no token. */
static struct ports_reservation *slot_of(struct ports *p, uint64_t token)
{
	if (token == 0 || token == PORTS_TOKEN_BUSY)
		return NULL;
	return &p->reservations[token & SLOT_MASK];
}

/*
 * Ends the reservation if it is still the one of that token; its port is the
 * caller's then and the slot is free. Of several that try, one succeeds.
 */
static bool end_reservation(struct ports *p, struct ports_reservation *r,
			    uint64_t token, uint16_t *port)
{
	if (!atomic_compare_exchange_strong(&r->token, &token,
					    PORTS_TOKEN_BUSY))
		return false;
	*port = atomic_load(&r->port);
	atomic_store(&r->token, 0);
	atomic_fetch_sub(&p->reserved, 1);
	return true;
}

bool ports_redeem(struct ports *p, const uint8_t token[PORTS_TOKEN_BYTES],
		  uint64_t user, uint64_t now_ms, uint16_t *port)
{
	uint64_t value = wire_get_u64(token);
	struct ports_reservation *r = slot_of(p, value);

	/* The token is compared before the rest is read, and again to end. */
	if (!r || atomic_load(&r->token) != value ||
	    atomic_load(&r->user) != user ||
	    now_ms >= atomic_load(&r->expires_ms) ||
	    !end_reservation(p, r, value, port))
		return false;
	atomic_fetch_add(&p->used, 1);
	must_change(p, *port, RESERVED, TAKEN);
	return true;
}

bool ports_expire(struct ports *p, const uint8_t token[PORTS_TOKEN_BYTES])
{
	uint64_t value = wire_get_u64(token);
	struct ports_reservation *r = slot_of(p, value);
	uint16_t port;

	if (!r || !end_reservation(p, r, value, &port))
		return false;
	must_change(p, port, RESERVED, FREE);
	return true;
}

uint32_t ports_free(const struct ports *p)
{
	uint32_t taken = atomic_load(&p->used) + atomic_load(&p->reserved);
	uint32_t range = range_of(p);

	/* A port between two of its states may be counted twice. */
	return taken < range ? range - taken : 0;
}
