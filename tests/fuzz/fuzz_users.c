/*
 * libFuzzer target: any text as a users file.
 *
 * Whatever it is, it is read to its end or refused, and no byte of it reaches
 * a terminal unescaped by way of a message.
 */
#include <assert.h>

#include "conf/document.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libconfig drops texts that stand where its grammar allows none. */
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig_yy\nleak:libconfig_yyparse\nleak:libconfig.so\n";
}

static void check_messages(const struct report *report)
{
	for (unsigned i = 0;
	     i < report->count[REPORT_ERROR] && i < REPORT_MESSAGES_MAX; i++)
		for (const char *c = report->messages[REPORT_ERROR][i].text; *c;
		     c++)
			assert((unsigned char)*c >= 0x20 && *c != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct report report;
	struct document document;
	struct source source;

	report_init(&report);
	if (source_copy(&source, bytes_of(data, size), &report)) {
		if (source_check(&source, &report)) {
			document_parse_list(&document, GROUP_USERS, &source,
					    &report);
			for (int id = 0; id < OPTION_COUNT; id++)
				assert(!document.values[id].is_set);
			document_fini(&document);
		}
		source_fini(&source);
	}
	check_messages(&report);
	return 0;
}
