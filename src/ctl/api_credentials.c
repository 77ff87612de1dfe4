/*
 * POST /v1/credentials: a time-limited credential, made for the asking.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/crypto.h"
#include "ctl/api.h"
#include "ctl/turn_urls.h"
#include "ctl/values.h"

#define LIFETIME_DEFAULT_S (24 * 3600)
#define LIFETIME_MAX_S (365 * 24 * 3600)

enum { MINT_USER, MINT_REALM, MINT_LIFETIME };

static const struct field mint_members[] = {
	{ "user", FIELD_TEXT, .required = true, .min = 1,
	  .max = STUN_USERNAME_MAX_BYTES },
	{ "realm", FIELD_TEXT, .min = 1, .max = STUN_REALM_MAX_BYTES },
	{ "lifetime_s", FIELD_NUMBER, .min = 1, .max = LIFETIME_MAX_S },
	{ .name = NULL },
};

static json_t *credential_of(const struct control_server *s,
			     const struct control_credential *c)
{
	return json_pack("{s:s, s:s, s:s, s:o, s:o}", "username", c->username,
			 "password", c->password, "realm",
			 s->realms[c->realm].name, "expires",
			 value_time(c->expires_wall_s), "urls",
			 turn_urls(s, c->realm));
}

/* Whatever was made, `error` says how that went; 0: well. */
static void tell(struct answer *a, int error, const struct control_server *s,
		 const struct control_credential *c)
{
	switch (-error) {
	case 0:
		answer_json(a, 200, credential_of(s, c));
		break;
	case ENOKEY:
		answer_error(
			a, 409, "no_secret",
			"No secret for time-limited credentials is in "
			"force.",
			"Add one to secrets in turnpike.conf, and reload.");
		break;
	case EINVAL:
		answer_error(a, 400, "bad_request",
			     "user has a character that RFC 8265 does not "
			     "allow, or is too long.",
			     NULL);
		break;
	default:
		answer_error(a, 500, "failed", "There is no memory for it.",
			     NULL);
		break;
	}
}

static bool find_realm(const struct control_server *s,
		       const struct field_value *realm, uint8_t *out)
{
	for (uint8_t i = 0; i < s->realm_count; i++) {
		*out = i;
		if (!realm->is_set ||
		    bytes_equal(realm->text, bytes_str(s->realms[i].name)))
			return true;
	}
	return false;
}

static void mint(const struct request *q, struct answer *a)
{
	const struct field_value *lifetime = &q->members[MINT_LIFETIME];
	struct control_server *s = calloc(1, sizeof(*s));
	struct control_credential c = { .realm = 0 };
	int error;

	if (!s)
		return;
	q->hooks->look(q->hooks->arg, s);
	if (find_realm(s, &q->members[MINT_REALM], &c.realm)) {
		error = q->hooks->mint(
			q->hooks->arg,
			(const char *)q->members[MINT_USER].text.data,
			lifetime->is_set ? (uint32_t)lifetime->number
					 : LIFETIME_DEFAULT_S,
			&c);
		tell(a, error, s, &c);
	} else {
		answer_error(a, 400, "bad_request", "There is no such realm.",
			     NULL);
	}
	crypto_wipe(&c, sizeof(c));
	free(s);
}

const struct route api_credentials = {
	.method = ROUTE_POST,
	.path = "/v1/credentials",
	.members = mint_members,
	.handle = mint,
};
