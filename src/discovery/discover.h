/*
 * Finding the public address that leads to our relay address: each source is
 * asked in turn until one knows.
 *
 * The order: the relay address itself, if it is a public one; Azure's metadata
 * service, its two answers; the STUN servers that are configured. What a
 * source says is believed only if it is a public unicast address. Waits; for
 * programs that have nothing else to do.
 */
#ifndef TURNPIKE_DISCOVERY_DISCOVER_H
#define TURNPIKE_DISCOVERY_DISCOVER_H

#include "discovery/advertised.h"

#define DISCOVER_STUN_MAX 4
/* What one question to the metadata service may take. */
#define DISCOVER_HTTP_MS 2000

struct discover_config {
	struct addr relay;    /* as it is bound */
	struct addr metadata; /* the service's address and port */
	struct addr stun_servers[DISCOVER_STUN_MAX];
	unsigned stun_server_count;
	/* Told of each source that was asked, what came of it. */
	void (*tell)(void *arg, const char *source, const char *what);
	void *arg;
};

/*
 * Asks. Returns whether the address was found; all of `out` but the time is
 * set then. Several STUN servers that answer must all say the same.
 */
bool discover(const struct discover_config *config, struct advertised *out);

#endif
