#include "ctl/metrics_coturn.h"

static void add_one(struct exposition *x, const char *name, const char *help,
		    uint64_t value)
{
	exposition_family(x, EXPOSITION_BARE_COUNTER, name, help);
	exposition_add(x, value, 0, NULL);
}

static uint64_t errors_of(const struct counters *n, enum counters_method method)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < COUNTERS_CODE_COUNT; i++)
		sum += counter_get(&n->errors[method][i]);
	return sum;
}

static void add_stun(struct exposition *x, const struct counters *n)
{
	uint64_t responses = counter_get(&n->responses[COUNTERS_BINDING]);
	uint64_t errors = errors_of(n, COUNTERS_BINDING);

	add_one(x, "stun_binding_request", "Binding requests.",
		counter_get(&n->requests[COUNTERS_BINDING]));
	add_one(x, "stun_binding_response", "Binding success responses.",
		responses - errors);
	add_one(x, "stun_binding_error", "Binding error responses.", errors);
}

static void add_401(struct exposition *x, const struct counters *n)
{
	uint64_t challenges = 0, sent = 0;

	for (unsigned i = 0; i < COUNTERS_SOURCE_COUNT; i++)
		challenges += counter_get(&n->auth[i][COUNTERS_AUTH_CHALLENGE]);
	for (unsigned i = 0; i < COUNTERS_METHOD_COUNT; i++)
		sent += counter_get(&n->errors[i][COUNTERS_CODE_401]);
	add_one(x, "turn_unauthenticated_401_requests",
		"Requests without credentials.", challenges);
	add_one(x, "turn_unauthenticated_401_responses", "401 responses.",
		sent);
	add_one(x, "turn_unauthenticated_401_dropped_responses",
		"Responses that the reply budget has held back.",
		counter_get(&n->dropped[DROP_REPLY_BUDGET]));
}

/* Which way each ending counts: from clients is on the way to peers. */
static const struct direction {
	const char *realms_name;
	const char *total_name;
	const char *help;
	size_t offset; /* in struct counters_relayed */
} directions[] = {
#define X(ending, help, field)                                              \
	{                                                                   \
		"turn_traffic_" ending, "turn_total_traffic_" ending, help, \
			offsetof(struct counters_relayed, field)            \
	}
	X("rcvp", "Packets received from clients.", to_peer_packets),
	X("rcvb", "Bytes received from clients.", to_peer_bytes),
	X("sentp", "Packets sent to clients.", to_client_packets),
	X("sentb", "Bytes sent to clients.", to_client_bytes),
	X("peer_rcvp", "Packets received from peers.", to_client_packets),
	X("peer_rcvb", "Bytes received from peers.", to_client_bytes),
	X("peer_sentp", "Packets sent to peers.", to_peer_packets),
	X("peer_sentb", "Bytes sent to peers.", to_peer_bytes),
#undef X
};

static uint64_t relayed(const struct counters_relayed *sum,
			const struct direction *d)
{
	return *(const uint64_t *)(const void *)((const uint8_t *)sum +
						 d->offset);
}

static void add_realms(struct exposition *x, const struct metrics_snapshot *s,
		       const struct counters *n, const struct direction *d)
{
	exposition_family(x, EXPOSITION_BARE_COUNTER, d->realms_name, d->help);
	for (unsigned i = 0; i < s->realm_count; i++) {
		const struct label realm = { "realm", s->realms[i].name };
		struct counters_relayed sum = { 0 };

		counters_add_realm(n, i, &sum);
		exposition_add(x, relayed(&sum, d), 1, &realm);
	}
}

static void add_traffic(struct exposition *x, const struct metrics_snapshot *s,
			const struct counters *n)
{
	struct counters_relayed sum = { 0 };

	counters_add_realms(n, &sum);
	for (size_t i = 0; i < sizeof(directions) / sizeof(directions[0]); i++)
		add_realms(x, s, n, &directions[i]);
	for (size_t i = 0; i < sizeof(directions) / sizeof(directions[0]); i++)
		add_one(x, directions[i].total_name, directions[i].help,
			relayed(&sum, &directions[i]));
}

static void add_allocations(struct exposition *x, const struct counters *n)
{
	const struct label type = { "type", "UDP" };

	exposition_family(x, EXPOSITION_GAUGE, "turn_total_allocations",
			  "Allocations that live.");
	exposition_add(x, counter_get(&n->allocations), 1, &type);
}

static void add_packets(struct exposition *x, const struct counters *n)
{
	struct counters_relayed sum = { 0 };
	uint64_t processed, dropped = 0;

	counters_add_realms(n, &sum);
	processed = sum.to_peer_packets + sum.to_client_packets;
	for (unsigned i = 0; i < COUNTERS_METHOD_COUNT; i++)
		processed += counter_get(&n->requests[i]);
	for (unsigned i = 0; i < DROP_REASON_COUNT; i++)
		dropped += counter_get(&n->dropped[i]);
	add_one(x, "turn_packet_processed", "Packets relayed, and requests.",
		processed);
	add_one(x, "turn_packet_dropped", "Packets dropped.", dropped);
}

void metrics_coturn_add(struct exposition *x, const struct metrics_snapshot *s,
			const struct counters *total)
{
	add_stun(x, total);
	add_401(x, total);
	add_traffic(x, s, total);
	add_allocations(x, total);
	add_packets(x, total);
}
