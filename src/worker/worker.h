/*
 * A worker: one thread, one event base, one core, and the sockets it owns.
 *
 * The worker turns readable sockets into batches, asks the core for verdicts
 * and actions, and carries them out in batches. It shares nothing with other
 * workers but `struct turn_shared` and one ring each for hairpin packets.
 * Everything another thread wants of it goes through its inbox.
 */
#ifndef TURNPIKE_WORKER_WORKER_H
#define TURNPIKE_WORKER_WORKER_H

#include "base/histogram.h"
#include "store/credentials.h"
#include "turn/session.h"
#include "worker/capture.h"
#include "worker/logger.h"
#include "worker/refusals.h"
#include "worker/usage.h"

struct worker;

/* What each worker makes its credential sources and their cache of. */
struct worker_credentials {
	struct credentials_config config;
	uint32_t cache_entries; /* of each worker */
	struct hash_key key;
};

/* Buffer sizes in bytes; what the kernel does not grant is logged once. */
struct worker_buffers {
	int listener_bytes;
	int relay_bytes;
};

/* What the workers have in common; all borrowed. */
struct worker_commons {
	struct turn_shared *shared;
	struct logger *log;
	struct refusals *refusals;
	struct usage *usage; /* or NULL: none is kept */
};

/*
 * Makes `count` workers that can reach each other (workers[0..count-1]); none
 * runs yet. What they have in common must outlive them. `seed` is
 * entropy from which each worker's seed is derived. Returns 0, or a negative
 * errno with nothing made.
 */
int workers_new(struct worker **workers, uint16_t count,
		const struct turn_config *config,
		const struct worker_commons *commons,
		const struct worker_credentials *credentials,
		struct worker_buffers buffers,
		const uint8_t seed[RANDOM_SEED_BYTES]);

/* Starts the threads. Returns 0, or a negative errno with none running. */
int workers_start(struct worker **workers, uint16_t count);

/*
 * Ends all allocations (logging each with `cause`), ends the threads and
 * waits for them.
 */
void workers_stop(struct worker **workers, uint16_t count,
		  enum turn_cause cause);

/* Frees workers that do not run, and closes their sockets. */
void workers_free(struct worker **workers, uint16_t count);

/*
 * Hands a worker the socket of a listener, which becomes the worker's, or
 * with `fd` -1 takes the listener away. Before start or any time after.
 */
void worker_set_listener(struct worker *w, uint16_t index,
			 const struct turn_listener *listener, int fd);

/* The listener is another one now, with the socket that it has. */
void worker_change_listener(struct worker *w, uint16_t index,
			    const struct turn_listener *listener);

/*
 * New peer rules, or what of a whole configuration can change
 * (turn_reconfigure()), from the next input on. Borrowed until worker_sync()
 * has returned.
 */
void worker_set_peers(struct worker *w, const struct peer_policy *peers);
void worker_set_config(struct worker *w, const struct turn_config *config);

/*
 * Other credential sources, from the next input on. The configuration is
 * copied; what it names must live until it is replaced and worker_sync() has
 * returned. With `recheck` sessions end that they do not admit.
 */
void worker_set_credentials(struct worker *w,
			    const struct credentials_config *config,
			    bool recheck);

/*
 * Has the worker put control messages into a capture from the next input on;
 * with NULL into none, and once worker_sync() has returned the last one may be
 * freed.
 */
void worker_set_capture(struct worker *w, struct capture *capture);

/* There is news from the credential sources: for their hooks, any thread. */
void worker_wake(struct worker *w);

/*
 * Waits until the worker has acted on everything sent to it before. Only
 * while it runs, and not from its own thread.
 */
void worker_sync(struct worker *w);

/*
 * Copies up to `max` of the worker's sessions to `out` and returns how many, 0
 * when there are no more; `*cursor` is 0 for the first call. See
 * turn_list_sessions(). The worker's thread copies some dozens at a time and
 * relays in between. These two may be called by several threads at once, but
 * not by a worker's own. While the worker stops, or has, there are no sessions
 * any more.
 */
unsigned worker_sessions(struct worker *w, uint32_t *cursor,
			 struct turn_session *out, unsigned max);

/* Ends that session of the worker; false if it had ended before. */
bool worker_end_session(struct worker *w, struct ref allocation,
			enum turn_cause cause);

/* How often the worker's loop has passed; grows at least once a second. */
uint64_t worker_passes(const struct worker *w);

/* The worker's counters, and what its allocations hold, for any thread. */
const struct counters *worker_counters(const struct worker *w);
const struct holdings *worker_holdings(const struct worker *w);

/*
 * How long things take, to be read from any thread. A pass of the loop is from
 * the first look at the clock, when the first datagrams are in hand, until all
 * that follows from it has been sent; an authentication from the time when the
 * worker takes up a request with credentials until its answer is ready to be
 * sent, whatever source was asked meanwhile.
 */
struct worker_latencies {
	struct histogram pass;
	struct histogram authentication;
};

const struct worker_latencies *worker_latencies(const struct worker *w);

/* What the worker's cache before Redis has done, from any thread. */
const struct redis_users_counters *worker_cache(const struct worker *w);

/*
 * How full the queue of a listener's socket was when the worker last looked,
 * about a second ago at most; from any thread.
 */
void worker_listener_queue(const struct worker *w, uint16_t index,
			   uint32_t *waiting_bytes, uint32_t *room_bytes);

#endif
