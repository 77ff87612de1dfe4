#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/crypto.h"
#include "conf/machine.h"
#include "conf/source.h"
#include "net/sockaddr.h"
#include "turnpikectl/commands.h"
#include "turnpikectl/coturn_import.h"
#include "turnpikectl/member.h"
#include "turnpikectl/say.h"
#include "turnpikectl/term.h"

#define HOST_BYTES 256
/* Nothing is sent there: the kernel is asked how it would be. */
#define SOMEWHERE 0xc6336401 /* 198.51.100.1, RFC 5737 */
#define SOME_PORT 9

enum { OPTION_OUTPUT, OPTION_FORCE, OPTION_REALM, OPTION_RELAY };

static const struct command_option import_options[] = {
	{ "output", 'o', "FILE", "write the configuration there, mode 0600" },
	{ "force", 0, NULL, "even if FILE exists" },
	{ "realm", 0, "NAME", "in place of the realm in turnserver.conf" },
	{ "relay", 0, "ADDRESS",
	  "relay.address where turnserver.conf has none" },
	{ NULL, 0, NULL, NULL },
};

struct import {
	const struct call *call;
	const char *path;
	struct source source;
	struct coturn_conf lines;
	char host[HOST_BYTES];
	struct coturn_site site;
	struct coturn_import *result;
	/* The configuration, and what turnpiked would say of it. */
	char *text;
	size_t len;
	struct report *report;
	bool is_good;
};

/* The address that packets to the network would leave from. */
static struct addr outward(void)
{
	struct addr to = addr_ipv4(SOMEWHERE, SOME_PORT), from = { 0 };
	union sockaddr_any sa;
	socklen_t len = sockaddr_from_addr(&to, &sa);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return from;
	if (connect(fd, &sa.any, len) == 0) {
		len = sizeof(sa);
		if (getsockname(fd, &sa.any, &len) == 0 &&
		    sockaddr_to_addr(&sa, len, &from))
			from.port = 0;
	}
	close(fd);
	return from;
}

static enum status look_round(struct import *m)
{
	const char *relay = m->call->options[OPTION_RELAY];

	if (gethostname(m->host, sizeof(m->host) - 1) != 0)
		m->host[0] = '\0';
	m->site.host = m->host;
	m->site.realm = m->call->options[OPTION_REALM];
	if (!relay) {
		m->site.outward = outward();
		return STATUS_OK;
	}
	if (addr_parse(relay, &m->site.outward) &&
	    m->site.outward.family == ADDR_IPV4)
		return STATUS_OK;
	return say(STATUS_USAGE, "--relay needs an IPv4 address");
}

static enum status read_lines(struct import *m)
{
	report_init(m->report);
	if (!source_read(&m->source, m->path, m->report)) {
		report_print(m->report, REPORT_ERROR, m->path, "", stderr);
		return STATUS_NO_INPUT;
	}
	switch (coturn_conf_parse(&m->lines,
				  bytes_of(m->source.text, m->source.len))) {
	case COTURN_CONF_OK:
		return STATUS_OK;
	case COTURN_CONF_NUL:
		return say(STATUS_DATA,
			   "%s holds a NUL; expected a turnserver.conf",
			   m->path);
	case COTURN_CONF_TOO_MANY:
		return say(STATUS_DATA,
			   "%s has too many lines; expected a turnserver.conf",
			   m->path);
	case COTURN_CONF_NO_MEMORY:
		break;
	}
	return say_no_memory();
}

/* Asks the configuration's own judge. Other files are not read for it. */
static enum status judge(struct import *m)
{
	FILE *to = open_memstream(&m->text, &m->len);
	struct conf_machine machine;
	struct conf *conf;

	if (!to)
		return say_no_memory();
	coturn_import_write(m->result, m->path, false, to);
	if (fclose(to) != 0)
		return say_no_memory();
	machine_look(&machine);
	machine.is_closed = true;
	report_init(m->report);
	conf = conf_parse(bytes_of(m->text, m->len), &machine, m->report);
	m->is_good = conf != NULL;
	conf_free(conf);
	return STATUS_OK;
}

/* --- the report, for people --- */

static int key_column(const struct coturn_import *i)
{
	char key[COTURN_KEY_BYTES];
	size_t widest = 0;

	for (size_t at = 0; at < i->in->count; at++) {
		size_t len = strlen(coturn_conf_key(i->notes[at].line, key));

		if (len > widest)
			widest = len;
	}
	return (int)widest;
}

static void print_note(const struct coturn_note *n, int column)
{
	char key[COTURN_KEY_BYTES];

	printf("  %5u  %-*s  ", n->line->number, column,
	       coturn_conf_key(n->line, key));
	term_print(n->text, stdout);
	putchar('\n');
}

static void print_notes(const struct coturn_import *i, enum coturn_fate fate,
			const char *title)
{
	size_t count = coturn_import_count(i, fate);
	int column = key_column(i);

	if (count == 0)
		return;
	printf("%s%s (%zu)%s\n", term_style(TERM_BOLD, stdout), title, count,
	       term_style(TERM_PLAIN, stdout));
	for (size_t at = 0; at < i->in->count; at++)
		if (i->notes[at].fate == fate)
			print_note(&i->notes[at], column);
	putchar('\n');
}

static void print_remarks(const struct coturn_import *i, bool warnings,
			  const char *title)
{
	bool is_first = true;

	for (size_t at = 0; at < i->remark_count; at++) {
		const struct coturn_remark *r = &i->remarks[at];

		if (r->is_warning != warnings)
			continue;
		if (is_first)
			printf("%s%s%s\n",
			       term_style(warnings ? TERM_WARNING : TERM_BOLD,
					  stdout),
			       title, term_style(TERM_PLAIN, stdout));
		is_first = false;
		if (r->line > 0)
			printf("  %5u  ", r->line);
		else
			fputs("         ", stdout);
		term_print(r->text, stdout);
		putchar('\n');
	}
	if (!is_first)
		putchar('\n');
}

static void print_report(const struct import *m)
{
	const struct coturn_import *i = m->result;

	print_notes(i, COTURN_MAPPED, "Taken over");
	print_notes(i, COTURN_DEFAULT, "The default here");
	print_notes(i, COTURN_UNSUPPORTED, "Not supported");
	print_notes(i, COTURN_UNKNOWN, "Not understood");
	print_remarks(i, false, "Good to know");
	print_remarks(i, true, "Warnings");
	if (m->report->count[REPORT_WARNING] > 0) {
		printf("%sturnpiked --check would warn%s\n",
		       term_style(TERM_WARNING, stdout),
		       term_style(TERM_PLAIN, stdout));
		report_print(m->report, REPORT_WARNING, NULL, "         ",
			     stdout);
		putchar('\n');
	}
}

static void print_masked(const struct import *m)
{
	puts("# The configuration, with *** for secrets; -o FILE writes it:");
	coturn_import_write(m->result, m->path, true, stdout);
}

/* --- the same for programs --- */

static json_t *escaped(const char *text)
{
	size_t size = TERM_ESCAPED_BYTES(strlen(text));
	char *copy = malloc(size);
	json_t *string;

	if (!copy)
		return NULL;
	term_escape(bytes_str(text), copy, size);
	string = json_string(copy);
	free(copy);
	return string;
}

static json_t *notes_json(const struct coturn_import *i)
{
	json_t *list = json_array();

	for (size_t at = 0; at < i->in->count; at++) {
		const struct coturn_note *n = &i->notes[at];
		char key[COTURN_KEY_BYTES];

		json_array_append_new(
			list, json_pack("{s:i, s:o, s:s, s:o}", "line",
					(int)n->line->number, "key",
					escaped(coturn_conf_key(n->line, key)),
					"outcome", coturn_fate_name(n->fate),
					"text", escaped(n->text)));
	}
	return list;
}

static json_t *remarks_json(const struct coturn_import *i, bool warnings)
{
	json_t *list = json_array();

	for (size_t at = 0; at < i->remark_count; at++) {
		const struct coturn_remark *r = &i->remarks[at];

		if (r->is_warning == warnings)
			json_array_append_new(
				list,
				json_pack("{s:o, s:o}", "line",
					  r->line > 0 ? json_integer(r->line)
						      : json_null(),
					  "text", escaped(r->text)));
	}
	return list;
}

static json_t *messages_json(const struct report *r, enum report_kind kind)
{
	json_t *list = json_array();

	for (unsigned at = 0; at < r->count[kind] && at < REPORT_MESSAGES_MAX;
	     at++)
		json_array_append_new(
			list, json_pack("{s:i, s:o}", "line",
					(int)r->messages[kind][at].line, "text",
					escaped(r->messages[kind][at].text)));
	return list;
}

static void print_json(const struct import *m, bool written)
{
	const char *output = m->call->options[OPTION_OUTPUT];
	json_t *all = json_pack(
		"{s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o}", "input",
		escaped(m->path), "output",
		output ? escaped(output) : json_null(), "written", (int)written,
		"keys", notes_json(m->result), "warnings",
		remarks_json(m->result, true), "remarks",
		remarks_json(m->result, false), "check_warnings",
		messages_json(m->report, REPORT_WARNING), "check_errors",
		messages_json(m->report, REPORT_ERROR));

	member_print(all);
	json_decref(all);
}

/* --- the file --- */

static bool write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t sent = write(fd, text, len);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return false;
		text += sent;
		len -= (size_t)sent;
	}
	return fsync(fd) == 0;
}

/* A file that is there is replaced only if that was asked for. */
static bool put_in_place(const char *temporary, const char *path, bool force)
{
	if (force)
		return rename(temporary, path) == 0;
	if (link(temporary, path) != 0)
		return false;
	return unlink(temporary) == 0;
}

static int write_file(const struct import *m, const char *path)
{
	bool force = m->call->options[OPTION_FORCE] != NULL;
	char *temporary;
	int fd, error = 0;

	if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
		return -ENOMEM;
	/* Of mode 0600, whatever the umask. */
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0) {
		error = -errno;
		free(temporary);
		return error;
	}
	if (!write_all(fd, m->text, m->len) ||
	    !put_in_place(temporary, path, force)) {
		error = -errno;
		unlink(temporary);
	}
	close(fd);
	free(temporary);
	return error;
}

static enum status write_output(const struct import *m)
{
	const char *path = m->call->options[OPTION_OUTPUT];
	int error;

	if (!path)
		return STATUS_OK;
	error = write_file(m, path);
	if (!error)
		return STATUS_OK;
	return say(STATUS_NO_OUTPUT, "%s: %s", path,
		   error == -EEXIST ? "exists; --force replaces it"
				    : strerror(-error));
}

static void say_what_next(const char *output)
{
	fputs("Written: ", stdout);
	term_print(output, stdout);
	fputs("\nNext: read it; then\n"
	      "  install -m 640 -o root -g turnpike ",
	      stdout);
	term_print(output, stdout);
	puts(" " TURNPIKE_SYSCONFDIR "/turnpike/turnpike.conf\n"
	     "  turnpiked --check\n"
	     "  systemctl disable --now coturn && "
	     "systemctl enable --now turnpiked");
}

static enum status refuse_to_write(const struct import *m)
{
	fprintf(stderr,
		"turnpikectl: turnpiked would not start with what comes of "
		"this, so nothing is written:\n");
	report_print(m->report, REPORT_ERROR, "the new configuration", "",
		     stderr);
	return STATUS_DATA;
}

static enum status finish(const struct import *m)
{
	bool is_json = m->call->common.json != NULL;
	const char *output = m->call->options[OPTION_OUTPUT];
	enum status status = m->is_good ? write_output(m) : STATUS_OK;
	bool written = m->is_good && output && status == STATUS_OK;

	if (is_json)
		print_json(m, written);
	else
		print_report(m);
	if (!m->is_good)
		return refuse_to_write(m);
	if (status != STATUS_OK)
		return status;
	if (!is_json && written)
		say_what_next(output);
	else if (!is_json)
		print_masked(m);
	return coturn_import_warnings(m->result) > 0 ||
			       coturn_import_count(m->result, COTURN_UNKNOWN)
		       ? STATUS_WARNED
		       : STATUS_OK;
}

static enum status import(struct import *m)
{
	enum status status = look_round(m);

	if (status == STATUS_OK)
		status = read_lines(m);
	if (status != STATUS_OK)
		return status;
	m->result = coturn_import_new(&m->lines, &m->site);
	if (!m->result)
		return say_no_memory();
	status = judge(m);
	return status == STATUS_OK ? finish(m) : status;
}

static enum status run(const struct call *call)
{
	struct import m = { .call = call, .path = call->operands[0] };
	enum status status;

	m.report = malloc(sizeof(*m.report));
	status = m.report ? import(&m) : say_no_memory();
	if (m.text)
		crypto_wipe(m.text, m.len);
	free(m.text);
	free(m.report);
	coturn_import_free(m.result);
	coturn_conf_fini(&m.lines);
	source_fini(&m.source);
	return status;
}

const struct command command_import_coturn = {
	.name = "import-coturn",
	.operands = "FILE",
	.operands_min = 1,
	.operands_max = 1,
	.summary = "make a turnpike.conf of coturn's turnserver.conf",
	.help = "FILE is mostly /etc/turnserver.conf. Each of its keys is "
		"listed: taken over, the\n"
		"default here, or not supported and why; what is dangerous "
		"or lost is warned of.\n"
		"Without -o nothing is written. Passwords go to the output "
		"file alone. A\n"
		"configuration that turnpiked would not start with is not "
		"written.\n"
		"\n"
		"The exit status is 2 if there is a warning or a key that is "
		"not understood.\n",
	.options = import_options,
	.run = run,
};
