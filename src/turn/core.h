/*
 * The inside of a server, shared by the files of turn/ and nobody else.
 *
 * A request's way: server.c parses it and finds its allocation; auth.c decides
 * who sent it, asking a credential source where no living allocation knows
 * (pending.c keeps it meanwhile); method.h's table hands it to the file of its
 * method; reply.c answers.
 */
#ifndef TURNPIKE_TURN_CORE_H
#define TURNPIKE_TURN_CORE_H

#include <assert.h>

#include "base/timer.h"
#include "stun/message.h"
#include "turn/flow.h"
#include "turn/holdings.h"
#include "turn/pending.h"
#include "turn/server.h"
#include "turn/user.h"

/* RFC 8656 7.2 wants a port; others may hold one: tries before 508. */
#define CORE_PORT_TRIES_MAX 16

struct turn_server {
	struct turn_config config;
	struct turn_shared *shared;
	uint16_t worker;
	struct crypto *crypto;
	struct random random;
	struct flow_table flows;
	struct timer_wheel expiries; /* of flows.allocations */
	struct pool keys;            /* of struct secret; one an allocation */
	struct users users;
	struct pendings pendings;
	struct pool reservations; /* of struct reservation */
	struct timer_wheel reservation_expiries;
	struct secret unknown_key; /* what unknown users are checked with */
	uint32_t end_at;           /* where turn_end_next() looks next */
	uint64_t budget_quiet_ms;  /* until then the log has heard of it */
	struct counters counters;
	struct holdings holdings;
};

/* A reservation that this worker made, until its time is over. */
struct reservation {
	struct timer_link timer;
	uint64_t quota_user; /* who is charged */
	uint8_t token[PORTS_TOKEN_BYTES];
};

/* Where an answer goes and how it is protected. */
struct reply_to {
	struct addr client;
	uint16_t listener;
	uint16_t method;
	const uint8_t *transaction_id; /* STUN_TRANSACTION_ID_BYTES */
	const struct secret *key;      /* NULL: no integrity */
	bool sign_sha256;
	bool fingerprint;
	/*
	 * No nonce of ours shows that the client receives at its address: the
	 * answer counts against the budget of turn/reply_budget.h.
	 */
	bool unproven;
	const struct now *now; /* where unproven */
};

/* A request on its way through the core. */
struct request {
	struct turn_server *server;
	const struct now *now;
	const struct datagram *in;
	struct actions *out;
	struct stun_message message;
	uint8_t realm;
	uint32_t allocation; /* of this 5-tuple, or POOL_NONE */
	struct reply_to to;
	enum stun_algorithm algorithm; /* that made the key */
	/* Known once the request has authenticated: */
	struct bytes name;
	struct secret key;
	/* What the source said of the user; NULL: its allocation knew. */
	const struct turn_user *user;
};

/* Whether users of that source are listed in a file that has been read. */
static inline bool source_is_listed(enum turn_source source)
{
	return source != TURN_SOURCE_TIME_LIMITED &&
	       source != TURN_SOURCE_REDIS;
}

/*
 * Whom limits are counted for: the user's name without what belongs to the
 * credential alone. Only where a source was asked.
 */
static inline struct bytes request_account(const struct request *r)
{
	size_t at = r->user->account_at;

	assert(at <= r->name.len);
	return bytes_of(r->name.data + at, r->name.len - at);
}

/* The realm the request was sent to, as a view. */
static inline struct bytes request_realm(const struct request *r)
{
	return bytes_str(r->server->config.realms[r->realm].name);
}

#endif
