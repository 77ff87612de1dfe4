#include "worker/refusals.h"

#include <pthread.h>
#include <stdlib.h>

/*
 * A lock is cheap here: a refusal follows a request with a nonce of ours,
 * never a packet, and a flood of strangers causes none.
 */
struct refusals {
	pthread_mutex_t lock;
	uint64_t total; /* ever put in; the next place is this, modulo MAX */
	struct refusal items[REFUSALS_MAX];
};

struct refusals *refusals_new(void)
{
	struct refusals *r = calloc(1, sizeof(*r));

	if (r)
		pthread_mutex_init(&r->lock, NULL);
	return r;
}

void refusals_free(struct refusals *r)
{
	if (!r)
		return;
	pthread_mutex_destroy(&r->lock);
	free(r);
}

void refusals_put(struct refusals *r, const struct refusal *refusal)
{
	pthread_mutex_lock(&r->lock);
	r->items[r->total++ % REFUSALS_MAX] = *refusal;
	pthread_mutex_unlock(&r->lock);
}

unsigned refusals_copy(struct refusals *r, struct refusal *out, unsigned max,
		       uint64_t *total)
{
	unsigned count = 0;
	uint64_t i;

	pthread_mutex_lock(&r->lock);
	i = r->total;
	while (count < max && count < REFUSALS_MAX && i > 0)
		out[count++] = r->items[--i % REFUSALS_MAX];
	if (total)
		*total = r->total;
	pthread_mutex_unlock(&r->lock);
	return count;
}
