#include "net/udp_in.h"

#include <assert.h>
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sys/mman.h>

/*
 * The first bytes of a message, as many as most datagrams have, go to its
 * head: heads are close together, so that a batch of ordinary datagrams
 * touches little memory. What does not fit goes to the body, behind room for
 * the head, which is copied there when the message is looked at. An odd number
 * of cache lines spreads the heads over all sets of the caches.
 */
#define HEAD_BYTES (25 * 64)
#define BODY_BYTES (UDP_IN_MESSAGE_BYTES + 64)
#define MAPPED_BYTES ((size_t)(HEAD_BYTES + BODY_BYTES) * UDP_IN_MESSAGES)

static uint8_t *head_of(const struct udp_in *in, unsigned index)
{
	return in->heads + (size_t)index * HEAD_BYTES;
}

static uint8_t *body_of(const struct udp_in *in, unsigned index)
{
	return in->bodies + (size_t)index * BODY_BYTES;
}

int udp_in_init(struct udp_in *in)
{
	void *mapped;

	memset(in, 0, sizeof(*in));
	mapped = mmap(NULL, MAPPED_BYTES, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mapped == MAP_FAILED)
		return -ENOMEM;
	in->heads = mapped;
	in->bodies = in->heads + (size_t)HEAD_BYTES * UDP_IN_MESSAGES;
	for (unsigned i = 0; i < UDP_IN_MESSAGES; i++) {
		struct msghdr *h = &in->headers[i].msg_hdr;

		in->vectors[i][0] = (struct iovec){
			.iov_base = head_of(in, i),
			.iov_len = HEAD_BYTES,
		};
		in->vectors[i][1] = (struct iovec){
			.iov_base = body_of(in, i) + HEAD_BYTES,
			.iov_len = UDP_IN_MESSAGE_BYTES - HEAD_BYTES,
		};
		h->msg_iov = in->vectors[i];
		h->msg_iovlen = 2;
		h->msg_name = &in->sources[i];
		h->msg_control = in->control[i];
	}
	in->used = UDP_IN_MESSAGES;
	udp_in_clear(in);
	return 0;
}

void udp_in_fini(struct udp_in *in)
{
	if (in->heads)
		munmap(in->heads, MAPPED_BYTES);
	in->heads = NULL;
}

int udp_in_read(struct udp_in *in, int fd, unsigned most)
{
	unsigned room = udp_in_room(in);
	int n;

	assert(most > 0 && room > 0);

	if (most > room)
		most = room;
	n = recvmmsg(fd, &in->headers[in->used], most, 0, NULL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	in->used += (unsigned)n;
	return n;
}

static uint32_t control_u32(const struct cmsghdr *c)
{
	uint32_t value = 0;
	size_t len = c->cmsg_len - CMSG_LEN(0);

	memcpy(&value, CMSG_DATA(c), len < sizeof(value) ? len : sizeof(value));
	return value;
}

static void read_control(const struct msghdr *h, struct udp_in_message *m)
{
	struct msghdr *header = (struct msghdr *)(uintptr_t)h;
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS)
			m->tos = *CMSG_DATA(c);
		else if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO)
			m->segment_bytes = control_u32(c);
	}
}

void udp_in_open(const struct udp_in *in, unsigned index,
		 struct udp_in_message *m)
{
	const struct mmsghdr *h = &in->headers[index];

	assert(index < in->used);

	m->rest = bytes_of(head_of(in, index), h->msg_len);
	if (h->msg_len > HEAD_BYTES) {
		memcpy(body_of(in, index), m->rest.data, HEAD_BYTES);
		m->rest.data = body_of(in, index);
	}
	m->segment_bytes = 0;
	m->tos = 0;
	read_control(&h->msg_hdr, m);
	if (m->segment_bytes == 0)
		m->segment_bytes = m->rest.len;
	/* A datagram that is cut, or comes from nowhere, is worth nothing. */
	m->ended = !sockaddr_to_addr(&in->sources[index],
				     h->msg_hdr.msg_namelen, &m->source) ||
		   h->msg_hdr.msg_flags & MSG_TRUNC;
}

void udp_in_clear(struct udp_in *in)
{
	/* The kernel has changed the lengths of what it filled, no others. */
	for (unsigned i = 0; i < in->used; i++) {
		struct msghdr *h = &in->headers[i].msg_hdr;

		h->msg_namelen = sizeof(in->sources[i]);
		h->msg_controllen = sizeof(in->control[i]);
	}
	in->used = 0;
}
