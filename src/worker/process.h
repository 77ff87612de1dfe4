/*
 * What the kernel says of this process, for process_* metrics.
 */
#ifndef TURNPIKE_WORKER_PROCESS_H
#define TURNPIKE_WORKER_PROCESS_H

#include "ctl/metrics.h"

/*
 * Fills in all of it; what cannot be read is 0. Costs some microseconds,
 * however many descriptors are open.
 */
void process_measure(struct metrics_process *out);

#endif
