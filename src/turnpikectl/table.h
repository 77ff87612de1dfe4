/*
 * Aligned columns. Cells are data: they are escaped (term.h).
 */
#ifndef TURNPIKE_TURNPIKECTL_TABLE_H
#define TURNPIKE_TURNPIKECTL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define TABLE_COLUMNS_MAX 12

struct table_column {
	const char *title;
	bool is_number; /* at the right of its column */
};

struct table;

/* A table of columns until a NULL title, which are borrowed; NULL: no memory */
struct table *table_new(const struct table_column *columns);

/* NULL is allowed. */
void table_free(struct table *t);

/*
 * Sets the next cell, from left to right, row after row. Without memory the
 * cell stays empty.
 */
void table_put(struct table *t, const char *text);
void table_format(struct table *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Rows that are begun. */
size_t table_rows(const struct table *t);

/*
 * Writes titles and rows, each line at most `width` columns wide and at most
 * `rows` rows; 0 is as many as there are.
 */
void table_write(const struct table *t, size_t width, size_t rows, FILE *to);

#endif
