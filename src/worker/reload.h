/*
 * A reload of the running service, whoever asks for it: a signal, or the
 * control API, which waits for the result.
 */
#ifndef TURNPIKE_WORKER_RELOAD_H
#define TURNPIKE_WORKER_RELOAD_H

#include "worker/service_state.h"

/*
 * Looks at the machine and at the file that the service was started with, and
 * puts in force what can change while it runs (in_force_reload()). Tells the
 * service manager. Returns out->ok.
 */
bool reload_now(struct service *s, struct reload_result *out);

#endif
