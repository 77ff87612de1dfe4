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

/* Returns false if there was no room for all of them. */
static bool add_rules(struct peer_policy *p, uint8_t realm,
		      const struct redis_peers *peers, add_rule *add,
		      struct realm_overrides_report *report)
{
	bool fit = true;

	for (uint8_t i = 0; i < peers->count; i++) {
		struct peer_rule rule;

		if (!peer_rule_parse(peers->items[i], &rule)) {
			report->bad_rules++;
			continue;
		}
		rule.realms = (uint16_t)(1U << realm);
		if (add(p, &rule))
			continue;
		report->bad_rules++;
		fit = false;
	}
	report->cut |= peers->cut;
	return fit;
}

/*
 * Everything of IPv4 and IPv6, for these realms. Where there is no room, the
 * last rules make room, and for their sake it holds for every realm.
 */
static void deny_all(struct peer_policy *p, uint16_t realms)
{
	static const char *const all[] = { "0.0.0.0/0", "::/0" };
	struct peer_rule rule;

	if (p->deny_count > PEER_POLICY_RULES_MAX - 2) {
		p->deny_count = PEER_POLICY_RULES_MAX - 2;
		realms = PEER_RULE_ALL_REALMS;
	}
	for (int i = 0; i < 2; i++) {
		bool added = peer_rule_parse(all[i], &rule);

		rule.realms = realms;
		added = added && peer_policy_deny(p, &rule);
		assert(added);
	}
}

static void apply_realm(const struct redis_realm *told,
			struct turn_realm *realm)
{
	uint64_t rate = number_of(&told->max_bps, BUCKET_RATE_MAX);

	if (rate)
		realm->allocation_rate = rate;
	realm->allocations_max =
		(uint32_t)number_of(&told->total_quota, UINT32_MAX);
	realm->allocations_per_user =
		(uint32_t)number_of(&told->user_quota, UINT32_MAX);
}

void realm_overrides_apply(const struct realm_overrides *o,
			   struct turn_config *config,
			   struct realm_overrides_report *report)
{
	struct peer_policy *p = &config->peers;
	uint16_t closed = 0;

	*report = (struct realm_overrides_report){ .bad_rules = 0 };
	for (uint8_t i = 0; i < config->realm_count; i++) {
		const struct redis_realm *told = &o->realms[i];
		bool whole;

		apply_realm(told, &config->realms[i]);
		add_rules(p, i, &told->allowed_peers, peer_policy_allow,
			  report);
		whole = add_rules(p, i, &told->denied_peers, peer_policy_deny,
				  report);
		if (!whole || told->denied_peers.cut)
			closed |= (uint16_t)(1U << i);
	}
	report->closed = closed != 0;
	if (closed)
		deny_all(p, closed);
}
