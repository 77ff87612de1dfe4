#include "conf/source.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"

/* Of a number that is too large. */
#define NUMBER_CHARS 20

static bool make_room(struct source *s, size_t len, struct report *report)
{
	/* A newline and a NUL are added. */
	s->text = malloc(len + 2);
	if (!s->text)
		report_error(report, 0, "no memory to read it");
	return s->text != NULL;
}

/* libconfig takes a comment on the last line only if a newline ends it. */
static void end_text(struct source *s, size_t len)
{
	s->text[len] = '\n';
	s->text[len + 1] = '\0';
	s->len = len + 1;
}

static bool size_is_fit(off_t size, struct report *report)
{
	if (size <= SOURCE_MAX_BYTES)
		return true;
	report_error(report, 0, "has %lld bytes; expected at most %d",
		     (long long)size, SOURCE_MAX_BYTES);
	return false;
}

/* Whether the open file is one to read. */
static bool is_fit(int fd, struct source *s, off_t *size, struct report *report)
{
	struct stat st;

	if (fstat(fd, &st) < 0) {
		report_error(report, 0, "cannot be examined: %s",
			     strerror(errno));
		return false;
	}
	if (!S_ISREG(st.st_mode)) {
		report_error(report, 0, "is %s; expected a regular file",
			     S_ISDIR(st.st_mode) ? "a directory"
						 : "not a file");
		return false;
	}
	s->mode = st.st_mode & 07777;
	*size = st.st_size;
	return size_is_fit(st.st_size, report);
}

static bool read_all(int fd, struct source *s, size_t size,
		     struct report *report)
{
	size_t used = 0;

	while (used < size) {
		ssize_t got = read(fd, s->text + used, size - used);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			report_error(report, 0, "cannot be read: %s",
				     strerror(errno));
			return false;
		}
		if (got == 0)
			break;
		used += (size_t)got;
	}
	end_text(s, used);
	return true;
}

static bool read_open(int fd, struct source *s, struct report *report)
{
	off_t size;

	if (!is_fit(fd, s, &size, report) ||
	    !make_room(s, (size_t)size, report))
		return false;
	if (read_all(fd, s, (size_t)size, report))
		return true;
	free(s->text);
	return false;
}

bool source_read(struct source *s, const char *path, struct report *report)
{
	/* Not to wait for the other end of a FIFO. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	bool ok;

	*s = (struct source){ .text = NULL };
	if (fd < 0) {
		report_error(report, 0, "cannot be opened: %s",
			     strerror(errno));
		return false;
	}
	ok = read_open(fd, s, report);
	close(fd);
	if (!ok)
		*s = (struct source){ .text = NULL };
	return ok;
}

bool source_copy(struct source *s, struct bytes text, struct report *report)
{
	*s = (struct source){ .mode = 0600 };
	if (!size_is_fit((off_t)text.len, report) ||
	    !make_room(s, text.len, report))
		return false;
	if (text.len > 0)
		memcpy(s->text, text.data, text.len);
	end_text(s, text.len);
	return true;
}

void source_fini(struct source *s)
{
	if (s->text)
		crypto_wipe(s->text, s->len);
	free(s->text);
	*s = (struct source){ .text = NULL };
}

/* Where in the text we are, by libconfig's own rules, but that it lets a text
 * go on over lines, where one who forgot its end is told of another line. */
enum place { OUTSIDE, LINE_COMMENT, BLOCK_COMMENT, STRING };

struct scan {
	const char *at;
	const char *end;
	unsigned line;
	enum place place;
	unsigned since; /* the line on which the place was entered */
};

static bool sees(const struct scan *scan, const char *text)
{
	size_t len = strlen(text);

	return (size_t)(scan->end - scan->at) >= len &&
	       !memcmp(scan->at, text, len);
}

static void enter(struct scan *scan, enum place place)
{
	scan->place = place;
	scan->since = scan->line;
}

/* libconfig's names also have a star, which then begins no comment. */
static size_t scan_name(const struct scan *scan)
{
	size_t len = 0;

	if (!isalpha((unsigned char)*scan->at) && *scan->at != '*')
		return 0;
	while (isalnum((unsigned char)scan->at[len]) ||
	       (scan->at[len] && strchr("-_*", scan->at[len])))
		len++;
	return len;
}

/* Of a larger number some versions of libconfig take the lower 32 bits. */
static size_t scan_number(const struct scan *scan, struct report *report)
{
	unsigned long long value;
	size_t len;
	char *end;

	errno = 0;
	value = strtoull(scan->at, &end, 10);
	len = (size_t)(end - scan->at);
	if (errno != 0 || value > INT_MAX)
		report_error(report, scan->line,
			     "%.*s%s; expected a number of at most %d",
			     (int)(len < NUMBER_CHARS ? len : NUMBER_CHARS),
			     scan->at, len > NUMBER_CHARS ? "..." : "",
			     INT_MAX);
	return len;
}

/* Each returns how many bytes it has judged, at least one. */
static size_t scan_outside(struct scan *scan, struct report *report)
{
	if (isdigit((unsigned char)*scan->at))
		return scan_number(scan, report);
	if (scan_name(scan) > 0)
		return scan_name(scan);
	if (sees(scan, "/*")) {
		enter(scan, BLOCK_COMMENT);
		return 2;
	}
	if (sees(scan, "//") || sees(scan, "#"))
		enter(scan, LINE_COMMENT);
	else if (sees(scan, "\""))
		enter(scan, STRING);
	else if (sees(scan, "@"))
		report_error(report, scan->line,
			     "\"@\" outside a text; expected no @include: "
			     "the configuration is a single file");
	return 1;
}

static size_t scan_block_comment(struct scan *scan)
{
	if (!sees(scan, "*/"))
		return 1;
	enter(scan, OUTSIDE);
	return 2;
}

static size_t scan_string(struct scan *scan, struct report *report)
{
	if (sees(scan, "\\\\") || sees(scan, "\\\""))
		return 2;
	if (sees(scan, "\\x00") || sees(scan, "\\X00"))
		report_error(report, scan->line,
			     "\"\\x00\" in a text; expected no NUL");
	if (sees(scan, "\n"))
		report_error(report, scan->line,
			     "a text does not end on its line; expected \"");
	if (sees(scan, "\n") || sees(scan, "\""))
		enter(scan, OUTSIDE);
	return 1;
}

static size_t scan_next(struct scan *scan, struct report *report)
{
	switch (scan->place) {
	case OUTSIDE:
		return scan_outside(scan, report);
	case BLOCK_COMMENT:
		return scan_block_comment(scan);
	case STRING:
		return scan_string(scan, report);
	case LINE_COMMENT:
		if (*scan->at == '\n')
			enter(scan, OUTSIDE);
		break;
	}
	return 1;
}

static void advance(struct scan *scan, size_t count)
{
	for (; count > 0; count--, scan->at++)
		scan->line += *scan->at == '\n';
}

bool source_check(const struct source *s, struct report *report)
{
	struct scan scan = {
		.at = s->text,
		.end = s->text + s->len,
		.line = 1,
	};
	unsigned errors = report->count[REPORT_ERROR];

	while (scan.at < scan.end) {
		if (*scan.at == '\0')
			report_error(report, scan.line,
				     "a NUL byte; expected text");
		advance(&scan, scan_next(&scan, report));
	}
	if (scan.place == BLOCK_COMMENT)
		report_error(report, scan.since,
			     "a comment begins and never ends; expected */");
	return report->count[REPORT_ERROR] == errors;
}
