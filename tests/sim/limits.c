#include "limits.h"

#include <stdlib.h>

#include "model.h"

/* Headers of IPv4 and UDP, which count as well. */
#define HEADER_BYTES 28
/* What a worker may hold: 10 ms of the rate, or the largest datagram. */
#define DATAGRAM_BYTES (SIM_PAYLOAD_MAX + HEADER_BYTES)

#define HELD_MS 10000

/* The rate of one kind of limit; 0: none. */
static double rate_of(const struct world *w, const struct model_allocation *a,
		      enum drop_reason kind)
{
	const struct rates_limits *limits = &w->config.limits.rates;

	if (kind == DROP_RATE_ALLOCATION)
		return (double)limits->allocation;
	if (kind == DROP_RATE_TOTAL)
		return (double)limits->total;
	return (double)(w->own_rates[a->user] ? w->own_rates[a->user]
					      : limits->user);
}

static struct sim_meter *meter_of(struct world *w, struct model_allocation *a,
				  enum drop_reason kind, enum rate_way way)
{
	if (kind == DROP_RATE_ALLOCATION)
		return &a->meters[way];
	if (kind == DROP_RATE_TOTAL)
		return &w->model.total_meters[way];
	return &w->model.user_meters[a->user][way];
}

static double burst_of(const struct world *w, double rate)
{
	double burst = rate * w->config.limits.rates.burst_s;

	return burst > 65535 ? burst : 65535;
}

/* What the workers may have drawn and not spent. */
static double held_by_workers(const struct world *w, double rate,
			      enum drop_reason kind)
{
	double slice = rate / 100;

	if (kind == DROP_RATE_ALLOCATION)
		return 0;
	return w->workers * (slice > DATAGRAM_BYTES ? slice : DATAGRAM_BYTES);
}

/*
 * The oracle's bucket leaks: its level is what came in less what has run out
 * since. It is emptied by the clock and never looks at the cores' numbers.
 */
static void leak(const struct world *w, struct sim_meter *m, double rate)
{
	m->level -= rate * (double)(w->now.mono_ms - m->at_ms) / 1000;
	m->at_ms = w->now.mono_ms;
	if (m->level > 0)
		return;
	m->level = 0;
	m->is_busy = false;
}

/* Over any time: rate x time + burst, and a slice of each worker. */
static void passed(struct world *w, struct model_allocation *a,
		   enum drop_reason kind, enum rate_way way, size_t len)
{
	struct sim_meter *m = meter_of(w, a, kind, way);
	double rate = rate_of(w, a, kind);

	if (rate == 0)
		return;
	leak(w, m, rate);
	m->level += (double)len + HEADER_BYTES;
	m->passed += (double)len + HEADER_BYTES;
	/* The cores count in whole bytes. */
	if (m->level > burst_of(w, rate) + held_by_workers(w, rate, kind) + 1)
		sim_fail(w, "%s: %.0f bytes more than its limit",
			 drop_reason_name(kind), m->level - burst_of(w, rate));
}

/*
 * Whoever is refused has used up the burst, but for what workers hold. From
 * one refusal to another at least 10 s later, without a pause between them,
 * it got its rate within 2 %.
 */
static void refused(struct world *w, struct model_allocation *a,
		    enum drop_reason kind, enum rate_way way, size_t len)
{
	struct sim_meter *m = meter_of(w, a, kind, way);
	double rate = rate_of(w, a, kind), owed;
	uint64_t busy_ms = w->now.mono_ms - m->busy_since_ms;

	if (rate == 0)
		sim_fail(w, "%s: there is none", drop_reason_name(kind));
	leak(w, m, rate);
	if (m->level + (double)len + HEADER_BYTES + rate / 1000 <=
	    burst_of(w, rate) - held_by_workers(w, rate, kind))
		sim_fail(w, "%s: refused with %.0f of %.0f bytes used",
			 drop_reason_name(kind), m->level, burst_of(w, rate));
	if (m->is_busy && busy_ms < HELD_MS)
		return;
	if (m->is_busy) {
		owed = rate * (double)busy_ms / 1000;
		if (m->passed > 1.02 * owed || m->passed < 0.98 * owed)
			sim_fail(w, "%s: %.0f bytes in %.1f s, not %.0f",
				 drop_reason_name(kind), m->passed,
				 (double)busy_ms / 1000, owed);
		sim_count(w, kind == DROP_RATE_ALLOCATION
				     ? SIM_HELD_ALLOCATION_RATE
			     : kind == DROP_RATE_USER ? SIM_HELD_USER_RATE
						      : SIM_HELD_TOTAL_RATE);
	}
	m->is_busy = true;
	m->busy_since_ms = w->now.mono_ms;
	m->passed = 0;
}

void limits_passed(struct world *w, struct model_allocation *a,
		   enum rate_way way, size_t len)
{
	passed(w, a, DROP_RATE_ALLOCATION, way, len);
	passed(w, a, DROP_RATE_USER, way, len);
	passed(w, a, DROP_RATE_TOTAL, way, len);
}

bool limits_refused(struct world *w, struct model_allocation *a,
		    enum rate_way way, size_t len, enum drop_reason reason)
{
	if (reason != DROP_RATE_ALLOCATION && reason != DROP_RATE_USER &&
	    reason != DROP_RATE_TOTAL)
		return false;
	refused(w, a, reason, way, len);
	return true;
}

/* --- new peers -------------------------------------------------------------------- */

static struct model_peer *find_peer(struct model_allocation *a,
				    const struct addr *peer)
{
	for (unsigned i = 0; i < SIM_PEERS_KNOWN; i++)
		if (addr_equal(&a->peers[i].addr, peer))
			return &a->peers[i];
	return NULL;
}

/* Whether it costs nothing to send to that peer now. */
static bool is_known(const struct world *w, const struct model_peer *p)
{
	return p && p->addr.family != ADDR_NONE &&
	       w->now.mono_ms / 1000 - p->last_ms / 1000 < 300;
}

static void refill(const struct world *w, struct model_allocation *a)
{
	const struct bucket_rate *rate = &w->config.limits.peers;

	a->peers_left += (double)rate->per_s *
			 (double)(w->now.mono_ms - a->peers_at_ms) / 1000;
	if (a->peers_left > (double)rate->burst)
		a->peers_left = (double)rate->burst;
	a->peers_at_ms = w->now.mono_ms;
}

void limits_begin(const struct world *w, struct model_allocation *a)
{
	a->peers_left = (double)w->config.limits.peers.burst;
	a->peers_at_ms = w->now.mono_ms;
}

/* The cores count in whole peers: up to one more or less than we do. */
static void charge(struct world *w, struct model_allocation *a)
{
	refill(w, a);
	if (a->peers_left <= 0)
		sim_fail(w, "more new peers than are allowed");
	a->peers_left--;
}

static void remember(struct world *w, struct model_allocation *a,
		     const struct addr *peer)
{
	struct model_peer *p = find_peer(a, peer);

	for (unsigned i = 0; !p && i < SIM_PEERS_KNOWN; i++)
		if (!is_known(w, &a->peers[i]))
			p = &a->peers[i];
	if (!p)
		sim_fail(w, "more peers than the model holds");
	*p = (struct model_peer){ *peer, w->now.mono_ms };
}

void limits_sent(struct world *w, struct model_allocation *a,
		 const struct addr *peer)
{
	const struct model_channel *c = model_find_channel_to(a, peer);

	if (!w->config.limits.peers.burst ||
	    (c && c->expires_ms > w->now.mono_ms))
		return;
	if (!is_known(w, find_peer(a, peer)))
		charge(w, a);
	remember(w, a, peer);
}

void limits_bound(struct world *w, struct model_allocation *a,
		  const struct addr *peer)
{
	struct model_peer *p = find_peer(a, peer);

	if (!w->config.limits.peers.burst)
		return;
	if (is_known(w, p))
		p->last_ms = w->now.mono_ms;
	else
		charge(w, a);
}

bool limits_may_refuse_peer(struct world *w, struct model_allocation *a,
			    const struct addr *peer)
{
	if (!w->config.limits.peers.burst || is_known(w, find_peer(a, peer)))
		return false;
	refill(w, a);
	return a->peers_left < 2;
}
