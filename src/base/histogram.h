/*
 * How long something took, counted in buckets: written by one thread, read by
 * any (base/counter.h).
 *
 * The buckets are the same for all: what is measured here takes from some
 * microseconds, a lookup in memory, to seconds, a store that is away.
 */
#ifndef TURNPIKE_BASE_HISTOGRAM_H
#define TURNPIKE_BASE_HISTOGRAM_H

#include "base/counter.h"

#define HISTOGRAM_BOUNDS 15

/*
 * The upper bounds in nanoseconds, each included in its bucket; one more
 * bucket holds what is longer.
 */
extern const uint64_t histogram_bounds_ns[HISTOGRAM_BOUNDS];

struct histogram {
	_Atomic uint64_t buckets[HISTOGRAM_BOUNDS + 1]; /* not cumulated */
	_Atomic uint64_t sum_ns;
};

/* Counts one that took so long. */
void histogram_add(struct histogram *h, uint64_t took_ns);

/* How many were counted. */
uint64_t histogram_count(const struct histogram *h);

#endif
