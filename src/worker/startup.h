/*
 * The start, while the process may have privilege and has one thread.
 *
 * Opens what needs privilege (descriptors, listeners, the nonce key's file)
 * and gives it up for good. A start that fails has served nobody: every
 * socket is bound before the first one is read.
 */
#ifndef TURNPIKE_WORKER_STARTUP_H
#define TURNPIKE_WORKER_STARTUP_H

#include "worker/service_state.h"

/*
 * Everything that may need privilege, and then an end to it. Returns false
 * after start_failed().
 */
bool startup_prepare(struct service *s);

/* Warns, once the log is open, if descriptors will not do for all. */
void startup_check_descriptors(struct service *s);

#endif
