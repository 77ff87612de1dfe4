/*
 * Values of options: from libconfig's settings, and back to text.
 *
 * A value is judged by its option's type and range alone; see conf.h for what
 * is decided from several of them.
 */
#ifndef TURNPIKE_CONF_VALUE_H
#define TURNPIKE_CONF_VALUE_H

#include <libconfig.h>

#include "conf/options.h"
#include "conf/report.h"
#include "turn/peer_rule.h"

#define VALUE_KEY_MAX_BYTES 32

struct value_rules {
	struct peer_rule *items; /* owned; for all realms */
	uint16_t count;
};

struct value_texts {
	char **items; /* owned, as each of them */
	uint16_t count;
};

struct value_ports {
	uint16_t min;
	uint16_t max;
};

struct value {
	bool is_set;   /* by the file, as a default, or by a decision */
	bool is_given; /* by the file, rightly or not */
	bool is_wrong; /* given, refused; what is set then is the default */
	unsigned line; /* where; 0 if it is not given */
	union {
		int64_t number;   /* INTEGER; DURATION in s; SIZE in bytes;
				 * RATE in bytes/s;
				 * WORD: index of the word; TIME in s
				 * since 1970 */
		char *text;       /* TEXT; owned */
		struct addr addr; /* port 0; AUTO: ADDR_NONE is auto */
		struct value_ports ports;
		struct value_rules rules;
		struct value_texts texts;
		uint8_t key[VALUE_KEY_MAX_BYTES];
	} as;
};

#define VALUE_FOUND_BYTES (REPORT_QUOTE_BYTES + 32)

/*
 * Says what a setting holds, to follow its name: "is 5", "is a group { }".
 * Of a secret only the length is told. Returns `out` or a constant.
 */
const char *value_found(const config_setting_t *s, bool secret,
			char out[VALUE_FOUND_BYTES]);

/*
 * Reads what the setting holds into `out`, which is not set before. Returns
 * false, with errors in the report and `out` wrong and not set, if it is not
 * what the option takes.
 */
bool value_read(struct value *out, enum option_id id,
		const config_setting_t *setting, struct report *report);

/* Sets the value to the option's default; it must have one. */
void value_set_default(struct value *out, enum option_id id);

/*
 * Reads a rate as the option takes it, "10Mbit/s", in bytes per second. Returns
 * false if the text is anything else.
 */
bool value_parse_rate(enum option_id id, const char *text, uint64_t *out);

/* Wipes and frees what the value holds; it is then not set. */
void value_fini(struct value *v, enum option_id id);

/* Writes the value as the file would; "***" in place of a secret. */
void value_write(const struct value *v, enum option_id id, FILE *to);

#endif
