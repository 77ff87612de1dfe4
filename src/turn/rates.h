/*
 * Bandwidth limits of the data path, as one worker enforces them: of each
 * allocation, of each user and of the whole process, each way.
 *
 * Users and the process have their buckets in shared_rates.h, where all
 * workers draw from them. A worker draws a slice, 10 ms of the rate or one
 * datagram if that is more, and spends it datagram by datagram without a
 * locked instruction. It draws when what is left does not suffice, rather
 * than once for each batch of datagrams: a batch may be larger than a slice,
 * and a burst within the limits has to pass whole. Over any stretch of time
 * the workers together pass at most rate x time + burst, and once what they
 * held when it began: a slice each.
 *
 * A datagram counts as it is on the wire between server and peer, with its
 * IPv4 and UDP headers, so that empty ones are not free.
 */
#ifndef TURNPIKE_TURN_RATES_H
#define TURNPIKE_TURN_RATES_H

#include "turn/drop.h"
#include "turn/shared_rates.h"

/* IPv4 header, UDP header. */
#define RATES_HEADER_BYTES 28
/* The largest datagram; no burst is smaller. */
#define RATES_DATAGRAM_MAX_BYTES 65535
/* A slice is what the rate brings in this time. */
#define RATES_SLICE_MS 10

/* The limits, in bytes per second each way; 0: none. */
struct rates_limits {
	uint64_t allocation;
	uint64_t user; /* of those without their own rate */
	uint64_t total;
	uint32_t burst_s; /* 1..BUCKET_BURST_MAX_S */
};

/* An allocation's own buckets; all zero: no limit. */
struct rates_allocation {
	uint64_t per_s;
	uint64_t used[RATE_WAYS];
};

/* What a worker has drawn for a user and not spent yet; begins as zero. */
struct rates_user {
	uint32_t slot; /* in shared_rates, see quota_slot() */
	uint64_t slices[RATE_WAYS];
};

struct rates {
	struct rates_limits limits;
	struct shared_rates *shared; /* borrowed */
	uint64_t total_slices[RATE_WAYS];
	/* Some user or the process may have a limit: there is to be asked. */
	bool in_use;
};

/* No limits yet. `shared` must live as long. */
void rates_init(struct rates *r, struct shared_rates *shared);

/*
 * New limits. Those of users and the process hold at once; an allocation keeps
 * the rate it began with.
 */
void rates_set(struct rates *r, const struct rates_limits *limits);

/*
 * A user's session begins: its bucket is that slot's, and `own` its own rate
 * (0: the configured one), which from now on holds for all its sessions.
 */
void rates_join(struct rates *r, struct rates_user *user, uint32_t slot,
		uint64_t quota_user, uint64_t own);

/* The user's own rate, which any worker may have heard of; 0: it has none. */
uint64_t rates_own(const struct rates *r, const struct rates_user *user);

/*
 * Whether a datagram of so many bytes of payload fits every limit: then it is
 * counted in all of them. If not it is counted in none, and `*reason` is the
 * drop reason of the widest limit that it does not fit; what was drawn for it
 * stays with the worker for the next one.
 */
bool rates_take(struct rates *r, struct rates_allocation *allocation,
		struct rates_user *user, enum rate_way way, uint64_t now_ms,
		uint32_t payload_bytes, enum drop_reason *reason);

#endif
