/*
 * The sockets of the control API: made while the process may have privilege,
 * served later (ctl/control.h).
 */
#ifndef TURNPIKE_WORKER_CONTROL_SOCKETS_H
#define TURNPIKE_WORKER_CONTROL_SOCKETS_H

#include "base/addr.h"
#include "conf/kept_file.h"

/*
 * Listens at a path, for the owner of the socket and its group. The directory
 * is made if only it itself is missing, and then belongs to `owner`, as the
 * socket's group does. A socket that nobody listens at any more is replaced.
 * Returns a descriptor, or a negative errno: -EADDRINUSE if somebody does.
 */
int control_sockets_open_unix(const char *path, struct kept_owner owner);

/* Listens at a TCP address. Returns a descriptor or a negative errno. */
int control_sockets_open_tcp(const struct addr *address);

/*
 * Removes the path, once the socket is closed and if nobody else has it by
 * now. Where that is not allowed it stays, and the next start replaces it.
 */
void control_sockets_remove(const char *path);

#endif
