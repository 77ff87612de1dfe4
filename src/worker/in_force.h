/*
 * What is in force: the configuration, with the machine's addresses and what
 * Redis says of the realms put over it, as all workers have it.
 *
 * Everything that changes while the process runs goes through here: it is
 * composed anew and handed to every worker before what it replaces is freed.
 * Belongs to the main thread.
 */
#ifndef TURNPIKE_WORKER_IN_FORCE_H
#define TURNPIKE_WORKER_IN_FORCE_H

#include "conf/conf.h"
#include "conf/report.h"
#include "worker/listeners.h"
#include "worker/realm_overrides.h"
#include "worker/worker.h"

/* At least as many as there are options. */
#define RESTART_PENDING_MAX 160

/* Options that the file has changed and only a restart puts in force. */
struct restart_pending {
	unsigned count;
	unsigned options[RESTART_PENDING_MAX]; /* enum option_id */
};

struct in_force {
	const struct conf *start; /* what sockets and pools were made for */
	const struct conf *conf;  /* the file that is in force */
	struct conf *reloaded;    /* the same, if a reload brought it; owned */
	/* The users file, if it was read by itself since; owned. */
	struct static_users *file_users;
	struct turn_config turn; /* all of it together */
	struct credentials_config credentials;
	struct realm_overrides overrides;
	struct restart_pending pending; /* as the last reload found */
	struct static_users *tester;    /* of a self-test that runs, or NULL */
	struct addr tester_peer;        /* open for it alone, or ADDR_NONE */
	uint8_t advertised_last;        /* the place taken last, in relay_ips */

	/* Borrowed; `workers` is NULL until they run. */
	struct worker **workers;
	struct listeners *listeners;
	const struct ifaddr_list *addresses;
	struct logger *log;
};

/*
 * Begins with the configuration of the start, borrowed. The nonce key, if the
 * configuration has none, is set in `turn` by the caller.
 */
void in_force_init(struct in_force *f, const struct conf *conf,
		   struct listeners *listeners,
		   const struct ifaddr_list *addresses);

/* Wipes and frees, once no worker runs. */
void in_force_fini(struct in_force *f);

/* Composes the peer rules anew, after addresses or listeners have changed. */
void in_force_follow_addresses(struct in_force *f);

/* Puts over the configuration what Redis has told of a realm. */
void in_force_take_realm(struct in_force *f, uint8_t realm,
			 const struct redis_realm *told);

/* How a reload went. */
struct reload_result {
	bool ok;
	/* The errors that refused it, and the warnings of the file. */
	struct report report;
	struct restart_pending
		pending; /* of the last one that was not refused */
};

/*
 * Reads the file again and puts in force what can change without a restart:
 * users, secrets, limits, rules, listeners, the advertised address, the log.
 * Sessions that are no longer admitted end; those through a listener that is
 * gone go on. All of it or nothing: a mistake, or a listener that cannot be
 * opened, changes nothing. The log has all that `out` has. Returns out->ok.
 */
bool in_force_reload(struct in_force *f, const char *path,
		     const struct conf_machine *machine,
		     struct reload_result *out);

/*
 * Reads the users file again, and nothing else, and puts it in force: sessions
 * that are no longer admitted end. Returns false, with nothing changed, if the
 * report has an error. `key` is random.
 */
bool in_force_reload_users(struct in_force *f, const struct hash_key *key,
			   struct report *report);

/*
 * Tells clients another relay address from now on. The former one stays ours
 * while an allocation lives by it. False, with a line in the log, if too many
 * former ones are.
 */
bool in_force_set_advertise(struct in_force *f, const struct addr *ip);

/*
 * Lets go of what a reload has taken out of use and no allocation holds any
 * more: listeners and advertised addresses. Returns whether something is still
 * held, so that this is to be called again some time.
 */
bool in_force_let_go(struct in_force *f);

/*
 * Whether new clients are sent elsewhere (turn_config.draining), which stays
 * so whatever is put in force; all workers know it when this returns.
 */
void in_force_set_draining(struct in_force *f, bool draining);

/*
 * Lets the user of a self-test in beside the others, and one more peer be
 * reached (none where its family is ADDR_NONE); NULL ends that. The sessions of
 * the one before end. Borrowed until
 * the next call, through reloads too; all workers know when this returns.
 */
void in_force_set_tester(struct in_force *f, struct static_users *tester,
			 const struct addr *peer);

/* Waits until all workers have what was put in force. */
void in_force_sync(const struct in_force *f);

/* Logs a message of the configuration as "found" and, after "; ", "remedy". */
void in_force_log_report(struct logger *log, enum log_level level,
			 const char *message, const char *path,
			 const struct report *report, enum report_kind kind);

#endif
