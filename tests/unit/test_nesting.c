#include "unit.h"

#include <string.h>

#include "stun/builder.h"
#include "stun/channel_data.h"
#include "turn/nesting.h"

static uint8_t message[65536];
static size_t len;

static void set_up(void)
{
	memcpy(message, "media", 5);
	len = 5;
}

static void wrap_in_channel_data(void)
{
	memmove(message + CHANNEL_DATA_HEADER_BYTES, message, len);
	channel_data_header(message, CHANNEL_NUMBER_MIN, (uint16_t)len);
	len += CHANNEL_DATA_HEADER_BYTES;
}

static void wrap_in_indication(uint16_t method)
{
	static const uint8_t id[STUN_TRANSACTION_ID_BYTES] = { 1 };
	static uint8_t inner[sizeof(message)];
	struct stun_builder b;

	memcpy(inner, message, len);
	stun_begin(&b, message, sizeof(message), STUN_INDICATION, method, id);
	stun_add(&b, STUN_ATTR_DATA, bytes_of(inner, len));
	len = stun_finish(&b);
	ck_assert_uint_ne(len, 0);
}

static bool is_too_deep(void)
{
	return nesting_is_too_deep(bytes_of(message, len));
}

START_TEST(what_is_not_wrapped)
{
	ck_assert(!is_too_deep());
	ck_assert(!nesting_is_too_deep(bytes_of("", 0)));
	ck_assert(!nesting_is_too_deep(bytes_of("\x40", 1)));
	ck_assert(!nesting_is_too_deep(bytes_of("\0\x17", 2)));
}
END_TEST

START_TEST(channel_data_in_channel_data)
{
	for (unsigned n = 0; n < NESTING_MAX; n++) {
		wrap_in_channel_data();
		ck_assert(!is_too_deep());
	}
	wrap_in_channel_data();
	ck_assert(is_too_deep());
	while (len < 65000)
		wrap_in_channel_data();
	ck_assert(is_too_deep());
}
END_TEST

START_TEST(indications_and_all_kinds_mixed)
{
	wrap_in_indication(STUN_DATA);
	wrap_in_channel_data();
	wrap_in_indication(STUN_SEND);
	wrap_in_indication(STUN_DATA);
	ck_assert(!is_too_deep());
	wrap_in_indication(STUN_SEND);
	ck_assert(is_too_deep());
}
END_TEST

/* A server unwraps what has padding, however much. */
START_TEST(padding_is_no_way_around)
{
	for (unsigned n = 0; n <= NESTING_MAX; n++) {
		wrap_in_channel_data();
		memset(message + len, 0, 9);
		len += 9;
	}
	ck_assert(is_too_deep());
}
END_TEST

/* A request is for a server, and so is what else has no DATA. */
START_TEST(other_messages_end_it)
{
	static const uint8_t id[STUN_TRANSACTION_ID_BYTES] = { 1 };
	struct stun_builder b;

	for (unsigned n = 0; n <= NESTING_MAX; n++) {
		stun_begin(&b, message, sizeof(message), STUN_INDICATION,
			   n & 1 ? STUN_BINDING : STUN_SEND, id);
		len = stun_finish(&b);
		for (unsigned i = 0; i < NESTING_MAX; i++)
			wrap_in_channel_data();
		ck_assert(!is_too_deep());
	}
}
END_TEST

/* No server would unwrap it: a length that lies, a broken message. */
START_TEST(broken_messages_end_it)
{
	for (unsigned n = 0; n < NESTING_MAX; n++)
		wrap_in_channel_data();
	wrap_in_indication(STUN_DATA);
	ck_assert(is_too_deep());
	message[3]++;
	ck_assert(!is_too_deep());
	set_up();
	for (unsigned n = 0; n <= NESTING_MAX; n++)
		wrap_in_channel_data();
	len--;
	ck_assert(!is_too_deep());
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("nesting");
	TCase *t = tcase_create("nesting");

	tcase_add_checked_fixture(t, set_up, NULL);
	tcase_add_test(t, what_is_not_wrapped);
	tcase_add_test(t, channel_data_in_channel_data);
	tcase_add_test(t, indications_and_all_kinds_mixed);
	tcase_add_test(t, padding_is_no_way_around);
	tcase_add_test(t, other_messages_end_it);
	tcase_add_test(t, broken_messages_end_it);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
