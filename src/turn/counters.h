/*
 * What one worker counts. Written by its thread alone, read by others as a
 * snapshot: each _Atomic uint64_t is a relaxed atomic, so a reader sees whole numbers.
 */
#ifndef TURNPIKE_TURN_COUNTERS_H
#define TURNPIKE_TURN_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

#include "turn/drop.h"

/* STUN error codes are counted by code - 300. */
#define COUNTERS_CODES 400

struct counters {
	_Atomic uint64_t requests;
	_Atomic uint64_t responses;
	_Atomic uint64_t errors[COUNTERS_CODES];
	_Atomic uint64_t dropped[DROP_REASON_COUNT];
	_Atomic uint64_t to_peer_packets;
	_Atomic uint64_t to_peer_bytes;
	_Atomic uint64_t to_client_packets;
	_Atomic uint64_t to_client_bytes;
	_Atomic uint64_t hairpin_packets;
	/* What peer rules would have refused if not for the dry run. */
	_Atomic uint64_t dry_run_requests;
	_Atomic uint64_t dry_run_packets; /* to peers */
	_Atomic uint64_t allocations;     /* living now */
	_Atomic uint64_t allocations_begun;
	_Atomic uint64_t lookups;
	_Atomic uint64_t log_lost; /* records the log ring had no room for */
	_Atomic uint64_t
		kernel_drops; /* SO_RXQ_OVFL, listener and relay sockets */
};

/* Adds to a _Atomic uint64_t that only this thread writes: no locked instruction. */
static inline void counter_add(_Atomic uint64_t *c, uint64_t n)
{
	uint64_t old = atomic_load_explicit(c, memory_order_relaxed);

	atomic_store_explicit(c, old + n, memory_order_relaxed);
}

static inline uint64_t counter_get(const _Atomic uint64_t *c)
{
	return atomic_load_explicit(c, memory_order_relaxed);
}

#endif
