#include "conf/conf.h"

#include <stdlib.h>
#include <string.h>

#include "conf/decide.h"

/* 4 Mbit/s. */
#define ACS_ALLOCATION_RATE 500000

#define STATE_DIR TURNPIKE_LOCALSTATEDIR "/lib/turnpike"

static int64_t number_of(const struct conf *c, enum option_id id)
{
	return c->document->values[id].as.number;
}

static void decide_workers(struct conf *c, const struct conf_machine *machine)
{
	struct value *v = &c->document->values[OPT_WORKERS];

	if (v->as.number == 0)
		v->as.number = machine->cpus;
	if (v->as.number < 1)
		v->as.number = 1;
	if (v->as.number > options[OPT_WORKERS].max)
		v->as.number = options[OPT_WORKERS].max;
	c->turn.worker_count = (uint8_t)v->as.number;
}

static void decide_limits(struct conf *c, struct report *report)
{
	struct value *v = &c->document->values[OPT_LIMITS_ALLOCATIONS];
	const struct value_ports *ports =
		&c->document->values[OPT_RELAY_PORTS].as.ports;
	int64_t possible = ports->max - ports->min + 1;

	if (v->as.number > possible &&
	    !c->document->values[OPT_RELAY_PORTS].is_wrong) {
		if (v->is_given)
			report_warning(report, v->line,
				       "limits.allocations is %lld, but "
				       "relay.ports has %lld ports, one for "
				       "each; %lld are possible",
				       (long long)v->as.number,
				       (long long)possible,
				       (long long)possible);
		v->as.number = possible;
	}
	c->turn.limits = (struct turn_limits){
		.allocations = (uint32_t)v->as.number,
		.allocations_per_user =
			(uint32_t)number_of(c, OPT_LIMITS_ALLOCATIONS_PER_USER),
		.allocations_per_source = (uint32_t)number_of(
			c, OPT_LIMITS_ALLOCATIONS_PER_SOURCE),
		.dynamic_allocations_per_user = (uint32_t)number_of(
			c, OPT_LIMITS_DYNAMIC_ALLOCATIONS_PER_USER),
		.dynamic_allocations_per_source = (uint32_t)number_of(
			c, OPT_LIMITS_DYNAMIC_ALLOCATIONS_PER_SOURCE),
		.permissions_per_allocation =
			(uint16_t)number_of(c, OPT_LIMITS_PERMISSIONS),
		.channels_per_allocation =
			(uint16_t)number_of(c, OPT_LIMITS_CHANNELS),
		.peers = {
			.per_s = (uint64_t)number_of(c, OPT_LIMITS_NEW_PEERS),
			.burst = (uint64_t)number_of(c, OPT_LIMITS_PEERS),
		},
		.rates = {
			.user = (uint64_t)number_of(c, OPT_LIMITS_USER_RATE),
			.total = (uint64_t)number_of(c, OPT_LIMITS_TOTAL_RATE),
			.burst_s =
				(uint32_t)number_of(c, OPT_LIMITS_RATE_BURST),
		},
	};
}

/* What nobody has limited has room for a call with video, if it is for ACS. */
static void decide_allocation_rate(struct conf *c)
{
	const struct value *v =
		&c->document->values[OPT_LIMITS_ALLOCATION_RATE];

	if (v->is_set) {
		c->turn.limits.rates.allocation = (uint64_t)v->as.number;
		return;
	}
	for (uint8_t i = 0; i < c->turn.realm_count; i++)
		if (c->turn.peers.realms[i].preset == PEER_PRESET_ACS)
			c->turn.realms[i].allocation_rate = ACS_ALLOCATION_RATE;
}

static void decide_nonce(struct conf *c)
{
	struct value *key = &c->document->values[OPT_NONCE_KEY];
	struct nonce_keys *nonce = &c->turn.nonce;

	nonce->lifetime_s = (uint32_t)number_of(c, OPT_NONCE_LIFETIME);
	if (!key->is_set)
		return;
	nonce->current.len = NONCE_KEY_BYTES;
	memcpy(nonce->current.bytes, key->as.key, NONCE_KEY_BYTES);
	crypto_wipe(key->as.key, sizeof(key->as.key));
}

/* The first of the directories that systemd gives, else our own. */
static void default_state_dir(struct value *v, const char *given,
			      struct report *report)
{
	if (!given || *given == '\0')
		given = STATE_DIR;
	if (!decide_set_text(v, given))
		report_error(report, 0, "no memory to read it");
	else
		v->as.text[strcspn(v->as.text, ":")] = '\0';
}

static void decide_state_dir(struct conf *c, const struct conf_machine *machine,
			     struct report *report)
{
	struct value *v = &c->document->values[OPT_STATE_DIR];
	char quoted[REPORT_QUOTE_BYTES];

	if (!v->is_set)
		default_state_dir(v, machine->state_dir, report);
	if (v->is_set && v->as.text[0] != '/')
		report_error(report, v->line,
			     "state_dir is %s; expected a path that begins "
			     "with /",
			     report_quote(bytes_str(v->as.text), quoted));
	c->state_dir = v->as.text;
}

#define USERS_FILE "/users"

static void decide_users_file(struct conf *c, struct report *report)
{
	struct value *v = &c->document->values[OPT_USERS_FILE];
	char quoted[REPORT_QUOTE_BYTES], *path = NULL;

	if (!v->is_set && c->state_dir &&
	    asprintf(&path, "%s" USERS_FILE, c->state_dir) >= 0) {
		v->as.text = path;
		v->is_set = true;
	}
	if (!v->is_set)
		report_error(report, 0, "no memory to read it");
	else if (v->is_given && v->as.text[0] != '/')
		report_error(report, v->line,
			     "users_file is %s; expected a path that begins "
			     "with /",
			     report_quote(bytes_str(v->as.text), quoted));
	c->users_file = v->as.text;
}

static void decide_rest(struct conf *c)
{
	for (uint8_t i = 0; i < c->turn.realm_count; i++)
		c->realm_names[i] = c->turn.realms[i].name;
	c->redis.store.realms = c->realm_names;
	c->redis.store.realm_count = c->turn.realm_count;
	c->user = c->document->values[OPT_USER].as.text;
	c->listener_buffer_bytes = (int)number_of(c, OPT_BUFFERS_LISTENER);
	c->relay_buffer_bytes = (int)number_of(c, OPT_BUFFERS_RELAY);
	/* In the table the words stand in the order of these values. */
	c->log_level =
		(enum log_level)(LOG_LEVEL_ERROR + number_of(c, OPT_LOG_LEVEL));
	c->log_format = (enum conf_log_format)number_of(c, OPT_LOG_FORMAT);
	c->turn.log_peers = number_of(c, OPT_LOG_PEERS) != 0;
}

static void decide(struct conf *c, const struct conf_machine *machine,
		   struct report *report)
{
	decide_realm(c, report);
	decide_workers(c, machine);
	decide_state_dir(c, machine, report);
	decide_listeners(c, machine, report);
	decide_relay(c, machine, report);
	decide_limits(c, report);
	decide_nonce(c);
	decide_drain(c, report);
	decide_users_file(c, report);
	decide_secrets(c, machine, report);
	decide_redis(c, machine, report);
	decide_users(c, machine, report);
	decide_realms(c, report);
	decide_peers(c, machine, report);
	decide_allocation_rate(c);
	decide_control(c, machine, report);
	decide_rest(c);
}

static bool holds_secret(const struct conf *c)
{
	static const enum option_id ids[] = {
		OPT_NONCE_KEY,
		OPT_REDIS_PASSWORD,
		OPT_REDIS_SENTINEL_PASSWORD,
	};

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		if (c->document->values[ids[i]].is_given)
			return true;
	/* Of the users and the secrets each has one. */
	return c->document->lists[GROUP_USERS].count > 0 ||
	       c->document->lists[GROUP_SECRETS].count > 0;
}

static void warn_of_mode(const struct conf *c, mode_t mode, const char *path,
			 struct report *report)
{
	if ((mode & 06) && holds_secret(c))
		report_warning(report, 0,
			       "holds passwords or keys, and every user of "
			       "this machine can %s it; chmod 640 %s",
			       (mode & 02) ? "write" : "read", path);
}

static struct conf *make(void)
{
	struct conf *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->document = calloc(1, sizeof(*c->document));
	if (!c->document) {
		free(c);
		return NULL;
	}
	return c;
}

static void decide_relay_alone(struct conf *c,
			       const struct conf_machine *machine,
			       struct report *report)
{
	decide_realm(c, report);
	decide_listeners(c, machine, report);
	decide_relay(c, machine, report);
}

typedef void decision(struct conf *c, const struct conf_machine *machine,
		      struct report *report);

static struct conf *from_source(const struct source *source,
				const struct conf_machine *machine,
				const char *path, decision *decide_what,
				struct report *report)
{
	struct conf *c = make();

	if (!c) {
		report_error(report, 0, "no memory to read it");
		return NULL;
	}
	c->path = path;
	/* What libconfig cannot parse says nothing that could be judged. */
	if (document_parse(c->document, source, report)) {
		decide_what(c, machine, report);
		warn_of_mode(c, source->mode, path, report);
	}
	report_sort(report);
	if (report_is_clean(report))
		return c;
	conf_free(c);
	return NULL;
}

static struct conf *take_source(struct source *source,
				const struct conf_machine *machine,
				const char *path, decision *decide_what,
				struct report *report)
{
	struct conf *c = NULL;

	if (source_check(source, report))
		c = from_source(source, machine, path, decide_what, report);
	source_fini(source);
	return c;
}

struct conf *conf_load(const char *path, const struct conf_machine *machine,
		       struct report *report)
{
	struct source source;

	if (!source_read(&source, path, report))
		return NULL;
	return take_source(&source, machine, path, decide, report);
}

struct conf *conf_load_relay(const char *path,
			     const struct conf_machine *machine,
			     struct report *report)
{
	struct source source;

	if (!source_read(&source, path, report))
		return NULL;
	return take_source(&source, machine, path, decide_relay_alone, report);
}

struct conf *conf_parse(struct bytes text, const struct conf_machine *machine,
			struct report *report)
{
	struct source source;

	if (!source_copy(&source, text, report))
		return NULL;
	return take_source(&source, machine, "", decide, report);
}

void conf_free(struct conf *c)
{
	if (!c)
		return;
	static_users_free(c->users);
	static_users_free(c->file_users);
	document_fini(c->document);
	free(c->document);
	crypto_wipe(c, sizeof(*c));
	free(c);
}

static void write_if_set(const struct value *v, enum option_id id, FILE *to)
{
	if (v->is_set)
		value_write(v, id, to);
	fputc(';', to);
}

/* All values of an option, which may be in a list of groups, as one text. */
static char *text_of(const struct conf *c, enum option_id id)
{
	const struct document_list *list =
		&c->document->lists[options[id].group];
	size_t size;
	char *text = NULL;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		return NULL;
	if (!option_groups[options[id].group].is_list)
		write_if_set(&c->document->values[id], id, to);
	for (size_t i = 0; i < list->count; i++)
		write_if_set(document_value(&list->items[i], id), id, to);
	fclose(to);
	return text;
}

static bool is_same(const struct conf *a, const struct conf *b,
		    enum option_id id)
{
	char *one = text_of(a, id), *other = text_of(b, id);
	bool same = one && other && !strcmp(one, other);

	free(one);
	free(other);
	return same;
}

static bool has_same_realms(const struct conf *a, const struct conf *b)
{
	bool same = a->turn.realm_count == b->turn.realm_count;

	for (uint8_t i = 0; same && i < a->turn.realm_count; i++)
		same = !strcmp(a->turn.realms[i].name, b->turn.realms[i].name);
	return same;
}

/*
 * A secret is no text in the document any more. What it was read as stays as
 * long as the configuration, for the connection.
 */
static bool has_same_secret(const struct conf *a, const struct conf *b,
			    enum option_id id)
{
	const struct redis_config *one = &a->redis.store;
	const struct redis_config *other = &b->redis.store;

	switch (id) {
	case OPT_REDIS_PASSWORD:
	case OPT_REDIS_PASSWORD_FILE:
		return !a->document->values[id].is_set ||
		       !strcmp(one->login.password, other->login.password);
	case OPT_REDIS_SENTINEL_PASSWORD:
		return !strcmp(one->sentinel_login.password,
			       other->sentinel_login.password);
	default:
		return true;
	}
}

static bool needs_restart(const struct conf *in_force,
			  const struct conf *wanted, enum option_id id)
{
	if (options[id].restart_to_raise)
		return number_of(wanted, id) > number_of(in_force, id);
	return options[id].restart && !(is_same(in_force, wanted, id) &&
					has_same_secret(in_force, wanted, id));
}

bool conf_compare(const struct conf *in_force, const struct conf *wanted,
		  void (*tell)(void *arg, unsigned option), void *arg)
{
	bool same = has_same_realms(in_force, wanted);

	if (!same)
		tell(arg, OPT_REALM);
	for (int id = 0; id < OPTION_COUNT; id++)
		if (needs_restart(in_force, wanted, (enum option_id)id))
			tell(arg, (unsigned)id);
	return same;
}

void conf_write(const struct conf *c, FILE *to)
{
	document_write(c->document, to);
}
