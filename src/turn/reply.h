/*
 * Answers to requests: begin, add attributes, send.
 *
 *	struct reply reply;
 *
 *	reply_begin(&reply, s, out, &to, STUN_SUCCESS);
 *	stun_add_u32(&reply.builder, STUN_ATTR_LIFETIME, 600);
 *	reply_send(&reply);
 *
 * Integrity is added where `to` holds a key, FINGERPRINT where the request
 * carried one; no SOFTWARE and no reason phrase, so that an answer is as small
 * as it can be. What would go to an unproven client beyond the reply budget is
 * not sent, but counted as DROP_REPLY_BUDGET; this is the one place that all
 * answers pass.
 */
#ifndef TURNPIKE_TURN_REPLY_H
#define TURNPIKE_TURN_REPLY_H

#include "stun/builder.h"
#include "turn/core.h"

struct reply {
	struct turn_server *server;
	struct actions *out;
	const struct reply_to *to;
	struct stun_builder builder;
};

/* Starts the answer in the scratch memory of `out`. */
void reply_begin(struct reply *r, struct turn_server *s, struct actions *out,
		 const struct reply_to *to, enum stun_class class);

/*
 * Protects the message and puts ACTION_REPLY on the list. Returns false if the
 * budget does not allow it.
 */
bool reply_send(struct reply *r);

/* A whole error response, RFC 8489 section 6.3.1.1. */
void reply_error(struct turn_server *s, struct actions *out,
		 const struct reply_to *to, uint16_t code);

/* A whole 300 (Try Alternate), RFC 8489 section 10. */
void reply_alternate(struct turn_server *s, struct actions *out,
		     const struct reply_to *to, const struct addr *alternate);

/*
 * A 401 or 438 with REALM, NONCE and, where this realm offers them,
 * PASSWORD-ALGORITHMS; never with integrity. RFC 8489 section 9.2.4. Where the
 * budget is spent, no nonce is made.
 */
void reply_challenge(struct request *request, uint16_t code);

/* A 420 with the list of what was not known. */
void reply_unknown(struct request *request);

#endif
