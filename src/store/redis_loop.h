/*
 * What the parts of the Redis store share: their thread's event loop, the
 * configuration, the clock and the way to the log.
 */
#ifndef TURNPIKE_STORE_REDIS_LOOP_H
#define TURNPIKE_STORE_REDIS_LOOP_H

#include <event2/dns.h>
#include <event2/event.h>

#include "store/redis_store.h"
#include "store/redis_tls.h"

struct redis_loop {
	const struct redis_config *config;
	const struct redis_store_hooks *hooks;
	struct event_base *base;
	struct evdns_base *dns;
	struct redis_tls *tls; /* NULL: in the clear */
};

/* Makes base and resolver; the rest is set. Returns 0 or -ENOMEM. */
int redis_loop_init(struct redis_loop *l);

/* Safe when zeroed, and after a failed redis_loop_init(). */
void redis_loop_fini(struct redis_loop *l);

/* Reads the name servers of this machine again: a network may have changed. */
void redis_loop_read_resolv_conf(struct redis_loop *l);

/* CLOCK_MONOTONIC in milliseconds. */
uint64_t redis_loop_now_ms(void);

/* Begins a record with the current time; redis_loop_log() hands it in. */
void redis_loop_begin(struct log_record *r, enum log_level level,
		      const char *message);
void redis_loop_log(const struct redis_loop *l, const struct log_record *r);

/* A line that could come often comes once in this time. */
#define REDIS_GATE_MS 60000

struct redis_gate {
	uint64_t open_ms;
	uint64_t held; /* lines held back since the last */
};

/*
 * Whether a line may be written now; if so, `held` is how many were held back
 * before it. A zeroed gate is open.
 */
bool redis_gate_pass(struct redis_gate *g, uint64_t now_ms, uint64_t *held);

/* The text of an endpoint, "host:port" or a path; `size` as in the status. */
void redis_endpoint_format(const struct redis_endpoint *e, char *out,
			   size_t size);

#endif
