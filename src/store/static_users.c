#include "store/static_users.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/map.h"

/* More than a configuration file of the largest size can name. */
#define USERS_MAX 65536

struct user {
	struct map_link by_name;
	struct map_link by_userhash;
	uint64_t name_hash;
	uint64_t userhash_hash;
	uint16_t name_len;
	uint8_t realm;
	bool disabled;
	uint8_t userhash[STUN_USERHASH_BYTES];
	char *name; /* owned */
	struct turn_keys keys;
	struct turn_grant grant;
};

struct static_users {
	struct hash_key key;
	enum turn_source source;
	struct pool pool; /* of struct user */
	struct map by_name;
	struct map by_userhash;
	/* Whom a query is compared with that nobody matches; in no map. */
	struct user nobody;
	char nobodys_name[STUN_USERNAME_MAX_BYTES];
};

/* Realms hash differently, so that one name is found in each of them. */
static uint64_t hash_in(const struct static_users *set, uint8_t realm,
			struct bytes name)
{
	struct hash_key key = set->key;

	key.k1 ^= (uint64_t)realm << 56;
	return hash_bytes(&key, name);
}

static int init(struct static_users *set)
{
	int error = pool_init(&set->pool, sizeof(struct user), USERS_MAX, true);

	if (error)
		return error;
	error = map_init(&set->by_name, &set->pool,
			 offsetof(struct user, by_name));
	if (error)
		return error;
	return map_init(&set->by_userhash, &set->pool,
			offsetof(struct user, by_userhash));
}

struct static_users *static_users_new(const struct hash_key *key,
				      enum turn_source source)
{
	struct static_users *set = calloc(1, sizeof(*set));

	if (!set)
		return NULL;
	set->key = *key;
	set->source = source;
	set->nobody.name = set->nobodys_name;
	if (init(set)) {
		static_users_free(set);
		return NULL;
	}
	return set;
}

void static_users_free(struct static_users *set)
{
	if (!set)
		return;
	/* None is ever given back: those taken are the first ones. */
	for (uint32_t i = 0; i < set->pool.used; i++)
		free(((struct user *)pool_at(&set->pool, i))->name);
	map_fini(&set->by_userhash);
	map_fini(&set->by_name);
	pool_fini(&set->pool);
	free(set);
}

static bool has_name(const struct user *u, uint8_t realm, struct bytes name)
{
	return u->realm == realm &&
	       bytes_equal(bytes_of(u->name, u->name_len), name);
}

static bool is_taken(const struct static_users *set, uint8_t realm,
		     struct bytes name)
{
	uint32_t hash = (uint32_t)hash_in(set, realm, name);
	uint32_t i;

	for (i = map_first(&set->by_name, hash); i != POOL_NONE;
	     i = map_next(&set->by_name, i))
		if (has_name(pool_at(&set->pool, i), realm, name))
			return true;
	return false;
}

static void fill(const struct static_users *set, struct user *u,
		 const struct static_user *from)
{
	struct bytes userhash = bytes_of(u->userhash, sizeof(u->userhash));

	u->name_len = (uint16_t)strlen(from->name);
	u->realm = from->realm;
	u->disabled = from->disabled;
	memcpy(u->userhash, from->userhash, sizeof(u->userhash));
	u->keys = from->keys;
	u->grant = from->grant;
	u->name_hash = hash_in(set, u->realm, bytes_str(from->name));
	u->userhash_hash = hash_in(set, u->realm, userhash);
}

int static_users_add(struct static_users *set, const struct static_user *user)
{
	struct bytes view = bytes_str(user->name);
	struct user *u;
	uint32_t index;
	char *copy;

	assert(view.len <= STUN_USERNAME_MAX_BYTES);
	if (is_taken(set, user->realm, view))
		return -EEXIST;
	copy = malloc(view.len + 1);
	if (!copy)
		return -ENOMEM;
	index = pool_take(&set->pool);
	if (index == POOL_NONE) {
		free(copy);
		return -ENOMEM;
	}
	memcpy(copy, user->name, view.len + 1);

	u = pool_at(&set->pool, index);
	u->name = copy;
	fill(set, u, user);
	map_add(&set->by_name, index, (uint32_t)u->name_hash);
	map_add(&set->by_userhash, index, (uint32_t)u->userhash_hash);
	return 0;
}

bool static_users_has(const struct static_users *set, uint8_t realm,
		      const char *name)
{
	return is_taken(set, realm, bytes_str(name));
}

uint32_t static_users_count(const struct static_users *set)
{
	return set->pool.used;
}

/*
 * The user with that 64-bit hash, or nobody. All of the chain is looked at,
 * whoever is in it, and nothing is compared but hashes.
 */
static const struct user *candidate(const struct static_users *set,
				    const struct store_query *query)
{
	const struct map *map = query->by_hash ? &set->by_userhash
					       : &set->by_name;
	uint64_t hash = hash_in(set, query->realm, query->name);
	const struct user *found = &set->nobody;
	uint32_t i;

	for (i = map_first(map, (uint32_t)hash); i != POOL_NONE;
	     i = map_next(map, i)) {
		const struct user *u = pool_at(&set->pool, i);

		if ((query->by_hash ? u->userhash_hash : u->name_hash) == hash)
			found = u;
	}
	return found;
}

/* Compares as many bytes of nobody's name as of a user's. */
static bool is_called(const struct static_users *set, const struct user *u,
		      struct bytes name)
{
	bool same_len = u->name_len == name.len;

	if (name.len > STUN_USERNAME_MAX_BYTES)
		return false;
	return crypto_equal(same_len ? u->name : set->nobodys_name, name.data,
			    name.len) &&
	       same_len;
}

/* Whoever asks has made sure of the length. */
static bool has_userhash(const struct user *u, struct bytes userhash)
{
	return userhash.len == sizeof(u->userhash) &&
	       crypto_equal(u->userhash, userhash.data, userhash.len);
}

/*
 * The same steps for a user that exists and one that does not: one hash, one
 * comparison, one copy of keys.
 */
static bool lookup(void *self, const struct store_query *query,
		   struct store_answer *answer)
{
	const struct static_users *set = self;
	const struct user *u = candidate(set, query);
	bool same = query->by_hash ? has_userhash(u, query->name)
				   : is_called(set, u, query->name);

	same &= u->realm == query->realm && u != &set->nobody;
	answer->result = same ? TURN_LOOKUP_FOUND : TURN_LOOKUP_UNKNOWN;
	answer->user.source = set->source;
	answer->user.disabled = u->disabled;
	answer->user.revocable = true;
	answer->user.expiry_ends = false;
	answer->user.expires_wall_s = 0;
	answer->user.account_at = 0;
	answer->user.grant = u->grant;
	answer->user.key_count = 1;
	answer->user.keys[0] = u->keys;
	answer->name = bytes_of(u->name, u->name_len);
	return true;
}

const struct store_source static_users_source = {
	.name = "static",
	.lookup = lookup,
};
