/*
 * The file through which turnpike-address tells turnpiked the public address:
 *
 *	turnpike-advertised 1
 *	address 20.202.255.255
 *	source azure-metadata
 *	time 2026-11-25T21:00:00Z
 *
 * These four lines and nothing else, so that a half-written or foreign file
 * is never half believed. Whoever writes it, by a script of his own too, says
 * in `source` where the address is from.
 */
#ifndef TURNPIKE_DISCOVERY_ADVERTISED_H
#define TURNPIKE_DISCOVERY_ADVERTISED_H

#include "base/addr.h"
#include "base/bytes.h"

/* The file's name in the run-time directory, and where that is. */
#define ADVERTISED_NAME "advertised"
#define ADVERTISED_DIRECTORY "/run/turnpike"

/* Room for a source and its NUL: letters, digits and ".:-". */
#define ADVERTISED_SOURCE_BYTES 64
/* Longer files are not read. */
#define ADVERTISED_FILE_BYTES 256
#define ADVERTISED_PATH_BYTES 4096

struct advertised {
	struct addr address; /* public, port 0 */
	int64_t found_s;     /* since 1970 */
	char source[ADVERTISED_SOURCE_BYTES];
};

enum advertised_result {
	ADVERTISED_OK,
	ADVERTISED_ABSENT,
	ADVERTISED_UNREADABLE, /* or not a regular file */
	ADVERTISED_MALFORMED,
	ADVERTISED_NOT_PUBLIC, /* all well but for the address */
};

/* What that means, to follow "the file": "is not there". */
const char *advertised_explain(enum advertised_result result);

/*
 * Whether discovery may yield this address: IPv4, unicast, and of no range
 * that is special in any way (peer_is_special_purpose()).
 */
bool advertised_is_fit(const struct addr *a);

/*
 * Where the file is: in the first directory of `directories`, the value of
 * $RUNTIME_DIRECTORY, or in ADVERTISED_DIRECTORY if that is NULL or empty.
 * Returns `out`; a path that is too long is cut, and then not there.
 */
const char *advertised_path(const char *directories,
			    char out[ADVERTISED_PATH_BYTES]);

/* Reads the text of the file. `out` is untouched unless all of it is right. */
enum advertised_result advertised_parse(struct bytes text,
					struct advertised *out);

/* Reads the file; it need not be there. */
enum advertised_result advertised_read(const char *path,
				       struct advertised *out);

/* Writes the text of the file. Returns its length. */
size_t advertised_print(const struct advertised *a,
			char out[ADVERTISED_FILE_BYTES]);

/*
 * Writes the file, readable by all, by way of another one beside it: whoever
 * reads sees the old one or the new one. Returns 0 or a negative errno, with
 * the old one in place.
 */
int advertised_write(const char *path, const struct advertised *a);

#endif
