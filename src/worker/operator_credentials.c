/*
 * Time-limited credentials that operators have made, by the first secret of
 * the configuration that is in force.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/base64.h"
#include "base/opaque.h"
#include "worker/operator_hooks.h"
#include "worker/service_state.h"

#define PREPARED_MAX_BYTES 4096

static const struct shared_secret *secret_of(const struct service *s,
					     uint8_t realm, int64_t now_s)
{
	const struct secrets *all = &s->force.conf->secrets;

	for (unsigned i = 0; i < all->count; i++)
		if (shared_secret_is_in_force(&all->items[i], realm, now_s))
			return &all->items[i];
	return NULL;
}

static void hmac(struct crypto *crypto, const struct shared_secret *secret,
		 const char *username, char *password)
{
	struct bytes key = bytes_of(secret->bytes, secret->len);
	struct bytes name = bytes_str(username);
	uint8_t mac[CRYPTO_SHA256_BYTES];
	size_t len = secret->sha256 ? CRYPTO_SHA256_BYTES : CRYPTO_SHA1_BYTES;

	if (secret->sha256)
		crypto_hmac_sha256(crypto, key, &name, 1, mac);
	else
		crypto_hmac_sha1(crypto, key, &name, 1, mac);
	base64_encode(bytes_of(mac, len), password);
	password[BASE64_CHARS(len)] = '\0';
	crypto_wipe(mac, sizeof(mac));
}

int operator_mint(void *arg, const char *user, uint32_t lifetime_s,
		  struct control_credential *out)
{
	const struct service *s = arg;
	int64_t now_s = (int64_t)time(NULL);
	const struct shared_secret *secret = secret_of(s, out->realm, now_s);
	char name[PREPARED_MAX_BYTES];
	struct crypto *crypto;
	int len;

	if (!secret)
		return -ENOKEY;
	if (opaque_string(user, name, sizeof(name)))
		return -EINVAL;
	out->expires_wall_s = now_s + lifetime_s;
	len = snprintf(out->username, sizeof(out->username), "%" PRId64 "%c%s",
		       out->expires_wall_s, s->force.conf->secrets.separator,
		       name);
	if (len < 0 || (size_t)len >= sizeof(out->username))
		return -EINVAL;
	crypto = crypto_new();
	if (!crypto)
		return -ENOMEM;
	hmac(crypto, secret, out->username, out->password);
	crypto_free(crypto);
	return 0;
}
