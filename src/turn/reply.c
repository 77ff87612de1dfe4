#include "turn/reply.h"

#include <assert.h>

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

void reply_send(struct reply *r)
{
	const struct reply_to *to = r->to;
	struct stun_builder *b = &r->builder;
	struct actions *out = r->out;
	size_t len;

	if (to->key && to->sign_sha256)
		stun_add_integrity_sha256(b, r->server->crypto,
					  secret_bytes(to->key));
	else if (to->key)
		stun_add_integrity(b, r->server->crypto, secret_bytes(to->key));
	if (to->fingerprint)
		stun_add_fingerprint(b);
	len = stun_finish(b);
	/* The scratch memory holds the longest realm and every attribute. */
	assert(len && out->count < ACTIONS_MAX);
	out->items[out->count++] = (struct action){
		.kind = ACTION_REPLY,
		.as.reply = {
			.message = bytes_of(b->wire.start, len),
			.to = to->client,
			.listener = to->listener,
		},
	};
	out->scratch_used += len;
	counter_add(&r->server->counters.responses, 1);
}

static void count_error(struct turn_server *s, uint16_t code)
{
	assert(code >= 300 && code < 300 + COUNTERS_CODES);
	counter_add(&s->counters.errors[code - 300], 1);
}

void reply_error(struct turn_server *s, struct actions *out,
		 const struct reply_to *to, uint16_t code)
{
	struct reply r;

	reply_begin(&r, s, out, to, STUN_ERROR);
	stun_add_error(&r.builder, code);
	count_error(s, code);
	reply_send(&r);
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
	count_error(s, code);
	reply_send(&r);
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
	count_error(request->server, STUN_UNKNOWN_ATTRIBUTE);
	reply_send(&r);
}
