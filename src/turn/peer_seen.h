/*
 * Which peers an allocation has sent to lately.
 *
 * A fixed table of fingerprints, in buckets of a cache line: the least
 * recently used one of a bucket makes room. Forgetting a peer early costs its
 * allocation one more of the new peers that it is granted, nothing else; to
 * take one peer for another needs a collision of 32 bits under a key of this
 * start. Pages are touched in use.
 */
#ifndef TURNPIKE_TURN_PEER_SEEN_H
#define TURNPIKE_TURN_PEER_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Not sent to for so long, a peer is new again. */
#define PEER_SEEN_S 300

struct peer_seen {
	uint64_t *entries;
	uint32_t bucket_mask;
	size_t mapped_bytes;
};

/* Room for so many allocations. Returns 0, or -ENOMEM with nothing held. */
int peer_seen_init(struct peer_seen *p, uint32_t allocations);
void peer_seen_fini(struct peer_seen *p);

/*
 * Whether the peer was seen in the last PEER_SEEN_S seconds; if so, it is now seen
 * again. `hash` is a keyed hash of the allocation and the peer.
 */
bool peer_seen_find(struct peer_seen *p, uint64_t hash, uint64_t now_ms);

/* Adds a peer that peer_seen_find() did not find. */
void peer_seen_add(struct peer_seen *p, uint64_t hash, uint64_t now_ms);

#endif
