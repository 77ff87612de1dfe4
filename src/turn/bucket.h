/*
 * Token buckets, each of them one number.
 *
 * The number is a position: bytes since the beginning of time at the bucket's
 * rate. At a time t the rate has reached its edge, rate x t; what was taken may
 * run ahead of the edge by the burst, and falls behind it by nothing, or an
 * idle bucket would save up more than its burst. So over any stretch of time
 * at most rate x time + burst is taken, exactly: nothing is rounded away, and
 * no clock of its own has to be kept. A zeroed bucket is a full one.
 *
 * What is counted need not be bytes. Times are mono_ms of struct now.
 */
#ifndef TURNPIKE_TURN_BUCKET_H
#define TURNPIKE_TURN_BUCKET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* 100 Gbit/s: positions do not overflow within 46 years of uptime. */
#define BUCKET_RATE_MAX UINT64_C(12500000000)
/* A burst is at most what this time brings. */
#define BUCKET_BURST_MAX_S 60

struct bucket_rate {
	uint64_t per_s; /* 0..BUCKET_RATE_MAX; 0: it is never filled again */
	uint64_t burst; /* the most that is taken at a time */
};

/*
 * Takes `n` at `now_ms`, or nothing; returns whether it did.
 *
 * A position more than one second of the rate beyond what can have been taken
 * is of the time before the rate was lowered: the bucket is empty then.
 */
bool bucket_take(uint64_t *used, const struct bucket_rate *rate,
		 uint64_t now_ms, uint64_t n);

/*
 * Takes as much as there is, `at_least` to `at_most`, of a bucket that several
 * threads draw from, or nothing; returns how much. Their clocks may differ by
 * less than a second: what is taken is bounded by the latest of them.
 */
uint64_t bucket_draw(_Atomic uint64_t *used, const struct bucket_rate *rate,
		     uint64_t now_ms, uint64_t at_least, uint64_t at_most);

#endif
