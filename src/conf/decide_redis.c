#include "conf/decide.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/secret_file.h"

#define UNIX_PREFIX "unix:"
#define MS_PER_S 1000

static struct value *value_of(const struct conf *c, enum option_id id)
{
	return &c->document->values[id];
}

static bool is_on(const struct conf *c, enum option_id id)
{
	return value_of(c, id)->as.number != 0;
}

/* A text's copy; the table allows no more than fits. */
static void copy_text(const struct conf *c, enum option_id id, char *out,
		      size_t size)
{
	const struct value *v = value_of(c, id);

	if (!v->is_set)
		return;
	assert(strlen(v->as.text) < size);
	memcpy(out, v->as.text, strlen(v->as.text) + 1);
}

/* A host's name or address, without the brackets of IPv6. */
static bool read_host(const char *text, size_t len, struct redis_endpoint *out)
{
	if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	} else if (memchr(text, ':', len)) {
		return false;
	}
	if (len == 0 || len >= sizeof(out->host))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)text[i]) &&
		    !strchr("-._:", text[i]))
			return false;
	memcpy(out->host, text, len);
	return true;
}

static bool read_endpoint(const char *text, struct redis_endpoint *out)
{
	const char *path = text + sizeof(UNIX_PREFIX) - 1;
	const char *colon;

	if (!strncmp(text, UNIX_PREFIX, sizeof(UNIX_PREFIX) - 1)) {
		if (path[0] != '/' || strlen(path) >= sizeof(out->path))
			return false;
		memcpy(out->path, path, strlen(path) + 1);
		return true;
	}
	colon = strrchr(text, ':');
	return colon && read_host(text, (size_t)(colon - text), out) &&
	       decide_port(colon + 1, &out->port);
}

static void decide_endpoints(struct conf *c, struct report *report)
{
	const struct value *v = value_of(c, OPT_REDIS_ENDPOINTS);
	struct redis_config *r = &c->redis.store;
	char quoted[REPORT_QUOTE_BYTES];

	for (uint16_t i = 0; i < v->as.texts.count; i++) {
		const char *text = v->as.texts.items[i];
		struct redis_endpoint *e = &r->endpoints[r->endpoint_count++];

		if (!read_endpoint(text, e))
			report_error(report, v->line,
				     "in redis.endpoints an element is %s; "
				     "expected \"HOST:PORT\", "
				     "\"[ADDRESS]:PORT\" or \"unix:/PATH\"",
				     report_quote(bytes_str(text), quoted));
		else if (e->path[0] && is_on(c, OPT_REDIS_TLS))
			report_error(report, v->line,
				     "redis.tls is \"on\", but %s is a unix "
				     "socket; expected one or the other",
				     report_quote(bytes_str(text), quoted));
	}
}

/* Moves a password out of the document. */
static void take_text(struct value *v, char *out, size_t size)
{
	if (!v->is_set)
		return;
	assert(strlen(v->as.text) < size);
	memcpy(out, v->as.text, strlen(v->as.text) + 1);
	crypto_wipe(v->as.text, strlen(v->as.text));
}

static void decide_login(struct conf *c, const struct conf_machine *machine,
			 struct report *report)
{
	struct value *password = value_of(c, OPT_REDIS_PASSWORD);
	const struct value *file = value_of(c, OPT_REDIS_PASSWORD_FILE);
	const struct value *user = value_of(c, OPT_REDIS_USER);
	struct redis_login *login = &c->redis.store.login;

	if (password->is_given && file->is_given)
		report_error(report, file->line,
			     "redis has both a password and a password_file; "
			     "expected one of them");
	if (user->is_given && !password->is_given && !file->is_given)
		report_error(report, user->line,
			     "redis has a user without a password; expected "
			     "redis.password or redis.password_file too");
	copy_text(c, OPT_REDIS_USER, login->user, sizeof(login->user));
	take_text(password, login->password, sizeof(login->password));
	if (file->is_set && !machine->is_closed)
		secret_file_read(file->as.text, "redis.password_file",
				 file->line, login->password,
				 sizeof(login->password), report);
}

/* An option that means something only where another one is set. */
static void check_needs(const struct conf *c, enum option_id id,
			enum option_id needed, bool is_there,
			struct report *report)
{
	const struct value *v = value_of(c, id);
	char path[OPTION_TEXT_BYTES], needed_path[OPTION_TEXT_BYTES];

	if (v->is_given && !is_there)
		report_error(report, v->line, "%s without %s; expected both",
			     option_path(id, path),
			     option_path(needed, needed_path));
}

static void decide_tls(struct conf *c, struct report *report)
{
	struct redis_config *r = &c->redis.store;

	r->tls = is_on(c, OPT_REDIS_TLS);
	copy_text(c, OPT_REDIS_TLS_CA, r->tls_ca, sizeof(r->tls_ca));
	copy_text(c, OPT_REDIS_TLS_NAME, r->tls_name, sizeof(r->tls_name));
	check_needs(c, OPT_REDIS_TLS_CA, OPT_REDIS_TLS, r->tls, report);
	check_needs(c, OPT_REDIS_TLS_NAME, OPT_REDIS_TLS, r->tls, report);
}

static void decide_sentinel(struct conf *c, struct report *report)
{
	struct redis_config *r = &c->redis.store;
	struct redis_login *login = &r->sentinel_login;
	bool has_password = value_of(c, OPT_REDIS_SENTINEL_PASSWORD)->is_given;

	copy_text(c, OPT_REDIS_SENTINEL, r->sentinel, sizeof(r->sentinel));
	copy_text(c, OPT_REDIS_SENTINEL_USER, login->user, sizeof(login->user));
	take_text(value_of(c, OPT_REDIS_SENTINEL_PASSWORD), login->password,
		  sizeof(login->password));
	check_needs(c, OPT_REDIS_SENTINEL_USER, OPT_REDIS_SENTINEL_PASSWORD,
		    has_password, report);
	check_needs(c, OPT_REDIS_SENTINEL_PASSWORD, OPT_REDIS_SENTINEL,
		    r->sentinel[0] != '\0', report);
}

static uint32_t number_of(const struct conf *c, enum option_id id)
{
	return (uint32_t)value_of(c, id)->as.number;
}

static bool is_any_given(const struct conf *c)
{
	enum option_id first = option_first(GROUP_REDIS);

	for (size_t i = 0; i < option_count(GROUP_REDIS); i++)
		if (value_of(c, (enum option_id)(first + i))->is_given)
			return true;
	return false;
}

void decide_redis(struct conf *c, const struct conf_machine *machine,
		  struct report *report)
{
	struct conf_redis *r = &c->redis;

	decide_endpoints(c, report);
	decide_login(c, machine, report);
	decide_tls(c, report);
	decide_sentinel(c, report);
	r->store.database = number_of(c, OPT_REDIS_DATABASE);
	r->store.timeout_ms = number_of(c, OPT_REDIS_TIMEOUT) * MS_PER_S;
	r->store.reread_s = number_of(c, OPT_REDIS_REREAD);
	r->cache_entries = number_of(c, OPT_REDIS_CACHE);
	r->ttl_s = number_of(c, OPT_REDIS_TTL);
	r->negative_ttl_s = number_of(c, OPT_REDIS_NEGATIVE_TTL);
	r->stale_s = number_of(c, OPT_REDIS_STALE);
	c->turn.lookups_are_async = r->store.endpoint_count > 0;
	if (r->store.endpoint_count == 0 && is_any_given(c) &&
	    !value_of(c, OPT_REDIS_ENDPOINTS)->is_wrong)
		report_warning(report, 0,
			       "redis has no endpoints, so that it is not "
			       "asked; expected redis.endpoints too");
}
