/*
 * The service: everything that there is once in the process, from the start
 * to the end.
 *
 * Opens what needs privilege, gives privilege up, starts log and workers,
 * tells the service manager (sd_notify(3)), follows the machine's addresses,
 * and stops on SIGTERM or SIGINT. A start that fails has served nobody: every
 * socket is bound before the first one is read.
 */
#ifndef TURNPIKE_WORKER_SERVICE_H
#define TURNPIKE_WORKER_SERVICE_H

#include "conf/conf.h"

/* Exit statuses, as in sysexits.h. */
#define SERVICE_OK 0
#define SERVICE_FAILED 1
#define SERVICE_CONFIG 78

struct service_options {
	const char *conf_path;
	const struct report *report; /* its warnings are logged */
	bool self_test; /* test, print the result, and stop if it failed */
};

/*
 * Runs the service until it is told to stop. To be called once, from the only
 * thread. What goes wrong is logged. Returns the exit status: SERVICE_OK
 * after a clean stop, SERVICE_CONFIG if the configuration stands in the way,
 * SERVICE_FAILED for everything else.
 */
int service_run(const struct conf *conf, const struct service_options *options);

#endif
