#include "unit.h"

#include <string.h>

#include "turnpikectl/http_reply.h"

#define OK "HTTP/1.1 200 OK\r\n"

static struct http_reply reply;
static uint8_t text[65536];

static enum http_reply_result read_text(const char *from, bool ended)
{
	size_t len = strlen(from);

	ck_assert_uint_lt(len, sizeof(text));
	memcpy(text, from, len);
	return http_reply_read(text, len, ended, &reply);
}

static void expect_body(const char *from, bool ended, const char *body)
{
	ck_assert_msg(read_text(from, ended) == HTTP_REPLY_DONE, "%s", from);
	ck_assert_uint_eq(reply.body.len, strlen(body));
	ck_assert_int_eq(memcmp(reply.body.data, body, strlen(body)), 0);
}

#define expect_wrong(from) \
	ck_assert_msg(read_text(from, false) == HTTP_REPLY_WRONG, "%s", from)

START_TEST(a_body_with_its_length)
{
	expect_body(OK "Content-Type: application/json; charset=utf-8\r\n"
		       "Content-Length: 2\r\n\r\n{}",
		    false, "{}");
	ck_assert_uint_eq(reply.status, 200);
	ck_assert(reply.is_json);
	expect_body(OK "content-length:0\n\n", false, "");
	ck_assert(!reply.is_json);
	/* What follows is of no interest. */
	expect_body(OK "Content-Length: 2\r\n\r\n{}HTTP/1.1", false, "{}");
}
END_TEST

START_TEST(a_body_until_the_end)
{
	ck_assert_int_eq(read_text(OK "\r\nabc", false), HTTP_REPLY_MORE);
	expect_body(OK "\r\nabc", true, "abc");
	expect_body(OK "\r\n", true, "");
}
END_TEST

START_TEST(a_body_in_chunks)
{
	expect_body(OK "Transfer-Encoding: chunked\r\n\r\n"
		       "3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n",
		    false, "abc0123456789");
	expect_body(OK "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false,
		    "");
}
END_TEST

START_TEST(no_body)
{
	expect_body("HTTP/1.1 204 No Content\r\n\r\n", false, "");
	ck_assert_uint_eq(reply.status, 204);
	expect_body("HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n",
		    false, "");
	ck_assert_uint_eq(reply.status, 404);
}
END_TEST

/* Every beginning of an answer is one that goes on, and wrong if it does not */
START_TEST(an_answer_that_is_cut)
{
	static const char *const whole[] = {
		OK "Content-Length: 5\r\n\r\nabcde",
		OK "Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n",
		"HTTP/1.1 204 No Content\r\nA: b\r\n\r\n",
	};

	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
		for (size_t len = 0; len < strlen(whole[i]); len++) {
			memcpy(text, whole[i], len);
			ck_assert_int_eq(
				http_reply_read(text, len, false, &reply),
				HTTP_REPLY_MORE);
			ck_assert_int_eq(
				http_reply_read(text, len, true, &reply),
				HTTP_REPLY_WRONG);
		}
		ck_assert_int_eq(read_text(whole[i], false), HTTP_REPLY_DONE);
	}
}
END_TEST

START_TEST(what_is_no_answer)
{
	expect_wrong("SSH-2.0-OpenSSH_9.2\r\n");
	expect_wrong("HTTP/1.1\r\n");
	expect_wrong("HTTP/1.1 20\r\n\r\n");
	expect_wrong("HTTP/1.1 abc OK\r\n\r\n");
	expect_wrong("HTTP/1.1 100 Continue\r\n\r\n");
	expect_wrong("HTTP/1.1 600 Odd\r\n\r\n");
	expect_wrong("HTTP/2.0 200 OK\r\n\r\n");
	expect_wrong("\r\n\r\n");
	expect_wrong(OK "Content-Length: x\r\n\r\n");
	expect_wrong(OK "Content-Length: -1\r\n\r\n");
	expect_wrong(OK "Content-Length:\r\n\r\n");
	expect_wrong(OK "Content-Length: 999999999\r\n\r\n");
	expect_wrong(OK "Content-Length: 99999999999999999999\r\n\r\n");
	expect_wrong(OK "Transfer-Encoding: gzip\r\n\r\n");
	expect_wrong(OK "Transfer-Encoding: chunked\r\n\r\nx\r\n");
	expect_wrong(OK "Transfer-Encoding: chunked\r\n\r\n\r\n");
	expect_wrong(OK "Transfer-Encoding: chunked\r\n\r\n123456789\r\n");
	expect_wrong(OK "Transfer-Encoding: chunked\r\n\r\n7fffffff\r\n");
	expect_wrong(OK "Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n");
	expect_wrong(OK "Transfer-Encoding: chunked\r\n\r\n1\r\na--- no end");
}
END_TEST

START_TEST(a_head_without_end_is_refused)
{
	memset(text, 'a', sizeof(text));
	ck_assert_int_eq(
		http_reply_read(text, HTTP_REPLY_HEAD_MAX_BYTES, false, &reply),
		HTTP_REPLY_MORE);
	ck_assert_int_eq(http_reply_read(text, HTTP_REPLY_HEAD_MAX_BYTES + 1,
					 false, &reply),
			 HTTP_REPLY_WRONG);
	memcpy(text, OK, strlen(OK));
	for (size_t at = strlen(OK); at + 4 < sizeof(text); at += 4)
		memcpy(text + at, "a:\r\n", 4);
	ck_assert_int_eq(http_reply_read(text, sizeof(text), false, &reply),
			 HTTP_REPLY_WRONG);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("http_reply");
	TCase *t = tcase_create("read");

	tcase_add_test(t, a_body_with_its_length);
	tcase_add_test(t, a_body_until_the_end);
	tcase_add_test(t, a_body_in_chunks);
	tcase_add_test(t, no_body);
	tcase_add_test(t, an_answer_that_is_cut);
	tcase_add_test(t, what_is_no_answer);
	tcase_add_test(t, a_head_without_end_is_refused);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
