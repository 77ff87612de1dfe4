#include "worker/capture.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/crypto.h"
#include "base/ring.h"
#include "stun/redact.h"

/* A second of what a busy server is asked. */
#define CAPTURE_MESSAGES 1024

struct capture {
	struct ring ring;
	struct addr client;
	uint64_t began_mono_ms;
	int64_t began_wall_ms;
	struct hash_key key;
	_Atomic uint64_t lost;
};

struct capture *capture_new(const struct addr *client, const struct now *now,
			    int64_t wall_ms, const struct hash_key *key)
{
	struct capture *c = aligned_alloc(_Alignof(struct capture), sizeof(*c));

	if (!c)
		return NULL;
	memset(c, 0, sizeof(*c));
	if (ring_init(&c->ring, CAPTURE_MESSAGES,
		      sizeof(struct capture_message))) {
		free(c);
		return NULL;
	}
	c->client = addr_with_port(client, 0);
	c->began_mono_ms = now->mono_ms;
	c->began_wall_ms = wall_ms;
	c->key = *key;
	return c;
}

void capture_free(struct capture *c)
{
	if (!c)
		return;
	ring_fini(&c->ring);
	crypto_wipe(c, sizeof(*c));
	free(c);
}

static bool wants(const struct capture *c, const struct addr *client,
		  struct bytes datagram)
{
	return (c->client.family == ADDR_NONE ||
		addr_same_ip(&c->client, client)) &&
	       stun_is_capturable(datagram);
}

void capture_put(struct capture *c, const struct now *now, bool inbound,
		 uint16_t listener, const struct addr *client,
		 struct bytes datagram)
{
	struct capture_message *m;
	struct bytes kept = datagram;
	uint32_t ticket;

	if (!wants(c, client, datagram))
		return;
	m = ring_claim(&c->ring, &ticket);
	if (!m) {
		atomic_fetch_add_explicit(&c->lost, 1, memory_order_relaxed);
		return;
	}
	if (kept.len > CAPTURE_MESSAGE_MAX_BYTES)
		kept.len = CAPTURE_MESSAGE_MAX_BYTES;
	m->wall_ms =
		c->began_wall_ms + (int64_t)(now->mono_ms - c->began_mono_ms);
	m->inbound = inbound;
	m->listener = listener;
	m->client = *client;
	m->bytes = (uint16_t)kept.len;
	m->original_bytes = (uint16_t)datagram.len;
	stun_redact(kept, &c->key, m->data);
	ring_publish(&c->ring, ticket);
}

const struct capture_message *capture_peek(struct capture *c)
{
	return ring_peek(&c->ring);
}

void capture_release(struct capture *c)
{
	ring_release(&c->ring);
}

uint64_t capture_lost(const struct capture *c)
{
	return atomic_load_explicit(&c->lost, memory_order_relaxed);
}
