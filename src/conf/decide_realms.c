#include "conf/decide.h"

#include <string.h>

static bool find(const struct conf *c, const char *name, uint8_t *out)
{
	for (uint8_t i = 0; i < c->turn.realm_count; i++) {
		if (!strcmp(c->turn.realms[i].name, name)) {
			*out = i;
			return true;
		}
	}
	return false;
}

bool decide_item_realm(const struct conf *c, const struct document_item *item,
		       uint8_t *out)
{
	const struct value *name = document_value(item, OPT_REALMS_NAME);

	return name->is_set && find(c, name->as.text, out);
}

/* The item before this one that has its name, or NULL. */
static const struct document_item *twin_of(const struct document_list *list,
					   size_t index, const char *name)
{
	for (size_t i = 0; i < index; i++) {
		const struct value *v =
			document_value(&list->items[i], OPT_REALMS_NAME);

		if (v->is_set && !strcmp(v->as.text, name))
			return &list->items[i];
	}
	return NULL;
}

static bool is_good(const struct conf *c, size_t index, struct value *name,
		    struct report *report)
{
	const struct document_list *list = &c->document->lists[GROUP_REALMS];
	const struct document_item *twin;
	char quoted[REPORT_QUOTE_BYTES];
	uint8_t realm;

	if (!decide_prepare(name, "realms.name", STUN_REALM_MAX_BYTES, report))
		return false;
	report_quote(bytes_str(name->as.text), quoted);
	twin = twin_of(list, index, name->as.text);
	if (twin)
		report_error(report, name->line,
			     "realm %s for the second time in realms, first "
			     "in line %u; expected each once",
			     quoted, twin->line);
	else if (!find(c, name->as.text, &realm))
		report_error(report, name->line,
			     "realms.name is %s; expected a realm that a "
			     "listener or a user has, such as \"%s\"",
			     quoted, c->turn.realms[0].name);
	else
		return true;
	return false;
}

void decide_realms(struct conf *c, struct report *report)
{
	const struct document_list *list = &c->document->lists[GROUP_REALMS];

	for (size_t i = 0; i < list->count; i++) {
		struct value *name =
			document_value(&list->items[i], OPT_REALMS_NAME);

		/* One that is refused is not to be found again. */
		if (name->is_set && !is_good(c, i, name, report))
			value_fini(name, OPT_REALMS_NAME);
	}
}
