#include "worker/inbox.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

int inbox_init(struct inbox *b)
{
	int err = ring_init(&b->ring, INBOX_DATAGRAMS,
			    sizeof(struct inbox_datagram));

	if (err)
		return err;
	b->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (b->event_fd < 0) {
		err = -errno;
		ring_fini(&b->ring);
	}
	return err;
}

void inbox_fini(struct inbox *b)
{
	if (!b->ring.cells)
		return;
	close(b->event_fd);
	ring_fini(&b->ring);
}

bool inbox_put(struct inbox *b, struct ref allocation, const struct addr *from,
	       uint8_t tos, struct bytes data)
{
	struct inbox_datagram *d;
	uint32_t ticket;

	if (data.len > sizeof(d->data))
		return false;
	d = ring_claim(&b->ring, &ticket);
	if (!d)
		return false;
	d->allocation = allocation;
	d->from = *from;
	d->tos = tos;
	d->bytes = (uint16_t)data.len;
	if (data.len)
		memcpy(d->data, data.data, data.len);
	ring_publish(&b->ring, ticket);
	return true;
}

void inbox_wake(struct inbox *b)
{
	const uint64_t one = 1;
	ssize_t n;

	/*
	 * The exchanges order this thread's puts before the owner's look: if
	 * the owner has not yet reset `woken`, it will see them when it does.
	 */
	if (atomic_exchange(&b->woken, true))
		return;
	n = write(b->event_fd, &one, sizeof(one));
	/* Only a counter at its end fails, and then the owner is awake. */
	(void)n;
}

void inbox_awake(struct inbox *b)
{
	/* The counter needs no reading: each write is an edge of its own. */
	atomic_exchange(&b->woken, false);
}

const struct inbox_datagram *inbox_peek(struct inbox *b, uint32_t ahead)
{
	return ring_peek_at(&b->ring, ahead);
}

void inbox_release(struct inbox *b)
{
	ring_release(&b->ring);
}
