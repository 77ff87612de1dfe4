/*
 * The users file: GET and POST /v1/users, POST /v1/users/{name}/password,
 * DELETE /v1/users/{name}.
 */
#include "ctl/api.h"
#include "ctl/values.h"

#define PASSWORD_MAX_BYTES 1024
#define USER_ALLOCATIONS_MAX 65535
#define RATE_MAX_BYTES 32

enum {
	ADD_NAME,
	ADD_PASSWORD,
	ADD_REALM,
	ADD_ALLOCATIONS,
	ADD_RATE,
	ADD_DISABLED
};

static const struct field add_members[] = {
	{ "name", FIELD_TEXT, .required = true, .min = 1,
	  .max = STUN_USERNAME_MAX_BYTES },
	{ "password", FIELD_TEXT, .required = true, .min = 1,
	  .max = PASSWORD_MAX_BYTES },
	{ "realm", FIELD_TEXT, .min = 1, .max = STUN_REALM_MAX_BYTES },
	{ "allocations", FIELD_NUMBER, .min = 1, .max = USER_ALLOCATIONS_MAX },
	{ "rate", FIELD_TEXT, .min = 1, .max = RATE_MAX_BYTES },
	{ "disabled", FIELD_SWITCH, .min = 0 },
	{ .name = NULL },
};

enum { PASSWORD_PASSWORD, PASSWORD_REALM };

static const struct field password_members[] = {
	{ "password", FIELD_TEXT, .required = true, .min = 1,
	  .max = PASSWORD_MAX_BYTES },
	{ "realm", FIELD_TEXT, .min = 1, .max = STUN_REALM_MAX_BYTES },
	{ .name = NULL },
};

enum { WHERE_REALM };

static const struct field where_parameters[] = {
	{ "realm", FIELD_TEXT, .min = 1, .max = STUN_REALM_MAX_BYTES },
	{ .name = NULL },
};

/* --- the list --- */

struct listing {
	json_t *users;
	const struct field_value *realm;
};

static void add_user(void *visitor, const struct control_user *u)
{
	struct listing *l = visitor;

	if (l->realm->is_set &&
	    !bytes_equal(l->realm->text, bytes_str(u->realm)))
		return;
	json_array_append_new(
		l->users,
		json_pack("{s:o, s:o, s:o, s:o, s:b, s:b}", "name",
			  value_text(bytes_str(u->name)), "realm",
			  value_text(bytes_str(u->realm)), "allocations",
			  value_limit(u->allocations), "rate",
			  value_limit(u->rate), "disabled", (int)u->disabled,
			  "sha256", (int)u->has_sha256));
}

static void refuse_file(struct answer *a, const char *why)
{
	answer_error(a, 500, "users_file", why,
		     "See to the file that users_file names, and to who may "
		     "write to its directory.");
}

static void list(const struct request *q, struct answer *a)
{
	struct listing l = { json_array(), &q->parameters[WHERE_REALM] };
	char why[CONTROL_WHY_BYTES];
	bool writable;

	if (q->hooks->users(q->hooks->arg, add_user, &l, &writable, why)) {
		answer_json(a, 200,
			    json_pack("{s:o, s:b}", "users", l.users,
				      "writable", (int)writable));
		return;
	}
	json_decref(l.users);
	refuse_file(a, why);
}

/* --- changes --- */

/* A text for C, or NULL if it is not there; false if it cannot be one. */
static bool as_text(const struct field_value *v, const char **out)
{
	*out = v->is_set ? (const char *)v->text.data : NULL;
	return !v->is_set || strlen(*out) == v->text.len;
}

static void change(const struct request *q, struct answer *a,
		   struct control_user_change *c, int done)
{
	char why[CONTROL_WHY_BYTES];

	c->by = q->by;
	switch (q->hooks->change_user(q->hooks->arg, c, why)) {
	case CONTROL_USER_DONE:
		a->status = done;
		break;
	case CONTROL_USER_IS_THERE:
		answer_error(a, 409, "user_exists", why,
			     "Change its password, or remove it first.");
		break;
	case CONTROL_USER_NOT_THERE:
		answer_error(a, 404, "unknown_user", why, NULL);
		break;
	case CONTROL_USER_BAD:
		answer_error(a, 400, "bad_request", why, NULL);
		break;
	case CONTROL_USER_FAILED:
		refuse_file(a, why);
		break;
	}
}

static void add(const struct request *q, struct answer *a)
{
	const struct field_value *m = q->members;
	struct control_user_change c = {
		.kind = CONTROL_USER_ADD,
		.allocations = (uint32_t)m[ADD_ALLOCATIONS].number,
		.disabled = m[ADD_DISABLED].number != 0,
	};

	/* What JSON holds is free of NUL. */
	as_text(&m[ADD_NAME], &c.name);
	as_text(&m[ADD_PASSWORD], &c.password);
	as_text(&m[ADD_REALM], &c.realm);
	as_text(&m[ADD_RATE], &c.rate);
	change(q, a, &c, 201);
}

/* Whom the path and a realm name; answers if that can be nobody. */
static bool name_user(const struct request *q, const struct field_value *realm,
		      struct control_user_change *c, struct answer *a)
{
	c->name = (const char *)q->args[0].data;
	if (as_text(realm, &c->realm) && strlen(c->name) == q->args[0].len)
		return true;
	answer_error(a, 404, "unknown_user", "There is no such user.", NULL);
	return false;
}

static void set_password(const struct request *q, struct answer *a)
{
	struct control_user_change c = { .kind = CONTROL_USER_PASSWORD };

	as_text(&q->members[PASSWORD_PASSWORD], &c.password);
	if (name_user(q, &q->members[PASSWORD_REALM], &c, a))
		change(q, a, &c, 204);
}

static void remove_user(const struct request *q, struct answer *a)
{
	struct control_user_change c = { .kind = CONTROL_USER_REMOVE };

	if (name_user(q, &q->parameters[WHERE_REALM], &c, a))
		change(q, a, &c, 204);
}

const struct route api_users = {
	.method = ROUTE_GET,
	.path = "/v1/users",
	.parameters = where_parameters,
	.handle = list,
};

const struct route api_users_add = {
	.method = ROUTE_POST,
	.path = "/v1/users",
	.members = add_members,
	.handle = add,
};

const struct route api_user_password = {
	.method = ROUTE_POST,
	.path = "/v1/users/{name}/password",
	.members = password_members,
	.handle = set_password,
};

const struct route api_user_remove = {
	.method = ROUTE_DELETE,
	.path = "/v1/users/{name}",
	.parameters = where_parameters,
	.handle = remove_user,
};
