/*
 * libFuzzer target: any text as the list of the acs preset.
 *
 * Either it is a list or there is an error, never both and never neither; no
 * byte of the text gets into a message unescaped; and each range that was
 * taken from it is written as it would be read.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "conf/acs_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct report report;

static void check_report(void)
{
	for (unsigned i = 0;
	     i < report.count[REPORT_ERROR] && i < REPORT_MESSAGES_MAX; i++)
		for (const char *c = report.messages[REPORT_ERROR][i].text; *c;
		     c++)
			assert((unsigned char)*c >= 0x20 && *c != 0x7f);
}

static void check_rule(const struct peer_rule *rule)
{
	char text[PEER_RULE_TEXT_BYTES];
	struct peer_rule again;

	assert(rule->first.family == rule->last.family);
	assert(peer_rule_has_ip(rule, &rule->first));
	assert(peer_rule_has_ip(rule, &rule->last));
	assert(peer_rule_parse(peer_rule_print(rule, text), &again));
	assert(addr_equal(&again.first, &rule->first));
	assert(addr_equal(&again.last, &rule->last));
}

static void check_list(const char *text, size_t len, enum acs_clouds clouds)
{
	static struct acs_list list;
	char *copy = malloc(len + 1);
	bool ok;

	assert(copy);
	memcpy(copy, text, len);
	copy[len] = '\0';
	report_init(&report);
	ok = acs_list_parse(copy, len, "list", clouds, 1, &list, &report);
	free(copy);
	assert(ok == report_is_clean(&report));
	check_report();
	assert(list.count <= PEER_POLICY_ACS_MAX);
	assert(!ok || list.count > 0);
	for (uint16_t i = 0; i < list.count; i++)
		check_rule(&list.media[i]);
	assert(!ok || strlen(list.date) == ACS_DATE_BYTES - 1);
	acs_list_is_old(&list, 1795564800);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* To be copied from nothing is not allowed. */
	const char *text = size ? (const char *)data : "";

	check_list(text, size, ACS_COMMERCIAL);
	check_list(text, size, ACS_GCC_HIGH);
	check_list(text, size, ACS_ALL);
	return 0;
}
