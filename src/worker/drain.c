#include "worker/drain.h"

#include <event2/event.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "worker/notify.h"
#include "worker/service_state.h"
#include "worker/watch.h"

/* How often it is looked whether anybody is still there. */
#define LOOK_MS 200
#define SECOND_MS 1000
/* What the end may take after the deadline, for the service manager. */
#define END_RESERVE_S 20

void drain_init(struct drain *d)
{
	memset(d, 0, sizeof(*d));
	d->deadline_ms = UINT64_MAX;
	d->cause = TURN_CAUSE_SHUTDOWN;
}

void drain_fini(struct drain *d)
{
	if (d->event)
		event_free(d->event);
	d->event = NULL;
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * SECOND_MS + (uint64_t)t.tv_nsec / 1000000;
}

/* Whole seconds until the deadline, the last one begun. */
static uint64_t left_s(const struct drain *d)
{
	uint64_t now = now_ms();

	if (d->deadline_ms == UINT64_MAX)
		return UINT64_MAX;
	if (d->deadline_ms <= now)
		return 0;
	return (d->deadline_ms - now + SECOND_MS - 1) / SECOND_MS;
}

void drain_look(const struct service *s, struct drain_status *out)
{
	const struct drain *d = &s->drain;

	*out = (struct drain_status){ .on = d->on };
	if (!d->on)
		return;
	out->since_wall_s = d->since_wall_s;
	if (d->deadline_ms == UINT64_MAX)
		return;
	out->left_s = left_s(d);
	out->deadline_wall_s = (int64_t)time(NULL) + (int64_t)out->left_s;
}

static void finish(struct service *s, const char *reason)
{
	struct log_record r;

	logger_begin(&r, LOG_LEVEL_NOTICE, "stopping");
	log_text(&r, "reason", reason);
	log_number(&r, "allocations", service_allocations(s));
	logger_put(s->log, &r);
	event_base_loopbreak(s->base);
}

/* Ends the process if it is time; returns whether. */
static bool finish_if_due(struct service *s)
{
	struct drain *d = &s->drain;

	if (d->deadline_ms == UINT64_MAX)
		return false;
	if (service_allocations(s) == 0) {
		finish(s, "no allocation is left");
		return true;
	}
	if (d->deadline_ms > now_ms())
		return false;
	d->cause = TURN_CAUSE_DRAINED;
	finish(s, "the deadline of the drain has come");
	return true;
}

/* The service manager waits for who is being stopped, and no longer. */
static void ask_for_time(const struct drain *d)
{
	if (d->by_signal)
		notify_send("EXTEND_TIMEOUT_USEC=%llu",
			    (unsigned long long)(left_s(d) + END_RESERVE_S) *
				    1000000);
}

static void look_again(struct service *s)
{
	const struct timeval interval = { .tv_usec = LOOK_MS * 1000 };

	event_add(s->drain.event, &interval);
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
	struct service *s = arg;

	(void)fd;
	(void)what;
	if (!s->drain.on || finish_if_due(s))
		return;
	watch_tell_status(s);
	look_again(s);
}

static void tell_begun(struct service *s, const char *by, int64_t deadline_s)
{
	struct log_record r;

	logger_begin(&r, LOG_LEVEL_NOTICE, "draining");
	log_text(&r, "by", by);
	log_number(&r, "allocations", service_allocations(s));
	if (deadline_s >= 0)
		log_number(&r, "deadline_s", (uint64_t)deadline_s);
	if (s->drain.by_signal)
		log_text(&r, "hint", "the same signal again ends it now");
	logger_put(s->log, &r);
}

static void set_deadline(struct drain *d, int64_t deadline_s)
{
	d->deadline_ms = deadline_s < 0
				 ? UINT64_MAX
				 : now_ms() + (uint64_t)deadline_s * SECOND_MS;
}

/* Nobody who is not there comes in any more; and who is there is known. */
static void begin(struct service *s, const char *by, int64_t deadline_s)
{
	struct drain *d = &s->drain;

	if (!d->on) {
		d->on = true;
		d->since_wall_s = (int64_t)time(NULL);
		in_force_set_draining(&s->force, true);
	}
	if (!d->event)
		d->event = evtimer_new(s->base, on_look, s);
	if (!d->event) {
		finish(s, "no memory to drain");
		return;
	}
	/* Whoever has commanded it is to be answered before. */
	if (d->by_signal && finish_if_due(s))
		return;
	tell_begun(s, by, deadline_s);
	watch_tell_status(s);
	look_again(s);
}

bool drain_begin(struct service *s, int64_t deadline_s)
{
	if (s->drain.by_signal)
		return false;
	set_deadline(&s->drain, deadline_s);
	begin(s, "command", deadline_s);
	return true;
}

bool drain_end(struct service *s)
{
	struct drain *d = &s->drain;

	if (d->by_signal)
		return false;
	if (!d->on)
		return true;
	d->on = false;
	d->deadline_ms = UINT64_MAX;
	event_del(d->event);
	in_force_set_draining(&s->force, false);
	logger_say(s->log, LOG_LEVEL_NOTICE, "the drain is called off");
	watch_tell_status(s);
	return true;
}

void drain_signal(struct service *s, int number)
{
	const char *name = number == SIGTERM ? "SIGTERM" : "SIGINT";
	int64_t deadline_s = s->force.conf->drain_deadline_s;
	struct drain *d = &s->drain;

	if (d->by_signal || deadline_s == 0) {
		finish(s, name);
		return;
	}
	d->by_signal = true;
	if (left_s(d) > (uint64_t)deadline_s)
		set_deadline(d, deadline_s);
	notify_send("STOPPING=1");
	ask_for_time(d);
	begin(s, name, (int64_t)left_s(d));
}
