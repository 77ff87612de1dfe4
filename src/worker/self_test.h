/*
 * The self-test: the running server is used once, by itself, over its own
 * sockets, before it is called ready.
 *
 * A random credential is made that exists only meanwhile, beside the users;
 * with it an allocation is made through a listener, and packets are relayed
 * both ways, by Send and Data indications and by ChannelData, to a second
 * socket of the test, whose exact address is the only peer that is opened for
 * it. Afterwards everything is as before.
 */
#ifndef TURNPIKE_WORKER_SELF_TEST_H
#define TURNPIKE_WORKER_SELF_TEST_H

#include "net/trial.h"
#include "worker/worker.h"

/* What the test needs of the service; all borrowed. */
struct self_test {
	struct worker **workers;
	uint16_t worker_count;
	/* In force, and so afterwards. */
	const struct credentials_config *credentials;
	const struct peer_policy *policy;
	const struct addr *relay; /* bound, port 0 */
	const char *realm;        /* of the listener */
	const struct turn_listener *listener;
	uint32_t patience_ms; /* for all of it; 0: TRIAL_PATIENCE_MS */
};

/*
 * Runs the test, for some seconds at most. The workers must run; not to be
 * called from one of them.
 */
void self_test_run(const struct self_test *t, struct trial_result *out);

/*
 * Writes the result as one line without a newline: "self-test: ok, relayed
 * ADDRESS:PORT, 4 packets both ways in N ms", or "self-test: FAILED: REASON:
 * REMEDY". Returns `out`.
 */
#define SELF_TEST_LINE_BYTES 512
const char *self_test_print(const struct trial_result *result,
			    char out[SELF_TEST_LINE_BYTES]);

#endif
