#include <stdlib.h>

#include "turnpikectl/api.h"
#include "turnpikectl/commands.h"
#include "turnpikectl/member.h"
#include "turnpikectl/url.h"
#include "turnpikectl/say.h"
#include "turnpikectl/table.h"
#include "turnpikectl/term.h"
#include "turnpikectl/units.h"

enum { OPTION_USER, OPTION_REALM };

/* Those who found no room in the server's table have no name there. */
#define OTHERS "(others)"

static const struct command_option usage_options[] = {
	{ "user", 0, "NAME", "of this user" },
	{ "realm", 0, "NAME", "of this realm" },
	{ NULL, 0, NULL, NULL },
};

static const struct table_column columns[] = {
	{ "USER", false },     { "REALM", false }, { "SESSIONS", true },
	{ "LIVING", true },    { "PEAK", true },   { "TO PEERS", true },
	{ "TO CLIENT", true }, { NULL, false },
};

static void put_number(struct table *t, const json_t *user, const char *path)
{
	table_format(t, "%llu", (unsigned long long)member_number(user, path));
}

static void put_user(struct table *t, const json_t *user)
{
	char shown[UNITS_TEXT_BYTES];

	table_put(t, *member_text(user, "user") ? member_text(user, "user")
						: OTHERS);
	table_put(t, member_text(user, "realm"));
	put_number(t, user, "sessions");
	put_number(t, user, "living");
	put_number(t, user, "peak");
	table_put(t, units_bytes(member_number(user, "to_peer.bytes"), shown));
	table_put(t,
		  units_bytes(member_number(user, "to_client.bytes"), shown));
}

struct user {
	const json_t *json;
	uint64_t bytes; /* both ways */
};

static int compare(const void *a, const void *b)
{
	const struct user *x = a, *y = b;

	return (x->bytes < y->bytes) - (x->bytes > y->bytes);
}

/* The users, those with most traffic first; the caller frees the array. */
static struct user *sorted(const json_t *list, size_t count)
{
	struct user *users = calloc(count + 1, sizeof(*users));

	if (!users)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		users[i].json = json_array_get(list, i);
		users[i].bytes =
			member_number(users[i].json, "to_peer.bytes") +
			member_number(users[i].json, "to_client.bytes");
	}
	qsort(users, count, sizeof(*users), compare);
	return users;
}

static enum status print(const json_t *answer)
{
	const json_t *list = member_at(answer, "users");
	size_t count = json_array_size(list);
	struct user *users = sorted(list, count);
	struct table *t = table_new(columns);

	if (!users || !t) {
		free(users);
		table_free(t);
		return say_no_memory();
	}
	for (size_t i = 0; i < count; i++)
		put_user(t, users[i].json);
	if (member_is_there(answer, "others"))
		put_user(t, member_at(answer, "others"));
	table_write(t, 0, 0, stdout);
	printf("%zu user%s since ", count, count == 1 ? "" : "s");
	term_print(member_text(answer, "since"), stdout);
	puts(member_is_true(answer, "truncated")
		     ? ", and " OTHERS ", for whom there was no room"
		     : "");
	free(users);
	table_free(t);
	return STATUS_OK;
}

static enum status run(const struct call *call)
{
	json_t *answer = NULL;
	enum status status;
	struct url q;

	url_begin(&q, "/v1/usage", NULL);
	url_add(&q, "user", call->options[OPTION_USER]);
	url_add(&q, "realm", call->options[OPTION_REALM]);
	status = q.text ? api_get(call, q.text, &answer) : say_no_memory();
	url_end(&q);
	if (status == STATUS_OK && call->common.json)
		member_print(answer);
	else if (status == STATUS_OK)
		status = print(answer);
	json_decref(answer);
	return status;
}

const struct command command_usage_command = {
	.name = "usage",
	.operands = "",
	.summary = "show traffic, sessions and peak of each user",
	.help = "Over the last 24 hours at most. --json has exact numbers.\n",
	.options = usage_options,
	.run = run,
};
