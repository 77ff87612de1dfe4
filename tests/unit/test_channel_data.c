#include "unit.h"

#include "stun/channel_data.h"

static bool parse(const char *data, size_t len, uint16_t *number,
		  uint16_t *payload_bytes)
{
	return channel_data_parse(bytes_of(data, len), number, payload_bytes);
}

START_TEST(number_and_length_are_read)
{
	uint16_t number, payload_bytes;

	ck_assert(parse("\x40\x01\x00\x03"
			"abc",
			7, &number, &payload_bytes));
	ck_assert_uint_eq(number, 0x4001);
	ck_assert_uint_eq(payload_bytes, 3);
}
END_TEST

START_TEST(an_empty_payload_is_valid)
{
	uint16_t number, payload_bytes;

	ck_assert(parse("\x4F\xFF\x00\x00", 4, &number, &payload_bytes));
	ck_assert_uint_eq(number, 0x4FFF);
	ck_assert_uint_eq(payload_bytes, 0);
}
END_TEST

START_TEST(bytes_after_the_payload_are_padding)
{
	uint16_t number, payload_bytes;

	ck_assert(parse("\x40\x00\x00\x01"
			"a\0\0\0",
			8, &number, &payload_bytes));
	ck_assert_uint_eq(payload_bytes, 1);
}
END_TEST

START_TEST(a_datagram_shorter_than_it_claims_is_refused)
{
	uint16_t number, payload_bytes;

	for (size_t len = 0; len < 7; len++)
		ck_assert_msg(!parse("\x40\x00\x00\x03"
				     "abc",
				     len, &number, &payload_bytes),
			      "%zu bytes", len);
}
END_TEST

START_TEST(the_largest_claim_is_compared_in_full)
{
	static char datagram[4 + 65535] = "\x40\x00\xFF\xFF";
	uint16_t number, payload_bytes;

	ck_assert(parse(datagram, sizeof(datagram), &number, &payload_bytes));
	ck_assert_uint_eq(payload_bytes, 65535);
	ck_assert(!parse(datagram, sizeof(datagram) - 1, &number,
			 &payload_bytes));
}
END_TEST

START_TEST(only_the_rfc_range_is_a_channel)
{
	ck_assert(!channel_number_is_valid(0x0000));
	ck_assert(!channel_number_is_valid(0x3FFF));
	ck_assert(channel_number_is_valid(0x4000));
	ck_assert(channel_number_is_valid(0x4FFF));
	ck_assert(!channel_number_is_valid(0x5000));
	ck_assert(!channel_number_is_valid(0x7FFF));
	ck_assert(!channel_number_is_valid(0xFFFF));
}
END_TEST

START_TEST(other_numbers_are_refused)
{
	uint16_t number, payload_bytes;

	ck_assert(!parse("\x3F\xFF\x00\x00", 4, &number, &payload_bytes));
	ck_assert(!parse("\x50\x00\x00\x00", 4, &number, &payload_bytes));
}
END_TEST

START_TEST(a_header_is_written)
{
	uint8_t out[CHANNEL_DATA_HEADER_BYTES];

	channel_data_header(out, 0x4ABC, 0x1234);
	ck_assert_mem_eq(out, "\x4A\xBC\x12\x34", 4);
}
END_TEST

static Suite *channel_data_suite(void)
{
	Suite *s = suite_create("channel_data");
	TCase *t = tcase_create("header");

	tcase_add_test(t, number_and_length_are_read);
	tcase_add_test(t, an_empty_payload_is_valid);
	tcase_add_test(t, bytes_after_the_payload_are_padding);
	tcase_add_test(t, a_datagram_shorter_than_it_claims_is_refused);
	tcase_add_test(t, the_largest_claim_is_compared_in_full);
	tcase_add_test(t, only_the_rfc_range_is_a_channel);
	tcase_add_test(t, other_numbers_are_refused);
	tcase_add_test(t, a_header_is_written);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(channel_data_suite)
