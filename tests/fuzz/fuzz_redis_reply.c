/*
 * libFuzzer target: any bytes as what a Redis server says.
 *
 * The first byte is the size of the parts in which the rest arrives. However
 * it is cut, the same replies come out; none is larger than the limits; and
 * every interpreter makes of each something that is within its own.
 */
#include <assert.h>
#include <stdlib.h>

#include "store/redis_keys.h"
#include "store/redis_values.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t elements_of(const redisReply *reply, unsigned depth)
{
	size_t count = 1;

	assert(depth <= REDIS_REPLY_DEPTH_MAX);
	assert(reply->elements <= REDIS_REPLY_ELEMENTS_MAX);
	for (size_t i = 0; i < reply->elements; i++)
		count += elements_of(reply->element[i], depth + 1);
	return count;
}

static void check_user(const redisReply *key, const redisReply *hash)
{
	struct redis_answer answer = { .recheck = true };
	struct redis_user user;

	redis_read_key(key, &user);
	redis_read_hash(hash, &user);
	redis_answer_of(&user, &answer);
	assert(answer.recheck);
	assert((answer.result == TURN_LOOKUP_FOUND) ==
	       (user.result == REDIS_VALUE_GOOD));
	assert((answer.result == TURN_LOOKUP_FOUND) ==
	       (answer.md5.len > 0 || answer.sha256.len > 0));
	assert(answer.md5.len == 0 || answer.md5.len == 16);
	assert(answer.sha256.len == 0 || answer.sha256.len == 32);
	assert((user.result == REDIS_VALUE_UNUSABLE) <= (user.why != NULL));
}

static void check_secrets(const redisReply *reply)
{
	struct redis_secrets secrets;
	const char *why = NULL;
	enum redis_value result = redis_read_secrets(reply, &secrets, &why);

	assert((result == REDIS_VALUE_UNUSABLE) == (why != NULL));
	assert(secrets.count <= REDIS_SECRETS_MAX);
	for (unsigned i = 0; i < secrets.count; i++)
		assert(secrets.items[i].len > 0 &&
		       secrets.items[i].len <= REDIS_SECRET_MAX_BYTES);
}

static void check_peers(const redisReply *reply)
{
	struct redis_peers peers;
	const char *why = NULL;

	(void)redis_read_peers(reply, &peers, &why);
	assert(peers.count <= REDIS_PEERS_MAX);
	for (unsigned i = 0; i < peers.count; i++) {
		size_t len = strnlen(peers.items[i], REDIS_PEER_BYTES);

		assert(len > 0 && len < REDIS_PEER_BYTES);
		assert(i == 0 ||
		       strcmp(peers.items[i - 1], peers.items[i]) <= 0);
	}
}

static void check_key(struct bytes text)
{
	struct bytes name = { 0 }, key = { 0 };
	enum redis_item item = REDIS_ITEMS;

	switch (redis_key_parse(text, bytes_str("r"), &name, &item)) {
	case REDIS_ABOUT_USER:
		assert(name.len <= STUN_USERNAME_MAX_BYTES);
		break;
	case REDIS_ABOUT_ITEM:
		assert(item < REDIS_ITEMS);
		break;
	case REDIS_ABOUT_NOTHING:
		break;
	}
	if (redis_key_of_channel(text, 0, &key))
		assert(key.len < text.len);
}

static void check_server(const redisReply *reply)
{
	struct bytes channel = { 0 }, payload = { 0 };
	struct redis_endpoint master;
	struct redis_number number;
	const char *why = NULL;

	if (redis_read_told(reply, &channel, &payload) == REDIS_TOLD_MESSAGE) {
		check_key(channel);
		check_key(payload);
	}
	if (redis_read_master(reply, &master))
		assert(master.port != 0 && master.host[0] != '\0' &&
		       strnlen(master.host, REDIS_HOST_BYTES) <
			       REDIS_HOST_BYTES);
	if (redis_read_number(reply, &number, &why) == REDIS_VALUE_GOOD)
		assert(number.present);
	(void)redis_read_is_master(reply);
	(void)redis_read_notifies(reply);
	(void)redis_reply_is_no_server(reply);
	check_key(redis_reply_text(reply));
}

/* Everything that is said; returns how many replies and elements it was. */
static size_t listen(struct bytes said, size_t step, bool check)
{
	struct redis_parser *parser = redis_parser_new();
	enum redis_scan result = REDIS_SCAN_MORE;
	redisReply *last = NULL, *reply;
	size_t count = 0, at = 0;

	assert(parser);
	while (at < said.len && result != REDIS_SCAN_BROKEN) {
		size_t left = said.len - at;
		size_t taken = redis_parser_take(
			parser,
			bytes_of(said.data + at, left < step ? left : step),
			&result, &reply);

		assert(taken > 0 && (result == REDIS_SCAN_DONE) == !!reply);
		at += taken;
		if (!reply)
			continue;
		count += elements_of(reply, 0);
		if (check) {
			check_user(last ? last : reply, reply);
			check_secrets(reply);
			check_peers(reply);
			check_server(reply);
		}
		redis_reply_free(last);
		last = reply;
	}
	redis_reply_free(last);
	redis_parser_free(parser);
	return count * 2 + (result == REDIS_SCAN_BROKEN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes said;
	size_t whole;

	if (size < 1)
		return 0;
	said = bytes_of(data + 1, size - 1);
	whole = listen(said, said.len + 1, true);
	assert(whole == listen(said, data[0] + 1u, false));
	return 0;
}
