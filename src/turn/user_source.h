/*
 * Where a user is known from: one list, counted and named.
 *
 * The name is the label in logs, the control API and metrics.
 */
#ifndef TURNPIKE_TURN_USER_SOURCE_H
#define TURNPIKE_TURN_USER_SOURCE_H

#define TURN_SOURCES(X)                                                   \
	X(CONFIG, "config")             /* listed in the configuration */ \
	X(FILE, "file")                 /* listed in the users file */    \
	X(TIME_LIMITED, "time-limited") /* by a secret, for a time */     \
	X(REDIS, "redis")                                                 \
	X(SELF_TEST, "self-test")

enum turn_source {
#define X(id, name) TURN_SOURCE_##id,
	TURN_SOURCES(X)
#undef X
		TURN_SOURCE_COUNT
};

/* The source's name, as in the table. */
const char *turn_source_name(enum turn_source source);

#endif
