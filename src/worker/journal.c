/* Where in the source an entry was made says nothing. */
#define SD_JOURNAL_SUPPRESS_LOCATION

#include "worker/journal.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#define SOCKET "/run/systemd/journal/socket"
#define PREFIX "TURNPIKE_"

bool journal_is_stderr(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uint64_t device, inode;
	struct stat st;

	return stream &&
	       sscanf(stream, "%" SCNu64 ":%" SCNu64, &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device &&
	       st.st_ino == inode;
}

bool journal_exists(void)
{
	return access(SOCKET, W_OK) == 0;
}

/* An entry being made: each field is "NAME=value" in the entry's text. */
struct writer {
	struct journal_entry *entry;
	size_t used;
	size_t start; /* of the field at hand */
};

static char *rest(struct writer *w, size_t *room)
{
	*room = sizeof(w->entry->text) - w->used;
	return w->entry->text + w->used;
}

static void begin(struct writer *w, const char *prefix, const char *name)
{
	size_t room;
	char *out = rest(w, &room);
	int len = snprintf(out, room, "%s%s=", prefix, name);

	assert(len > 0 && (size_t)len < room);
	for (int i = 0; i < len; i++)
		out[i] = (char)toupper((unsigned char)out[i]);
	w->start = w->used;
	w->used += (size_t)len;
}

static void end(struct writer *w, size_t len)
{
	struct journal_entry *e = w->entry;

	w->used += len;
	assert(e->count < JOURNAL_FIELDS_MAX);
	e->fields[e->count++] = (struct iovec){
		.iov_base = e->text + w->start,
		.iov_len = w->used - w->start,
	};
}

void journal_format(struct journal_entry *e, const struct log_record *r)
{
	struct writer w = { .entry = e };
	size_t room;
	char *out;

	e->count = 0;
	begin(&w, "", "MESSAGE");
	out = rest(&w, &room);
	end(&w, log_format_text(r, out, room));

	begin(&w, "", "PRIORITY");
	out = rest(&w, &room);
	end(&w, (size_t)snprintf(out, room, "%d", (int)r->level));

	begin(&w, "", "SYSLOG_IDENTIFIER");
	out = rest(&w, &room);
	end(&w, (size_t)snprintf(out, room, "turnpiked"));

	for (uint16_t i = 0; i < r->field_count; i++) {
		begin(&w, PREFIX, r->fields[i].name);
		out = rest(&w, &room);
		end(&w, log_format_value(r, &r->fields[i], out, room));
	}
}

int journal_write(const struct log_record *r)
{
	struct journal_entry e;

	journal_format(&e, r);
	return sd_journal_sendv(e.fields, (int)e.count);
}
