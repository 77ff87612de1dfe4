/*
 * Users kept in Redis, as one worker sees them: its cache before the thread
 * that asks Redis.
 */
#ifndef TURNPIKE_STORE_REDIS_USERS_H
#define TURNPIKE_STORE_REDIS_USERS_H

#include "base/counter.h"
#include "store/redis_cache.h"

/* What became of questions about users; second looks do not count. */
struct redis_users_counters {
	_Atomic uint64_t hits;   /* answered from the cache */
	_Atomic uint64_t stale;  /* the same, but only since Redis is away */
	_Atomic uint64_t misses; /* asked of the store's thread, or refused */
};

struct redis_users {
	struct redis_cache cache;
	struct redis_users_counters counters;
	struct redis_cache_times times;
	struct redis_store *store; /* borrowed; NULL: there is none */
	uint16_t reader;           /* the worker's number */
};

/*
 * `self` is a struct redis_users. Answers at once from the cache, else later
 * by a REDIS_EVENT_ANSWER. What is stale is used while Redis is away. A user
 * who can neither be asked for nor is cached is unavailable.
 */
extern const struct store_source redis_users_source;

/*
 * Takes in the answer to a question and says what it means. If Redis could not
 * answer, and it is no recheck, what is cached is the answer.
 */
void redis_users_answered(struct redis_users *r, const struct now *now,
			  const struct redis_event *event,
			  struct store_answer *answer);

#endif
