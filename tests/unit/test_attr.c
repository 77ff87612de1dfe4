#include "unit.h"

#include "stun/attr.h"

/* The registry written out once more, from the RFCs' tables. */
static const struct {
	uint16_t type;
	uint16_t min_bytes;
	uint16_t max_bytes;
	const char *name;
} registry[] = {
	{ 0x0001, 8, 20, "MAPPED-ADDRESS" },
	{ 0x0006, 0, 508, "USERNAME" },
	{ 0x0008, 20, 20, "MESSAGE-INTEGRITY" },
	{ 0x0009, 4, 767, "ERROR-CODE" },
	{ 0x000A, 0, 65535, "UNKNOWN-ATTRIBUTES" },
	{ 0x000C, 4, 4, "CHANNEL-NUMBER" },
	{ 0x000D, 4, 4, "LIFETIME" },
	{ 0x0012, 8, 20, "XOR-PEER-ADDRESS" },
	{ 0x0013, 0, 65535, "DATA" },
	{ 0x0014, 0, 763, "REALM" },
	{ 0x0015, 0, 763, "NONCE" },
	{ 0x0016, 8, 20, "XOR-RELAYED-ADDRESS" },
	{ 0x0017, 4, 4, "REQUESTED-ADDRESS-FAMILY" },
	{ 0x0018, 1, 1, "EVEN-PORT" },
	{ 0x0019, 4, 4, "REQUESTED-TRANSPORT" },
	{ 0x001A, 0, 0, "DONT-FRAGMENT" },
	{ 0x001C, 16, 32, "MESSAGE-INTEGRITY-SHA256" },
	{ 0x001D, 4, 65535, "PASSWORD-ALGORITHM" },
	{ 0x001E, 32, 32, "USERHASH" },
	{ 0x0020, 8, 20, "XOR-MAPPED-ADDRESS" },
	{ 0x0022, 8, 8, "RESERVATION-TOKEN" },
	{ 0x8000, 4, 4, "ADDITIONAL-ADDRESS-FAMILY" },
	{ 0x8001, 4, 767, "ADDRESS-ERROR-CODE" },
	{ 0x8002, 4, 65535, "PASSWORD-ALGORITHMS" },
	{ 0x8003, 1, 255, "ALTERNATE-DOMAIN" },
	{ 0x8004, 8, 8, "ICMP" },
	{ 0x8022, 0, 763, "SOFTWARE" },
	{ 0x8023, 8, 20, "ALTERNATE-SERVER" },
	{ 0x8028, 4, 4, "FINGERPRINT" },
};

#define REGISTRY_COUNT (sizeof(registry) / sizeof(registry[0]))

START_TEST(every_listed_attribute_is_known)
{
	const struct stun_attr_info *info;

	for (size_t i = 0; i < REGISTRY_COUNT; i++) {
		info = stun_attr_info(registry[i].type);
		ck_assert_msg(info != NULL, "%s", registry[i].name);
		ck_assert_uint_eq(info->type, registry[i].type);
		ck_assert_uint_eq(info->min_bytes, registry[i].min_bytes);
		ck_assert_uint_eq(info->max_bytes, registry[i].max_bytes);
		ck_assert_str_eq(info->name, registry[i].name);
	}
}
END_TEST

START_TEST(no_other_attribute_is_known)
{
	size_t known = 0;

	for (uint32_t type = 0; type <= 0xFFFF; type++)
		known += stun_attr_info((uint16_t)type) != NULL;
	ck_assert_uint_eq(known, REGISTRY_COUNT);
}
END_TEST

/* What Microsoft's clients add to their requests. */
START_TEST(vendor_attributes_are_unknown_and_optional)
{
	static const uint16_t types[] = { 0x8008, 0x8050, 0x8054,
					  0x8055, 0x8070, 0x8090 };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		ck_assert_ptr_null(stun_attr_info(types[i]));
		ck_assert(!stun_attr_required(types[i]));
	}
}
END_TEST

START_TEST(the_high_bit_makes_optional)
{
	ck_assert(stun_attr_required(0x0000));
	ck_assert(stun_attr_required(0x7FFF));
	ck_assert(!stun_attr_required(0x8000));
	ck_assert(!stun_attr_required(0xFFFF));
}
END_TEST

START_TEST(methods_have_names)
{
	ck_assert_str_eq(stun_method_name(0x001), "Binding");
	ck_assert_str_eq(stun_method_name(0x003), "Allocate");
	ck_assert_str_eq(stun_method_name(0x004), "Refresh");
	ck_assert_str_eq(stun_method_name(0x006), "Send");
	ck_assert_str_eq(stun_method_name(0x007), "Data");
	ck_assert_str_eq(stun_method_name(0x008), "CreatePermission");
	ck_assert_str_eq(stun_method_name(0x009), "ChannelBind");
	ck_assert_str_eq(stun_method_name(0x000), "unknown");
	ck_assert_str_eq(stun_method_name(0x002), "unknown");
	ck_assert_str_eq(stun_method_name(0xFFF), "unknown");
}
END_TEST

START_TEST(errors_have_names)
{
	static const struct {
		uint16_t code;
		const char *name;
	} names[] = {
		{ 300, "Try Alternate" },
		{ 400, "Bad Request" },
		{ 401, "Unauthenticated" },
		{ 403, "Forbidden" },
		{ 420, "Unknown Attribute" },
		{ 437, "Allocation Mismatch" },
		{ 438, "Stale Nonce" },
		{ 440, "Address Family not Supported" },
		{ 441, "Wrong Credentials" },
		{ 442, "Unsupported Transport Protocol" },
		{ 443, "Peer Address Family Mismatch" },
		{ 486, "Allocation Quota Reached" },
		{ 500, "Server Error" },
		{ 508, "Insufficient Capacity" },
		{ 0, "" },
		{ 402, "" },
		{ 699, "" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ck_assert_str_eq(stun_error_name(names[i].code), names[i].name);
}
END_TEST

static Suite *attr_suite(void)
{
	Suite *s = suite_create("attr");
	TCase *t = tcase_create("registry");

	tcase_add_test(t, every_listed_attribute_is_known);
	tcase_add_test(t, no_other_attribute_is_known);
	tcase_add_test(t, vendor_attributes_are_unknown_and_optional);
	tcase_add_test(t, the_high_bit_makes_optional);
	tcase_add_test(t, methods_have_names);
	tcase_add_test(t, errors_have_names);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(attr_suite)
