/*
 * The users file: users that are kept apart from the configuration, so that
 * a program may write it.
 *
 * Its syntax is that of `users` in the configuration, and there is nothing
 * else in it. It holds keys and never passwords. That it is absent means that
 * there are no such users.
 */
#ifndef TURNPIKE_CONF_USERS_FILE_H
#define TURNPIKE_CONF_USERS_FILE_H

#include "conf/document.h"
#include "turn/server.h"

/*
 * Reads the file into a document, of which lists[GROUP_USERS] alone is set.
 * What is wrong with it goes to the report, as of another file. The document
 * is valid in any case, and document_fini() is due.
 */
void users_file_read(struct document *out, const char *path,
		     struct report *report);

/* One user, as it is to be written. All texts are prepared and borrowed. */
struct users_file_user {
	const char *name;
	const char *realm;
	struct turn_keys keys; /* both */
	uint32_t allocations;  /* 0: none of its own */
	uint64_t rate;         /* likewise */
	bool disabled;
};

/*
 * Finds a user by prepared name and realm, where `realm` may also be what a
 * user without one belongs to (`first_realm`). Returns NULL if there is none.
 */
const struct document_item *users_file_find(const struct document *d,
					    const char *name, const char *realm,
					    const char *first_realm);

/*
 * Writes the users of `d` but for `without` (NULL: all), then `with` (NULL:
 * nobody else), to a file of mode 0640, whole or not at all (kept_file.h).
 * What else was in the file, remarks and layout, is lost. Returns 0 or a
 * negative errno.
 */
int users_file_write(const char *path, const struct document *d,
		     const struct document_item *without,
		     const struct users_file_user *with);

/* Whether it could be written. */
bool users_file_is_writable(const char *path);

#endif
