#include "worker/service.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "config.h"
#include "worker/notify.h"
#include "worker/redis_feed.h"
#include "worker/self_test.h"
#include "worker/service_state.h"
#include "worker/start_failed.h"
#include "worker/startup.h"
#include "worker/watch.h"

/* What the log may cost at the end, well below TimeoutStopSec=. */
#define LOG_PATIENCE_MS 5000

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

int service_open_log(struct service *s)
{
	return logger_new(&s->log, format_of(s->conf), s->conf->log_level);
}

uint64_t service_allocations(const struct service *s)
{
	uint64_t count = 0;

	for (uint16_t i = 0; i < s->workers_made; i++)
		count += counter_get(
			&worker_counters(s->workers[i])->allocations);
	return count;
}

static bool make_base(struct service *s)
{
	s->base = event_base_new();
	return s->base ||
	       start_failed_because(s, "cannot wait for events", -ENOMEM, NULL);
}

/* Before anything is served, so that no news is missed. */
static bool open_advertise(struct service *s)
{
	int error = advertise_open(&s->advertise, s->conf, s->log);

	return !error || start_failed_because(
				 s, "cannot watch the advertised address",
				 error, "raise fs.inotify.max_user_instances");
}

/* What is kept for the operator. Returns false without memory. */
static bool make_records(struct service *s)
{
	const struct turn_config *c = &s->force.turn;
	struct timespec t;
	struct hash_key key;
	struct now now;

	clock_gettime(CLOCK_BOOTTIME, &t);
	now.mono_ms = (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
	now.wall_s = time(NULL);
	if (getrandom(&key, sizeof(key), 0) != (ssize_t)sizeof(key))
		return false;
	s->refusals = refusals_new();
	s->usage =
		usage_new(c->worker_count, c->limits.allocations, &key, &now);
	return s->refusals && s->usage;
}

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
	};
	uint8_t seed[RANDOM_SEED_BYTES];
	struct hash_key key;
	int error = -EIO;

	if (!make_records(s))
		return start_failed_because(s, "cannot make the workers",
					    -ENOMEM, NULL);
	commons.refusals = s->refusals;
	commons.usage = s->usage;
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
		return start_failed_because(
			s, "cannot make the workers", error,
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
		return start_failed_because(s, "cannot start the workers",
					    error,
					    "raise TasksMax= or ulimit -u");
	s->force.workers = s->workers;
	in_force_sync(&s->force);
	return true;
}

static void say_ready(struct service *s)
{
	struct log_record r;

	logger_begin(&r, LOG_LEVEL_NOTICE, "ready");
	log_text(&r, "version", PACKAGE_VERSION);
	log_number(&r, "listeners", listeners_count(&s->listeners));
	log_addr(&r, "relay", &s->force.turn.relay);
	log_addr(&r, "advertise", &s->force.turn.relay_advertise);
	log_text(&r, "advertise_source", s->advertise.source);
	log_number(&r, "first_port", s->force.turn.peers.relay_port_min);
	log_number(&r, "last_port", s->force.turn.peers.relay_port_max);
	log_number(&r, "users",
		   static_users_count(s->conf->users) +
			   static_users_count(s->conf->file_users));
	log_number(&r, "workers", s->workers_made);
	logger_put(s->log, &r);

	watch_update_status(s);
	notify_send("READY=1\nSTATUS=%s", s->status);
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
	struct trial_result result;
	char line[SELF_TEST_LINE_BYTES];
	struct log_record r;

	t.realm = s->force.turn.realms[t.listener->realm].name;
	self_test_run(&t, &result);
	printf("%s\n", self_test_print(&result, line));
	fflush(stdout);

	logger_begin(&r, result.ok ? LOG_LEVEL_NOTICE : LOG_LEVEL_ERROR,
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
	if (!watch_start(s)) {
		start_failed_because(s, "cannot watch for events", -ENOMEM,
				     NULL);
		return;
	}
	if (!operator_start(s))
		return;
	say_ready(s);
	if (!s->options->self_test || self_test(s))
		event_base_dispatch(s->base);
	notify_send("STOPPING=1\nSTATUS=stopping");
	/* A second signal must not end what ends already. */
	block_signals();
}

static void start_and_serve(struct service *s)
{
	int error = service_open_log(s);

	if (error) {
		s->exit_status = SERVICE_FAILED;
		fprintf(stderr, "turnpiked: cannot start the log: %s\n",
			strerror(-error));
		return;
	}
	in_force_log_report(s->log, LOG_LEVEL_WARNING, "configuration",
			    s->options->conf_path, s->options->report,
			    REPORT_WARNING);
	startup_check_descriptors(s);
	s->force.log = s->log;
	in_force_follow_addresses(&s->force);
	if (!make_base(s) || !open_advertise(s) || !redis_feed_make(s) ||
	    !make_workers(s) || !start_workers(s))
		return;
	if (redis_feed_start(s)) {
		serve(s);
		redis_feed_stop(s);
	}
	/* The workers have to let go of these. */
	capture_run_end(s);
	test_credential_end(s);
	/* The end of each session is told, whoever reads it slowly. */
	logger_be_patient(s->log, LOG_PATIENCE_MS);
	workers_stop(s->workers, s->workers_made, s->drain.cause);
}

static void release(struct service *s)
{
	watch_stop(s);
	drain_fini(&s->drain);
	advertise_close(&s->advertise);
	operator_stop(s);
	if (s->base)
		event_base_free(s->base);
	workers_free(s->workers, s->workers_made);
	redis_feed_free(s);
	in_force_fini(&s->force);
	listeners_fini(&s->listeners);
	if (s->shared_made)
		turn_shared_fini(&s->shared);
	if (s->addresses_open)
		ifaddr_close(&s->addresses);
	refusals_free(s->refusals);
	usage_free(s->usage);
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
	drain_init(&s->drain);
	operator_init(&s->operator_state);
	in_force_init(&s->force, conf, &s->listeners, &s->addresses.list);
	listeners_init(&s->listeners, conf);
	if (startup_prepare(s))
		start_and_serve(s);
	exit_status = s->exit_status;
	release(s);
	return exit_status;
}
