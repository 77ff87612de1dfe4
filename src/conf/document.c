#include "conf/document.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"

/* Where @include would look: nowhere. source_check() refuses it already. */
#define NO_FOLDER "/dev/null"

struct value *document_value(const struct document_item *item,
			     enum option_id id)
{
	return &item->values[id - option_first(options[id].group)];
}

/* The value that an option has outside a list or in the item. */
static struct value *place_of(struct document *d,
			      const struct document_item *item,
			      enum option_id id)
{
	return item ? document_value(item, id) : &d->values[id];
}

static void refuse_name(enum group_id group, const config_setting_t *s,
			struct report *report)
{
	char quoted[REPORT_QUOTE_BYTES], names[OPTION_TEXT_BYTES];
	const char *where = option_groups[group].name;

	report_error(report, config_setting_source_line(s),
		     "unknown option %s%s%s; expected %s",
		     report_quote(bytes_str(config_setting_name(s)), quoted),
		     *where ? " in " : "", where, option_names(group, names));
}

/* Reads the options of a group that is known to be one. */
static void read_members(struct document *d, struct document_item *item,
			 enum group_id group, const config_setting_t *s,
			 struct report *report)
{
	for (int i = 0; i < config_setting_length(s); i++) {
		config_setting_t *member =
			config_setting_get_elem(s, (unsigned)i);
		enum option_id id;

		if (option_find(group, config_setting_name(member), &id))
			value_read(place_of(d, item, id), id, member, report);
		else
			refuse_name(group, member, report);
	}
}

/* Defaults, and what is required and not there. */
static void complete(struct document *d, struct document_item *item,
		     enum group_id group, struct report *report)
{
	enum option_id first = option_first(group);

	for (size_t i = 0; i < option_count(group); i++) {
		enum option_id id = (enum option_id)(first + i);
		struct value *v = place_of(d, item, id);
		const struct option *o = &options[id];
		bool wrong = v->is_wrong;

		if (!v->is_set && o->value)
			value_set_default(v, id);
		v->is_wrong = wrong;
		/* If it is there but wrong, that has been said. */
		if (!o->required || v->is_set || wrong)
			continue;
		report_error(report, item ? item->line : 0,
			     "no %s%s%s; expected one, such as %s = %s;",
			     o->name, *option_groups[group].name ? " in " : "",
			     option_groups[group].name, o->name, o->sample);
	}
}

static bool add_item(struct document_list *list, enum group_id group,
		     unsigned line, struct report *report)
{
	struct document_item *item = &list->items[list->count];

	item->line = line;
	item->values = calloc(option_count(group), sizeof(*item->values));
	if (!item->values) {
		report_error(report, line, "no memory to read it");
		return false;
	}
	list->count++;
	return true;
}

/* One element of a list, which should be a group. */
static void read_item(struct document *d, enum group_id group,
		      const config_setting_t *s, struct report *report)
{
	struct document_list *list = &d->lists[group];
	unsigned line = config_setting_source_line(s);
	char what[VALUE_FOUND_BYTES];
	struct document_item *item;

	if (!config_setting_is_group(s)) {
		report_error(report, line,
			     "an element of %s %s; expected a group { }",
			     option_groups[group].name,
			     value_found(s, true, what));
		list->is_wrong = true;
		return;
	}
	if (!add_item(list, group, line, report))
		return;
	item = &list->items[list->count - 1];
	read_members(d, item, group, s, report);
	complete(d, item, group, report);
}

/* An absent list has as many groups of defaults as the table says. */
static void read_list(struct document *d, enum group_id group,
		      const config_setting_t *s, struct report *report)
{
	struct document_list *list = &d->lists[group];
	size_t count = s ? (size_t)config_setting_length(s)
			 : option_groups[group].items;

	list->line = s ? config_setting_source_line(s) : 0;
	list->items = calloc(count + 1, sizeof(*list->items));
	if (!list->items) {
		report_error(report, list->line, "no memory to read it");
		return;
	}
	for (size_t i = 0; i < count; i++) {
		if (s)
			read_item(d, group,
				  config_setting_get_elem(s, (unsigned)i),
				  report);
		else if (add_item(list, group, 0, report))
			complete(d, &list->items[i], group, report);
	}
}

/* An empty array is as good as an empty list. */
static bool is_list(const config_setting_t *s)
{
	return config_setting_is_list(s) ||
	       (config_setting_is_array(s) && config_setting_length(s) == 0);
}

/* The setting of a group, or NULL if it is absent or not what it must be. */
static const config_setting_t *find_group(const config_setting_t *root,
					  enum group_id group,
					  struct report *report)
{
	const struct option_group *g = &option_groups[group];
	const config_setting_t *s = config_setting_get_member(root, g->name);
	char what[VALUE_FOUND_BYTES];

	if (!s || (g->is_list ? is_list(s) : config_setting_is_group(s)))
		return s;
	report_error(report, config_setting_source_line(s),
		     "%s %s; expected %s = %s;", g->name,
		     value_found(s, true, what), g->name,
		     g->is_list ? "( { }, ... )" : "{ }");
	return NULL;
}

static void read_group(struct document *d, enum group_id group,
		       const config_setting_t *root, struct report *report)
{
	const config_setting_t *s = find_group(root, group, report);

	if (option_groups[group].is_list) {
		read_list(d, group, s, report);
		return;
	}
	if (s)
		read_members(d, NULL, group, s, report);
	complete(d, NULL, group, report);
}

/* Options outside groups; groups are passed over, anything else is wrong. */
static void read_top(struct document *d, const config_setting_t *root,
		     struct report *report)
{
	for (int i = 0; i < config_setting_length(root); i++) {
		config_setting_t *s =
			config_setting_get_elem(root, (unsigned)i);
		enum group_id group;
		enum option_id id;

		if (option_find(GROUP_TOP, config_setting_name(s), &id))
			value_read(&d->values[id], id, s, report);
		else if (!option_group_find(config_setting_name(s), &group))
			refuse_name(GROUP_TOP, s, report);
	}
	complete(d, NULL, GROUP_TOP, report);
}

/* libconfig's words for what the form of a file can be wrong about. */
static const struct {
	const char *found;
	const char *message;
} form_errors[] = {
	{ "syntax error",
	  "not of the form NAME = VALUE; here or on the line before; expected "
	  "texts in double quotes, groups in { }, lists of groups in ( ), "
	  "arrays in [ ], each followed by a semicolon" },
	{ "duplicate setting name",
	  "an option for the second time in its group; expected each once" },
	{ "mismatched element type in array",
	  "elements of different types in an array; expected one type" },
};

static void report_form(const config_t *config, struct report *report)
{
	const char *text = config_error_text(config);
	unsigned line = (unsigned)config_error_line(config);

	for (size_t i = 0; i < sizeof(form_errors) / sizeof(form_errors[0]);
	     i++) {
		if (text && !strcmp(text, form_errors[i].found)) {
			report_error(report, line, "%s",
				     form_errors[i].message);
			return;
		}
	}
	report_error(report, line, "%s; expected libconfig's syntax",
		     text ? text : "unreadable");
}

/* libconfig's copies of passwords do not outlive the parsing. */
static void wipe_texts(config_setting_t *s)
{
	if (config_setting_type(s) == CONFIG_TYPE_STRING && s->value.sval)
		crypto_wipe(s->value.sval, strlen(s->value.sval));
	if (!config_setting_is_aggregate(s))
		return;
	for (int i = 0; i < config_setting_length(s); i++)
		wipe_texts(config_setting_get_elem(s, (unsigned)i));
}

static void read_root(struct document *d, const config_setting_t *root,
		      struct report *report)
{
	read_top(d, root, report);
	for (int group = GROUP_TOP + 1; group < GROUP_COUNT; group++)
		read_group(d, (enum group_id)group, root, report);
}

/* The one list that the text may hold. */
static void read_only_list(struct document *d, enum group_id group,
			   const config_setting_t *root, struct report *report)
{
	const char *name = option_groups[group].name;
	char quoted[REPORT_QUOTE_BYTES];

	for (int i = 0; i < config_setting_length(root); i++) {
		const config_setting_t *s =
			config_setting_get_elem(root, (unsigned)i);

		if (!strcmp(config_setting_name(s), name))
			continue;
		report_error(
			report, config_setting_source_line(s),
			"unknown option %s; expected nothing but %s",
			report_quote(bytes_str(config_setting_name(s)), quoted),
			name);
	}
	read_group(d, group, root, report);
}

/* Parses the text, of which `group` alone is wanted unless it is the top. */
static bool parse(struct document *d, enum group_id group,
		  const struct source *source, struct report *report)
{
	config_t config;
	bool ok;

	memset(d, 0, sizeof(*d));
	config_init(&config);
	config_set_include_dir(&config, NO_FOLDER);
	ok = config_read_string(&config, source->text) == CONFIG_TRUE;
	if (!ok)
		report_form(&config, report);
	else if (group == GROUP_TOP)
		read_root(d, config_root_setting(&config), report);
	else
		read_only_list(d, group, config_root_setting(&config), report);
	wipe_texts(config_root_setting(&config));
	config_destroy(&config);
	return ok;
}

bool document_parse(struct document *d, const struct source *source,
		    struct report *report)
{
	return parse(d, GROUP_TOP, source, report);
}

bool document_parse_list(struct document *d, enum group_id group,
			 const struct source *source, struct report *report)
{
	return parse(d, group, source, report);
}

static void list_fini(struct document_list *list, enum group_id group)
{
	enum option_id first = option_first(group);

	for (size_t i = 0; i < list->count; i++) {
		struct value *values = list->items[i].values;

		for (size_t j = 0; j < option_count(group); j++)
			value_fini(&values[j], (enum option_id)(first + j));
		free(values);
	}
	free(list->items);
}

void document_fini(struct document *d)
{
	for (int id = 0; id < OPTION_COUNT; id++)
		value_fini(&d->values[id], (enum option_id)id);
	for (int group = 0; group < GROUP_COUNT; group++)
		list_fini(&d->lists[group], (enum group_id)group);
	memset(d, 0, sizeof(*d));
}

static void write_option(const struct value *v, enum option_id id,
			 const char *indent, FILE *to)
{
	const struct option *o = &options[id];

	if (!v->is_set)
		return;
	fprintf(to, "%s%s = ", indent, o->name);
	value_write(v, id, to);
	fputc(';', to);
	if (!v->is_given && o->absent)
		fprintf(to, " # default: %s", o->absent);
	else if (!v->is_given)
		fputs(" # default", to);
	fputc('\n', to);
}

static void write_list(const struct document_list *list, enum group_id group,
		       FILE *to)
{
	enum option_id first = option_first(group);

	fprintf(to, "%s = (", option_groups[group].name);
	for (size_t i = 0; i < list->count; i++) {
		fputs(i > 0 ? ",\n\t{\n" : "\n\t{\n", to);
		for (size_t j = 0; j < option_count(group); j++)
			write_option(&list->items[i].values[j],
				     (enum option_id)(first + j), "\t\t", to);
		fputs("\t}", to);
	}
	fputs(list->count > 0 ? "\n);\n" : " );\n", to);
}

static void write_group(const struct document *d, enum group_id group, FILE *to)
{
	enum option_id first = option_first(group);
	bool top = group == GROUP_TOP;

	if (!top)
		fprintf(to, "%s = {\n", option_groups[group].name);
	for (size_t i = 0; i < option_count(group); i++)
		write_option(&d->values[first + i], (enum option_id)(first + i),
			     top ? "" : "\t", to);
	if (!top)
		fputs("};\n", to);
}

void document_write(const struct document *d, FILE *to)
{
	for (int i = 0; i < GROUP_COUNT; i++) {
		enum group_id group = (enum group_id)i;

		if (option_groups[group].is_list)
			write_list(&d->lists[group], group, to);
		else
			write_group(d, group, to);
	}
}
