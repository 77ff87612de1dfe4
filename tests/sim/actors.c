#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"
#include "wire.h"

#define CHANNELS_TRIED 8
#define IDS_KEPT 4

/* A client behind a NAT, as it sees itself. */
struct actor {
	unsigned number;
	struct addr from; /* as the server sees it; changes when the NAT does */
	uint16_t listener;
	uint8_t user; /* its own, of the listener's realm */
	bool sha256;
	bool allocated;
	struct addr relayed;
	bool has_nonce;
	uint8_t nonce[64];
	size_t nonce_bytes;
	int64_t nonce_wall_s;
	struct addr nonce_for;
	bool has_token;
	uint8_t token[8];
	struct addr friends[CHANNELS_TRIED]; /* peers it likes to talk to */
	uint16_t numbers[CHANNELS_TRIED];
	uint32_t next_id;
	struct packet *last; /* the last request, to be sent again */
	bool has_channel;    /* the last one that was bound */
	uint16_t channel;
	struct addr channel_peer;
	unsigned rush_left; /* datagrams still to be sent in a row */
	bool rush_heard;    /* by its peer, not by itself */
};

static struct addr public_peer(struct world *w)
{
	return addr_ipv4(0x08080000u | sim_below(w, 4) << 8 |
				 (1 + sim_below(w, 3)),
			 (uint16_t)(6000 + sim_below(w, 3)));
}

/* Any relayed address that somebody has now, in one of its two forms. */
static struct addr relayed_peer(struct world *w)
{
	const struct actor *other = &w->actors[sim_below(w, w->actor_count)];
	const struct addr *ip =
		sim_chance(w, 500)
			? &w->config.relay
			: &sim_advertised[sim_below(w, SIM_ADVERTISED)];

	if (!other->allocated)
		return addr_with_port(ip,
				      (uint16_t)(49152 + sim_below(w, 500)));
	return addr_with_port(ip, other->relayed.port);
}

static struct addr forbidden_peer(struct world *w)
{
	static const uint32_t ips[] = { 0x7f000001, 0x0a000005, 0xa9fea9fe,
					0xa83f8110, 0x00000000, 0xe0000001,
					0xffffffff };
	static const uint8_t v6[16] = { 0x20, 1, 0x0d, 0xb8, [15] = 1 };

	if (sim_chance(w, 200))
		return addr_ipv6(v6, 6000);
	if (sim_chance(w, 200))
		return addr_with_port(&w->config.relay, 3478);
	return addr_ipv4(ips[sim_below(w, 7)], 6000);
}

static struct addr any_peer(struct world *w, const struct actor *a)
{
	unsigned roll = sim_below(w, 100);

	if (roll < 60)
		return a->friends[sim_below(w, CHANNELS_TRIED)];
	if (roll < 80)
		return public_peer(w);
	if (roll < 96)
		return relayed_peer(w);
	return forbidden_peer(w);
}

static void new_place(struct world *w, struct actor *a)
{
	/* Twelve share a NAT's address, none a port. */
	a->from = addr_ipv4(
		0x05000000u + a->number / 12 + 1,
		(uint16_t)(1024 + a->number % 12 * 5000 + sim_below(w, 4999)));
}

void actors_init(struct world *w)
{
	w->actor_count = 8 + sim_below(w, 12) * sim_below(w, 12);
	/* Few enough that no worker forgets a peer before its time. */
	if (w->config.limits.peers.burst && w->actor_count > 24)
		w->actor_count = 24;
	w->actors = calloc(w->actor_count, sizeof(*w->actors));
	if (!w->actors)
		abort();
	for (unsigned i = 0; i < w->actor_count; i++) {
		struct actor *a = &w->actors[i];

		a->number = i;
		/* Two by two they are one person's two sockets. */
		a->listener = i % 2 ? a[-1].listener
				    : (uint16_t)sim_chance(w, 400);
		a->user = i % 2         ? a[-1].user
			  : a->listener ? (uint8_t)(4 + sim_below(w, 2))
					: (uint8_t)sim_below(w, 4);
		a->sha256 = a->listener && sim_chance(w, 700);
		new_place(w, a);
		world_wake(w, i, sim_below(w, 60000));
	}
	for (unsigned i = 0; i < w->actor_count; i++)
		for (unsigned j = 0; j < CHANNELS_TRIED; j++) {
			w->actors[i].friends[j] = sim_chance(w, 600)
							  ? public_peer(w)
							  : relayed_peer(w);
			w->actors[i].numbers[j] =
				(uint16_t)(0x4000 + sim_below(w, 12));
		}
}

void actors_free(struct world *w)
{
	for (unsigned i = 0; i < w->actor_count; i++)
		free(w->actors[i].last);
	free(w->actors);
}

/* --- requests --------------------------------------------------------------- */

static struct intent new_intent(uint16_t method)
{
	return (struct intent){
		.is_request = true,
		.method = method,
		.credentials = CREDENTIALS_GOOD,
		.transport = -1,
		.lifetime = -1,
		.family = -1,
		.additional = -1,
		.even = -1,
	};
}

static void new_id(struct actor *a, uint8_t id[12])
{
	memset(id, 0, 12);
	memcpy(id, &a->number, 4);
	memcpy(id + 4, &a->next_id, 4);
	a->next_id++;
}

static void write_family(struct wire_out *m, unsigned type, int family)
{
	const uint8_t v[4] = { (uint8_t)family };

	if (family >= 0)
		wire_attr(m, type, v, 4);
}

/* The arguments, in the order clients send them. */
static void write_arguments(struct wire_out *m, const struct intent *q)
{
	const uint8_t transport[4] = { (uint8_t)q->transport };
	const uint8_t even = q->even == 1 ? 0x80 : 0;
	size_t len = q->malformed_attr ? 3 : 4;

	if (q->transport >= 0)
		wire_attr(m, 0x0019, transport, 4);
	if (q->lifetime >= 0) {
		uint32_t v = (uint32_t)q->lifetime;
		uint8_t bytes[4] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16),
				     (uint8_t)(v >> 8), (uint8_t)v };

		wire_attr(m, 0x000D, bytes, len);
	}
	write_family(m, 0x0017, q->family);
	write_family(m, 0x8000, q->additional);
	if (q->even >= 0)
		wire_attr(m, 0x0018, &even, 1);
	if (q->has_token)
		wire_attr(m, 0x0022, q->token, 8);
	if (q->number)
		wire_u32(m, 0x000C, (uint32_t)q->number << 16);
	for (unsigned i = 0; i < q->peer_count; i++)
		wire_xor_addr(m, 0x0012, &q->peers[i]);
	if (q->malformed_attr && q->lifetime < 0)
		wire_attr(m, 0x0012, transport, 3);
	if (q->unknown_attr)
		wire_attr(m, 0x7abc, "unknown", 7);
}

static void write_name(struct world *w, struct wire_out *m,
		       const struct intent *q, const char *realm)
{
	const struct sim_user *u = &sim_users[q->user];
	char name[16];
	struct bytes parts[] = { bytes_of(name, 0), bytes_str(":"),
				 bytes_str(realm) };
	uint8_t hash[32];

	if (q->credentials == CREDENTIALS_UNKNOWN_USER)
		snprintf(name, sizeof(name), "mallory%u", q->stranger);
	else
		snprintf(name, sizeof(name), "%s", u->name);
	parts[0] = bytes_str(name);
	if (!q->by_hash) {
		wire_attr(m, 0x0006, name, strlen(name));
		return;
	}
	crypto_sha256(w->crypto, parts, 3, hash);
	wire_attr(m, 0x001E, hash, 32);
}

static void write_credentials(struct world *w, const struct actor *a,
			      struct wire_out *m, const struct intent *q)
{
	static const uint8_t both[8] = { 0, 2, 0, 0, 0, 1, 0, 0 };
	static const uint8_t sha256[4] = { 0, 2, 0, 0 };
	const struct sim_user *u = &sim_users[q->user];
	const char *realm = u->realm ? SIM_OTHER_REALM : SIM_BASE_REALM;
	bool wrong = q->credentials == CREDENTIALS_WRONG_PASSWORD;
	uint8_t key[32];
	size_t key_bytes;

	if (q->credentials == CREDENTIALS_NONE)
		return;
	write_name(w, m, q, realm);
	if (q->credentials == CREDENTIALS_WRONG_REALM)
		realm = "no.such.realm";
	wire_attr(m, 0x0014, realm, strlen(realm));
	if (q->credentials != CREDENTIALS_NO_NONCE)
		wire_attr(m, 0x0015, a->nonce, a->nonce_bytes);
	if (q->sha256 && q->credentials != CREDENTIALS_BID_DOWN)
		wire_attr(m, 0x8002, both, 8);
	if (q->sha256)
		wire_attr(m, 0x001D, sha256, 4);
	key_bytes =
		model_key(w, u, wrong ? "wrong" : u->password, q->sha256, key);
	wire_sign(m, w->crypto, key, key_bytes, q->sha256);
}

/* Fills in what the nonce's history means for the request. */
static void judge_nonce(const struct actor *a, struct intent *q)
{
	q->nonce_wall_s = a->nonce_wall_s;
	q->foreign_nonce = !a->has_nonce ||
			   !addr_equal(&a->nonce_for, &a->from);
}

static void send_bytes(struct world *w, struct actor *a, const struct intent *q,
		       const uint8_t id[12], const uint8_t *bytes, size_t len)
{
	struct packet *p = calloc(1, sizeof(*p) + len);

	if (!p)
		abort();
	p->from = a->from;
	p->listener = a->listener;
	p->tos = (uint8_t)sim_below(w, 256);
	p->intent = *q;
	memcpy(p->id, id, 12);
	p->len = len;
	memcpy(p->bytes, bytes, len);
	world_send(w, p);
	if (!q->is_request) {
		free(p);
		return;
	}
	free(a->last);
	a->last = p;
}

static void request(struct world *w, struct actor *a, struct intent *q)
{
	struct wire_out m;
	uint8_t id[12];

	q->user = a->user;
	q->sha256 = a->sha256 && q->credentials != CREDENTIALS_NONE;
	if (!a->has_nonce && sim_chance(w, 950))
		q->credentials = CREDENTIALS_NONE;
	if (q->credentials == CREDENTIALS_GOOD && sim_chance(w, 60))
		q->credentials =
			(enum sim_credentials)sim_below(w, CREDENTIALS_KINDS);
	if (q->credentials == CREDENTIALS_BID_DOWN && !q->sha256)
		q->credentials = CREDENTIALS_GOOD;
	/* Now and then somebody else's user on this 5-tuple. */
	if (sim_chance(w, 15))
		q->user = (uint8_t)(a->listener ? 4 + sim_below(w, 2)
						: sim_below(w, 4));
	q->by_hash = a->listener && sim_chance(w, 200);
	q->unknown_attr |= sim_chance(w, 20);
	q->fingerprint = sim_chance(w, 300);
	judge_nonce(a, q);
	/* Without a cookie that has the bit there is nothing to bid down. */
	if (q->foreign_nonce && !a->has_nonce) {
		if (q->credentials == CREDENTIALS_BID_DOWN)
			q->credentials = CREDENTIALS_NONE;
		q->sha256 = false;
	}
	if (w->now.wall_s - q->nonce_wall_s > 300 && a->has_nonce)
		sim_count(w, SIM_NONCE_REUSED_LATE);
	new_id(a, id);
	wire_start(&m, (q->method & 0xfu), id);
	write_arguments(&m, q);
	write_credentials(w, a, &m, q);
	if (q->fingerprint)
		wire_fingerprint(&m);
	send_bytes(w, a, q, id, m.bytes, m.len);
}

static void ask_allocate(struct world *w, struct actor *a)
{
	struct intent q = new_intent(STUN_ALLOCATE);
	unsigned roll = a->has_token ? 40 : sim_below(w, 100);

	q.transport = sim_chance(w, 970) ? 17 : sim_chance(w, 500) ? 6 : -1;
	if (roll < 15)
		q.even = (int)sim_below(w, 2);
	else if (roll < 18)
		q.family = 1 + (int)sim_below(w, 3);
	else if (roll < 24)
		q.additional = sim_chance(w, 800) ? 2
						  : 1 + (int)sim_below(w, 3);
	else if (roll < 26)
		q.family = 0;
	if (a->has_token && sim_chance(w, 800)) {
		q.has_token = true;
		memcpy(q.token, a->token, 8);
	}
	if (sim_chance(w, 10)) {
		q.has_token = true;
		memset(q.token, (int)sim_below(w, 256), 8);
	}
	if (sim_chance(w, 400))
		q.lifetime = sim_below(w, 5000);
	q.malformed_attr = q.lifetime >= 0 && sim_chance(w, 20);
	request(w, a, &q);
}

static void ask_refresh(struct world *w, struct actor *a)
{
	struct intent q = new_intent(STUN_REFRESH);

	if (sim_chance(w, 600))
		q.lifetime = sim_chance(w, 300) ? 0 : sim_below(w, 5000);
	if (sim_chance(w, 100))
		q.family = (int)sim_below(w, 4);
	q.malformed_attr = q.lifetime > 0 && sim_chance(w, 20);
	request(w, a, &q);
}

static void ask_permission(struct world *w, struct actor *a)
{
	struct intent q = new_intent(STUN_CREATE_PERMISSION);

	q.peer_count = sim_chance(w, 20) ? 0 : 1 + sim_below(w, 3);
	if (sim_chance(w, 20))
		q.peer_count = SIM_PEERS_PER_REQUEST;
	for (unsigned i = 0; i < q.peer_count; i++)
		q.peers[i] = any_peer(w, a);
	q.malformed_attr = sim_chance(w, 20);
	request(w, a, &q);
}

static void ask_channel(struct world *w, struct actor *a)
{
	struct intent q = new_intent(STUN_CHANNEL_BIND);
	unsigned i = sim_below(w, CHANNELS_TRIED);

	q.number = sim_chance(w, 950) ? a->numbers[i]
				      : (uint16_t)(0x3ff0 + sim_below(w, 8192));
	q.peer_count = sim_chance(w, 980);
	q.peers[0] = sim_chance(w, 900) ? a->friends[i] : any_peer(w, a);
	q.malformed_attr = !q.peer_count && sim_chance(w, 500);
	request(w, a, &q);
}

/*
 * Tries passwords, of one name or of many, now and then with a nonce that it
 * has made up.
 */
static void guess(struct world *w, struct actor *a)
{
	bool makes_up = sim_chance(w, 400), of_many = sim_chance(w, 200);
	struct addr nonce_for = a->nonce_for;

	if (!a->has_nonce)
		return;
	if (makes_up) {
		a->nonce[a->nonce_bytes - 1] ^= 1;
		a->nonce_for.family = ADDR_NONE;
	}
	for (unsigned n = sim_below(w, of_many ? 150 : 30); n; n--) {
		struct intent q = new_intent(STUN_REFRESH);

		q.credentials = of_many ? CREDENTIALS_UNKNOWN_USER
					: CREDENTIALS_WRONG_PASSWORD;
		q.stranger = (uint8_t)(n % 40);
		request(w, a, &q);
	}
	if (makes_up)
		a->nonce[a->nonce_bytes - 1] ^= 1;
	a->nonce_for = nonce_for;
	sim_count(w, SIM_GUESSED);
}

/* --- data -------------------------------------------------------------------- */

/* Makes it ChannelData in ChannelData, as often as it has room. */
static void nest(struct world *w, uint8_t *data, size_t len)
{
	unsigned depth = 1 + sim_below(w, 8);

	for (; depth && len >= 4; depth--, data += 4) {
		len -= 4;
		data[0] = 0x40;
		data[1] = (uint8_t)sim_random(w);
		data[2] = (uint8_t)(len >> 8);
		data[3] = (uint8_t)len;
	}
}

static size_t payload(struct world *w, uint8_t *out)
{
	size_t len = sim_chance(w, 50) ? 0
		     : !w->is_limited && sim_chance(w, 10)
			     ? sim_below(w, 60000)
			     : sim_below(w, SIM_PAYLOAD_MAX);

	for (size_t i = 0; i < len; i += 8)
		out[i] = (uint8_t)sim_random(w);
	if (sim_chance(w, 10))
		nest(w, out, len);
	return len;
}

static void send_channel(struct world *w, struct actor *a)
{
	static uint8_t m[66000];
	uint16_t number = a->numbers[sim_below(w, CHANNELS_TRIED)];
	size_t len = payload(w, m + 4), claimed = len;
	struct intent q = new_intent(0);
	uint8_t id[12] = { 0 };

	q.is_request = false;
	if (sim_chance(w, 20))
		number = (uint16_t)(0x4000 + sim_below(w, 0x4000));
	if (sim_chance(w, 20))
		claimed = sim_below(w, 65536);
	m[0] = (uint8_t)(number >> 8);
	m[1] = (uint8_t)number;
	m[2] = (uint8_t)(claimed >> 8);
	m[3] = (uint8_t)claimed;
	send_bytes(w, a, &q, id, m,
		   4 + len + (sim_chance(w, 300) ? sim_below(w, 4) : 0));
}

static void send_indication(struct world *w, struct actor *a)
{
	static uint8_t data[66000];
	struct intent q = new_intent(STUN_SEND);
	struct addr peer = any_peer(w, a);
	size_t len = payload(w, data);
	struct wire_out m;
	uint8_t id[12];

	q.is_request = false;
	q.unknown_attr = sim_chance(w, 20);
	q.malformed_attr = sim_chance(w, 20);
	new_id(a, id);
	wire_start(&m, 0x0016, id);
	/* turnutils_uclient puts DATA first. */
	if (sim_chance(w, 500))
		wire_attr(&m, 0x0013, data, len);
	if (q.malformed_attr)
		wire_attr(&m, 0x0012, data, 5);
	else
		wire_xor_addr(&m, 0x0012, &peer);
	if (!wire_find(m.bytes, m.len, 0x0013, &(size_t){ 0 }))
		wire_attr(&m, 0x0013, data, len);
	if (sim_chance(w, 100))
		wire_attr(&m, 0x001A, NULL, 0);
	if (q.unknown_attr)
		wire_attr(&m, 0x7abc, "?", 1);
	send_bytes(w, a, &q, id, m.bytes, m.len);
}

/* A peer speaks up towards the actor's relayed address. */
static void hear_peer(struct world *w, struct actor *a)
{
	static uint8_t data[66000];
	struct addr peer = sim_chance(w, 700)
				   ? a->friends[sim_below(w, CHANNELS_TRIED)]
				   : public_peer(w);
	size_t len = payload(w, data);

	if (!a->allocated || peer.ip[0] != 8)
		return;
	if (!w->is_limited && sim_chance(w, 5))
		len = 65507 - sim_below(w, 20);
	world_send_peer(w, &peer, a->relayed.port, data, len);
}

/* What no client would send: noise, halves of messages, broken ones. */
static void send_garbage(struct world *w, struct actor *a)
{
	struct intent q = new_intent(0);
	uint8_t m[256], id[12] = { 0 };
	size_t len = sim_below(w, sizeof(m));

	q.is_request = false;
	for (size_t i = 0; i < sizeof(m); i++)
		m[i] = (uint8_t)sim_random(w);
	if (sim_chance(w, 500)) {
		/* Close to a message: a good header, then anything. */
		static const uint8_t head[8] = { 0,    3,    0,    0,
						 0x21, 0x12, 0xa4, 0x42 };

		memcpy(m, head, 8);
		len = 20 + 4 * sim_below(w, 40);
		m[3] = (uint8_t)(len - 20);
		/* The first attribute runs past the end. */
		m[22] = 0xff;
		if (len == 20)
			len = 19;
	} else if (sim_chance(w, 300)) {
		/* A response, or an indication nobody sends to a server. */
		struct wire_out out;

		wire_start(&out, sim_chance(w, 500) ? 0x0101 : 0x0017, id);
		memcpy(m, out.bytes, 20);
		len = 20;
	} else {
		m[0] |= 0x80;
	}
	send_bytes(w, a, &q, id, m, len);
}

/* A message whose FINGERPRINT does not match. */
static void send_misprint(struct world *w, struct actor *a)
{
	struct intent q = new_intent(0);
	struct wire_out m;
	uint8_t id[12];

	q.is_request = false;
	new_id(a, id);
	wire_start(&m, 0x0001, id);
	wire_fingerprint(&m);
	m.bytes[m.len - 1] ^= 1;
	send_bytes(w, a, &q, id, m.bytes, m.len);
}

static void send_binding(struct world *w, struct actor *a)
{
	struct intent q = new_intent(STUN_BINDING);
	struct wire_out m;
	uint8_t id[12];

	q.credentials = CREDENTIALS_NONE;
	q.unknown_attr = sim_chance(w, 50);
	q.fingerprint = sim_chance(w, 300);
	new_id(a, id);
	wire_start(&m, 0x0001, id);
	if (q.unknown_attr)
		wire_attr(&m, 0x7abc, "?", 1);
	if (q.fingerprint)
		wire_fingerprint(&m);
	send_bytes(w, a, &q, id, m.bytes, m.len);
}

/* From a source that nobody can answer. */
static void send_from_nowhere(struct world *w, struct actor *a)
{
	struct addr from = a->from;
	struct intent q = new_intent(0);
	struct wire_out m;
	uint8_t id[12];

	q.is_request = false;
	a->from = sim_chance(w, 500) ? addr_with_port(&from, 0)
				     : w->config.listeners[0].local;
	new_id(a, id);
	wire_start(&m, 0x0001, id);
	send_bytes(w, a, &q, id, m.bytes, m.len);
	a->from = from;
}

/* Requests of 28 bytes, as a spoofed source's: from where the actors are, or
 * from elsewhere. Some are Binding requests. */
static void send_as_stranger(struct world *w, uint32_t prefix)
{
	struct actor stranger = {
		.from = addr_ipv4(prefix | (1 + sim_below(w, 254)),
				  (uint16_t)(1024 + sim_below(w, 60000))),
		.listener = 1,
	};
	bool binding = sim_chance(w, 100);
	struct intent q = new_intent(binding ? STUN_BINDING : STUN_ALLOCATE);
	const uint8_t transport[4] = { 17 };
	struct wire_out m;
	uint8_t id[12];

	q.credentials = CREDENTIALS_NONE;
	q.transport = 17;
	judge_nonce(&stranger, &q);
	new_id(&stranger, id);
	wire_start(&m, binding ? 0x0001 : 0x0003, id);
	if (!binding)
		wire_attr(&m, 0x0019, transport, 4);
	send_bytes(w, &stranger, &q, id, m.bytes, m.len);
	free(stranger.last);
}

void actors_flood(struct world *w)
{
	uint32_t prefix = sim_chance(w, 500) ? 0x05000000 : 0x06000000;

	for (unsigned n = sim_below(w, 1500); n; n--)
		send_as_stranger(w, prefix);
	sim_count(w, SIM_FLOODED);
}

/* --- more than is allowed ----------------------------------------------------- */

#define RUSH_DATAGRAMS 2200

/* Both sockets of a person, which may be on two workers, begin at once. */
static void begin_rush(struct world *w, const struct actor *a)
{
	unsigned first = a->number & ~1u;

	w->rushes_left--;
	for (unsigned i = first; i < first + 2 && i < w->actor_count; i++) {
		struct actor *one = &w->actors[i];

		if (!one->allocated || !one->has_channel || one->rush_left)
			continue;
		one->rush_left = RUSH_DATAGRAMS;
		one->rush_heard = sim_chance(w, 400);
		world_wake_once(w, i, 1);
		sim_count(w, SIM_RUSHED);
	}
}

static void rush(struct world *w, struct actor *a)
{
	static uint8_t m[4 + SIM_PAYLOAD_MAX];
	const struct addr *peer = &a->channel_peer;
	size_t len = SIM_PAYLOAD_MAX / 2 + sim_below(w, SIM_PAYLOAD_MAX / 2);
	struct intent q = new_intent(0);
	uint8_t id[12] = { 0 };

	a->rush_left--;
	q.is_request = false;
	if (a->rush_heard && peer->ip[0] == 8) {
		world_send_peer(w, peer, a->relayed.port, m, len);
	} else {
		m[0] = (uint8_t)(a->channel >> 8);
		m[1] = (uint8_t)a->channel;
		m[2] = (uint8_t)(len >> 8);
		m[3] = (uint8_t)len;
		send_bytes(w, a, &q, id, m, 4 + len);
	}
	if (a->rush_left)
		world_wake_once(w, a->number, sim_below(w, 17));
}

static void act_on_data(struct world *w, struct actor *a)
{
	unsigned roll = sim_below(w, 100);

	if (roll < 40)
		send_channel(w, a);
	else if (roll < 65)
		send_indication(w, a);
	else
		hear_peer(w, a);
}

static void act(struct world *w, struct actor *a)
{
	unsigned roll = sim_below(w, 1000);

	if (w->rushes_left && a->allocated && a->has_channel &&
	    sim_chance(w, 30)) {
		begin_rush(w, a);
		return;
	}
	if (!a->allocated && (roll < 500 || a->has_token))
		ask_allocate(w, a);
	else if (roll < 30)
		ask_allocate(w, a);
	else if (roll < 100)
		ask_refresh(w, a);
	else if (roll < 260)
		ask_permission(w, a);
	else if (roll < 480)
		ask_channel(w, a);
	else if (roll < 880)
		act_on_data(w, a);
	else if (roll < 900)
		send_garbage(w, a);
	else if (roll < 905)
		send_misprint(w, a);
	else if (roll < 915)
		send_from_nowhere(w, a);
	else if (roll < 935)
		send_binding(w, a);
	else if (roll < 985 && a->last) {
		world_send(w, a->last);
		sim_count(w, SIM_DEEP_RETRANSMISSION);
	} else if (roll < 992) {
		/* More at a time than one source may have waiting. */
		for (unsigned n = 0; n < 7; n++)
			ask_refresh(w, a);
	} else if (roll == 993) {
		guess(w, a);
	} else if (roll >= 995) {
		new_place(w, a);
		a->allocated = false;
		sim_count(w, SIM_NAT_REBOUND);
	}
}

void actor_wake(struct world *w, unsigned number)
{
	struct actor *a = &w->actors[number];

	act(w, a);
	for (unsigned n = sim_below(w, 4); a->allocated && n; n--)
		act_on_data(w, a);
	world_wake(w, number, 1 + sim_below(w, a->allocated ? 40000 : 25000));
}

void actor_act(struct world *w, unsigned number)
{
	struct actor *a = &w->actors[number];

	if (a->rush_left)
		rush(w, a);
	else
		act(w, a);
}

static void take_challenge(struct actor *a, int64_t sent_wall_s,
			   const uint8_t *m, size_t len)
{
	size_t n;
	const uint8_t *nonce = wire_find(m, len, 0x0015, &n);

	if (!nonce || n > sizeof(a->nonce))
		return;
	memcpy(a->nonce, nonce, n);
	a->nonce_bytes = n;
	a->has_nonce = true;
	a->nonce_for = a->from;
	a->nonce_wall_s = sent_wall_s;
}

/* The port that was reserved is for the person's other socket. */
static void give_token(struct world *w, const struct actor *a,
		       const uint8_t token[8])
{
	unsigned other = a->number ^ 1;

	if (other >= w->actor_count)
		return;
	w->actors[other].has_token = true;
	memcpy(w->actors[other].token, token, 8);
	for (unsigned i = 0; i < 4; i++)
		world_wake_once(w, other, sim_below(w, 35000));
}

void actors_receive(struct world *w, const struct addr *to, uint16_t listener,
		    int64_t sent_wall_s, const uint8_t *m, size_t len)
{
	struct actor *a = NULL;
	const uint8_t *token;
	unsigned type, code;
	size_t n;

	for (unsigned i = 0; i < w->actor_count && !a; i++)
		if (addr_equal(&w->actors[i].from, to) &&
		    w->actors[i].listener == listener)
			a = &w->actors[i];
	if (!a || len < 20 || m[0] > 3)
		return;
	type = (unsigned)m[0] << 8 | m[1];
	code = wire_error(m, len);
	if (code == 401 || code == 438)
		take_challenge(a, sent_wall_s, m, len);
	if (code == 437)
		a->allocated = false;
	if (type == 0x0109 && a->last && !memcmp(m + 8, a->last->id, 12)) {
		a->has_channel = true;
		a->channel = a->last->intent.number;
		a->channel_peer = a->last->intent.peers[0];
	}
	if (type == 0x0103) {
		a->has_channel = false;
		a->allocated = true;
		a->relayed = wire_get_xor_addr(m, len, 0x0016);
		a->has_token = false;
		token = wire_find(m, len, 0x0022, &n);
		if (token)
			give_token(w, a, token);
	}
	if (type == 0x0104 && wire_find(m, len, 0x000D, &n) &&
	    !memcmp(wire_find(m, len, 0x000D, &n), "\0\0\0", 4))
		a->allocated = false;
}
