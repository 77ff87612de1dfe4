#include "discovery/stun_ask.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "net/sockaddr.h"
#include "stun/builder.h"
#include "stun/message.h"

/* Doubled with each retransmission: sent at 0, 300, 900 and 2100 ms. */
#define FIRST_WAIT_MS 300
/* Longer ones are not the answer to so short a question. */
#define DATAGRAM_BYTES 1500

struct question {
	int fd; /* connected, so that nobody else is heard */
	uint8_t transaction_id[STUN_TRANSACTION_ID_BYTES];
	uint8_t request[STUN_ASK_BYTES];
	size_t len;
};

size_t stun_ask_build(const uint8_t transaction_id[STUN_TRANSACTION_ID_BYTES],
		      uint8_t out[STUN_ASK_BYTES])
{
	struct stun_builder b;

	stun_begin(&b, out, STUN_ASK_BYTES, STUN_REQUEST, STUN_BINDING,
		   transaction_id);
	stun_add_fingerprint(&b);
	return stun_finish(&b);
}

bool stun_ask_parse(struct bytes datagram,
		    const uint8_t transaction_id[STUN_TRANSACTION_ID_BYTES],
		    struct addr *out)
{
	const struct stun_attr *attr;
	struct stun_message m;
	struct addr mapped;

	if (stun_parse(datagram, &m) != STUN_OK || m.class != STUN_SUCCESS ||
	    m.method != STUN_BINDING || m.unknown_count > 0 ||
	    memcmp(m.transaction_id, transaction_id,
		   STUN_TRANSACTION_ID_BYTES) != 0)
		return false;
	attr = stun_find(&m, STUN_ATTR_XOR_MAPPED_ADDRESS);
	if (!attr || !stun_get_xor_addr(&m, attr, &mapped) ||
	    mapped.family != ADDR_IPV4)
		return false;
	*out = mapped;
	return true;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int open_socket(const struct addr *server, const struct addr *from)
{
	const struct addr any_port = addr_with_port(from, 0);
	union sockaddr_any local, remote;
	socklen_t local_len = sockaddr_from_addr(&any_port, &local);
	socklen_t remote_len = sockaddr_from_addr(server, &remote);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error;

	if (fd < 0)
		return -errno;
	if (bind(fd, &local.any, local_len) == 0 &&
	    connect(fd, &remote.any, remote_len) == 0)
		return fd;
	error = -errno;
	close(fd);
	return error;
}

/* Whether one of the datagrams that wait is the answer. */
static bool read_answer(const struct question *q, struct addr *out)
{
	uint8_t datagram[DATAGRAM_BYTES];
	ssize_t len;

	/* An ICMP error is an answer of nobody: on to the next datagram. */
	while ((len = recv(q->fd, datagram, sizeof(datagram), 0)) >= 0 ||
	       errno == ECONNREFUSED || errno == EHOSTUNREACH)
		if (len > 0 && stun_ask_parse(bytes_of(datagram, (size_t)len),
					      q->transaction_id, out))
			return true;
	return false;
}

/* Waits until then for the answer. */
static bool await_answer(const struct question *q, int64_t until_ms,
			 struct addr *out)
{
	struct pollfd p = { .fd = q->fd, .events = POLLIN };

	for (;;) {
		int64_t left_ms = until_ms - now_ms();

		if (left_ms <= 0)
			return false;
		if (poll(&p, 1, (int)left_ms) > 0 && read_answer(q, out))
			return true;
	}
}

/* What the network refuses may go through the next time; the rest not. */
static int send_request(const struct question *q)
{
	if (send(q->fd, q->request, q->len, 0) >= 0 || errno == ECONNREFUSED ||
	    errno == EHOSTUNREACH || errno == ENOBUFS || errno == EAGAIN)
		return 0;
	return -errno;
}

static int converse(const struct question *q, struct addr *out)
{
	int64_t due_ms = now_ms(), end_ms = due_ms + STUN_ASK_MS;
	int64_t wait_ms = FIRST_WAIT_MS;

	while (due_ms < end_ms) {
		int error = send_request(q);

		if (error)
			return error;
		due_ms += wait_ms;
		wait_ms *= 2;
		if (await_answer(q, due_ms < end_ms ? due_ms : end_ms, out))
			return 0;
	}
	return -ETIMEDOUT;
}

int stun_ask(const struct addr *server, const struct addr *from,
	     struct addr *out)
{
	struct question q;
	int error;

	if (getrandom(q.transaction_id, sizeof(q.transaction_id), 0) !=
	    (ssize_t)sizeof(q.transaction_id))
		return -EIO;
	q.len = stun_ask_build(q.transaction_id, q.request);
	q.fd = open_socket(server, from);
	if (q.fd < 0)
		return q.fd;
	error = converse(&q, out);
	close(q.fd);
	return error;
}
