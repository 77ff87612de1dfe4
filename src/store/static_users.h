/*
 * Users of the configuration file: made once, then only read.
 *
 * A set is built by the configuration and shared by all workers without
 * locks; a reload builds another set and hands that over.
 */
#ifndef TURNPIKE_STORE_STATIC_USERS_H
#define TURNPIKE_STORE_STATIC_USERS_H

#include "store/store.h"

struct static_users;

extern const struct store_source static_users_source;

/*
 * An empty set of users that are known from `source`; `key` is this start's
 * hash key. Returns NULL without memory.
 */
struct static_users *static_users_new(const struct hash_key *key,
				      enum turn_source source);

/* Wipes and frees the set; NULL is allowed. */
void static_users_free(struct static_users *set);

/*
 * Adds a user, whose prepared name is copied, with its keys and grant,
 * and with the
 * USERHASH under which it can be found. Returns 0, -EEXIST if the realm has a
 * user of that name, or -ENOMEM.
 */
int static_users_add(struct static_users *set, uint8_t realm, const char *name,
		     const uint8_t userhash[STUN_USERHASH_BYTES],
		     const struct turn_keys *keys,
		     const struct turn_grant *grant);

/* How many users the set has. */
uint32_t static_users_count(const struct static_users *set);

#endif
