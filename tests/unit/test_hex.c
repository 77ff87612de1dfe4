#include "unit.h"

#include <string.h>

#include "base/hex.h"

START_TEST(digits_become_bytes)
{
	static const uint8_t expected[] = { 0x00, 0x1f, 0xab, 0xCD, 0xff };
	uint8_t out[sizeof(expected)];

	ck_assert(hex_decode(bytes_str("001fabCDFf"), out, sizeof(out)));
	ck_assert_mem_eq(out, expected, sizeof(out));
	ck_assert(hex_decode(bytes_str(""), out, 0));
}
END_TEST

START_TEST(anything_else_is_refused)
{
	static const char *const bad[] = { "",
					   "0",
					   "000",
					   "00000",
					   "000g",
					   "g000",
					   "00 0",
					   "0x00",
					   "/000",
					   ":000",
					   "@000",
					   "`000",
					   "\xff\xff\xff\xff" };
	uint8_t out[2];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!hex_decode(bytes_str(bad[i]), out, 2), "%s",
			      bad[i]);
}
END_TEST

START_TEST(bytes_become_digits)
{
	uint8_t in[256], back[256];
	char text[512];

	for (int i = 0; i < 256; i++)
		in[i] = (uint8_t)i;
	hex_encode(bytes_of(in, sizeof(in)), text);
	ck_assert_mem_eq(text, "00010203", 8);
	ck_assert_mem_eq(text + 508, "feff", 4);
	ck_assert(hex_decode(bytes_of(text, sizeof(text)), back, sizeof(back)));
	ck_assert_mem_eq(in, back, sizeof(in));
}
END_TEST

static Suite *hex_suite(void)
{
	Suite *s = suite_create("hex");
	TCase *t = tcase_create("hex");

	tcase_add_test(t, digits_become_bytes);
	tcase_add_test(t, anything_else_is_refused);
	tcase_add_test(t, bytes_become_digits);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(hex_suite)
