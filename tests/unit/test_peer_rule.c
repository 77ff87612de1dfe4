#include "unit.h"

#include <string.h>

#include "turn/peer_rule.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What is read, and how it is written. */
static const struct {
	const char *text;
	const char *first;
	const char *last;
	unsigned port_min;
	unsigned port_max;
	const char *written; /* NULL: as it was */
} good[] = {
	{ "192.0.2.1", "192.0.2.1", "192.0.2.1", 0, 65535, NULL },
	{ "192.0.2.1/32", "192.0.2.1", "192.0.2.1", 0, 65535, "192.0.2.1" },
	{ "192.0.2.0/24", "192.0.2.0", "192.0.2.255", 0, 65535, NULL },
	{ "0.0.0.0/0", "0.0.0.0", "255.255.255.255", 0, 65535, NULL },
	{ "192.0.2.1-192.0.2.1", "192.0.2.1", "192.0.2.1", 0, 65535,
	  "192.0.2.1" },
	{ "192.0.2.1-192.0.3.9", "192.0.2.1", "192.0.3.9", 0, 65535, NULL },
	{ "192.0.2.0-192.0.2.255", "192.0.2.0", "192.0.2.255", 0, 65535,
	  "192.0.2.0/24" },
	{ "192.0.2.0-192.0.2.254", "192.0.2.0", "192.0.2.254", 0, 65535, NULL },
	{ "192.0.2.1-192.0.2.255", "192.0.2.1", "192.0.2.255", 0, 65535, NULL },
	{ "0.0.0.0-255.255.255.255", "0.0.0.0", "255.255.255.255", 0, 65535,
	  "0.0.0.0/0" },
	{ "2001:db8::/32", "2001:db8::",
	  "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", 0, 65535, NULL },
	{ "::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 0, 65535,
	  NULL },
	{ "2001:db8::1-2001:db8::2", "2001:db8::1", "2001:db8::2", 0, 65535,
	  NULL },
	{ "192.0.2.1 port 443", "192.0.2.1", "192.0.2.1", 443, 443, NULL },
	{ "192.0.2.1 port 1", "192.0.2.1", "192.0.2.1", 1, 1, NULL },
	{ "192.0.2.1 port 65535", "192.0.2.1", "192.0.2.1", 65535, 65535,
	  NULL },
	{ "20.202.0.0/16 ports 3478-3481", "20.202.0.0", "20.202.255.255", 3478,
	  3481, NULL },
	{ "192.0.2.1 ports 5-5", "192.0.2.1", "192.0.2.1", 5, 5,
	  "192.0.2.1 port 5" },
	{ "192.0.2.1 ports 1-65535", "192.0.2.1", "192.0.2.1", 1, 65535,
	  "192.0.2.1" },
	{ "192.0.2.1-192.0.2.9 ports 2-65535", "192.0.2.1", "192.0.2.9", 2,
	  65535, NULL },
};

static struct addr text_addr(const char *text)
{
	struct addr a;

	ck_assert_msg(addr_parse(text, &a), "\"%s\" is no address", text);
	return a;
}

START_TEST(good_texts_are_read_and_written)
{
	struct addr first = text_addr(good[_i].first);
	struct addr last = text_addr(good[_i].last);
	char text[PEER_RULE_TEXT_BYTES];
	struct peer_rule rule, again;

	ck_assert_msg(peer_rule_parse(good[_i].text, &rule), "%s",
		      good[_i].text);
	ck_assert(addr_equal(&rule.first, &first));
	ck_assert(addr_equal(&rule.last, &last));
	ck_assert_uint_eq(rule.port_min, good[_i].port_min);
	ck_assert_uint_eq(rule.port_max, good[_i].port_max);
	ck_assert_uint_eq(rule.realms, PEER_RULE_ALL_REALMS);
	ck_assert_str_eq(peer_rule_print(&rule, text),
			 good[_i].written ? good[_i].written : good[_i].text);
	ck_assert(peer_rule_parse(text, &again));
	ck_assert(addr_equal(&rule.first, &again.first));
	ck_assert(addr_equal(&rule.last, &again.last));
	ck_assert_uint_eq(again.port_max, rule.port_max);
}
END_TEST

#define A_37_TIMES "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const char *const bad[] = {
	"",
	" ",
	"192.0.2",
	"192.0.2.256",
	"192.0.2.1 ",
	" 192.0.2.1",
	"192.0.2.1/33",
	"192.0.2.1/24",
	"192.0.2.1/-1",
	"192.0.2.0/24-192.0.3.0/24",
	"192.0.2.9-192.0.2.1",
	"192.0.2.1-",
	"-192.0.2.1",
	"192.0.2.1-192.0.2.2-192.0.2.3",
	"192.0.2.1 - 192.0.2.2",
	"192.0.2.1-2001:db8::1",
	"2001:db8::2-2001:db8::1",
	"192.0.2.1:443",
	"192.0.2.1 443",
	"192.0.2.1 port",
	"192.0.2.1 port ",
	"192.0.2.1 port 0",
	"192.0.2.1 port 080",
	"192.0.2.1 port 65536",
	"192.0.2.1 port 4294967297",
	"192.0.2.1 port -1",
	"192.0.2.1 port 1-2",
	"192.0.2.1 port 443 ",
	"192.0.2.1  port 443",
	"192.0.2.1 Port 443",
	"192.0.2.1 ports 443",
	"192.0.2.1 ports 0-5",
	"192.0.2.1 ports 5-4",
	"192.0.2.1 ports 5-",
	"192.0.2.1 ports 5-6-7",
	"192.0.2.1 ports 5-65536",
	"192.0.2.1 port 443 port 444",
	"host.example",
	A_37_TIMES A_37_TIMES A_37_TIMES A_37_TIMES,
};

START_TEST(bad_texts_are_refused)
{
	struct peer_rule rule = { .port_min = 7 };

	ck_assert_msg(!peer_rule_parse(bad[_i], &rule), "%s", bad[_i]);
	ck_assert_uint_eq(rule.port_min, 7);
	ck_assert_uint_eq(rule.realms, 0);
}
END_TEST

/* The longest there can be fits. */
START_TEST(the_longest_text_fits)
{
	const char *longest = "1111:2222:3333:4444:5555:6666:7777:8888-"
			      "1111:2222:3333:4444:5555:6666:7777:9999 "
			      "ports 11111-22222";
	char text[PEER_RULE_TEXT_BYTES];
	struct peer_rule rule;

	ck_assert(peer_rule_parse(longest, &rule));
	ck_assert_str_eq(peer_rule_print(&rule, text), longest);
}
END_TEST

START_TEST(a_range_has_its_ends_and_what_lies_between)
{
	static const struct {
		const char *rule;
		const char *ip;
		bool has;
	} table[] = {
		{ "192.0.2.9-192.0.3.4", "192.0.2.8", false },
		{ "192.0.2.9-192.0.3.4", "192.0.2.9", true },
		{ "192.0.2.9-192.0.3.4", "192.0.2.255", true },
		{ "192.0.2.9-192.0.3.4", "192.0.3.0", true },
		{ "192.0.2.9-192.0.3.4", "192.0.3.4", true },
		{ "192.0.2.9-192.0.3.4", "192.0.3.5", false },
		{ "0.0.0.0/0", "255.255.255.255", true },
		{ "0.0.0.0/0", "::", false },
		{ "::/0", "0.0.0.0", false },
		{ "::/0", "::ffff:1.2.3.4", true },
		{ "2001:db8::9-2001:db9::4", "2001:db8::8", false },
		{ "2001:db8::9-2001:db9::4", "2001:db8::9", true },
		{ "2001:db8::9-2001:db9::4", "2001:db9::4", true },
		{ "2001:db8::9-2001:db9::4", "2001:db9::5", false },
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		struct addr ip = text_addr(table[i].ip);
		struct peer_rule rule;

		ip.port = 99; /* does not matter */
		ck_assert(peer_rule_parse(table[i].rule, &rule));
		ck_assert_msg(peer_rule_has_ip(&rule, &ip) == table[i].has,
			      "%s: %s", table[i].rule, table[i].ip);
	}
}
END_TEST

START_TEST(all_ports_are_any_port)
{
	struct peer_rule rule;

	ck_assert(peer_rule_parse("192.0.2.1", &rule));
	ck_assert(peer_rule_is_any_port(&rule));
	ck_assert(peer_rule_parse("192.0.2.1 ports 1-65535", &rule));
	ck_assert(peer_rule_is_any_port(&rule));
	ck_assert(peer_rule_parse("192.0.2.1 ports 2-65535", &rule));
	ck_assert(!peer_rule_is_any_port(&rule));
	ck_assert(peer_rule_parse("192.0.2.1 ports 1-65534", &rule));
	ck_assert(!peer_rule_is_any_port(&rule));
}
END_TEST

static Suite *peer_rule_suite(void)
{
	Suite *s = suite_create("peer_rule");
	TCase *t = tcase_create("peer_rule");

	tcase_add_loop_test(t, good_texts_are_read_and_written, 0,
			    (int)COUNT(good));
	tcase_add_loop_test(t, bad_texts_are_refused, 0, (int)COUNT(bad));
	tcase_add_test(t, the_longest_text_fits);
	tcase_add_test(t, a_range_has_its_ends_and_what_lies_between);
	tcase_add_test(t, all_ports_are_any_port);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(peer_rule_suite)
