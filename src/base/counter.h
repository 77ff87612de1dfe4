/*
 * A count that one thread writes and any thread reads.
 *
 * A reader sees whole numbers, perhaps a little old; two counters that are
 * read one after the other need not fit together.
 */
#ifndef TURNPIKE_BASE_COUNTER_H
#define TURNPIKE_BASE_COUNTER_H

#include <stdatomic.h>
#include <stdint.h>

/* Adds to what only this thread writes: no locked instruction. */
static inline void counter_add(_Atomic uint64_t *c, uint64_t n)
{
	uint64_t old = atomic_load_explicit(c, memory_order_relaxed);

	atomic_store_explicit(c, old + n, memory_order_relaxed);
}

static inline uint64_t counter_get(const _Atomic uint64_t *c)
{
	return atomic_load_explicit(c, memory_order_relaxed);
}

#endif
