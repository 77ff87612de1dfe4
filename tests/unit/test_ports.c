/* link: -Wl,--wrap=calloc */
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "base/wire.h"
#include "turn/ports.h"

#define THREADS 4
#define ALICE 17
#define BOB 18

static bool calloc_fails;

void *__real_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);

void *__wrap_calloc(size_t count, size_t bytes)
{
	return calloc_fails ? NULL : __real_calloc(count, bytes);
}

static struct crypto *crypto;
static struct random rng;
static struct ports ports;

static void seed(struct random *r, struct crypto *c, uint8_t value)
{
	uint8_t bytes[RANDOM_SEED_BYTES] = { value };

	random_init(r, c, bytes);
}

static void setup(void)
{
	crypto = crypto_new();
	ck_assert_ptr_nonnull(crypto);
	seed(&rng, crypto, 1);
}

static void teardown(void)
{
	ports_fini(&ports);
	crypto_free(crypto);
}

static void open_ports(uint16_t min, uint16_t max)
{
	ck_assert_int_eq(ports_init(&ports, min, max), 0);
}

/* A port that must be found. (Check's own assertions report each success to
 * the parent process, which is slow where there are many.) */
static uint16_t take(enum ports_want want)
{
	uint16_t port = 0;

	if (!ports_take(&ports, &rng, want, &port))
		ck_abort_msg("no port found");
	if (port < ports.min || port > ports.max ||
	    (want != PORTS_ANY && port % 2) ||
	    (want == PORTS_EVEN_PAIR && port == ports.max))
		ck_abort_msg("port %u is not what was wanted", port);
	return port;
}

static void must_find_none(enum ports_want want)
{
	uint16_t port = 7;

	ck_assert(!ports_take(&ports, &rng, want, &port));
	ck_assert_uint_eq(port, 7);
}

static void must_be(uint32_t used, uint32_t reserved)
{
	uint32_t range = (uint32_t)ports.max - ports.min + 1;

	ck_assert_uint_eq(atomic_load(&ports.used), used);
	ck_assert_uint_eq(atomic_load(&ports.reserved), reserved);
	ck_assert_uint_eq(ports_free(&ports), range - used - reserved);
}

/* --- taking and giving ---------------------------------------------------- */

static const struct {
	uint16_t min;
	uint16_t max;
	uint32_t ports;
	uint32_t even;
	uint32_t pairs;
} ranges[] = {
	{ 1024, 1024, 1, 1, 0 },
	{ 1025, 1025, 1, 0, 0 },
	{ 1024, 1025, 2, 1, 1 },
	{ 1025, 1026, 2, 1, 0 },
	{ 1025, 1027, 3, 1, 1 },
	{ 1024, 1027, 4, 2, 2 },
	{ 1024, 1028, 5, 3, 2 },
	{ 65535, 65535, 1, 0, 0 },
	{ 65534, 65535, 2, 1, 1 },
	{ 65533, 65535, 3, 1, 1 },
	{ 49152, 65535, 16384, 8192, 8192 },
	{ 1024, 65535, 64512, 32256, 32256 },
};

/* Takes all there are of a kind, each once, then none; then all again. */
static void take_all(enum ports_want want, uint32_t count)
{
	static uint8_t seen[65536];
	uint32_t each = want == PORTS_EVEN_PAIR ? 2 : 1;

	for (int round = 0; round < 2; round++) {
		memset(seen, 0, sizeof(seen));
		for (uint32_t i = 0; i < count; i++) {
			uint16_t port = take(want);

			if (seen[port]++)
				ck_abort_msg("port %u given out twice", port);
		}
		must_find_none(want);
		must_be(count * each, 0);
		for (uint32_t port = 0; port < sizeof(seen); port++) {
			if (!seen[port])
				continue;
			ports_give(&ports, (uint16_t)port);
			if (want == PORTS_EVEN_PAIR)
				ports_give(&ports, (uint16_t)(port + 1));
		}
		must_be(0, 0);
	}
}

START_TEST(everything_can_be_taken)
{
	open_ports(ranges[_i].min, ranges[_i].max);
	must_be(0, 0);
	take_all(PORTS_ANY, ranges[_i].ports);
	take_all(PORTS_EVEN, ranges[_i].even);
	take_all(PORTS_EVEN_PAIR, ranges[_i].pairs);
}
END_TEST

/* One port left anywhere in a big range is found. */
START_TEST(the_last_one_is_found)
{
	const uint16_t last[] = { 49152, 49153, 50000, 65533, 65534, 65535 };

	open_ports(49152, 65535);
	for (uint32_t i = 0; i < 16384; i++)
		take(PORTS_ANY);
	for (size_t i = 0; i < sizeof(last) / sizeof(last[0]); i++) {
		must_find_none(PORTS_ANY);
		ports_give(&ports, last[i]);
		must_find_none(PORTS_EVEN_PAIR);
		if (last[i] % 2)
			must_find_none(PORTS_EVEN);
		ck_assert_uint_eq(take(last[i] % 2 ? PORTS_ANY : PORTS_EVEN),
				  last[i]);
	}
	ports_give(&ports, 65535);
	ports_give(&ports, 65534);
	ck_assert_uint_eq(take(PORTS_EVEN_PAIR), 65534);
	must_find_none(PORTS_ANY);
	must_be(16384, 0);
}
END_TEST

/* Both or neither: a half that is free stays free, and is counted so. */
START_TEST(pairs_are_whole)
{
	open_ports(1024, 1027);
	for (int i = 0; i < 4; i++)
		take(PORTS_ANY);
	ports_give(&ports, 1024);
	ports_give(&ports, 1027);
	must_find_none(PORTS_EVEN_PAIR);
	must_be(2, 0);
	ck_assert_uint_eq(take(PORTS_EVEN), 1024);
	must_find_none(PORTS_EVEN);
	ck_assert_uint_eq(take(PORTS_ANY), 1027);

	ports_give(&ports, 1025);
	ports_give(&ports, 1026);
	/* Neighbours, but the lower one is odd. */
	must_find_none(PORTS_EVEN_PAIR);
	ports_give(&ports, 1024);
	ck_assert_uint_eq(take(PORTS_EVEN_PAIR), 1024);
	/* Each half is given by itself. */
	ports_give(&ports, 1024);
	must_be(2, 0);
	ck_assert_uint_eq(take(PORTS_EVEN), 1024);
}
END_TEST

static int compare(const void *a, const void *b)
{
	return *(const uint16_t *)a - *(const uint16_t *)b;
}

/* RFC 8656 section 7.2 recommends randomized ports (RFC 6056). */
START_TEST(unpredictable)
{
	const int count = 4096;
	const enum ports_want want = (enum ports_want)_i;
	uint16_t taken[4096];
	uint32_t cells[64] = { 0 };
	double chi_square = 0;
	int successors = 0;

	open_ports(1024, 65535);
	for (int i = 0; i < count; i++) {
		taken[i] = take(want);
		cells[(taken[i] - 1024) / 1008]++;
		successors += i > 0 && taken[i] - taken[i - 1] == 2;
	}
	ck_assert_int_le(successors, 5);
	for (int i = 0; i < 64; i++)
		chi_square += (cells[i] - 64.0) * (cells[i] - 64.0) / 64;
	/* 63 degrees of freedom: 1 in 10,000 seeds exceeds 110. */
	ck_assert_double_lt(chi_square, 110);
	ck_assert_double_gt(chi_square, 25);
	qsort(taken, (size_t)count, sizeof(taken[0]), compare);
	for (int i = 1; i < count; i++)
		ck_assert_uint_lt(taken[i - 1], taken[i]);
}
END_TEST

/* The same seed takes the same ports: a run can be repeated. */
START_TEST(the_seed_decides)
{
	struct random other;
	uint16_t first[8];
	int same = 0;

	open_ports(49152, 65535);
	for (int i = 0; i < 8; i++)
		first[i] = take(PORTS_ANY);
	for (int i = 0; i < 8; i++)
		ports_give(&ports, first[i]);

	seed(&rng, crypto, 1);
	for (int i = 0; i < 8; i++)
		ck_assert_uint_eq(take(PORTS_ANY), first[i]);
	for (int i = 0; i < 8; i++)
		ports_give(&ports, first[i]);

	seed(&other, crypto, 2);
	for (int i = 0; i < 8; i++) {
		uint16_t port;

		ck_assert(ports_take(&ports, &other, PORTS_ANY, &port));
		same += port == first[i];
	}
	ck_assert_int_lt(same, 3);
}
END_TEST

/* A nearly full range still gives any of its ports, not the first ones. */
START_TEST(nearly_full)
{
	uint32_t upper = 0;

	open_ports(49152, 65535);
	for (uint32_t i = 0; i < 16384; i++)
		take(PORTS_ANY);
	for (int i = 0; i < 1000; i++) {
		uint16_t port;

		ports_give(&ports, 49160);
		ports_give(&ports, 60000);
		port = take(PORTS_ANY);
		upper += port == 60000;
		take(PORTS_ANY);
	}
	/* The search starts anywhere: in 10840 of 16384 places 60000 comes
	 * first. */
	ck_assert_uint_gt(upper, 600);
	ck_assert_uint_lt(upper, 720);
}
END_TEST

/* Among 256 ports a search in order decides; it leaves none out. */
START_TEST(the_last_one_is_always_found)
{
	open_ports(2000, 2255);
	for (int i = 0; i < 256; i++)
		take(PORTS_ANY);
	for (int i = 0; i < 10000; i++) {
		uint16_t port = (uint16_t)(2000 + i % 256);

		ports_give(&ports, port);
		if (take(PORTS_ANY) != port)
			ck_abort_msg("not port %u", port);
	}
}
END_TEST

/* The first free port after many that are taken is no likelier than others. */
START_TEST(half_full)
{
	int first = 0;

	open_ports(49152, 65535);
	for (int i = 0; i < 16384; i++)
		take(PORTS_ANY);
	for (uint32_t port = 57344; port <= 65535; port++)
		ports_give(&ports, (uint16_t)port);
	for (int i = 0; i < 10000; i++) {
		uint16_t port = take(PORTS_ANY);

		first += port == 57344;
		ports_give(&ports, port);
	}
	ck_assert_int_lt(first, 10);
}
END_TEST

START_TEST(no_memory)
{
	calloc_fails = true;
	ck_assert_int_eq(ports_init(&ports, 49152, 65535), -ENOMEM);
	calloc_fails = false;
	ports_fini(&ports);
	ports_fini(&ports);
}
END_TEST

/* --- owners --------------------------------------------------------------- */

static const struct ports_owner owners[] = {
	{ 0, { 0, 0 } },          { 0, { 0, 1 } },
	{ 1, { 2, 3 } },          { 255, { (1 << 22) - 1, UINT32_MAX } },
	{ 255, { 0, 0 } },        { 0, { (1 << 22) - 1, 0 } },
	{ 0, { 0, UINT32_MAX } },
};

START_TEST(owners_are_found)
{
	struct ports_owner found = { 9, { 9, 9 } };
	uint16_t port;

	open_ports(49152, 65535);
	port = take(PORTS_ANY);
	ck_assert(!ports_find(&ports, port, &found));

	for (size_t i = 0; i < sizeof(owners) / sizeof(owners[0]); i++) {
		const struct ports_owner *o = &owners[i];

		ports_publish(&ports, port, o);
		ck_assert(ports_find(&ports, port, &found));
		ck_assert_uint_eq(found.worker, o->worker);
		ck_assert_uint_eq(found.allocation.index, o->allocation.index);
		ck_assert_uint_eq(found.allocation.generation,
				  o->allocation.generation);
		ports_unpublish(&ports, port);
		ck_assert(!ports_find(&ports, port, &found));
	}

	ports_publish(&ports, port, &owners[3]);
	must_be(1, 0);
	ports_give(&ports, port);
	ck_assert(!ports_find(&ports, port, &found));
	must_be(0, 0);
}
END_TEST

START_TEST(others_have_no_owner)
{
	struct ports_owner found = { 9, { 9, 9 } };
	uint8_t token[PORTS_TOKEN_BYTES];

	open_ports(2000, 2001);
	ck_assert_uint_eq(take(PORTS_EVEN_PAIR), 2000);
	ports_publish(&ports, 2000, &owners[3]);
	ck_assert(ports_reserve(&ports, 2001, &rng, ALICE, 0, token));

	for (uint32_t port = 0; port <= UINT16_MAX; port++) {
		if (ports_find(&ports, (uint16_t)port, &found) !=
		    (port == 2000))
			ck_abort_msg("port %u", port);
	}
}
END_TEST

/* --- reservations --------------------------------------------------------- */

/* Takes a port, reserves it for Alice at time 1000 and says which. */
static uint16_t reserve(uint8_t token[PORTS_TOKEN_BYTES])
{
	uint16_t port = take(PORTS_ANY);

	ck_assert(ports_reserve(&ports, port, &rng, ALICE, 1000, token));
	return port;
}

static bool redeem(const uint8_t token[PORTS_TOKEN_BYTES], uint64_t user,
		   uint64_t now_ms, uint16_t *port)
{
	return ports_redeem(&ports, token, user, now_ms, port);
}

START_TEST(redeemed_once)
{
	uint8_t token[PORTS_TOKEN_BYTES];
	uint16_t port = 0;
	uint16_t reserved;

	open_ports(2000, 2009);
	reserved = reserve(token);
	must_be(0, 1);
	ck_assert(redeem(token, ALICE, 1000, &port));
	ck_assert_uint_eq(port, reserved);
	must_be(1, 0);

	port = 7;
	ck_assert(!redeem(token, ALICE, 1000, &port));
	ck_assert(!ports_expire(&ports, token));
	ck_assert_uint_eq(port, 7);
	must_be(1, 0);
	ports_give(&ports, reserved);
	must_be(0, 0);
}
END_TEST

START_TEST(reserved_is_not_free)
{
	uint8_t token[PORTS_TOKEN_BYTES];

	open_ports(2000, 2000);
	ck_assert_uint_eq(reserve(token), 2000);
	must_find_none(PORTS_ANY);
	must_find_none(PORTS_EVEN);
	ck_assert(ports_expire(&ports, token));
	must_be(0, 0);
	ck_assert_uint_eq(take(PORTS_ANY), 2000);
}
END_TEST

/* RFC 8656 section 7.2: held for 30 s. */
START_TEST(held_for_its_time)
{
	uint8_t token[PORTS_TOKEN_BYTES];
	uint16_t port = 0;

	open_ports(2000, 2009);
	reserve(token);
	ck_assert(!redeem(token, ALICE, 31000, &port));
	ck_assert(!redeem(token, ALICE, UINT64_MAX, &port));
	must_be(0, 1);
	ck_assert(redeem(token, ALICE, 30999, &port));

	/* The one whose time is over is ended by ports_expire(), once. */
	ports_give(&ports, port);
	reserve(token);
	ck_assert(!redeem(token, ALICE, 31000, &port));
	ck_assert(ports_expire(&ports, token));
	ck_assert(!ports_expire(&ports, token));
	ck_assert(!redeem(token, ALICE, 1000, &port));
	must_be(0, 0);
}
END_TEST

START_TEST(for_its_user_only)
{
	uint8_t token[PORTS_TOKEN_BYTES];
	uint16_t port = 0;
	uint16_t reserved;

	open_ports(2000, 2009);
	reserved = reserve(token);
	ck_assert(!redeem(token, BOB, 1000, &port));
	ck_assert(!redeem(token, 0, 1000, &port));
	/* Nothing is lost by the attempt. */
	ck_assert(redeem(token, ALICE, 1000, &port));
	ck_assert_uint_eq(port, reserved);
}
END_TEST

START_TEST(unknown_tokens)
{
	uint8_t token[PORTS_TOKEN_BYTES];
	uint8_t other[PORTS_TOKEN_BYTES] = { 0 };
	uint16_t port = 7;

	open_ports(2000, 2009);
	ck_assert(!redeem(other, 0, 0, &port));
	ck_assert(!ports_expire(&ports, other));
	reserve(token);
	/* Each bit counts. */
	for (int bit = 0; bit < 64; bit++) {
		memcpy(other, token, sizeof(other));
		other[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ck_assert(!redeem(other, ALICE, 1000, &port));
		ck_assert(!ports_expire(&ports, other));
	}
	memset(other, 0, sizeof(other));
	ck_assert(!redeem(other, 0, 0, &port));
	ck_assert(!ports_expire(&ports, other));
	memset(other, 0xff, sizeof(other));
	ck_assert(!redeem(other, 0, 0, &port));
	ck_assert(!ports_expire(&ports, other));
	ck_assert_uint_eq(port, 7);
	must_be(0, 1);
}
END_TEST

/* A slot that somebody is filling belongs to no token, whatever it holds. */
START_TEST(busy_slots)
{
	uint8_t all_ones[PORTS_TOKEN_BYTES];
	uint16_t port = 7;

	open_ports(2000, 2009);
	memset(all_ones, 0xff, sizeof(all_ones));
	for (int i = 0; i < PORTS_RESERVATIONS_MAX; i++)
		atomic_store(&ports.reservations[i].token, UINT64_MAX);
	ck_assert(!redeem(all_ones, 0, 0, &port));
	ck_assert(!ports_expire(&ports, all_ones));
	ck_assert_uint_eq(port, 7);
	ck_assert(!ports_reserve(&ports, take(PORTS_ANY), &rng, ALICE, 0,
				 all_ones));
	must_be(1, 0);
}
END_TEST

START_TEST(table_of_reservations)
{
	static uint8_t tokens[PORTS_RESERVATIONS_MAX][PORTS_TOKEN_BYTES];
	uint8_t one_more[PORTS_TOKEN_BYTES];
	uint16_t port;

	open_ports(49152, 65535);
	for (int i = 0; i < PORTS_RESERVATIONS_MAX; i++) {
		reserve(tokens[i]);
		for (int j = 0; j < i; j++) {
			if (!memcmp(tokens[i], tokens[j], PORTS_TOKEN_BYTES))
				ck_abort_msg("tokens %d and %d are the same", i,
					     j);
		}
	}
	port = take(PORTS_ANY);
	ck_assert(!ports_reserve(&ports, port, &rng, ALICE, 1000, one_more));
	must_be(1, PORTS_RESERVATIONS_MAX);
	/* The port is still the caller's. */
	ck_assert(ports_expire(&ports, tokens[500]));
	ck_assert(ports_reserve(&ports, port, &rng, ALICE, 1000, one_more));
	ck_assert_mem_ne(one_more, tokens[500], PORTS_TOKEN_BYTES);
	ck_assert(!ports_expire(&ports, tokens[500]));
	must_be(0, PORTS_RESERVATIONS_MAX);

	ck_assert(ports_expire(&ports, one_more));
	for (int i = 0; i < PORTS_RESERVATIONS_MAX; i++)
		ck_assert(ports_expire(&ports, tokens[i]) == (i != 500));
	must_be(0, 0);
}
END_TEST

/* --- misuse --------------------------------------------------------------- */

/* 2000 is free, 2001 taken, 2002 live, 2003 reserved. */
static void give(void *port)
{
	ports_give(&ports, *(const uint16_t *)port);
}

static void publish(void *port)
{
	ports_publish(&ports, *(const uint16_t *)port, &owners[1]);
}

static void unpublish(void *port)
{
	ports_unpublish(&ports, *(const uint16_t *)port);
}

static void reserve_it(void *port)
{
	uint8_t token[PORTS_TOKEN_BYTES];

	ports_reserve(&ports, *(const uint16_t *)port, &rng, ALICE, 0, token);
}

static void publish_for(void *owner)
{
	ports_publish(&ports, 2001, owner);
}

static void init_range(void *range)
{
	const uint16_t *ends = range;
	struct ports other;

	ports_init(&other, ends[0], ends[1]);
}

START_TEST(misuse_is_an_assertion)
{
	const struct {
		uint16_t port;
		bool give, publish, unpublish, reserve;
	} fine[] = {
		{ 2000, false, false, false, false },
		{ 2001, true, true, false, true },
		{ 2002, true, false, true, false },
		{ 2003, false, false, false, false },
		{ 1999, false, false, false, false },
		{ 2004, false, false, false, false },
	};
	struct ports_owner bad[] = { { 256, { 0, 1 } }, { 0, { 1 << 22, 1 } } };
	uint16_t bad_ranges[][2] = { { 1023, 2000 }, { 2001, 2000 } };
	uint8_t token[PORTS_TOKEN_BYTES];

	open_ports(2000, 2003);
	for (int i = 0; i < 4; i++)
		take(PORTS_ANY);
	ports_give(&ports, 2000);
	ports_publish(&ports, 2002, &owners[0]);
	ck_assert(ports_reserve(&ports, 2003, &rng, ALICE, 0, token));

	for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
		uint16_t port = fine[i].port;

		ck_assert(unit_aborts(give, &port) == !fine[i].give);
		ck_assert(unit_aborts(publish, &port) == !fine[i].publish);
		ck_assert(unit_aborts(unpublish, &port) == !fine[i].unpublish);
		ck_assert(unit_aborts(reserve_it, &port) == !fine[i].reserve);
	}
	for (int i = 0; i < 2; i++) {
		ck_assert(unit_aborts(publish_for, &bad[i]));
		ck_assert(unit_aborts(init_range, bad_ranges[i]));
	}
}
END_TEST

/* --- several workers ------------------------------------------------------ */

#define CROWD_MIN 2000
#define CROWD_MAX 2060
#define CROWD_RANGE (CROWD_MAX - CROWD_MIN + 1)
#define ROUNDS 50
#define STEPS 2000
#define HOLD_MAX 40
#define SHARED_TOKENS 16

/* What threads see of each other. */
struct crowd {
	pthread_barrier_t barrier;
	_Atomic uint32_t holders[CROWD_RANGE]; /* per port: at most one */
	_Atomic uint32_t held;
	_Atomic uint32_t reserved;
	/* Tokens on offer: whoever takes one out may redeem or expire it,
	 * beside others who read it before. */
	_Atomic uint64_t tokens[SHARED_TOKENS];
	_Atomic uint32_t taken_twice;
	_Atomic uint32_t wrong_at_rest;
	_Atomic uint32_t redeemed;
	_Atomic uint32_t expired;
	_Atomic uint32_t lost; /* races for a token */
	_Atomic uint32_t found_none;
};

struct member {
	struct crowd *crowd;
	struct crypto *crypto;
	struct random rng;
	uint64_t state;
	uint16_t held[HOLD_MAX];
	uint32_t count;
};

static void hold(struct member *m, uint16_t port)
{
	struct crowd *c = m->crowd;

	if (atomic_fetch_add(&c->holders[port - CROWD_MIN], 1) != 0)
		atomic_fetch_add(&c->taken_twice, 1);
	atomic_fetch_add(&c->held, 1);
	m->held[m->count++] = port;
}

static uint16_t drop(struct member *m)
{
	uint32_t at = (uint32_t)(unit_random(&m->state) % m->count);
	uint16_t port = m->held[at];

	m->held[at] = m->held[--m->count];
	atomic_fetch_sub(&m->crowd->holders[port - CROWD_MIN], 1);
	atomic_fetch_sub(&m->crowd->held, 1);
	return port;
}

static void member_take(struct member *m, enum ports_want want)
{
	uint16_t port;

	if (m->count + 2 > HOLD_MAX)
		return;
	if (!ports_take(&ports, &m->rng, want, &port)) {
		atomic_fetch_add(&m->crowd->found_none, 1);
		return;
	}
	hold(m, port);
	if (want == PORTS_EVEN_PAIR)
		hold(m, (uint16_t)(port + 1));
}

/* Reserves a held port, unless its place in the row is occupied. */
static void member_reserve(struct member *m)
{
	struct crowd *c = m->crowd;
	_Atomic uint64_t *place =
		&c->tokens[unit_random(&m->state) % SHARED_TOKENS];
	uint8_t token[PORTS_TOKEN_BYTES];
	uint64_t expected = 0;
	uint16_t port;

	/* 1 is no token: a mark that the place is being filled. */
	if (!atomic_compare_exchange_strong(place, &expected, 1))
		return;
	port = drop(m);
	atomic_fetch_add(&c->reserved, 1);
	if (!ports_reserve(&ports, port, &m->rng, ALICE, 0, token))
		abort();
	atomic_store(place, wire_get_u64(token));
}

/* Several threads may read the same token: one of them wins it. */
static void member_end(struct member *m, bool by_expiry)
{
	struct crowd *c = m->crowd;
	_Atomic uint64_t *place =
		&c->tokens[unit_random(&m->state) % SHARED_TOKENS];
	uint64_t value = atomic_load(place);
	uint8_t token[PORTS_TOKEN_BYTES];
	uint16_t port;

	if (value <= 1 || m->count == HOLD_MAX)
		return;
	wire_put_u64(token, value);
	if (by_expiry) {
		if (!ports_expire(&ports, token)) {
			atomic_fetch_add(&c->lost, 1);
			return;
		}
		atomic_fetch_add(&c->expired, 1);
	} else {
		/* Others have no effect. */
		if (ports_redeem(&ports, token, BOB, 0, &port))
			abort();
		if (!ports_redeem(&ports, token, ALICE, 0, &port)) {
			atomic_fetch_add(&c->lost, 1);
			return;
		}
		hold(m, port);
		atomic_fetch_add(&c->redeemed, 1);
	}
	atomic_fetch_sub(&c->reserved, 1);
	if (!atomic_compare_exchange_strong(place, &value, 0))
		abort();
}

static void member_publish(struct member *m)
{
	uint16_t port = m->held[unit_random(&m->state) % m->count];
	const struct ports_owner owner = { 3, { port, 77 } };
	struct ports_owner found;

	ports_publish(&ports, port, &owner);
	if (!ports_find(&ports, port, &found) || found.allocation.index != port)
		abort();
	if (unit_random(&m->state) & 1) {
		ports_unpublish(&ports, port);
		return;
	}
	/* Given while it is published. */
	for (uint32_t i = 0; i < m->count; i++) {
		if (m->held[i] == port)
			m->held[i] = m->held[--m->count];
	}
	atomic_fetch_sub(&m->crowd->holders[port - CROWD_MIN], 1);
	atomic_fetch_sub(&m->crowd->held, 1);
	ports_give(&ports, port);
}

static void member_step(struct member *m)
{
	switch (unit_random(&m->state) % 8) {
	case 0:
	case 1:
		member_take(m, PORTS_ANY);
		break;
	case 2:
		member_take(m, PORTS_EVEN);
		break;
	case 3:
		member_take(m, PORTS_EVEN_PAIR);
		break;
	case 4:
		if (m->count > 0)
			ports_give(&ports, drop(m));
		break;
	case 5:
		if (m->count > 0)
			member_publish(m);
		break;
	case 6:
		if (m->count > 0)
			member_reserve(m);
		break;
	default:
		member_end(m, unit_random(&m->state) & 1);
	}
}

/* While all wait: what is counted is what is held. */
static void check_at_rest(struct crowd *c)
{
	uint32_t held = atomic_load(&c->held);
	uint32_t reserved = atomic_load(&c->reserved);

	if (atomic_load(&ports.used) != held ||
	    atomic_load(&ports.reserved) != reserved ||
	    ports_free(&ports) + held + reserved != CROWD_RANGE)
		atomic_fetch_add(&c->wrong_at_rest, 1);
}

static void *member_run(void *arg)
{
	struct member *m = arg;

	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < STEPS; i++)
			member_step(m);
		if (pthread_barrier_wait(&m->crowd->barrier) ==
		    PTHREAD_BARRIER_SERIAL_THREAD)
			check_at_rest(m->crowd);
		pthread_barrier_wait(&m->crowd->barrier);
	}
	while (m->count > 0)
		ports_give(&ports, drop(m));
	return NULL;
}

static void run_threads(void *(*run)(void *), void *arguments, size_t bytes)
{
	pthread_t threads[THREADS];

	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(
			pthread_create(&threads[i], NULL, run,
				       (uint8_t *)arguments + i * bytes),
			0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

START_TEST(threads_conserve_ports)
{
	struct crowd c = { 0 };
	struct member members[THREADS] = { 0 };

	open_ports(CROWD_MIN, CROWD_MAX);
	pthread_barrier_init(&c.barrier, NULL, THREADS);
	for (uint8_t i = 0; i < THREADS; i++) {
		members[i].crowd = &c;
		members[i].crypto = crypto_new();
		members[i].state = i;
		seed(&members[i].rng, members[i].crypto, i);
	}
	run_threads(member_run, members, sizeof(members[0]));
	pthread_barrier_destroy(&c.barrier);
	for (int i = 0; i < THREADS; i++)
		crypto_free(members[i].crypto);

	ck_assert_uint_eq(c.taken_twice, 0);
	ck_assert_uint_eq(c.wrong_at_rest, 0);
	ck_assert_uint_gt(c.redeemed, 0);
	ck_assert_uint_gt(c.expired, 0);
	ck_assert_uint_gt(c.found_none, 0);

	/* What is still reserved ends now; then everything is free. */
	for (int i = 0; i < SHARED_TOKENS; i++) {
		uint8_t token[PORTS_TOKEN_BYTES];

		wire_put_u64(token, c.tokens[i]);
		ck_assert(ports_expire(&ports, token) == (c.tokens[i] != 0));
	}
	must_be(0, 0);
	take_all(PORTS_ANY, CROWD_RANGE);
}
END_TEST

/* A pair and a single port of the same two: never more than there are. */
struct rival {
	_Atomic uint32_t *holders;
	_Atomic uint32_t *failures;
	struct crypto *crypto;
	struct random rng;
	enum ports_want want;
};

static void *rival_run(void *arg)
{
	struct rival *r = arg;
	uint32_t each = r->want == PORTS_EVEN_PAIR ? 2 : 1;

	for (int i = 0; i < 80000; i++) {
		uint16_t port;

		if (!ports_take(&ports, &r->rng, r->want, &port))
			continue;
		if (atomic_fetch_add(r->holders, each) + each > 2)
			atomic_fetch_add(r->failures, 1);
		atomic_fetch_sub(r->holders, each);
		for (uint32_t n = 0; n < each; n++)
			ports_give(&ports, (uint16_t)(port + n));
	}
	return NULL;
}

START_TEST(threads_after_the_same_pair)
{
	_Atomic uint32_t holders = 0;
	_Atomic uint32_t failures = 0;
	struct rival rivals[THREADS];

	open_ports(2000, 2001);
	for (uint8_t i = 0; i < THREADS; i++) {
		rivals[i] = (struct rival){
			.holders = &holders,
			.failures = &failures,
			.crypto = crypto_new(),
			.want = i % 2 ? PORTS_ANY : PORTS_EVEN_PAIR,
		};
		seed(&rivals[i].rng, rivals[i].crypto, i);
	}
	run_threads(rival_run, rivals, sizeof(rivals[0]));
	for (int i = 0; i < THREADS; i++)
		crypto_free(rivals[i].crypto);
	ck_assert_uint_eq(failures, 0);
	must_be(0, 0);
	ck_assert_uint_eq(take(PORTS_EVEN_PAIR), 2000);
}
END_TEST

/*
 * One thread reserves the only port again and again; the others all try to
 * end each reservation, by redeeming it or letting it expire: one succeeds.
 */
#define RESERVATIONS 50000

struct race {
	_Atomic uint64_t token; /* the newest */
	_Atomic bool over;
	_Atomic uint32_t redeemed;
	_Atomic uint32_t expired;
};

struct racer {
	struct race *race;
	uint64_t number;
};

static void run_reserver(struct race *race)
{
	for (int i = 0; i < RESERVATIONS; i++) {
		uint8_t token[PORTS_TOKEN_BYTES];
		uint16_t port;

		while (!ports_take(&ports, &rng, PORTS_ANY, &port))
			sched_yield();
		if (!ports_reserve(&ports, port, &rng, ALICE, 0, token))
			abort();
		atomic_store(&race->token, wire_get_u64(token));
	}
	while (ports_free(&ports) == 0)
		sched_yield();
	atomic_store(&race->over, true);
}

static void *racer_run(void *arg)
{
	struct racer *r = arg;
	uint64_t last = 0;

	if (r->number == 0)
		run_reserver(r->race);
	while (!atomic_load(&r->race->over)) {
		uint64_t value = atomic_load(&r->race->token);
		uint8_t token[PORTS_TOKEN_BYTES];
		uint16_t port;

		if (value == last) {
			sched_yield();
			continue;
		}
		last = value;
		wire_put_u64(token, value);
		/* Now this way, now that, and neighbours differently: so
		 * both happen however the threads are scheduled. */
		if (((value >> 32) + r->number) % 2 == 0) {
			if (ports_expire(&ports, token))
				atomic_fetch_add(&r->race->expired, 1);
		} else if (ports_redeem(&ports, token, ALICE, 0, &port)) {
			atomic_fetch_add(&r->race->redeemed, 1);
			ports_give(&ports, port);
		}
	}
	return NULL;
}

START_TEST(redeem_or_expire)
{
	struct race race = { 0 };
	struct racer racers[THREADS];

	open_ports(2000, 2000);
	for (uint64_t i = 0; i < THREADS; i++)
		racers[i] = (struct racer){ &race, i };
	run_threads(racer_run, racers, sizeof(racers[0]));
	ck_assert_uint_eq(race.redeemed + race.expired, RESERVATIONS);
	ck_assert_uint_gt(race.redeemed, 0);
	ck_assert_uint_gt(race.expired, 0);
	must_be(0, 0);
}
END_TEST

static Suite *ports_suite(void)
{
	Suite *s = suite_create("ports");
	TCase *taking = tcase_create("taking");
	TCase *owning = tcase_create("owning");
	TCase *reserving = tcase_create("reserving");
	TCase *threads = tcase_create("threads");
	int range_count = (int)(sizeof(ranges) / sizeof(ranges[0]));

	tcase_add_checked_fixture(taking, setup, teardown);
	tcase_set_timeout(taking, 60);
	tcase_add_loop_test(taking, everything_can_be_taken, 0, range_count);
	tcase_add_test(taking, the_last_one_is_found);
	tcase_add_test(taking, pairs_are_whole);
	tcase_add_loop_test(taking, unpredictable, PORTS_ANY,
			    PORTS_EVEN_PAIR + 1);
	tcase_add_test(taking, the_seed_decides);
	tcase_add_test(taking, nearly_full);
	tcase_add_test(taking, the_last_one_is_always_found);
	tcase_add_test(taking, half_full);
	tcase_add_test(taking, no_memory);
	tcase_add_test(taking, misuse_is_an_assertion);
	suite_add_tcase(s, taking);

	tcase_add_checked_fixture(owning, setup, teardown);
	tcase_set_timeout(owning, 60);
	tcase_add_test(owning, owners_are_found);
	tcase_add_test(owning, others_have_no_owner);
	suite_add_tcase(s, owning);

	tcase_add_checked_fixture(reserving, setup, teardown);
	tcase_set_timeout(reserving, 60);
	tcase_add_test(reserving, redeemed_once);
	tcase_add_test(reserving, reserved_is_not_free);
	tcase_add_test(reserving, held_for_its_time);
	tcase_add_test(reserving, for_its_user_only);
	tcase_add_test(reserving, unknown_tokens);
	tcase_add_test(reserving, busy_slots);
	tcase_add_test(reserving, table_of_reservations);
	suite_add_tcase(s, reserving);

	tcase_add_checked_fixture(threads, setup, teardown);
	tcase_set_timeout(threads, 120);
	tcase_add_test(threads, threads_conserve_ports);
	tcase_add_test(threads, threads_after_the_same_pair);
	tcase_add_test(threads, redeem_or_expire);
	suite_add_tcase(s, threads);
	return s;
}

UNIT_MAIN(ports_suite)
