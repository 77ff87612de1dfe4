/* link: -Wl,--wrap=mmap */
#include "unit.h"

#include <errno.h>
#include <sys/mman.h>

#include "turn/pending.h"

#define NOW_MS UINT64_C(5000000)

void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);

static const struct hash_key key = { 7, 8 };
static struct pendings pendings;
static uint32_t added;               /* index of the last one added */
static int mmaps_until_failure = -1; /* -1: none fails */

void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off)
{
	if (mmaps_until_failure == 0) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	if (mmaps_until_failure > 0)
		mmaps_until_failure--;
	return __real_mmap(at, len, prot, flags, fd, off);
}

static void set_up(void)
{
	ck_assert_int_eq(pendings_init(&pendings, &key, NOW_MS), 0);
}

static void tear_down(void)
{
	pendings_fini(&pendings);
}

static struct datagram datagram(uint32_t ip, uint16_t port, const char *text)
{
	return (struct datagram){
		.data = bytes_str(text),
		.source = addr_ipv4(ip, port),
		.listener = 3,
		.tos = 0x2e,
	};
}

static enum pending_result add(const struct datagram *in)
{
	return pendings_add(&pendings, NOW_MS, in, &added);
}

static enum pending_result add_text(uint32_t ip, uint16_t port,
				    const char *text)
{
	struct datagram in = datagram(ip, port, text);

	return add(&in);
}

START_TEST(a_request_is_kept_as_it_came)
{
	char text[] = "request";
	struct datagram in = datagram(0x01020304, 5, text), kept;

	ck_assert_int_eq(add(&in), PENDING_ADDED);
	memset(text, 'x', sizeof(text)); /* it was borrowed, so copied */
	kept = pendings_datagram(&pendings, added);
	ck_assert(bytes_equal(kept.data, bytes_str("request")));
	ck_assert(addr_equal(&kept.source, &in.source));
	ck_assert_uint_eq(kept.listener, 3);
	ck_assert_uint_eq(kept.tos, 0x2e);
}
END_TEST

START_TEST(a_retransmission_joins_its_original)
{
	ck_assert_int_eq(add_text(1, 5, "request"), PENDING_ADDED);
	ck_assert_int_eq(add_text(1, 5, "request"), PENDING_JOINED);
	ck_assert_uint_eq(pendings.pool.used, 1);
	/* Any difference makes it another request. */
	ck_assert_int_eq(add_text(1, 6, "request"), PENDING_ADDED);
	ck_assert_int_eq(add_text(2, 5, "request"), PENDING_ADDED);
	ck_assert_int_eq(add_text(1, 5, "request!"), PENDING_ADDED);
	ck_assert_uint_eq(pendings.pool.used, 4);
}
END_TEST

START_TEST(another_listener_makes_it_another_request)
{
	struct datagram in = datagram(1, 5, "request");

	ck_assert_int_eq(add(&in), PENDING_ADDED);
	in.listener++;
	ck_assert_int_eq(add(&in), PENDING_ADDED);
}
END_TEST

START_TEST(the_fifth_of_one_address_is_refused)
{
	ck_assert_int_eq(add_text(1, 1, "a"), PENDING_ADDED);
	ck_assert_int_eq(add_text(1, 2, "b"), PENDING_ADDED);
	ck_assert_int_eq(add_text(1, 3, "c"), PENDING_ADDED);
	ck_assert_int_eq(add_text(1, 4, "d"), PENDING_ADDED);
	ck_assert_int_eq(add_text(1, 5, "e"), PENDING_REFUSED);
	/* Joining costs nothing, and others are not concerned. */
	ck_assert_int_eq(add_text(1, 4, "d"), PENDING_JOINED);
	ck_assert_int_eq(add_text(2, 5, "e"), PENDING_ADDED);
	pendings_remove(&pendings, added);
	ck_assert_int_eq(add_text(1, 5, "e"), PENDING_REFUSED);
}
END_TEST

START_TEST(one_answered_makes_room_for_one)
{
	ck_assert_int_eq(add_text(1, 1, "a"), PENDING_ADDED);
	ck_assert_int_eq(add_text(1, 2, "b"), PENDING_ADDED);
	ck_assert_int_eq(add_text(1, 3, "c"), PENDING_ADDED);
	ck_assert_int_eq(add_text(1, 4, "d"), PENDING_ADDED);
	pendings_remove(&pendings, added);
	ck_assert_int_eq(add_text(1, 5, "e"), PENDING_ADDED);
	ck_assert_int_eq(add_text(1, 6, "f"), PENDING_REFUSED);
}
END_TEST

START_TEST(the_257th_is_refused)
{
	for (uint32_t i = 0; i < PENDING_MAX; i++)
		ck_assert_int_eq(add_text(i, 1, "a"), PENDING_ADDED);
	ck_assert_int_eq(add_text(PENDING_MAX, 1, "a"), PENDING_REFUSED);
	pendings_remove(&pendings, added);
	ck_assert_int_eq(add_text(PENDING_MAX, 1, "a"), PENDING_ADDED);
}
END_TEST

START_TEST(what_is_too_large_is_refused)
{
	static uint8_t large[PENDING_DATA_BYTES + 1];
	struct datagram in = datagram(1, 1, "");

	in.data = bytes_of(large, sizeof(large));
	ck_assert_int_eq(add(&in), PENDING_REFUSED);
	in.data.len--;
	ck_assert_int_eq(add(&in), PENDING_ADDED);
	ck_assert(
		bytes_equal(pendings_datagram(&pendings, added).data, in.data));
}
END_TEST

START_TEST(each_has_ten_seconds)
{
	uint64_t due_ms = NOW_MS + PENDING_TIMEOUT_MS;

	ck_assert_int_eq(add_text(1, 1, "a"), PENDING_ADDED);
	ck_assert_uint_eq(timer_pop(&pendings.timers, due_ms - 1), POOL_NONE);
	ck_assert_uint_eq(timer_pop(&pendings.timers, due_ms + TIMER_TICK_MS),
			  added);
}
END_TEST

START_TEST(one_removed_has_no_timer_any_more)
{
	ck_assert_int_eq(add_text(1, 1, "a"), PENDING_ADDED);
	pendings_remove(&pendings, added);
	ck_assert_uint_eq(pendings.pool.used, 0);
	ck_assert_uint_eq(timer_next_ms(&pendings.timers), UINT64_MAX);
}
END_TEST

START_TEST(out_of_memory_holds_nothing)
{
	struct pendings p;

	for (int n = 0; n < 2; n++) {
		mmaps_until_failure = n;
		ck_assert_int_eq(pendings_init(&p, &key, NOW_MS), -ENOMEM);
		ck_assert_ptr_null(p.pool.base);
		ck_assert_ptr_null(p.by_source.heads);
	}
	mmaps_until_failure = -1;
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("pending");
	TCase *t = tcase_create("pending");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_request_is_kept_as_it_came);
	tcase_add_test(t, a_retransmission_joins_its_original);
	tcase_add_test(t, another_listener_makes_it_another_request);
	tcase_add_test(t, the_fifth_of_one_address_is_refused);
	tcase_add_test(t, one_answered_makes_room_for_one);
	tcase_add_test(t, the_257th_is_refused);
	tcase_add_test(t, what_is_too_large_is_refused);
	tcase_add_test(t, each_has_ten_seconds);
	tcase_add_test(t, one_removed_has_no_timer_any_more);
	tcase_add_test(t, out_of_memory_holds_nothing);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
