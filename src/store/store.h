/*
 * Where keys come from: the one interface of all credential sources.
 *
 * A source answers who a user is; it never decides what a user may do. The
 * core asks by action (ACTION_LOOKUP_KEY) and takes the answer as an event, so
 * a source may answer within the call or, later, from another thread.
 */
#ifndef TURNPIKE_STORE_STORE_H
#define TURNPIKE_STORE_STORE_H

#include "turn/server.h"

struct store_query {
	uint8_t realm;
	bool by_hash; /* `name` is a USERHASH */
	struct bytes name;
};

struct store_answer {
	enum turn_lookup result;
	struct turn_user user; /* valid if found; wiped by the asker */
	struct bytes name;     /* the user's name; valid while the source is */
};

/* What every source exports, as one constant. */
struct store_source {
	const char *name; /* as logs and metrics call it */

	/*
	 * Answers at once and without blocking. May be called by several
	 * threads at a time on the same `self`. Takes the same steps for a
	 * user that exists and one that does not.
	 */
	void (*lookup)(const void *self, const struct store_query *query,
		       struct store_answer *answer);
};

#endif
