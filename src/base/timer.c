#include "base/timer.h"

#include <string.h>

/*
 * A timer belongs to the first tick that is not before its time. Those whose
 * tick is at most w->tick are in the list `due`, all others in the slot of
 * their tick modulo TIMER_SLOTS, whichever revolution they are for.
 */

static struct timer_link *link_of(const struct timer_wheel *w, uint32_t index)
{
	uint8_t *record = pool_at(w->pool, index);

	return (struct timer_link *)(void *)(record + w->link_offset);
}

static uint64_t tick_of(uint64_t due_ms)
{
	return due_ms / TIMER_TICK_MS + (due_ms % TIMER_TICK_MS != 0);
}

static uint32_t *list_of(struct timer_wheel *w, uint64_t due_ms)
{
	uint64_t tick = tick_of(due_ms);

	return tick <= w->tick ? &w->due : &w->slots[tick % TIMER_SLOTS];
}

static void push(struct timer_wheel *w, uint32_t *head, uint32_t index)
{
	struct timer_link *l = link_of(w, index);

	l->prev = 0;
	l->next = *head;
	if (*head != 0)
		link_of(w, *head - 1)->prev = index + 1;
	*head = index + 1;
}

static void unlink_from(struct timer_wheel *w, uint32_t *head, uint32_t index)
{
	struct timer_link *l = link_of(w, index);

	if (l->next != 0)
		link_of(w, l->next - 1)->prev = l->prev;
	if (l->prev != 0)
		link_of(w, l->prev - 1)->next = l->next;
	else
		*head = l->next;
}

void timer_wheel_init(struct timer_wheel *w, const struct pool *pool,
		      size_t link_offset, uint64_t now_ms)
{
	assert(link_offset % _Alignof(struct timer_link) == 0);

	memset(w, 0, sizeof(*w));
	w->pool = pool;
	w->link_offset = link_offset;
	w->tick = now_ms / TIMER_TICK_MS;
}

void timer_arm(struct timer_wheel *w, uint32_t index, uint64_t due_ms)
{
	assert(due_ms != 0);

	timer_disarm(w, index);
	link_of(w, index)->due_ms = due_ms;
	push(w, list_of(w, due_ms), index);
	w->count++;
}

void timer_disarm(struct timer_wheel *w, uint32_t index)
{
	struct timer_link *l = link_of(w, index);

	if (l->due_ms == 0)
		return;
	unlink_from(w, list_of(w, l->due_ms), index);
	l->due_ms = 0;
	w->count--;
}

/* Moves the timers of one slot that are due at `tick` to the list `due`. */
static void collect(struct timer_wheel *w, uint32_t *slot, uint64_t tick)
{
	uint32_t at = *slot;

	while (at != 0) {
		uint32_t index = at - 1;
		struct timer_link *l = link_of(w, index);

		at = l->next;
		if (tick_of(l->due_ms) > tick)
			continue; /* a later revolution */
		unlink_from(w, slot, index);
		push(w, &w->due, index);
	}
}

/* Turns the wheel; after a long pause each slot is still met only once. */
static void advance(struct timer_wheel *w, uint64_t tick)
{
	uint64_t steps = tick - w->tick;

	if (steps > TIMER_SLOTS)
		steps = TIMER_SLOTS;
	for (uint64_t i = 1; i <= steps; i++)
		collect(w, &w->slots[(w->tick + i) % TIMER_SLOTS], tick);
	w->tick = tick;
}

uint32_t timer_pop(struct timer_wheel *w, uint64_t now_ms)
{
	uint64_t tick = now_ms / TIMER_TICK_MS;
	uint32_t index;

	if (tick > w->tick)
		advance(w, tick);
	if (w->due == 0)
		return POOL_NONE;
	index = w->due - 1;
	timer_disarm(w, index);
	return index;
}

uint64_t timer_next_ms(const struct timer_wheel *w)
{
	if (w->count == 0)
		return UINT64_MAX;
	if (w->due != 0)
		return w->tick * TIMER_TICK_MS;
	for (uint64_t i = 1; i < TIMER_SLOTS; i++) {
		if (w->slots[(w->tick + i) % TIMER_SLOTS] != 0)
			return (w->tick + i) * TIMER_TICK_MS;
	}
	return (w->tick + TIMER_SLOTS) * TIMER_TICK_MS;
}
