/*
 * The nonce key that outlives a restart, where the configuration names none.
 *
 * Kept as hexadecimal digits in the file nonce.key of the state directory,
 * mode 0600, so that a client that was challenged before a restart is not
 * challenged again after it: browsers give up then.
 */
#ifndef TURNPIKE_CONF_NONCE_KEY_H
#define TURNPIKE_CONF_NONCE_KEY_H

#include <sys/types.h>

#include "base/crypto.h"
#include "conf/report.h"

/*
 * Reads the key, or makes a random one and keeps it: written by temporary
 * file, fsync and rename, so that a crash leaves the whole file or none. The
 * directory is made if only it itself is missing. What is made belongs to
 * `uid` and `gid`, where we may choose; -1 leaves it ours. Returns false, with
 * an error in the report, if that cannot be done; a file with anything else
 * in it is not replaced.
 */
bool nonce_key_load(const char *state_dir, uid_t uid, gid_t gid,
		    struct secret *out, struct report *report);

#endif
