/*
 * What a request may say, as typed values: the members of a JSON object or
 * the parameters of a query, by one kind of table.
 *
 * Strict: a name that is not in the table, the same one twice, another type, a
 * value out of range, and one that is required and absent are refused, with a
 * sentence that says what was expected.
 */
#ifndef TURNPIKE_CTL_FIELDS_H
#define TURNPIKE_CTL_FIELDS_H

#include <jansson.h>

#include "ctl/query.h"

#define FIELDS_MAX 8
#define FIELDS_WHY_BYTES 256

enum field_kind {
	FIELD_TEXT,   /* min to max bytes */
	FIELD_NUMBER, /* a whole number, min to max */
	FIELD_SWITCH, /* true or false */
};

struct field {
	const char *name; /* NULL ends the table */
	enum field_kind kind;
	bool required;
	int64_t min;
	int64_t max;
};

struct field_value {
	bool is_set;
	int64_t number;    /* of a switch 0 or 1 */
	struct bytes text; /* of the query's or the object's; NUL follows */
};

/*
 * Read what is there into `out`, by place in the table, of which NULL is the
 * empty one. Return false with a sentence in `why` if that is not possible.
 */
bool fields_from_query(const struct field *fields, const struct query *q,
		       struct field_value out[FIELDS_MAX],
		       char why[FIELDS_WHY_BYTES]);
bool fields_from_json(const struct field *fields, const json_t *object,
		      struct field_value out[FIELDS_MAX],
		      char why[FIELDS_WHY_BYTES]);

#endif
