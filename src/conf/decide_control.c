#include "conf/decide.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define RUNTIME_DIR "/run/turnpike"
#define SOCKET_NAME "/control.sock"
#define TOKEN_NAME "/control-token"

static struct value *value_of(const struct conf *c, enum option_id id)
{
	return &c->document->values[id];
}

static void expect_path(const struct value *v, const char *name,
			struct report *report)
{
	char quoted[REPORT_QUOTE_BYTES];

	if (v->as.text[0] != '/')
		report_error(report, v->line,
			     "%s is %s; expected a path that begins with /",
			     name, report_quote(bytes_str(v->as.text), quoted));
}

/* The first of the directories that systemd gives, else our own. */
static void default_socket(struct value *v, const char *given,
			   struct report *report)
{
	char *path = NULL;

	if (!given || *given == '\0')
		given = RUNTIME_DIR;
	if (asprintf(&path, "%.*s" SOCKET_NAME, (int)strcspn(given, ":"),
		     given) < 0) {
		report_error(report, 0, "no memory to read it");
		return;
	}
	v->as.text = path;
	v->is_set = true;
}

static void decide_socket(struct conf *c, const struct conf_machine *machine,
			  struct report *report)
{
	struct value *v = value_of(c, OPT_CONTROL_SOCKET);

	if (!v->is_set)
		default_socket(v, machine->runtime_dir, report);
	/* A service has its directory; who starts it by hand may not. */
	c->control.socket_is_needed = v->is_given || machine->runtime_dir;
	if (!v->is_set || v->as.text[0] == '\0')
		return;
	expect_path(v, "control.socket", report);
	c->control.socket = v->as.text;
}

/* "ADDRESS:PORT" or "[ADDRESS]:PORT". */
static bool read_http(const char *text, struct addr *out)
{
	const char *colon = strrchr(text, ':');
	char ip[ADDR_TEXT_BYTES];
	size_t len = colon ? (size_t)(colon - text) : 0;
	unsigned long port;
	char *end;

	if (len == 0 || len >= sizeof(ip) || !isdigit((unsigned char)colon[1]))
		return false;
	port = strtoul(colon + 1, &end, 10);
	if (*end != '\0' || port < 1 || port > UINT16_MAX)
		return false;
	if (text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	} else if (memchr(text, ':', len)) {
		return false;
	}
	memcpy(ip, text, len);
	ip[len] = '\0';
	if (!addr_parse(ip, out))
		return false;
	*out = addr_with_port(out, (uint16_t)port);
	return true;
}

static bool is_loopback(const struct addr *a)
{
	static const char *const ranges[] = { "127.0.0.0/8", "::1" };
	struct prefix p;

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (prefix_parse(ranges[i], &p) && prefix_contains(&p, a))
			return true;
	return false;
}

static void decide_http(struct conf *c, struct report *report)
{
	const struct value *v = value_of(c, OPT_CONTROL_HTTP);
	bool insecure = value_of(c, OPT_CONTROL_INSECURE)->as.number != 0;
	char quoted[REPORT_QUOTE_BYTES];

	if (v->as.text[0] == '\0')
		return;
	if (!read_http(v->as.text, &c->control.http))
		report_error(report, v->line,
			     "control.http is %s; expected \"ADDRESS:PORT\" "
			     "such as \"127.0.0.1:9641\", or \"\" for none",
			     report_quote(bytes_str(v->as.text), quoted));
	else if (!is_loopback(&c->control.http) && !insecure)
		report_error(report, v->line,
			     "control.http is %s, where other machines reach "
			     "it and the token is not encrypted; expected an "
			     "address of 127.0.0.0/8, a proxy with TLS before "
			     "it, or control.insecure = \"on\"",
			     report_quote(bytes_str(v->as.text), quoted));
}

static void decide_token_file(struct conf *c, struct report *report)
{
	struct value *v = value_of(c, OPT_CONTROL_TOKEN_FILE);
	char *path = NULL;

	c->control.token_is_kept = !v->is_given;
	if (!v->is_set && c->state_dir &&
	    asprintf(&path, "%s" TOKEN_NAME, c->state_dir) >= 0) {
		v->as.text = path;
		v->is_set = true;
	}
	if (!v->is_set)
		report_error(report, 0, "no memory to read it");
	else if (v->is_given)
		expect_path(v, "control.token_file", report);
	c->control.token_file = v->as.text;
}

void decide_control(struct conf *c, const struct conf_machine *machine,
		    struct report *report)
{
	decide_socket(c, machine, report);
	decide_http(c, report);
	decide_token_file(c, report);
	c->control.coturn_names =
		value_of(c, OPT_CONTROL_COTURN_METRICS)->as.number != 0;
}
