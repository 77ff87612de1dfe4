#include "turnpikectl/api.h"
#include "turnpikectl/commands.h"
#include "turnpikectl/member.h"
#include "turnpikectl/url.h"
#include "turnpikectl/say.h"

enum { OPTION_USER, OPTION_REALM, OPTION_CLIENT };

static const struct command_option kill_options[] = {
	{ "user", 0, "NAME", "all sessions of this user" },
	{ "realm", 0, "NAME", "with --user: in this realm only" },
	{ "client", 0, "ADDRESS", "all of clients at this IP address" },
	{ NULL, 0, NULL, NULL },
};

/* One of the three; what the API would do with two is not guessed. */
static bool is_clear(const struct call *call)
{
	int given = (call->operand_count > 0) +
		    (call->options[OPTION_USER] != NULL) +
		    (call->options[OPTION_CLIENT] != NULL);

	return given == 1 &&
	       (!call->options[OPTION_REALM] || call->options[OPTION_USER]);
}

static enum status print(const struct call *call, const json_t *answer)
{
	uint64_t ended = answer ? member_number(answer, "ended") : 1;

	if (call->common.json && answer)
		member_print(answer);
	else if (call->common.json)
		puts("{\n  \"ended\": 1\n}");
	else
		printf("%llu session%s ended\n", (unsigned long long)ended,
		       ended == 1 ? "" : "s");
	return ended > 0 ? STATUS_OK : STATUS_FAILED;
}

static enum status run(const struct call *call)
{
	struct url q;
	json_t *answer = NULL;
	enum status status;

	if (!is_clear(call))
		return say(STATUS_USAGE, "kill needs a session's ID, --user "
					 "NAME or --client ADDRESS");
	if (call->operand_count > 0)
		url_begin(&q, "/v1/sessions/", call->operands[0]);
	else
		url_begin(&q, "/v1/sessions", NULL);
	url_add(&q, "user", call->options[OPTION_USER]);
	url_add(&q, "realm", call->options[OPTION_REALM]);
	url_add(&q, "client", call->options[OPTION_CLIENT]);
	status = q.text ? api_send(call, "DELETE", q.text, NULL, &answer)
			: say_no_memory();
	url_end(&q);
	if (status == STATUS_OK)
		status = print(call, answer);
	json_decref(answer);
	return status;
}

const struct command command_kill = {
	.name = "kill",
	.operands = "[ID]",
	.operands_max = 1,
	.summary = "end a session, or those of a user or client",
	.help = "The client may begin a new session at once, as long as its "
		"credential is good.\n"
		"The exit status is 1 if there was no such session.\n",
	.options = kill_options,
	.run = run,
};
