/*
 * A timer wheel over records of a pool, one timer per record and wheel.
 *
 * The wheel holds indexes, not callbacks: whoever owns it asks which records
 * are due and decides what that means. A timer never fires before its time;
 * it fires at most TIMER_TICK_MS late.
 */
#ifndef TURNPIKE_BASE_TIMER_H
#define TURNPIKE_BASE_TIMER_H

#include "base/pool.h"

#define TIMER_TICK_MS 128
#define TIMER_SLOTS 1024

struct timer_link {
	uint64_t due_ms; /* 0: not armed */
	uint32_t next;   /* both index + 1, 0 at the ends */
	uint32_t prev;
};

struct timer_wheel {
	const struct pool *pool;
	size_t link_offset;
	uint64_t tick;               /* timers up to here are due */
	uint32_t count;              /* armed timers */
	uint32_t due;                /* first timer that is due, index + 1 */
	uint32_t slots[TIMER_SLOTS]; /* first of the later ones, index + 1 */
};

/* An empty wheel over `pool` whose time begins at `now_ms`. */
void timer_wheel_init(struct timer_wheel *w, const struct pool *pool,
		      size_t link_offset, uint64_t now_ms);

/*
 * Arms or re-arms the record's timer for `due_ms` (absolute, not 0; may be
 * past).
 */
void timer_arm(struct timer_wheel *w, uint32_t index, uint64_t due_ms);

/* Disarms the record's timer; nothing happens if it is not armed. */
void timer_disarm(struct timer_wheel *w, uint32_t index);

/*
 * Disarms one timer that is due at `now_ms` and returns its record, or
 * POOL_NONE if there is none left. Call until it says so. A time before the
 * last call's is taken for that one.
 */
uint32_t timer_pop(struct timer_wheel *w, uint64_t now_ms);

/*
 * A time by which timer_pop() should next be called: never later than the
 * tick after the earliest timer, possibly earlier. UINT64_MAX if none is
 * armed.
 */
uint64_t timer_next_ms(const struct timer_wheel *w);

#endif
