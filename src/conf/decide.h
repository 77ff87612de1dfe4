/*
 * Decisions: what the values of a document mean together. For conf.c only.
 *
 * Each takes what it needs from c->document, sets its part of `c`, and puts
 * values that follow from others into the document, so that they are shown as
 * what is in force. Mistakes go to the report; the part of `c` is then valid
 * but meaningless, and the decisions go on.
 */
#ifndef TURNPIKE_CONF_DECIDE_H
#define TURNPIKE_CONF_DECIDE_H

#include "conf/conf.h"
#include "conf/document.h"

/* The realm of the file, which becomes the first one. Comes first. */
void decide_realm(struct conf *c, struct report *report);

/*
 * The realm that an option names, the first one if it names none: its index
 * in c->turn.realms, where it is added if it is new.
 */
uint8_t decide_realm_of(struct conf *c, struct value *v, struct report *report);

/* Listeners and their realms. */
void decide_listeners(struct conf *c, const struct conf_machine *machine,
		      struct report *report);

/* Relay addresses and ports; after the listeners. */
void decide_relay(struct conf *c, const struct conf_machine *machine,
		  struct report *report);

/* What is told to clients as the relay address; for decide_relay(). */
void decide_advertise(struct conf *c, const struct conf_machine *machine,
		      struct report *report);

/*
 * The names in `realms`: each a realm that is known, and once; after all that
 * name realms.
 */
void decide_realms(struct conf *c, struct report *report);

/* Which realm an item of `realms` is about; false if its name was refused. */
bool decide_item_realm(const struct conf *c, const struct document_item *item,
		       uint8_t *out);

/* Peer rules and presets, the acs preset's file; after decide_realms(). */
void decide_peers(struct conf *c, const struct conf_machine *machine,
		  struct report *report);

/* How the server drains, and where to it sends clients then. */
void decide_drain(struct conf *c, struct report *report);

/* Secrets of time-limited credentials; before the users. */
void decide_secrets(struct conf *c, const struct conf_machine *machine,
		    struct report *report);

/* Redis and the cache; before the users. */
void decide_redis(struct conf *c, const struct conf_machine *machine,
		  struct report *report);

/*
 * Users of both files, their keys, and what each realm offers; after the
 * listeners, the secrets and Redis.
 */
void decide_users(struct conf *c, const struct conf_machine *machine,
		  struct report *report);

/* The sockets of the control API, and its token; after state_dir. */
void decide_control(struct conf *c, const struct conf_machine *machine,
		    struct report *report);

/* A user of either file, for what is said of it. */
struct decide_user {
	const struct document_item *item; /* NULL: there is none */
	bool in_users_file;
};

/* The users of one realm, as far as what it can offer depends on them. */
struct decide_realm_users {
	uint32_t count;
	/* The first one without such a key. */
	struct decide_user no_md5;
	struct decide_user no_sha256;
};

/*
 * What each realm offers, which is what all of its sources can do; says who
 * is in the way. For decide_users().
 */
void decide_offers(struct conf *c,
		   const struct decide_realm_users users[TURN_REALMS_MAX],
		   struct report *report);

#define DECIDE_PLACE_BYTES 512

/* "line 5", and of which file where that is not clear; returns `out`. */
const char *decide_place_of(const struct conf *c, struct decide_user user,
			    char out[DECIDE_PLACE_BYTES],
			    const struct report *report);

/*
 * Prepares a text (base/opaque.h) in place, at most `max_bytes` long. `what`
 * names it in the error. Returns false if that is not possible.
 */
bool decide_prepare(struct value *v, const char *what, size_t max_bytes,
		    struct report *report);

/*
 * Whether a machine could have this address: unicast, and not of 0.0.0.0/8.
 * `id` and `v` are the option it comes from, for the error.
 */
bool decide_is_own_address(enum option_id id, const struct value *v,
			   struct report *report);

/* Reads a port, 1 to 65535, and nothing else. */
bool decide_port(const char *text, uint16_t *out);

/* Gives an option that the file does not set a text; false without memory. */
bool decide_set_text(struct value *v, const char *text);

#endif
