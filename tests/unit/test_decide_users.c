#include "unit.h"

#include <string.h>

#include "base/hex.h"
#include "conf_fixture.h"
#include "stun/integrity.h"

#define REALM "realm = \"example.org\";\n"

static void expect_secret(const struct secret *s, const char *digits)
{
	char found[2 * SECRET_MAX_BYTES + 1];

	hex_encode(secret_bytes(s), found);
	found[2 * s->len] = '\0';
	ck_assert_str_eq(found, digits);
}

static void expect_key(struct conf *c, uint8_t realm, const char *name,
		       const char *password)
{
	struct crypto *crypto = crypto_new();
	const char *realm_name = c->turn.realms[realm].name;
	struct turn_user user;
	struct secret key;

	ck_assert_ptr_nonnull(crypto);
	ck_assert_msg(conf_user(c, realm, name, &user), "%s", name);
	stun_long_term_key(crypto, STUN_ALGORITHM_MD5, bytes_str(name),
			   bytes_str(realm_name), bytes_str(password), &key);
	ck_assert(bytes_equal(secret_bytes(&key),
			      secret_bytes(&user.keys[0].md5)));
	stun_long_term_key(crypto, STUN_ALGORITHM_SHA256, bytes_str(name),
			   bytes_str(realm_name), bytes_str(password), &key);
	ck_assert(bytes_equal(secret_bytes(&key),
			      secret_bytes(&user.keys[0].sha256)));
	crypto_free(crypto);
}

START_TEST(passwords_become_keys)
{
	struct conf *c = conf_good(
		REALM "users = ( { name = \"alice\"; password = \"secret\"; },"
		      "\n{ name = \"bob\"; password = \"b\"; allocations = 7; "
		      "rate = \"4Mbit/s\"; } );\n",
		NULL);
	struct turn_user user;

	ck_assert_uint_eq(static_users_count(c->users), 2);
	expect_key(c, 0, "alice", "secret");
	expect_key(c, 0, "bob", "b");
	ck_assert(!conf_user(c, 0, "carol", &user));
	ck_assert(!conf_user(c, 0, "", &user));
	ck_assert(conf_user(c, 0, "bob", &user));
	ck_assert_uint_eq(user.grant.allocations_max, 7);
	ck_assert_uint_eq(user.grant.packets_max, 0);
	ck_assert_uint_eq(user.grant.rate_bytes_per_s, 500000);
	ck_assert(conf_user(c, 0, "alice", &user));
	ck_assert_uint_eq(user.grant.allocations_max, 0);
	ck_assert_uint_eq(user.grant.rate_bytes_per_s, 0);
	conf_free(c);
}
END_TEST

START_TEST(keys_are_taken_as_they_are)
{
	struct conf *c = conf_good(
		REALM "users = ( { name = \"alice\";\n"
		      "key_md5 = \"00112233445566778899AABBCCDDEEFF\"; } );\n",
		NULL);
	struct turn_user user;

	ck_assert(conf_user(c, 0, "alice", &user));
	expect_secret(&user.keys[0].md5, "00112233445566778899aabbccddeeff");
	ck_assert_uint_eq(user.keys[0].sha256.len, 0);
	ck_assert(!c->turn.realms[0].offer_sha256);
	ck_assert(c->turn.realms[0].offer_userhash);
	conf_free(c);
}
END_TEST

START_TEST(users_are_found_by_userhash)
{
	struct conf *c = conf_good(
		REALM "users = ( { name = \"alice\"; password = \"p\"; } );\n",
		NULL);
	struct crypto *crypto = crypto_new();
	uint8_t userhash[STUN_USERHASH_BYTES];
	struct store_query query = {
		.by_hash = true,
		.name = bytes_of(userhash, sizeof(userhash)),
	};
	struct store_answer answer;

	stun_userhash(crypto, bytes_str("alice"), bytes_str("example.org"),
		      userhash);
	static_users_source.lookup(c->users, &query, &answer);
	ck_assert_int_eq(answer.result, TURN_LOOKUP_FOUND);
	ck_assert(bytes_equal(answer.name, bytes_str("alice")));
	crypto_free(crypto);
	conf_free(c);
}
END_TEST

/* U+2003 becomes a space, e and U+0301 become U+00E9. */
START_TEST(names_realms_and_passwords_are_prepared)
{
	struct conf *c = conf_good("realm = \"r\xe2\x80\x83s\";\n"
				   "users = ( { name = \"re\xcc\x81my\"; "
				   "password = \"p\xe2\x80\x83q\"; } );\n",
				   NULL);

	ck_assert_str_eq(c->turn.realms[0].name, "r s");
	expect_key(c, 0, "r\xc3\xa9my", "p q");
	conf_expect_in_force(c, "\t\tname = \"r\xc3\xa9my\";");
	conf_expect_in_force(c, "\t\tpassword = \"***\";");
	conf_free(c);
}
END_TEST

START_TEST(realms_keep_users_apart)
{
	struct conf *c = conf_good(
		REALM
		"listen = ( { address = \"203.0.113.7\"; },\n"
		"{ address = \"127.0.0.1\"; realm = \"other\"; } );\n"
		"users = ( { name = \"alice\"; password = \"1\"; },\n"
		"{ name = \"alice\"; password = \"2\"; realm = \"other\"; },\n"
		"{ name = \"bob\"; realm = \"other\";\n"
		"key_md5 = \"00112233445566778899aabbccddeeff\"; } );\n",
		NULL);
	struct turn_user user;

	expect_key(c, 0, "alice", "1");
	expect_key(c, 1, "alice", "2");
	ck_assert(!conf_user(c, 0, "bob", &user));
	/* What one realm's users cannot do does not bind the other. */
	ck_assert(c->turn.realms[0].offer_sha256);
	ck_assert(!c->turn.realms[1].offer_sha256);
	conf_expect_messages(
		REPORT_NOTE,
		"t.conf: realm \"example.org\": users 1, offers SHA-256 and "
		"MD5, USERHASH\n"
		"t.conf: realm \"other\" offers no SHA-256, since user \"bob\" "
		"(line 6) has no key for it\n"
		"t.conf: realm \"other\": users 2, offers MD5, USERHASH\n"
		"t.conf: realm \"example.org\": peers by preset public, "
		"allow 0, deny 0\n"
		"t.conf: realm \"other\": peers by preset public, allow 0, "
		"deny 0\n");
	conf_free(c);
}
END_TEST

START_TEST(options_force_what_is_offered)
{
	struct conf *c = conf_good(
		REALM "users = ( { name = \"a\"; password = \"b\"; } );\n"
		      "auth = { sha256 = \"off\"; userhash = \"off\"; };\n",
		NULL);

	ck_assert(!c->turn.realms[0].offer_sha256);
	ck_assert(!c->turn.realms[0].offer_userhash);
	conf_free(c);
	c = conf_good(REALM "users = ( { name = \"a\"; password = \"b\"; } );\n"
			    "auth = { sha256 = \"on\"; userhash = \"on\"; };\n",
		      NULL);
	ck_assert(c->turn.realms[0].offer_sha256);
	ck_assert(c->turn.realms[0].offer_userhash);
	conf_free(c);
}
END_TEST

START_TEST(nobody_can_log_in_without_users)
{
	conf_free(conf_good(REALM, NULL));
	ck_assert_str_eq(
		conf_report.messages[REPORT_WARNING][1].text,
		"realm \"example.org\" has no users: nobody can use its "
		"listeners");
	conf_free(conf_good(REALM "listen = ( { realm = \"s\"; } );\n"
				  "users = ( { name = \"a\"; password = "
				  "\"b\"; } );\n",
			    NULL));
	ck_assert_str_eq(
		conf_report.messages[REPORT_WARNING][1].text,
		"realm \"example.org\" has users but no listener: they cannot "
		"log in");
	ck_assert_str_eq(conf_report.messages[REPORT_WARNING][2].text,
			 "realm \"s\" has no users: nobody can use its "
			 "listeners");
}
END_TEST

#define SHA256_ONLY                                               \
	"{ name = \"carol\"; key_sha256 = \"00112233445566778899" \
	"aabbccddeeff00112233445566778899aabbccddeeff\"; }"
#define MD5_ONLY                                                   \
	"{ name = \"bob\"; key_md5 = \"00112233445566778899aabbcc" \
	"ddeeff\"; }"

START_TEST(a_user_without_md5_is_warned_of)
{
	struct conf *c =
		conf_good(REALM "users = ( " SHA256_ONLY " );\n", NULL);

	ck_assert(c->turn.realms[0].offer_sha256);
	ck_assert_str_eq(conf_report.messages[REPORT_WARNING][0].text,
			 "user \"carol\" has no key_md5: clients that do not "
			 "know SHA-256, and browsers do not, cannot log in");
	ck_assert_uint_eq(conf_report.messages[REPORT_WARNING][0].line, 2);
	conf_free(c);
}
END_TEST

#define USERS(inner) REALM "users = (\n" inner " );\n"

static const struct {
	const char *text;
	const char *errors;
} broken[] = {
	{ USERS("{ name = \"a\"; }"),
	  "t.conf:3: user \"a\" has neither a password nor a key; expected "
	  "either a password or a key\n" },
	{ USERS("{ name = \"a\"; password = \"b\";\n"
		"key_md5 = \"00112233445566778899aabbccddeeff\"; }"),
	  "t.conf:3: user \"a\" has both a password and a key; expected "
	  "either a password or a key\n" },
	{ USERS("{ password = \"b\"; }"),
	  "t.conf:3: no name in users; expected one, such as name = "
	  "\"alice\";\n" },
	/* One mistake, one message. */
	{ USERS("{ name = \"a\"; password = 5; }"),
	  "t.conf:3: users.password is a number; expected a text of 1 to "
	  "1024 bytes\n" },
	{ USERS("{ name = \"a\"; key_md5 = \"x\"; }"),
	  "t.conf:3: users.key_md5 is a text of 1 bytes; expected 32 "
	  "hexadecimal digits\n" },
	{ USERS("{ name = 7; password = \"b\"; },\n{ name = 7; }"),
	  "t.conf:3: users.name is 7; expected a text of 1 to 508 bytes\n"
	  "t.conf:4: users.name is 7; expected a text of 1 to 508 bytes\n" },
	{ USERS("{ name = \"a\\x07\"; password = \"b\"; }"),
	  "t.conf:3: users.name has a character that RFC 8265 does not allow; "
	  "expected UTF-8 without control characters\n" },
	{ USERS("{ name = \"a\xff\"; password = \"b\"; }"),
	  "t.conf:3: users.name has a character that RFC 8265 does not allow; "
	  "expected UTF-8 without control characters\n" },
	{ USERS("{ name = \"a\"; password = \"b\xff\"; }"),
	  "t.conf:3: users.password has a character that RFC 8265 does not "
	  "allow; expected UTF-8 without control characters\n" },
	{ USERS("{ name = \"a\"; password = \"b\"; realm = \"\\x01\"; }"),
	  "t.conf:3: realm has a character that RFC 8265 does not allow; "
	  "expected UTF-8 without control characters\n" },
	{ USERS("{ name = \"a\"; password = \"b\"; },\n"
		"{ name = \"b\"; password = \"b\"; },\n"
		"{ name = \"a\"; password = \"c\"; }"),
	  "t.conf:5: user \"a\" for the second time in realm \"example.org\", "
	  "first in line 3; expected each name once in a realm\n" },
	/* The same after preparation. */
	{ USERS("{ name = \"e\xcc\x81\"; password = \"b\"; },\n"
		"{ name = \"\xc3\xa9\"; password = \"c\"; }"),
	  "t.conf:4: user \"\xc3\xa9\" for the second time in realm "
	  "\"example.org\", first in line 3; expected each name once in a "
	  "realm\n" },
	{ USERS(MD5_ONLY) "auth = {\n sha256 = \"on\"; };\n",
	  "t.conf:5: auth.sha256 is \"on\", but user \"bob\" (line 3) has no "
	  "SHA-256 key; expected a password or key_sha256 for each user, or "
	  "\"auto\"\n" },
	{ USERS(MD5_ONLY ",\n" SHA256_ONLY),
	  "t.conf:4: user \"carol\" has no key_md5, and SHA-256 is not offered "
	  "since user \"bob\" (line 3) has no key for it; expected key_md5 or "
	  "a password\n" },
	{ USERS(SHA256_ONLY) "auth = { sha256 = \"off\"; };\n",
	  "t.conf:3: user \"carol\" has no key_md5, and auth.sha256 is "
	  "\"off\"; expected key_md5 or a password\n" },
	{ "users = ( { name = \"a\"; password = \"b\"; } );\n",
	  "t.conf: no realm; expected one, such as realm = "
	  "\"turn.example.com\";\n" },
	/* 128 characters. */
	{ "realm = \"0123456789012345678901234567890123456789012345678901234"
	  "56789012345678901234567890123456789012345678901234567890123456789012"
	  "34567\";",
	  "t.conf:1: realm has 128 characters; expected at most 127\n" },
};

START_TEST(what_does_not_fit_is_refused)
{
	conf_expect_errors(broken[_i].text, NULL, broken[_i].errors);
}
END_TEST

START_TEST(lengths_are_bounded)
{
	char text[2048], name[510];

	memset(name, 'n', sizeof(name));
	name[508] = '\0';
	snprintf(text, sizeof(text),
		 USERS("{ name = \"%s\"; password = \"p\"; }"), name);
	conf_free(conf_good(text, NULL));
	/* As long as a name can be, but longer once prepared: U+0958
	 * becomes two characters. */
	for (int i = 0; i + 3 <= 507; i += 3)
		memcpy(name + i, "\xe0\xa5\x98", 3);
	name[507] = '\0';
	snprintf(text, sizeof(text),
		 USERS("{ name = \"%s\"; password = \"p\"; }"), name);
	conf_expect_errors(
		text, NULL,
		"t.conf:3: users.name is too long; expected at most 508 "
		"bytes\n");
}
END_TEST

START_TEST(realms_are_bounded)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	ck_assert_ptr_nonnull(to);
	fputs(REALM "users = (\n", to);
	for (int i = 1; i <= TURN_REALMS_MAX; i++)
		fprintf(to,
			"%s{ name = \"a\"; password = \"b\"; realm = \"%d\"; "
			"}",
			i > 1 ? ",\n" : "", i);
	fputs(" );\n", to);
	fclose(to);
	conf_expect_errors(text, NULL,
			   "t.conf:18: realm is one more; expected at most 16 "
			   "different realms\n");
	free(text);
}
END_TEST

static Suite *decide_users_suite(void)
{
	Suite *s = suite_create("decide_users");
	TCase *t = tcase_create("users");

	tcase_add_test(t, passwords_become_keys);
	tcase_add_test(t, keys_are_taken_as_they_are);
	tcase_add_test(t, users_are_found_by_userhash);
	tcase_add_test(t, names_realms_and_passwords_are_prepared);
	tcase_add_test(t, realms_keep_users_apart);
	tcase_add_test(t, options_force_what_is_offered);
	tcase_add_test(t, nobody_can_log_in_without_users);
	tcase_add_test(t, a_user_without_md5_is_warned_of);
	tcase_add_loop_test(t, what_does_not_fit_is_refused, 0,
			    sizeof(broken) / sizeof(broken[0]));
	tcase_add_test(t, lengths_are_bounded);
	tcase_add_test(t, realms_are_bounded);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(decide_users_suite)
