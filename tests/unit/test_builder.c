#include "unit.h"

#include "stun/builder.h"
#include "stun/integrity.h"
#include "stun/message.h"

static const uint8_t id[STUN_TRANSACTION_ID_BYTES] = { 1, 2, 3, 4,  5,  6,
						       7, 8, 9, 10, 11, 12 };
static struct stun_builder b;
static uint8_t out[0x10010];
static struct crypto *crypto;

static void make_crypto(void)
{
	crypto = crypto_new();
	ck_assert_ptr_nonnull(crypto);
}

static void free_crypto(void)
{
	crypto_free(crypto);
}

/* A Binding request in a buffer that was full of something else. */
static void begin(void)
{
	memset(out, 0xCC, sizeof(out));
	stun_begin(&b, out, sizeof(out), STUN_REQUEST, STUN_BINDING, id);
}

/* What follows the header must be exactly these bytes. */
static void expect_body(const char *bytes, size_t len)
{
	size_t size = stun_finish(&b);

	ck_assert_uint_eq(size, 20 + len);
	ck_assert_uint_eq(wire_get_u16(out + 2), len);
	ck_assert_mem_eq(out + 20, bytes, len);
	ck_assert_uint_eq(out[size], 0xCC);
}

START_TEST(a_header_is_written)
{
	begin();
	ck_assert_uint_eq(stun_finish(&b), 20);
	ck_assert_mem_eq(out,
			 "\x00\x01\x00\x00\x21\x12\xA4\x42"
			 "\1\2\3\4\5\6\7\10\11\12\13\14",
			 20);
	ck_assert_uint_eq(out[20], 0xCC);
}
END_TEST

START_TEST(types_hold_class_and_method)
{
	ck_assert_uint_eq(stun_type(STUN_REQUEST, STUN_BINDING), 0x0001);
	ck_assert_uint_eq(stun_type(STUN_INDICATION, STUN_BINDING), 0x0011);
	ck_assert_uint_eq(stun_type(STUN_SUCCESS, STUN_BINDING), 0x0101);
	ck_assert_uint_eq(stun_type(STUN_ERROR, STUN_BINDING), 0x0111);
	ck_assert_uint_eq(stun_type(STUN_INDICATION, STUN_SEND), 0x0016);
	ck_assert_uint_eq(stun_type(STUN_ERROR, STUN_CHANNEL_BIND), 0x0119);
	ck_assert_uint_eq(stun_type(STUN_REQUEST, 0x070), 0x00E0);
	ck_assert_uint_eq(stun_type(STUN_REQUEST, 0xF80), 0x3E00);
	ck_assert_uint_eq(stun_type(STUN_ERROR, 0xFFF), 0x3FFF);
}
END_TEST

START_TEST(every_type_is_parsed_as_built)
{
	static struct stun_message m;

	for (uint16_t method = 0; method <= 0xFFF; method++) {
		for (int class = 0; class < 4; class ++) {
			stun_begin(&b, out, sizeof(out),
				   (enum stun_class) class, method, id);
			ck_assert_int_eq(
				stun_parse(bytes_of(out, stun_finish(&b)), &m),
				STUN_OK);
			ck_assert_int_eq((int)m.class, class);
			ck_assert_uint_eq(m.method, method);
		}
	}
}
END_TEST

START_TEST(values_are_padded_with_zeros)
{
	begin();
	stun_add(&b, STUN_ATTR_REALM, bytes_str("a"));
	stun_add(&b, STUN_ATTR_REALM, bytes_str("ab"));
	stun_add(&b, STUN_ATTR_REALM, bytes_str("abc"));
	stun_add(&b, STUN_ATTR_REALM, bytes_str("abcd"));
	stun_add(&b, STUN_ATTR_REALM, bytes_of(NULL, 0));
	expect_body("\0\x14\0\1a\0\0\0"
		    "\0\x14\0\2ab\0\0"
		    "\0\x14\0\3abc\0"
		    "\0\x14\0\4abcd"
		    "\0\x14\0\0",
		    36);
}
END_TEST

START_TEST(numbers_and_flags_are_written)
{
	begin();
	stun_add_u32(&b, STUN_ATTR_LIFETIME, 0x01020304);
	stun_add_u64(&b, STUN_ATTR_RESERVATION_TOKEN, 0x0102030405060708);
	stun_add_flag(&b, STUN_ATTR_DONT_FRAGMENT);
	stun_add_u8_rffu(&b, STUN_ATTR_REQUESTED_TRANSPORT, 17);
	expect_body("\0\x0D\0\4\1\2\3\4"
		    "\0\x22\0\10\1\2\3\4\5\6\7\10"
		    "\0\x1A\0\0"
		    "\0\x19\0\4\x11\0\0\0",
		    32);
}
END_TEST

START_TEST(addresses_are_written)
{
	static const uint8_t ip[16] = { 0x20, 0x01, 0x0D, 0xB8, [15] = 9 };
	struct addr v4 = addr_ipv4(0xC0000201, 32853);
	struct addr v6 = addr_ipv6(ip, 0x1234);

	begin();
	stun_add_addr(&b, STUN_ATTR_MAPPED_ADDRESS, &v4);
	stun_add_addr(&b, STUN_ATTR_ALTERNATE_SERVER, &v6);
	stun_add_xor_addr(&b, STUN_ATTR_XOR_MAPPED_ADDRESS, &v4);
	stun_add_xor_addr(&b, STUN_ATTR_XOR_PEER_ADDRESS, &v6);
	expect_body("\0\x01\0\x08\0\1\x80\x55\xC0\0\2\1"
		    "\x80\x23\0\x14\0\2\x12\x34"
		    "\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\x09"
		    "\0\x20\0\x08\0\1\xA1\x47\xE1\x12\xA6\x43"
		    "\0\x12\0\x14\0\2\x33\x26"
		    "\x01\x13\xA9\xFA\1\2\3\4\5\6\7\10\11\12\13\5",
		    72);
}
END_TEST

START_TEST(errors_are_written)
{
	begin();
	stun_add_error(&b, 300);
	stun_add_error(&b, STUN_ALLOCATION_QUOTA);
	stun_add_error(&b, 699);
	stun_add_address_error(&b, ADDR_IPV6, STUN_ADDRESS_FAMILY_UNSUPPORTED);
	expect_body("\0\x09\0\4\0\0\3\0"
		    "\0\x09\0\4\0\0\4\x56"
		    "\0\x09\0\4\0\0\6\x63"
		    "\x80\x01\0\4\2\0\4\x28",
		    32);
}
END_TEST

START_TEST(unknown_types_are_listed)
{
	static const uint16_t types[] = { 0x0024, 0x7FFF, 0x4000 };

	begin();
	stun_add_unknown(&b, types, 3);
	stun_add_unknown(&b, types, 2);
	expect_body("\0\x0A\0\6\0\x24\x7F\xFF\x40\0\0\0"
		    "\0\x0A\0\4\0\x24\x7F\xFF",
		    20);
}
END_TEST

START_TEST(algorithms_are_listed)
{
	static const uint16_t both[] = { STUN_ALGORITHM_SHA256,
					 STUN_ALGORITHM_MD5 };

	begin();
	stun_add_algorithms(&b, STUN_ATTR_PASSWORD_ALGORITHMS, both, 2);
	stun_add_algorithms(&b, STUN_ATTR_PASSWORD_ALGORITHM, both, 1);
	expect_body("\x80\x02\0\10\0\2\0\0\0\1\0\0"
		    "\0\x1D\0\4\0\2\0\0",
		    20);
}
END_TEST

/* Both integrities and a fingerprint, each over the length up to itself. */
START_TEST(integrity_covers_what_was_added)
{
	struct bytes key = bytes_str("key");
	uint8_t copy[200], hmac[32];
	struct bytes text;
	size_t size;

	begin();
	stun_add(&b, STUN_ATTR_USERNAME, bytes_str("alice"));
	stun_add_integrity(&b, crypto, key);
	stun_add_integrity_sha256(&b, crypto, key);
	stun_add_fingerprint(&b);
	size = stun_finish(&b);
	ck_assert_uint_eq(size, 20 + 12 + 24 + 36 + 8);

	memcpy(copy, out, size);
	wire_put_u16(copy + 2, 12 + 24);
	text = bytes_of(copy, 32);
	crypto_hmac_sha1(crypto, key, &text, 1, hmac);
	ck_assert_mem_eq(out + 32, "\0\x08\0\x14", 4);
	ck_assert_mem_eq(out + 36, hmac, 20);

	wire_put_u16(copy + 2, 12 + 24 + 36);
	text = bytes_of(copy, 56);
	crypto_hmac_sha256(crypto, key, &text, 1, hmac);
	ck_assert_mem_eq(out + 56, "\0\x1C\0\x20", 4);
	ck_assert_mem_eq(out + 60, hmac, 32);

	wire_put_u16(copy + 2, 12 + 24 + 36 + 8);
	ck_assert_mem_eq(out + 92, "\x80\x28\0\4", 4);
	ck_assert_uint_eq(wire_get_u32(out + 96),
			  stun_fingerprint(bytes_of(copy, 92)));
}
END_TEST

/* Everything the builder can add. */
static size_t build_all(void *buffer, size_t size)
{
	static const uint16_t types[] = { 1, 2 };
	struct addr a = addr_ipv4(0xC0000201, 32853);
	struct bytes key = bytes_str("key");

	stun_begin(&b, buffer, size, STUN_ERROR, STUN_ALLOCATE, id);
	stun_add(&b, STUN_ATTR_REALM, bytes_str("realm"));
	stun_add_u32(&b, STUN_ATTR_LIFETIME, 1);
	stun_add_u64(&b, STUN_ATTR_RESERVATION_TOKEN, 1);
	stun_add_flag(&b, STUN_ATTR_DONT_FRAGMENT);
	stun_add_u8_rffu(&b, STUN_ATTR_REQUESTED_TRANSPORT, 17);
	stun_add_xor_addr(&b, STUN_ATTR_XOR_PEER_ADDRESS, &a);
	stun_add_addr(&b, STUN_ATTR_MAPPED_ADDRESS, &a);
	stun_add_error(&b, 401);
	stun_add_address_error(&b, ADDR_IPV6, 440);
	stun_add_unknown(&b, types, 2);
	stun_add_algorithms(&b, STUN_ATTR_PASSWORD_ALGORITHMS, types, 2);
	stun_add_integrity(&b, crypto, key);
	stun_add_integrity_sha256(&b, crypto, key);
	stun_add_fingerprint(&b);
	return stun_finish(&b);
}

START_TEST(a_message_that_does_not_fit_is_none)
{
	size_t size = build_all(out, sizeof(out));

	ck_assert_uint_gt(size, 150);
	for (size_t room = 0; room < size; room++) {
		/* as large as it says, so that a sanitizer sees every step */
		uint8_t *buffer = malloc(room > 0 ? room : 1);

		ck_assert_ptr_nonnull(buffer);
		ck_assert_msg(build_all(buffer, room) == 0, "room for %zu",
			      room);
		free(buffer);
	}
	memset(out, 0xCC, sizeof(out));
	ck_assert_uint_eq(build_all(out, size), size);
	ck_assert_uint_eq(out[size], 0xCC);
}
END_TEST

START_TEST(a_message_ends_where_lengths_end)
{
	static uint8_t value[STUN_MESSAGE_MAX_BYTES];

	begin();
	stun_add(&b, STUN_ATTR_DATA,
		 bytes_of(value, STUN_MESSAGE_MAX_BYTES - 24));
	ck_assert_uint_eq(stun_finish(&b), STUN_MESSAGE_MAX_BYTES);
	ck_assert_uint_eq(wire_get_u16(out + 2), STUN_MESSAGE_MAX_BYTES - 20);

	begin();
	stun_add(&b, STUN_ATTR_DATA,
		 bytes_of(value, STUN_MESSAGE_MAX_BYTES - 23));
	ck_assert_uint_eq(stun_finish(&b), 0);

	begin();
	stun_add(&b, STUN_ATTR_DATA,
		 bytes_of(value, STUN_MESSAGE_MAX_BYTES - 24));
	stun_add_flag(&b, STUN_ATTR_DONT_FRAGMENT);
	ck_assert_uint_eq(stun_finish(&b), 0);
}
END_TEST

START_TEST(a_huge_value_is_refused_unread)
{
	begin();
	stun_add(&b, STUN_ATTR_DATA, bytes_of(out, SIZE_MAX));
	ck_assert_uint_eq(stun_finish(&b), 0);
}
END_TEST

static Suite *builder_suite(void)
{
	Suite *s = suite_create("builder");
	TCase *t = tcase_create("build");

	tcase_add_checked_fixture(t, make_crypto, free_crypto);
	tcase_add_test(t, a_header_is_written);
	tcase_add_test(t, types_hold_class_and_method);
	tcase_add_test(t, every_type_is_parsed_as_built);
	tcase_add_test(t, values_are_padded_with_zeros);
	tcase_add_test(t, numbers_and_flags_are_written);
	tcase_add_test(t, addresses_are_written);
	tcase_add_test(t, errors_are_written);
	tcase_add_test(t, unknown_types_are_listed);
	tcase_add_test(t, algorithms_are_listed);
	tcase_add_test(t, integrity_covers_what_was_added);
	tcase_add_test(t, a_message_that_does_not_fit_is_none);
	tcase_add_test(t, a_message_ends_where_lengths_end);
	tcase_add_test(t, a_huge_value_is_refused_unread);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(builder_suite)
