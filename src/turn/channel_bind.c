#include <assert.h>

#include "stun/channel_data.h"
#include "turn/allocation.h"
#include "turn/channel.h"
#include "turn/dry_run.h"
#include "turn/method.h"
#include "turn/permission.h"
#include "turn/refuse.h"
#include "turn/reply.h"

/* CHANNEL-NUMBER: 16 bits and 16 of padding, RFC 8656 section 18.1. */
static bool read_number(const struct request *r, uint16_t *number)
{
	const struct stun_attr *attr =
		stun_find(&r->message, STUN_ATTR_CHANNEL_NUMBER);
	uint32_t value;

	if (!attr || !stun_get_u32(attr, &value))
		return false;
	*number = (uint16_t)(value >> 16);
	return channel_number_is_valid(*number);
}

/* Whether number and peer are free or bound to each other. */
static bool fits_bindings(const struct request *r, uint16_t number,
			  const struct addr *peer)
{
	const struct flow_table *t = &r->server->flows;

	return flow_find_channel(t, r->allocation, number) ==
	       flow_find_channel_to(t, r->allocation, peer);
}

/*
 * The checks of RFC 8656 section 12.2. `named` is the peer as the client
 * wrote it, `peer` as our records keep it.
 */
static uint16_t check(struct request *r, uint16_t *number, struct addr *named,
		      struct addr *peer)
{
	struct turn_server *s = r->server;
	const struct allocation *a =
		pool_at(&s->flows.allocations, r->allocation);
	const struct stun_attr *attr =
		stun_find(&r->message, STUN_ATTR_XOR_PEER_ADDRESS);

	if (!read_number(r, number) || !attr ||
	    !stun_get_xor_addr(&r->message, attr, named))
		return STUN_BAD_REQUEST;
	*peer = peer_policy_canonical(&s->config.peers, named);
	if (!fits_bindings(r, *number, peer))
		return STUN_BAD_REQUEST;
	if (named->family != s->config.relay.family)
		return STUN_PEER_FAMILY_MISMATCH;
	if (peer_policy_judge(&s->config.peers, a->realm, named) == PEER_DENIED)
		return refuse_peer(r, named);
	return 0;
}

/* Whether the allocation's limits leave room for this binding: 0 or 508. */
static uint16_t check_room(struct request *r, uint16_t number,
			   const struct addr *peer)
{
	const struct turn_server *s = r->server;
	const struct turn_limits *limits = &s->config.limits;
	const struct allocation *a =
		pool_at(&s->flows.allocations, r->allocation);
	struct addr ip = addr_with_port(peer, 0);

	if (flow_find_channel(&s->flows, r->allocation, number) != POOL_NONE)
		return 0;
	if (a->channel_count >= limits->channels_per_allocation)
		return refuse(r, REFUSAL_CHANNELS, STUN_INSUFFICIENT_CAPACITY,
			      limits->channels_per_allocation);
	if (a->permission_count < limits->permissions_per_allocation ||
	    flow_find_permission(&s->flows, r->allocation, &ip) != POOL_NONE)
		return 0;
	return refuse(r, REFUSAL_PERMISSIONS, STUN_INSUFFICIENT_CAPACITY,
		      limits->permissions_per_allocation);
}

/*
 * Whether the allocation may begin to send to the peer of a new binding, as it
 * does with the first Send indication to a peer. Comes last: it is counted.
 */
static bool may_begin(struct request *r, uint16_t number,
		      const struct addr *peer)
{
	struct flow_table *t = &r->server->flows;

	return flow_find_channel(t, r->allocation, number) != POOL_NONE ||
	       flow_take_peer(t, r->now, r->allocation, peer);
}

static void handle(struct request *r)
{
	struct turn_server *s = r->server;
	struct addr named, peer;
	struct reply reply;
	uint32_t permission;
	uint16_t number, code;
	bool bound, is_new;

	/* What has expired is neither bound nor counted. */
	channel_remove_expired(&s->flows, r->allocation, r->now->mono_ms);
	permission_remove_expired(&s->flows, r->allocation, r->now->mono_ms);
	code = check(r, &number, &named, &peer);
	if (!code)
		code = check_room(r, number, &peer);
	if (!code && !may_begin(r, number, &peer))
		code = refuse(r, REFUSAL_PEERS, STUN_INSUFFICIENT_CAPACITY,
			      (uint32_t)s->config.limits.peers.burst);
	if (code) {
		reply_error(s, r->out, &r->to, code);
		return;
	}
	permission = permission_install(&s->flows, r->allocation, &named,
					r->now->mono_ms);
	assert(permission != POOL_NONE);
	is_new = flow_find_channel(&s->flows, r->allocation, number) ==
		 POOL_NONE;
	bound = channel_bind(&s->flows, r->allocation, number, &peer,
			     permission, r->now->mono_ms);
	assert(bound);
	dry_run_request(r, &named);
	allocation_rearm(s, r->allocation);
	allocation_log_peers(s, r->now, r->allocation, &peer, is_new, r->out);
	reply_begin(&reply, s, r->out, &r->to, STUN_SUCCESS);
	reply_send(&reply);
}

const struct method method_channel_bind = {
	.number = STUN_CHANNEL_BIND,
	.authenticated = true,
	.needs_allocation = true,
	.handle = handle,
};
