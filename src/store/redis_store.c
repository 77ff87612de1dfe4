#include "store/redis_store.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/ring.h"
#include "store/redis_watch.h"

/* Questions not yet looked at; a power of two. */
#define QUESTIONS 16384
/* How often it is looked what is late. */
#define TICK_MS 50

struct asked {
	uint16_t reader;
	struct redis_question question;
};

struct redis_store {
	struct ring questions; /* of struct asked */
	int event_fd;
	_Atomic bool woken; /* since the thread last looked */
	_Atomic bool stopping;
	_Atomic uint64_t passes;
	_Atomic uint64_t questions_full;
	_Atomic int state; /* as in the status */
	bool is_running;
	pthread_t thread;
	uint16_t workers;

	/* The rest is the thread's, but for the status. */
	struct redis_config config;
	char *realms[TURN_REALMS_MAX];
	struct redis_store_hooks hooks;
	struct redis_loop loop;
	struct event *question_event;
	struct event *tick_event;
	struct redis_readers *readers;
	struct redis_queries *queries;
	struct redis_link *link;
	struct redis_watch *watch;

	pthread_mutex_t status_lock;
	struct redis_status status;
};

void redis_config_wipe(struct redis_config *config)
{
	crypto_wipe(&config->login, sizeof(config->login));
	crypto_wipe(&config->sentinel_login, sizeof(config->sentinel_login));
}

/* --- the status --- */

const char *redis_state_name(enum redis_state state)
{
	static const char *const names[] = { "down", "connecting", "up" };

	assert((unsigned)state < sizeof(names) / sizeof(names[0]));
	return names[state];
}

const char *redis_mode_name(enum redis_mode mode)
{
	static const char *const names[] = { "re-read", "channel", "keyspace" };

	assert((unsigned)mode < sizeof(names) / sizeof(names[0]));
	return names[mode];
}

static void count(const struct redis_store *s, struct redis_status *status)
{
	const struct redis_queries_counters *c =
		redis_queries_counters(s->queries);

	status->connects = s->link->connects;
	status->questions = c->questions;
	status->queries = c->queries;
	status->unavailable = c->unavailable;
	status->answers_dropped = c->answers_dropped;
	status->unusable =
		c->unusable + redis_realms_unusable(s->watch->realms);
	status->changes = s->watch->changes;
}

static void update_status(struct redis_store *s)
{
	struct redis_status *status = &s->status;
	enum redis_state state = s->link->state;

	pthread_mutex_lock(&s->status_lock);
	if (status->state != state || status->since_wall_s == 0) {
		status->state = state;
		status->since_wall_s = (int64_t)time(NULL);
	}
	status->mode = redis_watch_mode(s->watch);
	redis_endpoint_format(&s->link->server, status->endpoint,
			      sizeof(status->endpoint));
	count(s, status);
	pthread_mutex_unlock(&s->status_lock);
	atomic_store_explicit(&s->state, state, memory_order_relaxed);
}

enum redis_state redis_store_state(const struct redis_store *s)
{
	return (enum redis_state)atomic_load_explicit(&s->state,
						      memory_order_relaxed);
}

void redis_store_status(struct redis_store *s, struct redis_status *out)
{
	pthread_mutex_lock(&s->status_lock);
	*out = s->status;
	pthread_mutex_unlock(&s->status_lock);
	out->questions_full = atomic_load(&s->questions_full);
}

/* --- the link --- */

static void on_up(void *owner)
{
	struct redis_store *s = owner;

	redis_watch_up(s->watch);
	redis_queries_up(s->queries);
}

static void on_lost(void *owner)
{
	struct redis_store *s = owner;

	redis_watch_lost(s->watch);
	redis_queries_lost(s->queries);
}

static void on_failed(void *owner)
{
	struct redis_store *s = owner;

	redis_queries_fail(s->queries);
}

static void on_emptied(void *owner)
{
	struct redis_store *s = owner;

	redis_watch_all(s->watch);
}

static const struct redis_link_hooks link_hooks = {
	.up = on_up,
	.lost = on_lost,
	.failed = on_failed,
	.emptied = on_emptied,
};

/* --- questions --- */

bool redis_store_ask(struct redis_store *s, uint16_t reader,
		     const struct redis_question *question)
{
	const uint64_t one = 1;
	struct asked *a;
	uint32_t ticket;
	ssize_t n;

	assert(reader < s->workers && question->realm < s->config.realm_count &&
	       question->name_bytes <= sizeof(question->name));
	a = ring_claim(&s->questions, &ticket);
	if (!a) {
		atomic_fetch_add(&s->questions_full, 1);
		return false;
	}
	a->reader = reader;
	memcpy(&a->question, question,
	       offsetof(struct redis_question, name) + question->name_bytes);
	ring_publish(&s->questions, ticket);
	/* As inbox_wake(): whoever resets `woken` looks after that. */
	if (atomic_exchange(&s->woken, true))
		return true;
	n = write(s->event_fd, &one, sizeof(one));
	(void)n;
	return true;
}

/* Some may have to lie: there is room again when a query has ended. */
static void take_questions(struct redis_store *s)
{
	struct asked *a;

	while ((a = ring_peek(&s->questions))) {
		if (!redis_queries_ask(s->queries, a->reader, &a->question))
			return;
		ring_release(&s->questions);
	}
}

static void on_question(evutil_socket_t fd, short what, void *arg)
{
	struct redis_store *s = arg;

	(void)fd;
	(void)what;
	atomic_exchange(&s->woken, false);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct redis_store *s = arg;
	uint64_t now_ms = redis_loop_now_ms();

	(void)fd;
	(void)what;
	redis_link_tick(s->link, now_ms);
	redis_watch_tick(s->watch, now_ms);
	redis_queries_tick(s->queries, now_ms);
}

/* --- the thread --- */

static void *run(void *arg)
{
	struct redis_store *s = arg;

	pthread_setname_np(pthread_self(), "redis");
	redis_link_start(s->link);
	while (!atomic_load(&s->stopping)) {
		event_base_loop(s->loop.base, EVLOOP_ONCE);
		take_questions(s);
		redis_readers_wake(s->readers);
		update_status(s);
		atomic_fetch_add_explicit(&s->passes, 1, memory_order_relaxed);
	}
	redis_subscription_stop(&s->watch->subscription);
	redis_link_stop(s->link);
	return NULL;
}

int redis_store_start(struct redis_store *s)
{
	sigset_t all, before;
	int error;

	assert(!s->is_running);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = -pthread_create(&s->thread, NULL, run, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	s->is_running = !error;
	return error;
}

void redis_store_stop(struct redis_store *s)
{
	const uint64_t one = 1;
	ssize_t n;

	if (!s->is_running)
		return;
	atomic_store(&s->stopping, true);
	n = write(s->event_fd, &one, sizeof(one));
	(void)n;
	pthread_join(s->thread, NULL);
	s->is_running = false;
}

uint64_t redis_store_passes(const struct redis_store *s)
{
	return atomic_load_explicit(&s->passes, memory_order_relaxed);
}

bool redis_store_next(struct redis_store *s, uint16_t reader,
		      struct redis_event *out)
{
	return redis_readers_next(s->readers, reader, out);
}

/* --- making one --- */

static int copy_config(struct redis_store *s, const struct redis_config *config)
{
	assert(config->endpoint_count > 0 &&
	       config->endpoint_count <= REDIS_ENDPOINTS_MAX &&
	       config->realm_count > 0 &&
	       config->realm_count <= TURN_REALMS_MAX &&
	       config->timeout_ms > 0 && config->reread_s > 0);
	s->config = *config;
	s->config.realms = (const char *const *)s->realms;
	for (uint8_t i = 0; i < config->realm_count; i++) {
		s->realms[i] = strdup(config->realms[i]);
		if (!s->realms[i])
			return -ENOMEM;
	}
	return 0;
}

static int make_tls(struct redis_store *s)
{
	char why[REDIS_FILE_BYTES + 128];
	struct log_record r;

	if (!s->config.tls)
		return 0;
	s->loop.tls = redis_tls_new(s->config.tls_ca, why, sizeof(why));
	if (s->loop.tls)
		return 0;
	redis_loop_begin(&r, LOG_LEVEL_ERROR, "redis TLS cannot be set up");
	log_text(&r, "cause", why);
	redis_loop_log(&s->loop, &r);
	return -EINVAL;
}

static int make_events(struct redis_store *s)
{
	const struct timeval tick = { .tv_usec = TICK_MS * 1000 };
	int error = redis_loop_init(&s->loop);

	if (error)
		return error;
	s->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->event_fd < 0)
		return -errno;
	s->question_event = event_new(s->loop.base, s->event_fd,
				      EV_READ | EV_PERSIST | EV_ET, on_question,
				      s);
	s->tick_event = event_new(s->loop.base, -1, EV_PERSIST, on_tick, s);
	if (!s->question_event || !s->tick_event ||
	    event_add(s->question_event, NULL) ||
	    event_add(s->tick_event, &tick))
		return -ENOMEM;
	return 0;
}

static int make_parts(struct redis_store *s)
{
	int error = ring_init(&s->questions, QUESTIONS, sizeof(struct asked));

	if (error)
		return error;
	error = redis_readers_new(&s->readers, s->workers,
				  s->config.realm_count, &s->hooks);
	if (error)
		return error;
	s->link = calloc(1, sizeof(*s->link));
	s->watch = calloc(1, sizeof(*s->watch));
	if (!s->link || !s->watch)
		return -ENOMEM;
	redis_link_init(s->link, &s->loop, &link_hooks, s);
	error = redis_queries_new(&s->queries, &s->loop, s->link, s->readers);
	if (error)
		return error;
	return redis_watch_init(s->watch, &s->loop, s->link, s->queries,
				s->readers);
}

static int init(struct redis_store *s, const struct redis_config *config)
{
	int error = copy_config(s, config);

	if (!error)
		error = make_tls(s);
	if (!error)
		error = make_events(s);
	if (!error)
		error = make_parts(s);
	return error;
}

int redis_store_new(struct redis_store **out, const struct redis_config *config,
		    uint16_t readers, const struct redis_store_hooks *hooks)
{
	struct redis_store *s =
		aligned_alloc(_Alignof(struct redis_store), sizeof(*s));
	int error;

	if (!s)
		return -ENOMEM;
	memset(s, 0, sizeof(*s));
	s->event_fd = -1;
	s->workers = readers;
	s->hooks = *hooks;
	s->loop.config = &s->config;
	s->loop.hooks = &s->hooks;
	pthread_mutex_init(&s->status_lock, NULL);
	error = init(s, config);
	if (error) {
		redis_store_free(s);
		return error;
	}
	*out = s;
	return 0;
}

void redis_store_free(struct redis_store *s)
{
	if (!s)
		return;
	assert(!s->is_running);
	if (s->watch)
		redis_watch_fini(s->watch);
	redis_queries_free(s->queries);
	if (s->link)
		redis_link_fini(s->link);
	free(s->watch);
	free(s->link);
	redis_readers_free(s->readers);
	if (s->tick_event)
		event_free(s->tick_event);
	if (s->question_event)
		event_free(s->question_event);
	if (s->event_fd >= 0)
		close(s->event_fd);
	redis_loop_fini(&s->loop);
	redis_tls_free(s->loop.tls);
	ring_fini(&s->questions);
	for (uint8_t i = 0; i < TURN_REALMS_MAX; i++)
		free(s->realms[i]);
	pthread_mutex_destroy(&s->status_lock);
	redis_config_wipe(&s->config);
	free(s);
}
