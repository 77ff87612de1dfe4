/*
 * A start that fails: says why, in the log, and keeps the exit status. Both
 * ways return false, so that a step of the start can end with them.
 */
#ifndef TURNPIKE_WORKER_START_FAILED_H
#define TURNPIKE_WORKER_START_FAILED_H

#include "base/log.h"

struct service;

/* With a record that says all. */
bool start_failed(struct service *s, int exit_status,
		  const struct log_record *r);

/* With an errno, negative, and a remedy or NULL. */
bool start_failed_because(struct service *s, const char *message, int error,
			  const char *remedy);

#endif
