/*
 * The oracle's inside: what its files share.
 *
 * model.c is its memory of the world (allocations, permissions, channels,
 * reservations, rules); expect.c says what a request should be answered;
 * outcome.c compares that with what came out, and remembers; course.c says
 * where data should go, and compares; limits.c says how much of it; abuse.c
 * knows what strangers may cost.
 */
#ifndef TURNPIKE_TESTS_SIM_MODEL_H
#define TURNPIKE_TESTS_SIM_MODEL_H

#include "sim.h"

/* Outcomes that are not an error code. */
enum { EXPECT_SUCCESS = 0, EXPECT_NOTHING = -1, EXPECT_LOOKUP = -2 };

/* An expectation may leave some outcomes open, where the RFC does. */
struct expectation {
	int first;
	int second;
	int third;
	bool failed; /* a wrong password, or an unknown user */
	bool stale;  /* or it is 438: the nonce is at its very end */
};

/*
 * The outcome of a client's message now: `looked_up` if a credential source
 * has just answered for it.
 */
struct expectation model_expect(struct world *w, uint16_t worker,
				const struct packet *p, bool looked_up,
				enum turn_lookup result);
bool model_meets(const struct expectation *e, int outcome);

/*
 * Whether an answer of that code to the request counts against its prefix's
 * budget, and how long it is if it does.
 */
bool model_is_unproven(const struct world *w, const struct packet *p,
		       bool looked_up, int code);
size_t model_answer_bytes(const struct world *w, const struct packet *p,
			  int code);

/* A request came in; an answer to who is unproven may go out, or went. */
void model_received(struct world *w, const struct addr *from, size_t len);
bool model_may_answer(struct world *w, const struct addr *to, size_t len);
void model_answered(struct world *w, const struct addr *to, size_t len);

/*
 * Whether the sender, with a nonce of ours or among those without, has been
 * wrong too often to be checked; and that it was wrong.
 */
bool model_is_shut(struct world *w, const struct packet *p, bool proven);
void model_failed(struct world *w, const struct packet *p);

const char *model_realm_name(uint8_t realm);

/* Open, and not past its time. */
bool model_is_alive(const struct world *w, const struct model_allocation *a);

/* The one form of a relay address; the rules of the simulated world. */
struct addr model_canonical(const struct world *w, const struct addr *a);
bool model_in_range(const struct world *w, uint16_t port);
bool model_ip_allowed(const struct world *w, const struct addr *a);
enum peer_verdict model_judge(const struct world *w, const struct addr *a);

struct model_permission *model_find_permission(struct model_allocation *a,
					       const struct addr *ip);
struct model_channel *model_find_number(struct model_allocation *a,
					uint16_t number);
struct model_channel *model_find_channel_to(struct model_allocation *a,
					    const struct addr *peer);
/* Whether data may pass between the allocation and that address now. */
bool model_permitted(const struct world *w, struct model_allocation *a,
		     const struct addr *peer);
void model_install_permission(struct world *w, struct model_allocation *a,
			      const struct addr *named);
/* Forgets what has expired, as far as it no longer counts. */
void model_sweep(struct world *w, struct model_allocation *a);

/*
 * Charges of a user (-1: of all), and ports: `late` also counts reservations
 * whose time is over but which no tick has swept yet.
 */
unsigned model_charges(const struct world *w, int user, bool late);
/* Allocations that were charged to the address; of the realm. */
unsigned model_of_source(const struct world *w, const struct addr *ip);
unsigned model_of_realm(const struct world *w, uint16_t realm);
/* How many one address may have; 0: as many as it likes. */
uint32_t model_source_max(const struct world *w);
bool model_port_is_taken(struct world *w, uint16_t port, bool late);
bool model_port_is_left(struct world *w, int even, bool late);
struct model_reservation *model_find_token(struct world *w,
					   const uint8_t token[8]);

#endif
