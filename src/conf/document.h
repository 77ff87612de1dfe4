/*
 * A configuration file as values: parsed, typed, defaults filled in.
 *
 * Holds for each option of the table what the file says or what its default
 * is. Unknown options, wrong types, values out of range and missing required
 * options are errors in the report; whether the values make sense together is
 * not judged here. This file and conf/value.c alone know libconfig.
 */
#ifndef TURNPIKE_CONF_DOCUMENT_H
#define TURNPIKE_CONF_DOCUMENT_H

#include "conf/source.h"
#include "conf/value.h"

/* One group of a list, such as a listener. */
struct document_item {
	unsigned line;        /* where it begins; 0: it is the default */
	struct value *values; /* of the group's options, in their order */
};

struct document_list {
	struct document_item *items;
	size_t count;
	unsigned line; /* where the list is; 0: it is absent */
	bool is_wrong; /* had an element that is no group */
};

struct document {
	struct value values[OPTION_COUNT];       /* of options not in lists */
	struct document_list lists[GROUP_COUNT]; /* of groups that are lists */
};

/*
 * Parses the text. Returns false if its form is wrong and nothing could be
 * read. Otherwise every option that has a default is set, and what the file
 * says of an option is set if it was right. Errors go to the report.
 * document_fini() is due in any case.
 */
bool document_parse(struct document *d, const struct source *source,
		    struct report *report);

/*
 * The same for a text that holds one list of groups and nothing else: the
 * other options are not set, whatever their defaults.
 */
bool document_parse_list(struct document *d, enum group_id group,
			 const struct source *source, struct report *report);

/* Wipes and frees. Safe on a zeroed document. */
void document_fini(struct document *d);

/* The value of an option of the item's group. */
struct value *document_value(const struct document_item *item,
			     enum option_id id);

/*
 * Writes all values that are set, in the file's own syntax, secrets masked;
 * those that the file does not give carry a comment.
 */
void document_write(const struct document *d, FILE *to);

#endif
