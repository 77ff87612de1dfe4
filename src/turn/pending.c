#include "turn/pending.h"

#include <errno.h>

int pendings_init(struct pendings *p, const struct hash_key *key,
		  uint64_t now_ms)
{
	*p = (struct pendings){ .key = *key };
	if (pool_init(&p->pool, sizeof(struct pending), PENDING_MAX, false) ||
	    map_init(&p->by_source, &p->pool,
		     offsetof(struct pending, by_source))) {
		pendings_fini(p);
		return -ENOMEM;
	}
	timer_wheel_init(&p->timers, &p->pool, offsetof(struct pending, timer),
			 now_ms);
	return 0;
}

void pendings_fini(struct pendings *p)
{
	map_fini(&p->by_source);
	pool_fini(&p->pool);
}

/* Whether `in` is the request `w` once more, RFC 8489 section 6.2.1. */
static bool is_retransmission(const struct pending *w,
			      const struct datagram *in)
{
	return w->listener == in->listener &&
	       addr_equal(&w->source, &in->source) &&
	       bytes_equal(bytes_of(w->data, w->data_bytes), in->data);
}

enum pending_result pendings_add(struct pendings *p, uint64_t now_ms,
				 const struct datagram *in, uint32_t *index)
{
	struct addr ip = addr_with_port(&in->source, 0);
	uint32_t hash =
		(uint32_t)hash_bytes(&p->key, bytes_of(&ip, sizeof(ip)));
	unsigned waiting = 0;
	struct pending *w;
	uint32_t i = map_first(&p->by_source, hash);

	for (; i != POOL_NONE; i = map_next(&p->by_source, i)) {
		w = pool_at(&p->pool, i);
		if (is_retransmission(w, in))
			return PENDING_JOINED;
		waiting += addr_same_ip(&w->source, &in->source);
	}
	if (waiting >= PENDING_PER_SOURCE || in->data.len > PENDING_DATA_BYTES)
		return PENDING_REFUSED;
	i = pool_take(&p->pool);
	if (i == POOL_NONE)
		return PENDING_REFUSED;
	w = pool_at(&p->pool, i);
	w->source = in->source;
	w->listener = in->listener;
	w->tos = in->tos;
	w->data_bytes = (uint16_t)in->data.len;
	memcpy(w->data, in->data.data, in->data.len);
	map_add(&p->by_source, i, hash);
	timer_arm(&p->timers, i, now_ms + PENDING_TIMEOUT_MS);
	*index = i;
	return PENDING_ADDED;
}

struct datagram pendings_datagram(const struct pendings *p, uint32_t index)
{
	const struct pending *w = pool_at(&p->pool, index);

	return (struct datagram){
		.data = bytes_of(w->data, w->data_bytes),
		.source = w->source,
		.listener = w->listener,
		.tos = w->tos,
	};
}

void pendings_remove(struct pendings *p, uint32_t index)
{
	timer_disarm(&p->timers, index);
	map_remove(&p->by_source, index);
	pool_give(&p->pool, index);
}
