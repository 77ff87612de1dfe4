#include <string.h>

#include "model.h"

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
