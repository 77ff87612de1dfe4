/*
 * Relayed data that is itself relayed data: how deep messages of TURN may be
 * wrapped in each other.
 *
 * Two servers whose clients are each other's relayed addresses pass a packet
 * round between them, with a header more or less at each hop and nothing else
 * to stop it for thousands of hops. The data says how often it was wrapped, or
 * is yet to be unwrapped; no conversation has use for much of that.
 */
#ifndef TURNPIKE_TURN_NESTING_H
#define TURNPIKE_TURN_NESTING_H

#include "stun/message.h"

/* Data in one message is wrapped 0 times beside that; a server behind a
 * server's client makes it 1. */
#define NESTING_MAX 4

/*
 * Whether the payload is ChannelData, or a Send or Data indication, around
 * another such message, and so on, more than NESTING_MAX times. One look at
 * the first byte for anything else.
 */
bool nesting_is_too_deep(struct bytes payload);

#endif
