/*
 * The service's state, for the files that make up its life: start_failed,
 * startup, redis_feed,
 * watch, reload, service. Belongs to the main thread.
 */
#ifndef TURNPIKE_WORKER_SERVICE_STATE_H
#define TURNPIKE_WORKER_SERVICE_STATE_H

#include <event2/event.h>

#include "net/ifaddr.h"
#include "store/redis_store.h"
#include "turn/shared.h"
#include "worker/advertise.h"
#include "worker/capture_run.h"
#include "worker/drain.h"
#include "worker/in_force.h"
#include "worker/listeners.h"
#include "worker/logger.h"
#include "worker/operator.h"
#include "worker/test_credential.h"
#include "worker/worker.h"

#define SERVICE_STATUS_BYTES 128

struct service {
	const struct conf *conf; /* of the start */
	const struct service_options *options;
	struct in_force force;
	struct ifaddr_monitor addresses;
	bool addresses_open;
	struct listeners listeners;
	struct logger *log;
	struct refusals *refusals;
	struct usage *usage;
	struct turn_shared shared;
	bool shared_made;
	struct worker *workers[LISTENERS_WORKERS_MAX];
	uint16_t workers_made;
	struct redis_store *redis; /* NULL: none */
	int redis_fd;              /* woken when it has news for us */
	struct advertise advertise;

	struct drain drain;
	struct operator_state operator_state;
	struct capture_run capture_run;
	struct test_credential test_credential;
	struct event_base *base; /* the main thread's */
	struct event *let_go;    /* once a second, while something lingers */
	struct event *events[12];
	unsigned event_count;
	uint64_t passes[LISTENERS_WORKERS_MAX]; /* when all had passed */
	uint64_t redis_passes;                  /* the same */
	char status[SERVICE_STATUS_BYTES];      /* told last */
	uint64_t process_start_ns; /* since 1970; 0: not looked up yet */
	int exit_status;
};

/*
 * Opens the log as the configuration wants it. Returns 0 or a negative errno.
 */
int service_open_log(struct service *s);

/* How many allocations live, on all workers. */
uint64_t service_allocations(const struct service *s);

#endif
