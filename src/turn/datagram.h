/*
 * A datagram as it enters the core.
 */
#ifndef TURNPIKE_TURN_DATAGRAM_H
#define TURNPIKE_TURN_DATAGRAM_H

#include "base/addr.h"
#include "base/bytes.h"

/* The largest payload of a UDP datagram over IPv4. */
#define DATAGRAM_MAX_BYTES 65507

struct datagram {
	struct bytes data;  /* UDP payload, borrowed for the call */
	struct addr source; /* who sent it */
	uint16_t listener;  /* which of our listeners got it, for clients */
	uint8_t tos;        /* DSCP and ECN as received */
};

#endif
