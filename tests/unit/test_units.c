#include "unit.h"

#include "turnpikectl/units.h"

START_TEST(bytes_by_powers_of_1000)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {
		{ 0, "0" },
		{ 1, "1 B" },
		{ 999, "999 B" },
		{ 1000, "1.0 kB" },
		{ 1999, "1.9 kB" },
		{ 9999, "9.9 kB" },
		{ 10000, "10 kB" },
		{ 999999, "999 kB" },
		{ 1000000, "1.0 MB" },
		{ 1234567890, "1.2 GB" },
		{ UINT64_MAX, "18 EB" },
	};
	char out[UNITS_TEXT_BYTES];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_str_eq(units_bytes(cases[i].bytes, out),
				 cases[i].text);
}
END_TEST

START_TEST(rates_in_bits)
{
	char out[UNITS_TEXT_BYTES];

	ck_assert_str_eq(units_rate(0, out), "0");
	ck_assert_str_eq(units_rate(1, out), "8 bit/s");
	ck_assert_str_eq(units_rate(500000, out), "4.0 Mbit/s");
	ck_assert_str_eq(units_rate(12500000000, out), "100 Gbit/s");
}
END_TEST

START_TEST(durations_in_two_units)
{
	char out[UNITS_TEXT_BYTES];

	ck_assert_str_eq(units_duration(0, out), "0s");
	ck_assert_str_eq(units_duration(59, out), "59s");
	ck_assert_str_eq(units_duration(60, out), "1m00s");
	ck_assert_str_eq(units_duration(3599, out), "59m59s");
	ck_assert_str_eq(units_duration(3660, out), "1h01m");
	ck_assert_str_eq(units_duration(86400 + 7200, out), "1d02h");
}
END_TEST

START_TEST(durations_are_read)
{
	uint64_t out = 7;

	ck_assert(units_read_duration("90", &out) && out == 90);
	ck_assert(units_read_duration("90s", &out) && out == 90);
	ck_assert(units_read_duration("5m", &out) && out == 300);
	ck_assert(units_read_duration("2h", &out) && out == 7200);
	ck_assert(units_read_duration("365d", &out) && out == 31536000);
	ck_assert(!units_read_duration("", &out));
	ck_assert(!units_read_duration("0s", &out));
	ck_assert(!units_read_duration("-5m", &out));
	ck_assert(!units_read_duration(" 5m", &out));
	ck_assert(!units_read_duration("5 m", &out));
	ck_assert(!units_read_duration("5w", &out));
	ck_assert(!units_read_duration("m", &out));
	ck_assert(!units_read_duration("366d", &out));
	ck_assert(!units_read_duration("99999999999999999999s", &out));
}
END_TEST

START_TEST(times_are_read)
{
	int64_t out = 7;

	ck_assert(units_read_time("1970-01-01T00:01:00Z", &out) && out == 60);
	ck_assert(units_read_time("2026-11-25T17:00:00.250Z", &out) &&
		  out == 1795626000);
	ck_assert(!units_read_time("", &out));
	ck_assert(!units_read_time("2026-11-25", &out));
	ck_assert(!units_read_time("2026-11-25T17:00:00+01:00", &out));
	ck_assert(!units_read_time("2026-11-25T17:00:00Zx", &out));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("units");
	TCase *t = tcase_create("units");

	tcase_add_test(t, bytes_by_powers_of_1000);
	tcase_add_test(t, rates_in_bits);
	tcase_add_test(t, durations_in_two_units);
	tcase_add_test(t, durations_are_read);
	tcase_add_test(t, times_are_read);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
