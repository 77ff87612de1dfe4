/*
 * Answers of the control API, before they are HTTP.
 *
 * A handler fills one in; ctl/http.c sends it. Memory that is short makes it
 * a 500 without words, so that no handler has to look.
 */
#ifndef TURNPIKE_CTL_ANSWER_H
#define TURNPIKE_CTL_ANSWER_H

#include <event2/buffer.h>
#include <jansson.h>

#include "base/bytes.h"

/* What nothing of the API needs: it is never a page. */
#define ANSWER_POLICY "default-src 'none'; frame-ancestors 'none'"

#define ANSWER_ALLOW_BYTES 32

struct answer {
	int status;
	bool failed;           /* memory was short: stay with the 500 */
	const char *type;      /* of the content; NULL: there is none */
	struct evbuffer *body; /* NULL: nothing is in it yet */
	/* More of the head, where it is not NULL or "". */
	const char *policy; /* in place of ANSWER_POLICY */
	const char *etag;
	char allow[ANSWER_ALLOW_BYTES];
};

/* Nothing is answered yet, which is a 500. */
void answer_init(struct answer *a);
void answer_fini(struct answer *a);

/* Adds bytes to the body. */
void answer_add(struct answer *a, struct bytes bytes);

/*
 * For who writes much of a type of its own: the body, or NULL if memory is
 * short, and what to say when all is written, or not.
 */
struct evbuffer *answer_body(struct answer *a);
void answer_written(struct answer *a, int status, const char *type, bool whole);

/* Adds JSON to the body; the reference becomes the answer's. */
void answer_add_json(struct answer *a, json_t *json);

/* These are whole answers. The second one's reference becomes the answer's. */
void answer_text(struct answer *a, int status, const char *text);
void answer_json(struct answer *a, int status, json_t *json);
void answer_nothing(struct answer *a);

/*
 * {"error":{"code":...,"message":...,"remedy":...}}, where the remedy may be
 * NULL. `details` is NULL or becomes the error's member of that name.
 */
void answer_error(struct answer *a, int status, const char *code,
		  const char *message, const char *remedy);
void answer_error_with(struct answer *a, int status, const char *code,
		       const char *message, const char *remedy,
		       json_t *details);

/* How many bytes the body has. */
size_t answer_bytes(const struct answer *a);

#endif
