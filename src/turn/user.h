/*
 * Users with living allocations: one interned record each, shared by all of
 * the user's allocations on this worker.
 */
#ifndef TURNPIKE_TURN_USER_H
#define TURNPIKE_TURN_USER_H

#include "base/bytes.h"
#include "base/hash.h"
#include "base/map.h"
#include "stun/attr.h"
#include "turn/rates.h"

struct user {
	struct map_link by_name;
	uint32_t allocations;      /* that share this record */
	uint32_t first_allocation; /* list through allocation.user_next */
	uint16_t name_bytes;
	uint8_t realm;
	uint8_t name[STUN_USERNAME_MAX_BYTES];
	struct rates_user rates;
};

struct users {
	struct pool pool;
	struct map by_name;
	struct hash_key key;
};

/* Room for `capacity` users. Returns 0, or -ENOMEM with nothing held. */
int users_init(struct users *u, uint32_t capacity, const struct hash_key *key);
void users_fini(struct users *u);

/*
 * The record of that user, made if need be, with one more allocation that
 * shares it. `name` has at most STUN_USERNAME_MAX_BYTES. There is room for as
 * many users as there are allocations, so it cannot fail.
 */
uint32_t users_join(struct users *u, uint8_t realm, struct bytes name);

/* The record of that user, or POOL_NONE. */
uint32_t users_find(const struct users *u, uint8_t realm, struct bytes name);

/* One allocation less; the last one takes the record with it. */
void users_leave(struct users *u, uint32_t index);

/* The user's name, valid while the record is. */
struct bytes users_name(const struct users *u, uint32_t index);

#endif
