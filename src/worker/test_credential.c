#include "worker/test_credential.h"

#include <errno.h>
#include <event2/event.h>
#include <sys/random.h>
#include <time.h>

#include "worker/service_state.h"

static void on_end(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	test_credential_end(arg);
}

static int mint(struct tester *t, uint8_t realm, const char *realm_name)
{
	struct crypto *crypto = crypto_new();
	uint8_t seed[RANDOM_SEED_BYTES];
	struct random random;
	int error = -ENOMEM;

	if (crypto && getrandom(seed, sizeof(seed), 0) == sizeof(seed)) {
		random_init(&random, crypto, seed);
		error = tester_mint(t, crypto, &random, realm, realm_name);
		crypto_wipe(&random, sizeof(random));
	}
	crypto_wipe(seed, sizeof(seed));
	crypto_free(crypto);
	return error;
}

/* Whether a test may have packets relayed there. */
static bool is_testers(const struct peer_policy *p, const struct addr *peer)
{
	bool own = false;

	for (unsigned i = 0; i < p->own_ip_count; i++)
		own |= addr_same_ip(&p->own_ips[i], peer);
	return own && peer->port > 0 && !peer_policy_is_own_socket(p, peer) &&
	       (peer->port < p->relay_port_min ||
		peer->port > p->relay_port_max);
}

static int watch(struct service *s)
{
	const struct timeval end = { .tv_sec = TEST_CREDENTIAL_S };
	struct test_credential *t = &s->test_credential;

	if (!t->event)
		t->event = event_new(s->base, -1, 0, on_end, s);
	return t->event && !event_add(t->event, &end) ? 0 : -ENOMEM;
}

static void tell(struct service *s, const struct addr *peer, const char *by)
{
	struct log_record r;

	logger_begin(&r, LOG_LEVEL_NOTICE, "a self-test may begin");
	log_text(&r, "by", by);
	log_text(&r, "user", s->test_credential.tester.name);
	if (peer->family != ADDR_NONE)
		log_addr(&r, "peer", peer);
	log_number(&r, "seconds", TEST_CREDENTIAL_S);
	logger_put(s->log, &r);
}

int test_credential_begin(struct service *s, uint8_t realm,
			  const struct addr *peer, const char *by)
{
	struct test_credential *t = &s->test_credential;
	struct tester tester = { .users = NULL };
	int error;

	if (peer->family != ADDR_NONE &&
	    !is_testers(&s->force.turn.peers, peer))
		return -EPERM;
	error = mint(&tester, realm, s->force.turn.realms[realm].name);
	if (!error)
		error = watch(s);
	if (error) {
		tester_fini(&tester);
		return error;
	}
	in_force_set_tester(&s->force, tester.users, peer);
	tester_fini(&t->tester);
	t->tester = tester;
	t->in_force = true;
	t->realm = realm;
	t->expires_wall_s = (int64_t)time(NULL) + TEST_CREDENTIAL_S;
	crypto_wipe(&tester, sizeof(tester));
	tell(s, peer, by);
	return 0;
}

void test_credential_end(struct service *s)
{
	static const struct addr nobody = { .family = ADDR_NONE };
	struct test_credential *t = &s->test_credential;

	if (t->in_force)
		in_force_set_tester(&s->force, NULL, &nobody);
	if (t->event)
		event_free(t->event);
	tester_fini(&t->tester);
	*t = (struct test_credential){ .in_force = false };
}
