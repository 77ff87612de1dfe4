/*
 * GET /v1/refusals: what was refused lately, to whom, why, and what helps.
 */
#include <stdlib.h>

#include "ctl/api.h"
#include "ctl/values.h"

#define LIMIT_MAX 1024 /* as many as are kept */
#define LIMIT_DEFAULT 100

enum { REFUSALS_ADDRESS, REFUSALS_USER, REFUSALS_LIMIT };

static const struct field parameters[] = {
	{ "address", FIELD_TEXT, .min = 1, .max = ADDR_TEXT_BYTES },
	{ "user", FIELD_TEXT, .min = 1, .max = STUN_USERNAME_MAX_BYTES },
	{ "limit", FIELD_NUMBER, .min = 1, .max = LIMIT_MAX },
	{ .name = NULL },
};

static const char *const remedies[REFUSAL_CAUSE_COUNT] = {
	[REFUSAL_WRONG_PASSWORD] =
		"Compare the client's password, and the realm it was made for; "
		"turnpikectl user passwd sets another one.",
	[REFUSAL_UNKNOWN_USER] =
		"Add the user (turnpikectl user add), or compare the name with "
		"what is configured.",
	[REFUSAL_DISABLED] = "Set disabled = \"off\" for that user.",
	[REFUSAL_EXPIRED] =
		"The client needs a new credential; if it is new, compare the "
		"clocks of this machine and of who made it.",
	[REFUSAL_THROTTLED] =
		"Wait 11 seconds after the last wrong password; if nobody "
		"guesses, a client there has an old one.",
	[REFUSAL_NO_ANSWER] =
		"See to Redis: turnpikectl status says what state it is in.",
	[REFUSAL_WAITING] =
		"See to Redis: it answers too slowly for what is asked.",
	[REFUSAL_USER_QUOTA] =
		"Raise limits.allocations_per_user or the user's own limit, if "
		"that many sessions are meant.",
	[REFUSAL_SOURCE_QUOTA] =
		"Raise limits.allocations_per_source, if many clients stand "
		"behind that address.",
	[REFUSAL_REALM_QUOTA] = "Raise the realm's total-quota in Redis.",
	[REFUSAL_TOTAL] = "Raise limits.allocations, or add a server.",
	[REFUSAL_PORTS] =
		"Widen relay.ports and the firewall, or add a server.",
	[REFUSAL_NO_PORT] =
		"Keep other programs off relay.ports (ss -lunp shows them).",
	[REFUSAL_DESCRIPTORS] = "Raise LimitNOFILE= of the service.",
	[REFUSAL_NO_SOCKET] = "See the log for what the kernel lacks.",
	[REFUSAL_PEER] =
		"If the peer is meant, add it to peers.allow; the text says "
		"which rule it met.",
	[REFUSAL_PERMISSIONS] = "Raise limits.permissions.",
	[REFUSAL_CHANNELS] = "Raise limits.channels.",
	[REFUSAL_PEERS] =
		"Raise limits.peers or limits.new_peers_per_second, if the "
		"client means well.",
	[REFUSAL_DRAINING] =
		"Clients try another server of theirs; turnpikectl drain "
		"--end lets them in here.",
};

static json_t *refusal_of(const struct request *q, const struct refusal *f)
{
	const struct refusal_words *words =
		refusal_words((enum refusal_cause)f->cause);
	char text[REFUSAL_TEXT_BYTES];

	return json_pack(
		"{s:o, s:o, s:s, s:o, s:b, s:s, s:i, s:o, s:s?, s:s}", "time",
		value_time(f->wall_s), "client", value_addr(&f->client),
		"realm", q->hooks->realm_name(q->hooks->arg, f->realm), "user",
		value_text(bytes_of(f->user, f->user_bytes)), "by_hash",
		(int)f->by_hash, "cause", words->label, "code", (int)f->code,
		"text", value_text(bytes_str(refusal_print(f, text))), "option",
		words->option, "remedy", remedies[f->cause]);
}

struct filter {
	bool by_address;
	struct addr address;
	const struct field_value *user;
};

static bool matches(const struct filter *filter, const struct refusal *f)
{
	if (filter->by_address && !addr_same_ip(&filter->address, &f->client))
		return false;
	return !filter->user->is_set ||
	       bytes_equal(filter->user->text,
			   bytes_of(f->user, f->user_bytes));
}

static void write_list(const struct request *q, struct answer *a,
		       const struct filter *filter, struct refusal *all)
{
	const struct field_value *limit = &q->parameters[REFUSALS_LIMIT];
	int64_t left = limit->is_set ? limit->number : LIMIT_DEFAULT;
	uint64_t total = 0;
	unsigned count =
		q->hooks->refusals(q->hooks->arg, all, LIMIT_MAX, &total);
	json_t *list = json_array();

	for (unsigned i = 0; i < count && left > 0; i++) {
		if (!matches(filter, &all[i]))
			continue;
		json_array_append_new(list, refusal_of(q, &all[i]));
		left--;
	}
	answer_json(a, 200,
		    json_pack("{s:o, s:o}", "refusals", list, "total",
			      value_number(total)));
}

static void list(const struct request *q, struct answer *a)
{
	const struct field_value *address = &q->parameters[REFUSALS_ADDRESS];
	struct filter filter = {
		.by_address = address->is_set,
		.user = &q->parameters[REFUSALS_USER],
	};
	struct refusal *all;

	if (address->is_set &&
	    !addr_parse((const char *)address->text.data, &filter.address)) {
		answer_error(a, 400, "bad_request",
			     "address is not an IP address.", NULL);
		return;
	}
	all = calloc(LIMIT_MAX, sizeof(*all));
	if (!all)
		return;
	write_list(q, a, &filter, all);
	free(all);
}

const struct route api_refusals = {
	.method = ROUTE_GET,
	.path = "/v1/refusals",
	.parameters = parameters,
	.handle = list,
};
