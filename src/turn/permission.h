/*
 * Permissions of an allocation, RFC 8656 section 9.
 */
#ifndef TURNPIKE_TURN_PERMISSION_H
#define TURNPIKE_TURN_PERMISSION_H

#include "turn/flow.h"

/*
 * Installs or refreshes the permission for the IP address that the client
 * named, for 300 s. The caller has judged the address and checked the limit.
 * Returns its index, or POOL_NONE if the pool is exhausted.
 */
uint32_t permission_install(struct flow_table *t, uint32_t allocation,
			    const struct addr *named, uint64_t now_ms);

/*
 * Removes those of the allocation that have expired and carry no channel, or
 * all of them (then no channel may be left).
 */
void permission_remove_expired(struct flow_table *t, uint32_t allocation,
			       uint64_t now_ms);
void permission_remove_all(struct flow_table *t, uint32_t allocation);

#endif
