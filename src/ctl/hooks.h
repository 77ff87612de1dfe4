/*
 * What the control API may ask of the process, and tell it to do.
 *
 * worker/operator.c fills this in. All are called in the main thread, answer
 * within the call and wait for a worker at most while it passes its loop once.
 */
#ifndef TURNPIKE_CTL_HOOKS_H
#define TURNPIKE_CTL_HOOKS_H

#include "base/log.h"
#include "turn/config.h"
#include "turn/counters.h"
#include "turn/refusal.h"
#include "turn/session.h"

#define CONTROL_PENDING_MAX 160
#define CONTROL_OPTION_BYTES 64

/* Options that a restart would change: "relay.ports". */
struct control_pending {
	unsigned count;
	char options[CONTROL_PENDING_MAX][CONTROL_OPTION_BYTES];
};

struct control_drain {
	bool on;
	int64_t since_wall_s;
	int64_t deadline_wall_s; /* 0: none */
	uint64_t allocations;    /* that live, also while none is on */
};

#define CONTROL_MESSAGES_MAX 40

/* How a reload went. Texts are borrowed until the next call. */
struct control_reload {
	bool ok;
	struct control_pending pending;
	/* The errors if it was refused, else the warnings. */
	unsigned message_count;
	struct control_mistake {
		const char *file;
		unsigned line; /* 0: of no line in particular */
		const char *text;
	} messages[CONTROL_MESSAGES_MAX];
};

/* One look at the whole server. Texts are borrowed until the next call. */
struct control_server {
	const char *version;
	int64_t started_wall_s;
	uint64_t uptime_s;
	unsigned realm_count;
	struct control_realm {
		const char *name;
		uint32_t allocations;
		uint32_t allocations_max; /* 0: no limit of its own */
	} realms[TURN_REALMS_MAX];
	unsigned listener_count;
	struct turn_listener listeners[TURN_LISTENERS_MAX];
	struct addr relay; /* bound */
	struct addr advertise;
	const char *advertise_source;
	uint16_t first_port;
	uint16_t last_port;
	uint32_t ports_used;
	uint64_t allocations;
	uint64_t allocations_max;
	uint64_t allocations_begun;
	unsigned workers;
	uint32_t users_config;
	uint32_t users_file;
	unsigned secrets;
	uint64_t to_peer_packets;
	uint64_t to_peer_bytes;
	uint64_t to_client_packets;
	uint64_t to_client_bytes;
	uint64_t hairpin_packets;
	uint64_t dropped;
	uint64_t kernel_drops;
	struct control_redis {
		const char *state; /* NULL: no Redis is configured */
		const char *mode;
		const char *endpoint;
		int64_t since_wall_s;
	} redis;
	struct control_pending pending;
};

/* A control message, redacted; see worker/capture.h. */
struct control_message {
	int64_t wall_ms;
	bool inbound; /* from the client */
	struct addr client;
	struct addr server;
	struct bytes datagram;
	size_t original_bytes; /* before it was cut, if it was */
};

/* A self-test's credential; texts are borrowed until the next one. */
struct control_self_test {
	const char *username;
	const char *password;
	int64_t expires_wall_s;
	unsigned allocations; /* at a time */
	unsigned packets;     /* by each, both ways together */
};

/* A user of the users file. */
struct control_user {
	const char *name;
	const char *realm;
	uint32_t allocations; /* 0: no limit of its own */
	uint64_t rate;        /* bytes per second; 0 likewise */
	bool disabled;
	bool has_sha256;
};

typedef void control_visit_user(void *visitor, const struct control_user *user);

enum control_user_kind {
	CONTROL_USER_ADD,
	CONTROL_USER_PASSWORD,
	CONTROL_USER_REMOVE,
};

struct control_user_change {
	enum control_user_kind kind;
	const char *by;
	const char *name;
	const char *realm;    /* NULL: the first one */
	const char *password; /* not to remove one */
	/* To add one. */
	uint32_t allocations;
	const char *rate; /* "10Mbit/s", or NULL */
	bool disabled;
};

enum control_user_result {
	CONTROL_USER_DONE,
	CONTROL_USER_IS_THERE,  /* in one of the files already */
	CONTROL_USER_NOT_THERE, /* in the users file */
	CONTROL_USER_BAD,       /* a name, realm, password or rate */
	CONTROL_USER_FAILED,    /* the file cannot be read or written */
};

#define CONTROL_WHY_BYTES 1024

/* A credential that was made for somebody. Wiped by who asked for it. */
struct control_credential {
	uint8_t realm; /* index */
	int64_t expires_wall_s;
	char username[STUN_USERNAME_MAX_BYTES + 1];
	char password[128];
};

/* What a user, or with `is_others` all who found no room, has used. */
struct control_usage {
	bool is_others;
	uint8_t realm;     /* index; not of the others */
	struct bytes user; /* likewise; whom limits are counted for */
	uint32_t living;
	uint32_t sessions; /* begun */
	uint32_t peak;     /* living at a time */
	struct counters_relayed relayed;
};

typedef void control_visit_usage(void *visitor, const struct control_usage *u);

/* ctl/metrics.h */
struct metrics_snapshot;

/* Is called with one session after the other until it returns false. */
typedef bool control_visit(void *visitor, const struct turn_session *session);

struct control_hooks {
	void *arg; /* the first argument of each */

	void (*log)(void *arg, const struct log_record *record);

	/* Why no client should be sent here, in words, or NULL. */
	const char *(*not_ready)(void *arg);

	void (*look)(void *arg, struct control_server *out);

	/* All that metrics tell but whether it is ready. */
	void (*measure)(void *arg, struct metrics_snapshot *out);

	/*
	 * One capture at a time, of one client (of all where its family is
	 * ADDR_NONE). Begin returns 0, -EBUSY if one runs, or another negative
	 * errno. Next takes a message out, valid until the next call; false if
	 * there is none now. End returns how many messages were lost.
	 */
	int (*capture_begin)(void *arg, const struct addr *client,
			     uint32_t seconds);
	bool (*capture_is_there)(void *arg);
	bool (*capture_next)(void *arg, struct control_message *out);
	uint64_t (*capture_end)(void *arg);

	/*
	 * Walks over all sessions; `visit` must not end one. The realm's name
	 * is as long valid as the process runs.
	 */
	void (*sessions)(void *arg, control_visit *visit, void *visitor);
	const char *(*realm_name)(void *arg, uint8_t realm);

	/* Ends a session because `by` says so; false if it had ended before. */
	bool (*end_session)(void *arg, const struct turn_session *session,
			    const char *by);

	/*
	 * Makes a credential for a self-test, in place of the one before; with
	 * it `peer` is open unless its family is ADDR_NONE. Returns 0, -EPERM if
	 * that is no socket of a tester's, or another negative errno.
	 */
	int (*begin_self_test)(void *arg, uint8_t realm,
			       const struct addr *peer, const char *by,
			       struct control_self_test *out);

	/*
	 * Counts until now, and walks over the users of the last hours. Returns
	 * since when they have been counted, or -1 without memory.
	 */
	int64_t (*usage)(void *arg, control_visit_usage *visit, void *visitor);

	/* As refusals_copy() of worker/refusals.h. */
	unsigned (*refusals)(void *arg, struct refusal *out, unsigned max,
			     uint64_t *total);

	void (*drain)(void *arg, struct control_drain *out);

	/*
	 * Begins a drain, or changes its deadline, in seconds from now; -1:
	 * none. And ends it. Both return false if the server is stopping.
	 */
	bool (*begin_drain)(void *arg, int64_t deadline_s, const char *by);
	bool (*end_drain)(void *arg, const char *by);

	/*
	 * Walks over the users file. False with a sentence in `why` if it
	 * cannot be read. `*writable`: it could be written.
	 */
	bool (*users)(void *arg, control_visit_user *visit, void *visitor,
		      bool *writable, char why[CONTROL_WHY_BYTES]);

	/*
	 * Changes the users file and puts it in force. If that is not done
	 * `why` is a sentence.
	 */
	enum control_user_result (*change_user)(
		void *arg, const struct control_user_change *change,
		char why[CONTROL_WHY_BYTES]);

	/*
	 * Makes a time-limited credential. Returns 0, -ENOKEY if no secret is
	 * in force for the realm, or -EINVAL if the name cannot be one. The
	 * realm's index is in `out`.
	 */
	int (*mint)(void *arg, const char *user, uint32_t lifetime_s,
		    struct control_credential *out);

	/* Reads the configuration again, and says how that went. */
	void (*reload)(void *arg, struct control_reload *out);
};

#endif
