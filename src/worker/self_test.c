#include "worker/self_test.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/hex.h"
#include "client/client.h"
#include "net/sockaddr.h"
#include "stun/channel_data.h"
#include "stun/integrity.h"

/* What is relayed is sent anew if nothing comes of it for so long. */
#define AGAIN_MS 500
#define PORT_TRIES 64
#define FIRST_PORT 1024

/* Of the credential. */
#define NAME_PREFIX "self-test-"
#define RANDOM_BYTES 16
#define ALLOCATIONS_MAX 2
#define PACKETS_MAX 100
#define CHANNEL CHANNEL_NUMBER_MIN
#define PAYLOAD_BYTES 200

/* --- the test --- */

struct test {
	const struct self_test *in;
	struct self_test_result *out;
	uint64_t deadline_ms;
	int client_fd;
	int peer_fd;
	struct addr peer; /* where peer_fd is bound */
	struct addr from; /* whence it last got something */
	struct crypto *crypto;
	struct random random;
	struct client_config config;
	struct client client;
	struct client_event event; /* the last one */
	struct static_users *user; /* the tester alone */
	char name[sizeof(NAME_PREFIX) + 2 * RANDOM_BYTES];
	char password[2 * RANDOM_BYTES + 1];
	uint8_t payload[PAYLOAD_BYTES];
	uint8_t buffer[CLIENT_REQUEST_MAX_BYTES];
};

static bool fail(struct test *t, int error, const char *reason,
		 const char *remedy)
{
	/* What went wrong first is the cause. */
	if (t->out->reason)
		return false;
	t->out->reason = reason;
	t->out->remedy = remedy;
	t->out->error = error;
	return false;
}

static uint64_t clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void random_digits(struct random *r, char *out)
{
	uint8_t bytes[RANDOM_BYTES];

	random_bytes(r, bytes, sizeof(bytes));
	hex_encode(bytes_of(bytes, sizeof(bytes)), out);
	out[2 * sizeof(bytes)] = '\0';
	crypto_wipe(bytes, sizeof(bytes));
}

/* A user of whom nobody else knows, and the client that is that user. */
static bool mint(struct test *t)
{
	struct bytes realm = bytes_str(t->in->realm), name, password;
	struct static_user user = {
		.name = t->name,
		.realm = t->in->listener->realm,
		.grant.allocations_max = ALLOCATIONS_MAX,
		.grant.packets_max = PACKETS_MAX,
	};
	struct hash_key key;
	int error;

	memcpy(t->name, NAME_PREFIX, sizeof(NAME_PREFIX));
	random_digits(&t->random, t->name + sizeof(NAME_PREFIX) - 1);
	random_digits(&t->random, t->password);
	random_bytes(&t->random, &key, sizeof(key));
	name = bytes_str(t->name);
	password = bytes_str(t->password);
	stun_long_term_key(t->crypto, STUN_ALGORITHM_MD5, name, realm, password,
			   &user.keys.md5);
	stun_long_term_key(t->crypto, STUN_ALGORITHM_SHA256, name, realm,
			   password, &user.keys.sha256);
	stun_userhash(t->crypto, name, realm, user.userhash);
	t->user = static_users_new(&key, TURN_SOURCE_SELF_TEST);
	error = t->user ? static_users_add(t->user, &user) : -ENOMEM;
	crypto_wipe(&user.keys, sizeof(user.keys));
	t->config = (struct client_config){
		.name = name,
		.password = password,
		.crypto = t->crypto,
		.random = &t->random,
	};
	client_init(&t->client, &t->config);
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

/* A port that no allocation can have, or 0 if there is none. */
static uint16_t some_port(struct test *t)
{
	uint32_t min = t->in->policy->relay_port_min;
	uint32_t max = t->in->policy->relay_port_max;
	uint32_t below = min - FIRST_PORT, above = UINT16_MAX - max, n;

	if (below + above == 0)
		return 0;
	n = random_below(&t->random, below + above);
	return (uint16_t)(n < below ? FIRST_PORT + n : max + 1 + n - below);
}

static int bind_to(int fd, const struct addr *local)
{
	union sockaddr_any sa;
	socklen_t len = sockaddr_from_addr(local, &sa);

	return bind(fd, &sa.any, len) < 0 ? -errno : 0;
}

/* A socket at that address and a port of its own; -errno if there is none. */
static int open_socket(struct test *t, const struct addr *ip,
		       struct addr *local)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error = -EADDRINUSE;

	if (fd < 0)
		return -errno;
	for (int i = 0; i < PORT_TRIES && error == -EADDRINUSE; i++) {
		*local = addr_with_port(ip, some_port(t));
		if (local->port == 0)
			break;
		error = bind_to(fd, local);
	}
	if (error) {
		close(fd);
		return error;
	}
	return fd;
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

static void send_to(int fd, const struct addr *to, const void *data, size_t len)
{
	union sockaddr_any sa;
	socklen_t sa_len = sockaddr_from_addr(to, &sa);

	/* If it does not leave, it does not arrive, and that is noticed. */
	(void)!sendto(fd, data, len, 0, &sa.any, sa_len);
}

/* Receives a datagram, if there is one: its bytes in the buffer, or none. */
static struct bytes receive_from(struct test *t, int fd, struct addr *from)
{
	union sockaddr_any sa;
	socklen_t sa_len = sizeof(sa);
	ssize_t len =
		recvfrom(fd, t->buffer, sizeof(t->buffer), 0, &sa.any, &sa_len);

	if (len < 0 || !sockaddr_to_addr(&sa, sa_len, from))
		return bytes_of(NULL, 0);
	return bytes_of(t->buffer, (size_t)len);
}

/* Waits until the socket is readable or that time has come. */
static void wait_readable(int fd, uint64_t until_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t now_ms = clock_ms();

	if (until_ms > now_ms)
		poll(&p, 1, (int)(until_ms - now_ms));
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Goes on until the client has an event or that time has come. */
static enum client_event_type client_event(struct test *t, uint64_t until_ms)
{
	for (;;) {
		struct addr from;
		struct bytes got;
		size_t len;

		while ((len = client_poll(&t->client, clock_ms(), t->buffer,
					  sizeof(t->buffer), &t->event)) > 0)
			send_to(t->client_fd, &t->in->listener->local,
				t->buffer, len);
		if (t->event.type != CLIENT_NOTHING || clock_ms() >= until_ms)
			return t->event.type;

		wait_readable(t->client_fd,
			      earlier(until_ms, client_due_ms(&t->client)));
		got = receive_from(t, t->client_fd, &from);
		if (!got.data || !addr_equal(&from, &t->in->listener->local))
			continue;
		client_receive(&t->client, got, clock_ms(), &t->event);
		if (t->event.type != CLIENT_NOTHING)
			return t->event.type;
	}
}

/* --- its steps --- */

static bool refused(struct test *t)
{
	if (t->event.code == STUN_INSUFFICIENT_CAPACITY)
		return fail(t, t->event.code, "no relay port could be opened",
			    "see the log; other programs must leave "
			    "relay.ports free, and LimitNOFILE must suffice");
	return fail(t, t->event.code, "the server refused its own request",
		    "see the log; this is likely a defect");
}

static bool request_failed(struct test *t)
{
	switch (t->event.failure) {
	case CLIENT_REFUSED:
		return refused(t);
	case CLIENT_NOT_VERIFIED:
	case CLIENT_BAD_ANSWER:
	case CLIENT_BAD_CHALLENGE:
		return fail(t, t->event.code,
			    "somebody else answers at the listener's port",
			    "ss -lunp shows who has it");
	case CLIENT_NO_FAILURE:
	case CLIENT_TIMED_OUT:
		break;
	}
	return fail(t, -ETIMEDOUT, "the listener did not answer",
		    "a firewall of this machine may drop UDP to its port");
}

/* Waits for the end of the request that was just started. */
static bool finish(struct test *t, enum client_event_type wanted)
{
	enum client_event_type got;

	do {
		got = client_event(t, t->deadline_ms);
	} while (got == CLIENT_DATA);
	return got == wanted || request_failed(t);
}

/* Whether the peer's socket gets the payload before that time. */
static bool peer_gets(struct test *t, uint64_t until_ms)
{
	do {
		struct bytes got;

		wait_readable(t->peer_fd, until_ms);
		got = receive_from(t, t->peer_fd, &t->from);
		if (bytes_equal(got, bytes_of(t->payload, PAYLOAD_BYTES)))
			return true;
	} while (clock_ms() < until_ms);
	return false;
}

static bool client_gets(struct test *t, uint16_t channel, uint64_t until_ms)
{
	while (client_event(t, until_ms) == CLIENT_DATA)
		if (t->event.channel == channel &&
		    addr_equal(&t->event.peer, &t->peer) &&
		    bytes_equal(t->event.data,
				bytes_of(t->payload, PAYLOAD_BYTES)))
			return true;
	return false;
}

static bool relay_to_peer(struct test *t)
{
	while (clock_ms() < t->deadline_ms) {
		size_t len = client_send(&t->client, &t->peer,
					 bytes_of(t->payload, PAYLOAD_BYTES),
					 t->buffer, sizeof(t->buffer));

		send_to(t->client_fd, &t->in->listener->local, t->buffer, len);
		if (peer_gets(t, clock_ms() + AGAIN_MS)) {
			t->out->packets++;
			return true;
		}
	}
	return fail(t, -ETIMEDOUT, "a relayed packet did not reach its peer",
		    "a firewall of this machine may drop UDP out of "
		    "relay.ports");
}

static bool relay_to_client(struct test *t, uint16_t channel)
{
	while (clock_ms() < t->deadline_ms) {
		send_to(t->peer_fd, &t->from, t->payload, PAYLOAD_BYTES);
		if (client_gets(t, channel, clock_ms() + AGAIN_MS)) {
			t->out->packets++;
			return true;
		}
	}
	return fail(t, -ETIMEDOUT, "a peer's packet did not come back",
		    "a firewall of this machine may drop UDP into "
		    "relay.ports");
}

/* One packet each way, by the channel or, with 0, by indications. */
static bool relay_both_ways(struct test *t, uint16_t channel)
{
	random_bytes(&t->random, t->payload, sizeof(t->payload));
	return relay_to_peer(t) && relay_to_client(t, channel);
}

static bool run_session(struct test *t)
{
	client_allocate(&t->client, 0, clock_ms());
	if (!finish(t, CLIENT_ALLOCATED))
		return false;
	t->out->relayed = t->event.relayed;

	client_permit(&t->client, &t->peer, clock_ms());
	if (!finish(t, CLIENT_PERMITTED) || !relay_both_ways(t, 0))
		return false;
	client_bind(&t->client, CHANNEL, &t->peer, clock_ms());
	return finish(t, CLIENT_BOUND) && relay_both_ways(t, CHANNEL);
}

/* Gives the allocation back, also where the test has failed. */
static void leave(struct test *t)
{
	client_refresh(&t->client, 0, clock_ms());
	t->deadline_ms = clock_ms() + AGAIN_MS;
	finish(t, CLIENT_REFRESHED);
}

static void run_with_sockets(struct test *t)
{
	struct peer_policy *policy = malloc(sizeof(*policy));
	uint64_t start_ms = clock_ms();

	if (!policy) {
		fail(t, -ENOMEM, "no memory for the test", "see the log");
		return;
	}
	*policy = *t->in->policy;
	policy->self_test_peer = t->peer;
	/* One that the service itself never comes to. */
	policy->generation ^= 1U << 31;
	t->deadline_ms = start_ms + (t->in->patience_ms
					     ? t->in->patience_ms
					     : SELF_TEST_PATIENCE_MS);
	put_in_force(t->in, t->user, policy);
	t->out->ok = run_session(t);
	t->out->took_ms = clock_ms() - start_ms;
	leave(t);
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
	client_fini(&t->client);
	static_users_free(t->user);
}

void self_test_run(const struct self_test *in, struct self_test_result *out)
{
	struct test *t = calloc(1, sizeof(*t));

	*out = (struct self_test_result){ .ok = false };
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

const char *self_test_print(const struct self_test_result *r,
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
