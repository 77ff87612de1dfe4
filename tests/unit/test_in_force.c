/* What workers are handed is a system test's business (test_reload.py). */
#include "unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf_fixture.h"
#include "worker/in_force.h"
#include "worker/logger.h"

#define BASE "realm = \"r\"; relay = { advertise = \"203.0.113.7\"; };\n"
#define ALICE BASE "users = ( { name = \"a\"; password = \"secret\"; } );\n"
#define TWO                                                    \
	BASE "users = ( { name = \"a\"; password = \"s\"; }, " \
	     "{ name = \"b\"; password = \"s\"; } );\n"
#define KEY(digit)                                                        \
	"nonce = { key = \"" digit                                        \
	"0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff" \
	"\"; };\n"

static char path[] = "/tmp/turnpike-in-force-XXXXXX";
static struct conf *start;
static struct in_force force;
static struct listeners listeners;
static struct ifaddr_list addresses;
static struct conf_machine machine;
static int saved;
static FILE *log_file;
static char text[64 << 10];

static void begin(const char *config)
{
	start = conf_good(config, NULL);
	listeners_init(&listeners, start);
	in_force_init(&force, start, &listeners, &addresses);
	ck_assert_int_eq(logger_new(&force.log, LOGGER_TEXT, LOG_LEVEL_INFO),
			 0);
	machine = conf_machine_one();
}

static void set_up(void)
{
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	close(fd);
	/* The log goes to standard error. */
	saved = dup(STDERR_FILENO);
	log_file = tmpfile();
	ck_assert_ptr_nonnull(log_file);
	dup2(fileno(log_file), STDERR_FILENO);
}

static void tear_down(void)
{
	logger_free(force.log);
	listeners_fini(&listeners);
	in_force_fini(&force);
	conf_free(start);
	dup2(saved, STDERR_FILENO);
	close(saved);
	fclose(log_file);
	unlink(path);
}

static bool reload(const char *config)
{
	FILE *out = fopen(path, "w");

	ck_assert_ptr_nonnull(out);
	fputs(config, out);
	fclose(out);
	return in_force_reload(&force, path, &machine);
}

/* All that has been logged; the log is at its end then. */
static const char *logged(void)
{
	size_t size;

	logger_free(force.log);
	force.log = NULL;
	rewind(log_file);
	size = fread(text, 1, sizeof(text) - 1, log_file);
	text[size] = '\0';
	return text;
}

static unsigned count(const char *what)
{
	unsigned n = 0;

	for (const char *at = text; (at = strstr(at, what)) != NULL; at++)
		n++;
	return n;
}

START_TEST(users_and_limits_are_put_in_force)
{
	uint32_t generation;

	begin(ALICE);
	generation = force.turn.peers.generation;
	ck_assert(reload(TWO "limits = { allocations_per_user = 3; };\n"
			     "log = { level = \"error\"; };\n"
			     "peers = { deny = [ \"8.8.8.8\" ]; };\n"));
	ck_assert_uint_eq(static_users_count(force.credentials.users), 2);
	ck_assert_uint_eq(force.turn.limits.allocations_per_user, 3);
	ck_assert_uint_eq(force.turn.peers.deny_count, 1);
	ck_assert_uint_gt(force.turn.peers.generation, generation);
	/* And back: what the last reload brought is freed. */
	ck_assert(reload(ALICE));
	ck_assert_uint_eq(static_users_count(force.credentials.users), 1);
	ck_assert_uint_eq(force.turn.limits.allocations_per_user, 0);
	ck_assert_uint_eq(force.turn.peers.deny_count, 0);
}
END_TEST

START_TEST(a_mistake_changes_nothing)
{
	begin(ALICE);
	ck_assert(!reload(TWO "wings = 2;\n"));
	ck_assert_ptr_eq(force.conf, start);
	ck_assert_uint_eq(static_users_count(force.credentials.users), 1);
	logged();
	ck_assert_uint_eq(count("reload refused"), 1);
	ck_assert_ptr_nonnull(strstr(text, path));
	ck_assert_ptr_nonnull(strstr(text, "line=3"));
}
END_TEST

START_TEST(a_file_that_is_gone_changes_nothing)
{
	begin(ALICE);
	unlink(path);
	ck_assert(!in_force_reload(&force, path, &machine));
	ck_assert_ptr_eq(force.conf, start);
	logged();
	ck_assert_uint_eq(count("reload refused"), 1);
}
END_TEST

START_TEST(other_realms_are_refused)
{
	begin(ALICE);
	ck_assert(!reload("realm = \"q\"; relay = { advertise = "
			  "\"203.0.113.7\"; }; users = ( { name = \"a\"; "
			  "password = \"secret\"; } );\n"));
	ck_assert_ptr_eq(force.conf, start);
	logged();
	ck_assert_uint_eq(count("reload refused"), 1);
}
END_TEST

/* Not with what the last reload has said. */
START_TEST(a_restart_is_asked_for_by_what_runs)
{
	begin(ALICE);
	ck_assert(reload(ALICE "workers = 3;\n"));
	ck_assert(reload(ALICE "workers = 3;\n"));
	ck_assert(reload(ALICE "workers = 3;\n"));
	ck_assert_uint_eq(force.turn.worker_count, start->turn.worker_count);
	ck_assert(reload(ALICE));
	logged();
	ck_assert_uint_eq(count("needs a restart option=workers"), 3);
	ck_assert_uint_eq(count("reloaded"), 4);
}
END_TEST

START_TEST(a_nonce_key_goes_on_as_the_previous_one)
{
	struct secret first;

	begin(ALICE KEY("1"));
	first = force.turn.nonce.current;
	ck_assert(reload(ALICE KEY("2")));
	ck_assert(bytes_equal(secret_bytes(&force.turn.nonce.previous),
			      secret_bytes(&first)));
	ck_assert(!bytes_equal(secret_bytes(&force.turn.nonce.current),
			       secret_bytes(&first)));
	/* Neither the same key nor none is another one. */
	ck_assert(reload(ALICE KEY("2") "limits = { peers = 3; };\n"));
	ck_assert(reload(ALICE));
	ck_assert(bytes_equal(secret_bytes(&force.turn.nonce.previous),
			      secret_bytes(&first)));
}
END_TEST

static void deny(struct redis_realm *realm, const char *peer)
{
	struct redis_peers *list = &realm->denied_peers;

	snprintf(list->items[list->count++], REDIS_PEER_BYTES, "%s", peer);
}

START_TEST(what_redis_says_stays_over_the_file)
{
	struct redis_realm told = { .user_quota = { true, 2 } };

	begin(ALICE);
	deny(&told, "8.8.8.8");
	deny(&told, "nobody");
	in_force_take_realm(&force, 0, &told);
	ck_assert_uint_eq(force.turn.realms[0].allocations_per_user, 2);
	ck_assert_uint_eq(force.turn.peers.deny_count, 1);
	ck_assert(reload(TWO));
	ck_assert_uint_eq(force.turn.realms[0].allocations_per_user, 2);
	ck_assert_uint_eq(force.turn.peers.deny_count, 1);
	told = (struct redis_realm){ .max_bps = { true, 9 } };
	in_force_take_realm(&force, 0, &told);
	ck_assert_uint_eq(force.turn.realms[0].allocations_per_user, 0);
	ck_assert_uint_eq(force.turn.realms[0].allocation_rate, 9);
	ck_assert_uint_eq(force.turn.peers.deny_count, 0);
	logged();
	ck_assert_uint_ge(count("cannot be used count=1"), 1);
}
END_TEST

START_TEST(a_list_that_is_cut_is_told)
{
	struct redis_realm told = { .denied_peers = { .cut = true } };

	begin(ALICE);
	in_force_take_realm(&force, 0, &told);
	ck_assert_uint_eq(force.turn.peers.deny_count, 2);
	told = (struct redis_realm){ .allowed_peers = { .cut = true } };
	in_force_take_realm(&force, 0, &told);
	ck_assert_uint_eq(force.turn.peers.deny_count, 0);
	logged();
	ck_assert_uint_eq(count("error a list of denied peers"), 1);
	ck_assert_uint_eq(count("warning a list of allowed peers"), 1);
}
END_TEST

START_TEST(addresses_are_another_policy)
{
	uint32_t generation;

	begin(ALICE);
	generation = force.turn.peers.generation;
	in_force_follow_addresses(&force);
	ck_assert_uint_gt(force.turn.peers.generation, generation);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("in_force");
	TCase *t = tcase_create("in_force");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, users_and_limits_are_put_in_force);
	tcase_add_test(t, a_mistake_changes_nothing);
	tcase_add_test(t, a_file_that_is_gone_changes_nothing);
	tcase_add_test(t, other_realms_are_refused);
	tcase_add_test(t, a_restart_is_asked_for_by_what_runs);
	tcase_add_test(t, a_nonce_key_goes_on_as_the_previous_one);
	tcase_add_test(t, what_redis_says_stays_over_the_file);
	tcase_add_test(t, a_list_that_is_cut_is_told);
	tcase_add_test(t, addresses_are_another_policy);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
