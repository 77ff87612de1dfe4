#include "worker/tester.h"

#include <errno.h>
#include <string.h>

#include "base/hex.h"
#include "stun/integrity.h"

#define NAME_PREFIX "self-test-"
#define RANDOM_BYTES 16

_Static_assert(TESTER_NAME_BYTES >= sizeof(NAME_PREFIX) + 2 * RANDOM_BYTES &&
		       TESTER_PASSWORD_BYTES > 2 * RANDOM_BYTES,
	       "what is random fits");

static void random_digits(struct random *r, char *out)
{
	uint8_t bytes[RANDOM_BYTES];

	random_bytes(r, bytes, sizeof(bytes));
	hex_encode(bytes_of(bytes, sizeof(bytes)), out);
	out[2 * sizeof(bytes)] = '\0';
	crypto_wipe(bytes, sizeof(bytes));
}

int tester_mint(struct tester *t, struct crypto *crypto, struct random *random,
		uint8_t realm, const char *realm_name)
{
	struct bytes realm_text = bytes_str(realm_name), name, password;
	struct static_user user = {
		.name = t->name,
		.realm = realm,
		.grant.allocations_max = TESTER_ALLOCATIONS_MAX,
		.grant.packets_max = TESTER_PACKETS_MAX,
	};
	struct hash_key key;
	int error;

	memcpy(t->name, NAME_PREFIX, sizeof(NAME_PREFIX));
	random_digits(random, t->name + sizeof(NAME_PREFIX) - 1);
	random_digits(random, t->password);
	random_bytes(random, &key, sizeof(key));
	name = bytes_str(t->name);
	password = bytes_str(t->password);
	stun_long_term_key(crypto, STUN_ALGORITHM_MD5, name, realm_text,
			   password, &user.keys.md5);
	stun_long_term_key(crypto, STUN_ALGORITHM_SHA256, name, realm_text,
			   password, &user.keys.sha256);
	stun_userhash(crypto, name, realm_text, user.userhash);
	t->users = static_users_new(&key, TURN_SOURCE_SELF_TEST);
	error = t->users ? static_users_add(t->users, &user) : -ENOMEM;
	crypto_wipe(&user.keys, sizeof(user.keys));
	if (error)
		tester_fini(t);
	return error;
}

void tester_fini(struct tester *t)
{
	static_users_free(t->users);
	crypto_wipe(t, sizeof(*t));
}
