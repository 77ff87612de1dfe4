#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "turnpikectl/api.h"
#include "turnpikectl/commands.h"
#include "turnpikectl/member.h"
#include "turnpikectl/password.h"
#include "turnpikectl/url.h"
#include "turnpikectl/say.h"
#include "turnpikectl/table.h"
#include "turnpikectl/units.h"

/* The first option of each of the four. */
enum { OPTION_REALM, OPTION_ALLOCATIONS, OPTION_RATE, OPTION_DISABLED };

#define REALM_OPTION                                               \
	{                                                          \
		"realm", 0, "NAME", "the user's, if not the first" \
	}

static const struct command_option realm_options[] = {
	REALM_OPTION,
	{ NULL, 0, NULL, NULL },
};

static const struct command_option add_options[] = {
	REALM_OPTION,
	{ "allocations", 0, "NUMBER", "sessions at a time, at most" },
	{ "rate", 0, "RATE", "of all sessions together, as 10Mbit/s" },
	{ "disabled", 0, NULL, "known, but not let in" },
	{ NULL, 0, NULL, NULL },
};

/* --- list --- */

static const struct table_column columns[] = {
	{ "NAME", false }, { "REALM", false },   { "ALLOCATIONS", true },
	{ "RATE", true },  { "SHA-256", false }, { "STATE", false },
	{ NULL, false },
};

static void put_user(struct table *t, const json_t *user)
{
	char shown[UNITS_TEXT_BYTES];

	table_put(t, member_text(user, "name"));
	table_put(t, member_text(user, "realm"));
	if (member_is_there(user, "allocations"))
		table_format(
			t, "%llu",
			(unsigned long long)member_number(user, "allocations"));
	else
		table_put(t, "-");
	if (!member_is_there(user, "rate"))
		table_put(t, "-");
	else if (json_is_string(member_at(user, "rate")))
		table_put(t, member_text(user, "rate"));
	else
		table_put(t, units_rate(member_number(user, "rate"), shown));
	table_put(t, member_is_true(user, "sha256") ? "yes" : "no");
	table_put(t, member_is_true(user, "disabled") ? "disabled" : "");
}

static enum status print_users(const json_t *answer)
{
	struct table *t = table_new(columns);
	const json_t *user;
	size_t i;

	if (!t)
		return say_no_memory();
	for (i = 0; (user = json_array_get(member_at(answer, "users"), i)); i++)
		put_user(t, user);
	if (table_rows(t) > 0)
		table_write(t, 0, 0, stdout);
	printf("%zu user%s in the users file%s\n", table_rows(t),
	       table_rows(t) == 1 ? "" : "s",
	       member_is_true(answer, "writable")
		       ? ""
		       : ", which turnpiked cannot write");
	table_free(t);
	return STATUS_OK;
}

static enum status run_list(const struct call *call)
{
	struct url q;
	json_t *answer = NULL;
	enum status status;

	url_begin(&q, "/v1/users", NULL);
	url_add(&q, "realm", call->options[OPTION_REALM]);
	status = q.text ? api_get(call, q.text, &answer) : say_no_memory();
	url_end(&q);
	if (status == STATUS_OK && call->common.json)
		member_print(answer);
	else if (status == STATUS_OK)
		status = print_users(answer);
	json_decref(answer);
	return status;
}

/* --- the others --- */

/* Sends what there is to be done, and says that it is done. */
static enum status change(const struct call *call, const char *method,
			  const char *path, json_t *body, const char *done)
{
	json_t *answer = NULL;
	enum status status;

	if (!path)
		return say_no_memory();
	status = api_send(call, method, path, body, &answer);
	if (status == STATUS_OK && !call->common.json)
		puts(done);
	else if (status == STATUS_OK && answer)
		member_print(answer);
	else if (status == STATUS_OK)
		puts("{}");
	json_decref(answer);
	return status;
}

static bool set(json_t *body, const char *name, const char *value)
{
	return !value ||
	       json_object_set_new(body, name, json_string(value)) == 0;
}

static bool set_number(json_t *body, const char *name, const char *value)
{
	long long number;
	char *end;

	if (!value)
		return true;
	number = strtoll(value, &end, 10);
	return *value != '\0' && *end == '\0' &&
	       json_object_set_new(body, name, json_integer(number)) == 0;
}

static enum status not_utf8(void)
{
	return say(STATUS_DATA, "a name or a password is no UTF-8");
}

/* Asks for the password last: after it nothing is left to be mistyped. */
static enum status set_password(json_t *body)
{
	char password[PASSWORD_BYTES];
	enum status status = password_read(password);

	if (status == STATUS_OK && !set(body, "password", password))
		status = not_utf8();
	crypto_wipe(password, sizeof(password));
	return status;
}

static enum status fill_user(const struct call *call, json_t *body)
{
	if (!set(body, "name", call->operands[0]) ||
	    !set(body, "realm", call->options[OPTION_REALM]) ||
	    !set(body, "rate", call->options[OPTION_RATE]))
		return not_utf8();
	if (!set_number(body, "allocations", call->options[OPTION_ALLOCATIONS]))
		return say(STATUS_USAGE, "--allocations needs a number");
	if (call->options[OPTION_DISABLED])
		json_object_set_new(body, "disabled", json_true());
	return set_password(body);
}

static enum status run_add(const struct call *call)
{
	json_t *body = json_object();
	enum status status = body ? fill_user(call, body) : say_no_memory();

	if (status == STATUS_OK)
		status = change(call, "POST", "/v1/users", body, "added");
	json_decref(body);
	return status;
}

static enum status run_passwd(const struct call *call)
{
	json_t *body = json_object();
	struct url q;
	enum status status;

	url_begin(&q, "/v1/users/", call->operands[0]);
	url_path(&q, "/password");
	if (!set(body, "realm", call->options[OPTION_REALM]))
		status = not_utf8();
	else
		status = set_password(body);
	if (status == STATUS_OK)
		status = change(call, "POST", q.text, body,
				"changed; sessions with the old password end");
	url_end(&q);
	json_decref(body);
	return status;
}

static enum status run_del(const struct call *call)
{
	struct url q;
	enum status status;

	url_begin(&q, "/v1/users/", call->operands[0]);
	url_add(&q, "realm", call->options[OPTION_REALM]);
	status = change(call, "DELETE", q.text, NULL,
			"removed; its sessions end");
	url_end(&q);
	return status;
}

const struct command command_user_add = {
	.name = "user add",
	.operands = "NAME",
	.operands_min = 1,
	.operands_max = 1,
	.summary = "add a user to the users file",
	.help = "The password is asked for on a terminal, and else read from "
		"standard input,\n"
		"up to the end of the line. It can be used at once, and is "
		"not kept: the file\n"
		"holds keys that are made of it.\n",
	.options = add_options,
	.run = run_add,
};

const struct command command_user_passwd = {
	.name = "user passwd",
	.operands = "NAME",
	.operands_min = 1,
	.operands_max = 1,
	.summary = "give a user of the users file another password",
	.help = "It is read as \"user add\" does. Sessions that were begun "
		"with the old one end.\n",
	.options = realm_options,
	.run = run_passwd,
};

const struct command command_user_del = {
	.name = "user del",
	.operands = "NAME",
	.operands_min = 1,
	.operands_max = 1,
	.summary = "remove a user from the users file",
	.help = "The user's sessions end. Users of turnpike.conf are not "
		"touched.\n",
	.options = realm_options,
	.run = run_del,
};

const struct command command_user_list = {
	.name = "user list",
	.operands = "",
	.summary = "list the users of the users file",
	.options = realm_options,
	.run = run_list,
};
