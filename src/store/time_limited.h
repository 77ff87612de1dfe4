/*
 * Time-limited credentials: the TURN REST convention that coturn speaks too.
 *
 * A user name is EXPIRY or EXPIRY ":" NAME, with the expiry in seconds since
 * 1970, and the password is base64(HMAC(secret, user name)). Whoever shares a
 * secret with the server can so let anybody in for a while, and the server
 * keeps no list. That the time is over is not judged here: the core does, and
 * says so.
 *
 * The configured secrets are made once and then only read, by all workers; a
 * worker adds those that Redis knows of.
 */
#ifndef TURNPIKE_STORE_TIME_LIMITED_H
#define TURNPIKE_STORE_TIME_LIMITED_H

#include "store/store.h"

/* As many as are tried for one user. */
#define SECRETS_MAX TURN_KEYS_MAX
#define SHARED_SECRET_MAX_BYTES 256
#define SECRETS_EVERY_REALM UINT8_MAX

/* A secret that is shared with whoever makes credentials. */
struct shared_secret {
	bool sha256;   /* by HMAC-SHA256; else HMAC-SHA1 */
	uint8_t realm; /* or SECRETS_EVERY_REALM */
	/* In force from the one second to the one before the other; 0: open. */
	int64_t not_before_wall_s;
	int64_t not_after_wall_s;
	uint16_t len;
	uint8_t bytes[SHARED_SECRET_MAX_BYTES];
};

/* All that is configured of time-limited credentials. */
struct secrets {
	char separator;     /* between the expiry and the name */
	bool end_sessions;  /* when the credential ends */
	bool end_withdrawn; /* when its secret is no longer one */
	uint32_t skew_s;    /* a credential is good for so much longer */
	uint8_t count;
	struct shared_secret items[SECRETS_MAX];
};

/* The source of one worker; what it points to is borrowed. */
struct time_limited {
	struct crypto *crypto;
	const struct turn_realm *realms; /* by number */
	const struct secrets *secrets;
	/* Those of the realm asked for that are kept elsewhere; may be NULL. */
	const struct secrets *more;
};

/* `self` is a struct time_limited. */
extern const struct store_source time_limited_source;

/* What a user name says by the convention. */
struct time_limited_name {
	int64_t expires_wall_s; /* at least 1 */
	uint16_t account_at;    /* where NAME begins; 0 if there is none */
};

/*
 * Reads a user name. Returns false if it is not made by the convention: its
 * expiry is not decimal digits or is beyond all time, or it is not UTF-8.
 */
bool time_limited_parse(struct bytes name, char separator,
			struct time_limited_name *out);

/* Whether the secret is in force for that realm at that time. */
bool shared_secret_is_in_force(const struct shared_secret *s, uint8_t realm,
			       int64_t wall_s);

#endif
