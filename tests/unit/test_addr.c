#include "unit.h"

#include <string.h>

#include "base/addr.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static struct addr parsed(const char *text)
{
	struct addr a;

	ck_assert_msg(addr_parse(text, &a), "does not parse: %s", text);
	return a;
}

START_TEST(ipv4_is_built_and_read)
{
	struct addr a = addr_ipv4(0xc0000201, 3478);

	ck_assert_uint_eq(a.family, ADDR_IPV4);
	ck_assert_uint_eq(a.port, 3478);
	ck_assert_mem_eq(a.ip, "\xc0\x00\x02\x01\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	ck_assert_uint_eq(addr_ipv4_value(&a), 0xc0000201);
	ck_assert_uint_eq(addr_ip_bytes(&a), 4);
}
END_TEST

START_TEST(ipv6_is_built)
{
	uint8_t ip[16];
	struct addr a;
	struct addr none = { .family = ADDR_NONE };

	for (uint8_t i = 0; i < 16; i++)
		ip[i] = i;
	a = addr_ipv6(ip, 1);
	ck_assert_uint_eq(a.family, ADDR_IPV6);
	ck_assert_uint_eq(a.port, 1);
	ck_assert_mem_eq(a.ip, ip, 16);
	ck_assert_uint_eq(addr_ip_bytes(&a), 16);
	ck_assert_uint_eq(addr_ip_bytes(&none), 0);
}
END_TEST

static void read_value(void *a)
{
	addr_ipv4_value(a);
}

START_TEST(ipv6_has_no_ipv4_value)
{
	struct addr a = parsed("::ffff:192.0.2.1");

	ck_assert(unit_aborts(read_value, &a));
}
END_TEST

START_TEST(equality)
{
	struct addr a = addr_ipv4(0xc0000201, 1000);
	struct addr other_port = addr_with_port(&a, 1001);
	struct addr other_ip = addr_ipv4(0xc0000202, 1000);
	struct addr v6 = parsed("c000:201::"); /* the same 16 bytes */

	v6.port = 1000;
	ck_assert(addr_equal(&a, &a));
	ck_assert(!addr_equal(&a, &other_port));
	ck_assert(addr_same_ip(&a, &other_port));
	ck_assert_uint_eq(other_port.port, 1001);
	ck_assert(!addr_equal(&a, &other_ip));
	ck_assert(!addr_same_ip(&a, &other_ip));
	ck_assert_mem_eq(a.ip, v6.ip, 16);
	ck_assert(!addr_equal(&a, &v6));
	ck_assert(!addr_same_ip(&a, &v6));
}
END_TEST

START_TEST(unspecified)
{
	struct addr none = { .family = ADDR_NONE };
	struct addr a = addr_ipv4(0, 3478);

	ck_assert(addr_is_unspecified(&a));
	a = parsed("::");
	ck_assert(addr_is_unspecified(&a));
	a = parsed("0.0.0.1");
	ck_assert(!addr_is_unspecified(&a));
	a = parsed("::1");
	ck_assert(!addr_is_unspecified(&a));
	ck_assert(!addr_is_unspecified(&none));
}
END_TEST

/* What is read, and how it is written again. */
static const struct {
	const char *in;
	const char *out;
} texts[] = {
	{ "0.0.0.0", "0.0.0.0" },
	{ "192.0.2.1", "192.0.2.1" },
	{ "255.255.255.255", "255.255.255.255" },
	{ "::", "::" },
	{ "::1", "::1" },
	{ "2001:db8::1", "2001:db8::1" },
	{ "2001:DB8:0:0:0:0:0:1", "2001:db8::1" },
	{ "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1" },
	{ "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1" },
	{ "2001:db8::0:1", "2001:db8::1" },
	{ "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8" },
	{ "::ffff:192.0.2.1", "::ffff:192.0.2.1" },
	{ "::ffff:c000:201", "::ffff:192.0.2.1" },
	{ "64:ff9b::192.0.2.1", "64:ff9b::c000:201" },
	{ "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
	  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
};

START_TEST(parse_and_print)
{
	struct addr a = parsed(texts[_i].in);
	char text[ADDR_TEXT_BYTES];
	char with_port[ADDR_TEXT_BYTES];
	const char *form = a.family == ADDR_IPV6 ? "[%s]:%u" : "%s:%u";

	ck_assert_uint_eq(a.port, 0);
	ck_assert_ptr_eq(addr_print(&a, text), text);
	ck_assert_str_eq(text, texts[_i].out);

	a.port = 65535;
	snprintf(with_port, sizeof(with_port), form, texts[_i].out, a.port);
	ck_assert_str_eq(addr_print(&a, text), with_port);
}
END_TEST

START_TEST(nothing_prints_as_none)
{
	struct addr none = { .family = ADDR_NONE };
	char text[ADDR_TEXT_BYTES];

	ck_assert_str_eq(addr_print(&none, text), "none");
}
END_TEST

static const char *const no_addresses[] = {
	"",
	" ",
	"192.0.2",
	"192.0.2.1.1",
	"192.0.2.256",
	"192.0.2.01",
	"192.0.2.001",
	"00.0.0.0",
	"192.0.2.1 ",
	" 192.0.2.1",
	"192.0.2.1:3478",
	"192.0.2.1/32",
	"192.0.2.-1",
	"192.0.2.0x1",
	"3221225985",
	"0xc0000201",
	"localhost",
	"[::1]",
	"::1%lo",
	"fe80::1%1",
	":",
	":::",
	"1::2::3",
	"1:2:3:4:5:6:7",
	"1:2:3:4:5:6:7:8:9",
	"12345::",
	"::g",
	"::1.2.3",
	"::1.2.3.256",
	"1.2.3.4::",
};

START_TEST(what_is_no_address)
{
	struct addr a = addr_ipv4(1, 2);
	struct addr before = a;

	ck_assert_msg(!addr_parse(no_addresses[_i], &a), "parses: '%s'",
		      no_addresses[_i]);
	ck_assert(addr_equal(&a, &before));
}
END_TEST

/* NULL: embeds no IPv4 address. */
static const struct {
	const char *ipv6;
	const char *ipv4;
} embedded[] = {
	/* v4-mapped */
	{ "::ffff:192.0.2.1", "192.0.2.1" },
	{ "::ffff:0.0.0.0", "0.0.0.0" },
	{ "::ffff:127.0.0.1", "127.0.0.1" },
	{ "::fffe:192.0.2.1", NULL },
	{ "::1:ffff:192.0.2.1", NULL },
	{ "1::ffff:192.0.2.1", NULL },
	/* v4-compatible, but neither :: nor ::1 */
	{ "::192.0.2.1", "192.0.2.1" },
	{ "::127.0.0.1", "127.0.0.1" },
	{ "::2", "0.0.0.2" },
	{ "::", NULL },
	{ "::1", NULL },
	{ "::1:c000:201", NULL },
	/* 6to4 */
	{ "2002:c000:201::", "192.0.2.1" },
	{ "2002:7f00:1:ffff::1", "127.0.0.1" },
	{ "2003:c000:201::", NULL },
	{ "2001:c000:201::", NULL },
	/* Teredo: all bits of the client's address are inverted */
	{ "2001:0:4136:e378:8000:63bf:3fff:fdd2", "192.0.2.45" },
	{ "2001::80ff:fffe", "127.0.0.1" },
	{ "2001:1::80ff:fffe", NULL },
	{ "2001:db8::80ff:fffe", NULL },
	/* NAT64, the well-known prefix */
	{ "64:ff9b::192.0.2.1", "192.0.2.1" },
	{ "64:ff9b::a9fe:a9fe", "169.254.169.254" },
	{ "64:ff9b::1:192.0.2.1", NULL },
	{ "64:ff9b:0:1::192.0.2.1", NULL },
	{ "64:ff9c::192.0.2.1", NULL },
	/* NAT64 of local use: 16 bits before and 16 after byte 8 */
	{ "64:ff9b:1:c000:2:100::", "192.0.2.1" },
	{ "64:ff9b:1:7f00:0:100::", "127.0.0.1" },
	{ "64:ff9b:1:a9fe:00a9:fe00::", "169.254.169.254" },
	{ "64:ff9b:1:c000:ff02:100::", "192.0.2.1" },
	{ "64:ff9b:2:c000:2:100::", NULL },
	/* ISATAP, both values of the u bit */
	{ "fe80::5efe:192.0.2.1", "192.0.2.1" },
	{ "2001:db8::200:5efe:10.0.0.1", "10.0.0.1" },
	{ "2001:db8::100:5efe:10.0.0.1", NULL },
	{ "2001:db8::300:5efe:10.0.0.1", NULL },
	{ "2001:db8::5eff:10.0.0.1", NULL },
	/* ordinary ones */
	{ "2001:db8::1", NULL },
	{ "fe80::1", NULL },
	{ "fd00::192.0.2.1", NULL },
	{ "ff02::1", NULL },
};

START_TEST(embedded_ipv4)
{
	struct addr a = parsed(embedded[_i].ipv6);
	struct addr out = { .family = ADDR_NONE };
	char text[ADDR_TEXT_BYTES];

	if (!embedded[_i].ipv4) {
		ck_assert_msg(!addr_embedded_ipv4(&a, &out), "%s leads to %s",
			      embedded[_i].ipv6, addr_print(&out, text));
		ck_assert_uint_eq(out.family, ADDR_NONE);
		return;
	}
	a.port = 5000;
	ck_assert_msg(addr_embedded_ipv4(&a, &out), "%s leads nowhere",
		      embedded[_i].ipv6);
	ck_assert_uint_eq(out.port, 5000);
	out.port = 0;
	ck_assert_str_eq(addr_print(&out, text), embedded[_i].ipv4);
}
END_TEST

START_TEST(ipv4_embeds_nothing)
{
	struct addr a = parsed("192.0.2.1");
	struct addr none = { .family = ADDR_NONE };
	struct addr out;

	ck_assert(!addr_embedded_ipv4(&a, &out));
	ck_assert(!addr_embedded_ipv4(&none, &out));
}
END_TEST

static const struct {
	const char *prefix;
	const char *addr;
	bool inside;
} ranges[] = {
	{ "192.0.2.0/24", "192.0.2.0", true },
	{ "192.0.2.0/24", "192.0.2.255", true },
	{ "192.0.2.0/24", "192.0.3.0", false },
	{ "192.0.2.0/24", "192.0.1.255", false },
	{ "100.64.0.0/10", "100.64.0.0", true },
	{ "100.64.0.0/10", "100.127.255.255", true },
	{ "100.64.0.0/10", "100.128.0.0", false },
	{ "100.64.0.0/10", "100.63.255.255", false },
	{ "192.0.2.7", "192.0.2.7", true },
	{ "192.0.2.7", "192.0.2.6", false },
	{ "192.0.2.6/31", "192.0.2.7", true },
	{ "192.0.2.6/31", "192.0.2.8", false },
	{ "0.0.0.0/0", "255.255.255.255", true },
	{ "0.0.0.0/0", "::ffff:192.0.2.1", false },
	{ "128.0.0.0/1", "128.0.0.0", true },
	{ "128.0.0.0/1", "127.255.255.255", false },
	{ "::/0", "ffff::", true },
	{ "::/0", "0.0.0.0", false },
	{ "2001:db8::/32", "2001:db8:ffff::1", true },
	{ "2001:db8::/32", "2001:db9::", false },
	{ "fc00::/7", "fdff:ffff::", true },
	{ "fc00::/7", "fe00::", false },
	{ "2001:db8::1", "2001:db8::1", true },
	{ "2001:db8::1", "2001:db8::2", false },
	{ "2001:db8::1/128", "2001:db8::1", true },
	{ "2001:db8::2/127", "2001:db8::3", true },
	{ "2001:db8::2/127", "2001:db8::1", false },
};

START_TEST(prefix_holds)
{
	struct addr a = parsed(ranges[_i].addr);
	struct prefix p;

	ck_assert_msg(prefix_parse(ranges[_i].prefix, &p), "no prefix: %s",
		      ranges[_i].prefix);
	ck_assert_uint_eq(p.base.port, 0);
	a.port = 4711; /* does not matter */
	ck_assert_msg(prefix_contains(&p, &a) == ranges[_i].inside,
		      "%s in %s should be %d", ranges[_i].addr,
		      ranges[_i].prefix, ranges[_i].inside);
}
END_TEST

static const char *const no_prefixes[] = {
	"",
	"/",
	"/8",
	"192.0.2.0/",
	"192.0.2.0/33",
	"192.0.2.0/024",
	"192.0.2.0/00",
	"192.0.2.0/-1",
	"192.0.2.0/+24",
	"192.0.2.0/ 24",
	"192.0.2.0/24 ",
	"192.0.2.0/24/24",
	"192.0.2.0/4294967320",
	"192.0.2.0/99999999999999999999",
	"192.0.2.0/255.255.255.0",
	"192.0.2.1/24",
	"192.0.2.1/0",
	"192.0.2.1/31",
	"192.0.2/24",
	"2001:db8::/129",
	"2001:db8::1/64",
	"2001:db8:8000::/32",
	"[2001:db8::]/32",
	"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255.",
	"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255:ffff/128",
	"example.com/24",
};

START_TEST(what_is_no_prefix)
{
	struct prefix p = { .bits = 99 };

	ck_assert_msg(!prefix_parse(no_prefixes[_i], &p), "parses: '%s'",
		      no_prefixes[_i]);
	ck_assert_uint_eq(p.bits, 99);
}
END_TEST

static Suite *addr_suite(void)
{
	Suite *s = suite_create("addr");
	TCase *value = tcase_create("value");
	TCase *text = tcase_create("text");
	TCase *inside = tcase_create("embedded");
	TCase *prefix = tcase_create("prefix");

	tcase_add_test(value, ipv4_is_built_and_read);
	tcase_add_test(value, ipv6_is_built);
	tcase_add_test(value, ipv6_has_no_ipv4_value);
	tcase_add_test(value, equality);
	tcase_add_test(value, unspecified);
	suite_add_tcase(s, value);

	tcase_add_loop_test(text, parse_and_print, 0, COUNT(texts));
	tcase_add_test(text, nothing_prints_as_none);
	tcase_add_loop_test(text, what_is_no_address, 0, COUNT(no_addresses));
	suite_add_tcase(s, text);

	tcase_add_loop_test(inside, embedded_ipv4, 0, COUNT(embedded));
	tcase_add_test(inside, ipv4_embeds_nothing);
	suite_add_tcase(s, inside);

	tcase_add_loop_test(prefix, prefix_holds, 0, COUNT(ranges));
	tcase_add_loop_test(prefix, what_is_no_prefix, 0, COUNT(no_prefixes));
	suite_add_tcase(s, prefix);
	return s;
}

UNIT_MAIN(addr_suite)
