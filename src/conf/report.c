#include "conf/report.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

/* More of a text that is wrong helps nobody. */
#define QUOTED_MAX_BYTES 80

void report_init(struct report *r)
{
	/* The messages are only read as far as they were counted. */
	memset(r->count, 0, sizeof(r->count));
	r->in_other = false;
	r->other[0] = '\0';
}

void report_enter(struct report *r, const char *path)
{
	snprintf(r->other, sizeof(r->other), "%s", path);
	r->in_other = true;
}

void report_leave(struct report *r)
{
	r->in_other = false;
}

void report_add(struct report *r, enum report_kind kind, unsigned line,
		const char *format, ...)
{
	struct report_message *m;
	va_list args;

	if (r->count[kind]++ >= REPORT_MESSAGES_MAX)
		return;
	m = &r->messages[kind][r->count[kind] - 1];
	m->line = line;
	m->is_of_other = r->in_other;
	va_start(args, format);
	vsnprintf(m->text, sizeof(m->text), format, args);
	va_end(args);
}

bool report_is_clean(const struct report *r)
{
	return r->count[REPORT_ERROR] == 0;
}

static unsigned kept(const struct report *r, enum report_kind kind)
{
	unsigned count = r->count[kind];

	return count < REPORT_MESSAGES_MAX ? count : REPORT_MESSAGES_MAX;
}

static bool comes_after(const struct report_message *a,
			const struct report_message *b)
{
	if (a->is_of_other != b->is_of_other)
		return a->is_of_other;
	if (a->line == b->line || a->line == 0)
		return a->line != b->line;
	return b->line != 0 && a->line > b->line;
}

/* By insertion, as messages of one line must keep their order. */
static void sort_kind(struct report_message *m, unsigned count)
{
	for (unsigned i = 1; i < count; i++) {
		struct report_message moving = m[i];
		unsigned j = i;

		for (; j > 0 && comes_after(&m[j - 1], &moving); j--)
			m[j] = m[j - 1];
		m[j] = moving;
	}
}

void report_sort(struct report *r)
{
	for (int i = 0; i < REPORT_KINDS; i++)
		sort_kind(r->messages[i], kept(r, (enum report_kind)i));
}

static void print_place(const char *name, unsigned line, FILE *to)
{
	if (name && line > 0)
		fprintf(to, "%s:%u: ", name, line);
	else if (name)
		fprintf(to, "%s: ", name);
}

void report_print(const struct report *r, enum report_kind kind,
		  const char *name, const char *word, FILE *to)
{
	unsigned shown = kept(r, kind);

	for (unsigned i = 0; i < shown; i++) {
		const struct report_message *m = &r->messages[kind][i];

		print_place(name && m->is_of_other ? r->other : name, m->line,
			    to);
		fprintf(to, "%s%s\n", word, m->text);
	}
	if (r->count[kind] > shown) {
		print_place(name, 0, to);
		fprintf(to, "%sand %u more\n", word, r->count[kind] - shown);
	}
}

const char *report_quote(struct bytes text, char out[REPORT_QUOTE_BYTES])
{
	struct log_record escaped;
	bool whole = text.len <= QUOTED_MAX_BYTES;
	size_t len;

	if (!whole)
		text.len = QUOTED_MAX_BYTES;
	log_begin(&escaped, LOG_LEVEL_ERROR, "", 0);
	log_bytes(&escaped, "text", text);

	out[0] = '"';
	len = log_format_value(&escaped, &escaped.fields[0], out + 1,
			       REPORT_QUOTE_BYTES - sizeof("\"\"..."));
	memcpy(out + 1 + len, whole ? "\"" : "\"...", whole ? 2 : 5);
	return out;
}
