/*
 * Questions about users on their way to Redis and back.
 *
 * Questions for one user are joined to one query, a pipelined pair of
 * commands that is alike for every user. A query that is hit by a change while
 * it is under way is asked again before anybody is answered. Each ends in
 * time: with what Redis said, or as unavailable.
 */
#ifndef TURNPIKE_STORE_REDIS_QUERIES_H
#define TURNPIKE_STORE_REDIS_QUERIES_H

#include "store/redis_link.h"
#include "store/redis_readers.h"

#define REDIS_QUERIES_MAX 1024
#define REDIS_WAITERS_MAX 16384

struct redis_queries;

struct redis_queries_counters {
	uint64_t questions;
	uint64_t queries; /* repeated ones included */
	uint64_t unavailable;
	uint64_t answers_dropped;
	uint64_t unusable;
};

/* All that is given is borrowed. Returns 0 or a negative errno. */
int redis_queries_new(struct redis_queries **out, struct redis_loop *loop,
		      struct redis_link *link, struct redis_readers *readers);

/* Wipes and frees; NULL is allowed. */
void redis_queries_free(struct redis_queries *q);

/*
 * Takes a question. Returns false if there is no room for it now; there will
 * be when some query has ended.
 */
bool redis_queries_ask(struct redis_queries *q, uint16_t reader,
		       const struct redis_question *question);

/* This user has changed; or all of them may have. */
void redis_queries_changed(struct redis_queries *q, uint8_t realm,
			   struct bytes name);
void redis_queries_changed_all(struct redis_queries *q);

/* The link is up: sends what waits. It is lost: what was sent waits again. */
void redis_queries_up(struct redis_queries *q);
void redis_queries_lost(struct redis_queries *q);

/* Answers all that wait as unavailable. */
void redis_queries_fail(struct redis_queries *q);

/* To be called often: ends what has waited too long. */
void redis_queries_tick(struct redis_queries *q, uint64_t now_ms);

/* What has been counted so far. */
const struct redis_queries_counters *
redis_queries_counters(const struct redis_queries *q);

#endif
