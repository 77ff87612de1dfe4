/* link: -Wl,--wrap=mmap */
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>

#include "turn/reply_budget.h"

#define NOW_MS UINT64_C(7000500)
#define ALL REPLY_BUDGET_DEBIT_MAX
#define HALF (ALL / 8 * 4)
#define AN_11TH (ALL / 44 * 4)

void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);

static bool mmap_fails;
static struct reply_budget budget;
static struct addr host;

void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off)
{
	if (!mmap_fails)
		return __real_mmap(at, len, prot, flags, fd, off);
	errno = ENOMEM;
	return MAP_FAILED;
}

static void set_up(void)
{
	static const struct hash_key key = { 5, 6 };

	ck_assert_int_eq(reply_budget_init(&budget, &key), 0);
	host = addr_ipv4(0xc0000201, 5000);
}

static void tear_down(void)
{
	reply_budget_fini(&budget);
}

static bool take(const struct addr *to, size_t bytes, uint64_t now_ms)
{
	bool has = reply_budget_has(&budget, to, bytes, now_ms);
	bool taken = reply_budget_take(&budget, to, bytes, now_ms);

	/* Nobody else is at it. */
	ck_assert_int_eq(has, taken);
	return taken;
}

START_TEST(out_of_memory)
{
	static const struct hash_key key = { 5, 6 };
	struct reply_budget none = { .places = NULL };

	mmap_fails = true;
	ck_assert_int_eq(reply_budget_init(&none, &key), -ENOMEM);
	mmap_fails = false;
	reply_budget_fini(&none);
}
END_TEST

/* So that a flood changes nothing about the memory in use. */
START_TEST(all_of_the_table_is_resident_from_the_start)
{
	static unsigned char pages[REPLY_BUDGET_PLACES];
	size_t len = REPLY_BUDGET_PLACES * sizeof(budget.places[0]);
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	ck_assert_int_eq(mincore(budget.places, len, pages), 0);
	for (size_t i = 0; i < len / page; i++)
		ck_assert(pages[i] & 1);
}
END_TEST

START_TEST(without_a_byte_received_the_allowance_is_left)
{
	ck_assert(!take(&host, ALL + 1, NOW_MS));
	ck_assert(take(&host, ALL - 100, NOW_MS));
	ck_assert(!take(&host, 101, NOW_MS));
	ck_assert(take(&host, 100, NOW_MS));
	ck_assert(!take(&host, 1, NOW_MS));
}
END_TEST

START_TEST(asking_changes_nothing)
{
	for (unsigned i = 0; i < 1000; i++)
		ck_assert(reply_budget_has(&budget, &host, ALL, NOW_MS));
	ck_assert(take(&host, ALL, NOW_MS));
}
END_TEST

/* Sent at the very end of a second, it counts for 10 s and no longer than to
 * the end of the eleventh. */
START_TEST(what_was_sent_counts_for_ten_seconds)
{
	uint64_t last_ms = NOW_MS / 1000 * 1000 + 999;

	ck_assert(take(&host, ALL, last_ms));
	for (unsigned i = 0; i <= 10000; i++)
		ck_assert(!take(&host, 4, last_ms + i));
	ck_assert(take(&host, ALL, last_ms + 10001));
}
END_TEST

START_TEST(each_second_is_forgotten_by_itself)
{
	for (unsigned i = 0; i < 11; i++)
		ck_assert(take(&host, AN_11TH, NOW_MS + 1000 * i));
	for (unsigned i = 11; i < 500; i++) {
		ck_assert(!take(&host, AN_11TH, NOW_MS + 1000 * i - 501));
		ck_assert(take(&host, AN_11TH, NOW_MS + 1000 * i));
		ck_assert(!take(&host, AN_11TH, NOW_MS + 1000 * i));
	}
}
END_TEST

START_TEST(what_was_received_can_be_sent_besides)
{
	ck_assert(take(&host, ALL, NOW_MS));
	reply_budget_received(&budget, &host, 92);
	ck_assert(!take(&host, 96, NOW_MS));
	ck_assert(take(&host, 92, NOW_MS));
	ck_assert(!take(&host, 4, NOW_MS));
	/* A refusal costs nothing: requests too small for an answer of their
	 * own add up to one. */
	for (unsigned i = 0; i < 3; i++) {
		reply_budget_received(&budget, &host, 28);
		ck_assert(!take(&host, 92, NOW_MS));
	}
	reply_budget_received(&budget, &host, 28);
	ck_assert(take(&host, 92, NOW_MS));
	ck_assert(take(&host, 20, NOW_MS));
	ck_assert(!take(&host, 4, NOW_MS));
}
END_TEST

START_TEST(credit_is_kept_up_to_its_maximum)
{
	for (unsigned i = 0; i < 100; i++)
		reply_budget_received(&budget, &host, 1400);
	ck_assert(!take(&host, ALL + REPLY_BUDGET_CREDIT_MAX + 1, NOW_MS));
	ck_assert(take(&host, ALL + REPLY_BUDGET_CREDIT_MAX, NOW_MS));
	ck_assert(!take(&host, 1, NOW_MS));
	ck_assert_uint_eq(ALL + REPLY_BUDGET_CREDIT_MAX, 64 * 1024);
}
END_TEST

/* Odd lengths are rounded to the strict side. */
START_TEST(lengths_are_rounded_against_the_sender)
{
	ck_assert(take(&host, ALL, NOW_MS));
	reply_budget_received(&budget, &host, 27);
	ck_assert(!take(&host, 25, NOW_MS));
	ck_assert(take(&host, 23, NOW_MS));
	ck_assert(!take(&host, 1, NOW_MS));
}
END_TEST

START_TEST(a_prefix_is_24_bits_or_48)
{
	static const uint8_t v6[16] = { 0x20, 1, 0xd, 0xb8, 0, 7, 0xff, 1 };
	static const uint8_t same[16] = {
		0x20, 1, 0xd, 0xb8, 0, 7, 0, [15] = 9
	};
	static const uint8_t other[16] = { 0x20, 1, 0xd, 0xb8, 0, 8 };
	struct addr a = addr_ipv4(0xc00002ff, 1), b = addr_ipv4(0xc0000300, 1);
	char text[ADDR_TEXT_BYTES];
	uint8_t bits;

	ck_assert(take(&host, ALL, NOW_MS));
	ck_assert(!take(&a, 4, NOW_MS));
	ck_assert(take(&b, ALL, NOW_MS));
	a = addr_ipv6(v6, 1);
	ck_assert(take(&a, ALL, NOW_MS));
	a = addr_ipv6(same, 2);
	ck_assert(!take(&a, 4, NOW_MS));
	b = addr_ipv6(other, 1);
	ck_assert(take(&b, ALL, NOW_MS));

	a = reply_budget_prefix(&a, &bits);
	ck_assert_str_eq(addr_print(&a, text), "2001:db8:7::");
	ck_assert_uint_eq(bits, 48);
	a = reply_budget_prefix(&host, &bits);
	ck_assert_str_eq(addr_print(&a, text), "192.0.2.0");
	ck_assert_uint_eq(bits, 24);
}
END_TEST

/* Decisions, "Answers": 1,000 clients behind one address all get their 401 at
 * once: 28 bytes, answered by 92 where the realm is "turn.example.com". */
START_TEST(an_office_behind_one_address_is_answered)
{
	for (unsigned i = 0; i < 1000; i++) {
		host.port = (uint16_t)(1024 + i);
		reply_budget_received(&budget, &host, 28);
		ck_assert(take(&host, 92, NOW_MS + i));
	}
}
END_TEST

/* What real clients say after their 401 pays for those of others. */
START_TEST(a_large_office_pays_for_itself)
{
	for (unsigned i = 0; i < 20000; i++) {
		host.port = (uint16_t)(1024 + i);
		reply_budget_received(&budget, &host, 28);
		ck_assert(take(&host, 92, NOW_MS));
		reply_budget_received(&budget, &host, 136);
	}
}
END_TEST

/* --- over any 10 s ------------------------------------------------------------ */

#define EVENTS 30000
#define SOURCES 3

static struct event {
	uint64_t ms;
	int64_t sent[SOURCES]; /* of all so far, less what was received */
} events[EVENTS + 1];

/* Prefixes that share one place, as one in REPLY_BUDGET_PLACES does. */
static void find_colliding(struct addr sources[SOURCES])
{
	uint32_t ip = 0x0b000001;

	sources[0] = addr_ipv4(ip, 1);
	ck_assert(take(&sources[0], ALL, NOW_MS - 60000));
	for (unsigned i = 1; i < SOURCES; ip += 256) {
		sources[i] = addr_ipv4(ip + 256, 1);
		if (!reply_budget_has(&budget, &sources[i], 4, NOW_MS - 60000))
			i++;
	}
}

static bool is_bounded_at(unsigned last, unsigned source)
{
	const struct event *end = &events[last];

	for (unsigned i = last; i-- > 0;) {
		if (end->sent[source] - events[i].sent[source] >
		    REPLY_BUDGET_BYTES)
			return false;
		/* The window that starts just after that event. */
		if (events[i].ms + 10000 <= end->ms)
			break;
	}
	return true;
}

/*
 * The decision itself, against every window of 10 s that ends with a reply,
 * for each of the sources, which share a place and lend each other nothing.
 */
static void expect_bound(unsigned sources, uint64_t seed)
{
	struct addr from[SOURCES];
	uint64_t now_ms = NOW_MS;
	unsigned refused = 0, sent = 0;

	find_colliding(from);
	for (unsigned n = 1; n <= EVENTS; n++) {
		unsigned i = (unsigned)(unit_random(&seed) % sources);
		size_t in = 20 + unit_random(&seed) % 40;
		size_t out = 32 + 4 * (unit_random(&seed) % 30);

		/* Now and then a sender that proved itself, or a pause. */
		if (unit_random(&seed) % 50 == 0)
			in = 1400;
		if (unit_random(&seed) % 4000 == 0)
			now_ms += unit_random(&seed) % 12000;
		now_ms += unit_random(&seed) % 5;
		events[n] = events[n - 1];
		events[n].ms = now_ms;
		reply_budget_received(&budget, &from[i], in);
		events[n].sent[i] -= (int64_t)in;
		if (!take(&from[i], out, now_ms)) {
			refused++;
			continue;
		}
		sent++;
		events[n].sent[i] += (int64_t)out;
		ck_assert(is_bounded_at(n, i));
	}
	ck_assert_uint_gt(refused, EVENTS / 10);
	ck_assert_uint_gt(sent, EVENTS / 10);
}

START_TEST(over_any_ten_seconds_it_is_64_kib_more_than_was_received)
{
	expect_bound(1, 1);
}
END_TEST

START_TEST(prefixes_that_collide_are_bounded_each)
{
	expect_bound(SOURCES, 2);
}
END_TEST

START_TEST(a_collision_makes_it_stricter)
{
	struct addr from[SOURCES];

	find_colliding(from);
	ck_assert(take(&from[0], HALF, NOW_MS));
	ck_assert(!take(&from[1], ALL - HALF + 4, NOW_MS));
	ck_assert(take(&from[1], ALL - HALF, NOW_MS));
	/* Credit is for who has sent it, and the last one's. */
	reply_budget_received(&budget, &from[0], 1020);
	ck_assert(!take(&from[1], 4, NOW_MS));
	reply_budget_received(&budget, &from[1], 40);
	ck_assert(!take(&from[0], 4, NOW_MS));
	ck_assert(!take(&from[1], 44, NOW_MS));
	ck_assert(take(&from[1], 40, NOW_MS));
}
END_TEST

/* --- several workers ---------------------------------------------------------- */

#define THREADS 4
#define TRIES 50000

struct task {
	pthread_t thread;
	uint64_t now_ms;
	uint64_t seed;
	uint64_t received, sent, refused;
};

static void *flood(void *arg)
{
	struct task *task = arg;

	for (unsigned i = 0; i < TRIES; i++) {
		size_t in = 20 + 4 * (unit_random(&task->seed) % 8);
		size_t out = 32 + 4 * (unit_random(&task->seed) % 40);

		reply_budget_received(&budget, &host, in);
		task->received += in;
		if (reply_budget_take(&budget, &host, out, task->now_ms))
			task->sent += out;
		else
			task->refused++;
	}
	return NULL;
}

/*
 * All within one window, at whose end the seconds turn: some workers have read
 * the new time already. Not one reply too many.
 */
START_TEST(workers_at_the_same_time_keep_it_together)
{
	struct task tasks[THREADS];
	uint64_t received = 0, sent = 0, refused = 0;

	for (unsigned round = 0; round < 3; round++) {
		uint64_t now_ms = NOW_MS + 60000 * round;

		received = sent = refused = 0;
		for (unsigned i = 0; i < THREADS; i++) {
			tasks[i] = (struct task){ .seed = i + 7 * round };
			tasks[i].now_ms = now_ms + 1000 * (i * round % 2);
			ck_assert_int_eq(pthread_create(&tasks[i].thread, NULL,
							flood, &tasks[i]),
					 0);
		}
		for (unsigned i = 0; i < THREADS; i++) {
			ck_assert_int_eq(pthread_join(tasks[i].thread, NULL),
					 0);
			received += tasks[i].received;
			sent += tasks[i].sent;
			refused += tasks[i].refused;
		}
		ck_assert_uint_le(sent, received + REPLY_BUDGET_BYTES);
		ck_assert_uint_gt(refused, 0);
		ck_assert_uint_gt(sent, REPLY_BUDGET_BYTES);
	}
}
END_TEST

/* With debits alone, which no credit hides. */
static void *spend(void *arg)
{
	struct task *task = arg;

	for (unsigned i = 0; i < TRIES; i++)
		if (reply_budget_take(&budget, &host, 32, task->now_ms))
			task->sent += 32;
	return NULL;
}

START_TEST(workers_whose_seconds_differ_see_each_others_debits)
{
	struct task tasks[THREADS];
	uint64_t sent = 0;

	for (unsigned i = 0; i < THREADS; i++) {
		tasks[i] = (struct task){ .now_ms = NOW_MS + 1000 * (i % 2) };
		ck_assert_int_eq(pthread_create(&tasks[i].thread, NULL, spend,
						&tasks[i]),
				 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		ck_assert_int_eq(pthread_join(tasks[i].thread, NULL), 0);
		sent += tasks[i].sent;
	}
	ck_assert_uint_le(sent, ALL);
	/* What a race refused is little. */
	ck_assert_uint_gt(sent, ALL - 32 * THREADS - 32);
	ck_assert(!take(&host, 32 * THREADS + 32, NOW_MS));
	ck_assert(!take(&host, 32 * THREADS + 32, NOW_MS + 10000));
}
END_TEST

START_TEST(who_is_late_sees_what_was_sent_meanwhile)
{
	ck_assert(take(&host, ALL, NOW_MS + 1000));
	ck_assert(!take(&host, 4, NOW_MS));
	ck_assert(!take(&host, 4, NOW_MS + 1000));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("reply_budget");
	TCase *t = tcase_create("reply_budget");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, out_of_memory);
	tcase_add_test(t, all_of_the_table_is_resident_from_the_start);
	tcase_add_test(t, without_a_byte_received_the_allowance_is_left);
	tcase_add_test(t, asking_changes_nothing);
	tcase_add_test(t, what_was_sent_counts_for_ten_seconds);
	tcase_add_test(t, each_second_is_forgotten_by_itself);
	tcase_add_test(t, what_was_received_can_be_sent_besides);
	tcase_add_test(t, credit_is_kept_up_to_its_maximum);
	tcase_add_test(t, lengths_are_rounded_against_the_sender);
	tcase_add_test(t, a_prefix_is_24_bits_or_48);
	tcase_add_test(t, an_office_behind_one_address_is_answered);
	tcase_add_test(t, a_large_office_pays_for_itself);
	tcase_add_test(
		t, over_any_ten_seconds_it_is_64_kib_more_than_was_received);
	tcase_add_test(t, prefixes_that_collide_are_bounded_each);
	tcase_add_test(t, a_collision_makes_it_stricter);
	tcase_add_test(t, workers_at_the_same_time_keep_it_together);
	tcase_add_test(t, workers_whose_seconds_differ_see_each_others_debits);
	tcase_add_test(t, who_is_late_sees_what_was_sent_meanwhile);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
