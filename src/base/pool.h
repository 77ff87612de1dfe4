/*
 * Fixed-size records, addressed by index and generation.
 *
 * A pool is address space reserved at start; a page costs memory when the
 * first record on it is taken. Records are handed out lowest unused index
 * first and given back to a free list, so a pool that was never filled never
 * touches its upper part. Records refer to each other by index, never by
 * pointer, so that a pool can later live in a memory file that another
 * process takes over. A record's generation changes each time it is given
 * back; a `struct ref` from before then no longer resolves.
 *
 * Not thread-safe: a pool belongs to one worker.
 */
#ifndef TURNPIKE_BASE_POOL_H
#define TURNPIKE_BASE_POOL_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* No record. */
#define POOL_NONE UINT32_MAX

struct ref {
	uint32_t index;
	uint32_t generation;
};

struct pool {
	uint8_t *base;
	size_t stride;       /* bytes from one record to the next */
	size_t mapped_bytes; /* reserved address space */
	uint32_t capacity;   /* records */
	uint32_t used;       /* records taken and not given back */
	uint32_t touched;    /* records ever taken: the bump index */
	uint32_t free_head;  /* index of the last record given back */
	bool secret;
};

/*
 * Reserves room for `capacity` records of `record_bytes` each. With `secret`
 * the pages are kept out of core dumps and a record is wiped when it is given
 * back. Records are aligned to 8 bytes. Returns 0, or -ENOMEM with nothing
 * reserved. A capacity of 0 is a pool that is always full.
 */
int pool_init(struct pool *p, size_t record_bytes, uint32_t capacity,
	      bool secret);

/* Releases the address space (wiping it if secret). Safe on a zeroed pool. */
void pool_fini(struct pool *p);

/* Takes a record, zeroed. Returns its index, or POOL_NONE if all are taken. */
uint32_t pool_take(struct pool *p);

/* Gives a taken record back; giving one back twice is an assertion. */
void pool_give(struct pool *p, uint32_t index);

/* In front of each record; the callers' business only by way of the inlines
 * below. */
struct pool_slot {
	uint32_t generation; /* 0: never taken */
	uint32_t next;       /* next free record, or POOL_TAKEN */
};

#define POOL_TAKEN (UINT32_MAX - 1)

static inline struct pool_slot *pool_slot(const struct pool *p, uint32_t index)
{
	return (struct pool_slot *)(void *)(p->base + index * p->stride);
}

/* Whether `index` is a record taken now. */
static inline bool pool_is_taken(const struct pool *p, uint32_t index)
{
	return index < p->touched && pool_slot(p, index)->next == POOL_TAKEN;
}

/* The record at an index that is taken; anything else is an assertion. */
static inline void *pool_at(const struct pool *p, uint32_t index)
{
	assert(pool_is_taken(p, index));
	return pool_slot(p, index) + 1;
}

/*
 * A reference to a taken record that stops resolving once it is given back.
 * Its generation is never 0, so a zeroed reference resolves to nothing.
 */
struct ref pool_ref(const struct pool *p, uint32_t index);

/* The record that `ref` meant, or NULL if it has been given back since. */
static inline void *pool_get(const struct pool *p, struct ref ref)
{
	struct pool_slot *slot;

	if (!pool_is_taken(p, ref.index))
		return NULL;
	slot = pool_slot(p, ref.index);
	return slot->generation == ref.generation ? slot + 1 : NULL;
}

#endif
