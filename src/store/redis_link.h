/*
 * The way to the server in charge: endpoints in turn, Sentinel, reconnects.
 *
 * A lost connection is made anew at once, from the first endpoint on; after a
 * round in which no endpoint would do there is a pause, which grows, with
 * jitter, to LINK_PAUSE_MAX_MS: a server that is back is found within a second.
 * One that takes connections and closes them at once is no better than none.
 */
#ifndef TURNPIKE_STORE_REDIS_LINK_H
#define TURNPIKE_STORE_REDIS_LINK_H

#include "store/redis_sentinel.h"

#define LINK_PAUSE_MIN_MS 50
#define LINK_PAUSE_MAX_MS 640
/* A connection that has lasted so long was not made in vain. */
#define LINK_STEADY_MS 1000
/* So often it is looked whether the server lives and is what it was. */
#define LINK_ASK_MS 1000

struct redis_link_hooks {
	void (*up)(void *owner);
	/* It was up; what was in flight is lost. */
	void (*lost)(void *owner);
	/* No endpoint would do; there is a pause now. */
	void (*failed)(void *owner);
	/* The number of keys has fallen to less than half. */
	void (*emptied)(void *owner);
};

struct redis_link {
	struct redis_loop *loop;
	const struct redis_link_hooks *hooks;
	void *owner;
	enum redis_state state;
	uint8_t endpoint;   /* being tried; the Sentinel's, if there is one */
	uint32_t failures;  /* rounds since it was up */
	uint32_t brief_ups; /* in a row that ended at once */
	uint64_t retry_ms;  /* when the pause ends */
	uint64_t since_ms;  /* up or not up */
	uint64_t asked_ms;  /* the last look */
	uint64_t connects;
	bool has_size;  /* we may ask for it */
	long long keys; /* in the database, when last asked; -1: not asked */
	struct redis_gate unreachable;
	struct redis_gate connected;
	struct redis_endpoint server; /* in use or last tried */
	struct redis_sentinel sentinel;
	struct redis_connection connection;
	struct redis_key probe;
};

/* In zeroed storage; all that is given is borrowed. */
void redis_link_init(struct redis_link *l, struct redis_loop *loop,
		     const struct redis_link_hooks *hooks, void *owner);
void redis_link_fini(struct redis_link *l);

/* Begins to connect. */
void redis_link_start(struct redis_link *l);

/* Closes what is open; calls nobody. */
void redis_link_stop(struct redis_link *l);

/* Gives the server up, for a reason to be logged, and looks for one anew. */
void redis_link_leave(struct redis_link *l, const char *why);

/* To be called often. */
void redis_link_tick(struct redis_link *l, uint64_t now_ms);

#endif
