#include "worker/realm_overrides.h"

#include <assert.h>

#include "turn/bucket.h"

void realm_overrides_take(struct realm_overrides *o, uint8_t realm,
			  const struct redis_realm *told)
{
	assert(realm < TURN_REALMS_MAX);
	o->realms[realm] = *told;
}

/* A number that is there, at most `max`; 0 stands for none. */
static uint64_t number_of(const struct redis_number *n, uint64_t max)
{
	if (!n->present)
		return 0;
	return n->value < max ? n->value : max;
}

typedef bool add_rule(struct peer_policy *p, const struct peer_rule *rule);

static void add_rules(struct peer_policy *p, uint8_t realm,
		      const struct redis_peers *peers, add_rule *add,
		      struct realm_overrides_report *report)
{
	for (uint8_t i = 0; i < peers->count; i++) {
		struct peer_rule rule;

		if (!peer_rule_parse(peers->items[i], &rule)) {
			report->bad_rules++;
			continue;
		}
		rule.realms = (uint16_t)(1U << realm);
		if (!add(p, &rule))
			report->bad_rules++;
	}
	report->cut |= peers->cut;
}

/* Everything of IPv4 and IPv6, for one realm. */
static void deny_all(struct peer_policy *p, uint8_t realm)
{
	static const char *const all[] = { "0.0.0.0/0", "::/0" };
	struct peer_rule rule;

	for (int i = 0; i < 2; i++) {
		bool parsed = peer_rule_parse(all[i], &rule);

		assert(parsed);
		rule.realms = (uint16_t)(1U << realm);
		/* Without room for it, the last rule makes room. */
		if (peer_policy_deny(p, &rule))
			continue;
		p->deny_count--;
		peer_policy_deny(p, &rule);
	}
}

void realm_overrides_apply(const struct realm_overrides *o,
			   struct turn_config *config,
			   struct realm_overrides_report *report)
{
	*report = (struct realm_overrides_report){ .bad_rules = 0 };
	for (uint8_t i = 0; i < config->realm_count; i++) {
		const struct redis_realm *told = &o->realms[i];
		struct turn_realm *realm = &config->realms[i];
		uint64_t rate = number_of(&told->max_bps, BUCKET_RATE_MAX);

		if (rate)
			realm->allocation_rate = rate;
		realm->allocations_max =
			(uint32_t)number_of(&told->total_quota, UINT32_MAX);
		realm->allocations_per_user =
			(uint32_t)number_of(&told->user_quota, UINT32_MAX);
		add_rules(&config->peers, i, &told->allowed_peers,
			  peer_policy_allow, report);
		add_rules(&config->peers, i, &told->denied_peers,
			  peer_policy_deny, report);
		if (told->denied_peers.cut)
			deny_all(&config->peers, i);
	}
}
