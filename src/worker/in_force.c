#include "worker/in_force.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void name_sources(struct in_force *f, const struct conf *conf)
{
	f->credentials = (struct credentials_config){
		.realms = conf->turn.realms,
		.realm_count = conf->turn.realm_count,
		.users = conf->users,
		.file_users = conf->file_users,
		.secrets = &conf->secrets,
		.redis = f->credentials.redis,
		.ttl_s = conf->redis.ttl_s,
		.negative_ttl_s = conf->redis.negative_ttl_s,
		.stale_s = conf->redis.stale_s,
	};
}

void in_force_init(struct in_force *f, const struct conf *conf,
		   const struct listeners *listeners,
		   const struct ifaddr_list *addresses)
{
	f->start = f->conf = conf;
	f->turn = conf->turn;
	f->listeners = listeners;
	f->addresses = addresses;
	name_sources(f, conf);
}

void in_force_fini(struct in_force *f)
{
	conf_free(f->reloaded);
	crypto_wipe(f, sizeof(*f));
}

void in_force_sync(const struct in_force *f)
{
	for (uint8_t i = 0; f->workers && i < f->turn.worker_count; i++)
		worker_sync(f->workers[i]);
}

/* The policy with the addresses and listeners that there are now. */
static void complete_policy(struct in_force *f)
{
	struct log_record r;

	if (listeners_policy(f->listeners, f->addresses, &f->turn.peers))
		return;
	logger_begin(&r, LOG_LEVEL_WARNING,
		     "more own addresses than are known to the peer rules");
	log_number(&r, "known", PEER_POLICY_OWN_MAX);
	log_text(&r, "remedy", "name the others in peers.deny");
	logger_put(f->log, &r);
}

static void tell_overrides(struct in_force *f,
			   const struct realm_overrides_report *report)
{
	struct log_record r;

	if (report->bad_rules > 0) {
		logger_begin(&r, LOG_LEVEL_WARNING,
			     "peer rules in Redis cannot be used");
		log_number(&r, "count", report->bad_rules);
		log_text(&r, "expected", "IP or IP-IP, not too many");
		logger_put(f->log, &r);
	}
	if (report->cut && !report->closed)
		logger_say(f->log, LOG_LEVEL_WARNING,
			   "a list of allowed peers in Redis is too long: only "
			   "the first of them are");
	if (report->closed)
		logger_say(f->log, LOG_LEVEL_ERROR,
			   "a list of denied peers in Redis is too long: all "
			   "peers are denied now that are not allowed");
}

/*
 * Makes `turn` anew of the configuration. What sockets and pools were made
 * for stays as it is, and so does the nonce key where the file names none.
 */
static void compose(struct in_force *f)
{
	const struct turn_config *wanted = &f->conf->turn;
	struct peer_policy *peers = &f->turn.peers;
	struct realm_overrides_report report;
	struct peer_policy before = *peers;

	f->turn.limits = wanted->limits;
	memcpy(f->turn.realms, wanted->realms, sizeof(f->turn.realms));
	f->turn.log_peers = wanted->log_peers;
	*peers = wanted->peers;
	peers->generation = before.generation + 1;
	memcpy(peers->relay_ips, before.relay_ips, sizeof(peers->relay_ips));
	peers->relay_ip_count = before.relay_ip_count;
	peers->relay_port_min = before.relay_port_min;
	peers->relay_port_max = before.relay_port_max;
	realm_overrides_apply(&f->overrides, &f->turn, &report);
	tell_overrides(f, &report);
	complete_policy(f);
}

/* Hands all workers the whole of it; they have it then. */
static void hand_over(struct in_force *f)
{
	for (uint8_t i = 0; f->workers && i < f->turn.worker_count; i++)
		worker_set_config(f->workers[i], &f->turn);
	in_force_sync(f);
}

void in_force_follow_addresses(struct in_force *f)
{
	f->turn.peers.generation++;
	complete_policy(f);
	for (uint8_t i = 0; f->workers && i < f->turn.worker_count; i++)
		worker_set_peers(f->workers[i], &f->turn.peers);
	in_force_sync(f);
}

void in_force_take_realm(struct in_force *f, uint8_t realm,
			 const struct redis_realm *told)
{
	realm_overrides_take(&f->overrides, realm, told);
	compose(f);
	hand_over(f);
}

/* --- reload --- */

/* "found; remedy", as messages of the configuration are, in two fields. */
static void log_message(struct logger *log, enum log_level level,
			const char *message, const char *path,
			const struct report_message *m)
{
	const char *remedy = strstr(m->text, "; ");
	struct log_record r;

	logger_begin(&r, level, message);
	log_text(&r, "file", path);
	if (m->line > 0)
		log_number(&r, "line", m->line);
	if (remedy) {
		log_bytes(&r, "found",
			  bytes_of(m->text, (size_t)(remedy - m->text)));
		log_text(&r, "remedy", remedy + 2);
	} else {
		log_text(&r, "found", m->text);
	}
	logger_put(log, &r);
}

void in_force_log_report(struct logger *log, enum log_level level,
			 const char *message, const char *path,
			 const struct report *report, enum report_kind kind)
{
	unsigned count = report->count[kind];

	for (unsigned i = 0; i < count && i < REPORT_MESSAGES_MAX; i++)
		log_message(log, level, message, path,
			    &report->messages[kind][i]);
}

static void tell_pending(void *arg, const char *option)
{
	struct in_force *f = arg;
	struct log_record r;

	logger_begin(&r, LOG_LEVEL_WARNING, "a changed option needs a restart");
	log_text(&r, "option", option);
	logger_put(f->log, &r);
}

/* The nonce keys of the file; those that were in force go on for a while. */
static void change_nonce(struct in_force *f, const struct nonce_keys *wanted)
{
	struct nonce_keys *nonce = &f->turn.nonce;

	nonce->lifetime_s = wanted->lifetime_s;
	if (wanted->current.len == 0 ||
	    bytes_equal(secret_bytes(&wanted->current),
			secret_bytes(&nonce->current)))
		return;
	nonce->previous = nonce->current;
	nonce->current = wanted->current;
}

static void put_in_force(struct in_force *f, struct conf *wanted)
{
	struct conf *before = f->reloaded;
	struct log_record r;

	f->conf = f->reloaded = wanted;
	change_nonce(f, &wanted->turn.nonce);
	compose(f);
	hand_over(f);
	name_sources(f, wanted);
	for (uint8_t i = 0; f->workers && i < f->turn.worker_count; i++)
		worker_set_credentials(f->workers[i], &f->credentials, true);
	in_force_sync(f);
	/* Nobody looks at what it named any more. */
	conf_free(before);
	logger_set_level(f->log, wanted->log_level);

	logger_begin(&r, LOG_LEVEL_NOTICE, "reloaded");
	log_number(&r, "users",
		   static_users_count(wanted->users) +
			   static_users_count(wanted->file_users));
	log_number(&r, "secrets", wanted->secrets.count);
	logger_put(f->log, &r);
}

static bool reload(struct in_force *f, const char *path,
		   const struct conf_machine *machine, struct report *report)
{
	struct conf *wanted;

	report_init(report);
	wanted = conf_load(path, machine, report);
	if (!wanted) {
		in_force_log_report(f->log, LOG_LEVEL_ERROR, "reload refused",
				    path, report, REPORT_ERROR);
		return false;
	}
	in_force_log_report(f->log, LOG_LEVEL_WARNING, "configuration", path,
			    report, REPORT_WARNING);
	/* Records name realms by number: others need another process. */
	if (!conf_compare(f->start, wanted, tell_pending, f)) {
		logger_say(f->log, LOG_LEVEL_ERROR,
			   "reload refused: the realms are others");
		conf_free(wanted);
		return false;
	}
	put_in_force(f, wanted);
	return true;
}

bool in_force_reload(struct in_force *f, const char *path,
		     const struct conf_machine *machine)
{
	struct report *report = malloc(sizeof(*report));
	bool ok = report && reload(f, path, machine, report);

	if (!report)
		logger_say(f->log, LOG_LEVEL_ERROR,
			   "reload refused: no memory");
	free(report);
	return ok;
}
