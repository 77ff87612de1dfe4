/*
 * A drain: nobody is let in any more, and who is there goes on, until a
 * deadline, until nobody is there, or until the drain is called off.
 *
 * By SIGTERM or SIGINT, or by command. With a deadline the process ends then,
 * or as soon as there is no allocation; without one it goes on, for whoever
 * works on the machine. A drain by signal cannot be called off, and a second
 * signal ends the process at once.
 */
#ifndef TURNPIKE_WORKER_DRAIN_H
#define TURNPIKE_WORKER_DRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "turn/cause.h"

struct service;
struct event;

/* No deadline. */
#define DRAIN_UNTIL_ENDED (-1)

struct drain {
	bool on;
	bool by_signal;
	int64_t since_wall_s;
	uint64_t deadline_ms;  /* of CLOCK_BOOTTIME; UINT64_MAX: none */
	struct event *event;   /* looks how far it is */
	enum turn_cause cause; /* of the end of what is left at the end */
};

/* What there is to say of it. */
struct drain_status {
	bool on;
	int64_t since_wall_s;
	int64_t deadline_wall_s; /* 0: none */
	uint64_t left_s;         /* until then */
};

/* No drain yet; the cause of an end is a shutdown. */
void drain_init(struct drain *d);
void drain_fini(struct drain *d);

/*
 * Begins a drain, or gives one that is on another deadline: so many seconds
 * from now, or DRAIN_UNTIL_ENDED. The process does not end before this has
 * returned to the event loop. Returns false if a signal has begun one.
 */
bool drain_begin(struct service *s, int64_t deadline_s);

/* Calls a drain off. Returns false if a signal has begun it. */
bool drain_end(struct service *s);

/*
 * SIGTERM or SIGINT: drains until the deadline of the configuration, or the
 * one that is set if that comes before; the second time ends the process.
 */
void drain_signal(struct service *s, int number);

void drain_look(const struct service *s, struct drain_status *out);

#endif
