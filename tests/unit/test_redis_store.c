/* link: -Wl,--wrap=aligned_alloc,--wrap=calloc,--wrap=mmap,--wrap=eventfd,--wrap=pthread_create,--wrap=getrandom,--wrap=event_new,--wrap=event_add */
#include "unit.h"

#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "net_fixture.h"
#include "store/redis_store.h"

/*
 * The store without a server, and with one that is a socket of this test. What
 * it does with a real one is tests/system/test_redis_store.py.
 */

/* The call that fails, of those below together, counted from 1. */
static unsigned fail_at, calls;
static bool thread_fails;

static bool fails(int err)
{
	if (++calls != fail_at)
		return false;
	errno = err;
	return true;
}

void *__real_aligned_alloc(size_t alignment, size_t bytes);
void *__wrap_aligned_alloc(size_t alignment, size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
int __real_eventfd(unsigned value, int flags);
int __wrap_eventfd(unsigned value, int flags);
int __real_pthread_create(pthread_t *t, const pthread_attr_t *attr,
			  void *(*run)(void *), void *arg);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *attr,
			  void *(*run)(void *), void *arg);
ssize_t __real_getrandom(void *out, size_t len, unsigned flags);
ssize_t __wrap_getrandom(void *out, size_t len, unsigned flags);
struct event *__real_event_new(struct event_base *base, evutil_socket_t fd,
			       short what, event_callback_fn call, void *arg);
struct event *__wrap_event_new(struct event_base *base, evutil_socket_t fd,
			       short what, event_callback_fn call, void *arg);
int __real_event_add(struct event *e, const struct timeval *timeout);
int __wrap_event_add(struct event *e, const struct timeval *timeout);

void *__wrap_aligned_alloc(size_t alignment, size_t bytes)
{
	return fails(ENOMEM) ? NULL : __real_aligned_alloc(alignment, bytes);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
	return fails(ENOMEM) ? NULL : __real_calloc(count, bytes);
}

void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off)
{
	return fails(ENOMEM) ? MAP_FAILED
			     : __real_mmap(at, len, prot, flags, fd, off);
}

int __wrap_eventfd(unsigned value, int flags)
{
	return fails(ENOMEM) ? -1 : __real_eventfd(value, flags);
}

int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *attr,
			  void *(*run)(void *), void *arg)
{
	return thread_fails ? EAGAIN : __real_pthread_create(t, attr, run, arg);
}

ssize_t __wrap_getrandom(void *out, size_t len, unsigned flags)
{
	return fails(ENOMEM) ? -1 : __real_getrandom(out, len, flags);
}

struct event *__wrap_event_new(struct event_base *base, evutil_socket_t fd,
			       short what, event_callback_fn call, void *arg)
{
	return fails(ENOMEM) ? NULL
			     : __real_event_new(base, fd, what, call, arg);
}

int __wrap_event_add(struct event *e, const struct timeval *timeout)
{
	return fails(ENOMEM) ? -1 : __real_event_add(e, timeout);
}

static const char *const realms[] = { "r", "example.com" };
static struct redis_config config;
static struct redis_store *store;
static int wake_fd;
static _Atomic unsigned logged;
static char server_path[64];
static int server_fd;

static void on_wake(void *arg, uint16_t reader)
{
	const uint64_t one = 1;
	ssize_t n = write(wake_fd, &one, sizeof(one));

	(void)arg;
	(void)reader;
	(void)n;
}

static void on_log(void *arg, const struct log_record *r)
{
	(void)arg;
	(void)r;
	logged++;
}

static const struct redis_store_hooks hooks = { .wake = on_wake,
						.log = on_log };

/* A server at a unix socket that takes connections and says nothing. */
static void setup(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	snprintf(server_path, sizeof(server_path), "/tmp/test_redis_store-%d",
		 (int)getpid());
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", server_path);
	server_fd = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(server_fd, (struct sockaddr *)&at, sizeof(at)),
			 0);
	ck_assert_int_eq(listen(server_fd, 8), 0);
	wake_fd = __real_eventfd(0, EFD_NONBLOCK);

	memset(&config, 0, sizeof(config));
	snprintf(config.endpoints[0].path, REDIS_PATH_BYTES, "%s", server_path);
	config.endpoint_count = 1;
	config.timeout_ms = 200;
	config.reread_s = 30;
	config.realms = realms;
	config.realm_count = 2;
	snprintf(config.login.password, sizeof(config.login.password),
		 "geheim");
	ck_assert_int_eq(redis_store_new(&store, &config, 2, &hooks), 0);
}

static void teardown(void)
{
	redis_store_stop(store);
	redis_store_free(store);
	close(server_fd);
	close(wake_fd);
	unlink(server_path);
}

static bool ask(uint16_t reader, uint32_t ticket, const char *name)
{
	struct redis_question q = { .ticket = { ticket, 1 },
				    .realm = 1,
				    .name_bytes = (uint16_t)strlen(name) };

	memcpy(q.name, name, q.name_bytes);
	return redis_store_ask(store, reader, &q);
}

/* The reader's next event, waited for. */
static void await(uint16_t reader, struct redis_event *out)
{
	struct pollfd wait = { .fd = wake_fd, .events = POLLIN };
	uint64_t drained;

	while (!redis_store_next(store, reader, out)) {
		ck_assert_int_eq(poll(&wait, 1, 20000), 1);
		ck_assert_int_eq(read(wake_fd, &drained, sizeof(drained)),
				 (ssize_t)sizeof(drained));
	}
}

START_TEST(names)
{
	ck_assert_str_eq(redis_state_name(REDIS_DOWN), "down");
	ck_assert_str_eq(redis_state_name(REDIS_CONNECTING), "connecting");
	ck_assert_str_eq(redis_state_name(REDIS_UP), "up");
	ck_assert_str_eq(redis_mode_name(REDIS_MODE_REREAD), "re-read");
	ck_assert_str_eq(redis_mode_name(REDIS_MODE_CHANNEL), "channel");
	ck_assert_str_eq(redis_mode_name(REDIS_MODE_KEYSPACE), "keyspace");
}
END_TEST

START_TEST(a_silent_server)
{
	struct redis_event e;
	struct redis_status status;

	ck_assert_int_eq(redis_store_start(store), 0);
	ck_assert(ask(0, 11, "alice"));
	ck_assert(ask(1, 12, "alice"));
	await(0, &e);
	ck_assert_int_eq(e.kind, REDIS_EVENT_ANSWER);
	ck_assert_int_eq(e.answer.result, TURN_LOOKUP_UNAVAILABLE);
	ck_assert_uint_eq(e.answer.ticket.index, 11);
	ck_assert_uint_eq(e.realm, 1);
	ck_assert(bytes_equal(bytes_of(e.name, e.name_bytes),
			      bytes_str("alice")));
	await(1, &e);
	ck_assert_uint_eq(e.answer.ticket.index, 12);
	ck_assert(redis_store_state(store) != REDIS_UP);

	redis_store_stop(store);
	redis_store_status(store, &status);
	ck_assert_str_eq(status.endpoint, server_path);
	ck_assert_uint_eq(status.questions, 2);
	ck_assert_uint_eq(status.unavailable, 2);
	ck_assert_uint_eq(status.queries, 0);
	ck_assert_uint_eq(status.connects, 0);
	ck_assert_uint_ge(logged, 1);
}
END_TEST

/* What the store sends first is its login, as arguments that are counted. */
START_TEST(what_is_sent)
{
	static const char expected[] =
		"*2\r\n$4\r\nAUTH\r\n$6\r\ngeheim\r\n"
		"*2\r\n$3\r\nGET\r\n$20\r\nturn/realm/r/max-bps\r\n";
	char got[sizeof(expected)];
	size_t len = 0;
	int fd;

	ck_assert_int_eq(redis_store_start(store), 0);
	fd = accept(server_fd, NULL, NULL);
	ck_assert_int_ge(fd, 0);
	while (len < sizeof(expected) - 1) {
		ssize_t n = read(fd, got + len, sizeof(got) - len);

		ck_assert_int_gt(n, 0);
		len += (size_t)n;
	}
	ck_assert(len == sizeof(expected) - 1 && !memcmp(got, expected, len));
	close(fd);
}
END_TEST

START_TEST(lives_and_ends)
{
	uint64_t before = redis_store_passes(store);

	ck_assert_int_eq(redis_store_start(store), 0);
	while (redis_store_passes(store) < before + 10)
		poll(NULL, 0, 1);
	redis_store_stop(store);
	redis_store_stop(store);
	before = redis_store_passes(store);
	ck_assert_uint_eq(redis_store_passes(store), before);
	redis_store_free(NULL);
}
END_TEST

/* While nobody takes questions, they are refused at some point. */
START_TEST(too_many_questions)
{
	struct redis_status status;
	unsigned count = 0;

	while (ask(0, count, "alice"))
		count++;
	ck_assert_uint_ge(count, 10000);
	redis_store_status(store, &status);
	ck_assert_uint_eq(status.questions_full, 1);
}
END_TEST

START_TEST(no_thread)
{
	thread_fails = true;
	ck_assert_int_eq(redis_store_start(store), -EAGAIN);
	thread_fails = false;
}
END_TEST

START_TEST(no_memory)
{
	unsigned fds = net_count_fds();
	struct redis_store *other = NULL;
	int error = -ENOMEM;

	for (unsigned i = 1; error; i++) {
		calls = 0;
		fail_at = i;
		error = redis_store_new(&other, &config, 2, &hooks);
		fail_at = 0;
		ck_assert(error == 0 || error == -ENOMEM);
		ck_assert(error == 0 || net_count_fds() == fds);
	}
	ck_assert_uint_gt(calls, 10);
	redis_store_free(other);
	ck_assert_uint_eq(net_count_fds(), fds);
}
END_TEST

START_TEST(tls_of_no_use)
{
	struct redis_store *other;
	unsigned before = logged;

	config.tls = true;
	snprintf(config.tls_ca, sizeof(config.tls_ca), "/nonexistent/ca.pem");
	ck_assert_int_eq(redis_store_new(&other, &config, 2, &hooks), -EINVAL);
	ck_assert_uint_eq(logged, before + 1);
}
END_TEST

START_TEST(wiped)
{
	snprintf(config.sentinel_login.password,
		 sizeof(config.sentinel_login.password), "x");
	redis_config_wipe(&config);
	for (size_t i = 0; i < sizeof(config.login); i++) {
		ck_assert_int_eq(((char *)&config.login)[i], 0);
		ck_assert_int_eq(((char *)&config.sentinel_login)[i], 0);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("redis_store");
	TCase *c = tcase_create("redis_store");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, names);
	tcase_add_test(c, a_silent_server);
	tcase_add_test(c, what_is_sent);
	tcase_add_test(c, lives_and_ends);
	tcase_add_test(c, too_many_questions);
	tcase_add_test(c, no_thread);
	tcase_add_test(c, no_memory);
	tcase_add_test(c, tls_of_no_use);
	tcase_add_test(c, wiped);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
