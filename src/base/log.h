/*
 * Log records: one line of the log as data, before anyone formats it.
 *
 * A record is a fixed-size value that owns its text, so that a worker can
 * copy it into a ring and go on; formatting and writing happen elsewhere.
 * Field values are data: text is escaped by the formatter, never interpreted.
 * Nothing here writes anywhere, and nothing here may be handed a secret.
 */
#ifndef TURNPIKE_BASE_LOG_H
#define TURNPIKE_BASE_LOG_H

#include "base/addr.h"
#include "base/bytes.h"

/* The values are syslog's priorities. */
enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7,
};

#define LOG_FIELDS_MAX 16
#define LOG_TEXT_BYTES 512
#define LOG_VALUE_MAX_BYTES 160 /* longer text values are cut */

enum log_field_kind { LOG_FIELD_NUMBER, LOG_FIELD_TEXT, LOG_FIELD_ADDR };

struct log_field {
	const char *name; /* static, lower case, [a-z_] */
	enum log_field_kind kind;
	union {
		uint64_t number;
		struct addr addr;
		struct {
			uint16_t at; /* offset into the record's text */
			uint16_t len;
		} text;
	} value;
};

struct log_record {
	enum log_level level;
	const char *message; /* static: what happened, without its data */
	int64_t wall_s;
	uint16_t field_count;
	uint16_t text_used;
	struct log_field fields[LOG_FIELDS_MAX];
	uint8_t text[LOG_TEXT_BYTES];
};

/* Starts a record. `message` and later field names must be string literals. */
void log_begin(struct log_record *r, enum log_level level, const char *message,
	       int64_t wall_s);

/*
 * Adds a field. Beyond LOG_FIELDS_MAX fields or LOG_TEXT_BYTES of text the
 * rest is left out; a text longer than LOG_VALUE_MAX_BYTES is cut there, not
 * inside a UTF-8 character.
 */
void log_number(struct log_record *r, const char *name, uint64_t value);
void log_addr(struct log_record *r, const char *name, const struct addr *a);
void log_bytes(struct log_record *r, const char *name, struct bytes value);
void log_text(struct log_record *r, const char *name, const char *value);

/* "error", "warning", "notice", "info" or "debug". */
const char *log_level_name(enum log_level level);

/* The level with that name; false, `out` untouched, if there is none. */
bool log_level_parse(const char *name, enum log_level *out);

/*
 * Writes the record as one line without a newline, NUL-terminated, cut if
 * `size` (at least 1) does not suffice. Text form: `message name=value
 * name="with space"`; JSON form: one object with time (seconds since 1970),
 * level, message and the fields. In both, control characters (those that turn
 * the direction of text included), quotes and backslashes are escaped; a byte
 * that is not UTF-8 is \xNN in text and U+FFFD in JSON. Returns the length
 * written. LOG_LINE_BYTES suffice for any record whose message and names are
 * not longer than 32 bytes each.
 */
#define LOG_LINE_BYTES 5120
size_t log_format_text(const struct log_record *r, char *out, size_t size);
size_t log_format_json(const struct log_record *r, char *out, size_t size);

/*
 * One field's value as in the text form but without quotes around it,
 * NUL-terminated, cut if `size` does not suffice; returns its length.
 */
size_t log_format_value(const struct log_record *r, const struct log_field *f,
			char *out, size_t size);

#endif
