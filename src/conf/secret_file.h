/*
 * A secret in a file of its own, so that the configuration need not hold it:
 * as systemd's LoadCredential= provides, or any other.
 */
#ifndef TURNPIKE_CONF_SECRET_FILE_H
#define TURNPIKE_CONF_SECRET_FILE_H

#include <stddef.h>

#include "conf/report.h"

/*
 * Reads the text of a regular file, without the newline at its end, into `out`
 * of `size` bytes, NUL-terminated. Returns its length; 0, with an error for
 * `what` (the option) and that line in the report and nothing in `out`, if the
 * file cannot be read, holds nothing, a NUL, or more than fits. That everybody
 * can read it is a warning.
 */
size_t secret_file_read(const char *path, const char *what, unsigned line,
			char *out, size_t size, struct report *report);

#endif
