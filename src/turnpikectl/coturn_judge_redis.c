/*
 * The key of coturn that says how to reach Redis: a string of words.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/report.h"
#include "store/redis_store.h"
#include "turnpikectl/coturn_judge.h"

static bool is_any_of(const char *name, const char *const *names)
{
	for (; *names; names++)
		if (!strcasecmp(name, *names))
			return true;
	return false;
}

static bool is_no(const char *value)
{
	static const char *const words[] = { "0",    "off", "no", "false",
					     "none", "f",   NULL };

	return is_any_of(value, words);
}

struct redis_words {
	const char *host;
	const char *port;
	unsigned long database;
	const char *lost; /* a word that is not supported, or no word */
	bool is_unverified;
};

static const char *const redis_host[] = { "ip",     "host",     "addr",
					  "ipaddr", "hostaddr", NULL };
static const char *const redis_port[] = { "port", "p", NULL };
static const char *const redis_db[] = { "dbname", "db", "database", NULL };
static const char *const redis_user[] = { "user", "username", "uname", "name",
					  NULL };
static const char *const redis_password[] = { "password", "pwd", "passwd",
					      "secret", NULL };
static const char *const redis_timeout[] = { "connect_timeout", "timeout",
					     NULL };
static const char *const redis_tls[] = { "tls", "ssl", NULL };
static const char *const redis_ca[] = { "tls-ca", "ca", "cacert", NULL };
static const char *const redis_name[] = { "tls-sni", "sni", "servername",
					  NULL };
static const char *const redis_verify[] = { "tls-verify", "verify", NULL };
static void redis_word(struct coturn_redis *r, struct redis_words *words,
		       const char *name, const char *value)
{
	if (is_any_of(name, redis_host))
		words->host = value;
	else if (is_any_of(name, redis_port))
		words->port = value;
	else if (is_any_of(name, redis_db))
		words->database = strtoul(value, NULL, 10);
	else if (is_any_of(name, redis_user))
		r->user = value;
	else if (is_any_of(name, redis_password))
		r->password = value;
	else if (is_any_of(name, redis_timeout))
		r->timeout_s = (unsigned)strtoul(value, NULL, 10);
	else if (is_any_of(name, redis_tls))
		r->tls = !is_no(value);
	else if (is_any_of(name, redis_ca))
		r->tls_ca = value;
	else if (is_any_of(name, redis_name))
		r->tls_name = value;
	else if (is_any_of(name, redis_verify))
		words->is_unverified = is_no(value);
	else
		words->lost = name;
}

/* Words NAME=VALUE with spaces between them, in the copy. */
static void redis_split(char *text, struct coturn_redis *r,
			struct redis_words *words)
{
	char *rest = NULL;

	for (char *word = strtok_r(text, " \t", &rest); word;
	     word = strtok_r(NULL, " \t", &rest)) {
		char *equals = strchr(word, '=');

		if (!equals)
			continue;
		*equals = '\0';
		redis_word(r, words, word, equals + 1);
	}
}

static bool redis_endpoint(const struct redis_words *words, char *out,
			   size_t size)
{
	unsigned long port = strtoul(words->port, NULL, 10);
	size_t len = strlen(words->host);
	struct addr a;

	if (len == 0 || len >= REDIS_HOST_BYTES || port < 1 ||
	    port > UINT16_MAX || words->database > UINT16_MAX)
		return false;
	for (size_t at = 0; at < len; at++)
		if (!isalnum((unsigned char)words->host[at]) &&
		    !strchr("-._:", words->host[at]))
			return false;
	if (strchr(words->host, ':') && !addr_parse(words->host, &a))
		return false;
	snprintf(out, size, strchr(words->host, ':') ? "[%s]:%lu" : "%s:%lu",
		 words->host, port);
	return true;
}

static bool redis_texts_fit(const struct coturn_redis *r)
{
	return (!r->user || strlen(r->user) < REDIS_USER_BYTES) &&
	       (!r->password || strlen(r->password) < REDIS_PASSWORD_BYTES) &&
	       (!r->tls_ca || strlen(r->tls_ca) < REDIS_FILE_BYTES) &&
	       (!r->tls_name || strlen(r->tls_name) < REDIS_HOST_BYTES);
}

/* An empty word is as good as none. */
static void redis_tidy(struct coturn_redis *r)
{
	if (r->password && !*r->password)
		r->password = NULL;
	if ((r->user && !*r->user) || !r->password)
		r->user = NULL;
	if (!r->tls || (r->tls_ca && !*r->tls_ca))
		r->tls_ca = NULL;
	if (!r->tls || (r->tls_name && !*r->tls_name))
		r->tls_name = NULL;
	if (r->timeout_s > 8)
		r->timeout_s = 8;
}

static void redis_tell(struct coturn_import *i, const struct coturn_note *n,
		       const struct redis_words *words)
{
	char text[REPORT_QUOTE_BYTES];

	if (words->is_unverified)
		coturn_warn(i, n,
			    "redis-userdb: coturn did not verify the "
			    "certificate; here that is always done, with "
			    "redis.tls_ca and redis.tls_name");
	if (words->lost)
		coturn_tell(i, n, "redis-userdb: %s is not taken over",
			    report_quote(bytes_str(words->lost), text));
}

void coturn_judge_redis_userdb(struct coturn_import *i, struct coturn_note *n,
			       uint64_t number)
{
	struct redis_words words = { .host = "127.0.0.1", .port = "6379" };
	struct coturn_redis *r = &i->redis;

	(void)number;
	*r = (struct coturn_redis){ .is_given = false };
	redis_split(coturn_value(i, n), r, &words);
	if (!redis_endpoint(&words, r->endpoint, sizeof(r->endpoint))) {
		coturn_unknown(n, "the host, port or database of Redis is "
				  "wrong");
		return;
	}
	if (!redis_texts_fit(r)) {
		coturn_unsupported(n, "a user, password or path of Redis is "
				      "too long");
		return;
	}
	redis_tidy(r);
	redis_tell(i, n, &words);
	r->database = (unsigned)words.database;
	r->is_given = true;
	coturn_mapped(n, "redis.endpoints = [ \"%s\" ], database %u%s%s",
		      r->endpoint, r->database, r->password ? ", password" : "",
		      r->tls ? ", tls" : "");
}
