/*
 * The text of a turnserver.conf as lines of key and value, by coturn's rules.
 *
 * What the keys mean is coturn_import.h's matter. A line is KEY, KEY=VALUE or
 * KEY VALUE; lines that begin with # and empty ones are left out; quotes
 * around a value are taken off. Nothing else is interpreted, so any text
 * without a NUL is one.
 */
#ifndef TURNPIKE_TURNPIKECTL_COTURN_CONF_H
#define TURNPIKE_TURNPIKECTL_COTURN_CONF_H

#include "base/bytes.h"

/* More lines with a key are nobody's configuration. */
#define COTURN_LINES_MAX 20000

struct coturn_line {
	unsigned number;   /* in the file, from 1 */
	const char *key;   /* not empty */
	const char *value; /* "" if there is none */
};

struct coturn_conf {
	char *text; /* owned; what the lines are made of */
	size_t len;
	struct coturn_line *lines; /* owned; in the file's order */
	size_t count;
};

enum coturn_conf_result {
	COTURN_CONF_OK,
	COTURN_CONF_NUL,       /* a NUL in the text */
	COTURN_CONF_TOO_MANY,  /* lines */
	COTURN_CONF_NO_MEMORY, /* for a copy */
};

/*
 * Parses a copy of the text. coturn_conf_fini() is due if that was well, and
 * allowed if not.
 */
enum coturn_conf_result coturn_conf_parse(struct coturn_conf *c,
					  struct bytes text);

/* Wipes and frees; values may be secrets. */
void coturn_conf_fini(struct coturn_conf *c);

#define COTURN_KEY_BYTES 36

/*
 * The key as it may be shown: up to what no key of coturn's has, such as the
 * colon before a secret on a line without a '=', and no more than fits.
 * Returns `out`.
 */
const char *coturn_conf_key(const struct coturn_line *line,
			    char out[COTURN_KEY_BYTES]);

/*
 * What coturn takes a flag's value for: true if there is none. Returns false,
 * `out` untouched, if coturn would refuse it.
 */
bool coturn_conf_flag(const char *value, bool *out);

#endif
