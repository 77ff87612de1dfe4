#include "unit.h"

#include <string.h>

#include "conf_fixture.h"

#define REALM                        \
	"realm = \"example.org\";\n" \
	"relay = { advertise = \"203.0.113.7\"; };\n"
#define REDIS(inner) REALM "redis = {\n" inner " };\n"

START_TEST(without_endpoints_there_is_no_redis)
{
	struct conf *c = conf_good(REALM, NULL);

	ck_assert_uint_eq(c->redis.store.endpoint_count, 0);
	ck_assert_uint_eq(c->redis.cache_entries, 10000);
	ck_assert(!c->turn.lookups_are_async);
	ck_assert_uint_eq(conf_report.count[REPORT_WARNING], 1);
	conf_free(c);
	conf_free(conf_good(REDIS("database = 2;"), NULL));
	ck_assert_uint_eq(conf_report.count[REPORT_WARNING], 2);
	ck_assert_str_eq(conf_report.messages[REPORT_WARNING][0].text,
			 "redis has no endpoints, so that it is not asked; "
			 "expected redis.endpoints too");
}
END_TEST

START_TEST(one_endpoint_is_enough)
{
	struct conf *c =
		conf_good(REDIS("endpoints = [ \"127.0.0.1:6379\" ];"), NULL);
	const struct redis_config *r = &c->redis.store;

	ck_assert_uint_eq(r->endpoint_count, 1);
	ck_assert_str_eq(r->endpoints[0].host, "127.0.0.1");
	ck_assert_uint_eq(r->endpoints[0].port, 6379);
	ck_assert_str_eq(r->endpoints[0].path, "");
	ck_assert_str_eq(r->login.user, "");
	ck_assert_str_eq(r->login.password, "");
	ck_assert_uint_eq(r->database, 0);
	ck_assert(!r->tls);
	ck_assert_str_eq(r->sentinel, "");
	ck_assert_uint_eq(r->timeout_ms, 2000);
	ck_assert_uint_eq(r->reread_s, 30);
	ck_assert_uint_eq(r->realm_count, 1);
	ck_assert_str_eq(r->realms[0], "example.org");
	ck_assert_uint_eq(c->redis.ttl_s, 60);
	ck_assert_uint_eq(c->redis.negative_ttl_s, 5);
	ck_assert_uint_eq(c->redis.stale_s, 3600);
	ck_assert(c->turn.lookups_are_async);
	/* Nobody need be listed; but Redis binds what can be offered. */
	conf_expect_messages(REPORT_WARNING, "");
	ck_assert(!c->turn.realms[0].offer_sha256);
	ck_assert(!c->turn.realms[0].offer_userhash);
	conf_expect_messages(
		REPORT_NOTE,
		"t.conf: realm \"example.org\" offers no SHA-256, since "
		"redis.sha256 is \"off\"\n"
		"t.conf: realm \"example.org\" offers no USERHASH, since Redis "
		"cannot be searched by it\n"
		"t.conf: realm \"example.org\": users 0, Redis, offers MD5\n"
		"t.conf: realm \"example.org\": peers by preset public, allow 0, "
		"deny 0\n");
	conf_free(c);
}
END_TEST

START_TEST(every_option_has_its_place)
{
	struct conf *c = conf_good(
		REDIS("endpoints = [ \"a.example:1\", \"[2001:db8::1]:2\",\n"
		      "\"b_c-d:65535\" ]; user = \"u\"; password = \"p\";\n"
		      "database = 7; tls = \"on\"; tls_ca = \"/ca.pem\";\n"
		      "tls_name = \"n\"; sentinel = \"m\";\n"
		      "sentinel_user = \"su\"; sentinel_password = \"sp\";\n"
		      "timeout = \"3s\"; cache = 500; ttl = \"2m\";\n"
		      "negative_ttl = \"0s\"; stale = \"2h\";\n"
		      "reread = \"1m\"; sha256 = \"on\";") "auth = { sha256 = \"on\"; };\n",
		NULL);
	const struct redis_config *r = &c->redis.store;

	ck_assert_uint_eq(r->endpoint_count, 3);
	ck_assert_str_eq(r->endpoints[0].host, "a.example");
	ck_assert_str_eq(r->endpoints[1].host, "2001:db8::1");
	ck_assert_uint_eq(r->endpoints[1].port, 2);
	ck_assert_uint_eq(r->endpoints[2].port, 65535);
	ck_assert_str_eq(r->login.user, "u");
	ck_assert_str_eq(r->login.password, "p");
	ck_assert_uint_eq(r->database, 7);
	ck_assert(r->tls);
	ck_assert_str_eq(r->tls_ca, "/ca.pem");
	ck_assert_str_eq(r->tls_name, "n");
	ck_assert_str_eq(r->sentinel, "m");
	ck_assert_str_eq(r->sentinel_login.user, "su");
	ck_assert_str_eq(r->sentinel_login.password, "sp");
	ck_assert_uint_eq(r->timeout_ms, 3000);
	ck_assert_uint_eq(r->reread_s, 60);
	ck_assert_uint_eq(c->redis.cache_entries, 500);
	ck_assert_uint_eq(c->redis.ttl_s, 120);
	ck_assert_uint_eq(c->redis.negative_ttl_s, 0);
	ck_assert_uint_eq(c->redis.stale_s, 7200);
	ck_assert(c->turn.realms[0].offer_sha256);
	conf_free(c);
	c = conf_good(REDIS("endpoints = [ \"unix:/run/redis.sock\" ];"), NULL);
	ck_assert_str_eq(c->redis.store.endpoints[0].path, "/run/redis.sock");
	ck_assert_str_eq(c->redis.store.endpoints[0].host, "");
	conf_free(c);
}
END_TEST

/* The realms that other options add are Redis's too. */
START_TEST(all_realms_are_known_to_redis)
{
	struct conf *c = conf_good(
		REDIS("endpoints = [ \"a:1\" ];") "listen = ( { }, { port = "
						  "3479; realm = \"s\"; } );",
		NULL);

	ck_assert_uint_eq(c->redis.store.realm_count, 2);
	ck_assert_str_eq(c->redis.store.realms[1], "s");
	conf_expect_messages(REPORT_WARNING, "");
	conf_free(c);
}
END_TEST

#define ENDPOINT(e)                                                          \
	{                                                                    \
		REDIS("endpoints = [ \"" e "\" ];"),                         \
			"t.conf:4: in redis.endpoints an element is \"" e    \
			"\"; expected \"HOST:PORT\", \"[ADDRESS]:PORT\" or " \
			"\"unix:/PATH\"\n"                                   \
	}
#define LONG_PATH                                                     \
	"/0123456789012345678901234567890123456789012345678901234567" \
	"89012345678901234567890123456789012345678901234567"
#define A "endpoints = [ \"a:1\" ];\n"

static const struct {
	const char *text;
	const char *errors;
} broken[] = {
	ENDPOINT(""),
	ENDPOINT("a"),
	ENDPOINT(":1"),
	ENDPOINT("a:"),
	ENDPOINT("a:0"),
	ENDPOINT("a:65536"),
	ENDPOINT("a:1x"),
	ENDPOINT("a:-1"),
	ENDPOINT("a b:1"),
	ENDPOINT("a%n:1"),
	ENDPOINT("::1:6379"),
	ENDPOINT("[]:1"),
	ENDPOINT("unix:"),
	ENDPOINT("unix:run"),
	ENDPOINT("redis://a:1"),
	{ REDIS("endpoints = [ \"unix:" LONG_PATH "\" ];"),
	  "t.conf:4: in redis.endpoints an element is \"unix:/01234567890123456"
	  "789012345678901234567890123456789012345678901234567890123\"...; "
	  "expected \"HOST:PORT\", \"[ADDRESS]:PORT\" or \"unix:/PATH\"\n" },
	{ REDIS(A "password = \"p\";\npassword_file = \"/p\";"),
	  "t.conf:6: redis has both a password and a password_file; expected "
	  "one of them\n" },
	{ REDIS(A "user = \"u\";"),
	  "t.conf:5: redis has a user without a password; expected "
	  "redis.password or redis.password_file too\n" },
	{ REDIS(A "tls_ca = \"/x\";\ntls_name = \"x\";"),
	  "t.conf:5: redis.tls_ca without redis.tls; expected both\n"
	  "t.conf:6: redis.tls_name without redis.tls; expected both\n" },
	{ REDIS(A "sentinel_user = \"u\";"),
	  "t.conf:5: redis.sentinel_user without redis.sentinel_password; "
	  "expected both\n" },
	{ REDIS(A "sentinel_password = \"p\";"),
	  "t.conf:5: redis.sentinel_password without redis.sentinel; expected "
	  "both\n" },
	{ REDIS("endpoints = [ \"unix:/x\" ];\ntls = \"on\";"),
	  "t.conf:4: redis.tls is \"on\", but \"unix:/x\" is a unix socket; "
	  "expected one or the other\n" },
	{ REDIS(A) "auth = { sha256 = \"on\"; userhash = \"on\"; };\n",
	  "t.conf:6: auth.sha256 is \"on\", but redis.sha256 is not; expected "
	  "both if each user there has a SHA-256 key, or \"auto\"\n"
	  "t.conf:6: auth.userhash is \"on\", but Redis cannot be searched by "
	  "a digest of the name; expected \"auto\"\n" },
	{ REDIS(A) "users = ( { name = \"carol\"; key_sha256 = \"00112233445566"
		   "778899aabbccddeeff00112233445566778899aabbccddeeff\"; } );",
	  "t.conf:6: user \"carol\" has no key_md5, and SHA-256 is not offered "
	  "since redis.sha256 is \"off\"; expected key_md5 or a password\n" },
};

START_TEST(what_does_not_fit_is_refused)
{
	conf_expect_errors(broken[_i].text, NULL, broken[_i].errors);
}
END_TEST

static Suite *decide_redis_suite(void)
{
	Suite *s = suite_create("decide_redis");
	TCase *t = tcase_create("redis");

	tcase_add_test(t, without_endpoints_there_is_no_redis);
	tcase_add_test(t, one_endpoint_is_enough);
	tcase_add_test(t, every_option_has_its_place);
	tcase_add_test(t, all_realms_are_known_to_redis);
	tcase_add_loop_test(t, what_does_not_fit_is_refused, 0,
			    sizeof(broken) / sizeof(broken[0]));
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(decide_redis_suite)
