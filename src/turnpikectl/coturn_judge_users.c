/*
 * Keys of coturn about who may use it: users, secrets, and the data
 * bases that have no counterpart here. Redis is coturn_judge_redis.c's matter.
 */
#include <ctype.h>
#include <string.h>

#include "base/crypto.h"
#include "base/hex.h"
#include "base/opaque.h"
#include "conf/report.h"
#include "store/time_limited.h"
#include "stun/attr.h"
#include "turnpikectl/coturn_judge.h"
#include "turnpikectl/coturn_value.h"

#define KEY_PREFIX "0x"
#define PREPARED_BYTES 8192

static bool is_prepared(const char *text, size_t max_bytes)
{
	char out[PREPARED_BYTES];
	bool ok = opaque_string(text, out, sizeof(out)) == 0 &&
		  strlen(out) <= max_bytes;

	crypto_wipe(out, sizeof(out));
	return ok;
}

void coturn_judge_realm(struct coturn_import *i, struct coturn_note *n,
			uint64_t number)
{
	char text[REPORT_QUOTE_BYTES];

	(void)number;
	if (!is_prepared(n->line->value, STUN_REALM_MAX_BYTES)) {
		coturn_value_refuse(n, "a text without control characters");
		return;
	}
	if (i->realm && strcmp(i->realm, n->line->value) != 0)
		coturn_warn(i, n,
			    "realm is given again: coturn takes the last one, "
			    "and so does the import");
	i->realm = n->line->value;
	coturn_mapped(n, "realm = %s", coturn_value_quote(n, text));
}

void coturn_judge_lt_cred_mech(struct coturn_import *i, struct coturn_note *n,
			       uint64_t number)
{
	(void)number;
	i->has_mechanism = true;
	coturn_default(n, "long-term credentials are the only way in");
}

void coturn_judge_no_auth(struct coturn_import *i, struct coturn_note *n,
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
void coturn_judge_user(struct coturn_import *i, struct coturn_note *n,
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

void coturn_judge_use_auth_secret(struct coturn_import *i,
				  struct coturn_note *n, uint64_t number)
{
	(void)number;
	i->has_secrets = true;
	coturn_default(n, "credentials of secrets are let in where there is "
			  "a secret");
}

void coturn_judge_static_auth_secret(struct coturn_import *i,
				     struct coturn_note *n, uint64_t number)
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

void coturn_judge_rest_api_separator(struct coturn_import *i,
				     struct coturn_note *n, uint64_t number)
{
	char c = n->line->value[0];
	char text[REPORT_QUOTE_BYTES];

	(void)number;
	if (!isgraph((unsigned char)c) || isdigit((unsigned char)c)) {
		coturn_value_refuse(n, "one character that is no digit");
		return;
	}
	/* coturn takes the first one, too. */
	i->separator = c;
	coturn_mapped(n, "time_limited.separator = %s",
		      report_quote(bytes_of(&c, 1), text));
}

void coturn_judge_other_db(struct coturn_import *i, struct coturn_note *n,
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

void coturn_judge_userdb(struct coturn_import *i, struct coturn_note *n,
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
