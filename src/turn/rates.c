#include "turn/rates.h"

#include <assert.h>

static struct bucket_rate rate_of(const struct rates *r, uint64_t per_s)
{
	uint64_t burst = per_s * r->limits.burst_s;

	return (struct bucket_rate){
		.per_s = per_s,
		.burst = burst > RATES_DATAGRAM_MAX_BYTES
				 ? burst
				 : RATES_DATAGRAM_MAX_BYTES,
	};
}

void rates_init(struct rates *r, struct shared_rates *shared)
{
	*r = (struct rates){ .shared = shared };
}

void rates_set(struct rates *r, const struct rates_limits *limits)
{
	assert(limits->burst_s <= BUCKET_BURST_MAX_S);
	r->limits = *limits;
	/* A user with its own rate stays limited, whatever the others are. */
	if (limits->user || limits->total)
		r->in_use = true;
}

void rates_join(struct rates *r, struct rates_user *user, uint32_t slot,
		uint64_t quota_user, uint64_t own)
{
	user->slot = slot;
	shared_rates_claim(r->shared, slot, quota_user, own);
	if (own)
		r->in_use = true;
}

uint64_t rates_own(const struct rates *r, const struct rates_user *user)
{
	return atomic_load_explicit(&r->shared->users[user->slot].own,
				    memory_order_relaxed);
}

/* Draws what a slice lacks for `bytes`, and more; false if there is not. */
static bool fill(const struct rates *r, uint64_t *slice,
		 _Atomic uint64_t *bucket, uint64_t per_s, uint64_t now_ms,
		 uint32_t bytes)
{
	uint64_t full = per_s / (1000 / RATES_SLICE_MS);
	struct bucket_rate rate;

	if (!per_s)
		return true;
	if (full < bytes)
		full = bytes;
	rate = rate_of(r, per_s);
	*slice += bucket_draw(bucket, &rate, now_ms, bytes - *slice,
			      full - *slice);
	return *slice >= bytes;
}

/* Without a limit there is no slice, or what is left of one. */
static void spend(uint64_t *slice, uint32_t bytes)
{
	*slice -= bytes < *slice ? bytes : *slice;
}

static uint64_t user_rate(const struct rates *r, const struct rates_user *user)
{
	uint64_t own = rates_own(r, user);

	return own ? own : r->limits.user;
}

/*
 * Whether the slices suffice. Other workers write to the shared line, so it is
 * looked at only where they do not.
 */
static bool fill_total(struct rates *r, enum rate_way way, uint64_t now_ms,
		       uint32_t bytes)
{
	uint64_t *slice = &r->total_slices[way];

	return *slice >= bytes || fill(r, slice, &r->shared->total->used[way],
				       r->limits.total, now_ms, bytes);
}

static bool fill_user(struct rates *r, struct rates_user *user,
		      enum rate_way way, uint64_t now_ms, uint32_t bytes)
{
	uint64_t *slice = &user->slices[way];

	return *slice >= bytes ||
	       fill(r, slice, &r->shared->users[user->slot].used[way],
		    user_rate(r, user), now_ms, bytes);
}

static bool take_allocation(const struct rates *r, struct rates_allocation *a,
			    enum rate_way way, uint64_t now_ms, uint32_t bytes)
{
	struct bucket_rate rate;

	if (!a->per_s)
		return true;
	rate = rate_of(r, a->per_s);
	return bucket_take(&a->used[way], &rate, now_ms, bytes);
}

bool rates_take(struct rates *r, struct rates_allocation *allocation,
		struct rates_user *user, enum rate_way way, uint64_t now_ms,
		uint32_t payload_bytes, enum drop_reason *reason)
{
	uint32_t bytes = payload_bytes + RATES_HEADER_BYTES;

	if (r->in_use) {
		*reason = DROP_RATE_TOTAL;
		if (!fill_total(r, way, now_ms, bytes))
			return false;
		*reason = DROP_RATE_USER;
		if (!fill_user(r, user, way, now_ms, bytes))
			return false;
	}
	*reason = DROP_RATE_ALLOCATION;
	if (!take_allocation(r, allocation, way, now_ms, bytes))
		return false;
	if (r->in_use) {
		spend(&r->total_slices[way], bytes);
		spend(&user->slices[way], bytes);
	}
	return true;
}
