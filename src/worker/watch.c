#include "worker/watch.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "worker/bind_failure.h"
#include "worker/notify.h"
#include "worker/redis_feed.h"
#include "worker/reload.h"
#include "worker/service.h"

/* The status that the service manager shows is as old as this. */
#define STATUS_S 5
/* How often it is looked for what nothing holds any more. */
#define LET_GO_S 1

static void describe_drain(const struct service *s, uint64_t allocations,
			   char status[SERVICE_STATUS_BYTES])
{
	struct drain_status d;

	drain_look(s, &d);
	if (d.deadline_wall_s)
		snprintf(status, SERVICE_STATUS_BYTES,
			 "draining: %llu allocations, %llu s left",
			 (unsigned long long)allocations,
			 (unsigned long long)d.left_s);
	else
		snprintf(status, SERVICE_STATUS_BYTES,
			 "draining: %llu allocations, until it is called off",
			 (unsigned long long)allocations);
}

static void describe_serving(const struct service *s, uint64_t allocations,
			     char status[SERVICE_STATUS_BYTES])
{
	char redis[SERVICE_STATUS_BYTES / 2] = "";
	struct redis_status r;

	if (s->redis) {
		redis_store_status(s->redis, &r);
		snprintf(redis, sizeof(redis), ", Redis %s (%s)",
			 redis_state_name(r.state), redis_mode_name(r.mode));
	}
	snprintf(status, SERVICE_STATUS_BYTES,
		 "%u listeners, %llu allocations%s",
		 listeners_count(&s->listeners),
		 (unsigned long long)allocations, redis);
}

bool watch_update_status(struct service *s)
{
	uint64_t allocations = service_allocations(s);
	char status[SERVICE_STATUS_BYTES];

	if (s->drain.on)
		describe_drain(s, allocations, status);
	else
		describe_serving(s, allocations, status);
	if (!strcmp(status, s->status))
		return false;
	memcpy(s->status, status, sizeof(status));
	return true;
}

void watch_tell_status(struct service *s)
{
	/* What is not taken now is told the next time. */
	if (watch_update_status(s) && !notify_send("STATUS=%s", s->status))
		s->status[0] = '\0';
}

static void on_status(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	watch_tell_status(arg);
}

void watch_let_go(struct service *s)
{
	const struct timeval interval = { .tv_sec = LET_GO_S };

	event_add(s->let_go, &interval);
}

/* Not at once: whose last answer was lost asks again through the listener. */
static void on_let_go(evutil_socket_t fd, short what, void *arg)
{
	struct service *s = arg;

	(void)fd;
	(void)what;
	if (in_force_let_go(&s->force))
		watch_let_go(s);
	else
		watch_tell_status(s);
}

/*
 * Whether the loop of each thread has passed since this was last so: they
 * pass at their own times, and need not all do so between two looks.
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
		notify_send("WATCHDOG=1");
}

static void on_stop(evutil_socket_t number, short what, void *arg)
{
	(void)what;
	drain_signal(arg, (int)number);
}

static void on_reload(evutil_socket_t number, short what, void *arg)
{
	struct reload_result *result = malloc(sizeof(*result));
	struct service *s = arg;

	(void)number;
	(void)what;
	if (result)
		reload_now(s, result);
	else
		logger_say(s->log, LOG_LEVEL_ERROR,
			   "reload refused: no memory");
	free(result);
}

/* Relaying through loopback was all there was; now there may be better. */
static void check_makeshift(struct service *s)
{
	for (unsigned i = 0; i < s->addresses.list.count; i++) {
		const struct addr *ip = &s->addresses.list.items[i].ip;
		struct log_record r;

		if (ip->family != ADDR_IPV4 || addr_ipv4_value(ip) >> 24 == 127)
			continue;
		logger_begin(&r, LOG_LEVEL_ERROR,
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
		bind_failure_describe(&r, LOG_LEVEL_WARNING, "cannot listen",
				      &failure.address, failure.error);
		logger_put(s->log, &r);
	}
	/* No listener reads a packet before all rules know of it. */
	in_force_follow_addresses(&s->force);
	listeners_hand_over(&s->listeners, s->workers);

	logger_begin(&r, LOG_LEVEL_INFO, "addresses changed");
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

static void on_redis(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	redis_feed_read(arg);
}

void watch_advertise(struct service *s)
{
	const struct advertised *found = advertise_look(&s->advertise);

	if (!found || !in_force_set_advertise(&s->force, &found->address))
		return;
	advertise_taken(&s->advertise);
	/* The former one is ours while a session lives by it. */
	watch_let_go(s);
}

static void on_advertise(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	watch_advertise(arg);
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

bool watch_start(struct service *s)
{
	uint64_t watchdog_us = 0;

	s->let_go = evtimer_new(s->base, on_let_go, s);
	if (!s->let_go || !watch(s, SIGTERM, EV_SIGNAL, on_stop, 0) ||
	    !watch(s, SIGINT, EV_SIGNAL, on_stop, 0) ||
	    !watch(s, SIGHUP, EV_SIGNAL, on_reload, 0) ||
	    !watch(s, s->addresses.fd, EV_READ, on_addresses, 0) ||
	    !watch(s, -1, EV_TIMEOUT, on_status, STATUS_S * 1000000ULL) ||
	    !watch(s, s->advertise.fd, EV_READ | EV_TIMEOUT, on_advertise,
		   ADVERTISE_LOOK_S * 1000000ULL) ||
	    (s->redis && !watch(s, s->redis_fd, EV_READ, on_redis, 0)))
		return false;
	/* It may have changed since the configuration was read. */
	watch_advertise(s);
	/* Workers pass at least once a second: looked at less often. */
	if (sd_watchdog_enabled(0, &watchdog_us) > 0)
		return watch(s, -1, EV_TIMEOUT, on_watchdog, watchdog_us / 3);
	return true;
}

void watch_stop(struct service *s)
{
	for (unsigned i = 0; i < s->event_count; i++)
		event_free(s->events[i]);
	s->event_count = 0;
	if (s->let_go)
		event_free(s->let_go);
	s->let_go = NULL;
}
