/*
 * The relay ports of the process: which are free, reserved or used, by whom.
 *
 * One fixed array of atomics, shared by all workers and never partitioned:
 * insufficient capacity means that the whole range is taken. The same entry
 * is the hairpin directory: it tells which worker and record a live port
 * belongs to. Taking and giving happen on control messages; the packet path
 * does one relaxed load (ports_find).
 *
 * At any time free + used + reserved equals the range.
 */
#ifndef TURNPIKE_TURN_PORTS_H
#define TURNPIKE_TURN_PORTS_H

#include <stdatomic.h>

#include "base/pool.h"
#include "base/random.h"

#define PORTS_RESERVATIONS_MAX 1024
#define PORTS_TOKEN_BYTES 8
/* RFC 8656 section 7.2: at least 30 seconds. */
#define PORTS_RESERVATION_MS 30000

struct ports_reservation {
	_Atomic uint64_t token; /* 0: free; all ones: being filled or ended */
	_Atomic uint64_t user;  /* who is charged for it */
	_Atomic uint64_t expires_ms;
	_Atomic uint16_t port;
};

struct ports {
	uint16_t min;
	uint16_t max;
	_Atomic uint64_t *entries; /* per port of the range */
	_Atomic uint32_t used;
	_Atomic uint32_t reserved;
	struct ports_reservation reservations[PORTS_RESERVATIONS_MAX];
};

/* Whom a live port belongs to. */
struct ports_owner {
	uint16_t worker;       /* 0..255 */
	struct ref allocation; /* index < 2^22 */
};

enum ports_want {
	PORTS_ANY,
	PORTS_EVEN,      /* EVEN-PORT with R = 0 */
	PORTS_EVEN_PAIR, /* EVEN-PORT with R = 1: port + 1 is taken as well */
};

/* A map of min..max, all free; 1024 <= min <= max. Returns 0 or -ENOMEM. */
int ports_init(struct ports *p, uint16_t min, uint16_t max);
void ports_fini(struct ports *p);

/*
 * Takes a port at random: unpredictable while there is choice, and found
 * whenever one is left. Returns false if the whole range has none (a port that
 * another worker gives back meanwhile may be missed). With PORTS_EVEN_PAIR
 * both `*port` and `*port + 1` are taken (used), or neither.
 */
bool ports_take(struct ports *p, struct random *random, enum ports_want want,
		uint16_t *port);

/* Gives a taken port back, published or not; no other port. */
void ports_give(struct ports *p, uint16_t port);

/* Makes a taken port findable as that allocation's, or no longer so. */
void ports_publish(struct ports *p, uint16_t port,
		   const struct ports_owner *owner);
void ports_unpublish(struct ports *p, uint16_t port);

/* The live owner of a port; false if it has none or is out of the range. */
bool ports_find(const struct ports *p, uint16_t port,
		struct ports_owner *owner);

/*
 * Turns a taken port into a reservation for PORTS_RESERVATION_MS and writes
 * its token (RFC 8656 section 18.9). `user` is charged for it. Returns false,
 * the port still taken, if the table of reservations is full.
 */
bool ports_reserve(struct ports *p, uint16_t port, struct random *random,
		   uint64_t user, uint64_t now_ms,
		   uint8_t token[PORTS_TOKEN_BYTES]);

/*
 * Redeems a token, on whatever worker, once: the port is then taken (used)
 * by the caller, who also takes over the charge. Returns false if the token
 * is unknown, expired, redeemed, or was made for another user.
 */
bool ports_redeem(struct ports *p, const uint8_t token[PORTS_TOKEN_BYTES],
		  uint64_t user, uint64_t now_ms, uint16_t *port);

/*
 * Ends a reservation whose time is over: the port is free again. Returns
 * true if this call ended it, so that the caller returns the charge exactly
 * once; false if it had been redeemed.
 */
bool ports_expire(struct ports *p, const uint8_t token[PORTS_TOKEN_BYTES]);

/* Ports neither used nor reserved; exact while no other worker is at it. */
uint32_t ports_free(const struct ports *p);

#endif
