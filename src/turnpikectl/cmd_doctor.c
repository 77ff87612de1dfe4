#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "conf/machine.h"
#include "net/trial.h"
#include "turnpikectl/commands.h"
#include "turnpikectl/doctor.h"
#include "turnpikectl/member.h"
#include "turnpikectl/say.h"
#include "turnpikectl/term.h"

#define CONF_PATH TURNPIKE_SYSCONFDIR "/turnpike/turnpike.conf"
#define INDENT "          "

enum { OPTION_CONFIG };

static const struct command_option doctor_options[] = {
	{ "config", 'c', "FILE", "of turnpiked, not " CONF_PATH },
	{ NULL, 0, NULL, NULL },
};

static const struct {
	const char *word;
	enum term_style style;
} looks[FINDING_COUNT] = {
	[FINDING_OK] = { "ok", TERM_GOOD },
	[FINDING_WARNING] = { "warning", TERM_WARNING },
	[FINDING_FAILED] = { "failed", TERM_BAD },
};

static void print_more(const char *arrow, const char *text)
{
	if (!text)
		return;
	fputs(INDENT, stdout);
	fputs(arrow, stdout);
	term_print(text, stdout);
	putchar('\n');
}

static void print(enum finding finding, const char *text, const char *meaning,
		  const char *remedy)
{
	printf("%s%-8s%s  ", term_style(looks[finding].style, stdout),
	       looks[finding].word, term_style(TERM_PLAIN, stdout));
	term_print(text, stdout);
	putchar('\n');
	print_more("", meaning);
	print_more("-> ", remedy);
	fflush(stdout);
}

void doctor_find(struct doctor *d, enum finding finding, const char *check,
		 const char *meaning, const char *remedy, const char *format,
		 ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	d->count[finding]++;
	if (d->call->common.json)
		json_array_append_new(
			d->findings,
			json_pack("{s:s, s:s, s:s?, s:s?, s:s?}", "check",
				  check, "result", looks[finding].word, "text",
				  text, "meaning", meaning, "remedy", remedy));
	else
		print(finding, text ? text : "no memory", meaning, remedy);
	free(text);
}

bool doctor_listener(const json_t *listener, struct addr *out)
{
	uint64_t port = member_number(listener, "port");

	if (!addr_parse(member_text(listener, "address"), out) ||
	    port > UINT16_MAX)
		return false;
	out->port = (uint16_t)port;
	return true;
}

int doctor_socket(struct doctor *d, const struct addr *ip, struct addr *local)
{
	return trial_open_socket(ip, d->first_port, d->last_port, &d->random,
				 local);
}

static void examine(struct doctor *d, const struct report *report)
{
	doctor_configuration(d, report);
	doctor_process(d);
	doctor_listeners(d);
	doctor_relay_ports(d);
	doctor_advertised(d);
	doctor_trials(d);
	doctor_redis(d);
	doctor_clock(d);
	doctor_buffers(d);
	doctor_descriptors(d);
	doctor_conntrack(d);
	doctor_cloud(d);
}

static void conclude(const struct doctor *d)
{
	if (d->call->common.json) {
		json_t *all =
			json_pack("{s:O, s:i, s:i, s:i}", "findings",
				  d->findings, "ok", (int)d->count[FINDING_OK],
				  "warnings", (int)d->count[FINDING_WARNING],
				  "failed", (int)d->count[FINDING_FAILED]);

		member_print(all);
		json_decref(all);
		return;
	}
	printf("\n%u ok, %u warning%s, %u failed\n", d->count[FINDING_OK],
	       d->count[FINDING_WARNING],
	       d->count[FINDING_WARNING] == 1 ? "" : "s",
	       d->count[FINDING_FAILED]);
}

static bool seed(struct doctor *d)
{
	uint8_t bytes[RANDOM_SEED_BYTES];

	d->crypto = crypto_new();
	d->findings = json_array();
	if (!d->crypto || !d->findings ||
	    getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return false;
	random_init(&d->random, d->crypto, bytes);
	crypto_wipe(bytes, sizeof(bytes));
	return true;
}

static enum status run(const struct call *call)
{
	const char *path = call->options[OPTION_CONFIG];
	struct doctor d = { .call = call };
	struct report *report = malloc(sizeof(*report));
	struct conf_machine *machine = malloc(sizeof(*machine));
	enum status status = STATUS_SYSTEM;
	struct conf *conf = NULL;

	d.conf_path = path ? path : CONF_PATH;
	if (report && machine && seed(&d)) {
		report_init(report);
		machine_look(machine);
		conf = conf_load(d.conf_path, machine, report);
		d.conf = conf;
		examine(&d, report);
		conclude(&d);
		status = d.count[FINDING_FAILED]    ? STATUS_FAILED
			 : d.count[FINDING_WARNING] ? STATUS_WARNED
						    : STATUS_OK;
	} else {
		say_no_memory();
	}
	json_decref(d.server);
	json_decref(d.findings);
	crypto_free(d.crypto);
	conf_free(conf);
	free(machine);
	free(report);
	return status;
}

const struct command command_doctor = {
	.name = "doctor",
	.operands = "",
	.summary = "find out what keeps clients from being relayed",
	.help = "Looks at the configuration, the process, its listeners and "
		"ports, the advertised\n"
		"address, what the machine grants, and uses the server as a "
		"client would, with\n"
		"credentials that live for a minute. Says of each what is "
		"wrong, what that\n"
		"means, and what to type. As root it sees most. The exit "
		"status is 0 if all is\n"
		"well, 2 with warnings, 1 if something failed.\n",
	.options = doctor_options,
	.run = run,
};
