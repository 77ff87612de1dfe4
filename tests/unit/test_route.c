#include "unit.h"

#include <string.h>

#include "ctl/metrics.h"
#include "ctl_fixture.h"

static struct query q;
static struct bytes args[ROUTE_ARGS_MAX];
static char allow[ANSWER_ALLOW_BYTES];

static const struct route *find(enum route_method method, const char *target)
{
	ck_assert(query_parse(&q, bytes_str(target)));
	return route_find(method, &q, args, allow);
}

START_TEST(paths_are_found)
{
	const struct route *r = find(ROUTE_GET, "/v1/server");

	ck_assert_ptr_nonnull(r);
	ck_assert_str_eq(r->path, "/v1/server");
	ck_assert(!r->open);
	r = find(ROUTE_GET, "/");
	ck_assert_ptr_nonnull(r);
	ck_assert_str_eq(r->path, "/");
	r = find(ROUTE_GET, "/page/page.css");
	ck_assert_ptr_nonnull(r);
	ck_assert_uint_eq(args[0].len, 8);
}
END_TEST

START_TEST(others_are_not)
{
	static const char *const targets[] = {
		"/v1",         "/v1/",       "/v1/server/", "/v1/serve",
		"/v1/servers", "/V1/server", "//v1/server", "/page",
		"/page/",      "/page/a/b",  "/%2f",        "/v1%2fserver",
		"/v2/server",  "/{id}",
	};

	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		ck_assert_msg(!find(ROUTE_GET, targets[i]), "%s", targets[i]);
		ck_assert_str_eq(allow, "");
	}
}
END_TEST

START_TEST(other_methods_are_told)
{
	ck_assert_ptr_null(find(ROUTE_DELETE, "/v1/server"));
	ck_assert_str_eq(allow, "GET");
	ck_assert_ptr_null(find(ROUTE_METHOD_COUNT, "/healthz"));
	ck_assert_str_eq(allow, "GET");
}
END_TEST

/* What is open shows nothing of users, and changes nothing. */
START_TEST(what_is_open)
{
	static const char *const open[] = {
		"/", "/page/{name}", "/healthz", "/readyz", "/metrics",
	};

	for (const struct route *const *r = routes; *r; r++) {
		bool listed = false;

		for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++)
			listed |= !strcmp(open[i], (*r)->path);
		ck_assert_msg(listed == (*r)->open, "%s", (*r)->path);
		ck_assert(!(*r)->open || (*r)->method == ROUTE_GET);
		ck_assert_ptr_nonnull((*r)->handle);
	}
}
END_TEST

static const char *why_not;

static const char *not_ready(void *arg)
{
	(void)arg;
	return why_not;
}

START_TEST(health)
{
	ctl_hooks.not_ready = not_ready;
	ck_assert_int_eq(ctl_ask(ROUTE_GET, "/healthz", NULL), 200);
	ck_assert_str_eq(ctl_body, "ok\n");
	ck_assert_int_eq(ctl_ask(ROUTE_GET, "/readyz", NULL), 200);
	why_not = "it drains";
	ck_assert_int_eq(ctl_ask(ROUTE_GET, "/readyz", NULL), 503);
	ck_assert_str_eq(ctl_body, "it drains\n");
	/* Living it is, all the same. */
	ck_assert_int_eq(ctl_ask(ROUTE_GET, "/healthz", NULL), 200);
	why_not = NULL;
	ctl_done();
}
END_TEST

static void look(void *arg, struct control_server *out)
{
	(void)arg;
	*out = (struct control_server){
		.version = "1.2.3",
		.started_wall_s = 1795626000,
		.uptime_s = 5,
		.realm_count = 1,
		.realms = { { "example.org", 3, 0 } },
		.listener_count = 1,
		.listeners = { { true, addr_ipv4(0xc0000201, 3478), 0,
				 false } },
		.relay = addr_ipv4(0xc0000201, 0),
		.advertise = addr_ipv4(0xc0000202, 0),
		.advertise_source = "file",
		.first_port = 49152,
		.last_port = 65535,
		.allocations = 3,
		.redis = { .state = why_not ? "down" : NULL,
			   .mode = "polls",
			   .endpoint = "h:1",
			   .since_wall_s = 0 },
	};
}

static void drain(void *arg, struct control_drain *out)
{
	(void)arg;
	*out = (struct control_drain){ .on = why_not != NULL };
}

START_TEST(the_server)
{
	const json_t *relay, *listener;

	ctl_hooks.not_ready = not_ready;
	ctl_hooks.look = look;
	ctl_hooks.drain = drain;
	ck_assert_int_eq(ctl_ask(ROUTE_GET, "/v1/server", NULL), 200);
	ck_assert_ptr_nonnull(ctl_json);
	ck_assert(json_is_true(json_object_get(ctl_json, "ready")));
	ck_assert(json_is_null(json_object_get(ctl_json, "not_ready")));
	ck_assert(json_is_null(json_object_get(ctl_json, "redis")));
	relay = json_object_get(ctl_json, "relay");
	ck_assert_str_eq(json_string_value(json_object_get(relay, "address")),
			 "192.0.2.1");
	ck_assert_int_eq(json_integer_value(json_object_get(relay, "ports")),
			 16384);
	listener = json_array_get(json_object_get(ctl_json, "listeners"), 0);
	ck_assert_int_eq(json_integer_value(json_object_get(listener, "port")),
			 3478);

	why_not = "so";
	ck_assert_int_eq(ctl_ask(ROUTE_GET, "/v1/server", NULL), 200);
	ck_assert(json_is_false(json_object_get(ctl_json, "ready")));
	ck_assert_str_eq(
		json_string_value(json_object_get(ctl_json, "not_ready")),
		"so");
	ck_assert(json_is_object(json_object_get(ctl_json, "redis")));
	ck_assert(json_is_object(json_object_get(ctl_json, "drain")));
	ck_assert_str_eq(json_string_value(json_object_get(ctl_json, "state")),
			 "draining");
	why_not = NULL;
	ctl_done();
}
END_TEST

static void measure(void *arg, struct metrics_snapshot *out)
{
	(void)arg;
	*out = (struct metrics_snapshot){ .version = "1.2.3" };
}

START_TEST(metrics)
{
	ctl_hooks.not_ready = not_ready;
	ctl_hooks.measure = measure;
	ck_assert_int_eq(ctl_ask(ROUTE_GET, "/metrics", NULL), 200);
	ck_assert_ptr_nonnull(strstr(ctl_body, "\nturnpike_ready 1\n"));
	ck_assert_ptr_nonnull(strstr(ctl_body, "{version=\"1.2.3\"} 1\n"));
	why_not = "so";
	ck_assert_int_eq(ctl_ask(ROUTE_GET, "/metrics", NULL), 200);
	ck_assert_ptr_nonnull(strstr(ctl_body, "\nturnpike_ready 0\n"));
	why_not = NULL;
	ctl_done();
}
END_TEST

START_TEST(pages)
{
	ck_assert_int_eq(ctl_ask(ROUTE_GET, "/", NULL), 200);
	ck_assert(!strncmp(ctl_body, "<!doctype html>", 15));
	ck_assert_int_eq(ctl_ask(ROUTE_GET, "/page/nothing", NULL), 404);
	ctl_expect_error(404, "not_found");
	ck_assert_int_eq(ctl_ask(ROUTE_GET, "/?a=b", NULL), 400);
	ctl_done();
}
END_TEST

static Suite *route_suite(void)
{
	Suite *s = suite_create("route");
	TCase *t = tcase_create("route");

	tcase_add_test(t, paths_are_found);
	tcase_add_test(t, others_are_not);
	tcase_add_test(t, other_methods_are_told);
	tcase_add_test(t, what_is_open);
	tcase_add_test(t, health);
	tcase_add_test(t, the_server);
	tcase_add_test(t, metrics);
	tcase_add_test(t, pages);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(route_suite)
