/*
 * What /metrics tells, gathered: pointers to what the workers count, and what
 * else there is to know of the process. Asks no worker, and only looks.
 */
#ifndef TURNPIKE_WORKER_TELEMETRY_H
#define TURNPIKE_WORKER_TELEMETRY_H

#include "ctl/metrics.h"

struct service;

/*
 * For the main thread, while the workers are there. The snapshot borrows from
 * the service until that changes. Whether it is ready the caller knows.
 */
void telemetry_measure(struct service *s, struct metrics_snapshot *out);

#endif
