#include "turn/channel.h"

#include "turn/config.h"

bool channel_bind(struct flow_table *t, uint32_t allocation, uint16_t number,
		  const struct addr *peer, uint32_t permission, uint64_t now_ms)
{
	struct allocation *a = pool_at(&t->allocations, allocation);
	uint32_t i = flow_find_channel(t, allocation, number);
	struct channel *c;

	if (i == POOL_NONE) {
		struct permission *p = pool_at(&t->permissions, permission);

		i = pool_take(&t->channels);
		if (i == POOL_NONE)
			return false;
		c = pool_at(&t->channels, i);
		c->peer = *peer;
		c->allocation = allocation;
		c->number = number;
		c->permission = permission;
		c->next = a->first_channel;
		a->first_channel = i;
		a->channel_count++;
		counter_add(&t->counters->channels, 1);
		p->channels++;
		map_add(&t->by_number, i,
			flow_hash_number(t, allocation, number));
		map_add(&t->by_peer, i, flow_hash_peer(t, allocation, peer));
	}
	c = pool_at(&t->channels, i);
	c->rules = t->peers->generation;
	c->verdict = (uint8_t)peer_policy_judge(t->peers, a->realm, peer);
	c->expires_ms = now_ms + 1000 * TURN_CHANNEL_LIFETIME_S;
	return true;
}

static void remove_some(struct flow_table *t, uint32_t allocation,
			uint64_t now_ms)
{
	struct allocation *a = pool_at(&t->allocations, allocation);
	uint32_t *link = &a->first_channel;

	while (*link != POOL_NONE) {
		uint32_t i = *link;
		struct channel *c = pool_at(&t->channels, i);
		struct permission *p;

		if (c->expires_ms > now_ms) {
			link = &c->next;
			continue;
		}
		p = pool_at(&t->permissions, c->permission);
		p->channels--;
		*link = c->next;
		a->channel_count--;
		counter_add(&t->counters->channels, UINT64_MAX);
		map_remove(&t->by_number, i);
		map_remove(&t->by_peer, i);
		pool_give(&t->channels, i);
	}
}

void channel_remove_expired(struct flow_table *t, uint32_t allocation,
			    uint64_t now_ms)
{
	remove_some(t, allocation, now_ms);
}

void channel_remove_all(struct flow_table *t, uint32_t allocation)
{
	remove_some(t, allocation, UINT64_MAX);
}
