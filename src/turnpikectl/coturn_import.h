/*
 * From turnserver.conf to turnpike.conf: what each key becomes, and why.
 *
 * Every line gets a note: mapped, the default here, not supported, or not
 * known. What is dangerous, lost in a way that clients will feel, or
 * different here in a way that does not meet the eye is a remark. What comes
 * of it is a configuration that conf_parse() takes; whoever writes it to a
 * file asks that first. Secrets are in the configuration alone, never in a
 * note or a remark.
 */
#ifndef TURNPIKE_TURNPIKECTL_COTURN_IMPORT_H
#define TURNPIKE_TURNPIKECTL_COTURN_IMPORT_H

#include <stdio.h>

#include "base/addr.h"
#include "turn/peer_rule.h"
#include "turnpikectl/coturn_conf.h"

#define COTURN_TEXT_BYTES 384

enum coturn_fate {
	COTURN_MAPPED,      /* to options of ours */
	COTURN_DEFAULT,     /* it is so here anyway */
	COTURN_UNSUPPORTED, /* nothing here does that */
	COTURN_UNKNOWN,     /* no key of coturn's, or no value it takes */
	COTURN_FATES,
};

struct coturn_note {
	const struct coturn_line *line;
	enum coturn_fate fate;
	char text[COTURN_TEXT_BYTES]; /* what it becomes, or why not */
};

struct coturn_remark {
	unsigned line;   /* 0: of no line in particular */
	bool is_warning; /* to be read before this is used */
	char text[COTURN_TEXT_BYTES];
};

/* What the file does not say; all borrowed. */
struct coturn_site {
	const char *realm; /* in place of the file's; NULL: the file's */
	const char *host;  /* the machine's name, for want of a realm */
	/* Through which the network is reached; ADDR_NONE: not known. */
	struct addr outward;
};

#define COTURN_LISTENERS_MAX 64
#define COTURN_PATH_BYTES 1024

struct coturn_user {
	const char *name;     /* in `owned` */
	const char *password; /* the same, or NULL: it is a key */
	uint8_t key_md5[16];
	const struct coturn_note *note;
	bool is_replaced; /* the name comes again later */
};

struct coturn_pair {
	struct addr advertised;
	struct addr private; /* ADDR_NONE: of all relay addresses */
	struct coturn_note *note;
};

struct coturn_rules {
	struct peer_rule *items; /* owned */
	size_t count;
};

struct coturn_redis {
	bool is_given;
	char endpoint[300];
	const char *user; /* these in `owned` */
	const char *password;
	const char *tls_ca;
	const char *tls_name;
	unsigned database;
	unsigned timeout_s; /* 0: the default */
	bool tls;
};

/* What was found; fields are zero or NULL where the file says nothing. */
struct coturn_import {
	const struct coturn_conf *in; /* borrowed, as the site's texts */
	struct coturn_site site;
	struct coturn_note *notes; /* one for each line of `in` */
	struct coturn_remark *remarks;
	size_t remark_count;
	size_t remark_max;
	char *owned; /* a copy of all values, to be cut to pieces */

	const char *realm;
	struct addr addresses[COTURN_LISTENERS_MAX]; /* listening-ip */
	size_t address_count;
	struct addr sockets[COTURN_LISTENERS_MAX]; /* aux-server */
	size_t socket_count;
	struct addr listeners[2 * COTURN_LISTENERS_MAX]; /* of them all */
	size_t listener_count;
	uint16_t port;

	struct addr relay;
	struct coturn_pair *pairs; /* external-ip */
	size_t pair_count;
	struct addr advertise;
	uint16_t port_min;
	uint16_t port_max;

	struct coturn_user *users;
	size_t user_count;
	const char **secrets;
	size_t secret_count;
	char separator;
	struct coturn_redis redis;
	bool users_are_off; /* coturn takes secrets alone */
	bool nobody;        /* stun-only */

	struct coturn_rules allow;
	struct coturn_rules deny;

	unsigned workers;
	unsigned user_quota;
	unsigned total_quota;
	uint64_t allocation_rate;
	uint64_t total_rate;
	unsigned nonce_lifetime_s;
	uint64_t buffer_bytes;
	const char *log_level;
	bool has_metrics; /* prometheus */

	/* Of which something follows in the end. */
	bool has_mechanism; /* lt-cred-mech */
	bool has_secrets;   /* use-auth-secret */
	bool has_other_db;
	bool has_userdb;
	bool no_auth;
	bool no_tcp;
	bool no_tls;
	bool has_certificate;
	bool has_bps_capacity;
	bool no_dynamic;
	bool is_verbose;
};

/*
 * Judges all lines. Returns NULL without memory. Both arguments are borrowed
 * until coturn_import_free().
 */
struct coturn_import *coturn_import_new(const struct coturn_conf *in,
					const struct coturn_site *site);

/* Wipes and frees; NULL is allowed. */
void coturn_import_free(struct coturn_import *i);

/*
 * Writes the configuration. With `masked`, "***" stands in place of secrets.
 * `from` names the file it was made of.
 */
void coturn_import_write(const struct coturn_import *i, const char *from,
			 bool masked, FILE *to);

/* "mapped", "default", "unsupported" or "unknown". */
const char *coturn_fate_name(enum coturn_fate fate);

/* How many notes there are of that fate, and how many warnings. */
size_t coturn_import_count(const struct coturn_import *i,
			   enum coturn_fate fate);
size_t coturn_import_warnings(const struct coturn_import *i);

/* --- for the files of the import --- */

/* What becomes of the line; returns the note. */
void coturn_note(struct coturn_note *n, enum coturn_fate fate,
		 const char *format, ...) __attribute__((format(printf, 3, 4)));

#define coturn_mapped(n, ...) coturn_note(n, COTURN_MAPPED, __VA_ARGS__)
#define coturn_default(n, ...) coturn_note(n, COTURN_DEFAULT, __VA_ARGS__)
#define coturn_unsupported(n, ...) \
	coturn_note(n, COTURN_UNSUPPORTED, __VA_ARGS__)
#define coturn_unknown(n, ...) coturn_note(n, COTURN_UNKNOWN, __VA_ARGS__)

/* Adds a remark; the line is that of the note, or none if it is NULL. */
void coturn_remark(struct coturn_import *i, const struct coturn_note *n,
		   bool is_warning, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#define coturn_warn(i, n, ...) coturn_remark(i, n, true, __VA_ARGS__)
#define coturn_tell(i, n, ...) coturn_remark(i, n, false, __VA_ARGS__)

/* The note's value in `owned`, to be cut to pieces. */
char *coturn_value(struct coturn_import *i, const struct coturn_note *n);

/* Judges one line by the table of keys. */
void coturn_keys_judge(struct coturn_import *i, struct coturn_note *n);

/* Decides what follows from several lines, or from none. */
void coturn_decide(struct coturn_import *i);

#endif
