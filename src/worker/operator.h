/*
 * The operator's hand in the process: the control API's sockets, and its
 * hooks, which look at the workers by their counters alone.
 */
#ifndef TURNPIKE_WORKER_OPERATOR_H
#define TURNPIKE_WORKER_OPERATOR_H

#include "conf/kept_file.h"
#include "ctl/control.h"
#include "store/redis_store.h"

struct service;
struct reload_result;

struct operator_state {
	struct control_config config; /* from operator_prepare() on */
	int socket_error;             /* why there is no socket; not fatal */
	struct control_hooks hooks;
	struct control *control; /* while it serves */
	int64_t started_wall_s;
	uint64_t started_ms;
	struct redis_status redis;    /* of the last look */
	struct reload_result *reload; /* the last one asked for, or NULL */
};

/* No sockets yet. */
void operator_init(struct operator_state *o);

/*
 * Opens the sockets and finds the token, while the process may have the
 * privilege for it. Returns false after start_failed().
 */
bool operator_prepare(struct service *s, struct kept_owner owner);

/* Serves them, once the workers run. Returns false after start_failed(). */
bool operator_start(struct service *s);

/* Closes and removes the sockets. */
void operator_stop(struct service *s);

#endif
