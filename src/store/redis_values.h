/*
 * What replies of Redis mean: users, secrets, options, messages.
 *
 * Pure functions over parsed replies. A server may answer anything; each gives
 * one of four results, and fills its output only as far as that says.
 */
#ifndef TURNPIKE_STORE_REDIS_VALUES_H
#define TURNPIKE_STORE_REDIS_VALUES_H

#include "store/redis_reply.h"
#include "store/redis_store.h"

enum redis_value {
	REDIS_VALUE_GOOD,
	REDIS_VALUE_NONE,     /* there is no such key or field */
	REDIS_VALUE_UNUSABLE, /* there is one, and it is wrong */
	REDIS_VALUE_REFUSED,  /* the server did not say; its own error */
};

/* A user, put together of two replies. Wiped by whoever owns it. */
struct redis_user {
	enum redis_value result; /* the worse of both */
	const char *why;         /* what is unusable, in words */
	struct secret md5;
	struct secret sha256;
	uint32_t allocations_max;
	uint64_t rate_bytes;
	bool disabled;
};

/* The fields that redis_read_hash() wants from HMGET, in this order. */
#define REDIS_HASH_FIELDS 5
extern const char *const redis_hash_fields[REDIS_HASH_FIELDS];

/* The reply to GET of coturn's key; begins a user anew. */
void redis_read_key(const redisReply *reply, struct redis_user *user);

/* The reply to HMGET of ours, which has the last word in each field. */
void redis_read_hash(const redisReply *reply, struct redis_user *user);

/* What both together say; `ticket` and `recheck` are left alone. */
void redis_answer_of(const struct redis_user *user, struct redis_answer *out);

/*
 * A set of secrets. UNUSABLE if some of it is: the rest is in `out`, which
 * may be empty. `out` is zeroed first.
 */
enum redis_value redis_read_secrets(const redisReply *reply,
				    struct redis_secrets *out,
				    const char **why);

/* A set of peers, or one as a string; the same. */
enum redis_value redis_read_peers(const redisReply *reply,
				  struct redis_peers *out, const char **why);

/* A number as a string of digits; absent unless GOOD. */
enum redis_value redis_read_number(const redisReply *reply,
				   struct redis_number *out, const char **why);

/* What a connection that listens is told. */
enum redis_told {
	REDIS_TOLD_OTHER,
	REDIS_TOLD_SUBSCRIBED, /* to one channel or pattern more */
	REDIS_TOLD_MESSAGE,
};

/* Sets `channel` and `payload`, views into the reply, for a message. */
enum redis_told redis_read_told(const redisReply *reply, struct bytes *channel,
				struct bytes *payload);

/*
 * The reply to SENTINEL get-master-addr-by-name. Sets host and port of `out`
 * and returns true if it names a master.
 */
bool redis_read_master(const redisReply *reply, struct redis_endpoint *out);

/* Whether the reply to ROLE says that the server is a master. */
bool redis_read_is_master(const redisReply *reply);

/*
 * Whether the reply to CONFIG GET notify-keyspace-events says that all is
 * notified that we listen to.
 */
bool redis_read_notifies(const redisReply *reply);

#endif
