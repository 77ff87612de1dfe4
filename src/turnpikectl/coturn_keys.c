/*
 * The table of coturn's keys, and what each becomes. What follows from
 * several of them together is coturn_decide.c's matter.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "base/crypto.h"
#include "base/hex.h"
#include "base/opaque.h"
#include "conf/options.h"
#include "conf/report.h"
#include "store/redis_store.h"
#include "store/time_limited.h"
#include "stun/attr.h"
#include "turn/config.h"
#include "turn/nonce.h"
#include "turn/peer_policy.h"
#include "turnpikectl/coturn_import.h"

#define KEY_PREFIX "0x"
#define PREPARED_BYTES 8192
#define NONCE_DEFAULT_S 600
#define KIB 1024

enum kind {
	TEXT,   /* any value; what it may be is the function's matter */
	NUMBER, /* digits, or none where coturn has a default */
	FLAG,   /* on if there is no value; off is as if it were not there */
};

struct key {
	const char *name;
	enum kind kind;
	/* Where nothing is to be worked out: */
	enum coturn_fate fate;
	const char *text;
	const char *warning; /* NULL: none */
	/* Else; it writes the note. `number` is 0 but for NUMBER. */
	void (*judge)(struct coturn_import *i, struct coturn_note *n,
		      uint64_t number);
};

/* --- help for what follows --- */

static const char *quoted(const struct coturn_note *n,
			  char out[REPORT_QUOTE_BYTES])
{
	return report_quote(bytes_str(n->line->value), out);
}

static void refuse_value(struct coturn_note *n, const char *expected)
{
	char text[REPORT_QUOTE_BYTES];

	coturn_unknown(n, "the value is %s; expected %s", quoted(n, text),
		       expected);
}

/* An IPv4 address; otherwise the note says why not. */
static bool read_ipv4(struct coturn_note *n, const char *text, struct addr *out)
{
	struct addr a;

	if (!addr_parse(text, &a)) {
		refuse_value(n, "an address; names are not looked up");
		return false;
	}
	if (a.family != ADDR_IPV4) {
		coturn_unsupported(n, "IPv6 is not served yet");
		return false;
	}
	*out = a;
	return true;
}

/* --- listeners --- */

static void listening_ip(struct coturn_import *i, struct coturn_note *n,
			 uint64_t number)
{
	char text[ADDR_TEXT_BYTES];
	struct addr a;

	(void)number;
	if (!read_ipv4(n, n->line->value, &a))
		return;
	if (i->address_count == COTURN_LISTENERS_MAX) {
		coturn_unsupported(n, "more than %d listeners",
				   COTURN_LISTENERS_MAX);
		return;
	}
	i->addresses[i->address_count++] = a;
	coturn_mapped(n, "listen.address = \"%s\"", addr_print(&a, text));
}

static void listening_port(struct coturn_import *i, struct coturn_note *n,
			   uint64_t number)
{
	if (number < 1 || number > UINT16_MAX) {
		refuse_value(n, "a port");
		return;
	}
	i->port = (uint16_t)number;
	coturn_mapped(n, "listen.port = %u", i->port);
}

/* "ADDRESS:PORT" or "[ADDRESS]:PORT", in the copy. */
static bool read_socket(char *text, struct addr *out)
{
	char *colon = strrchr(text, ':');
	unsigned long port;
	char *end;

	if (!colon || !isdigit((unsigned char)colon[1]))
		return false;
	port = strtoul(colon + 1, &end, 10);
	if (*end != '\0' || port < 1 || port > UINT16_MAX)
		return false;
	*colon = '\0';
	if (text[0] == '[' && colon > text && colon[-1] == ']') {
		colon[-1] = '\0';
		text++;
	}
	if (!addr_parse(text, out))
		return false;
	out->port = (uint16_t)port;
	return true;
}

static void aux_server(struct coturn_import *i, struct coturn_note *n,
		       uint64_t number)
{
	char text[ADDR_TEXT_BYTES];
	struct addr a;

	(void)number;
	if (!read_socket(coturn_value(i, n), &a)) {
		refuse_value(n, "ADDRESS:PORT");
	} else if (a.family != ADDR_IPV4) {
		coturn_unsupported(n, "IPv6 is not served yet");
	} else if (i->socket_count == COTURN_LISTENERS_MAX) {
		coturn_unsupported(n, "more than %d listeners",
				   COTURN_LISTENERS_MAX);
	} else {
		i->sockets[i->socket_count++] = a;
		coturn_mapped(n, "another listener, at %s",
			      addr_print(&a, text));
	}
}

static void no_udp(struct coturn_import *i, struct coturn_note *n,
		   uint64_t number)
{
	(void)number;
	coturn_unsupported(n, "clients are served over UDP, and only so");
	coturn_warn(i, n,
		    "no-udp: coturn did not serve UDP here, turnpiked serves "
		    "nothing else: clients with ?transport=tcp or turns: URLs "
		    "cannot come");
}

static void no_tcp(struct coturn_import *i, struct coturn_note *n,
		   uint64_t number)
{
	(void)number;
	i->no_tcp = true;
	coturn_default(n, "clients are not served over TCP yet");
}

static void no_tls(struct coturn_import *i, struct coturn_note *n,
		   uint64_t number)
{
	(void)number;
	i->no_tls = true;
	coturn_default(n, "clients are not served over TLS yet");
}

static void certificate(struct coturn_import *i, struct coturn_note *n,
			uint64_t number)
{
	(void)number;
	i->has_certificate = true;
	coturn_unsupported(n, "clients are not served over TLS yet");
}

/* --- the relay --- */

static void relay_ip(struct coturn_import *i, struct coturn_note *n,
		     uint64_t number)
{
	char text[ADDR_TEXT_BYTES];
	struct addr a;

	(void)number;
	if (!read_ipv4(n, n->line->value, &a))
		return;
	if (i->relay.family != ADDR_NONE && !addr_equal(&i->relay, &a)) {
		coturn_unsupported(n, "there is one relay address, %s",
				   addr_print(&i->relay, text));
		return;
	}
	i->relay = a;
	coturn_mapped(n, "relay.address = \"%s\"", addr_print(&a, text));
}

/* "PUBLIC" or "PUBLIC/PRIVATE"; which pair counts is decided later. */
static void external_ip(struct coturn_import *i, struct coturn_note *n,
			uint64_t number)
{
	char *value = coturn_value(i, n);
	char *slash = strchr(value, '/');
	struct coturn_pair *pair = &i->pairs[i->pair_count];

	(void)number;
	if (slash)
		*slash = '\0';
	if (!read_ipv4(n, value, &pair->advertised) ||
	    (slash && !read_ipv4(n, slash + 1, &pair->private))) {
		coturn_warn(i, n,
			    "external-ip: without it clients elsewhere are "
			    "told an address that they may not reach; write "
			    "it to relay.advertise, or \"auto\", which finds "
			    "it on Azure and by a STUN server");
		return;
	}
	pair->note = n;
	i->pair_count++;
}

static void set_port(struct coturn_note *n, uint64_t number, uint16_t *out)
{
	if (number < 1 || number > UINT16_MAX) {
		refuse_value(n, "a port");
		return;
	}
	*out = (uint16_t)number;
	coturn_mapped(n, "relay.ports");
}

static void min_port(struct coturn_import *i, struct coturn_note *n,
		     uint64_t number)
{
	set_port(n, number, &i->port_min);
}

static void max_port(struct coturn_import *i, struct coturn_note *n,
		     uint64_t number)
{
	set_port(n, number, &i->port_max);
}

static void no_udp_relay(struct coturn_import *i, struct coturn_note *n,
			 uint64_t number)
{
	(void)number;
	coturn_unsupported(n, "relays are UDP, and only so");
	coturn_warn(i, n,
		    "no-udp-relay: coturn relayed no UDP here, turnpiked "
		    "relays nothing else");
}

/* --- who may use it --- */

static bool is_prepared(const char *text, size_t max_bytes)
{
	char out[PREPARED_BYTES];
	bool ok = opaque_string(text, out, sizeof(out)) == 0 &&
		  strlen(out) <= max_bytes;

	crypto_wipe(out, sizeof(out));
	return ok;
}

static void realm(struct coturn_import *i, struct coturn_note *n,
		  uint64_t number)
{
	char text[REPORT_QUOTE_BYTES];

	(void)number;
	if (!is_prepared(n->line->value, STUN_REALM_MAX_BYTES)) {
		refuse_value(n, "a text without control characters");
		return;
	}
	if (i->realm && strcmp(i->realm, n->line->value) != 0)
		coturn_warn(i, n,
			    "realm is given again: coturn takes the last one, "
			    "and so does the import");
	i->realm = n->line->value;
	coturn_mapped(n, "realm = %s", quoted(n, text));
}

static void lt_cred_mech(struct coturn_import *i, struct coturn_note *n,
			 uint64_t number)
{
	(void)number;
	i->has_mechanism = true;
	coturn_default(n, "long-term credentials are the only way in");
}

static void no_auth(struct coturn_import *i, struct coturn_note *n,
		    uint64_t number)
{
	(void)number;
	i->no_auth = true;
	coturn_unsupported(n, "nobody is let in without a credential");
}

static bool read_key(const char *text, struct coturn_user *user)
{
	if (strncmp(text, KEY_PREFIX, sizeof(KEY_PREFIX) - 1) != 0)
		return false;
	text += sizeof(KEY_PREFIX) - 1;
	return hex_decode(bytes_str(text), user->key_md5,
			  sizeof(user->key_md5));
}

/* A key of another length is no password that happens to begin so. */
static bool is_other_key(const char *text)
{
	size_t len = strlen(text);

	return !strncmp(text, KEY_PREFIX, sizeof(KEY_PREFIX) - 1) &&
	       strspn(text + 2, "0123456789abcdefABCDEF") == len - 2;
}

static void replace_twin(struct coturn_import *i, const char *name)
{
	for (size_t at = 0; at < i->user_count; at++) {
		struct coturn_user *u = &i->users[at];

		if (u->is_replaced || strcmp(u->name, name) != 0)
			continue;
		u->is_replaced = true;
		coturn_warn(i, u->note,
			    "user: the name comes again later, and coturn "
			    "takes the last one; so does the import");
	}
}

/* "NAME:PASSWORD" or "NAME:0xKEY". The name is told, the rest is not. */
static void user(struct coturn_import *i, struct coturn_note *n,
		 uint64_t number)
{
	struct coturn_user *u = &i->users[i->user_count];
	char *name = coturn_value(i, n), *secret = strchr(name, ':');
	char text[REPORT_QUOTE_BYTES];

	(void)number;
	if (!secret || secret == name || secret[1] == '\0') {
		coturn_unknown(n, "expected NAME:PASSWORD or NAME:0xKEY");
		return;
	}
	*secret++ = '\0';
	report_quote(bytes_str(name), text);
	if (!is_prepared(name, STUN_USERNAME_MAX_BYTES)) {
		coturn_unsupported(n,
				   "the name %s is no UTF-8 without control "
				   "characters, or too long",
				   text);
		return;
	}
	if (!read_key(secret, u)) {
		if (is_other_key(secret) || !is_prepared(secret, 1024)) {
			coturn_unsupported(
				n, "user %s: %s", text,
				is_other_key(secret)
					? "the key is not of 32 digits; set "
					  "a password"
					: "the password is no UTF-8 without "
					  "control characters, or too long");
			return;
		}
		u->password = secret;
	}
	replace_twin(i, name);
	u->name = name;
	u->note = n;
	i->user_count++;
	coturn_mapped(n, "users: %s, with a %s", text,
		      u->password ? "password" : "key");
}

static void use_auth_secret(struct coturn_import *i, struct coturn_note *n,
			    uint64_t number)
{
	(void)number;
	i->has_secrets = true;
	coturn_default(n, "credentials of secrets are let in where there is "
			  "a secret");
}

static void static_auth_secret(struct coturn_import *i, struct coturn_note *n,
			       uint64_t number)
{
	(void)number;
	i->has_secrets = true;
	if (n->line->value[0] == '\0') {
		coturn_unknown(n, "an empty secret");
	} else if (strlen(n->line->value) > SHARED_SECRET_MAX_BYTES) {
		coturn_unsupported(n, "a secret has at most %d bytes",
				   SHARED_SECRET_MAX_BYTES);
	} else if (i->secret_count == SECRETS_MAX) {
		coturn_unsupported(n, "there are at most %d secrets",
				   SECRETS_MAX);
	} else {
		i->secrets[i->secret_count++] = n->line->value;
		coturn_mapped(n, "secrets");
	}
}

static void rest_api_separator(struct coturn_import *i, struct coturn_note *n,
			       uint64_t number)
{
	char c = n->line->value[0];
	char text[REPORT_QUOTE_BYTES];

	(void)number;
	if (!isgraph((unsigned char)c) || isdigit((unsigned char)c)) {
		refuse_value(n, "one character that is no digit");
		return;
	}
	/* coturn takes the first one, too. */
	i->separator = c;
	coturn_mapped(n, "time_limited.separator = %s",
		      report_quote(bytes_of(&c, 1), text));
}

static void other_db(struct coturn_import *i, struct coturn_note *n,
		     uint64_t number)
{
	(void)number;
	i->has_other_db = true;
	coturn_unsupported(n, "not read; put its users and secrets into Redis, "
			      "or into the configuration as users with "
			      "key_md5");
	coturn_warn(i, n,
		    "%s: the users and secrets of this database are not "
		    "imported: nobody in it can log in",
		    n->line->key);
}

static void userdb(struct coturn_import *i, struct coturn_note *n,
		   uint64_t number)
{
	(void)number;
	i->has_userdb = true;
	coturn_unsupported(n, "not read; its table turnusers_lt has names, "
			      "realms and keys: users with key_md5");
	coturn_warn(i, n,
		    "userdb: the users of this SQLite file are not "
		    "imported: nobody in it can log in");
}

/* --- Redis --- */

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

static void redis_userdb(struct coturn_import *i, struct coturn_note *n,
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

/* --- limits --- */

static void user_quota(struct coturn_import *i, struct coturn_note *n,
		       uint64_t number)
{
	if (number == 0) {
		coturn_default(n, "no limit for users of the file; 64 for "
				  "those of secrets and Redis");
		return;
	}
	i->user_quota = number < UINT16_MAX ? (unsigned)number : UINT16_MAX;
	coturn_mapped(n,
		      "limits.allocations_per_user and "
		      "limits.dynamic_allocations_per_user = %u",
		      i->user_quota);
}

static void total_quota(struct coturn_import *i, struct coturn_note *n,
			uint64_t number)
{
	const int64_t max = options[OPT_LIMITS_ALLOCATIONS].max;

	if (number == 0) {
		coturn_default(n, "limits.allocations = %s",
			       options[OPT_LIMITS_ALLOCATIONS].value);
		return;
	}
	i->total_quota = number < (uint64_t)max ? (unsigned)number
						: (unsigned)max;
	coturn_mapped(n, "limits.allocations = %u", i->total_quota);
}

static uint64_t rate_of(uint64_t number, char out[OPTION_TEXT_BYTES])
{
	const uint64_t max = (uint64_t)options[OPT_LIMITS_USER_RATE].max;

	if (number > max)
		number = max;
	option_with_unit(option_rate_units, (int64_t)number, out);
	return number;
}

static void max_bps(struct coturn_import *i, struct coturn_note *n,
		    uint64_t number)
{
	char text[OPTION_TEXT_BYTES];

	i->allocation_rate = rate_of(number, text);
	if (number == 0)
		coturn_default(n, "no limit");
	else
		coturn_mapped(n, "limits.allocation_rate = \"%s\"", text);
}

static void bps_capacity(struct coturn_import *i, struct coturn_note *n,
			 uint64_t number)
{
	char text[OPTION_TEXT_BYTES];

	i->total_rate = rate_of(number, text);
	i->has_bps_capacity = number > 0;
	if (number == 0)
		coturn_default(n, "no limit");
	else
		coturn_mapped(n, "limits.total_rate = \"%s\"", text);
}

static void workers(struct coturn_import *i, struct coturn_note *n,
		    uint64_t number)
{
	const unsigned max = (unsigned)options[OPT_WORKERS].max;

	/* Without threads for relays, one does everything. */
	i->workers = number == 0 ? 1 : number < max ? (unsigned)number : max;
	coturn_mapped(n, "workers = %u", i->workers);
}

static void sock_buf_size(struct coturn_import *i, struct coturn_note *n,
			  uint64_t number)
{
	const struct option *o = &options[OPT_BUFFERS_RELAY];
	uint64_t bytes = number;
	char text[OPTION_TEXT_BYTES];

	if (bytes < (uint64_t)o->min)
		bytes = (uint64_t)o->min;
	if (bytes > (uint64_t)o->max)
		bytes = (uint64_t)o->max;
	i->buffer_bytes = (bytes + KIB - 1) / KIB * KIB;
	coturn_mapped(n, "buffers.relay = \"%s\"",
		      option_with_unit(option_size_units,
				       (int64_t)i->buffer_bytes, text));
}

/* --- nonces and lifetimes --- */

static void stale_nonce(struct coturn_import *i, struct coturn_note *n,
			uint64_t number)
{
	bool is_bare = n->line->value[0] == '\0';
	char text[OPTION_TEXT_BYTES];

	if (is_bare || number == NONCE_DEFAULT_S) {
		coturn_default(n, "nonce.lifetime = \"10m\"");
		return;
	}
	if (number == 0) {
		coturn_default(n, "nonce.lifetime = \"10m\"; none lives for "
				  "ever");
		coturn_warn(i, n,
			    "stale-nonce=0: coturn's nonces never ended, so "
			    "that what was recorded once could be sent again "
			    "for ever; here they live for 10 minutes");
		return;
	}
	i->nonce_lifetime_s = number < NONCE_LIFETIME_MAX_S
				      ? (unsigned)number
				      : NONCE_LIFETIME_MAX_S;
	coturn_mapped(n, "nonce.lifetime = \"%s\"%s",
		      option_with_unit(option_duration_units,
				       i->nonce_lifetime_s, text),
		      number > NONCE_LIFETIME_MAX_S ? ", the longest" : "");
}

/* A lifetime that RFC 8656 fixes. */
static void fixed_lifetime(struct coturn_note *n, uint64_t number,
			   uint64_t fixed_s)
{
	if (number == fixed_s)
		coturn_default(n, "%llu s", (unsigned long long)fixed_s);
	else
		coturn_unsupported(n, "it is %llu s, as RFC 8656 has it",
				   (unsigned long long)fixed_s);
}

static void channel_lifetime(struct coturn_import *i, struct coturn_note *n,
			     uint64_t number)
{
	(void)i;
	fixed_lifetime(n, number, TURN_CHANNEL_LIFETIME_S);
}

static void permission_lifetime(struct coturn_import *i, struct coturn_note *n,
				uint64_t number)
{
	(void)i;
	fixed_lifetime(n, number, TURN_PERMISSION_LIFETIME_S);
}

static void max_allocate_lifetime(struct coturn_import *i,
				  struct coturn_note *n, uint64_t number)
{
	(void)i;
	if (number == TURN_LIFETIME_MAX_S)
		coturn_default(n, "%d s", TURN_LIFETIME_MAX_S);
	else
		coturn_unsupported(n,
				   "a client gets at most %d s, and renews "
				   "that",
				   TURN_LIFETIME_MAX_S);
}

/* --- peers --- */

static bool read_rule(struct coturn_note *n, struct peer_rule *out)
{
	char text[REPORT_QUOTE_BYTES];

	/* Ports after the range are ours, not coturn's. */
	if (!strchr(n->line->value, ' ') &&
	    peer_rule_parse(n->line->value, out))
		return true;
	coturn_unknown(n,
		       "the value is %s; expected ADDRESS or "
		       "ADDRESS-ADDRESS",
		       quoted(n, text));
	return false;
}

/* What no rule taken over from somewhere else may open. */
static const char *const never_opened[] = {
	"127.0.0.1",     "0.0.0.0",         "169.254.169.254",
	"168.63.129.16", "255.255.255.255", "224.0.0.1",
	"::1",           "fe80::1",         "ff02::1",
};

static const char *forbidden_in(const struct peer_rule *rule)
{
	for (size_t at = 0; at < sizeof(never_opened) / sizeof(never_opened[0]);
	     at++) {
		struct addr a;

		if (addr_parse(never_opened[at], &a) &&
		    peer_rule_has_ip(rule, &a))
			return never_opened[at];
	}
	return NULL;
}

static bool add_rule(struct coturn_rules *rules, struct coturn_note *n,
		     const char *option, const struct peer_rule *rule)
{
	char text[PEER_RULE_TEXT_BYTES];

	if (rules->count == PEER_POLICY_RULES_MAX) {
		coturn_unsupported(n, "there are at most %d rules in %s",
				   PEER_POLICY_RULES_MAX, option);
		return false;
	}
	rules->items[rules->count++] = *rule;
	coturn_mapped(n, "%s: \"%s\"", option, peer_rule_print(rule, text));
	return true;
}

static void allowed_peer_ip(struct coturn_import *i, struct coturn_note *n,
			    uint64_t number)
{
	struct peer_rule rule;
	const char *forbidden;

	(void)number;
	if (!read_rule(n, &rule))
		return;
	forbidden = forbidden_in(&rule);
	if (forbidden) {
		coturn_unsupported(n,
				   "peers.allow beats all other rules, and "
				   "this would open %s",
				   forbidden);
		coturn_warn(i, n,
			    "allowed-peer-ip would open %s to every client: "
			    "it is left out; what is public is open anyway, "
			    "and more may be written to peers.allow by hand",
			    forbidden);
		return;
	}
	if (add_rule(&i->allow, n, "peers.allow", &rule) &&
	    (peer_is_special_purpose(&rule.first) ||
	     peer_is_special_purpose(&rule.last)))
		coturn_warn(i, n,
			    "allowed-peer-ip opens addresses that are not "
			    "public to every client: keep the rule in "
			    "peers.allow only if that is meant");
}

static void denied_peer_ip(struct coturn_import *i, struct coturn_note *n,
			   uint64_t number)
{
	struct peer_rule rule;

	(void)number;
	if (!read_rule(n, &rule))
		return;
	if (add_rule(&i->deny, n, "peers.deny", &rule))
		return;
	coturn_warn(i, n,
		    "denied-peer-ip: this rule is lost, so that clients "
		    "reach what it denied");
}

static void stun_only(struct coturn_import *i, struct coturn_note *n,
		      uint64_t number)
{
	(void)number;
	i->nobody = true;
	coturn_mapped(n, "nobody may relay: no user, secret or Redis is "
			 "taken over");
}

static void address_family(struct coturn_import *i, struct coturn_note *n,
			   uint64_t number)
{
	(void)i;
	(void)number;
	if (!strcasecmp(n->line->value, "ipv4"))
		coturn_default(n, "IPv4");
	else
		coturn_unsupported(n, "relays are of IPv4 only yet");
}

/* --- the log --- */

static void verbose(struct coturn_import *i, struct coturn_note *n,
		    uint64_t number)
{
	(void)number;
	i->is_verbose = true;
	coturn_default(n, "log.level = \"info\": a line when a session begins "
			  "and one when it ends");
}

static void very_verbose(struct coturn_import *i, struct coturn_note *n,
			 uint64_t number)
{
	(void)number;
	i->is_verbose = true;
	i->log_level = "debug";
	coturn_mapped(n, "log.level = \"debug\"");
}

static void log_min_level(struct coturn_import *i, struct coturn_note *n,
			  uint64_t number)
{
	static const struct {
		const char *theirs;
		const char *ours;
	} levels[] = {
		{ "debug", "debug" },     { "info", "info" },
		{ "notice", "notice" },   { "warn", "warning" },
		{ "warning", "warning" }, { "error", "error" },
	};

	(void)number;
	for (size_t at = 0; at < sizeof(levels) / sizeof(levels[0]); at++) {
		if (strcasecmp(n->line->value, levels[at].theirs) != 0)
			continue;
		i->log_level = levels[at].ours;
		coturn_mapped(n, "log.level = \"%s\"", i->log_level);
		return;
	}
	refuse_value(n, "debug, info, warning or error");
}

static void no_dynamic(struct coturn_import *i, struct coturn_note *n,
		       uint64_t number)
{
	(void)number;
	i->no_dynamic = true;
	coturn_default(n, "Redis is not polled; it tells of changes");
}

#define OWN_METRICS "metrics are at control.http, http://127.0.0.1:9641/metrics"

/* Dashboards that were made for coturn live on. */
static void prometheus(struct coturn_import *i, struct coturn_note *n,
		       uint64_t number)
{
	(void)number;
	i->has_metrics = true;
	coturn_mapped(n, "control.coturn_metrics = \"on\"; " OWN_METRICS);
}

/* --- the table --- */

#define NO_TLS_YET "clients are not served over TLS yet"
#define NO_TCP_YET "clients are not served over TCP yet"
#define NO_CONSOLE "turnpikectl and the control API take its place"
#define OWN_LOG "the log goes to the journal, or to standard error"
#define ALWAYS_SO "it is always so"
#define NEVER_SO "it is never so"
#define NO_ALTERNATES \
	"clients are sent elsewhere while draining only: drain.alternates"
#define NO_RFC5780 "behaviour discovery (RFC 5780) is not served"
#define NO_OLD_STUN "RFC 3489 is not spoken"
#define NO_OAUTH "third-party authorization (RFC 7635) is not served"
#define BY_SERVICE "the service manager does that"
#define BY_BATCHES "packets are always sent and received in batches"
#define NO_MULTIPLEX "an allocation has a port of its own, as RFC 8656 has it"
#define GONE "coturn has it no longer"

#define FIXED(n, k, f, t)                                  \
	{                                                  \
		.name = n, .kind = k, .fate = f, .text = t \
	}
#define FIXED_WARN(n, k, f, t, w)                                        \
	{                                                                \
		.name = n, .kind = k, .fate = f, .text = t, .warning = w \
	}
#define JUDGED(n, k, j)                          \
	{                                        \
		.name = n, .kind = k, .judge = j \
	}

static const struct key keys[] = {
	JUDGED("listening-ip", TEXT, listening_ip),
	JUDGED("listening-port", NUMBER, listening_port),
	FIXED("listening-device", TEXT, COTURN_UNSUPPORTED,
	      "name the device's address in listen.address"),
	FIXED("tls-listening-port", NUMBER, COTURN_UNSUPPORTED, NO_TLS_YET),
	FIXED("alt-listening-port", NUMBER, COTURN_UNSUPPORTED, NO_RFC5780),
	FIXED("alt-tls-listening-port", NUMBER, COTURN_UNSUPPORTED, NO_RFC5780),
	FIXED("tcp-proxy-port", NUMBER, COTURN_UNSUPPORTED, NO_TCP_YET),
	JUDGED("aux-server", TEXT, aux_server),
	FIXED("udp-self-balance", FLAG, COTURN_DEFAULT,
	      "clients are spread over the workers"),
	JUDGED("no-udp", FLAG, no_udp),
	JUDGED("no-tcp", FLAG, no_tcp),
	JUDGED("no-tls", FLAG, no_tls),
	FIXED("no-dtls", FLAG, COTURN_DEFAULT,
	      "clients are not served over DTLS yet"),
	FIXED("dtls", FLAG, COTURN_UNSUPPORTED,
	      "clients are not served over DTLS yet"),

	JUDGED("relay-ip", TEXT, relay_ip),
	FIXED("relay-device", TEXT, COTURN_UNSUPPORTED,
	      "name the device's address in relay.address"),
	JUDGED("external-ip", TEXT, external_ip),
	JUDGED("min-port", NUMBER, min_port),
	JUDGED("max-port", NUMBER, max_port),
	JUDGED("no-udp-relay", FLAG, no_udp_relay),
	FIXED("no-tcp-relay", FLAG, COTURN_DEFAULT,
	      "TCP relays (RFC 6062) are not served"),
	FIXED_WARN("server-relay", FLAG, COTURN_UNSUPPORTED,
		   "peers need a permission, always",
		   "server-relay: coturn relayed to clients whatever anybody "
		   "sent; here a peer needs a permission of the client, and "
		   "nothing changes that"),

	JUDGED("realm", TEXT, realm),
	FIXED("server-name", TEXT, COTURN_UNSUPPORTED, NO_OAUTH),
	JUDGED("lt-cred-mech", FLAG, lt_cred_mech),
	JUDGED("no-auth", FLAG, no_auth),
	JUDGED("user", TEXT, user),
	JUDGED("use-auth-secret", FLAG, use_auth_secret),
	JUDGED("static-auth-secret", TEXT, static_auth_secret),
	JUDGED("rest-api-separator", TEXT, rest_api_separator),
	FIXED("oauth", FLAG, COTURN_UNSUPPORTED, NO_OAUTH),
	JUDGED("userdb", TEXT, userdb),
	JUDGED("db", TEXT, userdb),
	JUDGED("redis-userdb", TEXT, redis_userdb),
	FIXED("redis-statsdb", TEXT, COTURN_UNSUPPORTED,
	      "sessions are not published in Redis; see the control API and "
	      "the metrics"),
	JUDGED("psql-userdb", TEXT, other_db),
	JUDGED("sql-userdb", TEXT, other_db),
	JUDGED("mysql-userdb", TEXT, other_db),
	JUDGED("mongo-userdb", TEXT, other_db),
	FIXED("secret-key-file", TEXT, COTURN_UNSUPPORTED,
	      "it decrypts passwords of MySQL, which is not read"),
	FIXED("no-auth-pings", FLAG, COTURN_DEFAULT,
	      "Redis is not polled; it tells of changes"),
	JUDGED("no-dynamic-ip-list", FLAG, no_dynamic),
	JUDGED("no-dynamic-realms", FLAG, no_dynamic),
	FIXED("check-origin-consistency", FLAG, COTURN_UNSUPPORTED,
	      "ORIGIN is not looked at"),

	JUDGED("user-quota", NUMBER, user_quota),
	JUDGED("total-quota", NUMBER, total_quota),
	JUDGED("max-bps", NUMBER, max_bps),
	JUDGED("bps-capacity", NUMBER, bps_capacity),
	JUDGED("relay-threads", NUMBER, workers),
	JUDGED("cpus", NUMBER, workers),
	JUDGED("sock-buf-size", NUMBER, sock_buf_size),

	JUDGED("stale-nonce", NUMBER, stale_nonce),
	FIXED("stateless-nonce", FLAG, COTURN_DEFAULT, ALWAYS_SO),
	FIXED("stateless-nonce-secret", TEXT, COTURN_UNSUPPORTED,
	      "nonces are made in another way; give all servers of a fleet "
	      "the same nonce.key of 64 digits"),
	JUDGED("max-allocate-lifetime", NUMBER, max_allocate_lifetime),
	JUDGED("channel-lifetime", NUMBER, channel_lifetime),
	JUDGED("permission-lifetime", NUMBER, permission_lifetime),
	FIXED("max-allocate-timeout", NUMBER, COTURN_DEFAULT,
	      "a client without an allocation costs nothing"),

	JUDGED("cert", TEXT, certificate),
	JUDGED("pkey", TEXT, certificate),
	FIXED("pkey-pwd", TEXT, COTURN_UNSUPPORTED, NO_TLS_YET),
	FIXED("cipher-list", TEXT, COTURN_UNSUPPORTED, NO_TLS_YET),
	FIXED("dh-file", TEXT, COTURN_UNSUPPORTED, NO_TLS_YET),
	FIXED("ec-curve-name", TEXT, COTURN_UNSUPPORTED, NO_TLS_YET),
	FIXED("CA-file", TEXT, COTURN_UNSUPPORTED, NO_TLS_YET),
	FIXED_WARN("tlsv1", FLAG, COTURN_UNSUPPORTED, NO_TLS_YET,
		   "tlsv1: TLS 1.0 is broken, and coturn served it"),
	FIXED_WARN("tlsv1_1", FLAG, COTURN_UNSUPPORTED, NO_TLS_YET,
		   "tlsv1_1: TLS 1.1 is broken, and coturn served it"),
	FIXED_WARN("no-tlsv1_2", FLAG, COTURN_UNSUPPORTED, NO_TLS_YET,
		   "no-tlsv1_2: coturn was told not to serve what is safe"),
	FIXED("no-tlsv1", FLAG, COTURN_DEFAULT, NEVER_SO),
	FIXED("no-tlsv1_1", FLAG, COTURN_DEFAULT, NEVER_SO),
	FIXED("no-sslv2", FLAG, COTURN_DEFAULT, NEVER_SO),
	FIXED("no-sslv3", FLAG, COTURN_DEFAULT, NEVER_SO),
	FIXED("dh566", FLAG, COTURN_UNSUPPORTED, NO_TLS_YET),
	FIXED("dh1066", FLAG, COTURN_UNSUPPORTED, NO_TLS_YET),
	FIXED("dh2066", FLAG, COTURN_UNSUPPORTED, GONE),

	JUDGED("allowed-peer-ip", TEXT, allowed_peer_ip),
	JUDGED("denied-peer-ip", TEXT, denied_peer_ip),
	FIXED("no-multicast-peers", FLAG, COTURN_DEFAULT, ALWAYS_SO),
	FIXED("no-loopback-peers", FLAG, COTURN_DEFAULT, ALWAYS_SO),
	FIXED_WARN("allow-loopback-peers", FLAG, COTURN_UNSUPPORTED,
		   "peers.allow = [ \"127.0.0.0/8\" ] would do it",
		   "allow-loopback-peers: every client of coturn could reach "
		   "the services of the machine itself; it is left out"),

	FIXED("secure-stun", FLAG, COTURN_UNSUPPORTED,
	      "Binding is answered to everybody, within a budget"),
	FIXED("no-stun", FLAG, COTURN_UNSUPPORTED,
	      "Binding is answered to everybody, within a budget"),
	JUDGED("stun-only", FLAG, stun_only),
	FIXED("rfc5780", FLAG, COTURN_UNSUPPORTED, NO_RFC5780),
	FIXED("no-rfc5780", FLAG, COTURN_DEFAULT, NO_RFC5780),
	FIXED("response-origin-only-with-rfc5780", FLAG, COTURN_DEFAULT,
	      "RESPONSE-ORIGIN is never sent"),
	FIXED("stun-backward-compatibility", FLAG, COTURN_UNSUPPORTED,
	      NO_OLD_STUN),
	FIXED("no-stun-backward-compatibility", FLAG, COTURN_DEFAULT,
	      NO_OLD_STUN),
	FIXED("rfc3489-compatibility", FLAG, COTURN_UNSUPPORTED, NO_OLD_STUN),
	FIXED("fingerprint", FLAG, COTURN_DEFAULT,
	      "FINGERPRINT is sent to those who send it"),
	FIXED("software-attribute", FLAG, COTURN_UNSUPPORTED,
	      "SOFTWARE is never sent"),
	FIXED("no-software-attribute", FLAG, COTURN_DEFAULT,
	      "SOFTWARE is never sent"),
	FIXED("include-reason-string", FLAG, COTURN_UNSUPPORTED,
	      "answers are kept short; the log and turnpikectl have reasons"),
	FIXED("unauthorized-ratelimit", FLAG, COTURN_DEFAULT,
	      "answers to strangers have a budget, always"),
	FIXED("unauthorized-ratelimit-rps", NUMBER, COTURN_DEFAULT,
	      "answers to strangers have a budget, always"),
	FIXED("mobility", FLAG, COTURN_UNSUPPORTED,
	      "mobility (RFC 8016) is not served"),
	FIXED("keep-address-family", FLAG, COTURN_UNSUPPORTED,
	      "relays are of IPv4 only yet"),
	JUDGED("allocation-default-address-family", TEXT, address_family),

	FIXED("alternate-server", TEXT, COTURN_UNSUPPORTED, NO_ALTERNATES),
	FIXED("tls-alternate-server", TEXT, COTURN_UNSUPPORTED, NO_ALTERNATES),
	FIXED("udp-alternate-server", TEXT, COTURN_UNSUPPORTED, NO_ALTERNATES),
	FIXED("tcp-alternate-server", TEXT, COTURN_UNSUPPORTED, NO_ALTERNATES),

	FIXED("multiplex-peer", FLAG, COTURN_UNSUPPORTED, NO_MULTIPLEX),
	FIXED("multiplex-peer-port", NUMBER, COTURN_UNSUPPORTED, NO_MULTIPLEX),
	FIXED("multiplex-peer-max-peers", NUMBER, COTURN_UNSUPPORTED,
	      NO_MULTIPLEX),
	FIXED("udp-recvmmsg", FLAG, COTURN_DEFAULT, BY_BATCHES),
	FIXED("udp-gso", FLAG, COTURN_DEFAULT, BY_BATCHES),
	FIXED("ne", TEXT, COTURN_UNSUPPORTED, GONE),

	FIXED("log-file", TEXT, COTURN_UNSUPPORTED, OWN_LOG),
	FIXED("simple-log", FLAG, COTURN_UNSUPPORTED, OWN_LOG),
	FIXED("syslog", FLAG, COTURN_DEFAULT, OWN_LOG),
	FIXED("syslog-facility", TEXT, COTURN_UNSUPPORTED, OWN_LOG),
	FIXED("no-stdout-log", FLAG, COTURN_UNSUPPORTED, OWN_LOG),
	FIXED("new-log-timestamp", FLAG, COTURN_DEFAULT, ALWAYS_SO),
	FIXED("new-log-timestamp-format", TEXT, COTURN_UNSUPPORTED,
	      "the journal has its own"),
	JUDGED("log-min-level", TEXT, log_min_level),
	FIXED("log-binding", FLAG, COTURN_UNSUPPORTED,
	      "Binding is counted, not logged"),
	JUDGED("verbose", FLAG, verbose),
	JUDGED("Verbose", FLAG, very_verbose),

	JUDGED("prometheus", FLAG, prometheus),
	FIXED("prometheus-port", NUMBER, COTURN_UNSUPPORTED, OWN_METRICS),
	FIXED("prometheus-address", TEXT, COTURN_UNSUPPORTED, OWN_METRICS),
	FIXED("prometheus-path", TEXT, COTURN_UNSUPPORTED, OWN_METRICS),
	FIXED("prometheus-username-labels", FLAG, COTURN_UNSUPPORTED,
	      "users are no label: there may be any number of them"),
	FIXED("prometheus-no-username-labels", FLAG, COTURN_DEFAULT, ALWAYS_SO),
	FIXED("prometheus-tls", FLAG, COTURN_UNSUPPORTED, OWN_METRICS),
	FIXED("prometheus-cert", TEXT, COTURN_UNSUPPORTED, OWN_METRICS),
	FIXED("prometheus-key", TEXT, COTURN_UNSUPPORTED, OWN_METRICS),

	FIXED("cli", FLAG, COTURN_UNSUPPORTED, NO_CONSOLE),
	FIXED("no-cli", FLAG, COTURN_DEFAULT, NO_CONSOLE),
	FIXED("cli-ip", TEXT, COTURN_UNSUPPORTED, NO_CONSOLE),
	FIXED("cli-port", NUMBER, COTURN_UNSUPPORTED, NO_CONSOLE),
	FIXED_WARN("cli-password", TEXT, COTURN_UNSUPPORTED, NO_CONSOLE,
		   "cli-password: the password of coturn's console stands in "
		   "its file and crosses the network in the clear: use it "
		   "nowhere else"),
	FIXED("cli-max-output-sessions", NUMBER, COTURN_UNSUPPORTED,
	      NO_CONSOLE),
	FIXED_WARN("web-admin", FLAG, COTURN_UNSUPPORTED, NO_CONSOLE,
		   "web-admin: coturn's administration page was on; close its "
		   "port in the firewall"),
	FIXED("web-admin-ip", TEXT, COTURN_UNSUPPORTED, NO_CONSOLE),
	FIXED("web-admin-port", NUMBER, COTURN_UNSUPPORTED, NO_CONSOLE),
	FIXED_WARN("web-admin-listen-on-workers", FLAG, COTURN_UNSUPPORTED,
		   NO_CONSOLE,
		   "web-admin-listen-on-workers: coturn's administration page "
		   "was open to everybody who reaches the relay"),
	FIXED("acme-redirect", TEXT, COTURN_UNSUPPORTED,
	      "nothing listens at port 80"),

	FIXED("pidfile", TEXT, COTURN_DEFAULT, BY_SERVICE),
	FIXED("daemon", FLAG, COTURN_DEFAULT, BY_SERVICE),
	FIXED("proc-user", TEXT, COTURN_DEFAULT,
	      "it runs as user \"turnpike\""),
	FIXED("proc-group", TEXT, COTURN_DEFAULT,
	      "it runs as user \"turnpike\""),
	FIXED("drain-min-allocations", NUMBER, COTURN_UNSUPPORTED,
	      "a drain ends without allocations, or at its deadline"),
};

static const struct key *find_key(const char *name)
{
	for (size_t at = 0; at < sizeof(keys) / sizeof(keys[0]); at++)
		if (!strcmp(keys[at].name, name))
			return &keys[at];
	return NULL;
}

/* As coturn does, digits count up to what is none; there must be one. */
static bool read_number(const char *value, uint64_t *out)
{
	unsigned long long number;

	if (!isdigit((unsigned char)value[0]))
		return value[0] == '\0';
	errno = 0;
	number = strtoull(value, NULL, 10);
	if (errno != 0)
		return false;
	*out = number;
	return true;
}

static void judge_key(struct coturn_import *i, struct coturn_note *n,
		      const struct key *key)
{
	bool is_on = true;
	uint64_t number = 0;

	if (key->kind == FLAG && !coturn_conf_flag(n->line->value, &is_on)) {
		refuse_value(n, "yes or no");
		return;
	}
	if (key->kind == NUMBER && !read_number(n->line->value, &number)) {
		refuse_value(n, "a number");
		return;
	}
	if (!is_on) {
		coturn_default(n, "off, as if it were not there");
		return;
	}
	if (key->judge) {
		key->judge(i, n, number);
		return;
	}
	coturn_note(n, key->fate, "%s", key->text);
	if (key->warning)
		coturn_warn(i, n, "%s", key->warning);
}

void coturn_keys_judge(struct coturn_import *i, struct coturn_note *n)
{
	const struct key *key = find_key(n->line->key);

	if (key)
		judge_key(i, n, key);
	else
		coturn_unknown(n, "no key of coturn's that is known here");
}
