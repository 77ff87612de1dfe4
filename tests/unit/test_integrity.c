#include "unit.h"

#include "base/wire.h"
#include "stun/builder.h"
#include "stun/integrity.h"

static const uint8_t id[STUN_TRANSACTION_ID_BYTES] = { 9, 8, 7, 6, 5, 4,
						       3, 2, 1, 0, 1, 2 };
static struct crypto *crypto;
static struct stun_builder b;
static struct stun_message m;
static uint8_t out[512];
static size_t size;

static void make_crypto(void)
{
	crypto = crypto_new();
	ck_assert_ptr_nonnull(crypto);
}

static void free_crypto(void)
{
	crypto_free(crypto);
}

static void begin(void)
{
	stun_begin(&b, out, sizeof(out), STUN_REQUEST, STUN_REFRESH, id);
	stun_add(&b, STUN_ATTR_USERNAME, bytes_str("alice"));
	stun_add_u32(&b, STUN_ATTR_LIFETIME, 600);
}

static void finish(void)
{
	size = stun_finish(&b);
	ck_assert_uint_gt(size, 0);
}

/* Parses what `out` holds and checks it with "key". */
static bool holds(void)
{
	ck_assert_int_eq(stun_parse(bytes_of(out, size), &m), STUN_OK);
	return stun_check_integrity(&m, crypto, bytes_str("key"));
}

/* Whether the check fails for every message with one bit changed. */
static void expect_every_bit_to_count(size_t len)
{
	for (size_t at = 8; at < len; at++) {
		if (at == 20 || at == 21 || at == 22 || at == 23 ||
		    (at >= 32 && at < 36))
			continue; /* attribute headers */
		out[at] ^= 0x10;
		ck_assert_msg(!holds(), "byte %zu", at);
		out[at] ^= 0x10;
	}
	ck_assert(holds());
}

START_TEST(no_integrity_never_holds)
{
	begin();
	finish();
	ck_assert(!holds());
}
END_TEST

START_TEST(message_integrity_is_checked)
{
	begin();
	stun_add_integrity(&b, crypto, bytes_str("key"));
	finish();
	ck_assert(holds());
	ck_assert(!stun_check_integrity(&m, crypto, bytes_str("kez")));
	ck_assert(!stun_check_integrity(&m, crypto, bytes_str("")));
	expect_every_bit_to_count(40);
	/* the value itself */
	for (size_t at = 44; at < 64; at++) {
		out[at] ^= 1;
		ck_assert(!holds());
		out[at] ^= 1;
	}
}
END_TEST

START_TEST(message_integrity_sha256_is_checked)
{
	begin();
	stun_add_integrity_sha256(&b, crypto, bytes_str("key"));
	finish();
	ck_assert(holds());
	ck_assert(!stun_check_integrity(&m, crypto, bytes_str("kez")));
	expect_every_bit_to_count(40);
	for (size_t at = 44; at < 76; at++) {
		out[at] ^= 1;
		ck_assert(!holds());
		out[at] ^= 1;
	}
}
END_TEST

START_TEST(a_fingerprint_after_it_changes_nothing)
{
	begin();
	stun_add_integrity(&b, crypto, bytes_str("key"));
	stun_add_fingerprint(&b);
	finish();
	ck_assert(holds());

	begin();
	stun_add_integrity_sha256(&b, crypto, bytes_str("key"));
	stun_add_fingerprint(&b);
	finish();
	ck_assert(holds());
}
END_TEST

START_TEST(attributes_after_it_change_nothing)
{
	begin();
	stun_add_integrity(&b, crypto, bytes_str("key"));
	stun_add_u32(&b, STUN_ATTR_LIFETIME, 0);
	finish();
	ck_assert(holds());
	ck_assert_ptr_null(
		stun_find_next(&m, stun_find(&m, STUN_ATTR_LIFETIME)));
}
END_TEST

START_TEST(sha256_decides_where_both_are_present)
{
	begin();
	stun_add_integrity(&b, crypto, bytes_str("other"));
	stun_add_integrity_sha256(&b, crypto, bytes_str("key"));
	finish();
	ck_assert(holds());

	begin();
	stun_add_integrity(&b, crypto, bytes_str("key"));
	stun_add_integrity_sha256(&b, crypto, bytes_str("other"));
	finish();
	ck_assert(!holds());
}
END_TEST

/* An integrity attribute whose value is the right one, cut or extended. */
static bool holds_with_length(uint16_t type, size_t len)
{
	uint8_t value[40] = { 0 }, head[4];
	struct bytes parts[2];

	begin();
	finish();
	memcpy(head, out, 4);
	wire_put_u16(head + 2, (uint16_t)(size - 20 + 4 + len));
	parts[0] = bytes_of(head, 4);
	parts[1] = bytes_of(out + 4, size - 4);
	if (type == STUN_ATTR_MESSAGE_INTEGRITY)
		crypto_hmac_sha1(crypto, bytes_str("key"), parts, 2, value);
	else
		crypto_hmac_sha256(crypto, bytes_str("key"), parts, 2, value);
	stun_add(&b, type, bytes_of(value, len));
	finish();
	return holds();
}

START_TEST(only_full_values_hold)
{
	for (size_t len = 0; len <= 40; len++) {
		ck_assert_msg(holds_with_length(STUN_ATTR_MESSAGE_INTEGRITY,
						len) == (len == 20),
			      "SHA-1, %zu bytes", len);
		ck_assert_msg(
			holds_with_length(STUN_ATTR_MESSAGE_INTEGRITY_SHA256,
					  len) == (len == 32),
			"SHA-256, %zu bytes", len);
	}
}
END_TEST

START_TEST(the_md5_key_is_the_rfc_example)
{
	static const uint8_t expected[] = { 0x84, 0x93, 0xFB, 0xC5, 0x3B, 0xA5,
					    0x82, 0xFB, 0x4C, 0x04, 0x4C, 0x45,
					    0x6B, 0xDC, 0x40, 0xEB };
	struct secret key = { .len = 0 };

	stun_long_term_key(crypto, STUN_ALGORITHM_MD5, bytes_str("user"),
			   bytes_str("realm"), bytes_str("pass"), &key);
	ck_assert_uint_eq(key.len, 16);
	ck_assert_mem_eq(key.bytes, expected, 16);
}
END_TEST

START_TEST(the_sha256_key_is_a_digest_of_the_three)
{
	struct bytes text = bytes_str("user:realm:pass");
	struct secret key = { .len = 0 };
	uint8_t expected[32];

	crypto_sha256(crypto, &text, 1, expected);
	stun_long_term_key(crypto, STUN_ALGORITHM_SHA256, bytes_str("user"),
			   bytes_str("realm"), bytes_str("pass"), &key);
	ck_assert_uint_eq(key.len, 32);
	ck_assert_mem_eq(key.bytes, expected, 32);
}
END_TEST

/* A key that replaces a longer one leaves none of it behind. */
START_TEST(an_old_key_is_wiped)
{
	static const uint8_t zeros[SECRET_MAX_BYTES];
	struct secret key;

	memset(&key, 0xAA, sizeof(key));
	stun_long_term_key(crypto, STUN_ALGORITHM_MD5, bytes_str("user"),
			   bytes_str("realm"), bytes_str("pass"), &key);
	ck_assert_uint_eq(key.len, 16);
	ck_assert_mem_eq(key.bytes + 16, zeros, SECRET_MAX_BYTES - 16);
}
END_TEST

START_TEST(a_userhash_is_a_digest_of_name_and_realm)
{
	struct bytes text = bytes_str("user:realm");
	uint8_t expected[32], got[32];

	crypto_sha256(crypto, &text, 1, expected);
	stun_userhash(crypto, bytes_str("user"), bytes_str("realm"), got);
	ck_assert_mem_eq(got, expected, 32);
}
END_TEST

/* 0xCBF43926 is the check value of this CRC in every catalogue. */
START_TEST(the_fingerprint_is_a_crc_xored)
{
	ck_assert_uint_eq(stun_fingerprint(bytes_str("123456789")),
			  0xCBF43926u ^ 0x5354554Eu);
	ck_assert_uint_eq(stun_fingerprint(bytes_of(NULL, 0)), 0x5354554Eu);
}
END_TEST

/* The table against the polynomial, one bit at a time. */
START_TEST(the_crc_table_is_right)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint8_t byte = (uint8_t)i;
		uint32_t crc = 0xFFFFFFFF ^ i;

		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320 : 0);
		ck_assert_uint_eq(stun_fingerprint(bytes_of(&byte, 1)),
				  ~crc ^ 0x5354554E);
	}
}
END_TEST

static Suite *integrity_suite(void)
{
	Suite *s = suite_create("integrity");
	TCase *t = tcase_create("check");

	tcase_add_checked_fixture(t, make_crypto, free_crypto);
	tcase_add_test(t, no_integrity_never_holds);
	tcase_add_test(t, message_integrity_is_checked);
	tcase_add_test(t, message_integrity_sha256_is_checked);
	tcase_add_test(t, a_fingerprint_after_it_changes_nothing);
	tcase_add_test(t, attributes_after_it_change_nothing);
	tcase_add_test(t, sha256_decides_where_both_are_present);
	tcase_add_test(t, only_full_values_hold);
	suite_add_tcase(s, t);

	t = tcase_create("keys");
	tcase_add_checked_fixture(t, make_crypto, free_crypto);
	tcase_add_test(t, the_md5_key_is_the_rfc_example);
	tcase_add_test(t, the_sha256_key_is_a_digest_of_the_three);
	tcase_add_test(t, an_old_key_is_wiped);
	tcase_add_test(t, a_userhash_is_a_digest_of_name_and_realm);
	tcase_add_test(t, the_fingerprint_is_a_crc_xored);
	tcase_add_test(t, the_crc_table_is_right);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(integrity_suite)
