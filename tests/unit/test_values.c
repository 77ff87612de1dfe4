#include "unit.h"

#include <string.h>

#include "ctl/values.h"

static void expect(json_t *json, const char *text)
{
	char *made = json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT);

	ck_assert_str_eq(made, text);
	free(made);
	json_decref(json);
}

START_TEST(texts)
{
	expect(value_text(bytes_str("alice")), "\"alice\"");
	expect(value_text(bytes_of(NULL, 0)), "\"\"");
	expect(value_text(bytes_str("<b>\"\\\n\xc3\xa9")),
	       "\"<b>\\\"\\\\\\n\xc3\xa9\"");
	expect(value_text(bytes_of("a\0b", 3)), "\"a\\u0000b\"");
	expect(value_text(bytes_str("a\xff\xc3\xa9\xed\xa0\x80")),
	       "\"a\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
	/* A character that was cut. */
	expect(value_text(bytes_str("\xc3")), "\"\xef\xbf\xbd\"");
}
END_TEST

START_TEST(others)
{
	struct addr a = addr_ipv4(0xc0000201, 3478);

	expect(value_addr(&a), "\"192.0.2.1:3478\"");
	expect(value_time(0), "\"1970-01-01T00:00:00Z\"");
	expect(value_time(1795626000), "\"2026-11-25T17:00:00Z\"");
	expect(value_time(INT64_MAX), "\"9223372036854775807\"");
	expect(value_number(5), "5");
	expect(value_limit(0), "null");
	expect(value_limit(9), "9");
	expect(value_traffic(1, 2), "{\"packets\":1,\"bytes\":2}");
}
END_TEST

static Suite *values_suite(void)
{
	Suite *s = suite_create("values");
	TCase *t = tcase_create("values");

	tcase_add_test(t, texts);
	tcase_add_test(t, others);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(values_suite)
