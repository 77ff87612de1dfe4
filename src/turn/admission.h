/*
 * What an allocation is charged to, for as long as it lives: its user, the
 * address it was made from, its realm, and the process.
 *
 * The limits come in this order: the user's own grant; the realm's, as Redis
 * overrides it; the configuration's, which knows two kinds of users: those
 * that are listed, and those that time-limited secrets or Redis know. A limit
 * of 0 is none. The source address is charged only where a limit holds for
 * it, so that an office behind one NAT is counted only if that was asked for.
 */
#ifndef TURNPIKE_TURN_ADMISSION_H
#define TURNPIKE_TURN_ADMISSION_H

#include "turn/core.h"

/*
 * Charges what the request asks for: `ports` of the user (a pair that is
 * being reserved is two; a token brings its charge along, so 0), one of the
 * source and one of the realm. Returns 0, or the STUN error code with nothing
 * charged and the refusal put: 486 for the user's or the source's limit, 508
 * for the realm's or the total one.
 */
uint16_t admission_charge(struct request *r, unsigned ports,
			  struct charges *out);

/* Returns what is charged: `ports` of the user, and the rest. */
void admission_return(struct turn_server *s, const struct charges *charges,
		      uint8_t realm, unsigned ports);

#endif
