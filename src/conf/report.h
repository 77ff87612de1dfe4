/*
 * What there is to say about a configuration: errors, warnings and notes.
 *
 * Whoever reads the file adds to the report and goes on, so that one run
 * names every mistake and not only the first. A message says what was found
 * and, after a semicolon, what was expected; bytes that come from the file
 * are escaped before they get into a message, and secrets never do.
 */
#ifndef TURNPIKE_CONF_REPORT_H
#define TURNPIKE_CONF_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/bytes.h"

/* The most messages of one kind that are kept; the rest is counted. */
#define REPORT_MESSAGES_MAX 20
#define REPORT_MESSAGE_BYTES 768
/* Room for any text from the file as report_quote() writes it. */
#define REPORT_QUOTE_BYTES 512

enum report_kind {
	REPORT_ERROR,   /* the configuration cannot be used */
	REPORT_WARNING, /* it can, but likely not as it was meant */
	REPORT_NOTE,    /* what follows from it that is not obvious */
	REPORT_KINDS,
};

struct report_message {
	unsigned line;    /* of the file, from 1; 0: of no line in particular */
	bool is_of_other; /* of the other file */
	char text[REPORT_MESSAGE_BYTES];
};

#define REPORT_PATH_BYTES 4096

struct report {
	bool in_other;                 /* that is what is being read */
	char other[REPORT_PATH_BYTES]; /* the path of the other file */
	unsigned count[REPORT_KINDS];  /* all, also those not kept */
	struct report_message messages[REPORT_KINDS][REPORT_MESSAGES_MAX];
};

/* Makes the report empty. */
void report_init(struct report *r);

/*
 * What is added from now on is about another file, the same one each time,
 * until report_leave(); a path that is too long is cut.
 */
void report_enter(struct report *r, const char *path);
void report_leave(struct report *r);

/* Adds a message; a text that is too long is cut. */
void report_add(struct report *r, enum report_kind kind, unsigned line,
		const char *format, ...) __attribute__((format(printf, 4, 5)));

#define report_error(r, ...) report_add(r, REPORT_ERROR, __VA_ARGS__)
#define report_warning(r, ...) report_add(r, REPORT_WARNING, __VA_ARGS__)
#define report_note(r, ...) report_add(r, REPORT_NOTE, __VA_ARGS__)

/* Whether there is no error; warnings and notes do not count. */
bool report_is_clean(const struct report *r);

/*
 * Orders the messages of each kind by line; those of no line come last, and
 * those of the other file after all others.
 */
void report_sort(struct report *r);

/*
 * Writes the messages of one kind, one a line: "NAME:LINE: " or "NAME: " if
 * `name` is not NULL, the word, the text; and how many there are besides. The
 * other file has its own name.
 */
void report_print(const struct report *r, enum report_kind kind,
		  const char *name, const char *word, FILE *to);

/*
 * Writes text from the file to `out` in double quotes, escaped as in the log
 * and cut after some 80 characters. Returns `out`.
 */
const char *report_quote(struct bytes text, char out[REPORT_QUOTE_BYTES]);

#endif
