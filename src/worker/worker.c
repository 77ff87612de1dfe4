#include "worker/worker.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "net/udp.h"
#include "worker/executor.h"

/* A sleeping worker wakes this often, to show that it lives. */
#define HEARTBEAT_MS 1000

/* Sessions that are copied for another thread in one go. */
#define SESSIONS_TURN 64

/*
 * What another thread waits for, in its own memory: to have sessions copied,
 * or one ended.
 */
struct errand {
	struct errand *next;
	bool is_done;
	struct turn_session *out; /* NULL: `allocation` is to be ended */
	unsigned max;
	unsigned count;
	uint32_t cursor;
	struct ref allocation;
	enum turn_cause cause;
	bool has_ended;
};

/*
 * What others want of the worker: a state rather than a list of messages, so
 * that it needs no memory and cannot fill up. Taken over whole.
 */
struct settings {
	pthread_mutex_t lock;
	pthread_cond_t done;
	_Atomic bool changed; /* for a look without the lock */
	uint64_t wanted;      /* grows with each change */
	uint64_t applied;     /* the last change that is in force */
	bool stop;
	enum turn_cause cause;
	struct errand *errands; /* each one's thread waits for it */
	/* Borrowed until they are applied; NULL: nothing new. */
	const struct peer_policy *peers;
	const struct turn_config *config;
	bool new_capture;
	struct capture *capture;
	bool new_credentials;
	bool recheck;
	struct credentials_config credentials;
	struct {
		bool changed;
		bool has_socket; /* `fd` takes the place of what there is */
		int fd;
		struct turn_listener listener;
	} listeners[TURN_LISTENERS_MAX];
};

struct listener_event {
	struct worker *worker;
	struct event *event; /* NULL: no socket */
};

struct worker {
	uint16_t number;
	bool stopping;
	bool told_buffers; /* the log has it */
	bool relays_left;  /* some that are ready had no turn yet */
	uint64_t armed_ms; /* when the timer fires */
	int timer_fd;
	_Atomic bool news; /* from the credential sources */
	_Atomic uint64_t passes;
	struct event_base *base;
	struct event *relay_event;
	struct event *inbox_event;
	struct event *timer_event;
	struct listener_event listeners[TURN_LISTENERS_MAX];
	struct worker_buffers buffers;
	struct logger *log;
	struct turn_server *core;
	struct credentials *credentials;
	pthread_t thread;
	struct settings settings;
	struct inbox *inboxes[TURN_WORKERS_MAX]; /* of all workers */
	struct inbox inbox;
	struct executor executor;
};

/* --- in the worker's thread ------------------------------------------------ */

static void on_listener(evutil_socket_t fd, short what, void *arg)
{
	struct listener_event *l = arg;
	struct worker *w = l->worker;

	(void)fd;
	(void)what;
	executor_read_listener(&w->executor, (uint16_t)(l - w->listeners));
}

static void on_relays(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	w->relays_left = executor_read_relays(&w->executor);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	/* What is due is done after the pass, when packets have been read. */
	executor_read_clock(&w->executor);
	executor_look_drops(&w->executor);
}

/* Says once if the kernel grants less than the configuration asks for. */
static void check_buffers(struct worker *w, int fd, int wanted_bytes)
{
	int granted_bytes = udp_buffer_granted(fd);
	struct log_record r;

	if (w->told_buffers || granted_bytes < 0 ||
	    granted_bytes >= wanted_bytes)
		return;
	w->told_buffers = true;
	logger_begin(&r, LOG_LEVEL_WARNING,
		     "socket buffers are smaller than configured");
	log_number(&r, "wanted_bytes", (uint64_t)wanted_bytes);
	log_number(&r, "granted_bytes", (uint64_t)granted_bytes);
	log_text(&r, "raise", "net.core.rmem_max, net.core.wmem_max");
	logger_put(w->log, &r);
}

static void set_socket(struct worker *w, uint16_t index, int fd)
{
	struct listener_event *l = &w->listeners[index];

	if (l->event)
		event_free(l->event);
	l->event = NULL;
	executor_set_socket(&w->executor, index, fd);
	if (fd < 0)
		return;
	l->worker = w;
	l->event = event_new(w->base, fd, EV_READ | EV_PERSIST, on_listener, l);
	if (!l->event || event_add(l->event, NULL))
		logger_say(w->log, LOG_LEVEL_ERROR,
			   "a listener's socket cannot be watched");
	if (w->number == 0)
		check_buffers(w, fd, w->buffers.listener_bytes);
}

static void run_errand(struct worker *w, struct errand *errand)
{
	if (errand->out)
		errand->count = turn_list_sessions(w->core, &errand->cursor,
						   errand->out, errand->max);
	else
		errand->has_ended = executor_end_session(
			&w->executor, errand->allocation, errand->cause);
	errand->is_done = true;
}

static void run_errands(struct worker *w)
{
	struct settings *s = &w->settings;

	while (s->errands) {
		struct errand *first = s->errands;

		s->errands = first->next;
		run_errand(w, first);
	}
}

/* Takes over what has changed, and says so to those who wait for it. */
static void apply_settings(struct worker *w)
{
	struct settings *s = &w->settings;

	pthread_mutex_lock(&s->lock);
	if (s->config)
		turn_reconfigure(w->core, s->config);
	if (s->peers)
		turn_set_peers(w->core, s->peers);
	if (s->new_capture)
		w->executor.capture = s->capture;
	if (s->new_credentials)
		credentials_configure(w->credentials, &s->credentials);
	if (s->recheck)
		executor_recheck_all(&w->executor);
	s->config = NULL;
	s->peers = NULL;
	s->new_capture = false;
	s->new_credentials = false;
	s->recheck = false;
	for (uint16_t i = 0; i < TURN_LISTENERS_MAX; i++) {
		if (!s->listeners[i].changed)
			continue;
		turn_set_listener(w->core, i, &s->listeners[i].listener);
		if (s->listeners[i].has_socket)
			set_socket(w, i, s->listeners[i].fd);
		s->listeners[i].changed = false;
		s->listeners[i].has_socket = false;
	}
	run_errands(w);
	if (s->stop) {
		w->stopping = true;
		executor_end_all(&w->executor, s->cause);
	}
	s->applied = s->wanted;
	pthread_cond_broadcast(&s->done);
	pthread_mutex_unlock(&s->lock);
}

static void read_credentials(struct worker *w)
{
	if (!executor_read_credentials(&w->executor))
		return;
	atomic_store(&w->news, true);
	inbox_wake(&w->inbox);
}

static void on_inbox(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	inbox_awake(&w->inbox);
	if (executor_read_inbox(&w->executor))
		inbox_wake(&w->inbox);
	if (atomic_exchange(&w->settings.changed, false))
		apply_settings(w);
	if (atomic_exchange(&w->news, false) || w->executor.recheck.running)
		read_credentials(w);
}

static void arm_timer(struct worker *w)
{
	uint64_t now_ms = w->executor.now.mono_ms;
	uint64_t next_ms = turn_next_ms(w->core);
	struct itimerspec t = { .it_interval = { 0 } };

	if (next_ms > now_ms + HEARTBEAT_MS)
		next_ms = now_ms + HEARTBEAT_MS;
	/* To fire early now and then costs less than to be set each time. */
	if (w->armed_ms > now_ms && w->armed_ms <= next_ms)
		return;
	w->armed_ms = next_ms;
	t.it_value.tv_sec = (time_t)(next_ms / 1000);
	t.it_value.tv_nsec = (long)(next_ms % 1000) * 1000000;
	timerfd_settime(w->timer_fd, TFD_TIMER_ABSTIME, &t, NULL);
}

/*
 * What is due comes last: packets that waited with it have been read, so after
 * a pause of the process nobody is ended whose refresh had arrived.
 */
static void finish_pass(struct worker *w)
{
	struct executor *e = &w->executor;

	/* Data alone moves no timer. */
	if (e->controlled || w->armed_ms <= e->now.mono_ms) {
		if (turn_next_ms(w->core) <= e->now.mono_ms)
			executor_tick(e);
		e->controlled = false;
		arm_timer(w);
	}
	executor_end_pass(e);
	atomic_fetch_add_explicit(&w->passes, 1, memory_order_relaxed);
}

static void *run(void *arg)
{
	struct worker *w = arg;
	char name[16];

	snprintf(name, sizeof(name), "turnpiked/%u", w->number);
	pthread_setname_np(pthread_self(), name);
	/* Since it was made it has waited. */
	w->executor.pass_began_ns = 0;
	executor_read_clock(&w->executor);
	apply_settings(w);
	arm_timer(w);
	executor_end_pass(&w->executor);
	while (!w->stopping) {
		/* The set of relay sockets says so once, as they do. */
		if (w->relays_left)
			on_relays(-1, 0, w);
		event_base_loop(w->base,
				w->relays_left ? EVLOOP_NONBLOCK : EVLOOP_ONCE);
		finish_pass(w);
	}
	return NULL;
}

/* --- in other threads ------------------------------------------------------ */

static struct settings *change(struct worker *w)
{
	pthread_mutex_lock(&w->settings.lock);
	w->settings.wanted++;
	return &w->settings;
}

static void say_change(struct worker *w)
{
	atomic_store(&w->settings.changed, true);
	pthread_mutex_unlock(&w->settings.lock);
	inbox_wake(&w->inbox);
}

void worker_set_listener(struct worker *w, uint16_t index,
			 const struct turn_listener *listener, int fd)
{
	struct settings *s;

	assert(index < TURN_LISTENERS_MAX);

	s = change(w);
	/* One that the worker has not even seen is ours to close. */
	if (s->listeners[index].has_socket && s->listeners[index].fd >= 0)
		close(s->listeners[index].fd);
	s->listeners[index].changed = true;
	s->listeners[index].has_socket = true;
	s->listeners[index].fd = fd;
	s->listeners[index].listener = *listener;
	say_change(w);
}

void worker_change_listener(struct worker *w, uint16_t index,
			    const struct turn_listener *listener)
{
	struct settings *s;

	assert(index < TURN_LISTENERS_MAX);

	s = change(w);
	s->listeners[index].changed = true;
	s->listeners[index].listener = *listener;
	say_change(w);
}

void worker_set_peers(struct worker *w, const struct peer_policy *peers)
{
	struct settings *s = change(w);

	s->peers = peers;
	say_change(w);
}

void worker_set_config(struct worker *w, const struct turn_config *config)
{
	struct settings *s = change(w);

	s->config = config;
	say_change(w);
}

void worker_set_credentials(struct worker *w,
			    const struct credentials_config *config,
			    bool recheck)
{
	struct settings *s = change(w);

	s->new_credentials = true;
	s->credentials = *config;
	s->recheck |= recheck;
	say_change(w);
}

void worker_set_capture(struct worker *w, struct capture *capture)
{
	struct settings *s = change(w);

	s->new_capture = true;
	s->capture = capture;
	say_change(w);
}

void worker_wake(struct worker *w)
{
	atomic_store(&w->news, true);
	inbox_wake(&w->inbox);
}

void worker_sync(struct worker *w)
{
	struct settings *s = &w->settings;
	uint64_t wanted;

	pthread_mutex_lock(&s->lock);
	wanted = s->wanted;
	while (s->applied < wanted)
		pthread_cond_wait(&s->done, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

/* Has the worker run the errand, and waits; false if it runs no more. */
static bool ask(struct worker *w, struct errand *errand)
{
	struct settings *s = &w->settings;
	bool stops;

	pthread_mutex_lock(&s->lock);
	stops = s->stop;
	if (!stops) {
		errand->next = s->errands;
		s->errands = errand;
		atomic_store(&s->changed, true);
		inbox_wake(&w->inbox);
	}
	while (!stops && !errand->is_done)
		pthread_cond_wait(&s->done, &s->lock);
	pthread_mutex_unlock(&s->lock);
	return !stops;
}

unsigned worker_sessions(struct worker *w, uint32_t *cursor,
			 struct turn_session *out, unsigned max)
{
	unsigned count = 0;

	while (count < max && *cursor != TURN_SESSIONS_END) {
		unsigned most = max - count;
		struct errand errand = {
			.out = out + count,
			.max = most < SESSIONS_TURN ? most : SESSIONS_TURN,
			.cursor = *cursor,
		};

		if (!ask(w, &errand))
			break;
		*cursor = errand.cursor;
		count += errand.count;
	}
	return count;
}

bool worker_end_session(struct worker *w, struct ref allocation,
			enum turn_cause cause)
{
	struct errand errand = { .allocation = allocation, .cause = cause };

	return ask(w, &errand) && errand.has_ended;
}

uint64_t worker_passes(const struct worker *w)
{
	return atomic_load_explicit(&w->passes, memory_order_relaxed);
}

const struct counters *worker_counters(const struct worker *w)
{
	return turn_counters(w->core);
}

const struct holdings *worker_holdings(const struct worker *w)
{
	return turn_holdings(w->core);
}

const struct worker_latencies *worker_latencies(const struct worker *w)
{
	return &w->executor.latencies;
}

const struct redis_users_counters *worker_cache(const struct worker *w)
{
	return credentials_cache(w->credentials);
}

void worker_listener_queue(const struct worker *w, uint16_t index,
			   uint32_t *waiting_bytes, uint32_t *room_bytes)
{
	const struct executor_listener *l = &w->executor.listeners[index];

	assert(index < TURN_LISTENERS_MAX);
	*waiting_bytes =
		atomic_load_explicit(&l->waiting_bytes, memory_order_relaxed);
	*room_bytes =
		atomic_load_explicit(&l->room_bytes, memory_order_relaxed);
}

/* An event of the worker's own, for good. Returns 0 or a negative errno. */
static int watch(struct worker *w, int fd, short how,
		 event_callback_fn callback, struct event **out)
{
	*out = event_new(w->base, fd, (short)(EV_READ | EV_PERSIST | how),
			 callback, w);
	return *out && !event_add(*out, NULL) ? 0 : -ENOMEM;
}

/* The worker's thread alone touches the base: no locks. */
static struct event_base *new_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (!config)
		return NULL;
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK |
					      EVENT_BASE_FLAG_IGNORE_ENV);
	/* Without edge-triggering the timer would have to be read. */
	event_config_require_features(config, EV_FEATURE_ET);
	base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

static int make_events(struct worker *w)
{
	int err;

	w->base = new_base();
	if (!w->base)
		return -ENOMEM;
	err = watch(w, w->timer_fd, EV_ET, on_timer, &w->timer_event);
	if (!err)
		err = watch(w, w->inbox.event_fd, EV_ET, on_inbox,
			    &w->inbox_event);
	if (!err)
		err = watch(w, w->executor.relays.epoll_fd, EV_ET, on_relays,
			    &w->relay_event);
	return err;
}

static void free_events(struct worker *w)
{
	for (unsigned i = 0; i < TURN_LISTENERS_MAX; i++)
		if (w->listeners[i].event)
			event_free(w->listeners[i].event);
	if (w->timer_event)
		event_free(w->timer_event);
	if (w->inbox_event)
		event_free(w->inbox_event);
	if (w->relay_event)
		event_free(w->relay_event);
	if (w->base)
		event_base_free(w->base);
}

static void settings_init(struct settings *s)
{
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->done, NULL);
	for (unsigned i = 0; i < TURN_LISTENERS_MAX; i++)
		s->listeners[i].fd = -1;
}

static void settings_fini(struct settings *s)
{
	for (unsigned i = 0; i < TURN_LISTENERS_MAX; i++)
		if (s->listeners[i].has_socket && s->listeners[i].fd >= 0)
			close(s->listeners[i].fd);
	pthread_cond_destroy(&s->done);
	pthread_mutex_destroy(&s->lock);
}

static void worker_free(struct worker *w)
{
	free_events(w);
	executor_fini(&w->executor);
	turn_server_free(w->core);
	credentials_free(w->credentials);
	inbox_fini(&w->inbox);
	if (w->timer_fd >= 0)
		close(w->timer_fd);
	settings_fini(&w->settings);
	free(w);
}

/* Everything of one worker but its way to the others. */
static int worker_new(struct worker **out, uint16_t number,
		      const struct turn_config *config,
		      const struct worker_commons *commons,
		      const struct worker_credentials *credentials,
		      struct worker_buffers buffers, struct random *random)
{
	size_t bytes = (sizeof(struct worker) + _Alignof(struct worker) - 1) /
		       _Alignof(struct worker) * _Alignof(struct worker);
	struct worker *w = aligned_alloc(_Alignof(struct worker), bytes);
	uint8_t seed[RANDOM_SEED_BYTES];
	int err;

	if (!w)
		return -ENOMEM;
	memset(w, 0, sizeof(*w));
	w->number = number;
	w->log = commons->log;
	w->buffers = buffers;
	settings_init(&w->settings);
	w->timer_fd =
		timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	err = w->timer_fd < 0 ? -errno : inbox_init(&w->inbox);
	if (err)
		goto fail;
	random_bytes(random, seed, sizeof(seed));
	executor_read_clock(&w->executor);
	err = turn_server_new(&w->core, config, commons->shared, number, seed,
			      &w->executor.now);
	crypto_wipe(seed, sizeof(seed));
	if (err)
		goto fail;
	err = credentials_new(&w->credentials, &credentials->config, number,
			      credentials->cache_entries, &credentials->key);
	if (!err)
		err = executor_init(&w->executor, number, w->core, config,
				    buffers.relay_bytes, commons,
				    w->credentials, w->inboxes);
	if (!err)
		err = make_events(w);
	if (err)
		goto fail;
	*out = w;
	return 0;
fail:
	worker_free(w);
	return err;
}

int workers_new(struct worker **workers, uint16_t count,
		const struct turn_config *config,
		const struct worker_commons *commons,
		const struct worker_credentials *credentials,
		struct worker_buffers buffers,
		const uint8_t seed[RANDOM_SEED_BYTES])
{
	struct crypto *crypto = crypto_new();
	struct random random;
	uint16_t made = 0;
	int err = 0;

	assert(count > 0 && count <= TURN_WORKERS_MAX);

	if (!crypto)
		return -ENOMEM;
	random_init(&random, crypto, seed);
	while (made < count && !err) {
		err = worker_new(&workers[made], made, config, commons,
				 credentials, buffers, &random);
		if (!err)
			made++;
	}
	crypto_wipe(&random, sizeof(random));
	crypto_free(crypto);
	if (err) {
		workers_free(workers, made);
		return err;
	}
	for (uint16_t i = 0; i < count; i++)
		for (uint16_t j = 0; j < count; j++)
			workers[i]->inboxes[j] = &workers[j]->inbox;
	return 0;
}

/* The buffers of relay sockets, tried out with one. */
static void try_relay_buffers(struct worker *w)
{
	int fd = udp_open_relay(&w->executor.relays.local,
				w->buffers.relay_bytes);

	if (fd < 0)
		return;
	check_buffers(w, fd, w->buffers.relay_bytes);
	close(fd);
}

int workers_start(struct worker **workers, uint16_t count)
{
	sigset_t all, before;
	uint16_t started;
	int err = 0;

	try_relay_buffers(workers[0]);
	/* Threads inherit the mask: signals are the main thread's business. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (started = 0; started < count && !err; started++)
		err = -pthread_create(&workers[started]->thread, NULL, run,
				      workers[started]);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err)
		workers_stop(workers, (uint16_t)(started - 1),
			     TURN_CAUSE_SHUTDOWN);
	return err;
}

void workers_stop(struct worker **workers, uint16_t count,
		  enum turn_cause cause)
{
	for (uint16_t i = 0; i < count; i++) {
		struct settings *s = change(workers[i]);

		s->stop = true;
		s->cause = cause;
		say_change(workers[i]);
	}
	for (uint16_t i = 0; i < count; i++)
		pthread_join(workers[i]->thread, NULL);
}

void workers_free(struct worker **workers, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++)
		worker_free(workers[i]);
}
