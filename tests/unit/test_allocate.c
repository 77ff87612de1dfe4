#include "core_fixture.h"

#include <errno.h>

static struct core c;
static struct core_request q;
static struct addr client;

static void set_up(void)
{
	core_setup(&c);
	client = core_client(1, 5000);
	core_begin_allocate(&q, &client, 1);
}

static void tear_down(void)
{
	core_teardown(&c);
}

/* Signs what was begun, sends it, and begins the next on another 5-tuple. */
static uint16_t ask(void)
{
	uint16_t code = core_ask(&c, &q, &core_alice);

	client.port++;
	core_begin_allocate(&q, &client, 1);
	return code;
}

static void begin_without_transport(void)
{
	core_begin(&q, STUN_ALLOCATE, &client, 1);
}

static void add_family(uint8_t family)
{
	stun_add_u8_rffu(&q.builder, STUN_ATTR_REQUESTED_ADDRESS_FAMILY,
			 family);
}

static void add_additional(uint8_t family)
{
	stun_add_u8_rffu(&q.builder, STUN_ATTR_ADDITIONAL_ADDRESS_FAMILY,
			 family);
}

static void add_even_port(uint8_t value)
{
	stun_add(&q.builder, STUN_ATTR_EVEN_PORT, bytes_of(&value, 1));
}

static void add_token(const char *token)
{
	stun_add(&q.builder, STUN_ATTR_RESERVATION_TOKEN, bytes_str(token));
}

/* --- the success response: RFC 8656 section 7.2 ------------------------------ */

START_TEST(success_tells_relayed_address_lifetime_and_mapped_address)
{
	const struct stun_attr *attr;
	struct addr mapped, relayed;

	ck_assert_uint_eq(ask(), 0);
	ck_assert_str_eq(core_reply_attrs(&c),
			 "XOR-RELAYED-ADDRESS LIFETIME XOR-MAPPED-ADDRESS "
			 "MESSAGE-INTEGRITY");
	attr = stun_find(&c.reply, STUN_ATTR_XOR_MAPPED_ADDRESS);
	ck_assert(stun_get_xor_addr(&c.reply, attr, &mapped));
	client.port--;
	ck_assert(addr_equal(&mapped, &client));
	ck_assert(addr_equal(&c.reply_to, &client));
	relayed = core_relayed(&c);
	ck_assert(addr_same_ip(&relayed, &c.config.relay_advertise));
	ck_assert_uint_eq(relayed.port, c.last_port);
	ck_assert_uint_ge(relayed.port, CORE_PORT_MIN);
	ck_assert_uint_le(relayed.port, CORE_PORT_MAX);
	ck_assert_uint_eq(core_reply_u32(&c, STUN_ATTR_LIFETIME), 600);
}
END_TEST

START_TEST(the_lifetime_asked_for_is_told)
{
	static const struct {
		uint32_t asked, told;
	} table[] = { { 0, 600 },     { 599, 600 },   { 601, 601 },
		      { 3600, 3600 }, { 3601, 3600 }, { UINT32_MAX, 3600 } };

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		stun_add_u32(&q.builder, STUN_ATTR_LIFETIME, table[i].asked);
		ck_assert_uint_eq(ask(), 0);
		ck_assert_uint_eq(core_reply_u32(&c, STUN_ATTR_LIFETIME),
				  table[i].told);
	}
}
END_TEST

/* Check 4: DF can be set, so the attribute is known and all is well. */
START_TEST(dont_fragment_is_supported)
{
	stun_add_flag(&q.builder, STUN_ATTR_DONT_FRAGMENT);
	ck_assert_uint_eq(ask(), 0);
}
END_TEST

START_TEST(optional_attributes_of_others_are_ignored)
{
	stun_add(&q.builder, STUN_ATTR_SOFTWARE, bytes_str("a client"));
	stun_add_u32(&q.builder, 0x8008, 6);
	stun_add_u32(&q.builder, 0x8070, 2);
	ck_assert_uint_eq(ask(), 0);
}
END_TEST

/* --- REQUESTED-TRANSPORT: check 3 ------------------------------------------------ */

START_TEST(without_transport_it_is_a_bad_request)
{
	begin_without_transport();
	ck_assert_uint_eq(ask(), 400);
	ck_assert_str_eq(core_signature(&c, &core_alice), "MESSAGE-INTEGRITY");
}
END_TEST

START_TEST(a_transport_of_another_size_is_a_bad_request)
{
	begin_without_transport();
	stun_add(&q.builder, STUN_ATTR_REQUESTED_TRANSPORT,
		 bytes_of("\x11", 1));
	ck_assert_uint_eq(ask(), 400);
	begin_without_transport();
	stun_add_u64(&q.builder, STUN_ATTR_REQUESTED_TRANSPORT,
		     UINT64_C(17) << 56);
	ck_assert_uint_eq(ask(), 400);
}
END_TEST

START_TEST(any_transport_but_udp_is_442)
{
	for (unsigned protocol = 0; protocol < 256; protocol++) {
		if (protocol == STUN_TRANSPORT_UDP)
			continue;
		begin_without_transport();
		stun_add_u8_rffu(&q.builder, STUN_ATTR_REQUESTED_TRANSPORT,
				 (uint8_t)protocol);
		ck_assert_uint_eq(ask(), 442);
	}
	ck_assert_str_eq(core_signature(&c, &core_alice), "MESSAGE-INTEGRITY");
}
END_TEST

/* RFC 8656 section 18.8: the reserved bytes are ignored. */
START_TEST(reserved_bytes_are_ignored)
{
	begin_without_transport();
	stun_add_u32(&q.builder, STUN_ATTR_REQUESTED_TRANSPORT, 0x11ffffff);
	stun_add_u32(&q.builder, STUN_ATTR_REQUESTED_ADDRESS_FAMILY,
		     0x01ffffff);
	ck_assert_uint_eq(ask(), 0);
}
END_TEST

/* Of the method's checks the transport comes first. */
START_TEST(a_wrong_transport_is_told_before_anything_later)
{
	begin_without_transport();
	stun_add_u8_rffu(&q.builder, STUN_ATTR_REQUESTED_TRANSPORT, 6);
	add_token("short");
	add_family(ADDR_IPV6);
	add_additional(ADDR_IPV4);
	ck_assert_uint_eq(ask(), 442);
}
END_TEST

/* --- families: checks 5 to 9 ---------------------------------------------------------- */

START_TEST(ipv4_may_be_requested)
{
	add_family(ADDR_IPV4);
	ck_assert_uint_eq(ask(), 0);
	ck_assert(!core_replied_with(&c, STUN_ATTR_ADDRESS_ERROR_CODE));
}
END_TEST

START_TEST(ipv6_and_unknown_families_are_440)
{
	static const uint8_t families[] = { ADDR_IPV6, 3, 4, 0x80, 0xff };

	for (size_t i = 0; i < sizeof(families); i++) {
		add_family(families[i]);
		ck_assert_uint_eq(ask(), 440);
		ck_assert_str_eq(core_signature(&c, &core_alice),
				 "MESSAGE-INTEGRITY");
	}
}
END_TEST

START_TEST(malformed_families_are_bad_requests)
{
	add_family(0);
	ck_assert_uint_eq(ask(), 400);
	add_additional(0);
	ck_assert_uint_eq(ask(), 400);
	stun_add_flag(&q.builder, STUN_ATTR_REQUESTED_ADDRESS_FAMILY);
	ck_assert_uint_eq(ask(), 400);
	stun_add_u64(&q.builder, STUN_ATTR_ADDITIONAL_ADDRESS_FAMILY,
		     UINT64_C(2) << 56);
	ck_assert_uint_eq(ask(), 400);
}
END_TEST

START_TEST(both_family_attributes_are_a_bad_request)
{
	add_family(ADDR_IPV4);
	add_additional(ADDR_IPV6);
	ck_assert_uint_eq(ask(), 400);
	add_family(ADDR_IPV6);
	add_additional(ADDR_IPV6);
	ck_assert_uint_eq(ask(), 400);
}
END_TEST

/* Check 9: one relayed address, and why it is not two. */
START_TEST(additional_ipv6_is_a_partial_success)
{
	static const uint8_t error[] = { 2, 0, 4, 40 };
	const struct stun_attr *attr;

	add_additional(ADDR_IPV6);
	ck_assert_uint_eq(ask(), 0);
	ck_assert_str_eq(core_reply_attrs(&c),
			 "XOR-RELAYED-ADDRESS LIFETIME ADDRESS-ERROR-CODE "
			 "XOR-MAPPED-ADDRESS MESSAGE-INTEGRITY");
	attr = stun_find(&c.reply, STUN_ATTR_ADDRESS_ERROR_CODE);
	ck_assert(bytes_equal(attr->value, bytes_of(error, sizeof(error))));
}
END_TEST

START_TEST(additional_ipv4_is_a_bad_request)
{
	add_additional(ADDR_IPV4);
	ck_assert_uint_eq(ask(), 400);
	add_additional(3);
	ck_assert_uint_eq(ask(), 400);
}
END_TEST

/* --- EVEN-PORT and RESERVATION-TOKEN: checks 5 and 8 -------------------------------------- */

START_TEST(even_port_gives_an_even_port)
{
	for (unsigned i = 0; i < 5; i++) {
		add_even_port(0);
		ck_assert_uint_eq(ask(), 0);
		ck_assert_uint_eq(core_relayed(&c).port % 2, 0);
		ck_assert(!core_replied_with(&c, STUN_ATTR_RESERVATION_TOKEN));
	}
	/* The even half is full, the odd one is not. */
	add_even_port(0);
	ck_assert_uint_eq(ask(), 508);
	ck_assert_uint_eq(ask(), 0);
	ck_assert_uint_eq(core_relayed(&c).port % 2, 1);
}
END_TEST

START_TEST(with_r_the_next_port_is_reserved_and_its_token_told)
{
	add_even_port(0x80);
	ck_assert_uint_eq(ask(), 0);
	ck_assert_str_eq(core_reply_attrs(&c),
			 "XOR-RELAYED-ADDRESS LIFETIME RESERVATION-TOKEN "
			 "XOR-MAPPED-ADDRESS MESSAGE-INTEGRITY");
	ck_assert_uint_eq(core_relayed(&c).port % 2, 0);
	ck_assert_uint_eq(ports_free(&c.shared->ports), 8);
	ck_assert_uint_eq(atomic_load(&c.shared->ports.reserved), 1);
}
END_TEST

/* RFC 8656 section 18.7: the other seven bits are ignored. */
START_TEST(only_the_first_bit_is_r)
{
	add_even_port(0x7f);
	ck_assert_uint_eq(ask(), 0);
	ck_assert(!core_replied_with(&c, STUN_ATTR_RESERVATION_TOKEN));
	add_even_port(0xff);
	ck_assert_uint_eq(ask(), 0);
	ck_assert(core_replied_with(&c, STUN_ATTR_RESERVATION_TOKEN));
}
END_TEST

START_TEST(even_port_of_another_size_is_a_bad_request)
{
	stun_add_flag(&q.builder, STUN_ATTR_EVEN_PORT);
	ck_assert_uint_eq(ask(), 400);
	stun_add_u32(&q.builder, STUN_ATTR_EVEN_PORT, 0x80000000);
	ck_assert_uint_eq(ask(), 400);
}
END_TEST

START_TEST(even_port_with_r_and_additional_is_a_bad_request)
{
	add_even_port(0x80);
	add_additional(ADDR_IPV6);
	ck_assert_uint_eq(ask(), 400);
	/* Without R the two get on with each other. */
	add_even_port(0);
	add_additional(ADDR_IPV6);
	ck_assert_uint_eq(ask(), 0);
	ck_assert(core_replied_with(&c, STUN_ATTR_ADDRESS_ERROR_CODE));
	ck_assert_uint_eq(core_relayed(&c).port % 2, 0);
}
END_TEST

START_TEST(a_token_goes_with_nothing_else)
{
	add_token("12345678");
	add_even_port(0);
	ck_assert_uint_eq(ask(), 400);
	add_token("12345678");
	add_family(ADDR_IPV4);
	ck_assert_uint_eq(ask(), 400);
	add_token("12345678");
	add_additional(ADDR_IPV6);
	ck_assert_uint_eq(ask(), 400);
}
END_TEST

START_TEST(a_token_of_another_size_is_a_bad_request)
{
	add_token("1234567");
	ck_assert_uint_eq(ask(), 400);
	add_token("123456789");
	ck_assert_uint_eq(ask(), 400);
}
END_TEST

START_TEST(a_token_that_is_none_is_508)
{
	add_token("12345678");
	ck_assert_uint_eq(ask(), 508);
	stun_add_u64(&q.builder, STUN_ATTR_RESERVATION_TOKEN, 0);
	ck_assert_uint_eq(ask(), 508);
	stun_add_u64(&q.builder, STUN_ATTR_RESERVATION_TOKEN, UINT64_MAX);
	ck_assert_uint_eq(ask(), 508);
	core_expect_empty(&c);
}
END_TEST

START_TEST(a_malformed_lifetime_is_a_bad_request)
{
	stun_add_u64(&q.builder, STUN_ATTR_LIFETIME, 600);
	ck_assert_uint_eq(ask(), 400);
}
END_TEST

/* Whatever was refused: nothing is held, no socket was asked for. */
START_TEST(a_refused_request_holds_nothing)
{
	begin_without_transport();
	ask();
	add_family(ADDR_IPV6);
	ask();
	add_even_port(0x80);
	add_additional(ADDR_IPV6);
	ask();
	ck_assert_uint_eq(c.relays_asked, 0);
	ck_assert_uint_eq(turn_next_ms(c.server), UINT64_MAX);
	core_expect_empty(&c);
}
END_TEST

/* --- the same request again: section 7.2, check 2 and its last note ------------------------ */

struct told {
	struct addr relayed;
	uint32_t lifetime_s;
	uint8_t token[PORTS_TOKEN_BYTES];
	char attrs[256];
};

static struct told what_was_told(void)
{
	const struct stun_attr *token =
		stun_find(&c.reply, STUN_ATTR_RESERVATION_TOKEN);
	struct told t = {
		.relayed = core_relayed(&c),
		.lifetime_s = core_reply_u32(&c, STUN_ATTR_LIFETIME),
	};

	if (token)
		memcpy(t.token, token->value.data, sizeof(t.token));
	snprintf(t.attrs, sizeof(t.attrs), "%s", core_reply_attrs(&c));
	return t;
}

/* Same address, token and attributes; LIFETIME at most the first's. */
static void expect_same(const struct told *first, uint32_t lifetime_s)
{
	struct told again = what_was_told();

	ck_assert(addr_equal(&again.relayed, &first->relayed));
	ck_assert_mem_eq(again.token, first->token, sizeof(again.token));
	ck_assert_str_eq(again.attrs, first->attrs);
	ck_assert_uint_eq(again.lifetime_s, lifetime_s);
}

START_TEST(a_retransmission_is_told_the_same)
{
	struct told first;

	add_even_port(0x80);
	stun_add_u32(&q.builder, STUN_ATTR_LIFETIME, 1000);
	core_sign(&c, &q, &core_alice);
	ck_assert_uint_eq(core_send(&c, &q), 1);
	first = what_was_told();
	ck_assert_uint_eq(first.lifetime_s, 1000);
	core_send(&c, &q);
	expect_same(&first, 1000);
	core_pass(&c, 1);
	core_send(&c, &q);
	expect_same(&first, 999);
	core_pass(&c, 29000);
	core_send(&c, &q);
	expect_same(&first, 970);
	ck_assert_uint_eq(c.relays_asked, 1);
	ck_assert_uint_eq(ports_free(&c.shared->ports), 8);
	ck_assert_uint_eq(atomic_load(&c.shared->quota.total), 2);
}
END_TEST

START_TEST(a_partial_success_is_repeated_as_such)
{
	struct told first;

	add_additional(ADDR_IPV6);
	core_sign(&c, &q, &core_alice);
	core_send(&c, &q);
	first = what_was_told();
	core_send(&c, &q);
	expect_same(&first, 600);
}
END_TEST

/* Refreshed meanwhile for longer, it is still told no more than first. */
START_TEST(after_a_refresh_the_lifetime_is_at_most_the_first)
{
	struct told first;

	core_sign(&c, &q, &core_alice);
	core_send(&c, &q);
	first = what_was_told();
	ck_assert_uint_eq(core_refresh(&c, &client, 2, 3600), 0);
	core_send(&c, &q);
	expect_same(&first, 600);
	core_pass(&c, 400000);
	ck_assert_uint_eq(core_refresh(&c, &client, 3, 600), 0);
	core_pass(&c, 100000);
	core_send(&c, &q);
	expect_same(&first, 500);
}
END_TEST

/* Section 7.2: "can stop parsing the request and immediately generate". */
START_TEST(a_retransmission_is_known_by_its_transaction_id)
{
	struct told first;

	core_sign(&c, &q, &core_alice);
	core_send(&c, &q);
	first = what_was_told();
	core_begin(&q, STUN_ALLOCATE, &client, 1);
	core_sign(&c, &q, &core_alice);
	core_send(&c, &q);
	expect_same(&first, 600);
}
END_TEST

/* Signed as the first was, with SHA-256 here. */
START_TEST(a_retransmission_is_signed_as_the_first)
{
	core_sign(&c, &q, &core_alice_sha256);
	core_send(&c, &q);
	core_send(&c, &q);
	ck_assert_str_eq(core_signature(&c, &core_alice_sha256),
			 "MESSAGE-INTEGRITY-SHA256");
}
END_TEST

START_TEST(another_transaction_is_a_mismatch)
{
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	ck_assert_uint_eq(core_allocate(&c, &client, 2), 437);
	ck_assert_str_eq(core_signature(&c, &core_alice), "MESSAGE-INTEGRITY");
	ck_assert_uint_eq(c.relays_asked, 1);
}
END_TEST

START_TEST(the_same_transaction_of_another_user_is_a_mismatch)
{
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	ck_assert_uint_eq(core_allocate_as(&c, &client, 1, &core_bob), 437);
	ck_assert_str_eq(core_reply_attrs(&c), "ERROR-CODE MESSAGE-INTEGRITY");
	ck_assert_str_eq(core_signature(&c, &core_bob), "MESSAGE-INTEGRITY");
}
END_TEST

/* While the socket is being opened one answer is on its way; not two. */
START_TEST(while_opening_a_retransmission_waits)
{
	c.hold_relays = true;
	core_sign(&c, &q, &core_alice);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_uint_eq(core_send(&c, &q), 0);
	ck_assert_uint_eq(c.relays_asked, 1);
	ck_assert_uint_eq(core_allocate(&c, &client, 2), 437);
	ck_assert_uint_eq(core_allocate_as(&c, &client, 1, &core_bob), 437);
	core_answer_relay(&c, c.last_relay, 0);
	ck_assert_uint_eq(c.replies, 1);
	ck_assert_uint_eq(core_code(&c), 0);
}
END_TEST

/* After a 508 nothing special: it is tried again. */
START_TEST(after_a_failure_a_retransmission_tries_again)
{
	c.relay_errors[0] = -EMFILE;
	core_sign(&c, &q, &core_alice);
	core_send(&c, &q);
	ck_assert_uint_eq(core_code(&c), 508);
	core_send(&c, &q);
	ck_assert_uint_eq(core_code(&c), 0);
}
END_TEST

/* --- the 5-tuple is free again ------------------------------------------------------------------ */

START_TEST(right_after_its_end_the_5_tuple_can_allocate_again)
{
	struct ref first;

	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	first = c.last_relay;
	ck_assert_uint_eq(core_refresh(&c, &client, 2, 0), 0);
	ck_assert_uint_eq(core_allocate(&c, &client, 3), 0);
	ck_assert(first.index != c.last_relay.index ||
		  first.generation != c.last_relay.generation);
	ck_assert_uint_eq(core_refresh(&c, &client, 4, 0), 0);
	ck_assert_uint_eq(core_allocate_as(&c, &client, 5, &core_bob), 0);
}
END_TEST

/* Expired, though no tick has come since: it has ended, in this order. */
START_TEST(an_expired_allocation_makes_way_without_a_tick)
{
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	core_pass(&c, 599999);
	ck_assert_uint_eq(core_allocate(&c, &client, 2), 437);
	core_pass(&c, 1);
	ck_assert_uint_eq(core_allocate(&c, &client, 3), 0);
	ck_assert_uint_eq(core_reply_u32(&c, STUN_ATTR_LIFETIME), 600);
	ck_assert_uint_eq(c.relays_closed, 1);
	ck_assert_uint_eq(c.logs, 3); /* began, ended, began */
	core_wait(&c, 1000);
	ck_assert_uint_eq(c.relays_closed, 1);
	ck_assert_uint_eq(core_refresh(&c, &client, 4, 600), 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("allocate");
	TCase *t = tcase_create("allocate");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(
		t, success_tells_relayed_address_lifetime_and_mapped_address);
	tcase_add_test(t, the_lifetime_asked_for_is_told);
	tcase_add_test(t, dont_fragment_is_supported);
	tcase_add_test(t, optional_attributes_of_others_are_ignored);
	tcase_add_test(t, without_transport_it_is_a_bad_request);
	tcase_add_test(t, a_transport_of_another_size_is_a_bad_request);
	tcase_add_test(t, any_transport_but_udp_is_442);
	tcase_add_test(t, reserved_bytes_are_ignored);
	tcase_add_test(t, a_wrong_transport_is_told_before_anything_later);
	tcase_add_test(t, ipv4_may_be_requested);
	tcase_add_test(t, ipv6_and_unknown_families_are_440);
	tcase_add_test(t, malformed_families_are_bad_requests);
	tcase_add_test(t, both_family_attributes_are_a_bad_request);
	tcase_add_test(t, additional_ipv6_is_a_partial_success);
	tcase_add_test(t, additional_ipv4_is_a_bad_request);
	tcase_add_test(t, even_port_gives_an_even_port);
	tcase_add_test(t, with_r_the_next_port_is_reserved_and_its_token_told);
	tcase_add_test(t, only_the_first_bit_is_r);
	tcase_add_test(t, even_port_of_another_size_is_a_bad_request);
	tcase_add_test(t, even_port_with_r_and_additional_is_a_bad_request);
	tcase_add_test(t, a_token_goes_with_nothing_else);
	tcase_add_test(t, a_token_of_another_size_is_a_bad_request);
	tcase_add_test(t, a_token_that_is_none_is_508);
	tcase_add_test(t, a_malformed_lifetime_is_a_bad_request);
	tcase_add_test(t, a_refused_request_holds_nothing);
	tcase_add_test(t, a_retransmission_is_told_the_same);
	tcase_add_test(t, a_partial_success_is_repeated_as_such);
	tcase_add_test(t, after_a_refresh_the_lifetime_is_at_most_the_first);
	tcase_add_test(t, a_retransmission_is_known_by_its_transaction_id);
	tcase_add_test(t, a_retransmission_is_signed_as_the_first);
	tcase_add_test(t, another_transaction_is_a_mismatch);
	tcase_add_test(t, the_same_transaction_of_another_user_is_a_mismatch);
	tcase_add_test(t, while_opening_a_retransmission_waits);
	tcase_add_test(t, after_a_failure_a_retransmission_tries_again);
	tcase_add_test(t, right_after_its_end_the_5_tuple_can_allocate_again);
	tcase_add_test(t, an_expired_allocation_makes_way_without_a_tick);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
