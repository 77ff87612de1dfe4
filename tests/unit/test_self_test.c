#include "unit.h"

#include <string.h>
#include <unistd.h>

#include "conf_fixture.h"
#include "net/udp.h"
#include "turn/shared.h"
#include "worker/self_test.h"

#define WORKERS 2
#define TEXT                                                     \
	"realm = \"r\"; workers = 2;\n"                          \
	"listen = ( { address = \"127.0.0.1\"; port = 9; } );\n" \
	"relay = { ports = [ %u, %u ]; };\n"                     \
	"users = ( { name = \"alice\"; password = \"secret\"; } );\n"

/* A service of loopback, without the service around it. */
static struct conf *conf;
static struct turn_config turn;
static struct turn_shared shared;
static struct worker_commons commons = { .shared = &shared };
static struct logger *log_;
static struct worker *workers[WORKERS];
static struct turn_listener listener;
static struct worker_credentials credentials;

static void start(uint16_t first_port, uint16_t last_port)
{
	static const uint8_t seed[RANDOM_SEED_BYTES] = { 1 };
	static const struct hash_key key = { 5, 6 };
	static const struct worker_buffers buffers = { 1 << 17, 1 << 16 };
	char text[512];
	int fds[WORKERS];

	snprintf(text, sizeof(text), TEXT, first_port, last_port);
	conf = conf_good(text, NULL);
	turn = conf->turn;
	memset(turn.nonce.current.bytes, 7, NONCE_KEY_BYTES);
	turn.nonce.current.len = NONCE_KEY_BYTES;
	listener = (struct turn_listener){
		.in_use = true,
		.local = addr_ipv4(0x7f000001, 0),
	};
	ck_assert_int_eq(
		udp_open_listeners(&listener.local, WORKERS, 1 << 17, fds), 0);
	ck_assert_int_eq(udp_local(fds[0], &listener.local), 0);
	turn.peers.own_sockets[turn.peers.own_socket_count++] = listener.local;
	turn.peers.own_ips[turn.peers.own_ip_count++] =
		addr_ipv4(0x7f000001, 0);

	credentials.config = (struct credentials_config){
		.realms = turn.realms,
		.realm_count = turn.realm_count,
		.users = conf->users,
	};
	ck_assert_int_eq(logger_new(&log_, LOGGER_TEXT, LOG_LEVEL_ERROR), 0);
	ck_assert_int_eq(turn_shared_init(&shared, &turn, &key), 0);
	commons.refusals = refusals_new();
	commons.log = log_;
	ck_assert_int_eq(workers_new(workers, WORKERS, &turn, &commons,
				     &credentials, buffers, seed),
			 0);
	for (uint16_t i = 0; i < WORKERS; i++)
		worker_set_listener(workers[i], 0, &listener, fds[i]);
	ck_assert_int_eq(workers_start(workers, WORKERS), 0);
}

static void stop(void)
{
	workers_stop(workers, WORKERS, TURN_CAUSE_SHUTDOWN);
	workers_free(workers, WORKERS);
	turn_shared_fini(&shared);
	refusals_free(commons.refusals);
	logger_free(log_);
	conf_free(conf);
}

static struct self_test test_of(void)
{
	return (struct self_test){
		.workers = workers,
		.worker_count = WORKERS,
		.credentials = &credentials.config,
		.policy = &turn.peers,
		.relay = &turn.relay,
		.realm = turn.realms[0].name,
		.listener = &listener,
	};
}

static uint64_t allocations(void)
{
	uint64_t count = 0;

	for (uint16_t i = 0; i < WORKERS; i++)
		count += counter_get(&worker_counters(workers[i])->allocations);
	return count;
}

START_TEST(it_passes_and_leaves_nothing)
{
	struct self_test_result result;
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
		ck_assert_uint_eq(shared.ports.used, 0);
	}
	self_test_print(&result, line);
	snprintf(expected, sizeof(expected),
		 "self-test: ok, relayed 127.0.0.1:%u, 4 packets both ways in ",
		 result.relayed.port);
	ck_assert_msg(!strncmp(line, expected, strlen(expected)), "%s", line);
	stop();
}
END_TEST

/* The whole range is somebody else's. */
START_TEST(no_relay_port_is_told)
{
	struct addr first = addr_ipv4(0x7f000001, 0);
	struct self_test_result result;
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
	stop();
}
END_TEST

/* Nobody is there: the listener's port is another one. */
START_TEST(no_answer_is_told)
{
	struct self_test_result result;
	struct turn_listener elsewhere;
	char line[SELF_TEST_LINE_BYTES];
	struct self_test t;

	start(20000, 65535);
	elsewhere = listener;
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
	stop();
}
END_TEST

/* Every port may be an allocation's. */
START_TEST(no_port_for_the_tester_is_told)
{
	struct self_test_result result;
	struct self_test t;

	start(1024, 65535);
	t = test_of();
	self_test_run(&t, &result);
	ck_assert(!result.ok);
	ck_assert_str_eq(result.reason, "no socket could be had for the test");
	stop();
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
