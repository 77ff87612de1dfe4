#include "conf/decide.h"

#include <string.h>

struct offers {
	struct conf *c;
	const struct decide_realm_users *users; /* by realm */
	struct report *report;
};

static const char *name_of(const struct document_item *item)
{
	return document_value(item, OPT_USERS_NAME)->as.text;
}

const char *decide_place_of(const struct conf *c, struct decide_user user,
			    char out[DECIDE_PLACE_BYTES],
			    const struct report *report)
{
	const char *file = *c->path ? c->path : "the configuration";

	if (user.in_users_file)
		snprintf(out, DECIDE_PLACE_BYTES, "line %u of the users file",
			 user.item->line);
	else if (report->in_other)
		snprintf(out, DECIDE_PLACE_BYTES, "line %u of %s",
			 user.item->line, file);
	else
		snprintf(out, DECIDE_PLACE_BYTES, "line %u", user.item->line);
	return out;
}

/* The words of auth.sha256 and auth.userhash, in the order of the table. */
enum setting { SETTING_AUTO, SETTING_ON, SETTING_OFF };

static enum setting setting_of(const struct conf *c, enum option_id id)
{
	return (enum setting)c->document->values[id].as.number;
}

static bool has_redis(const struct conf *c)
{
	return c->redis.store.endpoint_count > 0;
}

/* Whether users of Redis may lack the key for SHA-256. */
static bool redis_lacks_sha256(const struct conf *c)
{
	return has_redis(c) &&
	       c->document->values[OPT_REDIS_SHA256].as.number == 0;
}

/* How many secrets are good in the realm. */
static unsigned secret_count(const struct conf *c, uint8_t realm)
{
	unsigned count = 0;

	for (unsigned i = 0; i < c->secrets.count; i++)
		count += c->secrets.items[i].realm == realm ||
			 c->secrets.items[i].realm == SECRETS_EVERY_REALM;
	return count;
}

/* Which source of a realm cannot be searched by a digest; NULL: none. */
static const char *unsearchable(const struct conf *c, uint8_t realm)
{
	if (has_redis(c))
		return "Redis";
	return secret_count(c, realm) > 0 ? "time-limited credentials" : NULL;
}

/* A forced setting that a user or a source cannot honour. */
static void check_forced_sha256(struct offers *o,
				const struct decide_realm_users *realm)
{
	const struct value *v = &o->c->document->values[OPT_AUTH_SHA256];
	char quoted[REPORT_QUOTE_BYTES], place[DECIDE_PLACE_BYTES];

	if (realm->no_sha256.item)
		report_error(
			o->report, v->line,
			"auth.sha256 is \"on\", but user %s (%s) has no "
			"SHA-256 key; expected a password or key_sha256 for "
			"each user, or \"auto\"",
			report_quote(bytes_str(name_of(realm->no_sha256.item)),
				     quoted),
			decide_place_of(o->c, realm->no_sha256, place,
					o->report));
	else if (redis_lacks_sha256(o->c))
		report_error(o->report, v->line,
			     "auth.sha256 is \"on\", but redis.sha256 is not; "
			     "expected both if each user there has a SHA-256 "
			     "key, or \"auto\"");
}

static void check_forced_userhash(struct offers *o, const char *why_not)
{
	const struct value *v = &o->c->document->values[OPT_AUTH_USERHASH];

	if (why_not)
		report_error(o->report, v->line,
			     "auth.userhash is \"on\", but %s cannot be "
			     "searched by a digest of the name; expected "
			     "\"auto\"",
			     why_not);
}

/* Why SHA-256 is not offered, to follow "SHA-256 is not offered since". */
static const char *why_no_sha256(const struct offers *o,
				 const struct decide_realm_users *realm,
				 char out[REPORT_MESSAGE_BYTES])
{
	char quoted[REPORT_QUOTE_BYTES], place[DECIDE_PLACE_BYTES];

	if (!realm->no_sha256.item)
		return "redis.sha256 is \"off\"";
	snprintf(
		out, REPORT_MESSAGE_BYTES, "user %s (%s) has no key for it",
		report_quote(bytes_str(name_of(realm->no_sha256.item)), quoted),
		decide_place_of(o->c, realm->no_sha256, place, o->report));
	return out;
}

/* A user who has no key for what clients would use. */
static void check_md5(struct offers *o, const struct decide_realm_users *realm,
		      bool sha256)
{
	const struct decide_user l = realm->no_md5;
	char quoted[REPORT_QUOTE_BYTES], why[REPORT_MESSAGE_BYTES];
	struct report *report = o->report;

	if (!l.item)
		return;
	if (l.in_users_file)
		report_enter(report, o->c->users_file);
	report_quote(bytes_str(name_of(l.item)), quoted);
	if (sha256)
		report_warning(report, l.item->line,
			       "user %s has no key_md5: clients that do not "
			       "know SHA-256, and browsers do not, cannot log "
			       "in",
			       quoted);
	else if (setting_of(o->c, OPT_AUTH_SHA256) == SETTING_OFF)
		report_error(report, l.item->line,
			     "user %s has no key_md5, and auth.sha256 is "
			     "\"off\"; expected key_md5 or a password",
			     quoted);
	else
		report_error(report, l.item->line,
			     "user %s has no key_md5, and SHA-256 is not "
			     "offered since %s; expected key_md5 or a password",
			     quoted, why_no_sha256(o, realm, why));
	report_leave(report);
}

static void note_offer(struct offers *o, uint8_t index, const char *why_not)
{
	const struct turn_realm *realm = &o->c->turn.realms[index];
	const struct decide_realm_users *own = &o->users[index];
	unsigned secrets = secret_count(o->c, index);
	char quoted[REPORT_QUOTE_BYTES], why[REPORT_MESSAGE_BYTES];
	char more[32] = "";

	report_quote(bytes_str(realm->name), quoted);
	if ((own->no_sha256.item || redis_lacks_sha256(o->c)) &&
	    !realm->offer_sha256)
		report_note(o->report, 0,
			    "realm %s offers no SHA-256, since %s", quoted,
			    why_no_sha256(o, own, why));
	if (why_not)
		report_note(o->report, 0,
			    "realm %s offers no USERHASH, since %s cannot be "
			    "searched by it",
			    quoted, why_not);
	if (secrets > 0)
		snprintf(more, sizeof(more), ", secrets %u", secrets);
	report_note(o->report, 0, "realm %s: users %u%s%s, offers %s%s", quoted,
		    own->count, more, has_redis(o->c) ? ", Redis" : "",
		    realm->offer_sha256 ? "SHA-256 and MD5" : "MD5",
		    realm->offer_userhash ? ", USERHASH" : "");
}

/* What a realm offers is what all of its users can do. */
static void decide_offer(struct offers *o, uint8_t index)
{
	struct turn_realm *realm = &o->c->turn.realms[index];
	const struct decide_realm_users *own = &o->users[index];
	enum setting sha256 = setting_of(o->c, OPT_AUTH_SHA256);
	enum setting userhash = setting_of(o->c, OPT_AUTH_USERHASH);
	const char *why_not = unsearchable(o->c, index);

	if (sha256 == SETTING_ON)
		check_forced_sha256(o, own);
	if (userhash == SETTING_ON)
		check_forced_userhash(o, why_not);
	realm->offer_sha256 = sha256 != SETTING_OFF && !own->no_sha256.item &&
			      !redis_lacks_sha256(o->c);
	/* A table of users can be asked by hash. */
	realm->offer_userhash = userhash != SETTING_OFF && !why_not;
	check_md5(o, own, realm->offer_sha256);
	note_offer(o, index, why_not);
}

static bool has_listener(const struct conf *c, uint8_t realm)
{
	for (size_t i = 0; i < c->listener_count; i++)
		if (c->listeners[i].realm == realm)
			return true;
	return false;
}

static void warn_of_realm(struct offers *o, uint8_t index)
{
	uint32_t count = o->users[index].count;
	char quoted[REPORT_QUOTE_BYTES];

	report_quote(bytes_str(o->c->turn.realms[index].name), quoted);
	if (!has_listener(o->c, index)) {
		if (index > 0 || count > 0)
			report_warning(o->report, 0,
				       "realm %s has users but no listener: "
				       "they cannot log in",
				       quoted);
	} else if (count == 0 && !unsearchable(o->c, index)) {
		report_warning(o->report, 0,
			       "realm %s has no users: nobody can use its "
			       "listeners",
			       quoted);
	}
}

void decide_offers(struct conf *c,
		   const struct decide_realm_users users[TURN_REALMS_MAX],
		   struct report *report)
{
	struct offers o = { c, users, report };

	for (uint8_t i = 0; i < c->turn.realm_count; i++) {
		decide_offer(&o, i);
		if (report_is_clean(report))
			warn_of_realm(&o, i);
	}
}
