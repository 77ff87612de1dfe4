/*
 * Refusals: what was refused to whom, with its plain cause.
 *
 * On the wire an error response stays as bare as the RFCs have it; this is
 * the answer for the operator: one fixed-size record per refusal, an action
 * of the core for whoever keeps the last ones, and a line in the log, once
 * per subject, cause and interval. A challenge without credentials is no
 * refusal; nor is a request without a nonce of ours, whose source may be
 * spoofed: what reads refusals must not lock out who never sent anything.
 */
#ifndef TURNPIKE_TURN_REFUSAL_H
#define TURNPIKE_TURN_REFUSAL_H

#include "base/log.h"

/*
 * The cause's label; how urgent it is and what it is called in the log; the
 * option that helps, or NULL.
 */
/* clang-format off */
#define REFUSAL_CAUSES(X) \
	X(WRONG_PASSWORD, "wrong password", NOTICE, "authentication refused", \
	  NULL) \
	X(UNKNOWN_USER, "unknown user", NOTICE, "authentication refused", \
	  NULL) \
	X(DISABLED, "disabled", NOTICE, "authentication refused", NULL) \
	X(EXPIRED, "expired", NOTICE, "authentication refused", NULL) \
	X(THROTTLED, "throttled", NOTICE, "requests throttled", NULL) \
	X(NO_ANSWER, "source unavailable", WARNING, \
	  "a credential source does not answer", NULL) \
	X(WAITING, "too many wait", NOTICE, \
	  "too many requests wait for a source", NULL) \
	X(USER_QUOTA, "user quota", WARNING, "a user's quota is reached", \
	  "limits.allocations_per_user") \
	X(SOURCE_QUOTA, "source quota", WARNING, \
	  "an address's quota is reached", "limits.allocations_per_source") \
	X(REALM_QUOTA, "realm quota", WARNING, "a realm's quota is reached", \
	  "total-quota of the realm") \
	X(TOTAL, "total", WARNING, "the limit of allocations is reached", \
	  "limits.allocations") \
	X(PORTS, "ports", WARNING, "the relay port range is full", \
	  "relay.ports") \
	X(NO_PORT, "no port", WARNING, "no relay port could be bound", \
	  "relay.ports, relay.address") \
	X(DESCRIPTORS, "descriptors", WARNING, "out of file descriptors", \
	  "LimitNOFILE= of the service, or limits.allocations") \
	X(NO_SOCKET, "no socket", WARNING, "no relay socket could be opened", \
	  "limits.allocations") \
	X(PEER, "peer denied", INFO, "a peer is denied", "peers.allow") \
	X(PERMISSIONS, "permissions", WARNING, "too many permissions", \
	  "limits.permissions") \
	X(CHANNELS, "channels", WARNING, "too many channels", \
	  "limits.channels") \
	X(PEERS, "new peers", WARNING, "too many new peers", \
	  "limits.peers, limits.new_peers_per_second") \
	X(DRAINING, "draining", INFO, \
	  "the server drains and takes nobody more", NULL)
/* clang-format on */

enum refusal_cause {
#define X(id, label, level, message, option) REFUSAL_##id,
	REFUSAL_CAUSES(X)
#undef X
		REFUSAL_CAUSE_COUNT
};

#define REFUSAL_USER_BYTES 64
#define REFUSAL_RULE_BYTES 144

struct refusal {
	int64_t wall_s;
	struct addr client;
	uint8_t realm; /* index */
	uint8_t cause; /* enum refusal_cause */
	uint16_t code; /* of the error response; 0: there was none */
	bool by_hash;  /* the client sent USERHASH: no name is known */
	uint8_t user_bytes;
	uint8_t user[REFUSAL_USER_BYTES]; /* cut there */
	/* What the cause needs to be understood; else zero. */
	uint32_t limit;                /* of a quota */
	int64_t expired_wall_s;        /* EXPIRED: since when */
	struct addr peer;              /* PEER */
	char rule[REFUSAL_RULE_BYTES]; /* PEER: which one, in words */
};

/* What there is to say of a cause; static texts. */
struct refusal_words {
	const char *label; /* "unknown user" */
	enum log_level level;
	const char *message; /* in the log */
	const char *option;  /* that helps, or NULL */
};

const struct refusal_words *refusal_words(enum refusal_cause cause);

/*
 * Whether it is about who the client is: what a program may read to keep a
 * source away for a while.
 */
bool refusal_is_authentication(enum refusal_cause cause);

/*
 * Writes the cause in plain words, NUL-terminated: "expired at
 * 2026-11-25T17:00:00Z", "user quota, 10 of 10", "peer 10.0.0.5 denied:
 * private". Returns `out`.
 */
#define REFUSAL_TEXT_BYTES 256
const char *refusal_print(const struct refusal *refusal,
			  char out[REFUSAL_TEXT_BYTES]);

#endif
