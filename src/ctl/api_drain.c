/*
 * The drain: GET, POST and DELETE /v1/drain.
 */
#include "ctl/api.h"
#include "ctl/values.h"

#define DEADLINE_MAX_S (7 * 24 * 3600)

enum { DRAIN_DEADLINE };

static const struct field members[] = {
	{ "deadline_s", FIELD_NUMBER, .min = 0, .max = DEADLINE_MAX_S },
	{ .name = NULL },
};

static void tell(const struct request *q, struct answer *a, int status)
{
	struct control_drain d;

	q->hooks->drain(q->hooks->arg, &d);
	answer_json(a, status,
		    json_pack("{s:b, s:o, s:o, s:o}", "draining", (int)d.on,
			      "since",
			      d.on ? value_time(d.since_wall_s) : json_null(),
			      "deadline",
			      value_time_or_null(d.on ? d.deadline_wall_s : 0),
			      "allocations", value_number(d.allocations)));
}

static void show(const struct request *q, struct answer *a)
{
	tell(q, a, 200);
}

static void refuse(struct answer *a)
{
	answer_error(a, 409, "stopping",
		     "The server was told to stop, and drains until it does.",
		     NULL);
}

static void begin(const struct request *q, struct answer *a)
{
	const struct field_value *deadline = &q->members[DRAIN_DEADLINE];

	if (q->hooks->begin_drain(q->hooks->arg,
				  deadline->is_set ? deadline->number : -1,
				  q->by))
		tell(q, a, 202);
	else
		refuse(a);
}

static void end(const struct request *q, struct answer *a)
{
	if (q->hooks->end_drain(q->hooks->arg, q->by))
		answer_nothing(a);
	else
		refuse(a);
}

const struct route api_drain = {
	.method = ROUTE_GET,
	.path = "/v1/drain",
	.handle = show,
};

const struct route api_drain_begin = {
	.method = ROUTE_POST,
	.path = "/v1/drain",
	.members = members,
	.handle = begin,
};

const struct route api_drain_end = {
	.method = ROUTE_DELETE,
	.path = "/v1/drain",
	.handle = end,
};
