#include "turn/flow.h"

#include <assert.h>
#include <errno.h>

#include "stun/builder.h"
#include "stun/channel_data.h"
#include "stun/message.h"
#include "turn/log_gate.h"
#include "turn/nesting.h"

/* Verdicts name flows in two ranges, one for each direction. */
#define FLOW_TO_CLIENT 0x80000000u

int flow_init(struct flow_table *t, uint32_t allocations,
	      uint16_t permissions_each, uint16_t channels_each,
	      const struct hash_key *key, struct counters *counters,
	      const struct ports *ports, const struct peer_policy *peers)
{
	int err = -ENOMEM;

	*t = (struct flow_table){
		.key = *key,
		.last_client = POOL_NONE,
		.counters = counters,
		.ports = ports,
		.peers = peers,
	};
	/* Until the caller says what is shared there are no limits. */
	rates_init(&t->rates, NULL);
	if (pool_init(&t->allocations, sizeof(struct allocation), allocations,
		      false) ||
	    pool_init(&t->permissions, sizeof(struct permission),
		      allocations * permissions_each, false) ||
	    pool_init(&t->channels, sizeof(struct channel),
		      allocations * channels_each, false) ||
	    map_init(&t->by_client, &t->allocations,
		     offsetof(struct allocation, by_client)) ||
	    map_init(&t->by_ip, &t->permissions,
		     offsetof(struct permission, by_ip)) ||
	    map_init(&t->by_number, &t->channels,
		     offsetof(struct channel, by_number)) ||
	    map_init(&t->by_peer, &t->channels,
		     offsetof(struct channel, by_peer)) ||
	    peer_seen_init(&t->seen, allocations))
		goto out;
	err = 0;
out:
	if (err)
		flow_fini(t);
	return err;
}

void flow_fini(struct flow_table *t)
{
	peer_seen_fini(&t->seen);
	map_fini(&t->by_peer);
	map_fini(&t->by_number);
	map_fini(&t->by_ip);
	map_fini(&t->by_client);
	pool_fini(&t->channels);
	pool_fini(&t->permissions);
	pool_fini(&t->allocations);
}

uint32_t flow_hash_client(const struct flow_table *t, const struct addr *client,
			  uint16_t listener)
{
	uint8_t key[sizeof(*client) + sizeof(listener)];

	memcpy(key, client, sizeof(*client));
	memcpy(key + sizeof(*client), &listener, sizeof(listener));
	return (uint32_t)hash_bytes(&t->key, bytes_of(key, sizeof(key)));
}

static uint64_t hash_peer(const struct flow_table *t, uint32_t allocation,
			  const struct addr *peer)
{
	uint8_t key[sizeof(*peer) + sizeof(allocation)];

	memcpy(key, peer, sizeof(*peer));
	memcpy(key + sizeof(*peer), &allocation, sizeof(allocation));
	return hash_bytes(&t->key, bytes_of(key, sizeof(key)));
}

uint32_t flow_hash_peer(const struct flow_table *t, uint32_t allocation,
			const struct addr *peer)
{
	return (uint32_t)hash_peer(t, allocation, peer);
}

uint32_t flow_hash_number(const struct flow_table *t, uint32_t allocation,
			  uint16_t number)
{
	/*
	 * Only an authenticated client chooses numbers, few of them and under
	 * an index it cannot choose: a keyed multiplication is enough.
	 */
	uint64_t x = ((uint64_t)allocation << 16 | number) ^ t->key.k0;

	x *= 0x9E3779B97F4A7C15u;
	return (uint32_t)(x >> 32);
}

uint32_t flow_find_client(struct flow_table *t, const struct addr *client,
			  uint16_t listener)
{
	const struct allocation *a;
	uint32_t i = t->last_client;

	/* Datagrams come in runs from one client. */
	if (i != POOL_NONE) {
		a = pool_at(&t->allocations, i);
		if (a->listener == listener && addr_equal(&a->client, client))
			return i;
	}
	i = map_first(&t->by_client, flow_hash_client(t, client, listener));
	for (; i != POOL_NONE; i = map_next(&t->by_client, i)) {
		a = pool_at(&t->allocations, i);
		if (a->listener == listener && addr_equal(&a->client, client)) {
			t->last_client = i;
			return i;
		}
	}
	return POOL_NONE;
}

uint32_t flow_find_permission(const struct flow_table *t, uint32_t allocation,
			      const struct addr *ip)
{
	struct addr key = addr_with_port(ip, 0);
	uint32_t i;

	i = map_first(&t->by_ip, flow_hash_peer(t, allocation, &key));
	for (; i != POOL_NONE; i = map_next(&t->by_ip, i)) {
		const struct permission *p = pool_at(&t->permissions, i);

		if (p->allocation == allocation && addr_equal(&p->ip, &key))
			return i;
	}
	return POOL_NONE;
}

uint32_t flow_find_channel(const struct flow_table *t, uint32_t allocation,
			   uint16_t number)
{
	uint32_t i;

	i = map_first(&t->by_number, flow_hash_number(t, allocation, number));
	for (; i != POOL_NONE; i = map_next(&t->by_number, i)) {
		const struct channel *c = pool_at(&t->channels, i);

		if (c->allocation == allocation && c->number == number)
			return i;
	}
	return POOL_NONE;
}

static uint32_t find_channel_hashed(const struct flow_table *t,
				    uint32_t allocation,
				    const struct addr *peer, uint32_t hash)
{
	uint32_t i = map_first(&t->by_peer, hash);

	for (; i != POOL_NONE; i = map_next(&t->by_peer, i)) {
		const struct channel *c = pool_at(&t->channels, i);

		if (c->allocation == allocation && addr_equal(&c->peer, peer))
			return i;
	}
	return POOL_NONE;
}

uint32_t flow_find_channel_to(const struct flow_table *t, uint32_t allocation,
			      const struct addr *peer)
{
	return find_channel_hashed(t, allocation, peer,
				   flow_hash_peer(t, allocation, peer));
}

static void drop(struct flow_table *t, struct verdict *out,
		 enum drop_reason reason)
{
	out->kind = VERDICT_DROP;
	out->drop = reason;
	counter_add(&t->counters->dropped[reason], 1);
}

/*
 * Whether the permission holds now. The rules are asked again only after they
 * changed, so a new rule stops a running flow with its next packet.
 */
static bool permission_holds(const struct flow_table *t, const struct now *now,
			     const struct allocation *a, struct permission *p)
{
	if (p->expires_ms <= now->mono_ms)
		return false;
	if (p->rules != t->peers->generation) {
		p->rules = t->peers->generation;
		p->verdict = (uint8_t)peer_policy_judge_ip(t->peers, a->realm,
							   &p->ip);
		p->any_port =
			!peer_policy_port_matters(t->peers, a->realm, &p->ip);
		p->port = 0;
	}
	return p->verdict != PEER_DENIED;
}

/*
 * The verdict on a packet under a permission that holds. The rules, which may
 * be long lists, are asked only where the port matters, and then again only
 * for another port than the last time.
 */
static enum peer_verdict packet_verdict(const struct flow_table *t,
					const struct allocation *a,
					struct permission *p,
					const struct addr *peer)
{
	if (peer->port == 0)
		return PEER_DENIED;
	if (p->any_port)
		return (enum peer_verdict)p->verdict;
	if (p->port != peer->port) {
		p->port = peer->port;
		p->port_verdict =
			(uint8_t)peer_policy_judge(t->peers, a->realm, peer);
	}
	return (enum peer_verdict)p->port_verdict;
}

static enum peer_verdict channel_verdict(const struct flow_table *t,
					 const struct allocation *a,
					 struct channel *c)
{
	if (c->rules != t->peers->generation) {
		c->rules = t->peers->generation;
		c->verdict = (uint8_t)peer_policy_judge(t->peers, a->realm,
							&c->peer);
	}
	return (enum peer_verdict)c->verdict;
}

/* One note at a time: who sends on is noted again. */
static void note_dry(struct flow_table *t, uint32_t index,
		     const struct addr *peer)
{
	counter_add(&t->counters->dry_run_packets, 1);
	if (t->dry.is_set)
		return;
	t->dry = (struct flow_dry){
		.is_set = true,
		.allocation = pool_ref(&t->allocations, index),
		.peer = *peer,
	};
}

void flow_notice(struct flow_table *t, const struct now *now,
		 uint32_t allocation, enum drop_reason reason)
{
	struct allocation *a = pool_at(&t->allocations, allocation);
	uint32_t now_s = (uint32_t)(now->mono_ms / 1000);
	uint8_t bit;

	assert(reason >= DROP_PEER_LIMIT && reason <= DROP_RATE_TOTAL);
	bit = (uint8_t)(1u << (reason - DROP_PEER_LIMIT));
	if (now_s - a->noticed_s >= LOG_GATE_INTERVAL_MS / 1000) {
		a->noticed_s = now_s;
		a->noticed = 0;
	}
	if (a->noticed & bit || t->notice_count == FLOW_NOTICES_MAX)
		return;
	a->noticed |= bit;
	t->notices[t->notice_count++] = (struct flow_notice){
		.allocation = pool_ref(&t->allocations, allocation),
		.reason = reason,
		.since_ms = now->mono_ms,
	};
}

bool flow_next_notice(struct flow_table *t, struct flow_notice *out)
{
	if (t->notice_count == 0)
		return false;
	*out = t->notices[0];
	t->notice_count--;
	memmove(t->notices, t->notices + 1,
		t->notice_count * sizeof(t->notices[0]));
	return true;
}

/*
 * One hash tells of peer and allocation; the generation is mixed in, so that
 * an allocation knows nothing of the one that had its place before.
 */
static bool take_peer(struct flow_table *t, const struct now *now,
		      uint32_t index, uint64_t hash, bool remember)
{
	struct allocation *a = pool_at(&t->allocations, index);
	uint32_t generation = pool_ref(&t->allocations, index).generation;

	hash ^= generation * UINT64_C(0x9E3779B97F4A7C15);
	if (peer_seen_find(&t->seen, hash, now->mono_ms))
		return true;
	if (!bucket_take(&a->peers, &t->new_peers, now->mono_ms, 1))
		return false;
	if (remember)
		peer_seen_add(&t->seen, hash, now->mono_ms);
	return true;
}

/* A channel is what remembers its peer. */
bool flow_take_peer(struct flow_table *t, const struct now *now,
		    uint32_t allocation, const struct addr *peer)
{
	return !t->new_peers.burst ||
	       take_peer(t, now, allocation, hash_peer(t, allocation, peer),
			 false);
}

static void drop_over_limit(struct flow_table *t, const struct now *now,
			    uint32_t index, struct verdict *out,
			    enum drop_reason reason)
{
	flow_notice(t, now, index, reason);
	drop(t, out, reason);
}

/*
 * Whether one more datagram fits every limit. All of it is behind this one
 * question, so that where nothing is limited nothing is looked at.
 */
static bool is_limited(const struct flow_table *t, const struct allocation *a)
{
	return a->limited | t->rates.in_use;
}

static bool fits_limits(struct flow_table *t, const struct now *now,
			uint32_t index, enum rate_way way, struct verdict *out)
{
	struct allocation *a = pool_at(&t->allocations, index);
	struct user *user;
	enum drop_reason reason;

	if (a->packets_max &&
	    a->to_peer_packets + a->to_client_packets >= a->packets_max) {
		drop(t, out, DROP_PACKET_LIMIT);
		return false;
	}
	user = pool_at(&t->users->pool, a->user);
	if (rates_take(&t->rates, &a->rates, &user->rates, way, now->mono_ms,
		       out->payload_bytes, &reason))
		return true;
	drop_over_limit(t, now, index, out, reason);
	return false;
}

static void to_peer(struct flow_table *t, const struct now *now, uint32_t index,
		    struct allocation *a, enum peer_verdict judged,
		    const struct addr *peer, struct verdict *out)
{
	struct counters_traffic *traffic;
	struct ports_owner owner;

	if (judged == PEER_DENIED)
		return drop(t, out, DROP_PEER_DENIED);
	if (judged == PEER_HAIRPIN && !ports_find(t->ports, peer->port, &owner))
		return drop(t, out, DROP_HAIRPIN_NO_PEER);
	if (is_limited(t, a) && !fits_limits(t, now, index, RATE_TO_PEER, out))
		return;
	out->to = *peer;
	if (judged == PEER_HAIRPIN) {
		out->kind = VERDICT_HAIRPIN;
		out->worker = owner.worker;
		out->allocation = owner.allocation;
		out->from =
			addr_with_port(&t->peers->relay_ips[0], a->relay_port);
		counter_add(&t->counters->hairpin_packets, 1);
	} else {
		if (judged == PEER_DRY)
			note_dry(t, index, peer);
		out->kind = VERDICT_TO_PEER;
		out->allocation = pool_ref(&t->allocations, index);
	}
	a->to_peer_packets++;
	a->to_peer_bytes += out->payload_bytes;
	traffic = &t->counters->traffic[a->realm];
	counter_add(&traffic->to_peer_packets, 1);
	counter_add(&traffic->to_peer_bytes, out->payload_bytes);
}

/* RFC 8656 section 12.6. */
static void channel_data(struct flow_table *t, const struct now *now,
			 const struct datagram *in, struct verdict *out)
{
	uint16_t number, payload_bytes;
	struct allocation *a;
	struct channel *c;
	uint32_t i, j;

	if (!channel_data_parse(in->data, &number, &payload_bytes))
		return drop(t, out, DROP_BAD_CHANNEL_DATA);
	i = flow_find_client(t, &in->source, in->listener);
	if (i == POOL_NONE)
		return drop(t, out, DROP_NO_ALLOCATION);
	a = pool_at(&t->allocations, i);
	if (a->state != ALLOCATION_LIVE || a->expires_ms <= now->mono_ms)
		return drop(t, out, DROP_NO_ALLOCATION);
	j = flow_find_channel(t, i, number);
	if (j == POOL_NONE)
		return drop(t, out, DROP_NO_CHANNEL);
	c = pool_at(&t->channels, j);
	if (c->expires_ms <= now->mono_ms)
		return drop(t, out, DROP_NO_CHANNEL);
	if (!permission_holds(t, now, a,
			      pool_at(&t->permissions, c->permission)))
		return drop(t, out, DROP_NO_PERMISSION);
	if (nesting_is_too_deep(bytes_of(
		    in->data.data + CHANNEL_DATA_HEADER_BYTES, payload_bytes)))
		return drop(t, out, DROP_NESTED);
	out->skip_bytes = CHANNEL_DATA_HEADER_BYTES;
	out->payload_bytes = payload_bytes;
	out->prepend_bytes = 0;
	out->pad_bytes = 0;
	out->tos = in->tos;
	out->dont_fragment = false;
	out->flow = c->by_peer.hash & ~FLOW_TO_CLIENT;
	to_peer(t, now, i, a, channel_verdict(t, a, c), &c->peer, out);
}

/*
 * Whether a Send indication goes to a peer that was sent to lately or has a
 * channel, or to a new one and there may be another.
 */
static bool may_send_to(struct flow_table *t, const struct now *now,
			uint32_t index, const struct addr *peer, uint64_t hash)
{
	const struct channel *c;
	uint32_t i;

	if (!t->new_peers.burst)
		return true;
	i = find_channel_hashed(t, index, peer, (uint32_t)hash);
	if (i != POOL_NONE) {
		c = pool_at(&t->channels, i);
		if (c->expires_ms > now->mono_ms)
			return true;
	}
	return take_peer(t, now, index, hash, true);
}

/* RFC 8656 section 11.2. */
static void send_indication(struct flow_table *t, const struct now *now,
			    const struct datagram *in, struct verdict *out)
{
	const struct stun_attr *peer_attr, *data;
	struct stun_message m;
	enum stun_parse_result parsed;
	struct addr peer;
	struct allocation *a;
	struct permission *p;
	enum peer_verdict judged;
	uint64_t hash;
	uint32_t i, j;

	parsed = stun_parse(in->data, &m);
	if (parsed != STUN_OK)
		return drop(t, out,
			    parsed == STUN_BAD_FINGERPRINT ? DROP_FINGERPRINT
							   : DROP_MALFORMED);
	if (m.unknown_count)
		return drop(t, out, DROP_UNKNOWN_ATTRIBUTE);
	i = flow_find_client(t, &in->source, in->listener);
	if (i == POOL_NONE)
		return drop(t, out, DROP_NO_ALLOCATION);
	a = pool_at(&t->allocations, i);
	if (a->state != ALLOCATION_LIVE || a->expires_ms <= now->mono_ms)
		return drop(t, out, DROP_NO_ALLOCATION);
	peer_attr = stun_find(&m, STUN_ATTR_XOR_PEER_ADDRESS);
	data = stun_find(&m, STUN_ATTR_DATA);
	if (!peer_attr || !data || !stun_get_xor_addr(&m, peer_attr, &peer))
		return drop(t, out, DROP_BAD_INDICATION);
	if (peer.family != t->peers->relay_ips[0].family)
		return drop(t, out, DROP_PEER_FAMILY);
	peer = peer_policy_canonical(t->peers, &peer);
	j = flow_find_permission(t, i, &peer);
	if (j == POOL_NONE)
		return drop(t, out, DROP_NO_PERMISSION);
	p = pool_at(&t->permissions, j);
	if (!permission_holds(t, now, a, p))
		return drop(t, out, DROP_NO_PERMISSION);
	if (nesting_is_too_deep(data->value))
		return drop(t, out, DROP_NESTED);
	out->skip_bytes = (uint16_t)(data->value.data - in->data.data);
	out->payload_bytes = (uint16_t)data->value.len;
	out->prepend_bytes = 0;
	out->pad_bytes = 0;
	out->tos = in->tos;
	out->dont_fragment = stun_find(&m, STUN_ATTR_DONT_FRAGMENT) != NULL;
	hash = hash_peer(t, i, &peer);
	out->flow = (uint32_t)hash & ~FLOW_TO_CLIENT;
	judged = packet_verdict(t, a, p, &peer);
	/* One of our own ports counts whether or not it is anybody's. */
	if (judged != PEER_DENIED && !may_send_to(t, now, i, &peer, hash))
		return drop_over_limit(t, now, i, out, DROP_PEER_LIMIT);
	to_peer(t, now, i, a, judged, &peer, out);
}

void flow_from_client(struct flow_table *t, const struct now *now,
		      const struct datagram *in, struct verdict *out)
{
	switch (stun_kind_of(in->data)) {
	case STUN_KIND_CHANNEL_DATA:
		channel_data(t, now, in, out);
		return;
	case STUN_KIND_MESSAGE:
		if (in->data.len >= STUN_HEADER_BYTES &&
		    wire_get_u16(in->data.data) ==
			    stun_type(STUN_INDICATION, STUN_SEND))
			send_indication(t, now, in, out);
		else
			out->kind = VERDICT_CONTROL;
		return;
	case STUN_KIND_OTHER:
		break;
	}
	drop(t, out, DROP_NOT_STUN);
}

/*
 * Writes what precedes the payload in a Data indication, RFC 8656 section
 * 11.3. Its transaction id is a keyed hash of a count: unpredictable, and
 * never the same twice.
 */
static void data_indication(struct flow_table *t, const struct addr *peer,
			    struct verdict *out)
{
	uint64_t count = t->indications++;
	uint8_t id[2 * sizeof(uint64_t)];
	struct stun_builder b;
	uint16_t padded;

	for (size_t half = 0; half < 2; half++) {
		uint64_t in[2] = { count, half };

		wire_put_u64(id + half * 8,
			     hash_bytes(&t->key, bytes_of(in, sizeof(in))));
	}
	stun_begin(&b, out->prepend, sizeof(out->prepend), STUN_INDICATION,
		   STUN_DATA, id);
	stun_add_xor_addr(&b, STUN_ATTR_XOR_PEER_ADDRESS, peer);
	wire_write_u16(&b.wire, STUN_ATTR_DATA);
	wire_write_u16(&b.wire, out->payload_bytes);
	out->prepend_bytes = (uint8_t)stun_finish(&b);
	assert(out->prepend_bytes);
	out->pad_bytes = (uint8_t)(-out->payload_bytes & 3);
	padded = (uint16_t)(out->payload_bytes + out->pad_bytes);
	/* The message goes on behind what the builder has seen. */
	wire_put_u16(out->prepend + 2, (uint16_t)(out->prepend_bytes -
						  STUN_HEADER_BYTES + padded));
}

void flow_from_peer(struct flow_table *t, const struct now *now, struct ref ref,
		    const struct datagram *in, struct verdict *out)
{
	struct allocation *a = pool_get(&t->allocations, ref);
	struct counters_traffic *traffic;
	struct channel *c = NULL;
	struct permission *p;
	uint32_t hash, j;

	if (!a || a->state != ALLOCATION_LIVE || a->expires_ms <= now->mono_ms)
		return drop(t, out, DROP_NO_ALLOCATION);
	hash = flow_hash_peer(t, ref.index, &in->source);
	j = find_channel_hashed(t, ref.index, &in->source, hash);
	if (j != POOL_NONE)
		c = pool_at(&t->channels, j);
	j = c ? c->permission : flow_find_permission(t, ref.index, &in->source);
	if (j == POOL_NONE)
		return drop(t, out, DROP_NO_PERMISSION);
	p = pool_at(&t->permissions, j);
	if (!permission_holds(t, now, a, p))
		return drop(t, out, DROP_NO_PERMISSION);
	if (nesting_is_too_deep(in->data))
		return drop(t, out, DROP_NESTED);
	out->skip_bytes = 0;
	out->payload_bytes = (uint16_t)in->data.len;
	out->pad_bytes = 0;
	/* Before a header is made; what is too large for one counts as well. */
	if (is_limited(t, a) &&
	    !fits_limits(t, now, ref.index, RATE_TO_CLIENT, out))
		return;
	if (c && c->expires_ms > now->mono_ms) {
		channel_data_header(out->prepend, c->number,
				    out->payload_bytes);
		out->prepend_bytes = CHANNEL_DATA_HEADER_BYTES;
	} else {
		const struct addr *named = &t->peers->relay_ips[p->named];
		struct addr peer = in->source;

		/* New rules may know that advertised address no more. */
		if (p->named && named->family)
			peer = addr_with_port(named, peer.port);
		data_indication(t, &peer, out);
	}
	if (out->prepend_bytes + in->data.len + out->pad_bytes >
	    DATAGRAM_MAX_BYTES)
		return drop(t, out, DROP_TOO_LARGE);
	out->kind = VERDICT_TO_CLIENT;
	out->tos = in->tos;
	out->dont_fragment = false;
	out->listener = a->listener;
	out->to = a->client;
	out->flow = FLOW_TO_CLIENT | ref.index;
	a->to_client_packets++;
	a->to_client_bytes += in->data.len;
	traffic = &t->counters->traffic[a->realm];
	counter_add(&traffic->to_client_packets, 1);
	counter_add(&traffic->to_client_bytes, in->data.len);
}
