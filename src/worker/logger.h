/*
 * The log's way out: a bounded ring and one thread that formats and writes.
 *
 * Any thread may hand a record in, at the cost of a copy; if the ring is full
 * the record is lost and counted, and the next line that gets through says
 * how many were lost. A reader that stops reading never stalls a worker.
 */
#ifndef TURNPIKE_WORKER_LOGGER_H
#define TURNPIKE_WORKER_LOGGER_H

#include "base/log.h"

enum logger_format {
	LOGGER_AUTO, /* the journal if stderr is connected to it, else text */
	LOGGER_TEXT, /* a line on stderr */
	LOGGER_JSON, /* an object a line on stderr */
	LOGGER_JOURNAL, /* fields to the systemd journal */
};

struct logger;

/*
 * Starts the logging thread. Records less urgent than `level` are ignored.
 * Returns 0 and the logger, or a negative errno.
 */
int logger_new(struct logger **out, enum logger_format format,
	       enum log_level level);

/* Writes what is left, ends the thread, frees. NULL is allowed. */
void logger_free(struct logger *l);

/* Changes the level at once, for all threads. */
void logger_set_level(struct logger *l, enum log_level level);

/*
 * Hands a record in, from any thread. Never blocks, unless logger_be_patient()
 * was called.
 */
void logger_put(struct logger *l, const struct log_record *record);

/*
 * For the end, when all sessions are told of at once and nobody is served any
 * more: from now on logger_put() waits for room, `wait_ms` at most in all.
 */
void logger_be_patient(struct logger *l, uint32_t wait_ms);

/* Begins a record with the current time. */
void logger_begin(struct log_record *r, enum log_level level,
		  const char *message);

/* How many records were lost, from any thread. */
uint64_t logger_lost(const struct logger *l);

/* A record of one message without fields. */
void logger_say(struct logger *l, enum log_level level, const char *message);

#endif
