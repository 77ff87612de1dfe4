/*
 * The simulator: real cores under virtual time.
 *
 * world.c is the network, the clock and the executor: it carries datagrams
 * between clients, peers and servers with loss, duplication, delay and
 * reordering, pauses the clock, and answers (late, or with failure) what the
 * cores ask. actors.c plays the clients, well-behaved and not. The oracle
 * (model.h) knows what each request meant, predicts every answer and every
 * relayed byte from RFC 8656 and the project's decisions, and fails the run at
 * the first difference. Everything follows from one seed.
 */
#ifndef TURNPIKE_TESTS_SIM_H
#define TURNPIKE_TESTS_SIM_H

#include "turn/server.h"

#define SIM_WORKERS_MAX 3
#define SIM_USERS 6
#define SIM_PEERS_PER_REQUEST 12
#define SIM_PERMISSIONS 6 /* the configured limits */
#define SIM_CHANNELS 5
#define SIM_PEERS_KNOWN 64
#define SIM_PAYLOAD_MAX 1300 /* where bandwidth is limited */
#define SIM_ALLOCATIONS_MAX 512
#define SIM_RESERVATIONS_MAX 1024
#define SIM_BASE_REALM "sim.example"
#define SIM_OTHER_REALM "other.example"

/* What a datagram's maker knows about it, so that the oracle need not guess. */
enum sim_credentials {
	CREDENTIALS_NONE,
	CREDENTIALS_GOOD,
	CREDENTIALS_WRONG_PASSWORD,
	CREDENTIALS_UNKNOWN_USER,
	CREDENTIALS_WRONG_REALM,
	CREDENTIALS_NO_NONCE,
	CREDENTIALS_BID_DOWN, /* PASSWORD-ALGORITHMS taken out on the path */
	CREDENTIALS_KINDS,
};

struct intent {
	bool is_request;
	uint16_t method;
	enum sim_credentials credentials;
	uint8_t user;     /* index into sim_users */
	uint8_t stranger; /* which unknown user */
	bool sha256;      /* key and integrity by SHA-256 */
	bool by_hash;
	bool foreign_nonce; /* made up, or for another address */
	int64_t nonce_wall_s;
	bool unknown_attr;
	bool fingerprint;
	bool malformed_attr; /* one of the method's own has a wrong length */

	/* The method's arguments, as sent. */
	int transport;    /* -1: absent */
	int64_t lifetime; /* -1: absent */
	int family;       /* -1: absent */
	int additional;   /* -1: absent */
	int even;         /* -1: absent, 0, 1: with R */
	bool has_token;
	uint8_t token[8];
	uint16_t number; /* 0: absent */
	unsigned peer_count;
	struct addr peers[SIM_PEERS_PER_REQUEST];
};

struct packet {
	struct addr from;
	uint16_t listener;
	uint8_t tos;
	uint8_t id[12];
	struct intent intent;
	size_t len;
	uint8_t bytes[]; /* len */
};

/* --- counted happenings; none may be zero after a whole run ------------- */

/* clang-format off */
#define SIM_EVENTS(X) \
	X(ALLOCATED) \
	X(RETRANSMITTED_ALLOCATE) \
	X(TOKEN_GIVEN) \
	X(TOKEN_REDEEMED) \
	X(TOKEN_REDEEMED_ELSEWHERE) \
	X(TOKEN_REFUSED) \
	X(REFRESHED) \
	X(DELETED) \
	X(EXPIRED) \
	X(EXPIRED_BEFORE_TICK) \
	X(PERMITTED) \
	X(BOUND) \
	X(SENT_CHANNEL) \
	X(SENT_INDICATION) \
	X(GOT_CHANNEL) \
	X(GOT_INDICATION) \
	X(HAIRPIN_SAME_WORKER) \
	X(HAIRPIN_OTHER_WORKER) \
	X(HAIRPIN_ADVERTISED) \
	X(PERMISSION_LAPSED) \
	X(CHANNEL_LAPSED) \
	X(RULES_CHANGED) \
	X(RULES_STOPPED_FLOW) \
	X(LOOKUP_LATE) \
	X(LOOKUP_UNAVAILABLE) \
	X(LOOKUP_JOINED) \
	X(LOOKUP_TIMED_OUT) \
	X(RELAY_LATE) \
	X(RELAY_RETRIED) \
	X(RELAY_FAILED) \
	X(FULL_RANGE) \
	X(CLOCK_PAUSED) \
	X(LOST) \
	X(DUPLICATED) \
	X(REORDERED) \
	X(NAT_REBOUND) \
	X(IPV6_PARTIAL) \
	X(SHA256) \
	X(USERHASH) \
	X(NONCE_REUSED_LATE) \
	X(DEEP_RETRANSMISSION) \
	X(FLOODED) \
	X(ANSWER_REFUSED) \
	X(ANSWERED_IN_A_FLOOD) \
	X(GUESSED) \
	X(GUESS_THROTTLED) \
	X(GUESS_NEEDS_NONCE) \
	X(SHUTDOWN_ENDED) \
	X(RUSHED) \
	X(HELD_ALLOCATION_RATE) \
	X(HELD_USER_RATE) \
	X(HELD_TOTAL_RATE) \
	X(LIMIT_LOGGED) \
	X(SOURCE_FULL) \
	X(REALM_FULL) \
	X(LIMITS_CHANGED) \
	X(REVOKED) \
	X(REVOKED_OPENING) \
	X(RECHECK_ENDED_NOTHING) \
	X(RECHECK_UNAVAILABLE) \
	X(ADMITTED_AGAIN) \
	X(CREDENTIAL_REFUSED) \
	X(CREDENTIAL_ENDED) \
	X(KILLED) \
	X(ANOTHER_ADVERTISED) \
	X(TOLD_BEFORE) \
	X(DRAIN_BEGUN) \
	X(DRAIN_ENDED) \
	X(REDIRECTED) \
	X(DRAINED_FULL) \
	X(REFRESHED_IN_A_DRAIN)
/* clang-format on */

enum sim_event {
#define X(name) SIM_##name,
	SIM_EVENTS(X)
#undef X
		SIM_EVENT_COUNT
};

/* STUN error codes are below 700. */
#define SIM_CODES 400

struct sim_stats {
	uint64_t events[SIM_EVENT_COUNT];
	uint64_t codes[SIM_CODES]; /* by code - 300 */
	uint64_t drops[DROP_REASON_COUNT];
	uint64_t steps;
	uint64_t simulated_ms;
};

/* --- the oracle's own state --------------------------------------------- */

struct model_permission {
	bool in_use;
	struct addr ip;    /* canonical, port 0 */
	struct addr named; /* the advertised form, named last; or none */
	uint64_t expires_ms;
};

struct model_channel {
	bool in_use;
	uint16_t number;
	struct addr peer; /* canonical */
	uint64_t expires_ms;
};

/* Bandwidth as a leaky bucket sees it, see limits.c. */
struct sim_meter {
	double level;
	uint64_t at_ms;
	/* Since when it was not empty, beginning with a refusal. */
	bool is_busy;
	uint64_t busy_since_ms;
	double passed;
};

/* A peer that was sent to without a channel. */
struct model_peer {
	struct addr addr;
	uint64_t last_ms;
};

struct model_allocation {
	bool in_use;
	bool opening;
	uint16_t worker;
	struct ref ref;
	struct addr client;
	struct addr told; /* the address that was advertised at its begin */
	uint16_t listener;
	uint8_t user;
	uint16_t port;
	bool pair; /* wants PORTS_EVEN_PAIR */
	uint64_t expires_ms;
	uint64_t ends_ms; /* with its credential; UINT64_MAX: it does not */
	bool is_source_charged;
	uint64_t lifetime_s;
	bool sha256;
	uint8_t id[12];
	struct intent intent;
	bool has_token;
	uint8_t token[8];
	bool replied;
	unsigned tries;
	struct model_permission permissions[SIM_PERMISSIONS];
	struct model_channel channels[SIM_CHANNELS];
	struct sim_meter meters[RATE_WAYS];
	struct model_peer peers[SIM_PEERS_KNOWN];
	double peers_left; /* that it may begin to send to */
	uint64_t peers_at_ms;
};

struct model_reservation {
	bool in_use;
	uint8_t token[8];
	uint16_t port;
	uint8_t user;
	uint16_t worker;
	uint64_t expires_ms;
};

struct sim_user {
	const char *name;
	const char *password;
	uint8_t realm;
	bool has_sha256;
};

extern const struct sim_user sim_users[SIM_USERS];

/* What may be advertised, without port; the first one is at the beginning. */
#define SIM_ADVERTISED 3u
extern const struct addr sim_advertised[SIM_ADVERTISED];

/* What the source says of a user for a while, beside the truth of old. */
enum sim_access {
	ACCESS_GRANTED,
	ACCESS_GONE,
	ACCESS_DISABLED,
	ACCESS_OTHER_KEY, /* one that no client knows */
	ACCESS_KINDS,
};

/* One outstanding question of a core. */
struct waiting {
	bool in_use;
	uint16_t worker;
	struct ref ticket;
	uint64_t since_ms;
	struct packet *packet;
};

#define SIM_WAITING_MAX 2048

/* What was sent to a /24 that had shown no nonce of ours. */
#define SIM_PREFIXES 8
#define SIM_DEBITS 16
#define SIM_BUDGET_EVENTS 16384

struct model_debit {
	uint64_t second;
	unsigned bytes;
};

struct model_sent {
	uint64_t at_ms;
	int64_t before; /* sent less received, until then */
};

struct model_prefix {
	bool in_use;
	uint8_t ip[3];
	unsigned credit;
	struct model_debit debits[SIM_DEBITS];
	int64_t sent; /* less received */
	uint64_t count;
	struct model_sent events[SIM_BUDGET_EVENTS];
};

/* How often a source was wrong, in the name of somebody or in all. */
#define SIM_BUCKETS 2048
#define SIM_NAME_BYTES 32

struct model_bucket {
	struct addr ip;
	bool proven;
	size_t name_bytes; /* 0: in all */
	uint8_t name[SIM_NAME_BYTES];
	uint64_t owed_ms; /* what the refill takes that it needs */
	uint64_t at_ms;
};

struct world;

struct model {
	struct world *world;
	struct model_allocation allocations[SIM_ALLOCATIONS_MAX];
	struct model_reservation reservations[SIM_RESERVATIONS_MAX];
	struct waiting waiting[SIM_WAITING_MAX];
	struct model_prefix prefixes[SIM_PREFIXES];
	uint64_t refused[SIM_WORKERS_MAX]; /* answers, by the budget */
	struct model_bucket buckets[SIM_BUCKETS];
	unsigned bucket_count;
	uint64_t throttled[SIM_WORKERS_MAX];
	struct sim_meter user_meters[SIM_USERS][RATE_WAYS];
	struct sim_meter total_meters[RATE_WAYS];
	struct addr denied;    /* the rule that was added, a /24; or none */
	uint32_t denied_ports; /* from this one on; 0: all */
	bool is_dry_run;       /* the rule is let through */
};

/* --- the world ------------------------------------------------------------ */

struct event;

struct world {
	uint64_t seed;
	uint64_t rng;
	bool verbose;
	struct now now;
	struct sim_stats *stats;
	struct model model;

	struct turn_config config;
	struct turn_shared shared;
	struct turn_server *servers[SIM_WORKERS_MAX];
	uint16_t workers;
	uint64_t tick_at_ms[SIM_WORKERS_MAX];
	struct crypto *crypto;
	struct random nonces; /* only to make keys that are nobody's */

	/* How bad the world is, drawn per seed, in 1/1000. */
	unsigned loss, duplication, reordering;
	unsigned late_lookups, failed_lookups, lost_lookups;
	unsigned late_relays, failed_relays;
	bool pausing;                  /* the clock stops now and then */
	bool flooded;                  /* by strangers, for a while */
	bool is_limited;               /* some send more than they may */
	unsigned rushes_left;          /* to be begun */
	uint64_t own_rates[SIM_USERS]; /* of users; 0: the limits' */

	/* Who may come in, see access.c. */
	bool is_restless;        /* users come and go */
	enum turn_source source; /* of all users */
	bool is_revocable;
	bool expiry_ends;
	int64_t credential_s; /* each credential's time; 0: for ever */
	enum sim_access access[SIM_USERS];
	bool was_away[SIM_USERS];

	struct actor *actors;
	unsigned actor_count;
	uint64_t end_ms;

	struct event *heap;
	unsigned heap_count, heap_size;
	uint64_t sequence;
};

/* The next number of the seed's sequence; one evenly spread below `n`; true
 * `permille` times in a thousand. */
uint64_t sim_random(struct world *w);
unsigned sim_below(struct world *w, unsigned n);
bool sim_chance(struct world *w, unsigned permille);

void sim_count(struct world *w, enum sim_event event);

/* Ends the run: prints what was wrong, with seed and time. */
_Noreturn void sim_fail(const struct world *w, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Runs one seed; whatever is wrong ends the process. */
void world_run(uint64_t seed, struct sim_stats *stats, bool verbose);

/* A client's datagram sets out for the server (copied). */
void world_send(struct world *w, const struct packet *p);

/* A peer's datagram sets out for a relayed address. */
void world_send_peer(struct world *w, const struct addr *peer, uint16_t port,
		     const uint8_t *data, size_t len);

/* Wakes the actor after so long: for good, or to do one thing. */
void world_wake(struct world *w, unsigned actor, uint64_t after_ms);
void world_wake_once(struct world *w, unsigned actor, uint64_t after_ms);

/* The worker that a client's datagrams reach. */
uint16_t world_worker_of(const struct world *w, const struct addr *client);

/* --- access.c -------------------------------------------------------------- */

/* Draws how users are admitted in this world. */
void access_draw(struct world *w);
/* What the source says of a user who gave its name. */
enum turn_lookup access_find(struct world *w, uint8_t user,
			     struct turn_user *found);
/* Whether the user is refused now that its source has been asked. */
bool access_is_refused(const struct world *w, uint8_t user);
/* When a session of the user that begins now ends for its credential. */
uint64_t access_ends_ms(const struct world *w);
/* A user goes away or comes back, and every worker is told. Returns whether
 * it went. */
bool access_change(struct world *w, uint8_t user);

/* --- operator.c ------------------------------------------------------------ */

/* Compares a worker's list of sessions with the oracle's, and ends one. */
void operator_look(struct world *w);
/* New clients are sent elsewhere from now on, or are taken again. */
void operator_drain(struct world *w);
/* Advertises one of sim_advertised from now on. */
void operator_advertise(struct world *w);

/* --- actors.c -------------------------------------------------------------- */

void actors_init(struct world *w);
void actors_free(struct world *w);
/* Does something and asks to be woken again; or does one thing. */
void actor_wake(struct world *w, unsigned actor);
void actor_act(struct world *w, unsigned actor);
/* Many requests at once of many senders who say nothing of themselves. */
void actors_flood(struct world *w);
/* A datagram that the server sent at `sent_wall_s` reached whoever has that
 * address now. */
void actors_receive(struct world *w, const struct addr *to, uint16_t listener,
		    int64_t sent_wall_s, const uint8_t *data, size_t len);

/* --- model.c ---------------------------------------------------------------- */

/* The key a user's password makes; the oracle's own computation. */
size_t model_key(struct world *w, const struct sim_user *user,
		 const char *password, bool sha256, uint8_t key[32]);

/* Checks the verdict on a datagram from a client, and counts. */
void model_from_client(struct world *w, uint16_t worker, const struct packet *p,
		       const struct verdict *v);

/* The same for one that reached a relayed port, from a peer or by hairpin. */
void model_from_peer(struct world *w, uint16_t worker, struct ref allocation,
		     const struct addr *source, const uint8_t *data, size_t len,
		     uint8_t tos, const struct verdict *v);

/*
 * Checks the actions that a message from a client caused: `looked_up` says
 * that they follow an answered lookup.
 */
void model_message(struct world *w, uint16_t worker, const struct packet *p,
		   bool looked_up, enum turn_lookup result,
		   const struct actions *out);

/* Checks the actions that an answer about a relay socket caused. */
void model_relay(struct world *w, uint16_t worker, struct ref allocation,
		 int error, const struct actions *out);

/* Checks the actions of a tick, and that nothing outlived its time. */
void model_tick(struct world *w, uint16_t worker, const struct actions *out);
void model_ticked(struct world *w, uint16_t worker);

/*
 * Checks what one turn_recheck() did (`ended`: it returned true), and that no
 * session is left that is not admitted when it was the last.
 */
void model_recheck(struct world *w, uint16_t worker, uint8_t user,
		   enum turn_lookup result, bool ended,
		   const struct actions *out);

/* Compares the counted drops with what was expected to be dropped. */
void model_dropped(struct world *w, uint16_t worker);

/* Compares ports and charges with the cores' shared arrays. */
void model_conserved(struct world *w);

struct model_allocation *model_by_ref(struct world *w, uint16_t worker,
				      struct ref ref);
struct model_allocation *model_by_port(struct world *w, uint16_t port);
struct model_allocation *
model_by_client(struct world *w, const struct addr *client, uint16_t listener);

#endif
