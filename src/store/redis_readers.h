/*
 * The store's way to its readers: rings of answers, sets of what is known.
 *
 * One thread puts in, each reader takes its own out. Answers and changes are
 * a ring per reader; what a realm has is a state that is replaced, with a mark
 * per reader, and cannot fill up.
 */
#ifndef TURNPIKE_STORE_REDIS_READERS_H
#define TURNPIKE_STORE_REDIS_READERS_H

#include "store/redis_store.h"

/* Answers and changes that a reader has not taken yet; a power of two. */
#define REDIS_READER_EVENTS 2048

struct redis_readers;

/*
 * Readers for `workers` workers and the main thread, and `realms` realms.
 * `hooks` is borrowed. Returns 0 or -ENOMEM.
 */
int redis_readers_new(struct redis_readers **out, uint16_t workers,
		      uint8_t realms, const struct redis_store_hooks *hooks);

/* Wipes and frees; NULL is allowed. */
void redis_readers_free(struct redis_readers *r);

/* --- for the store's thread --- */

/* An answer to one reader. Returns false if there was no room. */
bool redis_readers_answer(struct redis_readers *r, uint16_t reader,
			  uint8_t realm, struct bytes name,
			  const struct redis_answer *answer);

/* To all workers. What finds no room becomes a flush, and that waits. */
void redis_readers_changed(struct redis_readers *r, uint8_t realm,
			   struct bytes name);
void redis_readers_flush(struct redis_readers *r);

/* What a realm has now: to all workers, and to the main thread. */
void redis_readers_set_secrets(struct redis_readers *r, uint8_t realm,
			       const struct redis_secrets *secrets);
void redis_readers_set_options(struct redis_readers *r, uint8_t realm,
			       const struct redis_realm *options);

/*
 * To be called at the end of a pass: puts in what had to wait, and wakes each
 * reader for whom there is something new.
 */
void redis_readers_wake(struct redis_readers *r);

/* --- for a reader --- */

/* As redis_store_next(). */
bool redis_readers_next(struct redis_readers *r, uint16_t reader,
			struct redis_event *out);

#endif
