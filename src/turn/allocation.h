/*
 * Allocations: how they begin, live and end (RFC 8656 section 6 to 8).
 *
 * An allocation holds one port, one or (while it reserves) two charges, one
 * key and one share of its user; ending it gives back all of them, whatever
 * way it ends.
 */
#ifndef TURNPIKE_TURN_ALLOCATION_H
#define TURNPIKE_TURN_ALLOCATION_H

#include "turn/core.h"

/* What an Allocate request asks for, checked. */
struct allocation_request {
	uint32_t lifetime_s;
	enum ports_want want;
	bool from_token; /* `token` names the port */
	uint8_t token[PORTS_TOKEN_BYTES];
	bool told_ipv6_error;
};

/*
 * Begins an allocation for the request's 5-tuple and user: charges the user,
 * takes a port and asks for its socket (ACTION_OPEN_RELAY). Returns 0, or the
 * STUN error code with nothing held: 486 for the user's quota, 508 otherwise.
 */
uint16_t allocation_begin(struct request *r,
			  const struct allocation_request *want);

/*
 * The relay socket is open: publishes the port and answers the Allocate
 * request with success.
 */
void allocation_opened(struct turn_server *s, const struct now *now,
		       uint32_t index, struct actions *out);

/*
 * The relay socket could not be opened: tries another port where that may
 * help, else answers 508 and gives everything back.
 */
void allocation_not_opened(struct turn_server *s, const struct now *now,
			   uint32_t index, int error, struct actions *out);

/*
 * Answers with success, RFC 8656 section 7.2: the first time, and each time
 * the Allocate request is retransmitted, with the same content but LIFETIME,
 * which is what is left and at most what was told first.
 */
void allocation_reply(struct turn_server *s, const struct now *now,
		      uint32_t index, struct actions *out);

/*
 * Sets the time to expiry, RFC 8656 section 8.2, or the end of the credential
 * where that comes first and ends the session. Returns the seconds left.
 */
uint32_t allocation_refresh(struct turn_server *s, const struct now *now,
			    uint32_t index, uint32_t lifetime_s);

/*
 * Arms the allocation's timer for the earliest of its own expiry and those of
 * its permissions and channels. Called after any of them changed.
 */
void allocation_rearm(struct turn_server *s, uint32_t index);

/*
 * Logs peers that are new to the session, in one line, where the configuration
 * wants them logged; with `count` 0 nothing happens.
 */
void allocation_log_peers(struct turn_server *s, const struct now *now,
			  uint32_t index, const struct addr *peers,
			  unsigned count, struct actions *out);

/*
 * Tells of one limit that the data path came upon: a warning for each user,
 * limit and interval, naming the option to raise. False if there was none.
 */
bool allocation_log_limit(struct turn_server *s, const struct now *now,
			  struct actions *out);

/*
 * The allocation's timer was due: ends it, or removes what of it has expired.
 */
void allocation_due(struct turn_server *s, const struct now *now,
		    uint32_t index, struct actions *out);

/* Ends it if its time is over, whatever the timer says; returns whether. */
bool allocation_end_expired(struct turn_server *s, const struct now *now,
			    uint32_t index, struct actions *out);

/* Ends it at once: no data, no refresh, and its 5-tuple is free again. */
void allocation_end(struct turn_server *s, const struct now *now,
		    uint32_t index, enum turn_cause cause, struct actions *out);

/* Its relayed address as its client was told, whatever is advertised now. */
struct addr allocation_told(const struct turn_server *s,
			    const struct allocation *a);

/* Gives back what it holds, without action or log, for turn_server_free(). */
void allocation_release(struct turn_server *s, uint32_t index);

#endif
