#include "unit.h"

#include <ctype.h>
#include <string.h>

#include "turnpikectl/cmd_help.h"
#include "turnpikectl/commands.h"

/* Tests run from the top of the tree. */
#define MANUAL "man/turnpikectl.1"
#define FILE_BYTES 65536

static char manual[FILE_BYTES];

static void read_manual(void)
{
	FILE *in = fopen(MANUAL, "r");
	size_t len;

	ck_assert_msg(in != NULL, "cannot open " MANUAL ": run at the top");
	len = fread(manual, 1, sizeof(manual) - 1, in);
	ck_assert_uint_lt(len, sizeof(manual) - 1);
	manual[len] = '\0';
	fclose(in);
}

static char *text;
static size_t text_len;

static FILE *capture(void)
{
	FILE *to = open_memstream(&text, &text_len);

	ck_assert_ptr_nonnull(to);
	return to;
}

static void expect_text(const char *part)
{
	ck_assert_msg(strstr(text, part) != NULL, "%s is not in:\n%s", part,
		      text);
}

/* No line of help is longer than a terminal is wide. */
static void expect_narrow(void)
{
	for (const char *at = text; *at; at += strcspn(at, "\n") + 1)
		ck_assert_msg(strcspn(at, "\n") <= 80, "%.*s",
			      (int)strcspn(at, "\n"), at);
}

static void check_options(const struct command_option *list)
{
	for (size_t i = 0; i < command_option_count(list); i++) {
		ck_assert_ptr_nonnull(list[i].name);
		ck_assert_ptr_nonnull(list[i].help);
		for (size_t j = 0; j < i; j++)
			ck_assert_str_ne(list[i].name, list[j].name);
		for (size_t j = 0; common_options[j].name; j++)
			ck_assert(list == common_options ||
				  strcmp(list[i].name,
					 common_options[j].name) != 0);
	}
}

START_TEST(every_row_is_whole)
{
	check_options(common_options);
	for (size_t i = 0; commands[i]; i++) {
		const struct command *c = commands[i];

		ck_assert_ptr_nonnull(c->operands);
		ck_assert_ptr_nonnull(c->run);
		ck_assert_uint_le(c->operands_min, c->operands_max);
		ck_assert_uint_le(command_option_count(c->options),
				  COMMAND_OPTIONS_MAX);
		ck_assert_msg(islower(c->summary[0]) &&
				      c->summary[strlen(c->summary) - 1] != '.',
			      "%s", c->name);
		ck_assert(!c->help || c->help[strlen(c->help) - 1] == '\n');
		ck_assert((c->operands_max > 0) == (*c->operands != '\0'));
		check_options(c->options);
		for (size_t j = 0; j < i; j++)
			ck_assert_str_ne(c->name, commands[j]->name);
	}
}
END_TEST

START_TEST(commands_are_found_by_one_word_or_two)
{
	char *one[] = { "import-coturn", "x" }, *none[] = { "import" };
	size_t used;

	ck_assert_ptr_eq(command_find(one, 2, &used), &command_import_coturn);
	ck_assert_uint_eq(used, 1);
	ck_assert_ptr_null(command_find(none, 1, &used));
	ck_assert_uint_eq(used, 0);
	ck_assert_ptr_null(command_find(one, 0, &used));
	ck_assert(!command_is_family("import-coturn"));
	ck_assert(!command_is_family("import"));
}
END_TEST

START_TEST(help_lists_every_command)
{
	FILE *to = capture();

	help_write(to);
	fclose(to);
	expect_narrow();
	for (size_t i = 0; commands[i]; i++) {
		expect_text(commands[i]->name);
		expect_text(commands[i]->summary);
	}
	free(text);
}
END_TEST

START_TEST(each_command_is_explained)
{
	for (size_t i = 0; commands[i]; i++) {
		const struct command *c = commands[i];
		FILE *to = capture();

		command_help(c, to);
		fclose(to);
		expect_narrow();
		expect_text(c->summary);
		expect_text("--token-file FILE");
		for (size_t o = 0; o < command_option_count(c->options); o++)
			expect_text(c->options[o].help);
		free(text);
	}
}
END_TEST

static void expect_in_manual(const char *line)
{
	const char *at = manual;
	size_t len = strlen(line);

	for (; at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (!strncmp(at, line, len) &&
		    (at[len] == '\n' || at[len] == ' '))
			return;
	}
	ck_abort_msg(MANUAL " has no line: %s", line);
}

static void expect_options_in_manual(const struct command_option *list)
{
	char line[128];

	for (size_t i = 0; i < command_option_count(list); i++) {
		const struct command_option *o = &list[i];

		if (o->letter)
			snprintf(line, sizeof(line), ".It Fl %c", o->letter);
		else
			snprintf(line, sizeof(line), ".It Fl -%s", o->name);
		expect_in_manual(line);
	}
}

START_TEST(the_manual_has_every_command_and_option)
{
	char line[128];

	read_manual();
	expect_options_in_manual(common_options);
	for (size_t i = 0; commands[i]; i++) {
		snprintf(line, sizeof(line), ".It Ic %s", commands[i]->name);
		expect_in_manual(line);
		expect_options_in_manual(commands[i]->options);
	}
}
END_TEST

START_TEST(the_manual_has_no_other_command)
{
	const char *mark = "\n.It Ic ";
	char name[64];

	read_manual();
	for (const char *at = strstr(manual, mark); at;
	     at = strstr(at + 1, mark)) {
		const char *from = at + strlen(mark);
		size_t len = strcspn(from, "\n");
		bool found = false;

		for (size_t i = 0; commands[i] && !found; i++) {
			size_t own = strlen(commands[i]->name);

			found = own <= len &&
				!strncmp(commands[i]->name, from, own) &&
				(from[own] == ' ' || from[own] == '\n');
		}
		snprintf(name, sizeof(name), "%.*s", (int)len, from);
		ck_assert_msg(found, "no command is called: %s", name);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("command");
	TCase *t = tcase_create("table");

	tcase_add_test(t, every_row_is_whole);
	tcase_add_test(t, commands_are_found_by_one_word_or_two);
	tcase_add_test(t, help_lists_every_command);
	tcase_add_test(t, each_command_is_explained);
	tcase_add_test(t, the_manual_has_every_command_and_option);
	tcase_add_test(t, the_manual_has_no_other_command);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
