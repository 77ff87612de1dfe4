#include "unit.h"

#include <string.h>

#include "turn/nonce.h"

#define WALL_S INT64_C(1700000000)
#define LIFETIME_S 600
#define WRAP_S (INT64_C(1) << 26)

static struct crypto *crypto;
static struct nonce_keys keys;
static struct addr client;
static struct bytes realm;

/* The key 00 01 02 ... shifted by `first`. */
static struct secret key_from(uint8_t first)
{
	struct secret key = { .len = NONCE_KEY_BYTES };

	for (uint8_t i = 0; i < NONCE_KEY_BYTES; i++)
		key.bytes[i] = (uint8_t)(first + i);
	return key;
}

static void setup(void)
{
	crypto = crypto_new();
	ck_assert_ptr_nonnull(crypto);
	keys = (struct nonce_keys){
		.current = key_from(0),
		.lifetime_s = LIFETIME_S,
	};
	client = addr_ipv4(0xc0000201, 50000);
	realm = bytes_str("turn.example.com");
}

static void teardown(void)
{
	crypto_free(crypto);
}

static struct bytes view(const char nonce[NONCE_CHARS])
{
	return bytes_of(nonce, NONCE_CHARS);
}

static void make(char out[NONCE_CHARS])
{
	nonce_make(&keys, crypto, NONCE_PASSWORD_ALGORITHMS, &client, realm,
		   WALL_S, out);
}

static enum nonce_state check_at(struct bytes nonce, int64_t wall_s)
{
	return nonce_check(&keys, crypto, nonce, &client, realm, wall_s);
}

static enum nonce_state check(struct bytes nonce)
{
	return check_at(nonce, WALL_S);
}

/* Computed with Python's hmac and hashlib: a fleet agrees on the bytes. */
START_TEST(known_nonces)
{
	static const uint8_t ip[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };
	char nonce[NONCE_CHARS];

	make(nonce);
	ck_assert_mem_eq(nonce, "obMatJos2gAAAVPxAChc8bIxYD8e", NONCE_CHARS);

	client = addr_ipv6(ip, 3478);
	nonce_make(&keys, crypto,
		   NONCE_PASSWORD_ALGORITHMS | NONCE_USERNAME_ANONYMITY,
		   &client, bytes_str("r"), WRAP_S * 40 + 1, nonce);
	ck_assert_mem_eq(nonce, "obMatJos2wAAAAAAAdQQy03MhUho", NONCE_CHARS);
}
END_TEST

static const struct {
	int64_t age_s;
	enum nonce_state expected;
} ages[] = {
	{ 0, NONCE_FRESH },
	{ 1, NONCE_FRESH },
	{ LIFETIME_S - 1, NONCE_FRESH },
	{ LIFETIME_S, NONCE_STALE },
	{ LIFETIME_S + 1, NONCE_STALE },
	{ 86400, NONCE_STALE },
	{ WRAP_S / 2, NONCE_STALE },
	{ -1, NONCE_FRESH },
	{ -5, NONCE_FRESH },
	{ -6, NONCE_STALE },
	{ -3600, NONCE_STALE },
};

/* Also where the 26 bits wrap between the two times, and before 1970. */
START_TEST(lifetime)
{
	const int64_t made_s[] = { WALL_S,          WRAP_S * 26 - 1,
				   WRAP_S * 26,     WRAP_S * 26 - 300,
				   WRAP_S * 26 + 3, 0,
				   -1000000 };
	const int64_t age_s = ages[_i].age_s;

	for (size_t i = 0; i < sizeof(made_s) / sizeof(made_s[0]); i++) {
		char nonce[NONCE_CHARS];

		nonce_make(&keys, crypto, 0, &client, realm, made_s[i], nonce);
		ck_assert_msg(check_at(view(nonce), made_s[i] + age_s) ==
				      ages[_i].expected,
			      "made at %lld, age %lld", (long long)made_s[i],
			      (long long)age_s);
	}
}
END_TEST

START_TEST(lifetime_is_the_checkers)
{
	char nonce[NONCE_CHARS];

	make(nonce);
	keys.lifetime_s = 1;
	ck_assert_int_eq(check_at(view(nonce), WALL_S), NONCE_FRESH);
	ck_assert_int_eq(check_at(view(nonce), WALL_S + 1), NONCE_STALE);
	keys.lifetime_s = NONCE_LIFETIME_MAX_S;
	ck_assert_int_eq(check_at(view(nonce), WALL_S + 3599), NONCE_FRESH);
	ck_assert_int_eq(check_at(view(nonce), WALL_S + 3600), NONCE_STALE);
}
END_TEST

START_TEST(bound_to_the_client)
{
	uint8_t ip[16] = { 0 };
	char nonce[NONCE_CHARS];

	make(nonce);
	client.port++;
	ck_assert_int_eq(check(view(nonce)), NONCE_FOREIGN);
	client = addr_ipv4(0xc0000202, 50000);
	ck_assert_int_eq(check(view(nonce)), NONCE_FOREIGN);

	/* The same bytes in the other family are another address. */
	client = addr_ipv4(0xc0000201, 50000);
	memcpy(ip, client.ip, sizeof(ip));
	client = addr_ipv6(ip, 50000);
	ck_assert_int_eq(check(view(nonce)), NONCE_FOREIGN);
	make(nonce);
	ck_assert_int_eq(check(view(nonce)), NONCE_FRESH);
	client.ip[15] = 1;
	ck_assert_int_eq(check(view(nonce)), NONCE_FOREIGN);
}
END_TEST

START_TEST(bound_to_the_realm)
{
	const char *others[] = { "", "turn.example.co", "turn.example.com.",
				 "Turn.example.com" };
	char nonce[NONCE_CHARS];

	make(nonce);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		realm = bytes_str(others[i]);
		ck_assert_int_eq(check(view(nonce)), NONCE_FOREIGN);
	}
	/* A nonce of an empty realm is one, too. */
	realm = bytes_of(NULL, 0);
	make(nonce);
	ck_assert_int_eq(check(view(nonce)), NONCE_FRESH);
}
END_TEST

START_TEST(previous_key_holds_until_dropped)
{
	char old[NONCE_CHARS];
	char new[NONCE_CHARS];

	make(old);
	keys.previous = keys.current;
	keys.current = key_from(100);
	ck_assert_int_eq(check(view(old)), NONCE_FRESH);
	ck_assert_int_eq(check_at(view(old), WALL_S + LIFETIME_S), NONCE_STALE);

	/* New ones are made with the current key. */
	make(new);
	ck_assert_mem_ne(old, new, NONCE_CHARS);
	secret_wipe(&keys.previous);
	ck_assert_int_eq(check(view(new)), NONCE_FRESH);
	ck_assert_int_eq(check(view(old)), NONCE_FOREIGN);
}
END_TEST

START_TEST(another_server_with_the_key_agrees)
{
	struct crypto *second = crypto_new();
	struct nonce_keys theirs = keys;
	char nonce[NONCE_CHARS];

	make(nonce);
	ck_assert_int_eq(nonce_check(&theirs, second, view(nonce), &client,
				     realm, WALL_S),
			 NONCE_FRESH);
	theirs.current = key_from(1);
	ck_assert_int_eq(nonce_check(&theirs, second, view(nonce), &client,
				     realm, WALL_S),
			 NONCE_FOREIGN);
	crypto_free(second);
}
END_TEST

/* Each character against each other byte: none has an unused bit. */
START_TEST(tampered)
{
	char nonce[NONCE_CHARS];
	char changed[NONCE_CHARS];

	make(nonce);
	memcpy(changed, nonce, sizeof(changed));
	for (size_t at = 0; at < NONCE_CHARS; at++) {
		for (int value = 0; value < 256; value++) {
			changed[at] = (char)value;
			if (changed[at] == nonce[at])
				continue;
			ck_assert_msg(check(view(changed)) == NONCE_FOREIGN,
				      "character %zu as 0x%02x", at, value);
		}
		changed[at] = nonce[at];
	}
	ck_assert_int_eq(check(view(changed)), NONCE_FRESH);
}
END_TEST

START_TEST(wrong_length)
{
	char nonce[NONCE_CHARS + 4] = { 0 };

	make(nonce);
	ck_assert_int_eq(check(bytes_of(NULL, 0)), NONCE_FOREIGN);
	for (size_t len = 0; len <= sizeof(nonce); len++) {
		/* At the end of its memory, so that reading on would show. */
		uint8_t *copy = malloc(len + 1);

		memcpy(copy, nonce, len);
		ck_assert_msg(check(bytes_of(copy, len)) ==
				      (len == NONCE_CHARS ? NONCE_FRESH
							  : NONCE_FOREIGN),
			      "%zu characters", len);
		free(copy);
	}
}
END_TEST

START_TEST(anything_else)
{
	const char *others[] = {
		"obMatJos2AAAAAAAAAAAAAAAAAAA",
		"obMatJos2gAAA===============",
		"obMatJos2gAAA               ",
		"0123456789012345678901234567",
		"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		ck_assert_msg(check(view(others[i])) == NONCE_FOREIGN,
			      "number %zu", i);
}
END_TEST

/* RFC 8489 section 18.1: bit 0 is the leftmost of 24. */
START_TEST(features)
{
	const struct {
		const char *nonce;
		uint32_t expected;
	} table[] = {
		{ "obMatJos2gAAA", NONCE_PASSWORD_ALGORITHMS },
		{ "obMatJos2QAAA", NONCE_USERNAME_ANONYMITY },
		{ "obMatJos2wAAA", 0xc00000 },
		{ "obMatJos2wAAAnonce of another server", 0xc00000 },
		{ "obMatJos2AAAA", 0 },
		{ "obMatJos2AAAB", 1 },
		{ "obMatJos2////", 0xffffff },
		{ "obMatJos2+/+/", 0xfbffbf },
		{ "obMatJos2gAA", 0 },
		{ "obMatJos2", 0 },
		{ "", 0 },
		{ "ObMatJos2gAAA", 0 },
		{ "obMatJos3gAAA", 0 },
		{ "obMatJos2gAA=", 0 },
		{ "obMatJos2-AAA", 0 },
		{ "xobMatJos2gAAA", 0 },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		ck_assert_msg(nonce_features(bytes_str(table[i].nonce)) ==
				      table[i].expected,
			      "\"%s\"", table[i].nonce);
	for (size_t len = 0; len < 13; len++)
		ck_assert_uint_eq(
			nonce_features(bytes_of("obMatJos2gAAA", len)), 0);
	/* A NUL is no base64 character. */
	ck_assert_uint_eq(nonce_features(bytes_of("obMatJos2gAA", 13)), 0);
}
END_TEST

START_TEST(features_as_made)
{
	const uint32_t all[] = { 0, NONCE_PASSWORD_ALGORITHMS,
				 NONCE_USERNAME_ANONYMITY, 1, 0xffffff };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		char nonce[NONCE_CHARS];

		nonce_make(&keys, crypto, all[i], &client, realm, WALL_S,
			   nonce);
		ck_assert_uint_eq(nonce_features(view(nonce)), all[i]);
		ck_assert_int_eq(check(view(nonce)), NONCE_FRESH);
	}
}
END_TEST

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, NONCE_CHARS);
}

/* RFC 8489 section 9.2.4: never the same for two addresses. */
START_TEST(no_two_clients_share_one)
{
	/* `make check-abuse`: over a million. */
	const size_t count = getenv("TURNPIKE_ABUSE") ? 1048576 : 65536;
	char(*nonces)[NONCE_CHARS] = malloc(count * NONCE_CHARS);

	for (size_t i = 0; i < count; i++) {
		client = addr_ipv4((uint32_t)(0x0a000000 + i / 256),
				   (uint16_t)(1024 + i % 256));
		make(nonces[i]);
	}
	qsort(nonces, count, NONCE_CHARS, compare);
	for (size_t i = 1; i < count; i++)
		ck_assert_mem_ne(nonces[i - 1], nonces[i], NONCE_CHARS);
	free(nonces);
}
END_TEST

static void make_without_key(void *arg)
{
	secret_wipe(&keys.current);
	make(arg);
}

static void make_with_25_bits(void *arg)
{
	nonce_make(&keys, crypto, 1 << 24, &client, realm, WALL_S, arg);
}

START_TEST(misuse_is_an_assertion)
{
	char nonce[NONCE_CHARS];

	ck_assert(unit_aborts(make_without_key, nonce));
	ck_assert(unit_aborts(make_with_25_bits, nonce));
}
END_TEST

static Suite *nonce_suite(void)
{
	Suite *s = suite_create("nonce");
	TCase *c = tcase_create("nonce");
	int age_count = (int)(sizeof(ages) / sizeof(ages[0]));

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, known_nonces);
	tcase_add_loop_test(c, lifetime, 0, age_count);
	tcase_add_test(c, lifetime_is_the_checkers);
	tcase_add_test(c, bound_to_the_client);
	tcase_add_test(c, bound_to_the_realm);
	tcase_add_test(c, previous_key_holds_until_dropped);
	tcase_add_test(c, another_server_with_the_key_agrees);
	tcase_add_test(c, tampered);
	tcase_add_test(c, wrong_length);
	tcase_add_test(c, anything_else);
	tcase_add_test(c, features);
	tcase_add_test(c, features_as_made);
	tcase_add_test(c, no_two_clients_share_one);
	tcase_add_test(c, misuse_is_an_assertion);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(nonce_suite)
