#include "worker/logger.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/ring.h"
#include "worker/journal.h"

/* Records under way; what sessions of a busy second add up to. */
#define RING_RECORDS 512
/* How long the end waits for a reader that does not read. */
#define END_WAIT_MS 2000
#define POLL_MS 200
/* How long a writer that has patience pauses at a time. */
#define WAIT_MS 1

struct logger {
	_Alignas(64) struct ring ring; /* of struct log_record */
	sem_t pushed;
	pthread_t thread;
	enum logger_format format; /* any but LOGGER_AUTO */
	bool has_prefix;           /* of the level, for systemd to read */
	_Atomic int level;
	_Atomic uint64_t lost;
	_Atomic int patience_ms; /* left */
	uint64_t lost_told;      /* of those, how many a line has told of */
	_Atomic bool ending;
	int waited_ms; /* since then, all in all */
};

static int64_t wall_s(void)
{
	return (int64_t)time(NULL);
}

/*
 * Whether stderr takes something now. While the service runs this waits as
 * long as it takes; at its end only for a while, as a reader that has stopped
 * must not keep the service from ending.
 */
static bool wait_writable(struct logger *l)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };

	while (poll(&p, 1, l->waited_ms < END_WAIT_MS ? POLL_MS : 0) == 0) {
		if (!atomic_load_explicit(&l->ending, memory_order_relaxed))
			continue;
		if (l->waited_ms >= END_WAIT_MS)
			return false;
		l->waited_ms += POLL_MS;
	}
	return true;
}

/* A line nobody can take is lost: there is nowhere else to say so. */
static bool write_all(struct logger *l, const char *line, size_t len)
{
	while (len > 0) {
		ssize_t done;

		if (!wait_writable(l))
			return false;
		done = write(STDERR_FILENO, line, len);
		if (done < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (done < 0)
			return false;
		line += done;
		len -= (size_t)done;
	}
	return true;
}

/* "2027-01-31T12:00:00Z warning ", or "<4>warning " for systemd. */
static size_t begin_line(const struct logger *l, const struct log_record *r,
			 char *out, size_t size)
{
	const char *level = log_level_name(r->level);
	struct tm tm;
	time_t t = (time_t)r->wall_s;
	size_t used = 0;

	if (l->has_prefix)
		return (size_t)snprintf(out, size, "<%d>%s ", (int)r->level,
					level);
	if (gmtime_r(&t, &tm))
		used = strftime(out, size, "%Y-%m-%dT%H:%M:%SZ ", &tm);
	return used + (size_t)snprintf(out + used, size - used, "%s ", level);
}

static bool write_line(struct logger *l, const struct log_record *r)
{
	char line[LOG_LINE_BYTES + 64];
	size_t used = 0;

	if (l->format == LOGGER_JSON) {
		used = log_format_json(r, line, sizeof(line) - 1);
	} else {
		used = begin_line(l, r, line, sizeof(line));
		used += log_format_text(r, line + used,
					sizeof(line) - 1 - used);
	}
	line[used++] = '\n';
	return write_all(l, line, used);
}

static bool write_record(struct logger *l, const struct log_record *r)
{
	if (l->format == LOGGER_JOURNAL && journal_write(r) == 0)
		return true;
	return write_line(l, r);
}

/* Before the next line: how many did not get here since the last time. */
static void tell_lost(struct logger *l)
{
	uint64_t lost = atomic_load_explicit(&l->lost, memory_order_relaxed);
	struct log_record r;

	if (lost == l->lost_told)
		return;
	logger_begin(&r, LOG_LEVEL_WARNING, "log lines lost");
	log_number(&r, "count", lost - l->lost_told);
	log_number(&r, "since_start", lost);
	if (write_record(l, &r))
		l->lost_told = lost;
}

static void write_waiting(struct logger *l)
{
	struct log_record *r;

	while ((r = ring_peek(&l->ring))) {
		tell_lost(l);
		if (!write_record(l, r))
			atomic_fetch_add_explicit(&l->lost, 1,
						  memory_order_relaxed);
		ring_release(&l->ring);
	}
}

static void *run(void *self)
{
	struct logger *l = self;
	bool ending;

	pthread_setname_np(pthread_self(), "log");
	do {
		while (sem_wait(&l->pushed) < 0)
			continue;
		/* Asked first, so that what came before it is written. */
		ending = atomic_load(&l->ending);
		write_waiting(l);
	} while (!ending);
	tell_lost(l);
	return NULL;
}

/* The thread takes no signal, SIGPIPE of a closed stderr included. */
static int start(struct logger *l)
{
	sigset_t all, old;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&l->thread, NULL, run, l);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -error;
}

static enum logger_format choose(enum logger_format format)
{
	if (format == LOGGER_AUTO)
		format = journal_is_stderr() ? LOGGER_JOURNAL : LOGGER_TEXT;
	if (format == LOGGER_JOURNAL && !journal_exists())
		format = LOGGER_TEXT;
	return format;
}

static int init(struct logger *l)
{
	int error =
		ring_init(&l->ring, RING_RECORDS, sizeof(struct log_record));

	if (error)
		return error;
	sem_init(&l->pushed, 0, 0);
	error = start(l);
	if (error) {
		sem_destroy(&l->pushed);
		ring_fini(&l->ring);
	}
	return error;
}

int logger_new(struct logger **out, enum logger_format format,
	       enum log_level level)
{
	struct logger *l = aligned_alloc(_Alignof(struct logger), sizeof(*l));
	int error;

	if (!l)
		return -ENOMEM;
	memset(l, 0, sizeof(*l));
	l->format = choose(format);
	l->has_prefix = journal_is_stderr();
	atomic_init(&l->level, level);
	error = init(l);
	if (error) {
		free(l);
		return error;
	}
	*out = l;
	return 0;
}

/* The journal, too, may have stopped reading: then the thread is left. */
static bool ended(struct logger *l)
{
	struct timespec until;

	atomic_store(&l->ending, true);
	sem_post(&l->pushed);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 2 * END_WAIT_MS / 1000;
	return pthread_timedjoin_np(l->thread, NULL, &until) == 0;
}

void logger_free(struct logger *l)
{
	if (!l || !ended(l))
		return;
	sem_destroy(&l->pushed);
	ring_fini(&l->ring);
	free(l);
}

void logger_set_level(struct logger *l, enum log_level level)
{
	atomic_store_explicit(&l->level, level, memory_order_relaxed);
}

uint64_t logger_lost(const struct logger *l)
{
	return atomic_load_explicit(&l->lost, memory_order_relaxed);
}

/* Only what the record uses: the rest of it was never written. */
static void copy(struct log_record *to, const struct log_record *from)
{
	memcpy(to, from,
	       offsetof(struct log_record, fields) +
		       from->field_count * sizeof(from->fields[0]));
	memcpy(to->text, from->text, from->text_used);
}

void logger_be_patient(struct logger *l, uint32_t wait_ms)
{
	atomic_store(&l->patience_ms, (int)wait_ms);
}

/* Returns whether some time was left to wait, which is over now. */
static bool wait_for_room(struct logger *l)
{
	struct timespec pause = { .tv_nsec = WAIT_MS * 1000000L };

	if (atomic_load_explicit(&l->patience_ms, memory_order_relaxed) <= 0)
		return false;
	atomic_fetch_sub(&l->patience_ms, WAIT_MS);
	nanosleep(&pause, NULL);
	return true;
}

void logger_put(struct logger *l, const struct log_record *record)
{
	struct log_record *cell;
	uint32_t ticket;

	if ((int)record->level >
	    atomic_load_explicit(&l->level, memory_order_relaxed))
		return;
	do {
		cell = ring_claim(&l->ring, &ticket);
	} while (!cell && wait_for_room(l));
	if (!cell) {
		atomic_fetch_add_explicit(&l->lost, 1, memory_order_relaxed);
		return;
	}
	copy(cell, record);
	ring_publish(&l->ring, ticket);
	sem_post(&l->pushed);
}

void logger_begin(struct log_record *r, enum log_level level,
		  const char *message)
{
	log_begin(r, level, message, wall_s());
}

void logger_say(struct logger *l, enum log_level level, const char *message)
{
	struct log_record r;

	logger_begin(&r, level, message);
	logger_put(l, &r);
}
