#include "turn/dry_run.h"

/* What the gate takes for the same: the user and the rule. */
struct subject {
	uint64_t user;
	char rule[PEER_EXPLAIN_BYTES];
};

/* A peer of a permission has no port. */
static enum peer_verdict judge(const struct turn_server *s,
			       const struct allocation *a,
			       const struct addr *peer)
{
	const struct peer_policy *p = &s->config.peers;

	/* Otherwise there is no need to go through the lists. */
	if (!p->realms[a->realm].dry_run)
		return PEER_ALLOWED;
	return peer->port ? peer_policy_judge(p, a->realm, peer)
			  : peer_policy_judge_ip(p, a->realm, peer);
}

static const char *rule_of(const struct turn_server *s,
			   const struct allocation *a, const struct addr *peer,
			   char out[PEER_EXPLAIN_BYTES])
{
	const struct peer_policy *p = &s->config.peers;

	return peer->port ? peer_policy_explain(p, a->realm, peer, out)
			  : peer_policy_explain_ip(p, a->realm, peer, out);
}

static void tell(struct turn_server *s, const struct now *now,
		 const struct allocation *a, const struct addr *peer,
		 struct actions *out)
{
	struct subject subject = { .user = a->charges.user };
	char text[PEER_EXPLAIN_BYTES];
	const char *rule = rule_of(s, a, peer, text);
	struct log_record *log;
	uint32_t held;

	memcpy(subject.rule, rule, strlen(rule));
	if (!log_gate_pass(&s->shared->gate,
			   bytes_of(&subject, sizeof(subject)), now->mono_ms,
			   &held))
		return;
	log = actions_log(out, LOG_LEVEL_NOTICE,
			  "dry run: peer would be refused", now->wall_s);
	log_addr(log, "peer", peer);
	log_text(log, "rule", rule);
	log_addr(log, "client", &a->client);
	log_bytes(log, "user", users_name(&s->users, a->user));
	log_text(log, "realm", s->config.realms[a->realm].name);
	if (held)
		log_number(log, "held_back", held);
}

bool dry_run_request(struct request *r, const struct addr *peer)
{
	struct turn_server *s = r->server;
	const struct allocation *a =
		pool_at(&s->flows.allocations, r->allocation);

	if (judge(s, a, peer) != PEER_DRY)
		return false;
	counter_add(&s->counters.dry_run_requests, 1);
	tell(s, r->now, a, peer, r->out);
	return true;
}

bool dry_run_noted(struct turn_server *s, const struct now *now,
		   struct actions *out)
{
	struct flow_dry *dry = &s->flows.dry;
	const struct allocation *a;

	if (!dry->is_set)
		return false;
	dry->is_set = false;
	/* It may have ended, or other rules hold by now. */
	a = pool_get(&s->flows.allocations, dry->allocation);
	if (a && judge(s, a, &dry->peer) == PEER_DRY)
		tell(s, now, a, &dry->peer, out);
	return true;
}
