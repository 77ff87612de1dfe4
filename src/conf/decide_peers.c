#include "conf/decide.h"

#include <stdlib.h>

#include "conf/acs_list.h"

#define ACS_FILE TURNPIKE_SYSCONFDIR "/turnpike/acs.list"

static struct value *top(const struct conf *c, enum option_id id)
{
	return &c->document->values[id];
}

/* What an item of `realms` does not say is as outside of it. */
static int64_t word_of(const struct conf *c, struct value *v,
		       enum option_id fallback)
{
	if (!v->is_set) {
		v->as.number = top(c, fallback)->as.number;
		v->is_set = true;
	}
	return v->as.number;
}

/* In the table the words stand in the order of these values. */
static struct peer_realm peer_realm(int64_t preset, int64_t dry_run)
{
	return (struct peer_realm){
		.preset = (uint8_t)preset,
		.dry_run = dry_run != 0,
	};
}

static void set_realms(struct conf *c)
{
	const struct document_list *list = &c->document->lists[GROUP_REALMS];
	struct peer_policy *p = &c->turn.peers;
	uint8_t realm;

	for (unsigned i = 0; i < PEER_POLICY_REALMS_MAX; i++)
		p->realms[i] = peer_realm(top(c, OPT_PEERS_PRESET)->as.number,
					  top(c, OPT_PEERS_DRY_RUN)->as.number);
	for (size_t i = 0; i < list->count; i++) {
		const struct document_item *item = &list->items[i];
		struct peer_realm own = peer_realm(
			word_of(c, document_value(item, OPT_REALMS_PRESET),
				OPT_PEERS_PRESET),
			word_of(c, document_value(item, OPT_REALMS_DRY_RUN),
				OPT_PEERS_DRY_RUN));

		if (decide_item_realm(c, item, &realm))
			p->realms[realm] = own;
	}
}

/* Adds a list's rules for some realms; false if there is no room for all. */
static bool add_rules(struct peer_policy *p,
		      bool (*add)(struct peer_policy *,
				  const struct peer_rule *),
		      const struct value_rules *rules, uint16_t realms)
{
	for (uint16_t i = 0; i < rules->count; i++) {
		struct peer_rule rule = rules->items[i];

		rule.realms = realms;
		if (!add(p, &rule))
			return false;
	}
	return true;
}

static bool add_lists(struct peer_policy *p, const struct value *allow,
		      const struct value *deny, uint16_t realms)
{
	return add_rules(p, peer_policy_allow, &allow->as.rules, realms) &&
	       add_rules(p, peer_policy_deny, &deny->as.rules, realms);
}

static void set_rules(struct conf *c, struct report *report)
{
	const struct document_list *list = &c->document->lists[GROUP_REALMS];
	struct peer_policy *p = &c->turn.peers;
	uint8_t realm;
	bool room;

	room = add_lists(p, top(c, OPT_PEERS_ALLOW), top(c, OPT_PEERS_DENY),
			 PEER_RULE_ALL_REALMS);
	for (size_t i = 0; i < list->count; i++) {
		const struct document_item *item = &list->items[i];

		if (decide_item_realm(c, item, &realm))
			room &= add_lists(
				p, document_value(item, OPT_REALMS_ALLOW),
				document_value(item, OPT_REALMS_DENY),
				(uint16_t)(1 << realm));
	}
	if (!room)
		report_error(report, list->line,
			     "peers and realms together have too many rules; "
			     "expected at most %d that allow and as many that "
			     "deny",
			     PEER_POLICY_RULES_MAX);
}

static bool is_acs_wanted(const struct conf *c)
{
	for (uint8_t i = 0; i < c->turn.realm_count; i++)
		if (c->turn.peers.realms[i].preset == PEER_PRESET_ACS)
			return true;
	return false;
}

/* The path is there in any case, so that it is shown. */
static bool decide_acs_file(struct conf *c, struct report *report)
{
	struct value *v = top(c, OPT_PEERS_ACS_FILE);
	char quoted[REPORT_QUOTE_BYTES];

	if (!v->is_set && !decide_set_text(v, ACS_FILE)) {
		report_error(report, 0, "no memory to read it");
		return false;
	}
	if (v->as.text[0] == '/')
		return true;
	report_error(report, v->line,
		     "peers.acs_file is %s; expected a path that begins with /",
		     report_quote(bytes_str(v->as.text), quoted));
	return false;
}

static void set_acs(struct conf *c, const struct conf_machine *machine,
		    struct acs_list *list, struct report *report)
{
	const struct value *file = top(c, OPT_PEERS_ACS_FILE);
	struct peer_policy *p = &c->turn.peers;
	char quoted[REPORT_QUOTE_BYTES];

	if (!acs_list_read(
		    file->as.text,
		    (enum acs_clouds)top(c, OPT_PEERS_ACS_CLOUDS)->as.number,
		    file->line, list, report))
		return;
	for (uint16_t i = 0; i < list->count; i++)
		p->acs[p->acs_count++] = list->media[i];
	if (acs_list_is_old(list, machine->now_s))
		report_warning(report, file->line,
			       "%s is of %s, more than a year ago; compare it "
			       "with Microsoft's documents, as it says, and "
			       "change its date",
			       report_quote(bytes_str(file->as.text), quoted),
			       list->date);
}

static unsigned rules_for(const struct peer_rule *rules, uint16_t count,
			  uint8_t realm)
{
	unsigned found = 0;

	for (uint16_t i = 0; i < count; i++)
		found += rules[i].realms >> realm & 1;
	return found;
}

static void note_realm(const struct conf *c, uint8_t realm,
		       const struct acs_list *list, struct report *report)
{
	const struct peer_policy *p = &c->turn.peers;
	const struct peer_realm *own = &p->realms[realm];
	char quoted[REPORT_QUOTE_BYTES], ranges[64] = "";

	if (own->preset == PEER_PRESET_ACS)
		snprintf(ranges, sizeof(ranges), ", %u range%s of %s",
			 list->count, list->count == 1 ? "" : "s", list->date);
	report_note(report, 0,
		    "realm %s: peers by preset %s%s, allow %u, deny %u%s",
		    report_quote(bytes_str(c->turn.realms[realm].name), quoted),
		    options[OPT_PEERS_PRESET].words[own->preset], ranges,
		    rules_for(p->allow, p->allow_count, realm),
		    rules_for(p->deny, p->deny_count, realm),
		    own->dry_run ? ", on a dry run" : "");
}

static void warn_of_dry_run(const struct conf *c, uint8_t realm,
			    struct report *report)
{
	char quoted[REPORT_QUOTE_BYTES];

	if (c->turn.peers.realms[realm].dry_run)
		report_warning(
			report, 0,
			"realm %s is on a dry run: what its deny rules "
			"and its preset would refuse is let through and "
			"logged",
			report_quote(bytes_str(c->turn.realms[realm].name),
				     quoted));
}

void decide_peers(struct conf *c, const struct conf_machine *machine,
		  struct report *report)
{
	struct acs_list *list = calloc(1, sizeof(*list));

	if (!list) {
		report_error(report, 0, "no memory to read it");
		return;
	}
	c->turn.peers.generation = 1;
	set_realms(c);
	set_rules(c, report);
	if (decide_acs_file(c, report) && is_acs_wanted(c))
		set_acs(c, machine, list, report);
	for (uint8_t i = 0; i < c->turn.realm_count; i++) {
		note_realm(c, i, list, report);
		warn_of_dry_run(c, i, report);
	}
	free(list);
}
