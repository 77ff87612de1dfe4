#include "store/credentials.h"

#include <errno.h>
#include <stdlib.h>

#include "store/redis_users.h"

/* Those that answer at once, and have users. */
#define SOURCES_MAX 4

struct asked {
	const struct store_source *source;
	void *self;
};

struct credentials {
	struct credentials_config config;
	struct asked sources[SOURCES_MAX]; /* in their order */
	unsigned source_count;
	struct time_limited time_limited;
	struct redis_users redis;
	/* The secrets that Redis has told of: struct secrets, by realm. */
	struct pool secrets;
	uint32_t secrets_of[TURN_REALMS_MAX]; /* or POOL_NONE */
	struct redis_event event;             /* the last one */
	struct store_answer spare; /* of sources that come too late */
};

static void forget_secrets(struct credentials *c)
{
	for (unsigned i = 0; i < TURN_REALMS_MAX; i++) {
		if (c->secrets_of[i] != POOL_NONE)
			pool_give(&c->secrets, c->secrets_of[i]);
		c->secrets_of[i] = POOL_NONE;
	}
}

static void add_source(struct credentials *c, const struct store_source *source,
		       void *self)
{
	c->sources[c->source_count++] = (struct asked){ source, self };
}

static void add_set(struct credentials *c, struct static_users *set)
{
	if (set && static_users_count(set) > 0)
		add_source(c, &static_users_source, set);
}

/* Whether somebody has a secret, here or in what Redis has told. */
static bool has_secrets(const struct credentials *c)
{
	bool has = c->config.secrets && c->config.secrets->count > 0;

	for (unsigned i = 0; i < TURN_REALMS_MAX; i++)
		has |= c->secrets_of[i] != POOL_NONE;
	return has;
}

static void list_sources(struct credentials *c)
{
	c->source_count = 0;
	add_set(c, c->config.self_test);
	add_set(c, c->config.users);
	add_set(c, c->config.file_users);
	if (has_secrets(c))
		add_source(c, &time_limited_source, &c->time_limited);
}

static void configure(struct credentials *c,
		      const struct credentials_config *config)
{
	assert(config->realm_count <= TURN_REALMS_MAX);
	c->config = *config;
	c->time_limited.realms = config->realms;
	c->time_limited.secrets = config->secrets;
	c->redis.store = config->redis;
	c->redis.times = (struct redis_cache_times){
		.ttl_s = config->ttl_s,
		.negative_ttl_s = config->negative_ttl_s,
		.stale_s = config->stale_s,
	};
	list_sources(c);
}

static int init(struct credentials *c, uint32_t cache_entries,
		const struct hash_key *key)
{
	int error;

	for (unsigned i = 0; i < TURN_REALMS_MAX; i++)
		c->secrets_of[i] = POOL_NONE;
	c->time_limited.crypto = crypto_new();
	if (!c->time_limited.crypto)
		return -ENOMEM;
	error = pool_init(&c->secrets, sizeof(struct secrets), TURN_REALMS_MAX,
			  true);
	if (error)
		return error;
	return redis_cache_init(&c->redis.cache, cache_entries, key);
}

int credentials_new(struct credentials **out,
		    const struct credentials_config *config, uint16_t worker,
		    uint32_t cache_entries, const struct hash_key *key)
{
	struct credentials *c = calloc(1, sizeof(*c));
	int error;

	*out = NULL;
	if (!c)
		return -ENOMEM;
	error = init(c, cache_entries > 0 ? cache_entries : 1, key);
	if (error) {
		credentials_free(c);
		return error;
	}
	c->redis.reader = worker;
	configure(c, config);
	*out = c;
	return 0;
}

void credentials_free(struct credentials *c)
{
	if (!c)
		return;
	redis_cache_fini(&c->redis.cache);
	pool_fini(&c->secrets);
	crypto_free(c->time_limited.crypto);
	crypto_wipe(c, sizeof(*c));
	free(c);
}

const struct redis_users_counters *
credentials_cache(const struct credentials *c)
{
	return &c->redis.counters;
}

static bool same_realms(const struct credentials_config *a,
			const struct credentials_config *b)
{
	if (a->realm_count != b->realm_count)
		return false;
	for (unsigned i = 0; i < a->realm_count; i++)
		if (strcmp(a->realms[i].name, b->realms[i].name) != 0)
			return false;
	return true;
}

void credentials_configure(struct credentials *c,
			   const struct credentials_config *config)
{
	if (config->redis != c->config.redis ||
	    !same_realms(config, &c->config)) {
		redis_cache_clear(&c->redis.cache);
		forget_secrets(c);
	}
	configure(c, config);
}

/* What Redis has told of a realm's secrets; NULL: not yet. */
static struct secrets *secrets_told(const struct credentials *c, uint8_t realm)
{
	uint32_t i = c->secrets_of[realm];

	return i == POOL_NONE ? NULL : pool_at(&c->secrets, i);
}

/*
 * Asks all that answer at once: if one knows the user, the work of the others
 * is done all the same, and what they say does not count.
 */
static bool ask_sources(struct credentials *c, const struct store_query *query,
			struct store_answer *answer)
{
	struct store_answer *to = answer;

	answer->result = TURN_LOOKUP_UNKNOWN;
	answer->user.key_count = 0;
	for (unsigned i = 0; i < c->source_count; i++) {
		c->sources[i].source->lookup(c->sources[i].self, query, to);
		if (to == &c->spare)
			store_answer_wipe(to);
		else if (to->result == TURN_LOOKUP_FOUND)
			to = &c->spare;
	}
	return to != answer;
}

/*
 * A name that only a secret can vouch for is not unknown as long as it is not
 * known what secrets Redis has.
 */
static void allow_for_secrets(const struct credentials *c, uint8_t realm,
			      struct bytes name, struct store_answer *answer)
{
	struct time_limited_name ignored;

	if (c->config.secrets && !secrets_told(c, realm) &&
	    time_limited_parse(name, c->config.secrets->separator, &ignored))
		answer->result = TURN_LOOKUP_UNAVAILABLE;
}

bool credentials_look_up(struct credentials *c, const struct store_query *query,
			 struct store_answer *answer)
{
	assert(query->realm < c->config.realm_count);
	c->time_limited.more = secrets_told(c, query->realm);
	if (ask_sources(c, query, answer) || !c->config.redis)
		return true;
	if (!redis_users_source.lookup(&c->redis, query, answer))
		return false;
	if (answer->result == TURN_LOOKUP_UNKNOWN && !query->by_hash)
		allow_for_secrets(c, query->realm, query->name, answer);
	return true;
}

static bool has(const struct redis_secrets *set, const struct shared_secret *s)
{
	for (unsigned i = 0; i < set->count; i++)
		if (bytes_equal(
			    bytes_of(set->items[i].bytes, set->items[i].len),
			    bytes_of(s->bytes, s->len)))
			return true;
	return false;
}

/* Whether a secret that was one is none any more. */
static bool is_one_gone(const struct secrets *old,
			const struct redis_secrets *set)
{
	for (unsigned i = 0; old && i < old->count; i++)
		if (!has(set, &old->items[i]))
			return true;
	return false;
}

static void copy_secrets(struct secrets *to, const struct redis_secrets *from)
{
	crypto_wipe(to, sizeof(*to));
	for (unsigned i = 0; i < from->count && i < SECRETS_MAX; i++) {
		struct shared_secret *s = &to->items[to->count++];

		s->realm = SECRETS_EVERY_REALM;
		s->len = from->items[i].len;
		memcpy(s->bytes, from->items[i].bytes, s->len);
	}
}

/* Takes a realm's secrets in; says whether one was withdrawn. */
static bool take_secrets(struct credentials *c)
{
	uint8_t realm = c->event.realm;
	const struct redis_secrets *set = &c->event.secrets;
	bool gone = is_one_gone(secrets_told(c, realm), set);

	if (c->secrets_of[realm] == POOL_NONE)
		c->secrets_of[realm] = pool_take(&c->secrets);
	copy_secrets(secrets_told(c, realm), set);
	list_sources(c);
	crypto_wipe(&c->event.secrets, sizeof(c->event.secrets));
	return gone;
}

static void take_answer(struct credentials *c, const struct now *now,
			struct credentials_event *out)
{
	struct redis_event *in = &c->event;

	out->kind = in->answer.recheck ? CREDENTIALS_RECHECK
				       : CREDENTIALS_ANSWER;
	out->ticket = in->answer.ticket;
	redis_users_answered(&c->redis, now, in, &out->answer);
	if (out->answer.result == TURN_LOOKUP_UNKNOWN)
		allow_for_secrets(c, in->realm, out->name, &out->answer);
	crypto_wipe(&in->answer, sizeof(in->answer));
}

/* Takes in what was told; says whether the worker should know. */
static bool take(struct credentials *c, const struct now *now,
		 struct credentials_event *out)
{
	out->realm = c->event.realm;
	out->name = bytes_of(c->event.name, c->event.name_bytes);
	switch (c->event.kind) {
	case REDIS_EVENT_ANSWER:
		take_answer(c, now, out);
		return true;
	case REDIS_EVENT_CHANGED:
		redis_cache_remove(&c->redis.cache, out->realm, out->name);
		out->kind = CREDENTIALS_CHANGED;
		return true;
	case REDIS_EVENT_FLUSH:
		redis_cache_age(&c->redis.cache);
		out->kind = CREDENTIALS_ALL_CHANGED;
		return true;
	case REDIS_EVENT_SECRETS:
		out->kind = CREDENTIALS_ALL_CHANGED;
		return take_secrets(c);
	case REDIS_EVENT_REALM:
		break; /* the main thread's business */
	}
	return false;
}

bool credentials_next(struct credentials *c, const struct now *now,
		      struct credentials_event *out)
{
	if (!c->config.redis)
		return false;
	while (redis_store_next(c->config.redis, c->redis.reader, &c->event))
		if (take(c, now, out))
			return true;
	return false;
}
