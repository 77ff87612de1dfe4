#include "turn/allocation.h"
#include "turn/method.h"
#include "turn/redirect.h"
#include "turn/reply.h"

/* EVEN-PORT is one byte, of which the first bit is R: RFC 8656 18.5. */
static bool even_port(const struct stun_attr *attr, enum ports_want *want)
{
	if (!attr)
		return true;
	if (attr->value.len != 1)
		return false;
	*want = attr->value.data[0] & 0x80 ? PORTS_EVEN_PAIR : PORTS_EVEN;
	return true;
}

/* Checks 3 to 9 of RFC 8656 section 7.2 but for capacity; 0 or the code. */
static uint16_t check(const struct request *r, struct allocation_request *want)
{
	const struct stun_message *m = &r->message;
	const struct stun_attr *transport, *token, *even;
	uint8_t protocol, family, additional;

	transport = stun_find(m, STUN_ATTR_REQUESTED_TRANSPORT);
	if (!transport || !stun_get_u8(transport, &protocol))
		return STUN_BAD_REQUEST;
	if (protocol != STUN_TRANSPORT_UDP)
		return STUN_UNSUPPORTED_TRANSPORT;
	token = stun_find(m, STUN_ATTR_RESERVATION_TOKEN);
	even = stun_find(m, STUN_ATTR_EVEN_PORT);
	if (!method_family(r, STUN_ATTR_REQUESTED_ADDRESS_FAMILY, &family) ||
	    !method_family(r, STUN_ATTR_ADDITIONAL_ADDRESS_FAMILY,
			   &additional) ||
	    !even_port(even, &want->want) ||
	    !method_lifetime(r, &want->lifetime_s))
		return STUN_BAD_REQUEST;
	if (token &&
	    (!stun_attr_well_sized(token) || even || family || additional))
		return STUN_BAD_REQUEST;
	if (family && additional)
		return STUN_BAD_REQUEST;
	if (family && family != r->server->config.relay.family)
		return STUN_ADDRESS_FAMILY_UNSUPPORTED;
	if (additional &&
	    (additional != ADDR_IPV6 || want->want == PORTS_EVEN_PAIR))
		return STUN_BAD_REQUEST;
	if (token) {
		want->from_token = true;
		memcpy(want->token, token->value.data, sizeof(want->token));
	}
	want->told_ipv6_error = additional == ADDR_IPV6;
	if (!want->lifetime_s)
		want->lifetime_s = TURN_LIFETIME_DEFAULT_S;
	return 0;
}

/*
 * The 5-tuple has an allocation: is this the request that made it, once more?
 * RFC 8656 section 7.2, check 2 and the note on retransmissions.
 */
static void handle_again(struct request *r)
{
	struct turn_server *s = r->server;
	const struct allocation *a =
		pool_at(&s->flows.allocations, r->allocation);

	if (memcmp(a->transaction_id, r->to.transaction_id,
		   sizeof(a->transaction_id)) != 0 ||
	    !bytes_equal(users_name(&s->users, a->user), r->name)) {
		reply_error(s, r->out, &r->to, STUN_ALLOCATION_MISMATCH);
		return;
	}
	/* While its socket is being opened the answer is on its way. */
	if (a->state == ALLOCATION_LIVE)
		allocation_reply(s, r->now, r->allocation, r->out);
}

static void handle(struct request *r)
{
	struct allocation_request want = { .want = PORTS_ANY };
	uint16_t code;

	if (r->allocation != POOL_NONE) {
		handle_again(r);
		return;
	}
	code = check(r, &want);
	if (!code && r->server->config.draining) {
		redirect_reply(r);
		return;
	}
	if (!code)
		code = allocation_begin(r, &want);
	if (code)
		reply_error(r->server, r->out, &r->to, code);
}

const struct method method_allocate = {
	.number = STUN_ALLOCATE,
	.authenticated = true,
	.handle = handle,
};
