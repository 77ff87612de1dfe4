/*
 * Our counters by the names that coturn gives its metrics, so that dashboards
 * made for coturn show something: what each stands for here, and which coturn
 * has that we have not, is in doc/metrics.md. For metrics.c alone.
 */
#ifndef TURNPIKE_CTL_METRICS_COTURN_H
#define TURNPIKE_CTL_METRICS_COTURN_H

#include "ctl/exposition.h"
#include "ctl/metrics.h"

/* Adds them; `total` is the sum over all workers. */
void metrics_coturn_add(struct exposition *x, const struct metrics_snapshot *s,
			const struct counters *total);

#endif
