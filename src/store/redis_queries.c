#include "store/redis_queries.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/map.h"
#include "store/redis_values.h"

/* One that keeps changing is answered after so many repetitions. */
#define REPEATS_MAX 8

struct query {
	struct map_link link;
	uint32_t older; /* by when they are due; POOL_NONE at the ends */
	uint32_t newer;
	uint32_t waiter; /* the first */
	uint64_t due_ms;
	uint8_t realm;
	uint8_t repeats;
	bool is_sent;
	bool has_changed; /* since it was sent */
	uint16_t name_bytes;
	struct redis_user user; /* what is known after the first reply */
	uint8_t name[STUN_USERNAME_MAX_BYTES];
};

struct waiter {
	struct ref ticket;
	uint32_t next;
	uint16_t reader;
	bool recheck;
};

struct redis_queries {
	struct redis_loop *loop;
	struct redis_link *link;
	struct redis_readers *readers;
	struct hash_key key;
	struct pool pool; /* of struct query */
	struct map by_user;
	struct pool waiters;
	uint32_t oldest;
	uint32_t newest;
	struct redis_queries_counters counters;
	struct redis_gate unusable;
	struct redis_gate refused;
};

static struct query *query_at(const struct redis_queries *q, uint32_t index)
{
	return pool_at(&q->pool, index);
}

static struct bytes name_of(const struct query *query)
{
	return bytes_of(query->name, query->name_bytes);
}

/* --- the table --- */

static uint32_t hash_of(const struct redis_queries *q, uint8_t realm,
			struct bytes name)
{
	struct hash_key key = q->key;

	key.k1 ^= (uint64_t)realm << 56;
	return (uint32_t)hash_bytes(&key, name);
}

static uint32_t find(const struct redis_queries *q, uint8_t realm,
		     struct bytes name)
{
	uint32_t i;

	for (i = map_first(&q->by_user, hash_of(q, realm, name));
	     i != POOL_NONE; i = map_next(&q->by_user, i)) {
		const struct query *query = query_at(q, i);

		if (query->realm == realm && bytes_equal(name_of(query), name))
			break;
	}
	return i;
}

static void append(struct redis_queries *q, uint32_t index)
{
	struct query *query = query_at(q, index);

	query->older = q->newest;
	query->newer = POOL_NONE;
	if (q->newest != POOL_NONE)
		query_at(q, q->newest)->newer = index;
	else
		q->oldest = index;
	q->newest = index;
}

static void unlink_query(struct redis_queries *q, const struct query *query)
{
	if (query->older != POOL_NONE)
		query_at(q, query->older)->newer = query->newer;
	else
		q->oldest = query->newer;
	if (query->newer != POOL_NONE)
		query_at(q, query->newer)->older = query->older;
	else
		q->newest = query->older;
}

static uint32_t add(struct redis_queries *q, uint8_t realm, struct bytes name)
{
	uint32_t index = pool_take(&q->pool);
	struct query *query;

	if (index == POOL_NONE)
		return POOL_NONE;
	query = query_at(q, index);
	query->realm = realm;
	query->name_bytes = (uint16_t)name.len;
	if (name.len > 0)
		memcpy(query->name, name.data, name.len);
	query->waiter = POOL_NONE;
	query->due_ms = redis_loop_now_ms() + q->loop->config->timeout_ms;
	append(q, index);
	map_add(&q->by_user, index, hash_of(q, realm, name));
	return index;
}

static void remove_query(struct redis_queries *q, uint32_t index)
{
	unlink_query(q, query_at(q, index));
	map_remove(&q->by_user, index);
	pool_give(&q->pool, index);
}

/* --- answering --- */

static void answer_waiter(struct redis_queries *q, const struct query *query,
			  uint32_t index, struct redis_answer *answer)
{
	const struct waiter *w = pool_at(&q->waiters, index);

	answer->ticket = w->ticket;
	answer->recheck = w->recheck;
	if (answer->result == TURN_LOOKUP_UNAVAILABLE)
		q->counters.unavailable++;
	if (!redis_readers_answer(q->readers, w->reader, query->realm,
				  name_of(query), answer))
		q->counters.answers_dropped++;
}

/* Answers everybody who waits, and the query is over. */
static void finish(struct redis_queries *q, uint32_t index,
		   struct redis_answer *answer)
{
	struct query *query = query_at(q, index);

	while (query->waiter != POOL_NONE) {
		uint32_t waiter = query->waiter;

		query->waiter =
			((struct waiter *)pool_at(&q->waiters, waiter))->next;
		answer_waiter(q, query, waiter, answer);
		pool_give(&q->waiters, waiter);
	}
	/* Whoever has this answer is told that it was old when it came. */
	if (query->has_changed)
		redis_readers_changed(q->readers, query->realm, name_of(query));
	remove_query(q, index);
}

static void finish_unavailable(struct redis_queries *q, uint32_t index)
{
	struct redis_answer answer = { .result = TURN_LOOKUP_UNAVAILABLE };

	query_at(q, index)->has_changed = false;
	finish(q, index, &answer);
}

static void log_user(struct redis_queries *q, const struct query *query,
		     const char *message, const char *why,
		     struct redis_gate *gate)
{
	struct log_record r;
	uint64_t held;

	if (!redis_gate_pass(gate, redis_loop_now_ms(), &held))
		return;
	redis_loop_begin(&r, LOG_LEVEL_WARNING, message);
	log_text(&r, "realm", q->loop->config->realms[query->realm]);
	log_bytes(&r, "user", name_of(query));
	log_text(&r, "cause", why);
	if (held > 0)
		log_number(&r, "more", held);
	redis_loop_log(q->loop, &r);
}

/* --- asking --- */

static void on_key(void *arg, uint32_t tag, const redisReply *reply);
static void on_hash(void *arg, uint32_t tag, const redisReply *reply);

static void send_query(struct redis_queries *q, uint32_t index)
{
	struct query *query = query_at(q, index);
	struct redis_connection *c = &q->link->connection;
	struct bytes realm = bytes_str(q->loop->config->realms[query->realm]);
	struct bytes arguments[2 + REDIS_HASH_FIELDS];
	struct redis_key key;

	redis_key_user(&key, realm, name_of(query));
	arguments[0] = bytes_str("GET");
	arguments[1] = redis_key_bytes(&key);
	redis_connection_send(c, arguments, 2, on_key, q, index);

	redis_key_hash(&key, realm, name_of(query));
	arguments[0] = bytes_str("HMGET");
	arguments[1] = redis_key_bytes(&key);
	for (size_t i = 0; i < REDIS_HASH_FIELDS; i++)
		arguments[2 + i] = bytes_str(redis_hash_fields[i]);
	redis_connection_send(c, arguments, 2 + REDIS_HASH_FIELDS, on_hash, q,
			      index);
	query->is_sent = true;
	query->has_changed = false;
	q->counters.queries++;
}

static void log_outcome(struct redis_queries *q, const struct query *query,
			const redisReply *reply)
{
	if (query->user.result == REDIS_VALUE_UNUSABLE) {
		q->counters.unusable++;
		log_user(q, query, "redis entry is not usable", query->user.why,
			 &q->unusable);
	}
	if (query->user.result == REDIS_VALUE_REFUSED)
		log_user(q, query, "redis refuses to answer",
			 reply->type == REDIS_REPLY_ERROR ? reply->str
							  : "coturn's key",
			 &q->refused);
}

static void on_key(void *arg, uint32_t tag, const redisReply *reply)
{
	struct redis_queries *q = arg;

	/* The link goes down with it, and the query waits for the next. */
	if (redis_reply_is_no_server(reply)) {
		redis_link_leave(q->link, reply->str);
		return;
	}
	redis_read_key(reply, &query_at(q, tag)->user);
}

static void on_hash(void *arg, uint32_t tag, const redisReply *reply)
{
	struct redis_queries *q = arg;
	struct query *query = query_at(q, tag);
	struct redis_answer answer = { 0 };

	if (redis_reply_is_no_server(reply)) {
		redis_link_leave(q->link, reply->str);
		return;
	}
	if (query->has_changed && query->repeats < REPEATS_MAX) {
		query->repeats++;
		send_query(q, tag);
		return;
	}
	redis_read_hash(reply, &query->user);
	log_outcome(q, query, reply);
	redis_answer_of(&query->user, &answer);
	finish(q, tag, &answer);
	crypto_wipe(&answer, sizeof(answer));
}

/* Without a server nobody waits but for the first attempt to get one back. */
static bool is_hopeless(const struct redis_queries *q)
{
	return q->link->state == REDIS_DOWN ||
	       (q->link->state == REDIS_CONNECTING && q->link->failures > 0);
}

bool redis_queries_ask(struct redis_queries *q, uint16_t reader,
		       const struct redis_question *question)
{
	struct bytes name = bytes_of(question->name, question->name_bytes);
	uint32_t waiter = pool_take(&q->waiters);
	uint32_t index = find(q, question->realm, name);
	bool is_new = index == POOL_NONE;
	struct waiter *w;

	if (waiter != POOL_NONE && is_new)
		index = add(q, question->realm, name);
	if (waiter == POOL_NONE || index == POOL_NONE) {
		if (waiter != POOL_NONE)
			pool_give(&q->waiters, waiter);
		return false;
	}
	w = pool_at(&q->waiters, waiter);
	w->ticket = question->ticket;
	w->recheck = question->recheck;
	w->reader = reader;
	w->next = query_at(q, index)->waiter;
	query_at(q, index)->waiter = waiter;
	q->counters.questions++;

	if (is_new && q->link->state == REDIS_UP)
		send_query(q, index);
	else if (is_hopeless(q))
		finish_unavailable(q, index);
	return true;
}

/* --- what happens meanwhile --- */

void redis_queries_changed(struct redis_queries *q, uint8_t realm,
			   struct bytes name)
{
	uint32_t index = find(q, realm, name);

	if (index != POOL_NONE)
		query_at(q, index)->has_changed = true;
}

void redis_queries_changed_all(struct redis_queries *q)
{
	for (uint32_t i = q->oldest; i != POOL_NONE; i = query_at(q, i)->newer)
		query_at(q, i)->has_changed = true;
}

void redis_queries_up(struct redis_queries *q)
{
	for (uint32_t i = q->oldest; i != POOL_NONE; i = query_at(q, i)->newer)
		if (!query_at(q, i)->is_sent)
			send_query(q, i);
}

void redis_queries_lost(struct redis_queries *q)
{
	for (uint32_t i = q->oldest; i != POOL_NONE; i = query_at(q, i)->newer)
		query_at(q, i)->is_sent = false;
}

void redis_queries_fail(struct redis_queries *q)
{
	while (q->oldest != POOL_NONE)
		finish_unavailable(q, q->oldest);
}

/* One that was sent is the connection's to give up, and that is as long. */
void redis_queries_tick(struct redis_queries *q, uint64_t now_ms)
{
	uint32_t i, newer;

	for (i = q->oldest; i != POOL_NONE; i = newer) {
		const struct query *query = query_at(q, i);

		newer = query->newer;
		if (now_ms < query->due_ms)
			break;
		if (!query->is_sent)
			finish_unavailable(q, i);
	}
}

const struct redis_queries_counters *
redis_queries_counters(const struct redis_queries *q)
{
	return &q->counters;
}

/* --- making one --- */

static int init(struct redis_queries *q)
{
	int error;

	q->oldest = POOL_NONE;
	q->newest = POOL_NONE;
	if (getrandom(&q->key, sizeof(q->key), 0) != (ssize_t)sizeof(q->key))
		return -errno;
	error = pool_init(&q->pool, sizeof(struct query), REDIS_QUERIES_MAX,
			  true);
	if (error)
		return error;
	error = map_init(&q->by_user, &q->pool, offsetof(struct query, link));
	if (error)
		return error;
	return pool_init(&q->waiters, sizeof(struct waiter), REDIS_WAITERS_MAX,
			 false);
}

int redis_queries_new(struct redis_queries **out, struct redis_loop *loop,
		      struct redis_link *link, struct redis_readers *readers)
{
	struct redis_queries *q = calloc(1, sizeof(*q));
	int error;

	if (!q)
		return -ENOMEM;
	q->loop = loop;
	q->link = link;
	q->readers = readers;
	error = init(q);
	if (error) {
		redis_queries_free(q);
		return error;
	}
	*out = q;
	return 0;
}

void redis_queries_free(struct redis_queries *q)
{
	if (!q)
		return;
	pool_fini(&q->waiters);
	map_fini(&q->by_user);
	pool_fini(&q->pool);
	free(q);
}
