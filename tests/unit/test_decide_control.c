#include "unit.h"

#include "conf_fixture.h"

#define SMALL "realm = \"r\"; users = ( { name = \"a\"; password = \"p\"; } );"

static struct conf *c;

static void free_conf(void)
{
	conf_free(c);
	c = NULL;
}

START_TEST(what_is_in_force_by_itself)
{
	struct conf_machine m = conf_machine_one();
	struct addr a = addr_ipv4(0x7f000001, 9641);

	c = conf_good(SMALL, &m);
	ck_assert_str_eq(c->control.socket, "/run/turnpike/control.sock");
	ck_assert(!c->control.socket_is_needed);
	ck_assert(addr_equal(&c->control.http, &a));
	ck_assert_str_eq(c->control.token_file,
			 TURNPIKE_LOCALSTATEDIR "/lib/turnpike/control-token");
	ck_assert(c->control.token_is_kept);
	free_conf();

	m.runtime_dir = "/run/one:/run/two";
	m.state_dir = "/var/one";
	c = conf_good(SMALL, &m);
	ck_assert_str_eq(c->control.socket, "/run/one/control.sock");
	ck_assert(c->control.socket_is_needed);
	ck_assert_str_eq(c->control.token_file, "/var/one/control-token");
	free_conf();
}
END_TEST

START_TEST(what_the_file_says)
{
	struct addr a = addr_ipv4(0x7f000002, 1);

	c = conf_good(SMALL "control = { socket = \"/tmp/x\"; "
			    "http = \"127.0.0.2:1\"; token_file = \"/t\"; };",
		      NULL);
	ck_assert_str_eq(c->control.socket, "/tmp/x");
	ck_assert(c->control.socket_is_needed);
	ck_assert(addr_equal(&c->control.http, &a));
	ck_assert_str_eq(c->control.token_file, "/t");
	ck_assert(!c->control.token_is_kept);
	free_conf();

	c = conf_good(SMALL "control = { socket = \"\"; http = \"\"; };", NULL);
	ck_assert_ptr_null(c->control.socket);
	ck_assert_uint_eq(c->control.http.family, ADDR_NONE);
	free_conf();

	c = conf_good(SMALL "control = { http = \"[::1]:80\"; };", NULL);
	ck_assert_uint_eq(c->control.http.family, ADDR_IPV6);
	ck_assert_uint_eq(c->control.http.port, 80);
	free_conf();

	c = conf_good(SMALL "control = { http = \"0.0.0.0:80\"; "
			    "insecure = \"on\"; };",
		      NULL);
	ck_assert(addr_is_unspecified(&c->control.http));
	free_conf();
}
END_TEST

#define EXPECTED_HTTP \
	"expected \"ADDRESS:PORT\" such as \"127.0.0.1:9641\", or \"\" for none\n"

START_TEST(what_is_refused)
{
	static const char *const wrong[] = {
		"north",       "127.0.0.1",       ":9641",        "127.0.0.1:",
		"127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:1x", "::1:80",
		"[::1]80",     "localhost:9641",  "127.0.0.1:+1",
	};
	char text[256], errors[256];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(text, sizeof(text),
			 SMALL "control = { http = \"%s\"; };", wrong[i]);
		snprintf(errors, sizeof(errors),
			 "t.conf:1: control.http is \"%s\"; " EXPECTED_HTTP,
			 wrong[i]);
		conf_expect_errors(text, NULL, errors);
	}
	conf_expect_errors(
		SMALL "control = { http = \"203.0.113.7:9641\"; };", NULL,
		"t.conf:1: control.http is \"203.0.113.7:9641\", where other "
		"machines reach it and the token is not encrypted; expected an "
		"address of 127.0.0.0/8, a proxy with TLS before it, or "
		"control.insecure = \"on\"\n");
	conf_expect_errors(SMALL "control = { socket = \"x\"; "
				 "token_file = \"y\"; };",
			   NULL,
			   "t.conf:1: control.socket is \"x\"; expected a path "
			   "that begins with /\n"
			   "t.conf:1: control.token_file is \"y\"; expected a "
			   "path that begins with /\n");
}
END_TEST

START_TEST(coturns_names)
{
	c = conf_good(SMALL, NULL);
	ck_assert(!c->control.coturn_names);
	free_conf();
	c = conf_good(SMALL "control = { coturn_metrics = \"on\"; };", NULL);
	ck_assert(c->control.coturn_names);
	free_conf();
}
END_TEST

static Suite *decide_control_suite(void)
{
	Suite *s = suite_create("decide_control");
	TCase *t = tcase_create("decide_control");

	tcase_add_test(t, what_is_in_force_by_itself);
	tcase_add_test(t, what_the_file_says);
	tcase_add_test(t, what_is_refused);
	tcase_add_test(t, coturns_names);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(decide_control_suite)
