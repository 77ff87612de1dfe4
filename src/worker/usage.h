/*
 * Usage: who has used the server how much, hour by hour of about a day.
 *
 * A user here is who limits are counted for: the account of a time-limited
 * name, in its realm. A session counts as begun in the hour in which it began.
 * What it relays counts in the hour in which it is looked at, by
 * usage_refresh() or by its end, each byte once: a session that nobody looks
 * at counts whole when it ends. Sessions of self-tests are not counted.
 *
 * The hours begin with the process and are of the clock that no one sets; the
 * last USAGE_HOURS are kept, the one in progress among them. There is room for
 * so many users; whoever else comes meanwhile counts as one, the others. All
 * of it is lost with the process.
 *
 * May be used by any thread. No packet passes here: workers come with the
 * beginning and the end of a session.
 */
#ifndef TURNPIKE_WORKER_USAGE_H
#define TURNPIKE_WORKER_USAGE_H

#include "base/hash.h"
#include "turn/session.h"

#define USAGE_USERS_MAX 2048
#define USAGE_HOURS 24

/* usage_copy() has copied all. */
#define USAGE_END UINT32_MAX

struct usage;
struct worker;

/* What is kept of a user, summed up. */
struct usage_record {
	uint8_t realm;
	bool is_others;    /* all who found no room, of all realms */
	uint32_t living;   /* sessions now */
	uint32_t sessions; /* begun */
	uint32_t peak;     /* living at a time */
	struct counters_relayed relayed;
	uint16_t account_bytes;
	uint8_t account[STUN_USERNAME_MAX_BYTES];
};

/* For so many workers with room for so many allocations each; or NULL. */
struct usage *usage_new(uint16_t workers, uint32_t allocations,
			const struct hash_key *key, const struct now *now);

/* NULL is allowed. */
void usage_free(struct usage *u);

/* A session has begun; `t` as it is then. */
void usage_began(struct usage *u, const struct now *now,
		 const struct turn_session *t);

/*
 * Counts what the session has relayed since it was counted last. If it has
 * ended meanwhile, all of it is counted already, and nothing happens.
 */
void usage_count(struct usage *u, const struct now *now,
		 const struct turn_session *t);

/* A session has ended, with so much relayed in all. */
void usage_ended(struct usage *u, const struct now *now, uint16_t worker,
		 struct ref allocation, const struct counters_relayed *relayed);

/*
 * Counts what all living sessions have relayed until now, by a walk over all
 * workers, which must be known; not to be called by one of them. Returns 0 or
 * -ENOMEM.
 */
int usage_refresh(struct usage *u, const struct now *now,
		  struct worker *const *workers, uint16_t count);

/*
 * Copies up to `max` records to `out` and returns how many; `*cursor` is 0 for
 * the first call, and USAGE_END when there are no more. Users of whom nothing
 * is left to say are left out. The others, if there are any, come last.
 */
unsigned usage_copy(struct usage *u, const struct now *now, uint32_t *cursor,
		    struct usage_record *out, unsigned max);

/* Since when what is copied has been counted, by the wall clock. */
int64_t usage_since_wall_s(const struct usage *u, const struct now *now);

#endif
