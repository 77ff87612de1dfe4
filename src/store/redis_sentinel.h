/*
 * Asking a Sentinel which server is the master now.
 *
 * One question, one answer, and the connection is closed again. Whether the
 * server named believes to be a master is for the asker to check (ROLE).
 */
#ifndef TURNPIKE_STORE_REDIS_SENTINEL_H
#define TURNPIKE_STORE_REDIS_SENTINEL_H

#include "store/redis_connection.h"

struct redis_sentinel_hooks {
	void (*found)(void *owner, const struct redis_endpoint *master);
	void (*failed)(void *owner, const char *why);
};

struct redis_sentinel {
	const struct redis_sentinel_hooks *hooks;
	void *owner;
	struct redis_connection connection;
};

/* In zeroed storage; all that is given is borrowed. */
void redis_sentinel_init(struct redis_sentinel *s, struct redis_loop *loop,
			 const struct redis_sentinel_hooks *hooks, void *owner);
void redis_sentinel_fini(struct redis_sentinel *s);

/* Asks the one at `endpoint`; one of the hooks is called later. */
void redis_sentinel_ask(struct redis_sentinel *s,
			const struct redis_endpoint *endpoint);

/* To be called often: ends what takes too long. */
void redis_sentinel_tick(struct redis_sentinel *s, uint64_t now_ms);

#endif
