#include "unit.h"

#include "base/wire.h"
#include "stun/integrity.h"
#include "stun/message.h"

/*
 * Messages are written here by hand, not by stun/builder.h, so that a mistake
 * made on both sides would show. Header: Binding request, length, cookie, and
 * the transaction id 0x01 to 0x0C.
 */
static uint8_t datagram[0x10010];
static size_t used;
static struct stun_message m;

static void begin(void)
{
	static const uint8_t header[] = {
		0x00, 0x01, 0x00, 0x00, 0x21, 0x12, 0xA4, 0x42, 0x01, 0x02,
		0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0A, 0x0B, 0x0C,
	};

	memcpy(datagram, header, sizeof(header));
	used = sizeof(header);
}

/* Appends an attribute, padded with 0xEE: padding may hold anything. */
static void put(uint16_t type, const void *value, size_t len)
{
	wire_put_u16(datagram + used, type);
	wire_put_u16(datagram + used + 2, (uint16_t)len);
	if (len > 0)
		memcpy(datagram + used + 4, value, len);
	used += 4 + len;
	while (used % 4 != 0)
		datagram[used++] = 0xEE;
	wire_put_u16(datagram + 2, (uint16_t)(used - 20));
}

static void put_fingerprint(void)
{
	uint8_t value[4];

	wire_put_u16(datagram + 2, (uint16_t)(used - 20 + 8));
	wire_put_u32(value, stun_fingerprint(bytes_of(datagram, used)));
	put(STUN_ATTR_FINGERPRINT, value, 4);
}

static enum stun_parse_result parse(void)
{
	return stun_parse(bytes_of(datagram, used), &m);
}

static struct stun_attr attr_of(uint16_t type, const void *value, size_t len)
{
	return (struct stun_attr){ .type = type,
				   .value = bytes_of(value, len) };
}

START_TEST(the_first_byte_tells_the_kind)
{
	for (unsigned int first = 0; first <= 255; first++) {
		uint8_t byte = (uint8_t)first;
		enum stun_kind expected = STUN_KIND_OTHER;

		if (first < 4)
			expected = STUN_KIND_MESSAGE;
		else if (first >= 0x40 && first <= 0x4F)
			expected = STUN_KIND_CHANNEL_DATA;
		ck_assert_msg(stun_kind_of(bytes_of(&byte, 1)) == expected,
			      "first byte %u", first);
	}
	ck_assert_int_eq(stun_kind_of(bytes_of(NULL, 0)), STUN_KIND_OTHER);
}
END_TEST

START_TEST(a_bare_header_is_a_message)
{
	begin();
	ck_assert_int_eq(parse(), STUN_OK);
	ck_assert_ptr_eq(m.raw.data, datagram);
	ck_assert_uint_eq(m.raw.len, 20);
	ck_assert_int_eq(m.class, STUN_REQUEST);
	ck_assert_uint_eq(m.method, STUN_BINDING);
	ck_assert_ptr_eq(m.transaction_id, datagram + 8);
	ck_assert_uint_eq(m.attr_count, 0);
	ck_assert_uint_eq(m.unknown_count, 0);
	ck_assert_uint_eq(m.integrity_at, 0);
	ck_assert_uint_eq(m.integrity_sha256_at, 0);
	ck_assert(!m.has_fingerprint);
}
END_TEST

START_TEST(class_and_method_are_told_apart)
{
	static const struct {
		uint16_t type;
		enum stun_class class;
		uint16_t method;
	} types[] = {
		{ 0x0001, STUN_REQUEST, STUN_BINDING },
		{ 0x0011, STUN_INDICATION, STUN_BINDING },
		{ 0x0101, STUN_SUCCESS, STUN_BINDING },
		{ 0x0111, STUN_ERROR, STUN_BINDING },
		{ 0x0003, STUN_REQUEST, STUN_ALLOCATE },
		{ 0x0113, STUN_ERROR, STUN_ALLOCATE },
		{ 0x0016, STUN_INDICATION, STUN_SEND },
		{ 0x0017, STUN_INDICATION, STUN_DATA },
		{ 0x0108, STUN_SUCCESS, STUN_CREATE_PERMISSION },
		{ 0x0109, STUN_SUCCESS, STUN_CHANNEL_BIND },
		/* each bit of the method alone, then all */
		{ 0x0020, STUN_REQUEST, 0x010 },
		{ 0x0040, STUN_REQUEST, 0x020 },
		{ 0x0080, STUN_REQUEST, 0x040 },
		{ 0x0200, STUN_REQUEST, 0x080 },
		{ 0x0400, STUN_REQUEST, 0x100 },
		{ 0x0800, STUN_REQUEST, 0x200 },
		{ 0x1000, STUN_REQUEST, 0x400 },
		{ 0x2000, STUN_REQUEST, 0x800 },
		{ 0x3EEF, STUN_REQUEST, 0xFFF },
		{ 0x3FFF, STUN_ERROR, 0xFFF },
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		begin();
		wire_put_u16(datagram, types[i].type);
		ck_assert_int_eq(parse(), STUN_OK);
		ck_assert_msg(m.class == types[i].class &&
				      m.method == types[i].method,
			      "type %04x: class %d, method %03x", types[i].type,
			      (int)m.class, m.method);
	}
}
END_TEST

START_TEST(other_bytes_are_not_stun)
{
	begin();
	for (used = 0; used < 20; used++)
		ck_assert_msg(parse() == STUN_NOT_STUN, "%zu bytes", used);

	begin();
	datagram[0] = 0x40;
	ck_assert_int_eq(parse(), STUN_NOT_STUN);
	datagram[0] = 0x80;
	ck_assert_int_eq(parse(), STUN_NOT_STUN);

	for (size_t at = 4; at < 8; at++) {
		begin();
		datagram[at] ^= 1;
		ck_assert_int_eq(parse(), STUN_NOT_STUN);
	}
}
END_TEST

START_TEST(the_length_must_be_that_of_the_datagram)
{
	begin();
	put(STUN_ATTR_DONT_FRAGMENT, NULL, 0);
	ck_assert_int_eq(parse(), STUN_OK);
	datagram[3] = 0;
	ck_assert_int_eq(parse(), STUN_NOT_STUN);
	datagram[3] = 8;
	ck_assert_int_eq(parse(), STUN_NOT_STUN);
	/* equal, but not a multiple of four */
	for (used = 25; used < 28; used++) {
		datagram[3] = (uint8_t)(used - 20);
		ck_assert_msg(parse() == STUN_NOT_STUN, "%zu bytes", used);
	}
	/* equal, but longer than any datagram */
	used = STUN_MESSAGE_MAX_BYTES + 4;
	wire_put_u16(datagram + 2, (uint16_t)(used - 20));
	ck_assert_int_eq(parse(), STUN_NOT_STUN);
}
END_TEST

START_TEST(the_largest_message_is_parsed)
{
	static uint8_t value[STUN_MESSAGE_MAX_BYTES - 24];

	begin();
	put(STUN_ATTR_DATA, value, sizeof(value));
	ck_assert_uint_eq(used, STUN_MESSAGE_MAX_BYTES);
	ck_assert_int_eq(parse(), STUN_OK);
	ck_assert_uint_eq(m.attrs[0].value.len, sizeof(value));
}
END_TEST

START_TEST(attributes_keep_order_and_length)
{
	begin();
	put(STUN_ATTR_USERNAME, "abcde", 5);
	put(STUN_ATTR_DONT_FRAGMENT, NULL, 0);
	put(STUN_ATTR_LIFETIME, "\x00\x00\x02\x58", 4);
	ck_assert_int_eq(parse(), STUN_OK);
	ck_assert_uint_eq(m.attr_count, 3);
	ck_assert_uint_eq(m.attrs[0].type, STUN_ATTR_USERNAME);
	ck_assert_uint_eq(m.attrs[0].value.len, 5);
	ck_assert_ptr_eq(m.attrs[0].value.data, datagram + 24);
	ck_assert_uint_eq(m.attrs[1].type, STUN_ATTR_DONT_FRAGMENT);
	ck_assert_uint_eq(m.attrs[1].value.len, 0);
	ck_assert_uint_eq(m.attrs[2].type, STUN_ATTR_LIFETIME);
	ck_assert_ptr_eq(m.attrs[2].value.data, datagram + 40);
}
END_TEST

START_TEST(an_attribute_past_the_end_is_malformed)
{
	begin();
	put(STUN_ATTR_REALM, "abcd", 4);
	datagram[23] = 5;
	ck_assert_int_eq(parse(), STUN_MALFORMED);
	datagram[22] = 0xFF;
	datagram[23] = 0xFF;
	ck_assert_int_eq(parse(), STUN_MALFORMED);

	/* also where the attribute itself would be ignored */
	begin();
	put(STUN_ATTR_MESSAGE_INTEGRITY, "12345678901234567890", 20);
	put(STUN_ATTR_REALM, "abcd", 4);
	datagram[used - 5] = 5;
	ck_assert_int_eq(parse(), STUN_MALFORMED);
}
END_TEST

START_TEST(as_many_attributes_as_fit_and_no_more)
{
	begin();
	for (int i = 0; i < STUN_ATTRS_MAX; i++)
		put(STUN_ATTR_XOR_PEER_ADDRESS, "12345678", 8);
	ck_assert_int_eq(parse(), STUN_OK);
	ck_assert_uint_eq(m.attr_count, STUN_ATTRS_MAX);
	/* neither integrity nor what follows it needs a place */
	put(STUN_ATTR_MESSAGE_INTEGRITY, "12345678901234567890", 20);
	put(STUN_ATTR_LIFETIME, "1234", 4);
	put_fingerprint();
	ck_assert_int_eq(parse(), STUN_OK);

	begin();
	for (int i = 0; i <= STUN_ATTRS_MAX; i++)
		put(STUN_ATTR_XOR_PEER_ADDRESS, "12345678", 8);
	ck_assert_int_eq(parse(), STUN_MALFORMED);
}
END_TEST

START_TEST(unknown_required_types_are_listed_once)
{
	begin();
	put(0x0024, "prio", 4);
	put(0x8029, "12345678", 8);
	put(0x7FFF, "x", 1);
	put(0x0024, "prio", 4);
	put(STUN_ATTR_USERNAME, "a", 1);
	put(0x8055, "vendor", 6);
	ck_assert_int_eq(parse(), STUN_OK);
	ck_assert_uint_eq(m.unknown_count, 2);
	ck_assert_uint_eq(m.unknown[0], 0x0024);
	ck_assert_uint_eq(m.unknown[1], 0x7FFF);
}
END_TEST

START_TEST(unknown_types_beyond_the_list_are_not_listed)
{
	begin();
	for (uint16_t i = 0; i <= STUN_UNKNOWN_MAX; i++)
		put((uint16_t)(0x4000 + i), NULL, 0);
	ck_assert_int_eq(parse(), STUN_OK);
	ck_assert_uint_eq(m.unknown_count, STUN_UNKNOWN_MAX);
	ck_assert_uint_eq(m.unknown[STUN_UNKNOWN_MAX - 1],
			  0x4000 + STUN_UNKNOWN_MAX - 1);
}
END_TEST

START_TEST(attributes_after_integrity_are_ignored)
{
	begin();
	put(STUN_ATTR_USERNAME, "abcd", 4);
	put(STUN_ATTR_MESSAGE_INTEGRITY, "12345678901234567890", 20);
	put(STUN_ATTR_LIFETIME, "1234", 4);
	put(STUN_ATTR_PASSWORD_ALGORITHMS, "1234", 4);
	put(0x4000, "1234", 4);
	put(STUN_ATTR_MESSAGE_INTEGRITY, "09876543210987654321", 20);
	ck_assert_int_eq(parse(), STUN_OK);
	ck_assert_uint_eq(m.attr_count, 1);
	ck_assert_uint_eq(m.unknown_count, 0);
	ck_assert_uint_eq(m.integrity_at, 28);
	ck_assert_uint_eq(m.integrity_sha256_at, 0);
	ck_assert_ptr_null(stun_find(&m, STUN_ATTR_LIFETIME));
}
END_TEST

START_TEST(sha256_may_follow_the_older_integrity)
{
	static const uint8_t sha256[32] = { 1 };

	begin();
	put(STUN_ATTR_MESSAGE_INTEGRITY, "12345678901234567890", 20);
	put(STUN_ATTR_LIFETIME, "1234", 4);
	put(STUN_ATTR_MESSAGE_INTEGRITY_SHA256, sha256, 32);
	put(STUN_ATTR_LIFETIME, "1234", 4);
	put(STUN_ATTR_MESSAGE_INTEGRITY_SHA256, sha256, 32);
	put_fingerprint();
	ck_assert_int_eq(parse(), STUN_OK);
	ck_assert_uint_eq(m.integrity_at, 20);
	ck_assert_uint_eq(m.integrity_sha256_at, 52);
	ck_assert_uint_eq(m.attr_count, 0);
	ck_assert(m.has_fingerprint);
}
END_TEST

START_TEST(after_sha256_the_older_integrity_is_ignored)
{
	static const uint8_t sha256[32] = { 1 };

	begin();
	put(STUN_ATTR_MESSAGE_INTEGRITY_SHA256, sha256, 32);
	put(STUN_ATTR_MESSAGE_INTEGRITY, "12345678901234567890", 20);
	/* And so is all else, required, optional or unknown. */
	put(STUN_ATTR_LIFETIME, "1234", 4);
	put(STUN_ATTR_PASSWORD_ALGORITHMS, "1234", 4);
	put(0x4000, "1234", 4);
	ck_assert_int_eq(parse(), STUN_OK);
	ck_assert_uint_eq(m.integrity_at, 0);
	ck_assert_uint_eq(m.integrity_sha256_at, 20);
	ck_assert_uint_eq(m.attr_count, 0);
	ck_assert_uint_eq(m.unknown_count, 0);
}
END_TEST

START_TEST(integrity_of_any_length_is_present)
{
	begin();
	put(STUN_ATTR_MESSAGE_INTEGRITY, "1", 1);
	put(STUN_ATTR_MESSAGE_INTEGRITY_SHA256, NULL, 0);
	ck_assert_int_eq(parse(), STUN_OK);
	ck_assert_uint_eq(m.integrity_at, 20);
	ck_assert_uint_eq(m.integrity_sha256_at, 28);
}
END_TEST

START_TEST(a_right_fingerprint_is_noted)
{
	begin();
	put(STUN_ATTR_USERNAME, "abcd", 4);
	put_fingerprint();
	ck_assert_int_eq(parse(), STUN_OK);
	ck_assert(m.has_fingerprint);
	ck_assert_uint_eq(m.attr_count, 1);
}
END_TEST

START_TEST(a_wrong_fingerprint_is_refused)
{
	begin();
	put(STUN_ATTR_USERNAME, "abcd", 4);
	put_fingerprint();
	/* any bit of the message changed, in the covered part or the value */
	datagram[9] ^= 1;
	ck_assert_int_eq(parse(), STUN_BAD_FINGERPRINT);
	datagram[9] ^= 1;
	datagram[used - 1] ^= 1;
	ck_assert_int_eq(parse(), STUN_BAD_FINGERPRINT);
}
END_TEST

START_TEST(a_fingerprint_must_be_last)
{
	begin();
	put_fingerprint();
	put(STUN_ATTR_USERNAME, "abcd", 4);
	/* right for the length now in the header, but not last */
	wire_put_u32(datagram + 24, stun_fingerprint(bytes_of(datagram, 20)));
	ck_assert_int_eq(parse(), STUN_BAD_FINGERPRINT);
}
END_TEST

START_TEST(a_fingerprint_has_four_bytes)
{
	uint8_t value[8] = { 0 };

	/* eight, of which the first four are right */
	begin();
	put(STUN_ATTR_FINGERPRINT, value, 8);
	wire_put_u32(datagram + 24, stun_fingerprint(bytes_of(datagram, 20)));
	ck_assert_int_eq(parse(), STUN_BAD_FINGERPRINT);
	begin();
	put(STUN_ATTR_FINGERPRINT, NULL, 0);
	ck_assert_int_eq(parse(), STUN_BAD_FINGERPRINT);
}
END_TEST

START_TEST(find_returns_the_first_then_the_next)
{
	const struct stun_attr *a;

	begin();
	put(STUN_ATTR_XOR_PEER_ADDRESS, "11111111", 8);
	put(STUN_ATTR_LIFETIME, "1234", 4);
	put(STUN_ATTR_XOR_PEER_ADDRESS, "22222222", 8);
	ck_assert_int_eq(parse(), STUN_OK);
	a = stun_find(&m, STUN_ATTR_XOR_PEER_ADDRESS);
	ck_assert_ptr_eq(a, &m.attrs[0]);
	a = stun_find_next(&m, a);
	ck_assert_ptr_eq(a, &m.attrs[2]);
	ck_assert_ptr_null(stun_find_next(&m, a));
	ck_assert_ptr_null(stun_find(&m, STUN_ATTR_DATA));
}
END_TEST

START_TEST(a_wrong_length_is_kept_and_told)
{
	begin();
	put(STUN_ATTR_LIFETIME, "12345", 5);
	put(STUN_ATTR_LIFETIME, "1234", 4);
	put(STUN_ATTR_LIFETIME, "123", 3);
	put(0x4444, "12345", 5);
	ck_assert_int_eq(parse(), STUN_OK);
	ck_assert(!stun_attr_well_sized(&m.attrs[0]));
	ck_assert(stun_attr_well_sized(&m.attrs[1]));
	ck_assert(!stun_attr_well_sized(&m.attrs[2]));
	/* nothing is known of it, so nothing is wrong with it */
	ck_assert(stun_attr_well_sized(&m.attrs[3]));
}
END_TEST

START_TEST(numbers_are_read)
{
	struct stun_attr a;
	uint32_t number = 77;
	uint8_t byte = 77;

	a = attr_of(STUN_ATTR_LIFETIME, "\x01\x02\x03\x04", 4);
	ck_assert(stun_get_u32(&a, &number));
	ck_assert_uint_eq(number, 0x01020304);
	number = 77;
	a.value.len = 3;
	ck_assert(!stun_get_u32(&a, &number));
	a.value.len = 5;
	ck_assert(!stun_get_u32(&a, &number));
	ck_assert_uint_eq(number, 77);

	a = attr_of(STUN_ATTR_REQUESTED_TRANSPORT, "\x11\xFF\xFF\xFF", 4);
	ck_assert(stun_get_u8(&a, &byte));
	ck_assert_uint_eq(byte, 17);
	byte = 77;
	a.value.len = 1;
	ck_assert(!stun_get_u8(&a, &byte));
	a = attr_of(STUN_ATTR_EVEN_PORT, "\x80\0\0\0", 4);
	ck_assert(!stun_get_u8(&a, &byte));
	ck_assert_uint_eq(byte, 77);
	a.value.len = 1;
	ck_assert(stun_get_u8(&a, &byte));
	ck_assert_uint_eq(byte, 0x80);
}
END_TEST

START_TEST(plain_addresses_are_read)
{
	static const uint8_t v6[20] = { 0,    2,    0x12, 0x34,    0x20,
					0x01, 0x0D, 0xB8, [19] = 1 };
	struct addr got, expected;
	struct stun_attr a;

	/* the first byte is to be ignored */
	a = attr_of(STUN_ATTR_MAPPED_ADDRESS,
		    "\xFF\x01\x0D\x96\xC0\x00\x02\x01", 8);
	expected = addr_ipv4(0xC0000201, 3478);
	ck_assert(stun_get_addr(&a, &got));
	ck_assert_mem_eq(&got, &expected, sizeof(got));

	a = attr_of(STUN_ATTR_ALTERNATE_SERVER, v6, 20);
	expected = addr_ipv6(v6 + 4, 0x1234);
	ck_assert(stun_get_addr(&a, &got));
	ck_assert_mem_eq(&got, &expected, sizeof(got));
}
END_TEST

START_TEST(xored_addresses_are_read)
{
	uint8_t v6[20] = { 0, 2, 0x12 ^ 0x21, 0x34 ^ 0x12 };
	static const uint8_t ip[16] = { 0x20, 0x01, 0x0D, 0xB8, [15] = 9 };
	struct addr got, expected;
	struct stun_attr a;

	begin();
	ck_assert_int_eq(parse(), STUN_OK);
	a = attr_of(STUN_ATTR_XOR_PEER_ADDRESS,
		    "\x00\x01\xA1\x47\xE1\x12\xA6\x43", 8);
	expected = addr_ipv4(0xC0000201, 32853);
	ck_assert(stun_get_xor_addr(&m, &a, &got));
	ck_assert_mem_eq(&got, &expected, sizeof(got));

	for (size_t i = 0; i < 16; i++)
		v6[4 + i] = ip[i] ^ datagram[4 + i];
	a = attr_of(STUN_ATTR_XOR_PEER_ADDRESS, v6, 20);
	expected = addr_ipv6(ip, 0x1234);
	ck_assert(stun_get_xor_addr(&m, &a, &got));
	ck_assert_mem_eq(&got, &expected, sizeof(got));
}
END_TEST

START_TEST(addresses_of_wrong_family_or_length_are_refused)
{
	static const struct {
		uint8_t family;
		size_t len;
	} wrong[] = {
		{ 0, 8 },  { 3, 8 },  { 2, 8 },  { 1, 20 }, { 0, 20 },
		{ 1, 0 },  { 1, 4 },  { 1, 7 },  { 1, 9 },  { 1, 12 },
		{ 2, 19 }, { 2, 21 }, { 2, 24 }, { 2, 0 },
	};
	struct addr got = addr_ipv4(0x01020304, 5), before = got;

	begin();
	ck_assert_int_eq(parse(), STUN_OK);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		uint8_t value[24] = { 0, wrong[i].family };
		struct stun_attr a = attr_of(STUN_ATTR_XOR_PEER_ADDRESS, value,
					     wrong[i].len);

		ck_assert(!stun_get_addr(&a, &got));
		ck_assert(!stun_get_xor_addr(&m, &a, &got));
		ck_assert_mem_eq(&got, &before, sizeof(got));
	}
}
END_TEST

START_TEST(error_codes_are_read)
{
	struct stun_attr a;
	uint16_t code = 77;

	a = attr_of(STUN_ATTR_ERROR_CODE, "\0\0\4\x01Unauthenticated", 19);
	ck_assert(stun_get_error(&a, &code));
	ck_assert_uint_eq(code, 401);
	a = attr_of(STUN_ATTR_ERROR_CODE, "\xFF\xFF\xFB\x00", 4);
	ck_assert(stun_get_error(&a, &code));
	ck_assert_uint_eq(code, 300);
	a = attr_of(STUN_ATTR_ERROR_CODE, "\0\0\6\x63", 4);
	ck_assert(stun_get_error(&a, &code));
	ck_assert_uint_eq(code, 699);
}
END_TEST

START_TEST(other_error_codes_are_refused)
{
	static const char *const wrong[] = { "\0\0\2\x01", "\0\0\7\x01",
					     "\0\0\0\x01", "\0\0\4\x64",
					     "\0\0\4\xFF" };
	struct stun_attr a;
	uint16_t code = 77;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		a = attr_of(STUN_ATTR_ERROR_CODE, wrong[i], 4);
		ck_assert(!stun_get_error(&a, &code));
	}
	a = attr_of(STUN_ATTR_ERROR_CODE, "\0\0\4", 3);
	ck_assert(!stun_get_error(&a, &code));
	ck_assert_uint_eq(code, 77);
}
END_TEST

START_TEST(algorithms_are_read_in_turn)
{
	struct stun_attr a;
	uint16_t algorithm;
	size_t at = 0;

	/* the second has five bytes of parameters and three of padding */
	a = attr_of(STUN_ATTR_PASSWORD_ALGORITHMS,
		    "\0\2\0\0\0\7\0\5param\0\0\0\0\1\0\0", 20);
	ck_assert(stun_get_algorithm(&a, &at, &algorithm));
	ck_assert_uint_eq(algorithm, STUN_ALGORITHM_SHA256);
	ck_assert(stun_get_algorithm(&a, &at, &algorithm));
	ck_assert_uint_eq(algorithm, 7);
	ck_assert(stun_get_algorithm(&a, &at, &algorithm));
	ck_assert_uint_eq(algorithm, STUN_ALGORITHM_MD5);
	ck_assert_uint_eq(at, 20);
	ck_assert(!stun_get_algorithm(&a, &at, &algorithm));
	ck_assert_uint_eq(at, 20);
}
END_TEST

START_TEST(malformed_algorithms_are_refused)
{
	static const struct {
		const char *value;
		size_t len;
	} wrong[] = {
		{ "\0\2\0", 3 },
		{ "\0\2\0\4abc", 7 },
		{ "\0\2\0\1a\0\0", 7 },
		{ "\0\2\xFF\xFF", 4 },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct stun_attr a = attr_of(STUN_ATTR_PASSWORD_ALGORITHM,
					     wrong[i].value, wrong[i].len);
		uint16_t algorithm = 77;
		size_t at = 0;

		ck_assert(!stun_get_algorithm(&a, &at, &algorithm));
		ck_assert_uint_eq(algorithm, 77);
		ck_assert_uint_eq(at, 0);
	}
}
END_TEST

static Suite *message_suite(void)
{
	Suite *s = suite_create("message");
	TCase *t = tcase_create("parse");

	tcase_add_test(t, the_first_byte_tells_the_kind);
	tcase_add_test(t, a_bare_header_is_a_message);
	tcase_add_test(t, class_and_method_are_told_apart);
	tcase_add_test(t, other_bytes_are_not_stun);
	tcase_add_test(t, the_length_must_be_that_of_the_datagram);
	tcase_add_test(t, the_largest_message_is_parsed);
	tcase_add_test(t, attributes_keep_order_and_length);
	tcase_add_test(t, an_attribute_past_the_end_is_malformed);
	tcase_add_test(t, as_many_attributes_as_fit_and_no_more);
	tcase_add_test(t, unknown_required_types_are_listed_once);
	tcase_add_test(t, unknown_types_beyond_the_list_are_not_listed);
	suite_add_tcase(s, t);

	t = tcase_create("integrity");
	tcase_add_test(t, attributes_after_integrity_are_ignored);
	tcase_add_test(t, sha256_may_follow_the_older_integrity);
	tcase_add_test(t, after_sha256_the_older_integrity_is_ignored);
	tcase_add_test(t, integrity_of_any_length_is_present);
	tcase_add_test(t, a_right_fingerprint_is_noted);
	tcase_add_test(t, a_wrong_fingerprint_is_refused);
	tcase_add_test(t, a_fingerprint_must_be_last);
	tcase_add_test(t, a_fingerprint_has_four_bytes);
	suite_add_tcase(s, t);

	t = tcase_create("values");
	tcase_add_test(t, find_returns_the_first_then_the_next);
	tcase_add_test(t, a_wrong_length_is_kept_and_told);
	tcase_add_test(t, numbers_are_read);
	tcase_add_test(t, plain_addresses_are_read);
	tcase_add_test(t, xored_addresses_are_read);
	tcase_add_test(t, addresses_of_wrong_family_or_length_are_refused);
	tcase_add_test(t, error_codes_are_read);
	tcase_add_test(t, other_error_codes_are_refused);
	tcase_add_test(t, algorithms_are_read_in_turn);
	tcase_add_test(t, malformed_algorithms_are_refused);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(message_suite)
