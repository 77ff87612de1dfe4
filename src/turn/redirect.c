#include "turn/redirect.h"

#include "turn/refuse.h"
#include "turn/reply.h"

/* A fleet may list all of its servers, this one too. */
static bool is_elsewhere(const struct request *r, const struct addr *alternate)
{
	return alternate->family == r->in->source.family &&
	       !peer_policy_is_own_socket(&r->server->config.peers, alternate);
}

/*
 * Which one is drawn by a keyed hash of the request, so that a retransmission
 * is told the same and a client cannot choose.
 */
static const struct addr *draw(const struct request *r)
{
	const struct turn_config *c = &r->server->config;
	const struct addr *fit[TURN_ALTERNATES_MAX];
	uint64_t hash = hash_bytes(
		&r->server->flows.key,
		bytes_of(r->to.transaction_id, STUN_TRANSACTION_ID_BYTES));
	unsigned count = 0;

	for (unsigned i = 0; i < c->alternate_count; i++)
		if (is_elsewhere(r, &c->alternates[i]))
			fit[count++] = &c->alternates[i];
	return count ? fit[hash % count] : NULL;
}

void redirect_reply(struct request *r)
{
	const struct addr *alternate = draw(r);
	struct turn_server *s = r->server;

	if (alternate) {
		refuse(r, REFUSAL_DRAINING, STUN_TRY_ALTERNATE, 0);
		reply_alternate(s, r->out, &r->to, alternate);
		return;
	}
	refuse(r, REFUSAL_DRAINING, STUN_INSUFFICIENT_CAPACITY, 0);
	reply_error(s, r->out, &r->to, STUN_INSUFFICIENT_CAPACITY);
}
