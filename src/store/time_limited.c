#include "store/time_limited.h"

#include "base/base64.h"
#include "base/utf8.h"
#include "stun/integrity.h"

/* The largest number of seconds has 19; one zero in front does no harm. */
#define EXPIRY_MAX_DIGITS 20

/* Reads the digits that a name begins with; false if they are no time. */
static bool read_expiry(struct bytes name, int64_t *expiry, size_t *digits)
{
	uint64_t value = 0;
	size_t i;

	for (i = 0; i < name.len; i++) {
		uint8_t digit = (uint8_t)(name.data[i] - '0');

		if (digit > 9)
			break;
		if (i == EXPIRY_MAX_DIGITS ||
		    value > (uint64_t)(INT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*expiry = (int64_t)value;
	*digits = i;
	return i > 0;
}

bool time_limited_parse(struct bytes name, char separator,
			struct time_limited_name *out)
{
	int64_t expiry;
	size_t digits;

	if (name.len > STUN_USERNAME_MAX_BYTES || !utf8_is_valid(name) ||
	    !read_expiry(name, &expiry, &digits))
		return false;
	if (digits < name.len && name.data[digits] != (uint8_t)separator)
		return false;
	/* 0 would mean that there is no end. */
	out->expires_wall_s = expiry > 0 ? expiry : 1;
	out->account_at = (uint16_t)(digits + 1 < name.len ? digits + 1 : 0);
	return true;
}

bool shared_secret_is_in_force(const struct shared_secret *s, uint8_t realm,
			       int64_t wall_s)
{
	return (s->realm == realm || s->realm == SECRETS_EVERY_REALM) &&
	       (s->not_before_wall_s == 0 || wall_s >= s->not_before_wall_s) &&
	       (s->not_after_wall_s == 0 || wall_s < s->not_after_wall_s);
}

/* The keys of the password that this secret gives the user. */
static void derive(struct crypto *crypto, const struct shared_secret *s,
		   struct bytes name, struct bytes realm,
		   struct turn_keys *keys)
{
	struct bytes secret = bytes_of(s->bytes, s->len);
	char text[BASE64_CHARS(CRYPTO_SHA256_BYTES)];
	uint8_t mac[CRYPTO_SHA256_BYTES];
	size_t len = s->sha256 ? CRYPTO_SHA256_BYTES : CRYPTO_SHA1_BYTES;
	struct bytes password = bytes_of(text, BASE64_CHARS(len));

	if (s->sha256)
		crypto_hmac_sha256(crypto, secret, &name, 1, mac);
	else
		crypto_hmac_sha1(crypto, secret, &name, 1, mac);
	base64_encode(bytes_of(mac, len), text);
	stun_long_term_key(crypto, STUN_ALGORITHM_MD5, name, realm, password,
			   &keys->md5);
	stun_long_term_key(crypto, STUN_ALGORITHM_SHA256, name, realm, password,
			   &keys->sha256);
	crypto_wipe(mac, sizeof(mac));
	crypto_wipe(text, sizeof(text));
}

/* Adds what the secrets in force give, as long as there is room. */
static void add_keys(const struct time_limited *t, const struct secrets *from,
		     const struct store_query *query, struct turn_user *user)
{
	struct bytes realm = bytes_str(t->realms[query->realm].name);

	for (unsigned i = 0; from && i < from->count; i++) {
		const struct shared_secret *s = &from->items[i];

		if (user->key_count == TURN_KEYS_MAX)
			return;
		if (shared_secret_is_in_force(s, query->realm,
					      query->now->wall_s))
			derive(t->crypto, s, query->name, realm,
			       &user->keys[user->key_count++]);
	}
}

static int64_t end_of(const struct time_limited_name *name, uint32_t skew_s)
{
	if (name->expires_wall_s > INT64_MAX - skew_s)
		return INT64_MAX;
	return name->expires_wall_s + skew_s;
}

/*
 * Whether a name is of this source is for all to see, so that only the names
 * that are need the same steps: all secrets are tried, whatever the expiry.
 */
static bool lookup(void *self, const struct store_query *query,
		   struct store_answer *answer)
{
	const struct time_limited *t = self;
	const struct secrets *s = t->secrets;
	struct turn_user *user = &answer->user;
	struct time_limited_name name;

	answer->result = TURN_LOOKUP_UNKNOWN;
	user->key_count = 0;
	if (!s || query->by_hash ||
	    !time_limited_parse(query->name, s->separator, &name))
		return true;
	add_keys(t, s, query, user);
	add_keys(t, t->more, query, user);
	if (user->key_count == 0)
		return true;
	answer->result = TURN_LOOKUP_FOUND;
	answer->name = query->name;
	user->source = TURN_SOURCE_TIME_LIMITED;
	user->disabled = false;
	user->expiry_ends = s->end_sessions;
	user->revocable = s->end_withdrawn;
	user->expires_wall_s = end_of(&name, s->skew_s);
	user->account_at = name.account_at;
	user->grant = (struct turn_grant){ .allocations_max = 0 };
	return true;
}

const struct store_source time_limited_source = {
	.name = "time-limited",
	.lookup = lookup,
};
