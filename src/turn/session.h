/*
 * Sessions, as whoever runs the server sees them: copies of what there is to
 * say of the allocations that live, taken one after the other or by reference,
 * and the means to end one.
 *
 * A session is an allocation from "session began" to "session ended" in the
 * log. One whose relay socket is still being opened is none yet; one whose
 * time is over is one until turn_tick() has ended it.
 */
#ifndef TURNPIKE_TURN_SESSION_H
#define TURNPIKE_TURN_SESSION_H

#include "turn/server.h"

/* turn_list_sessions() has seen them all. */
#define TURN_SESSIONS_END UINT32_MAX

struct turn_session {
	struct ref allocation; /* of the worker with that number */
	uint16_t worker;
	uint16_t listener; /* with `client`, the 5-tuple */
	uint8_t realm;     /* index */
	uint8_t source;    /* enum turn_source */
	struct addr client;
	struct addr local;      /* the listener's, family ADDR_NONE: it went */
	struct addr relayed;    /* bound */
	struct addr advertised; /* as the client was told */
	int64_t began_wall_s;
	int64_t expires_wall_s; /* if it is not refreshed */
	uint16_t permissions;
	uint16_t channels;
	/* Relayed so far, payload alone. */
	uint64_t to_peer_packets;
	uint64_t to_peer_bytes;
	uint64_t to_client_packets;
	uint64_t to_client_bytes;
	/* The user as it was named; from `account_at` on whom it counts as. */
	uint16_t account_at;
	uint16_t user_bytes;
	uint8_t user[STUN_USERNAME_MAX_BYTES];
};

/*
 * Copies up to `max` sessions to `out` and returns how many. `*cursor` is 0
 * for the first call and afterwards what the one before left there, until it
 * is TURN_SESSIONS_END. Each session that lives all the time is copied once,
 * whatever begins and ends between the calls. A call looks at a bounded number
 * of records, so it may return 0 although there are more to come.
 */
unsigned turn_list_sessions(const struct turn_server *s, uint32_t *cursor,
			    struct turn_session *out, unsigned max);

/* That session, or false if it has ended. */
bool turn_find_session(const struct turn_server *s, struct ref allocation,
		       struct turn_session *out);

/* Ends that session at once; false if it had ended before. */
bool turn_end_session(struct turn_server *s, const struct now *now,
		      struct ref allocation, enum turn_cause cause,
		      struct actions *out);

/* The name that limits are counted for, see turn_user.account_at. */
static inline struct bytes turn_session_account(const struct turn_session *t)
{
	return bytes_of(t->user + t->account_at,
			(size_t)(t->user_bytes - t->account_at));
}

#endif
