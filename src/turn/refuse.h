/*
 * How the core refuses: the record for the operator, and a line in the log.
 */
#ifndef TURNPIKE_TURN_REFUSE_H
#define TURNPIKE_TURN_REFUSE_H

#include "turn/core.h"

/* A refusal of the request with that error code, to be completed and put. */
struct refusal refuse_begin(const struct request *r, enum refusal_cause cause,
			    uint16_t code);

/* The same of a request that is only remembered by its allocation. */
struct refusal refuse_allocation(const struct turn_server *s,
				 const struct now *now,
				 const struct allocation *a,
				 enum refusal_cause cause, uint16_t code);

/*
 * Puts the refusal on the list (ACTION_REFUSED), and a line in the log unless
 * there was one of that cause lately: about the same source address where
 * authentication was refused, about the same user otherwise.
 */
void refuse_put(struct turn_server *s, const struct now *now,
		const struct refusal *refusal, struct actions *out);

/*
 * Puts a refusal that needs no more than its cause and limit (0: none).
 * Returns the code, to be answered.
 */
uint16_t refuse(struct request *r, enum refusal_cause cause, uint16_t code,
		uint32_t limit);

/* Puts the refusal of a peer by the rules. Returns 403, to be answered. */
uint16_t refuse_peer(struct request *r, const struct addr *peer);

#endif
