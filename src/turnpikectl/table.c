#include "turnpikectl/table.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "turnpikectl/term.h"

#define GAP 2

struct table {
	const struct table_column *columns;
	size_t column_count;
	char **cells; /* owned, as each of them; escaped */
	size_t count;
	size_t size;
};

struct table *table_new(const struct table_column *columns)
{
	struct table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->columns = columns;
	while (columns[t->column_count].title)
		t->column_count++;
	assert(t->column_count > 0 && t->column_count <= TABLE_COLUMNS_MAX);
	return t;
}

void table_free(struct table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->count; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t);
}

static bool make_room(struct table *t)
{
	size_t size = t->size ? 2 * t->size : 64;
	char **cells;

	if (t->count < t->size)
		return true;
	cells = realloc(t->cells, size * sizeof(*cells));
	if (!cells)
		return false;
	t->cells = cells;
	t->size = size;
	return true;
}

void table_put(struct table *t, const char *text)
{
	size_t size = TERM_ESCAPED_BYTES(strlen(text));
	char *cell;

	if (!make_room(t))
		return;
	cell = malloc(size);
	if (cell)
		term_escape(bytes_str(text), cell, size);
	t->cells[t->count++] = cell;
}

void table_format(struct table *t, const char *format, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	table_put(t, text ? text : "");
	free(text);
}

size_t table_rows(const struct table *t)
{
	return (t->count + t->column_count - 1) / t->column_count;
}

static const char *cell(const struct table *t, size_t row, size_t column)
{
	size_t at = row * t->column_count + column;

	return at < t->count && t->cells[at] ? t->cells[at] : "";
}

static size_t width_of(const struct table *t, size_t column, size_t rows)
{
	size_t widest = term_width(t->columns[column].title);

	for (size_t row = 0; row < rows; row++) {
		size_t width = term_width(cell(t, row, column));

		if (width > widest)
			widest = width;
	}
	return widest;
}

/* A line that is written until it is as wide as it may be. */
struct line {
	FILE *to;
	size_t left;
};

static void put(struct line *line, const char *text)
{
	for (; *text; text++) {
		if (!utf8_continues((uint8_t)*text)) {
			if (line->left == 0)
				return;
			line->left--;
		}
		fputc(*text, line->to);
	}
}

static void put_spaces(struct line *line, size_t count)
{
	for (; count > 0; count--)
		put(line, " ");
}

/* Nothing follows the last cell, not even spaces. */
static void put_cell(struct line *line, const struct table_column *column,
		     const char *text, size_t width, bool is_last)
{
	size_t missing = width - term_width(text);

	if (column->is_number)
		put_spaces(line, missing);
	put(line, text);
	if (!column->is_number && !is_last)
		put_spaces(line, missing);
	if (!is_last)
		put_spaces(line, GAP);
}

void table_write(const struct table *t, size_t width, size_t rows, FILE *to)
{
	size_t widths[TABLE_COLUMNS_MAX];

	if (rows == 0 || rows > table_rows(t))
		rows = table_rows(t);
	for (size_t c = 0; c < t->column_count; c++)
		widths[c] = width_of(t, c, rows);
	/* Row 0 here is that of the titles. */
	for (size_t row = 0; row <= rows; row++) {
		struct line line = { to, width ? width : SIZE_MAX };

		fputs(row == 0 ? term_style(TERM_BOLD, to) : "", to);
		for (size_t c = 0; c < t->column_count; c++)
			put_cell(&line, &t->columns[c],
				 row == 0 ? t->columns[c].title
					  : cell(t, row - 1, c),
				 widths[c], c + 1 == t->column_count);
		fputs(row == 0 ? term_style(TERM_PLAIN, to) : "", to);
		fputc('\n', to);
	}
}
