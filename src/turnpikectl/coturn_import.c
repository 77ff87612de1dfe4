#include "turnpikectl/coturn_import.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"

/* A line has at most two remarks; some follow from all of them. */
#define REMARKS_PER_LINE 2
#define REMARKS_OF_ALL 32

static const char *const fate_names[COTURN_FATES] = {
	[COTURN_MAPPED] = "mapped",
	[COTURN_DEFAULT] = "default",
	[COTURN_UNSUPPORTED] = "unsupported",
	[COTURN_UNKNOWN] = "unknown",
};

const char *coturn_fate_name(enum coturn_fate fate)
{
	return fate_names[fate];
}

void coturn_note(struct coturn_note *n, enum coturn_fate fate,
		 const char *format, ...)
{
	va_list args;

	n->fate = fate;
	va_start(args, format);
	vsnprintf(n->text, sizeof(n->text), format, args);
	va_end(args);
}

void coturn_remark(struct coturn_import *i, const struct coturn_note *n,
		   bool is_warning, const char *format, ...)
{
	struct coturn_remark *r = &i->remarks[i->remark_count];
	va_list args;

	assert(i->remark_count < i->remark_max);
	i->remark_count++;
	r->line = n ? n->line->number : 0;
	r->is_warning = is_warning;
	va_start(args, format);
	vsnprintf(r->text, sizeof(r->text), format, args);
	va_end(args);
}

char *coturn_value(struct coturn_import *i, const struct coturn_note *n)
{
	/* The copy has everything where the original has it. */
	return i->owned + (n->line->value - i->in->text);
}

/* One of everything for each line is enough. */
static bool make_room(struct coturn_import *i)
{
	size_t lines = i->in->count + 1;

	i->remark_max = REMARKS_PER_LINE * lines + REMARKS_OF_ALL;
	i->notes = calloc(lines, sizeof(*i->notes));
	i->remarks = calloc(i->remark_max, sizeof(*i->remarks));
	i->pairs = calloc(lines, sizeof(*i->pairs));
	i->users = calloc(lines, sizeof(*i->users));
	i->secrets = calloc(lines, sizeof(*i->secrets));
	i->allow.items = calloc(lines, sizeof(*i->allow.items));
	i->deny.items = calloc(lines, sizeof(*i->deny.items));
	i->owned = malloc(i->in->len + 1);
	return i->notes && i->remarks && i->pairs && i->users && i->secrets &&
	       i->allow.items && i->deny.items && i->owned;
}

struct coturn_import *coturn_import_new(const struct coturn_conf *in,
					const struct coturn_site *site)
{
	struct coturn_import *i = calloc(1, sizeof(*i));

	if (!i)
		return NULL;
	i->in = in;
	i->site = *site;
	if (!make_room(i)) {
		coturn_import_free(i);
		return NULL;
	}
	memcpy(i->owned, in->text, in->len + 1);
	for (size_t at = 0; at < in->count; at++) {
		i->notes[at].line = &in->lines[at];
		coturn_keys_judge(i, &i->notes[at]);
	}
	coturn_decide(i);
	return i;
}

void coturn_import_free(struct coturn_import *i)
{
	if (!i)
		return;
	if (i->owned)
		crypto_wipe(i->owned, i->in->len);
	if (i->users)
		crypto_wipe(i->users, i->user_count * sizeof(*i->users));
	free(i->notes);
	free(i->remarks);
	free(i->pairs);
	free(i->users);
	free(i->secrets);
	free(i->allow.items);
	free(i->deny.items);
	free(i->owned);
	free(i);
}

size_t coturn_import_count(const struct coturn_import *i, enum coturn_fate fate)
{
	size_t count = 0;

	for (size_t at = 0; at < i->in->count; at++)
		count += i->notes[at].fate == fate;
	return count;
}

size_t coturn_import_warnings(const struct coturn_import *i)
{
	size_t count = 0;

	for (size_t at = 0; at < i->remark_count; at++)
		count += i->remarks[at].is_warning;
	return count;
}
