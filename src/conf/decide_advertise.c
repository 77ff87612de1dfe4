#include "conf/decide.h"

#include <stdlib.h>
#include <string.h>

static bool is_loopback(const struct addr *a)
{
	return addr_ipv4_value(a) >> 24 == 127;
}

static void set(struct conf *c, const struct addr *address, const char *source)
{
	c->turn.relay_advertise = *address;
	c->advertise.is_known = true;
	snprintf(c->advertise.source, sizeof(c->advertise.source), "%s",
		 source);
}

static void set_relay(struct conf *c)
{
	c->advertise.is_relay = true;
	set(c, &c->turn.relay, "relay.address");
}

/* --- STUN servers --- */

/* Reads "192.0.2.1:3478". */
static bool parse_server(const char *text, struct addr *out)
{
	const char *colon = strrchr(text, ':');
	char ip[ADDR_TEXT_BYTES];
	unsigned long port;
	char *end;

	if (!colon || (size_t)(colon - text) >= sizeof(ip) || colon[1] < '1' ||
	    colon[1] > '9')
		return false;
	memcpy(ip, text, (size_t)(colon - text));
	ip[colon - text] = '\0';
	port = strtoul(colon + 1, &end, 10);
	if (*end != '\0' || port > UINT16_MAX || !addr_parse(ip, out) ||
	    out->family != ADDR_IPV4 || addr_is_unspecified(out))
		return false;
	out->port = (uint16_t)port;
	return true;
}

static void decide_servers(struct conf *c, struct report *report)
{
	const struct value *v = &c->document->values[OPT_RELAY_STUN_SERVERS];
	const struct value_texts *texts = &v->as.texts;
	struct conf_advertise *a = &c->advertise;
	char quoted[REPORT_QUOTE_BYTES];

	for (uint16_t i = 0; i < texts->count; i++)
		if (parse_server(texts->items[i],
				 &a->stun_servers[a->stun_server_count]))
			a->stun_server_count++;
		else
			report_error(report, v->line,
				     "in relay.stun_servers an element is %s; "
				     "expected an IPv4 address and port such "
				     "as \"192.0.2.1:3478\" (names are not "
				     "resolved)",
				     report_quote(bytes_str(texts->items[i]),
						  quoted));
	if (texts->count > 0 && !a->is_auto)
		report_warning(report, v->line,
			       "relay.stun_servers is set, but nobody asks "
			       "them: relay.advertise is not \"auto\"");
}

/* --- found by others --- */

#define REMEDIES                                                             \
	"run turnpike-address (systemctl start turnpike-address), set "      \
	"relay.advertise to the public address (the template of an Azure "   \
	"deployment writes it), or name STUN servers in relay.stun_servers " \
	"for turnpike-address to ask"

static void take_found(struct conf *c, const struct conf_machine *machine,
		       struct report *report)
{
	struct conf_advertise *a = &c->advertise;
	enum advertised_result result = ADVERTISED_ABSENT;
	char text[ADDR_TEXT_BYTES];
	struct advertised found;

	if (!machine->is_closed)
		result = advertised_read(a->path, &found);
	if (result != ADVERTISED_OK) {
		report_warning(report,
			       c->document->values[OPT_RELAY_ADVERTISE].line,
			       "relay.advertise is \"auto\", and the file %s "
			       "%s: the server will not start until the public "
			       "address is found; " REMEDIES,
			       a->path, advertised_explain(result));
		return;
	}
	set(c, &found.address, found.source);
	report_note(report, 0, "relay.advertise: %s, found by %s (%s)",
		    addr_print(&found.address, text), a->source, a->path);
}

static void decide_auto(struct conf *c, const struct conf_machine *machine,
			struct report *report)
{
	char text[ADDR_TEXT_BYTES];

	advertised_path(machine->runtime_dir, c->advertise.path);
	/* Without a relay address there is nothing to find. */
	c->turn.relay_advertise = c->turn.relay;
	if (!report_is_clean(report))
		return;
	if (!advertised_is_fit(&c->turn.relay)) {
		take_found(c, machine, report);
		return;
	}
	set_relay(c);
	report_note(report, 0,
		    "relay.advertise: %s, the relay address, which is a public "
		    "one",
		    addr_print(&c->turn.relay, text));
}

/* --- or not --- */

static void default_advertise(struct conf *c, struct report *report)
{
	struct value *v = &c->document->values[OPT_RELAY_ADVERTISE];
	char text[ADDR_TEXT_BYTES];

	v->as.addr = c->turn.relay;
	v->is_set = true;
	set_relay(c);
	if (!report_is_clean(report) || is_loopback(&c->turn.relay) ||
	    !peer_is_special_purpose(&c->turn.relay))
		return;
	report_warning(report, 0,
		       "the relay address %s is not a public one and "
		       "relay.advertise is not set: clients elsewhere cannot "
		       "be reached there; set relay.advertise to the public "
		       "address that leads to it, or to %s if nobody is "
		       "elsewhere",
		       addr_print(&c->turn.relay, text), text);
}

void decide_advertise(struct conf *c, const struct conf_machine *machine,
		      struct report *report)
{
	struct value *v = &c->document->values[OPT_RELAY_ADVERTISE];

	c->advertise.is_auto = v->is_set && v->as.addr.family == ADDR_NONE;
	decide_servers(c, report);
	if (c->advertise.is_auto) {
		decide_auto(c, machine, report);
	} else if (v->is_set) {
		decide_is_own_address(OPT_RELAY_ADVERTISE, v, report);
		set(c, &v->as.addr, "file");
	} else {
		default_advertise(c, report);
	}
}
