#include "store/redis_watch.h"

#include <errno.h>

#include "store/redis_values.h"

/* --- how changes are heard of --- */

/*
 * The server says that it notifies, or was heard to; or somebody uses our
 * channel. What was only heard may not be all, so that reading again goes on.
 */
enum redis_mode redis_watch_mode(const struct redis_watch *w)
{
	const struct redis_subscription *s = &w->subscription;

	if (!s->is_ready)
		return REDIS_MODE_REREAD;
	if (s->has_keyspace && (w->notifies || s->heard_keyspace))
		return REDIS_MODE_KEYSPACE;
	return s->heard_channel ? REDIS_MODE_CHANNEL : REDIS_MODE_REREAD;
}

static bool hears_everything(const struct redis_watch *w)
{
	return w->subscription.is_ready && w->subscription.has_keyspace &&
	       w->notifies;
}

static void log_mode(struct redis_watch *w)
{
	struct log_record r;

	redis_loop_begin(&r, LOG_LEVEL_INFO, "redis changes are heard of");
	log_text(&r, "mode", redis_mode_name(w->told_mode));
	if (!hears_everything(w))
		log_number(&r, "reread_s", w->loop->config->reread_s);
	redis_loop_log(w->loop, &r);
}

static void on_notifies(void *arg, uint32_t tag, const redisReply *reply)
{
	struct redis_watch *w = arg;

	(void)tag;
	w->may_ask = reply->type != REDIS_REPLY_ERROR;
	w->notifies = redis_read_notifies(reply);
}

/*
 * Many servers in the cloud refuse this, and may notify all the same: they are
 * asked once.
 */
static void ask_notifies(struct redis_watch *w)
{
	const struct bytes arguments[] = {
		bytes_str("CONFIG"),
		bytes_str("GET"),
		bytes_str("notify-keyspace-events"),
	};

	redis_connection_send(&w->link->connection, arguments, 3, on_notifies,
			      w, 0);
}

/* --- what has changed --- */

static void flush(struct redis_watch *w)
{
	w->changes++;
	redis_queries_changed_all(w->queries);
	redis_readers_flush(w->readers);
}

void redis_watch_all(struct redis_watch *w)
{
	flush(w);
	redis_realms_read_all(w->realms);
}

static void everything(void *owner)
{
	redis_watch_all(owner);
}

/* One key may be a user's in several realms; see redis_keys.h. */
static void changed(void *owner, struct bytes key)
{
	struct redis_watch *w = owner;
	const struct redis_config *config = w->loop->config;
	enum redis_item item;
	struct bytes name;

	for (uint8_t i = 0; i < config->realm_count; i++) {
		switch (redis_key_parse(key, bytes_str(config->realms[i]),
					&name, &item)) {
		case REDIS_ABOUT_USER:
			w->changes++;
			redis_queries_changed(w->queries, i, name);
			redis_readers_changed(w->readers, i, name);
			break;
		case REDIS_ABOUT_ITEM:
			redis_realms_read(w->realms, i);
			break;
		case REDIS_ABOUT_NOTHING:
			break;
		}
	}
}

static const struct redis_subscription_hooks subscription_hooks = {
	/* Changes until now went unheard. */
	.ready = everything,
	.changed = changed,
	.everything = everything,
};

/* --- meanwhile --- */

static void reread(struct redis_watch *w, uint64_t now_ms)
{
	w->reread_ms = now_ms + (uint64_t)w->loop->config->reread_s * 1000;
	if (w->may_ask)
		ask_notifies(w);
	if (!hears_everything(w))
		redis_watch_all(w);
}

void redis_watch_up(struct redis_watch *w)
{
	w->may_ask = true;
	w->notifies = false;
	w->is_mode_told = false;
	reread(w, redis_loop_now_ms());
	redis_subscription_start(&w->subscription, &w->link->server);
}

void redis_watch_lost(struct redis_watch *w)
{
	redis_subscription_stop(&w->subscription);
	redis_realms_reset(w->realms);
}

void redis_watch_tick(struct redis_watch *w, uint64_t now_ms)
{
	enum redis_mode mode;

	redis_subscription_tick(&w->subscription, now_ms);
	if (w->link->state == REDIS_UP && now_ms >= w->reread_ms)
		reread(w, now_ms);
	mode = redis_watch_mode(w);
	if (!w->subscription.is_ready ||
	    (w->is_mode_told && mode == w->told_mode))
		return;
	w->is_mode_told = true;
	w->told_mode = mode;
	log_mode(w);
}

int redis_watch_init(struct redis_watch *w, struct redis_loop *loop,
		     struct redis_link *link, struct redis_queries *queries,
		     struct redis_readers *readers)
{
	w->loop = loop;
	w->link = link;
	w->queries = queries;
	w->readers = readers;
	redis_subscription_init(&w->subscription, loop, &subscription_hooks, w);
	w->realms = redis_realms_new(loop, &link->connection, readers);
	return w->realms ? 0 : -ENOMEM;
}

void redis_watch_fini(struct redis_watch *w)
{
	redis_subscription_fini(&w->subscription);
	redis_realms_free(w->realms);
}
