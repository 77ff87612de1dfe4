#include "worker/in_force.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/options.h"
#include "worker/bind_failure.h"

static void name_sources(struct in_force *f, const struct conf *conf)
{
	f->credentials = (struct credentials_config){
		.realms = conf->turn.realms,
		.realm_count = conf->turn.realm_count,
		.users = conf->users,
		.file_users = conf->file_users,
		.secrets = &conf->secrets,
		.self_test = f->tester,
		.redis = f->credentials.redis,
		.ttl_s = conf->redis.ttl_s,
		.negative_ttl_s = conf->redis.negative_ttl_s,
		.stale_s = conf->redis.stale_s,
	};
}

void in_force_init(struct in_force *f, const struct conf *conf,
		   struct listeners *listeners,
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
	static_users_free(f->file_users);
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

/* What the pools were made for, or less. */
static void cap_limits(struct in_force *f)
{
	const struct turn_limits *made = &f->start->turn.limits;
	struct turn_limits *l = &f->turn.limits;

	if (l->allocations > made->allocations)
		l->allocations = made->allocations;
	if (l->permissions_per_allocation > made->permissions_per_allocation)
		l->permissions_per_allocation =
			made->permissions_per_allocation;
	if (l->channels_per_allocation > made->channels_per_allocation)
		l->channels_per_allocation = made->channels_per_allocation;
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
	cap_limits(f);
	memcpy(f->turn.alternates, wanted->alternates,
	       sizeof(f->turn.alternates));
	f->turn.alternate_count = wanted->alternate_count;
	*peers = wanted->peers;
	peers->generation = before.generation + 1;
	peers->self_test_peer = f->tester_peer;
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

void in_force_set_draining(struct in_force *f, bool draining)
{
	f->turn.draining = draining;
	hand_over(f);
}

void in_force_take_realm(struct in_force *f, uint8_t realm,
			 const struct redis_realm *told)
{
	realm_overrides_take(&f->overrides, realm, told);
	compose(f);
	hand_over(f);
}

/* --- the advertised address --- */

/*
 * The place of an address of ours; a new one goes where the longest time has
 * passed since another was there. Places are named by records. Returns 0 for
 * the bound address, and -ENOSPC if all others are held.
 */
static int place_of(struct in_force *f, const struct addr *ip)
{
	const struct peer_policy *p = &f->turn.peers;
	uint8_t at = peer_policy_relay_index(p, ip);

	if (at || addr_same_ip(ip, &p->relay_ips[0]))
		return at;
	at = f->advertised_last;
	for (int i = 1; i < PEER_POLICY_RELAY_IPS_MAX; i++) {
		at = (uint8_t)(at % (PEER_POLICY_RELAY_IPS_MAX - 1) + 1);
		if (at >= p->relay_ip_count || !p->relay_ips[at].family)
			return at;
	}
	return -ENOSPC;
}

/* Advertises what has that place, or takes it now. */
static void advertise(struct in_force *f, const struct addr *ip, int place)
{
	struct peer_policy *p = &f->turn.peers;

	f->turn.relay_advertise = addr_with_port(ip, 0);
	if (place == 0 || peer_policy_relay_index(p, ip))
		return;
	p->relay_ips[place] = f->turn.relay_advertise;
	if (p->relay_ip_count <= place)
		p->relay_ip_count = (uint16_t)(place + 1);
	f->advertised_last = (uint8_t)place;
}

static void tell_advertised(struct in_force *f, const struct addr *before)
{
	struct log_record r;

	if (addr_same_ip(before, &f->turn.relay_advertise))
		return;
	logger_begin(&r, LOG_LEVEL_NOTICE,
		     "another relay address is advertised");
	log_addr(&r, "before", before);
	log_addr(&r, "now", &f->turn.relay_advertise);
	logger_put(f->log, &r);
}

bool in_force_set_advertise(struct in_force *f, const struct addr *ip)
{
	struct addr before = f->turn.relay_advertise;
	int place = place_of(f, ip);

	if (place < 0) {
		logger_say(f->log, LOG_LEVEL_WARNING,
			   "the advertised address stays: sessions live by "
			   "too many former ones");
		return false;
	}
	if (addr_same_ip(ip, &before))
		return true;
	advertise(f, ip, place);
	f->turn.peers.generation++;
	hand_over(f);
	tell_advertised(f, &before);
	return true;
}

static bool is_told_to_some(const struct in_force *f, uint16_t place)
{
	for (uint8_t i = 0; f->workers && i < f->turn.worker_count; i++)
		if (holdings_get(
			    &worker_holdings(f->workers[i])->relay_ips[place]))
			return true;
	return false;
}

/* Former addresses that nobody was told who is still there. */
static bool forget_former(struct in_force *f, bool *changed)
{
	struct peer_policy *p = &f->turn.peers;
	uint8_t now = peer_policy_relay_index(p, &f->turn.relay_advertise);
	bool is_any_left = false;

	for (uint16_t i = 1; i < p->relay_ip_count; i++) {
		if (i == now || !p->relay_ips[i].family)
			continue;
		if (is_told_to_some(f, i)) {
			is_any_left = true;
			continue;
		}
		p->relay_ips[i] = (struct addr){ .family = ADDR_NONE };
		*changed = true;
	}
	return is_any_left;
}

bool in_force_let_go(struct in_force *f)
{
	bool changed = false, is_any_left = forget_former(f, &changed);

	if (listeners_let_go(f->listeners, f->workers)) {
		listeners_hand_over(f->listeners, f->workers);
		changed = true;
	}
	if (changed)
		in_force_follow_addresses(f);
	return is_any_left || listeners_lingering(f->listeners) > 0;
}

void in_force_set_tester(struct in_force *f, struct static_users *tester,
			 const struct addr *peer)
{
	f->tester = f->credentials.self_test = tester;
	f->tester_peer = f->turn.peers.self_test_peer = *peer;
	f->turn.peers.generation++;
	for (uint8_t i = 0; f->workers && i < f->turn.worker_count; i++) {
		worker_set_credentials(f->workers[i], &f->credentials, true);
		worker_set_peers(f->workers[i], &f->turn.peers);
	}
	in_force_sync(f);
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

static void add_pending(void *arg, unsigned option)
{
	struct restart_pending *p = arg;

	_Static_assert(OPTION_COUNT <= RESTART_PENDING_MAX,
		       "there is room for all options");
	p->options[p->count++] = option;
}

static void tell_pending(struct in_force *f)
{
	char path[OPTION_TEXT_BYTES];
	struct log_record r;

	for (unsigned i = 0; i < f->pending.count; i++) {
		logger_begin(&r, LOG_LEVEL_WARNING,
			     "a changed option needs a restart");
		log_text(&r, "option",
			 option_path((enum option_id)f->pending.options[i],
				     path));
		logger_put(f->log, &r);
	}
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

static const struct addr *wanted_advertise(const struct in_force *f,
					   const struct conf *wanted)
{
	const struct conf_advertise *a = &wanted->advertise;

	/* What is bound now, and what was found before: both stay. */
	if (a->is_relay)
		return &f->turn.relay;
	return a->is_known ? &wanted->turn.relay_advertise
			   : &f->turn.relay_advertise;
}

static void put_in_force(struct in_force *f, struct conf *wanted)
{
	const struct addr *told = wanted_advertise(f, wanted);
	struct addr told_before = f->turn.relay_advertise;
	struct conf *before = f->reloaded;

	f->conf = f->reloaded = wanted;
	change_nonce(f, &wanted->turn.nonce);
	advertise(f, told, place_of(f, told));
	listeners_commit(f->listeners, wanted);
	compose(f);
	hand_over(f);
	name_sources(f, wanted);
	for (uint8_t i = 0; f->workers && i < f->turn.worker_count; i++)
		worker_set_credentials(f->workers[i], &f->credentials, true);
	/* No listener reads a packet before all rules know of it. */
	if (f->workers)
		listeners_hand_over(f->listeners, f->workers);
	in_force_sync(f);
	/* Nobody looks at what it named any more. */
	conf_free(before);
	static_users_free(f->file_users);
	f->file_users = NULL;
	logger_set_level(f->log, wanted->log_level);
	tell_advertised(f, &told_before);
}

bool in_force_reload_users(struct in_force *f, const struct hash_key *key,
			   struct report *report)
{
	struct static_users *before = f->file_users;
	struct static_users *users = conf_read_users_file(f->conf, key, report);

	if (!users)
		return false;
	f->file_users = f->credentials.file_users = users;
	for (uint8_t i = 0; f->workers && i < f->turn.worker_count; i++)
		worker_set_credentials(f->workers[i], &f->credentials, true);
	in_force_sync(f);
	static_users_free(before);
	return true;
}

static void tell_reloaded(struct in_force *f)
{
	struct log_record r;

	logger_begin(&r, LOG_LEVEL_NOTICE, "reloaded");
	log_number(&r, "listeners", listeners_count(f->listeners));
	if (listeners_lingering(f->listeners) > 0)
		log_number(&r, "lingering", listeners_lingering(f->listeners));
	log_number(&r, "users",
		   static_users_count(f->conf->users) +
			   static_users_count(f->conf->file_users));
	log_number(&r, "secrets", f->conf->secrets.count);
	logger_put(f->log, &r);
}

/*
 * Of a listener that would take a port of the range which is in force until
 * the restart: the file itself has been checked against its own.
 */
static void refuse_in_range(const struct in_force *f, const struct conf *wanted,
			    struct report *report)
{
	const struct peer_policy *p = &f->turn.peers;

	for (size_t i = 0; i < wanted->listener_count; i++) {
		const struct conf_listener *l = &wanted->listeners[i];

		if (l->address.port < p->relay_port_min ||
		    l->address.port > p->relay_port_max ||
		    (!addr_is_unspecified(&l->address) &&
		     !addr_same_ip(&l->address, &f->turn.relay)))
			continue;
		report_error(report, l->line,
			     "a listener at port %u of the relay address; "
			     "expected one outside of [ %u, %u ], which are "
			     "relay.ports until a restart",
			     l->address.port, p->relay_port_min,
			     p->relay_port_max);
	}
}

static void open_listeners(struct in_force *f, const struct conf *wanted,
			   struct report *report)
{
	struct listeners_failure failure;
	char address[ADDR_TEXT_BYTES];

	if (listeners_prepare(f->listeners, wanted, f->addresses, &failure))
		return;
	report_error(report, failure.line, "cannot listen at %s: %s; %s",
		     addr_print(&failure.address, address),
		     strerror(-failure.error),
		     bind_failure_remedy(failure.error));
}

/* Everything that can stand in the way; what was opened has been if not. */
static bool prepare(struct in_force *f, struct conf *wanted,
		    struct restart_pending *pending, struct report *report)
{
	pending->count = 0;
	/* Records name realms by number: others need another process. */
	if (!conf_compare(f->start, wanted, add_pending, pending))
		report_error(report, 0,
			     "the realms are not the same ones in the same "
			     "order; expected a restart for that");
	if (place_of(f, wanted_advertise(f, wanted)) < 0)
		report_error(report, 0,
			     "relay.advertise has changed too often; expected "
			     "fewer sessions that live by former addresses");
	refuse_in_range(f, wanted, report);
	if (report_is_clean(report))
		open_listeners(f, wanted, report);
	return report_is_clean(report);
}

/* The file's configuration, ready to be put in force; NULL: refused. */
static struct conf *load(struct in_force *f, const char *path,
			 const struct conf_machine *machine,
			 struct reload_result *out)
{
	struct conf *wanted = conf_load(path, machine, &out->report);
	struct restart_pending pending;

	if (!wanted)
		return NULL;
	if (prepare(f, wanted, &pending, &out->report)) {
		f->pending = pending;
		/* Those of the start stay; these are of no use. */
		redis_config_wipe(&wanted->redis.store);
		return wanted;
	}
	conf_free(wanted);
	return NULL;
}

bool in_force_reload(struct in_force *f, const char *path,
		     const struct conf_machine *machine,
		     struct reload_result *out)
{
	struct conf *wanted;

	report_init(&out->report);
	wanted = load(f, path, machine, out);
	out->ok = wanted != NULL;
	out->pending = f->pending;
	in_force_log_report(f->log, LOG_LEVEL_ERROR, "reload refused", path,
			    &out->report, REPORT_ERROR);
	if (!wanted)
		return false;
	in_force_log_report(f->log, LOG_LEVEL_WARNING, "configuration", path,
			    &out->report, REPORT_WARNING);
	tell_pending(f);
	put_in_force(f, wanted);
	tell_reloaded(f);
	return true;
}
