#include "unit.h"

#include <string.h>

#include "base/log.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static struct log_record record;
static char line[LOG_LINE_BYTES];

static void set_up(void)
{
	log_begin(&record, LOG_LEVEL_INFO, "session began", 1767225600);
}

static void check_text(const char *expected)
{
	size_t len = log_format_text(&record, line, sizeof(line));

	ck_assert_str_eq(line, expected);
	ck_assert_uint_eq(len, strlen(expected));
}

static void check_json(const char *expected)
{
	size_t len = log_format_json(&record, line, sizeof(line));

	ck_assert_str_eq(line, expected);
	ck_assert_uint_eq(len, strlen(expected));
}

START_TEST(a_message_alone)
{
	check_text("session began");
	check_json("{\"time\":1767225600,\"level\":\"info\","
		   "\"message\":\"session began\"}");
}
END_TEST

START_TEST(every_kind_of_field)
{
	struct addr client = addr_ipv4(0xc0000201, 5000);

	log_addr(&record, "client", &client);
	log_text(&record, "user", "alice");
	log_text(&record, "realm", "a realm");
	log_number(&record, "bytes", UINT64_MAX);
	log_number(&record, "packets", 0);
	check_text("session began client=192.0.2.1:5000 user=alice "
		   "realm=\"a realm\" bytes=18446744073709551615 packets=0");
	check_json("{\"time\":1767225600,\"level\":\"info\","
		   "\"message\":\"session began\","
		   "\"client\":\"192.0.2.1:5000\",\"user\":\"alice\","
		   "\"realm\":\"a realm\",\"bytes\":18446744073709551615,"
		   "\"packets\":0}");
}
END_TEST

START_TEST(ipv6_needs_no_quotes)
{
	struct addr client;

	ck_assert(addr_parse("2001:db8::1", &client));
	client.port = 3478;
	log_addr(&record, "client", &client);
	check_text("session began client=[2001:db8::1]:3478");
}
END_TEST

/* A user name, how it stands in the text form and in JSON. */
static const struct {
	const char *value;
	size_t len; /* 0: the whole string */
	const char *text;
	const char *json;
} values[] = {
	{ "", 0, "\"\"", "" },
	{ "alice@example.com", 0, "alice@example.com", "alice@example.com" },
	{ "a b", 0, "\"a b\"", "a b" },
	{ "a=b", 0, "\"a=b\"", "a=b" },
	{ "1735689600:bob", 0, "1735689600:bob", "1735689600:bob" },
	{ "say \"hi\"", 0, "\"say \\\"hi\\\"\"", "say \\\"hi\\\"" },
	{ "back\\slash", 0, "\"back\\\\slash\"", "back\\\\slash" },
	{ "x\nlevel=error", 0, "\"x\\nlevel=error\"", "x\\nlevel=error" },
	{ "\t\r", 0, "\"\\t\\r\"", "\\t\\r" },
	{ "\x1b[31m", 0, "\"\\x1b[31m\"", "\\u001b[31m" },
	{ "\x7f", 0, "\"\\x7f\"", "\\u007f" },
	{ "a\0b", 3, "\"a\\x00b\"", "a\\u0000b" },
	/* UTF-8 stays as it is, but for what acts on the reader's screen. */
	{ "\u00e9\u4e16\U0001f600", 0, "\u00e9\u4e16\U0001f600",
	  "\u00e9\u4e16\U0001f600" },
	{ "\xc2\x9b", 0, "\"\\u009b\"", "\\u009b" },
	{ "\u00a0", 0, "\u00a0", "\u00a0" },
	{ "\u2028\u202e", 0, "\"\\u2028\\u202e\"", "\\u2028\\u202e" },
	{ "\u202f\u2065", 0, "\u202f\u2065", "\u202f\u2065" },
	{ "\u2066\u2069", 0, "\"\\u2066\\u2069\"", "\\u2066\\u2069" },
	{ "\u200e\u200f\u061c", 0, "\"\\u200e\\u200f\\u061c\"",
	  "\\u200e\\u200f\\u061c" },
	/* The borders of the UTF-8 lengths. */
	{ "\xc2\x80", 0, "\"\\u0080\"", "\\u0080" },
	{ "\u07ff", 0, "\u07ff", "\u07ff" },
	{ "\u0800", 0, "\u0800", "\u0800" },
	{ "\xed\x9f\xbf", 0, "\xed\x9f\xbf", "\xed\x9f\xbf" },
	{ "\xee\x80\x80", 0, "\xee\x80\x80", "\xee\x80\x80" },
	{ "\uffff", 0, "\uffff", "\uffff" },
	{ "\U00010000", 0, "\U00010000", "\U00010000" },
	{ "\U0010ffff", 0, "\U0010ffff", "\U0010ffff" },
	/* Not UTF-8: each byte alone. */
	{ "\xff", 0, "\"\\xff\"", "\\ufffd" },
	{ "\x80", 0, "\"\\x80\"", "\\ufffd" },
	{ "\xc0\xaf", 0, "\"\\xc0\\xaf\"", "\\ufffd\\ufffd" },
	{ "\xc1\xbf", 0, "\"\\xc1\\xbf\"", "\\ufffd\\ufffd" },
	{ "\xe0\x9f\xbf", 0, "\"\\xe0\\x9f\\xbf\"", "\\ufffd\\ufffd\\ufffd" },
	{ "\xed\xa0\x80", 0, "\"\\xed\\xa0\\x80\"", "\\ufffd\\ufffd\\ufffd" },
	{ "\xf0\x8f\xbf\xbf", 0, "\"\\xf0\\x8f\\xbf\\xbf\"",
	  "\\ufffd\\ufffd\\ufffd\\ufffd" },
	{ "\xf4\x90\x80\x80", 0, "\"\\xf4\\x90\\x80\\x80\"",
	  "\\ufffd\\ufffd\\ufffd\\ufffd" },
	{ "\xf5\x80\x80\x80", 0, "\"\\xf5\\x80\\x80\\x80\"",
	  "\\ufffd\\ufffd\\ufffd\\ufffd" },
	{ "\xe4\xb8", 0, "\"\\xe4\\xb8\"", "\\ufffd\\ufffd" },
	{ "\xe4\xb8x", 0, "\"\\xe4\\xb8x\"", "\\ufffd\\ufffdx" },
	{ "ok\xc3", 0, "\"ok\\xc3\"", "ok\\ufffd" },
};

START_TEST(values_are_escaped)
{
	size_t len = values[_i].len ? values[_i].len : strlen(values[_i].value);
	char expected[200];

	log_bytes(&record, "user", bytes_of(values[_i].value, len));
	snprintf(expected, sizeof(expected), "session began user=%s",
		 values[_i].text);
	check_text(expected);
	snprintf(expected, sizeof(expected),
		 "{\"time\":1767225600,\"level\":\"info\","
		 "\"message\":\"session began\",\"user\":\"%s\"}",
		 values[_i].json);
	check_json(expected);
}
END_TEST

START_TEST(a_value_alone_has_no_quotes)
{
	struct addr client = addr_ipv4(0xc0000201, 5000);
	char out[64];

	log_text(&record, "user", "a \"b\"\n\\");
	log_number(&record, "bytes", 77);
	log_addr(&record, "client", &client);
	ck_assert_uint_eq(log_format_value(&record, &record.fields[0], out, 64),
			  11);
	ck_assert_str_eq(out, "a \\\"b\\\"\\n\\\\");
	ck_assert_uint_eq(log_format_value(&record, &record.fields[1], out, 64),
			  2);
	ck_assert_str_eq(out, "77");
	log_format_value(&record, &record.fields[2], out, 64);
	ck_assert_str_eq(out, "192.0.2.1:5000");
	/* Cut before the escape that does not fit. */
	ck_assert_uint_eq(log_format_value(&record, &record.fields[0], out, 4),
			  2);
	ck_assert_str_eq(out, "a ");
}
END_TEST

/* Values of up to LOG_VALUE_MAX_BYTES: where a longer one is cut. */
static const struct {
	const char *end; /* what the value has from byte `at` on */
	size_t at;
	size_t kept;
} cuts[] = {
	{ "", LOG_VALUE_MAX_BYTES, LOG_VALUE_MAX_BYTES },
	{ "x", LOG_VALUE_MAX_BYTES, LOG_VALUE_MAX_BYTES },
	{ "\u00e9", LOG_VALUE_MAX_BYTES - 2, LOG_VALUE_MAX_BYTES },
	{ "\u00e9", LOG_VALUE_MAX_BYTES - 1, LOG_VALUE_MAX_BYTES - 1 },
	{ "\u00e9", LOG_VALUE_MAX_BYTES, LOG_VALUE_MAX_BYTES },
	{ "\u4e16", LOG_VALUE_MAX_BYTES - 1, LOG_VALUE_MAX_BYTES - 1 },
	{ "\u4e16", LOG_VALUE_MAX_BYTES - 2, LOG_VALUE_MAX_BYTES - 2 },
	{ "\u4e16", LOG_VALUE_MAX_BYTES - 3, LOG_VALUE_MAX_BYTES },
	{ "\U0001f600", LOG_VALUE_MAX_BYTES - 3, LOG_VALUE_MAX_BYTES - 3 },
	{ "\U0001f600x", LOG_VALUE_MAX_BYTES - 4, LOG_VALUE_MAX_BYTES },
	/* Not UTF-8: cut anywhere. */
	{ "\x80\x80\x80\x80\x80\x80", LOG_VALUE_MAX_BYTES - 5,
	  LOG_VALUE_MAX_BYTES },
};

START_TEST(long_values_are_cut)
{
	char value[LOG_VALUE_MAX_BYTES + 10];

	memset(value, 'a', sizeof(value));
	memcpy(value + cuts[_i].at, cuts[_i].end, strlen(cuts[_i].end) + 1);
	log_text(&record, "user", value);
	ck_assert_uint_eq(record.fields[0].value.text.len, cuts[_i].kept);
	ck_assert_mem_eq(record.text, value, cuts[_i].kept);
	ck_assert_uint_eq(record.text_used, cuts[_i].kept);
}
END_TEST

START_TEST(the_text_runs_out)
{
	char value[LOG_VALUE_MAX_BYTES + 1];
	size_t rest = LOG_TEXT_BYTES % LOG_VALUE_MAX_BYTES;
	uint16_t whole = LOG_TEXT_BYTES / LOG_VALUE_MAX_BYTES;

	memset(value, 'a', sizeof(value));
	value[sizeof(value) - 1] = '\0';
	for (uint16_t i = 0; i < whole + 3; i++)
		log_text(&record, "user", value);
	/* One that had to be cut, then none at all. */
	ck_assert_uint_eq(record.field_count, whole + 1);
	ck_assert_uint_eq(record.fields[whole].value.text.len, rest);
	ck_assert_uint_eq(record.text_used, LOG_TEXT_BYTES);
	/* What needs no text still goes in. */
	log_number(&record, "bytes", 1);
	log_text(&record, "empty", "");
	ck_assert_uint_eq(record.field_count, whole + 3);
}
END_TEST

START_TEST(the_fields_run_out)
{
	struct addr a = addr_ipv4(1, 1);

	for (uint64_t i = 0; i < LOG_FIELDS_MAX; i++)
		log_number(&record, "number", i);
	log_number(&record, "number", 99);
	log_text(&record, "user", "alice");
	log_addr(&record, "client", &a);
	ck_assert_uint_eq(record.field_count, LOG_FIELDS_MAX);
	ck_assert_uint_eq(record.text_used, 0);
	log_format_text(&record, line, sizeof(line));
	ck_assert_ptr_nonnull(strstr(line, "number=15"));
	ck_assert_ptr_null(strstr(line, "number=99"));
}
END_TEST

/* The worst that fits into a record still fits into a line. */
START_TEST(the_longest_line)
{
	char value[LOG_VALUE_MAX_BYTES];
	const char *name = "a_name_of_thirty_two_characters_";
	struct addr a;

	ck_assert(addr_parse("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", &a));
	a.port = 65535;
	memset(value, 0xff, sizeof(value));
	log_begin(&record, LOG_LEVEL_WARNING, name, INT64_MIN);
	for (int i = 0; i < 4; i++)
		log_bytes(&record, name, bytes_of(value, sizeof(value)));
	while (record.field_count < LOG_FIELDS_MAX)
		log_addr(&record, name, &a);
	log_format_text(&record, line, sizeof(line));
	ck_assert_str_eq(line + strlen(line) - 6, ":65535");
	log_format_json(&record, line, sizeof(line));
	ck_assert_str_eq(line + strlen(line) - 8, ":65535\"}");
}
END_TEST

/* Whatever the room, nothing is written beyond it; characters stay whole. */
START_TEST(lines_are_cut)
{
	char whole[LOG_LINE_BYTES];
	char out[LOG_LINE_BYTES];
	size_t len;

	log_text(&record, "user", "\u4e16\n\U0001f600 end");
	len = log_format_text(&record, whole, sizeof(whole));
	for (size_t size = 1; size <= len + 1; size++) {
		size_t used;

		memset(out, '#', sizeof(out));
		used = log_format_text(&record, out, size);
		ck_assert_uint_lt(used, size);
		/* Less only where the message or a name would not fit. */
		ck_assert_uint_ge(used + sizeof("session began"), size);
		ck_assert_uint_eq(out[used], '\0');
		ck_assert_uint_eq((uint8_t)out[size], '#');
		ck_assert_mem_eq(out, whole, used);
		ck_assert_uint_ne((uint8_t)whole[used] & 0xc0, 0x80);
	}
	ck_assert_uint_eq(log_format_text(&record, out, len + 1), len);
	ck_assert_uint_lt(log_format_json(&record, out, 20), 20);
}
END_TEST

START_TEST(level_names)
{
	static const char *const names[] = { "error", "warning", "notice",
					     "info", "debug" };

	for (size_t i = 0; i < COUNT(names); i++) {
		enum log_level level = LOG_LEVEL_ERROR;

		ck_assert(log_level_parse(names[i], &level));
		ck_assert_int_eq(level, 3 + (int)i);
		ck_assert_str_eq(log_level_name(level), names[i]);
	}
}
END_TEST

START_TEST(what_is_no_level)
{
	static const char *const names[] = { "", "Error", "err", "info ", "6" };
	enum log_level level = LOG_LEVEL_DEBUG;

	for (size_t i = 0; i < COUNT(names); i++)
		ck_assert(!log_level_parse(names[i], &level));
	ck_assert_int_eq(level, LOG_LEVEL_DEBUG);
}
END_TEST

static Suite *log_suite(void)
{
	Suite *s = suite_create("log");
	TCase *format = tcase_create("format");
	TCase *limits = tcase_create("limits");
	TCase *levels = tcase_create("levels");

	tcase_add_checked_fixture(format, set_up, NULL);
	tcase_add_test(format, a_message_alone);
	tcase_add_test(format, every_kind_of_field);
	tcase_add_test(format, ipv6_needs_no_quotes);
	tcase_add_loop_test(format, values_are_escaped, 0, COUNT(values));
	tcase_add_test(format, a_value_alone_has_no_quotes);
	suite_add_tcase(s, format);

	tcase_add_checked_fixture(limits, set_up, NULL);
	tcase_add_loop_test(limits, long_values_are_cut, 0, COUNT(cuts));
	tcase_add_test(limits, the_text_runs_out);
	tcase_add_test(limits, the_fields_run_out);
	tcase_add_test(limits, the_longest_line);
	tcase_add_test(limits, lines_are_cut);
	suite_add_tcase(s, limits);

	tcase_add_test(levels, level_names);
	tcase_add_test(levels, what_is_no_level);
	suite_add_tcase(s, levels);
	return s;
}

UNIT_MAIN(log_suite)
