/*
 * What it costs to learn who a user is: a listed one, and one that Redis has
 * told of and the cache remembers.
 *
 *	lookups SOURCE COUNT
 *
 * SOURCE is static, redis, time-limited or unknown; COUNT is how many times a
 * user out of 1,000 is asked for. It prints nanoseconds of processor time per
 * question. To count instructions, which do not depend on the machine's mood,
 * run it twice under callgrind and divide the difference:
 *
 *	for n in 1000 11000; do valgrind --tool=callgrind \
 *		--callgrind-out-file=/dev/null build/tests/bench/lookups \
 *		static $n; done
 *
 * Redis itself is not needed: what is measured does not ask it.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common_cpu.h"
#include "store/credentials.h"
#include "store/redis_store.h"

#define USERS 1000
#define NAME_BYTES 32

static const struct hash_key key = { 1, 2 };
static const struct turn_realm realm = { .name = "example.org" };
static const struct now now = { .mono_ms = 1000, .wall_s = 1735689600 };
static char names[USERS][NAME_BYTES];
static unsigned told; /* how many users Redis has told of */

/* Redis, in its place: it has told of all users once and is never asked. */
bool redis_store_ask(struct redis_store *store, uint16_t reader,
		     const struct redis_question *question)
{
	(void)store;
	(void)reader;
	(void)question;
	abort();
}

enum redis_state redis_store_state(const struct redis_store *store)
{
	(void)store;
	return REDIS_UP;
}

bool redis_store_next(struct redis_store *store, uint16_t reader,
		      struct redis_event *out)
{
	(void)store;
	(void)reader;
	if (told == USERS)
		return false;
	memset(out, 0, sizeof(*out));
	out->kind = REDIS_EVENT_ANSWER;
	out->name_bytes = (uint16_t)strlen(names[told]);
	memcpy(out->name, names[told], out->name_bytes);
	out->answer.result = TURN_LOOKUP_FOUND;
	out->answer.md5.len = CRYPTO_MD5_BYTES;
	out->answer.sha256.len = CRYPTO_SHA256_BYTES;
	told++;
	return true;
}

static struct static_users *new_users(void)
{
	struct static_users *set = static_users_new(&key, TURN_SOURCE_CONFIG);

	assert(set);
	for (unsigned i = 0; i < USERS; i++) {
		struct static_user user = {
			.name = names[i],
			.keys.md5.len = CRYPTO_MD5_BYTES,
			.keys.sha256.len = CRYPTO_SHA256_BYTES,
		};

		memcpy(user.userhash, &i, sizeof(i));
		if (static_users_add(set, &user))
			abort();
	}
	return set;
}

static struct credentials *new_credentials(const char *source,
					   struct static_users *users,
					   const struct secrets *secrets)
{
	static int somewhere;
	struct credentials_config config = {
		.realms = &realm,
		.realm_count = 1,
		.ttl_s = 60,
	};
	static struct credentials_event event;
	struct credentials *c;

	if (!strcmp(source, "redis"))
		config.redis = (struct redis_store *)(void *)&somewhere;
	else if (!strcmp(source, "time-limited"))
		config.secrets = secrets;
	else
		config.users = users;
	if (credentials_new(&c, &config, 0, 2 * USERS, &key))
		abort();
	while (credentials_next(c, &now, &event))
		;
	return c;
}

static void make_names(const char *source)
{
	const char *form = !strcmp(source, "time-limited") ? "17356896%02u:user"
							   : "user-%08u";

	for (unsigned i = 0; i < USERS; i++)
		snprintf(names[i], NAME_BYTES, form, i);
}

int main(int argc, char **argv)
{
	static const struct secrets secrets = {
		.separator = ':',
		.count = 1,
		.items = { { .len = 5, .bytes = "north" } },
	};
	unsigned long count = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	struct static_users *users;
	struct credentials *c;
	static struct store_answer answer;
	bool known;
	uint64_t start_ns;

	if (count == 0) {
		fputs("usage: lookups static|redis|time-limited|unknown "
		      "COUNT\n",
		      stderr);
		return 64;
	}
	known = strcmp(argv[1], "unknown") != 0;
	make_names(argv[1]);
	users = new_users();
	c = new_credentials(argv[1], users, &secrets);
	if (!known)
		for (unsigned i = 0; i < USERS; i++)
			names[i][0] = 'U';

	start_ns = cpu_thread_ns();
	for (unsigned long i = 0; i < count; i++) {
		const struct store_query query = {
			.name = bytes_str(names[i % USERS]),
			.now = &now,
		};

		if (!credentials_look_up(c, &query, &answer) ||
		    (answer.result == TURN_LOOKUP_FOUND) != known)
			abort();
		store_answer_wipe(&answer);
	}
	printf("%s: %.1f ns each\n", argv[1],
	       (double)(cpu_thread_ns() - start_ns) / (double)count);
	credentials_free(c);
	static_users_free(users);
	return 0;
}
