#include "core_fixture.h"

const struct core_user core_alice = { "alice",  CORE_REALM,
				      "secret", STUN_ALGORITHM_MD5,
				      false,    false };
const struct core_user core_alice_sha256 = { "alice",  CORE_REALM,
					     "secret", STUN_ALGORITHM_SHA256,
					     true,     false };
const struct core_user core_alice_by_hash = { "alice",  CORE_REALM,
					      "secret", STUN_ALGORITHM_MD5,
					      false,    true };
const struct core_user core_liar = { "alice", CORE_REALM,
				     "guess", STUN_ALGORITHM_MD5,
				     false,   false };
const struct core_user core_nobody = { "nobod", CORE_REALM,
				       "guess", STUN_ALGORITHM_MD5,
				       false,   false };
const struct core_user core_bob = { "bob",     CORE_REALM,
				    "hunter2", STUN_ALGORITHM_MD5,
				    false,     false };
const struct core_user core_alice_elsewhere = { "alice", CORE_OTHER_REALM,
						"other", STUN_ALGORITHM_MD5,
						false,   false };

static const struct core_user *const known[] = { &core_alice, &core_bob,
						 &core_alice_elsewhere };

void core_init(struct core *c)
{
	struct turn_config *f = &c->config;
	struct addr ip = addr_ipv4(0xc6336401, 3478);

	memset(c, 0, sizeof(*c));
	memcpy(c->seed, "a seed of the unit tests", 24);
	c->now = (struct now){ .mono_ms = 1000000, .wall_s = 1700000000 };
	memcpy(f->realms[0].name, CORE_REALM, sizeof(CORE_REALM));
	memcpy(f->realms[1].name, CORE_OTHER_REALM, sizeof(CORE_OTHER_REALM));
	f->realm_count = 2;
	f->listeners[0] = (struct turn_listener){ true, ip, 0, false };
	ip.port = 3479;
	f->listeners[1] = (struct turn_listener){ true, ip, 1, false };
	f->relay = addr_ipv4(0x0a000004, 0);
	f->relay_advertise = addr_ipv4(0x14caffff, 0);
	f->limits = (struct turn_limits){
		.allocations = 64,
		.permissions_per_allocation = 8,
		.channels_per_allocation = 8,
	};
	f->nonce.current.len = NONCE_KEY_BYTES;
	memset(f->nonce.current.bytes, 7, NONCE_KEY_BYTES);
	f->nonce.lifetime_s = 600;
	f->peers.generation = 1;
	f->peers.relay_ips[0] = f->relay;
	f->peers.relay_ips[1] = f->relay_advertise;
	f->peers.relay_ip_count = 2;
	f->peers.relay_port_min = CORE_PORT_MIN;
	f->peers.relay_port_max = CORE_PORT_MAX;
	f->peers.own_sockets[0] = f->listeners[0].local;
	f->peers.own_sockets[1] = f->listeners[1].local;
	f->peers.own_socket_count = 2;
	f->worker_count = 1;
}

static void start(struct core *c, uint16_t worker)
{
	c->crypto = crypto_new();
	ck_assert_ptr_nonnull(c->crypto);
	ck_assert_int_eq(turn_server_new(&c->server, &c->config, c->shared,
					 worker, c->seed, &c->now),
			 0);
}

void core_start(struct core *c)
{
	static const struct hash_key key = { 1, 2 };

	c->shared = &c->own_shared;
	ck_assert_int_eq(turn_shared_init(c->shared, &c->config, &key), 0);
	start(c, 0);
}

void core_start_worker(struct core *c, uint16_t worker, struct core *first)
{
	core_init(c);
	c->config = first->config;
	c->now = first->now;
	c->shared = first->shared;
	c->seed[0] = (uint8_t)worker;
	start(c, worker);
}

void core_setup(struct core *c)
{
	core_init(c);
	core_start(c);
}

void core_expect_empty(const struct core *c)
{
	const struct peer_policy *p = &c->config.peers;

	ck_assert_uint_eq(ports_free(&c->shared->ports),
			  p->relay_port_max - p->relay_port_min + 1u);
	ck_assert_uint_eq(atomic_load(&c->shared->quota.total), 0);
}

void core_teardown_worker(struct core *c)
{
	turn_server_free(c->server);
	crypto_free(c->crypto);
}

void core_teardown(struct core *c)
{
	core_teardown_worker(c);
	core_expect_empty(c);
	turn_shared_fini(c->shared);
}

void core_restart(struct core *c)
{
	core_teardown(c);
	core_start(c);
}

struct addr core_client(uint8_t host, uint16_t port)
{
	return addr_ipv4(0xc0000200u | host, port);
}

struct addr core_peer(uint8_t host, uint16_t port)
{
	return addr_ipv4(0x08080800u | host, port);
}

static void user_key(struct core *c, const struct core_user *user,
		     enum stun_algorithm algorithm, struct secret *out)
{
	stun_long_term_key(c->crypto, algorithm, bytes_str(user->name),
			   bytes_str(user->realm), bytes_str(user->password),
			   out);
}

/* Plays the credential source. */
static const struct core_user *find_user(struct core *c)
{
	const char *realm = c->config.realms[c->last_realm].name;
	struct bytes asked = bytes_of(c->last_name, c->last_name_bytes);
	uint8_t hash[STUN_USERHASH_BYTES];

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		struct bytes name = bytes_str(known[i]->name);

		if (strcmp(known[i]->realm, realm) != 0)
			continue;
		stun_userhash(c->crypto, name, bytes_str(realm), hash);
		if (c->last_by_hash)
			name = bytes_of(hash, sizeof(hash));
		if (bytes_equal(name, asked))
			return known[i];
	}
	return NULL;
}

static void carry_out(struct core *c);

static void answer_lookup(struct core *c, struct ref ticket)
{
	const struct core_user *user = find_user(c);
	enum turn_lookup result = TURN_LOOKUP_UNKNOWN;
	struct bytes name = bytes_of(NULL, 0);
	struct turn_user found = c->user;

	if (user) {
		result = TURN_LOOKUP_FOUND;
		name = bytes_str(user->name);
		found.key_count = 1;
		user_key(c, user, STUN_ALGORITHM_MD5, &found.keys[0].md5);
		if (user != &core_bob)
			user_key(c, user, STUN_ALGORITHM_SHA256,
				 &found.keys[0].sha256);
	}
	if (c->unavailable)
		result = TURN_LOOKUP_UNAVAILABLE;
	actions_clear(&c->out);
	turn_key_ready(c->server, &c->now, ticket, result, &found, name,
		       &c->out);
	carry_out(c);
}

static void answer_relay(struct core *c, struct ref allocation, int error)
{
	actions_clear(&c->out);
	turn_relay_opened(c->server, &c->now, allocation, error, &c->out);
	carry_out(c);
}

static void take_reply(struct core *c, const struct action_reply *reply)
{
	ck_assert_uint_le(reply->message.len, sizeof(c->reply_bytes));
	memcpy(c->reply_bytes, reply->message.data, reply->message.len);
	ck_assert_int_eq(
		stun_parse(bytes_of(c->reply_bytes, reply->message.len),
			   &c->reply),
		STUN_OK);
	c->reply_to = reply->to;
	c->reply_listener = reply->listener;
	c->replies++;
}

static void take_lookup(struct core *c, const struct action_lookup *lookup)
{
	c->lookups_asked++;
	c->last_ticket = lookup->ticket;
	c->last_realm = lookup->realm;
	c->last_by_hash = lookup->by_hash;
	ck_assert_uint_le(lookup->name.len, sizeof(c->last_name));
	memcpy(c->last_name, lookup->name.data, lookup->name.len);
	c->last_name_bytes = lookup->name.len;
}

/* Carries out the list; an answer given within it is the last action. */
static void carry_out(struct core *c)
{
	bool look_up = false, open = false;

	for (unsigned i = 0; i < c->out.count; i++) {
		const struct action *a = &c->out.items[i];

		switch (a->kind) {
		case ACTION_REPLY:
			take_reply(c, &a->as.reply);
			break;
		case ACTION_LOOKUP_KEY:
			take_lookup(c, &a->as.lookup);
			look_up = !c->hold_lookups;
			break;
		case ACTION_OPEN_RELAY:
			c->relays_asked++;
			c->last_relay = a->as.open_relay.allocation;
			c->last_port = a->as.open_relay.port;
			open = !c->hold_relays;
			break;
		case ACTION_CLOSE_RELAY:
			c->relays_closed++;
			c->last_closed = a->as.close_relay;
			break;
		case ACTION_LOG:
			c->logs++;
			c->log = *a->as.log;
			break;
		case ACTION_REFUSED:
			c->refusals++;
			c->refusal = *a->as.refused;
			break;
		case ACTION_SESSION_BEGAN:
			c->began++;
			c->last_began = a->as.began;
			break;
		case ACTION_SESSION_ENDED:
			c->ended++;
			c->last_ended = a->as.ended;
			break;
		}
	}
	if (look_up)
		answer_lookup(c, c->last_ticket);
	if (open)
		answer_relay(c, c->last_relay,
			     c->relay_errors[(c->relays_asked - 1) % 32]);
}

void core_answer_lookup(struct core *c, struct ref ticket)
{
	c->replies = 0;
	answer_lookup(c, ticket);
}

void core_answer_relay(struct core *c, struct ref allocation, int error)
{
	c->replies = 0;
	answer_relay(c, allocation, error);
}

void core_begin(struct core_request *q, enum stun_method method,
		const struct addr *client, uint32_t id)
{
	uint8_t transaction[STUN_TRANSACTION_ID_BYTES] = "transactio";

	wire_put_u32(transaction + 8, id);
	q->client = *client;
	q->listener = 0;
	stun_begin(&q->builder, q->bytes, sizeof(q->bytes), STUN_REQUEST,
		   method, transaction);
}

/* The features that the realm's challenges announce. */
static uint32_t features_of(const struct core *c, const char *realm)
{
	uint32_t features = 0;

	for (uint8_t i = 0; i < c->config.realm_count; i++) {
		const struct turn_realm *r = &c->config.realms[i];

		if (strcmp(r->name, realm) != 0)
			continue;
		if (r->offer_sha256)
			features |= NONCE_PASSWORD_ALGORITHMS;
		if (r->offer_userhash)
			features |= NONCE_USERNAME_ANONYMITY;
	}
	return features;
}

static void add_name(struct core *c, struct stun_builder *b,
		     const struct core_signing *how)
{
	const struct core_user *user = how->user;
	uint8_t hash[STUN_USERHASH_BYTES];

	if (how->name.data) {
		stun_add(b, STUN_ATTR_USERNAME, how->name);
	} else if (user->by_hash) {
		stun_userhash(c->crypto, bytes_str(user->name),
			      bytes_str(user->realm), hash);
		stun_add(b, STUN_ATTR_USERHASH, bytes_of(hash, sizeof(hash)));
	} else {
		stun_add(b, STUN_ATTR_USERNAME, bytes_str(user->name));
	}
}

static void add_nonce(struct core *c, struct core_request *q,
		      const struct core_signing *how)
{
	const char *realm = how->nonce_realm ? how->nonce_realm
					     : how->user->realm;
	uint32_t features = features_of(c, realm);
	char nonce[NONCE_CHARS];

	if (how->nonce.data) {
		stun_add(&q->builder, STUN_ATTR_NONCE, how->nonce);
		return;
	}
	if (how->user->name_attributes)
		features |= NONCE_PASSWORD_ALGORITHMS;
	nonce_make(&c->config.nonce, c->crypto, features,
		   how->nonce_client.family ? &how->nonce_client : &q->client,
		   bytes_str(realm), c->now.wall_s - how->nonce_age_s, nonce);
	stun_add(&q->builder, STUN_ATTR_NONCE, bytes_of(nonce, sizeof(nonce)));
}

static void add_algorithms(struct stun_builder *b,
			   const struct core_signing *how)
{
	static const uint16_t both[] = { STUN_ALGORITHM_SHA256,
					 STUN_ALGORITHM_MD5 };
	uint16_t algorithm = (uint16_t)how->user->algorithm;

	if (how->list.data)
		stun_add(b, STUN_ATTR_PASSWORD_ALGORITHMS, how->list);
	else if (how->user->name_attributes && !(how->omit & CORE_NO_LIST))
		stun_add_algorithms(b, STUN_ATTR_PASSWORD_ALGORITHMS, both, 2);
	if (how->choice.data)
		stun_add(b, STUN_ATTR_PASSWORD_ALGORITHM, how->choice);
	else if (how->user->name_attributes && !(how->omit & CORE_NO_CHOICE))
		stun_add_algorithms(b, STUN_ATTR_PASSWORD_ALGORITHM, &algorithm,
				    1);
}

static void add_integrity(struct core *c, struct stun_builder *b,
			  const struct core_signing *how)
{
	const struct core_user *user = how->user;
	bool sha256 = user->name_attributes || how->integrity_sha256;
	struct secret key;

	user_key(c, user, user->algorithm, &key);
	if (!sha256 || how->both_integrities)
		stun_add_integrity(b, c->crypto, secret_bytes(&key));
	if (sha256 || how->both_integrities)
		stun_add_integrity_sha256(b, c->crypto, secret_bytes(&key));
}

void core_sign_as(struct core *c, struct core_request *q,
		  const struct core_signing *how)
{
	struct stun_builder *b = &q->builder;

	if (!(how->omit & CORE_NO_NAME))
		add_name(c, b, how);
	if (!(how->omit & CORE_NO_REALM))
		stun_add(b, STUN_ATTR_REALM,
			 bytes_str(how->claim_realm ? how->claim_realm
						    : how->user->realm));
	if (!(how->omit & CORE_NO_NONCE))
		add_nonce(c, q, how);
	add_algorithms(b, how);
	if (!(how->omit & CORE_NO_INTEGRITY))
		add_integrity(c, b, how);
}

void core_sign(struct core *c, struct core_request *q,
	       const struct core_user *user)
{
	core_sign_as(c, q, &(struct core_signing){ .user = user });
}

unsigned core_send_bytes(struct core *c, const struct addr *client,
			 uint16_t listener, struct bytes data)
{
	struct datagram in = {
		.data = data,
		.source = *client,
		.listener = listener,
	};

	c->replies = 0;
	actions_clear(&c->out);
	turn_message(c->server, &c->now, &in, &c->out);
	carry_out(c);
	return c->replies;
}

unsigned core_send(struct core *c, struct core_request *q)
{
	size_t len = stun_finish(&q->builder);

	ck_assert_uint_gt(len, 0);
	return core_send_bytes(c, &q->client, q->listener,
			       bytes_of(q->bytes, len));
}

uint16_t core_ask(struct core *c, struct core_request *q,
		  const struct core_user *user)
{
	core_sign(c, q, user);
	core_send(c, q);
	return core_code(c);
}

uint16_t core_code(const struct core *c)
{
	uint16_t code = 1;

	if (!c->replies)
		return 1;
	if (c->reply.class == STUN_SUCCESS)
		return 0;
	ck_assert(stun_get_error(stun_find(&c->reply, STUN_ATTR_ERROR_CODE),
				 &code));
	return code;
}

struct addr core_relayed(const struct core *c)
{
	const struct stun_attr *attr =
		stun_find(&c->reply, STUN_ATTR_XOR_RELAYED_ADDRESS);
	struct addr relayed = { .family = ADDR_NONE };

	ck_assert_ptr_nonnull(attr);
	ck_assert(stun_get_xor_addr(&c->reply, attr, &relayed));
	return relayed;
}

uint32_t core_reply_u32(const struct core *c, uint16_t type)
{
	const struct stun_attr *attr = stun_find(&c->reply, type);
	uint32_t value = 0;

	ck_assert_ptr_nonnull(attr);
	ck_assert(stun_get_u32(attr, &value));
	return value;
}

bool core_replied_with(const struct core *c, uint16_t type)
{
	return stun_find(&c->reply, type) != NULL;
}

const char *core_reply_attrs(const struct core *c)
{
	static char text[512];
	const struct bytes raw = c->reply.raw;
	size_t at = STUN_HEADER_BYTES, used = 0;

	text[0] = '\0';
	while (at < raw.len) {
		const struct stun_attr_info *info =
			stun_attr_info(wire_get_u16(raw.data + at));
		size_t len = wire_get_u16(raw.data + at + 2);

		used += (size_t)snprintf(text + used, sizeof(text) - used,
					 "%s%s", used ? " " : "",
					 info ? info->name : "?");
		at += STUN_ATTR_HEADER_BYTES + ((len + 3) & ~(size_t)3);
	}
	return text;
}

const char *core_signature(struct core *c, const struct core_user *user)
{
	struct secret key;

	if (!c->reply.integrity_at && !c->reply.integrity_sha256_at)
		return "";
	user_key(c, user, user->algorithm, &key);
	if (!stun_check_integrity(&c->reply, c->crypto, secret_bytes(&key)))
		return "wrong";
	return c->reply.integrity_at ? "MESSAGE-INTEGRITY"
				     : "MESSAGE-INTEGRITY-SHA256";
}

const char *core_log_field(const struct core *c, const char *name)
{
	static char text[LOG_VALUE_MAX_BYTES * 4 + 1];

	for (uint16_t i = 0; i < c->log.field_count; i++) {
		const struct log_field *f = &c->log.fields[i];

		if (strcmp(f->name, name) != 0)
			continue;
		log_format_value(&c->log, f, text, sizeof(text));
		return text;
	}
	return "(none)";
}

void core_begin_allocate(struct core_request *q, const struct addr *client,
			 uint32_t id)
{
	core_begin(q, STUN_ALLOCATE, client, id);
	stun_add_u8_rffu(&q->builder, STUN_ATTR_REQUESTED_TRANSPORT,
			 STUN_TRANSPORT_UDP);
}

uint16_t core_allocate_as(struct core *c, const struct addr *client,
			  uint32_t id, const struct core_user *user)
{
	struct core_request q;

	core_begin_allocate(&q, client, id);
	return core_ask(c, &q, user);
}

uint16_t core_allocate(struct core *c, const struct addr *client, uint32_t id)
{
	return core_allocate_as(c, client, id, &core_alice);
}

uint16_t core_permit(struct core *c, const struct addr *client, uint32_t id,
		     const struct addr *peer)
{
	struct core_request q;

	core_begin(&q, STUN_CREATE_PERMISSION, client, id);
	stun_add_xor_addr(&q.builder, STUN_ATTR_XOR_PEER_ADDRESS, peer);
	return core_ask(c, &q, &core_alice);
}

uint16_t core_bind(struct core *c, const struct addr *client, uint32_t id,
		   uint16_t number, const struct addr *peer)
{
	struct core_request q;

	core_begin(&q, STUN_CHANNEL_BIND, client, id);
	stun_add_u32(&q.builder, STUN_ATTR_CHANNEL_NUMBER,
		     (uint32_t)number << 16);
	stun_add_xor_addr(&q.builder, STUN_ATTR_XOR_PEER_ADDRESS, peer);
	return core_ask(c, &q, &core_alice);
}

uint16_t core_refresh(struct core *c, const struct addr *client, uint32_t id,
		      uint32_t lifetime_s)
{
	struct core_request q;

	core_begin(&q, STUN_REFRESH, client, id);
	stun_add_u32(&q.builder, STUN_ATTR_LIFETIME, lifetime_s);
	return core_ask(c, &q, &core_alice);
}

void core_forgive(struct core *c)
{
	struct turn_shared *s = c->shared;
	struct hash_key key = s->reply_budget.key;

	throttle_fini(&s->throttle);
	reply_budget_fini(&s->reply_budget);
	ck_assert_int_eq(throttle_init(&s->throttle, &key), 0);
	ck_assert_int_eq(reply_budget_init(&s->reply_budget, &key), 0);
}

void core_pass(struct core *c, uint64_t ms)
{
	uint64_t before_s = c->now.mono_ms / 1000;

	c->now.mono_ms += ms;
	c->now.wall_s += (int64_t)(c->now.mono_ms / 1000 - before_s);
}

void core_wait(struct core *c, uint64_t ms)
{
	core_pass(c, ms);
	c->replies = 0;
	do {
		actions_clear(&c->out);
		if (!turn_tick(c->server, &c->now, &c->out))
			return;
		carry_out(c);
	} while (true);
}

uint64_t core_dropped(const struct core *c, enum drop_reason reason)
{
	return counter_get(&turn_counters(c->server)->dropped[reason]);
}

static const char *fate(const struct core *c)
{
	switch (c->verdict.kind) {
	case VERDICT_DROP:
		return drop_reason_name(c->verdict.drop);
	case VERDICT_CONTROL:
		return "control";
	case VERDICT_TO_PEER:
		return "to_peer";
	case VERDICT_TO_CLIENT:
		return "to_client";
	case VERDICT_HAIRPIN:
		return "hairpin";
	}
	return "nothing";
}

/* Nothing of an earlier verdict may help a test to pass. */
static void forget_verdict(struct core *c)
{
	memset(&c->verdict, 0xa5, sizeof(c->verdict));
}

const char *core_from_client(struct core *c, const struct addr *client,
			     uint16_t listener, struct bytes data)
{
	struct datagram in = {
		.data = data,
		.source = *client,
		.listener = listener,
		.tos = 0xb8,
	};

	forget_verdict(c);
	c->judged = data;
	turn_from_client(c->server, &c->now, &in, &c->verdict);
	return fate(c);
}

const char *core_from_peer(struct core *c, struct ref allocation,
			   const struct addr *peer, struct bytes payload)
{
	struct datagram in = {
		.data = payload,
		.source = *peer,
		.tos = 0x2a,
	};

	forget_verdict(c);
	c->judged = payload;
	turn_from_peer(c->server, &c->now, allocation, &in, &c->verdict);
	return fate(c);
}

const char *core_channel_data(struct core *c, const struct addr *client,
			      uint16_t number, const char *payload)
{
	size_t len = strlen(payload);

	channel_data_header(c->judged_bytes, number, (uint16_t)len);
	memcpy(c->judged_bytes + CHANNEL_DATA_HEADER_BYTES, payload, len);
	return core_from_client(
		c, client, 0,
		bytes_of(c->judged_bytes, CHANNEL_DATA_HEADER_BYTES + len));
}

void core_begin_send(struct core_request *q, const struct addr *client)
{
	static const uint8_t transaction[STUN_TRANSACTION_ID_BYTES] = "send";

	q->client = *client;
	q->listener = 0;
	stun_begin(&q->builder, q->bytes, sizeof(q->bytes), STUN_INDICATION,
		   STUN_SEND, transaction);
}

const char *core_send_indication(struct core *c, struct core_request *q)
{
	size_t len = stun_finish(&q->builder);

	ck_assert_uint_gt(len, 0);
	memcpy(c->judged_bytes, q->bytes, len);
	return core_from_client(c, &q->client, q->listener,
				bytes_of(c->judged_bytes, len));
}

const char *core_indicate(struct core *c, const struct addr *client,
			  const struct addr *peer, const char *payload)
{
	struct core_request q;

	core_begin_send(&q, client);
	stun_add_xor_addr(&q.builder, STUN_ATTR_XOR_PEER_ADDRESS, peer);
	stun_add(&q.builder, STUN_ATTR_DATA, bytes_str(payload));
	return core_send_indication(c, &q);
}

struct bytes core_made(const struct core *c)
{
	static uint8_t made[DATAGRAM_MAX_BYTES + 64];
	const struct verdict *v = &c->verdict;
	size_t len = v->prepend_bytes;

	ck_assert_uint_le(v->prepend_bytes, sizeof(v->prepend));
	ck_assert_uint_le((size_t)v->skip_bytes + v->payload_bytes,
			  c->judged.len);
	memcpy(made, v->prepend, len);
	memcpy(made + len, c->judged.data + v->skip_bytes, v->payload_bytes);
	len += v->payload_bytes;
	memset(made + len, 0, v->pad_bytes);
	len += v->pad_bytes;
	ck_assert_uint_le(len, DATAGRAM_MAX_BYTES);
	return bytes_of(made, len);
}
