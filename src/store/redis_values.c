#include "store/redis_values.h"

#include <stdlib.h>

#include "base/hex.h"

#define MD5_BYTES CRYPTO_MD5_BYTES
#define SHA256_BYTES CRYPTO_SHA256_BYTES

static const char too_large[] = "larger than 64 KiB or 1,000 members";
static const char wrong_type[] = "of the wrong type";

/* A reply that is no value at all: why, as far as the type tells. */
static enum redis_value no_value(const redisReply *reply, const char **why)
{
	if (reply->type == REDIS_REPLY_NIL)
		return REDIS_VALUE_NONE;
	if (reply->type == REDIS_REPLY_ERROR) {
		if (redis_reply_is_error(reply, "WRONGTYPE")) {
			*why = wrong_type;
			return REDIS_VALUE_UNUSABLE;
		}
		if (redis_reply_is_error(reply, "TOOLARGE")) {
			*why = too_large;
			return REDIS_VALUE_UNUSABLE;
		}
		return REDIS_VALUE_REFUSED;
	}
	*why = wrong_type;
	return REDIS_VALUE_UNUSABLE;
}

static bool parse_number(struct bytes text, uint64_t max, uint64_t *out)
{
	uint64_t value = 0;

	if (text.len == 0 || text.len > 19)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(text.data[i] - '0');
	}
	if (value > max)
		return false;
	*out = value;
	return true;
}

/* --- users --- */

const char *const redis_hash_fields[REDIS_HASH_FIELDS] = {
	"md5", "sha256", "allocations", "rate", "disabled",
};

static void set_key(struct secret *out, const uint8_t *bytes, size_t len)
{
	secret_wipe(out);
	out->len = (uint8_t)len;
	memcpy(out->bytes, bytes, len);
}

static bool parse_key(struct bytes text, struct secret *out, size_t len)
{
	uint8_t bytes[SHA256_BYTES];
	bool good = hex_decode(text, bytes, len);

	if (good)
		set_key(out, bytes, len);
	crypto_wipe(bytes, sizeof(bytes));
	return good;
}

static void spoil(struct redis_user *user, const char *why)
{
	user->result = REDIS_VALUE_UNUSABLE;
	user->why = why;
}

void redis_read_key(const redisReply *reply, struct redis_user *user)
{
	struct bytes text = redis_reply_text(reply);

	memset(user, 0, sizeof(*user));
	if (reply->type != REDIS_REPLY_STRING) {
		user->result = no_value(reply, &user->why);
		return;
	}
	/* coturn reads the first 32 digits and lets the rest be. */
	if (text.len > 2 * MD5_BYTES)
		text.len = 2 * MD5_BYTES;
	user->result = REDIS_VALUE_GOOD;
	if (!parse_key(text, &user->md5, MD5_BYTES))
		spoil(user, "key is not 32 hexadecimal digits");
}

/* Anything that is not clearly a no: an account is sooner shut than open. */
static bool is_yes(struct bytes text)
{
	return text.len > 0 && !bytes_equal(text, bytes_str("0")) &&
	       !bytes_equal(text, bytes_str("no")) &&
	       !bytes_equal(text, bytes_str("false"));
}

static void read_field(size_t field, struct bytes text, struct redis_user *user)
{
	uint64_t number;

	switch (field) {
	case 0:
		if (!parse_key(text, &user->md5, MD5_BYTES))
			spoil(user, "md5 is not 32 hexadecimal digits");
		break;
	case 1:
		if (!parse_key(text, &user->sha256, SHA256_BYTES))
			spoil(user, "sha256 is not 64 hexadecimal digits");
		break;
	case 2:
		if (parse_number(text, UINT32_MAX, &number))
			user->allocations_max = (uint32_t)number;
		else
			spoil(user, "allocations is not a number");
		break;
	case 3:
		if (parse_number(text, UINT64_MAX, &number))
			user->rate_bytes = number;
		else
			spoil(user, "rate is not a number");
		break;
	default:
		user->disabled = is_yes(text);
		break;
	}
}

/*
 * A field of ours that is good mends what coturn's key has wrong: it wins, so
 * nobody looks at that.
 */
static void read_fields(const redisReply *reply, struct redis_user *user)
{
	const redisReply *md5 = reply->element[0];
	bool spoiled = user->result == REDIS_VALUE_UNUSABLE;

	if (spoiled && md5->type == REDIS_REPLY_STRING)
		user->result = REDIS_VALUE_GOOD;
	for (size_t i = 0; i < REDIS_HASH_FIELDS; i++) {
		const redisReply *field = reply->element[i];

		if (field->type == REDIS_REPLY_NIL)
			continue;
		if (field->type != REDIS_REPLY_STRING) {
			spoil(user, wrong_type);
			continue;
		}
		read_field(i, redis_reply_text(field), user);
	}
	if (user->result == REDIS_VALUE_NONE &&
	    (user->md5.len > 0 || user->sha256.len > 0))
		user->result = REDIS_VALUE_GOOD;
}

void redis_read_hash(const redisReply *reply, struct redis_user *user)
{
	if (user->result == REDIS_VALUE_REFUSED)
		return;
	if (reply->type == REDIS_REPLY_ARRAY) {
		if (reply->elements == REDIS_HASH_FIELDS)
			read_fields(reply, user);
		else
			spoil(user, wrong_type);
		return;
	}
	switch (no_value(reply, &user->why)) {
	case REDIS_VALUE_NONE:
	case REDIS_VALUE_GOOD:
		break;
	case REDIS_VALUE_UNUSABLE:
		user->result = REDIS_VALUE_UNUSABLE;
		break;
	case REDIS_VALUE_REFUSED:
		user->result = REDIS_VALUE_REFUSED;
		break;
	}
}

void redis_answer_of(const struct redis_user *user, struct redis_answer *out)
{
	struct ref ticket = out->ticket;
	bool recheck = out->recheck;

	memset(out, 0, sizeof(*out));
	out->ticket = ticket;
	out->recheck = recheck;
	out->result = user->result == REDIS_VALUE_REFUSED
			      ? TURN_LOOKUP_UNAVAILABLE
			      : TURN_LOOKUP_UNKNOWN;
	if (user->result != REDIS_VALUE_GOOD)
		return;
	out->result = TURN_LOOKUP_FOUND;
	out->md5 = user->md5;
	out->sha256 = user->sha256;
	out->allocations_max = user->allocations_max;
	out->rate_bytes = user->rate_bytes;
	out->disabled = user->disabled;
}

/* --- realms --- */

static int compare(const void *left, const void *right)
{
	const struct bytes *a = left, *b = right;
	size_t shorter = a->len < b->len ? a->len : b->len;
	int order = shorter > 0 ? memcmp(a->data, b->data, shorter) : 0;

	return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

/*
 * The strings of a set, in the order of their bytes, that are between 1 and
 * `max` bytes long. A member of another kind makes the result UNUSABLE.
 */
static enum redis_value sort_set(const redisReply *reply, size_t max,
				 struct bytes *out, size_t *count,
				 const char **why)
{
	enum redis_value result = REDIS_VALUE_GOOD;

	*count = 0;
	for (size_t i = 0; i < reply->elements; i++) {
		struct bytes text = redis_reply_text(reply->element[i]);

		if (reply->element[i]->type == REDIS_REPLY_STRING &&
		    text.len > 0 && text.len <= max &&
		    *count < REDIS_REPLY_ELEMENTS_MAX) {
			out[(*count)++] = text;
			continue;
		}
		result = REDIS_VALUE_UNUSABLE;
		*why = "a member is empty or too long";
	}
	if (*count > 0)
		qsort(out, *count, sizeof(out[0]), compare);
	return result;
}

enum redis_value redis_read_secrets(const redisReply *reply,
				    struct redis_secrets *out, const char **why)
{
	struct bytes items[REDIS_REPLY_ELEMENTS_MAX];
	enum redis_value result;
	size_t count;

	memset(out, 0, sizeof(*out));
	if (reply->type != REDIS_REPLY_ARRAY) {
		result = no_value(reply, why);
		out->cut = result == REDIS_VALUE_UNUSABLE;
		return result;
	}
	result = sort_set(reply, REDIS_SECRET_MAX_BYTES, items, &count, why);
	out->cut = result != REDIS_VALUE_GOOD || count > REDIS_SECRETS_MAX;
	if (count > REDIS_SECRETS_MAX) {
		result = REDIS_VALUE_UNUSABLE;
		*why = "more than 16 secrets: the others are not used";
		count = REDIS_SECRETS_MAX;
	}
	out->count = (uint8_t)count;
	for (size_t i = 0; i < count; i++) {
		out->items[i].len = (uint8_t)items[i].len;
		memcpy(out->items[i].bytes, items[i].data, items[i].len);
	}
	return result;
}

/* A text with a NUL in it would be shorter as a string. */
static void set_peers(struct redis_peers *out, const struct bytes *items,
		      size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char *item = out->items[out->count];

		if (memchr(items[i].data, '\0', items[i].len)) {
			out->cut = true;
			continue;
		}
		memcpy(item, items[i].data, items[i].len);
		item[items[i].len] = '\0';
		out->count++;
	}
}

enum redis_value redis_read_peers(const redisReply *reply,
				  struct redis_peers *out, const char **why)
{
	struct bytes items[REDIS_REPLY_ELEMENTS_MAX];
	redisReply *alone = (redisReply *)(uintptr_t)reply;
	redisReply as_set = { .type = REDIS_REPLY_ARRAY,
			      .elements = 1,
			      .element = &alone };
	enum redis_value result;
	size_t count;

	memset(out, 0, sizeof(*out));
	if (reply->type == REDIS_REPLY_STRING)
		reply = &as_set;
	if (reply->type != REDIS_REPLY_ARRAY) {
		result = no_value(reply, why);
		out->cut = result == REDIS_VALUE_UNUSABLE;
		return result;
	}
	result = sort_set(reply, REDIS_PEER_BYTES - 1, items, &count, why);
	out->cut = result != REDIS_VALUE_GOOD;
	if (count > REDIS_PEERS_MAX) {
		result = REDIS_VALUE_UNUSABLE;
		*why = "more than 64 peers: the others are not used";
		count = REDIS_PEERS_MAX;
		out->cut = true;
	}
	set_peers(out, items, count);
	return result;
}

enum redis_value redis_read_number(const redisReply *reply,
				   struct redis_number *out, const char **why)
{
	memset(out, 0, sizeof(*out));
	if (reply->type != REDIS_REPLY_STRING)
		return no_value(reply, why);
	if (!parse_number(redis_reply_text(reply), UINT64_MAX, &out->value)) {
		*why = "not a number";
		return REDIS_VALUE_UNUSABLE;
	}
	out->present = true;
	return REDIS_VALUE_GOOD;
}

/* --- the server itself --- */

static struct bytes element_text(const redisReply *reply, size_t index)
{
	return redis_reply_text(reply->element[index]);
}

static bool element_is(const redisReply *reply, size_t index, const char *text)
{
	return reply->element[index]->type == REDIS_REPLY_STRING &&
	       bytes_equal(element_text(reply, index), bytes_str(text));
}

enum redis_told redis_read_told(const redisReply *reply, struct bytes *channel,
				struct bytes *payload)
{
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 3)
		return REDIS_TOLD_OTHER;
	if (element_is(reply, 0, "subscribe") ||
	    element_is(reply, 0, "psubscribe"))
		return REDIS_TOLD_SUBSCRIBED;
	if (reply->elements == 3 && element_is(reply, 0, "message")) {
		*channel = element_text(reply, 1);
		*payload = element_text(reply, 2);
		return REDIS_TOLD_MESSAGE;
	}
	if (reply->elements == 4 && element_is(reply, 0, "pmessage")) {
		*channel = element_text(reply, 2);
		*payload = element_text(reply, 3);
		return REDIS_TOLD_MESSAGE;
	}
	return REDIS_TOLD_OTHER;
}

bool redis_read_master(const redisReply *reply, struct redis_endpoint *out)
{
	struct bytes host;
	uint64_t port;

	memset(out, 0, sizeof(*out));
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
	    !parse_number(element_text(reply, 1), UINT16_MAX, &port) ||
	    port == 0)
		return false;
	host = element_text(reply, 0);
	if (host.len == 0 || host.len >= sizeof(out->host) ||
	    memchr(host.data, '\0', host.len))
		return false;
	memcpy(out->host, host.data, host.len);
	out->port = (uint16_t)port;
	return true;
}

bool redis_read_is_master(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_ARRAY && reply->elements > 0 &&
	       element_is(reply, 0, "master");
}

/* K: on channels of keys; A: all events, or of each kind that matters here. */
bool redis_read_notifies(const redisReply *reply)
{
	static const char kinds[] = { 'g', '$', 's', 'h', 'x', 'e' };
	struct bytes flags;

	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
	    !element_is(reply, 0, "notify-keyspace-events"))
		return false;
	flags = element_text(reply, 1);
	if (flags.len == 0 || !memchr(flags.data, 'K', flags.len))
		return false;
	if (memchr(flags.data, 'A', flags.len))
		return true;
	for (size_t i = 0; i < sizeof(kinds); i++)
		if (!memchr(flags.data, kinds[i], flags.len))
			return false;
	return true;
}
