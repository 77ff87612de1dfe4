#include "turn/permission.h"

#include <assert.h>

#include "turn/config.h"

uint32_t permission_install(struct flow_table *t, uint32_t allocation,
			    const struct addr *named, uint64_t now_ms)
{
	struct allocation *a = pool_at(&t->allocations, allocation);
	struct addr ip = addr_with_port(named, 0);
	struct addr canonical = peer_policy_canonical(t->peers, &ip);
	uint32_t i = flow_find_permission(t, allocation, &canonical);
	struct permission *p;
	uint8_t named_at;

	if (i == POOL_NONE) {
		i = pool_take(&t->permissions);
		if (i == POOL_NONE)
			return POOL_NONE;
		p = pool_at(&t->permissions, i);
		p->ip = canonical;
		p->allocation = allocation;
		p->next = a->first_permission;
		a->first_permission = i;
		a->permission_count++;
		counter_add(&t->counters->permissions, 1);
		map_add(&t->by_ip, i,
			flow_hash_peer(t, allocation, &canonical));
	}
	p = pool_at(&t->permissions, i);
	/* The bound address, which everybody may name, is the first. */
	named_at = peer_policy_relay_index(t->peers, &ip);
	if (named_at)
		p->named = named_at;
	p->expires_ms = now_ms + 1000 * TURN_PERMISSION_LIFETIME_S;
	return i;
}

/* Removes the permissions for which `all` or expiry says so. */
static void remove_some(struct flow_table *t, uint32_t allocation,
			uint64_t now_ms, bool all)
{
	struct allocation *a = pool_at(&t->allocations, allocation);
	uint32_t *link = &a->first_permission;

	while (*link != POOL_NONE) {
		uint32_t i = *link;
		struct permission *p = pool_at(&t->permissions, i);

		if (!all && (p->channels || p->expires_ms > now_ms)) {
			link = &p->next;
			continue;
		}
		assert(!p->channels);
		*link = p->next;
		a->permission_count--;
		counter_add(&t->counters->permissions, UINT64_MAX);
		map_remove(&t->by_ip, i);
		pool_give(&t->permissions, i);
	}
}

void permission_remove_expired(struct flow_table *t, uint32_t allocation,
			       uint64_t now_ms)
{
	remove_some(t, allocation, now_ms, false);
}

void permission_remove_all(struct flow_table *t, uint32_t allocation)
{
	remove_some(t, allocation, 0, true);
}
