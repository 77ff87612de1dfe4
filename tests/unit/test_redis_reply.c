/* link: -Wl,--wrap=calloc,--wrap=redisReaderCreate,--wrap=redisReaderFeed */
#include "unit.h"

#include <string.h>

#include "store/redis_reply.h"

static bool calloc_fails, reader_fails, feed_fails;

void *__real_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
redisReader *__real_redisReaderCreate(void);
redisReader *__wrap_redisReaderCreate(void);
int __real_redisReaderFeed(redisReader *r, const char *data, size_t len);
int __wrap_redisReaderFeed(redisReader *r, const char *data, size_t len);

void *__wrap_calloc(size_t count, size_t bytes)
{
	return calloc_fails ? NULL : __real_calloc(count, bytes);
}

redisReader *__wrap_redisReaderCreate(void)
{
	return reader_fails ? NULL : __real_redisReaderCreate();
}

int __wrap_redisReaderFeed(redisReader *r, const char *data, size_t len)
{
	return feed_fails ? REDIS_ERR : __real_redisReaderFeed(r, data, len);
}

static struct redis_scanner scanner;

static void setup(void)
{
	redis_scanner_reset(&scanner);
}

/* Walks in parts of `step` bytes; returns how many belonged to the reply. */
static size_t walk(const void *data, size_t len, size_t step,
		   enum redis_scan *result)
{
	const uint8_t *bytes = data;
	size_t at = 0;

	redis_scanner_reset(&scanner);
	*result = REDIS_SCAN_MORE;
	while (at < len && *result == REDIS_SCAN_MORE) {
		size_t part = len - at < step ? len - at : step;
		size_t taken = redis_scanner_walk(
			&scanner, bytes_of(bytes + at, part), result);

		ck_assert(taken == part || *result != REDIS_SCAN_MORE);
		at += taken;
	}
	return at;
}

static void check_text(const char *text, enum redis_scan expected,
		       size_t expected_len)
{
	for (size_t step = 1; step <= strlen(text); step++) {
		enum redis_scan result;
		size_t taken = walk(text, strlen(text), step, &result);

		ck_assert_msg(result == expected, "%s by %zu: %d", text, step,
			      result);
		if (expected != REDIS_SCAN_DONE)
			continue;
		ck_assert_uint_eq(taken, expected_len);
		ck_assert_uint_eq(scanner.len, expected_len);
		ck_assert(!memcmp(scanner.bytes, text, expected_len));
		ck_assert(!scanner.too_large);
	}
}

static const char *const whole[] = {
	"+OK\r\n",
	"+\r\n",
	"+a\nb\r\n",
	"-ERR no\r\n",
	":0\r\n",
	":-12\r\n",
	":1234567890123456789\r\n",
	"$0\r\n\r\n",
	"$3\r\nabc\r\n",
	"$4\r\n\r\n\r\n\r\n",
	"$-1\r\n",
	"*0\r\n",
	"*-1\r\n",
	"*2\r\n$1\r\na\r\n:5\r\n",
	"*3\r\n*0\r\n*1\r\n*1\r\n+deep\r\n$-1\r\n",
	"*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
};

START_TEST(whole_replies)
{
	check_text(whole[_i], REDIS_SCAN_DONE, strlen(whole[_i]));
}
END_TEST

/* What comes behind belongs to the next. */
START_TEST(one_at_a_time)
{
	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
		char two[128];

		snprintf(two, sizeof(two), "%s%s", whole[_i], whole[i]);
		check_text(two, REDIS_SCAN_DONE, strlen(whole[_i]));
	}
}
END_TEST

START_TEST(parts)
{
	for (size_t len = 0; len < strlen(whole[_i]); len++) {
		enum redis_scan result;

		ck_assert_uint_eq(walk(whole[_i], len, 1, &result), len);
		ck_assert_int_eq(result, REDIS_SCAN_MORE);
	}
}
END_TEST

static const char *const broken[] = {
	"HTTP/1.1 200 OK\r\n",
	"\r\n",
	"!1\r\n",
	"%1\r\n",
	"+a\rb\r\n",
	":\r\n",
	":1a\r\n",
	":--1\r\n",
	":01\r\n",
	":12345678901234567890\r\n",
	"$\r\n",
	"$-2\r\n",
	"$-0\r\n",
	"$+1\r\n",
	"$1\n",
	"$1\r\nab\r\n",
	"$1\r\na\rb",
	"$0\r\nab",
	"$16777217\r\n",
	"*-2\r\n",
	"*16777217\r\n",
	"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n",
	"*1\r\n!",
	"*2\r\n$-2\r\n",
};

START_TEST(broken_replies)
{
	check_text(broken[_i], REDIS_SCAN_BROKEN, 0);
}
END_TEST

static uint8_t large[REDIS_REPLY_PASS_MAX_BYTES + 100];

/* A string whose whole reply is `total` bytes long, of at least 100. */
static size_t make_string(size_t total)
{
	int head = snprintf((char *)large, 64, "$%zu\r\n", total);
	size_t len = total - (size_t)head - 2;

	head = snprintf((char *)large, 64, "$%zu\r\n", len);
	len = total - (size_t)head - 2;
	head = snprintf((char *)large, 64, "$%zu\r\n", len);
	memset(large + head, 'x', len);
	memcpy(large + head + len, "\r\n", 2);
	return (size_t)head + len + 2;
}

START_TEST(strings_at_the_limit)
{
	enum redis_scan result;
	size_t len = make_string(REDIS_REPLY_MAX_BYTES);

	ck_assert_uint_eq(len, REDIS_REPLY_MAX_BYTES);
	ck_assert_uint_eq(walk(large, len, 1000, &result), len);
	ck_assert_int_eq(result, REDIS_SCAN_DONE);
	ck_assert(!scanner.too_large && scanner.len == len);

	len = make_string(REDIS_REPLY_MAX_BYTES + 1);
	ck_assert_uint_eq(walk(large, len, 1000, &result), len);
	ck_assert_int_eq(result, REDIS_SCAN_DONE);
	ck_assert(scanner.too_large && scanner.len == 0);

	len = make_string(REDIS_REPLY_PASS_MAX_BYTES);
	ck_assert_uint_eq(walk(large, len, 65536, &result), len);
	ck_assert_int_eq(result, REDIS_SCAN_DONE);
	ck_assert(scanner.too_large && scanner.len == 0);

	len = make_string(REDIS_REPLY_PASS_MAX_BYTES + 1);
	walk(large, len, 65536, &result);
	ck_assert_int_eq(result, REDIS_SCAN_BROKEN);
}
END_TEST

static size_t make_array(size_t elements)
{
	size_t len = (size_t)snprintf((char *)large, 64, "*%zu\r\n", elements);

	for (size_t i = 0; i < elements; i++) {
		memcpy(large + len, ":1\r\n", 4);
		len += 4;
	}
	return len;
}

START_TEST(arrays_at_the_limit)
{
	enum redis_scan result;
	size_t len = make_array(REDIS_REPLY_ELEMENTS_MAX);

	ck_assert_uint_eq(walk(large, len, 7, &result), len);
	ck_assert_int_eq(result, REDIS_SCAN_DONE);
	ck_assert(!scanner.too_large && scanner.len == len);
	len = make_array(REDIS_REPLY_ELEMENTS_MAX + 1);
	ck_assert_uint_eq(walk(large, len, 7, &result), len);
	ck_assert_int_eq(result, REDIS_SCAN_DONE);
	ck_assert(scanner.too_large && scanner.len == 0);
}
END_TEST

/* A line that never ends is given up in time. */
START_TEST(endless_line)
{
	enum redis_scan result;

	memset(large, 'a', sizeof(large));
	large[0] = '+';
	ck_assert_uint_eq(walk(large, sizeof(large), 65536, &result),
			  REDIS_REPLY_PASS_MAX_BYTES + 1);
	ck_assert_int_eq(result, REDIS_SCAN_BROKEN);
}
END_TEST

START_TEST(reset_wipes)
{
	enum redis_scan result;

	walk("$6\r\nsecret\r\n", 12, 12, &result);
	ck_assert_int_eq(result, REDIS_SCAN_DONE);
	redis_scanner_reset(&scanner);
	for (size_t i = 0; i < sizeof(scanner); i++)
		ck_assert_int_eq(((uint8_t *)&scanner)[i], 0);
}
END_TEST

/* --- with hiredis --- */

static redisReply *parse(struct redis_parser *p, const char *text, size_t len,
			 enum redis_scan *result)
{
	redisReply *reply;
	size_t taken =
		redis_parser_take(p, bytes_of(text, len), result, &reply);

	ck_assert(*result == REDIS_SCAN_BROKEN || taken == len);
	return reply;
}

START_TEST(parses)
{
	struct redis_parser *p = redis_parser_new();
	enum redis_scan result;

	ck_assert_ptr_nonnull(p);
	for (unsigned round = 0; round < 300; round++)
		for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
			redisReply *r =
				parse(p, whole[i], strlen(whole[i]), &result);

			ck_assert_int_eq(result, REDIS_SCAN_DONE);
			ck_assert_ptr_nonnull(r);
			redis_reply_free(r);
		}
	redis_parser_free(p);
	redis_parser_free(NULL);
	redis_reply_free(NULL);
}
END_TEST

START_TEST(too_large_becomes_an_error)
{
	struct redis_parser *p = redis_parser_new();
	enum redis_scan result;
	size_t len = make_string(REDIS_REPLY_MAX_BYTES + 1);
	redisReply *r = parse(p, (char *)large, len, &result);

	ck_assert_int_eq(result, REDIS_SCAN_DONE);
	ck_assert(redis_reply_is_error(r, "TOOLARGE"));
	redis_reply_free(r);
	r = parse(p, "+OK\r\n", 5, &result);
	ck_assert_int_eq(result, REDIS_SCAN_DONE);
	ck_assert(bytes_equal(redis_reply_text(r), bytes_str("OK")));
	redis_reply_free(r);
	redis_parser_free(p);
}
END_TEST

START_TEST(broken_for_the_parser)
{
	struct redis_parser *p = redis_parser_new();
	enum redis_scan result;

	ck_assert_ptr_null(parse(p, "!\r\n", 3, &result));
	ck_assert_int_eq(result, REDIS_SCAN_BROKEN);
	redis_parser_free(p);
	/* Framed well, but hiredis takes no such number. */
	p = redis_parser_new();
	ck_assert_ptr_null(parse(p, ":9999999999999999999\r\n", 22, &result));
	ck_assert_int_eq(result, REDIS_SCAN_BROKEN);
	redis_parser_free(p);
}
END_TEST

START_TEST(no_memory)
{
	struct redis_parser *p;
	enum redis_scan result;

	calloc_fails = true;
	p = redis_parser_new();
	calloc_fails = false;
	ck_assert_ptr_null(p);
	reader_fails = true;
	p = redis_parser_new();
	reader_fails = false;
	ck_assert_ptr_null(p);

	p = redis_parser_new();
	feed_fails = true;
	ck_assert_ptr_null(parse(p, "+OK\r\n", 5, &result));
	feed_fails = false;
	ck_assert_int_eq(result, REDIS_SCAN_BROKEN);
	redis_parser_free(p);
}
END_TEST

START_TEST(errors)
{
	redisReply r = { .type = REDIS_REPLY_ERROR };

	r.str = (char[]){ "LOADING Redis is loading" };
	r.len = strlen(r.str);
	ck_assert(redis_reply_is_error(&r, "LOADING"));
	ck_assert(!redis_reply_is_error(&r, "LOAD"));
	ck_assert(redis_reply_is_no_server(&r));
	r.len = 7;
	ck_assert(redis_reply_is_error(&r, "LOADING"));
	r.len = 6;
	ck_assert(!redis_reply_is_error(&r, "LOADING"));
	r.str = (char[]){ "MASTERDOWN" };
	r.len = 10;
	ck_assert(redis_reply_is_no_server(&r));
	r.type = REDIS_REPLY_STATUS;
	ck_assert(!redis_reply_is_no_server(&r));
	r = (redisReply){ .type = REDIS_REPLY_NIL, .len = 5 };
	ck_assert_uint_eq(redis_reply_text(&r).len, 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("redis_reply");
	TCase *c = tcase_create("redis_reply");
	int count = sizeof(whole) / sizeof(whole[0]);

	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_loop_test(c, whole_replies, 0, count);
	tcase_add_loop_test(c, one_at_a_time, 0, count);
	tcase_add_loop_test(c, parts, 0, count);
	tcase_add_loop_test(c, broken_replies, 0,
			    sizeof(broken) / sizeof(broken[0]));
	tcase_add_test(c, strings_at_the_limit);
	tcase_add_test(c, arrays_at_the_limit);
	tcase_add_test(c, endless_line);
	tcase_add_test(c, reset_wipes);
	tcase_add_test(c, parses);
	tcase_add_test(c, too_large_becomes_an_error);
	tcase_add_test(c, broken_for_the_parser);
	tcase_add_test(c, no_memory);
	tcase_add_test(c, errors);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
