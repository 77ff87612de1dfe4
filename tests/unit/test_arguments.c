#include "unit.h"

#include <string.h>

#include "turnpikectl/arguments.h"

#define WORDS_MAX 16

static char words[WORDS_MAX][64];
static char *argv[WORDS_MAX];
static struct call call;
static char why[ARGUMENTS_WHY_BYTES];

/* Arguments as a shell would split them at spaces. */
static bool parse(const char *line)
{
	size_t count = 0;

	while (*line) {
		size_t len = strcspn(line, " ");

		ck_assert_uint_lt(count, WORDS_MAX);
		memcpy(words[count], line, len);
		words[count][len] = '\0';
		argv[count] = words[count];
		count++;
		line += len + strspn(line + len, " ");
	}
	why[0] = '\0';
	return arguments_parse(count, argv, &call, why);
}

static void expect_refused(const char *line, const char *reason)
{
	ck_assert_msg(!parse(line), "%s", line);
	ck_assert_msg(!strcmp(why, reason), "%s: %s", line, why);
}

START_TEST(a_command_with_its_operand)
{
	ck_assert(parse("import-coturn FILE"));
	ck_assert_str_eq(call.command->name, "import-coturn");
	ck_assert_uint_eq(call.operand_count, 1);
	ck_assert_str_eq(call.operands[0], "FILE");
	ck_assert_ptr_null(call.options[0]);
	ck_assert_ptr_null(call.common.json);
}
END_TEST

START_TEST(options_may_stand_anywhere)
{
	static const char *const lines[] = {
		"--json --socket S import-coturn -o OUT FILE --force",
		"import-coturn FILE --output=OUT --force --json --socket=S",
		"import-coturn --force -oOUT --json FILE --socket S",
		"import-coturn --force -o OUT --json --socket S -- FILE",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		ck_assert_msg(parse(lines[i]), "%s: %s", lines[i], why);
		ck_assert_str_eq(call.command->name, "import-coturn");
		ck_assert_str_eq(call.common.json, "");
		ck_assert_str_eq(call.common.socket, "S");
		ck_assert_str_eq(call.options[0], "OUT");
		ck_assert_str_eq(call.options[1], "");
		ck_assert_uint_eq(call.operand_count, 1);
		ck_assert_str_eq(call.operands[0], "FILE");
	}
}
END_TEST

START_TEST(two_dashes_end_options)
{
	ck_assert(parse("import-coturn -- --json"));
	ck_assert_str_eq(call.operands[0], "--json");
	ck_assert_ptr_null(call.common.json);
	ck_assert(parse("import-coturn -"));
	ck_assert_str_eq(call.operands[0], "-");
	ck_assert(parse("import-coturn -- --"));
	ck_assert_str_eq(call.operands[0], "--");
}
END_TEST

START_TEST(help_needs_nothing_else)
{
	ck_assert(parse("--help"));
	ck_assert_ptr_null(call.command);
	ck_assert_ptr_nonnull(call.common.help);
	ck_assert(parse("import-coturn -h"));
	ck_assert_ptr_nonnull(call.common.help);
	ck_assert(parse("help"));
	ck_assert(parse("help import-coturn"));
	ck_assert_str_eq(call.operands[0], "import-coturn");
}
END_TEST

START_TEST(what_is_wrong_is_named)
{
	expect_refused("", "no command");
	expect_refused("--json", "no command");
	expect_refused("fly", "unknown command \"fly\"");
	expect_refused("fly --json --help", "unknown command \"fly\"");
	expect_refused("import-coturn", "import-coturn needs FILE");
	expect_refused("import-coturn A B", "unexpected argument \"B\"");
	expect_refused("import-coturn --fly A", "unknown option \"--fly\"");
	expect_refused("import-coturn -x A", "unknown option \"-x\"");
	expect_refused("--output O import-coturn A",
		       "unknown option \"--output\"");
	expect_refused("import-coturn A --output",
		       "--output needs a value: --output FILE");
	expect_refused("import-coturn A --force=1", "--force takes no value");
	expect_refused("import-coturn A -o B -o C", "--output is given twice");
	expect_refused("import-coturn A --json --json",
		       "--json is given twice");
	expect_refused("\033[2J", "unknown command \"\\x1b[2J\"");
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("arguments");
	TCase *t = tcase_create("arguments");

	tcase_add_test(t, a_command_with_its_operand);
	tcase_add_test(t, options_may_stand_anywhere);
	tcase_add_test(t, two_dashes_end_options);
	tcase_add_test(t, help_needs_nothing_else);
	tcase_add_test(t, what_is_wrong_is_named);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
