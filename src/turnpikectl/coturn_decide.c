/*
 * What follows from several keys of coturn's together, or from none.
 */
#include <string.h>

#include "base/opaque.h"
#include "conf/options.h"
#include "conf/report.h"
#include "turnpikectl/coturn_import.h"

#define PORT_DEFAULT 3478
#define PORT_MIN_DEFAULT 49152
#define PORT_MAX_DEFAULT 65535
#define HOST_FALLBACK "localhost"

static bool overlap(const struct addr *a, const struct addr *b)
{
	return a->port == b->port &&
	       (addr_same_ip(a, b) || addr_is_unspecified(a) ||
		addr_is_unspecified(b));
}

/* One socket for an address and port is enough. */
static void add_listener(struct coturn_import *i, const struct addr *a)
{
	for (size_t at = 0; at < i->listener_count; at++)
		if (overlap(&i->listeners[at], a))
			return;
	if (i->listener_count < COTURN_LISTENERS_MAX)
		i->listeners[i->listener_count++] = *a;
}

static void decide_listeners(struct coturn_import *i)
{
	const struct addr any = addr_ipv4(0, 0);
	const struct addr *addresses = i->address_count ? i->addresses : &any;
	size_t count = i->address_count ? i->address_count : 1;

	if (i->port == 0)
		i->port = PORT_DEFAULT;
	for (size_t at = 0; at < count; at++) {
		struct addr a = addr_with_port(&addresses[at], i->port);

		add_listener(i, &a);
	}
	for (size_t at = 0; at < i->socket_count; at++)
		add_listener(i, &i->sockets[at]);
}

static struct coturn_pair *pair_of(struct coturn_import *i,
				   const struct addr *private)
{
	for (size_t at = 0; at < i->pair_count; at++)
		if (addr_same_ip(&i->pairs[at].private, private))
			return &i->pairs[at];
	return NULL;
}

/* The pair of the relay's address, else one for every address, else any. */
static struct coturn_pair *choose_pair(struct coturn_import *i)
{
	static const struct addr none;
	struct coturn_pair *pair = NULL;

	if (i->relay.family != ADDR_NONE)
		pair = pair_of(i, &i->relay);
	if (!pair)
		pair = pair_of(i, &none);
	if (!pair && i->pair_count > 0 && i->relay.family == ADDR_NONE)
		pair = &i->pairs[0];
	return pair;
}

static void refuse_pair(struct coturn_import *i, struct coturn_pair *pair)
{
	coturn_unsupported(pair->note,
			   "there is one relay address and one advertised "
			   "address");
	coturn_warn(i, pair->note,
		    pair->private.family == ADDR_NONE
			    ? "external-ip is given again without /PRIVATE: "
			      "which address belongs to which is not said, "
			      "and one alone is taken over"
			    : "external-ip for another relay address: clients "
			      "are relayed through one address alone; run a "
			      "second turnpiked for this one");
}

static void decide_advertise(struct coturn_import *i)
{
	struct coturn_pair *chosen = choose_pair(i);
	char text[ADDR_TEXT_BYTES];

	for (size_t at = 0; at < i->pair_count; at++)
		if (&i->pairs[at] != chosen)
			refuse_pair(i, &i->pairs[at]);
	if (!chosen)
		return;
	i->advertise = chosen->advertised;
	if (i->relay.family == ADDR_NONE)
		i->relay = chosen->private;
	coturn_mapped(chosen->note, "relay.advertise = \"%s\"",
		      addr_print(&i->advertise, text));
}

/* coturn relays from the address that the client came to; we from one. */
static void decide_relay(struct coturn_import *i)
{
	char text[ADDR_TEXT_BYTES];

	decide_advertise(i);
	if (i->relay.family != ADDR_NONE || i->address_count == 1 ||
	    i->site.outward.family == ADDR_NONE)
		return;
	i->relay = i->site.outward;
	coturn_tell(i, NULL,
		    "relay.address is %s, this machine's address towards the "
		    "network: coturn relayed from whichever address a client "
		    "came to, turnpiked relays from one",
		    addr_print(&i->relay, text));
}

/* The larger part of the range beside a listener's port. */
static void leave_out(struct coturn_import *i, uint16_t port)
{
	if (port < i->port_min || port > i->port_max)
		return;
	if (port - i->port_min > i->port_max - port)
		i->port_max = (uint16_t)(port - 1);
	else
		i->port_min = (uint16_t)(port + 1);
	coturn_warn(i, NULL,
		    "the relay's ports had the listener's port %u among them; "
		    "they are now %u to %u",
		    port, i->port_min, i->port_max);
}

static void decide_ports(struct coturn_import *i)
{
	const uint16_t lowest = (uint16_t)options[OPT_RELAY_PORTS].min;

	if (i->port_min == 0)
		i->port_min = PORT_MIN_DEFAULT;
	if (i->port_max == 0)
		i->port_max = PORT_MAX_DEFAULT;
	if (i->port_min > i->port_max || i->port_max < lowest) {
		coturn_warn(i, NULL,
			    "min-port %u and max-port %u are no range that can "
			    "be used; the default is taken, %u to %u",
			    i->port_min, i->port_max, PORT_MIN_DEFAULT,
			    PORT_MAX_DEFAULT);
		i->port_min = PORT_MIN_DEFAULT;
		i->port_max = PORT_MAX_DEFAULT;
	}
	if (i->port_min < lowest) {
		coturn_warn(i, NULL, "relay ports begin at %u, not at %u",
			    lowest, i->port_min);
		i->port_min = lowest;
	}
	for (size_t at = 0; at < i->listener_count; at++)
		leave_out(i, i->listeners[at].port);
}

static bool is_realm(const char *text)
{
	char out[1024];

	return text && opaque_string(text, out, sizeof(out)) == 0;
}

static void decide_realm(struct coturn_import *i)
{
	char text[REPORT_QUOTE_BYTES];

	if (i->site.realm)
		i->realm = i->site.realm;
	if (i->realm)
		return;
	i->realm = is_realm(i->site.host) ? i->site.host : HOST_FALLBACK;
	coturn_warn(i, NULL,
		    "no realm: it is %s, this machine's name, now; coturn took "
		    "the domain of its machine, or none; --realm NAME says "
		    "which, and keys of users are good for that one only",
		    report_quote(bytes_str(i->realm), text));
}

static bool is_anonymous(const struct coturn_import *i)
{
	return !i->has_mechanism && !i->has_secrets && i->user_count == 0;
}

static void tell_of_sources(struct coturn_import *i)
{
	bool has_db = i->redis.is_given || i->has_other_db || i->has_userdb;

	if (i->has_secrets && i->secret_count == 0 && !i->redis.is_given)
		coturn_warn(i, NULL,
			    "use-auth-secret without static-auth-secret: "
			    "coturn's secrets are in its database; write them "
			    "to secrets, or nobody can log in");
	else if (i->has_mechanism && i->user_count == 0 && !i->has_secrets &&
		 !has_db)
		coturn_warn(i, NULL,
			    "lt-cred-mech without users: they are in coturn's "
			    "own SQLite file, mostly /var/lib/turn/turndb, "
			    "which is not read; its table turnusers_lt has "
			    "names, realms and keys: users with key_md5");
}

static void decide_users(struct coturn_import *i)
{
	if (is_anonymous(i))
		coturn_warn(i, NULL,
			    "coturn let everybody relay without a password: "
			    "turnpiked lets nobody in until there are users or "
			    "secrets");
	else if (i->no_auth)
		coturn_warn(i, NULL,
			    "no-auth: coturn may have let everybody relay "
			    "without a password; turnpiked never does");
	if (i->has_secrets && (i->has_mechanism || i->user_count > 0))
		coturn_warn(i, NULL,
			    "lt-cred-mech or users together with secrets: "
			    "coturn then takes the secrets alone and lets no "
			    "user in%s",
			    i->user_count > 0
				    ? "; the users are taken over with "
				      "disabled = \"on\""
				    : "");
	i->users_are_off = i->has_secrets;
	tell_of_sources(i);
}

static void decide_limits(struct coturn_import *i)
{
	if (i->has_bps_capacity && i->allocation_rate == 0)
		coturn_warn(i, NULL,
			    "bps-capacity without max-bps: coturn does not "
			    "hold it then; limits.total_rate is held");
	if ((i->secret_count > 0 || i->redis.is_given) && !i->nobody)
		coturn_tell(i, NULL,
			    "users of secrets and of Redis may have %u "
			    "sessions each and 64 for a source address, which "
			    "coturn has no limit for: see "
			    "limits.dynamic_allocations_per_source",
			    i->user_quota ? i->user_quota : 64);
	if (i->no_dynamic && i->redis.is_given)
		coturn_tell(i, NULL,
			    "limits and peer lists of realms that are in Redis "
			    "are read; coturn was told not to");
}

static void tell_of_transports(struct coturn_import *i)
{
	if (i->has_certificate && !i->no_tls)
		coturn_warn(i, NULL,
			    "coturn served TLS: turns: URLs, and those with "
			    "?transport=tcp, find nobody here yet; keep coturn "
			    "for clients that need them");
	else if (!i->no_tcp)
		coturn_tell(i, NULL,
			    "coturn served TCP as well: URLs with "
			    "?transport=tcp find nobody here yet");
}

static bool is_denied(const struct coturn_import *i, uint32_t ip)
{
	struct addr a = addr_ipv4(ip, 0);

	for (size_t at = 0; at < i->deny.count; at++)
		if (peer_rule_has_ip(&i->deny.items[at], &a))
			return true;
	return false;
}

/* Private networks are where conference servers are. */
static void tell_of_peers(struct coturn_import *i)
{
	if (is_denied(i, 0x0a000001) && is_denied(i, 0xac100001) &&
	    is_denied(i, 0xc0a80001))
		return;
	coturn_tell(i, NULL,
		    "coturn relayed to private addresses, too; turnpiked does "
		    "not: if clients talk to a conference server at such an "
		    "address, name it in peers.allow");
}

static void tell_of_logs(struct coturn_import *i)
{
	if (i->is_verbose && (i->user_count > 0 || i->secret_count > 0))
		coturn_warn(i, NULL,
			    "coturn was verbose: its log files tell who talked "
			    "to whom, and old versions wrote passwords; look "
			    "after them");
}

void coturn_decide(struct coturn_import *i)
{
	decide_listeners(i);
	decide_relay(i);
	decide_ports(i);
	decide_realm(i);
	decide_users(i);
	decide_limits(i);
	tell_of_transports(i);
	tell_of_peers(i);
	tell_of_logs(i);
}
