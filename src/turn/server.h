/*
 * A TURN server without I/O: bytes and time in, verdicts and actions out.
 *
 * One instance per worker thread. It owns the allocations of the clients that
 * reach this worker and shares only `struct turn_shared` with the others.
 * Nothing here blocks, allocates memory after turn_server_new(), reads a clock
 * or takes entropy: the same inputs with the same seed give the same outputs,
 * bit for bit.
 *
 * The data path is three functions that judge one datagram each and only read
 * and count: turn_from_client(), turn_from_peer(), turn_from_hairpin().
 * Everything else is control: an input, and actions to carry out.
 *
 * Implements RFC 8489 and RFC 8656 for clients and relays over UDP and IPv4.
 */
#ifndef TURNPIKE_TURN_SERVER_H
#define TURNPIKE_TURN_SERVER_H

#include "base/now.h"
#include "base/random.h"
#include "turn/action.h"
#include "turn/config.h"
#include "turn/counters.h"
#include "turn/holdings.h"
#include "turn/shared.h"
#include "turn/verdict.h"

struct turn_server;

/* One key of a user in both of its forms, RFC 8489 section 9.2.2. */
struct turn_keys {
	struct secret md5;    /* empty: there is none */
	struct secret sha256; /* empty: there is none */
};

/* What a user is granted of its own; 0: what the configuration says. */
struct turn_grant {
	uint32_t allocations_max;  /* at a time */
	uint32_t packets_max;      /* relayed per allocation, both ways */
	uint64_t rate_bytes_per_s; /* of all its allocations, each way */
};

/* More secrets than these are not tried for one user. */
#define TURN_KEYS_MAX 16

/* What a credential source says of a user. */
struct turn_user {
	enum turn_source source;
	bool disabled;    /* known, and not to be served */
	bool revocable;   /* sessions end when no source admits them any more */
	bool expiry_ends; /* sessions end when the credential does */
	int64_t expires_wall_s; /* the credential's end; 0: none */
	/*
	 * The name without these first bytes is whom limits are counted for:
	 * a time-limited name begins with its time.
	 */
	uint16_t account_at;
	struct turn_grant grant;
	uint8_t key_count;                    /* 1..TURN_KEYS_MAX */
	struct turn_keys keys[TURN_KEYS_MAX]; /* any of them is right */
};

enum turn_lookup {
	TURN_LOOKUP_FOUND,
	TURN_LOOKUP_UNKNOWN,     /* no source knows the user */
	TURN_LOOKUP_UNAVAILABLE, /* the source that should know can't answer */
};

/*
 * A server for worker number `worker`. `config` is copied. `shared` is
 * borrowed and must outlive the server. Returns 0 and the server, or -ENOMEM.
 */
int turn_server_new(struct turn_server **out, const struct turn_config *config,
		    struct turn_shared *shared, uint16_t worker,
		    const uint8_t seed[RANDOM_SEED_BYTES],
		    const struct now *now);

/*
 * Frees the server. Allocations that still live release their ports and
 * charges, without actions or log: end them first with turn_end_next().
 */
void turn_server_free(struct turn_server *s);

/* The server's counters, for the life of the server; see counters.h. */
struct counters *turn_counters(struct turn_server *s);

/* What its allocations hold on to, likewise; see holdings.h. */
const struct holdings *turn_holdings(const struct turn_server *s);

/*
 * Judges a datagram that a client sent to a listener: ChannelData and Send
 * indications are relayed here (RFC 8656 11.2, 12.6); a request is
 * VERDICT_CONTROL and goes to turn_message().
 */
void turn_from_client(struct turn_server *s, const struct now *now,
		      const struct datagram *in, struct verdict *out);

/*
 * Judges a datagram that arrived at an allocation's relay socket (RFC 8656
 * 11.3, 12.7). `allocation` may have ended meanwhile.
 */
void turn_from_peer(struct turn_server *s, const struct now *now,
		    struct ref allocation, const struct datagram *in,
		    struct verdict *out);

/*
 * Judges a datagram that another allocation of this process sends to this one
 * (VERDICT_HAIRPIN on the sender's worker). `in->source` is the verdict's
 * `from`, `in->data` the payload alone.
 */
void turn_from_hairpin(struct turn_server *s, const struct now *now,
		       struct ref allocation, const struct datagram *in,
		       struct verdict *out);

/* A message that turn_from_client() judged VERDICT_CONTROL. */
void turn_message(struct turn_server *s, const struct now *now,
		  const struct datagram *in, struct actions *out);

/*
 * The answer to ACTION_LOOKUP_KEY. `user` is read only for TURN_LOOKUP_FOUND;
 * the caller wipes it. For a lookup by USERHASH `name` is the user's name,
 * else it is ignored. An answer whose ticket no longer waits is ignored.
 */
void turn_key_ready(struct turn_server *s, const struct now *now,
		    struct ref ticket, enum turn_lookup result,
		    const struct turn_user *user, struct bytes name,
		    struct actions *out);

/*
 * The answer to ACTION_OPEN_RELAY: 0 or a negative errno. If the allocation
 * no longer waits for it, the answer is ACTION_CLOSE_RELAY.
 */
void turn_relay_opened(struct turn_server *s, const struct now *now,
		       struct ref allocation, int error, struct actions *out);

/*
 * Does one thing whose time has come (an expiry). Returns true if it did, and
 * there may be more: call, carry out the actions, and call again.
 */
bool turn_tick(struct turn_server *s, const struct now *now,
	       struct actions *out);

/* When turn_tick() should next be called, in mono_ms; UINT64_MAX: never. */
uint64_t turn_next_ms(const struct turn_server *s);

/*
 * Ends one living allocation, for shutdown. Returns false when none is left.
 */
bool turn_end_next(struct turn_server *s, const struct now *now,
		   enum turn_cause cause, struct actions *out);

/*
 * The next user with allocations here, whose sources may have changed their
 * mind. `*cursor` is 0 for the first; false: there is none left. `name` is
 * valid until an allocation ends.
 */
bool turn_next_user(const struct turn_server *s, uint32_t *cursor,
		    uint8_t *realm, struct bytes *name);

/* Whether the user has allocations here. */
bool turn_has_user(const struct turn_server *s, uint8_t realm,
		   struct bytes name);

/*
 * Compares the user's allocations with what its sources say now, and ends one
 * that they no longer admit: the user is gone or disabled, or has not the key
 * any more that the allocation was made with. Returns true if one was ended,
 * and there may be more. TURN_LOOKUP_UNAVAILABLE, when a source is away, ends
 * only what a list had admitted that has the user no more. `name` is no
 * view that turn_next_user() gave.
 */
bool turn_recheck(struct turn_server *s, const struct now *now, uint8_t realm,
		  struct bytes name, enum turn_lookup result,
		  const struct turn_user *user, struct actions *out);

/*
 * Ends an allocation whose relay socket cannot be used any more; nothing
 * happens if it has ended already.
 */
void turn_relay_lost(struct turn_server *s, const struct now *now,
		     struct ref allocation, struct actions *out);

/*
 * A listener came, changed, or went (in_use false) while the process runs. A
 * request through a listener that is not in use is not served. One that
 * lingers serves what is allocated already: nothing is allocated through it,
 * and Binding is for those alone who have an allocation there. A session keeps the
 * realm that it began in.
 */
void turn_set_listener(struct turn_server *s, uint16_t index,
		       const struct turn_listener *listener);

/*
 * New limits. Those that size the pools (allocations, permissions and channels
 * of each) are never more than what the server was made for. Bandwidth of
 * users and of the whole process changes at once, all else for what is
 * allocated, permitted and bound from now on.
 */
void turn_set_limits(struct turn_server *s, const struct turn_limits *limits);

/* What differs between realms has changed; the realm's name has not. */
void turn_set_realm(struct turn_server *s, uint8_t index,
		    const struct turn_realm *realm);

/*
 * Takes over what of a configuration can change while the server lives:
 * limits, what differs between realms, nonce keys, whether peers are logged,
 * the advertised address, the peer rules, whether it drains and where to it
 * sends clients then. The realms are the same ones in the same order.
 *
 * While a server drains, an Allocate request that authenticates and is in
 * order is answered 300 with an alternate, or 508 where there is none.
 * Everything else goes on: who has an allocation keeps it as long as it likes.
 */
void turn_reconfigure(struct turn_server *s, const struct turn_config *config);

/*
 * New peer rules. They apply to every packet from now on, also for
 * permissions and channels that exist.
 */
void turn_set_peers(struct turn_server *s, const struct peer_policy *peers);

#endif
