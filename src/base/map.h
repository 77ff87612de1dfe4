/*
 * A hash index over records of a pool, chained through the records.
 *
 * The map stores no keys: it knows each record's hash and the chain, both in
 * a `struct map_link` inside the record, and the caller compares keys where
 * its type is known:
 *
 *	for (i = map_first(m, hash); i != POOL_NONE; i = map_next(m, i))
 *		if (same_key(pool_at(pool, i), key))
 *			return i;
 *
 * It grows one bucket per added record (linear hashing), so there is no pause
 * to rehash and an index over few records touches little memory, whatever the
 * pool's capacity. Index-addressed and pointer-free like the pool.
 */
#ifndef TURNPIKE_BASE_MAP_H
#define TURNPIKE_BASE_MAP_H

#include "base/pool.h"

struct map_link {
	uint32_t hash;
	uint32_t next; /* of the same bucket, index + 1 */
};

struct map {
	const struct pool *pool;
	size_t link_offset; /* of the struct map_link within a record */
	uint32_t *heads;    /* first record of each bucket, index + 1 */
	size_t mapped_bytes;
	uint32_t buckets;  /* in use */
	uint32_t low_mask; /* of the round that is being split */
	uint32_t count;
};

/*
 * An empty index over records of `pool`, whose link is `link_offset` bytes
 * into the record. The pool must outlive the map. Returns 0 or -ENOMEM.
 */
int map_init(struct map *m, const struct pool *pool, size_t link_offset);

/* Releases the index; the records are untouched. Safe on a zeroed map. */
void map_fini(struct map *m);

/* Adds the record under `hash`. The caller makes sure its key is new. */
void map_add(struct map *m, uint32_t index, uint32_t hash);

/* Takes the record out; it must be in. */
void map_remove(struct map *m, uint32_t index);

static inline struct map_link *map_link(const struct map *m, uint32_t index)
{
	uint8_t *record = pool_at(m->pool, index);

	return (struct map_link *)(void *)(record + m->link_offset);
}

static inline uint32_t map_bucket(const struct map *m, uint32_t hash)
{
	uint32_t bucket = hash & (m->low_mask << 1 | 1);

	/* Not split yet in this round: still together with its lower half. */
	return bucket < m->buckets ? bucket : hash & m->low_mask;
}

/* The first record with this hash from `link` (index + 1) on. */
static inline uint32_t map_scan(const struct map *m, uint32_t link,
				uint32_t hash)
{
	while (link != 0) {
		const struct map_link *l = map_link(m, link - 1);

		if (l->hash == hash)
			return link - 1;
		link = l->next;
	}
	return POOL_NONE;
}

/* The first record added under exactly this hash, or POOL_NONE. */
static inline uint32_t map_first(const struct map *m, uint32_t hash)
{
	return map_scan(m, m->heads[map_bucket(m, hash)], hash);
}

/* The next record after `index` under the same hash, or POOL_NONE. */
static inline uint32_t map_next(const struct map *m, uint32_t index)
{
	const struct map_link *l = map_link(m, index);

	return map_scan(m, l->next, l->hash);
}

#endif
