/*
 * Health, for load balancers and service managers: GET /healthz says that the
 * process lives, GET /readyz whether clients should be sent here.
 */
#include "ctl/api.h"

static void live(const struct request *q, struct answer *a)
{
	(void)q;
	answer_text(a, 200, "ok");
}

static void ready(const struct request *q, struct answer *a)
{
	const char *why = q->hooks->not_ready(q->hooks->arg);

	answer_text(a, why ? 503 : 200, why ? why : "ready");
}

const struct route api_healthz = {
	.method = ROUTE_GET,
	.path = "/healthz",
	.open = true,
	.handle = live,
};

const struct route api_readyz = {
	.method = ROUTE_GET,
	.path = "/readyz",
	.open = true,
	.handle = ready,
};
