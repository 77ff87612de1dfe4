/*
 * Why a datagram was not relayed or answered: one list, counted and named.
 *
 * The name is the label of the metric and what a test asserts.
 */
#ifndef TURNPIKE_TURN_DROP_H
#define TURNPIKE_TURN_DROP_H

#define DROP_REASONS(X)                                                        \
	X(NOT_STUN, "not_stun")   /* neither STUN nor ChannelData */           \
	X(MALFORMED, "malformed") /* STUN form is broken */                    \
	X(FINGERPRINT, "bad_fingerprint")                                      \
	X(UNEXPECTED, "unexpected_message") /* response, or unknown method */  \
	X(UNKNOWN_ATTRIBUTE, "unknown_attribute") /* in an indication */       \
	X(BAD_SOURCE, "bad_source")   /* port 0, multicast, broadcast, own */  \
	X(NO_LISTENER, "no_listener") /* it was taken away */                  \
	X(NO_ALLOCATION, "no_allocation")                                      \
	X(NO_CHANNEL, "no_channel")                                            \
	X(NO_PERMISSION, "no_permission")                                      \
	X(BAD_CHANNEL_DATA, "bad_channel_data")                                \
	X(BAD_INDICATION, "bad_indication")                                    \
	X(PEER_FAMILY, "peer_family")                                          \
	X(PEER_DENIED, "peer_denied")                                          \
	X(PEER_LIMIT, "peer_limit")           /* too many peers, too fast */   \
	X(PACKET_LIMIT, "packet_limit")       /* of a self-test credential */  \
	X(RATE_ALLOCATION, "allocation_rate") /* bandwidth, see rates.h */     \
	X(RATE_USER, "user_rate")                                              \
	X(RATE_TOTAL, "total_rate")                                            \
	X(HAIRPIN_NO_PEER, "hairpin_no_peer") /* no allocation at that port */ \
	X(HAIRPIN_FULL, "hairpin_full")       /* the other worker's ring */    \
	X(NESTED, "nested")             /* relayed too often, see nesting.h */ \
	X(TOO_LARGE, "too_large")       /* with its header over 65,507 */      \
	X(PENDING_FULL, "pending_full") /* 5th waiting from one source */      \
	X(REPLY_BUDGET, "reply_budget") /* an answer, beyond its budget */     \
	X(THROTTLED, "throttled")       /* its source fails too often */       \
	X(SEND_BUFFER, "send_buffer_full") /* ENOBUFS or EAGAIN */             \
	X(SEND_ERROR, "send_error")        /* any other errno */

enum drop_reason {
#define X(id, name) DROP_##id,
	DROP_REASONS(X)
#undef X
		DROP_REASON_COUNT
};

/* The reason's name, as in the table. */
const char *drop_reason_name(enum drop_reason reason);

#endif
