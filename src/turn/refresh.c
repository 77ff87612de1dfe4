#include "turn/allocation.h"
#include "turn/method.h"
#include "turn/reply.h"

/* RFC 8656 section 8.2. */
static void handle(struct request *r)
{
	struct turn_server *s = r->server;
	uint32_t lifetime_s;
	struct reply reply;
	uint8_t family;

	if (!method_family(r, STUN_ATTR_REQUESTED_ADDRESS_FAMILY, &family) ||
	    !method_lifetime(r, &lifetime_s)) {
		reply_error(s, r->out, &r->to, STUN_BAD_REQUEST);
		return;
	}
	if (family && family != s->config.relay.family) {
		reply_error(s, r->out, &r->to, STUN_PEER_FAMILY_MISMATCH);
		return;
	}
	/* The port is free before its client hears of it and asks anew. */
	if (!lifetime_s)
		allocation_end(s, r->now, r->allocation, TURN_CAUSE_REFRESH_0,
			       r->out);
	else
		lifetime_s = allocation_refresh(s, r->now, r->allocation,
						lifetime_s);
	reply_begin(&reply, s, r->out, &r->to, STUN_SUCCESS);
	stun_add_u32(&reply.builder, STUN_ATTR_LIFETIME, lifetime_s);
	reply_send(&reply);
}

const struct method method_refresh = {
	.number = STUN_REFRESH,
	.authenticated = true,
	.needs_allocation = true,
	.handle = handle,
};
