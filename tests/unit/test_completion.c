#include "unit.h"

#include <string.h>

#include "turnpikectl/completion.h"

/*
 * Tests run from the top of the tree. With WRITE_COMPLETION=1 the files are
 * written instead.
 */
#define BASH "etc/completion/turnpikectl"
#define ZSH "etc/completion/_turnpikectl"
#define FILE_BYTES 65536

static void check(const char *path, void (*write)(FILE *to))
{
	static char found[FILE_BYTES];
	bool make = getenv("WRITE_COMPLETION") != NULL;
	FILE *in = fopen(path, make ? "w" : "r");
	char *wanted = NULL;
	size_t len;
	FILE *to;

	ck_assert_msg(in != NULL, "cannot open %s: tests run at the top", path);
	if (make) {
		write(in);
		fclose(in);
		return;
	}
	found[fread(found, 1, sizeof(found) - 1, in)] = '\0';
	fclose(in);
	to = open_memstream(&wanted, &len);
	write(to);
	fclose(to);
	ck_assert_msg(!strcmp(found, wanted),
		      "%s is not what the table says: WRITE_COMPLETION=1 "
		      "build/tests/unit/test_completion",
		      path);
	free(wanted);
}

START_TEST(the_files_are_the_tables)
{
	check(BASH, completion_bash);
	check(ZSH, completion_zsh);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("completion");
	TCase *t = tcase_create("completion");

	tcase_add_test(t, the_files_are_the_tables);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
