/*
 * GET /metrics, for Prometheus: open, since nothing in it is of a user.
 */
#include <stdlib.h>

#include "ctl/api.h"
#include "ctl/metrics.h"

static void measure(const struct request *q, struct metrics_snapshot *out)
{
	q->hooks->measure(q->hooks->arg, out);
	out->ready = !q->hooks->not_ready(q->hooks->arg);
}

static void show(const struct request *q, struct answer *a)
{
	enum metrics_format format = metrics_negotiate(q->accept);
	struct metrics_snapshot *s = malloc(sizeof(*s));
	struct evbuffer *body = answer_body(a);

	if (s && body) {
		measure(q, s);
		answer_written(a, 200, metrics_content_type(format),
			       !metrics_write(body, s, format));
	}
	free(s);
}

const struct route api_metrics = {
	.method = ROUTE_GET,
	.path = "/metrics",
	.open = true,
	.handle = show,
};
