/*
 * Commands: what turnpikectl can do, in one table.
 *
 * The table is dispatch, help and completion; turnpikectl(1) is compared with
 * it by a test. Each command is one const descriptor in a file of its own,
 * cmd_NAME.c, or several where a file holds a family ("user add").
 */
#ifndef TURNPIKE_TURNPIKECTL_COMMAND_H
#define TURNPIKE_TURNPIKECTL_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "turnpikectl/status.h"

#define COMMAND_OPTIONS_MAX 8

/* --NAME, or --NAME ARGUMENT. */
struct command_option {
	const char *name;
	char letter;          /* also -LETTER; 0: there is none */
	const char *argument; /* what stands for it in help; NULL: a flag */
	const char *help;     /* one line */
};

/* Options that every command takes, in the order of struct common. */
extern const struct command_option common_options[];

struct common {
	const char *json;       /* not NULL: print JSON */
	const char *socket;     /* path; NULL: the default */
	const char *url;        /* in place of the socket */
	const char *token_file; /* for the URL */
	const char *help;       /* not NULL: print help and do nothing */
};

struct command;

/* A command as it was called. Everything is borrowed from main()'s argv. */
struct call {
	const struct command *command;
	struct common common;
	/* By place in the command's options; "" for a flag, NULL if absent. */
	const char *options[COMMAND_OPTIONS_MAX];
	char **operands;
	size_t operand_count;
};

struct command {
	const char *name;     /* one word, or two */
	const char *operands; /* as help shows them, or "" */
	size_t operands_min;
	size_t operands_max;
	const char *summary; /* one line, without a full stop */
	const char *help;    /* more, in whole lines; NULL: there is no more */
	const struct command_option *options; /* until a NULL name, or NULL */
	enum status (*run)(const struct call *call);
};

/* All commands, in the order of help; the last one is NULL. */
extern const struct command *const commands[];

/*
 * The command whose name is the first word or the first two words of `words`;
 * `used` is how many. NULL if there is none.
 */
const struct command *command_find(char **words, size_t count, size_t *used);

/* The options of a command that are its own; 0 for NULL. */
size_t command_option_count(const struct command_option *list);

/* Whether a word begins the name of several commands, as "user" does. */
bool command_is_family(const char *word);

/* Writes the list of commands, or that of a family's if `family`. */
void command_list(const char *family, FILE *to);

/* Writes "Usage: turnpikectl NAME ..." in one line. */
void command_usage(const struct command *command, FILE *to);

/* Writes all there is to say about a command. */
void command_help(const struct command *command, FILE *to);

#endif
