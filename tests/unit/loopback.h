/*
 * Workers that serve a listener of loopback, without the service around them.
 */
#ifndef TURNPIKE_TESTS_LOOPBACK_H
#define TURNPIKE_TESTS_LOOPBACK_H

#include "conf/conf.h"
#include "turn/shared.h"
#include "worker/worker.h"

#define LOOPBACK_WORKERS 2

struct loopback {
	struct conf *conf;
	struct turn_config turn;
	struct turn_shared shared;
	struct worker_commons commons;
	struct worker *workers[LOOPBACK_WORKERS];
	struct turn_listener listener;
	struct worker_credentials credentials;
};

/*
 * Starts it, with those relay ports and one user, alice, whose password is
 * "secret". There is one in a process.
 */
struct loopback *loopback_start(uint16_t first_port, uint16_t last_port);
void loopback_stop(void);

#endif
