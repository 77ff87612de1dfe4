#include "turn/counters.h"

#include <assert.h>
#include <stdbool.h>

enum counters_method counters_method(uint16_t number)
{
	switch (number) {
#define X(id, name)     \
	case STUN_##id: \
		return COUNTERS_##id;
		COUNTERS_METHODS(X)
#undef X
	default:
		assert(false); /* a method without a counter */
		return COUNTERS_BINDING;
	}
}

enum counters_code counters_code(uint16_t code)
{
	switch (code) {
#define X(number)    \
	case number: \
		return COUNTERS_CODE_##number;
		COUNTERS_CODES(X)
#undef X
	default:
		assert(false); /* an error code without a counter */
		return COUNTERS_CODE_500;
	}
}

const char *counters_method_name(enum counters_method method)
{
	static const char *const names[] = {
#define X(id, name) [COUNTERS_##id] = name,
		COUNTERS_METHODS(X)
#undef X
	};

	assert((unsigned)method < COUNTERS_METHOD_COUNT);
	return names[method];
}

uint16_t counters_code_number(enum counters_code code)
{
	static const uint16_t numbers[] = {
#define X(number) [COUNTERS_CODE_##number] = number,
		COUNTERS_CODES(X)
#undef X
	};

	assert((unsigned)code < COUNTERS_CODE_COUNT);
	return numbers[code];
}

const char *counters_source_name(unsigned source)
{
	assert(source < COUNTERS_SOURCE_COUNT);
	return source == COUNTERS_SOURCE_UNKNOWN
		       ? "unknown"
		       : turn_source_name((enum turn_source)source);
}

const char *counters_auth_result_name(enum counters_auth_result result)
{
	static const char *const names[] = {
#define X(id, name) [COUNTERS_AUTH_##id] = name,
		COUNTERS_AUTH_RESULTS(X)
#undef X
	};

	assert((unsigned)result < COUNTERS_AUTH_RESULT_COUNT);
	return names[result];
}

void counters_auth(struct counters *c, unsigned source,
		   enum counters_auth_result result)
{
	assert(source < COUNTERS_SOURCE_COUNT);
	counter_add(&c->auth[source][result], 1);
	if (result != COUNTERS_AUTH_CHALLENGE &&
	    result != COUNTERS_AUTH_THROTTLED)
		counter_add(&c->judged, 1);
}

void counters_add(struct counters *sum, const struct counters *c)
{
	_Atomic uint64_t *to = (_Atomic uint64_t *)(void *)sum;
	const _Atomic uint64_t *from =
		(const _Atomic uint64_t *)(const void *)c;

	_Static_assert(sizeof(*c) % sizeof(*from) == 0, "numbers alone");
	for (size_t i = 0; i < sizeof(*c) / sizeof(*from); i++)
		counter_add(&to[i], counter_get(&from[i]));
}

void counters_add_realm(const struct counters *c, unsigned realm,
			struct counters_relayed *sum)
{
	const struct counters_traffic *t = &c->traffic[realm];

	assert(realm < TURN_REALMS_MAX);
	sum->to_peer_packets += counter_get(&t->to_peer_packets);
	sum->to_peer_bytes += counter_get(&t->to_peer_bytes);
	sum->to_client_packets += counter_get(&t->to_client_packets);
	sum->to_client_bytes += counter_get(&t->to_client_bytes);
}

void counters_add_realms(const struct counters *c, struct counters_relayed *sum)
{
	for (unsigned i = 0; i < TURN_REALMS_MAX; i++)
		counters_add_realm(c, i, sum);
}
