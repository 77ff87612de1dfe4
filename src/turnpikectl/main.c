/*
 * turnpikectl: finds the command and runs it. What commands there are stands
 * in command.c.
 */
#include <jansson.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "config.h"
#include "turnpikectl/arguments.h"
#include "turnpikectl/cmd_help.h"

static enum status refuse(const struct call *call, const char *why)
{
	fprintf(stderr, "turnpikectl: %s\n", why);
	if (call->command)
		command_usage(call->command, stderr);
	fprintf(stderr, "Try: turnpikectl help%s%s\n", call->command ? " " : "",
		call->command ? call->command->name : "");
	return STATUS_USAGE;
}

static enum status run(const struct call *call)
{
	if (!call->command) {
		help_write(stdout);
		return STATUS_OK;
	}
	if (call->common.help) {
		command_help(call->command, stdout);
		return STATUS_OK;
	}
	return call->command->run(call);
}

/* Not to say that something was printed when it was not. */
static enum status finish(enum status status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	perror("turnpikectl: cannot write the output");
	return status == STATUS_OK ? STATUS_NO_OUTPUT : status;
}

/* JSON that is sent or comes back may hold a password. */
static void wipe_and_free(void *memory)
{
	if (memory)
		crypto_wipe(memory, malloc_usable_size(memory));
	free(memory);
}

int main(int argc, char **argv)
{
	char why[ARGUMENTS_WHY_BYTES];
	struct call call;

	/* That a reader went away is an error of write(), not an end. */
	signal(SIGPIPE, SIG_IGN);
	json_set_alloc_funcs(malloc, wipe_and_free);
	if (argc == 2 && !strcmp(argv[1], "--version")) {
		puts("turnpikectl " PACKAGE_VERSION);
		return finish(STATUS_OK);
	}
	if (!arguments_parse(argc > 0 ? (size_t)argc - 1 : 0, argv + 1, &call,
			     why))
		return refuse(&call, why);
	return finish(run(&call));
}
