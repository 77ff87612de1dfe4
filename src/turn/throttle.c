#include "turn/throttle.h"

#include <errno.h>
#include <sys/mman.h>

#define TABLE_BYTES (THROTTLE_ROWS * THROTTLE_PLACES * sizeof(uint64_t))

_Static_assert((THROTTLE_PLACES & (THROTTLE_PLACES - 1)) == 0,
	       "rows are taken from the bits of one hash");

/* A bucket: `burst` failures, and one more each `refill_ms`. */
struct limit {
	uint64_t burst;
	uint64_t refill_ms;
};

static const struct limit of_name = { THROTTLE_NAME_BURST, THROTTLE_NAME_MS };
static const struct limit of_source = { THROTTLE_SOURCE_BURST,
					THROTTLE_SOURCE_MS };

/* What buckets are for; part of what is hashed. */
enum subject { PROVEN_NAME, PROVEN_SOURCE, OTHER_NAME, OTHER_SOURCE };

int throttle_init(struct throttle *t, const struct hash_key *key)
{
	void *table = mmap(NULL, TABLE_BYTES, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (table == MAP_FAILED)
		return -ENOMEM;
	*t = (struct throttle){ .key = *key, .full_ms = table };
	return 0;
}

void throttle_fini(struct throttle *t)
{
	if (t->full_ms)
		munmap((void *)t->full_ms, TABLE_BYTES);
	t->full_ms = NULL;
}

/* The places of a bucket, one in each row. */
struct bucket {
	_Atomic uint64_t *full_ms[THROTTLE_ROWS];
};

static struct bucket find(const struct throttle *t, const struct addr *source,
			  enum subject subject, struct bytes user)
{
	/* The port does not matter: its place tells the subjects apart. */
	struct addr from = addr_with_port(source, (uint16_t)subject);
	struct hash_key key = t->key;
	struct bucket b;
	uint64_t hash;

	if (from.family == ADDR_IPV6)
		memset(from.ip + 8, 0, 8);
	key.k0 ^= hash_bytes(&t->key, bytes_of(&from, sizeof(from)));
	hash = hash_bytes(&key, user);
	for (unsigned int i = 0; i < THROTTLE_ROWS; i++) {
		b.full_ms[i] = &t->full_ms[i * THROTTLE_PLACES +
					   hash % THROTTLE_PLACES];
		hash /= THROTTLE_PLACES;
	}
	return b;
}

static bool is_empty(const struct bucket *b, const struct limit *limit,
		     uint64_t now_ms)
{
	uint64_t last_ms = now_ms + (limit->burst - 1) * limit->refill_ms;

	for (unsigned int i = 0; i < THROTTLE_ROWS; i++)
		if (atomic_load(b->full_ms[i]) <= last_ms)
			return false;
	return true;
}

/*
 * What is taken from an empty bucket is owed, up to a burst: what was in hand
 * already when it became empty does not come for free, and nobody is shut out
 * for longer than that takes.
 */
static void take(const struct bucket *b, const struct limit *limit,
		 uint64_t now_ms)
{
	uint64_t most_ms = now_ms + 2 * limit->burst * limit->refill_ms;

	for (unsigned int i = 0; i < THROTTLE_ROWS; i++) {
		uint64_t full_ms = atomic_load(b->full_ms[i]), after;

		do {
			after = full_ms > now_ms ? full_ms : now_ms;
			after += limit->refill_ms;
			if (after > most_ms)
				after = most_ms;
			if (after <= full_ms)
				break;
		} while (!atomic_compare_exchange_weak(b->full_ms[i], &full_ms,
						       after));
	}
}

static struct bucket name_bucket(const struct throttle *t,
				 const struct addr *source, struct bytes user,
				 bool proven)
{
	return find(t, source, proven ? PROVEN_NAME : OTHER_NAME, user);
}

static struct bucket source_bucket(const struct throttle *t,
				   const struct addr *source, bool proven)
{
	return find(t, source, proven ? PROVEN_SOURCE : OTHER_SOURCE,
		    bytes_of(NULL, 0));
}

bool throttle_is_shut(const struct throttle *t, const struct addr *source,
		      struct bytes user, bool proven, uint64_t now_ms)
{
	struct bucket name = name_bucket(t, source, user, proven);
	struct bucket all = source_bucket(t, source, proven);

	return is_empty(&name, &of_name, now_ms) ||
	       is_empty(&all, &of_source, now_ms);
}

void throttle_failed(struct throttle *t, const struct addr *source,
		     struct bytes user, bool proven, uint64_t now_ms)
{
	struct bucket name = name_bucket(t, source, user, proven);
	struct bucket all = source_bucket(t, source, proven);

	take(&name, &of_name, now_ms);
	take(&all, &of_source, now_ms);
}
