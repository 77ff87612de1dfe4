/*
 * The table of options: what turnpike.conf may say, in one place.
 *
 * Parser, defaults, error messages, `turnpiked --check`, the sample file
 * etc/turnpike.conf and turnpike.conf(5) come from this table or are compared
 * with it by a test. What a value means beyond its own type and range is
 * decided in conf/conf.c.
 */
#ifndef TURNPIKE_CONF_OPTIONS_H
#define TURNPIKE_CONF_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* In the order of the sample file and the manual page. */
enum group_id {
	GROUP_TOP, /* options outside any group */
	GROUP_LISTEN,
	GROUP_RELAY,
	GROUP_USERS,
	GROUP_SECRETS,
	GROUP_TIME_LIMITED,
	GROUP_REDIS,
	GROUP_PEERS,
	GROUP_REALMS,
	GROUP_LIMITS,
	GROUP_AUTH,
	GROUP_NONCE,
	GROUP_DRAIN,
	GROUP_BUFFERS,
	GROUP_LOG,
	GROUP_CONTROL,
	GROUP_COUNT,
};

/* Options of one group follow each other. */
enum option_id {
	OPT_REALM,
	OPT_WORKERS,
	OPT_STATE_DIR,
	OPT_USER,
	OPT_USERS_FILE,
	OPT_LISTEN_TRANSPORT,
	OPT_LISTEN_ADDRESS,
	OPT_LISTEN_PORT,
	OPT_LISTEN_REALM,
	OPT_RELAY_ADDRESS,
	OPT_RELAY_ADVERTISE,
	OPT_RELAY_STUN_SERVERS,
	OPT_RELAY_PORTS,
	OPT_USERS_NAME,
	OPT_USERS_PASSWORD,
	OPT_USERS_KEY_MD5,
	OPT_USERS_KEY_SHA256,
	OPT_USERS_REALM,
	OPT_USERS_ALLOCATIONS,
	OPT_USERS_RATE,
	OPT_USERS_DISABLED,
	OPT_SECRETS_SECRET,
	OPT_SECRETS_SECRET_FILE,
	OPT_SECRETS_HASH,
	OPT_SECRETS_NOT_BEFORE,
	OPT_SECRETS_NOT_AFTER,
	OPT_SECRETS_REALM,
	OPT_TIME_LIMITED_SEPARATOR,
	OPT_TIME_LIMITED_SKEW,
	OPT_TIME_LIMITED_END_SESSIONS,
	OPT_TIME_LIMITED_END_WITHDRAWN,
	OPT_REDIS_ENDPOINTS,
	OPT_REDIS_USER,
	OPT_REDIS_PASSWORD,
	OPT_REDIS_PASSWORD_FILE,
	OPT_REDIS_DATABASE,
	OPT_REDIS_TLS,
	OPT_REDIS_TLS_CA,
	OPT_REDIS_TLS_NAME,
	OPT_REDIS_SENTINEL,
	OPT_REDIS_SENTINEL_USER,
	OPT_REDIS_SENTINEL_PASSWORD,
	OPT_REDIS_TIMEOUT,
	OPT_REDIS_CACHE,
	OPT_REDIS_TTL,
	OPT_REDIS_NEGATIVE_TTL,
	OPT_REDIS_STALE,
	OPT_REDIS_REREAD,
	OPT_REDIS_SHA256,
	OPT_PEERS_PRESET,
	OPT_PEERS_ALLOW,
	OPT_PEERS_DENY,
	OPT_PEERS_DRY_RUN,
	OPT_PEERS_ACS_CLOUDS,
	OPT_PEERS_ACS_FILE,
	OPT_REALMS_NAME,
	OPT_REALMS_PRESET,
	OPT_REALMS_ALLOW,
	OPT_REALMS_DENY,
	OPT_REALMS_DRY_RUN,
	OPT_LIMITS_ALLOCATIONS,
	OPT_LIMITS_ALLOCATIONS_PER_USER,
	OPT_LIMITS_ALLOCATIONS_PER_SOURCE,
	OPT_LIMITS_DYNAMIC_ALLOCATIONS_PER_USER,
	OPT_LIMITS_DYNAMIC_ALLOCATIONS_PER_SOURCE,
	OPT_LIMITS_PERMISSIONS,
	OPT_LIMITS_CHANNELS,
	OPT_LIMITS_PEERS,
	OPT_LIMITS_NEW_PEERS,
	OPT_LIMITS_ALLOCATION_RATE,
	OPT_LIMITS_USER_RATE,
	OPT_LIMITS_TOTAL_RATE,
	OPT_LIMITS_RATE_BURST,
	OPT_AUTH_SHA256,
	OPT_AUTH_USERHASH,
	OPT_NONCE_KEY,
	OPT_NONCE_LIFETIME,
	OPT_DRAIN_DEADLINE,
	OPT_DRAIN_ALTERNATES,
	OPT_BUFFERS_LISTENER,
	OPT_BUFFERS_RELAY,
	OPT_LOG_LEVEL,
	OPT_LOG_FORMAT,
	OPT_LOG_PEERS,
	OPT_CONTROL_SOCKET,
	OPT_CONTROL_HTTP,
	OPT_CONTROL_TOKEN_FILE,
	OPT_CONTROL_INSECURE,
	OPT_CONTROL_COTURN_METRICS,
	OPTION_COUNT,
};

enum option_type {
	OPTION_TEXT,     /* a string; min and max count bytes */
	OPTION_WORD,     /* a string, one of a few words */
	OPTION_INTEGER,  /* min to max */
	OPTION_DURATION, /* a string with a unit: "90s"; min and max in s */
	OPTION_SIZE,     /* likewise: "64KiB"; min and max in bytes */
	OPTION_RATE,     /* likewise: "4Mbit/s", "0"; min, max in bytes/s */
	OPTION_ADDRESS,  /* a string: an IPv4 address without port */
	OPTION_AUTO,     /* likewise, or "auto" */
	OPTION_PORTS,    /* an array of two integers, each min to max */
	OPTION_RULES,    /* an array of at most max peer rules */
	OPTION_KEY,      /* a string: max bytes as hexadecimal digits */
	OPTION_TIME,     /* a string: "2027-01-31T00:00:00Z" */
	OPTION_TEXTS,    /* an array of at most max strings */
};

struct option {
	const char *name;
	enum group_id group;
	enum option_type type;
	bool secret;           /* never printed */
	bool required;         /* in its group; there is no default */
	bool restart;          /* a change takes effect by a restart only */
	bool restart_to_raise; /* so does a greater number */
	int64_t min;
	int64_t max;
	const char *const *words; /* OPTION_WORD: NULL-terminated */
	const char *value;  /* the default as the file writes it, or NULL */
	const char *absent; /* what holds without it, where value is NULL */
	const char *sample; /* a value to show, where value is NULL */
	const char *help;   /* one line */
};

struct option_group {
	const char *name; /* "" for GROUP_TOP */
	bool is_list;     /* any number of groups of that form */
	unsigned items;   /* how many if the list is absent, all defaults */
	const char *help;
};

extern const struct option options[OPTION_COUNT];
extern const struct option_group option_groups[GROUP_COUNT];

/* The first option of a group, and how many there are. */
enum option_id option_first(enum group_id group);
size_t option_count(enum group_id group);

/* Finds an option of a group by name; false if there is none. */
bool option_find(enum group_id group, const char *name, enum option_id *out);

/* Finds a group by name; false if there is none. GROUP_TOP has none. */
bool option_group_find(const char *name, enum group_id *out);

#define OPTION_TEXT_BYTES 320

/* "realm", or "relay.ports". Returns `out`. */
const char *option_path(enum option_id id, char out[OPTION_TEXT_BYTES]);

/* What values it takes: "a whole number from 1 to 65535". Returns `out`. */
const char *option_expects(enum option_id id, char out[OPTION_TEXT_BYTES]);

/* What its group may hold: "address, advertise or ports". Returns `out`. */
const char *option_names(enum group_id group, char out[OPTION_TEXT_BYTES]);

/* Units, in the order they are chosen for output; the list ends with NULL. */
struct option_unit {
	const char *name;
	int64_t factor;
};
extern const struct option_unit option_duration_units[];
extern const struct option_unit option_size_units[];
extern const struct option_unit option_rate_units[];

/*
 * Writes a number with the first unit that divides it: "10m", "64KiB".
 * Returns `out`.
 */
const char *option_with_unit(const struct option_unit *units, int64_t number,
			     char out[OPTION_TEXT_BYTES]);

/*
 * Writes the sample file: every option with its default and one line of help,
 * all commented out.
 */
void options_write_sample(FILE *to);

#endif
