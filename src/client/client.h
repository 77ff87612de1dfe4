/*
 * A TURN client over UDP, sans-I/O: the daemon's self-test, the doctor and
 * the load generator speak to a server through this one state machine.
 *
 * It makes one allocation and has one request in flight at a time. Inputs are
 * the caller's wishes, datagrams from the server and the time; outputs are
 * datagrams written into the caller's memory and at most one event per call.
 * There is no socket, clock or heap in it: a client is one flat struct of the
 * caller's, under 2 KB, so thousands are cheap. It answers the long-term
 * credential challenge (RFC 8489 section 9.2: MD5 and SHA-256 keys, PASSWORD-
 * ALGORITHMS, USERHASH), follows a stale nonce, retransmits (section 6.2.1,
 * with a fixed RTO) and believes no answer that it cannot verify.
 *
 * It does not refresh anything by itself, does not follow an ALTERNATE-SERVER
 * (the event tells it), and leaves it to the caller to accept datagrams from
 * the server's address only.
 *
 *	client_allocate(&c, 0, now);
 *	for (;;) {
 *		while ((n = client_poll(&c, now, out, sizeof(out), &event)))
 *			send(out, n);
 *		...look at event, wait until client_due_ms(&c) or a datagram...
 *		client_receive(&c, datagram, now, &event);
 *	}
 *
 * All times are struct now's mono_ms.
 */
#ifndef TURNPIKE_CLIENT_CLIENT_H
#define TURNPIKE_CLIENT_CLIENT_H

#include "base/addr.h"
#include "base/bytes.h"
#include "base/crypto.h"
#include "base/random.h"
#include "stun/attr.h"

/* RFC 8489 section 6.2.1: RTO, Rc and Rm. */
#define CLIENT_RTO_MS 500
#define CLIENT_REQUESTS_MAX 7
#define CLIENT_LAST_WAIT_RTOS 16

/* Peers that a client remembers, each with a permission, perhaps a channel. */
#define CLIENT_PEERS_MAX 8
/* The longest REALM and NONCE that a server may send: 509 bytes, RFC 8489
 * section 14.9 and 14.10. A server that sends longer ones is not answered. */
#define CLIENT_TEXT_MAX_BYTES 512
/* The longest PASSWORD-ALGORITHMS that is answered: 16 of 4 bytes. */
#define CLIENT_ALGORITHMS_MAX_BYTES 64
/* Stale nonces (438) in a row that a request puts up with. */
#define CLIENT_STALE_MAX 3
/* No request is longer; client_poll() wants that much room. */
#define CLIENT_REQUEST_MAX_BYTES 2048

/* What clients may share. It is borrowed and must outlive them. */
struct client_config {
	/* Prepared (base/opaque.h); the name has at most
	 * STUN_USERNAME_MAX_BYTES bytes. */
	struct bytes name;
	struct bytes password;
	struct crypto *crypto;
	struct random *random; /* transaction ids */
	uint32_t rto_ms;       /* 0: CLIENT_RTO_MS */
};

enum client_event_type {
	CLIENT_NOTHING = 0,
	CLIENT_ALLOCATED, /* relayed, mapped, lifetime_s */
	CLIENT_PERMITTED, /* peer */
	CLIENT_BOUND,     /* peer, channel */
	CLIENT_REFRESHED, /* lifetime_s; 0: the allocation is gone */
	CLIENT_DATA,      /* peer, data, channel (0: by Data indication) */
	CLIENT_FAILED,    /* method, failure, code, and what it was about */
};

enum client_failure {
	CLIENT_NO_FAILURE = 0,
	/* The server said no: `code`, and with 300 `alternate`. */
	CLIENT_REFUSED,
	/* No answer in the time of RFC 8489 section 6.2.1. */
	CLIENT_TIMED_OUT,
	/*
	 * The time passed with no answer but such as had to be discarded: not
	 * verifiable with our key, or a 300 or 400 without integrity (RFC 8489
	 * section 9.2.5, 14.8). `code` is that of the last one, or 0.
	 */
	CLIENT_NOT_VERIFIED,
	/* A verified answer without an attribute that it must have, or with
	 * an unknown one that must be understood (RFC 8489 section 6.3.3). */
	CLIENT_BAD_ANSWER,
	/*
	 * A challenge (`code` 401 or 438) that must or can not be answered: no
	 * realm or nonce, or too long ones; no password algorithm in common; a
	 * nonce that says there is a list of algorithms where there is none,
	 * which is how a bid-down attack looks (RFC 8489 section 9.2.5).
	 */
	CLIENT_BAD_CHALLENGE,
};

struct client_event {
	enum client_event_type type;
	enum client_failure failure;
	uint16_t method; /* enum stun_method of the request that ended */
	uint16_t code;   /* of the error response, or 0 */
	uint16_t channel;
	uint32_t lifetime_s;
	struct addr relayed;
	struct addr mapped;
	struct addr peer;
	struct addr alternate; /* ADDR_NONE where none was given */
	struct bytes data;     /* borrowed from the datagram received */
};

/* The request in flight; method 0 where there is none. */
struct client_request {
	uint16_t method;
	uint16_t channel;
	uint32_t lifetime_s;
	bool discarded; /* an answer came that could not be verified */
	uint8_t sent;   /* datagrams so far */
	uint8_t stale;  /* 438s so far */
	uint16_t discarded_code;
	uint64_t due_ms;
	struct addr peer;
	uint8_t transaction_id[STUN_TRANSACTION_ID_BYTES];
};

struct client_peer {
	struct addr addr;
	uint16_t channel; /* 0: none bound */
};

/* Read-only to callers. */
struct client {
	const struct client_config *config;
	struct client_request request;
	bool allocated;
	bool anonymous;     /* the server wants USERHASH */
	uint16_t algorithm; /* enum stun_algorithm of the key; 0: no key yet */
	struct secret key;
	/* The server's challenge, sent back with each request. */
	uint16_t realm_bytes;
	uint16_t nonce_bytes;
	uint16_t algorithms_bytes; /* 0: MESSAGE-INTEGRITY, not -SHA256 */
	uint8_t peer_count;
	struct client_peer peers[CLIENT_PEERS_MAX];
	uint8_t realm[CLIENT_TEXT_MAX_BYTES];
	uint8_t nonce[CLIENT_TEXT_MAX_BYTES];
	uint8_t algorithms[CLIENT_ALGORITHMS_MAX_BYTES];
};

/* Starts a client that knows nothing of its server yet. */
void client_init(struct client *c, const struct client_config *config);

/* Wipes what is secret. An allocation that still stands is left to expire. */
void client_fini(struct client *c);

/*
 * The wishes. Each starts one request, which client_poll() then sends, and
 * which ends with one event. All return 0, or -EBUSY while another request is
 * in flight. The three that need an allocation return -ENOTCONN without one.
 *
 * client_allocate: an Allocate for UDP (RFC 8656 section 7.1), with LIFETIME
 * unless `lifetime_s` is 0. Ends with CLIENT_ALLOCATED. -EISCONN if there is
 * an allocation already.
 *
 * client_permit: a CreatePermission for the IP address of `peer` (section
 * 10.1). Ends with CLIENT_PERMITTED. -ENOSPC if CLIENT_PEERS_MAX others are
 * known.
 *
 * client_bind: a ChannelBind of `peer` to `channel` (section 12.1), which also
 * permits it. Ends with CLIENT_BOUND. -ENOSPC as above. Whether the number
 * and the peer are acceptable is the server's to judge.
 *
 * client_refresh: a Refresh with LIFETIME (section 8.1); 0 s gives the
 * allocation up. Ends with CLIENT_REFRESHED, also where the server answers
 * that the allocation to be given up is gone (437).
 */
int client_allocate(struct client *c, uint32_t lifetime_s, uint64_t now_ms);
int client_permit(struct client *c, const struct addr *peer, uint64_t now_ms);
int client_bind(struct client *c, uint16_t channel, const struct addr *peer,
		uint64_t now_ms);
int client_refresh(struct client *c, uint32_t lifetime_s, uint64_t now_ms);

/*
 * Writes what is due at `now_ms` to `out`, which holds at least
 * CLIENT_REQUEST_MAX_BYTES, and returns its length in bytes; 0 if nothing is.
 * If instead the request in flight has waited long enough, `event` tells its
 * failure; otherwise it is CLIENT_NOTHING.
 */
size_t client_poll(struct client *c, uint64_t now_ms, void *out, size_t size,
		   struct client_event *event);

/* When client_poll() is to be called next; UINT64_MAX: not before a wish. */
uint64_t client_due_ms(const struct client *c);

/*
 * Takes a datagram from the server. `event` is CLIENT_NOTHING if it was not
 * for us, could not be verified, or only led to another request, which
 * client_poll() then has to send. Data is reported only from peers for which
 * a permission or channel was asked (RFC 8656 section 11.4, 12.6).
 */
void client_receive(struct client *c, struct bytes datagram, uint64_t now_ms,
		    struct client_event *event);

/*
 * Writes a datagram that carries `data` to `peer` to `out`: ChannelData if a
 * channel is bound to it, a Send indication otherwise (RFC 8656 section 11.1,
 * 12.5). Returns its length; 0 if it does not fit into `size` bytes, or if
 * the peer was never permitted.
 */
size_t client_send(struct client *c, const struct addr *peer, struct bytes data,
		   void *out, size_t size);

#endif
