/*
 * The sample request of RFC 8489, appendix B.1, byte for byte.
 *
 * As printed it is not a message by the RFC's own text: its Message Length,
 * 0x9C, counts the header as well, and the printed HMAC covers that length;
 * nor is there the PASSWORD-ALGORITHM that the SHA-256 key calls for; and its
 * password is prepared by SASLprep, not OpaqueString. So what it can prove is
 * proved here: the user hash, the key, which bytes the HMAC covers, and how
 * the attributes are laid out.
 */
#include "unit.h"

#include "base/wire.h"
#include "stun/builder.h"
#include "stun/integrity.h"
#include "stun/message.h"

/* clang-format off */
static const uint8_t request[] = {
	0x00, 0x01, 0x00, 0x9C, /* type, length */
	0x21, 0x12, 0xA4, 0x42, /* cookie */
	0x78, 0xAD, 0x34, 0x33,
	0xC6, 0xAD, 0x72, 0xC0,
	0x29, 0xDA, 0x41, 0x2E,
	0x00, 0x1E, 0x00, 0x20, /* USERHASH */
	0x4A, 0x3C, 0xF3, 0x8F,
	0xEF, 0x69, 0x92, 0xBD,
	0xA9, 0x52, 0xC6, 0x78,
	0x04, 0x17, 0xDA, 0x0F,
	0x24, 0x81, 0x94, 0x15,
	0x56, 0x9E, 0x60, 0xB2,
	0x05, 0xC4, 0x6E, 0x41,
	0x40, 0x7F, 0x17, 0x04,
	0x00, 0x15, 0x00, 0x29, /* NONCE */
	0x6F, 0x62, 0x4D, 0x61,
	0x74, 0x4A, 0x6F, 0x73,
	0x32, 0x41, 0x41, 0x41,
	0x43, 0x66, 0x2F, 0x2F,
	0x34, 0x39, 0x39, 0x6B,
	0x39, 0x35, 0x34, 0x64,
	0x36, 0x4F, 0x4C, 0x33,
	0x34, 0x6F, 0x4C, 0x39,
	0x46, 0x53, 0x54, 0x76,
	0x79, 0x36, 0x34, 0x73,
	0x41, 0x00, 0x00, 0x00,
	0x00, 0x14, 0x00, 0x0B, /* REALM */
	0x65, 0x78, 0x61, 0x6D,
	0x70, 0x6C, 0x65, 0x2E,
	0x6F, 0x72, 0x67, 0x00,
	0x00, 0x1C, 0x00, 0x20, /* MESSAGE-INTEGRITY-SHA256 */
	0xE4, 0x68, 0x6C, 0x8F,
	0x0E, 0xDE, 0xB5, 0x90,
	0x13, 0xE0, 0x70, 0x90,
	0x01, 0x0A, 0x93, 0xEF,
	0xCC, 0xBC, 0xCC, 0x54,
	0x4C, 0x0A, 0x45, 0xD9,
	0xF8, 0x30, 0xAA, 0x6D,
	0x6F, 0x73, 0x5A, 0x01,
};
/* clang-format on */

/* "<U+30DE><U+30C8><U+30EA><U+30C3><U+30AF><U+30B9>" in UTF-8 */
#define NAME \
	"\xE3\x83\x9E\xE3\x83\x88\xE3\x83\xAA\xE3\x83\x83\xE3\x82\xAF\xE3\x82\xB9"
#define REALM "example.org"
#define NONCE "obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA"

#define INTEGRITY_AT (sizeof(request) - 36)

static struct crypto *crypto;
static struct stun_message m;
static struct secret key;

static void set_up(void)
{
	crypto = crypto_new();
	ck_assert_ptr_nonnull(crypto);
	stun_long_term_key(crypto, STUN_ALGORITHM_SHA256, bytes_str(NAME),
			   bytes_str(REALM), bytes_str("TheMatrIX"), &key);
}

static void tear_down(void)
{
	crypto_free(crypto);
}

START_TEST(the_printed_length_is_refused)
{
	ck_assert_uint_eq(wire_get_u16(request + 2), sizeof(request));
	ck_assert_int_eq(stun_parse(bytes_of(request, sizeof(request)), &m),
			 STUN_NOT_STUN);
}
END_TEST

START_TEST(the_userhash_is_the_printed_one)
{
	uint8_t hash[STUN_USERHASH_BYTES];

	stun_userhash(crypto, bytes_str(NAME), bytes_str(REALM), hash);
	ck_assert_mem_eq(hash, request + 24, sizeof(hash));
}
END_TEST

START_TEST(the_key_gives_the_printed_hmac)
{
	struct bytes text = bytes_of(request, INTEGRITY_AT);
	uint8_t hmac[CRYPTO_SHA256_BYTES];

	crypto_hmac_sha256(crypto, secret_bytes(&key), &text, 1, hmac);
	ck_assert_mem_eq(hmac, request + INTEGRITY_AT + 4, sizeof(hmac));
}
END_TEST

/* The sample with the length that the text of section 5 gives it. */
static void correct(uint8_t copy[sizeof(request)])
{
	memcpy(copy, request, sizeof(request));
	wire_put_u16(copy + 2, sizeof(request) - STUN_HEADER_BYTES);
}

START_TEST(the_attributes_are_read)
{
	uint8_t copy[sizeof(request)];

	correct(copy);
	ck_assert_int_eq(stun_parse(bytes_of(copy, sizeof(copy)), &m), STUN_OK);
	ck_assert_uint_eq(m.attr_count, 3);
	ck_assert_uint_eq(m.unknown_count, 0);
	ck_assert_uint_eq(m.attrs[0].type, STUN_ATTR_USERHASH);
	ck_assert(stun_attr_well_sized(&m.attrs[0]));
	ck_assert_uint_eq(m.attrs[1].type, STUN_ATTR_NONCE);
	ck_assert(bytes_equal(m.attrs[1].value, bytes_str(NONCE)));
	ck_assert_uint_eq(m.attrs[2].type, STUN_ATTR_REALM);
	ck_assert(bytes_equal(m.attrs[2].value, bytes_str(REALM)));
	ck_assert_uint_eq(m.integrity_sha256_at, INTEGRITY_AT);
	/* the printed value covers the printed length, not this one */
	ck_assert(!stun_check_integrity(&m, crypto, secret_bytes(&key)));
}
END_TEST

/* We build the same bytes but for the length, and the HMAC over it. */
START_TEST(the_request_is_built_alike)
{
	uint8_t copy[sizeof(request)], out[sizeof(request)];
	struct stun_builder b;

	correct(copy);
	stun_begin(&b, out, sizeof(out), STUN_REQUEST, STUN_BINDING,
		   request + 8);
	stun_add(&b, STUN_ATTR_USERHASH,
		 bytes_of(request + 24, STUN_USERHASH_BYTES));
	stun_add(&b, STUN_ATTR_NONCE, bytes_str(NONCE));
	stun_add(&b, STUN_ATTR_REALM, bytes_str(REALM));
	stun_add_integrity_sha256(&b, crypto, secret_bytes(&key));
	ck_assert_uint_eq(stun_finish(&b), sizeof(out));
	ck_assert_mem_eq(out, copy, INTEGRITY_AT + 4);
	ck_assert_int_eq(stun_parse(bytes_of(out, sizeof(out)), &m), STUN_OK);
	ck_assert(stun_check_integrity(&m, crypto, secret_bytes(&key)));
}
END_TEST

static Suite *vectors_rfc8489_suite(void)
{
	Suite *s = suite_create("vectors_rfc8489");
	TCase *t = tcase_create("appendix B.1");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, the_printed_length_is_refused);
	tcase_add_test(t, the_userhash_is_the_printed_one);
	tcase_add_test(t, the_key_gives_the_printed_hmac);
	tcase_add_test(t, the_attributes_are_read);
	tcase_add_test(t, the_request_is_built_alike);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(vectors_rfc8489_suite)
