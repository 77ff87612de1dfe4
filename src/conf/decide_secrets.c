#include "conf/decide.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

#include "conf/secret_file.h"

/* The secret's text, from either place, into `s`. */
static void take_secret(const struct document_item *item,
			const struct conf_machine *machine,
			struct shared_secret *s, struct report *report)
{
	struct value *text = document_value(item, OPT_SECRETS_SECRET);
	struct value *file = document_value(item, OPT_SECRETS_SECRET_FILE);
	char from_file[SHARED_SECRET_MAX_BYTES + 1];

	if (text->is_given == file->is_given)
		report_error(report, item->line,
			     "a secret has %s; expected either secret or "
			     "secret_file",
			     text->is_given ? "both secret and secret_file"
					    : "neither secret nor secret_file");
	if (text->is_set) {
		s->len = (uint16_t)strlen(text->as.text);
		memcpy(s->bytes, text->as.text, s->len);
		crypto_wipe(text->as.text, s->len);
	} else if (file->is_set && !machine->is_closed) {
		s->len = (uint16_t)secret_file_read(
			file->as.text, "secrets.secret_file", file->line,
			from_file, sizeof(from_file), report);
		memcpy(s->bytes, from_file, s->len);
		crypto_wipe(from_file, sizeof(from_file));
	}
}

static int64_t time_of(const struct document_item *item, enum option_id id)
{
	const struct value *v = document_value(item, id);

	return v->is_set ? v->as.number : 0;
}

static void decide_secret(struct conf *c, const struct document_item *item,
			  const struct conf_machine *machine,
			  struct shared_secret *s, struct report *report)
{
	struct value *realm = document_value(item, OPT_SECRETS_REALM);

	take_secret(item, machine, s, report);
	s->sha256 = document_value(item, OPT_SECRETS_HASH)->as.number != 0;
	s->not_before_wall_s = time_of(item, OPT_SECRETS_NOT_BEFORE);
	s->not_after_wall_s = time_of(item, OPT_SECRETS_NOT_AFTER);
	s->realm = realm->is_set ? decide_realm_of(c, realm, report)
				 : SECRETS_EVERY_REALM;
	if (s->not_after_wall_s && s->not_after_wall_s <= s->not_before_wall_s)
		report_error(report,
			     document_value(item, OPT_SECRETS_NOT_AFTER)->line,
			     "not_after is no later than not_before; expected "
			     "a time at which the secret is in force");
}

static void decide_separator(struct conf *c, struct report *report)
{
	const struct value *v =
		&c->document->values[OPT_TIME_LIMITED_SEPARATOR];
	char quoted[REPORT_QUOTE_BYTES];

	c->secrets.separator = v->as.text[0];
	if (!isgraph((unsigned char)v->as.text[0]) ||
	    isdigit((unsigned char)v->as.text[0]))
		report_error(report, v->line,
			     "time_limited.separator is %s; expected one "
			     "character of ASCII that is no digit",
			     report_quote(bytes_str(v->as.text), quoted));
}

void decide_secrets(struct conf *c, const struct conf_machine *machine,
		    struct report *report)
{
	const struct document_list *list = &c->document->lists[GROUP_SECRETS];
	const struct value *values = c->document->values;
	struct secrets *s = &c->secrets;

	decide_separator(c, report);
	s->skew_s = (uint32_t)values[OPT_TIME_LIMITED_SKEW].as.number;
	s->end_sessions = values[OPT_TIME_LIMITED_END_SESSIONS].as.number != 0;
	s->end_withdrawn = values[OPT_TIME_LIMITED_END_WITHDRAWN].as.number !=
			   0;
	if (list->count > SECRETS_MAX)
		report_error(report, list->line,
			     "secrets has %zu secrets; expected at most %d",
			     list->count, SECRETS_MAX);
	for (size_t i = 0; i < list->count && i < SECRETS_MAX; i++)
		decide_secret(c, &list->items[i], machine,
			      &s->items[s->count++], report);
}
