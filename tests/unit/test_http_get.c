/* link: -Wl,--wrap=evhttp_connection_base_new */
#include "unit.h"

#include <event2/http.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "discovery/http_get.h"
#include "net/sockaddr.h"

#define BODY_BYTES 64
#define HEAD "HTTP/1.1 200 OK\r\n"
#define X10 "xxxxxxxxxx"
#define X60 X10 X10 X10 X10 X10 X10

struct evhttp_connection *
__real_evhttp_connection_base_new(struct event_base *base,
				  struct evdns_base *dns, const char *address,
				  ev_uint16_t port);
struct evhttp_connection *
__wrap_evhttp_connection_base_new(struct event_base *base,
				  struct evdns_base *dns, const char *address,
				  ev_uint16_t port);

static bool no_memory;

struct evhttp_connection *
__wrap_evhttp_connection_base_new(struct event_base *base,
				  struct evdns_base *dns, const char *address,
				  ev_uint16_t port)
{
	return no_memory ? NULL
			 : __real_evhttp_connection_base_new(base, dns, address,
							     port);
}

/* A server on loopback that says one thing to one client. */
static int fd;
static struct addr server;
static const char *says; /* NULL: nothing, until the client has gone */
static char request[2048];

static void open_server(void)
{
	const struct addr loopback = addr_ipv4(0x7f000001, 0);
	union sockaddr_any sa;
	socklen_t len = sockaddr_from_addr(&loopback, &sa);

	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, &sa.any, len), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	len = sizeof(sa);
	ck_assert_int_eq(getsockname(fd, &sa.any, &len), 0);
	ck_assert(sockaddr_to_addr(&sa, len, &server));
}

static void close_server(void)
{
	close(fd);
}

static void *serve_one(void *arg)
{
	int client = accept(fd, NULL, NULL);
	size_t used = 0;
	ssize_t got;

	(void)arg;
	while ((got = recv(client, request + used, sizeof(request) - 1 - used,
			   0)) > 0) {
		used += (size_t)got;
		request[used] = '\0';
		if (says && strstr(request, "\r\n\r\n"))
			break;
	}
	if (says)
		send(client, says, strlen(says), MSG_NOSIGNAL);
	close(client);
	return NULL;
}

static void ask(const char *text, unsigned timeout_ms, char *body,
		struct http_answer *answer)
{
	pthread_t thread;

	says = text;
	ck_assert_int_eq(pthread_create(&thread, NULL, serve_one, NULL), 0);
	http_get(&server, "/where?a=b", timeout_ms, body, BODY_BYTES, answer);
	pthread_join(thread, NULL);
}

static const struct {
	const char *says;
	enum http_result result;
	int status;
	const char *body;
} answers[] = {
	{ HEAD "Content-Length: 5\r\n\r\nhello", HTTP_GET_OK, 0, "hello" },
	{ HEAD "Content-Length: 0\r\n\r\n", HTTP_GET_OK, 0, "" },
	{ HEAD "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n"
	       "0\r\n\r\n",
	  HTTP_GET_OK, 0, "hello" },
	{ HEAD "Connection: close\r\n\r\nhello", HTTP_GET_OK, 0, "hello" },
	/* Exactly what fits, and one byte more, by each way to frame it. */
	{ HEAD "Content-Length: 64\r\n\r\n" X60 "xxxx", HTTP_GET_OK, 0,
	  X60 "xxxx" },
	{ HEAD "Content-Length: 65\r\n\r\n" X60 "xxxxx", HTTP_GET_TOO_LONG, 0,
	  NULL },
	{ HEAD "Content-Length: 99999999999\r\n\r\n", HTTP_GET_TOO_LONG, 0,
	  NULL },
	{ HEAD "Transfer-Encoding: chunked\r\n\r\n41\r\n" X60 "xxxxx\r\n0\r\n"
	       "\r\n",
	  HTTP_GET_TOO_LONG, 0, NULL },
	{ HEAD "Connection: close\r\n\r\n" X60 "xxxxx", HTTP_GET_TOO_LONG, 0,
	  NULL },
	{ HEAD "Content-Length: 5\r\n\r\nhell", HTTP_GET_BROKEN, 0, NULL },
	{ HEAD "Content-Length: many\r\n\r\n", HTTP_GET_BROKEN, 0, NULL },
	{ "", HTTP_GET_BROKEN, 0, NULL },
	{ "hello\r\n\r\n", HTTP_GET_BROKEN, 0, NULL },
	{ "SSH-2.0-OpenSSH_9.2\r\n", HTTP_GET_BROKEN, 0, NULL },
	{ "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
	  HTTP_GET_REFUSED, 404, NULL },
	{ "HTTP/1.1 204 No Content\r\n\r\n", HTTP_GET_REFUSED, 204, NULL },
	{ "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n"
	  "Content-Length: 0\r\n\r\n",
	  HTTP_GET_REFUSED, 302, NULL },
	{ "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", HTTP_GET_REFUSED,
	  500, NULL },
};

START_TEST(answers_are_taken)
{
	struct http_answer answer;
	char body[BODY_BYTES];

	ask(answers[_i].says, 10000, body, &answer);
	ck_assert_str_eq(http_explain(answer.result),
			 http_explain(answers[_i].result));
	ck_assert_int_eq(answer.status, answers[_i].status);
	if (!answers[_i].body)
		return;
	ck_assert_uint_eq(answer.len, strlen(answers[_i].body));
	ck_assert_mem_eq(body, answers[_i].body, answer.len);
}
END_TEST

START_TEST(the_request_is_plain)
{
	struct http_answer answer;
	char body[BODY_BYTES];

	ask(answers[0].says, 10000, body, &answer);
	ck_assert_ptr_eq(strstr(request, "GET /where?a=b HTTP/1.1\r\n"),
			 request);
	ck_assert_ptr_nonnull(strstr(request, "\r\nMetadata: true\r\n"));
	ck_assert_ptr_nonnull(strstr(request, "\r\nHost: 127.0.0.1"));
	/* The service refuses what seems to come by a proxy. */
	ck_assert_ptr_null(strstr(request, "Forwarded"));
}
END_TEST

START_TEST(silence_ends_in_time)
{
	struct http_answer answer;
	struct timespec began, ended;
	char body[BODY_BYTES];

	clock_gettime(CLOCK_MONOTONIC, &began);
	ask(NULL, 100, body, &answer);
	clock_gettime(CLOCK_MONOTONIC, &ended);
	ck_assert_int_eq(answer.result, HTTP_GET_TIMED_OUT);
	ck_assert_int_lt(ended.tv_sec - began.tv_sec, 20);
}
END_TEST

START_TEST(nobody_is_there)
{
	struct http_answer answer;
	char body[BODY_BYTES];

	close(fd);
	http_get(&server, "/", 10000, body, sizeof(body), &answer);
	ck_assert_int_eq(answer.result, HTTP_GET_NO_CONNECTION);
	fd = -1;
}
END_TEST

START_TEST(without_memory_it_fails)
{
	struct http_answer answer;
	char body[BODY_BYTES];

	no_memory = true;
	http_get(&server, "/", 10000, body, sizeof(body), &answer);
	no_memory = false;
	ck_assert_int_eq(answer.result, HTTP_GET_FAILED);
}
END_TEST

static const struct {
	const char *url;
	const char *server; /* NULL: refused */
} urls[] = {
	{ "http://169.254.169.254", "169.254.169.254:80" },
	{ "http://127.0.0.1:8080", "127.0.0.1:8080" },
	{ "http://127.0.0.1:8080/", "127.0.0.1:8080" },
	{ "https://127.0.0.1", NULL },
	{ "http://localhost", NULL },
	{ "http://[::1]", NULL },
	{ "http://127.0.0.1:0", NULL },
	{ "http://127.0.0.1:65536", NULL },
	{ "http://127.0.0.1:x", NULL },
	{ "http://user@127.0.0.1", NULL },
	{ "http://127.0.0.1/metadata", NULL },
	{ "http://127.0.0.1/?a", NULL },
	{ "http://127.0.0.1/#a", NULL },
	{ "127.0.0.1", NULL },
	{ "", NULL },
};

START_TEST(urls_are_addresses)
{
	struct addr out = addr_ipv4(0x01020304, 5);
	bool ok = http_server_parse(urls[_i].url, &out);
	char text[ADDR_TEXT_BYTES];

	ck_assert_int_eq(ok, urls[_i].server != NULL);
	ck_assert_str_eq(addr_print(&out, text),
			 ok ? urls[_i].server : "1.2.3.4:5");
}
END_TEST

static Suite *http_get_suite(void)
{
	Suite *s = suite_create("http_get");
	TCase *ask_case = tcase_create("ask"), *url = tcase_create("url");

	tcase_add_checked_fixture(ask_case, open_server, close_server);
	tcase_add_loop_test(ask_case, answers_are_taken, 0,
			    sizeof(answers) / sizeof(answers[0]));
	tcase_add_test(ask_case, the_request_is_plain);
	tcase_add_test(ask_case, silence_ends_in_time);
	tcase_add_test(ask_case, nobody_is_there);
	tcase_add_test(ask_case, without_memory_it_fails);
	suite_add_tcase(s, ask_case);
	tcase_add_loop_test(url, urls_are_addresses, 0,
			    sizeof(urls) / sizeof(urls[0]));
	suite_add_tcase(s, url);
	return s;
}

UNIT_MAIN(http_get_suite)
