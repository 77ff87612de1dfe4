/*
 * What the core is told when it is made: plain values, no files, no text to
 * interpret.
 */
#ifndef TURNPIKE_TURN_CONFIG_H
#define TURNPIKE_TURN_CONFIG_H

#include "base/hash.h"
#include "stun/attr.h"
#include "turn/nonce.h"
#include "turn/peer_policy.h"
#include "turn/rates.h"

#define TURN_REALMS_MAX PEER_POLICY_REALMS_MAX
#define TURN_LISTENERS_MAX 256
#define TURN_WORKERS_MAX 256
#define TURN_ALTERNATES_MAX 8

/* RFC 8656 sections 7.2, 9 and 12: lifetimes. */
#define TURN_LIFETIME_DEFAULT_S 600
#define TURN_LIFETIME_MAX_S 3600
#define TURN_PERMISSION_LIFETIME_S 300
#define TURN_CHANNEL_LIFETIME_S 600

/* A realm, with what differs between realms. */
struct turn_realm {
	char name[STUN_REALM_MAX_BYTES + 1]; /* prepared, NUL-terminated */
	/* What this realm's credential sources can do, decided by conf. */
	bool offer_sha256;   /* list SHA-256 and MD5; else MD5 is implied */
	bool offer_userhash; /* set the username-anonymity bit */
	/* Bytes per second of an allocation, each way; 0: as limits say. */
	uint64_t allocation_rate;
	/* What Redis says of the realm instead of the limits; 0: nothing. */
	uint32_t allocations_max; /* of all its users together */
	uint32_t allocations_per_user;
};

/* Where clients reach us: the server's half of the 5-tuple. */
struct turn_listener {
	bool in_use;
	struct addr local; /* never a wildcard */
	uint8_t realm;     /* index into realms */
	bool lingers;      /* for what is allocated already, and no more */
};

struct turn_limits {
	uint32_t allocations; /* in this process; sizes the pools */
	/* At a time; 0: no limit. Per user, and per source IP address. */
	uint32_t allocations_per_user;
	uint32_t allocations_per_source;
	/* The same for users that are not listed in a file. */
	uint32_t dynamic_allocations_per_user;
	uint32_t dynamic_allocations_per_source;
	uint16_t permissions_per_allocation;
	uint16_t channels_per_allocation;
	struct rates_limits rates;
	/* Peers that an allocation may begin to send to; burst 0: any. */
	struct bucket_rate peers;
};

struct turn_config {
	struct turn_realm realms[TURN_REALMS_MAX];
	uint8_t realm_count;
	struct turn_listener listeners[TURN_LISTENERS_MAX];
	struct addr relay; /* bound, port 0 */
	/*
	 * Told to clients from now on, port 0; one of peers.relay_ips. What
	 * was told before stays there while an allocation lives by it.
	 */
	struct addr relay_advertise;
	struct turn_limits limits;
	struct nonce_keys nonce;
	struct peer_policy peers;
	/* No allocations any more: who comes anew is sent elsewhere, if. */
	bool draining;
	struct addr alternates[TURN_ALTERNATES_MAX];
	uint8_t alternate_count;
	/* Each new peer of a session is logged. */
	bool log_peers;
	/* Some credential source answers later than within the call. */
	bool lookups_are_async;
	uint8_t worker_count;
};

#endif
