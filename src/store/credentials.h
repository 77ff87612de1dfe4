/*
 * Who may use the server: the credential sources of one worker, in order.
 *
 * The self-test's user, the configuration's users, the users file, the
 * time-limited credentials, Redis: the first that knows a user decides. All
 * but Redis answer within the call. What Redis answers is kept in a bounded
 * cache, which also serves known users while Redis is away.
 *
 * Belongs to one worker. What is configured is borrowed and never changed, so
 * that workers share it, and is replaced whole.
 */
#ifndef TURNPIKE_STORE_CREDENTIALS_H
#define TURNPIKE_STORE_CREDENTIALS_H

#include "store/static_users.h"
#include "store/store.h"
#include "store/time_limited.h"

struct redis_store;

/* Any of the pointers but `realms` may be NULL: there are none of those. */
struct credentials_config {
	const struct turn_realm *realms; /* by number */
	uint8_t realm_count;
	struct static_users *self_test;
	struct static_users *users;
	struct static_users *file_users;
	const struct secrets *secrets;
	struct redis_store *redis;
	/* How long what Redis has said of a user is good without asking. */
	uint32_t ttl_s;
	uint32_t negative_ttl_s; /* if it said that there is none */
	uint32_t stale_s;        /* while Redis is away, since it was said */
};

struct credentials;

/*
 * The credentials of worker number `worker`. The cache has `cache_entries` of
 * users, and an eighth of that for names that nobody has; `key` is this
 * start's hash key. Returns 0 or -ENOMEM.
 */
int credentials_new(struct credentials **out,
		    const struct credentials_config *config, uint16_t worker,
		    uint32_t cache_entries, const struct hash_key *key);

/* Wipes and frees; NULL is allowed. */
void credentials_free(struct credentials *c);

/*
 * Another configuration, for all that is asked from now on. With the same
 * Redis store and realms the cache is kept, else it is emptied.
 */
void credentials_configure(struct credentials *c,
			   const struct credentials_config *config);

/*
 * Asks who a user is. Returns true with the answer, whose name is valid until
 * the next call; or false if the answer comes with credentials_next(). A user
 * whom no other source knows, while Redis is away or has too many questions
 * and nothing fit for use is cached, is TURN_LOOKUP_UNAVAILABLE.
 *
 * For a user that exists and one that does not, and between sources that
 * answer at once, the work is the same. With `recheck` Redis is asked
 * whatever the cache says.
 */
bool credentials_look_up(struct credentials *c, const struct store_query *query,
			 struct store_answer *answer);

/*
 * What the cache before Redis has done, to be read from any thread
 * (store/redis_users.h).
 */
struct redis_users_counters;
const struct redis_users_counters *
credentials_cache(const struct credentials *c);

enum credentials_event_kind {
	/* The answer to a question, by its ticket. */
	CREDENTIALS_ANSWER,
	/* The answer to a recheck: who this user is now. Unavailable: nobody
	 * can say, so that nothing follows from it. */
	CREDENTIALS_RECHECK,
	/* This user may have changed: look again, if it has sessions. */
	CREDENTIALS_CHANGED,
	/* Any user may have changed, or a secret is no longer one. */
	CREDENTIALS_ALL_CHANGED,
};

struct credentials_event {
	enum credentials_event_kind kind;
	struct ref ticket;          /* ANSWER, RECHECK: of the query */
	uint8_t realm;              /* all but ALL_CHANGED */
	struct bytes name;          /* the same; valid until the next call */
	struct store_answer answer; /* ANSWER, RECHECK */
};

/*
 * For the worker's loop, when it was woken: takes in what Redis has told, and
 * returns true with the next thing that the worker should know, or false if
 * there is none. The caller wipes answers.
 */
bool credentials_next(struct credentials *c, const struct now *now,
		      struct credentials_event *out);

#endif
