#include "store/redis_realms.h"

#include <stdlib.h>

#include "store/redis_values.h"

struct realm {
	struct redis_secrets secrets; /* told */
	struct redis_realm options;
	struct redis_secrets new_secrets; /* being read */
	struct redis_realm new_options;
	bool is_told;
	bool again;       /* it has changed since it was asked for */
	uint32_t missing; /* answers */
	bool asked_string[REDIS_ITEMS];
	struct redis_gate unusable[REDIS_ITEMS];
};

struct redis_realms {
	struct redis_loop *loop;
	struct redis_connection *connection;
	struct redis_readers *readers;
	uint64_t unusable;
	struct realm realms[TURN_REALMS_MAX];
};

struct redis_realms *redis_realms_new(struct redis_loop *loop,
				      struct redis_connection *connection,
				      struct redis_readers *readers)
{
	struct redis_realms *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->loop = loop;
	r->connection = connection;
	r->readers = readers;
	return r;
}

void redis_realms_free(struct redis_realms *r)
{
	if (!r)
		return;
	crypto_wipe(r, sizeof(*r));
	free(r);
}

uint64_t redis_realms_unusable(const struct redis_realms *r)
{
	return r->unusable;
}

/* --- telling --- */

static void log_unusable(struct redis_realms *r, uint8_t realm,
			 enum redis_item item, const char *why)
{
	struct redis_gate *gate = &r->realms[realm].unusable[item];
	struct log_record record;
	uint64_t held;

	r->unusable++;
	if (!redis_gate_pass(gate, redis_loop_now_ms(), &held))
		return;
	redis_loop_begin(&record, LOG_LEVEL_WARNING,
			 "redis value is not usable");
	log_text(&record, "realm", r->loop->config->realms[realm]);
	log_text(&record, "item", redis_item_name(item));
	log_text(&record, "cause", why);
	if (held > 0)
		log_number(&record, "more", held);
	redis_loop_log(r->loop, &record);
}

static bool same_number(const struct redis_number *a,
			const struct redis_number *b)
{
	return a->present == b->present && a->value == b->value;
}

/* Lists of peers and secrets are zeroed before they are filled. */
static bool same_options(const struct redis_realm *a,
			 const struct redis_realm *b)
{
	return same_number(&a->max_bps, &b->max_bps) &&
	       same_number(&a->total_quota, &b->total_quota) &&
	       same_number(&a->user_quota, &b->user_quota) &&
	       !memcmp(&a->allowed_peers, &b->allowed_peers,
		       sizeof(a->allowed_peers)) &&
	       !memcmp(&a->denied_peers, &b->denied_peers,
		       sizeof(a->denied_peers));
}

static void tell(struct redis_realms *r, uint8_t index)
{
	struct realm *realm = &r->realms[index];

	if (!realm->is_told || memcmp(&realm->secrets, &realm->new_secrets,
				      sizeof(realm->secrets))) {
		realm->secrets = realm->new_secrets;
		redis_readers_set_secrets(r->readers, index, &realm->secrets);
	}
	if (!realm->is_told ||
	    !same_options(&realm->options, &realm->new_options)) {
		realm->options = realm->new_options;
		redis_readers_set_options(r->readers, index, &realm->options);
	}
	realm->is_told = true;
}

/* --- reading --- */

static void on_item(void *arg, uint32_t tag, const redisReply *reply);

static bool is_set(enum redis_item item)
{
	return item == REDIS_ITEM_SECRET || item == REDIS_ITEM_ALLOWED_PEERS ||
	       item == REDIS_ITEM_DENIED_PEERS;
}

static void ask(struct redis_realms *r, uint8_t realm, enum redis_item item,
		const char *command)
{
	struct redis_key key;

	redis_key_item(&key, bytes_str(r->loop->config->realms[realm]), item);
	redis_connection_send(
		r->connection,
		(struct bytes[]){ bytes_str(command), redis_key_bytes(&key) },
		2, on_item, r, realm * (uint32_t)REDIS_ITEMS + (uint32_t)item);
	r->realms[realm].missing++;
}

static enum redis_value read_item(struct realm *realm, enum redis_item item,
				  const redisReply *reply, const char **why)
{
	struct redis_realm *options = &realm->new_options;

	switch (item) {
	case REDIS_ITEM_SECRET:
		return redis_read_secrets(reply, &realm->new_secrets, why);
	case REDIS_ITEM_MAX_BPS:
		return redis_read_number(reply, &options->max_bps, why);
	case REDIS_ITEM_TOTAL_QUOTA:
		return redis_read_number(reply, &options->total_quota, why);
	case REDIS_ITEM_USER_QUOTA:
		return redis_read_number(reply, &options->user_quota, why);
	case REDIS_ITEM_ALLOWED_PEERS:
		return redis_read_peers(reply, &options->allowed_peers, why);
	case REDIS_ITEM_DENIED_PEERS:
		return redis_read_peers(reply, &options->denied_peers, why);
	case REDIS_ITEMS:
		break;
	}
	abort();
}

/* The server did not say: what was told stays. */
static void keep(struct realm *realm, enum redis_item item)
{
	struct redis_realm *options = &realm->new_options;

	switch (item) {
	case REDIS_ITEM_SECRET:
		realm->new_secrets = realm->secrets;
		break;
	case REDIS_ITEM_MAX_BPS:
		options->max_bps = realm->options.max_bps;
		break;
	case REDIS_ITEM_TOTAL_QUOTA:
		options->total_quota = realm->options.total_quota;
		break;
	case REDIS_ITEM_USER_QUOTA:
		options->user_quota = realm->options.user_quota;
		break;
	case REDIS_ITEM_ALLOWED_PEERS:
		options->allowed_peers = realm->options.allowed_peers;
		break;
	case REDIS_ITEM_DENIED_PEERS:
		options->denied_peers = realm->options.denied_peers;
		break;
	case REDIS_ITEMS:
		break;
	}
}

static void take(struct redis_realms *r, uint8_t index, enum redis_item item,
		 const redisReply *reply)
{
	struct realm *realm = &r->realms[index];
	const char *why = NULL;

	switch (read_item(realm, item, reply, &why)) {
	case REDIS_VALUE_GOOD:
	case REDIS_VALUE_NONE:
		break;
	case REDIS_VALUE_UNUSABLE:
		log_unusable(r, index, item, why);
		break;
	case REDIS_VALUE_REFUSED:
		keep(realm, item);
		log_unusable(r, index, item, reply->str);
		break;
	}
}

static void on_item(void *arg, uint32_t tag, const redisReply *reply)
{
	struct redis_realms *r = arg;
	uint8_t index = (uint8_t)(tag / (uint32_t)REDIS_ITEMS);
	enum redis_item item = (enum redis_item)(tag % (uint32_t)REDIS_ITEMS);
	struct realm *realm = &r->realms[index];

	realm->missing--;
	/* A list of peers may be a single string, which is no set. */
	if (item != REDIS_ITEM_SECRET && is_set(item) &&
	    !realm->asked_string[item] &&
	    redis_reply_is_error(reply, "WRONGTYPE")) {
		realm->asked_string[item] = true;
		ask(r, index, item, "GET");
		return;
	}
	take(r, index, item, reply);
	if (realm->missing > 0)
		return;
	if (realm->again)
		redis_realms_read(r, index);
	else
		tell(r, index);
}

void redis_realms_read(struct redis_realms *r, uint8_t index)
{
	struct realm *realm = &r->realms[index];

	realm->again = realm->missing > 0;
	if (realm->again || !r->connection->is_open)
		return;
	memset(&realm->new_secrets, 0, sizeof(realm->new_secrets));
	memset(&realm->new_options, 0, sizeof(realm->new_options));
	memset(realm->asked_string, 0, sizeof(realm->asked_string));
	for (int i = 0; i < REDIS_ITEMS; i++)
		ask(r, index, (enum redis_item)i,
		    is_set((enum redis_item)i) ? "SMEMBERS" : "GET");
}

void redis_realms_read_all(struct redis_realms *r)
{
	for (uint8_t i = 0; i < r->loop->config->realm_count; i++)
		redis_realms_read(r, i);
}

void redis_realms_reset(struct redis_realms *r)
{
	for (uint8_t i = 0; i < r->loop->config->realm_count; i++) {
		r->realms[i].missing = 0;
		r->realms[i].again = false;
	}
}
