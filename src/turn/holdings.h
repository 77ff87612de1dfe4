/*
 * What the living allocations of one worker hold on to besides their ports:
 * the listener that their client comes through, and the relay address that
 * it was told. Whoever takes one of these away waits until nothing holds it.
 *
 * Written by the worker's thread alone, read by others: once a worker makes
 * no new allocation with something, its number only falls.
 */
#ifndef TURNPIKE_TURN_HOLDINGS_H
#define TURNPIKE_TURN_HOLDINGS_H

#include <stdatomic.h>

#include "turn/config.h"

struct holdings {
	_Atomic uint32_t listeners[TURN_LISTENERS_MAX];
	_Atomic uint32_t relay_ips[PEER_POLICY_RELAY_IPS_MAX];
};

static inline uint32_t holdings_get(const _Atomic uint32_t *n)
{
	return atomic_load_explicit(n, memory_order_relaxed);
}

/* One more or one less, by the only thread that writes. */
static inline void holdings_add(_Atomic uint32_t *n, int more)
{
	uint32_t now = holdings_get(n) + (uint32_t)more;

	atomic_store_explicit(n, now, memory_order_relaxed);
}

#endif
