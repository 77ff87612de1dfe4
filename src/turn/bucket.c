#include "turn/bucket.h"

/* How far the rate has come, without a product that overflows. */
static uint64_t edge_at(const struct bucket_rate *rate, uint64_t now_ms)
{
	return rate->per_s * (now_ms / 1000) +
	       rate->per_s * (now_ms % 1000) / 1000;
}

/* The position that counts: a plausible one, and not behind the edge. */
static uint64_t settle(uint64_t used, const struct bucket_rate *rate,
		       uint64_t edge)
{
	if (used < edge)
		return edge;
	if (used > edge + rate->burst + rate->per_s)
		return edge + rate->burst;
	return used;
}

/* What may be taken; a thread whose clock is behind may find less than 0. */
static uint64_t left_at(uint64_t used, const struct bucket_rate *rate,
			uint64_t edge)
{
	uint64_t end = edge + rate->burst;

	return end > used ? end - used : 0;
}

bool bucket_take(uint64_t *used, const struct bucket_rate *rate,
		 uint64_t now_ms, uint64_t n)
{
	uint64_t edge = edge_at(rate, now_ms);

	*used = settle(*used, rate, edge);
	if (n > left_at(*used, rate, edge))
		return false;
	*used += n;
	return true;
}

uint64_t bucket_draw(_Atomic uint64_t *used, const struct bucket_rate *rate,
		     uint64_t now_ms, uint64_t at_least, uint64_t at_most)
{
	uint64_t edge = edge_at(rate, now_ms);
	uint64_t before = atomic_load_explicit(used, memory_order_relaxed);
	uint64_t position, granted;

	/* The number is all there is: no other memory is ordered by it. */
	do {
		position = settle(before, rate, edge);
		granted = left_at(position, rate, edge);
		if (granted < at_least)
			granted = 0;
		if (granted > at_most)
			granted = at_most;
		if (!granted && position == before)
			return 0;
	} while (!atomic_compare_exchange_weak_explicit(
		used, &before, position + granted, memory_order_relaxed,
		memory_order_relaxed));
	return granted;
}
