#include "ctl_fixture.h"

#include "unit.h"

#include <string.h>

struct control_hooks ctl_hooks;
int ctl_status;
char *ctl_body;
json_t *ctl_json;

static void handle(const struct route *route, struct request *q,
		   const struct query *query, json_t *body, struct answer *a)
{
	char why[FIELDS_WHY_BYTES];

	if (fields_from_query(route->parameters, query, q->parameters, why) &&
	    fields_from_json(route->members, body, q->members, why))
		route->handle(q, a);
	else
		answer_error(a, 400, "bad_request", why, NULL);
}

static void keep(struct answer *a)
{
	size_t len = answer_bytes(a);

	ctl_status = a->status;
	ctl_body = calloc(1, len + 1);
	ck_assert_ptr_nonnull(ctl_body);
	if (len > 0)
		evbuffer_copyout(a->body, ctl_body, len);
	ctl_json = json_loads(ctl_body, JSON_REJECT_DUPLICATES, NULL);
	answer_fini(a);
}

int ctl_ask(enum route_method method, const char *target, const char *body)
{
	json_t *object = json_loads(body ? body : "{}", 0, NULL);
	struct query *query = malloc(sizeof(*query));
	struct request q = { .hooks = &ctl_hooks, .by = "uid 0" };
	char allow[ANSWER_ALLOW_BYTES], path[256];
	const struct route *route;
	struct answer a;

	ctl_done();
	ck_assert(object && query);
	ck_assert(query_parse(query, bytes_str(target)));
	snprintf(path, sizeof(path), "%.*s", (int)strcspn(target, "?"), target);
	q.path = path;
	route = route_find(method, query, q.args, allow);
	ck_assert_msg(route != NULL, "%s: %s", target, allow);
	answer_init(&a);
	handle(route, &q, query, object, &a);
	keep(&a);
	json_decref(object);
	free(query);
	return ctl_status;
}

void ctl_done(void)
{
	free(ctl_body);
	json_decref(ctl_json);
	ctl_body = NULL;
	ctl_json = NULL;
}

void ctl_expect_error(int status, const char *code)
{
	const json_t *error = json_object_get(ctl_json, "error");

	ck_assert_msg(ctl_status == status &&
			      !strcmp(json_string_value(
					      json_object_get(error, "code")),
				      code),
		      "%d %s", ctl_status, ctl_body);
	ck_assert(json_string_length(json_object_get(error, "message")) > 0);
}
