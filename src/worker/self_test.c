#include "worker/self_test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "worker/tester.h"

/* --- the test --- */

struct test {
	const struct self_test *in;
	struct trial_result *out;
	int client_fd;
	int peer_fd;
	struct addr peer; /* where peer_fd is bound */
	struct crypto *crypto;
	struct random random;
	struct client_config config;
	struct tester tester;
};

static bool fail(struct test *t, int error, const char *reason,
		 const char *remedy)
{
	t->out->reason = reason;
	t->out->remedy = remedy;
	t->out->error = error;
	return false;
}

static bool mint(struct test *t)
{
	int error = tester_mint(&t->tester, t->crypto, &t->random,
				t->in->listener->realm, t->in->realm);

	t->config = (struct client_config){
		.name = bytes_str(t->tester.name),
		.password = bytes_str(t->tester.password),
		.crypto = t->crypto,
		.random = &t->random,
	};
	return !error ||
	       fail(t, error, "no memory for the test", "see the log");
}

/* Puts users and rules in force and waits until they are. */
static void put_in_force(const struct self_test *in,
			 struct static_users *tester,
			 const struct peer_policy *policy)
{
	struct credentials_config credentials = *in->credentials;

	credentials.self_test = tester;
	for (uint16_t i = 0; i < in->worker_count; i++) {
		worker_set_credentials(in->workers[i], &credentials, false);
		worker_set_peers(in->workers[i], policy);
	}
	for (uint16_t i = 0; i < in->worker_count; i++)
		worker_sync(in->workers[i]);
}

/* At that address, with a port that no allocation can have. */
static int open_socket(struct test *t, const struct addr *ip,
		       struct addr *local)
{
	const struct peer_policy *p = t->in->policy;

	return trial_open_socket(ip, p->relay_port_min, p->relay_port_max,
				 &t->random, local);
}

static bool open_sockets(struct test *t)
{
	struct addr client;

	t->client_fd = open_socket(t, &t->in->listener->local, &client);
	t->peer_fd = open_socket(t, t->in->relay, &t->peer);
	if (t->client_fd >= 0 && t->peer_fd >= 0)
		return true;
	return fail(t, t->client_fd < 0 ? t->client_fd : t->peer_fd,
		    "no socket could be had for the test",
		    "leave some ports from 1024 on outside relay.ports");
}

static void run_with_sockets(struct test *t)
{
	struct peer_policy *policy = malloc(sizeof(*policy));
	const struct trial trial = {
		.server = t->in->listener->local,
		.client = t->config,
		.client_fd = t->client_fd,
		.other_fd = t->peer_fd,
		.peer = t->peer,
		.patience_ms = t->in->patience_ms,
	};

	if (!policy) {
		fail(t, -ENOMEM, "no memory for the test", "see the log");
		return;
	}
	*policy = *t->in->policy;
	policy->self_test_peer = t->peer;
	/* One that the service itself never comes to. */
	policy->generation ^= 1U << 31;
	put_in_force(t->in, t->tester.users, policy);
	trial_run(&trial, t->out);
	put_in_force(t->in, NULL, t->in->policy);
	free(policy);
}

static bool seed(struct test *t)
{
	uint8_t bytes[RANDOM_SEED_BYTES];

	t->crypto = crypto_new();
	if (!t->crypto || getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return fail(t, -ENOMEM, "no memory or no randomness",
			    "see the log");
	random_init(&t->random, t->crypto, bytes);
	crypto_wipe(bytes, sizeof(bytes));
	return true;
}

static void run(struct test *t)
{
	if (!seed(t))
		return;
	if (mint(t) && open_sockets(t))
		run_with_sockets(t);
	tester_fini(&t->tester);
}

void self_test_run(const struct self_test *in, struct trial_result *out)
{
	struct test *t = calloc(1, sizeof(*t));

	*out = (struct trial_result){ .ok = false };
	if (!t) {
		out->reason = "no memory for the test";
		out->remedy = "see the log";
		return;
	}
	t->in = in;
	t->out = out;
	t->client_fd = t->peer_fd = -1;
	run(t);
	if (t->client_fd >= 0)
		close(t->client_fd);
	if (t->peer_fd >= 0)
		close(t->peer_fd);
	crypto_free(t->crypto);
	crypto_wipe(t, sizeof(*t));
	free(t);
}

const char *self_test_print(const struct trial_result *r,
			    char out[SELF_TEST_LINE_BYTES])
{
	char address[ADDR_TEXT_BYTES], error[64] = "";

	if (r->ok) {
		snprintf(out, SELF_TEST_LINE_BYTES,
			 "self-test: ok, relayed %s, %u packets both ways in "
			 "%llu ms",
			 addr_print(&r->relayed, address), r->packets,
			 (unsigned long long)r->took_ms);
		return out;
	}
	if (r->error > 0)
		snprintf(error, sizeof(error), " (%d)", r->error);
	else if (r->error < 0)
		snprintf(error, sizeof(error), " (%s)", strerror(-r->error));
	snprintf(out, SELF_TEST_LINE_BYTES, "self-test: FAILED: %s%s: %s",
		 r->reason, error, r->remedy);
	return out;
}
