#include "worker/service.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "conf/machine.h"
#include "conf/nonce_key.h"
#include "config.h"
#include "net/ifaddr.h"
#include "net/udp.h"
#include "turn/shared.h"
#include "worker/in_force.h"
#include "worker/listeners.h"
#include "worker/logger.h"
#include "worker/privileges.h"
#include "worker/self_test.h"
#include "worker/worker.h"

/* The status that the service manager shows is as old as this. */
#define STATUS_S 5
#define STATUS_BYTES 128
/* What the log may cost at the end, well below TimeoutStopSec=. */
#define LOG_PATIENCE_MS 5000
/* Descriptors besides those of allocations and listeners. */
#define DESCRIPTORS_BASE 64
#define DESCRIPTORS_PER_WORKER 8

struct service {
	const struct conf *conf; /* of the start */
	const struct service_options *options;
	struct in_force force;
	struct ifaddr_monitor addresses;
	bool addresses_open;
	struct listeners listeners;
	struct logger *log;
	struct refusals *refusals;
	struct turn_shared shared;
	bool shared_made;
	struct worker *workers[LISTENERS_WORKERS_MAX];
	uint16_t workers_made;
	struct redis_store *redis; /* NULL: none */
	int redis_fd;              /* woken when it has news for us */

	struct event_base *base;
	struct event *events[8];
	unsigned event_count;
	uint64_t passes[LISTENERS_WORKERS_MAX]; /* when all had passed */
	uint64_t redis_passes;                  /* the same */
	char status[STATUS_BYTES];              /* told last */
	int exit_status;
};

/* --- what is said --- */

static void begin(struct log_record *r, enum log_level level,
		  const char *message)
{
	log_begin(r, level, message, (int64_t)time(NULL));
}

static enum logger_format format_of(const struct conf *c)
{
	switch (c->log_format) {
	case CONF_LOG_TEXT:
		return LOGGER_TEXT;
	case CONF_LOG_JSON:
		return LOGGER_JSON;
	case CONF_LOG_JOURNAL:
		return LOGGER_JOURNAL;
	case CONF_LOG_AUTO:
		break;
	}
	return LOGGER_AUTO;
}

static int open_log(struct service *s)
{
	return logger_new(&s->log, format_of(s->conf), s->conf->log_level);
}

/*
 * Says why there is no start, and keeps the exit status. The log may not be
 * open yet: it has a thread, and a process gives up its privileges before
 * it has any. But one that fails needs none any more.
 */
static bool fail(struct service *s, int exit_status, const struct log_record *r)
{
	s->exit_status = exit_status;
	if (s->log || !open_log(s))
		logger_put(s->log, r);
	return false;
}

static bool fail_simply(struct service *s, const char *message, int error,
			const char *remedy)
{
	struct log_record r;

	begin(&r, LOG_LEVEL_ERROR, message);
	log_text(&r, "reason", strerror(-error));
	if (remedy)
		log_text(&r, "remedy", remedy);
	return fail(s, SERVICE_FAILED, &r);
}

/* Why a socket cannot be bound, and what helps. */
static const char *bind_remedy(int error)
{
	switch (-error) {
	case EADDRINUSE:
		return "another program has it: ss -lunp shows which";
	case EADDRNOTAVAIL:
		return "this machine does not have that address now: "
		       "ip address shows those it has";
	case EACCES:
		return "a port below 1024 needs privilege: start as root, or "
		       "with the drop-in privileged-port.conf";
	case EMFILE:
		return "raise LimitNOFILE= or ulimit -n";
	case ENOSPC:
		return "fewer listeners, or fewer addresses than "
		       "0.0.0.0 stands for";
	default:
		return "see turnpiked(8)";
	}
}

static void describe_bind(struct log_record *r, enum log_level level,
			  const char *message, const struct addr *address,
			  int error)
{
	begin(r, level, message);
	log_addr(r, "address", address);
	log_text(r, "reason", strerror(-error));
	log_text(r, "remedy", bind_remedy(error));
}

/* --- the start, while there is privilege and one thread --- */

/* How many descriptors there may have to be. */
static rlim_t descriptors_needed(const struct service *s)
{
	return (rlim_t)s->force.turn.limits.allocations + DESCRIPTORS_BASE +
	       (rlim_t)s->force.turn.worker_count *
		       (DESCRIPTORS_PER_WORKER +
			listeners_count(&s->listeners));
}

/* As many descriptors as are allowed; root allows itself what is needed. */
static void raise_descriptors(const struct service *s)
{
	rlim_t needed = descriptors_needed(s);
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	if (limit.rlim_max < needed) {
		struct rlimit more = { needed, needed };

		if (setrlimit(RLIMIT_NOFILE, &more) == 0)
			return;
	}
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void check_descriptors(struct service *s)
{
	rlim_t needed = descriptors_needed(s);
	struct rlimit limit;
	struct log_record r;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= needed)
		return;
	begin(&r, LOG_LEVEL_WARNING,
	      "too few file descriptors for all allocations");
	log_number(&r, "allowed", limit.rlim_cur);
	log_number(&r, "needed", needed);
	log_number(&r, "allocations", s->force.turn.limits.allocations);
	log_text(&r, "remedy",
		 "raise LimitNOFILE= or ulimit -n, or lower "
		 "limits.allocations");
	logger_put(s->log, &r);
}

static bool open_addresses(struct service *s)
{
	int error = ifaddr_open(&s->addresses);

	s->addresses_open = !error;
	return !error ||
	       fail_simply(s, "cannot read the machine's addresses", error,
			   "the process needs AF_NETLINK sockets");
}

static bool open_listeners(struct service *s)
{
	struct listeners_failure failure;
	struct log_record r;

	listeners_follow(&s->listeners, &s->addresses.list, &failure);
	if (!failure.error)
		return true;
	describe_bind(&r, LOG_LEVEL_ERROR, "cannot listen", &failure.address,
		      failure.error);
	return fail(s, SERVICE_FAILED, &r);
}

/* Whether allocations will find their address. */
static bool try_relay(struct service *s)
{
	int fd = udp_open_relay(&s->force.turn.relay,
				s->conf->relay_buffer_bytes);
	struct log_record r;

	if (fd >= 0) {
		close(fd);
		return true;
	}
	describe_bind(&r, LOG_LEVEL_ERROR, "cannot use relay.address",
		      &s->force.turn.relay, fd);
	return fail(s, SERVICE_FAILED, &r);
}

static bool fail_with_report(struct service *s, const struct report *report)
{
	const char *text = report->messages[REPORT_ERROR][0].text;
	const char *remedy = strstr(text, "; ");
	struct log_record r;

	begin(&r, LOG_LEVEL_ERROR, "no nonce key");
	log_bytes(&r, "reason",
		  bytes_of(text,
			   remedy ? (size_t)(remedy - text) : strlen(text)));
	if (remedy)
		log_text(&r, "remedy", remedy + 2);
	return fail(s, SERVICE_FAILED, &r);
}

static bool load_nonce_key(struct service *s,
			   const struct privileges_user *user)
{
	struct report *report;
	bool ok;

	if (s->force.turn.nonce.current.len > 0)
		return true;
	report = malloc(sizeof(*report));
	if (!report)
		return fail_simply(s, "no nonce key", -ENOMEM, NULL);
	report_init(report);
	ok = nonce_key_load(s->conf->state_dir, user->uid, user->gid,
			    &s->force.turn.nonce.current, report);
	if (!ok)
		fail_with_report(s, report);
	free(report);
	return ok;
}

/* Whom to become if root has started us. */
static bool find_user(struct service *s, struct privileges_user *user)
{
	int error = privileges_find(s->conf->user, user);
	struct log_record r;

	if (!error && user->uid != 0 && user->gid != 0)
		return true;
	begin(&r, LOG_LEVEL_ERROR,
	      error ? "the user to run as is unknown"
		    : "the user to run as is root");
	log_text(&r, "user", s->conf->user);
	if (error && error != -ENOENT)
		log_text(&r, "reason", strerror(-error));
	log_text(&r, "remedy",
		 "make it (useradd --system turnpike), or name another one "
		 "by the option user");
	return fail(s, SERVICE_CONFIG, &r);
}

static bool drop(struct service *s, const struct privileges_user *user)
{
	int error = privileges_drop(user);

	return !error || fail_simply(s, "cannot give up the privileges of root",
				     error, "start as another user than root");
}

/* Everything that may need privilege, and then an end to it. */
static bool prepare(struct service *s)
{
	struct privileges_user user = { .uid = (uid_t)-1, .gid = (gid_t)-1 };
	bool root = geteuid() == 0;
	int error = privileges_harden();

	if (error)
		return fail_simply(s, "cannot forbid core dumps", error, NULL);
	if (root && !find_user(s, &user))
		return false;
	if (!open_addresses(s))
		return false;
	/* Listeners need descriptors, and their number how many. */
	raise_descriptors(s);
	if (!open_listeners(s) || !try_relay(s) || !load_nonce_key(s, &user))
		return false;
	raise_descriptors(s);
	return !root || drop(s, &user);
}

/* --- the start, as it will run --- */

/* --- Redis --- */

static void on_redis_wake(void *arg, uint16_t reader)
{
	struct service *s = arg;
	const uint64_t one = 1;

	if (reader < s->workers_made)
		worker_wake(s->workers[reader]);
	else
		(void)!write(s->redis_fd, &one, sizeof(one));
}

static void on_redis_log(void *arg, const struct log_record *record)
{
	struct service *s = arg;

	logger_put(s->log, record);
}

static bool make_redis(struct service *s)
{
	const struct redis_store_hooks hooks = {
		.arg = s,
		.wake = on_redis_wake,
		.log = on_redis_log,
	};
	const struct redis_config *config = &s->conf->redis.store;
	int error;

	if (config->endpoint_count == 0)
		return true;
	s->redis_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	error = s->redis_fd < 0
			? -errno
			: redis_store_new(&s->redis, config,
					  s->force.turn.worker_count, &hooks);
	s->force.credentials.redis = s->redis;
	return !error || fail_simply(s, "cannot make the Redis store", error,
				     "see redis.tls and redis.tls_ca");
}

static bool start_redis(struct service *s)
{
	int error = s->redis ? redis_store_start(s->redis) : 0;

	return !error || fail_simply(s, "cannot start the Redis store", error,
				     "raise TasksMax= or ulimit -u");
}

/* What it has for the main thread: the options of realms. */
static void on_redis(evutil_socket_t fd, short what, void *arg)
{
	struct redis_event *event = malloc(sizeof(*event));
	struct service *s = arg;
	uint64_t count;

	(void)what;
	(void)!read(fd, &count, sizeof(count));
	while (event && redis_store_next(s->redis, s->workers_made, event))
		if (event->kind == REDIS_EVENT_REALM)
			in_force_take_realm(&s->force, event->realm,
					    &event->options);
	free(event);
}

/* --- the workers --- */

static bool make_workers(struct service *s)
{
	struct worker_buffers buffers = {
		.listener_bytes = s->conf->listener_buffer_bytes,
		.relay_bytes = s->conf->relay_buffer_bytes,
	};
	struct worker_credentials credentials = {
		.config = s->force.credentials,
		.cache_entries = s->conf->redis.cache_entries /
				 s->force.turn.worker_count,
	};
	struct worker_commons commons = {
		.shared = &s->shared,
		.log = s->log,
		.refusals = refusals_new(),
	};
	uint8_t seed[RANDOM_SEED_BYTES];
	struct hash_key key;
	int error = -EIO;

	s->refusals = commons.refusals;
	if (!s->refusals)
		return fail_simply(s, "cannot make the workers", -ENOMEM, NULL);

	if (getrandom(seed, sizeof(seed), 0) == (ssize_t)sizeof(seed) &&
	    getrandom(&key, sizeof(key), 0) == (ssize_t)sizeof(key) &&
	    getrandom(&credentials.key, sizeof(credentials.key), 0) ==
		    (ssize_t)sizeof(credentials.key))
		error = turn_shared_init(&s->shared, &s->force.turn, &key);
	s->shared_made = !error;
	if (!error)
		error = workers_new(s->workers, s->force.turn.worker_count,
				    &s->force.turn, &commons, &credentials,
				    buffers, seed);
	crypto_wipe(seed, sizeof(seed));
	if (error)
		return fail_simply(s, "cannot make the workers", error,
				   "lower limits.allocations or workers");
	s->workers_made = s->force.turn.worker_count;
	return true;
}

static bool start_workers(struct service *s)
{
	int error;

	listeners_hand_over(&s->listeners, s->workers);
	error = workers_start(s->workers, s->workers_made);
	if (error)
		return fail_simply(s, "cannot start the workers", error,
				   "raise TasksMax= or ulimit -u");
	s->force.workers = s->workers;
	in_force_sync(&s->force);
	return true;
}

/* --- while it runs --- */

static uint64_t allocation_count(const struct service *s)
{
	uint64_t count = 0;

	for (uint16_t i = 0; i < s->workers_made; i++)
		count += counter_get(
			&worker_counters(s->workers[i])->allocations);
	return count;
}

/* Returns whether the status has changed since it was told. */
static bool update_status(struct service *s)
{
	char status[STATUS_BYTES], redis[STATUS_BYTES / 2] = "";
	struct redis_status r;

	if (s->redis) {
		redis_store_status(s->redis, &r);
		snprintf(redis, sizeof(redis), ", Redis %s (%s)",
			 redis_state_name(r.state), redis_mode_name(r.mode));
	}
	snprintf(status, sizeof(status), "%u listeners, %llu allocations%s",
		 listeners_count(&s->listeners),
		 (unsigned long long)allocation_count(s), redis);
	if (!strcmp(status, s->status))
		return false;
	memcpy(s->status, status, sizeof(status));
	return true;
}

static void on_status(evutil_socket_t fd, short what, void *arg)
{
	struct service *s = arg;

	(void)fd;
	(void)what;
	if (update_status(s))
		sd_notifyf(0, "STATUS=%s", s->status);
}

/*
 * Whether the loop of each thread has passed since this was last so: they pass at
 * their own times, and need not all do so between two looks.
 */
static bool all_passed(struct service *s)
{
	for (uint16_t i = 0; i < s->workers_made; i++)
		if (worker_passes(s->workers[i]) == s->passes[i])
			return false;
	if (s->redis && redis_store_passes(s->redis) == s->redis_passes)
		return false;
	if (s->redis)
		s->redis_passes = redis_store_passes(s->redis);
	for (uint16_t i = 0; i < s->workers_made; i++)
		s->passes[i] = worker_passes(s->workers[i]);
	return true;
}

static void on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	if (all_passed(arg))
		sd_notify(0, "WATCHDOG=1");
}

static void on_stop(evutil_socket_t number, short what, void *arg)
{
	struct service *s = arg;
	struct log_record r;

	(void)what;
	begin(&r, LOG_LEVEL_NOTICE, "stopping");
	log_text(&r, "signal", number == SIGTERM ? "SIGTERM" : "SIGINT");
	log_number(&r, "allocations", allocation_count(s));
	logger_put(s->log, &r);
	event_base_loopbreak(s->base);
}

static void on_reload(evutil_socket_t number, short what, void *arg)
{
	struct service *s = arg;
	struct conf_machine *machine = malloc(sizeof(*machine));

	(void)number;
	(void)what;
	if (machine && !machine_look(machine))
		in_force_reload(&s->force, s->options->conf_path, machine);
	else
		logger_say(s->log, LOG_LEVEL_ERROR,
			   "reload refused: the machine cannot be looked at");
	free(machine);
}

/* Relaying through loopback was all there was; now there may be better. */
static void check_makeshift(struct service *s)
{
	for (unsigned i = 0; i < s->addresses.list.count; i++) {
		const struct addr *ip = &s->addresses.list.items[i].ip;
		struct log_record r;

		if (ip->family != ADDR_IPV4 || addr_ipv4_value(ip) >> 24 == 127)
			continue;
		begin(&r, LOG_LEVEL_ERROR,
		      "an address to relay through has come: restart");
		log_addr(&r, "address", ip);
		logger_put(s->log, &r);
		/* A service manager starts us again; nobody else does. */
		if (!getenv("NOTIFY_SOCKET"))
			return;
		s->exit_status = SERVICE_FAILED;
		event_base_loopbreak(s->base);
		return;
	}
}

static void follow_addresses(struct service *s)
{
	struct listeners_failure failure;
	struct log_record r;

	listeners_follow(&s->listeners, &s->addresses.list, &failure);
	if (failure.error) {
		describe_bind(&r, LOG_LEVEL_WARNING, "cannot listen",
			      &failure.address, failure.error);
		logger_put(s->log, &r);
	}
	/* No listener reads a packet before all rules know of it. */
	in_force_follow_addresses(&s->force);
	listeners_hand_over(&s->listeners, s->workers);

	begin(&r, LOG_LEVEL_INFO, "addresses changed");
	log_number(&r, "listeners", listeners_count(&s->listeners));
	logger_put(s->log, &r);
}

static void on_addresses(evutil_socket_t fd, short what, void *arg)
{
	struct service *s = arg;
	int changed = ifaddr_update(&s->addresses);

	(void)fd;
	(void)what;
	if (changed < 0)
		logger_say(s->log, LOG_LEVEL_WARNING,
			   "a change of addresses could not be read");
	if (changed <= 0)
		return;
	follow_addresses(s);
	if (s->conf->relay_is_makeshift)
		check_makeshift(s);
}

static bool watch(struct service *s, evutil_socket_t fd, short what,
		  event_callback_fn callback, uint64_t every_us)
{
	struct timeval interval = {
		.tv_sec = (time_t)(every_us / 1000000),
		.tv_usec = (suseconds_t)(every_us % 1000000),
	};
	struct event *e =
		event_new(s->base, fd, (short)(what | EV_PERSIST), callback, s);

	if (!e)
		return false;
	s->events[s->event_count++] = e;
	return event_add(e, every_us > 0 ? &interval : NULL) == 0;
}

static bool watch_all(struct service *s)
{
	uint64_t watchdog_us = 0;

	s->base = event_base_new();
	if (!s->base || !watch(s, SIGTERM, EV_SIGNAL, on_stop, 0) ||
	    !watch(s, SIGINT, EV_SIGNAL, on_stop, 0) ||
	    !watch(s, SIGHUP, EV_SIGNAL, on_reload, 0) ||
	    !watch(s, s->addresses.fd, EV_READ, on_addresses, 0) ||
	    !watch(s, -1, EV_TIMEOUT, on_status, STATUS_S * 1000000ULL) ||
	    (s->redis && !watch(s, s->redis_fd, EV_READ, on_redis, 0)))
		return false;
	/* Workers pass at least once a second: looked at less often. */
	if (sd_watchdog_enabled(0, &watchdog_us) > 0)
		return watch(s, -1, EV_TIMEOUT, on_watchdog, watchdog_us / 3);
	return true;
}

static void say_ready(struct service *s)
{
	struct log_record r;

	begin(&r, LOG_LEVEL_NOTICE, "ready");
	log_text(&r, "version", PACKAGE_VERSION);
	log_number(&r, "listeners", listeners_count(&s->listeners));
	log_addr(&r, "relay", &s->force.turn.relay);
	log_addr(&r, "advertise", &s->force.turn.relay_advertise);
	log_number(&r, "first_port", s->force.turn.peers.relay_port_min);
	log_number(&r, "last_port", s->force.turn.peers.relay_port_max);
	log_number(&r, "users",
		   static_users_count(s->conf->users) +
			   static_users_count(s->conf->file_users));
	log_number(&r, "workers", s->workers_made);
	logger_put(s->log, &r);

	update_status(s);
	sd_notifyf(0, "READY=1\nSTATUS=%s", s->status);
}

static bool self_test(struct service *s)
{
	struct self_test t = {
		.workers = s->workers,
		.worker_count = s->workers_made,
		.credentials = &s->force.credentials,
		.policy = &s->force.turn.peers,
		.relay = &s->force.turn.relay,
		.listener = listeners_at(&s->listeners, &s->force.turn.relay),
	};
	struct self_test_result result;
	char line[SELF_TEST_LINE_BYTES];
	struct log_record r;

	t.realm = s->force.turn.realms[t.listener->realm].name;
	self_test_run(&t, &result);
	printf("%s\n", self_test_print(&result, line));
	fflush(stdout);

	begin(&r, result.ok ? LOG_LEVEL_NOTICE : LOG_LEVEL_ERROR,
	      result.ok ? "self-test passed" : "self-test failed");
	log_addr(&r, "listener", &t.listener->local);
	if (result.ok) {
		log_addr(&r, "relayed", &result.relayed);
	} else {
		log_text(&r, "reason", result.reason);
		log_text(&r, "remedy", result.remedy);
		s->exit_status = SERVICE_FAILED;
	}
	logger_put(s->log, &r);
	return result.ok;
}

static void block_signals(void)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
}

static void serve(struct service *s)
{
	if (!watch_all(s)) {
		fail_simply(s, "cannot watch for events", -ENOMEM, NULL);
		return;
	}
	say_ready(s);
	if (!s->options->self_test || self_test(s))
		event_base_dispatch(s->base);
	sd_notify(0, "STOPPING=1\nSTATUS=stopping");
	/* A second signal must not end what ends already. */
	block_signals();
}

static void start_and_serve(struct service *s)
{
	int error = open_log(s);

	if (error) {
		s->exit_status = SERVICE_FAILED;
		fprintf(stderr, "turnpiked: cannot start the log: %s\n",
			strerror(-error));
		return;
	}
	in_force_log_report(s->log, LOG_LEVEL_WARNING, "configuration",
			    s->options->conf_path, s->options->report,
			    REPORT_WARNING);
	check_descriptors(s);
	s->force.log = s->log;
	in_force_follow_addresses(&s->force);
	if (!make_redis(s) || !make_workers(s) || !start_workers(s))
		return;
	if (start_redis(s)) {
		serve(s);
		if (s->redis)
			redis_store_stop(s->redis);
	}
	/* The end of each session is told, whoever reads it slowly. */
	logger_be_patient(s->log, LOG_PATIENCE_MS);
	workers_stop(s->workers, s->workers_made, TURN_CAUSE_SHUTDOWN);
}

static void release(struct service *s)
{
	for (unsigned i = 0; i < s->event_count; i++)
		event_free(s->events[i]);
	if (s->base)
		event_base_free(s->base);
	workers_free(s->workers, s->workers_made);
	redis_store_free(s->redis);
	if (s->redis_fd >= 0)
		close(s->redis_fd);
	in_force_fini(&s->force);
	listeners_fini(&s->listeners);
	if (s->shared_made)
		turn_shared_fini(&s->shared);
	if (s->addresses_open)
		ifaddr_close(&s->addresses);
	refusals_free(s->refusals);
	logger_free(s->log);
	crypto_wipe(s, sizeof(*s));
	free(s);
}

int service_run(const struct conf *conf, const struct service_options *options)
{
	struct service *s = calloc(1, sizeof(*s));
	int exit_status;

	if (!s) {
		fputs("turnpiked: no memory\n", stderr);
		return SERVICE_FAILED;
	}
	umask(077);
	signal(SIGPIPE, SIG_IGN);
	s->conf = conf;
	s->options = options;
	s->redis_fd = -1;
	in_force_init(&s->force, conf, &s->listeners, &s->addresses.list);
	listeners_init(&s->listeners, conf);
	if (prepare(s))
		start_and_serve(s);
	exit_status = s->exit_status;
	release(s);
	return exit_status;
}
