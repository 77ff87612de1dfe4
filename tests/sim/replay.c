#include "replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/wire.h"
#include "stun/builder.h"
#include "stun/integrity.h"
#include "turn/server.h"

#define PASSWORD "replayed"
#define FILE_MAX_BYTES (256u << 20)
#define DATAGRAM_HEADERS_BYTES 28 /* IPv4 and UDP */
#define NONCE_MAX_BYTES 64
#define CLIENTS_MAX 1024

struct packet {
	uint64_t wall_ms;
	bool inbound;
	struct addr client;
	struct addr server;
	struct bytes data;
};

/* A client, and what the core has told it last. */
struct client {
	struct addr address;
	size_t nonce_bytes;
	uint8_t nonce[NONCE_MAX_BYTES];
};

struct replay {
	struct packet *packets;
	size_t count;
	struct turn_config config;
	struct turn_shared shared;
	struct turn_server *core;
	struct crypto *crypto;
	struct now now;
	struct actions actions;
	unsigned client_count;
	struct client clients[CLIENTS_MAX];
	struct bytes answer; /* to the message in work; empty: none */
	uint8_t answer_bytes[2048];
	unsigned alike, different;
};

/* --- the file --- */

static struct bytes read_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = NULL;
	long len = -1;

	if (f && fseek(f, 0, SEEK_END) == 0)
		len = ftell(f);
	if (len > 0 && len < (long)FILE_MAX_BYTES) {
		rewind(f);
		data = malloc((size_t)len);
	}
	if (data && fread(data, 1, (size_t)len, f) != (size_t)len) {
		free(data);
		data = NULL;
	}
	if (!data)
		perror(path);
	if (f)
		fclose(f);
	return bytes_of(data, data ? (size_t)len : 0);
}

/* An enhanced packet block's body, as ctl/pcapng.h writes it over IPv4. */
static bool read_packet(struct bytes body, struct packet *out)
{
	struct wire_reader r;
	uint32_t captured;
	struct bytes ip;

	wire_reader_init(&r, body);
	wire_skip(&r, 4);
	out->wall_ms = wire_read_u64(&r);
	captured = wire_read_u32(&r);
	wire_skip(&r, 4);
	ip = wire_read_bytes(&r, captured);
	wire_skip(&r, (-captured & 3) + 4);
	out->inbound = wire_read_u32(&r) == 1;
	if (r.failed || captured < DATAGRAM_HEADERS_BYTES || ip.data[0] != 0x45)
		return false;
	out->client = addr_ipv4(wire_get_u32(ip.data + 12),
				wire_get_u16(ip.data + 20));
	out->server = addr_ipv4(wire_get_u32(ip.data + 16),
				wire_get_u16(ip.data + 22));
	if (!out->inbound) {
		struct addr from = out->client;

		out->client = out->server;
		out->server = from;
	}
	out->data = bytes_of(ip.data + DATAGRAM_HEADERS_BYTES,
			     captured - DATAGRAM_HEADERS_BYTES);
	return true;
}

/* The next block's type and body; false at the end, or if it has none. */
static bool next_block(struct bytes *rest, uint32_t *type, struct bytes *body)
{
	uint32_t len;

	if (rest->len < 12)
		return false;
	*type = wire_get_u32(rest->data);
	len = wire_get_u32(rest->data + 4);
	if (len < 12 || len % 4 || len > rest->len)
		return false;
	*body = bytes_of(rest->data + 8, len - 12);
	*rest = bytes_of(rest->data + len, rest->len - len);
	return true;
}

static bool read_packets(struct replay *r, struct bytes file)
{
	struct bytes rest = file, body;
	uint32_t type;

	if (file.len < 12 || wire_get_u32(file.data) != 0x0A0D0D0A ||
	    wire_get_u32(file.data + 8) != 0x1A2B3C4D)
		return false;
	/* No packet is smaller than its block's and its own headers. */
	r->packets = calloc(file.len / 60 + 1, sizeof(*r->packets));
	if (!r->packets)
		abort();
	while (next_block(&rest, &type, &body))
		if (type == 6 && read_packet(body, &r->packets[r->count]))
			r->count++;
	return rest.len == 0 && r->count > 0;
}

/* --- the core --- */

/* What was offered is what somebody speaks of: nonces are gone. */
static void learn_realm(struct turn_realm *realm, const struct stun_message *m)
{
	const struct stun_attr *name = stun_find(m, STUN_ATTR_REALM);

	realm->offer_sha256 |= stun_find(m, STUN_ATTR_PASSWORD_ALGORITHMS) !=
			       NULL;
	realm->offer_userhash |= stun_find(m, STUN_ATTR_USERHASH) != NULL;
	if (*realm->name || !name || name->value.len >= sizeof(realm->name))
		return;
	memcpy(realm->name, name->value.data, name->value.len);
	realm->name[name->value.len] = '\0';
}

static void find_realm(struct replay *r)
{
	struct turn_realm *realm = &r->config.realms[0];
	struct stun_message m;

	for (size_t i = 0; i < r->count; i++)
		if (stun_parse(r->packets[i].data, &m) == STUN_OK)
			learn_realm(realm, &m);
	if (!*realm->name)
		snprintf(realm->name, sizeof(realm->name), "replay");
}

static void start(struct replay *r)
{
	static const struct hash_key key = { 1, 2 };
	static const uint8_t seed[RANDOM_SEED_BYTES] = "replay";
	struct turn_config *c = &r->config;
	struct peer_policy *p = &c->peers;

	find_realm(r);
	c->realm_count = 1;
	c->listeners[0].in_use = true;
	c->listeners[0].local = r->packets[0].server;
	/* Documentation's address, so that it is nobody's peer. */
	c->relay = c->relay_advertise = addr_ipv4(0xCB007101, 0);
	c->limits.allocations = 4096;
	c->limits.permissions_per_allocation = 32;
	c->limits.channels_per_allocation = 32;
	c->nonce.current.len = NONCE_KEY_BYTES;
	c->nonce.lifetime_s = 600;
	c->worker_count = 1;
	p->generation = 1;
	p->relay_ips[0] = c->relay;
	p->relay_ip_count = 1;
	p->relay_port_min = 49152;
	p->relay_port_max = 65535;
	p->own_sockets[0] = c->listeners[0].local;
	p->own_socket_count = 1;
	r->now.mono_ms = 1000000;
	r->now.wall_s = (int64_t)(r->packets[0].wall_ms / 1000);
	r->crypto = crypto_new();
	if (!r->crypto || turn_shared_init(&r->shared, c, &key) ||
	    turn_server_new(&r->core, c, &r->shared, 0, seed, &r->now))
		abort();
}

static struct client *client_at(struct replay *r, const struct addr *address)
{
	struct client *c;

	for (unsigned i = 0; i < r->client_count; i++)
		if (addr_equal(&r->clients[i].address, address))
			return &r->clients[i];
	if (r->client_count == CLIENTS_MAX) {
		fprintf(stderr, "more than %d clients\n", CLIENTS_MAX);
		exit(2);
	}
	c = &r->clients[r->client_count++];
	c->address = *address;
	return c;
}

static void make_key(struct replay *r, enum stun_algorithm algorithm,
		     struct bytes name, struct secret *out)
{
	stun_long_term_key(r->crypto, algorithm, name,
			   bytes_str(r->config.realms[0].name),
			   bytes_str(PASSWORD), out);
}

static void look_up(struct replay *r, const struct action_lookup *lookup)
{
	struct turn_user user = { .key_count = 1 };
	struct bytes name = lookup->by_hash ? bytes_str("hashed")
					    : lookup->name;

	make_key(r, STUN_ALGORITHM_MD5, name, &user.keys[0].md5);
	make_key(r, STUN_ALGORITHM_SHA256, name, &user.keys[0].sha256);
	turn_key_ready(r->core, &r->now, lookup->ticket, TURN_LOOKUP_FOUND,
		       &user, name, &r->actions);
}

static void take_reply(struct replay *r, const struct action_reply *reply)
{
	struct client *c = client_at(r, &reply->to);
	const struct stun_attr *nonce = NULL;
	struct stun_message m;

	r->answer = bytes_of(r->answer_bytes, reply->message.len);
	memcpy(r->answer_bytes, reply->message.data, reply->message.len);
	if (stun_parse(r->answer, &m) == STUN_OK)
		nonce = stun_find(&m, STUN_ATTR_NONCE);
	if (!nonce || nonce->value.len > sizeof(c->nonce))
		return;
	c->nonce_bytes = nonce->value.len;
	memcpy(c->nonce, nonce->value.data, nonce->value.len);
}

/* Carries out what the core wants; what it asks is answered at once. */
static void carry_out_all(struct replay *r)
{
	static struct actions list;

	while (r->actions.count > 0) {
		list.count = r->actions.count;
		memcpy(list.items, r->actions.items, sizeof(list.items));
		for (unsigned i = 0; i < list.count; i++)
			if (list.items[i].kind == ACTION_REPLY)
				take_reply(r, &list.items[i].as.reply);
		actions_clear(&r->actions);
		for (unsigned i = 0; i < list.count; i++) {
			const struct action *a = &list.items[i];

			if (a->kind == ACTION_LOOKUP_KEY)
				look_up(r, &a->as.lookup);
			else if (a->kind == ACTION_OPEN_RELAY)
				turn_relay_opened(r->core, &r->now,
						  a->as.open_relay.allocation,
						  0, &r->actions);
		}
	}
}

static void pass_time(struct replay *r, uint64_t wall_ms)
{
	uint64_t began_ms = r->packets[0].wall_ms;
	uint64_t to_ms =
		1000000 + (wall_ms > began_ms ? wall_ms - began_ms : 0);

	while (turn_next_ms(r->core) <= to_ms) {
		if (r->now.mono_ms < turn_next_ms(r->core))
			r->now.mono_ms = turn_next_ms(r->core);
		while (turn_tick(r->core, &r->now, &r->actions))
			carry_out_all(r);
	}
	if (r->now.mono_ms < to_ms)
		r->now.mono_ms = to_ms;
	r->now.wall_s = (int64_t)(wall_ms / 1000);
}

/* --- the messages --- */

static enum stun_algorithm algorithm_of(const struct stun_message *m)
{
	const struct stun_attr *attr =
		stun_find(m, STUN_ATTR_PASSWORD_ALGORITHM);
	uint16_t number = STUN_ALGORITHM_MD5;
	size_t at = 0;

	if (attr)
		stun_get_algorithm(attr, &at, &number);
	return number == STUN_ALGORITHM_SHA256 ? STUN_ALGORITHM_SHA256
					       : STUN_ALGORITHM_MD5;
}

/* The message as the client would send it to this core. */
static struct bytes made_anew(struct replay *r, const struct packet *p,
			      const struct stun_message *m, bool sign)
{
	static uint8_t buffer[0x10000];
	struct client *client = client_at(r, &p->client);
	const struct stun_attr *name = stun_find(m, STUN_ATTR_USERNAME);
	struct stun_builder b;
	struct secret key;

	stun_begin(&b, buffer, sizeof(buffer), m->class, m->method,
		   m->transaction_id);
	for (unsigned i = 0; i < m->attr_count; i++) {
		const struct stun_attr *a = &m->attrs[i];

		if (a->type == STUN_ATTR_NONCE && client->nonce_bytes > 0)
			stun_add(&b, a->type,
				 bytes_of(client->nonce, client->nonce_bytes));
		else
			stun_add(&b, a->type, a->value);
	}
	make_key(r, algorithm_of(m), name ? name->value : bytes_str("hashed"),
		 &key);
	if (!sign)
		key.bytes[0] ^= 1;
	if (m->integrity_at)
		stun_add_integrity(&b, r->crypto, secret_bytes(&key));
	if (m->integrity_sha256_at)
		stun_add_integrity_sha256(&b, r->crypto, secret_bytes(&key));
	if (m->has_fingerprint)
		stun_add_fingerprint(&b);
	return bytes_of(buffer, stun_finish(&b));
}

/* What the captured server answered to that packet; empty: nothing. */
static struct bytes captured_answer(const struct replay *r, size_t at)
{
	const struct packet *asked = &r->packets[at];

	for (size_t i = at + 1; i < r->count; i++) {
		const struct packet *p = &r->packets[i];

		if (!p->inbound && addr_equal(&p->client, &asked->client) &&
		    p->data.len >= STUN_HEADER_BYTES &&
		    asked->data.len >= STUN_HEADER_BYTES &&
		    !memcmp(p->data.data + 8, asked->data.data + 8,
			    STUN_TRANSACTION_ID_BYTES))
			return p->data;
	}
	return bytes_of("", 0);
}

/* 0: nothing or nonsense; 200: success; else the error code. */
static uint16_t code_of(struct bytes answer)
{
	const struct stun_attr *error;
	struct stun_message m;
	uint16_t code = 0;

	if (answer.len == 0 || stun_parse(answer, &m) != STUN_OK)
		return 0;
	if (m.class == STUN_SUCCESS)
		return 200;
	error = stun_find(&m, STUN_ATTR_ERROR_CODE);
	if (error)
		stun_get_error(error, &code);
	return code;
}

static void give(struct replay *r, const struct packet *p, struct bytes data)
{
	const struct datagram in = { .data = data, .source = p->client };
	struct verdict verdict;

	r->answer = bytes_of("", 0);
	turn_from_client(r->core, &r->now, &in, &verdict);
	if (verdict.kind != VERDICT_CONTROL)
		return;
	turn_message(r->core, &r->now, &in, &r->actions);
	carry_out_all(r);
}

static const char *code_text(uint16_t code, char out[8])
{
	if (code == 0)
		return "-";
	if (code == 200)
		return "ok";
	snprintf(out, 8, "%u", code);
	return out;
}

/*
 * The peer rules of the captured server are not known: all peers are open, but
 * for what it refused.
 */
static void rule(struct replay *r, bool open)
{
	struct peer_policy *p = &r->config.peers;
	struct peer_rule all;

	if (!peer_rule_parse("0.0.0.0/0", &all))
		abort();
	p->generation++;
	p->allow_count = p->deny_count = 0;
	if (open)
		peer_policy_allow(p, &all);
	else
		peer_policy_deny(p, &all);
	turn_set_peers(r->core, p);
}

static void replay_packet(struct replay *r, size_t at)
{
	const struct packet *p = &r->packets[at];
	uint16_t was = code_of(captured_answer(r, at)), is;
	const char *method = "no STUN of RFC 8489";
	char client[ADDR_TEXT_BYTES], left[8], right[8];
	struct bytes data = p->data;
	struct stun_message m;

	pass_time(r, p->wall_ms);
	if (stun_parse(data, &m) == STUN_OK) {
		method = stun_method_name(m.method);
		data = made_anew(r, p, &m, was != STUN_UNAUTHENTICATED);
	}
	rule(r, was != STUN_FORBIDDEN);
	give(r, p, data);
	is = code_of(r->answer);
	if (was == is)
		r->alike++;
	else
		r->different++;
	printf("%+10.3f s  %-21s  %-20s  %4s  %4s%s\n",
	       (double)(p->wall_ms - r->packets[0].wall_ms) / 1000,
	       addr_print(&p->client, client), method, code_text(was, left),
	       code_text(is, right), was == is ? "" : "  different");
}

int replay(const char *path)
{
	struct bytes file = read_file(path);
	struct replay *r = calloc(1, sizeof(*r));
	int result = 2;

	if (!r)
		abort();
	if (file.len > 0 && read_packets(r, file)) {
		start(r);
		printf("%12s  %-21s  %-20s  %4s  %4s\n", "time", "client",
		       "message", "then", "now");
		for (size_t i = 0; i < r->count; i++)
			if (r->packets[i].inbound)
				replay_packet(r, i);
		printf("%u answered alike, %u not\n", r->alike, r->different);
		result = r->different > 0;
		turn_server_free(r->core);
		turn_shared_fini(&r->shared);
		crypto_free(r->crypto);
	} else if (file.len > 0) {
		fprintf(stderr, "%s: not a capture of turnpikectl\n", path);
	}
	free(r->packets);
	free((void *)file.data);
	free(r);
	return result;
}
