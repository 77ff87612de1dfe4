#include <assert.h>

#include "turn/allocation.h"
#include "turn/channel.h"
#include "turn/dry_run.h"
#include "turn/method.h"
#include "turn/permission.h"
#include "turn/refuse.h"
#include "turn/reply.h"

struct peers {
	unsigned count;
	struct addr named[STUN_ATTRS_MAX]; /* port 0 */
};

/* Reads all peers; RFC 8656 section 10.2 in its order: 400, 443, 403. */
static uint16_t check(struct request *r, struct peers *peers)
{
	const struct turn_server *s = r->server;
	const struct allocation *a =
		pool_at(&s->flows.allocations, r->allocation);
	const struct stun_attr *attr;
	struct addr peer;
	unsigned i;

	attr = stun_find(&r->message, STUN_ATTR_XOR_PEER_ADDRESS);
	for (; attr; attr = stun_find_next(&r->message, attr)) {
		if (!stun_get_xor_addr(&r->message, attr, &peer))
			return STUN_BAD_REQUEST;
		peers->named[peers->count++] = addr_with_port(&peer, 0);
	}
	if (!peers->count)
		return STUN_BAD_REQUEST;
	for (i = 0; i < peers->count; i++)
		if (peers->named[i].family != s->config.relay.family)
			return STUN_PEER_FAMILY_MISMATCH;
	for (i = 0; i < peers->count; i++)
		if (peer_policy_judge_ip(&s->config.peers, a->realm,
					 &peers->named[i]) == PEER_DENIED)
			return refuse_peer(r, &peers->named[i]);
	return 0;
}

/* Those that have no permission yet, each once, in our records' form. */
static unsigned find_new(const struct request *r, const struct peers *peers,
			 struct addr fresh[STUN_ATTRS_MAX])
{
	const struct turn_server *s = r->server;
	unsigned i, j, count = 0;

	for (i = 0; i < peers->count; i++) {
		struct addr ip = peer_policy_canonical(&s->config.peers,
						       &peers->named[i]);

		for (j = 0; j < count && !addr_equal(&fresh[j], &ip); j++)
			;
		if (j == count && flow_find_permission(&s->flows, r->allocation,
						       &ip) == POOL_NONE)
			fresh[count++] = ip;
	}
	return count;
}

static void handle(struct request *r)
{
	struct turn_server *s = r->server;
	const struct allocation *a =
		pool_at(&s->flows.allocations, r->allocation);
	uint32_t max = s->config.limits.permissions_per_allocation;
	struct peers peers = { .count = 0 };
	struct addr fresh[STUN_ATTRS_MAX];
	unsigned fresh_count = 0;
	uint16_t code = check(r, &peers);
	struct reply reply;
	unsigned i;

	/* What has expired must not count against the limit. */
	channel_remove_expired(&s->flows, r->allocation, r->now->mono_ms);
	permission_remove_expired(&s->flows, r->allocation, r->now->mono_ms);
	if (!code)
		fresh_count = find_new(r, &peers, fresh);
	if (a->permission_count + fresh_count > max)
		code = refuse(r, REFUSAL_PERMISSIONS,
			      STUN_INSUFFICIENT_CAPACITY, max);
	if (code) {
		reply_error(s, r->out, &r->to, code);
		return;
	}
	for (i = 0; i < peers.count; i++) {
		uint32_t p = permission_install(&s->flows, r->allocation,
						&peers.named[i],
						r->now->mono_ms);

		/* The pool has the limit's room for every allocation. */
		assert(p != POOL_NONE);
	}
	allocation_rearm(s, r->allocation);
	allocation_log_peers(s, r->now, r->allocation, fresh, fresh_count,
			     r->out);
	/* The first one stands for all; the others are told once used. */
	for (i = 0; i < peers.count; i++)
		if (dry_run_request(r, &peers.named[i]))
			break;
	reply_begin(&reply, s, r->out, &r->to, STUN_SUCCESS);
	reply_send(&reply);
}

const struct method method_create_permission = {
	.number = STUN_CREATE_PERMISSION,
	.authenticated = true,
	.needs_allocation = true,
	.handle = handle,
};
