#include "net/relay_set.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "net/udp.h"

/* Sockets whose drop counts are read at a time. */
#define LOOK_SOCKETS 256

static size_t table_bytes(uint32_t capacity)
{
	return capacity * sizeof(struct relay_socket);
}

int relay_set_init(struct relay_set *s, uint32_t capacity,
		   const struct addr *local, int buffer_bytes)
{
	void *sockets;

	memset(s, 0, sizeof(*s));
	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll_fd < 0)
		return -errno;
	sockets = mmap(NULL, table_bytes(capacity), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (sockets == MAP_FAILED) {
		close(s->epoll_fd);
		return -ENOMEM;
	}
	s->sockets = sockets;
	s->capacity = capacity;
	s->buffer_bytes = buffer_bytes;
	s->local = *local;
	return 0;
}

void relay_set_fini(struct relay_set *s)
{
	/* Looked for only as far as there are any: no page is read in vain. */
	for (uint32_t i = 0; s->count > 0; i++) {
		if (!s->sockets[i].fd_plus_1)
			continue;
		close(relay_socket_fd(&s->sockets[i]));
		s->count--;
	}
	munmap(s->sockets, table_bytes(s->capacity));
	close(s->epoll_fd);
}

static struct epoll_event event_of(struct ref allocation)
{
	return (struct epoll_event){
		.events = EPOLLIN | EPOLLET,
		.data.u64 = (uint64_t)allocation.generation << 32 |
			    allocation.index,
	};
}

int relay_set_open(struct relay_set *s, struct ref allocation, uint16_t port)
{
	struct addr local = addr_with_port(&s->local, port);
	struct epoll_event event = event_of(allocation);
	struct relay_socket *socket = &s->sockets[allocation.index];
	int err, fd;

	assert(allocation.index < s->capacity && !socket->fd_plus_1);

	fd = udp_open_relay(&local, s->buffer_bytes);
	if (fd < 0)
		return fd;
	if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &event)) {
		err = -errno;
		close(fd);
		return err;
	}
	*socket = (struct relay_socket){
		.fd_plus_1 = fd + 1,
		.generation = allocation.generation,
	};
	s->count++;
	if (s->touched <= allocation.index)
		s->touched = allocation.index + 1;
	return 0;
}

static void look_drops(struct relay_set *s, struct relay_socket *socket)
{
	uint32_t drops = udp_drops(relay_socket_fd(socket));

	s->drops += drops - socket->drops;
	socket->drops = drops;
}

void relay_set_look_drops(struct relay_set *s)
{
	for (uint32_t i = 0; i < LOOK_SOCKETS && i < s->touched; i++) {
		struct relay_socket *socket;

		s->look_at = s->look_at + 1 < s->touched ? s->look_at + 1 : 0;
		socket = &s->sockets[s->look_at];
		if (socket->fd_plus_1)
			look_drops(s, socket);
	}
}

void relay_set_close(struct relay_set *s, struct ref allocation)
{
	struct relay_socket *socket = relay_set_get(s, allocation);

	if (!socket)
		return;
	look_drops(s, socket);
	/* The last descriptor of the socket: this takes it out of the set. */
	close(relay_socket_fd(socket));
	socket->fd_plus_1 = 0;
	s->count--;
}

unsigned relay_set_ready(struct relay_set *s,
			 struct ref ready[RELAY_SET_READY_MAX])
{
	struct epoll_event events[RELAY_SET_READY_MAX];
	int n = epoll_wait(s->epoll_fd, events, RELAY_SET_READY_MAX, 0);

	if (n < 0)
		return 0;
	for (int i = 0; i < n; i++) {
		ready[i].index = (uint32_t)events[i].data.u64;
		ready[i].generation = (uint32_t)(events[i].data.u64 >> 32);
	}
	return (unsigned)n;
}

void relay_set_again(struct relay_set *s, struct ref allocation)
{
	struct relay_socket *socket = relay_set_get(s, allocation);
	struct epoll_event event = event_of(allocation);

	/* Setting an event anew asks the socket anew. */
	if (socket)
		epoll_ctl(s->epoll_fd, EPOLL_CTL_MOD, relay_socket_fd(socket),
			  &event);
}
