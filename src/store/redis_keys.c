#include "store/redis_keys.h"

#include <assert.h>
#include <stdio.h>

static const char coturn_prefix[] = "turn/realm/";
static const char our_prefix[] = "turnpike/realm/";
static const char user_part[] = "/user/";
static const char key_part[] = "/key";

static const char *const item_names[REDIS_ITEMS] = {
	[REDIS_ITEM_SECRET] = "secret",
	[REDIS_ITEM_MAX_BPS] = "max-bps",
	[REDIS_ITEM_TOTAL_QUOTA] = "total-quota",
	[REDIS_ITEM_USER_QUOTA] = "user-quota",
	[REDIS_ITEM_ALLOWED_PEERS] = "allowed-peer-ip",
	[REDIS_ITEM_DENIED_PEERS] = "denied-peer-ip",
};

/* --- building --- */

static void add(struct redis_key *key, struct bytes part)
{
	assert(part.len <= sizeof(key->bytes) - key->len);
	if (part.len > 0)
		memcpy(key->bytes + key->len, part.data, part.len);
	key->len += part.len;
}

static void begin(struct redis_key *key, const char *prefix, struct bytes realm)
{
	key->len = 0;
	add(key, bytes_str(prefix));
	add(key, realm);
}

void redis_key_user(struct redis_key *key, struct bytes realm,
		    struct bytes name)
{
	begin(key, coturn_prefix, realm);
	add(key, bytes_str(user_part));
	add(key, name);
	add(key, bytes_str(key_part));
}

void redis_key_hash(struct redis_key *key, struct bytes realm,
		    struct bytes name)
{
	begin(key, our_prefix, realm);
	add(key, bytes_str(user_part));
	add(key, name);
}

void redis_key_item(struct redis_key *key, struct bytes realm,
		    enum redis_item item)
{
	begin(key, coturn_prefix, realm);
	add(key, bytes_str("/"));
	add(key, bytes_str(redis_item_name(item)));
}

const char *redis_item_name(enum redis_item item)
{
	assert(item < REDIS_ITEMS);
	return item_names[item];
}

struct bytes redis_key_bytes(const struct redis_key *key)
{
	return bytes_of(key->bytes, key->len);
}

/* --- taking apart --- */

/* Takes `part` off the front or the back; false, nothing done, if not there. */
static bool take_front(struct bytes *key, struct bytes part)
{
	if (key->len < part.len ||
	    !bytes_equal(bytes_of(key->data, part.len), part))
		return false;
	*key = bytes_of(key->data + part.len, key->len - part.len);
	return true;
}

static bool take_back(struct bytes *key, struct bytes part)
{
	if (key->len < part.len ||
	    !bytes_equal(bytes_of(key->data + (key->len - part.len), part.len),
			 part))
		return false;
	key->len -= part.len;
	return true;
}

static enum redis_about parse_item(struct bytes rest, enum redis_item *item)
{
	if (!take_front(&rest, bytes_str("/")))
		return REDIS_ABOUT_NOTHING;
	for (int i = 0; i < REDIS_ITEMS; i++)
		if (bytes_equal(rest, bytes_str(item_names[i]))) {
			*item = (enum redis_item)i;
			return REDIS_ABOUT_ITEM;
		}
	return REDIS_ABOUT_NOTHING;
}

enum redis_about redis_key_parse(struct bytes key, struct bytes realm,
				 struct bytes *name, enum redis_item *item)
{
	bool ours = take_front(&key, bytes_str(our_prefix));

	if (!ours && !take_front(&key, bytes_str(coturn_prefix)))
		return REDIS_ABOUT_NOTHING;
	if (!take_front(&key, realm))
		return REDIS_ABOUT_NOTHING;
	if (!take_front(&key, bytes_str(user_part)))
		return ours ? REDIS_ABOUT_NOTHING : parse_item(key, item);
	if (!ours && !take_back(&key, bytes_str(key_part)))
		return REDIS_ABOUT_NOTHING;
	if (key.len > STUN_USERNAME_MAX_BYTES)
		return REDIS_ABOUT_NOTHING;
	*name = key;
	return REDIS_ABOUT_USER;
}

bool redis_key_of_channel(struct bytes channel, uint32_t database,
			  struct bytes *key)
{
	char prefix[32];

	snprintf(prefix, sizeof(prefix), "__keyspace@%u__:", database);
	*key = channel;
	return take_front(key, bytes_str(prefix));
}
