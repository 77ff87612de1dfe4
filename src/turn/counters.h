/*
 * What one worker counts: written by its thread alone, read from any thread
 * (base/counter.h). Each list is the label of a metric as well (ctl/metrics.h).
 *
 * All are counted where a control message is dealt with, but for `traffic`,
 * `hairpin_packets`, `dry_run_packets` and most of what is dropped.
 */
#ifndef TURNPIKE_TURN_COUNTERS_H
#define TURNPIKE_TURN_COUNTERS_H

#include "base/counter.h"
#include "turn/cause.h"
#include "turn/config.h"
#include "turn/drop.h"
#include "turn/refusal.h"
#include "turn/user_source.h"

/* clang-format off */
#define COUNTERS_METHODS(X) \
	X(BINDING, "binding") \
	X(ALLOCATE, "allocate") \
	X(REFRESH, "refresh") \
	X(CREATE_PERMISSION, "create_permission") \
	X(CHANNEL_BIND, "channel_bind")

/* The codes of every error response there is. */
#define COUNTERS_CODES(X) \
	X(300) X(400) X(401) X(403) X(420) X(437) X(438) X(440) X(441) X(442) \
	X(443) X(486) X(500) X(508)

/* What became of a request that has to authenticate. */
#define COUNTERS_AUTH_RESULTS(X) \
	X(OK, "ok") \
	X(WRONG_PASSWORD, "wrong_password") \
	X(UNKNOWN_USER, "unknown_user") \
	X(EXPIRED, "expired") \
	X(DISABLED, "disabled") \
	X(UNAVAILABLE, "unavailable") /* the source did not answer */ \
	X(THROTTLED, "throttled")     /* dropped unseen */ \
	X(STALE_NONCE, "stale_nonce") \
	X(CHALLENGE, "challenge") /* it came without credentials of ours */
/* clang-format on */

enum counters_method {
#define X(id, name) COUNTERS_##id,
	COUNTERS_METHODS(X)
#undef X
		COUNTERS_METHOD_COUNT
};

enum counters_code {
#define X(code) COUNTERS_CODE_##code,
	COUNTERS_CODES(X)
#undef X
		COUNTERS_CODE_COUNT
};

enum counters_auth_result {
#define X(id, name) COUNTERS_AUTH_##id,
	COUNTERS_AUTH_RESULTS(X)
#undef X
		COUNTERS_AUTH_RESULT_COUNT
};

/* Besides the sources: nobody knows the user, or nobody was asked. */
#define COUNTERS_SOURCE_UNKNOWN TURN_SOURCE_COUNT
#define COUNTERS_SOURCE_COUNT (TURN_SOURCE_COUNT + 1)

/* What allocations have relayed; payload bytes. */
struct counters_traffic {
	_Atomic uint64_t to_peer_packets;
	_Atomic uint64_t to_peer_bytes;
	_Atomic uint64_t to_client_packets;
	_Atomic uint64_t to_client_bytes;
};

struct counters {
	_Atomic uint64_t requests[COUNTERS_METHOD_COUNT];
	_Atomic uint64_t responses[COUNTERS_METHOD_COUNT]; /* errors too */
	_Atomic uint64_t errors[COUNTERS_METHOD_COUNT][COUNTERS_CODE_COUNT];
	_Atomic uint64_t
		auth[COUNTERS_SOURCE_COUNT][COUNTERS_AUTH_RESULT_COUNT];
	/* Of those, what was judged by its credentials and answered. */
	_Atomic uint64_t judged;
	_Atomic uint64_t refused[REFUSAL_CAUSE_COUNT];
	_Atomic uint64_t dropped[DROP_REASON_COUNT];
	/* By realm, so that living sessions count there as well. */
	struct counters_traffic traffic[TURN_REALMS_MAX];
	_Atomic uint64_t hairpin_packets;
	/* What peer rules would have refused if not for the dry run. */
	_Atomic uint64_t dry_run_requests;
	_Atomic uint64_t dry_run_packets; /* to peers */
	_Atomic uint64_t allocations;     /* living now */
	_Atomic uint64_t allocations_begun;
	_Atomic uint64_t allocations_ended[TURN_CAUSE_COUNT];
	_Atomic uint64_t permissions; /* there now */
	_Atomic uint64_t channels;    /* there now */
	_Atomic uint64_t lookups;
	_Atomic uint64_t
		kernel_drops; /* SO_RXQ_OVFL, listener and relay sockets */
};

/* The place of a STUN method of method.h's table, or of an error code. */
enum counters_method counters_method(uint16_t number);
enum counters_code counters_code(uint16_t code);

/* The labels. */
const char *counters_method_name(enum counters_method method);
uint16_t counters_code_number(enum counters_code code);
const char *counters_source_name(unsigned source); /* or "unknown" */
const char *counters_auth_result_name(enum counters_auth_result result);

/* Counts a request with what became of it. */
void counters_auth(struct counters *c, unsigned source,
		   enum counters_auth_result result);

/* Adds all that one worker has counted to a sum that is the caller's. */
void counters_add(struct counters *sum, const struct counters *c);

/* What was relayed, as plain numbers. */
struct counters_relayed {
	uint64_t to_peer_packets;
	uint64_t to_peer_bytes;
	uint64_t to_client_packets;
	uint64_t to_client_bytes;
};

/* Adds what the allocations of a realm have relayed, or of all realms. */
void counters_add_realm(const struct counters *c, unsigned realm,
			struct counters_relayed *sum);
void counters_add_realms(const struct counters *c,
			 struct counters_relayed *sum);

#endif
