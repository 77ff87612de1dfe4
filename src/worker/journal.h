/*
 * Log records as entries of the systemd journal.
 *
 * An entry has the line of the text form as its MESSAGE, the level as its
 * PRIORITY, and each field once more by itself: `client` is TURNPIKE_CLIENT,
 * so that `journalctl TURNPIKE_USER=alice` finds a user's sessions.
 */
#ifndef TURNPIKE_WORKER_JOURNAL_H
#define TURNPIKE_WORKER_JOURNAL_H

#include <sys/uio.h>

#include "base/log.h"

/* Whether stderr is connected to the journal (systemd.exec(5)). */
bool journal_is_stderr(void);

/* Whether there is a journal to write to. */
bool journal_exists(void);

/* MESSAGE, PRIORITY, SYSLOG_IDENTIFIER and a record's fields. */
#define JOURNAL_FIELDS_MAX (3 + LOG_FIELDS_MAX)

struct journal_entry {
	unsigned count;
	struct iovec fields[JOURNAL_FIELDS_MAX]; /* into text */
	char text[4 * LOG_LINE_BYTES];
};

/* Makes the entry of a record. */
void journal_format(struct journal_entry *e, const struct log_record *r);

/*
 * Hands a record to the journal; may block until the journal takes it.
 * Returns 0 or a negative errno.
 */
int journal_write(const struct log_record *r);

#endif
