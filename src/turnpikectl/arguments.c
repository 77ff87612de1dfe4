#include "turnpikectl/arguments.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

#include "conf/report.h"

struct arguments {
	size_t count;
	char **argv;
	size_t next;
	struct call *out;
	size_t word_count; /* of those that are no options */
	bool only_words;   /* after -- */
	char *why;
};

static bool refuse(struct arguments *a, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static bool refuse(struct arguments *a, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(a->why, ARGUMENTS_WHY_BYTES, format, args);
	va_end(args);
	return false;
}

/* Whether `text`, without its dashes and up to a '=', is the option's name. */
static bool is_long(const struct command_option *o, const char *text)
{
	size_t len = strcspn(text, "=");

	return strlen(o->name) == len && !strncmp(o->name, text, len);
}

static bool matches(const struct command_option *o, const char *argument)
{
	if (argument[1] == '-')
		return is_long(o, argument + 2);
	return o->letter && argument[1] == o->letter;
}

/* What is attached to the option: "--name=VALUE" or "-nVALUE", or NULL. */
static const char *attached(const char *argument)
{
	const char *equals = strchr(argument, '=');

	if (argument[1] == '-')
		return equals ? equals + 1 : NULL;
	return argument[2] ? argument + 2 : NULL;
}

static bool take_value(struct arguments *a, const struct command_option *o,
		       const char *argument, const char **out)
{
	const char *value = attached(argument);

	if (*out)
		return refuse(a, "--%s is given twice", o->name);
	if (!o->argument) {
		*out = "";
		return !value || refuse(a, "--%s takes no value", o->name);
	}
	if (!value && a->next < a->count)
		value = a->argv[a->next++];
	if (!value)
		return refuse(a, "--%s needs a value: --%s %s", o->name,
			      o->name, o->argument);
	*out = value;
	return true;
}

/* Where the value of a common option goes. */
static const char **common_value(struct common *c, size_t i)
{
	const char **values[] = { &c->json, &c->socket, &c->url, &c->token_file,
				  &c->help };

	assert(i < sizeof(values) / sizeof(values[0]));
	return values[i];
}

static bool take_option(struct arguments *a, const char *argument)
{
	const struct command *command = a->out->command;
	char quoted[REPORT_QUOTE_BYTES];
	size_t own = command ? command_option_count(command->options) : 0;

	for (size_t i = 0; i < own; i++)
		if (matches(&command->options[i], argument))
			return take_value(a, &command->options[i], argument,
					  &a->out->options[i]);
	for (size_t i = 0; common_options[i].name; i++)
		if (matches(&common_options[i], argument))
			return take_value(a, &common_options[i], argument,
					  common_value(&a->out->common, i));
	return refuse(a, "unknown option %s",
		      report_quote(bytes_str(argument), quoted));
}

/* Options of a command follow its name, so that is known first. */
static void find_command(struct arguments *a)
{
	size_t used;

	if (a->out->command)
		return;
	a->out->command = command_find(a->argv, a->word_count, &used);
	if (!a->out->command)
		return;
	assert(command_option_count(a->out->command->options) <=
	       COMMAND_OPTIONS_MAX);
	a->out->operands = a->argv + used;
}

static bool take(struct arguments *a)
{
	char *argument = a->argv[a->next++];

	if (!a->only_words && !strcmp(argument, "--")) {
		a->only_words = true;
		return true;
	}
	if (!a->only_words && argument[0] == '-' && argument[1] != '\0')
		return take_option(a, argument);
	/* Words are moved to the front, over what was read already. */
	a->argv[a->word_count++] = argument;
	find_command(a);
	return true;
}

static bool check_words(struct arguments *a)
{
	const struct command *command = a->out->command;
	char quoted[REPORT_QUOTE_BYTES];

	if (!command && a->word_count == 0)
		return a->out->common.help || refuse(a, "no command");
	if (!command && command_is_family(a->argv[0]))
		return refuse(a, "%s what?",
			      report_quote(bytes_str(a->argv[0]), quoted));
	if (!command)
		return refuse(a, "unknown command %s",
			      report_quote(bytes_str(a->argv[0]), quoted));

	a->out->operand_count =
		a->word_count - (size_t)(a->out->operands - a->argv);
	if (a->out->common.help)
		return true;
	if (a->out->operand_count < command->operands_min)
		return refuse(a, "%s needs %s", command->name,
			      command->operands);
	if (a->out->operand_count > command->operands_max)
		return refuse(
			a, "unexpected argument %s",
			report_quote(bytes_str(a->out->operands
						       [command->operands_max]),
				     quoted));
	return true;
}

bool arguments_parse(size_t count, char **argv, struct call *out,
		     char why[ARGUMENTS_WHY_BYTES])
{
	struct arguments a = {
		.count = count,
		.argv = argv,
		.out = out,
		.why = why,
	};

	*out = (struct call){ .command = NULL };
	while (a.next < a.count)
		if (!take(&a))
			return false;
	return check_words(&a);
}
