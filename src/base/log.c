#include "base/log.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

void log_begin(struct log_record *r, enum log_level level, const char *message,
	       int64_t wall_s)
{
	/* The text need not be cleared: only what is used is looked at. */
	r->level = level;
	r->message = message;
	r->wall_s = wall_s;
	r->field_count = 0;
	r->text_used = 0;
}

static struct log_field *add_field(struct log_record *r, const char *name,
				   enum log_field_kind kind)
{
	struct log_field *f;

	if (r->field_count == LOG_FIELDS_MAX)
		return NULL;
	f = &r->fields[r->field_count++];
	f->name = name;
	f->kind = kind;
	return f;
}

void log_number(struct log_record *r, const char *name, uint64_t value)
{
	struct log_field *f = add_field(r, name, LOG_FIELD_NUMBER);

	if (f)
		f->value.number = value;
}

void log_addr(struct log_record *r, const char *name, const struct addr *a)
{
	struct log_field *f = add_field(r, name, LOG_FIELD_ADDR);

	if (f)
		f->value.addr = *a;
}

/* At most `limit` bytes of `value`, whole UTF-8 characters only. */
static struct bytes cut(struct bytes value, size_t limit)
{
	size_t len = limit;

	if (value.len <= limit)
		return value;
	while (len > 0 && limit - len < 3 && utf8_continues(value.data[len]))
		len--;
	/* More than three in a row are no UTF-8 to be careful of. */
	if (len > 0 && utf8_continues(value.data[len]))
		len = limit;
	return bytes_of(value.data, len);
}

void log_bytes(struct log_record *r, const char *name, struct bytes value)
{
	size_t limit = sizeof(r->text) - r->text_used;
	struct log_field *f;

	if (limit > LOG_VALUE_MAX_BYTES)
		limit = LOG_VALUE_MAX_BYTES;
	if (limit == 0 && value.len > 0)
		return;
	f = add_field(r, name, LOG_FIELD_TEXT);
	if (!f)
		return;

	value = cut(value, limit);
	if (value.len > 0)
		memcpy(r->text + r->text_used, value.data, value.len);
	f->value.text.at = r->text_used;
	f->value.text.len = (uint16_t)value.len;
	r->text_used = (uint16_t)(r->text_used + value.len);
}

void log_text(struct log_record *r, const char *name, const char *value)
{
	log_bytes(r, name, bytes_str(value));
}

static const struct {
	enum log_level level;
	const char *name;
} levels[] = {
	{ LOG_LEVEL_ERROR, "error" },   { LOG_LEVEL_WARNING, "warning" },
	{ LOG_LEVEL_NOTICE, "notice" }, { LOG_LEVEL_INFO, "info" },
	{ LOG_LEVEL_DEBUG, "debug" },
};

#define LEVELS (sizeof(levels) / sizeof(levels[0]))

const char *log_level_name(enum log_level level)
{
	assert(level >= LOG_LEVEL_ERROR && level <= LOG_LEVEL_DEBUG);
	return levels[level - LOG_LEVEL_ERROR].name;
}

bool log_level_parse(const char *name, enum log_level *out)
{
	for (size_t i = 0; i < LEVELS; i++) {
		if (!strcmp(name, levels[i].name)) {
			*out = levels[i].level;
			return true;
		}
	}
	return false;
}

/* A line being written; nothing is added once something did not fit. */
struct line {
	char *start;
	size_t used;
	size_t room; /* without the final NUL */
	bool full;
};

static struct line line_begin(char *out, size_t size)
{
	assert(size > 0);
	return (struct line){ .start = out, .room = size - 1 };
}

static size_t line_end(struct line *line)
{
	line->start[line->used] = '\0';
	return line->used;
}

/* Adds all of it or, if it does not fit, nothing from here on. */
static void put_bytes(struct line *line, const void *data, size_t len)
{
	if (line->full || len > line->room - line->used) {
		line->full = true;
		return;
	}
	memcpy(line->start + line->used, data, len);
	line->used += len;
}

static void put(struct line *line, const char *text)
{
	put_bytes(line, text, strlen(text));
}

enum form { TEXT, JSON };

/* Characters that could break or forge a line where it is looked at. */
static bool is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x61c ||
	       c == 0x200e || c == 0x200f ||   /* marks */
	       (c >= 0x2028 && c <= 0x202e) || /* separators, embeddings */
	       (c >= 0x2066 && c <= 0x2069);   /* isolates */
}

/* The short escapes that JSON and text have in common. */
static const char *short_escape(uint32_t c)
{
	switch (c) {
	case '"':
		return "\\\"";
	case '\\':
		return "\\\\";
	case '\n':
		return "\\n";
	case '\r':
		return "\\r";
	case '\t':
		return "\\t";
	default:
		return NULL;
	}
}

static void put_character(struct line *line, enum form form, struct utf8_char c,
			  const uint8_t *bytes)
{
	const char *escape = c.valid ? short_escape(c.value) : NULL;
	char code[8];

	if (escape) {
		put(line, escape);
	} else if (!c.valid && form == JSON) {
		put(line, "\\ufffd");
	} else if (!c.valid ||
		   (c.value < 0x80 && is_control(c.value) && form == TEXT)) {
		snprintf(code, sizeof(code), "\\x%02x", c.value & 0xff);
		put(line, code);
	} else if (is_control(c.value)) {
		snprintf(code, sizeof(code), "\\u%04x", c.value & 0xffff);
		put(line, code);
	} else {
		put_bytes(line, bytes, c.len);
	}
}

static void put_escaped(struct line *line, enum form form, struct bytes value)
{
	while (value.len > 0) {
		struct utf8_char c = utf8_first(value);

		put_character(line, form, c, value.data);
		value.data += c.len;
		value.len -= c.len;
	}
}

/* Whether a text value reads as one word without quotes around it. */
static bool is_word(struct bytes value)
{
	struct bytes rest = value;

	while (rest.len > 0) {
		struct utf8_char c = utf8_first(rest);

		if (!c.valid || is_control(c.value) || c.value == ' ' ||
		    c.value == '=' || short_escape(c.value))
			return false;
		rest.data += c.len;
		rest.len -= c.len;
	}
	return value.len > 0;
}

/* Room for a number or an address as text. */
#define SCRATCH_BYTES ADDR_TEXT_BYTES

/* The unescaped value; what is not in the record's text is put in `scratch`. */
static struct bytes value_of(const struct log_record *r,
			     const struct log_field *f,
			     char scratch[SCRATCH_BYTES])
{
	switch (f->kind) {
	case LOG_FIELD_NUMBER:
		snprintf(scratch, SCRATCH_BYTES, "%" PRIu64, f->value.number);
		return bytes_str(scratch);
	case LOG_FIELD_ADDR:
		return bytes_str(addr_print(&f->value.addr, scratch));
	case LOG_FIELD_TEXT:
		break;
	}
	return bytes_of(r->text + f->value.text.at, f->value.text.len);
}

size_t log_format_value(const struct log_record *r, const struct log_field *f,
			char *out, size_t size)
{
	char scratch[SCRATCH_BYTES];
	struct line line = line_begin(out, size);

	put_escaped(&line, TEXT, value_of(r, f, scratch));
	return line_end(&line);
}

static void put_value(struct line *line, enum form form, struct bytes value,
		      bool quoted)
{
	if (quoted)
		put(line, "\"");
	put_escaped(line, form, value);
	if (quoted)
		put(line, "\"");
}

size_t log_format_text(const struct log_record *r, char *out, size_t size)
{
	char scratch[SCRATCH_BYTES];
	struct line line = line_begin(out, size);

	put(&line, r->message);
	for (uint16_t i = 0; i < r->field_count; i++) {
		const struct log_field *f = &r->fields[i];
		struct bytes value = value_of(r, f, scratch);

		put(&line, " ");
		put(&line, f->name);
		put(&line, "=");
		put_value(&line, TEXT, value, !is_word(value));
	}
	return line_end(&line);
}

size_t log_format_json(const struct log_record *r, char *out, size_t size)
{
	char scratch[SCRATCH_BYTES];
	struct line line = line_begin(out, size);

	snprintf(scratch, sizeof(scratch), "{\"time\":%" PRId64, r->wall_s);
	put(&line, scratch);
	put(&line, ",\"level\":\"");
	put(&line, log_level_name(r->level));
	put(&line, "\",\"message\":");
	put_value(&line, JSON, bytes_str(r->message), true);
	for (uint16_t i = 0; i < r->field_count; i++) {
		const struct log_field *f = &r->fields[i];

		put(&line, ",\"");
		put(&line, f->name);
		put(&line, "\":");
		put_value(&line, JSON, value_of(r, f, scratch),
			  f->kind != LOG_FIELD_NUMBER);
	}
	put(&line, "}");
	return line_end(&line);
}
