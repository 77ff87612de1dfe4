/*
 * Revocation: a session does not outlive the right to it.
 *
 * An allocation keeps the key it was made with and asks no source again, so
 * whoever learns that a source may have changed its mind (a reload, a change
 * in Redis, a source that is read anew now and then) asks the sources about
 * the user and hands the answer in here.
 */
#ifndef TURNPIKE_TURN_REVOCATION_H
#define TURNPIKE_TURN_REVOCATION_H

#include "turn/core.h"

/*
 * Ends the first of the user's allocations that the answer does not admit
 * any more; returns whether there was one. See turn_recheck() in server.h. An
 * allocation that is still being opened goes without an answer to its client,
 * who asks again and is refused.
 */
bool revocation_recheck(struct turn_server *s, const struct now *now,
			uint8_t realm, struct bytes name,
			enum turn_lookup result, const struct turn_user *user,
			struct actions *out);

#endif
