/*
 * Hearing of changes: the connection that listens.
 *
 * It subscribes to our channel turnpike:changed, whose messages are keys of
 * either schema, or "*" for everything, and to the keyspace notifications of
 * both schemas. A server may allow one, the other, or none of them.
 */
#ifndef TURNPIKE_STORE_REDIS_SUBSCRIPTION_H
#define TURNPIKE_STORE_REDIS_SUBSCRIPTION_H

#include "store/redis_connection.h"

#define REDIS_CHANNEL "turnpike:changed"

struct redis_subscription_hooks {
	/* From now on changes are heard; those before were not. */
	void (*ready)(void *owner);
	void (*changed)(void *owner, struct bytes key);
	void (*everything)(void *owner);
};

struct redis_subscription {
	struct redis_loop *loop;
	const struct redis_subscription_hooks *hooks;
	void *owner;
	bool wanted; /* there is a server to listen to */
	struct redis_setup setup;
	uint32_t answers; /* to what was subscribed to */
	bool is_ready;
	bool has_channel;
	bool has_keyspace;
	bool heard_channel;
	bool heard_keyspace;
	uint64_t ready_due_ms;
	uint64_t asked_ms; /* 0: nothing asked since something was heard */
	uint64_t retry_ms;
	struct redis_gate failed;
	struct redis_connection connection;
};

/* In zeroed storage; all that is given is borrowed. */
void redis_subscription_init(struct redis_subscription *s,
			     struct redis_loop *loop,
			     const struct redis_subscription_hooks *hooks,
			     void *owner);
void redis_subscription_fini(struct redis_subscription *s);

/* Listens to this server from now on, whatever it takes to. */
void redis_subscription_start(struct redis_subscription *s,
			      const struct redis_endpoint *server);

/* Stops listening. */
void redis_subscription_stop(struct redis_subscription *s);

/* To be called often. */
void redis_subscription_tick(struct redis_subscription *s, uint64_t now_ms);

#endif
