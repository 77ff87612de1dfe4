#include "core_fixture.h"

static struct core c;
static struct core_request q;
static struct addr client;

static void set_up(void)
{
	core_setup(&c);
	client = core_client(1, 5000);
}

static void tear_down(void)
{
	core_teardown(&c);
}

static struct addr mapped(void)
{
	struct addr a = { .family = ADDR_NONE };
	const struct stun_attr *attr =
		stun_find(&c.reply, STUN_ATTR_XOR_MAPPED_ADDRESS);

	ck_assert_ptr_nonnull(attr);
	ck_assert(stun_get_xor_addr(&c.reply, attr, &a));
	return a;
}

/* RFC 8489 section 6.3.1: the source address, the same transaction id. */
START_TEST(anybody_is_told_his_address)
{
	struct addr told;

	core_begin(&q, STUN_BINDING, &client, 77);
	ck_assert_uint_eq(core_send(&c, &q), 1);
	ck_assert_uint_eq(core_code(&c), 0);
	ck_assert_uint_eq(c.reply.method, STUN_BINDING);
	ck_assert_mem_eq(c.reply.transaction_id, q.bytes + 8,
			 STUN_TRANSACTION_ID_BYTES);
	told = mapped();
	ck_assert(addr_equal(&told, &client));
	ck_assert(addr_equal(&c.reply_to, &client));
	ck_assert_uint_eq(c.reply_listener, 0);
	ck_assert_str_eq(core_reply_attrs(&c), "XOR-MAPPED-ADDRESS");
}
END_TEST

START_TEST(an_ipv6_source_is_told_as_such)
{
	static const uint8_t ip[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };
	struct addr told;

	client = addr_ipv6(ip, 1234);
	core_begin(&q, STUN_BINDING, &client, 1);
	ck_assert_uint_eq(core_send(&c, &q), 1);
	told = mapped();
	ck_assert(addr_equal(&told, &client));
}
END_TEST

START_TEST(the_answer_leaves_from_the_listener_that_was_asked)
{
	core_begin(&q, STUN_BINDING, &client, 1);
	q.listener = 1;
	core_send(&c, &q);
	ck_assert_uint_eq(c.reply_listener, 1);
}
END_TEST

/* RFC 8489 section 6.3.1: unknown comprehension-required attributes. */
START_TEST(unknown_required_attributes_are_refused_with_their_list)
{
	static const uint8_t list[] = { 0x7f, 0xff, 0x00, 0x02 };
	const struct stun_attr *unknown;

	core_begin(&q, STUN_BINDING, &client, 1);
	stun_add_flag(&q.builder, 0x7fff);
	stun_add_u32(&q.builder, 0x0002, 5);
	core_send(&c, &q);
	ck_assert_uint_eq(core_code(&c), 420);
	unknown = stun_find(&c.reply, STUN_ATTR_UNKNOWN_ATTRIBUTES);
	ck_assert_ptr_nonnull(unknown);
	ck_assert(bytes_equal(unknown->value, bytes_of(list, sizeof(list))));
}
END_TEST

/* Microsoft's clients send these. */
START_TEST(unknown_optional_attributes_are_ignored)
{
	static const uint16_t types[] = { 0x8008, 0x8050, 0x8054,
					  0x8055, 0x8070, 0x8090 };

	core_begin(&q, STUN_BINDING, &client, 1);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		stun_add_u32(&q.builder, types[i], 1);
	core_send(&c, &q);
	ck_assert_uint_eq(core_code(&c), 0);
}
END_TEST

/* Decisions, "Answers": at most 1.3 times the request in IP bytes. */
START_TEST(it_amplifies_by_at_most_1_3)
{
	core_begin(&q, STUN_BINDING, &client, 1);
	core_send(&c, &q);
	ck_assert_uint_le(10 * (28 + c.reply.raw.len), 13 * (28 + 20));
}
END_TEST

/* Credentials are neither needed nor looked at, and no answer is signed. */
START_TEST(credentials_do_not_matter)
{
	core_begin(&q, STUN_BINDING, &client, 1);
	core_sign(&c, &q, &core_liar);
	core_send(&c, &q);
	ck_assert_uint_eq(core_code(&c), 0);
	ck_assert_uint_eq(c.lookups_asked, 0);
	ck_assert_str_eq(core_signature(&c, &core_alice), "");
}
END_TEST

/* On a living 5-tuple it is nothing but a Binding request either. */
START_TEST(a_living_allocation_is_not_touched)
{
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	core_begin(&q, STUN_BINDING, &client, 1);
	core_send(&c, &q);
	ck_assert_str_eq(core_reply_attrs(&c), "XOR-MAPPED-ADDRESS");
	ck_assert_uint_eq(core_refresh(&c, &client, 2, 600), 0);
}
END_TEST

/* RFC 8489 section 6.3.2: nothing is sent, and it is no mistake. */
START_TEST(an_indication_is_for_the_nat_alone)
{
	static const uint8_t id[STUN_TRANSACTION_ID_BYTES] = "keep-alive";

	stun_begin(&q.builder, q.bytes, sizeof(q.bytes), STUN_INDICATION,
		   STUN_BINDING, id);
	q.client = client;
	q.listener = 0;
	ck_assert_uint_eq(core_send(&c, &q), 0);
	ck_assert_uint_eq(core_dropped(&c, DROP_UNEXPECTED), 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("binding");
	TCase *t = tcase_create("binding");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, anybody_is_told_his_address);
	tcase_add_test(t, an_ipv6_source_is_told_as_such);
	tcase_add_test(t, the_answer_leaves_from_the_listener_that_was_asked);
	tcase_add_test(t,
		       unknown_required_attributes_are_refused_with_their_list);
	tcase_add_test(t, unknown_optional_attributes_are_ignored);
	tcase_add_test(t, it_amplifies_by_at_most_1_3);
	tcase_add_test(t, credentials_do_not_matter);
	tcase_add_test(t, a_living_allocation_is_not_touched);
	tcase_add_test(t, an_indication_is_for_the_nat_alone);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
