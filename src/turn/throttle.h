/*
 * How often a source may be wrong about a password: 10 times at once and then
 * once a second for a user name, 100 times at once and then 10 times a second
 * in all. Beyond that its requests are dropped before anybody's key is looked
 * up, right ones too, until the bucket has something in it again: at most 11 s
 * after the last failure. What succeeds costs nothing, so an office behind one
 * address is not hit by being large.
 *
 * Only failures with a nonce of ours count for this ("proven"): they come from
 * somebody who receives at that address, so a spoofed source locks nobody out.
 * Failures without one have buckets of their own. Those lock nobody out
 * either: when they are empty, requests without a nonce of ours are told to
 * get one before their key is looked at, or a made-up nonce would be the way to
 * guess without end.
 *
 * A fixed table of atomics under a keyed hash, made and touched at start. A
 * bucket is one number, the time when it will be full again, kept at two
 * places that are rarely both shared; the fuller one counts. A collision can
 * only make the limit stricter. An IPv6 source is its /64.
 *
 * Any number of workers may use it at once. Asking and telling are two steps:
 * what other workers have in hand meanwhile (one request, or four that wait
 * for a credential source) can fail beyond the limit, and is paid for later.
 */
#ifndef TURNPIKE_TURN_THROTTLE_H
#define TURNPIKE_TURN_THROTTLE_H

#include <stdatomic.h>

#include "base/addr.h"
#include "base/hash.h"

#define THROTTLE_NAME_BURST 10
#define THROTTLE_NAME_MS 1000 /* for one more */
#define THROTTLE_SOURCE_BURST 100
#define THROTTLE_SOURCE_MS 100
#define THROTTLE_ROWS 2
#define THROTTLE_PLACES 16384

struct throttle {
	struct hash_key key;
	/* When each bucket is full again; THROTTLE_PLACES in each row. */
	_Atomic uint64_t *full_ms;
};

/* All buckets are full. Returns 0 or -ENOMEM. */
int throttle_init(struct throttle *t, const struct hash_key *key);
void throttle_fini(struct throttle *t);

/*
 * Whether requests from `source` (the port does not matter) in the name of
 * `user`, a name or its hash as it was sent, are to go no further for now.
 */
bool throttle_is_shut(const struct throttle *t, const struct addr *source,
		      struct bytes user, bool proven, uint64_t now_ms);

/* One was wrong: the password, or the user is unknown. */
void throttle_failed(struct throttle *t, const struct addr *source,
		     struct bytes user, bool proven, uint64_t now_ms);

#endif
