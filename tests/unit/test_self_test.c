#include "unit.h"

#include <string.h>
#include <unistd.h>

#include "loopback.h"
#include "net/udp.h"
#include "worker/self_test.h"

static struct loopback *l;

static void start(uint16_t first_port, uint16_t last_port)
{
	l = loopback_start(first_port, last_port);
}

static struct self_test test_of(void)
{
	return (struct self_test){
		.workers = l->workers,
		.worker_count = LOOPBACK_WORKERS,
		.credentials = &l->credentials.config,
		.policy = &l->turn.peers,
		.relay = &l->turn.relay,
		.realm = l->turn.realms[0].name,
		.listener = &l->listener,
	};
}

static uint64_t allocations(void)
{
	uint64_t count = 0;

	for (uint16_t i = 0; i < LOOPBACK_WORKERS; i++)
		count += counter_get(
			&worker_counters(l->workers[i])->allocations);
	return count;
}

START_TEST(it_passes_and_leaves_nothing)
{
	struct trial_result result;
	char line[SELF_TEST_LINE_BYTES], expected[128];
	struct self_test t;

	start(20000, 65535);
	t = test_of();
	for (int i = 0; i < 5; i++) {
		self_test_run(&t, &result);
		ck_assert_msg(result.ok, "%s", self_test_print(&result, line));
		ck_assert_uint_eq(result.packets, 4);
		ck_assert_uint_ge(result.relayed.port, 20000);
		ck_assert_uint_eq(allocations(), 0);
		ck_assert_uint_eq(l->shared.ports.used, 0);
	}
	self_test_print(&result, line);
	snprintf(expected, sizeof(expected),
		 "self-test: ok, relayed 127.0.0.1:%u, 4 packets both ways in ",
		 result.relayed.port);
	ck_assert_msg(!strncmp(line, expected, strlen(expected)), "%s", line);
	loopback_stop();
}
END_TEST

/* The whole range is somebody else's. */
START_TEST(no_relay_port_is_told)
{
	struct addr first = addr_ipv4(0x7f000001, 0);
	struct trial_result result;
	char line[SELF_TEST_LINE_BYTES];
	struct self_test t;
	int fd = udp_open_relay(&first, 1 << 16);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(udp_local(fd, &first), 0);
	start(first.port, first.port);
	t = test_of();
	self_test_run(&t, &result);
	ck_assert(!result.ok);
	ck_assert_int_eq(result.error, 508);
	ck_assert_str_eq(self_test_print(&result, line),
			 "self-test: FAILED: no relay port could be opened "
			 "(508): see the log; other programs must leave "
			 "relay.ports free, and LimitNOFILE must suffice");
	close(fd);
	loopback_stop();
}
END_TEST

/* Nobody is there: the listener's port is another one. */
START_TEST(no_answer_is_told)
{
	struct trial_result result;
	struct turn_listener elsewhere;
	char line[SELF_TEST_LINE_BYTES];
	struct self_test t;

	start(20000, 65535);
	elsewhere = l->listener;
	elsewhere.local.port = 9;
	t = test_of();
	t.listener = &elsewhere;
	t.patience_ms = 200;
	self_test_run(&t, &result);
	ck_assert(!result.ok);
	ck_assert_str_eq(self_test_print(&result, line),
			 "self-test: FAILED: the listener did not answer "
			 "(Connection timed out): a firewall of this machine "
			 "may drop UDP to its port");
	loopback_stop();
}
END_TEST

/* Every port may be an allocation's. */
START_TEST(no_port_for_the_tester_is_told)
{
	struct trial_result result;
	struct self_test t;

	start(1024, 65535);
	t = test_of();
	self_test_run(&t, &result);
	ck_assert(!result.ok);
	ck_assert_str_eq(result.reason, "no socket could be had for the test");
	loopback_stop();
}
END_TEST

static Suite *self_test_suite(void)
{
	Suite *s = suite_create("self_test");
	TCase *t = tcase_create("service");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, it_passes_and_leaves_nothing);
	tcase_add_test(t, no_relay_port_is_told);
	tcase_add_test(t, no_answer_is_told);
	tcase_add_test(t, no_port_for_the_tester_is_told);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(self_test_suite)
