#include "unit.h"

#include <arpa/inet.h>
#include <string.h>

#include "net/sockaddr.h"

static const uint8_t some_ipv6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 7 };

START_TEST(ipv4_there_and_back)
{
	struct addr a = addr_ipv4(0xc0000201, 3478), b;
	union sockaddr_any sa;

	memset(&sa, 0xff, sizeof(sa));
	ck_assert_uint_eq(sockaddr_from_addr(&a, &sa),
			  sizeof(struct sockaddr_in));
	ck_assert_int_eq(sa.in.sin_family, AF_INET);
	ck_assert_uint_eq(ntohs(sa.in.sin_port), 3478);
	ck_assert_uint_eq(ntohl(sa.in.sin_addr.s_addr), 0xc0000201);

	memset(&b, 0xff, sizeof(b));
	ck_assert(sockaddr_to_addr(&sa, sizeof(sa.in), &b));
	ck_assert(!memcmp(&a, &b, sizeof(a)));
}
END_TEST

START_TEST(ipv6_there_and_back)
{
	struct addr a = addr_ipv6(some_ipv6, 65535), b;
	union sockaddr_any sa;

	memset(&sa, 0xff, sizeof(sa));
	ck_assert_uint_eq(sockaddr_from_addr(&a, &sa),
			  sizeof(struct sockaddr_in6));
	ck_assert_int_eq(sa.in6.sin6_family, AF_INET6);
	ck_assert_uint_eq(sa.in6.sin6_flowinfo, 0);
	ck_assert_uint_eq(sa.in6.sin6_scope_id, 0);

	memset(&b, 0xff, sizeof(b));
	ck_assert(sockaddr_to_addr(&sa, sizeof(sa.in6), &b));
	ck_assert(!memcmp(&a, &b, sizeof(a)));
}
END_TEST

START_TEST(what_is_no_address)
{
	union sockaddr_any sa = { .any.sa_family = AF_UNIX };
	struct addr out = addr_ipv4(1, 1);

	ck_assert(!sockaddr_to_addr(&sa, sizeof(sa), &out));
	ck_assert_int_eq(out.family, ADDR_NONE);
	sa.any.sa_family = AF_INET;
	ck_assert(!sockaddr_to_addr(&sa, sizeof(sa.in) - 1, &out));
	ck_assert(!sockaddr_to_addr(&sa, 0, &out));
	sa.any.sa_family = AF_INET6;
	ck_assert(!sockaddr_to_addr(&sa, sizeof(sa.in6) - 1, &out));
}
END_TEST

static void without_family(void *arg)
{
	struct addr none = { .family = ADDR_NONE };

	sockaddr_from_addr(&none, arg);
}

START_TEST(none_cannot_be_written)
{
	union sockaddr_any sa;

	ck_assert(unit_aborts(without_family, &sa));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("sockaddr");
	TCase *c = tcase_create("sockaddr");

	tcase_add_test(c, ipv4_there_and_back);
	tcase_add_test(c, ipv6_there_and_back);
	tcase_add_test(c, what_is_no_address);
	tcase_add_test(c, none_cannot_be_written);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
