#include "turnpikectl/completion.h"

#include <string.h>

#include "turnpikectl/commands.h"
#include "turnpikectl/say.h"

/* Words that stand for files, in operands and arguments of options. */
static bool is_file(const char *word)
{
	return word && (!strcmp(word, "FILE") || !strcmp(word, "PATH"));
}

/* --- bash --- */

static void bash_options(const struct command_option *list, FILE *to)
{
	for (size_t i = 0; i < command_option_count(list); i++)
		fprintf(to, " --%s", list[i].name);
}

static void bash_names(FILE *to)
{
	const char *last = "";

	for (size_t i = 0; commands[i]; i++) {
		size_t len = strcspn(commands[i]->name, " ");

		/* A family stands together in the table. */
		if (strncmp(last, commands[i]->name, len) != 0 ||
		    last[len] != ' ')
			fprintf(to, " %.*s", (int)len, commands[i]->name);
		last = commands[i]->name;
	}
}

static void bash_family(const char *family, size_t len, FILE *to)
{
	fprintf(to, "\t%.*s) words=\"", (int)len, family);
	for (size_t i = 0; commands[i]; i++)
		if (!strncmp(commands[i]->name, family, len) &&
		    commands[i]->name[len] == ' ')
			fprintf(to, " %s", commands[i]->name + len + 1);
	fputs("\" ;;\n", to);
}

static void bash_families(FILE *to)
{
	const char *last = NULL;

	for (size_t i = 0; commands[i]; i++) {
		const char *space = strchr(commands[i]->name, ' ');
		size_t len = space ? (size_t)(space - commands[i]->name) : 0;

		if (space && (!last || strncmp(last, commands[i]->name, len)))
			bash_family(commands[i]->name, len, to);
		last = space ? commands[i]->name : last;
	}
}

static void bash_file_options(FILE *to)
{
	fputs("\t--token-file|--socket", to);
	for (size_t i = 0; commands[i]; i++) {
		const struct command_option *o = commands[i]->options;

		for (size_t j = 0; j < command_option_count(o); j++) {
			if (!is_file(o[j].argument))
				continue;
			fprintf(to, "|--%s", o[j].name);
			if (o[j].letter)
				fprintf(to, "|-%c", o[j].letter);
		}
	}
	fputs(") COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n", to);
}

static void bash_commands(FILE *to)
{
	for (size_t i = 0; commands[i]; i++) {
		const struct command *c = commands[i];

		fprintf(to, "\t\"%s\") words=\"", c->name);
		bash_options(c->options, to);
		fputs("\"", to);
		if (is_file(c->operands))
			fputs("; files=1", to);
		else if (c == &command_completion)
			fputs("; operands=\"bash zsh\"", to);
		else if (c == &command_help_command)
			fputs("; operands=$names", to);
		fputs(" ;;\n", to);
	}
}

void completion_bash(FILE *to)
{
	fputs("# bash completion for turnpikectl; made by: turnpikectl "
	      "completion bash\n"
	      "\n"
	      "_turnpikectl()\n"
	      "{\n"
	      "\tlocal word=${COMP_WORDS[COMP_CWORD]} "
	      "before=${COMP_WORDS[COMP_CWORD-1]}\n"
	      "\tlocal first=${COMP_WORDS[1]} second=${COMP_WORDS[2]}\n"
	      "\tlocal words=\"\" files=\"\" operands=\"\" names=\"",
	      to);
	bash_names(to);
	fputs("\"\n\tlocal common=\"", to);
	bash_options(common_options, to);
	fputs("\"\n\n\tCOMPREPLY=()\n"
	      "\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n"
	      "\t\tCOMPREPLY=($(compgen -W \"$names --version --help\" "
	      "-- \"$word\"))\n"
	      "\t\treturn\n"
	      "\tfi\n"
	      "\tcase $before in\n",
	      to);
	bash_file_options(to);
	fputs("\tesac\n"
	      "\tif [ \"$COMP_CWORD\" -eq 2 ]; then\n"
	      "\t\tcase $first in\n",
	      to);
	bash_families(to);
	fputs("\t\tesac\n"
	      "\t\tif [ -n \"$words\" ]; then\n"
	      "\t\t\tCOMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
	      "\t\t\treturn\n"
	      "\t\tfi\n"
	      "\tfi\n"
	      "\tcase $first in\n",
	      to);
	for (size_t i = 0; commands[i]; i++) {
		size_t len = strcspn(commands[i]->name, " ");

		if (commands[i]->name[len] == ' ' &&
		    (i == 0 || strncmp(commands[i - 1]->name, commands[i]->name,
				       len + 1) != 0))
			fprintf(to, "\t%.*s) first=\"$first $second\" ;;\n",
				(int)len, commands[i]->name);
	}
	fputs("\tesac\n\tcase $first in\n", to);
	bash_commands(to);
	fputs("\tesac\n"
	      "\tcase $word in\n"
	      "\t-*) COMPREPLY=($(compgen -W \"$words $common\" -- "
	      "\"$word\")) ;;\n"
	      "\t*)\n"
	      "\t\tif [ -n \"$files\" ]; then\n"
	      "\t\t\tCOMPREPLY=($(compgen -f -- \"$word\"))\n"
	      "\t\telse\n"
	      "\t\t\tCOMPREPLY=($(compgen -W \"$operands\" -- \"$word\"))\n"
	      "\t\tfi\n"
	      "\t\t;;\n"
	      "\tesac\n"
	      "}\n"
	      "\n"
	      "complete -F _turnpikectl turnpikectl\n",
	      to);
}

/* --- zsh --- */

/* In single quotes, where _arguments and _describe take [ ] and : apart. */
static void zsh_text(const char *text, FILE *to)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", to);
		else if (strchr("[]:\\", *text))
			fprintf(to, "\\%c", *text);
		else
			fputc(*text, to);
	}
}

static void zsh_option(const struct command_option *o, FILE *to)
{
	fprintf(to, " \\\n\t\t'--%s%s[", o->name, o->argument ? "=" : "");
	zsh_text(o->help, to);
	fputc(']', to);
	if (o->argument) {
		fputc(':', to);
		zsh_text(o->argument, to);
		fputs(is_file(o->argument) ? ":_files" : ":", to);
	}
	fputc('\'', to);
}

static void zsh_options(const struct command_option *list, FILE *to)
{
	for (size_t i = 0; i < command_option_count(list); i++)
		zsh_option(&list[i], to);
}

static void zsh_command(const struct command *c, FILE *to)
{
	fprintf(to, "\t('%s') _arguments", c->name);
	zsh_options(c->options, to);
	fputs(" $common", to);
	if (is_file(c->operands))
		fputs(" '*:file:_files'", to);
	else if (c == &command_completion)
		fputs(" '1:shell:(bash zsh)'", to);
	else if (c->operands_max > 0)
		fputs(" '*:argument:'", to);
	fputs(" ;;\n", to);
}

void completion_zsh(FILE *to)
{
	fputs("#compdef turnpikectl\n"
	      "# zsh completion for turnpikectl; made by: turnpikectl "
	      "completion zsh\n"
	      "\n"
	      "_turnpikectl()\n"
	      "{\n"
	      "\tlocal -a names common\n"
	      "\tlocal command\n"
	      "\n"
	      "\tcommon=(",
	      to);
	zsh_options(common_options, to);
	fputs(")\n\tnames=(\n", to);
	for (size_t i = 0; commands[i]; i++) {
		fputs("\t\t'", to);
		zsh_text(commands[i]->name, to);
		fputc(':', to);
		zsh_text(commands[i]->summary, to);
		fputs("'\n", to);
	}
	fputs("\t)\n"
	      "\tif (( CURRENT == 2 )); then\n"
	      "\t\t_describe command names -Q\n"
	      "\t\treturn\n"
	      "\tfi\n"
	      "\tcommand=$words[2]\n"
	      "\tif (( $names[(I)$command *] )); then\n"
	      "\t\tif (( CURRENT == 3 )); then\n"
	      "\t\t\tlocal -a rest=(${${(M)names:#$command *}#$command })\n"
	      "\t\t\t_describe command rest\n"
	      "\t\t\treturn\n"
	      "\t\tfi\n"
	      "\t\tcommand=\"$command $words[3]\"\n"
	      "\t\tshift words\n"
	      "\t\t(( CURRENT-- ))\n"
	      "\tfi\n"
	      "\tshift words\n"
	      "\t(( CURRENT-- ))\n"
	      "\tcase $command in\n",
	      to);
	for (size_t i = 0; commands[i]; i++)
		zsh_command(commands[i], to);
	fputs("\tesac\n}\n\n_turnpikectl \"$@\"\n", to);
}

/* --- the command --- */

static enum status run(const struct call *call)
{
	if (!strcmp(call->operands[0], "bash"))
		completion_bash(stdout);
	else if (!strcmp(call->operands[0], "zsh"))
		completion_zsh(stdout);
	else
		return say(STATUS_USAGE, "completion needs bash or zsh");
	return STATUS_OK;
}

const struct command command_completion = {
	.name = "completion",
	.operands = "bash|zsh",
	.operands_min = 1,
	.operands_max = 1,
	.summary = "print what makes a shell complete turnpikectl",
	.help = "It is installed with turnpikectl; this is for shells that "
		"look elsewhere.\n",
	.run = run,
};
