/*
 * A path of the API with its query.
 */
#ifndef TURNPIKE_TURNPIKECTL_URL_H
#define TURNPIKE_TURNPIKECTL_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"

struct url {
	char *text; /* owned; NULL: there was no memory */
	bool has_question_mark;
};

/* Begins with a path, whose `part` is appended encoded if it is not NULL. */
void url_begin(struct url *q, const char *path, const char *part);

/* Appends to the path, before any url_add(). */
void url_path(struct url *q, const char *rest);

/* Adds NAME=VALUE; nothing if the value is NULL. */
void url_add(struct url *q, const char *name, const char *value);

void url_end(struct url *q);

/* Room for `len` bytes of which each may become three, and a NUL. */
#define URL_ENCODED_BYTES(len) (3 * (len) + 1)

/*
 * Writes bytes as they may stand in a path or a query (RFC 3986 section
 * 2.1), NUL-terminated; `out` has room. Returns `out`.
 */
const char *url_encode(struct bytes in, char *out);

#endif
