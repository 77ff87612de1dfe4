/*
 * libFuzzer target: the whole core, two workers of one process.
 *
 * The input is a script. Each step is a byte and its arguments: a client's
 * datagram, raw or built and then perhaps damaged; a peer's; time passing,
 * with or without ticks; an answer to a lookup or an opened socket, late,
 * failing, or to a question that nobody asks any more; rules and listeners
 * that change. After each step the actions and verdicts must keep to what
 * turn/action.h and turn/verdict.h promise, nothing may leave towards a peer
 * that the rules forbid, and ports, charges, keys and sockets must be as many
 * as there are allocations. At the end all of it is given back.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "stun/builder.h"
#include "stun/channel_data.h"
#include "stun/integrity.h"
#include "stun/message.h"
#include "turn/core.h"
#include "turn/session.h"

#define WORKERS 2
#define REALM "example.org"
#define PORT_MIN 50000
#define PORT_MAX 50007
#define WAITING_MAX 64
#define SOCKETS_MAX 256
#define STEPS_MAX 400

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- the world ----------------------------------------------------------------- */

struct script {
	const uint8_t *at;
	size_t left;
};

/* A socket that a worker asked for, and that perhaps is open. */
struct relay {
	bool in_use;
	bool open;
	uint16_t worker;
	uint16_t port;
	struct ref allocation;
};

struct waiting {
	uint16_t worker;
	struct ref ticket;
	int user; /* index into users, -1: nobody */
};

static struct script script;
static struct turn_config config;
static struct turn_shared shared;
static struct turn_server *servers[WORKERS];
static struct crypto *crypto;
static struct now now;
static struct actions actions;
static struct peer_policy rules;
static bool late_lookups; /* answered by steps, else at once */
static bool late_relays;

static struct relay relays[SOCKETS_MAX];
static struct waiting waiting[WAITING_MAX];
static unsigned waiting_count;
static uint8_t last_token[PORTS_TOKEN_BYTES];
static uint8_t buffer[DATAGRAM_MAX_BYTES];

static const struct {
	const char *name, *password;
	bool has_sha256;
} users[] = { { "alice", "secret", true }, { "bob", "hunter2", false } };

static uint8_t next_u8(void)
{
	if (!script.left)
		return 0;
	script.left--;
	return *script.at++;
}

static uint16_t next_u16(void)
{
	uint8_t high = next_u8();

	return (uint16_t)(high << 8 | next_u8());
}

/* Up to `max` bytes of the script, as they are. */
static struct bytes next_bytes(size_t max)
{
	size_t len = next_u8();
	struct bytes b;

	if (len > max)
		len = max;
	if (len > script.left)
		len = script.left;
	b = bytes_of(script.at, len);
	script.at += len;
	script.left -= len;
	return b;
}

static uint16_t listener_of(uint8_t choice)
{
	return choice & 1;
}

/* Few clients, so that they meet themselves again; some nobody can be. */
static struct addr client_of(uint8_t choice)
{
	static const uint8_t ipv6[16] = { 0x20, 0x01, [15] = 1 };

	switch (choice % 12) {
	case 8:
		return addr_ipv4(0xc0000201, 0);
	case 9:
		return addr_ipv4(0xe0000001, 5000);
	case 10:
		return config.listeners[0].local;
	case 11:
		return addr_ipv6(ipv6, 5000);
	default:
		return addr_ipv4(0xc0000201 + choice % 3, 5000 + choice % 2);
	}
}

/* The kernel leads a client to the same worker always. */
static uint16_t worker_of(const struct addr *client)
{
	return client->ip[3] % WORKERS;
}

static struct addr peer_of(uint8_t choice, uint16_t port)
{
	static const uint8_t ipv6[16] = { 0x26, 0x07, [15] = 1 };
	static const uint8_t mapped[16] = { [10] = 0xff, 0xff, 10, 0, 0, 4 };
	uint16_t in_range = (uint16_t)(PORT_MIN + port % 8);

	choice %= 16;
	switch (choice) {
	case 8:
		return addr_with_port(&config.relay, in_range);
	case 9:
		return addr_with_port(&config.relay_advertise, in_range);
	case 10:
		return addr_with_port(&config.relay, port);
	case 11:
		return addr_ipv4(0x7f000001, port);
	case 12:
		return config.listeners[0].local;
	case 13:
		return addr_ipv6(ipv6, port);
	case 14:
		return addr_ipv6(mapped, port);
	case 15:
		return addr_ipv4(0xa9fea9fe, port);
	default:
		return addr_ipv4(0x08080801 + choice % 3, 6000 + port % 4);
	}
}

static void user_key(unsigned user, bool sha256, struct secret *key)
{
	stun_long_term_key(crypto,
			   sha256 ? STUN_ALGORITHM_SHA256 : STUN_ALGORITHM_MD5,
			   bytes_str(users[user].name), bytes_str(REALM),
			   bytes_str(users[user].password), key);
}

/* --- what must hold --------------------------------------------------------------- */

static struct allocation *allocation_of(uint16_t worker, struct ref ref)
{
	return pool_get(&servers[worker]->flows.allocations, ref);
}

/* Records and counts of one worker agree; returns the ports it holds. */
static uint32_t check_worker(const struct turn_server *s)
{
	const struct flow_table *t = &s->flows;
	uint32_t ports = 0, permissions = 0, channels = 0, of_users = 0;

	for (uint32_t i = 0; i < t->allocations.touched; i++) {
		const struct allocation *a;

		if (!pool_is_taken(&t->allocations, i))
			continue;
		a = pool_at(&t->allocations, i);
		ports++;
		if (a->state == ALLOCATION_OPENING &&
		    a->want == PORTS_EVEN_PAIR)
			ports++;
		assert(a->permission_count <=
		       config.limits.permissions_per_allocation);
		assert(a->channel_count <=
		       config.limits.channels_per_allocation);
		permissions += a->permission_count;
		channels += a->channel_count;
	}
	for (uint32_t i = 0; i < s->users.pool.touched; i++) {
		const struct user *u;

		if (!pool_is_taken(&s->users.pool, i))
			continue;
		u = pool_at(&s->users.pool, i);
		assert(u->allocations > 0);
		of_users += u->allocations;
	}
	assert(s->keys.used == t->allocations.used);
	assert(s->expiries.count == t->allocations.used);
	assert(t->by_client.count == t->allocations.used);
	assert(of_users == t->allocations.used);
	assert(t->permissions.used == permissions);
	assert(t->by_ip.count == permissions);
	assert(t->channels.used == channels);
	assert(t->by_number.count == channels);
	assert(t->by_peer.count == channels);
	return ports;
}

/* Free + used + reserved is the range; each port that is not free is charged
 * to somebody; an allocation that lives has its socket and no other. */
static void check_world(void)
{
	uint32_t held = 0, live = 0, open = 0;
	uint32_t reserved = atomic_load(&shared.ports.reserved);

	for (unsigned w = 0; w < WORKERS; w++) {
		held += check_worker(servers[w]);
		live += (uint32_t)counter_get(
			&turn_counters(servers[w])->allocations);
	}
	assert(atomic_load(&shared.ports.used) == held);
	assert(ports_free(&shared.ports) + held + reserved ==
	       PORT_MAX - PORT_MIN + 1);
	assert(atomic_load(&shared.quota.total) == held + reserved);
	assert(atomic_load(&shared.quota.total) <= config.limits.allocations);
	for (unsigned i = 0; i < SOCKETS_MAX; i++) {
		const struct allocation *a;

		if (!relays[i].in_use || !relays[i].open)
			continue;
		a = allocation_of(relays[i].worker, relays[i].allocation);
		assert(a && a->state == ALLOCATION_LIVE);
		assert(a->relay_port == relays[i].port);
		open++;
	}
	assert(open == live);
}

static struct relay *find_relay(uint16_t worker, struct ref allocation)
{
	for (unsigned i = 0; i < SOCKETS_MAX; i++) {
		struct relay *r = &relays[i];

		if (r->in_use && r->worker == worker &&
		    r->allocation.index == allocation.index &&
		    r->allocation.generation == allocation.generation)
			return r;
	}
	return NULL;
}

/* Padding is zero: nothing that was in memory before leaves with it. */
static void check_padding(struct bytes m)
{
	size_t at = STUN_HEADER_BYTES;

	while (at < m.len) {
		size_t len = wire_get_u16(m.data + at + 2);

		for (at += STUN_ATTR_HEADER_BYTES + len; at % 4; at++)
			assert(m.data[at] == 0);
	}
}

static bool signed_by_a_user(const struct stun_message *m)
{
	for (unsigned i = 0; i < 2 * 2; i++) {
		struct secret key;

		user_key(i / 2, i % 2, &key);
		if (stun_check_integrity(m, crypto, secret_bytes(&key)))
			return true;
	}
	return false;
}

static void check_reply(const struct action_reply *reply)
{
	struct bytes m = reply->message;
	struct bytes scratch = bytes_of(actions.scratch, actions.scratch_used);
	const struct stun_attr *token;
	struct stun_message parsed;
	uint16_t code = 0;

	assert(m.data >= scratch.data &&
	       m.data + m.len <= scratch.data + scratch.len);
	assert(stun_parse(m, &parsed) == STUN_OK);
	check_padding(m);
	assert(parsed.unknown_count == 0);
	assert(reply->to.port != 0);
	assert(reply->listener < 2);
	if (parsed.class == STUN_ERROR) {
		const struct stun_attr *error =
			stun_find(&parsed, STUN_ATTR_ERROR_CODE);

		assert(error && stun_get_error(error, &code));
		assert(!stun_find(&parsed, STUN_ATTR_XOR_RELAYED_ADDRESS));
	} else {
		assert(parsed.class == STUN_SUCCESS);
	}
	/* Nobody gets anything but a Binding without a password. */
	if (parsed.integrity_at || parsed.integrity_sha256_at)
		assert(signed_by_a_user(&parsed));
	else
		assert(parsed.method == STUN_BINDING || code == 400 ||
		       code == 401 || code == 438 || code == 500);
	token = stun_find(&parsed, STUN_ATTR_RESERVATION_TOKEN);
	if (token) {
		assert(token->value.len == sizeof(last_token));
		memcpy(last_token, token->value.data, sizeof(last_token));
	}
}

static void check_refusal(const struct refusal *f)
{
	char text[REFUSAL_TEXT_BYTES];

	assert(f->user_bytes <= sizeof(f->user) &&
	       (f->code >= 300 || f->code == 0));
	assert(strlen(refusal_print(f, text)) < sizeof(text));
}

static void check_log(const struct log_record *log)
{
	static char line[LOG_LINE_BYTES];
	size_t len = log_format_text(log, line, sizeof(line));

	assert(len < sizeof(line) && !strchr(line, '\n'));
	assert(log_format_json(log, line, sizeof(line)) < sizeof(line));
}

/* --- answers -------------------------------------------------------------------------- */

static void carry_out(uint16_t worker);

static int find_user(const struct action_lookup *lookup)
{
	for (int i = 0; i < 2; i++) {
		struct bytes name = bytes_str(users[i].name);
		uint8_t hash[STUN_USERHASH_BYTES];

		stun_userhash(crypto, name, bytes_str(REALM), hash);
		if (lookup->by_hash)
			name = bytes_of(hash, sizeof(hash));
		if (bytes_equal(name, lookup->name))
			return i;
	}
	return -1;
}

static void answer_lookup(const struct waiting *w, enum turn_lookup result,
			  uint8_t how)
{
	int user = w->user < 0 ? 0 : w->user;
	struct turn_user found = {
		.grant.allocations_max = how & 0x40 ? 2 : 0,
		.grant.packets_max = how & 0x20 ? 3 : 0,
		.key_count = 1,
	};

	user_key((unsigned)user, false, &found.keys[0].md5);
	if (users[user].has_sha256)
		user_key((unsigned)user, true, &found.keys[0].sha256);
	actions_clear(&actions);
	turn_key_ready(servers[w->worker], &now, w->ticket, result, &found,
		       bytes_str(users[user].name), &actions);
	carry_out(w->worker);
}

static void answer_relay(struct relay *r, int error)
{
	struct relay was = *r;

	if (error)
		r->in_use = false; /* it may ask again, for another port */
	else
		r->open = true;
	actions_clear(&actions);
	turn_relay_opened(servers[was.worker], &now, was.allocation, error,
			  &actions);
	carry_out(was.worker);
}

/* What was asked a moment ago, and is not to be late. */
static void answer_at_once(void)
{
	if (!late_lookups && waiting_count) {
		struct waiting w = waiting[--waiting_count];

		answer_lookup(&w,
			      w.user < 0 ? TURN_LOOKUP_UNKNOWN
					 : TURN_LOOKUP_FOUND,
			      0);
	}
	for (unsigned i = 0; i < SOCKETS_MAX && !late_relays; i++) {
		if (relays[i].in_use && !relays[i].open)
			answer_relay(&relays[i], 0);
	}
}

/* --- carrying out ------------------------------------------------------------------- */

static void remember_relay(uint16_t worker,
			   const struct action_open_relay *asked)
{
	struct relay *free_one = NULL;

	assert(asked->port >= PORT_MIN && asked->port <= PORT_MAX);
	assert(allocation_of(worker, asked->allocation));
	assert(!find_relay(worker, asked->allocation));
	for (unsigned i = 0; i < SOCKETS_MAX; i++) {
		struct relay *r = &relays[i];

		/* What has ended unopened may still be on its way. */
		if (r->in_use && allocation_of(r->worker, r->allocation))
			assert(r->port != asked->port);
		if (!r->in_use)
			free_one = r;
	}
	assert(free_one);
	*free_one = (struct relay){
		.in_use = true,
		.worker = worker,
		.port = asked->port,
		.allocation = asked->allocation,
	};
}

static void carry_out(uint16_t worker)
{
	assert(actions.count <= ACTIONS_MAX);
	assert(actions.log_count <= ACTIONS_LOGS_MAX);
	assert(actions.scratch_used <= sizeof(actions.scratch));
	for (unsigned i = 0; i < actions.count; i++) {
		const struct action *a = &actions.items[i];
		struct relay *r;

		switch (a->kind) {
		case ACTION_REPLY:
			check_reply(&a->as.reply);
			break;
		case ACTION_LOOKUP_KEY:
			if (waiting_count < WAITING_MAX)
				waiting[waiting_count++] = (struct waiting){
					.worker = worker,
					.ticket = a->as.lookup.ticket,
					.user = find_user(&a->as.lookup),
				};
			break;
		case ACTION_OPEN_RELAY:
			remember_relay(worker, &a->as.open_relay);
			break;
		case ACTION_CLOSE_RELAY:
			r = find_relay(worker, a->as.close_relay);
			assert(r && r->open);
			assert(!allocation_of(worker, r->allocation));
			r->in_use = false;
			break;
		case ACTION_SESSION_BEGAN:
			assert(allocation_of(worker, a->as.began));
			break;
		case ACTION_SESSION_ENDED:
			r = find_relay(worker, a->as.ended.allocation);
			assert(r && r->open);
			assert(!allocation_of(worker, r->allocation));
			break;
		case ACTION_REFUSED:
			check_refusal(a->as.refused);
			break;
		case ACTION_LOG:
			check_log(a->as.log);
			break;
		}
	}
	check_world();
	answer_at_once();
}

/* Whether the allocation has a permission for the peer that still holds. */
static bool permitted(uint16_t worker, struct ref allocation,
		      const struct addr *peer)
{
	const struct flow_table *t = &servers[worker]->flows;
	uint32_t i = flow_find_permission(t, allocation.index, peer);
	const struct permission *p;

	if (i == POOL_NONE)
		return false;
	p = pool_at(&t->permissions, i);
	return p->expires_ms > now.mono_ms;
}

/* A verdict on `in`; one that relays is checked against the records. */
static void check_verdict(uint16_t worker, const struct datagram *in,
			  const struct verdict *v)
{
	const struct allocation *a;
	enum peer_verdict judged;
	size_t made;

	if (v->kind == VERDICT_DROP) {
		assert((unsigned)v->drop < DROP_REASON_COUNT);
		return;
	}
	if (v->kind == VERDICT_CONTROL) {
		assert(in->data.len > 0 && in->data.data[0] <= 3);
		return;
	}
	assert((size_t)v->skip_bytes + v->payload_bytes <= in->data.len);
	assert(v->prepend_bytes <= VERDICT_PREPEND_MAX);
	made = (size_t)v->prepend_bytes + v->payload_bytes + v->pad_bytes;
	assert(made <= DATAGRAM_MAX_BYTES);
	assert(v->tos == in->tos);
	if (v->kind == VERDICT_TO_CLIENT) {
		assert(v->flow >> 31 == 1);
		assert(v->prepend_bytes == 4 ||
		       (v->prepend_bytes == 36 && made % 4 == 0));
		return;
	}
	assert(v->flow >> 31 == 0 && v->prepend_bytes == 0 && !v->pad_bytes);
	if (v->kind == VERDICT_HAIRPIN) {
		assert(peer_policy_judge(&rules, 0, &v->to) == PEER_HAIRPIN);
		assert(v->worker < WORKERS);
		return;
	}
	assert(v->kind == VERDICT_TO_PEER);
	assert(!peer_is_special_purpose(&v->to));
	a = allocation_of(worker, v->allocation);
	assert(a && a->state == ALLOCATION_LIVE);
	judged = peer_policy_judge(&rules, a->realm, &v->to);
	assert(judged == PEER_ALLOWED || judged == PEER_DRY);
	assert(a->expires_ms > now.mono_ms);
	assert(addr_equal(&a->client, &in->source));
	assert(permitted(worker, v->allocation, &v->to));
}

/* The same where a peer sent it to `allocation`, or a hairpin did. */
static void check_delivery(uint16_t worker, struct ref allocation,
			   const struct datagram *in, const struct verdict *v)
{
	const struct allocation *a;

	assert(v->kind == VERDICT_DROP || v->kind == VERDICT_TO_CLIENT);
	check_verdict(worker, in, v);
	if (v->kind == VERDICT_DROP)
		return;
	a = allocation_of(worker, allocation);
	assert(a && a->state == ALLOCATION_LIVE);
	assert(a->expires_ms > now.mono_ms);
	assert(addr_equal(&a->client, &v->to));
	assert(a->listener == v->listener);
	assert(permitted(worker, allocation, &in->source));
	assert(peer_policy_judge_ip(&rules, a->realm, &in->source) !=
	       PEER_DENIED);
	assert(v->payload_bytes == in->data.len);
}

static void hairpin(const struct datagram *in, const struct verdict *v)
{
	struct datagram again = {
		.data = bytes_of(in->data.data + v->skip_bytes,
				 v->payload_bytes),
		.source = v->from,
		.tos = v->tos,
	};
	struct verdict last;

	turn_from_hairpin(servers[v->worker], &now, v->allocation, &again,
			  &last);
	check_delivery(v->worker, v->allocation, &again, &last);
}

static void from_client(const struct addr *client, uint16_t listener,
			struct bytes data)
{
	struct datagram in = {
		.data = data,
		.source = *client,
		.listener = listener,
		.tos = (uint8_t)data.len,
	};
	uint16_t worker = worker_of(client);
	struct verdict v;

	turn_from_client(servers[worker], &now, &in, &v);
	check_verdict(worker, &in, &v);
	if (v.kind == VERDICT_HAIRPIN)
		hairpin(&in, &v);
	if (v.kind != VERDICT_CONTROL)
		return;
	actions_clear(&actions);
	turn_message(servers[worker], &now, &in, &actions);
	carry_out(worker);
}

/* --- steps: datagrams ----------------------------------------------------------------- */

static void step_raw(void)
{
	uint8_t who = next_u8();
	struct addr client = client_of(who);

	from_client(&client, listener_of(who >> 4), next_bytes(255));
}

/* An attribute that some method looks at, its value good or not. */
static void add_attribute(struct stun_builder *b)
{
	static const uint16_t types[] = {
		STUN_ATTR_REQUESTED_TRANSPORT,
		STUN_ATTR_LIFETIME,
		STUN_ATTR_EVEN_PORT,
		STUN_ATTR_RESERVATION_TOKEN,
		STUN_ATTR_REQUESTED_ADDRESS_FAMILY,
		STUN_ATTR_ADDITIONAL_ADDRESS_FAMILY,
		STUN_ATTR_CHANNEL_NUMBER,
		STUN_ATTR_XOR_PEER_ADDRESS,
		STUN_ATTR_DATA,
		STUN_ATTR_DONT_FRAGMENT,
	};
	uint8_t choice = next_u8();
	uint16_t type = types[choice % 10];
	struct addr peer;
	uint8_t even;

	if (choice >= 200) {
		stun_add(b, choice >= 240 ? next_u16() : type, next_bytes(255));
		return;
	}
	switch (type) {
	case STUN_ATTR_REQUESTED_TRANSPORT:
		stun_add_u8_rffu(b, type, STUN_TRANSPORT_UDP);
		break;
	case STUN_ATTR_LIFETIME:
		stun_add_u32(b, type, next_u16());
		break;
	case STUN_ATTR_EVEN_PORT:
		even = next_u8();
		stun_add(b, type, bytes_of(&even, 1));
		break;
	case STUN_ATTR_RESERVATION_TOKEN:
		stun_add(b, type, bytes_of(last_token, sizeof(last_token)));
		break;
	case STUN_ATTR_REQUESTED_ADDRESS_FAMILY:
	case STUN_ATTR_ADDITIONAL_ADDRESS_FAMILY:
		stun_add_u8_rffu(b, type, next_u8() % 4);
		break;
	case STUN_ATTR_CHANNEL_NUMBER:
		stun_add_u32(b, type,
			     0x40000000 | (uint32_t)(next_u8() % 8) << 16);
		break;
	case STUN_ATTR_XOR_PEER_ADDRESS:
		choice = next_u8();
		peer = peer_of(choice, next_u16());
		stun_add_xor_addr(b, type, &peer);
		break;
	case STUN_ATTR_DATA:
		stun_add(b, type, next_bytes(255));
		break;
	default:
		stun_add_flag(b, type);
		break;
	}
}

static void add_nonce(struct stun_builder *b, const struct addr *client,
		      uint8_t how)
{
	struct addr whom = *client;
	char nonce[NONCE_CHARS];
	int64_t age_s = 0;

	if (how % 16 == 1)
		whom.port++;
	if (how % 16 == 2)
		age_s = next_u16();
	nonce_make(&config.nonce, crypto,
		   NONCE_PASSWORD_ALGORITHMS | NONCE_USERNAME_ANONYMITY, &whom,
		   bytes_str(REALM), now.wall_s - age_s, nonce);
	if (how % 16 == 3)
		stun_add(b, STUN_ATTR_NONCE, next_bytes(64));
	else
		stun_add(b, STUN_ATTR_NONCE, bytes_of(nonce, sizeof(nonce)));
}

/* Credentials as they should be for most values of `how`. */
static void sign(struct stun_builder *b, const struct addr *client)
{
	static const uint16_t both[] = { STUN_ALGORITHM_SHA256,
					 STUN_ALGORITHM_MD5 };
	uint8_t how = next_u8(), who = next_u8();
	unsigned user = who >> 6 & 1;
	bool sha256 = who & 0x20;
	uint16_t algorithm = sha256 ? STUN_ALGORITHM_SHA256
				    : STUN_ALGORITHM_MD5;
	struct bytes name = bytes_str(users[user].name);
	uint8_t hash[STUN_USERHASH_BYTES];
	struct secret key;

	if (how % 32 == 31)
		return;
	user_key(user, sha256, &key);
	stun_userhash(crypto, name, bytes_str(REALM), hash);
	if (how % 32 == 30)
		stun_add(b, STUN_ATTR_USERNAME, next_bytes(255));
	else if (who & 0x10)
		stun_add(b, STUN_ATTR_USERHASH, bytes_of(hash, sizeof(hash)));
	else
		stun_add(b, STUN_ATTR_USERNAME, name);
	if (how % 32 != 29)
		stun_add(b, STUN_ATTR_REALM, bytes_str(REALM));
	add_nonce(b, client, how % 32 < 16 ? 0 : how);
	if (sha256 || how % 32 == 28)
		stun_add_algorithms(b, STUN_ATTR_PASSWORD_ALGORITHMS, both, 2);
	if (sha256)
		stun_add_algorithms(b, STUN_ATTR_PASSWORD_ALGORITHM, &algorithm,
				    1);
	if (how % 32 == 27)
		key.bytes[0] ^= 1;
	if (sha256)
		stun_add_integrity_sha256(b, crypto, secret_bytes(&key));
	else
		stun_add_integrity(b, crypto, secret_bytes(&key));
}

static void step_message(enum stun_class class, uint16_t method)
{
	uint8_t transaction[STUN_TRANSACTION_ID_BYTES] = "fuzz";
	uint8_t who = next_u8(), how = next_u8();
	struct addr client = client_of(who);
	struct stun_builder b;
	size_t len;

	transaction[11] = how >> 5; /* few, so that some come again */
	stun_begin(&b, buffer, sizeof(buffer), class, method, transaction);
	/* What the method cannot do without is mostly there. */
	if (method == STUN_ALLOCATE && how % 16)
		stun_add_u8_rffu(&b, STUN_ATTR_REQUESTED_TRANSPORT, 17);
	for (unsigned i = how % 4; i > 0; i--)
		add_attribute(&b);
	if (class == STUN_REQUEST && method != STUN_BINDING)
		sign(&b, &client);
	if (how & 8)
		stun_add_fingerprint(&b);
	len = stun_finish(&b);
	assert(len);
	if (how % 16 == 4)
		buffer[next_u16() % len] ^= next_u8();
	from_client(&client, listener_of(who >> 4), bytes_of(buffer, len));
}

static void step_request(void)
{
	static const uint16_t methods[] = {
		STUN_ALLOCATE,          STUN_ALLOCATE,     STUN_REFRESH,
		STUN_CREATE_PERMISSION, STUN_CHANNEL_BIND, STUN_BINDING
	};

	step_message(STUN_REQUEST, methods[next_u8() % 6]);
}

static void step_any_message(void)
{
	uint16_t type = next_u16();

	step_message((enum stun_class)(type & 3), type >> 2 & 0xfff);
}

/* Binds a channel as it should be done: the way to the data path. */
static void step_bind(void)
{
	uint8_t who = next_u8(), what = next_u8();
	struct addr client = client_of(who), peer;
	uint8_t transaction[STUN_TRANSACTION_ID_BYTES] = "bind";
	struct stun_builder b;

	peer = peer_of(what, next_u8());
	stun_begin(&b, buffer, sizeof(buffer), STUN_REQUEST, STUN_CHANNEL_BIND,
		   transaction);
	stun_add_u32(&b, STUN_ATTR_CHANNEL_NUMBER,
		     0x40000000 | (uint32_t)(what >> 5) << 16);
	stun_add_xor_addr(&b, STUN_ATTR_XOR_PEER_ADDRESS, &peer);
	sign(&b, &client);
	from_client(&client, listener_of(who >> 4),
		    bytes_of(buffer, stun_finish(&b)));
}

static void step_channel_data(void)
{
	uint8_t who = next_u8(), what = next_u8();
	struct addr client = client_of(who);
	struct bytes payload;
	size_t len;

	payload = next_bytes(64);
	len = payload.len;
	memcpy(buffer + CHANNEL_DATA_HEADER_BYTES, payload.data, len);
	if (what & 0x80)
		len += what & 0x7f; /* a length that lies */
	channel_data_header(buffer, (uint16_t)(0x4000 | what % 8),
			    (uint16_t)len);
	from_client(&client, listener_of(who >> 4),
		    bytes_of(buffer, CHANNEL_DATA_HEADER_BYTES + payload.len));
}

static void step_send(void)
{
	uint8_t who = next_u8(), what = next_u8();
	struct addr client = client_of(who), peer;
	uint8_t transaction[STUN_TRANSACTION_ID_BYTES] = "send";
	struct stun_builder b;

	peer = peer_of(what, next_u8());
	stun_begin(&b, buffer, sizeof(buffer), STUN_INDICATION, STUN_SEND,
		   transaction);
	if (what & 0x80)
		add_attribute(&b);
	stun_add_xor_addr(&b, STUN_ATTR_XOR_PEER_ADDRESS, &peer);
	stun_add(&b, STUN_ATTR_DATA, next_bytes(64));
	from_client(&client, listener_of(who >> 4),
		    bytes_of(buffer, stun_finish(&b)));
}

static void step_from_peer(void)
{
	const struct relay *r = &relays[SOCKETS_MAX - 1 - next_u8() % 16];
	uint8_t who = next_u8();
	struct datagram in = { .source = peer_of(who, next_u8()), .tos = who };
	struct ref allocation = r->allocation;
	struct verdict v;

	if (who & 0x80) {
		/* As large as UDP carries; what it holds does not matter. */
		in.data = bytes_of(buffer, sizeof(buffer) - next_u8());
	} else {
		in.data = next_bytes(255);
	}
	if (who & 0x40)
		allocation.generation++;
	turn_from_peer(servers[r->worker], &now, allocation, &in, &v);
	check_delivery(r->worker, allocation, &in, &v);
}

/* --- steps: answers ---------------------------------------------------------------------- */

static void step_answer_lookup(void)
{
	uint8_t how = next_u8();
	unsigned which;
	struct waiting w;

	if (!waiting_count)
		return;
	which = how % waiting_count;
	w = waiting[which];
	/* Some are answered once more later on. */
	if (!(how & 0x80))
		waiting[which] = waiting[--waiting_count];
	answer_lookup(&w,
		      how % 16 == 15   ? TURN_LOOKUP_UNAVAILABLE
		      : how % 16 == 14 ? TURN_LOOKUP_UNKNOWN
				       : TURN_LOOKUP_FOUND,
		      how);
}

static void step_answer_relay(void)
{
	static const int errors[] = { 0, 0,           0,       0,
				      0, -EADDRINUSE, -EMFILE, -ENOBUFS };
	uint8_t how = next_u8();

	for (unsigned i = 0; i < SOCKETS_MAX; i++) {
		struct relay *r = &relays[(i + how) % SOCKETS_MAX];

		if (r->in_use && !r->open) {
			answer_relay(r, errors[how % 8]);
			return;
		}
	}
}

/* --- steps: time and what the operator does ------------------------------------------------ */

static void tick_all(void)
{
	for (uint16_t w = 0; w < WORKERS; w++) {
		unsigned ticks = 0;

		for (;;) {
			bool more;

			actions_clear(&actions);
			more = turn_tick(servers[w], &now, &actions);
			carry_out(w);
			if (!more)
				break;
			assert(++ticks < 2000);
		}
		assert(turn_next_ms(servers[w]) > now.mono_ms);
	}
}

static void step_time(void)
{
	uint8_t how = next_u8();
	uint32_t ms = how & 0x40 ? next_u16() * 64u : next_u16() % 2048;

	now.mono_ms += ms;
	now.wall_s += ms / 1000;
	if (how & 0x80)
		tick_all();
}

/* Peers 8.8.8.1 and .2 and .3 are denied, or no longer; own sockets come. */
static void step_rules(void)
{
	uint8_t how = next_u8();

	rules.generation++;
	rules.deny_count = how & 1;
	/* For one realm or both, at any port or one; or on a dry run. */
	rules.deny[0] = (struct peer_rule){
		.first = addr_ipv4(0x08080802, 0),
		.last = addr_ipv4(0x08080803, 0),
		.port_min = how & 8 ? 6000 : 0,
		.port_max = how & 8 ? 6000 : 65535,
		.realms = how & 16 ? 2 : 3,
	};
	rules.realms[0].dry_run = how & 32;
	rules.realms[1].preset = how & 64 ? PEER_PRESET_ACS
					  : PEER_PRESET_PUBLIC;
	rules.realms[1].dry_run = how & 128;
	rules.own_socket_count = how & 2 ? 3 : 2;
	rules.own_sockets[2] = addr_ipv4(0x08080801, 6000);
	rules.relay_ip_count = how & 4 ? 1 : 2;
	for (unsigned w = 0; w < WORKERS; w++)
		turn_set_peers(servers[w], &rules);
}

/* The operator changes what the data path may do. */
static void step_limits(void)
{
	struct turn_limits limits = config.limits;
	struct turn_realm realm = config.realms[0];
	uint8_t how = next_u8();

	limits.rates = (struct rates_limits){
		.allocation = how & 1 ? 1 : 0,
		.user = how & 2 ? 1 : 0,
		.total = how & 4 ? 1 + next_u8() : 0,
		.burst_s = how & 8 ? BUCKET_BURST_MAX_S : 1,
	};
	limits.peers = (struct bucket_rate){ how >> 6, how >> 4 & 3 };
	realm.allocation_rate = how == 0xff;
	for (unsigned w = 0; w < WORKERS; w++) {
		turn_set_limits(servers[w], &limits);
		turn_set_realm(servers[w], 0, &realm);
	}
}

static void step_listener(void)
{
	struct turn_listener l = config.listeners[1];

	l.in_use = next_u8() & 1;
	config.listeners[1] = l;
	for (unsigned w = 0; w < WORKERS; w++)
		turn_set_listener(servers[w], 1, &l);
}

static void step_relay_lost(void)
{
	const struct relay *r = &relays[SOCKETS_MAX - 1 - next_u8() % 16];

	if (!r->in_use || !r->open)
		return;
	actions_clear(&actions);
	turn_relay_lost(servers[r->worker], &now, r->allocation, &actions);
	carry_out(r->worker);
}

static bool end_next(uint16_t worker)
{
	bool ended;

	actions_clear(&actions);
	ended = turn_end_next(servers[worker], &now, TURN_CAUSE_SHUTDOWN,
			      &actions);
	carry_out(worker);
	return ended;
}

static void step_end(void)
{
	end_next(next_u8() % WORKERS);
}

/* An operator ends one, whoever it is. */
static void step_kill(void)
{
	static struct turn_session sessions[SOCKETS_MAX];
	uint16_t worker = next_u8() % WORKERS;
	uint32_t cursor = 0;
	unsigned n = turn_list_sessions(servers[worker], &cursor, sessions,
					SOCKETS_MAX);

	assert(n <= SOCKETS_MAX);
	for (unsigned i = 0; i < n; i++)
		assert(allocation_of(worker, sessions[i].allocation));
	if (!n)
		return;
	n = next_u8() % n;
	actions_clear(&actions);
	assert(turn_end_session(servers[worker], &now, sessions[n].allocation,
				TURN_CAUSE_KILLED, &actions));
	carry_out(worker);
	assert(!turn_find_session(servers[worker], sessions[n].allocation,
				  &sessions[n]));
}

/* New clients are sent to one of two, of which one is ourselves, or taken. */
static void step_drain(void)
{
	uint8_t how = next_u8();

	config.draining = how & 1;
	config.alternate_count = how >> 1 & 3;
	if (config.alternate_count > 2)
		config.alternate_count = 2;
	config.alternates[0] = config.listeners[0].local;
	config.alternates[1] = addr_ipv4(0xc6336402, 3478);
	config.peers = rules;
	for (uint16_t w = 0; w < WORKERS; w++)
		turn_reconfigure(servers[w], &config);
}

/* --- the run ------------------------------------------------------------------------------------ */

static void (*const steps[])(void) = {
	step_raw,           step_request,       step_request,
	step_request,       step_any_message,   step_bind,
	step_channel_data,  step_send,          step_from_peer,
	step_answer_lookup, step_answer_lookup, step_answer_relay,
	step_answer_relay,  step_time,          step_rules,
	step_listener,      step_relay_lost,    step_end,
	step_limits,        step_kill,          step_drain,
};

static void configure(uint8_t how)
{
	struct turn_listener l = {
		.in_use = true,
		.local = addr_ipv4(0xc6336401, 3478),
	};

	memset(&config, 0, sizeof(config));
	memcpy(config.realms[0].name, REALM, sizeof(REALM));
	config.realms[0].offer_sha256 = how & 1;
	config.realms[0].offer_userhash = how & 2;
	config.realm_count = 1;
	config.listeners[0] = l;
	l.local.port++;
	config.listeners[1] = l;
	config.relay = addr_ipv4(0x0a000004, 0);
	config.relay_advertise = addr_ipv4(0x14caffff, 0);
	config.limits = (struct turn_limits){
		.allocations = how & 4 ? 4 : 16,
		.allocations_per_user = how & 8 ? 3 : 0,
		.permissions_per_allocation = 3,
		.channels_per_allocation = 3,
	};
	config.nonce.current.len = NONCE_KEY_BYTES;
	config.nonce.lifetime_s = 600;
	config.lookups_are_async = how & 16;
	late_lookups = how & 32;
	late_relays = how & 64;
	config.log_peers = how & 128;
	config.worker_count = WORKERS;
	config.peers.generation = 1;
	config.peers.relay_ips[0] = config.relay;
	config.peers.relay_ips[1] = config.relay_advertise;
	config.peers.relay_ip_count = 2;
	config.peers.relay_port_min = PORT_MIN;
	config.peers.relay_port_max = PORT_MAX;
	config.peers.own_sockets[0] = config.listeners[0].local;
	config.peers.own_sockets[1] = config.listeners[1].local;
	config.peers.own_socket_count = 2;
	rules = config.peers;
}

static void begin(void)
{
	static const struct hash_key key = { 1, 2 };
	int err;

	configure(next_u8());
	now = (struct now){ .mono_ms = 1000000, .wall_s = 1700000000 };
	memset(relays, 0, sizeof(relays));
	memset(last_token, 0, sizeof(last_token));
	waiting_count = 0;
	err = turn_shared_init(&shared, &config, &key);
	assert(!err);
	for (uint16_t w = 0; w < WORKERS; w++) {
		uint8_t seed[RANDOM_SEED_BYTES] = { (uint8_t)w };

		err = turn_server_new(&servers[w], &config, &shared, w, seed,
				      &now);
		assert(!err);
	}
}

/* Everything ends and comes back, whatever was under way. */
static void end(void)
{
	for (uint16_t w = 0; w < WORKERS; w++) {
		while (end_next(w))
			;
	}
	late_lookups = true; /* those that nobody asks for any more */
	for (unsigned i = 0; i < SOCKETS_MAX; i++) {
		if (relays[i].in_use)
			answer_relay(&relays[i], 0);
		assert(!relays[i].in_use);
	}
	now.mono_ms += 40000;
	tick_all();
	for (unsigned w = 0; w < WORKERS; w++)
		assert(turn_next_ms(servers[w]) == UINT64_MAX);
	assert(ports_free(&shared.ports) == PORT_MAX - PORT_MIN + 1);
	assert(atomic_load(&shared.quota.total) == 0);
	for (unsigned w = 0; w < WORKERS; w++)
		turn_server_free(servers[w]);
	turn_shared_fini(&shared);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!crypto) {
		crypto = crypto_new();
		assert(crypto);
	}
	script = (struct script){ data, size };
	begin();
	for (unsigned i = 0; i < STEPS_MAX && script.left; i++)
		steps[next_u8() % (sizeof(steps) / sizeof(steps[0]))]();
	end();
	return 0;
}
