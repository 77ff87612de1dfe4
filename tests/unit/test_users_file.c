#include "unit.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "conf/users_file.h"
#include "conf_fixture.h"

#define MD5 "key_md5 = \"00112233445566778899aabbccddeeff\";"
#define SHA256                                                            \
	"key_sha256 = \"00112233445566778899aabbccddeeff0011223344556677" \
	"8899aabbccddeeff\";"

static char folder[] = "/tmp/turnpike-users-file-XXXXXX";
static char path[64], conf_path[64];
static struct conf *c;

static void make(void)
{
	memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/users", folder);
	snprintf(conf_path, sizeof(conf_path), "%s/t.conf", folder);
}

static void drop(void)
{
	unlink(path);
	unlink(conf_path);
	rmdir(folder);
}

static void put(const char *at, const char *text, mode_t mode)
{
	FILE *to = fopen(at, "w");

	ck_assert_ptr_nonnull(to);
	fputs(text, to);
	fclose(to);
	chmod(at, mode);
}

/* Loads a configuration whose state directory is the folder. */
static void load(const char *users, const char *text)
{
	struct conf_machine m = conf_machine_one();

	m.is_closed = false;
	m.state_dir = folder;
	if (users)
		put(path, users, 0640);
	put(conf_path, text, 0640);
	report_init(&conf_report);
	c = conf_load(conf_path, &m, &conf_report);
}

/* What is said of the one kind, with the folder taken out of it. */
static void expect_messages(enum report_kind kind, const char *expected)
{
	char *text = NULL, *at;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	ck_assert_ptr_nonnull(to);
	report_print(&conf_report, kind, "t.conf", "", to);
	fclose(to);
	while ((at = strstr(text, folder)))
		memmove(at, at + strlen(folder),
			strlen(at + strlen(folder)) + 1);
	ck_assert_str_eq(text, expected);
	free(text);
}

static bool has_file_user(const char *name, struct turn_user *user)
{
	struct store_query query = { .name = bytes_str(name) };
	struct store_answer answer;

	ck_assert(static_users_source.lookup(c->file_users, &query, &answer));
	*user = answer.user;
	return answer.result == TURN_LOOKUP_FOUND;
}

#define CONF                                          \
	"realm = \"example.org\";\n"                  \
	"relay = { advertise = \"203.0.113.7\"; };\n" \
	"users = ( { name = \"alice\"; password = \"secret\"; } );\n"

START_TEST(its_users_are_a_set_of_their_own)
{
	struct turn_user user;

	load("users = ( { name = \"bob\"; " MD5 SHA256 " allocations = 7; },\n"
	     "{ name = \"carol\"; " MD5 SHA256 " disabled = \"on\"; } );\n",
	     CONF);
	expect_messages(REPORT_ERROR, "");
	expect_messages(REPORT_WARNING, "");
	ck_assert_ptr_nonnull(c);
	ck_assert_str_eq(c->users_file, path);
	ck_assert_uint_eq(static_users_count(c->users), 1);
	ck_assert_uint_eq(static_users_count(c->file_users), 2);
	ck_assert(has_file_user("bob", &user));
	ck_assert_int_eq(user.source, TURN_SOURCE_FILE);
	ck_assert_uint_eq(user.grant.allocations_max, 7);
	ck_assert_uint_eq(user.keys[0].md5.bytes[15], 0xff);
	ck_assert_uint_eq(user.keys[0].sha256.bytes[31], 0xff);
	ck_assert(!user.disabled);
	ck_assert(has_file_user("carol", &user));
	ck_assert(user.disabled);
	ck_assert(!has_file_user("alice", &user));
	ck_assert(c->turn.realms[0].offer_sha256);
	expect_messages(
		REPORT_NOTE,
		"t.conf: realm \"example.org\": users 3, offers "
		"SHA-256 and MD5, USERHASH\n"
		"t.conf: realm \"example.org\": peers by preset public, allow 0, "
		"deny 0\n");
	conf_free(c);
}
END_TEST

START_TEST(without_a_file_there_are_no_such_users)
{
	load(NULL, CONF);
	ck_assert_ptr_nonnull(c);
	ck_assert_uint_eq(static_users_count(c->file_users), 0);
	conf_free(c);
	load(NULL, CONF "state_dir = \"/nowhere/at/all\";");
	ck_assert_ptr_nonnull(c);
	ck_assert_str_eq(c->users_file, "/nowhere/at/all/users");
	conf_free(c);
	load("", CONF);
	ck_assert_ptr_nonnull(c);
	conf_free(c);
}
END_TEST

START_TEST(the_file_may_be_elsewhere)
{
	char text[256];

	snprintf(text, sizeof(text),
		 CONF "state_dir = \"/nowhere\"; users_file = \"%s\";", path);
	load("users = ( { name = \"bob\"; " MD5 " } );", text);
	ck_assert_ptr_nonnull(c);
	ck_assert_uint_eq(static_users_count(c->file_users), 1);
	conf_free(c);
	load(NULL, CONF "users_file = \"users\";");
	ck_assert_ptr_null(c);
	expect_messages(REPORT_ERROR,
			"t.conf:4: users_file is \"users\"; expected a path "
			"that begins with /\n");
}
END_TEST

START_TEST(a_user_may_bind_what_is_offered)
{
	load("\nusers = ( { name = \"bob\"; " MD5 " } );", CONF);
	ck_assert_ptr_nonnull(c);
	ck_assert(!c->turn.realms[0].offer_sha256);
	expect_messages(
		REPORT_NOTE,
		"t.conf: realm \"example.org\" offers no SHA-256, "
		"since user \"bob\" (line 2 of the users file) has no "
		"key for it\n"
		"t.conf: realm \"example.org\": users 2, offers MD5, "
		"USERHASH\n"
		"t.conf: realm \"example.org\": peers by preset public, allow 0, "
		"deny 0\n");
	conf_free(c);
	load(NULL, CONF "auth = { sha256 = \"on\"; };");
	ck_assert_ptr_null(c);
	expect_messages(REPORT_ERROR,
			"t.conf:4: auth.sha256 is \"on\", but user \"bob\" "
			"(line 2 of the users file) has no SHA-256 key; "
			"expected a password or key_sha256 for each user, or "
			"\"auto\"\n");
	load("users = ( { name = \"bob\"; " SHA256 " } );", CONF);
	ck_assert_ptr_nonnull(c);
	expect_messages(REPORT_WARNING,
			"/users:1: user \"bob\" has no key_md5: clients that "
			"do not know SHA-256, and browsers do not, cannot log "
			"in\n");
	conf_free(c);
	load(NULL, "realm = \"example.org\";\n"
		   "users = ( { name = \"alice\"; " MD5 " } );\n");
	ck_assert_ptr_null(c);
	expect_messages(REPORT_ERROR,
			"/users:1: user \"bob\" has no key_md5, and SHA-256 "
			"is not offered since user \"alice\" (line 2 of "
			"/t.conf) has no key for it; expected key_md5 or a "
			"password\n");
}
END_TEST

static const struct {
	const char *users;
	const char *errors;
} broken[] = {
	{ "users = (\n{ name = \"alice\"; " MD5 " } );",
	  "/users:2: user \"alice\" for the second time in realm "
	  "\"example.org\", first in line 3 of /t.conf; expected each name "
	  "once in a realm\n" },
	{ "users = (\n{ name = \"bob\"; " MD5 " },\n{ name = \"bob\"; " MD5
	  " } );",
	  "/users:3: user \"bob\" for the second time in realm "
	  "\"example.org\", first in line 2 of the users file; expected each "
	  "name once in a realm\n" },
	{ "users = (\n{ name = \"bob\"; password = \"secret\"; } );",
	  "/users:2: a password in the users file; expected key_md5 or "
	  "key_sha256 in its place\n" },
	{ "users = (\n{ name = \"bob\"; } );",
	  "/users:2: user \"bob\" has neither a password nor a key; expected "
	  "either a password or a key\n" },
	{ "realm = \"r\";\nworkers = 2; users = ( );",
	  "/users:1: unknown option \"realm\"; expected nothing but users\n"
	  "/users:2: unknown option \"workers\"; expected nothing but "
	  "users\n" },
	{ "\nusers = 5;",
	  "/users:2: users is a number; expected users = ( { }, ... "
	  ");\n" },
	{ "users = ( { name = \"bob\"; " MD5 " }",
	  "/users:2: not of the form NAME = VALUE; here or on the line "
	  "before; expected texts in double quotes, groups in { }, lists of "
	  "groups in ( ), arrays in [ ], each followed by a semicolon\n" },
	{ "@include \"x\"\n",
	  "/users:1: \"@\" outside a text; expected no @include: the "
	  "configuration is a single file\n" },
};

START_TEST(what_is_wrong_is_told)
{
	load(broken[_i].users, CONF);
	ck_assert_ptr_null(c);
	expect_messages(REPORT_ERROR, broken[_i].errors);
}
END_TEST

/* Both files' mistakes in one run, each in its place. */
START_TEST(errors_of_both_files)
{
	load("users = (\n{ name = 5; " MD5 " } );", CONF "workers = 65;\n");
	ck_assert_ptr_null(c);
	expect_messages(
		REPORT_ERROR,
		"t.conf:4: workers is 65; expected a whole number from 0 to "
		"64\n"
		"/users:2: users.name is 5; expected a text of 1 to 508 "
		"bytes\n");
}
END_TEST

START_TEST(what_is_no_file_to_read)
{
	ck_assert_int_eq(mkdir(path, 0700), 0);
	load(NULL, CONF);
	ck_assert_ptr_null(c);
	expect_messages(REPORT_ERROR,
			"/users: is a directory; expected a regular file\n");
	rmdir(path);
}
END_TEST

START_TEST(what_all_can_read_is_warned_of)
{
	load("users = ( { name = \"bob\"; " MD5 " } );", CONF);
	conf_free(c);
	chmod(path, 0644);
	load(NULL, CONF);
	ck_assert_ptr_nonnull(c);
	expect_messages(REPORT_WARNING,
			"/users: holds keys, and every user of this machine "
			"can read it; chmod 640 /users\n");
	conf_free(c);
}
END_TEST

/* --- writing it --- */

static struct users_file_user user_of(const char *name, uint8_t key)
{
	struct users_file_user u = {
		.name = name,
		.realm = "example.org",
		.allocations = 3,
		.rate = 1250000,
		.disabled = true,
	};

	u.keys.md5.len = 16;
	u.keys.sha256.len = 32;
	memset(u.keys.md5.bytes, key, 16);
	memset(u.keys.sha256.bytes, key, 32);
	return u;
}

static struct document file;

static void read_again(void)
{
	document_fini(&file);
	report_init(&conf_report);
	users_file_read(&file, path, &conf_report);
	expect_messages(REPORT_ERROR, "");
}

static const struct document_item *find(const char *name, const char *realm)
{
	return users_file_find(&file, name, realm, "example.org");
}

/* What a name may hold is read back as it was, and others stay. */
START_TEST(users_are_written)
{
	static const char *const names[] = {
		"bob",       "a \"quoted\" \\ one",          "# not a remark",
		"z\xc3\xab", "\" ); users = ( { name = \"x",
	};
	struct users_file_user u;
	struct stat st;

	put(path, "# mine\nusers = ( { name = \"old\"; " MD5 " } );", 0640);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		read_again();
		u = user_of(names[i], (uint8_t)i);
		ck_assert_int_eq(users_file_write(path, &file, NULL, &u), 0);
	}
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
	read_again();
	ck_assert_uint_eq(file.lists[GROUP_USERS].count, 6);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct document_item *item =
			find(names[i], "example.org");

		ck_assert_msg(item != NULL, "%s", names[i]);
		ck_assert_uint_eq(
			document_value(item, OPT_USERS_KEY_MD5)->as.key[15], i);
		ck_assert_uint_eq(
			document_value(item, OPT_USERS_KEY_SHA256)->as.key[31],
			i);
		ck_assert_int_eq(
			document_value(item, OPT_USERS_ALLOCATIONS)->as.number,
			3);
		ck_assert_int_eq(
			document_value(item, OPT_USERS_RATE)->as.number,
			1250000);
		ck_assert_int_eq(
			document_value(item, OPT_USERS_DISABLED)->as.number, 1);
	}
	ck_assert_uint_eq(
		document_value(find("old", "example.org"), OPT_USERS_KEY_MD5)
			->as.key[15],
		0xff);
	document_fini(&file);
}
END_TEST

START_TEST(users_are_left_out)
{
	struct users_file_user u = user_of("bob", 1);

	read_again();
	ck_assert_int_eq(users_file_write(path, &file, NULL, &u), 0);
	read_again();
	ck_assert_ptr_null(find("bob", "other.example"));
	u = user_of("bob", 2);
	ck_assert_int_eq(
		users_file_write(path, &file, find("bob", "example.org"), &u),
		0);
	read_again();
	ck_assert_uint_eq(file.lists[GROUP_USERS].count, 1);
	ck_assert_int_eq(
		users_file_write(path, &file, find("bob", "example.org"), NULL),
		0);
	read_again();
	ck_assert_uint_eq(file.lists[GROUP_USERS].count, 0);
	document_fini(&file);
}
END_TEST

START_TEST(where_nothing_can_be_written)
{
	struct users_file_user u = user_of("bob", 1);

	read_again();
	ck_assert(users_file_is_writable(path));
	ck_assert(!users_file_is_writable("/nowhere/at/all/users"));
	ck_assert_int_eq(
		users_file_write("/nowhere/at/all/users", &file, NULL, &u),
		-ENOENT);
	document_fini(&file);
}
END_TEST

START_TEST(the_file_is_read_alone)
{
	struct hash_key key = { 3, 4 };
	struct static_users *set;

	load(NULL, CONF);
	ck_assert_ptr_nonnull(c);
	put(path, "users = ( { name = \"bob\"; " MD5 SHA256 " } );", 0640);
	report_init(&conf_report);
	set = conf_read_users_file(c, &key, &conf_report);
	ck_assert_ptr_nonnull(set);
	ck_assert_uint_eq(static_users_count(set), 1);
	ck_assert(static_users_has(set, 0, "bob"));
	static_users_free(set);

	put(path,
	    "users = ( { name = \"bob\"; realm = \"new\"; " MD5 " },\n"
	    "{ name = \"alice\"; " MD5 " } );",
	    0640);
	report_init(&conf_report);
	ck_assert_ptr_null(conf_read_users_file(c, &key, &conf_report));
	ck_assert_uint_eq(conf_report.count[REPORT_ERROR], 2);
	/* What is in force is as it was. */
	ck_assert_uint_eq(static_users_count(c->users), 1);
	ck_assert_uint_eq(static_users_count(c->file_users), 0);
	ck_assert_uint_eq(c->turn.realm_count, 1);
	conf_free(c);
}
END_TEST

static Suite *users_file_suite(void)
{
	Suite *s = suite_create("users_file");
	TCase *t = tcase_create("file");

	tcase_add_checked_fixture(t, make, drop);
	tcase_add_test(t, its_users_are_a_set_of_their_own);
	tcase_add_test(t, without_a_file_there_are_no_such_users);
	tcase_add_test(t, the_file_may_be_elsewhere);
	tcase_add_test(t, a_user_may_bind_what_is_offered);
	tcase_add_loop_test(t, what_is_wrong_is_told, 0,
			    sizeof(broken) / sizeof(broken[0]));
	tcase_add_test(t, errors_of_both_files);
	tcase_add_test(t, what_is_no_file_to_read);
	tcase_add_test(t, what_all_can_read_is_warned_of);
	tcase_add_test(t, users_are_written);
	tcase_add_test(t, users_are_left_out);
	tcase_add_test(t, where_nothing_can_be_written);
	tcase_add_test(t, the_file_is_read_alone);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(users_file_suite)
