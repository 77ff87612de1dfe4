/*
 * The Redis store alone, without a daemon: for test_redis_store.py.
 *
 *	redis_probe KEY=VALUE...
 *
 * The arguments are the configuration, and how many workers there are. On
 * standard input come commands, a line each; on standard output go events and
 * log lines, one JSON object a line, names and secrets in hexadecimal.
 *
 *	ask READER REALM NAME-IN-HEX ["recheck"]
 *	flood QUESTIONS NAMES   asks for user-0, user-1, ... and prints a summary
 *	hold, release           the readers stop to take, or go on
 *	status
 */
#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/hex.h"
#include "store/redis_store.h"

#define LINE_BYTES 4096

static struct redis_config config;
static const char *realms[TURN_REALMS_MAX];
static unsigned workers = 1;
static struct redis_store *store;
static sem_t woken;
static _Atomic bool ending, holding, flooding;
static _Atomic unsigned flood_results[3];
static uint32_t asked;
static pthread_mutex_t output = PTHREAD_MUTEX_INITIALIZER;

/* --- printing --- */

static void print_hex(const char *key, const void *data, size_t len)
{
	static char digits[2 * LINE_BYTES];

	assert(2 * len < sizeof(digits));
	hex_encode(bytes_of(data, len), digits);
	printf(", \"%s\": \"%.*s\"", key, (int)(2 * len), digits);
}

static void print_answer(const struct redis_event *e)
{
	static const char *const results[] = {
		[TURN_LOOKUP_FOUND] = "found",
		[TURN_LOOKUP_UNKNOWN] = "unknown",
		[TURN_LOOKUP_UNAVAILABLE] = "unavailable",
	};
	const struct redis_answer *a = &e->answer;

	printf(", \"ticket\": %u, \"recheck\": %s, \"result\": \"%s\"",
	       a->ticket.index, a->recheck ? "true" : "false",
	       results[a->result]);
	print_hex("md5", a->md5.bytes, a->md5.len);
	print_hex("sha256", a->sha256.bytes, a->sha256.len);
	printf(", \"disabled\": %s, \"allocations\": %u, \"rate\": %llu",
	       a->disabled ? "true" : "false", a->allocations_max,
	       (unsigned long long)a->rate_bytes);
}

static void print_secrets(const struct redis_secrets *s)
{
	printf(", \"cut\": %s, \"count\": %u", s->cut ? "true" : "false",
	       s->count);
	for (unsigned i = 0; i < s->count; i++) {
		char key[8];

		snprintf(key, sizeof(key), "%u", i);
		print_hex(key, s->items[i].bytes, s->items[i].len);
	}
}

static void print_number(const char *key, const struct redis_number *n)
{
	if (n->present)
		printf(", \"%s\": %llu", key, (unsigned long long)n->value);
}

static void print_peers(const char *key, const struct redis_peers *p)
{
	printf(", \"%s\": { \"cut\": %s, \"items\": [", key,
	       p->cut ? "true" : "false");
	for (unsigned i = 0; i < p->count; i++)
		printf("%s\"%s\"", i ? ", " : "", p->items[i]);
	printf("] }");
}

static void print_options(const struct redis_realm *r)
{
	print_number("max_bps", &r->max_bps);
	print_number("total_quota", &r->total_quota);
	print_number("user_quota", &r->user_quota);
	print_peers("allowed", &r->allowed_peers);
	print_peers("denied", &r->denied_peers);
}

static void print_event(unsigned reader, const struct redis_event *e)
{
	static const char *const kinds[] = {
		[REDIS_EVENT_ANSWER] = "answer",
		[REDIS_EVENT_CHANGED] = "changed",
		[REDIS_EVENT_FLUSH] = "flush",
		[REDIS_EVENT_SECRETS] = "secrets",
		[REDIS_EVENT_REALM] = "realm",
	};

	pthread_mutex_lock(&output);
	printf("{ \"event\": \"%s\", \"reader\": %u", kinds[e->kind], reader);
	if (e->kind != REDIS_EVENT_FLUSH)
		printf(", \"realm\": %u", e->realm);
	if (e->kind == REDIS_EVENT_ANSWER || e->kind == REDIS_EVENT_CHANGED)
		print_hex("name", e->name, e->name_bytes);
	if (e->kind == REDIS_EVENT_ANSWER)
		print_answer(e);
	if (e->kind == REDIS_EVENT_SECRETS)
		print_secrets(&e->secrets);
	if (e->kind == REDIS_EVENT_REALM)
		print_options(&e->options);
	printf(" }\n");
	fflush(stdout);
	pthread_mutex_unlock(&output);
}

static void on_log(void *arg, const struct log_record *r)
{
	char line[LOG_LINE_BYTES];

	(void)arg;
	log_format_json(r, line, sizeof(line));
	pthread_mutex_lock(&output);
	printf("{ \"event\": \"log\", \"record\": %s }\n", line);
	fflush(stdout);
	pthread_mutex_unlock(&output);
}

/* --- the readers, all in one thread --- */

static void on_wake(void *arg, uint16_t reader)
{
	(void)arg;
	(void)reader;
	sem_post(&woken);
}

static void take(unsigned reader)
{
	static struct redis_event e;

	while (redis_store_next(store, (uint16_t)reader, &e)) {
		if (flooding && e.kind == REDIS_EVENT_ANSWER)
			flood_results[e.answer.result]++;
		else
			print_event(reader, &e);
	}
}

static void *read_events(void *arg)
{
	(void)arg;
	while (!ending) {
		sem_wait(&woken);
		for (unsigned i = 0; i <= workers && !holding; i++)
			take(i);
	}
	return NULL;
}

/* --- commands --- */

static bool ask(unsigned reader, unsigned realm, struct bytes name,
		bool recheck)
{
	struct redis_question q = {
		.ticket = { .index = ++asked, .generation = 1 },
		.realm = (uint8_t)realm,
		.recheck = recheck,
		.name_bytes = (uint16_t)name.len,
	};

	if (name.len > 0)
		memcpy(q.name, name.data, name.len);
	return redis_store_ask(store, (uint16_t)reader, &q);
}

static void on_ask(const char *line)
{
	char digits[2 * STUN_USERNAME_MAX_BYTES + 2] = "", more[16] = "";
	uint8_t name[STUN_USERNAME_MAX_BYTES];
	unsigned reader, realm;
	size_t len;
	bool good;

	/* A name of no bytes is written as "-". */
	good = sscanf(line, "ask %u %u %1017s %15s", &reader, &realm, digits,
		      more) >= 3;
	assert(good);
	len = digits[0] == '-' ? 0 : strlen(digits) / 2;
	good = hex_decode(bytes_of(digits, 2 * len), name, len);
	assert(good);
	good = ask(reader, realm, bytes_of(name, len), more[0] == 'r');
	assert(good);
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static unsigned flood_answers(void)
{
	return flood_results[0] + flood_results[1] + flood_results[2];
}

static void on_flood(const char *line)
{
	unsigned questions, names, full = 0;
	uint64_t begin = now_ms();
	int read = sscanf(line, "flood %u %u", &questions, &names);

	assert(read == 2);
	flooding = true;
	for (unsigned i = 0; i < questions; i++) {
		char name[32];

		snprintf(name, sizeof(name), "user-%u", i % names);
		while (!ask(i % workers, 0, bytes_str(name), false)) {
			full++;
			sched_yield();
		}
	}
	while (flood_answers() < questions && now_ms() < begin + 20000)
		sched_yield();
	pthread_mutex_lock(&output);
	printf("{ \"event\": \"flood\", \"found\": %u, \"unknown\": %u, "
	       "\"unavailable\": %u, \"full\": %u, \"ms\": %llu }\n",
	       flood_results[TURN_LOOKUP_FOUND],
	       flood_results[TURN_LOOKUP_UNKNOWN],
	       flood_results[TURN_LOOKUP_UNAVAILABLE], full,
	       (unsigned long long)(now_ms() - begin));
	fflush(stdout);
	pthread_mutex_unlock(&output);
	for (int i = 0; i < 3; i++)
		flood_results[i] = 0;
	flooding = false;
}

static void on_status(void)
{
	struct redis_status s;

	redis_store_status(store, &s);
	pthread_mutex_lock(&output);
	printf("{ \"event\": \"status\", \"state\": \"%s\", \"mode\": \"%s\", "
	       "\"endpoint\": \"%s\", \"connects\": %llu, \"questions\": %llu, "
	       "\"queries\": %llu, \"unavailable\": %llu, \"dropped\": %llu, "
	       "\"unusable\": %llu, \"changes\": %llu, \"passes\": %llu }\n",
	       redis_state_name(s.state), redis_mode_name(s.mode), s.endpoint,
	       (unsigned long long)s.connects, (unsigned long long)s.questions,
	       (unsigned long long)s.queries, (unsigned long long)s.unavailable,
	       (unsigned long long)s.answers_dropped,
	       (unsigned long long)s.unusable, (unsigned long long)s.changes,
	       (unsigned long long)redis_store_passes(store));
	fflush(stdout);
	pthread_mutex_unlock(&output);
}

static void run_command(const char *line)
{
	if (!strncmp(line, "ask ", 4))
		on_ask(line);
	else if (!strncmp(line, "flood ", 6))
		on_flood(line);
	else if (!strncmp(line, "status", 6))
		on_status();
	else if (!strncmp(line, "hold", 4))
		holding = true;
	else if (!strncmp(line, "release", 7)) {
		holding = false;
		sem_post(&woken);
	}
}

/* --- arguments --- */

/* "host:port", "[v6]:port" or "/path". */
static void add_endpoint(const char *text)
{
	struct redis_endpoint *e = &config.endpoints[config.endpoint_count++];
	const char *colon = strrchr(text, ':');
	bool bracket = text[0] == '[';

	if (text[0] == '/') {
		snprintf(e->path, sizeof(e->path), "%s", text);
		return;
	}
	snprintf(e->host, sizeof(e->host), "%.*s",
		 (int)(colon - text) - 2 * bracket, text + bracket);
	e->port = (uint16_t)strtoul(colon + 1, NULL, 10);
}

static bool set_text(const char *name, const char *value)
{
	const struct {
		const char *name;
		char *out;
		size_t size;
	} texts[] = {
		{ "user", config.login.user, sizeof(config.login.user) },
		{ "password", config.login.password,
		  sizeof(config.login.password) },
		{ "ca", config.tls_ca, sizeof(config.tls_ca) },
		{ "name", config.tls_name, sizeof(config.tls_name) },
		{ "sentinel", config.sentinel, sizeof(config.sentinel) },
		{ "sentinel_user", config.sentinel_login.user,
		  sizeof(config.sentinel_login.user) },
		{ "sentinel_password", config.sentinel_login.password,
		  sizeof(config.sentinel_login.password) },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!strcmp(texts[i].name, name)) {
			snprintf(texts[i].out, texts[i].size, "%s", value);
			return true;
		}
	return false;
}

static void set(const char *argument)
{
	const char *value = strchr(argument, '=') + 1;
	char name[32];

	snprintf(name, sizeof(name), "%.*s", (int)(value - argument - 1),
		 argument);
	if (set_text(name, value))
		return;
	if (!strcmp(name, "endpoint"))
		add_endpoint(value);
	else if (!strcmp(name, "realm"))
		realms[config.realm_count++] = value;
	else if (!strcmp(name, "tls"))
		config.tls = true;
	else if (!strcmp(name, "database"))
		config.database = (uint32_t)strtoul(value, NULL, 10);
	else if (!strcmp(name, "timeout_ms"))
		config.timeout_ms = (uint32_t)strtoul(value, NULL, 10);
	else if (!strcmp(name, "reread_s"))
		config.reread_s = (uint32_t)strtoul(value, NULL, 10);
	else if (!strcmp(name, "workers"))
		workers = (unsigned)strtoul(value, NULL, 10);
	else
		abort();
}

int main(int argc, char **argv)
{
	const struct redis_store_hooks hooks = { .wake = on_wake,
						 .log = on_log };
	char line[LINE_BYTES];
	pthread_t reader;

	config.timeout_ms = 1000;
	config.reread_s = 30;
	config.realms = realms;
	for (int i = 1; i < argc; i++)
		set(argv[i]);
	sem_init(&woken, 0, 0);
	if (redis_store_new(&store, &config, (uint16_t)workers, &hooks))
		return EXIT_FAILURE;
	redis_config_wipe(&config);
	if (redis_store_start(store) ||
	    pthread_create(&reader, NULL, read_events, NULL))
		return EXIT_FAILURE;
	while (fgets(line, sizeof(line), stdin))
		run_command(line);

	redis_store_stop(store);
	ending = true;
	sem_post(&woken);
	pthread_join(reader, NULL);
	redis_store_free(store);
	return EXIT_SUCCESS;
}
