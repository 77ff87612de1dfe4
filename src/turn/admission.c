#include "turn/admission.h"

#include "turn/refuse.h"

static uint32_t user_max(const struct request *r)
{
	const struct turn_limits *limits = &r->server->config.limits;
	const struct turn_realm *realm = &r->server->config.realms[r->realm];

	if (r->user->grant.allocations_max)
		return r->user->grant.allocations_max;
	if (realm->allocations_per_user)
		return realm->allocations_per_user;
	return source_is_listed(r->user->source)
		       ? limits->allocations_per_user
		       : limits->dynamic_allocations_per_user;
}

static uint32_t source_max(const struct request *r)
{
	const struct turn_limits *limits = &r->server->config.limits;

	return source_is_listed(r->user->source)
		       ? limits->allocations_per_source
		       : limits->dynamic_allocations_per_source;
}

/* One charge of the user. */
static uint16_t charge_user(struct request *r, uint64_t user)
{
	struct quota *quota = &r->server->shared->quota;
	uint32_t max = user_max(r);

	switch (quota_take(quota, user, max)) {
	case QUOTA_OK:
		return 0;
	case QUOTA_USER_FULL:
		return refuse(r, REFUSAL_USER_QUOTA, STUN_ALLOCATION_QUOTA,
			      max);
	case QUOTA_TOTAL_FULL:
		break;
	}
	return refuse(r, REFUSAL_TOTAL, STUN_INSUFFICIENT_CAPACITY,
		      quota->total_max);
}

static uint16_t charge_source(struct request *r, uint64_t *source)
{
	struct quota *sources = &r->server->shared->sources;
	struct addr ip = addr_with_port(&r->in->source, 0);
	uint32_t max = source_max(r);

	*source = 0;
	if (!max)
		return 0;
	*source = quota_user(sources, bytes_of(NULL, 0),
			     bytes_of(&ip, sizeof(ip)));
	switch (quota_take(sources, *source, max)) {
	case QUOTA_OK:
		return 0;
	case QUOTA_USER_FULL:
		*source = 0;
		return refuse(r, REFUSAL_SOURCE_QUOTA, STUN_ALLOCATION_QUOTA,
			      max);
	case QUOTA_TOTAL_FULL:
		break;
	}
	/* Its token, which should have brought a charge, is not good. */
	*source = 0;
	return refuse(r, REFUSAL_TOTAL, STUN_INSUFFICIENT_CAPACITY,
		      sources->total_max);
}

static uint16_t charge_realm(struct request *r)
{
	const struct turn_realm *realm = &r->server->config.realms[r->realm];
	_Atomic uint32_t *count = &r->server->shared->realms[r->realm];
	uint32_t before = atomic_fetch_add(count, 1);

	if (!realm->allocations_max || before < realm->allocations_max)
		return 0;
	atomic_fetch_sub(count, 1);
	return refuse(r, REFUSAL_REALM_QUOTA, STUN_INSUFFICIENT_CAPACITY,
		      realm->allocations_max);
}

static void return_user(struct turn_server *s, uint64_t user, unsigned ports)
{
	while (ports-- > 0)
		quota_give(&s->shared->quota, user);
}

uint16_t admission_charge(struct request *r, unsigned ports,
			  struct charges *out)
{
	struct turn_server *s = r->server;
	unsigned charged = 0;
	uint16_t code = 0;

	out->user = quota_user(&s->shared->quota, request_realm(r),
			       request_account(r));
	out->source = 0;
	for (; charged < ports && !code; charged += !code)
		code = charge_user(r, out->user);
	if (!code)
		code = charge_source(r, &out->source);
	if (!code) {
		code = charge_realm(r);
		if (!code)
			return 0;
	}
	if (out->source)
		quota_give(&s->shared->sources, out->source);
	return_user(s, out->user, charged);
	return code;
}

void admission_return(struct turn_server *s, const struct charges *charges,
		      uint8_t realm, unsigned ports)
{
	return_user(s, charges->user, ports);
	if (charges->source)
		quota_give(&s->shared->sources, charges->source);
	atomic_fetch_sub(&s->shared->realms[realm], 1);
}
