/*
 * What the core wants done: its only output besides verdicts.
 *
 * The caller owns the list and clears it before each input; whoever carries
 * the actions out does so in order. Messages point into the list's scratch
 * memory and are valid until it is cleared.
 */
#ifndef TURNPIKE_TURN_ACTION_H
#define TURNPIKE_TURN_ACTION_H

#include <assert.h>

#include "base/log.h"
#include "base/pool.h"
#include "stun/attr.h"
#include "turn/counters.h"
#include "turn/datagram.h"
#include "turn/refusal.h"

/* The most actions that one input can cause. */
#define ACTIONS_MAX 8
#define ACTIONS_SCRATCH_BYTES 2048
#define ACTIONS_LOGS_MAX 4
#define ACTIONS_REFUSALS_MAX 2

enum action_kind {
	ACTION_REPLY,       /* send `message` to a client */
	ACTION_LOOKUP_KEY,  /* answer with turn_key_ready() */
	ACTION_OPEN_RELAY,  /* answer with turn_relay_opened() */
	ACTION_CLOSE_RELAY, /* the allocation is gone: close its socket */
	ACTION_LOG,
	ACTION_REFUSED, /* to be remembered for the operator */
	/* For whoever keeps accounts; once for each session, see session.h. */
	ACTION_SESSION_BEGAN,
	ACTION_SESSION_ENDED,
};

/* Send from a listener's socket to a client. */
struct action_reply {
	struct bytes message; /* in the scratch memory */
	struct addr to;
	uint16_t listener;
};

/*
 * Whose keys are wanted: by name, or by USERHASH where `by_hash`. The bytes
 * are those of the request, valid until the next input.
 */
struct action_lookup {
	struct ref ticket;
	uint8_t realm;
	bool by_hash;
	struct bytes name;
};

/* Bind a UDP socket to the relay address and this port. */
struct action_open_relay {
	struct ref allocation;
	uint16_t port;
};

/* A session has ended; all that it has relayed. */
struct action_ended {
	struct ref allocation; /* no longer resolves in the core */
	struct counters_relayed traffic;
};

struct action {
	enum action_kind kind;
	union {
		struct action_reply reply;
		struct action_lookup lookup;
		struct action_open_relay open_relay;
		struct ref close_relay; /* no longer resolves in the core */
		const struct log_record *log;
		const struct refusal *refused;
		struct ref began;
		struct action_ended ended;
	} as;
};

struct actions {
	unsigned count;
	unsigned log_count;
	unsigned refusal_count;
	size_t scratch_used;
	struct action items[ACTIONS_MAX];
	struct log_record logs[ACTIONS_LOGS_MAX];
	struct refusal refusals[ACTIONS_REFUSALS_MAX];
	uint8_t scratch[ACTIONS_SCRATCH_BYTES];
};

/* Empties the list before the next input. */
static inline void actions_clear(struct actions *a)
{
	a->count = 0;
	a->log_count = 0;
	a->refusal_count = 0;
	a->scratch_used = 0;
}

/*
 * Puts a log record on the list and returns it, to add its fields. `message`
 * is a string literal.
 */
static inline struct log_record *actions_log(struct actions *a,
					     enum log_level level,
					     const char *message,
					     int64_t wall_s)
{
	struct log_record *log;

	assert(a->count < ACTIONS_MAX && a->log_count < ACTIONS_LOGS_MAX);
	log = &a->logs[a->log_count++];
	log_begin(log, level, message, wall_s);
	a->items[a->count++] = (struct action){
		.kind = ACTION_LOG,
		.as.log = log,
	};
	return log;
}

#endif
