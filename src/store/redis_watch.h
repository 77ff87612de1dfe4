/*
 * Keeping the readers up to date: what has changed in Redis, and how that is
 * heard of.
 *
 * Changes come by keyspace notifications, by our channel, or are found by
 * reading again; readers are told of a user that changed, or of all. What a
 * realm has is read here too.
 */
#ifndef TURNPIKE_STORE_REDIS_WATCH_H
#define TURNPIKE_STORE_REDIS_WATCH_H

#include "store/redis_queries.h"
#include "store/redis_realms.h"
#include "store/redis_subscription.h"

struct redis_watch {
	struct redis_loop *loop;
	struct redis_link *link;
	struct redis_queries *queries;
	struct redis_readers *readers;
	struct redis_realms *realms;
	struct redis_subscription subscription;
	bool may_ask;  /* whether it notifies */
	bool notifies; /* says the server, of all that matters */
	bool is_mode_told;
	enum redis_mode told_mode;
	uint64_t reread_ms;
	uint64_t changes; /* told to the readers */
};

/* In zeroed storage; all that is given is borrowed. Returns 0 or -ENOMEM. */
int redis_watch_init(struct redis_watch *w, struct redis_loop *loop,
		     struct redis_link *link, struct redis_queries *queries,
		     struct redis_readers *readers);

/* Safe on zeroed storage. */
void redis_watch_fini(struct redis_watch *w);

/* The link is up, or lost. */
void redis_watch_up(struct redis_watch *w);
void redis_watch_lost(struct redis_watch *w);

/* Everything may have changed. */
void redis_watch_all(struct redis_watch *w);

/* To be called often. */
void redis_watch_tick(struct redis_watch *w, uint64_t now_ms);

enum redis_mode redis_watch_mode(const struct redis_watch *w);

#endif
