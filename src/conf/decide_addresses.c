#include "conf/decide.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static bool is_loopback(const struct addr *a)
{
	return addr_ipv4_value(a) >> 24 == 127;
}

bool decide_is_own_address(enum option_id id, const struct value *v,
			   struct report *report)
{
	uint32_t first = addr_ipv4_value(&v->as.addr) >> 24;
	char path[OPTION_TEXT_BYTES], text[ADDR_TEXT_BYTES];

	if (first > 0 && first < 224)
		return true;
	report_error(report, v->line,
		     "%s is %s; expected an address that a machine can have",
		     option_path(id, path), addr_print(&v->as.addr, text));
	return false;
}

bool decide_port(const char *text, uint16_t *out)
{
	unsigned long port;
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return false;
	port = strtoul(text, &end, 10);
	if (*end != '\0' || port < 1 || port > UINT16_MAX)
		return false;
	*out = (uint16_t)port;
	return true;
}

/* Whether a socket at one of them would be in the way of the other. */
static bool overlap(const struct addr *a, const struct addr *b)
{
	return a->port == b->port &&
	       (addr_same_ip(a, b) || addr_is_unspecified(a) ||
		addr_is_unspecified(b));
}

static void refuse_overlap(const struct conf *c, const struct conf_listener *l,
			   struct report *report)
{
	char own[ADDR_TEXT_BYTES], other[ADDR_TEXT_BYTES];

	for (size_t i = 0; i < c->listener_count; i++) {
		const struct conf_listener *o = &c->listeners[i];

		if (!overlap(&o->address, &l->address))
			continue;
		report_error(report, l->line,
			     "a listener at %s beside the one at %s (line "
			     "%u); expected one listener for each address "
			     "and port",
			     addr_print(&l->address, own),
			     addr_print(&o->address, other), o->line);
		return;
	}
}

static void decide_listener(struct conf *c, struct document_item *item,
			    struct report *report)
{
	struct value *address = document_value(item, OPT_LISTEN_ADDRESS);
	struct value *port = document_value(item, OPT_LISTEN_PORT);
	struct value *realm = document_value(item, OPT_LISTEN_REALM);
	struct conf_listener l = {
		.address = addr_with_port(&address->as.addr,
					  (uint16_t)port->as.number),
		.realm = decide_realm_of(c, realm, report),
		.line = item->line,
	};

	/* Where it is to listen is not known, so nothing follows from it. */
	if (address->is_wrong || port->is_wrong)
		return;
	if (!addr_is_unspecified(&l.address))
		decide_is_own_address(OPT_LISTEN_ADDRESS, address, report);
	refuse_overlap(c, &l, report);
	c->listeners[c->listener_count++] = l;
}

static size_t ipv4_count(const struct conf_machine *machine)
{
	size_t count = 0;

	for (size_t i = 0; i < machine->addr_count; i++)
		count += machine->addrs[i].family == ADDR_IPV4;
	return count;
}

/* A wildcard takes a place in the core for each address of the machine. */
static void check_places(const struct conf *c,
			 const struct conf_machine *machine,
			 struct report *report)
{
	size_t places = 0;

	for (size_t i = 0; i < c->listener_count; i++)
		places += addr_is_unspecified(&c->listeners[i].address)
				  ? ipv4_count(machine)
				  : 1;
	if (places > TURN_LISTENERS_MAX)
		report_error(report, c->document->lists[GROUP_LISTEN].line,
			     "the listeners have %zu addresses and ports; "
			     "expected at most %d",
			     places, TURN_LISTENERS_MAX);
}

void decide_listeners(struct conf *c, const struct conf_machine *machine,
		      struct report *report)
{
	struct document_list *list = &c->document->lists[GROUP_LISTEN];

	if (list->line > 0 && list->count == 0 && !list->is_wrong)
		report_error(report, list->line,
			     "listen is empty; expected a listener, such as "
			     "{ address = \"0.0.0.0\"; port = 3478; }");
	if (list->count > CONF_LISTENERS_MAX)
		report_error(report, list->line,
			     "listen has %zu listeners; expected at most %d",
			     list->count, CONF_LISTENERS_MAX);
	for (size_t i = 0; i < list->count && i < CONF_LISTENERS_MAX; i++)
		decide_listener(c, &list->items[i], report);
	check_places(c, machine, report);
}

/* Addresses without repetition. */
struct addr_set {
	struct addr items[PEER_POLICY_OWN_MAX + CONF_LISTENERS_MAX];
	size_t count;
};

static bool contains(const struct addr_set *set, const struct addr *a)
{
	for (size_t i = 0; i < set->count; i++)
		if (addr_same_ip(&set->items[i], a))
			return true;
	return false;
}

static void add(struct addr_set *set, const struct addr *a, bool loopback)
{
	if (a->family != ADDR_IPV4 || is_loopback(a) != loopback ||
	    contains(set, a))
		return;
	assert(set->count < sizeof(set->items) / sizeof(set->items[0]));
	set->items[set->count++] = addr_with_port(a, 0);
}

/* What clients can reach of us, loopback or the rest. */
static void collect(const struct conf *c, const struct conf_machine *machine,
		    bool loopback, struct addr_set *out)
{
	out->count = 0;
	for (size_t i = 0; i < c->listener_count; i++) {
		const struct addr *a = &c->listeners[i].address;

		if (!addr_is_unspecified(a)) {
			add(out, a, loopback);
			continue;
		}
		for (size_t j = 0; j < machine->addr_count; j++)
			add(out, &machine->addrs[j], loopback);
	}
}

/* More would not make the message any clearer. */
#define LISTED_MAX 16
#define LIST_BYTES (LISTED_MAX * (ADDR_TEXT_BYTES + 2))

/* "10.0.0.4, 10.0.0.5"; returns `out`. */
static const char *list_of(const struct addr_set *set, char out[LIST_BYTES])
{
	char text[ADDR_TEXT_BYTES];
	size_t used = 0;

	for (size_t i = 0; i < set->count && i < LISTED_MAX; i++)
		used += (size_t)snprintf(out + used, LIST_BYTES - used, "%s%s",
					 i > 0 ? ", " : "",
					 addr_print(&set->items[i], text));
	return out;
}

static void refuse_choice(const struct addr_set *set, struct report *report)
{
	char text[ADDR_TEXT_BYTES], list[LIST_BYTES];

	report_error(report, 0,
		     "no relay.address, and the listeners have several: %s%s; "
		     "expected relay = { address = \"%s\"; } or another of "
		     "them",
		     list_of(set, list), set->count > LISTED_MAX ? ", ..." : "",
		     addr_print(&set->items[0], text));
}

static bool has_wildcard(const struct conf *c)
{
	for (size_t i = 0; i < c->listener_count; i++)
		if (addr_is_unspecified(&c->listeners[i].address))
			return true;
	return false;
}

/* The listeners' single address: that of the network, else of loopback. */
static void default_relay(struct conf *c, const struct conf_machine *machine,
			  struct report *report)
{
	struct value *v = &c->document->values[OPT_RELAY_ADDRESS];
	struct addr_set set;
	bool loopback = false;

	collect(c, machine, false, &set);
	if (set.count == 0) {
		loopback = true;
		collect(c, machine, true, &set);
	}
	v->as.addr = set.count > 0 ? set.items[0] : addr_ipv4(0, 0);
	v->is_set = true;

	if (set.count > 1)
		refuse_choice(&set, report);
	else if (set.count == 0 && c->listener_count > 0)
		report_error(report, 0,
			     "this machine has no IPv4 address; expected "
			     "relay.address, or an interface that is up");
	c->relay_is_makeshift = loopback && has_wildcard(c);
	if (set.count == 1 && c->relay_is_makeshift)
		report_warning(report, 0,
			       "this machine has no address but loopback: "
			       "only clients on it can be served; bring the "
			       "network up and restart");
}

/* Says so now if the start would fail to bind it. */
static void check_is_here(const struct value *v,
			  const struct conf_machine *machine,
			  struct report *report)
{
	char text[ADDR_TEXT_BYTES];

	/* All of 127.0.0.0/8 can be bound, whatever the interface says. */
	if (is_loopback(&v->as.addr))
		return;
	for (size_t i = 0; i < machine->addr_count; i++)
		if (addr_same_ip(&machine->addrs[i], &v->as.addr))
			return;
	report_warning(report, v->line,
		       "relay.address %s is no address of this machine now; "
		       "the server will not start without it",
		       addr_print(&v->as.addr, text));
}

static void decide_relay_address(struct conf *c,
				 const struct conf_machine *machine,
				 struct report *report)
{
	struct value *v = &c->document->values[OPT_RELAY_ADDRESS];

	if (v->is_wrong)
		v->as.addr = addr_ipv4(0, 0);
	else if (!v->is_set)
		default_relay(c, machine, report);
	else if (decide_is_own_address(OPT_RELAY_ADDRESS, v, report))
		check_is_here(v, machine, report);
	c->turn.relay = v->as.addr;
}

/* A listener would take a port that some allocation is to have. */
static void refuse_in_range(const struct conf *c, struct report *report)
{
	const struct value_ports *ports =
		&c->document->values[OPT_RELAY_PORTS].as.ports;

	if (c->document->values[OPT_RELAY_PORTS].is_wrong)
		return;
	for (size_t i = 0; i < c->listener_count; i++) {
		const struct conf_listener *l = &c->listeners[i];

		if (l->address.port < ports->min ||
		    l->address.port > ports->max ||
		    (!addr_is_unspecified(&l->address) &&
		     !addr_same_ip(&l->address, &c->turn.relay)))
			continue;
		report_error(report, l->line,
			     "a listener at port %u of the relay address; "
			     "expected one outside relay.ports, [ %u, %u ]",
			     l->address.port, ports->min, ports->max);
	}
}

/* What the core needs to know of our relay addresses to judge peers. */
static void set_policy(struct conf *c)
{
	struct peer_policy *p = &c->turn.peers;
	const struct value_ports *ports =
		&c->document->values[OPT_RELAY_PORTS].as.ports;

	p->relay_ips[0] = c->turn.relay;
	p->relay_ip_count = 1;
	if (!addr_same_ip(&c->turn.relay, &c->turn.relay_advertise))
		p->relay_ips[p->relay_ip_count++] = c->turn.relay_advertise;
	p->relay_port_min = ports->min;
	p->relay_port_max = ports->max;
}

void decide_relay(struct conf *c, const struct conf_machine *machine,
		  struct report *report)
{
	decide_relay_address(c, machine, report);
	decide_advertise(c, machine, report);
	refuse_in_range(c, report);
	set_policy(c);
}
