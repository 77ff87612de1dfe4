#include "net/trial.h"

#include <errno.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "net/sockaddr.h"
#include "stun/channel_data.h"

/* What is relayed is sent anew if nothing comes of it for so long. */
#define AGAIN_MS 500
#define PAYLOAD_BYTES 200
#define PORT_TRIES 64
#define PORT_MIN 1024

/* One client with its socket. */
struct user {
	struct client client;
	int fd;
	bool has_allocation;
	struct addr relayed;
};

struct run {
	const struct trial *in;
	struct trial_result *out;
	uint64_t deadline_ms;
	struct user users[2];
	struct addr from;          /* whence the peer last got something */
	struct client_event event; /* the last one */
	uint8_t payload[PAYLOAD_BYTES];
	uint8_t buffer[CLIENT_REQUEST_MAX_BYTES];
};

static bool fail(struct run *r, int error, const char *reason,
		 const char *remedy)
{
	/* What went wrong first is the cause. */
	if (r->out->reason)
		return false;
	r->out->reason = reason;
	r->out->remedy = remedy;
	r->out->error = error;
	return false;
}

static uint64_t clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void send_to(int fd, const struct addr *to, const void *data, size_t len)
{
	union sockaddr_any sa;
	socklen_t sa_len = sockaddr_from_addr(to, &sa);

	/* If it does not leave, it does not arrive, and that is noticed. */
	(void)!sendto(fd, data, len, 0, &sa.any, sa_len);
}

/* Receives a datagram, if there is one: its bytes in the buffer, or none. */
static struct bytes receive_from(struct run *r, int fd, struct addr *from)
{
	union sockaddr_any sa;
	socklen_t sa_len = sizeof(sa);
	ssize_t len =
		recvfrom(fd, r->buffer, sizeof(r->buffer), 0, &sa.any, &sa_len);

	if (len < 0 || !sockaddr_to_addr(&sa, sa_len, from))
		return bytes_of(NULL, 0);
	return bytes_of(r->buffer, (size_t)len);
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
static enum client_event_type await_event(struct run *r, struct user *u,
					  uint64_t until_ms)
{
	for (;;) {
		struct addr from;
		struct bytes got;
		size_t len;

		while ((len = client_poll(&u->client, clock_ms(), r->buffer,
					  sizeof(r->buffer), &r->event)) > 0)
			send_to(u->fd, &r->in->server, r->buffer, len);
		if (r->event.type != CLIENT_NOTHING || clock_ms() >= until_ms)
			return r->event.type;

		wait_readable(u->fd,
			      earlier(until_ms, client_due_ms(&u->client)));
		got = receive_from(r, u->fd, &from);
		if (!got.data || !addr_equal(&from, &r->in->server))
			continue;
		client_receive(&u->client, got, clock_ms(), &r->event);
		if (r->event.type != CLIENT_NOTHING)
			return r->event.type;
	}
}

/* --- its sockets --- */

/* A port that no allocation can have, or 0 if there is none. */
static uint16_t some_port(uint16_t first_port, uint16_t last_port,
			  struct random *random)
{
	uint32_t below = first_port > PORT_MIN ? first_port - PORT_MIN : 0;
	uint32_t above = UINT16_MAX - last_port, n;

	if (below + above == 0)
		return 0;
	n = random_below(random, below + above);
	return (uint16_t)(n < below ? PORT_MIN + n : last_port + 1 + n - below);
}

static int bind_to(int fd, const struct addr *local)
{
	union sockaddr_any sa;
	socklen_t len = sockaddr_from_addr(local, &sa);

	return bind(fd, &sa.any, len) < 0 ? -errno : 0;
}

int trial_open_socket(const struct addr *ip, uint16_t first_port,
		      uint16_t last_port, struct random *random,
		      struct addr *local)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error = -EADDRINUSE;

	if (fd < 0)
		return -errno;
	for (int i = 0; i < PORT_TRIES && error == -EADDRINUSE; i++) {
		*local = addr_with_port(
			ip, some_port(first_port, last_port, random));
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

/* --- what can go wrong --- */

static bool refused(struct run *r)
{
	switch (r->event.code) {
	case STUN_TRY_ALTERNATE:
		return fail(r, r->event.code,
			    "the server sends new clients elsewhere",
			    "it drains: turnpikectl drain --end");
	case STUN_UNAUTHENTICATED:
		return fail(r, r->event.code, "the credential is refused",
			    "turnpikectl why says for which reason");
	case STUN_FORBIDDEN:
		return fail(r, r->event.code, "the peer is denied",
			    "see peers in turnpike.conf(5)");
	case STUN_ALLOCATION_QUOTA:
		return fail(r, r->event.code, "a quota is reached",
			    "turnpikectl why says which option to raise");
	case STUN_INSUFFICIENT_CAPACITY:
		return fail(r, r->event.code, "no relay port could be opened",
			    "see the log; other programs must leave "
			    "relay.ports free, and LimitNOFILE must suffice");
	default:
		return fail(r, r->event.code,
			    "the server refused its own request",
			    "see the log; this is likely a defect");
	}
}

static bool request_failed(struct run *r)
{
	switch (r->event.failure) {
	case CLIENT_REFUSED:
		return refused(r);
	case CLIENT_NOT_VERIFIED:
	case CLIENT_BAD_ANSWER:
	case CLIENT_BAD_CHALLENGE:
		return fail(r, r->event.code,
			    "somebody else answers at the listener's port",
			    "ss -lunp shows who has it");
	case CLIENT_NO_FAILURE:
	case CLIENT_TIMED_OUT:
		break;
	}
	return fail(r, -ETIMEDOUT, "the listener did not answer",
		    "a firewall of this machine may drop UDP to its port");
}

/* Waits for the end of the request that was just started. */
static bool finish(struct run *r, struct user *u, enum client_event_type wanted)
{
	enum client_event_type got;

	do {
		got = await_event(r, u, r->deadline_ms);
	} while (got == CLIENT_DATA);
	return got == wanted || request_failed(r);
}

/* --- relaying --- */

/* Whether the peer's socket gets the payload before that time. */
static bool peer_gets(struct run *r, uint64_t until_ms)
{
	do {
		struct bytes got;

		wait_readable(r->in->other_fd, until_ms);
		got = receive_from(r, r->in->other_fd, &r->from);
		if (bytes_equal(got, bytes_of(r->payload, PAYLOAD_BYTES)))
			return true;
	} while (clock_ms() < until_ms);
	return false;
}

static bool user_gets(struct run *r, struct user *u, const struct addr *peer,
		      uint16_t channel, uint64_t until_ms)
{
	while (await_event(r, u, until_ms) == CLIENT_DATA)
		if (r->event.channel == channel &&
		    addr_equal(&r->event.peer, peer) &&
		    bytes_equal(r->event.data,
				bytes_of(r->payload, PAYLOAD_BYTES)))
			return true;
	return false;
}

static void user_sends(struct run *r, struct user *u, const struct addr *peer)
{
	size_t len = client_send(&u->client, peer,
				 bytes_of(r->payload, PAYLOAD_BYTES), r->buffer,
				 sizeof(r->buffer));

	send_to(u->fd, &r->in->server, r->buffer, len);
}

static bool relay_to_peer(struct run *r)
{
	while (clock_ms() < r->deadline_ms) {
		user_sends(r, &r->users[0], &r->in->peer);
		if (peer_gets(r, clock_ms() + AGAIN_MS)) {
			r->out->packets++;
			return true;
		}
	}
	return fail(r, -ETIMEDOUT, "a relayed packet did not reach its peer",
		    "a firewall of this machine may drop UDP out of "
		    "relay.ports");
}

static bool relay_to_client(struct run *r, uint16_t channel)
{
	while (clock_ms() < r->deadline_ms) {
		send_to(r->in->other_fd, &r->from, r->payload, PAYLOAD_BYTES);
		if (user_gets(r, &r->users[0], &r->in->peer, channel,
			      clock_ms() + AGAIN_MS)) {
			r->out->packets++;
			return true;
		}
	}
	return fail(r, -ETIMEDOUT, "a peer's packet did not come back",
		    "a firewall of this machine may drop UDP into "
		    "relay.ports");
}

/* One packet each way, by the channel or, with 0, by indications. */
static bool relay_both_ways(struct run *r, uint16_t channel)
{
	random_bytes(r->in->client.random, r->payload, sizeof(r->payload));
	return relay_to_peer(r) && relay_to_client(r, channel);
}

static bool relay_inside(struct run *r, unsigned from)
{
	struct user *sender = &r->users[from], *receiver = &r->users[!from];

	random_bytes(r->in->client.random, r->payload, sizeof(r->payload));
	while (clock_ms() < r->deadline_ms) {
		user_sends(r, sender, &receiver->relayed);
		if (user_gets(r, receiver, &sender->relayed, 0,
			      clock_ms() + AGAIN_MS)) {
			r->out->packets++;
			return true;
		}
	}
	return fail(r, -ETIMEDOUT,
		    "two clients of the server do not reach each other",
		    "turnpikectl why says if a peer was denied");
}

/* --- the trials --- */

static bool allocate(struct run *r, struct user *u)
{
	client_allocate(&u->client, 0, clock_ms());
	if (!finish(r, u, CLIENT_ALLOCATED))
		return false;
	u->has_allocation = true;
	u->relayed = r->event.relayed;
	return true;
}

static bool permit(struct run *r, struct user *u, const struct addr *peer)
{
	client_permit(&u->client, peer, clock_ms());
	return finish(r, u, CLIENT_PERMITTED);
}

static bool allocate_first(struct run *r, uint64_t start_ms)
{
	if (!allocate(r, &r->users[0]))
		return false;
	r->out->relayed = r->event.relayed;
	r->out->mapped = r->event.mapped;
	r->out->allocate_ms = clock_ms() - start_ms;
	return true;
}

static bool go_direct(struct run *r, uint64_t start_ms)
{
	struct user *u = &r->users[0];

	if (!allocate_first(r, start_ms) || !permit(r, u, &r->in->peer) ||
	    !relay_both_ways(r, 0))
		return false;
	client_bind(&u->client, CHANNEL_NUMBER_MIN, &r->in->peer, clock_ms());
	return finish(r, u, CLIENT_BOUND) &&
	       relay_both_ways(r, CHANNEL_NUMBER_MIN);
}

static bool go_hairpin(struct run *r, uint64_t start_ms)
{
	struct user *a = &r->users[0], *b = &r->users[1];

	return allocate_first(r, start_ms) && allocate(r, b) &&
	       permit(r, a, &b->relayed) && permit(r, b, &a->relayed) &&
	       relay_inside(r, 0) && relay_inside(r, 1);
}

/* Gives the allocation back, also where the trial has failed. */
static void leave(struct run *r, struct user *u)
{
	if (u->has_allocation) {
		client_refresh(&u->client, 0, clock_ms());
		r->deadline_ms = clock_ms() + AGAIN_MS;
		finish(r, u, CLIENT_REFRESHED);
	}
	client_fini(&u->client);
}

static void run(const struct trial *t, struct trial_result *out,
		bool (*go)(struct run *r, uint64_t start_ms))
{
	struct run r = { .in = t, .out = out };
	uint64_t start_ms = clock_ms();

	*out = (struct trial_result){ .ok = false };
	r.deadline_ms = start_ms +
			(t->patience_ms ? t->patience_ms : TRIAL_PATIENCE_MS);
	r.users[0].fd = t->client_fd;
	r.users[1].fd = t->other_fd;
	for (unsigned i = 0; i < 2; i++)
		client_init(&r.users[i].client, &t->client);
	out->ok = go(&r, start_ms);
	out->took_ms = clock_ms() - start_ms;
	for (unsigned i = 0; i < 2; i++)
		leave(&r, &r.users[i]);
	crypto_wipe(&r, sizeof(r));
}

void trial_run(const struct trial *t, struct trial_result *out)
{
	run(t, out, go_direct);
}

void trial_run_hairpin(const struct trial *t, struct trial_result *out)
{
	run(t, out, go_hairpin);
}
