#include "turn/method.h"
#include "turn/reply.h"

/* RFC 8489 section 6.3.1 and 12: stateless, for anybody. */
static void handle(struct request *r)
{
	struct reply reply;

	reply_begin(&reply, r->server, r->out, &r->to, STUN_SUCCESS);
	stun_add_xor_addr(&reply.builder, STUN_ATTR_XOR_MAPPED_ADDRESS,
			  &r->in->source);
	reply_send(&reply);
}

const struct method method_binding = {
	.number = STUN_BINDING,
	.handle = handle,
};
