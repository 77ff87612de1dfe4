#include "conf/decide.h"

#include <string.h>

/* The one that clients assume. */
#define DEFAULT_PORT 3478

/* Splits "ADDRESS:PORT" or "[ADDRESS]:PORT"; the host must fit. */
static bool read_with_port(const char *text, struct addr *out)
{
	const char *colon = strrchr(text, ':');
	char host[ADDR_TEXT_BYTES];
	size_t len;

	if (!colon)
		return false;
	len = (size_t)(colon - text);
	if (len >= 2 && text[0] == '[' && colon[-1] == ']') {
		text++;
		len -= 2;
	} else if (memchr(text, ':', len)) {
		return false;
	}
	if (len >= sizeof(host))
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	return addr_parse(host, out) && decide_port(colon + 1, &out->port);
}

/* Somebody's address, which a client can be told. */
static bool is_a_hosts(const struct addr *a)
{
	if (addr_is_unspecified(a))
		return false;
	return a->family == ADDR_IPV4 ? a->ip[0] > 0 && a->ip[0] < 224
				      : a->ip[0] != 0xff;
}

static bool read_alternate(const char *text, struct addr *out)
{
	if (!addr_parse(text, out))
		return read_with_port(text, out) && is_a_hosts(out);
	out->port = DEFAULT_PORT;
	return is_a_hosts(out);
}

static void decide_alternates(struct conf *c, struct report *report)
{
	const struct value *v = &c->document->values[OPT_DRAIN_ALTERNATES];
	char quoted[REPORT_QUOTE_BYTES];

	for (uint16_t i = 0; v->is_set && i < v->as.texts.count; i++) {
		const char *text = v->as.texts.items[i];

		if (read_alternate(
			    text,
			    &c->turn.alternates[c->turn.alternate_count++]))
			continue;
		report_error(report, v->line,
			     "in drain.alternates an element is %s; expected "
			     "\"ADDRESS\" or \"ADDRESS:PORT\" of another "
			     "server",
			     report_quote(bytes_str(text), quoted));
	}
	/* Browsers give up where the nonce they bring along is not good. */
	if (c->turn.alternate_count &&
	    !c->document->values[OPT_NONCE_KEY].is_set)
		report_error(report, v->line,
			     "drain.alternates needs nonce.key, the same on "
			     "all of these servers: a browser that is sent to "
			     "one that does not know its nonce gives up");
}

void decide_drain(struct conf *c, struct report *report)
{
	c->drain_deadline_s =
		(uint32_t)c->document->values[OPT_DRAIN_DEADLINE].as.number;
	decide_alternates(c, report);
}
