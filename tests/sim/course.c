#include <string.h>

#include "limits.h"
#include "model.h"
#include "wire.h"

/* Data is not relayed that was wrapped more often. */
#define DEPTH_MAX 4

/* Where a datagram from a client should go; NULL payload: nowhere. */
struct course {
	const uint8_t *payload;
	size_t len;
	struct addr to;
	bool dont_fragment;
};

static struct course plot(struct world *w, const struct packet *p,
			  struct model_allocation *a)
{
	struct course none = { NULL, 0, { .family = ADDR_NONE }, false };
	const uint8_t *m = p->bytes, *data;
	struct course c = none;
	size_t n;

	if (!model_is_alive(w, a))
		return none;
	if (p->len >= 4 && m[0] >= 0x40 && m[0] <= 0x4f) {
		unsigned number = (unsigned)m[0] << 8 | m[1];
		size_t len = (size_t)m[2] << 8 | m[3];
		const struct model_channel *ch =
			model_find_number(a, (uint16_t)number);

		if (!ch || ch->expires_ms <= w->now.mono_ms || len + 4 > p->len)
			return none;
		c = (struct course){ m + 4, len, ch->peer, false };
	} else {
		if (p->intent.unknown_attr || p->intent.malformed_attr)
			return none;
		data = wire_find(m, p->len, 0x0013, &n);
		c.to = wire_get_xor_addr(m, p->len, 0x0012);
		if (!data || c.to.family != ADDR_IPV4)
			return none;
		c.payload = data;
		c.len = n;
		c.to = model_canonical(w, &c.to);
		c.dont_fragment = wire_find(m, p->len, 0x001A, &n) != NULL;
	}
	if (!model_permitted(w, a, &c.to) ||
	    model_judge(w, &c.to) == PEER_DENIED ||
	    wire_depth(c.payload, c.len) > DEPTH_MAX)
		return none;
	return c;
}

/*
 * Whether a limit explains why what was permitted is dropped. What passes the
 * limit of peers counts there, whatever becomes of it.
 */
static bool over_limit(struct world *w, const struct packet *p,
		       struct model_allocation *a, const struct course *c,
		       const struct verdict *v)
{
	bool is_indication = p->bytes[0] < 0x40;

	if (v->kind == VERDICT_DROP && v->drop == DROP_PEER_LIMIT) {
		if (!is_indication || !limits_may_refuse_peer(w, a, &c->to))
			sim_fail(w, "a peer more was allowed");
		return true;
	}
	if (is_indication)
		limits_sent(w, a, &c->to);
	return v->kind == VERDICT_DROP &&
	       limits_refused(w, a, RATE_TO_PEER, c->len, v->drop);
}

void model_from_client(struct world *w, uint16_t worker, const struct packet *p,
		       const struct verdict *v)
{
	struct model_allocation *a = model_by_client(w, &p->from, p->listener),
				*target;
	struct course c;
	struct addr from;

	if (v->kind == VERDICT_CONTROL) {
		if (p->len < 1 || p->bytes[0] > 3)
			sim_fail(w, "data is taken for a request");
		return;
	}
	if (v->kind == VERDICT_TO_CLIENT)
		sim_fail(w, "a client's datagram goes back to a client");
	c = plot(w, p, a);
	target = c.payload && model_judge(w, &c.to) == PEER_HAIRPIN
			 ? model_by_port(w, c.to.port)
			 : NULL;
	if (target && target->opening)
		target = NULL;
	if (c.payload && over_limit(w, p, a, &c, v))
		return;
	if (v->kind == VERDICT_DROP) {
		if (v->drop == DROP_PEER_DENIED ||
		    (v->drop == DROP_NO_PERMISSION && w->model.denied.family))
			sim_count(w, SIM_RULES_STOPPED_FLOW);
		if (c.payload &&
		    (model_judge(w, &c.to) == PEER_ALLOWED || target))
			sim_fail(w, "dropped (%s) what was permitted",
				 drop_reason_name(v->drop));
		return;
	}
	if (!c.payload)
		sim_fail(w, "a byte to a peer without permission");
	if (v->payload_bytes != c.len ||
	    p->bytes + v->skip_bytes != c.payload || v->prepend_bytes ||
	    v->pad_bytes || v->tos != p->tos ||
	    v->dont_fragment != c.dont_fragment)
		sim_fail(w, "other bytes than the client's go to the peer");
	if (!addr_equal(&v->to, &c.to))
		sim_fail(w, "a datagram goes to another peer");
	limits_passed(w, a, RATE_TO_PEER, c.len);
	sim_count(w,
		  p->bytes[0] >= 0x40 ? SIM_SENT_CHANNEL : SIM_SENT_INDICATION);
	if (v->kind == VERDICT_TO_PEER) {
		if (model_judge(w, &c.to) != PEER_ALLOWED)
			sim_fail(w, "one of our own ports is sent to");
		if (v->allocation.index != a->ref.index || a->worker != worker)
			sim_fail(w, "sent from another's relay socket");
		return;
	}
	from = addr_with_port(&w->config.relay, a->port);
	if (!target || target->worker != v->worker ||
	    target->ref.index != v->allocation.index ||
	    target->ref.generation != v->allocation.generation)
		sim_fail(w, "a hairpin reaches another's session");
	if (!addr_equal(&v->from, &from))
		sim_fail(w, "a hairpin under a false address");
	sim_count(w, target->worker == worker ? SIM_HAIRPIN_SAME_WORKER
					      : SIM_HAIRPIN_OTHER_WORKER);
}

/* What precedes the payload of a Data indication, checked byte by byte. */
static void check_indication(struct world *w, const struct addr *named,
			     const uint8_t *data, size_t len,
			     const struct verdict *v)
{
	static uint8_t m[70000];
	struct addr peer;
	const uint8_t *got;
	size_t n, all = v->prepend_bytes + len + v->pad_bytes;

	memcpy(m, v->prepend, v->prepend_bytes);
	memcpy(m + v->prepend_bytes, data, len);
	memset(m + v->prepend_bytes + len, 0, v->pad_bytes);
	if (v->prepend_bytes != 36 || m[0] != 0x00 || m[1] != 0x17 ||
	    ((size_t)m[2] << 8 | m[3]) + 20 != all || all % 4)
		sim_fail(w, "a Data indication with a false length");
	peer = wire_get_xor_addr(m, all, 0x0012);
	got = wire_find(m, all, 0x0013, &n);
	if (!addr_equal(&peer, named))
		sim_fail(w, "a Data indication names another peer");
	if (!got || n != len || got != m + 36)
		sim_fail(w, "a Data indication with other data");
}

void model_from_peer(struct world *w, uint16_t worker, struct ref ref,
		     const struct addr *source, const uint8_t *data, size_t len,
		     uint8_t tos, const struct verdict *v)
{
	struct model_allocation *a = model_by_ref(w, worker, ref);
	const struct model_permission *p;
	const struct model_channel *c;
	struct addr named = *source;
	bool allowed;

	allowed = model_is_alive(w, a) && model_permitted(w, a, source) &&
		  wire_depth(data, len) <= DEPTH_MAX;
	if (v->kind == VERDICT_DROP && allowed &&
	    limits_refused(w, a, RATE_TO_CLIENT, len, v->drop))
		return;
	/* It is counted before its header is known. */
	if (allowed)
		limits_passed(w, a, RATE_TO_CLIENT, len);
	if (v->kind == VERDICT_DROP) {
		if (allowed && v->drop != DROP_TOO_LARGE)
			sim_fail(w, "dropped (%s) what was permitted",
				 drop_reason_name(v->drop));
		if (v->drop == DROP_TOO_LARGE && len + 39 <= 65507)
			sim_fail(w, "%zu bytes are not too large", len);
		return;
	}
	if (!allowed)
		sim_fail(w, "a client hears a peer without permission");
	if (v->kind != VERDICT_TO_CLIENT || !addr_equal(&v->to, &a->client) ||
	    v->listener != a->listener || v->tos != tos || v->dont_fragment)
		sim_fail(w, "a peer's datagram goes to another's session");
	if (v->skip_bytes || v->payload_bytes != len)
		sim_fail(w, "other bytes than the peer's go to the client");
	c = model_find_channel_to(a, source);
	if (c && c->expires_ms > w->now.mono_ms) {
		if (v->prepend_bytes != 4 || v->pad_bytes ||
		    ((unsigned)v->prepend[0] << 8 | v->prepend[1]) !=
			    c->number ||
		    ((size_t)v->prepend[2] << 8 | v->prepend[3]) != len)
			sim_fail(w, "ChannelData with a false header");
		sim_count(w, SIM_GOT_CHANNEL);
		return;
	}
	p = model_find_permission(a, source);
	if (p->named.family) {
		named = addr_with_port(&p->named, source->port);
		sim_count(w, SIM_HAIRPIN_ADVERTISED);
	}
	check_indication(w, &named, data, len, v);
	sim_count(w, SIM_GOT_INDICATION);
}
