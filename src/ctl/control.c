#include "ctl/control.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/crypto.h"
#include "ctl/http.h"
#include "ctl/route.h"

/* A wrong token is told once in so long. */
#define REFUSED_EVERY_S 60

struct control {
	struct control_config config;
	const struct control_hooks *hooks;
	struct http *http;
	time_t refused_s;   /* when a wrong token was told last */
	uint64_t refused;   /* since then */
	struct query query; /* of the request in work */
	struct request request;
	char by[ROUTE_BY_BYTES];
};

/* --- who asks --- */

/* The address of a TCP client: "192.0.2.1". */
static void name_client(struct control *c, int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} sa = { .any.sa_family = AF_UNSPEC };
	socklen_t len = sizeof(sa);
	const void *ip = &sa.in.sin_addr;

	if (getpeername(fd, &sa.any, &len) < 0) {
		snprintf(c->by, sizeof(c->by), "a client that is gone");
		return;
	}
	if (sa.any.sa_family == AF_INET6)
		ip = &sa.in6.sin6_addr;
	inet_ntop(sa.any.sa_family, ip, c->by, sizeof(c->by));
}

static bool admit_local(struct control *c, struct evhttp_request *r,
			struct answer *a)
{
	uid_t uid = (uid_t)-1;
	bool ok =
		access_peer(http_socket(r), c->config.uid, c->config.gid, &uid);

	snprintf(c->by, sizeof(c->by), "uid %u", (unsigned)uid);
	if (!ok)
		answer_error(a, 403, "not_allowed",
			     "This socket is for root and the server's own "
			     "user and group.",
			     "Ask as root, or join the group turnpike.");
	return ok;
}

static bool admit_page(struct control *c, struct evhttp_request *r,
		       struct answer *a)
{
	const char *host = http_header(r, "Host");
	/* If there are several, one of them is foreign. */
	bool has_origin =
		evhttp_find_header(evhttp_request_get_input_headers(r),
				   "Origin") != NULL;
	const char *origin = http_header(r, "Origin");

	if (!access_host(&c->config.http, host)) {
		answer_error(a, 403, "wrong_host",
			     "Host is not this server's address.",
			     "Use the address of control.http, or localhost.");
		return false;
	}
	if (has_origin && (!origin || !access_origin(host, origin))) {
		answer_error(a, 403, "wrong_origin",
			     "No page of another site may ask here.", NULL);
		return false;
	}
	return true;
}

/* One line for many: whoever guesses must not fill the log. */
static void tell_refused(struct control *c)
{
	time_t now_s = time(NULL);
	struct log_record r;

	c->refused++;
	if (c->refused_s != 0 && now_s - c->refused_s < REFUSED_EVERY_S)
		return;
	log_begin(&r, LOG_LEVEL_WARNING, "control refused", now_s);
	log_text(&r, "client", c->by);
	log_text(&r, "cause", "wrong token");
	log_number(&r, "count", c->refused);
	c->hooks->log(c->hooks->arg, &r);
	c->refused_s = now_s;
	c->refused = 0;
}

static bool admit_token(struct control *c, struct evhttp_request *r,
			struct answer *a)
{
	const char *given = http_header(r, "Authorization");

	if (access_token(c->config.token, given))
		return true;
	if (given)
		tell_refused(c);
	answer_error(a, 401, "token_required",
		     given ? "This is not the token." : "This needs the token.",
		     "turnpikectl open shows it; the file is control-token in "
		     "the state directory.");
	return false;
}

/* --- what is asked --- */

static bool method_of(struct evhttp_request *r, enum route_method *out)
{
	switch (evhttp_request_get_command(r)) {
	case EVHTTP_REQ_GET:
	case EVHTTP_REQ_HEAD:
		*out = ROUTE_GET;
		return true;
	case EVHTTP_REQ_POST:
		*out = ROUTE_POST;
		return true;
	case EVHTTP_REQ_DELETE:
		*out = ROUTE_DELETE;
		return true;
	default:
		return false;
	}
}

static const struct route *
find_route(struct control *c, struct evhttp_request *r, struct answer *a)
{
	enum route_method method = ROUTE_METHOD_COUNT;
	const struct route *route;

	method_of(r, &method);
	route = route_find(method, &c->query, c->request.args, a->allow);
	if (route)
		return route;
	if (*a->allow)
		answer_error(a, 405, "method_not_allowed",
			     "This is not done by that method.", NULL);
	else
		answer_error(a, 404, "not_found", "There is nothing here.",
			     "doc/openapi.yaml lists what there is.");
	return NULL;
}

static bool refuse_syntax(struct answer *a, const char *why)
{
	answer_error(a, 400, "bad_request", why, NULL);
	return false;
}

static bool read_members(const struct field *fields, json_t *json,
			 struct field_value *out, struct answer *a)
{
	char why[FIELDS_WHY_BYTES];

	if (!json_is_object(json))
		return refuse_syntax(a, "The body is not a JSON object.");
	return fields_from_json(fields, json, out, why) ||
	       refuse_syntax(a, why);
}

/* The body as JSON, an empty one as an object without members. */
static json_t *parse_body(struct evhttp_request *r, struct answer *a)
{
	struct evbuffer *body = evhttp_request_get_input_buffer(r);
	size_t len = evbuffer_get_length(body);
	json_error_t error;
	char why[sizeof(error.text) + 64];
	json_t *json;

	if (len == 0)
		return json_object();
	json = json_loadb((const char *)evbuffer_pullup(body, -1), len,
			  JSON_REJECT_DUPLICATES, &error);
	if (json)
		return json;
	snprintf(why, sizeof(why), "The body is not JSON, line %d: %s",
		 error.line, error.text);
	refuse_syntax(a, why);
	return NULL;
}

/* It may have held a password. */
static void wipe_body(struct evhttp_request *r)
{
	struct evbuffer *body = evhttp_request_get_input_buffer(r);
	size_t len = evbuffer_get_length(body);

	if (len > 0)
		crypto_wipe(evbuffer_pullup(body, -1), len);
}

static void handle_route(struct control *c, const struct route *route,
			 struct evhttp_request *r, struct answer *a)
{
	struct request *q = &c->request;
	char why[FIELDS_WHY_BYTES];
	json_t *body;

	if (!fields_from_query(route->parameters, &c->query, q->parameters,
			       why)) {
		refuse_syntax(a, why);
		return;
	}
	q->hooks = c->hooks;
	q->by = c->by;
	q->if_none_match = http_header(r, "If-None-Match");
	q->accept = http_header(r, "Accept");
	body = parse_body(r, a);
	if (body && read_members(route->members, body, q->members, a))
		route->handle(q, a);
	json_decref(body);
	wipe_body(r);
}

/* The target without what is behind "?", which a page file is found by. */
static bool read_target(struct control *c, struct evhttp_request *r,
			struct answer *a)
{
	const char *target = evhttp_request_get_uri(r);
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(r);

	if (!target || !uri || evhttp_uri_get_host(uri) ||
	    !query_parse(&c->query, bytes_str(target)))
		return refuse_syntax(a, "The path or a parameter is not well "
					"formed.");
	c->request.path = evhttp_uri_get_path(uri);
	return true;
}

static bool admit(struct control *c, enum http_door door,
		  struct evhttp_request *r, struct answer *a)
{
	if (door == HTTP_UNIX)
		return admit_local(c, r, a);
	name_client(c, http_socket(r));
	return admit_page(c, r, a);
}

static void answer_request(struct control *c, enum http_door door,
			   struct evhttp_request *r, struct answer *a)
{
	const struct route *route;

	if (!admit(c, door, r, a) || !read_target(c, r, a))
		return;
	route = find_route(c, r, a);
	if (!route)
		return;
	if (door == HTTP_TCP && !route->open && !admit_token(c, r, a))
		return;
	if (http_is_full(c->http))
		answer_error(a, 503, "busy",
			     "Too many answers wait to be read.",
			     "Read them, or ask for less.");
	else
		handle_route(c, route, r, a);
}

static void on_request(void *arg, enum http_door door, struct evhttp_request *r)
{
	struct control *c = arg;
	struct answer a;

	answer_init(&a);
	answer_request(c, door, r, &a);
	http_send(c->http, r, &a);
	answer_fini(&a);
}

/*
 * What JSON held may have been a password: its memory is wiped when it is
 * freed, for which its size stands before it.
 */
#define MEMORY_HEAD_BYTES 16

static void *take_memory(size_t size)
{
	char *head = malloc(MEMORY_HEAD_BYTES + size);

	if (!head)
		return NULL;
	memcpy(head, &size, sizeof(size));
	return head + MEMORY_HEAD_BYTES;
}

static void give_memory(void *memory)
{
	size_t size;
	char *head;

	if (!memory)
		return;
	head = (char *)memory - MEMORY_HEAD_BYTES;
	memcpy(&size, head, sizeof(size));
	crypto_wipe(memory, size);
	free(head);
}

struct control *control_new(const struct control_config *config,
			    const struct control_hooks *hooks,
			    struct event_base *base)
{
	struct control *c = calloc(1, sizeof(*c));
	bool ok;

	if (c)
		c->http = http_new(base, on_request, c);
	if (!c || !c->http) {
		if (config->socket_fd >= 0)
			close(config->socket_fd);
		if (config->http_fd >= 0)
			close(config->http_fd);
		free(c);
		return NULL;
	}
	json_set_alloc_funcs(take_memory, give_memory);
	c->config = *config;
	c->hooks = hooks;
	ok = config->socket_fd < 0 ||
	     http_open(c->http, HTTP_UNIX, config->socket_fd);
	ok &= config->http_fd < 0 ||
	      http_open(c->http, HTTP_TCP, config->http_fd);
	if (ok)
		return c;
	control_free(c);
	return NULL;
}

void control_free(struct control *c)
{
	if (!c)
		return;
	http_free(c->http);
	crypto_wipe(c, sizeof(*c));
	free(c);
}
