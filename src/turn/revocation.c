#include "turn/revocation.h"

#include "turn/allocation.h"

/* Whether the user's sources would still admit it. */
static bool is_admitted(const struct turn_server *s, const struct allocation *a,
			enum turn_lookup result, const struct turn_user *user,
			enum turn_cause *cause)
{
	const struct secret *own = pool_at(&s->keys, a->key);

	*cause = TURN_CAUSE_USER_GONE;
	/* A list that has the user no more need not wait for who is away. */
	if (result == TURN_LOOKUP_UNAVAILABLE)
		return !source_is_listed((enum turn_source)a->source);
	if (result == TURN_LOOKUP_UNKNOWN)
		return false;
	*cause = TURN_CAUSE_USER_DISABLED;
	if (user->disabled)
		return false;
	*cause = TURN_CAUSE_KEY_CHANGED;
	for (unsigned i = 0; i < user->key_count; i++) {
		const struct secret *key = own->len == CRYPTO_MD5_BYTES
						   ? &user->keys[i].md5
						   : &user->keys[i].sha256;

		if (key->len == own->len &&
		    crypto_equal(key->bytes, own->bytes, own->len))
			return true;
	}
	return false;
}

bool revocation_recheck(struct turn_server *s, const struct now *now,
			uint8_t realm, struct bytes name,
			enum turn_lookup result, const struct turn_user *user,
			struct actions *out)
{
	uint32_t i = users_find(&s->users, realm, name);

	if (i == POOL_NONE)
		return false;
	i = ((const struct user *)pool_at(&s->users.pool, i))->first_allocation;
	while (i != POOL_NONE) {
		const struct allocation *a = pool_at(&s->flows.allocations, i);
		enum turn_cause cause;

		if (!is_admitted(s, a, result, user, &cause) &&
		    (a->revocable ||
		     (result == TURN_LOOKUP_FOUND && user->revocable))) {
			allocation_end(s, now, i, cause, out);
			return true;
		}
		i = a->user_next;
	}
	return false;
}
