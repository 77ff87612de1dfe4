#include "store/redis_link.h"

#include <event2/util.h>

#include "store/redis_values.h"

static void try_endpoint(struct redis_link *l);

/* --- what is said --- */

static void log_server(struct redis_link *l, struct log_record *r)
{
	char text[REDIS_HOST_BYTES + 8];

	redis_endpoint_format(&l->server, text, sizeof(text));
	log_text(r, "server", text);
}

/* Up and down again and again, for which there is no line each. */
static bool is_flapping(const struct redis_link *l)
{
	return l->brief_ups > 2;
}

static void log_up(struct redis_link *l, uint64_t now_ms)
{
	struct log_record r;
	uint64_t held;

	if (is_flapping(l) && !redis_gate_pass(&l->connected, now_ms, &held))
		return;
	redis_loop_begin(&r, LOG_LEVEL_NOTICE, "redis connected");
	log_server(l, &r);
	if (l->connects > 0)
		log_number(&r, "away_ms", now_ms - l->since_ms);
	redis_loop_log(l->loop, &r);
}

static void log_lost(struct redis_link *l, const char *why)
{
	struct log_record r;

	redis_loop_begin(&r, LOG_LEVEL_WARNING, "redis lost");
	log_server(l, &r);
	log_text(&r, "cause", why);
	redis_loop_log(l->loop, &r);
}

static void log_unreachable(struct redis_link *l, const char *why)
{
	struct log_record r;
	uint64_t held;

	if (!redis_gate_pass(&l->unreachable, redis_loop_now_ms(), &held))
		return;
	redis_loop_begin(&r, LOG_LEVEL_WARNING, "redis unreachable");
	log_server(l, &r);
	log_text(&r, "cause", why);
	if (held > 0)
		log_number(&r, "more", held);
	redis_loop_log(l->loop, &r);
}

/* --- one server after the other --- */

/* Between half of it and all of it, so that servers do not meet. */
static uint64_t pause_ms(uint32_t failures)
{
	uint64_t longest = LINK_PAUSE_MIN_MS;
	uint16_t random;

	while (--failures > 0 && longest < LINK_PAUSE_MAX_MS)
		longest *= 2;
	if (longest > LINK_PAUSE_MAX_MS)
		longest = LINK_PAUSE_MAX_MS;
	evutil_secure_rng_get_bytes(&random, sizeof(random));
	return longest / 2 + random % (longest / 2 + 1);
}

static void attempt_failed(struct redis_link *l, const char *why)
{
	log_unreachable(l, why);
	if (++l->endpoint < l->loop->config->endpoint_count) {
		try_endpoint(l);
		return;
	}
	l->endpoint = 0;
	l->failures++;
	l->state = REDIS_DOWN;
	l->retry_ms = redis_loop_now_ms() + pause_ms(l->failures);
	l->hooks->failed(l->owner);
}

static void connect_to(struct redis_link *l,
		       const struct redis_endpoint *server)
{
	const struct redis_config *config = l->loop->config;
	struct redis_setup setup = {
		.endpoint = *server,
		.login = &config->login,
		.database = config->database,
		.must_be_master = config->sentinel[0] != '\0',
		.probe = l->probe,
	};

	l->server = *server;
	redis_connection_connect(&l->connection, &setup);
}

static void try_endpoint(struct redis_link *l)
{
	const struct redis_config *config = l->loop->config;
	const struct redis_endpoint *e = &config->endpoints[l->endpoint];

	l->state = REDIS_CONNECTING;
	if (config->sentinel[0] == '\0') {
		connect_to(l, e);
		return;
	}
	l->server = *e;
	redis_sentinel_ask(&l->sentinel, e);
}

static void on_master(void *owner, const struct redis_endpoint *master)
{
	connect_to(owner, master);
}

static void on_sentinel_failed(void *owner, const char *why)
{
	attempt_failed(owner, why);
}

static const struct redis_sentinel_hooks sentinel_hooks = {
	.found = on_master,
	.failed = on_sentinel_failed,
};

/* --- the connection --- */

static void on_open(void *owner)
{
	struct redis_link *l = owner;
	uint64_t now_ms = redis_loop_now_ms();

	log_up(l, now_ms);
	l->connects++;
	l->failures = 0;
	if (!is_flapping(l))
		l->unreachable = (struct redis_gate){ 0 };
	l->since_ms = now_ms;
	l->state = REDIS_UP;
	l->has_size = true;
	l->keys = -1;
	l->hooks->up(l->owner);
}

static void on_closed(void *owner, const char *why)
{
	struct redis_link *l = owner;
	uint64_t now_ms;

	if (l->state != REDIS_UP) {
		attempt_failed(l, why);
		return;
	}
	now_ms = redis_loop_now_ms();
	if (now_ms < l->since_ms + LINK_STEADY_MS)
		l->brief_ups++;
	l->since_ms = now_ms;
	l->state = REDIS_CONNECTING;
	l->hooks->lost(l->owner);
	if (is_flapping(l)) {
		l->failures = l->brief_ups;
		attempt_failed(l, why);
		return;
	}
	log_lost(l, why);
	l->endpoint = 0;
	try_endpoint(l);
}

static const struct redis_connection_hooks connection_hooks = {
	.open = on_open,
	.closed = on_closed,
};

void redis_link_leave(struct redis_link *l, const char *why)
{
	redis_connection_fail(&l->connection, why);
}

/* --- whether the server is what it was --- */

static void on_alive(void *arg, uint32_t tag, const redisReply *reply)
{
	(void)tag;
	if (redis_reply_is_no_server(reply))
		redis_link_leave(arg, reply->str);
}

/* Nobody is told that a database was emptied, so its size is looked at. */
static void on_size(void *arg, uint32_t tag, const redisReply *reply)
{
	struct redis_link *l = arg;
	long long before = l->keys;

	if (reply->type != REDIS_REPLY_INTEGER) {
		/* A user without the right to ask is not to ask each time. */
		l->has_size = false;
		on_alive(l, tag, reply);
		return;
	}
	l->keys = reply->integer;
	if (before > 0 && l->keys < (before + 1) / 2)
		l->hooks->emptied(l->owner);
}

/* A master that was made a replica still answers, but it is not in charge. */
static void on_role(void *arg, uint32_t tag, const redisReply *reply)
{
	(void)tag;
	if (!redis_read_is_master(reply))
		redis_link_leave(arg, "the server is no longer a master");
}

static void look(struct redis_link *l)
{
	struct redis_connection *c = &l->connection;

	if (l->has_size)
		redis_connection_send(c,
				      (struct bytes[]){ bytes_str("DBSIZE") },
				      1, on_size, l, 0);
	else
		redis_connection_send(
			c,
			(struct bytes[]){ bytes_str("GET"),
					  redis_key_bytes(&l->probe) },
			2, on_alive, l, 0);
	if (c->setup.must_be_master)
		redis_connection_send(c, (struct bytes[]){ bytes_str("ROLE") },
				      1, on_role, l, 0);
}

void redis_link_tick(struct redis_link *l, uint64_t now_ms)
{
	redis_sentinel_tick(&l->sentinel, now_ms);
	redis_connection_tick(&l->connection, now_ms);
	if (l->state == REDIS_UP && now_ms >= l->since_ms + LINK_STEADY_MS)
		l->brief_ups = 0;
	if (l->state == REDIS_UP && now_ms >= l->asked_ms + LINK_ASK_MS) {
		l->asked_ms = now_ms;
		look(l);
	}
	if (l->state == REDIS_DOWN && now_ms >= l->retry_ms)
		try_endpoint(l);
}

void redis_link_init(struct redis_link *l, struct redis_loop *loop,
		     const struct redis_link_hooks *hooks, void *owner)
{
	const struct redis_config *config = loop->config;

	l->loop = loop;
	l->hooks = hooks;
	l->owner = owner;
	if (config->realm_count > 0)
		redis_key_item(&l->probe, bytes_str(config->realms[0]),
			       REDIS_ITEM_MAX_BPS);
	redis_sentinel_init(&l->sentinel, loop, &sentinel_hooks, l);
	redis_connection_init(&l->connection, loop, &connection_hooks, l);
}

void redis_link_fini(struct redis_link *l)
{
	redis_link_stop(l);
}

void redis_link_stop(struct redis_link *l)
{
	redis_sentinel_fini(&l->sentinel);
	redis_connection_fini(&l->connection);
	l->state = REDIS_DOWN;
}

void redis_link_start(struct redis_link *l)
{
	l->since_ms = redis_loop_now_ms();
	try_endpoint(l);
}
