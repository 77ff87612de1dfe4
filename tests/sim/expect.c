#include <string.h>

#include "limits.h"
#include "model.h"

static struct expectation only(int code)
{
	return (struct expectation){ code, code, code, false, false };
}

/* What the address and the realm say to one allocation more. */
static int expect_quotas(struct world *w, const struct packet *p)
{
	uint32_t source_max = model_source_max(w);
	uint32_t realm_max = w->config.realms[p->listener].allocations_max;

	if (source_max && model_of_source(w, &p->from) >= source_max) {
		sim_count(w, SIM_SOURCE_FULL);
		return 486;
	}
	if (realm_max && model_of_realm(w, p->listener) >= realm_max) {
		sim_count(w, SIM_REALM_FULL);
		return 508;
	}
	return EXPECT_SUCCESS;
}

static struct expectation expect_token(struct world *w, const struct packet *p)
{
	const struct model_reservation *v =
		model_find_token(w, p->intent.token);
	int code = expect_quotas(w, p);
	bool total_full = model_charges(w, -1, true) + 1 >
			  w->config.limits.allocations;

	/* Either limit may be named where both are reached. */
	if (code)
		return (struct expectation){ code, total_full ? 508 : code,
					     code, false, false };
	if (v && v->user == p->intent.user && v->expires_ms > w->now.mono_ms)
		return only(EXPECT_SUCCESS);
	return only(508);
}

static unsigned user_max(const struct world *w, const struct packet *p)
{
	const struct turn_limits *limits = &w->config.limits;
	unsigned of_realm = w->config.realms[p->listener].allocations_per_user;

	if (of_realm)
		return of_realm;
	return w->source == TURN_SOURCE_REDIS
		       ? limits->dynamic_allocations_per_user
		       : limits->allocations_per_user;
}

/*
 * The user's quota comes first, then the total one, the address's, the
 * realm's, and at last the ports. Where a reservation's end has not been
 * noticed yet, one of them may be full or not.
 */
static struct expectation expect_capacity(struct world *w,
					  const struct packet *p)
{
	const struct intent *q = &p->intent;
	unsigned need = q->even == 1 ? 2 : 1;
	unsigned per_user = user_max(w, p);
	unsigned total = w->config.limits.allocations;
	bool user_full = per_user &&
			 model_charges(w, q->user, false) + need > per_user;
	bool user_may = per_user &&
			model_charges(w, q->user, true) + need > per_user;
	bool total_full = model_charges(w, -1, false) + need > total;
	bool total_may = model_charges(w, -1, true) + need > total;
	struct expectation e;

	if (user_full)
		return (struct expectation){ 486, total_may ? 508 : 486, 486,
					     false, false };
	if (total_full)
		return (struct expectation){ 508, user_may ? 486 : 508, 508,
					     false, false };
	e = only(expect_quotas(w, p));
	if (!e.first && !model_port_is_left(w, q->even, false)) {
		sim_count(w, SIM_FULL_RANGE);
		e = only(508);
	}
	if (user_may)
		e.second = 486;
	if (total_may || (!e.first && !model_port_is_left(w, q->even, true)))
		e.third = 508;
	return e;
}

/* Only the second and the third alternate are elsewhere, and IPv4. */
static int expect_drained(struct world *w)
{
	if (w->config.alternate_count >= 2)
		return 300;
	sim_count(w, SIM_DRAINED_FULL);
	return 508;
}

/* --- what a request should be answered ---------------------------------------- */

static struct expectation expect_allocate(struct world *w,
					  const struct packet *p,
					  const struct model_allocation *a)
{
	const struct intent *q = &p->intent;

	if (a) {
		if (memcmp(a->id, p->id, 12) != 0 || a->user != q->user)
			return only(437);
		return only(a->opening ? EXPECT_NOTHING : EXPECT_SUCCESS);
	}
	if (q->transport < 0)
		return only(400);
	if (q->transport != 17)
		return only(442);
	if (q->malformed_attr || q->family == 0 || q->additional == 0)
		return only(400);
	if (q->has_token &&
	    (q->even >= 0 || q->family >= 0 || q->additional >= 0))
		return only(400);
	if (q->family >= 0 && q->additional >= 0)
		return only(400);
	if (q->family >= 0 && q->family != 1)
		return only(440);
	if (q->additional >= 0 && (q->additional != 2 || q->even == 1))
		return only(400);
	if (w->config.draining)
		return only(expect_drained(w));
	return q->has_token ? expect_token(w, p) : expect_capacity(w, p);
}

static int expect_refresh(const struct intent *q)
{
	if (q->malformed_attr || q->family == 0)
		return 400;
	if (q->family >= 0 && q->family != 1)
		return 443;
	return EXPECT_SUCCESS;
}

static int expect_permission(struct world *w, const struct intent *q,
			     struct model_allocation *a)
{
	struct addr fresh[SIM_PEERS_PER_REQUEST];
	unsigned i, j, count = 0, have = 0;

	if (!q->peer_count || q->malformed_attr)
		return 400;
	for (i = 0; i < q->peer_count; i++)
		if (q->peers[i].family != ADDR_IPV4)
			return 443;
	for (i = 0; i < q->peer_count; i++)
		if (!model_ip_allowed(w, &q->peers[i]))
			return 403;
	for (i = 0; i < q->peer_count; i++) {
		struct addr ip = model_canonical(w, &q->peers[i]);

		ip.port = 0;
		for (j = 0; j < count && !addr_equal(&fresh[j], &ip); j++)
			;
		if (j == count && !model_find_permission(a, &ip))
			fresh[count++] = ip;
	}
	for (i = 0; i < SIM_PERMISSIONS; i++)
		have += a->permissions[i].in_use;
	return have + count > SIM_PERMISSIONS ? 508 : EXPECT_SUCCESS;
}

static struct expectation expect_bind(struct world *w, const struct intent *q,
				      struct model_allocation *a)
{
	const struct model_channel *by_number, *by_peer;
	unsigned channels = 0, permissions = 0;
	struct addr peer;

	if (q->malformed_attr || q->number < 0x4000 || q->number > 0x4fff ||
	    !q->peer_count)
		return only(400);
	peer = model_canonical(w, &q->peers[0]);
	by_number = model_find_number(a, q->number);
	by_peer = model_find_channel_to(a, &peer);
	if (by_number != by_peer)
		return only(400);
	if (peer.family != ADDR_IPV4)
		return only(443);
	if (model_judge(w, &q->peers[0]) == PEER_DENIED)
		return only(403);
	if (by_number)
		return only(EXPECT_SUCCESS);
	for (unsigned i = 0; i < SIM_CHANNELS; i++)
		channels += a->channels[i].in_use;
	for (unsigned i = 0; i < SIM_PERMISSIONS; i++)
		permissions += a->permissions[i].in_use;
	if (channels == SIM_CHANNELS || (!model_find_permission(a, &peer) &&
					 permissions == SIM_PERMISSIONS))
		return only(508);
	if (limits_may_refuse_peer(w, a, &peer))
		return (struct expectation){ EXPECT_SUCCESS, 508, 508, false,
					     false };
	return only(EXPECT_SUCCESS);
}

/* Authentication past the key, and the method. */
static struct expectation expect_method(struct world *w, const struct packet *p,
					bool looked_up)
{
	const struct intent *q = &p->intent;
	struct model_allocation *a = model_by_client(w, &p->from, p->listener);
	int64_t age_s = w->now.wall_s - q->nonce_wall_s;
	int64_t lifetime_s = w->config.nonce.lifetime_s;
	struct expectation e;

	if (q->credentials == CREDENTIALS_UNKNOWN_USER ||
	    q->credentials == CREDENTIALS_WRONG_PASSWORD ||
	    (q->sha256 && !sim_users[q->user].has_sha256) ||
	    (looked_up && access_is_refused(w, q->user))) {
		if (looked_up && w->access[q->user] == ACCESS_GRANTED &&
		    access_is_refused(w, q->user))
			sim_count(w, SIM_CREDENTIAL_REFUSED);
		e = only(401);
		e.failed = true;
		return e;
	}
	if (q->foreign_nonce || age_s > lifetime_s + 1)
		return only(438);
	if (q->unknown_attr) {
		e = only(420);
	} else if (q->method == STUN_ALLOCATE) {
		e = expect_allocate(w, p, a);
	} else if (!a || a->opening) {
		e = only(437);
	} else if (a->user != q->user) {
		e = only(441);
	} else {
		model_sweep(w, a);
		e = q->method == STUN_REFRESH ? only(expect_refresh(q))
		    : q->method == STUN_CREATE_PERMISSION
			    ? only(expect_permission(w, q, a))
			    : expect_bind(w, q, a);
	}
	/* At the very end of its life a nonce may be judged either way. */
	if (age_s >= lifetime_s)
		e.stale = true;
	return e;
}

static unsigned count_waiting(struct world *w, uint16_t worker,
			      const struct packet *p, bool *same)
{
	unsigned n = 0;

	*same = false;
	for (unsigned i = 0; i < SIM_WAITING_MAX; i++) {
		const struct waiting *x = &w->model.waiting[i];

		if (!x->in_use || x->worker != worker ||
		    !addr_same_ip(&x->packet->from, &p->from))
			continue;
		n++;
		if (addr_equal(&x->packet->from, &p->from) &&
		    x->packet->listener == p->listener &&
		    x->packet->len == p->len &&
		    memcmp(x->packet->bytes, p->bytes, p->len) == 0)
			*same = true;
	}
	return n;
}

struct expectation model_expect(struct world *w, uint16_t worker,
				const struct packet *p, bool looked_up,
				enum turn_lookup result)
{
	const struct intent *q = &p->intent;
	const struct model_allocation *a;
	bool same;

	if (!q->is_request)
		return only(EXPECT_NOTHING);
	if (q->method == STUN_BINDING)
		return only(q->unknown_attr ? 420 : EXPECT_SUCCESS);
	if (looked_up && result == TURN_LOOKUP_UNAVAILABLE)
		return only(500);
	switch (q->credentials) {
	case CREDENTIALS_NONE:
	case CREDENTIALS_WRONG_REALM:
		return only(401);
	case CREDENTIALS_NO_NONCE:
	case CREDENTIALS_BID_DOWN:
		return only(400);
	default:
		break;
	}
	if (w->config.lookups_are_async && q->foreign_nonce)
		return only(438);
	if (looked_up)
		return expect_method(w, p, true);
	a = model_by_client(w, &p->from, p->listener);
	if (a && q->credentials != CREDENTIALS_UNKNOWN_USER &&
	    a->user == q->user && a->sha256 == q->sha256)
		return expect_method(w, p, false);
	if (model_is_shut(w, p, true)) {
		w->model.throttled[worker]++;
		sim_count(w, SIM_GUESS_THROTTLED);
		return only(EXPECT_NOTHING);
	}
	if (q->foreign_nonce && model_is_shut(w, p, false)) {
		sim_count(w, SIM_GUESS_NEEDS_NONCE);
		return only(438);
	}
	if (count_waiting(w, worker, p, &same) >= 4 && !same)
		return only(500);
	if (same) {
		sim_count(w, SIM_LOOKUP_JOINED);
		return only(EXPECT_NOTHING);
	}
	return only(EXPECT_LOOKUP);
}

bool model_is_unproven(const struct world *w, const struct packet *p,
		       bool looked_up, int code)
{
	const struct intent *q = &p->intent;

	if (q->method == STUN_BINDING || q->foreign_nonce)
		return true;
	switch (q->credentials) {
	case CREDENTIALS_NONE:
	case CREDENTIALS_WRONG_REALM:
	case CREDENTIALS_NO_NONCE:
	case CREDENTIALS_BID_DOWN:
		return true;
	default:
		break;
	}
	/* A 500 may come before the nonce has been looked at. */
	return code == 500 && (looked_up || !w->config.lookups_are_async);
}

size_t model_answer_bytes(const struct world *w, const struct packet *p,
			  int code)
{
	size_t realm = strlen(model_realm_name((uint8_t)p->listener));
	size_t len = 20 + (p->intent.fingerprint ? 8 : 0);

	if (code == EXPECT_SUCCESS)
		return len + 12; /* XOR-MAPPED-ADDRESS */
	len += 8;
	if (code == 420)
		return len + 8;
	if (code == 401 || code == 438) {
		len += 4 + (realm + 3) / 4 * 4 + 4 + 28;
		if (w->config.realms[p->listener].offer_sha256)
			len += 12;
	}
	return len;
}

bool model_meets(const struct expectation *e, int outcome)
{
	return e->first == outcome || e->second == outcome ||
	       e->third == outcome || (e->stale && outcome == 438);
}
