/*
 * Redirection: while the server drains, who comes anew goes elsewhere, RFC
 * 8489 section 10 and RFC 8656 section 7.2.
 */
#ifndef TURNPIKE_TURN_REDIRECT_H
#define TURNPIKE_TURN_REDIRECT_H

#include "turn/core.h"

/*
 * Answers an Allocate request that is in order otherwise: 300 with one of the
 * configured alternates of the client's family, any of them that is no socket
 * of ours, and always the same for the same request; 508 where there is none.
 */
void redirect_reply(struct request *r);

#endif
