#include "discovery/http_get.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdlib.h>
#include <string.h>

/* More would not be the service that is meant. */
#define HEADERS_MAX_BYTES 8192
#define HTTP_PORT 80

struct exchange {
	struct event_base *base;
	struct evhttp_connection *connection;
	struct event *deadline;
	char *body;
	size_t size;
	struct http_answer *answer;
};

const char *http_explain(enum http_result result)
{
	switch (result) {
	case HTTP_GET_OK:
		return "answered";
	case HTTP_GET_NO_CONNECTION:
		return "no connection";
	case HTTP_GET_TIMED_OUT:
		return "no answer in time";
	case HTTP_GET_TOO_LONG:
		return "too long an answer";
	case HTTP_GET_BROKEN:
		return "an answer that is not whole, or not HTTP";
	case HTTP_GET_REFUSED:
		return "refused";
	case HTTP_GET_FAILED:
		break;
	}
	return "no memory or no descriptor to ask with";
}

static bool has_nothing_more(const struct evhttp_uri *uri)
{
	const char *path = evhttp_uri_get_path(uri);

	return !evhttp_uri_get_userinfo(uri) && !evhttp_uri_get_query(uri) &&
	       !evhttp_uri_get_fragment(uri) &&
	       (!path || *path == '\0' || !strcmp(path, "/"));
}

bool http_server_parse(const char *url, struct addr *out)
{
	struct evhttp_uri *uri = evhttp_uri_parse(url);
	const char *scheme = uri ? evhttp_uri_get_scheme(uri) : NULL;
	const char *host = uri ? evhttp_uri_get_host(uri) : NULL;
	int port = uri ? evhttp_uri_get_port(uri) : 0;
	struct addr ip;
	bool ok;

	if (port == -1)
		port = HTTP_PORT;
	ok = scheme && host && !strcmp(scheme, "http") && port > 0 &&
	     port <= UINT16_MAX && has_nothing_more(uri) &&
	     addr_parse(host, &ip) && ip.family == ADDR_IPV4;
	if (ok)
		*out = addr_with_port(&ip, (uint16_t)port);
	if (uri)
		evhttp_uri_free(uri);
	return ok;
}

static void finish(struct exchange *x, enum http_result result)
{
	x->answer->result = result;
	event_base_loopbreak(x->base);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	finish(arg, HTTP_GET_TIMED_OUT);
}

/* Comes before on_answer(), which then knows no more than that it failed. */
static void on_error(enum evhttp_request_error error, void *arg)
{
	struct exchange *x = arg;

	switch (error) {
	case EVREQ_HTTP_TIMEOUT:
		finish(x, HTTP_GET_TIMED_OUT);
		break;
	case EVREQ_HTTP_DATA_TOO_LONG:
		finish(x, HTTP_GET_TOO_LONG);
		break;
	default:
		finish(x, HTTP_GET_BROKEN);
		break;
	}
}

static void take_body(struct exchange *x, struct evhttp_request *request)
{
	struct evbuffer *input = evhttp_request_get_input_buffer(request);
	size_t len = evbuffer_get_length(input);

	if (len > x->size) {
		finish(x, HTTP_GET_TOO_LONG);
		return;
	}
	evbuffer_copyout(input, x->body, len);
	x->answer->len = len;
	finish(x, HTTP_GET_OK);
}

static void on_answer(struct evhttp_request *request, void *arg)
{
	struct exchange *x = arg;
	int status = request ? evhttp_request_get_response_code(request) : 0;

	/* The answer stays what an error before has made of it. */
	if (status == 0) {
		event_base_loopbreak(x->base);
		return;
	}
	if (status == HTTP_OK) {
		take_body(x, request);
		return;
	}
	x->answer->status = status;
	finish(x, HTTP_GET_REFUSED);
}

static bool add_headers(struct evhttp_request *request,
			const struct addr *server)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	struct addr shown = *server;
	char host[ADDR_TEXT_BYTES];

	if (shown.port == HTTP_PORT)
		shown.port = 0;
	return evhttp_add_header(headers, "Host", addr_print(&shown, host)) ==
		       0 &&
	       evhttp_add_header(headers, "Metadata", "true") == 0 &&
	       evhttp_add_header(headers, "Connection", "close") == 0;
}

static bool ask(struct exchange *x, const struct addr *server, const char *path)
{
	struct evhttp_request *request = evhttp_request_new(on_answer, x);

	if (!request)
		return false;
	evhttp_request_set_error_cb(request, on_error);
	if (!add_headers(request, server)) {
		evhttp_request_free(request);
		return false;
	}
	/* Owns the request from here on, whatever it returns. */
	return evhttp_make_request(x->connection, request, EVHTTP_REQ_GET,
				   path) == 0;
}

static bool prepare(struct exchange *x, const struct addr *server,
		    unsigned timeout_ms)
{
	const struct timeval wait = {
		.tv_sec = timeout_ms / 1000,
		.tv_usec = (suseconds_t)(timeout_ms % 1000) * 1000,
	};
	struct addr ip = addr_with_port(server, 0);
	char host[ADDR_TEXT_BYTES];

	x->base = event_base_new();
	if (!x->base)
		return false;
	x->deadline = event_new(x->base, -1, 0, on_deadline, x);
	x->connection = evhttp_connection_base_new(
		x->base, NULL, addr_print(&ip, host), server->port);
	if (!x->deadline || !x->connection)
		return false;
	evhttp_connection_set_max_headers_size(x->connection,
					       HEADERS_MAX_BYTES);
	evhttp_connection_set_max_body_size(x->connection, (ev_ssize_t)x->size);
	return event_add(x->deadline, &wait) == 0;
}

void http_get(const struct addr *server, const char *path, unsigned timeout_ms,
	      char *body, size_t size, struct http_answer *answer)
{
	struct exchange x = { .body = body, .size = size, .answer = answer };

	*answer = (struct http_answer){ .result = HTTP_GET_FAILED };
	if (prepare(&x, server, timeout_ms)) {
		answer->result = HTTP_GET_NO_CONNECTION;
		if (ask(&x, server, path))
			event_base_dispatch(x.base);
	}
	if (x.connection)
		evhttp_connection_free(x.connection);
	if (x.deadline)
		event_free(x.deadline);
	if (x.base)
		event_base_free(x.base);
}
