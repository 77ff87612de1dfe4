/*
 * The buckets that all workers draw bandwidth from: one for each user and one
 * for the whole process, each way. Atomics in fixed arrays; rates.h is each
 * worker's side.
 *
 * A user's bucket stands beside its slot in the quota (quota_slot()), where it
 * has one while something is charged to it. The bucket remembers whose it was,
 * so a user that leaves and comes back finds it as empty as it left it. Only
 * where another user had the slot meanwhile does it begin with a full burst.
 */
#ifndef TURNPIKE_TURN_SHARED_RATES_H
#define TURNPIKE_TURN_SHARED_RATES_H

#include <stddef.h>

#include "turn/bucket.h"

/* The two directions of a session, each with its own buckets. */
enum rate_way {
	RATE_TO_PEER,
	RATE_TO_CLIENT,
	RATE_WAYS,
};

/* On a cache line of its own: several threads write to it. */
struct shared_rate {
	_Alignas(64) _Atomic uint64_t owner; /* quota_user(); 0: nobody yet */
	/* The user's own rate in bytes per second; 0: the configured one. */
	_Atomic uint64_t own;
	_Atomic uint64_t used[RATE_WAYS];
};

struct shared_rates {
	struct shared_rate *users; /* one for each slot of the quota */
	struct shared_rate *total;
	size_t mapped_bytes;
};

/* Buckets for so many slots. Returns 0, or -ENOMEM with nothing held. */
int shared_rates_init(struct shared_rates *r, uint32_t slots);
void shared_rates_fini(struct shared_rates *r);

/*
 * The slot is that user's from now on, or still. `own` is its own rate as its
 * credential source said last, which holds for all of its sessions at once.
 */
void shared_rates_claim(struct shared_rates *r, uint32_t slot, uint64_t user,
			uint64_t own);

#endif
