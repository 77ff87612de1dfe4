/*
 * The metrics, as Prometheus reads them: text 0.0.4, or OpenMetrics 1.0 for
 * who asks for it. doc/metrics.md says what each means; a test compares the
 * names here with those there, in the dashboard and in the alerts.
 *
 * Whoever fills in the snapshot hands over the workers' counters by pointer:
 * they are read while a worker writes on, so that no worker is ever asked. No
 * sample depends on a user, and the work not on how many sessions live.
 */
#ifndef TURNPIKE_CTL_METRICS_H
#define TURNPIKE_CTL_METRICS_H

#include <event2/buffer.h>
#include <stdbool.h>

#include "base/histogram.h"
#include "turn/counters.h"

struct metrics_worker {
	const struct counters *counters;
	uint64_t passes; /* of its loop */
	const struct histogram *pass;
	const struct histogram *authentication;
};

/* The fullest socket of a listener. */
struct metrics_listener {
	const char *transport; /* "udp" */
	struct addr local;
	uint64_t waiting_bytes;
	uint64_t room_bytes;
};

struct metrics_realm {
	const char *name;
	uint32_t allocations;
	uint32_t allocations_max; /* 0: no limit of its own */
};

struct metrics_redis {
	bool configured; /* else the rest does not count */
	bool up;
	const char *mode; /* how changes are heard of */
	uint64_t connects;
	uint64_t questions;
	uint64_t questions_full;
	uint64_t queries;
	uint64_t unavailable;
	uint64_t answers_dropped;
	uint64_t changes;
	uint64_t unusable;
	/* Of the workers' caches before it. */
	uint64_t cache_hits;
	uint64_t cache_stale; /* hits that count only while Redis is away */
	uint64_t cache_misses;
};

/* What the conventions for process_* metrics want. */
struct metrics_process {
	uint64_t start_time_ns; /* since 1970 */
	uint64_t cpu_ns;        /* user and system */
	uint64_t resident_bytes;
	uint64_t virtual_bytes;
	uint64_t open_fds; /* 0: the kernel does not tell */
	uint64_t max_fds;
};

struct metrics_snapshot {
	const char *version;
	bool coturn_names; /* control.coturn_metrics */
	bool ready;
	bool draining;
	unsigned restart_pending; /* options that wait for a restart */
	unsigned worker_count;
	struct metrics_worker workers[TURN_WORKERS_MAX];
	unsigned realm_count;
	struct metrics_realm realms[TURN_REALMS_MAX]; /* by number */
	unsigned listener_count;
	struct metrics_listener listeners[TURN_LISTENERS_MAX];
	uint32_t allocations_max;
	uint32_t ports; /* in the relay range */
	uint32_t ports_used;
	uint32_t ports_reserved;
	uint64_t log_lost; /* lines */
	struct metrics_redis redis;
	struct metrics_process process;
};

enum metrics_format { METRICS_TEXT, METRICS_OPENMETRICS };

/*
 * What the value of an Accept field asks for, RFC 9110 section 12.5.1:
 * OpenMetrics 1.0 if it is wanted at least as much as anything else that we
 * have, else text. NULL: there was none.
 */
enum metrics_format metrics_negotiate(const char *accept);

/* The value of Content-Type. */
const char *metrics_content_type(enum metrics_format format);

/*
 * Writes all of it, and where `coturn_names` says so once more by the names
 * that coturn gives its metrics, in text alone: OpenMetrics has no such names.
 * Returns 0, or -ENOMEM with an unusable part written.
 */
int metrics_write(struct evbuffer *out, const struct metrics_snapshot *snapshot,
		  enum metrics_format format);

#endif
