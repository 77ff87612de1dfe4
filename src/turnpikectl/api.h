/*
 * Calls of turnpiked's control API, over its unix socket or HTTP.
 *
 * A call takes at most API_TIMEOUT_MS, whatever the server does, unless more
 * is asked for. What keeps an answer from coming is said on standard error,
 * with what to do about it.
 */
#ifndef TURNPIKE_TURNPIKECTL_API_H
#define TURNPIKE_TURNPIKECTL_API_H

#include <jansson.h>

#include "base/bytes.h"
#include "turnpikectl/command.h"

#define API_TIMEOUT_MS 10000

/* Where the token is if nobody says otherwise. */
#define API_TOKEN_FILE TURNPIKE_LOCALSTATEDIR "/lib/turnpike/control-token"
#define API_TOKEN_BYTES 256
#define API_URL "http://127.0.0.1:9641"

/* Takes the bytes of an answer that is not JSON; false: they were no use. */
typedef bool api_sink(void *arg, struct bytes body);

struct api_request {
	const char *method;
	const char *path;   /* with its query */
	const json_t *body; /* NULL: none */
	int timeout_ms;     /* 0: API_TIMEOUT_MS */
	api_sink *sink;     /* NULL: only JSON is understood */
	void *sink_arg;
};

struct api_answer {
	unsigned code; /* HTTP's */
	json_t *json;  /* owned; NULL where there is none */
};

/*
 * Asks, and waits for the answer. Returns STATUS_OK if there is one, whatever
 * it says, and a status with the reason told if there is none.
 */
enum status api_ask(const struct common *how, const struct api_request *request,
		    struct api_answer *out);

/* The same for an answer that must be 2xx; anything else is told. */
enum status api_get(const struct call *call, const char *path, json_t **out);
enum status api_send(const struct call *call, const char *method,
		     const char *path, const json_t *body, json_t **out);

/*
 * Tells what an answer that is not 2xx says (with --json the answer itself on
 * standard output), and returns what status that is.
 */
enum status api_refused(const struct call *call,
			const struct api_answer *answer);

/*
 * Reads the token of a file into `out`. Returns a negative errno; -EINVAL for
 * a file that holds no token.
 */
int api_read_token(const char *path, char out[API_TOKEN_BYTES]);

/* The URL that is in force if the API is not reached by a socket, or NULL. */
const char *api_url(const struct common *how);

#endif
