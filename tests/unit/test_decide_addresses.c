#include "unit.h"

#include "conf_fixture.h"

#define REALM "realm = \"r\";\n"
#define USERS "users = ( { name = \"a\"; password = \"b\"; } );\n"

static struct conf_machine machine_with(const char *const *ips)
{
	struct conf_machine m = conf_machine_one();

	m.addr_count = 0;
	for (; *ips; ips++)
		ck_assert(addr_parse(*ips, &m.addrs[m.addr_count++]));
	return m;
}

static void expect_addr(const struct addr *a, const char *text)
{
	char found[ADDR_TEXT_BYTES];

	ck_assert_str_eq(addr_print(a, found), text);
}

START_TEST(the_default_listener_is_everywhere)
{
	struct conf *c = conf_good(REALM USERS, NULL);

	ck_assert_uint_eq(c->listener_count, 1);
	expect_addr(&c->listeners[0].address, "0.0.0.0:3478");
	ck_assert_uint_eq(c->listeners[0].realm, 0);
	expect_addr(&c->turn.relay, "203.0.113.7");
	expect_addr(&c->turn.relay_advertise, "203.0.113.7");
	ck_assert(!c->relay_is_makeshift);
	conf_expect_in_force(c, "\taddress = \"203.0.113.7\"; # default: the "
				"listeners' single address");
	conf_free(c);
}
END_TEST

START_TEST(listeners_have_realms)
{
	struct conf *c = conf_good(
		REALM USERS
		"listen = ( { address = \"203.0.113.7\"; realm = \"s\"; },\n"
		"{ address = \"127.0.0.1\"; realm = \"r\"; },\n"
		"{ address = \"127.0.0.1\"; port = 5000; } );\n",
		NULL);

	ck_assert_uint_eq(c->listener_count, 3);
	ck_assert_uint_eq(c->turn.realm_count, 2);
	ck_assert_str_eq(c->turn.realms[1].name, "s");
	ck_assert_uint_eq(c->listeners[0].realm, 1);
	ck_assert_uint_eq(c->listeners[1].realm, 0);
	ck_assert_uint_eq(c->listeners[2].realm, 0);
	expect_addr(&c->listeners[2].address, "127.0.0.1:5000");
	conf_expect_in_force(c, "\t\trealm = \"r\"; # default: realm");
	conf_free(c);
}
END_TEST

/* Which relay address follows from which listeners and machine. */
static const struct {
	const char *listen; /* addresses, "" for the default */
	const char *machine[8];
	const char *relay; /* NULL: an error */
	bool makeshift;
} defaults[] = {
	{ "", { "127.0.0.1", "203.0.113.7" }, "203.0.113.7", false },
	{ "", { "203.0.113.7", "::1", "2001:db8::1" }, "203.0.113.7", false },
	/* One address on two interfaces is one address. */
	{ "", { "203.0.113.7", "203.0.113.7" }, "203.0.113.7", false },
	{ "", { "127.0.0.1" }, "127.0.0.1", true },
	{ "", { "10.0.0.4", "172.17.0.1", "127.0.0.1" }, NULL, false },
	{ "", { "2001:db8::1" }, NULL, false },
	{ "", { "127.0.0.1", "127.0.0.2" }, NULL, true },
	{ "{ address = \"10.0.0.4\"; }",
	  { "10.0.0.4", "172.17.0.1" },
	  "10.0.0.4",
	  false },
	/* One that is not there yet. */
	{ "{ address = \"10.0.0.4\"; }", { "127.0.0.1" }, "10.0.0.4", false },
	{ "{ address = \"127.0.0.1\"; }",
	  { "10.0.0.4", "127.0.0.1" },
	  "127.0.0.1",
	  false },
	{ "{ address = \"127.0.0.1\"; }, { address = \"10.0.0.4\"; }",
	  { "10.0.0.4", "172.17.0.1", "127.0.0.1" },
	  "10.0.0.4",
	  false },
	{ "{ address = \"10.0.0.5\"; }, { address = \"10.0.0.4\"; }",
	  { "10.0.0.4", "10.0.0.5" },
	  NULL,
	  false },
	{ "{ address = \"10.0.0.5\"; }, { address = \"10.0.0.5\"; port = 1; }",
	  { "10.0.0.4", "10.0.0.5" },
	  "10.0.0.5",
	  false },
};

START_TEST(the_relay_address_follows_from_the_listeners)
{
	struct conf_machine m = machine_with(defaults[_i].machine);
	char text[512];
	struct conf *c;

	snprintf(text, sizeof(text), REALM USERS "%s%s%s",
		 *defaults[_i].listen ? "listen = ( " : "", defaults[_i].listen,
		 *defaults[_i].listen ? " );" : "");
	c = conf_of(text, &m);
	if (!defaults[_i].relay) {
		ck_assert_ptr_null(c);
		return;
	}
	conf_expect_messages(REPORT_ERROR, "");
	ck_assert_ptr_nonnull(c);
	expect_addr(&c->turn.relay, defaults[_i].relay);
	ck_assert(c->relay_is_makeshift == defaults[_i].makeshift);
	conf_free(c);
}
END_TEST

START_TEST(a_choice_of_addresses_is_listed)
{
	static const char *const two[] = { "127.0.0.1", "10.0.0.4",
					   "172.17.0.1", NULL };
	static const char *const none[] = { "2001:db8::1", NULL };
	struct conf_machine m = machine_with(two);

	conf_expect_errors(
		REALM USERS, &m,
		"t.conf: no relay.address, and the listeners have several: "
		"10.0.0.4, 172.17.0.1; expected relay = { address = "
		"\"10.0.0.4\"; } or another of them\n");
	m = machine_with(none);
	conf_expect_errors(REALM USERS, &m,
			   "t.conf: this machine has no IPv4 address; expected "
			   "relay.address, or an interface that is up\n");
}
END_TEST

START_TEST(many_addresses_are_listed_in_part)
{
	struct conf_machine m = conf_machine_one();

	for (m.addr_count = 0; m.addr_count < 250; m.addr_count++)
		m.addrs[m.addr_count] =
			addr_ipv4(0xcb007101 + (uint32_t)m.addr_count, 0);
	ck_assert_ptr_null(conf_of(REALM USERS, &m));
	ck_assert_uint_eq(conf_report.count[REPORT_ERROR], 1);
}
END_TEST

#define PRIVATE_WARNING                                                       \
	"t.conf: the relay address 10.0.0.4 is not a public one and "         \
	"relay.advertise is not set: clients elsewhere cannot be reached "    \
	"there; set relay.advertise to the public address that leads to it, " \
	"or to 10.0.0.4 if nobody is elsewhere\n"

START_TEST(a_private_relay_address_is_warned_of)
{
	static const char *const private[] = { "127.0.0.1", "10.0.0.4", NULL };
	static const char *const lo[] = { "127.0.0.1", NULL };
	struct conf_machine m = machine_with(private);

	conf_free(conf_good(REALM USERS, &m));
	conf_expect_messages(REPORT_WARNING, PRIVATE_WARNING);
	conf_free(conf_good(
		REALM USERS "relay = { address = \"10.0.0.4\"; };\n", &m));
	conf_expect_messages(REPORT_WARNING, PRIVATE_WARNING);

	/* Whoever says an address means it. */
	conf_free(conf_good(
		REALM USERS "relay = { advertise = \"10.0.0.4\"; };\n", &m));
	conf_expect_messages(REPORT_WARNING, "");
	conf_free(conf_good(REALM USERS
			    "relay = { advertise = \"20.202.255.255\"; };\n",
			    &m));
	conf_expect_messages(REPORT_WARNING, "");

	/* Loopback is for tests; everywhere, it is an accident. */
	conf_free(conf_good(REALM USERS
			    "listen = ( { address = \"127.0.0.1\"; } );\n",
			    &m));
	conf_expect_messages(REPORT_WARNING, "");
	m = machine_with(lo);
	conf_free(conf_good(REALM USERS, &m));
	conf_expect_messages(
		REPORT_WARNING,
		"t.conf: this machine has no address but loopback: only "
		"clients on it can be served; bring the network up and "
		"restart\n");
}
END_TEST

START_TEST(an_address_of_elsewhere_is_warned_of)
{
	conf_free(conf_good(REALM USERS
			    "relay = { address = \"198.51.100.1\";\n"
			    "advertise = \"198.51.100.1\"; };\n",
			    NULL));
	conf_expect_messages(
		REPORT_WARNING,
		"t.conf:3: relay.address 198.51.100.1 is no address of this "
		"machine now; the server will not start without it\n");
	conf_free(conf_good(
		REALM USERS "relay = { address = \"127.0.0.9\"; };\n", NULL));
	conf_expect_messages(REPORT_WARNING, "");
}
END_TEST

START_TEST(the_policy_knows_the_relay)
{
	struct conf *c = conf_good(REALM USERS
				   "relay = { advertise = \"20.202.255.255\"; "
				   "ports = [ 50000, 50999 ]; };\n",
				   NULL);
	const struct peer_policy *p = &c->turn.peers;

	ck_assert_uint_eq(p->relay_ip_count, 2);
	expect_addr(&p->relay_ips[0], "203.0.113.7");
	expect_addr(&p->relay_ips[1], "20.202.255.255");
	ck_assert_uint_eq(p->relay_port_min, 50000);
	ck_assert_uint_eq(p->relay_port_max, 50999);
	conf_free(c);

	c = conf_good(REALM USERS "relay = { advertise = \"203.0.113.7\"; };\n",
		      NULL);
	ck_assert_uint_eq(c->turn.peers.relay_ip_count, 1);
	conf_free(c);
}
END_TEST

#define LISTEN(inner) REALM USERS "listen = (\n" inner " );\n"

static const struct {
	const char *text;
	const char *errors;
} broken[] = {
	{ REALM USERS "listen = ( );\n",
	  "t.conf:3: listen is empty; expected a listener, such as { address "
	  "= \"0.0.0.0\"; port = 3478; }\n" },
	{ LISTEN("{ },\n{ port = 3478; }"),
	  "t.conf:5: a listener at 0.0.0.0:3478 beside the one at 0.0.0.0:3478 "
	  "(line 4); expected one listener for each address and port\n" },
	{ LISTEN("{ },\n{ address = \"127.0.0.1\"; }"),
	  "t.conf:5: a listener at 127.0.0.1:3478 beside the one at "
	  "0.0.0.0:3478 (line 4); expected one listener for each address and "
	  "port\n" },
	{ LISTEN("{ address = \"127.0.0.1\"; },\n{ }"),
	  "t.conf:5: a listener at 0.0.0.0:3478 beside the one at "
	  "127.0.0.1:3478 (line 4); expected one listener for each address "
	  "and port\n" },
	/* Of what is not known to be an address nothing follows. */
	{ LISTEN("{ address = \"::\"; },\n{ }"),
	  "t.conf:4: listen.address is \"::\"; expected an IPv4 address such "
	  "as \"192.0.2.1\" (IPv6 is not served yet)\n" },
	{ LISTEN("{ port = 0; },\n{ }"),
	  "t.conf:4: listen.port is 0; expected a whole number from 1 to "
	  "65535\n" },
	{ LISTEN("{ address = \"224.0.0.1\"; }"),
	  "t.conf:4: listen.address is 224.0.0.1; expected an address that a "
	  "machine can have\n" },
	{ LISTEN("{ port = 50000; }"),
	  "t.conf:4: a listener at port 50000 of the relay address; expected "
	  "one outside relay.ports, [ 49152, 65535 ]\n" },
	{ LISTEN("{ port = 65535; address = \"203.0.113.7\"; }"),
	  "t.conf:4: a listener at port 65535 of the relay address; expected "
	  "one outside relay.ports, [ 49152, 65535 ]\n" },
	{ REALM USERS "relay = { address = \"0.0.0.0\"; };\n",
	  "t.conf:3: relay.address is 0.0.0.0; expected an address that a "
	  "machine can have\n" },
	{ REALM USERS "relay = {\n address = \"255.255.255.255\"; };\n",
	  "t.conf:4: relay.address is 255.255.255.255; expected an address "
	  "that a machine can have\n" },
	{ REALM USERS "relay = { advertise = \"0.1.2.3\"; };\n",
	  "t.conf:3: relay.advertise is 0.1.2.3; expected an address that a "
	  "machine can have\n" },
	{ REALM USERS "relay = { address = \"x\"; };\n",
	  "t.conf:3: relay.address is \"x\"; expected an IPv4 address such as "
	  "\"192.0.2.1\" (IPv6 is not served yet)\n" },
};

START_TEST(what_does_not_fit_is_refused)
{
	conf_expect_errors(broken[_i].text, NULL, broken[_i].errors);
}
END_TEST

START_TEST(what_is_elsewhere_fits)
{
	/* A port of the relay range, but at another address. */
	conf_free(conf_good(
		LISTEN("{ address = \"127.0.0.1\"; port = 50000; },\n"
		       "{ address = \"203.0.113.7\"; },\n"
		       "{ address = \"203.0.113.7\"; port = 49151; },\n"
		       "{ address = \"0.0.0.0\"; port = 3479; }"),
		NULL));
}
END_TEST

START_TEST(listeners_are_bounded)
{
	struct conf_machine m = conf_machine_one();
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	ck_assert_ptr_nonnull(to);
	fputs(REALM USERS "relay = { address = \"203.0.113.7\"; };\n"
			  "listen = ( { port = 1; }",
	      to);
	for (int i = 2; i <= CONF_LISTENERS_MAX; i++)
		fprintf(to, ", { port = %d; }", i);
	fputs(" );\n", to);
	fflush(to);
	/* 64 at each of two addresses; at ten there are too many. */
	conf_free(conf_good(text, &m));
	for (; m.addr_count < 11; m.addr_count++)
		m.addrs[m.addr_count] =
			addr_ipv4(0xcb007101 + (uint32_t)m.addr_count, 0);
	conf_expect_errors(text, &m,
			   "t.conf:4: the listeners have 640 addresses and "
			   "ports; expected at most 256\n");
	fseek(to, -4, SEEK_CUR);
	fputs(", { port = 65; } );\n", to);
	fclose(to);
	conf_expect_errors(text, NULL,
			   "t.conf:4: listen has 65 listeners; expected at "
			   "most 64\n");
	free(text);
}
END_TEST

static Suite *decide_addresses_suite(void)
{
	Suite *s = suite_create("decide_addresses");
	TCase *t = tcase_create("addresses");

	tcase_add_test(t, the_default_listener_is_everywhere);
	tcase_add_test(t, listeners_have_realms);
	tcase_add_loop_test(t, the_relay_address_follows_from_the_listeners, 0,
			    sizeof(defaults) / sizeof(defaults[0]));
	tcase_add_test(t, a_choice_of_addresses_is_listed);
	tcase_add_test(t, many_addresses_are_listed_in_part);
	tcase_add_test(t, a_private_relay_address_is_warned_of);
	tcase_add_test(t, an_address_of_elsewhere_is_warned_of);
	tcase_add_test(t, the_policy_knows_the_relay);
	tcase_add_loop_test(t, what_does_not_fit_is_refused, 0,
			    sizeof(broken) / sizeof(broken[0]));
	tcase_add_test(t, what_is_elsewhere_fits);
	tcase_add_test(t, listeners_are_bounded);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(decide_addresses_suite)
