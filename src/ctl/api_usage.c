/*
 * GET /v1/usage: who has used the server how much.
 */
#include "ctl/api.h"
#include "ctl/values.h"

enum { USAGE_USER, USAGE_REALM };

static const struct field parameters[] = {
	{ "user", FIELD_TEXT, .min = 1, .max = STUN_USERNAME_MAX_BYTES },
	{ "realm", FIELD_TEXT, .min = 1, .max = STUN_REALM_MAX_BYTES },
	{ .name = NULL },
};

struct listing {
	const struct request *q;
	json_t *users;
	json_t *others;
};

static void add_numbers(json_t *to, const struct control_usage *u)
{
	const struct counters_relayed *r = &u->relayed;

	json_object_set_new(to, "sessions", value_number(u->sessions));
	json_object_set_new(to, "living", value_number(u->living));
	json_object_set_new(to, "peak", value_number(u->peak));
	json_object_set_new(
		to, "to_peer",
		value_traffic(r->to_peer_packets, r->to_peer_bytes));
	json_object_set_new(
		to, "to_client",
		value_traffic(r->to_client_packets, r->to_client_bytes));
}

static bool matches(const struct field_value *v, struct bytes text)
{
	return !v->is_set || bytes_equal(v->text, text);
}

static void add(void *visitor, const struct control_usage *u)
{
	struct listing *l = visitor;
	const struct request *q = l->q;
	const char *realm;
	json_t *user;

	if (u->is_others) {
		l->others = json_object();
		add_numbers(l->others, u);
		return;
	}
	realm = q->hooks->realm_name(q->hooks->arg, u->realm);
	if (!matches(&q->parameters[USAGE_USER], u->user) ||
	    !matches(&q->parameters[USAGE_REALM], bytes_str(realm)))
		return;
	user = json_pack("{s:o, s:s}", "user", value_text(u->user), "realm",
			 realm);
	add_numbers(user, u);
	json_array_append_new(l->users, user);
}

static void list(const struct request *q, struct answer *a)
{
	struct listing l = { .q = q, .users = json_array() };
	int64_t since = q->hooks->usage(q->hooks->arg, add, &l);
	bool truncated = l.others != NULL;

	if (since >= 0) {
		answer_json(a, 200,
			    json_pack("{s:o, s:o, s:o, s:b}", "since",
				      value_time(since), "users", l.users,
				      "others",
				      truncated ? l.others : json_null(),
				      "truncated", (int)truncated));
		return;
	}
	json_decref(l.users);
	json_decref(l.others);
}

const struct route api_usage = {
	.method = ROUTE_GET,
	.path = "/v1/usage",
	.parameters = parameters,
	.handle = list,
};
