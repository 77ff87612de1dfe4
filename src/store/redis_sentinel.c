#include "store/redis_sentinel.h"

#include "store/redis_values.h"

static void on_master(void *arg, uint32_t tag, const redisReply *reply)
{
	struct redis_sentinel *s = arg;
	struct redis_endpoint master;
	bool found = redis_read_master(reply, &master);

	(void)tag;
	redis_connection_close(&s->connection);
	if (found)
		s->hooks->found(s->owner, &master);
	else
		s->hooks->failed(s->owner, "Sentinel knows no such master");
}

static void on_open(void *owner)
{
	struct redis_sentinel *s = owner;
	const struct bytes arguments[] = {
		bytes_str("SENTINEL"),
		bytes_str("get-master-addr-by-name"),
		bytes_str(s->connection.loop->config->sentinel),
	};

	redis_connection_send(&s->connection, arguments, 3, on_master, s, 0);
}

static void on_closed(void *owner, const char *why)
{
	struct redis_sentinel *s = owner;

	s->hooks->failed(s->owner, why);
}

static const struct redis_connection_hooks connection_hooks = {
	.open = on_open,
	.closed = on_closed,
};

void redis_sentinel_init(struct redis_sentinel *s, struct redis_loop *loop,
			 const struct redis_sentinel_hooks *hooks, void *owner)
{
	s->hooks = hooks;
	s->owner = owner;
	redis_connection_init(&s->connection, loop, &connection_hooks, s);
}

void redis_sentinel_fini(struct redis_sentinel *s)
{
	redis_connection_fini(&s->connection);
}

void redis_sentinel_ask(struct redis_sentinel *s,
			const struct redis_endpoint *endpoint)
{
	const struct redis_config *config = s->connection.loop->config;
	struct redis_setup setup = {
		.endpoint = *endpoint,
		.login = &config->sentinel_login,
	};

	redis_connection_connect(&s->connection, &setup);
}

void redis_sentinel_tick(struct redis_sentinel *s, uint64_t now_ms)
{
	redis_connection_tick(&s->connection, now_ms);
}
