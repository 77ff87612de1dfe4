#include "unit.h"

#include <string.h>

#include "conf_fixture.h"

#define REALM                        \
	"realm = \"example.org\";\n" \
	"relay = { advertise = \"203.0.113.7\"; };\n"

START_TEST(without_secrets_there_are_none)
{
	struct conf *c = conf_good(REALM, NULL);

	ck_assert_uint_eq(c->secrets.count, 0);
	ck_assert_int_eq(c->secrets.separator, ':');
	ck_assert_uint_eq(c->secrets.skew_s, 0);
	ck_assert(!c->secrets.end_sessions);
	conf_free(c);
}
END_TEST

START_TEST(secrets_are_taken_as_they_are)
{
	struct conf *c = conf_good(
		REALM "secrets = ( { secret = \"north \xff\"; },\n"
		      "{ secret = \"south\"; hash = \"sha256\";\n"
		      "not_before = \"2027-01-01T00:00:00Z\";\n"
		      "not_after = \"2027-01-31T00:00:00Z\";\n"
		      "realm = \"other\"; } );\n"
		      "listen = ( { }, { port = 3479; realm = \"other\"; } );\n"
		      "time_limited = { separator = \"|\"; skew = \"30s\";\n"
		      "end_sessions = \"on\"; };\n",
		NULL);
	const struct secrets *s = &c->secrets;

	ck_assert_uint_eq(s->count, 2);
	ck_assert_int_eq(s->separator, '|');
	ck_assert_uint_eq(s->skew_s, 30);
	ck_assert(s->end_sessions);
	ck_assert(bytes_equal(bytes_of(s->items[0].bytes, s->items[0].len),
			      bytes_str("north \xff")));
	ck_assert(!s->items[0].sha256);
	ck_assert_uint_eq(s->items[0].realm, SECRETS_EVERY_REALM);
	ck_assert_int_eq(s->items[0].not_before_wall_s, 0);
	ck_assert_int_eq(s->items[0].not_after_wall_s, 0);
	ck_assert(s->items[1].sha256);
	ck_assert_uint_eq(s->items[1].realm, 1);
	ck_assert_int_eq(s->items[1].not_before_wall_s, 1798761600);
	ck_assert_int_eq(s->items[1].not_after_wall_s, 1801353600);
	ck_assert(!c->turn.lookups_are_async);
	conf_expect_messages(REPORT_WARNING, "");
	conf_expect_messages(
		REPORT_NOTE,
		"t.conf: realm \"example.org\" offers no USERHASH, since "
		"time-limited credentials cannot be searched by it\n"
		"t.conf: realm \"example.org\": users 0, secrets 1, offers "
		"SHA-256 and MD5\n"
		"t.conf: realm \"other\" offers no USERHASH, since "
		"time-limited credentials cannot be searched by it\n"
		"t.conf: realm \"other\": users 0, secrets 2, offers SHA-256 "
		"and MD5\n"
		"t.conf: realm \"example.org\": peers by preset public, allow 0, "
		"deny 0\n"
		"t.conf: realm \"other\": peers by preset public, allow 0, "
		"deny 0\n");
	conf_free(c);
}
END_TEST

/* The other realm's users can still be found by hash. */
START_TEST(a_secret_of_one_realm_does_not_bind_the_other)
{
	struct conf *c = conf_good(
		REALM "secrets = ( { secret = \"south\"; realm = \"other\"; } "
		      ");\n"
		      "listen = ( { }, { port = 3479; realm = \"other\"; } );\n"
		      "users = ( { name = \"a\"; password = \"b\"; } );\n",
		NULL);

	ck_assert(c->turn.realms[0].offer_userhash);
	ck_assert(!c->turn.realms[1].offer_userhash);
	conf_expect_messages(REPORT_WARNING, "");
	conf_free(c);
}
END_TEST

/* Planted, and looked for in all that is said. */
START_TEST(secrets_are_not_told)
{
	struct conf *c =
		conf_good(REALM "secrets = ( { secret = \"canary-1\"; } );\n"
				"redis = { endpoints = [ \"h:1\" ];\n"
				"password = \"canary-2\"; sentinel = \"m\";\n"
				"sentinel_user = \"u\";\n"
				"sentinel_password = \"canary-3\"; };\n",
			  NULL);
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	for (int kind = 0; kind < REPORT_KINDS; kind++)
		report_print(&conf_report, (enum report_kind)kind, "t.conf", "",
			     to);
	conf_write(c, to);
	fclose(to);
	ck_assert_ptr_null(strstr(text, "canary"));
	ck_assert_ptr_nonnull(strstr(text, "\t\tsecret = \"***\";"));
	ck_assert_ptr_nonnull(strstr(text, "\tpassword = \"***\";"));
	free(text);
	ck_assert_str_eq(c->redis.store.login.password, "canary-2");
	conf_free(c);
	c = conf_of(REALM "secrets = ( { secret = [ \"canary-1\" ]; },\n"
			  "{ secret = \"canary-2\"; secret_file = "
			  "\"/x\"; } );\n"
			  "redis = { password = ( \"canary-3\" ); };\n",
		    NULL);
	ck_assert_ptr_null(c);
	to = open_memstream(&text, &len);
	report_print(&conf_report, REPORT_ERROR, "t.conf", "", to);
	fclose(to);
	ck_assert_ptr_null(strstr(text, "canary"));
	free(text);
}
END_TEST

START_TEST(a_secret_may_be_in_a_file)
{
	char path[] = "/tmp/turnpike-secret-XXXXXX", text[512], error[512];
	struct conf_machine m = conf_machine_one();
	int fd = mkstemp(path);
	struct conf *c;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, "north\n", 6), 6);
	close(fd);
	m.is_closed = false;
	m.state_dir = "/nowhere";
	snprintf(text, sizeof(text),
		 REALM "secrets = ( { secret_file = \"%s\"; } );\n"
		       "redis = { endpoints = [ \"h:1\" ];\n"
		       "password_file = \"%s\"; };\n",
		 path, path);
	c = conf_good(text, &m);
	ck_assert(bytes_equal(
		bytes_of(c->secrets.items[0].bytes, c->secrets.items[0].len),
		bytes_str("north")));
	ck_assert_str_eq(c->redis.store.login.password, "north");
	conf_free(c);
	unlink(path);
	snprintf(error, sizeof(error),
		 "t.conf:3: secrets.secret_file \"%s\" cannot be opened: No "
		 "such file or directory; expected a file that holds the "
		 "secret alone\n"
		 "t.conf:5: redis.password_file \"%s\" cannot be opened: No "
		 "such file or directory; expected a file that holds the "
		 "secret alone\n",
		 path, path);
	conf_expect_errors(text, &m, error);
}
END_TEST

#define SEPARATOR(s)                                                   \
	"t.conf:3: time_limited.separator is \"" s "\"; expected one " \
	"character of ASCII that is no digit\n"

static const struct {
	const char *text;
	const char *errors;
} broken[] = {
	{ REALM "secrets = ( { } );",
	  "t.conf:3: a secret has neither secret nor secret_file; expected "
	  "either secret or secret_file\n" },
	{ REALM "secrets = ( { secret = \"a\"; secret_file = \"/b\"; } );",
	  "t.conf:3: a secret has both secret and secret_file; expected either "
	  "secret or secret_file\n" },
	{ REALM "secrets = ( { secret = \"\"; } );",
	  "t.conf:3: secrets.secret is a text of 0 bytes; expected a text of 1 "
	  "to 256 bytes\n" },
	{ REALM "secrets = ( { secret = \"a\"; hash = \"md5\"; } );",
	  "t.conf:3: secrets.hash is \"md5\"; expected \"sha1\" or "
	  "\"sha256\"\n" },
	{ REALM "secrets = ( { secret = \"a\";\n"
		"not_before = \"2027-01-01T00:00:00Z\";\n"
		"not_after = \"2027-01-01T00:00:00Z\"; } );",
	  "t.conf:5: not_after is no later than not_before; expected a time at "
	  "which the secret is in force\n" },
	{ REALM "secrets = ( { secret = \"a\"; realm = \"\\x01\"; } );",
	  "t.conf:3: realm has a character that RFC 8265 does not allow; "
	  "expected UTF-8 without control characters\n" },
	{ REALM "time_limited = { separator = \"5\"; };", SEPARATOR("5") },
	{ REALM "time_limited = { separator = \" \"; };", SEPARATOR(" ") },
	{ REALM "time_limited = { separator = \"::\"; };",
	  "t.conf:3: time_limited.separator is \"::\"; expected a text of 1 to "
	  "1 bytes\n" },
	{ REALM "auth = {\n userhash = \"on\"; };\n"
		"secrets = ( { secret = \"a\"; } );",
	  "t.conf:4: auth.userhash is \"on\", but time-limited credentials "
	  "cannot be searched by a digest of the name; expected \"auto\"\n" },
};

START_TEST(what_does_not_fit_is_refused)
{
	conf_expect_errors(broken[_i].text, NULL, broken[_i].errors);
}
END_TEST

START_TEST(secrets_are_bounded)
{
	for (unsigned count = 16; count <= 17; count++) {
		char *text = NULL;
		size_t len;
		FILE *to = open_memstream(&text, &len);

		fputs(REALM "secrets = (", to);
		for (unsigned i = 0; i < count; i++)
			fprintf(to, "%s { secret = \"%u\"; }", i ? "," : "", i);
		fputs(" );\n", to);
		fclose(to);
		if (count == 16)
			conf_free(conf_good(text, NULL));
		else
			conf_expect_errors(text, NULL,
					   "t.conf:3: secrets has 17 secrets; "
					   "expected at most 16\n");
		free(text);
	}
}
END_TEST

static Suite *decide_secrets_suite(void)
{
	Suite *s = suite_create("decide_secrets");
	TCase *t = tcase_create("secrets");

	tcase_add_test(t, without_secrets_there_are_none);
	tcase_add_test(t, secrets_are_taken_as_they_are);
	tcase_add_test(t, a_secret_of_one_realm_does_not_bind_the_other);
	tcase_add_test(t, secrets_are_not_told);
	tcase_add_test(t, a_secret_may_be_in_a_file);
	tcase_add_loop_test(t, what_does_not_fit_is_refused, 0,
			    sizeof(broken) / sizeof(broken[0]));
	tcase_add_test(t, secrets_are_bounded);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(decide_secrets_suite)
