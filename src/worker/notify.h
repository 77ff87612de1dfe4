/*
 * Telling the service manager (sd_notify(3)), without ever waiting for it: a
 * manager that does not read is told less, and the main thread goes on.
 */
#ifndef TURNPIKE_WORKER_NOTIFY_H
#define TURNPIKE_WORKER_NOTIFY_H

#include <stdbool.h>

/*
 * Sends assignments, "READY=1\nSTATUS=...", to $NOTIFY_SOCKET; what is longer
 * than 512 bytes is cut. Returns false if it was not taken, which may be tried
 * again later; true as well if there is nobody to tell.
 */
bool notify_send(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
