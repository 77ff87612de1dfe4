#include "unit.h"

#include <string.h>

#include "conf_fixture.h"

#define USERS "users = ( { name = \"a\"; password = \"s\"; } );\n"
/* Nothing else is to be warned of. */
#define ADVERTISE "relay = { advertise = \"20.202.255.255\"; }; "
#define REALM ADVERTISE "realm = \"example.org\"; " USERS
#define TWO_REALMS                                                \
	ADVERTISE                                                 \
	"realm = \"example.org\"; "                               \
	"listen = ( { }, { port = 3479; realm = \"other\"; } ); " \
	"users = ( { name = \"a\"; password = \"s\"; }, "         \
	"{ name = \"a\"; password = \"s\"; realm = \"other\"; } );\n"

static char list_path[512];

/* A list in a folder of its own, and the option that names it. */
static const char *acs_file(const char *text)
{
	static char option[600];
	char folder[] = "/tmp/turnpike-test-XXXXXX";
	FILE *to;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(list_path, sizeof(list_path), "%s/acs.list", folder);
	to = fopen(list_path, "w");
	ck_assert_ptr_nonnull(to);
	fputs(text, to);
	ck_assert_int_eq(fclose(to), 0);
	snprintf(option, sizeof(option), "acs_file = \"%s\"; ", list_path);
	return option;
}

static void remove_file(void)
{
	if (!list_path[0])
		return;
	unlink(list_path);
	*strrchr(list_path, '/') = '\0';
	rmdir(list_path);
	list_path[0] = '\0';
}

static enum peer_verdict judged(const struct conf *c, uint8_t realm,
				const char *ip, uint16_t port)
{
	struct addr a;

	ck_assert(addr_parse(ip, &a));
	a.port = port;
	return peer_policy_judge(&c->turn.peers, realm, &a);
}

START_TEST(by_default_what_is_public)
{
	struct conf *c = conf_good(REALM, NULL);

	for (unsigned i = 0; i < PEER_POLICY_REALMS_MAX; i++) {
		ck_assert_uint_eq(c->turn.peers.realms[i].preset,
				  PEER_PRESET_PUBLIC);
		ck_assert(!c->turn.peers.realms[i].dry_run);
	}
	ck_assert_uint_eq(c->turn.peers.generation, 1);
	ck_assert_uint_eq(c->turn.peers.acs_count, 0);
	conf_expect_in_force(c, "\tpreset = \"public\"; # default");
	conf_free(c);
}
END_TEST

START_TEST(rules_with_ports)
{
	struct conf *c = conf_good(
		REALM "peers = { allow = [ \"10.1.1.1-10.1.1.9 port 443\" ]; "
		      "deny = [ \"8.8.0.0/16 ports 3478-3481\" ]; };\n",
		NULL);

	ck_assert_int_eq(judged(c, 0, "10.1.1.9", 443), PEER_ALLOWED);
	ck_assert_int_eq(judged(c, 0, "10.1.1.9", 444), PEER_DENIED);
	ck_assert_int_eq(judged(c, 0, "8.8.8.8", 3481), PEER_DENIED);
	ck_assert_int_eq(judged(c, 0, "8.8.8.8", 3482), PEER_ALLOWED);
	conf_expect_in_force(c,
			     "\tallow = [ \"10.1.1.1-10.1.1.9 port 443\" ];");
	conf_free(c);
}
END_TEST

START_TEST(preset_lan)
{
	struct conf *c =
		conf_good(REALM "peers = { preset = \"lan\"; };\n", NULL);

	ck_assert_int_eq(judged(c, 0, "192.168.7.7", 5000), PEER_ALLOWED);
	ck_assert_int_eq(judged(c, 0, "169.254.169.254", 80), PEER_DENIED);
	conf_free(c);
}
END_TEST

/* A realm's own lists, preset and dry run; the others' stay as they are. */
START_TEST(realms_of_their_own)
{
	struct conf *c = conf_good(
		TWO_REALMS "peers = { deny = [ \"8.8.0.0/16\" ]; };\n"
			   "realms = ( { name = \"other\"; preset = \"lan\"; "
			   "allow = [ \"127.0.0.9\" ]; deny = [ \"9.9.9.9\" ]; "
			   "dry_run = \"on\"; } );\n",
		NULL);
	const struct peer_realm *realms = c->turn.peers.realms;

	ck_assert_uint_eq(realms[0].preset, PEER_PRESET_PUBLIC);
	ck_assert_uint_eq(realms[1].preset, PEER_PRESET_LAN);
	ck_assert(!realms[0].dry_run && realms[1].dry_run);
	ck_assert_int_eq(judged(c, 0, "8.8.8.8", 5), PEER_DENIED);
	ck_assert_int_eq(judged(c, 1, "8.8.8.8", 5), PEER_DRY);
	ck_assert_int_eq(judged(c, 0, "9.9.9.9", 5), PEER_ALLOWED);
	ck_assert_int_eq(judged(c, 1, "9.9.9.9", 5), PEER_DRY);
	ck_assert_int_eq(judged(c, 0, "127.0.0.9", 5), PEER_DENIED);
	ck_assert_int_eq(judged(c, 1, "127.0.0.9", 5), PEER_ALLOWED);
	ck_assert_int_eq(judged(c, 0, "10.9.9.9", 5), PEER_DENIED);
	ck_assert_int_eq(judged(c, 1, "10.9.9.9", 5), PEER_ALLOWED);
	conf_expect_messages(
		REPORT_WARNING,
		"t.conf: realm \"other\" is on a dry run: what its deny rules "
		"and its preset would refuse is let through and logged\n");
	conf_free(c);
}
END_TEST

/* What an item does not say is shown as it follows. */
START_TEST(an_item_inherits)
{
	struct conf *c = conf_good(
		TWO_REALMS "peers = { preset = \"lan\"; dry_run = \"on\"; };\n"
			   "realms = ( { name = \"other\"; }, "
			   "{ name = \"example.org\"; preset = \"public\"; "
			   "dry_run = \"off\"; } );\n",
		NULL);
	const struct peer_realm *realms = c->turn.peers.realms;

	ck_assert_uint_eq(realms[0].preset, PEER_PRESET_PUBLIC);
	ck_assert_uint_eq(realms[1].preset, PEER_PRESET_LAN);
	ck_assert(!realms[0].dry_run && realms[1].dry_run);
	conf_expect_in_force(c,
			     "\t\tpreset = \"lan\"; # default: peers.preset");
	conf_expect_in_force(c,
			     "\t\tdry_run = \"on\"; # default: peers.dry_run");
	conf_free(c);
}
END_TEST

START_TEST(preset_acs)
{
	char text[2048];
	struct conf *c;

	snprintf(text, sizeof(text),
		 TWO_REALMS
		 "peers = { preset = \"acs\"; %s};\n"
		 "realms = ( { name = \"other\"; preset = \"public\"; } );\n",
		 acs_file("date 2026-11-25\n"
			  "media commercial 20.202.0.0/16\n"
			  "media gcc-high 52.127.88.0/21\n"));
	c = conf_good(text, NULL);
	remove_file();
	ck_assert_int_eq(judged(c, 0, "20.202.1.1", 3478), PEER_ALLOWED);
	ck_assert_int_eq(judged(c, 0, "20.202.1.1", 50000), PEER_ALLOWED);
	ck_assert_int_eq(judged(c, 0, "52.127.88.1", 3478), PEER_DENIED);
	ck_assert_int_eq(judged(c, 1, "52.127.88.1", 3478), PEER_ALLOWED);
	ck_assert_int_eq(judged(c, 0, "203.0.113.7", 49152), PEER_HAIRPIN);
	conf_expect_messages(
		REPORT_NOTE,
		"t.conf: realm \"example.org\": users 1, offers SHA-256 and "
		"MD5, USERHASH\n"
		"t.conf: realm \"other\": users 1, offers SHA-256 and MD5, "
		"USERHASH\n"
		"t.conf: realm \"example.org\": peers by preset acs, 1 range "
		"of 2026-11-25, allow 0, deny 0\n"
		"t.conf: realm \"other\": peers by preset public, allow 0, "
		"deny 0\n");
	conf_expect_messages(REPORT_WARNING, "");
	conf_free(c);
}
END_TEST

/* Decisions: "no bandwidth cap, but 4 Mbit/s each way ... in the acs preset",
 * of each realm that has it, unless the file says what it is. */
static void expect_rates(const char *limits, uint64_t all, uint64_t first,
			 uint64_t second)
{
	char text[2048];
	struct conf *c;

	snprintf(text, sizeof(text),
		 TWO_REALMS
		 "%s\npeers = { preset = \"acs\"; %s};\n"
		 "realms = ( { name = \"other\"; preset = \"public\"; } );\n",
		 limits,
		 acs_file("date 2026-11-25\n"
			  "media commercial 20.202.0.0/16\n"));
	c = conf_good(text, NULL);
	remove_file();
	ck_assert_uint_eq(c->turn.limits.rates.allocation, all);
	ck_assert_uint_eq(c->turn.realms[0].allocation_rate, first);
	ck_assert_uint_eq(c->turn.realms[1].allocation_rate, second);
	conf_free(c);
}

START_TEST(preset_acs_limits_bandwidth)
{
	expect_rates("", 0, 500000, 0);
	expect_rates("limits = { allocation_rate = \"8Mbit/s\"; };", 1000000, 0,
		     0);
	expect_rates("limits = { allocation_rate = \"0\"; };", 0, 0, 0);
}
END_TEST

START_TEST(both_clouds)
{
	char text[2048];
	struct conf *c;

	snprintf(text, sizeof(text),
		 REALM "peers = { acs_clouds = \"all\"; %s};\n"
		       "realms = ( { name = \"example.org\"; "
		       "preset = \"acs\"; } );\n",
		 acs_file("date 2026-11-25\n"
			  "media commercial 20.202.0.0/16\n"
			  "media gcc-high 52.127.88.0/21\n"));
	c = conf_good(text, NULL);
	remove_file();
	ck_assert_int_eq(judged(c, 0, "20.202.1.1", 3478), PEER_ALLOWED);
	ck_assert_int_eq(judged(c, 0, "52.127.88.1", 3478), PEER_ALLOWED);
	ck_assert_int_eq(judged(c, 0, "8.8.8.8", 3478), PEER_DENIED);
	conf_free(c);
}
END_TEST

START_TEST(an_old_list_is_warned_of)
{
	struct conf_machine m = conf_machine_one();
	char text[2048], warning[1024];
	struct conf *c;

	m.now_s = 1795564800; /* 2026-11-25 */
	snprintf(text, sizeof(text),
		 REALM "peers = {\npreset = \"acs\";\n%s};\n",
		 acs_file("date 2025-11-24\nmedia commercial 1.2.3.4\n"));
	c = conf_good(text, &m);
	snprintf(
		warning, sizeof(warning),
		"t.conf:4: \"%s\" is of 2025-11-24, more than a year ago; compare "
		"it with Microsoft's documents, as it says, and change its "
		"date\n",
		list_path);
	remove_file();
	conf_expect_messages(REPORT_WARNING, warning);
	conf_free(c);
}
END_TEST

START_TEST(a_list_that_is_not_there_stops_the_start)
{
	const char *missing =
		"\"/nonexistent/acs.list\" cannot be opened: No such file or "
		"directory; the preset \"acs\" takes its ranges from it "
		"(peers.acs_file)\n";
	char errors[512];

	snprintf(errors, sizeof(errors), "t.conf:3: %s", missing);
	conf_expect_errors(REALM "peers = { preset = \"acs\";\n"
				 "acs_file = \"/nonexistent/acs.list\"; };\n",
			   NULL, errors);
	/* Unless nobody wants it. */
	conf_free(conf_good(
		REALM "peers = { acs_file = \"/nonexistent/acs.list\"; };\n",
		NULL));
	conf_expect_errors(
		REALM "peers = { acs_file = \"acs.list\"; };\n", NULL,
		"t.conf:2: peers.acs_file is \"acs.list\"; expected a path "
		"that begins with /\n");
}
END_TEST

START_TEST(a_wrong_list_stops_the_start)
{
	char text[2048], errors[2048];

	snprintf(text, sizeof(text), REALM "peers = { preset = \"acs\"; %s};\n",
		 acs_file("date 2026-11-25\nmedia commercial x\nmedia a b\n"));
	snprintf(
		errors, sizeof(errors),
		"t.conf:2: \"%s\", line 2: media \"x\"; expected a prefix such as "
		"\"20.202.0.0/16\" without bits after its length\n"
		"t.conf:2: \"%s\", line 3: cloud \"a\"; expected commercial or "
		"gcc-high\n",
		list_path, list_path);
	conf_expect_errors(text, NULL, errors);
	remove_file();
}
END_TEST

/* Each list may be as long as there is room, but not both together. */
START_TEST(rules_are_bounded_altogether)
{
	static char text[65536];
	size_t used;

	used = (size_t)snprintf(text, sizeof(text),
				REALM "peers = { deny = [ \"9.9.9.9\"");
	for (int i = 0; i < PEER_POLICY_RULES_MAX - 1; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used,
					 ", \"8.8.%d.%d\"", i / 256, i % 256);
	snprintf(text + used, sizeof(text) - used, " ]; };\n");
	conf_free(conf_good(text, NULL));
	used += (size_t)snprintf(text + used, sizeof(text) - used,
				 " ]; };\nrealms = ( { name = \"example.org\"; "
				 "deny = [ \"7.7.7.7\" ]; } );\n");
	conf_expect_errors(text, NULL,
			   "t.conf:3: peers and realms together have too many "
			   "rules; expected at most 512 that allow and as many "
			   "that deny\n");
}
END_TEST

static Suite *decide_peers_suite(void)
{
	Suite *s = suite_create("decide_peers");
	TCase *t = tcase_create("peers");

	tcase_add_test(t, by_default_what_is_public);
	tcase_add_test(t, rules_with_ports);
	tcase_add_test(t, preset_lan);
	tcase_add_test(t, realms_of_their_own);
	tcase_add_test(t, an_item_inherits);
	tcase_add_test(t, preset_acs);
	tcase_add_test(t, preset_acs_limits_bandwidth);
	tcase_add_test(t, both_clouds);
	tcase_add_test(t, an_old_list_is_warned_of);
	tcase_add_test(t, a_list_that_is_not_there_stops_the_start);
	tcase_add_test(t, a_wrong_list_stops_the_start);
	tcase_add_test(t, rules_are_bounded_altogether);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(decide_peers_suite)
