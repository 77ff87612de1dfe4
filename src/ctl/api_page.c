/*
 * The status page, GET / and the files that it names: static, and so open.
 */
#include "ctl/api.h"
#include "ctl/page.h"

static void send_file(struct answer *a, const struct page_file *f,
		      const char *if_none_match)
{
	a->etag = f->etag;
	a->policy = PAGE_POLICY;
	if (if_none_match && !strcmp(if_none_match, f->etag)) {
		a->status = 304;
		return;
	}
	a->status = 200;
	a->type = f->type;
	answer_add(a, bytes_of(f->bytes, f->len));
}

static void page(const struct request *q, struct answer *a)
{
	const struct page_file *f = page_find(q->path);

	if (f)
		send_file(a, f, q->if_none_match);
	else
		answer_error(a, 404, "not_found", "There is no such file.",
			     NULL);
}

const struct route api_page = {
	.method = ROUTE_GET,
	.path = "/",
	.open = true,
	.handle = page,
};

const struct route api_page_file = {
	.method = ROUTE_GET,
	.path = "/page/{name}",
	.open = true,
	.handle = page,
};
