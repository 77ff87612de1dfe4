#include "unit.h"

#include <errno.h>
#include <string.h>

#include "ctl_fixture.h"

/* --- a server of the test's own --- */

#define SESSIONS_MAX 300

static struct turn_session sessions[SESSIONS_MAX];
static unsigned session_count;
static unsigned ended;
static bool gone; /* ends by itself before it can be ended */

static void add(const char *user, uint32_t ip, uint64_t bytes)
{
	struct turn_session *t = &sessions[session_count];

	*t = (struct turn_session){
		.allocation = { session_count, 3 },
		.worker = 1,
		.source = TURN_SOURCE_TIME_LIMITED,
		.client = addr_ipv4(ip, 5000),
		.local = addr_ipv4(0xc0000201, 3478),
		.relayed = addr_ipv4(0x0a000004, 50000),
		.advertised = addr_ipv4(0xc0000202, 0),
		.began_wall_s = session_count,
		.expires_wall_s = 600,
		.to_peer_bytes = bytes,
		.user_bytes = (uint16_t)strlen(user),
	};
	memcpy(t->user, user, strlen(user));
	if (strchr(user, ':'))
		t->account_at = (uint16_t)(strchr(user, ':') - user + 1);
	session_count++;
}

static void hook_sessions(void *arg, control_visit *visit, void *visitor)
{
	(void)arg;
	for (unsigned i = 0; i < session_count; i++)
		if (!visit(visitor, &sessions[i]))
			return;
}

static const char *hook_realm_name(void *arg, uint8_t realm)
{
	(void)arg;
	return realm == 0 ? "example.org" : "other.example";
}

static bool hook_end_session(void *arg, const struct turn_session *session,
			     const char *by)
{
	(void)arg;
	(void)session;
	ck_assert_str_eq(by, "uid 0");
	ended += !gone;
	return !gone;
}

static void start(void)
{
	session_count = ended = 0;
	gone = false;
	ctl_hooks = (struct control_hooks){
		.sessions = hook_sessions,
		.realm_name = hook_realm_name,
		.end_session = hook_end_session,
	};
	add("alice", 0xcb007101, 10);
	add("1700000000:bob", 0xcb007102, 30);
	add("bob", 0xcb007103, 20);
	sessions[2].realm = 1;
}

static const json_t *member(const char *name)
{
	return json_object_get(ctl_json, name);
}

static const char *id_at(size_t i)
{
	return json_string_value(
		json_object_get(json_array_get(member("sessions"), i), "id"));
}

/* Asks for sessions: their ids, in order, each by its first number. */
static void expect_sessions(const char *target, const char *indexes)
{
	char found[64] = "";

	ck_assert_int_eq(ctl_ask(ROUTE_GET, target, NULL), 200);
	for (size_t i = 0; id_at(i); i++)
		snprintf(found + strlen(found), sizeof(found) - strlen(found),
			 "%c", id_at(i)[2]);
	ck_assert_msg(!strcmp(found, indexes), "%s: %s", target, found);
}

START_TEST(sessions_are_listed)
{
	const json_t *t;

	start();
	expect_sessions("/v1/sessions", "210");
	ck_assert_int_eq(json_integer_value(member("total")), 3);
	t = json_array_get(member("sessions"), 1);
	ck_assert_str_eq(json_string_value(json_object_get(t, "id")), "1-1-3");
	ck_assert_str_eq(json_string_value(json_object_get(t, "user")),
			 "1700000000:bob");
	ck_assert_str_eq(json_string_value(json_object_get(t, "relayed")),
			 "192.0.2.2:50000");
	ck_assert_str_eq(json_string_value(json_object_get(t, "source")),
			 "time-limited");
	ck_assert_int_eq(json_integer_value(json_object_get(
				 json_object_get(t, "to_peer"), "bytes")),
			 30);
	expect_sessions("/v1/sessions?sort=traffic", "120");
	expect_sessions("/v1/sessions?sort=traffic&limit=1", "1");
	ck_assert_int_eq(json_integer_value(member("matched")), 3);
	session_count = 0;
	expect_sessions("/v1/sessions", "");
	ctl_done();
}
END_TEST

START_TEST(sessions_are_filtered)
{
	start();
	expect_sessions("/v1/sessions?user=alice", "0");
	ck_assert_int_eq(json_integer_value(member("matched")), 1);
	ck_assert_int_eq(json_integer_value(member("total")), 3);
	expect_sessions("/v1/sessions?user=bob", "21");
	expect_sessions("/v1/sessions?user=1700000000%3abob", "1");
	expect_sessions("/v1/sessions?user=bob&realm=other.example", "2");
	expect_sessions("/v1/sessions?realm=nowhere", "");
	expect_sessions("/v1/sessions?client=203.0.113.2", "1");
	expect_sessions("/v1/sessions?client=203.0.113.2:5000", "1");
	expect_sessions("/v1/sessions?client=203.0.113.2:5001", "");
	ctl_done();
}
END_TEST

START_TEST(what_sessions_do_not_understand)
{
	static const char *const targets[] = {
		"/v1/sessions?sort=size",
		"/v1/sessions?limit=0",
		"/v1/sessions?limit=10001",
		"/v1/sessions?client=alice",
		"/v1/sessions?client=1.2.3.4:0",
		"/v1/sessions?client=::1:x",
		"/v1/sessions?client=1.2.3.4:99999",
		"/v1/sessions?user=",
		"/v1/sessions?client=1.2.3.4%00",
		"/v1/sessions?users=a",
	};

	start();
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		ctl_ask(ROUTE_GET, targets[i], NULL);
		ctl_expect_error(400, "bad_request");
	}
	ctl_done();
}
END_TEST

/* The best of many are the best of all. */
START_TEST(the_first_of_many)
{
	uint64_t state = 1;

	start();
	session_count = 0;
	for (unsigned i = 0; i < SESSIONS_MAX; i++)
		add("a", i, unit_random(&state) % 1000);
	ck_assert_int_eq(
		ctl_ask(ROUTE_GET, "/v1/sessions?sort=traffic&limit=7", NULL),
		200);
	for (unsigned i = 0; i < 7; i++) {
		unsigned index = (unsigned)strtoul(id_at(i) + 2, NULL, 10);
		unsigned better = 0;

		for (unsigned k = 0; k < session_count; k++)
			better += sessions[k].to_peer_bytes >
				  sessions[index].to_peer_bytes;
		ck_assert_uint_le(better, i);
	}
	ck_assert_ptr_null(id_at(7));
	ctl_done();
}
END_TEST

START_TEST(names_that_are_not_utf8_are_listed)
{
	start();
	add("\xff<b>", 1, 0);
	expect_sessions("/v1/sessions?user=%ff%3Cb%3E", "3");
	ck_assert_ptr_nonnull(strstr(ctl_body, "\xef\xbf\xbd<b>"));
	ctl_done();
}
END_TEST

START_TEST(one_session)
{
	start();
	ck_assert_int_eq(ctl_ask(ROUTE_GET, "/v1/sessions/1-2-3", NULL), 200);
	ck_assert_str_eq(json_string_value(member("user")), "bob");
	ctl_ask(ROUTE_GET, "/v1/sessions/1-2-4", NULL);
	ctl_expect_error(404, "unknown_session");
	ctl_ask(ROUTE_GET, "/v1/sessions/1-2-3%00", NULL);
	ctl_expect_error(404, "unknown_session");
	ck_assert_int_eq(ctl_ask(ROUTE_DELETE, "/v1/sessions/1-2-3", NULL),
			 204);
	ck_assert_uint_eq(ended, 1);
	ctl_ask(ROUTE_DELETE, "/v1/sessions/9-9-9", NULL);
	ctl_expect_error(404, "unknown_session");
	gone = true;
	ctl_ask(ROUTE_DELETE, "/v1/sessions/1-2-3", NULL);
	ctl_expect_error(404, "unknown_session");
	ctl_done();
}
END_TEST

START_TEST(sessions_are_ended)
{
	start();
	ck_assert_int_eq(ctl_ask(ROUTE_DELETE, "/v1/sessions?user=bob", NULL),
			 200);
	ck_assert_int_eq(json_integer_value(member("ended")), 2);
	ck_assert_uint_eq(ended, 2);
	/* Never all of them, for the want of a word. */
	ctl_ask(ROUTE_DELETE, "/v1/sessions", NULL);
	ctl_expect_error(400, "bad_request");
	ctl_ask(ROUTE_DELETE, "/v1/sessions?realm=example.org", NULL);
	ctl_expect_error(400, "bad_request");
	ctl_ask(ROUTE_DELETE, "/v1/sessions?user=bob&limit=1", NULL);
	ctl_expect_error(400, "bad_request");
	ck_assert_uint_eq(ended, 2);
	ctl_done();
}
END_TEST

/* --- refusals --- */

static unsigned hook_refusals(void *arg, struct refusal *out, unsigned max,
			      uint64_t *total)
{
	(void)arg;
	ck_assert_uint_ge(max, REFUSAL_CAUSE_COUNT);
	for (unsigned i = 0; i < REFUSAL_CAUSE_COUNT; i++) {
		out[i] = (struct refusal){
			.client = addr_ipv4(0xcb007100 + i, 1),
			.cause = (uint8_t)i,
			.code = 401,
			.user_bytes = 2,
			.user = { 'u', (uint8_t)(i == 1 ? 0xff : '0' + i) },
		};
	}
	*total = 2000;
	return REFUSAL_CAUSE_COUNT;
}

START_TEST(refusals_are_explained)
{
	const json_t *list, *one;

	ctl_hooks.refusals = hook_refusals;
	ctl_hooks.realm_name = hook_realm_name;
	ck_assert_int_eq(ctl_ask(ROUTE_GET, "/v1/refusals", NULL), 200);
	list = member("refusals");
	ck_assert_uint_eq(json_array_size(list), REFUSAL_CAUSE_COUNT);
	ck_assert_int_eq(json_integer_value(member("total")), 2000);
	for (size_t i = 0; i < REFUSAL_CAUSE_COUNT; i++) {
		one = json_array_get(list, i);
		ck_assert_msg(
			json_string_length(json_object_get(one, "remedy")) > 10,
			"%zu", i);
	}
	one = json_array_get(list, 0);
	ck_assert_str_eq(json_string_value(json_object_get(one, "cause")),
			 "wrong password");
	ck_assert(json_is_null(json_object_get(one, "option")));

	ctl_ask(ROUTE_GET, "/v1/refusals?limit=2", NULL);
	ck_assert_uint_eq(json_array_size(member("refusals")), 2);
	ctl_ask(ROUTE_GET, "/v1/refusals?address=203.0.113.3", NULL);
	ck_assert_uint_eq(json_array_size(member("refusals")), 1);
	ctl_ask(ROUTE_GET, "/v1/refusals?user=u%ff", NULL);
	ck_assert_uint_eq(json_array_size(member("refusals")), 1);
	ctl_ask(ROUTE_GET, "/v1/refusals?address=alice", NULL);
	ctl_expect_error(400, "bad_request");
	ctl_ask(ROUTE_GET, "/v1/refusals?limit=1025", NULL);
	ctl_expect_error(400, "bad_request");
	ctl_done();
}
END_TEST

/* --- drain and reload --- */

static bool draining, stopping;
static int64_t told_deadline_s;

static void hook_drain(void *arg, struct control_drain *out)
{
	(void)arg;
	*out = (struct control_drain){
		.on = draining,
		.since_wall_s = 1795626000,
		.deadline_wall_s = told_deadline_s < 0 ? 0 : 1795626060,
		.allocations = 7,
	};
}

static bool hook_begin_drain(void *arg, int64_t deadline_s, const char *by)
{
	(void)arg;
	(void)by;
	told_deadline_s = deadline_s;
	draining = !stopping;
	return !stopping;
}

static bool hook_end_drain(void *arg, const char *by)
{
	(void)arg;
	(void)by;
	draining = false;
	return !stopping;
}

START_TEST(a_drain)
{
	ctl_hooks.drain = hook_drain;
	ctl_hooks.begin_drain = hook_begin_drain;
	ctl_hooks.end_drain = hook_end_drain;
	ck_assert_int_eq(ctl_ask(ROUTE_GET, "/v1/drain", NULL), 200);
	ck_assert_str_eq(ctl_body, "{\"draining\":false,\"since\":null,"
				   "\"deadline\":null,\"allocations\":7}");
	ck_assert_int_eq(ctl_ask(ROUTE_POST, "/v1/drain", NULL), 202);
	ck_assert_int_eq(told_deadline_s, -1);
	ck_assert_str_eq(ctl_body, "{\"draining\":true,\"since\":"
				   "\"2026-11-25T17:00:00Z\",\"deadline\":null,"
				   "\"allocations\":7}");
	ck_assert_int_eq(
		ctl_ask(ROUTE_POST, "/v1/drain", "{\"deadline_s\":60}"), 202);
	ck_assert_int_eq(told_deadline_s, 60);
	ck_assert_str_eq(json_string_value(member("deadline")),
			 "2026-11-25T17:01:00Z");
	ctl_ask(ROUTE_POST, "/v1/drain", "{\"deadline_s\":-1}");
	ctl_expect_error(400, "bad_request");
	ctl_ask(ROUTE_POST, "/v1/drain", "{\"deadline\":1}");
	ctl_expect_error(400, "bad_request");
	ck_assert_int_eq(ctl_ask(ROUTE_DELETE, "/v1/drain", NULL), 204);
	stopping = true;
	ctl_ask(ROUTE_POST, "/v1/drain", NULL);
	ctl_expect_error(409, "stopping");
	ctl_ask(ROUTE_DELETE, "/v1/drain", NULL);
	ctl_expect_error(409, "stopping");
	ctl_done();
}
END_TEST

static bool good;

static void hook_reload(void *arg, struct control_reload *out)
{
	(void)arg;
	out->ok = good;
	out->message_count = 1;
	out->messages[0] = (struct control_mistake){ "/etc/t.conf", 3, "bad" };
	out->pending.count = 1;
	memcpy(out->pending.options[0], "relay.ports", 12);
}

START_TEST(a_reload)
{
	ctl_hooks.reload = hook_reload;
	good = true;
	ck_assert_int_eq(ctl_ask(ROUTE_POST, "/v1/reload", "{}"), 200);
	ck_assert_str_eq(ctl_body,
			 "{\"reloaded\":true,\"restart_pending\":"
			 "[\"relay.ports\"],\"warnings\":[{\"file\":"
			 "\"/etc/t.conf\",\"text\":\"bad\",\"line\":3}]}");
	good = false;
	ctl_ask(ROUTE_POST, "/v1/reload", "{}");
	ctl_expect_error(422, "reload_refused");
	ck_assert_ptr_nonnull(strstr(ctl_body, "\"details\":[{\"file\":"));
	ctl_ask(ROUTE_POST, "/v1/reload", "{\"now\":true}");
	ctl_expect_error(400, "bad_request");
	ctl_done();
}
END_TEST

/* --- users and credentials --- */

static enum control_user_result change_result;
static char change_seen[128];

static bool hook_users(void *arg, control_visit_user *visit, void *visitor,
		       bool *writable, char why[CONTROL_WHY_BYTES])
{
	static const struct control_user users[] = {
		{ "bob", "example.org", 3, 1250000, false, true },
		{ "carol", "other.example", 0, 0, true, false },
	};

	(void)arg;
	*writable = true;
	if (!good) {
		snprintf(why, CONTROL_WHY_BYTES, "it is broken");
		return false;
	}
	visit(visitor, &users[0]);
	visit(visitor, &users[1]);
	return true;
}

static enum control_user_result
hook_change_user(void *arg, const struct control_user_change *c,
		 char why[CONTROL_WHY_BYTES])
{
	(void)arg;
	snprintf(change_seen, sizeof(change_seen), "%d %s %s %s %u %s %d",
		 c->kind, c->name, c->realm ? c->realm : "-",
		 c->password ? c->password : "-", c->allocations,
		 c->rate ? c->rate : "-", c->disabled);
	snprintf(why, CONTROL_WHY_BYTES, "so it is");
	return change_result;
}

START_TEST(users_are_listed)
{
	ctl_hooks.users = hook_users;
	good = true;
	ck_assert_int_eq(ctl_ask(ROUTE_GET, "/v1/users", NULL), 200);
	ck_assert_str_eq(
		ctl_body,
		"{\"users\":[{\"name\":\"bob\",\"realm\":\"example.org\","
		"\"allocations\":3,\"rate\":1250000,\"disabled\":false,"
		"\"sha256\":true},{\"name\":\"carol\",\"realm\":"
		"\"other.example\",\"allocations\":null,\"rate\":null,"
		"\"disabled\":true,\"sha256\":false}],\"writable\":true}");
	ctl_ask(ROUTE_GET, "/v1/users?realm=other.example", NULL);
	ck_assert_uint_eq(json_array_size(member("users")), 1);
	good = false;
	ctl_ask(ROUTE_GET, "/v1/users", NULL);
	ctl_expect_error(500, "users_file");
	ctl_done();
}
END_TEST

START_TEST(users_are_changed)
{
	ctl_hooks.change_user = hook_change_user;
	change_result = CONTROL_USER_DONE;
	ck_assert_int_eq(ctl_ask(ROUTE_POST, "/v1/users",
				 "{\"name\":\"bob\",\"password\":\"p\","
				 "\"rate\":\"1Mbit/s\",\"disabled\":true,"
				 "\"allocations\":9,\"realm\":\"r\"}"),
			 201);
	ck_assert_str_eq(change_seen, "0 bob r p 9 1Mbit/s 1");
	ck_assert_int_eq(ctl_ask(ROUTE_POST, "/v1/users/a%2fb/password",
				 "{\"password\":\"p\"}"),
			 204);
	ck_assert_str_eq(change_seen, "1 a/b - p 0 - 0");
	ck_assert_int_eq(ctl_ask(ROUTE_DELETE, "/v1/users/bob?realm=r", NULL),
			 204);
	ck_assert_str_eq(change_seen, "2 bob r - 0 - 0");
	/* No name goes on behind a NUL. */
	change_seen[0] = '\0';
	ctl_ask(ROUTE_DELETE, "/v1/users/bob%00x", NULL);
	ctl_expect_error(404, "unknown_user");
	ctl_ask(ROUTE_DELETE, "/v1/users/bob?realm=r%00", NULL);
	ctl_expect_error(404, "unknown_user");
	ck_assert_str_eq(change_seen, "");

	change_result = CONTROL_USER_IS_THERE;
	ctl_ask(ROUTE_POST, "/v1/users",
		"{\"name\":\"bob\",\"password\":\"p\"}");
	ctl_expect_error(409, "user_exists");
	change_result = CONTROL_USER_BAD;
	ctl_ask(ROUTE_POST, "/v1/users",
		"{\"name\":\"bob\",\"password\":\"p\"}");
	ctl_expect_error(400, "bad_request");
	change_result = CONTROL_USER_NOT_THERE;
	ctl_ask(ROUTE_DELETE, "/v1/users/bob", NULL);
	ctl_expect_error(404, "unknown_user");
	change_result = CONTROL_USER_FAILED;
	ctl_ask(ROUTE_DELETE, "/v1/users/bob", NULL);
	ctl_expect_error(500, "users_file");
	ctl_ask(ROUTE_POST, "/v1/users/bob/password", "{}");
	ctl_expect_error(400, "bad_request");
	ctl_done();
}
END_TEST

static int mint_error;
static uint32_t mint_lifetime_s;

static void hook_look(void *arg, struct control_server *out)
{
	(void)arg;
	*out = (struct control_server){
		.realm_count = 2,
		.realms = { { "example.org", 0, 0 }, { "other", 0, 0 } },
		.listener_count = 3,
		.listeners = { { true, addr_ipv4(0x0a000004, 3478), 0, false },
			       { true, addr_ipv4(0x0a000005, 3479), 0, false },
			       { true, addr_ipv4(0x0a000004, 3480), 1,
				 false } },
		.relay = addr_ipv4(0x0a000004, 0),
		.advertise = addr_ipv4(0xc0000202, 0),
	};
}

static int hook_mint(void *arg, const char *user, uint32_t lifetime_s,
		     struct control_credential *out)
{
	(void)arg;
	mint_lifetime_s = lifetime_s;
	out->expires_wall_s = 1795626000;
	snprintf(out->username, sizeof(out->username), "1:%s", user);
	snprintf(out->password, sizeof(out->password), "pw");
	return mint_error;
}

START_TEST(credentials)
{
	ctl_hooks.look = hook_look;
	ctl_hooks.mint = hook_mint;
	ck_assert_int_eq(
		ctl_ask(ROUTE_POST, "/v1/credentials", "{\"user\":\"zo\"}"),
		200);
	/* The first listener is behind the NAT that the relay is behind. */
	ck_assert_str_eq(ctl_body,
			 "{\"username\":\"1:zo\",\"password\":\"pw\",\"realm\":"
			 "\"example.org\",\"expires\":\"2026-11-25T17:00:00Z\","
			 "\"urls\":[\"turn:192.0.2.2:3478?transport=udp\","
			 "\"turn:10.0.0.5:3479?transport=udp\"]}");
	ck_assert_uint_eq(mint_lifetime_s, 86400);
	ctl_ask(ROUTE_POST, "/v1/credentials",
		"{\"user\":\"z\",\"realm\":\"other\",\"lifetime_s\":5}");
	ck_assert_uint_eq(mint_lifetime_s, 5);
	ck_assert_str_eq(json_string_value(member("realm")), "other");
	ctl_ask(ROUTE_POST, "/v1/credentials",
		"{\"user\":\"z\",\"realm\":\"x\"}");
	ctl_expect_error(400, "bad_request");
	mint_error = -ENOKEY;
	ctl_ask(ROUTE_POST, "/v1/credentials", "{\"user\":\"z\"}");
	ctl_expect_error(409, "no_secret");
	mint_error = -EINVAL;
	ctl_ask(ROUTE_POST, "/v1/credentials", "{\"user\":\"z\"}");
	ctl_expect_error(400, "bad_request");
	mint_error = -ENOMEM;
	ctl_ask(ROUTE_POST, "/v1/credentials", "{\"user\":\"z\"}");
	ctl_expect_error(500, "failed");
	mint_error = 0;
	ctl_done();
}
END_TEST

/* --- usage --- */

static bool too_many;

static int64_t hook_usage(void *arg, control_visit_usage *visit, void *visitor)
{
	struct control_usage u = {
		.user = bytes_str("bob"),
		.realm = 1,
		.living = 1,
		.sessions = 2,
		.peak = 3,
		.relayed = { 4, 5, 6, 7 },
	};

	(void)arg;
	if (!good)
		return -1;
	visit(visitor, &u);
	u.user = bytes_str("al\xff");
	u.realm = 0;
	visit(visitor, &u);
	u.is_others = true;
	if (too_many)
		visit(visitor, &u);
	return 1795626000;
}

#define NUMBERS                                                     \
	"\"sessions\":2,\"living\":1,\"peak\":3,\"to_peer\":"       \
	"{\"packets\":4,\"bytes\":5},\"to_client\":{\"packets\":6," \
	"\"bytes\":7}}"

START_TEST(usage)
{
	ctl_hooks.usage = hook_usage;
	ctl_hooks.realm_name = hook_realm_name;
	good = true;
	ck_assert_int_eq(ctl_ask(ROUTE_GET, "/v1/usage?user=bob", NULL), 200);
	ck_assert_str_eq(
		ctl_body,
		"{\"since\":\"2026-11-25T17:00:00Z\",\"users\":["
		"{\"user\":\"bob\",\"realm\":\"other.example\"," NUMBERS
		"],\"others\":null,\"truncated\":false}");
	ctl_ask(ROUTE_GET, "/v1/usage?realm=example.org", NULL);
	ck_assert_uint_eq(json_array_size(member("users")), 1);
	too_many = true;
	ctl_ask(ROUTE_GET, "/v1/usage", NULL);
	ck_assert_uint_eq(json_array_size(member("users")), 2);
	ck_assert_ptr_nonnull(strstr(ctl_body, "\"others\":{" NUMBERS));
	ck_assert(json_is_true(member("truncated")));
	good = false;
	ck_assert_int_eq(ctl_ask(ROUTE_GET, "/v1/usage", NULL), 500);
	ctl_done();
}
END_TEST

static Suite *api_suite(void)
{
	Suite *s = suite_create("api");
	TCase *t = tcase_create("api");

	tcase_add_test(t, sessions_are_listed);
	tcase_add_test(t, sessions_are_filtered);
	tcase_add_test(t, what_sessions_do_not_understand);
	tcase_add_test(t, the_first_of_many);
	tcase_add_test(t, names_that_are_not_utf8_are_listed);
	tcase_add_test(t, one_session);
	tcase_add_test(t, sessions_are_ended);
	tcase_add_test(t, refusals_are_explained);
	tcase_add_test(t, a_drain);
	tcase_add_test(t, a_reload);
	tcase_add_test(t, users_are_listed);
	tcase_add_test(t, users_are_changed);
	tcase_add_test(t, credentials);
	tcase_add_test(t, usage);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(api_suite)
