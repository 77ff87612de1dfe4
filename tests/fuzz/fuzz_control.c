/*
 * libFuzzer target: any bytes as a request to the control API, once HTTP is
 * taken off: the first byte is the method, then the target up to a newline,
 * then the body.
 *
 * What is decoded lies in the query and ends with a NUL; what a handler gets is
 * as its route's tables say; whatever is asked, the answer has a status, and
 * what it says in JSON is JSON.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl/access.h"
#include "ctl/hooks.h"
#include "ctl/metrics.h"
#include "ctl/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- a server where there is something of everything --- */

static const char *hook_not_ready(void *arg)
{
	(void)arg;
	return NULL;
}

static void hook_look(void *arg, struct control_server *out)
{
	(void)arg;
	*out = (struct control_server){
		.version = "1",
		.realm_count = 1,
		.realms = { { "example.org", 1, 0 } },
		.listener_count = 1,
		.listeners = { { true, addr_ipv4(0x7f000001, 3478), 0,
				 false } },
		.advertise_source = "file",
	};
}

static void hook_measure(void *arg, struct metrics_snapshot *out)
{
	(void)arg;
	memset(out, 0, sizeof(*out));
	out->version = "1";
}

static void hook_sessions(void *arg, control_visit *visit, void *visitor)
{
	struct turn_session t = {
		.worker = 1,
		.user_bytes = 3,
		.user = { 'b', 0xff, '"' },
	};

	(void)arg;
	for (t.allocation.index = 0; t.allocation.index < 3;
	     t.allocation.index++)
		if (!visit(visitor, &t))
			return;
}

static const char *hook_realm_name(void *arg, uint8_t realm)
{
	(void)arg;
	assert(realm == 0);
	return "example.org";
}

static bool hook_end_session(void *arg, const struct turn_session *session,
			     const char *by)
{
	(void)arg;
	(void)by;
	return session->allocation.index != 1;
}

static int hook_begin_self_test(void *arg, uint8_t realm,
				const struct addr *peer, const char *by,
				struct control_self_test *out)
{
	(void)arg;
	(void)by;
	assert(realm == 0);
	assert(peer->family == ADDR_NONE || peer->port > 0);
	*out = (struct control_self_test){ .username = "u", .password = "p" };
	return peer->family == ADDR_IPV6 ? -EPERM : 0;
}

static int64_t hook_usage(void *arg, control_visit_usage *visit, void *visitor)
{
	const struct control_usage u = { .user = bytes_str("\xff") };

	(void)arg;
	visit(visitor, &u);
	return 1;
}

static unsigned hook_refusals(void *arg, struct refusal *out, unsigned max,
			      uint64_t *total)
{
	(void)arg;
	for (unsigned i = 0; i < REFUSAL_CAUSE_COUNT && i < max; i++)
		out[i] = (struct refusal){ .cause = (uint8_t)i };
	*total = REFUSAL_CAUSE_COUNT;
	return REFUSAL_CAUSE_COUNT;
}

static void hook_drain(void *arg, struct control_drain *out)
{
	(void)arg;
	*out = (struct control_drain){ .on = true };
}

static bool hook_begin_drain(void *arg, int64_t deadline_s, const char *by)
{
	(void)arg;
	(void)by;
	assert(deadline_s >= -1);
	return deadline_s != 0;
}

static bool hook_end_drain(void *arg, const char *by)
{
	(void)arg;
	(void)by;
	return true;
}

static bool hook_users(void *arg, control_visit_user *visit, void *visitor,
		       bool *writable, char why[CONTROL_WHY_BYTES])
{
	const struct control_user u = { .name = "\xff", .realm = "r" };

	(void)arg;
	(void)why;
	*writable = false;
	visit(visitor, &u);
	return true;
}

static enum control_user_result
hook_change_user(void *arg, const struct control_user_change *c,
		 char why[CONTROL_WHY_BYTES])
{
	size_t len = strlen(c->name);

	(void)arg;
	assert(len > 0 && c->by);
	assert((c->kind == CONTROL_USER_REMOVE) == !c->password);
	snprintf(why, CONTROL_WHY_BYTES, "so");
	return (enum control_user_result)(len % (CONTROL_USER_FAILED + 1));
}

static int hook_mint(void *arg, const char *user, uint32_t lifetime_s,
		     struct control_credential *out)
{
	(void)arg;
	assert(*user && lifetime_s > 0 && out->realm == 0);
	return strlen(user) > 5 ? -EINVAL : 0;
}

static void hook_reload(void *arg, struct control_reload *out)
{
	(void)arg;
	out->ok = true;
}

static int hook_capture_begin(void *arg, const struct addr *client,
			      uint32_t seconds)
{
	(void)arg;
	(void)client;
	assert(seconds > 0);
	return 0;
}

static bool hook_capture_is_there(void *arg)
{
	(void)arg;
	return true;
}

static bool hook_capture_next(void *arg, struct control_message *out)
{
	(void)arg;
	(void)out;
	return false;
}

static uint64_t hook_capture_end(void *arg)
{
	(void)arg;
	return 0;
}

static const struct control_hooks hooks = {
	.not_ready = hook_not_ready,
	.look = hook_look,
	.measure = hook_measure,
	.sessions = hook_sessions,
	.realm_name = hook_realm_name,
	.end_session = hook_end_session,
	.begin_self_test = hook_begin_self_test,
	.usage = hook_usage,
	.refusals = hook_refusals,
	.drain = hook_drain,
	.begin_drain = hook_begin_drain,
	.end_drain = hook_end_drain,
	.users = hook_users,
	.change_user = hook_change_user,
	.mint = hook_mint,
	.reload = hook_reload,
	.capture_begin = hook_capture_begin,
	.capture_is_there = hook_capture_is_there,
	.capture_next = hook_capture_next,
	.capture_end = hook_capture_end,
};

/* --- the requests --- */

static void check_part(const struct query *q, struct bytes part)
{
	const char *begin = (const char *)part.data;

	assert(begin >= q->text &&
	       begin + part.len < q->text + sizeof(q->text));
	assert(begin[part.len] == '\0');
}

static void check_query(const struct query *q)
{
	assert(q->segment_count <= QUERY_SEGMENTS_MAX &&
	       q->parameter_count <= QUERY_PARAMETERS_MAX);
	for (unsigned i = 0; i < q->segment_count; i++)
		check_part(q, q->segments[i]);
	for (unsigned i = 0; i < q->parameter_count; i++) {
		check_part(q, q->parameters[i].name);
		check_part(q, q->parameters[i].value);
	}
}

static void check_values(const struct field *fields,
			 const struct field_value *values)
{
	for (unsigned i = 0; fields && fields[i].name; i++) {
		int64_t n = fields[i].kind == FIELD_TEXT
				    ? (int64_t)values[i].text.len
				    : values[i].number;

		assert(values[i].is_set || !fields[i].required);
		if (values[i].is_set && fields[i].kind != FIELD_SWITCH)
			assert(n >= fields[i].min && n <= fields[i].max);
	}
}

static void check_answer(struct answer *a)
{
	json_t *json;

	assert(a->status >= 200 && a->status < 600 && !a->failed);
	if (!a->type || strcmp(a->type, "application/json") != 0)
		return;
	json = json_loadb((const char *)evbuffer_pullup(a->body, -1),
			  answer_bytes(a), JSON_REJECT_DUPLICATES, NULL);
	assert(json);
	json_decref(json);
}

static void ask(const struct route *route, const struct query *query,
		const json_t *body, struct request *q)
{
	char why[FIELDS_WHY_BYTES];
	struct answer a;

	if (!fields_from_query(route->parameters, query, q->parameters, why) ||
	    !fields_from_json(route->members, body, q->members, why)) {
		assert(strlen(why) > 0);
		return;
	}
	check_values(route->parameters, q->parameters);
	check_values(route->members, q->members);
	answer_init(&a);
	route->handle(q, &a);
	check_answer(&a);
	answer_fini(&a);
}

static json_t *body_of(const uint8_t *data, size_t size)
{
	json_t *json;

	if (size == 0)
		return json_object();
	json = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES,
			  NULL);
	if (json_is_object(json))
		return json;
	json_decref(json);
	return NULL;
}

/* Headers are texts, whatever is in them. */
static void check_access(const char *text)
{
	const struct addr http = addr_ipv4(0x7f000001, 9641);

	access_host(&http, text);
	assert(!access_origin("localhost", text) ||
	       strlen(text) == sizeof("http://localhost") - 1);
	assert(!access_token("0123456789abcdef", text) ||
	       strlen(text) == sizeof("Bearer 0123456789abcdef") - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct query query;
	const uint8_t *newline = memchr(data, '\n', size);
	size_t len = newline ? (size_t)(newline - data) : size;
	char path[QUERY_TARGET_MAX_BYTES + 1];
	struct request q = { .hooks = &hooks, .path = path, .by = "uid 0" };
	char allow[ANSWER_ALLOW_BYTES];
	const struct route *route;
	json_t *body;

	if (size == 0 || len == 0 || len > QUERY_TARGET_MAX_BYTES)
		return 0;
	memcpy(path, data + 1, len - 1);
	path[len - 1] = '\0';
	check_access(path);
	if (!query_parse(&query, bytes_of(data + 1, len - 1)))
		return 0;
	check_query(&query);
	path[strcspn(path, "?")] = '\0';
	route = route_find((enum route_method)(data[0] % ROUTE_METHOD_COUNT),
			   &query, q.args, allow);
	if (!route)
		return 0;
	body = newline ? body_of(newline + 1, size - len - 1) : json_object();
	if (body)
		ask(route, &query, body, &q);
	json_decref(body);
	return 0;
}
