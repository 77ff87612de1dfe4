#include "unit.h"

#include <string.h>

#include "turnpikectl/table.h"

static const struct table_column columns[] = {
	{ "NAME", false },
	{ "N", true },
	{ "LAST", false },
	{ NULL, false },
};

static void expect(const struct table *t, size_t width, size_t rows,
		   const char *wanted)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	table_write(t, width, rows, to);
	fclose(to);
	ck_assert_str_eq(text, wanted);
	free(text);
}

START_TEST(columns_are_aligned)
{
	struct table *t = table_new(columns);

	table_put(t, "alice");
	table_format(t, "%d", 12345);
	table_put(t, "x");
	table_put(t, "am\xc3\xa9lie b");
	table_put(t, "1");
	table_put(t, "");
	ck_assert_uint_eq(table_rows(t), 2);
	expect(t, 0, 0,
	       "NAME          N  LAST\n"
	       "alice     12345  x\n"
	       "am\xc3\xa9lie b      1  \n");
	expect(t, 0, 1,
	       "NAME       N  LAST\n"
	       "alice  12345  x\n");
	expect(t, 8, 0,
	       "NAME    \n"
	       "alice   \n"
	       "am\xc3\xa9lie b\n");
	table_free(t);
}
END_TEST

START_TEST(cells_are_escaped)
{
	struct table *t = table_new(columns);

	table_put(t, "\033[2J");
	table_put(t, "1");
	table_put(t, "a\nb");
	expect(t, 0, 0,
	       "NAME     N  LAST\n"
	       "\\x1b[2J  1  a\\x0ab\n");
	table_free(t);
}
END_TEST

START_TEST(a_row_may_be_begun)
{
	struct table *t = table_new(columns);

	expect(t, 0, 0, "NAME  N  LAST\n");
	table_put(t, "a");
	ck_assert_uint_eq(table_rows(t), 1);
	expect(t, 0, 0, "NAME  N  LAST\na        \n");
	for (int i = 0; i < 1000; i++)
		table_put(t, "b");
	ck_assert_uint_eq(table_rows(t), 334);
	table_free(t);
	table_free(NULL);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("table");
	TCase *t = tcase_create("table");

	tcase_add_test(t, columns_are_aligned);
	tcase_add_test(t, cells_are_escaped);
	tcase_add_test(t, a_row_may_be_begun);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
