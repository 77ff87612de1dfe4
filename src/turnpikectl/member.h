/*
 * Members of turnpiked's answers. One that is not there, or of another kind,
 * is empty or 0: the server may be older than turnpikectl.
 */
#ifndef TURNPIKE_TURNPIKECTL_MEMBER_H
#define TURNPIKE_TURNPIKECTL_MEMBER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* `path` is a name, or names with dots between them: "to_peer.bytes". */
const json_t *member_at(const json_t *object, const char *path);
const char *member_text(const json_t *object, const char *path);
uint64_t member_number(const json_t *object, const char *path);
bool member_is_true(const json_t *object, const char *path);

/* Whether there is something other than null. */
bool member_is_there(const json_t *object, const char *path);

/*
 * Prints JSON as --json does, with a newline: in ASCII, so that nothing in it
 * can do something to a terminal.
 */
void member_print(const json_t *json);

#endif
