/*
 * What Redis has said of users lately: a bounded table of one worker, without
 * I/O or clock.
 *
 * An entry is fresh for a while, and then a reserve for when Redis cannot be
 * asked. The least recently used give way; names that nobody has can take up
 * a small part only, so that a flood of them pushes no user out.
 */
#ifndef TURNPIKE_STORE_REDIS_CACHE_H
#define TURNPIKE_STORE_REDIS_CACHE_H

#include "base/hash.h"
#include "base/map.h"
#include "store/redis_store.h"
#include "store/store.h"

struct redis_cache {
	struct hash_key key;
	struct pool pool;
	struct map by_name;
	uint32_t epoch; /* what is of another one is to be asked again */
	uint32_t hand;  /* where to look next for what gives way */
	/* The last names that nobody has, in a ring. */
	struct ref *unknown;
	uint32_t unknown_max;
	uint32_t unknown_next;
	/* What a query is compared with that nothing matches. */
	uint8_t nobodys_name[STUN_USERNAME_MAX_BYTES];
};

/* How long what was said is good, in seconds since it was. */
struct redis_cache_times {
	uint32_t ttl_s;          /* for a user */
	uint32_t negative_ttl_s; /* for a name that nobody has */
	uint32_t stale_s;        /* for a user, while Redis is away */
};

enum redis_cache_use {
	REDIS_CACHE_NONE,
	REDIS_CACHE_FRESH,
	REDIS_CACHE_STALE, /* a user, to be used only while Redis is away */
};

/*
 * An empty cache for at least `entries` (1 or more) users and an eighth of
 * that of unknown names. Returns 0, or -ENOMEM with nothing held.
 */
int redis_cache_init(struct redis_cache *c, uint32_t entries,
		     const struct hash_key *key);

/* Wipes and frees; safe on a zeroed cache. */
void redis_cache_fini(struct redis_cache *c);

/*
 * Keeps what was said of a name of 1 to STUN_USERNAME_MAX_BYTES bytes, and
 * says it as a source does. TURN_LOOKUP_UNAVAILABLE is nothing to keep.
 */
void redis_cache_put(struct redis_cache *c, uint64_t now_ms, uint8_t realm,
		     struct bytes name, const struct redis_answer *said,
		     struct store_answer *answer);

/*
 * Says who the user is, as far as is known; unless REDIS_CACHE_NONE is
 * returned, the answer is one. The steps are the same for any entry and for
 * none.
 */
enum redis_cache_use redis_cache_find(struct redis_cache *c, uint64_t now_ms,
				      const struct redis_cache_times *times,
				      uint8_t realm, struct bytes name,
				      struct store_answer *answer);

/* Forgets a user. */
void redis_cache_remove(struct redis_cache *c, uint8_t realm,
			struct bytes name);

/* From now on nothing is fresh any more, but still a reserve. */
void redis_cache_age(struct redis_cache *c);

/* Forgets all. */
void redis_cache_clear(struct redis_cache *c);

#endif
