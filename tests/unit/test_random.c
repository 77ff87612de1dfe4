#include "unit.h"

#include <string.h>

#include "base/random.h"

static struct crypto *crypto;
static struct random stream;

static void set_up(void)
{
	uint8_t seed[RANDOM_SEED_BYTES];

	for (uint8_t i = 0; i < sizeof(seed); i++)
		seed[i] = i;
	crypto = crypto_new();
	ck_assert_ptr_nonnull(crypto);
	random_init(&stream, crypto, seed);
}

static void tear_down(void)
{
	crypto_free(crypto);
}

/* Made by a second implementation of the construction, for seed 00 .. 1f. */
static const uint8_t expected[80] = {
	0xe6, 0x01, 0xef, 0x86, 0x05, 0xdc, 0xcf, 0xe5, 0xd0, 0x26, 0xed, 0xa2,
	0x93, 0x74, 0x96, 0xfa, 0x09, 0x4e, 0xcd, 0x4e, 0x89, 0x11, 0x17, 0x5f,
	0xc8, 0xc8, 0xf8, 0x4b, 0xbe, 0xf0, 0x77, 0x7f, 0xc6, 0x90, 0xe7, 0x02,
	0x4a, 0xce, 0xdc, 0x86, 0x34, 0x23, 0xdb, 0xe3, 0x98, 0x2b, 0xd1, 0xfe,
	0x78, 0x0c, 0x85, 0xf8, 0x30, 0xff, 0x68, 0x53, 0x44, 0xdb, 0xbf, 0xe3,
	0x84, 0x82, 0x66, 0xef, 0x59, 0xe6, 0x56, 0x69, 0xc6, 0x8e, 0x6c, 0x5d,
	0x80, 0x57, 0x50, 0xfd, 0x68, 0x88, 0x4c, 0x54,
};

START_TEST(known_stream)
{
	uint8_t out[80];

	random_bytes(&stream, out, sizeof(out));
	ck_assert_mem_eq(out, expected, sizeof(out));
}
END_TEST

/* Pieces of any size make up the same stream. */
START_TEST(pieces_make_the_same_stream)
{
	uint8_t out[80];
	size_t piece = (size_t)_i;

	for (size_t at = 0; at < sizeof(out); at += piece) {
		if (piece > sizeof(out) - at)
			piece = sizeof(out) - at;
		random_bytes(&stream, out + at, piece);
		random_bytes(&stream, NULL, 0);
	}
	ck_assert_mem_eq(out, expected, sizeof(out));
}
END_TEST

START_TEST(numbers_come_from_the_stream)
{
	ck_assert_uint_eq(random_u64(&stream), 0xe601ef8605dccfe5);
	ck_assert_uint_eq(random_u64(&stream), 0xd026eda2937496fa);
	/* 0x094ecd4e, next 0x8911175f */
	ck_assert_uint_eq(random_below(&stream, 1000), 0x094ecd4e % 1000);
	ck_assert_uint_eq(random_below(&stream, UINT32_MAX), 0x8911175f);
}
END_TEST

START_TEST(another_seed_another_stream)
{
	uint8_t seed[RANDOM_SEED_BYTES] = { 1 };
	uint8_t out[80];

	random_init(&stream, crypto, seed);
	random_bytes(&stream, out, sizeof(out));
	ck_assert_mem_ne(out, expected, sizeof(out));
}
END_TEST

static bool contains(const void *data, size_t len, const uint8_t *word)
{
	const uint8_t *at = data;

	for (size_t i = 0; i + 8 <= len; i++) {
		if (!memcmp(at + i, word, 8))
			return true;
	}
	return false;
}

/* What was handed out, and the key it came from, are in the state no more. */
START_TEST(the_state_forgets)
{
	uint8_t seed[RANDOM_SEED_BYTES];
	uint8_t out[16];

	memcpy(seed, stream.key, sizeof(seed));
	random_bytes(&stream, out, sizeof(out));
	for (size_t i = 0; i + 8 <= sizeof(seed); i++)
		ck_assert(!contains(&stream, sizeof(stream), seed + i));
	for (size_t i = 0; i + 8 <= sizeof(out); i++)
		ck_assert(!contains(&stream, sizeof(stream), out + i));
}
END_TEST

static const uint32_t bounds[] = { 1, 2, 3, 10, 16384, 0x80000001, UINT32_MAX };

START_TEST(below_is_below_and_spread)
{
	uint32_t bound = bounds[_i];
	uint32_t tenths[10] = { 0 };

	for (int i = 0; i < 10000; i++) {
		uint32_t value = random_below(&stream, bound);

		ck_assert_uint_lt(value, bound);
		tenths[(uint64_t)value * 10 / bound]++;
	}
	for (uint32_t i = 0; i < 10; i++) {
		/* About 1,000 each, if there are ten values at all. */
		if (bound >= 10) {
			ck_assert_uint_gt(tenths[i], 850);
			ck_assert_uint_lt(tenths[i], 1150);
		}
	}
}
END_TEST

/* Of 2^32 values, 0x7fffffff must be refused, or low results come twice. */
START_TEST(uneven_values_are_refused)
{
	uint32_t refused = 0;
	uint32_t bound = 0x80000001;
	uint64_t before = 0;

	for (int i = 0; i < 1000; i++)
		random_below(&stream, bound);
	before = stream.counter * CRYPTO_SHA256_BYTES - stream.left;
	refused = (uint32_t)(before / 4 - 1000);
	ck_assert_uint_gt(refused, 850);
	ck_assert_uint_lt(refused, 1150);
}
END_TEST

static void below_zero(void *unused)
{
	(void)unused;
	random_below(&stream, 0);
}

START_TEST(no_number_is_below_zero)
{
	ck_assert(unit_aborts(below_zero, NULL));
}
END_TEST

static Suite *random_suite(void)
{
	Suite *s = suite_create("random");
	TCase *bytes = tcase_create("bytes");
	TCase *numbers = tcase_create("numbers");

	tcase_add_checked_fixture(bytes, set_up, tear_down);
	tcase_add_test(bytes, known_stream);
	tcase_add_loop_test(bytes, pieces_make_the_same_stream, 1, 80);
	tcase_add_test(bytes, another_seed_another_stream);
	tcase_add_test(bytes, the_state_forgets);
	suite_add_tcase(s, bytes);

	tcase_add_checked_fixture(numbers, set_up, tear_down);
	tcase_add_test(numbers, numbers_come_from_the_stream);
	tcase_add_loop_test(numbers, below_is_below_and_spread, 0,
			    sizeof(bounds) / sizeof(bounds[0]));
	tcase_add_test(numbers, uneven_values_are_refused);
	tcase_add_test(numbers, no_number_is_below_zero);
	suite_add_tcase(s, numbers);
	return s;
}

UNIT_MAIN(random_suite)
