/*
 * The capture that runs: one at a time, begun and taken by the operator.
 *
 * It stops by itself at its time, and what is in it can still be taken; it is
 * gone when it is empty then, when it is ended, or when nobody has taken
 * anything for a while. Belongs to the main thread.
 */
#ifndef TURNPIKE_WORKER_CAPTURE_RUN_H
#define TURNPIKE_WORKER_CAPTURE_RUN_H

#include "worker/capture.h"

struct service;
struct event;

/* Whoever takes nothing for so long has gone. */
#define CAPTURE_RUN_PATIENCE_S 15

struct capture_run {
	struct capture *capture; /* NULL: there is none */
	bool attached;           /* the workers put something in */
	bool peeked;             /* the oldest message has been handed out */
	uint64_t until_ms;       /* of CLOCK_BOOTTIME */
	uint64_t taken_ms;
	struct event *event; /* looks at both times */
};

/*
 * Begins a capture of that client, or of all where its family is ADDR_NONE,
 * for so many seconds. Returns 0, -EBUSY if there is one, or another negative
 * errno.
 */
int capture_run_begin(struct service *s, const struct addr *client,
		      uint32_t seconds);

/* Whether there is one; one that has stopped and is empty is gone then. */
bool capture_run_is_there(struct service *s);

/* The next message, valid until the next call; NULL if there is none now. */
const struct capture_message *capture_run_next(struct service *s);

/*
 * Ends it, in whatever state. Returns how many messages found no room in it.
 */
uint64_t capture_run_end(struct service *s);

#endif
