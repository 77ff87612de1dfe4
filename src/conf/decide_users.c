#include "conf/decide.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/opaque.h"
#include "conf/users_file.h"
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

struct users {
	struct conf *c;
	struct crypto *crypto;
	struct report *report;
	struct document file; /* the users file's */
	struct decide_realm_users realms[TURN_REALMS_MAX];
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

/* The first user of that name before `end`, or NULL. */
static const struct document_item *find_twin(const struct document_list *list,
					     const struct document_item *end,
					     const char *name,
					     const char *realm)
{
	for (size_t i = 0; i < list->count && &list->items[i] != end; i++)
		if (is_twin(&list->items[i], name, realm))
			return &list->items[i];
	return NULL;
}

static void refuse_twin(struct users *users, const struct document_item *item,
			const char *realm)
{
	char quoted[REPORT_QUOTE_BYTES], quoted_realm[REPORT_QUOTE_BYTES];
	struct decide_user first = { .in_users_file = false };
	char place[DECIDE_PLACE_BYTES];

	/* The configuration's users come first. */
	first.item = find_twin(&users->c->document->lists[GROUP_USERS], item,
			       name_of(item), realm);
	if (!first.item) {
		first.in_users_file = true;
		first.item = find_twin(&users->file.lists[GROUP_USERS], item,
				       name_of(item), realm);
	}
	report_error(users->report, item->line,
		     "user %s for the second time in realm %s, first in %s; "
		     "expected each name once in a realm",
		     report_quote(bytes_str(name_of(item)), quoted),
		     report_quote(bytes_str(realm), quoted_realm),
		     decide_place_of(users->c, first, place, users->report));
}

static void remember(struct users *users, const struct document_item *item,
		     const struct static_user *user)
{
	struct decide_realm_users *realm = &users->realms[user->realm];
	const struct decide_user l = { item, users->report->in_other };

	realm->count++;
	if (user->keys.md5.len == 0 && !realm->no_md5.item)
		realm->no_md5 = l;
	if (user->keys.sha256.len == 0 && !realm->no_sha256.item)
		realm->no_sha256 = l;
}

/* Adds a user to the set of its file, unless either file has it already. */
static void add_user(struct users *users, const struct document_item *item,
		     struct static_user *user)
{
	const char *realm_name = users->c->turn.realms[user->realm].name;
	struct static_users *set = users->report->in_other
					   ? users->c->file_users
					   : users->c->users;
	int error;

	stun_userhash(users->crypto, bytes_str(user->name),
		      bytes_str(realm_name), user->userhash);
	error = static_users_has(users->c->users, user->realm, user->name)
			? -EEXIST
			: static_users_add(set, user);
	if (error == -EEXIST)
		refuse_twin(users, item, realm_name);
	else if (error)
		report_error(users->report, item->line,
			     "no room for another user after %u",
			     static_users_count(set));
	else if (user->keys.md5.len > 0 || user->keys.sha256.len > 0)
		remember(users, item, user);
}

static void decide_user(struct users *users, const struct document_item *item)
{
	struct value *name = document_value(item, OPT_USERS_NAME);
	struct value *limit = document_value(item, OPT_USERS_ALLOCATIONS);
	struct value *rate = document_value(item, OPT_USERS_RATE);
	struct static_user user = {
		.realm = decide_realm_of(users->c,
					 document_value(item, OPT_USERS_REALM),
					 users->report),
		.disabled = document_value(item, OPT_USERS_DISABLED)->as.number,
		.grant.allocations_max =
			limit->is_set ? (uint32_t)limit->as.number : 0,
		.grant.rate_bytes_per_s =
			rate->is_set ? (uint64_t)rate->as.number : 0,
	};

	if (!name->is_set)
		return;
	if (!decide_prepare(name, "users.name", STUN_USERNAME_MAX_BYTES,
			    users->report)) {
		/* Not to be compared with names that are prepared. */
		value_fini(name, OPT_USERS_NAME);
		return;
	}
	user.name = name->as.text;
	decide_keys(users, item, users->c->turn.realms[user.realm].name,
		    &user.keys);
	add_user(users, item, &user);
	crypto_wipe(&user, sizeof(user));
}

static void decide_list(struct users *users, const struct document *d)
{
	const struct document_list *list = &d->lists[GROUP_USERS];

	for (size_t i = 0; i < list->count; i++)
		decide_user(users, &list->items[i]);
}

static void decide_all(struct users *users, bool with_file)
{
	struct conf *c = users->c;

	decide_list(users, c->document);
	if (with_file && c->users_file) {
		users_file_read(&users->file, c->users_file, users->report);
		report_enter(users->report, c->users_file);
		decide_list(users, &users->file);
		report_leave(users->report);
	}
	decide_offers(c, users->realms, users->report);
	document_fini(&users->file);
}

void decide_users(struct conf *c, const struct conf_machine *machine,
		  struct report *report)
{
	struct users *users = calloc(1, sizeof(*users));
	struct crypto *crypto = crypto_new();

	c->users = static_users_new(&machine->key, TURN_SOURCE_CONFIG);
	c->file_users = static_users_new(&machine->key, TURN_SOURCE_FILE);
	if (!users || !crypto || !c->users || !c->file_users) {
		report_error(report, 0,
			     "no memory for users, or an OpenSSL without MD5");
	} else {
		users->c = c;
		users->crypto = crypto;
		users->report = report;
		decide_all(users, !machine->is_closed);
	}
	crypto_free(crypto);
	free(users);
}

static void refuse_new_realms(const struct conf *known, const struct conf *c,
			      struct report *report)
{
	char quoted[REPORT_QUOTE_BYTES];

	for (uint8_t i = known->turn.realm_count; i < c->turn.realm_count; i++)
		report_error(report, 0,
			     "realm %s is none of the configuration's; "
			     "expected one that it names",
			     report_quote(bytes_str(c->turn.realms[i].name),
					  quoted));
}

/* Reads the users file into a set of its own, which is in `c`, a copy. */
static void read_file_alone(const struct conf *known, struct conf *c,
			    struct users *users)
{
	users->c = c;
	users_file_read(&users->file, c->users_file, users->report);
	report_enter(users->report, c->users_file);
	decide_list(users, &users->file);
	refuse_new_realms(known, c, users->report);
	report_leave(users->report);
	document_fini(&users->file);
}

struct static_users *conf_read_users_file(const struct conf *known,
					  const struct hash_key *key,
					  struct report *report)
{
	struct users *users = calloc(1, sizeof(*users));
	struct conf *c = malloc(sizeof(*c));
	struct static_users *set = static_users_new(key, TURN_SOURCE_FILE);

	if (users)
		users->crypto = crypto_new();
	if (users && users->crypto && c && set) {
		*c = *known;
		c->file_users = set;
		users->report = report;
		read_file_alone(known, c, users);
		crypto_wipe(c, sizeof(*c));
	} else {
		report_error(report, 0, "no memory to read the users file");
	}
	if (!report_is_clean(report)) {
		static_users_free(set);
		set = NULL;
	}
	if (users)
		crypto_free(users->crypto);
	free(users);
	free(c);
	return set;
}
