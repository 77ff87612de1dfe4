/*
 * Keys of coturn about how much may be used, for how long, and the log.
 */
#include <errno.h>
#include <strings.h>

#include "conf/options.h"
#include "turn/config.h"
#include "turn/nonce.h"
#include "turnpikectl/coturn_judge.h"
#include "turnpikectl/coturn_value.h"

#define NONCE_DEFAULT_S 600
#define KIB 1024

/* --- limits --- */

void coturn_judge_user_quota(struct coturn_import *i, struct coturn_note *n,
			     uint64_t number)
{
	if (number == 0) {
		coturn_default(n, "no limit for users of the file; 64 for "
				  "those of secrets and Redis");
		return;
	}
	i->user_quota = number < UINT16_MAX ? (unsigned)number : UINT16_MAX;
	coturn_mapped(n,
		      "limits.allocations_per_user and "
		      "limits.dynamic_allocations_per_user = %u",
		      i->user_quota);
}

void coturn_judge_total_quota(struct coturn_import *i, struct coturn_note *n,
			      uint64_t number)
{
	const int64_t max = options[OPT_LIMITS_ALLOCATIONS].max;

	if (number == 0) {
		coturn_default(n, "limits.allocations = %s",
			       options[OPT_LIMITS_ALLOCATIONS].value);
		return;
	}
	i->total_quota = number < (uint64_t)max ? (unsigned)number
						: (unsigned)max;
	coturn_mapped(n, "limits.allocations = %u", i->total_quota);
}

static uint64_t rate_of(uint64_t number, char out[OPTION_TEXT_BYTES])
{
	const uint64_t max = (uint64_t)options[OPT_LIMITS_USER_RATE].max;

	if (number > max)
		number = max;
	option_with_unit(option_rate_units, (int64_t)number, out);
	return number;
}

void coturn_judge_max_bps(struct coturn_import *i, struct coturn_note *n,
			  uint64_t number)
{
	char text[OPTION_TEXT_BYTES];

	i->allocation_rate = rate_of(number, text);
	if (number == 0)
		coturn_default(n, "no limit");
	else
		coturn_mapped(n, "limits.allocation_rate = \"%s\"", text);
}

void coturn_judge_bps_capacity(struct coturn_import *i, struct coturn_note *n,
			       uint64_t number)
{
	char text[OPTION_TEXT_BYTES];

	i->total_rate = rate_of(number, text);
	i->has_bps_capacity = number > 0;
	if (number == 0)
		coturn_default(n, "no limit");
	else
		coturn_mapped(n, "limits.total_rate = \"%s\"", text);
}

void coturn_judge_workers(struct coturn_import *i, struct coturn_note *n,
			  uint64_t number)
{
	const unsigned max = (unsigned)options[OPT_WORKERS].max;

	/* Without threads for relays, one does everything. */
	i->workers = number == 0 ? 1 : number < max ? (unsigned)number : max;
	coturn_mapped(n, "workers = %u", i->workers);
}

void coturn_judge_sock_buf_size(struct coturn_import *i, struct coturn_note *n,
				uint64_t number)
{
	const struct option *o = &options[OPT_BUFFERS_RELAY];
	uint64_t bytes = number;
	char text[OPTION_TEXT_BYTES];

	if (bytes < (uint64_t)o->min)
		bytes = (uint64_t)o->min;
	if (bytes > (uint64_t)o->max)
		bytes = (uint64_t)o->max;
	i->buffer_bytes = (bytes + KIB - 1) / KIB * KIB;
	coturn_mapped(n, "buffers.relay = \"%s\"",
		      option_with_unit(option_size_units,
				       (int64_t)i->buffer_bytes, text));
}

/* --- nonces and lifetimes --- */

void coturn_judge_stale_nonce(struct coturn_import *i, struct coturn_note *n,
			      uint64_t number)
{
	bool is_bare = n->line->value[0] == '\0';
	char text[OPTION_TEXT_BYTES];

	if (is_bare || number == NONCE_DEFAULT_S) {
		coturn_default(n, "nonce.lifetime = \"10m\"");
		return;
	}
	if (number == 0) {
		coturn_default(n, "nonce.lifetime = \"10m\"; none lives for "
				  "ever");
		coturn_warn(i, n,
			    "stale-nonce=0: coturn's nonces never ended, so "
			    "that what was recorded once could be sent again "
			    "for ever; here they live for 10 minutes");
		return;
	}
	i->nonce_lifetime_s = number < NONCE_LIFETIME_MAX_S
				      ? (unsigned)number
				      : NONCE_LIFETIME_MAX_S;
	coturn_mapped(n, "nonce.lifetime = \"%s\"%s",
		      option_with_unit(option_duration_units,
				       i->nonce_lifetime_s, text),
		      number > NONCE_LIFETIME_MAX_S ? ", the longest" : "");
}

/* A lifetime that RFC 8656 fixes. */
static void fixed_lifetime(struct coturn_note *n, uint64_t number,
			   uint64_t fixed_s)
{
	if (number == fixed_s)
		coturn_default(n, "%llu s", (unsigned long long)fixed_s);
	else
		coturn_unsupported(n, "it is %llu s, as RFC 8656 has it",
				   (unsigned long long)fixed_s);
}

void coturn_judge_channel_lifetime(struct coturn_import *i,
				   struct coturn_note *n, uint64_t number)
{
	(void)i;
	fixed_lifetime(n, number, TURN_CHANNEL_LIFETIME_S);
}

void coturn_judge_permission_lifetime(struct coturn_import *i,
				      struct coturn_note *n, uint64_t number)
{
	(void)i;
	fixed_lifetime(n, number, TURN_PERMISSION_LIFETIME_S);
}

void coturn_judge_max_allocate_lifetime(struct coturn_import *i,
					struct coturn_note *n, uint64_t number)
{
	(void)i;
	if (number == TURN_LIFETIME_MAX_S)
		coturn_default(n, "%d s", TURN_LIFETIME_MAX_S);
	else
		coturn_unsupported(n,
				   "a client gets at most %d s, and renews "
				   "that",
				   TURN_LIFETIME_MAX_S);
}

/* --- the log --- */

void coturn_judge_verbose(struct coturn_import *i, struct coturn_note *n,
			  uint64_t number)
{
	(void)number;
	i->is_verbose = true;
	coturn_default(n, "log.level = \"info\": a line when a session begins "
			  "and one when it ends");
}

void coturn_judge_very_verbose(struct coturn_import *i, struct coturn_note *n,
			       uint64_t number)
{
	(void)number;
	i->is_verbose = true;
	i->log_level = "debug";
	coturn_mapped(n, "log.level = \"debug\"");
}

void coturn_judge_log_min_level(struct coturn_import *i, struct coturn_note *n,
				uint64_t number)
{
	static const struct {
		const char *theirs;
		const char *ours;
	} levels[] = {
		{ "debug", "debug" },     { "info", "info" },
		{ "notice", "notice" },   { "warn", "warning" },
		{ "warning", "warning" }, { "error", "error" },
	};

	(void)number;
	for (size_t at = 0; at < sizeof(levels) / sizeof(levels[0]); at++) {
		if (strcasecmp(n->line->value, levels[at].theirs) != 0)
			continue;
		i->log_level = levels[at].ours;
		coturn_mapped(n, "log.level = \"%s\"", i->log_level);
		return;
	}
	coturn_value_refuse(n, "debug, info, warning or error");
}

void coturn_judge_no_dynamic(struct coturn_import *i, struct coturn_note *n,
			     uint64_t number)
{
	(void)number;
	i->no_dynamic = true;
	coturn_default(n, "Redis is not polled; it tells of changes");
}

/* Dashboards that were made for coturn live on. */
void coturn_judge_prometheus(struct coturn_import *i, struct coturn_note *n,
			     uint64_t number)
{
	(void)number;
	i->has_metrics = true;
	coturn_mapped(n,
		      "control.coturn_metrics = \"on\"; " COTURN_OWN_METRICS);
}
