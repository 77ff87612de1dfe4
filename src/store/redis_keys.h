/*
 * The names of keys in Redis, built and taken apart.
 *
 * Names of realms and users are bytes: they stand in a key as they are, a '/'
 * included, so a key can only be taken apart for a realm that is known.
 */
#ifndef TURNPIKE_STORE_REDIS_KEYS_H
#define TURNPIKE_STORE_REDIS_KEYS_H

#include "base/bytes.h"
#include "stun/attr.h"

/* What is kept for a realm, besides its users. */
enum redis_item {
	REDIS_ITEM_SECRET, /* a set */
	REDIS_ITEM_MAX_BPS,
	REDIS_ITEM_TOTAL_QUOTA,
	REDIS_ITEM_USER_QUOTA,
	REDIS_ITEM_ALLOWED_PEERS, /* a set, or a string */
	REDIS_ITEM_DENIED_PEERS,  /* the same */
	REDIS_ITEMS,
};

/* The longest of these names, and some room for what stands around them. */
#define REDIS_KEY_MAX_BYTES \
	(STUN_REALM_MAX_BYTES + STUN_USERNAME_MAX_BYTES + 64)

struct redis_key {
	size_t len;
	uint8_t bytes[REDIS_KEY_MAX_BYTES];
};

/* turn/realm/REALM/user/NAME/key, as coturn has it. */
void redis_key_user(struct redis_key *key, struct bytes realm,
		    struct bytes name);

/* turnpike/realm/REALM/user/NAME, our own. */
void redis_key_hash(struct redis_key *key, struct bytes realm,
		    struct bytes name);

/* turn/realm/REALM/ITEM, as coturn has it. */
void redis_key_item(struct redis_key *key, struct bytes realm,
		    enum redis_item item);

/* The last part of that: "secret", "max-bps", ... */
const char *redis_item_name(enum redis_item item);

/* A view of the key. */
struct bytes redis_key_bytes(const struct redis_key *key);

/* What a key is about, in one realm. */
enum redis_about {
	REDIS_ABOUT_NOTHING, /* of ours, or of that realm */
	REDIS_ABOUT_USER,
	REDIS_ABOUT_ITEM,
};

/*
 * Takes a key apart for a realm. Sets `name`, a view into `key`, for a user,
 * and `item` for an item. A key may be about a user in more than one realm, as
 * names may hold a '/': ask for each.
 */
enum redis_about redis_key_parse(struct bytes key, struct bytes realm,
				 struct bytes *name, enum redis_item *item);

/*
 * The key that a channel of keyspace notifications for `database` is about:
 * what stands behind "__keyspace@0__:". Returns false for other channels.
 */
bool redis_key_of_channel(struct bytes channel, uint32_t database,
			  struct bytes *key);

#endif
