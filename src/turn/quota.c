#include "turn/quota.h"

#include <assert.h>
#include <errno.h>
#include <sys/mman.h>

/*
 * A slot is one word: the user's 48 bits, then the count in 16 bits. A user
 * lives in one of the WINDOW slots from its home on, in any of them, because
 * slots become free at any time.
 *
 *	0           free
 *	user, 0     claimed: being made sure that the user has no other slot
 *	user, n     settled: n charges
 *
 * Only a settled slot is counted up or down, and only the thread that claimed
 * a slot changes it until it is settled. All accesses are sequentially
 * consistent: of two threads that claim a slot for the same user, the later
 * one sees the other's when it looks through the window after its claim.
 */
#define WINDOW 32
#define COUNT_BITS 16
#define COUNT_MAX UINT16_MAX
#define USER_MAX ((UINT64_C(1) << 48) - 1)
#define TOTAL_MAX (UINT32_C(65535) * 16)

enum step {
	STEP_DONE,
	STEP_FULL,
	STEP_AGAIN, /* another thread was in the middle of something */
};

static uint64_t slot_user(uint64_t word)
{
	return word >> COUNT_BITS;
}

static uint32_t slot_count(uint64_t word)
{
	return (uint32_t)(word & COUNT_MAX);
}

static uint64_t claim_of(uint64_t user)
{
	return user << COUNT_BITS;
}

/* The slot at `step` in the user's window. */
static _Atomic uint64_t *slot_at(const struct quota *q, uint64_t user,
				 uint32_t step)
{
	return &q->slots[((uint32_t)user + step) & q->mask];
}

int quota_init(struct quota *q, uint32_t total_max, const struct hash_key *key)
{
	uint32_t slots = 4 * WINDOW;
	void *base;

	assert(total_max > 0 && total_max <= TOTAL_MAX);

	memset(q, 0, sizeof(*q));
	/* At most a quarter full: then WINDOW slots practically always do. */
	while (slots < 4 * total_max)
		slots *= 2;
	base = mmap(NULL, slots * sizeof(*q->slots), PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return -ENOMEM;

	q->slots = base;
	q->mapped_bytes = slots * sizeof(*q->slots);
	q->mask = slots - 1;
	q->total_max = q->total_sized = total_max;
	q->key = *key;
	return 0;
}

void quota_set_total(struct quota *q, uint32_t total_max)
{
	assert(total_max > 0 && total_max <= q->total_sized);
	atomic_store(&q->total_max, total_max);
}

void quota_fini(struct quota *q)
{
	if (!q->slots)
		return;
	munmap(q->slots, q->mapped_bytes);
	memset(q, 0, sizeof(*q));
}

uint64_t quota_user(const struct quota *q, struct bytes realm,
		    struct bytes name)
{
	struct hash_key key = q->key;
	uint64_t user;

	/* The realm makes the key: the two cannot run into one another. */
	key.k0 ^= hash_bytes(&q->key, realm);
	user = hash_bytes(&key, name) & USER_MAX;
	return user ? user : 1;
}

static bool charge_total(struct quota *q)
{
	uint32_t total = atomic_load(&q->total);

	while (total < q->total_max) {
		if (atomic_compare_exchange_weak(&q->total, &total, total + 1))
			return true;
	}
	return false;
}

static void return_total(struct quota *q)
{
	uint32_t before = atomic_fetch_sub(&q->total, 1);

	assert(before > 0);
}

/* The user's settled slot, or NULL; `*word` is what it held. */
static _Atomic uint64_t *find_settled(const struct quota *q, uint64_t user,
				      uint64_t *word)
{
	for (uint32_t i = 0; i < WINDOW; i++) {
		_Atomic uint64_t *slot = slot_at(q, user, i);

		*word = atomic_load(slot);
		if (slot_user(*word) == user && slot_count(*word) > 0)
			return slot;
	}
	return NULL;
}

static enum step charge_settled(_Atomic uint64_t *slot, uint64_t word,
				uint32_t count_max)
{
	if (slot_count(word) >= count_max)
		return STEP_FULL;
	if (!atomic_compare_exchange_strong(slot, &word, word + 1))
		return STEP_AGAIN;
	return STEP_DONE;
}

/* Claims a free slot of the window: its step, or WINDOW if all are taken. */
static uint32_t claim(struct quota *q, uint64_t user)
{
	for (uint32_t i = 0; i < WINDOW; i++) {
		uint64_t word = 0;

		if (atomic_compare_exchange_strong(slot_at(q, user, i), &word,
						   claim_of(user)))
			return i;
	}
	return WINDOW;
}

/*
 * Whether the slot claimed at step `mine` is the user's only one. It is not
 * if the user has a settled slot by now, or another claim that goes first:
 * the lower one does. A higher one may have been looked through before ours
 * was made, so its owner decides, and we wait for these few instructions.
 */
static bool is_only_slot(struct quota *q, uint64_t user, uint32_t mine)
{
	uint32_t i = 0;

	while (i < WINDOW) {
		uint64_t word = atomic_load(slot_at(q, user, i));

		if (i == mine || slot_user(word) != user)
			i++;
		else if (i < mine || word != claim_of(user))
			return false;
	}
	return true;
}

static enum step charge_claimed(struct quota *q, uint64_t user)
{
	uint32_t mine = claim(q, user);

	if (mine == WINDOW)
		return STEP_FULL;
	if (!is_only_slot(q, user, mine)) {
		atomic_store(slot_at(q, user, mine), 0);
		return STEP_AGAIN;
	}
	atomic_store(slot_at(q, user, mine), claim_of(user) + 1);
	return STEP_DONE;
}

static enum quota_result charge_user(struct quota *q, uint64_t user,
				     uint32_t count_max)
{
	for (;;) {
		uint64_t word;
		_Atomic uint64_t *slot = find_settled(q, user, &word);
		enum step step = slot ? charge_settled(slot, word, count_max)
				      : charge_claimed(q, user);

		if (step == STEP_DONE)
			return QUOTA_OK;
		if (step == STEP_FULL)
			return slot ? QUOTA_USER_FULL : QUOTA_TOTAL_FULL;
	}
}

enum quota_result quota_take(struct quota *q, uint64_t user, uint32_t user_max)
{
	uint32_t count_max = COUNT_MAX;
	enum quota_result result;

	assert(user > 0 && user <= USER_MAX);

	if (user_max > 0 && user_max < COUNT_MAX)
		count_max = user_max;
	if (!charge_total(q))
		return QUOTA_TOTAL_FULL;
	result = charge_user(q, user, count_max);
	if (result != QUOTA_OK)
		return_total(q);
	return result;
}

void quota_give(struct quota *q, uint64_t user)
{
	uint64_t word;
	_Atomic uint64_t *slot = find_settled(q, user, &word);
	uint64_t after;

	assert(slot);
	/* The slot stays the user's at least until our charge is returned. */
	do {
		assert(slot_user(word) == user && slot_count(word) > 0);
		after = slot_count(word) > 1 ? word - 1 : 0;
	} while (!atomic_compare_exchange_weak(slot, &word, after));
	return_total(q);
}

uint32_t quota_slots(const struct quota *q)
{
	return q->mask + 1;
}

uint32_t quota_slot(const struct quota *q, uint64_t user)
{
	uint64_t word;
	const _Atomic uint64_t *slot = find_settled(q, user, &word);

	assert(slot);
	return (uint32_t)(slot - q->slots);
}

uint32_t quota_of(const struct quota *q, uint64_t user)
{
	uint64_t word;

	return find_settled(q, user, &word) ? slot_count(word) : 0;
}
