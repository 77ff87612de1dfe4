#include "turn/user.h"

#include <assert.h>
#include <errno.h>

int users_init(struct users *u, uint32_t capacity, const struct hash_key *key)
{
	*u = (struct users){ .key = *key };
	if (pool_init(&u->pool, sizeof(struct user), capacity, false) ||
	    map_init(&u->by_name, &u->pool, offsetof(struct user, by_name))) {
		users_fini(u);
		return -ENOMEM;
	}
	return 0;
}

void users_fini(struct users *u)
{
	map_fini(&u->by_name);
	pool_fini(&u->pool);
}

static bool is_user(const struct user *user, uint8_t realm, struct bytes name)
{
	return user->realm == realm &&
	       bytes_equal(bytes_of(user->name, user->name_bytes), name);
}

static uint32_t hash_of(const struct users *u, uint8_t realm, struct bytes name)
{
	return (uint32_t)hash_bytes(&u->key, name) + realm;
}

uint32_t users_find(const struct users *u, uint8_t realm, struct bytes name)
{
	uint32_t i = map_first(&u->by_name, hash_of(u, realm, name));

	while (i != POOL_NONE && !is_user(pool_at(&u->pool, i), realm, name))
		i = map_next(&u->by_name, i);
	return i;
}

uint32_t users_join(struct users *u, uint8_t realm, struct bytes name)
{
	uint32_t i = users_find(u, realm, name);
	struct user *user;

	if (i != POOL_NONE) {
		user = pool_at(&u->pool, i);
		user->allocations++;
		return i;
	}
	i = pool_take(&u->pool);
	assert(i != POOL_NONE && name.len <= STUN_USERNAME_MAX_BYTES);
	user = pool_at(&u->pool, i);
	user->allocations = 1;
	user->first_allocation = POOL_NONE;
	user->realm = realm;
	user->name_bytes = (uint16_t)name.len;
	memcpy(user->name, name.data, name.len);
	map_add(&u->by_name, i, hash_of(u, realm, name));
	return i;
}

void users_leave(struct users *u, uint32_t index)
{
	struct user *user = pool_at(&u->pool, index);

	if (--user->allocations)
		return;
	map_remove(&u->by_name, index);
	pool_give(&u->pool, index);
}

struct bytes users_name(const struct users *u, uint32_t index)
{
	const struct user *user = pool_at(&u->pool, index);

	return bytes_of(user->name, user->name_bytes);
}
