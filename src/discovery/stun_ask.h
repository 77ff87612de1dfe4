/*
 * Asking a STUN server by which address the world sees us: a Binding request
 * over UDP and IPv4 (RFC 8489 section 3), from our relay address, so that the
 * answer is about the way that relayed packets take.
 *
 * The answer must come from the server's address and port and bear the
 * transaction id, 96 bits that nobody else knows. It is not signed: whoever
 * sees our packets can forge it, and the server can say what it likes. That is
 * why servers are asked only if they are configured.
 */
#ifndef TURNPIKE_DISCOVERY_STUN_ASK_H
#define TURNPIKE_DISCOVERY_STUN_ASK_H

#include "base/addr.h"
#include "base/bytes.h"
#include "stun/attr.h"

/* A request fits into that. */
#define STUN_ASK_BYTES 64
/* How long one server is asked, with its retransmissions. */
#define STUN_ASK_MS 3000

/*
 * Writes the request. Returns its length.
 */
size_t stun_ask_build(const uint8_t transaction_id[STUN_TRANSACTION_ID_BYTES],
		      uint8_t out[STUN_ASK_BYTES]);

/*
 * Our address by a datagram, if that is the answer: a Binding success response
 * with that transaction id and XOR-MAPPED-ADDRESS of IPv4, and with no unknown
 * attribute that must be understood. `out` has the port seen. Returns false,
 * `out` untouched, for any other bytes.
 */
bool stun_ask_parse(struct bytes datagram,
		    const uint8_t transaction_id[STUN_TRANSACTION_ID_BYTES],
		    struct addr *out);

/*
 * Asks the server from the address `from`. Waits for the answer, or for
 * STUN_ASK_MS. Returns 0, -ETIMEDOUT, or what the system refused as a negative
 * errno (-EPERM where the unit's IPAddressAllow= lacks the server).
 */
int stun_ask(const struct addr *server, const struct addr *from,
	     struct addr *out);

#endif
