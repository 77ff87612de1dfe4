#include "turnpikectl/api.h"
#include "turnpikectl/commands.h"
#include "turnpikectl/member.h"
#include "turnpikectl/say.h"
#include "turnpikectl/term.h"

/* A large users file takes its time, and other servers may be asked. */
#define TIMEOUT_MS 60000

static void print_place(const json_t *message, FILE *to)
{
	if (*member_text(message, "file")) {
		term_print(member_text(message, "file"), to);
		fputc(':', to);
	}
	if (member_number(message, "line") > 0)
		fprintf(to, "%llu:",
			(unsigned long long)member_number(message, "line"));
	if (*member_text(message, "file") || member_number(message, "line") > 0)
		fputc(' ', to);
}

static void print_messages(const json_t *list, const char *word, FILE *to)
{
	const json_t *message;
	size_t i;

	for (i = 0; (message = json_array_get(list, i)); i++) {
		print_place(message, to);
		fputs(word, to);
		term_print(member_text(message, "text"), to);
		fputc('\n', to);
	}
}

static void print_pending(const json_t *list)
{
	const json_t *option;
	size_t i;

	if (json_array_size(list) == 0)
		return;
	fputs("needs a restart (systemctl restart turnpiked):", stdout);
	for (i = 0; (option = json_array_get(list, i)); i++) {
		putchar(' ');
		term_print(json_string_value(option) ? json_string_value(option)
						     : "",
			   stdout);
	}
	putchar('\n');
}

static void print(const struct call *call, const json_t *answer)
{
	if (call->common.json) {
		member_print(answer);
		return;
	}
	print_messages(member_at(answer, "warnings"), "warning: ", stdout);
	print_pending(member_at(answer, "restart_pending"));
	puts("reloaded");
}

static enum status run(const struct call *call)
{
	json_t *nothing = json_object();
	const struct api_request request = {
		.method = "POST",
		.path = "/v1/reload",
		.body = nothing,
		.timeout_ms = TIMEOUT_MS,
	};
	struct api_answer answer;
	enum status status = api_ask(&call->common, &request, &answer);

	json_decref(nothing);
	if (status != STATUS_OK)
		return status;
	if (answer.code < 300) {
		print(call, answer.json);
	} else {
		status = api_refused(call, &answer);
		print_messages(member_at(answer.json, "error.details"), "",
			       stderr);
	}
	json_decref(answer.json);
	return status;
}

const struct command command_reload = {
	.name = "reload",
	.operands = "",
	.summary = "put the changed configuration in force",
	.help = "Sessions go on. With a mistake in the configuration nothing "
		"changes: the mistake\n"
		"is printed with its file and line, and the exit status is "
		"78. What needs a\n"
		"restart is named. The unit of turnpiked has this as its "
		"ExecReload.\n",
	.run = run,
};
