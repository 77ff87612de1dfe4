#include "store/redis_readers.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/ring.h"

/* An event as it is in a ring: those of a realm are not. */
struct cell {
	enum redis_event_kind kind;
	uint8_t realm;
	uint16_t name_bytes;
	struct redis_answer answer;
	uint8_t name[STUN_USERNAME_MAX_BYTES];
};

struct reader {
	_Alignas(64) struct ring ring;
	bool flush_waits; /* for room in the ring */
	bool is_to_wake;
	/* Realms whose set has changed since it was taken, a bit each. */
	_Alignas(64) _Atomic uint32_t secrets;
	_Atomic uint32_t options;
};

struct realm {
	struct redis_secrets secrets;
	struct redis_realm options;
};

struct redis_readers {
	struct reader readers[TURN_WORKERS_MAX + 1];
	const struct redis_store_hooks *hooks;
	uint16_t workers; /* the main thread's number, too */
	uint8_t realm_count;
	pthread_mutex_t lock; /* of the realms */
	struct realm realms[TURN_REALMS_MAX];
};

_Static_assert(TURN_REALMS_MAX <= 32, "a bit for each realm");

int redis_readers_new(struct redis_readers **out, uint16_t workers,
		      uint8_t realms, const struct redis_store_hooks *hooks)
{
	struct redis_readers *r =
		aligned_alloc(_Alignof(struct redis_readers), sizeof(*r));
	int error = 0;

	if (!r)
		return -ENOMEM;
	assert(workers <= TURN_WORKERS_MAX && realms <= TURN_REALMS_MAX);
	memset(r, 0, sizeof(*r));
	r->hooks = hooks;
	r->workers = workers;
	r->realm_count = realms;
	pthread_mutex_init(&r->lock, NULL);
	for (uint16_t i = 0; i < workers && !error; i++)
		error = ring_init(&r->readers[i].ring, REDIS_READER_EVENTS,
				  sizeof(struct cell));
	if (error) {
		redis_readers_free(r);
		return error;
	}
	*out = r;
	return 0;
}

void redis_readers_free(struct redis_readers *r)
{
	struct redis_event event;

	if (!r)
		return;
	/* Keys may lie in what nobody took. */
	for (uint16_t i = 0; i < r->workers; i++)
		while (r->readers[i].ring.cells &&
		       redis_readers_next(r, i, &event))
			continue;
	crypto_wipe(&event, sizeof(event));
	for (uint16_t i = 0; i < r->workers; i++)
		ring_fini(&r->readers[i].ring);
	pthread_mutex_destroy(&r->lock);
	crypto_wipe(r->realms, sizeof(r->realms));
	free(r);
}

/* --- putting in --- */

static struct cell *begin(struct reader *reader, enum redis_event_kind kind,
			  uint32_t *ticket)
{
	struct cell *cell = ring_claim(&reader->ring, ticket);

	if (cell) {
		cell->kind = kind;
		cell->realm = 0;
		cell->name_bytes = 0;
	}
	return cell;
}

static void end(struct reader *reader, uint32_t ticket)
{
	ring_publish(&reader->ring, ticket);
	reader->is_to_wake = true;
}

static void set_name(struct cell *cell, uint8_t realm, struct bytes name)
{
	assert(name.len <= sizeof(cell->name));
	cell->realm = realm;
	cell->name_bytes = (uint16_t)name.len;
	if (name.len > 0)
		memcpy(cell->name, name.data, name.len);
}

/* Whether there is none, or it has gone in now. */
static bool put_flush(struct reader *reader)
{
	uint32_t ticket;

	if (!reader->flush_waits)
		return true;
	if (!begin(reader, REDIS_EVENT_FLUSH, &ticket))
		return false;
	end(reader, ticket);
	reader->flush_waits = false;
	return true;
}

bool redis_readers_answer(struct redis_readers *r, uint16_t reader,
			  uint8_t realm, struct bytes name,
			  const struct redis_answer *answer)
{
	struct reader *to = &r->readers[reader];
	struct cell *cell;
	uint32_t ticket;

	assert(reader < r->workers);
	/* An answer must not overtake what would make it new. */
	if (!put_flush(to))
		return false;
	cell = begin(to, REDIS_EVENT_ANSWER, &ticket);
	if (!cell)
		return false;
	set_name(cell, realm, name);
	cell->answer = *answer;
	end(to, ticket);
	return true;
}

static void put_changed(struct reader *to, uint8_t realm, struct bytes name)
{
	struct cell *cell;
	uint32_t ticket;

	if (to->flush_waits)
		return;
	cell = begin(to, REDIS_EVENT_CHANGED, &ticket);
	if (!cell) {
		to->flush_waits = true;
		return;
	}
	set_name(cell, realm, name);
	end(to, ticket);
}

void redis_readers_changed(struct redis_readers *r, uint8_t realm,
			   struct bytes name)
{
	for (uint16_t i = 0; i < r->workers; i++)
		put_changed(&r->readers[i], realm, name);
}

void redis_readers_flush(struct redis_readers *r)
{
	for (uint16_t i = 0; i < r->workers; i++) {
		r->readers[i].flush_waits = true;
		(void)put_flush(&r->readers[i]);
	}
}

static void mark(struct reader *reader, _Atomic uint32_t *bits, uint8_t realm)
{
	atomic_fetch_or(bits, UINT32_C(1) << realm);
	reader->is_to_wake = true;
}

void redis_readers_set_secrets(struct redis_readers *r, uint8_t realm,
			       const struct redis_secrets *secrets)
{
	pthread_mutex_lock(&r->lock);
	r->realms[realm].secrets = *secrets;
	pthread_mutex_unlock(&r->lock);
	for (uint16_t i = 0; i < r->workers; i++)
		mark(&r->readers[i], &r->readers[i].secrets, realm);
}

void redis_readers_set_options(struct redis_readers *r, uint8_t realm,
			       const struct redis_realm *options)
{
	struct reader *to = &r->readers[r->workers];

	pthread_mutex_lock(&r->lock);
	r->realms[realm].options = *options;
	pthread_mutex_unlock(&r->lock);
	mark(to, &to->options, realm);
}

void redis_readers_wake(struct redis_readers *r)
{
	for (uint16_t i = 0; i <= r->workers; i++) {
		struct reader *reader = &r->readers[i];

		(void)put_flush(reader);
		if (!reader->is_to_wake)
			continue;
		reader->is_to_wake = false;
		r->hooks->wake(r->hooks->arg, i);
	}
}

/* --- taking out --- */

/* Takes the lowest realm that is marked; false if none is. */
static bool take_mark(_Atomic uint32_t *bits, uint8_t *realm)
{
	uint32_t marked = atomic_load_explicit(bits, memory_order_acquire);

	if (marked == 0)
		return false;
	*realm = (uint8_t)__builtin_ctz(marked);
	atomic_fetch_and(bits, ~(UINT32_C(1) << *realm));
	return true;
}

static bool next_state(struct redis_readers *r, struct reader *reader,
		       struct redis_event *out)
{
	if (take_mark(&reader->secrets, &out->realm))
		out->kind = REDIS_EVENT_SECRETS;
	else if (take_mark(&reader->options, &out->realm))
		out->kind = REDIS_EVENT_REALM;
	else
		return false;
	out->name_bytes = 0;
	pthread_mutex_lock(&r->lock);
	if (out->kind == REDIS_EVENT_SECRETS)
		out->secrets = r->realms[out->realm].secrets;
	else
		out->options = r->realms[out->realm].options;
	pthread_mutex_unlock(&r->lock);
	return true;
}

bool redis_readers_next(struct redis_readers *r, uint16_t reader,
			struct redis_event *out)
{
	struct reader *from = &r->readers[reader];
	struct cell *cell;

	assert(reader <= r->workers);
	if (next_state(r, from, out))
		return true;
	cell = from->ring.cells ? ring_peek(&from->ring) : NULL;
	if (!cell)
		return false;
	out->kind = cell->kind;
	out->realm = cell->realm;
	out->name_bytes = cell->name_bytes;
	memcpy(out->name, cell->name, cell->name_bytes);
	if (cell->kind == REDIS_EVENT_ANSWER) {
		out->answer = cell->answer;
		crypto_wipe(&cell->answer, sizeof(cell->answer));
	}
	ring_release(&from->ring);
	return true;
}
