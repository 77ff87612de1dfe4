#include "client/client.h"

#include <assert.h>
#include <errno.h>

#include "base/wire.h"
#include "stun/builder.h"
#include "stun/channel_data.h"
#include "stun/integrity.h"
#include "stun/message.h"

_Static_assert(sizeof(struct client) < 2048, "thousands of clients are cheap");

/* RFC 8489 section 9.2: what a nonce starts with, then 4 base64 characters. */
#define NONCE_COOKIE "obMatJos2"
#define NONCE_COOKIE_BYTES 9
#define NONCE_FEATURE_BYTES 4

/* Security features (section 18.1), as the first base64 character has them:
 * it holds the first 6 of the 24 bits, the leftmost one first. */
#define FEATURE_PASSWORD_ALGORITHMS 0x20
#define FEATURE_USERNAME_ANONYMITY 0x10

void client_init(struct client *c, const struct client_config *config)
{
	assert(config->name.len <= STUN_USERNAME_MAX_BYTES);
	memset(c, 0, sizeof(*c));
	c->config = config;
}

void client_fini(struct client *c)
{
	secret_wipe(&c->key);
}

static struct bytes realm_of(const struct client *c)
{
	return bytes_of(c->realm, c->realm_bytes);
}

static bool busy(const struct client *c)
{
	return c->request.method != 0;
}

/* The request in flight is to be sent as a new transaction, at once. */
static void restart(struct client *c, uint64_t now_ms)
{
	random_bytes(c->config->random, c->request.transaction_id,
		     sizeof(c->request.transaction_id));
	c->request.sent = 0;
	c->request.discarded = false;
	c->request.discarded_code = 0;
	c->request.due_ms = now_ms;
}

static void start(struct client *c, struct client_request request,
		  uint64_t now_ms)
{
	c->request = request;
	restart(c, now_ms);
}

static bool knows_ip(const struct client *c, const struct addr *peer)
{
	for (size_t i = 0; i < c->peer_count; i++) {
		if (addr_same_ip(&c->peers[i].addr, peer))
			return true;
	}
	return false;
}

static struct client_peer *find_peer(struct client *c, const struct addr *peer)
{
	for (size_t i = 0; i < c->peer_count; i++) {
		if (addr_equal(&c->peers[i].addr, peer))
			return &c->peers[i];
	}
	return NULL;
}

static struct client_peer *add_peer(struct client *c, const struct addr *peer)
{
	struct client_peer *p = &c->peers[c->peer_count];

	assert(c->peer_count < CLIENT_PEERS_MAX);
	c->peer_count++;
	*p = (struct client_peer){ .addr = *peer };
	return p;
}

int client_allocate(struct client *c, uint32_t lifetime_s, uint64_t now_ms)
{
	if (busy(c))
		return -EBUSY;
	if (c->allocated)
		return -EISCONN;
	start(c,
	      (struct client_request){ .method = STUN_ALLOCATE,
				       .lifetime_s = lifetime_s },
	      now_ms);
	return 0;
}

/* Why a request on an allocation cannot be started, or 0. */
static int refuse(const struct client *c, bool needs_room)
{
	if (busy(c))
		return -EBUSY;
	if (!c->allocated)
		return -ENOTCONN;
	return needs_room && c->peer_count == CLIENT_PEERS_MAX ? -ENOSPC : 0;
}

int client_permit(struct client *c, const struct addr *peer, uint64_t now_ms)
{
	int error = refuse(c, !knows_ip(c, peer));

	if (error)
		return error;
	start(c,
	      (struct client_request){ .method = STUN_CREATE_PERMISSION,
				       .peer = *peer },
	      now_ms);
	return 0;
}

int client_bind(struct client *c, uint16_t channel, const struct addr *peer,
		uint64_t now_ms)
{
	int error = refuse(c, !find_peer(c, peer));

	if (error)
		return error;
	start(c,
	      (struct client_request){ .method = STUN_CHANNEL_BIND,
				       .channel = channel,
				       .peer = *peer },
	      now_ms);
	return 0;
}

int client_refresh(struct client *c, uint32_t lifetime_s, uint64_t now_ms)
{
	int error = refuse(c, false);

	if (error)
		return error;
	start(c,
	      (struct client_request){ .method = STUN_REFRESH,
				       .lifetime_s = lifetime_s },
	      now_ms);
	return 0;
}

static void add_method_attributes(const struct client_request *r,
				  struct stun_builder *b)
{
	switch (r->method) {
	case STUN_ALLOCATE:
		stun_add_u8_rffu(b, STUN_ATTR_REQUESTED_TRANSPORT,
				 STUN_TRANSPORT_UDP);
		if (r->lifetime_s > 0)
			stun_add_u32(b, STUN_ATTR_LIFETIME, r->lifetime_s);
		break;
	case STUN_REFRESH:
		stun_add_u32(b, STUN_ATTR_LIFETIME, r->lifetime_s);
		break;
	case STUN_CHANNEL_BIND:
		stun_add_u32(b, STUN_ATTR_CHANNEL_NUMBER,
			     (uint32_t)r->channel << 16);
		stun_add_xor_addr(b, STUN_ATTR_XOR_PEER_ADDRESS, &r->peer);
		break;
	default:
		assert(r->method == STUN_CREATE_PERMISSION);
		stun_add_xor_addr(b, STUN_ATTR_XOR_PEER_ADDRESS, &r->peer);
	}
}

static void add_user(const struct client *c, struct stun_builder *b)
{
	uint8_t hash[STUN_USERHASH_BYTES];

	if (!c->anonymous) {
		stun_add(b, STUN_ATTR_USERNAME, c->config->name);
		return;
	}
	stun_userhash(c->config->crypto, c->config->name, realm_of(c), hash);
	stun_add(b, STUN_ATTR_USERHASH, bytes_of(hash, sizeof(hash)));
}

/* RFC 8489 section 9.2.3.2 and 9.2.5. */
static void add_credentials(const struct client *c, struct stun_builder *b)
{
	struct crypto *crypto = c->config->crypto;
	struct bytes key = secret_bytes(&c->key);

	add_user(c, b);
	stun_add(b, STUN_ATTR_REALM, realm_of(c));
	stun_add(b, STUN_ATTR_NONCE, bytes_of(c->nonce, c->nonce_bytes));
	if (c->algorithms_bytes == 0) {
		stun_add_integrity(b, crypto, key);
		return;
	}
	stun_add(b, STUN_ATTR_PASSWORD_ALGORITHMS,
		 bytes_of(c->algorithms, c->algorithms_bytes));
	stun_add_algorithms(b, STUN_ATTR_PASSWORD_ALGORITHM, &c->algorithm, 1);
	stun_add_integrity_sha256(b, crypto, key);
}

/*
 * Nothing that a request is built from changes while it is in flight, so a
 * retransmission is the same bytes, as RFC 8489 section 6 demands.
 */
static size_t build_request(const struct client *c, void *out, size_t size)
{
	struct stun_builder b;

	stun_begin(&b, out, size, STUN_REQUEST, c->request.method,
		   c->request.transaction_id);
	add_method_attributes(&c->request, &b);
	if (c->algorithm)
		add_credentials(c, &b);
	return stun_finish(&b);
}

static uint64_t rto_ms(const struct client *c)
{
	return c->config->rto_ms ? c->config->rto_ms : CLIENT_RTO_MS;
}

/* How long to wait after the datagram just sent, RFC 8489 section 6.2.1. */
static uint64_t wait_ms(const struct client *c)
{
	if (c->request.sent == CLIENT_REQUESTS_MAX)
		return rto_ms(c) * CLIENT_LAST_WAIT_RTOS;
	return rto_ms(c) << (c->request.sent - 1);
}

/* Ends the request in flight with an event about it. */
static void finish(struct client *c, enum client_event_type type,
		   struct client_event *event)
{
	event->type = type;
	event->method = c->request.method;
	event->channel = c->request.channel;
	event->peer = c->request.peer;
	c->request = (struct client_request){ .method = 0 };
}

static void fail(struct client *c, enum client_failure failure, uint16_t code,
		 struct client_event *event)
{
	event->failure = failure;
	event->code = code;
	event->lifetime_s = c->request.lifetime_s;
	finish(c, CLIENT_FAILED, event);
}

size_t client_poll(struct client *c, uint64_t now_ms, void *out, size_t size,
		   struct client_event *event)
{
	size_t len;

	assert(size >= CLIENT_REQUEST_MAX_BYTES);
	*event = (struct client_event){ .type = CLIENT_NOTHING };
	if (now_ms < client_due_ms(c) || !busy(c))
		return 0;
	if (c->request.sent == CLIENT_REQUESTS_MAX) {
		fail(c,
		     c->request.discarded ? CLIENT_NOT_VERIFIED
					  : CLIENT_TIMED_OUT,
		     c->request.discarded_code, event);
		return 0;
	}
	len = build_request(c, out, size);
	assert(len > 0);
	c->request.sent++;
	c->request.due_ms = now_ms + wait_ms(c);
	return len;
}

uint64_t client_due_ms(const struct client *c)
{
	return busy(c) ? c->request.due_ms : UINT64_MAX;
}

/* Whether `ch` is of the base64 alphabet, and which 6 bits it stands for. */
static bool base64_bits(uint8_t ch, uint8_t *bits)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "abcdefghijklmnopqrstuvwxyz"
				       "0123456789+/";
	const char *at = ch ? strchr(alphabet, ch) : NULL;

	if (!at)
		return false;
	*bits = (uint8_t)(at - alphabet);
	return true;
}

/* The first security features a nonce tells of; 0 if it has no cookie. */
static uint8_t nonce_features(struct bytes nonce)
{
	uint8_t first = 0, bits;

	if (nonce.len < NONCE_COOKIE_BYTES + NONCE_FEATURE_BYTES ||
	    memcmp(nonce.data, NONCE_COOKIE, NONCE_COOKIE_BYTES) != 0)
		return 0;
	for (size_t i = 0; i < NONCE_FEATURE_BYTES; i++) {
		if (!base64_bits(nonce.data[NONCE_COOKIE_BYTES + i], &bits))
			return 0;
		if (i == 0)
			first = bits;
	}
	return first;
}

/* Whether the nonce promises a list of algorithms that is not there. */
static bool bid_down(const struct stun_message *m)
{
	const struct stun_attr *nonce = stun_find(m, STUN_ATTR_NONCE);

	return nonce && !stun_find(m, STUN_ATTR_PASSWORD_ALGORITHMS) &&
	       (nonce_features(nonce->value) & FEATURE_PASSWORD_ALGORITHMS);
}

/* The first of the server's algorithms that we can do; none: false. */
static bool choose_algorithm(const struct stun_attr *list, uint16_t *out)
{
	uint16_t algorithm;
	size_t at = 0;

	while (stun_get_algorithm(list, &at, &algorithm)) {
		if (algorithm == STUN_ALGORITHM_MD5 ||
		    algorithm == STUN_ALGORITHM_SHA256) {
			*out = algorithm;
			return true;
		}
	}
	return false;
}

/* Whether there is a value to send back, and room to keep it. */
static bool fits(const struct stun_attr *attr, size_t size)
{
	return attr && attr->value.len > 0 && attr->value.len <= size;
}

static uint16_t copy(const struct stun_attr *attr, uint8_t *out)
{
	memcpy(out, attr->value.data, attr->value.len);
	return (uint16_t)attr->value.len;
}

/*
 * Takes realm, nonce and algorithms of a 401 or 438 and makes the key, as
 * RFC 8489 section 9.2.5 says. A 438 may leave out the realm that is known.
 * Returns false, nothing changed, if the challenge cannot be answered.
 */
static bool take_challenge(struct client *c, const struct stun_message *m)
{
	const struct stun_attr *list =
		stun_find(m, STUN_ATTR_PASSWORD_ALGORITHMS);
	const struct stun_attr *realm = stun_find(m, STUN_ATTR_REALM);
	const struct stun_attr *nonce = stun_find(m, STUN_ATTR_NONCE);
	uint16_t algorithm = STUN_ALGORITHM_MD5;

	if (bid_down(m) || !fits(nonce, sizeof(c->nonce)))
		return false;
	if (realm ? !fits(realm, sizeof(c->realm)) : c->realm_bytes == 0)
		return false;
	if (list && (!fits(list, sizeof(c->algorithms)) ||
		     !choose_algorithm(list, &algorithm)))
		return false;

	c->nonce_bytes = copy(nonce, c->nonce);
	if (realm)
		c->realm_bytes = copy(realm, c->realm);
	c->algorithms_bytes = list ? copy(list, c->algorithms) : 0;
	c->anonymous = nonce_features(nonce->value) &
		       FEATURE_USERNAME_ANONYMITY;
	c->algorithm = algorithm;
	stun_long_term_key(c->config->crypto, (enum stun_algorithm)algorithm,
			   c->config->name, realm_of(c), c->config->password,
			   &c->key);
	return true;
}

static void receive_challenge(struct client *c, const struct stun_message *m,
			      uint16_t code, uint64_t now_ms,
			      struct client_event *event)
{
	/* With the same name and password the next try would end alike. */
	if (code == STUN_UNAUTHENTICATED && c->algorithm) {
		fail(c, CLIENT_REFUSED, code, event);
		return;
	}
	if (code == STUN_STALE_NONCE && c->request.stale == CLIENT_STALE_MAX) {
		fail(c, CLIENT_REFUSED, code, event);
		return;
	}
	if (!take_challenge(c, m)) {
		fail(c, CLIENT_BAD_CHALLENGE, code, event);
		return;
	}
	if (code == STUN_STALE_NONCE)
		c->request.stale++;
	restart(c, now_ms);
}

/*
 * Whether an answer may be believed. Before the first challenge there is no
 * key, and an answer to a request without credentials cannot carry integrity;
 * but 300 and 400 are never believed without (RFC 8489 section 9.2.5, 14.8).
 */
static bool verified(const struct client *c, const struct stun_message *m,
		     uint16_t code)
{
	if (bid_down(m))
		return false;
	if (!c->algorithm)
		return code != STUN_TRY_ALTERNATE && code != STUN_BAD_REQUEST;
	return stun_check_integrity(m, c->config->crypto,
				    secret_bytes(&c->key));
}

static void forget_allocation(struct client *c)
{
	c->allocated = false;
	c->peer_count = 0;
}

static void receive_error(struct client *c, const struct stun_message *m,
			  uint16_t code, struct client_event *event)
{
	const struct stun_attr *alternate =
		stun_find(m, STUN_ATTR_ALTERNATE_SERVER);
	uint32_t lifetime_s = c->request.lifetime_s;

	if (m->unknown_count > 0 || code == 0) {
		fail(c, CLIENT_BAD_ANSWER, code, event);
		return;
	}
	if (alternate)
		stun_get_addr(alternate, &event->alternate);
	if (c->request.method != STUN_REFRESH ||
	    code != STUN_ALLOCATION_MISMATCH) {
		fail(c, CLIENT_REFUSED, code, event);
		return;
	}

	/* RFC 8656 section 8.3: there is no allocation any more. */
	forget_allocation(c);
	if (lifetime_s == 0)
		finish(c, CLIENT_REFRESHED, event);
	else
		fail(c, CLIENT_REFUSED, code, event);
}

static bool get_xor_addr(const struct stun_message *m, uint16_t type,
			 struct addr *out)
{
	const struct stun_attr *attr = stun_find(m, type);

	return attr && stun_get_xor_addr(m, attr, out);
}

static bool get_lifetime(const struct stun_message *m, uint32_t *out)
{
	const struct stun_attr *attr = stun_find(m, STUN_ATTR_LIFETIME);

	return attr && stun_get_u32(attr, out);
}

static void receive_allocated(struct client *c, const struct stun_message *m,
			      struct client_event *event)
{
	if (!get_xor_addr(m, STUN_ATTR_XOR_RELAYED_ADDRESS, &event->relayed) ||
	    !get_xor_addr(m, STUN_ATTR_XOR_MAPPED_ADDRESS, &event->mapped) ||
	    !get_lifetime(m, &event->lifetime_s)) {
		fail(c, CLIENT_BAD_ANSWER, 0, event);
		return;
	}
	c->allocated = true;
	finish(c, CLIENT_ALLOCATED, event);
}

static void receive_refreshed(struct client *c, const struct stun_message *m,
			      struct client_event *event)
{
	if (!get_lifetime(m, &event->lifetime_s)) {
		fail(c, CLIENT_BAD_ANSWER, 0, event);
		return;
	}
	if (c->request.lifetime_s == 0)
		forget_allocation(c);
	finish(c, CLIENT_REFRESHED, event);
}

static void receive_permitted(struct client *c, struct client_event *event)
{
	if (!knows_ip(c, &c->request.peer))
		add_peer(c, &c->request.peer);
	finish(c, CLIENT_PERMITTED, event);
}

static void receive_bound(struct client *c, struct client_event *event)
{
	struct client_peer *p = find_peer(c, &c->request.peer);

	/* A number that the server grants again has left its old peer. */
	for (size_t i = 0; i < c->peer_count; i++) {
		if (c->peers[i].channel == c->request.channel)
			c->peers[i].channel = 0;
	}
	if (!p)
		p = add_peer(c, &c->request.peer);
	p->channel = c->request.channel;
	finish(c, CLIENT_BOUND, event);
}

static void receive_success(struct client *c, const struct stun_message *m,
			    struct client_event *event)
{
	if (m->unknown_count > 0) {
		fail(c, CLIENT_BAD_ANSWER, 0, event);
		return;
	}
	switch (c->request.method) {
	case STUN_ALLOCATE:
		receive_allocated(c, m, event);
		break;
	case STUN_REFRESH:
		receive_refreshed(c, m, event);
		break;
	case STUN_CHANNEL_BIND:
		receive_bound(c, event);
		break;
	default:
		receive_permitted(c, event);
	}
}

static bool answers_request(const struct client *c,
			    const struct stun_message *m)
{
	return c->request.sent > 0 && m->method == c->request.method &&
	       memcmp(m->transaction_id, c->request.transaction_id,
		      STUN_TRANSACTION_ID_BYTES) == 0;
}

static void receive_answer(struct client *c, const struct stun_message *m,
			   uint64_t now_ms, struct client_event *event)
{
	const struct stun_attr *error = stun_find(m, STUN_ATTR_ERROR_CODE);
	uint16_t code = 0;

	if (!answers_request(c, m))
		return;
	if (m->class == STUN_ERROR && error)
		stun_get_error(error, &code);
	if (m->unknown_count == 0 &&
	    (code == STUN_UNAUTHENTICATED || code == STUN_STALE_NONCE)) {
		receive_challenge(c, m, code, now_ms, event);
		return;
	}
	if (!verified(c, m, code)) {
		c->request.discarded = true;
		c->request.discarded_code = code;
		return;
	}
	if (m->class == STUN_ERROR)
		receive_error(c, m, code, event);
	else
		receive_success(c, m, event);
}

/*
 * Whether data may come from there. The server may have granted what is still
 * in flight, its answer being late or lost.
 */
static bool expects(const struct client *c, const struct addr *peer)
{
	return knows_ip(c, peer) || addr_same_ip(&c->request.peer, peer);
}

static void receive_data(const struct client *c, const struct stun_message *m,
			 struct client_event *event)
{
	const struct stun_attr *data = stun_find(m, STUN_ATTR_DATA);
	struct addr peer;

	if (m->method != STUN_DATA || m->unknown_count > 0 || !data)
		return;
	if (!get_xor_addr(m, STUN_ATTR_XOR_PEER_ADDRESS, &peer) ||
	    !expects(c, &peer))
		return;
	event->type = CLIENT_DATA;
	event->peer = peer;
	event->data = data->value;
}

/* The peer of a channel that is bound, or being bound; NULL if it is not. */
static const struct addr *channel_peer(const struct client *c, uint16_t channel)
{
	for (size_t i = 0; i < c->peer_count; i++) {
		if (c->peers[i].channel == channel)
			return &c->peers[i].addr;
	}
	return c->request.channel == channel ? &c->request.peer : NULL;
}

static void receive_channel_data(const struct client *c, struct bytes datagram,
				 struct client_event *event)
{
	uint16_t channel, payload_bytes;
	const struct addr *peer;

	if (!channel_data_parse(datagram, &channel, &payload_bytes))
		return;
	peer = channel_peer(c, channel);
	if (!peer)
		return;
	event->type = CLIENT_DATA;
	event->peer = *peer;
	event->channel = channel;
	event->data = bytes_of(datagram.data + CHANNEL_DATA_HEADER_BYTES,
			       payload_bytes);
}

void client_receive(struct client *c, struct bytes datagram, uint64_t now_ms,
		    struct client_event *event)
{
	struct stun_message m;

	*event = (struct client_event){ .type = CLIENT_NOTHING };
	if (stun_kind_of(datagram) == STUN_KIND_CHANNEL_DATA) {
		receive_channel_data(c, datagram, event);
		return;
	}
	if (stun_parse(datagram, &m) != STUN_OK)
		return;
	if (m.class == STUN_INDICATION)
		receive_data(c, &m, event);
	else if (m.class != STUN_REQUEST)
		receive_answer(c, &m, now_ms, event);
}

static size_t build_channel_data(uint16_t channel, struct bytes data,
				 uint8_t *out, size_t size)
{
	if (size < CHANNEL_DATA_HEADER_BYTES || data.len > UINT16_MAX ||
	    data.len > size - CHANNEL_DATA_HEADER_BYTES)
		return 0;
	channel_data_header(out, channel, (uint16_t)data.len);
	if (data.len > 0)
		memcpy(out + CHANNEL_DATA_HEADER_BYTES, data.data, data.len);
	return CHANNEL_DATA_HEADER_BYTES + data.len;
}

static size_t build_send(const struct client *c, const struct addr *peer,
			 struct bytes data, void *out, size_t size)
{
	uint8_t id[STUN_TRANSACTION_ID_BYTES];
	struct stun_builder b;

	random_bytes(c->config->random, id, sizeof(id));
	stun_begin(&b, out, size, STUN_INDICATION, STUN_SEND, id);
	stun_add_xor_addr(&b, STUN_ATTR_XOR_PEER_ADDRESS, peer);
	stun_add(&b, STUN_ATTR_DATA, data);
	return stun_finish(&b);
}

size_t client_send(struct client *c, const struct addr *peer, struct bytes data,
		   void *out, size_t size)
{
	const struct client_peer *p = find_peer(c, peer);

	if (p && p->channel)
		return build_channel_data(p->channel, data, out, size);
	if (!knows_ip(c, peer))
		return 0;
	return build_send(c, peer, data, out, size);
}
