#include "turn/session.h"

#include "turn/allocation.h"
#include "turn/core.h"

/* Records looked at in one go: what few sessions among many cost. */
#define LOOKS_MAX 4096

/* The session with that index, or NULL. */
static const struct allocation *living(const struct turn_server *s,
				       uint32_t index)
{
	const struct pool *p = &s->flows.allocations;
	const struct allocation *a;

	if (!pool_is_taken(p, index))
		return NULL;
	a = pool_at(p, index);
	return a->state == ALLOCATION_LIVE ? a : NULL;
}

static void copy_user(const struct turn_server *s, const struct allocation *a,
		      struct turn_session *out)
{
	struct bytes name = users_name(&s->users, a->user);

	out->account_at = a->account_at;
	out->user_bytes = (uint16_t)name.len;
	if (name.len)
		memcpy(out->user, name.data, name.len);
}

static void copy(const struct turn_server *s, uint32_t index,
		 const struct allocation *a, struct turn_session *out)
{
	const struct turn_config *c = &s->config;

	out->allocation = pool_ref(&s->flows.allocations, index);
	out->worker = s->worker;
	out->listener = a->listener;
	out->realm = a->realm;
	out->source = a->source;
	out->client = a->client;
	out->local = c->listeners[a->listener].local;
	out->relayed = addr_with_port(&c->relay, a->relay_port);
	out->advertised = allocation_told(s, a);
	out->began_wall_s = a->began_wall_s;
	out->expires_wall_s = a->began_wall_s +
			      (int64_t)((a->expires_ms - a->began_ms) / 1000);
	out->permissions = a->permission_count;
	out->channels = a->channel_count;
	out->to_peer_packets = a->to_peer_packets;
	out->to_peer_bytes = a->to_peer_bytes;
	out->to_client_packets = a->to_client_packets;
	out->to_client_bytes = a->to_client_bytes;
	copy_user(s, a, out);
}

unsigned turn_list_sessions(const struct turn_server *s, uint32_t *cursor,
			    struct turn_session *out, unsigned max)
{
	uint32_t touched = s->flows.allocations.touched;
	unsigned looks, count = 0;

	/* A record stays where it is: by index none is met twice. */
	for (looks = 0; *cursor < touched && count < max && looks < LOOKS_MAX;
	     looks++) {
		const struct allocation *a = living(s, *cursor);

		if (a)
			copy(s, *cursor, a, &out[count++]);
		(*cursor)++;
	}
	if (*cursor >= touched)
		*cursor = TURN_SESSIONS_END;
	return count;
}

/* Whether the reference is still a session's. */
static bool is_living(const struct turn_server *s, struct ref allocation)
{
	return pool_get(&s->flows.allocations, allocation) &&
	       living(s, allocation.index);
}

bool turn_find_session(const struct turn_server *s, struct ref allocation,
		       struct turn_session *out)
{
	if (!is_living(s, allocation))
		return false;
	copy(s, allocation.index, living(s, allocation.index), out);
	return true;
}

bool turn_end_session(struct turn_server *s, const struct now *now,
		      struct ref allocation, enum turn_cause cause,
		      struct actions *out)
{
	if (!is_living(s, allocation))
		return false;
	allocation_end(s, now, allocation.index, cause, out);
	return true;
}
