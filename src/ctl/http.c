#include "ctl/http.h"

#include <event2/bufferevent.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* How often it is looked whether a connection has ended, or has to. */
#define LOOK_S 1

/* A connection. libevent does not say when one ends: see sweep(). */
struct slot {
	struct bufferevent *bev; /* with a reference of ours; NULL: free */
	time_t since_s;          /* it waits for its client */
	bool writing;            /* there is an answer to be taken */
};

struct door {
	struct http *http;
	enum http_door number;
	struct evhttp *server;           /* NULL: the door is not open */
	struct evconnlistener *listener; /* the server's */
	struct evconnlistener *refuser;  /* on the same socket, while full */
};

struct http {
	struct event_base *base;
	http_handler *handle;
	void *arg;
	struct event *look;
	bool looking;
	bool closed; /* no more connections are let in for now */
	unsigned count;
	struct slot slots[HTTP_CONNECTIONS_MAX];
	struct door doors[HTTP_DOOR_COUNT];
};

static time_t clock_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec;
}

/* --- connections --- */

/* Lets connections in, or closes each one as it comes. */
static void set_closed(struct http *h, bool closed)
{
	h->closed = closed;
	for (unsigned i = 0; i < HTTP_DOOR_COUNT; i++) {
		struct door *d = &h->doors[i];

		if (!d->server)
			continue;
		if (closed) {
			evconnlistener_disable(d->listener);
			evconnlistener_enable(d->refuser);
		} else {
			evconnlistener_disable(d->refuser);
			evconnlistener_enable(d->listener);
		}
	}
}

static void set_looking(struct http *h, bool looking)
{
	struct timeval every = { .tv_sec = LOOK_S };

	if (looking == h->looking)
		return;
	h->looking = looking;
	if (looking)
		event_add(h->look, &every);
	else
		event_del(h->look);
}

/* libevent lets go of a connection by taking its callbacks away. */
static bool has_ended(const struct slot *s)
{
	bufferevent_event_cb on_event;

	bufferevent_getcb(s->bev, NULL, NULL, &on_event, NULL);
	return !on_event;
}

static void cut_if_late(struct slot *s, time_t now_s)
{
	time_t patience_s = s->writing ? HTTP_WRITE_S : HTTP_READ_S;

	/* libevent notices, and closes it. */
	if (now_s - s->since_s > patience_s)
		shutdown(bufferevent_getfd(s->bev), SHUT_RDWR);
}

/* Gives up what has ended, and ends what takes too long. */
static void sweep(struct http *h)
{
	time_t now_s = clock_s();

	for (unsigned i = 0; i < HTTP_CONNECTIONS_MAX; i++) {
		struct slot *s = &h->slots[i];

		if (!s->bev)
			continue;
		if (!has_ended(s)) {
			cut_if_late(s, now_s);
			continue;
		}
		/* With our reference the last one goes, and so the socket. */
		bufferevent_decref(s->bev);
		s->bev = NULL;
		h->count--;
	}
	if (h->closed && h->count < HTTP_CONNECTIONS_MAX)
		set_closed(h, false);
	set_looking(h, h->count > 0 || h->closed);
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	sweep(arg);
}

static struct slot *slot_of(struct http *h, const struct bufferevent *bev)
{
	for (unsigned i = 0; i < HTTP_CONNECTIONS_MAX; i++)
		if (h->slots[i].bev == bev)
			return &h->slots[i];
	return NULL;
}

/* For a connection that was just accepted. */
static struct bufferevent *make_connection(struct event_base *base, void *arg)
{
	struct door *d = arg;
	struct http *h = d->http;
	struct slot *s = slot_of(h, NULL);
	struct bufferevent *bev =
		bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);

	/* Without memory libevent tries by itself, and fails, too. */
	if (!s || !bev)
		return bev;
	bufferevent_incref(bev);
	*s = (struct slot){ .bev = bev, .since_s = clock_s() };
	h->count++;
	if (h->count == HTTP_CONNECTIONS_MAX)
		set_closed(h, true);
	set_looking(h, true);
	return bev;
}

static void refuse(struct evconnlistener *listener, evutil_socket_t fd,
		   struct sockaddr *from, int len, void *arg)
{
	(void)listener;
	(void)from;
	(void)len;
	close(fd);
	/* There may be room again for the next one. */
	sweep(arg);
}

/* No descriptor for one more connection: they wait until the next look. */
static void on_accept_error(struct evconnlistener *listener, void *arg)
{
	struct http *h = arg;

	(void)listener;
	for (unsigned i = 0; i < HTTP_DOOR_COUNT; i++) {
		if (!h->doors[i].server)
			continue;
		evconnlistener_disable(h->doors[i].listener);
		evconnlistener_disable(h->doors[i].refuser);
	}
	h->closed = true;
	set_looking(h, true);
}

/* --- requests --- */

static void on_sent(struct evhttp_request *request, void *arg)
{
	struct slot *s = arg;

	(void)request;
	s->writing = false;
	s->since_s = clock_s();
}

/* Before it is freed, so not the time to look yet. */
static void on_close(struct evhttp_connection *connection, void *arg)
{
	struct http *h = arg;

	(void)connection;
	/* As EV_TIMEOUT each one would put off the next look by a second. */
	event_active(h->look, EV_READ, 0);
}

static void on_request(struct evhttp_request *request, void *arg)
{
	struct door *d = arg;
	struct evhttp_connection *c = evhttp_request_get_connection(request);
	struct slot *s = slot_of(d->http, evhttp_connection_get_bufferevent(c));

	evhttp_connection_set_closecb(c, on_close, d->http);
	if (s) {
		s->writing = true;
		s->since_s = clock_s();
		evhttp_request_set_on_complete_cb(request, on_sent, s);
	}
	d->http->handle(d->http->arg, d->number, request);
}

int http_socket(struct evhttp_request *request)
{
	struct evhttp_connection *c = evhttp_request_get_connection(request);

	return bufferevent_getfd(evhttp_connection_get_bufferevent(c));
}

const char *http_header(struct evhttp_request *request, const char *name)
{
	const struct evkeyvalq *all = evhttp_request_get_input_headers(request);
	const struct evkeyval *h;
	const char *value = NULL;

	TAILQ_FOREACH(h, all, next)
	{
		if (strcasecmp(h->key, name) != 0)
			continue;
		if (value)
			return NULL;
		value = h->value;
	}
	return value;
}

static void add_head(struct evhttp_request *request, const struct answer *a)
{
	struct evkeyvalq *head = evhttp_request_get_output_headers(request);
	char length[24];

	if (a->type)
		evhttp_add_header(head, "Content-Type", a->type);
	if (a->etag)
		evhttp_add_header(head, "ETag", a->etag);
	/* What has a tag may be kept, and is asked for again. */
	evhttp_add_header(head, "Cache-Control",
			  a->etag ? "no-cache" : "no-store");
	if (*a->allow)
		evhttp_add_header(head, "Allow", a->allow);
	if (a->status == 401)
		evhttp_add_header(head, "WWW-Authenticate", "Bearer");
	evhttp_add_header(head, "Content-Security-Policy",
			  a->policy ? a->policy : ANSWER_POLICY);
	evhttp_add_header(head, "X-Content-Type-Options", "nosniff");
	evhttp_add_header(head, "Referrer-Policy", "no-referrer");
	if (a->status == 204 || a->status == 304)
		return;
	snprintf(length, sizeof(length), "%zu", answer_bytes(a));
	evhttp_add_header(head, "Content-Length", length);
}

void http_send(struct http *h, struct evhttp_request *request, struct answer *a)
{
	(void)h;
	add_head(request, a);
	if (evhttp_request_get_command(request) == EVHTTP_REQ_HEAD && a->body)
		evbuffer_drain(a->body, evbuffer_get_length(a->body));
	evhttp_send_reply(request, a->status, NULL, a->body);
}

bool http_is_full(struct http *h)
{
	size_t pending = 0;

	for (unsigned i = 0; i < HTTP_CONNECTIONS_MAX; i++)
		if (h->slots[i].bev)
			pending += evbuffer_get_length(
				bufferevent_get_output(h->slots[i].bev));
	return pending > HTTP_PENDING_MAX_BYTES;
}

unsigned http_connections(struct http *h)
{
	sweep(h);
	return h->count;
}

/* --- the server --- */

struct http *http_new(struct event_base *base, http_handler *handle, void *arg)
{
	struct http *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->base = base;
	h->handle = handle;
	h->arg = arg;
	h->look = event_new(base, -1, EV_PERSIST, on_look, h);
	if (h->look)
		return h;
	free(h);
	return NULL;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	for (unsigned i = 0; i < HTTP_DOOR_COUNT; i++) {
		if (h->doors[i].refuser)
			evconnlistener_free(h->doors[i].refuser);
		if (h->doors[i].server)
			evhttp_free(h->doors[i].server);
		h->doors[i].server = NULL;
	}
	sweep(h);
	event_free(h->look);
	free(h);
}

static void set_limits(struct evhttp *server)
{
	evhttp_set_max_headers_size(server, HTTP_HEAD_MAX_BYTES);
	evhttp_set_max_body_size(server, HTTP_BODY_MAX_BYTES);
	evhttp_set_timeout(server, HTTP_WRITE_S);
	/* All are let through to be refused in our own words. */
	evhttp_set_allowed_methods(
		server, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD |
				EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
				EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE |
				EVHTTP_REQ_PATCH);
}

static bool make_door(struct door *d, struct event_base *base, int fd)
{
	d->refuser = evconnlistener_new(
		base, refuse, d->http, LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_DISABLED,
		0, fd);
	d->listener = evconnlistener_new(
		base, NULL, NULL, LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_CLOSE_ON_FREE,
		0, fd);
	if (!d->refuser || !d->listener)
		return false;
	evconnlistener_set_error_cb(d->listener, on_accept_error);
	evconnlistener_set_error_cb(d->refuser, on_accept_error);
	d->server = evhttp_new(base);
	if (!d->server)
		return false;
	set_limits(d->server);
	evhttp_set_bevcb(d->server, make_connection, d);
	evhttp_set_gencb(d->server, on_request, d);
	/* With that the listener is the server's, and calls it. */
	return evhttp_bind_listener(d->server, d->listener) != NULL;
}

bool http_open(struct http *h, enum http_door door, int fd)
{
	struct door *d = &h->doors[door];

	d->http = h;
	d->number = door;
	if (make_door(d, h->base, fd))
		return true;
	if (d->refuser)
		evconnlistener_free(d->refuser);
	if (d->listener)
		evconnlistener_free(d->listener);
	else
		close(fd);
	if (d->server)
		evhttp_free(d->server);
	*d = (struct door){ .http = NULL };
	return false;
}
