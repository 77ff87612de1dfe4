/*
 * Requests that wait for a credential source: copies in a bounded pool.
 *
 * A stranger can fill only a small part of it: at most PENDING_PER_SOURCE
 * requests of one source address wait at a time. A retransmission of a waiting
 * request finds the original and is not kept again.
 */
#ifndef TURNPIKE_TURN_PENDING_H
#define TURNPIKE_TURN_PENDING_H

#include "base/hash.h"
#include "base/map.h"
#include "base/timer.h"
#include "stun/message.h"
#include "turn/datagram.h"

#define PENDING_MAX 256
#define PENDING_PER_SOURCE 4
#define PENDING_DATA_BYTES 2048
/* A source that has not answered by then is answered for: 500. */
#define PENDING_TIMEOUT_MS 10000

struct pending {
	struct map_link by_source; /* IP address */
	struct timer_link timer;
	struct addr source;
	uint16_t listener;
	uint16_t data_bytes;
	uint8_t tos;
	uint8_t data[PENDING_DATA_BYTES];
};

struct pendings {
	struct pool pool;
	struct map by_source;
	struct timer_wheel timers;
	struct hash_key key;
};

enum pending_result {
	PENDING_ADDED,
	PENDING_JOINED,  /* the same request waits already */
	PENDING_REFUSED, /* too many wait, or it is too large */
};

/* An empty pool. Returns 0, or -ENOMEM with nothing held. */
int pendings_init(struct pendings *p, const struct hash_key *key,
		  uint64_t now_ms);
void pendings_fini(struct pendings *p);

/* Keeps a copy of the request; `*index` is set if it was added. */
enum pending_result pendings_add(struct pendings *p, uint64_t now_ms,
				 const struct datagram *in, uint32_t *index);

/* The waiting request as a datagram, valid until pendings_remove(). */
struct datagram pendings_datagram(const struct pendings *p, uint32_t index);

void pendings_remove(struct pendings *p, uint32_t index);

#endif
