/*
 * Users that are listed: made once, then only read.
 *
 * A set is built by the configuration and shared by all workers without
 * locks; a reload builds another set and hands that over. The configuration's
 * own users are one set, those of the users file another.
 */
#ifndef TURNPIKE_STORE_STATIC_USERS_H
#define TURNPIKE_STORE_STATIC_USERS_H

#include "store/store.h"

struct static_users;

/* `self` is a struct static_users, which a lookup only reads. */
extern const struct store_source static_users_source;

/*
 * An empty set of users that are known from `source`; `key` is this start's
 * hash key. Returns NULL without memory.
 */
struct static_users *static_users_new(const struct hash_key *key,
				      enum turn_source source);

/* Wipes and frees the set; NULL is allowed. */
void static_users_free(struct static_users *set);

/* One user, to be added. */
struct static_user {
	const char *name; /* prepared; copied */
	uint8_t realm;
	bool disabled;
	uint8_t userhash[STUN_USERHASH_BYTES]; /* by which it can be found */
	struct turn_keys keys;
	struct turn_grant grant;
};

/*
 * Adds a user. Returns 0, -EEXIST if the realm has a user of that name, or
 * -ENOMEM.
 */
int static_users_add(struct static_users *set, const struct static_user *user);

/* Whether the realm has a user of that prepared name. */
bool static_users_has(const struct static_users *set, uint8_t realm,
		      const char *name);

/* How many users the set has. */
uint32_t static_users_count(const struct static_users *set);

#endif
