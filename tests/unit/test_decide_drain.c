#include "unit.h"

#include <string.h>

#include "conf_fixture.h"

#define REALM                        \
	"realm = \"example.org\";\n" \
	"relay = { advertise = \"203.0.113.7\"; };\n"
#define KEY                                                              \
	"nonce = { key = \"00112233445566778899aabbccddeeff001122334455" \
	"66778899aabbccddeeff\"; };\n"
#define DRAIN(inner) REALM KEY "drain = { " inner " };\n"

START_TEST(without_a_word_it_takes_twenty_seconds)
{
	struct conf *c = conf_good(REALM, NULL);

	ck_assert_uint_eq(c->drain_deadline_s, 20);
	ck_assert_uint_eq(c->turn.alternate_count, 0);
	ck_assert(!c->turn.draining);
	conf_free(c);
}
END_TEST

static uint32_t deadline(const char *text)
{
	struct conf *c = conf_good(text, NULL);
	uint32_t s = c->drain_deadline_s;

	conf_free(c);
	return s;
}

START_TEST(the_deadline_is_up_to_a_day)
{
	ck_assert_uint_eq(deadline(DRAIN("deadline = \"0s\";")), 0);
	ck_assert_uint_eq(deadline(DRAIN("deadline = \"90m\";")), 5400);
	ck_assert_uint_eq(deadline(DRAIN("deadline = \"24h\";")), 86400);
	conf_expect_errors(DRAIN("deadline = \"86401s\";"), NULL,
			   "t.conf:4: drain.deadline is \"86401s\"; expected a "
			   "duration with its unit, \"10s\", \"10m\" or "
			   "\"1h\", from 0s to 24h\n");
}
END_TEST

static void expect_alternate(const struct conf *c, unsigned i, const char *text)
{
	char found[ADDR_TEXT_BYTES];

	ck_assert_str_eq(addr_print(&c->turn.alternates[i], found), text);
}

START_TEST(alternates_are_addresses_with_a_port_or_without)
{
	struct conf *c = conf_good(
		DRAIN("alternates = [ \"192.0.2.1\", \"192.0.2.2:3479\",\n"
		      "\"2001:db8::1\", \"[2001:db8::2]:65535\" ];"),
		NULL);

	ck_assert_uint_eq(c->turn.alternate_count, 4);
	expect_alternate(c, 0, "192.0.2.1:3478");
	expect_alternate(c, 1, "192.0.2.2:3479");
	expect_alternate(c, 2, "[2001:db8::1]:3478");
	expect_alternate(c, 3, "[2001:db8::2]:65535");
	conf_free(c);
}
END_TEST

START_TEST(what_is_no_servers_address_is_refused)
{
	static const char *const wrong[] = {
		"turn.example.org",
		"turn.example.org:3478",
		"192.0.2.1:0",
		"192.0.2.1:65536",
		"192.0.2.1:",
		"192.0.2.1:3478x",
		"192.0.2.1: 3478",
		":3478",
		"",
		"0.0.0.0",
		"0.1.2.3:3478",
		"239.1.2.3",
		"255.255.255.255:3478",
		"::",
		"[ff02::1]:3478",
		"[192.0.2.1",
		"[2001:db8::1]",
		"2001:db8::1:99999",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:3478",
	};
	char text[512], errors[512];

	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(text, sizeof(text), DRAIN("alternates = [ \"%s\" ];"),
			 wrong[i]);
		snprintf(errors, sizeof(errors),
			 "t.conf:4: in drain.alternates an element is \"%s\"; "
			 "expected \"ADDRESS\" or \"ADDRESS:PORT\" of another "
			 "server\n",
			 wrong[i]);
		conf_expect_errors(text, NULL, errors);
	}
}
END_TEST

START_TEST(eight_are_enough)
{
	struct conf *c = conf_good(
		DRAIN("alternates = [ \"192.0.2.1\", \"192.0.2.2\", "
		      "\"192.0.2.3\", \"192.0.2.4\", \"192.0.2.5\", "
		      "\"192.0.2.6\", \"192.0.2.7\", \"192.0.2.8\" ];"),
		NULL);

	ck_assert_uint_eq(c->turn.alternate_count, TURN_ALTERNATES_MAX);
	conf_free(c);
	ck_assert_ptr_null(
		conf_of(DRAIN("alternates = [ \"192.0.2.1\", \"192.0.2.2\", "
			      "\"192.0.2.3\", \"192.0.2.4\", \"192.0.2.5\", "
			      "\"192.0.2.6\", \"192.0.2.7\", \"192.0.2.8\", "
			      "\"192.0.2.9\" ];"),
			NULL));
}
END_TEST

START_TEST(alternates_need_the_fleets_nonce_key)
{
	conf_expect_errors(
		REALM "drain = { alternates = [ \"192.0.2.1\" ]; };\n", NULL,
		"t.conf:3: drain.alternates needs nonce.key, the same on all "
		"of these servers: a browser that is sent to one that does "
		"not know its nonce gives up\n");
	conf_free(conf_good(REALM "drain = { alternates = [ ]; };\n", NULL));
}
END_TEST

START_TEST(it_is_shown_as_what_is_in_force)
{
	struct conf *c =
		conf_good(DRAIN("alternates = [ \"192.0.2.1\" ];"), NULL);

	conf_expect_in_force(c, "\talternates = [ \"192.0.2.1\" ];");
	conf_free(c);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("decide_drain");
	TCase *t = tcase_create("decide_drain");

	tcase_add_test(t, without_a_word_it_takes_twenty_seconds);
	tcase_add_test(t, the_deadline_is_up_to_a_day);
	tcase_add_test(t, alternates_are_addresses_with_a_port_or_without);
	tcase_add_test(t, what_is_no_servers_address_is_refused);
	tcase_add_test(t, eight_are_enough);
	tcase_add_test(t, alternates_need_the_fleets_nonce_key);
	tcase_add_test(t, it_is_shown_as_what_is_in_force);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
