#include "turn/reply.h"

#include <assert.h>
#include <stdio.h>

void reply_begin(struct reply *r, struct turn_server *s, struct actions *out,
		 const struct reply_to *to, enum stun_class class)
{
	r->server = s;
	r->out = out;
	r->to = to;
	stun_begin(&r->builder, out->scratch + out->scratch_used,
		   sizeof(out->scratch) - out->scratch_used, class, to->method,
		   to->transaction_id);
}

/* One line an interval for the process: the sources are spoofed, or many. */
static void log_spent(struct turn_server *s, struct actions *out,
		      const struct reply_to *to)
{
	char text[ADDR_TEXT_BYTES], prefix[ADDR_TEXT_BYTES + 4];
	struct addr ip;
	uint32_t held;
	uint8_t bits;

	if (to->now->mono_ms < s->budget_quiet_ms)
		return;
	s->budget_quiet_ms = to->now->mono_ms + LOG_GATE_INTERVAL_MS;
	if (!log_gate_pass(&s->shared->gate, bytes_str("reply budget"),
			   to->now->mono_ms, &held))
		return;
	ip = reply_budget_prefix(&to->client, &bits);
	snprintf(prefix, sizeof(prefix), "%s/%u", addr_print(&ip, text), bits);
	log_text(actions_log(out, LOG_LEVEL_NOTICE, "reply budget spent",
			     to->now->wall_s),
		 "source", prefix);
}

static void refuse(struct turn_server *s, struct actions *out,
		   const struct reply_to *to)
{
	counter_add(&s->counters.dropped[DROP_REPLY_BUDGET], 1);
	log_spent(s, out, to);
}

bool reply_send(struct reply *r)
{
	const struct reply_to *to = r->to;
	struct turn_server *s = r->server;
	struct stun_builder *b = &r->builder;
	struct actions *out = r->out;
	size_t len;

	if (to->key && to->sign_sha256)
		stun_add_integrity_sha256(b, s->crypto, secret_bytes(to->key));
	else if (to->key)
		stun_add_integrity(b, s->crypto, secret_bytes(to->key));
	if (to->fingerprint)
		stun_add_fingerprint(b);
	len = stun_finish(b);
	/* The scratch memory holds the longest realm and every attribute. */
	assert(len && out->count < ACTIONS_MAX);
	if (to->unproven &&
	    !reply_budget_take(&s->shared->reply_budget, &to->client, len,
			       to->now->mono_ms)) {
		refuse(s, out, to);
		return false;
	}
	out->items[out->count++] = (struct action){
		.kind = ACTION_REPLY,
		.as.reply = {
			.message = bytes_of(b->wire.start, len),
			.to = to->client,
			.listener = to->listener,
		},
	};
	out->scratch_used += len;
	counter_add(&s->counters.responses[counters_method(to->method)], 1);
	return true;
}

static void send_error(struct reply *r, uint16_t code)
{
	struct counters *c = &r->server->counters;

	if (reply_send(r))
		counter_add(&c->errors[counters_method(r->to->method)]
				      [counters_code(code)],
			    1);
}

void reply_error(struct turn_server *s, struct actions *out,
		 const struct reply_to *to, uint16_t code)
{
	struct reply r;

	reply_begin(&r, s, out, to, STUN_ERROR);
	stun_add_error(&r.builder, code);
	send_error(&r, code);
}

void reply_alternate(struct turn_server *s, struct actions *out,
		     const struct reply_to *to, const struct addr *alternate)
{
	struct reply r;

	reply_begin(&r, s, out, to, STUN_ERROR);
	stun_add_error(&r.builder, STUN_TRY_ALTERNATE);
	stun_add_addr(&r.builder, STUN_ATTR_ALTERNATE_SERVER, alternate);
	send_error(&r, STUN_TRY_ALTERNATE);
}

/* How long the 401 or 438 to the request is. */
static size_t challenge_bytes(const struct request *request)
{
	const struct turn_server *s = request->server;
	size_t realm_bytes = request_realm(request).len;
	size_t len = STUN_HEADER_BYTES + 3 * STUN_ATTR_HEADER_BYTES + 4 +
		     (realm_bytes + 3) / 4 * 4 + NONCE_CHARS;

	if (s->config.realms[request->realm].offer_sha256)
		len += STUN_ATTR_HEADER_BYTES + 2 * 4;
	return len + (request->to.fingerprint ? STUN_ATTR_HEADER_BYTES + 4 : 0);
}

/* Looks before the nonce is made, which is the cost of a challenge. */
static bool may_challenge(const struct request *request)
{
	const struct turn_server *s = request->server;

	return !request->to.unproven ||
	       reply_budget_has(&s->shared->reply_budget, &request->to.client,
				challenge_bytes(request),
				request->now->mono_ms);
}

void reply_challenge(struct request *request, uint16_t code)
{
	static const uint16_t algorithms[] = { STUN_ALGORITHM_SHA256,
					       STUN_ALGORITHM_MD5 };
	struct turn_server *s = request->server;
	const struct turn_realm *realm = &s->config.realms[request->realm];
	struct bytes name = request_realm(request);
	struct reply_to to = request->to;
	char nonce[NONCE_CHARS];
	uint32_t features = 0;
	struct reply r;

	if (!may_challenge(request)) {
		refuse(s, request->out, &to);
		return;
	}
	if (realm->offer_sha256)
		features |= NONCE_PASSWORD_ALGORITHMS;
	if (realm->offer_userhash)
		features |= NONCE_USERNAME_ANONYMITY;
	nonce_make(&s->config.nonce, s->crypto, features, &request->in->source,
		   name, request->now->wall_s, nonce);
	to.key = NULL;
	reply_begin(&r, s, request->out, &to, STUN_ERROR);
	stun_add_error(&r.builder, code);
	stun_add(&r.builder, STUN_ATTR_REALM, name);
	stun_add(&r.builder, STUN_ATTR_NONCE, bytes_of(nonce, sizeof(nonce)));
	if (realm->offer_sha256)
		stun_add_algorithms(&r.builder, STUN_ATTR_PASSWORD_ALGORITHMS,
				    algorithms, 2);
	send_error(&r, code);
}

void reply_unknown(struct request *request)
{
	const struct stun_message *m = &request->message;
	size_t count = m->unknown_count < STUN_UNKNOWN_MAX ? m->unknown_count
							   : STUN_UNKNOWN_MAX;
	struct reply r;

	reply_begin(&r, request->server, request->out, &request->to,
		    STUN_ERROR);
	stun_add_error(&r.builder, STUN_UNKNOWN_ATTRIBUTE);
	stun_add_unknown(&r.builder, m->unknown, count);
	send_error(&r, STUN_UNKNOWN_ATTRIBUTE);
}
