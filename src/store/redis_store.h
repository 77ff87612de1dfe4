/*
 * Users, secrets and limits kept in Redis: the thread that owns the connection.
 *
 * One thread asks Redis and listens to what changes there; it never blocks a
 * worker and caches nothing. A worker asks with redis_store_ask() and finds
 * the answer, and every change it should hear of, with redis_store_next(),
 * after its wake hook was called. Caching, and what to do while Redis is away,
 * are the reader's business.
 *
 * Redis is only read, and only by commands that name their keys. Two schemas
 * are looked at for each user, always both (turnpike.conf(5), Redis):
 *
 *	turn/realm/REALM/user/NAME/key   coturn's: 32 hex digits, the MD5 key
 *	turnpike/realm/REALM/user/NAME   ours, a hash: md5, sha256, allocations,
 *	                                 rate, disabled; wins where both say
 *
 * Readers are numbered: 0 to readers - 1 are the workers, `readers` is the
 * main thread. Each number is used by one thread at a time.
 */
#ifndef TURNPIKE_STORE_REDIS_STORE_H
#define TURNPIKE_STORE_REDIS_STORE_H

#include "base/log.h"
#include "base/pool.h"
#include "turn/server.h"

#define REDIS_ENDPOINTS_MAX 8
#define REDIS_HOST_BYTES 256 /* these four with their NUL */
#define REDIS_PATH_BYTES 108
#define REDIS_USER_BYTES 128
#define REDIS_PASSWORD_BYTES 512
#define REDIS_FILE_BYTES 1024

#define REDIS_SECRETS_MAX 16
#define REDIS_SECRET_MAX_BYTES 128
#define REDIS_PEERS_MAX 64
#define REDIS_PEER_BYTES 100 /* with its NUL: "address" or "from-to" */

/* --- what is configured --- */

struct redis_endpoint {
	char host[REDIS_HOST_BYTES]; /* a name or an address; "" with a path */
	uint16_t port;
	char path[REDIS_PATH_BYTES]; /* of a unix socket; "" with a host */
};

/* Empty strings: none. A password without a user is the old form of AUTH. */
struct redis_login {
	char user[REDIS_USER_BYTES];
	char password[REDIS_PASSWORD_BYTES];
};

struct redis_config {
	/* Tried in this order; Sentinels if `sentinel` names a master. */
	struct redis_endpoint endpoints[REDIS_ENDPOINTS_MAX];
	uint8_t endpoint_count;
	struct redis_login login;
	uint32_t database;
	bool tls; /* 1.2 or later, always verified; Sentinels too */
	char tls_ca[REDIS_FILE_BYTES];   /* PEM file; "": the system's */
	char tls_name[REDIS_HOST_BYTES]; /* in the certificate; "": the host */
	char sentinel[REDIS_HOST_BYTES]; /* the master's name; "": none */
	struct redis_login sentinel_login;
	uint32_t timeout_ms; /* to connect, and for each answer */
	uint32_t reread_s;   /* without working notifications */
	/* The names of the realms, by number; copied. */
	const char *const *realms;
	uint8_t realm_count;
};

/* Overwrites the passwords of a configuration. */
void redis_config_wipe(struct redis_config *config);

/* Called in the store's thread; must not block. */
struct redis_store_hooks {
	void *arg;
	/* There is something for this reader; once for several events. */
	void (*wake)(void *arg, uint16_t reader);
	void (*log)(void *arg, const struct log_record *record);
};

/* --- the thread --- */

struct redis_store;

/*
 * A store for `readers` workers (and the main thread). `config` is copied,
 * its passwords too: the caller wipes its own. Reads the CA file, connects to
 * nothing yet. Returns 0, -ENOMEM, or -EINVAL if the TLS settings are of no
 * use, which the log hook has been told about.
 */
int redis_store_new(struct redis_store **out, const struct redis_config *config,
		    uint16_t readers, const struct redis_store_hooks *hooks);

/* Starts the thread, with all signals blocked. Returns 0 or a negative errno */
int redis_store_start(struct redis_store *store);

/* Ends the thread and waits for that; questions stay unanswered. */
void redis_store_stop(struct redis_store *store);

/* Wipes and frees a store that is not running; NULL is allowed. */
void redis_store_free(struct redis_store *store);

/* Grows at least once a second while the thread is alive; for a watchdog. */
uint64_t redis_store_passes(const struct redis_store *store);

/* --- questions --- */

struct redis_question {
	struct ref ticket; /* for the asker, given back with the answer */
	uint8_t realm;
	bool recheck; /* the same */
	uint16_t name_bytes;
	uint8_t name[STUN_USERNAME_MAX_BYTES];
};

/*
 * Asks about one user, from any thread, without blocking. Returns false if
 * there are too many questions. Every question is answered, at the latest
 * after the time-out, unless the reader lets its answers lie: what finds no
 * room is dropped and counted. Two that ask for one user at a time cause one
 * query.
 */
bool redis_store_ask(struct redis_store *store, uint16_t reader,
		     const struct redis_question *question);

/* --- answers and changes --- */

enum redis_event_kind {
	REDIS_EVENT_ANSWER,  /* workers: to a question */
	REDIS_EVENT_CHANGED, /* workers: ask again about this user */
	REDIS_EVENT_FLUSH,   /* workers: ask again about every user */
	REDIS_EVENT_SECRETS, /* workers: a realm's time-limited secrets */
	REDIS_EVENT_REALM,   /* the main thread: a realm's options */
};

struct redis_answer {
	struct ref ticket;
	bool recheck;
	enum turn_lookup result;
	/* Only if found: */
	bool disabled;            /* and to be refused for that */
	struct secret md5;        /* empty: none; not both are */
	struct secret sha256;     /* the same */
	uint32_t allocations_max; /* 0: not said */
	uint64_t rate_bytes;      /* per second; 0: not said */
};

struct redis_secret {
	uint8_t len;
	uint8_t bytes[REDIS_SECRET_MAX_BYTES];
};

/* In the order of their bytes, so that the same set is the same array. */
struct redis_secrets {
	uint8_t count;
	bool cut; /* there are more than are used here */
	struct redis_secret items[REDIS_SECRETS_MAX];
};

struct redis_number {
	bool present;
	uint64_t value;
};

/* As they stand in Redis, not checked; in the order of their bytes. */
struct redis_peers {
	uint8_t count;
	bool cut; /* there are more than are used here */
	char items[REDIS_PEERS_MAX][REDIS_PEER_BYTES];
};

struct redis_realm {
	struct redis_number max_bps; /* bytes per second and session */
	struct redis_number total_quota;
	struct redis_number user_quota;
	struct redis_peers allowed_peers;
	struct redis_peers denied_peers;
};

struct redis_event {
	enum redis_event_kind kind;
	uint8_t realm; /* all but FLUSH */
	/* ANSWER and CHANGED: the user. */
	uint16_t name_bytes;
	uint8_t name[STUN_USERNAME_MAX_BYTES];
	union {
		struct redis_answer answer;
		struct redis_secrets secrets; /* the whole set */
		struct redis_realm options;   /* all of them */
	};
};

/*
 * For the reader's own thread: takes the next event. Returns false if there
 * is none. Answers and changes come in the order in which Redis told them, so
 * what an answer says is not older than a CHANGED or FLUSH before it. CHANGED
 * and FLUSH are never lost: what finds no room for a CHANGED becomes a FLUSH.
 * FLUSH comes after a reconnect, after a FLUSHDB, and every `reread_s` where
 * notifications do not work. The caller wipes an event that holds keys.
 */
bool redis_store_next(struct redis_store *store, uint16_t reader,
		      struct redis_event *out);

/* --- how it is --- */

enum redis_state {
	REDIS_DOWN, /* and pausing before the next attempt */
	REDIS_CONNECTING,
	REDIS_UP,
};

/* How a change in Redis is heard of. */
enum redis_mode {
	REDIS_MODE_REREAD,  /* all is read again every `reread_s` */
	REDIS_MODE_CHANNEL, /* also by turnpike:changed, which was heard */
	REDIS_MODE_KEYSPACE /* by keyspace notifications, at once */
};

/* "down", "connecting" or "up"; "re-read", "channel" or "keyspace". */
const char *redis_state_name(enum redis_state state);
const char *redis_mode_name(enum redis_mode mode);

/* From any thread, a single atomic read. */
enum redis_state redis_store_state(const struct redis_store *store);

struct redis_status {
	enum redis_state state;
	enum redis_mode mode;
	int64_t since_wall_s; /* in this state */
	/* In use or last tried, "" at first: host:port or path. */
	char endpoint[REDIS_HOST_BYTES + 8];
	uint64_t connects;        /* that came up */
	uint64_t questions;       /* taken */
	uint64_t questions_full;  /* refused: too many */
	uint64_t queries;         /* asked of Redis */
	uint64_t unavailable;     /* questions answered so */
	uint64_t answers_dropped; /* no room: the reader was too slow */
	uint64_t changes;         /* CHANGED and FLUSH told */
	uint64_t unusable;        /* entries that could not be used */
};

/* A snapshot, from any thread; waits for nothing longer than a copy. */
void redis_store_status(struct redis_store *store, struct redis_status *out);

#endif
