#include "store/redis_subscription.h"

#include <stdio.h>

#include "store/redis_values.h"

/* Without a word from the server for so long, something is asked. */
#define QUIET_MS 1000
#define RETRY_MS 500
/* If the server lets us listen to nothing. */
#define RETRY_REFUSED_MS 30000

#define PATTERNS 2
#define ANSWERS (1 + PATTERNS)

static const char *const patterns[PATTERNS] = {
	"turn/realm/*",
	"turnpike/realm/*",
};

static void log_failed(struct redis_subscription *s, const char *why)
{
	struct log_record r;
	uint64_t held;

	if (!redis_gate_pass(&s->failed, redis_loop_now_ms(), &held))
		return;
	redis_loop_begin(&r, LOG_LEVEL_WARNING, "redis changes are not heard");
	log_text(&r, "cause", why);
	if (held > 0)
		log_number(&r, "more", held);
	redis_loop_log(s->loop, &r);
}

static void give_up(struct redis_subscription *s, const char *why,
		    uint32_t retry_ms)
{
	redis_connection_close(&s->connection);
	s->is_ready = false;
	s->retry_ms = redis_loop_now_ms() + retry_ms;
	log_failed(s, why);
}

/* --- subscribing --- */

/* Again later this is a question that changes nothing. */
static void subscribe_channel(struct redis_subscription *s)
{
	redis_connection_send(&s->connection,
			      (struct bytes[]){ bytes_str("SUBSCRIBE"),
						bytes_str(REDIS_CHANNEL) },
			      2, NULL, NULL, 0);
}

static void subscribe_keyspace(struct redis_subscription *s)
{
	struct bytes arguments[1 + PATTERNS] = { bytes_str("PSUBSCRIBE") };
	char texts[PATTERNS][64];

	for (size_t i = 0; i < PATTERNS; i++) {
		snprintf(texts[i], sizeof(texts[i]), "__keyspace@%u__:%s",
			 s->loop->config->database, patterns[i]);
		arguments[1 + i] = bytes_str(texts[i]);
	}
	redis_connection_send(&s->connection, arguments, 1 + PATTERNS, NULL,
			      NULL, 0);
}

static void on_open(void *owner)
{
	struct redis_subscription *s = owner;

	s->answers = 0;
	s->has_channel = false;
	s->has_keyspace = false;
	s->heard_channel = false;
	s->heard_keyspace = false;
	s->asked_ms = 0;
	s->ready_due_ms = redis_loop_now_ms() + s->loop->config->timeout_ms;
	subscribe_channel(s);
	subscribe_keyspace(s);
}

/* The first answer is for the channel, the others are for the patterns. */
static void on_answer(struct redis_subscription *s, bool subscribed)
{
	if (s->is_ready)
		return;
	if (s->answers == 0)
		s->has_channel = subscribed;
	else
		s->has_keyspace = subscribed;
	/* One refusal stands for all patterns. */
	s->answers += s->answers == 0 || subscribed ? 1 : PATTERNS;
	if (s->answers < ANSWERS)
		return;
	if (!s->has_channel && !s->has_keyspace) {
		give_up(s, "the server refuses to let us listen",
			RETRY_REFUSED_MS);
		return;
	}
	s->is_ready = true;
	s->hooks->ready(s->owner);
}

/* --- listening --- */

static void on_message(struct redis_subscription *s, struct bytes channel,
		       struct bytes payload)
{
	struct bytes key;

	if (bytes_equal(channel, bytes_str(REDIS_CHANNEL))) {
		s->heard_channel = true;
		if (bytes_equal(payload, bytes_str("*")))
			s->hooks->everything(s->owner);
		else
			s->hooks->changed(s->owner, payload);
		return;
	}
	if (!redis_key_of_channel(channel, s->loop->config->database, &key))
		return;
	s->heard_keyspace = true;
	s->hooks->changed(s->owner, key);
}

static void on_told(void *owner, const redisReply *reply)
{
	struct redis_subscription *s = owner;
	struct bytes channel, payload;

	s->asked_ms = 0;
	switch (redis_read_told(reply, &channel, &payload)) {
	case REDIS_TOLD_SUBSCRIBED:
		on_answer(s, true);
		break;
	case REDIS_TOLD_MESSAGE:
		on_message(s, channel, payload);
		break;
	case REDIS_TOLD_OTHER:
		if (reply->type == REDIS_REPLY_ERROR)
			on_answer(s, false);
		break;
	}
}

static void on_closed(void *owner, const char *why)
{
	give_up(owner, why, RETRY_MS);
}

static const struct redis_connection_hooks connection_hooks = {
	.open = on_open,
	.told = on_told,
	.closed = on_closed,
};

void redis_subscription_init(struct redis_subscription *s,
			     struct redis_loop *loop,
			     const struct redis_subscription_hooks *hooks,
			     void *owner)
{
	s->loop = loop;
	s->hooks = hooks;
	s->owner = owner;
	s->setup.login = &loop->config->login;
	redis_connection_init(&s->connection, loop, &connection_hooks, s);
}

void redis_subscription_fini(struct redis_subscription *s)
{
	redis_connection_fini(&s->connection);
}

void redis_subscription_start(struct redis_subscription *s,
			      const struct redis_endpoint *server)
{
	redis_subscription_stop(s);
	s->wanted = true;
	s->setup.endpoint = *server;
	redis_connection_connect(&s->connection, &s->setup);
}

void redis_subscription_stop(struct redis_subscription *s)
{
	redis_connection_close(&s->connection);
	s->wanted = false;
	s->is_ready = false;
}

/* A connection that died without a word would let changes go unheard. */
static void look(struct redis_subscription *s, uint64_t now_ms)
{
	if (now_ms < s->connection.heard_ms + QUIET_MS)
		return;
	if (s->asked_ms == 0) {
		s->asked_ms = now_ms;
		if (s->has_channel)
			subscribe_channel(s);
		else
			subscribe_keyspace(s);
	} else if (now_ms >= s->asked_ms + s->loop->config->timeout_ms) {
		give_up(s, "no answer within the time-out", RETRY_MS);
	}
}

void redis_subscription_tick(struct redis_subscription *s, uint64_t now_ms)
{
	if (!s->wanted)
		return;
	redis_connection_tick(&s->connection, now_ms);
	if (s->is_ready)
		look(s, now_ms);
	else if (s->connection.is_open && now_ms >= s->ready_due_ms)
		give_up(s, "no answer within the time-out", RETRY_MS);
	else if (!s->connection.is_busy && now_ms >= s->retry_ms)
		redis_connection_connect(&s->connection, &s->setup);
}
