/*
 * Channels of an allocation, RFC 8656 section 12.
 */
#ifndef TURNPIKE_TURN_CHANNEL_H
#define TURNPIKE_TURN_CHANNEL_H

#include "turn/flow.h"

/*
 * Binds the channel to the peer, or refreshes the binding, for 600 s. The
 * caller has checked that neither is bound otherwise, that the peer is allowed
 * and the limit; `permission` is the index of the peer's permission. Returns
 * false if the pool is exhausted.
 */
bool channel_bind(struct flow_table *t, uint32_t allocation, uint16_t number,
		  const struct addr *peer, uint32_t permission,
		  uint64_t now_ms);

/* Removes the channels that have expired, or all of them. */
void channel_remove_expired(struct flow_table *t, uint32_t allocation,
			    uint64_t now_ms);
void channel_remove_all(struct flow_table *t, uint32_t allocation);

#endif
