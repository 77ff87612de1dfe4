/*
 * The main thread's events: signals, the machine's addresses, the status that
 * the service manager shows, its watchdog, and news from Redis.
 */
#ifndef TURNPIKE_WORKER_WATCH_H
#define TURNPIKE_WORKER_WATCH_H

#include "worker/service_state.h"

/* Watches for all of them in `base`. Returns false if memory is short. */
bool watch_start(struct service *s);

/* Stops watching, before `base` is freed. */
void watch_stop(struct service *s);

/*
 * Looks at the file of the public address, and puts in force what it says; to
 * be called when what is in force was read some time ago.
 */
void watch_advertise(struct service *s);

/* Something may linger from now on: looks after it until it can go. */
void watch_let_go(struct service *s);

/* Tells the service manager the status, if it has changed. */
void watch_tell_status(struct service *s);

/*
 * Composes the status (`status`) anew. Returns whether it has changed since
 * it was told.
 */
bool watch_update_status(struct service *s);

#endif
