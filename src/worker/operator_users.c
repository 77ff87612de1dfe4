/*
 * The users file, in the operator's hands. Passwords are turned into keys here
 * and go no further.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/opaque.h"
#include "conf/users_file.h"
#include "stun/integrity.h"
#include "worker/operator_hooks.h"
#include "worker/service_state.h"

#define PREPARED_MAX_BYTES 4096

/* What is being done, and the file as it is. */
struct edit {
	struct service *s;
	const struct control_user_change *change;
	char *why;
	struct document file;
	struct report report;
	uint8_t realm;
	const struct document_item *old; /* NULL: the file has no such user */
	struct users_file_user user;
	char name[PREPARED_MAX_BYTES];
	char password[PREPARED_MAX_BYTES];
};

static void say(char *why, const char *text)
{
	snprintf(why, CONTROL_WHY_BYTES, "%s", text);
}

static const char *first_error(const struct report *report)
{
	return report->messages[REPORT_ERROR][0].text;
}

static const char *path_of(const struct service *s)
{
	return s->force.conf->users_file;
}

static const struct turn_config *turn_of(const struct edit *e)
{
	return &e->s->force.conf->turn;
}

/* Reads the file; what is wrong with it must not be lost by writing it. */
static bool read_file(struct edit *e)
{
	report_init(&e->report);
	users_file_read(&e->file, path_of(e->s), &e->report);
	if (report_is_clean(&e->report))
		return true;
	say(e->why, first_error(&e->report));
	return false;
}

/* --- the list --- */

static const char *realm_of(const struct service *s,
			    const struct document_item *item)
{
	const struct value *v = document_value(item, OPT_USERS_REALM);

	return v->is_set ? v->as.text : s->force.conf->turn.realms[0].name;
}

static int64_t number_of(const struct document_item *item, enum option_id id)
{
	const struct value *v = document_value(item, id);

	return v->is_set ? v->as.number : 0;
}

static void visit_all(const struct edit *e, control_visit_user *visit,
		      void *visitor)
{
	const struct document_list *list = &e->file.lists[GROUP_USERS];

	for (size_t i = 0; i < list->count; i++) {
		const struct document_item *item = &list->items[i];
		const struct control_user user = {
			.name = document_value(item, OPT_USERS_NAME)->as.text,
			.realm = realm_of(e->s, item),
			.allocations = (uint32_t)number_of(
				item, OPT_USERS_ALLOCATIONS),
			.rate = (uint64_t)number_of(item, OPT_USERS_RATE),
			.disabled = number_of(item, OPT_USERS_DISABLED) != 0,
			.has_sha256 = document_value(item, OPT_USERS_KEY_SHA256)
					      ->is_set,
		};

		visit(visitor, &user);
	}
}

bool operator_users(void *arg, control_visit_user *visit, void *visitor,
		    bool *writable, char why[CONTROL_WHY_BYTES])
{
	struct edit *e = calloc(1, sizeof(*e));
	bool ok;

	if (!e) {
		say(why, "There is no memory to read it.");
		return false;
	}
	e->s = arg;
	e->why = why;
	*writable = users_file_is_writable(path_of(e->s));
	ok = read_file(e);
	if (ok)
		visit_all(e, visit, visitor);
	document_fini(&e->file);
	free(e);
	return ok;
}

/* --- a change --- */

static bool find_realm(struct edit *e)
{
	const struct turn_config *turn = turn_of(e);
	char realm[PREPARED_MAX_BYTES];

	if (!e->change->realm)
		return true;
	if (opaque_string(e->change->realm, realm, sizeof(realm)))
		return false;
	for (uint8_t i = 0; i < turn->realm_count; i++) {
		e->realm = i;
		if (!strcmp(turn->realms[i].name, realm))
			return true;
	}
	return false;
}

/* What names whom, prepared as the configuration is. */
static enum control_user_result prepare(struct edit *e)
{
	const struct control_user_change *c = e->change;

	if (!find_realm(e)) {
		say(e->why, "There is no such realm.");
		return CONTROL_USER_BAD;
	}
	if (opaque_string(c->name, e->name, sizeof(e->name)) ||
	    strlen(e->name) > STUN_USERNAME_MAX_BYTES) {
		say(e->why, "The name has a character that RFC 8265 does not "
			    "allow, or is too long.");
		return CONTROL_USER_BAD;
	}
	if (c->password &&
	    opaque_string(c->password, e->password, sizeof(e->password))) {
		say(e->why, "The password has a character that RFC 8265 does "
			    "not allow.");
		return CONTROL_USER_BAD;
	}
	if (c->rate &&
	    !value_parse_rate(OPT_USERS_RATE, c->rate, &e->user.rate)) {
		say(e->why, "rate is no rate such as \"10Mbit/s\".");
		return CONTROL_USER_BAD;
	}
	e->user.allocations = c->allocations;
	e->user.disabled = c->disabled;
	return CONTROL_USER_DONE;
}

/* Whether the user is where the change wants it to be. */
static enum control_user_result find_user(struct edit *e)
{
	const struct turn_config *turn = turn_of(e);
	const char *realm = turn->realms[e->realm].name;
	bool adds = e->change->kind == CONTROL_USER_ADD;

	e->user.name = e->name;
	e->user.realm = realm;
	e->old =
		users_file_find(&e->file, e->name, realm, turn->realms[0].name);
	if (adds && e->old) {
		say(e->why, "The users file has a user of that name.");
		return CONTROL_USER_IS_THERE;
	}
	if (adds &&
	    static_users_has(e->s->force.conf->users, e->realm, e->name)) {
		say(e->why, "turnpike.conf has a user of that name.");
		return CONTROL_USER_IS_THERE;
	}
	if (adds || e->old)
		return CONTROL_USER_DONE;
	say(e->why, "The users file has no user of that name in that realm.");
	return CONTROL_USER_NOT_THERE;
}

static bool make_keys(struct edit *e)
{
	struct crypto *crypto = crypto_new();
	struct bytes name = bytes_str(e->name),
		     password = bytes_str(e->password);
	struct bytes realm = bytes_str(e->user.realm);

	if (!crypto)
		return false;
	stun_long_term_key(crypto, STUN_ALGORITHM_MD5, name, realm, password,
			   &e->user.keys.md5);
	stun_long_term_key(crypto, STUN_ALGORITHM_SHA256, name, realm, password,
			   &e->user.keys.sha256);
	crypto_free(crypto);
	return true;
}

/* All but the password stays as it was. */
static void keep_rest(struct edit *e)
{
	if (e->change->kind != CONTROL_USER_PASSWORD)
		return;
	e->user.allocations =
		(uint32_t)number_of(e->old, OPT_USERS_ALLOCATIONS);
	e->user.rate = (uint64_t)number_of(e->old, OPT_USERS_RATE);
	e->user.disabled = number_of(e->old, OPT_USERS_DISABLED) != 0;
}

static enum control_user_result write_file(struct edit *e)
{
	bool removes = e->change->kind == CONTROL_USER_REMOVE;
	int error;

	if (!removes && !make_keys(e)) {
		say(e->why, "There is no memory to make the keys.");
		return CONTROL_USER_FAILED;
	}
	keep_rest(e);
	error = users_file_write(path_of(e->s), &e->file, e->old,
				 removes ? NULL : &e->user);
	if (!error)
		return CONTROL_USER_DONE;
	snprintf(e->why, CONTROL_WHY_BYTES, "%s cannot be written: %s",
		 path_of(e->s), strerror(-error));
	return CONTROL_USER_FAILED;
}

static enum control_user_result put_in_force(struct edit *e)
{
	struct hash_key key;

	if (getrandom(&key, sizeof(key), 0) != (ssize_t)sizeof(key)) {
		say(e->why, "There is no randomness.");
		return CONTROL_USER_FAILED;
	}
	report_init(&e->report);
	if (in_force_reload_users(&e->s->force, &key, &e->report))
		return CONTROL_USER_DONE;
	say(e->why, first_error(&e->report));
	return CONTROL_USER_FAILED;
}

static void tell(struct edit *e)
{
	static const char *const messages[] = {
		[CONTROL_USER_ADD] = "operator has added a user",
		[CONTROL_USER_PASSWORD] = "operator has set a password",
		[CONTROL_USER_REMOVE] = "operator has removed a user",
	};
	struct log_record r;

	logger_begin(&r, LOG_LEVEL_NOTICE, messages[e->change->kind]);
	log_text(&r, "by", e->change->by);
	log_text(&r, "user", e->name);
	log_text(&r, "realm", e->user.realm);
	logger_put(e->s->log, &r);
}

static enum control_user_result apply(struct edit *e)
{
	enum control_user_result result = prepare(e);

	if (result == CONTROL_USER_DONE && !read_file(e))
		result = CONTROL_USER_FAILED;
	if (result == CONTROL_USER_DONE)
		result = find_user(e);
	if (result == CONTROL_USER_DONE)
		result = write_file(e);
	if (result == CONTROL_USER_DONE)
		result = put_in_force(e);
	if (result == CONTROL_USER_DONE)
		tell(e);
	return result;
}

enum control_user_result
operator_change_user(void *arg, const struct control_user_change *change,
		     char why[CONTROL_WHY_BYTES])
{
	struct edit *e = calloc(1, sizeof(*e));
	enum control_user_result result;

	if (!e) {
		say(why, "There is no memory for it.");
		return CONTROL_USER_FAILED;
	}
	e->s = arg;
	e->change = change;
	e->why = why;
	result = apply(e);
	document_fini(&e->file);
	crypto_wipe(e, sizeof(*e));
	free(e);
	return result;
}
