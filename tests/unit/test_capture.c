#include "unit.h"

#include <string.h>

#include "stun/builder.h"
#include "stun/message.h"
#include "worker/capture.h"

#define WALL_MS 1790000000123

static const struct hash_key key = { 3, 4 };
static const struct now began = { .mono_ms = 5000, .wall_s = 1790000000 };
static const struct now later = { .mono_ms = 6500, .wall_s = 1790000009 };
static uint8_t message[4096];
static struct addr alice, bob;

static void set_up(void)
{
	alice = addr_ipv4(0xC0000201, 1111);
	bob = addr_ipv4(0xC0000202, 2222);
}

static struct bytes request(uint16_t method, size_t software_bytes)
{
	static const uint8_t id[STUN_TRANSACTION_ID_BYTES] = { 7 };
	static const uint8_t software[3000];
	struct stun_builder b;

	stun_begin(&b, message, sizeof(message), STUN_REQUEST, method, id);
	stun_add(&b, STUN_ATTR_USERNAME, bytes_str("alice"));
	stun_add(&b, STUN_ATTR_SOFTWARE, bytes_of(software, software_bytes));
	return bytes_of(message, stun_finish(&b));
}

static struct capture *of(const struct addr *client)
{
	struct capture *c = capture_new(client, &began, WALL_MS, &key);

	ck_assert_ptr_nonnull(c);
	return c;
}

static struct capture *of_all(void)
{
	static const struct addr none = { .family = ADDR_NONE };

	return of(&none);
}

START_TEST(a_message_comes_out_redacted_with_its_time)
{
	struct capture *c = of_all();
	const struct capture_message *m;

	ck_assert_ptr_null(capture_peek(c));
	capture_put(c, &later, true, 3, &alice, request(STUN_ALLOCATE, 8));
	capture_put(c, &later, false, 4, &bob, request(STUN_BINDING, 8));

	m = capture_peek(c);
	ck_assert_ptr_nonnull(m);
	ck_assert(m->inbound);
	ck_assert_uint_eq(m->listener, 3);
	ck_assert(addr_equal(&m->client, &alice));
	ck_assert_int_eq(m->wall_ms, WALL_MS + 1500);
	ck_assert_uint_eq(m->bytes, m->original_bytes);
	ck_assert_ptr_null(memmem(m->data, m->bytes, "alice", 5));
	capture_release(c);

	m = capture_peek(c);
	ck_assert(!m->inbound);
	ck_assert(addr_equal(&m->client, &bob));
	capture_release(c);
	ck_assert_ptr_null(capture_peek(c));
	ck_assert_uint_eq(capture_lost(c), 0);
	capture_free(c);
}
END_TEST

START_TEST(what_is_said_through_the_relay_is_not_captured)
{
	struct capture *c = of_all();

	capture_put(c, &later, true, 0, &alice, request(STUN_SEND, 8));
	capture_put(c, &later, false, 0, &alice, request(STUN_DATA, 8));
	capture_put(c, &later, true, 0, &alice, bytes_str("\x40\0\0\4data"));
	ck_assert_ptr_null(capture_peek(c));
	ck_assert_uint_eq(capture_lost(c), 0);
	capture_free(c);
}
END_TEST

START_TEST(one_client_alone)
{
	struct capture *c = of(&alice);
	struct addr other_port = addr_with_port(&alice, 9);

	capture_put(c, &later, true, 0, &bob, request(STUN_ALLOCATE, 8));
	ck_assert_ptr_null(capture_peek(c));
	capture_put(c, &later, true, 0, &other_port, request(STUN_ALLOCATE, 8));
	ck_assert_ptr_nonnull(capture_peek(c));
	capture_free(c);
}
END_TEST

START_TEST(a_long_message_is_cut)
{
	struct capture *c = of_all();
	struct bytes whole = request(STUN_ALLOCATE, 3000);
	const struct capture_message *m;

	capture_put(c, &later, true, 0, &alice, whole);
	m = capture_peek(c);
	ck_assert_uint_eq(m->bytes, CAPTURE_MESSAGE_MAX_BYTES);
	ck_assert_uint_eq(m->original_bytes, whole.len);
	capture_free(c);
}
END_TEST

START_TEST(a_reader_that_is_slow_loses_messages)
{
	struct capture *c = of_all();
	unsigned taken = 0;

	for (unsigned i = 0; i < 3000; i++)
		capture_put(c, &later, true, 0, &alice,
			    request(STUN_ALLOCATE, 8));
	for (; capture_peek(c); taken++)
		capture_release(c);
	ck_assert_uint_gt(taken, 0);
	ck_assert_uint_eq(taken + capture_lost(c), 3000);
	capture_free(c);
	capture_free(NULL);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("capture");
	TCase *t = tcase_create("capture");

	tcase_add_checked_fixture(t, set_up, NULL);
	tcase_add_test(t, a_message_comes_out_redacted_with_its_time);
	tcase_add_test(t, what_is_said_through_the_relay_is_not_captured);
	tcase_add_test(t, one_client_alone);
	tcase_add_test(t, a_long_message_is_cut);
	tcase_add_test(t, a_reader_that_is_slow_loses_messages);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
