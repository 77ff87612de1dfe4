#include "ctl/fields.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const kinds[] = {
	[FIELD_TEXT] = "a text",
	[FIELD_NUMBER] = "a whole number",
	[FIELD_SWITCH] = "true or false",
};

/* What a name of the request's own looks like in the sentence. */
static const char *shown(struct bytes name, char out[64])
{
	size_t used = 0;

	for (; used < name.len && used < 63; used++)
		out[used] = name.data[used] > ' ' && name.data[used] < 0x7f
				    ? (char)name.data[used]
				    : '?';
	out[used] = '\0';
	return out;
}

static const struct field *find(const struct field *fields, struct bytes name)
{
	for (; fields && fields->name; fields++)
		if (bytes_equal(bytes_str(fields->name), name))
			return fields;
	return NULL;
}

static bool refuse_unknown(struct bytes name, char why[FIELDS_WHY_BYTES])
{
	char text[64];

	snprintf(why, FIELDS_WHY_BYTES, "%s is not known here",
		 shown(name, text));
	return false;
}

static bool refuse_kind(const struct field *f, char why[FIELDS_WHY_BYTES])
{
	snprintf(why, FIELDS_WHY_BYTES, "%s is not %s", f->name,
		 kinds[f->kind]);
	return false;
}

static bool check_range(const struct field *f, int64_t number,
			char why[FIELDS_WHY_BYTES])
{
	if (number >= f->min && number <= f->max)
		return true;
	snprintf(why, FIELDS_WHY_BYTES,
		 "%s%s is %" PRId64 "; expected %" PRId64 " to %" PRId64,
		 f->name, f->kind == FIELD_TEXT ? "'s length in bytes" : "",
		 number, f->min, f->max);
	return false;
}

static bool check_required(const struct field *fields,
			   const struct field_value *values,
			   char why[FIELDS_WHY_BYTES])
{
	for (unsigned i = 0; fields && fields[i].name; i++) {
		if (values[i].is_set || !fields[i].required)
			continue;
		snprintf(why, FIELDS_WHY_BYTES, "%s is missing",
			 fields[i].name);
		return false;
	}
	return true;
}

static bool set_text(const struct field *f, struct bytes text,
		     struct field_value *out, char why[FIELDS_WHY_BYTES])
{
	out->is_set = true;
	out->text = text;
	return check_range(f, (int64_t)text.len, why);
}

static bool set_number(const struct field *f, int64_t number,
		       struct field_value *out, char why[FIELDS_WHY_BYTES])
{
	out->is_set = true;
	out->number = number;
	return f->kind == FIELD_SWITCH || check_range(f, number, why);
}

/* --- of a query --- */

/* Decimal digits, as many as surely fit. */
static bool read_number(struct bytes text, int64_t *out)
{
	*out = 0;
	if (text.len == 0 || text.len > 18)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		*out = *out * 10 + (text.data[i] - '0');
	}
	return true;
}

static bool read_parameter(const struct field *f, struct bytes text,
			   struct field_value *out, char why[FIELDS_WHY_BYTES])
{
	bool on = bytes_equal(text, bytes_str("true"));
	int64_t number;

	switch (f->kind) {
	case FIELD_TEXT:
		return set_text(f, text, out, why);
	case FIELD_NUMBER:
		return read_number(text, &number)
			       ? set_number(f, number, out, why)
			       : refuse_kind(f, why);
	case FIELD_SWITCH:
		break;
	}
	if (!on && !bytes_equal(text, bytes_str("false")))
		return refuse_kind(f, why);
	return set_number(f, on, out, why);
}

bool fields_from_query(const struct field *fields, const struct query *q,
		       struct field_value out[FIELDS_MAX],
		       char why[FIELDS_WHY_BYTES])
{
	memset(out, 0, FIELDS_MAX * sizeof(*out));
	for (unsigned i = 0; i < q->parameter_count; i++) {
		const struct query_parameter *p = &q->parameters[i];
		const struct field *f = find(fields, p->name);

		if (!f)
			return refuse_unknown(p->name, why);
		if (out[f - fields].is_set) {
			snprintf(why, FIELDS_WHY_BYTES, "%s is there twice",
				 f->name);
			return false;
		}
		if (!read_parameter(f, p->value, &out[f - fields], why))
			return false;
	}
	return check_required(fields, out, why);
}

/* --- of an object --- */

static bool read_member(const struct field *f, const json_t *v,
			struct field_value *out, char why[FIELDS_WHY_BYTES])
{
	switch (f->kind) {
	case FIELD_TEXT:
		if (!json_is_string(v))
			break;
		return set_text(
			f,
			bytes_of(json_string_value(v), json_string_length(v)),
			out, why);
	case FIELD_NUMBER:
		if (!json_is_integer(v))
			break;
		return set_number(f, json_integer_value(v), out, why);
	case FIELD_SWITCH:
		if (!json_is_boolean(v))
			break;
		return set_number(f, json_is_true(v), out, why);
	}
	return refuse_kind(f, why);
}

bool fields_from_json(const struct field *fields, const json_t *object,
		      struct field_value out[FIELDS_MAX],
		      char why[FIELDS_WHY_BYTES])
{
	const char *name;
	json_t *value;

	memset(out, 0, FIELDS_MAX * sizeof(*out));
	json_object_foreach((json_t *)object, name, value)
	{
		const struct field *f = find(fields, bytes_str(name));

		if (!f)
			return refuse_unknown(bytes_str(name), why);
		if (!read_member(f, value, &out[f - fields], why))
			return false;
	}
	return check_required(fields, out, why);
}
