#include "conf/decide.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/opaque.h"
#include "stun/integrity.h"

/* RFC 8489 section 14.9. */
#define REALM_MAX_CHARACTERS 127
/* Unicode normalization makes a text at most three times as long. */
#define PREPARED_MAX_BYTES 4096

bool decide_set_text(struct value *v, const char *text)
{
	v->as.text = strdup(text);
	v->is_set = v->as.text != NULL;
	return v->is_set;
}

static bool prepared(const char *in, char out[PREPARED_MAX_BYTES],
		     const char *what, unsigned line, size_t max_bytes,
		     struct report *report)
{
	int error = opaque_string(in, out, PREPARED_MAX_BYTES);

	if (!error && strlen(out) <= max_bytes)
		return true;
	if (error == -EINVAL)
		report_error(report, line,
			     "%s has a character that RFC 8265 does not "
			     "allow; expected UTF-8 without control "
			     "characters",
			     what);
	else if (error == -ENOMEM)
		report_error(report, line, "no memory to prepare %s", what);
	else
		report_error(report, line,
			     "%s is too long; expected at most %zu bytes", what,
			     max_bytes);
	return false;
}

bool decide_prepare(struct value *v, const char *what, size_t max_bytes,
		    struct report *report)
{
	char text[PREPARED_MAX_BYTES], *copy;

	if (!prepared(v->as.text, text, what, v->line, max_bytes, report))
		return false;
	copy = strdup(text);
	if (!copy) {
		report_error(report, v->line, "no memory to prepare %s", what);
		return false;
	}
	free(v->as.text);
	v->as.text = copy;
	return true;
}

static size_t character_count(const char *utf8)
{
	size_t count = 0;

	for (; *utf8; utf8++)
		count += ((unsigned char)*utf8 & 0xc0) != 0x80;
	return count;
}

static bool prepare_realm(struct value *v, struct report *report)
{
	if (!decide_prepare(v, "realm", STUN_REALM_MAX_BYTES, report))
		return false;
	if (character_count(v->as.text) <= REALM_MAX_CHARACTERS)
		return true;
	report_error(report, v->line,
		     "realm has %zu characters; expected at most %d",
		     character_count(v->as.text), REALM_MAX_CHARACTERS);
	return false;
}

static uint8_t add_realm(struct conf *c, const char *name)
{
	struct turn_realm *realm = &c->turn.realms[c->turn.realm_count];

	memcpy(realm->name, name, strlen(name) + 1);
	return c->turn.realm_count++;
}

void decide_realm(struct conf *c, struct report *report)
{
	struct value *v = &c->document->values[OPT_REALM];

	/* Without one there is an error, and the rest is judged with "". */
	add_realm(c, v->is_set && prepare_realm(v, report) ? v->as.text : "");
}

uint8_t decide_realm_of(struct conf *c, struct value *v, struct report *report)
{
	if (!v->is_set) {
		decide_set_text(v, c->turn.realms[0].name);
		return 0;
	}
	if (!prepare_realm(v, report))
		return 0;
	for (uint8_t i = 0; i < c->turn.realm_count; i++)
		if (!strcmp(c->turn.realms[i].name, v->as.text))
			return i;
	if (c->turn.realm_count < TURN_REALMS_MAX)
		return add_realm(c, v->as.text);
	report_error(report, v->line,
		     "realm is one more; expected at most %d different realms",
		     TURN_REALMS_MAX);
	return 0;
}

/* The users of one realm, as far as what it can offer depends on them. */
struct realm_users {
	uint32_t count;
	/* The first one without such a key, or NULL. */
	const struct document_item *no_md5;
	const struct document_item *no_sha256;
};

struct users {
	struct conf *c;
	struct crypto *crypto;
	struct report *report;
	struct realm_users realms[TURN_REALMS_MAX];
};

static const char *name_of(const struct document_item *item)
{
	return document_value(item, OPT_USERS_NAME)->as.text;
}

/* Both keys, from the password as RFC 8489 section 9.2.2 says. */
static void keys_from_password(struct users *users, struct value *password,
			       const char *name, const char *realm,
			       struct turn_keys *keys)
{
	char text[PREPARED_MAX_BYTES];
	struct bytes n = bytes_str(name), r = bytes_str(realm);

	if (prepared(password->as.text, text, "users.password", password->line,
		     sizeof(text), users->report)) {
		stun_long_term_key(users->crypto, STUN_ALGORITHM_MD5, n, r,
				   bytes_str(text), &keys->md5);
		stun_long_term_key(users->crypto, STUN_ALGORITHM_SHA256, n, r,
				   bytes_str(text), &keys->sha256);
	}
	crypto_wipe(text, sizeof(text));
	crypto_wipe(password->as.text, strlen(password->as.text));
}

static void key_from_value(struct value *v, size_t len, struct secret *out)
{
	if (!v->is_set)
		return;
	out->len = (uint8_t)len;
	memcpy(out->bytes, v->as.key, len);
	crypto_wipe(v->as.key, sizeof(v->as.key));
}

/* Sets `keys` if the user has either a password or keys. */
static void decide_keys(struct users *users, const struct document_item *item,
			const char *realm, struct turn_keys *keys)
{
	struct value *password = document_value(item, OPT_USERS_PASSWORD);
	struct value *md5 = document_value(item, OPT_USERS_KEY_MD5);
	struct value *sha256 = document_value(item, OPT_USERS_KEY_SHA256);
	char quoted[REPORT_QUOTE_BYTES];
	bool has_key = md5->is_given || sha256->is_given;

	if (password->is_given == has_key)
		report_error(users->report, item->line,
			     "user %s has %s; expected either a password "
			     "or a key",
			     report_quote(bytes_str(name_of(item)), quoted),
			     has_key ? "both a password and a key"
				     : "neither a password nor a key");
	if (password->is_set)
		keys_from_password(users, password, name_of(item), realm, keys);
	key_from_value(md5, CRYPTO_MD5_BYTES, &keys->md5);
	key_from_value(sha256, CRYPTO_SHA256_BYTES, &keys->sha256);
}

static bool is_twin(const struct document_item *item, const char *name,
		    const char *realm)
{
	const struct value *n = document_value(item, OPT_USERS_NAME);
	const struct value *r = document_value(item, OPT_USERS_REALM);

	/* Both are prepared, so the same if their bytes are. */
	return n->is_set && r->is_set && !strcmp(n->as.text, name) &&
	       !strcmp(r->as.text, realm);
}

static void refuse_twin(struct users *users, const struct document_item *item,
			const char *realm)
{
	const struct document_list *list =
		&users->c->document->lists[GROUP_USERS];
	char quoted[REPORT_QUOTE_BYTES], quoted_realm[REPORT_QUOTE_BYTES];
	const struct document_item *first = list->items;

	while (first < item && !is_twin(first, name_of(item), realm))
		first++;
	report_error(users->report, item->line,
		     "user %s for the second time in realm %s, first in line "
		     "%u; expected each name once in a realm",
		     report_quote(bytes_str(name_of(item)), quoted),
		     report_quote(bytes_str(realm), quoted_realm), first->line);
}

static void remember(struct realm_users *realm,
		     const struct document_item *item,
		     const struct turn_keys *keys)
{
	realm->count++;
	if (keys->md5.len == 0 && !realm->no_md5)
		realm->no_md5 = item;
	if (keys->sha256.len == 0 && !realm->no_sha256)
		realm->no_sha256 = item;
}

static void add_user(struct users *users, const struct document_item *item,
		     uint8_t realm, const struct turn_keys *keys,
		     const struct turn_grant *grant)
{
	const char *realm_name = users->c->turn.realms[realm].name;
	struct static_user user = {
		.name = name_of(item),
		.realm = realm,
		.keys = *keys,
		.grant = *grant,
	};
	int error;

	stun_userhash(users->crypto, bytes_str(user.name),
		      bytes_str(realm_name), user.userhash);
	error = static_users_add(users->c->users, &user);
	crypto_wipe(&user, sizeof(user));
	if (error == -EEXIST)
		refuse_twin(users, item, realm_name);
	else if (error)
		report_error(users->report, item->line,
			     "no room for another user after %u",
			     static_users_count(users->c->users));
	else if (keys->md5.len > 0 || keys->sha256.len > 0)
		remember(&users->realms[realm], item, keys);
}

static void decide_user(struct users *users, const struct document_item *item)
{
	struct value *name = document_value(item, OPT_USERS_NAME);
	struct value *limit = document_value(item, OPT_USERS_ALLOCATIONS);
	uint8_t realm = decide_realm_of(
		users->c, document_value(item, OPT_USERS_REALM), users->report);
	struct turn_grant grant = {
		.allocations_max = limit->is_set ? (uint32_t)limit->as.number
						 : 0,
	};
	struct turn_keys keys = { .md5.len = 0 };

	if (!name->is_set)
		return;
	if (!decide_prepare(name, "users.name", STUN_USERNAME_MAX_BYTES,
			    users->report)) {
		/* Not to be compared with names that are prepared. */
		value_fini(name, OPT_USERS_NAME);
		return;
	}
	decide_keys(users, item, users->c->turn.realms[realm].name, &keys);
	add_user(users, item, realm, &keys, &grant);
	crypto_wipe(&keys, sizeof(keys));
}

/* The words of auth.sha256 and auth.userhash, in the order of the table. */
enum setting { SETTING_AUTO, SETTING_ON, SETTING_OFF };

static enum setting setting_of(const struct conf *c, enum option_id id)
{
	return (enum setting)c->document->values[id].as.number;
}

/* A forced setting that a user cannot honour. */
static void check_forced(struct users *users, const struct realm_users *realm)
{
	const struct value *v = &users->c->document->values[OPT_AUTH_SHA256];
	char quoted[REPORT_QUOTE_BYTES];

	if (realm->no_sha256)
		report_error(users->report, v->line,
			     "auth.sha256 is \"on\", but user %s (line %u) "
			     "has no SHA-256 key; expected a password or "
			     "key_sha256 for each user, or \"auto\"",
			     report_quote(bytes_str(name_of(realm->no_sha256)),
					  quoted),
			     realm->no_sha256->line);
}

/* A user who has no key for what clients would use. */
static void check_md5(struct users *users, const struct realm_users *realm,
		      bool sha256)
{
	char quoted[REPORT_QUOTE_BYTES], other[REPORT_QUOTE_BYTES];

	if (!realm->no_md5)
		return;
	report_quote(bytes_str(name_of(realm->no_md5)), quoted);
	if (sha256)
		report_warning(users->report, realm->no_md5->line,
			       "user %s has no key_md5: clients that do not "
			       "know SHA-256, and browsers do not, cannot log "
			       "in",
			       quoted);
	else if (realm->no_sha256)
		report_error(users->report, realm->no_md5->line,
			     "user %s has no key_md5, and SHA-256 is not "
			     "offered since user %s (line %u) has no key for "
			     "it; expected key_md5 or a password",
			     quoted,
			     report_quote(bytes_str(name_of(realm->no_sha256)),
					  other),
			     realm->no_sha256->line);
	else
		report_error(users->report, realm->no_md5->line,
			     "user %s has no key_md5, and auth.sha256 is "
			     "\"off\"; expected key_md5 or a password",
			     quoted);
}

static void note_offer(struct users *users, const struct turn_realm *realm,
		       const struct realm_users *own)
{
	char quoted[REPORT_QUOTE_BYTES], who[REPORT_QUOTE_BYTES];

	report_quote(bytes_str(realm->name), quoted);
	if (own->no_sha256 && !realm->offer_sha256)
		report_note(
			users->report, 0,
			"realm %s offers no SHA-256, since user %s (line "
			"%u) has no key for it",
			quoted,
			report_quote(bytes_str(name_of(own->no_sha256)), who),
			own->no_sha256->line);
	report_note(users->report, 0, "realm %s: users %u, offers %s%s", quoted,
		    own->count, realm->offer_sha256 ? "SHA-256 and MD5" : "MD5",
		    realm->offer_userhash ? ", USERHASH" : "");
}

/* What a realm offers is what all of its users can do. */
static void decide_offer(struct users *users, uint8_t index)
{
	struct turn_realm *realm = &users->c->turn.realms[index];
	const struct realm_users *own = &users->realms[index];
	enum setting sha256 = setting_of(users->c, OPT_AUTH_SHA256);
	enum setting userhash = setting_of(users->c, OPT_AUTH_USERHASH);

	if (sha256 == SETTING_ON)
		check_forced(users, own);
	realm->offer_sha256 = sha256 != SETTING_OFF && !own->no_sha256;
	/* A table of users can be asked by hash. */
	realm->offer_userhash = userhash != SETTING_OFF;
	check_md5(users, own, realm->offer_sha256);
	note_offer(users, realm, own);
}

static bool has_listener(const struct conf *c, uint8_t realm)
{
	for (size_t i = 0; i < c->listener_count; i++)
		if (c->listeners[i].realm == realm)
			return true;
	return false;
}

static void warn_of_realm(struct users *users, uint8_t index)
{
	bool listens = has_listener(users->c, index);
	char quoted[REPORT_QUOTE_BYTES];

	if (listens == (users->realms[index].count > 0))
		return;
	report_quote(bytes_str(users->c->turn.realms[index].name), quoted);
	if (listens)
		report_warning(users->report, 0,
			       "realm %s has no users: nobody can use its "
			       "listeners",
			       quoted);
	else if (index > 0 || users->realms[index].count > 0)
		report_warning(users->report, 0,
			       "realm %s has users but no listener: they "
			       "cannot log in",
			       quoted);
}

static void decide_all(struct users *users)
{
	const struct document_list *list =
		&users->c->document->lists[GROUP_USERS];

	for (size_t i = 0; i < list->count; i++)
		decide_user(users, &list->items[i]);
	for (uint8_t i = 0; i < users->c->turn.realm_count; i++) {
		decide_offer(users, i);
		if (report_is_clean(users->report))
			warn_of_realm(users, i);
	}
}

void decide_users(struct conf *c, const struct conf_machine *machine,
		  struct report *report)
{
	struct users users = {
		.c = c,
		.crypto = crypto_new(),
		.report = report,
	};

	c->users = static_users_new(&machine->key, TURN_SOURCE_CONFIG);
	if (!users.crypto || !c->users)
		report_error(report, 0,
			     "no memory for users, or an OpenSSL without MD5");
	else
		decide_all(&users);
	crypto_free(users.crypto);
}
