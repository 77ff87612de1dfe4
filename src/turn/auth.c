#include "turn/auth.h"

#include "stun/integrity.h"
#include "turn/refuse.h"
#include "turn/reply.h"

/* Whether PASSWORD-ALGORITHMS is what reply_challenge() sent, byte for byte. */
static bool is_our_list(const struct stun_attr *list)
{
	static const uint8_t ours[] = { 0, STUN_ALGORITHM_SHA256, 0, 0,
					0, STUN_ALGORITHM_MD5,    0, 0 };

	return bytes_equal(list->value, bytes_of(ours, sizeof(ours)));
}

/* PASSWORD-ALGORITHM as an entry of that list: no parameters. */
static bool read_choice(const struct stun_attr *one,
			enum stun_algorithm *algorithm)
{
	uint32_t entry;

	if (!stun_get_u32(one, &entry))
		return false;
	if (entry != (uint32_t)STUN_ALGORITHM_MD5 << 16 &&
	    entry != (uint32_t)STUN_ALGORITHM_SHA256 << 16)
		return false;
	*algorithm = (enum stun_algorithm)(entry >> 16);
	return true;
}

/*
 * The algorithm of the request, RFC 8489 section 9.2.4: MD5 if neither
 * attribute is there. False if they are not what the nonce came with: then
 * somebody on the path took the better algorithm out (section 9.2.1).
 */
static bool choose_algorithm(struct request *r, enum stun_algorithm *algorithm)
{
	const struct stun_message *m = &r->message;
	const struct stun_attr *one, *list, *nonce;

	one = stun_find(m, STUN_ATTR_PASSWORD_ALGORITHM);
	list = stun_find(m, STUN_ATTR_PASSWORD_ALGORITHMS);
	nonce = stun_find(m, STUN_ATTR_NONCE);
	*algorithm = STUN_ALGORITHM_MD5;
	if (!(nonce_features(nonce->value) & NONCE_PASSWORD_ALGORITHMS) ||
	    (!one && !list))
		return true;
	if (!one || !list || !is_our_list(list) || !read_choice(one, algorithm))
		return false;
	r->to.sign_sha256 = true;
	return true;
}

/* What the request's nonce is worth; from then on the answer knows, too. */
static enum nonce_state judge_nonce(struct request *r)
{
	struct turn_server *s = r->server;
	const struct stun_attr *nonce = stun_find(&r->message, STUN_ATTR_NONCE);
	enum nonce_state state = nonce_check(&s->config.nonce, s->crypto,
					     nonce->value, &r->in->source,
					     request_realm(r), r->now->wall_s);

	r->to.unproven = state == NONCE_FOREIGN;
	return state;
}

/* Nobody was asked who it is. */
static void count_unasked(struct request *r, enum counters_auth_result result)
{
	counters_auth(&r->server->counters, COUNTERS_SOURCE_UNKNOWN, result);
}

static void challenge(struct request *r)
{
	count_unasked(r, COUNTERS_AUTH_CHALLENGE);
	reply_challenge(r, STUN_UNAUTHENTICATED);
}

static void ask_for_nonce(struct request *r)
{
	count_unasked(r, COUNTERS_AUTH_STALE_NONCE);
	reply_challenge(r, STUN_STALE_NONCE);
}

bool auth_before_key(struct request *r)
{
	const struct stun_message *m = &r->message;
	struct turn_server *s = r->server;
	const struct stun_attr *name, *realm, *nonce;
	struct bytes ours = request_realm(r);

	if (!m->integrity_at && !m->integrity_sha256_at) {
		challenge(r);
		return false;
	}
	name = stun_find(m, STUN_ATTR_USERNAME);
	if (!name)
		name = stun_find(m, STUN_ATTR_USERHASH);
	realm = stun_find(m, STUN_ATTR_REALM);
	nonce = stun_find(m, STUN_ATTR_NONCE);
	if (!name || !realm || !nonce || !stun_attr_well_sized(name) ||
	    !choose_algorithm(r, &r->algorithm)) {
		reply_error(s, r->out, &r->to, STUN_BAD_REQUEST);
		return false;
	}
	/* A hash is a valid name only where the realm's sources resolve it. */
	if (!bytes_equal(realm->value, ours) ||
	    (name->type == STUN_ATTR_USERHASH &&
	     !s->config.realms[r->realm].offer_userhash)) {
		challenge(r);
		return false;
	}
	/*
	 * A source that is asked over a network is not asked for strangers:
	 * a nonce of ours proves that the sender receives at its address.
	 */
	if (s->config.lookups_are_async && judge_nonce(r) == NONCE_FOREIGN) {
		ask_for_nonce(r);
		return false;
	}
	return true;
}

struct action_lookup auth_query(const struct request *r)
{
	const struct stun_attr *name =
		stun_find(&r->message, STUN_ATTR_USERNAME);
	bool by_hash = !name;

	if (by_hash)
		name = stun_find(&r->message, STUN_ATTR_USERHASH);
	return (struct action_lookup){
		.realm = r->realm,
		.by_hash = by_hash,
		.name = name->value,
	};
}

/* Whether a request names the user, by name or by hash. */
static bool names_user(const struct request *r, struct bytes user)
{
	struct action_lookup query = auth_query(r);
	uint8_t hash[STUN_USERHASH_BYTES];

	if (!query.by_hash)
		return bytes_equal(query.name, user);
	stun_userhash(r->server->crypto, user, request_realm(r), hash);
	return bytes_equal(query.name, bytes_of(hash, sizeof(hash)));
}

bool auth_allocation_has_key(const struct request *r)
{
	const struct turn_server *s = r->server;
	const struct allocation *a;
	const struct secret *key;
	size_t key_bytes = r->algorithm == STUN_ALGORITHM_SHA256
				   ? CRYPTO_SHA256_BYTES
				   : CRYPTO_MD5_BYTES;

	if (r->allocation == POOL_NONE)
		return false;
	a = pool_at(&s->flows.allocations, r->allocation);
	key = pool_at(&s->keys, a->key);
	return a->realm == r->realm && key->len == key_bytes &&
	       names_user(r, users_name(&s->users, a->user));
}

bool auth_may_ask(struct request *r)
{
	const struct throttle *t = &r->server->shared->throttle;
	const struct addr *source = &r->in->source;
	struct bytes user = auth_query(r).name;
	uint64_t now_ms = r->now->mono_ms;

	if (throttle_is_shut(t, source, user, true, now_ms)) {
		counter_add(&r->server->counters.dropped[DROP_THROTTLED], 1);
		count_unasked(r, COUNTERS_AUTH_THROTTLED);
		refuse(r, REFUSAL_THROTTLED, 0, 0);
		return false;
	}
	/* Whom somebody spoofs gets a nonce and is through; a guesser is not. */
	if (throttle_is_shut(t, source, user, false, now_ms) &&
	    judge_nonce(r) == NONCE_FOREIGN) {
		ask_for_nonce(r);
		return false;
	}
	return true;
}

/* The keys that a request may have been signed with. */
struct candidates {
	bool known;     /* whose they are; else there is one that nobody has */
	uint8_t source; /* COUNTERS_SOURCE_UNKNOWN: no source has a key */
	unsigned count;
	const struct secret *keys[TURN_KEYS_MAX];
};

/* The candidate that is right, or NULL. */
static const struct secret *find_right(const struct request *r,
				       const struct candidates *c)
{
	for (unsigned i = 0; i < c->count; i++)
		if (stun_check_integrity(&r->message, r->server->crypto,
					 secret_bytes(c->keys[i])))
			return c->keys[i];
	return NULL;
}

/* Why the user is not let in; false if there is no reason. */
static bool is_refused(const struct request *r, const struct candidates *c,
		       const struct secret *right, enum refusal_cause *cause)
{
	const struct turn_user *user = r->user;

	if (!c->known)
		*cause = REFUSAL_UNKNOWN_USER;
	else if (!right)
		*cause = REFUSAL_WRONG_PASSWORD;
	else if (user && user->disabled)
		*cause = REFUSAL_DISABLED;
	else if (user && user->expires_wall_s &&
		 user->expires_wall_s <= r->now->wall_s)
		*cause = REFUSAL_EXPIRED;
	else
		return false;
	return true;
}

static enum counters_auth_result result_of(enum refusal_cause cause)
{
	switch (cause) {
	case REFUSAL_WRONG_PASSWORD:
		return COUNTERS_AUTH_WRONG_PASSWORD;
	case REFUSAL_DISABLED:
		return COUNTERS_AUTH_DISABLED;
	case REFUSAL_EXPIRED:
		return COUNTERS_AUTH_EXPIRED;
	default:
		return COUNTERS_AUTH_UNKNOWN_USER;
	}
}

static void put_refusal(struct request *r, enum refusal_cause cause)
{
	struct refusal f = refuse_begin(r, cause, STUN_UNAUTHENTICATED);

	if (cause == REFUSAL_EXPIRED)
		f.expired_wall_s = r->user->expires_wall_s;
	refuse_put(r->server, r->now, &f, r->out);
}

/* Takes the key that proves right, if one does, as the request's own. */
static bool prove(struct request *r, const struct candidates *c)
{
	const struct secret *key = find_right(r, c);
	enum nonce_state nonce = judge_nonce(r);
	struct counters *counters = &r->server->counters;
	enum refusal_cause cause;

	if (is_refused(r, c, key, &cause)) {
		counters_auth(counters, c->source, result_of(cause));
		reply_challenge(r, STUN_UNAUTHENTICATED);
		throttle_failed(&r->server->shared->throttle, &r->in->source,
				auth_query(r).name, nonce != NONCE_FOREIGN,
				r->now->mono_ms);
		/* Without a nonce of ours the source may be spoofed. */
		if (nonce != NONCE_FOREIGN)
			put_refusal(r, cause);
		return false;
	}
	if (nonce != NONCE_FRESH) {
		counters_auth(counters, c->source, COUNTERS_AUTH_STALE_NONCE);
		reply_challenge(r, STUN_STALE_NONCE);
		return false;
	}
	counters_auth(counters, c->source, COUNTERS_AUTH_OK);
	r->key = *key;
	r->to.key = &r->key;
	return true;
}

/* The key of the algorithm that the request was made with; may be empty. */
static const struct secret *chosen_key(const struct request *r,
				       const struct turn_keys *keys)
{
	return r->algorithm == STUN_ALGORITHM_SHA256 ? &keys->sha256
						     : &keys->md5;
}

/* A user's keys of that algorithm; an unknown user gets one as well. */
static struct candidates candidates_of(const struct request *r,
				       const struct turn_user *user)
{
	struct candidates c = { .known = false,
				.source = COUNTERS_SOURCE_UNKNOWN };

	for (unsigned i = 0; user && i < user->key_count; i++) {
		const struct secret *key = chosen_key(r, &user->keys[i]);

		if (key->len)
			c.keys[c.count++] = key;
	}
	c.known = c.count > 0;
	if (c.known)
		c.source = (uint8_t)user->source;
	else
		c.keys[c.count++] = &r->server->unknown_key;
	return c;
}

bool auth_with_key(struct request *r, const struct turn_user *user,
		   struct bytes name)
{
	struct candidates c = candidates_of(r, user);

	if (user)
		r->name = name;
	r->user = user;
	return prove(r, &c);
}

bool auth_with_allocation(struct request *r)
{
	const struct turn_server *s = r->server;
	const struct allocation *a =
		pool_at(&s->flows.allocations, r->allocation);
	struct candidates c = {
		.known = true,
		.source = a->source,
		.count = 1,
		.keys = { pool_at(&s->keys, a->key) },
	};

	r->name = users_name(&s->users, a->user);
	return prove(r, &c);
}
