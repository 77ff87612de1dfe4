/*
 * One GET of one small document from a server at an IP address.
 *
 * The whole exchange is bounded in time and size. It knows no name, no proxy
 * (whatever the environment says), no redirect and no TLS: what is asked is a
 * metadata service on the same machine's link, and an answer from elsewhere
 * would be the wrong one. Waits; for programs that have nothing else to do.
 */
#ifndef TURNPIKE_DISCOVERY_HTTP_GET_H
#define TURNPIKE_DISCOVERY_HTTP_GET_H

#include "base/addr.h"

enum http_result {
	HTTP_GET_OK,
	HTTP_GET_NO_CONNECTION,
	HTTP_GET_TIMED_OUT,
	HTTP_GET_TOO_LONG, /* header or body */
	HTTP_GET_BROKEN,   /* no HTTP, or it ended early */
	HTTP_GET_REFUSED,  /* a status other than 200, redirects too */
	HTTP_GET_FAILED,   /* no memory or no descriptor for it */
};

struct http_answer {
	enum http_result result;
	int status; /* of HTTP_GET_REFUSED */
	size_t len; /* of the body, if HTTP_GET_OK */
};

/* What the result means: "no connection". */
const char *http_explain(enum http_result result);

/*
 * Reads "http://IPV4" or "http://IPV4:PORT", at most a "/" after it. Returns
 * false, `out` untouched, if the text is anything else.
 */
bool http_server_parse(const char *url, struct addr *out);

/*
 * Asks for a path with a header "Metadata: true", and puts the body into
 * `body` of `size` bytes. All of it takes at most `timeout_ms`.
 */
void http_get(const struct addr *server, const char *path, unsigned timeout_ms,
	      char *body, size_t size, struct http_answer *answer);

#endif
