#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "discovery/stun_ask.h"
#include "net/ifaddr.h"
#include "net/udp.h"
#include "turn/peer_policy.h"
#include "turnpikectl/doctor.h"
#include "turnpikectl/member.h"

#define PORTS_TRIED 16
#define PORT_BUFFER_BYTES 4096

/* --- listeners --- */

static void examine_listener(struct doctor *d, const struct addr *at)
{
	char text[ADDR_TEXT_BYTES];
	struct addr from = addr_with_port(at, 0), mapped;
	int error = stun_ask(at, &from, &mapped);

	addr_print(at, text);
	if (!error)
		doctor_find(d, FINDING_OK, "listener", NULL, NULL,
			    "the listener at udp %s answers", text);
	else
		doctor_find(d, FINDING_FAILED, "listener",
			    "no client gets an answer there",
			    "nft list ruleset shows the machine's firewall, "
			    "ss -lunp who has the port",
			    "the listener at udp %s does not answer: %s", text,
			    strerror(-error));
}

void doctor_listeners(struct doctor *d)
{
	const json_t *list = member_at(d->server, "listeners");
	const json_t *listener;
	struct addr at;

	for (size_t i = 0; (listener = json_array_get(list, i)); i++)
		if (doctor_listener(listener, &at))
			examine_listener(d, &at);
	if (d->server && json_array_size(list) == 0)
		doctor_find(d, FINDING_FAILED, "listener",
			    "there is nothing for clients to reach",
			    "give listen an address of this machine",
			    "there is no listener");
}

/* --- relay ports --- */

/* Whether a line of /proc/net/udp is of a socket in the relay's way. */
static bool is_in_the_way(const struct doctor *d, const char *line)
{
	unsigned ip, port;
	uint32_t relay;

	if (sscanf(line, " %*u: %8X:%X", &ip, &port) != 2)
		return false;
	/* The kernel prints the address as its memory has it. */
	memcpy(&relay, d->relay.ip, sizeof(relay));
	return (ip == relay || ip == 0) && port >= d->first_port &&
	       port <= d->last_port;
}

/* How many sockets of the machine hold a relay port. */
static unsigned sockets_in_range(const struct doctor *d)
{
	FILE *f = fopen("/proc/net/udp", "re");
	unsigned count = 0;
	char line[512];

	while (f && fgets(line, sizeof(line), f))
		count += is_in_the_way(d, line);
	if (f)
		fclose(f);
	return count;
}

/* Whether a port of the range can be bound: 0 or a negative errno. */
static int try_ports(struct doctor *d)
{
	uint32_t ports = (uint32_t)d->last_port - d->first_port + 1;
	int error = 0;

	for (int i = 0; i < PORTS_TRIED; i++) {
		struct addr at = addr_with_port(
			&d->relay, (uint16_t)(d->first_port +
					      random_below(&d->random, ports)));
		int fd = udp_open_relay(&at, PORT_BUFFER_BYTES);

		if (fd >= 0) {
			close(fd);
			return 0;
		}
		error = fd;
		if (error != -EADDRINUSE)
			break;
	}
	return error;
}

static void find_others_ports(struct doctor *d)
{
	unsigned used = (unsigned)member_number(d->server, "relay.ports_used");
	unsigned seen = sockets_in_range(d);

	if (!d->server || seen <= used)
		return;
	doctor_find(d, FINDING_WARNING, "relay-ports",
		    "each of them is an allocation less, and is tried in vain",
		    "ss -lunp shows whose they are; move relay.ports, or keep "
		    "them away by net.ipv4.ip_local_reserved_ports",
		    "%u ports of %u-%u belong to other programs", seen - used,
		    d->first_port, d->last_port);
}

/* "32768	60999"; false if it cannot be read. */
static bool read_local_range(unsigned *first, unsigned *last)
{
	FILE *f = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
	bool ok = f && fscanf(f, "%u %u", first, last) == 2;

	if (f)
		fclose(f);
	return ok;
}

/* Whether "A,B-C,..." covers all ports from first to last. */
static bool are_reserved(unsigned first, unsigned last)
{
	FILE *f = fopen("/proc/sys/net/ipv4/ip_local_reserved_ports", "re");
	unsigned from, to;
	bool covered = false;
	char after;

	while (f && !covered && fscanf(f, "%u", &from) == 1) {
		to = from;
		if (fscanf(f, "%c", &after) == 1 && after == '-' &&
		    fscanf(f, "%u%c", &to, &after) < 1)
			break;
		covered = from <= first && to >= last;
	}
	if (f)
		fclose(f);
	return covered;
}

static void find_shared_range(struct doctor *d)
{
	unsigned first, last;

	if (!read_local_range(&first, &last))
		return;
	if (first < d->first_port)
		first = d->first_port;
	if (last > d->last_port)
		last = d->last_port;
	if (first > last || are_reserved(first, last))
		return;
	doctor_find(d, FINDING_WARNING, "relay-ports",
		    "any program's outgoing packet may take a relay port, "
		    "which an allocation then lacks",
		    "sysctl -w net.ipv4.ip_local_reserved_ports=RANGE; the "
		    "package's /usr/lib/sysctl.d/60-turnpike.conf keeps it",
		    "the kernel hands out ports %u-%u, which are relay ports, "
		    "to others",
		    first, last);
}

void doctor_relay_ports(struct doctor *d)
{
	char text[ADDR_TEXT_BYTES];
	int error;

	if (d->relay.family != ADDR_IPV4 || d->first_port == 0)
		return;
	addr_print(&d->relay, text);
	error = try_ports(d);
	if (!error)
		doctor_find(d, FINDING_OK, "relay-ports", NULL, NULL,
			    "relay ports %s:%u-%u can be bound", text,
			    d->first_port, d->last_port);
	else
		doctor_find(d, FINDING_FAILED, "relay-ports",
			    "allocations are refused with 508",
			    error == -EADDRNOTAVAIL
				    ? "set relay.address to one of ip address"
				    : "widen relay.ports; ss -lunp shows who "
				      "has them",
			    "no relay port of %s:%u-%u can be bound: %s", text,
			    d->first_port, d->last_port, strerror(-error));
	find_others_ports(d);
	find_shared_range(d);
}

/* --- the advertised address --- */

static bool is_ours(const struct addr *ip)
{
	struct ifaddr_monitor monitor;
	bool found = false;

	if (ifaddr_open(&monitor))
		return false;
	for (unsigned i = 0; i < monitor.list.count; i++)
		found |= addr_same_ip(&monitor.list.items[i].ip, ip);
	ifaddr_close(&monitor);
	return found;
}

static void find_way_back(struct doctor *d, const char *text)
{
	struct addr to, mapped;

	if (!doctor_listener(
		    json_array_get(member_at(d->server, "listeners"), 0), &to))
		return;
	to = addr_with_port(&d->advertise, to.port);
	if (!stun_ask(&to, &d->relay, &mapped))
		doctor_find(d, FINDING_OK, "advertised", NULL, NULL,
			    "a packet sent to %s comes back to us", text);
	else
		doctor_find(d, FINDING_WARNING, "advertised",
			    "many clouds do not lead a machine's packets back "
			    "to itself, and nothing here needs it; but it "
			    "cannot be seen from here whether the world gets "
			    "through",
			    "try \"Test this server\" of the status page "
			    "(turnpikectl open) from outside",
			    "a packet sent to %s does not come back", text);
}

void doctor_advertised(struct doctor *d)
{
	char text[ADDR_TEXT_BYTES];

	if (d->advertise.family == ADDR_NONE)
		return;
	addr_print(&d->advertise, text);
	if (peer_is_special_purpose(&d->advertise))
		doctor_find(d, FINDING_WARNING, "advertised",
			    "clients elsewhere are told an address that they "
			    "cannot reach: their calls fail without an error",
			    "set relay.advertise to the public address, or to "
			    "\"auto\"",
			    "clients are told %s, which is no public address",
			    text);
	else
		doctor_find(d, FINDING_OK, "advertised", NULL, NULL,
			    "clients are told %s, a public address%s", text,
			    is_ours(&d->advertise) ? " of this machine"
						   : ", by a NAT before it");
	if (d->server && !is_ours(&d->advertise))
		find_way_back(d, text);
}
