#include "worker/capture_run.h"

#include <errno.h>
#include <event2/event.h>
#include <sys/random.h>
#include <time.h>

#include "worker/service_state.h"

static void read_clocks(struct now *now, int64_t *wall_ms)
{
	struct timespec mono, wall;

	clock_gettime(CLOCK_BOOTTIME, &mono);
	clock_gettime(CLOCK_REALTIME, &wall);
	now->mono_ms =
		(uint64_t)mono.tv_sec * 1000 + (uint64_t)mono.tv_nsec / 1000000;
	now->wall_s = wall.tv_sec;
	*wall_ms = (int64_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000;
}

static uint64_t clock_ms(void)
{
	struct now now;
	int64_t wall_ms;

	read_clocks(&now, &wall_ms);
	return now.mono_ms;
}

/* After this no worker knows the capture that it had before. */
static void attach(struct service *s, struct capture *capture)
{
	for (uint16_t i = 0; i < s->workers_made; i++)
		worker_set_capture(s->workers[i], capture);
	in_force_sync(&s->force);
	s->capture_run.attached = capture != NULL;
}

static void on_time(evutil_socket_t fd, short what, void *arg)
{
	struct service *s = arg;
	struct capture_run *run = &s->capture_run;
	uint64_t now_ms = clock_ms();

	(void)fd;
	(void)what;
	if (now_ms - run->taken_ms >= CAPTURE_RUN_PATIENCE_S * 1000)
		capture_run_end(s);
	else if (run->attached && now_ms >= run->until_ms)
		attach(s, NULL);
}

static int watch(struct service *s)
{
	const struct timeval second = { .tv_sec = 1 };
	struct capture_run *run = &s->capture_run;

	run->event = event_new(s->base, -1, EV_PERSIST, on_time, s);
	return run->event && !event_add(run->event, &second) ? 0 : -ENOMEM;
}

int capture_run_begin(struct service *s, const struct addr *client,
		      uint32_t seconds)
{
	struct capture_run *run = &s->capture_run;
	struct hash_key key;
	struct log_record r;
	struct now now;
	int64_t wall_ms;

	if (capture_run_is_there(s))
		return -EBUSY;
	if (getrandom(&key, sizeof(key), 0) != (ssize_t)sizeof(key))
		return -EIO;
	read_clocks(&now, &wall_ms);
	run->capture = capture_new(client, &now, wall_ms, &key);
	if (!run->capture || watch(s)) {
		capture_run_end(s);
		return -ENOMEM;
	}
	run->taken_ms = now.mono_ms;
	run->until_ms = now.mono_ms + (uint64_t)seconds * 1000;
	attach(s, run->capture);

	logger_begin(&r, LOG_LEVEL_NOTICE, "capture began");
	if (client->family != ADDR_NONE)
		log_addr(&r, "client", client);
	log_number(&r, "seconds", seconds);
	logger_put(s->log, &r);
	return 0;
}

static void release(struct capture_run *run)
{
	if (run->peeked)
		capture_release(run->capture);
	run->peeked = false;
}

bool capture_run_is_there(struct service *s)
{
	struct capture_run *run = &s->capture_run;

	if (!run->capture)
		return false;
	release(run);
	if (!run->attached && !capture_peek(run->capture))
		capture_run_end(s);
	return run->capture != NULL;
}

const struct capture_message *capture_run_next(struct service *s)
{
	struct capture_run *run = &s->capture_run;
	const struct capture_message *m;

	if (!run->capture)
		return NULL;
	release(run);
	run->taken_ms = clock_ms();
	m = capture_peek(run->capture);
	run->peeked = m != NULL;
	return m;
}

uint64_t capture_run_end(struct service *s)
{
	struct capture_run *run = &s->capture_run;
	struct log_record r;
	uint64_t lost = 0;

	if (run->attached)
		attach(s, NULL);
	if (run->event)
		event_free(run->event);
	if (run->capture) {
		lost = capture_lost(run->capture);
		logger_begin(&r, LOG_LEVEL_NOTICE, "capture ended");
		log_number(&r, "lost", lost);
		logger_put(s->log, &r);
	}
	capture_free(run->capture);
	*run = (struct capture_run){ 0 };
	return lost;
}
