/*
 * libFuzzer target: any text as a configuration file.
 *
 * Either it becomes a configuration or there is an error, never both and
 * never neither; no byte of the text reaches a terminal unescaped by way of a
 * message; and what a configuration says of itself is one again, but for its
 * masked secrets. No other file is opened, as source_check() refuses @include
 * and the machine is closed, but a list for the preset acs, and that is read
 * at most.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

static struct report report;

/* libconfig drops texts that stand where its grammar allows none. */
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig_yy\nleak:libconfig_yyparse\nleak:libconfig.so\n";
}

static void check_message(const struct report_message *m)
{
	for (const char *c = m->text; *c; c++)
		assert((unsigned char)*c >= 0x20 && *c != 0x7f);
}

static void check_report(void)
{
	for (int kind = 0; kind < REPORT_KINDS; kind++)
		for (unsigned i = 0;
		     i < report.count[kind] && i < REPORT_MESSAGES_MAX; i++)
			check_message(&report.messages[kind][i]);
}

static struct conf *parse(struct bytes text)
{
	static const struct conf_machine empty;
	struct conf_machine machine = empty;
	struct conf *c;

	machine.cpus = 2;
	machine.is_closed = true;
	machine.addrs[0] = addr_ipv4(0xcb007107, 0);
	machine.addrs[1] = addr_ipv4(0x7f000001, 0);
	machine.addr_count = 2;
	report_init(&report);
	c = conf_parse(text, &machine, &report);
	assert((c != NULL) == report_is_clean(&report));
	check_report();
	return c;
}

/* What is in force, as a text; its secrets are no longer there. */
static char *in_force(const struct conf *c, size_t *len)
{
	char *text = NULL;
	FILE *to = open_memstream(&text, len);

	assert(to);
	conf_write(c, to);
	fclose(to);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf *c = parse(bytes_of(data, size));
	size_t len;
	char *text;

	if (!c)
		return 0;
	text = in_force(c, &len);
	if (static_users_count(c->users) == 0 &&
	    c->turn.nonce.current.len == 0) {
		struct conf *again = parse(bytes_of(text, len));

		assert(again);
		assert(again->listener_count == c->listener_count);
		assert(!memcmp(&again->turn, &c->turn, sizeof(c->turn)));
		conf_free(again);
	}
	free(text);
	conf_free(c);
	return 0;
}
