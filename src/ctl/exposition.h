/*
 * How metrics are written: families of samples, as Prometheus' text format
 * 0.0.4 or as OpenMetrics 1.0, straight into a buffer.
 *
 *	exposition_family(&x, EXPOSITION_COUNTER, "turnpike_requests",
 *			  "Requests received.");
 *	exposition_add(&x, 12, 1, (struct label[]){ { "method", "refresh" } });
 *
 * writes turnpike_requests_total{method="refresh"} 12. If memory is short the
 * rest is left out, and exposition_end() says so.
 */
#ifndef TURNPIKE_CTL_EXPOSITION_H
#define TURNPIKE_CTL_EXPOSITION_H

#include <event2/buffer.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/histogram.h"

enum exposition_type {
	EXPOSITION_COUNTER,      /* its samples end in _total */
	EXPOSITION_BARE_COUNTER, /* for text alone: they do not, as coturn's */
	EXPOSITION_GAUGE,
	EXPOSITION_INFO, /* its sample, which is 1, ends in _info */
	EXPOSITION_HISTOGRAM,
};

struct label {
	const char *name;
	const char *value; /* any text */
};

struct exposition {
	struct evbuffer *out;
	bool openmetrics;
	bool failed;
	const char *name; /* of the family */
	enum exposition_type type;
};

/*
 * Begins a family. `name` is without the ending of its type, has its unit at
 * its end, and stays borrowed; `help` is one sentence without quotes.
 */
void exposition_family(struct exposition *x, enum exposition_type type,
		       const char *name, const char *help);

/* Adds a sample; `labels` may be NULL if there are none. */
void exposition_add(struct exposition *x, uint64_t value, unsigned label_count,
		    const struct label *labels);

/* The same of a number of nanoseconds, told in seconds, without labels. */
void exposition_add_ns(struct exposition *x, uint64_t value_ns);

/*
 * The samples of a histogram over durations: `buckets`, not cumulated, are
 * those of base/histogram.h.
 */
void exposition_add_histogram(struct exposition *x,
			      const uint64_t buckets[HISTOGRAM_BOUNDS + 1],
			      uint64_t sum_ns);

/* Ends it all. Returns 0, or -ENOMEM if something is missing. */
int exposition_end(struct exposition *x);

#endif
