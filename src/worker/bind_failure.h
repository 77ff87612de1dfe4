/*
 * A socket that cannot be bound, in words: which, why, and what helps.
 */
#ifndef TURNPIKE_WORKER_BIND_FAILURE_H
#define TURNPIKE_WORKER_BIND_FAILURE_H

#include "base/log.h"

/* What helps; `error` is a negative errno. */
const char *bind_failure_remedy(int error);

/* Begins a record about `address`; `error` is a negative errno. */
void bind_failure_describe(struct log_record *r, enum log_level level,
			   const char *message, const struct addr *address,
			   int error);

#endif
