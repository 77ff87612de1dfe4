#include "turnpikectl/command.h"

#include <string.h>

#include "turnpikectl/commands.h"

#define NAME_COLUMN 14
#define OPTION_COLUMN 26

const struct command_option common_options[] = {
	{ "json", 0, NULL, "print JSON" },
	{ "socket", 0, "PATH", "of turnpiked, not " COMMAND_SOCKET },
	{ "url", 0, "URL", "of turnpiked, as http://127.0.0.1:9641" },
	{ "token-file", 0, "FILE", "holds the token that the URL needs" },
	{ "help", 'h', NULL, "explain the command" },
	{ NULL, 0, NULL, NULL },
};

const struct command *const commands[] = {
	&command_status,        &command_top,
	&command_sessions,      &command_kill,
	&command_why,           &command_usage_command,
	&command_user_list,     &command_user_add,
	&command_user_passwd,   &command_user_del,
	&command_credential,    &command_reload,
	&command_drain,         &command_open,
	&command_doctor,        &command_capture,
	&command_import_coturn, &command_completion,
	&command_help_command,  NULL,
};

/* How many words a name has if the words begin with it, or 0. */
static size_t match(const char *name, char **words, size_t count)
{
	const char *space = strchr(name, ' ');
	size_t first = space ? (size_t)(space - name) : strlen(name);

	if (count == 0 || strlen(words[0]) != first ||
	    strncmp(name, words[0], first))
		return 0;
	if (!space)
		return 1;
	return count > 1 && !strcmp(space + 1, words[1]) ? 2 : 0;
}

const struct command *command_find(char **words, size_t count, size_t *used)
{
	for (size_t i = 0; commands[i]; i++) {
		*used = match(commands[i]->name, words, count);
		if (*used > 0)
			return commands[i];
	}
	*used = 0;
	return NULL;
}

size_t command_option_count(const struct command_option *list)
{
	size_t count = 0;

	while (list && list[count].name)
		count++;
	return count;
}

static bool is_of_family(const struct command *command, const char *word)
{
	size_t len = strlen(word);

	return !strncmp(command->name, word, len) && command->name[len] == ' ';
}

bool command_is_family(const char *word)
{
	for (size_t i = 0; commands[i]; i++)
		if (is_of_family(commands[i], word))
			return true;
	return false;
}

void command_list(const char *family, FILE *to)
{
	for (size_t i = 0; commands[i]; i++)
		if (!family || is_of_family(commands[i], family))
			fprintf(to, "  %-*s %s\n", NAME_COLUMN,
				commands[i]->name, commands[i]->summary);
}

void command_usage(const struct command *command, FILE *to)
{
	fprintf(to, "Usage: turnpikectl %s%s%s%s\n", command->name,
		command_option_count(command->options) ? " [OPTIONS]" : "",
		*command->operands ? " " : "", command->operands);
}

static void write_options(const struct command_option *list, FILE *to)
{
	for (size_t i = 0; i < command_option_count(list); i++) {
		const struct command_option *o = &list[i];
		char letter[] = { '-', o->letter, ',', ' ', '\0' };
		int width = fprintf(to, "  %s--%s%s%s",
				    o->letter ? letter : "    ", o->name,
				    o->argument ? " " : "",
				    o->argument ? o->argument : "");

		fprintf(to, "%*s %s\n",
			width < OPTION_COLUMN ? OPTION_COLUMN - width : 0, "",
			o->help);
	}
}

void command_help(const struct command *command, FILE *to)
{
	command_usage(command, to);
	fprintf(to, "\n%s: %s.\n", command->name, command->summary);
	if (command->help)
		fprintf(to, "\n%s", command->help);
	if (command_option_count(command->options) > 0) {
		fputs("\nOptions:\n", to);
		write_options(command->options, to);
	}
	fputs("\nOptions of every command:\n", to);
	write_options(common_options, to);
}
