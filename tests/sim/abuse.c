#include <string.h>

#include "model.h"
#include "wire.h"

/*
 * What is spent on strangers, by the decision's own words and once more by the
 * rule that turn/reply_budget.h makes of them: the first must always hold, the
 * second says exactly which answers are sent.
 */

#define ALLOWANCE (64 * 1024)
#define CREDIT_MAX 1020

static struct model_prefix *prefix_of(struct world *w, const struct addr *a)
{
	for (unsigned i = 0; i < SIM_PREFIXES; i++) {
		struct model_prefix *p = &w->model.prefixes[i];

		if (!p->in_use) {
			p->in_use = true;
			memcpy(p->ip, a->ip, 3);
		}
		if (memcmp(p->ip, a->ip, 3) == 0)
			return p;
	}
	sim_fail(w, "more prefixes than the model holds");
}

/* The most that was sent in excess over any 10 s up to now. */
static int64_t excess_of(const struct world *w, const struct model_prefix *p)
{
	int64_t least = p->sent;

	for (uint64_t n = p->count; n > 0 && p->count - n < SIM_BUDGET_EVENTS;
	     n--) {
		const struct model_sent *x =
			&p->events[(n - 1) % SIM_BUDGET_EVENTS];

		if (x->at_ms + 10000 <= w->now.mono_ms)
			break;
		if (x->before < least)
			least = x->before;
	}
	return p->sent - least;
}

static void remember(struct world *w, struct model_prefix *p, int64_t bytes)
{
	p->events[p->count++ % SIM_BUDGET_EVENTS] =
		(struct model_sent){ w->now.mono_ms, p->sent };
	p->sent += bytes;
}

void model_received(struct world *w, const struct addr *from, size_t len)
{
	struct model_prefix *p = prefix_of(w, from);

	remember(w, p, -(int64_t)len);
	p->credit += (unsigned)len;
	if (p->credit > CREDIT_MAX)
		p->credit = CREDIT_MAX;
}

/* Of the second that it is, and of the ten before. */
static unsigned debits_of(const struct world *w, const struct model_prefix *p)
{
	uint64_t second = w->now.mono_ms / 1000;
	unsigned sum = 0;

	for (unsigned i = 0; i < SIM_DEBITS; i++)
		if (p->debits[i].second + 10 >= second)
			sum += p->debits[i].bytes;
	return sum;
}

static bool may_send(const struct world *w, const struct model_prefix *p,
		     unsigned len)
{
	return len <= p->credit ||
	       debits_of(w, p) + len - p->credit <= ALLOWANCE - CREDIT_MAX;
}

bool model_may_answer(struct world *w, const struct addr *to, size_t len)
{
	return may_send(w, prefix_of(w, to), (unsigned)len);
}

void model_answered(struct world *w, const struct addr *to, size_t len)
{
	struct model_prefix *p = prefix_of(w, to);
	uint64_t second = w->now.mono_ms / 1000;
	unsigned paid = len < p->credit ? (unsigned)len : p->credit;

	if (!may_send(w, p, (unsigned)len))
		sim_fail(w, "an answer to nobody we know, beyond the budget");
	remember(w, p, (int64_t)len);
	if (excess_of(w, p) > ALLOWANCE)
		sim_fail(w, "%lld bytes more than were received over 10 s",
			 (long long)excess_of(w, p));
	p->credit -= paid;
	if (p->debits[second % SIM_DEBITS].second != second)
		p->debits[second % SIM_DEBITS] =
			(struct model_debit){ .second = second };
	p->debits[second % SIM_DEBITS].bytes += (unsigned)len - paid;
}

/* --- wrong passwords ---------------------------------------------------------- */

/* 10 at once and 1/s for a name, 100 at once and 10/s for a source. */
#define OF_NAME 1000
#define OF_SOURCE 100
#define FULL_MS 10000 /* a whole burst of either */

/* The name or hash that the packet was sent with. */
static const uint8_t *name_of(const struct packet *p, size_t *len)
{
	const uint8_t *name = wire_find(p->bytes, p->len, 0x0006, len);

	return name ? name : wire_find(p->bytes, p->len, 0x001E, len);
}

static struct model_bucket *find_bucket(struct world *w, const struct addr *ip,
					const uint8_t *name, size_t len,
					bool proven)
{
	for (unsigned i = 0; i < w->model.bucket_count; i++) {
		struct model_bucket *b = &w->model.buckets[i];

		if (addr_same_ip(&b->ip, ip) && b->proven == proven &&
		    b->name_bytes == len && memcmp(b->name, name, len) == 0)
			return b;
	}
	return NULL;
}

static uint64_t owed_ms(const struct world *w, const struct model_bucket *b)
{
	uint64_t passed_ms = w->now.mono_ms - b->at_ms;

	return b->owed_ms > passed_ms ? b->owed_ms - passed_ms : 0;
}

static bool is_empty(struct world *w, const struct packet *p,
		     const uint8_t *name, size_t len, bool proven,
		     unsigned refill_ms)
{
	const struct model_bucket *b =
		find_bucket(w, &p->from, name, len, proven);

	return b && owed_ms(w, b) > FULL_MS - refill_ms;
}

bool model_is_shut(struct world *w, const struct packet *p, bool proven)
{
	size_t len;
	const uint8_t *name = name_of(p, &len);

	return is_empty(w, p, name, len, proven, OF_NAME) ||
	       is_empty(w, p, name, 0, proven, OF_SOURCE);
}

static void take(struct world *w, const struct packet *p, const uint8_t *name,
		 size_t len, unsigned refill_ms)
{
	bool proven = !p->intent.foreign_nonce;
	struct model_bucket *b = find_bucket(w, &p->from, name, len, proven);

	if (!b) {
		if (w->model.bucket_count == SIM_BUCKETS ||
		    len > SIM_NAME_BYTES)
			sim_fail(w, "more buckets than the model holds");
		b = &w->model.buckets[w->model.bucket_count++];
		*b = (struct model_bucket){
			.ip = p->from,
			.proven = proven,
			.name_bytes = len,
		};
		memcpy(b->name, name, len);
	}
	b->owed_ms = owed_ms(w, b) + refill_ms;
	b->at_ms = w->now.mono_ms;
	if (b->owed_ms > 2 * FULL_MS)
		b->owed_ms = 2 * FULL_MS;
}

void model_failed(struct world *w, const struct packet *p)
{
	size_t len;
	const uint8_t *name = name_of(p, &len);

	take(w, p, name, len, OF_NAME);
	take(w, p, name, 0, OF_SOURCE);
}
