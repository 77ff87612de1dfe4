/*
 * A capture: the control messages between clients and the server, redacted,
 * for whoever wants to know how a client speaks.
 *
 * While there is one, every worker puts in a copy of the STUN messages that it
 * takes from clients and of the answers it gives (stun/redact.h says which and
 * what is left of them); the main thread takes them out. A bounded ring holds
 * what is between: a reader that is slow loses messages, and no worker waits.
 * What is relayed never comes here.
 */
#ifndef TURNPIKE_WORKER_CAPTURE_H
#define TURNPIKE_WORKER_CAPTURE_H

#include "base/addr.h"
#include "base/hash.h"
#include "base/now.h"

/* Longer messages are cut. No client's is that long but a mischievous one's. */
#define CAPTURE_MESSAGE_MAX_BYTES 2048

struct capture_message {
	int64_t wall_ms;
	bool inbound; /* from the client */
	uint16_t listener;
	struct addr client;
	uint16_t bytes;
	uint16_t original_bytes; /* before it was cut, if it was */
	uint8_t data[CAPTURE_MESSAGE_MAX_BYTES];
};

struct capture;

/*
 * A capture of what that client, whatever its port, sends and is sent; of all
 * clients where its family is ADDR_NONE. It begins now; `wall_ms` is the same
 * moment since 1970. `key` hides names; random, and copied. Returns NULL
 * without memory.
 */
struct capture *capture_new(const struct addr *client, const struct now *now,
			    int64_t wall_ms, const struct hash_key *key);

/* Frees, once no worker has it any more; NULL is allowed. */
void capture_free(struct capture *c);

/* For the workers: puts in what is capturable and of that client. */
void capture_put(struct capture *c, const struct now *now, bool inbound,
		 uint16_t listener, const struct addr *client,
		 struct bytes datagram);

/*
 * For one other thread: the oldest message, or NULL if there is none; it stays
 * until it is released.
 */
const struct capture_message *capture_peek(struct capture *c);
void capture_release(struct capture *c);

/* How many messages found no room, from any thread. */
uint64_t capture_lost(const struct capture *c);

#endif
