#include "ctl/answer.h"

#define JSON_TYPE "application/json"
#define TEXT_TYPE "text/plain; charset=utf-8"

void answer_init(struct answer *a)
{
	*a = (struct answer){ .status = 500 };
}

void answer_fini(struct answer *a)
{
	if (a->body)
		evbuffer_free(a->body);
	a->body = NULL;
}

/* An answer that cannot be made whole says nothing at all. */
static void give_up(struct answer *a)
{
	answer_fini(a);
	*a = (struct answer){ .status = 500, .failed = true };
}

static bool has_body(struct answer *a)
{
	if (!a->body && !a->failed)
		a->body = evbuffer_new();
	return a->body != NULL;
}

static void set_head(struct answer *a, int status, const char *type)
{
	if (a->failed)
		return;
	a->status = status;
	a->type = type;
}

void answer_add(struct answer *a, struct bytes bytes)
{
	if (!has_body(a) || evbuffer_add(a->body, bytes.data, bytes.len))
		give_up(a);
}

struct evbuffer *answer_body(struct answer *a)
{
	if (!has_body(a))
		give_up(a);
	return a->body;
}

void answer_written(struct answer *a, int status, const char *type, bool whole)
{
	if (whole)
		set_head(a, status, type);
	else
		give_up(a);
}

static int add_piece(const char *piece, size_t len, void *arg)
{
	return evbuffer_add(arg, piece, len);
}

void answer_add_json(struct answer *a, json_t *json)
{
	if (!json || !has_body(a) ||
	    json_dump_callback(json, add_piece, a->body, JSON_COMPACT))
		give_up(a);
	json_decref(json);
}

void answer_text(struct answer *a, int status, const char *text)
{
	set_head(a, status, TEXT_TYPE);
	answer_add(a, bytes_str(text));
	answer_add(a, bytes_str("\n"));
}

void answer_json(struct answer *a, int status, json_t *json)
{
	set_head(a, status, JSON_TYPE);
	answer_add_json(a, json);
}

void answer_nothing(struct answer *a)
{
	set_head(a, 204, NULL);
}

void answer_error_with(struct answer *a, int status, const char *code,
		       const char *message, const char *remedy, json_t *details)
{
	/* With * a member that is NULL is left out. */
	json_t *error = json_pack("{s:s, s:s, s:s*, s:o*}", "code", code,
				  "message", message, "remedy", remedy,
				  "details", details);

	answer_json(a, status, json_pack("{s:o}", "error", error));
}

void answer_error(struct answer *a, int status, const char *code,
		  const char *message, const char *remedy)
{
	answer_error_with(a, status, code, message, remedy, NULL);
}

size_t answer_bytes(const struct answer *a)
{
	return a->body ? evbuffer_get_length(a->body) : 0;
}
