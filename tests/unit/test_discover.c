/* link: -Wl,--wrap=http_get,--wrap=stun_ask */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "discovery/azure.h"
#include "discovery/discover.h"
#include "discovery/http_get.h"
#include "discovery/stun_ask.h"

void __wrap_http_get(const struct addr *server, const char *path,
		     unsigned timeout_ms, char *body, size_t size,
		     struct http_answer *answer);
int __wrap_stun_ask(const struct addr *server, const struct addr *from,
		    struct addr *out);

#define BY_METADATA                                                      \
	"[{\"ipv4\":{\"ipAddress\":[{\"privateIpAddress\":\"10.0.0.4\"," \
	"\"publicIpAddress\":\"20.0.0.1\"}]}}]"
#define EMPTY                                                            \
	"[{\"ipv4\":{\"ipAddress\":[{\"privateIpAddress\":\"10.0.0.4\"," \
	"\"publicIpAddress\":\"\"}]}}]"
#define BY_BALANCER                                   \
	"{\"loadbalancer\":{\"publicIpAddresses\":[{" \
	"\"privateIpAddress\":\"10.0.0.4\","          \
	"\"frontendIpAddress\":\"20.0.0.2\"}]}}"
#define NO_METADATA "azure-metadata: no connection\n"
#define NO_BALANCER "azure-load-balancer: no connection\n"

/* What there is to be asked. */
static const char *metadata, *balancer;     /* bodies; NULL: nobody there */
static int refusal;                         /* the status, if not 0 */
static const char *seen[DISCOVER_STUN_MAX]; /* by the servers; or nobody */
static int stun_error;

static char trail[1024]; /* what was told */
static struct discover_config config;
static struct advertised found;

void __wrap_http_get(const struct addr *server, const char *path,
		     unsigned timeout_ms, char *body, size_t size,
		     struct http_answer *answer)
{
	const char *text = !strcmp(path, AZURE_INTERFACES) ? metadata
							   : balancer;

	ck_assert(addr_equal(server, &config.metadata));
	ck_assert_uint_eq(timeout_ms, 2000);
	ck_assert_uint_eq(size, 65536);
	*answer = (struct http_answer){ .result = HTTP_GET_NO_CONNECTION };
	if (refusal) {
		answer->result = HTTP_GET_REFUSED;
		answer->status = refusal;
	} else if (text) {
		answer->result = HTTP_GET_OK;
		answer->len = strlen(text);
		memcpy(body, text, answer->len);
	}
}

int __wrap_stun_ask(const struct addr *server, const struct addr *from,
		    struct addr *out)
{
	const char *text = seen[server->port - 1];

	ck_assert(addr_same_ip(from, &config.relay));
	if (stun_error)
		return stun_error;
	if (!text)
		return -ETIMEDOUT;
	ck_assert(addr_parse(text, out));
	out->port = 4711;
	return 0;
}

static void on_tell(void *arg, const char *source, const char *what)
{
	size_t used = strlen(trail);

	ck_assert_ptr_eq(arg, &config);
	snprintf(trail + used, sizeof(trail) - used, "%s: %s\n", source, what);
}

static void begin(void)
{
	metadata = balancer = NULL;
	memset(seen, 0, sizeof(seen));
	refusal = stun_error = 0;
	trail[0] = '\0';
	memset(&found, 0, sizeof(found));
	config = (struct discover_config){
		.relay = addr_ipv4(0x0a000004, 0),
		.metadata = addr_ipv4(0xa9fea9fe, 80),
		.tell = on_tell,
		.arg = &config,
	};
}

/* Servers 192.0.2.9 with ports 1, 2, ... */
static void servers(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		config.stun_servers[i] =
			addr_ipv4(0xc0000209, (uint16_t)(i + 1));
	config.stun_server_count = count;
}

static void expect(const char *address, const char *source, const char *told)
{
	bool ok = discover(&config, &found);
	char text[ADDR_TEXT_BYTES];

	ck_assert_str_eq(trail, told);
	ck_assert_int_eq(ok, address != NULL);
	if (!ok)
		return;
	ck_assert_str_eq(addr_print(&found.address, text), address);
	ck_assert_str_eq(found.source, source);
}

START_TEST(a_public_relay_address_is_it)
{
	metadata = BY_METADATA;
	config.relay = addr_ipv4(0x14000009, 0);
	expect("20.0.0.9", "relay.address", "relay.address: 20.0.0.9\n");
}
END_TEST

START_TEST(the_metadata_service_is_first)
{
	metadata = BY_METADATA;
	balancer = BY_BALANCER;
	servers(1);
	expect("20.0.0.1", "azure-metadata", "azure-metadata: 20.0.0.1\n");
}
END_TEST

START_TEST(its_load_balancers_are_next)
{
	metadata = EMPTY;
	balancer = BY_BALANCER;
	expect("20.0.0.2", "azure-load-balancer",
	       "azure-metadata: no public address (none of the Standard kind "
	       "is told there)\nazure-load-balancer: 20.0.0.2\n");
}
END_TEST

START_TEST(a_refusal_is_told)
{
	refusal = 404;
	expect(NULL, NULL,
	       "azure-metadata: refused with status 404\n"
	       "azure-load-balancer: refused with status 404\n");
}
END_TEST

START_TEST(stun_servers_come_last)
{
	servers(2);
	seen[1] = "20.0.0.3";
	expect("20.0.0.3", "stun:192.0.2.9:2",
	       NO_METADATA NO_BALANCER "stun:192.0.2.9:1: no answer in time\n"
				       "stun:192.0.2.9:2: 20.0.0.3\n");
}
END_TEST

START_TEST(stun_servers_that_agree_are_believed)
{
	servers(4);
	seen[0] = seen[1] = seen[3] = "20.0.0.3";
	seen[2] = "10.0.0.4"; /* from inside: says nothing */
	expect("20.0.0.3", "stun:192.0.2.9:1",
	       NO_METADATA NO_BALANCER
	       "stun:192.0.2.9:3: 10.0.0.4, which is not a public address\n"
	       "stun:192.0.2.9:1: 20.0.0.3\n");
}
END_TEST

START_TEST(stun_servers_that_do_not_are_not)
{
	servers(3);
	seen[0] = seen[1] = "20.0.0.3";
	seen[2] = "20.0.0.4";
	expect(NULL, NULL,
	       NO_METADATA NO_BALANCER
	       "stun:192.0.2.9:3: another address than the server before: "
	       "none is believed\n");
}
END_TEST

START_TEST(what_the_system_refuses_is_told)
{
	servers(1);
	stun_error = -EPERM;
	expect(NULL, NULL,
	       NO_METADATA NO_BALANCER
	       "stun:192.0.2.9:1: may not be asked: its address is missing in "
	       "IPAddressAllow= of turnpike-address.service\n");
	trail[0] = '\0';
	stun_error = -ENETUNREACH;
	expect(NULL, NULL,
	       NO_METADATA NO_BALANCER
	       "stun:192.0.2.9:1: cannot be asked: Network is unreachable\n");
}
END_TEST

START_TEST(nobody_need_be_told)
{
	config.tell = NULL;
	metadata = BY_METADATA;
	expect("20.0.0.1", "azure-metadata", "");
}
END_TEST

static Suite *discover_suite(void)
{
	Suite *s = suite_create("discover");
	TCase *t = tcase_create("order");

	tcase_add_checked_fixture(t, begin, NULL);
	tcase_add_test(t, a_public_relay_address_is_it);
	tcase_add_test(t, the_metadata_service_is_first);
	tcase_add_test(t, its_load_balancers_are_next);
	tcase_add_test(t, a_refusal_is_told);
	tcase_add_test(t, stun_servers_come_last);
	tcase_add_test(t, stun_servers_that_agree_are_believed);
	tcase_add_test(t, stun_servers_that_do_not_are_not);
	tcase_add_test(t, what_the_system_refuses_is_told);
	tcase_add_test(t, nobody_need_be_told);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(discover_suite)
