#include "ctl/route.h"

#include <stdio.h>

#include "ctl/api.h"

const struct route *const routes[] = {
	&api_page,          &api_page_file,
	&api_healthz,       &api_readyz,
	&api_metrics,       &api_server,
	&api_sessions,      &api_sessions_end,
	&api_session,       &api_session_end,
	&api_refusals,      &api_usage,
	&api_drain,         &api_drain_begin,
	&api_drain_end,     &api_reload,
	&api_users,         &api_users_add,
	&api_user_password, &api_user_remove,
	&api_credentials,   &api_self_test,
	&api_capture_begin, &api_capture_take,
	&api_capture_end,   NULL,
};

static const char *const method_names[ROUTE_METHOD_COUNT] = {
	[ROUTE_GET] = "GET",
	[ROUTE_POST] = "POST",
	[ROUTE_DELETE] = "DELETE",
};

/* Compares the pattern's next segment, and moves behind it. */
static bool matches_segment(const char **pattern, struct bytes segment,
			    struct bytes **arg)
{
	const char *begin = *pattern + 1;
	size_t len = strcspn(begin, "/");

	*pattern = begin + len;
	if (*begin != '{')
		return bytes_equal(bytes_of(begin, len), segment);
	*(*arg)++ = segment;
	/* Nobody and nothing has no name. */
	return segment.len > 0;
}

static bool matches(const struct route *r, const struct query *q,
		    struct bytes args[ROUTE_ARGS_MAX])
{
	const char *pattern = r->path;
	struct bytes *arg = args;

	if (q->segment_count == 0)
		return !strcmp(pattern, "/");
	for (unsigned i = 0; i < q->segment_count; i++)
		if (*pattern != '/' ||
		    !matches_segment(&pattern, q->segments[i], &arg))
			return false;
	return *pattern == '\0';
}

static void add_method(char allow[ANSWER_ALLOW_BYTES], enum route_method method)
{
	size_t used = strlen(allow);

	snprintf(allow + used, ANSWER_ALLOW_BYTES - used, "%s%s",
		 used > 0 ? ", " : "", method_names[method]);
}

const struct route *route_find(enum route_method method, const struct query *q,
			       struct bytes args[ROUTE_ARGS_MAX],
			       char allow[ANSWER_ALLOW_BYTES])
{
	*allow = '\0';
	for (const struct route *const *r = routes; *r; r++) {
		if (!matches(*r, q, args))
			continue;
		if ((*r)->method == method)
			return *r;
		add_method(allow, (*r)->method);
	}
	return NULL;
}
