/*
 * Datagrams on their way in: one batch, filled from one or more sockets.
 *
 * A read takes everything that waits at a socket, as far as there is room, in
 * one system call. The kernel may hand over several datagrams of one sender
 * as one message (UDP_GRO); udp_in_next() takes them apart without copying.
 * What was read stays where it is until udp_in_clear(), so that a send batch
 * can refer to it.
 *
 * The slots are address space: a page costs memory when a datagram first lies
 * on it.
 */
#ifndef TURNPIKE_NET_UDP_IN_H
#define TURNPIKE_NET_UDP_IN_H

#include <sys/uio.h>

#include "net/sockaddr.h"
#include "turn/datagram.h"

/* Messages in a batch, and the largest: what the kernel coalesces at most. */
#define UDP_IN_MESSAGES 512
#define UDP_IN_MESSAGE_BYTES 65536

/* TOS and segment size, one int each at most. */
#define UDP_IN_CONTROL_BYTES (2 * CMSG_SPACE(sizeof(int)))

struct udp_in {
	unsigned used;   /* messages that hold something */
	uint8_t *heads;  /* of all messages, close together */
	uint8_t *bodies; /* room for whole messages, rarely used */
	struct mmsghdr headers[UDP_IN_MESSAGES];
	struct iovec vectors[UDP_IN_MESSAGES][2];
	union sockaddr_any sources[UDP_IN_MESSAGES];
	_Alignas(struct cmsghdr)
		uint8_t control[UDP_IN_MESSAGES][UDP_IN_CONTROL_BYTES];
};

/* One message that was read, being taken apart. */
struct udp_in_message {
	struct bytes rest;    /* what udp_in_next() has not given yet */
	size_t segment_bytes; /* of each datagram but the last */
	struct addr source;
	uint8_t tos;
	bool ended;
};

/* An empty batch. Returns 0 or -ENOMEM. */
int udp_in_init(struct udp_in *in);

/* Releases the memory; safe on a zeroed batch. */
void udp_in_fini(struct udp_in *in);

/* How many more messages the batch can hold. */
static inline unsigned udp_in_room(const struct udp_in *in)
{
	return UDP_IN_MESSAGES - in->used;
}

/*
 * Reads at most `most` (1 or more) and at most udp_in_room() messages from a
 * non-blocking socket, and adds them to the batch. Returns how many, 0 if
 * none waits; fewer than asked for means that the socket was empty. Returns a
 * negative errno for anything else that the socket reports (an ICMP error,
 * for instance); the error is then consumed and the socket as good as before.
 */
int udp_in_read(struct udp_in *in, int fd, unsigned most);

/* Begins to take apart the message `index` (less than `used`). */
void udp_in_open(const struct udp_in *in, unsigned index,
		 struct udp_in_message *m);

/*
 * The next datagram of a message; false if there are no more. A datagram may
 * be empty.
 */
static inline bool udp_in_next(struct udp_in_message *m, struct bytes *out)
{
	size_t len;

	if (m->ended)
		return false;
	len = m->rest.len < m->segment_bytes ? m->rest.len : m->segment_bytes;
	*out = bytes_of(m->rest.data, len);
	m->rest = bytes_of(m->rest.data + len, m->rest.len - len);
	m->ended = m->rest.len == 0;
	return true;
}

/* Forgets what was read; views of it are no longer valid. */
void udp_in_clear(struct udp_in *in);

#endif
