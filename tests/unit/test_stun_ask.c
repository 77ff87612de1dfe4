/* link: -Wl,--wrap=getrandom */
#include "unit.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "discovery/stun_ask.h"
#include "net/sockaddr.h"
#include "stun/builder.h"
#include "stun/message.h"

ssize_t __real_getrandom(void *out, size_t len, unsigned flags);
ssize_t __wrap_getrandom(void *out, size_t len, unsigned flags);

static bool no_entropy;

ssize_t __wrap_getrandom(void *out, size_t len, unsigned flags)
{
	return no_entropy ? -1 : __real_getrandom(out, len, flags);
}

static const uint8_t id[STUN_TRANSACTION_ID_BYTES] = "abcdefghijkl";
static const uint8_t other_id[STUN_TRANSACTION_ID_BYTES] = "abcdefghijkm";

START_TEST(a_request_is_a_binding)
{
	uint8_t request[STUN_ASK_BYTES];
	size_t len = stun_ask_build(id, request);
	struct stun_message m;

	ck_assert_uint_gt(len, 0);
	ck_assert_int_eq(stun_parse(bytes_of(request, len), &m), STUN_OK);
	ck_assert_int_eq(m.class, STUN_REQUEST);
	ck_assert_uint_eq(m.method, STUN_BINDING);
	ck_assert_mem_eq(m.transaction_id, id, sizeof(id));
	ck_assert(m.has_fingerprint);
}
END_TEST

/* What an answer may be like. */
struct form {
	enum stun_class class;
	uint16_t method;
	const uint8_t *id;
	const char *mapped; /* NULL: none */
	bool plain;         /* MAPPED-ADDRESS, which NATs rewrite */
	bool unknown;       /* an attribute that must be understood */
	bool good;
};

static size_t build(const struct form *f, uint8_t out[STUN_ASK_BYTES * 2])
{
	struct stun_builder b;
	struct addr mapped;

	stun_begin(&b, out, STUN_ASK_BYTES * 2, f->class, f->method, f->id);
	if (f->unknown)
		stun_add_u32(&b, 0x7fff, 1);
	if (f->mapped) {
		ck_assert(addr_parse(f->mapped, &mapped));
		mapped.port = 4711;
		if (f->plain)
			stun_add_addr(&b, STUN_ATTR_MAPPED_ADDRESS, &mapped);
		else
			stun_add_xor_addr(&b, STUN_ATTR_XOR_MAPPED_ADDRESS,
					  &mapped);
	}
	return stun_finish(&b);
}

static const struct form forms[] = {
	{ .class = STUN_SUCCESS,
	  .method = STUN_BINDING,
	  .id = id,
	  .mapped = "20.1.2.3",
	  .good = true },
	{ .class = STUN_SUCCESS,
	  .method = STUN_BINDING,
	  .id = other_id,
	  .mapped = "20.1.2.3" },
	{ .method = STUN_BINDING,
	  .class = STUN_REQUEST,
	  .id = id,
	  .mapped = "20.1.2.3" },
	{ .method = STUN_BINDING,
	  .class = STUN_INDICATION,
	  .id = id,
	  .mapped = "20.1.2.3" },
	{ .method = STUN_BINDING,
	  .class = STUN_ERROR,
	  .id = id,
	  .mapped = "20.1.2.3" },
	{ .class = STUN_SUCCESS,
	  .method = STUN_ALLOCATE,
	  .id = id,
	  .mapped = "20.1.2.3" },
	{ .class = STUN_SUCCESS, .method = STUN_BINDING, .id = id },
	{ .class = STUN_SUCCESS,
	  .method = STUN_BINDING,
	  .id = id,
	  .mapped = "20.1.2.3",
	  .plain = true },
	{ .class = STUN_SUCCESS,
	  .method = STUN_BINDING,
	  .id = id,
	  .mapped = "20.1.2.3",
	  .unknown = true },
	{ .class = STUN_SUCCESS,
	  .method = STUN_BINDING,
	  .id = id,
	  .mapped = "2001:db8::1" },
};

START_TEST(an_answer_is_read)
{
	struct addr out = addr_ipv4(0x01020304, 0);
	uint8_t answer[STUN_ASK_BYTES * 2];
	char text[ADDR_TEXT_BYTES];
	size_t len = build(&forms[_i], answer);

	ck_assert_int_eq(stun_ask_parse(bytes_of(answer, len), id, &out),
			 forms[_i].good);
	ck_assert_str_eq(addr_print(&out, text),
			 forms[_i].good ? "20.1.2.3:4711" : "1.2.3.4");
	/* No part of it is one. */
	for (size_t i = 0; i < len; i++)
		ck_assert(!stun_ask_parse(bytes_of(answer, i), id, &out));
}
END_TEST

/* A server on loopback that answers once, in its own thread. */
static int fd;
static struct addr server;
static const struct addr loopback = {
	.family = ADDR_IPV4,
	.ip = { 127, 0, 0, 1 },
};

static void open_server(void)
{
	union sockaddr_any sa;
	socklen_t len = sockaddr_from_addr(&loopback, &sa);

	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, &sa.any, len), 0);
	len = sizeof(sa);
	ck_assert_int_eq(getsockname(fd, &sa.any, &len), 0);
	ck_assert(sockaddr_to_addr(&sa, len, &server));
}

static void close_server(void)
{
	close(fd);
}

/* Garbage first, then somebody else's answer, then the right one. */
static void *answer_once(void *arg)
{
	uint8_t request[STUN_ASK_BYTES], answer[STUN_ASK_BYTES * 2];
	struct form f = { .class = STUN_SUCCESS,
			  .method = STUN_BINDING,
			  .id = other_id,
			  .mapped = "20.9.9.9" };
	union sockaddr_any from;
	socklen_t from_len = sizeof(from);
	ssize_t len =
		recvfrom(fd, request, sizeof(request), 0, &from.any, &from_len);
	size_t size;

	(void)arg;
	if (len < 20)
		return NULL;
	sendto(fd, "garbage", 7, 0, &from.any, from_len);
	size = build(&f, answer);
	sendto(fd, answer, size, 0, &from.any, from_len);
	f.id = request + 8;
	f.mapped = "20.1.2.3";
	size = build(&f, answer);
	sendto(fd, answer, size, 0, &from.any, from_len);
	return NULL;
}

START_TEST(the_right_answer_is_waited_for)
{
	char text[ADDR_TEXT_BYTES];
	pthread_t thread;
	struct addr out;

	ck_assert_int_eq(pthread_create(&thread, NULL, answer_once, NULL), 0);
	ck_assert_int_eq(stun_ask(&server, &loopback, &out), 0);
	pthread_join(thread, NULL);
	ck_assert_str_eq(addr_print(&out, text), "20.1.2.3:4711");
}
END_TEST

START_TEST(silence_ends_after_four_requests)
{
	uint8_t first[STUN_ASK_BYTES], request[STUN_ASK_BYTES];
	struct addr out;
	ssize_t len;

	ck_assert_int_eq(stun_ask(&server, &loopback, &out), -ETIMEDOUT);
	len = recv(fd, first, sizeof(first), MSG_DONTWAIT);
	ck_assert_int_gt(len, 0);
	for (int i = 1; i < 4; i++) {
		ck_assert_int_eq(
			recv(fd, request, sizeof(request), MSG_DONTWAIT), len);
		ck_assert_mem_eq(request, first, (size_t)len);
	}
	ck_assert_int_lt(recv(fd, request, sizeof(request), MSG_DONTWAIT), 0);
}
END_TEST

/* A port that nobody has: an ICMP error is no reason to stop asking. */
START_TEST(a_closed_port_is_silence)
{
	struct addr out;

	close(fd);
	ck_assert_int_eq(stun_ask(&server, &loopback, &out), -ETIMEDOUT);
	fd = -1;
}
END_TEST

START_TEST(what_the_system_refuses_is_told)
{
	const struct addr elsewhere = addr_ipv4(0x14ca0001, 0);
	const struct addr broadcast = addr_ipv4(0xffffffff, 3478);
	struct addr out;

	ck_assert_int_eq(stun_ask(&server, &elsewhere, &out), -EADDRNOTAVAIL);
	ck_assert_int_lt(stun_ask(&broadcast, &loopback, &out), 0);
	no_entropy = true;
	ck_assert_int_eq(stun_ask(&server, &loopback, &out), -EIO);
	no_entropy = false;
}
END_TEST

static Suite *stun_ask_suite(void)
{
	Suite *s = suite_create("stun_ask");
	TCase *form = tcase_create("form"), *ask = tcase_create("ask");

	tcase_add_test(form, a_request_is_a_binding);
	tcase_add_loop_test(form, an_answer_is_read, 0,
			    sizeof(forms) / sizeof(forms[0]));
	suite_add_tcase(s, form);
	tcase_add_checked_fixture(ask, open_server, close_server);
	tcase_add_test(ask, the_right_answer_is_waited_for);
	tcase_add_test(ask, silence_ends_after_four_requests);
	tcase_add_test(ask, a_closed_port_is_silence);
	tcase_add_test(ask, what_the_system_refuses_is_told);
	suite_add_tcase(s, ask);
	return s;
}

UNIT_MAIN(stun_ask_suite)
