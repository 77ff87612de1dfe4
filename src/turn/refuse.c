#include "turn/refuse.h"

#include <assert.h>

static void set_user(struct refusal *f, struct bytes name)
{
	f->user_bytes = (uint8_t)(name.len < sizeof(f->user) ? name.len
							     : sizeof(f->user));
	if (f->user_bytes)
		memcpy(f->user, name.data, f->user_bytes);
}

struct refusal refuse_begin(const struct request *r, enum refusal_cause cause,
			    uint16_t code)
{
	const struct stun_attr *name =
		stun_find(&r->message, STUN_ATTR_USERNAME);
	struct refusal f = {
		.wall_s = r->now->wall_s,
		.client = r->in->source,
		.realm = r->realm,
		.cause = (uint8_t)cause,
		.code = code,
	};

	/* Where a hash stands for the name it may be known nevertheless. */
	if (r->name.len)
		set_user(&f, r->name);
	else if (name)
		set_user(&f, name->value);
	f.by_hash = !name && !r->name.len;
	return f;
}

struct refusal refuse_allocation(const struct turn_server *s,
				 const struct now *now,
				 const struct allocation *a,
				 enum refusal_cause cause, uint16_t code)
{
	struct refusal f = {
		.wall_s = now->wall_s,
		.client = a->client,
		.realm = a->realm,
		.cause = (uint8_t)cause,
		.code = code,
	};

	set_user(&f, users_name(&s->users, a->user));
	return f;
}

/*
 * Whose refusals share a line: a source's, whatever name it tries and for
 * whichever cause, or a user's of one cause, from wherever it comes.
 */
static bool passes_gate(struct turn_server *s, const struct now *now,
			const struct refusal *f, uint32_t *held)
{
	struct {
		struct addr ip;
		uint8_t cause;
		uint8_t realm;
		uint8_t user[REFUSAL_USER_BYTES];
	} subject;

	memset(&subject, 0, sizeof(subject));
	if (refusal_is_authentication((enum refusal_cause)f->cause)) {
		subject.ip = addr_with_port(&f->client, 0);
	} else if (f->cause == REFUSAL_THROTTLED) {
		subject.ip = addr_with_port(&f->client, 0);
		subject.cause = f->cause;
	} else {
		subject.cause = f->cause;
		subject.realm = f->realm;
		memcpy(subject.user, f->user, f->user_bytes);
	}
	return log_gate_pass(&s->shared->gate,
			     bytes_of(&subject, sizeof(subject)), now->mono_ms,
			     held);
}

static void log_it(struct turn_server *s, const struct now *now,
		   const struct refusal *f, struct actions *out)
{
	const struct refusal_words *words =
		refusal_words((enum refusal_cause)f->cause);
	char text[REFUSAL_TEXT_BYTES];
	struct log_record *log;
	uint32_t held;

	if (!passes_gate(s, now, f, &held))
		return;
	log = actions_log(out, words->level, words->message, now->wall_s);
	log_addr(log, "client", &f->client);
	if (!f->by_hash)
		log_bytes(log, "user", bytes_of(f->user, f->user_bytes));
	log_text(log, "realm", s->config.realms[f->realm].name);
	log_text(log, "reason", refusal_print(f, text));
	if (words->option)
		log_text(log, "option", words->option);
	if (held)
		log_number(log, "held_back", held);
}

void refuse_put(struct turn_server *s, const struct now *now,
		const struct refusal *f, struct actions *out)
{
	assert(out->count < ACTIONS_MAX &&
	       out->refusal_count < ACTIONS_REFUSALS_MAX);
	counter_add(&s->counters.refused[f->cause], 1);
	out->refusals[out->refusal_count] = *f;
	out->items[out->count++] = (struct action){
		.kind = ACTION_REFUSED,
		.as.refused = &out->refusals[out->refusal_count++],
	};
	log_it(s, now, f, out);
}

uint16_t refuse(struct request *r, enum refusal_cause cause, uint16_t code,
		uint32_t limit)
{
	struct refusal f = refuse_begin(r, cause, code);

	f.limit = limit;
	refuse_put(r->server, r->now, &f, r->out);
	return code;
}

uint16_t refuse_peer(struct request *r, const struct addr *peer)
{
	const struct peer_policy *rules = &r->server->config.peers;
	struct refusal f = refuse_begin(r, REFUSAL_PEER, STUN_FORBIDDEN);
	char text[PEER_EXPLAIN_BYTES];
	const char *rule =
		peer->port
			? peer_policy_explain(rules, r->realm, peer, text)
			: peer_policy_explain_ip(rules, r->realm, peer, text);

	_Static_assert(sizeof(f.rule) >= sizeof(text), "a rule has room");
	f.peer = *peer;
	memcpy(f.rule, rule, strlen(rule));
	refuse_put(r->server, r->now, &f, r->out);
	return STUN_FORBIDDEN;
}
