#include "conf/value.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/crypto.h"
#include "base/hex.h"

/* Of one element of an array of texts. */
#define TEXTS_ITEM_MAX_BYTES 512
#define TIME_FORMAT "%Y-%m-%dT%H:%M:%SZ"
#define TIME_TEXT_BYTES 64

const char *value_found(const config_setting_t *s, bool secret,
			char out[VALUE_FOUND_BYTES])
{
	char quoted[REPORT_QUOTE_BYTES];

	switch (config_setting_type(s)) {
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		if (secret)
			return "is a number";
		if (config_setting_get_format(s) == CONFIG_FORMAT_HEX)
			return "is hexadecimal";
		snprintf(out, VALUE_FOUND_BYTES, "is %lld",
			 config_setting_type(s) == CONFIG_TYPE_INT
				 ? config_setting_get_int(s)
				 : config_setting_get_int64(s));
		return out;
	case CONFIG_TYPE_FLOAT:
		return "is a number with a fraction";
	case CONFIG_TYPE_BOOL:
		return config_setting_get_bool(s) ? "is true" : "is false";
	case CONFIG_TYPE_GROUP:
		return "is a group { }";
	case CONFIG_TYPE_LIST:
		return "is a list ( )";
	case CONFIG_TYPE_ARRAY:
		return "is an array [ ]";
	case CONFIG_TYPE_STRING:
		break;
	default:
		return "is nothing";
	}
	if (secret)
		snprintf(out, VALUE_FOUND_BYTES, "is a text of %zu bytes",
			 strlen(config_setting_get_string(s)));
	else
		snprintf(out, VALUE_FOUND_BYTES, "is %s",
			 report_quote(bytes_str(config_setting_get_string(s)),
				      quoted));
	return out;
}

static void refuse(enum option_id id, const config_setting_t *s,
		   struct report *report)
{
	char path[OPTION_TEXT_BYTES], expected[OPTION_TEXT_BYTES];
	char what[VALUE_FOUND_BYTES];

	report_error(report, config_setting_source_line(s),
		     "%s %s; expected %s", option_path(id, path),
		     value_found(s, options[id].secret, what),
		     option_expects(id, expected));
}

/* The setting's text, or NULL if it holds something else. */
static const char *text_of(const config_setting_t *s)
{
	if (config_setting_type(s) != CONFIG_TYPE_STRING)
		return NULL;
	return config_setting_get_string(s);
}

/* A whole decimal number. libconfig truncates hexadecimal ones. */
static bool integer_of(const config_setting_t *s, int64_t *out)
{
	int type = config_setting_type(s);

	if ((type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64) ||
	    config_setting_get_format(s) == CONFIG_FORMAT_HEX)
		return false;
	*out = type == CONFIG_TYPE_INT ? config_setting_get_int(s)
				       : config_setting_get_int64(s);
	return true;
}

/* "2027-01-31T00:00:00Z"; returns `out`. */
static const char *print_time(int64_t time_s, char *out)
{
	time_t t = (time_t)time_s;
	struct tm tm;

	out[0] = '\0';
	if (gmtime_r(&t, &tm))
		strftime(out, TIME_TEXT_BYTES, TIME_FORMAT, &tm);
	return out;
}

static bool in_range(const struct option *o, int64_t number)
{
	return number >= o->min && number <= o->max;
}

static bool read_text(struct value *v, const struct option *o, const char *text)
{
	if (!text || !in_range(o, (int64_t)strlen(text)))
		return false;
	v->as.text = strdup(text);
	return v->as.text != NULL;
}

static bool read_word(struct value *v, const struct option *o, const char *text)
{
	for (int i = 0; text && o->words[i]; i++) {
		if (!strcmp(text, o->words[i])) {
			v->as.number = i;
			return true;
		}
	}
	return false;
}

/* Digits and one of the units, nothing between or around them. */
static bool read_with_unit(struct value *v, const struct option *o,
			   const struct option_unit *units, const char *text)
{
	long long number;
	char *end;

	if (!text || !isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	number = strtoll(text, &end, 10);
	if (errno != 0)
		return false;
	for (; units->name; units++) {
		if (strcmp(end, units->name))
			continue;
		if (number > o->max / units->factor)
			return false;
		v->as.number = number * units->factor;
		return in_range(o, v->as.number);
	}
	return false;
}

/* No rate at all needs no unit. */
static bool read_rate(struct value *v, const struct option *o, const char *text)
{
	if (text && !strcmp(text, "0")) {
		v->as.number = 0;
		return in_range(o, 0);
	}
	return read_with_unit(v, o, option_rate_units, text);
}

static bool read_address(struct value *v, const char *text)
{
	struct addr a;

	if (!text || !addr_parse(text, &a) || a.family != ADDR_IPV4)
		return false;
	v->as.addr = a;
	return true;
}

static bool read_auto(struct value *v, const char *text)
{
	if (!text || strcmp(text, "auto") != 0)
		return read_address(v, text);
	v->as.addr = (struct addr){ .family = ADDR_NONE };
	return true;
}

static bool read_port(const struct option *o, const config_setting_t *s,
		      uint16_t *out)
{
	int64_t number;

	if (!integer_of(s, &number) || !in_range(o, number))
		return false;
	*out = (uint16_t)number;
	return true;
}

static bool read_ports(struct value *v, const struct option *o,
		       const config_setting_t *s)
{
	struct value_ports *ports = &v->as.ports;

	return config_setting_is_array(s) && config_setting_length(s) == 2 &&
	       read_port(o, config_setting_get_elem(s, 0), &ports->min) &&
	       read_port(o, config_setting_get_elem(s, 1), &ports->max) &&
	       ports->min <= ports->max;
}

static bool read_key(struct value *v, const struct option *o, const char *text)
{
	size_t bytes = (size_t)o->max;

	assert(bytes <= sizeof(v->as.key));
	return text && hex_decode(bytes_str(text), v->as.key, bytes);
}

/* One spelling only, so that what is printed is what was read. */
static bool read_time(struct value *v, const struct option *o, const char *text)
{
	char again[TIME_TEXT_BYTES];
	struct tm tm = { .tm_isdst = 0 };
	const char *end = text ? strptime(text, TIME_FORMAT, &tm) : NULL;

	if (!end || *end != '\0')
		return false;
	v->as.number = timegm(&tm);
	return v->as.number > 0 && in_range(o, v->as.number) &&
	       !strcmp(print_time(v->as.number, again), text);
}

static void free_texts(struct value_texts *t)
{
	for (uint16_t i = 0; t->items && i < t->count; i++)
		free(t->items[i]);
	free(t->items);
}

static bool read_text_items(struct value_texts *t, const config_setting_t *s)
{
	for (uint16_t i = 0; i < t->count; i++) {
		const char *text = text_of(config_setting_get_elem(s, i));

		if (!text || strlen(text) > TEXTS_ITEM_MAX_BYTES)
			return false;
		t->items[i] = strdup(text);
		if (!t->items[i])
			return false;
	}
	return true;
}

static bool read_texts(struct value *v, const struct option *o,
		       const config_setting_t *s)
{
	struct value_texts t = { .items = NULL };

	if (!config_setting_is_array(s) ||
	    !in_range(o, config_setting_length(s)))
		return false;
	t.count = (uint16_t)config_setting_length(s);
	t.items = calloc(t.count + 1U, sizeof(*t.items));
	if (!t.items || !read_text_items(&t, s)) {
		free_texts(&t);
		return false;
	}
	v->as.texts = t;
	return true;
}

/* Tells of each element that is no rule by itself. */
static bool read_rule(struct peer_rule *out, enum option_id id,
		      const config_setting_t *s, struct report *report)
{
	char path[OPTION_TEXT_BYTES], what[VALUE_FOUND_BYTES];
	const char *text = text_of(s);

	if (text && peer_rule_parse(text, out))
		return true;
	report_error(report, config_setting_source_line(s),
		     "in %s an element %s; expected an address such as "
		     "\"192.0.2.1\", a prefix such as \"192.0.2.0/24\" "
		     "without bits after its length, or a range such as "
		     "\"192.0.2.1-192.0.2.9\", and after it maybe "
		     "\" port 443\" or \" ports 3478-3481\"",
		     option_path(id, path), value_found(s, false, what));
	return false;
}

static bool read_rule_items(struct value_rules *r, enum option_id id,
			    const config_setting_t *s, struct report *report)
{
	bool ok = true;

	for (uint16_t i = 0; i < r->count; i++)
		ok &= read_rule(&r->items[i], id, config_setting_get_elem(s, i),
				report);
	return ok;
}

static bool read_rules(struct value *v, enum option_id id,
		       const config_setting_t *s, struct report *report)
{
	struct value_rules r = { .items = NULL };

	if (!config_setting_is_array(s) ||
	    !in_range(&options[id], config_setting_length(s))) {
		refuse(id, s, report);
		return false;
	}
	r.count = (uint16_t)config_setting_length(s);
	r.items = calloc(r.count + 1U, sizeof(*r.items));
	if (!r.items) {
		report_error(report, 0, "no memory to read it");
		return false;
	}
	if (!read_rule_items(&r, id, s, report)) {
		free(r.items);
		return false;
	}
	v->as.rules = r;
	return true;
}

/* Reads all types but rules, whose elements are refused one by one. */
static bool read_simple(struct value *v, const struct option *o,
			const config_setting_t *s)
{
	switch (o->type) {
	case OPTION_TEXT:
		return read_text(v, o, text_of(s));
	case OPTION_WORD:
		return read_word(v, o, text_of(s));
	case OPTION_INTEGER:
		return integer_of(s, &v->as.number) &&
		       in_range(o, v->as.number);
	case OPTION_DURATION:
		return read_with_unit(v, o, option_duration_units, text_of(s));
	case OPTION_SIZE:
		return read_with_unit(v, o, option_size_units, text_of(s));
	case OPTION_RATE:
		return read_rate(v, o, text_of(s));
	case OPTION_ADDRESS:
		return read_address(v, text_of(s));
	case OPTION_AUTO:
		return read_auto(v, text_of(s));
	case OPTION_PORTS:
		return read_ports(v, o, s);
	case OPTION_KEY:
		return read_key(v, o, text_of(s));
	case OPTION_TIME:
		return read_time(v, o, text_of(s));
	case OPTION_TEXTS:
		return read_texts(v, o, s);
	case OPTION_RULES:
		break;
	}
	assert(false); /* rules are not simple */
	return false;
}

static bool read_any(struct value *v, enum option_id id,
		     const config_setting_t *s, struct report *report)
{
	if (options[id].type == OPTION_RULES)
		return read_rules(v, id, s, report);
	if (read_simple(v, &options[id], s))
		return true;
	refuse(id, s, report);
	return false;
}

bool value_read(struct value *out, enum option_id id,
		const config_setting_t *setting, struct report *report)
{
	memset(out, 0, sizeof(*out));
	out->is_given = true;
	out->line = config_setting_source_line(setting);
	out->is_set = read_any(out, id, setting, report);
	out->is_wrong = !out->is_set;
	return out->is_set;
}

bool value_parse_rate(enum option_id id, const char *text, uint64_t *out)
{
	struct value v;

	if (!read_rate(&v, &options[id], text))
		return false;
	*out = (uint64_t)v.as.number;
	return true;
}

/* Defaults are read as if the file had them. */
void value_set_default(struct value *out, enum option_id id)
{
	char text[OPTION_TEXT_BYTES];
	struct report report;
	config_t config;
	bool ok;

	report_init(&report);
	config_init(&config);
	snprintf(text, sizeof(text), "value = %s;\n", options[id].value);
	ok = config_read_string(&config, text) == CONFIG_TRUE &&
	     value_read(out, id, config_lookup(&config, "value"), &report);
	assert(ok);
	config_destroy(&config);
	out->is_given = false;
	out->line = 0;
}

void value_fini(struct value *v, enum option_id id)
{
	if (v->is_set && options[id].type == OPTION_RULES)
		free(v->as.rules.items);
	if (v->is_set && options[id].type == OPTION_TEXTS)
		free_texts(&v->as.texts);
	if (v->is_set && options[id].type == OPTION_TEXT) {
		crypto_wipe(v->as.text, strlen(v->as.text));
		free(v->as.text);
	}
	crypto_wipe(v, sizeof(*v));
}

/* As libconfig reads it back; nothing else needs an escape there. */
static void write_text(const char *text, FILE *to)
{
	fputc('"', to);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fprintf(to, "\\%c", *text);
		else if ((unsigned char)*text < 0x20 || *text == 0x7f)
			fprintf(to, "\\x%02x", (unsigned char)*text);
		else
			fputc(*text, to);
	}
	fputc('"', to);
}

static void write_rules(const struct value_rules *r, FILE *to)
{
	char text[PEER_RULE_TEXT_BYTES];

	fputs("[ ", to);
	for (uint16_t i = 0; i < r->count; i++)
		fprintf(to, "%s\"%s\"", i > 0 ? ", " : "",
			peer_rule_print(&r->items[i], text));
	fputs(r->count > 0 ? " ]" : "]", to);
}

static void write_texts(const struct value_texts *t, FILE *to)
{
	fputs("[ ", to);
	for (uint16_t i = 0; i < t->count; i++) {
		if (i > 0)
			fputs(", ", to);
		write_text(t->items[i], to);
	}
	fputs(t->count > 0 ? " ]" : "]", to);
}

void value_write(const struct value *v, enum option_id id, FILE *to)
{
	const struct option *o = &options[id];
	char text[OPTION_TEXT_BYTES], addr[ADDR_TEXT_BYTES];

	if (o->secret) {
		fputs("\"***\"", to);
		return;
	}
	switch (o->type) {
	case OPTION_TEXT:
		write_text(v->as.text, to);
		break;
	case OPTION_WORD:
		write_text(o->words[v->as.number], to);
		break;
	case OPTION_INTEGER:
		fprintf(to, "%" PRId64, v->as.number);
		break;
	case OPTION_DURATION:
		write_text(option_with_unit(option_duration_units, v->as.number,
					    text),
			   to);
		break;
	case OPTION_SIZE:
		write_text(
			option_with_unit(option_size_units, v->as.number, text),
			to);
		break;
	case OPTION_RATE:
		write_text(v->as.number ? option_with_unit(option_rate_units,
							   v->as.number, text)
					: "0",
			   to);
		break;
	case OPTION_ADDRESS:
		write_text(addr_print(&v->as.addr, addr), to);
		break;
	case OPTION_AUTO:
		write_text(v->as.addr.family == ADDR_NONE
				   ? "auto"
				   : addr_print(&v->as.addr, addr),
			   to);
		break;
	case OPTION_PORTS:
		fprintf(to, "[ %u, %u ]", v->as.ports.min, v->as.ports.max);
		break;
	case OPTION_TIME:
		write_text(print_time(v->as.number, text), to);
		break;
	case OPTION_TEXTS:
		write_texts(&v->as.texts, to);
		break;
	case OPTION_RULES:
		write_rules(&v->as.rules, to);
		break;
	case OPTION_KEY:
		assert(o->secret);
		break;
	}
}
