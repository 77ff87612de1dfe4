/*
 * POST /v1/reload: reads the configuration again, and answers when what can
 * change is in force, or says what is wrong with it.
 */
#include <stdlib.h>

#include "ctl/api.h"
#include "ctl/values.h"

static json_t *messages_of(const struct control_reload *r)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < r->message_count; i++) {
		const struct control_mistake *m = &r->messages[i];
		json_t *one = json_pack("{s:o, s:o}", "file",
					value_text(bytes_str(m->file)), "text",
					value_text(bytes_str(m->text)));

		if (m->line > 0)
			json_object_set_new(one, "line", value_number(m->line));
		json_array_append_new(list, one);
	}
	return list;
}

static void reload(const struct request *q, struct answer *a)
{
	struct control_reload *r = calloc(1, sizeof(*r));

	if (!r)
		return;
	q->hooks->reload(q->hooks->arg, r);
	if (r->ok)
		answer_json(a, 200,
			    json_pack("{s:b, s:o, s:o}", "reloaded", 1,
				      "restart_pending",
				      value_pending(&r->pending), "warnings",
				      messages_of(r)));
	else
		answer_error_with(a, 422, "reload_refused",
				  "The configuration has a mistake; nothing "
				  "has changed.",
				  "Mend it; turnpiked --check says the same.",
				  messages_of(r));
	free(r);
}

const struct route api_reload = {
	.method = ROUTE_POST,
	.path = "/v1/reload",
	.handle = reload,
};
