#include "turn/reply_budget.h"

#include <assert.h>
#include <errno.h>
#include <sys/mman.h>

#define SUB_WINDOWS (REPLY_BUDGET_WINDOW_S + 1)
#define TABLE_BYTES (REPLY_BUDGET_PLACES * sizeof(struct reply_budget_place))
#define CREDIT_BITS 8
#define CREDIT_UNIT 4
#define UNITS_MAX (REPLY_BUDGET_CREDIT_MAX / CREDIT_UNIT)

_Static_assert(sizeof(struct reply_budget_place) == 64, "one cache line");
_Static_assert(REPLY_BUDGET_DEBIT_MAX <= UINT16_MAX, "a debit has 16 bits");
_Static_assert(UNITS_MAX < 1 << CREDIT_BITS, "a credit has 8 bits");

int reply_budget_init(struct reply_budget *b, const struct hash_key *key)
{
	/* Touched now: a flood is to find no page that it can be first on. */
	void *table = mmap(NULL, TABLE_BYTES, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (table == MAP_FAILED)
		return -ENOMEM;
	*b = (struct reply_budget){ .key = *key, .places = table };
	return 0;
}

void reply_budget_fini(struct reply_budget *b)
{
	if (b->places)
		munmap(b->places, TABLE_BYTES);
	b->places = NULL;
}

struct addr reply_budget_prefix(const struct addr *a, uint8_t *bits)
{
	struct addr prefix = addr_with_port(a, 0);
	size_t kept = a->family == ADDR_IPV4 ? 3 : 6;

	memset(prefix.ip + kept, 0, sizeof(prefix.ip) - kept);
	*bits = (uint8_t)(8 * kept);
	return prefix;
}

/* The prefix in 56 bits, no two alike; never 0. */
static uint64_t prefix_of(const struct addr *a)
{
	uint8_t bits;
	struct addr prefix = reply_budget_prefix(a, &bits);
	uint64_t value = prefix.family;

	for (unsigned int i = 0; i < 6; i++)
		value = value << 8 | prefix.ip[i];
	return value;
}

static struct reply_budget_place *place_of(const struct reply_budget *b,
					   uint64_t prefix)
{
	uint64_t hash = hash_bytes(&b->key, bytes_of(&prefix, sizeof(prefix)));

	return &b->places[hash % REPLY_BUDGET_PLACES];
}

/* --- credit ----------------------------------------------------------------- */

/* What of the word is that prefix's, in units. */
static uint64_t units_of(uint64_t word, uint64_t prefix)
{
	return word >> CREDIT_BITS == prefix ? word & UNITS_MAX : 0;
}

static uint64_t credit_of(uint64_t prefix, uint64_t units)
{
	return prefix << CREDIT_BITS | (units < UNITS_MAX ? units : UNITS_MAX);
}

static void give_credit(struct reply_budget_place *p, uint64_t prefix,
			uint64_t units)
{
	uint64_t word = atomic_load(&p->credit), after;

	do {
		after = credit_of(prefix, units_of(word, prefix) + units);
		if (after == word)
			return;
	} while (!atomic_compare_exchange_weak(&p->credit, &word, after));
}

/* Takes what there is, at most so many; returns how many. */
static uint64_t take_credit(struct reply_budget_place *p, uint64_t prefix,
			    uint64_t units)
{
	uint64_t word = atomic_load(&p->credit), taken;

	do {
		taken = units_of(word, prefix);
		if (taken > units)
			taken = units;
		if (!taken)
			return 0;
	} while (
		!atomic_compare_exchange_weak(&p->credit, &word, word - taken));
	return taken;
}

/* --- debits ----------------------------------------------------------------- */

/*
 * A sub-window is known by its second / 11 in 16 bits. One that has the same
 * again after 8 days is counted once more, which makes the bound stricter for
 * 10 s. Another worker may be a second ahead: what is one turn newer counts.
 */
static uint32_t turn_of(uint32_t debit)
{
	return debit >> 16;
}

static uint32_t bytes_in(uint32_t debit)
{
	return debit & UINT16_MAX;
}

static bool is_current(uint32_t debit, uint32_t turn)
{
	return ((turn_of(debit) - turn) & UINT16_MAX) <= 1;
}

/* The debits of the sub-window of that second and of the ten before. */
static uint32_t sum_debits(const struct reply_budget_place *p, uint64_t second)
{
	uint64_t now = second % SUB_WINDOWS;
	uint32_t sum = 0;

	for (uint64_t i = 0; i < SUB_WINDOWS; i++) {
		uint32_t debit = atomic_load(&p->debits[i]);
		uint64_t turn = second / SUB_WINDOWS - (i > now);

		if (is_current(debit, (uint32_t)turn & UINT16_MAX))
			sum += bytes_in(debit);
	}
	return sum;
}

/* Enters a debit; false if that alone would be too much. */
static bool enter(_Atomic uint32_t *slot, uint32_t turn, uint32_t bytes)
{
	uint32_t debit = atomic_load(slot), after;

	do {
		after = is_current(debit, turn) ? debit : turn << 16;
		if (bytes_in(after) + bytes > REPLY_BUDGET_DEBIT_MAX)
			return false;
		after += bytes;
	} while (!atomic_compare_exchange_weak(slot, &debit, after));
	return true;
}

static void take_back(_Atomic uint32_t *slot, uint32_t turn, uint32_t bytes)
{
	uint32_t debit = atomic_load(slot);

	while (is_current(debit, turn) && bytes_in(debit) >= bytes)
		if (atomic_compare_exchange_weak(slot, &debit, debit - bytes))
			return;
}

static bool may_debit(const struct reply_budget_place *p, uint64_t second,
		      size_t bytes)
{
	return sum_debits(p, second) + bytes <= REPLY_BUDGET_DEBIT_MAX;
}

static bool debit(struct reply_budget_place *p, uint64_t second, size_t bytes)
{
	_Atomic uint32_t *slot = &p->debits[second % SUB_WINDOWS];
	uint32_t turn = (uint32_t)(second / SUB_WINDOWS) & UINT16_MAX;

	if (!may_debit(p, second, bytes) || !enter(slot, turn, (uint32_t)bytes))
		return false;
	if (may_debit(p, second, 0))
		return true;
	take_back(slot, turn, (uint32_t)bytes);
	return false;
}

/* ---------------------------------------------------------------------------- */

/* Rounded down, what comes in; rounded up, what goes out. */
void reply_budget_received(struct reply_budget *b, const struct addr *from,
			   size_t bytes)
{
	uint64_t prefix = prefix_of(from);

	give_credit(place_of(b, prefix), prefix, bytes / CREDIT_UNIT);
}

bool reply_budget_has(const struct reply_budget *b, const struct addr *to,
		      size_t bytes, uint64_t now_ms)
{
	uint64_t prefix = prefix_of(to);
	const struct reply_budget_place *p = place_of(b, prefix);
	size_t credit = CREDIT_UNIT * units_of(atomic_load(&p->credit), prefix);

	return bytes <= credit || may_debit(p, now_ms / 1000, bytes - credit);
}

bool reply_budget_take(struct reply_budget *b, const struct addr *to,
		       size_t bytes, uint64_t now_ms)
{
	uint64_t prefix = prefix_of(to);
	struct reply_budget_place *p = place_of(b, prefix);
	uint64_t units = (bytes + CREDIT_UNIT - 1) / CREDIT_UNIT;
	uint64_t taken;

	if (!reply_budget_has(b, to, bytes, now_ms))
		return false;
	taken = take_credit(p, prefix, units);
	/* Credit that comes back late would be more than CREDIT_MAX. */
	return taken == units ||
	       debit(p, now_ms / 1000, CREDIT_UNIT * (units - taken));
}
