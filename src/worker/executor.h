/*
 * The core's hands: for one worker, datagrams in, verdicts asked, datagrams
 * out, actions carried out.
 *
 * Knows actions and verdicts and no STUN method. Does not wait and does not
 * know the event loop: worker.c calls it when something is readable or due.
 * Everything here belongs to the worker's thread.
 */
#ifndef TURNPIKE_WORKER_EXECUTOR_H
#define TURNPIKE_WORKER_EXECUTOR_H

#include "net/relay_set.h"
#include "net/udp_in.h"
#include "net/udp_out.h"
#include "store/credentials.h"
#include "turn/pending.h"
#include "turn/server.h"
#include "worker/inbox.h"
#include "worker/logger.h"
#include "worker/worker.h"

/* One socket of a listener. */
struct executor_listener {
	int fd; /* -1: none */
	/* As udp_look() said last. */
	uint32_t drops;
	_Atomic uint32_t waiting_bytes;
	_Atomic uint32_t room_bytes;
};

/* The walk through all users with sessions, who are looked at again. */
struct recheck {
	bool running;
	uint32_t cursor;  /* of turn_next_user() */
	uint32_t waiting; /* answers that are still to come */
};

struct executor {
	struct turn_server *core;
	struct counters *counters; /* the core's */
	struct logger *log;
	struct refusals *refusals;
	struct usage *usage; /* or NULL */
	struct credentials *credentials;
	struct capture *capture; /* NULL: none; borrowed */
	struct now now;          /* of the batch in work */
	bool controlled; /* something but data went in: timers may differ */
	uint64_t pass_began_ns; /* 0: the clock was not read in this pass */
	uint64_t arrived_ns;    /* the request in work */
	/* Of requests that wait for a credential source, by their ticket. */
	uint64_t waiting_since_ns[PENDING_MAX];
	struct worker_latencies latencies;
	uint64_t looked_ms;   /* when drops were last looked at */
	uint64_t relay_drops; /* of relays.drops, already counted */
	uint16_t worker;
	struct inbox **inboxes;                  /* of all workers, by number */
	uint64_t to_wake[TURN_WORKERS_MAX / 64]; /* bits, by number */
	struct executor_listener listeners[TURN_LISTENERS_MAX];
	struct relay_set relays;
	struct udp_in in;
	struct udp_out out;
	struct recheck recheck;
	struct credentials_event event; /* in work */
	struct verdict verdict;         /* on the datagram in work */
	struct actions actions;
};

/*
 * Sets up the executor of worker `number` in zeroed storage, around a core
 * that is borrowed, as are `credentials`, `inboxes` and what `commons` names. Returns 0 or a negative errno.
 */
int executor_init(struct executor *e, uint16_t number, struct turn_server *core,
		  const struct turn_config *config, int relay_buffer_bytes,
		  const struct worker_commons *commons,
		  struct credentials *credentials, struct inbox **inboxes);

/* Closes all sockets. Safe in zeroed storage, and if executor_init() failed. */
void executor_fini(struct executor *e);

/* Reads the clocks into `now`. */
void executor_read_clock(struct executor *e);

/* The loop begins anew: how long this pass has taken is counted. */
void executor_end_pass(struct executor *e);

/*
 * Each reads what waits, up to its share, and sends what follows from it.
 * Returns true if something was left that no descriptor will tell of again:
 * the caller comes back after the others had their turn.
 */
void executor_read_listener(struct executor *e, uint16_t listener);
bool executor_read_relays(struct executor *e);
bool executor_read_inbox(struct executor *e);

/*
 * Takes in what the credential sources answer late or have changed, and looks
 * again at users whose sessions may have to end. Returns as above.
 */
bool executor_read_credentials(struct executor *e);

/* All users with sessions are to be looked at again. */
void executor_recheck_all(struct executor *e);

/* Counts what the kernel has dropped lately, if a second has passed. */
void executor_look_drops(struct executor *e);

/* Does what is due at `now`, or a part of it if that is much. */
void executor_tick(struct executor *e);

/* Ends that session; false if it had ended before. */
bool executor_end_session(struct executor *e, struct ref allocation,
			  enum turn_cause cause);

/* Ends all allocations. */
void executor_end_all(struct executor *e, enum turn_cause cause);

/*
 * Gives a listener a socket, which becomes the executor's, or with -1 takes
 * it away; the socket before is closed.
 */
void executor_set_socket(struct executor *e, uint16_t listener, int fd);

#endif
