#include "store/redis_cache.h"

#include <errno.h>
#include <stdlib.h>

/* For each so many users there is room for one name that nobody has. */
#define USERS_PER_UNKNOWN 8

struct entry {
	struct map_link by_name;
	uint32_t epoch;
	uint64_t hash;
	uint64_t said_ms;
	uint64_t rate_bytes;
	uint32_t allocations_max;
	uint16_t name_bytes;
	uint8_t realm;
	bool was_used; /* since the hand last came by */
	bool exists;
	bool disabled;
	uint8_t md5_bytes;
	uint8_t sha256_bytes;
	uint8_t md5[CRYPTO_MD5_BYTES];
	uint8_t sha256[CRYPTO_SHA256_BYTES];
	uint8_t name[STUN_USERNAME_MAX_BYTES];
};

/* Whom a query finds that finds nobody. */
static const struct entry nobody;

static struct entry *entry_at(const struct redis_cache *c, uint32_t index)
{
	return pool_at(&c->pool, index);
}

int redis_cache_init(struct redis_cache *c, uint32_t entries,
		     const struct hash_key *key)
{
	int error;

	*c = (struct redis_cache){
		.key = *key,
		.unknown_max =
			(entries + USERS_PER_UNKNOWN - 1) / USERS_PER_UNKNOWN,
	};
	c->unknown = calloc(c->unknown_max, sizeof(*c->unknown));
	error = c->unknown ? 0 : -ENOMEM;
	if (!error)
		error = pool_init(&c->pool, sizeof(struct entry),
				  entries + c->unknown_max, true);
	if (!error)
		error = map_init(&c->by_name, &c->pool,
				 offsetof(struct entry, by_name));
	if (error)
		redis_cache_fini(c);
	return error;
}

void redis_cache_fini(struct redis_cache *c)
{
	map_fini(&c->by_name);
	pool_fini(&c->pool);
	free(c->unknown);
	*c = (struct redis_cache){ .unknown = NULL };
}

/* Realms hash differently, so that one name is found in each of them. */
static uint64_t hash_in(const struct redis_cache *c, uint8_t realm,
			struct bytes name)
{
	struct hash_key key = c->key;

	key.k1 ^= (uint64_t)realm << 56;
	return hash_bytes(&key, name);
}

/*
 * The entry with that 64-bit hash, or POOL_NONE. All of the chain is looked
 * at, whoever is in it, and nothing is compared but hashes.
 */
static uint32_t candidate(const struct redis_cache *c, uint64_t hash)
{
	uint32_t found = POOL_NONE;
	uint32_t i;

	for (i = map_first(&c->by_name, (uint32_t)hash); i != POOL_NONE;
	     i = map_next(&c->by_name, i))
		if (entry_at(c, i)->hash == hash)
			found = i;
	return found;
}

/* Compares as many bytes of nobody's name as of an entry's. */
static bool is_called(const struct redis_cache *c, const struct entry *e,
		      uint8_t realm, struct bytes name)
{
	bool same_len = e->name_bytes == name.len;

	return crypto_equal(same_len ? e->name : c->nobodys_name, name.data,
			    name.len) &&
	       same_len && e->realm == realm;
}

static uint32_t find(const struct redis_cache *c, uint8_t realm,
		     struct bytes name)
{
	uint32_t i = candidate(c, hash_in(c, realm, name));

	if (i != POOL_NONE && is_called(c, entry_at(c, i), realm, name))
		return i;
	return POOL_NONE;
}

static void give(struct redis_cache *c, uint32_t index)
{
	map_remove(&c->by_name, index);
	pool_give(&c->pool, index);
}

void redis_cache_remove(struct redis_cache *c, uint8_t realm, struct bytes name)
{
	uint32_t i = find(c, realm, name);

	if (i != POOL_NONE)
		give(c, i);
}

/* Makes room in a full pool: the hand passes over those in use, once. */
static void evict(struct redis_cache *c)
{
	for (;;) {
		uint32_t i = c->hand;
		struct entry *e = entry_at(c, i);

		c->hand = i + 1 < c->pool.capacity ? i + 1 : 0;
		if (!e->was_used) {
			give(c, i);
			return;
		}
		e->was_used = false;
	}
}

/* Room for an entry; a name that nobody has takes that of its own kind. */
static uint32_t take(struct redis_cache *c, bool exists)
{
	struct ref *place = &c->unknown[c->unknown_next];
	uint32_t i;

	if (!exists && pool_get(&c->pool, *place))
		give(c, place->index);
	i = pool_take(&c->pool);
	if (i == POOL_NONE) {
		evict(c);
		i = pool_take(&c->pool);
	}
	if (!exists) {
		*place = pool_ref(&c->pool, i);
		c->unknown_next = (c->unknown_next + 1) % c->unknown_max;
	}
	return i;
}

static uint32_t add(struct redis_cache *c, uint8_t realm, struct bytes name,
		    bool exists)
{
	uint32_t i = take(c, exists);
	struct entry *e = entry_at(c, i);

	e->hash = hash_in(c, realm, name);
	e->realm = realm;
	e->exists = exists;
	e->name_bytes = (uint16_t)name.len;
	memcpy(e->name, name.data, name.len);
	map_add(&c->by_name, i, (uint32_t)e->hash);
	return i;
}

static void set_key(struct secret *to, const uint8_t *from, uint8_t len,
		    size_t size)
{
	to->len = len;
	memcpy(to->bytes, from, size);
}

static void fill(struct store_answer *answer, const struct entry *e,
		 struct bytes name)
{
	struct turn_user *user = &answer->user;

	answer->result = e->exists ? TURN_LOOKUP_FOUND : TURN_LOOKUP_UNKNOWN;
	answer->name = name;
	user->source = TURN_SOURCE_REDIS;
	user->disabled = e->disabled;
	user->revocable = true;
	user->expiry_ends = false;
	user->expires_wall_s = 0;
	user->account_at = 0;
	user->grant = (struct turn_grant){
		.allocations_max = e->allocations_max,
		.rate_bytes_per_s = e->rate_bytes,
	};
	user->key_count = 1;
	set_key(&user->keys[0].md5, e->md5, e->md5_bytes, sizeof(e->md5));
	set_key(&user->keys[0].sha256, e->sha256, e->sha256_bytes,
		sizeof(e->sha256));
}

static uint8_t copy_key(const struct secret *from, void *to, size_t len)
{
	if (from->len != len)
		return 0;
	memcpy(to, from->bytes, len);
	return (uint8_t)len;
}

static void keep(struct entry *e, const struct redis_answer *said)
{
	e->disabled = said->disabled;
	e->allocations_max = said->allocations_max;
	e->rate_bytes = said->rate_bytes;
	e->md5_bytes = copy_key(&said->md5, e->md5, sizeof(e->md5));
	e->sha256_bytes = copy_key(&said->sha256, e->sha256, sizeof(e->sha256));
}

void redis_cache_put(struct redis_cache *c, uint64_t now_ms, uint8_t realm,
		     struct bytes name, const struct redis_answer *said,
		     struct store_answer *answer)
{
	bool exists = said->result == TURN_LOOKUP_FOUND;
	struct entry *e;
	uint32_t i;

	assert(name.len > 0 && name.len <= STUN_USERNAME_MAX_BYTES);
	assert(said->result != TURN_LOOKUP_UNAVAILABLE);
	i = find(c, realm, name);
	if (i != POOL_NONE && entry_at(c, i)->exists != exists) {
		give(c, i);
		i = POOL_NONE;
	}
	if (i == POOL_NONE)
		i = add(c, realm, name, exists);
	e = entry_at(c, i);
	e->epoch = c->epoch;
	e->said_ms = now_ms;
	if (exists)
		keep(e, said);
	fill(answer, e, name);
}

static enum redis_cache_use use_of(const struct redis_cache *c,
				   const struct entry *e, uint64_t now_ms,
				   const struct redis_cache_times *times)
{
	uint64_t ttl_s = e->exists ? times->ttl_s : times->negative_ttl_s;
	uint64_t age_ms = now_ms - e->said_ms;

	if (e->epoch == c->epoch && age_ms < ttl_s * 1000)
		return REDIS_CACHE_FRESH;
	if (e->exists && age_ms < (uint64_t)times->stale_s * 1000)
		return REDIS_CACHE_STALE;
	return REDIS_CACHE_NONE;
}

enum redis_cache_use redis_cache_find(struct redis_cache *c, uint64_t now_ms,
				      const struct redis_cache_times *times,
				      uint8_t realm, struct bytes name,
				      struct store_answer *answer)
{
	uint32_t i = candidate(c, hash_in(c, realm, name));
	struct entry *found = i == POOL_NONE ? NULL : entry_at(c, i);
	const struct entry *e = found ? found : &nobody;
	bool same = is_called(c, e, realm, name) && found;

	fill(answer, e, name);
	if (!same)
		return REDIS_CACHE_NONE;
	found->was_used = true;
	return use_of(c, e, now_ms, times);
}

void redis_cache_age(struct redis_cache *c)
{
	c->epoch++;
}

void redis_cache_clear(struct redis_cache *c)
{
	for (uint32_t i = 0; i < c->pool.touched; i++)
		if (pool_is_taken(&c->pool, i))
			give(c, i);
}
