#include "store/redis_users.h"

#include "base/utf8.h"

static bool is_name(struct bytes name)
{
	return name.len > 0 && name.len <= STUN_USERNAME_MAX_BYTES;
}

static bool ask(const struct redis_users *r, const struct store_query *query)
{
	struct redis_question question = {
		.ticket = query->ticket,
		.realm = query->realm,
		.recheck = query->recheck,
		.name_bytes = (uint16_t)query->name.len,
	};

	memcpy(question.name, query->name.data, query->name.len);
	return redis_store_ask(r->store, r->reader, &question);
}

/* No keys are left in an answer that does not say who the user is. */
static void answer_without(struct store_answer *answer, enum turn_lookup result)
{
	store_answer_wipe(answer);
	answer->user.key_count = 0;
	answer->result = result;
}

static bool lookup(void *self, const struct store_query *query,
		   struct store_answer *answer)
{
	struct redis_users *r = self;
	enum redis_cache_use use;

	answer->user.key_count = 0;
	answer->result = TURN_LOOKUP_UNKNOWN;
	if (!r->store || query->by_hash || !is_name(query->name))
		return true;
	use = redis_cache_find(&r->cache, query->now->mono_ms, &r->times,
			       query->realm, query->name, answer);
	if (query->recheck)
		use = REDIS_CACHE_NONE;
	if (use == REDIS_CACHE_FRESH) {
		counter_add(&r->counters.hits, 1);
		return true;
	}
	if (use == REDIS_CACHE_STALE &&
	    redis_store_state(r->store) != REDIS_UP) {
		counter_add(&r->counters.stale, 1);
		return true;
	}
	/* A name that nobody can have is not asked for, so is not cached. */
	if (!utf8_is_valid(query->name))
		return true;
	if (!query->recheck)
		counter_add(&r->counters.misses, 1);
	if (ask(r, query)) {
		answer_without(answer, TURN_LOOKUP_UNAVAILABLE);
		return false;
	}
	if (use == REDIS_CACHE_NONE)
		answer_without(answer, TURN_LOOKUP_UNAVAILABLE);
	return true;
}

const struct store_source redis_users_source = {
	.name = "redis",
	.lookup = lookup,
};

void redis_users_answered(struct redis_users *r, const struct now *now,
			  const struct redis_event *event,
			  struct store_answer *answer)
{
	struct bytes name = bytes_of(event->name, event->name_bytes);

	if (event->answer.result != TURN_LOOKUP_UNAVAILABLE) {
		redis_cache_put(&r->cache, now->mono_ms, event->realm, name,
				&event->answer, answer);
		return;
	}
	answer->user.key_count = 0;
	if (event->answer.recheck ||
	    redis_cache_find(&r->cache, now->mono_ms, &r->times, event->realm,
			     name, answer) == REDIS_CACHE_NONE)
		answer_without(answer, TURN_LOOKUP_UNAVAILABLE);
}
