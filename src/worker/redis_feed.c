#include "worker/redis_feed.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "worker/start_failed.h"

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

bool redis_feed_make(struct service *s)
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
	return !error ||
	       start_failed_because(s, "cannot make the Redis store", error,
				    "see redis.tls and redis.tls_ca");
}

bool redis_feed_start(struct service *s)
{
	int error = s->redis ? redis_store_start(s->redis) : 0;

	return !error ||
	       start_failed_because(s, "cannot start the Redis store", error,
				    "raise TasksMax= or ulimit -u");
}

void redis_feed_read(struct service *s)
{
	struct redis_event *event = malloc(sizeof(*event));
	uint64_t count;

	(void)!read(s->redis_fd, &count, sizeof(count));
	while (event && redis_store_next(s->redis, s->workers_made, event))
		if (event->kind == REDIS_EVENT_REALM)
			in_force_take_realm(&s->force, event->realm,
					    &event->options);
	free(event);
}

void redis_feed_stop(struct service *s)
{
	if (s->redis)
		redis_store_stop(s->redis);
}

void redis_feed_free(struct service *s)
{
	redis_store_free(s->redis);
	if (s->redis_fd >= 0)
		close(s->redis_fd);
}
