/*
 * The oracle's view of the limits of the data path: bandwidth of allocations,
 * users and the process, and the peers that an allocation begins to send to.
 */
#ifndef TURNPIKE_TESTS_SIM_LIMITS_H
#define TURNPIKE_TESTS_SIM_LIMITS_H

#include "sim.h"

/* An allocation begins, and has begun with no peer yet. */
void limits_begin(const struct world *w, struct model_allocation *a);

/* So many bytes of payload passed: no limit may be exceeded. */
void limits_passed(struct world *w, struct model_allocation *a,
		   enum rate_way way, size_t len);

/* Whether a datagram was dropped for its rate; fails if wrongly so. */
bool limits_refused(struct world *w, struct model_allocation *a,
		    enum rate_way way, size_t len, enum drop_reason reason);

/* A Send indication went to a peer; a channel was bound to a new one. */
void limits_sent(struct world *w, struct model_allocation *a,
		 const struct addr *peer);
void limits_bound(struct world *w, struct model_allocation *a,
		  const struct addr *peer);

/* Whether one peer more may be refused now. */
bool limits_may_refuse_peer(struct world *w, struct model_allocation *a,
			    const struct addr *peer);

#endif
