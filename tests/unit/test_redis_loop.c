/* link: -Wl,--wrap=event_base_new,--wrap=evdns_base_new */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "store/redis_loop.h"

static bool base_fails, dns_fails;

struct event_base *__real_event_base_new(void);
struct event_base *__wrap_event_base_new(void);
struct evdns_base *__real_evdns_base_new(struct event_base *base, int flags);
struct evdns_base *__wrap_evdns_base_new(struct event_base *base, int flags);

struct event_base *__wrap_event_base_new(void)
{
	return base_fails ? NULL : __real_event_base_new();
}

struct evdns_base *__wrap_evdns_base_new(struct event_base *base, int flags)
{
	return dns_fails ? NULL : __real_evdns_base_new(base, flags);
}

static unsigned logged;

static void on_log(void *arg, const struct log_record *r)
{
	ck_assert_ptr_eq(arg, &logged);
	ck_assert_str_eq(r->message, "hello");
	ck_assert_int_gt(r->wall_s, 0);
	logged++;
}

START_TEST(begins_and_ends)
{
	const struct redis_store_hooks hooks = { .arg = &logged,
						 .log = on_log };
	struct redis_loop l = { .hooks = &hooks };
	struct log_record r;

	redis_loop_fini(&l);
	ck_assert_int_eq(redis_loop_init(&l), 0);
	redis_loop_read_resolv_conf(&l);
	redis_loop_begin(&r, LOG_LEVEL_INFO, "hello");
	redis_loop_log(&l, &r);
	ck_assert_uint_eq(logged, 1);
	redis_loop_fini(&l);
	redis_loop_fini(&l);

	base_fails = true;
	ck_assert_int_eq(redis_loop_init(&l), -ENOMEM);
	base_fails = false;
	redis_loop_fini(&l);
	dns_fails = true;
	ck_assert_int_eq(redis_loop_init(&l), -ENOMEM);
	dns_fails = false;
	redis_loop_fini(&l);
}
END_TEST

START_TEST(time_goes_on)
{
	uint64_t before = redis_loop_now_ms();

	ck_assert_uint_gt(before, 0);
	ck_assert_uint_ge(redis_loop_now_ms(), before);
}
END_TEST

START_TEST(a_gate_opens_once_in_a_while)
{
	struct redis_gate g = { 0 };
	uint64_t held = 99;

	ck_assert(redis_gate_pass(&g, 1000, &held));
	ck_assert_uint_eq(held, 0);
	ck_assert(!redis_gate_pass(&g, 1000, &held));
	ck_assert(!redis_gate_pass(&g, 1000 + REDIS_GATE_MS - 1, &held));
	ck_assert(redis_gate_pass(&g, 1000 + REDIS_GATE_MS, &held));
	ck_assert_uint_eq(held, 2);
	ck_assert(redis_gate_pass(&g, 1000 + 2 * REDIS_GATE_MS, &held));
	ck_assert_uint_eq(held, 0);
}
END_TEST

START_TEST(endpoints)
{
	struct redis_endpoint e = { .host = "redis.example.com", .port = 6379 };
	char text[REDIS_HOST_BYTES + 8];

	redis_endpoint_format(&e, text, sizeof(text));
	ck_assert_str_eq(text, "redis.example.com:6379");
	e = (struct redis_endpoint){ .host = "::1", .port = 1 };
	redis_endpoint_format(&e, text, sizeof(text));
	ck_assert_str_eq(text, "[::1]:1");
	e = (struct redis_endpoint){ .path = "/run/redis.sock" };
	redis_endpoint_format(&e, text, sizeof(text));
	ck_assert_str_eq(text, "/run/redis.sock");
	memset(e.host, 'h', sizeof(e.host) - 1);
	e.path[0] = '\0';
	e.port = 65535;
	redis_endpoint_format(&e, text, sizeof(text));
	ck_assert_uint_eq(strlen(text), REDIS_HOST_BYTES - 1 + 6);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("redis_loop");
	TCase *c = tcase_create("redis_loop");

	tcase_add_test(c, begins_and_ends);
	tcase_add_test(c, time_goes_on);
	tcase_add_test(c, a_gate_opens_once_in_a_while);
	tcase_add_test(c, endpoints);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
