/*
 * Hairpin datagrams for a worker, from other workers.
 *
 * A bounded ring and a descriptor that wakes the worker. Whoever puts
 * something in wakes the owner once, after the last of a batch. The same
 * descriptor tells the owner of changed settings (worker.c).
 */
#ifndef TURNPIKE_WORKER_INBOX_H
#define TURNPIKE_WORKER_INBOX_H

#include "base/pool.h"
#include "base/ring.h"
#include "turn/datagram.h"

#define INBOX_DATAGRAMS 512 /* a power of two */

/* A datagram from one of our allocations to another. */
struct inbox_datagram {
	struct ref allocation; /* who is to get it */
	struct addr from;      /* the sender's relayed address */
	uint8_t tos;
	uint16_t bytes;
	uint8_t data[DATAGRAM_MAX_BYTES];
};

struct inbox {
	struct ring ring;
	int event_fd;
	_Atomic bool woken; /* since the owner last looked */
};

/* An empty inbox in zeroed storage. Returns 0 or a negative errno. */
int inbox_init(struct inbox *b);

/* Safe on zeroed storage. */
void inbox_fini(struct inbox *b);

/* Puts a copy in, from any thread. Returns false if there is no room. */
bool inbox_put(struct inbox *b, struct ref allocation, const struct addr *from,
	       uint8_t tos, struct bytes data);

/* Wakes the owner, from any thread; costs a call only if it may sleep. */
void inbox_wake(struct inbox *b);

/*
 * For the owner alone: to be called when woken, before looking. What is put in
 * later wakes again.
 */
void inbox_awake(struct inbox *b);

/*
 * For the owner alone: the datagram `ahead` places after the oldest, or NULL.
 * It stays until inbox_release() has been called for it and for all before it.
 */
const struct inbox_datagram *inbox_peek(struct inbox *b, uint32_t ahead);
void inbox_release(struct inbox *b);

#endif
