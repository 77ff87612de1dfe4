/* link: -Wl,--wrap=clock_gettime */
/* Real connections, in one thread: what is sent is answered by the loop. */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "ctl/control.h"
#include "ctl/http.h"

#define TOKEN "0123456789abcdef"
#define AUTH "Authorization: Bearer " TOKEN "\r\n"
#define HOST "Host: localhost:9641\r\n"
#define ANSWER_BYTES (8 << 20)

static struct event_base *base;
static struct control *control;
static struct sockaddr_in tcp;
static char path[] = "/tmp/turnpike-test-XXXXXX";
static struct sockaddr_un unix_path;
static struct control_config config;
static char answer[ANSWER_BYTES];
static unsigned logged;

static void hook_log(void *arg, const struct log_record *record)
{
	(void)arg;
	(void)record;
	logged++;
}

static const char *hook_not_ready(void *arg)
{
	(void)arg;
	return NULL;
}

static void hook_look(void *arg, struct control_server *out)
{
	(void)arg;
	*out = (struct control_server){ .version = "1",
					.advertise_source = "file" };
}

static void hook_drain(void *arg, struct control_drain *out)
{
	(void)arg;
	*out = (struct control_drain){ .on = false };
}

/* A list that no kernel holds for a client that does not read it. */
static void hook_sessions(void *arg, control_visit *visit, void *visitor)
{
	struct turn_session t = { .worker = 1, .user_bytes = 500 };

	(void)arg;
	/* Each one of them has six letters in JSON. */
	memset(t.user, 1, t.user_bytes);
	for (uint32_t i = 0; i < 1500; i++) {
		t.allocation.index = i;
		if (!visit(visitor, &t))
			return;
	}
}

static const char *hook_realm_name(void *arg, uint8_t realm)
{
	(void)arg;
	(void)realm;
	return "example.org";
}

/* Time stands, and is put on by hand: how slow a machine is must not tell. */
static time_t now_s = 1000;

int __real_clock_gettime(clockid_t id, struct timespec *ts);
int __wrap_clock_gettime(clockid_t id, struct timespec *ts);

int __wrap_clock_gettime(clockid_t id, struct timespec *ts)
{
	int error = __real_clock_gettime(id, ts);

	ts->tv_sec = now_s;
	return error;
}

static const struct control_hooks hooks = {
	.sessions = hook_sessions,
	.realm_name = hook_realm_name,
	.drain = hook_drain,
	.log = hook_log,
	.not_ready = hook_not_ready,
	.look = hook_look,
};

static int listen_at(struct sockaddr *sa, socklen_t len)
{
	int fd = socket(sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, sa, len), 0);
	ck_assert_int_eq(listen(fd, 128), 0);
	ck_assert_int_eq(getsockname(fd, sa, &len), 0);
	return fd;
}

static void start(void)
{
	/* As the service does. */
	signal(SIGPIPE, SIG_IGN);
	memcpy(path + sizeof(path) - 7, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(path));
	unix_path.sun_family = AF_UNIX;
	snprintf(unix_path.sun_path, sizeof(unix_path.sun_path), "%s/s", path);
	tcp = (struct sockaddr_in){ .sin_family = AF_INET };
	tcp.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	base = event_base_new();
	config = (struct control_config){
		.http = addr_ipv4(INADDR_LOOPBACK, 9641),
		.token = TOKEN,
		.uid = geteuid(),
		.gid = getegid(),
	};
	config.http_fd = listen_at((struct sockaddr *)&tcp, sizeof(tcp));
	config.socket_fd =
		listen_at((struct sockaddr *)&unix_path, sizeof(unix_path));
	control = control_new(&config, &hooks, base);
	ck_assert_ptr_nonnull(control);
	logged = 0;
}

static void stop(void)
{
	control_free(control);
	event_base_free(base);
	unlink(unix_path.sun_path);
	rmdir(path);
}

static int dial(enum http_door door)
{
	int fd = socket(door == HTTP_UNIX ? AF_UNIX : AF_INET, SOCK_STREAM, 0);
	const struct sockaddr *sa = door == HTTP_UNIX
					    ? (struct sockaddr *)&unix_path
					    : (struct sockaddr *)&tcp;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(
		connect(fd, sa,
			door == HTTP_UNIX ? sizeof(unix_path) : sizeof(tcp)),
		0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static void run(void)
{
	for (int i = 0; i < 20; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

/* Whether the other end has closed; what came is in `answer`. */
static bool read_answer(int fd)
{
	size_t used = 0;
	ssize_t got;

	do {
		run();
		got = recv(fd, answer + used, sizeof(answer) - 1 - used, 0);
		if (got > 0)
			used += (size_t)got;
	} while (got > 0);
	answer[used] = '\0';
	return got == 0 || errno == ECONNRESET;
}

static void put(int fd, const char *text)
{
	size_t len = strlen(text);

	while (len > 0) {
		ssize_t done = send(fd, text, len, MSG_NOSIGNAL);

		if (done < 0 && errno != EAGAIN)
			return;
		if (done > 0) {
			text += done;
			len -= (size_t)done;
		}
		run();
	}
}

/* Asks, and returns the status, 0 if there was no answer. */
static int ask(enum http_door door, const char *request)
{
	int fd = dial(door);

	put(fd, request);
	read_answer(fd);
	close(fd);
	run();
	return strlen(answer) > 12 ? (int)strtol(answer + 9, NULL, 10) : 0;
}

START_TEST(doors)
{
	ck_assert_int_eq(ask(HTTP_TCP, "GET /healthz HTTP/1.1\r\n" HOST "\r\n"),
			 200);
	ck_assert_int_eq(ask(HTTP_UNIX, "GET /v1/server HTTP/1.1\r\n\r\n"),
			 200);
	ck_assert_ptr_nonnull(strstr(answer, "\"version\":\"1\""));
	ck_assert_ptr_nonnull(strstr(answer, "Cache-Control: no-store\r\n"));
	ck_assert_ptr_nonnull(
		strstr(answer, "X-Content-Type-Options: nosniff\r\n"));
	ck_assert_ptr_nonnull(
		strstr(answer, "Content-Security-Policy: default-src 'none'"));
	ck_assert_ptr_null(strstr(answer, "Access-Control"));
}
END_TEST

START_TEST(the_token)
{
	ck_assert_int_eq(
		ask(HTTP_TCP, "GET /v1/server HTTP/1.1\r\n" HOST "\r\n"), 401);
	ck_assert_ptr_nonnull(strstr(answer, "WWW-Authenticate: Bearer\r\n"));
	ck_assert_uint_eq(logged, 0);
	ck_assert_int_eq(
		ask(HTTP_TCP, "GET /v1/server HTTP/1.1\r\n" HOST AUTH "\r\n"),
		200);
	/* One line for all of them. */
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(ask(HTTP_TCP,
				     "GET /v1/server HTTP/1.1\r\n" HOST
				     "Authorization: Bearer x\r\n\r\n"),
				 401);
	ck_assert_uint_eq(logged, 1);
	ck_assert_int_eq(ask(HTTP_TCP,
			     "GET /v1/server HTTP/1.1\r\n" HOST AUTH AUTH
			     "\r\n"),
			 401);
}
END_TEST

START_TEST(pages_of_others)
{
	ck_assert_int_eq(
		ask(HTTP_TCP, "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n"),
		403);
	ck_assert_int_eq(ask(HTTP_TCP, "GET / HTTP/1.1\r\n\r\n"), 403);
	ck_assert_int_eq(ask(HTTP_TCP, "GET / HTTP/1.0\r\n\r\n"), 403);
	ck_assert_int_eq(ask(HTTP_TCP, "GET / HTTP/1.1\r\n" HOST HOST "\r\n"),
			 403);
	ck_assert_int_eq(ask(HTTP_TCP, "GET /v1/server HTTP/1.1\r\n" HOST AUTH
				       "Origin: http://evil.example\r\n\r\n"),
			 403);
	ck_assert_int_eq(ask(HTTP_TCP, "GET /v1/server HTTP/1.1\r\n" HOST AUTH
				       "Origin: http://localhost:9641\r\n\r\n"),
			 200);
	ck_assert_int_eq(ask(HTTP_TCP, "GET /v1/server HTTP/1.1\r\n" HOST AUTH
				       "Origin: http://localhost:9641\r\n"
				       "Origin: http://evil.example\r\n\r\n"),
			 403);
}
END_TEST

START_TEST(what_is_not_there)
{
	ck_assert_int_eq(ask(HTTP_UNIX, "GET /v1/nothing HTTP/1.1\r\n\r\n"),
			 404);
	ck_assert_int_eq(ask(HTTP_UNIX, "PUT /healthz HTTP/1.1\r\n"
					"Content-Length: 0\r\n\r\n"),
			 405);
	ck_assert_ptr_nonnull(strstr(answer, "Allow: GET\r\n"));
	ck_assert_int_eq(ask(HTTP_UNIX, "DELETE /v1/server HTTP/1.1\r\n\r\n"),
			 405);
	ck_assert_int_eq(ask(HTTP_UNIX, "GET /v1/server?x=1 HTTP/1.1\r\n\r\n"),
			 400);
	ck_assert_int_eq(ask(HTTP_UNIX, "GET /%zz HTTP/1.1\r\n\r\n"), 400);
	ck_assert_int_eq(
		ask(HTTP_UNIX, "GET http://x/healthz HTTP/1.1\r\n\r\n"), 400);
	ck_assert_int_eq(ask(HTTP_UNIX, "HEAD / HTTP/1.1\r\n\r\n"), 200);
	ck_assert_ptr_null(strstr(answer, "doctype"));
}
END_TEST

START_TEST(files_of_the_page_have_tags)
{
	char again[256], *tag;

	ck_assert_int_eq(ask(HTTP_TCP, "GET / HTTP/1.1\r\n" HOST "\r\n"), 200);
	ck_assert_ptr_nonnull(strstr(answer, "script-src 'self'"));
	tag = strstr(answer, "ETag: ");
	ck_assert_ptr_nonnull(tag);
	snprintf(again, sizeof(again),
		 "GET / HTTP/1.1\r\n" HOST "If-None-Match: %.*s\r\n\r\n",
		 (int)strcspn(tag + 6, "\r"), tag + 6);
	ck_assert_int_eq(ask(HTTP_TCP, again), 304);
	ck_assert_ptr_null(strstr(answer, "doctype"));
}
END_TEST

START_TEST(what_is_no_http)
{
	static const char *const junk[] = {
		"\r\n\r\n\r\n",
		"GET\r\n\r\n",
		"GET / HTTP/9\r\n\r\n",
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n",
		"GET / HTTP/1.1\r\nno colon\r\n\r\n",
		"FOO / HTTP/1.1\r\n\r\n",
	};

	for (size_t i = 0; i < sizeof(junk) / sizeof(junk[0]); i++) {
		int status = ask(HTTP_UNIX, junk[i]);

		ck_assert_msg(status == 0 || (status >= 400 && status < 600),
			      "%zu: %d", i, status);
	}
	ck_assert_int_eq(ask(HTTP_UNIX, "GET /healthz HTTP/1.1\r\n\r\n"), 200);
}
END_TEST

START_TEST(heads_and_bodies_have_limits)
{
	static char big[HTTP_HEAD_MAX_BYTES + 256];
	int n = snprintf(big, sizeof(big), "GET /healthz HTTP/1.1\r\nX: ");

	memset(big + n, 'a', HTTP_HEAD_MAX_BYTES);
	memcpy(big + n + HTTP_HEAD_MAX_BYTES, "\r\n\r\n", 5);
	ck_assert_int_eq(ask(HTTP_UNIX, big), 400);
	ck_assert_int_eq(ask(HTTP_UNIX, "POST /v1/server HTTP/1.1\r\n"
					"Content-Length: 1048577\r\n\r\n"),
			 413);
	/* It does not even have to be that much. */
	ck_assert_int_eq(ask(HTTP_UNIX, "POST /v1/server HTTP/1.1\r\n"
					"Content-Length: -1\r\n\r\n"),
			 400);
}
END_TEST

START_TEST(connections_are_counted)
{
	int fds[HTTP_CONNECTIONS_MAX], one_more;

	for (int i = 0; i < HTTP_CONNECTIONS_MAX; i++) {
		fds[i] = dial(i % 2 ? HTTP_UNIX : HTTP_TCP);
		run();
	}
	one_more = dial(HTTP_TCP);
	ck_assert(read_answer(one_more));
	ck_assert_str_eq(answer, "");
	close(one_more);
	one_more = dial(HTTP_UNIX);
	ck_assert(read_answer(one_more));
	close(one_more);
	/* Those that were let in are served. */
	put(fds[5], "GET /healthz HTTP/1.1\r\n\r\n");
	ck_assert(!read_answer(fds[5]));
	ck_assert_ptr_nonnull(strstr(answer, "200 OK"));
	/* And when one has gone, somebody else is. */
	close(fds[6]);
	run();
	one_more = dial(HTTP_TCP);
	read_answer(one_more);
	close(one_more);
	ck_assert_int_eq(ask(HTTP_TCP, "GET /healthz HTTP/1.1\r\n" HOST "\r\n"),
			 200);
	for (int i = 0; i < HTTP_CONNECTIONS_MAX; i++)
		if (i != 6)
			close(fds[i]);
}
END_TEST

START_TEST(a_connection_serves_several_requests)
{
	int fd = dial(HTTP_UNIX);

	for (int i = 0; i < 3; i++) {
		put(fd, "GET /healthz HTTP/1.1\r\n\r\n");
		ck_assert(!read_answer(fd));
		ck_assert_ptr_nonnull(strstr(answer, "200 OK"));
	}
	put(fd, "GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n");
	ck_assert(read_answer(fd));
	close(fd);
}
END_TEST

/* Until the loop has looked at the time once more. */
static void let_pass(time_t seconds)
{
	struct timeval look = { .tv_sec = 1, .tv_usec = 100000 };

	now_s += seconds;
	event_base_loopexit(base, &look);
	event_base_dispatch(base);
	run();
}

START_TEST(who_is_slow_is_cut)
{
	int silent = dial(HTTP_UNIX), drips = dial(HTTP_TCP);
	int idle = dial(HTTP_TCP);

	put(drips, "GET / HTTP/1.1\r\n");
	put(idle, "GET /healthz HTTP/1.1\r\n" HOST "\r\n");
	ck_assert(!read_answer(idle));
	let_pass(6);
	put(drips, "a");
	let_pass(4);
	ck_assert(!read_answer(silent));
	ck_assert(!read_answer(drips));
	let_pass(1);
	ck_assert(read_answer(silent));
	ck_assert(read_answer(drips));
	ck_assert(read_answer(idle));
	close(silent);
	close(drips);
	close(idle);
}
END_TEST

START_TEST(who_does_not_read_is_cut)
{
	static const char list[] =
		"GET /v1/sessions?limit=10000 HTTP/1.1\r\n\r\n";
	int fds[8], refused = 0;

	for (int i = 0; i < 8; i++) {
		fds[i] = dial(HTTP_UNIX);
		put(fds[i], list);
		run();
	}
	/* So much waits that no more is put to it. */
	ck_assert_int_eq(ask(HTTP_UNIX, "GET /v1/server HTTP/1.1\r\n\r\n"),
			 503);
	let_pass(30);
	ck_assert_int_eq(ask(HTTP_UNIX, "GET /v1/server HTTP/1.1\r\n\r\n"),
			 503);
	let_pass(1);
	ck_assert_int_eq(ask(HTTP_UNIX, "GET /v1/server HTTP/1.1\r\n\r\n"),
			 200);
	for (int i = 0; i < 8; i++) {
		ck_assert(read_answer(fds[i]));
		refused += strstr(answer, " 503 ") != NULL;
		close(fds[i]);
	}
	ck_assert_int_lt(refused, 8);
	/* Who does read it gets all of it. */
	ck_assert_int_eq(ask(HTTP_UNIX, list), 200);
	ck_assert_ptr_nonnull(strstr(answer, "\"total\":1500"));
}
END_TEST

static Suite *control_suite(void)
{
	Suite *s = suite_create("control");
	TCase *t = tcase_create("control");

	tcase_add_checked_fixture(t, start, stop);
	tcase_add_test(t, doors);
	tcase_add_test(t, the_token);
	tcase_add_test(t, pages_of_others);
	tcase_add_test(t, what_is_not_there);
	tcase_add_test(t, files_of_the_page_have_tags);
	tcase_add_test(t, what_is_no_http);
	tcase_add_test(t, heads_and_bodies_have_limits);
	tcase_add_test(t, connections_are_counted);
	tcase_add_test(t, a_connection_serves_several_requests);
	tcase_add_test(t, who_is_slow_is_cut);
	tcase_add_test(t, who_does_not_read_is_cut);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(control_suite)
