/*
 * The user of a self-test: random, known to nobody else, and good for little.
 *
 * It may have two allocations and relay a hundred packets by each, and its set
 * is put beside those of the configured users only while a test runs.
 */
#ifndef TURNPIKE_WORKER_TESTER_H
#define TURNPIKE_WORKER_TESTER_H

#include "base/random.h"
#include "store/static_users.h"

#define TESTER_ALLOCATIONS_MAX 2
#define TESTER_PACKETS_MAX 100

#define TESTER_NAME_BYTES 48 /* these two with their NUL */
#define TESTER_PASSWORD_BYTES 40

struct tester {
	char name[TESTER_NAME_BYTES];
	char password[TESTER_PASSWORD_BYTES];
	struct static_users *users; /* it alone; owned */
};

/* Makes one of a realm, its number and name. Returns 0 or -ENOMEM. */
int tester_mint(struct tester *t, struct crypto *crypto, struct random *random,
		uint8_t realm, const char *realm_name);

/* Wipes and frees, once no worker has the set any more; safe on zeros. */
void tester_fini(struct tester *t);

#endif
