/*
 * The flow table: who may send what to whom, and the verdict on each packet.
 *
 * Three pools of plain records and four indexes over them. The core's control
 * side writes them (allocation.h, permission.h, channel.h); the verdict
 * functions only read, and count: packets, bytes, and what limits are of. Records hold no pointers, so the same table
 * can be executed elsewhere, for instance by a program in the kernel.
 *
 * Peers are kept in one form only (peer_policy_canonical): a relayed address
 * of ours has its bound address here, whichever the client named.
 */
#ifndef TURNPIKE_TURN_FLOW_H
#define TURNPIKE_TURN_FLOW_H

#include "base/hash.h"
#include "base/map.h"
#include "base/now.h"
#include "base/timer.h"
#include "stun/attr.h"
#include "turn/counters.h"
#include "turn/datagram.h"
#include "turn/peer_policy.h"
#include "turn/peer_seen.h"
#include "turn/ports.h"
#include "turn/rates.h"
#include "turn/user.h"
#include "turn/verdict.h"

enum allocation_state {
	ALLOCATION_OPENING, /* its relay socket is being opened */
	ALLOCATION_LIVE,
};

/* Whom an allocation is charged to; see admission.h. */
struct charges {
	uint64_t user;   /* identity in shared.quota */
	uint64_t source; /* identity in shared.sources; 0: not charged */
};

/* One allocation, RFC 8656 section 6; see allocation.h. */
struct allocation {
	/* Read and counted on the data path. */
	struct map_link by_client;
	struct addr client; /* with `listener`, the 5-tuple */
	uint16_t listener;
	uint16_t relay_port;
	uint8_t state; /* enum allocation_state */
	uint8_t realm;
	uint16_t permission_count;
	uint16_t channel_count;
	uint32_t first_permission; /* list through permission.next */
	uint32_t first_channel;    /* list through channel.next */
	uint32_t packets_max;      /* relayed both ways; 0: any number */
	uint32_t user;             /* index of the interned user */
	bool limited;              /* by packets_max, or by its own rate */
	uint8_t noticed;           /* limits told of lately, by reason */
	uint32_t noticed_s;        /* since when */
	struct rates_allocation rates;
	uint64_t peers; /* bucket of peers it begins to send to */
	uint64_t expires_ms;
	uint64_t to_peer_packets;
	uint64_t to_peer_bytes;
	uint64_t to_client_packets;
	uint64_t to_client_bytes;

	/* Control only. */
	struct timer_link timer; /* its own expiry or a member's */
	uint64_t began_ms;
	int64_t began_wall_s;
	uint64_t ends_ms; /* the credential's end; UINT64_MAX: none */
	struct charges charges;
	uint32_t user_next;  /* the user's other allocations, a list */
	uint32_t user_prev;  /* POOL_NONE at the ends */
	uint32_t key;        /* index of the key */
	uint32_t lifetime_s; /* as the Allocate response told it */
	uint8_t transaction_id[STUN_TRANSACTION_ID_BYTES];
	uint8_t token[PORTS_TOKEN_BYTES]; /* of its reservation */
	uint8_t want;                     /* enum ports_want of the request */
	uint8_t ports_tried;
	bool from_token;      /* its port was reserved before */
	bool has_token;       /* it reserved the next port */
	bool told_ipv6_error; /* ADDITIONAL-ADDRESS-FAMILY was asked for */
	bool sign_sha256;     /* the Allocate response's integrity */
	bool fingerprint;     /* the Allocate request carried one */
	bool revocable;       /* ends when no source admits the user */
	uint8_t source;       /* enum turn_source that admitted the user */
	uint16_t account_at;  /* of the user's name, see turn_user */
	uint8_t told;         /* its relay address, in peers.relay_ips */
};

/* One permitted peer address of one allocation, RFC 8656 section 9. */
struct permission {
	struct map_link by_ip; /* (allocation, address) */
	struct addr ip;        /* port 0 */
	uint32_t allocation;
	uint32_t next;
	uint32_t rules;  /* generation of the peer rules it was judged by */
	uint8_t verdict; /* enum peer_verdict by those rules */
	bool any_port;   /* which is that for a packet to any port, too */
	uint8_t port_verdict; /* else this is, to the port that is next */
	uint8_t named; /* an advertised address, in peers.relay_ips; 0: none */
	uint16_t port; /* last asked about; 0: none */
	uint16_t channels; /* channels that depend on it */
	uint64_t expires_ms;
};

/* One channel of one allocation, RFC 8656 section 12. */
struct channel {
	struct map_link by_number; /* (allocation, number) */
	struct map_link by_peer;   /* (allocation, peer) */
	struct addr peer;
	uint32_t allocation;
	uint32_t next;
	uint32_t permission; /* index; lives at least as long */
	uint32_t rules;      /* as in struct permission */
	uint16_t number;
	uint8_t verdict; /* enum peer_verdict by those rules */
	uint64_t expires_ms;
};

/* A packet that only a dry run of the peer rules let through, to be told. */
struct flow_dry {
	bool is_set;
	struct ref allocation;
	struct addr peer;
};

/* A limit that a datagram did not fit, to be told to the log. */
struct flow_notice {
	struct ref allocation;
	enum drop_reason reason;
	uint64_t since_ms;
};

#define FLOW_NOTICES_MAX 8

struct flow_table {
	struct pool allocations;
	struct pool permissions;
	struct pool channels;
	struct map by_client;
	struct map by_ip;
	struct map by_number;
	struct map by_peer;
	struct hash_key key;
	uint64_t indications;      /* Data indications so far, for their ids */
	uint32_t last_client;      /* allocation of the last datagram, a hint */
	struct flow_dry dry;       /* see turn/dry_run.h */
	struct counters *counters; /* borrowed */
	const struct ports *ports; /* borrowed; the hairpin directory */
	const struct peer_policy *peers; /* borrowed */
	struct rates rates;
	struct users *users; /* borrowed; NULL only while rates has no limit */
	struct bucket_rate new_peers; /* of an allocation; burst 0: any */
	struct peer_seen seen;
	struct flow_notice notices[FLOW_NOTICES_MAX];
	unsigned notice_count;
};

/*
 * An empty table for `allocations` allocations of at most so many permissions
 * and channels each. The pointers are kept. Returns 0, or -ENOMEM with nothing
 * held.
 */
int flow_init(struct flow_table *t, uint32_t allocations,
	      uint16_t permissions_each, uint16_t channels_each,
	      const struct hash_key *key, struct counters *counters,
	      const struct ports *ports, const struct peer_policy *peers);
void flow_fini(struct flow_table *t);

/* The records' keys as the indexes hash them. */
uint32_t flow_hash_client(const struct flow_table *t, const struct addr *client,
			  uint16_t listener);
uint32_t flow_hash_peer(const struct flow_table *t, uint32_t allocation,
			const struct addr *peer);
uint32_t flow_hash_number(const struct flow_table *t, uint32_t allocation,
			  uint16_t number);

/* The record with that key, or POOL_NONE; expired ones are found as well. */
uint32_t flow_find_client(struct flow_table *t, const struct addr *client,
			  uint16_t listener);
uint32_t flow_find_permission(const struct flow_table *t, uint32_t allocation,
			      const struct addr *ip);
uint32_t flow_find_channel(const struct flow_table *t, uint32_t allocation,
			   uint16_t number);
uint32_t flow_find_channel_to(const struct flow_table *t, uint32_t allocation,
			      const struct addr *peer);

/*
 * Whether the allocation may begin to send to that peer, if it does: false if
 * it has begun with too many. `peer` is in our records' form.
 */
bool flow_take_peer(struct flow_table *t, const struct now *now,
		    uint32_t allocation, const struct addr *peer);

/*
 * Remembers that an allocation came upon a limit, for flow_next_notice(): for
 * each allocation and reason once an interval, as far as there is room.
 */
void flow_notice(struct flow_table *t, const struct now *now,
		 uint32_t allocation, enum drop_reason reason);

/* The oldest notice, which is forgotten; false if there is none. */
bool flow_next_notice(struct flow_table *t, struct flow_notice *out);

/* The verdicts; see turn/server.h. */
void flow_from_client(struct flow_table *t, const struct now *now,
		      const struct datagram *in, struct verdict *out);
void flow_from_peer(struct flow_table *t, const struct now *now,
		    struct ref allocation, const struct datagram *in,
		    struct verdict *out);

#endif
