#include "turnpikectl/api.h"
#include "turnpikectl/commands.h"
#include "turnpikectl/member.h"
#include "turnpikectl/say.h"
#include "turnpikectl/term.h"
#include "turnpikectl/units.h"

enum { OPTION_DEADLINE, OPTION_END, OPTION_SHOW };

static const struct command_option drain_options[] = {
	{ "deadline", 0, "TIME", "as 5m: then, or before, the server stops" },
	{ "end", 0, NULL, "take new clients again" },
	{ "show", 0, NULL, "say whether the server drains, change nothing" },
	{ NULL, 0, NULL, NULL },
};

static void print_state(const json_t *drain)
{
	unsigned long long living = member_number(drain, "allocations");

	if (!member_is_true(drain, "draining")) {
		printf("not draining; %llu sessions\n", living);
		return;
	}
	fputs("draining since ", stdout);
	term_print(member_text(drain, "since"), stdout);
	printf(", %llu sessions left; ", living);
	if (member_is_there(drain, "deadline")) {
		fputs("the server stops without one, and at ", stdout);
		term_print(member_text(drain, "deadline"), stdout);
		putchar('\n');
	} else {
		puts("it goes on until turnpikectl drain --end");
	}
}

static void print(const struct call *call, const json_t *drain)
{
	if (call->common.json)
		member_print(drain);
	else
		print_state(drain);
}

static enum status show(const struct call *call)
{
	json_t *drain;
	enum status status = api_get(call, "/v1/drain", &drain);

	if (status != STATUS_OK)
		return status;
	print(call, drain);
	if (call->options[OPTION_SHOW] && !member_is_true(drain, "draining"))
		status = STATUS_FAILED;
	json_decref(drain);
	return status;
}

/* Its answer is shown and not asked for: the server may be gone by then. */
static enum status begin(const struct call *call)
{
	const char *deadline = call->options[OPTION_DEADLINE];
	json_t *body, *answer = NULL;
	uint64_t seconds = 0;
	enum status status;

	if (deadline && !units_read_duration(deadline, &seconds))
		return say(STATUS_USAGE,
			   "--deadline needs a time such as 90s, 5m or 1h");
	body = json_object();
	if (deadline)
		json_object_set_new(body, "deadline_s",
				    json_integer((json_int_t)seconds));
	status = api_send(call, "POST", "/v1/drain", body, &answer);
	if (status == STATUS_OK)
		print(call, answer);
	json_decref(body);
	json_decref(answer);
	return status;
}

static enum status end(const struct call *call)
{
	json_t *answer = NULL;
	enum status status =
		api_send(call, "DELETE", "/v1/drain", NULL, &answer);

	json_decref(answer);
	return status == STATUS_OK ? show(call) : status;
}

static enum status run(const struct call *call)
{
	int given = (call->options[OPTION_DEADLINE] != NULL) +
		    (call->options[OPTION_END] != NULL) +
		    (call->options[OPTION_SHOW] != NULL);

	if (given > 1)
		return say(STATUS_USAGE,
			   "--deadline, --end and --show: give one");
	if (call->options[OPTION_SHOW])
		return show(call);
	return call->options[OPTION_END] ? end(call) : begin(call);
}

const struct command command_drain = {
	.name = "drain",
	.operands = "",
	.summary = "take no new clients, and let those that are there finish",
	.help = "New clients are refused, or sent to another server, and "
		"/readyz says no. With a\n"
		"deadline the server stops at that time, or when the last "
		"session ends.\n"
		"With --show the exit status is 1 if the server does not "
		"drain.\n",
	.options = drain_options,
	.run = run,
};
