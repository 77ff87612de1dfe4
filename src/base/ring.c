#include "base/ring.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

/*
 * Each cell has a turn. For the cell that a position p of the endless
 * sequence 0, 1, 2, ... falls on, with lap = p & ~mask, it is
 *
 *	lap             free: the producer that claims p may write
 *	lap + 1         published: the consumer may read p
 *	lap + mask + 1  released: free for the next lap
 *
 * all modulo 2^32. So zeroed memory is an empty ring, and the memory order
 * that matters is that of the turns alone: whoever stores a turn releases
 * what it did to the cell, whoever loads it acquires that.
 */

#define LINE_BYTES 64

static uint32_t lap_of(const struct ring *r, uint32_t position)
{
	return position & ~r->mask;
}

static _Atomic uint32_t *turn_of(const struct ring *r, uint32_t position)
{
	return &r->turns[position & r->mask];
}

static void *cell_of(const struct ring *r, uint32_t position)
{
	return r->cells + (position & r->mask) * r->cell_bytes;
}

int ring_init(struct ring *r, uint32_t cells, size_t cell_bytes)
{
	size_t turns_bytes = cells * sizeof(*r->turns);
	size_t bytes;
	uint8_t *base;

	assert(cells >= 2 && (cells & (cells - 1)) == 0 && cell_bytes > 0);

	memset(r, 0, sizeof(*r));
	/* Whole cache lines, so that two producers never write the same. */
	turns_bytes = (turns_bytes + LINE_BYTES - 1) &
		      ~(size_t)(LINE_BYTES - 1);
	if (__builtin_add_overflow(cell_bytes, LINE_BYTES - 1, &cell_bytes))
		return -ENOMEM;
	cell_bytes &= ~(size_t)(LINE_BYTES - 1);
	if (__builtin_mul_overflow(cell_bytes, cells, &bytes) ||
	    __builtin_add_overflow(bytes, turns_bytes, &bytes))
		return -ENOMEM;

	base = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return -ENOMEM;
	r->turns = (_Atomic uint32_t *)(void *)base;
	r->cells = base + turns_bytes;
	r->cell_bytes = cell_bytes;
	r->mapped_bytes = bytes;
	r->mask = cells - 1;
	return 0;
}

void ring_fini(struct ring *r)
{
	if (!r->turns)
		return;
	munmap((void *)r->turns, r->mapped_bytes);
	memset(r, 0, sizeof(*r));
}

void *ring_claim(struct ring *r, uint32_t *ticket)
{
	uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	for (;;) {
		uint32_t turn = atomic_load_explicit(turn_of(r, tail),
						     memory_order_acquire);
		int32_t ahead = (int32_t)(turn - lap_of(r, tail));

		if (ahead < 0) /* still holds what the last lap wrote */
			return NULL;
		if (ahead > 0) { /* another producer was faster */
			tail = atomic_load_explicit(&r->tail,
						    memory_order_relaxed);
			continue;
		}
		if (atomic_compare_exchange_weak_explicit(
			    &r->tail, &tail, tail + 1, memory_order_relaxed,
			    memory_order_relaxed)) {
			*ticket = tail;
			return cell_of(r, tail);
		}
	}
}

void ring_publish(struct ring *r, uint32_t ticket)
{
	atomic_store_explicit(turn_of(r, ticket), lap_of(r, ticket) + 1,
			      memory_order_release);
}

void *ring_peek(struct ring *r)
{
	return ring_peek_at(r, 0);
}

void *ring_peek_at(struct ring *r, uint32_t ahead)
{
	uint32_t position = r->head + ahead;
	uint32_t turn = atomic_load_explicit(turn_of(r, position),
					     memory_order_acquire);

	return turn == lap_of(r, position) + 1 ? cell_of(r, position) : NULL;
}

void ring_release(struct ring *r)
{
	atomic_store_explicit(turn_of(r, r->head),
			      lap_of(r, r->head) + r->mask + 1,
			      memory_order_release);
	r->head++;
}
