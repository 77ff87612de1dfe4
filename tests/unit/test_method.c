#include "core_fixture.h"
#include "turn/method.h"

static struct request r;
static struct stun_builder builder;
static uint8_t bytes[256];

static void set_up(void)
{
	static const uint8_t id[STUN_TRANSACTION_ID_BYTES] = "method";

	memset(&r, 0, sizeof(r));
	stun_begin(&builder, bytes, sizeof(bytes), STUN_REQUEST, STUN_REFRESH,
		   id);
}

/* What was added so far becomes the request. */
static void parse(void)
{
	size_t len = stun_finish(&builder);

	ck_assert_int_eq(stun_parse(bytes_of(bytes, len), &r.message), STUN_OK);
}

/* RFC 8656 section 17, RFC 8489 section 18.2; Send and Data are no requests. */
START_TEST(the_table_has_each_request_method)
{
	ck_assert_ptr_eq(method_find(0x001), &method_binding);
	ck_assert_ptr_eq(method_find(0x003), &method_allocate);
	ck_assert_ptr_eq(method_find(0x004), &method_refresh);
	ck_assert_ptr_eq(method_find(0x008), &method_create_permission);
	ck_assert_ptr_eq(method_find(0x009), &method_channel_bind);
}
END_TEST

START_TEST(no_other_method_is_served)
{
	unsigned served = 0;

	for (uint16_t number = 0; number <= 0xfff; number++) {
		const struct method *m = method_find(number);

		if (!m)
			continue;
		ck_assert_uint_eq(m->number, number);
		ck_assert_ptr_nonnull(m->handle);
		served++;
	}
	ck_assert_uint_eq(served, 5);
	ck_assert_ptr_null(method_find(STUN_SEND));
	ck_assert_ptr_null(method_find(STUN_DATA));
}
END_TEST

/* RFC 8656 section 5: all but Binding authenticate; all but Allocate (and
 * Binding) need an allocation. */
START_TEST(what_each_method_requires)
{
	ck_assert(!method_binding.authenticated);
	ck_assert(method_allocate.authenticated);
	ck_assert(method_refresh.authenticated);
	ck_assert(method_create_permission.authenticated);
	ck_assert(method_channel_bind.authenticated);
	ck_assert(!method_binding.needs_allocation);
	ck_assert(!method_allocate.needs_allocation);
	ck_assert(method_refresh.needs_allocation);
	ck_assert(method_create_permission.needs_allocation);
	ck_assert(method_channel_bind.needs_allocation);
}
END_TEST

/* RFC 8656 sections 7.2 and 8.2. */
START_TEST(lifetimes_lie_between_default_and_maximum)
{
	static const struct {
		uint32_t asked, given;
	} table[] = {
		{ 0, 0 },       { 1, 600 },
		{ 599, 600 },   { 600, 600 },
		{ 601, 601 },   { 777, 777 },
		{ 3599, 3599 }, { 3600, 3600 },
		{ 3601, 3600 }, { UINT32_MAX, 3600 },
	};
	uint32_t lifetime_s;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		set_up();
		stun_add_u32(&builder, STUN_ATTR_LIFETIME, table[i].asked);
		parse();
		ck_assert(method_lifetime(&r, &lifetime_s));
		ck_assert_uint_eq(lifetime_s, table[i].given);
	}
}
END_TEST

START_TEST(no_lifetime_is_the_default)
{
	uint32_t lifetime_s;

	parse();
	ck_assert(method_lifetime(&r, &lifetime_s));
	ck_assert_uint_eq(lifetime_s, 600);
}
END_TEST

/* RFC 8656 section 18.2: four bytes. */
START_TEST(a_lifetime_of_another_size_is_malformed)
{
	uint32_t lifetime_s;

	stun_add_u64(&builder, STUN_ATTR_LIFETIME, 600);
	parse();
	ck_assert(!method_lifetime(&r, &lifetime_s));
	set_up();
	stun_add_flag(&builder, STUN_ATTR_LIFETIME);
	parse();
	ck_assert(!method_lifetime(&r, &lifetime_s));
}
END_TEST

/* RFC 8489 section 14: of several, the first counts. */
START_TEST(the_first_of_two_counts)
{
	uint32_t lifetime_s;

	stun_add_u32(&builder, STUN_ATTR_LIFETIME, 700);
	stun_add_u32(&builder, STUN_ATTR_LIFETIME, 800);
	parse();
	ck_assert(method_lifetime(&r, &lifetime_s));
	ck_assert_uint_eq(lifetime_s, 700);
}
END_TEST

/* RFC 8656 section 18.6: one byte and three to be ignored. */
START_TEST(the_family_is_the_first_byte)
{
	uint8_t family;

	stun_add_u32(&builder, STUN_ATTR_REQUESTED_ADDRESS_FAMILY, 0x01aabbcc);
	stun_add_u8_rffu(&builder, STUN_ATTR_ADDITIONAL_ADDRESS_FAMILY, 0x99);
	parse();
	ck_assert(
		method_family(&r, STUN_ATTR_REQUESTED_ADDRESS_FAMILY, &family));
	ck_assert_uint_eq(family, 1);
	ck_assert(method_family(&r, STUN_ATTR_ADDITIONAL_ADDRESS_FAMILY,
				&family));
	ck_assert_uint_eq(family, 0x99);
}
END_TEST

START_TEST(an_absent_family_is_0)
{
	uint8_t family = 9;

	parse();
	ck_assert(
		method_family(&r, STUN_ATTR_REQUESTED_ADDRESS_FAMILY, &family));
	ck_assert_uint_eq(family, 0);
}
END_TEST

START_TEST(a_family_of_0_does_not_look_absent)
{
	uint8_t family;

	stun_add_u8_rffu(&builder, STUN_ATTR_REQUESTED_ADDRESS_FAMILY, 0);
	parse();
	ck_assert(!method_family(&r, STUN_ATTR_REQUESTED_ADDRESS_FAMILY,
				 &family));
}
END_TEST

START_TEST(a_family_of_another_size_is_malformed)
{
	uint8_t family;

	stun_add_u64(&builder, STUN_ATTR_REQUESTED_ADDRESS_FAMILY,
		     UINT64_C(1) << 56);
	parse();
	ck_assert(!method_family(&r, STUN_ATTR_REQUESTED_ADDRESS_FAMILY,
				 &family));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("method");
	TCase *t = tcase_create("method");

	tcase_add_checked_fixture(t, set_up, NULL);
	tcase_add_test(t, the_table_has_each_request_method);
	tcase_add_test(t, no_other_method_is_served);
	tcase_add_test(t, what_each_method_requires);
	tcase_add_test(t, lifetimes_lie_between_default_and_maximum);
	tcase_add_test(t, no_lifetime_is_the_default);
	tcase_add_test(t, a_lifetime_of_another_size_is_malformed);
	tcase_add_test(t, the_first_of_two_counts);
	tcase_add_test(t, the_family_is_the_first_byte);
	tcase_add_test(t, an_absent_family_is_0);
	tcase_add_test(t, a_family_of_0_does_not_look_absent);
	tcase_add_test(t, a_family_of_another_size_is_malformed);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
