#include "unit.h"

#include <errno.h>
#include <unistd.h>

#include "base/random.h"
#include "loopback.h"
#include "net/trial.h"
#include "net/udp.h"

static const uint8_t seed[RANDOM_SEED_BYTES] = { 3 };
static struct loopback *l;
static struct crypto *crypto;
static struct random randomness;
static struct trial trial;
static struct trial_result result;

static int open_socket(struct addr *local)
{
	struct addr any = addr_ipv4(0x7f000001, 0);
	int fd = udp_open_relay(&any, 1 << 16);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(udp_local(fd, local), 0);
	return fd;
}

static void set_up(void)
{
	struct addr unused;

	l = loopback_start(20000, 65535);
	crypto = crypto_new();
	random_init(&randomness, crypto, seed);
	trial = (struct trial){
		.server = l->listener.local,
		.client.name = bytes_str("alice"),
		.client.password = bytes_str("secret"),
		.client.crypto = crypto,
		.client.random = &randomness,
		.client_fd = open_socket(&unused),
	};
	trial.other_fd = open_socket(&trial.peer);
}

static void tear_down(void)
{
	close(trial.client_fd);
	close(trial.other_fd);
	for (int i = 0; i < LOOPBACK_WORKERS; i++)
		ck_assert_uint_eq(
			counter_get(
				&worker_counters(l->workers[i])->allocations),
			0);
	crypto_free(crypto);
	loopback_stop();
}

START_TEST(two_clients_reach_each_other_inside)
{
	trial_run_hairpin(&trial, &result);
	ck_assert_msg(result.ok, "%s", result.reason);
	ck_assert_uint_eq(result.packets, 2);
	ck_assert_uint_ge(result.relayed.port, 20000);
	ck_assert_uint_eq(result.mapped.family, ADDR_IPV4);
	ck_assert_uint_le(result.allocate_ms, result.took_ms);
}
END_TEST

START_TEST(a_wrong_password_is_told)
{
	trial.client.password = bytes_str("guess");
	trial_run_hairpin(&trial, &result);
	ck_assert(!result.ok);
	ck_assert_int_eq(result.error, 401);
	ck_assert_str_eq(result.reason, "the credential is refused");
	ck_assert_uint_eq(result.relayed.family, ADDR_NONE);
}
END_TEST

/* Loopback is nobody's peer unless a rule or a self-test opens it. */
START_TEST(what_does_not_arrive_is_told)
{
	trial.patience_ms = 100;
	trial_run(&trial, &result);
	ck_assert(!result.ok);
	ck_assert_int_eq(result.error, -ETIMEDOUT);
	ck_assert_str_eq(result.reason,
			 "a relayed packet did not reach its peer");
	ck_assert_uint_eq(result.packets, 0);
	ck_assert_uint_ge(result.relayed.port, 20000);
}
END_TEST

START_TEST(who_does_not_answer_is_told)
{
	trial.server.port = 9;
	trial.patience_ms = 100;
	trial_run(&trial, &result);
	ck_assert(!result.ok);
	ck_assert_str_eq(result.reason, "the listener did not answer");
	ck_assert_uint_ge(result.took_ms, 100);
}
END_TEST

START_TEST(a_socket_outside_the_relays_ports)
{
	struct addr ip = addr_ipv4(0x7f000001, 0), local;

	for (int i = 0; i < 20; i++) {
		int fd = trial_open_socket(&ip, 2000, 65000, &randomness,
					   &local);

		ck_assert_int_ge(fd, 0);
		ck_assert(local.port < 2000 || local.port > 65000);
		ck_assert_uint_ge(local.port, 1024);
		close(fd);
	}
	ck_assert_int_eq(
		trial_open_socket(&ip, 1024, 65535, &randomness, &local),
		-EADDRINUSE);
	ip = addr_ipv4(0xCB007109, 0);
	ck_assert_int_eq(
		trial_open_socket(&ip, 2000, 65000, &randomness, &local),
		-EADDRNOTAVAIL);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("trial");
	TCase *t = tcase_create("loopback");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, two_clients_reach_each_other_inside);
	tcase_add_test(t, a_wrong_password_is_told);
	tcase_add_test(t, what_does_not_arrive_is_told);
	tcase_add_test(t, who_does_not_answer_is_told);
	tcase_add_test(t, a_socket_outside_the_relays_ports);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
