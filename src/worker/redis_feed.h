/*
 * The Redis store's place in the process: its thread, and what it has for the
 * main thread. Without redis.url there is none, and nothing is done.
 */
#ifndef TURNPIKE_WORKER_REDIS_FEED_H
#define TURNPIKE_WORKER_REDIS_FEED_H

#include "worker/service_state.h"

/*
 * Makes the store, before the workers that ask it; starts its thread, once
 * they run. Both return false after start_failed().
 */
bool redis_feed_make(struct service *s);
bool redis_feed_start(struct service *s);

/* `redis_fd` can be read: takes over the options of realms. */
void redis_feed_read(struct service *s);

/* Ends the thread if it runs; the answers it owes are lost. */
void redis_feed_stop(struct service *s);

/* Frees the store, once no worker runs. */
void redis_feed_free(struct service *s);

#endif
