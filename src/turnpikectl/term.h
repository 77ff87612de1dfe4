/*
 * What may go to a terminal: text without anything that moves its cursor, and
 * styles where somebody looks.
 */
#ifndef TURNPIKE_TURNPIKECTL_TERM_H
#define TURNPIKE_TURNPIKECTL_TERM_H

#include <stdio.h>

#include "base/bytes.h"

/* Each byte may become an escape of four characters, or a code point six. */
#define TERM_ESCAPED_BYTES(len) (6 * (len) + 1)

/*
 * Writes the text with control characters (those that turn the direction of
 * text included) and what is not UTF-8 escaped as \xNN or \uNNNN, and with \\
 * for a backslash; NUL-terminated, cut between characters if `size`, at least
 * 1, does not suffice. Returns the length.
 */
size_t term_escape(struct bytes text, char *out, size_t size);

/* Writes a NUL-terminated text so. */
void term_print(const char *text, FILE *to);

/* How many columns an escaped text takes, a character being one. */
size_t term_width(const char *escaped);

enum term_style {
	TERM_PLAIN,
	TERM_BOLD,
	TERM_DIM,
	TERM_GOOD,
	TERM_WARNING,
	TERM_BAD,
};

/*
 * What switches the style on; "" if `to` is no terminal, or the environment
 * has NO_COLOR (https://no-color.org) or TERM=dumb.
 */
const char *term_style(enum term_style style, FILE *to);

#endif
