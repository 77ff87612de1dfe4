/*
 * What all workers of a process share, and nothing else: the port map, the
 * counters of users, sources and realms, the buckets of bandwidth, the budget
 * for replies, the throttle of passwords and the gate before the log. Fixed
 * arrays of atomics, handed to each core by pointer. The data path writes to
 * the buckets of bandwidth alone, once for many datagrams; all else is written
 * on control messages only.
 */
#ifndef TURNPIKE_TURN_SHARED_H
#define TURNPIKE_TURN_SHARED_H

#include "turn/config.h"
#include "turn/log_gate.h"
#include "turn/ports.h"
#include "turn/quota.h"
#include "turn/reply_budget.h"
#include "turn/shared_rates.h"
#include "turn/throttle.h"

struct turn_shared {
	struct ports ports;
	struct quota quota;   /* by user, and in total */
	struct quota sources; /* by address, where a limit holds for it */
	_Atomic uint32_t realms[TURN_REALMS_MAX]; /* allocations of each */
	struct reply_budget reply_budget;
	struct shared_rates rates;
	struct throttle throttle;
	struct log_gate gate;
};

/*
 * Makes the shared arrays for that configuration; `key` is this start's hash
 * key. Returns 0, or -ENOMEM with nothing held.
 */
int turn_shared_init(struct turn_shared *shared,
		     const struct turn_config *config,
		     const struct hash_key *key);

/* Releases them, once no server uses them any more. */
void turn_shared_fini(struct turn_shared *shared);

#endif
