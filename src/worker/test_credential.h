/*
 * The self-test credential that the operator has asked for: one at a time, for
 * a minute. Whoever tests the server from outside the process uses it: the
 * doctor, the status page. Belongs to the main thread.
 */
#ifndef TURNPIKE_WORKER_TEST_CREDENTIAL_H
#define TURNPIKE_WORKER_TEST_CREDENTIAL_H

#include "worker/tester.h"

struct service;
struct event;

#define TEST_CREDENTIAL_S 60

struct test_credential {
	struct tester tester;
	bool in_force;
	uint8_t realm;
	int64_t expires_wall_s;
	struct event *event; /* its end */
};

/*
 * Puts another one in force, for that realm, in place of the one before. With
 * it one more peer is open: exactly `peer` (none where its family is
 * ADDR_NONE), which must be an address of this machine and neither a socket
 * that listens nor a relay port. `by` is for the log. Returns 0, -EPERM for
 * any other peer, or another negative errno.
 */
int test_credential_begin(struct service *s, uint8_t realm,
			  const struct addr *peer, const char *by);

/* Takes it out of force; its sessions end. */
void test_credential_end(struct service *s);

#endif
