/*
 * Keys of coturn about which peers may be reached, and by what relays.
 */
#include <string.h>
#include <strings.h>

#include "conf/options.h"
#include "conf/report.h"
#include "turn/peer_policy.h"
#include "turnpikectl/coturn_judge.h"
#include "turnpikectl/coturn_value.h"

static bool read_rule(struct coturn_note *n, struct peer_rule *out)
{
	char text[REPORT_QUOTE_BYTES];

	/* Ports after the range are ours, not coturn's. */
	if (!strchr(n->line->value, ' ') &&
	    peer_rule_parse(n->line->value, out))
		return true;
	coturn_unknown(n,
		       "the value is %s; expected ADDRESS or "
		       "ADDRESS-ADDRESS",
		       coturn_value_quote(n, text));
	return false;
}

/* What no rule taken over from somewhere else may open. */
static const char *const never_opened[] = {
	"127.0.0.1",     "0.0.0.0",         "169.254.169.254",
	"168.63.129.16", "255.255.255.255", "224.0.0.1",
	"::1",           "fe80::1",         "ff02::1",
};

static const char *forbidden_in(const struct peer_rule *rule)
{
	for (size_t at = 0; at < sizeof(never_opened) / sizeof(never_opened[0]);
	     at++) {
		struct addr a;

		if (addr_parse(never_opened[at], &a) &&
		    peer_rule_has_ip(rule, &a))
			return never_opened[at];
	}
	return NULL;
}

static bool add_rule(struct coturn_rules *rules, struct coturn_note *n,
		     const char *option, const struct peer_rule *rule)
{
	char text[PEER_RULE_TEXT_BYTES];

	if (rules->count == PEER_POLICY_RULES_MAX) {
		coturn_unsupported(n, "there are at most %d rules in %s",
				   PEER_POLICY_RULES_MAX, option);
		return false;
	}
	rules->items[rules->count++] = *rule;
	coturn_mapped(n, "%s: \"%s\"", option, peer_rule_print(rule, text));
	return true;
}

void coturn_judge_allowed_peer_ip(struct coturn_import *i,
				  struct coturn_note *n, uint64_t number)
{
	struct peer_rule rule;
	const char *forbidden;

	(void)number;
	if (!read_rule(n, &rule))
		return;
	forbidden = forbidden_in(&rule);
	if (forbidden) {
		coturn_unsupported(n,
				   "peers.allow beats all other rules, and "
				   "this would open %s",
				   forbidden);
		coturn_warn(i, n,
			    "allowed-peer-ip would open %s to every client: "
			    "it is left out; what is public is open anyway, "
			    "and more may be written to peers.allow by hand",
			    forbidden);
		return;
	}
	if (add_rule(&i->allow, n, "peers.allow", &rule) &&
	    (peer_is_special_purpose(&rule.first) ||
	     peer_is_special_purpose(&rule.last)))
		coturn_warn(i, n,
			    "allowed-peer-ip opens addresses that are not "
			    "public to every client: keep the rule in "
			    "peers.allow only if that is meant");
}

void coturn_judge_denied_peer_ip(struct coturn_import *i, struct coturn_note *n,
				 uint64_t number)
{
	struct peer_rule rule;

	(void)number;
	if (!read_rule(n, &rule))
		return;
	if (add_rule(&i->deny, n, "peers.deny", &rule))
		return;
	coturn_warn(i, n,
		    "denied-peer-ip: this rule is lost, so that clients "
		    "reach what it denied");
}

void coturn_judge_stun_only(struct coturn_import *i, struct coturn_note *n,
			    uint64_t number)
{
	(void)number;
	i->nobody = true;
	coturn_mapped(n, "nobody may relay: no user, secret or Redis is "
			 "taken over");
}

void coturn_judge_address_family(struct coturn_import *i, struct coturn_note *n,
				 uint64_t number)
{
	(void)i;
	(void)number;
	if (!strcasecmp(n->line->value, "ipv4"))
		coturn_default(n, "IPv4");
	else
		coturn_unsupported(n, "relays are of IPv4 only yet");
}
