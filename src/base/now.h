/*
 * The time, as an argument.
 *
 * Layers 0 to 2 never read a clock: whoever calls them reads it once per
 * batch and passes it down, so that the simulator can own time and a test
 * never sleeps.
 */
#ifndef TURNPIKE_BASE_NOW_H
#define TURNPIKE_BASE_NOW_H

#include <stdint.h>

struct now {
	/* CLOCK_BOOTTIME in milliseconds; every expiry and bucket uses it. */
	uint64_t mono_ms;
	/* Seconds since 1970, for nonces and logs, which outlive a process. */
	int64_t wall_s;
};

#endif
