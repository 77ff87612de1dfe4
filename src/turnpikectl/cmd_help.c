#include "turnpikectl/cmd_help.h"

#include "conf/report.h"
#include "turnpikectl/commands.h"

void help_write(FILE *to)
{
	fputs("Usage: turnpikectl COMMAND [OPTIONS] [ARGUMENTS]\n"
	      "\n"
	      "Looks after turnpiked(8), the TURN and STUN relay. See "
	      "turnpikectl(1).\n"
	      "\n",
	      to);
	command_list(NULL, to);
	fputs("\nOptions of every command are explained by any "
	      "turnpikectl COMMAND --help;\n"
	      "turnpikectl --version prints the version.\n",
	      to);
}

static enum status run(const struct call *call)
{
	char quoted[REPORT_QUOTE_BYTES];
	const struct command *command;
	size_t used;

	if (call->operand_count == 0) {
		help_write(stdout);
		return STATUS_OK;
	}
	command = command_find(call->operands, call->operand_count, &used);
	if (command && used == call->operand_count) {
		command_help(command, stdout);
		return STATUS_OK;
	}
	if (call->operand_count == 1 && command_is_family(call->operands[0])) {
		command_list(call->operands[0], stdout);
		return STATUS_OK;
	}
	fprintf(stderr,
		"turnpikectl: no command %s; all of them: "
		"turnpikectl help\n",
		report_quote(bytes_str(call->operands[call->operand_count - 1]),
			     quoted));
	return STATUS_USAGE;
}

const struct command command_help_command = {
	.name = "help",
	.operands = "[COMMAND]",
	.operands_max = 2,
	.summary = "explain a command, or list them all",
	.run = run,
};
