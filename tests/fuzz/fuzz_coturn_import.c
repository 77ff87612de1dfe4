/*
 * libFuzzer target: any text as a turnserver.conf.
 *
 * Every line gets a note, nothing that is told moves a cursor, no password
 * gets out of the file, and what is written never depends on luck: twice the
 * same, and either a configuration or one with an error. The latter is rare;
 * the command does not write it then.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "turnpikectl/coturn_import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libconfig drops texts that stand where its grammar allows none. */
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig_yy\nleak:libconfig_yyparse\nleak:libconfig.so\n";
}

static void check_text(const char *text)
{
	assert(*text);
	for (; *text; text++)
		assert((unsigned char)*text >= 0x20 && *text != 0x7f);
}

static void check_told(const struct coturn_import *i)
{
	char key[COTURN_KEY_BYTES];
	size_t count = 0;

	for (size_t at = 0; at < i->in->count; at++) {
		check_text(i->notes[at].text);
		check_text(coturn_conf_key(i->notes[at].line, key));
	}
	for (size_t at = 0; at < i->remark_count; at++)
		check_text(i->remarks[at].text);
	for (int fate = 0; fate < COTURN_FATES; fate++)
		count += coturn_import_count(i, (enum coturn_fate)fate);
	assert(count == i->in->count);
}

static char *written(const struct coturn_import *i, bool masked, size_t *len)
{
	char *text = NULL;
	FILE *to = open_memstream(&text, len);

	assert(to);
	coturn_import_write(i, "/etc/turnserver.conf", masked, to);
	fclose(to);
	return text;
}

/* Whether the judge takes it: always, where there is nothing odd in it. */
static void judge(const char *text, size_t len)
{
	static struct report report;
	struct conf_machine machine;
	struct conf *c;

	memset(&machine, 0, sizeof(machine));
	machine.cpus = 2;
	machine.is_closed = true;
	machine.addrs[0] = addr_ipv4(0xcb007107, 0);
	machine.addr_count = 1;
	report_init(&report);
	c = conf_parse(bytes_of(text, len), &machine, &report);
	assert((c != NULL) == report_is_clean(&report));
	conf_free(c);
}

/* Passwords that stand nowhere else are not in the masked text. */
static void check_masked(const struct coturn_import *i)
{
	size_t len;
	char *text = written(i, true, &len);

	for (size_t at = 0; at < i->secret_count; at++) {
		char quoted[300];

		if (strlen(i->secrets[at]) < 16)
			continue;
		snprintf(quoted, sizeof(quoted), "secret = \"%s\"",
			 i->secrets[at]);
		assert(!strstr(text, quoted));
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct coturn_site site = { .host = "turn.example.org" };
	struct coturn_conf lines;
	struct coturn_import *i;
	size_t len, again_len;
	char *text, *again;

	if (coturn_conf_parse(&lines, bytes_of(data, size)) != COTURN_CONF_OK)
		return 0;
	i = coturn_import_new(&lines, &site);
	assert(i);
	check_told(i);
	text = written(i, false, &len);
	again = written(i, false, &again_len);
	assert(len == again_len && !memcmp(text, again, len));
	judge(text, len);
	check_masked(i);
	free(again);
	free(text);
	coturn_import_free(i);
	coturn_conf_fini(&lines);
	return 0;
}
