/*
 * The last refusals of the process, for the operator who asks why.
 *
 * Every worker puts in what its core refused; whoever answers the operator
 * copies them out. A fixed number is kept and the oldest goes first, so a
 * client that is refused all day costs no more than one that was refused once.
 */
#ifndef TURNPIKE_WORKER_REFUSALS_H
#define TURNPIKE_WORKER_REFUSALS_H

#include "turn/refusal.h"

/* How many are kept. */
#define REFUSALS_MAX 1024

struct refusals;

/* None yet. Returns NULL without memory. */
struct refusals *refusals_new(void);

/* Frees; NULL is allowed. */
void refusals_free(struct refusals *r);

/* Puts a copy in, from any thread. */
void refusals_put(struct refusals *r, const struct refusal *refusal);

/*
 * Copies at most `max` out, the latest first, from any thread. Returns how
 * many; `*total`, if not NULL, is how many there have ever been.
 */
unsigned refusals_copy(struct refusals *r, struct refusal *out, unsigned max,
		       uint64_t *total);

#endif
