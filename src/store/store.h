/*
 * Where keys come from: the one interface of all credential sources.
 *
 * A source answers who a user is; it never decides what a user may do. The
 * core asks by action (ACTION_LOOKUP_KEY) and takes the answer as an event, so
 * a source may answer within the call or later. store/credentials.h puts the
 * sources of a worker in order.
 */
#ifndef TURNPIKE_STORE_STORE_H
#define TURNPIKE_STORE_STORE_H

#include "base/crypto.h"
#include "base/now.h"
#include "turn/server.h"

struct store_query {
	uint8_t realm;
	bool by_hash; /* `name` is a USERHASH */
	bool recheck; /* about living sessions: what is cached is too old */
	struct bytes name; /* of any length, any bytes */
	const struct now *now;
	struct ref ticket; /* given back with an answer that comes later */
};

struct store_answer {
	enum turn_lookup result;
	struct turn_user user; /* valid if found; wiped by the asker */
	/* The user's name, valid until the source is next asked. */
	struct bytes name;
};

/* What every source exports, as one constant. */
struct store_source {
	const char *name; /* as logs and metrics call it */

	/*
	 * Answers at once, without blocking, and returns true; or returns
	 * false, with the answer untouched, if it will come later under the
	 * query's ticket. TURN_LOOKUP_UNKNOWN says no more than that the user
	 * is none of this source's. Takes the same steps for a user that
	 * exists and one that does not.
	 */
	bool (*lookup)(void *self, const struct store_query *query,
		       struct store_answer *answer);
};

/* Wipes the keys of an answer that was given. */
static inline void store_answer_wipe(struct store_answer *answer)
{
	crypto_wipe(answer->user.keys,
		    answer->user.key_count * sizeof(answer->user.keys[0]));
}

#endif
