/*
 * Sessions: GET and DELETE /v1/sessions and /v1/sessions/{id}.
 *
 * The id of a session is told apart from all that lived before in its place.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl/api.h"
#include "ctl/values.h"

#define LIMIT_DEFAULT 1000
#define LIMIT_MAX 10000
#define ID_BYTES 40

enum {
	SESSIONS_USER,
	SESSIONS_REALM,
	SESSIONS_CLIENT,
	SESSIONS_LIMIT,
	SESSIONS_SORT
};

/* Those who end sessions say whose, and no more than that. */
static const struct field list_parameters[] = {
	{ "user", FIELD_TEXT, .min = 1, .max = STUN_USERNAME_MAX_BYTES },
	{ "realm", FIELD_TEXT, .min = 1, .max = STUN_REALM_MAX_BYTES },
	{ "client", FIELD_TEXT, .min = 1, .max = ADDR_TEXT_BYTES },
	{ "limit", FIELD_NUMBER, .min = 1, .max = LIMIT_MAX },
	{ "sort", FIELD_TEXT, .min = 1, .max = 16 },
	{ .name = NULL },
};

static const struct field end_parameters[] = {
	{ "user", FIELD_TEXT, .min = 1, .max = STUN_USERNAME_MAX_BYTES },
	{ "realm", FIELD_TEXT, .min = 1, .max = STUN_REALM_MAX_BYTES },
	{ "client", FIELD_TEXT, .min = 1, .max = ADDR_TEXT_BYTES },
	{ .name = NULL },
};

/* --- one session --- */

static const char *id_of(const struct turn_session *t, char out[ID_BYTES])
{
	snprintf(out, ID_BYTES, "%u-%" PRIu32 "-%" PRIu32, t->worker,
		 t->allocation.index, t->allocation.generation);
	return out;
}

static json_t *session_of(const struct request *q, const struct turn_session *t)
{
	struct addr relayed = addr_with_port(&t->advertised, t->relayed.port);
	char id[ID_BYTES];

	return json_pack(
		"{s:s, s:o, s:s, s:o, s:o, s:o, s:s, s:o, s:o, s:i, s:i, s:o,"
		" s:o}",
		"id", id_of(t, id), "user",
		value_text(bytes_of(t->user, t->user_bytes)), "realm",
		q->hooks->realm_name(q->hooks->arg, t->realm), "client",
		value_addr(&t->client), "listener", value_addr(&t->local),
		"relayed", value_addr(&relayed), "source",
		turn_source_name((enum turn_source)t->source), "began",
		value_time(t->began_wall_s), "expires",
		value_time(t->expires_wall_s), "permissions",
		(int)t->permissions, "channels", (int)t->channels, "to_peer",
		value_traffic(t->to_peer_packets, t->to_peer_bytes),
		"to_client",
		value_traffic(t->to_client_packets, t->to_client_bytes));
}

/* --- which ones --- */

struct filter {
	const struct request *q;
	const struct field_value *user;
	const struct field_value *realm;
	bool by_client;
	struct addr client; /* of port 0: any */
};

/* "192.0.2.1", "192.0.2.1:5" or "[2001:db8::1]:5". */
static bool read_client(struct bytes text, struct addr *out)
{
	char ip[ADDR_TEXT_BYTES + 1], *begin = ip, *colon;
	unsigned long port = 0;
	size_t len;

	memcpy(ip, text.data, text.len);
	ip[text.len] = '\0';
	if (strlen(ip) != text.len)
		return false;
	if (addr_parse(ip, out))
		return true;
	colon = strrchr(ip, ':');
	if (!colon || strspn(colon + 1, "0123456789") != strlen(colon + 1))
		return false;
	port = strtoul(colon + 1, NULL, 10);
	*colon = '\0';
	len = (size_t)(colon - ip);
	if (len > 2 && ip[0] == '[' && ip[len - 1] == ']') {
		ip[len - 1] = '\0';
		begin++;
	}
	if (port < 1 || port > UINT16_MAX || !addr_parse(begin, out))
		return false;
	*out = addr_with_port(out, (uint16_t)port);
	return true;
}

static bool filter_init(struct filter *f, const struct request *q,
			struct answer *a)
{
	const struct field_value *client = &q->parameters[SESSIONS_CLIENT];

	*f = (struct filter){
		.q = q,
		.user = &q->parameters[SESSIONS_USER],
		.realm = &q->parameters[SESSIONS_REALM],
		.by_client = client->is_set,
	};
	if (!client->is_set || read_client(client->text, &f->client))
		return true;
	answer_error(a, 400, "bad_request",
		     "client is not an IP address, with or without a port.",
		     NULL);
	return false;
}

/* By the name as it was sent, or by the account within it. */
static bool is_user(const struct turn_session *t, struct bytes name)
{
	return bytes_equal(name, bytes_of(t->user, t->user_bytes)) ||
	       bytes_equal(name, turn_session_account(t));
}

static bool matches(const struct filter *f, const struct turn_session *t)
{
	const struct control_hooks *hooks = f->q->hooks;

	if (f->user->is_set && !is_user(t, f->user->text))
		return false;
	if (f->realm->is_set &&
	    !bytes_equal(f->realm->text,
			 bytes_str(hooks->realm_name(hooks->arg, t->realm))))
		return false;
	if (!f->by_client)
		return true;
	return f->client.port ? addr_equal(&f->client, &t->client)
			      : addr_same_ip(&f->client, &t->client);
}

/* --- the list --- */

/*
 * The first `limit` by the order that is wanted: twice as many are collected,
 * then sorted and cut, so that no more is ever held.
 */
struct collection {
	const struct filter *filter;
	int (*order)(const void *a, const void *b);
	size_t limit;
	size_t count;
	size_t room;
	struct turn_session *items;
	uint64_t total;
	uint64_t matched;
	bool failed;
};

static uint64_t traffic_of(const struct turn_session *t)
{
	return t->to_peer_bytes + t->to_client_bytes;
}

static int by_traffic(const void *a, const void *b)
{
	uint64_t one = traffic_of(a), other = traffic_of(b);

	return (one < other) - (one > other);
}

/* The latest first. */
static int by_begin(const void *a, const void *b)
{
	const struct turn_session *one = a, *other = b;

	return (one->began_wall_s < other->began_wall_s) -
	       (one->began_wall_s > other->began_wall_s);
}

static void sort_and_cut(struct collection *c)
{
	if (c->count > 0)
		qsort(c->items, c->count, sizeof(*c->items), c->order);
	if (c->count > c->limit)
		c->count = c->limit;
}

static bool make_room(struct collection *c)
{
	struct turn_session *more;
	size_t room = c->room > 0 ? 2 * c->room : 64;

	if (room > 2 * c->limit)
		room = 2 * c->limit;
	if (c->room == room) {
		sort_and_cut(c);
		return true;
	}
	more = realloc(c->items, room * sizeof(*more));
	if (!more)
		return false;
	c->items = more;
	c->room = room;
	return true;
}

static bool collect(void *visitor, const struct turn_session *t)
{
	struct collection *c = visitor;

	c->total++;
	if (!matches(c->filter, t))
		return true;
	c->matched++;
	if (c->count == c->room && !make_room(c)) {
		c->failed = true;
		return false;
	}
	c->items[c->count++] = *t;
	return true;
}

/* One after the other: there may be ten thousand. */
static void write_list(const struct request *q, struct answer *a,
		       const struct collection *c)
{
	char rest[96];

	a->status = 200;
	a->type = "application/json";
	answer_add(a, bytes_str("{\"sessions\":["));
	for (size_t i = 0; i < c->count; i++) {
		if (i > 0)
			answer_add(a, bytes_str(","));
		answer_add_json(a, session_of(q, &c->items[i]));
	}
	snprintf(rest, sizeof(rest),
		 "],\"total\":%" PRIu64 ",\"matched\":%" PRIu64 "}", c->total,
		 c->matched);
	answer_add(a, bytes_str(rest));
}

static bool read_order(struct collection *c, const struct field_value *sort,
		       struct answer *a)
{
	c->order = by_begin;
	if (!sort->is_set || bytes_equal(sort->text, bytes_str("began")))
		return true;
	c->order = by_traffic;
	if (bytes_equal(sort->text, bytes_str("traffic")))
		return true;
	answer_error(a, 400, "bad_request",
		     "sort is neither traffic nor began.", NULL);
	return false;
}

static void list(const struct request *q, struct answer *a)
{
	const struct field_value *limit = &q->parameters[SESSIONS_LIMIT];
	struct filter filter;
	struct collection c = {
		.filter = &filter,
		.limit = limit->is_set ? (size_t)limit->number : LIMIT_DEFAULT,
	};

	if (!filter_init(&filter, q, a) ||
	    !read_order(&c, &q->parameters[SESSIONS_SORT], a))
		return;
	q->hooks->sessions(q->hooks->arg, collect, &c);
	if (!c.failed) {
		sort_and_cut(&c);
		write_list(q, a, &c);
	}
	free(c.items);
}

/* --- one of them --- */

struct search {
	struct bytes id;
	bool found;
	struct turn_session session;
};

static bool look(void *visitor, const struct turn_session *t)
{
	struct search *s = visitor;
	char id[ID_BYTES];

	if (!bytes_equal(s->id, bytes_str(id_of(t, id))))
		return true;
	s->found = true;
	s->session = *t;
	return false;
}

static bool find(const struct request *q, struct search *s, struct answer *a)
{
	*s = (struct search){ .id = q->args[0] };
	q->hooks->sessions(q->hooks->arg, look, s);
	if (s->found)
		return true;
	answer_error(a, 404, "unknown_session",
		     "There is no such session; it may have ended.", NULL);
	return false;
}

static void show(const struct request *q, struct answer *a)
{
	struct search s;

	if (find(q, &s, a))
		answer_json(a, 200, session_of(q, &s.session));
}

static void end_one(const struct request *q, struct answer *a)
{
	struct search s;

	if (!find(q, &s, a))
		return;
	if (q->hooks->end_session(q->hooks->arg, &s.session, q->by))
		answer_nothing(a);
	else
		answer_error(a, 404, "unknown_session",
			     "It has just ended by itself.", NULL);
}

/* --- several at once --- */

static void end_several(const struct request *q, struct answer *a)
{
	struct filter filter;
	struct collection c = {
		.filter = &filter,
		.order = by_begin,
		.limit = SIZE_MAX / 2,
	};
	uint64_t ended = 0;

	if (!filter_init(&filter, q, a))
		return;
	if (!filter.user->is_set && !filter.by_client) {
		answer_error(a, 400, "bad_request",
			     "Whose sessions are to end? Neither user nor "
			     "client is there.",
			     NULL);
		return;
	}
	q->hooks->sessions(q->hooks->arg, collect, &c);
	for (size_t i = 0; i < c.count; i++)
		ended += q->hooks->end_session(q->hooks->arg, &c.items[i],
					       q->by);
	free(c.items);
	if (!c.failed)
		answer_json(a, 200,
			    json_pack("{s:o}", "ended", value_number(ended)));
}

const struct route api_sessions = {
	.method = ROUTE_GET,
	.path = "/v1/sessions",
	.parameters = list_parameters,
	.handle = list,
};

const struct route api_sessions_end = {
	.method = ROUTE_DELETE,
	.path = "/v1/sessions",
	.parameters = end_parameters,
	.handle = end_several,
};

const struct route api_session = {
	.method = ROUTE_GET,
	.path = "/v1/sessions/{id}",
	.handle = show,
};

const struct route api_session_end = {
	.method = ROUTE_DELETE,
	.path = "/v1/sessions/{id}",
	.handle = end_one,
};
