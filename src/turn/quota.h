/*
 * How many allocations there are, in total and per user, across all workers.
 *
 * Fixed arrays of atomics without locks. Users are known here by 48 bits of a
 * hash under a key of the process (quota_user); users whose identities collide
 * share a limit, which one process in 500 would see among a million users at a
 * time. A slot exists only while its user has something charged. A charge
 * belongs to one object (an allocation or a reservation) for the object's
 * whole life.
 */
#ifndef TURNPIKE_TURN_QUOTA_H
#define TURNPIKE_TURN_QUOTA_H

#include <stdatomic.h>

#include "base/bytes.h"
#include "base/hash.h"

struct quota {
	_Atomic uint32_t total_max;
	uint32_t total_sized; /* what there is room for */
	_Atomic uint32_t total;
	uint32_t mask;           /* slots - 1 */
	_Atomic uint64_t *slots; /* user << 16 | count */
	size_t mapped_bytes;
	struct hash_key key;
};

enum quota_result {
	QUOTA_OK,
	QUOTA_USER_FULL,  /* 486: the user's limit */
	QUOTA_TOTAL_FULL, /* 508: the process's limit */
};

/*
 * Counters for at most `total_max` charges (1..65535 x 16) at a time. Returns
 * 0 or -ENOMEM.
 */
int quota_init(struct quota *q, uint32_t total_max, const struct hash_key *key);
void quota_fini(struct quota *q);

/*
 * Changes the limit of all charges, to at most what quota_init() was told.
 * What is charged already stays.
 */
void quota_set_total(struct quota *q, uint32_t total_max);

/* The identity of a user of a realm, of 48 bits; never 0. */
uint64_t quota_user(const struct quota *q, struct bytes realm,
		    struct bytes name);

/*
 * Charges one object to the user, unless the process already has `total_max`
 * or the user `user_max` (0: no limit but 65535, more than there are ports);
 * if both, QUOTA_TOTAL_FULL. Nothing is charged if refused. Two workers
 * charging at the same time never exceed a limit together; while one is being
 * refused for its user, the other may be told that the total is full.
 */
enum quota_result quota_take(struct quota *q, uint64_t user, uint32_t user_max);

/* Returns one charge. Returning what was not charged is an assertion. */
void quota_give(struct quota *q, uint64_t user);

/*
 * Where the user is counted, for arrays beside the counters of quota_slots()
 * items: the same place for all workers while the user has something charged;
 * without that it is an assertion.
 */
uint32_t quota_slots(const struct quota *q);
uint32_t quota_slot(const struct quota *q, uint64_t user);

/* What the user has charged now. */
uint32_t quota_of(const struct quota *q, uint64_t user);

#endif
