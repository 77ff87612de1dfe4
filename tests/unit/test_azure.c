#include "unit.h"

#include <string.h>

#include "discovery/azure.h"

#define OURS "10.0.0.4"

static struct addr ours, out;

static void begin(void)
{
	ck_assert(addr_parse(OURS, &ours));
	out = addr_ipv4(0x01020304, 99);
}

static void expect(enum azure_result found, enum azure_result wanted,
		   const char *address)
{
	char text[ADDR_TEXT_BYTES];

	ck_assert_str_eq(azure_explain(found), azure_explain(wanted));
	ck_assert_str_eq(addr_print(&out, text),
			 wanted == AZURE_FOUND ? address : "1.2.3.4:99");
}

/* As the documentation of the service shows it. */
#define INTERFACE(addresses)                                     \
	"{\"ipv4\": {\"ipAddress\": [" addresses "], "           \
	"\"subnet\": [{\"address\": \"10.0.0.0\", "              \
	"\"prefix\": \"24\"}]}, \"ipv6\": {\"ipAddress\": []}, " \
	"\"macAddress\": \"000D3AF806EC\"}"
#define PAIR(private, public)                      \
	"{\"privateIpAddress\": \"" private "\", " \
					    "\"publicIpAddress\": \"" public "\"}"
#define INTERFACES(text) "[" text "]"

static const struct {
	const char *text;
	enum azure_result result;
	const char *address;
} interfaces[] = {
	{ INTERFACES(INTERFACE(PAIR(OURS, "20.202.255.255"))), AZURE_FOUND,
	  "20.202.255.255" },
	/* The Standard kind. */
	{ INTERFACES(INTERFACE(PAIR(OURS, ""))), AZURE_EMPTY, NULL },
	{ INTERFACES(INTERFACE("{\"privateIpAddress\": \"" OURS "\"}")),
	  AZURE_EMPTY, NULL },
	{ INTERFACES(INTERFACE("{\"privateIpAddress\": \"" OURS "\", "
			       "\"publicIpAddress\": null}")),
	  AZURE_EMPTY, NULL },
	/* Several addresses, several interfaces: ours counts. */
	{ INTERFACES(INTERFACE(
		  PAIR("10.0.0.5", "20.1.1.1") "," PAIR(OURS, "20.2.2.2"))),
	  AZURE_FOUND, "20.2.2.2" },
	{ INTERFACES(INTERFACE(PAIR("10.0.0.5", "20.1.1.1")) "," INTERFACE(
		  PAIR(OURS, "20.2.2.2"))),
	  AZURE_FOUND, "20.2.2.2" },
	{ INTERFACES(INTERFACE(PAIR("10.0.0.40", "20.1.1.1"))), AZURE_NOT_OURS,
	  NULL },
	{ INTERFACES(INTERFACE("")), AZURE_NOT_OURS, NULL },
	{ INTERFACES(""), AZURE_NOT_OURS, NULL },
	/* Twice the same is no contradiction; two are. */
	{ INTERFACES(
		  INTERFACE(PAIR(OURS, "20.2.2.2") "," PAIR(OURS, "20.2.2.2"))),
	  AZURE_FOUND, "20.2.2.2" },
	{ INTERFACES(
		  INTERFACE(PAIR(OURS, "20.2.2.2") "," PAIR(OURS, "20.2.2.3"))),
	  AZURE_AMBIGUOUS, NULL },
	/* What cannot be public. */
	{ INTERFACES(INTERFACE(PAIR(OURS, "10.9.9.9"))), AZURE_NOT_PUBLIC,
	  NULL },
	{ INTERFACES(INTERFACE(PAIR(OURS, "169.254.169.254"))),
	  AZURE_NOT_PUBLIC, NULL },
	{ INTERFACES(INTERFACE(PAIR(OURS, "2001:4860:4860::8888"))),
	  AZURE_NOT_PUBLIC, NULL },
	{ INTERFACES(INTERFACE(PAIR(OURS, "255.255.255.255"))),
	  AZURE_NOT_PUBLIC, NULL },
	/* Garbage beside what is plain does not spoil it. */
	{ INTERFACES("5," INTERFACE(PAIR(OURS, "20.2.2.2"))), AZURE_FOUND,
	  "20.2.2.2" },
	{ INTERFACES(INTERFACE("\"x\"")), AZURE_GARBAGE, NULL },
	{ INTERFACES(INTERFACE(PAIR("ten", "20.2.2.2"))), AZURE_GARBAGE, NULL },
	{ INTERFACES(INTERFACE(PAIR(OURS, "20.2.2.2/32"))), AZURE_GARBAGE,
	  NULL },
	{ INTERFACES(INTERFACE("{\"privateIpAddress\": 5}")), AZURE_GARBAGE,
	  NULL },
	{ INTERFACES(INTERFACE("{\"privateIpAddress\": \"" OURS "\", "
			       "\"publicIpAddress\": [\"20.2.2.2\"]}")),
	  AZURE_GARBAGE, NULL },
	{ INTERFACES("{\"ipv4\": []}"), AZURE_GARBAGE, NULL },
	{ INTERFACES("{}"), AZURE_GARBAGE, NULL },
	{ INTERFACE(PAIR(OURS, "20.2.2.2")), AZURE_GARBAGE, NULL },
	{ "\"20.2.2.2\"", AZURE_GARBAGE, NULL },
	{ "20.2.2.2", AZURE_GARBAGE, NULL },
	{ "", AZURE_GARBAGE, NULL },
	{ "null", AZURE_GARBAGE, NULL },
	{ "<html></html>", AZURE_GARBAGE, NULL },
	{ INTERFACES(INTERFACE(PAIR(OURS, "20.2.2.2"))) "x", AZURE_GARBAGE,
	  NULL },
	/* Of two members with one name nobody knows which counts. */
	{ INTERFACES(INTERFACE("{\"privateIpAddress\": \"" OURS "\", "
			       "\"publicIpAddress\": \"20.2.2.2\", "
			       "\"publicIpAddress\": \"20.2.2.3\"}")),
	  AZURE_GARBAGE, NULL },
};

START_TEST(interfaces_are_read)
{
	expect(azure_parse_interfaces(bytes_str(interfaces[_i].text), &ours,
				      &out),
	       interfaces[_i].result, interfaces[_i].address);
}
END_TEST

#define FRONTEND(private, public)                  \
	"{\"frontendIpAddress\": \"" public "\", " \
					    "\"privateIpAddress\": \"" private "\"}"
#define BALANCER(addresses)                                      \
	"{\"loadbalancer\": {\"publicIpAddresses\": [" addresses \
	"], \"inboundRules\": [], \"outboundRules\": []}}"

static const struct {
	const char *text;
	enum azure_result result;
	const char *address;
} balancers[] = {
	{ BALANCER(FRONTEND(OURS, "20.202.255.255")), AZURE_FOUND,
	  "20.202.255.255" },
	{ BALANCER(FRONTEND("10.0.0.5", "20.1.1.1") "," FRONTEND(OURS,
								 "20.2.2.2")),
	  AZURE_FOUND, "20.2.2.2" },
	{ BALANCER(FRONTEND(OURS, "20.1.1.1") "," FRONTEND(OURS, "20.2.2.2")),
	  AZURE_AMBIGUOUS, NULL },
	{ BALANCER(FRONTEND(OURS, "")), AZURE_EMPTY, NULL },
	{ BALANCER(FRONTEND(OURS, "192.168.1.1")), AZURE_NOT_PUBLIC, NULL },
	/* A private address may have IPv6 beside it. */
	{ BALANCER(FRONTEND("fe80::1", "2603::1") "," FRONTEND(OURS,
							       "20.2.2.2")),
	  AZURE_FOUND, "20.2.2.2" },
	{ BALANCER(""), AZURE_NOT_OURS, NULL },
	{ BALANCER("7"), AZURE_GARBAGE, NULL },
	{ "{\"loadbalancer\": {}}", AZURE_GARBAGE, NULL },
	{ "{\"loadbalancer\": null}", AZURE_GARBAGE, NULL },
	{ "{\"error\": \"No load balancer metadata is found.\"}", AZURE_GARBAGE,
	  NULL },
	{ "[]", AZURE_GARBAGE, NULL },
	{ "", AZURE_GARBAGE, NULL },
};

START_TEST(load_balancers_are_read)
{
	expect(azure_parse_load_balancer(bytes_str(balancers[_i].text), &ours,
					 &out),
	       balancers[_i].result, balancers[_i].address);
}
END_TEST

/* No depth of nesting is too much for the stack. */
START_TEST(deep_nesting_is_garbage)
{
	static char text[AZURE_ANSWER_MAX_BYTES];

	memset(text, '[', sizeof(text));
	expect(azure_parse_interfaces(bytes_of(text, sizeof(text)), &ours,
				      &out),
	       AZURE_GARBAGE, NULL);
	expect(azure_parse_load_balancer(bytes_of(text, sizeof(text)), &ours,
					 &out),
	       AZURE_GARBAGE, NULL);
}
END_TEST

START_TEST(a_nul_in_an_address_is_garbage)
{
	expect(azure_parse_interfaces(bytes_str(INTERFACES(INTERFACE(
					      PAIR(OURS, "20.2.2.2\\u0000x")))),
				      &ours, &out),
	       AZURE_GARBAGE, NULL);
}
END_TEST

static Suite *azure_suite(void)
{
	Suite *s = suite_create("azure");
	TCase *t = tcase_create("answers");

	tcase_add_checked_fixture(t, begin, NULL);
	tcase_add_loop_test(t, interfaces_are_read, 0,
			    sizeof(interfaces) / sizeof(interfaces[0]));
	tcase_add_loop_test(t, load_balancers_are_read, 0,
			    sizeof(balancers) / sizeof(balancers[0]));
	tcase_add_test(t, deep_nesting_is_garbage);
	tcase_add_test(t, a_nul_in_an_address_is_garbage);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(azure_suite)
