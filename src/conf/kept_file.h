/*
 * Files that the server keeps: replaced whole or not at all.
 *
 * What is written stands in NAME.new first, is flushed, takes the place of
 * NAME, and the directory is flushed: whenever the process or the machine
 * stops, the old file or the new one is there.
 */
#ifndef TURNPIKE_CONF_KEPT_FILE_H
#define TURNPIKE_CONF_KEPT_FILE_H

#include <sys/types.h>

#include "base/bytes.h"

#define KEPT_FILE_NAME_MAX_BYTES 255

/* Whom what is made belongs to; -1: to whom it falls. */
struct kept_owner {
	uid_t uid;
	gid_t gid;
};

/*
 * Opens a directory, which is made, mode 0700, if only it itself is missing.
 * Returns a descriptor or a negative errno.
 */
int kept_file_open_dir(const char *dir, struct kept_owner owner);

/*
 * Replaces the file NAME of that directory. Returns 0, or a negative errno
 * with the file as it was.
 */
int kept_file_write(int dir_fd, const char *name, struct bytes text,
		    mode_t mode, struct kept_owner owner);

/* Reads at most `size` bytes; returns how many or a negative errno. */
ssize_t kept_file_read(int fd, void *out, size_t size);

#endif
