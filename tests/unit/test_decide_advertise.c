#include "unit.h"

#include <string.h>

#include "conf_fixture.h"

#define BASE "realm = \"r\"; users = ( { name = \"a\"; password = \"b\"; } );\n"
#define AUTO BASE "relay = { advertise = \"auto\"; };\n"

static char folder[] = "/tmp/turnpike-advertise-XXXXXX";
static char path[64];
static struct conf_machine machine;

static void make(void)
{
	memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/advertised", folder);
	machine = conf_machine_one();
	machine.addrs[0] = addr_ipv4(0x0a000004, 0);
	machine.addr_count = 1;
	machine.runtime_dir = folder;
	machine.is_closed = false;
}

static void drop(void)
{
	unlink(path);
	rmdir(folder);
}

static void put(const char *address)
{
	struct advertised a = { .found_s = 1, .source = "azure-metadata" };

	ck_assert(addr_parse(address, &a.address));
	ck_assert_int_eq(advertised_write(path, &a), 0);
}

static void expect_addr(const struct addr *a, const char *text)
{
	char found[ADDR_TEXT_BYTES];

	ck_assert_str_eq(addr_print(a, found), text);
}

static bool was_noted(const char *text)
{
	for (unsigned i = 0; i < conf_report.count[REPORT_NOTE]; i++)
		if (!strcmp(conf_report.messages[REPORT_NOTE][i].text, text))
			return true;
	return false;
}

START_TEST(what_was_found_is_advertised)
{
	char note[256];
	struct conf *c;

	put("20.202.255.255");
	c = conf_good(AUTO, &machine);
	ck_assert(c->advertise.is_auto);
	ck_assert(c->advertise.is_known);
	ck_assert_str_eq(c->advertise.source, "azure-metadata");
	ck_assert_str_eq(c->advertise.path, path);
	expect_addr(&c->turn.relay, "10.0.0.4");
	expect_addr(&c->turn.relay_advertise, "20.202.255.255");
	ck_assert_uint_eq(c->turn.peers.relay_ip_count, 2);
	expect_addr(&c->turn.peers.relay_ips[1], "20.202.255.255");
	conf_expect_messages(REPORT_WARNING, "");
	snprintf(note, sizeof(note),
		 "relay.advertise: 20.202.255.255, found "
		 "by azure-metadata (%s)",
		 path);
	ck_assert(was_noted(note));
	conf_expect_in_force(c, "\tadvertise = \"auto\";");
	conf_free(c);
}
END_TEST

/* The file is right, but the server has to wait for others. */
static void expect_unknown(const char *why)
{
	struct conf *c = conf_good(AUTO, &machine);
	char warning[ADVERTISED_PATH_BYTES + 512];

	ck_assert(c->advertise.is_auto);
	ck_assert(!c->advertise.is_known);
	snprintf(warning, sizeof(warning),
		 "t.conf:2: relay.advertise is \"auto\", and the file %s %s: "
		 "the server will not start until the public address is found; "
		 "run turnpike-address (systemctl start turnpike-address), set "
		 "relay.advertise to the public address (the template of an "
		 "Azure deployment writes it), or name STUN servers in "
		 "relay.stun_servers for turnpike-address to ask\n",
		 c->advertise.path, why);
	conf_expect_messages(REPORT_WARNING, warning);
	conf_free(c);
}

START_TEST(what_was_not_found_is_not_known)
{
	FILE *to;

	expect_unknown("is not there");
	to = fopen(path, "w");
	ck_assert_ptr_nonnull(to);
	fputs("20.202.255.255\n", to);
	fclose(to);
	expect_unknown("is not as turnpike-address writes it");
	put("10.0.0.9");
	expect_unknown("names an address that is not a public one");
}
END_TEST

START_TEST(the_directory_has_a_default)
{
	struct conf *c;

	machine.runtime_dir = NULL;
	machine.is_closed = true;
	c = conf_good(AUTO, &machine);
	ck_assert_str_eq(c->advertise.path, "/run/turnpike/advertised");
	conf_free(c);
	expect_unknown("is not there");
}
END_TEST

START_TEST(a_public_relay_address_needs_no_file)
{
	struct conf *c;

	machine.addrs[0] = addr_ipv4(0x14ca0001, 0);
	c = conf_good(AUTO, &machine);
	ck_assert(c->advertise.is_auto);
	ck_assert(c->advertise.is_known);
	ck_assert_str_eq(c->advertise.source, "relay.address");
	expect_addr(&c->turn.relay_advertise, "20.202.0.1");
	ck_assert_uint_eq(c->turn.peers.relay_ip_count, 1);
	conf_expect_messages(REPORT_WARNING, "");
	conf_free(c);
}
END_TEST

START_TEST(what_is_given_is_of_the_file)
{
	struct conf *c;

	put("20.202.255.255");
	c = conf_good(BASE "relay = { advertise = \"20.0.0.1\"; };", &machine);
	ck_assert(!c->advertise.is_auto);
	ck_assert(c->advertise.is_known);
	ck_assert_str_eq(c->advertise.source, "file");
	expect_addr(&c->turn.relay_advertise, "20.0.0.1");
	conf_free(c);

	c = conf_good(BASE, &machine);
	ck_assert(!c->advertise.is_auto);
	ck_assert(c->advertise.is_known);
	ck_assert_str_eq(c->advertise.source, "relay.address");
	expect_addr(&c->turn.relay_advertise, "10.0.0.4");
	conf_free(c);
}
END_TEST

/* One message is enough: there is no relay address to find anything for. */
START_TEST(without_a_relay_address_nothing_is_said)
{
	machine.addr_count = 0;
	conf_expect_errors(AUTO, &machine,
			   "t.conf: this machine has no IPv4 address; expected "
			   "relay.address, or an interface that is up\n");
	conf_expect_messages(REPORT_WARNING, "");
}
END_TEST

START_TEST(stun_servers_are_addresses)
{
	struct conf *c;

	put("20.202.255.255");
	c = conf_good(BASE "relay = { advertise = \"auto\"; stun_servers = [\n"
			   "\"192.0.2.1:3478\", \"192.0.2.2:65535\" ]; };",
		      &machine);
	ck_assert_uint_eq(c->advertise.stun_server_count, 2);
	expect_addr(&c->advertise.stun_servers[0], "192.0.2.1:3478");
	expect_addr(&c->advertise.stun_servers[1], "192.0.2.2:65535");
	conf_free(c);

	conf_free(conf_good(BASE "relay = { advertise = \"20.0.0.1\";\n"
				 "stun_servers = [ \"192.0.2.1:3478\" ]; };",
			    &machine));
	conf_expect_messages(REPORT_WARNING,
			     "t.conf:3: relay.stun_servers is set, but nobody "
			     "asks them: relay.advertise is not \"auto\"\n");
}
END_TEST

static const char *const wrong_servers[] = {
	"",
	"192.0.2.1",
	"192.0.2.1:",
	"192.0.2.1:0",
	"192.0.2.1:03478",
	"192.0.2.1:65536",
	"192.0.2.1:99999999999999999999",
	"192.0.2.1:+3478",
	"192.0.2.1:3478 ",
	" 192.0.2.1:3478",
	"0.0.0.0:3478",
	"[2001:db8::1]:3478",
	"2001:db8::1:3478",
	"stun.example.com:3478",
	"stun:192.0.2.1:3478",
	"192.0.2.1.192.0.2.1.192.0.2.1.192.0.2.1.192.0.2.1.192.0.2.1:3478",
};

START_TEST(other_stun_servers_are_refused)
{
	char text[512], error[512];

	snprintf(text, sizeof(text),
		 BASE "relay = { advertise = \"auto\";\nstun_servers = [ "
		      "\"%s\" ]; };",
		 wrong_servers[_i]);
	snprintf(error, sizeof(error),
		 "t.conf:3: in relay.stun_servers an element is \"%s\"; "
		 "expected an IPv4 address and port such as "
		 "\"192.0.2.1:3478\" (names are not resolved)\n",
		 wrong_servers[_i]);
	put("20.202.255.255");
	conf_expect_errors(text, &machine, error);
}
END_TEST

static Suite *decide_advertise_suite(void)
{
	Suite *s = suite_create("decide_advertise");
	TCase *t = tcase_create("advertise");

	tcase_add_checked_fixture(t, make, drop);
	tcase_add_test(t, what_was_found_is_advertised);
	tcase_add_test(t, what_was_not_found_is_not_known);
	tcase_add_test(t, the_directory_has_a_default);
	tcase_add_test(t, a_public_relay_address_needs_no_file);
	tcase_add_test(t, what_is_given_is_of_the_file);
	tcase_add_test(t, without_a_relay_address_nothing_is_said);
	tcase_add_test(t, stun_servers_are_addresses);
	tcase_add_loop_test(t, other_stun_servers_are_refused, 0,
			    sizeof(wrong_servers) / sizeof(wrong_servers[0]));
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(decide_advertise_suite)
