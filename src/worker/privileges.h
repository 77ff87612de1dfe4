/*
 * Giving up what the process may do beyond serving: once, before it reads the
 * first packet, and while it has a single thread.
 */
#ifndef TURNPIKE_WORKER_PRIVILEGES_H
#define TURNPIKE_WORKER_PRIVILEGES_H

#include <sys/types.h>

/* Who to become. */
struct privileges_user {
	uid_t uid;
	gid_t gid;
};

/* Looks a user up by name: 0, or -ENOENT, or another negative errno. */
int privileges_find(const char *name, struct privileges_user *out);

/*
 * No core dump, no tracing by others (PR_SET_DUMPABLE), no privilege by
 * executing something (PR_SET_NO_NEW_PRIVS). For every process, root or not.
 * Returns 0 or a negative errno.
 */
int privileges_harden(void);

/*
 * Becomes that user for good: groups, ids, then all capabilities, the bounding
 * set included. Verifies that nothing can be regained. Must be root. Returns
 * 0, or a negative errno after which the process must not go on: -EPERM also
 * if something could be regained.
 */
int privileges_drop(const struct privileges_user *user);

#endif
