/*
 * The configuration: turnpike.conf as plain structs of the layers below.
 *
 * A file is read (source), parsed and typed (document), and then decided
 * upon: what its values mean together and on this machine. The users file,
 * the files of secrets and, where a realm's preset wants it, peers.acs_file
 * are read with it. Nothing is changed, so `turnpiked --check` and the start
 * see the same. All errors are collected; a configuration with an error is
 * never handed out, nor is half of one.
 */
#ifndef TURNPIKE_CONF_CONF_H
#define TURNPIKE_CONF_CONF_H

#include "base/log.h"
#include "conf/report.h"
#include "discovery/discover.h"
#include "store/redis_store.h"
#include "store/static_users.h"
#include "store/time_limited.h"
#include "turn/config.h"

#define CONF_LISTENERS_MAX 64

struct document;

/* What the decisions depend on besides the file. */
struct conf_machine {
	/* Addresses of the interfaces, port 0; only IPv4 counts so far. */
	struct addr addrs[PEER_POLICY_OWN_MAX];
	size_t addr_count;
	uint16_t cpus;
	int64_t now_s;           /* since 1970: whether a dated file is old */
	const char *state_dir;   /* of the environment, or NULL; borrowed */
	const char *runtime_dir; /* likewise */
	bool is_closed;          /* no other file is read: there is none */
	struct hash_key key;     /* this start's, for the table of users */
};

struct conf_listener {
	struct addr address; /* 0.0.0.0: every address of the machine */
	uint8_t realm;
	unsigned line;
};

/* As in the table of options. */
enum conf_log_format {
	CONF_LOG_AUTO,
	CONF_LOG_TEXT,
	CONF_LOG_JSON,
	CONF_LOG_JOURNAL,
};

/* Redis, and the workers' caches before it. */
struct conf_redis {
	struct redis_config store; /* no endpoints: there is no Redis */
	uint32_t cache_entries;    /* of all workers together */
	uint32_t ttl_s;
	uint32_t negative_ttl_s;
	uint32_t stale_s;
};

/* Where the advertised address, turn.relay_advertise, is from. */
struct conf_advertise {
	bool is_auto;  /* found by others, written to `path`; may change */
	bool is_known; /* else there can be no start yet */
	bool is_relay; /* no other than relay.address, whichever that is */
	/* "file" (this one), "relay.address", or what has found it. */
	char source[ADVERTISED_SOURCE_BYTES];
	char path[ADVERTISED_PATH_BYTES];
	/* Whom turnpike-address may ask. */
	struct addr stun_servers[DISCOVER_STUN_MAX];
	unsigned stun_server_count;
};

/* The control API. All texts are the document's. */
struct conf_control {
	const char *socket; /* NULL: none */
	/* The start fails if it cannot be made; else it goes on without. */
	bool socket_is_needed;
	struct addr http;       /* of family ADDR_NONE: none */
	const char *token_file; /* absolute */
	bool token_is_kept;     /* to be made in state_dir if it is absent */
	bool coturn_names;      /* of metrics */
};

struct conf {
	const char *path; /* of the file, or ""; borrowed, for messages */
	/*
	 * All but the listeners and the own addresses of the peer policy,
	 * which change with the machine's addresses. Which preset a realm has
	 * is in turn.peers.realms. nonce.current is empty
	 * if the key is to be kept in state_dir.
	 */
	struct turn_config turn;
	struct conf_listener listeners[CONF_LISTENERS_MAX];
	size_t listener_count;
	struct static_users *users;      /* owned */
	struct static_users *file_users; /* of the users file; owned */
	struct secrets secrets;
	struct conf_redis redis;
	struct conf_control control;
	const char *realm_names[TURN_REALMS_MAX]; /* for redis.store */
	struct conf_advertise advertise;
	/* There was only loopback to relay through, but that may change. */
	bool relay_is_makeshift;
	uint32_t drain_deadline_s; /* of a drain by a signal */
	int listener_buffer_bytes;
	int relay_buffer_bytes;
	enum log_level log_level;
	enum conf_log_format log_format;
	const char *state_dir;  /* absolute; the document's */
	const char *users_file; /* likewise; need not be there */
	const char *user;       /* the document's */
	/* What was decided, option by option; passwords are wiped. */
	struct document *document; /* owned */
};

/*
 * Reads and decides. Returns the configuration, or NULL if the report has an
 * error. The report is added to, and sorted.
 */
struct conf *conf_load(const char *path, const struct conf_machine *machine,
		       struct report *report);

/*
 * The same as far as turnpike-address has to do with it: only realm, listeners
 * and relay are decided, and no other file is read but the advertised address.
 */
struct conf *conf_load_relay(const char *path,
			     const struct conf_machine *machine,
			     struct report *report);

/* All of it for a text in memory. */
struct conf *conf_parse(struct bytes text, const struct conf_machine *machine,
			struct report *report);

/*
 * The users file as it is now, read for a configuration that is in force.
 * Returns the set, which is the caller's, or NULL if the report has an error:
 * a realm that the configuration does not know is one. `key` is random.
 */
struct static_users *conf_read_users_file(const struct conf *c,
					  const struct hash_key *key,
					  struct report *report);

/* Wipes and frees; NULL is allowed. */
void conf_free(struct conf *c);

/*
 * Compares what can change by a restart only, and calls `tell` with each option
 * (enum option_id) that differs, be it a secret. Where the realms are not the
 * same in the same order that is OPT_REALM. Returns whether the realms are.
 */
bool conf_compare(const struct conf *in_force, const struct conf *wanted,
		  void (*tell)(void *arg, unsigned option), void *arg);

/* Writes all that is in force in the file's own syntax, secrets masked. */
void conf_write(const struct conf *c, FILE *to);

#endif
