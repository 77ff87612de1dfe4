/*
 * Routes: which request of the control API is answered by what.
 *
 * Each resource has a file api_NAME.c with its handlers and a const struct
 * route for each; route.c has the list of them, which doc/openapi.yaml is
 * compared with (tests/lint/openapi).
 */
#ifndef TURNPIKE_CTL_ROUTE_H
#define TURNPIKE_CTL_ROUTE_H

#include "ctl/answer.h"
#include "ctl/fields.h"
#include "ctl/hooks.h"

#define ROUTE_ARGS_MAX 2
#define ROUTE_BY_BYTES 64

enum route_method { ROUTE_GET, ROUTE_POST, ROUTE_DELETE, ROUTE_METHOD_COUNT };

/* A request that was let in and is well formed. Everything is borrowed. */
struct request {
	const struct control_hooks *hooks;
	const char *path; /* as it was sent, without parameters */
	struct bytes args[ROUTE_ARGS_MAX]; /* what stands for {...} */
	struct field_value parameters[FIELDS_MAX];
	struct field_value members[FIELDS_MAX];
	const char *if_none_match; /* of the head, or NULL */
	const char *accept;
	const char *by; /* who asks: "uid 0", or an address */
};

struct route {
	enum route_method method;
	const char *path;               /* "/v1/sessions/{id}" */
	bool open;                      /* for those without the token, too */
	const struct field *parameters; /* NULL: there are none */
	const struct field *members;    /* of the body; NULL: there are none */
	void (*handle)(const struct request *q, struct answer *a);
};

/* All of them; NULL ends the list. */
extern const struct route *const routes[];

/*
 * The route of a path, with what stands for its {...}. Returns NULL if there
 * is none; `allow` is then what methods the path has, "GET, POST", or "" if
 * it is not there at all.
 */
const struct route *route_find(enum route_method method, const struct query *q,
			       struct bytes args[ROUTE_ARGS_MAX],
			       char allow[ANSWER_ALLOW_BYTES]);

#endif
