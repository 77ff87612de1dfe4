/*
 * HTTP/1.1 for the control API: connections, their limits, and nothing of
 * what is asked.
 *
 * libevent parses and writes; here is what keeps a client from costing more
 * than it should. At most HTTP_CONNECTIONS_MAX connections live at a time, on
 * all doors together; one more is closed. A request that is not whole after
 * HTTP_READ_S, an answer that is not taken within HTTP_WRITE_S, and a
 * connection that is idle so long are cut, however busy their client looks.
 */
#ifndef TURNPIKE_CTL_HTTP_H
#define TURNPIKE_CTL_HTTP_H

#include <event2/event.h>
#include <event2/http.h>

#include "ctl/answer.h"

#define HTTP_CONNECTIONS_MAX 64
#define HTTP_HEAD_MAX_BYTES (16 * 1024)
#define HTTP_BODY_MAX_BYTES (1024 * 1024)
#define HTTP_READ_S 10
#define HTTP_WRITE_S 30
/* What waits to be taken, of all clients; beyond it requests are refused. */
#define HTTP_PENDING_MAX_BYTES (16 * 1024 * 1024)

struct http;

/* Which socket a request came by. */
enum http_door { HTTP_UNIX, HTTP_TCP, HTTP_DOOR_COUNT };

/* Answers a request at once, by http_send(). */
typedef void http_handler(void *arg, enum http_door door,
			  struct evhttp_request *request);

/*
 * A server without doors. Returns NULL without memory.
 */
struct http *http_new(struct event_base *base, http_handler *handle, void *arg);

/* Closes all; NULL is allowed. */
void http_free(struct http *h);

/* Serves a listening socket, which becomes the server's, also if it fails. */
bool http_open(struct http *h, enum http_door door, int fd);

/* The socket of a request's connection. */
int http_socket(struct evhttp_request *request);

/* The only header of that name, or NULL if there is none or are several. */
const char *http_header(struct evhttp_request *request, const char *name);

/* Sends the answer, whose body is then empty. */
void http_send(struct http *h, struct evhttp_request *request,
	       struct answer *a);

/* Whether too much waits to be taken already. */
bool http_is_full(struct http *h);

/* How many connections there are. */
unsigned http_connections(struct http *h);

#endif
