#include "turn/peer_rule.h"

#include <stdio.h>
#include <string.h>

#define PORT_MAX 65535

/* The text of an address range and what follows it, NUL-terminated. */
struct parts {
	char range[2 * ADDR_TEXT_BYTES];
	const char *ports; /* NULL: none are named */
	bool is_single;    /* "port", not "ports" */
};

static bool split(const char *text, struct parts *out)
{
	size_t len = strcspn(text, " ");

	if (len >= sizeof(out->range))
		return false;
	memcpy(out->range, text, len);
	out->range[len] = '\0';
	text += len;
	out->ports = NULL;
	out->is_single = !strncmp(text, " port ", 6);
	if (out->is_single)
		out->ports = text + 6;
	else if (!strncmp(text, " ports ", 7))
		out->ports = text + 7;
	return out->ports || *text == '\0';
}

/* A port from 1 on, without sign, space or leading zero; ends before `end`. */
static bool parse_port(const char **text, char end, uint16_t *out)
{
	const char *at = *text;
	uint32_t value = 0;

	if (*at == '0')
		return false;
	for (; *at >= '0' && *at <= '9'; at++) {
		value = value * 10 + (uint32_t)(*at - '0');
		if (value > PORT_MAX)
			return false;
	}
	if (at == *text || *at != end)
		return false;
	*text = at + 1;
	*out = (uint16_t)value;
	return true;
}

static bool parse_ports(const struct parts *parts, struct peer_rule *rule)
{
	const char *text = parts->ports;

	if (!text) {
		rule->port_min = 0;
		rule->port_max = PORT_MAX;
		return true;
	}
	if (parts->is_single) {
		if (!parse_port(&text, '\0', &rule->port_min))
			return false;
		rule->port_max = rule->port_min;
		return true;
	}
	return parse_port(&text, '-', &rule->port_min) &&
	       parse_port(&text, '\0', &rule->port_max) &&
	       rule->port_min <= rule->port_max;
}

/* The last address that shares the prefix. */
static struct addr last_of(const struct prefix *p)
{
	struct addr last = p->base;
	size_t bits = addr_ip_bytes(&last) * 8;

	for (size_t i = p->bits; i < bits; i++)
		last.ip[i / 8] |= (uint8_t)(0x80 >> i % 8);
	return last;
}

/* "FIRST-LAST"; writes a NUL into the text. */
static bool parse_pair(char *text, char *dash, struct peer_rule *rule)
{
	*dash = '\0';
	return addr_parse(text, &rule->first) &&
	       addr_parse(dash + 1, &rule->last) &&
	       rule->first.family == rule->last.family &&
	       memcmp(rule->first.ip, rule->last.ip, sizeof(rule->last.ip)) <=
		       0;
}

static bool parse_range(char *text, struct peer_rule *rule)
{
	char *dash = strchr(text, '-');
	struct prefix p;

	if (dash)
		return parse_pair(text, dash, rule);
	if (!prefix_parse(text, &p))
		return false;
	rule->first = p.base;
	rule->last = last_of(&p);
	return true;
}

bool peer_rule_parse(const char *text, struct peer_rule *out)
{
	struct peer_rule rule = { .realms = PEER_RULE_ALL_REALMS };
	struct parts parts;

	if (!split(text, &parts) || !parse_range(parts.range, &rule) ||
	    !parse_ports(&parts, &rule))
		return false;
	*out = rule;
	return true;
}

/* Whether the range is that of a prefix, and of which length. */
static bool is_prefix(const struct peer_rule *rule, uint8_t *bits)
{
	struct prefix p = { .base = rule->first };
	size_t max = addr_ip_bytes(&rule->first) * 8;
	size_t same = 0;
	struct addr last;

	while (same < max &&
	       !((rule->first.ip[same / 8] ^ rule->last.ip[same / 8]) &
		 0x80 >> same % 8))
		same++;
	p.bits = (uint8_t)same;
	*bits = p.bits;
	last = last_of(&p);
	if (!addr_equal(&last, &rule->last))
		return false;
	for (; same < max; same++)
		if (rule->first.ip[same / 8] & 0x80 >> same % 8)
			return false;
	return true;
}

static size_t print_range(const struct peer_rule *rule, char *text)
{
	char first[ADDR_TEXT_BYTES], last[ADDR_TEXT_BYTES];
	uint8_t bits;
	int len;

	addr_print(&rule->first, first);
	if (addr_equal(&rule->first, &rule->last))
		len = snprintf(text, PEER_RULE_TEXT_BYTES, "%s", first);
	else if (is_prefix(rule, &bits))
		len = snprintf(text, PEER_RULE_TEXT_BYTES, "%s/%u", first,
			       bits);
	else
		len = snprintf(text, PEER_RULE_TEXT_BYTES, "%s-%s", first,
			       addr_print(&rule->last, last));
	return (size_t)len;
}

const char *peer_rule_print(const struct peer_rule *rule,
			    char text[PEER_RULE_TEXT_BYTES])
{
	size_t used = print_range(rule, text);
	size_t left = PEER_RULE_TEXT_BYTES - used;

	if (peer_rule_is_any_port(rule))
		return text;
	if (rule->port_min == rule->port_max)
		snprintf(text + used, left, " port %u", rule->port_min);
	else
		snprintf(text + used, left, " ports %u-%u", rule->port_min,
			 rule->port_max);
	return text;
}

bool peer_rule_is_any_port(const struct peer_rule *rule)
{
	return rule->port_min <= 1 && rule->port_max == PORT_MAX;
}
