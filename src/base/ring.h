/*
 * A bounded queue of fixed-size cells: many threads push, one thread pops.
 *
 * Lock-free in both directions and never blocking: a full ring refuses, and
 * the producer counts what it could not say. A cell is written and read in
 * place. Cells are address space until used, so large cells cost what was
 * written to them. Waking the consumer up is the caller's business.
 */
#ifndef TURNPIKE_BASE_RING_H
#define TURNPIKE_BASE_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
	uint8_t *cells;
	_Atomic uint32_t *turns; /* per cell: whose turn it is */
	size_t cell_bytes;       /* from one cell to the next */
	size_t mapped_bytes;
	uint32_t mask;                      /* cells - 1 */
	_Alignas(64) _Atomic uint32_t tail; /* next to push */
	_Alignas(64) uint32_t head;         /* next to pop */
};

/*
 * A ring of `cells` (a power of two, at least 2) cells of `cell_bytes` each,
 * aligned to 64 bytes. Returns 0 or -ENOMEM. Mind that `struct ring` is itself
 * aligned to 64 bytes, which plain malloc() does not give.
 */
int ring_init(struct ring *r, uint32_t cells, size_t cell_bytes);

/* Releases the memory. No thread may be using the ring. Safe when zeroed. */
void ring_fini(struct ring *r);

/*
 * Claims the next cell for writing and sets `ticket`. Returns the cell, of
 * cell_bytes, or NULL if the ring is full. Every claim must be followed by
 * ring_publish() with its ticket, soon: later cells wait for it.
 */
void *ring_claim(struct ring *r, uint32_t *ticket);

/* Hands a claimed cell to the consumer. */
void ring_publish(struct ring *r, uint32_t ticket);

/*
 * The oldest published cell, or NULL if there is none. It stays the
 * consumer's until ring_release(). Only the consuming thread may call.
 */
void *ring_peek(struct ring *r);

/*
 * The published cell that comes `ahead` cells after the oldest, or NULL if
 * there is none: for a consumer that works on several at a time.
 */
void *ring_peek_at(struct ring *r, uint32_t ahead);

/* Gives the oldest cell, which ring_peek() returned, back to the producers. */
void ring_release(struct ring *r);

#endif
