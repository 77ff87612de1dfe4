/*
 * The relay sockets of one worker, by allocation.
 *
 * They sit in an epoll set of our own whose events carry the allocation's
 * index and generation, nothing of this process: the event loop sees that set
 * as one descriptor. The table is address space sized by the number of
 * allocations; a page costs memory when its first socket is opened.
 *
 * Readiness is told once (edge-triggered): a socket that relay_set_ready()
 * named is to be read until it is empty, or handed to relay_set_again().
 */
#ifndef TURNPIKE_NET_RELAY_SET_H
#define TURNPIKE_NET_RELAY_SET_H

#include "base/addr.h"
#include "base/pool.h"

struct relay_socket {
	int fd_plus_1;       /* 0: none */
	uint32_t generation; /* of the allocation */
	uint32_t drops;      /* udp_drops() when last looked */
};

struct relay_set {
	struct relay_socket *sockets; /* by allocation index */
	uint32_t capacity;
	uint32_t count;
	uint32_t touched; /* no socket was ever at or above */
	uint32_t look_at; /* where relay_set_look_drops() goes on */
	uint64_t drops;   /* datagrams lost at all sockets, as far as seen */
	int epoll_fd;
	int buffer_bytes;
	struct addr local; /* port 0 */
};

/*
 * An empty set for allocations with index below `capacity`, whose sockets
 * bind to the IP address `local` and ask for buffers as udp_open_relay().
 * Returns 0 or a negative errno.
 */
int relay_set_init(struct relay_set *s, uint32_t capacity,
		   const struct addr *local, int buffer_bytes);

/* Closes all sockets and the set. */
void relay_set_fini(struct relay_set *s);

/*
 * Opens the socket of an allocation that has none. Returns 0 or a negative
 * errno, -EADDRINUSE if somebody else has the port.
 */
int relay_set_open(struct relay_set *s, struct ref allocation, uint16_t port);

/*
 * Closes the allocation's socket, after a last look at its drops; nothing
 * happens if it has none.
 */
void relay_set_close(struct relay_set *s, struct ref allocation);

/* The allocation's socket, or NULL if it has none (any more). */
static inline struct relay_socket *relay_set_get(const struct relay_set *s,
						 struct ref allocation)
{
	struct relay_socket *socket;

	if (allocation.index >= s->capacity)
		return NULL;
	socket = &s->sockets[allocation.index];
	if (!socket->fd_plus_1 || socket->generation != allocation.generation)
		return NULL;
	return socket;
}

static inline int relay_socket_fd(const struct relay_socket *socket)
{
	return socket->fd_plus_1 - 1;
}

#define RELAY_SET_READY_MAX 64

/*
 * The allocations whose sockets have become readable, without waiting for
 * any. Returns how many; fewer than RELAY_SET_READY_MAX means that these are
 * all. One that is named may have been closed when the caller comes to it.
 */
unsigned relay_set_ready(struct relay_set *s,
			 struct ref ready[RELAY_SET_READY_MAX]);

/*
 * Looks at the drop counts of some of the sockets, the next ones each time,
 * and adds what is new to `drops`. To be called about once a second.
 */
void relay_set_look_drops(struct relay_set *s);

/* Names the allocation again if its socket still has something to read. */
void relay_set_again(struct relay_set *s, struct ref allocation);

#endif
