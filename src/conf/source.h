/*
 * The text of a configuration file, read whole and made safe to parse.
 *
 * libconfig silently drops or truncates some of what it is given (NUL bytes,
 * large numbers, a comment that never ends) and opens files for @include. Such
 * texts are refused here, with their line, before libconfig sees them.
 */
#ifndef TURNPIKE_CONF_SOURCE_H
#define TURNPIKE_CONF_SOURCE_H

#include <sys/types.h>

#include "conf/report.h"

#define SOURCE_MAX_BYTES (1 << 20)

struct source {
	char *text; /* NUL-terminated; wiped by source_fini() */
	size_t len;
	mode_t mode; /* of the file */
};

/*
 * Reads a regular file of at most SOURCE_MAX_BYTES. Returns false, with an
 * error in the report and nothing held, if that is not possible.
 */
bool source_read(struct source *s, const char *path, struct report *report);

/* Takes a copy of `text`, as source_read() does of a file of mode 0600. */
bool source_copy(struct source *s, struct bytes text, struct report *report);

/* Wipes and frees the text. */
void source_fini(struct source *s);

/*
 * Whether libconfig will see what a reader of the text sees; each reason why
 * not is an error in the report.
 */
bool source_check(const struct source *s, struct report *report);

#endif
