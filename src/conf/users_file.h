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

/*
 * Reads the file into a document, of which lists[GROUP_USERS] alone is set.
 * What is wrong with it goes to the report, as of another file. The document
 * is valid in any case, and document_fini() is due.
 */
void users_file_read(struct document *out, const char *path,
		     struct report *report);

#endif
