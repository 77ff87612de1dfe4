#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "turnpikectl/api.h"
#include "turnpikectl/commands.h"
#include "turnpikectl/member.h"
#include "turnpikectl/url.h"
#include "turnpikectl/say.h"
#include "turnpikectl/sessions.h"
#include "turnpikectl/term.h"
#include "turnpikectl/units.h"

enum {
	OPTION_USER,
	OPTION_REALM,
	OPTION_CLIENT,
	OPTION_SORT,
	OPTION_LIMIT,
};

static const struct command_option sessions_options[] = {
	{ "user", 0, "NAME", "those of this user" },
	{ "realm", 0, "NAME", "those of this realm" },
	{ "client", 0, "ADDRESS", "those of clients at this IP address" },
	{ "sort", 0, "ORDER", "traffic or began" },
	{ "limit", 0, "NUMBER", "show so many (1000)" },
	{ NULL, 0, NULL, NULL },
};

static const struct table_column columns[] = {
	{ "ID", false },       { "USER", false },      { "REALM", false },
	{ "CLIENT", false },   { "RELAYED", false },   { "SOURCE", false },
	{ "AGE", true },       { "EXPIRES IN", true }, { "TO PEERS", true },
	{ "TO CLIENT", true }, { NULL, false },
};

/* How long ago that was, or how long until it is. */
static void put_time(struct table *t, const char *text, int sign)
{
	char shown[UNITS_TEXT_BYTES];
	int64_t then, now = time(NULL);

	if (!units_read_time(text, &then)) {
		table_put(t, "");
		return;
	}
	then = sign * (now - then);
	table_put(t, units_duration(then > 0 ? (uint64_t)then : 0, shown));
}

static void put_bytes(struct table *t, const json_t *session, const char *path)
{
	char shown[UNITS_TEXT_BYTES];

	table_put(t, units_bytes(member_number(session, path), shown));
}

static void put_session(struct table *t, const json_t *s)
{
	static const char *const texts[] = { "id",     "user",    "realm",
					     "client", "relayed", "source" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		table_put(t, member_text(s, texts[i]));
	put_time(t, member_text(s, "began"), 1);
	put_time(t, member_text(s, "expires"), -1);
	put_bytes(t, s, "to_peer.bytes");
	put_bytes(t, s, "to_client.bytes");
}

struct table *sessions_table(const json_t *list)
{
	struct table *t = table_new(columns);
	const json_t *session;
	size_t i;

	if (!t)
		return NULL;
	for (i = 0; (session = json_array_get(list, i)); i++)
		put_session(t, session);
	return t;
}

static enum status print_list(const json_t *answer)
{
	struct table *t = sessions_table(member_at(answer, "sessions"));

	if (!t)
		return say_no_memory();
	table_write(t, 0, 0, stdout);
	printf("%zu shown, %llu match, %llu in all\n", table_rows(t),
	       (unsigned long long)member_number(answer, "matched"),
	       (unsigned long long)member_number(answer, "total"));
	table_free(t);
	return STATUS_OK;
}

static void print_line(const char *name, const char *text)
{
	printf("%-12s", name);
	term_print(text, stdout);
	putchar('\n');
}

static void print_way(const char *name, const json_t *session, const char *way)
{
	char path[32], shown[UNITS_TEXT_BYTES];
	uint64_t bytes;

	snprintf(path, sizeof(path), "%s.bytes", way);
	bytes = member_number(session, path);
	snprintf(path, sizeof(path), "%s.packets", way);
	printf("%-12s%s (%llu bytes) in %llu packets\n", name,
	       units_bytes(bytes, shown), (unsigned long long)bytes,
	       (unsigned long long)member_number(session, path));
}

static void print_one(const json_t *s)
{
	static const char *const texts[] = { "id",      "user",   "realm",
					     "source",  "client", "listener",
					     "relayed", "began",  "expires" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		print_line(texts[i], member_text(s, texts[i]));
	printf("%-12s%llu, and %llu channels\n", "permissions",
	       (unsigned long long)member_number(s, "permissions"),
	       (unsigned long long)member_number(s, "channels"));
	print_way("to peers", s, "to_peer");
	print_way("to client", s, "to_client");
}

static void make_query(const struct call *call, struct url *q)
{
	if (call->operand_count > 0) {
		url_begin(q, "/v1/sessions/", call->operands[0]);
		return;
	}
	url_begin(q, "/v1/sessions", NULL);
	url_add(q, "user", call->options[OPTION_USER]);
	url_add(q, "realm", call->options[OPTION_REALM]);
	url_add(q, "client", call->options[OPTION_CLIENT]);
	url_add(q, "sort", call->options[OPTION_SORT]);
	url_add(q, "limit", call->options[OPTION_LIMIT]);
}

static enum status print(const struct call *call, const json_t *answer)
{
	if (call->common.json) {
		member_print(answer);
		return STATUS_OK;
	}
	if (call->operand_count == 0)
		return print_list(answer);
	print_one(answer);
	return STATUS_OK;
}

static enum status run(const struct call *call)
{
	struct url q;
	json_t *answer = NULL;
	enum status status;

	make_query(call, &q);
	status = q.text ? api_get(call, q.text, &answer) : say_no_memory();
	url_end(&q);
	if (status == STATUS_OK)
		status = print(call, answer);
	json_decref(answer);
	return status;
}

const struct command command_sessions = {
	.name = "sessions",
	.operands = "[ID]",
	.operands_max = 1,
	.summary = "list the sessions, or show one",
	.options = sessions_options,
	.run = run,
};
