#include "unit.h"

#include "ctl/turn_urls.h"

static struct control_server server;

static void expect(uint8_t realm, const char *wanted)
{
	json_t *urls = turn_urls(&server, realm);
	char *text = json_dumps(urls, JSON_COMPACT);

	ck_assert_str_eq(text, wanted);
	free(text);
	json_decref(urls);
}

START_TEST(each_listener_as_clients_reach_it)
{
	server.relay = addr_ipv4(0x0A000004, 0);
	server.advertise = addr_ipv4(0x14CAFFFF, 0);
	server.listener_count = 3;
	server.listeners[0].local = addr_ipv4(0x0A000004, 3478);
	server.listeners[1].local = addr_ipv4(0xC0000201, 3479);
	server.listeners[2].local = addr_ipv4(0xC0000201, 443);
	server.listeners[2].realm = 1;
	expect(0, "[\"turn:20.202.255.255:3478?transport=udp\","
		  "\"turn:192.0.2.1:3479?transport=udp\"]");
	expect(1, "[\"turn:192.0.2.1:443?transport=udp\"]");
	expect(2, "[]");
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("turn_urls");
	TCase *t = tcase_create("turn_urls");

	tcase_add_test(t, each_listener_as_clients_reach_it);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
