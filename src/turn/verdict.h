/*
 * What becomes of one datagram on the data path.
 *
 * A verdict is all an executor needs: it sends without knowing STUN. What
 * leaves is `prepend_bytes` of prepend, then `payload_bytes` of the datagram
 * after its first `skip_bytes`, then `pad_bytes` of zeros.
 */
#ifndef TURNPIKE_TURN_VERDICT_H
#define TURNPIKE_TURN_VERDICT_H

#include "base/addr.h"
#include "base/pool.h"
#include "turn/drop.h"

/* A Data indication over IPv4: header, XOR-PEER-ADDRESS, DATA's header. */
#define VERDICT_PREPEND_MAX 36

enum verdict_kind {
	VERDICT_DROP,      /* counted under `drop` by whoever judged */
	VERDICT_CONTROL,   /* a message for the core: turn_message() */
	VERDICT_TO_PEER,   /* out of the allocation's relay socket */
	VERDICT_TO_CLIENT, /* out of the listener's socket */
	VERDICT_HAIRPIN,   /* to another allocation: turn_from_hairpin() */
};

struct verdict {
	enum verdict_kind kind;
	enum drop_reason drop;
	uint16_t skip_bytes;
	uint16_t payload_bytes;
	uint8_t prepend_bytes;
	uint8_t pad_bytes;
	uint8_t tos;        /* to be set on what leaves */
	bool dont_fragment; /* set DF on what leaves */
	uint16_t listener;  /* TO_CLIENT: out of which listener */
	uint16_t worker;    /* HAIRPIN: whose allocation it is */
	/*
	 * TO_PEER: the allocation whose socket sends. HAIRPIN: the receiving
	 * allocation, on `worker`.
	 */
	struct ref allocation;
	/*
	 * Datagrams of the same flow must leave in the order of their
	 * verdicts: the same value for the same (direction, allocation, peer).
	 */
	uint32_t flow;
	struct addr to; /* TO_PEER, TO_CLIENT: where to */
	/* HAIRPIN: the sender's relayed address, as the receiver sees it. */
	struct addr from;
	uint8_t prepend[VERDICT_PREPEND_MAX];
};

#endif
