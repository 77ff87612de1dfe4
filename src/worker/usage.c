#include "worker/usage.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/map.h"
#include "worker/worker.h"

#define HOUR_MS 3600000
/* Sessions that are looked at in one go. */
#define BATCH 64
/* Users that are looked at for one whose place is free by now. */
#define SWEEP 64
/* In place of a user's index. */
#define OTHERS (POOL_NONE - 1)

struct slot {
	uint32_t sessions;
	uint32_t peak;
	struct counters_relayed relayed;
};

struct account {
	struct map_link by_name;
	uint64_t hour;                  /* of the newest slot */
	struct slot slots[USAGE_HOURS]; /* by hour, modulo their number */
	uint32_t living;
	uint8_t realm;
	uint16_t name_bytes;
	uint8_t name[STUN_USERNAME_MAX_BYTES];
};

/* What of a living session is counted already. */
struct entry {
	uint32_t generation; /* 0: none */
	uint32_t account;
	struct counters_relayed counted;
};

struct usage {
	pthread_mutex_t lock;
	struct hash_key key;
	uint64_t began_ms;
	struct pool accounts;
	struct map by_name;
	uint32_t hand; /* where a place is looked for next */
	struct account others;
	uint16_t workers;
	uint32_t allocations; /* of each worker */
	struct entry *entries;
};

struct usage *usage_new(uint16_t workers, uint32_t allocations,
			const struct hash_key *key, const struct now *now)
{
	struct usage *u = calloc(1, sizeof(*u));

	if (!u)
		return NULL;
	pthread_mutex_init(&u->lock, NULL);
	u->key = *key;
	u->began_ms = now->mono_ms;
	u->workers = workers;
	u->allocations = allocations;
	/* Address space until it is used. */
	u->entries = calloc((size_t)workers * allocations, sizeof(*u->entries));
	if (u->entries &&
	    !pool_init(&u->accounts, sizeof(struct account), USAGE_USERS_MAX,
		       false) &&
	    !map_init(&u->by_name, &u->accounts,
		      offsetof(struct account, by_name)))
		return u;
	usage_free(u);
	return NULL;
}

void usage_free(struct usage *u)
{
	if (!u)
		return;
	map_fini(&u->by_name);
	pool_fini(&u->accounts);
	free(u->entries);
	pthread_mutex_destroy(&u->lock);
	free(u);
}

static uint64_t hour_of(const struct usage *u, const struct now *now)
{
	/* Workers read the clock by batches. */
	if (now->mono_ms < u->began_ms)
		return 0;
	return (now->mono_ms - u->began_ms) / HOUR_MS;
}

/* The slot of the hour, after those that have passed since the last one. */
static struct slot *slot_at(struct account *a, uint64_t hour)
{
	uint64_t first = a->hour + 1;

	/* More than there are would only be emptied twice. */
	if (hour >= USAGE_HOURS && first < hour - USAGE_HOURS + 1)
		first = hour - USAGE_HOURS + 1;
	for (uint64_t h = first; h <= hour; h++)
		a->slots[h % USAGE_HOURS] = (struct slot){ .peak = a->living };
	if (hour > a->hour)
		a->hour = hour;
	return &a->slots[a->hour % USAGE_HOURS];
}

/* --- users ----------------------------------------------------------------- */

static struct account *account_at(struct usage *u, uint32_t index)
{
	return index == OTHERS ? &u->others : pool_at(&u->accounts, index);
}

static uint32_t hash_of(const struct usage *u, uint8_t realm, struct bytes name)
{
	return (uint32_t)hash_bytes(&u->key, name) + realm;
}

static uint32_t find(const struct usage *u, uint8_t realm, struct bytes name)
{
	uint32_t i = map_first(&u->by_name, hash_of(u, realm, name));

	for (; i != POOL_NONE; i = map_next(&u->by_name, i)) {
		const struct account *a = pool_at(&u->accounts, i);

		if (a->realm == realm &&
		    bytes_equal(bytes_of(a->name, a->name_bytes), name))
			break;
	}
	return i;
}

/* Gives up some of the places whose users have had nothing for a day. */
static void sweep(struct usage *u, uint64_t hour)
{
	for (unsigned n = 0; n < SWEEP; n++) {
		uint32_t i = u->hand++ % u->accounts.touched;
		const struct account *a;

		if (!pool_is_taken(&u->accounts, i))
			continue;
		a = pool_at(&u->accounts, i);
		if (a->living || a->hour + USAGE_HOURS > hour)
			continue;
		map_remove(&u->by_name, i);
		pool_give(&u->accounts, i);
	}
}

static uint32_t take(struct usage *u, uint64_t hour)
{
	uint32_t i = pool_take(&u->accounts);

	if (i != POOL_NONE)
		return i;
	sweep(u, hour);
	return pool_take(&u->accounts);
}

static uint32_t join(struct usage *u, uint64_t hour, uint8_t realm,
		     struct bytes name)
{
	uint32_t i = find(u, realm, name);
	struct account *a;

	if (i != POOL_NONE)
		return i;
	i = take(u, hour);
	if (i == POOL_NONE)
		return OTHERS;
	a = pool_at(&u->accounts, i);
	a->hour = hour;
	a->realm = realm;
	a->name_bytes = (uint16_t)name.len;
	if (name.len)
		memcpy(a->name, name.data, name.len);
	map_add(&u->by_name, i, hash_of(u, realm, name));
	return i;
}

/* --- sessions -------------------------------------------------------------- */

static struct entry *entry_at(struct usage *u, uint16_t worker,
			      struct ref allocation)
{
	assert(worker < u->workers && allocation.index < u->allocations);
	return &u->entries[(size_t)worker * u->allocations + allocation.index];
}

/* Adds what is new; an older look than the last one brings nothing. */
static void add_new(uint64_t *sum, uint64_t *counted, uint64_t now)
{
	if (now <= *counted)
		return;
	*sum += now - *counted;
	*counted = now;
}

static void count(struct usage *u, const struct now *now, struct entry *e,
		  const struct counters_relayed *all)
{
	struct slot *s = slot_at(account_at(u, e->account), hour_of(u, now));
	struct counters_relayed *sum = &s->relayed, *old = &e->counted;

	add_new(&sum->to_peer_packets, &old->to_peer_packets,
		all->to_peer_packets);
	add_new(&sum->to_peer_bytes, &old->to_peer_bytes, all->to_peer_bytes);
	add_new(&sum->to_client_packets, &old->to_client_packets,
		all->to_client_packets);
	add_new(&sum->to_client_bytes, &old->to_client_bytes,
		all->to_client_bytes);
}

void usage_began(struct usage *u, const struct now *now,
		 const struct turn_session *t)
{
	uint64_t hour = hour_of(u, now);
	struct account *a;
	struct slot *slot;
	struct entry *e;

	if (t->source == TURN_SOURCE_SELF_TEST)
		return;
	pthread_mutex_lock(&u->lock);
	e = entry_at(u, t->worker, t->allocation);
	*e = (struct entry){ .generation = t->allocation.generation };
	e->account = join(u, hour, t->realm, turn_session_account(t));
	a = account_at(u, e->account);
	slot = slot_at(a, hour);
	a->living++;
	slot->sessions++;
	if (slot->peak < a->living)
		slot->peak = a->living;
	pthread_mutex_unlock(&u->lock);
}

void usage_count(struct usage *u, const struct now *now,
		 const struct turn_session *t)
{
	const struct counters_relayed all = {
		.to_peer_packets = t->to_peer_packets,
		.to_peer_bytes = t->to_peer_bytes,
		.to_client_packets = t->to_client_packets,
		.to_client_bytes = t->to_client_bytes,
	};
	struct entry *e;

	pthread_mutex_lock(&u->lock);
	e = entry_at(u, t->worker, t->allocation);
	if (e->generation == t->allocation.generation)
		count(u, now, e, &all);
	pthread_mutex_unlock(&u->lock);
}

void usage_ended(struct usage *u, const struct now *now, uint16_t worker,
		 struct ref allocation, const struct counters_relayed *relayed)
{
	struct entry *e;

	pthread_mutex_lock(&u->lock);
	e = entry_at(u, worker, allocation);
	if (e->generation == allocation.generation) {
		count(u, now, e, relayed);
		account_at(u, e->account)->living--;
		e->generation = 0;
	}
	pthread_mutex_unlock(&u->lock);
}

int usage_refresh(struct usage *u, const struct now *now,
		  struct worker *const *workers, uint16_t worker_count)
{
	struct turn_session *batch = malloc(BATCH * sizeof(*batch));

	if (!batch)
		return -ENOMEM;
	for (uint16_t i = 0; i < worker_count; i++) {
		uint32_t cursor = 0;
		unsigned n;

		while ((n = worker_sessions(workers[i], &cursor, batch,
					    BATCH)) > 0)
			for (unsigned j = 0; j < n; j++)
				usage_count(u, now, &batch[j]);
	}
	free(batch);
	return 0;
}

/* --- what is told ---------------------------------------------------------- */

static void add(struct counters_relayed *sum, const struct counters_relayed *r)
{
	sum->to_peer_packets += r->to_peer_packets;
	sum->to_peer_bytes += r->to_peer_bytes;
	sum->to_client_packets += r->to_client_packets;
	sum->to_client_bytes += r->to_client_bytes;
}

/* The slots that are not too old; the others are as good as empty. */
static void add_slots(const struct account *a, uint64_t hour,
		      struct usage_record *out)
{
	for (uint64_t i = 0; i < USAGE_HOURS && i <= a->hour; i++) {
		const struct slot *s = &a->slots[(a->hour - i) % USAGE_HOURS];

		if (a->hour - i + USAGE_HOURS <= hour)
			break;
		out->sessions += s->sessions;
		if (out->peak < s->peak)
			out->peak = s->peak;
		add(&out->relayed, &s->relayed);
	}
}

/* Sums the user up; false if there is nothing to say. */
static bool sum_up(const struct account *a, uint64_t hour,
		   struct usage_record *out)
{
	out->realm = a->realm;
	out->is_others = false;
	out->living = a->living;
	out->sessions = 0;
	out->peak = a->living;
	out->relayed = (struct counters_relayed){ 0, 0, 0, 0 };
	out->account_bytes = a->name_bytes;
	memcpy(out->account, a->name, a->name_bytes);
	add_slots(a, hour, out);
	return out->peak || out->sessions || out->relayed.to_peer_packets ||
	       out->relayed.to_client_packets;
}

unsigned usage_copy(struct usage *u, const struct now *now, uint32_t *cursor,
		    struct usage_record *out, unsigned max)
{
	uint64_t hour = hour_of(u, now);
	unsigned n = 0;

	pthread_mutex_lock(&u->lock);
	for (; *cursor < u->accounts.touched && n < max; (*cursor)++)
		if (pool_is_taken(&u->accounts, *cursor) &&
		    sum_up(pool_at(&u->accounts, *cursor), hour, &out[n]))
			n++;
	if (*cursor >= u->accounts.touched && *cursor != USAGE_END && n < max) {
		*cursor = USAGE_END;
		if (sum_up(&u->others, hour, &out[n]))
			out[n++].is_others = true;
	}
	pthread_mutex_unlock(&u->lock);
	return n;
}

int64_t usage_since_wall_s(const struct usage *u, const struct now *now)
{
	uint64_t hour = hour_of(u, now), since_ms = u->began_ms;

	if (hour >= USAGE_HOURS)
		since_ms += (hour - USAGE_HOURS + 1) * HOUR_MS;
	if (since_ms > now->mono_ms)
		since_ms = now->mono_ms;
	return now->wall_s - (int64_t)((now->mono_ms - since_ms) / 1000);
}
