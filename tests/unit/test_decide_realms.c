#include "unit.h"

#include <string.h>

#include "conf/decide.h"
#include "conf_fixture.h"

#define USERS "users = ( { name = \"a\"; password = \"s\"; } );\n"
#define REALM "realm = \"example.org\"; " USERS

static const struct {
	const char *text;
	const char *errors;
} bad_names[] = {
	{ REALM "realms = ( { preset = \"lan\"; } );\n",
	  "t.conf:2: no name in realms; expected one, such as name = "
	  "\"turn.example.com\";\n" },
	{ REALM "realms = ( { name = \"example.com\"; } );\n",
	  "t.conf:2: realms.name is \"example.com\"; expected a realm that a "
	  "listener or a user has, such as \"example.org\"\n" },
	{ REALM "realms = ( { name = \"example.org\"; },\n"
		"{ name = \"example.org\"; } );\n",
	  "t.conf:3: realm \"example.org\" for the second time in realms, "
	  "first in line 2; expected each once\n" },
	{ REALM "realms = ( { name = \"\\x01\"; } );\n",
	  "t.conf:2: realms.name has a character that RFC 8265 does not "
	  "allow; expected UTF-8 without control characters\n" },
};

START_TEST(names_that_are_refused)
{
	conf_expect_errors(bad_names[_i].text, NULL, bad_names[_i].errors);
}
END_TEST

/* A name is found as it is prepared. */
START_TEST(names_are_prepared)
{
	/* e and a combining acute accent; the realm has the letter. */
	struct conf *c = conf_good(
		"realm = \"caf\xc3\xa9\"; " USERS
		"realms = ( { name = \"cafe\xcc\x81\"; preset = \"lan\"; } );\n",
		NULL);

	ck_assert_uint_eq(c->turn.peers.realms[0].preset, PEER_PRESET_LAN);
	conf_free(c);
}
END_TEST

static uint8_t realm_of(const struct conf *c, size_t index)
{
	uint8_t realm = 99;

	ck_assert(decide_item_realm(
		c, &c->document->lists[GROUP_REALMS].items[index], &realm));
	return realm;
}

/* In whatever order they stand; a realm of users alone counts, too. */
START_TEST(each_item_finds_its_realm)
{
	struct conf *c = conf_good(
		"realm = \"one\"; listen = ( { }, { port = 3479; "
		"realm = \"two\"; } );\n"
		"users = ( { name = \"a\"; password = \"s\"; }, "
		"{ name = \"a\"; password = \"s\"; realm = \"two\"; }, "
		"{ name = \"a\"; password = \"s\"; realm = \"three\"; } );\n"
		"realms = ( { name = \"three\"; }, { name = \"one\"; }, "
		"{ name = \"two\"; } );\n",
		NULL);

	ck_assert_str_eq(c->turn.realms[realm_of(c, 0)].name, "three");
	ck_assert_str_eq(c->turn.realms[realm_of(c, 1)].name, "one");
	ck_assert_str_eq(c->turn.realms[realm_of(c, 2)].name, "two");
	conf_free(c);
}
END_TEST

/* Whose name was refused is not found, and is no other item's twin. */
START_TEST(a_refused_name_is_not_found)
{
	conf_expect_errors(
		REALM "realms = ( { name = \"x\"; }, { name = \"x\"; } );\n",
		NULL,
		"t.conf:2: realms.name is \"x\"; expected a realm that a "
		"listener or a user has, such as \"example.org\"\n"
		"t.conf:2: realms.name is \"x\"; expected a realm that a "
		"listener or a user has, such as \"example.org\"\n");
}
END_TEST

static Suite *decide_realms_suite(void)
{
	Suite *s = suite_create("decide_realms");
	TCase *t = tcase_create("realms");

	tcase_add_loop_test(t, names_that_are_refused, 0,
			    (int)(sizeof(bad_names) / sizeof(bad_names[0])));
	tcase_add_test(t, names_are_prepared);
	tcase_add_test(t, each_item_finds_its_realm);
	tcase_add_test(t, a_refused_name_is_not_found);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(decide_realms_suite)
