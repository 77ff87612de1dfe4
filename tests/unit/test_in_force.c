/* link: -Wl,--wrap=udp_open_listeners,--wrap=worker_set_config,--wrap=worker_set_peers,--wrap=worker_set_credentials,--wrap=worker_set_listener,--wrap=worker_change_listener,--wrap=worker_sync,--wrap=worker_holdings */
/* What workers are handed is a system test's business (test_reload.py). */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/options.h"
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
static struct reload_result result;
static int bind_error; /* of the next listener, once */
static int saved;
static FILE *log_file;
static char text[64 << 10];

int __wrap_udp_open_listeners(const struct addr *local, uint16_t count,
			      int buffer_bytes, int *fds);

int __wrap_udp_open_listeners(const struct addr *local, uint16_t count,
			      int buffer_bytes, int *fds)
{
	int error = bind_error;

	(void)local;
	(void)buffer_bytes;
	bind_error = 0;
	for (uint16_t i = 0; !error && i < count; i++)
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return error;
}

/* --- workers, in their place: what they were handed, in order ---------------- */

#define WORKERS 2

static struct worker *workers[WORKERS];
static struct holdings holdings[WORKERS];
static char handed[512];
static uint16_t own_sockets; /* known to the rules that were handed over */

static void hand(const struct worker *w, const char *what)
{
	size_t used = strlen(handed);

	ck_assert(w == workers[0] || w == workers[1]);
	/* The last one is enough: each has what the first one has. */
	if (w == workers[WORKERS - 1])
		snprintf(handed + used, sizeof(handed) - used, "%s ", what);
}

void __wrap_worker_set_config(struct worker *w,
			      const struct turn_config *config);
void __wrap_worker_set_peers(struct worker *w, const struct peer_policy *peers);
void __wrap_worker_set_credentials(struct worker *w,
				   const struct credentials_config *config,
				   bool recheck);
void __wrap_worker_set_listener(struct worker *w, uint16_t index,
				const struct turn_listener *listener, int fd);
void __wrap_worker_change_listener(struct worker *w, uint16_t index,
				   const struct turn_listener *listener);
void __wrap_worker_sync(struct worker *w);
const struct holdings *__wrap_worker_holdings(const struct worker *w);

void __wrap_worker_set_config(struct worker *w,
			      const struct turn_config *config)
{
	own_sockets = config->peers.own_socket_count;
	hand(w, "config");
}

void __wrap_worker_set_peers(struct worker *w, const struct peer_policy *peers)
{
	own_sockets = peers->own_socket_count;
	hand(w, "peers");
}

void __wrap_worker_set_credentials(struct worker *w,
				   const struct credentials_config *config,
				   bool recheck)
{
	(void)config;
	hand(w, recheck ? "credentials,recheck" : "credentials");
}

void __wrap_worker_set_listener(struct worker *w, uint16_t index,
				const struct turn_listener *listener, int fd)
{
	(void)index;
	(void)listener;
	hand(w, fd >= 0 ? "listener" : "none");
	if (fd >= 0)
		close(fd);
}

void __wrap_worker_change_listener(struct worker *w, uint16_t index,
				   const struct turn_listener *listener)
{
	(void)index;
	hand(w, listener->lingers ? "lingers" : "serves");
}

void __wrap_worker_sync(struct worker *w)
{
	hand(w, "|");
}

const struct holdings *__wrap_worker_holdings(const struct worker *w)
{
	return &holdings[w == workers[1]];
}

/* The workers run from now on, and have the listeners. */
static void run_workers(void)
{
	struct listeners_failure failure;

	ck_assert_uint_eq(force.turn.worker_count, WORKERS);
	memset(holdings, 0, sizeof(holdings));
	for (uintptr_t i = 0; i < WORKERS; i++)
		workers[i] = (struct worker *)(i + 1);
	listeners_follow(&listeners, &addresses, &failure);
	listeners_hand_over(&listeners, workers);
	force.workers = workers;
	handed[0] = '\0';
}

/* --- a configuration that is in force ---------------------------------------- */

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
	return in_force_reload(&force, path, &machine, &result);
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
	ck_assert(!result.ok);
	ck_assert_uint_eq(result.report.count[REPORT_ERROR], 1);
	ck_assert_uint_eq(result.report.messages[REPORT_ERROR][0].line, 3);
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
	ck_assert(!in_force_reload(&force, path, &machine, &result));
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
	ck_assert_uint_eq(result.pending.count, 1);
	ck_assert_uint_eq(result.pending.options[0], OPT_WORKERS);
	/* One that is refused leaves it as it was. */
	ck_assert(!reload("wings"));
	ck_assert_uint_eq(result.pending.count, 1);
	ck_assert(reload(ALICE));
	ck_assert_uint_eq(result.pending.count, 0);
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

#define LISTEN(port) \
	"listen = ( { address = \"127.0.0.1\"; port = " port "; } );\n"

static bool listens_at(uint16_t port)
{
	for (unsigned i = 0; i < TURN_LISTENERS_MAX; i++)
		if (listeners.places[i].state == LISTENER_OPEN &&
		    !listeners.places[i].listener.lingers &&
		    listeners.places[i].listener.local.port == port)
			return true;
	return false;
}

static bool rules_know(uint16_t port)
{
	for (uint16_t i = 0; i < force.turn.peers.own_socket_count; i++)
		if (force.turn.peers.own_sockets[i].port == port)
			return true;
	return false;
}

START_TEST(listeners_come_and_go)
{
	begin(ALICE LISTEN("3478"));
	ck_assert(reload(ALICE LISTEN("3479")));
	ck_assert(listens_at(3479) && rules_know(3479));
	ck_assert(reload(ALICE LISTEN("3480")));
	ck_assert(listens_at(3480) && rules_know(3480));
	ck_assert(!listens_at(3479) && rules_know(3479));
	ck_assert_uint_eq(listeners_lingering(&listeners), 1);
	ck_assert_uint_eq(result.pending.count, 0);
}
END_TEST

START_TEST(a_port_that_is_taken_changes_nothing)
{
	const struct report_message *m =
		&result.report.messages[REPORT_ERROR][0];
	uint32_t generation;

	begin(ALICE LISTEN("3478"));
	generation = force.turn.peers.generation;
	bind_error = -EADDRINUSE;
	ck_assert(!reload(TWO LISTEN("3479")));
	ck_assert_str_eq(m->text,
			 "cannot listen at 127.0.0.1:3479: Address already in "
			 "use; another program has it: ss -lunp shows which");
	ck_assert_uint_eq(m->line, 3);
	bind_error = -EACCES;
	ck_assert(!reload(TWO LISTEN("1022")));
	ck_assert_ptr_nonnull(strstr(m->text, "below 1024"));
	ck_assert_ptr_eq(force.conf, start);
	ck_assert_uint_eq(force.turn.peers.generation, generation);
	ck_assert(!listens_at(3479) && !rules_know(3479));
	ck_assert_uint_eq(static_users_count(force.credentials.users), 1);
	logged();
	ck_assert_uint_eq(count("line=3 found=\"cannot listen"), 2);
}
END_TEST

/* The range that the file names is not the one that is in force. */
START_TEST(a_listener_in_the_running_range_is_refused)
{
	begin("realm = \"r\"; relay = { address = \"127.0.0.1\"; ports = "
	      "[ 50000, 50009 ]; };\n");
	ck_assert(!reload("realm = \"r\"; relay = { address = \"127.0.0.1\"; "
			  "ports = [ 50006, 50009 ]; };\n" LISTEN("50005")));
	ck_assert_uint_eq(result.report.messages[REPORT_ERROR][0].line, 2);
	ck_assert(reload("realm = \"r\"; relay = { address = \"127.0.0.1\"; "
			 "ports = [ 50006, 50009 ]; };\n" LISTEN("50010")));
	ck_assert_uint_eq(result.pending.count, 1);
	ck_assert_uint_eq(result.pending.options[0], OPT_RELAY_PORTS);
}
END_TEST

/* Pools are as large as they were made. */
START_TEST(limits_are_lowered_and_not_raised)
{
	const struct turn_limits *l = &force.turn.limits;

	begin(ALICE "limits = { allocations = 9; permissions = 9; channels = "
		    "9; };\n");
	ck_assert(reload(ALICE "limits = { allocations = 5; permissions = 6; "
			       "channels = 7; };\n"));
	ck_assert_uint_eq(l->allocations, 5);
	ck_assert_uint_eq(l->permissions_per_allocation, 6);
	ck_assert_uint_eq(l->channels_per_allocation, 7);
	ck_assert_uint_eq(result.pending.count, 0);
	ck_assert(reload(ALICE "limits = { allocations = 15; permissions = "
			       "16; channels = 17; };\n"));
	ck_assert_uint_eq(l->allocations, 9);
	ck_assert_uint_eq(l->permissions_per_allocation, 9);
	ck_assert_uint_eq(l->channels_per_allocation, 9);
	ck_assert_uint_eq(result.pending.count, 3);
}
END_TEST

static struct addr numbered(uint8_t n)
{
	return addr_ipv4(0x08080800u | n, 0);
}

static bool advertise(uint8_t n)
{
	struct addr ip = numbered(n);

	return in_force_set_advertise(&force, &ip);
}

START_TEST(another_address_is_advertised)
{
	struct peer_policy *p = &force.turn.peers;
	struct addr told = numbered(1), bound;

	begin("realm = \"r\"; relay = { advertise = \"8.8.8.1\"; };\n");
	bound = force.turn.relay;
	ck_assert(advertise(1));
	ck_assert_uint_eq(p->relay_ip_count, 2);
	ck_assert(advertise(2));
	ck_assert_uint_eq(addr_ipv4_value(&force.turn.relay_advertise),
			  0x08080802);
	/* Nobody was told the former one; the others keep their places. */
	ck_assert(!in_force_let_go(&force));
	ck_assert_uint_eq(p->relay_ips[1].family, ADDR_NONE);
	ck_assert(advertise(1));
	ck_assert_uint_eq(peer_policy_relay_index(p, &told), 3);
	/* The bound one has its place for good. */
	ck_assert(in_force_set_advertise(&force, &bound));
	ck_assert(!in_force_let_go(&force));
	ck_assert(addr_same_ip(&p->relay_ips[0], &bound));
	ck_assert_uint_eq(p->relay_ips[3].family, ADDR_NONE);
	logged();
	ck_assert_uint_eq(count("another relay address is advertised"), 3);
}
END_TEST

START_TEST(too_many_former_addresses)
{
	begin("realm = \"r\"; relay = { advertise = \"8.8.8.1\"; };\n");
	for (uint8_t n = 2; n < PEER_POLICY_RELAY_IPS_MAX; n++)
		ck_assert(advertise(n));
	ck_assert(!advertise(PEER_POLICY_RELAY_IPS_MAX));
	ck_assert_uint_eq(addr_ipv4_value(&force.turn.relay_advertise),
			  0x08080807);
	ck_assert(!reload("realm = \"r\"; relay = { advertise = "
			  "\"8.8.8.8\"; };\n"));
	ck_assert(!in_force_let_go(&force));
	ck_assert(reload("realm = \"r\"; relay = { advertise = "
			 "\"8.8.8.8\"; };\n"));
	ck_assert_uint_eq(addr_ipv4_value(&force.turn.relay_advertise),
			  0x08080808);
}
END_TEST

#define TWO_WORKERS "workers = 2;\n"

/* Whoever reads a packet judges it by rules that know all of us. */
START_TEST(rules_come_before_listeners)
{
	begin(ALICE TWO_WORKERS LISTEN("3478"));
	run_workers();
	ck_assert(reload(ALICE TWO_WORKERS LISTEN("3479")));
	ck_assert_str_eq(handed,
			 "config | credentials,recheck lingers listener | ");
	ck_assert_uint_eq(own_sockets, 2);
	handed[0] = '\0';
	ck_assert(!reload("wings"));
	ck_assert_str_eq(handed, "");
}
END_TEST

/* The sockets go first, then the rules that knew of them. */
START_TEST(what_lingers_is_let_go)
{
	begin(ALICE TWO_WORKERS LISTEN("3478"));
	run_workers();
	holdings[1].listeners[0] = 1;
	ck_assert(reload(ALICE TWO_WORKERS LISTEN("3479")));
	handed[0] = '\0';
	ck_assert(in_force_let_go(&force));
	ck_assert_str_eq(handed, "");
	holdings[1].listeners[0] = 0;
	ck_assert(!in_force_let_go(&force));
	ck_assert_str_eq(handed, "none peers | ");
	ck_assert_uint_eq(own_sockets, 1);
	ck_assert_uint_eq(listeners_lingering(&listeners), 0);
}
END_TEST

START_TEST(a_former_address_is_ours_while_a_session_lives_by_it)
{
	struct addr told = numbered(1);

	begin("realm = \"r\"; relay = { advertise = \"8.8.8.1\"; };\n" TWO_WORKERS);
	run_workers();
	holdings[0].relay_ips[1] = 2;
	ck_assert(advertise(2));
	ck_assert_str_eq(handed, "config | ");
	ck_assert(in_force_let_go(&force));
	ck_assert_uint_eq(peer_policy_relay_index(&force.turn.peers, &told), 1);
	holdings[0].relay_ips[1] = 0;
	ck_assert(!in_force_let_go(&force));
	ck_assert_uint_eq(peer_policy_relay_index(&force.turn.peers, &told), 0);
	ck_assert_str_eq(handed, "config | peers | ");
}
END_TEST

/* What the file does not name is the bound address that is in force. */
START_TEST(the_advertised_address_follows_the_bound_one)
{
	begin("realm = \"r\"; relay = { address = \"203.0.113.7\"; "
	      "advertise = \"8.8.8.1\"; };\n");
	ck_assert(reload("realm = \"r\"; relay = { address = "
			 "\"127.0.0.1\"; };\n"));
	ck_assert(addr_same_ip(&force.turn.relay_advertise, &force.turn.relay));
	ck_assert_uint_eq(addr_ipv4_value(&force.turn.relay), 0xcb007107);
	ck_assert_uint_eq(result.pending.count, 1);
	ck_assert_uint_eq(result.pending.options[0], OPT_RELAY_ADDRESS);
}
END_TEST

static void deny(struct redis_realm *realm, const char *peer)
{
	struct redis_peers *list = &realm->denied_peers;

	snprintf(list->items[list->count++], REDIS_PEER_BYTES, "%s", peer);
}

START_TEST(a_drain_outlives_a_reload)
{
	begin(ALICE KEY("1"));
	ck_assert(!force.turn.draining);
	in_force_set_draining(&force, true);
	ck_assert(force.turn.draining);
	ck_assert(reload(ALICE KEY("1") "drain = { alternates = "
					"[ \"192.0.2.1\", \"192.0.2.2:5\" ]; "
					"};\n"));
	ck_assert(force.turn.draining);
	ck_assert_uint_eq(force.turn.alternate_count, 2);
	ck_assert_uint_eq(force.turn.alternates[0].port, 3478);
	ck_assert_uint_eq(force.turn.alternates[1].port, 5);
	in_force_set_draining(&force, false);
	ck_assert(!force.turn.draining);
	ck_assert(reload(ALICE KEY("1")));
	ck_assert_uint_eq(force.turn.alternate_count, 0);
	ck_assert(!force.turn.draining);
}
END_TEST

/* Else browsers would give up that are sent elsewhere. */
START_TEST(alternates_without_a_key_are_no_reload)
{
	begin(ALICE);
	ck_assert(!reload(ALICE "drain = { alternates = [ \"192.0.2.1\" ]; "
				"};\n"));
	ck_assert_uint_eq(force.turn.alternate_count, 0);
}
END_TEST

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

START_TEST(a_self_test_outlives_a_reload)
{
	const struct addr peer = addr_ipv4(0x7f000001, 5000);
	const struct addr none = { .family = ADDR_NONE };
	struct hash_key key = { 1, 2 };
	struct static_users *user =
		static_users_new(&key, TURN_SOURCE_SELF_TEST);

	begin(ALICE);
	in_force_set_tester(&force, user, &peer);
	ck_assert_ptr_eq(force.credentials.self_test, user);
	ck_assert(addr_equal(&force.turn.peers.self_test_peer, &peer));
	ck_assert(reload(TWO));
	ck_assert_ptr_eq(force.credentials.self_test, user);
	ck_assert(addr_equal(&force.turn.peers.self_test_peer, &peer));
	in_force_set_tester(&force, NULL, &none);
	ck_assert_ptr_null(force.credentials.self_test);
	ck_assert_uint_eq(force.turn.peers.self_test_peer.family, ADDR_NONE);
	static_users_free(user);
}
END_TEST

START_TEST(the_users_file_alone_is_reloaded)
{
	struct hash_key key = { 1, 2 };
	struct report *report = calloc(1, sizeof(*report));

	begin(ALICE "users_file = \"/nowhere/at/all\";");
	ck_assert(in_force_reload_users(&force, &key, report));
	ck_assert_ptr_ne(force.credentials.file_users, start->file_users);
	ck_assert(in_force_reload_users(&force, &key, report));
	ck_assert(reload(TWO));
	/* The whole file has its own. */
	ck_assert_ptr_null(force.file_users);
	ck_assert_ptr_eq(force.credentials.file_users, force.conf->file_users);
	free(report);
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
	tcase_add_test(t, a_drain_outlives_a_reload);
	tcase_add_test(t, alternates_without_a_key_are_no_reload);
	tcase_add_test(t, what_redis_says_stays_over_the_file);
	tcase_add_test(t, a_list_that_is_cut_is_told);
	tcase_add_test(t, addresses_are_another_policy);
	tcase_add_test(t, a_self_test_outlives_a_reload);
	tcase_add_test(t, the_users_file_alone_is_reloaded);
	tcase_add_test(t, listeners_come_and_go);
	tcase_add_test(t, a_port_that_is_taken_changes_nothing);
	tcase_add_test(t, a_listener_in_the_running_range_is_refused);
	tcase_add_test(t, limits_are_lowered_and_not_raised);
	tcase_add_test(t, another_address_is_advertised);
	tcase_add_test(t, too_many_former_addresses);
	tcase_add_test(t, rules_come_before_listeners);
	tcase_add_test(t, what_lingers_is_let_go);
	tcase_add_test(t, a_former_address_is_ours_while_a_session_lives_by_it);
	tcase_add_test(t, the_advertised_address_follows_the_bound_one);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
