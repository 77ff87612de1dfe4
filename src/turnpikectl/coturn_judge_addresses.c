/*
 * Keys of coturn about where it listens and relays.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "turn/config.h"
#include "turnpikectl/coturn_judge.h"
#include "turnpikectl/coturn_value.h"

/* --- listeners --- */

void coturn_judge_listening_ip(struct coturn_import *i, struct coturn_note *n,
			       uint64_t number)
{
	char text[ADDR_TEXT_BYTES];
	struct addr a;

	(void)number;
	if (!coturn_value_ipv4(n, n->line->value, &a))
		return;
	if (i->address_count == COTURN_LISTENERS_MAX) {
		coturn_unsupported(n, "more than %d listeners",
				   COTURN_LISTENERS_MAX);
		return;
	}
	i->addresses[i->address_count++] = a;
	coturn_mapped(n, "listen.address = \"%s\"", addr_print(&a, text));
}

void coturn_judge_listening_port(struct coturn_import *i, struct coturn_note *n,
				 uint64_t number)
{
	if (number < 1 || number > UINT16_MAX) {
		coturn_value_refuse(n, "a port");
		return;
	}
	i->port = (uint16_t)number;
	coturn_mapped(n, "listen.port = %u", i->port);
}

/* "ADDRESS:PORT" or "[ADDRESS]:PORT", in the copy. */
static bool read_socket(char *text, struct addr *out)
{
	char *colon = strrchr(text, ':');
	unsigned long port;
	char *end;

	if (!colon || !isdigit((unsigned char)colon[1]))
		return false;
	port = strtoul(colon + 1, &end, 10);
	if (*end != '\0' || port < 1 || port > UINT16_MAX)
		return false;
	*colon = '\0';
	if (text[0] == '[' && colon > text && colon[-1] == ']') {
		colon[-1] = '\0';
		text++;
	}
	if (!addr_parse(text, out))
		return false;
	out->port = (uint16_t)port;
	return true;
}

void coturn_judge_aux_server(struct coturn_import *i, struct coturn_note *n,
			     uint64_t number)
{
	char text[ADDR_TEXT_BYTES];
	struct addr a;

	(void)number;
	if (!read_socket(coturn_value(i, n), &a)) {
		coturn_value_refuse(n, "ADDRESS:PORT");
	} else if (a.family != ADDR_IPV4) {
		coturn_unsupported(n, "IPv6 is not served yet");
	} else if (i->socket_count == COTURN_LISTENERS_MAX) {
		coturn_unsupported(n, "more than %d listeners",
				   COTURN_LISTENERS_MAX);
	} else {
		i->sockets[i->socket_count++] = a;
		coturn_mapped(n, "another listener, at %s",
			      addr_print(&a, text));
	}
}

void coturn_judge_no_udp(struct coturn_import *i, struct coturn_note *n,
			 uint64_t number)
{
	(void)number;
	coturn_unsupported(n, "clients are served over UDP, and only so");
	coturn_warn(i, n,
		    "no-udp: coturn did not serve UDP here, turnpiked serves "
		    "nothing else: clients with ?transport=tcp or turns: URLs "
		    "cannot come");
}

void coturn_judge_no_tcp(struct coturn_import *i, struct coturn_note *n,
			 uint64_t number)
{
	(void)number;
	i->no_tcp = true;
	coturn_default(n, "clients are not served over TCP yet");
}

void coturn_judge_no_tls(struct coturn_import *i, struct coturn_note *n,
			 uint64_t number)
{
	(void)number;
	i->no_tls = true;
	coturn_default(n, "clients are not served over TLS yet");
}

void coturn_judge_certificate(struct coturn_import *i, struct coturn_note *n,
			      uint64_t number)
{
	(void)number;
	i->has_certificate = true;
	coturn_unsupported(n, "clients are not served over TLS yet");
}

/* --- the relay --- */

void coturn_judge_relay_ip(struct coturn_import *i, struct coturn_note *n,
			   uint64_t number)
{
	char text[ADDR_TEXT_BYTES];
	struct addr a;

	(void)number;
	if (!coturn_value_ipv4(n, n->line->value, &a))
		return;
	if (i->relay.family != ADDR_NONE && !addr_equal(&i->relay, &a)) {
		coturn_unsupported(n, "there is one relay address, %s",
				   addr_print(&i->relay, text));
		return;
	}
	i->relay = a;
	coturn_mapped(n, "relay.address = \"%s\"", addr_print(&a, text));
}

/* "PUBLIC" or "PUBLIC/PRIVATE"; which pair counts is decided later. */
void coturn_judge_external_ip(struct coturn_import *i, struct coturn_note *n,
			      uint64_t number)
{
	char *value = coturn_value(i, n);
	char *slash = strchr(value, '/');
	struct coturn_pair *pair = &i->pairs[i->pair_count];

	(void)number;
	if (slash)
		*slash = '\0';
	if (!coturn_value_ipv4(n, value, &pair->advertised) ||
	    (slash && !coturn_value_ipv4(n, slash + 1, &pair->private))) {
		coturn_warn(i, n,
			    "external-ip: without it clients elsewhere are "
			    "told an address that they may not reach; write "
			    "it to relay.advertise, or \"auto\", which finds "
			    "it on Azure and by a STUN server");
		return;
	}
	pair->note = n;
	i->pair_count++;
}

static void set_port(struct coturn_note *n, uint64_t number, uint16_t *out)
{
	if (number < 1 || number > UINT16_MAX) {
		coturn_value_refuse(n, "a port");
		return;
	}
	*out = (uint16_t)number;
	coturn_mapped(n, "relay.ports");
}

void coturn_judge_min_port(struct coturn_import *i, struct coturn_note *n,
			   uint64_t number)
{
	set_port(n, number, &i->port_min);
}

void coturn_judge_max_port(struct coturn_import *i, struct coturn_note *n,
			   uint64_t number)
{
	set_port(n, number, &i->port_max);
}

void coturn_judge_no_udp_relay(struct coturn_import *i, struct coturn_note *n,
			       uint64_t number)
{
	(void)number;
	coturn_unsupported(n, "relays are UDP, and only so");
	coturn_warn(i, n,
		    "no-udp-relay: coturn relayed no UDP here, turnpiked "
		    "relays nothing else");
}
