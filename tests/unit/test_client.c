/*
 * The client against a server that is scripted here, answer by answer. Time
 * is a number; the server's messages come from stun/builder.h, its judgement
 * of the client's messages from stun/message.h and stun/integrity.h.
 */
#include "unit.h"

#include <errno.h>

#include "base/wire.h"
#include "client/client.h"
#include "stun/builder.h"
#include "stun/channel_data.h"
#include "stun/integrity.h"
#include "stun/message.h"

#define REALM "turn.example.org"
#define NONCE "a nonce"
/* Cookies with the feature bits: none, algorithms, anonymity, both. */
#define COOKIE "obMatJos2AAAA"
#define COOKIE_ALGORITHMS "obMatJos2gAAA"
#define COOKIE_ANONYMITY "obMatJos2QAAA"
#define COOKIE_BOTH "obMatJos2wAAA"

static struct crypto *crypto;
static struct random entropy;
static struct client_config config;
static struct client c;
static struct client_event event;
static struct secret key; /* the server's, once it has challenged */
static bool sha256;       /* it has offered algorithms */

/* The datagram that the client sent last, and what the server reads in it. */
static uint8_t out[CLIENT_REQUEST_MAX_BYTES];
static size_t out_bytes;
static struct stun_message request;

/* The server's answer being written. */
static struct stun_builder b;
static uint8_t answer[4096];

static struct addr relayed, mapped, peer;

static void set_up(void)
{
	static const uint8_t seed[RANDOM_SEED_BYTES] = { 42 };

	crypto = crypto_new();
	ck_assert_ptr_nonnull(crypto);
	random_init(&entropy, crypto, seed);
	config = (struct client_config){ .name = bytes_str("alice"),
					 .password = bytes_str("secret"),
					 .crypto = crypto,
					 .random = &entropy };
	client_init(&c, &config);
	memset(&key, 0, sizeof(key));
	sha256 = false;
	relayed = addr_ipv4(0xC6336401, 50000);
	mapped = addr_ipv4(0xCB007105, 40000);
	peer = addr_ipv4(0xC0000201, 6000);
}

static void tear_down(void)
{
	client_fini(&c);
	crypto_free(crypto);
}

static size_t poll(uint64_t now_ms)
{
	out_bytes = client_poll(&c, now_ms, out, sizeof(out), &event);
	return out_bytes;
}

static void expect_silence(uint64_t now_ms)
{
	ck_assert_uint_eq(poll(now_ms), 0);
	ck_assert_int_eq(event.type, CLIENT_NOTHING);
}

/* The client sends a request of that method at `now_ms`, now in `request`. */
static void expect_request(uint16_t method, uint64_t now_ms)
{
	ck_assert_uint_gt(poll(now_ms), 0);
	ck_assert_int_eq(event.type, CLIENT_NOTHING);
	ck_assert_int_eq(stun_parse(bytes_of(out, out_bytes), &request),
			 STUN_OK);
	ck_assert_int_eq(request.class, STUN_REQUEST);
	ck_assert_uint_eq(request.method, method);
	ck_assert_uint_eq(request.unknown_count, 0);
}

static void expect_text(uint16_t type, const char *text)
{
	const struct stun_attr *a = stun_find(&request, type);

	ck_assert_ptr_nonnull(a);
	ck_assert(bytes_equal(a->value, bytes_str(text)));
}

static void expect_u32(uint16_t type, uint32_t expected)
{
	const struct stun_attr *a = stun_find(&request, type);
	uint32_t value;

	ck_assert_ptr_nonnull(a);
	ck_assert(stun_get_u32(a, &value));
	ck_assert_uint_eq(value, expected);
}

static void expect_peer(const struct addr *expected)
{
	const struct stun_attr *a =
		stun_find(&request, STUN_ATTR_XOR_PEER_ADDRESS);
	struct addr got;

	ck_assert_ptr_nonnull(a);
	ck_assert(stun_get_xor_addr(&request, a, &got));
	ck_assert(addr_equal(&got, expected));
}

static void expect_absent(uint16_t type)
{
	ck_assert_ptr_null(stun_find(&request, type));
}

/* The request carries credentials that the server's key confirms. */
static void expect_credentials(const char *realm, const char *nonce)
{
	expect_text(STUN_ATTR_REALM, realm);
	expect_text(STUN_ATTR_NONCE, nonce);
	ck_assert(!request.integrity_at == sha256);
	ck_assert(!request.integrity_sha256_at != sha256);
	ck_assert(stun_check_integrity(&request, crypto, secret_bytes(&key)));
}

static void begin_to(const uint8_t *id, enum stun_class class, uint16_t method)
{
	stun_begin(&b, answer, sizeof(answer), class, method, id);
}

/* An answer to the last request. */
static void begin(enum stun_class class)
{
	begin_to(request.transaction_id, class, request.method);
}

static void begin_error(uint16_t code)
{
	begin(STUN_ERROR);
	stun_add_error(&b, code);
}

static void deliver(uint64_t now_ms)
{
	size_t size = stun_finish(&b);

	ck_assert_uint_gt(size, 0);
	client_receive(&c, bytes_of(answer, size), now_ms, &event);
}

static void sign(void)
{
	if (sha256)
		stun_add_integrity_sha256(&b, crypto, secret_bytes(&key));
	else
		stun_add_integrity(&b, crypto, secret_bytes(&key));
}

static void deliver_signed(uint64_t now_ms)
{
	sign();
	deliver(now_ms);
}

/* A 401 or 438 that the client takes without an event. */
static void challenge(uint16_t code, const char *realm, const char *nonce,
		      const uint16_t *algorithms, size_t count, uint64_t now_ms)
{
	begin_error(code);
	if (realm)
		stun_add(&b, STUN_ATTR_REALM, bytes_str(realm));
	stun_add(&b, STUN_ATTR_NONCE, bytes_str(nonce));
	if (algorithms)
		stun_add_algorithms(&b, STUN_ATTR_PASSWORD_ALGORITHMS,
				    algorithms, count);
	deliver(now_ms);
}

static void make_key(enum stun_algorithm algorithm, const char *realm)
{
	stun_long_term_key(crypto, algorithm, bytes_str("alice"),
			   bytes_str(realm), bytes_str("secret"), &key);
}

static void challenge_md5(uint64_t now_ms)
{
	challenge(401, REALM, NONCE, NULL, 0, now_ms);
	ck_assert_int_eq(event.type, CLIENT_NOTHING);
	make_key(STUN_ALGORITHM_MD5, REALM);
}

static void deliver_allocated(uint64_t now_ms)
{
	begin(STUN_SUCCESS);
	stun_add_xor_addr(&b, STUN_ATTR_XOR_RELAYED_ADDRESS, &relayed);
	stun_add_xor_addr(&b, STUN_ATTR_XOR_MAPPED_ADDRESS, &mapped);
	stun_add_u32(&b, STUN_ATTR_LIFETIME, 600);
	deliver_signed(now_ms);
}

/* An allocation by MD5, at time 0. */
static void allocate(void)
{
	ck_assert_int_eq(client_allocate(&c, 0, 0), 0);
	expect_request(STUN_ALLOCATE, 0);
	challenge_md5(0);
	expect_request(STUN_ALLOCATE, 0);
	deliver_allocated(0);
	ck_assert_int_eq(event.type, CLIENT_ALLOCATED);
}

static void permit(const struct addr *a)
{
	ck_assert_int_eq(client_permit(&c, a, 0), 0);
	expect_request(STUN_CREATE_PERMISSION, 0);
	begin(STUN_SUCCESS);
	deliver_signed(0);
	ck_assert_int_eq(event.type, CLIENT_PERMITTED);
}

static void bind_channel(uint16_t channel, const struct addr *a)
{
	ck_assert_int_eq(client_bind(&c, channel, a, 0), 0);
	expect_request(STUN_CHANNEL_BIND, 0);
	begin(STUN_SUCCESS);
	deliver_signed(0);
	ck_assert_int_eq(event.type, CLIENT_BOUND);
}

static void expect_failure(enum client_failure failure, uint16_t code)
{
	ck_assert_int_eq(event.type, CLIENT_FAILED);
	ck_assert_int_eq(event.failure, failure);
	ck_assert_uint_eq(event.code, code);
	ck_assert_uint_eq(client_due_ms(&c), UINT64_MAX);
}

START_TEST(a_new_client_is_silent)
{
	ck_assert_uint_eq(client_due_ms(&c), UINT64_MAX);
	expect_silence(0);
	expect_silence(UINT64_MAX);
}
END_TEST

START_TEST(the_first_request_has_no_credentials)
{
	ck_assert_int_eq(client_allocate(&c, 0, 7), 0);
	ck_assert_uint_eq(client_due_ms(&c), 7);
	expect_silence(6);
	expect_request(STUN_ALLOCATE, 7);
	ck_assert_uint_eq(request.attr_count, 1);
	expect_u32(STUN_ATTR_REQUESTED_TRANSPORT, 17u << 24);
	ck_assert_uint_eq(request.integrity_at, 0);
	ck_assert_uint_eq(request.integrity_sha256_at, 0);
}
END_TEST

START_TEST(a_lifetime_is_asked_where_wanted)
{
	ck_assert_int_eq(client_allocate(&c, 3600, 0), 0);
	expect_request(STUN_ALLOCATE, 0);
	expect_u32(STUN_ATTR_LIFETIME, 3600);
}
END_TEST

START_TEST(a_401_is_answered_with_md5)
{
	uint8_t id[STUN_TRANSACTION_ID_BYTES];

	ck_assert_int_eq(client_allocate(&c, 0, 0), 0);
	expect_request(STUN_ALLOCATE, 0);
	memcpy(id, request.transaction_id, sizeof(id));
	challenge_md5(30);
	ck_assert_uint_eq(client_due_ms(&c), 30);
	expect_request(STUN_ALLOCATE, 30);
	/* RFC 8489 section 9.2.5: a new transaction */
	ck_assert(memcmp(id, request.transaction_id, sizeof(id)) != 0);
	expect_text(STUN_ATTR_USERNAME, "alice");
	expect_absent(STUN_ATTR_USERHASH);
	expect_absent(STUN_ATTR_PASSWORD_ALGORITHM);
	expect_absent(STUN_ATTR_PASSWORD_ALGORITHMS);
	expect_credentials(REALM, NONCE);

	deliver_allocated(60);
	ck_assert_int_eq(event.type, CLIENT_ALLOCATED);
	ck_assert_uint_eq(event.method, STUN_ALLOCATE);
	ck_assert_uint_eq(event.lifetime_s, 600);
	ck_assert(addr_equal(&event.relayed, &relayed));
	ck_assert(addr_equal(&event.mapped, &mapped));
	ck_assert_uint_eq(client_due_ms(&c), UINT64_MAX);
	ck_assert(c.allocated);
}
END_TEST

/* The algorithm that the client picks from a list, as request and key show. */
static void expect_choice(const uint16_t *algorithms, size_t count,
			  enum stun_algorithm expected)
{
	const struct stun_attr *a;
	uint16_t got;
	size_t at = 0;

	client_init(&c, &config);
	ck_assert_int_eq(client_allocate(&c, 0, 0), 0);
	expect_request(STUN_ALLOCATE, 0);
	challenge(401, REALM, COOKIE_ALGORITHMS, algorithms, count, 0);
	ck_assert_int_eq(event.type, CLIENT_NOTHING);
	make_key(expected, REALM);
	sha256 = true;
	expect_request(STUN_ALLOCATE, 0);
	expect_credentials(REALM, COOKIE_ALGORITHMS);
	expect_text(STUN_ATTR_USERNAME, "alice");

	a = stun_find(&request, STUN_ATTR_PASSWORD_ALGORITHM);
	ck_assert_ptr_nonnull(a);
	ck_assert(stun_get_algorithm(a, &at, &got));
	ck_assert_uint_eq(got, expected);
	ck_assert_uint_eq(a->value.len, 4);

	/* the list goes back as it came */
	a = stun_find(&request, STUN_ATTR_PASSWORD_ALGORITHMS);
	ck_assert_ptr_nonnull(a);
	ck_assert_uint_eq(a->value.len, 4 * count);
	at = 0;
	for (size_t i = 0; i < count; i++) {
		ck_assert(stun_get_algorithm(a, &at, &got));
		ck_assert_uint_eq(got, algorithms[i]);
	}
	deliver_allocated(0);
	ck_assert_int_eq(event.type, CLIENT_ALLOCATED);
}

START_TEST(the_first_known_algorithm_is_taken)
{
	static const uint16_t lists[][3] = {
		{ 2, 1, 7 }, { 1, 2, 7 }, { 7, 2, 1 }, { 0, 7, 1 }
	};

	expect_choice(lists[0], 3, STUN_ALGORITHM_SHA256);
	expect_choice(lists[1], 3, STUN_ALGORITHM_MD5);
	expect_choice(lists[2], 3, STUN_ALGORITHM_SHA256);
	expect_choice(lists[3], 3, STUN_ALGORITHM_MD5);
	expect_choice(lists[0], 1, STUN_ALGORITHM_SHA256);
	expect_choice(lists[1], 1, STUN_ALGORITHM_MD5);
}
END_TEST

START_TEST(the_longest_list_is_answered)
{
	static const uint16_t list[17] = { 7, 7, 7, 7, 7, 7, 7, 7,
					   7, 7, 7, 7, 7, 7, 7, 2 };

	expect_choice(list, 16, STUN_ALGORITHM_SHA256);
	client_init(&c, &config);
	client_allocate(&c, 0, 0);
	expect_request(STUN_ALLOCATE, 0);
	challenge(401, REALM, COOKIE_ALGORITHMS, list, 17, 0);
	expect_failure(CLIENT_BAD_CHALLENGE, 401);
}
END_TEST

START_TEST(no_known_algorithm_ends_it)
{
	static const uint16_t list[] = { 7, 8 };

	client_allocate(&c, 0, 0);
	expect_request(STUN_ALLOCATE, 0);
	challenge(401, REALM, COOKIE_ALGORITHMS, list, 2, 0);
	expect_failure(CLIENT_BAD_CHALLENGE, 401);
	ck_assert_uint_eq(event.method, STUN_ALLOCATE);
}
END_TEST

START_TEST(an_algorithm_bit_without_a_list_ends_it)
{
	client_allocate(&c, 0, 0);
	expect_request(STUN_ALLOCATE, 0);
	challenge(401, REALM, COOKIE_ALGORITHMS "tail", NULL, 0, 0);
	expect_failure(CLIENT_BAD_CHALLENGE, 401);

	client_allocate(&c, 0, 0);
	expect_request(STUN_ALLOCATE, 0);
	challenge(401, REALM, COOKIE_BOTH, NULL, 0, 0);
	expect_failure(CLIENT_BAD_CHALLENGE, 401);
}
END_TEST

START_TEST(other_nonces_have_no_bits)
{
	static const char *const nonces[] = {
		COOKIE,          COOKIE "tail",   "obMatJos2gAA",
		"obMatJos2gA-A", "obMatJos3gAAA", "obMatJos2",
	};

	for (size_t i = 0; i < sizeof(nonces) / sizeof(nonces[0]); i++) {
		client_init(&c, &config);
		client_allocate(&c, 0, 0);
		expect_request(STUN_ALLOCATE, 0);
		challenge(401, REALM, nonces[i], NULL, 0, 0);
		ck_assert_msg(event.type == CLIENT_NOTHING, "%s", nonces[i]);
		make_key(STUN_ALGORITHM_MD5, REALM);
		expect_request(STUN_ALLOCATE, 0);
		expect_credentials(REALM, nonces[i]);
		expect_text(STUN_ATTR_USERNAME, "alice");
	}
}
END_TEST

/* A NUL among the features is not in the alphabet, though strchr finds it. */
START_TEST(a_nul_is_no_feature)
{
	client_allocate(&c, 0, 0);
	expect_request(STUN_ALLOCATE, 0);
	begin_error(401);
	stun_add(&b, STUN_ATTR_REALM, bytes_str(REALM));
	stun_add(&b, STUN_ATTR_NONCE, bytes_of("obMatJos2g\0AA", 13));
	deliver(0);
	ck_assert_int_eq(event.type, CLIENT_NOTHING);
	expect_request(STUN_ALLOCATE, 0);
}
END_TEST

START_TEST(the_anonymity_bit_calls_for_a_hash)
{
	static const uint16_t list[] = { 2 };
	uint8_t hash[STUN_USERHASH_BYTES];
	const struct stun_attr *a;

	client_allocate(&c, 0, 0);
	expect_request(STUN_ALLOCATE, 0);
	challenge(401, REALM, COOKIE_BOTH, list, 1, 0);
	make_key(STUN_ALGORITHM_SHA256, REALM);
	sha256 = true;
	expect_request(STUN_ALLOCATE, 0);
	expect_credentials(REALM, COOKIE_BOTH);
	expect_absent(STUN_ATTR_USERNAME);
	a = stun_find(&request, STUN_ATTR_USERHASH);
	ck_assert_ptr_nonnull(a);
	stun_userhash(crypto, bytes_str("alice"), bytes_str(REALM), hash);
	ck_assert(bytes_equal(a->value, bytes_of(hash, sizeof(hash))));

	/* the bit alone, without algorithms */
	client_init(&c, &config);
	client_allocate(&c, 0, 0);
	expect_request(STUN_ALLOCATE, 0);
	challenge(401, REALM, COOKIE_ANONYMITY, NULL, 0, 0);
	make_key(STUN_ALGORITHM_MD5, REALM);
	sha256 = false;
	expect_request(STUN_ALLOCATE, 0);
	expect_credentials(REALM, COOKIE_ANONYMITY);
	expect_absent(STUN_ATTR_USERNAME);
}
END_TEST

START_TEST(a_challenge_needs_realm_and_nonce)
{
	static char text[CLIENT_TEXT_MAX_BYTES + 2];

	client_allocate(&c, 0, 0);
	expect_request(STUN_ALLOCATE, 0);
	challenge(401, NULL, NONCE, NULL, 0, 0);
	expect_failure(CLIENT_BAD_CHALLENGE, 401);

	client_allocate(&c, 0, 0);
	expect_request(STUN_ALLOCATE, 0);
	challenge(401, "", NONCE, NULL, 0, 0);
	expect_failure(CLIENT_BAD_CHALLENGE, 401);

	client_allocate(&c, 0, 0);
	expect_request(STUN_ALLOCATE, 0);
	challenge(401, REALM, "", NULL, 0, 0);
	expect_failure(CLIENT_BAD_CHALLENGE, 401);

	client_allocate(&c, 0, 0);
	expect_request(STUN_ALLOCATE, 0);
	begin_error(401);
	stun_add(&b, STUN_ATTR_REALM, bytes_str(REALM));
	deliver(0);
	expect_failure(CLIENT_BAD_CHALLENGE, 401);

	memset(text, 'x', CLIENT_TEXT_MAX_BYTES + 1);
	client_allocate(&c, 0, 0);
	expect_request(STUN_ALLOCATE, 0);
	challenge(401, text, NONCE, NULL, 0, 0);
	expect_failure(CLIENT_BAD_CHALLENGE, 401);

	client_allocate(&c, 0, 0);
	expect_request(STUN_ALLOCATE, 0);
	challenge(401, REALM, text, NULL, 0, 0);
	expect_failure(CLIENT_BAD_CHALLENGE, 401);
	ck_assert_uint_eq(c.algorithm, 0);
}
END_TEST

/* Everything as long as it may be, and IPv6, still fits one request. */
START_TEST(the_longest_request_is_sent)
{
	static const uint16_t list[16] = { 7, 7, 7, 7, 7, 7, 7, 7,
					   7, 7, 7, 7, 7, 7, 7, 1 };
	static const uint8_t ip[16] = { 0x20, 0x01, 0x0D, 0xB8 };
	static char text[CLIENT_TEXT_MAX_BYTES + 1];
	struct addr v6 = addr_ipv6(ip, 1);

	memset(text, 'x', CLIENT_TEXT_MAX_BYTES);
	config.name = bytes_of(text, STUN_USERNAME_MAX_BYTES);
	client_init(&c, &config);
	client_allocate(&c, 3600, 0);
	expect_request(STUN_ALLOCATE, 0);
	challenge(401, text, text, list, 16, 0);
	ck_assert_int_eq(event.type, CLIENT_NOTHING);
	stun_long_term_key(crypto, STUN_ALGORITHM_MD5, config.name,
			   bytes_str(text), bytes_str("secret"), &key);
	sha256 = true;
	expect_request(STUN_ALLOCATE, 0);
	expect_credentials(text, text);
	deliver_allocated(0);
	ck_assert_int_eq(event.type, CLIENT_ALLOCATED);
	ck_assert_int_eq(client_bind(&c, 0x4000, &v6, 0), 0);
	expect_request(STUN_CHANNEL_BIND, 0);
	expect_peer(&v6);
}
END_TEST

START_TEST(wrong_credentials_end_it)
{
	client_allocate(&c, 0, 0);
	expect_request(STUN_ALLOCATE, 0);
	challenge_md5(0);
	expect_request(STUN_ALLOCATE, 0);
	challenge(401, REALM, "another", NULL, 0, 0);
	expect_failure(CLIENT_REFUSED, 401);
	ck_assert(!c.allocated);
}
END_TEST

START_TEST(a_stale_nonce_is_replaced)
{
	allocate();
	ck_assert_int_eq(client_permit(&c, &peer, 100), 0);
	expect_request(STUN_CREATE_PERMISSION, 100);
	expect_credentials(REALM, NONCE);
	challenge(438, REALM, "fresh", NULL, 0, 120);
	ck_assert_int_eq(event.type, CLIENT_NOTHING);
	ck_assert_uint_eq(client_due_ms(&c), 120);
	expect_request(STUN_CREATE_PERMISSION, 120);
	expect_credentials(REALM, "fresh");
	expect_peer(&peer);
	begin(STUN_SUCCESS);
	deliver_signed(130);
	ck_assert_int_eq(event.type, CLIENT_PERMITTED);

	/* the next request starts with the new one */
	client_refresh(&c, 600, 200);
	expect_request(STUN_REFRESH, 200);
	expect_credentials(REALM, "fresh");
}
END_TEST

START_TEST(a_438_may_leave_out_the_realm_or_change_all)
{
	static const uint16_t list[] = { 2, 1 };

	allocate();
	client_refresh(&c, 600, 0);
	expect_request(STUN_REFRESH, 0);
	challenge(438, NULL, "fresh", NULL, 0, 0);
	ck_assert_int_eq(event.type, CLIENT_NOTHING);
	expect_request(STUN_REFRESH, 0);
	expect_credentials(REALM, "fresh");

	challenge(438, "other", COOKIE_ALGORITHMS, list, 2, 0);
	ck_assert_int_eq(event.type, CLIENT_NOTHING);
	make_key(STUN_ALGORITHM_SHA256, "other");
	sha256 = true;
	expect_request(STUN_REFRESH, 0);
	expect_credentials("other", COOKIE_ALGORITHMS);
}
END_TEST

START_TEST(a_bad_438_changes_nothing)
{
	allocate();
	client_refresh(&c, 600, 0);
	expect_request(STUN_REFRESH, 0);
	challenge(438, REALM, COOKIE_ALGORITHMS, NULL, 0, 0);
	expect_failure(CLIENT_BAD_CHALLENGE, 438);
	client_refresh(&c, 600, 0);
	expect_request(STUN_REFRESH, 0);
	expect_credentials(REALM, NONCE);
}
END_TEST

START_TEST(nonces_cannot_be_stale_for_ever)
{
	allocate();
	client_refresh(&c, 600, 0);
	for (int i = 0; i < CLIENT_STALE_MAX; i++) {
		expect_request(STUN_REFRESH, 0);
		challenge(438, REALM, "again", NULL, 0, 0);
		ck_assert_int_eq(event.type, CLIENT_NOTHING);
	}
	expect_request(STUN_REFRESH, 0);
	challenge(438, REALM, "again", NULL, 0, 0);
	expect_failure(CLIENT_REFUSED, 438);

	/* counted per request */
	client_refresh(&c, 600, 0);
	expect_request(STUN_REFRESH, 0);
	challenge(438, REALM, "again", NULL, 0, 0);
	ck_assert_int_eq(event.type, CLIENT_NOTHING);
}
END_TEST

/* RFC 8489 section 6.2.1 gives these times for an RTO of 500 ms. */
START_TEST(a_request_is_repeated_then_given_up)
{
	static const uint64_t sent_ms[] = { 0,    500,   1500, 3500,
					    7500, 15500, 31500 };
	uint8_t first[CLIENT_REQUEST_MAX_BYTES];
	size_t first_bytes;

	client_allocate(&c, 0, 0);
	expect_request(STUN_ALLOCATE, 0);
	first_bytes = out_bytes;
	memcpy(first, out, out_bytes);
	for (size_t i = 1; i < 7; i++) {
		ck_assert_uint_eq(client_due_ms(&c), sent_ms[i]);
		expect_silence(sent_ms[i] - 1);
		expect_request(STUN_ALLOCATE, sent_ms[i]);
		ck_assert_uint_eq(out_bytes, first_bytes);
		ck_assert_mem_eq(out, first, first_bytes);
	}
	ck_assert_uint_eq(client_due_ms(&c), 39500);
	expect_silence(39499);
	ck_assert_uint_eq(poll(39500), 0);
	expect_failure(CLIENT_TIMED_OUT, 0);
	ck_assert_uint_eq(event.method, STUN_ALLOCATE);
	expect_silence(39500);
}
END_TEST

START_TEST(the_rto_is_an_option)
{
	config.rto_ms = 10;
	client_allocate(&c, 0, 0);
	expect_request(STUN_ALLOCATE, 0);
	ck_assert_uint_eq(client_due_ms(&c), 10);
	expect_request(STUN_ALLOCATE, 10);
	ck_assert_uint_eq(client_due_ms(&c), 30);
}
END_TEST

/* A pause of the caller must not end in a burst. */
START_TEST(a_late_caller_sends_once)
{
	client_allocate(&c, 0, 0);
	expect_request(STUN_ALLOCATE, 0);
	expect_request(STUN_ALLOCATE, 100000);
	expect_silence(100000);
	ck_assert_uint_eq(client_due_ms(&c), 101000);
}
END_TEST

START_TEST(a_retry_starts_the_times_anew)
{
	client_allocate(&c, 0, 0);
	expect_request(STUN_ALLOCATE, 0);
	expect_request(STUN_ALLOCATE, 500);
	challenge_md5(600);
	expect_request(STUN_ALLOCATE, 600);
	ck_assert_uint_eq(client_due_ms(&c), 1100);
}
END_TEST

START_TEST(an_answer_to_a_repetition_counts)
{
	client_allocate(&c, 0, 0);
	expect_request(STUN_ALLOCATE, 0);
	challenge_md5(0);
	expect_request(STUN_ALLOCATE, 0);
	expect_request(STUN_ALLOCATE, 500);
	deliver_allocated(600);
	ck_assert_int_eq(event.type, CLIENT_ALLOCATED);
	/* and the second answer to it, a moment later, is nobody's */
	deliver_allocated(601);
	ck_assert_int_eq(event.type, CLIENT_NOTHING);
}
END_TEST

START_TEST(a_refusal_is_told)
{
	static const uint16_t codes[] = { 300, 400, 403, 420, 437, 440,
					  442, 486, 500, 508, 699 };

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		client_init(&c, &config);
		client_allocate(&c, 0, 0);
		expect_request(STUN_ALLOCATE, 0);
		challenge_md5(0);
		expect_request(STUN_ALLOCATE, 0);
		begin_error(codes[i]);
		deliver_signed(0);
		expect_failure(CLIENT_REFUSED, codes[i]);
		ck_assert_uint_eq(event.method, STUN_ALLOCATE);
		ck_assert_int_eq(event.alternate.family, ADDR_NONE);
	}
}
END_TEST

START_TEST(an_alternate_server_is_told)
{
	struct addr alternate = addr_ipv4(0xC0000263, 3478);

	client_allocate(&c, 0, 0);
	expect_request(STUN_ALLOCATE, 0);
	challenge_md5(0);
	expect_request(STUN_ALLOCATE, 0);
	begin_error(300);
	stun_add_addr(&b, STUN_ATTR_ALTERNATE_SERVER, &alternate);
	deliver_signed(0);
	expect_failure(CLIENT_REFUSED, 300);
	ck_assert(addr_equal(&event.alternate, &alternate));
}
END_TEST

START_TEST(an_unsigned_answer_is_ignored)
{
	client_allocate(&c, 0, 0);
	expect_request(STUN_ALLOCATE, 0);
	challenge_md5(0);
	expect_request(STUN_ALLOCATE, 0);
	begin_error(486);
	deliver(10);
	ck_assert_int_eq(event.type, CLIENT_NOTHING);
	begin(STUN_SUCCESS);
	stun_add_xor_addr(&b, STUN_ATTR_XOR_RELAYED_ADDRESS, &relayed);
	stun_add_xor_addr(&b, STUN_ATTR_XOR_MAPPED_ADDRESS, &mapped);
	stun_add_u32(&b, STUN_ATTR_LIFETIME, 600);
	deliver(10);
	ck_assert_int_eq(event.type, CLIENT_NOTHING);
	/* repetitions go on, and the true answer is still taken */
	ck_assert_uint_eq(client_due_ms(&c), 500);
	expect_request(STUN_ALLOCATE, 500);
	deliver_allocated(510);
	ck_assert_int_eq(event.type, CLIENT_ALLOCATED);
}
END_TEST

START_TEST(an_answer_with_another_key_is_ignored)
{
	client_allocate(&c, 0, 0);
	expect_request(STUN_ALLOCATE, 0);
	challenge_md5(0);
	expect_request(STUN_ALLOCATE, 0);
	make_key(STUN_ALGORITHM_MD5, "another realm");
	deliver_allocated(0);
	ck_assert_int_eq(event.type, CLIENT_NOTHING);
	ck_assert(!c.allocated);
}
END_TEST

static void run_out(void)
{
	while (client_due_ms(&c) != UINT64_MAX)
		poll(client_due_ms(&c));
}

START_TEST(unverified_answers_alone_are_told_at_the_end)
{
	client_allocate(&c, 0, 0);
	expect_request(STUN_ALLOCATE, 0);
	challenge_md5(0);
	expect_request(STUN_ALLOCATE, 0);
	begin_error(441);
	deliver(0);
	run_out();
	expect_failure(CLIENT_NOT_VERIFIED, 441);

	/* forgotten by the next transaction of a request */
	client_init(&c, &config);
	client_allocate(&c, 0, 0);
	expect_request(STUN_ALLOCATE, 0);
	begin_error(400);
	deliver(0);
	challenge_md5(0);
	run_out();
	expect_failure(CLIENT_TIMED_OUT, 0);

	/* and by the next request */
	client_allocate(&c, 0, 0);
	expect_request(STUN_ALLOCATE, 0);
	run_out();
	expect_failure(CLIENT_TIMED_OUT, 0);
}
END_TEST

START_TEST(without_a_key_300_and_400_are_ignored)
{
	client_allocate(&c, 0, 0);
	expect_request(STUN_ALLOCATE, 0);
	begin_error(300);
	deliver(0);
	ck_assert_int_eq(event.type, CLIENT_NOTHING);
	begin_error(400);
	deliver(0);
	ck_assert_int_eq(event.type, CLIENT_NOTHING);
	run_out();
	expect_failure(CLIENT_NOT_VERIFIED, 400);

	client_allocate(&c, 0, 0);
	expect_request(STUN_ALLOCATE, 0);
	begin_error(508);
	deliver(0);
	expect_failure(CLIENT_REFUSED, 508);
}
END_TEST

START_TEST(a_server_without_authentication_serves)
{
	client_allocate(&c, 0, 0);
	expect_request(STUN_ALLOCATE, 0);
	begin(STUN_SUCCESS);
	stun_add_xor_addr(&b, STUN_ATTR_XOR_RELAYED_ADDRESS, &relayed);
	stun_add_xor_addr(&b, STUN_ATTR_XOR_MAPPED_ADDRESS, &mapped);
	stun_add_u32(&b, STUN_ATTR_LIFETIME, 600);
	deliver(0);
	ck_assert_int_eq(event.type, CLIENT_ALLOCATED);
}
END_TEST

START_TEST(an_algorithm_bit_in_other_answers_ignores_them)
{
	allocate();
	client_refresh(&c, 600, 0);
	expect_request(STUN_REFRESH, 0);
	begin(STUN_SUCCESS);
	stun_add_u32(&b, STUN_ATTR_LIFETIME, 600);
	stun_add(&b, STUN_ATTR_NONCE, bytes_str(COOKIE_ALGORITHMS));
	deliver_signed(0);
	ck_assert_int_eq(event.type, CLIENT_NOTHING);
}
END_TEST

START_TEST(strangers_are_ignored)
{
	uint8_t id[STUN_TRANSACTION_ID_BYTES];

	/* nothing was sent yet */
	client_allocate(&c, 0, 0);
	begin_to(c.request.transaction_id, STUN_SUCCESS, STUN_ALLOCATE);
	deliver(0);
	ck_assert_int_eq(event.type, CLIENT_NOTHING);

	expect_request(STUN_ALLOCATE, 0);
	memcpy(id, request.transaction_id, sizeof(id));
	id[11] ^= 1;
	begin_to(id, STUN_ERROR, STUN_ALLOCATE);
	stun_add_error(&b, 508);
	deliver(0);
	ck_assert_int_eq(event.type, CLIENT_NOTHING);
	/* right id, other method; a request; not STUN at all */
	begin_to(request.transaction_id, STUN_ERROR, STUN_REFRESH);
	stun_add_error(&b, 508);
	deliver(0);
	ck_assert_int_eq(event.type, CLIENT_NOTHING);
	begin_to(request.transaction_id, STUN_REQUEST, STUN_ALLOCATE);
	deliver(0);
	ck_assert_int_eq(event.type, CLIENT_NOTHING);
	client_receive(&c, bytes_str("hello"), 0, &event);
	ck_assert_int_eq(event.type, CLIENT_NOTHING);
	client_receive(&c, bytes_of(NULL, 0), 0, &event);
	ck_assert_int_eq(event.type, CLIENT_NOTHING);
	ck_assert_uint_eq(client_due_ms(&c), 500);
}
END_TEST

/* An answer that lacks the attribute `without`. */
static void expect_bad_answer(uint16_t without)
{
	client_init(&c, &config);
	client_allocate(&c, 0, 0);
	expect_request(STUN_ALLOCATE, 0);
	challenge_md5(0);
	expect_request(STUN_ALLOCATE, 0);
	begin(STUN_SUCCESS);
	if (without != STUN_ATTR_XOR_RELAYED_ADDRESS)
		stun_add_xor_addr(&b, STUN_ATTR_XOR_RELAYED_ADDRESS, &relayed);
	if (without != STUN_ATTR_XOR_MAPPED_ADDRESS)
		stun_add_xor_addr(&b, STUN_ATTR_XOR_MAPPED_ADDRESS, &mapped);
	if (without != STUN_ATTR_LIFETIME)
		stun_add_u32(&b, STUN_ATTR_LIFETIME, 600);
	if (without == 0x4444)
		stun_add_flag(&b, 0x4444);
	deliver_signed(0);
	expect_failure(CLIENT_BAD_ANSWER, 0);
	ck_assert(!c.allocated);
}

START_TEST(an_incomplete_answer_is_bad)
{
	expect_bad_answer(STUN_ATTR_XOR_RELAYED_ADDRESS);
	expect_bad_answer(STUN_ATTR_XOR_MAPPED_ADDRESS);
	expect_bad_answer(STUN_ATTR_LIFETIME);
	/* the other way round: one too many, that nobody knows */
	expect_bad_answer(0x4444);
}
END_TEST

START_TEST(an_error_without_a_code_is_bad)
{
	allocate();
	client_refresh(&c, 600, 0);
	expect_request(STUN_REFRESH, 0);
	begin(STUN_ERROR);
	deliver_signed(0);
	expect_failure(CLIENT_BAD_ANSWER, 0);

	client_refresh(&c, 600, 0);
	expect_request(STUN_REFRESH, 0);
	begin_error(438);
	stun_add_flag(&b, 0x4444);
	deliver_signed(0);
	expect_failure(CLIENT_BAD_ANSWER, 438);
}
END_TEST

START_TEST(a_refresh_is_confirmed)
{
	allocate();
	ck_assert_int_eq(client_refresh(&c, 1200, 5), 0);
	expect_request(STUN_REFRESH, 5);
	expect_u32(STUN_ATTR_LIFETIME, 1200);
	expect_credentials(REALM, NONCE);
	begin(STUN_SUCCESS);
	stun_add_u32(&b, STUN_ATTR_LIFETIME, 1000);
	deliver_signed(6);
	ck_assert_int_eq(event.type, CLIENT_REFRESHED);
	ck_assert_uint_eq(event.lifetime_s, 1000);
	ck_assert(c.allocated);

	client_refresh(&c, 1200, 5);
	expect_request(STUN_REFRESH, 5);
	begin(STUN_SUCCESS);
	deliver_signed(6);
	expect_failure(CLIENT_BAD_ANSWER, 0);
}
END_TEST

START_TEST(a_refresh_of_zero_gives_up)
{
	allocate();
	permit(&peer);
	client_refresh(&c, 0, 0);
	expect_request(STUN_REFRESH, 0);
	expect_u32(STUN_ATTR_LIFETIME, 0);
	begin(STUN_SUCCESS);
	stun_add_u32(&b, STUN_ATTR_LIFETIME, 0);
	deliver_signed(0);
	ck_assert_int_eq(event.type, CLIENT_REFRESHED);
	ck_assert_uint_eq(event.lifetime_s, 0);
	ck_assert(!c.allocated);
	ck_assert_uint_eq(
		client_send(&c, &peer, bytes_str("x"), out, sizeof(out)), 0);

	/* and the next one can begin, with the nonce that is known */
	ck_assert_int_eq(client_allocate(&c, 0, 0), 0);
	expect_request(STUN_ALLOCATE, 0);
	expect_credentials(REALM, NONCE);
	deliver_allocated(0);
	ck_assert_int_eq(event.type, CLIENT_ALLOCATED);
}
END_TEST

START_TEST(an_allocation_already_gone_is_given_up)
{
	allocate();
	client_refresh(&c, 0, 0);
	expect_request(STUN_REFRESH, 0);
	begin_error(437);
	deliver_signed(0);
	ck_assert_int_eq(event.type, CLIENT_REFRESHED);
	ck_assert_uint_eq(event.lifetime_s, 0);
	ck_assert(!c.allocated);

	client_init(&c, &config);
	allocate();
	client_refresh(&c, 600, 0);
	expect_request(STUN_REFRESH, 0);
	begin_error(437);
	deliver_signed(0);
	expect_failure(CLIENT_REFUSED, 437);
	ck_assert(!c.allocated);
}
END_TEST

START_TEST(wishes_wait_for_their_turn)
{
	ck_assert_int_eq(client_permit(&c, &peer, 0), -ENOTCONN);
	ck_assert_int_eq(client_bind(&c, 0x4000, &peer, 0), -ENOTCONN);
	ck_assert_int_eq(client_refresh(&c, 0, 0), -ENOTCONN);
	client_allocate(&c, 0, 0);
	ck_assert_int_eq(client_allocate(&c, 0, 0), -EBUSY);
	ck_assert_int_eq(client_permit(&c, &peer, 0), -EBUSY);
	ck_assert_int_eq(client_bind(&c, 0x4000, &peer, 0), -EBUSY);
	ck_assert_int_eq(client_refresh(&c, 0, 0), -EBUSY);

	client_init(&c, &config);
	allocate();
	ck_assert_int_eq(client_allocate(&c, 0, 0), -EISCONN);
}
END_TEST

START_TEST(peers_are_as_many_as_there_is_room_for)
{
	struct addr a;

	allocate();
	for (uint32_t i = 0; i < CLIENT_PEERS_MAX; i++) {
		a = addr_ipv4(0xC0000201 + i, 6000);
		permit(&a);
	}
	/* the same IP address, whatever the port, takes no place */
	a = addr_ipv4(0xC0000201, 6001);
	permit(&a);
	a = addr_ipv4(0xC0000281, 6000);
	ck_assert_int_eq(client_permit(&c, &a, 0), -ENOSPC);
	ck_assert_int_eq(client_bind(&c, 0x4000, &a, 0), -ENOSPC);
	bind_channel(0x4000, &peer);
}
END_TEST

START_TEST(a_permission_is_confirmed)
{
	allocate();
	client_permit(&c, &peer, 0);
	expect_request(STUN_CREATE_PERMISSION, 0);
	expect_peer(&peer);
	expect_credentials(REALM, NONCE);
	begin(STUN_SUCCESS);
	deliver_signed(0);
	ck_assert_int_eq(event.type, CLIENT_PERMITTED);
	ck_assert_uint_eq(event.method, STUN_CREATE_PERMISSION);
	ck_assert(addr_equal(&event.peer, &peer));
}
END_TEST

START_TEST(a_refused_permission_is_none)
{
	allocate();
	client_permit(&c, &peer, 0);
	expect_request(STUN_CREATE_PERMISSION, 0);
	begin_error(403);
	deliver_signed(0);
	expect_failure(CLIENT_REFUSED, 403);
	ck_assert_uint_eq(event.method, STUN_CREATE_PERMISSION);
	ck_assert(addr_equal(&event.peer, &peer));
	ck_assert_uint_eq(
		client_send(&c, &peer, bytes_str("x"), out, sizeof(out)), 0);
}
END_TEST

START_TEST(a_channel_is_confirmed)
{
	allocate();
	client_bind(&c, 0x4001, &peer, 0);
	expect_request(STUN_CHANNEL_BIND, 0);
	expect_u32(STUN_ATTR_CHANNEL_NUMBER, 0x40010000);
	expect_peer(&peer);
	expect_credentials(REALM, NONCE);
	begin(STUN_SUCCESS);
	deliver_signed(0);
	ck_assert_int_eq(event.type, CLIENT_BOUND);
	ck_assert_uint_eq(event.channel, 0x4001);
	ck_assert(addr_equal(&event.peer, &peer));
}
END_TEST

static size_t send_to(const struct addr *a, struct bytes data)
{
	return client_send(&c, a, data, out, sizeof(out));
}

START_TEST(data_goes_by_indication)
{
	struct addr other_port = addr_with_port(&peer, 7);
	uint8_t id[STUN_TRANSACTION_ID_BYTES];
	const struct stun_attr *a;

	allocate();
	ck_assert_uint_eq(send_to(&peer, bytes_str("abc")), 0);
	permit(&peer);
	/* a permission is for every port */
	out_bytes = send_to(&other_port, bytes_str("abc"));
	ck_assert_uint_gt(out_bytes, 0);
	ck_assert_int_eq(stun_parse(bytes_of(out, out_bytes), &request),
			 STUN_OK);
	ck_assert_int_eq(request.class, STUN_INDICATION);
	ck_assert_uint_eq(request.method, STUN_SEND);
	ck_assert_uint_eq(request.attr_count, 2);
	expect_peer(&other_port);
	expect_text(STUN_ATTR_DATA, "abc");
	memcpy(id, request.transaction_id, sizeof(id));

	out_bytes = send_to(&peer, bytes_of(NULL, 0));
	ck_assert_int_eq(stun_parse(bytes_of(out, out_bytes), &request),
			 STUN_OK);
	a = stun_find(&request, STUN_ATTR_DATA);
	ck_assert_ptr_nonnull(a);
	ck_assert_uint_eq(a->value.len, 0);
	ck_assert(memcmp(id, request.transaction_id, sizeof(id)) != 0);
}
END_TEST

START_TEST(data_goes_by_channel_once_bound)
{
	struct addr other_port = addr_with_port(&peer, 7);

	allocate();
	permit(&peer);
	bind_channel(0x4002, &peer);
	ck_assert_uint_eq(send_to(&peer, bytes_str("abcde")), 9);
	ck_assert_mem_eq(out,
			 "\x40\x02\0\5"
			 "abcde",
			 9);
	ck_assert_uint_eq(send_to(&peer, bytes_of(NULL, 0)), 4);
	ck_assert_mem_eq(out, "\x40\x02\0\0", 4);
	/* a channel is for one port */
	ck_assert_uint_gt(send_to(&other_port, bytes_str("abcde")), 9);
}
END_TEST

START_TEST(data_that_does_not_fit_is_not_sent)
{
	static uint8_t large[0x10000], room[0x10010];

	allocate();
	permit(&peer);
	ck_assert_uint_eq(
		client_send(&c, &peer, bytes_str("abcd"), room, 20 + 12 + 8),
		40);
	ck_assert_uint_eq(
		client_send(&c, &peer, bytes_str("abcd"), room, 20 + 12 + 7),
		0);
	bind_channel(0x4000, &peer);
	ck_assert_uint_eq(client_send(&c, &peer, bytes_str("abcd"), room, 8),
			  8);
	ck_assert_uint_eq(client_send(&c, &peer, bytes_str("abcd"), room, 7),
			  0);
	ck_assert_uint_eq(client_send(&c, &peer, bytes_str("abcd"), room, 3),
			  0);
	ck_assert_uint_eq(client_send(&c, &peer, bytes_of(large, 0xFFFF), room,
				      sizeof(room)),
			  4 + 0xFFFF);
	ck_assert_uint_eq(client_send(&c, &peer, bytes_of(large, 0x10000), room,
				      sizeof(room)),
			  0);
}
END_TEST

static void deliver_data(const struct addr *from, const char *data)
{
	static const uint8_t id[STUN_TRANSACTION_ID_BYTES] = { 1 };

	begin_to(id, STUN_INDICATION, STUN_DATA);
	stun_add_xor_addr(&b, STUN_ATTR_XOR_PEER_ADDRESS, from);
	stun_add(&b, STUN_ATTR_DATA, bytes_str(data));
	deliver(0);
}

static void expect_data(const struct addr *from, uint16_t channel,
			const char *data)
{
	ck_assert_int_eq(event.type, CLIENT_DATA);
	ck_assert(addr_equal(&event.peer, from));
	ck_assert_uint_eq(event.channel, channel);
	ck_assert(bytes_equal(event.data, bytes_str(data)));
}

START_TEST(data_comes_by_indication)
{
	struct addr other_port = addr_with_port(&peer, 7);
	struct addr stranger = addr_ipv4(0xC00002FE, 6000);

	allocate();
	deliver_data(&peer, "abc");
	ck_assert_int_eq(event.type, CLIENT_NOTHING);
	permit(&peer);
	deliver_data(&peer, "abc");
	expect_data(&peer, 0, "abc");
	deliver_data(&other_port, "");
	expect_data(&other_port, 0, "");
	deliver_data(&stranger, "abc");
	ck_assert_int_eq(event.type, CLIENT_NOTHING);
}
END_TEST

START_TEST(data_may_come_before_the_answer)
{
	allocate();
	client_permit(&c, &peer, 0);
	expect_request(STUN_CREATE_PERMISSION, 0);
	deliver_data(&peer, "early");
	expect_data(&peer, 0, "early");
	begin(STUN_SUCCESS);
	deliver_signed(0);

	client_bind(&c, 0x4003, &peer, 0);
	expect_request(STUN_CHANNEL_BIND, 0);
	client_receive(&c, bytes_of("\x40\x03\0\1x", 5), 0, &event);
	expect_data(&peer, 0x4003, "x");
}
END_TEST

START_TEST(odd_indications_are_ignored)
{
	static const uint8_t id[STUN_TRANSACTION_ID_BYTES] = { 1 };

	allocate();
	permit(&peer);
	/* no data (as with ICMP), no peer, an unknown attribute, no Data */
	begin_to(id, STUN_INDICATION, STUN_DATA);
	stun_add_xor_addr(&b, STUN_ATTR_XOR_PEER_ADDRESS, &peer);
	deliver(0);
	ck_assert_int_eq(event.type, CLIENT_NOTHING);
	begin_to(id, STUN_INDICATION, STUN_DATA);
	stun_add(&b, STUN_ATTR_DATA, bytes_str("abc"));
	deliver(0);
	ck_assert_int_eq(event.type, CLIENT_NOTHING);
	begin_to(id, STUN_INDICATION, STUN_DATA);
	stun_add_xor_addr(&b, STUN_ATTR_XOR_PEER_ADDRESS, &peer);
	stun_add(&b, STUN_ATTR_DATA, bytes_str("abc"));
	stun_add_flag(&b, 0x4444);
	deliver(0);
	ck_assert_int_eq(event.type, CLIENT_NOTHING);
	begin_to(id, STUN_INDICATION, STUN_SEND);
	stun_add_xor_addr(&b, STUN_ATTR_XOR_PEER_ADDRESS, &peer);
	stun_add(&b, STUN_ATTR_DATA, bytes_str("abc"));
	deliver(0);
	ck_assert_int_eq(event.type, CLIENT_NOTHING);
}
END_TEST

START_TEST(data_comes_by_channel)
{
	allocate();
	bind_channel(0x4000, &peer);
	client_receive(&c, bytes_of("\x40\0\0\3abc", 7), 0, &event);
	expect_data(&peer, 0x4000, "abc");
	/* padding is no data; other channels and short datagrams are nothing */
	client_receive(&c, bytes_of("\x40\0\0\1a\0\0\0", 8), 0, &event);
	expect_data(&peer, 0x4000, "a");
	client_receive(&c, bytes_of("\x40\1\0\3abc", 7), 0, &event);
	ck_assert_int_eq(event.type, CLIENT_NOTHING);
	client_receive(&c, bytes_of("\x40\0\0\4abc", 7), 0, &event);
	ck_assert_int_eq(event.type, CLIENT_NOTHING);
}
END_TEST

START_TEST(a_channel_granted_anew_changes_its_peer)
{
	struct addr other = addr_ipv4(0xC0000202, 6000);

	allocate();
	bind_channel(0x4000, &peer);
	bind_channel(0x4000, &other);
	client_receive(&c, bytes_of("\x40\0\0\1a", 5), 0, &event);
	expect_data(&other, 0x4000, "a");
	/* the old one is reached by indication */
	ck_assert_uint_gt(send_to(&peer, bytes_str("a")), 5);
	ck_assert_uint_eq(send_to(&other, bytes_str("a")), 5);
}
END_TEST

START_TEST(the_key_is_wiped_in_the_end)
{
	static const struct secret none;

	allocate();
	ck_assert_uint_eq(c.key.len, CRYPTO_MD5_BYTES);
	client_fini(&c);
	ck_assert_mem_eq(&c.key, &none, sizeof(none));
}
END_TEST

static Suite *client_suite(void)
{
	Suite *s = suite_create("client");
	TCase *t = tcase_create("credentials");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_new_client_is_silent);
	tcase_add_test(t, the_first_request_has_no_credentials);
	tcase_add_test(t, a_lifetime_is_asked_where_wanted);
	tcase_add_test(t, a_401_is_answered_with_md5);
	tcase_add_test(t, the_first_known_algorithm_is_taken);
	tcase_add_test(t, the_longest_list_is_answered);
	tcase_add_test(t, no_known_algorithm_ends_it);
	tcase_add_test(t, an_algorithm_bit_without_a_list_ends_it);
	tcase_add_test(t, other_nonces_have_no_bits);
	tcase_add_test(t, a_nul_is_no_feature);
	tcase_add_test(t, the_anonymity_bit_calls_for_a_hash);
	tcase_add_test(t, a_challenge_needs_realm_and_nonce);
	tcase_add_test(t, the_longest_request_is_sent);
	tcase_add_test(t, wrong_credentials_end_it);
	tcase_add_test(t, a_stale_nonce_is_replaced);
	tcase_add_test(t, a_438_may_leave_out_the_realm_or_change_all);
	tcase_add_test(t, a_bad_438_changes_nothing);
	tcase_add_test(t, nonces_cannot_be_stale_for_ever);
	tcase_add_test(t, the_key_is_wiped_in_the_end);
	suite_add_tcase(s, t);

	t = tcase_create("time");
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_request_is_repeated_then_given_up);
	tcase_add_test(t, the_rto_is_an_option);
	tcase_add_test(t, a_late_caller_sends_once);
	tcase_add_test(t, a_retry_starts_the_times_anew);
	tcase_add_test(t, an_answer_to_a_repetition_counts);
	suite_add_tcase(s, t);

	t = tcase_create("answers");
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_refusal_is_told);
	tcase_add_test(t, an_alternate_server_is_told);
	tcase_add_test(t, an_unsigned_answer_is_ignored);
	tcase_add_test(t, an_answer_with_another_key_is_ignored);
	tcase_add_test(t, unverified_answers_alone_are_told_at_the_end);
	tcase_add_test(t, without_a_key_300_and_400_are_ignored);
	tcase_add_test(t, a_server_without_authentication_serves);
	tcase_add_test(t, an_algorithm_bit_in_other_answers_ignores_them);
	tcase_add_test(t, strangers_are_ignored);
	tcase_add_test(t, an_incomplete_answer_is_bad);
	tcase_add_test(t, an_error_without_a_code_is_bad);
	suite_add_tcase(s, t);

	t = tcase_create("wishes");
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_refresh_is_confirmed);
	tcase_add_test(t, a_refresh_of_zero_gives_up);
	tcase_add_test(t, an_allocation_already_gone_is_given_up);
	tcase_add_test(t, wishes_wait_for_their_turn);
	tcase_add_test(t, peers_are_as_many_as_there_is_room_for);
	tcase_add_test(t, a_permission_is_confirmed);
	tcase_add_test(t, a_refused_permission_is_none);
	tcase_add_test(t, a_channel_is_confirmed);
	suite_add_tcase(s, t);

	t = tcase_create("data");
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, data_goes_by_indication);
	tcase_add_test(t, data_goes_by_channel_once_bound);
	tcase_add_test(t, data_that_does_not_fit_is_not_sent);
	tcase_add_test(t, data_comes_by_indication);
	tcase_add_test(t, data_may_come_before_the_answer);
	tcase_add_test(t, odd_indications_are_ignored);
	tcase_add_test(t, data_comes_by_channel);
	tcase_add_test(t, a_channel_granted_anew_changes_its_peer);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(client_suite)
