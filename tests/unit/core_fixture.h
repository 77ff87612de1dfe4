/*
 * A core to talk to: one server without I/O, two realms, three users, and a
 * client's half of the protocol. What the server asks of the outside (keys,
 * sockets) is answered within the call unless a test says otherwise.
 *
 * Addresses: the server listens on 198.51.100.1:3478 (listener 0, realm
 * "example.org") and 198.51.100.1:3479 (listener 1, realm "example.net"),
 * relays from 10.0.0.4 and advertises 20.202.255.255, ports 50000 to 50009.
 */
#ifndef TURNPIKE_TESTS_CORE_FIXTURE_H
#define TURNPIKE_TESTS_CORE_FIXTURE_H

#include "stun/builder.h"
#include "stun/channel_data.h"
#include "stun/integrity.h"
#include "stun/message.h"
#include "turn/core.h"
#include "unit.h"

#define CORE_REALM "example.org"
#define CORE_OTHER_REALM "example.net"
#define CORE_PORT_MIN 50000
#define CORE_PORT_MAX 50009

struct core {
	struct turn_config config;       /* change it before core_start() */
	uint8_t seed[RANDOM_SEED_BYTES]; /* likewise */
	struct turn_shared own_shared;
	struct turn_shared *shared; /* own_shared, or another worker's */
	struct turn_server *server;
	struct crypto *crypto;
	struct now now;

	/* How the outside answers. */
	bool hold_lookups;     /* the test calls core_answer_lookup() */
	bool hold_relays;      /* the test calls core_answer_relay() */
	bool unavailable;      /* the credential source is */
	int relay_errors[32];  /* for the n-th socket opened; 0: fine */
	struct turn_user user; /* in answers, but for the keys */
	unsigned relays_asked;
	unsigned relays_closed;
	unsigned lookups_asked;
	struct ref last_relay;  /* of the last ACTION_OPEN_RELAY */
	struct ref last_closed; /* of the last ACTION_CLOSE_RELAY */
	uint16_t last_port;
	struct ref last_ticket; /* of the last ACTION_LOOKUP_KEY */
	uint8_t last_realm;
	bool last_by_hash;
	uint8_t last_name[STUN_USERNAME_MAX_BYTES];
	size_t last_name_bytes;

	/* What came out of the last input. */
	struct actions out;
	unsigned replies;
	uint8_t reply_bytes[2048];
	struct stun_message reply; /* of the last ACTION_REPLY */
	struct addr reply_to;
	uint16_t reply_listener;
	unsigned logs;         /* since core_init() */
	struct log_record log; /* the last one */
	unsigned began, ended; /* sessions, since core_init() */
	struct ref last_began;
	struct action_ended last_ended;
	unsigned refusals;      /* since core_init() */
	struct refusal refusal; /* the last one */

	/* What the data path said last, and the datagram it said it of. */
	struct verdict verdict;
	struct bytes judged;
	uint8_t judged_bytes[DATAGRAM_MAX_BYTES + 1];
};

/* A configuration and an empty world; change c->config, then start. */
void core_init(struct core *c);
void core_start(struct core *c);
/* init and start in one. */
void core_setup(struct core *c);
/* The same as another worker of the process that `first` began. */
void core_start_worker(struct core *c, uint16_t worker, struct core *first);
/* Frees everything; asserts that no port and no charge was lost. */
void core_teardown(struct core *c);
/* Ends a worker that core_start_worker() began. */
void core_teardown_worker(struct core *c);
/* Starts anew with what c->config says now; the clock goes on. */
void core_restart(struct core *c);
/* Asserts that nothing is held: no allocation, reservation, port, charge. */
void core_expect_empty(const struct core *c);

/* 192.0.2.`host`:`port`, a client; 203.0.113... is special, so peers are
 * 8.8.8.`host`. */
struct addr core_client(uint8_t host, uint16_t port);
struct addr core_peer(uint8_t host, uint16_t port);

/* The credentials a request is signed with. */
struct core_user {
	const char *name;
	const char *realm;
	const char *password;
	enum stun_algorithm algorithm;
	bool name_attributes; /* PASSWORD-ALGORITHM and -ALGORITHMS */
	bool by_hash;         /* USERHASH instead of USERNAME */
};

/* Known to the source: alice and bob in the first realm (bob with an MD5 key
 * only), alice with another password in the second. */
extern const struct core_user core_alice;
extern const struct core_user core_alice_sha256;
extern const struct core_user core_alice_by_hash;
extern const struct core_user core_bob;
extern const struct core_user core_alice_elsewhere;
/* Not known: alice with a wrong password, and somebody else, whose name is as
 * long as hers. */
extern const struct core_user core_liar;
extern const struct core_user core_nobody;

/* What of a request's credentials is left out. */
enum core_omission {
	CORE_NO_NAME = 1,
	CORE_NO_REALM = 2,
	CORE_NO_NONCE = 4,
	CORE_NO_INTEGRITY = 8,
	CORE_NO_LIST = 16,   /* PASSWORD-ALGORITHMS */
	CORE_NO_CHOICE = 32, /* PASSWORD-ALGORITHM */
};

/* How a request is signed. Of what is not set, the usual. */
struct core_signing {
	const struct core_user *user;
	unsigned omit;           /* of enum core_omission */
	const char *claim_realm; /* in REALM, whatever made the key */
	struct bytes name;       /* instead of the user's */
	struct bytes nonce;      /* instead of one of the server's */
	int64_t nonce_age_s;
	struct addr nonce_client; /* whom the nonce was made for */
	const char *nonce_realm;  /* which realm it was made for */
	struct bytes list;        /* value of PASSWORD-ALGORITHMS */
	struct bytes choice;      /* value of PASSWORD-ALGORITHM */
	bool integrity_sha256;    /* also where the key is MD5's */
	bool both_integrities;
};

/* A request being built by a test. */
struct core_request {
	struct stun_builder builder;
	uint8_t bytes[4096];
	struct addr client;
	uint16_t listener;
};

/* Starts a request of a client; `id` makes the transaction id. */
void core_begin(struct core_request *q, enum stun_method method,
		const struct addr *client, uint32_t id);

/*
 * Adds USERNAME, REALM, NONCE (a fresh one of the server's for that client)
 * and the integrity of `user`.
 */
void core_sign(struct core *c, struct core_request *q,
	       const struct core_user *user);

/* The same with something about it that is not as it should be. */
void core_sign_as(struct core *c, struct core_request *q,
		  const struct core_signing *how);

/* Sends what was built and carries out the actions; returns the number of
 * replies, the last in c->reply. */
unsigned core_send(struct core *c, struct core_request *q);

/* Signs and sends; returns the error code as core_code(). */
uint16_t core_ask(struct core *c, struct core_request *q,
		  const struct core_user *user);

/* Sends any bytes the same way. */
unsigned core_send_bytes(struct core *c, const struct addr *client,
			 uint16_t listener, struct bytes data);

/* Answers to what was held back. */
void core_answer_lookup(struct core *c, struct ref ticket);
void core_answer_relay(struct core *c, struct ref allocation, int error);

/*
 * An Allocate request with REQUESTED-TRANSPORT: what every test adds to. And
 * the whole exchange, for alice or somebody else; returns core_code().
 */
void core_begin_allocate(struct core_request *q, const struct addr *client,
			 uint32_t id);
uint16_t core_allocate_as(struct core *c, const struct addr *client,
			  uint32_t id, const struct core_user *user);

/* Whole exchanges of alice's client; each returns the error code or 0. */
uint16_t core_allocate(struct core *c, const struct addr *client, uint32_t id);
uint16_t core_permit(struct core *c, const struct addr *client, uint32_t id,
		     const struct addr *peer);
uint16_t core_bind(struct core *c, const struct addr *client, uint32_t id,
		   uint16_t number, const struct addr *peer);
uint16_t core_refresh(struct core *c, const struct addr *client, uint32_t id,
		      uint32_t lifetime_s);

/* The error code of the last reply; 0 for success, 1 if there was none. */
uint16_t core_code(const struct core *c);

/* The relayed address of the last reply. */
struct addr core_relayed(const struct core *c);

/* A number in the last reply; the attribute must be there. */
uint32_t core_reply_u32(const struct core *c, uint16_t type);

/* Whether the last reply has the attribute. */
bool core_replied_with(const struct core *c, uint16_t type);

/*
 * The types of the last reply's attributes in their order, integrity and
 * fingerprint too, as the RFCs spell them, separated by spaces.
 */
const char *core_reply_attrs(const struct core *c);

/*
 * How the last reply is protected: "" for not at all, else the attribute's
 * name; "wrong" if the user's key does not give that value.
 */
const char *core_signature(struct core *c, const struct core_user *user);

/* A field of the last log record as text; "(none)" if there is none. */
const char *core_log_field(const struct core *c, const char *name);

/*
 * As if nobody had been wrong or without a nonce until now: fills the reply
 * budget and the throttle, for tests that try more than those would allow.
 */
void core_forgive(struct core *c);

/* Moves time on and does what is due; or without doing it. */
void core_wait(struct core *c, uint64_t ms);
void core_pass(struct core *c, uint64_t ms);

/* The drop counter of a reason. */
uint64_t core_dropped(const struct core *c, enum drop_reason reason);

/*
 * The data path. Each returns what became of the datagram in a word:
 * "to_peer", "to_client", "hairpin", "control", or the name of the drop
 * reason. The verdict is in c->verdict.
 */
const char *core_from_client(struct core *c, const struct addr *client,
			     uint16_t listener, struct bytes data);
const char *core_from_peer(struct core *c, struct ref allocation,
			   const struct addr *peer, struct bytes payload);
const char *core_channel_data(struct core *c, const struct addr *client,
			      uint16_t number, const char *payload);
const char *core_indicate(struct core *c, const struct addr *client,
			  const struct addr *peer, const char *payload);

/*
 * A Send indication, to be filled and sent by core_send_indication(), which
 * judges it as core_from_client() does.
 */
void core_begin_send(struct core_request *q, const struct addr *client);
const char *core_send_indication(struct core *c, struct core_request *q);

/*
 * The datagram that the last verdict makes of what was judged; valid until
 * the next call.
 */
struct bytes core_made(const struct core *c);

#endif
