#include "unit.h"

#include <string.h>

#include "turn/counters.h"
#include "turn/method.h"

static struct counters n;

/* What the core answers and counts is in the lists, each thing once. */
START_TEST(each_method_and_code_has_a_place)
{
	static const uint16_t codes[] = { 300, 400, 401, 403, 420, 437, 438,
					  440, 441, 442, 443, 486, 500, 508 };

	for (uint16_t number = 0; number < 0x1000; number++) {
		const struct method *m = method_find(number);

		if (m)
			ck_assert_int_lt(counters_method(number),
					 COUNTERS_METHOD_COUNT);
	}
	ck_assert_int_eq(counters_method(STUN_BINDING), COUNTERS_BINDING);
	ck_assert_int_eq(counters_method(STUN_CHANNEL_BIND),
			 COUNTERS_CHANNEL_BIND);
	ck_assert_uint_eq(sizeof(codes) / sizeof(codes[0]),
			  COUNTERS_CODE_COUNT);
	for (unsigned i = 0; i < COUNTERS_CODE_COUNT; i++)
		ck_assert_uint_eq(counters_code_number(counters_code(codes[i])),
				  codes[i]);
}
END_TEST

START_TEST(labels_stay_as_they_are)
{
	ck_assert_str_eq(counters_method_name(COUNTERS_ALLOCATE), "allocate");
	ck_assert_str_eq(counters_method_name(COUNTERS_CREATE_PERMISSION),
			 "create_permission");
	ck_assert_str_eq(counters_source_name(TURN_SOURCE_REDIS), "redis");
	ck_assert_str_eq(counters_source_name(COUNTERS_SOURCE_UNKNOWN),
			 "unknown");
	ck_assert_str_eq(counters_auth_result_name(COUNTERS_AUTH_OK), "ok");
	ck_assert_str_eq(counters_auth_result_name(COUNTERS_AUTH_CHALLENGE),
			 "challenge");
}
END_TEST

static void strange_method(void)
{
	counters_method(0x00a);
}

static void strange_code(void)
{
	counters_code(404);
}

static void no_method(void)
{
	counters_method_name(COUNTERS_METHOD_COUNT);
}

static void no_code(void)
{
	counters_code_number(COUNTERS_CODE_COUNT);
}

static void no_source(void)
{
	counters_source_name(COUNTERS_SOURCE_COUNT);
}

static void no_result(void)
{
	counters_auth_result_name(COUNTERS_AUTH_RESULT_COUNT);
}

static void no_source_to_count(void)
{
	counters_auth(&n, COUNTERS_SOURCE_COUNT, COUNTERS_AUTH_OK);
}

static void no_realm(void)
{
	struct counters_relayed sum = { 0 };

	counters_add_realm(&n, TURN_REALMS_MAX, &sum);
}

static void (*const out_of_place[])(void) = {
	strange_method, strange_code, no_method,          no_code,
	no_source,      no_result,    no_source_to_count, no_realm,
};

static void call(void *arg)
{
	(*(void (*const *)(void))arg)();
}

START_TEST(what_is_not_on_a_list_is_a_mistake)
{
	for (size_t i = 0; i < sizeof(out_of_place) / sizeof(out_of_place[0]);
	     i++)
		ck_assert(unit_aborts(call, (void *)&out_of_place[i]));
}
END_TEST

/* What was answered for its credentials; a challenge asks for them. */
START_TEST(what_is_judged_is_counted_twice)
{
	for (unsigned i = 0; i < COUNTERS_AUTH_RESULT_COUNT; i++) {
		uint64_t judged = counter_get(&n.judged);
		bool is_judged = i != COUNTERS_AUTH_CHALLENGE &&
				 i != COUNTERS_AUTH_THROTTLED;

		counters_auth(&n, TURN_SOURCE_FILE,
			      (enum counters_auth_result)i);
		ck_assert_uint_eq(counter_get(&n.auth[TURN_SOURCE_FILE][i]), 1);
		ck_assert_uint_eq(counter_get(&n.judged), judged + is_judged);
	}
}
END_TEST

START_TEST(traffic_is_summed_over_realms)
{
	struct counters_relayed all = { .to_peer_bytes = 1 }, one = { 0 };

	for (unsigned i = 0; i < TURN_REALMS_MAX; i++) {
		counter_add(&n.traffic[i].to_peer_packets, 1);
		counter_add(&n.traffic[i].to_peer_bytes, 10);
		counter_add(&n.traffic[i].to_client_packets, 2);
		counter_add(&n.traffic[i].to_client_bytes, 20);
	}
	counter_add(&n.traffic[3].to_peer_bytes, 5);
	counters_add_realms(&n, &all);
	ck_assert_uint_eq(all.to_peer_packets, TURN_REALMS_MAX);
	ck_assert_uint_eq(all.to_peer_bytes, 10 * TURN_REALMS_MAX + 5 + 1);
	ck_assert_uint_eq(all.to_client_packets, 2 * TURN_REALMS_MAX);
	ck_assert_uint_eq(all.to_client_bytes, 20 * TURN_REALMS_MAX);
	counters_add_realm(&n, 3, &one);
	ck_assert_uint_eq(one.to_peer_bytes, 15);
	ck_assert_uint_eq(one.to_client_packets, 2);
}
END_TEST

START_TEST(workers_are_summed_from_first_to_last)
{
	static struct counters sum, other;

	counter_add(&n.requests[0], 1);
	counter_add(&n.kernel_drops, 2);
	counter_add(&n.traffic[TURN_REALMS_MAX - 1].to_client_bytes, 3);
	counter_add(&other.kernel_drops, 40);
	counters_add(&sum, &n);
	counters_add(&sum, &other);
	ck_assert_uint_eq(counter_get(&sum.requests[0]), 1);
	ck_assert_uint_eq(counter_get(&sum.kernel_drops), 42);
	ck_assert_uint_eq(
		counter_get(&sum.traffic[TURN_REALMS_MAX - 1].to_client_bytes),
		3);
	ck_assert_uint_eq(counter_get(&n.kernel_drops), 2);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("counters");
	TCase *t = tcase_create("counters");

	tcase_add_test(t, each_method_and_code_has_a_place);
	tcase_add_test(t, labels_stay_as_they_are);
	tcase_add_test(t, what_is_not_on_a_list_is_a_mistake);
	tcase_add_test(t, what_is_judged_is_counted_twice);
	tcase_add_test(t, traffic_is_summed_over_realms);
	tcase_add_test(t, workers_are_summed_from_first_to_last);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
