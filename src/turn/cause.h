/*
 * Why an allocation ended: one list, counted and named.
 *
 * The name is the word in the log and the label of the metric; causes may
 * share one.
 */
#ifndef TURNPIKE_TURN_CAUSE_H
#define TURNPIKE_TURN_CAUSE_H

#define TURN_CAUSES(X)                                                     \
	X(REFRESH_0, "refresh-0")                                          \
	X(EXPIRED, "expired")                                              \
	X(CREDENTIAL_EXPIRED, "credential-expired")                        \
	X(USER_GONE, "revoked") /* no source admits it any more */         \
	X(USER_DISABLED, "revoked")                                        \
	X(KEY_CHANGED, "revoked")                                          \
	X(SHUTDOWN, "shutdown")                                            \
	X(RELAY_LOST, "relay-lost") /* the relay socket failed for good */ \
	X(KILLED, "killed")         /* by the operator */                  \
	X(DRAINED, "drained")       /* the deadline of a drain has come */

enum turn_cause {
#define X(id, name) TURN_CAUSE_##id,
	TURN_CAUSES(X)
#undef X
		TURN_CAUSE_COUNT
};

/* The cause's name, as in the table. */
const char *turn_cause_name(enum turn_cause cause);

#endif
