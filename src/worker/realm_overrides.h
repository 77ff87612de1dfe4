/*
 * What Redis says of realms, put over what the configuration says.
 *
 * coturn's options of a realm: bandwidth of a session, allocations of the
 * realm and of each user, and peers that are allowed or denied besides those
 * of the configuration. The values are somebody else's: what cannot be used is
 * told and left out, and a list of denied peers that is not whole, or finds no
 * room, denies all that is not allowed: nobody knows what is missing from it.
 */
#ifndef TURNPIKE_WORKER_REALM_OVERRIDES_H
#define TURNPIKE_WORKER_REALM_OVERRIDES_H

#include "store/redis_store.h"
#include "turn/config.h"

struct realm_overrides {
	struct redis_realm realms[TURN_REALMS_MAX];
};

/* What of the values could not be used. */
struct realm_overrides_report {
	unsigned bad_rules; /* no addresses, or no room for more rules */
	bool cut;           /* a list in Redis is too long to be used whole */
	bool closed;        /* so that a realm's peers are all denied */
};

/* Keeps what was told of that realm, in place of what was told before. */
void realm_overrides_take(struct realm_overrides *o, uint8_t realm,
			  const struct redis_realm *told);

/*
 * Puts all that is known over `config`, which is as the configuration made
 * it. The generation of the peer policy stays: it is the caller's to change.
 */
void realm_overrides_apply(const struct realm_overrides *o,
			   struct turn_config *config,
			   struct realm_overrides_report *report);

#endif
